/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * received_test: the forms that servers write.
 */
#include "received/received.h"

#include <stdio.h>
#include <string.h>

#include "t/lib/received_check.h"
#include "t/lib/runner.h"

static const struct received_row	 rows[] = {
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
	NONE("odd port in the brackets", "from h ([192.0.2.1:2x])" POSTFIX,
	    NO_ADDRESS),
	NONE("port twice", "from h ([192.0.2.1:2]:3)" POSTFIX, NO_ADDRESS),
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

START_TEST(row_is_read)
{
	received_check(&rows[_i], false);
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
	tcase_add_test(tc, nul_is_bad);
	tcase_add_test(tc, long_words_are_left_out);
	tcase_add_test(tc, every_status_has_a_text);
	return runner_run("received", tc);
}
