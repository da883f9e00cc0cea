/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_list: see table_list.h.  What may stand between the braces is
 * table_brace.c's to know.
 */
#include "table/table_list.h"

#include <errno.h>
#include <stdlib.h>

static int
list_add(struct table_list *list, const char *spec,
    const struct table_source *src, struct err *err)
{
	struct table	**v;

	v = reallocarray(list->v, list->n + 1, sizeof *v);
	if (v == NULL)
		return err_set(err, "%s", strerror(errno));
	list->v = v;
	v[list->n] = table_open_nested(spec, src->depth + 1, src->how, err);
	if (v[list->n] == NULL)
		return -1;
	list->n++;
	return 0;
}

int
table_list_open(struct table_list *list, const struct table_source *src,
    struct err *err)
{
	char	*copy, *rest, *token;
	int	 result = 0;

	if ((copy = strdup(src->name)) == NULL)
		return err_set(err, "%s", strerror(errno));
	if ((rest = table_brace_strip(copy, err)) == NULL)
		result = -1;
	while (result == 0 && (token = table_brace_token(&rest)) != NULL)
		result = list_add(list, token, src, err);
	if (result == 0 && list->n == 0)
		result = err_set(err, "%s: expected {type:name, ...}",
		    table_label(src->spec).text);
	free(copy);
	return result;
}

void
table_list_clear(struct table_list *list)
{
	size_t	 i;

	for (i = 0; i < list->n; i++)
		table_free(list->v[i]);
	free(list->v);
	*list = (struct table_list){ 0 };
}

size_t
table_list_memory(const struct table_list *list)
{
	size_t	 i, n = list->n * sizeof *list->v;

	for (i = 0; i < list->n; i++)
		n += table_memory(list->v[i]);
	return n;
}
