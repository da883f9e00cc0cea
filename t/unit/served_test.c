/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * served_test: relays that would send anybody's mail anywhere.
 */
#include "relay/served.h"

#include "t/lib/runner.h"

static const struct row {
	const char	*listener;
	bool		 want;
} rows[] = {
	{ "0.0.0.0:25", true },
	{ "[::]:25", true },
	{ "inet:0.0.0.0:25", true },
	{ "inet:[::]:25", true },
	{ ":25", true },
	{ "192.0.2.25:25", true },
	{ "[2001:db8::25]:25", true },
	{ "[::ffff:0.0.0.0]:25", true },
	{ "mail.example.com:25", true },
	{ "127.0.0.1:25", false },
	{ "inet:127.0.2.1:25", false },
	{ "[::1]:25", false },
	{ "localhost:25", false },
	{ "inet:LocalHost:25", false },
	{ "10.0.0.1:25", false },
	{ "[fd00::1]:25", false },
	{ "unix:/run/relay", false },
};

START_TEST(being_open)
{
	struct conf_relay	 relay = {
		.listen = (char *)rows[_i].listener,
		.next_hop = (char *)"smtp:"
	};

	ck_assert(nexthop_parse(span_of("smtp:"), &relay.nexthop));
	ck_assert_msg(served_is_open_relay(&relay) == rows[_i].want, "%s",
	    rows[_i].listener);
	ck_assert(nexthop_parse(span_of("smtp:example.com"), &relay.nexthop));
	ck_assert_msg(!served_is_open_relay(&relay), "%s, one next hop",
	    rows[_i].listener);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("served");

	tcase_add_loop_test(tc, being_open, 0, NELEM(rows));
	return runner_run("served", tc);
}
