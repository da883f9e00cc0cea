/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * transaction_reply: what the next hop is asked for the client, and what its
 * replies, or their want, mean for the transaction.
 *
 * "Refused" and "unknown" are different here: a next hop that is lost before
 * the reply to the end of a message may have taken it.  The client is told to
 * try again, which may make two of it, but loses none.
 */
#include "transaction_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENDED	"it ended the session"	/* by a 421 */

/*
 * Questions
 */

/* NULL: out of memory; the connections end. */
static struct asked *
new_asked(struct dialogue *d, enum asked_kind kind,
    struct client_reply *reply)
{
	struct asked	*asked = calloc(1, sizeof *asked);

	if (asked == NULL) {
		client_close(d->client);
		return NULL;
	}
	asked->kind = kind;
	asked->serial = d->serial;
	asked->reply = reply;
	asked->q.kind = HOP_ASK;
	asked->q.left = 1;
	return asked;
}

static void
free_asked(struct asked *asked)
{
	free(asked->message);
	free(asked);
}

void
transaction_reply_ask(struct dialogue *d, enum asked_kind kind,
    struct client_reply *reply, enum smtp_verb verb, struct span args)
{
	struct asked	*asked = new_asked(d, kind, reply);
	bool		 is_repeatable = kind == ASKED_MAIL ||
			     kind == ASKED_OWN_MAIL || kind == ASKED_RCPT ||
			     kind == ASKED_DATA;

	if (asked == NULL)
		return;
	if (kind == ASKED_MAIL || kind == ASKED_OWN_MAIL)
		asked->q.kind = HOP_ASK_MAIL;
	hop_ask(d->hop, &asked->q, verb, args, is_repeatable);
}

/* For the log; without memory it says less. */
static struct asked_message *
note_of_message(const struct dialogue *d, uint64_t octets)
{
	struct asked_message	*m;
	struct session		 copy;

	m = malloc(sizeof *m + d->tx.sender.n + 1);
	if (m == NULL)
		return NULL;
	m->octets = octets;
	m->client = dialogue_shown(d, &copy)->client;
	span_copy(m->sender, d->tx.sender);
	m->sender[d->tx.sender.n] = '\0';
	return m;
}

void
transaction_reply_await_end(struct dialogue *d, struct client_reply *reply,
    unsigned n, uint64_t octets)
{
	struct asked	*asked = new_asked(d, ASKED_END, reply);

	if (asked == NULL)
		return;
	asked->q.kind = HOP_ASK_END;
	asked->q.left = n;
	asked->message = note_of_message(d, octets);
	hop_await(d->hop, &asked->q);
}

void
transaction_reply_await_chunk(struct dialogue *d, struct client_reply *reply)
{
	struct asked	*asked = new_asked(d, ASKED_CHUNK, reply);

	if (asked != NULL)
		hop_await(d->hop, &asked->q);
}

/*
 * What can be
 */

/* Replies that are 3xx where nothing is to follow, and 2xx where a message is,
 * would make client and next hop talk at cross purposes. */
static bool
is_fitting(enum asked_kind kind, unsigned code)
{
	switch (kind) {
	case ASKED_DATA:
		return code == 354 || code >= 400;
	case ASKED_AUTH:
		return code < 300 || code == 334 || code >= 400;
	default:
		return code < 300 || code >= 400;
	}
}

/* Whether a reply belies what the next hop said before, or what it can know:
 * recipients and content for a sender that it has refused, all of a chunk that
 * is still coming, or a line that has not been said. */
static bool
is_contrary(const struct dialogue *d, const struct asked *asked,
    unsigned code)
{
	bool	 is_refused = asked->serial == d->refused;

	if (code / 100 == 2 &&
	    hop_n_due(d->hop) <= transaction_content_chunk_replies(d))
		return true;
	/* It is the client's turn, whose next line would be a command. */
	if (asked->kind == ASKED_AUTH && code != 421 &&
	    client_state(d->client) == CLIENT_AUTH)
		return true;
	switch (asked->kind) {
	case ASKED_DATA:
		return code == 354 && is_refused;
	case ASKED_RCPT:
		/* Of our own MAIL the client is told there. */
		if (d->tx.refusal != NULL)
			return false;
		return code / 100 == 2 && is_refused;
	case ASKED_CHUNK:
	case ASKED_END:
		return code / 100 == 2 && is_refused;
	default:
		return false;
	}
}

bool
transaction_reply_is_possible(void *arg, const struct hop_question *q,
    const struct smtp_reply *reply)
{
	const struct asked	*asked = (const struct asked *)q;

	return is_fitting(asked->kind, reply->code) &&
	    !is_contrary(arg, asked, reply->code);
}

/*
 * Replies
 */

/* His transaction may be over here, when its commands have come all at once. */
static void
count_accepted(struct dialogue *d, const struct asked *asked)
{
	if (asked->serial != d->accepted)
		d->n_accepted = 0;
	d->accepted = asked->serial;
	d->n_accepted++;
}

static void
on_rcpt(struct dialogue *d, const struct asked *asked,
    const struct smtp_reply *reply)
{
	bool	 is_present = asked->serial == d->serial;

	if (is_present)
		d->tx.n_unanswered--;
	if (is_present && d->tx.refusal != NULL) {
		/* What it says about the recipient comes of what it said
		 * about the sender. */
		client_pass_text(d->client, asked->reply, d->tx.refusal);
		if (reply->code == 421)
			hop_lost(d->hop, ENDED, false, false);
		return;
	}
	if (reply->code / 100 == 2)
		count_accepted(d, asked);
	if (is_present && reply->code / 100 == 2)
		d->tx.n_accepted++;
	else if (is_present)
		d->tx.n_rcpt--;
	client_pass(d->client, asked->reply, reply);
}

static void
on_own_mail(struct dialogue *d, const struct asked *asked,
    const struct smtp_reply *reply)
{
	char	*text;

	if (reply->code / 100 == 2)
		return;
	d->refused = asked->serial;
	if (asked->serial != d->serial)
		return;
	text = hop_reply_format(reply);
	free(d->tx.refusal);
	d->tx.refusal = text;
	/* Without it recipients would be accepted for a refused sender. */
	if (text == NULL)
		client_close(d->client);
}

static void
on_data(struct dialogue *d, const struct asked *asked,
    const struct smtp_reply *reply)
{
	if (reply->code == 354)
		transaction_content_begin(d);
	else
		client_expect(d->client, CLIENT_COMMAND);
	client_pass(d->client, asked->reply, reply);
}

static void
note_message(struct dialogue *d, const struct asked *asked, unsigned code,
    const char *text)
{
	const struct asked_message	*m = asked->message;
	struct dialogue_report		 report = {
		.event = DIALOGUE_MESSAGE, .code = code, .text = text
	};

	if (asked->serial == d->accepted)
		report.n_recipients = d->n_accepted;
	if (m != NULL) {
		report.octets = m->octets;
		report.sender = m->sender;
		report.client = &m->client;
	}
	dialogue_report_more(d, &report);
}

static void
on_end(struct dialogue *d, const struct asked *asked,
    const struct smtp_reply *reply)
{
	char	*text = hop_reply_format(reply);

	note_message(d, asked, reply->code, text);
	free(text);
	if (reply->code / 100 == 2)
		client_forgive(d->client);
	client_pass(d->client, asked->reply, reply);
}

/* False: the exchange goes on. */
static bool
on_auth(struct dialogue *d, const struct asked *asked,
    const struct smtp_reply *reply)
{
	if (reply->code == 334) {
		client_pass_part(d->client, asked->reply, reply);
		client_expect(d->client, CLIENT_AUTH);
		return false;
	}
	d->is_authenticated = reply->code / 100 == 2;
	hop_set_authenticated(d->hop, d->is_authenticated);
	client_expect(d->client, CLIENT_COMMAND);
	client_pass(d->client, asked->reply, reply);
	return true;
}

/* False: more is to come in answer to it. */
static bool
on_reply(struct dialogue *d, const struct asked *asked,
    const struct smtp_reply *reply)
{
	switch (asked->kind) {
	case ASKED_AUTH:
		return on_auth(d, asked, reply);
	case ASKED_RCPT:
		on_rcpt(d, asked, reply);
		break;
	case ASKED_OWN_MAIL:
		on_own_mail(d, asked, reply);
		break;
	case ASKED_DATA:
		on_data(d, asked, reply);
		break;
	case ASKED_END:
		on_end(d, asked, reply);
		break;
	case ASKED_MAIL:
		client_pass(d->client, asked->reply, reply);
		if (reply->code < 400)
			break;
		d->refused = asked->serial;
		/* If the client has not gone on since. */
		if (asked->serial == d->serial)
			transaction_turn_down(d);
		break;
	case ASKED_CHUNK:
	case ASKED_PASS:
	case ASKED_QUIT:
		client_pass(d->client, asked->reply, reply);
		break;
	case ASKED_RSET:
		break;
	}
	return true;
}

/* Whether a chunk is refused that has not all come, the last thing that was
 * asked: who does not wait for its end may take the rest for commands. */
static bool
is_early(const struct dialogue *d, const struct asked *asked, unsigned code)
{
	return code >= 400 &&
	    (asked->kind == ASKED_CHUNK || asked->kind == ASKED_END) &&
	    transaction_content_chunk_replies(d) > 0 &&
	    hop_n_due(d->hop) == asked->q.left;
}

bool
transaction_reply_answered(void *arg, struct hop_question *q,
    const struct smtp_reply *reply)
{
	struct dialogue	*d = arg;
	struct asked	*asked = (struct asked *)q;
	bool		 is_own = asked->kind == ASKED_RSET ||
			     asked->kind == ASKED_OWN_MAIL;
	bool		 is_quit = asked->kind == ASKED_QUIT;
	bool		 is_over = is_early(d, asked, reply->code);

	if (reply->code == 421 && is_own) {
		/* The client has not asked, and need not know. */
		free_asked(asked);
		hop_lost(d->hop, ENDED, false, false);
		return true;
	}
	if (!on_reply(d, asked, reply))
		return false;
	if (q->left == 0)
		free_asked(asked);
	else if (reply->code == 421)
		/* What is due besides comes now, or not at all. */
		q->kind = HOP_ASK;
	/* A 421 that is passed on ends it, too: behind the last reply that is
	 * due in its place (client_pass). */
	if (is_quit)
		client_close(d->client);
	else if (is_over)
		hop_lost(d->hop, "it refused a chunk before its end", false,
		    false);
	return true;
}

/*
 * The want of a reply
 */

/* What a command is answered whose next hop is lost. */
void
transaction_reply_lost(void *arg, struct hop_question *q, const char *why)
{
	struct dialogue	*d = arg;
	struct asked	*asked = (struct asked *)q;
	const char	*text = "451 4.4.2 the next hop was lost: ";
	char		 line[LINE_SIZE];

	switch (asked->kind) {
	case ASKED_RSET:
	case ASKED_OWN_MAIL:
		free_asked(asked);
		return;
	case ASKED_QUIT:
		client_say_last(d->client, asked->reply, "221 2.0.0 Bye");
		free_asked(asked);
		return;
	case ASKED_AUTH:
		if (client_state(d->client) == CLIENT_AUTH) {
			/* What it says next is no command: it has to go. */
			free_asked(asked);
			return;
		}
		text = "454 4.7.0 the next hop was lost: ";
		client_expect(d->client, CLIENT_COMMAND);
		break;
	case ASKED_END:
		text = "451 4.4.2 the next hop was lost before it answered: ";
		break;
	case ASKED_DATA:
		client_expect(d->client, CLIENT_COMMAND);
		break;
	case ASKED_MAIL:
		if (asked->serial == d->serial)
			d->tx.is_void = true;
		break;
	default:
		break;
	}
	(void)snprintf(line, sizeof line, "%s%.800s", text, why);
	for (; q->left > 0; q->left--) {
		if (asked->kind == ASKED_END)
			note_message(d, asked, 451, line);
		client_say(d->client, asked->reply, "%s", line);
	}
	free_asked(asked);
}

/* A reply to nothing: a next hop that has had enough (421), or content that is
 * refused before it is over. */
void
transaction_reply_unasked(void *arg, const struct smtp_reply *reply)
{
	struct dialogue	*d = arg;
	bool		 is_content = client_state(d->client) ==
			     CLIENT_OCTETS && !d->content.is_chunk;
	char		*text;

	if (!is_content && reply->code == 421) {
		hop_lost(d->hop, ENDED, false, false);
		return;
	}
	if (!is_content || reply->code < 400) {
		hop_disbelieve(d->hop, "a reply to nothing");
		return;
	}
	text = hop_reply_format(reply);
	transaction_content_discard(d, text == NULL ?
	    "451 4.3.0 out of memory\r\n" : text);
	d->content.is_for_one = true;
	free(text);
	hop_drop(d->hop);
}
