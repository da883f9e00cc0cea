/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * enforce_test: what is answered, for each way in which a record and a
 * connection can stand to each other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "milter/enforce.h"
#include "t/lib/runner.h"

#define ID	"01ARZ3NDEKTSV4RRFFQ69G5FAV"
#define ID2	"01BX5ZZKBKACTAV9WEVGEMMVRZ"
#define CLIENT	"192.0.2.7"
#define OVERRIDE "XCLIENT ADDR=192.0.2.7 NAME=a.example"

/* A record in short: client NULL is "no record". */
struct record {
	const char		*client;
	uint16_t		 port;
	const char		*override;
	enum verdict_action	 refused;
	enum verdict_reason	 reason;
	const char		*refused_text;
	const char		*denied_text;
	enum verdict_reason	 denied_reason;
	const char		*id;
	uint16_t		 peer_port;
	enum verdict_action	 unforwarded;
	bool			 in_mail;	/* of the milter's, not its */
};

static void
make_session(const struct record *r, struct session *s)
{
	session_init(s);
	(void)snprintf(s->id, sizeof s->id, "%s", r->id == NULL ? ID : r->id);
	if (!address_parse(span_of(r->client), &s->client))
		s->client = (struct address){ .family = AF_UNSPEC };
	s->client_port = r->port;
	s->peer_port = r->peer_port;
	s->refused = r->refused;
	s->refused_reason = r->reason;
	s->unforwarded = r->unforwarded;
	s->unforwarded_reason = REASON_VALUE;
	ck_assert(session_set_text(&s->override, r->override));
	ck_assert(session_set_text(&s->refused_text, r->refused_text));
	ck_assert(session_set_text(&s->denied_text, r->denied_text));
	s->denied_reason = r->denied_reason;
}

/* The whole reply in one text, lines parted by '|'. */
static const char *
reply_text(const struct enforce_reply *a)
{
	static char	 buf[ENFORCE_LINES * ENFORCE_LINE_SIZE + 32];
	size_t		 used;
	unsigned	 i;

	if (a->action == VERDICT_PERMIT)
		return "";
	used = (size_t)snprintf(buf, sizeof buf, "%s %s", a->code, a->xcode);
	for (i = 0; i < a->n_lines; i++)
		used += (size_t)snprintf(buf + used, sizeof buf - used, "%c%s",
		    i == 0 ? ' ' : '|', a->line[i]);
	return buf;
}

static const struct mail_row {
	const char		*name;
	struct record		 record;
	const char		*client;	/* at CONNECT */
	uint16_t		 port;
	const char		*id;		/* at CONNECT */
	bool			 is_by_client;
	const char		*auth_type, *auth_authen;
	enum verdict_reason	 want;
	const char		*want_reply;	/* how it begins */
} mail_rows[] = {
	{ .name = "no record", .client = CLIENT, .id = "",
	    .want = REASON_GRANTED, .want_reply = "" },
	{ .name = "record of the peer itself", .record = { CLIENT },
	    .client = CLIENT, .id = ID,
	    .want = REASON_GRANTED, .want_reply = "" },
	{ .name = "overridden, fits",
	    .record = { CLIENT, 4711, OVERRIDE },
	    .client = CLIENT, .port = 4711, .id = ID,
	    .want = REASON_GRANTED, .want_reply = "" },
	{ .name = "record that came after CONNECT", .record = { CLIENT },
	    .client = CLIENT, .id = "",
	    .want = REASON_GRANTED, .want_reply = "" },
	{ .name = "another client", .record = { "192.0.2.8" },
	    .client = CLIENT, .id = ID,
	    .want = REASON_MISMATCH, .want_reply = "451 4.7.1 " },
	{ .name = "another family", .record = { "2001:db8::7" },
	    .client = CLIENT, .id = ID,
	    .want = REASON_MISMATCH, .want_reply = "451 4.7.1 " },
	{ .name = "client unknown to the ledger", .record = { "unknown" },
	    .client = CLIENT, .id = ID,
	    .want = REASON_MISMATCH, .want_reply = "451 4.7.1 " },
	{ .name = "client unknown to both", .record = { "unknown" },
	    .client = "unknown", .id = ID,
	    .want = REASON_GRANTED, .want_reply = "" },
	{ .name = "overridden, another port",
	    .record = { CLIENT, 4711, OVERRIDE },
	    .client = CLIENT, .port = 4712, .id = ID,
	    .want = REASON_MISMATCH, .want_reply = "451 4.7.1 " },
	{ .name = "overridden, port given but not seen",
	    .record = { CLIENT, 4711, OVERRIDE },
	    .client = CLIENT, .port = 0, .id = ID,
	    .want = REASON_MISMATCH, .want_reply = "451 4.7.1 " },
	{ .name = "overridden without a port",
	    .record = { CLIENT, 0, OVERRIDE },
	    .client = CLIENT, .port = 4712, .id = ID,
	    .want = REASON_GRANTED, .want_reply = "" },
	{ .name = "not overridden, port of no account",
	    .record = { CLIENT, 4711 },
	    .client = CLIENT, .port = 4712, .id = ID,
	    .want = REASON_GRANTED, .want_reply = "" },
	{ .name = "another session since CONNECT",
	    .record = { CLIENT, .id = ID2 }, .client = CLIENT, .id = ID,
	    .want = REASON_MISMATCH, .want_reply = "451 4.7.1 " },
	{ .name = "record gone since CONNECT", .client = CLIENT, .id = ID,
	    .want = REASON_MISMATCH, .want_reply = "451 4.7.1 " },

	{ .name = "refused for now",
	    .record = { CLIENT, .refused = VERDICT_TEMPFAIL,
	    .reason = REASON_VALUE, .refused_text = "no such thing" },
	    .client = CLIENT, .id = ID, .want = REASON_VALUE,
	    .want_reply = "451 4.7.1 no such thing; session " ID },
	{ .name = "nobody can tell",
	    .record = { CLIENT, .refused = VERDICT_TEMPFAIL,
	    .reason = REASON_CANNOT_TELL, .refused_text = "no table" },
	    .client = CLIENT, .id = ID, .want = REASON_CANNOT_TELL,
	    .want_reply = "451 4.3.0 no table; session " ID },
	{ .name = "refused for good",
	    .record = { CLIENT, .refused = VERDICT_REJECT,
	    .reason = REASON_NO_GRANT, .refused_text = "no such thing" },
	    .client = CLIENT, .id = ID, .want = REASON_NO_GRANT,
	    .want_reply = "554 5.7.1 no such thing; session " ID },
	{ .name = "to be ended",
	    .record = { CLIENT, .refused = VERDICT_DISCONNECT,
	    .reason = REASON_SEALED, .refused_text = "go away" },
	    .client = CLIENT, .id = ID, .want = REASON_SEALED,
	    .want_reply = "421 4.7.1 go away; session " ID },
	{ .name = "refused without a text",
	    .record = { CLIENT, .refused = VERDICT_REJECT,
	    .reason = REASON_NO_GRANT },
	    .client = CLIENT, .id = ID, .want = REASON_NO_GRANT,
	    .want_reply = "554 5.7.1 no_grant; session " ID },
	{ .name = "a message whose XFORWARD was refused",
	    .record = { CLIENT, .unforwarded = VERDICT_REJECT },
	    .client = CLIENT, .id = ID, .want = REASON_VALUE,
	    .want_reply = "554 5.7.1 value; session " ID },
	{ .name = "such a message of a session that is refused",
	    .record = { CLIENT, .refused = VERDICT_TEMPFAIL,
	    .reason = REASON_SEALED, .unforwarded = VERDICT_REJECT },
	    .client = CLIENT, .id = ID, .want = REASON_SEALED,
	    .want_reply = "451 4.7.1 sealed; session " ID },
	{ .name = "refused, but another client's",
	    .record = { "192.0.2.8", .refused = VERDICT_REJECT,
	    .reason = REASON_NO_GRANT },
	    .client = CLIENT, .id = ID,
	    .want = REASON_MISMATCH, .want_reply = "451 4.7.1 " },
	{ .name = "unseen override: the ledger knows that it does not know",
	    .record = { "192.0.2.8", .refused = VERDICT_REJECT,
	    .reason = REASON_UNSEEN, .refused_text = "unseen" },
	    .client = CLIENT, .id = ID, .want = REASON_UNSEEN,
	    .want_reply = "554 5.7.1 unseen; session " ID },
	{ .name = "unseen override of a session before this one",
	    .record = { "192.0.2.8", .refused = VERDICT_REJECT,
	    .reason = REASON_UNSEEN, .id = ID2 },
	    .client = CLIENT, .id = ID,
	    .want = REASON_MISMATCH, .want_reply = "451 4.7.1 " },

	{ .name = "login that the override has",
	    .record = { CLIENT, 0, OVERRIDE " LOGIN=a+2Bb" },
	    .client = CLIENT, .id = ID, .auth_type = "XCLIENT",
	    .auth_authen = "a+b", .want = REASON_GRANTED, .want_reply = "" },
	{ .name = "login of somebody else",
	    .record = { CLIENT, 0, OVERRIDE " LOGIN=alice" },
	    .client = CLIENT, .id = ID, .auth_type = "XCLIENT",
	    .auth_authen = "root",
	    .want = REASON_MISMATCH, .want_reply = "451 4.7.1 " },
	{ .name = "login in another case",
	    .record = { CLIENT, 0, OVERRIDE " LOGIN=alice" },
	    .client = CLIENT, .id = ID, .auth_type = "XCLIENT",
	    .auth_authen = "Alice",
	    .want = REASON_MISMATCH, .want_reply = "451 4.7.1 " },
	{ .name = "login that the override has not",
	    .record = { CLIENT, 0, OVERRIDE },
	    .client = CLIENT, .id = ID, .auth_type = "XCLIENT",
	    .auth_authen = "root",
	    .want = REASON_MISMATCH, .want_reply = "451 4.7.1 " },
	{ .name = "login without a name",
	    .record = { CLIENT, 0, OVERRIDE " LOGIN=alice" },
	    .client = CLIENT, .id = ID, .auth_type = "XCLIENT",
	    .want = REASON_MISMATCH, .want_reply = "451 4.7.1 " },
	{ .name = "login without an override", .record = { CLIENT },
	    .client = CLIENT, .id = ID, .auth_type = "xclient",
	    .auth_authen = "root",
	    .want = REASON_MISMATCH, .want_reply = "451 4.7.1 " },
	{ .name = "login without a record", .client = CLIENT, .id = "",
	    .auth_type = "XCLIENT", .auth_authen = "root",
	    .want = REASON_MISMATCH, .want_reply = "451 4.7.1 " },
	{ .name = "login by SASL", .client = CLIENT, .id = "",
	    .auth_type = "PLAIN", .auth_authen = "root",
	    .want = REASON_GRANTED, .want_reply = "" },

	{ .name = "by client: another name", .is_by_client = true,
	    .record = { CLIENT, .id = ID2 }, .client = CLIENT, .id = "",
	    .want = REASON_GRANTED, .want_reply = "" },
	{ .name = "by client: port", .is_by_client = true,
	    .record = { CLIENT, 4711, OVERRIDE }, .client = CLIENT, .id = "",
	    .want = REASON_GRANTED, .want_reply = "" },
	{ .name = "by client: login", .is_by_client = true,
	    .record = { CLIENT }, .client = CLIENT, .id = "",
	    .auth_type = "XCLIENT", .auth_authen = "alice",
	    .want = REASON_GRANTED, .want_reply = "" },
	{ .name = "by client: refused", .is_by_client = true,
	    .record = { CLIENT, .refused = VERDICT_REJECT,
	    .reason = REASON_VALUE, .refused_text = "no" },
	    .client = CLIENT, .id = "", .want = REASON_VALUE,
	    .want_reply = "554 5.7.1 no; session " ID },
};

static struct enforce_connection
make_connection(const char *client, uint16_t port, const char *id,
    bool is_by_client)
{
	struct enforce_connection	 f = { .client_port = port,
				     .is_by_pid = !is_by_client };

	if (!address_parse(span_of(client), &f.client))
		f.client = (struct address){ .family = AF_UNSPEC };
	(void)snprintf(f.id, sizeof f.id, "%s", id);
	return f;
}

START_TEST(mail)
{
	const struct mail_row	*row = &mail_rows[_i];
	struct enforce_connection	 connection;
	struct enforce_reply	 answer;
	struct session		 s;
	const char		*got;

	memset(&answer, 0x5a, sizeof answer);
	connection = make_connection(row->client, row->port, row->id,
	    row->is_by_client);
	connection.auth_type = row->auth_type;
	connection.auth_authen = row->auth_authen;
	session_init(&s);
	if (row->record.client != NULL)
		make_session(&row->record, &s);
	enforce_mail(row->record.client == NULL ? NULL : &s, &connection,
	    &answer);
	got = reply_text(&answer);
	ck_assert_msg(answer.reason == row->want, "%s: got %s, want %s",
	    row->name, verdict_reason_text(answer.reason),
	    verdict_reason_text(row->want));
	ck_assert_msg((answer.action == VERDICT_PERMIT) ==
	    (row->want_reply[0] == '\0'), "%s: got action %s", row->name,
	    verdict_action_text(answer.action));
	ck_assert_msg(strncmp(got, row->want_reply,
	    strlen(row->want_reply)) == 0, "%s: got \"%s\", want \"%s\"",
	    row->name, got, row->want_reply);
	session_clear(&s);
}
END_TEST

/* Whether a record that is seen for the first time is another session's. */
static const struct other_row {
	const char	*name;
	struct record	 record;
	uint16_t	 port;		/* at CONNECT */
	const char	*id;		/* seen before */
	bool		 is_by_client;
	const char	*auth_type;
	bool		 want;
	bool		 want_proven;
} other_rows[] = {
	{ .name = "the peer itself", .record = { .client = CLIENT },
	    .id = "", .want = false },
	{ .name = "another address", .record = { .client = "192.0.2.8" },
	    .id = "", .want = true },
	{ .name = "another address, but known to be ours",
	    .record = { .client = "192.0.2.8" }, .id = ID, .want = false },
	{ .name = "another address, found by client",
	    .record = { .client = "192.0.2.8" }, .id = "",
	    .is_by_client = true, .want = false },
	{ .name = "another address, login by XCLIENT",
	    .record = { .client = "192.0.2.8" }, .id = "",
	    .auth_type = "XCLIENT", .want = false },
	{ .name = "another address, refused for it",
	    .record = { .client = "192.0.2.8", .refused = VERDICT_TEMPFAIL,
	    .reason = REASON_UNSEEN }, .id = "", .want = true },
	{ .name = "another address, refused for another reason",
	    .record = { .client = "192.0.2.8", .refused = VERDICT_TEMPFAIL,
	    .reason = REASON_VALUE }, .id = "", .want = true },
	{ .name = "override with this port",
	    .record = { .client = CLIENT, .port = 4711,
	    .override = OVERRIDE " PORT=4711" }, .port = 4711, .id = "",
	    .want = false, .want_proven = true },
	{ .name = "override with another port",
	    .record = { .client = CLIENT, .port = 4711,
	    .override = OVERRIDE " PORT=4711" }, .port = 4712, .id = "",
	    .want = true },
	{ .name = "override without a port",
	    .record = { .client = CLIENT, .port = 4711,
	    .override = OVERRIDE }, .port = 4712, .id = "",
	    .want = false },
	{ .name = "the port that was seen",
	    .record = { .client = CLIENT, .peer_port = 4711 }, .port = 4711,
	    .id = "", .want = false, .want_proven = true },
	{ .name = "another port than was seen",
	    .record = { .client = CLIENT, .peer_port = 4711 }, .port = 4712,
	    .id = "", .want = true },
	{ .name = "another port than was seen, but known to be ours",
	    .record = { .client = CLIENT, .peer_port = 4711 }, .port = 4712,
	    .id = ID, .want = false },
	{ .name = "no port", .record = { .client = CLIENT }, .id = "" },
	{ .name = "the port that was seen, of another address",
	    .record = { .client = "192.0.2.8", .peer_port = 4711 },
	    .port = 4711, .id = "", .want = true },
	{ .name = "the port that was seen, found by client",
	    .record = { .client = CLIENT, .peer_port = 4711 }, .port = 4711,
	    .id = "", .is_by_client = true },
	{ .name = "override without a port, the connection's port",
	    .record = { .client = CLIENT, .peer_port = 4711,
	    .override = "XCLIENT HELO=x" }, .port = 4711, .id = "",
	    .want_proven = true },
	{ .name = "override with a port, the connection's port",
	    .record = { .client = CLIENT, .port = 25, .peer_port = 4711,
	    .override = OVERRIDE " PORT=25" }, .port = 4711, .id = "",
	    .want = true },
	{ .name = "override with an unknown port, which is shown",
	    .record = { .client = CLIENT,
	    .override = OVERRIDE " PORT=[UNAVAILABLE]" }, .id = "",
	    .want_proven = true },
	{ .name = "override with an unknown port",
	    .record = { .client = CLIENT,
	    .override = OVERRIDE " PORT=[UNAVAILABLE]" }, .port = 4712,
	    .id = "", .want = true },
};

START_TEST(other_session)
{
	const struct other_row	*row = &other_rows[_i];
	struct enforce_connection	 connection;
	struct session		 s;

	connection = make_connection(CLIENT, row->port, row->id,
	    row->is_by_client);
	connection.auth_type = row->auth_type;
	make_session(&row->record, &s);
	ck_assert_msg(enforce_is_other(&s, &connection) == row->want,
	    "%s: want %d", row->name, row->want);
	ck_assert_msg(enforce_is_proven(&s, &connection) == row->want_proven,
	    "%s: want proven %d", row->name, row->want_proven);
	session_clear(&s);
}
END_TEST

static const struct connect_row {
	const char	*name;
	struct record	 record;
	const char	*want_reply;
} connect_rows[] = {
	{ "no record", { .client = NULL }, "" },
	{ "nothing refused", { .client = CLIENT }, "" },
	{ "refused for now", { CLIENT, .refused = VERDICT_TEMPFAIL,
	    .reason = REASON_VALUE }, "" },
	{ "refused for good", { CLIENT, .refused = VERDICT_REJECT,
	    .reason = REASON_VALUE }, "" },
	{ "to be ended", { CLIENT, .refused = VERDICT_DISCONNECT,
	    .reason = REASON_VALUE, .refused_text = "bye" },
	    "421 4.7.1 bye; session " ID },
	{ "another client's to be ended", { "192.0.2.8",
	    .refused = VERDICT_DISCONNECT, .reason = REASON_VALUE }, "" },
	{ "unseen override, to be ended", { "192.0.2.8",
	    .refused = VERDICT_DISCONNECT, .reason = REASON_UNSEEN,
	    .refused_text = "bye" }, "421 4.7.1 bye; session " ID },
};

START_TEST(connect_event)
{
	const struct connect_row	*row = &connect_rows[_i];
	struct enforce_connection		 connection;
	struct enforce_reply		 answer;
	struct session			 s;

	memset(&answer, 0x5a, sizeof answer);
	connection = make_connection(CLIENT, 0, "", false);
	session_init(&s);
	if (row->record.client != NULL)
		make_session(&row->record, &s);
	enforce_connect(row->record.client == NULL ? NULL : &s, &connection,
	    &answer);
	ck_assert_msg(strcmp(reply_text(&answer), row->want_reply) == 0,
	    "%s: got \"%s\", want \"%s\"", row->name, reply_text(&answer),
	    row->want_reply);
	session_clear(&s);
}
END_TEST

static const struct denied_row {
	const char	*name;
	struct record	 record;
	const char	*want_reply;
} denied_rows[] = {
	{ "an override in a transaction", { CLIENT, .in_mail = true,
	    .denied_text = SESSION_IN_MAIL, .denied_reason = REASON_MALFORMED },
	    "503 5.5.1 not in a mail transaction; session " ID },
	{ "an override after a transaction", { CLIENT,
	    .denied_text = SESSION_IN_MAIL, .denied_reason = REASON_MALFORMED },
	    "450 4.5.1 The transaction is over; say it again; session " ID },
	{ "no record", { .client = NULL }, "" },
	{ "nothing denied", { .client = CLIENT }, "" },
	{ "not granted", { CLIENT, .denied_text = "LOGIN is not granted" },
	    "450 4.7.1 LOGIN is not granted; session " ID },
	{ "malformed", { CLIENT, .denied_text = "ADDR: bad",
	    .denied_reason = REASON_MALFORMED },
	    "450 4.5.4 ADDR: bad; session " ID },
	{ "no room", { CLIENT, .denied_text = "full",
	    .denied_reason = REASON_LIMIT },
	    "450 4.3.4 full; session " ID },
	{ "cannot tell", { CLIENT, .denied_text = "no table",
	    .denied_reason = REASON_CANNOT_TELL },
	    "451 4.3.0 no table; session " ID },
	{ "another client's", { "192.0.2.8", .denied_text = "secret" }, "" },
	{ "unseen override", { "192.0.2.8", .refused = VERDICT_TEMPFAIL,
	    .reason = REASON_UNSEEN, .denied_text = "unseen" },
	    "450 4.7.1 unseen; session " ID },
};

START_TEST(denied_command)
{
	const struct denied_row	*row = &denied_rows[_i];
	struct enforce_connection	 connection;
	struct enforce_reply	 answer;
	struct session		 s;

	memset(&answer, 0x5a, sizeof answer);
	connection = make_connection(CLIENT, 0, ID, false);
	session_init(&s);
	if (row->record.client != NULL)
		make_session(&row->record, &s);
	enforce_denied(row->record.client == NULL ? NULL : &s, &connection,
	    row->record.in_mail, &answer);
	ck_assert_msg(strcmp(reply_text(&answer), row->want_reply) == 0,
	    "%s: got \"%s\", want \"%s\"", row->name, reply_text(&answer),
	    row->want_reply);
	session_clear(&s);
}
END_TEST

START_TEST(cannot_tell)
{
	struct enforce_reply	 answer;

	enforce_cannot_tell(&answer);
	ck_assert_int_eq(answer.action, VERDICT_TEMPFAIL);
	ck_assert_int_eq(answer.reason, REASON_CANNOT_TELL);
	ck_assert_msg(strncmp(reply_text(&answer), "451 4.3.0 ", 10) == 0,
	    "got \"%s\"", reply_text(&answer));
}
END_TEST

/*
 * Replies to X commands
 */

static const struct refused_row {
	const char		*name;
	enum verdict_action	 action;	/* of the verdict */
	enum verdict_reason	 reason;
	enum verdict_action	 refused;	/* of the session */
	const char		*want, *want_dump;
} refused_rows[] = {
	{ "not granted", VERDICT_REJECT, REASON_NO_GRANT, VERDICT_REJECT,
	    "550 5.7.1 why; session " ID, "450 4.7.1 why; session " ID },
	{ "not for now", VERDICT_TEMPFAIL, REASON_VALUE, VERDICT_TEMPFAIL,
	    "550 5.7.1 why; session " ID, "450 4.7.1 why; session " ID },
	{ "sealed", VERDICT_REJECT, REASON_SEALED, VERDICT_REJECT,
	    "550 5.7.1 why; session " ID, "450 4.7.1 why; session " ID },
	{ "limit", VERDICT_REJECT, REASON_LIMIT, VERDICT_REJECT,
	    "552 5.3.4 why; session " ID, "450 4.3.4 why; session " ID },
	{ "malformed", VERDICT_REJECT, REASON_MALFORMED, VERDICT_REJECT,
	    "501 5.5.4 why; session " ID, "450 4.5.4 why; session " ID },
	{ "cannot tell", VERDICT_TEMPFAIL, REASON_CANNOT_TELL,
	    VERDICT_TEMPFAIL, "451 4.3.0 why; session " ID,
	    "451 4.3.0 why; session " ID },
	{ "to be ended", VERDICT_DISCONNECT, REASON_NO_GRANT,
	    VERDICT_DISCONNECT, "421 4.7.1 why; session " ID,
	    "450 4.7.1 why; session " ID },
	{ "to be ended, malformed", VERDICT_DISCONNECT, REASON_MALFORMED,
	    VERDICT_DISCONNECT, "421 4.7.1 why; session " ID,
	    "450 4.5.4 why; session " ID },
	{ "to be ended before", VERDICT_TEMPFAIL, REASON_CANNOT_TELL,
	    VERDICT_DISCONNECT, "421 4.7.1 why; session " ID,
	    "451 4.3.0 why; session " ID },
	{ "would be ended, but is only reported", VERDICT_DISCONNECT,
	    REASON_MALFORMED, VERDICT_PERMIT, "501 5.5.4 why; session " ID,
	    "450 4.5.4 why; session " ID },
};

START_TEST(refused_command)
{
	const struct refused_row	*row = &refused_rows[_i];
	struct record			 record = { CLIENT,
					     .refused = row->refused };
	struct verdict			*v = calloc(1, sizeof *v);
	struct enforce_reply		 answer;
	struct session			 s;

	make_session(&record, &s);
	v->action = row->action;
	v->reason = row->reason;
	(void)strcpy(v->text, "why");
	memset(&answer, 0x5a, sizeof answer);
	enforce_refused(v, &s, &answer);
	(void)strcpy(v->text, "changed");
	ck_assert_msg(strcmp(reply_text(&answer), row->want) == 0,
	    "%s: got \"%s\", want \"%s\"", row->name, reply_text(&answer),
	    row->want);
	ck_assert_int_eq(answer.reason, row->reason);
	ck_assert_ptr_eq(answer.text, answer.line[0]);
	(void)strcpy(v->text, "why");
	memset(&answer, 0x5a, sizeof answer);
	enforce_not_dumped(v, &s, &answer);
	ck_assert_msg(strcmp(reply_text(&answer), row->want_dump) == 0,
	    "%s: dump: got \"%s\", want \"%s\"", row->name,
	    reply_text(&answer), row->want_dump);
	session_clear(&s);
	free(v);
}
END_TEST

/* A reply that says yes has a code all the same. */
static const char *
reply_of_permitted(struct enforce_reply *answer)
{
	ck_assert_int_eq(answer->action, VERDICT_PERMIT);
	answer->action = VERDICT_TEMPFAIL;
	return reply_text(answer);
}

START_TEST(other_replies)
{
	struct enforce_reply	 answer;

	memset(&answer, 0x5a, sizeof answer);
	enforce_accepted("done 100%", ID, &answer);
	ck_assert_int_eq(answer.reason, REASON_GRANTED);
	ck_assert_str_eq(reply_of_permitted(&answer),
	    "450 4.0.0 done 100%%; session " ID);
	memset(&answer, 0x5a, sizeof answer);
	enforce_bad_sequence("XREMOTEIP", ID, &answer);
	ck_assert_int_ne(answer.reason, REASON_GRANTED);
	ck_assert_str_eq(reply_of_permitted(&answer),
	    "503 5.5.1 XREMOTEIP: not in a mail transaction; session " ID);
	memset(&answer, 0x5a, sizeof answer);
	enforce_no_session(&answer);
	ck_assert_int_eq(answer.reason, REASON_NO_SESSION);
	ck_assert_str_eq(reply_text(&answer),
	    "450 4.7.1 Nothing is known of this session");
}
END_TEST

static const struct verb_row {
	const char	*command;
	bool		 want;
} verb_rows[] = {
	{ "XREFUSED", true },
	{ "xRefused", true },
	{ "XREFUSED " ID, true },
	{ "XREFUSED\t" ID, true },
	{ "XREFUSED\r\n", true },
	{ "XREFUSE", false },
	{ "XREFUSED2", false },
	{ "NOOP XREFUSED", false },
	{ "", false },
};

START_TEST(refused_verb)
{
	const struct verb_row	*row = &verb_rows[_i];

	ck_assert_msg(enforce_is_refused_verb(row->command) == row->want,
	    "\"%s\": want %d", row->command, row->want);
}
END_TEST

/* Each text is given as a refusal's; checked is what libmilter and RFC 5321
 * demand of it, and that the session's name is never lost. */
static const struct text_row {
	const char	*name, *text;
	char		 fill;		/* 0: text as it is */
	size_t		 n;
	const char	*want;		/* NULL: only the rules */
} text_rows[] = {
	{ "line ends and controls", "a\r\nb\tc\001d", 0, 0,
	    "554 5.7.1 a??b?c?d; session " ID },
	{ "8 bit", "gr\xc3\xbc\xc3\x9f", 0, 0,
	    "554 5.7.1 gr????; session " ID },
	{ "per cent", "100%s %%", 0, 0,
	    "554 5.7.1 100%%s %%%%; session " ID },
	{ "one line but for the session", NULL, 'x', ENFORCE_LINE_SIZE - 2,
	    NULL },
	{ "two lines", NULL, 'x', ENFORCE_LINE_SIZE + 1, NULL },
	{ "too long for all lines", NULL, 'x', 5000, NULL },
	{ "per cents too long for all lines", NULL, '%', 5000, NULL },
	{ "blanks too long for all lines", NULL, ' ', 5000, NULL },
};

static void
check_line(const char *name, const char *line)
{
	const char	*p;

	ck_assert_msg(strlen(line) < ENFORCE_LINE_SIZE, "%s: too long", name);
	for (p = line; *p != '\0'; p++) {
		ck_assert_msg(*p >= ' ' && *p <= '~', "%s: byte %d", name, *p);
		if (*p != '%')
			continue;
		p++;
		ck_assert_msg(*p == '%', "%s: single %%", name);
	}
}

START_TEST(texts)
{
	const struct text_row	*row = &text_rows[_i];
	struct record		 record = { CLIENT,
				     .refused = VERDICT_REJECT,
				     .reason = REASON_VALUE };
	struct enforce_connection	 connection;
	struct enforce_reply	 answer;
	struct session		 s;
	char			 text[5001];
	unsigned		 i;

	memset(text, row->fill, sizeof text);
	text[row->n] = '\0';
	record.refused_text = row->text != NULL ? row->text : text;
	memset(&answer, 0x5a, sizeof answer);
	connection = make_connection(CLIENT, 0, ID, false);
	make_session(&record, &s);
	enforce_mail(&s, &connection, &answer);
	ck_assert_msg(answer.n_lines > 0 && answer.n_lines <= ENFORCE_LINES,
	    "%s: %u lines", row->name, answer.n_lines);
	for (i = 0; i < answer.n_lines; i++)
		check_line(row->name, answer.line[i]);
	ck_assert_msg(strstr(answer.line[answer.n_lines - 1],
	    "session " ID) != NULL, "%s: no session in \"%s\"", row->name,
	    reply_text(&answer));
	if (row->want != NULL)
		ck_assert_msg(strcmp(reply_text(&answer), row->want) == 0,
		    "%s: got \"%s\", want \"%s\"", row->name,
		    reply_text(&answer), row->want);
	session_clear(&s);
}
END_TEST

START_TEST(breaks_at_blanks)
{
	struct record		 record = { CLIENT,
				     .refused = VERDICT_REJECT,
				     .reason = REASON_VALUE };
	struct enforce_connection	 connection;
	struct enforce_reply	 answer;
	struct session		 s;
	char			 text[1001];
	size_t			 i;

	for (i = 0; i < sizeof text - 1; i++)
		text[i] = i % 7 == 6 ? ' ' : 'w';
	text[i] = '\0';
	record.refused_text = text;
	connection = make_connection(CLIENT, 0, ID, false);
	make_session(&record, &s);
	enforce_mail(&s, &connection, &answer);
	ck_assert_uint_eq(answer.n_lines, 3);
	ck_assert_uint_eq(strlen(answer.line[0]), 475);
	ck_assert_msg(strncmp(answer.line[1], "wwwwww ", 7) == 0, "got \"%s\"",
	    answer.line[1]);
	session_clear(&s);
}
END_TEST

#define ROWS(a)	((int)(sizeof(a) / sizeof(a)[0]))

static TCase *
enforce_case(void)
{
	TCase	*tc = tcase_create("enforce");

	tcase_add_loop_test(tc, mail, 0, ROWS(mail_rows));
	tcase_add_loop_test(tc, other_session, 0, ROWS(other_rows));
	tcase_add_loop_test(tc, connect_event, 0, ROWS(connect_rows));
	tcase_add_loop_test(tc, denied_command, 0, ROWS(denied_rows));
	tcase_add_loop_test(tc, refused_command, 0, ROWS(refused_rows));
	tcase_add_test(tc, other_replies);
	tcase_add_test(tc, cannot_tell);
	tcase_add_loop_test(tc, refused_verb, 0, ROWS(verb_rows));
	tcase_add_loop_test(tc, texts, 0, ROWS(text_rows));
	tcase_add_test(tc, breaks_at_blanks);
	return tc;
}

int
main(void)
{
	return runner_run("enforce", enforce_case());
}
