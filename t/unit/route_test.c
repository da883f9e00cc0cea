/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * route_test: to which next hop, and by which binding.
 */
#include "route.h"

#include <stdio.h>
#include <stdlib.h>

#include "edge.h"
#include "runner.h"
#include "table.h"

#define MAPS_MAX	3

/* A relay with these; maps are opened once a row. */
static struct table *
open_table(const char *spec)
{
	struct err	 err;
	struct table	*table = table_open(spec, &err);

	ck_assert_msg(table != NULL, "%s", err.text);
	return table;
}

static unsigned
open_tables(const char *const specs[MAPS_MAX], struct table *tables[MAPS_MAX])
{
	unsigned	 n;

	for (n = 0; n < MAPS_MAX && specs[n] != NULL; n++)
		tables[n] = open_table(specs[n]);
	return n;
}

static void
close_tables(struct table *tables[MAPS_MAX], unsigned n)
{
	while (n-- > 0)
		table_free(tables[n]);
}

#define INLINE	"inline:{joe@example.com=smtp:[j], example.com=smtp:[e], " \
		".example.com=smtp:[sub], .b.example.com=lmtp:[b]:25, " \
		"one=smtp:[one]}"
#define BAD	"pcre:{{/^(bad)/ $1}}"

static const struct row {
	const char		*name;
	const char		*next_hop;
	const char		*maps[MAPS_MAX];
	const char		*recipient, *domain;
	enum route_result	 want;
	enum nexthop_kind	 want_kind;
	const char		*want_host;	/* or the error */
	unsigned		 want_port;
} rows[] = {
	{ "no maps", "smtp:[h]:26", { NULL }, "a@b.example", "b.example",
	    ROUTE_OK, NEXTHOP_HOST, "h", 26 },
	{ "no maps, no recipient", "smtp:[h]", { NULL }, "", "", ROUTE_OK,
	    NEXTHOP_HOST, "h", 25 },
	{ "the recipient's domain", "smtp:", { NULL }, "a@b.example",
	    "b.example", ROUTE_OK, NEXTHOP_MX, "b.example", 25 },
	{ "no domain", "smtp:", { NULL }, "a", "", ROUTE_NONE, 0,
	    "the recipient has no domain", 0 },
	{ "nothing", "", { NULL }, "a@b.example", "b.example", ROUTE_NONE, 0,
	    "no next hop is known for this recipient", 0 },
	{ "not even a text", NULL, { NULL }, "a@b.example", "b.example",
	    ROUTE_NONE, 0, "no next hop is known for this recipient", 0 },

	{ "an address", "", { INLINE }, "joe@example.com", "example.com",
	    ROUTE_OK, NEXTHOP_HOST, "j", 25 },
	{ "a domain", "", { INLINE }, "jane@example.com", "example.com",
	    ROUTE_OK, NEXTHOP_HOST, "e", 25 },
	{ "in another case", "", { INLINE }, "Jane@Example.COM",
	    "Example.COM", ROUTE_OK, NEXTHOP_HOST, "e", 25 },
	{ "below a domain", "", { INLINE }, "joe@x.example.com",
	    "x.example.com", ROUTE_OK, NEXTHOP_HOST, "sub", 25 },
	{ "far below a domain", "", { INLINE }, "joe@x.a.example.com",
	    "x.a.example.com", ROUTE_OK, NEXTHOP_HOST, "sub", 25 },
	{ "the closest parent", "", { INLINE }, "joe@x.b.example.com",
	    "x.b.example.com", ROUTE_OK, NEXTHOP_HOST, "b", 25 },
	{ "a parent is not its own child", "", { INLINE },
	    "joe@b.example.com", "b.example.com", ROUTE_OK, NEXTHOP_HOST,
	    "sub", 25 },
	{ "one label", "", { INLINE }, "joe@one", "one", ROUTE_OK,
	    NEXTHOP_HOST, "one", 25 },
	{ "below one label", "", { INLINE }, "joe@x.one", "x.one",
	    ROUTE_NONE, 0, "no next hop is known for this recipient", 0 },
	{ "next_hop for the rest", "smtp:[h]", { INLINE }, "joe@x.example",
	    "x.example", ROUTE_OK, NEXTHOP_HOST, "h", 25 },
	{ "an empty label", "smtp:[h]", { INLINE }, "joe@.example.com",
	    ".example.com", ROUTE_OK, NEXTHOP_HOST, "sub", 25 },

	{ "all the rest", "smtp:[h]", { "inline:{*=smtp:[star]}" },
	    "a@b.example", "b.example", ROUTE_OK, NEXTHOP_HOST, "star", 25 },
	{ "all the rest without a domain", "smtp:[h]",
	    { "inline:{*=smtp:[star]}" }, "a", "", ROUTE_OK, NEXTHOP_HOST,
	    "star", 25 },
	{ "an address of the second map", "", { "inline:{*=smtp:[star]}",
	    INLINE }, "joe@example.com", "example.com", ROUTE_OK,
	    NEXTHOP_HOST, "j", 25 },
	{ "the first map first", "", { "inline:{example.com=smtp:[f]}",
	    INLINE }, "jane@example.com", "example.com", ROUTE_OK,
	    NEXTHOP_HOST, "f", 25 },

	{ "a domain of its own", "", { "static:smtp:" }, "a@b.example",
	    "b.example", ROUTE_OK, NEXTHOP_MX, "b.example", 25 },
	{ "a domain of its own, and none", "", { "static:smtp:" }, "a", "",
	    ROUTE_NONE, 0, "the recipient has no domain", 0 },
	{ "no next hop", "smtp:[h]", { BAD }, "bad@b.example", "b.example",
	    ROUTE_CANNOT_TELL, 0, BAD ":1: \"bad\" is no next hop, expected "
	    "\"smtp:[host]:port\" or the like", 0 },
};

/* With the texts at the edge of memory. */
START_TEST(finding)
{
	const struct row	*r = &rows[_i];
	struct table		*tables[MAPS_MAX];
	struct conf_relay	 relay = { .next_hop = (char *)r->next_hop };
	struct nexthop		 got = { .port = 99 };
	struct err		 err = { "" };
	size_t			 n = strlen(r->recipient);
	char			*edge = edge_copy(r->recipient, n);
	struct span		 domain;
	enum route_result	 result;

	if (r->next_hop != NULL)
		(void)nexthop_parse(span_of(r->next_hop), &relay.nexthop);
	relay.n_transport_maps = open_tables(r->maps, tables);
	relay.transport_maps = tables;
	domain.n = strlen(r->domain);
	domain.p = edge + n - domain.n;
	result = route_nexthop(&relay, (struct span){ edge, n }, domain,
	    &got, &err);
	ck_assert_msg(result == r->want, "%s: %d %s", r->name, result,
	    err.text);
	if (result == ROUTE_OK) {
		ck_assert_msg(strcmp(got.host, r->want_host) == 0 &&
		    got.kind == r->want_kind && got.port == r->want_port,
		    "%s: %s", r->name, got.host);
	} else {
		ck_assert_uint_eq(got.port, 99);
		ck_assert_msg(strcmp(err.text, r->want_host) == 0, "%s: %s",
		    r->name, err.text);
	}
	close_tables(tables, relay.n_transport_maps);
	edge_free(edge, n);
}
END_TEST

START_TEST(a_domain_that_is_too_long)
{
	struct conf_relay	 relay = { .next_hop = (char *)"smtp:" };
	struct nexthop		 got;
	char			 domain[sizeof got.host + 1];
	struct err		 err;

	memset(domain, 'd', sizeof domain);
	ck_assert(nexthop_parse(span_of("smtp:"), &relay.nexthop));
	ck_assert_int_eq(route_nexthop(&relay, (struct span){ "", 0 },
	    (struct span){ domain, sizeof got.host }, &got, &err),
	    ROUTE_NONE);
	ck_assert_int_eq(route_nexthop(&relay, (struct span){ "", 0 },
	    (struct span){ domain, sizeof got.host - 1 }, &got, &err),
	    ROUTE_OK);
	ck_assert_uint_eq(strlen(got.host), sizeof got.host - 1);
}
END_TEST

static const struct fixed_row {
	const char	*next_hop;
	unsigned	 n_maps;
	bool		 want;
} fixed_rows[] = {
	{ "smtp:[h]", 0, true },
	{ "smtp:h", 0, true },
	{ "smtp:", 0, false },
	{ "lmtp:unix:/x", 0, true },
	{ "smtp:[h]", 1, false },
};

START_TEST(being_fixed)
{
	const struct fixed_row	*r = &fixed_rows[_i];
	struct conf_relay	 relay = { .n_transport_maps = r->n_maps };

	ck_assert(nexthop_parse(span_of(r->next_hop), &relay.nexthop));
	ck_assert_msg(route_is_fixed(&relay) == r->want, "%s", r->next_hop);
}
END_TEST

static const struct binding_row {
	const char		*name, *binding;
	const char		*maps[MAPS_MAX];
	const char		*keys[3];	/* the first NULL: not asked */
	enum route_result	 want;
	const char		*want_binding;	/* or the error; NULL: none */
} binding_rows[] = {
	{ "none", "", { NULL }, { NULL }, ROUTE_OK, NULL },
	{ "not even a text", NULL, { NULL }, { NULL }, ROUTE_OK, NULL },
	{ "the relay's", "one", { NULL }, { NULL }, ROUTE_OK, "one" },
	{ "maps that are not asked", "one", { "static:two" }, { NULL },
	    ROUTE_OK, "one" },
	{ "by the first key", "one", { "inline:{a=two, b=one}" },
	    { "a", "b" }, ROUTE_OK, "two" },
	{ "by the second key", "one", { "inline:{b=two}" }, { "a", "b" },
	    ROUTE_OK, "two" },
	{ "all keys in the first map first", "", { "inline:{b=one}",
	    "inline:{a=two}" }, { "a", "b" }, ROUTE_OK, "one" },
	{ "by the second map", "", { "inline:{c=one}", "inline:{a=two}" },
	    { "a", "b" }, ROUTE_OK, "two" },
	{ "by none", "one", { "inline:{c=two}" }, { "a" }, ROUTE_OK, "one" },
	{ "one that there is none of", "one", { "pcre:{{/(a)/ $1}}" },
	    { "a" }, ROUTE_CANNOT_TELL,
	    "pcre:{{/(a)/ $1}}:1: there is no binding \"a\"" },
};

static struct scope *
make_scope(void)
{
	struct scope	*scope = scope_new();
	struct err	 err;

	ck_assert_ptr_nonnull(scope);
	ck_assert_int_eq(scope_add_binding(scope, NULL, "one", XCLIENT_UNSET,
	    NULL, "f", 1, &err), 0);
	ck_assert_int_eq(scope_add_binding(scope, NULL, "two", XCLIENT_UNSET,
	    NULL, "f", 2, &err), 0);
	return scope;
}

START_TEST(binding)
{
	static struct access_keys	 keys;
	const struct binding_row	*r = &binding_rows[_i];
	struct conf			 conf = { .scope = make_scope() };
	struct table			*tables[MAPS_MAX];
	struct conf_relay		 relay = {
		.binding = (char *)r->binding, .binding_maps = tables
	};
	const struct scope_binding	*got = NULL;
	struct err			 err = { "" };

	relay.n_binding_maps = open_tables(r->maps, tables);
	for (keys.n = 0; r->keys[keys.n] != NULL; keys.n++)
		keys.v[keys.n] = span_of(r->keys[keys.n]);
	ck_assert_msg(route_binding(&conf, &relay, keys.n == 0 ? NULL : &keys,
	    &got, &err) == r->want, "%s: %s", r->name, err.text);
	if (r->want != ROUTE_OK)
		ck_assert_msg(strcmp(err.text, r->want_binding) == 0,
		    "%s: %s", r->name, err.text);
	else if (r->want_binding == NULL)
		ck_assert_msg(got == NULL, "%s", r->name);
	else
		ck_assert_msg(got != NULL && strcmp(scope_binding_name(got),
		    r->want_binding) == 0, "%s", r->name);
	close_tables(tables, relay.n_binding_maps);
	scope_free(conf.scope);
}
END_TEST

/* A table that cannot answer: it backtracks until PCRE has had enough. */
START_TEST(a_table_that_cannot_tell)
{
	static struct access_keys	 keys = { .n = 1 };
	struct table			*tables[] = {
		open_table("pcre:{{/^((a+)+)+$/ one}}")
	};
	struct conf		 conf = { .scope = make_scope() };
	struct conf_relay	 relay = {
		.next_hop = (char *)"smtp:[h]", .transport_maps = tables,
		.n_transport_maps = 1, .binding = (char *)"one",
		.binding_maps = tables, .n_binding_maps = 1
	};
	const struct scope_binding	*got;
	struct nexthop			 hop;
	struct err			 err = { "" };
	char				 costly[4096];

	memset(costly, 'a', sizeof costly);
	costly[sizeof costly - 1] = 'b';
	keys.v[0] = (struct span){ costly, sizeof costly };
	ck_assert_int_eq(route_nexthop(&relay, keys.v[0],
	    (struct span){ "", 0 }, &hop, &err), ROUTE_CANNOT_TELL);
	ck_assert_uint_gt(strlen(err.text), 0);
	err.text[0] = '\0';
	ck_assert_int_eq(route_binding(&conf, &relay, &keys, &got, &err),
	    ROUTE_CANNOT_TELL);
	ck_assert_uint_gt(strlen(err.text), 0);
	table_free(tables[0]);
	scope_free(conf.scope);
}
END_TEST

START_TEST(comparing)
{
	static const struct route	 base = {
		.nexthop = { NEXTHOP_SMTP, NEXTHOP_HOST, 25, "h.example" },
		.mode = XCLIENT_NO
	};
	struct route	 other = base;
	int		 x;

	ck_assert(route_equal(&base, &other));
	other.mode = XCLIENT_REQUIRED;
	(void)strcpy(other.nexthop.host, "H.Example");
	ck_assert(route_equal(&base, &other));
	other.nexthop.port = 26;
	ck_assert(!route_equal(&base, &other));
	other = base;
	other.nexthop.protocol = NEXTHOP_LMTP;
	ck_assert(!route_equal(&base, &other));
	other = base;
	other.nexthop.kind = NEXTHOP_MX;
	ck_assert(!route_equal(&base, &other));
	other = base;
	other.nexthop.host[0] = 'i';
	ck_assert(!route_equal(&base, &other));
	other = base;
	other.binding = (const struct scope_binding *)&x;
	ck_assert(!route_equal(&base, &other));
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("route");

	tcase_add_loop_test(tc, finding, 0, NELEM(rows));
	tcase_add_test(tc, a_domain_that_is_too_long);
	tcase_add_loop_test(tc, being_fixed, 0, NELEM(fixed_rows));
	tcase_add_loop_test(tc, binding, 0, NELEM(binding_rows));
	tcase_add_test(tc, a_table_that_cannot_tell);
	tcase_add_test(tc, comparing);
	return runner_run("route", tc);
}
