/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * trial_test: until when a configuration is on trial, whose journal counts, and
 * what is on disk when whoever writes it is killed: before and behind each of
 * its system calls.
 */
#include "conf/trial.h"

#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "t/lib/runner.h"
#include "t/lib/tempdir.h"

#define OLD	"# the old one\n"
#define NEW	"# the new one\n"
#define BEGUN	UINT64_C(1000000)
#define LENGTH	UINT64_C(10000)
#define BOOT	"01234567-89ab-cdef-0123-456789abcdef"
#define OTHER	"11234567-89ab-cdef-0123-456789abcdef"

static char		 dir[TEMPDIR_SIZE], file[TEMPDIR_SIZE + 16];
static struct trial	 trial;
static struct err	 err;
static const struct trial_clock	 within = { BEGUN + 1, 501, BOOT };
static const struct trial_clock	 beyond = { BEGUN + LENGTH, 500 + LENGTH,
				    BOOT };

static const char *
beside(const char *suffix)
{
	static char	 path[sizeof file + 16];

	(void)snprintf(path, sizeof path, "%s%s", file, suffix);
	return path;
}

static void
spit(const char *path, const char *text)
{
	FILE	*fp = fopen(path, "w");

	ck_assert_ptr_nonnull(fp);
	ck_assert(fputs(text, fp) >= 0);
	ck_assert_int_eq(fclose(fp), 0);
	ck_assert_int_eq(chmod(path, 0640), 0);
}

static bool
has(const char *path, const char *want)
{
	char	*text = trial_text(path, NULL);
	bool	 is_it = text != NULL && strcmp(text, want) == 0;

	free(text);
	return is_it;
}

static enum trial_state
look(const struct trial_clock *now)
{
	struct trial	 seen;

	return trial_look(file, now, &seen, &err);
}

/* The text that counts. */
static const char *
counts(const struct trial_clock *now)
{
	const char	*path = look(now) == TRIAL_OVER ? beside(".before") :
			    file;

	return has(path, OLD) ? OLD : has(path, NEW) ? NEW : "neither";
}

static void
setup(void)
{
	tempdir_make(dir);
	(void)snprintf(file, sizeof file, "%s/conf", dir);
	spit(file, OLD);
	trial = (struct trial){ .begun = { BEGUN, 500, BOOT },
	    .until_ms = BEGUN + LENGTH, .by = "root (somebody)",
	    .fingerprint = trial_fingerprint(NEW) };
}

static void
teardown(void)
{
	tempdir_remove(dir);
}

static void
begin(void)
{
	ck_assert_msg(trial_begin(file, NEW, &trial, &err) == 0, "%s",
	    err.text);
}

static const struct time_row {
	const char		*name;
	struct trial_clock	 now;
	uint64_t		 want;
} time_rows[] = {
	{ "at once", { BEGUN, 500, BOOT }, LENGTH },
	{ "half", { BEGUN, 5500, BOOT }, 5000 },
	{ "the last moment", { BEGUN, 500 + LENGTH - 1, BOOT }, 1 },
	{ "the deadline", { BEGUN, 500 + LENGTH, BOOT }, 0 },
	{ "the clock is set back", { 1, 500 + LENGTH, BOOT }, 0 },
	{ "the clock is set on", { BEGUN * 2, 501, BOOT }, LENGTH - 1 },
	{ "a host that was up less", { BEGUN, 499, BOOT }, 0 },
	{ "another boot", { BEGUN + 1, 1, OTHER }, LENGTH - 1 },
	{ "another boot, deadline", { BEGUN + LENGTH, 1, OTHER }, 0 },
	{ "another boot, set back", { BEGUN - 1, 1, OTHER }, 0 },
	{ "a boot that is not known", { BEGUN + 1, 1, "" }, LENGTH - 1 },
	{ "the same, set back", { BEGUN - 1, 1, "" }, 0 },
};

START_TEST(how_long)
{
	const struct time_row	*row = &time_rows[_i];

	ck_assert_msg(trial_left_ms(&trial, &row->now) == row->want,
	    "%s: %llu", row->name,
	    (unsigned long long)trial_left_ms(&trial, &row->now));
	trial.until_ms = BEGUN - 1;
	ck_assert_uint_eq(trial_left_ms(&trial, &row->now), 0);
	trial.until_ms = BEGUN + TRIAL_MAX_MS + 1;
	ck_assert_uint_eq(trial_left_ms(&trial, &row->now), 0);
}
END_TEST

START_TEST(its_life)
{
	struct trial	 seen;
	struct stat	 st;

	ck_assert_int_eq(look(&within), TRIAL_NONE);
	begin();
	ck_assert_int_eq(trial_look(file, &within, &seen, &err), TRIAL_OPEN);
	ck_assert_str_eq(seen.by, trial.by);
	ck_assert_uint_eq(seen.until_ms, trial.until_ms);
	ck_assert_uint_eq(seen.fingerprint, trial.fingerprint);
	ck_assert_str_eq(seen.begun.boot, BOOT);
	ck_assert_str_eq(counts(&within), NEW);
	ck_assert_str_eq(counts(&beyond), OLD);
	ck_assert_int_eq(stat(file, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	ck_assert_int_eq(trial_back(file, &trial, &err), 0);
	ck_assert_int_eq(look(&within), TRIAL_NONE);
	ck_assert(has(file, OLD));
	ck_assert_int_eq(trial_back(file, &trial, &err), 0);
	begin();
	ck_assert_int_eq(trial_keep(file, &err), 0);
	ck_assert_int_eq(look(&beyond), TRIAL_NONE);
	ck_assert(has(file, NEW));
	ck_assert_int_eq(access(beside(".before"), F_OK), -1);
	ck_assert_int_eq(access(beside(".edited"), F_OK), -1);
}
END_TEST

START_TEST(an_edited_file_is_kept)
{
	begin();
	spit(file, "# edited\n");
	ck_assert_int_eq(trial_back(file, &trial, &err), 0);
	ck_assert(has(file, OLD));
	ck_assert(has(beside(".edited"), "# edited\n"));
}
END_TEST

START_TEST(a_link_is_not_replaced)
{
	ck_assert_int_eq(rename(file, beside(".real")), 0);
	ck_assert_int_eq(symlink(beside(".real"), file), 0);
	ck_assert_int_eq(trial_begin(file, NEW, &trial, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "a link"));
	ck_assert_int_eq(look(&within), TRIAL_NONE);
}
END_TEST

/* What was left of one that was confirmed means nothing, and must not come to
 * mean something when the next one cannot begin. */
START_TEST(an_old_one_does_not_come_back)
{
	spit(beside(".before"), "# older\n");
	ck_assert_int_eq(mkdir(beside(".trial-new"), 0700), 0);
	ck_assert_int_eq(trial_begin(file, NEW, &trial, &err), -1);
	(void)trial_back(file, NULL, &err);
	ck_assert(has(file, OLD));
	ck_assert_int_eq(rmdir(beside(".trial-new")), 0);
}
END_TEST

/* Whose journal, or former file, counts. */
static const struct trust_row {
	const char		*name, *suffix;
	mode_t			 mode;
	uid_t			 uid;		/* of it */
	uid_t			 file_uid;
	enum trial_state	 want;
} trust_rows[] = {
	{ "as it was written", ".trial", 0640, 0, 0, TRIAL_OPEN },
	{ "its group may write", ".trial", 0660, 0, 0, TRIAL_IGNORED },
	{ "others may write", ".trial", 0642, 0, 0, TRIAL_IGNORED },
	{ "another user's", ".trial", 0640, 7, 0, TRIAL_IGNORED },
	{ "the user's whose the file is", ".trial", 0640, 7, 7, TRIAL_OPEN },
	{ "root's, of a user's file", ".trial", 0640, 0, 7, TRIAL_OPEN },
	{ "others may write the former", ".before", 0642, 0, 0,
	    TRIAL_IGNORED },
	{ "another user's former", ".before", 0640, 7, 0, TRIAL_IGNORED },
};

START_TEST(whose_it_is)
{
	const struct trust_row	*row = &trust_rows[_i];

	if (geteuid() != 0)
		return;
	begin();
	ck_assert_int_eq(chown(file, row->file_uid, (gid_t)-1), 0);
	ck_assert_int_eq(chown(beside(row->suffix), row->uid, (gid_t)-1), 0);
	ck_assert_int_eq(chmod(beside(row->suffix), row->mode), 0);
	ck_assert_msg(look(&within) == row->want, "%s: %d", row->name,
	    (int)look(&within));
	if (row->want == TRIAL_IGNORED)
		ck_assert_ptr_nonnull(strstr(err.text, "ignored"));
}
END_TEST

/* What comes back by itself does so whoever has got the new file meanwhile. */
START_TEST(the_file_gets_another_owner)
{
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(chown(file, 7, (gid_t)-1), 0);
	ck_assert_int_eq(chmod(file, 0660), 0);
	begin();
	ck_assert_int_eq(chown(file, 0, (gid_t)-1), 0);
	ck_assert_int_eq(chmod(file, 0640), 0);
	ck_assert_int_eq(look(&within), TRIAL_OPEN);
	ck_assert_int_eq(look(&beyond), TRIAL_OVER);
	/* But nobody else's is it. */
	ck_assert_int_eq(chown(beside(".before"), 8, (gid_t)-1), 0);
	ck_assert_int_eq(look(&beyond), TRIAL_IGNORED);
}
END_TEST

START_TEST(what_is_no_file)
{
	begin();
	ck_assert_int_eq(unlink(beside(".trial")), 0);
	ck_assert_int_eq(symlink("conf.x", beside(".trial")), 0);
	ck_assert_int_eq(look(&within), TRIAL_IGNORED);
	ck_assert_int_eq(unlink(beside(".trial")), 0);
	ck_assert_int_eq(mkfifo(beside(".trial"), 0600), 0);
	ck_assert_int_eq(look(&within), TRIAL_IGNORED);
}
END_TEST

#define TIMES	"begun 1000000\nuntil 1010000\nup 500\n"
#define REST	"boot " BOOT "\ntext 1\nowner 0\nmode 644\nby x\n"

/* A journal that can be trusted but not read ends the trial. */
START_TEST(what_is_damaged)
{
	static const char *const	 texts[] = { "", "xcontext trial 1\n",
		"xcontext trial 2\n" TIMES REST "end\n",
		"xcontext trial 1\n" TIMES REST,
		"xcontext trial 1\n" TIMES REST "end\nend\n",
		"xcontext trial 1\nbegun x\nuntil 1010000\nup 500\n" REST
		    "end\n" };
	char	 longer[2000];

	begin();
	spit(beside(".trial"), texts[_i]);
	ck_assert_int_eq(look(&within), TRIAL_OVER);
	memset(longer, 'x', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	spit(beside(".trial"), longer);
	ck_assert_int_eq(look(&within), TRIAL_OVER);
}
END_TEST

START_TEST(one_at_a_time)
{
	int	 lock = trial_lock(file, &err);

	ck_assert_int_ge(lock, 0);
	ck_assert_int_eq(trial_lock(file, &err), -2);
	trial_unlock(file, lock);
	ck_assert_int_eq(access(beside(".trial-lock"), F_OK), -1);
	lock = trial_lock(file, &err);
	ck_assert_int_ge(lock, 0);
	trial_unlock(file, lock);
}
END_TEST

/*
 * Cut off
 */

enum step { BEGIN, BACK, KEEP };

static int
do_step(enum step step)
{
	switch (step) {
	case BEGIN:
		return trial_begin(file, NEW, &trial, NULL);
	case BACK:
		return trial_back(file, &trial, NULL);
	case KEEP:
		return trial_keep(file, NULL);
	}
	return -1;
}

/* Kills it at the n-th stop, of which each system call has two.  False: it was
 * done before. */
static bool
is_killed(enum step step, int n)
{
	pid_t	 pid = fork();
	int	 status, i;

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1)
			_exit(2);
		(void)raise(SIGSTOP);
		_exit(do_step(step) == 0 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSTOPPED(status), "there is no ptrace(2) here");
	for (i = 0; i < n; i++) {
		ck_assert_int_eq(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			ck_assert_int_eq(WEXITSTATUS(status), 0);
			return false;
		}
	}
	(void)kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return true;
}

/* As if nothing had ever been. */
static void
afresh(enum step step)
{
	static const char *const	 suffixes[] = { ".before", ".trial",
					     ".trial-new" };
	size_t				 i;

	for (i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
		(void)unlink(beside(suffixes[i]));
	spit(file, OLD);
	if (step != BEGIN)
		begin();
}

START_TEST(cut_off_while_it_begins)
{
	enum trial_state	 state;
	int			 n = 0;

	do {
		afresh(BEGIN);
		ck_assert_int_lt(n, 1000);
		if (!is_killed(BEGIN, ++n))
			break;
		state = look(&within);
		ck_assert(state == TRIAL_NONE || state == TRIAL_OPEN);
		ck_assert_str_ne(counts(&within), "neither");
		ck_assert_msg(state == TRIAL_OPEN || has(file, OLD), "%d", n);
		ck_assert_msg(strcmp(counts(&beyond), OLD) == 0, "%d", n);
		ck_assert_int_eq(trial_back(file, &trial, &err), 0);
		ck_assert(has(file, OLD));
		ck_assert_int_eq(look(&within), TRIAL_NONE);
	} while (true);
	ck_assert_int_gt(n, 60);
}
END_TEST

START_TEST(cut_off_while_it_goes_back)
{
	int	 n = 0;

	do {
		afresh(BACK);
		if (!is_killed(BACK, ++n))
			break;
		ck_assert_msg(strcmp(counts(&beyond), OLD) == 0, "%d", n);
		ck_assert_msg(look(&within) == TRIAL_OPEN || has(file, OLD),
		    "%d", n);
		ck_assert_msg(look(&within) != TRIAL_OPEN ||
		    access(beside(".before"), F_OK) == 0, "%d", n);
		ck_assert_int_eq(trial_back(file, &trial, &err), 0);
		ck_assert(has(file, OLD));
		ck_assert_int_eq(look(&within), TRIAL_NONE);
		ck_assert_int_eq(access(beside(".edited"), F_OK), -1);
	} while (true);
	ck_assert_int_gt(n, 20);
}
END_TEST

/* Either it is confirmed, or nothing has happened. */
START_TEST(cut_off_while_it_is_confirmed)
{
	int	 n = 0;

	do {
		afresh(KEEP);
		if (!is_killed(KEEP, ++n))
			break;
		ck_assert_msg(look(&within) == TRIAL_NONE ?
		    strcmp(counts(&beyond), NEW) == 0 :
		    look(&within) == TRIAL_OPEN &&
		    strcmp(counts(&beyond), OLD) == 0, "%d", n);
		ck_assert_int_eq(trial_keep(file, &err), 0);
		ck_assert(has(file, NEW));
		ck_assert_int_eq(look(&beyond), TRIAL_NONE);
	} while (true);
	ck_assert_int_gt(n, 10);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("trial");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, how_long, 0, NELEM(time_rows));
	tcase_add_test(tc, its_life);
	tcase_add_test(tc, an_edited_file_is_kept);
	tcase_add_test(tc, a_link_is_not_replaced);
	tcase_add_test(tc, an_old_one_does_not_come_back);
	tcase_add_loop_test(tc, whose_it_is, 0, NELEM(trust_rows));
	tcase_add_test(tc, the_file_gets_another_owner);
	tcase_add_test(tc, what_is_no_file);
	tcase_add_loop_test(tc, what_is_damaged, 0, 6);
	tcase_add_test(tc, one_at_a_time);
	tcase_add_test(tc, cut_off_while_it_begins);
	tcase_add_test(tc, cut_off_while_it_goes_back);
	tcase_add_test(tc, cut_off_while_it_is_confirmed);
	return runner_run("trial", tc);
}
