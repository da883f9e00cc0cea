/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * access_check: see access_check.h.  action_check has let pass what Postfix
 * could do; a milter can do less, and what is left over must not become "pass":
 * it is an error, and the mail waits.  Postfix's way with the words is kept: a
 * number alone is OK, and an enhanced status code takes the class of the reply.
 */
#include "access_check.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "session/access_trial.h"

#define TEXT_REFUSED	"Access denied"
#define STATUS_MAX	9	/* "5.123.123" */

struct question {
	struct context_view	 connection;
	struct context_view	 message;
	struct access_keys	 keys;
	struct access_answer	 answer;
	struct access_trial	 trial;
};

/* What an action begins with, and what it is. */
static const struct word {
	const char		*word;
	enum access_check_result	 result;
	const char		*code, *xcode;	/* of ACCESS_CHECK_REFUSE */
} words[] = {
	{ "OK",		ACCESS_CHECK_PASS,	NULL, NULL },
	{ "RELAY",	ACCESS_CHECK_PASS,	NULL, NULL },
	{ "PERMIT",	ACCESS_CHECK_PASS,	NULL, NULL },
	{ "DUNNO",	ACCESS_CHECK_PASS,	NULL, NULL },
	{ "INFO",	ACCESS_CHECK_PASS,	NULL, NULL },
	{ "WARN",	ACCESS_CHECK_PASS,	NULL, NULL },
	{ "DISCARD",	ACCESS_CHECK_DISCARD,	NULL, NULL },
	{ "REJECT",	ACCESS_CHECK_REFUSE,	"554", "5.7.1" },
	{ "DEFER",	ACCESS_CHECK_REFUSE,	"450", "4.7.1" },
};

static struct span
next_word(struct span *text)
{
	struct span	 word;

	word = judge_next_word(text);
	while (text->n > 0 && isspace((unsigned char)text->p[0]))
		*text = span_skip(*text, 1);
	return word;
}

static bool
is_digits(struct span word)
{
	size_t	 i;

	for (i = 0; i < word.n; i++)
		if (!isdigit((unsigned char)word.p[i]))
			return false;
	return word.n > 0;
}

/* "4.7.1": an enhanced status code (RFC 3463). */
static bool
is_status(struct span word)
{
	size_t	 i, dots = 0;

	for (i = 0; i < word.n; i++) {
		if (word.p[i] == '.')
			dots++;
		else if (!isdigit((unsigned char)word.p[i]))
			return false;
	}
	return dots == 2 && word.n >= 5 && word.n <= STATUS_MAX &&
	    word.p[1] == '.' && strchr("245", word.p[0]) != NULL;
}

/*
 * What stands behind the action or the code: "text", or "N.N.N text".  As in
 * Postfix, the status takes the code's class.
 */
static void
refuse(const char *code, const char *xcode, struct span text, const char *id,
    struct enforce_reply *answer)
{
	struct span	 rest = text, status = next_word(&rest);
	char		 own[STATUS_MAX + 1];

	if (is_status(status)) {
		span_copy(own, status);
		own[status.n] = '\0';
		own[0] = code[0];
		xcode = own;
		text = rest;
	}
	enforce_policy(code, xcode, text.n == 0 ? TEXT_REFUSED : text.p, id,
	    answer);
}

static void
refuse_by_code(struct span code, struct span text, const char *id,
    struct enforce_reply *answer)
{
	const char	 nnn[] = { code.p[0], code.p[1], code.p[2], '\0' };

	refuse(nnn, code.p[0] == '5' ? "5.7.1" : "4.7.1", text, id, answer);
}

enum access_check_result
access_check_action(const char *action, const char *id,
    struct enforce_reply *answer_r)
{
	struct span	 rest = span_of(action), verb = next_word(&rest);
	size_t		 i;

	if (verb.n == 3 && is_digits(verb) &&
	    (verb.p[0] == '4' || verb.p[0] == '5')) {
		refuse_by_code(verb, rest, id, answer_r);
		return ACCESS_CHECK_REFUSE;
	}
	if (is_digits(verb) && rest.n == 0)
		return ACCESS_CHECK_PASS;
	for (i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (!span_caseeq(verb, words[i].word))
			continue;
		if (words[i].result == ACCESS_CHECK_REFUSE)
			refuse(words[i].code, words[i].xcode, rest, id,
			    answer_r);
		return words[i].result;
	}
	enforce_bad_policy(id, answer_r);
	return ACCESS_CHECK_REFUSE;
}

static enum access_check_result
act(struct conversation *c, const struct question *q,
    struct enforce_reply *answer_r)
{
	const struct session	*s = conversation_session(c);
	enum access_check_result	 result;
	struct err		 err;

	result = access_check_action(q->answer.text, s->id, answer_r);
	journal_access(s, c->conf, q->answer.text, q->keys.v[q->answer.key],
	    q->answer.file, q->answer.line);
	if (result == ACCESS_CHECK_REFUSE &&
	    answer_r->reason == REASON_CANNOT_TELL) {
		(void)err_set_at(&err, q->answer.file, q->answer.line,
		    "a milter cannot do \"%.100s\"", q->answer.text);
		journal_error(s->id, &err);
	}
	return result;
}

/* Tells what the rules before those on trial would have answered, if that is
 * something else. */
static void
try_former(const struct conversation *c, struct question *q,
    enum access_result result)
{
	struct decision	 decision;

	if (!access_trial_differs(c->conf, &q->keys, result, &q->answer,
	    &q->trial, &decision))
		return;
	decision.session = conversation_session(c);
	decision.conf = c->conf;
	journal_decision(&decision, NULL);
}

enum access_check_result
access_check_message(struct conversation *c, struct enforce_reply *answer_r)
{
	const struct session	*s = conversation_session(c);
	struct question		*q;
	enum access_check_result	 result = ACCESS_CHECK_PASS;
	enum access_result	 found = ACCESS_NONE;

	if (!access_trial_asks(c->conf))
		return ACCESS_CHECK_PASS;
	q = malloc(sizeof *q);
	if (q == NULL) {
		enforce_cannot_tell(answer_r);
		return ACCESS_CHECK_REFUSE;
	}
	conversation_views(c, &q->connection, &q->message);
	access_keys_make(&q->keys, s, &q->connection, &q->message,
	    span_of(""), span_of(""));
	if (!access_is_empty(c->conf->access))
		found = access_ask(c->conf->access, q->keys.v, q->keys.n,
		    &q->answer);
	try_former(c, q, found);
	switch (found) {
	case ACCESS_NONE:
		break;
	case ACCESS_FOUND:
		result = act(c, q, answer_r);
		break;
	case ACCESS_CANNOT_TELL:
		journal_error(s->id, &q->answer.err);
		enforce_bad_policy(s->id, answer_r);
		result = ACCESS_CHECK_REFUSE;
		break;
	}
	free(q);
	return result;
}
