/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_pipe: each table's answer is the question to the next.  The first
 * that does not find ends it.
 */
#include "table/table_private.h"

#include <stdlib.h>

#include "table/table_list.h"

struct table_pipe {
	struct table		 base;
	struct table_list	 list;
};

static enum table_result
pipe_find(const struct table *table, struct span key,
    struct table_answer *res)
{
	const struct table_pipe	*t = (const struct table_pipe *)table;
	struct table_answer	 in = { 0 }, out;
	enum table_result	 result;
	size_t			 i;

	result = table_find(t->list.v[0], key, res);
	for (i = 1; i < t->list.n && result == TABLE_FOUND; i++) {
		out = in;
		in = *res;
		*res = out;
		result = table_find(t->list.v[i],
		    (struct span){ in.value, in.len }, res);
	}
	table_answer_clear(&in);
	return result;
}

static int
pipe_each_value(const struct table *table, table_value_fn *fn, void *arg,
    struct err *err)
{
	const struct table_pipe	*t = (const struct table_pipe *)table;

	return table_each_value(t->list.v[t->list.n - 1], fn, arg, err);
}

static int
pipe_each_entry(const struct table *table, table_entry_fn *fn, void *arg,
    struct err *err)
{
	const struct table_pipe	*t = (const struct table_pipe *)table;

	return table_each_entry(t->list.v[0], fn, arg, err);
}

/* Where the first does not change its answer, no other does. */
static bool
pipe_is_listed(const struct table *table)
{
	const struct table_pipe	*t = (const struct table_pipe *)table;

	return table_is_listed(t->list.v[0]);
}

static bool
pipe_folds_keys(const struct table *table)
{
	const struct table_pipe	*t = (const struct table_pipe *)table;

	return table_folds_keys(t->list.v[0]);
}

static size_t
pipe_memory(const struct table *table)
{
	const struct table_pipe	*t = (const struct table_pipe *)table;

	return sizeof *t + table_list_memory(&t->list);
}

static void
pipe_free(struct table *table)
{
	struct table_pipe	*t = (struct table_pipe *)table;

	table_list_clear(&t->list);
	free(t);
}

static const struct table_ops pipe_ops = {
	.folds_keys = pipe_folds_keys,
	.find = pipe_find,
	.each_value = pipe_each_value,
	.each_entry = pipe_each_entry,
	.is_listed = pipe_is_listed,
	.memory = pipe_memory,
	.free = pipe_free,
};

struct table *
table_pipe_open(const struct table_source *src, struct err *err)
{
	struct table_pipe	*t;

	if ((t = calloc(1, sizeof *t)) == NULL) {
		(void)err_set(err, "pipemap: out of memory");
		return NULL;
	}
	t->base.ops = &pipe_ops;
	if (table_list_open(&t->list, src, err) == -1) {
		pipe_free(&t->base);
		return NULL;
	}
	return &t->base;
}
