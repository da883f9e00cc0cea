/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtpd_line: see smtpd_line.h.
 */
#include "smtpd_line.h"

#include <ctype.h>

#include "base/hostname.h"

#define QUEUE_ID_MAX	32
#define PATH_MAX_LEN	480	/* a command has 512 */

const char *
smtpd_line_why_text(enum smtpd_line_why why)
{
	static const char *const	 texts[] = {
		[SMTPD_LINE_ODD] = "a greeting, a login or an address has "
		    "characters that a case cannot have",
		[SMTPD_LINE_AMBIGUOUS] = "a client's words look like the "
		    "log's own, so that what it said cannot be told",
		[SMTPD_LINE_MALFORMED] = "it is not as Postfix writes it, or "
		    "was cut",
		[SMTPD_LINE_STAGE] = "it was decided when the recipients were "
		    "known already, or about no mail"
	};

	return texts[why];
}

static void
unread(struct smtpd_line *l, enum smtpd_line_why why)
{
	l->kind = SMTPD_LINE_UNREAD;
	l->why = why;
}

static bool
take(struct span *rest, const char *text)
{
	if (!span_begins(*rest, text))
		return false;
	*rest = span_skip(*rest, strlen(text));
	return true;
}

/* Up to that text, which is taken, too.  False: it is not there. */
static bool
take_until(struct span *rest, const char *text, struct span *taken_r)
{
	const char	*end = rest->n == 0 ? NULL : memmem(rest->p, rest->n,
			    text, strlen(text));

	if (end == NULL)
		return false;
	*taken_r = (struct span){ rest->p, (size_t)(end - rest->p) };
	*rest = span_skip(*rest, taken_r->n + strlen(text));
	return true;
}

static size_t
count(struct span text, const char *what)
{
	struct span	 before;
	size_t		 n = 0;

	while (take_until(&text, what, &before))
		n++;
	return n;
}

/* Without what a command's words end at, or Postfix may have put in the place of
 * what it would not write. */
static bool
is_sayable(struct span text, const char *not)
{
	size_t	 i;

	for (i = 0; i < text.n; i++)
		if (text.p[i] <= ' ' || text.p[i] > '~' ||
		    strchr(not, text.p[i]) != NULL)
			return false;
	return text.n <= PATH_MAX_LEN;
}

static bool
is_path(struct span text)
{
	return is_sayable(text, "<>\"\\?");
}

static bool
is_digits(struct span text, size_t max)
{
	size_t	 i;

	for (i = 0; i < text.n; i++)
		if (!isdigit((unsigned char)text.p[i]))
			return false;
	return text.n > 0 && text.n <= max;
}

/*
 * Clients
 */

/* "NAME[ADDRESS]" or "NAME[ADDRESS]:PORT", to the end of text. */
static bool
read_client(struct span text, struct smtpd_line *l)
{
	struct span	 addr;

	if (!take_until(&text, "[", &l->name) ||
	    !take_until(&text, "]", &addr))
		return false;
	if (span_eq(addr, "unknown"))
		l->addr = (struct address){ .family = AF_UNSPEC };
	else if (!address_parse(addr, &l->addr))
		return false;
	if (take(&text, ":")) {
		l->port = text;
		return is_digits(text, 5) && (span_eq(l->name, "unknown") ||
		    hostname_valid(l->name));
	}
	return text.n == 0 && (span_eq(l->name, "unknown") ||
	    hostname_valid(l->name));
}

static struct span
first_word(struct span text)
{
	struct span	 word;

	(void)span_word(&text, &word);
	return word;
}

static void
read_session(struct span text, enum smtpd_line_kind kind,
    struct smtpd_line *l)
{
	l->kind = kind;
	if (!read_client(first_word(text), l))
		unread(l, SMTPD_LINE_MALFORMED);
}

/* "client=NAME[ADDRESS], sasl_method=PLAIN, sasl_username=joe, ..." */
static void
read_mail_client(struct span text, struct smtpd_line *l)
{
	struct span	 client, rest = text, before;

	l->kind = SMTPD_LINE_CLIENT;
	if (!take_until(&rest, ", ", &client)) {
		client = text;
		rest.n = 0;
	}
	if (!read_client(client, l)) {
		unread(l, SMTPD_LINE_MALFORMED);
		return;
	}
	if (count(rest, "sasl_username=") > 1 || count(rest, "orig_") > 2) {
		unread(l, SMTPD_LINE_AMBIGUOUS);
		return;
	}
	l->is_passed_on = count(rest, "orig_client=") > 0;
	if (!take_until(&rest, "sasl_username=", &before))
		return;
	if (!take_until(&rest, ", ", &l->login))
		l->login = rest;
	if (!is_sayable(l->login, "<>\"\\?,[") || l->login.n == 0)
		unread(l, SMTPD_LINE_ODD);
}

/*
 * Decisions
 */

/* What stands behind the text of a decision, each of which is there once:
 * "from=<A> to=<B> proto=ESMTP helo=<C>".  What a client said stands in the text
 * as well, and what it said may be this. */
static bool
is_once(struct span text)
{
	static const char *const	 marks[] = { "from=<", "to=<",
		"proto=", "helo=<", "sasl_method=", "sasl_username=" };
	size_t				 i;

	for (i = 0; i < sizeof marks / sizeof marks[0]; i++)
		if (count(text, marks[i]) > 1)
			return false;
	return true;
}

static bool
take_path(struct span *rest, const char *mark, struct span *path_r)
{
	return !take(rest, mark) || (take_until(rest, "> ", path_r) &&
	    !span_has(*path_r, '<'));
}

static bool
take_login(struct span *rest, struct span *login_r)
{
	struct span	 word;

	if (take(rest, " sasl_method="))
		*rest = span_skip(*rest, first_word(*rest).n);
	if (!take(rest, " sasl_username="))
		return true;
	word = first_word(*rest);
	*rest = span_skip(*rest, word.n);
	if (word.n >= 2 && word.p[0] == '<' && word.p[word.n - 1] == '>')
		word = (struct span){ word.p + 1, word.n - 2 };
	*login_r = word;
	return word.n > 0;
}

/* The end of the line, from where "from=<" or, where that is not, "proto=" is. */
static bool
read_tail(struct span tail, struct smtpd_line *l)
{
	if (!take_path(&tail, "from=<", &l->sender) ||
	    !take_path(&tail, "to=<", &l->rcpt) || !take(&tail, "proto="))
		return false;
	l->proto = first_word(tail);
	tail = span_skip(tail, l->proto.n);
	if (!span_eq(l->proto, "SMTP") && !span_eq(l->proto, "ESMTP"))
		return false;
	if (take(&tail, " helo=<") && !take_until(&tail, ">", &l->helo))
		return false;
	return take_login(&tail, &l->login) && tail.n == 0;
}

/* "554 5.7.1 text; " */
static bool
read_reply(struct span text, struct smtpd_line *l)
{
	struct span	 word;
	size_t		 i, n_dots = 0;

	if (!span_word(&text, &l->code) || !is_digits(l->code, 3) ||
	    l->code.n != 3 || l->code.p[0] < '4' || l->code.p[0] > '5')
		return false;
	word = first_word(text);
	for (i = 0; i < word.n; i++) {
		n_dots += word.p[i] == '.';
		if (word.p[i] != '.' && !isdigit((unsigned char)word.p[i]))
			return true;
	}
	if (n_dots == 2 && word.n >= 5 && word.p[0] == l->code.p[0] &&
	    word.p[word.n - 1] != '.' && word.n <= 9)
		l->status = word;
	return true;
}

static bool
find_stage(struct span word, enum smtpd_line_stage *stage_r)
{
	static const struct {
		const char		*word;
		enum smtpd_line_stage	 stage;
	} stages[] = {
		{ "CONNECT", SMTPD_LINE_AT_CONNECT },
		{ "EHLO", SMTPD_LINE_AT_HELO },
		{ "HELO", SMTPD_LINE_AT_HELO },
		{ "MAIL", SMTPD_LINE_AT_MAIL },
		{ "RCPT", SMTPD_LINE_AT_RCPT }
	};
	size_t	 i;

	for (i = 0; i < sizeof stages / sizeof stages[0]; i++)
		if (span_eq(word, stages[i].word)) {
			*stage_r = stages[i].stage;
			return true;
		}
	return false;
}

/* What is there has to be, and nothing that a command cannot say. */
static void
check_decision(struct smtpd_line *l)
{
	bool	 is_mail = l->stage == SMTPD_LINE_AT_MAIL ||
		    l->stage == SMTPD_LINE_AT_RCPT;

	if ((is_mail && l->sender.p == NULL) || (l->rcpt.p == NULL &&
	    l->stage == SMTPD_LINE_AT_RCPT))
		unread(l, SMTPD_LINE_MALFORMED);
	else if (!is_path(l->sender) || !is_path(l->rcpt) ||
	    !is_sayable(l->helo, "<>()\";@\\?") ||
	    !is_sayable(l->login, "<>\"\\?,["))
		unread(l, SMTPD_LINE_ODD);
	/* A probe always greets. */
	else if (l->helo.n == 0 && l->stage != SMTPD_LINE_AT_CONNECT)
		unread(l, SMTPD_LINE_STAGE);
}

/* "reject: RCPT from NAME[ADDRESS]: 554 5.7.1 ...; from=<...> ..." */
static void
read_decision(struct span action, struct span text, struct smtpd_line *l)
{
	struct span	 stage, client, tail = text, before;

	l->kind = SMTPD_LINE_DECISION;
	l->is_refusal = span_eq(action, "reject") ||
	    span_eq(action, "milter-reject");
	if (!take_until(&text, " from ", &stage) ||
	    !find_stage(stage, &l->stage)) {
		if (l->is_refusal)
			unread(l, SMTPD_LINE_STAGE);
		else
			l->kind = SMTPD_LINE_OTHER;
		return;
	}
	if (!is_once(text)) {
		unread(l, SMTPD_LINE_AMBIGUOUS);
		return;
	}
	tail = text;
	if (!take_until(&text, ": ", &client) || !read_client(client, l) ||
	    (l->is_refusal && !read_reply(text, l)) ||
	    !take_until(&tail, count(tail, "; from=<") > 0 ? "; from=<" :
	    "; proto=", &before) ||
	    !read_tail(span_skip(text, (size_t)(before.p + before.n + 2 -
	    text.p)), l))
		unread(l, SMTPD_LINE_MALFORMED);
	else
		check_decision(l);
}

/*
 * Lines
 */

/* "4Zk1Xy0000z1: ", "NOQUEUE: " */
static bool
take_queue_id(struct span *rest, struct span *id_r)
{
	struct span	 id, text = *rest;
	size_t		 i;

	if (!take_until(&text, ": ", &id) || id.n == 0 || id.n > QUEUE_ID_MAX)
		return false;
	for (i = 0; i < id.n; i++)
		if (!isalnum((unsigned char)id.p[i]))
			return false;
	*rest = text;
	*id_r = span_eq(id, "NOQUEUE") ? (struct span){ NULL, 0 } : id;
	return true;
}

static void
read_smtpd(struct span text, struct smtpd_line *l)
{
	struct span	 action;

	if (take(&text, "connect from ")) {
		read_session(text, SMTPD_LINE_CONNECT, l);
		return;
	}
	if (take(&text, "disconnect from ")) {
		read_session(text, SMTPD_LINE_DISCONNECT, l);
		return;
	}
	/* "warning: ...: ..." is none. */
	if (!take_queue_id(&text, &l->queue_id) || span_eq(l->queue_id,
	    "warning"))
		return;
	if (take(&text, "client="))
		read_mail_client(text, l);
	else if (take_until(&text, ": ", &action) && !span_has(action, ' '))
		read_decision(action, text, l);
}

/* "from=<...>, size=...", "removed" */
static void
read_qmgr(struct span text, struct smtpd_line *l)
{
	if (!take_queue_id(&text, &l->queue_id) || l->queue_id.n == 0)
		return;
	if (span_eq(text, "removed")) {
		l->kind = SMTPD_LINE_REMOVED;
		return;
	}
	if (!take(&text, "from=<"))
		return;
	l->kind = SMTPD_LINE_SENDER;
	if (!take_until(&text, ">, ", &l->sender))
		unread(l, SMTPD_LINE_MALFORMED);
	else if (!span_begins(text, "size=") &&
	    !span_begins(text, "status="))
		unread(l, SMTPD_LINE_AMBIGUOUS);
	else if (!is_path(l->sender))
		unread(l, SMTPD_LINE_ODD);
}

/* "to=<...>, orig_to=<...>, relay=...": what the client said is the latter,
 * where there is one. */
static void
read_delivery(struct span text, struct smtpd_line *l)
{
	struct span	 to = { NULL, 0 };
	bool		 is_whole;

	if (!take_queue_id(&text, &l->queue_id) || l->queue_id.n == 0 ||
	    !take(&text, "to=<"))
		return;
	l->kind = SMTPD_LINE_RCPT;
	if (count(text, ">, relay=") > 1 || count(text, "orig_to=<") > 1) {
		unread(l, SMTPD_LINE_AMBIGUOUS);
		return;
	}
	is_whole = take_until(&text, ">, ", &to);
	l->rcpt = to;
	if (is_whole && take(&text, "orig_to=<"))
		is_whole = take_until(&text, ">, ", &l->rcpt);
	if (!is_whole || !span_begins(text, "relay="))
		unread(l, SMTPD_LINE_MALFORMED);
	else if (!is_path(to) || !is_path(l->rcpt) || l->rcpt.n == 0)
		unread(l, SMTPD_LINE_ODD);
}

void
smtpd_line_read(const struct log_entry_foreign *foreign,
    struct smtpd_line *l)
{
	struct span	 program = foreign->program;
	const char	*slash;

	*l = (struct smtpd_line){ .kind = SMTPD_LINE_OTHER };
	/* "postfix/submission/smtpd"; other programs called smtpd have no
	 * slash. */
	slash = program.n == 0 ? NULL : memrchr(program.p, '/', program.n);
	if (slash == NULL || foreign->message.n == 0)
		return;
	program = span_skip(program, (size_t)(slash + 1 - program.p));
	if (span_eq(program, "smtpd"))
		read_smtpd(foreign->message, l);
	else if (span_eq(program, "qmgr"))
		read_qmgr(foreign->message, l);
	else if (!span_eq(program, "cleanup") &&
	    !span_eq(program, "postscreen"))
		read_delivery(foreign->message, l);
}
