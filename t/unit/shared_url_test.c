/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * shared_url_test: where the engine is, as it is written, in whole and at the
 * end of memory; and what is said of what is none, in which no password is.
 */
#include "conf/shared_url.h"

#include "t/lib/edge.h"
#include "t/lib/runner.h"

#define P107	"/23456789/23456789/23456789/23456789/23456789/2345678" \
		"/23456789/23456789/23456789/23456789/23456789/23456789"
#define N64	"a234567890123456789012345678901234567890" \
		"12345678901234567890_._-"
#define H16	"a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a"

static const struct row {
	const char	*in;
	bool		 is_tls;
	const char	*user, *path, *sentinel;
	unsigned	 database, n_hosts;
	const char	*name;		/* of the last host, with ... */
	unsigned	 port;
} rows[] = {
	{ "redis://a", false, "", "", "", 0, 1, "a", 6379 },
	{ "redis://a/", false, "", "", "", 0, 1, "a", 6379 },
	{ "redis://Db.Example.com.:1/65535", false, "", "", "", 65535, 1,
	    "db.example.com", 1 },
	{ "rediss://u@192.0.2.1:65535/7", true, "u", "", "", 7, 1,
	    "192.0.2.1", 65535 },
	{ "redis://[2001:DB8::0:1]", false, "", "", "", 0, 1,
	    "2001:db8::1", 6379 },
	{ "rediss://" N64 "@a,b:2,[::1]:3", true, N64, "", "", 0, 3, "::1",
	    3 },
	{ "redis://" H16, false, "", "", "", 0, 16, "a", 6379 },
	{ "redis://a,b?sentinel=m", false, "", "", "m", 0, 2, "b", 26379 },
	{ "redis://u@a:5,b/3?sentinel=" N64, false, "u", "", N64, 3, 2, "b",
	    26379 },
	{ "redis+unix:///r", false, "", "/r", "", 0, 0, NULL, 0 },
	{ "redis+unix://u@" P107 "?database=12", false, "u", P107, "", 12, 0,
	    NULL, 0 },
};

static void
check_row(const char *in, const char *text, size_t n)
{
	const struct row		*r = &rows[0];
	const struct shared_url_host	*host;
	struct shared_url		 url;
	struct err			 err;

	while (r->in != in)
		r++;
	ck_assert_msg(shared_url_parse((struct span){ text, n }, &url,
	    &err) == 0, "%s: %s", in, err.text);
	ck_assert_msg(url.is_tls == r->is_tls, "%s", in);
	ck_assert_str_eq(url.user, r->user);
	ck_assert_str_eq(url.path, r->path);
	ck_assert_str_eq(url.sentinel, r->sentinel);
	ck_assert_uint_eq(url.database, r->database);
	ck_assert_uint_eq(url.n_hosts, r->n_hosts);
	if (r->n_hosts == 0)
		return;
	host = &url.hosts[r->n_hosts - 1];
	ck_assert_str_eq(host->name, r->name);
	ck_assert_uint_eq(host->port, r->port);
}

START_TEST(reads)
{
	const char	*in = rows[_i].in;
	char		*copy = edge_copy(in, strlen(in));

	check_row(in, in, strlen(in));
	check_row(in, copy, strlen(in));
	edge_free(copy, strlen(in));
}
END_TEST

static const struct bad_row {
	const char	*in;
	const char	*want;		/* in what is said */
} bad_rows[] = {
	{ "", "expected \"redis://host:port\"" },
	{ "redis:/a", "expected \"redis://host:port\"" },
	{ "REDIS://a", "expected \"redis://host:port\"" },
	{ "http://a", "expected \"redis://host:port\"" },
	{ "redis://", "host 1: expected" },
	{ "redis://,a", "host 1: expected" },
	{ "redis://a,", "host 2: expected" },
	{ "redis://a,b:c", "host 2: expected" },
	{ "redis://a:", "host 1: expected" },
	{ "redis://a:0", "host 1: expected" },
	{ "redis://a:01", "host 1: expected" },
	{ "redis://a:65536", "host 1: expected" },
	{ "redis://a:999999999999", "host 1: expected" },
	{ "redis://::1", "host 1: expected" },
	{ "redis://[::1", "host 1: expected" },
	{ "redis://[a]", "host 1: expected" },
	{ "redis://[::1]:", "host 1: expected" },
	{ "redis://[::1]6", "host 1: expected" },
	{ "redis://" H16 ",a", "more than 16 hosts" },
	{ "redis://a/b", "expected a database" },
	{ "redis://a/65536", "expected a database" },
	{ "redis://a/00", "expected a database" },
	{ "redis://a/-1", "expected a database" },
	{ "redis://@a", "expected before \"@\" a user's name" },
	{ "redis://u v@a", "expected before \"@\" a user's name" },
	{ "redis://" N64 "a@a", "expected before \"@\" a user's name" },
	{ "redis://u:secret@a", "a password must not stand there" },
	{ "redis://:secret@a", "a password must not stand there" },
	{ "redis://u:secret@x@a", "a password must not stand there" },
	{ "redis://u:secret/?@a", "a password must not stand there" },
	{ "redis://u:secret", "host 1: expected" },
	{ "redis://a?", "expected behind \"?\" \"sentinel=NAME\"" },
	{ "redis://a?sentinel=", "expected behind \"?\" \"sentinel=NAME\"" },
	{ "redis://a?sentinel=a b", "expected behind \"?\"" },
	{ "redis://a?database=1", "expected behind \"?\"" },
	{ "redis+unix://", "a path of at most 107" },
	{ "redis+unix:///", "a path of at most 107" },
	{ "redis+unix://a", "a path of at most 107" },
	{ "redis+unix://" P107 "a", "a path of at most 107" },
	{ "redis+unix:///a\tb", "a path of at most 107" },
	{ "redis+unix:///a?sentinel=b", "expected behind \"?\" \"database=" },
	{ "redis+unix:///a?database=", "expected a database" },
};

START_TEST(says_what_is_expected)
{
	const struct bad_row	*r = &bad_rows[_i];
	struct shared_url	 url = { .database = 77 };
	struct err		 err = { "" };
	char			*copy = edge_copy(r->in, strlen(r->in));

	ck_assert_int_eq(shared_url_parse((struct span){ copy,
	    strlen(r->in) }, &url, &err), -1);
	edge_free(copy, strlen(r->in));
	ck_assert_msg(strstr(err.text, r->want) != NULL, "%s: %s", r->in,
	    err.text);
	ck_assert_ptr_null(strstr(err.text, "secret"));
	ck_assert_uint_eq(url.database, 77);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("shared_url");

	tcase_add_loop_test(tc, reads, 0, NELEM(rows));
	tcase_add_loop_test(tc, says_what_is_expected, 0, NELEM(bad_rows));
	return runner_run("shared_url", tc);
}
