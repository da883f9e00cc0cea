/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * message: see message.h.  A header of our name is only counted, for libmilter
 * takes headers away by number.  Of the Received: headers the one that the
 * profile counts is kept, and one octet more than may be read, so that it is
 * seen to be too long.
 */
#include "message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
message_clear(struct message *m)
{
	free(m->mailfrom);
	free(m->queue_id);
	free(m->received);
	free(m->origin);
	*m = (struct message){ .is_begun = false };
}

bool
message_begin(struct message *m, const char *from)
{
	size_t	 n = strlen(from);

	message_clear(m);
	if (n >= 2 && from[0] == '<' && from[n - 1] == '>') {
		from++;
		n -= 2;
	}
	m->mailfrom = strndup(from, n);
	m->is_begun = m->mailfrom != NULL;
	return m->is_begun;
}

bool
message_set_queue_id(struct message *m, const char *queue_id)
{
	if (queue_id == NULL || *queue_id == '\0' || !m->is_begun)
		return true;
	return session_set_text(&m->queue_id, queue_id);
}

/* A header's name as a reader sees it: blanks in front of the colon are not
 * part of it (RFC 5322, 4.5). */
static bool
is_named(const char *name, const char *wanted)
{
	size_t	 n = strlen(name);

	while (n > 0 && (name[n - 1] == ' ' || name[n - 1] == '\t'))
		n--;
	return span_caseeq((struct span){ name, n }, wanted);
}

bool
message_header(struct message *m, const char *name, const char *value,
    const char *ours, unsigned received)
{
	if (is_named(name, ours))
		m->n_forged++;
	if (received == 0 || !is_named(name, "Received") ||
	    ++m->n_received != received)
		return true;
	m->received = strndup(value, MESSAGE_HEADER_MAX + 1);
	return m->received != NULL;
}

const char *
message_find_origin(struct message *m)
{
	enum received_result	 result;
	size_t			 n;

	m->has_origin = false;
	if (m->received == NULL)
		return "there are fewer Received: headers";
	n = strlen(m->received);
	if (n > MESSAGE_HEADER_MAX)
		return "the Received: header is too long";
	if (m->origin == NULL)
		m->origin = malloc(sizeof *m->origin);
	if (m->origin == NULL)
		return "out of memory";
	result = received_parse((struct span){ m->received, n }, m->origin);
	if (result != RECEIVED_DONE)
		return received_result_text(result);
	if (!address_is_public(&m->origin->addr))
		return "its address is not public";
	m->has_origin = true;
	return NULL;
}

static void
add_text(struct context_view *view, enum context_builtin name,
    const char *text)
{
	if (*text != '\0')
		context_view_add(view, name, span_of(text));
}

void
message_view(const struct message *m, struct context_view *view_r)
{
	context_view_init(view_r);
	if (!m->is_begun)
		return;
	/* The null sender is a sender. */
	context_view_add(view_r, CONTEXT_MAILFROM, span_of(m->mailfrom));
	(void)snprintf(view_r->number, sizeof view_r->number, "%u",
	    m->n_rcpt);
	add_text(view_r, CONTEXT_RCPT_COUNT, view_r->number);
	if (m->queue_id != NULL)
		add_text(view_r, CONTEXT_QUEUE_ID, m->queue_id);
	if (!m->has_origin)
		return;
	add_text(view_r, CONTEXT_ORIGIN_ADDRESS,
	    address_format(&m->origin->addr, view_r->address[0],
	    ADDRESS_TEXT_SIZE));
	add_text(view_r, CONTEXT_ORIGIN_NAME, m->origin->name);
	add_text(view_r, CONTEXT_ORIGIN_HELO, m->origin->helo);
}
