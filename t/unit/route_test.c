/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * route_test: to which next hop, and by which binding.
 */
#include "session/route.h"

#include <stdio.h>
#include <stdlib.h>

#include "t/lib/edge.h"
#include "t/lib/runner.h"
#include "table/table.h"

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
	{ "no domain", "smtp:", { NULL }, "a", "", ROUTE_BAD_RECIPIENT, 0,
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
	    ".example.com", ROUTE_BAD_RECIPIENT, 0,
	    "the recipient's domain is not valid", 0 },
	{ "an empty label in between", "smtp:[h]", { INLINE },
	    "joe@a..example.com", "a..example.com", ROUTE_BAD_RECIPIENT, 0,
	    "the recipient's domain is not valid", 0 },
	{ "no UTF-8", "smtp:[h]", { INLINE }, "joe@\xff.example",
	    "\xff.example", ROUTE_BAD_RECIPIENT, 0,
	    "the recipient's domain is not valid", 0 },
	{ "any domain where none is asked for", "smtp:[h]", { NULL },
	    "joe@a..example.com", "a..example.com", ROUTE_OK, NEXTHOP_HOST,
	    "h", 25 },

	{ "a final dot", "", { INLINE }, "jane@example.com.",
	    "example.com.", ROUTE_OK, NEXTHOP_HOST, "e", 25 },
	{ "a final dot, an address", "", { INLINE }, "joe@example.com.",
	    "example.com.", ROUTE_OK, NEXTHOP_HOST, "j", 25 },
	{ "a final dot, a parent", "", { INLINE }, "joe@a.example.com.",
	    "a.example.com.", ROUTE_OK, NEXTHOP_HOST, "sub", 25 },
	{ "capitals where the table minds", "", {
	    "pcre:{{/^a@b\\.example$/x smtp:[p]}}" }, "a@B.Example",
	    "B.Example", ROUTE_OK, NEXTHOP_HOST, "p", 25 },
	{ "a quoted local part", "", { INLINE }, "\"joe\"@example.com",
	    "example.com", ROUTE_OK, NEXTHOP_HOST, "j", 25 },
	{ "a backslash in it", "", { INLINE }, "\"j\\oe\"@example.com",
	    "example.com", ROUTE_OK, NEXTHOP_HOST, "j", 25 },
	{ "a quote in it", "", { "pcre:{{/^a\"@b\\.example$/ smtp:[q]}}" },
	    "\"a\\\"\"@b.example", "b.example", ROUTE_OK, NEXTHOP_HOST, "q",
	    25 },
	{ "a quoted local part alone", "", { "inline:{root=smtp:[r]}" },
	    "\"root\"", "", ROUTE_OK, NEXTHOP_HOST, "r", 25 },
	{ "an IPv6 address", "", { "inline:{[IPv6:2001:db8::1]=smtp:[v]}" },
	    "a@[ipv6:2001:DB8:0::1]", "[ipv6:2001:DB8:0::1]", ROUTE_OK,
	    NEXTHOP_HOST, "v", 25 },
	{ "U-labels for A-labels", "", {
	    "inline:{xn--bcher-kva.example=smtp:[i]}" },
	    "a@b\xc3\xbc" "cher.example", "b\xc3\xbc" "cher.example",
	    ROUTE_OK, NEXTHOP_HOST, "i", 25 },
	{ "A-labels for U-labels", "", {
	    "inline:{b\xc3\xbc" "cher.example=smtp:[i]}" },
	    "a@xn--bcher-kva.example", "xn--bcher-kva.example",
	    ROUTE_OK, NEXTHOP_HOST, "i", 25 },
	{ "U-labels in an address", "", {
	    "inline:{a@b\xc3\xbc" "cher.example=smtp:[i]}" },
	    "a@xn--bcher-kva.example", "xn--bcher-kva.example",
	    ROUTE_OK, NEXTHOP_HOST, "i", 25 },
	{ "U-labels in a parent", "", {
	    "inline:{.b\xc3\xbc" "cher.example=smtp:[i]}" },
	    "a@c.d.xn--bcher-kva.example", "c.d.xn--bcher-kva.example",
	    ROUTE_OK, NEXTHOP_HOST, "i", 25 },
	{ "a name in either spelling before its parents", "", {
	    "inline:{b\xc3\xbc" "cher.example=smtp:[i], .example=smtp:[p]}" },
	    "a@xn--bcher-kva.example", "xn--bcher-kva.example",
	    ROUTE_OK, NEXTHOP_HOST, "i", 25 },
	{ "its own next hop, in another spelling", "smtp:", { NULL },
	    "a@B\xc3\x9c" "CHER.Example.", "B\xc3\x9c" "CHER.Example.",
	    ROUTE_OK, NEXTHOP_MX, "xn--bcher-kva.example", 25 },
	{ "its own next hop, an address", "smtp:", { NULL },
	    "a@[IPV6:2001:DB8::1]", "[IPV6:2001:DB8::1]", ROUTE_OK,
	    NEXTHOP_MX, "[IPv6:2001:db8::1]", 25 },

	{ "all the rest", "smtp:[h]", { "inline:{*=smtp:[star]}" },
	    "a@b.example", "b.example", ROUTE_OK, NEXTHOP_HOST, "star", 25 },
	{ "a domain before all the rest", "smtp:[h]",
	    { "inline:{*=smtp:[star], example.com=smtp:[e]}" },
	    "a@example.com", "example.com", ROUTE_OK, NEXTHOP_HOST, "e", 25 },
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
	    ROUTE_BAD_RECIPIENT, 0, "the recipient has no domain", 0 },
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

START_TEST(a_recipient_that_is_too_long)
{
	struct conf_relay	 relay = { .next_hop = (char *)"smtp:" };
	struct nexthop		 got;
	char			 text[4096];
	struct err		 err;
	size_t			 i;

	memset(text, 'd', sizeof text);
	for (i = 63; i < sizeof text; i += 64)
		text[i] = '.';
	ck_assert(nexthop_parse(span_of("smtp:"), &relay.nexthop));
	ck_assert_int_eq(route_nexthop(&relay, (struct span){ "", 0 },
	    (struct span){ text, sizeof got.host + 1 }, &got, &err),
	    ROUTE_BAD_RECIPIENT);
	ck_assert_int_eq(route_nexthop(&relay, (struct span){ "", 0 },
	    (struct span){ text, sizeof got.host - 1 }, &got, &err),
	    ROUTE_OK);
	ck_assert_uint_eq(strlen(got.host), sizeof got.host - 1);
	memcpy(text + sizeof text - 4, "@a.b", 4);
	ck_assert_int_eq(route_nexthop(&relay, (struct span){ text,
	    sizeof text }, (struct span){ text + sizeof text - 3, 3 }, &got,
	    &err), ROUTE_BAD_RECIPIENT);
	ck_assert_str_eq(err.text, "the recipient's address is too long");
	ck_assert_int_eq(route_nexthop(&relay, (struct span){ text +
	    sizeof text - 4 - 2048, 2048 + 4 }, (struct span){ text +
	    sizeof text - 3, 3 }, &got, &err), ROUTE_OK);
}
END_TEST

START_TEST(refusals)
{
	ck_assert_str_eq(route_refusal(ROUTE_BAD_RECIPIENT), "501 5.1.3");
	ck_assert_str_eq(route_refusal(ROUTE_NONE), "451 4.3.0");
	ck_assert_str_eq(route_refusal(ROUTE_CANNOT_TELL), "451 4.3.0");
}
END_TEST

static const struct open_row {
	const char	*next_hop;
	const char	*maps[MAPS_MAX];
	bool		 want;
} open_rows[] = {
	{ "smtp:", { NULL }, true },
	{ "smtp:", { INLINE }, true },
	{ "", { "static:smtp:" }, true },
	{ "", { "static:smtp:example.com" }, false },
	{ "smtp:[h]", { "inline:{*=smtp:}" }, true },
	{ "smtp:[h]", { "pcre:{{/./ smtp:}}" }, true },
	{ "", { INLINE }, false },
	{ "", { "inline:{example.com=smtp:}" }, false },
	{ "smtp:", { "inline:{*=smtp:[h]}" }, false },
	{ "smtp:", { "inline:{example.com=smtp:[h]}" }, true },
	{ "smtp:h", { NULL }, false },
	{ "smtp:xcontext.invalid", { NULL }, false },
	{ "smtp:[h]", { NULL }, false },
	{ "lmtp:unix:/x", { NULL }, false },
};

START_TEST(being_open)
{
	const struct open_row	*r = &open_rows[_i];
	struct table		*tables[MAPS_MAX];
	struct conf_relay	 relay = { .next_hop = (char *)r->next_hop,
		.transport_maps = tables };

	(void)nexthop_parse(span_of(r->next_hop), &relay.nexthop);
	relay.n_transport_maps = open_tables(r->maps, tables);
	ck_assert_msg(route_is_open(&relay) == r->want, "%s %s", r->next_hop,
	    r->maps[0]);
	close_tables(tables, relay.n_transport_maps);
}
END_TEST

static const struct mode_row {
	const char		*next_hop, *domain;
	enum xclient_mode	 want;
} mode_rows[] = {
	{ "smtp:[192.0.2.1]", "", XCLIENT_NO },
	{ "smtp:[192.0.2.1]", "a.example", XCLIENT_REQUIRED },
	{ "smtp:[192.0.2.1]", "A.Example.", XCLIENT_REQUIRED },
	{ "smtp:[192.0.2.1]", "b.example", XCLIENT_NO },
	{ "smtp:[192.0.2.1]", "a..example", XCLIENT_REQUIRED },
	{ "smtp:[192.0.2.2]", "b.example", XCLIENT_IFAVAILABLE },
	{ "smtp:[2001:db8::2]", "b.example", XCLIENT_IFAVAILABLE },
	{ "smtp:[a.example]", "b.example", XCLIENT_REQUIRED },
	{ "lmtp:unix:/a.example", "b.example", XCLIENT_NO },
	{ "smtp:", "b.example", XCLIENT_NO },
};

static struct scope *
make_domains(void)
{
	struct scope	*scope = scope_new();
	struct err	 err;

	ck_assert_ptr_nonnull(scope);
	ck_assert_int_eq(scope_add_domain(scope, NULL, NULL, "a.example",
	    XCLIENT_REQUIRED, "f", 1, &err), 0);
	ck_assert_int_eq(scope_add_domain(scope, NULL, NULL, "[192.0.2.2]",
	    XCLIENT_IFAVAILABLE, "f", 2, &err), 0);
	ck_assert_int_eq(scope_add_domain(scope, NULL, NULL,
	    "[IPv6:2001:DB8::2]", XCLIENT_IFAVAILABLE, "f", 3, &err), 0);
	return scope;
}

START_TEST(mode)
{
	const struct mode_row	*r = &mode_rows[_i];
	struct conf		 conf = { .scope = make_domains() };
	struct conf_relay	 relay = { .next_hop = (char *)r->next_hop };
	struct route		 route = { .mode = XCLIENT_UNSET };

	ck_assert(nexthop_parse(span_of(r->next_hop), &relay.nexthop));
	route.nexthop = relay.nexthop;
	route_mode(&conf, &route, span_of(r->domain));
	ck_assert_msg(route.mode == r->want, "%s, %s: %s", r->next_hop,
	    r->domain, route.rule);
	route_mode(&conf, &route, (struct span){ "", 0 });
	ck_assert(route_needs_recipient(&conf, &relay, &route));
	scope_free(conf.scope);
}
END_TEST

/* Sections that say what is so without them, and those that do not count. */
START_TEST(a_recipient_is_not_needed)
{
	struct conf		 conf = { .scope = make_domains() };
	struct conf_relay	 relay = { .next_hop = (char *)"smtp:[h]" };
	struct route		 route = { .mode = XCLIENT_UNSET };
	struct err		 err;

	ck_assert(nexthop_parse(span_of("smtp:[h]"), &relay.nexthop));
	route.nexthop = relay.nexthop;
	ck_assert_int_eq(scope_add_binding(conf.scope, NULL, "one",
	    XCLIENT_REQUIRED, NULL, "f", 1, &err), 0);
	route.binding = scope_binding_find(conf.scope, span_of("one"));
	route_mode(&conf, &route, (struct span){ "", 0 });
	ck_assert_int_eq(route.mode, XCLIENT_REQUIRED);
	ck_assert(!route_needs_recipient(&conf, &relay, &route));
	ck_assert_int_eq(scope_add_domain(conf.scope, NULL, "one", "b.example",
	    XCLIENT_REQUIRED, "f", 2, &err), 0);
	ck_assert(!route_needs_recipient(&conf, &relay, &route));
	ck_assert_int_eq(scope_add_domain(conf.scope, NULL, "one", "c.example",
	    XCLIENT_NO, "f", 3, &err), 0);
	ck_assert(route_needs_recipient(&conf, &relay, &route));
	scope_free(conf.scope);
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
	char				 costly[2048];

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
	ck_assert(route_equal(&base, &other));
	/* Two sockets. */
	(void)strcpy(other.nexthop.host, "H.Example");
	ck_assert(!route_equal(&base, &other));
	other = base;
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
	tcase_add_test(tc, a_recipient_that_is_too_long);
	tcase_add_test(tc, refusals);
	tcase_add_loop_test(tc, being_open, 0, NELEM(open_rows));
	tcase_add_loop_test(tc, mode, 0, NELEM(mode_rows));
	tcase_add_test(tc, a_recipient_is_not_needed);
	tcase_add_loop_test(tc, being_fixed, 0, NELEM(fixed_rows));
	tcase_add_loop_test(tc, binding, 0, NELEM(binding_rows));
	tcase_add_test(tc, a_table_that_cannot_tell);
	tcase_add_test(tc, comparing);
	return runner_run("route", tc);
}
