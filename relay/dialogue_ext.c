/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue_ext: the X commands, and what is known before the greeting.
 */
#include "dialogue_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "context_dump.h"
#include "proxy_judge.h"

static void
say_refused(struct dialogue *d, const struct verdict *verdict)
{
	const char	*code = "550 5.7.0";
	const char	*id = d->kept.session.id;

	if (d->kept.session.refused == VERDICT_DISCONNECT) {
		dialogue_say_last(d, "421 4.7.0 %s; session %s",
		    verdict->text, id);
		return;
	}
	switch (verdict->reason) {
	case REASON_MALFORMED:
		code = "501 5.5.4";
		break;
	case REASON_SEALED:
		code = "503 5.5.1";
		break;
	case REASON_CANNOT_TELL:
		code = "451 4.3.0";
		break;
	case REASON_LIMIT:
		code = "552 5.3.4";
		break;
	default:
		break;
	}
	dialogue_say(d, "%s %s; session %s", code, verdict->text, id);
}

/* XCLIENT starts over (Postfix's XCLIENT_README): another client, who has not
 * greeted yet. */
static void
start_over(struct dialogue *d)
{
	dialogue_reset(d);
	(void)dialogue_set_text(&d->helo, (struct span){ NULL, 0 });
	/* Nor has it logged in. */
	if (d->is_authenticated)
		setup_drop(d);
	d->is_authenticated = false;
	dialogue_say(d, "220 %s ESMTP", d->hostname);
}

/* Several XFORWARDs make one, until the message is over. */
static void
forward(struct dialogue *d, const char *line)
{
	struct assertion_set	*said;
	const char		*args = strchr(line, ' ');
	struct err		 err;

	if (args == NULL) {	/* all of it was dropped */
		dialogue_say(d, "250 2.0.0 Ok");
		return;
	}
	said = malloc(sizeof *said);
	if (said == NULL || assertion_parse(span_of(args + 1),
	    ASSERTION_XFORWARD, XTEXT_STRICT, said, &err) != ASSERTION_OK) {
		free(said);
		dialogue_say(d, "451 4.3.0 out of memory");
		return;
	}
	if (d->xforward == NULL) {
		d->xforward = said;
	} else {
		assertion_merge(d->xforward, said);
		free(said);
	}
	dialogue_say(d, "250 2.0.0 Ok");
}

/* As one text: a reply takes one place among those that are awaited. */
static void
say_dump(struct dialogue *d, const struct context_dump *dump)
{
	size_t		 size = dump->n * (CONTEXT_DUMP_LINE_MAX + 8), n = 0;
	char		*text = malloc(size);
	unsigned	 i;

	if (text == NULL) {
		dialogue_say(d, "451 4.3.0 out of memory");
		return;
	}
	for (i = 0; i < dump->n; i++)
		n += (size_t)snprintf(text + n, size - n, "250%c%s\r\n",
		    i + 1 < dump->n ? '-' : ' ', dump->line[i]);
	dialogue_say_text(d, text);
	free(text);
}

void
ext_view(const struct dialogue *d, struct context_view *view_r)
{
	const struct context_facts	 facts = {
		.remote_name = d->kept.session.override == NULL ?
		    d->peer_name : NULL,
		.ehlo_domain = d->helo,
		.is_anonymous = d->kept.profile != NULL &&
		    trust_profile_always_allow(d->kept.profile)
	};

	context_view_connection(&d->kept.session, &facts, view_r);
}

void
ext_message_view(const struct dialogue *d, struct context_view *view_r)
{
	context_view_init(view_r);
	if (!d->tx.is_open)
		return;
	context_view_add(view_r, CONTEXT_MAILFROM, d->tx.sender);
	(void)snprintf(view_r->number, sizeof view_r->number, "%u",
	    d->tx.n_accepted);
	context_view_add(view_r, CONTEXT_RCPT_COUNT,
	    span_of(view_r->number));
}

static void
dump(struct dialogue *d)
{
	struct context_view	*views = calloc(2, sizeof *views);
	struct context_dump	*laid = malloc(sizeof *laid);

	if (views == NULL || laid == NULL) {
		dialogue_say(d, "451 4.3.0 out of memory");
	} else {
		ext_view(d, &views[0]);
		ext_message_view(d, &views[1]);
		context_dump_lay(&views[0], &views[1],
		    CONTEXT_DUMP_LINES_MAX, CONTEXT_DUMP_POSTFIX, laid);
		say_dump(d, laid);
	}
	free(laid);
	free(views);
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
	    &err) && context_set(&d->kept.session.context, line,
	    CONTEXT_XSETCONTEXT, d->now_ms);
}

/* How many relays there were anybody may say who has not said anything else:
 * that takes rights away, and gives none.  True: that is all that was said. */
static bool
take_hops(struct dialogue *d, const struct smtp_command *command)
{
	struct context_line	*line = &d->env->judgement->context;
	struct err		 err;
	const char		*value;

	if (command->verb != SMTP_XSETCONTEXT || d->helo != NULL ||
	    d->kept.session.is_sealed ||
	    !context_line_parse(command->args, line, &err) || line->n != 1 ||
	    strcmp(line->v[0].name, HOPS_PAIR) != 0)
		return false;
	value = line->v[0].value;
	if (*value == '\0' || strlen(value) > 4 ||
	    strspn(value, "0123456789") != strlen(value))
		return false;
	d->hops = (unsigned)strtoul(value, NULL, 10);
	if (set_hops(d))
		dialogue_say(d, "250 2.0.0 Ok");
	else
		dialogue_say(d, "451 4.3.0 out of memory");
	return true;
}

static void
say_done(struct dialogue *d, const struct judgement *j)
{
	switch (j->command) {
	case TRUST_XCLIENT:
		start_over(d);
		break;
	case TRUST_XFORWARD:
		forward(d, j->line);
		break;
	case TRUST_XDUMPCONTEXT:
		dump(d);
		break;
	case TRUST_XREMOTEIP:
		/* It does not start over: the greeting stands. */
		if (d->helo != NULL)
			(void)greeting_record(d);
		dialogue_say(d, "250 2.0.0 Ok");
		break;
	case TRUST_XSETCONTEXT:
		dialogue_say(d, "250 2.0.0 Ok");
		break;
	}
}

enum take
ext_command(struct dialogue *d, const struct smtp_command *command)
{
	struct judgement	*j = d->env->judgement;
	enum trust_command	 what;

	if (command->verb == SMTP_XCLIENT && d->n_awaited > 0)
		return TAKE_LATER;
	if (take_hops(d, command) ||
	    !trust_command_find(span_of(smtp_verb_text(command->verb)),
	    &what))
		return TAKE_DONE;
	switch (kept_command(&d->kept, what, command->args, d->tx.is_open,
	    d->now_ms, j)) {
	case KEPT_DONE:
		say_done(d, j);
		break;
	case KEPT_REFUSED:
		say_refused(d, &j->verdict);
		break;
	case KEPT_BAD_SEQUENCE:
		dialogue_say(d, "503 5.5.1 %s: not in a mail transaction",
		    trust_command_text(what));
		break;
	case KEPT_CANNOT_TELL:
		dialogue_say(d, "451 4.3.0 it cannot be told who may do "
		    "what; session %s", d->kept.session.id);
		break;
	}
	return TAKE_DONE;
}

/*
 * Before the greeting
 */

void
ext_proxy(struct dialogue *d, const struct proxy_header *h)
{
	(void)proxy_judge(&d->kept, h, d->now_ms, d->env->judgement);
}

/* A certificate may give a peer another profile; the session begins anew with
 * it, if nothing has been built on the old one, and a proxy has not sealed it. */
void
ext_certificate(struct dialogue *d, const struct tls_facts *facts)
{
	struct kept_peer	 who = {
		.mta = SESSION_RELAY, .addr = d->peer.addr,
		.port = d->peer.port, .name = d->peer_name,
		.fingerprint = facts->fingerprint, .listener = d->relay->name
	};
	struct kept		 old = d->kept;

	if (facts->fingerprint[0] == '\0' || old.session.is_sealed ||
	    old.session.override != NULL ||
	    old.session.context.n > (d->hops > 0 ? 1U : 0U) ||
	    old.session.refused != VERDICT_PERMIT)
		return;
	kept_begin(&d->kept, d->conf, d->env->store, old.note, old.note_arg,
	    &who, d->now_ms);
	/* It is the same session, under its first name. */
	(void)strcpy(d->kept.session.id, old.session.id);
	d->kept.session.begun_ms = old.session.begun_ms;
	if (d->hops > 0)
		(void)set_hops(d);
	kept_end(&old);
}
