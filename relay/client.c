/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * client: a client's bytes, and what they are: commands, lines of an exchange,
 * octets for somebody else.
 *
 * Nothing goes on as it came: a command is handed on as verb and argument, and
 * whoever sends it writes it afresh.  What stands behind a command that has to
 * be waited for is a violation, and ends the connection: somebody else may have
 * put it there.
 *
 * What would surprise: a command that cannot be taken yet (CLIENT_WAITS) is
 * kept and handed on again, with is_again, after anything has happened; so
 * whoever takes one must be able to begin it twice.
 */
#include "client_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* So many commands are taken in one turn; then it is others' turn. */
#define TURN_COMMANDS	64U

#define VERB_MAX	32U	/* octets in which a verb stands */

/*
 * Life
 */

struct client *
client_new(const struct client_ops *ops, void *arg,
    const struct conf_relay *relay, const uint64_t *now_ms)
{
	struct client	*c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->ops = ops;
	c->arg = arg;
	c->relay = relay;
	c->now_ms = now_ms;
	STAILQ_INIT(&c->replies);
	client_touch(c);
	return c;
}

void
client_free(struct client *c)
{
	struct client_reply	*reply;

	if (c == NULL)
		return;
	while ((reply = STAILQ_FIRST(&c->replies)) != NULL) {
		STAILQ_REMOVE_HEAD(&c->replies, entry);
		free(reply->text);
		free(reply);
	}
	free(c->line);
	free(c);
}

void
client_close(struct client *c)
{
	if (c->state == CLIENT_CLOSED)
		return;
	c->state = CLIENT_CLOSED;
	c->ops->closed(c->arg);
}

void
client_eof(struct client *c)
{
	c->is_eof = true;
}

/* How many messages it has sent whole and is to be told of.  One whose octets
 * are still coming is the last that was begun. */
static unsigned
n_whole_messages(const struct client *c)
{
	const struct client_reply	*last = STAILQ_LAST(&c->replies,
					    client_reply, entry);

	return c->n_messages - (c->state == CLIENT_OCTETS && last != NULL &&
	    last->is_message ? 1 : 0);
}

void
client_finish(struct client *c)
{
	bool	 is_half = c->state != CLIENT_COMMAND &&
		    c->state != CLIENT_LEAVING;

	if (c->is_eof && !c->is_held &&
	    (is_half ? n_whole_messages(c) == 0 : c->n_owed == 0))
		client_close(c);
}

/*
 * What is known of it
 */

enum client_state
client_state(const struct client *c)
{
	return c->state;
}

void
client_expect(struct client *c, enum client_state state)
{
	if (c->state == CLIENT_CLOSED || c->is_ending)
		return;
	c->state = state;
	client_touch(c);
}

bool
client_is_waiting(const struct client *c)
{
	return c->waiting != NULL;
}

bool
client_is_eof(const struct client *c)
{
	return c->is_eof;
}

bool
client_is_idle(const struct client *c)
{
	return c->n_owed == 0 && c->state == CLIENT_COMMAND;
}

bool
client_is_deaf(const struct client *c)
{
	return c->ops->room(c->arg) == 0;
}

bool
client_wants(const struct client *c)
{
	if (c->is_eof || c->state == CLIENT_SECURING)
		return false;
	return c->state == CLIENT_OCTETS || !client_is_deaf(c);
}

uint64_t
client_since(const struct client *c)
{
	return c->since_ms;
}

void
client_touch(struct client *c)
{
	c->since_ms = *c->now_ms;
}

void
client_forgive(struct client *c)
{
	c->n_errors = 0;
}

/*
 * Violations
 */

static void
violation(struct client *c, const char *text)
{
	c->ops->violated(c->arg, 554, text);
	client_end(c, "554 5.5.0 %s", text);
}

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

/* Whoever speaks HTTP here has been made to by somebody (a page that posts a
 * form to port 25), and his next lines would be commands. */
static bool
is_other_protocol(struct span line)
{
	static const char *const	 words[] = {
		"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS",
		"TRACE", "PATCH"
	};
	size_t				 i, n;

	for (n = 0; n < line.n && line.p[n] != ' ' && line.p[n] != '\t'; n++)
		;
	for (i = 0; n < line.n && i < sizeof words / sizeof words[0]; i++)
		if (span_caseeq((struct span){ line.p, n }, words[i]))
			return true;
	return false;
}

/*
 * Commands
 */

/* Keeps one that cannot be taken now; what it points into will go. */
static void
keep_waiting(struct client *c, const struct smtp_command *command,
    struct client_reply *reply)
{
	c->line = strndup(command->line.p, command->line.n);
	if (c->line == NULL) {
		client_say_last(c, reply, "421 4.3.0 out of memory");
		return;
	}
	c->waiting = reply;
	c->verb = command->verb;
}

/* Whether it has to go for what it has said before. */
static bool
has_had_enough(struct client *c, struct client_reply *reply)
{
	if (c->relay->errors_max == 0 ||
	    c->n_errors < c->relay->errors_max)
		return false;
	c->ops->violated(c->arg, 421, "too many errors");
	client_say_last(c, reply, "421 4.7.0 Error: too many errors");
	return true;
}

static void
take_command(struct client *c, struct span line, bool is_last)
{
	const struct smtp_command	 command = smtp_command_parse(line);
	struct client_reply		*reply;

	if (!is_last && ends_group(command.verb)) {
		violation(c, "Error: SMTP protocol synchronization");
		return;
	}
	if (command.verb == SMTP_UNKNOWN && is_other_protocol(command.line)) {
		c->ops->violated(c->arg, 221, "it speaks HTTP");
		client_end(c, "221 2.7.0 Error: this is no web server");
		return;
	}
	client_touch(c);
	reply = client_owe(c);
	if (reply == NULL || has_had_enough(c, reply))
		return;
	if (c->ops->command(c->arg, &command, reply, false) == CLIENT_WAITS)
		keep_waiting(c, &command, reply);
}

void
client_resume(struct client *c)
{
	struct client_reply	*reply = c->waiting;
	struct smtp_command	 command;
	char			*line = c->line;

	if (reply == NULL || c->state == CLIENT_CLOSED)
		return;
	command = smtp_command_parse(span_of(line));
	c->waiting = NULL;
	c->line = NULL;
	if (c->ops->command(c->arg, &command, reply, true) == CLIENT_WAITS &&
	    c->state != CLIENT_CLOSED) {
		c->waiting = reply;
		c->line = line;
		return;
	}
	free(line);
	client_touch(c);
}

/*
 * Lines
 */

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
static void
take_auth(struct client *c, struct span line, bool is_last)
{
	if (!is_last) {
		violation(c, "Error: SMTP protocol synchronization");
		return;
	}
	client_expect(c, CLIENT_AUTH_WAIT);
	c->ops->auth_line(c->arg, is_auth_line(line) ? line : span_of("*"));
}

/* A command that is too long, of which this is the beginning.  Those that may be
 * are answered, once their end is there (RFC 4954, 4: 500 5.5.6); whoever sends
 * others (NULL) is not understood any more. */
static const char *
say_of_long(const struct client *c, struct span bytes)
{
	const struct smtp_command	 command = smtp_command_parse(
	    (struct span){ bytes.p, bytes.n < VERB_MAX ? bytes.n : VERB_MAX });

	if (c->state != CLIENT_COMMAND)
		return NULL;
	switch (command.verb) {
	case SMTP_AUTH:
		return "500 5.5.6 Error: the initial response is too long";
	case SMTP_XCLIENT:
	case SMTP_XFORWARD:
	case SMTP_XREMOTEIP:
	case SMTP_XSETCONTEXT:
	case SMTP_XDUMPCONTEXT:
		return "501 5.5.4 Error: line too long";
	default:
		return NULL;
	}
}

/* Drops a line that is too long, and answers it at its end. */
static size_t
skip_line(struct client *c, struct span bytes)
{
	const char		*lf = span_find(bytes, '\n');
	const char		*text = c->skipping;
	struct client_reply	*reply;

	if (lf == NULL)
		return bytes.n;
	c->skipping = NULL;
	reply = client_owe(c);
	if (reply != NULL && !has_had_enough(c, reply))
		client_say(c, reply, "%s", text);
	return (size_t)(lf - bytes.p) + 1;
}

static size_t
bad_line(struct client *c, enum smtp_line_result result, struct span bytes)
{
	if (result == SMTP_LINE_TOO_LONG)
		c->skipping = say_of_long(c, bytes);
	if (c->skipping != NULL)
		return skip_line(c, bytes);
	if (result == SMTP_LINE_TOO_LONG)
		violation(c, "Error: line too long");
	else
		violation(c, "Error: a control character in a command");
	return bytes.n;
}

/* One line; 0: it waits. */
static size_t
take_line(struct client *c, struct span bytes)
{
	struct smtp_line	 line;
	enum smtp_line_result	 result;
	size_t			 used = 0;
	bool			 is_last;

	result = smtp_line_find(bytes.p, bytes.n, c->state == CLIENT_AUTH ?
	    SMTP_AUTH_MAX : SMTP_COMMAND_MAX, &line, &used);
	if (result == SMTP_LINE_MORE)
		return 0;
	if (result != SMTP_LINE_DONE)
		return bad_line(c, result, bytes);
	if (line.is_bare_lf && c->relay->bare_newline == RELAY_NEWLINE_REJECT) {
		violation(c, "Error: bare <LF> received");
		return bytes.n;
	}
	is_last = used == bytes.n;
	if (c->state == CLIENT_AUTH)
		take_auth(c, line.text, is_last);
	else
		take_command(c, line.text, is_last);
	return used;
}

/* Bytes that come while a command waits. */
static size_t
input_behind(struct client *c, struct span bytes)
{
	if (!ends_group(c->verb))
		return 0;
	violation(c, "Error: SMTP protocol synchronization");
	return bytes.n;
}

/* A step; 0: it waits. */
static size_t
step(struct client *c, struct span bytes)
{
	switch (c->state) {
	case CLIENT_OCTETS:
		return c->ops->octets(c->arg, bytes);
	case CLIENT_LEAVING:
	case CLIENT_CLOSED:
		return bytes.n;
	case CLIENT_SECURING:
	case CLIENT_AUTH_WAIT:
		return 0;
	case CLIENT_GO_AHEAD:
		violation(c, "Error: SMTP protocol synchronization");
		return bytes.n;
	case CLIENT_COMMAND:
	case CLIENT_AUTH:
		break;
	}
	if (c->waiting != NULL)
		return input_behind(c, bytes);
	/* Who does not read replies gets no more of them. */
	if (c->n_owed >= CLIENT_OWED_MAX || client_is_deaf(c))
		return 0;
	return c->skipping != NULL ? skip_line(c, bytes) : take_line(c, bytes);
}

size_t
client_input(struct client *c, struct span bytes)
{
	size_t		 used, n = 1;
	unsigned	 turn;

	c->is_held = false;
	for (used = 0, turn = 0; used < bytes.n && n > 0 &&
	    turn < TURN_COMMANDS; used += n, turn++)
		n = step(c, span_skip(bytes, used));
	/* Of what is left, more than half of something may be taken later; what
	 * stands behind a BDAT that waits has no lines. */
	if (used < bytes.n)
		c->is_held = c->state == CLIENT_OCTETS ||
		    (c->waiting != NULL && c->verb == SMTP_BDAT) ||
		    memchr(bytes.p + used, '\n', bytes.n - used) != NULL;
	return used;
}
