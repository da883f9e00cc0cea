/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * rundir_test: the runtime directory is made, given away, or refused.
 */
#include "daemon/rundir.h"

#include <sys/stat.h>

#include <check.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/lib/runner.h"
#include "t/lib/tempdir.h"

static char		 dir[TEMPDIR_SIZE];
static char		 path[TEMPDIR_SIZE + 32];
static struct err	 err;

static void
setup(void)
{
	tempdir_make(dir);
	(void)snprintf(path, sizeof path, "%s/run", dir);
	(void)umask(022);
}

static void
teardown(void)
{
	tempdir_remove(dir);
}

static void
check_refused(const char *user, const char *want)
{
	err.text[0] = '\0';
	ck_assert_int_eq(rundir_make(path, 0750, user, &err), -1);
	ck_assert_msg(strstr(err.text, want) != NULL, "got \"%s\", want "
	    "\"%s\"", err.text, want);
}

static void
check_made(const char *user, unsigned mode, uid_t owner)
{
	struct stat	 st;

	ck_assert_msg(rundir_make(path, 0750, user, &err) == 0, "%s", err.text);
	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert(S_ISDIR(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 07777, mode);
	ck_assert_uint_eq(st.st_uid, owner);
}

START_TEST(it_is_made)
{
	const mode_t	 was = umask(077);

	check_made("", 0750, geteuid());
	(void)umask(was);
	check_made("", 0750, geteuid());
	check_made(NULL, 0750, geteuid());
}
END_TEST

START_TEST(one_that_is_there_keeps_its_mode)
{
	ck_assert_int_eq(mkdir(path, 0755), 0);
	check_made("", 0755, geteuid());
}
END_TEST

START_TEST(root_gives_it_to_the_user)
{
	struct passwd	*nobody = getpwnam("nobody");
	struct stat	 st;

	if (geteuid() != 0 || nobody == NULL)
		return;
	check_made("nobody", 0750, nobody->pw_uid);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_gid, nobody->pw_gid);
	/* An owner that is kept. */
	check_made("", 0750, nobody->pw_uid);
	check_made("root", 0750, 0);
	check_refused("no-such-user", "no such user");
}
END_TEST

START_TEST(one_that_everybody_may_write_is_refused)
{
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(chmod(path, 01777), 0);
	check_refused("", "writable for everybody");
}
END_TEST

START_TEST(what_is_no_directory_is_refused)
{
	struct stat	 st;
	char		 other[TEMPDIR_SIZE + 32];
	int		 fd = open(path, O_CREAT | O_WRONLY, 0600);

	ck_assert_int_ne(fd, -1);
	(void)close(fd);
	check_refused("", path);
	/* A link to a directory that somebody else may have made. */
	ck_assert_int_eq(unlink(path), 0);
	(void)snprintf(other, sizeof other, "%s/other", dir);
	ck_assert_int_eq(mkdir(other, 0700), 0);
	ck_assert_int_eq(symlink(other, path), 0);
	check_refused(geteuid() == 0 ? "nobody" : "", path);
	ck_assert_int_eq(stat(other, &st), 0);
	ck_assert_uint_eq(st.st_uid, geteuid());
	/* A link to nothing. */
	ck_assert_int_eq(rmdir(other), 0);
	check_refused("", path);
	ck_assert_int_eq(stat(other, &st), -1);
}
END_TEST

START_TEST(its_parent_must_be_there)
{
	(void)snprintf(path, sizeof path, "%s/none/run", dir);
	check_refused("", "No such file or directory");
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("rundir");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, it_is_made);
	tcase_add_test(tc, one_that_is_there_keeps_its_mode);
	tcase_add_test(tc, root_gives_it_to_the_user);
	tcase_add_test(tc, one_that_everybody_may_write_is_refused);
	tcase_add_test(tc, what_is_no_directory_is_refused);
	tcase_add_test(tc, its_parent_must_be_there);
	return runner_run("rundir", tc);
}
