/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * client_reply: the queue of what a client is owed.
 *
 * What is said before its turn is kept.  What ends the connection unasked takes
 * the place of all that is owed; but for what became of a message it waits,
 * unless it is a 421: with that a client tries again, while another code would
 * bounce what may have been accepted.
 */
#include "client_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE	1024	/* of a reply of ours */
#define PASSED_SIZE	2048	/* of one that is handed on without being
				 * copied twice */

struct client_reply *
client_owe(struct client *c)
{
	struct client_reply	*reply = calloc(1, sizeof *reply);

	if (reply == NULL) {
		client_close(c);
		return NULL;
	}
	reply->left = 1;
	STAILQ_INSERT_TAIL(&c->replies, reply, entry);
	c->n_owed++;
	return reply;
}

void
client_owe_message(struct client *c, struct client_reply *reply, unsigned n)
{
	if (reply == NULL)
		return;
	reply->left = n;
	reply->is_message = true;
	c->n_messages++;
}

bool
client_is_first(const struct client *c, const struct client_reply *reply)
{
	return STAILQ_FIRST(&c->replies) == reply;
}

/* Takes the first off. */
static void
forget_first(struct client *c)
{
	struct client_reply	*reply = STAILQ_FIRST(&c->replies);

	STAILQ_REMOVE_HEAD(&c->replies, entry);
	c->n_owed--;
	if (reply->is_message)
		c->n_messages--;
	free(reply->text);
	free(reply);
}

/* Says what has its turn now. */
static void
go_on(struct client *c)
{
	struct client_reply	*reply;
	bool			 is_last;

	while ((reply = STAILQ_FIRST(&c->replies)) != NULL &&
	    c->state != CLIENT_CLOSED) {
		if (reply->text != NULL) {
			c->ops->send(c->arg, (struct span){ reply->text,
			    reply->len });
			free(reply->text);
			reply->text = NULL;
		}
		if (reply->left > 0)
			return;
		is_last = reply->is_last;
		forget_first(c);
		if (is_last)
			client_close(c);
	}
	client_touch(c);
}

/* Keeps it until its turn comes. */
static bool
keep(struct client_reply *reply, struct span text)
{
	char	*more = realloc(reply->text, reply->len + text.n);

	if (more == NULL)
		return false;
	span_copy(more + (reply->text == NULL ? 0 : reply->len), text);
	reply->text = more;
	reply->len += text.n;
	return true;
}

static void
put(struct client *c, struct client_reply *reply, struct span text,
    bool is_part)
{
	if (c->state == CLIENT_CLOSED || reply == NULL)
		return;
	if (!is_part)
		reply->left--;
	if (client_is_first(c, reply))
		c->ops->send(c->arg, text);
	else if (!keep(reply, text))
		client_close(c);
	go_on(c);
}

void
client_pass_text(struct client *c, struct client_reply *reply,
    const char *text)
{
	put(c, reply, span_of(text), false);
}

void
client_say_text(struct client *c, struct client_reply *reply,
    const char *text)
{
	if (*text == '5')
		c->n_errors++;
	client_pass_text(c, reply, text);
}

static void
say(struct client *c, struct client_reply *reply, const char *fmt, va_list ap)
{
	char	 line[LINE_SIZE];
	int	 n;

	n = vsnprintf(line, sizeof line - 2, fmt, ap);
	if (n < 0 || (size_t)n > sizeof line - 3)
		n = (int)sizeof line - 3;
	memcpy(line + n, "\r\n", sizeof "\r\n");
	client_say_text(c, reply, line);
}

void
client_say(struct client *c, struct client_reply *reply, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	say(c, reply, fmt, ap);
	va_end(ap);
}

/* What stands before the text of a line; a code has three digits. */
static char *
put_head(char *to, unsigned code, bool is_last)
{
	*to++ = (char)('0' + code / 100);
	*to++ = (char)('0' + code / 10 % 10);
	*to++ = (char)('0' + code % 10);
	*to++ = is_last ? ' ' : '-';
	return to;
}

static void
pass(struct client *c, struct client_reply *reply,
    const struct smtp_reply *said, bool is_part)
{
	struct span	 text = said->text, line;
	/* "250-", and CRLF where there was LF alone. */
	size_t		 size = said->text.n + 6 * said->n_lines;
	char		 small[PASSED_SIZE], *buf = small, *to;
	unsigned	 i = 0;

	if (size > sizeof small)
		buf = malloc(size);
	if (buf == NULL) {
		client_close(c);
		return;
	}
	for (to = buf; smtp_reply_line(&text, &line); to += 2) {
		to = put_head(to, said->code, ++i >= said->n_lines);
		span_copy(to, line);
		to += line.n;
		memcpy(to, "\r\n", 2);
	}
	put(c, reply, (struct span){ buf, (size_t)(to - buf) }, is_part);
	if (buf != small)
		free(buf);
}

void
client_pass(struct client *c, struct client_reply *reply,
    const struct smtp_reply *said)
{
	/* Whoever says it hangs up (RFC 5321, 3.8); nothing stands behind. */
	if (said->code == 421 && reply != NULL)
		reply->is_last = true;
	pass(c, reply, said, false);
}

void
client_pass_part(struct client *c, struct client_reply *reply,
    const struct smtp_reply *said)
{
	pass(c, reply, said, true);
}

/* From now on nothing is read, and what else is due in that place is not
 * said. */
static void
be_last(struct client *c, struct client_reply *reply)
{
	reply->left = 1;
	reply->is_last = true;
	c->is_ending = true;
	c->state = CLIENT_LEAVING;
}

void
client_say_last(struct client *c, struct client_reply *reply,
    const char *fmt, ...)
{
	va_list	 ap;

	if (c->state == CLIENT_CLOSED || reply == NULL)
		return;
	be_last(c, reply);
	va_start(ap, fmt);
	say(c, reply, fmt, ap);
	va_end(ap);
}

/* The command that waits is not waited for: it is owed nothing any more. */
static void
abandon_waiting(struct client *c)
{
	if (c->waiting == NULL)
		return;
	c->waiting->left = 0;
	c->waiting = NULL;
	free(c->line);
	c->line = NULL;
}

void
client_end(struct client *c, const char *fmt, ...)
{
	struct client_reply	*reply;
	va_list			 ap;
	bool			 is_now;

	if (c->state == CLIENT_CLOSED || (c->is_ending &&
	    strncmp(fmt, "421", 3) != 0))
		return;
	/* What is owed otherwise need not be waited for; but a reply of ours
	 * would be taken for what became of a message.  With 421 it comes
	 * again. */
	abandon_waiting(c);
	is_now = c->n_messages == 0 || strncmp(fmt, "421", 3) == 0;
	while (is_now && c->n_owed > 0)
		forget_first(c);
	reply = client_owe(c);
	if (reply == NULL)
		return;
	be_last(c, reply);
	va_start(ap, fmt);
	say(c, reply, fmt, ap);
	va_end(ap);
}
