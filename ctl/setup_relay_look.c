/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_relay_look: --check of "setup relay": what of a relay and the Postfix
 * at its side is missing, or open to those whom it is not for.
 */
#include "setup_relay.h"

#include <stdlib.h>
#include <string.h>

#include "knock.h"
#include "setup_listener.h"
#include "wiring.h"

#define SECONDS	5			/* for a greeting */

struct look {
	struct setup_check		*check;
	struct setup			*setup;
	struct pool			*pool;
	const struct conf_relay		*relay;
	const struct postfix_service	*service;
};

#define ADD(look, severity, where, ...)					\
	setup_check_add((look)->check, SETUP_CHECK_##severity, where,	\
	    __VA_ARGS__)

static const char	 fix_front[] = "xcontext setup relay --where front "
			    "--plan shows the whole, --apply makes it";
static const char	 fix_behind[] = "xcontext setup relay --where behind "
			    "--plan shows the whole, --apply makes it";

static const char *
value(const struct look *look, const char *name)
{
	return postfix_get_expanded(&look->setup->pf, look->service, name);
}

static const char *
entry(const struct look *look, const char *setting)
{
	return pool_printf(look->pool, "master.cf %s/%s%s%s",
	    look->service->name, look->service->type, *setting == '\0' ? "" :
	    ": ", setting);
}

static const char *
section(const struct look *look)
{
	return pool_printf(look->pool, "%s relay %s", look->setup->ctl->file,
	    look->relay->name);
}

static void
knock_relay(struct look *look, const char *cost)
{
	struct knock_answer	 answer;

	answer = knock(setup_relay_listen(look->relay), KNOCK_GREETING,
	    SECONDS);
	if (answer.stage != KNOCK_IS_WELL)
		ADD(look, ERROR, section(look), pool_printf(look->pool,
		    "%s %s: %s", setup_relay_listen(look->relay),
		    knock_stage_text(&answer), knock_error_text(&answer)), cost,
		    "systemctl restart xcontext-relay; its log says more");
}

/*
 * In front
 */

static bool
is_inside(const struct look *look, const struct postfix_service *service)
{
	const struct nexthop	*hop = &look->relay->nexthop;
	const char		*host;

	if (!postfix_service_is_smtpd(service) ||
	    strcmp(service->type, "inet") != 0 || hop->kind != NEXTHOP_HOST ||
	    setup_listener_port(look->setup, service) != hop->port)
		return false;
	host = setup_listener_host(look->setup, service);
	return *host == '\0' || strcmp(host, hop->host) == 0;
}

static bool
grants(const struct look *look, const struct address *addr)
{
	const char		*list = value(look, wiring_name(
				    WIRING_XCLIENT));
	const char		*want = setup_relay_source(look->setup, addr);
	struct span		 element, inner;
	struct address_net	 net;

	while (wiring_next(&list, &element)) {
		if (span_eq(element, want) || memchr(element.p, ':',
		    element.n) != NULL)
			return true;	/* a table may say so */
		inner = element;
		if (address_parse_net(inner, &net) &&
		    address_in_net(addr, &net))
			return true;
	}
	return false;
}

/* What is in the list and may be somewhere else. */
static void
check_grants(struct look *look)
{
	const char		*name = wiring_name(WIRING_XCLIENT);
	const char		*list = value(look, name);
	struct span		 element;
	struct address_net	 net;

	while (wiring_next(&list, &element))
		if (address_parse_net(element, &net) &&
		    address_is_public(&net.addr))
			ADD(look, ERROR, entry(look, name),
			    pool_printf(look->pool, "%.*s is granted XCLIENT",
			    (int)element.n, element.p), "who is there, and "
			    "reaches this port, may be anybody, and any user",
			    "take it out: the relay connects from this host");
}

static void
check_inside(struct look *look)
{
	const char	*name = wiring_name(WIRING_XCLIENT);
	struct address	 addr = { .family = AF_UNSPEC };

	(void)address_parse(span_of(look->relay->nexthop.host), &addr);
	if (!grants(look, &addr))
		ADD(look, ERROR, entry(look, name), pool_printf(look->pool,
		    "%s, from where the relay connects, is not in it",
		    setup_relay_source(look->setup, &addr)),
		    "Postfix does not take XCLIENT from the relay: 451 4.7.6, "
		    "or, where XCLIENT is not required, all mail is the "
		    "relay's own", fix_front);
	check_grants(look);
	if (setup_listener_is_public(look->setup, look->service,
	    setup_listener_host(look->setup, look->service)))
		ADD(look, ERROR, entry(look, ""), "the Internet can reach the "
		    "listener behind the relay", "mail comes in around the "
		    "relay; and whoever is in smtpd_authorized_xclient_"
		    "hosts may be anybody", "give it a loopback address");
	if (strcmp(value(look, "smtpd_tls_security_level"), "encrypt") == 0)
		ADD(look, ERROR, entry(look, "smtpd_tls_security_level"),
		    "it is \"encrypt\", and the relay does not encrypt within "
		    "this host", "530 for all mail", fix_front);
}

/* Without it the mail is that of the relay, whom mynetworks permits. */
static void
check_mode(struct look *look)
{
	const struct scope_binding	*binding;
	enum xclient_mode		 mode;
	char				 rule[256];

	binding = scope_binding_find(look->setup->conf->scope,
	    span_of(look->relay->binding));
	mode = scope_xclient(look->setup->conf->scope, binding,
	    (struct span){ "", 0 }, rule, sizeof rule);
	if (mode != XCLIENT_REQUIRED)
		ADD(look, ERROR, section(look), pool_printf(look->pool,
		    "XCLIENT is \"%s\" (%s)", scope_mode_text(mode), rule),
		    "mail that goes on without it is the relay's own, from an "
		    "address that mynetworks lets send anywhere: an open "
		    "relay", "XCLIENT = \"required\" in its binding");
}

static bool
has_relay_at(const struct look *look, const char *host)
{
	const struct conf_relay	*relay = look->setup->conf->relays;
	unsigned		 i;

	for (i = 0; i < look->setup->conf->n_relays; i++, relay++)
		if (strcmp(setup_relay_listen(relay), pool_printf(look->pool,
		    strchr(host, ':') == NULL ? "%s:25" : "[%s]:25", host)) ==
		    0)
			return true;
	return false;
}

/* Another entry of port 25 that the Internet can reach. */
static void
check_around(struct look *look, const struct postfix_service *service)
{
	const char	*host = setup_listener_host(look->setup, service);

	if (!postfix_service_is_smtpd(service) ||
	    setup_listener_port(look->setup, service) != 25)
		return;
	look->service = service;
	if (*host == '\0' || has_relay_at(look, host))
		ADD(look, ERROR, entry(look, ""), "Postfix listens where the "
		    "relay is to listen", "which of the two starts first has "
		    "the port", fix_front);
	else if (setup_listener_is_public(look->setup, service, host))
		ADD(look, WARNING, entry(look, ""), "Postfix itself serves "
		    "port 25 at this address", "what comes there comes around "
		    "the relay", fix_front);
}

static void
check_tls(struct look *look)
{
	const char	*level = postfix_get_expanded(&look->setup->pf, NULL,
			    "smtpd_tls_security_level");

	const char	*key = look->relay->tls_key, *why;

	why = setup_relay_unreadable(look->setup, key);
	if (look->relay->tls != RELAY_TLS_NO && why != NULL)
		ADD(look, ERROR, section(look), why, "the relay does not "
		    "start", setup_relay_readable_by(look->setup, key));
	if (look->relay->tls == RELAY_TLS_NO && (strcmp(level, "may") == 0 ||
	    strcmp(level, "encrypt") == 0))
		ADD(look, WARNING, section(look), "it offers no STARTTLS, and "
		    "Postfix would", "mail comes in unencrypted", "tls, "
		    "tls_certificate and tls_key, as main.cf has them");
}

static bool
look_front(struct setup_check *check,
    const struct conf_relay *relay)
{
	struct look		 look = { .check = check,
				    .setup = check->setup,
				    .pool = &check->setup->pool,
				    .relay = relay };
	const struct postfix	*pf = &check->setup->pf;
	size_t			 i;

	for (i = 0; i < pf->n_services && look.service == NULL; i++)
		if (is_inside(&look, &pf->services[i]))
			look.service = &pf->services[i];
	if (look.service == NULL)
		return false;
	check_inside(&look);
	check_mode(&look);
	check_tls(&look);
	knock_relay(&look, "no mail comes in there");
	return true;
}

/*
 * Behind
 */

/* The place that "NAME:[host]:port" leads to, as a relay listens there. */
static const char *
place_of(const struct look *look, const char *text)
{
	const char	*hop = strchr(text, ':');
	size_t		 n;

	if (hop == NULL || *++hop != '[')
		return "";
	n = strcspn(hop, "]");
	if (hop[n] == '\0' || memchr(hop, ':', n) != NULL)
		return hop;
	return pool_printf(look->pool, "%.*s%s", (int)n - 1, hop + 1,
	    hop + n + 1);
}

static unsigned
limit(const struct look *look, const char *which)
{
	const struct postfix	*pf = &look->setup->pf;
	const char		*text;

	text = postfix_get_expanded(pf, NULL, pool_printf(look->pool,
	    "%s_destination_%s_limit", look->service->name, which));
	if (*text == '\0')
		text = postfix_get_expanded(pf, NULL, pool_printf(look->pool,
		    "default_destination_%s_limit", which));
	return (unsigned)strtoul(text, NULL, 10);
}

static void
check_limits(struct look *look)
{
	const char	*name = look->service->name;

	if (limit(look, "recipient") != 1)
		ADD(look, WARNING, pool_printf(look->pool, "main.cf "
		    "%s_destination_recipient_limit", name), "it is not 1",
		    "a message whose recipients have different next hops gets "
		    "452 4.5.3 for all but the first of these", fix_behind);
	if (limit(look, "concurrency") <= 20)
		ADD(look, NOTE, pool_printf(look->pool, "main.cf "
		    "%s_destination_concurrency_limit", name),
		    pool_printf(look->pool, "it is %u", limit(look,
		    "concurrency")), "so many messages at once, for all "
		    "domains together: a few slow ones hold up the rest",
		    fix_behind);
}

static void
check_client(struct look *look)
{
	const char	*level = value(look, "smtp_tls_security_level");

	if (strcmp(value(look, "smtp_send_xforward_command"), "yes") != 0)
		ADD(look, ERROR, entry(look, "smtp_send_xforward_command"),
		    "it is not \"yes\"", "the relay does not learn whose mail "
		    "it is, and tells next hops of nobody", fix_behind);
	if (*level != '\0' && strcmp(level, "none") != 0 &&
	    strcmp(level, "may") != 0)
		ADD(look, ERROR, entry(look, "smtp_tls_security_level"),
		    pool_printf(look->pool, "it is \"%s\", and the relay "
		    "offers no STARTTLS within this host", level),
		    "mail is deferred", fix_behind);
	if (strcmp(value(look, "smtp_rcpt_timeout"), "300s") == 0 ||
	    strcmp(value(look, "smtp_data_init_timeout"), "120s") == 0)
		ADD(look, WARNING, entry(look, "smtp_rcpt_timeout"),
		    "it, or smtp_data_init_timeout, is Postfix's own, and the "
		    "relay may wait longer for a next hop", "a few messages for "
		    "a slow domain suspend the mail for all others",
		    fix_behind);
	if (*value(look, "smtp_tls_policy_maps") != '\0')
		ADD(look, WARNING, entry(look, "smtp_tls_policy_maps"),
		    "they speak of connections to the relay, too",
		    "mail for whom they demand TLS is deferred", fix_behind);
}

/* Whoever reaches it sends mail in this host's name. */
static void
check_reach(struct look *look)
{
	const char	*listen = setup_relay_listen(look->relay);
	const char	*colon = strrchr(listen, ':');
	struct span	 host = { listen, colon == NULL ? 0 :
			    (size_t)(colon - listen) };
	struct address	 addr;

	if (host.n > 2 && *host.p == '[')
		host = (struct span){ host.p + 1, host.n - 2 };
	if (!address_parse(host, &addr) || (!address_is_public(&addr) &&
	    !span_eq(host, "0.0.0.0") && !span_eq(host, "::")))
		return;
	ADD(look, ERROR, section(look), "the Internet can reach it",
	    "it is an open relay: it takes mail for whatever domain",
	    "listen at a loopback address");
}

static void
check_trust(struct look *look)
{
	const struct trust_profile	*profile;
	struct trust_peer		 peer = {
		.listener = look->relay->name
	};
	char				 rule[256];
	struct err			 err;

	(void)address_parse(span_of("127.0.0.1"), &peer.addr);
	if (trust_classify(look->setup->conf->trust, &peer, &profile, rule,
	    sizeof rule, &err) != TRUST_OK)
		ADD(look, ERROR, section(look), err.text, "451 for all mail",
		    "mend the table");
	else if (!trust_profile_may(profile, TRUST_XFORWARD))
		ADD(look, ERROR, section(look), pool_printf(look->pool,
		    "127.0.0.1 has the profile \"%s\", which grants no "
		    "XFORWARD", trust_profile_name(profile)),
		    "the relay does not believe Postfix whose mail it is",
		    fix_behind);
	else if (trust_profile_seal(profile) != TRUST_SEAL_NEVER)
		ADD(look, WARNING, section(look), pool_printf(look->pool,
		    "the profile \"%s\" seals", trust_profile_name(profile)),
		    "of the messages of one connection only the first may say "
		    "whose it is", "seal = \"never\"");
}

static const char *
transport_of(const struct look *look)
{
	static const char *const	 names[] = { "relay_transport",
					    "default_transport",
					    "content_filter" };
	size_t				 i;

	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char	*text = postfix_get_expanded(&look->setup->pf,
				    NULL, names[i]);

		if (strcmp(place_of(look, text),
		    setup_relay_listen(look->relay)) == 0)
			return text;
	}
	return NULL;
}

static bool
look_behind(struct setup_check *check,
    const struct conf_relay *relay)
{
	struct look	 look = { .check = check, .setup = check->setup,
			    .pool = &check->setup->pool, .relay = relay };
	const char	*text = transport_of(&look);

	if (text == NULL)
		return false;
	look.service = postfix_service_find(&check->setup->pf, pool_copy(
	    look.pool, (struct span){ text, strcspn(text, ":") }), "unix");
	if (look.service == NULL ||
	    strcmp(look.service->command, "smtp") != 0) {
		ADD(&look, ERROR, "main.cf", pool_printf(look.pool, "master.cf "
		    "has no smtp client for \"%s\"", text), "mail stays in "
		    "the queue: \"mail transport unavailable\"", fix_behind);
		return true;
	}
	check_client(&look);
	check_limits(&look);
	check_reach(&look);
	check_trust(&look);
	knock_relay(&look, "mail stays in the queue");
	return true;
}

/*
 * All relays of the configuration
 */

void
setup_relay_look(struct setup_check *check)
{
	const struct conf	*conf = check->setup->conf;
	const struct postfix	*pf = &check->setup->pf;
	struct look		 look = { .check = check,
				    .setup = check->setup,
				    .pool = &check->setup->pool };
	bool			 is_front = false;
	unsigned		 i;
	size_t			 j;

	for (i = 0; i < conf->n_relays; i++) {
		if (look_front(check, &conf->relays[i])) {
			check->n_wired++;
			is_front = true;
		}
		if (look_behind(check, &conf->relays[i]))
			check->n_wired++;
	}
	for (j = 0; is_front && j < pf->n_services; j++)
		check_around(&look, &pf->services[j]);
}
