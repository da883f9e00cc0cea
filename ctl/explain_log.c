/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * explain_log: see explain_log.h.
 *
 * What was decided is what the line says; what to change is by the rules of
 * today, which are asked about the same command once more.
 */
#include "explain_log.h"

#include <stdlib.h>
#include <sysexits.h>

#include "advice.h"
#include "base/ulid.h"
#include "daemon/decision_log.h"
#include "log_reader.h"
#include "output.h"
#include "session/session_change.h"
#include "session/verdict_reply.h"

#define ID_LENGTH	(ULID_SIZE - 1)

static bool
is_id(struct span text)
{
	size_t	 i;

	if (text.n != ID_LENGTH)
		return false;
	for (i = 0; i < text.n; i++)
		if (text.p[i] == '\0' || strchr(
		    "0123456789ABCDEFGHJKMNPQRSTVWXYZ", text.p[i]) == NULL)
			return false;
	return true;
}

static const char *
meaning(const struct log_entry *e)
{
	static const char *const	 texts[] = {
		[DECISION_BEGIN] = "a session of a peer with grants began",
		[DECISION_PERMIT] = "a command was permitted",
		[DECISION_REFUSE] = "the session, or a command, was refused",
		[DECISION_OVERRIDE] = "the override was executed",
		[DECISION_FORGET] = "the mail server did not execute what was "
		    "permitted",
		[DECISION_UNDO] = "it was another connection, not the "
		    "executed override",
		[DECISION_SEAL] = "from now on the identity stays",
		[DECISION_COMMAND_DENIED] = "the client was told why",
		[DECISION_MAIL_REFUSED] = "a step of a mail transaction was "
		    "refused, because of what was refused before",
		[DECISION_ACCESS] = "access_maps, or always_allow, decided",
		[DECISION_ERROR] = "something could not be told, and was a "
		    "temporary failure",
		[DECISION_DIFFER] = "a configuration is on trial, and the one "
		    "before it would have decided otherwise",
		[DECISION_END] = "the session ended"
	};
	enum decision_event		 event;

	if (!decision_log_event_find(span_of(e->event), &event))
		return "an event of the daemon: see DIAGNOSTICS in its manual";
	if (event == DECISION_PERMIT &&
	    e->value[DECISION_KEY_REPORT_ONLY] != NULL)
		return "a command that the rules do not allow passed, because "
		    "the profile only reports";
	return texts[event];
}

/*
 * What the client saw
 */

static enum verdict_reply_by
by_whom(const char *program)
{
	if (program == NULL || strcmp(program, "xcontext-policy") == 0)
		return VERDICT_REPLY_BY_POSTFIX;
	return strcmp(program, "xcontext-relay") == 0 ?
	    VERDICT_REPLY_BY_SERVER : VERDICT_REPLY_BY_MILTER;
}

static void
put_reply(json_t *found, const char *key, enum verdict_reply_to to,
    const struct log_entry *e, enum verdict_action action,
    enum verdict_reason reason)
{
	struct verdict_reply	 reply;
	char			 buf[VERDICT_REPLY_SIZE];

	verdict_reply_find(to, action, reason,
	    to == VERDICT_REPLY_TO_MAIL ? VERDICT_REPLY_BY_SERVER :
	    by_whom(e->program), &reply);
	output_put(found, key, output_text(verdict_reply_line(&reply,
	    verdict_reply_text(e->value[DECISION_KEY_TEXT], reason),
	    e->session == NULL ? "" : e->session, buf)));
}

/* A refused command is answered, and refuses the session's mail unless it
 * changed nothing. */
static void
put_replies(json_t *found, const struct log_entry *e,
    enum verdict_action action, enum verdict_reason reason)
{
	const char		*text = e->value[DECISION_KEY_COMMAND];
	enum trust_command	 command;
	bool			 is_command = text != NULL &&
				     trust_command_find(span_of(text),
				     &command);

	if (action == VERDICT_PERMIT)
		return;
	if (is_command)
		put_reply(found, "client_saw", VERDICT_REPLY_TO_COMMAND, e,
		    action, reason);
	if (!is_command || !session_is_pardoned(command, reason))
		put_reply(found, "its_mail", VERDICT_REPLY_TO_MAIL, e, action,
		    reason);
}

/*
 * A line of ours
 */

static void
put_value(json_t *found, const char *name, const struct log_entry *e,
    enum decision_key key)
{
	if (e->value[key] != NULL)
		output_put(found, name, output_text(e->value[key]));
}

static void
put_line(json_t *found, const struct log_entry *e)
{
	output_put(found, "time", output_text(e->time));
	output_put(found, "session", output_text(e->session));
	output_put(found, "event", output_text(e->event));
	output_put(found, "means", output_text(meaning(e)));
	put_value(found, "said", e, DECISION_KEY_SAID);
	put_value(found, "peer", e, DECISION_KEY_PEER);
	put_value(found, "peer_name", e, DECISION_KEY_PEER_NAME);
	put_value(found, "listener", e, DECISION_KEY_LISTENER);
	put_value(found, "profile", e, DECISION_KEY_PROFILE);
	put_value(found, "profile_by", e, DECISION_KEY_PEER_RULE);
	put_value(found, "step", e, DECISION_KEY_STEP);
	put_value(found, "verdict", e, DECISION_KEY_ACTION);
	put_value(found, "reason", e, DECISION_KEY_REASON);
	put_value(found, "rule", e, DECISION_KEY_RULE);
	put_value(found, "text", e, DECISION_KEY_TEXT);
	put_value(found, "also", e, DECISION_KEY_ALSO);
	put_value(found, "reply", e, DECISION_KEY_REPLY);
}

/* Whether the rules that are asked now are those that decided then. */
static void
put_rules(json_t *found, const struct conf *conf, const struct log_entry *e)
{
	const char	*was = e->value[DECISION_KEY_CONF];

	if (was != NULL && strcmp(was, conf->fingerprint) != 0)
		output_put(found, "rules", output_text("have changed since, or "
		    "are another host's: places are those of then, but for "
		    "what to change"));
}

/* It was refused as a stranger's. */
static bool
is_revoked(const struct log_entry *e)
{
	const char	*rule = e->value[DECISION_KEY_PEER_RULE];

	return rule != NULL && strcmp(rule, SESSION_RULE_REVOKED) == 0;
}

static void
put_again(json_t *found, struct again *again, const struct log_entry *e,
    enum verdict_reason reason)
{
	switch (again_decide(again, e)) {
	case AGAIN_DECIDED:
		output_put(found, "today", output_text(again_text(
		    again->j.verdict.action, again->j.verdict.report_only)));
		if (again->j.verdict.action != VERDICT_PERMIT ||
		    again->j.verdict.report_only)
			output_put(found, "to_allow", advice_by_rules(again));
		break;
	case AGAIN_STATE:
		output_put(found, "to_allow", advice_by_reason(again,
		    is_revoked(e) ? REASON_REVOKED : reason,
		    e->value[DECISION_KEY_RULE]));
		break;
	case AGAIN_CUT:
	case AGAIN_CANNOT_TELL:
		output_put(found, "today", output_text(again->err.text));
		break;
	}
}

static json_t *
explain_entry(struct again *again, const struct log_entry *e)
{
	const char		*action = e->value[DECISION_KEY_ACTION];
	const char		*reason = e->value[DECISION_KEY_REASON];
	json_t			*found = output_new();
	enum verdict_action	 was;
	enum verdict_reason	 why;

	put_line(found, e);
	if (action == NULL || reason == NULL ||
	    !verdict_action_find(action, &was) ||
	    !verdict_reason_find(reason, &why))
		return found;
	put_replies(found, e, was, why);
	put_rules(found, again->conf, e);
	if (e->kind == LOG_ENTRY_DECISION)
		put_again(found, again, e, why);
	else if (was != VERDICT_PERMIT)
		output_put(found, "to_allow", advice_by_reason(again, why,
		    e->value[DECISION_KEY_RULE]));
	return found;
}

/*
 * A line of the mail server's
 */

/* The session that it names: behind our replies' last words, or behind the
 * verb that refused commands become.  False: none. */
static bool
find_id(struct span line, struct span *id_r)
{
	static const char *const	 marks[] = { VERDICT_REPLY_SESSION,
					     SESSION_REFUSED_VERB " " };
	const char			*p;
	size_t				 i;

	for (i = 0; line.n > 0 && i < sizeof marks / sizeof marks[0]; i++) {
		p = memmem(line.p, line.n, marks[i], strlen(marks[i]));
		if (p == NULL)
			continue;
		*id_r = span_skip(line, (size_t)(p - line.p) +
		    strlen(marks[i]));
		if (id_r->n < ID_LENGTH)
			continue;
		id_r->n = ID_LENGTH;
		if (is_id(*id_r))
			return true;
	}
	return false;
}

/* From "450 4.7.1 " to the session's name; NULL: no such thing. */
static char *
find_reply(struct span line, struct span id)
{
	size_t	 i, end = (size_t)(id.p + id.n - line.p);

	for (i = 2; i + 6 < end; i++)
		if (line.p[i - 1] == ' ' && strchr("245", line.p[i]) != NULL &&
		    line.p[i + 3] == ' ' && line.p[i + 4] == line.p[i] &&
		    line.p[i + 5] == '.')
			return strndup(line.p + i, end - i);
	return NULL;
}

static json_t *
explain_foreign(struct span line, struct span id)
{
	json_t	*found = output_new();
	char	*name = strndup(id.p, id.n), *reply = find_reply(line, id);
	char	 text[256];

	if (name == NULL)
		ctl_die(EX_OSERR, "out of memory");
	output_put(found, "session", output_text(name));
	output_put(found, "means", output_text("the mail server's line; it "
	    "answered as xcontext told it to"));
	if (reply != NULL)
		output_put(found, "client_saw", output_text(reply));
	(void)snprintf(text, sizeof text, "the daemons' lines of that session "
	    "say why: xcontext explain --log %s < LOG", name);
	output_put(found, "more", output_text(text));
	free(name);
	free(reply);
	return found;
}

/*
 * Lines
 */

/* session NULL: of any. */
static bool
is_wanted(const struct log_entry *e, const char *session)
{
	enum decision_event	 event;

	if (e->kind == LOG_ENTRY_FOREIGN)
		return false;
	if (session != NULL)
		return e->session != NULL && strcmp(e->session, session) == 0;
	return decision_log_event_find(span_of(e->event), &event);
}

static void
take(json_t *lines, struct again *again, const struct log_entry *e,
    struct span line, const char *session)
{
	struct span	 id;

	if (is_wanted(e, session))
		output_append(lines, explain_entry(again, e));
	else if (e->kind == LOG_ENTRY_FOREIGN &&
	    line.n <= LOG_ENTRY_LINE_MAX && find_id(line, &id) &&
	    (session == NULL || span_eq(id, session)))
		output_append(lines, explain_foreign(line, id));
}

static void
take_input(json_t *lines, struct again *again, const char *session)
{
	struct log_reader	*log = log_reader_open("-");
	const struct log_entry	*e;
	struct span		 line;

	while ((e = log_reader_any(log, &line)) != NULL)
		take(lines, again, e, line, session);
	log_reader_close(log);
}

static void
take_argument(json_t *lines, struct again *again, const char *text)
{
	struct log_entry	*e = malloc(sizeof *e);
	const char		*why;

	if (e == NULL)
		ctl_die(EX_OSERR, "out of memory");
	log_entry_read(span_of(text), e);
	if (e->kind == LOG_ENTRY_DAMAGED) {
		why = e->why;
		free(e);
		ctl_die(EX_DATAERR, "the line is damaged: %s", why);
	}
	/* A line of ours is explained, whatever it is about. */
	if (e->kind == LOG_ENTRY_FOREIGN)
		take(lines, again, e, span_of(text), NULL);
	else
		output_append(lines, explain_entry(again, e));
	free(e);
}

static void
print_lines(struct ctl *ctl, json_t *lines)
{
	json_t	*line, *found;
	size_t	 i;

	if (ctl->is_json) {
		found = output_new();
		output_put(found, "lines", json_incref(lines));
		output_object(ctl, found);
		return;
	}
	json_array_foreach(lines, i, line) {
		printf("%s", i > 0 ? "\n" : "");
		output_object(ctl, json_incref(line));
	}
}

int
explain_log(struct ctl *ctl)
{
	const char	*text = ctl->n_args > 0 ? ctl->args[0] : NULL;
	struct again	*again = again_new(ctl_conf(ctl));
	json_t		*lines = output_new_array();
	size_t		 n;

	if (text == NULL || is_id(span_of(text)))
		take_input(lines, again, text);
	else
		take_argument(lines, again, text);
	n = json_array_size(lines);
	if (n > 0)
		print_lines(ctl, lines);
	json_decref(lines);
	again_free(again);
	if (n == 0)
		ctl_die(CTL_NO, "nothing can be known: %s", text == NULL ?
		    "no line is the daemons', and none names a session" :
		    is_id(span_of(text)) ? "no line is of that session; a log "
		    "is read from standard input" : "the line is not the "
		    "daemons', and names no session of theirs");
	return CTL_YES;
}
