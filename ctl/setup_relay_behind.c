/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_relay_behind: the part of setup_relay.h about a relay that takes what
 * Postfix sends, and tells next hops whose mail it is.
 */
#include "setup_relay.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cf.h"
#include "setup_listener.h"
#include "wiring.h"

#define PORT		10027		/* and those behind it */
#define TRANSPORT	"xcontext"	/* of master.cf */
#define PROCESSES	"200"

struct behind {
	struct setup		*setup;
	struct setup_plan	*plan;
	struct pool		*pool;
	const char		*listen;	/* "127.0.0.1:10027" */
	const char		*transport;	/* "xcontext:[::1]:10027" */
	const char		*next_hop;	/* of the relay: "smtp:" */
	const struct conf_relay	*is;		/* NULL: it is to be made */
	const struct postfix_service *former;	/* transport of that mail */
};

/* What is in force for the mail as it goes now. */
static const char *
value(const struct behind *b, const char *name)
{
	return postfix_get_expanded(&b->setup->pf, b->former, name);
}

/*
 * Which mail
 */

static const char	*const all_mail[] = { "relay_transport",
			    "default_transport", NULL };

/* The settings that say where it goes; NULL ends them. */
static const char *const *
settings_of(const struct behind *b)
{
	static const char *const	 relayed[] = { "relay_transport",
					    NULL };
	const char			*mail = b->setup->ctl->option[
					    SETUP_MAIL];

	if (mail == NULL || strcmp(mail, "relay") == 0)
		return relayed;
	if (strcmp(mail, "all") == 0)
		return all_mail;
	ctl_die(EX_USAGE, "--mail %s: expected relay, mail for relay_domains, "
	    "or all, whatever leaves this host by SMTP", mail);
}

/* "NAME:[host]:port" is that of a relay of ours. */
static const struct conf_relay *
relay_of(const struct behind *b, const char *text)
{
	const char	*hop = strchr(text, ':');
	size_t		 n;

	if (hop == NULL || *++hop == '\0')
		return NULL;
	n = strcspn(hop, "]");
	if (*hop == '[' && hop[n] == ']' && memchr(hop, ':', n) == NULL)
		hop = pool_printf(b->pool, "%.*s%s", (int)n - 1, hop + 1,
		    hop + n + 1);
	return setup_relay_at(b->setup, hop);
}

/*
 * Where that mail goes by now, and so goes from the relay
 */

static const char *
hop_of(struct behind *b, const char *setting)
{
	const char	*text = postfix_get_expanded(&b->setup->pf, NULL,
			    setting);
	size_t		 n = strcspn(text, ":");
	const char	*name = pool_copy(b->pool, (struct span){ text, n });
	const char	*hop = text[n] == ':' ? text + n + 1 : "";
	struct nexthop	 parsed;

	b->former = postfix_service_find(&b->setup->pf, name, "unix");
	if (b->former == NULL || strcmp(b->former->command, "smtp") != 0)
		ctl_die(EX_CONFIG, "%s = %s: this is not Postfix's smtp "
		    "client, and the relay speaks for that alone", setting,
		    text);
	if (*hop == '\0')
		hop = postfix_get_expanded(&b->setup->pf, NULL, "relayhost");
	hop = pool_printf(b->pool, "smtp:%s", hop);
	if (!nexthop_parse(span_of(hop), &parsed))
		ctl_die(EX_CONFIG, "%s: the relay would have to go on to "
		    "\"%s\", and it takes one host, with a port that is a "
		    "number", setting, hop + 5);
	return hop;
}

static void
check_former(const struct behind *b)
{
	const char	*level = value(b, "smtp_tls_security_level");

	if (strcmp(value(b, "smtp_sasl_auth_enable"), "yes") == 0)
		ctl_die(EX_CONFIG, "smtp_sasl_auth_enable = yes: Postfix logs "
		    "in where it sends mail to, and the relay logs in "
		    "nowhere");
	if (strcmp(level, "dane-only") == 0 ||
	    strcmp(level, "fingerprint") == 0)
		ctl_die(EX_CONFIG, "smtp_tls_security_level = %s: the relay "
		    "cannot promise that; leave this mail with Postfix",
		    level);
}

/* The relay that has this mail already; what is not is to be the same for
 * all. */
static void
find_hop(struct behind *b)
{
	const char *const	*setting;
	const char		*hop;

	for (setting = settings_of(b); *setting != NULL; setting++) {
		const char	*text = postfix_get_expanded(&b->setup->pf,
				    NULL, *setting);

		if (relay_of(b, text) != NULL) {
			b->is = relay_of(b, text);
			continue;
		}
		hop = hop_of(b, *setting);
		check_former(b);
		if (b->next_hop != NULL && strcmp(b->next_hop, hop) != 0)
			ctl_die(EX_CONFIG, "relay_transport and "
			    "default_transport lead to different next hops: "
			    "give each a relay, with --mail relay first");
		b->next_hop = hop;
	}
	if (b->is != NULL && b->next_hop != NULL &&
	    strcmp(b->is->next_hop, b->next_hop) != 0)
		ctl_die(EX_CONFIG, "the relay \"%s\" sends to \"%s\", and this "
		    "mail goes to \"%s\"", b->is->name, b->is->next_hop,
		    b->next_hop);
}

/* One that was made before the plan was broken off. */
static const struct conf_relay *
find_unused(const struct behind *b)
{
	const struct conf_relay	*relay = b->setup->conf->relays;
	struct address		 addr;
	const char		*colon;
	unsigned		 i;

	for (i = 0; i < b->setup->conf->n_relays; i++, relay++) {
		colon = strrchr(relay->listen, ':');
		if (strncmp(relay->name, "out", 3) == 0 && colon != NULL &&
		    strcmp(relay->next_hop, b->next_hop) == 0 &&
		    address_parse((struct span){ setup_relay_listen(relay),
		    (size_t)(colon - setup_relay_listen(relay)) }, &addr) &&
		    !address_is_public(&addr))
			return relay;
	}
	return NULL;
}

static void
find_place(struct behind *b)
{
	struct address	 addr;
	const char	*colon;

	if (b->is == NULL && b->setup->ctl->option[SETUP_BIND] == NULL &&
	    b->setup->ctl->option[SETUP_PORT] == NULL)
		b->is = find_unused(b);
	b->listen = b->is != NULL ? setup_relay_listen(b->is) :
	    setup_listener_place(b->setup, PORT, "Postfix alone: who connects "
	    "to it can send mail anywhere", &addr);
	colon = strrchr(b->listen, ':');
	if (colon == NULL)
		ctl_die(EX_USAGE, "--bind all: the relay listens at one "
		    "address");
	b->transport = *b->listen == '[' ? pool_printf(b->pool, "%s:%s",
	    TRANSPORT, b->listen) : pool_printf(b->pool, "%s:[%.*s]%s",
	    TRANSPORT, (int)(colon - b->listen), b->listen, colon);
}

/*
 * xcontext.conf
 */

/* Who Postfix is to the relay. */
static const char *
source(const struct behind *b)
{
	struct address	 addr = { .family = AF_UNSPEC };
	const char	*listen = b->listen, *end = strrchr(listen, ':');

	if (*listen == '[') {
		listen++;
		end--;
	}
	(void)address_parse((struct span){ listen, (size_t)(end - listen) },
	    &addr);
	return setup_relay_source(b->setup, &addr);
}

static const char *
tls_of(const struct behind *b)
{
	const char	*level = value(b, "smtp_tls_security_level");

	if (strcmp(level, "encrypt") == 0)
		return "encrypt";
	if (strcmp(level, "verify") == 0 || strcmp(level, "secure") == 0)
		return "verify";
	return "may";
}

static const char *
or_null(const char *text)
{
	return *text == '\0' ? NULL : text;
}

static const char *
put_binding(struct behind *b)
{
	const char	*tls = tls_of(b);
	const char	*ca = *tls == 'v' ? or_null(value(b,
			    "smtp_tls_CAfile")) : NULL;
	const struct setup_relay_setting	 settings[] = {
		{ "XCLIENT", "ifavailable", false }, { "tls", tls, false },
		{ "tls_ca_file", ca, false },
		{ "source_address", or_null(value(b, "smtp_bind_address")),
		    false },
		{ "source_address6", or_null(value(b, "smtp_bind_address6")),
		    false },
		{ NULL, NULL, false }
	};

	return setup_relay_binding(b->setup, b->plan, "outside", settings);
}

static const char *
put_profile(struct behind *b)
{
	static const char	 all[] = "{ \"*\" }";
	const char		*title = setup_relay_title(b->setup, b->plan,
				    "profile", "postfix", "xforward", all);

	setup_relay_section(b->setup, b->plan, (struct conf_edit_place){
	    "profile", title }, (const struct setup_relay_setting[]){
	    { "xforward", all, true }, { "addr", all, true },
	    { "seal", "never", false }, { NULL, NULL, false } },
	    "Postfix says by XFORWARD whose mail it is, for each message "
	    "anew");
	return title;
}

static void
put_conf(struct behind *b)
{
	const char	*binding = put_binding(b), *profile = put_profile(b);
	const char	*title = b->is != NULL ? b->is->name :
			    setup_relay_title(b->setup, b->plan, "relay",
			    "out", "listen", b->listen);
	const char	*peer = source(b);

	if (*peer == '[')
		peer = pool_printf(b->pool, "{%.*s = %s}",
		    (int)strlen(peer) - 2, peer + 1, profile);
	else
		peer = pool_printf(b->pool, "%s=%s", peer, profile);
	setup_relay_section(b->setup, b->plan, (struct conf_edit_place){
	    "relay", title }, (const struct setup_relay_setting[]){
	    { "listen", b->listen, false },
	    { "next_hop", b->next_hop, false },
	    { "binding", binding, false },
	    { "connect_timeout", "10", false }, { NULL, NULL, false } },
	    "it goes on where Postfix would have gone");
	setup_relay_section(b->setup, b->plan, (struct conf_edit_place){
	    "listener", title }, (const struct setup_relay_setting[]){
	    { "trust_maps", pool_printf(b->pool, "{ \"inline:{%s}\" }",
	    peer), true }, { NULL, NULL, false } },
	    "nobody but Postfix may speak for others there");
}

/*
 * master.cf and main.cf
 */

static const char	*const entry_settings[] = {
	"smtp_send_xforward_command", "smtp_tls_security_level",
	"smtp_tls_policy_maps", "smtp_bind_address", "smtp_bind_address6",
	"smtp_rcpt_timeout", "smtp_data_init_timeout",
	"smtp_data_xfer_timeout", "smtp_data_done_timeout", NULL
};

static bool
is_well(const struct postfix *pf, const struct postfix_service *is)
{
	const char	*level = postfix_get_expanded(pf, is,
			    entry_settings[1]);

	return strcmp(postfix_get_expanded(pf, is, entry_settings[0]), "yes") ==
	    0 && (strcmp(level, "none") == 0 || *level == '\0') &&
	    *postfix_get_expanded(pf, is, entry_settings[2]) == '\0' &&
	    *postfix_get_expanded(pf, is, entry_settings[3]) == '\0' &&
	    *postfix_get_expanded(pf, is, entry_settings[4]) == '\0' &&
	    /* Postfix's own. */
	    strcmp(postfix_get_expanded(pf, is, entry_settings[5]), "300s") !=
	    0 && strcmp(postfix_get_expanded(pf, is, entry_settings[6]),
	    "120s") != 0;
}

static const char *
entry_lines(const struct behind *b)
{
	const struct postfix	*pf = &b->setup->pf;
	bool			 is_bound;

	is_bound = *postfix_get(pf, NULL, entry_settings[3]) != '\0' ||
	    *postfix_get(pf, NULL, entry_settings[4]) != '\0';
	/* Longer than the relay waits: one that is late is a dead destination,
	 * for the mail of all. */
	return pool_printf(b->pool, "  -o smtp_send_xforward_command=yes\n"
	    "  -o smtp_tls_security_level=none\n"
	    "  -o smtp_tls_policy_maps=\n"
	    "  -o smtp_rcpt_timeout=2400s\n"
	    "  -o smtp_data_init_timeout=600s\n"
	    "  -o smtp_data_xfer_timeout=600s\n"
	    "  -o smtp_data_done_timeout=1200s\n%s", is_bound ?
	    "  -o smtp_bind_address=\n  -o smtp_bind_address6=\n" : "");
}

static void
put_entry(struct behind *b)
{
	const struct postfix		*pf = &b->setup->pf;
	const struct postfix_service	*is = postfix_service_find(pf,
					    TRANSPORT, "unix");
	const char			*old, *new, *chroot = "y";

	if (is != NULL && is_well(pf, is))
		return;
	if (is != NULL && strcmp(is->command, "smtp") != 0)
		ctl_die(EX_CONFIG, "%s: the entry \"%s unix\" is of another "
		    "program, %s", pf->master_cf, TRANSPORT, is->command);
	if (b->former != NULL)
		chroot = b->former->chroot;
	old = setup_plan_text(b->setup, b->plan, pf->master_cf);
	new = is != NULL ? cf_override(b->pool, old, TRANSPORT, "unix",
	    entry_settings, entry_lines(b)) : cf_put_entry(b->pool, old,
	    TRANSPORT, "unix", pool_printf(b->pool,
	    "%s unix - - %s - %s smtp\n%s", TRANSPORT,
	    chroot, PROCESSES, entry_lines(b)));
	if (new == NULL)
		ctl_die(EX_DATAERR, "%s: the entry \"%s unix\" is not found "
		    "in its text", pf->master_cf, TRANSPORT);
	setup_plan_add(b->plan, pf->master_cf, "entry " TRANSPORT " unix",
	    cf_entry(b->pool, old, TRANSPORT, "unix"),
	    cf_entry(b->pool, new, TRANSPORT, "unix"), "by it mail goes to "
	    "the relay, with whose it is; it is on this host, and encrypts "
	    "what leaves it");
	setup_plan_file(b->plan, pf->master_cf, old, new);
}

static void
put_main(struct behind *b, const char *name, const char *new,
    const char *why)
{
	const char	*path = b->setup->pf.main_cf, *old;
	const char	*has = postfix_get(&b->setup->pf, NULL, name);
	const char	*said = postfix_param_find(&b->setup->pf.set, name);

	if (strcmp(has, new) == 0 && said != NULL)
		return;
	old = setup_plan_text(b->setup, b->plan, path);
	setup_plan_add(b->plan, path, name, said, new, why);
	setup_plan_file(b->plan, path, old, cf_set(b->pool, old, name, new));
}

static void
put_postfix(struct behind *b)
{
	const char *const	*setting;

	put_entry(b);
	for (setting = settings_of(b); *setting != NULL; setting++)
		if (relay_of(b, postfix_get_expanded(&b->setup->pf, NULL,
		    *setting)) == NULL)
			put_main(b, *setting, b->transport, "this mail goes "
			    "by the relay");
	put_main(b, TRANSPORT "_destination_recipient_limit", "1",
	    "recipients of one message may have different next hops");
	put_main(b, TRANSPORT "_destination_concurrency_limit", PROCESSES,
	    "to Postfix the relay is one destination, whatever is behind it");
}

/*
 * What it costs
 */

static bool
has(const struct behind *b, const char *setting)
{
	return *postfix_get(&b->setup->pf, NULL, setting) != '\0';
}

static void
tell_costs(struct behind *b)
{
	const char	*level = value(b, "smtp_tls_security_level");

	if (strcmp(level, "dane") == 0)
		setup_plan_cost(b->plan, "DANE ends at the relay: it encrypts "
		    "where it can, and verifies nobody");
	if (strcmp(tls_of(b), "verify") == 0)
		setup_plan_cost(b->plan, "the relay verifies next hops by the "
		    "CAs of tls_ca_file, and not by what smtp_tls_verify_"
		    "cert_match or smtp_tls_secure_cert_match say");
	if (has(b, "smtp_tls_policy_maps"))
		setup_plan_cost(b->plan, "smtp_tls_policy_maps do not count "
		    "for mail that goes by the relay");
	if (has(b, "transport_maps"))
		setup_plan_cost(b->plan, "what transport_maps speak of does "
		    "not go by the relay");
	if (settings_of(b) == all_mail &&
	    (has(b, "sender_dependent_relayhost_maps") ||
	    has(b, "sender_dependent_default_transport_maps")))
		setup_plan_cost(b->plan, "sender_dependent_... maps stand "
		    "above default_transport and relayhost: what they speak "
		    "of goes its own way");
	setup_plan_cost(b->plan, "to Postfix all of this mail has one "
	    "destination: a domain that takes its time holds processes that "
	    "others wait for");
	setup_plan_cost(b->plan, pool_printf(b->pool, "each user of this host "
	    "can send mail anywhere by %s, unless a firewall forbids it",
	    b->listen));
}

static void
tell_next(struct behind *b)
{
	if (json_array_size(b->plan->steps) == 0)
		return;
	tell_costs(b);
	setup_plan_next(b->plan, "systemctl enable xcontext-relay");
	setup_plan_next(b->plan, "systemctl restart xcontext-relay");
	setup_plan_next(b->plan, pool_printf(b->pool, "postfix -c %s reload",
	    b->setup->pf.config_directory));
	setup_plan_next(b->plan, "xcontext setup relay --check");
}

void
setup_relay_behind(struct setup *setup, struct setup_plan *plan)
{
	struct behind	 b = { .setup = setup, .plan = plan,
			    .pool = &setup->pool };

	find_hop(&b);
	find_place(&b);
	if (b.next_hop != NULL)
		put_conf(&b);
	put_postfix(&b);
	tell_next(&b);
}
