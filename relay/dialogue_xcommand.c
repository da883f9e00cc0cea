/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue_xcommand: the X commands, and what is known before the greeting: a
 * PROXY header, and later a certificate.
 *
 * What the session makes of a command is the record's keeper's to know; here is
 * what the client is told, and what follows for the transaction and the next
 * hop.  An XFORWARD is the one that is not the session's: it is for the message
 * that comes next, and what is refused of it refuses that message alone
 * (d->unforwarded).
 */
#include "dialogue_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy_judge.h"
#include "session/context_dump.h"

static void
say_refused(struct dialogue *d, struct client_reply *reply,
    const struct verdict *verdict, bool is_last)
{
	struct verdict_reply	 how;

	/* What only reports, or is about one message, ends no session. */
	verdict_reply_find(VERDICT_REPLY_TO_COMMAND, is_last ?
	    VERDICT_DISCONNECT : VERDICT_REJECT, verdict->reason,
	    VERDICT_REPLY_BY_SERVER, &how);
	dialogue_verdict_say(d, reply, &how, verdict->text);
}

/* It has to wait until the transaction is over. */
static void
say_misplaced(struct dialogue *d, struct client_reply *reply,
    enum trust_command command)
{
	struct verdict_reply	 how;
	char			 text[64];

	verdict_reply_find(VERDICT_REPLY_TO_MISPLACED, VERDICT_TEMPFAIL,
	    REASON_MALFORMED, VERDICT_REPLY_BY_SERVER, &how);
	(void)snprintf(text, sizeof text, "%s: %s",
	    trust_command_text(command), SESSION_IN_MAIL);
	dialogue_verdict_say(d, reply, &how, text);
}

static void
say_ok(struct dialogue *d, struct client_reply *reply)
{
	struct verdict_reply	 how;

	verdict_reply_find(VERDICT_REPLY_TO_COMMAND, VERDICT_PERMIT,
	    REASON_GRANTED, VERDICT_REPLY_BY_SERVER, &how);
	client_say(d->client, reply, "%s %s Ok", how.code, how.xcode);
}

static void
say_no_memory(struct dialogue *d, struct client_reply *reply)
{
	client_say(d->client, reply, "451 4.3.0 out of memory");
}

/* Who has logged in is not the one who has been named now: Postfix's XCLIENT
 * forgets AUTH, too.  The next hop forgets him over a new connection alone. */
static void
forget_user(struct dialogue *d)
{
	if (d->is_authenticated)
		hop_drop(d->hop);
	d->is_authenticated = false;
}

/* XCLIENT starts over (Postfix's XCLIENT_README): another client, who has not
 * greeted yet. */
static void
start_over(struct dialogue *d, struct client_reply *reply)
{
	transaction_start_over(d);
	(void)dialogue_set_text(&d->helo, (struct span){ NULL, 0 });
	forget_user(d);
	client_say(d->client, reply, "220 %s ESMTP", d->hostname);
}

/* What was refused of an XFORWARD refuses the message that it was for. */
static void
refuse_message(struct dialogue *d, const struct verdict *verdict)
{
	if (!session_life_refuses_message(d->life, verdict))
		return;
	if (d->unforwarded == NULL)
		d->unforwarded = malloc(sizeof *d->unforwarded);
	if (d->unforwarded == NULL)
		client_close(d->client);
	else
		*d->unforwarded = *verdict;
}

/* Of which client it is cannot be told: whoever goes on with MAIL would have it
 * taken for the messenger's own. */
static void
cannot_tell_message(struct dialogue *d)
{
	struct verdict	 verdict;

	trust_violation(NULL, REASON_CANNOT_TELL, SESSION_CANNOT_TELL,
	    &verdict);
	refuse_message(d, &verdict);
}

/* Several XFORWARDs make one, until the message is over. */
static void
forward(struct dialogue *d, struct client_reply *reply, const char *line)
{
	struct assertion_set	*said;
	const char		*args = strchr(line, ' ');
	struct err		 err;

	if (args == NULL) {	/* all of it was dropped */
		say_ok(d, reply);
		return;
	}
	said = malloc(sizeof *said);
	if (said == NULL || assertion_parse(span_of(args + 1),
	    ASSERTION_XFORWARD, XTEXT_STRICT, said, &err) != ASSERTION_OK) {
		free(said);
		cannot_tell_message(d);
		say_no_memory(d, reply);
		return;
	}
	if (d->xforward == NULL) {
		d->xforward = said;
	} else {
		assertion_merge(d->xforward, said);
		free(said);
	}
	say_ok(d, reply);
}

/* As one text: a reply takes one place among those that are owed. */
static void
say_dump(struct dialogue *d, struct client_reply *reply,
    const struct context_dump *dump)
{
	size_t		 size = dump->n * (CONTEXT_DUMP_LINE_MAX + 8), n = 0;
	char		*text = malloc(size);
	unsigned	 i;

	if (text == NULL) {
		say_no_memory(d, reply);
		return;
	}
	for (i = 0; i < dump->n; i++)
		n += (size_t)snprintf(text + n, size - n, "250%c%s\r\n",
		    i + 1 < dump->n ? '-' : ' ', dump->line[i]);
	client_say_text(d->client, reply, text);
	free(text);
}

static void
dump(struct dialogue *d, struct client_reply *reply)
{
	struct context_view	*views = calloc(2, sizeof *views);
	struct context_dump	*laid = malloc(sizeof *laid);

	if (views == NULL || laid == NULL) {
		say_no_memory(d, reply);
	} else {
		dialogue_views(d, views);
		context_dump_lay(&views[0], &views[1],
		    CONTEXT_DUMP_BY_SERVER, SIZE_MAX, laid);
		say_dump(d, reply, laid);
	}
	free(laid);
	free(views);
}

/* The session's record gets the greeting whole. */
bool
dialogue_record_greeting(struct dialogue *d)
{
	return session_life_set_greeting(d->life, d->greeted);
}

static bool
set_hops(struct dialogue *d)
{
	struct context_line	*line = &d->env->judgement->context;
	struct err		 err;
	char			 value[16];

	line->n = 0;
	line->used = 0;
	(void)snprintf(value, sizeof value, "%u", d->hops);
	return context_line_add(line, span_of(HOPS_PAIR), span_of(value),
	    &err) && session_life_set_pairs(d->life, line,
	    CONTEXT_XSETCONTEXT, d->now_ms);
}

/* "hops=..." alone. */
static bool
is_hops_line(const struct context_line *line)
{
	return line->n == 1 && strcmp(line->v[0].name, HOPS_PAIR) == 0;
}

bool
dialogue_xcommand_is_hops(const struct smtp_command *command)
{
	return command->verb == SMTP_XSETCONTEXT &&
	    command->args.n > strlen(HOPS_PAIR "=") &&
	    span_begins(command->args, HOPS_PAIR "=");
}

/*
 * How many relays there were anybody may say, sealed or not: that takes rights
 * away, and gives none, for it never becomes less.  True: that is all that was
 * said.
 */
static bool
take_hops(struct dialogue *d, const struct smtp_command *command,
    struct client_reply *reply)
{
	struct context_line	*line = &d->env->judgement->context;
	struct err		 err;
	const char		*value;
	unsigned		 n;

	if (!dialogue_xcommand_is_hops(command) ||
	    !context_line_parse(command->args, line, &err) ||
	    !is_hops_line(line))
		return false;
	value = line->v[0].value;
	if (*value == '\0' || strlen(value) > 4 ||
	    strspn(value, "0123456789") != strlen(value)) {
		client_say(d->client, reply,
		    "501 5.5.4 hops is a number of up to four digits");
		return true;
	}
	n = (unsigned)strtoul(value, NULL, 10);
	if (n > d->hops)
		d->hops = n;
	if (set_hops(d))
		say_ok(d, reply);
	else
		say_no_memory(d, reply);
	return true;
}

static void
say_done(struct dialogue *d, struct client_reply *reply,
    const struct judgement *j)
{
	switch (j->command) {
	case TRUST_XCLIENT:
		start_over(d, reply);
		break;
	case TRUST_XFORWARD:
		forward(d, reply, j->line);
		break;
	case TRUST_XDUMPCONTEXT:
		dump(d, reply);
		break;
	case TRUST_XREMOTEIP:
		/* Otherwise than XCLIENT it lets the greeting stand. */
		transaction_start_over(d);
		forget_user(d);
		if (d->helo != NULL)
			(void)dialogue_record_greeting(d);
		say_ok(d, reply);
		break;
	case TRUST_XSETCONTEXT:
		say_ok(d, reply);
		break;
	}
}

static void
refuse(struct dialogue *d, struct client_reply *reply,
    enum trust_command command, const struct verdict *verdict)
{
	const struct session	*s = session_life_session(d->life);
	bool			 is_last = s->refused == VERDICT_DISCONNECT;

	if (command == TRUST_XFORWARD) {
		refuse_message(d, verdict);
		is_last = verdict->action == VERDICT_DISCONNECT &&
		    d->unforwarded != NULL;
	}
	say_refused(d, reply, verdict, is_last);
}

enum client_take
dialogue_xcommand(struct dialogue *d, const struct smtp_command *command,
    struct client_reply *reply)
{
	struct judgement	*j = d->env->judgement;
	enum trust_command	 what;

	/* A next hop may be left for it: not before it has answered. */
	if ((command->verb == SMTP_XCLIENT ||
	    command->verb == SMTP_XREMOTEIP) &&
	    !client_is_first(d->client, reply))
		return CLIENT_WAITS;
	if (take_hops(d, command, reply) ||
	    !trust_command_find(span_of(smtp_verb_text(command->verb)),
	    &what))
		return CLIENT_TAKEN;
	switch (session_life_command(d->life, what, command->args,
	    d->tx.is_open, d->now_ms, j)) {
	case LIFE_DONE:
		say_done(d, reply, j);
		break;
	case LIFE_REFUSED:
		refuse(d, reply, what, &j->verdict);
		break;
	case LIFE_BAD_SEQUENCE:
		say_misplaced(d, reply, what);
		break;
	case LIFE_CANNOT_TELL:
		if (what == TRUST_XFORWARD)
			cannot_tell_message(d);
		dialogue_verdict_cannot_tell(d, reply,
		    VERDICT_REPLY_TO_COMMAND);
		break;
	}
	return CLIENT_TAKEN;
}

/*
 * Before the greeting
 */

void
dialogue_xcommand_proxy(struct dialogue *d, const struct proxy_header *h)
{
	(void)proxy_judge(d->life, h, d->now_ms, d->env->judgement);
}

void
dialogue_forget_login(struct dialogue *d)
{
	if (!session_life_forget_login(d->life, d->now_ms))
		client_close(d->client);
}

/* Whether nothing has been built on what the peer was; how many relays there
 * were anybody may say. */
static bool
is_bare(const struct dialogue *d)
{
	const struct session	*s = session_life_session(d->life);

	return !s->is_sealed && s->override == NULL &&
	    s->context.n <= (d->hops > 0 ? 1U : 0U) &&
	    s->refused == VERDICT_PERMIT;
}

/* A certificate may give a peer another profile, if nothing has been built on
 * the old one, and a proxy has not sealed it. */
void
dialogue_take_certificate(struct dialogue *d, const struct tls_peer *peer)
{
	const struct session_life_peer	 who = {
		.name = d->peer_name, .fingerprint = peer->fingerprint
	};

	if (peer->fingerprint[0] != '\0' && is_bare(d))
		session_life_classify(d->life, &who, d->now_ms);
}
