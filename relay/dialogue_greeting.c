/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue_greeting: HELO, EHLO and LHLO, and what is offered in return.
 *
 * Where all mail has the same next hop, EHLO waits for it, because its offer is
 * handed on as far as we can carry it; else what most have is offered, and
 * promised: what a next hop then lacks is transaction_params.c's affair.
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
	if (keyword == SMTP_KW_AUTH && !dialogue_command_may_auth(d))
		return false;
	/* RFC 8689, 4: within TLS, on both sides. */
	if (keyword == SMTP_KW_REQUIRETLS &&
	    !(d->is_secured && hop_is_verified(d->hop)))
		return false;
	return smtp_offers(hop_offer(d->hop), keyword);
}

static void
offer_of_hop(struct dialogue *d, struct text *t)
{
	int	 i;

	for (i = 0; i < SMTP_KW_COUNT; i++)
		if (is_handed_on(d, (enum smtp_keyword)i)) {
			d->promised |= 1U << i;
			add_line(t, smtp_keyword_text((enum smtp_keyword)i),
			    smtp_offer_params(hop_offer(d->hop),
			    (enum smtp_keyword)i));
		}
}

/* What most have; what the next hop of a recipient lacks is said there. */
static void
offer_of_ours(struct dialogue *d, struct text *t)
{
	static const enum smtp_keyword	 offered[] = {
		SMTP_KW_8BITMIME, SMTP_KW_SMTPUTF8, SMTP_KW_DSN,
		SMTP_KW_REQUIRETLS
	};
	char				 size[24] = "";
	size_t				 i;

	if (d->relay->message_size_max > 0)
		(void)snprintf(size, sizeof size, "%llu",
		    (unsigned long long)d->relay->message_size_max);
	add_line(t, smtp_keyword_text(SMTP_KW_SIZE), span_of(size));
	d->promised |= 1U << SMTP_KW_SIZE;
	for (i = 0; i < sizeof offered / sizeof offered[0]; i++) {
		if (offered[i] == SMTP_KW_REQUIRETLS && !d->is_secured)
			continue;
		add_line(t, smtp_keyword_text(offered[i]),
		    (struct span){ "", 0 });
		d->promised |= 1U << offered[i];
	}
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

	granted = trust_profile_attributes(dialogue_profile(d), command);
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
	const struct trust_profile	*profile = dialogue_profile(d);
	const struct session		*s = session_life_session(d->life);
	int				 i;

	if (profile == NULL)
		return;
	for (i = 0; i < TRUST_COMMAND_COUNT; i++) {
		enum trust_command	 command = (enum trust_command)i;

		if (!(s->is_sealed ? trust_profile_may_sealed :
		    trust_profile_may)(profile, command))
			continue;
		if (command == TRUST_XCLIENT || command == TRUST_XFORWARD)
			offer_attributes(d, command, t);
		else
			add_line(t, trust_command_text(command),
			    (struct span){ "", 0 });
	}
}

static void
say_offer(struct dialogue *d, struct client_reply *reply)
{
	static const struct span	 none = { "", 0 };
	struct text			 t = { .n = 0 };

	add_line(&t, d->hostname, none);
	add_line(&t, "PIPELINING", none);
	if (route_is_fixed(d->relay))
		offer_of_hop(d, &t);
	else
		offer_of_ours(d, &t);
	if (d->relay->tls != RELAY_TLS_NO && !d->is_secured)
		add_line(&t, "STARTTLS", none);
	add_line(&t, "ENHANCEDSTATUSCODES", none);
	offer_extensions(d, &t);
	t.buf[t.last + 3] = ' ';
	client_say_text(d->client, reply, t.buf);
}

/*
 * Greetings
 */

/* A client that has just come is refused with 421, after which it may try
 * elsewhere or later; which host it was, and why, is not for strangers.  A
 * verdict about it is passed on as it is. */
static void
say_failure(struct dialogue *d, struct client_reply *reply)
{
	size_t		 public = 0;
	const char	*failure = hop_failure(d->hop, &public);

	if (failure == NULL || failure[0] != '5') {
		client_say_last(d->client, reply, "421 %.*s",
		    failure == NULL ? 0 : (int)strcspn(failure + 4, "\r\n") <
		    (int)public - 4 ? (int)strcspn(failure + 4, "\r\n") :
		    (int)public - 4, failure == NULL ? "" : failure + 4);
	} else {
		client_pass_text(d->client, reply, failure);
	}
	hop_forget_failure(d->hop);
}

/* The greeting becomes the client's, and ends the transaction. */
static bool
note_greeting(struct dialogue *d, const struct smtp_command *command)
{
	transaction_abandon(d);
	d->is_esmtp = command->verb != SMTP_HELO;
	d->promised = 0;
	return dialogue_set_text(&d->helo, command->args) &&
	    dialogue_set_text(&d->greeted, command->line) &&
	    dialogue_record_greeting(d);
}

/* What the next hop offers has to be known before it is handed on. */
static enum hop_setup
ask_hop(struct dialogue *d)
{
	const struct trust_profile	*profile = dialogue_profile(d);
	const struct session		*s = session_life_session(d->life);

	if (!route_is_fixed(d->relay))
		return HOP_IS_READY;
	/* Who may forward will say later for whom. */
	return transaction_way_ensure_fixed(d, profile == NULL ||
	    s->is_sealed || !trust_profile_may(profile, TRUST_XFORWARD));
}

/* False: it has been said why not. */
static bool
may_greet(struct dialogue *d, const struct smtp_command *command,
    struct client_reply *reply)
{
	bool	 is_lmtp = d->relay->protocol == NEXTHOP_LMTP;

	if ((command->verb == SMTP_LHLO) != is_lmtp)
		client_say(d->client, reply, "500 5.5.1 this is %s", is_lmtp ?
		    "LMTP" : "SMTP");
	else if (command->args.n == 0)
		client_say(d->client, reply, "501 5.5.4 Syntax: %s hostname",
		    smtp_verb_text(command->verb));
	else
		return true;
	return false;
}

enum client_take
dialogue_greeting_take(struct dialogue *d, const struct smtp_command *command,
    struct client_reply *reply, bool is_again)
{
	if (!is_again && !may_greet(d, command, reply))
		return CLIENT_TAKEN;
	if (!client_is_first(d->client, reply))
		return CLIENT_WAITS;
	if (d->greeting != reply) {
		d->greeting = reply;
		if (!note_greeting(d, command)) {
			client_say_last(d->client, reply,
			    "421 4.3.0 out of memory");
			return CLIENT_TAKEN;
		}
		session_life_greeting(d->life, d->now_ms);
	}
	transaction_end_stale(d);
	switch (ask_hop(d)) {
	case HOP_WAITS:
		return CLIENT_WAITS;
	case HOP_HAS_FAILED:
		say_failure(d, reply);
		break;
	case HOP_IS_READY:
		/* The end of the transaction before. */
		if (hop_n_due(d->hop) > 0)
			return CLIENT_WAITS;
		if (d->is_esmtp)
			say_offer(d, reply);
		else
			client_say(d->client, reply, "250 %s", d->hostname);
		break;
	}
	d->greeting = NULL;
	return CLIENT_TAKEN;
}
