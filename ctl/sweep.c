/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * sweep: see sweep.h.
 */
#include "sweep.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/hostname.h"
#include "table/cidr_pattern.h"

/*
 * Groups
 */

/* The last one found is at the end of the search, as a rule. */
static struct sweep_group *
group_of(struct sweep_group **groups, size_t *n,
    const struct trust_profile *const profile[2])
{
	struct sweep_group	*g;
	size_t			 i;

	for (i = *n; i-- > 0;)
		if ((*groups)[i].profile[0] == profile[0] &&
		    (*groups)[i].profile[1] == profile[1])
			return &(*groups)[i];
	g = reallocarray(*groups, *n + 1, sizeof *g);
	if (g == NULL)
		ctl_die(EX_OSERR, "out of memory");
	*groups = g;
	g += (*n)++;
	*g = (struct sweep_group){ .profile = { profile[0], profile[1] },
	    .is_wanted = true };
	return g;
}

static void
groups_clear(struct sweep_group *groups, size_t n)
{
	size_t	 i, k;

	for (i = 0; i < n; i++) {
		trust_sweep_clear(&groups[i].ranges);
		for (k = 0; k < groups[i].n_keys; k++)
			free(groups[i].keys[k]);
		free(groups[i].keys);
	}
	free(groups);
}

/*
 * Addresses
 */

static void
end_at(struct address *last, const struct address *first,
    const struct trust_sweep_range *range)
{
	struct address	 end = range->last;

	if (range->first.family != first->family)
		return;
	if (trust_sweep_compare(&range->first, first) > 0)
		end = trust_sweep_before(range->first);
	if (trust_sweep_compare(&end, last) < 0)
		*last = end;
}

/* What that side has for an address, and until where: *last_r is shortened. */
static const struct trust_profile *
profile_at(const struct trust_sweep *s, size_t *i, const struct address *at,
    const struct trust_profile *stranger, struct address *last_r)
{
	const struct trust_sweep_range	*range;

	while (*i < s->n && trust_sweep_compare(&s->v[*i].last, at) < 0)
		(*i)++;
	if (*i == s->n)
		return NULL;
	range = &s->v[*i];
	end_at(last_r, at, range);
	if (trust_sweep_compare(&range->first, at) > 0)
		return NULL;
	/* What cannot be told gives nobody a right. */
	return range->profile == NULL ? stranger : range->profile;
}

struct wants {
	sweep_wants_fn	*fn;
	void		*arg;
};

static void
add_addresses(struct sweep *sweep, const struct wants *wants,
    const struct trust_profile *const profile[2],
    const struct trust_sweep_range *range)
{
	size_t			 n = sweep->n_addresses;
	struct sweep_group	*g = group_of(&sweep->addresses,
				    &sweep->n_addresses, profile);

	if (n < sweep->n_addresses && wants->fn != NULL)
		g->is_wanted = wants->fn(sweep, profile, wants->arg);
	if (g->is_wanted)
		networks_add(&g->ranges, range);
}

static void
sweep_family(struct sweep *sweep, const struct trust_sweep peers[2],
    const struct trust_profile *const strangers[2], uint8_t family,
    const struct wants *wants)
{
	const struct cidr_range		 all = cidr_pattern_family(family);
	struct trust_sweep_range	 range = { .first = all.first };
	const struct trust_profile	*profile[2];
	size_t				 at[2] = { 0, 0 };
	int				 k;

	do {
		range.last = all.last;
		for (k = 0; k < 2; k++)
			profile[k] = profile_at(&peers[k], &at[k],
			    &range.first, strangers[k], &range.last);
		add_addresses(sweep, wants, profile, &range);
		range.first = range.last;
	} while (cidr_pattern_next(&range.first));
}

/* A listener without maps of its own has the global ones. */
static const char *
effective(const struct trust *trust, const char *listener)
{
	return listener != NULL && trust_has_listener(trust,
	    span_of(listener)) ? listener : NULL;
}

/*
 * Names and fingerprints
 */

#define FINGERPRINT_MIN	32	/* digits of one without colons: MD5 */

bool
sweep_is_name(struct span key)
{
	return hostname_valid(key) && !span_caseeq(key, "unknown");
}

/* "AA:BB:...", or without the colons. */
bool
sweep_is_fingerprint(struct span key)
{
	size_t	 i;

	for (i = 0; i < key.n; i++)
		if (!isxdigit((unsigned char)key.p[i]) && key.p[i] != ':')
			return false;
	return span_has(key, ':') || key.n >= FINGERPRINT_MIN;
}

struct reader {
	char	**keys;
	size_t	  n, size;
	FILE	 *patterns;
};

static void
add_key(struct reader *r, struct span key)
{
	struct address	 addr;

	/* An address is looked up first, and is no name; nor is all that
	 * may stand in a table. */
	if (cidr_pattern_address(key, &addr) ||
	    (!sweep_is_name(key) && !sweep_is_fingerprint(key)))
		return;
	if (r->n == r->size) {
		r->size = r->size * 2 + 64;
		r->keys = reallocarray(r->keys, r->size, sizeof *r->keys);
		if (r->keys == NULL)
			ctl_die(EX_OSERR, "out of memory");
	}
	if ((r->keys[r->n++] = strndup(key.p, key.n)) == NULL)
		ctl_die(EX_OSERR, "out of memory");
}

/* A table_entry_fn. */
static int
read_entry(const struct table_entry *e, void *arg, struct err *err)
{
	struct reader	*r = arg;

	(void)err;
	if (e->kind == TABLE_ENTRY_KEY)
		add_key(r, e->what);
	else if (e->kind == TABLE_ENTRY_PATTERN)
		fprintf(r->patterns, "%d %.*s %.*s\n", e->is_conditional,
		    (int)e->what.n, e->what.p, (int)e->value.n, e->value.p);
	return 0;
}

/* A trust_table_fn. */
static int
read_table(const struct table *table, const char *file, unsigned line,
    void *arg, struct err *err)
{
	struct reader	*r = arg;

	(void)file;
	(void)line;
	/* A million of networks have no name among them. */
	if (strncmp(table_spec(table), "cidr:", 5) == 0)
		return 0;
	return table_each_entry(table, read_entry, r, err);
}

static int
compare_keys(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Reads what both sides have; true if their patterns are the same. */
static bool
read_keys(struct reader *r, const struct trust *const trust[2],
    const char *listener)
{
	char		*text[2] = { NULL, NULL };
	struct err	 err;
	bool		 is_same;
	size_t		 size;
	int		 k;

	for (k = 0; k < 2; k++) {
		r->patterns = open_memstream(&text[k], &size);
		if (r->patterns == NULL)
			ctl_die(EX_OSERR, "out of memory");
		if (trust_sweep_tables(trust[k],
		    effective(trust[k], listener), read_table, r,
		    &err) == -1)
			ctl_cannot_tell(&err);
		(void)fclose(r->patterns);
	}
	is_same = text[0] != NULL && text[1] != NULL &&
	    strcmp(text[0], text[1]) == 0;
	free(text[0]);
	free(text[1]);
	return is_same;
}

static void
put_key(struct sweep *sweep, const struct trust *const trust[2],
    const char *listener, const struct trust_profile *const strangers[2],
    char *key)
{
	const struct trust_profile	*profile[2];
	struct sweep_group		*g;
	struct err			 err;
	int				 k;

	for (k = 0; k < 2; k++)
		if (trust_sweep_key(trust[k], effective(trust[k],
		    listener), key, &profile[k], &err) != TRUST_OK)
			profile[k] = strangers[k];
	if (profile[0] == NULL && profile[1] == NULL) {
		free(key);
		return;
	}
	g = group_of(&sweep->keys, &sweep->n_keys, profile);
	g->keys = reallocarray(g->keys, g->n_keys + 1, sizeof *g->keys);
	if (g->keys == NULL)
		ctl_die(EX_OSERR, "out of memory");
	g->keys[g->n_keys++] = key;
}

static void
sweep_keys(struct sweep *sweep, const struct trust *const trust[2],
    const char *listener, const struct trust_profile *const strangers[2],
    char *const *tries)
{
	struct reader	 r = { .n = 0 };
	size_t		 i;

	sweep->is_undecided = !read_keys(&r, trust, listener) &&
	    sweep->has_patterns;
	for (; tries != NULL && *tries != NULL; tries++)
		add_key(&r, span_of(*tries));
	if (r.n > 0)
		qsort(r.keys, r.n, sizeof *r.keys, compare_keys);
	for (i = 0; i < r.n; i++)
		if (i + 1 < r.n && strcmp(r.keys[i], r.keys[i + 1]) == 0)
			free(r.keys[i]);
		else
			put_key(sweep, trust, listener, strangers, r.keys[i]);
	free(r.keys);
}

/* Whether there is anybody whose address has no profile, for one side at
 * least; what patterns match is not known. */
static bool
do_keys_count(const struct sweep *sweep)
{
	size_t	 i;

	for (i = 0; i < sweep->n_addresses; i++)
		if (sweep->addresses[i].profile[0] == NULL ||
		    sweep->addresses[i].profile[1] == NULL)
			return true;
	return sweep->has_patterns;
}

void
sweep_init(struct sweep *sweep, const struct trust *old,
    const struct trust *new, const char *listener, char *const *tries,
    sweep_wants_fn *wants, void *arg)
{
	const struct trust *const	 trust[2] = { old, new };
	const struct trust_profile	*strangers[2];
	const struct wants		 who = { wants, arg };
	struct trust_sweep		 peers[2] = { 0 };
	struct err			 err;
	int				 k;

	*sweep = (struct sweep){ 0 };
	for (k = 0; k < 2; k++) {
		strangers[k] = trust_profile_find(trust[k], TRUST_STRANGER);
		if (trust_sweep_peers(trust[k], effective(trust[k],
		    listener), &peers[k], &err) == -1)
			ctl_cannot_tell(&err);
		sweep->has_patterns |= peers[k].has_patterns;
	}
	sweep_keys(sweep, trust, listener, strangers, tries);
	sweep_family(sweep, peers, strangers, AF_INET, &who);
	sweep_family(sweep, peers, strangers, AF_INET6, &who);
	if (!do_keys_count(sweep)) {
		groups_clear(sweep->keys, sweep->n_keys);
		sweep->keys = NULL;
		sweep->n_keys = 0;
	}
	for (k = 0; k < 2; k++)
		trust_sweep_clear(&peers[k]);
}

void
sweep_clear(struct sweep *sweep)
{
	groups_clear(sweep->addresses, sweep->n_addresses);
	groups_clear(sweep->keys, sweep->n_keys);
	*sweep = (struct sweep){ 0 };
}

static bool
is_peer(const struct address *addr)
{
	char		 text[ADDRESS_TEXT_SIZE];
	struct address	 again;

	(void)address_format(addr, text, sizeof text);
	return address_parse(span_of(text), &again) &&
	    address_equal(addr, &again);
}

bool
sweep_example(const struct sweep_group *group, struct address *addr_r)
{
	const struct trust_sweep_range	*range;
	size_t				 i;

	for (i = 0; i < group->ranges.n; i++) {
		range = &group->ranges.v[i];
		*addr_r = range->first;
		if (range->first.family == AF_INET6 &&
		    trust_sweep_compare(&range->first, &range->last) < 0 &&
		    range->first.bytes[15] == 0)
			addr_r->bytes[15] = 1;
		if (is_peer(addr_r))
			return true;
		*addr_r = range->last;
		if (is_peer(addr_r))
			return true;
	}
	return false;
}
