/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue_hop: the replies of a next hop that is ready, each for the command
 * that it belongs to.
 *
 * "Refused" and "unknown" are different here: a next hop that is lost before
 * the reply to the end of a message may have taken it.  The client is told to
 * try again, which may make two of it, but loses none.
 */
#include "dialogue_private.h"

#include <stdio.h>
#include <stdlib.h>

#define LOST	"451 4.4.2 the next hop was lost: %s\r\n"

#define HEAD_LEN	4	/* "250-" */

/* What a line of a reply begins with.  A code has three digits. */
static void
make_head(const struct smtp_reply *reply, bool is_last, char head[HEAD_LEN])
{
	head[0] = (char)('0' + reply->code / 100);
	head[1] = (char)('0' + reply->code / 10 % 10);
	head[2] = (char)('0' + reply->code % 10);
	head[3] = is_last ? ' ' : '-';
}

char *
hop_format(const struct smtp_reply *reply)
{
	struct span	 text = reply->text, line;
	/* "250-", and CRLF where there was LF alone. */
	size_t		 size = reply->text.n + 6 * reply->n_lines + 1;
	char		*buf = malloc(size), *to = buf;
	unsigned	 i = 0;

	if (buf == NULL)
		return NULL;
	while (smtp_reply_line(&text, &line)) {
		make_head(reply, ++i >= reply->n_lines, to);
		memcpy(to + HEAD_LEN, line.p, line.n);
		to += HEAD_LEN + line.n;
		memcpy(to, "\r\n", 2);
		to += 2;
	}
	*to = '\0';
	return buf;
}

/* Hands a reply on. */
static void
pass(struct dialogue *d, const struct smtp_reply *reply)
{
	struct span	 text = reply->text, line;
	char		 head[HEAD_LEN];
	unsigned	 i = 0;

	while (smtp_reply_line(&text, &line)) {
		make_head(reply, ++i >= reply->n_lines, head);
		dialogue_send(d, DIALOGUE_CLIENT,
		    (struct span){ head, sizeof head });
		dialogue_send(d, DIALOGUE_CLIENT, line);
		dialogue_send(d, DIALOGUE_CLIENT, span_of("\r\n"));
	}
}

/* The next hop says what no server says at this point: nothing that it says
 * later can be believed. */
static void
protocol_error(struct dialogue *d, const char *text)
{
	/* Else hop_lost does. */
	if (d->n_awaited == 0 && !d->tx.is_sent)
		dialogue_note(d, DIALOGUE_HOP_FAILED, 0, text);
	hop_lost(d, text);
}

/*
 * Single replies
 */

static void
reply_to_rcpt(struct dialogue *d, const struct smtp_reply *reply)
{
	bool	 is_present = dialogue_awaited(d)->serial == d->serial;

	if (is_present && d->tx.refusal != NULL) {
		/* What it says about the recipient comes of what it said
		 * about the sender. */
		dialogue_send(d, DIALOGUE_CLIENT, span_of(d->tx.refusal));
		return;
	}
	if (is_present && reply->code / 100 == 2)
		d->tx.n_accepted++;
	else if (is_present)
		d->tx.n_rcpt--;
	pass(d, reply);
}

static void
reply_to_own_mail(struct dialogue *d, const struct smtp_reply *reply)
{
	if (reply->code / 100 == 2 ||
	    dialogue_awaited(d)->serial != d->serial)
		return;
	free(d->tx.refusal);
	d->tx.refusal = hop_format(reply);
}

static void
reply_to_data(struct dialogue *d, const struct smtp_reply *reply)
{
	d->state = reply->code == 354 ? CLIENT_CONTENT : CLIENT_COMMAND;
	content_begin(d);
	smtp_content_init(&d->content,
	    d->relay->bare_newline == RELAY_NEWLINE_REJECT ?
	    SMTP_CONTENT_REJECT : SMTP_CONTENT_NORMALIZE);
	pass(d, reply);
}

static void
note_message(struct dialogue *d, const struct await *await, unsigned code,
    const char *text)
{
	struct dialogue_note	 note = {
		.event = DIALOGUE_MESSAGE, .code = code, .text = text,
		.octets = await->octets, .sender = await->sender,
		.client = &await->client,
		.n_recipients = await->n_recipients
	};

	dialogue_note_more(d, &note);
}

static void
reply_to_end(struct dialogue *d, const struct await *await,
    const struct smtp_reply *reply)
{
	char	*text = hop_format(reply);

	note_message(d, await, reply->code, text);
	free(text);
	pass(d, reply);
}

static void
reply_to_auth(struct dialogue *d, const struct smtp_reply *reply)
{
	pass(d, reply);
	if (reply->code == 334) {
		d->state = CLIENT_AUTH;
		d->client_since_ms = d->now_ms;
		return;
	}
	d->is_authenticated = reply->code / 100 == 2;
	d->state = CLIENT_COMMAND;
	if (reply->code == 421)
		dialogue_close_client(d);
	else
		dialogue_await_done(d);
}

/* Replies that are 3xx where nothing is to follow, and 2xx where a message is,
 * would make client and next hop talk at cross purposes. */
static bool
is_possible(enum await_kind kind, unsigned code)
{
	switch (kind) {
	case AWAIT_DATA:
		return code == 354 || code >= 400;
	case AWAIT_AUTH:
		return code < 300 || code == 334 || code >= 400;
	default:
		return code < 300 || code >= 400;
	}
}

/* Whether a reply belies what the next hop said before, or what it can know:
 * recipients and content for a sender that it has refused, or all of a chunk
 * that is still coming. */
static bool
is_contrary(const struct dialogue *d, const struct await *await,
    unsigned code)
{
	bool	 is_refused = await->serial == d->refused ||
		    (await->serial == d->serial && d->tx.refusal != NULL);

	if (code / 100 == 2 && d->n_awaited <= content_chunk_replies(d))
		return true;
	return (await->kind == AWAIT_DATA && code == 354 && is_refused) ||
	    (await->kind == AWAIT_RCPT && code / 100 == 2 &&
	    await->serial == d->refused);
}

/* A reply to nothing: a next hop that has had enough (421), or content that is
 * refused before it is over. */
static void
unasked(struct dialogue *d, const struct smtp_reply *reply)
{
	char	*text;

	if (d->state != CLIENT_CONTENT && reply->code == 421) {
		hop_lost(d, "it ended the session");
		return;
	}
	if (d->state != CLIENT_CONTENT || reply->code < 400) {
		protocol_error(d, "a reply to nothing");
		return;
	}
	text = hop_format(reply);
	content_discard(d, text == NULL ? "451 4.3.0 out of memory\r\n" :
	    text);
	free(text);
	setup_drop(d);
}

static void
handle(struct dialogue *d, const struct smtp_reply *reply)
{
	struct await	*await = dialogue_awaited(d);

	if (await == NULL) {
		unasked(d, reply);
		return;
	}
	if (!is_possible(await->kind, reply->code) ||
	    is_contrary(d, await, reply->code)) {
		protocol_error(d, "a reply that answers nothing");
		return;
	}
	/* The client has not asked, and need not know. */
	if (reply->code == 421 && (await->kind == AWAIT_NOBODY ||
	    await->kind == AWAIT_OWN_MAIL)) {
		hop_lost(d, "it ended the session");
		return;
	}
	switch (await->kind) {
	case AWAIT_AUTH:
		reply_to_auth(d, reply);
		return;
	case AWAIT_RCPT:
		reply_to_rcpt(d, reply);
		break;
	case AWAIT_OWN_MAIL:
		reply_to_own_mail(d, reply);
		break;
	case AWAIT_DATA:
		reply_to_data(d, reply);
		break;
	case AWAIT_END:
		reply_to_end(d, await, reply);
		break;
	case AWAIT_MAIL:
	case AWAIT_CHUNK:
	case AWAIT_PASS:
	case AWAIT_QUIT:
		pass(d, reply);
		break;
	case AWAIT_NOBODY:
	case AWAIT_LOCAL:
		break;
	}
	if (await->kind == AWAIT_QUIT || reply->code == 421) {
		/* What it will not answer any more is not awaited. */
		dialogue_close_client(d);
		return;
	}
	if (await->kind == AWAIT_MAIL && reply->code >= 400 &&
	    await->serial == d->serial) {
		d->refused = d->serial;
		dialogue_reset(d);
	}
	dialogue_await_done(d);
}

size_t
hop_input(struct dialogue *d, struct span bytes)
{
	struct smtp_reply	 reply;
	size_t			 used;

	if (d->state == CLIENT_CLOSED || d->hop.state <= HOP_CONNECTING ||
	    d->hop.state == HOP_SECURING)
		return bytes.n;
	switch (smtp_reply_find(bytes.p, bytes.n, &reply, &used)) {
	case SMTP_REPLY_MORE:
		return 0;
	case SMTP_REPLY_BAD:
	case SMTP_REPLY_TOO_LONG:
		dialogue_lost(d, DIALOGUE_HOP, "what it says is not SMTP",
		    false, d->now_ms);
		return bytes.n;
	case SMTP_REPLY_DONE:
		break;
	}
	if (d->hop.state == HOP_READY)
		handle(d, &reply);
	else
		setup_reply(d, &reply);
	return used;
}

/*
 * The end
 */

/* What a command is answered whose next hop is lost. */
static void
say_lost(struct dialogue *d, const struct await *await, const char *why)
{
	char	 line[LINE_SIZE];

	switch (await->kind) {
	case AWAIT_LOCAL:
	case AWAIT_NOBODY:
	case AWAIT_OWN_MAIL:
		return;
	case AWAIT_QUIT:
		dialogue_send(d, DIALOGUE_CLIENT, span_of("221 2.0.0 Bye\r\n"));
		dialogue_close_client(d);
		return;
	case AWAIT_AUTH:
		(void)snprintf(line, sizeof line,
		    "454 4.7.0 the next hop was lost: %s\r\n", why);
		d->state = CLIENT_COMMAND;
		break;
	case AWAIT_END:
		(void)snprintf(line, sizeof line, "451 4.4.2 the next hop was "
		    "lost before it answered: %s\r\n", why);
		note_message(d, await, 451, line);
		break;
	case AWAIT_DATA:
		d->state = CLIENT_COMMAND;
		/* FALLTHROUGH */
	default:
		(void)snprintf(line, sizeof line, LOST, why);
		break;
	}
	dialogue_send(d, DIALOGUE_CLIENT, span_of(line));
}

void
hop_lost(struct dialogue *d, const char *why)
{
	struct await	*await;
	char		 line[LINE_SIZE];

	/* Between transactions nobody needs to know. */
	if (d->n_awaited > 0 || d->tx.is_sent)
		dialogue_note(d, DIALOGUE_HOP_FAILED, 0, why);
	setup_drop(d);
	if (d->tx.is_sent)
		d->tx.is_failed = true;
	if (d->state == CLIENT_AUTH) {
		/* What it says next is no command. */
		dialogue_say_last(d, "421 4.4.2 the next hop was lost");
		return;
	}
	while ((await = dialogue_awaited(d)) != NULL &&
	    d->state != CLIENT_CLOSED) {
		say_lost(d, await, why);
		dialogue_await_done(d);
	}
	if (d->state == CLIENT_CONTENT) {
		(void)snprintf(line, sizeof line, LOST, why);
		content_discard(d, line);
	} else if (d->state == CLIENT_CHUNK && d->early == NULL) {
		/* This chunk has its answer. */
		content_discard(d, "");
	}
	/* Another connection would not know who has logged in. */
	if (d->is_authenticated && d->state != CLIENT_CLOSED)
		dialogue_say_last(d, "421 4.4.2 the next hop was lost");
}
