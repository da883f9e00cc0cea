/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_plan: see setup_plan.h.
 */
#include "setup_plan.h"

#include <sys/stat.h>

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/address.h"
#include "cf.h"
#include "conf_edit.h"

/* Lines, for a reader; a tab would be a code of its own there. */
static json_t *
lines_of(const char *text)
{
	json_t	*lines = output_new_array();
	char	*line, *p;
	size_t	 n;

	for (; *text != '\0'; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		if ((line = strndup(text, n)) == NULL)
			ctl_die(EX_OSERR, "out of memory");
		for (p = line; *p != '\0'; p++)
			if (*p == '\t')
				*p = ' ';
		output_append(lines, output_text(line));
		free(line);
	}
	return lines;
}

void
setup_plan_add(struct setup_plan *plan, const char *file, const char *what,
    const char *old, const char *new, const char *why)
{
	json_t	*step = output_new();

	output_put(step, "file", output_text(file));
	output_put(step, "what", output_text(what));
	output_put(step, "old", old == NULL ? json_null() : lines_of(old));
	output_put(step, "new", new == NULL ? json_null() : lines_of(new));
	output_put(step, "why", output_text(why));
	output_append(plan->steps, step);
}

/* A file's new text, in the plan if it differs. */
static void
put_file(struct setup_plan *plan, const char *path, const char *old,
    const char *new)
{
	if (strcmp(old, new) != 0)
		plan->files[plan->n_files++] = (struct setup_file){ path, old,
		    new };
}

/*
 * The user and the directories
 */

static void
plan_user(struct setup *setup, struct setup_plan *plan)
{
	const char	*user = setup->conf->user;

	if (*user == '\0' || getpwnam(user) != NULL)
		return;
	plan->user = user;
	setup_plan_add(plan, NULL, "user", NULL, pool_printf(&setup->pool,
	    "%s: systemd-sysusers xcontext.conf", user),
	    "the daemons become this user, which nothing else should use");
}

static void
plan_directory(struct setup *setup, struct setup_plan *plan,
    const char *listen)
{
	const char	*path = setup_path(listen), *dir, *group;
	struct stat	 st;
	size_t		 i;

	if (path == NULL)
		return;
	dir = pool_copy(&setup->pool, (struct span){ path,
	    (size_t)(strrchr(path, '/') - path) });
	for (i = 0; i < plan->n_directories; i++)
		if (strcmp(plan->directories[i].path, dir) == 0)
			return;
	if (stat(dir, &st) == 0)
		return;
	group = *setup->conf->socket_group != '\0' ?
	    setup->conf->socket_group : setup->pf.mail_owner;
	plan->directories[plan->n_directories++] = (struct setup_directory){
	    dir, setup->conf->user, group };
	setup_plan_add(plan, dir, "directory", NULL, pool_printf(&setup->pool,
	    "mode 2750, user %s, group %s", setup->conf->user, group),
	    "the sockets are there; smtpd reaches them, also from its chroot, "
	    "and nobody else does");
}

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
	new = conf_edit_set(&setup->pool, old, "policy", "other_milters",
	    milters);
	if (new == NULL)
		ctl_die(EX_DATAERR, "smtpd_milters: %s: it cannot be quoted "
		    "in %s", milters, path);
	setup_plan_add(plan, path, "policy { other_milters }",
	    setup->conf->policy_other_milters, milters,
	    "sessions that need none of our milter get those that they have "
	    "now");
	put_file(plan, path, old, new);
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
	put_file(plan, path, old, cf_set(&setup->pool, old, name, new));
}

/*
 * master.cf
 */

static const char *
option_line(struct setup *setup, const char *name, const char *value)
{
	return pool_printf(&setup->pool, "  -o { %s =%s%s }\n", name,
	    *value == '\n' || *value == '\0' ? "" : " ", value);
}

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
			    option_line(setup, wiring_name(
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
			    option_line(setup, base->own.list[i].name,
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
plan_listener(struct setup *setup, struct setup_plan *plan)
{
	const struct postfix_service	*base = setup_plan_base(setup), *is;
	const struct wiring		*w = &plan->wiring;
	const char			*name, *chroot, *entry, *old;
	struct pool			*pool = &setup->pool;

	name = setup_plan_listener(setup, w);
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
	put_file(plan, setup->pf.master_cf, old, cf_put_entry(pool, old, name,
	    "inet", entry));
}

static const char *
rewire(struct setup *setup, struct setup_plan *plan, const char *text,
    const struct postfix_service *service)
{
	const char	*settings[WIRING_SETTINGS + 1] = { NULL }, *new;
	int		 i, n = 0;

	if (is_wired(setup, &plan->wiring, service))
		return text;
	for (i = 0; i < WIRING_SETTINGS; i++)
		if (is_ours(&plan->wiring, &setup->pool,
		    wiring_name((enum wiring_setting)i)))
			settings[n++] = wiring_name((enum wiring_setting)i);
	new = cf_override(&setup->pool, text, service->name, service->type,
	    settings, wiring_lines(setup, &plan->wiring));
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
plan_everybody(struct setup *setup, struct setup_plan *plan)
{
	const char	*old = setup_read(setup, setup->pf.master_cf);
	const char	*new = old;
	size_t		 i;

	if (setup_plan_base(setup) == NULL)
		ctl_die(EX_DATAERR, "%s: no smtpd serves port 25; wiring A "
		    "makes a listener of its own", setup->pf.master_cf);
	for (i = 0; i < setup->pf.n_services; i++)
		if (setup_plan_is_port_25(setup, &setup->pf.services[i]))
			new = rewire(setup, plan, new,
			    &setup->pf.services[i]);
	put_file(plan, setup->pf.master_cf, old, new);
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
	w->maps = setup_socket(setup, conf->policy_maps);
	w->policy = setup_socket(setup, conf->policy_listen);
	w->milter = setup_socket(setup, conf->milter_listen);
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
	output_append(plan->next, output_text("systemctl enable --now "
	    "xcontext-policy xcontext-milter"));
	output_append(plan->next, output_text("systemctl reload "
	    "xcontext-policy xcontext-milter"));
	output_append(plan->next, output_text(pool_printf(&setup->pool,
	    "postfix -c %s reload", setup->pf.config_directory)));
	output_append(plan->next, output_text("xcontext setup postfix "
	    "--check"));
}

void
setup_plan_make(struct setup *setup, struct setup_plan *plan_r)
{
	const struct postfix_service	*base = setup_plan_base(setup);
	struct setup_plan		*plan = plan_r;

	*plan = (struct setup_plan){ .steps = output_new_array(),
	    .next = output_new_array() };
	if (!postfix_is_at_least(&setup->pf, 3, 7, 0))
		ctl_die(EX_UNAVAILABLE, "Postfix %s has no inline regexp "
		    "tables; 3.7 or later is needed", setup->pf.mail_version);
	make_wiring(setup, base, &plan->wiring);
	plan_user(setup, plan);
	plan_directory(setup, plan, setup->conf->policy_maps);
	plan_directory(setup, plan, setup->conf->policy_listen);
	plan_directory(setup, plan, setup->conf->milter_listen);
	plan_conf(setup, plan, wiring_without_milter(&setup->pool,
	    postfix_get_expanded(&setup->pf, base,
	    wiring_name(WIRING_MILTERS)), plan->wiring.milter));
	plan_main(setup, plan);
	if (plan->wiring.kind == WIRING_A)
		plan_listener(setup, plan);
	else
		plan_everybody(setup, plan);
	plan_next(setup, plan);
}

void
setup_plan_clear(struct setup_plan *plan)
{
	json_decref(plan->steps);
	json_decref(plan->next);
}

/*
 * Printing
 */

static void
print_lines(const json_t *lines, const char *mark)
{
	const json_t	*line;
	size_t		 i;

	json_array_foreach(lines, i, line)
		printf("\t%s %s\n", mark, json_string_value(line));
}

static void
print_step(const json_t *step, size_t number)
{
	const json_t	*file = json_object_get(step, "file");

	printf("%zu. %s%s%s\n", number, json_is_string(file) ?
	    json_string_value(file) : "", json_is_string(file) ? ": " : "",
	    json_string_value(json_object_get(step, "what")));
	print_lines(json_object_get(step, "old"), "-");
	print_lines(json_object_get(step, "new"), "+");
	printf("\tbecause %s\n", json_string_value(json_object_get(step,
	    "why")));
}

void
setup_plan_print(const struct setup *setup, const struct setup_plan *plan)
{
	const json_t	*step;
	json_t		*whole;
	size_t		 i;

	if (setup->ctl->is_json) {
		whole = output_new();
		output_put(whole, "config_directory", output_text(
		    setup->pf.config_directory));
		output_put(whole, "steps", json_incref(plan->steps));
		output_put(whole, "next", json_incref(plan->next));
		output_object(setup->ctl, whole);
		return;
	}
	json_array_foreach(plan->steps, i, step)
		print_step(step, i + 1);
	if (json_array_size(plan->steps) == 0)
		printf("%s is wired already; there is nothing to change.\n",
		    setup->pf.config_directory);
}
