/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * transaction_content: a message's octets, from the client to the next hop,
 * never more of them than that takes.
 *
 * A message that is too large, or whose next hop is lost or has answered before
 * its end, is read to its end all the same: only then the client listens.
 */
#include "transaction_private.h"

#include <stdlib.h>
#include <string.h>

#define MS		1000U
#define MIN_DATA_RATE	500U	/* octets a second, on the average of a part; as
				 * smtpd_min_data_rate */
#define UNKNOWN		"451 4.4.2 the next hop was lost before it answered\r\n"

void
transaction_content_discard(struct dialogue *d, const char *text)
{
	if (!dialogue_set_text(&d->content.early, span_of(text)))
		client_end(d->client, "421 4.3.0 out of memory");
	d->content.is_for_one = false;
}

/* The client has all its time. */
static void
begin_part(struct dialogue *d)
{
	d->content.part_octets = d->content.octets;
	d->content.part_since_ms = d->now_ms;
}

void
transaction_content_begin(struct dialogue *d)
{
	d->content.is_chunk = false;
	smtp_content_init(&d->content.parser,
	    d->relay->bare_newline == RELAY_NEWLINE_REJECT ?
	    SMTP_CONTENT_REJECT : SMTP_CONTENT_NORMALIZE);
	begin_part(d);
	client_expect(d->client, CLIENT_OCTETS);
}

void
transaction_content_touch(struct dialogue *d)
{
	begin_part(d);
	client_touch(d->client);
}

uint64_t
transaction_content_deadline(const struct dialogue *d)
{
	uint64_t	 ms = (uint64_t)d->relay->data_timeout * MS;
	uint64_t	 stalled = client_since(d->client) + ms;
	uint64_t	 slow = d->content.part_since_ms + ms +
			     (d->content.octets - d->content.part_octets) *
			     MS / MIN_DATA_RATE;

	return stalled < slow ? stalled : slow;
}

bool
transaction_content_is_held_up(const struct dialogue *d)
{
	return client_state(d->client) == CLIENT_OCTETS &&
	    d->content.early == NULL &&
	    d->env->ops->room(d->arg, DIALOGUE_HOP) == 0;
}

/* One reply for each recipient, to an LMTP client (RFC 2033, 4.2); if there is
 * none, one all the same, which refuses. */
unsigned
transaction_content_end_replies(const struct dialogue *d)
{
	if (d->relay->protocol != NEXTHOP_LMTP || d->tx.n_accepted == 0)
		return 1;
	return d->tx.n_accepted;
}

unsigned
transaction_content_chunk_replies(const struct dialogue *d)
{
	if (client_state(d->client) != CLIENT_OCTETS ||
	    !d->content.is_chunk || d->content.early != NULL)
		return 0;
	return d->content.is_last ? transaction_content_end_replies(d) : 1;
}

static void
note_early(struct dialogue *d, const char *text)
{
	struct dialogue_report	 report = {
		.event = DIALOGUE_MESSAGE, .text = text,
		.code = (unsigned)strtoul(text, NULL, 10),
		.octets = d->content.octets, .n_recipients = d->tx.n_accepted
	};

	dialogue_report_more(d, &report);
}

/* Whether a client that says BDAT could have known better; how large messages
 * are is not for those to say who hand them on. */
static bool
is_clients_error(const struct dialogue *d, const char *early)
{
	return d->content.is_chunk && !d->tx.is_turned_down &&
	    strcmp(early, TRANSACTION_TOO_LARGE) != 0;
}

static void
say_to_all(struct dialogue *d, struct client_reply *reply, const char *early,
    unsigned n)
{
	const char	*others = d->content.is_for_one ? UNKNOWN : early;
	unsigned	 i;

	note_early(d, early);
	if (n > 1 && others != early)
		note_early(d, others);
	if (is_clients_error(d, early))
		client_say_text(d->client, reply, early);
	else
		client_pass_text(d->client, reply, early);
	for (i = 1; i < n; i++)
		client_pass_text(d->client, reply, others);
}

/* What went nowhere has an answer of its own, which may have been given
 * before. */
static void
say_early(struct dialogue *d, struct client_reply *reply, unsigned n)
{
	char	*early = d->content.early;

	d->content.early = NULL;
	if (strncmp(early, "421", 3) == 0) {
		note_early(d, early);
		client_say_last(d->client, reply, "%.*s",
		    (int)strcspn(early, "\r\n"), early);
	} else if (*early != '\0') {
		say_to_all(d, reply, early, n);
	}
	free(early);
}

static void
end_message(struct dialogue *d)
{
	struct client_reply	*reply = client_owe(d->client);
	unsigned		 n = transaction_content_end_replies(d);

	if (reply == NULL)
		return;
	client_expect(d->client, CLIENT_COMMAND);
	client_owe_message(d->client, reply, n);
	if (d->content.early != NULL)
		say_early(d, reply, n);
	else
		transaction_reply_await_end(d, reply, n, d->content.octets);
	transaction_reset(d);
}

static void
bad_content(struct dialogue *d)
{
	dialogue_report(d, DIALOGUE_PROTOCOL_ERROR, 521,
	    "bare <CR> or <LF> in a message");
	/* The next hop must not take what it has for a message. */
	hop_drop(d->hop);
	client_end(d->client,
	    "521 5.5.2 %s Error: bare <CR> or <LF> received", d->hostname);
}

/* The next hop must not take what it has; what comes is read. */
static void
refuse_size(struct dialogue *d)
{
	hop_drop(d->hop);
	transaction_content_discard(d, TRANSACTION_TOO_LARGE);
}

/* Whether the next hop has yet to say what became of what was before this: the
 * reply to a message, without which it comes twice. */
static bool
has_more_due(const struct dialogue *d)
{
	return hop_n_due(d->hop) > transaction_content_chunk_replies(d);
}

/* Before the last octets of a message go on: what was revoked while it was on
 * its way must not become mail.  False: they wait for what the next hop, which
 * is left for it, has whole. */
static bool
check_end(struct dialogue *d)
{
	char	 reply[TRANSACTION_REPLY_SIZE] = "";

	if (d->content.early != NULL || (!d->content.is_refused &&
	    !transaction_is_refused(d, reply)))
		return true;
	d->content.is_refused = d->content.is_chunk && has_more_due(d);
	if (d->content.is_refused)
		return false;
	hop_drop(d->hop);
	/* To a chunk that was being passed on, that is the next hop's loss. */
	transaction_content_discard(d, d->content.is_chunk ? "" : reply);
	return true;
}

/* A next hop that has a limit of its own says what is over it. */
static bool
is_too_large(const struct dialogue *d)
{
	return d->relay->message_size_max > 0 &&
	    d->content.octets > d->relay->message_size_max +
	    d->content.parser.extra &&
	    transaction_params_size_announced(hop_offer(d->hop)) == 0;
}

static size_t
limit(struct dialogue *d, size_t n)
{
	size_t	 room;

	if (d->content.early != NULL)
		return n;
	room = d->env->ops->room(d->arg, DIALOGUE_HOP);
	return n < room ? n : room;
}

static size_t
data_input(struct dialogue *d, struct span bytes)
{
	enum smtp_content_result	 result;
	struct span			 out;
	size_t				 used;

	bytes.n = limit(d, bytes.n);
	if (bytes.n == 0)
		return 0;
	result = smtp_content_next(&d->content.parser, bytes, &out, &used);
	d->content.octets += out.n;
	client_touch(d->client);
	if (result == SMTP_CONTENT_BAD) {
		bad_content(d);
		return used == 0 ? bytes.n : used;
	}
	if (d->content.early == NULL && is_too_large(d))
		refuse_size(d);
	if (result == SMTP_CONTENT_END)
		(void)check_end(d);
	if (d->content.early == NULL && out.n > 0)
		hop_send(d->hop, out);
	if (result == SMTP_CONTENT_END)
		end_message(d);
	else if (used == 0)
		/* It had something to say that is not in these bytes. */
		return data_input(d, bytes);
	return used;
}

/*
 * Chunks: whoever sends them says where they end.
 */

static void
end_chunk(struct dialogue *d)
{
	/* It is the next hop's turn. */
	if (!has_more_due(d))
		hop_touch(d->hop);
	client_expect(d->client, CLIENT_COMMAND);
	if (d->content.early != NULL)
		say_early(d, d->content.reply, d->content.is_last ?
		    transaction_content_end_replies(d) : 1);
	d->content.reply = NULL;
	/* Where there is no transaction, what was said for the next one stays. */
	if (d->content.is_last && d->tx.is_open)
		transaction_reset(d);
	else if (d->content.is_last)
		d->content.octets = d->content.part_octets = 0;
}

static size_t
chunk_input(struct dialogue *d, struct span bytes)
{
	size_t	 n = limit(d, bytes.n);

	if (n > d->content.left)
		n = (size_t)d->content.left;
	if (n > 0 && d->content.is_last && n == d->content.left &&
	    !check_end(d))
		return 0;
	if (n > 0 && d->content.early == NULL)
		hop_send(d->hop, (struct span){ bytes.p, n });
	d->content.left -= n;
	d->content.octets += n;
	if (n > 0)
		client_touch(d->client);
	if (d->content.left == 0)
		end_chunk(d);
	return n;
}

void
transaction_content_begin_chunk(struct dialogue *d, uint64_t size, bool is_last,
    struct client_reply *reply)
{
	d->content.is_chunk = true;
	d->content.is_last = is_last;
	d->content.is_refused = false;
	d->content.left = size;
	d->content.reply = reply;
	begin_part(d);
	client_expect(d->client, CLIENT_OCTETS);
	/* An empty one is over at once. */
	if (size == 0)
		(void)chunk_input(d, (struct span){ "", 0 });
}

size_t
transaction_content_input(struct dialogue *d, struct span bytes)
{
	return d->content.is_chunk ? chunk_input(d, bytes) :
	    data_input(d, bytes);
}
