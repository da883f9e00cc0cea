/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * rights_address: the values of attributes that are addresses.
 *
 * Between two ends of networks of the lists, an address is judged by whether it
 * is "public" alone.  So each part is asked about twice for each side, and the
 * addresses that are not public, of which there may be a million, are only
 * walked over where that matters.
 */
#include "rights_private.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "table/cidr_pattern.h"

/*
 * Where "public" is not the same
 */

static void
push_cell(struct rights_cells *cells, const struct rights_cell *cell)
{
	struct rights_cell	*grown;
	size_t			 size = cells->size * 2 + 64;

	if (cells->n == cells->size) {
		grown = reallocarray(cells->v, size, sizeof *grown);
		if (grown == NULL)
			ctl_die(EX_OSERR, "out of memory");
		cells->v = grown;
		cells->size = size;
	}
	cells->v[cells->n++] = *cell;
}

static void
add_cell(struct rights *r, const struct rights_cell *cell)
{
	push_cell(&r->cells, cell);
	if (cell->is_not[0] != cell->is_not[1])
		push_cell(&r->diffs, cell);
}

/* What is the next of that side: the range that holds *at or begins behind. */
static const struct trust_sweep_range *
next_of(const struct trust_sweep *s, size_t *i, const struct address *at)
{
	while (*i < s->n && trust_sweep_compare(&s->v[*i].last, at) < 0)
		(*i)++;
	return *i < s->n ? &s->v[*i] : NULL;
}

static bool
begins_by(const struct trust_sweep_range *range, const struct address *at)
{
	return range != NULL && trust_sweep_compare(&range->first, at) <= 0;
}

/* Shortens the cell, which is not to go into that range, or beyond it. */
static void
end_cell(struct rights_cell *cell, const struct trust_sweep_range *range)
{
	struct address	 end;

	if (range == NULL)
		return;
	end = range->last;
	if (trust_sweep_compare(&range->first, &cell->first) > 0)
		end = trust_sweep_before(range->first);
	if (range->first.family == cell->first.family &&
	    trust_sweep_compare(&end, &cell->last) < 0)
		cell->last = end;
}

static void
make_cells(struct rights *r, const struct trust_sweep not[2])
{
	const struct trust_sweep_range	*range[2];
	struct rights_cell		 cell = { .first.family = AF_INET };
	size_t				 at[2] = { 0, 0 };
	int				 k;

	for (;;) {
		for (k = 0; k < 2; k++)
			range[k] = next_of(&not[k], &at[k], &cell.first);
		if (range[0] == NULL && range[1] == NULL)
			break;
		cell.last = cidr_pattern_family(cell.first.family).last;
		for (k = 0; k < 2; k++) {
			cell.is_not[k] = begins_by(range[k], &cell.first);
			end_cell(&cell, range[k]);
		}
		if (cell.is_not[0] || cell.is_not[1])
			add_cell(r, &cell);
		if (cidr_pattern_next(&cell.last)) {
			cell.first = cell.last;
			continue;
		}
		if (cell.first.family == AF_INET6)
			break;
		cell.first = cidr_pattern_family(AF_INET6).first;
	}
}

struct rights *
rights_new(const struct conf *old, const struct conf *new, char *const *tries)
{
	struct rights		*r = calloc(1, sizeof *r);
	struct trust_sweep	 not[2] = { 0 };
	struct err		 err;
	int			 i;

	if (r == NULL)
		ctl_die(EX_OSERR, "out of memory");
	r->trust[0] = old->trust;
	r->trust[1] = new->trust;
	r->tries = tries;
	for (i = 0; i < 2; i++) {
		if (trust_sweep_not_public(r->trust[i], &not[i], &err) == -1)
			ctl_cannot_tell(&err);
		r->has_patterns |= not[i].has_patterns;
	}
	make_cells(r, not);
	for (i = 0; i < 2; i++)
		trust_sweep_clear(&not[i]);
	return r;
}

void
rights_free(struct rights *r)
{
	if (r == NULL)
		return;
	free(r->cells.v);
	free(r->diffs.v);
	free(r);
}

/*
 * Where the lists may change their mind
 */

struct starts {
	struct address	*v;
	size_t		 n;
	size_t		 size;
	bool		 has_patterns;
	FILE		*text;		/* of all that there is */
};

static void
add_start(struct starts *s, const struct address *addr)
{
	if (s->n == s->size) {
		s->size = s->size * 2 + 64;
		s->v = reallocarray(s->v, s->size, sizeof *s->v);
		if (s->v == NULL)
			ctl_die(EX_OSERR, "out of memory");
	}
	s->v[s->n++] = *addr;
}

static void
add_ends(struct starts *s, const struct address *first,
    const struct address *last)
{
	struct address	 next = *last;

	add_start(s, first);
	if (cidr_pattern_next(&next))
		add_start(s, &next);
}

/* A table_entry_fn. */
static int
add_entry(const struct table_entry *e, void *arg, struct err *err)
{
	struct starts	*s = arg;
	struct address	 addr;
	size_t		 i;

	(void)err;
	fprintf(s->text, "%d %.*s\n", e->is_conditional, (int)e->what.n,
	    e->what.p);
	if (e->kind == TABLE_ENTRY_PATTERN)
		s->has_patterns = true;
	if (e->kind == TABLE_ENTRY_KEY && cidr_pattern_address(e->what, &addr))
		add_ends(s, &addr, &addr);
	for (i = 0; i < e->n_ranges; i++)
		add_ends(s, &e->ranges[i].first, &e->ranges[i].last);
	return 0;
}

/* A trust_item_fn. */
static int
add_item(const struct trust_item *item, void *arg, struct err *err)
{
	struct starts		*s = arg;
	char			 text[128];
	struct cidr_range	 range[CIDR_PATTERN_RANGES_MAX];
	struct address_net	 net;
	size_t			 n;

	fprintf(s->text, "%d %d %s\n", (int)item->kind, item->is_negated,
	    item->table != NULL ? "" : item->text);
	if (item->kind == TRUST_ITEM_TABLE)
		return table_each_entry(item->table, add_entry, s, err);
	if (item->kind != TRUST_ITEM_NETWORK ||
	    !address_parse_net(span_of(item->text), &net))
		return 0;
	/* As it is read: an IPv4 network in IPv6's words is IPv4's. */
	(void)address_format(&net.addr, text, ADDRESS_TEXT_SIZE);
	(void)snprintf(text + strlen(text), 8, "/%u", net.bits);
	if (cidr_pattern_parse(text, false, range, &n, err) == -1)
		return -1;
	add_ends(s, &range[0].first, &range[0].last);
	return 0;
}

static int
compare(const void *a, const void *b)
{
	return trust_sweep_compare(a, b);
}

static size_t
uniq(struct address *v, size_t n)
{
	size_t	 i, kept = 0;

	if (n > 0)
		qsort(v, n, sizeof *v, compare);
	for (i = 0; i < n; i++)
		if (kept == 0 || trust_sweep_compare(&v[kept - 1], &v[i]) !=
		    0)
			v[kept++] = v[i];
	return kept;
}

/* What nobody can say lies between these: 0.0.0.0/8 and ::/32, but for
 * 0.0.0.0, :: and ::1. */
static void
add_unsayable(struct starts *s)
{
	struct address	 a = { .family = AF_INET };

	add_start(s, &a);
	a.bytes[3] = 1;
	add_start(s, &a);
	a = (struct address){ .family = AF_INET, .bytes[0] = 1 };
	add_start(s, &a);
	a = (struct address){ .family = AF_INET6 };
	add_start(s, &a);
	a.bytes[15] = 1;
	add_start(s, &a);
	a.bytes[15] = 2;
	add_start(s, &a);
	a = (struct address){ .family = AF_INET6, .bytes[3] = 1 };
	add_start(s, &a);
}

/*
 * One part
 */

/* Some addresses that no list tells apart: by side and by whether they are not
 * public, whether they pass. */
struct part {
	struct address	 first;
	struct address	 last;
	bool		 passes[2][2];
};

static bool
make_set(const struct rights_task *t, const struct address *addr,
    struct assertion_set *set)
{
	char	 text[ADDRESS_TEXT_SIZE];

	assertion_init(set, t->command == TRUST_XFORWARD ?
	    ASSERTION_XFORWARD : ASSERTION_XCLIENT);
	(void)address_format(addr, text, sizeof text);
	return assertion_set_value(set, t->name, ASSERTION_VALUE,
	    span_of(text));
}

/* False: nobody can say these. */
static bool
ask_part(const struct rights_task *t, struct part *part)
{
	struct assertion_set	 set;
	int			 side, is_not;

	if (!make_set(t, &part->first, &set))
		return false;
	for (side = 0; side < 2; side++)
		for (is_not = 0; is_not < 2; is_not++)
			part->passes[side][is_not] = trust_sweep_permits(
			    t->trust[side], t->profile[side], t->command,
			    &set, t->name, is_not == 0);
	return true;
}

static void
found(struct rights_task *t, bool is_gain, const struct address *first,
    const struct address *last)
{
	const struct trust_sweep_range	 range = { .first = *first,
		.last = *last };
	struct rights_found		*f = &t->found[is_gain];
	struct assertion_set		 set;
	char				 line[ASSERTION_LINE_MAX];
	char				 text[ADDRESS_TEXT_SIZE];
	size_t				 len;

	networks_add(&f->ranges, &range);
	if (f->line != NULL)
		return;
	if (!make_set(t, first, &set) || !assertion_print(&set, line,
	    sizeof line, &len))
		return;
	if (t->command == TRUST_XREMOTEIP)
		(void)snprintf(line, sizeof line, "XREMOTEIP %s",
		    address_format(first, text, sizeof text));
	if ((f->line = strdup(line)) == NULL)
		ctl_die(EX_OSERR, "out of memory");
}

static void
found_if(struct rights_task *t, const struct part *part, bool not_old,
    bool not_new, const struct address *first, const struct address *last)
{
	bool	 old = part->passes[0][not_old];
	bool	 new = part->passes[1][not_new];

	if (old != new && trust_sweep_compare(first, last) <= 0)
		found(t, new, first, last);
}

/* The first cell that does not end in front of that address. */
static size_t
first_cell(const struct rights_cells *cells, const struct address *at)
{
	size_t	 low = 0, high = cells->n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (trust_sweep_compare(&cells->v[mid].last, at) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Walks over the cells in the part; between them all is public to both. */
static void
walk_cells(struct rights_task *t, const struct part *part,
    const struct rights_cells *cells, bool with_gaps)
{
	const struct rights_cell	*c;
	struct address			 at = part->first, first, last;
	size_t				 i;

	for (i = first_cell(cells, &part->first); i < cells->n; i++) {
		c = &cells->v[i];
		if (trust_sweep_compare(&c->first, &part->last) > 0)
			break;
		first = trust_sweep_compare(&c->first, &part->first) < 0 ?
		    part->first : c->first;
		last = trust_sweep_compare(&c->last, &part->last) > 0 ?
		    part->last : c->last;
		if (with_gaps && trust_sweep_compare(&at, &first) < 0) {
			struct address	 before = trust_sweep_before(first);

			found_if(t, part, false, false, &at, &before);
		}
		found_if(t, part, c->is_not[0], c->is_not[1], &first, &last);
		if (trust_sweep_compare(&last, &part->last) == 0)
			return;
		at = trust_sweep_next(last);
	}
	if (with_gaps)
		found_if(t, part, false, false, &at, &part->last);
}

static void
compare_part(struct rights_task *t, struct part *part)
{
	bool	 all_public, none_public;

	if (!ask_part(t, part))
		return;
	all_public = part->passes[0][0] != part->passes[1][0];
	none_public = part->passes[0][1] != part->passes[1][1];
	if (part->passes[0][0] == part->passes[0][1] &&
	    part->passes[1][0] == part->passes[1][1])
		found_if(t, part, false, false, &part->first, &part->last);
	else if (all_public || none_public)
		walk_cells(t, part, &t->rights->cells, true);
	else
		walk_cells(t, part, &t->rights->diffs, false);
}

void
rights_compare_addresses(struct rights_task *t)
{
	struct starts	 s = { .n = 0 };
	struct part	 part;
	struct err	 err;
	char		*text[2] = { NULL, NULL };
	size_t		 i, size;
	int		 side;

	for (side = 0; side < 2; side++) {
		s.text = open_memstream(&text[side], &size);
		if (s.text == NULL)
			ctl_die(EX_OSERR, "out of memory");
		if (trust_sweep_items(t->profile[side], t->name, add_item, &s,
		    &err) == -1)
			ctl_cannot_tell(&err);
		(void)fclose(s.text);
	}
	add_unsayable(&s);
	s.n = uniq(s.v, s.n);
	for (i = 0; i < s.n; i++) {
		part.first = s.v[i];
		part.last = i + 1 < s.n && s.v[i + 1].family ==
		    part.first.family ? trust_sweep_before(s.v[i + 1]) :
		    cidr_pattern_family(part.first.family).last;
		compare_part(t, &part);
	}
	if (s.has_patterns && (text[0] == NULL || text[1] == NULL ||
	    strcmp(text[0], text[1]) != 0))
		rights_tell_undecided(t, assertion_name_text(t->name));
	free(text[0]);
	free(text[1]);
	free(s.v);
}
