/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * host_memory_test: what is remembered of a host, for how long, and what makes
 * room for what.
 */
#include "relay/host_memory.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "t/lib/runner.h"

union any {
	struct sockaddr		 sa;
	struct sockaddr_in	 in;
	struct sockaddr_in6	 in6;
	struct sockaddr_un	 un;
};

#define NOW	1000000U

static const struct address	 nowhere = { .family = AF_UNSPEC };

/* "1.2.3.4 25", "::1 25", "/path". */
static union any
host(const char *text)
{
	union any	 any = { .un = { .sun_family = AF_UNIX } };
	char		 addr[64];
	unsigned	 port = 0;

	if (*text == '/') {
		(void)snprintf(any.un.sun_path, sizeof any.un.sun_path, "%s",
		    text);
		return any;
	}
	ck_assert_int_eq(sscanf(text, "%63s %u", addr, &port), 2);
	if (strchr(addr, ':') != NULL) {
		any.in6.sin6_family = AF_INET6;
		any.in6.sin6_port = htons((uint16_t)port);
		ck_assert_int_eq(inet_pton(AF_INET6, addr,
		    &any.in6.sin6_addr), 1);
	} else {
		any.in.sin_family = AF_INET;
		any.in.sin_port = htons((uint16_t)port);
		ck_assert_int_eq(inet_pton(AF_INET, addr, &any.in.sin_addr),
		    1);
	}
	return any;
}

static const struct row {
	const char	*name, *known, *asked;
	enum host_fact	 fact, asked_fact;
	uint64_t	 after_ms;
	bool		 want;
} rows[] = {
	{ "the same", "192.0.2.1 25", "192.0.2.1 25", HOST_FAILED,
	    HOST_FAILED, 0, true },
	{ "another fact", "192.0.2.1 25", "192.0.2.1 25", HOST_FAILED,
	    HOST_REFUSES_XCLIENT, 0, false },
	{ "the other fact", "192.0.2.1 25", "192.0.2.1 25",
	    HOST_REFUSES_XCLIENT, HOST_FAILED, 0, false },
	{ "a third fact", "192.0.2.1 25", "192.0.2.1 25",
	    HOST_TAKES_XCLIENT, HOST_REFUSES_XCLIENT, 0, false },
	{ "what it takes, nearly an hour ago", "192.0.2.1 25", "192.0.2.1 25",
	    HOST_TAKES_XCLIENT, HOST_TAKES_XCLIENT, 3599999, true },
	{ "what it takes, an hour ago", "192.0.2.1 25", "192.0.2.1 25",
	    HOST_TAKES_XCLIENT, HOST_TAKES_XCLIENT, 3600000, false },
	{ "another address", "192.0.2.1 25", "192.0.2.2 25", HOST_FAILED,
	    HOST_FAILED, 0, false },
	{ "another port", "192.0.2.1 25", "192.0.2.1 26", HOST_FAILED,
	    HOST_FAILED, 0, false },
	{ "IPv6", "2001:db8::1 25", "2001:db8::1 25", HOST_FAILED,
	    HOST_FAILED, 0, true },
	{ "another IPv6 address", "2001:db8::1 25", "2001:db8::2 25",
	    HOST_FAILED, HOST_FAILED, 0, false },
	{ "another IPv6 port", "2001:db8::1 25", "2001:db8::1 26",
	    HOST_FAILED, HOST_FAILED, 0, false },
	{ "a path", "/run/a", "/run/a", HOST_FAILED, HOST_FAILED, 0, true },
	{ "another path", "/run/a", "/run/b", HOST_FAILED, HOST_FAILED, 0,
	    false },
	{ "a longer path", "/run/a", "/run/ab", HOST_FAILED, HOST_FAILED, 0,
	    false },
	{ "failed, just so long", "192.0.2.1 25", "192.0.2.1 25",
	    HOST_FAILED, HOST_FAILED, HOST_FAILED_MS - 1, true },
	{ "failed, long ago", "192.0.2.1 25", "192.0.2.1 25", HOST_FAILED,
	    HOST_FAILED, HOST_FAILED_MS, false },
	{ "refuses, just so long", "192.0.2.1 25", "192.0.2.1 25",
	    HOST_REFUSES_XCLIENT, HOST_REFUSES_XCLIENT, HOST_REFUSES_MS - 1,
	    true },
	{ "refuses, long ago", "192.0.2.1 25", "192.0.2.1 25",
	    HOST_REFUSES_XCLIENT, HOST_REFUSES_XCLIENT, HOST_REFUSES_MS,
	    false }
};

START_TEST(a_fact_is_of_one_host_and_for_a_while)
{
	const struct row	*row = &rows[_i];
	struct host_memory	*m = host_memory_new();
	const union any		 known = host(row->known);
	const union any		 asked = host(row->asked);

	ck_assert_ptr_nonnull(m);
	ck_assert(!host_memory_has(m, &asked.sa, &nowhere, row->asked_fact,
	    NOW));
	host_memory_add(m, &known.sa, &nowhere, row->fact, NOW);
	ck_assert_msg(host_memory_has(m, &asked.sa, &nowhere, row->asked_fact,
	    NOW + row->after_ms) == row->want, "%s", row->name);
	host_memory_free(m);
}
END_TEST

START_TEST(what_a_host_makes_of_one_source_is_not_of_another)
{
	struct host_memory	*m = host_memory_new();
	const union any		 one = host("192.0.2.1 25");
	struct address		 from[2];

	(void)address_parse(span_of("198.51.100.1"), &from[0]);
	(void)address_parse(span_of("198.51.100.2"), &from[1]);
	host_memory_add(m, &one.sa, &from[0], HOST_FAILED, NOW);
	ck_assert(host_memory_has(m, &one.sa, &from[0], HOST_FAILED, NOW));
	ck_assert(!host_memory_has(m, &one.sa, &from[1], HOST_FAILED, NOW));
	ck_assert(!host_memory_has(m, &one.sa, &nowhere, HOST_FAILED, NOW));
	host_memory_free(m);
}
END_TEST

START_TEST(to_be_told_again_makes_it_last_longer)
{
	struct host_memory	*m = host_memory_new();
	const union any		 one = host("192.0.2.1 25");
	uint64_t		 later = NOW + HOST_FAILED_MS / 2;

	host_memory_add(m, &one.sa, &nowhere, HOST_FAILED, NOW);
	host_memory_add(m, &one.sa, &nowhere, HOST_FAILED, later);
	ck_assert(host_memory_has(m, &one.sa, &nowhere, HOST_FAILED,
	    later + HOST_FAILED_MS - 1));
	ck_assert(!host_memory_has(m, &one.sa, &nowhere, HOST_FAILED,
	    later + HOST_FAILED_MS));
	host_memory_free(m);
}
END_TEST

/* Of far more hosts than there is room for, in the order of time. */
START_TEST(the_oldest_makes_room)
{
	enum { N = 20000 };
	struct host_memory	*m = host_memory_new();
	union any		 one = host("192.0.2.1 25");
	unsigned		 i, n_late = 0, n_early = 0;

	for (i = 0; i < N; i++) {
		one.in.sin_addr.s_addr = htonl(0x0a000000 + i);
		host_memory_add(m, &one.sa, &nowhere, HOST_FAILED, NOW + i);
		ck_assert(host_memory_has(m, &one.sa, &nowhere, HOST_FAILED,
		    NOW + i));
	}
	for (i = 0; i < N; i++) {
		one.in.sin_addr.s_addr = htonl(0x0a000000 + i);
		if (!host_memory_has(m, &one.sa, &nowhere, HOST_FAILED,
		    NOW + N))
			continue;
		if (i < N / 2)
			n_early++;
		else
			n_late++;
	}
	ck_assert_uint_eq(n_early, 0);
	ck_assert_uint_gt(n_late, 400);
	host_memory_free(m);
}
END_TEST

/* One that is told of often takes no more room than others. */
START_TEST(one_host_takes_one_place)
{
	struct host_memory	*m = host_memory_new();
	union any		 one = host("192.0.2.1 25");
	const union any		 often = host("192.0.2.2 25");
	unsigned		 i, n = 0;

	for (i = 0; i < 100; i++) {
		one.in.sin_addr.s_addr = htonl(0x0a000000 + i);
		host_memory_add(m, &one.sa, &nowhere, HOST_FAILED, NOW);
	}
	for (i = 0; i < 100; i++) {
		one.in.sin_addr.s_addr = htonl(0x0a000000 + i);
		n += host_memory_has(m, &one.sa, &nowhere, HOST_FAILED, NOW);
	}
	for (i = 0; i < 100; i++)
		host_memory_add(m, &often.sa, &nowhere, HOST_FAILED, NOW + i);
	for (i = 0; i < 100; i++) {
		one.in.sin_addr.s_addr = htonl(0x0a000000 + i);
		n -= host_memory_has(m, &one.sa, &nowhere, HOST_FAILED, NOW);
	}
	/* Its own place, and no other one. */
	ck_assert_uint_le(n, 1);
	host_memory_free(m);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("host_memory");

	tcase_add_loop_test(tc, a_fact_is_of_one_host_and_for_a_while, 0,
	    NELEM(rows));
	tcase_add_test(tc,
	    what_a_host_makes_of_one_source_is_not_of_another);
	tcase_add_test(tc, to_be_told_again_makes_it_last_longer);
	tcase_add_test(tc, the_oldest_makes_room);
	tcase_add_test(tc, one_host_takes_one_place);
	return runner_run("host_memory", tc);
}
