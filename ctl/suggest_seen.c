/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * suggest_seen: what a log has of each profile: grants that were used, values
 * that were said, and what is never suggested, with how often and when.
 *
 * Only lines that passed count, and of these only those of which nothing is
 * what suggest_guard never suggests; the others are told apart.
 */
#include "suggest_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "context/context_name.h"

static struct suggest_seen *
find_seen(struct suggest *s, const char *name)
{
	struct suggest_seen	*one;
	size_t		 i;

	for (i = 0; i < s->n; i++)
		if (strcmp(s->seen[i].name, name) == 0)
			return &s->seen[i];
	s->seen = reallocarray(s->seen, s->n + 1, sizeof *s->seen);
	if (s->seen == NULL)
		ctl_die(EX_OSERR, "out of memory");
	one = &s->seen[s->n++];
	*one = (struct suggest_seen){ .name = strdup(name),
	    .guard = suggest_guard_new(ctl_conf(s->ctl), name),
	    .lines = tally_new(), .domains = tally_new(),
	    .refused = tally_new() };
	if (one->name == NULL)
		ctl_die(EX_OSERR, "out of memory");
	for (i = 0; i < TRUST_COMMAND_COUNT; i++)
		one->grants[i] = tally_new();
	for (i = 0; i < ASSERTION_COUNT; i++)
		one->values[i] = tally_new();
	return one;
}

static void
free_seen(struct suggest_seen *one)
{
	size_t	 i;

	free(one->name);
	suggest_guard_free(one->guard);
	tally_free(one->lines);
	tally_free(one->domains);
	tally_free(one->refused);
	for (i = 0; i < TRUST_COMMAND_COUNT; i++)
		tally_free(one->grants[i]);
	for (i = 0; i < ASSERTION_COUNT; i++)
		tally_free(one->values[i]);
}

static void
refuse(struct suggest_seen *one, const struct log_entry *e, const char *why)
{
	(void)tally_add(one->refused, why, e->time,
	    e->value[DECISION_KEY_SAID]);
}

static struct address_net
net_of(const struct suggest *s, const struct address *addr)
{
	struct address_net	 net = { .addr = *addr };
	unsigned		 bytes = addr->family == AF_INET ? 4 : 16, i;

	net.bits = addr->family == AF_INET ? s->prefix : s->prefix6;
	if (net.bits == 0)
		net.bits = bytes * 8;
	for (i = net.bits; i < bytes * 8; i++)
		net.addr.bytes[i / 8] &= (uint8_t)~(0x80 >> (i % 8));
	return net;
}

/* An address, or, if that was asked for and all of it may be allowed, its
 * network. */
static void
address_key(const struct suggest *s, const struct suggest_seen *one,
    const struct address *addr, char *buf, size_t size)
{
	struct address_net	 net = net_of(s, addr);
	char			 text[ADDRESS_TEXT_SIZE];

	if (net.bits == (addr->family == AF_INET ? 32 : 128) ||
	    !suggest_guard_allows_net(one->guard, &net))
		(void)snprintf(buf, size, "%s", address_format(addr, text,
		    sizeof text));
	else
		(void)snprintf(buf, size, "%s/%u", address_format(&net.addr,
		    text, sizeof text), net.bits);
}

static void
add_value(const struct suggest *s, struct suggest_seen *one,
    const struct assertion_set *set, int name, const struct log_entry *e)
{
	char	 key[ASSERTION_VALUE_MAX + 1];

	if (set->v[name].status != ASSERTION_VALUE ||
	    one->n_values[name] >= SUGGEST_VALUES_MAX)
		return;
	if (name == ASSERTION_ADDR)
		address_key(s, one, &set->addr, key, sizeof key);
	else
		(void)snprintf(key, sizeof key, "%s", set->v[name].value);
	if (tally_add(one->values[name], key, e->time,
	    e->value[DECISION_KEY_SAID])->n == 1)
		one->n_values[name]++;
	if (name == ASSERTION_LOGIN && strchr(key, '@') != NULL)
		(void)tally_add(one->domains, strrchr(key, '@'), e->time,
		    e->value[DECISION_KEY_SAID]);
}

/* False: something of it is never suggested. */
static bool
set_is_allowed(struct suggest_seen *one, const struct assertion_set *set,
    const struct log_entry *e)
{
	char	 why[256];
	int	 i;

	for (i = 0; i < ASSERTION_COUNT; i++)
		if (set->v[i].status != ASSERTION_ABSENT &&
		    !suggest_guard_allows(one->guard, set,
		    (enum assertion_name)i, why, sizeof why)) {
			refuse(one, e, why);
			return false;
		}
	return true;
}

static void
add_grant(struct suggest_seen *one, enum trust_command command,
    const char *what, const struct log_entry *e)
{
	(void)tally_add(one->grants[command], what, e->time,
	    e->value[DECISION_KEY_SAID]);
}

static void
add_set(const struct suggest *s, struct suggest_seen *one,
    const struct log_entry *e)
{
	struct assertion_set	 set;
	int			 i;

	if (!again_said(s->again, &set) || !set_is_allowed(one, &set, e))
		return;
	for (i = 0; i < ASSERTION_COUNT; i++) {
		if (set.v[i].status == ASSERTION_ABSENT)
			continue;
		add_grant(one, s->again->j.command,
		    assertion_name_text((enum assertion_name)i), e);
		add_value(s, one, &set, i, e);
	}
}

/* A built-in pair is what rules and filters go by: only who has it granted
 * already keeps it. */
static void
add_names(const struct suggest *s, struct suggest_seen *one,
    const struct log_entry *e)
{
	struct context_line	 line;
	struct err		 err;
	unsigned		 i;

	if (!context_line_parse(s->again->args, &line, &err))
		return;
	for (i = 0; i < line.n; i++)
		if (s->again->was_reported &&
		    context_name_is_builtin(line.v[i].name)) {
			refuse(one, e, "XSETCONTEXT: a built-in pair");
			return;
		}
	for (i = 0; i < line.n; i++)
		add_grant(one, TRUST_XSETCONTEXT, line.v[i].name, e);
}

static void
add_line(struct suggest *s, struct suggest_seen *one, const struct log_entry *e)
{
	(void)tally_add(one->lines, "", e->time, NULL);
	one->n_reported += s->again->was_reported;
	switch (s->again->j.command) {
	case TRUST_XCLIENT:
	case TRUST_XFORWARD:
	case TRUST_XREMOTEIP:
		add_set(s, one, e);
		break;
	case TRUST_XSETCONTEXT:
		add_names(s, one, e);
		break;
	case TRUST_XDUMPCONTEXT:
		one->dumps_sealed |= e->value[DECISION_KEY_SEALED] != NULL;
		add_grant(one, TRUST_XDUMPCONTEXT, "", e);
		break;
	}
}

/* It will stand in a configuration. */
static bool
is_profile(const char *name)
{
	return *name != '\0' && strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == strlen(name);
}

void
suggest_seen_take(struct suggest *s, const struct log_entry *e)
{
	const char	*profile = e->value[DECISION_KEY_PROFILE];

	switch (again_decide(s->again, e)) {
	case AGAIN_DECIDED:
		if (profile == NULL || strcmp(profile, TRUST_STRANGER) == 0 ||
		    !is_profile(profile))
			break;
		if (s->again->was == VERDICT_PERMIT)
			add_line(s, find_seen(s, profile), e);
		else
			refuse(find_seen(s, profile), e,
			    "was refused in the log, too");
		break;
	case AGAIN_STATE:
		break;
	case AGAIN_CUT:
	case AGAIN_CANNOT_TELL:
		s->n_undecided++;
		break;
	}
}

void
suggest_seen_clear(struct suggest *s)
{
	size_t	 i;

	for (i = 0; i < s->n; i++)
		free_seen(&s->seen[i]);
	free(s->seen);
	s->seen = NULL;
	s->n = 0;
}
