/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue_client: the client's lines, and which part of the dialogue they
 * belong to.
 *
 * Nothing goes on as it came: a command is written afresh from verb and
 * argument, and one that we do not know goes nowhere, for we may say XCLIENT at
 * the next hop, and our client may not.
 */
#include "dialogue_private.h"

#include <ctype.h>

/* After these a client has to wait for the reply (RFC 2920, 3.1; RFC 3207, 4;
 * RFC 4954, 4; Postfix's XCLIENT_README): what comes before it may have been put
 * there by somebody else, or would be read as something else. */
static bool
ends_group(enum smtp_verb verb)
{
	switch (verb) {
	case SMTP_HELO:
	case SMTP_EHLO:
	case SMTP_LHLO:
	case SMTP_DATA:
	case SMTP_STARTTLS:
	case SMTP_AUTH:
	case SMTP_XCLIENT:
		return true;
	default:
		return false;
	}
}

static void
violation(struct dialogue *d, const char *text)
{
	dialogue_note(d, DIALOGUE_PROTOCOL_ERROR, 554, text);
	dialogue_say_last(d, "554 5.5.0 %s", text);
}

/* Whom the client talks to about other things: the next hop, if there is one
 * at hand. */
static enum take
pass(struct dialogue *d, const struct smtp_command *command,
    const char *otherwise)
{
	if (d->hop.state != HOP_READY) {
		dialogue_say(d, "%s", otherwise);
		return TAKE_DONE;
	}
	if (!mail_may_send(d))
		return TAKE_LATER;
	mail_send(d, command->verb, command->args);
	(void)dialogue_await(d, AWAIT_PASS);
	return TAKE_DONE;
}

static enum take
quit(struct dialogue *d)
{
	if (d->hop.state != HOP_READY) {
		if (d->n_awaited > 0)
			return TAKE_LATER;
		dialogue_say_last(d, "221 2.0.0 Bye");
		return TAKE_DONE;
	}
	if (!mail_may_send(d))
		return TAKE_LATER;
	mail_send(d, SMTP_QUIT, (struct span){ "", 0 });
	(void)dialogue_await(d, AWAIT_QUIT);
	d->state = CLIENT_LEAVING;
	return TAKE_DONE;
}

static enum take
starttls(struct dialogue *d, const struct smtp_command *command)
{
	if (d->n_awaited > 0)
		return TAKE_LATER;
	if (d->relay->tls == RELAY_TLS_NO)
		dialogue_say(d, "502 5.5.1 TLS is not offered");
	else if (command->args.n > 0)
		dialogue_say(d, "501 5.5.4 STARTTLS takes no arguments");
	else if (d->is_secured)
		dialogue_say(d, "503 5.5.1 TLS is active");
	else if (d->tx.is_open)
		dialogue_say(d, "503 5.5.1 a transaction is under way");
	else {
		dialogue_say(d, "220 2.0.0 Ready to start TLS");
		/* A next hop that has been told who is here in the clear is
		 * not told again. */
		setup_drop(d);
		d->state = CLIENT_SECURING;
		d->env->ops->secure(d->arg, DIALOGUE_CLIENT);
	}
	return TAKE_DONE;
}

bool
client_may_auth(const struct dialogue *d)
{
	return d->relay->auth == RELAY_AUTH_ALWAYS ||
	    (d->relay->auth == RELAY_AUTH_TLS && d->is_secured);
}

/* Whose login it is the next hop has to know first. */
static enum take
pass_auth(struct dialogue *d, const struct smtp_command *command)
{
	switch (setup_ensure(d, &d->hop.route, true)) {
	case SETUP_WAIT:
		d->is_waiting = true;
		return TAKE_LATER;
	case SETUP_FAILED:
		setup_say_failure(d);
		return TAKE_DONE;
	case SETUP_READY:
		break;
	}
	if (!smtp_offers(&d->hop.offer, SMTP_KW_AUTH)) {
		dialogue_say(d, "503 5.5.1 AUTH is not offered");
		return TAKE_DONE;
	}
	mail_send(d, SMTP_AUTH, command->args);
	(void)dialogue_await(d, AWAIT_AUTH);
	d->state = CLIENT_AUTH_WAIT;
	return TAKE_DONE;
}

static enum take
auth(struct dialogue *d, const struct smtp_command *command)
{
	if (d->is_waiting)
		return pass_auth(d, command);
	if (d->n_awaited > 0)
		return TAKE_LATER;
	if (!route_is_fixed(d->relay) || d->relay->auth == RELAY_AUTH_NO)
		dialogue_say(d, "502 5.5.1 AUTH is not offered");
	else if (!client_may_auth(d))
		dialogue_say(d, "538 5.7.11 AUTH needs STARTTLS first");
	else if (d->helo == NULL)
		dialogue_say(d, "503 5.5.1 Error: send EHLO first");
	else if (d->tx.is_open)
		dialogue_say(d, "503 5.5.1 a transaction is under way");
	else
		return pass_auth(d, command);
	return TAKE_DONE;
}

static bool
needs_tls(const struct dialogue *d, enum smtp_verb verb)
{
	return d->relay->tls == RELAY_TLS_ENCRYPT && !d->is_secured &&
	    verb != SMTP_EHLO && verb != SMTP_HELO && verb != SMTP_LHLO &&
	    verb != SMTP_NOOP && verb != SMTP_QUIT && verb != SMTP_STARTTLS;
}

static enum take
dispatch(struct dialogue *d, const struct smtp_command *command)
{
	if (needs_tls(d, command->verb)) {
		dialogue_say(d, "530 5.7.0 Must issue a STARTTLS command "
		    "first");
		return TAKE_DONE;
	}
	switch (command->verb) {
	case SMTP_HELO:
	case SMTP_EHLO:
	case SMTP_LHLO:
		return greeting_take(d, command);
	case SMTP_MAIL:
		return mail_mail(d, command->args);
	case SMTP_RCPT:
		return mail_rcpt(d, command->args);
	case SMTP_DATA:
		return mail_data(d, command->args);
	case SMTP_BDAT:
		return mail_bdat(d, command->args);
	case SMTP_RSET:
		return mail_rset(d);
	case SMTP_QUIT:
		return quit(d);
	case SMTP_STARTTLS:
		return starttls(d, command);
	case SMTP_AUTH:
		return auth(d, command);
	case SMTP_NOOP:
		return pass(d, command, "250 2.0.0 Ok");
	case SMTP_VRFY:
	case SMTP_EXPN:
		return pass(d, command, "252 2.0.0 Send mail, and it will be "
		    "tried");
	case SMTP_HELP:
		return pass(d, command, "214 2.0.0 See RFC 5321");
	case SMTP_ETRN:
		return pass(d, command, "458 4.0.0 Unable to queue messages");
	case SMTP_XCLIENT:
	case SMTP_XFORWARD:
	case SMTP_XREMOTEIP:
	case SMTP_XSETCONTEXT:
	case SMTP_XDUMPCONTEXT:
		return ext_command(d, command);
	case SMTP_UNKNOWN:
		break;
	}
	dialogue_say(d, "500 5.5.2 Error: command not recognized");
	return TAKE_DONE;
}

static bool
take_command(struct dialogue *d, struct span line, bool is_last)
{
	struct smtp_command	 command = smtp_command_parse(line);
	struct dialogue_note	 note = { .event = DIALOGUE_COMMAND,
				     .verb = command.verb };

	if (!is_last && ends_group(command.verb)) {
		violation(d, "Error: SMTP protocol synchronization");
		return true;
	}
	if (dialogue_await_is_full(d) || dispatch(d, &command) == TAKE_LATER)
		return false;
	d->is_waiting = false;
	d->client_since_ms = d->now_ms;
	dialogue_note_more(d, &note);
	return true;
}

/* BASE64 (RFC 4954, 4), or the "*" that ends the exchange. */
static bool
is_auth_line(struct span line)
{
	size_t	 i;

	for (i = 0; i < line.n; i++)
		if (!isalnum((unsigned char)line.p[i]) &&
		    strchr("+/=*", line.p[i]) == NULL)
			return false;
	return true;
}

/* A line of an AUTH exchange is for the next hop, which waits for one.  That it
 * may not be a command there is no reason to let it be one. */
static bool
take_auth(struct dialogue *d, struct span line, bool is_last)
{
	if (!is_last) {
		violation(d, "Error: SMTP protocol synchronization");
		return true;
	}
	dialogue_send(d, DIALOGUE_HOP, is_auth_line(line) ? line :
	    span_of("*"));
	dialogue_send(d, DIALOGUE_HOP, span_of("\r\n"));
	d->state = CLIENT_AUTH_WAIT;
	d->hop.since_ms = d->client_since_ms = d->now_ms;
	return true;
}

static void
bad_line(struct dialogue *d, enum smtp_line_status status)
{
	if (status == SMTP_LINE_TOO_LONG)
		violation(d, "Error: line too long");
	else
		violation(d, "Error: a control character in a command");
}

size_t
client_input(struct dialogue *d, struct span bytes)
{
	struct smtp_line	 line;
	enum smtp_line_status	 status;
	size_t			 used = 0;
	bool			 is_last;

	if (d->state == CLIENT_LEAVING)
		return bytes.n;
	if (d->state == CLIENT_GO_AHEAD) {
		violation(d, "Error: SMTP protocol synchronization");
		return bytes.n;
	}
	status = smtp_line_find(bytes.p, bytes.n, d->state == CLIENT_AUTH ?
	    SMTP_AUTH_MAX : SMTP_COMMAND_MAX, &line, &used);
	if (status == SMTP_LINE_MORE)
		return 0;
	if (status != SMTP_LINE_DONE) {
		bad_line(d, status);
		return bytes.n;
	}
	if (line.is_bare_lf && d->relay->bare_newline == RELAY_NEWLINE_REJECT) {
		violation(d, "Error: bare <LF> received");
		return bytes.n;
	}
	is_last = used == bytes.n;
	if (d->state == CLIENT_AUTH)
		return take_auth(d, line.text, is_last) ? used : 0;
	return take_command(d, line.text, is_last) ? used : 0;
}
