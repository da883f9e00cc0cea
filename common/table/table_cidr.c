/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_cidr: networks, first match wins (cidr_table(5)).
 *
 * Each rule becomes the address ranges for which it is right: inside or, with
 * "!", outside of its network within its address family, and inside of the
 * ranges of the "if" blocks around it.  addrmap then answers which rule is
 * the first for an address.  Of a rule only its line and the place of its
 * result are kept, in addrmap; equal results are kept once.
 *
 * cidr_pattern reads the networks and the keys.
 */
#include "table/table_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "table/addrmap.h"
#include "table/cidr_pattern.h"

#define NO_RESULT	UINT32_MAX
#define SHOWN_MAX	100	/* of a network as it is written */

struct range_list {
	struct cidr_range	*v;
	size_t			 n;
};

/* The addresses for which an open "if" lets the rules inside be asked. */
struct block {
	struct range_list	 ranges;
	unsigned		 line;
};

struct table_cidr {
	struct table	 base;
	char		*path;
	const char	*file;
	char		*pool;		/* of each result, the line where it
					 * first stands, and it with a NUL */
	size_t		 pool_len;
	struct addrmap	*map;		/* rule: its line; tag: its result */
};

/* What exists only while the table is loaded, or its rules are told. */
struct loader {
	struct table_cidr	*t;
	table_entry_fn		*fn;	/* who wants to know the rules; NULL:
					 * they are kept */
	void			*arg;
	bool			 is_stopped;	/* by them, not by a line */
	struct addrmap_builder	*builder;
	struct block		*block;	/* block[0] is the whole table */
	size_t			 nblocks;
	size_t			 pool_size;
	uint32_t		*slot;	/* results by hash, or NO_RESULT */
	size_t			 nslots;
	size_t			 nresults;
};

static int
no_memory(struct err *why)
{
	return err_set(why, "%s", strerror(errno));
}

static uint32_t
hash(const char *s)
{
	uint32_t	 h = 0x811c9dc5u;

	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * 0x01000193u;
	return h ^ h >> 15;
}

static size_t
result_slot(const struct loader *l, const char *s)
{
	size_t	 i;

	for (i = hash(s); ; i++) {
		i &= l->nslots - 1;
		if (l->slot[i] == NO_RESULT ||
		    strcmp(l->t->pool + l->slot[i], s) == 0)
			return i;
	}
}

static bool
results_grow(struct loader *l)
{
	uint32_t	*old = l->slot;
	size_t		 i, nold = l->nslots;

	if (l->nslots > l->nresults * 2)
		return true;
	l->nslots = nold == 0 ? 64 : nold * 2;
	if ((l->slot = calloc(l->nslots, sizeof *l->slot)) == NULL) {
		l->slot = old;
		return false;
	}
	memset(l->slot, 0xff, l->nslots * sizeof *l->slot);
	for (i = 0; i < nold; i++)
		if (old[i] != NO_RESULT)
			l->slot[result_slot(l, l->t->pool + old[i])] = old[i];
	free(old);
	return true;
}

static bool
pool_reserve(struct loader *l, size_t n)
{
	size_t	 size = l->pool_size == 0 ? 1024 : l->pool_size;
	char	*p;

	while (size < n)
		size *= 2;
	if (size == l->pool_size)
		return true;
	if ((p = realloc(l->t->pool, size)) == NULL)
		return false;
	l->t->pool = p;
	l->pool_size = size;
	return true;
}

/* Keeps one copy of each result, and says where. */
static bool
add_result(struct loader *l, const char *s, uint32_t line, uint32_t *result_r)
{
	struct table_cidr	*t = l->t;
	size_t			 n = sizeof line + strlen(s) + 1, slot;

	if (!results_grow(l))
		return false;
	slot = result_slot(l, s);
	if (l->slot[slot] == NO_RESULT) {
		if (t->pool_len + n >= NO_RESULT) {
			errno = EFBIG;
			return false;
		}
		if (!pool_reserve(l, t->pool_len + n))
			return false;
		memcpy(t->pool + t->pool_len, &line, sizeof line);
		memcpy(t->pool + t->pool_len + sizeof line, s,
		    n - sizeof line);
		l->slot[slot] = (uint32_t)(t->pool_len + sizeof line);
		t->pool_len += n;
		l->nresults++;
	}
	*result_r = l->slot[slot];
	return true;
}

static int
add_rule(struct loader *l, const struct cidr_range *own, size_t nown,
    const char *result, unsigned line, struct err *why)
{
	const struct range_list	*allowed = &l->block[l->nblocks - 1].ranges;
	struct cidr_range	 both;
	uint32_t		 at;
	size_t			 i, j;

	if (!add_result(l, result, line, &at))
		return no_memory(why);
	for (i = 0; i < allowed->n; i++)
		for (j = 0; j < nown; j++)
			if (cidr_pattern_intersect(&allowed->v[i], &own[j],
			    &both) &&
			    !addrmap_builder_add_tag(l->builder, &both.first,
			    &both.last, line, at))
				return no_memory(why);
	return 0;
}

/* Tells of the rule to who wants to know. */
static int
tell_rule(struct loader *l, const struct cidr_range *own, size_t nown,
    struct table_entry *entry, struct err *why)
{
	const struct range_list	*inside = &l->block[l->nblocks - 1].ranges;
	struct cidr_range	*v;
	size_t			 i, j;
	int			 result;

	/* One more than can be, so that 0 ranges are no special case. */
	v = calloc(inside->n * nown + 1, sizeof *v);
	if (v == NULL)
		return no_memory(why);
	for (i = 0; i < inside->n; i++)
		for (j = 0; j < nown; j++)
			if (cidr_pattern_intersect(&inside->v[i], &own[j],
			    &v[entry->n_ranges]))
				entry->n_ranges++;
	entry->ranges = v;
	entry->kind = TABLE_ENTRY_NETWORK;
	entry->is_conditional = l->nblocks > 1;
	result = l->fn(entry, l->arg, why);
	l->is_stopped = result == -1;
	free(v);
	return result;
}

static int
push_block(struct loader *l, struct range_list ranges, unsigned line,
    struct err *why)
{
	struct block	*v;

	v = reallocarray(l->block, l->nblocks + 1, sizeof *v);
	if (v == NULL || ranges.v == NULL) {
		if (v != NULL)
			l->block = v;
		free(ranges.v);
		return no_memory(why);
	}
	l->block = v;
	v[l->nblocks++] = (struct block){ ranges, line };
	return 0;
}

static int
push_whole_table(struct loader *l, struct err *why)
{
	struct range_list	 all = { calloc(2, sizeof *all.v), 2 };

	if (all.v != NULL) {
		all.v[0] = cidr_pattern_family(AF_INET);
		all.v[1] = cidr_pattern_family(AF_INET6);
	}
	return push_block(l, all, 0, why);
}

static int
begin_if(struct loader *l, const struct cidr_range *own, size_t nown,
    unsigned line, struct err *why)
{
	const struct range_list	*outer = &l->block[l->nblocks - 1].ranges;
	struct range_list	 inner = { 0 };
	size_t			 i, j;

	/* One more than can be, so that 0 ranges are no special case. */
	inner.v = calloc(outer->n * CIDR_PATTERN_RANGES_MAX + 1,
	    sizeof *inner.v);
	for (i = 0; inner.v != NULL && i < outer->n; i++)
		for (j = 0; j < nown; j++)
			if (cidr_pattern_intersect(&outer->v[i], &own[j],
			    &inner.v[inner.n]))
				inner.n++;
	return push_block(l, inner, line, why);
}

static int
end_if(struct loader *l, const char *rest, struct err *why)
{
	while (table_isspace(*rest))
		rest++;
	if (*rest != '\0')
		return err_set(why, "text behind \"endif\"");
	if (l->nblocks == 1)
		return err_set(why, "\"endif\" without \"if\"");
	free(l->block[--l->nblocks].ranges.v);
	return 0;
}

static bool
is_word(const char *line, const char *word)
{
	size_t	 n = strlen(word);

	return strncasecmp(line, word, n) == 0 && !table_isalnum(line[n]);
}

static char *
skip_negation(char *p, bool *negated_r)
{
	*negated_r = false;
	for (; *p == '!' || table_isspace(*p); p++)
		if (*p == '!')
			*negated_r = !*negated_r;
	return p;
}

static int
load_line(struct loader *l, char *line, unsigned number, struct err *why)
{
	struct cidr_range	 own[CIDR_PATTERN_RANGES_MAX];
	struct table_entry	 entry = { .file = l->t->file,
				    .line = number };
	char			*pattern, *result, what[SHOWN_MAX];
	bool			 negated, is_if = is_word(line, "if");
	size_t			 n;

	if (is_word(line, "endif"))
		return end_if(l, line + strlen("endif"), why);
	if (is_if)
		line += strlen("if");
	pattern = skip_negation(line, &negated);
	if (is_if)
		pattern = table_trim(pattern);
	for (result = pattern; *result != '\0'; result++)
		if (!is_if && table_isspace(*result))
			break;
	if (*result != '\0')
		*result++ = '\0';
	result = table_trim(result);
	if (*pattern == '\0')
		return err_set(why, "expected an address or network");
	(void)snprintf(what, sizeof what, "%s", line);
	if (cidr_pattern_parse(pattern, negated, own, &n, why) == -1)
		return -1;
	if (is_if)
		return begin_if(l, own, n, number, why);
	if (*result == '\0')
		return err_set(why, "expected a result behind the network");
	if (l->fn == NULL)
		return add_rule(l, own, n, result, number, why);
	entry.what = span_of(what);
	entry.value = span_of(result);
	return tell_rule(l, own, n, &entry, why);
}

/* Says whether a line that load_line does not take may be passed over. */
static bool
is_skipped(const struct table_source *src, const struct table_file *file,
    const struct table_line *line, bool is_rule, const struct err *why,
    struct err *err)
{
	if (is_rule)
		return table_skips(src, file->name, line->number, why->text,
		    err);
	(void)err_set_at(err, table_label(file->name).text, line->number, "%s",
	    why->text);
	return false;
}

static int
load_lines(struct loader *l, const struct table_source *src,
    struct table_file *file, struct err *err)
{
	struct table_line	 line;
	struct err		 why;
	int			 more;
	bool			 is_rule;

	while ((more = table_file_next(file, &line, err)) == 1) {
		is_rule = !is_word(line.text, "if") &&
		    !is_word(line.text, "endif");
		if (load_line(l, line.text, line.number, &why) == -1 &&
		    !is_skipped(src, file, &line, is_rule, &why, err))
			return -1;
	}
	if (more == -1)
		return -1;
	if (l->nblocks > 1)
		return err_set_at(err, table_label(file->name).text,
		    l->block[l->nblocks - 1].line, "\"if\" without \"endif\"");
	return 0;
}

/* Gives back what doubling took too much. */
static void
shrink(struct table_cidr *t)
{
	char	*p;

	if (t->pool_len > 0 && (p = realloc(t->pool, t->pool_len)) != NULL)
		t->pool = p;
}

static int
load(struct loader *l, const struct table_source *src,
    struct table_file *file, struct err *err)
{
	if ((l->builder = addrmap_builder_new()) == NULL)
		return no_memory(err);
	if (push_whole_table(l, err) == -1 || load_lines(l, src, file,
	    err) == -1)
		return -1;
	shrink(l->t);
	if ((l->t->map = addrmap_build(l->builder)) == NULL)
		return no_memory(err);
	return 0;
}

static void
loader_clear(struct loader *l)
{
	while (l->nblocks > 0)
		free(l->block[--l->nblocks].ranges.v);
	free(l->block);
	free(l->slot);
	addrmap_builder_free(l->builder);
}

static enum table_result
cidr_find(const struct table *table, struct span key,
    struct table_answer *res)
{
	const struct table_cidr	*t = (const struct table_cidr *)table;
	struct address		 addr;
	uint32_t		 line, result;

	if (!cidr_pattern_address(key, &addr))
		return TABLE_NOT_FOUND;
	line = addrmap_find_tag(t->map, &addr, &result);
	if (line == ADDRMAP_NONE)
		return TABLE_NOT_FOUND;
	return table_answer_set(res, span_of(t->pool + result), t->file, line);
}

static int
cidr_each_value(const struct table *table, table_value_fn *fn, void *arg,
    struct err *err)
{
	const struct table_cidr	*t = (const struct table_cidr *)table;
	struct table_value	 value = { .file = t->file };
	uint32_t		 line;
	size_t			 at;

	for (at = 0; at < t->pool_len; at += value.text.n + 1) {
		memcpy(&line, t->pool + at, sizeof line);
		at += sizeof line;
		value.text = span_of(t->pool + at);
		value.line = line;
		if (fn(&value, arg, err) == -1)
			return -1;
	}
	return 0;
}

/* What was passed over when the table was loaded is no rule now either. */
static int
tell_lines(struct loader *l, struct table_file *file, struct err *err)
{
	struct table_line	 line;
	struct err		 why;
	int			 more;

	while ((more = table_file_next(file, &line, err)) == 1) {
		l->is_stopped = false;
		if (load_line(l, line.text, line.number, &why) == -1 &&
		    l->is_stopped) {
			*err = why;
			return -1;
		}
	}
	return more;
}

static int
cidr_each_entry(const struct table *table, table_entry_fn *fn, void *arg,
    struct err *err)
{
	const struct table_how	 how = { .file = NULL };
	struct table_source	 src = { .spec = table->spec, .how = &how,
				    .name = strchr(table->spec, ':') + 1 };
	struct table_cidr	 shown = { .file =
				    ((const struct table_cidr *)table)->file };
	struct loader		 l = { .t = &shown, .fn = fn, .arg = arg };
	struct table_file	 file;
	int			 result;

	if ((result = table_file_open(&file, &src, err)) == 0 &&
	    (result = push_whole_table(&l, err)) == 0)
		result = tell_lines(&l, &file, err);
	table_file_close(&file);
	loader_clear(&l);
	return result;
}

/* Who wants ranges. */
struct ranges {
	const struct table	*table;
	table_range_fn		*fn;
	void			*arg;
	struct err		*err;
};

static bool
tell_range(const struct address *first, const struct address *last,
    uint32_t rule, uint32_t tag, void *arg)
{
	const struct ranges	*r = arg;
	const struct table_cidr	*t = (const struct table_cidr *)r->table;
	const struct table_range	 range = { *first, *last,
	    { span_of(t->pool + tag), t->file, rule } };

	return r->fn(&range, r->arg, r->err) == 0;
}

static int
cidr_each_range(const struct table *table, table_range_fn *fn, void *arg,
    struct err *err)
{
	const struct table_cidr	*t = (const struct table_cidr *)table;
	struct ranges		 r = { table, fn, arg, err };

	return addrmap_each(t->map, tell_range, &r) ? 0 : -1;
}

static size_t
cidr_memory(const struct table *table)
{
	const struct table_cidr	*t = (const struct table_cidr *)table;

	return sizeof *t + t->pool_len +
	    addrmap_memory(t->map) +
	    (t->path == NULL ? 0 : strlen(t->path) + 1);
}

static void
cidr_free(struct table *table)
{
	struct table_cidr	*t = (struct table_cidr *)table;

	free(t->path);
	free(t->pool);
	addrmap_free(t->map);
	free(t);
}

static const struct table_ops cidr_ops = {
	.folds_keys = table_never_folds,
	.find = cidr_find,
	.each_value = cidr_each_value,
	.each_entry = cidr_each_entry,
	.each_range = cidr_each_range,
	.memory = cidr_memory,
	.free = cidr_free,
	.takes_any_key = true,
};

struct table *
table_cidr_open(const struct table_source *src, struct err *err)
{
	struct table_cidr	*t;
	struct table_file	 file;
	struct loader		 l = { 0 };
	int			 result;

	if ((t = calloc(1, sizeof *t)) == NULL) {
		no_memory(err);
		return NULL;
	}
	t->base.ops = &cidr_ops;
	l.t = t;
	if ((result = table_file_open(&file, src, err)) == 0)
		result = load(&l, src, &file, err);
	t->file = table_file_take_name(&file, &t->path);
	table_file_close(&file);
	loader_clear(&l);
	if (result == -1) {
		cidr_free(&t->base);
		return NULL;
	}
	return &t->base;
}
