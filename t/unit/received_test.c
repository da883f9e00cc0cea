/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * received_test: the forms that servers write, and what clients say to be
 * taken for another.  192.0.2.1 and 2001:db8::1 are the clients in truth,
 * 203.0.113.9 is whom they would like to be.
 */
#include "received/received.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "t/lib/edge.h"
#include "t/lib/runner.h"

#define DATE	"; Mon, 5 Jan 2026 10:00:00 +0000"
#define POSTFIX	" by mx.example.com (Postfix) with ESMTPS id 4Xyz0; Mon, " \
		"5 Jan 2026 10:00:00 +0000 (UTC)"
#define SENDMAIL " by mx.example.com (8.17.1.9/8.17.1.9) with ESMTP id " \
		"605A0000001234" DATE
#define EXIM	" by mx.example.com with esmtps (TLS1.3) tls " \
		"TLS_AES_256_GCM_SHA384 (Exim 4.96) (envelope-from " \
		"<a@example.net>) id 1vabcd-000000-1a for b@example.com" DATE
#define EXCHANGE " by EX1.corp.example (198.51.100.7) with Microsoft SMTP " \
		"Server (version=TLS1_2, cipher=TLS_ECDHE) id 15.1.2507.35" DATE
#define GMAIL	" by mx.google.com with ESMTPS id a1-20020a05si1.2.2026.1.5 " \
		"for <b@example.com> (version=TLS1_3 bits=256/256)" DATE
#define QMAIL	" by mx.example.com with SMTP; 5 Jan 2026 10:00:00 -0000"
#define CGP	" by mx.example.com (CommuniGate Pro SMTP 6.3.19) with " \
		"ESMTPSA id 46984509 for b@example.com" DATE
#define FETCH	" by localhost with IMAP (fetchmail-6.4.23) for " \
		"<b@localhost> (single-drop)" DATE
#define LMTP	" by mx.example.com with LMTP id abc/def (envelope-from " \
		"<a@example.net>) for <b@example.com>" DATE

/* want: the client's address, or NULL if result is not RECEIVED_DONE. */
struct row {
	const char		*title, *in;
	enum received_result	 result;
	const char		*want, *name, *helo;
};

#define ROW(title, in, addr, name, helo) \
	{ title, in, RECEIVED_DONE, addr, name, helo }
#define NONE(title, in, why) \
	{ title, in, RECEIVED_ ## why, NULL, NULL, NULL }

static const struct row	 rows[] = {
	/* Postfix */
	ROW("postfix", "from h.example (r.example [192.0.2.1])" POSTFIX,
	    "192.0.2.1", "r.example", "h.example"),
	ROW("postfix, blank first", " from h.example (r.example [192.0.2.1])"
	    POSTFIX, "192.0.2.1", "r.example", "h.example"),
	ROW("postfix, no name", "from h (unknown [192.0.2.1])" POSTFIX,
	    "192.0.2.1", "", "h"),
	ROW("postfix, IPv6", "from h (r.example [IPv6:2001:db8::1])" POSTFIX,
	    "2001:db8::1", "r.example", "h"),
	ROW("postfix, mapped", "from h (r.example [IPv6:::ffff:192.0.2.1])"
	    POSTFIX, "192.0.2.1", "r.example", "h"),
	ROW("postfix, TLS", "from h.example (r.example [192.0.2.1]) (using "
	    "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) "
	    "key-exchange X25519 server-signature RSA-PSS (2048 bits) "
	    "server-digest SHA256) (No client certificate requested)" POSTFIX,
	    "192.0.2.1", "r.example", "h.example"),
	ROW("postfix, certificate", "from h (r.example [192.0.2.1]) (using "
	    "TLSv1.3 with cipher X (256/256 bits)) (Client CN \"c.example\", "
	    "Issuer \"ca\" (not verified))" POSTFIX,
	    "192.0.2.1", "r.example", "h"),
	ROW("postfix, login", "from [198.51.100.4] (r.example [192.0.2.1]) "
	    "(Authenticated sender: u@example.com)" POSTFIX,
	    "192.0.2.1", "r.example", "[198.51.100.4]"),
	ROW("postfix, localhost", "from localhost (localhost [127.0.0.1])"
	    POSTFIX, "127.0.0.1", "localhost", "localhost"),
	ROW("postfix, several recipients", "from h (r.example [192.0.2.1]) by "
	    "mx.example.com (Postfix) with ESMTP id 1" DATE,
	    "192.0.2.1", "r.example", "h"),
	NONE("postfix, address unknown", "from h (unknown [unknown])" POSTFIX,
	    NO_ADDRESS),
	NONE("postfix, hidden", "by mx.example.com (Postfix, from userid 1000) "
	    "id 4Xyz0" DATE, NO_FROM),
	ROW("amavis", "from mx.example.com ([127.0.0.1]) by localhost "
	    "(mx.example.com [127.0.0.1]) (amavisd-new, port 10024) with ESMTP "
	    "id a" DATE, "127.0.0.1", "", "mx.example.com"),
	ROW("zimbra LMTP", "from mta.example (LHLO h.example) (192.0.2.1) by "
	    "mbox.example with LMTP" DATE,
	    "192.0.2.1", "mta.example", "h.example"),

	/* Sendmail */
	ROW("sendmail", "from h (r.example [192.0.2.1])" SENDMAIL,
	    "192.0.2.1", "r.example", "h"),
	ROW("sendmail, no name", "from h ([192.0.2.1])" SENDMAIL,
	    "192.0.2.1", "", "h"),
	ROW("sendmail, forged", "from h (r.example [192.0.2.1] (may be "
	    "forged))" SENDMAIL, "192.0.2.1", "", "h"),
	ROW("sendmail, forged, no name", "from h ([192.0.2.1] (may be forged))"
	    SENDMAIL, "192.0.2.1", "", "h"),
	ROW("sendmail, ident", "from h (user@r.example [192.0.2.1])" SENDMAIL,
	    "192.0.2.1", "r.example", "h"),
	ROW("sendmail, IDENT:", "from h (IDENT:u-1@r.example [192.0.2.1])"
	    SENDMAIL, "192.0.2.1", "r.example", "h"),
	ROW("sendmail, ident, no name", "from h (user@[192.0.2.1])" SENDMAIL,
	    "192.0.2.1", "", "h"),
	ROW("sendmail, IPv6", "from h (r.example "
	    "[IPv6:2001:db8:0:0:0:0:0:1])" SENDMAIL,
	    "2001:db8::1", "r.example", "h"),
	ROW("sendmail, IPv6, no name", "from h ([IPv6:2001:db8::1])" SENDMAIL,
	    "2001:db8::1", "", "h"),
	ROW("sendmail, login", "from h (r.example [192.0.2.1]) (authenticated "
	    "bits=0)" SENDMAIL, "192.0.2.1", "r.example", "h"),
	NONE("sendmail, local", "from h (root@localhost)" SENDMAIL,
	    NO_ADDRESS),
	NONE("sendmail, submit", "(from root@localhost)" SENDMAIL, NO_FROM),
	NONE("sendmail, UNIX", "from localhost (localhost [[UNIX: "
	    "localhost]])" SENDMAIL, NO_ADDRESS),
	NONE("sendmail, source route", "from h (r.example "
	    "[@198.51.100.3:192.0.2.1])" SENDMAIL, NO_ADDRESS),

	/* Exim */
	ROW("exim", "from r.example ([192.0.2.1] helo=h.example)" EXIM,
	    "192.0.2.1", "r.example", "h.example"),
	ROW("exim, ident", "from r.example ([192.0.2.1] helo=h ident=u)" EXIM,
	    "192.0.2.1", "r.example", "h"),
	ROW("exim, only ident", "from r.example ([192.0.2.1] ident=[Ab+/])"
	    EXIM, "192.0.2.1", "r.example", ""),
	ROW("exim, HELO is the name", "from r.example ([192.0.2.1])" EXIM,
	    "192.0.2.1", "r.example", ""),
	ROW("exim, port", "from r.example ([192.0.2.1]:4321 helo=h)" EXIM,
	    "192.0.2.1", "r.example", "h"),
	ROW("exim, port, IPv6", "from r.example ([2001:db8::1]:4321)" EXIM,
	    "2001:db8::1", "r.example", ""),
	ROW("exim, HELO literal", "from r.example ([192.0.2.1] "
	    "helo=[198.51.100.4])" EXIM,
	    "192.0.2.1", "r.example", "[198.51.100.4]"),
	ROW("exim, no name", "from [192.0.2.1] (helo=h.example)" EXIM,
	    "192.0.2.1", "", "h.example"),
	ROW("exim, no name, port", "from [192.0.2.1] (port=4321 helo=h)" EXIM,
	    "192.0.2.1", "", "h"),
	ROW("exim, no name, all", "from [2001:db8::1] (port=4321 "
	    "helo=[198.51.100.4] ident=u)" EXIM,
	    "2001:db8::1", "", "[198.51.100.4]"),
	ROW("exim, no name, ident", "from [192.0.2.1] (ident=u)" EXIM,
	    "192.0.2.1", "", ""),
	ROW("exim, address alone", "from [192.0.2.1]" EXIM,
	    "192.0.2.1", "", ""),
	ROW("exim's form without its name", "from [192.0.2.1] (helo=h) by "
	    "mx.example.com with ESMTP (Nemesis), id 1" DATE,
	    "192.0.2.1", "", "h"),
	NONE("exim, local", "from u by mx.example.com with local (Exim 4.96) "
	    "(envelope-from <u@example.com>) id 1" DATE, NO_ADDRESS),
	NONE("exim, local SMTP", "from u (helo=h) by mx.example.com with "
	    "local-esmtp (Exim 4.96) id 1" DATE, NO_ADDRESS),

	/* Exchange, IIS */
	ROW("exchange", "from h.corp.example (192.0.2.1)" EXCHANGE,
	    "192.0.2.1", "", "h.corp.example"),
	ROW("exchange, IPv6", "from X.prod.outlook.example (2001:db8::1) by "
	    "Y.prod.outlook.example (2001:db8:2::1) with Microsoft SMTP Server "
	    "(version=TLS1_2, cipher=X) id 15.20.8632.29" DATE,
	    "2001:db8::1", "", "X.prod.outlook.example"),
	ROW("exchange, zone", "from h (2001:db8::1%12)" EXCHANGE,
	    "2001:db8::1", "", "h"),
	ROW("exchange, mapi", "from A.example ([fe80::1234:5678]) by A.example "
	    "([fe80::1234:5678%7]) with mapi id 15.20.0001.001" DATE,
	    "fe80::1234:5678", "", "A.example"),
	ROW("exchange, zone in brackets", "from A.example ([fe80::1%20]) by "
	    "B.example ([fe80::2%2]) with mapi id 1" DATE,
	    "fe80::1", "", "A.example"),
	ROW("exchange, private", "from h (10.0.0.1)" EXCHANGE,
	    "10.0.0.1", "", "h"),
	ROW("exchange, HELO literal", "from [198.51.100.4] (192.0.2.1)"
	    EXCHANGE, "192.0.2.1", "", "[198.51.100.4]"),
	ROW("exchange, HTTPS", "from A.example (2001:db8::1) by B.example with "
	    "HTTPS via C.EXAMPLE" DATE, "2001:db8::1", "", "A.example"),
	ROW("IIS", "from h ([192.0.2.1]) by mx.example.com with Microsoft "
	    "SMTPSVC(6.0.3790.0)" DATE, "192.0.2.1", "", "h"),
	ROW("IIS, unverified", "from h ([192.0.2.1] unverified) by "
	    "mx.example.com with Microsoft SMTPSVC(5.0)" DATE,
	    "192.0.2.1", "", "h"),
	ROW("IIS, RDNS failed", "from h ([192.0.2.1] RDNS failed) by "
	    "mx.example.com with Microsoft SMTPSVC(6.0)" DATE,
	    "192.0.2.1", "", "h"),
	NONE("IIS, pickup", "from mail pickup service by mx.example.com with "
	    "Microsoft SMTPSVC" DATE, NO_ADDRESS),

	/* Gmail */
	ROW("gmail", "from h.example (r.example. [192.0.2.1])" GMAIL,
	    "192.0.2.1", "r.example", "h.example"),
	ROW("gmail, IPv6", "from h.example (r.example. [2001:db8::1])" GMAIL,
	    "2001:db8::1", "r.example", "h.example"),
	ROW("gmail, submission", "from h ([192.0.2.1]) by smtp.gmail.com with "
	    "ESMTPSA id a1-20020a05sm1" DATE, "192.0.2.1", "", "h"),
	ROW("gmail, HELO literal", "from ?IPV6:2001:db8::7? ([2001:db8::1]) by "
	    "smtp.gmail.com with ESMTPSA id a1" DATE,
	    "2001:db8::1", "", "?IPV6:2001:db8::7?"),
	ROW("gmail, blank", "from h ( [192.0.2.1])" GMAIL,
	    "192.0.2.1", "", "h"),
	NONE("gmail, inside", "by 2002:a05:6a10:1::2 with SMTP id a1csp1" DATE,
	    NO_FROM),
	NONE("gmail, API", "from 1234 named unknown by gmailapi.google.com "
	    "with HTTPREST" DATE, NO_ADDRESS),

	/* qmail and what descends from it */
	ROW("qmail", "from unknown (HELO h.example) (192.0.2.1)" QMAIL,
	    "192.0.2.1", "", "h.example"),
	ROW("qmail, name", "from r.example (HELO h) (192.0.2.1)" QMAIL,
	    "192.0.2.1", "r.example", "h"),
	ROW("qmail, ident", "from r.example (HELO h) (u@192.0.2.1)" QMAIL,
	    "192.0.2.1", "r.example", "h"),
	ROW("qmail, ident, HELO is the name", "from r.example (u@192.0.2.1)"
	    QMAIL, "192.0.2.1", "r.example", ""),
	ROW("qmail or exchange", "from r.example (192.0.2.1)" QMAIL,
	    "192.0.2.1", "", "r.example"),
	ROW("qmail, EHLO", "from r.example (EHLO h) (192.0.2.1)" QMAIL,
	    "192.0.2.1", "r.example", "h"),
	ROW("qmail, empty HELO", "from r.example (HELO ) (192.0.2.1)" QMAIL,
	    "192.0.2.1", "r.example", ""),
	ROW("qmail, IPv6", "from r.example (HELO h) (2001:db8::1)" QMAIL,
	    "2001:db8::1", "r.example", "h"),
	ROW("qmail, mapped", "from r.example (HELO h) (::ffff:192.0.2.1)"
	    QMAIL, "192.0.2.1", "r.example", "h"),
	ROW("qmail, no answer from DNS", "from softdnserror (HELO h) "
	    "(192.0.2.1)" QMAIL, "192.0.2.1", "", "h"),
	ROW("qmail-ldap", "from r.example (HELO h) (u@[192.0.2.1]) "
	    "(envelope-sender <a@example.net>) by mx.example.com "
	    "(qmail-ldap-1.03) with SMTP for <b@example.com>" DATE,
	    "192.0.2.1", "r.example", "h"),
	NONE("qmail, by uid", "(qmail 123 invoked by uid 89); 5 Jan 2026 "
	    "10:00:00 -0000", NO_FROM),
	NONE("qmail, no address for relay clients", "from unknown (HELO h) ()"
	    QMAIL, NO_ADDRESS),
	ROW("ironport", "from unknown (HELO h.example) ([192.0.2.1]) by "
	    "esa.example.com with ESMTP/TLS/AES256-SHA256" DATE,
	    "192.0.2.1", "", "h.example"),
	ROW("yahoo", "from 198.51.100.8 (EHLO h.example) (192.0.2.1) by "
	    "10.1.2.3 with SMTPS" DATE, "192.0.2.1", "", "h.example"),
	ROW("gmx", "from r.example (EHLO h) [192.0.2.1] by mx.example.com "
	    "(mp058) with SMTP" DATE, "192.0.2.1", "r.example", "h"),

	/* Others */
	ROW("opensmtpd", "from h (<unknown> [192.0.2.1]) by mx.example.com "
	    "(OpenSMTPD) with ESMTPS id 1 (TLSv1.3:X:256:NO) for "
	    "<b@example.com>" DATE, "192.0.2.1", "", "h"),
	ROW("haraka", "from h (r.example [192.0.2.1]) by mx.example.com "
	    "(Haraka/2.8.28) with ESMTPS id ABC.1 envelope-from "
	    "<a@example.net> (cipher=X verify=NO)" DATE,
	    "192.0.2.1", "r.example", "h"),
	ROW("mailenable", "from h ([192.0.2.1]) by mx.example.com with "
	    "MailEnable ESMTP" DATE, "192.0.2.1", "", "h"),
	ROW("domino", "from h ([192.0.2.1]) by mx.example.com (Lotus Domino "
	    "Release 8.5.3FP6) with ESMTP id 2026-1 " DATE,
	    "192.0.2.1", "", "h"),
	ROW("dovecot", "from h ([192.0.2.1]) (using TLSv1.3 with cipher X "
	    "(256/256 bits))" LMTP, "192.0.2.1", "", "h"),
	ROW("communigate", "from [192.0.2.1] (HELO h.example)" CGP,
	    "192.0.2.1", "", "h.example"),
	ROW("communigate, account", "from [192.0.2.1] (account u@example.com "
	    "HELO [198.51.100.4])" CGP, "192.0.2.1", "", "[198.51.100.4]"),
	ROW("communigate, verified", "from [192.0.2.1] (account u [192.0.2.1] "
	    "verified)" CGP, "192.0.2.1", "", ""),
	ROW("communigate, name", "from h ([192.0.2.1] verified)" CGP,
	    "192.0.2.1", "", "h"),
	ROW("fetchmail", "from imap.example.net [192.0.2.1]" FETCH,
	    "192.0.2.1", "imap.example.net", ""),
	NONE("fetchmail, no address", "from imap.example.net" FETCH,
	    NO_ADDRESS),
	ROW("imail", "from h [192.0.2.1] by mx.example.com (SMTPD32-7.07) id "
	    "A4CE" DATE, "192.0.2.1", "", "h"),
	ROW("courier", "from h (r.example [::ffff:192.0.2.1]) (TLS: "
	    "TLSv1.3,128bits,X) by mx.example.com with esmtps" DATE,
	    "192.0.2.1", "r.example", "h"),
	ROW("courier, no name", "from h (softdnserr [::ffff:192.0.2.1]) "
	    "(AUTH: PLAIN u, ) by mx.example.com with esmtp" DATE,
	    "192.0.2.1", "", "h"),
	ROW("courier, HELO", "from r.example (HELO h) ([192.0.2.1]) by "
	    "mx.example.com with esmtp" DATE, "192.0.2.1", "r.example", "h"),
	ROW("cyrus", "from h (r.example [192.0.2.1]) by mx.example.com (Cyrus "
	    "v2.4.17) with LMTPA" DATE, "192.0.2.1", "r.example", "h"),
	NONE("cyrus, UNIX", "from h ([unix socket]) by mx.example.com (Cyrus "
	    "v2.4.17) with LMTPA" DATE, NO_ADDRESS),
	ROW("xmail", "from h (192.0.2.1:23198) by mx.example.com with [XMail "
	    "1.20 ESMTP Server] id <S72E> for <b@example.com> from "
	    "<a@example.net>" DATE, "192.0.2.1", "", "h"),
	ROW("simta, capitals", "FROM h (r.example [192.0.2.1]) BY "
	    "mx.example.com ID 434B.1.2 " DATE, "192.0.2.1", "r.example", "h"),
	ROW("via", "from h (r.example [192.0.2.1]) via ESMTP by "
	    "mx.example.com (8.12.1/) id 1" DATE,
	    "192.0.2.1", "r.example", "h"),
	ROW("assp", "from r.example ([192.0.2.1] helo=h) with IPv4:25 by "
	    "mx.example.com" DATE, "192.0.2.1", "r.example", "h"),
	ROW("webmail", "from [192.0.2.1] by web.example.com via HTTP" DATE,
	    "192.0.2.1", "", ""),
	ROW("webmail, with", "from [192.0.2.1] by web.example.com (W/1) with "
	    "HTTP" DATE, "192.0.2.1", "", ""),
	ROW("no HELO", "from ([192.0.2.1]) by mx.example.com with ESMTP" DATE,
	    "192.0.2.1", "", ""),
	ROW("no HELO, or HELO in the comment", "from (h [192.0.2.1]) by "
	    "mx.example.com with ESMTP" DATE, "192.0.2.1", "", "h"),
	NONE("list software", "with ECARTIS (v1.0.0; list x)" DATE, NO_FROM),
	ROW("8-bit comment", "from h ([192.0.2.1]) by mx.example.com" DATE
	    " (\xe4\xb8\xad)", "192.0.2.1", "", "h"),
	ROW("8-bit HELO", "from h\xc3\xbc (r.example [192.0.2.1])" POSTFIX,
	    "192.0.2.1", "r.example", ""),
	ROW("quoted pair in a comment", "from h (r.example [192.0.2.1]) (a\\)"
	    "b)" POSTFIX, "192.0.2.1", "r.example", "h"),

	/* Malformed, or of nobody */
	NONE("empty", "", BAD),
	NONE("blank", " \t ", BAD),
	NONE("only from", "from", BAD),
	NONE("no by", "from h (r.example [192.0.2.1])" DATE, BAD),
	NONE("nothing behind by", "from h (r.example [192.0.2.1]) by" DATE,
	    BAD),
	NONE("comment not closed", "from h (r.example [192.0.2.1] by mx" DATE,
	    BAD),
	NONE("stray parenthesis", "from h r.example [192.0.2.1]) by mx" DATE,
	    BAD),
	NONE("quotes not closed", "from h ([192.0.2.1]) by mx for \"b" DATE,
	    BAD),
	NONE("stray backslash", "from h\\ ([192.0.2.1])" POSTFIX, BAD),
	NONE("bare CR", "from h\rx ([192.0.2.1])" POSTFIX, BAD),
	NONE("LF that does not fold", "from h\n([192.0.2.1])" POSTFIX, BAD),
	NONE("LF at the end", "from h ([192.0.2.1])" POSTFIX "\n", BAD),
	NONE("control byte", "from h\x01 ([192.0.2.1])" POSTFIX, BAD),
	NONE("DEL", "from h\x7f ([192.0.2.1])" POSTFIX, BAD),
	NONE("no header", "hello, world", BAD),
	NONE("from in a word", "fromage (r.example [192.0.2.1])" POSTFIX, BAD),
	NONE("word without brackets", "from 192.0.2.1 by mx.example.com with "
	    "ESMTP" DATE, NO_ADDRESS),
	NONE("name alone", "from h (r.example) by mx.example.com" DATE,
	    NO_ADDRESS),
	NONE("not an address", "from h ([192.0.2.256])" POSTFIX, NO_ADDRESS),
	NONE("leading zero", "from h ([192.0.2.01])" POSTFIX, NO_ADDRESS),
	NONE("IPv4 as IPv6", "from h ([IPv6:192.0.2.1])" POSTFIX, NO_ADDRESS),
	NONE("zone of IPv4", "from h ([192.0.2.1%1])" POSTFIX, NO_ADDRESS),
	NONE("empty zone", "from h ([fe80::1%])" POSTFIX, NO_ADDRESS),
	NONE("odd zone", "from h ([fe80::1%a]b])" POSTFIX, NO_ADDRESS),
	NONE("zone with a sign", "from h ([fe80::1%a_b])" POSTFIX, NO_ADDRESS),
	NONE("odd port", "from h ([192.0.2.1]:2x)" POSTFIX, NO_ADDRESS),
	NONE("empty comment", "from h ()" POSTFIX, NO_ADDRESS),
	NONE("two blanks of comments", "from h () ([192.0.2.1])" POSTFIX,
	    AMBIGUOUS),
	NONE("comment before HELO's", "from r.example (x) (HELO h) "
	    "(192.0.2.1)" QMAIL, AMBIGUOUS),
	NONE("comment behind HELO's", "from r.example (HELO h) (x) "
	    "(192.0.2.1)" QMAIL, AMBIGUOUS),
	ROW("HELO of two words", "from r.example (HELO h i) (192.0.2.1)" QMAIL,
	    "192.0.2.1", "r.example", ""),
	NONE("address behind via", "from h via SMTP (r.example [192.0.2.1])"
	    POSTFIX, AMBIGUOUS),
	ROW("bystander in a comment", "from h (r.example [192.0.2.1]) (a (b) "
	    "bystander)" POSTFIX, "192.0.2.1", "r.example", "h"),
	NONE("no from, not closed", "by mx.example.com (Postfix", BAD),
	NONE("two words", "from h x (r.example [192.0.2.1])" POSTFIX,
	    AMBIGUOUS),
	NONE("word behind", "from h ([192.0.2.1]) as user u by mx" DATE,
	    AMBIGUOUS),
	NONE("unknown remark", "from h ([192.0.2.1] maybe)" POSTFIX,
	    AMBIGUOUS),
};

/*
 * What a client could say in HELO, in RFC 1413's protocol or in a certificate,
 * as the server wrote it.  Where the header is found good, it is the truth.
 */
static const struct row	 hostile_rows[] = {
	ROW("literal", "from [203.0.113.9] (r.example [192.0.2.1])" POSTFIX,
	    "192.0.2.1", "r.example", "[203.0.113.9]"),
	ROW("IPv6 literal", "from [IPv6:2001:db8::9] (unknown [192.0.2.1])"
	    POSTFIX, "192.0.2.1", "", "[IPv6:2001:db8::9]"),
	ROW("by", "from by (r.example [192.0.2.1])" POSTFIX,
	    "192.0.2.1", "r.example", "by"),
	ROW("via", "from via (r.example [192.0.2.1])" POSTFIX,
	    "192.0.2.1", "r.example", "via"),
	ROW("from", "from from (r.example [192.0.2.1])" POSTFIX,
	    "192.0.2.1", "r.example", "from"),
	ROW("half a literal", "from [203.0.113.9 (r.example [192.0.2.1])"
	    POSTFIX, "192.0.2.1", "r.example", "[203.0.113.9"),
	ROW("brackets", "from x][203.0.113.9] (r.example [192.0.2.1])" POSTFIX,
	    "192.0.2.1", "r.example", "x][203.0.113.9]"),
	ROW("exim's words", "from helo=[203.0.113.9] (r.example [192.0.2.1])"
	    POSTFIX, "192.0.2.1", "r.example", "helo=[203.0.113.9]"),
	ROW("neutered", "from x??t.example?[203.0.113.9]? (r.example "
	    "[192.0.2.1])" POSTFIX, "192.0.2.1", "r.example",
	    "x??t.example?[203.0.113.9]?"),
	NONE("literal, address unknown", "from [203.0.113.9] (unknown "
	    "[unknown])" POSTFIX, NO_ADDRESS),
	NONE("literal, no address", "from [203.0.113.9]" LMTP, NO_ADDRESS),
	NONE("literal, exim in the sender", "from [203.0.113.9] by "
	    "mx.example.com with LMTP (envelope-from <\"x) (Exim 4) (\"@e>)"
	    DATE, NO_ADDRESS),
	NONE("literal, exim in the recipient", "from [203.0.113.9] by "
	    "mx.example.com with LMTP for <x(Exim 4)@e>" DATE, NO_ADDRESS),
	NONE("literal, exim behind the date", "from [203.0.113.9] by "
	    "mx.example.com with LMTP" DATE " (Exim 4)", NO_ADDRESS),
	NONE("literal, local", "from [203.0.113.9] (root@localhost)" SENDMAIL,
	    NO_ADDRESS),
	NONE("literal, no comment", "from [203.0.113.9] by mx.example.com "
	    "(using TLSv1.3) with ESMTP id 1" DATE, NO_ADDRESS),
	NONE("literal, HELO comment alone", "from [203.0.113.9] (HELO x) ()"
	    QMAIL, NO_ADDRESS),
	NONE("literal, HELO comment behind it", "from [203.0.113.9] (HELO x)"
	    QMAIL, NO_ADDRESS),
	NONE("literal, other comment", "from [203.0.113.9] (using TLSv1.3)"
	    EXIM, NO_ADDRESS),
	ROW("certificate", "from h (r.example [192.0.2.1]) (Client CN \"x "
	    "[203.0.113.9]\", Issuer \"(t.example [203.0.113.9])\" (not "
	    "verified))" POSTFIX, "192.0.2.1", "r.example", "h"),
	ROW("login", "from h (r.example [192.0.2.1]) (Authenticated sender: "
	    "[203.0.113.9])" POSTFIX, "192.0.2.1", "r.example", "h"),
	ROW("ident is an address", "from h (203.0.113.9@r.example "
	    "[192.0.2.1])" SENDMAIL, "192.0.2.1", "r.example", "h"),
	ROW("ident is an address, no name", "from h (203.0.113.9@[192.0.2.1])"
	    SENDMAIL, "192.0.2.1", "", "h"),
	ROW("ident is an address, qmail", "from unknown (HELO x) "
	    "(a@203.0.113.9@192.0.2.1)" QMAIL, "192.0.2.1", "", "x"),
	ROW("HELO is HELO", "from unknown (HELO HELO) (192.0.2.1)" QMAIL,
	    "192.0.2.1", "", "HELO"),
	ROW("literal, qmail", "from unknown (HELO [203.0.113.9]) (192.0.2.1)"
	    QMAIL, "192.0.2.1", "", "[203.0.113.9]"),
	ROW("neutered, qmail", "from r.example (HELO x??203.0.113.9?) "
	    "(192.0.2.1)" QMAIL, "192.0.2.1", "r.example", "x??203.0.113.9?"),
	ROW("address in HELO, no brackets", "from 203.0.113.9 (192.0.2.1)"
	    EXCHANGE, "192.0.2.1", "", "203.0.113.9"),
	ROW("address as the name", "from h (203.0.113.9 [192.0.2.1]) by "
	    "mx.example.com with SMTP" DATE, "192.0.2.1", "", "h"),
	ROW("HELO's literal in exim's form", "from [192.0.2.1] "
	    "(helo=[203.0.113.9])" EXIM, "192.0.2.1", "", "[203.0.113.9]"),
	ROW("literal, communigate", "from [192.0.2.1] (account x HELO "
	    "[203.0.113.9])" CGP, "192.0.2.1", "", "[203.0.113.9]"),
	ROW("webmail, another's HELO", "from [203.0.113.9] ([192.0.2.1]) by "
	    "web.example.com with HTTP" DATE,
	    "192.0.2.1", "", "[203.0.113.9]"),

	NONE("reverse name in brackets", "from [203.0.113.9] (HELO x) "
	    "(192.0.2.1)" QMAIL, AMBIGUOUS),
	NONE("reverse name glued", "from h (x[203.0.113.9] [192.0.2.1])"
	    SENDMAIL, AMBIGUOUS),
	NONE("ident with helo=", "from [203.0.113.9] (helo=x@r.example "
	    "[192.0.2.1])" SENDMAIL, AMBIGUOUS),
	NONE("ident with helo=, no name", "from [203.0.113.9] "
	    "(helo=x@[192.0.2.1])" SENDMAIL, AMBIGUOUS),
	NONE("ident with a literal", "from h ([203.0.113.9] helo=x@r.example "
	    "[192.0.2.1])" SENDMAIL, AMBIGUOUS),
	NONE("ident with a literal, glued", "from h ([203.0.113.9]@"
	    "[192.0.2.1])" SENDMAIL, AMBIGUOUS),
	NONE("a comment more", "from x (t.example [203.0.113.9]) (r.example "
	    "[192.0.2.1])" POSTFIX, AMBIGUOUS),
	NONE("a literal more", "from x [203.0.113.9] (r.example [192.0.2.1])"
	    POSTFIX, AMBIGUOUS),
	NONE("a bare comment more", "from x (203.0.113.9) (r.example "
	    "[192.0.2.1])" POSTFIX, AMBIGUOUS),
	NONE("a comment more, imail", "from x (203.0.113.9) [192.0.2.1] by "
	    "mx.example.com (SMTPD32-7.07)" DATE, AMBIGUOUS),
	NONE("via, imail", "from x (203.0.113.9) via [192.0.2.1] by "
	    "mx.example.com (SMTPD32-7.07)" DATE, AMBIGUOUS),
	NONE("with, postfix", "from x (t.example [203.0.113.9]) with "
	    "(r.example [192.0.2.1])" POSTFIX, AMBIGUOUS),
	NONE("with, qmail", "from unknown (HELO x) (203.0.113.9) with () "
	    "(192.0.2.1)" QMAIL, AMBIGUOUS),
	NONE("a comment more, qmail", "from unknown (HELO x) (203.0.113.9) "
	    "(192.0.2.1)" QMAIL, AMBIGUOUS),
	NONE("HELO's comment closed, communigate", "from [192.0.2.1] (HELO x) "
	    "(203.0.113.9)" CGP, AMBIGUOUS),
	NONE("literal more, exim", "from r.example ([192.0.2.1] helo=x "
	    "[203.0.113.9])" EXIM, AMBIGUOUS),
	NONE("comment more, exim", "from r.example ([192.0.2.1] helo=x) "
	    "([203.0.113.9])" EXIM, AMBIGUOUS),
	NONE("literal more, exim, no name", "from [192.0.2.1] (helo=x "
	    "[203.0.113.9])" EXIM, AMBIGUOUS),
	NONE("comment more, exim, no name", "from [192.0.2.1] (helo=x) "
	    "(t.example [203.0.113.9])" EXIM, AMBIGUOUS),
	NONE("HELO twice, exim", "from [192.0.2.1] (helo=x helo=y)" EXIM,
	    AMBIGUOUS),
	NONE("comment more, exim, local", "from u (helo=x) ([203.0.113.9]) by "
	    "mx.example.com with local-esmtp (Exim 4.96)" DATE, AMBIGUOUS),
	NONE("parenthesis open", "from x ( (r.example [192.0.2.1])" POSTFIX,
	    BAD),
	NONE("parenthesis shut", "from x) (r.example [192.0.2.1])" POSTFIX,
	    BAD),
	NONE("quote open", "from \" (r.example [192.0.2.1])" POSTFIX, BAD),
	NONE("quote open in a word", "from x\"y (r.example [192.0.2.1])"
	    POSTFIX, BAD),
	NONE("escaped, exim", "from r.example ([192.0.2.1] helo=x\\)" EXIM,
	    BAD),
	ROW("quoted", "from \"x (t.example [203.0.113.9])\" (r.example "
	    "[192.0.2.1])" POSTFIX, "192.0.2.1", "r.example", ""),
	NONE("escaped in the comment", "from h (t.example\\ [203.0.113.9])"
	    POSTFIX, NO_ADDRESS),

	/* From here on, HELO makes a whole header; it may be cut out. */
#define FIRST_WHOLE	"a whole header"
	NONE(FIRST_WHOLE, "from x (t.example [203.0.113.9]) by a (r.example "
	    "[192.0.2.1])" POSTFIX, AMBIGUOUS),
	NONE("a whole header, dated", "from x (t.example [203.0.113.9]) by a; "
	    "Mon, 5 Jan 2026 10:00:00 +0000 (r.example [192.0.2.1])" POSTFIX,
	    AMBIGUOUS),
	NONE("the rest in a comment", "from x (t.example [203.0.113.9]) by a ("
	    " (r.example [192.0.2.1]) by mx.example.com (envelope-from "
	    "<\")\"@e>)" DATE, AMBIGUOUS),
	NONE("the rest in a comment before by", "from x (t.example "
	    "[203.0.113.9]) ( (r.example [192.0.2.1]) by mx.example.com "
	    "(envelope-from <\")) by foo (\"@e>)" DATE, AMBIGUOUS),
	NONE("the rest in quotes", "from x (t.example [203.0.113.9]) by a \" "
	    "(r.example [192.0.2.1]) by mx.example.com for <\"@e>" DATE,
	    AMBIGUOUS),
	NONE("the rest in a comment, imail", "from x [203.0.113.9] by a ( "
	    "[192.0.2.1] by mx.example.com (envelope-from <\")\"@e>)" DATE,
	    AMBIGUOUS),
	NONE("a whole header, qmail", "from unknown (HELO x) (203.0.113.9) by "
	    "a () (192.0.2.1)" QMAIL, AMBIGUOUS),
};

static void
check_row(const struct row *r, const char *how, struct span in)
{
	struct received		 got, untouched;
	enum received_result	 result;
	char			 text[ADDRESS_TEXT_SIZE];

	memset(&got, 'x', sizeof(got));
	memset(&untouched, 'x', sizeof(untouched));
	result = received_parse(in, &got);
	ck_assert_msg(result == r->result, "%s, %s: got \"%s\", want \"%s\"",
	    r->title, how, received_result_text(result),
	    received_result_text(r->result));
	if (result != RECEIVED_DONE) {
		ck_assert_msg(memcmp(&got, &untouched, sizeof(got)) == 0,
		    "%s, %s: written", r->title, how);
		return;
	}
	address_format(&got.addr, text, sizeof(text));
	ck_assert_msg(strcmp(text, r->want) == 0 &&
	    strcmp(got.name, r->name) == 0 && strcmp(got.helo, r->helo) == 0,
	    "%s, %s: got %s \"%s\" \"%s\", want %s \"%s\" \"%s\"", r->title,
	    how, text, got.name, got.helo, r->want, r->name, r->helo);
}

/* Folds at each blank alone, then at all of them. */
static void
check_folded(const struct row *r, const char *fold)
{
	size_t	 n = strlen(r->in), at, i, len;
	char	*text = malloc(n * 3 + 1);

	ck_assert_ptr_nonnull(text);
	for (at = 0; at <= n; at++) {
		if (at < n && r->in[at] != ' ')
			continue;
		for (i = 0, len = 0; i < n; i++) {
			bool	 here = i == at || (at == n &&
				    r->in[i] == ' ');

			len += (size_t)sprintf(text + len, "%s%c",
			    here ? fold : "", r->in[i]);
		}
		check_row(r, "folded", (struct span){ text, len });
	}
	free(text);
}

/*
 * What is cut off yields the same address or none, and the same name or none.
 * No parser can tell this of headers that are whole before HELO ends.
 */
static void
check_cut(const struct row *r, bool is_first_whole)
{
	struct received	 whole, got;
	size_t		 n = strlen(r->in), cut;
	bool		 has_whole;
	char		*edge, text[ADDRESS_TEXT_SIZE];

	has_whole = received_parse(span_of(r->in), &whole) == RECEIVED_DONE;
	for (cut = 0; cut < n; cut++) {
		edge = edge_copy(r->in, cut);
		if (received_parse((struct span){ edge, cut }, &got) ==
		    RECEIVED_DONE && !is_first_whole)
			ck_assert_msg(strcmp(has_whole ? r->want : "192.0.2.1",
			    address_format(&got.addr, text, sizeof(text))) ==
			    0 && (got.name[0] == '\0' || !has_whole ||
			    strcmp(got.name, whole.name) == 0),
			    "%s, cut at %zu: %s \"%s\"", r->title, cut, text,
			    got.name);
		edge_free(edge, cut);
	}
}

static void
check_all(const struct row *r, bool is_first_whole)
{
	size_t	 n = strlen(r->in);
	char	*edge = edge_copy(r->in, n);

	check_row(r, "whole", span_of(r->in));
	check_row(r, "edge", (struct span){ edge, n });
	edge_free(edge, n);
	check_folded(r, "\r\n");
	check_folded(r, "\n");
	check_cut(r, is_first_whole);
}

START_TEST(row_is_read)
{
	check_all(&rows[_i], false);
}
END_TEST

START_TEST(hostile_row_is_no_gain)
{
	int	 first = 0;

	while (strcmp(hostile_rows[first].title, FIRST_WHOLE) != 0)
		first++;
	check_all(&hostile_rows[_i], _i >= first);
}
END_TEST

/*
 * Where each server puts HELO ('#') and the sender ('$'), and what it makes of
 * HELO's bytes: those in bad become '?'; "": it takes all, to be sure.
 */
static const struct server {
	const char	*title, *form, *bad;
} servers[] = {
	{ "postfix, in truth",	"from # (r.example [192.0.2.1])" POSTFIX,
	    " <>()\\\";@\t" },
	{ "qmail, in truth",	"from unknown (HELO #) (192.0.2.1)" QMAIL,
	    " <>()\\\";,\t" },
	{ "postfix",		"from # (r.example [192.0.2.1])" POSTFIX, "" },
	{ "sendmail",		"from # ([192.0.2.1])" SENDMAIL, "" },
	{ "sendmail's ident, in truth", "from h (#@r.example [192.0.2.1])"
	    SENDMAIL, " <>()[]\\\";:=@,\t" },
	{ "exim",		"from r.example ([192.0.2.1] helo=#)" EXIM,
	    "" },
	{ "exim's ident",	"from r.example ([192.0.2.1] helo=h "
	    "ident=#)" EXIM, "" },
	{ "exim, no name",	"from [192.0.2.1] (port=25 helo=#) by mx "
	    "(Exim 4) (envelope-from <$>) id 1" DATE, "" },
	{ "exchange",		"from # (192.0.2.1)" EXCHANGE, "" },
	{ "gmail",		"from # (r.example. [192.0.2.1])" GMAIL, "" },
	{ "qmail",		"from unknown (HELO #) (192.0.2.1)" QMAIL,
	    "" },
	{ "ironport",		"from unknown (HELO #) ([192.0.2.1])" QMAIL,
	    "" },
	{ "communigate",	"from [192.0.2.1] (HELO #)" CGP, "" },
	{ "communigate, account", "from [192.0.2.1] (account # HELO h)" CGP,
	    "" },
	{ "imail",		"from # [192.0.2.1] by mx.example.com with "
	    "ESMTP id 1" DATE, "" },
	{ "dovecot",		"from # ([192.0.2.1]) by mx.example.com with "
	    "LMTP id 1 (envelope-from <$>)" DATE, "" },
	{ "dovecot, TLS",	"from # ([192.0.2.1]) (using TLSv1.3 with "
	    "cipher X (256/256 bits)) by mx.example.com with LMTPS id 1 "
	    "(envelope-from <$>) for <\"a b\"@example.com>" DATE, "" },
};

static const char *const	pieces[] = {
	"x", " ", "(", ")", "\"", "\\", ";", "@", "[203.0.113.9]",
	"203.0.113.9", "t.example [203.0.113.9]", " by ", " by a ", " via ",
	" with a ", "HELO ", "helo=", "account ", "(Exim 4)",
	"(CommuniGate Pro 6)", "with HTTP ", "from ", "(may be forged)"
};

static const char *const	senders[] = {
	"a@example.net", "\")\"@example.net", "\")) by a (\"@example.net",
	"\"\"@example.net", "\") by a (\"@example.net"
};

static size_t
put_cleaned(char *to, const char *from, const char *bad)
{
	size_t	 i;

	for (i = 0; from[i] != '\0'; i++)
		to[i] = strchr(bad, from[i]) != NULL ? '?' : from[i];
	return i;
}

static void
check_server(const struct server *server, const char *helo, const char *sender)
{
	struct received		 got;
	enum received_result	 result;
	char			 header[1024], text[ADDRESS_TEXT_SIZE];
	const char		*p;
	size_t			 n = 0;

	for (p = server->form; *p != '\0'; p++)
		if (*p == '#')
			n += put_cleaned(header + n, helo, server->bad);
		else if (*p == '$')
			n += put_cleaned(header + n, sender, "");
		else
			header[n++] = *p;
	result = received_parse((struct span){ header, n }, &got);
	if (result == RECEIVED_DONE)
		ck_assert_msg(strcmp(address_format(&got.addr, text,
		    sizeof(text)), "192.0.2.1") == 0, "%s: %.*s: %s",
		    server->title, (int)n, header, text);
	/* Nor may a client keep us from finding it where HELO is cleaned. */
	else
		ck_assert_msg(strlen(server->bad) < 2, "%s: %.*s: %s",
		    server->title, (int)n, header,
		    received_result_text(result));
}

START_TEST(no_helo_is_the_client)
{
	const struct server	*server = &servers[_i];
	char			 helo[128];
	int			 a, b, c, i;
	bool			 has_sender = strchr(server->form, '$') != NULL;

	for (a = 0; a < NELEM(pieces); a++)
		for (b = 0; b < NELEM(pieces); b++)
			for (c = 0; c < NELEM(pieces); c++) {
				snprintf(helo, sizeof(helo), "x%s%s%s",
				    pieces[a], pieces[b], pieces[c]);
				for (i = 0; i < NELEM(senders); i++)
					if (i == 0 || has_sender)
						check_server(server, helo,
						    senders[i]);
			}
}
END_TEST

/* A header of a megabyte: head, then piece again and again, then tail. */
static const struct long_row {
	const char	*head, *piece, *tail;
} long_rows[] = {
	{ "from x ",		"(",		"" },
	{ "from x (",		"()",		") by mx" },
	{ "from x ",		"() ",		"by mx" },
	{ "from x ",		"([192.0.2.1]) ", "by mx" },
	{ "from x ([192.0.2.1] ", "() ",	") by mx" },
	{ "from x ([192.0.2.1] ", "ident=a ",	") by mx" },
	{ "from x (account ",	"HELO ",	") by mx" },
	{ "from x (",		"a@",		"192.0.2.1) by mx" },
	{ "from x (",		")",		"" },
	{ "from x ([",		"[",		"]) by mx" },
	{ "from x ([192.0.2.1]) by mx (", "] ",	")" },
	{ "from x ([192.0.2.1]) by mx (", "]",	" b)" },
	{ "from x ([192.0.2.1]) by mx ", "\"\"", "" },
	{ "from x ([192.0.2.1]) by mx ", "\\",	"" },
	{ "from x ([192.0.2.1]) by mx ", "by ",	"" },
	{ "from ",		"x",		" ([192.0.2.1]) by mx" },
	{ "from x ",		"\r\n ",	"([192.0.2.1]) by mx" },
};

#define LONG	(1 << 20)

START_TEST(long_header_takes_no_time)
{
	const struct long_row	*r = &long_rows[_i];
	struct received		 got;
	size_t			 n = strlen(r->head);
	char			*text = malloc(LONG + 128);
	clock_t			 start;
	double			 seconds;

	ck_assert_ptr_nonnull(text);
	memcpy(text, r->head, n);
	while (n < LONG) {
		memcpy(text + n, r->piece, strlen(r->piece));
		n += strlen(r->piece);
	}
	memcpy(text + n, r->tail, strlen(r->tail));
	start = clock();
	received_parse((struct span){ text, n + strlen(r->tail) }, &got);
	seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
	/* It takes 20 ms; if it grew with the square, it would take hours. */
	ck_assert_msg(seconds < 2, "%s%s...: %.1f s", r->head, r->piece,
	    seconds);
	free(text);
}
END_TEST

START_TEST(nul_is_bad)
{
	char		 text[] = "from h ([192.0.2.1])" POSTFIX;
	struct received	 got;
	size_t		 i;

	for (i = 0; i < sizeof(text) - 1; i++) {
		char	 was = text[i];

		text[i] = '\0';
		ck_assert_int_eq(received_parse((struct span){ text,
		    sizeof(text) - 1 }, &got), RECEIVED_BAD);
		text[i] = was;
	}
}
END_TEST

/* A HELO that does not fit is left out whole; so is a name. */
START_TEST(long_words_are_left_out)
{
	char		 word[300], text[800];
	struct received	 got;
	size_t		 n;

	for (n = 1; n < sizeof(word); n++) {
		memset(word, 'h', n);
		if (n > 60)
			word[n / 5] = word[n / 5 * 2] = word[n / 5 * 3] =
			    word[n / 5 * 4] = '.';
		word[n] = '\0';
		snprintf(text, sizeof(text), "from %s (%s [192.0.2.1]) by mx",
		    word, word);
		ck_assert_int_eq(received_parse(span_of(text), &got),
		    RECEIVED_DONE);
		ck_assert_str_eq(got.helo, n <= RECEIVED_HELO_MAX ? word : "");
		ck_assert_str_eq(got.name, n <= HOSTNAME_MAX_LEN ? word : "");
	}
}
END_TEST

START_TEST(every_status_has_a_text)
{
	int	 a, b;

	for (a = RECEIVED_DONE; a <= RECEIVED_BAD; a++)
		for (b = RECEIVED_DONE; b < a; b++)
			ck_assert_str_ne(received_result_text(
			    (enum received_result)a), received_result_text(
			    (enum received_result)b));
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("received");

	tcase_add_loop_test(tc, row_is_read, 0, NELEM(rows));
	tcase_add_loop_test(tc, hostile_row_is_no_gain, 0,
	    NELEM(hostile_rows));
	tcase_add_loop_test(tc, no_helo_is_the_client, 0, NELEM(servers));
	tcase_add_loop_test(tc, long_header_takes_no_time, 0,
	    NELEM(long_rows));
	tcase_add_test(tc, nul_is_bad);
	tcase_add_test(tc, long_words_are_left_out);
	tcase_add_test(tc, every_status_has_a_text);
	return runner_run("received", tc);
}
