/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * lint_table: rules of trust_maps that never count, or count for too many.
 *
 * Which rule of a table is the first for an address, the table says itself; so
 * a rule is dead if no range that it tells of is that rule's.
 */
#include "lint.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "table/cidr_pattern.h"
#include "trust/trust_sweep.h"

/* Networks larger than these are not one organisation's. */
#define WIDE_BITS_V4	8
#define WIDE_BITS_V6	28

/* One rule's addresses. */
struct net {
	struct cidr_range	 range;
	unsigned		 line;
	char			*what;
	char			*value;
};

/* A table as it is walked over. */
struct walk {
	struct lint		*lint;
	const char		*listener;
	const struct table	*table;
	const struct table	*before[64];	/* those in front of it */
	unsigned		 n_before;
	struct trust_sweep	 peers;		/* of all of them together */
	bool			*is_first;	/* by line: in its own table */
	bool			*counts;	/* by line: in all */
	size_t			 n_lines;
	struct net		*nets;
	size_t			 n_nets;
	char			**patterns;
	size_t			 n_patterns;
};

static const struct lint_kind	 dead = { "dead_rule", LINT_WARNING,
	"whoever wrote it believes that it is in force",
	"remove it, or put it in front of the rule that hides it" };
static const struct lint_kind	 shadowed = { "shadowed_rule", LINT_WARNING,
	"an earlier table of trust_maps answers all that it is about",
	"remove it, or change the order of trust_maps" };
static const struct lint_kind	 overlap = { "overlapping_networks", LINT_NOTE,
	"which of them counts hangs on the order of the lines alone",
	"see that the order is meant; \"xcontext may\" tells what an address "
	    "has" };
static const struct lint_kind	 internet = { "internet", LINT_ERROR,
	"anybody there can say to be somebody else",
	"name the networks of the messengers" };
static const struct lint_kind	 root = { "root", LINT_WARNING,
	"the built-in profile may assert everything, any login included",
	"write a profile with what is needed" };

static void *
grow(void *array, size_t n, size_t size)
{
	void	*grown = reallocarray(array, n, size);

	if (grown == NULL)
		ctl_die(EX_OSERR, "out of memory");
	return grown;
}

static char *
copy(struct span s)
{
	char	*text = strndup(s.p, s.n);

	if (text == NULL)
		ctl_die(EX_OSERR, "out of memory");
	return text;
}

static void
reserve_line(struct walk *w, unsigned line)
{
	size_t	 n = w->n_lines;

	if (line < n)
		return;
	w->n_lines = (size_t)line * 2 + 64;
	w->is_first = grow(w->is_first, w->n_lines, sizeof(bool));
	w->counts = grow(w->counts, w->n_lines, sizeof(bool));
	memset(w->is_first + n, 0, w->n_lines - n);
	memset(w->counts + n, 0, w->n_lines - n);
}

/* A table_range_fn. */
static int
mark_first(const struct table_range *range, void *arg, struct err *err)
{
	struct walk	*w = arg;

	(void)err;
	reserve_line(w, range->value.line);
	w->is_first[range->value.line] = true;
	return 0;
}

/* The rule that answers for that address; false: none. */
static bool
first_rule(const struct table *table, const struct address *addr,
    struct table_answer *answer)
{
	char	 text[ADDRESS_TEXT_SIZE];

	(void)address_format(addr, text, sizeof text);
	return table_find(table, span_of(text), answer) == TABLE_FOUND;
}

static void
look_whether_dead(struct walk *w, const struct table_entry *e)
{
	struct table_answer	 answer = { 0 };

	if (e->n_ranges == 0)
		lint_add(w->lint, &dead, e->file, e->line, "%.*s: no address "
		    "is right for it and for the \"if\" around it",
		    (int)e->what.n, e->what.p);
	else if (!w->is_first[e->line] &&
	    first_rule(w->table, &e->ranges[0].first, &answer))
		lint_add(w->lint, &dead, e->file, e->line, "%.*s never "
		    "counts: line %u is in front of it", (int)e->what.n,
		    e->what.p, answer.line);
	else if (!w->counts[e->line])
		lint_add(w->lint, &shadowed, e->file, e->line,
		    "%.*s never counts: a table in front of %s has all of it",
		    (int)e->what.n, e->what.p, e->file);
	table_answer_clear(&answer);
}

/*
 * The Internet
 */

struct within {
	const struct cidr_range	*range;
	bool			 is_so;
};

/* An address_net_fn. */
static void
see_special(const struct address_net *net, void *arg)
{
	struct within	*w = arg;

	if (address_in_net(&w->range->first, net) &&
	    address_in_net(&w->range->last, net))
		w->is_so = true;
}

static bool
is_wide(const struct cidr_range *range)
{
	unsigned	 bits = range->first.family == AF_INET ?
			    WIDE_BITS_V4 : WIDE_BITS_V6, i;
	struct within	 private = { .range = range };

	address_each_special(see_special, &private);
	if (private.is_so)
		return false;
	/* Larger than such a network: the two ends lie in different ones, or
	 * are those of a whole one. */
	for (i = 0; i < bits; i++)
		if (((range->first.bytes[i / 8] ^ range->last.bytes[i / 8]) &
		    0x80 >> i % 8) != 0)
			return true;
	return false;
}

static bool
grants_anything(const struct walk *w, struct span value)
{
	const struct trust_profile	*profile;
	char				*name = copy(value);

	profile = trust_profile_find(w->lint->conf->trust, name);
	free(name);
	return profile == NULL || trust_profile_may_any(profile);
}

static void
look_how_wide(struct walk *w, const struct table_entry *e)
{
	bool	 found = e->kind == TABLE_ENTRY_ANY;
	size_t	 i;

	for (i = 0; i < e->n_ranges; i++)
		found |= is_wide(&e->ranges[i]);
	if (found && grants_anything(w, e->value))
		lint_add(w->lint, &internet, e->file, e->line,
		    "%.*s is \"%.*s\": that is the Internet, or much of it",
		    (int)e->what.n, e->what.p, (int)e->value.n, e->value.p);
}

/*
 * Each rule
 */

static void
keep_nets(struct walk *w, const struct table_entry *e)
{
	size_t	 i;

	w->nets = grow(w->nets, w->n_nets + e->n_ranges + 1,
	    sizeof *w->nets);
	for (i = 0; i < e->n_ranges; i++)
		w->nets[w->n_nets++] = (struct net){ e->ranges[i], e->line,
		    copy(e->what), copy(e->value) };
}

static void
look_at_key(struct walk *w, const struct table_entry *e)
{
	struct table_answer	 answer = { 0 };
	unsigned		 i;

	for (i = 0; i < w->n_before; i++)
		if (table_find(w->before[i], e->what, &answer) ==
		    TABLE_FOUND) {
			lint_add(w->lint, &shadowed, e->file, e->line,
			    "%.*s never counts: %s:%u is in front of it",
			    (int)e->what.n, e->what.p, answer.file,
			    answer.line);
			break;
		}
	table_answer_clear(&answer);
}

/* Whether two patterns match the same only their texts tell. */
static void
look_at_pattern(struct walk *w, const struct table_entry *e)
{
	size_t	 i;

	for (i = 0; i < w->n_patterns; i++)
		if (span_eq(e->what, w->patterns[i])) {
			lint_add(w->lint, &dead, e->file, e->line,
			    "%.*s never counts: it stands in front of itself",
			    (int)e->what.n, e->what.p);
			return;
		}
	if (e->is_conditional)
		return;
	w->patterns = grow(w->patterns, w->n_patterns + 1,
	    sizeof *w->patterns);
	w->patterns[w->n_patterns++] = copy(e->what);
}

/* A table_entry_fn. */
static int
look_at_entry(const struct table_entry *e, void *arg, struct err *err)
{
	struct walk	*w = arg;

	(void)err;
	if (span_eq(e->value, TRUST_ROOT))
		lint_add(w->lint, &root, e->file, e->line,
		    "%.*s has the profile \"%s\"", (int)e->what.n, e->what.p,
		    TRUST_ROOT);
	look_how_wide(w, e);
	switch (e->kind) {
	case TABLE_ENTRY_NETWORK:
		if (table_is_listed(w->table))
			look_whether_dead(w, e);
		keep_nets(w, e);
		break;
	case TABLE_ENTRY_KEY:
		look_at_key(w, e);
		break;
	case TABLE_ENTRY_PATTERN:
		look_at_pattern(w, e);
		break;
	case TABLE_ENTRY_ANY:
		break;
	}
	return 0;
}

/*
 * Overlaps: a network in another one, both live
 */

static int
compare_nets(const void *a, const void *b)
{
	const struct net	*x = a, *y = b;
	int			 cmp;

	cmp = trust_sweep_compare(&x->range.first, &y->range.first);
	if (cmp == 0)
		cmp = trust_sweep_compare(&y->range.last, &x->range.last);
	if (cmp == 0)
		cmp = x->line < y->line ? -1 : x->line > y->line;
	return cmp;
}

static void
look_for_overlaps(struct walk *w, const char *file)
{
	const struct net	**open = grow(NULL, w->n_nets + 1,
				    sizeof *open), *net, *outer;
	size_t			  i, n = 0;

	if (w->n_nets > 0)
		qsort(w->nets, w->n_nets, sizeof *w->nets, compare_nets);
	for (i = 0; i < w->n_nets; i++) {
		net = &w->nets[i];
		if (!w->is_first[net->line])
			continue;
		while (n > 0 && trust_sweep_compare(&open[n - 1]->range.last,
		    &net->range.first) < 0)
			n--;
		outer = n > 0 ? open[n - 1] : NULL;
		if (outer != NULL && outer->line != net->line &&
		    strcmp(outer->value, net->value) != 0)
			lint_add(w->lint, &overlap, file, net->line,
			    "%s is \"%s\", and lies in %s, line %u, which is "
			    "\"%s\"", net->what, net->value, outer->what,
			    outer->line, outer->value);
		open[n++] = net;
	}
	free(open);
}

static void
forget_table(struct walk *w)
{
	size_t	 i;

	for (i = 0; i < w->n_nets; i++) {
		free(w->nets[i].what);
		free(w->nets[i].value);
	}
	for (i = 0; i < w->n_patterns; i++)
		free(w->patterns[i]);
	free(w->nets);
	free(w->patterns);
	free(w->is_first);
	free(w->counts);
	w->nets = NULL;
	w->patterns = NULL;
	w->is_first = w->counts = NULL;
	w->n_nets = w->n_patterns = w->n_lines = 0;
}

/* Which lines count for somebody: by the place that the sweep tells. */
static void
mark_counting(struct walk *w, const char *file)
{
	const struct trust_sweep_range	*range;
	size_t				 i;

	for (i = 0; i < w->peers.n; i++) {
		range = &w->peers.v[i];
		if (range->file == NULL || strcmp(range->file, file) != 0)
			continue;
		reserve_line(w, range->line);
		w->counts[range->line] = true;
	}
}

/* A table_entry_fn. */
static int
see_line(const struct table_entry *e, void *arg, struct err *err)
{
	(void)err;
	reserve_line(arg, e->line);
	return 0;
}

/* What stands inline has one line for all of its rules. */
static const char *
file_of(const struct table *table)
{
	const char	*colon = strchr(table_spec(table), ':');

	return colon[1] == '/' ? colon + 1 : NULL;
}

/* A trust_table_fn. */
static int
look_at_table(const struct table *table, const char *file, unsigned line,
    void *arg, struct err *err)
{
	struct walk	*w = arg;
	const char	*name = file_of(table);

	(void)file;
	(void)line;
	w->table = table;
	reserve_line(w, 0);
	if (table_each_entry(table, see_line, w, err) == -1)
		return -1;
	if (table_is_listed(table) &&
	    table_each_range(table, mark_first, w, err) == -1)
		return -1;
	if (name != NULL && !w->peers.has_patterns)
		mark_counting(w, name);
	else
		memset(w->counts, true, w->n_lines);
	if (name == NULL)
		memset(w->is_first, true, w->n_lines);
	if (table_each_entry(table, look_at_entry, w, err) == -1)
		return -1;
	if (name != NULL)
		look_for_overlaps(w, name);
	forget_table(w);
	if (w->n_before < sizeof w->before / sizeof w->before[0])
		w->before[w->n_before++] = table;
	return 0;
}

static void
look_at_listener(const char *listener, void *arg)
{
	struct walk	 w = { .lint = arg, .listener = listener };
	struct err	 err;

	if (trust_sweep_peers(w.lint->conf->trust, listener, &w.peers,
	    &err) == -1 || trust_sweep_tables(w.lint->conf->trust, listener,
	    look_at_table, &w, &err) == -1)
		ctl_cannot_tell(&err);
	trust_sweep_clear(&w.peers);
}

void
lint_tables(struct lint *lint)
{
	look_at_listener(NULL, lint);
	trust_sweep_listeners(lint->conf->trust, look_at_listener, lint);
}
