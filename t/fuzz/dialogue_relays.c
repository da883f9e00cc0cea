/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue_relays: two configurations.  In the first everything is granted, and
 * the limits are wide; in the second little is, in many ways, and they are
 * small.  An input in the corpus begins with a relay's letter, so that new ones
 * come last.
 *
 * What is granted in the second one stands twice, as profiles and as the
 * functions that t/lib/stage_rules.c asks: the two must agree.
 */
#include "dialogue_relays.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "context/context_name.h"

#define LISTEN	"listen = \"127.0.0.1:10025\""
#define BEGIN	"user = \"\"\n" "XCLIENT = \"ifavailable\"\n"
/* A relay, and the profile of all who connect to it. */
#define RELAY(name, profile, settings)					\
    "listener " name " { trust_maps = { \"static:" profile "\" } }\n"	\
    "relay " name " { " LISTEN " " settings " }\n"
#define FIXED	"next_hop = \"smtp:[203.0.113.5]\" "
#define TLS	"tls = \"may\" tls_certificate = \"/x\" tls_key = \"/x\" "
#define GRANTED_NET	"198.51.100.0/24"
#define LITTLE								\
    "	xclient = { ADDR, PORT, NAME, HELO, PROTO }\n" VALUES
#define PROXY								\
    "	xclient = { ADDR, PORT, DESTADDR, DESTPORT }\n" VALUES
#define VALUES								\
    "	xforward = { ADDR, NAME, HELO, SOURCE }\n"			\
    "	addr = { \"" GRANTED_NET "\" }\n"				\
    "	name = { \".example.net\" }\n"					\
    "	xremoteip = true\n"						\
    "	xsetcontext = { \"tenant\", \"route.*\" }\n"

static const char *const	 settings[] = {
    BEGIN
    "trust_maps = { \"cidr:{{127.0.0.0/8 edge}}\" }\n"
    "profile edge {\n"
    "	xclient = { \"*\" }\n"
    "	addr = { \"*\" }\n"
    "	login = { \"*\" }\n"
    "	xforward = { \"*\" }\n"
    "	xsetcontext = { \"*\" }\n"
    "	xdumpcontext = true\n"
    "	xremoteip = true\n"
    "}\n"
    "binding may { tls = \"may\" }\n"
    "binding must { tls = \"encrypt\" XCLIENT = \"required\" }\n"
    "domain example.net { XCLIENT = \"no\" }\n"
    "domain example.org { XCLIENT = \"required\" }\n"
    "relay smtp { " LISTEN " next_hop = \"smtp:[127.0.0.1]\""
    " auth = \"always\" }\n"
    "relay lmtp { " LISTEN " protocol = \"lmtp\""
    " next_hop = \"lmtp:[127.0.0.1]\" }\n"
    "relay mixed { " LISTEN " next_hop = \"lmtp:[127.0.0.1]\""
    " binding = \"may\" }\n"
    "relay maps { " LISTEN "\n"
    "	transport_maps = { \"inline:{ example.org=smtp:[127.0.0.1],"
    " example.net=smtp:[127.0.0.1], example.com=lmtp:[127.0.0.2] }\","
    " \"static:smtp:\" }\n"
    "	binding_maps = { \"pcre:{{/tenant=must/ must}}\" }\n"
    "}\n"
    "relay tls { " LISTEN " next_hop = \"smtp:[127.0.0.1]\" "
    TLS "binding = \"must\" }\n"
    "relay proxy { " LISTEN " next_hop = \"smtp:[127.0.0.1]\""
    " proxy_protocol_out = true bare_newline = \"reject\" }\n"
    "relay handed { " LISTEN " next_hop = \"smtp:[127.0.0.1]\""
    " hand_over = true }\n",

    BEGIN
    "limits { context_pairs = 3 context_size = 96 }\n"
    "binding told { XCLIENT = \"required\" }\n"
    "binding verify { tls = \"verify\" }\n"
    "binding may { tls = \"may\" }\n"
    "profile defer {\n" LITTLE "}\n"
    "profile reject {\n" LITTLE "	on_violation = \"reject\"\n"
    "	xdumpcontext = \"sealed\"\n}\n"
    "profile part {\n" LITTLE "	on_violation = \"disconnect\"\n"
    "	seal = \"override\"\n}\n"
    "profile report {\n" LITTLE "	report_only = true\n}\n"
    "profile never {\n" LITTLE "	seal = \"never\"\n"
    "	drop = { LOGIN, PROTO, IDENT, PORT }\n"
    "	xdumpcontext = true\n}\n"
    "profile always {\n" LITTLE "	always_allow = true\n}\n"
    "profile front {\n" PROXY "}\n"
    "profile fronts {\n" PROXY "	seal = \"never\"\n}\n"
    RELAY("defers", "defer", FIXED "binding = \"told\" recipients_max = 2"
    " errors_max = 6 message_size_max = 40")
    RELAY("rejects", "reject", FIXED "xclient_verdict = \"ignore\""
    " auth = \"always\"")
    RELAY("parts", "part", "next_hop = \"smtp:\" hops_max = 1"
    " transport_maps = { \"inline:{ example.com=lmtp:[127.0.0.2] }\" }")
    RELAY("reports", "report", FIXED "errors_max = 2")
    RELAY("never", "never", FIXED "binding = \"told\"")
    RELAY("always", "always", "next_hop = \"lmtp:[203.0.113.5]\""
    " protocol = \"lmtp\" recipients_max = 3 message_size_max = 0")
    RELAY("out", "never", FIXED "proxy_protocol_out = true")
    RELAY("handed", "reject", FIXED "hand_over = true")
    RELAY("front", "front", FIXED
    "proxy_protocol = { \"0.0.0.0/0\" } binding = \"told\"")
    RELAY("fronts", "fronts", FIXED "proxy_protocol = { \"0.0.0.0/0\" }")
    RELAY("verify", "reject", FIXED TLS "binding = \"verify\"")
    RELAY("verifies", "defer", TLS "next_hop = \"smtp:\""
    " binding_maps = { \"pcre:{{/tenant=may/ may}}\" }"
    " binding = \"verify\"")
    RELAY("encrypts", "never", "next_hop = \"lmtp:[203.0.113.5]\""
    " tls = \"encrypt\" tls_certificate = \"/x\" tls_key = \"/x\""
    " auth = \"tls\" binding = \"may\"")
};

#define N_CONFS	(sizeof settings / sizeof settings[0])

static struct conf	*confs[N_CONFS];
static struct store	*store;

/*
 * What was granted
 */

static bool
is_in(const struct address *addr, const char *net)
{
	struct address_net	 n;

	return address_parse_net(span_of(net), &n) && address_in_net(addr, &n);
}

static bool
is_peers(const struct stage *s, const struct address *addr)
{
	return address_equal(addr, &s->peer.addr);
}

static bool
is_granted_name(const struct stage *s, const char *name)
{
	static const char	 end[] = ".example.net";
	size_t			 n = strlen(name);

	if (s->peer.name != NULL && strcasecmp(name, s->peer.name) == 0)
		return true;
	if (s->proxy != NULL && s->proxy->source_name != NULL &&
	    strcasecmp(name, s->proxy->source_name) == 0)
		return true;
	return n > sizeof end - 1 &&
	    strcasecmp(name + n - (sizeof end - 1), end) == 0;
}

static bool
has(const struct assertion_set *set, enum assertion_name name)
{
	return set->v[name].status == ASSERTION_VALUE;
}

/* Who is logged in nobody may say here. */
static const char *
told_login(const struct assertion_set *set, const char *user)
{
	if (!has(set, ASSERTION_LOGIN) || (user != NULL &&
	    strcmp(set->v[ASSERTION_LOGIN].value, user) == 0))
		return NULL;
	return "LOGIN";
}

static const char *
told_names(const struct stage *s, const struct assertion_set *set)
{
	if (has(set, ASSERTION_NAME) &&
	    !is_granted_name(s, set->v[ASSERTION_NAME].value))
		return "NAME";
	return has(set, ASSERTION_REVERSE_NAME) ? "REVERSE_NAME" : NULL;
}

static const char *
told_destination(const struct stage *s, const struct assertion_set *set)
{
	const struct address	*to = s->proxy == NULL ? &s->peer.local :
				     &s->proxy->destination;

	return has(set, ASSERTION_DESTADDR) &&
	    !address_equal(&set->destaddr, to) &&
	    !address_equal(&set->destaddr, &s->peer.local) ? "DESTADDR" :
	    NULL;
}

/* But for the destination, which this profile may say. */
static const char *
told_fronts(const struct stage *s, const struct assertion_set *set)
{
	const char	*wrong = told_login(set, NULL);

	if (wrong == NULL && has(set, ASSERTION_ADDR) &&
	    !is_peers(s, &set->addr) &&
	    !is_in(&set->addr, GRANTED_NET))
		wrong = "ADDR";
	return wrong == NULL ? told_names(s, set) : wrong;
}

static const char *
told_little(const struct stage *s, const struct assertion_set *set)
{
	const char	*wrong = told_fronts(s, set);

	return wrong == NULL ? told_destination(s, set) : wrong;
}

/* What only reports gives nobody a login, nor an address that somebody
 * else's rights go with. */
static const char *
told_report(const struct stage *s, const struct assertion_set *set)
{
	static const char *const	 nets[] = {
		"0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16",
		"192.168.0.0/16", "224.0.0.0/4", "::/128", "::1/128",
		"fe80::/10"
	};
	size_t				 i;

	for (i = 0; i < sizeof nets / sizeof nets[0]; i++)
		if (has(set, ASSERTION_ADDR) && !is_peers(s, &set->addr) &&
		    is_in(&set->addr, nets[i]))
			return "ADDR";
	return told_login(set, NULL);
}

static const char *
told_always(const struct stage *s, const struct assertion_set *set)
{
	struct assertion_set	 rest;

	assertion_copy(&rest, set);
	(void)assertion_set_value(&rest, ASSERTION_LOGIN, ASSERTION_ABSENT,
	    span_of(""));
	return told_login(set, TRUST_ANONYMOUS) != NULL ? "LOGIN" :
	    told_little(s, &rest);
}

/* Behind a header that was granted nobody may say anything else than it
 * does. */
static const char *
told_front(const struct stage *s, const struct assertion_set *set)
{
	const struct proxy_header	*h = s->proxy;
	bool				 is_override;

	is_override = !h->is_local && is_in(&h->source, GRANTED_NET);
	if (is_override && has(set, ASSERTION_ADDR) &&
	    !address_equal(&set->addr, &h->source))
		return "ADDR, which the header has not";
	return told_little(s, set);
}

static bool
may_set(const char *name)
{
	return strcmp(name, "tenant") == 0 || strncmp(name, "route.", 6) == 0;
}

static bool
may_set_others(const char *name)
{
	return !context_name_is_builtin(name);
}

/*
 * Who connects
 */

#define GREETING	.seal = TRUST_SEAL_GREETING
#define NEVER		.seal = TRUST_SEAL_NEVER
#define GRANTS(t, m)	.told = t, .may_set = m

/* The letter is the row's. */
static const struct row {
	unsigned		 conf;
	const char		*relay, *peer, *name;
	unsigned		 n_addresses;
	struct stage_grants	 grants;
} rows[] = {
	{ 0, "smtp", "127.0.0.1", NULL, 2, { NEVER } },
	{ 0, "lmtp", "127.0.0.1", NULL, 2, { NEVER } },
	{ 0, "mixed", "127.0.0.1", NULL, 2, { NEVER } },
	{ 0, "maps", "127.0.0.1", NULL, 2, { NEVER } },
	{ 0, "tls", "127.0.0.1", NULL, 2, { NEVER } },
	{ 0, "proxy", "127.0.0.1", NULL, 2, { NEVER } },
	{ 0, "handed", "127.0.0.1", NULL, 2, { NEVER } },
	{ 1, "defers", "192.0.2.7", "edge.example.com", 3,
	    { GRANTS(told_little, may_set), GREETING,
	    .is_xclient_required = true } },
	{ 1, "rejects", "192.0.2.7", NULL, 1,
	    { GRANTS(told_little, may_set), GREETING } },
	{ 1, "parts", "2001:db8::7", NULL, 2,
	    { GRANTS(told_little, may_set), .seal = TRUST_SEAL_OVERRIDE } },
	{ 1, "reports", "192.0.2.7", NULL, 1,
	    { GRANTS(told_report, may_set_others), GREETING,
	    .only_reports = true } },
	{ 1, "never", "192.0.2.7", NULL, 2,
	    { GRANTS(told_little, may_set), NEVER,
	    .is_xclient_required = true } },
	{ 1, "always", "192.0.2.7", NULL, 2,
	    { GRANTS(told_always, may_set), GREETING } },
	{ 1, "out", "192.0.2.7", NULL, 2,
	    { GRANTS(told_little, may_set), NEVER } },
	{ 1, "handed", "192.0.2.7", NULL, 2,
	    { GRANTS(told_little, may_set), GREETING } },
	{ 1, "front", "192.0.2.7", NULL, 2,
	    { GRANTS(told_front, may_set), GREETING,
	    .is_xclient_required = true } },
	{ 1, "fronts", "192.0.2.7", NULL, 2,
	    { GRANTS(told_fronts, may_set), NEVER } },
	{ 1, "verify", "192.0.2.7", NULL, 3,
	    { GRANTS(told_little, may_set), GREETING } },
	{ 1, "verifies", "192.0.2.7", NULL, 2,
	    { GRANTS(told_little, may_set), GREETING } },
	{ 1, "encrypts", "192.0.2.7", NULL, 2,
	    { GRANTS(told_little, may_set), NEVER } }
};

#define N_ROWS	(sizeof rows / sizeof rows[0])

static const struct conf_relay *
find_relay(const struct conf *conf, const char *name)
{
	unsigned	 i;

	for (i = 0; i < conf->n_relays; i++)
		if (strcmp(conf->relays[i].name, name) == 0)
			return &conf->relays[i];
	abort();
}

bool
dialogue_relays_set(char which, struct stage *s)
{
	static const char	 letters[] =
	    "0123456789abcdefghijklmnopqrstuvwxyz";
	const char		*at = memchr(letters, which,
				     sizeof letters - 1);
	const struct row	*row;

	if (at == NULL || (size_t)(at - letters) >= N_ROWS)
		return false;
	row = &rows[at - letters];
	s->conf = confs[row->conf];
	s->relay = find_relay(s->conf, row->relay);
	s->store = store;
	s->grants = &row->grants;
	s->n_addresses = row->n_addresses;
	(void)address_parse(span_of(row->peer), &s->peer.addr);
	s->peer.local = s->peer.addr;
	if (row->conf > 0)
		(void)address_parse(span_of(s->peer.addr.family == AF_INET ?
		    "192.0.2.25" : "2001:db8::25"), &s->peer.local);
	s->peer.name = row->name;
	s->peer.port = 40000;
	s->peer.local_port = 25;
	return true;
}

/*
 * Beginning and end
 */

static void
load(const char *dir, size_t i)
{
	char		 path[96];
	struct err	 err = { "" };
	FILE		*out;

	(void)snprintf(path, sizeof path, "%.60s/conf.%zu", dir, i);
	out = fopen(path, "w");
	if (out == NULL)
		abort();
	(void)fprintf(out, "store = \"lmdb:%s/store\" "
	    "state_directory = \"%s\"\n%s", dir, dir, settings[i]);
	(void)fclose(out);
	confs[i] = conf_load(path, &err);
	if (confs[i] != NULL && store == NULL)
		store = store_open(confs[i]->store, 8,
	    confs[i]->state_directory, &err);
	if (confs[i] == NULL || store == NULL) {
		(void)fprintf(stderr, "%s\n", err.text);
		abort();
	}
}

void
dialogue_relays_load(const char *dir)
{
	size_t	 i;

	for (i = 0; i < N_CONFS; i++)
		load(dir, i);
}

void
dialogue_relays_unload(void)
{
	size_t	 i;

	store_close(store);
	for (i = 0; i < N_CONFS; i++)
		conf_unref(confs[i]);
}
