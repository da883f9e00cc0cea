/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * procinfo_test: who is behind a socket, and when a process began.
 */
#include "base/procinfo.h"

#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <check.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/lib/descriptors.h"
#include "t/lib/proc_start.h"
#include "t/lib/runner.h"
#include "t/lib/tempdir.h"

/* A child that lives until its pipe is closed. */
static pid_t
child_new(const char *name, int *hold_r)
{
	int	 hold[2];
	pid_t	 pid;
	char	 byte;

	ck_assert_int_eq(pipe(hold), 0);
	pid = fork();
	ck_assert_int_ne(pid, -1);
	if (pid == 0) {
		(void)close(hold[1]);
		if (name != NULL)
			(void)prctl(PR_SET_NAME, name);
		_exit(read(hold[0], &byte, 1) > 0);
	}
	(void)close(hold[0]);
	*hold_r = hold[1];
	return pid;
}

static void
child_end(pid_t pid, int hold)
{
	(void)close(hold);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(a_process_has_one_start)
{
	uint64_t	 own = proc_start(getpid()), others;
	pid_t		 child;
	int		 hold;

	ck_assert_uint_gt(own, 0);
	ck_assert_uint_eq(proc_start(getpid()), own);
	(void)usleep(30000);	/* more than a clock tick */
	child = child_new(NULL, &hold);
	others = proc_start(child);
	ck_assert_uint_gt(others, own);
	ck_assert_uint_eq(proc_start(child), others);
	/* A tick is a hundredth of a second; it began but now. */
	ck_assert_uint_lt(others - own, 100U * 60U * 60U);
	child_end(child, hold);
	ck_assert_uint_eq(proc_start(child), 0);
}
END_TEST

/* Field 22 by another way: from its end; 52 fields in all (proc(5)). */
static uint64_t
start_by_hand(pid_t pid)
{
	char	 path[64], line[1024], *p;
	FILE	*in;
	int	 left;

	(void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	in = fopen(path, "r");
	ck_assert_ptr_nonnull(in);
	ck_assert_ptr_nonnull(fgets(line, sizeof line, in));
	(void)fclose(in);
	p = line + strlen(line);
	for (left = 52; left >= 22; left--) {
		do
			p--;
		while (*p != ' ');
	}
	return strtoull(p, NULL, 10);
}

static const char *const	 names[] = {
	"plain", ") R 1 1 1 1", "a b c", "((((", "))))", ")", "1 2 3 4 5 6 7",
};

START_TEST(a_command_name_cannot_forge_it)
{
	pid_t	 pid;
	int	 hold, i;
	char	 comm[64], path[64];
	FILE	*in;

	pid = child_new(names[_i], &hold);
	/* Until the child has its name. */
	(void)snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
	for (i = 0; i < 1000; i++) {
		in = fopen(path, "r");
		ck_assert_ptr_nonnull(in);
		ck_assert_ptr_nonnull(fgets(comm, sizeof comm, in));
		(void)fclose(in);
		if (strncmp(comm, names[_i], strlen(names[_i])) == 0)
			break;
		(void)usleep(1000);
	}
	ck_assert_int_lt(i, 1000);
	ck_assert_msg(proc_start(pid) == start_by_hand(pid), "%s",
	    names[_i]);
	child_end(pid, hold);
}
END_TEST

START_TEST(what_is_no_process_has_no_start)
{
	ck_assert_uint_eq(proc_start(0), 0);
	ck_assert_uint_eq(proc_start(-1), 0);
	ck_assert_uint_eq(proc_start(2000000000), 0);
}
END_TEST

START_TEST(three_answers)
{
	struct procinfo	 info = { .start = 7 };
	uint64_t	 own = proc_start(getpid());
	pid_t		 child;
	int		 hold;

	child = child_new("proxymap", &hold);
	ck_assert_int_eq(procinfo_is(getpid(), own), PROCINFO_THERE);
	ck_assert_int_eq(procinfo_is(getpid(), own + 1), PROCINFO_GONE);
	ck_assert_int_eq(procinfo_is(getpid(), 0), PROCINFO_GONE);
	descriptors_leave(0);
	ck_assert_int_eq(procinfo_is(getpid(), own), PROCINFO_CANNOT_TELL);
	ck_assert_int_eq(procinfo_is(getpid(), own + 1),
	    PROCINFO_CANNOT_TELL);
	ck_assert_int_eq(procinfo_look(child, &info), PROCINFO_CANNOT_TELL);
	descriptors_free();
	ck_assert_uint_eq(info.start, 7);
	child_end(child, hold);
	ck_assert_int_eq(procinfo_look(child, &info), PROCINFO_GONE);
	ck_assert_int_eq(procinfo_is(child, own), PROCINFO_GONE);
	/* SO_PEERCRED's word for a process of another namespace. */
	ck_assert_int_eq(procinfo_look(0, &info), PROCINFO_CANNOT_TELL);
	ck_assert_int_eq(procinfo_is(0, own), PROCINFO_CANNOT_TELL);
	ck_assert_uint_eq(info.start, 7);
	ck_assert_int_eq(procinfo_look(getpid(), &info), PROCINFO_THERE);
	ck_assert_uint_eq(info.start, own);
	ck_assert_str_eq(info.command, "procinfo_test");
}
END_TEST

/* A process that may not be seen in /proc is there all the same. */
START_TEST(a_hidden_process_is_not_gone)
{
	struct procinfo	 info;
	int		 status;
	pid_t		 child;

	if (geteuid() != 0)
		return;
	child = fork();
	ck_assert_int_ne(child, -1);
	if (child == 0) {
		if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL,
		    MS_REC | MS_PRIVATE, NULL) != 0 || mount("none", "/proc",
		    "tmpfs", 0, NULL) != 0)
			_exit(77);
		_exit(procinfo_look(getppid(), &info) ==
		    PROCINFO_CANNOT_TELL ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && (WEXITSTATUS(status) == 0 ||
	    WEXITSTATUS(status) == 77));
}
END_TEST

/* Who connects is told, and not who accepts. */
START_TEST(a_connecting_process_is_known)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	struct procinfo_peer	 peer;
	char			 dir[TEMPDIR_SIZE];
	int			 fd, served;
	pid_t			 child;

	tempdir_make(dir);
	(void)snprintf(sun.sun_path, sizeof sun.sun_path, "%s/s", dir);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof sun), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	if (getuid() == 0)
		ck_assert(chmod(dir, 0755) == 0 &&
		    chmod(sun.sun_path, 0777) == 0);
	child = fork();
	if (child == 0) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(1);
		(void)connect(fd, (struct sockaddr *)&sun, sizeof sun);
		(void)pause();
		_exit(0);
	}
	served = accept(fd, NULL, NULL);
	ck_assert_int_ne(served, -1);
	ck_assert(procinfo_peer(served, &peer));
	ck_assert_int_eq(peer.pid, child);
	ck_assert_uint_eq(peer.uid, getuid() == 0 ? 65534 : getuid());
	ck_assert_uint_eq(peer.gid, getuid() == 0 ? 65534 : getgid());
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	/* It stays known when it is dead, but has no start then. */
	ck_assert(procinfo_peer(served, &peer) && peer.pid == child);
	ck_assert_uint_eq(proc_start(child), 0);
	tempdir_remove(dir);
}
END_TEST

START_TEST(behind_other_things_nobody_is_known)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
				     .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t		 len = sizeof sin;
	struct procinfo_peer	 peer = { 1, 2, 3 };
	int			 fds[2], fd, client;

	ck_assert(!procinfo_peer(-1, &peer));
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert(!procinfo_peer(fds[0], &peer));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, sizeof sin), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	client = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(client, (struct sockaddr *)&sin,
	    sizeof sin), 0);
	ck_assert(!procinfo_peer(accept(fd, NULL, NULL), &peer));
	ck_assert(!procinfo_peer(client, &peer));
	/* A UNIX-domain socket that is not connected. */
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert(!procinfo_peer(fd, &peer));
	ck_assert(peer.pid == 1 && peer.uid == 2 && peer.gid == 3);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("procinfo");

	tcase_add_test(tc, a_process_has_one_start);
	tcase_add_loop_test(tc, a_command_name_cannot_forge_it, 0,
	    NELEM(names));
	tcase_add_test(tc, what_is_no_process_has_no_start);
	tcase_add_test(tc, three_answers);
	tcase_add_test(tc, a_hidden_process_is_not_gone);
	tcase_add_test(tc, a_connecting_process_is_known);
	tcase_add_test(tc, behind_other_things_nobody_is_known);
	return runner_run("procinfo", tc);
}
