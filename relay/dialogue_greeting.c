/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue_greeting: HELO, EHLO and LHLO, and what is offered in return.
 */
#include "dialogue_private.h"

#include <stdio.h>

#define REPLY_SIZE	8192	/* to EHLO */

/* A text that grows; what does not fit is an error of ours, and left out. */
struct text {
	char	buf[REPLY_SIZE];
	size_t	n;
	size_t	last;		/* where the last line begins */
};

/* Adds "250-first rest". */
static void
add_line(struct text *t, const char *first, struct span rest)
{
	int	 n;

	n = snprintf(t->buf + t->n, sizeof t->buf - t->n, "250-%s%s%.*s\r\n",
	    first, rest.n > 0 ? " " : "", (int)rest.n, rest.p);
	if (n < 0 || (size_t)n >= sizeof t->buf - t->n) {
		t->buf[t->n] = '\0';
		return;
	}
	t->last = t->n;
	t->n += (size_t)n;
}

/*
 * What is offered
 */

/* Keywords that change nothing about whose session it is, and whose commands
 * and parameters are handed on as they come. */
static bool
is_handed_on(const struct dialogue *d, enum smtp_keyword keyword)
{
	if (keyword >= SMTP_KW_STARTTLS || keyword == SMTP_KW_PIPELINING ||
	    keyword == SMTP_KW_ENHANCEDSTATUSCODES)
		return false;
	if (keyword == SMTP_KW_AUTH && !client_may_auth(d))
		return false;
	return smtp_offers(&d->hop.offer, keyword);
}

static void
offer_of_hop(const struct dialogue *d, struct text *t)
{
	int	 i;

	for (i = 0; i < SMTP_KW_COUNT; i++)
		if (is_handed_on(d, (enum smtp_keyword)i))
			add_line(t, smtp_keyword_text((enum smtp_keyword)i),
			    smtp_offer_params(&d->hop.offer,
			    (enum smtp_keyword)i));
}

/* "XCLIENT NAME ADDR ...", of what this peer's profile grants. */
static void
offer_attributes(const struct dialogue *d, enum trust_command command,
    struct text *t)
{
	const enum assertion_command	 syntax = command == TRUST_XCLIENT ?
					     ASSERTION_XCLIENT :
					     ASSERTION_XFORWARD;
	unsigned			 granted;
	char				 names[256] = "";
	size_t				 n = 0;
	int				 i;

	granted = trust_profile_attributes(d->kept.profile, command);
	for (i = 0; i < ASSERTION_COUNT; i++) {
		const char	*name;

		name = assertion_name_text((enum assertion_name)i);
		if ((granted & 1U << i) != 0 &&
		    assertion_name_find(syntax, span_of(name)) != -1)
			n += (size_t)snprintf(names + n, sizeof names - n,
			    "%s%s", n > 0 ? " " : "", name);
	}
	add_line(t, trust_command_text(command), span_of(names));
}

/* Whoever may not use a command does not learn that there is one. */
static void
offer_extensions(const struct dialogue *d, struct text *t)
{
	const struct trust_profile	*profile = d->kept.profile;
	int				 i;

	if (profile == NULL || d->kept.session.is_sealed)
		return;
	for (i = 0; i < TRUST_COMMAND_COUNT; i++) {
		enum trust_command	 command = (enum trust_command)i;

		if (!trust_profile_may(profile, command))
			continue;
		if (command == TRUST_XCLIENT || command == TRUST_XFORWARD)
			offer_attributes(d, command, t);
		else
			add_line(t, trust_command_text(command),
			    (struct span){ "", 0 });
	}
}

static void
say_offer(struct dialogue *d)
{
	static const struct span	 none = { "", 0 };
	struct text			 t = { .n = 0 };

	add_line(&t, d->hostname, none);
	add_line(&t, "PIPELINING", none);
	if (route_is_fixed(d->relay))
		offer_of_hop(d, &t);
	else
		add_line(&t, "8BITMIME", none);
	if (d->relay->tls != RELAY_TLS_NO && !d->is_secured)
		add_line(&t, "STARTTLS", none);
	add_line(&t, "ENHANCEDSTATUSCODES", none);
	offer_extensions(d, &t);
	t.buf[t.last + 3] = ' ';
	dialogue_say_text(d, t.buf);
}

/*
 * Greetings
 */

/* A client that has just come is refused with 421, after which it may try
 * elsewhere or later; a verdict about it is passed on as it is. */
static void
say_failure(struct dialogue *d)
{
	const char	*failure = d->hop.failure;

	if (failure == NULL || failure[0] == '4') {
		dialogue_say_last(d, "421 %.*s", failure == NULL ? 0 :
		    (int)strcspn(failure + 4, "\r\n"), failure == NULL ? "" :
		    failure + 4);
		return;
	}
	dialogue_say_text(d, failure);
	setup_forget(d);
}

/* The session's record gets the greeting whole. */
bool
greeting_record(struct dialogue *d)
{
	enum smtp_verb	 verb = d->relay->protocol == NEXTHOP_LMTP ?
			     SMTP_LHLO : SMTP_EHLO;
	char		 whole[512];

	(void)snprintf(whole, sizeof whole, "%s %s",
	    smtp_verb_text(d->is_esmtp ? verb : SMTP_HELO), d->helo);
	return session_set_text(&d->kept.session.ehlo, whole);
}

/* The greeting becomes the client's, and ends the transaction. */
static bool
note_greeting(struct dialogue *d, const struct smtp_command *command)
{
	if (d->tx.is_sent && d->hop.state == HOP_READY) {
		mail_send(d, SMTP_RSET, (struct span){ "", 0 });
		(void)dialogue_await(d, AWAIT_NOBODY);
	}
	dialogue_reset(d);
	d->is_esmtp = command->verb != SMTP_HELO;
	return dialogue_set_text(&d->helo, command->args) &&
	    greeting_record(d);
}

/* What the next hop offers has to be known before it is handed on. */
static enum setup
ask_hop(struct dialogue *d)
{
	struct route	 route = { .mode = XCLIENT_NO };
	struct err	 err;

	if (!route_is_fixed(d->relay))
		return SETUP_READY;
	if (!mail_route(d, (struct span){ "", 0 }, (struct span){ "", 0 },
	    &route, &err)) {
		setup_fail(d, "421 4.3.0 %s", err.text);
		return SETUP_FAILED;
	}
	/* Who may forward will say later for whom. */
	return setup_ensure(d, &route, d->kept.profile == NULL ||
	    d->kept.session.is_sealed ||
	    !trust_profile_may(d->kept.profile, TRUST_XFORWARD));
}

enum take
greeting_take(struct dialogue *d, const struct smtp_command *command)
{
	bool	 is_lmtp = d->relay->protocol == NEXTHOP_LMTP;

	if ((command->verb == SMTP_LHLO) != is_lmtp) {
		dialogue_say(d, "500 5.5.1 this is %s", is_lmtp ? "LMTP" :
		    "SMTP");
		return TAKE_DONE;
	}
	if (!smtp_is_helo_name(command->args)) {
		dialogue_say(d, "501 5.5.4 Syntax: %s hostname",
		    smtp_verb_text(command->verb));
		return TAKE_DONE;
	}
	if (!d->is_waiting) {
		if (d->n_awaited > 0)
			return TAKE_LATER;
		if (!note_greeting(d, command)) {
			dialogue_say_last(d, "421 4.3.0 out of memory");
			return TAKE_DONE;
		}
		kept_greeting(&d->kept, d->now_ms);
	}
	switch (ask_hop(d)) {
	case SETUP_WAIT:
		d->is_waiting = true;
		return TAKE_LATER;
	case SETUP_FAILED:
		say_failure(d);
		return TAKE_DONE;
	case SETUP_READY:
		break;
	}
	if (d->is_esmtp)
		say_offer(d);
	else
		dialogue_say(d, "250 %s", d->hostname);
	return TAKE_DONE;
}
