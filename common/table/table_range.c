/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_range: what a table answers for all addresses there are.
 *
 * A table that has fixed keys and networks changes its answer at their ends
 * only; so it is asked once between each two of these.
 */
#include "table/table_private.h"

#include <errno.h>
#include <stdlib.h>

#include "table/cidr_pattern.h"

/* Where answers may change: the first addresses of what is to be asked about,
 * of one family. */
struct starts {
	struct address	*v;
	size_t		 n;
	size_t		 size;
};

struct change {
	struct starts	 v4;
	struct starts	 v6;
};

static int
add_start(struct change *c, const struct address *addr, struct err *err)
{
	struct starts	*s = addr->family == AF_INET ? &c->v4 : &c->v6;
	struct address	*grown;

	if (s->n == s->size) {
		grown = reallocarray(s->v, s->size * 2 + 16, sizeof *grown);
		if (grown == NULL)
			return err_set(err, "%s", strerror(errno));
		s->v = grown;
		s->size = s->size * 2 + 16;
	}
	s->v[s->n++] = *addr;
	return 0;
}

static int
add_range(struct change *c, const struct cidr_range *range, struct err *err)
{
	struct address	 next = range->last;

	if (add_start(c, &range->first, err) == -1)
		return -1;
	return cidr_pattern_next(&next) ? add_start(c, &next, err) : 0;
}

/* A table_entry_fn. */
static int
add_entry(const struct table_entry *entry, void *arg, struct err *err)
{
	struct change		*c = arg;
	struct cidr_range	 one;
	size_t			 i;

	if (entry->kind == TABLE_ENTRY_KEY &&
	    cidr_pattern_address(entry->what, &one.first)) {
		one.last = one.first;
		return add_range(c, &one, err);
	}
	if (entry->kind != TABLE_ENTRY_NETWORK)
		return 0;
	for (i = 0; i < entry->n_ranges; i++)
		if (add_range(c, &entry->ranges[i], err) == -1)
			return -1;
	return 0;
}

static int
compare(const void *a, const void *b)
{
	const struct address	*x = a, *y = b;

	return memcmp(x->bytes, y->bytes, sizeof x->bytes);
}

/* The last address in front of that one, which is not the first of all. */
static struct address
before(struct address addr)
{
	size_t	 i = addr.family == AF_INET ? 4 : 16;

	while (addr.bytes[--i]-- == 0)
		continue;
	return addr;
}

static int
ask_one(const struct table *table, const struct address *first,
    const struct address *last, struct table_answer *answer,
    table_range_fn *fn, void *arg, struct err *err)
{
	struct table_range	 range = { .first = *first, .last = *last };
	char			 text[ADDRESS_TEXT_SIZE];

	(void)address_format(first, text, sizeof text);
	switch (table_find(table, span_of(text), answer)) {
	case TABLE_NOT_FOUND:
		return 0;
	case TABLE_FOUND:
		break;
	case TABLE_CANNOT_TELL:
	default:
		return err_set(err, "%s: looking up %s: %.300s",
		    table_label(table->spec).text, text, answer->err.text);
	}
	range.value = (struct table_value){ { answer->value, answer->len },
	    answer->file, answer->line };
	return fn(&range, arg, err);
}

static int
ask_all(const struct table *table, struct starts *s, uint8_t family,
    table_range_fn *fn, void *arg, struct err *err)
{
	struct cidr_range	 all = cidr_pattern_family(family);
	struct table_answer	 answer = { 0 };
	struct address		 last;
	size_t			 i;
	int			 result = 0;

	if (s->n > 0)
		qsort(s->v, s->n, sizeof *s->v, compare);
	for (i = 0; i < s->n && result == 0; i++) {
		if (i + 1 < s->n && compare(&s->v[i], &s->v[i + 1]) == 0)
			continue;
		last = i + 1 < s->n ? before(s->v[i + 1]) : all.last;
		result = ask_one(table, &s->v[i], &last, &answer, fn, arg,
		    err);
	}
	table_answer_clear(&answer);
	return result;
}

int
table_each_range(const struct table *table, table_range_fn *fn, void *arg,
    struct err *err)
{
	struct change			 c = { 0 };
	const struct cidr_range		 v4 = cidr_pattern_family(AF_INET);
	const struct cidr_range		 v6 = cidr_pattern_family(AF_INET6);
	int				 result;

	if (table->ops->each_range != NULL)
		return table->ops->each_range(table, fn, arg, err);
	result = add_start(&c, &v4.first, err);
	if (result == 0)
		result = add_start(&c, &v6.first, err);
	if (result == 0)
		result = table_each_entry(table, add_entry, &c, err);
	if (result == 0)
		result = ask_all(table, &c.v4, AF_INET, fn, arg, err);
	if (result == 0)
		result = ask_all(table, &c.v6, AF_INET6, fn, arg, err);
	free(c.v4.v);
	free(c.v6.v);
	return result;
}
