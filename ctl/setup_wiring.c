/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_wiring: the plan of "setup postfix", by which a Postfix asks xcontext.
 */
#include "setup_wiring.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/address.h"
#include "cf.h"
#include "conf_edit.h"
#include "setup_listener.h"
#include "setup_postfix.h"
#include "wiring.h"

/*
 * xcontext.conf and main.cf
 */

static void
plan_conf(struct setup *setup, struct setup_plan *plan, const char *milters)
{
	const char	*path = setup->ctl->file, *old, *new;

	if (*milters == '\0' || wiring_same(milters,
	    setup->conf->policy_other_milters))
		return;
	old = setup_read(setup, path);
	new = conf_edit_set(&setup->pool, old, (struct conf_edit_place){
	    "policy", NULL }, "other_milters", milters);
	if (new == NULL)
		ctl_die(EX_DATAERR, "smtpd_milters: %s: it cannot be quoted "
		    "in %s", milters, path);
	setup_plan_add(plan, path, "policy { other_milters }",
	    setup->conf->policy_other_milters, milters,
	    "sessions that need none of our milter get those that they have "
	    "now");
	setup_plan_file(plan, path, old, new);
}

/* A list without one of its elements. */
static const char *
without(struct setup *setup, const char *list, const char *element)
{
	const char	*left = "";
	struct span	 span;

	while (wiring_next(&list, &span))
		if (!span_eq(span, element))
			left = pool_printf(&setup->pool, "%s%s%.*s", left,
			    *left == '\0' ? "" : ", ", (int)span.n, span.p);
	return left;
}

static void
plan_main(struct setup *setup, struct setup_plan *plan)
{
	const char	*name = "header_checks", *path = setup->pf.main_cf;
	const char	*value = postfix_get(&setup->pf, NULL, name);
	const char	*ours, *rest, *old, *new;

	ours = wiring_header_checks(&setup->pool, setup->conf->milter_header);
	rest = without(setup, value, ours);
	new = pool_printf(&setup->pool, "%s%s%s", ours, *rest == '\0' ? "" :
	    ", ", rest);
	if (strncmp(value, ours, strlen(ours)) == 0)
		return;
	old = setup_read(setup, path);
	setup_plan_add(plan, path, name, *value == '\0' ? NULL : value, new,
	    "no line from outside passes for the header that "
	    "xcontext-milter writes");
	setup_plan_file(plan, path, old, cf_set(&setup->pool, old, name, new));
}

/*
 * master.cf
 */

/* The lines of a wiring. */
static const char *
wiring_lines(struct setup *setup, const struct wiring *wiring)
{
	const char	*lines = "", *value;
	int		 i;

	for (i = 0; i < WIRING_SETTINGS; i++) {
		value = wiring_value(&setup->pool, wiring,
		    (enum wiring_setting)i);
		if (value != NULL)
			lines = pool_printf(&setup->pool, "%s%s", lines,
			    cf_option(&setup->pool, wiring_name(
			    (enum wiring_setting)i), value));
	}
	return lines;
}

static bool
is_ours(const struct wiring *wiring, struct pool *pool, const char *name)
{
	int	 i;

	for (i = 0; i < WIRING_SETTINGS; i++)
		if (strcmp(name, wiring_name((enum wiring_setting)i)) == 0)
			return wiring_value(pool, wiring,
			    (enum wiring_setting)i) != NULL;
	return false;
}

/* What the entry of port 25 says beside the wiring's settings. */
static const char *
other_lines(struct setup *setup, const struct wiring *wiring,
    const struct postfix_service *base)
{
	const char	*lines = "";
	size_t		 i;

	for (i = 0; base != NULL && i < base->own.n; i++)
		if (!is_ours(wiring, &setup->pool, base->own.list[i].name))
			lines = pool_printf(&setup->pool, "%s%s", lines,
			    cf_option(&setup->pool, base->own.list[i].name,
			    base->own.list[i].value));
	return lines;
}

/* True if that service says the wiring, to the last setting. */
static bool
is_wired(struct setup *setup, const struct wiring *wiring,
    const struct postfix_service *service)
{
	const char	*want, *have;
	int		 i;

	for (i = 0; i < WIRING_SETTINGS; i++) {
		want = wiring_value(&setup->pool, wiring,
		    (enum wiring_setting)i);
		have = postfix_param_find(&service->own, wiring_name(
		    (enum wiring_setting)i));
		if (want != NULL && (have == NULL || !wiring_same(want, have)))
			return false;
	}
	return true;
}

/* True if a says all that b says beside the wiring's settings. */
static bool
has_others(struct setup *setup, const struct wiring *wiring,
    const struct postfix_service *a, const struct postfix_service *b)
{
	const char	*have;
	size_t		 i;

	for (i = 0; b != NULL && i < b->own.n; i++) {
		if (is_ours(wiring, &setup->pool, b->own.list[i].name))
			continue;
		have = postfix_param_find(&a->own, b->own.list[i].name);
		if (have == NULL || !wiring_same(have, b->own.list[i].value))
			return false;
	}
	return true;
}

/* Postfix's own sockets are below its queue; ours may be elsewhere. */
static bool
is_in_queue(const struct wiring *wiring)
{
	return strncmp(wiring->maps, "unix:/", 6) != 0 &&
	    strncmp(wiring->policy, "unix:/", 6) != 0 &&
	    strncmp(wiring->milter, "unix:/", 6) != 0;
}

#define WHY_A	"messengers get a listener of their own: each of their " \
	"commands is judged there, and ordinary mail never depends on it"
#define WHY_OPEN	"; it is in no chroot, because the sockets that " \
	"xcontext.conf names are not below Postfix's queue_directory"

static void
plan_listener(struct setup *setup, struct setup_plan *plan,
    const struct wiring *w)
{
	const struct postfix_service	*base = setup_listener_base(setup), *is;
	const char			*name, *chroot, *entry, *old;
	struct pool			*pool = &setup->pool;

	name = setup_listener_find(setup, w);
	chroot = !is_in_queue(w) ? "n" : base == NULL ? "-" : base->chroot;
	is = postfix_service_find(&setup->pf, name, "inet");
	if (is != NULL && is_wired(setup, w, is) &&
	    has_others(setup, w, is, base) && strcmp(is->chroot, chroot) == 0)
		return;
	entry = pool_printf(pool, "%s inet n - %s - %s smtpd\n%s%s", name,
	    chroot, base == NULL ? "-" : base->process_limit,
	    wiring_lines(setup, w), other_lines(setup, w, base));
	old = setup_read(setup, setup->pf.master_cf);
	setup_plan_add(plan, setup->pf.master_cf, pool_printf(pool,
	    "entry %s inet", name), cf_entry(pool, old, name, "inet"), entry,
	    is_in_queue(w) ? WHY_A : WHY_A WHY_OPEN);
	setup_plan_file(plan, setup->pf.master_cf, old, cf_put_entry(pool, old,
	    name, "inet", entry));
}

static const char *
rewire(struct setup *setup, struct setup_plan *plan,
    const struct wiring *wiring, const char *text,
    const struct postfix_service *service)
{
	const char	*settings[WIRING_SETTINGS + 1] = { NULL }, *new;
	int		 i, n = 0;

	if (is_wired(setup, wiring, service))
		return text;
	for (i = 0; i < WIRING_SETTINGS; i++)
		if (is_ours(wiring, &setup->pool,
		    wiring_name((enum wiring_setting)i)))
			settings[n++] = wiring_name((enum wiring_setting)i);
	new = cf_override(&setup->pool, text, service->name, service->type,
	    settings, wiring_lines(setup, wiring));
	if (new == NULL)
		ctl_die(EX_DATAERR, "%s: the entry \"%s %s\" is not found in "
		    "its text", setup->pf.master_cf, service->name,
		    service->type);
	setup_plan_add(plan, setup->pf.master_cf, pool_printf(&setup->pool,
	    "entry %s %s", service->name, service->type),
	    cf_entry(&setup->pool, text, service->name, service->type),
	    cf_entry(&setup->pool, new, service->name, service->type),
	    "messengers use the listener that everybody uses; clients "
	    "outside of their network never depend on xcontext");
	return new;
}

static void
plan_everybody(struct setup *setup, struct setup_plan *plan,
    const struct wiring *wiring)
{
	const char	*old = setup_read(setup, setup->pf.master_cf);
	const char	*new = old;
	size_t		 i;

	if (setup_listener_base(setup) == NULL)
		ctl_die(EX_DATAERR, "%s: no smtpd serves port 25; wiring A "
		    "makes a listener of its own", setup->pf.master_cf);
	for (i = 0; i < setup->pf.n_services; i++)
		if (setup_listener_is_port_25(setup, &setup->pf.services[i]))
			new = rewire(setup, plan, wiring, new,
			    &setup->pf.services[i]);
	setup_plan_file(plan, setup->pf.master_cf, old, new);
}

/*
 * What the wiring is
 */

static const char *
messengers_of(struct setup *setup, const struct postfix_service *base)
{
	const char		*text = setup->ctl->option[SETUP_MESSENGERS];
	struct address_net	 net;

	if (text == NULL && base != NULL)
		text = wiring_messengers_of(&setup->pool, postfix_get(
		    &setup->pf, base, wiring_name(WIRING_XCLIENT)));
	if (text == NULL)
		ctl_die(EX_USAGE, "wiring B needs --messengers NETWORK: who "
		    "is outside of it is never asked about");
	if (!address_parse_net(span_of(text), &net))
		ctl_die(EX_USAGE, "--messengers %s: expected a network, as "
		    "192.0.2.0/28, without bits behind its prefix", text);
	return text;
}

static enum wiring_kind
kind_of(struct setup *setup, const struct postfix_service *base)
{
	const char	*text = setup->ctl->option[SETUP_WIRING];

	if (text != NULL && strcasecmp(text, "A") == 0)
		return WIRING_A;
	if (text != NULL && strcasecmp(text, "B") == 0)
		return WIRING_B;
	if (text != NULL)
		ctl_die(EX_USAGE, "--wiring %s: expected A, a listener for "
		    "messengers, or B, one for everybody", text);
	/* What is there stays. */
	return base != NULL && wiring_messengers_of(&setup->pool, postfix_get(
	    &setup->pf, base, wiring_name(WIRING_XCLIENT))) != NULL ?
	    WIRING_B : WIRING_A;
}

static void
make_wiring(struct setup *setup, const struct postfix_service *base,
    struct wiring *w)
{
	const struct conf	*conf = setup->conf;
	const struct postfix	*pf = &setup->pf;
	struct pool		*pool = &setup->pool;

	w->kind = kind_of(setup, base);
	w->maps = setup_postfix_socket(setup, conf->policy_maps);
	w->policy = setup_postfix_socket(setup, conf->policy_listen);
	w->milter = setup_postfix_socket(setup, conf->milter_listen);
	w->other_milters = wiring_without_milter(pool, postfix_get(pf, base,
	    wiring_name(WIRING_MILTERS)), w->milter);
	w->restrictions = wiring_without_policy(pool, postfix_get(pf, base,
	    wiring_name(WIRING_RESTRICTIONS)), w->policy);
	w->must_delay = w->kind == WIRING_A && strcmp(postfix_get_expanded(
	    pf, base, wiring_name(WIRING_DELAY)), "yes") != 0;
	if (w->kind == WIRING_B)
		w->messengers = messengers_of(setup, base);
	if (w->kind == WIRING_B && base != NULL && base->is_chrooted &&
	    !is_in_queue(w))
		ctl_die(EX_CONFIG, "%s: smtpd is in a chroot in %s, and the "
		    "sockets of %s are not below that: set policy { listen, "
		    "maps } and milter { listen }, or take wiring A",
		    pf->master_cf, pf->queue_directory, setup->ctl->file);
}

static void
plan_next(struct setup *setup, struct setup_plan *plan)
{
	if (json_array_size(plan->steps) == 0)
		return;
	setup_plan_next(plan, "systemctl enable --now xcontext-policy "
	    "xcontext-milter");
	setup_plan_next(plan, "systemctl reload xcontext-policy "
	    "xcontext-milter");
	setup_plan_next(plan, pool_printf(&setup->pool,
	    "postfix -c %s reload", setup->pf.config_directory));
	setup_plan_next(plan, "xcontext setup postfix --check");
}

static void
plan_directories(struct setup *setup, struct setup_plan *plan)
{
	const char	*const listens[] = { setup->conf->policy_maps,
			    setup->conf->policy_listen,
			    setup->conf->milter_listen };
	size_t		 i;

	for (i = 0; i < sizeof listens / sizeof listens[0]; i++)
		setup_plan_directory(setup, plan, listens[i],
		    setup->pf.mail_owner, "the sockets are there; smtpd "
		    "reaches them, also from its chroot, and nobody else "
		    "does");
}

void
setup_wiring_plan(struct setup *setup, struct setup_plan *plan)
{
	const struct postfix_service	*base = setup_listener_base(setup);
	struct wiring			 wiring;

	if (!postfix_is_at_least(&setup->pf, 3, 7, 0))
		ctl_die(EX_UNAVAILABLE, "Postfix %s has no inline regexp "
		    "tables; 3.7 or later is needed", setup->pf.mail_version);
	make_wiring(setup, base, &wiring);
	setup_plan_user(setup, plan);
	plan_directories(setup, plan);
	plan_conf(setup, plan, wiring_without_milter(&setup->pool,
	    postfix_get_expanded(&setup->pf, base,
	    wiring_name(WIRING_MILTERS)), wiring.milter));
	plan_main(setup, plan);
	if (wiring.kind == WIRING_A)
		plan_listener(setup, plan, &wiring);
	else
		plan_everybody(setup, plan, &wiring);
	plan_next(setup, plan);
}

