/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * procstart_test: remembered times are right ones, also when a place passes
 * to another process and when the process ends.
 */
#include <sys/wait.h>

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "milter/procstart.h"
#include "t/lib/descriptors.h"
#include "t/lib/proc_start.h"
#include "t/lib/runner.h"

#define PLACES	256	/* the table's size: pids so far apart share a place */

/* A process that waits to be killed, with that remainder of its pid. */
static pid_t
spawn(int remainder)
{
	pid_t	 pid;
	int	 i;

	for (i = 0; i < 100000; i++) {
		pid = fork();
		ck_assert_int_ge(pid, 0);
		if (pid == 0) {
			pause();
			_exit(0);
		}
		if (remainder == -1 || pid % PLACES == remainder)
			return pid;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	ck_abort_msg("no pid with remainder %d", remainder);
	return -1;
}

static void
end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* 0: not there. */
static uint64_t
get(struct procstart *starts, pid_t pid)
{
	uint64_t	 start = 0;

	ck_assert((procstart_get(starts, pid, &start) == PROCINFO_THERE) ==
	    (start != 0));
	return start;
}

static unsigned
open_descriptors(void)
{
	DIR		*dir = opendir("/proc/self/fd");
	unsigned	 n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

START_TEST(same_as_the_system)
{
	struct procstart	*starts = procstart_new();
	pid_t			 self = getpid();
	int			 i;

	ck_assert_uint_ne(proc_start(self), 0);
	for (i = 0; i < 3; i++)
		ck_assert_uint_eq(get(starts, self),
		    proc_start(self));
	ck_assert_uint_eq(get(NULL, self), proc_start(self));
	procstart_free(starts);
}
END_TEST

START_TEST(remembers)
{
	struct procstart	*starts = procstart_new();
	unsigned		 before = open_descriptors();

	get(starts, getpid());
	ck_assert_uint_eq(open_descriptors(), before + 1);
	get(starts, getpid());
	ck_assert_uint_eq(open_descriptors(), before + 1);
	procstart_free(starts);
	ck_assert_uint_eq(open_descriptors(), before);
}
END_TEST

START_TEST(no_such_process)
{
	struct procstart	*starts = procstart_new();
	unsigned		 before = open_descriptors();
	pid_t			 pid = spawn(-1);

	end(pid);
	ck_assert_uint_eq(get(starts, pid), 0);
	ck_assert_uint_eq(get(starts, 0), 0);
	ck_assert_uint_eq(get(starts, -1), 0);
	ck_assert_uint_eq(open_descriptors(), before);
	procstart_free(starts);
}
END_TEST

START_TEST(forgets_the_dead)
{
	struct procstart	*starts = procstart_new();
	unsigned		 before = open_descriptors();
	pid_t			 pid = spawn(-1);

	ck_assert_uint_ne(get(starts, pid), 0);
	end(pid);
	ck_assert_uint_eq(get(starts, pid), 0);
	ck_assert_uint_eq(open_descriptors(), before);
	procstart_free(starts);
}
END_TEST

START_TEST(three_answers)
{
	struct procstart	*starts = procstart_new();
	pid_t			 pid = spawn(-1);
	uint64_t		 start = 7;

	descriptors_leave(0);
	ck_assert_int_eq(procstart_get(starts, pid, &start),
	    PROCINFO_CANNOT_TELL);
	descriptors_free();
	ck_assert_int_eq(procstart_get(starts, 0, &start),
	    PROCINFO_CANNOT_TELL);
	ck_assert_uint_eq(start, 7);
	ck_assert_uint_eq(get(starts, pid), proc_start(pid));
	/* What is remembered needs no descriptor. */
	descriptors_leave(0);
	ck_assert_uint_ne(get(starts, pid), 0);
	descriptors_free();
	end(pid);
	ck_assert_int_eq(procstart_get(starts, pid, &start), PROCINFO_GONE);
	procstart_free(starts);
}
END_TEST

START_TEST(two_for_one_place)
{
	struct procstart	*starts = procstart_new();
	unsigned		 before = open_descriptors();
	pid_t			 a = spawn(-1), b;
	int			 i;

	usleep(30000);		/* the system counts time in ticks of 10 ms */
	b = spawn(a % PLACES);
	ck_assert_uint_ne(proc_start(a), proc_start(b));
	for (i = 0; i < 2; i++) {
		ck_assert_uint_eq(get(starts, a),
		    proc_start(a));
		ck_assert_uint_eq(get(starts, b),
		    proc_start(b));
	}
	ck_assert_uint_eq(open_descriptors(), before + 1);
	end(a);
	end(b);
	procstart_free(starts);
}
END_TEST

static TCase *
procstart_case(void)
{
	TCase	*tc = tcase_create("procstart");

	tcase_add_test(tc, same_as_the_system);
	tcase_add_test(tc, remembers);
	tcase_add_test(tc, no_such_process);
	tcase_add_test(tc, forgets_the_dead);
	tcase_add_test(tc, three_answers);
	tcase_add_test(tc, two_for_one_place);
	return tc;
}

int
main(void)
{
	return runner_run("procstart", procstart_case());
}
