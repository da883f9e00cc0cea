/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * diff: see diff.h.
 *
 * A peer is looked up by address, then by name, then by fingerprint, until
 * there is a hit; so a name matters to those whose address has none, in one of
 * both configurations at least.
 */
#include "diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/hostname.h"
#include "rights.h"
#include "sweep.h"
#include "verb.h"

enum { OPTION_NAMES };

#define FINGERPRINT_MIN	32	/* digits of one without colons: MD5 */
#define SHOWN_MAX	4	/* networks, names and values in a line */

/* What two profiles differ in, so that it is found out once. */
struct known {
	const struct trust_profile	*profile[2];
	json_t				*rows;
};

struct diff {
	const struct trust		*trust[2];
	const struct trust_profile	*stranger[2];
	struct rights			*rights;
	struct known			*known;
	size_t				 n_known;
	const char			*listener;
	struct sweep			 sweep;
	json_t				*rows;
};

static const json_t *
compare(struct diff *d, const struct trust_profile *from,
    const struct trust_profile *to)
{
	struct known	*k;
	size_t		 i;

	for (i = 0; i < d->n_known; i++)
		if (d->known[i].profile[0] == from &&
		    d->known[i].profile[1] == to)
			return d->known[i].rows;
	k = reallocarray(d->known, d->n_known + 1, sizeof *k);
	if (k == NULL)
		ctl_die(EX_OSERR, "out of memory");
	d->known = k;
	k += d->n_known++;
	*k = (struct known){ { from, to }, rights_compare(d->rights, from,
	    to) };
	return k->rows;
}

/* Who a row is about: an address, and a name and a fingerprint if there are
 * groups of these. */
struct who {
	const struct sweep_group	*addresses;
	const struct sweep_group	*names;
	const struct sweep_group	*fingerprints;
};

/* The first hit of that side. */
static const struct trust_profile *
profile_of(const struct diff *d, const struct who *who, int side)
{
	if (who->addresses->profile[side] != NULL)
		return who->addresses->profile[side];
	if (who->names != NULL && who->names->profile[side] != NULL)
		return who->names->profile[side];
	if (who->fingerprints != NULL &&
	    who->fingerprints->profile[side] != NULL)
		return who->fingerprints->profile[side];
	return d->stranger[side];
}

/* "AA:BB:...", or without the colons. */
static bool
is_fingerprint(const char *key)
{
	size_t	 n = strlen(key);

	return strspn(key, "0123456789abcdefABCDEF:") == n &&
	    (strchr(key, ':') != NULL || n >= FINGERPRINT_MIN);
}

static bool
is_name(const char *key)
{
	return hostname_valid(span_of(key));
}

typedef bool	key_fn(const char *key);

static json_t *
keys_of(const struct sweep_group *group, key_fn *fits)
{
	json_t	*keys = output_new_array();
	size_t	 i;

	for (i = 0; group != NULL && i < group->n_keys; i++)
		if (fits(group->keys[i]))
			output_append(keys, output_text(group->keys[i]));
	return keys;
}

static bool
has_any(const struct sweep_group *group, key_fn *fits)
{
	size_t	 i;

	for (i = 0; i < group->n_keys; i++)
		if (fits(group->keys[i]))
			return true;
	return false;
}

/* True if each side has an opinion by the address. */
static bool
is_by_address(const struct who *who)
{
	return who->addresses->profile[0] != NULL &&
	    who->addresses->profile[1] != NULL;
}

static json_t *
first_of(const json_t *texts)
{
	const json_t	*text = json_array_get(texts, 0);

	return text == NULL ? json_null() :
	    output_text(json_string_value(text));
}

static void
put_who(const struct diff *d, const struct who *who, json_t *row,
    const struct address *example, json_t *networks)
{
	json_t	*names = keys_of(who->names, is_name);
	json_t	*fingerprints = keys_of(who->fingerprints,
			    is_fingerprint);

	output_put(row, "listener", output_text(d->listener));
	output_put(row, "networks", json_incref(networks));
	output_put(row, "names", is_by_address(who) ? json_null() :
	    json_incref(names));
	output_put(row, "fingerprints", is_by_address(who) ? json_null() :
	    json_incref(fingerprints));
	output_put(row, "from", output_text(trust_profile_name(
	    profile_of(d, who, 0))));
	output_put(row, "to", output_text(trust_profile_name(
	    profile_of(d, who, 1))));
	output_put(row, "peer", output_address(example));
	output_put(row, "name", first_of(names));
	output_put(row, "fingerprint", first_of(fingerprints));
	json_decref(names);
	json_decref(fingerprints);
}

static void
add_rows(struct diff *d, const struct who *who)
{
	const json_t	*found = compare(d, profile_of(d, who, 0),
			    profile_of(d, who, 1)), *one;
	struct address	 example;
	json_t		*row, *networks;
	size_t		 i;

	if (json_array_size(found) == 0 ||
	    !sweep_example(who->addresses, &example))
		return;
	networks = networks_print(&who->addresses->ranges);
	json_array_foreach(found, i, one) {
		row = json_copy((json_t *)(uintptr_t)one);
		if (row == NULL)
			ctl_die(EX_OSERR, "out of memory");
		put_who(d, who, row, &example, networks);
		output_append(d->rows, row);
	}
	json_decref(networks);
}

/* With that address and name, each fingerprint that may still matter. */
static void
sweep_fingerprints(struct diff *d, struct who who)
{
	size_t	 i;

	add_rows(d, &who);
	if (who.names != NULL && who.names->profile[0] != NULL &&
	    who.names->profile[1] != NULL)
		return;
	for (i = 0; i < d->sweep.n_keys; i++) {
		who.fingerprints = &d->sweep.keys[i];
		if (has_any(who.fingerprints, is_fingerprint))
			add_rows(d, &who);
	}
}

static void
sweep_names(struct diff *d, const struct sweep_group *addresses)
{
	struct who	 who = { .addresses = addresses };
	size_t		 i;

	if (is_by_address(&who)) {
		add_rows(d, &who);
		return;
	}
	sweep_fingerprints(d, who);
	for (i = 0; i < d->sweep.n_keys; i++) {
		who.names = &d->sweep.keys[i];
		if (has_any(who.names, is_name))
			sweep_fingerprints(d, who);
	}
}

static void
add_undecided(struct diff *d)
{
	json_t	*row = output_new();

	output_put(row, "effect", output_text("undecided"));
	output_put(row, "right", output_text("the profile"));
	output_put(row, "values", output_text("not decidable here: peers that "
	    "regular expressions match"));
	output_put(row, "listener", output_text(d->listener));
	output_append(d->rows, row);
}

/* A sweep_wants_fn: a name may make a difference to who has no profile. */
static bool
wants(const struct sweep *sweep, const struct trust_profile *const profile[2],
    void *arg)
{
	struct diff			*d = arg;
	const struct trust_profile	*with[2];
	int				 k;

	for (k = 0; k < 2; k++) {
		with[k] = profile[k] == NULL ? d->stranger[k] : profile[k];
		if (profile[k] == NULL && sweep->n_keys > 0)
			return true;
	}
	return json_array_size(compare(d, with[0], with[1])) > 0;
}

static void
sweep_listener(struct diff *d, const char *listener, char *const *tries)
{
	size_t	 i;

	d->listener = listener;
	sweep_init(&d->sweep, d->trust[0], d->trust[1], listener, tries,
	    wants, d);
	for (i = 0; i < d->sweep.n_addresses; i++)
		sweep_names(d, &d->sweep.addresses[i]);
	if (d->sweep.is_undecided)
		add_undecided(d);
	sweep_clear(&d->sweep);
}

/* The names of listeners, each once. */
static void
see_listener(const char *listener, void *arg)
{
	output_put(arg, listener, json_true());
}

json_t *
diff_make(const struct conf *old, const struct conf *new, char *const *tries)
{
	struct diff	 d = { .trust = { old->trust, new->trust },
			    .rows = output_new_array() };
	json_t		*listeners = output_new(), *value;
	const char	*listener;
	size_t		 i;

	for (i = 0; i < 2; i++) {
		d.stranger[i] = trust_profile_find(d.trust[i],
		    TRUST_STRANGER);
		trust_sweep_listeners(d.trust[i], see_listener, listeners);
	}
	d.rights = rights_new(old, new, tries);
	sweep_listener(&d, NULL, tries);
	json_object_foreach(listeners, listener, value)
		sweep_listener(&d, listener, tries);
	json_decref(listeners);
	for (i = 0; i < d.n_known; i++)
		json_decref(d.known[i].rows);
	free(d.known);
	rights_free(d.rights);
	return d.rows;
}

/*
 * The verb
 */

/* A line each, without blanks around it and comments. */
static char **
read_tries(const char *file)
{
	char		**tries = NULL, *line = NULL;
	FILE		 *in = fopen(file, "r");
	struct span	  text;
	size_t		  n = 0, size = 0;
	ssize_t		  len;

	if (in == NULL)
		ctl_die(EX_NOINPUT, "%s: %s", file, strerror(errno));
	do {
		tries = reallocarray(tries, n + 1, sizeof *tries);
		if (tries == NULL)
			ctl_die(EX_OSERR, "out of memory");
		tries[n] = NULL;
		len = getline(&line, &size, in);
		if (len <= 0)
			break;
		text = span_trim((struct span){ line, (size_t)len -
		    (line[len - 1] == '\n') });
		if (text.n == 0 || text.p[0] == '#')
			continue;
		if ((tries[n++] = strndup(text.p, text.n)) == NULL)
			ctl_die(EX_OSERR, "out of memory");
	} while (true);
	free(line);
	(void)fclose(in);
	return tries;
}

static json_t *
brief(const json_t *row, const char *key)
{
	const json_t	*value = json_object_get(row, key);

	return json_is_array(value) ? networks_brief(value, SHOWN_MAX) :
	    output_text(json_string_value(value));
}

/* What stands in the table: who, in one text. */
static json_t *
brief_who(const json_t *row)
{
	json_t		*networks = brief(row, "networks");
	json_t		*names = brief(row, "names");
	json_t		*fingerprints = brief(row, "fingerprints");
	const char	*name = json_string_value(names);
	const char	*fingerprint = json_string_value(fingerprints);
	const char	*listener = output_text_at(row, "listener");
	json_t		*who;

	who = json_sprintf("%s%s%s%s%s%s%s",
	    json_is_string(networks) ? json_string_value(networks) : "peers",
	    name == NULL || *name == '\0' ? "" : " as ",
	    name == NULL ? "" : name,
	    fingerprint == NULL || *fingerprint == '\0' ? "" :
	    " with certificate ", fingerprint == NULL ? "" : fingerprint,
	    *listener == '\0' ? "" : " at listener ", listener);
	json_decref(networks);
	json_decref(names);
	json_decref(fingerprints);
	return who;
}

void
diff_print(struct ctl *ctl, const json_t *rows)
{
	static const struct output_column	 columns[] = {
		{ "who", 40 }, { "effect", 0 }, { "right", 0 },
		{ "values", 40 }, { "old", 24 }, { "new", 24 },
		{ "example", 0 }, { NULL, 0 }
	};
	json_t					*shown = output_new_array();
	const json_t				*row;
	json_t					*line;
	size_t					 i;

	json_array_foreach(rows, i, row) {
		line = output_new();
		output_put(line, "who", brief_who(row));
		output_put(line, "effect", output_text(output_text_at(row,
		    "effect")));
		output_put(line, "right", output_text(output_text_at(row,
		    "right")));
		output_put(line, "values", brief(row, "values"));
		output_put(line, "old", brief(row, "old"));
		output_put(line, "new", brief(row, "new"));
		output_put(line, "example", json_sprintf("%s %s",
		    output_text_at(row, "peer"), output_text_at(row,
		    "line")));
		output_append(shown, line);
	}
	if (i == 0)
		printf("Nobody gains or loses anything.\n");
	else
		output_table(ctl, json_incref(shown), columns);
	json_decref(shown);
}

/* 1: somebody gains, or perhaps; 2: somebody loses; 0: neither. */
static int
status_of(const json_t *rows)
{
	const json_t	*row;
	const char	*effect;
	size_t		 i;
	int		 status = 0;

	json_array_foreach(rows, i, row) {
		effect = output_text_at(row, "effect");
		if (strcmp(effect, "gains") == 0 ||
		    strcmp(effect, "undecided") == 0)
			return 1;
		if (strcmp(effect, "loses") == 0)
			status = 2;
	}
	return status;
}

static struct conf *
load(const char *file)
{
	struct err	 err;
	struct conf	*conf = conf_load(file, &err);

	if (conf == NULL)
		ctl_die(EX_CONFIG, "%s", err.text);
	return conf;
}

int
diff_run(struct ctl *ctl)
{
	struct conf	*old = load(ctl->args[0]), *new = load(ctl->args[1]);
	char		**tries = NULL;
	json_t		*rows;
	int		 status;
	size_t		 i;

	if (ctl->option[OPTION_NAMES] != NULL)
		tries = read_tries(ctl->option[OPTION_NAMES]);
	rows = diff_make(old, new, tries);
	status = status_of(rows);
	if (ctl->is_json)
		output_table(ctl, json_incref(rows), NULL);
	else
		diff_print(ctl, rows);
	json_decref(rows);
	for (i = 0; tries != NULL && tries[i] != NULL; i++)
		free(tries[i]);
	free(tries);
	conf_unref(old);
	conf_unref(new);
	return status;
}
