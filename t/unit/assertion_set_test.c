/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * assertion_set_test: what becomes of a set of assertions: what cannot be said
 * on, values that are set, taken, copied and merged, and what is printed.
 */
#include "trust/assertion.h"

#include "t/lib/assertion_check.h"
#include "t/lib/edge.h"
#include "t/lib/runner.h"

/* What a client may have chosen and nobody can say on: want_names are told. */
static const struct unsaid_row {
	const char		*name, *in;
	enum assertion_command	 command;
	const char		*want, *want_names;
	size_t			 want_octets;
} unsaid_rows[] = {
	{ "helo of 256", "HELO=" X255 "x PORT=1", ASSERTION_XCLIENT,
	    "XCLIENT PORT=1 HELO=[UNAVAILABLE]", "HELO", 256 - 13 },
	{ "helo of 256, encoded", "HELO=" X250 "xxx+41", ASSERTION_XCLIENT,
	    "XCLIENT HELO=[UNAVAILABLE]", "HELO", 256 - 13 },
	{ "helo that grows to 257", "HELO=" X250 "xxxx=", ASSERTION_XCLIENT,
	    "XCLIENT HELO=[UNAVAILABLE]", "HELO", 0 },
	{ "helo in UTF-8", "HELO=+C3+A4.test", ASSERTION_XCLIENT,
	    "XCLIENT HELO=[UNAVAILABLE]", "HELO", 0 },
	{ "helo in UTF-8, raw", "PORT=1 HELO=\xc3\xa4.test LOGIN=joe",
	    ASSERTION_XCLIENT,
	    "XCLIENT PORT=1 HELO=[UNAVAILABLE] LOGIN=joe", "HELO", 0 },
	{ "helo with a control", "HELO=a+01b", ASSERTION_XCLIENT,
	    "XCLIENT HELO=[UNAVAILABLE]", "HELO", 0 },
	{ "helo with a control, raw", "HELO=a\x01", ASSERTION_XCLIENT,
	    "XCLIENT HELO=[UNAVAILABLE]", "HELO", 0 },
	{ "helo with a DEL", "HELO=+7F", ASSERTION_XCLIENT,
	    "XCLIENT HELO=[UNAVAILABLE]", "HELO", 0 },
	{ "names that are none", "NAME=-a REVERSE_NAME=a..b",
	    ASSERTION_XCLIENT, "XCLIENT NAME=[UNAVAILABLE] "
	    "REVERSE_NAME=[UNAVAILABLE]", "NAME REVERSE_NAME", 0 },
	{ "name that is an address", "NAME=192.0.2.1", ASSERTION_XCLIENT,
	    "XCLIENT NAME=[UNAVAILABLE]", "NAME", 0 },
	{ "name of dots", "NAME=..", ASSERTION_XCLIENT,
	    "XCLIENT NAME=[UNAVAILABLE]", "NAME", 0 },
	{ "name in UTF-8", "NAME=\xc3\xa4.example", ASSERTION_XCLIENT,
	    "XCLIENT NAME=[UNAVAILABLE]", "NAME", 0 },
	{ "name of 256", "NAME=" X50 "." X50 "." X50 "." X50 "." X50 ".x",
	    ASSERTION_XCLIENT, "XCLIENT NAME=[UNAVAILABLE]", "NAME",
	    256 - 13 },
	{ "label of 65", "REVERSE_NAME=" X64 "x", ASSERTION_XCLIENT,
	    "XCLIENT REVERSE_NAME=[UNAVAILABLE]", "REVERSE_NAME", 0 },
	{ "address with a zone", "ADDR=IPV6:fe80::1%eth0 NAME=n.example",
	    ASSERTION_XCLIENT,
	    "XCLIENT ADDR=[UNAVAILABLE] NAME=n.example", "ADDR", 0 },
	{ "bare address with a zone", "ADDR=fe80::1%25", ASSERTION_XCLIENT,
	    "XCLIENT ADDR=[UNAVAILABLE]", "ADDR", 0 },
	{ "address of this network", "ADDR=0.1.2.3", ASSERTION_XCLIENT,
	    "XCLIENT ADDR=[UNAVAILABLE]", "ADDR", 0 },
	{ "the same in IPv6", "ADDR=IPV6:::ffff:0.1.2.3", ASSERTION_XCLIENT,
	    "XCLIENT ADDR=[UNAVAILABLE]", "ADDR", 0 },
	{ "translated IPv4", "ADDR=IPV6:::ffff:0:102:304", ASSERTION_XCLIENT,
	    "XCLIENT ADDR=[UNAVAILABLE]", "ADDR", 0 },
	{ "misread by Postfix", "DESTADDR=IPV6:::ffff:1:2:3:4:5",
	    ASSERTION_XCLIENT, "XCLIENT DESTADDR=[UNAVAILABLE]", "DESTADDR",
	    0 },
	{ "unreadable to Postfix", "ADDR=IPV6:::1:203", ASSERTION_XCLIENT,
	    "XCLIENT ADDR=[UNAVAILABLE]", "ADDR", 0 },
	{ "::2", "ADDR=IPV6:::2", ASSERTION_XCLIENT,
	    "XCLIENT ADDR=[UNAVAILABLE]", "ADDR", 0 },
	{ "families differ", "ADDR=192.0.2.1 DESTADDR=IPV6:2001:db8::1",
	    ASSERTION_XCLIENT,
	    "XCLIENT ADDR=192.0.2.1 DESTADDR=[UNAVAILABLE]", "DESTADDR", 0 },
	{ "forwarded", "NAME=a@b HELO=+C3+A4 ADDR=fe80::1%eth0 IDENT=4",
	    ASSERTION_XFORWARD, "XFORWARD ADDR=[UNAVAILABLE] "
	    "NAME=[UNAVAILABLE] HELO=[UNAVAILABLE] IDENT=4",
	    "ADDR NAME HELO", 0 },
	{ "forwarded, long", "HELO=" X250 X250 X250 " IDENT=4",
	    ASSERTION_XFORWARD, "XFORWARD HELO=[UNAVAILABLE] IDENT=4", "HELO",
	    750 - 13 },
	{ "said to be unavailable", "NAME=[UNAVAILABLE] HELO=[TEMPUNAVAIL]",
	    ASSERTION_XCLIENT, "XCLIENT NAME=[UNAVAILABLE] "
	    "HELO=[UNAVAILABLE]", "", 0 },
	{ "nothing", "NAME=a.example. HELO=a=b", ASSERTION_XCLIENT,
	    "XCLIENT NAME=a.example HELO=a+3Db", "", 0 },
};

START_TEST(unsaid_row)
{
	const struct unsaid_row	*r = &unsaid_rows[_i];
	struct assertion_set	 set, copy;
	struct err		 err = { "" };
	char			 line[ASSERTION_LINE_MAX], names[128];
	enum xtext_mode		 mode;

	for (mode = XTEXT_STRICT; mode <= XTEXT_LEGACY; mode++) {
		ck_assert_msg(assertion_parse(span_of(r->in), r->command,
		    mode, &set, &err) == ASSERTION_OK, "%s: %s", r->name,
		    err.text);
		ck_assert_msg(strcmp(assertion_check_printed(&set, line),
		    r->want) == 0,
		    "%s: got %s, want %s", r->name, line, r->want);
		assertion_check_comes_back(r->name, &set, line);
		assertion_copy(&copy, &set);
		assertion_unsaid(&copy, names, sizeof(names));
		ck_assert_msg(strcmp(names, r->want_names) == 0,
		    "%s: got \"%s\", want \"%s\"", r->name, names,
		    r->want_names);
		ck_assert_uint_eq(copy.unsaid_octets, r->want_octets);
	}
}
END_TEST

/* What takes its place takes the mark away. */
START_TEST(unsaid_is_forgotten_with_the_attribute)
{
	struct assertion_set	 set, over;
	char			 names[128];

	assertion_parse(span_of("NAME=- HELO=+01"), ASSERTION_XCLIENT,
	    XTEXT_STRICT, &set, NULL);
	ck_assert(assertion_set_value(&set, ASSERTION_NAME, ASSERTION_VALUE,
	    span_of("a.example")));
	assertion_unsaid(&set, names, sizeof(names));
	ck_assert_str_eq(names, "HELO");
	assertion_parse(span_of("REVERSE_NAME=- HELO=a"), ASSERTION_XCLIENT,
	    XTEXT_STRICT, &over, NULL);
	assertion_merge(&set, &over);
	assertion_unsaid(&set, names, sizeof(names));
	ck_assert_str_eq(names, "REVERSE_NAME");
	ck_assert(assertion_set_value(&set, ASSERTION_REVERSE_NAME,
	    ASSERTION_ABSENT, span_of("")));
	assertion_unsaid(&set, names, sizeof(names));
	ck_assert_str_eq(names, "");
}
END_TEST

static const struct take_row {
	const char	*name, *in;
	bool		 want;
	const char	*want_line, *want_names;
} take_rows[] = {
	{ "address", "192.0.2.1", true, "XCLIENT ADDR=192.0.2.1", "" },
	{ "IPv6", "2001:db8::1", true, "XCLIENT ADDR=IPV6:2001:db8::1", "" },
	{ "zone", "fe80::1%eth0", true, "XCLIENT ADDR=[UNAVAILABLE]",
	    "ADDR" },
	{ "none", "a.example", false, NULL, NULL },
	{ "word", "[UNAVAILABLE]", false, NULL, NULL },
	{ "nothing", "", false, NULL, NULL },
	{ "line feed", "192.0.2.1\n", false, NULL, NULL },
};

START_TEST(take_row)
{
	const struct take_row	*r = &take_rows[_i];
	struct assertion_set	 set;
	char			 line[ASSERTION_LINE_MAX], names[64];
	bool			 got;

	assertion_init(&set, ASSERTION_XCLIENT);
	got = assertion_take_value(&set, ASSERTION_ADDR, span_of(r->in));
	ck_assert_msg(got == r->want, "%s: got %d", r->name, got);
	if (!got) {
		ck_assert_int_eq(set.v[ASSERTION_ADDR].status,
		    ASSERTION_ABSENT);
		return;
	}
	ck_assert_str_eq(assertion_check_printed(&set, line), r->want_line);
	assertion_unsaid(&set, names, sizeof(names));
	ck_assert_str_eq(names, r->want_names);
}
END_TEST

static const struct set_row {
	const char		*name, *before;
	enum assertion_name	 attr;
	enum assertion_status	 status;
	const char		*value;
	bool			 want;
	const char		*want_line;
} set_rows[] = {
	{ "new", "ADDR=192.0.2.1", ASSERTION_LOGIN, ASSERTION_VALUE,
	    "anonymous", true, "XCLIENT ADDR=192.0.2.1 LOGIN=anonymous" },
	{ "longer in place of shorter", "HELO=a LOGIN=b PORT=1",
	    ASSERTION_HELO, ASSERTION_VALUE, "longer", true,
	    "XCLIENT PORT=1 HELO=longer LOGIN=b" },
	{ "shorter in place of longer", "HELO=longer LOGIN=b PORT=1",
	    ASSERTION_HELO, ASSERTION_VALUE, "a", true,
	    "XCLIENT PORT=1 HELO=a LOGIN=b" },
	{ "bare IPv6", "PORT=1", ASSERTION_ADDR, ASSERTION_VALUE,
	    "2001:DB8::1", true, "XCLIENT ADDR=IPV6:2001:db8::1 PORT=1" },
	{ "tagged IPv6", "PORT=1", ASSERTION_ADDR, ASSERTION_VALUE,
	    "IPV6:2001:db8::1", true,
	    "XCLIENT ADDR=IPV6:2001:db8::1 PORT=1" },
	{ "word in place of a value", "ADDR=192.0.2.1 NAME=a HELO=b",
	    ASSERTION_ADDR, ASSERTION_UNAVAILABLE, "", true,
	    "XCLIENT ADDR=[UNAVAILABLE] NAME=a HELO=b" },
	{ "value in place of a word", "NAME=[UNAVAILABLE]", ASSERTION_NAME,
	    ASSERTION_VALUE, "a", true, "XCLIENT NAME=a" },
	{ "temporary word", "PORT=1", ASSERTION_NAME, ASSERTION_TEMPUNAVAIL,
	    "ignored", true, "XCLIENT NAME=[TEMPUNAVAIL] PORT=1" },
	{ "removed", "LOGIN=a PORT=1", ASSERTION_LOGIN, ASSERTION_ABSENT, "",
	    true, "XCLIENT PORT=1" },
	{ "removed where there was none", "PORT=1", ASSERTION_LOGIN,
	    ASSERTION_ABSENT, "", true, "XCLIENT PORT=1" },
	{ "plain text, not xtext", "PORT=1", ASSERTION_LOGIN,
	    ASSERTION_VALUE, "a+41", true, "XCLIENT PORT=1 LOGIN=a+2B41" },
	{ "masked", "PORT=1", ASSERTION_HELO, ASSERTION_VALUE, "a b", true,
	    "XCLIENT PORT=1 HELO=a?b" },
	{ "other family after removal", "ADDR=192.0.2.1 DESTPORT=1",
	    ASSERTION_DESTADDR, ASSERTION_VALUE, "192.0.2.2", true,
	    "XCLIENT ADDR=192.0.2.1 DESTADDR=192.0.2.2 DESTPORT=1" },
	{ "family of ADDR", "ADDR=192.0.2.1 PORT=1", ASSERTION_DESTADDR,
	    ASSERTION_VALUE, "2001:db8::1", false,
	    "XCLIENT ADDR=192.0.2.1 PORT=1" },
	{ "family of DESTADDR", "DESTADDR=192.0.2.1 PORT=1 HELO=h",
	    ASSERTION_ADDR, ASSERTION_VALUE, "2001:db8::1", false,
	    "XCLIENT DESTADDR=192.0.2.1 PORT=1 HELO=h" },
	{ "address with a zone", "PORT=1", ASSERTION_ADDR, ASSERTION_VALUE,
	    "fe80::1%eth0", false, "XCLIENT PORT=1" },
	{ "name with a dot at its end", "PORT=1", ASSERTION_NAME,
	    ASSERTION_VALUE, "a.example.", true,
	    "XCLIENT NAME=a.example PORT=1" },
	{ "bad value", "NAME=a", ASSERTION_NAME, ASSERTION_VALUE, "-", false,
	    "XCLIENT NAME=a" },
	{ "empty value", "HELO=a", ASSERTION_HELO, ASSERTION_VALUE, "", false,
	    "XCLIENT HELO=a" },
	{ "control", "HELO=a", ASSERTION_HELO, ASSERTION_VALUE, "\n", false,
	    "XCLIENT HELO=a" },
	{ "too long", "HELO=a", ASSERTION_HELO, ASSERTION_VALUE, X255 "x",
	    false, "XCLIENT HELO=a" },
	{ "too long when encoded", "LOGIN=a", ASSERTION_LOGIN,
	    ASSERTION_VALUE, X250 "xxx=", false, "XCLIENT LOGIN=a" },
	{ "word as a value", "HELO=a", ASSERTION_HELO, ASSERTION_VALUE,
	    "[UNAVAILABLE]", false, "XCLIENT HELO=a" },
	{ "temporary word as a value", "NAME=a", ASSERTION_NAME,
	    ASSERTION_VALUE, "[TempUnavail]", false, "XCLIENT NAME=a" },
	{ "word not allowed", "PROTO=SMTP", ASSERTION_PROTO,
	    ASSERTION_UNAVAILABLE, "", false, "XCLIENT PROTO=SMTP" },
	{ "temporary word not allowed", "HELO=a", ASSERTION_HELO,
	    ASSERTION_TEMPUNAVAIL, "", false, "XCLIENT HELO=a" },
	{ "attribute of the other command", "HELO=a", ASSERTION_IDENT,
	    ASSERTION_VALUE, "a", false, "XCLIENT HELO=a" },
	{ "removal for the other command", "HELO=a", ASSERTION_SOURCE,
	    ASSERTION_ABSENT, "", false, "XCLIENT HELO=a" },
};

static void
parse_xclient(const char *args, struct assertion_set *set_r)
{
	struct err	 err;

	ck_assert_msg(assertion_parse(span_of(args), ASSERTION_XCLIENT,
	    XTEXT_STRICT, set_r, &err) == ASSERTION_OK, "%s: %s", args,
	    err.text);
}

START_TEST(set_row)
{
	const struct set_row	*r = &set_rows[_i];
	struct assertion_set	 set;
	char			 line[ASSERTION_LINE_MAX];
	bool			 got;

	parse_xclient(r->before, &set);
	got = assertion_set_value(&set, r->attr, r->status,
	    span_of(r->value));
	ck_assert_msg(got == r->want, "%s: got %d, want %d", r->name, got,
	    r->want);
	ck_assert_msg(strcmp(assertion_check_printed(&set, line),
	    r->want_line) == 0,
	    "%s: got %s, want %s", r->name, line, r->want_line);
	assertion_check_comes_back(r->name, &set, line);
}
END_TEST

START_TEST(own_value_may_be_given_back)
{
	struct assertion_set	 set;

	parse_xclient("HELO=a NAME=name.example", &set);
	ck_assert(assertion_set_value(&set, ASSERTION_HELO, ASSERTION_VALUE,
	    span_of(set.v[ASSERTION_NAME].value)));
	ck_assert_str_eq(set.v[ASSERTION_HELO].value, "name.example");
	ck_assert(assertion_set_value(&set, ASSERTION_NAME, ASSERTION_VALUE,
	    span_of(set.v[ASSERTION_NAME].value)));
	ck_assert_str_eq(set.v[ASSERTION_NAME].value, "name.example");
}
END_TEST

/* Values never run out of room, however often they change. */
START_TEST(longest_values_fit_again_and_again)
{
	struct assertion_set	 set;
	int			 i;

	assertion_init(&set, ASSERTION_XFORWARD);
	for (i = 0; i < 100; i++) {
		ck_assert(assertion_set_value(&set, ASSERTION_IDENT,
		    ASSERTION_VALUE, span_of(X255)));
		ck_assert(assertion_set_value(&set, ASSERTION_HELO,
		    ASSERTION_VALUE, span_of(X255)));
	}
	ck_assert_uint_eq(set.text_used, 512);
	ck_assert_str_eq(set.v[ASSERTION_IDENT].value, X255);
}
END_TEST

START_TEST(copy_owns_its_text)
{
	struct assertion_set	 from, to;
	int			 i;

	parse_xclient("ADDR=192.0.2.1 DESTADDR=192.0.2.2 HELO=h "
	    "NAME=[UNAVAILABLE] LOGIN=l", &from);
	assertion_copy(&to, &from);
	assertion_check_same("copy", &from, &to);
	for (i = 0; i < ASSERTION_COUNT; i++)
		ck_assert(to.v[i].status != ASSERTION_VALUE ||
		    (to.v[i].value >= to.text &&
		    to.v[i].value < to.text + to.text_used));
	assertion_copy(&to, &to);
	assertion_check_same("copy of itself", &from, &to);
}
END_TEST

static const struct merge_row {
	const char	*name, *base, *over, *want;
} merge_rows[] = {
	{ "adds", "ADDR=192.0.2.1 NAME=n", "HELO=h PROTO=ESMTP",
	    "XCLIENT ADDR=192.0.2.1 NAME=n PROTO=ESMTP HELO=h" },
	{ "replaces", "HELO=a PROTO=SMTP LOGIN=l", "HELO=longer",
	    "XCLIENT PROTO=SMTP HELO=longer LOGIN=l" },
	{ "word replaces a value", "LOGIN=a HELO=h", "LOGIN=[UNAVAILABLE]",
	    "XCLIENT HELO=h LOGIN=[UNAVAILABLE]" },
	{ "value replaces a word", "LOGIN=[UNAVAILABLE]", "LOGIN=a",
	    "XCLIENT LOGIN=a" },
	{ "another ADDR is another client",
	    "ADDR=192.0.2.1 NAME=n REVERSE_NAME=r PORT=1 DESTPORT=2 HELO=h "
	    "LOGIN=l", "ADDR=192.0.2.9", "XCLIENT ADDR=192.0.2.9" },
	{ "the same ADDR is the same client",
	    "ADDR=192.0.2.1 NAME=n PORT=1 HELO=h LOGIN=l",
	    "ADDR=192.0.2.1 HELO=i",
	    "XCLIENT ADDR=192.0.2.1 NAME=n PORT=1 HELO=i LOGIN=l" },
	{ "the first ADDR keeps what came before it", "NAME=n LOGIN=l",
	    "ADDR=192.0.2.1", "XCLIENT ADDR=192.0.2.1 NAME=n LOGIN=l" },
	{ "ADDR unavailable is another client too",
	    "ADDR=192.0.2.1 NAME=n REVERSE_NAME=r PORT=1",
	    "ADDR=[UNAVAILABLE]", "XCLIENT ADDR=[UNAVAILABLE]" },
	{ "and a known one after it", "ADDR=[UNAVAILABLE] LOGIN=l",
	    "ADDR=192.0.2.1", "XCLIENT ADDR=192.0.2.1" },
	{ "ADDR with NAME", "ADDR=192.0.2.1 NAME=n REVERSE_NAME=r PORT=1",
	    "ADDR=192.0.2.9 NAME=m", "XCLIENT ADDR=192.0.2.9 NAME=m" },
	{ "ADDR with REVERSE_NAME and PORT",
	    "ADDR=192.0.2.1 NAME=n REVERSE_NAME=r PORT=1",
	    "ADDR=192.0.2.9 REVERSE_NAME=s PORT=3",
	    "XCLIENT ADDR=192.0.2.9 REVERSE_NAME=s PORT=3" },
	{ "NAME takes REVERSE_NAME along",
	    "ADDR=192.0.2.1 NAME=n REVERSE_NAME=r PORT=1", "NAME=m",
	    "XCLIENT ADDR=192.0.2.1 NAME=m PORT=1" },
	{ "NAME unavailable does so too", "NAME=n REVERSE_NAME=r",
	    "NAME=[UNAVAILABLE]", "XCLIENT NAME=[UNAVAILABLE]" },
	{ "NAME with REVERSE_NAME", "NAME=n REVERSE_NAME=r",
	    "NAME=m REVERSE_NAME=s", "XCLIENT NAME=m REVERSE_NAME=s" },
	{ "REVERSE_NAME alone leaves NAME", "NAME=n REVERSE_NAME=r",
	    "REVERSE_NAME=s", "XCLIENT NAME=n REVERSE_NAME=s" },
	{ "new family", "DESTADDR=192.0.2.2 DESTPORT=1",
	    "ADDR=IPV6:2001:db8::1",
	    "XCLIENT ADDR=IPV6:2001:db8::1 DESTPORT=1" },
	{ "new family of DESTADDR", "ADDR=192.0.2.1",
	    "DESTADDR=IPV6:2001:db8::1", "XCLIENT ADDR=192.0.2.1" },
	{ "both of a new family", "ADDR=192.0.2.1 DESTADDR=192.0.2.2",
	    "ADDR=IPV6:2001:db8::1 DESTADDR=IPV6:2001:db8::2",
	    "XCLIENT ADDR=IPV6:2001:db8::1 DESTADDR=IPV6:2001:db8::2" },
	{ "DESTADDR of the same family", "ADDR=192.0.2.1 NAME=n",
	    "DESTADDR=192.0.2.2",
	    "XCLIENT ADDR=192.0.2.1 DESTADDR=192.0.2.2 NAME=n" },
};

START_TEST(merge_row)
{
	const struct merge_row	*r = &merge_rows[_i];
	struct assertion_set	 base, over, kept;
	char			 line[ASSERTION_LINE_MAX];

	parse_xclient(r->base, &base);
	parse_xclient(r->over, &over);
	assertion_copy(&kept, &over);
	assertion_merge(&base, &over);
	ck_assert_msg(strcmp(assertion_check_printed(&base, line),
	    r->want) == 0,
	    "%s: got %s, want %s", r->name, line, r->want);
	assertion_check_comes_back(r->name, &base, line);
	assertion_check_same(r->name, &over, &kept);
}
END_TEST

START_TEST(print_needs_room_and_something_to_say)
{
	struct assertion_set	 set;
	static const char	 want[] = "XCLIENT ADDR=192.0.2.1 PORT=1";
	char			*end = edge_copy(NULL, 0);
	size_t			 size, len = 99;

	parse_xclient("ADDR=192.0.2.1 PORT=1", &set);
	for (size = 0; size < sizeof(want); size++)
		ck_assert_msg(!assertion_print(&set, end - size, size, &len),
		    "fits in %zu", size);
	ck_assert_uint_eq(len, 99);
	ck_assert(assertion_print(&set, end - sizeof(want), sizeof(want),
	    &len));
	ck_assert_str_eq(end - sizeof(want), want);
	assertion_init(&set, ASSERTION_XCLIENT);
	ck_assert(!assertion_print(&set, end - 100, 100, &len));
	edge_free(end, 0);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("assertion_set");

	tcase_add_loop_test(tc, unsaid_row, 0, NELEM(unsaid_rows));
	tcase_add_test(tc, unsaid_is_forgotten_with_the_attribute);
	tcase_add_loop_test(tc, take_row, 0, NELEM(take_rows));
	tcase_add_loop_test(tc, set_row, 0, NELEM(set_rows));
	tcase_add_test(tc, own_value_may_be_given_back);
	tcase_add_test(tc, longest_values_fit_again_and_again);
	tcase_add_test(tc, copy_owns_its_text);
	tcase_add_loop_test(tc, merge_row, 0, NELEM(merge_rows));
	tcase_add_test(tc, print_needs_room_and_something_to_say);
	return runner_run("assertion_set", tc);
}
