/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * enforce: see enforce.h.  A reply's text comes from outside: it is made
 * printable, its '%' doubled, its lines broken at blanks, and the session's
 * name always has room.
 *
 * What would surprise: a record that may be another session's (is_by_pid
 * is false) proves no mismatch, but what it refuses is refused.
 */
#include "enforce.h"

#include <stdio.h>
#include <string.h>

#include "session/session_change.h"
#include "session/verdict_reply.h"
#include "trust/assertion.h"

#define TEXT_MISMATCH	"The mail server and the session ledger do not agree " \
			"about the client of this session; try again later"
#define TEXT_NO_SESSION	"Nothing is known of this session"
#define TEXT_NO_STORE	"The session ledger cannot be read; try again later"

static void
permit(struct enforce_reply *answer)
{
	answer->action = VERDICT_PERMIT;
	answer->reason = REASON_GRANTED;
	answer->code[0] = '\0';
	answer->xcode[0] = '\0';
	answer->text = NULL;
	answer->n_lines = 0;
}

/*
 * Texts
 */

/*
 * Copies as much of text as fits, made harmless: Sendmail takes replies for
 * format strings, so '%' is doubled (smfi_setreply's documentation), and
 * Postfix undoes that.  Returns how much of text was used.
 */
static size_t
copy_safe(const char *text, char *buf, size_t size)
{
	const char	*p;
	size_t		 used = 0;

	for (p = text; *p != '\0'; p++) {
		if (used + 2 >= size)
			break;
		buf[used++] = *p >= ' ' && *p <= '~' ? *p : '?';
		if (*p == '%')
			buf[used++] = '%';
	}
	buf[used] = '\0';
	return (size_t)(p - text);
}

/* Fills the lines with text, each broken at a blank where it has one. */
static void
set_lines(struct enforce_reply *answer, const char *text, unsigned max)
{
	char	*line, *blank;
	size_t	 used;

	while (*text != '\0' && answer->n_lines < max) {
		line = answer->line[answer->n_lines++];
		used = copy_safe(text, line, ENFORCE_LINE_SIZE);
		blank = strrchr(line, ' ');
		if (text[used] != '\0' && text[used] != ' ' &&
		    blank != NULL && blank > line) {
			/* Back to the same blank in text. */
			while (text[used - 1] != ' ')
				used--;
			*blank = '\0';
		}
		text += used;
		while (*text == ' ')
			text++;
	}
}

/* Adds the session's name, on a line of its own if the last has no room. */
static void
add_session(struct enforce_reply *answer, const char *id)
{
	char	 tail[sizeof VERDICT_REPLY_SESSION + 2 * ULID_SIZE], *line;
	size_t	 len;

	if (id[0] == '\0')
		return;
	(void)strcpy(tail, VERDICT_REPLY_SESSION);
	(void)copy_safe(id, tail + strlen(tail), sizeof tail - strlen(tail));
	line = answer->n_lines == 0 ? NULL :
	    answer->line[answer->n_lines - 1];
	len = line == NULL ? 0 : strlen(line);
	if (line == NULL || len + strlen(tail) >= ENFORCE_LINE_SIZE) {
		line = answer->line[answer->n_lines++];
		len = 0;
		(void)strcpy(line, tail + 2);
	} else
		(void)strcpy(line + len, tail);
}

static void
answer_with(struct enforce_reply *answer, const struct verdict_reply *reply,
    enum verdict_action action, enum verdict_reason reason, const char *text,
    const char *id)
{
	answer->action = action;
	answer->reason = reason;
	(void)strcpy(answer->code, reply->code);
	(void)strcpy(answer->xcode, reply->xcode);
	answer->text = text;
	answer->n_lines = 0;
	/* The last line is kept free for the session's name. */
	set_lines(answer, text, ENFORCE_LINES - 1);
	add_session(answer, id);
}

static void
refuse_mail(struct enforce_reply *answer, enum verdict_action action,
    enum verdict_reason reason, const char *text, const char *id)
{
	struct verdict_reply	 reply;

	verdict_reply_find(VERDICT_REPLY_TO_MAIL, action, reason,
	    VERDICT_REPLY_BY_MILTER, &reply);
	answer_with(answer, &reply, action, reason, text, id);
}

/* Postfix asks about commands that it does not know; it has not the profile's
 * action from us, but ends the session by itself, if it has to. */
static void
refuse_unknown(struct enforce_reply *answer, enum verdict_reply_to to,
    enum verdict_reason reason, const char *text, const char *id)
{
	struct verdict_reply	 reply;

	verdict_reply_find(to, VERDICT_TEMPFAIL, reason,
	    VERDICT_REPLY_BY_POSTFIX, &reply);
	answer_with(answer, &reply, VERDICT_TEMPFAIL, reason, text, id);
}

/* The command has to wait: Postfix up to 3.9 passes the 503 on that it says
 * itself where it is asked. */
static void
refuse_misplaced(struct enforce_reply *answer, enum verdict_action action,
    enum verdict_reason reason, const char *text, const char *id)
{
	struct verdict_reply	 reply;

	verdict_reply_find(VERDICT_REPLY_TO_MISPLACED, action, reason,
	    VERDICT_REPLY_BY_MILTER, &reply);
	answer_with(answer, &reply, action, reason, text, id);
}

/*
 * Decisions
 */

bool
enforce_fits(const struct session *s,
    const struct enforce_connection *connection)
{
	if (!address_equal(&s->client, &connection->client))
		return false;
	return !connection->is_by_pid || s->override == NULL ||
	    s->client_port == 0 || s->client_port == connection->client_port;
}

/* The ledger has said itself that it does not know who the client is. */
static bool
is_client_unsure(const struct session *s)
{
	return s->refused != VERDICT_PERMIT &&
	    (s->refused_reason == REASON_UNSEEN ||
	    s->refused_reason == REASON_MISMATCH);
}

/* Postfix sets the port that an override says; without one, it is that of the
 * connection. */
static bool
is_port_asserted(const struct session *s)
{
	struct assertion_set	 set;

	return session_read_override(s->override, &set) &&
	    set.v[ASSERTION_PORT].status != ASSERTION_ABSENT;
}

static bool
is_port_another(const struct session *s, uint16_t port)
{
	if (is_port_asserted(s))
		return s->client_port != port;
	return s->peer_port != 0 && port != 0 && s->peer_port != port;
}

static bool
is_xclient_login(const struct enforce_connection *connection)
{
	return connection->auth_type != NULL &&
	    strcasecmp(connection->auth_type, "XCLIENT") == 0;
}

bool
enforce_is_other(const struct session *s,
    const struct enforce_connection *connection)
{
	if (!connection->is_by_pid || connection->id[0] != '\0' ||
	    is_xclient_login(connection))
		return false;
	return !address_equal(&s->client, &connection->client) ||
	    is_port_another(s, connection->client_port);
}

bool
enforce_is_proven(const struct session *s,
    const struct enforce_connection *connection)
{
	return connection->is_by_pid &&
	    address_equal(&s->client, &connection->client) &&
	    (is_port_asserted(s) ? s->client_port == connection->client_port :
	    s->peer_port != 0 && s->peer_port == connection->client_port);
}

/* True if the override is an XCLIENT that names this LOGIN. */
static bool
has_login(const char *override, const char *login)
{
	struct assertion_set	 set;

	if (login == NULL || !session_read_override(override, &set))
		return false;
	return set.v[ASSERTION_LOGIN].status == ASSERTION_VALUE &&
	    strcmp(set.v[ASSERTION_LOGIN].value, login) == 0;
}

/* A login that XCLIENT gave, and that the ledger did not see. */
static bool
is_login_unseen(const struct session *s,
    const struct enforce_connection *connection)
{
	return is_xclient_login(connection) &&
	    (s == NULL || !has_login(s->override, connection->auth_authen));
}

/* A record found by client may be another session's, so it proves nothing. */
static bool
is_mismatch(const struct session *s,
    const struct enforce_connection *connection)
{
	if (!connection->is_by_pid)
		return false;
	if (is_login_unseen(s, connection))
		return true;
	if (s == NULL)
		return connection->id[0] != '\0';
	if (connection->id[0] != '\0' && strcmp(connection->id, s->id) != 0)
		return true;
	return !enforce_fits(s, connection) && !is_client_unsure(s);
}

static void
refuse_as_recorded(const struct session *s, enum verdict_reply_to to,
    struct enforce_reply *answer)
{
	const struct session_refusal	 why = session_refusal(s);
	struct verdict_reply		 reply;

	verdict_reply_find(to, why.action, why.reason,
	    VERDICT_REPLY_BY_MILTER, &reply);
	answer_with(answer, &reply, why.action, why.reason,
	    verdict_reply_text(why.text, why.reason), s->id);
}

void
enforce_mail(const struct session *s,
    const struct enforce_connection *connection, struct enforce_reply *answer)
{
	if (is_mismatch(s, connection))
		refuse_mail(answer, VERDICT_TEMPFAIL, REASON_MISMATCH,
		    TEXT_MISMATCH, connection->id[0] != '\0' || s == NULL ?
		    connection->id : s->id);
	else if (s != NULL && session_refusal(s).action != VERDICT_PERMIT)
		refuse_as_recorded(s, VERDICT_REPLY_TO_MAIL, answer);
	else
		permit(answer);
}

void
enforce_connect(const struct session *s,
    const struct enforce_connection *connection, struct enforce_reply *answer)
{
	if (s != NULL && s->refused == VERDICT_DISCONNECT &&
	    (enforce_fits(s, connection) || is_client_unsure(s)))
		refuse_as_recorded(s, VERDICT_REPLY_TO_CONNECTION, answer);
	else
		permit(answer);
}

void
enforce_cannot_tell(struct enforce_reply *answer)
{
	refuse_mail(answer, VERDICT_TEMPFAIL, REASON_CANNOT_TELL,
	    TEXT_NO_STORE, "");
}

void
enforce_no_profile(const char *id, struct enforce_reply *answer)
{
	refuse_mail(answer, VERDICT_TEMPFAIL, REASON_CANNOT_TELL,
	    SESSION_PROFILE_GONE, id);
}

/*
 * Replies to X commands
 */

static void
answer_command(struct enforce_reply *answer, enum verdict_action action,
    enum verdict_reason reason, const char *text, const char *id)
{
	struct verdict_reply	 reply;

	verdict_reply_find(VERDICT_REPLY_TO_COMMAND, action, reason,
	    VERDICT_REPLY_BY_MILTER, &reply);
	answer_with(answer, &reply, action, reason, text, id);
	answer->text = answer->line[0];
}

void
enforce_accepted(const char *text, const char *id,
    struct enforce_reply *answer)
{
	answer_command(answer, VERDICT_PERMIT, REASON_GRANTED, text, id);
}

/* A profile that only reports ends no session either. */
static enum verdict_action
action_of(const struct verdict *verdict, const struct session *s)
{
	if (s->refused == VERDICT_DISCONNECT)
		return VERDICT_DISCONNECT;
	return verdict->action == VERDICT_DISCONNECT ? VERDICT_REJECT :
	    verdict->action;
}

void
enforce_refused(const struct verdict *verdict, const struct session *s,
    struct enforce_reply *answer)
{
	answer_command(answer, action_of(verdict, s), verdict->reason,
	    verdict->text, s->id);
}

void
enforce_bad_sequence(const char *command, const char *id,
    struct enforce_reply *answer)
{
	char	 text[64];

	(void)snprintf(text, sizeof text, "%s: %s", command, SESSION_IN_MAIL);
	refuse_misplaced(answer, VERDICT_PERMIT, REASON_MALFORMED, text, id);
	answer->text = answer->line[0];
}

void
enforce_policy(const char *code, const char *xcode, const char *text,
    const char *id, struct enforce_reply *answer)
{
	struct verdict_reply	 given;

	(void)snprintf(given.code, sizeof given.code, "%s", code);
	(void)snprintf(given.xcode, sizeof given.xcode, "%s", xcode);
	answer_with(answer, &given, code[0] == '5' ? VERDICT_REJECT :
	    VERDICT_TEMPFAIL, REASON_NO_GRANT, text, id);
	answer->text = answer->line[0];
}

void
enforce_bad_policy(const char *id, struct enforce_reply *answer)
{
	struct verdict_reply	 reply;

	verdict_reply_find(VERDICT_REPLY_TO_ACCESS, VERDICT_TEMPFAIL,
	    REASON_CANNOT_TELL, VERDICT_REPLY_BY_MILTER, &reply);
	answer_with(answer, &reply, VERDICT_TEMPFAIL, REASON_CANNOT_TELL,
	    VERDICT_REPLY_BAD_POLICY, id);
}

void
enforce_not_dumped(const struct verdict *verdict, const struct session *s,
    struct enforce_reply *answer)
{
	refuse_unknown(answer, VERDICT_REPLY_TO_COMMAND, verdict->reason,
	    verdict->text, s->id);
	answer->text = answer->line[0];
}

void
enforce_no_session(struct enforce_reply *answer)
{
	refuse_unknown(answer, VERDICT_REPLY_TO_COMMAND, REASON_NO_SESSION,
	    TEXT_NO_SESSION, "");
}

bool
enforce_is_refused_verb(const char *command)
{
	struct span	 verb = { command, strcspn(command, " \t\r\n") };

	return span_caseeq(verb, SESSION_REFUSED_VERB);
}

/* Of the MTA's transactions the milter is told in order, the ledger is not. */
static void
refuse_in_mail(const struct session *s, bool in_mail,
    struct enforce_reply *answer)
{
	if (in_mail)
		refuse_misplaced(answer, VERDICT_TEMPFAIL, s->denied_reason,
		    s->denied_text, s->id);
	else
		refuse_unknown(answer, VERDICT_REPLY_TO_MISPLACED,
		    s->denied_reason, "The transaction is over; say it again",
		    s->id);
}

void
enforce_denied(const struct session *s,
    const struct enforce_connection *connection, bool in_mail,
    struct enforce_reply *answer)
{
	if (s == NULL || s->denied_text == NULL ||
	    (!enforce_fits(s, connection) && !is_client_unsure(s))) {
		permit(answer);
		return;
	}
	if (strcmp(s->denied_text, SESSION_IN_MAIL) == 0)
		refuse_in_mail(s, in_mail, answer);
	else
		refuse_unknown(answer, VERDICT_REPLY_TO_COMMAND,
		    s->denied_reason, s->denied_text, s->id);
}
