/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * context_header: see context_header.h.  It counts where it cannot write, so
 * that the length is known in either case.
 */
#include "session/context_header.h"

#include <assert.h>

#include "context/context_escape.h"
#include "session/context_view.h"

#define WIDTH	78	/* characters without CRLF */
#define ALSO	";,%"	/* encoded besides what xtext demands */

struct pen {
	char	*buf;
	size_t	 size;
	size_t	 len;
	size_t	 column;	/* characters in the line so far */
};

static void
put(struct pen *pen, const char *text, size_t len)
{
	if (pen->len + len <= pen->size)
		memcpy(pen->buf + pen->len, text, len);
	pen->len += len;
	pen->column += len;
}

static void
fold(struct pen *pen)
{
	put(pen, "\n\t", 2);
	pen->column = 1;
}

/* Whether so much fits the line, and a ';' behind it. */
static bool
has_room(const struct pen *pen, size_t len)
{
	return pen->column + len + 1 <= WIDTH;
}

static void
put_value(struct pen *pen, struct span value)
{
	char	 buf[CONTEXT_ESCAPE_SIZE];
	size_t	 len;

	for (; value.n > 0; value = span_skip(value, 1)) {
		len = context_escape_byte(value.p[0], ALSO, buf);
		if (!has_room(pen, len))
			fold(pen);
		put(pen, buf, len);
	}
}

static void
put_pair(struct pen *pen, const struct context_item *item)
{
	size_t	 name_len = strlen(item->name);
	size_t	 len = name_len + 1 +
		    context_escape_length(item->value, ALSO);

	/* A header must not begin with an empty line. */
	if (pen->len > 0) {
		put(pen, ";", 1);
		if (has_room(pen, 1 + len))
			put(pen, " ", 1);
		else
			fold(pen);
	}
	put(pen, item->name, name_len);
	put(pen, "=", 1);
	put_value(pen, item->value);
}

/* NULL: neither view has it. */
static const struct context_item *
find(const char *name, const struct context_view *connection,
    const struct context_view *message)
{
	const struct context_item	*item = NULL;

	if (connection != NULL)
		item = context_view_find(connection, name);
	if (item == NULL && message != NULL)
		item = context_view_find(message, name);
	return item;
}

enum context_header_result
context_header_print(const char *header, const char *const *names,
    const struct context_view *connection,
    const struct context_view *message, char *buf, size_t size, size_t *len_r)
{
	const struct context_item	*item;
	struct pen			 pen = { buf, size, 0, 0 };

	assert(strlen(header) <= CONTEXT_HEADER_NAME_MAX);
	pen.column = strlen(header) + strlen(": ");
	for (; *names != NULL; names++) {
		item = find(*names, connection, message);
		if (item != NULL)
			put_pair(&pen, item);
	}
	if (pen.len == 0)
		return CONTEXT_HEADER_NONE;
	*len_r = pen.len;
	if (pen.len >= size)
		return CONTEXT_HEADER_TOO_LONG;
	buf[pen.len] = '\0';
	return CONTEXT_HEADER_DONE;
}
