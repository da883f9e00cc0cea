/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * play: see play.h.  Postfix executes what is permitted, and tells of it by
 * what it asks next; here that is taken for granted.
 */
#include "play.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "session/session_change.h"
#include "session/session_life.h"

struct play {
	struct ctl		*ctl;
	struct session_life	*life;
	bool			 in_mail;
	bool			 is_decided;	/* access_maps were asked about
						 * that mail */
	uint64_t		 now_ms;
	struct judgement	 judgement;
};

static void
ignore_report(const struct decision *report, void *arg)
{
	(void)report;
	(void)arg;
}

static void
put_verdict(json_t *step, const struct verdict *v)
{
	output_put(step, "verdict", output_text(v->report_only ?
	    "permit (only reported)" : verdict_action_text(v->action)));
	output_put(step, "reason", output_text(verdict_reason_text(
	    v->reason)));
	output_put(step, "rule", output_text(v->rule));
	output_put(step, "attribute", v->attribute == -1 ? json_null() :
	    output_text(assertion_name_text((enum assertion_name)
	    v->attribute)));
	output_put(step, "text", v->text[0] == '\0' ? json_null() :
	    output_text(v->text));
	output_put(step, "also", v->also[0] == '\0' ? json_null() :
	    output_text(v->also));
}

/*
 * Each attribute by itself
 */

static json_t *
attribute_of(const struct play *t, enum trust_command command,
    const struct assertion_set *set, enum assertion_name name)
{
	const struct session		*s = session_life_session(t->life);
	const struct trust_speaker	 speaker = {
		.profile = session_life_profile(t->life),
		.is_overridden = s->override != NULL,
		.is_sealed = s->is_sealed
	};
	json_t				*found = output_new();
	struct verdict			 v;

	trust_decide_attribute(t->ctl->conf->trust, &speaker, command, set,
	    name, &v);
	output_put(found, "attribute",
	    output_text(assertion_name_text(name)));
	output_put(found, "verdict",
	    output_text(verdict_action_text(v.action)));
	output_put(found, "reason",
	    output_text(verdict_reason_text(v.reason)));
	output_put(found, "rule", output_text(v.rule));
	return found;
}

/* As they are said; those that the profile drops are not judged. */
static void
put_attributes(const struct play *t, json_t *step, enum trust_command command,
    struct span args)
{
	struct assertion_set	 set;
	json_t			*attributes;
	struct err		 err;
	int			 i;

	if ((command != TRUST_XCLIENT && command != TRUST_XFORWARD) ||
	    assertion_parse(args, command == TRUST_XCLIENT ?
	    ASSERTION_XCLIENT : ASSERTION_XFORWARD, t->ctl->conf->xtext, &set,
	    &err) != ASSERTION_OK)
		return;
	if (session_life_profile(t->life) != NULL)
		trust_profile_drop(session_life_profile(t->life), &set);
	attributes = output_new_array();
	for (i = 0; i < ASSERTION_COUNT; i++)
		if (set.v[i].status != ASSERTION_ABSENT)
			output_append(attributes, attribute_of(t, command,
			    &set, (enum assertion_name)i));
	output_put(step, "attributes", attributes);
}

/*
 * Commands
 */

static bool
is_override(enum trust_command command)
{
	return command == TRUST_XCLIENT || command == TRUST_XREMOTEIP;
}

/* Postfix executes it, and asks for what comes of it. */
static void
execute(struct play *t)
{
	if (!session_life_permit(t->life, &t->judgement, t->now_ms))
		ctl_die(EX_OSERR, "out of memory");
	if (is_override(t->judgement.command))
		session_life_commit(t->life, &t->judgement.override,
		    t->now_ms);
}

/* Only who has the session refused for it is disconnected: not one on trial
 * whose line cannot be read, say. */
static void
soften(struct play *t)
{
	if (t->judgement.verdict.action == VERDICT_DISCONNECT &&
	    session_life_session(t->life)->refused != VERDICT_DISCONNECT)
		t->judgement.verdict.action = VERDICT_TEMPFAIL;
}

static void
x_command(struct play *t, json_t *step, enum trust_command command,
    struct span args)
{
	struct judgement	*j = &t->judgement;

	put_attributes(t, step, command, args);
	if (command == TRUST_XFORWARD)
		session_life_end_former_message(t->life);
	if (!session_life_judge_line(t->life, command, args, true, t->now_ms,
	    j)) {
		soften(t);
		put_verdict(step, &j->verdict);
		return;
	}
	if (t->in_mail && command != TRUST_XSETCONTEXT &&
	    command != TRUST_XDUMPCONTEXT) {
		output_put(step, "verdict", output_text("503"));
		output_put(step, "text", output_text(SESSION_IN_MAIL));
		return;
	}
	if (t->is_decided && command == TRUST_XSETCONTEXT) {
		trust_violation(NULL, REASON_SEALED, SESSION_CONTEXT_FIXED,
		    &j->verdict);
		session_life_refuse_now(t->life, j, t->now_ms);
		put_verdict(step, &j->verdict);
		return;
	}
	put_verdict(step, &j->verdict);
	if (command != TRUST_XDUMPCONTEXT && command != TRUST_XSETCONTEXT)
		output_put(step, "executed", output_text(j->line));
	execute(t);
}

/* Whether a step of a mail transaction is taken. */
static void
put_mail(struct play *t, json_t *step)
{
	const struct session_refusal	 why = session_refusal(
	    session_life_session(t->life));

	output_put(step, "verdict",
	    output_text(verdict_action_text(why.action)));
	if (why.action == VERDICT_PERMIT)
		return;
	output_put(step, "reason",
	    output_text(verdict_reason_text(why.reason)));
	output_put(step, "text", output_text(why.text));
}

static void
end_mail(struct play *t)
{
	t->in_mail = t->is_decided = false;
	(void)session_life_end_mail(t->life);
}

/* RSET or a greeting. */
static void
end_message(struct play *t)
{
	session_life_end_begun_message(t->life,
	    session_life_session(t->life)->is_in_mail);
	end_mail(t);
}

/* is_named: else Postfix says 501, and nothing has ended. */
static void
greeting(struct play *t, struct span line, bool is_named)
{
	char	*text = strndup(line.p, line.n);

	if (text == NULL || !session_life_set_greeting(t->life, text))
		ctl_die(EX_OSERR, "out of memory");
	free(text);
	if (is_named)
		end_message(t);
	session_life_seal_if(t->life, TRUST_SEAL_GREETING, "greeting",
	    t->now_ms);
}

/* Where Postfix has no address for its milters, nobody tells that a mail is
 * under way. */
static void
mail(struct play *t, json_t *step)
{
	const struct session	*s = session_life_session(t->life);

	session_life_begin_message(t->life);
	session_life_seal_if(t->life, TRUST_SEAL_GREETING, "mail", t->now_ms);
	put_mail(t, step);
	t->in_mail = session_refusal(s).action == VERDICT_PERMIT;
	t->is_decided = false;
	if (t->in_mail && s->client.family != AF_UNSPEC)
		session_life_begin_mail(t->life);
}

static void
other_command(struct play *t, json_t *step, struct span verb,
    struct span args, struct span line)
{
	if (span_caseeq(verb, "EHLO") || span_caseeq(verb, "HELO")) {
		greeting(t, line, judge_next_word(&args).n > 0);
	} else if (span_caseeq(verb, "MAIL")) {
		mail(t, step);
	} else if (span_caseeq(verb, "RCPT") || span_caseeq(verb, "DATA") ||
	    span_caseeq(verb, "BDAT")) {
		put_mail(t, step);
		t->is_decided = t->in_mail;
	} else if (span_caseeq(verb, "RSET")) {
		end_message(t);
	} else if (span_eq(verb, ".")) {
		end_mail(t);
	}
}

static json_t *
client_of(const struct session *s)
{
	return s->client.family == AF_UNSPEC ? output_text("[UNAVAILABLE]") :
	    output_address(&s->client);
}

json_t *
play_line(struct play *t, struct span line)
{
	struct span		 args = line, verb = judge_next_word(&args);
	json_t			*step = output_new();
	enum trust_command	 command;
	const struct session	*s;
	char			*text = strndup(line.p, line.n);

	if (text == NULL)
		ctl_die(EX_OSERR, "out of memory");
	output_put(step, "line", output_text(text));
	free(text);
	if (trust_command_find(verb, &command))
		x_command(t, step, command, args);
	else
		other_command(t, step, verb, args, line);
	s = session_life_session(t->life);
	output_put(step, "client", client_of(s));
	output_put(step, "sealed", json_boolean(s->is_sealed));
	return step;
}

static struct session_life *
begin(struct ctl *ctl, const struct trust_peer *peer, uint64_t now_ms)
{
	const struct session_life_home	 home = { .report = ignore_report };
	const struct session_life_peer	 who = {
		.keeper = SESSION_KEEPER_POLICY, .addr = peer->addr,
		.name = peer->name, .fingerprint = peer->fingerprint,
		.listener = peer->listener,
		.is_nobody = peer->addr.family == AF_UNSPEC
	};
	struct session_life		*life;

	life = session_life_new(ctl_conf(ctl), &home, &who, now_ms);
	if (life == NULL)
		ctl_die(EX_OSERR, "out of memory");
	return life;
}

struct play *
play_new(struct ctl *ctl, const struct trust_peer *peer)
{
	struct play	*t = calloc(1, sizeof *t);

	if (t == NULL)
		ctl_die(EX_OSERR, "out of memory");
	t->ctl = ctl;
	t->now_ms = clock_ms(CLOCK_REALTIME);
	t->life = begin(ctl, peer, t->now_ms);
	return t;
}

void
play_free(struct play *t)
{
	if (t == NULL)
		return;
	session_life_free(t->life);
	free(t);
}

void
play_set_pairs(struct play *t, struct span pairs)
{
	struct context_line	*line = malloc(sizeof *line);
	struct err		 err;

	if (line == NULL)
		ctl_die(EX_OSERR, "out of memory");
	if (!context_line_parse(pairs, line, &err))
		ctl_die(EX_USAGE, "%s", err.text);
	if (!session_life_set_pairs(t->life, line, CONTEXT_XSETCONTEXT,
	    t->now_ms))
		ctl_die(EX_OSERR, "out of memory");
	free(line);
}

const struct session *
play_session(const struct play *t)
{
	return session_life_session(t->life);
}

const struct trust_profile *
play_profile(const struct play *t)
{
	return session_life_profile(t->life);
}

bool
play_is_passed(const json_t *step)
{
	const char	*verdict;

	verdict = json_string_value(json_object_get(step, "verdict"));
	return verdict == NULL || strncmp(verdict, "permit", 6) == 0;
}
