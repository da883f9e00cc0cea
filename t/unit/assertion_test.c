/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * assertion_test: what XCLIENT and XFORWARD lines are taken, what they are
 * taken for, and why others are not.
 */
#include "trust/assertion.h"

#include "t/lib/assertion_check.h"
#include "t/lib/edge.h"
#include "t/lib/runner.h"

enum { STRICT = 1, LEGACY = 2, BOTH = 3 };

/* modes: in which the line is taken; want: what is printed then. */
static const struct row {
	const char	*name, *in;
	int		 modes;
	const char	*want;
} xclient_rows[] = {
	{ "address", "ADDR=192.0.2.1", BOTH, "XCLIENT ADDR=192.0.2.1" },
	{ "blanks around", "  ADDR=192.0.2.1\t PORT=25 ", BOTH,
	    "XCLIENT ADDR=192.0.2.1 PORT=25" },
	{ "all nine, any order and case", "login=joe HELO=h.example "
	    "proto=esmtp destport=25 Port=1025 reverse_name=r.example "
	    "name=n.example destaddr=192.0.2.2 addr=192.0.2.1", BOTH,
	    "XCLIENT ADDR=192.0.2.1 DESTADDR=192.0.2.2 NAME=n.example "
	    "REVERSE_NAME=r.example PORT=1025 DESTPORT=25 PROTO=ESMTP "
	    "HELO=h.example LOGIN=joe" },
	{ "all unavailable", "ADDR=[unavailable] DESTADDR=[UNAVAILABLE] "
	    "NAME=[Unavailable] REVERSE_NAME=[UNAVAILABLE] "
	    "PORT=[UNAVAILABLE] DESTPORT=[UNAVAILABLE] HELO=[UNAVAILABLE] "
	    "LOGIN=[UNAVAILABLE]", BOTH,
	    "XCLIENT DESTADDR=[UNAVAILABLE] ADDR=[UNAVAILABLE] "
	    "NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] "
	    "PORT=[UNAVAILABLE] DESTPORT=[UNAVAILABLE] HELO=[UNAVAILABLE] "
	    "LOGIN=[UNAVAILABLE]" },
	{ "names temporarily unavailable",
	    "NAME=[tempunavail] REVERSE_NAME=[TEMPUNAVAIL]", BOTH,
	    "XCLIENT NAME=[TEMPUNAVAIL] REVERSE_NAME=[TEMPUNAVAIL]" },
	{ "unavailable, encoded", "ADDR=+5BUNAVAILABLE+5D", BOTH,
	    "XCLIENT ADDR=[UNAVAILABLE]" },
	{ "IPv6", "ADDR=IPv6:2001:DB8:0::1", BOTH,
	    "XCLIENT ADDR=IPV6:2001:db8::1" },
	{ "IPv6, tag in small letters", "ADDR=ipv6:::1", BOTH,
	    "XCLIENT ADDR=IPV6:::1" },
	{ "IPv6 DESTADDR", "DESTADDR=IPV6:2001:db8::2 ADDR=IPV6:2001:db8::1",
	    BOTH,
	    "XCLIENT ADDR=IPV6:2001:db8::1 DESTADDR=IPV6:2001:db8::2" },
	{ "mapped is IPv4", "ADDR=IPV6:::ffff:192.0.2.1 DESTADDR=192.0.2.2",
	    BOTH, "XCLIENT ADDR=192.0.2.1 DESTADDR=192.0.2.2" },
	{ "no ADDR: the other address is said first",
	    "ADDR=[UNAVAILABLE] DESTADDR=IPV6:2001:db8::2", BOTH,
	    "XCLIENT DESTADDR=IPV6:2001:db8::2 ADDR=[UNAVAILABLE]" },
	{ "unspecified", "ADDR=IPV6:::", BOTH, "XCLIENT ADDR=IPV6:::" },
	{ "address encoded", "ADDR=192+2E0.2.1", BOTH,
	    "XCLIENT ADDR=192.0.2.1" },
	{ "port zero", "PORT=0", BOTH, "XCLIENT PORT=0" },
	{ "port with zeros", "PORT=00025", BOTH, "XCLIENT PORT=25" },
	{ "port of zeros", "PORT=00000", BOTH, "XCLIENT PORT=0" },
	{ "greatest port", "PORT=65535 DESTPORT=65535", BOTH,
	    "XCLIENT PORT=65535 DESTPORT=65535" },
	{ "name as given", "NAME=Mail.Example.COM", BOTH,
	    "XCLIENT NAME=Mail.Example.COM" },
	{ "proto in capitals", "PROTO=smtp", BOTH, "XCLIENT PROTO=SMTP" },
	{ "helo literal", "HELO=[192.0.2.1]", BOTH,
	    "XCLIENT HELO=[192.0.2.1]" },
	{ "helo masked", "HELO=a(b)c;d@e", BOTH, "XCLIENT HELO=a?b?c?d?e" },
	{ "helo masked, encoded", "HELO=+20+22+3C+3E+5C", BOTH,
	    "XCLIENT HELO=?????" },
	{ "helo, backslash inside", "HELO=a\\b", BOTH, "XCLIENT HELO=a?b" },
	{ "helo of 255", "HELO=" X255, BOTH, "XCLIENT HELO=" X255 },
	{ "login encoded", "LOGIN=joe+2Bx+3Dy+20z", BOTH,
	    "XCLIENT LOGIN=joe+2Bx+3Dy+20z" },
	{ "login for the tokenizer", "LOGIN=a+22b+5C+3C+3Ec(d)", BOTH,
	    "XCLIENT LOGIN=a+22b+5C+3C+3Ec+28d+29" },
	{ "login, address", "LOGIN=joe@example.com", BOTH,
	    "XCLIENT LOGIN=joe@example.com" },
	{ "login of 255", "LOGIN=" X255, BOTH, "XCLIENT LOGIN=" X255 },
	{ "encoded plus sign, decoded once", "LOGIN=a+2B41", BOTH,
	    "XCLIENT LOGIN=a+2B41" },
	{ "empty login, quoted", "LOGIN=+22+22", BOTH,
	    "XCLIENT LOGIN=+22+22" },
	{ "login in raw form", "LOGIN=a+b", LEGACY, "XCLIENT LOGIN=a+2Bb" },
	{ "raw that decodes", "LOGIN=a+64min", BOTH, "XCLIENT LOGIN=admin" },
	{ "small hex digits", "LOGIN=a+2bb", LEGACY, "XCLIENT LOGIN=a+2Bb" },
	{ "equals in raw form", "LOGIN=a=b", LEGACY,
	    "XCLIENT LOGIN=a+3Db" },
	{ "raw that grows to 255", "LOGIN=" X250 "xx+", LEGACY,
	    "XCLIENT LOGIN=" X250 "xx+2B" },
	{ "raw that grows to 257", "LOGIN=" X250 "xxxx+", 0, NULL },
	{ "brackets that grow to 257", "LOGIN=" X250 "xxxx(", 0, NULL },

	{ "bare IPv6", "ADDR=::1", BOTH, "XCLIENT ADDR=IPV6:::1" },
	{ "bare IPv6, both ends", "ADDR=2001:DB8::1 DESTADDR=2001:db8::2",
	    BOTH, "XCLIENT ADDR=IPV6:2001:db8::1 "
	    "DESTADDR=IPV6:2001:db8::2" },
	{ "bare mapped IPv4", "ADDR=::ffff:192.0.2.1", BOTH,
	    "XCLIENT ADDR=192.0.2.1" },
	{ "one group of zeros", "ADDR=IPV6:2001:db8:1:2:3:4:5::", BOTH,
	    "XCLIENT ADDR=IPV6:2001:db8:1:2:3:4:5:0" },
	{ "name with a dot at its end", "NAME=Mail.example. "
	    "REVERSE_NAME=r.example..", BOTH,
	    "XCLIENT NAME=Mail.example REVERSE_NAME=r.example" },
	{ "helo with a dot at its end", "HELO=mail.example.", BOTH,
	    "XCLIENT HELO=mail.example." },
	{ "helo, equals in raw form", "HELO=equals=sign", BOTH,
	    "XCLIENT HELO=equals+3Dsign" },
	{ "helo, plus in raw form", "HELO=a+b", BOTH,
	    "XCLIENT HELO=a+2Bb" },
	{ "helo, small hex digits", "HELO=a+2bb", BOTH,
	    "XCLIENT HELO=a+2Bb" },
	{ "helo, encoded blank", "HELO=a+20b", BOTH, "XCLIENT HELO=a?b" },
	{ "helo, quotes in raw form", "HELO=\"a\" PORT=1", BOTH,
	    "XCLIENT PORT=1 HELO=?a?" },
	{ "helo, quote alone, at the end", "PORT=1 HELO=\"a \t", BOTH,
	    "XCLIENT PORT=1 HELO=?a" },
	{ "helo, brackets in raw form", "HELO=<<a>\">\"> PORT=1", BOTH,
	    "XCLIENT PORT=1 HELO=??a?????" },
	{ "helo, bracket alone, at the end", "HELO=a<b", BOTH,
	    "XCLIENT HELO=a?b" },
	{ "helo, backslash at the end", "HELO=a\\", BOTH,
	    "XCLIENT HELO=a?" },
	{ "all temporarily unavailable", "ADDR=[TEMPUNAVAIL] "
	    "DESTADDR=[tempunavail] PORT=[TEMPUNAVAIL] "
	    "DESTPORT=[TEMPUNAVAIL] HELO=[TempUnavail] "
	    "LOGIN=[TEMPUNAVAIL] PROTO=[TEMPUNAVAIL]", BOTH,
	    "XCLIENT DESTADDR=[UNAVAILABLE] ADDR=[UNAVAILABLE] "
	    "PORT=[UNAVAILABLE] DESTPORT=[UNAVAILABLE] PROTO=SMTP "
	    "HELO=[UNAVAILABLE] LOGIN=[UNAVAILABLE]" },
	{ "protocol unavailable", "PROTO=[UNAVAILABLE]", BOTH,
	    "XCLIENT PROTO=SMTP" },

	{ "empty", "", 0, NULL },
	{ "blanks only", " \t ", 0, NULL },
	{ "no equals sign", "ADDR", 0, NULL },
	{ "no equals sign, later", "ADDR=192.0.2.1 NAME", 0, NULL },
	{ "empty value", "ADDR=", 0, NULL },
	{ "empty value, later", "ADDR=192.0.2.1 HELO= PORT=1", 0, NULL },
	{ "blank around the equals sign", "HELO = a", 0, NULL },
	{ "no name", "=192.0.2.1", 0, NULL },
	{ "unknown name", "LOGIN=root ADDR=198.51.100.9 BOGUS=1", 0, NULL },
	{ "name too long", "ADDRX=192.0.2.1", 0, NULL },
	{ "name too short", "ADD=192.0.2.1", 0, NULL },
	{ "XFORWARD's IDENT", "IDENT=1", 0, NULL },
	{ "XFORWARD's SOURCE", "SOURCE=LOCAL", 0, NULL },
	{ "duplicate", "ADDR=192.0.2.1 addr=192.0.2.1", 0, NULL },
	{ "duplicate, unavailable", "LOGIN=[UNAVAILABLE] LOGIN=a", 0, NULL },
	{ "encoded name", "A+44DR=192.0.2.1", 0, NULL },
	{ "comma between", "ADDR=192.0.2.1,PORT=1", 0, NULL },
	{ "literal", "ADDR=[192.0.2.1]", 0, NULL },
	{ "unknown", "ADDR=unknown", 0, NULL },
	{ "host name for address", "ADDR=a.example", 0, NULL },
	{ "octal", "ADDR=010.0.0.1", 0, NULL },
	{ "proto unknown", "PROTO=LMTP", 0, NULL },
	{ "port 65536", "PORT=65536", 0, NULL },
	{ "port 99999", "DESTPORT=99999", 0, NULL },
	{ "six digits", "PORT=000025", 0, NULL },
	{ "port signed", "PORT=-1", 0, NULL },
	{ "port with a letter", "PORT=25a", 0, NULL },
	{ "port name", "PORT=smtp", 0, NULL },
	{ "login of 256", "LOGIN=" X255 "x", 0, NULL },
	{ "encoded NUL", "LOGIN=root+00", 0, NULL },
	{ "encoded NUL alone", "LOGIN=+00", 0, NULL },
	{ "encoded control", "HELO=a+0D+0Ab", 0, NULL },
	{ "encoded NUL in a name", "NAME=a+00.example", 0, NULL },
	{ "encoded DEL", "LOGIN=+7F", 0, NULL },
	{ "encoded 8-bit", "LOGIN=+C3+A4", 0, NULL },
	{ "raw 8-bit", "LOGIN=\xc3\xa4", 0, NULL },
	{ "raw control", "LOGIN=a\x01", 0, NULL },
	{ "raw 8-bit in an address", "ADDR=192.0.2.\xb9", 0, NULL },
	{ "raw 8-bit in an attribute", "H\xcb" "LO=a", 0, NULL },
	{ "raw CR", "ADDR=192.0.2.1\r", 0, NULL },
	{ "raw LF", "ADDR=192.0.2.1\nPORT=1", 0, NULL },
	{ "raw vertical tab", "ADDR=192.0.2.1\vPORT=1", 0, NULL },
	{ "raw DEL", "LOGIN=a\x7f", 0, NULL },
	{ "raw form feed in HELO", "HELO=a\fb", 0, NULL },
	{ "raw quote", "HELO=\"a ADDR=192.0.2.1", 0, NULL },
	{ "raw quotes around a blank", "HELO=\"a b\"", 0, NULL },
	{ "raw angle bracket", "HELO=<a PORT=1>", 0, NULL },
	{ "raw angle bracket alone", "LOGIN=a<b", 0, NULL },
	{ "raw quote within brackets", "HELO=<a\">\" PORT=1 NAME=>", 0,
	    NULL },
	{ "raw quote alone", "LOGIN=a\"b", 0, NULL },
	{ "raw final backslash", "HELO=a\\ PORT=1", 0, NULL },
	{ "raw backslash at the end", "LOGIN=a\\", 0, NULL },
	{ "raw backslash before a quote", "HELO=\"a\\\" PORT=1", 0, NULL },
	{ "blank in raw form", "HELO=a b", 0, NULL },
	{ "zone of no address", "ADDR=fe80::g%eth0", 0, NULL },
	{ "zone of IPv4", "ADDR=192.0.2.1%eth0", 0, NULL },
	{ "empty zone", "ADDR=fe80::1%", 0, NULL },
	{ "IPv4 of three", "ADDR=0.1.2", 0, NULL },
	{ "IPv4 out of range", "ADDR=0.1.2.256", 0, NULL },
	{ "raw tokenizer's to:", "to:ADDR=192.0.2.1", 0, NULL },
	{ "plus in the value of an address", "ADDR=192.0.2.1+", 0, NULL },
}, xforward_rows[] = {
	{ "all seven", "SOURCE=remote IDENT=12AB HELO=h PROTO=ESMTPS PORT=1 "
	    "ADDR=192.0.2.1 NAME=n", BOTH,
	    "XFORWARD ADDR=192.0.2.1 NAME=n PORT=1 PROTO=ESMTPS HELO=h "
	    "IDENT=12AB SOURCE=REMOTE" },
	{ "all unavailable", "SOURCE=[UNAVAILABLE] IDENT=[UNAVAILABLE] "
	    "HELO=[UNAVAILABLE] PROTO=[UNAVAILABLE] PORT=[UNAVAILABLE] "
	    "ADDR=[UNAVAILABLE] NAME=[UNAVAILABLE]", BOTH,
	    "XFORWARD ADDR=[UNAVAILABLE] NAME=[UNAVAILABLE] "
	    "PORT=[UNAVAILABLE] PROTO=[UNAVAILABLE] HELO=[UNAVAILABLE] "
	    "IDENT=[UNAVAILABLE] SOURCE=[UNAVAILABLE]" },
	{ "IPv6", "ADDR=IPV6:2001:DB8::1", BOTH,
	    "XFORWARD ADDR=IPV6:2001:db8::1" },
	{ "any protocol, masked", "PROTO=my(proto)", BOTH,
	    "XFORWARD PROTO=my?proto?" },
	{ "protocol of 64", "PROTO=" X64, BOTH, "XFORWARD PROTO=" X64 },
	{ "ident masked", "IDENT=a@b", BOTH, "XFORWARD IDENT=a?b" },
	{ "ident of 255", "IDENT=" X255, BOTH, "XFORWARD IDENT=" X255 },
	{ "helo masked", "HELO=a;b", BOTH, "XFORWARD HELO=a?b" },
	{ "source local", "SOURCE=Local", BOTH, "XFORWARD SOURCE=LOCAL" },
	{ "protocol of 65", "PROTO=" X64 "x", 0, NULL },
	{ "ident of 256", "IDENT=" X255 "x", 0, NULL },
	{ "source unknown", "SOURCE=HERE", 0, NULL },
	{ "all temporarily unavailable", "NAME=[TEMPUNAVAIL] "
	    "ADDR=[TEMPUNAVAIL] SOURCE=[TEMPUNAVAIL] PROTO=[TEMPUNAVAIL]",
	    BOTH, "XFORWARD ADDR=[UNAVAILABLE] NAME=[UNAVAILABLE] "
	    "PROTO=[UNAVAILABLE] SOURCE=[UNAVAILABLE]" },
	{ "helo, equals in raw form", "HELO=equals=sign", BOTH,
	    "XFORWARD HELO=equals+3Dsign" },
	{ "bare IPv6", "ADDR=2001:db8::1", BOTH,
	    "XFORWARD ADDR=IPV6:2001:db8::1" },
	{ "ident, equals in raw form", "IDENT=a=b", LEGACY,
	    "XFORWARD IDENT=a+3Db" },
	{ "XCLIENT's LOGIN", "LOGIN=a", 0, NULL },
	{ "XCLIENT's REVERSE_NAME", "REVERSE_NAME=a", 0, NULL },
	{ "XCLIENT's DESTADDR", "DESTADDR=192.0.2.1", 0, NULL },
	{ "XCLIENT's DESTPORT", "DESTPORT=1", 0, NULL },
};

static void
check_row(const struct row *r, struct span in, enum assertion_command command,
    enum xtext_mode mode)
{
	struct assertion_set	 set;
	struct err		 err = { "" };
	char			 line[ASSERTION_LINE_MAX];
	bool			 want, got;
	const char		*p;

	want = (r->modes & (mode == XTEXT_STRICT ? STRICT : LEGACY)) != 0;
	got = assertion_parse(in, command, mode, &set, &err) == ASSERTION_OK;
	ck_assert_msg(got == want, "%s, mode %d: got %d (%s), want %d",
	    r->name, mode, got, err.text, want);
	if (got) {
		ck_assert_msg(strcmp(assertion_check_printed(&set, line),
		    r->want) == 0,
		    "%s, mode %d: got %s, want %s", r->name, mode, line,
		    r->want);
		assertion_check_comes_back(r->name, &set, line);
		return;
	}
	ck_assert_msg(err.text[0] != '\0', "%s: no reason", r->name);
	for (p = err.text; *p != '\0'; p++)
		ck_assert_msg(*p >= 32 && *p <= 126, "%s: raw byte in %s",
		    r->name, err.text);
}

static void
check_row_all_ways(const struct row *r, enum assertion_command command)
{
	size_t	 n = strlen(r->in);
	char	*edge = edge_copy(r->in, n);

	check_row(r, span_of(r->in), command, XTEXT_STRICT);
	check_row(r, span_of(r->in), command, XTEXT_LEGACY);
	check_row(r, (struct span){ edge, n }, command, XTEXT_STRICT);
	check_row(r, (struct span){ edge, n }, command, XTEXT_LEGACY);
	edge_free(edge, n);
}

START_TEST(xclient_row)
{
	check_row_all_ways(&xclient_rows[_i], ASSERTION_XCLIENT);
}
END_TEST

START_TEST(xforward_row)
{
	check_row_all_ways(&xforward_rows[_i], ASSERTION_XFORWARD);
}
END_TEST

/* No cut of a line reads beyond its end, and what is taken is printed. */
START_TEST(xclient_row_truncated)
{
	const char		*in = xclient_rows[_i].in;
	struct assertion_set	 set;
	char			 line[ASSERTION_LINE_MAX];
	char			*edge;
	size_t			 n;

	for (n = 0; n < strlen(in); n++) {
		edge = edge_copy(in, n);
		if (assertion_parse((struct span){ edge, n },
		    ASSERTION_XCLIENT, XTEXT_LEGACY, &set, NULL) ==
		    ASSERTION_OK)
			assertion_check_comes_back(in, &set,
			    assertion_check_printed(&set, line));
		edge_free(edge, n);
	}
}
END_TEST

START_TEST(values_are_normalised)
{
	struct assertion_set	 set;
	struct address		 addr, destaddr;

	ck_assert_int_eq(assertion_parse(span_of("ADDR=IPV6:2001:DB8::1 "
	    "DESTADDR=IPV6:2001:db8:0::2 PORT=0025 LOGIN=a+3Db "
	    "NAME=[TEMPUNAVAIL]"), ASSERTION_XCLIENT, XTEXT_STRICT, &set,
	    NULL), ASSERTION_OK);
	ck_assert(address_parse(span_of("2001:db8::1"), &addr));
	ck_assert(address_parse(span_of("2001:db8::2"), &destaddr));
	ck_assert(address_equal(&set.addr, &addr));
	ck_assert(address_equal(&set.destaddr, &destaddr));
	ck_assert_str_eq(set.v[ASSERTION_ADDR].value, "2001:db8::1");
	ck_assert_str_eq(set.v[ASSERTION_DESTADDR].value, "2001:db8::2");
	ck_assert_str_eq(set.v[ASSERTION_PORT].value, "25");
	ck_assert_str_eq(set.v[ASSERTION_LOGIN].value, "a=b");
	ck_assert_str_eq(set.v[ASSERTION_NAME].value, "");
	ck_assert_str_eq(set.v[ASSERTION_HELO].value, "");
	ck_assert_int_eq(set.v[ASSERTION_HELO].status, ASSERTION_ABSENT);
	ck_assert_int_eq(set.v[ASSERTION_NAME].status,
	    ASSERTION_TEMPUNAVAIL);
}
END_TEST

START_TEST(raw_nul_is_refused)
{
	struct assertion_set	 set;
	static const char	 in[] = "LOGIN=root\0x";

	ck_assert_int_eq(assertion_parse((struct span){ in, sizeof(in) - 1 },
	    ASSERTION_XCLIENT, XTEXT_LEGACY, &set, NULL), ASSERTION_BAD);
}
END_TEST

START_TEST(long_line_is_refused)
{
	static char		 in[ASSERTION_LINE_MAX + 1];
	struct assertion_set	 set;
	struct err		 err;

	memset(in, ' ', sizeof(in));
	memcpy(in, "PORT=1", 6);
	ck_assert_int_eq(assertion_parse((struct span){ in, sizeof(in) - 1 },
	    ASSERTION_XCLIENT, XTEXT_STRICT, &set, &err), ASSERTION_OK);
	ck_assert_int_eq(assertion_parse((struct span){ in, sizeof(in) },
	    ASSERTION_XCLIENT, XTEXT_STRICT, &set, &err), ASSERTION_BAD);
}
END_TEST

START_TEST(reason_says_what_and_why)
{
	struct assertion_set	 set;
	struct err		 err;

	assertion_parse(span_of("ADDR=2001:db8::g"), ASSERTION_XCLIENT,
	    XTEXT_STRICT, &set, &err);
	ck_assert_str_eq(err.text, "ADDR: expected an IPv4 address, "
	    "an IPv6 address or [UNAVAILABLE], got \"2001:db8::g\"");
	assertion_parse(span_of("LOGIN=\x01\"\\\xff"), ASSERTION_XCLIENT,
	    XTEXT_STRICT, &set, &err);
	ck_assert_str_eq(err.text, "XCLIENT: expected printable ASCII "
	    "without quote, < or final backslash, got "
	    "\"LOGIN=\\x01\\x22\\x5C\\xFF\"");
	assertion_parse(span_of("HELO=a\\ PORT=1"), ASSERTION_XCLIENT,
	    XTEXT_STRICT, &set, &err);
	ck_assert_str_eq(err.text, "HELO: expected quotes, < and backslash "
	    "encoded, got \"a\\x5C\"");
	assertion_parse(span_of("HELO=a+0D"), ASSERTION_XCLIENT,
	    XTEXT_STRICT, &set, &err);
	ck_assert_str_eq(err.text, "HELO: expected no NUL, CR or LF, got "
	    "\"a+0D\"");
	assertion_parse(span_of("PORT=1\r"), ASSERTION_XCLIENT, XTEXT_STRICT,
	    &set, &err);
	ck_assert_str_eq(err.text, "XCLIENT: expected printable ASCII "
	    "without quote, < or final backslash, got \"PORT=1\\x0D\"");
	assertion_parse(span_of("PORT=" X64 "x"), ASSERTION_XCLIENT,
	    XTEXT_STRICT, &set, &err);
	ck_assert_str_eq(err.text, "PORT: expected a port number or "
	    "[UNAVAILABLE], got \"" X64 "...\"");
}
END_TEST

/* Each name is found, by its command only, in any case, and once. */
START_TEST(names_go_both_ways)
{
	static const int	 nnames[] = { 9, 7 };
	int			 command, i, j, n;
	const char		*text;

	for (command = ASSERTION_XCLIENT; command <= ASSERTION_XFORWARD;
	    command++) {
		for (n = i = 0; i < ASSERTION_COUNT; i++) {
			text = assertion_name_text(i);
			j = assertion_name_find(command, span_of(text));
			ck_assert_msg(j == i || j == -1, "%s", text);
			n += j == i;
		}
		ck_assert_int_eq(n, nnames[command]);
	}
	ck_assert_int_eq(assertion_name_find(ASSERTION_XCLIENT,
	    span_of("rEVERSE_nAME")), ASSERTION_REVERSE_NAME);
	ck_assert_int_eq(assertion_name_find(ASSERTION_XCLIENT,
	    span_of("")), -1);
}
END_TEST

START_TEST(a_value_that_is_too_long_is_told_how_long_it_may_be)
{
	struct assertion_set	 set;
	struct err		 err = { "" };

	ck_assert_int_eq(assertion_parse(span_of("LOGIN=" X255 "x"),
	    ASSERTION_XCLIENT, XTEXT_STRICT, &set, &err), ASSERTION_BAD);
	ck_assert_msg(strstr(err.text, "LOGIN: expected 1 to 255 characters")
	    != NULL, "%s", err.text);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("assertion");

	tcase_add_loop_test(tc, xclient_row, 0, NELEM(xclient_rows));
	tcase_add_loop_test(tc, xforward_row, 0, NELEM(xforward_rows));
	tcase_add_loop_test(tc, xclient_row_truncated, 0,
	    NELEM(xclient_rows));
	tcase_add_test(tc,
	    a_value_that_is_too_long_is_told_how_long_it_may_be);
	tcase_add_test(tc, values_are_normalised);
	tcase_add_test(tc, raw_nul_is_refused);
	tcase_add_test(tc, long_line_is_refused);
	tcase_add_test(tc, reason_says_what_and_why);
	tcase_add_test(tc, names_go_both_ways);
	return runner_run("assertion", tc);
}
