/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_check: opens tables, and checks what they answer and hold.  Specs and
 * keys end at an unreadable page.
 */
#ifndef XC_T_TABLE_CHECK_H
#define XC_T_TABLE_CHECK_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge.h"
#include "table/table.h"
#include "tempdir.h"

static char	 dir[TEMPDIR_SIZE];

static inline void
write_file(const char *name, const char *text, size_t n)
{
	char	 path[100];
	FILE	*f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(text, 1, n, f), n);
	ck_assert_int_eq(fclose(f), 0);
}

/* Opens a spec that ends at an unreadable page. */
static inline struct table *
open_at_edge(const char *spec, struct err *err)
{
	char		*copy = edge_copy(spec, strlen(spec) + 1);
	struct table	*table = table_open(copy, err);

	edge_free(copy, strlen(spec) + 1);
	return table;
}

/* type:text, where text is a file's if there is a file name in place of it. */
static inline struct table *
open_text(const char *type, const char *text, struct err *err)
{
	char	 spec[120];

	write_file("table", text, strlen(text));
	snprintf(spec, sizeof(spec), "%s:%s/table", type, dir);
	return open_at_edge(spec, err);
}

static inline enum table_result
find_at_edge(const struct table *table, struct span key,
    struct table_answer *res)
{
	char			*copy = edge_copy(key.p, key.n);
	enum table_result	 result;

	result = table_find(table, (struct span){ copy, key.n }, res);
	edge_free(copy, key.n);
	return result;
}

static const char	*const status_names[] = { "found", "not found",
    "cannot tell" };

static inline void
check_row(const char *name, const struct table *table, struct span key,
    enum table_result want, const char *value, unsigned line)
{
	struct table_answer	 res = { 0 };
	enum table_result	 got = find_at_edge(table, key, &res);

	ck_assert_msg(got == want, "%s: got \"%s\", want \"%s\" (%s)", name,
	    status_names[got], status_names[want],
	    got == TABLE_CANNOT_TELL ? res.err.text : "");
	if (got == TABLE_FOUND) {
		ck_assert_msg(strcmp(res.value, value) == 0 &&
		    res.len == strlen(value), "%s: got \"%s\", want \"%s\"",
		    name, res.value, value);
		ck_assert_msg(res.line == line, "%s: got line %u, want %u",
		    name, res.line, line);
		ck_assert_ptr_nonnull(res.file);
	}
	table_answer_clear(&res);
}

struct seen {
	char		 text[200];
	unsigned	 left;		/* values until it has enough */
};

static inline int
see_value(const struct table_value *value, void *arg, struct err *err)
{
	struct seen	*seen = arg;
	size_t		 n = strlen(seen->text);

	ck_assert_ptr_nonnull(value->file);
	ck_assert_ptr_null(memchr(value->text.p, '\0', value->text.n));
	if (seen->left-- == 0)
		return err_set(err, "enough");
	snprintf(seen->text + n, sizeof(seen->text) - n, "%.*s@%u|",
	    (int)value->text.n, value->text.p, value->line);
	return 0;
}

static inline void
check_values(const char *name, struct table *table, const char *want)
{
	struct seen	 seen = { .left = 100 };
	struct err	 err = { "" };

	ck_assert_ptr_nonnull(table);
	ck_assert_int_eq(table_each_value(table, see_value, &seen, &err), 0);
	ck_assert_msg(strcmp(seen.text, want) == 0,
	    "%s: got \"%s\", want \"%s\"", name, seen.text, want);
	/* It stops when it is told. */
	seen = (struct seen){ .left = 0 };
	ck_assert_msg(table_each_value(table, see_value, &seen, &err) ==
	    (*want == '\0' ? 0 : -1), "%s: was not stopped", name);
	ck_assert_str_eq(err.text, *want == '\0' ? "" : "enough");
	ck_assert_str_eq(seen.text, "");
	table_free(table);
}

#endif
