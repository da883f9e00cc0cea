/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * nexthop_test: where mail goes next, as it is written, in whole and at the
 * end of memory; and that no part of a good one is read as more than it is.
 */
#include "conf/nexthop.h"

#include <stdio.h>

#include "t/lib/edge.h"
#include "t/lib/runner.h"

#define H63	"a12345678901234567890123456789012345678901234567890123456789012"
#define H253	H63 "." H63 "." H63 "." \
		"a123456789012345678901234567890123456789012345678901234567890"
#define P90	"/23456789/23456789/23456789/23456789/23456789" \
		"/23456789/23456789/23456789/23456789/23456789"

#define SMTP	NEXTHOP_SMTP
#define LMTP	NEXTHOP_LMTP

static const struct row {
	const char		*in;
	enum nexthop_protocol	 protocol;
	enum nexthop_kind	 kind;
	unsigned		 port;
	const char		*host;
} rows[] = {
	{ "smtp:", SMTP, NEXTHOP_MX, 25, "" },
	{ "smtp:example.com", SMTP, NEXTHOP_MX, 25, "example.com" },
	{ "smtp:example.com:587", SMTP, NEXTHOP_MX, 587, "example.com" },
	{ "smtp:Mail_1.example.com", SMTP, NEXTHOP_MX, 25,
	    "mail_1.example.com" },
	{ "smtp:Example.com.", SMTP, NEXTHOP_MX, 25, "example.com" },
	{ "smtp:[Mail.Example.com.]:26", SMTP, NEXTHOP_HOST, 26,
	    "mail.example.com" },
	{ "smtp:\xc3\xa4.example", SMTP, NEXTHOP_MX, 25,
	    "xn--4ca.example" },
	{ "lmtp:XN--4CA.example", LMTP, NEXTHOP_HOST, 24,
	    "xn--4ca.example" },
	{ "smtp:[2001:DB8:0::0:25]", SMTP, NEXTHOP_HOST, 25, "2001:db8::25" },
	{ "smtp:[::ffff:192.0.2.1]", SMTP, NEXTHOP_HOST, 25, "192.0.2.1" },
	{ "smtp:[IPV6:2001:DB8:0::0:25]", SMTP, NEXTHOP_HOST, 25,
	    "2001:db8::25" },
	{ "smtp:localhost:1", SMTP, NEXTHOP_MX, 1, "localhost" },
	{ "smtp:inet:65535", SMTP, NEXTHOP_MX, 65535, "inet" },
	{ "smtp:" H253, SMTP, NEXTHOP_MX, 25, H253 },
	{ "smtp:[example.com]", SMTP, NEXTHOP_HOST, 25, "example.com" },
	{ "smtp:[example.com]:2525", SMTP, NEXTHOP_HOST, 2525,
	    "example.com" },
	{ "smtp:[127.0.0.1]", SMTP, NEXTHOP_HOST, 25, "127.0.0.1" },
	{ "smtp:[127.0.0.1]:25", SMTP, NEXTHOP_HOST, 25, "127.0.0.1" },
	{ "smtp:[::1]", SMTP, NEXTHOP_HOST, 25, "::1" },
	{ "smtp:[2001:db8::25]:26", SMTP, NEXTHOP_HOST, 26, "2001:db8::25" },
	{ "smtp:[IPv6:2001:db8::25]:26", SMTP, NEXTHOP_HOST, 26,
	    "2001:db8::25" },
	{ "smtp:[ipv6:::1]", SMTP, NEXTHOP_HOST, 25, "::1" },
	{ "smtp:unix:/run/smtp", SMTP, NEXTHOP_UNIX, 0, "/run/smtp" },
	{ "lmtp:unix:/run/dovecot/lmtp", LMTP, NEXTHOP_UNIX, 0,
	    "/run/dovecot/lmtp" },
	{ "lmtp:unix:/a b:c", LMTP, NEXTHOP_UNIX, 0, "/a b:c" },
	{ "lmtp:unix:" P90 "/2345678901234567", LMTP, NEXTHOP_UNIX, 0,
	    P90 "/2345678901234567" },
	{ "lmtp:[::1]:24", LMTP, NEXTHOP_HOST, 24, "::1" },
	{ "lmtp:[::1]", LMTP, NEXTHOP_HOST, 24, "::1" },
	{ "lmtp:[mail.example.com]:2003", LMTP, NEXTHOP_HOST, 2003,
	    "mail.example.com" },
	{ "lmtp:mail.example.com", LMTP, NEXTHOP_HOST, 24,
	    "mail.example.com" },
	{ "lmtp:127.0.0.1:2003", LMTP, NEXTHOP_HOST, 2003, "127.0.0.1" },
	{ "lmtp:inet:127.0.0.1", LMTP, NEXTHOP_HOST, 24, "127.0.0.1" },
	{ "lmtp:inet:[::1]:2003", LMTP, NEXTHOP_HOST, 2003, "::1" },
	{ "lmtp:inet:a.example:9", LMTP, NEXTHOP_HOST, 9, "a.example" },
};

static const char *const	 bad[] = {
	"", "s", "smtp", ":", "smtp :", "SMTP:", "Smtp:[::1]", " smtp:",
	"lmtp", "lmtp:", "lmtp:inet:", "lmtp::24", "smtp::25", "smtp: ",
	"smtp:example.com ", "smtp: example.com", "smtp:..",
	"smtp:.example.com", "smtp:a..b", "smtp:-a", "smtp:a b", "smtp:a/b",
	"smtp:a@b", "smtp:a,b", "smtp:example.com:", "smtp:example.com:0",
	"smtp:example.com:00", "smtp:example.com:025",
	"smtp:example.com:65536", "smtp:example.com:99999",
	"smtp:example.com:100000", "smtp:example.com:4294967321",
	"smtp:example.com:smtp", "smtp:example.com:2 5",
	"smtp:example.com:+25", "smtp:example.com:-25", "smtp:example.com:25:",
	"smtp:example.com:25x", "smtp:example.com:25:25", "smtp:127.0.0.1",
	"smtp:127.0.0.1:25", "smtp:1.2.3", "smtp:::1", "smtp:::1:25",
	"smtp:2001:db8::1", "lmtp:::1", "lmtp:2001:db8::1", "smtp:[",
	"smtp:[]", "smtp:[]:25", "smtp:[:25", "smtp:]", "smtp:[a", "smtp:a]",
	"smtp:[a]]", "smtp:[[a]]", "smtp:[[192.0.2.1]]", "smtp:[a]b",
	"smtp:[a]25", "smtp:[a]:",
	"smtp:[a]:0", "smtp:[a]:65536", "smtp:[a]::25", "smtp:[a]:25 ",
	"smtp:[a:25]", "smtp:[a b]", "smtp:[IPv6:]", "smtp:[IPv6:a]",
	"smtp:[IPv6:127.0.0.1]", "smtp:[127.0.0]", "smtp:[127.0.0.01]",
	"smtp:[127.0.0.1/32]", "smtp:[::g]", "smtp:[fe80::1%lo]",
	"smtp:[unix:/a]", "smtp:unix", "smtp:Unix.", "smtp:UNIX:25",
	"smtp:unix:", "smtp:unix:/", "smtp:unix:a",
	"smtp:unix:a/b", "lmtp:unix:./a", "lmtp:unix:/a\n", "lmtp:unix:/a\tb",
	"lmtp:unix:/a\177", "lmtp:unix:" P90 "/23456789012345678", "lmtp:inet:unix:/a",
	"lmtp:inet:inet:a", "smtp:inet:a", "smtp:inet:[::1]",
	"smtp:smtp:example.com", "lmtp:smtp:a", "error:no", "discard:",
	"local:", "unix:/run/lmtp", "[127.0.0.1]:25", "example.com",
	"smtp:" H253 ".a1", "smtp:" H63 "3", "smtp:\xff.example", "smtp:.",
	"smtp:a\r\n", "smtp:*",
};

/* What *nexthop_r has if nothing was written. */
static const struct nexthop	untouched = {
	NEXTHOP_LMTP, NEXTHOP_HOST, 7, "untouched"
};

static void
check_bad(const char *how, struct span in)
{
	struct nexthop	 got = untouched;

	ck_assert_msg(!nexthop_parse(in, &got), "\"%.*s\", %s: taken",
	    (int)in.n, in.p, how);
	ck_assert_msg(memcmp(&got, &untouched, sizeof(got)) == 0,
	    "\"%.*s\", %s: wrote a result", (int)in.n, in.p, how);
}

static void
check_row(const struct row *row, const char *how, struct span in)
{
	struct nexthop	 got = untouched;

	ck_assert_msg(nexthop_parse(in, &got), "%s, %s: refused", row->in,
	    how);
	ck_assert_msg(got.protocol == row->protocol &&
	    got.kind == row->kind && got.port == row->port &&
	    strcmp(got.host, row->host) == 0,
	    "%s, %s: got %d %d \"%s\" %u", row->in, how, got.protocol,
	    got.kind, got.host, got.port);
}

START_TEST(row_is_read)
{
	const struct row	*row = &rows[_i];
	size_t			 n = strlen(row->in);
	char			*edge = edge_copy(row->in, n);

	check_row(row, "whole", span_of(row->in));
	check_row(row, "edge", (struct span){ edge, n });
	edge_free(edge, n);
}
END_TEST

/* What is written is read back as the same. */
START_TEST(row_is_written)
{
	const struct row	*row = &rows[_i];
	struct nexthop		 first, again = untouched;
	char			 text[NEXTHOP_TEXT_SIZE];

	ck_assert(nexthop_parse(span_of(row->in), &first));
	ck_assert_ptr_eq(nexthop_format(&first, text), text);
	ck_assert_msg(nexthop_parse(span_of(text), &again) &&
	    again.protocol == first.protocol && again.kind == first.kind &&
	    again.port == first.port && strcmp(again.host, first.host) == 0,
	    "%s: wrote %s", row->in, text);
}
END_TEST

/* Each beginning of a row is read without a look behind it, and the same with
 * a NUL behind it is none. */
START_TEST(beginnings)
{
	const struct row	*row = &rows[_i];
	char			 with_nul[512];
	size_t			 n;

	for (n = 0; n <= strlen(row->in); n++) {
		char		*edge = edge_copy(row->in, n);
		struct nexthop	 got = untouched;

		if (nexthop_parse((struct span){ edge, n }, &got))
			ck_assert_uint_lt(strlen(got.host),
			    sizeof(got.host));
		edge_free(edge, n);
		snprintf(with_nul, sizeof(with_nul), "%.*s", (int)n, row->in);
		check_bad("NUL", (struct span){ with_nul, n + 1 });
	}
}
END_TEST

START_TEST(bad_is_refused)
{
	size_t	 n = strlen(bad[_i]);
	char	*edge = edge_copy(bad[_i], n);

	check_bad("whole", span_of(bad[_i]));
	check_bad("edge", (struct span){ edge, n });
	edge_free(edge, n);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("nexthop");

	tcase_add_loop_test(tc, row_is_read, 0, NELEM(rows));
	tcase_add_loop_test(tc, row_is_written, 0, NELEM(rows));
	tcase_add_loop_test(tc, beginnings, 0, NELEM(rows));
	tcase_add_loop_test(tc, bad_is_refused, 0, NELEM(bad));
	return runner_run("nexthop", tc);
}
