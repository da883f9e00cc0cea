/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * domain_test: spellings of domains and the one that stands for all of them.
 */
#include "base/domain.h"

#include <stdlib.h>

#include "t/lib/edge.h"
#include "t/lib/runner.h"

#define UE	"\xc3\xbc"		/* u with an umlaut */
#define UE_BIG	"\xc3\x9c"
#define SZ	"\xc3\x9f"		/* a sharp s */
#define STOP	"\xe3\x80\x82"		/* the ideographic full stop */
#define SNOWMAN	"\xe2\x98\x83"
#define LABEL62	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LABEL63	"a" LABEL62
#define NAME255	LABEL63 "." LABEL63 "." LABEL63 "." LABEL63

static const struct row {
	const char	*in, *want;	/* NULL: it is none */
	const char	*want_unicode;	/* NULL: no other spelling */
} rows[] = {
	{ "example.com", "example.com", NULL },
	{ "EXAMPLE.Com", "example.com", NULL },
	{ "example.com.", "example.com", NULL },
	{ "example.com...", "example.com", NULL },
	{ "localhost", "localhost", NULL },
	{ "_a.r3---sn.example", "_a.r3---sn.example", NULL },
	{ NAME255, NAME255, NULL },
	{ NAME255 ".", NAME255, NULL },

	{ "[192.0.2.1]", "[192.0.2.1]", NULL },
	{ "[192.0.2.1].", "[192.0.2.1]", NULL },
	{ "[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]", NULL },
	{ "[ipv6:2001:DB8:0:0::0001]", "[IPv6:2001:db8::1]", NULL },
	{ "[2001:db8:0:0:0:0:0:1]", "[IPv6:2001:db8::1]", NULL },
	{ "[::ffff:192.0.2.1]", "[192.0.2.1]", NULL },
	{ "[IPv6:::ffff:192.0.2.1]", "[192.0.2.1]", NULL },

	{ "b" UE "cher.example", "xn--bcher-kva.example",
	    "b" UE "cher.example" },
	{ "B" UE_BIG "CHER.Example.", "xn--bcher-kva.example",
	    "b" UE "cher.example" },
	{ "XN--BCHER-KVA.example", "xn--bcher-kva.example",
	    "b" UE "cher.example" },
	/* u and a combining mark. */
	{ "bu\xcc\x88" "cher.example", "xn--bcher-kva.example",
	    "b" UE "cher.example" },
	{ "fa" SZ ".de", "xn--fa-hia.de", "fa" SZ ".de" },
	{ "_a.b" UE "cher.example", "_a.xn--bcher-kva.example",
	    "_a.b" UE "cher.example" },
	{ "example" STOP "com" STOP, "example.com", NULL },
	{ "example.com" STOP ".", "example.com", NULL },
	/* In full width. */
	{ "\xef\xbd\x81\xef\xbc\x8e\xef\xbd\x82", "a.b", NULL },
	{ "a.xn--999999999.example", "a.xn--999999999.example", NULL },

	{ "", NULL, NULL },
	{ ".", NULL, NULL },
	{ "...", NULL, NULL },
	{ STOP, NULL, NULL },
	{ ".example.com", NULL, NULL },
	{ "a..b", NULL, NULL },
	{ "a." STOP "b", NULL, NULL },
	{ "-a.b", NULL, NULL },
	{ "a b", NULL, NULL },
	{ "a@b", NULL, NULL },
	{ "192.0.2.1", NULL, NULL },
	{ "192.0.2.1.", NULL, NULL },
	{ "a" LABEL63, NULL, NULL },
	{ "a." NAME255, NULL, NULL },
	{ "[", NULL, NULL },
	{ "[]", NULL, NULL },
	{ "[192.0.2.1", NULL, NULL },
	{ "[192.0.2.01]", NULL, NULL },
	{ "[192.0.2.1]x", NULL, NULL },
	{ "[IPv6:192.0.2.1]", NULL, NULL },
	{ "[fe80::1%lo]", NULL, NULL },
	{ "[x-tag:a]", NULL, NULL },
	{ "[example.com]", NULL, NULL },
	{ "\xff.example", NULL, NULL },
	{ SNOWMAN ".example", NULL, NULL },
	{ UE "!.example", NULL, NULL },
	{ UE " .example", NULL, NULL },
};

static void
check_unicode(struct span domain, const char *want)
{
	char		 buf[DOMAIN_UNICODE_SIZE];
	struct span	 got = { NULL, 0 };

	ck_assert_msg(domain_unicode(domain, buf, &got) == (want == NULL ?
	    DOMAIN_BAD : DOMAIN_OK), "U-labels of %s", domain.p);
	if (want == NULL)
		ck_assert_ptr_null(got.p);
	else
		ck_assert_str_eq(got.p, want);
}

/* What came out goes in, and comes out the same. */
static void
check_again(struct span domain)
{
	char		 buf[DOMAIN_SIZE];
	struct span	 again;

	ck_assert_int_eq(domain_read(domain, buf, &again), DOMAIN_OK);
	ck_assert_str_eq(again.p, domain.p);
}

START_TEST(spellings)
{
	const struct row	*r = &rows[_i];
	size_t			 n = strlen(r->in);
	char			*edge = edge_copy(r->in, n);
	char			 buf[DOMAIN_SIZE];
	struct span		 got = { NULL, 0 };
	enum domain_result	 result;

	result = domain_read((struct span){ edge, n }, buf, &got);
	edge_free(edge, n);
	ck_assert_msg(result == (r->want == NULL ? DOMAIN_BAD : DOMAIN_OK),
	    "\"%s\": got %d, %.*s", r->in, result, (int)got.n, got.p);
	if (r->want == NULL) {
		ck_assert_ptr_null(got.p);
		return;
	}
	ck_assert_msg(span_eq(got, r->want) && got.p[got.n] == '\0',
	    "\"%s\": got \"%s\", want \"%s\"", r->in, got.p, r->want);
	check_unicode(got, r->want_unicode);
	check_again(got);
}
END_TEST

START_TEST(nul_ends_no_domain)
{
	char		 buf[DOMAIN_SIZE];
	struct span	 got;

	ck_assert_int_eq(domain_read((struct span){ "a\0.b", 4 }, buf, &got),
	    DOMAIN_BAD);
	ck_assert_int_eq(domain_read((struct span){ UE "\0.b", 5 }, buf,
	    &got), DOMAIN_BAD);
	ck_assert_int_eq(domain_read((struct span){ "a.b\0", 4 }, buf, &got),
	    DOMAIN_BAD);
	ck_assert_int_eq(domain_read((struct span){ NULL, 0 }, buf, &got),
	    DOMAIN_BAD);
}
END_TEST

/* Of octets that no domain has as many of. */
START_TEST(a_text_without_end)
{
	static char	 text[100000];
	char		 buf[DOMAIN_SIZE];
	struct span	 got;
	size_t		 i;

	for (i = 0; i + 1 < sizeof text; i += 2)
		memcpy(text + i, UE, 2);
	ck_assert_int_eq(domain_read((struct span){ text, sizeof text }, buf,
	    &got), DOMAIN_BAD);
	ck_assert_int_eq(domain_read((struct span){ text, 1024 }, buf, &got),
	    DOMAIN_BAD);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("domain");

	tcase_add_loop_test(tc, spellings, 0, NELEM(rows));
	tcase_add_test(tc, nul_ends_no_domain);
	tcase_add_test(tc, a_text_without_end);
	return runner_run("domain", tc);
}
