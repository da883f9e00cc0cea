/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conversation_test: what a milter makes of the records that xcontext-policy
 * keeps of Postfix's sessions.
 */
#include "milter/conversation.h"

#include <stdio.h>
#include <string.h>

#include "t/lib/conf_make.h"
#include "t/lib/runner.h"
#include "t/lib/tempdir.h"

#define MTA_PID		4000001		/* over any real one */
#define MTA_START	7
#define CLIENT		"198.51.100.9"
#define PORT		4711

static char		 dir[TEMPDIR_SIZE];
static struct conf	*conf;
static struct store	*store;
static struct conversation *c;
static struct err	 err;

static const char	 settings[] =
    "profile edge { xclient = { \"*\" } }\n";

static void
setup(void)
{
	tempdir_make(dir);
	/* The log is looked at by none but t/live. */
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
	conf = conf_make(dir, settings);
	store = store_open(conf->store, 4,
	    conf->state_directory, &err);
	ck_assert_msg(store != NULL, "%s", err.text);
	c = NULL;
}

static void
teardown(void)
{
	conversation_free(c);
	store_close(store);
	conf_unref(conf);
	tempdir_remove(dir);
}

static struct address
client_addr(void)
{
	struct address	 addr;

	ck_assert(address_parse(span_of(CLIENT), &addr));
	return addr;
}

static void
connect_from(uint16_t port)
{
	conversation_free(c);
	c = conversation_new(conf_ref(conf), store);
	ck_assert_ptr_nonnull(c);
	c->connection.client = c->key.client = client_addr();
	c->connection.client_port = c->key.client_port = port;
	c->connection.is_by_pid = true;
	c->key.pid = MTA_PID;
	c->key.pid_start = MTA_START;
}

struct record {
	const char		*profile;	/* NULL: not known */
	bool			 is_unproven;
	bool			 is_nobodys;
	enum verdict_action	 refused;
};

static void
put_record(const struct record *record)
{
	struct session	 s;

	session_init(&s);
	(void)strcpy(s.id, "SESSION");
	s.pid = MTA_PID;
	s.pid_start = MTA_START;
	if (!record->is_nobodys)
		s.peer = s.client = client_addr();
	s.peer_port = PORT;
	s.is_unproven = record->is_unproven;
	s.refused = record->refused;
	s.refused_reason = REASON_NO_GRANT;
	ck_assert(session_set_text(&s.profile, record->profile));
	ck_assert_msg(store_put(store, &s, &err) == 0, "%s", err.text);
	session_clear(&s);
}

/* What MAIL gets; "": it goes on. */
static const char *
at_mail(void)
{
	static struct enforce_reply	 answer;

	if (conversation_find(c) == STORE_CANNOT_TELL)
		enforce_cannot_tell(&answer);
	else
		conversation_enforce_mail(c, &answer);
	return answer.code;
}

static const struct mail_row {
	const char	*name;
	struct record	 record;
	uint16_t	 port;
	const char	*want;
} rows[] = {
	{ "its own", { .profile = "edge" }, PORT, "" },
	{ "another's", { .profile = "edge" }, PORT + 1, "" },
	{ "another's, refused", { .profile = "edge",
	    .refused = VERDICT_REJECT }, PORT + 1, "" },
	{ "another's, but a command was refused since", { .profile = "edge",
	    .is_unproven = true }, PORT + 1, "451" },
	{ "nobody's", { .is_nobodys = true, .refused = VERDICT_TEMPFAIL },
	    PORT, "" },
	{ "nobody's, but a command was refused", { .is_nobodys = true,
	    .is_unproven = true, .refused = VERDICT_TEMPFAIL }, PORT,
	    "451" },
	{ "its own, as it turns out", { .profile = "edge",
	    .is_unproven = true }, PORT, "" },
	{ "a profile that is gone", { .profile = "gone" }, PORT, "451" },
	{ "a profile that is gone, refused", { .profile = "gone",
	    .refused = VERDICT_REJECT }, PORT, "554" },
	{ "another's, with a profile that is gone", { .profile = "gone" },
	    PORT + 1, "" },
	{ "it is not known who it is", { .profile = NULL }, PORT, "" },
	{ "a stranger", { .profile = TRUST_STRANGER }, PORT, "" },
};

START_TEST(mail)
{
	const struct mail_row	*row = &rows[_i];
	const char		*got;

	put_record(&row->record);
	connect_from(row->port);
	got = at_mail();
	ck_assert_msg(strcmp(got, row->want) == 0,
	    "%s: want \"%s\", got \"%s\"", row->name, row->want, got);
}
END_TEST

/* By its address alone a record may be another session's, and says nothing of
 * this one's profile. */
START_TEST(a_record_by_client)
{
	put_record(&(struct record){ .profile = "gone" });
	connect_from(PORT);
	c->connection.is_by_pid = false;
	c->key.pid = 0;
	ck_assert_int_eq(conversation_find(c), STORE_FOUND);
	ck_assert_str_eq(at_mail(), "");
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("conversation");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, mail, 0, NELEM(rows));
	tcase_add_test(tc, a_record_by_client);
	return runner_run("conversation", tc);
}
