/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * received_hostile_test: what clients say to be taken for another, or to keep
 * the reader busy.
 */
#include "received/received.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "t/lib/received_check.h"
#include "t/lib/runner.h"

/*
 * What a client could say in HELO, in RFC 1413's protocol or in a certificate,
 * as the server wrote it.  Where the header is found good, it is the truth.
 */
static const struct received_row	 hostile_rows[] = {
	ROW("literal", "from [203.0.113.9] (r.example [192.0.2.1])" POSTFIX,
	    "192.0.2.1", "r.example", "[203.0.113.9]"),
	ROW("literal with a port", "from [203.0.113.9:25] (r.example "
	    "[192.0.2.1])" POSTFIX, "192.0.2.1", "r.example",
	    "[203.0.113.9:25]"),
	NONE("literal with a port, no address", "from [203.0.113.9:25]" LMTP,
	    NO_ADDRESS),
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

START_TEST(hostile_row_is_no_gain)
{
	int	 first = 0;

	while (strcmp(hostile_rows[first].title, FIRST_WHOLE) != 0)
		first++;
	received_check(&hostile_rows[_i], _i >= first);
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

int
main(void)
{
	TCase	*tc = tcase_create("received_hostile");

	tcase_add_loop_test(tc, hostile_row_is_no_gain, 0,
	    NELEM(hostile_rows));
	tcase_add_loop_test(tc, no_helo_is_the_client, 0, NELEM(servers));
	tcase_add_loop_test(tc, long_header_takes_no_time, 0,
	    NELEM(long_rows));
	return runner_run("received_hostile", tc);
}
