/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * err_test: error texts with and without a place, and how they are cut.
 */
#include "base/err.h"
#include "t/lib/runner.h"

#include <stdlib.h>
#include <string.h>

START_TEST(text_is_formatted)
{
	struct err	 err;

	ck_assert_int_eq(err_set(&err, "%s is %d", "x", 7), -1);
	ck_assert_str_eq(err.text, "x is 7");
}
END_TEST

START_TEST(place_comes_first)
{
	struct err	 err;

	ck_assert_int_eq(err_set_at(&err, "a.conf", 12, "bad %s", "key"), -1);
	ck_assert_str_eq(err.text, "a.conf:12: bad key");
	ck_assert_int_eq(err_set_at(&err, "a.conf", 0, "bad %s", "key"), -1);
	ck_assert_str_eq(err.text, "a.conf: bad key");
}
END_TEST

START_TEST(long_text_is_cut)
{
	char		 big[2 * ERR_TEXT_SIZE];
	struct err	 err[2];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	memset(err, 'y', sizeof(err));
	ck_assert_int_eq(err_set(&err[0], "%s", big), -1);
	ck_assert_uint_eq(strlen(err[0].text), ERR_TEXT_SIZE - 1);
	ck_assert_int_eq(err_set_at(&err[0], "f", 1, "%s", big), -1);
	ck_assert_uint_eq(strlen(err[0].text), ERR_TEXT_SIZE - 1);
	ck_assert_int_eq(err_set_at(&err[0], big, 1, "text"), -1);
	ck_assert_uint_eq(strlen(err[0].text), ERR_TEXT_SIZE - 1);
	ck_assert_int_eq(err[1].text[0], 'y');
}
END_TEST

START_TEST(nobody_wants_the_text)
{
	ck_assert_int_eq(err_set(NULL, "x"), -1);
	ck_assert_int_eq(err_set_at(NULL, "f", 1, "x"), -1);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("err");

	tcase_add_test(tc, text_is_formatted);
	tcase_add_test(tc, place_comes_first);
	tcase_add_test(tc, long_text_is_cut);
	tcase_add_test(tc, nobody_wants_the_text);
	return runner_run("err", tc);
}
