/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * handover_test: what a milter makes of the sessions that a relay hands over.
 */
#include "milter/handover.h"

#include <sys/wait.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/lib/conf_make.h"
#include "t/lib/damage.h"
#include "t/lib/descriptors.h"
#include "t/lib/proc_start.h"
#include "t/lib/runner.h"
#include "t/lib/tempdir.h"

#define MTA_PID		4000001		/* over any real one */
#define NOW_MS		1000000000000
#define RELAY		"127.0.0.1"
#define PORT		4711

static char		 dir[TEMPDIR_SIZE];
static struct conf	*conf;
static struct store	*store;
static struct conversation *c;
static struct err	 err;

static const char	 settings[] =
    "profile edge { xclient = { \"*\" } xsetcontext = { \"*\" }\n"
    "  xdumpcontext = true on_violation = \"reject\" }\n"
    "profile relay { xclient = { \"*\" } xremoteip = true\n"
    "  xsetcontext = { \"*\" } xdumpcontext = true always_allow = true }\n"
    "trust_maps = { \"cidr:{{127.0.0.1/32 relay}}\" }\n"
    "milter { header_names = { \"session\", \"peer_address\",\n"
    "  \"remote_address\", \"remote_port\", \"remote_name\",\n"
    "  \"ehlo_domain\", \"tenant\", \"auth_user\" } }\n";

static void
open_store(void)
{
	store = store_open(conf->store, 4,
	    conf->state_directory, &err);
	ck_assert_msg(store != NULL, "%s", err.text);
}

static void
setup(void)
{
	tempdir_make(dir);
	/* The log is looked at by none but t/live. */
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
	conf = conf_make(dir, settings);
	open_store();
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
addr_of(const char *text)
{
	struct address	 addr = { .family = AF_UNSPEC };

	ck_assert(*text == '\0' || address_parse(span_of(text), &addr));
	return addr;
}

/* Who the MTA says that connected; its process, 0: not known. */
static void
connect_from(const char *addr, uint16_t port, pid_t pid, bool is_kept)
{
	conversation_free(c);
	c = conversation_new(conf_ref(conf), store);
	ck_assert_ptr_nonnull(c);
	c->connection.client = c->key.client = addr_of(addr);
	c->connection.client_port = c->key.client_port = port;
	c->key.pid = pid;
	c->connection.is_by_pid = pid > 0;
	ck_assert(session_set_text(&c->remote_name, "relay.example"));
	ck_assert(!is_kept || conversation_keep(c, "MTA", NOW_MS));
}

/* What the relay hands over.  Fields that are NULL or 0 are left alone. */
static const char	*handed_profile = "edge";

static void
hand_over(uint16_t port, const char *id, const char *client, pid_t pid,
    uint64_t pid_start)
{
	struct address	 addr = addr_of(RELAY);
	struct session	 s;
	char		 override[128];

	session_init(&s);
	(void)snprintf(s.id, sizeof s.id, "%s", id);
	(void)strcpy(s.listener, "front");
	s.pid = pid;
	s.pid_start = pid_start;
	s.peer = addr_of("192.0.2.1");
	s.client = addr_of(client);
	s.client_port = 999;
	(void)snprintf(override, sizeof override,
	    "XCLIENT ADDR=%s NAME=c.example PORT=999", client);
	ck_assert(session_set_text(&s.override, override) &&
	    session_set_text(&s.profile, handed_profile) &&
	    session_set_text(&s.rule, "trust:1") &&
	    session_set_text(&s.ehlo, "EHLO said"));
	err.text[0] = '\0';
	ck_assert_msg(store_hand_over(store, &addr, port, &s, &err) == 0,
	    "%s", err.text);
	session_clear(&s);
}

static void
hand_over_well(const char *id, const char *client)
{
	hand_over(PORT, id, client, getpid(), proc_start(getpid()));
}

static void
end_hand_over(void)
{
	struct address	 addr = addr_of(RELAY);

	ck_assert_int_eq(store_hand_over_end(store, &addr, PORT, NULL, &err),
	    0);
}

static const char *
client_of(const struct session *s)
{
	static char	 text[ADDRESS_TEXT_SIZE];

	return address_format(&s->client, text, sizeof text);
}

/* What MAIL would be answered, "" if nothing. */
static const char *
at_mail(void)
{
	static struct enforce_reply	 answer;

	answer.code[0] = '\0';
	if (!handover_look(c, NOW_MS + 5) ||
	    (conversation_is_kept(c) &&
	    !session_life_mail(c->life, NOW_MS + 5)))
		return "451";
	if (conversation_find(c) == STORE_CANNOT_TELL)
		return "451";
	enforce_mail(conversation_session(c), &c->connection, &answer);
	return answer.code;
}

static void
say(const char *line, struct enforce_reply *answer)
{
	struct span		 args = span_of(line);
	struct span		 verb = judge_next_word(&args);
	enum trust_command	 command;

	ck_assert(trust_command_find(verb, &command));
	keeper_command(c->life, command, args, false, NOW_MS + 1,
	    answer);
}

/* What the profile asks of the mail cannot be told, in each case. */
START_TEST(a_profile_that_is_not_here_is_no_permission)
{
	handed_profile = "gone";
	hand_over_well("RELAYED", "203.0.113.7");
	connect_from(RELAY, PORT, MTA_PID, true);
	ck_assert(handover_look(c, NOW_MS));
	ck_assert_str_eq(at_mail(), "451");
	handed_profile = "edge";
	hand_over_well("ANOTHER", "203.0.113.8");
	ck_assert_str_eq(at_mail(), "");
}
END_TEST

START_TEST(the_client_is_the_relays)
{
	const struct session	*s;
	struct session		 saved;

	hand_over_well("RELAYED", "203.0.113.7");
	connect_from(RELAY, PORT, MTA_PID, true);
	ck_assert(handover_look(c, NOW_MS));
	s = conversation_session(c);
	ck_assert_ptr_nonnull(s);
	ck_assert_str_eq(s->id, "RELAYED");
	ck_assert_str_eq(client_of(s), "203.0.113.7");
	ck_assert(address_equal(&s->peer, &(struct address){
	    .family = AF_INET, .bytes = { 192, 0, 2, 1 } }));
	ck_assert_str_eq(s->profile, "edge");
	ck_assert_str_eq(s->rule, "trust:1");
	ck_assert_str_eq(s->listener, "front");
	ck_assert_str_eq(trust_profile_name(conversation_profile(c)), "edge");
	ck_assert(address_equal(&c->connection.client, &s->client));
	ck_assert_uint_eq(c->connection.client_port, 999);
	/* It is the MTA's process that serves it now. */
	session_init(&saved);
	ck_assert_int_eq(store_get(store, MTA_PID, &saved, &err),
	    STORE_FOUND);
	ck_assert_str_eq(saved.id, "RELAYED");
	ck_assert_int_eq(saved.keeper, SESSION_KEEPER_MILTER);
	ck_assert_str_eq(client_of(&saved), "203.0.113.7");
	conversation_free(c);
	c = NULL;
	ck_assert_int_eq(store_get(store, MTA_PID, &saved, &err), STORE_NONE);
	session_clear(&saved);
}
END_TEST

/* What the MTA knows of its client, it knows of the relay. */
START_TEST(the_header_is_the_clients)
{
	static char	 header[CONVERSATION_HEADER_MAX];

	hand_over_well("RELAYED", "203.0.113.7");
	connect_from(RELAY, PORT, MTA_PID, true);
	ck_assert(handover_look(c, NOW_MS));
	conversation_greeting(c, "relay.example", NOW_MS);
	ck_assert_int_gt(conversation_header(c, header), 0);
	ck_assert_ptr_nonnull(strstr(header, "session=RELAYED"));
	ck_assert_ptr_nonnull(strstr(header, "peer_address=192.0.2.1"));
	ck_assert_ptr_nonnull(strstr(header, "remote_address=203.0.113.7"));
	ck_assert_ptr_nonnull(strstr(header, "remote_port=999"));
	ck_assert_ptr_nonnull(strstr(header, "remote_name=c.example"));
	ck_assert_ptr_nonnull(strstr(header, "ehlo_domain=said"));
	ck_assert_ptr_null(strstr(header, "relay.example"));
	ck_assert_ptr_null(strstr(header, "anonymous"));
}
END_TEST

/* A client that is the relay's own peer has no name but that one. */
START_TEST(the_relays_name_is_not_the_clients)
{
	static char	 header[CONVERSATION_HEADER_MAX];
	struct address	 addr = addr_of(RELAY);
	struct session	 s;

	session_init(&s);
	(void)strcpy(s.id, "PLAIN");
	s.pid = getpid();
	s.pid_start = proc_start(s.pid);
	s.peer = s.client = addr_of("192.0.2.1");
	ck_assert_int_eq(store_hand_over(store, &addr, PORT, &s, &err), 0);
	session_clear(&s);
	connect_from(RELAY, PORT, MTA_PID, true);
	ck_assert(handover_look(c, NOW_MS));
	conversation_greeting(c, "relay.example", NOW_MS);
	ck_assert_int_gt(conversation_header(c, header), 0);
	ck_assert_ptr_nonnull(strstr(header, "remote_address=192.0.2.1"));
	ck_assert_ptr_null(strstr(header, "relay.example"));
	ck_assert_ptr_null(conversation_profile(c));
}
END_TEST

static const struct who_row {
	const char	*name, *addr;
	uint16_t	 port;
	pid_t		 mta;
	bool		 is_kept;
	uint64_t	 later;		/* the relay's process began */
	bool		 want;
} who_rows[] = {
	{ "Sendmail",		RELAY, PORT, MTA_PID, true, 0, true },
	{ "Sendmail, process not known", RELAY, PORT, 0, true, 0, true },
	{ "another MTA, process not known", RELAY, PORT, 0, false, 0, true },
	{ "a Postfix's process", RELAY, PORT, MTA_PID, false, 0, false },
	{ "another port",	RELAY, PORT + 1, MTA_PID, true, 0, false },
	{ "no port",		RELAY, 0, MTA_PID, true, 0, false },
	{ "another address",	"127.0.0.2", PORT, MTA_PID, true, 0, false },
	{ "no address",		"", PORT, MTA_PID, true, 0, false },
	{ "IPv4 in IPv6",	"::ffff:" RELAY, PORT, MTA_PID, true, 0,
	    true },
	{ "another process of that number", RELAY, PORT, MTA_PID, true, 1,
	    false },
};

START_TEST(who_gets_it)
{
	const struct who_row	*r = &who_rows[_i];
	const struct session	*s;

	hand_over(PORT, "RELAYED", "203.0.113.7", getpid(),
	    proc_start(getpid()) + r->later);
	connect_from(r->addr, r->port, r->mta, r->is_kept);
	ck_assert_msg(handover_look(c, NOW_MS), "%s", r->name);
	s = conversation_session(c);
	ck_assert_msg(c->is_handed_over == r->want, "%s", r->name);
	ck_assert_msg(r->want == (s != NULL && strcmp(s->id, "RELAYED") == 0),
	    "%s: %s", r->name, s == NULL ? "none" : s->id);
	ck_assert_msg(conversation_is_kept(c) == (r->is_kept || r->want), "%s",
	    r->name);
	ck_assert_msg(strcmp(at_mail(), "") == 0, "%s: mail", r->name);
	ck_assert_msg(c->is_handed_over == r->want, "%s: then", r->name);
}
END_TEST

START_TEST(the_dead_speak_for_nobody)
{
	hand_over(PORT, "DEAD", "203.0.113.7", MTA_PID + 1, 12345);
	connect_from(RELAY, PORT, MTA_PID, true);
	ck_assert(handover_look(c, NOW_MS) && !c->is_handed_over);
	/* No start time is no proof, least of all of one who is not there. */
	hand_over(PORT, "DEAD", "203.0.113.7", MTA_PID + 1, 0);
	ck_assert(handover_look(c, NOW_MS) && !c->is_handed_over);
	ck_assert_str_eq(client_of(conversation_session(c)), RELAY);
	ck_assert_str_eq(at_mail(), "");
}
END_TEST

/* Else the mail would be taken as the relay's own. */
START_TEST(what_cannot_be_told_is_no_stranger)
{
	hand_over_well("RELAYED", "203.0.113.7");
	connect_from(RELAY, PORT, MTA_PID, true);
	descriptors_leave(0);
	ck_assert_str_eq(at_mail(), "451");
	descriptors_free();
	ck_assert_int_eq(conversation_session(c)->refused_reason,
	    REASON_CANNOT_TELL);
	connect_from(RELAY, PORT, 0, false);
	descriptors_leave(0);
	ck_assert(!handover_look(c, NOW_MS));
	descriptors_free();
	ck_assert(handover_look(c, NOW_MS) && c->is_handed_over);
}
END_TEST

START_TEST(whoever_types_changes_nothing)
{
	static const char *const	 lines[] = {
		"XCLIENT ADDR=203.0.113.8", "XREMOTEIP 203.0.113.8",
		"XSETCONTEXT tenant=evil", "XDUMPCONTEXT",
	};
	struct enforce_reply		 answer;
	int				 i;

	hand_over_well("RELAYED", "203.0.113.7");
	for (i = 0; i < NELEM(lines); i++) {
		connect_from(RELAY, PORT, MTA_PID, true);
		ck_assert(handover_look(c, NOW_MS));
		ck_assert(conversation_session(c)->is_sealed);
		say(lines[i], &answer);
		ck_assert_msg(strcmp(answer.code, "550") == 0, "%s: %s",
		    lines[i], answer.code);
		ck_assert_str_eq(client_of(conversation_session(c)),
		    "203.0.113.7");
		ck_assert_uint_eq(conversation_session(c)->context.n, 0);
		/* To read is no violation. */
		if (strcmp(lines[i], "XDUMPCONTEXT") == 0) {
			ck_assert_str_eq(at_mail(), "");
			continue;
		}
		/* Nor is that forgiven because the relay says it again. */
		ck_assert_str_eq(at_mail(), "554");
		ck_assert_str_eq(at_mail(), "554");
	}
}
END_TEST

START_TEST(the_next_client_on_the_same_connection)
{
	struct enforce_reply	 answer;

	hand_over_well("ONE", "203.0.113.7");
	connect_from(RELAY, PORT, MTA_PID, true);
	ck_assert(handover_look(c, NOW_MS));
	say("XCLIENT ADDR=203.0.113.8", &answer);
	hand_over_well("TWO", "203.0.113.9");
	/* What the one did is not the other's. */
	ck_assert_str_eq(at_mail(), "");
	ck_assert_str_eq(conversation_session(c)->id, "TWO");
	ck_assert_str_eq(client_of(conversation_session(c)), "203.0.113.9");
	ck_assert(address_equal(&c->connection.client,
	    &conversation_session(c)->client));
	/* One session may have several clients, too. */
	hand_over_well("TWO", "203.0.113.10");
	ck_assert_str_eq(at_mail(), "");
	ck_assert_str_eq(client_of(conversation_session(c)), "203.0.113.10");
}
END_TEST

START_TEST(it_may_come_after_connect)
{
	connect_from(RELAY, PORT, MTA_PID, true);
	ck_assert(handover_look(c, NOW_MS) && !c->is_handed_over);
	hand_over_well("LATE", "203.0.113.7");
	ck_assert_str_eq(at_mail(), "");
	ck_assert_str_eq(conversation_session(c)->id, "LATE");
	connect_from(RELAY, PORT + 1, 0, false);
	ck_assert(handover_look(c, NOW_MS) && !conversation_is_kept(c));
	hand_over(PORT + 1, "LATE TOO", "203.0.113.7", getpid(),
	    proc_start(getpid()));
	ck_assert_str_eq(at_mail(), "");
	ck_assert_str_eq(conversation_session(c)->id, "LATE TOO");
}
END_TEST

/* A connection that is still there without what it was handed over by. */
START_TEST(what_has_gone_is_not_guessed)
{
	hand_over_well("ONE", "203.0.113.7");
	connect_from(RELAY, PORT, MTA_PID, true);
	ck_assert_str_eq(at_mail(), "");
	end_hand_over();
	ck_assert_str_eq(at_mail(), "451");
	ck_assert_int_eq(conversation_session(c)->refused_reason,
	    REASON_MISMATCH);
	ck_assert_str_eq(client_of(conversation_session(c)), "203.0.113.7");
	/* That session's mail has to come again; another's may pass. */
	hand_over_well("ONE", "203.0.113.7");
	ck_assert_str_eq(at_mail(), "451");
	hand_over_well("TWO", "203.0.113.9");
	ck_assert_str_eq(at_mail(), "");
	/* The relay's process ends. */
	hand_over(PORT, "TWO", "203.0.113.9", MTA_PID + 1, 1);
	ck_assert_str_eq(at_mail(), "451");
}
END_TEST

static void
hand_over_refused(enum verdict_action action)
{
	struct address	 addr = addr_of(RELAY);
	struct session	 s;

	session_init(&s);
	(void)strcpy(s.id, "REFUSED");
	s.pid = getpid();
	s.pid_start = proc_start(s.pid);
	s.client = addr_of("203.0.113.7");
	s.refused = action;
	s.refused_reason = REASON_SEALED;
	ck_assert(session_set_text(&s.refused_text, "no"));
	ck_assert_int_eq(store_hand_over(store, &addr, PORT, &s, &err), 0);
	session_clear(&s);
}

START_TEST(what_the_relay_refused_is_refused)
{
	struct enforce_reply	 answer;

	connect_from(RELAY, PORT, MTA_PID, true);
	hand_over_refused(VERDICT_REJECT);
	ck_assert_str_eq(at_mail(), "554");
	hand_over_refused(VERDICT_DISCONNECT);
	ck_assert_str_eq(at_mail(), "421");
	hand_over_refused(VERDICT_PERMIT);
	ck_assert_str_eq(at_mail(), "421");
	/* At CONNECT, too, although the MTA has another client. */
	hand_over_refused(VERDICT_DISCONNECT);
	connect_from(RELAY, PORT, MTA_PID, true);
	ck_assert(handover_look(c, NOW_MS));
	enforce_connect(conversation_session(c), &c->connection, &answer);
	ck_assert_str_eq(answer.code, "421");
}
END_TEST

START_TEST(revocations_count_for_the_true_peer)
{
	hand_over_well("RELAYED", "203.0.113.7");
	connect_from(RELAY, PORT, MTA_PID, true);
	ck_assert_int_eq(store_revoke(store,
	    &(struct store_revocation){ .what = "peer=" RELAY }, &err), 0);
	ck_assert_int_eq(store_revoke(store,
	    &(struct store_revocation){ .what = "profile=relay" }, &err), 0);
	ck_assert_str_eq(at_mail(), "");
	ck_assert_int_eq(store_revoke(store,
	    &(struct store_revocation){ .what = "peer=192.0.2.1" }, &err), 0);
	ck_assert_str_eq(at_mail(), "554");
	ck_assert_int_eq(conversation_session(c)->refused_reason,
	    REASON_REVOKED);
	/* And no repetition of the relay's undoes it. */
	ck_assert_str_eq(at_mail(), "554");
}
END_TEST

static void
damage(void)
{
	static const uint8_t	 key[19] = { AF_INET, 127, 0, 0, 1,
				     [17] = PORT >> 8, [18] = PORT & 255 };
	pid_t			 pid = fork();
	int			 status;

	ck_assert_int_ne(pid, -1);
	if (pid == 0) {
		damage_put(strchr(conf->store, '/'), "handover", 0, key,
		    sizeof key, "rubbish", 7);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

START_TEST(who_cannot_tell_takes_no_mail)
{
	/* With and without a session that could say so. */
	connect_from(RELAY, PORT, MTA_PID, true);
	damage();
	ck_assert(handover_look(c, NOW_MS));
	ck_assert_str_eq(at_mail(), "451");
	ck_assert_int_eq(conversation_session(c)->refused_reason,
	    REASON_CANNOT_TELL);
	connect_from(RELAY, PORT, 0, false);
	ck_assert(!handover_look(c, NOW_MS));
	ck_assert_str_eq(at_mail(), "451");
	hand_over_well("RELAYED", "203.0.113.7");
	ck_assert_str_eq(at_mail(), "");
	/* Others are not concerned. */
	damage();
	connect_from(RELAY, PORT + 1, MTA_PID, true);
	ck_assert_str_eq(at_mail(), "");
	connect_from(RELAY, PORT, MTA_PID, false);
	ck_assert_str_eq(at_mail(), "");
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("handover");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_profile_that_is_not_here_is_no_permission);
	tcase_add_test(tc, the_client_is_the_relays);
	tcase_add_test(tc, the_header_is_the_clients);
	tcase_add_test(tc, the_relays_name_is_not_the_clients);
	tcase_add_loop_test(tc, who_gets_it, 0, NELEM(who_rows));
	tcase_add_test(tc, the_dead_speak_for_nobody);
	tcase_add_test(tc, what_cannot_be_told_is_no_stranger);
	tcase_add_test(tc, whoever_types_changes_nothing);
	tcase_add_test(tc, the_next_client_on_the_same_connection);
	tcase_add_test(tc, it_may_come_after_connect);
	tcase_add_test(tc, what_has_gone_is_not_guessed);
	tcase_add_test(tc, what_the_relay_refused_is_refused);
	tcase_add_test(tc, revocations_count_for_the_true_peer);
	tcase_add_test(tc, who_cannot_tell_takes_no_mail);
	return runner_run("handover", tc);
}
