/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * received_shapes_test: shapes of the header that administrators have reported
 * in public, of servers and services, one after the other, with names and
 * addresses of ours.  What is declined is so on purpose: the row says why.
 */
#include "received/received.h"

#include "t/lib/received_check.h"
#include "t/lib/runner.h"

#define BY	" by mx.example.com "

static const struct received_row	 shapes[] = {
	/* Services that send for many */
	ROW("SES", "from a9-1.smtp-out.example (a9-1.smtp-out.example. "
	    "[192.0.2.1]) by mx.google.com with ESMTPS id d75a77b69052e-1si1.34"
	    ".2026.01.05.10.00.00 for <b@example.com> (version=TLS1_3 "
	    "cipher=TLS_AES_128_GCM_SHA256 bits=128/128)" DATE,
	    "192.0.2.1", "a9-1.smtp-out.example", "a9-1.smtp-out.example"),
	NONE("SES's API: nobody connected", "from aws-ses by email.example "
	    "with HTTP (SES) id 0100018d" DATE, NO_ADDRESS),
	NONE("SendGrid, inside: a name alone", "by recvd-5f6-1 with SMTP id "
	    "recvd-5f6-1-1-65A00000-5 2026-01-05 10:00:00.1 +0000 UTC",
	    NO_FROM),
	NONE("SendGrid's API: by no host that connected", "from NTg5 (unknown) "
	    "by geopod-ismtpd-1 (SG) with HTTP id x_1 Mon, 05 Jan 2026 "
	    "10:00:00.123 +0000 (UTC)", NO_ADDRESS),
	ROW("SendGrid, SMTP", "from h.example (r.example [192.0.2.1]) by "
	    "geopod-ismtpd-2-0 (SG) with ESMTP id Z_1 for <b@example.com>; "
	    "Mon, 05 Jan 2026 10:00:00.123 +0000 (UTC)",
	    "192.0.2.1", "r.example", "h.example"),
	ROW("Mimecast", "from h.example (r.example [192.0.2.1]) by "
	    "relay.mimecast.example with ESMTP with STARTTLS (version=TLSv1.3, "
	    "cipher=TLS_AES_256_GCM_SHA384) id us-mta-1-AbC-1; Mon, 05 Jan 2026"
	    " 05:00:00 -0500", "192.0.2.1", "r.example", "h.example"),
	ROW("Mimecast, using", "from h.example (r.example [192.0.2.1]) (Using "
	    "TLS) by relay.mimecast.example with ESMTP id uk-mta-1" DATE,
	    "192.0.2.1", "r.example", "h.example"),
	ROW("Proofpoint", "from h.example (r.example [192.0.2.1]) by "
	    "mx0a-1.pphosted.example (PPS) with ESMTPS id 3vf1 (version=TLSv1.2"
	    " cipher=ECDHE-RSA-AES256-GCM-SHA384 bits=256 verify=NOT) for "
	    "<b@example.com>" DATE, "192.0.2.1", "r.example", "h.example"),
	NONE("Proofpoint's filter: no socket's other end", "from pps.filterd "
	    "(m0246617.ppops.example [127.0.0.1.2]) by m0246617.ppops.example "
	    "(8.17.1.19/8.17.1.19) with ESMTP id 405A" DATE, NO_ADDRESS),
	ROW("Proofpoint's filter", "from pps.filterd (mx0a.example [127.0.0.1])"
	    " by mx0a.example (8.17.1.24/8.17.1.24) with ESMTP id 405A" DATE,
	    "127.0.0.1", "mx0a.example", "pps.filterd"),
	ROW("Barracuda", "from h.example (r.example [192.0.2.1]) by "
	    "barracuda.example with ESMTP id AbCdEf1 (version=TLSv1.2 "
	    "cipher=X bits=256 verify=NO)" DATE,
	    "192.0.2.1", "r.example", "h.example"),
	ROW("Barracuda, spool", "from h.example ([192.0.2.1]) by "
	    "barracuda.example (Spam & Virus Firewall) with ESMTP id 1A2B for "
	    "<b@example.com>" DATE, "192.0.2.1", "", "h.example"),
	NONE("Yahoo, relay: the name of a service stands for it", "from "
	    "sonic.gate.mail.example by sonic308.consmr.mail.example with "
	    "HTTP" DATE, NO_ADDRESS),
	NONE("Yahoo, hermes: no client is named",
	    "by hermes--production-1 (Yahoo Inc. Hermes SMTP "
	    "Server) with ESMTPA ID 1" DATE, NO_FROM),
	NONE("Yahoo, NNFMP: HELO stands there elsewhere",
	    "from [192.0.2.1] by nm1.bullet.mail.example with "
	    "NNFMP" DATE, NO_ADDRESS),
	NONE("Yahoo, unknown twice: nobody is named", "from unknown (HELO "
	    "localhost) (unknown) by smtp.mail.example with SMTP" DATE,
	    NO_ADDRESS),
	ROW("Outlook, submission", "from A.eur01.prod.outlook.example "
	    "(2001:db8:10a6::1) by B.eur01.prod.outlook.example "
	    "(2603:10a6:1::2) with Microsoft SMTP Server (version=TLS1_2, "
	    "cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.20.7159.9"
	    DATE, "2001:db8:10a6::1", "", "A.eur01.prod.outlook.example"),
	ROW("Outlook, frontend", "from A.mail.protection.outlook.example "
	    "(2001:db8::1) by B.outlook.example (2603:10a6:1::2) with "
	    "Microsoft SMTP Server (version=TLS1_3, cipher=X) id 15.20.7159.9 "
	    "via Frontend Transport" DATE, "2001:db8::1", "",
	    "A.mail.protection.outlook.example"),
	ROW("Outlook, mapi", "from A.prod.outlook.example ([2001:db8::1]) by "
	    "A.prod.outlook.example ([fe80::1:2:3:4%7]) with mapi id "
	    "15.20.7159.013" DATE, "2001:db8::1", "", "A.prod.outlook.example"),
	ROW("Exchange, SMTPSVC", "from h.example ([192.0.2.1]) by "
	    "ex.corp.example over TLS secured channel with Microsoft "
	    "SMTPSVC(8.5.9600.16384)" DATE, "192.0.2.1", "", "h.example"),
	ROW("Exchange 2003, DAV", "from h.example ([192.0.2.1]) by "
	    "ex.corp.example with Microsoft SMTPSVC(6.0.3790.3959)" DATE,
	    "192.0.2.1", "", "h.example"),
	NONE("Exchange 2000, DAV: no client", "from mail pickup service by "
	    "h.example with Microsoft SMTPSVC; Mon, 5 Jan 2026 10:00:00 +0000",
	    NO_ADDRESS),
	NONE("Hotmail, DAV: no brackets, as HELO has none",
	    "from 192.0.2.1 by by1fd.bay1.hotmail.example with "
	    "DAV" DATE, NO_ADDRESS),
	NONE("Gmail, API: nobody connected",
	    "from 407408718192 named unknown by "
	    "gmailapi.google.example with HTTPREST" DATE, NO_ADDRESS),
	NONE("Gmail, inside: its own hosts", "by 2002:a05:7022:6ba0:b0:73:1 "
	    "with SMTP id 3csp1dlb; Mon, 5 Jan 2026 02:00:00 -0800 (PST)",
	    NO_FROM),
	NONE("Gmail, X-Received", "by 2002:a17:906:1 with SMTP id a6mr1ejc."
	    "12.1704448800000; Mon, 05 Jan 2026 02:00:00 -0800 (PST)", NO_FROM),
	ROW("Gmail, HELO literal", "from [192.168.1.2] "
	    "(c-1.hsd1.example.net. [192.0.2.1]) by smtp.gmail.example with "
	    "ESMTPSA id a1sm1 for <b@example.com> (version=TLS1 "
	    "cipher=X bits=128/128)" DATE,
	    "192.0.2.1", "c-1.hsd1.example.net", "[192.168.1.2]"),
	NONE("Apple: no address", "from st43p00im.me.example "
	    "(st43p00im.me.example) by ms11.me.example (Oracle Communications "
	    "Messaging Server 8.0) id <0Q1> for b@example.com" DATE,
	    NO_ADDRESS),

	/* Servers */
	ROW("Oracle", "from h.example (r.example [192.0.2.1])" BY "(Oracle "
	    "Communications Messaging Server 8.1.0) with ESMTPS id "
	    "<0R1@mx.example.com> for b@example.com (ORCPT b@example.com)" DATE,
	    "192.0.2.1", "r.example", "h.example"),
	ROW("iPlanet", "from h (r.example [192.0.2.1])" BY "(iPlanet Messaging "
	    "Server 5.2 HotFix 2.14 (built Aug 8 2006)) with ESMTP id <0JAA>"
	    DATE, "192.0.2.1", "r.example", "h"),
	ROW("PMDF", "from h.example ([192.0.2.1])" BY "(PMDF V6.5 #40000) with "
	    "ESMTP id <01KAA@mx.example.com> (ORIGINAL FROM <a@h>)" DATE,
	    "192.0.2.1", "", "h.example"),
	ROW("Domino, literal in the by-clause", "from h ([192.0.2.1])" BY
	    "(IBM Domino Release 9.0.1FP10) with ESMTP id 2026010510000000-1 ; "
	    "Mon, 5 Jan 2026 10:00:00 +0100", "192.0.2.1", "", "h"),
	NONE("Notes: its own protocol", "by mx.example.com (Lotus Domino "
	    "Release 6.5) ; 5 Jan 2026 10:00:00 -0000", NO_FROM),
	ROW("GroupWise", "from h (r.example [192.0.2.1])" BY "with Novell_"
	    "GroupWise" DATE, "192.0.2.1", "r.example", "h"),
	NONE("GroupWise, its agent: no address", "from DOM-MTA by "
	    "gw.example.com with Novell_GroupWise" DATE, NO_ADDRESS),
	ROW("Kerio", "from h.example ([192.0.2.1]) (authenticated user "
	    "u@example.com)" BY "(Kerio Connect 9.4.1) with ESMTPSA (using "
	    "TLSv1.3 with cipher X (256 bits))" DATE,
	    "192.0.2.1", "", "h.example"),
	ROW("MDaemon", "from h.example (r.example [192.0.2.1])" BY "(MDaemon "
	    "PRO v20.0.3) with ESMTPS id md5001.msg for <b@example.com>" DATE,
	    "192.0.2.1", "r.example", "h.example"),
	ROW("MDaemon, address alone", "from h.example ([192.0.2.1])" BY "("
	    "Cipher TLSv1.2:X) (MDaemon 13) with ESMTP id 1.msg" DATE,
	    "192.0.2.1", "", "h.example"),
	ROW("IceWarp", "from h.example ([192.0.2.1])" BY "(IceWarp 13.0.1 "
	    "x64) with ASMTP (SSL) id 202601051000001234" DATE,
	    "192.0.2.1", "", "h.example"),
	ROW("Merak", "from h.example ([192.0.2.1])" BY "(Merak 8.9.1) with SMTP"
	    " id GKA1" DATE, "192.0.2.1", "", "h.example"),
	ROW("Zimbra's proxy", "from localhost (localhost [127.0.0.1])" BY
	    "(Postfix) with ESMTP id 1; Mon, 5 Jan 2026 10:00:00 +0100 (CET)",
	    "127.0.0.1", "localhost", "localhost"),
	ROW("Zimbra, LMTP", "from mbox.example.com (LHLO mbox.example.com) "
	    "(192.0.2.1)" BY "with LMTP; Mon, 5 Jan 2026 10:00:00 +0100 (CET)",
	    "192.0.2.1", "mbox.example.com", "mbox.example.com"),
	ROW("hMailServer", "from h.example (r.example [192.0.2.1])" BY "with "
	    "ESMTPSA (version=TLSv1.2 cipher=X bits=256)" DATE,
	    "192.0.2.1", "r.example", "h.example"),
	ROW("SmarterMail", "from h.example (r.example [192.0.2.1])" BY "with "
	    "SMTP (version=TLS\\Tls12 cipher=Aes256 bits=256)" DATE,
	    "192.0.2.1", "r.example", "h.example"),
	ROW("Surgemail", "from h.example (unverified [192.0.2.1])" BY
	    "(SurgeMail 6.0a4) with ESMTP (TLS) id 1-1 for multiple" DATE,
	    "192.0.2.1", "", "h.example"),
	ROW("VPOP3", "from h.example ([192.0.2.1])" BY "with ESMTP (VPOP3 6)"
	    DATE, "192.0.2.1", "", "h.example"),
	NONE("Mercury, its queue: no client",
	    "from spooler by mx.example.com (Mercury/32 v4.80)" DATE,
	    NO_ADDRESS),
	ROW("Mercury, SMTP", "from h.example (192.0.2.1)" BY "(Mercury/32 "
	    "v4.80) with ESMTP ID MG000001" DATE,
	    "192.0.2.1", "", "h.example"),
	ROW("Argosoft", "from h [192.0.2.1]" BY "with ESMTP (ArGoSoft Mail "
	    "Server .NET v.1.0.8.4)" DATE, "192.0.2.1", "", "h"),
	ROW("Rockliffe", "from h.example (unverified [192.0.2.1])" BY
	    "(Rockliffe SMTPRA 9.3.1) with ESMTP id <B1@mx.example.com>" DATE,
	    "192.0.2.1", "", "h.example"),
	ROW("NTMail", "from h.example (192.0.2.1)" BY "(NTMail 7.02.3037/NU1) "
	    "with ESMTP id kwj" DATE, "192.0.2.1", "", "h.example"),
	ROW("Post.Office", "from h.example ([192.0.2.1])" BY "(Post.Office MTA "
	    "v3.5.3 release 223 ID# 0-1) with ESMTP id com" DATE,
	    "192.0.2.1", "", "h.example"),
	ROW("InterMail", "from h.example ([192.0.2.1])" BY "(InterMail vM.8."
	    "01.05.28 201-2260-151-171) with ESMTP id <2026@h>" DATE,
	    "192.0.2.1", "", "h.example"),
	ROW("Openwave, a blank", "from h ( [192.0.2.1])" BY "(Openwave) id 1"
	    DATE, "192.0.2.1", "", "h"),
	ROW("Momentum", "from [192.0.2.1] ([192.0.2.1:38612] helo=h.example)"
	    BY "(envelope-from <a@example.net>) (ecelerity 4.2.1 r(Core:4)) "
	    "with ESMTP id A0/1-1-1" DATE, "192.0.2.1", "", "h.example"),
	ROW("Momentum, name", "from r.example ([192.0.2.1]:38612 "
	    "helo=h.example)" BY "(envelope-from <a@example.net>) (ecelerity "
	    "4.2) with ESMTP id A0" DATE,
	    "192.0.2.1", "r.example", "h.example"),
	ROW("PowerMTA", "from h.example (192.0.2.1)" BY "(PowerMTA(TM) v4.5r11)"
	    " id h1a2b3 for <b@example.com> (envelope-from <a@example.net>)"
	    DATE, "192.0.2.1", "", "h.example"),
	NONE("PowerMTA, pickup: no client", "by mx.example.com (PowerMTA v5.0) "
	    "id h1a2 for <b@example.com>" DATE, NO_FROM),
	ROW("Halon", "from h.example (r.example [192.0.2.1])" BY "(Halon) with "
	    "ESMTPS (TLSv1.3:X:256) id 0b1-1" DATE,
	    "192.0.2.1", "r.example", "h.example"),
	ROW("Haraka, no name", "from h.example (NXDOMAIN [192.0.2.1])" BY
	    "(Haraka/3.0.2) with ESMTP id A1.1 envelope-from <a@example.net>"
	    DATE, "192.0.2.1", "NXDOMAIN", "h.example"),
	ROW("OpenSMTPD", "from h.example (r.example [192.0.2.1])" BY
	    "(OpenSMTPD) with ESMTPS id 1a (TLSv1.3:AEAD-AES256-GCM:256:NO) for"
	    " <b@example.com>" DATE, "192.0.2.1", "r.example", "h.example"),
	NONE("OpenSMTPD, local: a user", "from localhost (mx.example.com "
	    "[local])" BY "(OpenSMTPD) with ESMTPA id 1" DATE, NO_ADDRESS),
	ROW("ZoneMTA",
	    "from [127.0.0.1] (r.example [192.0.2.1]) (Authenticated "
	    "sender: u)" BY "(ZoneMTA) with ESMTPSA id 1.001" DATE,
	    "192.0.2.1", "r.example", "[127.0.0.1]"),
	ROW("Maddy", "from h.example (r.example [192.0.2.1])" BY
	    "(envelope-sender <a@example.net>) with ESMTP id 1a" DATE,
	    "192.0.2.1", "r.example", "h.example"),
	ROW("Stalwart", "from h.example (r.example [192.0.2.1]) (using TLSv1_3 "
	    "with cipher TLS13_AES_256_GCM_SHA384)" BY "(Stalwart SMTP) with "
	    "ESMTPS id 2F0" DATE, "192.0.2.1", "r.example", "h.example"),
	ROW("James",
	    "from 192.0.2.1 (EHLO h.example) ([192.0.2.1])" BY "(JAMES "
	    "SMTP Server ) with ESMTPS ID 1 for <b@example.com>" DATE,
	    "192.0.2.1", "", "h.example"),
	ROW("Courier, IDENT", "from h.example (r.example [::ffff:192.0.2.1]) "
	    "(IDENT: u, AUTH: LOGIN x, TLS: TLSv1/SSLv3,256bits,AES256-SHA)" BY
	    "with esmtp; Mon, 05 Jan 2026 10:00:00 +0000",
	    "192.0.2.1", "r.example", "h.example"),
	ROW("Courier, local", "from localhost (localhost [127.0.0.1]) (uid "
	    "1000)" BY "with local", "127.0.0.1", "localhost", "localhost"),
	ROW("netqmail, TLS", "from r.example (HELO h.example) (192.0.2.1)" BY
	    "with (DHE-RSA-AES256-GCM-SHA384 encrypted) SMTP" DATE,
	    "192.0.2.1", "r.example", "h.example"),
	ROW("qmail, SMTP AUTH", "from unknown (HELO h.example) "
	    "(u@example.com@192.0.2.1)" BY "with ESMTPA; 5 Jan 2026 10:00:00 "
	    "-0000", "192.0.2.1", "", "h.example"),
	NONE("ezmlm: the list", "(qmail 7 invoked by alias); 5 Jan 2026 "
	    "10:00:00 -0000", NO_FROM),
	NONE("qmail-scanner: a program of the host's", "from unknown by "
	    "mx.example.com (envelope-from <a@example.net>, uid 89) with "
	    "qmail-scanner-1.25" DATE, NO_ADDRESS),
	NONE("qmail-scanner, its client's address is not in a comment", "from "
	    "192.0.2.1 by mx.example.com (envelope-from <a@example.net>, uid "
	    "64011) with qmail-scanner-2.08" DATE, NO_ADDRESS),
	ROW("simscan",
	    "from unknown (HELO h) (192.0.2.1) by 0 with SMTP; 5 Jan "
	    "2026 10:00:00 -0000", "192.0.2.1", "", "h"),
	NONE("Exim, blanks in HELO: what is HELO's end",
	    "from r.example ([192.0.2.1] helo=h i)"
	    EXIM, AMBIGUOUS),
	ROW("Exim, TLS in a comment", "from r.example ([192.0.2.1] helo=h)" BY
	    "with esmtpsa (TLS1.3:ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_"
	    "GCM:256) (Exim 4.92) (envelope-from <a@example.net>) id 1iA-0-1"
	    DATE, "192.0.2.1", "r.example", "h"),
	ROW("Exim, PROXY", "from r.example ([192.0.2.1] helo=h) by mx.example."
	    "com with esmtps (TLS1.2) tls X (Exim 4.98) (envelope-from "
	    "<a@example.net>) id 1-2 for b@example.com; Mon, 05 Jan 2026 "
	    "10:00:00 +0000", "192.0.2.1", "r.example", "h"),
	NONE("Exim, local: a user",
	    "from www-data by mx.example.com with local "
	    "(Exim 4.96) (envelope-from <a@example.com>) id 1-2" DATE,
	    NO_ADDRESS),
	ROW("Sendmail, forged, IPv6", "from h (r.example [IPv6:2001:db8::1] "
	    "(may be forged))" SENDMAIL, "2001:db8::1", "", "h"),
	ROW("Sendmail, certificate", "from h (r.example [192.0.2.1])" BY
	    "(8.17.1/8.17.1) with ESMTPS id 4051 (version=TLSv1.3 cipher=X "
	    "bits=256 verify=OK)" DATE, "192.0.2.1", "r.example", "h"),
	ROW("Sendmail, hidden versions", "from h (r.example [192.0.2.1])" BY
	    "with ESMTP id 405A" DATE, "192.0.2.1", "r.example", "h"),
	NONE("Sendmail, submit: a user", "(from u@localhost) by mx.example.com "
	    "(8.17.1/8.17.1/Submit) id 405A" DATE, NO_FROM),
	ROW("MIMEDefang", "from h.example (r.example [192.0.2.1])" BY
	    "(envelope-sender <a@example.net>) (MIMEDefang) with ESMTP id 405A"
	    DATE, "192.0.2.1", "r.example", "h.example"),
	ROW("amavis", "from mx.example.com ([127.0.0.1])" BY "(mx.example.com "
	    "[127.0.0.1]) (amavis, port 10024) with ESMTP id A1-2" DATE,
	    "127.0.0.1", "", "mx.example.com"),
	NONE("Mailman: a program of the host's", "from mail.python.example "
	    "(localhost)" BY "(Postfix) with ESMTP id 1" DATE, NO_ADDRESS),
	ROW("Mailman, by SMTP", "from lists.example (localhost [IPv6:::1])" BY
	    "(Postfix) with ESMTP id 1" DATE, "::1", "localhost",
	    "lists.example"),
	ROW("Lyris", "from h ([192.0.2.1])" BY "(Lyris ListManager "
	    "WIN32-5.0.78) with SMTP" DATE, "192.0.2.1", "", "h"),
	ROW("IronPort, TLS", "from r.example (HELO h.example) ([192.0.2.1])" BY
	    "with ESMTP/TLS/TLS_AES_256_GCM_SHA384; 05 Jan 2026 10:00:00 +0000",
	    "192.0.2.1", "r.example", "h.example"),
	ROW("IronPort, local", "from unknown (HELO h) ([10.1.2.3]) by esa1."
	    "example.com with ESMTP; 05 Jan 2026 10:00:00 +0000",
	    "10.1.2.3", "", "h"),
	ROW("Fortinet", "from h.example (r.example [192.0.2.1])" BY "with "
	    "ESMTP id 405A-405A" DATE, "192.0.2.1", "r.example", "h.example"),
	ROW("Sophos", "from r.example ([192.0.2.1]:4321 helo=h.example)" BY
	    "with esmtps (TLS1.2:X:256) (Exim 4.82_1-5b7a7c0-XX) (envelope-from"
	    " <a@example.net>) id 1-2" DATE,
	    "192.0.2.1", "r.example", "h.example"),
	NONE("MailMarshal: glued, as a reverse name could be",
	    "from h.example (Not Verified[192.0.2.1])" BY "with "
	    "MailMarshal (v10,0,1) (using TLS: X) id <B5>" DATE, NO_ADDRESS),
	NONE("Symantec: Dovecot writes HELO so",
	    "from [192.0.2.1] (using TLSv1.2 with cipher X "
	    "(256 bits)) by server-1.tower.example id 00/AA-1-1" DATE,
	    NO_ADDRESS),
	ROW("MessageLabs", "from r.example (HELO h) (192.0.2.1)" BY "with "
	    "DHE-RSA-AES256-SHA encrypted SMTP; 5 Jan 2026 10:00:00 -0000",
	    "192.0.2.1", "r.example", "h"),
	ROW("Google Groups", "from h (r.example. [192.0.2.1]) by gmr-mx.google."
	    "example with ESMTPS id a1si1.0 for <b@example.com>" DATE,
	    "192.0.2.1", "r.example", "h"),
	NONE("X.400: no host", "from mta.example by gw.example with X400 "
	    "(Received: 5 Jan 2026)" DATE, NO_ADDRESS),
	NONE("X.400, its own words: no header of SMTP's", "by mta in "
	    "/PRMD=x/ADMD=y/C=GB/; converted (ia5); Relayed; Mon, 5 Jan 2026 "
	    "10:00:00 +0000", NO_FROM),
	NONE("UUCP: a name", "from site by mx.example.com with UUCP (8.9.3) id "
	    "1" DATE, NO_ADDRESS),
	NONE("getmail: it says no address",
	    "from pop.example.net by localhost with POP3 getmail6 "
	    "msgid:1 for <b@example.com>" DATE, NO_ADDRESS),
	ROW("fetchmail, IPv6", "from imap.example.net [2001:db8::1] by "
	    "localhost with IMAP (fetchmail-6.4.37) for <b@localhost> "
	    "(single-drop)" DATE, "2001:db8::1", "imap.example.net", ""),
	NONE("SquirrelMail: no brackets, as HELO has none",
	    "from 192.0.2.1 (SquirrelMail "
	    "authenticated user u) by web.example.com with HTTP" DATE,
	    NO_ADDRESS),
	ROW("Horde", "from r.example (r.example [192.0.2.1]) by web.example.com"
	    " (Horde Framework) with HTTP" DATE,
	    "192.0.2.1", "r.example", "r.example"),
	ROW("Horde, unknown", "from unknown [192.0.2.1] by web.example.com "
	    "(Horde) with HTTP" DATE, "192.0.2.1", "", "unknown"),
	ROW("Roundcube", "from [192.0.2.1] by web.example.com with HTTP (HTTP/"
	    "1.1 POST)" DATE, "192.0.2.1", "", ""),
	NONE("OpenWebMail: no brackets, as HELO has none",
	    "from 192.0.2.1 (auth. user u@localhost) by web."
	    "example.com with HTTP" DATE, NO_ADDRESS),

	/* Nobody's, or everybody's */
	ROW("nested comments", "from h (r.example [192.0.2.1]) (a (b (c) d) e)"
	    POSTFIX, "192.0.2.1", "r.example", "h"),
	ROW("quoted pairs", "from h (r.example [192.0.2.1]) (\\(a\\) \\\\)"
	    POSTFIX, "192.0.2.1", "r.example", "h"),
	ROW("a comment before from's end of the header", "from h (r.example "
	    "[192.0.2.1]) by mx.example.com (x) with ESMTP (y) id 1 (z) for "
	    "<b@example.com> (w)" DATE " (MET DST)",
	    "192.0.2.1", "r.example", "h"),
	ROW("a date without a zone",
	    "from h (r.example [192.0.2.1]) by mx with "
	    "SMTP; Mon Jan  5 10:00:00 2026", "192.0.2.1", "r.example", "h"),
	ROW("no date", "from h (r.example [192.0.2.1]) by mx with SMTP id 1",
	    "192.0.2.1", "r.example", "h"),
	ROW("a date before the end",
	    "from h (r.example [192.0.2.1]) by mx with "
	    "SMTP; Mon, 5 Jan 2026 10:00:00 +0000; x",
	    "192.0.2.1", "r.example", "h"),
	ROW("IPv6, long", "from h (r.example [IPv6:2001:0db8:0000:0000:0000:"
	    "0000:0000:0001])" POSTFIX, "2001:db8::1", "r.example", "h"),
	ROW("IPv6, as exim", "from r.example ([2001:db8::1] helo=h)" EXIM,
	    "2001:db8::1", "r.example", "h"),
	ROW("HELO with an underscore", "from h_1.example (r.example "
	    "[192.0.2.1])" POSTFIX, "192.0.2.1", "r.example", "h_1.example"),
	ROW("a name with an underscore", "from h (r_1.example [192.0.2.1])"
	    POSTFIX, "192.0.2.1", "r_1.example", "h"),
	ROW("two froms", "from h (r.example [192.0.2.1]) by mx with SMTP id 1 "
	    "from <a@example.net> for <b@example.com>" DATE,
	    "192.0.2.1", "r.example", "h"),
	NONE("by first: its from is nobody's clause",
	    "by mx.example.com from h "
	    "([192.0.2.1]) with SMTP" DATE, NO_FROM),
};

START_TEST(shape_is_read)
{
	received_check(&shapes[_i], false);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("received_shapes");

	tcase_add_loop_test(tc, shape_is_read, 0, NELEM(shapes));
	return runner_run("received_shapes", tc);
}
