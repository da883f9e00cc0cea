/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * attr_test: one policy request at the front of a buffer: whole, byte by byte
 * and at the end of memory.
 */
#include "policy/attr.h"

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "t/lib/edge.h"
#include "t/lib/runner.h"

#define REQ	"request=smtpd_access_policy\n"
#define MAX	200

/* want: the values in the order of enum attr_name, each with "|" behind; at
 * the end, all that are empty are left out. */
static const struct row {
	const char		*name, *in;
	enum attr_result	 want;
	const char		*want_values;
	size_t			 n;	/* 0: strlen(in) */
} rows[] = {
	{ "only a request",	REQ "\n",	ATTR_DONE,
	    "smtpd_access_policy|", 0 },
	{ "all that is used",
	    REQ "protocol_state=RCPT\nclient_address=192.0.2.1\n"
	    "client_name=a.example\nclient_port=25\nsasl_method=XCLIENT\n"
	    "sasl_username=joe\npolicy_context=edge\n\n", ATTR_DONE,
	    "smtpd_access_policy|RCPT|192.0.2.1|a.example|25|XCLIENT|joe|edge|",
	    0 },
	{ "another order, others between",
	    REQ "size=1\npolicy_context=p\nclient_port=1\nccert_subject=\n"
	    "client_name=n\nclient_address=a\nx=y=z\n\n", ATTR_DONE,
	    "smtpd_access_policy||a|n|1|||p|", 0 },
	{ "empty values",	REQ "client_name=\nsasl_username=\n\n",
	    ATTR_DONE, "smtpd_access_policy|", 0 },
	{ "equals signs in a value", REQ "sasl_username=a=b=\n\n", ATTR_DONE,
	    "smtpd_access_policy||||||a=b=|", 0 },
	{ "blanks are bytes",	REQ " client_name=x\nclient_name = y\n"
	    "client_name= z \n\n", ATTR_DONE,
	    "smtpd_access_policy|||" " z |", 0 },
	{ "carriage returns are bytes", REQ "client_name=x\r\n\n", ATTR_DONE,
	    "smtpd_access_policy|||x\r|", 0 },
	{ "all of the message", REQ "helo_name=h\nsender=a@b\n"
	    "recipient_count=2\nqueue_id=4X\n\n", ATTR_DONE,
	    "smtpd_access_policy||||||||h|a@b|2|4X|", 0 },
	{ "names of the same length", REQ "clienx_name=1\nsasl_methox=2\n"
	    "client_porx=3\nsasl_usernamx=4\nclient_addresx=5\n"
	    "protocol_statx=6\npolicy_contexx=7\nrequesx=8\n"
	    "xlient_address=9\n\n", ATTR_DONE,
	    "smtpd_access_policy|", 0 },
	{ "names of the same length, the message's", REQ "sendex=1\n"
	    "queue_ix=2\nhelo_namx=3\nrecipient_counx=4\n\n", ATTR_DONE,
	    "smtpd_access_policy|", 0 },
	{ "names in another case", REQ "Client_name=x\nREQUEST=y\n\n",
	    ATTR_DONE, "smtpd_access_policy|", 0 },
	{ "another request",	"request=junk\n\n", ATTR_DONE,
	    "junk|", 0 },
	{ "an empty request",	"request=\n\n",	ATTR_DONE, "|", 0 },
	{ "bytes over 127",	REQ "client_name=\377\200\n\n", ATTR_DONE,
	    "smtpd_access_policy|||\377\200|", 0 },
	{ "another one behind",	REQ "\n" REQ "client_name=x\n\n", ATTR_DONE,
	    "smtpd_access_policy|", 0 },
	{ "rubbish behind",	REQ "\nrubbish\n", ATTR_DONE,
	    "smtpd_access_policy|", 0 },
	{ "a NUL behind",	REQ "\n\0", ATTR_DONE,
	    "smtpd_access_policy|", sizeof REQ "\n" },

	{ "nothing yet",	"",		ATTR_MORE, NULL, 0 },
	{ "a line cut short",	"request",	ATTR_MORE, NULL, 0 },
	{ "no end of line",	"request=x",	ATTR_MORE, NULL, 0 },
	{ "no empty line",	REQ,		ATTR_MORE, NULL, 0 },
	{ "a second line cut",	REQ "client_na", ATTR_MORE, NULL, 0 },
	{ "a NUL that may yet be refused", REQ "a\0", ATTR_MORE, NULL,
	    sizeof REQ "a" },

	{ "an empty line first", "\n" REQ "\n",	ATTR_BAD, NULL, 0 },
	{ "request is not first", "size=1\n" REQ "\n", ATTR_BAD, NULL, 0 },
	{ "no request at all",	"client_name=x\n\n", ATTR_BAD, NULL, 0 },
	{ "no equals sign",	REQ "client_name\n\n", ATTR_BAD, NULL, 0 },
	{ "no name",		REQ "=x\n\n",	ATTR_BAD, NULL, 0 },
	{ "a blank line",	REQ " \n\n",	ATTR_BAD, NULL, 0 },
	{ "request twice",	REQ REQ "\n",	ATTR_BAD, NULL, 0 },
	{ "the client twice",	REQ "client_address=a\nclient_address=a\n\n",
	    ATTR_BAD, NULL, 0 },
	{ "the client empty, then not", REQ "client_address=\n"
	    "client_address=a\n\n", ATTR_BAD, NULL, 0 },
	{ "a NUL in a value",	REQ "client_name=a\0b\n\n", ATTR_BAD, NULL,
	    sizeof REQ "client_name=a\0b\n" },
	{ "a NUL in a name",	REQ "a\0=b\n\n", ATTR_BAD, NULL,
	    sizeof REQ "a\0=b\n" },
	{ "a NUL in what is not used", REQ "x=\0\n\n", ATTR_BAD, NULL,
	    sizeof REQ "x=\0\n" },
	{ "not this protocol",	"EHLO x\r\n",	ATTR_BAD, NULL, 0 },
};

static void
check_answer(const struct row *r, const char *how, struct span in)
{
	struct attr_request	 request = { { { "untouched", 9 } } };
	char			 values[512] = "";
	size_t			 i, len, used = SIZE_MAX;
	enum attr_result	 got;

	got = attr_parse(in, MAX, &request, &used);
	ck_assert_msg(got == r->want, "%s, %s: got %d, want %d", r->name, how,
	    got, r->want);
	if (got != ATTR_DONE) {
		ck_assert_msg(span_eq(request.v[0], "untouched") &&
		    used == SIZE_MAX, "%s, %s: wrote", r->name, how);
		return;
	}
	for (i = 0; i < ATTR_COUNT; i++) {
		(void)strncat(values, request.v[i].p == NULL ? "" :
		    request.v[i].p, request.v[i].n);
		(void)strcat(values, "|");
	}
	len = strlen(values);
	while (len > 1 && values[len - 1] == '|' && values[len - 2] == '|')
		values[--len] = '\0';
	ck_assert_msg(strcmp(values, r->want_values) == 0,
	    "%s, %s: got %s, want %s", r->name, how, values, r->want_values);
	ck_assert_msg(used <= in.n && used >= 2 &&
	    memcmp(in.p + used - 2, "\n\n", 2) == 0, "%s, %s: used %zu",
	    r->name, how, used);
	ck_assert_msg(memmem(in.p, used - 1, "\n\n", 2) == NULL,
	    "%s, %s: used %zu", r->name, how, used);
}

START_TEST(row_has_its_answer)
{
	const struct row	*r = &rows[_i];
	size_t			 n = r->n == 0 ? strlen(r->in) : r->n;
	char			*edge = edge_copy(r->in, n);

	check_answer(r, "whole", (struct span){ r->in, n });
	check_answer(r, "edge", (struct span){ edge, n });
	edge_free(edge, n);
}
END_TEST

START_TEST(row_has_its_answer_bytewise)
{
	const struct row	*r = &rows[_i];
	size_t			 cut, n = r->n == 0 ? strlen(r->in) : r->n;
	enum attr_result	 got = ATTR_MORE;
	struct attr_request	 request;
	size_t			 used;
	char			*edge;

	for (cut = 0; cut <= n && got == ATTR_MORE; cut++) {
		edge = edge_copy(r->in, cut);
		got = attr_parse((struct span){ edge, cut }, MAX, &request,
		    &used);
		edge_free(edge, cut);
	}
	ck_assert_msg(got == r->want, "%s: got %d, want %d", r->name, got,
	    r->want);
	ck_assert_msg(got != ATTR_DONE || used == cut - 1,
	    "%s: used %zu of %zu", r->name, used, cut - 1);
}
END_TEST

/* Told as soon as it can be, and not before. */
START_TEST(the_limit_is_exact)
{
	struct attr_request	 request;
	char			 buf[MAX + 32];
	size_t			 used, n;

	for (n = MAX - 2; n <= MAX + 4; n++) {
		memset(buf, 'x', sizeof buf);
		memcpy(buf, REQ "size=", sizeof REQ "size=" - 1);
		buf[n - 2] = buf[n - 1] = '\n';
		ck_assert_int_eq(attr_parse((struct span){ buf, n }, MAX,
		    &request, &used), n <= MAX ? ATTR_DONE : ATTR_TOO_LONG);
		ck_assert_int_eq(attr_parse((struct span){ buf, n - 2 }, MAX,
		    &request, &used), n - 2 <= MAX ? ATTR_MORE :
		    ATTR_TOO_LONG);
		/* What stands behind is not counted. */
		ck_assert_int_eq(attr_parse((struct span){ buf, sizeof buf },
		    MAX, &request, &used), n <= MAX ? ATTR_DONE :
		    ATTR_TOO_LONG);
	}
	/* Many short lines are too long too. */
	for (n = sizeof REQ - 1; n < sizeof buf; n += 4)
		memcpy(buf + n, "a=b\n", n + 4 <= sizeof buf ? 4 :
		    sizeof buf - n);
	ck_assert_int_eq(attr_parse((struct span){ buf, sizeof buf }, MAX,
	    &request, &used), ATTR_TOO_LONG);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("attr");

	tcase_add_loop_test(tc, row_has_its_answer, 0, NELEM(rows));
	tcase_add_loop_test(tc, row_has_its_answer_bytewise, 0, NELEM(rows));
	tcase_add_test(tc, the_limit_is_exact);
	return runner_run("attr", tc);
}
