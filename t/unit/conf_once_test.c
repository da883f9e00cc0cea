/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_once_test: settings that are said twice at one level, and those that only
 * look so.
 */
#include "conf/conf.h"

#include "t/lib/conf_file.h"
#include "t/lib/runner.h"

static const struct row {
	const char	*name, *text;
	const char	*want;		/* behind the file's name */
} rows[] = {
	{ "said twice", "log = stderr\n\nlog = stderr\n",
	    ":3: log is said already, in line 1" },
	{ "said twice, a list", "trust_maps = {\n'static:a' }\n"
	    "profile a { }\nTrust_Maps = { }\n",
	    ":4: trust_maps is said already, in line 1" },
	{ "said twice, an empty list", "trust_maps = { }\ntrust_maps = { }\n",
	    ":2: trust_maps is said already, in line 1" },
	{ "said twice, in one line", "log = stderr log_all = true log = stderr",
	    ":1: log is said already, in line 1" },
	{ "said twice, in quotes", "log = stderr\n\"log\" = stderr\n",
	    ":2: log is said already, in line 1" },
	{ "said twice, with comments between",
	    "log = stderr # log = a\n/* } */ log /* = */ = stderr\n",
	    ":2: log is said already, in line 1" },
	{ "said twice in a section", "limits {\nlog_rate = 1\nlog_rate = 2 }",
	    ":3: log_rate is said already, in line 2" },
	{ "said twice in two pieces of a section", "limits { log_rate = 1 }\n"
	    "limits { connections = 1 }\nlimits { log_rate = 1 }\n",
	    ":3: log_rate is said already, in line 1" },
	{ "said twice in a profile", "profile a { addr = { }\n"
	    "seal = never addr = { '*' } }",
	    ":2: addr is said already, in line 1" },
	{ "said twice in a profile, and named as another section is",
	    "profile milter { addr = { } addr = { } }\n",
	    ":1: addr is said already, in line 1" },
	{ "said twice around a section", "user = a\nprofile user { }\n"
	    "user = b\n", ":3: user is said already, in line 1" },
	{ "said twice in an inner section", "binding_group g {\n"
	    "XCLIENT = no binding b {\ndomain a.example { XCLIENT = no\n"
	    "xclient = no } } }\n", ":4: XCLIENT is said already, in line 3" },
	{ "said twice around an inner section", "binding_group g {\n"
	    "XCLIENT = no binding b {\nXCLIENT = no }\nXCLIENT = no }\n",
	    ":4: XCLIENT is said already, in line 2" },
};

START_TEST(said_twice)
{
	check_refused(rows[_i].name, rows[_i].text, rows[_i].want);
}
END_TEST

/* The same names at other levels, as values, as titles and in lists; and a
 * section in pieces. */
START_TEST(said_once)
{
	struct conf	*conf = load_good("log = stderr XCLIENT = no\n"
	    "user = log store = 'lmdb:/tmp/log'\n"
	    "profile log { name = { log, \"log\", name, 'a=b' } helo = { } }\n"
	    "profile user { name = { '*' } helo = { '*' } }\n"
	    "domain a.example { XCLIENT = no } domain b.example {\n"
	    "XCLIENT = no } binding log { XCLIENT = no tls = no\n"
	    "domain a.example { XCLIENT = no } } binding b { tls = no }\n"
	    "limits { log_rate = 7 } milter { header = 'X-A' }\n"
	    "listener l { trust_maps = { 'static:log' } }\n"
	    "Milter { socket_mode = '0600' } limits { connections = 8 }\n"
	    "policy { listen = 'unix:/p' } milter { listen = 'unix:/m' }\n"
	    "trust_maps = { 'static:user' }\n");

	ck_assert_str_eq(conf->milter_header, "X-A");
	ck_assert_str_eq(conf->milter_listen, "unix:/m");
	ck_assert_uint_eq(conf->milter_socket_mode, 0600);
	ck_assert_str_eq(conf->policy_listen, "unix:/p");
	ck_assert_uint_eq(conf->limits.log_rate, 7);
	ck_assert_uint_eq(conf->limits.connections, 8);
	conf_unref(conf);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("conf_once");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, said_twice, 0, NELEM(rows));
	tcase_add_test(tc, said_once);
	return runner_run("conf_once", tc);
}
