/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * server_test: requests, whole and in pieces, their answers, and when a session
 * has ended.
 */
#include "policy/server.h"

#include <sys/socket.h>

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/lib/runner.h"
#include "t/lib/smtpd.h"

static struct smtpd	*smtpd;

static void
setup(void)
{
	smtpd = smtpd_setup();
}

START_TEST(requests_in_one_piece)
{
	static const char	 want[] = DUNNO "action=451 4.7.1 the mail "
				     "server shows another client than the "
				     "one that was permitted; session ";
	int			 maps = smtpd_dial("maps");
	int			 policy = smtpd_dial("policy");

	smtpd_expect(maps, OVERRIDE, OVERRIDE_ANSWERS);
	ck_assert_uint_eq(smtpd_noted(DECISION_OVERRIDE), 1);
	smtpd_say(policy, "request=smtpd_access_policy\nprotocol_state=RCPT\n"
	    "client_address=198.51.100.9\nclient_name=unknown\n"
	    "client_port=unknown\n\n" POLICY("DATA"));
	ck_assert(strncmp(smtpd_hear(policy), want, sizeof want - 1) == 0);
}
END_TEST

START_TEST(requests_byte_by_byte)
{
	static char	 got[4096];
	int		 maps = smtpd_dial("maps");
	int		 policy = smtpd_dial("policy");
	const char	*p;

	got[0] = '\0';
	for (p = OVERRIDE; *p != '\0'; p++) {
		smtpd_say_bytes(maps, p, 1);
		(void)strcat(got, smtpd_hear(maps));
		ck_assert(server_is_idle(smtpd->server) == (*p == ','));
	}
	ck_assert_str_eq(got, OVERRIDE_ANSWERS);
	got[0] = '\0';
	for (p = POLICY("CONNECT") POLICY("EHLO"); *p != '\0'; p++) {
		smtpd_say_bytes(policy, p, 1);
		(void)strcat(got, smtpd_hear(policy));
	}
	ck_assert_str_eq(got, DUNNO DUNNO);
	ck_assert(server_is_idle(smtpd->server));
}
END_TEST

/* A hang-up at each byte: what was answered counts, what was not does not. */
START_TEST(a_hang_up_anywhere_breaks_nothing)
{
	size_t	 cut, n = sizeof OVERRIDE - 1;
	int	 maps, policy;

	for (cut = 0; cut <= n; cut++) {
		maps = smtpd_dial("maps");
		smtpd_say_bytes(maps, OVERRIDE, cut);
		(void)smtpd_hear(maps);
		(void)close(maps);
		smtpd_step();
		ck_assert_uint_eq(ledger_sessions(smtpd->ledger), 0);
		ck_assert(server_is_idle(smtpd->server));
	}
	ck_assert_uint_eq(smtpd_logged("protocol_error"), 0);
	maps = smtpd_dial("maps");
	smtpd_expect(maps, OVERRIDE, OVERRIDE_ANSWERS);
	for (cut = 0; cut <= sizeof POLICY("RCPT") - 1; cut++) {
		policy = smtpd_dial("policy");
		smtpd_say_bytes(policy, POLICY("RCPT"), cut);
		(void)close(policy);
		smtpd_step();
		ck_assert(server_is_idle(smtpd->server));
	}
	/* The last one was whole, and counted. */
	ck_assert_uint_eq(smtpd_noted(DECISION_MAIL_REFUSED), 1);
	ck_assert_uint_eq(ledger_sessions(smtpd->ledger), 1);
	smtpd_expect(maps, smtpd_ns("milters 203.0.113.5"), DISABLED);
}
END_TEST

START_TEST(closing_the_policy_stream_ends_no_session)
{
	int	 maps = smtpd_dial("maps");
	int	 policy = smtpd_dial("policy");

	smtpd_expect(maps, STRANGER, DISABLED);
	smtpd_expect(policy, POLICY("RCPT"), DUNNO);
	(void)close(policy);
	smtpd_step();
	ck_assert_uint_eq(ledger_sessions(smtpd->ledger), 1);
	(void)close(maps);
	smtpd_step();
	ck_assert_uint_eq(ledger_sessions(smtpd->ledger), 0);
}
END_TEST

START_TEST(a_half_closed_stream_gets_its_answers)
{
	int	 maps = smtpd_dial("maps");

	ck_assert_int_eq(send(maps, STRANGER, sizeof STRANGER - 1, 0),
	    (ssize_t)sizeof STRANGER - 1);
	ck_assert_int_eq(shutdown(maps, SHUT_WR), 0);
	ck_assert_str_eq(smtpd_hear(maps), DISABLED);
	ck_assert_str_eq(smtpd_hear(maps), "(closed)");
}
END_TEST

/* Says it and hangs up, before the server can look. */
static void
say_and_leave(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL),
	    (ssize_t)strlen(text));
	(void)close(fd);
	smtpd_step();
}

/* The process that asked has given up, and may have another client. */
START_TEST(who_has_hung_up_is_asking_nothing)
{
	int	 maps = smtpd_dial("maps");
	int	 policy = smtpd_dial("policy");

	smtpd_expect(maps, OVERRIDE, OVERRIDE_ANSWERS);
	say_and_leave(policy, POLICY("RCPT"));
	ck_assert_uint_eq(smtpd_noted(DECISION_REFUSE), 0);
	smtpd_expect(maps, smtpd_ns("command EHLO x"), NOTFOUND);
	ck_assert_uint_eq(smtpd_noted(DECISION_SEAL), 1);
	ck_assert_uint_eq(ledger_sessions(smtpd->ledger), 1);
	say_and_leave(maps, STRANGER);
	ck_assert_uint_eq(smtpd_noted(DECISION_END), 1);
	ck_assert_uint_eq(ledger_sessions(smtpd->ledger), 0);
}
END_TEST

/* Nor does it wait for two answers: a request about a mail that comes at once
 * with the next client's lookup is of the client before, or given up. */
START_TEST(who_asks_twice_at_once_has_given_one_up)
{
	static const char	 want[] = "action=451 4.3.0 it cannot be told ";
	static const char	 mail[] = POLICY("RCPT");
	int			 maps = smtpd_dial("maps"), policy;

	smtpd_expect(maps, OVERRIDE, OVERRIDE_ANSWERS);
	policy = smtpd_try_dial("policy");
	ck_assert_int_eq(send(policy, mail, sizeof mail - 1, 0),
	    (ssize_t)sizeof mail - 1);
	smtpd_expect(maps, smtpd_ns("milters 203.0.113.6"), DISABLED);
	ck_assert_uint_eq(smtpd_noted(DECISION_REFUSE), 0);
	ck_assert(strncmp(smtpd_hear(policy), want, sizeof want - 1) == 0);
	smtpd_expect(policy, "request=smtpd_access_policy\n"
	    "protocol_state=RCPT\nclient_address=203.0.113.6\n"
	    "client_port=1\n\n", DUNNO);
}
END_TEST

/* Nor is it known by the end of a stream that is not its last. */
START_TEST(an_older_stream_says_nothing_of_the_session)
{
	int	 old = smtpd_dial("maps"), maps = smtpd_dial("maps");

	smtpd_expect(maps, OVERRIDE, OVERRIDE_ANSWERS);
	say_and_leave(old, STRANGER);
	old = smtpd_dial("policy");
	(void)close(old);
	smtpd_step();
	ck_assert_uint_eq(smtpd_noted(DECISION_END), 0);
	smtpd_expect(maps, smtpd_ns("command EHLO x"), NOTFOUND);
	ck_assert_uint_eq(smtpd_noted(DECISION_SEAL), 1);
	(void)close(maps);
	smtpd_step();
	ck_assert_uint_eq(smtpd_noted(DECISION_END), 1);
}
END_TEST

START_TEST(after_the_end_of_listening_those_there_are_served)
{
	int	 maps = smtpd_dial("maps");
	int	 policy = smtpd_dial("policy");

	ck_assert(server_is_idle(smtpd->server));
	smtpd_say(policy, "request=smtpd_");
	ck_assert(!server_is_idle(smtpd->server));
	server_stop_listening(smtpd->server);
	server_stop_listening(smtpd->server);
	ck_assert_int_eq(smtpd_try_dial("maps"), -1);
	ck_assert_int_eq(errno, ECONNREFUSED);
	smtpd_expect(maps, STRANGER, DISABLED);
	smtpd_expect(policy, "access_policy\nclient_address=203.0.113.5\n\n",
	    DUNNO);
	ck_assert(server_is_idle(smtpd->server));
}
END_TEST

/* A session that cannot be recorded as refused gets no mail in either. */
START_TEST(a_store_that_fails_is_no_dunno)
{
	static char	 text[60000];
	struct session	 s;
	struct err	 err;
	int		 maps = smtpd_dial("maps");
	int		 policy = smtpd_dial("policy");

	smtpd_expect(maps, "17:xclient 192.0.2.1,18:xforward 192.0.2.1,",
	    "7:OK edge,7:OK edge,");
	memset(text, 'x', sizeof text - 1);
	session_init(&s);
	strcpy(s.id, "01FILL");
	s.pid = 5000000;
	ck_assert(session_set_text(&s.rule, text));
	while (store_put(smtpd->store, &s, &err) == 0)
		s.pid++;
	ck_assert(session_set_text(&s.rule, NULL));
	while (store_put(smtpd->store, &s, &err) == 0)
		s.pid++;
	session_clear(&s);
	smtpd_expect(policy, POLICY("RCPT"),
	    "action=451 4.3.0 the session store failed\n\n");
	smtpd_expect(maps, smtpd_ns("command XCLIENT PORT=1"),
	    smtpd_ns("TEMP the session store failed"));
}
END_TEST

/* A server that goes away leaves the record of a session that goes on. */
START_TEST(a_restart_is_no_end_of_a_session)
{
	struct session	 s;
	struct err	 err;
	int		 maps = smtpd_dial("maps");

	smtpd_expect(maps, OVERRIDE, OVERRIDE_ANSWERS);
	server_free(smtpd->server);
	smtpd->server = NULL;
	ck_assert_str_eq(smtpd_hear(maps), "(closed)");
	session_init(&s);
	ck_assert_int_eq(store_get(smtpd->store, getpid(), &s, &err),
	    STORE_FOUND);
	ck_assert_str_eq(s.override, "XCLIENT ADDR=198.51.100.9 "
	    "NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] "
	    "PORT=[UNAVAILABLE]");
	session_clear(&s);
	smtpd->server = server_new(smtpd->base, smtpd->conf, smtpd->ledger,
	    smtpd->metrics);
	ck_assert_int_eq(server_listen(smtpd->server, smtpd_listen_at("maps2"),
	    SERVER_SOCKETMAP), 0);
	maps = smtpd_dial("maps2");
	smtpd_expect(maps, smtpd_ns("command EHLO x"), NOTFOUND);
	ck_assert_uint_eq(smtpd_noted(DECISION_SEAL), 1);
}
END_TEST

static int	 recv_error;

/* The linker puts this in the place of the system's: a host in want. */
ssize_t	__real_recv(int, void *, size_t, int);
ssize_t	__wrap_recv(int, void *, size_t, int);

static bool
fails(int *error)
{
	errno = *error;
	*error = 0;
	return errno != 0;
}

ssize_t
__wrap_recv(int fd, void *buf, size_t n, int flags)
{
	return fails(&recv_error) ? -1 : __real_recv(fd, buf, n, flags);
}

static const struct fault_row {
	const char	*name;
	int		 recv_error;
	bool		 want_over;
} fault_rows[] = {
	{ "reset by the peer",		ECONNRESET, true },
	{ "no memory to receive",	ENOMEM, false },
	{ "no buffers to receive",	ENOBUFS, false },
};

/* Only the process itself says that no session is in progress there. */
START_TEST(a_fault_is_no_end_of_a_session)
{
	static const char	 request[] = "14:command EHLO x,";
	const struct fault_row	*r = &fault_rows[_i];
	int			 maps = smtpd_dial("maps");

	smtpd_expect(maps, OVERRIDE, OVERRIDE_ANSWERS);
	ck_assert_int_eq(send(maps, request, sizeof request - 1, 0),
	    (ssize_t)sizeof request - 1);
	recv_error = r->recv_error;
	smtpd_step();
	ck_assert_str_eq(smtpd_hear(maps), "(closed)");
	ck_assert_msg(smtpd_noted(DECISION_END) == r->want_over, "%s", r->name);
	maps = smtpd_dial("maps");
	smtpd_expect(maps, smtpd_ns("command EHLO x"), NOTFOUND);
	ck_assert_msg(smtpd_noted(DECISION_SEAL) == !r->want_over, "%s",
	    r->name);
}
END_TEST

START_TEST(not_more_listeners_than_there_is_room_for)
{
	char	 name[16];
	int	 i, fd;

	for (i = 2; i < 8; i++) {
		(void)snprintf(name, sizeof name, "l%d", i);
		ck_assert_int_eq(server_listen(smtpd->server,
		    smtpd_listen_at(name), SERVER_POLICY), 0);
	}
	fd = smtpd_listen_at("l8");
	ck_assert_int_eq(server_listen(smtpd->server, fd, SERVER_POLICY), -1);
	(void)close(fd);
	server_free(NULL);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("server");

	tcase_add_checked_fixture(tc, setup, smtpd_teardown);
	tcase_add_test(tc, requests_in_one_piece);
	tcase_add_test(tc, requests_byte_by_byte);
	tcase_add_test(tc, a_hang_up_anywhere_breaks_nothing);
	tcase_add_test(tc, closing_the_policy_stream_ends_no_session);
	tcase_add_test(tc, a_half_closed_stream_gets_its_answers);
	tcase_add_test(tc, who_has_hung_up_is_asking_nothing);
	tcase_add_test(tc, who_asks_twice_at_once_has_given_one_up);
	tcase_add_test(tc, an_older_stream_says_nothing_of_the_session);
	tcase_add_test(tc, after_the_end_of_listening_those_there_are_served);
	tcase_add_test(tc, a_store_that_fails_is_no_dunno);
	tcase_add_test(tc, a_restart_is_no_end_of_a_session);
	tcase_add_loop_test(tc, a_fault_is_no_end_of_a_session, 0,
	    NELEM(fault_rows));
	tcase_add_test(tc, not_more_listeners_than_there_is_room_for);
	return runner_run_apart("server", tc);
}
