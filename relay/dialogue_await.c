/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue_await: what is awaited of the next hop and what is said to the client,
 * each in its turn; and what is told of it all.
 */
#include "dialogue_private.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * What is awaited
 */

static struct await *
at(struct dialogue *d, unsigned i)
{
	return &d->awaited[(d->first + i) % AWAIT_MAX];
}

bool
dialogue_await_is_full(const struct dialogue *d)
{
	/* A command may need two: one that goes on, and a reply of ours. */
	return d->n_awaited >= AWAIT_MAX - 2;
}

struct await *
dialogue_await(struct dialogue *d, enum await_kind kind)
{
	struct await	*await;

	assert(d->n_awaited < AWAIT_MAX);
	if (d->n_awaited == 0)
		d->hop.since_ms = d->now_ms;
	await = at(d, d->n_awaited++);
	*await = (struct await){ .kind = kind, .serial = d->serial };
	return await;
}

struct await *
dialogue_awaited(struct dialogue *d)
{
	return d->n_awaited == 0 ? NULL : at(d, 0);
}

void
dialogue_await_forget(struct dialogue *d)
{
	free(at(d, 0)->text);
	free(at(d, 0)->sender);
	d->first = (d->first + 1) % AWAIT_MAX;
	d->n_awaited--;
}

void
dialogue_await_done(struct dialogue *d)
{
	dialogue_await_forget(d);
	while (d->n_awaited > 0 && at(d, 0)->kind == AWAIT_LOCAL) {
		dialogue_send(d, DIALOGUE_CLIENT, span_of(at(d, 0)->text));
		dialogue_await_forget(d);
	}
	d->hop.since_ms = d->now_ms;
	if (d->n_awaited == 0)
		d->client_since_ms = d->now_ms;
}

/*
 * What is said to the client
 */

void
dialogue_say_text(struct dialogue *d, const char *text)
{
	struct await	*await;

	if (d->n_awaited == 0) {
		dialogue_send(d, DIALOGUE_CLIENT, span_of(text));
		return;
	}
	await = dialogue_await(d, AWAIT_LOCAL);
	await->text = strdup(text);
	/* A reply less, and all later ones would answer other commands. */
	if (await->text == NULL) {
		d->n_awaited--;
		dialogue_close_client(d);
	}
}

static void
say(struct dialogue *d, const char *fmt, va_list ap)
{
	char	 line[LINE_SIZE];
	int	 n;

	n = vsnprintf(line, sizeof line - 2, fmt, ap);
	if (n < 0 || (size_t)n > sizeof line - 3)
		n = (int)sizeof line - 3;
	memcpy(line + n, "\r\n", sizeof "\r\n");
	dialogue_say_text(d, line);
}

void
dialogue_say(struct dialogue *d, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	say(d, fmt, ap);
	va_end(ap);
}

void
dialogue_close_client(struct dialogue *d)
{
	if (d->state == CLIENT_CLOSED)
		return;
	d->state = CLIENT_CLOSED;
	setup_drop(d);
	d->env->ops->close(d->arg);
}

void
dialogue_say_reply(struct dialogue *d, const char *text)
{
	dialogue_say_text(d, text);
	if (strncmp(text, "421", 3) == 0)
		dialogue_close_client(d);
}

void
dialogue_say_last(struct dialogue *d, const char *fmt, ...)
{
	va_list	 ap;

	if (d->state == CLIENT_CLOSED)
		return;
	/* A reply of ours that waits for its turn would now be taken for what
	 * the next hop says to a command before: a message, say. */
	while (d->n_awaited > 0)
		dialogue_await_forget(d);
	va_start(ap, fmt);
	say(d, fmt, ap);
	va_end(ap);
	dialogue_close_client(d);
}

/*
 * Notes
 */

static enum dialogue_stage
stage_of(const struct dialogue *d)
{
	static const enum dialogue_stage	 stages[] = {
		[HOP_NONE] = DIALOGUE_NO_HOP,
		[HOP_CONNECTING] = DIALOGUE_AT_CONNECT,
		[HOP_GREETING] = DIALOGUE_AT_GREETING,
		[HOP_HOPS] = DIALOGUE_AT_GREETING,
		[HOP_EHLO] = DIALOGUE_AT_GREETING,
		[HOP_HELO] = DIALOGUE_AT_GREETING,
		[HOP_STARTTLS] = DIALOGUE_AT_TLS,
		[HOP_SECURING] = DIALOGUE_AT_TLS,
		[HOP_XCLIENT] = DIALOGUE_AT_XCLIENT,
		[HOP_READY] = DIALOGUE_AT_MAIL
	};

	return stages[d->hop.state];
}

const struct session *
dialogue_shown(const struct dialogue *d, struct session *copy)
{
	const struct assertion_set	*said = d->xforward;

	if (said == NULL ||
	    said->v[ASSERTION_ADDR].status != ASSERTION_VALUE)
		return &d->kept.session;
	*copy = d->kept.session;
	copy->client = said->addr;
	copy->client_port = (uint16_t)strtoul(said->v[ASSERTION_PORT].value,
	    NULL, 10);
	return copy;
}

void
dialogue_note_more(struct dialogue *d, struct dialogue_note *note)
{
	struct session	 copy;

	note->session = &d->kept.session;
	if (note->client == NULL)
		note->client = &dialogue_shown(d, &copy)->client;
	note->is_late = d->hop.is_late;
	if (note->stage == DIALOGUE_NO_HOP)
		note->stage = stage_of(d);
	if (note->route == NULL && d->hop.route.nexthop.host[0] != '\0')
		note->route = &d->hop.route;
	d->env->ops->note(d->arg, note);
}

void
dialogue_note(struct dialogue *d, enum dialogue_event event, unsigned code,
    const char *text)
{
	struct dialogue_note	 note = {
		.event = event, .code = code, .text = text
	};

	dialogue_note_more(d, &note);
}
