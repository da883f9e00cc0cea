/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_static: one answer to every question, "static:text" or
 * "static:{ text with blanks }".
 */
#include "table/table_private.h"

#include <errno.h>
#include <stdlib.h>

struct table_static {
	struct table	 base;
	char		*room;		/* owns what value points into */
	const char	*value;
};

static enum table_result
static_find(const struct table *table, struct span key,
    struct table_answer *res)
{
	const struct table_static	*t = (const struct table_static *)table;

	(void)key;
	return table_answer_set(res, span_of(t->value), table->spec, 0);
}

static int
static_each_value(const struct table *table, table_value_fn *fn, void *arg,
    struct err *err)
{
	const struct table_static	*t = (const struct table_static *)table;
	const struct table_value	 value = { span_of(t->value),
	    table->spec, 0 };

	return fn(&value, arg, err);
}

static int
static_each_entry(const struct table *table, table_entry_fn *fn, void *arg,
    struct err *err)
{
	const struct table_static	*t = (const struct table_static *)table;
	const struct table_entry	 entry = { .kind = TABLE_ENTRY_ANY,
	    .what = { "*", 1 }, .value = span_of(t->value),
	    .file = table->spec };

	return fn(&entry, arg, err);
}

static size_t
static_memory(const struct table *table)
{
	const struct table_static	*t = (const struct table_static *)table;

	return sizeof *t + strlen(t->value) + 1;
}

static void
static_free(struct table *table)
{
	struct table_static	*t = (struct table_static *)table;

	free(t->room);
	free(t);
}

static const struct table_ops static_ops = {
	.folds_keys = table_always_folds,
	.find = static_find,
	.each_value = static_each_value,
	.each_entry = static_each_entry,
	.memory = static_memory,
	.free = static_free,
};

struct table *
table_static_open(const struct table_source *src, struct err *err)
{
	struct table_static	*t;

	t = calloc(1, sizeof *t);
	if (t == NULL || (t->room = strdup(src->name)) == NULL) {
		(void)err_set(err, "static: %s", strerror(errno));
		free(t);
		return NULL;
	}
	t->base.ops = &static_ops;
	t->value = t->room;
	if (*t->room == '{')
		t->value = table_brace_strip(t->room, err);
	if (t->value == NULL) {
		static_free(&t->base);
		return NULL;
	}
	return &t->base;
}
