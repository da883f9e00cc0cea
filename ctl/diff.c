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

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "rights.h"
#include "sweep.h"

/* What two profiles differ in, so that it is found out once. */
struct known {
	const struct trust_profile	*profile[2];
	json_t				*rows;
};

/* Whom regular expressions match that are the same on both sides, and give the
 * same name of a profile. */
struct matches {
	const struct trust_profile	*profile[2];
	json_t				*patterns;
};

struct diff {
	const struct trust		*trust[2];
	const struct trust_profile	*stranger[2];
	struct rights			*rights;
	struct known			*known;
	size_t				 n_known;
	const char			*listener;
	struct sweep			 sweep;
	struct matches			*matches;
	size_t				 n_matches;
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
 * groups of these, or whoever is matched. */
struct who {
	const struct matches		*matches;
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
	if (who->matches != NULL)
		return who->matches->profile[side];
	if (who->names != NULL && who->names->profile[side] != NULL)
		return who->names->profile[side];
	if (who->fingerprints != NULL &&
	    who->fingerprints->profile[side] != NULL)
		return who->fingerprints->profile[side];
	return d->stranger[side];
}

typedef bool	key_fn(struct span key);

static json_t *
keys_of(const struct sweep_group *group, key_fn *fits)
{
	json_t	*keys = output_new_array();
	size_t	 i;

	for (i = 0; group != NULL && i < group->n_keys; i++)
		if (fits(span_of(group->keys[i])))
			output_append(keys, output_text(group->keys[i]));
	return keys;
}

static bool
has_any(const struct sweep_group *group, key_fn *fits)
{
	size_t	 i;

	for (i = 0; i < group->n_keys; i++)
		if (fits(span_of(group->keys[i])))
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
	bool	 do_count = who->matches == NULL && !is_by_address(who);
	json_t	*names = keys_of(who->names, sweep_is_name);
	json_t	*fingerprints = keys_of(who->fingerprints,
			    sweep_is_fingerprint);

	output_put(row, "listener", output_text(d->listener));
	output_put(row, "networks", json_incref(networks));
	output_put(row, "names", do_count ? json_incref(names) :
	    json_null());
	output_put(row, "fingerprints", do_count ?
	    json_incref(fingerprints) : json_null());
	output_put(row, "from", output_text(trust_profile_name(
	    profile_of(d, who, 0))));
	output_put(row, "to", output_text(trust_profile_name(
	    profile_of(d, who, 1))));
	if (who->matches != NULL)
		output_put(row, "patterns", json_incref(
		    who->matches->patterns));
	/* No name can be made of an expression. */
	output_put(row, "peer", who->matches != NULL ? json_null() :
	    output_address(example));
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
		if (has_any(who.fingerprints, sweep_is_fingerprint))
			add_rows(d, &who);
	}
}

static void
sweep_matches(struct diff *d, struct who who)
{
	size_t	 i;

	for (i = 0; i < d->n_matches; i++) {
		who.matches = &d->matches[i];
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
	sweep_matches(d, who);
	sweep_fingerprints(d, who);
	for (i = 0; i < d->sweep.n_keys; i++) {
		who.names = &d->sweep.keys[i];
		if (has_any(who.names, sweep_is_name))
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

/*
 * Whom a regular expression knows that is the same on both sides
 */

/* A table_entry_fn: puts the patterns of each profile's name together. */
static int
see_pattern(const struct table_entry *e, void *arg, struct err *err)
{
	json_t	*patterns, *named = arg;
	char	 name[512];

	(void)err;
	if (e->kind != TABLE_ENTRY_PATTERN)
		return 0;
	(void)snprintf(name, sizeof name, "%.*s", (int)e->value.n,
	    e->value.p);
	patterns = json_object_get(named, name);
	if (patterns == NULL) {
		patterns = output_new_array();
		output_put(named, name, patterns);
	}
	output_append(patterns, output_span(e->what));
	return 0;
}

/* A trust_table_fn. */
static int
see_table(const struct table *table, const char *file, unsigned line,
    void *arg, struct err *err)
{
	(void)file;
	(void)line;
	return table_is_listed(table) ? 0 : table_each_entry(table,
	    see_pattern, arg, err);
}

/* Of the profile of that name, which one side has at least. */
static void
add_matches(struct diff *d, const char *name, json_t *patterns)
{
	struct matches	*m;
	int		 k;

	m = reallocarray(d->matches, d->n_matches + 1, sizeof *m);
	if (m == NULL)
		ctl_die(EX_OSERR, "out of memory");
	d->matches = m;
	m += d->n_matches++;
	m->patterns = json_incref(patterns);
	for (k = 0; k < 2; k++) {
		m->profile[k] = trust_profile_find(d->trust[k], name);
		if (m->profile[k] == NULL)
			m->profile[k] = d->stranger[k];
	}
}

/* "$1" may be any profile. */
static void
add_named(struct diff *d, const char *name, json_t *patterns)
{
	const struct trust_profile	*profile;
	const char			*any;
	size_t				 i, k;

	if (strchr(name, '$') == NULL) {
		add_matches(d, name, patterns);
		return;
	}
	for (k = 0; k < 2; k++)
		for (i = 0; (profile = trust_sweep_profile(d->trust[k],
		    i)) != NULL; i++) {
			any = trust_profile_name(profile);
			if (k == 0 || trust_profile_find(d->trust[0],
			    any) == NULL)
				add_matches(d, any, patterns);
		}
}

static void
read_patterns(struct diff *d)
{
	const char	*listener = d->listener, *name;
	json_t		*named = output_new(), *patterns;
	struct err	 err;

	if (listener != NULL && !trust_has_listener(d->trust[1],
	    span_of(listener)))
		listener = NULL;
	if (trust_sweep_tables(d->trust[1], listener, see_table, named,
	    &err) == -1)
		ctl_cannot_tell(&err);
	json_object_foreach(named, name, patterns)
		add_named(d, name, patterns);
	json_decref(named);
}

static void
forget_patterns(struct diff *d)
{
	size_t	 i;

	for (i = 0; i < d->n_matches; i++)
		json_decref(d->matches[i].patterns);
	free(d->matches);
	d->matches = NULL;
	d->n_matches = 0;
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
		if (profile[k] == NULL && (sweep->n_keys > 0 ||
		    sweep->has_patterns))
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
	if (d->sweep.has_patterns && !d->sweep.is_undecided)
		read_patterns(d);
	for (i = 0; i < d->sweep.n_addresses; i++)
		sweep_names(d, &d->sweep.addresses[i]);
	if (d->sweep.is_undecided)
		add_undecided(d);
	forget_patterns(d);
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
