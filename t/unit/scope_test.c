/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * scope_test: who says whether XCLIENT is sent, wherever it is said or not.
 */
#include "conf/scope.h"

#include <stdio.h>
#include <stdlib.h>

#include "t/lib/edge.h"
#include "t/lib/runner.h"

#define FILE_NAME	"x.conf"
#define UE		"\xc3\xbc"	/* u with an umlaut */

/* Where something can be said, the most specific place first; it stands in the
 * line of its number. */
static const struct place {
	const char		*group, *binding, *domain;
	enum xclient_mode	 mode;
	const char		*want_rule;
} places[] = {
	{ "g", "b", "a.example", XCLIENT_REQUIRED,
	    "x.conf:1 (domain a.example in binding b)" },
	{ "g", NULL, "a.example", XCLIENT_IFAVAILABLE,
	    "x.conf:2 (domain a.example in binding_group g)" },
	{ "g", "b", NULL, XCLIENT_NO, "x.conf:3 (binding b)" },
	{ "g", NULL, NULL, XCLIENT_REQUIRED, "x.conf:4 (binding_group g)" },
	{ NULL, NULL, "a.example", XCLIENT_NO, "x.conf:5 (domain a.example)" },
	{ NULL, NULL, NULL, XCLIENT_IFAVAILABLE, "global" },
};

#define LAST_OF_BINDING	3	/* up to here a binding is needed */
#define FIRST_OUTSIDE	4

static int
add(struct scope *scope, const struct place *p, enum xclient_mode mode,
    unsigned line)
{
	struct err	 err;

	if (p->domain != NULL)
		return scope_add_domain(scope, p->group, p->binding,
		    p->domain, mode, FILE_NAME, line, &err);
	if (p->binding != NULL)
		return scope_add_binding(scope, p->group, p->binding, mode,
		    NULL, FILE_NAME, line, &err);
	if (p->group != NULL)
		return scope_add_group(scope, p->group, mode, NULL,
		    FILE_NAME, line, &err);
	return scope_set_global(scope, mode);
}

/* What is said where a bit of mask is set.  The group and the binding are
 * there in any case, and so are the domains if they shall say nothing. */
static struct scope *
make(unsigned mask, bool is_silent)
{
	static const int	 order[] = { 3, 2, 0, 1, 4, 5 };
	struct scope		*scope = scope_new();
	int			 i;

	ck_assert_ptr_nonnull(scope);
	for (i = 0; i < NELEM(order); i++) {
		const struct place	*p = &places[order[i]];
		bool	 is_said = (mask & 1U << order[i]) != 0;

		if (is_said || ((is_silent || p->domain == NULL) &&
		    p != &places[NELEM(places) - 1]))
			ck_assert_int_eq(add(scope, p, is_said ? p->mode :
			    XCLIENT_UNSET, (unsigned)order[i] + 1), 0);
	}
	return scope;
}

static void
check(const struct scope *scope, const char *binding, const char *domain,
    enum xclient_mode want, const char *want_rule)
{
	const struct scope_binding	*b = NULL;
	enum xclient_mode		 got;
	char				 rule[128];

	if (binding != NULL) {
		b = scope_binding_find(scope, span_of(binding));
		ck_assert_ptr_nonnull(b);
	}
	got = scope_xclient(scope, b, span_of(domain), rule, sizeof(rule));
	ck_assert_msg(got == want && (want_rule == NULL ||
	    strcmp(rule, want_rule) == 0),
	    "%s by %s: got %d by %s, want %d by %s", domain,
	    binding == NULL ? "none" : binding, got, rule, want,
	    want_rule == NULL ? "any" : want_rule);
}

/* The first place from "from" on that mask has, and that speaks of the domain
 * if it is a domain's. */
static void
check_mask(const struct scope *scope, unsigned mask, int from,
    const char *domain)
{
	const char	*binding = from <= LAST_OF_BINDING ? "b" : NULL;
	int		 i;

	for (i = from; i < NELEM(places); i++)
		if ((mask & 1U << i) != 0 && (places[i].domain == NULL ||
		    strcmp(places[i].domain, domain) == 0))
			break;
	if (i < NELEM(places))
		check(scope, binding, domain, places[i].mode,
		    places[i].want_rule);
	else
		check(scope, binding, domain, XCLIENT_NO, "default");
}

/* Each combination of places that say something. */
START_TEST(the_most_specific_counts)
{
	unsigned	 mask;
	struct scope	*scope;

	for (mask = 0; mask < 1U << NELEM(places); mask++) {
		scope = make(mask, _i != 0);
		check_mask(scope, mask, 0, "a.example");
		check_mask(scope, mask, 0, "b.example");
		check_mask(scope, mask, 0, "");
		check_mask(scope, mask, FIRST_OUTSIDE, "a.example");
		check_mask(scope, mask, FIRST_OUTSIDE, "b.example");
		check_mask(scope, mask, FIRST_OUTSIDE, "");
		scope_free(scope);
	}
}
END_TEST

static const struct parent_row {
	const char		*domain;
	enum xclient_mode	 want;
	const char		*want_rule;
} parent_rows[] = {
	{ "example.com", XCLIENT_REQUIRED, "x.conf:1 (domain example.com)" },
	{ "EXAMPLE.com", XCLIENT_REQUIRED, "x.conf:1 (domain example.com)" },
	{ "a.example.com", XCLIENT_NO, "x.conf:2 (domain .example.com)" },
	{ "A.Example.COM", XCLIENT_NO, "x.conf:2 (domain .example.com)" },
	{ "c.b.a.example.com", XCLIENT_NO, "x.conf:2 (domain .example.com)" },
	{ "d.example.com", XCLIENT_IFAVAILABLE,
	    "x.conf:3 (domain D.example.com)" },
	{ "x.d.example.com", XCLIENT_REQUIRED,
	    "x.conf:4 (domain .d.example.com)" },
	{ "x.y.d.example.com", XCLIENT_REQUIRED,
	    "x.conf:4 (domain .d.example.com)" },
	{ "e.example.com", XCLIENT_NO, "x.conf:2 (domain .example.com)" },
	{ "x.e.example.com", XCLIENT_NO, "x.conf:2 (domain .example.com)" },
	{ "other.com", XCLIENT_IFAVAILABLE, "x.conf:7 (domain .com)" },
	{ "xexample.com", XCLIENT_IFAVAILABLE, "x.conf:7 (domain .com)" },
	{ "com", XCLIENT_NO, "default" },
	{ "example.net", XCLIENT_NO, "default" },
	{ "", XCLIENT_NO, "default" },
	{ "com.", XCLIENT_NO, "default" },
	{ "[192.0.2.1]", XCLIENT_REQUIRED, "x.conf:8 (domain [192.0.2.1])" },
	{ "[192.0.2.2]", XCLIENT_NO, "default" },

	/* Other spellings. */
	{ "example.com.", XCLIENT_REQUIRED, "x.conf:1 (domain example.com)" },
	{ "a.example.com.", XCLIENT_NO, "x.conf:2 (domain .example.com)" },
	{ "Example.Com..", XCLIENT_REQUIRED, "x.conf:1 (domain example.com)" },
	{ "[::ffff:192.0.2.1]", XCLIENT_REQUIRED,
	    "x.conf:8 (domain [192.0.2.1])" },
	{ "[IPv6:2001:db8::1]", XCLIENT_IFAVAILABLE,
	    "x.conf:9 (domain [ipv6:2001:DB8:0::1])" },
	{ "[IPV6:2001:0db8:0:0:0:0:0:1]", XCLIENT_IFAVAILABLE,
	    "x.conf:9 (domain [ipv6:2001:DB8:0::1])" },
	{ "[2001:db8::1]", XCLIENT_IFAVAILABLE,
	    "x.conf:9 (domain [ipv6:2001:DB8:0::1])" },
	{ "xn--bcher-kva.example", XCLIENT_REQUIRED,
	    "x.conf:10 (domain B" UE "cher.example.)" },
	{ "b" UE "cher.EXAMPLE.", XCLIENT_REQUIRED,
	    "x.conf:10 (domain B" UE "cher.example.)" },
	{ "a.XN--BCHER-KVA.example", XCLIENT_IFAVAILABLE,
	    "x.conf:11 (domain .xn--bcher-kva.example)" },
	{ "a.b" UE "cher.example", XCLIENT_IFAVAILABLE,
	    "x.conf:11 (domain .xn--bcher-kva.example)" },

	{ "/run/example.com", XCLIENT_NO, "default" },

	/* What is none might be any that XCLIENT is required for. */
	{ ".", XCLIENT_REQUIRED, NULL },
	{ ".example.com", XCLIENT_REQUIRED, NULL },
	{ "..com", XCLIENT_REQUIRED, NULL },
	{ "a..com", XCLIENT_REQUIRED, NULL },
	{ "\xff.com", XCLIENT_REQUIRED, NULL },
	{ "[192.0.2]", XCLIENT_REQUIRED, NULL },
	{ "192.0.2.1", XCLIENT_REQUIRED, NULL },
};

static struct scope *
make_parents(void)
{
	static const struct {
		const char		*name;
		enum xclient_mode	 mode;
	} domains[] = {
		{ "example.com", XCLIENT_REQUIRED },
		{ ".example.com", XCLIENT_NO },
		{ "D.example.com", XCLIENT_IFAVAILABLE },
		{ ".d.example.com", XCLIENT_REQUIRED },
		{ "e.example.com", XCLIENT_UNSET },
		{ ".e.example.com", XCLIENT_UNSET },
		{ ".com", XCLIENT_IFAVAILABLE },
		{ "[192.0.2.1]", XCLIENT_REQUIRED },
		{ "[ipv6:2001:DB8:0::1]", XCLIENT_IFAVAILABLE },
		{ "B" UE "cher.example.", XCLIENT_REQUIRED },
		{ ".xn--bcher-kva.example", XCLIENT_IFAVAILABLE }
	};
	struct scope	*scope = scope_new();
	unsigned	 i;

	for (i = 0; i < NELEM(domains); i++)
		ck_assert_int_eq(scope_add_domain(scope, NULL, NULL,
		    domains[i].name, domains[i].mode, FILE_NAME, i + 1,
		    NULL), 0);
	return scope;
}

START_TEST(the_closest_parent_counts)
{
	const struct parent_row	*row = &parent_rows[_i];
	struct scope		*scope = make_parents();
	size_t			 n = strlen(row->domain);
	char			*edge = edge_copy(row->domain, n), rule[128];

	check(scope, NULL, row->domain, row->want, row->want_rule);
	ck_assert_int_eq(scope_xclient(scope, NULL, (struct span){ edge, n },
	    rule, sizeof(rule)), row->want);
	if (row->want_rule != NULL)
		ck_assert_str_eq(rule, row->want_rule);
	edge_free(edge, n);
	scope_free(scope);
}
END_TEST

/* A parent in a closer place counts before the name itself further out. */
START_TEST(a_place_counts_before_a_name)
{
	struct scope	*scope = make(1U << 4, false);

	ck_assert_int_eq(scope_add_domain(scope, "g", NULL, ".example",
	    XCLIENT_REQUIRED, FILE_NAME, 7, NULL), 0);
	check(scope, "b", "a.example", XCLIENT_REQUIRED,
	    "x.conf:7 (domain .example in binding_group g)");
	ck_assert_int_eq(scope_add_domain(scope, "G", "B", ".EXAMPLE",
	    XCLIENT_IFAVAILABLE, FILE_NAME, 8, NULL), 0);
	check(scope, "b", "a.example", XCLIENT_IFAVAILABLE,
	    "x.conf:8 (domain .EXAMPLE in binding B)");
	check(scope, NULL, "a.example", XCLIENT_NO,
	    "x.conf:5 (domain a.example)");
	scope_free(scope);
}
END_TEST

START_TEST(a_binding_without_a_group)
{
	struct scope	*scope = make(077, false);

	ck_assert_int_eq(scope_add_binding(scope, NULL, "lone", XCLIENT_UNSET,
	    NULL, FILE_NAME, 9, NULL), 0);
	check(scope, "lone", "a.example", XCLIENT_NO,
	    "x.conf:5 (domain a.example)");
	check(scope, "lone", "b.example", XCLIENT_IFAVAILABLE, "global");
	ck_assert_int_eq(scope_add_domain(scope, NULL, "lone", "b.example",
	    XCLIENT_REQUIRED, FILE_NAME, 10, NULL), 0);
	check(scope, "lone", "b.example", XCLIENT_REQUIRED,
	    "x.conf:10 (domain b.example in binding lone)");
	scope_free(scope);
}
END_TEST

/* Nothing is found by a name that is cut, or goes on behind a NUL. */
START_TEST(names_are_compared_whole)
{
	struct scope	*scope = make(077, false);
	char		 rule[128], longer[300];

	ck_assert_ptr_null(scope_binding_find(scope, span_of("")));
	ck_assert_ptr_null(scope_binding_find(scope, span_of("bb")));
	ck_assert_ptr_null(scope_binding_find(scope, span_of("g")));
	ck_assert_ptr_null(scope_binding_find(scope,
	    (struct span){ "b\0", 2 }));
	ck_assert_str_eq(scope_binding_name(scope_binding_find(scope,
	    span_of("B"))), "b");
	ck_assert_int_eq(scope_xclient(scope, NULL,
	    (struct span){ "a.example\0", 10 }, rule, sizeof(rule)),
	    XCLIENT_IFAVAILABLE);
	ck_assert_int_eq(scope_xclient(scope, NULL,
	    (struct span){ NULL, 0 }, rule, sizeof(rule)),
	    XCLIENT_IFAVAILABLE);
	/* Longer than any domain is. */
	memset(longer, 'a', sizeof(longer));
	longer[60] = longer[124] = longer[188] = '.';
	memcpy(longer + 256 - 8, ".example", 8);
	ck_assert_int_eq(scope_add_domain(scope, NULL, NULL, ".example",
	    XCLIENT_NO, FILE_NAME, 9, NULL), 0);
	ck_assert_int_eq(scope_xclient(scope, NULL,
	    (struct span){ longer, 256 }, rule, sizeof(rule)),
	    XCLIENT_IFAVAILABLE);
	ck_assert_int_eq(scope_xclient(scope, NULL,
	    (struct span){ longer + 1, 255 }, rule, sizeof(rule)),
	    XCLIENT_NO);
	scope_free(scope);
}
END_TEST

static const struct pair_row {
	const char		*binding, *recipient, *nexthop;
	enum xclient_mode	 want;
	const char		*want_rule;
} pair_rows[] = {
	{ NULL, "a.example", "hop.example", XCLIENT_NO,
	    "x.conf:5 (domain a.example)" },
	{ NULL, "b.example", "hop.example", XCLIENT_REQUIRED,
	    "x.conf:7 (domain hop.example)" },
	{ NULL, "b.example", "HOP.example.", XCLIENT_REQUIRED,
	    "x.conf:7 (domain hop.example)" },
	{ NULL, "", "hop.example", XCLIENT_REQUIRED,
	    "x.conf:7 (domain hop.example)" },
	{ NULL, "hop.example", "", XCLIENT_REQUIRED,
	    "x.conf:7 (domain hop.example)" },
	{ NULL, "b.example", "a.hop.example", XCLIENT_IFAVAILABLE, "global" },
	{ NULL, "", "", XCLIENT_IFAVAILABLE, "global" },
	/* A closer place counts before the recipient's domain further out. */
	{ "b", "a.example", "hop.example", XCLIENT_NO,
	    "x.conf:8 (domain hop.example in binding b)" },
	{ "c", "a.example", "hop.example", XCLIENT_NO,
	    "x.conf:5 (domain a.example)" },
};

START_TEST(the_recipient_comes_before_the_next_hop)
{
	const struct pair_row	*row = &pair_rows[_i];
	struct scope		*scope = make(060, false);
	struct scope_domains	 domains = { span_of(row->recipient),
		span_of(row->nexthop) };
	enum xclient_mode	 got;
	char			 rule[128];

	ck_assert_int_eq(scope_add_domain(scope, NULL, NULL, "hop.example",
	    XCLIENT_REQUIRED, FILE_NAME, 7, NULL), 0);
	ck_assert_int_eq(scope_add_domain(scope, "g", "b", "hop.example",
	    XCLIENT_NO, FILE_NAME, 8, NULL), 0);
	ck_assert_int_eq(scope_add_binding(scope, NULL, "c", XCLIENT_UNSET,
	    NULL, FILE_NAME, 9, NULL), 0);
	got = scope_mode(scope, row->binding == NULL ? NULL :
	    scope_binding_find(scope, span_of(row->binding)), &domains, rule,
	    sizeof(rule));
	ck_assert_msg(got == row->want && strcmp(rule, row->want_rule) == 0,
	    "%s, %s: got %d by %s", row->recipient, row->nexthop, got, rule);
	scope_free(scope);
}
END_TEST

/* Whether any domain that is reached says something else, for each combination
 * of places that say something. */
START_TEST(what_a_recipient_may_change)
{
	unsigned			 mask;
	struct scope			*scope;
	const struct scope_binding	*b;
	bool				 want;

	for (mask = 0; mask < 1U << NELEM(places); mask++) {
		scope = make(mask, true);
		b = scope_binding_find(scope, span_of("b"));
		/* Both domains, and that outside unless a binding or group
		 * stands before it. */
		want = (mask & 03) != 0 ||
		    ((mask & 014) == 0 && (mask & 020) != 0);
		ck_assert_msg(scope_is_by_domain(scope, b, XCLIENT_UNSET) ==
		    want, "mask %o", mask);
		ck_assert_int_eq(scope_is_by_domain(scope, NULL,
		    XCLIENT_UNSET), (mask & 020) != 0);
		ck_assert(!scope_is_by_domain(scope, NULL, XCLIENT_NO));
		scope_free(scope);
	}
}
END_TEST

/* One that says the same changes nothing. */
START_TEST(a_recipient_that_changes_nothing)
{
	struct scope			*scope = make(07, false);
	const struct scope_binding	*b;

	b = scope_binding_find(scope, span_of("b"));
	ck_assert(scope_is_by_domain(scope, b, XCLIENT_NO));
	ck_assert(scope_is_by_domain(scope, b, XCLIENT_REQUIRED));
	ck_assert(scope_is_by_domain(scope, b, XCLIENT_IFAVAILABLE));
	scope_free(scope);
	scope = make(01, false);
	b = scope_binding_find(scope, span_of("b"));
	ck_assert(scope_is_by_domain(scope, b, XCLIENT_NO));
	ck_assert(!scope_is_by_domain(scope, b, XCLIENT_REQUIRED));
	scope_free(scope);
}
END_TEST

static const char *const	 bad_domains[] = {
	"", ".", "..", "a..b", "-a", "[192.0.2]", ".[192.0.2.1]", "192.0.2.1",
	"\xff.example", "a b", "*.example.com", "..example.com",
};

START_TEST(no_domain_has_no_section)
{
	struct scope	*scope = scope_new();
	struct err	 err = { "" };
	char		 want[200];

	ck_assert_int_eq(scope_add_domain(scope, NULL, NULL, bad_domains[_i],
	    XCLIENT_REQUIRED, "y", 7, &err), -1);
	snprintf(want, sizeof(want), "y:7: domain \"%s\" is not valid, "
	    "expected \"example.com\", \".example.com\" or "
	    "\"[192.0.2.1]\"", bad_domains[_i]);
	ck_assert_str_eq(err.text, want);
	scope_free(scope);
}
END_TEST

/* Two spellings of one domain are the same section. */
START_TEST(one_domain_is_said_once)
{
	struct scope	*scope = scope_new();
	struct err	 err = { "" };

	ck_assert_int_eq(scope_add_domain(scope, NULL, NULL,
	    "b" UE "cher.example", XCLIENT_REQUIRED, "y", 7, &err), 0);
	ck_assert_int_eq(scope_add_domain(scope, NULL, NULL,
	    "xn--bcher-kva.example.", XCLIENT_REQUIRED, "y", 8, &err), -1);
	ck_assert_str_eq(err.text, "y:8: \"xn--bcher-kva.example.\" is there "
	    "already, at y:7 (domain b" UE "cher.example)");
	scope_free(scope);
}
END_TEST

START_TEST(a_rule_is_cut_to_its_room)
{
	struct scope	*scope = make(077, false);
	char		 rule[9];

	ck_assert_int_eq(scope_xclient(scope, NULL, span_of("a.example"),
	    rule, sizeof(rule)), XCLIENT_NO);
	ck_assert_str_eq(rule, "x.conf:5");
	scope_free(scope);
}
END_TEST

START_TEST(nothing_is_said_twice)
{
	struct scope	*scope = make(077, false);
	struct err	 err = { "" };

	ck_assert_int_eq(scope_set_global(scope, XCLIENT_NO), -1);
	ck_assert_int_eq(scope_add_group(scope, "G", XCLIENT_NO, NULL, "y", 7,
	    &err), -1);
	ck_assert_str_eq(err.text, "y:7: \"G\" is there already, at "
	    "x.conf:4 (binding_group g)");
	/* Bindings are found by their names alone. */
	ck_assert_int_eq(scope_add_binding(scope, NULL, "B", XCLIENT_NO, NULL,
	    "y", 8, &err), -1);
	ck_assert_str_eq(err.text, "y:8: \"B\" is there already, at "
	    "x.conf:3 (binding b)");
	ck_assert_int_eq(scope_add_domain(scope, "g", "b", "A.example",
	    XCLIENT_NO, "y", 9, &err), -1);
	ck_assert_str_eq(err.text, "y:9: \"A.example\" is there already, at "
	    "x.conf:1 (domain a.example in binding b)");
	check(scope, "b", "a.example", XCLIENT_REQUIRED,
	    "x.conf:1 (domain a.example in binding b)");
	scope_free(scope);
}
END_TEST

START_TEST(nothing_stands_in_what_is_not_there)
{
	struct scope	*scope = make(077, false);
	struct err	 err = { "" };

	ck_assert_int_eq(scope_add_binding(scope, "h", "c", XCLIENT_NO, NULL,
	    "y", 7, &err), -1);
	ck_assert_str_eq(err.text, "y:7: there is no binding_group \"h\"");
	ck_assert_int_eq(scope_add_domain(scope, "h", NULL, "d", XCLIENT_NO,
	    "y", 8, &err), -1);
	ck_assert_str_eq(err.text, "y:8: there is no binding_group \"h\"");
	ck_assert_int_eq(scope_add_domain(scope, "g", "c", "d", XCLIENT_NO,
	    "y", 9, &err), -1);
	ck_assert_str_eq(err.text, "y:9: there is no binding \"c\" in "
	    "binding_group g");
	/* It is there, but in its group. */
	ck_assert_int_eq(scope_add_domain(scope, NULL, "b", "d", XCLIENT_NO,
	    "y", 10, &err), -1);
	ck_assert_str_eq(err.text, "y:10: there is no binding \"b\"");
	scope_free(scope);
}
END_TEST

static struct address
addr_of(const char *text)
{
	struct address	 addr;

	ck_assert(address_parse(span_of(text), &addr));
	return addr;
}

/* Adds binding b to group g and checks what it has then. */
static void
check_source(const struct scope_source *group,
    const struct scope_source *binding, const struct scope_source *want)
{
	struct scope		*scope = scope_new();
	struct scope_source	 got;

	ck_assert_int_eq(scope_add_group(scope, "g", XCLIENT_UNSET, group,
	    FILE_NAME, 1, NULL), 0);
	ck_assert_int_eq(scope_add_binding(scope, "g", "b", XCLIENT_UNSET,
	    binding, FILE_NAME, 2, NULL), 0);
	scope_binding_source(scope_binding_find(scope, span_of("b")), &got);
	ck_assert(address_equal(&got.ipv4, &want->ipv4));
	ck_assert(address_equal(&got.ipv6, &want->ipv6));
	ck_assert_int_eq(got.tls, want->tls);
	if (want->tls_ca_file == NULL)
		ck_assert_ptr_null(got.tls_ca_file);
	else
		ck_assert_str_eq(got.tls_ca_file, want->tls_ca_file);
	scope_free(scope);
}

START_TEST(a_source_is_inherited_by_parts)
{
	const struct scope_source	 nothing = { .tls = SCOPE_TLS_UNSET };
	const struct scope_source	 all = { addr_of("192.0.2.1"),
		addr_of("2001:db8::1"), SCOPE_TLS_VERIFY, "/ca" };
	const struct scope_source	 other = { addr_of("192.0.2.2"),
		addr_of("2001:db8::2"), SCOPE_TLS_NO, "/other" };
	struct scope_source		 some = other, want = all;

	check_source(NULL, NULL, &nothing);
	check_source(&all, NULL, &all);
	check_source(NULL, &all, &all);
	check_source(&all, &other, &other);
	check_source(&all, &nothing, &all);
	memset(&some.ipv6, 0, sizeof(some.ipv6));
	some.tls_ca_file = NULL;
	want.ipv4 = other.ipv4;
	want.tls = other.tls;
	check_source(&all, &some, &want);
}
END_TEST

/* What it was given may change afterwards. */
START_TEST(all_is_copied)
{
	char			 group[] = "g", binding[] = "b";
	char			 domain[] = "d", file[] = "f", ca[] = "/c";
	struct scope		*scope = scope_new();
	struct scope_source	 source = { .tls_ca_file = ca };

	ck_assert_int_eq(scope_add_group(scope, group, XCLIENT_NO, &source,
	    file, 1, NULL), 0);
	ck_assert_int_eq(scope_add_binding(scope, group, binding, XCLIENT_NO,
	    &source, file, 2, NULL), 0);
	ck_assert_int_eq(scope_add_domain(scope, group, binding, domain,
	    XCLIENT_REQUIRED, file, 3, NULL), 0);
	group[0] = binding[0] = domain[0] = file[0] = ca[1] = 'x';
	check(scope, "b", "d", XCLIENT_REQUIRED,
	    "f:3 (domain d in binding b)");
	scope_binding_source(scope_binding_find(scope, span_of("b")),
	    &source);
	ck_assert_str_eq(source.tls_ca_file, "/c");
	scope_free(scope);
	scope_free(NULL);
}
END_TEST

/* Names in an order that would make a list of a tree that is not balanced. */
START_TEST(many)
{
	enum { N = 100000 };
	struct scope	*scope = scope_new();
	char		 name[32], rule[128];
	unsigned	 i;

	for (i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "n%06u.example", i);
		ck_assert_int_eq(scope_add_binding(scope, NULL, name,
		    XCLIENT_NO, NULL, FILE_NAME, i, NULL), 0);
		ck_assert_int_eq(scope_add_domain(scope, NULL, NULL, name,
		    XCLIENT_REQUIRED, FILE_NAME, i, NULL), 0);
	}
	for (i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "N%06u.example", i);
		ck_assert_ptr_nonnull(scope_binding_find(scope,
		    span_of(name)));
		ck_assert_int_eq(scope_xclient(scope, NULL, span_of(name),
		    rule, sizeof(rule)), XCLIENT_REQUIRED);
	}
	scope_free(scope);
}
END_TEST

START_TEST(modes_have_their_words)
{
	ck_assert_ptr_null(scope_mode_text(XCLIENT_UNSET));
	ck_assert_str_eq(scope_mode_text(XCLIENT_NO), "no");
	ck_assert_str_eq(scope_mode_text(XCLIENT_IFAVAILABLE),
	    "ifavailable");
	ck_assert_str_eq(scope_mode_text(XCLIENT_REQUIRED), "required");
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("scope");

	tcase_add_loop_test(tc, the_most_specific_counts, 0, 2);
	tcase_add_loop_test(tc, the_closest_parent_counts, 0,
	    NELEM(parent_rows));
	tcase_add_test(tc, a_place_counts_before_a_name);
	tcase_add_test(tc, a_binding_without_a_group);
	tcase_add_test(tc, names_are_compared_whole);
	tcase_add_loop_test(tc, the_recipient_comes_before_the_next_hop, 0,
	    NELEM(pair_rows));
	tcase_add_test(tc, what_a_recipient_may_change);
	tcase_add_test(tc, a_recipient_that_changes_nothing);
	tcase_add_loop_test(tc, no_domain_has_no_section, 0,
	    NELEM(bad_domains));
	tcase_add_test(tc, one_domain_is_said_once);
	tcase_add_test(tc, a_rule_is_cut_to_its_room);
	tcase_add_test(tc, nothing_is_said_twice);
	tcase_add_test(tc, nothing_stands_in_what_is_not_there);
	tcase_add_test(tc, a_source_is_inherited_by_parts);
	tcase_add_test(tc, all_is_copied);
	tcase_add_test(tc, many);
	tcase_add_test(tc, modes_have_their_words);
	return runner_run("scope", tc);
}
