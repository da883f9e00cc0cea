/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue_command: which command is whose.
 *
 * One that we do not know goes nowhere, for we may say XCLIENT at the next hop,
 * and our client may not.
 */
#include "dialogue_private.h"

/* What a next hop does, or tells, for some and not for others. */
static bool
is_for_somebody(enum smtp_verb verb)
{
	return verb == SMTP_VRFY || verb == SMTP_EXPN || verb == SMTP_ETRN;
}

/* Whom the client talks to about other things: the next hop, if there is one
 * at hand, and it does not take him for who was there before him. */
static enum client_take
pass(struct dialogue *d, const struct smtp_command *command,
    struct client_reply *reply, const char *otherwise)
{
	if (!hop_is_ready(d->hop) || (is_for_somebody(command->verb) &&
	    !hop_is_identified(d->hop))) {
		client_say(d->client, reply, "%s", otherwise);
		return CLIENT_TAKEN;
	}
	if (!hop_may_ask(d->hop))
		return CLIENT_WAITS;
	transaction_reply_ask(d, ASKED_PASS, reply, command->verb,
	    command->args);
	return CLIENT_TAKEN;
}

static enum client_take
quit(struct dialogue *d, struct client_reply *reply)
{
	if (!hop_is_ready(d->hop)) {
		if (hop_n_due(d->hop) > 0)
			return CLIENT_WAITS;
		client_say_last(d->client, reply, "221 2.0.0 Bye");
		return CLIENT_TAKEN;
	}
	if (!hop_may_ask(d->hop))
		return CLIENT_WAITS;
	client_expect(d->client, CLIENT_LEAVING);
	transaction_reply_ask(d, ASKED_QUIT, reply, SMTP_QUIT,
	    (struct span){ "", 0 });
	return CLIENT_TAKEN;
}

static enum client_take
starttls(struct dialogue *d, const struct smtp_command *command,
    struct client_reply *reply)
{
	struct client	*client = d->client;

	if (!client_is_first(client, reply))
		return CLIENT_WAITS;
	if (d->relay->tls == RELAY_TLS_NO)
		client_say(client, reply, "502 5.5.1 TLS is not offered");
	else if (command->args.n > 0)
		client_say(client, reply,
		    "501 5.5.4 STARTTLS takes no arguments");
	else if (d->is_secured)
		client_say(client, reply, "503 5.5.1 TLS is active");
	else if (d->tx.is_open)
		client_say(client, reply,
		    "503 5.5.1 a transaction is under way");
	else {
		client_say(client, reply, "220 2.0.0 Ready to start TLS");
		/* A next hop that has been told who is here in the clear is
		 * not told again. */
		hop_drop(d->hop);
		client_expect(client, CLIENT_SECURING);
		d->env->ops->secure(d->arg, DIALOGUE_CLIENT);
	}
	return CLIENT_TAKEN;
}

bool
dialogue_command_may_auth(const struct dialogue *d)
{
	return d->relay->auth == RELAY_AUTH_ALWAYS ||
	    (d->relay->auth == RELAY_AUTH_TLS && d->is_secured);
}

/* Whose login it is the next hop has to know first. */
static enum client_take
pass_auth(struct dialogue *d, const struct smtp_command *command,
    struct client_reply *reply)
{
	transaction_end_stale(d);
	switch (transaction_way_ensure_fixed(d, true)) {
	case HOP_WAITS:
		return CLIENT_WAITS;
	case HOP_HAS_FAILED:
		transaction_way_say_failure(d, reply);
		return CLIENT_TAKEN;
	case HOP_IS_READY:
		break;
	}
	if (!smtp_offers(hop_offer(d->hop), SMTP_KW_AUTH)) {
		client_say(d->client, reply, "503 5.5.1 AUTH is not offered");
		return CLIENT_TAKEN;
	}
	/* The end of the transaction before. */
	if (!hop_may_ask(d->hop))
		return CLIENT_WAITS;
	client_expect(d->client, CLIENT_AUTH_WAIT);
	transaction_reply_ask(d, ASKED_AUTH, reply, SMTP_AUTH, command->args);
	return CLIENT_TAKEN;
}

static enum client_take
auth(struct dialogue *d, const struct smtp_command *command,
    struct client_reply *reply)
{
	struct client	*client = d->client;

	if (!client_is_first(client, reply))
		return CLIENT_WAITS;
	if (!route_is_fixed(d->relay) || d->relay->auth == RELAY_AUTH_NO)
		client_say(client, reply, "502 5.5.1 AUTH is not offered");
	else if (!dialogue_command_may_auth(d))
		client_say(client, reply,
		    "538 5.7.11 AUTH needs STARTTLS first");
	else if (d->is_authenticated)
		/* RFC 4954, 4; the next hop's refusal would not take the login
		 * away. */
		client_say(client, reply,
		    "503 5.5.1 Error: already authenticated");
	else if (d->helo == NULL)
		client_say(client, reply,
		    "503 5.5.1 Error: send EHLO first");
	else if (d->tx.is_open)
		client_say(client, reply,
		    "503 5.5.1 a transaction is under way");
	else
		return pass_auth(d, command, reply);
	return CLIENT_TAKEN;
}

static bool
needs_tls(const struct dialogue *d, const struct smtp_command *command)
{
	if (d->relay->tls != RELAY_TLS_ENCRYPT || d->is_secured)
		return false;
	switch (command->verb) {
	case SMTP_EHLO:
	case SMTP_HELO:
	case SMTP_LHLO:
	case SMTP_NOOP:
	case SMTP_QUIT:
	case SMTP_STARTTLS:
		return false;
	case SMTP_BDAT:
		/* It is told so, too, behind its octets. */
		return false;
	default:
		/* Another relay says it before EHLO, or loops have no end. */
		return !dialogue_xcommand_is_hops(command);
	}
}

static enum client_take
dispatch(struct dialogue *d, const struct smtp_command *command,
    struct client_reply *reply, bool is_again)
{
	switch (command->verb) {
	case SMTP_HELO:
	case SMTP_EHLO:
	case SMTP_LHLO:
		return dialogue_greeting_take(d, command, reply, is_again);
	case SMTP_MAIL:
		return transaction_mail(d, command->args, reply, is_again);
	case SMTP_RCPT:
		return transaction_rcpt(d, command->args, reply);
	case SMTP_DATA:
		return transaction_data(d, command->args, reply);
	case SMTP_BDAT:
		return transaction_bdat(d, command->args, reply);
	case SMTP_RSET:
		return transaction_rset(d, reply);
	case SMTP_QUIT:
		return quit(d, reply);
	case SMTP_STARTTLS:
		return starttls(d, command, reply);
	case SMTP_AUTH:
		return auth(d, command, reply);
	case SMTP_NOOP:
		return pass(d, command, reply, "250 2.0.0 Ok");
	case SMTP_VRFY:
	case SMTP_EXPN:
		return pass(d, command, reply, "252 2.0.0 Send mail, and it "
		    "will be tried");
	case SMTP_HELP:
		return pass(d, command, reply, "214 2.0.0 See RFC 5321");
	case SMTP_ETRN:
		return pass(d, command, reply, "458 4.0.0 Unable to queue "
		    "messages");
	case SMTP_XCLIENT:
	case SMTP_XFORWARD:
	case SMTP_XREMOTEIP:
	case SMTP_XSETCONTEXT:
	case SMTP_XDUMPCONTEXT:
		return dialogue_xcommand(d, command, reply);
	case SMTP_UNKNOWN:
		break;
	}
	client_say(d->client, reply,
	    "500 5.5.2 Error: command not recognized");
	return CLIENT_TAKEN;
}

enum client_take
dialogue_command_take(void *arg, const struct smtp_command *command,
    struct client_reply *reply, bool is_again)
{
	struct dialogue		*d = arg;
	struct dialogue_report	 report = { .event = DIALOGUE_COMMAND,
				     .verb = command->verb };

	if (!is_again) {
		/* What it asks for is worth one round of a next hop's
		 * addresses. */
		hop_begin_round(d->hop);
		if (needs_tls(d, command)) {
			client_say(d->client, reply, "530 5.7.0 Must issue a "
			    "STARTTLS command first");
			return CLIENT_TAKEN;
		}
	}
	if (dispatch(d, command, reply, is_again) == CLIENT_WAITS)
		return CLIENT_WAITS;
	hop_end_round(d->hop);
	dialogue_report_more(d, &report);
	return CLIENT_TAKEN;
}
