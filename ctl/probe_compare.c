/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * probe_compare: where two servers differ, by what they replied to the same
 * cases.  Texts are the server's own; it is code and status that count.
 */
#include "probe.h"

static bool
is_same(const json_t *a, const json_t *b)
{
	return json_equal(json_object_get(a, "code"),
	    json_object_get(b, "code")) &&
	    json_equal(json_object_get(a, "status"),
	    json_object_get(b, "status"));
}

/* What a server replied; it may not have been asked. */
static json_t *
said(const json_t *reply, const json_t *of)
{
	const char	*why = output_text_at(of, "why");

	if (reply != NULL)
		return output_text(output_text_at(reply, "reply"));
	return output_text(*why == '\0' ? "not said" : why);
}

static void
add_row(json_t *rows, const json_t *a, const json_t *b, const json_t *first,
    const json_t *second)
{
	json_t		*row = output_new();
	const char	*stage = output_text_at(first == NULL ? second : first,
			    "command");

	output_put(row, "title", output_text(output_text_at(a, "title")));
	output_put(row, "line", json_copy(json_object_get(a, "line")));
	output_put(row, "stage", output_text(*stage == '\0' ? "greeting" :
	    stage));
	output_put(row, "first", said(first, a));
	output_put(row, "second", said(second, b));
	output_append(rows, row);
}

json_t *
probe_compare(const json_t *first, const json_t *second)
{
	json_t		*rows = output_new_array();
	const json_t	*a, *b, *x, *y, *of_a, *of_b;
	size_t		 i, k;

	json_array_foreach(first, i, a) {
		b = json_array_get(second, i);
		of_a = json_object_get(a, "replies");
		of_b = json_object_get(b, "replies");
		for (k = 0; k < json_array_size(of_a) ||
		    k < json_array_size(of_b); k++) {
			x = json_array_get(of_a, k);
			y = json_array_get(of_b, k);
			if (x == NULL || y == NULL || !is_same(x, y))
				add_row(rows, a, b, x, y);
		}
	}
	return rows;
}
