/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * probe_session: one case, as one connection.
 *
 * What a case leaves out is said by itself: EHLO where the server is to be
 * greeted, by the name that XCLIENT told, and RSET and QUIT at the end.  MAIL and
 * RCPT are said in one go, so that the server may be asked as fast as it likes
 * to be; what they are answered is told each for itself.
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include <bsd/string.h>

#include "base/smtp_command.h"
#include "base/xtext.h"
#include "ctl.h"
#include "probe.h"

#define HELO_MAX	255

struct talk {
	struct probe		*probe;
	struct probe_case	*c;
	struct smtp_client	*client;
	unsigned		 at;		/* the step to say next */
	unsigned		 n_out;		/* steps that are said */
	struct smtp_offer	 offer;		/* the last one that was made */
	bool			 is_greeted;
	bool			 is_in_mail;	/* to be reset */
	bool			 is_teased;	/* greeted as by postscreen */
	bool			 is_ending;
	unsigned		 n_accepted;
	char			 helo[HELO_MAX + 1];
	struct span		 content;	/* what is left of it */
};

/* What a completion is about. */
struct question {
	struct talk		*session;
	struct probe_step	*step;		/* NULL: not of the case */
	const char		*stage;
};

static void	next(struct talk *s);
static void	start_next(struct probe *probe);

static struct question *
ask(struct talk *s, struct probe_step *step, const char *stage)
{
	struct question	*q = pool_alloc(&s->probe->pool, sizeof *q);

	*q = (struct question){ s, step, stage };
	return q;
}

static bool
is_verb(const struct probe_step *step, const char *verb)
{
	return step->command != NULL && span_caseeq(step->command->verb, verb);
}

static void
finish(struct talk *s)
{
	struct probe	*probe = s->probe;

	s->c->is_done = true;
	probe->n_done++;
	probe->n_running--;
	smtp_client_free(s->client);
	free(s);
	if (probe->done != NULL)
		probe->done(probe);
	start_next(probe);
}

static enum probe_class
class_of(enum smtp_client_result result, const char *why)
{
	switch (result) {
	case SMTP_CLIENT_CONNECT:
		return PROBE_CONNECT;
	case SMTP_CLIENT_TLS:
		return PROBE_TLS;
	case SMTP_CLIENT_CLOSED:
		return strncmp(why, "421", 3) == 0 ? PROBE_UNAVAILABLE :
		    PROBE_CLOSED;
	case SMTP_CLIENT_DEADLINE:
	case SMTP_CLIENT_PROTOCOL:
		return PROBE_NO_REPLY;
	case SMTP_CLIENT_UNSAID:
	case SMTP_CLIENT_SOURCE:
	case SMTP_CLIENT_REPLY:
		return PROBE_WRONG;
	}
	return PROBE_WRONG;
}

/* Whether a closed connection is what a case has come to anyway: the last reply,
 * which was expected, may well have ended it. */
static bool
is_last(const struct talk *s, const struct probe_step *step)
{
	return s->is_ending && step == NULL;
}

static char *
printable(struct probe *probe, const char *text)
{
	char	*copy = pool_copy(&probe->pool, span_of(text)), *p;

	for (p = copy; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return copy;
}

static void
note_reply(struct talk *s, struct probe_step *step,
    const struct smtp_reply *reply)
{
	struct span	 status = smtp_reply_status(reply);

	step->is_answered = true;
	step->code = reply->code;
	(void)snprintf(step->status, sizeof step->status, "%.*s",
	    (int)status.n, status.p);
	step->text = probe_judge_text(s->probe, reply);
}

/* True: there is a reply, and the session goes on. */
static bool
take(const struct question *q, const struct smtp_client_answer *answer)
{
	struct talk	*s = q->session;

	if (answer->result == SMTP_CLIENT_REPLY) {
		if (q->step != NULL)
			note_reply(s, q->step, answer->reply);
		if (!is_last(s, q->step))
			probe_judge(s->probe, s->c, q->step, q->stage,
			    answer->reply);
		return true;
	}
	if (!is_last(s, q->step))
		probe_judge_end(s->probe, s->c, class_of(answer->result,
		    answer->why), q->stage, printable(s->probe, *answer->why ==
		    '\0' ? smtp_client_result_text(answer->result) :
		    answer->why));
	return false;
}

/*
 * The end
 */

static void
on_end(void *arg, const struct smtp_client_answer *answer)
{
	const struct question	*q = arg;
	struct talk		*s = q->session;

	(void)take(q, answer);
	if (--s->n_out == 0)
		finish(s);
}

static void
say_end(struct talk *s, const char *line)
{
	s->n_out++;
	smtp_client_say(s->client, span_of(line), on_end,
	    ask(s, NULL, line));
}

/* Nothing is left to say; no message is left half said. */
static void
end(struct talk *s)
{
	s->is_ending = true;
	if (s->is_in_mail)
		say_end(s, "RSET");
	say_end(s, "QUIT");
}

/*
 * Greetings
 */

static void
on_greeted(void *arg, const struct smtp_client_answer *answer)
{
	const struct question	*q = arg;
	struct talk		*s = q->session;

	s->n_out--;
	if (!take(q, answer)) {
		finish(s);
		return;
	}
	s->is_greeted = true;
	if (answer->reply->code == 250)
		s->offer = *smtp_client_offer(s->client);
	if (q->step == NULL && answer->reply->code >= 400)
		end(s);
	else
		next(s);
}

static void
greet(struct talk *s, struct probe_step *step, const char *name)
{
	s->n_out++;
	smtp_client_greet(s->client, name, on_greeted, ask(s, step, "EHLO"));
}

static void
on_secured(void *arg, const struct smtp_client_answer *answer)
{
	const struct question	*q = arg;
	struct talk		*s = q->session;

	s->n_out--;
	s->is_greeted = false;
	if (!take(q, answer)) {
		finish(s);
		return;
	}
	if (answer->reply->code == 220) {
		next(s);
		return;
	}
	probe_judge_end(s->probe, s->c, PROBE_TLS, "STARTTLS",
	    probe_judge_text(s->probe, answer->reply));
	end(s);
}

static void
secure(struct talk *s)
{
	if (!smtp_offers(&s->offer, SMTP_KW_STARTTLS)) {
		probe_judge_end(s->probe, s->c, PROBE_TLS, "EHLO",
		    "STARTTLS is not offered");
		end(s);
		return;
	}
	s->n_out++;
	smtp_client_secure(s->client, on_secured, ask(s, NULL, "STARTTLS"));
}

/*
 * XCLIENT and the like
 */

/* By which name the client that XCLIENT tells of has greeted. */
static void
note_helo(struct talk *s, struct span args)
{
	struct span	 word;
	size_t		 n = 0;

	while (span_word(&args, &word)) {
		if (!span_casebegins(word, "HELO="))
			continue;
		word = span_skip(word, 5);
		if (xtext_decode(word, XTEXT_LEGACY, s->helo, HELO_MAX, &n) !=
		    XTEXT_OK || !span_is_printable((struct span){ s->helo, n })
		    || n == 0 || s->helo[0] == '[')
			n = 0;
		s->helo[n] = '\0';
	}
}

static bool
expects_refusal(const struct probe_step *step)
{
	unsigned	 i;

	for (i = 0; i < step->n; i++)
		if (step->expected[i].item->kind == SUITE_EXPECT &&
		    !step->expected[i].reply.is_permit &&
		    step->expected[i].reply.code[0] != '2')
			return true;
	return false;
}

static bool
is_offered(struct span params, struct span attribute)
{
	const char	*eq = span_find(attribute, '=');
	struct span	 word;

	if (eq != NULL)
		attribute.n = (size_t)(eq - attribute.p);
	while (span_word(&params, &word))
		if (word.n == attribute.n &&
		    strncasecmp(word.p, attribute.p, word.n) == 0)
			return true;
	return false;
}

/* False: the server cannot be told; that is noted. */
static bool
check_offer(struct talk *s, const struct probe_step *step,
    enum smtp_keyword keyword, struct span args)
{
	struct span	 word;

	if (expects_refusal(step))
		return true;
	if (!smtp_offers(&s->offer, keyword)) {
		probe_judge_end(s->probe, s->c, s->is_teased ?
		    PROBE_POSTSCREEN : PROBE_NOT_OFFERED, "EHLO",
		    smtp_keyword_text(keyword));
		return false;
	}
	while (span_word(&args, &word))
		if (!is_offered(smtp_offer_params(&s->offer, keyword), word)) {
			probe_judge_end(s->probe, s->c, PROBE_NO_ATTRIBUTE,
			    smtp_keyword_text(keyword),
			    pool_copy(&s->probe->pool, word));
			return false;
		}
	return true;
}

static void
on_asserted(void *arg, const struct smtp_client_answer *answer)
{
	const struct question	*q = arg;
	struct talk		*s = q->session;

	s->n_out--;
	if (!take(q, answer)) {
		finish(s);
		return;
	}
	/* Another client has greeted nobody yet; one that is refused, and was not
	 * to be, has nothing more to say. */
	if (is_verb(q->step, "XCLIENT") && answer->reply->code / 100 == 2)
		s->is_greeted = s->at < s->c->n &&
		    is_verb(&s->c->steps[s->at], "XCLIENT");
	if (s->c->class > PROBE_WRONG || (is_verb(q->step, "XCLIENT") &&
	    answer->reply->code >= 400 && !expects_refusal(q->step)))
		end(s);
	else
		next(s);
}

static void
assert_line(struct talk *s, struct probe_step *step)
{
	struct span	 args = step->command->text, verb;

	(void)span_word(&args, &verb);
	if (is_verb(step, "XCLIENT"))
		note_helo(s, args);
	if ((is_verb(step, "XCLIENT") &&
	    !check_offer(s, step, SMTP_KW_XCLIENT, args)) ||
	    (is_verb(step, "XFORWARD") &&
	    !check_offer(s, step, SMTP_KW_XFORWARD, args))) {
		end(s);
		return;
	}
	s->n_out++;
	smtp_client_assert(s->client, step->command->text, on_asserted,
	    ask(s, step, step->command->text.p));
}

/*
 * Mail
 */

static bool
is_of_group(const struct probe_step *step)
{
	return is_verb(step, "MAIL") || is_verb(step, "RCPT") ||
	    is_verb(step, "RSET");
}

static void
on_said(void *arg, const struct smtp_client_answer *answer)
{
	const struct question	*q = arg;
	struct talk		*s = q->session;
	bool			 is_alive = take(q, answer);

	s->n_out--;
	if (is_alive && answer->reply->code / 100 == 2) {
		if (is_verb(q->step, "MAIL"))
			s->is_in_mail = true;
		else if (is_verb(q->step, "RCPT"))
			s->n_accepted++;
		else if (is_verb(q->step, "RSET"))
			s->is_in_mail = false;
	}
	/* Those that were said with it have their own end. */
	if (s->n_out > 0 || s->is_ending)
		return;
	if (!is_alive)
		finish(s);
	else
		next(s);
}

static void
say(struct talk *s, struct probe_step *step)
{
	s->n_out++;
	smtp_client_say(s->client, step->command->text, on_said,
	    ask(s, step, step->command->text.p));
}

/* With what ends the session, if that is next: it saves a turn. */
static void
say_group(struct talk *s)
{
	while (s->at < s->c->n && is_of_group(&s->c->steps[s->at])) {
		if (is_verb(&s->c->steps[s->at], "MAIL"))
			s->is_in_mail = true;
		say(s, &s->c->steps[s->at++]);
	}
	if (s->at == s->c->n)
		end(s);
}

/*
 * Messages
 */

/* "RCPT TO:<a@b> ...", if there is one way to read it, and no other host on its
 * way. */
static bool
read_recipient(struct span line, struct smtp_path *path_r)
{
	struct span	 verb;

	(void)span_word(&line, &verb);
	return smtp_path_parse(SMTP_RCPT, span_trim(line), path_r) &&
	    path_r->path.n == path_r->address.n + 2 &&
	    path_r->path.p[0] == '<' && path_r->domain.n > 0;
}

static bool
is_same(struct span a, struct span b)
{
	return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

static bool
is_allowed(const char *list, struct span line)
{
	struct span		 rest = span_of(list), one;
	struct smtp_path	 rcpt;
	const char	*comma;

	if (!read_recipient(line, &rcpt))
		return false;
	while (rest.n > 0) {
		comma = span_find(rest, ',');
		one = (struct span){ rest.p, comma == NULL ? rest.n :
		    (size_t)(comma - rest.p) };
		rest = span_skip(rest, one.n + (comma != NULL));
		one = span_trim(one);
		if (one.n > 1 && is_same(one.p[0] == '@' ? rcpt.domain :
		    rcpt.address, span_skip(one, one.p[0] == '@')))
			return true;
	}
	return false;
}

/* NULL: it may. */
static const char *
why_not_sent(const struct talk *s)
{
	unsigned	 i;

	if (s->probe->send == NULL)
		return "DATA is not said without --send";
	for (i = 0; i < s->c->n; i++)
		if (is_verb(&s->c->steps[i], "RCPT") &&
		    !is_allowed(s->probe->send,
		    s->c->steps[i].command->text))
			return "DATA is not said: a recipient is not among "
			    "those of --send";
	return s->n_accepted == 0 ? "DATA is not said: no recipient was "
	    "accepted" : NULL;
}

static void
add_text(struct talk *s, const struct suite_item *item, char **text)
{
	*text = pool_printf(&s->probe->pool, "%s%.*s\n", *text,
	    (int)item->text.n, item->text.p);
}

/* Its header, or a subject where that is none, and its body. */
static void
make_content(struct talk *s, const struct probe_step *step)
{
	char		*header = pool_copy(&s->probe->pool, span_of(""));
	char		*body = header;
	unsigned	 i;

	for (i = 0; i < step->n; i++) {
		if (step->expected[i].item->kind == SUITE_HEADER)
			add_text(s, step->expected[i].item, &header);
		else if (step->expected[i].item->kind == SUITE_BODY)
			add_text(s, step->expected[i].item, &body);
	}
	if (*header == '\0')
		header = pool_copy(&s->probe->pool,
		    span_of("Subject: xcontext probe\n"));
	s->content = span_of(pool_printf(&s->probe->pool, "%s\n%s", header,
	    body));
}

static ssize_t
read_content(void *arg, char *buf, size_t size)
{
	struct talk	*s = arg;
	size_t		 n = s->content.n < size ? s->content.n : size;

	span_copy(buf, (struct span){ s->content.p, n });
	s->content = span_skip(s->content, n);
	return (ssize_t)n;
}

static void
on_sent(void *arg, const struct smtp_client_answer *answer)
{
	const struct question	*q = arg;
	struct talk		*s = q->session;
	bool			 is_alive = take(q, answer);

	if (--s->n_out > 0)
		return;
	s->is_in_mail = false;
	if (is_alive)
		next(s);
	else
		finish(s);
}

static void
on_go_ahead(void *arg, const struct smtp_client_answer *answer)
{
	const struct question	*q = arg;
	struct talk		*s = q->session;
	struct probe_step	*end_step = NULL;

	s->n_out--;
	if (s->at < s->c->n && is_verb(&s->c->steps[s->at], "."))
		end_step = &s->c->steps[s->at++];
	if (!take(q, answer)) {
		finish(s);
		return;
	}
	if (answer->reply->code != 354) {
		next(s);
		return;
	}
	make_content(s, q->step);
	s->n_out += s->probe->options.is_lmtp ? s->n_accepted : 1;
	smtp_client_content(s->client, read_content, s, s->n_out, on_sent,
	    ask(s, end_step, "the end of the message"));
}

static void
say_data(struct talk *s, struct probe_step *step)
{
	s->c->unsaid = why_not_sent(s);
	if (s->c->unsaid != NULL) {
		end(s);
		return;
	}
	s->n_out++;
	smtp_client_say(s->client, span_of("DATA"), on_go_ahead,
	    ask(s, step, "DATA"));
}

/*
 * From step to step
 */

/* A greeting of the case's own. */
static void
greet_as(struct talk *s, struct probe_step *step)
{
	struct span	 args = step->command->text, verb;

	(void)span_word(&args, &verb);
	s->is_greeted = true;
	if (span_caseeq(verb, "EHLO"))
		greet(s, step, span_trim(args).p);
	else
		say(s, step);
}

static void
next(struct talk *s)
{
	struct probe_step	*step;

	if (s->probe->is_starttls && !smtp_client_is_secure(s->client)) {
		if (s->is_greeted)
			secure(s);
		else
			greet(s, NULL, s->probe->name);
		return;
	}
	if (s->at == s->c->n) {
		end(s);
		return;
	}
	step = &s->c->steps[s->at];
	if (is_verb(step, "EHLO") || is_verb(step, "HELO")) {
		s->at++;
		greet_as(s, step);
	} else if (!s->is_greeted) {
		greet(s, NULL, s->helo[0] == '\0' ? s->probe->name : s->helo);
	} else if (is_of_group(step)) {
		say_group(s);
	} else if (is_verb(step, "DATA")) {
		s->at++;
		say_data(s, step);
	} else if (is_verb(step, ".")) {
		s->at++;
		next(s);
	} else {
		s->at++;
		assert_line(s, step);
	}
}

static void
on_connected(void *arg, const struct smtp_client_answer *answer)
{
	const struct question	*q = arg;
	struct talk		*s = q->session;

	s->n_out--;
	if (!take(q, answer)) {
		finish(s);
		return;
	}
	s->is_teased = answer->reply->n_lines > 1;
	if (answer->reply->code == 220)
		next(s);
	else
		end(s);
}

static void
start(struct probe *probe, struct probe_case *c)
{
	struct talk	*s = calloc(1, sizeof *s);

	if (s == NULL)
		ctl_die(EX_OSERR, "out of memory");
	s->probe = probe;
	s->c = c;
	s->at = 1;
	s->n_out = 1;
	s->client = smtp_client_new(probe->base, &probe->options);
	probe->n_running++;
	smtp_client_connect(s->client, probe->server, on_connected,
	    ask(s, &c->steps[0], "the greeting"));
}

static void
start_next(struct probe *probe)
{
	while (probe->n_running < probe->jobs && probe->next < probe->n)
		start(probe, &probe->cases[probe->next++]);
}

void
probe_session_run(struct probe *probe)
{
	start_next(probe);
	if (event_base_dispatch(probe->base) == -1)
		ctl_die(EX_OSERR, "the event loop has failed");
}
