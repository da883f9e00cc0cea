/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_union: asks several tables the same and joins their answers with a
 * comma.  One that cannot tell makes the whole answer impossible.
 */
#include "table/table_private.h"

#include <stdlib.h>

#include "table/table_list.h"

struct table_union {
	struct table		 base;
	struct table_list	 list;
};

/* Adds one table's answer; the first that says something is the source. */
static enum table_result
union_add(struct table_answer *res, const struct table_answer *part)
{
	static const struct span	 comma = { ",", 1 };
	enum table_result		 result = TABLE_FOUND;

	if (res->len == 0) {
		res->file = part->file;
		res->line = part->line;
	} else {
		result = table_answer_append(res, comma);
	}
	if (result == TABLE_FOUND)
		result = table_answer_append(res,
		    (struct span){ part->value, part->len });
	return result;
}

static enum table_result
union_find(const struct table *table, struct span key,
    struct table_answer *res)
{
	const struct table_union	*t = (const struct table_union *)table;
	struct table_answer		 part = { 0 };
	enum table_result		 result = TABLE_FOUND;
	size_t				 i;

	res->len = 0;
	for (i = 0; i < t->list.n && result != TABLE_CANNOT_TELL; i++) {
		result = table_find(t->list.v[i], key, &part);
		if (result == TABLE_FOUND)
			result = union_add(res, &part);
		else if (result == TABLE_CANNOT_TELL)
			res->err = part.err;
	}
	table_answer_clear(&part);
	if (result == TABLE_CANNOT_TELL)
		return result;
	return res->len > 0 ? TABLE_FOUND : TABLE_NOT_FOUND;
}

static int
union_each_value(const struct table *table, table_value_fn *fn, void *arg,
    struct err *err)
{
	const struct table_union	*t = (const struct table_union *)table;

	if (t->list.n > 1)
		return 0;
	return table_each_value(t->list.v[0], fn, arg, err);
}

static int
union_each_entry(const struct table *table, table_entry_fn *fn, void *arg,
    struct err *err)
{
	const struct table_union	*t = (const struct table_union *)table;
	size_t				 i;

	for (i = 0; i < t->list.n; i++)
		if (table_each_entry(t->list.v[i], fn, arg, err) == -1)
			return -1;
	return 0;
}

static bool
union_is_listed(const struct table *table)
{
	const struct table_union	*t = (const struct table_union *)table;
	size_t				 i;

	for (i = 0; i < t->list.n; i++)
		if (!table_is_listed(t->list.v[i]))
			return false;
	return true;
}

static bool
union_folds_keys(const struct table *table)
{
	const struct table_union	*t = (const struct table_union *)table;

	return table_folds_keys(t->list.v[0]);
}

static size_t
union_memory(const struct table *table)
{
	const struct table_union	*t = (const struct table_union *)table;

	return sizeof *t + table_list_memory(&t->list);
}

static void
union_free(struct table *table)
{
	struct table_union	*t = (struct table_union *)table;

	table_list_clear(&t->list);
	free(t);
}

static const struct table_ops union_ops = {
	.folds_keys = union_folds_keys,
	.find = union_find,
	.each_value = union_each_value,
	.each_entry = union_each_entry,
	.is_listed = union_is_listed,
	.memory = union_memory,
	.free = union_free,
};

struct table *
table_union_open(const struct table_source *src, struct err *err)
{
	struct table_union	*t;

	if ((t = calloc(1, sizeof *t)) == NULL) {
		(void)err_set(err, "union: out of memory");
		return NULL;
	}
	t->base.ops = &union_ops;
	if (table_list_open(&t->list, src, err) == -1) {
		union_free(&t->base);
		return NULL;
	}
	return &t->base;
}
