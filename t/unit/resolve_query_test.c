/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * resolve_query_test: many queries, many answers, and queries that end before
 * their answer.
 */
#include "relay/resolve.h"

#include <stdio.h>
#include <string.h>

#include "t/lib/resolve_setting.h"
#include "t/lib/runner.h"

static const struct dns_record	zone[] = {
	{ "one.example",	DNS_MX,		"10 a1.example" },
	{ "order.example",	DNS_MX,		"30 a4.example" },
	{ "order.example",	DNS_MX,		"10 a1.example" },
	{ "order.example",	DNS_MX,		"20 a2.example" },
	{ "order.example",	DNS_MX,		"20 a3.example" },
	{ "a1.example",		DNS_A,		"192.0.2.1" },
	{ "a2.example",		DNS_A,		"192.0.2.2" },
	{ "a3.example",		DNS_A,		"192.0.2.3" },
	{ "a4.example",		DNS_A,		"192.0.2.4" },
	{ "implicit.example",	DNS_A,		"192.0.2.6" },
	{ "silent.example",	DNS_SILENT,	"" },
	{ "10.2.0.192.in-addr.arpa",	DNS_PTR, "a1.example" },
	{ NULL,			DNS_A,		NULL }
};

START_TEST(equal_preferences_are_shuffled)
{
	struct setting	 s;
	struct lookup	 l;
	int		 i, n_first = 0, n = 64;

	set_up(&s, zone);
	for (i = 0; i < n; i++) {
		l = (struct lookup){ 0 };
		(void)resolve_mx(s.resolver, "order.example", told, &l);
		wait_for(&s, &l);
		ck_assert_uint_eq(l.result.n, 4);
		n_first += strcmp(l.result.v[1].host, "a2.example") == 0;
	}
	ck_assert_int_gt(n_first, 0);
	ck_assert_int_lt(n_first, n);
	tear_down(&s);
}
END_TEST

/* A zone of mail servers with many addresses each. */
static void
make_big_zone(struct dns_record *v, char (*text)[64], int n_hosts, int n_addrs)
{
	int	 i, j, at = 0;

	for (i = 0; i < n_hosts; i++) {
		(void)sprintf(text[at], "%d mx%d.example", 100 - i, i);
		v[at] = (struct dns_record){ "big.example", DNS_MX, text[at] };
		at++;
	}
	for (i = 0; i < n_hosts; i++)
		for (j = 0; j < n_addrs; j++) {
			(void)sprintf(text[at], "192.0.%d.%d", i, j);
			v[at] = (struct dns_record){
			    strchr(v[i].data, ' ') + 1, DNS_A, text[at] };
			at++;
		}
	v[at] = (struct dns_record){ NULL, DNS_A, NULL };
}

START_TEST(most_preferred_ones_are_kept)
{
	static struct dns_record	 big[20 + 20 * 25 + 1];
	static char			 text[20 + 20 * 25][64];
	struct setting			 s;
	struct lookup			 l = { 0 };
	unsigned			 i;

	make_big_zone(big, text, 20, 25);
	set_up(&s, big);
	(void)resolve_mx(s.resolver, "big.example", told, &l);
	wait_for(&s, &l);
	ck_assert_msg(l.result.result == RESOLVE_OK, "%s", l.result.err.text);
	ck_assert_uint_eq(l.result.n, RESOLVE_ADDRESSES_MAX);
	for (i = 0; i < 16; i++)
		ck_assert_str_eq(l.result.v[i].host, "mx19.example");
	/* They fit UDP. */
	ck_assert_uint_eq(s.server.n_conns, 0);
	for (; i < 32; i++)
		ck_assert_str_eq(l.result.v[i].host, "mx18.example");
	tear_down(&s);
}
END_TEST

START_TEST(cancelled_query_is_not_told)
{
	static const char	*asked[] = { "one.example", "192.0.2.1",
				    "silent.example", "" };
	struct setting		 s;
	struct lookup		 l = { 0 }, other = { 0 };
	struct resolve_query	*query;
	int			 i;

	set_up(&s, zone);
	query = resolve_mx(s.resolver, asked[_i], told, &l);
	(void)resolve_mx(s.resolver, "implicit.example", told, &other);
	resolve_cancel(query);
	wait_for(&s, &other);
	for (i = 0; i < 100; i++)
		(void)event_base_loop(s.base, EVLOOP_NONBLOCK);
	ck_assert_uint_eq(l.n_told, 0);
	tear_down(&s);
}
END_TEST

START_TEST(query_may_be_cancelled_at_any_turn)
{
	struct setting		 s;
	struct lookup		 l = { 0 };
	struct resolve_query	*query;
	int			 i;

	set_up(&s, zone);
	query = resolve_mx(s.resolver, "order.example", told, &l);
	for (i = 0; i < _i && l.n_told == 0; i++)
		(void)event_base_loop(s.base, EVLOOP_NONBLOCK);
	if (l.n_told == 0) {
		resolve_cancel(query);
		for (i = 0; i < 100; i++)
			(void)event_base_loop(s.base, EVLOOP_NONBLOCK);
		ck_assert_uint_eq(l.n_told, 0);
	}
	tear_down(&s);
}
END_TEST

START_TEST(function_may_cancel_another)
{
	struct setting	 s;
	struct lookup	 a = { 0 }, b = { 0 };
	int		 i;

	set_up(&s, zone);
	(void)resolve_mx(s.resolver, "192.0.2.1", told, &a);
	a.to_cancel = resolve_mx(s.resolver, "192.0.2.2", told, &b);
	wait_for(&s, &a);
	for (i = 0; i < 10; i++)
		(void)event_base_loop(s.base, EVLOOP_NONBLOCK);
	ck_assert_uint_eq(b.n_told, 0);
	tear_down(&s);
}
END_TEST

START_TEST(resolver_may_be_freed_with_queries_under_way)
{
	struct setting	 s;
	struct lookup	 l[4] = { { 0 } };
	struct address	 addr;
	int		 i;

	set_up(&s, zone);
	(void)address_parse(span_of("192.0.2.10"), &addr);
	(void)resolve_mx(s.resolver, "order.example", told, &l[0]);
	(void)resolve_mx(s.resolver, "silent.example", told, &l[1]);
	(void)resolve_host(s.resolver, "192.0.2.1", told, &l[2]);
	(void)resolve_name(s.resolver, &addr, told, &l[3]);
	l[2].to_free = _i == 100 ? s.resolver : NULL;
	for (i = 0; i < _i && l[2].to_free == NULL; i++)
		(void)event_base_loop(s.base, EVLOOP_NONBLOCK);
	if (l[2].to_free != NULL) {
		wait_for(&s, &l[2]);
		s.resolver = NULL;
		ck_assert_uint_eq(l[0].n_told + l[1].n_told + l[3].n_told, 0);
	}
	tear_down(&s);
	ck_assert_uint_eq(l[1].n_told, 0);
}
END_TEST

START_TEST(literal_asks_nobody)
{
	struct setting	 s;
	struct lookup	 l = { 0 };

	set_up(&s, zone);
	(void)resolve_mx(s.resolver, "[IPv6:2001:db8::1]", told, &l);
	wait_for(&s, &l);
	ck_assert_uint_eq(s.server.n_questions, 0);
	tear_down(&s);
}
END_TEST

START_TEST(several_literals_are_all_told)
{
	struct setting	 s;
	struct lookup	 l[3];
	int		 i;

	set_up(&s, zone);
	memset(l, 0, sizeof l);
	for (i = 0; i < NELEM(l); i++)
		(void)resolve_mx(s.resolver, "192.0.2.1", told, &l[i]);
	for (i = 0; i < NELEM(l); i++)
		wait_for(&s, &l[i]);
	tear_down(&s);
}
END_TEST

START_TEST(cancelled_query_asks_no_more)
{
	struct setting	 s;
	struct lookup	 l = { 0 };
	int		 i;

	set_up(&s, zone);
	resolve_cancel(resolve_mx(s.resolver, "order.example", told, &l));
	for (i = 0; i < 100; i++) {
		(void)event_base_loop(s.base, EVLOOP_NONBLOCK);
		(void)usleep(500);
	}
	ck_assert_uint_eq(s.server.n_questions, 1);
	tear_down(&s);
}
END_TEST

START_TEST(many_at_once)
{
	struct setting	 s;
	struct lookup	 l[200];
	int		 i;

	set_up(&s, zone);
	memset(l, 0, sizeof l);
	for (i = 0; i < NELEM(l); i++)
		ck_assert_ptr_nonnull(resolve_mx(s.resolver, i % 2 ?
		    "one.example" : "implicit.example", told, &l[i]));
	for (i = 0; i < NELEM(l); i++) {
		wait_for(&s, &l[i]);
		ck_assert_int_eq(l[i].result.result, RESOLVE_OK);
	}
	tear_down(&s);
}
END_TEST

START_TEST(servers_must_be_addresses)
{
	static const char	*bad[] = { "ns.example.com:53", "127.0.0.1:x:y",
				    "127.0.0.1:53,nonsense" };
	struct event_base	*base = event_base_new();
	struct err		 err = { "" };

	ck_assert_ptr_null(resolve_new(base, bad[_i], &err));
	ck_assert(strstr(err.text, bad[_i]) != NULL);
	event_base_free(base);
}
END_TEST

START_TEST(system_servers_may_be_used)
{
	struct event_base	*base = event_base_new();
	struct resolver		*resolver = resolve_new(base, "", NULL);

	ck_assert_ptr_nonnull(resolver);
	resolve_free(resolver);
	resolve_free(NULL);
	event_base_free(base);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("resolve_query");

	tcase_add_test(tc, equal_preferences_are_shuffled);
	tcase_add_test(tc, most_preferred_ones_are_kept);
	tcase_add_loop_test(tc, cancelled_query_is_not_told, 0, 4);
	tcase_add_loop_test(tc, query_may_be_cancelled_at_any_turn, 0, 12);
	tcase_add_test(tc, function_may_cancel_another);
	tcase_add_loop_test(tc, resolver_may_be_freed_with_queries_under_way,
	    0, 8);
	tcase_add_loop_test(tc, resolver_may_be_freed_with_queries_under_way,
	    100, 101);
	tcase_add_test(tc, literal_asks_nobody);
	tcase_add_test(tc, several_literals_are_all_told);
	tcase_add_test(tc, cancelled_query_asks_no_more);
	tcase_add_test(tc, many_at_once);
	tcase_add_loop_test(tc, servers_must_be_addresses, 0, 3);
	tcase_add_test(tc, system_servers_may_be_used);
	return runner_run("resolve_query", tc);
}
