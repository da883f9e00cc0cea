/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * hostname_test: the names that Postfix takes for host names, and the others.
 */
#include "base/hostname.h"

#include <stdlib.h>

#include "t/lib/edge.h"
#include "t/lib/runner.h"

#define LABEL62	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LABEL63	"a" LABEL62
#define NAME255	LABEL63 "." LABEL63 "." LABEL63 "." LABEL63

static const struct row {
	const char	*name, *in;
	bool		 want;
} rows[] = {
	{ "plain",			"mail.example.com",	true },
	{ "single label",		"localhost",		true },
	{ "single character",		"a",			true },
	{ "capitals",			"MX.Example.COM",	true },
	{ "underscore",			"_dmarc.a_b",		true },
	{ "hyphen inside",		"a-b.c--d",		true },
	{ "digits and a letter",	"1.2.3.4a",		true },
	{ "digits and a hyphen",	"1-2",			true },
	{ "digits and an underscore",	"1_2",			true },
	{ "label of 63",		LABEL63,		true },
	{ "255 in all",			NAME255,		true },
	{ "empty",			"",			false },
	{ "label of 64",		"a" LABEL63,		false },
	{ "label of 64 behind a dot",	"x." LABEL63 "a",	false },
	{ "256 in all, labels short",	"a." LABEL63 "." LABEL63 "." LABEL63
					"." LABEL62,		false },
	{ "leading dot",		".a",			false },
	{ "trailing dot",		"a.",			false },
	{ "a dot alone",		".",			false },
	{ "two dots",			"a..b",			false },
	{ "leading hyphen",		"-a",			false },
	{ "trailing hyphen",		"a-",			false },
	{ "hyphen before a dot",	"a-.b",			false },
	{ "hyphen behind a dot",	"a.-b",			false },
	{ "hyphen alone",		"-",			false },
	{ "all numeric",		"123",			false },
	{ "an IPv4 address",		"192.0.2.1",		false },
	{ "an IPv6 address",		"2001:db8::1",		false },
	{ "an address literal",		"[192.0.2.1]",		false },
	{ "wildcard",			"*.example.com",	false },
	{ "blank",			"a b",			false },
	{ "leading blank",		" a",			false },
	{ "8-bit",			"\xc3\xa4.example",	false },
	{ "slash",			"a/b",			false },
	{ "colon",			"a:b",			false },
	{ "at sign",			"a@b",			false },
	{ "backquote, next to a",	"`a",			false },
	{ "brace, next to z",		"z{",			false },
	{ "bracket, next to Z",		"Z[",			false },
	{ "control",			"a\x01",		false },
};

START_TEST(row_has_its_answer)
{
	const struct row	*r = &rows[_i];
	size_t			 n = strlen(r->in);
	char			*edge = edge_copy(r->in, n);
	bool			 got, got_edge;

	got = hostname_valid(span_of(r->in));
	got_edge = hostname_valid((struct span){ edge, n });
	edge_free(edge, n);
	ck_assert_msg(got == r->want, "%s: got %d, want %d", r->name, got,
	    r->want);
	ck_assert_msg(got_edge == r->want, "%s at the edge: got %d, want %d",
	    r->name, got_edge, r->want);
}
END_TEST

START_TEST(nul_is_no_name_character)
{
	ck_assert(!hostname_valid((struct span){ "a\0b", 3 }));
	ck_assert(!hostname_valid((struct span){ "a\0", 2 }));
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("hostname");

	tcase_add_loop_test(tc, row_has_its_answer, 0,
	    sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tc, nul_is_no_name_character);
	return runner_run("hostname", tc);
}
