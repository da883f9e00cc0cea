/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * enforce: see enforce.h.  A reply's text comes from outside: it is made
 * printable, its '%' doubled, its lines broken at blanks, and the session's
 * name always has room.
 *
 * What would surprise: a record that may be another session's (facts.is_by_pid
 * is false) proves no mismatch, but what it refuses is refused.
 */
#include "enforce.h"

#include <stdio.h>
#include <string.h>

#include "session/session_change.h"
#include "trust/assertion.h"

#define TEXT_MISMATCH	"The mail server and the session ledger do not agree " \
			"about the client of this session; try again later"
#define TEXT_BAD_POLICY	"Server configuration problem"
#define TEXT_NO_SESSION	"Nothing is known of this session"
#define TEXT_NO_STORE	"The session ledger cannot be read; try again later"

struct reply_code {
	const char	*code;
	const char	*xcode;
};

static const struct reply_code mail_codes[] = {
	[VERDICT_PERMIT] = { NULL, NULL },
	[VERDICT_TEMPFAIL] = { "451", "4.7.1" },
	[VERDICT_REJECT] = { "554", "5.7.1" },
	[VERDICT_DISCONNECT] = { "421", "4.7.1" },
};

static const struct reply_code no_store = { "451", "4.3.0" };
static const struct reply_code denied = { "450", "4.7.1" };
static const struct reply_code denied_syntax = { "450", "4.5.4" };

/* To X commands, where the MTA passes on what a milter says. */
static const struct reply_code accepted = { "450", "4.0.0" };
static const struct reply_code not_granted = { "550", "5.7.0" };
static const struct reply_code bad_arguments = { "501", "5.5.4" };
static const struct reply_code bad_sequence = { "503", "5.5.1" };
static const struct reply_code bad_policy = { "451", "4.3.5" };

static void
permit(struct enforce_answer *answer)
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
set_lines(struct enforce_answer *answer, const char *text, unsigned max)
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
add_session(struct enforce_answer *answer, const char *id)
{
	char	 tail[sizeof "; session " + 2 * ULID_SIZE], *line;
	size_t	 len;

	if (id[0] == '\0')
		return;
	(void)strcpy(tail, "; session ");
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
refuse(struct enforce_answer *answer, enum verdict_action action,
    enum verdict_reason reason, const struct reply_code *code,
    const char *text, const char *id)
{
	answer->action = action;
	answer->reason = reason;
	(void)strcpy(answer->code, code->code);
	(void)strcpy(answer->xcode, code->xcode);
	answer->text = text;
	answer->n_lines = 0;
	/* The last line is kept free for the session's name. */
	set_lines(answer, text, ENFORCE_LINES - 1);
	add_session(answer, id);
}

/*
 * Decisions
 */

bool
enforce_fits(const struct session *s, const struct enforce_facts *facts)
{
	if (!address_equal(&s->client, &facts->client))
		return false;
	return !facts->is_by_pid || s->override == NULL ||
	    s->client_port == 0 || s->client_port == facts->client_port;
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
is_xclient_login(const struct enforce_facts *facts)
{
	return facts->auth_type != NULL &&
	    strcasecmp(facts->auth_type, "XCLIENT") == 0;
}

bool
enforce_is_other(const struct session *s, const struct enforce_facts *facts)
{
	if (!facts->is_by_pid || facts->id[0] != '\0' ||
	    is_xclient_login(facts))
		return false;
	return !address_equal(&s->client, &facts->client) ||
	    is_port_another(s, facts->client_port);
}

bool
enforce_is_proven(const struct session *s, const struct enforce_facts *facts)
{
	return facts->is_by_pid &&
	    address_equal(&s->client, &facts->client) &&
	    (is_port_asserted(s) ? s->client_port == facts->client_port :
	    s->peer_port != 0 && s->peer_port == facts->client_port);
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
is_login_unseen(const struct session *s, const struct enforce_facts *facts)
{
	return is_xclient_login(facts) &&
	    (s == NULL || !has_login(s->override, facts->auth_authen));
}

/* A record found by client may be another session's, so it proves nothing. */
static bool
is_mismatch(const struct session *s, const struct enforce_facts *facts)
{
	if (!facts->is_by_pid)
		return false;
	if (is_login_unseen(s, facts))
		return true;
	if (s == NULL)
		return facts->id[0] != '\0';
	if (facts->id[0] != '\0' && strcmp(facts->id, s->id) != 0)
		return true;
	return !enforce_fits(s, facts) && !is_client_unsure(s);
}

static void
refuse_as_recorded(const struct session *s, struct enforce_answer *answer)
{
	const char	*text = s->refused_text;

	if (text == NULL || *text == '\0')
		text = verdict_reason_text(s->refused_reason);
	refuse(answer, s->refused, s->refused_reason,
	    &mail_codes[s->refused], text, s->id);
}

void
enforce_mail(const struct session *s, const struct enforce_facts *facts,
    struct enforce_answer *answer)
{
	if (is_mismatch(s, facts))
		refuse(answer, VERDICT_TEMPFAIL, REASON_MISMATCH,
		    &mail_codes[VERDICT_TEMPFAIL], TEXT_MISMATCH,
		    facts->id[0] != '\0' || s == NULL ? facts->id : s->id);
	else if (s != NULL && s->refused != VERDICT_PERMIT)
		refuse_as_recorded(s, answer);
	else
		permit(answer);
}

void
enforce_connect(const struct session *s, const struct enforce_facts *facts,
    struct enforce_answer *answer)
{
	if (s != NULL && s->refused == VERDICT_DISCONNECT &&
	    (enforce_fits(s, facts) || is_client_unsure(s)))
		refuse_as_recorded(s, answer);
	else
		permit(answer);
}

void
enforce_cannot_tell(struct enforce_answer *answer)
{
	refuse(answer, VERDICT_TEMPFAIL, REASON_CANNOT_TELL, &no_store,
	    TEXT_NO_STORE, "");
}

/*
 * Replies to X commands
 */

void
enforce_accepted(const char *text, const char *id,
    struct enforce_answer *answer)
{
	refuse(answer, VERDICT_PERMIT, REASON_GRANTED, &accepted, text, id);
	answer->text = answer->line[0];
}

void
enforce_refused(const struct verdict *verdict, const struct session *s,
    struct enforce_answer *answer)
{
	const struct reply_code	*code = &not_granted;

	if (s->refused == VERDICT_DISCONNECT)
		code = &mail_codes[VERDICT_DISCONNECT];
	else if (verdict->reason == REASON_CANNOT_TELL)
		code = &no_store;
	else if (verdict->reason == REASON_MALFORMED)
		code = &bad_arguments;
	refuse(answer, verdict->action, verdict->reason, code, verdict->text,
	    s->id);
	answer->text = answer->line[0];
}

void
enforce_bad_sequence(const char *command, const char *id,
    struct enforce_answer *answer)
{
	char	 text[64];

	(void)snprintf(text, sizeof text, "%s: not in a mail transaction",
	    command);
	refuse(answer, VERDICT_PERMIT, REASON_MALFORMED, &bad_sequence, text,
	    id);
	answer->text = answer->line[0];
}

void
enforce_policy(const char *code, const char *xcode, const char *text,
    const char *id, struct enforce_answer *answer)
{
	const struct reply_code	 given = { code, xcode };

	refuse(answer, code[0] == '5' ? VERDICT_REJECT : VERDICT_TEMPFAIL,
	    REASON_NO_GRANT, &given, text, id);
	answer->text = answer->line[0];
}

void
enforce_bad_policy(const char *id, struct enforce_answer *answer)
{
	refuse(answer, VERDICT_TEMPFAIL, REASON_CANNOT_TELL, &bad_policy,
	    TEXT_BAD_POLICY, id);
}

void
enforce_not_dumped(const struct verdict *verdict, const struct session *s,
    struct enforce_answer *answer)
{
	refuse(answer, VERDICT_TEMPFAIL, verdict->reason,
	    verdict->reason == REASON_MALFORMED ? &denied_syntax : &denied,
	    verdict->text, s->id);
	answer->text = answer->line[0];
}

void
enforce_no_session(struct enforce_answer *answer)
{
	refuse(answer, VERDICT_TEMPFAIL, REASON_NO_SESSION, &denied,
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
    struct enforce_answer *answer)
{
	if (in_mail)
		refuse(answer, VERDICT_TEMPFAIL, s->denied_reason,
		    &bad_sequence, s->denied_text, s->id);
	else
		refuse(answer, VERDICT_TEMPFAIL, s->denied_reason, &denied,
		    "The transaction is over; say it again", s->id);
}

void
enforce_denied(const struct session *s, const struct enforce_facts *facts,
    bool in_mail, struct enforce_answer *answer)
{
	if (s == NULL || s->denied_text == NULL ||
	    (!enforce_fits(s, facts) && !is_client_unsure(s))) {
		permit(answer);
		return;
	}
	if (strcmp(s->denied_text, SESSION_IN_MAIL) == 0)
		refuse_in_mail(s, in_mail, answer);
	else
		refuse(answer, VERDICT_TEMPFAIL, s->denied_reason,
		    s->denied_reason == REASON_MALFORMED ? &denied_syntax :
		    &denied, s->denied_text, s->id);
}
