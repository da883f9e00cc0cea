/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * knock_test: what is told of a socket where nobody is, where nobody takes
 * connections, and where it is hung up, whenever that is.
 */
#include "ctl/knock.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "t/lib/runner.h"
#include "t/lib/tempdir.h"

/* What who listens does with the connection that it gets. */
enum does { IS_AWAY, LETS_WAIT, HANGS_UP, LOOKS_AND_HANGS_UP, IS_THERE };

static const struct row {
	const char		*name;
	enum does		 does;
	enum knock_question	 question;
	const char		*want;
} rows[] = {
	{ "nobody", IS_AWAY, KNOCK_NOTHING,
	    "cannot be reached: Connection refused" },
	{ "a queue that is full", LETS_WAIT, KNOCK_NOTHING, "cannot be "
	    "reached: nobody takes connections there: does it hang?" },
	{ "no greeting", HANGS_UP, KNOCK_GREETING,
	    "does not answer: it hung up" },
	{ "a question that is not read", LOOKS_AND_HANGS_UP, KNOCK_MAPS,
	    "does not answer: it hung up" },
	{ "that is enough", IS_THERE, KNOCK_NOTHING, "answers: " },
};

static int
bind_at(const char *path)
{
	struct sockaddr_un	 addr = { .sun_family = AF_UNIX };
	int			 fd;

	ck_assert_uint_lt(strlen(path), sizeof addr.sun_path);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&addr, sizeof addr),
	    0);
	return fd;
}

/* Its life: one connection. */
static void
serve(int listener, enum does does)
{
	char	 c;
	int	 fd = accept(listener, NULL, NULL);

	if (does == LOOKS_AND_HANGS_UP)
		(void)!recv(fd, &c, 1, MSG_PEEK);
	(void)close(fd);
	_exit(0);
}

/* The process that answers, or 0. */
static pid_t
begin(int listener, enum does does, const char *path)
{
	pid_t	 pid = 0;

	if (does == IS_AWAY)
		return 0;
	ck_assert_int_eq(listen(listener, 0), 0);
	/* The one for which there is room. */
	if (does == LETS_WAIT)
		ck_assert_int_eq(knock(path, KNOCK_NOTHING, 1).stage,
		    KNOCK_IS_WELL);
	if (does == HANGS_UP || does == LOOKS_AND_HANGS_UP) {
		pid = fork();
		if (pid == 0)
			serve(listener, does);
		ck_assert_int_gt(pid, 0);
	}
	return pid;
}

START_TEST(what_happened_is_told)
{
	const struct row	*r = &rows[_i];
	char			 dir[TEMPDIR_SIZE], path[TEMPDIR_SIZE + 8];
	char			 got[128];
	struct knock_answer	 answer;
	pid_t			 pid;
	int			 listener;

	tempdir_make(dir);
	(void)snprintf(path, sizeof path, "%s/socket", dir);
	listener = bind_at(path);
	pid = begin(listener, r->does, path);
	answer = knock(path, r->question, 1);
	if (pid != 0)
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	(void)snprintf(got, sizeof got, "%s: %s", knock_stage_text(&answer),
	    knock_error_text(&answer));
	ck_assert_msg(strcmp(got, r->want) == 0, "%s: got \"%s\", want \"%s\"",
	    r->name, got, r->want);
	(void)close(listener);
	tempdir_remove(dir);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("knock");

	tcase_add_loop_test(tc, what_happened_is_told, 0, NELEM(rows));
	return runner_run("knock", tc);
}
