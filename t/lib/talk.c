/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * talk: commands and replies, in step.
 */
#include "talk.h"

#include <stdlib.h>

#include "base/smtp_command.h"

/* Where in "CRLF . CRLF" content is. */
enum { IN_LINE, AFTER_CR, AT_LINE, AFTER_DOT, AFTER_DOT_CR };

void
bytes_add(struct bytes *to, struct span more)
{
	if (to->n + more.n > to->size) {
		to->size = 2 * (to->n + more.n);
		to->p = realloc(to->p, to->size);
		if (to->p == NULL)
			abort();
	}
	if (more.n > 0)
		memcpy(to->p + to->n, more.p, more.n);
	to->n += more.n;
}

void
bytes_drop(struct bytes *from, size_t n)
{
	if (n == 0)
		return;
	from->n -= n;
	memmove(from->p, from->p + n, from->n);
}

void
bytes_clear(struct bytes *bytes)
{
	free(bytes->p);
	*bytes = (struct bytes){ NULL, 0, 0 };
}

static void
await(struct talk *t, char what)
{
	if (t->n_awaited == TALK_AWAITED_MAX)
		abort();
	t->awaited[t->n_awaited++] = what;
	t->n_ends += what == TALK_FOR_END;
}

/*
 * The client
 */

static bool
has_control(struct span line)
{
	size_t	 i;

	for (i = 0; i < line.n; i++)
		if ((unsigned char)line.p[i] < ' ' && line.p[i] != '\t')
			return true;
	return false;
}

static void
take_bdat(struct talk *t, struct span args)
{
	bool	 is_chunk;

	is_chunk = smtp_bdat_parse(args, &t->chunk_left, &t->is_chunk_last);
	if (is_chunk)
		t->mode = TALK_CHUNK;
	await(t, is_chunk && t->is_chunk_last ? TALK_FOR_END :
	    TALK_FOR_OTHER);
}

static char
kind_of_mail(struct span args)
{
	struct smtp_path	 path;
	struct span		 value;

	return smtp_path_parse(SMTP_MAIL, args, &path) &&
	    smtp_param_find(path.params, "REQUIRETLS", &value) ?
	    TALK_FOR_MAIL_TLS : TALK_FOR_MAIL;
}

/* How many relays there were anybody may say. */
static char
kind_of_pairs(struct span args)
{
	return span_begins(args, "hops=") && !span_has(args, ' ') &&
	    !span_has(args, '\t') ? TALK_FOR_OTHER : TALK_FOR_XSETCONTEXT;
}

static bool
is_surely_between(const struct talk *t)
{
	return !t->is_in_mail &&
	    memchr(t->awaited, TALK_FOR_MAIL, t->n_awaited) == NULL &&
	    memchr(t->awaited, TALK_FOR_MAIL_TLS, t->n_awaited) == NULL;
}

static void
take_command(struct talk *t, struct span line)
{
	struct smtp_command	 command = smtp_command_parse(line);

	if (t->on_command != NULL)
		t->on_command(t->arg, line);
	switch (command.verb) {
	case SMTP_DATA:
	case SMTP_AUTH:
		await(t, command.verb == SMTP_DATA ? TALK_FOR_DATA :
		    TALK_FOR_AUTH);
		t->mode = TALK_WAIT;
		break;
	case SMTP_BDAT:
		take_bdat(t, command.args);
		break;
	case SMTP_MAIL:
		await(t, kind_of_mail(command.args));
		break;
	case SMTP_RCPT:
		await(t, TALK_FOR_RCPT);
		break;
	case SMTP_RSET:
		await(t, TALK_FOR_RSET);
		break;
	case SMTP_EHLO:
	case SMTP_LHLO:
	case SMTP_HELO:
		await(t, TALK_FOR_EHLO);
		break;
	case SMTP_XCLIENT:
		await(t, TALK_FOR_XCLIENT);
		break;
	case SMTP_XREMOTEIP:
		await(t, TALK_FOR_XREMOTEIP);
		break;
	case SMTP_XFORWARD:
		await(t, is_surely_between(t) ? TALK_FOR_XFORWARD :
		    TALK_FOR_XFORWARD_LATE);
		break;
	case SMTP_XSETCONTEXT:
		await(t, kind_of_pairs(command.args));
		break;
	default:
		await(t, TALK_FOR_OTHER);
		break;
	}
}

/* Returns how many bytes that took; 0: there is no whole line. */
static size_t
take_line(struct talk *t)
{
	const char	*lf = memchr(t->said.p, '\n', t->said.n);
	struct span	 line = { t->said.p, 0 };
	size_t		 used;

	if (lf == NULL)
		return 0;
	line.n = (size_t)(lf - t->said.p);
	used = line.n + 1;
	if (line.n == 0 || line.p[line.n - 1] != '\r')
		t->fault = "a command that ends in a bare LF";
	else
		line.n--;
	if (has_control(line))
		t->fault = "a control character in a command";
	if (t->mode == TALK_AUTH) {
		t->mode = TALK_WAIT;
		await(t, TALK_FOR_AUTH);
	} else {
		take_command(t, line);
	}
	return used;
}

/* Takes one octet of content. */
static void
take_content(struct talk *t, char ch)
{
	unsigned	 before = t->content_state;
	bool		 was_cr = before == AFTER_CR || before == AFTER_DOT_CR;

	if (was_cr != (ch == '\n'))
		t->fault = "a bare CR or LF in content";
	if (ch == '\r') {
		t->content_state = before == AFTER_DOT ? AFTER_DOT_CR :
		    AFTER_CR;
	} else if (ch == '\n' && before == AFTER_DOT_CR) {
		await(t, TALK_FOR_END);
		t->mode = TALK_COMMAND;
	} else if (ch == '\n' && before == AFTER_CR) {
		t->content_state = AT_LINE;
	} else {
		t->content_state = ch == '.' && before == AT_LINE ?
		    AFTER_DOT : IN_LINE;
	}
}

static size_t
take_chunk(struct talk *t)
{
	size_t	 n = t->said.n < t->chunk_left ? t->said.n :
		     (size_t)t->chunk_left;

	t->chunk_left -= n;
	if (t->chunk_left == 0)
		t->mode = TALK_COMMAND;
	return n;
}

static size_t
step(struct talk *t)
{
	switch (t->mode) {
	case TALK_COMMAND:
	case TALK_AUTH:
		return t->said.n == 0 ? 0 : take_line(t);
	case TALK_CONTENT:
		if (t->said.n == 0)
			return 0;
		take_content(t, *t->said.p);
		return 1;
	case TALK_CHUNK:
		return take_chunk(t);
	case TALK_WAIT:
		break;
	}
	return 0;
}

static void
go_on(struct talk *t)
{
	enum talk_mode	 mode;
	size_t		 used = 0, n;
	struct bytes	 all = t->said;

	do {
		mode = t->mode;
		t->said.p = used == 0 ? all.p : all.p + used;
		t->said.n = all.n - used;
		n = step(t);
		used += n;
	} while (n > 0 || mode != t->mode);
	t->said = all;
	bytes_drop(&t->said, used);
}

void
talk_said(struct talk *t, struct span bytes)
{
	bytes_add(&t->said, bytes);
	if (t->mode == TALK_WAIT && bytes.n > 0)
		t->is_ahead = true;
	go_on(t);
}

/*
 * The server
 */

/* Takes the first away, if that was all of it. */
static char
take_awaited(struct talk *t)
{
	char	 what;

	if (t->n_awaited == 0)
		return TALK_FOR_NOTHING;
	what = t->awaited[0];
	/* How many recipients there are is known now. */
	if (what == TALK_FOR_END && t->n_due == 0)
		t->n_due = t->is_lmtp && t->n_recipients > 0 ?
		    t->n_recipients : 1;
	if (what == TALK_FOR_END && --t->n_due > 0)
		return what;
	memmove(t->awaited, t->awaited + 1, --t->n_awaited);
	return what;
}

/* By MAIL, or what ends a transaction. */
static void
begin_anew(struct talk *t, char what)
{
	t->n_recipients = 0;
	t->is_in_mail = what == TALK_FOR_MAIL || what == TALK_FOR_MAIL_TLS;
	if (t->is_in_mail)
		t->is_tls_required = what == TALK_FOR_MAIL_TLS;
}

static void
take_reply(struct talk *t, struct span text, unsigned code)
{
	char	 what = take_awaited(t);
	/* Of a chunk that is still coming nobody can have accepted anything. */
	bool	 is_early = t->mode == TALK_CHUNK && t->n_awaited ==
		    (t->n_due > 0 ? 1U : 0U);

	if (t->on_reply != NULL)
		t->on_reply(t->arg, what, text);
	switch (what) {
	case TALK_FOR_MAIL:
	case TALK_FOR_MAIL_TLS:
	case TALK_FOR_RSET:
	case TALK_FOR_EHLO:
		/* One that is refused changes nothing. */
		if (code / 100 == 2)
			begin_anew(t, what);
		break;
	case TALK_FOR_RCPT:
		t->n_recipients += code / 100 == 2;
		break;
	case TALK_FOR_END:
		if (is_early && t->is_server)
			break;
		t->n_accepted += code / 100 == 2;
		t->n_tls_accepted += code / 100 == 2 && t->is_tls_required;
		if (t->n_due == 0)
			t->n_recipients = 0;
		if (code / 100 == 2)
			t->is_in_mail = false;
		break;
	case TALK_FOR_DATA:
		t->mode = code == 354 ? TALK_CONTENT : TALK_COMMAND;
		t->content_state = AT_LINE;
		break;
	case TALK_FOR_AUTH:
		t->mode = code == 334 ? TALK_AUTH : TALK_COMMAND;
		break;
	default:
		break;
	}
}

void
talk_replied(struct talk *t, struct span bytes)
{
	struct span	 reply, line;
	const char	*lf;

	bytes_add(&t->replied, bytes);
	reply = (struct span){ t->replied.p, 0 };
	while (reply.n < t->replied.n && (lf = memchr(reply.p + reply.n, '\n',
	    t->replied.n - reply.n)) != NULL) {
		line.p = reply.p + reply.n;
		line.n = (size_t)(lf - line.p) + 1;
		reply.n += line.n;
		if (line.n >= 4 && line.p[3] == '-')
			continue;
		take_reply(t, reply, (unsigned)strtoul(line.p, NULL, 10));
		bytes_drop(&t->replied, reply.n);
		reply = (struct span){ t->replied.p, 0 };
		go_on(t);
	}
}

void
talk_begin(struct talk *t, bool is_lmtp)
{
	memset(t, 0, sizeof *t);
	t->is_lmtp = is_lmtp;
	await(t, TALK_FOR_OTHER);
}

void
talk_end(struct talk *t)
{
	bytes_clear(&t->said);
	bytes_clear(&t->replied);
}
