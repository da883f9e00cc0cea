/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * addrmap_test: a few maps by hand, and thousands of made ones against a
 * search that looks at every range.
 */
#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>

#include "t/lib/runner.h"
#include "table/addrmap.h"

#define NRULES_MAX	2000

struct interval {
	struct address	 first, last;
	uint32_t	 rule, tag;
};

static struct address
address(const char *text)
{
	struct address	 a = { 0 };

	a.family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	ck_assert_int_eq(inet_pton(a.family, text, a.bytes), 1);
	return a;
}

static const struct row {
	const char	*name;
	const char	*ranges[4][2];	/* of rules 0, 1 ... */
	const char	*key;
	uint32_t	 want;
} rows[] = {
	{ "empty, IPv4", { { NULL } }, "192.0.2.1", ADDRMAP_NONE },
	{ "empty, IPv6", { { NULL } }, "2001:db8::1", ADDRMAP_NONE },
	{ "first address of a range",
	    { { "192.0.2.0", "192.0.2.255" } }, "192.0.2.0", 0 },
	{ "last address of a range",
	    { { "192.0.2.0", "192.0.2.255" } }, "192.0.2.255", 0 },
	{ "below a range",
	    { { "192.0.2.0", "192.0.2.255" } }, "192.0.1.255", ADDRMAP_NONE },
	{ "above a range",
	    { { "192.0.2.0", "192.0.2.255" } }, "192.0.3.0", ADDRMAP_NONE },
	{ "the wider rule comes first",
	    { { "10.0.0.0", "10.255.255.255" }, { "10.1.0.0", "10.1.0.9" } },
	    "10.1.0.1", 0 },
	{ "the narrower rule comes first",
	    { { "10.1.0.0", "10.1.0.9" }, { "10.0.0.0", "10.255.255.255" } },
	    "10.1.0.1", 0 },
	{ "behind the narrower rule the wider goes on",
	    { { "10.1.0.0", "10.1.0.9" }, { "10.0.0.0", "10.255.255.255" } },
	    "10.1.0.10", 1 },
	{ "overlap, the lower rule wins",
	    { { "10.0.0.5", "10.0.0.9" }, { "10.0.0.0", "10.0.0.6" } },
	    "10.0.0.5", 0 },
	{ "overlap, before the lower rule",
	    { { "10.0.0.5", "10.0.0.9" }, { "10.0.0.0", "10.0.0.6" } },
	    "10.0.0.4", 1 },
	{ "the first of all addresses",
	    { { "0.0.0.0", "0.0.0.0" } }, "0.0.0.0", 0 },
	{ "the last of all addresses",
	    { { "255.255.255.255", "255.255.255.255" } },
	    "255.255.255.255", 0 },
	{ "before the last of all addresses",
	    { { "255.255.255.255", "255.255.255.255" } },
	    "255.255.255.254", ADDRMAP_NONE },
	{ "everything", { { "0.0.0.0", "255.255.255.255" } },
	    "198.51.100.1", 0 },
	{ "the other family", { { "0.0.0.0", "255.255.255.255" } },
	    "::", ADDRMAP_NONE },
	{ "IPv6, lower halves decide",
	    { { "2001:db8::5", "2001:db8::6" }, { "2001:db8::7",
	    "2001:db8::8" } }, "2001:db8::7", 1 },
	{ "IPv6, upper halves decide",
	    { { "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff" } },
	    "2001:db8:0:1::", ADDRMAP_NONE },
	{ "IPv6, the last of all addresses",
	    { { "ffff::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" } },
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0 },
	{ "an IPv4-mapped address is an IPv6 address",
	    { { "192.0.2.1", "192.0.2.1" }, { "::ffff:0:0",
	    "::ffff:ffff:ffff" } }, "::ffff:192.0.2.1", 1 },
};

START_TEST(test_rows)
{
	const struct row	*row = &rows[_i];
	struct addrmap_builder	*b = addrmap_builder_new();
	struct addrmap		*map;
	struct address		 first, last, key = address(row->key);
	uint32_t		 i, got;

	for (i = 0; i < 4 && row->ranges[i][0] != NULL; i++) {
		first = address(row->ranges[i][0]);
		last = address(row->ranges[i][1]);
		ck_assert(addrmap_builder_add(b, &first, &last, i));
	}
	map = addrmap_build(b);
	ck_assert_ptr_nonnull(map);
	got = addrmap_find(map, &key);
	ck_assert_msg(got == row->want, "%s: got %u, want %u", row->name, got,
	    row->want);
	addrmap_free(map);
	addrmap_builder_free(b);
}
END_TEST

START_TEST(test_no_address)
{
	struct addrmap_builder	*b = addrmap_builder_new();
	struct address		 none = { .family = AF_UNSPEC };
	struct address		 first = address("0.0.0.0");
	struct address		 last = address("255.255.255.255");
	struct addrmap		*map;

	ck_assert(addrmap_builder_add(b, &first, &last, 0));
	map = addrmap_build(b);
	ck_assert_uint_eq(addrmap_find(map, &none), ADDRMAP_NONE);
	addrmap_free(map);
	/* What was built is no longer in the builder. */
	map = addrmap_build(b);
	ck_assert_uint_eq(addrmap_find(map, &first), ADDRMAP_NONE);
	addrmap_free(map);
	addrmap_builder_free(b);
	addrmap_free(NULL);
	addrmap_builder_free(NULL);
}
END_TEST

static uint64_t	 state;

static uint64_t
random64(void)
{
	uint64_t	 z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/*
 * An address with few random bits, at a place that depends on the shape of the
 * map, so that ranges touch, share bounds and crowd.
 */
static struct address
random_address(unsigned shape)
{
	struct address	 a = { .family = random64() % 2 ? AF_INET : AF_INET6 };
	size_t		 i, n = a.family == AF_INET ? 4 : 16;

	for (i = 0; i < n; i++) {
		switch (shape % 4) {
		case 0:
			a.bytes[i] = (uint8_t)random64();
			break;
		case 1:		/* only the end differs */
			a.bytes[i] = i + 2 < n ? 0x20 : (uint8_t)random64();
			break;
		case 2:		/* the bounds of bytes */
			a.bytes[i] = random64() % 2 ? 0xff : 0;
			break;
		case 3:		/* the halves of IPv6 */
			a.bytes[i] = i % 8 == 7 ? (uint8_t)(random64() % 16) :
			    0;
		}
	}
	return a;
}

static int
compare(const struct address *a, const struct address *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static struct interval
random_interval(unsigned shape, uint32_t rule)
{
	struct interval	 v;

	v.first = random_address(shape);
	do {
		v.last = random_address(shape);
	} while (v.last.family != v.first.family);
	if (random64() % 4 == 0)
		v.last = v.first;
	if (compare(&v.first, &v.last) > 0) {
		struct address	 t = v.first;

		v.first = v.last;
		v.last = t;
	}
	v.rule = rule;
	v.tag = (uint32_t)(rule * 2654435761u);
	return v;
}

static uint32_t
naive_find(const struct interval *v, size_t n, const struct address *key)
{
	uint32_t	 best = ADDRMAP_NONE;
	size_t		 i;

	for (i = 0; i < n; i++)
		if (v[i].first.family == key->family && v[i].rule < best &&
		    compare(&v[i].first, key) <= 0 &&
		    compare(key, &v[i].last) <= 0)
			best = v[i].rule;
	return best;
}

static void
check_key(const struct addrmap *map, const struct interval *v, size_t n,
    struct address key, int seed)
{
	uint32_t	 want = naive_find(v, n, &key), tag = 1, got;
	char		 text[INET6_ADDRSTRLEN];

	inet_ntop(key.family, key.bytes, text, sizeof(text));
	got = addrmap_find(map, &key);
	ck_assert_msg(got == want, "seed %d, %zu ranges, %s: got %u, want %u",
	    seed, n, text, got, want);
	got = addrmap_find_tag(map, &key, &tag);
	ck_assert_uint_eq(got, want);
	ck_assert_uint_eq(tag, want == ADDRMAP_NONE ? 1 :
	    (uint32_t)(want * 2654435761u));
}

static struct address
step(struct address a, int by)
{
	size_t	 i = a.family == AF_INET ? 4 : 16;

	do {
		i--;
		a.bytes[i] = (uint8_t)(a.bytes[i] + by);
	} while (i > 0 && a.bytes[i] == (by > 0 ? 0 : 0xff));
	return a;
}

/* Random keys, and each bound of each range with its neighbours. */
START_TEST(test_made_maps)
{
	static struct interval	 v[NRULES_MAX];
	struct addrmap_builder	*b = addrmap_builder_new();
	struct addrmap		*map;
	size_t			 i, n;

	state = (uint64_t)_i * 1000003;
	n = _i % 10 == 9 ? NRULES_MAX : random64() % 90;
	for (i = 0; i < n; i++) {
		v[i] = random_interval((unsigned)_i, (uint32_t)(i / 2));
		ck_assert(addrmap_builder_add_tag(b, &v[i].first, &v[i].last,
		    v[i].rule, v[i].tag));
	}
	map = addrmap_build(b);
	ck_assert_ptr_nonnull(map);
	for (i = 0; i < 200; i++)
		check_key(map, v, n, random_address((unsigned)_i), _i);
	for (i = 0; i < n; i += 1 + n / 200) {
		check_key(map, v, n, v[i].first, _i);
		check_key(map, v, n, v[i].last, _i);
		check_key(map, v, n, step(v[i].first, -1), _i);
		check_key(map, v, n, step(v[i].last, 1), _i);
	}
	ck_assert_uint_gt(addrmap_memory(map), 0);
	addrmap_free(map);
	addrmap_builder_free(b);
}
END_TEST

/* A whole /16 of single addresses: as crowded as IPv4 can be. */
START_TEST(test_crowded)
{
	struct addrmap_builder	*b = addrmap_builder_new();
	struct address		 a = address("192.0.0.0");
	struct addrmap		*map;
	uint32_t		 i;

	for (i = 0; i < 65536; i++) {
		a.bytes[2] = (uint8_t)(i >> 8);
		a.bytes[3] = (uint8_t)i;
		ck_assert(addrmap_builder_add(b, &a, &a, 70000 - i));
	}
	map = addrmap_build(b);
	for (i = 0; i < 65536; i++) {
		a.bytes[2] = (uint8_t)(i >> 8);
		a.bytes[3] = (uint8_t)i;
		ck_assert_uint_eq(addrmap_find(map, &a), 70000 - i);
	}
	a = address("191.255.255.255");
	ck_assert_uint_eq(addrmap_find(map, &a), ADDRMAP_NONE);
	a = address("192.1.0.0");
	ck_assert_uint_eq(addrmap_find(map, &a), ADDRMAP_NONE);
	addrmap_free(map);
	addrmap_builder_free(b);
}
END_TEST

/* n addresses, every other one from base on, and all that lies between. */
static void
check_every_other(const char *base, uint32_t n)
{
	struct addrmap_builder	*b = addrmap_builder_new();
	struct address		 a = address(base);
	uint8_t			*end = a.bytes + (a.family == AF_INET ? 2 : 14);
	struct addrmap		*map;
	uint32_t		 i, got, want;

	for (i = 0; i < n; i++) {
		end[0] = (uint8_t)(2 * i >> 8);
		end[1] = (uint8_t)(2 * i);
		ck_assert(addrmap_builder_add(b, &a, &a, i));
	}
	map = addrmap_build(b);
	for (i = 0; i < 2 * n; i++) {
		end[0] = (uint8_t)(i >> 8);
		end[1] = (uint8_t)i;
		want = i % 2 == 0 ? i / 2 : ADDRMAP_NONE;
		got = addrmap_find(map, &a);
		ck_assert_msg(got == want, "%s, %u of %u: got %u, want %u",
		    base, i, n, got, want);
	}
	addrmap_free(map);
	addrmap_builder_free(b);
}

/* Whatever the number, the halvings end at the right place, and so do the nodes
 * of IPv6, of which each answer may be in one above. */
START_TEST(test_every_number)
{
	uint32_t	 n;

	for (n = 1; n < 150; n++) {
		check_every_other("0.0.0.0", n);
		check_every_other("10.0.0.0", n);
		check_every_other("::", n);
		check_every_other("2001:db8::", n);
	}
}
END_TEST

START_TEST(test_neighbours_are_one)
{
	struct addrmap_builder	*b = addrmap_builder_new();
	struct address		 a = address("10.0.0.0");
	struct addrmap		*map;
	int			 i;

	for (i = 0; i < 256; i++) {
		a.bytes[3] = (uint8_t)i;
		ck_assert(addrmap_builder_add(b, &a, &a, 1));
	}
	map = addrmap_build(b);
	ck_assert_uint_lt(addrmap_memory(map), 2000);
	addrmap_free(map);
	addrmap_builder_free(b);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("addrmap");

	tcase_add_loop_test(tc, test_rows, 0, NELEM(rows));
	tcase_add_test(tc, test_no_address);
	tcase_add_loop_test(tc, test_made_maps, 0, 200);
	tcase_add_test(tc, test_crowded);
	tcase_add_test(tc, test_every_number);
	tcase_add_test(tc, test_neighbours_are_one);
	return runner_run("addrmap", tc);
}
