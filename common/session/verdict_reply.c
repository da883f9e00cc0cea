/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * verdict_reply: the table of replies, and why each is what it is.
 *
 * The codes are those of RFC 5321, 4.2.2 and 4.3.2, the others those of RFC
 * 3463; their first digits are the same (RFC 2034, 4).
 */
#include "session/verdict_reply.h"

#include <stdio.h>
#include <string.h>

#define ANY	(-1)

/*
 * Wherever it is about what somebody may do, it is X.7.1, "not authorized"
 * (RFC 3463, 3.8), at whatever step: a messenger that looks for it need not
 * know who answers.
 */
static const struct verdict_reply_row	 rows[] = {
	/* The only code after which a server may close (RFC 5321, 3.8).  554,
	 * "no service here", would send the mail back at once (3.1). */
	{ VERDICT_REPLY_TO_CONNECTION, VERDICT_DISCONNECT, ANY,
	    { "421", "4.7.1" } },

	/* "Requested mail action okay": it is done.  (XCLIENT that is done is
	 * a greeting, 220.) */
	{ VERDICT_REPLY_TO_COMMAND, VERDICT_PERMIT, ANY,
	    { "250", "2.0.0" } },
	{ VERDICT_REPLY_TO_COMMAND, VERDICT_DISCONNECT, ANY,
	    { "421", "4.7.1" } },
	/* "Syntax error in parameters or arguments"; X.5.4 is "invalid command
	 * arguments" (RFC 3463, 3.6). */
	{ VERDICT_REPLY_TO_COMMAND, ANY, REASON_MALFORMED,
	    { "501", "5.5.4" } },
	/* "Exceeded storage allocation": it may be said, but less of it.
	 * X.3.4 is "too big for system" (RFC 3463, 3.4). */
	{ VERDICT_REPLY_TO_COMMAND, ANY, REASON_LIMIT,
	    { "552", "5.3.4" } },
	/* "Local error in processing": a fault of ours is no refusal, and the
	 * messenger tries again (RFC 5321, 4.2.1).  X.3.0 is the mail system's
	 * status (RFC 3463, 3.4): nobody's rights have been judged. */
	{ VERDICT_REPLY_TO_COMMAND, ANY, REASON_CANNOT_TELL,
	    { "451", "4.3.0" } },
	/* "Command rejected for policy reasons" (RFC 5321, 4.2.3), what comes
	 * behind the seal included: 503 would say that it goes at another time
	 * of this session, and that nothing was wrong with it. */
	{ VERDICT_REPLY_TO_COMMAND, ANY, ANY,
	    { "550", "5.7.1" } },

	/* "Bad sequence of commands", as Postfix itself says to XCLIENT there;
	 * X.5.1 is "out of sequence" (RFC 3463, 3.6). */
	{ VERDICT_REPLY_TO_MISPLACED, ANY, ANY,
	    { "503", "5.5.1" } },

	{ VERDICT_REPLY_TO_MAIL, VERDICT_DISCONNECT, ANY,
	    { "421", "4.7.1" } },
	/* "Transaction failed", as Postfix says to what an access table
	 * rejects; 550 would be about the mailbox. */
	{ VERDICT_REPLY_TO_MAIL, VERDICT_REJECT, ANY,
	    { "554", "5.7.1" } },
	/* As above: the mail comes again, and so may the answer. */
	{ VERDICT_REPLY_TO_MAIL, VERDICT_TEMPFAIL, REASON_CANNOT_TELL,
	    { "451", "4.3.0" } },
	/* Not 450, which is about a mailbox that is busy. */
	{ VERDICT_REPLY_TO_MAIL, VERDICT_TEMPFAIL, ANY,
	    { "451", "4.7.1" } },

	/* As Postfix says where a table of its own fails; X.3.5 is "system
	 * incorrectly configured" (RFC 3463, 3.4). */
	{ VERDICT_REPLY_TO_ACCESS, ANY, REASON_CANNOT_TELL,
	    { "451", "4.3.5" } },
};

#define N_ROWS	(sizeof rows / sizeof rows[0])

static const struct verdict_reply	 unknown = { "451", "4.3.0" };

static bool
is_about(const struct verdict_reply_row *row, enum verdict_reply_to to,
    enum verdict_action action, enum verdict_reason reason)
{
	return row->to == to &&
	    (row->action == ANY || row->action == (int)action) &&
	    (row->reason == ANY || row->reason == (int)reason);
}

static bool
passes(enum verdict_reply_to to, enum verdict_reply_by by, char class)
{
	bool	 is_command = to == VERDICT_REPLY_TO_COMMAND ||
		     to == VERDICT_REPLY_TO_MISPLACED;

	if (class == '2')
		return by == VERDICT_REPLY_BY_SERVER;
	return class == '4' || by != VERDICT_REPLY_BY_POSTFIX || !is_command;
}

/* What does not pass becomes 450, "not taken", with the same meaning. */
static void
defer(struct verdict_reply *reply)
{
	(void)strcpy(reply->code, "450");
	reply->xcode[0] = '4';
}

void
verdict_reply_find(enum verdict_reply_to to, enum verdict_action action,
    enum verdict_reason reason, enum verdict_reply_by by,
    struct verdict_reply *reply_r)
{
	size_t	 i = 0;

	while (i < N_ROWS && !is_about(&rows[i], to, action, reason))
		i++;
	*reply_r = i < N_ROWS ? rows[i].reply : unknown;
	if (!passes(to, by, reply_r->code[0]))
		defer(reply_r);
}

bool
verdict_reply_ends(const struct verdict_reply *reply)
{
	return strcmp(reply->code, "421") == 0;
}

const char *
verdict_reply_line(const struct verdict_reply *reply, const char *text,
    const char *id, char buf[VERDICT_REPLY_SIZE])
{
	(void)snprintf(buf, VERDICT_REPLY_SIZE, "%s %s %s%s%s", reply->code,
	    reply->xcode, text, id[0] == '\0' ? "" : VERDICT_REPLY_SESSION,
	    id);
	return buf;
}

const char *
verdict_reply_text(const char *text, enum verdict_reason reason)
{
	return text == NULL || *text == '\0' ? verdict_reason_text(reason) :
	    text;
}

const struct verdict_reply_row *
verdict_reply_rows(size_t *n_r)
{
	*n_r = N_ROWS;
	return rows;
}

const char *
verdict_reply_to_text(enum verdict_reply_to to)
{
	static const char *const	 texts[] = {
		[VERDICT_REPLY_TO_CONNECTION] = "connection",
		[VERDICT_REPLY_TO_COMMAND] = "X command",
		[VERDICT_REPLY_TO_MISPLACED] = "within a transaction",
		[VERDICT_REPLY_TO_MAIL] = "mail",
		[VERDICT_REPLY_TO_ACCESS] = "access_maps"
	};

	return texts[to];
}
