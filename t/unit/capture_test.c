/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * capture_test: logs, as Postfix 3.7 writes them, and what cases they become;
 * and what clients say that looks like a log.
 */
#include "ctl/capture.h"

#include <stdlib.h>
#include <string.h>

#include "t/lib/edge.h"
#include "t/lib/runner.h"

#define AT	"Nov 30 12:00:00 mx postfix/"
#define SMTPD	AT "smtpd[77]: "
#define FROM	"client.example.org[192.0.2.1]"
#define BEGIN	SMTPD "connect from " FROM "\n"
#define END	SMTPD "disconnect from " FROM " ehlo=1 mail=1 rcpt=0/1 " \
		"quit=1 commands=3/4\n"
#define BAD	"554 5.7.1 <" FROM ">: Client host rejected: bad network; "
#define TAIL	"proto=ESMTP helo=<client.example.org>\n"
#define ASKED	"from=<joe@example.org> to=<box@example.com> " TAIL
#define REFUSED	SMTPD "NOQUEUE: reject: RCPT from " FROM ": " BAD ASKED
#define MAIL	SMTPD "4SK1: client=" FROM "\n"
#define QMGR	AT "qmgr[7]: 4SK1: from=<joe@example.org>, size=300, nrcpt=1 " \
		"(queue active)\n"
#define SENT	"relay=virtual, delay=0.1, delays=0.1/0/0/0, dsn=2.0.0, " \
		"status=sent (delivered to maildir)\n"
#define GONE	AT "qmgr[7]: 4SK1: removed\n"

#define TITLE	"title Nov 30 12:00:00 client.example.org[192.0.2.1]\n"
#define CLIENT	"XCLIENT ADDR=192.0.2.1 NAME=client.example.org " \
		"REVERSE_NAME=client.example.org"
#define GREETED	TITLE CLIENT " PROTO=ESMTP HELO=client.example.org\n" \
		"EHLO client.example.org\n"
#define ASK	"MAIL FROM:<joe@example.org>\nRCPT TO:<box@example.com>\n"
#define ODD	"# left out: 1 lines: a greeting, a login or an address has " \
		"characters that a case cannot have\n"
#define AMBIGUOUS "# left out: 1 lines: a client's words look like the log's " \
		"own, so that what it said cannot be told\n"
#define STAGE	"# left out: 1 lines: it was decided when the recipients were " \
		"known already, or about no mail\n"
#define MALFORMED "# left out: 1 lines: it is not as Postfix writes it, or was " \
		"cut\n"
#define UNKNOWN	"# left out: 1 mails: whom they were from and to is not in " \
		"the log, or cannot be said\n"

#define JOURNAL	"{\"__REALTIME_TIMESTAMP\":\"1796040000000000\"," \
		"\"_HOSTNAME\":\"mx\",\"SYSLOG_IDENTIFIER\":" \
		"\"postfix/smtpd\",\"SYSLOG_PID\":\"77\",\"MESSAGE\":"

static const struct row {
	const char	*name, *in, *want;
} rows[] = {
	{ "nothing", "", "" },
	{ "nothing was asked", BEGIN END, "" },
	{ "refused", BEGIN REFUSED END,
	    GREETED ASK "= 554 5.7.1\n\n" },
	{ "the log begins within", REFUSED, GREETED ASK "= 554 5.7.1\n\n" },
	{ "the same, again and again", BEGIN REFUSED REFUSED REFUSED END,
	    GREETED ASK "= 554 5.7.1\n\n" },
	{ "without an enhanced status", BEGIN SMTPD "NOQUEUE: reject: RCPT "
	    "from " FROM ": 550 no; " ASKED END, GREETED ASK "= 550\n\n" },
	{ "accepted", BEGIN MAIL QMGR END
	    AT "virtual[8]: 4SK1: to=<box@example.com>, " SENT GONE,
	    TITLE CLIENT "\n" ASK "= permit\n\n" },
	{ "accepted by an alias", BEGIN MAIL QMGR END
	    AT "local[8]: 4SK1: to=<a@example.net>, "
	    "orig_to=<box@example.com>, " SENT
	    AT "local[8]: 4SK1: to=<b@example.net>, "
	    "orig_to=<box@example.com>, " SENT GONE,
	    TITLE CLIENT "\n" ASK "= permit\n\n" },
	{ "some accepted, some not", BEGIN MAIL SMTPD "4SK1: reject: RCPT "
	    "from " FROM ": 550 5.1.1 <x@example.com>: Recipient address "
	    "rejected: User unknown; from=<joe@example.org> "
	    "to=<x@example.com> " TAIL END QMGR
	    AT "virtual[8]: 4SK1: to=<box@example.com>, " SENT GONE,
	    GREETED "MAIL FROM:<joe@example.org>\nRCPT TO:<x@example.com>\n"
	    "= 550 5.1.1\nRCPT TO:<box@example.com>\n= permit\n\n" },
	{ "its recipients never came", BEGIN MAIL QMGR END, UNKNOWN },
	{ "another's mail", MAIL
	    AT "qmgr[7]: 4SK2: from=<a@b>, size=1, nrcpt=1\n"
	    AT "virtual[8]: 4SK2: to=<c@d>, " SENT, UNKNOWN },
	{ "another sender", BEGIN REFUSED SMTPD "NOQUEUE: reject: RCPT from "
	    FROM ": " BAD "from=<> to=<box@example.com> " TAIL END,
	    GREETED ASK "= 554 5.7.1\nRSET\nMAIL FROM:<>\n"
	    "RCPT TO:<box@example.com>\n= 554 5.7.1\n\n" },
	{ "at MAIL", BEGIN SMTPD "NOQUEUE: reject: MAIL from " FROM ": "
	    "450 4.1.8 <a@b>: Sender address rejected: Domain not found; "
	    "from=<a@b> " TAIL END,
	    GREETED "MAIL FROM:<a@b>\n= 450 4.1.8\n\n" },
	{ "at EHLO", BEGIN SMTPD "NOQUEUE: reject: EHLO from " FROM ": "
	    "550 5.7.1 <x>: Helo command rejected: no; proto=SMTP helo=<x>\n"
	    END, TITLE CLIENT " PROTO=SMTP HELO=x\nEHLO x\n= 550 5.7.1\n\n" },
	{ "at once", SMTPD "NOQUEUE: reject: CONNECT from " FROM ": "
	    "554 5.7.1 <" FROM ">: Client host rejected: no; proto=SMTP\n"
	    END, TITLE CLIENT "\n= 554 5.7.1\n\n" },
	{ "by HELO", BEGIN SMTPD "NOQUEUE: reject: RCPT from " FROM ": " BAD
	    "from=<joe@example.org> to=<box@example.com> proto=SMTP "
	    "helo=<[192.0.2.1]>\n" END, TITLE CLIENT " PROTO=SMTP "
	    "HELO=[192.0.2.1]\nHELO [192.0.2.1]\n" ASK "= 554 5.7.1\n\n" },
	{ "at DATA", BEGIN SMTPD "4SK1: reject: DATA from " FROM ": "
	    "503 5.5.0 <DATA>: no; from=<a@b> to=<c@d> " TAIL END, STAGE },
	{ "by who did not greet", BEGIN SMTPD "NOQUEUE: reject: RCPT from "
	    FROM ": 503 5.5.1 no; from=<a@b> to=<c@d> proto=SMTP\n" END,
	    STAGE },
	{ "a warning is no refusal", BEGIN SMTPD "NOQUEUE: reject_warning: "
	    "RCPT from " FROM ": " BAD ASKED END MAIL QMGR
	    AT "virtual[8]: 4SK1: to=<box@example.com>, " SENT GONE,
	    TITLE CLIENT "\n" ASK "= permit\n\n" },
	{ "it tells the greeting", BEGIN SMTPD "NOQUEUE: filter: RCPT from "
	    FROM ": " BAD ASKED MAIL END QMGR
	    AT "virtual[8]: 4SK1: to=<box@example.com>, " SENT GONE,
	    GREETED ASK "= permit\n\n" },
	{ "a login, and a port", SMTPD "connect from unknown[2001:db8::1]:25\n"
	    SMTPD "4SK1: client=unknown[2001:db8::1]:25, sasl_method=PLAIN, "
	    "sasl_username=joe@example.org\n" QMGR
	    AT "virtual[8]: 4SK1: to=<box@example.com>, " SENT GONE,
	    "title Nov 30 12:00:00 unknown[2001:db8::1]\n"
	    "XCLIENT ADDR=IPV6:2001:db8::1 NAME=[UNAVAILABLE] "
	    "REVERSE_NAME=[UNAVAILABLE] PORT=25 LOGIN=joe@example.org\n"
	    ASK "= permit\n\n" },
	{ "another client, by XCLIENT", BEGIN SMTPD "NOQUEUE: reject: RCPT "
	    "from unknown[192.0.2.2]: " BAD ASKED END,
	    "title Nov 30 12:00:00 unknown[192.0.2.2]\n"
	    "XCLIENT ADDR=192.0.2.2 NAME=[UNAVAILABLE] "
	    "REVERSE_NAME=[UNAVAILABLE] PROTO=ESMTP HELO=client.example.org\n"
	    "EHLO client.example.org\n" ASK "= 554 5.7.1\n\n" },
	{ "the same process of another host", BEGIN REFUSED
	    "Nov 30 12:00:00 mx2 postfix/smtpd[77]: connect from x.y[192.0.2.9]"
	    "\n" REFUSED END, GREETED ASK "= 554 5.7.1\n\n" },
	{ "through a filter, once more", "Nov 30 12:00:00 mx postfix/smtpd[78]"
	    ": 4SK2: client=localhost[127.0.0.1], orig_queue_id=4SK1, "
	    "orig_client=" FROM "\n", "# left out: 1 mails: a filter has "
	    "passed them on: they were here before\n" },
	{ "of the journal", JOURNAL "\"connect from " FROM "\"}\n" JOURNAL
	    "\"NOQUEUE: reject: RCPT from " FROM ": 554 5.7.1 no; "
	    "from=<joe@example.org> to=<box@example.com> proto=ESMTP "
	    "helo=<client.example.org>\"}\n", "title 2026-11-30T12:00:00Z "
	    "client.example.org[192.0.2.1]\n" CLIENT " PROTO=ESMTP "
	    "HELO=client.example.org\nEHLO client.example.org\n" ASK
	    "= 554 5.7.1\n\n" },
	{ "another program's", "Nov 30 12:00:00 mx logger[77]: postfix/smtpd"
	    "[77]: NOQUEUE: reject: RCPT from " FROM ": " BAD ASKED
	    "Nov 30 12:00:00 mx smtpd[77]: NOQUEUE: reject: RCPT from " FROM
	    ": " BAD ASKED, "" },
	/* What a client chose. */
	{ "a greeting like the log's", BEGIN SMTPD "NOQUEUE: reject: RCPT from "
	    FROM ": 504 5.5.2 <x; from=<a@b> to=<c@d> proto=SMTP helo=<y>: "
	    "Helo command rejected: no; from=<joe@example.org> "
	    "to=<box@example.com> proto=SMTP helo=<x; from=<a@b> to=<c@d> "
	    "proto=SMTP helo=<y>\n" END, AMBIGUOUS },
	{ "an address like the log's", BEGIN SMTPD "NOQUEUE: reject: RCPT from "
	    FROM ": " BAD "from=<\"x> to=<c@d\"@b> to=<box@example.com> " TAIL
	    END, AMBIGUOUS },
	{ "and where nothing else is", BEGIN SMTPD "NOQUEUE: reject: MAIL from "
	    FROM ": " BAD "from=<\"x> to=<c@d\"@b> " TAIL END, ODD },
	{ "a text like the log's", BEGIN SMTPD "NOQUEUE: reject: CONNECT from "
	    FROM ": 554 5.7.1 no; from=<a@b> to=<c@d> ; proto=SMTP\n" END,
	    MALFORMED },
	{ "a recipient like the log's", BEGIN MAIL QMGR
	    AT "virtual[8]: 4SK1: to=<\"a>, orig_to=<b@c>, relay=d\"@e>, " SENT
	    GONE END, AMBIGUOUS UNKNOWN },
	{ "a quoted recipient", BEGIN MAIL QMGR
	    AT "virtual[8]: 4SK1: to=<\"a b\"@e>, " SENT GONE END,
	    ODD UNKNOWN },
	{ "a sender like the log's", BEGIN MAIL AT "qmgr[7]: 4SK1: from=<\"a>, "
	    "b\"@e>, size=1, nrcpt=1 (queue active)\n" GONE END,
	    AMBIGUOUS UNKNOWN },
	{ "a greeting with characters", BEGIN SMTPD "NOQUEUE: reject: RCPT from "
	    FROM ": " BAD "from=<a@b> to=<c@d> proto=SMTP helo=<x y>\n" END,
	    ODD },
	{ "one that Postfix has masked", BEGIN SMTPD "NOQUEUE: reject: RCPT from "
	    FROM ": " BAD "from=<a@b> to=<c@d> proto=SMTP helo=<x?>\n" END,
	    ODD },
	{ "octets", BEGIN SMTPD "NOQUEUE: reject: RCPT from " FROM ": " BAD
	    "from=<\xc3\xa4@b> to=<c@d> " TAIL END, ODD },
	{ "a line that was cut", BEGIN SMTPD "NOQUEUE: reject: RCPT from " FROM
	    ": " BAD "from=<joe@example.org> to=<box@exam\n" END, MALFORMED },
};

static void
take_lines(struct capture *c, const char *in)
{
	struct log_entry	*e = malloc(sizeof *e);
	struct span		 rest = span_of(in);
	const char		*end;
	char			*edge;
	size_t			 n;

	ck_assert_ptr_nonnull(e);
	while ((end = span_find(rest, '\n')) != NULL) {
		n = (size_t)(end - rest.p);
		edge = edge_copy(rest.p, n);
		log_entry_read((struct span){ edge, n }, e);
		capture_take(c, e);
		edge_free(edge, n);
		rest = span_skip(rest, n + 1);
	}
	free(e);
}

/* What it becomes, which is the caller's; the number of cases. */
static char *
captured(const char *in, size_t memory, unsigned long *n_r)
{
	char		*text = NULL;
	size_t		 size;
	FILE		*out = open_memstream(&text, &size);
	struct capture	*c;

	ck_assert_ptr_nonnull(out);
	c = capture_new(out, memory);
	take_lines(c, in);
	*n_r = capture_end(c);
	ck_assert_int_eq(fclose(out), 0);
	return text;
}

static unsigned long
count(const char *text, const char *what)
{
	unsigned long	 n = 0;

	while ((text = strstr(text, what)) != NULL) {
		n++;
		text += strlen(what);
	}
	return n;
}

START_TEST(a_log_becomes_cases)
{
	const struct row	*row = &rows[_i];
	unsigned long		 n;
	char			*got = captured(row->in, CAPTURE_MEMORY, &n);

	ck_assert_msg(strcmp(got, row->want) == 0, "%s: want\n%s\ngot\n%s",
	    row->name, row->want, got);
	ck_assert_msg(n == count(got, "title "), "%s: %lu", row->name, n);
	free(got);
}
END_TEST

/* Whatever is cut off at the end, nothing that was not said is said; but what
 * is made to look like the log's own end is one, if the log is cut there. */
START_TEST(cut_at_each_octet)
{
	const struct row	*row = &rows[_i];
	char			*in, *got;
	size_t			 len = strlen(row->in);
	unsigned long		 n;

	if (strstr(row->in, "helo=<y>: ") != NULL)
		return;
	in = strdup(row->in);
	while (len-- > 1) {
		in[len] = '\0';
		in[len - 1] = '\n';
		got = captured(in, CAPTURE_MEMORY, &n);
		ck_assert_msg(strstr(got, "<c@d>") == NULL &&
		    strstr(got, "<b@c>") == NULL, "%s: cut at %zu: %s",
		    row->name, len, got);
		free(got);
		in[len - 1] = row->in[len - 1];
	}
	free(in);
}
END_TEST

/* Postfix would end a session with so many errors. */
START_TEST(many_refusals_are_several_cases)
{
	char		 in[8192] = BEGIN, line[512], *got;
	unsigned long	 n;
	int		 i;

	for (i = 0; i < 20; i++) {
		(void)snprintf(line, sizeof line, SMTPD "NOQUEUE: reject: RCPT "
		    "from " FROM ": " BAD "from=<a@b> to=<%d@d> " TAIL, i);
		(void)strcat(in, line);
	}
	got = captured(in, CAPTURE_MEMORY, &n);
	ck_assert_uint_eq(n, 3);
	ck_assert_uint_eq(count(got, "\nRCPT TO:<"), 20);
	ck_assert_uint_eq(count(got, "\nEHLO client.example.org\n"), 3);
	free(got);
}
END_TEST

/* What the case that goes on with a session is told of it. */
START_TEST(who_logged_in_stays_so)
{
	char		 in[16384] = "", line[512], *got;
	unsigned long	 n;
	int		 i;

	for (i = 0; i < 60; i++) {
		(void)snprintf(line, sizeof line, SMTPD "Q%d: client=" FROM
		    "%s\n" AT "qmgr[7]: Q%d: from=<>, size=1\n", i, i == 0 ?
		    ", sasl_method=PLAIN, sasl_username=joe" : "", i);
		(void)strcat(in, line);
		if (i % 30 == 0)
			(void)snprintf(line, sizeof line, AT "virtual[8]: "
			    "Q%d: to=<c@d>, relay=virtual\n", i);
		else
			line[0] = '\0';
		(void)strcat(in, line);
	}
	got = captured(in, CAPTURE_MEMORY, &n);
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(count(got, "RCPT TO"), 2);
	free(got);
	(void)strcat(in, AT "virtual[8]: Q59: to=<c@d>, relay=virtual\n");
	got = captured(in, CAPTURE_MEMORY, &n);
	ck_assert_uint_eq(n, 2);
	ck_assert_uint_eq(count(got, "LOGIN=joe\n"), 2);
	free(got);
}
END_TEST

/* The oldest are written as they are. */
START_TEST(memory_is_bounded)
{
	static char	 in[400000];
	char		*got;
	size_t		 len = 0;
	unsigned long	 n;
	int		 i;

	for (i = 0; i < 1000; i++)
		len += (size_t)snprintf(in + len, sizeof in - len,
		    AT "smtpd[%d]: Q%d: client=unknown[192.0.2.1]\n"
		    AT "qmgr[7]: Q%d: from=<a@b>, size=1\n"
		    AT "virtual[8]: Q%d: to=<c@d>, relay=virtual\n", i, i, i,
		    i);
	got = captured(in, 10000, &n);
	ck_assert_uint_eq(n, 1000);
	ck_assert_uint_eq(count(got, "RCPT TO:<c@d>\n= permit\n\n"), 1000);
	free(got);
	got = captured(in, 1, &n);
	ck_assert_uint_eq(n, 0);
	free(got);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("capture");

	tcase_add_loop_test(tc, a_log_becomes_cases, 0, NELEM(rows));
	tcase_add_loop_test(tc, cut_at_each_octet, 0, NELEM(rows));
	tcase_add_test(tc, many_refusals_are_several_cases);
	tcase_add_test(tc, who_logged_in_stays_so);
	tcase_add_test(tc, memory_is_bounded);
	return runner_run("capture", tc);
}
