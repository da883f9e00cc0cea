/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * ulid_test: every bit has its place, and names sort by time.
 */
#include "base/ulid.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "t/lib/runner.h"

static const struct row {
	const char	*name;
	uint64_t	 now_ms;
	uint8_t		 random[10];
	const char	*want;
} rows[] = {
	{ "zero", 0, { 0 }, "00000000000000000000000000" },
	{ "all ones", 0xFFFFFFFFFFFF,
	    { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 },
	    "7ZZZZZZZZZZZZZZZZZZZZZZZZZ" },
	/* The time of the example in ULID's specification. */
	{ "a time", 1469918176385, { 0 }, "01ARYZ6S410000000000000000" },
	{ "the first random bit", 0, { 0x80 }, "0000000000G000000000000000" },
	{ "the last random bit", 0, { [9] = 1 },
	    "00000000000000000000000001" },
	{ "bits about the middle", 0, { [4] = 1, [5] = 0x80 },
	    "000000000000000001G0000000" },
	{ "no I, L, O, U", 0,
	    { 0x00, 0x44, 0x32, 0x14, 0xC7, 0x42, 0x54, 0xB6, 0x35, 0xCF },
	    "00000000000123456789ABCDEF" },
	{ "and on", 0,
	    { 0x84, 0x65, 0x3A, 0x56, 0xD7, 0xC6, 0x75, 0xBE, 0x77, 0xDF },
	    "0000000000GHJKMNPQRSTVWXYZ" },
};

START_TEST(each_bit_has_its_place)
{
	const struct row	*r = &rows[_i];
	char			 got[ULID_SIZE];

	memset(got, 'x', sizeof got);
	ulid_format(r->now_ms, r->random, got);
	ck_assert_msg(got[ULID_SIZE - 1] == '\0', "%s: no end", r->name);
	ck_assert_msg(strcmp(got, r->want) == 0, "%s: got %s, want %s",
	    r->name, got, r->want);
}
END_TEST

START_TEST(names_sort_by_time)
{
	static const uint8_t	 low[10] = { 0 };
	uint8_t			 high[10];
	char			 one[ULID_SIZE], two[ULID_SIZE];
	uint64_t		 t;

	memset(high, 255, sizeof high);
	for (t = 1; t < 0x800000000000; t = t * 3 + 1) {
		ulid_format(t, high, one);
		ulid_format(t + 1, low, two);
		ck_assert_msg(strcmp(one, two) < 0, "%s, %s", one, two);
	}
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("ulid");

	tcase_add_loop_test(tc, each_bit_has_its_place, 0, NELEM(rows));
	tcase_add_test(tc, names_sort_by_time);
	return runner_run("ulid", tc);
}
