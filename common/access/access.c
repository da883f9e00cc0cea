/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * access: see access.h.  Of what a message quotes so little is shown that the
 * reason still fits.
 */
#include "access/access.h"

#include <stdio.h>
#include <stdlib.h>

#include "table/table.h"

#define FILE_SHOWN	120	/* bytes of a file's name, or a spec */
#define KEY_SHOWN	100

struct access {
	struct table	**maps;
	size_t		  n_maps;
	char		**classes;	/* NULL behind the last, or no array */
	size_t		  n_classes;
};

struct access *
access_new(void)
{
	return calloc(1, sizeof(struct access));
}

void
access_free(struct access *access)
{
	size_t	 i;

	if (access == NULL)
		return;
	for (i = 0; i < access->n_maps; i++)
		table_free(access->maps[i]);
	for (i = 0; i < access->n_classes; i++)
		free(access->classes[i]);
	free(access->maps);
	free(access->classes);
	free(access);
}

int
access_add_class(struct access *access, const char *name)
{
	char	**grown;

	grown = reallocarray(access->classes, access->n_classes + 2,
	    sizeof *grown);
	if (grown == NULL)
		return -1;
	access->classes = grown;
	grown[access->n_classes] = strdup(name);
	if (grown[access->n_classes] == NULL)
		return -1;
	grown[++access->n_classes] = NULL;
	return 0;
}

static enum action_result
check_action(const struct access *access, struct span text, struct err *why)
{
	return action_check(text, (const char *const *)access->classes, why);
}

/* "file:line: key: why"; without a line, or a key, where there is none. */
static void
explain(struct err *err, const char *file, unsigned line,
    const struct span *key, const char *why)
{
	char	 number[16] = "";
	size_t	 n = key == NULL ? 0 : key->n;

	if (line != 0)
		(void)snprintf(number, sizeof number, ":%u", line);
	(void)err_set(err, "%.*s%s%s: %.*s%s%s%s", FILE_SHOWN, file,
	    strlen(file) > FILE_SHOWN ? "..." : "", number,
	    (int)(n > KEY_SHOWN ? KEY_SHOWN : n), n == 0 ? "" : key->p,
	    n > KEY_SHOWN ? "..." : "", key == NULL ? "" : ": ", why);
}

/* A table_value_fn. */
static int
check_value(const struct table_value *value, void *arg, struct err *err)
{
	const struct access	*access = arg;
	struct err		 why;

	if (check_action(access, value->text, &why) != ACTION_BAD)
		return 0;
	explain(err, value->file, value->line, NULL, why.text);
	return -1;
}

static bool
has_map(const struct access *access, const char *spec)
{
	size_t	 i;

	for (i = 0; i < access->n_maps; i++)
		if (strcmp(table_spec(access->maps[i]), spec) == 0)
			return true;
	return false;
}

static int
add_table(struct access *access, const char *spec,
    const struct table_how *how, struct err *why)
{
	struct table	**grown, *table;

	grown = reallocarray(access->maps, access->n_maps + 1,
	    sizeof *grown);
	if (grown == NULL)
		return err_set(why, "out of memory");
	access->maps = grown;
	table = table_open_from(spec, how, why);
	if (table == NULL)
		return -1;
	if (table_each_value(table, check_value, access, why) == -1) {
		table_free(table);
		return -1;
	}
	grown[access->n_maps++] = table;
	return 0;
}

int
access_add_map(struct access *access, const char *spec, const char *file,
    unsigned line, struct err *err)
{
	const struct table_how	 how = { .file = file, .line = line };
	struct err		 why;

	if (has_map(access, spec) || add_table(access, spec, &how, &why) == 0)
		return 0;
	return err_set_at(err, file, line, "access_maps: %s", why.text);
}

bool
access_is_empty(const struct access *access)
{
	return access->n_maps == 0;
}

/* What a map's answer, found or not, is worth. */
static enum access_result
judge(const struct access *access, const struct table *map,
    enum table_result result, const struct table_answer *res,
    const struct span *key, struct access_answer *answer)
{
	struct err	 why;

	if (result == TABLE_NOT_FOUND)
		return ACCESS_NONE;
	if (result == TABLE_CANNOT_TELL) {
		explain(&answer->err, table_spec(map), 0, key, res->err.text);
		return ACCESS_CANNOT_TELL;
	}
	switch (check_action(access, (struct span){ res->value, res->len },
	    &why)) {
	case ACTION_DUNNO:
		return ACCESS_NONE;
	case ACTION_BAD:
		explain(&answer->err, res->file, res->line, key, why.text);
		return ACCESS_CANNOT_TELL;
	default:
		memcpy(answer->text, res->value, res->len + 1);
		answer->file = res->file;
		answer->line = res->line;
		return ACCESS_FOUND;
	}
}

enum access_result
access_ask(const struct access *access, const struct span *keys, size_t n_keys,
    struct access_answer *answer_r)
{
	enum access_result	 result = ACCESS_NONE;
	enum table_result	 status;
	struct table_answer	 res = { 0 };
	size_t			 i, j;

	for (i = 0; i < access->n_maps && result == ACCESS_NONE; i++) {
		for (j = 0; j < n_keys && result == ACCESS_NONE; j++) {
			status = table_find(access->maps[i], keys[j], &res);
			result = judge(access, access->maps[i], status, &res,
			    &keys[j], answer_r);
			if (result == ACCESS_FOUND)
				answer_r->key = j;
		}
	}
	table_answer_clear(&res);
	return result;
}
