/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * wiring_test: what settings of smtpd are told apart by; that Postfix takes
 * what is written, t/live/ctl-setup.t sees.
 */
#include "ctl/wiring.h"

#include "t/lib/runner.h"

#define MAPS	"unix:x/maps"
#define POLICY	"unix:x/policy"
#define MILTER	"unix:x/milter"

static struct pool	 pool;

static const struct {
	const char	*a, *b;
	bool		 want;
} same_rows[] = {
	{ "", "", true },
	{ "", " \n", true },
	{ "a b", "a\n\tb ", true },
	{ "ab", "a b", true },
	{ "a", "", false },
	{ "a", "ab", false },
	{ "a, b", "a b", false },
};

START_TEST(blanks_are_nothing)
{
	ck_assert_int_eq(wiring_same(same_rows[_i].a, same_rows[_i].b),
	    same_rows[_i].want);
	ck_assert_int_eq(wiring_same(same_rows[_i].b, same_rows[_i].a),
	    same_rows[_i].want);
}
END_TEST

/* Its elements, and what is within their braces. */
static const struct {
	const char	*list, *want, *want_inner;
} lists[] = {
	{ "", "", "" },
	{ " , \n", "", "" },
	{ "a", "a|", "a|" },
	{ "a,b  c\n,d ", "a|b|c|d|", "a|b|c|d|" },
	{ "{ a b }, c", "{ a b }|c|", "a|c|" },
	{ "x{{a, b} c} d", "x{{a, b} c}|d|", "x{{a, b} c}|d|" },
	{ "x:{a, b}c d", "x:{a, b}c|d|", "x:{a, b}c|d|" },
	{ "a} b", "a}|b|", "a}|b|" },
	{ "{ a, b=c }", "{ a, b=c }|", "a|" },
	{ "{a}", "{a}|", "a|" },
	{ "{ }", "{ }|", "|" },
};

START_TEST(a_list_is_read)
{
	const char	*list = lists[_i].list, *got = "", *inner = "";
	struct span	 element, within;

	while (wiring_next(&list, &element)) {
		within = wiring_inner(element);
		got = pool_printf(&pool, "%s%.*s|", got, (int)element.n,
		    element.p);
		inner = pool_printf(&pool, "%s%.*s|", inner, (int)within.n,
		    within.p);
	}
	ck_assert_str_eq(got, lists[_i].want);
	ck_assert_str_eq(inner, lists[_i].want_inner);
	pool_clear(&pool);
}
END_TEST

/* want: the listener; NULL: it is not there. */
static const struct {
	const char	*value, *want;
} map_rows[] = {
	{ "", NULL },
	{ "socketmap:" MAPS ":xclient", "" },
	{ "a, socketmap:" MAPS ":xclient, b", "" },
	{ "socketmap:" MAPS ":xclient.mx", "mx" },
	{ "{ socketmap:" MAPS ":xclient.mx }", "mx" },
	{ "socketmap:" MAPS ":xclients", NULL },
	{ "socketmap:" MAPS ":xclients socketmap:" MAPS ":xclient.b", "b" },
	{ "socketmap:" MAPS ":xforward", NULL },
	{ "socketmap:unix:y/maps:xclient", NULL },
};

START_TEST(a_map_is_found)
{
	const char	*listener = NULL;
	bool		 has;

	has = wiring_has_map(&pool, map_rows[_i].value, MAPS, "xclient",
	    &listener);
	ck_assert_int_eq(has, map_rows[_i].want != NULL);
	if (has)
		ck_assert_str_eq(listener, map_rows[_i].want);
	pool_clear(&pool);
}
END_TEST

/* Without our milter, and without our policy service. */
static const struct {
	const char	*list, *want;
} milter_rows[] = {
	{ "", "" },
	{ MILTER, "" },
	{ "a, " MILTER " b", "a b" },
	{ "{ " MILTER ", default_action=accept }, { b, x=y }",
	    "{ b, x=y }" },
	{ MILTER "2", MILTER "2" },
	{ MILTER ", " MILTER, "" },
}, policy_rows[] = {
	{ "", "" },
	{ "check_policy_service " POLICY, "" },
	{ "a, check_policy_service " POLICY ", b", "a b" },
	{ "check_policy_service { " POLICY ", default_action=DUNNO } b", "b" },
	{ "check_policy_service unix:y, " POLICY,
	    "check_policy_service unix:y " POLICY },
	{ "check_policy_service", "check_policy_service" },
	{ POLICY, POLICY },
};

START_TEST(what_is_ours_is_left_out)
{
	if (_i < NELEM(milter_rows))
		ck_assert_str_eq(wiring_without_milter(&pool,
		    milter_rows[_i].list, MILTER), milter_rows[_i].want);
	if (_i < NELEM(policy_rows))
		ck_assert_str_eq(wiring_without_policy(&pool,
		    policy_rows[_i].list, POLICY), policy_rows[_i].want);
	pool_clear(&pool);
}
END_TEST

static const struct {
	const char	*value, *want;
} messengers[] = {
	{ "", NULL },
	{ "192.0.2.0/24", NULL },
	{ "!cidr:{{!192.0.2.0/24 outside}}, a", "192.0.2.0/24" },
	{ "a\n !cidr:{{!192.0.2.0/24\n\toutside}}", "192.0.2.0/24" },
	{ "!cidr:{{!192.0.2.0/24 inside}}", NULL },
	{ "cidr:{{!192.0.2.0/24 outside}}", NULL },
};

START_TEST(messengers_are_found)
{
	const char	*got = wiring_messengers_of(&pool,
			    messengers[_i].value);

	ck_assert_int_eq(got != NULL, messengers[_i].want != NULL);
	if (got != NULL)
		ck_assert_str_eq(got, messengers[_i].want);
	pool_clear(&pool);
}
END_TEST

START_TEST(what_is_written_is_known)
{
	struct wiring	 w = { .kind = _i == 0 ? WIRING_A : WIRING_B,
			    .maps = MAPS, .policy = POLICY, .milter = MILTER,
			    .messengers = "192.0.2.0/24",
			    .other_milters = "o", .restrictions = "r" };
	const char	*listener, *value;

	value = wiring_value(&pool, &w, WIRING_FILTER);
	ck_assert_int_eq(wiring_filter_of(&pool, value, MAPS), _i == 0 ?
	    WIRING_FILTER_A : WIRING_FILTER_B);
	ck_assert_int_eq(wiring_filter_of(&pool, value, "unix:y"),
	    WIRING_FILTER_OTHER);
	ck_assert_int_eq(wiring_filter_of(&pool, pool_printf(&pool, "%s x",
	    value), MAPS), WIRING_FILTER_OTHER);
	ck_assert_int_eq(wiring_filter_of(&pool, "", MAPS),
	    WIRING_FILTER_NONE);
	value = wiring_value(&pool, &w, WIRING_XCLIENT);
	ck_assert(wiring_has_map(&pool, value, MAPS, "xclient", &listener));
	value = wiring_messengers_of(&pool, value);
	ck_assert_int_eq(value != NULL, w.kind == WIRING_B);
	ck_assert_str_eq(wiring_without_milter(&pool, wiring_value(&pool, &w,
	    WIRING_MILTERS), MILTER), "o");
	ck_assert_str_eq(wiring_without_policy(&pool, wiring_value(&pool, &w,
	    WIRING_RESTRICTIONS), POLICY), "r");
	ck_assert_ptr_null(wiring_value(&pool, &w, WIRING_DELAY));
	w.must_delay = true;
	ck_assert_str_eq(wiring_value(&pool, &w, WIRING_DELAY), "yes");
	pool_clear(&pool);
}
END_TEST

START_TEST(a_header_is_no_pattern)
{
	ck_assert_str_eq(wiring_header_checks(&pool, "X-Session_Context"),
	    "regexp:{{/^X-Session_Context[[:space:]]*:/ IGNORE}}");
	ck_assert_str_eq(wiring_header_checks(&pool, "a/b$c*d"),
	    "regexp:{{/^a.b.c.d[[:space:]]*:/ IGNORE}}");
	pool_clear(&pool);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("wiring");

	tcase_add_loop_test(tc, blanks_are_nothing, 0, NELEM(same_rows));
	tcase_add_loop_test(tc, a_list_is_read, 0, NELEM(lists));
	tcase_add_loop_test(tc, a_map_is_found, 0, NELEM(map_rows));
	tcase_add_loop_test(tc, what_is_ours_is_left_out, 0,
	    NELEM(policy_rows));
	tcase_add_loop_test(tc, messengers_are_found, 0, NELEM(messengers));
	tcase_add_loop_test(tc, what_is_written_is_known, 0, 2);
	tcase_add_test(tc, a_header_is_no_pattern);
	return runner_run("wiring", tc);
}
