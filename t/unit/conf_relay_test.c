/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_relay_test: what the configuration file says of relays, bindings and
 * domains, and how it is refused.
 */
#include "conf/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/lib/conf_file.h"
#include "t/lib/runner.h"
#include "table/table.h"

#define LISTEN	" listen = \"127.0.0.1:2525\"\n"
#define RELAY	"relay in {" LISTEN " next_hop = \"smtp:[127.0.0.1]:25\"\n"
#define NAME64	"0123456789abcdef0123456789abcdef" \
		"0123456789abcdef0123456789abcdef"

static const struct bad_row {
	const char	*name, *text;
	const char	*want;		/* behind the file's name */
} bad_rows[] = {
	{ "a relay with nothing", "\nrelay in { }\n",
	    ":2: relay \"in\" has no listen" },
	{ "a relay that leads nowhere", "relay in {\n" LISTEN "}\n",
	    ":1: relay \"in\" has neither next_hop nor transport_maps" },
	{ "a relay without a name", "relay {\n}\n", ":1: " },
	{ "a relay's name", "relay \"a b\" {\n}\n",
	    ":1: a relay's name must be 1 to 64 of" },
	{ "a relay's empty name", "relay \"\" {\n}\n", ":1: a relay's" },
	{ "a relay's long name", "relay " NAME64 "x {\n}\n", ":1: a relay" },
	{ "two relays of one name", RELAY "}\n" RELAY "}\n", ":4: " },
	{ "the same in another case", RELAY "}\nRelay IN {\n}\n", ":4: " },
	{ "no address", "relay in { listen = \"2525\" }\n",
	    ":1: listen: \"2525\" is not valid, expected \"unix:/path\" or "
	    "\"inet:host:port\" (in relay \"in\")" },
	{ "a relative socket", "relay in { listen = \"unix:a\" }\n",
	    ":1: listen: " },
	{ "a protocol", RELAY " protocol = esmtp\n}\n",
	    ":3: protocol: \"esmtp\" is not valid, expected one of "
	    "smtp|lmtp" },
	{ "a host's name", RELAY "\n hostname = \"a b\" }\n",
	    ":4: hostname: \"a b\" is not valid, expected a host name" },
	{ "no next hop", "relay in {" LISTEN " next_hop = \"127.0.0.1\"\n}\n",
	    ":2: next_hop: \"127.0.0.1\" is not valid, expected "
	    "\"smtp:[host]:port\", \"smtp:domain\"" },
	{ "LMTP in, SMTP out", RELAY " protocol = lmtp\n}\n",
	    ":2: relay \"in\" with protocol \"lmtp\" needs a next_hop with "
	    "\"lmtp:\"" },
	{ "LMTP in, SMTP out, and tables", RELAY " protocol = lmtp\n"
	    "transport_maps = { \"static:lmtp:unix:/a\" }\n}\n",
	    ":2: relay \"in\" with protocol \"lmtp\"" },
	{ "no table", RELAY " transport_maps = { \"texthash:./not/there\" "
	    "}\n}\n", ":3: transport_maps: " },
	{ "no type of table", RELAY "\n transport_maps = { \"static:smtp:\",\n"
	    "\"nosuch:a\" }\n}\n", ":4: transport_maps: " },
	{ "a table of no next hops", RELAY
	    " transport_maps = { \"inline:{a=smtp:, b=relay}\" }\n}\n",
	    ":3: transport_maps: inline:{a=smtp:, b=relay}:2: \"relay\" is "
	    "not valid, expected \"smtp:[host]:port\"" },
	{ "no table of bindings", RELAY
	    "\n binding_maps = { \"texthash:./not/there\" }\n}\n",
	    ":4: binding_maps: " },
	{ "a table of no bindings", RELAY
	    " binding_maps = { \"inline:{a=b1, b=b2}\" }\n}\n"
	    "binding b1 { }\n",
	    ":3: binding_maps: inline:{a=b1, b=b2}:2: there is no binding "
	    "\"b2\"" },
	{ "no binding", RELAY "\n binding = b2\n}\nbinding b1 { }\n"
	    "binding_group b2 { }\n",
	    ":4: binding: there is no binding \"b2\" (in relay \"in\")" },
	{ "no binding of the second", RELAY "}\nrelay out {\n"
	    "next_hop = 'smtp:'\n binding = x\n" LISTEN "}\n",
	    ":6: binding: there is no binding \"x\" (in relay \"out\")" },
	{ "a network", RELAY " proxy_protocol = { \"10.0.0.0/8\",\n"
	    "\"10.0.0.1/8\" }\n}\n", ":4: proxy_protocol: \"10.0.0.1/8\"" },
	{ "a host for a network", RELAY " proxy_protocol = { localhost }\n}",
	    ":3: proxy_protocol: \"localhost\" is not valid, expected a "
	    "network" },
	{ "a truth", RELAY " proxy_protocol_out = maybe\n}\n",
	    ":3: invalid boolean" },
	{ "TLS without files", RELAY "\n tls = may\n}\n",
	    ":4: relay \"in\" with tls needs tls_certificate and tls_key" },
	{ "TLS without a key", RELAY " tls_certificate = '/c'\n"
	    " tls = encrypt }\n", ":4: relay \"in\" with tls needs" },
	{ "TLS without a certificate", RELAY " tls_key = '/c'\n"
	    " tls = encrypt }\n", ":4: relay \"in\" with tls needs" },
	{ "TLS that clients cannot do", RELAY " tls = verify\n}\n",
	    ":3: tls: \"verify\" is not valid, expected one of "
	    "no|may|encrypt" },
	{ "a relative certificate", RELAY " tls_certificate = cert.pem\n}\n",
	    ":3: tls_certificate: " },
	{ "a relative key", RELAY " tls_key = key.pem\n}\n", ":3: tls_key: " },
	{ "relative CAs", RELAY " tls_client_ca = ca.pem\n}\n",
	    ":3: tls_client_ca: " },
	{ "a word for AUTH", RELAY " auth = yes\n}\n",
	    ":3: auth: \"yes\" is not valid, expected one of no|tls|always" },
	{ "a word for newlines", RELAY " bare_newline = yes\n}\n",
	    ":3: bare_newline: " },
	{ "no hop", RELAY " hops_max = 0\n}\n", ":3: hops_max: \"0\"" },
	{ "too many hops", RELAY " hops_max = 101\n}\n", ":3: hops_max: " },
	{ "no connections", RELAY " connections = 0\n}\n",
	    ":3: connections: \"0\" is not valid, expected a number from 1 "
	    "to 1000000 (in relay \"in\")" },
	{ "less than no connections", RELAY " peer_connections = -1\n}\n",
	    ":3: peer_connections: " },
	{ "no time for commands", RELAY " command_timeout = 0\n}\n",
	    ":3: command_timeout: \"0\"" },
	{ "no time for data", RELAY " data_timeout = 0\n}\n",
	    ":3: data_timeout: \"0\"" },
	{ "no time to connect", RELAY " connect_timeout = 0\n}\n",
	    ":3: connect_timeout: \"0\"" },
	{ "no time for replies", RELAY " reply_timeout = 0\n}\n",
	    ":3: reply_timeout: \"0\"" },
	{ "no time for the last reply", RELAY " final_timeout = 0\n}\n",
	    ":3: final_timeout: \"0\"" },
	{ "too much time for the last reply",
	    RELAY " final_timeout = 86401\n}\n", ":3: final_timeout: " },
	{ "no time for a header", RELAY " proxy_protocol_timeout = 0\n}\n",
	    ":3: proxy_protocol_timeout: \"0\"" },
	{ "no time at all", RELAY " total_timeout = 0\n}\n",
	    ":3: total_timeout: \"0\"" },
	{ "more than a week", RELAY " total_timeout = 604801\n}\n",
	    ":3: total_timeout: " },
	{ "a domain in a relay", RELAY " domain a.example { }\n}\n",
	    ":3: no such option 'domain'" },

	{ "a resolver without a port", "resolver = \"127.0.0.1\"\n",
	    ":1: resolver: \"127.0.0.1\" is not valid, expected "
	    "\"address:port\" of DNS servers" },
	{ "a resolver's name", "resolver = \"localhost:53\"\n",
	    ":1: resolver: " },
	{ "no second resolver", "resolver = \"127.0.0.1:53,\"\n",
	    ":1: resolver: " },
	{ "no first resolver", "resolver = \",127.0.0.1:53\"\n",
	    ":1: resolver: " },
	{ "a port too high", "resolver = \"127.0.0.1:65536\"\n",
	    ":1: resolver: " },
	{ "port 0", "resolver = \"127.0.0.1:0\"\n", ":1: resolver: " },
	{ "a port with a sign", "resolver = \"127.0.0.1:+53\"\n",
	    ":1: resolver: " },
	{ "a port with a blank", "resolver = \"127.0.0.1: 53\"\n",
	    ":1: resolver: " },
	{ "a long port", "resolver = \"127.0.0.1:00000053\"\n",
	    ":1: resolver: " },
	{ "IPv6 without brackets", "resolver = \"::1:53\"\n",
	    ":1: resolver: " },
	{ "metrics on a socket", "relay_metrics = \"unix:/a\"\n",
	    ":1: relay_metrics: " },
	{ "metrics without a port", "relay_metrics = \"127.0.0.1\"\n",
	    ":1: relay_metrics: \"127.0.0.1\" is not valid" },

	{ "a mode outside", "\nXCLIENT = maybe\n",
	    ":2: XCLIENT: \"maybe\" is not valid, expected one of "
	    "no|ifavailable|required" },
	{ "a dialect", "binding b { xclient_dialect = sendmail }\n",
	    ":1: xclient_dialect: \"sendmail\" is not valid, expected one of "
	    "auto|postfix|kumomta|exim|dovecot" },
	{ "no mode outside", "XCLIENT = \"\"\n", ":1: XCLIENT: \"\"" },
	{ "a mode", "binding a {\nxclient = maybe }\n",
	    ":2: XCLIENT: \"maybe\" is not valid, expected one of "
	    "no|ifavailable|required (in binding \"a\")" },
	{ "a mode of a domain", "binding a {\ndomain b.example {\n"
	    "XCLIENT = IfAvailable } }\n",
	    ":3: XCLIENT: \"IfAvailable\" is not valid, expected one of "
	    "no|ifavailable|required (in domain \"b.example\")" },
	{ "a profile's list", "binding a { xclient = { ADDR } }\n", ":1: " },
	{ "a binding's name", "binding \"a b\" { }\n",
	    ":1: a binding's name must be" },
	{ "a group's name", "binding_group \"a/b\" { }\n",
	    ":1: a binding_group's name must be" },
	{ "an inner binding's name", "binding_group a {\n"
	    "binding \"b c\" { }\n}\n", ":2: a binding's name must be" },
	{ "two bindings of one name", "binding a { }\n\nbinding a { }\n",
	    ":3: " },
	{ "one of them in a group", "binding a { }\nbinding_group b {\n\n"
	    "\tbinding A { }\n}\n", ":4: \"A\" is there already, at " },
	{ "two groups of one name", "binding_group a { }\n"
	    "binding_group A { }\n", ":2: " },
	{ "a domain twice", "domain a.example { }\n"
	    "domain A.Example { }\n", ":2: " },
	{ "a domain twice in a group", "binding_group g {\n"
	    "domain a.example { }\ndomain a.example { }\n}", ":3: " },
	{ "no domain", "domain \"\" { }\n", ":1: domain \"\" is not valid, "
	    "expected \"example.com\", \".example.com\" or" },
	{ "a dot", "domain . { }\n", ":1: domain \".\"" },
	{ "two dots", "domain ..example { }\n", ":1: domain \"..example\"" },
	{ "a pattern", "domain \"*.example\" { }\n", ":1: domain \"*" },
	{ "an address", "domain 192.0.2.1 { }\n", ":1: domain \"192.0.2.1\"" },
	{ "no address literal", "domain [192.0.2] { }\n",
	    ":1: domain \"[192.0.2]\"" },
	{ "a domain that is a mail address", "binding_group a {\n"
	    "binding b {\n\ndomain x@a.example { }\n} }\n",
	    ":4: domain \"x@a.example\"" },
	{ "a binding in a binding", "binding a {\nbinding b { }\n}\n",
	    ":2: no such option 'binding' (in binding \"a\")" },
	{ "a group in a group", "binding_group a {\nbinding_group b { }\n}\n",
	    ":2: no such option 'binding_group'" },
	{ "a binding in a domain", "domain a.example {\nbinding b { }\n}\n",
	    ":2: no such option 'binding'" },
	{ "a domain with a source", "domain a.example { tls = no }\n",
	    ":1: no such option 'tls'" },
	{ "IPv6 for IPv4", "binding a { source_address = \"::1\" }\n",
	    ":1: source_address: \"::1\" is not valid, expected an IPv4 "
	    "address" },
	{ "IPv4 for IPv6", "binding a { source_address6 = \"127.0.0.1\" }\n",
	    ":1: source_address6: " },
	{ "a network to connect from", "binding_group a {\n"
	    "source_address = \"127.0.0.0/8\" }\n", ":2: source_address: " },
	{ "a level", "binding a { tls = secure }\n",
	    ":1: tls: \"secure\" is not valid, expected one of "
	    "no|may|encrypt|verify" },
	{ "a relative CA file", "binding a { tls_ca_file = ca }\n",
	    ":1: tls_ca_file: " },
	{ "braces behind braces", "binding_group a { binding b { domain c {\n"
	    "x { x { x { x { x {\nx { } } } } } } } } }\n",
	    ":3: braces are nested too deeply" },
	{ "an inner brace that is not closed", "\nbinding_group a {\n"
	    "binding b {\n}\n", ":2: \"{\" without closing" },
	/* Where sections begin is taken down in the order of their ends. */
	{ "a line behind inner sections", "binding_group a {\n"
	    "binding b {\ndomain c.example { }\ndomain d.example { }\n}\n}\n"
	    "binding_group e { binding f { } domain g.example { } }\n"
	    "\nprofile root { }\n", ":9: profile \"root\" is built in" },
};

START_TEST(bad)
{
	const struct bad_row	*row = &bad_rows[_i];

	check_refused(row->name, row->text, row->want);
}
END_TEST

START_TEST(defaults)
{
	struct conf		*conf = load_good("");
	const struct conf_relay	*r;

	ck_assert_uint_eq(conf->n_relays, 0);
	ck_assert_ptr_nonnull(conf->scope);
	ck_assert_str_eq(conf->resolver, "");
	ck_assert_str_eq(conf->relay_metrics, "");
	conf_unref(conf);

	conf = load_good("\n" RELAY "}\n");
	ck_assert_uint_eq(conf->n_relays, 1);
	r = conf->relays;
	ck_assert_str_eq(r->name, "in");
	ck_assert_uint_eq(r->line, 2);
	ck_assert_str_eq(r->listen, "127.0.0.1:2525");
	ck_assert_int_eq(r->protocol, NEXTHOP_SMTP);
	ck_assert_str_eq(r->hostname, "");
	ck_assert_str_eq(r->next_hop, "smtp:[127.0.0.1]:25");
	ck_assert_int_eq(r->nexthop.kind, NEXTHOP_HOST);
	ck_assert_str_eq(r->nexthop.host, "127.0.0.1");
	ck_assert_uint_eq(r->n_transport_maps, 0);
	ck_assert_uint_eq(r->n_binding_maps, 0);
	ck_assert_str_eq(r->binding, "");
	ck_assert_uint_eq(r->n_proxy_nets, 0);
	ck_assert(!r->proxy_protocol_out && !r->hand_over && r->name_lookup);
	ck_assert_int_eq(r->tls, RELAY_TLS_NO);
	ck_assert_str_eq(r->tls_certificate, "");
	ck_assert_str_eq(r->tls_key, "");
	ck_assert_str_eq(r->tls_client_ca, "");
	ck_assert_int_eq(r->auth, RELAY_AUTH_TLS);
	ck_assert_int_eq(r->bare_newline, RELAY_NEWLINE_NORMALIZE);
	ck_assert_uint_eq(r->hops_max, 10);
	ck_assert_uint_eq(r->connections, 10000);
	ck_assert_uint_eq(r->peer_connections, 1000);
	ck_assert_uint_eq(r->proxy_protocol_timeout, 10);
	ck_assert_uint_eq(r->command_timeout, 300);
	ck_assert_uint_eq(r->data_timeout, 180);
	ck_assert_uint_eq(r->connect_timeout, 30);
	ck_assert_uint_eq(r->reply_timeout, 300);
	ck_assert_uint_eq(r->final_timeout, 600);
	ck_assert_uint_eq(r->total_timeout, 86400);
	conf_unref(conf);
}
END_TEST

static const char	 full[] =
    "relay out { listen = 'unix:/run/out' protocol = lmtp\n"
    "  hostname = 'mx.example.com' next_hop = 'lmtp:[::1]:2003'\n"
    "  transport_maps = { 'inline:{a.example=smtp:[192.0.2.1]:26}',\n"
    "    \"pcre:{{/^(.*)\\\\.test\\$/ smtp:\\$1}}\" }\n"
    "  binding_maps = { 'static:b1' } binding = b1\n"
    "  proxy_protocol = { 10.0.0.0/8, \"[2001:db8::]/32\" }\n"
    "  proxy_protocol_out = yes hand_over = on name_lookup = no\n"
    "  tls = encrypt tls_certificate = '/c' tls_key = '/k'\n"
    "  tls_client_ca = '/ca' auth = always bare_newline = reject\n"
    "  hops_max = 1 connections = 2 peer_connections = 0"
    "  proxy_protocol_timeout = 86400\n"
    "  command_timeout = 3 data_timeout = 4 connect_timeout = 5\n"
    "  reply_timeout = 6 final_timeout = 7 total_timeout = 604800 }\n"
    "relay other { listen = '[::1]:25' transport_maps = "
    "{ 'static:smtp:' }\n auth = no protocol = lmtp\n}\n"
    "binding b1 { xclient = no source_address = 192.0.2.5\n"
    "  source_address6 = '2001:db8::5' tls = verify\n"
    "  tls_ca_file = '/ca1' domain a.example { XCLIENT = required } }\n"
    "binding_group g { tls = may source_address = 192.0.2.6\n"
    "  XCLIENT = ifavailable tls_ca_file = '/ca2'\n"
    "  source_address6 = '2001:db8::6'\n"
    "  binding b2 { domain .x.example { xclient = no } } binding b3 { }\n"
    "  domain c.example { xclient = required } }\n"
    "domain d.example { XCLIENT = required }\n"
    "domain [192.0.2.1] { XCLIENT = ifavailable }\n"
    "domain e.example { }\n"
    "xclient = ifavailable\n"
    "resolver = '192.0.2.53:53,[2001:db8::53]:5353'\n"
    "relay_metrics = '[::1]:9726'\n";

START_TEST(everything)
{
	struct conf		*conf = load_good(full);
	const struct conf_relay	*r = conf->relays;
	struct address		 addr;

	ck_assert_uint_eq(conf->n_relays, 2);
	ck_assert_str_eq(conf->resolver, "192.0.2.53:53,[2001:db8::53]:5353");
	ck_assert_str_eq(conf->relay_metrics, "[::1]:9726");
	ck_assert_str_eq(r->name, "out");
	ck_assert_str_eq(r->listen, "unix:/run/out");
	ck_assert_int_eq(r->protocol, NEXTHOP_LMTP);
	ck_assert_str_eq(r->hostname, "mx.example.com");
	ck_assert_str_eq(r->next_hop, "lmtp:[::1]:2003");
	ck_assert_int_eq(r->nexthop.protocol, NEXTHOP_LMTP);
	ck_assert_uint_eq(r->nexthop.port, 2003);
	ck_assert_str_eq(r->binding, "b1");
	ck_assert_uint_eq(r->binding_line, 5);
	ck_assert_uint_eq(r->binding_maps_line, 5);
	ck_assert_uint_eq(r->n_proxy_nets, 2);
	ck_assert(address_parse(span_of("10.1.2.3"), &addr));
	ck_assert(address_in_net(&addr, &r->proxy_nets[0]));
	ck_assert(!address_in_net(&addr, &r->proxy_nets[1]));
	ck_assert(address_parse(span_of("2001:db8::1"), &addr));
	ck_assert(address_in_net(&addr, &r->proxy_nets[1]));
	ck_assert(r->proxy_protocol_out && r->hand_over && !r->name_lookup);
	ck_assert_int_eq(r->tls, RELAY_TLS_ENCRYPT);
	ck_assert_str_eq(r->tls_certificate, "/c");
	ck_assert_str_eq(r->tls_key, "/k");
	ck_assert_str_eq(r->tls_client_ca, "/ca");
	ck_assert_int_eq(r->auth, RELAY_AUTH_ALWAYS);
	ck_assert_int_eq(r->bare_newline, RELAY_NEWLINE_REJECT);
	ck_assert_uint_eq(r->hops_max, 1);
	ck_assert_uint_eq(r->connections, 2);
	ck_assert_uint_eq(r->peer_connections, 0);
	ck_assert_uint_eq(r->proxy_protocol_timeout, 86400);
	ck_assert_uint_eq(r->command_timeout, 3);
	ck_assert_uint_eq(r->data_timeout, 4);
	ck_assert_uint_eq(r->connect_timeout, 5);
	ck_assert_uint_eq(r->reply_timeout, 6);
	ck_assert_uint_eq(r->final_timeout, 7);
	ck_assert_uint_eq(r->total_timeout, 604800);
	r++;
	ck_assert_str_eq(r->name, "other");
	ck_assert_uint_eq(r->line, 13);
	ck_assert_str_eq(r->next_hop, "");
	ck_assert_int_eq(r->auth, RELAY_AUTH_NO);
	conf_unref(conf);
}
END_TEST

static void
check_table(const struct table *table, const char *key, const char *want)
{
	struct table_answer	 res = { 0 };
	enum table_result	 result = table_find(table, span_of(key),
	    &res);

	if (want == NULL) {
		ck_assert_int_eq(result, TABLE_NOT_FOUND);
	} else {
		ck_assert_int_eq(result, TABLE_FOUND);
		ck_assert_str_eq(res.value, want);
	}
	table_answer_clear(&res);
}

START_TEST(tables)
{
	struct conf		*conf = load_good(full);
	const struct conf_relay	*r = conf->relays;

	ck_assert_uint_eq(r[0].n_transport_maps, 2);
	ck_assert_uint_eq(r[0].n_binding_maps, 1);
	ck_assert_uint_eq(r[1].n_transport_maps, 1);
	ck_assert_uint_eq(r[1].n_binding_maps, 0);
	check_table(r[0].transport_maps[0], "a.example",
	    "smtp:[192.0.2.1]:26");
	check_table(r[0].transport_maps[0], "b.example", NULL);
	check_table(r[0].transport_maps[1], "a.test", "smtp:a");
	check_table(r[0].binding_maps[0], "any", "b1");
	check_table(r[1].transport_maps[0], "any", "smtp:");
	conf_unref(conf);
}
END_TEST

static const struct scope_row {
	const char		*binding, *domain;
	enum xclient_mode	 want;
	const char		*want_rule;	/* behind the file's name */
} scope_rows[] = {
	{ "b1", "a.example", XCLIENT_REQUIRED,
	    ":18 (domain a.example in binding b1)" },
	{ "B1", "b.example", XCLIENT_NO, ":16 (binding b1)" },
	{ "b2", "a.x.example", XCLIENT_NO,
	    ":22 (domain .x.example in binding b2)" },
	{ "b2", "c.example", XCLIENT_REQUIRED,
	    ":23 (domain c.example in binding_group g)" },
	{ "b3", "a.x.example", XCLIENT_IFAVAILABLE, ":20 (binding_group g)" },
	{ "b3", "d.example", XCLIENT_IFAVAILABLE, ":20 (binding_group g)" },
	{ NULL, "d.example", XCLIENT_REQUIRED, ":24 (domain d.example)" },
	{ NULL, "[192.0.2.1]", XCLIENT_IFAVAILABLE,
	    ":25 (domain [192.0.2.1])" },
	{ NULL, "e.example", XCLIENT_IFAVAILABLE, NULL },
	{ NULL, "", XCLIENT_IFAVAILABLE, NULL },
};

static void
check_scope(const struct conf *conf, const struct scope_row *row,
    bool with_rule)
{
	const struct scope_binding	*b = NULL;
	enum xclient_mode		 got;
	char				 rule[128], want[128] = "global";

	if (row->binding != NULL) {
		b = scope_binding_find(conf->scope, span_of(row->binding));
		ck_assert_ptr_nonnull(b);
	}
	got = scope_xclient(conf->scope, b, span_of(row->domain), rule,
	    sizeof(rule));
	ck_assert_msg(got == row->want, "%s: got %d by %s, want %d",
	    row->domain, got, rule, row->want);
	if (row->want_rule != NULL)
		snprintf(want, sizeof(want), "%s%s", path, row->want_rule);
	if (with_rule)
		ck_assert_str_eq(rule, want);
}

static void
check_sources(const struct conf *conf)
{
	struct scope_source	 s;
	char			 text[ADDRESS_TEXT_SIZE];

	scope_binding_source(scope_binding_find(conf->scope, span_of("b1")),
	    &s);
	ck_assert_str_eq(address_format(&s.ipv4, text, sizeof(text)),
	    "192.0.2.5");
	ck_assert_str_eq(address_format(&s.ipv6, text, sizeof(text)),
	    "2001:db8::5");
	ck_assert_int_eq(s.tls, SCOPE_TLS_VERIFY);
	ck_assert_str_eq(s.tls_ca_file, "/ca1");
	scope_binding_source(scope_binding_find(conf->scope, span_of("b3")),
	    &s);
	ck_assert_str_eq(address_format(&s.ipv4, text, sizeof(text)),
	    "192.0.2.6");
	ck_assert_str_eq(address_format(&s.ipv6, text, sizeof(text)),
	    "2001:db8::6");
	ck_assert_int_eq(s.tls, SCOPE_TLS_MAY);
	ck_assert_str_eq(s.tls_ca_file, "/ca2");
}

START_TEST(scopes)
{
	struct conf	*conf = load_good(full);
	int		 i;

	for (i = 0; i < NELEM(scope_rows); i++)
		check_scope(conf, &scope_rows[i], true);
	check_sources(conf);
	conf_unref(conf);
}
END_TEST

/* What is printed is read again, prints the same and means the same. */
START_TEST(prints_what_it_reads)
{
	struct conf	*conf = load_good(full);
	char		*once = printed(conf), *twice;
	int		 i;

	conf_unref(conf);
	conf = load_good(once);
	twice = printed(conf);
	ck_assert_str_eq(once, twice);
	for (i = 0; i < NELEM(scope_rows); i++)
		check_scope(conf, &scope_rows[i], false);
	check_sources(conf);
	ck_assert_uint_eq(conf->n_relays, 2);
	check_table(conf->relays[0].transport_maps[1], "a.test", "smtp:a");
	ck_assert_uint_eq(conf->relays[0].n_proxy_nets, 2);
	ck_assert_ptr_nonnull(strstr(once, "\nbinding_group \"g\" {\n"));
	ck_assert_ptr_nonnull(strstr(once, "\n\tbinding \"b2\" {\n"));
	ck_assert_ptr_nonnull(strstr(once, "\n\t\tdomain \".x.example\" {\n"
	    "\t\t\tXCLIENT = \"no\"\n\t\t\txclient_dialect = \"\"\n"
	    "\t\t}\n\t}\n"));
	conf_unref(conf);
	free(once);
	free(twice);
}
END_TEST

/* Whose XCLIENT a next hop has is said where it is said whether that is sent,
 * and each says the one without the other. */
START_TEST(dialects)
{
	static const struct {
		const char		*binding, *domain;
		enum xclient_dialect	 want;
	} rows_of_dialects[] = {
		{ "b1", "a.example", XCLIENT_KUMOMTA },
		{ "b1", "b.example", XCLIENT_EXIM },
		{ "b2", "b.example", XCLIENT_DOVECOT },
		{ "b3", "b.example", XCLIENT_AUTO },
		{ NULL, "d.example", XCLIENT_POSTFIX },
		{ NULL, "e.example", XCLIENT_DOVECOT },
		{ NULL, "", XCLIENT_DOVECOT },
	};
	struct conf	*conf = load_good(
	    "XCLIENT = required\n"
	    "binding b1 { xclient_dialect = exim\n"
	    "  domain a.example { xclient_dialect = kumomta } }\n"
	    "binding_group g { XCLIENT = no binding b2 { } }\n"
	    "binding_group h { xclient_dialect = auto binding b3 { } }\n"
	    "domain d.example { xclient_dialect = postfix }\n"
	    "domain e.example { }\n"
	    "xclient_dialect = dovecot\n");
	const struct scope_binding	*b;
	enum xclient_dialect		 got;
	size_t				 i;

	for (i = 0; i < NELEM(rows_of_dialects); i++) {
		b = rows_of_dialects[i].binding == NULL ? NULL :
		    scope_binding_find(conf->scope,
		    span_of(rows_of_dialects[i].binding));
		got = scope_dialect(conf->dialects, b,
		    span_of(rows_of_dialects[i].domain));
		ck_assert_msg(got == rows_of_dialects[i].want, "%zu: %d", i,
		    got);
	}
	conf_unref(conf);
	conf = load_good("");
	ck_assert_int_eq(scope_dialect(conf->dialects, NULL,
	    span_of("a.example")), XCLIENT_AUTO);
	conf_unref(conf);
}
END_TEST

/* Nobody has said anything: neither in a file, nor in what it prints. */
START_TEST(nothing_is_said)
{
	static const struct scope_row	 row = { NULL, "a.example",
		XCLIENT_NO, NULL };
	struct conf	*conf = load_good("");
	char		*text = printed(conf), rule[64];

	ck_assert_int_eq(scope_xclient(conf->scope, NULL,
	    span_of("a.example"), rule, sizeof(rule)), XCLIENT_NO);
	ck_assert_str_eq(rule, "default");
	conf_unref(conf);
	conf = load_good(text);
	check_scope(conf, &row, true);
	conf_unref(conf);
	free(text);
}
END_TEST

static const char *const	 fragments[] = {
	"Binding customer-1 { XCLIENT = \"ifavailable\"  "
	    "Domain relay.example.com { XCLIENT = \"required\" } }",
	"binding customer-1 { xclient = ifavailable "
	    "domain relay.example.com { xclient = required } }",
	"BINDING customer-1 { Domain RELAY.example.COM { XClient = required } "
	    "XCLIENT = ifavailable }",
	"Binding_Group customers { XCLIENT = no\n"
	    "Binding customer-1 { XCLIENT = ifavailable }\n"
	    "Domain relay.example.com { XCLIENT = no } }\n"
	    "domain relay.example.com { XCLIENT = no }\n"
	    "Relay in { Listen = \"[::1]:25\" NEXT_HOP = 'smtp:' }",
};

/* The last one has the domain in the group alone. */
START_TEST(keywords_are_taken_in_any_case)
{
	const struct scope_row	 rows[] = {
		{ "customer-1", "relay.example.com", _i == 3 ?
		    XCLIENT_NO : XCLIENT_REQUIRED, NULL },
		{ "customer-1", "other.example.com", XCLIENT_IFAVAILABLE,
		    NULL },
		{ NULL, "other.example.com", XCLIENT_NO, NULL },
	};
	struct conf	*conf = load_good(fragments[_i]);
	int		 i;

	for (i = 0; i < NELEM(rows); i++)
		check_scope(conf, &rows[i], false);
	ck_assert_uint_eq(conf->n_relays, _i == 3);
	conf_unref(conf);
}
END_TEST

/* A relay's name is that of the listener whose trust_maps it has. */
START_TEST(trust_is_the_listeners)
{
	struct conf			*conf;
	const struct trust_profile	*profile;
	struct trust_peer		 peer = { .listener = "in" };
	char				 rule[64];
	struct err			 err;

	conf = load_good("profile edge { XClient = { \"*\" } }\n"
	    "listener in { trust_maps = { 'static:edge' } }\n" RELAY "}\n");
	ck_assert(address_parse(span_of("192.0.2.1"), &peer.addr));
	ck_assert_int_eq(trust_classify(conf->trust, &peer, &profile, rule,
	    sizeof(rule), &err), TRUST_OK);
	ck_assert_str_eq(trust_profile_name(profile), "edge");
	ck_assert(trust_profile_may(profile, TRUST_XCLIENT));
	conf_unref(conf);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("conf_relay");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, bad, 0, NELEM(bad_rows));
	tcase_add_test(tc, defaults);
	tcase_add_test(tc, everything);
	tcase_add_test(tc, tables);
	tcase_add_test(tc, scopes);
	tcase_add_test(tc, prints_what_it_reads);
	tcase_add_test(tc, dialects);
	tcase_add_test(tc, nothing_is_said);
	tcase_add_loop_test(tc, keywords_are_taken_in_any_case, 0,
	    NELEM(fragments));
	tcase_add_test(tc, trust_is_the_listeners);
	return runner_run("conf_relay", tc);
}
