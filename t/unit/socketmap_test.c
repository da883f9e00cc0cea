/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * socketmap_test: bodies of requests, and replies.
 */
#include "policy/socketmap.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/netstring.h"
#include "t/lib/edge.h"
#include "t/lib/runner.h"

#define L64	"abcdefghijklmnopqrstuvwxyz0123456789-_"			\
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static const struct row {
	const char	*name, *in;
	int		 want;		/* enum socketmap_map, -1: refused */
	const char	*want_listener, *want_key;
} rows[] = {
	{ "xclient",	"xclient 192.0.2.1",	SOCKETMAP_XCLIENT, "",
	    "192.0.2.1" },
	{ "xforward",	"xforward a.example",	SOCKETMAP_XFORWARD, "",
	    "a.example" },
	{ "command",	"command EHLO x y ",	SOCKETMAP_COMMAND, "",
	    "EHLO x y " },
	{ "milters",	"milters unknown",	SOCKETMAP_MILTERS, "",
	    "unknown" },
	{ "profile",	"profile 192.0.2.1",	SOCKETMAP_PROFILE, "",
	    "192.0.2.1" },
	{ "profile of a listener", "profile.edge a.example",
	    SOCKETMAP_PROFILE, "edge", "a.example" },
	{ "empty key",	"xclient ",		SOCKETMAP_XCLIENT, "", "" },
	{ "blank key",	"xclient  x",		SOCKETMAP_XCLIENT, "", " x" },
	{ "listener",	"xclient.edge x",	SOCKETMAP_XCLIENT, "edge",
	    "x" },
	{ "one letter",	"milters.e x",		SOCKETMAP_MILTERS, "e", "x" },
	{ "the longest", "command." L64 " x",	SOCKETMAP_COMMAND, L64, "x" },
	{ "dots in the key", "xclient a.b",	SOCKETMAP_XCLIENT, "",
	    "a.b" },
	{ "no blank",	"xclient",		-1, NULL, NULL },
	{ "nothing",	"",			-1, NULL, NULL },
	{ "no map",	" x",			-1, NULL, NULL },
	{ "another map", "mail x",		-1, NULL, NULL },
	{ "a longer name", "xclients x",	-1, NULL, NULL },
	{ "a shorter name", "xclien x",		-1, NULL, NULL },
	{ "many profiles", "profiles x",	-1, NULL, NULL },
	{ "capitals",	"XCLIENT x",		-1, NULL, NULL },
	{ "a tab",	"xclient\tx",		-1, NULL, NULL },
	{ "no listener", "xclient. x",		-1, NULL, NULL },
	{ "too long a listener", "xclient." L64 "x y", -1, NULL, NULL },
	{ "two dots",	"xclient.a.b x",	-1, NULL, NULL },
	{ "other bytes", "xclient.a/b x",	-1, NULL, NULL },
	{ "8-bit bytes", "xclient.\303\244 x",	-1, NULL, NULL },
	{ "a dot alone", ". x",			-1, NULL, NULL },
};

static void
check_row(const struct row *r, const char *how, struct span in)
{
	struct socketmap_request	 request = { .key = { "untouched",
					     9 } };
	bool				 is_ok = socketmap_parse(in,
					     &request);

	ck_assert_msg(is_ok == (r->want != -1), "%s, %s", r->name, how);
	if (!is_ok) {
		ck_assert_msg(span_eq(request.key, "untouched"),
		    "%s, %s: wrote", r->name, how);
		return;
	}
	ck_assert_msg((int)request.map == r->want, "%s, %s: map %d", r->name,
	    how, request.map);
	ck_assert_msg(span_eq(request.listener, r->want_listener),
	    "%s, %s: listener", r->name, how);
	ck_assert_msg(span_eq(request.key, r->want_key), "%s, %s: key",
	    r->name, how);
}

START_TEST(row_is_taken_apart)
{
	const struct row	*r = &rows[_i];
	size_t			 n = strlen(r->in);
	char			*edge = edge_copy(r->in, n);

	check_row(r, "whole", span_of(r->in));
	check_row(r, "edge", (struct span){ edge, n });
	edge_free(edge, n);
}
END_TEST

START_TEST(a_nul_is_refused_anywhere)
{
	static const char		 in[] = "xclient.edge key";
	struct socketmap_request	 request;
	char				 buf[sizeof in];
	size_t				 i;

	for (i = 0; i < sizeof in - 1; i++) {
		memcpy(buf, in, sizeof buf);
		buf[i] = '\0';
		ck_assert_msg(!socketmap_parse((struct span){ buf,
		    sizeof in - 1 }, &request), "at %zu", i);
	}
}
END_TEST

START_TEST(each_map_has_one_name)
{
	struct socketmap_request	 request;
	char				 body[64];
	int				 i;

	for (i = 0; i < SOCKETMAP_COUNT; i++) {
		(void)snprintf(body, sizeof body, "%s k",
		    socketmap_map_text((enum socketmap_map)i));
		ck_assert(socketmap_parse(span_of(body), &request));
		ck_assert_int_eq((int)request.map, i);
	}
}
END_TEST

static const struct reply_row {
	enum socketmap_result	 result;
	const char		*text, *want;
} reply_rows[] = {
	{ SOCKETMAP_OK,		"edge",		"7:OK edge," },
	{ SOCKETMAP_OK,		"",		"3:OK ," },
	{ SOCKETMAP_NOTFOUND,	"",		"9:NOTFOUND ," },
	{ SOCKETMAP_NOTFOUND,	NULL,		"9:NOTFOUND ," },
	{ SOCKETMAP_TEMP,	"later",	"10:TEMP later," },
	{ SOCKETMAP_PERM,	"no, never",	"14:PERM no, never," },
};

START_TEST(replies)
{
	const struct reply_row	*r = &reply_rows[_i];
	size_t			 n = strlen(r->want);
	char			*edge = edge_copy(NULL, 0);

	ck_assert_uint_eq(socketmap_reply(r->result, r->text, edge - n, n),
	    n);
	ck_assert_msg(memcmp(edge - n, r->want, n) == 0, "%s: got %.*s",
	    r->want, (int)n, edge - n);
	ck_assert_uint_eq(socketmap_reply(r->result, r->text, edge - n,
	    n - 1), 0);
	edge_free(edge, 0);
}
END_TEST

START_TEST(the_longest_reply)
{
	static char	 text[SOCKETMAP_TEXT_MAX + 2];
	static char	 buf[sizeof text + 64];
	struct span	 body;
	size_t		 n, used;

	memset(text, 'x', sizeof text - 2);
	n = socketmap_reply(SOCKETMAP_NOTFOUND, text, buf,
	    SOCKETMAP_TEXT_MAX + 64);
	ck_assert_uint_gt(n, 0);
	ck_assert_int_eq(netstring_find((struct span){ buf, n }, sizeof buf,
	    &body, &used), NETSTRING_DONE);
	ck_assert_uint_eq(body.n, SOCKETMAP_TEXT_MAX + 9);
	text[sizeof text - 2] = 'x';
	ck_assert_uint_eq(socketmap_reply(SOCKETMAP_OK, text, buf,
	    sizeof buf), 0);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("socketmap");

	tcase_add_loop_test(tc, row_is_taken_apart, 0, NELEM(rows));
	tcase_add_test(tc, a_nul_is_refused_anywhere);
	tcase_add_test(tc, each_map_has_one_name);
	tcase_add_loop_test(tc, replies, 0, NELEM(reply_rows));
	tcase_add_test(tc, the_longest_reply);
	return runner_run("socketmap", tc);
}
