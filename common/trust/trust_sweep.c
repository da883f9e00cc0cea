/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * trust_sweep: see trust_sweep.h.
 */
#include "trust/trust_sweep.h"

#include <stdlib.h>

#include "trust/trust_private.h"

void
trust_sweep_clear(struct trust_sweep *sweep)
{
	free(sweep->v);
	*sweep = (struct trust_sweep){ 0 };
}

int
trust_sweep_compare(const struct address *a, const struct address *b)
{
	if (a->family != b->family)
		return a->family == AF_INET ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

static size_t
length(const struct address *addr)
{
	return addr->family == AF_INET ? 4 : 16;
}

struct address
trust_sweep_next(struct address addr)
{
	size_t	 i = length(&addr);

	while (++addr.bytes[--i] == 0 && i > 0)
		continue;
	return addr;
}

struct address
trust_sweep_before(struct address addr)
{
	size_t	 i = length(&addr);

	while (addr.bytes[--i]-- == 0 && i > 0)
		continue;
	return addr;
}

int
trust_sweep_add(struct trust_sweep *sweep,
    const struct trust_sweep_range *range, struct err *err)
{
	struct trust_sweep_range	*grown;
	size_t				 size = sweep->size * 2 + 64;

	if (sweep->n == sweep->size) {
		grown = reallocarray(sweep->v, size, sizeof *grown);
		if (grown == NULL)
			return err_set(err, "out of memory");
		sweep->v = grown;
		sweep->size = size;
	}
	sweep->v[sweep->n++] = *range;
	return 0;
}

/*
 * One table's
 */

struct reader {
	const struct trust		*trust;
	struct trust_sweep		*out;
	const char			*name;		/* looked up last, and
							 * where that lies */
	const struct trust_profile	*profile;
};

static const struct trust_profile *
find_profile(const struct trust *trust, struct span name)
{
	size_t	 i;

	for (i = 0; i < trust->n_profiles; i++)
		if (span_eq(name, trust->profiles[i]->name))
			return trust->profiles[i];
	return NULL;
}

/* A table_range_fn.  Equal results of a cidr table lie in one place. */
static int
read_range(const struct table_range *range, void *arg, struct err *err)
{
	struct reader			*r = arg;
	struct trust_sweep_range	 found = { range->first, range->last,
	    r->profile, range->value.file, range->value.line };

	if (r->profile == NULL || range->value.text.p != r->name ||
	    !span_eq(range->value.text, r->profile->name)) {
		r->name = range->value.text.p;
		r->profile = find_profile(r->trust, range->value.text);
		found.profile = r->profile;
	}
	return trust_sweep_add(r->out, &found, err);
}

/*
 * Several: what the first one has, the next are not asked about
 */

/* What of "range" lies in front of, between and behind those of "first", of
 * which *i_r is the next; these are put out on the way. */
static int
overlay_one(struct trust_sweep *out, const struct trust_sweep *first,
    size_t *i_r, struct trust_sweep_range range, struct err *err)
{
	const struct trust_sweep_range	*over;
	struct trust_sweep_range	 part;

	for (; *i_r < first->n; (*i_r)++) {
		over = &first->v[*i_r];
		if (trust_sweep_compare(&over->first, &range.last) > 0)
			break;
		if (trust_sweep_compare(&over->last, &range.first) >= 0) {
			part = range;
			if (trust_sweep_compare(&range.first,
			    &over->first) < 0) {
				part.last = trust_sweep_before(over->first);
				if (trust_sweep_add(out, &part, err) == -1)
					return -1;
			}
			if (trust_sweep_compare(&over->last,
			    &range.last) >= 0)
				return 0;
			range.first = trust_sweep_next(over->last);
		}
		if (trust_sweep_add(out, over, err) == -1)
			return -1;
	}
	return trust_sweep_add(out, &range, err);
}

/* Puts "next" below what *sweep has. */
static int
overlay(struct trust_sweep *sweep, const struct trust_sweep *next,
    struct err *err)
{
	struct trust_sweep	 out = { .has_patterns = sweep->has_patterns };
	size_t			 i = 0, k;
	int			 result = 0;

	for (k = 0; k < next->n && result == 0; k++)
		result = overlay_one(&out, sweep, &i, next->v[k], err);
	for (; i < sweep->n && result == 0; i++)
		result = trust_sweep_add(&out, &sweep->v[i], err);
	trust_sweep_clear(sweep);
	*sweep = out;
	return result;
}

static bool
is_of(const struct trust_map *map, const char *listener)
{
	if (listener == NULL)
		return map->listener == NULL;
	return map->listener != NULL && strcmp(map->listener, listener) == 0;
}

/* The tables that can be told whole. */
static int
sweep_listed(const struct trust *trust, const char *listener,
    struct trust_sweep *out, struct err *err)
{
	struct trust_sweep	 one = { 0 };
	struct reader		 r = { .trust = trust, .out = &one };
	size_t			 i;
	int			 result = 0;

	for (i = 0; i < trust->n_maps && result == 0; i++) {
		if (!is_of(&trust->maps[i], listener))
			continue;
		if (!table_is_listed(trust->maps[i].table)) {
			out->has_patterns = true;
			continue;
		}
		r.name = NULL;
		result = table_each_range(trust->maps[i].table, read_range,
		    &r, err);
		if (result == 0 && out->n == 0) {
			one.has_patterns = out->has_patterns;
			trust_sweep_clear(out);
			*out = one;
			one = (struct trust_sweep){ 0 };
		} else if (result == 0) {
			result = overlay(out, &one, err);
		}
		one.n = 0;
	}
	trust_sweep_clear(&one);
	return result;
}

/* What all maps together say of an address. */
struct opinion {
	bool				 is_hit;
	const struct trust_profile	*profile;
	const char			*file;
	unsigned			 line;
};

static struct opinion
ask_address(const struct trust *trust, const char *listener,
    const struct address *addr, struct err *err)
{
	struct trust_found	 found = { 0 };
	char			 key[ADDRESS_TEXT_SIZE];
	enum trust_result	 result;

	(void)address_format(addr, key, sizeof key);
	result = trust_maps_ask(trust, listener, key, &found, err);
	return (struct opinion){ result != TRUST_OK || found.profile != NULL,
	    found.profile, found.file, found.line };
}

static bool
is_same(const struct opinion *a, const struct opinion *b)
{
	return a->is_hit == b->is_hit && a->profile == b->profile;
}

static int
add_opinion(struct trust_sweep *out, const struct address *first,
    const struct address *last, const struct opinion *o, struct err *err)
{
	const struct trust_sweep_range	 range = { *first, *last, o->profile,
		o->file, o->line };

	return o->is_hit ? trust_sweep_add(out, &range, err) : 0;
}

/*
 * Adds what all maps say of a range, which is that of the tables that can be
 * told whole.  If its ends are not judged alike, a pattern knows one of them,
 * and nobody can say which others: these are left to those tables.
 */
static int
ask_range(const struct trust *trust, const char *listener,
    const struct trust_sweep_range *range, struct trust_sweep *out,
    struct err *err)
{
	const struct opinion	 listed = { range->file != NULL,
		range->profile, range->file, range->line };
	const struct opinion	 first = ask_address(trust, listener,
				    &range->first, err);
	struct opinion		 second, last;
	struct address		 from, to;

	if (trust_sweep_compare(&range->first, &range->last) == 0)
		return add_opinion(out, &range->first, &range->last, &first,
		    err);
	from = trust_sweep_next(range->first);
	to = trust_sweep_before(range->last);
	second = ask_address(trust, listener, &from, err);
	last = ask_address(trust, listener, &range->last, err);
	if (is_same(&first, &second) && is_same(&first, &last))
		return add_opinion(out, &range->first, &range->last, &first,
		    err);
	if (add_opinion(out, &range->first, &range->first, &first, err) == -1)
		return -1;
	if (trust_sweep_compare(&from, &to) <= 0 &&
	    add_opinion(out, &from, &to, &listed, err) == -1)
		return -1;
	return add_opinion(out, &range->last, &range->last, &last, err);
}

/* Asks about each range of *sweep and each gap. */
static int
ask_all(const struct trust *trust, const char *listener,
    struct trust_sweep *sweep, struct err *err)
{
	struct trust_sweep		 out = { .has_patterns = true };
	struct trust_sweep		 all = { 0 };
	struct trust_sweep_range	 v4 = { .first.family = AF_INET,
					    .last.family = AF_INET };
	struct trust_sweep_range	 v6 = { .first.family = AF_INET6,
					    .last.family = AF_INET6 };
	size_t				 i;
	int				 result;

	memset(v4.last.bytes, 0xff, 4);
	memset(v6.last.bytes, 0xff, 16);
	result = trust_sweep_add(&all, &v4, err);
	if (result == 0)
		result = trust_sweep_add(&all, &v6, err);
	if (result == 0)
		result = overlay(sweep, &all, err);
	for (i = 0; i < sweep->n && result == 0; i++)
		result = ask_range(trust, listener, &sweep->v[i], &out, err);
	trust_sweep_clear(sweep);
	trust_sweep_clear(&all);
	*sweep = out;
	return result;
}

int
trust_sweep_peers(const struct trust *trust, const char *listener,
    struct trust_sweep *out, struct err *err)
{
	if (sweep_listed(trust, listener, out, err) == -1)
		return -1;
	return out->has_patterns ? ask_all(trust, listener, out, err) : 0;
}

/*
 * What is not public
 */

struct collector {
	struct trust_sweep	*out;
	struct err		*err;
	int			 result;
};

static void
collect_net(const struct address_net *net, void *arg)
{
	struct collector		*c = arg;
	struct trust_sweep_range	 range = { .first = net->addr,
					    .last = net->addr };
	size_t				 i;

	for (i = net->bits; i < length(&net->addr) * 8; i++)
		range.last.bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
	if (c->result == 0)
		c->result = trust_sweep_add(c->out, &range, c->err);
}

static int
compare_first(const void *a, const void *b)
{
	const struct trust_sweep_range	*x = a, *y = b;

	return trust_sweep_compare(&x->first, &y->first);
}

/* Sorts, and makes one of those that overlap. */
static void
flatten(struct trust_sweep *sweep)
{
	struct trust_sweep_range	*v = sweep->v;
	size_t				 i, n = 0;

	if (sweep->n == 0)
		return;
	qsort(v, sweep->n, sizeof *v, compare_first);
	for (i = 1; i < sweep->n; i++) {
		if (trust_sweep_compare(&v[i].first, &v[n].last) > 0)
			v[++n] = v[i];
		else if (trust_sweep_compare(&v[i].last, &v[n].last) > 0)
			v[n].last = v[i].last;
	}
	sweep->n = n + 1;
}

/* Takes those out that mean strangers, and joins the others. */
static void
keep_worn(struct trust_sweep *sweep)
{
	struct trust_sweep_range	*v = sweep->v;
	struct address			 next;
	size_t				 i, n = 0;

	for (i = 0; i < sweep->n; i++) {
		if (v[i].profile != NULL &&
		    strcmp(v[i].profile->name, TRUST_STRANGER) == 0)
			continue;
		if (n > 0)
			next = trust_sweep_next(v[n - 1].last);
		if (n > 0 && trust_sweep_compare(&next, &v[i].first) == 0)
			v[n - 1].last = v[i].last;
		else
			v[n++] = v[i];
	}
	sweep->n = n;
}

static bool
is_first_of(const struct trust *trust, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		if (is_of(&trust->maps[i], trust->maps[n].listener))
			return false;
	return true;
}

int
trust_sweep_not_public(const struct trust *trust, struct trust_sweep *out,
    struct err *err)
{
	struct trust_sweep	 worn = { 0 };
	struct collector	 c = { .out = out, .err = err };
	size_t			 i;

	address_each_special(collect_net, &c);
	for (i = 0; i < trust->n_own && c.result == 0; i++)
		c.result = trust_sweep_add(out, &(struct trust_sweep_range){
		    .first = trust->own[i], .last = trust->own[i] }, err);
	flatten(out);
	for (i = 0; i < trust->n_maps && c.result == 0; i++) {
		if (!is_first_of(trust, i))
			continue;
		c.result = trust_sweep_peers(trust, trust->maps[i].listener,
		    &worn, err);
		out->has_patterns |= worn.has_patterns;
		keep_worn(&worn);
		if (c.result == 0)
			c.result = overlay(out, &worn, err);
		trust_sweep_clear(&worn);
	}
	return c.result;
}

/*
 * What there is to sweep
 */

void
trust_sweep_listeners(const struct trust *trust, trust_listener_fn *fn,
    void *arg)
{
	size_t	 i;

	for (i = 0; i < trust->n_maps; i++)
		if (trust->maps[i].listener != NULL && is_first_of(trust, i))
			fn(trust->maps[i].listener, arg);
}

int
trust_sweep_tables(const struct trust *trust, const char *listener,
    trust_table_fn *fn, void *arg, struct err *err)
{
	const struct trust_map	*map;
	size_t			 i;

	for (i = 0; i < trust->n_maps; i++) {
		map = &trust->maps[i];
		if (is_of(map, listener) && fn(map->table, map->file,
		    map->line, arg, err) == -1)
			return -1;
	}
	return 0;
}

enum trust_result
trust_sweep_key(const struct trust *trust, const char *listener,
    const char *key, const struct trust_profile **profile_r, struct err *err)
{
	struct trust_found	 found = { 0 };
	enum trust_result	 result;

	result = trust_maps_ask(trust, listener, key, &found, err);
	if (result == TRUST_OK)
		*profile_r = found.profile;
	return result;
}

int
trust_sweep_items(const struct trust_profile *profile,
    enum assertion_name name, trust_item_fn *fn, void *arg, struct err *err)
{
	return trust_list_each(profile->values[name], fn, arg, err);
}

const struct trust_profile *
trust_sweep_profile(const struct trust *trust, size_t i)
{
	return i < trust->n_profiles ? trust->profiles[i] : NULL;
}

const char *
trust_sweep_place(const struct trust_profile *profile, unsigned *line_r)
{
	*line_r = profile->line;
	return profile->file;
}

bool
trust_sweep_permits(const struct trust *trust,
    const struct trust_profile *profile, enum trust_command command,
    const struct assertion_set *set, enum assertion_name name, bool is_public)
{
	const enum trust_public		 assumed = is_public ?
	    TRUST_PUBLIC_YES : TRUST_PUBLIC_SPECIAL;
	const struct trust_speaker	 speaker = { .profile = profile };
	struct trust			 with = *trust;
	struct verdict			 verdict;

	if ((profile->drop & (1U << name)) != 0)
		return false;
	with.assumed = &assumed;
	trust_decide_attribute(&with, &speaker, command, set, name, &verdict);
	return verdict.action == VERDICT_PERMIT;
}
