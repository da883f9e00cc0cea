/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * hop: what a next hop is asked, and what it answers; and its end.
 *
 * Questions stand in a queue, and each is completed exactly once: a reply takes
 * the first off before it is told of, because the teller may end everything.
 * What was asked before MAIL had an answer can be asked of another host, and
 * then the whole queue is said again (hop_repeat_questions in hop_setup.c).
 */
#include "hop_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS		1000U
#define QUESTIONS_MAX	126U	/* more commands have to wait */

struct hop *
hop_new(const struct hop_ops *ops, void *arg, const struct conf_relay *relay,
    const char *hostname, const uint64_t *now_ms)
{
	struct hop	*hop = calloc(1, sizeof *hop);

	if (hop == NULL)
		return NULL;
	hop->ops = ops;
	hop->arg = arg;
	hop->relay = relay;
	hop->hostname = hostname;
	hop->now_ms = now_ms;
	STAILQ_INIT(&hop->questions);
	return hop;
}

void
hop_free(struct hop *hop)
{
	if (hop == NULL)
		return;
	hop_drop(hop);
	hop_forget_refused(hop);
	hop_forget_failure(hop);
	free(hop);
}

/*
 * What is known of it
 */

enum hop_state
hop_state(const struct hop *hop)
{
	return hop->state;
}

const struct smtp_offer *
hop_offer(const struct hop *hop)
{
	return &hop->offer;
}

bool
hop_is_verified(const struct hop *hop)
{
	return hop->is_secured &&
	    hop->need.target.source.tls == SCOPE_TLS_VERIFY;
}

bool
hop_is_late(const struct hop *hop)
{
	return hop->is_late;
}

void
hop_set_authenticated(struct hop *hop, bool is_authenticated)
{
	hop->is_authenticated = is_authenticated;
}

unsigned
hop_n_due(const struct hop *hop)
{
	return hop->n_due;
}

/*
 * Questions
 */

void
hop_send(struct hop *hop, struct span bytes)
{
	hop->ops->send(hop->arg, bytes);
}

void
hop_command(struct hop *hop, enum smtp_verb verb, struct span args)
{
	hop_send(hop, span_of(smtp_verb_text(verb)));
	if (args.n > 0) {
		hop_send(hop, span_of(" "));
		hop_send(hop, args);
	}
	hop_send(hop, span_of("\r\n"));
}

/* Postfix from 3.9 on ends the session of who sends more behind these. */
static bool
ends_group(enum smtp_verb verb)
{
	return verb == SMTP_NOOP || verb == SMTP_VRFY || verb == SMTP_EXPN ||
	    verb == SMTP_DATA || verb == SMTP_QUIT;
}

static bool
may_follow(const struct hop *hop)
{
	const struct hop_question	*last;

	last = STAILQ_LAST(&hop->questions, hop_question, entry);
	return last == NULL || !last->ends_group;
}

bool
hop_may_ask(const struct hop *hop)
{
	return hop->state == HOP_READY && (hop->n_due == 0 ||
	    (hop->n_due < QUESTIONS_MAX && may_follow(hop) &&
	    smtp_offers(&hop->offer, SMTP_KW_PIPELINING)));
}

void
hop_await(struct hop *hop, struct hop_question *q)
{
	if (hop->n_due == 0)
		hop_touch(hop);
	hop->is_used = true;
	hop->n_due += q->left;
	/* Of a server that says fewer of several replies than it should, that to
	 * the next command would be taken for one of them. */
	if (q->left > 1)
		q->ends_group = true;
	STAILQ_INSERT_TAIL(&hop->questions, q, entry);
}

/* "VERB args"; NULL: out of memory, and it cannot be asked twice. */
static char *
keep_line(enum smtp_verb verb, struct span args)
{
	char	*line = NULL;

	if (asprintf(&line, "%s%s%.*s", smtp_verb_text(verb),
	    args.n > 0 ? " " : "", (int)args.n, args.p) < 0)
		return NULL;
	return line;
}

/* The line of a question is of use until MAIL, with which its transaction
 * begins, has its answer. */
static bool
is_repeatable(const struct hop *hop, const struct hop_question *q)
{
	const struct hop_question	*first = STAILQ_FIRST(&hop->questions);

	return q->kind == HOP_ASK_MAIL ? first == NULL :
	    first != NULL && first->kind == HOP_ASK_MAIL;
}

void
hop_ask(struct hop *hop, struct hop_question *q, enum smtp_verb verb,
    struct span args, bool may_be_repeated)
{
	q->is_unsent = false;
	q->ends_group = ends_group(verb);
	q->line = may_be_repeated && is_repeatable(hop, q) ?
	    keep_line(verb, args) : NULL;
	hop_command(hop, verb, args);
	hop_await(hop, q);
}

/* Takes it off; whoever asked owns it again. */
static void
complete(struct hop *hop, struct hop_question *q)
{
	STAILQ_REMOVE_HEAD(&hop->questions, entry);
	free(q->line);
	q->line = NULL;
}

void
hop_complete_all(struct hop *hop, const char *why)
{
	struct hop_question	*q;

	while ((q = STAILQ_FIRST(&hop->questions)) != NULL) {
		hop->n_due -= q->left;
		complete(hop, q);
		hop->ops->lost(hop->arg, q, why);
	}
}

/*
 * Its end
 */

void
hop_drop(struct hop *hop)
{
	if (hop->state == HOP_NONE)
		return;
	hop_forget_connection(hop);
	hop_enter(hop, HOP_NONE);
	hop->ops->disconnect(hop->arg);
	hop_complete_all(hop, "its connection was closed");
}

/* Whether all that is outstanding can be asked of another host: a transaction
 * that begins, of which nothing is known yet (RFC 5321, 5.1). */
static bool
can_repeat(const struct hop *hop)
{
	const struct hop_question	*q = STAILQ_FIRST(&hop->questions);

	if (q == NULL || q->kind != HOP_ASK_MAIL)
		return false;
	for (; q != NULL; q = STAILQ_NEXT(q, entry))
		if (q->line == NULL)
			return false;
	return !hop->is_authenticated && hop->ops->may_repeat(hop->arg);
}

/* Goes on elsewhere with what is outstanding: over a new connection, if this one
 * has been of use before, else with the next host. */
static bool
ask_elsewhere(struct hop *hop, const char *why)
{
	if (!can_repeat(hop))
		return false;
	if (hop->has_mail) {
		hop_begin_round(hop);
		hop_forget_connection(hop);
		hop->ops->disconnect(hop->arg);
		hop_start(hop);
		hop_end_round(hop);
		return true;
	}
	if (!hop_has_next(hop))
		return false;
	hop_report(hop, HOP_EVENT_FAILED, why);
	return hop_try_next(hop);
}

/* One that was ready, and is no more. */
static void
end_ready(struct hop *hop, const char *why, bool is_odd)
{
	const struct hop_trouble	 trouble = {
		.event = HOP_EVENT_FAILED,
		.reply = "451 4.4.2 the next hop was lost", .why = why
	};

	if (hop->round.is_open && !hop->is_used) {
		/* What waited for it has got nothing from it. */
		hop_set_up_failed(hop, &trouble);
		return;
	}
	if (ask_elsewhere(hop, why))
		return;
	/* Between transactions nobody needs to know, of what is usual. */
	if (hop->ops->broken(hop->arg, why) || hop->n_due > 0 || is_odd)
		hop_report(hop, HOP_EVENT_FAILED, why);
	hop_forget_connection(hop);
	hop_enter(hop, HOP_NONE);
	hop->ops->disconnect(hop->arg);
	hop_complete_all(hop, why);
}

void
hop_disbelieve(struct hop *hop, const char *why)
{
	end_ready(hop, why, true);
}

void
hop_lost(struct hop *hop, const char *why, bool is_why_secret,
    bool is_permanent)
{
	if (hop->state == HOP_READY)
		end_ready(hop, why, false);
	else if (hop->state != HOP_NONE)
		hop_setup_lost(hop, why, is_why_secret, is_permanent);
}

void
hop_late(struct hop *hop, const char *why)
{
	hop->is_late = true;
	hop_lost(hop, why, false, false);
	hop->is_late = false;
}

/*
 * What it says
 */

static void
on_reply(struct hop *hop, const struct smtp_reply *reply)
{
	struct hop_question	*q = STAILQ_FIRST(&hop->questions);

	if (q == NULL) {
		hop->ops->unasked(hop->arg, reply);
		return;
	}
	if (!hop->ops->is_possible(hop->arg, q, reply)) {
		hop_disbelieve(hop, "a reply that answers nothing");
		return;
	}
	if (q->kind == HOP_ASK_MAIL) {
		if (reply->code == 421 && ask_elsewhere(hop,
		    "it ended the session"))
			return;
		hop->has_mail = true;
	}
	hop_touch(hop);
	if (q->left > 1) {
		q->left--;
		hop->n_due--;
		(void)hop->ops->answered(hop->arg, q, reply);
		return;
	}
	/* Off the list before it is told, for the teller may end all. */
	complete(hop, q);
	q->left = 0;
	hop->n_due--;
	if (hop->ops->answered(hop->arg, q, reply)) {
		if (hop->state == HOP_READY)
			hop_repeat_questions(hop);
		return;
	}
	q->left = 1;
	hop->n_due++;
	STAILQ_INSERT_HEAD(&hop->questions, q, entry);
}

/* While it is set up it is asked one thing at a time, and so it is when all is
 * asked again: what it says besides was said before that, and would make each of
 * its replies that of the question behind. */
static bool
is_ahead(const struct hop *hop)
{
	return hop->state > HOP_CONNECTING && hop->state != HOP_SECURING &&
	    (hop->state != HOP_READY || hop->n_due > 0);
}

size_t
hop_input(struct hop *hop, struct span bytes)
{
	struct smtp_reply	 reply;
	size_t			 used;

	if (hop->state <= HOP_CONNECTING || hop->state == HOP_SECURING)
		return bytes.n;
	switch (smtp_reply_find(bytes.p, bytes.n, &reply, &used)) {
	case SMTP_REPLY_MORE:
		return 0;
	case SMTP_REPLY_BAD:
	case SMTP_REPLY_TOO_LONG:
		hop_lost(hop, "what it says is not SMTP", false, false);
		return bytes.n;
	case SMTP_REPLY_DONE:
		break;
	}
	if (hop->state == HOP_READY) {
		on_reply(hop, &reply);
		return used;
	}
	hop_setup_reply(hop, &reply);
	if (used == bytes.n || !is_ahead(hop))
		return used;
	hop_lost(hop, "it says more than it was asked", false, false);
	return bytes.n;
}

/*
 * Time
 */

void
hop_touch(struct hop *hop)
{
	hop->since_ms = *hop->now_ms;
}

uint64_t
hop_deadline(const struct hop *hop)
{
	const struct hop_question	*q = STAILQ_FIRST(&hop->questions);
	unsigned			 seconds = hop->relay->reply_timeout;
	uint64_t			 deadline, all = hop->begun_ms +
					     (uint64_t)seconds * MS;

	if (hop->state < HOP_EHLO)
		seconds = hop->relay->connect_timeout;
	else if (hop->state == HOP_READY && q != NULL &&
	    q->kind == HOP_ASK_END)
		seconds = hop->relay->final_timeout;
	deadline = hop->since_ms + (uint64_t)seconds * MS;
	if (hop->state == HOP_READY)
		return deadline;
	/* A step may take its time, but not each of them. */
	return all < deadline ? all : deadline;
}

/*
 * Texts
 */

const char *
hop_failure(const struct hop *hop, size_t *public_r)
{
	if (hop->failure != NULL)
		*public_r = hop->failure_public;
	return hop->failure;
}

bool
hop_has_failure(const struct hop *hop)
{
	return hop->failure != NULL;
}

void
hop_forget_failure(struct hop *hop)
{
	free(hop->failure);
	hop->failure = NULL;
}

const char *
hop_reply_first(const struct smtp_reply *reply, char *buf, size_t size)
{
	struct span	 text = reply->text, line = { "", 0 };

	(void)smtp_reply_line(&text, &line);
	(void)snprintf(buf, size, "%u %.*s", reply->code, (int)line.n,
	    line.p);
	return buf;
}

/* The reason often stands in the last. */
const char *
hop_reply_all(const struct smtp_reply *reply, char *buf, size_t size)
{
	struct span	 text = reply->text, line;
	size_t		 n;

	n = (size_t)snprintf(buf, size, "%u", reply->code);
	while (smtp_reply_line(&text, &line) && n + 1 < size)
		n += (size_t)snprintf(buf + n, size - n, " %.*s", (int)line.n,
		    line.p);
	return buf;
}

char *
hop_reply_format(const struct smtp_reply *reply)
{
	struct span	 text = reply->text, line;
	/* "250-", and CRLF where there was LF alone. */
	size_t		 size = reply->text.n + 6 * reply->n_lines + 1;
	char		*buf = malloc(size), *to = buf;
	unsigned	 i = 0;

	if (buf == NULL)
		return NULL;
	*to = '\0';
	while (smtp_reply_line(&text, &line))
		to += snprintf(to, size - (size_t)(to - buf), "%u%c%.*s\r\n",
		    reply->code, ++i >= reply->n_lines ? ' ' : '-',
		    (int)line.n, line.p);
	return buf;
}
