/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table: opens a table by its type, and does before and after each lookup
 * what Postfix does for all types.
 */
#include "table/table_private.h"

#include <errno.h>
#include <stdlib.h>

#define RESULT_MIN	64

static const struct table_type {
	const char	*name;
	table_opener	*open;
	bool		 is_file;	/* never written inline */
} types[] = {
	{ "cidr",	table_cidr_open,	false },
	{ "inline",	table_inline_open,	false },
	{ "lmdb",	table_lmdb_open,	true },
	{ "pcre",	table_pcre_open,	false },
	{ "pipemap",	table_pipe_open,	false },
	{ "regexp",	table_regexp_open,	false },
	{ "static",	table_static_open,	false },
	{ "texthash",	table_texthash_open,	false },
	{ "union",	table_union_open,	false },
	{ "unionmap",	table_union_open,	false },
};

#define NTYPES	(sizeof types / sizeof types[0])

static const struct table_type *
type_find(struct span name)
{
	size_t	 i;

	for (i = 0; i < NTYPES; i++)
		if (span_eq(name, types[i].name))
			return &types[i];
	return NULL;
}

bool
table_skips(const struct table_source *src, const char *file, unsigned line,
    const char *why, struct err *err)
{
	struct table_skips	*skips = src->how->skips;

	(void)err_set_at(err, table_label(file).text, line, "%s", why);
	/* What is written inline is the administrator's own. */
	if (skips == NULL || !skips->is_lenient || *src->name == '{')
		return false;
	if (skips->n++ == 0)
		skips->first = *err;
	return true;
}

/* Opens a table of that type; spec becomes the table's. */
static struct table *
open_as(const struct table_type *type, char *spec,
    const struct table_source *src, struct err *err)
{
	struct table	*table;
	char		*named_in = NULL;

	if (src->how->file != NULL && !type->is_file &&
	    (named_in = strdup(src->how->file)) == NULL) {
		(void)err_set(err, "%.60s: %s", spec, strerror(errno));
		return NULL;
	}
	table = type->open(src, err);
	if (table == NULL) {
		free(named_in);
		return NULL;
	}
	table->spec = spec;
	table->named_in = named_in;
	table->named_line = src->how->line;
	return table;
}

struct table *
table_open_nested(const char *spec, unsigned depth,
    const struct table_how *how, struct err *err)
{
	struct table_source	 src = { .depth = depth, .how = how };
	const struct table_type	*type;
	const char		*colon = strchr(spec, ':');
	struct table		*table;
	char			*copy;

	if (colon == NULL || colon == spec || colon[1] == '\0') {
		(void)err_set(err, "\"%.60s\": expected type:name", spec);
		return NULL;
	}
	type = type_find((struct span){ spec, (size_t)(colon - spec) });
	if (type == NULL) {
		(void)err_set(err, "%.60s: there is no such type of table",
		    spec);
		return NULL;
	}
	if (depth > TABLE_DEPTH_MAX) {
		(void)err_set(err, "%.60s: tables are nested too deeply", spec);
		return NULL;
	}
	if ((copy = strdup(spec)) == NULL) {
		(void)err_set(err, "%.60s: %s", spec, strerror(errno));
		return NULL;
	}
	src.spec = copy;
	src.name = copy + (colon - spec) + 1;
	if ((table = open_as(type, copy, &src, err)) == NULL)
		free(copy);
	return table;
}

struct table *
table_open_from(const char *spec, const struct table_how *how,
    struct err *err)
{
	if (how->skips != NULL)
		how->skips->n_tables++;
	return table_open_nested(spec, 0, how, err);
}

struct table *
table_open(const char *spec, struct err *err)
{
	return table_open_from(spec, &(struct table_how){ .file = NULL }, err);
}

void
table_free(struct table *table)
{
	char	*spec, *named_in;

	if (table == NULL)
		return;
	spec = table->spec;
	named_in = table->named_in;
	table->ops->free(table);
	free(spec);
	free(named_in);
}

const char *
table_spec(const struct table *table)
{
	return table->spec;
}

bool
table_folds_keys(const struct table *table)
{
	return table->ops->folds_keys(table);
}

bool
table_never_folds(const struct table *table)
{
	(void)table;
	return false;
}

bool
table_always_folds(const struct table *table)
{
	(void)table;
	return true;
}

/*
 * The length of the UTF-8 character at p, 0 if it is none: continuation
 * bytes astray, overlong forms, surrogates, above U+10FFFF.
 */
static size_t
utf8_char(const unsigned char *p, size_t n)
{
	size_t		 len, i;
	unsigned	 c = p[0], min, max;

	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	len = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (n < len)
		return 0;
	min = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	max = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	if (p[1] < min || p[1] > max)
		return 0;
	for (i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

/* Skips what is plainly ASCII, eight bytes at a time. */
static size_t
ascii_prefix(struct span s)
{
	uint64_t	 word;
	size_t		 i;

	for (i = 0; i + sizeof word <= s.n; i += sizeof word) {
		memcpy(&word, s.p + i, sizeof word);
		if ((word & 0x8080808080808080u) != 0)
			break;
	}
	return i;
}

bool
table_is_utf8(struct span s)
{
	const unsigned char	*p = (const unsigned char *)s.p;
	size_t			 i, len;

	for (i = ascii_prefix(s); i < s.n; i += len)
		if ((len = utf8_char(p + i, s.n - i)) == 0)
			return false;
	return true;
}

static enum table_result
cannot_tell(struct table_answer *res, const char *why)
{
	(void)err_set(&res->err, "%s", why);
	return TABLE_CANNOT_TELL;
}

static bool
result_reserve(struct table_answer *res, size_t n)
{
	size_t	 size = res->size == 0 ? RESULT_MIN : res->size;
	char	*p;

	while (size < n)
		size *= 2;
	if (size == res->size)
		return true;
	if ((p = realloc(res->value, size)) == NULL)
		return false;
	res->value = p;
	res->size = size;
	return true;
}

enum table_result
table_answer_append(struct table_answer *res, struct span value)
{
	if (value.n > TABLE_VALUE_MAX - res->len)
		return cannot_tell(res, "the result is too long");
	if (!result_reserve(res, res->len + value.n + 1))
		return cannot_tell(res, strerror(ENOMEM));
	span_copy(res->value + res->len, value);
	res->len += value.n;
	res->value[res->len] = '\0';
	return TABLE_FOUND;
}

enum table_result
table_answer_set(struct table_answer *res, struct span value,
    const char *file, unsigned line)
{
	res->file = file;
	res->line = line;
	res->len = 0;
	return table_answer_append(res, value);
}

void
table_answer_clear(struct table_answer *res)
{
	free(res->value);
	*res = (struct table_answer){ 0 };
}

static void
fold(char *to, struct span key)
{
	size_t	 i;

	for (i = 0; i < key.n; i++)
		to[i] = key.p[i] >= 'A' && key.p[i] <= 'Z' ?
		    (char)(key.p[i] - 'A' + 'a') : key.p[i];
}

static enum table_result
find_folded(const struct table *table, struct span key,
    struct table_answer *res)
{
	enum table_result	 result;
	char			 room[256], *copy = room;

	if (key.n > sizeof room && (copy = malloc(key.n)) == NULL)
		return cannot_tell(res, strerror(errno));
	fold(copy, key);
	result = table->ops->find(table, (struct span){ copy, key.n }, res);
	if (copy != room)
		free(copy);
	return result;
}

static bool
key_is_possible(struct span key)
{
	return key.n == 0 || (!span_has(key, '\0') && table_is_utf8(key));
}

/* A rule that stands in the table's own spec is where that is named. */
static void
name_place(const struct table *table, const char **file, unsigned *line)
{
	if (table->named_in == NULL || *file != table->spec)
		return;
	*file = table->named_in;
	*line = table->named_line;
}

enum table_result
table_find(const struct table *table, struct span key,
    struct table_answer *res)
{
	enum table_result	 status;

	if (!table->ops->takes_any_key && !key_is_possible(key))
		return TABLE_NOT_FOUND;
	if (table->ops->folds_keys(table))
		status = find_folded(table, key, res);
	else
		status = table->ops->find(table, key, res);
	if (status == TABLE_FOUND &&
	    !table_is_utf8((struct span){ res->value, res->len }))
		return cannot_tell(res, "the result is not UTF-8");
	if (status == TABLE_FOUND)
		name_place(table, &res->file, &res->line);
	return status;
}

int
table_each_value(const struct table *table, table_value_fn *fn, void *arg,
    struct err *err)
{
	if (table->ops->each_value == NULL)
		return 0;
	return table->ops->each_value(table, fn, arg, err);
}

/* Who wants a table's entries, with their places as they were named. */
struct telling {
	const struct table	*table;
	table_entry_fn		*fn;
	void			*arg;
};

static int
tell_entry(const struct table_entry *entry, void *arg, struct err *err)
{
	const struct telling	*t = arg;
	struct table_entry	 named = *entry;

	name_place(t->table, &named.file, &named.line);
	return t->fn(&named, t->arg, err);
}

int
table_each_entry(const struct table *table, table_entry_fn *fn, void *arg,
    struct err *err)
{
	struct telling	 t = { table, fn, arg };

	return table->ops->each_entry(table, tell_entry, &t, err);
}

bool
table_is_listed(const struct table *table)
{
	return table->ops->is_listed == NULL || table->ops->is_listed(table);
}

bool
table_never_listed(const struct table *table)
{
	(void)table;
	return false;
}

size_t
table_memory(const struct table *table)
{
	return table->ops->memory(table) + strlen(table->spec) + 1 +
	    (table->named_in == NULL ? 0 : strlen(table->named_in) + 1);
}
