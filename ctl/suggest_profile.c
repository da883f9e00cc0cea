/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * suggest_profile: the settings of the profile that is suggested, from what was
 * seen.  A few values are listed as they are, and of many it is taken that
 * others like them will come.
 */
#include "suggest_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "output.h"
#include "trust/trust_sweep.h"

#define MANY	16	/* more values are not listed one by one */

static json_t *
item_of(const char *value, const struct tally_row *row)
{
	json_t	*item = output_new();

	output_put(item, "value", output_text(value));
	if (row != NULL)
		tally_put(item, row);
	return item;
}

static void
put_setting(json_t *settings, const char *name, bool is_list, json_t *items)
{
	json_t	*setting = output_new();
	char	*copy = strdup(name), *p;

	if (copy == NULL)
		ctl_die(EX_OSERR, "out of memory");
	for (p = copy; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	output_put(setting, "setting", output_text(copy));
	output_put(setting, "list", json_boolean(is_list));
	output_put(setting, "items", items);
	output_append(settings, setting);
	free(copy);
}

static void
put_word(json_t *settings, const char *name, const char *value,
    const struct tally_row *row)
{
	json_t	*items = output_new_array();

	output_append(items, item_of(value, row));
	put_setting(settings, name, false, items);
}

static void
put_all(json_t *items, struct tally *tally)
{
	const struct tally_row	*row;
	size_t			 n, i;

	row = tally_by_key(tally, &n);
	for (i = 0; i < n; i++)
		output_append(items, item_of(row[i].key, &row[i]));
}

static void
put_grants(json_t *settings, struct suggest_seen *one,
    enum trust_command command)
{
	json_t	*items = output_new_array();

	put_all(items, one->grants[command]);
	if (json_array_size(items) > 0)
		put_setting(settings, trust_command_text(command), true,
		    items);
	else
		json_decref(items);
}

/* Where many have a login of one domain, that domain; the others one by
 * one. */
static void
put_logins(json_t *items, struct suggest_seen *one)
{
	struct tally		*domains = tally_new(), *listed = tally_new();
	const struct tally_row	*row, *domain;
	char			 pattern[ASSERTION_VALUE_MAX + 3];
	const char		*at;
	size_t			 n, i;

	row = tally_by_key(one->values[ASSERTION_LOGIN], &n);
	for (i = 0; i < n; i++)
		if ((at = strrchr(row[i].key, '@')) != NULL)
			(void)tally_add(domains, at, NULL, NULL);
	for (i = 0; i < n; i++) {
		at = strrchr(row[i].key, '@');
		domain = at == NULL ? NULL : tally_find(domains, at);
		if (domain == NULL || domain->n <= MANY) {
			output_append(items, item_of(row[i].key, &row[i]));
			continue;
		}
		(void)snprintf(pattern, sizeof pattern, "*%s", at);
		if (tally_add(listed, pattern, NULL, NULL)->n == 1)
			output_append(items, item_of(pattern,
			    tally_find(one->domains, at)));
	}
	tally_free(domains);
	tally_free(listed);
}

/* What is known of all values of an attribute together. */
static const struct tally_row *
all_of(const struct suggest_seen *one, int name)
{
	const struct tally_row	*row = NULL;
	int			 i;

	for (i = 0; i < TRUST_COMMAND_COUNT && row == NULL; i++)
		row = tally_find(one->grants[i],
		    assertion_name_text((enum assertion_name)name));
	return row;
}

/* Values that say who somebody is, or what for, are listed; ports and queue
 * ids are other ones each time. */
static bool
is_listed(int name)
{
	return name != ASSERTION_PORT && name != ASSERTION_IDENT;
}

/* The items of the list; none: every value may be said, or none is. */
static void
put_items(json_t *items, struct suggest_seen *one, int name, bool is_net)
{
	enum assertion_name	 attribute = (enum assertion_name)name;
	bool			 is_few = one->n_values[name] <= MANY;

	if (is_listed(name) && name != ASSERTION_LOGIN && is_few && !is_net) {
		put_all(items, one->values[name]);
		return;
	}
	suggest_guard_put(one->guard, attribute, items);
	if (name == ASSERTION_LOGIN)
		put_logins(items, one);
	else if (is_net)
		put_all(items, one->values[name]);
	else if (is_listed(name) || json_array_size(items) > 0)
		output_append(items, item_of(name == ASSERTION_ADDR ?
		    "public" : "*", all_of(one, name)));
}

static void
put_values(const struct suggest *s, json_t *settings, struct suggest_seen *one,
    int name)
{
	bool		 is_net = name == ASSERTION_ADDR &&
			     (s->prefix != 0 || s->prefix6 != 0);
	const char	*text = assertion_name_text((enum assertion_name)name);
	json_t		*items;

	if (one->n_values[name] == 0)
		return;
	if (one->n_values[name] >= SUGGEST_VALUES_MAX && (is_net ||
	    name == ASSERTION_LOGIN))
		ctl_die(EX_DATAERR, "%s: more than %d values; a shorter "
		    "prefix, or a shorter log", text, SUGGEST_VALUES_MAX);
	items = output_new_array();
	put_items(items, one, name, is_net);
	if (json_array_size(items) > 0)
		put_setting(settings, text, true, items);
	else
		json_decref(items);
}

static void
put_dropped(json_t *settings, const struct trust_profile *profile)
{
	struct assertion_set	 set;
	json_t			*items = output_new_array();
	int			 i;

	memset(&set, 0, sizeof set);
	for (i = 0; i < ASSERTION_COUNT; i++)
		set.v[i].status = ASSERTION_UNAVAILABLE;
	trust_profile_drop(profile, &set);
	for (i = 0; i < ASSERTION_COUNT; i++)
		if (set.v[i].status == ASSERTION_ABSENT)
			output_append(items, item_of(assertion_name_text(
			    (enum assertion_name)i), NULL));
	if (json_array_size(items) > 0)
		put_setting(settings, "drop", true, items);
	else
		json_decref(items);
}

/* What has nothing to do with what was said stays as it is. */
static void
put_present(json_t *settings, const struct trust_profile *profile)
{
	static const char *const	 seals[] = {
		[TRUST_SEAL_GREETING] = "greeting",
		[TRUST_SEAL_OVERRIDE] = "override",
		[TRUST_SEAL_NEVER] = "never"
	};
	char				 number[16];

	put_dropped(settings, profile);
	put_word(settings, "seal", seals[trust_profile_seal(profile)], NULL);
	put_word(settings, "on_violation", verdict_action_text(
	    trust_profile_on_violation(profile)), NULL);
	if (trust_profile_always_allow(profile))
		put_word(settings, "always_allow", "yes", NULL);
	(void)snprintf(number, sizeof number, "%u",
	    trust_profile_received(profile));
	if (trust_profile_received(profile) > 0)
		put_word(settings, "received", number, NULL);
}

static json_t *
settings_of(const struct suggest *s, struct suggest_seen *one)
{
	const struct trust_profile	*profile = trust_profile_find(
					     s->again->conf->trust, one->name);
	const struct tally_row		*row;
	json_t				*settings = output_new_array();
	int				 i;

	put_grants(settings, one, TRUST_XCLIENT);
	put_grants(settings, one, TRUST_XFORWARD);
	row = tally_find(one->grants[TRUST_XREMOTEIP], "ADDR");
	if (row != NULL)
		put_word(settings, "xremoteip", "yes", row);
	for (i = 0; i < ASSERTION_COUNT; i++)
		put_values(s, settings, one, i);
	put_grants(settings, one, TRUST_XSETCONTEXT);
	row = tally_find(one->grants[TRUST_XDUMPCONTEXT], "");
	if (row != NULL)
		put_word(settings, "xdumpcontext", one->dumps_sealed ?
		    "sealed" : "yes", row);
	if (profile != NULL)
		put_present(settings, profile);
	return settings;
}

json_t *
suggest_profile_make(const struct suggest *s, struct suggest_seen *one)
{
	json_t	*object = output_new();

	output_put(object, "profile", output_text(one->name));
	tally_put(object, tally_find(one->lines, ""));
	output_put(object, "reported",
	    json_integer((json_int_t)one->n_reported));
	output_put(object, "settings", settings_of(s, one));
	output_put(object, "refused", tally_reasons(one->refused));
	return object;
}
