/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * ledger_access: puts what is known of a session and its message to
 * access_maps, and gives always_allow its OK.  Before MAIL there is no message,
 * whatever a request shows.  What was asked about stays as it was until that
 * mail is done: ledger_command.c sees to it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/access.h"
#include "ledger_private.h"
#include "session/access_trial.h"

#define RULE_SIZE		256
#define REQUEST_TEXT_SIZE	65536	/* the most that a request may have */

/* One question at a time: there is one thread. */
struct ledger_access {
	struct context_view	 connection;
	struct context_view	 message;
	struct access_answer	 answer;
	struct access_trial	 trial;
	struct access_keys	 keys;
	/* Texts of the request, whole: whoever may choose one would else get
	 * by with one that is too long. */
	char			 helo[REQUEST_TEXT_SIZE];
	char			 login[REQUEST_TEXT_SIZE];
	char			 name[REQUEST_TEXT_SIZE];
};

struct ledger_access *
ledger_access_new(void)
{
	return calloc(1, sizeof(struct ledger_access));
}

void
ledger_access_free(struct ledger_access *access)
{
	free(access);
}

/* A value of the request as a string; NULL: it does not speak of it. */
static const char *
text_of(struct span value, char buf[REQUEST_TEXT_SIZE])
{
	if (value.p == NULL || value.n >= REQUEST_TEXT_SIZE)
		return NULL;
	span_copy(buf, value);
	buf[value.n] = '\0';
	return buf;
}

/* Postfix's word for no name; anybody may greet, or log in, with that word. */
static const char *
name_of(struct span value, char buf[REQUEST_TEXT_SIZE])
{
	return span_eq(value, LEDGER_UNKNOWN) ? NULL : text_of(value, buf);
}

static bool
is_always_allowed(const struct ledger_proc *proc)
{
	const struct trust_profile	*profile = ledger_peer_profile(proc);

	return profile != NULL && trust_profile_always_allow(profile);
}

static void
view_connection(struct ledger_access *a, const struct ledger_proc *proc,
    const struct attr_request *request)
{
	const struct context_client	 known = {
		.remote_name = name_of(request->v[ATTR_CLIENT_NAME], a->name),
		.ehlo_domain = text_of(request->v[ATTR_HELO_NAME], a->helo),
		.auth_user = text_of(request->v[ATTR_SASL_USERNAME], a->login),
		.is_anonymous = is_always_allowed(proc),
	};

	context_view_connection(ledger_proc_session(proc), &known,
	    &a->connection);
}

static void
view_message(struct ledger_access *a, const struct attr_request *request)
{
	static const struct {
		enum attr_name		 attr;
		enum context_builtin	 name;
		const char		*none;	/* the value for "no such" */
	} pairs[] = {
		/* The null sender is a sender. */
		{ ATTR_SENDER, CONTEXT_MAILFROM, NULL },
		{ ATTR_RECIPIENT_COUNT, CONTEXT_RCPT_COUNT, "" },
		{ ATTR_QUEUE_ID, CONTEXT_QUEUE_ID, "" },
	};
	struct span	 state = request->v[ATTR_PROTOCOL_STATE];
	size_t		 i;

	context_view_init(&a->message);
	if (span_caseeq(state, "CONNECT") || span_caseeq(state, "EHLO") ||
	    span_caseeq(state, "HELO"))
		return;
	for (i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		struct span	 value = request->v[pairs[i].attr];

		if (value.p != NULL && (pairs[i].none == NULL ||
		    !span_eq(value, pairs[i].none)))
			context_view_add(&a->message, pairs[i].name, value);
	}
}

static void
make_keys(struct ledger_access *a, const struct ledger_proc *proc,
    const struct attr_request *request)
{
	view_message(a, request);
	if (proc->life != NULL) {
		view_connection(a, proc, request);
		context_view_yield(&a->connection, &a->message);
	}
	access_keys_make(&a->keys, ledger_proc_session(proc),
	    &a->connection, &a->message, request->v[ATTR_CLIENT_ADDRESS],
	    request->v[ATTR_SASL_USERNAME]);
}

static void
cannot_tell(struct ledger *ledger, const struct ledger_proc *proc,
    struct ledger_reply *reply)
{
	const struct session	*s = ledger_proc_session(proc);

	ledger_report(ledger, proc, (struct decision){
	    .event = DECISION_ERROR,
	    .text = ledger->access->answer.err.text });
	ledger_answer_verdict(reply, VERDICT_REPLY_TO_ACCESS,
	    VERDICT_TEMPFAIL, REASON_CANNOT_TELL, VERDICT_REPLY_BAD_POLICY,
	    s == NULL ? "" : s->id);
}

/* Tells what the rules before those on trial would have answered, if that is
 * something else. */
static void
try_former(struct ledger *ledger, const struct ledger_proc *proc,
    const struct conf *conf, enum access_result result)
{
	struct ledger_access	*a = ledger->access;
	struct decision		 decision;

	if (access_trial_differs(conf, &a->keys, result, &a->answer, &a->trial,
	    &decision))
		ledger_report(ledger, proc, decision);
}

static void
answer_found(struct ledger *ledger, const struct ledger_proc *proc,
    struct ledger_reply *reply)
{
	struct ledger_access	*a = ledger->access;
	struct span		 key = a->keys.v[a->answer.key];
	char			 key_text[256];
	char			 rule[RULE_SIZE];

	(void)snprintf(rule, sizeof rule, "%s:%u", a->answer.file,
	    a->answer.line);
	ledger_answer(reply, LEDGER_ACTION, a->answer.text);
	(void)snprintf(key_text, sizeof key_text, "%.*s",
	    (int)(key.n < sizeof key_text ? key.n : sizeof key_text - 1),
	    key.p);
	ledger_report(ledger, proc, (struct decision){
	    .event = DECISION_ACCESS, .line = reply->text, .key = key_text,
	    .rule = rule });
}

void
ledger_access(struct ledger *ledger, const struct ledger_proc *proc,
    const struct attr_request *request, struct ledger_reply *reply)
{
	const struct conf	*conf = ledger_conf(ledger, proc);
	struct ledger_access	*a = ledger->access;
	enum access_result	 result = ACCESS_NONE;

	if (access_trial_asks(conf))
		make_keys(a, proc, request);
	if (!access_is_empty(conf->access))
		result = access_ask(conf->access, a->keys.v, a->keys.n,
		    &a->answer);
	try_former(ledger, proc, conf, result);
	if (result == ACCESS_CANNOT_TELL) {
		cannot_tell(ledger, proc, reply);
	} else if (result == ACCESS_FOUND) {
		answer_found(ledger, proc, reply);
	} else if (is_always_allowed(proc)) {
		ledger_answer(reply, LEDGER_ACTION, "OK");
		ledger_report(ledger, proc, (struct decision){
		    .event = DECISION_ACCESS, .line = reply->text,
		    .key = "always_allow",
		    .rule = ledger_proc_session(proc)->rule });
	}
}
