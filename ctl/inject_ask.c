/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_ask: see inject_ask.h.  What the program answers is believed, so it must
 * know when the server has done with what it was told.
 */
#include "inject_ask.h"

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/durable.h"
#include "inject_body.h"
#include "inject_envelope.h"
#include "inject_source_private.h"

/* A file without a name that has the message, at its beginning; -1. */
static int
make_input(const struct inject_item *item)
{
	struct inject_body	 body;
	char			 buf[65536];
	FILE			*file = tmpfile();
	ssize_t			 n = -1;
	int			 fd = -1;

	if (file == NULL)
		return -1;
	if (inject_body_open(&body, item)) {
		while ((n = inject_body_read(&body, buf, sizeof buf)) > 0)
			if (durable_put(fileno(file), buf,
			    (size_t)n) == -1)
				break;
		inject_body_clear(&body);
	}
	if (n == 0 && lseek(fileno(file), 0, SEEK_SET) == 0)
		fd = dup(fileno(file));
	(void)fclose(file);
	return fd;
}

/*
 * A sender chooses his address, which may begin as an option does: so each has
 * its "<" before it, as in SMTP.
 */
static _Noreturn void
become(const char *program, const char *sender, const char *rcpt, int in)
{
	char	 from[INJECT_ADDRESS_MAX + 3], to[INJECT_ADDRESS_MAX + 3];

	if (snprintf(from, sizeof from, "<%s>", sender) < (int)sizeof from &&
	    snprintf(to, sizeof to, "<%s>", rcpt) < (int)sizeof to &&
	    dup2(in, STDIN_FILENO) != -1 &&
	    dup2(STDERR_FILENO, STDOUT_FILENO) != -1)
		(void)execl(program, program, from, to, (char *)NULL);
	_exit(127);
}

static enum inject_asked
await(pid_t pid, const char *program, struct err *err)
{
	struct timespec	 pause = { 0, 10 * 1000 * 1000 };
	time_t		 late = time(NULL) + INJECT_ASK_SECONDS;
	int		 status;
	pid_t		 got;

	while ((got = waitpid(pid, &status, WNOHANG)) == 0) {
		if (time(NULL) > late) {
			(void)kill(pid, SIGKILL);
			got = waitpid(pid, &status, 0);
			break;
		}
		(void)nanosleep(&pause, NULL);
	}
	if (got == pid && WIFEXITED(status) && WEXITSTATUS(status) <= 1)
		return WEXITSTATUS(status) == 0 ? INJECT_IS_THERE :
		    INJECT_IS_NOT_THERE;
	(void)err_set(err, "%s: it does not answer with 0 or 1", program);
	return INJECT_CANNOT_TELL;
}

enum inject_asked
inject_ask(const char *program, const struct inject_item *item,
    const char *sender, const char *rcpt, struct err *err)
{
	int	 in = make_input(item);
	pid_t	 pid;

	pid = in == -1 ? -1 : fork();
	if (pid == 0)
		become(program, sender, rcpt, in);
	if (in != -1)
		(void)close(in);
	if (pid != -1)
		return await(pid, program, err);
	(void)err_set(err, "%s: %s", program, strerror(errno));
	return INJECT_CANNOT_TELL;
}
