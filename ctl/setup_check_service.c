/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_check_service: the part of setup_check.h about one smtpd, and of that
 * what enforces: the milter, the policy service, and what surrounds them.
 */
#include "setup_check_private.h"

#include <stdlib.h>
#include <string.h>

#include "setup_listener.h"
#include "setup_postfix.h"
#include "wiring.h"

#define ADD	SETUP_CHECK_AT

const char *
setup_check_value(const struct look *look, const char *name)
{
	return postfix_get_expanded(&look->setup->pf, look->service, name);
}

const char *
setup_check_where(const struct look *look, const char *name)
{
	bool	 is_own = postfix_param_find(&look->service->own, name) != NULL;

	return pool_printf(look->pool, "master.cf %s/%s: %s%s",
	    look->service->name, look->service->type, is_own ? "-o " : "",
	    name);
}

const char *
setup_check_shadow(const struct look *look, const char *name, const char *text)
{
	const char	*value_main = postfix_get_expanded(&look->setup->pf,
			    NULL, name);

	return postfix_param_find(&look->service->own, name) != NULL &&
	    strstr(value_main, text) != NULL ?
	    "; main.cf has it, but what master.cf says replaces that" : "";
}

/*
 * The milter
 */

static bool
is_socket(const struct look *look, struct span socket, const char *listen)
{
	const char	*path = setup_path(listen), *opened;

	if (span_eq(socket, listen))
		return true;
	opened = setup_postfix_opened(look->setup,
	    look->service->is_chrooted, socket);
	return path != NULL && opened != NULL && strcmp(path, opened) == 0;
}

/* The element of ours; n 0: none. */
static struct span
find_milter(const struct look *look)
{
	const char	*list = setup_check_value(look, wiring_name(
			    WIRING_MILTERS));
	struct span	 element;

	while (wiring_next(&list, &element))
		if (is_socket(look, wiring_inner(element),
		    look->setup->conf->milter_listen))
			return element;
	return (struct span){ "", 0 };
}

static const char *
default_action(const struct look *look, struct span element)
{
	static const char	 name[] = "default_action";
	const char		*text = pool_copy(look->pool, element), *p;

	p = strstr(text, name);
	if (p == NULL)
		return setup_check_value(look, "milter_default_action");
	p += sizeof name - 1;
	p += strspn(p, " \t=");
	return pool_copy(look->pool, (struct span){ p,
	    strcspn(p, ", \t}") });
}

static void
check_action(struct look *look, struct span element)
{
	const char	*name = wiring_name(WIRING_MILTERS);
	const char	*action = default_action(look, element);

	if (strcmp(action, "accept") == 0 && !look->is_guarded)
		ADD(look, WARNING, name, "default_action=accept",
		    "while the milter is away, the policy service alone "
		    "refuses, and no header of the context is written",
		    "default_action=tempfail");
	if (strcmp(action, "accept") != 0 && look->is_guarded)
		ADD(look, WARNING, name, pool_printf(look->pool,
		    "default_action=%s", action), "everybody depends on the "
		    "milter: while it is away, all mail waits", pool_printf(
		    look->pool, "{ %s, default_action=accept }",
		    setup_postfix_socket(look->setup,
		    look->setup->conf->milter_listen)));
	if (strcmp(action, "reject") == 0)
		ADD(look, ERROR, name, "default_action=reject",
		    "while the milter is away, mail bounces",
		    "default_action=tempfail");
	if (strcmp(action, "shutdown") == 0 && !look->is_guarded)
		ADD(look, NOTE, name, "default_action=shutdown",
		    "while the milter is away, sessions get 421 at the "
		    "greeting, or at MAIL", "nothing, or "
		    "default_action=tempfail");
}

/* Sessions that need none of ours get what xcontext.conf names. */
static void
check_others(struct look *look)
{
	const char	*maps_name = wiring_name(WIRING_MILTER_MAPS);
	const char	*list = setup_check_value(look, wiring_name(
			    WIRING_MILTERS));
	const char	*others = look->setup->conf->policy_other_milters;
	const char	*kept, *listener;

	if (!wiring_has_map(look->pool, setup_check_value(look, maps_name),
	    look->maps, "milters", &listener))
		return;
	kept = wiring_without_milter(look->pool, list,
	    pool_copy(look->pool, wiring_inner(find_milter(look))));
	if (wiring_same(kept, others))
		return;
	setup_check_add(look->check, SETUP_CHECK_ERROR, pool_printf(
	    look->pool, "%s other_milters", look->setup->ctl->file),
	    pool_printf(look->pool, "\"%s\", while %s has \"%s\" beside ours",
	    others, setup_check_where(look, wiring_name(WIRING_MILTERS)), kept),
	    "sessions of strangers get other milters than those of messengers",
	    pool_printf(look->pool, "other_milters = \"%s\" in the section "
	    "\"policy\"", kept));
}

static void
check_milter(struct look *look)
{
	const char	*name = wiring_name(WIRING_MILTERS);
	struct span	 element = find_milter(look);
	const char	*ours = setup_postfix_socket(look->setup,
			    look->setup->conf->milter_listen);

	look->has_milter = element.n > 0;
	if (!look->has_milter) {
		ADD(look, WARNING, name, pool_printf(look->pool, "our milter, "
		    "%s, is not there%s", ours, setup_check_shadow(look, name,
		    ours)),
		    "a refusal is 500 without a reason, XDUMPCONTEXT is not "
		    "answered, and no header carries the context",
		    pool_printf(look->pool, "put %s in front of the others; "
		    "%s", ours, SETUP_CHECK_FIX));
		return;
	}
	check_action(look, element);
	check_others(look);
	setup_check_socket(look->check, look->service->is_chrooted,
	    wiring_inner(element), KNOCK_MILTER);
}

/*
 * The policy service
 */

/* Its place in a list of restrictions, -1: it is not in it. */
static int
find_policy(const struct look *look, const char *list, struct span *server_r)
{
	struct span	 element;
	int		 i;

	for (i = 0; wiring_next(&list, &element); i++)
		if (span_eq(element, "check_policy_service") &&
		    wiring_next(&list, server_r) &&
		    is_socket(look, wiring_inner(*server_r),
		    look->setup->conf->policy_listen))
			return i;
	return -1;
}

/* What is asked at the connection, if smtpd does not wait for RCPT. */
static bool
is_early(const char *name)
{
	return strcmp(name, "smtpd_client_restrictions") == 0 ||
	    strcmp(name, "smtpd_helo_restrictions") == 0;
}

static void
check_place(struct look *look, const char *name, int at, struct span server)
{
	bool	 is_open = memmem(server.p, server.n, "DUNNO", 5) != NULL;

	if (at > 0)
		ADD(look, WARNING, name, "other restrictions stand in front "
		    "of our policy service",
		    "whom they permit, such as permit_mynetworks, is not "
		    "asked about in this list",
		    "put check_policy_service for it first");
	if (is_open && !look->is_guarded)
		ADD(look, WARNING, name, "default_action=DUNNO",
		    "while xcontext-policy is away, mail passes that it would "
		    "refuse", "take default_action out");
	if (is_early(name) && strcmp(setup_check_value(look,
	    "smtpd_delay_reject"), "yes") != 0)
		ADD(look, WARNING, "smtpd_delay_reject", "it is not \"yes\"",
		    "our policy service is asked when nothing was said yet; "
		    "what is refused later, and access_maps, do not count "
		    "there", "smtpd_delay_reject = yes, or our policy service "
		    "in smtpd_recipient_restrictions");
	setup_check_socket(look->check, look->service->is_chrooted,
	    wiring_inner(server), KNOCK_POLICY);
}

static void
check_policy(struct look *look)
{
	static const char *const	 names[] = {
		"smtpd_client_restrictions", "smtpd_helo_restrictions",
		"smtpd_sender_restrictions", "smtpd_relay_restrictions",
		"smtpd_recipient_restrictions", "smtpd_data_restrictions",
		"smtpd_end_of_data_restrictions"
	};
	const char			*ours = setup_postfix_socket(
					    look->setup,
					    look->setup->conf->policy_listen);
	struct span			 server;
	size_t				 i;
	int				 at;

	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		at = find_policy(look, setup_check_value(look, names[i]),
		    &server);
		if (at == -1)
			continue;
		look->has_policy = true;
		check_place(look, names[i], at, server);
	}
	if (look->has_policy)
		return;
	setup_check_add(look->check, look->has_milter ? SETUP_CHECK_WARNING :
	    SETUP_CHECK_ERROR, setup_check_where(look, names[0]),
	    pool_printf(look->pool, "our policy service, %s, is in no list of "
	    "restrictions%s", ours, setup_check_shadow(look, names[0],
	    ours)), look->has_milter ?
	    "access_maps are not asked; only the milter refuses mail" :
	    "the mail of a session that was refused passes", pool_printf(
	    look->pool, "put check_policy_service %s in front; %s", ours,
	    SETUP_CHECK_FIX));
}

/*
 * What surrounds it
 */

static bool
has_header_name(const struct conf *conf, const char *name)
{
	const char	**p;

	for (p = conf->milter_header_names; p != NULL && *p != NULL; p++)
		if (strcmp(*p, name) == 0)
			return true;
	return false;
}

static void
check_hidden(struct look *look)
{
	static const char		 setting[] =
					    "smtpd_hide_client_session";
	static const char *const	 names[] = { "peer_address",
					    "remote_address", "remote_name",
					    "ehlo_domain", "ehlo_string" };
	const struct conf		*conf = look->setup->conf;
	size_t				 i;

	if (!look->has_milter ||
	    strcmp(setup_check_value(look, setting), "yes") != 0)
		return;
	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		if (has_header_name(conf, names[i]))
			ADD(look, WARNING, setting, pool_printf(look->pool,
			    "the header %s tells %s", conf->milter_header,
			    names[i]), "what Postfix hides of the client is "
			    "in the mail", pool_printf(look->pool, "take %s "
			    "out of header_names in %s", names[i],
			    look->setup->ctl->file));
}

static bool
is_public(const struct look *look)
{
	return setup_listener_is_public(look->setup, look->service,
	    setup_listener_host(look->setup, look->service));
}

static void
check_reach(struct look *look)
{
	if (!look->is_guarded && strcmp(look->service->type, "inet") == 0 &&
	    is_public(look))
		setup_check_add(look->check, SETUP_CHECK_WARNING,
		    pool_printf(look->pool, "master.cf %s/%s",
		    look->service->name, look->service->type),
		    "a listener for messengers that the Internet can reach",
		    "anybody may talk to it; while xcontext-policy is away, "
		    "each session on it ends with 421",
		    "put an address of this host in front of the port, "
		    "a firewall before it, or use wiring B");
	if (*setup_check_value(look, "smtpd_upstream_proxy_protocol") != '\0')
		ADD(look, WARNING, "smtpd_upstream_proxy_protocol",
		    "the peer is who the PROXY header says",
		    "whoever reaches the port may say to be any messenger",
		    "let nobody but the load balancer reach it");
}

/* permit_sasl_authenticated by XCLIENT LOGIN= alone. */
static bool
counts_login(const struct postfix *pf)
{
	return postfix_is_at_least(pf, 3, 11, 0) ? true :
	    postfix_is_at_least(pf, 3, 10, 0) ?
	    postfix_is_at_least(pf, 3, 10, 13) :
	    postfix_is_at_least(pf, 3, 9, 14);
}

static void
check_around(struct look *look)
{
	if (strcmp(setup_check_value(look, "smtpd_sasl_auth_enable"),
	    "yes") != 0 && !counts_login(&look->setup->pf))
		ADD(look, NOTE, "smtpd_sasl_auth_enable", "it is not \"yes\"",
		    "with this version of Postfix permit_sasl_authenticated "
		    "does not count after XCLIENT LOGIN=",
		    "nothing, where no profile grants LOGIN");
	if (*setup_check_value(look, "smtpd_reject_filter_maps") != '\0')
		ADD(look, NOTE, "smtpd_reject_filter_maps",
		    "it may change our replies",
		    "a refusal for the moment (45x) may become a final one",
		    "see that it leaves 450 and 451 as they are");
}

static void
note_grants(struct look *look)
{
	const char	*name = wiring_name(WIRING_XCLIENT);
	const char	*list = setup_check_value(look, name);

	if (*list != '\0')
		ADD(look, WARNING, name, pool_printf(look->pool, "\"%s\" "
		    "grants XCLIENT without asking xcontext", list),
		    "who is in it may say to be anybody, and any user",
		    "leave it to a listener that is wired");
}

void
setup_check_service(struct setup_check *check,
    const struct postfix_service *service)
{
	struct look	 look = { .check = check, .setup = check->setup,
			    .pool = &check->setup->pool, .service = service };

	look.maps = setup_check_find_maps(&look);
	if (look.maps == NULL) {
		note_grants(&look);
		return;
	}
	check->n_wired++;
	setup_check_tables(&look);
	check_milter(&look);
	check_policy(&look);
	check_reach(&look);
	check_around(&look);
	check_hidden(&look);
	setup_check_socket(check, service->is_chrooted, span_of(look.maps),
	    KNOCK_MAPS);
}
