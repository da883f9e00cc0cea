/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue_content: a message's octets, from the client to the next hop, never
 * more of them than that takes.
 *
 * A message whose next hop is lost, or has answered before its end, is read to
 * its end all the same: only then the client listens.
 */
#include "dialogue_private.h"

#include <stdlib.h>

void
content_discard(struct dialogue *d, const char *text)
{
	(void)dialogue_set_text(&d->early, span_of(text));
	if (d->early == NULL)
		dialogue_say_last(d, "421 4.3.0 out of memory");
}

void
content_begin(struct dialogue *d)
{
	d->part_octets = d->octets;
	d->part_since_ms = d->client_since_ms = d->now_ms;
}

/* One reply for each recipient, to an LMTP client (RFC 2033, 4.2); if there is
 * none, one all the same, which refuses. */
static unsigned
n_replies(const struct dialogue *d)
{
	if (d->relay->protocol != NEXTHOP_LMTP || d->tx.n_accepted == 0)
		return 1;
	return d->tx.n_accepted;
}

unsigned
content_chunk_replies(const struct dialogue *d)
{
	if (d->state != CLIENT_CHUNK || d->early != NULL)
		return 0;
	return d->is_chunk_last ? n_replies(d) : 1;
}

static void
await_end(struct dialogue *d)
{
	struct await	*await = dialogue_await(d, AWAIT_END);
	struct session	 copy;

	/* For the log; without memory it says less. */
	if (d->tx.sender.p != NULL)
		await->sender = strndup(d->tx.sender.p, d->tx.sender.n);
	await->client = dialogue_shown(d, &copy)->client;
	await->n_recipients = d->tx.n_accepted;
	await->octets = d->octets + d->chunk_left;
}

void
content_await(struct dialogue *d, bool is_end)
{
	unsigned	 n;

	if (!is_end)
		(void)dialogue_await(d, AWAIT_CHUNK);
	else
		for (n = n_replies(d); n > 0; n--)
			await_end(d);
}

/* What went nowhere has one answer for all; it may have been given before. */
static void
say_early(struct dialogue *d, unsigned n)
{
	struct dialogue_note	 note = {
		.event = DIALOGUE_MESSAGE, .text = d->early,
		.code = (unsigned)strtoul(d->early, NULL, 10),
		.octets = d->octets, .n_recipients = d->tx.n_accepted
	};

	if (*d->early != '\0') {
		dialogue_note_more(d, &note);
		while (n-- > 0 && d->state != CLIENT_CLOSED)
			dialogue_say_reply(d, d->early);
	}
	free(d->early);
	d->early = NULL;
}

static void
end_message(struct dialogue *d)
{
	d->state = CLIENT_COMMAND;
	d->client_since_ms = d->now_ms;
	if (d->early != NULL)
		say_early(d, n_replies(d));
	else
		content_await(d, true);
	dialogue_reset(d);
}

static void
bad_content(struct dialogue *d)
{
	dialogue_note(d, DIALOGUE_PROTOCOL_ERROR, 521,
	    "bare <CR> or <LF> in a message");
	/* The next hop must not take what it has for a message. */
	setup_drop(d);
	dialogue_say_last(d, "521 5.5.2 %s Error: bare <CR> or <LF> received",
	    d->hostname);
}

static size_t
limit(struct dialogue *d, size_t n)
{
	size_t	 room;

	if (d->early != NULL)
		return n;
	room = d->env->ops->room(d->arg, DIALOGUE_HOP);
	return n < room ? n : room;
}

size_t
content_input(struct dialogue *d, struct span bytes)
{
	enum smtp_content_status	 status;
	struct span			 out;
	size_t				 used;

	bytes.n = limit(d, bytes.n);
	if (bytes.n == 0)
		return 0;
	status = smtp_content_next(&d->content, bytes, &out, &used);
	d->octets += out.n;
	d->client_since_ms = d->now_ms;
	if (status == SMTP_CONTENT_BAD) {
		bad_content(d);
		return used == 0 ? bytes.n : used;
	}
	if (d->early == NULL && out.n > 0)
		dialogue_send(d, DIALOGUE_HOP, out);
	if (status == SMTP_CONTENT_END)
		end_message(d);
	else if (used == 0)
		/* It had something to say that is not in these bytes. */
		return content_input(d, bytes);
	return used;
}

/* Whoever sends chunks says where they end. */
static void
end_chunk(struct dialogue *d)
{
	/* It is the next hop's turn. */
	if (d->n_awaited <= content_chunk_replies(d))
		d->hop.since_ms = d->now_ms;
	d->state = CLIENT_COMMAND;
	if (d->early != NULL)
		say_early(d, d->is_chunk_last ? n_replies(d) : 1);
	if (d->is_chunk_last)
		dialogue_reset(d);
}

size_t
chunk_input(struct dialogue *d, struct span bytes)
{
	size_t	 n = limit(d, bytes.n);

	if (n > d->chunk_left)
		n = (size_t)d->chunk_left;
	if (n > 0 && d->early == NULL)
		dialogue_send(d, DIALOGUE_HOP, (struct span){ bytes.p, n });
	d->chunk_left -= n;
	d->octets += n;
	if (n > 0)
		d->client_since_ms = d->now_ms;
	if (d->chunk_left == 0)
		end_chunk(d);
	return n;
}
