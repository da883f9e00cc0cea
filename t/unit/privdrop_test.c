/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * privdrop_test: the drop happens in children, for it cannot be undone.
 *
 * What needs root is skipped without it.
 */
#include "daemon/privdrop.h"
#include "t/lib/runner.h"

#include <sys/types.h>
#include <sys/wait.h>

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define USER	"nobody"

/* Says on stdout why a child fails, and makes it do so. */
#define CHILD_ASSERT(expr)						\
	do {								\
		if (!(expr)) {						\
			printf("child: %s: %s\n", #expr, err.text);	\
			fflush(stdout);					\
			_exit(1);					\
		}							\
	} while (0)

static void
run_child(void (*body)(void))
{
	pid_t	 pid = fork();
	int	 status;

	ck_assert(pid != -1);
	if (pid == 0) {
		body();
		_exit(0);
	}
	ck_assert(waitpid(pid, &status, 0) == pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void
drops(void)
{
	const struct passwd	*pw = getpwnam(USER);
	gid_t			 groups[2] = { 0, 1 };
	uid_t			 r, e, s;
	gid_t			 rg, eg, sg;
	struct err		 err = { "" };

	CHILD_ASSERT(pw != NULL);
	CHILD_ASSERT(setgroups(2, groups) == 0);
	CHILD_ASSERT(privdrop(USER, &err) == 0);
	CHILD_ASSERT(getresuid(&r, &e, &s) == 0);
	CHILD_ASSERT(r == pw->pw_uid && e == r && s == r);
	CHILD_ASSERT(getresgid(&rg, &eg, &sg) == 0);
	CHILD_ASSERT(rg == pw->pw_gid && eg == rg && sg == rg);
	CHILD_ASSERT(getgroups(0, NULL) == 0);
	CHILD_ASSERT(setuid(0) == -1 && setgid(0) == -1);
	/* Who is that user already passes the same proof. */
	CHILD_ASSERT(privdrop(USER, &err) == 0);
	CHILD_ASSERT(privdrop("", &err) == 0);
	CHILD_ASSERT(privdrop("daemon", &err) == -1);
	CHILD_ASSERT(strstr(err.text, "only root") != NULL);
}

/* Root that hides in the saved uid is found by the proof. */
static void
saved_root(void)
{
	const struct passwd	*pw = getpwnam(USER);
	struct err		 err = { "" };

	CHILD_ASSERT(pw != NULL);
	CHILD_ASSERT(setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == 0);
	CHILD_ASSERT(setresuid(pw->pw_uid, pw->pw_uid, 0) == 0);
	CHILD_ASSERT(privdrop(USER, &err) == -1);
	CHILD_ASSERT(err.text[0] != '\0');
}

static void
keeps(void)
{
	struct err	 err = { "" };
	uid_t		 uid = geteuid();

	CHILD_ASSERT(privdrop("", &err) == 0);
	CHILD_ASSERT(privdrop(NULL, &err) == 0);
	CHILD_ASSERT(geteuid() == uid);
}

static void
refuses(void)
{
	struct err	 err = { "" };
	uid_t		 uid = geteuid();

	CHILD_ASSERT(privdrop("no such user", &err) == -1);
	CHILD_ASSERT(strstr(err.text, "\"no such user\"") != NULL);
	CHILD_ASSERT(privdrop("root", &err) == -1);
	CHILD_ASSERT(strstr(err.text, "is root") != NULL);
	CHILD_ASSERT(geteuid() == uid);
}

START_TEST(drop)
{
	if (geteuid() == 0)
		run_child(drops);
}
END_TEST

START_TEST(proof)
{
	if (geteuid() == 0)
		run_child(saved_root);
}
END_TEST

START_TEST(nothing)
{
	run_child(keeps);
}
END_TEST

START_TEST(refusal)
{
	run_child(refuses);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("privdrop");

	if (geteuid() != 0)
		printf("privdrop: not root, the drop itself is skipped\n");
	tcase_add_test(tc, drop);
	tcase_add_test(tc, proof);
	tcase_add_test(tc, nothing);
	tcase_add_test(tc, refusal);
	return runner_run("privdrop", tc);
}
