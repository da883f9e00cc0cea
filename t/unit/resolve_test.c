/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * resolve_test: lookups of all kinds, answered by a name server in this very
 * loop.
 */
#include "relay/resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/lib/resolve_setting.h"
#include "t/lib/runner.h"

static const struct dns_record	zone[] = {
	{ "one.example",	DNS_MX,		"10 mx1.one.example" },
	{ "mx1.one.example",	DNS_A,		"192.0.2.1" },
	{ "mx1.one.example",	DNS_AAAA,	"2001:db8::1" },
	{ "order.example",	DNS_MX,		"30 a4.example" },
	{ "order.example",	DNS_MX,		"10 a1.example" },
	{ "order.example",	DNS_MX,		"20 a2.example" },
	{ "order.example",	DNS_MX,		"20 a3.example" },
	{ "a1.example",		DNS_A,		"192.0.2.1" },
	{ "a2.example",		DNS_A,		"192.0.2.2" },
	{ "a3.example",		DNS_A,		"192.0.2.3" },
	{ "a4.example",		DNS_A,		"192.0.2.4" },
	{ "null.example",	DNS_MX,		"0 ." },
	{ "null.example",	DNS_A,		"192.0.2.5" },
	{ "half-null.example",	DNS_MX,		"0 ." },
	{ "half-null.example",	DNS_MX,		"10 a1.example" },
	{ "implicit.example",	DNS_A,		"192.0.2.6" },
	{ "implicit6.example",	DNS_AAAA,	"2001:db8::6" },
	{ "alias.example",	DNS_CNAME,	"one.example" },
	{ "alias-host.example",	DNS_CNAME,	"implicit.example" },
	{ "dangling.example",	DNS_CNAME,	"nowhere.example" },
	{ "mx-alias.example",	DNS_MX,		"5 alias-host.example" },
	{ "text.example",	DNS_PTR,	"x" },
	{ "mx-gone.example",	DNS_MX,		"10 nowhere.example" },
	{ "mx-text.example",	DNS_MX,		"10 text.example" },
	{ "mx-text.example",	DNS_A,		"192.0.2.7" },
	{ "mx-literal.example",	DNS_MX,		"10 192.0.2.1" },
	{ "mx-literal.example",	DNS_A,		"192.0.2.7" },
	{ "mx-lame.example",	DNS_MX,		"10 nowhere.example" },
	{ "mx-lame.example",	DNS_MX,		"20 lame.example" },
	{ "mx-half.example",	DNS_MX,		"10 lame.example" },
	{ "mx-half.example",	DNS_MX,		"20 a2.example" },
	{ "tcp.example",	DNS_TCP,	"" },
	{ "tcp.example",	DNS_MX,		"10 tcp-host.example" },
	{ "tcp-host.example",	DNS_TCP,	"" },
	{ "tcp-host.example",	DNS_A,		"192.0.2.20" },
	{ "tcp-silent.example",	DNS_TCP,	"" },
	{ "tcp-silent.example",	DNS_SILENT,	"" },
	{ "tcp-half.example",	DNS_TCP,	"" },
	{ "tcp-half.example",	DNS_SILENT,	"0 AAAA" },
	{ "tcp-half.example",	DNS_A,		"192.0.2.20" },
	{ "lame.example",	DNS_RCODE,	"2" },
	{ "refused.example",	DNS_RCODE,	"5" },
	{ "cut.example",	DNS_CUT,	"MX" },
	{ "lame-mx.example",	DNS_RCODE,	"2 MX" },
	{ "lame-mx.example",	DNS_A,		"192.0.2.8" },
	{ "lame-a.example",	DNS_RCODE,	"2 A" },
	{ "lame-a.example",	DNS_PTR,	"x" },
	{ "lame-aaaa.example",	DNS_RCODE,	"2 AAAA" },
	{ "lame-aaaa.example",	DNS_A,		"192.0.2.9" },
	{ "silent.example",	DNS_SILENT,	"" },
	{ "silent-a.example",	DNS_SILENT,	"0 A" },
	{ "silent-a.example",	DNS_AAAA,	"2001:db8::a" },
	{ "10.2.0.192.in-addr.arpa",	DNS_PTR, "host.example" },
	{ "host.example",	DNS_A,		"192.0.2.99" },
	{ "host.example",	DNS_A,		"192.0.2.10" },
	{ "11.2.0.192.in-addr.arpa",	DNS_PTR, "liar.example" },
	{ "liar.example",	DNS_A,		"192.0.2.10" },
	{ "12.2.0.192.in-addr.arpa",	DNS_PTR, "nowhere.example" },
	{ "13.2.0.192.in-addr.arpa",	DNS_PTR, "lame.example" },
	{ "14.2.0.192.in-addr.arpa",	DNS_PTR, "not valid.example" },
	{ "15.2.0.192.in-addr.arpa",	DNS_RCODE, "2" },
	{ "16.2.0.192.in-addr.arpa",	DNS_PTR, "lame-aaaa.example" },
	{ "9.2.0.192.in-addr.arpa",	DNS_PTR, "lame-aaaa.example" },
	{ "7.2.0.192.in-addr.arpa",	DNS_PTR, "192.0.2.7" },
	/* RFC 2317 */
	{ "17.2.0.192.in-addr.arpa",	DNS_CNAME, "17.16-31.example" },
	{ "17.16-31.example",	DNS_PTR,	"seventeen.example" },
	{ "seventeen.example",	DNS_A,		"192.0.2.17" },
	{ "18.2.0.192.in-addr.arpa",	DNS_A,	"192.0.2.18" },
	{ "19.2.0.192.in-addr.arpa",	DNS_CUT, "" },
	{ "0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
	    "ip6.arpa",		DNS_PTR,	"six.example" },
	{ "six.example",	DNS_AAAA,	"2001:db8::10" },
	{ NULL,			DNS_A,		NULL }
};

/* "preference host address", one a line, as they are to be tried. */
static const char *
list(const struct resolve_answer *answer, char *buf, size_t size)
{
	char		 addr[ADDRESS_TEXT_SIZE];
	size_t		 n = 0;
	unsigned	 i;

	buf[0] = '\0';
	for (i = 0; i < answer->n && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%u %s %s",
		    i > 0 ? "\n" : "", answer->v[i].preference,
		    answer->v[i].host, address_format(&answer->v[i].addr,
		    addr, sizeof addr));
	return buf;
}

enum kind { MX, HOST };

/* Where two orders are good, want_2 is the other one. */
static const struct row {
	enum kind		 kind;
	const char		*asked;
	enum resolve_result	 want_status;
	const char		*want, *want_2;	/* list, or the error's text */
} rows[] = {
	{ MX, "one.example", RESOLVE_OK,
	    "10 mx1.one.example 192.0.2.1\n10 mx1.one.example 2001:db8::1",
	    "10 mx1.one.example 2001:db8::1\n10 mx1.one.example 192.0.2.1" },
	{ MX, "ONE.Example.", RESOLVE_OK,
	    "10 mx1.one.example 192.0.2.1\n10 mx1.one.example 2001:db8::1",
	    "10 mx1.one.example 2001:db8::1\n10 mx1.one.example 192.0.2.1" },
	{ MX, "order.example", RESOLVE_OK,
	    "10 a1.example 192.0.2.1\n20 a2.example 192.0.2.2\n"
	    "20 a3.example 192.0.2.3\n30 a4.example 192.0.2.4",
	    "10 a1.example 192.0.2.1\n20 a3.example 192.0.2.3\n"
	    "20 a2.example 192.0.2.2\n30 a4.example 192.0.2.4" },
	{ MX, "null.example", RESOLVE_NONE,
	    "null.example: the domain accepts no mail (null MX)", NULL },
	{ MX, "half-null.example", RESOLVE_OK, "10 a1.example 192.0.2.1",
	    NULL },
	{ MX, "implicit.example", RESOLVE_OK, "0 implicit.example 192.0.2.6",
	    NULL },
	{ MX, "implicit6.example", RESOLVE_OK,
	    "0 implicit6.example 2001:db8::6", NULL },
	{ MX, "alias.example", RESOLVE_OK,
	    "10 mx1.one.example 192.0.2.1\n10 mx1.one.example 2001:db8::1",
	    "10 mx1.one.example 2001:db8::1\n10 mx1.one.example 192.0.2.1" },
	{ MX, "alias-host.example", RESOLVE_OK,
	    "0 alias-host.example 192.0.2.6", NULL },
	{ MX, "dangling.example", RESOLVE_NONE,
	    "dangling.example: no such domain", NULL },
	{ MX, "mx-alias.example", RESOLVE_OK,
	    "5 alias-host.example 192.0.2.6", NULL },
	{ MX, "nowhere.example", RESOLVE_NONE,
	    "nowhere.example: no such domain", NULL },
	{ MX, "text.example", RESOLVE_NONE, "text.example: no address", NULL },
	{ MX, "mx-gone.example", RESOLVE_NONE, "mx-gone.example: no mail "
	    "server of this domain has an address", NULL },
	{ MX, "mx-text.example", RESOLVE_NONE, "mx-text.example: no mail "
	    "server of this domain has an address", NULL },
	{ MX, "mx-literal.example", RESOLVE_NONE,
	    "mx-literal.example: not a valid name", NULL },
	{ MX, "mx-lame.example", RESOLVE_CANNOT_TELL,
	    "mx-lame.example: no name server can tell", NULL },
	{ MX, "mx-half.example", RESOLVE_OK, "20 a2.example 192.0.2.2", NULL },
	{ MX, "tcp.example", RESOLVE_OK, "10 tcp-host.example 192.0.2.20",
	    NULL },
	{ MX, "tcp-silent.example", RESOLVE_CANNOT_TELL, NULL, NULL },
	{ HOST, "tcp-half.example", RESOLVE_OK,
	    "0 tcp-half.example 192.0.2.20", NULL },
	{ MX, "lame.example", RESOLVE_CANNOT_TELL, NULL, NULL },
	{ MX, "refused.example", RESOLVE_CANNOT_TELL, NULL, NULL },
	{ MX, "cut.example", RESOLVE_CANNOT_TELL,
	    "cut.example: Misformatted DNS reply", NULL },
	{ MX, "lame-mx.example", RESOLVE_CANNOT_TELL, NULL, NULL },
	{ MX, "lame-a.example", RESOLVE_CANNOT_TELL, NULL, NULL },
	{ MX, "lame-aaaa.example", RESOLVE_OK,
	    "0 lame-aaaa.example 192.0.2.9", NULL },
	{ MX, "silent.example", RESOLVE_CANNOT_TELL,
	    "silent.example: Timeout while contacting DNS servers", NULL },
	{ MX, "[one.example]", RESOLVE_NONE, "one.example: no address", NULL },
	{ MX, "[implicit.example]", RESOLVE_OK,
	    "0 implicit.example 192.0.2.6", NULL },
	{ MX, "192.0.2.1", RESOLVE_OK, "0 192.0.2.1 192.0.2.1", NULL },
	{ MX, "[192.0.2.1]", RESOLVE_OK, "0 192.0.2.1 192.0.2.1", NULL },
	{ MX, "[IPv6:2001:db8::1]", RESOLVE_OK,
	    "0 2001:db8::1 2001:db8::1", NULL },
	{ MX, "2001:DB8::1", RESOLVE_OK, "0 2001:db8::1 2001:db8::1", NULL },
	{ MX, "[2001:db8::1]", RESOLVE_OK,
	    "0 2001:db8::1 2001:db8::1", NULL },
	{ MX, "IPv6:2001:db8::1", RESOLVE_NONE,
	    "IPv6:2001:db8::1: not a valid name", NULL },
	{ MX, "", RESOLVE_NONE, ": not a valid name", NULL },
	{ MX, ".", RESOLVE_NONE, ".: not a valid name", NULL },
	{ MX, "[]", RESOLVE_NONE, ": not a valid name", NULL },
	{ MX, "two..dots.example", RESOLVE_NONE,
	    "two..dots.example: not a valid name", NULL },
	{ MX, "blank in.example", RESOLVE_NONE, NULL, NULL },
	{ HOST, "one.example", RESOLVE_NONE, "one.example: no address", NULL },
	{ HOST, "null.example", RESOLVE_OK, "0 null.example 192.0.2.5", NULL },
	{ HOST, "mx1.one.example", RESOLVE_OK,
	    "0 mx1.one.example 192.0.2.1\n0 mx1.one.example 2001:db8::1",
	    "0 mx1.one.example 2001:db8::1\n0 mx1.one.example 192.0.2.1" },
	{ HOST, "alias-host.example", RESOLVE_OK,
	    "0 alias-host.example 192.0.2.6", NULL },
	{ HOST, "dangling.example", RESOLVE_NONE, NULL, NULL },
	{ HOST, "nowhere.example", RESOLVE_NONE,
	    "nowhere.example: no such domain", NULL },
	{ HOST, "lame-a.example", RESOLVE_CANNOT_TELL, NULL, NULL },
	{ HOST, "lame-aaaa.example", RESOLVE_OK,
	    "0 lame-aaaa.example 192.0.2.9", NULL },
	{ HOST, "silent.example", RESOLVE_CANNOT_TELL, NULL, NULL },
	{ HOST, "silent-a.example", RESOLVE_OK,
	    "0 silent-a.example 2001:db8::a", NULL },
	{ HOST, "192.0.2.1", RESOLVE_OK, "0 192.0.2.1 192.0.2.1", NULL },
};

START_TEST(row_has_its_result)
{
	const struct row	*r = &rows[_i];
	struct setting		 s;
	struct lookup		 l = { 0 };
	char			 buf[4096];
	const char		*got;

	/* Whoever never answers is given up soon. */
	if (strstr(r->asked, "silent") != NULL ||
	    strstr(r->asked, "half") != NULL)
		(void)setenv("RES_OPTIONS", "retrans:150 retry:2", 1);
	set_up(&s, zone);
	ck_assert_ptr_nonnull((r->kind == MX ? resolve_mx : resolve_host)
	    (s.resolver, r->asked, told, &l));
	ck_assert_uint_eq(l.n_told, 0);
	wait_for(&s, &l);
	ck_assert_msg(l.result.result == r->want_status, "%s: %d (%s)",
	    r->asked, l.result.result, l.result.err.text);
	ck_assert_uint_eq(l.result.is_null_mx, r->kind == MX &&
	    strcmp(r->asked, "null.example") == 0);
	got = l.result.result == RESOLVE_OK ?
	    list(&l.result, buf, sizeof buf) : l.result.err.text;
	ck_assert_str_ne(got, "");
	ck_assert_msg(r->want == NULL || strcmp(got, r->want) == 0 ||
	    (r->want_2 != NULL && strcmp(got, r->want_2) == 0),
	    "%s: got \"%s\"", r->asked, got);
	tear_down(&s);
}
END_TEST

static const struct name_row {
	const char		*asked;
	enum resolve_result	 want_status;
	const char		*want;		/* name, or the error's text */
} name_rows[] = {
	{ "192.0.2.10",	RESOLVE_OK,		"host.example" },
	{ "2001:db8::10", RESOLVE_OK,		"six.example" },
	{ "192.0.2.9",	RESOLVE_OK,		"lame-aaaa.example" },
	{ "192.0.2.11",	RESOLVE_NONE,
	    "192.0.2.11: its name does not lead back to it" },
	{ "192.0.2.16",	RESOLVE_NONE,
	    "192.0.2.16: its name does not lead back to it" },
	{ "192.0.2.12",	RESOLVE_NONE,
	    "192.0.2.12: its name does not lead back to it" },
	{ "192.0.2.200", RESOLVE_NONE,		"192.0.2.200: no name" },
	{ "192.0.2.14",	RESOLVE_NONE,
	    "192.0.2.14: its name is not a valid one" },
	{ "192.0.2.7",	RESOLVE_NONE,
	    "192.0.2.7: its name is not a valid one" },
	{ "192.0.2.17",	RESOLVE_OK,		"seventeen.example" },
	{ "192.0.2.18",	RESOLVE_NONE,		"192.0.2.18: no name" },
	{ "192.0.2.19",	RESOLVE_CANNOT_TELL,	NULL },
	{ "192.0.2.13",	RESOLVE_CANNOT_TELL,	NULL },
	{ "192.0.2.15",	RESOLVE_CANNOT_TELL,	NULL },
	{ "unknown",	RESOLVE_NONE,		"unknown: no name" },
};

START_TEST(name_has_its_result)
{
	const struct name_row	*r = &name_rows[_i];
	struct setting		 s;
	struct lookup		 l = { 0 };
	struct address		 addr = { .family = AF_UNSPEC };

	set_up(&s, zone);
	(void)address_parse(span_of(r->asked), &addr);
	ck_assert_ptr_nonnull(resolve_name(s.resolver, &addr, told, &l));
	ck_assert_uint_eq(l.n_told, 0);
	wait_for(&s, &l);
	ck_assert_msg(l.result.result == r->want_status, "%s: %d (%s)",
	    r->asked, l.result.result, l.result.err.text);
	if (r->want_status == RESOLVE_OK) {
		ck_assert_str_eq(l.result.name, r->want);
		ck_assert_str_eq(l.result.err.text, "");
	} else {
		ck_assert_str_eq(l.result.name, "");
		if (r->want != NULL)
			ck_assert_str_eq(l.result.err.text, r->want);
	}
	ck_assert_uint_eq(l.result.n, 0);
	tear_down(&s);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("resolve");

	tcase_add_loop_test(tc, row_has_its_result, 0, NELEM(rows));
	tcase_add_loop_test(tc, name_has_its_result, 0, NELEM(name_rows));
	return runner_run("resolve", tc);
}
