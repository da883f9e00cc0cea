/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * resolve_answer_test: answers of name servers, whole, cut at every byte and at
 * the end of memory.
 */
#include <arpa/nameser.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/resolve_private.h"
#include "t/lib/edge.h"
#include "t/lib/runner.h"

/* A question for a.example, type and class; then one answer each. */
#define HEAD(n)	"\x12\x34\x85\x80\0\1\0" n "\0\0\0\0\1a\7example\0\0\xff\0\1"
#define MX(name) "\xc0\x0c\0\x0f\0\1\0\0\0\x3c\0" name
#define PTR(name) "\xc0\x0c\0\x0c\0\1\0\0\0\x3c\0" name
#define CNAME	"\xc0\x0c\0\5\0\1\0\0\0\x3c\0\4\1b\xc0\x0e"
#define WHOLE(s) { s, sizeof(s) - 1 }

static const struct row {
	const char	*name;
	struct span	 answer;
	bool		 want_mx;	/* there are MX records, or rubbish */
	const char	*want_hosts;	/* each followed by its preference */
	const char	*want_ptr;	/* NULL: cannot be read */
} rows[] = {
	{ "one MX", WHOLE(HEAD("\1") MX("\7\0\x0a\2mx\xc0\x0c")), true,
	    "mx.a.example 10\n", "" },
	{ "two MX, the later one preferred", WHOLE(HEAD("\2")
	    MX("\7\0\x14\2m1\xc0\x0c") MX("\7\0\x0a\2m2\xc0\x0c")), true,
	    "m2.a.example 10\nm1.a.example 20\n", "" },
	{ "equal ones stay as they came", WHOLE(HEAD("\2")
	    MX("\7\0\x0a\2m1\xc0\x0c") MX("\7\0\x0a\2m2\xc0\x0c")), true,
	    "m1.a.example 10\nm2.a.example 10\n", "" },
	{ "null MX", WHOLE(HEAD("\1") MX("\3\0\0\0")), true, "null", "" },
	{ "null MX with preference", WHOLE(HEAD("\1") MX("\3\0\7\0")), true,
	    "null", "" },
	{ "null MX and another", WHOLE(HEAD("\2") MX("\3\0\0\0")
	    MX("\7\0\x0a\2mx\xc0\x0c")), true, "mx.a.example 10\n", "" },
	{ "MX of no name", WHOLE(HEAD("\1") MX("\2\0\x0a")), true, "", "" },
	{ "MX of one octet", WHOLE(HEAD("\1") MX("\1\0")), true, "", "" },
	{ "MX that points at itself", WHOLE(HEAD("\1") MX("\4\0\x0a\xc0\x29")),
	    true, "", "" },
	{ "a good MX, and one that points at itself", WHOLE(HEAD("\2")
	    MX("\7\0\x0a\2mx\xc0\x0c") MX("\4\0\x0a\xc0\x3c")), true, "",
	    "" },
	{ "MX behind an alias", WHOLE(HEAD("\2") CNAME
	    MX("\7\0\x0a\2mx\xc0\x0c")), true, "mx.a.example 10\n", "" },
	{ "alias only", WHOLE(HEAD("\1") CNAME), false, "", "" },
	{ "one PTR", WHOLE(HEAD("\1") PTR("\4\1h\xc0\x0e")), false, "",
	    "h.example" },
	{ "the first of two PTR", WHOLE(HEAD("\2") PTR("\4\1h\xc0\x0e")
	    PTR("\4\1i\xc0\x0e")), false, "", "h.example" },
	{ "PTR behind an alias", WHOLE(HEAD("\2") CNAME
	    PTR("\4\1h\xc0\x0e")), false, "", "h.example" },
	{ "blank in a PTR", WHOLE(HEAD("\1") PTR("\6\3h i\xc0\x0e")), false,
	    "", "h\\032i.example" },
	{ "PTR that points at itself", WHOLE(HEAD("\1") PTR("\2\xc0\x27")),
	    false, "", NULL },
};

static void
write_hosts(const struct resolve_query *query, char *buf, size_t size)
{
	size_t		 n;
	unsigned	 i;

	n = (size_t)snprintf(buf, size, "%s", query->is_null_mx ? "null" : "");
	for (i = 0; i < query->n_hosts; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s %u\n",
		    query->hosts[i].name, query->hosts[i].preference);
}

static void
check_row(const struct row *r, const char *how, const unsigned char *answer)
{
	struct resolve_query	*query = calloc(1, sizeof *query);
	char			 hosts[1024], buf[NS_MAXDNAME];
	const char		*ptr;
	bool			 is_mx;

	is_mx = resolve_answer_hosts(query, answer, (int)r->answer.n);
	ck_assert_msg(is_mx == r->want_mx, "%s, %s: %d", r->name, how, is_mx);
	write_hosts(query, hosts, sizeof hosts);
	ck_assert_msg(strcmp(hosts, r->want_hosts) == 0, "%s, %s: %s", r->name,
	    how, hosts);
	ptr = resolve_answer_ptr(answer, (int)r->answer.n, buf, sizeof buf);
	ck_assert_msg((ptr == NULL) == (r->want_ptr == NULL) && (ptr == NULL ||
	    strcmp(ptr, r->want_ptr) == 0), "%s, %s: %s", r->name, how, ptr);
	free(query);
}

START_TEST(row_is_read)
{
	const struct row	*r = &rows[_i];
	char			*edge = edge_copy(r->answer.p, r->answer.n);

	check_row(r, "whole", (const unsigned char *)r->answer.p);
	check_row(r, "edge", (const unsigned char *)edge);
	edge_free(edge, r->answer.n);
}
END_TEST

/* What is cut is no answer: no hosts, no name, and never "there is no MX". */
START_TEST(cut_row_says_nothing)
{
	const struct row	*r = &rows[_i];
	struct resolve_query	*query;
	char			*edge, buf[NS_MAXDNAME];
	size_t			 n;

	for (n = 0; n < r->answer.n; n++) {
		query = calloc(1, sizeof *query);
		edge = edge_copy(r->answer.p, n);
		ck_assert_msg(resolve_answer_hosts(query,
		    (unsigned char *)edge, (int)n), "%s: %zu", r->name, n);
		ck_assert_uint_eq(query->n_hosts, 0);
		ck_assert_int_ne(query->unknown_status, 0);
		ck_assert_ptr_null(resolve_answer_ptr((unsigned char *)edge,
		    (int)n, buf, sizeof buf));
		edge_free(edge, n);
		free(query);
	}
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("resolve_answer");

	tcase_add_loop_test(tc, row_is_read, 0, NELEM(rows));
	tcase_add_loop_test(tc, cut_row_says_nothing, 0, NELEM(rows));
	return runner_run("resolve_answer", tc);
}
