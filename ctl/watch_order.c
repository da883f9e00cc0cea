/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * watch_order: which rows are shown, in which order, and which is selected.
 */
#include <bsd/string.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "watch_private.h"

const char *
watch_cell(const json_t *row, const char *key, char buf[32])
{
	const json_t	*value = json_object_get(row, key);

	if (json_is_string(value))
		return json_string_value(value);
	if (!json_is_integer(value))
		return "-";
	(void)snprintf(buf, 32, "%" JSON_INTEGER_FORMAT,
	    json_integer_value(value));
	return buf;
}

static bool
fits(const struct watch *w, const json_t *row)
{
	char	 buf[32];
	size_t	 c;

	if (w->filter[0] == '\0')
		return true;
	for (c = 0; w->columns[c].key != NULL; c++)
		if (strcasestr(watch_cell(row, w->columns[c].key, buf),
		    w->filter) != NULL)
			return true;
	return false;
}

/* Numbers as such; addresses among texts, by their digits. */
static int
compare_cells(const json_t *a, const json_t *b, const char *key)
{
	const json_t	*x = json_object_get(a, key);
	const json_t	*y = json_object_get(b, key);
	char		 buf_a[32], buf_b[32];

	if (json_is_integer(x) && json_is_integer(y))
		return (json_integer_value(x) > json_integer_value(y)) -
		    (json_integer_value(x) < json_integer_value(y));
	return strverscmp(watch_cell(a, key, buf_a),
	    watch_cell(b, key, buf_b));
}

/* Those that are alike stay in the order of their names, so that nothing jumps
 * about from one look to the next. */
static int
compare(const void *va, const void *vb, void *arg)
{
	const struct watch	*w = arg;
	const json_t		*a = *(const json_t *const *)va;
	const json_t		*b = *(const json_t *const *)vb;
	int			 cmp;

	cmp = compare_cells(a, b, w->columns[w->by].key);
	if (w->is_falling)
		cmp = -cmp;
	return cmp != 0 ? cmp : compare_cells(a, b, "session");
}

void
watch_select(struct watch *w, size_t n)
{
	if (n >= w->n_shown)
		n = w->n_shown == 0 ? 0 : w->n_shown - 1;
	w->at = n;
	if (w->n_shown > 0)
		(void)strlcpy(w->selected, output_text_at(w->shown[n],
		    "session"), sizeof w->selected);
}

void
watch_order(struct watch *w)
{
	const json_t	*row;
	size_t		 i;

	free(w->shown);
	w->shown = calloc(json_array_size(w->rows) + 1, sizeof *w->shown);
	if (w->shown == NULL)
		ctl_die(EX_OSERR, "out of memory");
	w->n_shown = 0;
	json_array_foreach(w->rows, i, row)
		if (fits(w, row))
			w->shown[w->n_shown++] = row;
	qsort_r(w->shown, w->n_shown, sizeof *w->shown, compare, w);
	for (i = 0; i < w->n_shown; i++)
		if (strcmp(output_text_at(w->shown[i], "session"),
		    w->selected) == 0)
			break;
	watch_select(w, i < w->n_shown ? i : w->at);
}
