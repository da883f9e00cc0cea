/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * server_peer_test: who may connect, and how many.
 */
#include "policy/server.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "t/lib/descriptors.h"
#include "t/lib/runner.h"
#include "t/lib/smtpd.h"

#define PAUSE_MS	100	/* of a listener without descriptors */

static struct smtpd	*smtpd;

static void
setup(void)
{
	smtpd = smtpd_setup();
}

START_TEST(a_user_who_is_not_allowed_gets_nothing)
{
	static const char *const	 names[] = { "maps", "policy" };
	struct passwd			*nobody = getpwnam("nobody");
	char				 byte, path[TEMPDIR_SIZE + 8];
	ssize_t				 n;
	pid_t				 child;
	int				 fd, i, status = -1;

	if (geteuid() != 0 || nobody == NULL)
		return;
	ck_assert_int_eq(chmod(smtpd->dir, 0755), 0);
	for (i = 0; i < NELEM(names); i++) {
		(void)snprintf(path, sizeof path, "%s/%s", smtpd->dir,
		    names[i]);
		ck_assert_int_eq(chmod(path, 0777), 0);
		child = fork();
		ck_assert_int_ne(child, -1);
		if (child == 0) {
			if (setgid(nobody->pw_gid) != 0 ||
			    setuid(nobody->pw_uid) != 0)
				_exit(1);
			fd = smtpd_try_dial(names[i]);
			if (fd == -1 && errno == EACCES)
				_exit(77);	/* TMPDIR is private */
			if (fd == -1 || fcntl(fd, F_SETFL, 0) == -1)
				_exit(2);
			(void)send(fd, STRANGER, sizeof STRANGER - 1,
			    MSG_NOSIGNAL);
			n = recv(fd, &byte, 1, 0);
			_exit(n > 0 ? 3 : 0);
		}
		while (waitpid(child, &status, WNOHANG) == 0)
			smtpd_step();
		if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
			return;
		ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		    "%s: status %#x", names[i], (unsigned)status);
	}
	ck_assert_uint_eq(smtpd_logged("connection_refused"), 2);
	ck_assert_uint_eq(smtpd_logged("user is not in allowed_users"), 2);
	ck_assert_uint_eq(smtpd_logged("uid=65534"), 2);
	ck_assert_uint_eq(ledger_sessions(smtpd->ledger), 0);
}
END_TEST

static int
dial_in_want(const char *name)
{
	int	 fd = smtpd_try_dial(name);

	ck_assert_int_ne(fd, -1);
	descriptors_leave(1);
	smtpd_step();
	return fd;
}

/* Its connection can be accepted, and then /proc cannot be read: nobody knows
 * whether that process's session is a refused one. */
START_TEST(a_process_that_cannot_be_told_is_no_dunno)
{
	int	 policy = dial_in_want("policy"), maps;

	smtpd_expect(policy, POLICY("RCPT"), "action=451 4.3.0 it cannot be "
	    "told which session this is\n\n");
	ck_assert_str_eq(smtpd_hear(policy), "(closed)");
	descriptors_free();
	maps = dial_in_want("maps");
	smtpd_expect(maps, smtpd_ns("command XCLIENT ADDR=198.51.100.9"),
	    smtpd_ns("TEMP it cannot be told which session this is"));
	ck_assert_str_eq(smtpd_hear(maps), "(closed)");
	descriptors_free();
	ck_assert_uint_eq(smtpd_logged("event=no_peer_process"), 1);
	/* They come back, and are known. */
	(void)usleep(2 * PAUSE_MS * 1000);
	policy = smtpd_dial("policy");
	smtpd_expect(policy, POLICY("RCPT"), DUNNO);
	maps = smtpd_dial("maps");
	smtpd_expect(maps, STRANGER, DISABLED);
}
END_TEST

/* All smtpd processes would be one, and their sessions each other's. */
START_TEST(proxymap_is_no_mail_server)
{
	int	 maps, policy;

	ck_assert_int_eq(prctl(PR_SET_NAME, "proxymap"), 0);
	maps = smtpd_dial("maps");
	smtpd_expect(maps, smtpd_ns("xclient 192.0.2.1"),
	    smtpd_ns("TEMP proxymap(8) asks for many sessions at once, "
	    "write socketmap: without proxy:"));
	ck_assert_str_eq(smtpd_hear(maps), "(closed)");
	policy = smtpd_dial("policy");
	smtpd_expect(policy, POLICY("RCPT"), "action=451 4.3.0 proxymap(8) "
	    "asks for many sessions at once, write socketmap: without proxy:\n\n");
	maps = smtpd_dial("maps");
	smtpd_expect(maps, smtpd_ns("profile 192.0.2.1"), smtpd_ns("OK edge"));
	ck_assert_int_eq(prctl(PR_SET_NAME, "smtpd"), 0);
	maps = smtpd_dial("maps");
	smtpd_expect(maps, STRANGER, DISABLED);
	ck_assert_uint_eq(smtpd_logged("event=no_peer_process"), 1);
	ck_assert_uint_eq(smtpd_noted(DECISION_BEGIN), 0);
}
END_TEST

/* What cannot be accepted waits, and does not keep the processor busy. */
START_TEST(without_descriptors_nothing_is_accepted_in_haste)
{
	int	 fd = smtpd_try_dial("policy"), i;

	ck_assert_int_ne(fd, -1);
	descriptors_leave(0);
	for (i = 0; i < 100; i++)
		smtpd_step();
	descriptors_free();
	ck_assert_uint_eq(smtpd_logged("Too many open files"), 1);
	(void)usleep(2 * PAUSE_MS * 1000);
	smtpd_expect(fd, POLICY("RCPT"), DUNNO);
}
END_TEST

START_TEST(descriptors_are_kept_back)
{
	struct rlimit	 limit;
	int		 fds[4];

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = SERVER_SPARE_DESCRIPTORS + 3;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	smtpd_use_limits("");
	fds[0] = smtpd_dial("maps");
	fds[1] = smtpd_dial("policy");
	fds[2] = smtpd_dial("policy");
	fds[3] = smtpd_dial("policy");
	ck_assert_str_eq(smtpd_hear(fds[3]), "(closed)");
	smtpd_expect(fds[2], POLICY("RCPT"), DUNNO);
}
END_TEST

/* That table is about no session. */
START_TEST(the_profile_of_an_address_needs_no_process)
{
	int	 maps = dial_in_want("maps");

	smtpd_expect(maps, smtpd_ns("profile 192.0.2.1"), smtpd_ns("OK edge"));
	smtpd_expect(maps, smtpd_ns("profile 192.0.2.1"), smtpd_ns("OK edge"));
	descriptors_free();
}
END_TEST

START_TEST(connections_are_limited)
{
	int	 fds[4], more;

	smtpd_use_limits("connections = 4");
	fds[0] = smtpd_dial("maps");
	fds[1] = smtpd_dial("policy");
	fds[2] = smtpd_dial("policy");
	fds[3] = smtpd_dial("maps");
	more = smtpd_dial("policy");
	ck_assert_str_eq(smtpd_hear(more), "(closed)");
	(void)close(more);
	ck_assert_uint_ge(smtpd_logged("limits.connections is reached"), 1);
	smtpd_expect(fds[3], STRANGER, DISABLED);
	(void)close(fds[1]);
	smtpd_step();
	more = smtpd_dial("policy");
	smtpd_expect(more, POLICY("RCPT"), DUNNO);
	/* Ones that are there stay when the limit falls. */
	smtpd_use_limits("connections = 1");
	smtpd_expect(fds[2], POLICY("RCPT"), DUNNO);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("server_peer");

	tcase_add_checked_fixture(tc, setup, smtpd_teardown);
	tcase_add_test(tc, a_user_who_is_not_allowed_gets_nothing);
	tcase_add_test(tc, a_process_that_cannot_be_told_is_no_dunno);
	tcase_add_test(tc, proxymap_is_no_mail_server);
	tcase_add_test(tc, without_descriptors_nothing_is_accepted_in_haste);
	tcase_add_test(tc, descriptors_are_kept_back);
	tcase_add_test(tc, the_profile_of_an_address_needs_no_process);
	tcase_add_test(tc, connections_are_limited);
	return runner_run_apart("server_peer", tc);
}
