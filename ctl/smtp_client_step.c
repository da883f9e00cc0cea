/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_client_step: what is said, and what may be said before the replies to
 * what was said before it.
 */
#include <stdlib.h>

#include "smtp_client_private.h"
#include "trust/assertion.h"

struct smtp_client_step *
smtp_client_step_add(struct smtp_client *client, enum smtp_client_kind kind,
    struct span line, smtp_client_fn *fn, void *arg)
{
	struct smtp_client_step	*step = calloc(1, sizeof *step + line.n + 1);

	if (step == NULL)
		return NULL;
	step->kind = kind;
	step->fn = fn;
	step->arg = arg;
	step->n = 1;
	step->len = line.n;
	span_copy(step->line, line);
	step->is_unsayable = kind != SMTP_CLIENT_RAW &&
	    (span_has(line, '\r') || span_has(line, '\n') ||
	    span_has(line, '\0'));
	STAILQ_INSERT_TAIL(&client->steps, step, entry);
	return step;
}

void
smtp_client_step_drop(struct smtp_client *client)
{
	struct smtp_client_step	*step = STAILQ_FIRST(&client->steps);

	STAILQ_REMOVE_HEAD(&client->steps, entry);
	if (step->is_said)
		client->n_said--;
	free(step);
}

/* RFC 2920, 3.1: these need not be the last of a group. */
static bool
may_be_followed(const struct smtp_client_step *step)
{
	static const char *const	 verbs[] = { "MAIL", "RCPT", "RSET" };
	struct span			 line = { step->line, step->len }, verb;
	size_t				 i;

	if (step->kind != SMTP_CLIENT_LINE || !span_word(&line, &verb))
		return false;
	for (i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (span_caseeq(verb, verbs[i]))
			return true;
	return false;
}

static bool
may_follow(const struct smtp_client *client,
    const struct smtp_client_step *step)
{
	return client->n_said == 0 || (step->kind == SMTP_CLIENT_LINE &&
	    !client->ends_group && !client->options.is_one_by_one &&
	    smtp_offers(&client->offer, SMTP_KW_PIPELINING));
}

struct smtp_client_step *
smtp_client_step_next(const struct smtp_client *client)
{
	struct smtp_client_step	*step;

	STAILQ_FOREACH(step, &client->steps, entry) {
		/* It is completed when its turn has come, and not before. */
		if (step->is_unsayable)
			return NULL;
		if (!step->is_said)
			return may_follow(client, step) ? step : NULL;
	}
	return NULL;
}

/*
 * Writes the next line of a command of attributes: as many as fit, behind the
 * verb.  0: not even one does.
 */
static size_t
next_line(struct smtp_client_step *step, char *buf, size_t size)
{
	struct span	 rest = { step->line, step->len }, verb, word;
	size_t		 n;

	if (!span_word(&rest, &verb) || verb.n > size)
		return 0;
	n = verb.n;
	span_copy(buf, verb);
	if (step->at == 0 && span_trim(rest).n == 0) {
		step->at = step->len;
		return n;
	}
	if (step->at > 0)
		rest = span_skip((struct span){ step->line, step->len },
		    step->at);
	while (span_word(&rest, &word) && n + 1 + word.n <= size) {
		buf[n++] = ' ';
		span_copy(buf + n, word);
		n += word.n;
		step->at = (size_t)(rest.p - step->line);
	}
	return n > verb.n ? n : 0;
}

static bool
say_attributes(struct smtp_client *client, struct smtp_client_step *step)
{
	char	 line[ASSERTION_COMMAND_MAX];
	size_t	 n = next_line(step, line, sizeof line - 2);

	if (n == 0) {
		step->is_unsayable = true;
		return true;
	}
	memcpy(line + n, "\r\n", 2);
	return stream_put(&client->stream, (struct span){ line, n + 2 }, true);
}

bool
smtp_client_step_say(struct smtp_client *client, struct smtp_client_step *step)
{
	const struct span	 end = { "\r\n", 2 };
	struct span		 line = { step->line, step->len };

	if (!step->is_said)
		client->n_said++;
	step->is_said = true;
	client->ends_group = !may_be_followed(step);
	switch (step->kind) {
	case SMTP_CLIENT_ASSERTION:
		return say_attributes(client, step);
	case SMTP_CLIENT_EHLO:
	case SMTP_CLIENT_STARTTLS:
		client->offer = (struct smtp_offer){ 0 };
		break;
	case SMTP_CLIENT_LINE:
		break;
	case SMTP_CLIENT_RAW:
		return stream_put(&client->stream, line, true);
	case SMTP_CLIENT_GREETING:
	case SMTP_CLIENT_CONTENT:
	case SMTP_CLIENT_CHUNKS:
		return true;
	}
	return stream_put(&client->stream, line, true) &&
	    stream_put(&client->stream, end, true);
}
