/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_check_socket: the part of setup_check.h about the sockets.  Modes,
 * groups, access lists, chroots and allowed_users are not reasoned about: it is
 * tried, by a process that is what a smtpd is.
 */
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "setup_check.h"

#define SECONDS	5			/* for an answer */

/* What the process found out; errno 0 with a stage: no answer. */
struct answer {
	enum { IS_WELL, NOT_TRIED, NOT_REACHED, NOT_ANSWERED } stage;
	int	error;
	char	said[128];		/* by a table that failed */
};

/* Of the milter protocol, version 6: negotiation, with all that it may. */
static const char	 negotiation[] =
    "\0\0\0\015O\0\0\0\006\0\0\001\377\0\037\377\377";

/* Changes no session: xcontext-policy(8). */
static const char	 lookup[] = "17:profile 127.0.0.1,";

/* In a chroot there is nobody to ask who a user is. */
static bool
become(const struct setup_check *check, bool is_chrooted, int *error_r)
{
	const struct postfix	*pf = &check->setup->pf;
	const struct passwd	*owner = getpwnam(pf->mail_owner);
	bool			 is_done;

	*error_r = ENOENT;
	if (owner == NULL)
		return false;
	is_done = chdir(pf->queue_directory) == 0 && (geteuid() != 0 ||
	    (initgroups(pf->mail_owner, owner->pw_gid) == 0 &&
	    (!is_chrooted || (chroot(".") == 0 && chdir("/") == 0)) &&
	    setgid(owner->pw_gid) == 0 && setuid(owner->pw_uid) == 0));
	*error_r = is_done ? 0 : errno;
	return is_done;
}

static int
open_socket(const char *path)
{
	struct timeval		 time = { SECONDS, 0 };
	struct sockaddr_un	 addr = { .sun_family = AF_UNIX };
	int			 fd;

	if (strlen(path) >= sizeof addr.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(addr.sun_path, path, strlen(path) + 1);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) == 0 &&
	    connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

/* Asks, and takes what comes first. */
static void
ask(int fd, const char *question, size_t len, struct answer *answer)
{
	char	 buf[sizeof answer->said] = "";
	ssize_t	 n;

	answer->stage = NOT_ANSWERED;
	if (send(fd, question, len, MSG_NOSIGNAL) != (ssize_t)len ||
	    (n = recv(fd, buf, sizeof buf - 1, 0)) == -1) {
		answer->error = errno;
		return;
	}
	if (n == 0)
		return;
	answer->stage = IS_WELL;
	if (question == lookup && strstr(buf, ":TEMP") != NULL)
		memcpy(answer->said, buf, sizeof buf);
}

/* The whole life of that process. */
static void
try(const struct setup_check *check, bool is_chrooted, const char *path,
    enum setup_check_question question, struct answer *answer)
{
	int	 fd;

	answer->stage = NOT_TRIED;
	if (!become(check, is_chrooted, &answer->error))
		return;
	answer->stage = NOT_REACHED;
	if ((fd = open_socket(path)) == -1) {
		answer->error = errno;
		return;
	}
	switch (question) {
	case SETUP_CHECK_MAPS:
		ask(fd, lookup, sizeof lookup - 1, answer);
		break;
	case SETUP_CHECK_MILTER:
		ask(fd, negotiation, sizeof negotiation - 1, answer);
		break;
	case SETUP_CHECK_POLICY:
		/* Each request is about a session, so none is made. */
		answer->stage = IS_WELL;
		break;
	}
}

/* Lets another process try. */
static struct answer
send_out(const struct setup_check *check, bool is_chrooted, const char *path,
    enum setup_check_question question)
{
	struct answer	 answer = { NOT_TRIED, 0, "" };
	int		 fds[2];
	pid_t		 pid;

	if (pipe(fds) == -1 || (pid = fork()) == -1) {
		answer.error = errno;
		return answer;
	}
	if (pid == 0) {
		try(check, is_chrooted, path, question, &answer);
		_exit(write(fds[1], &answer, sizeof answer) !=
		    (ssize_t)sizeof answer);
	}
	(void)close(fds[1]);
	if (read(fds[0], &answer, sizeof answer) != (ssize_t)sizeof answer)
		answer = (struct answer){ NOT_TRIED, 0, "" };
	(void)close(fds[0]);
	while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
		continue;
	return answer;
}

/* What to do about it. */
static const char *
fix(const struct setup_check *check, const struct answer *answer,
    enum setup_check_question question)
{
	const char	*daemon = question == SETUP_CHECK_MILTER ?
			    "xcontext-milter" : "xcontext-policy";
	const char	*owner = check->setup->pf.mail_owner;
	struct pool	*pool = &check->setup->pool;

	if (answer->stage == NOT_ANSWERED)
		return pool_printf(pool, "is %s in allowed_users of %s?  The "
		    "log of %s says more", owner, check->setup->ctl->file,
		    daemon);
	if (answer->error == EACCES)
		return pool_printf(pool, "the directory must be %s's by its "
		    "group, mode 2750: systemd-tmpfiles --create "
		    "xcontext-postfix.conf, and restart %s", owner, daemon);
	return pool_printf(pool, "systemctl start %s; its socket must be the "
	    "one that %s names", daemon, check->setup->ctl->file);
}

static const char *
cost(enum setup_check_question question)
{
	switch (question) {
	case SETUP_CHECK_MAPS:
		return "sessions that ask end with 421 at EHLO or XCLIENT";
	case SETUP_CHECK_POLICY:
		return "451 at RCPT, or, with default_action=DUNNO, mail that "
		    "should be refused passes";
	case SETUP_CHECK_MILTER:
		return "what milter_default_action says: 421, 451, or no "
		    "enforcement";
	}
	return "";
}

static const char *
problem(const struct setup_check *check, bool is_chrooted,
    const struct answer *answer)
{
	static const char *const	 stages[] = {
		[NOT_TRIED] = "cannot be tried", [NOT_REACHED] =
		"cannot be reached", [NOT_ANSWERED] = "does not answer"
	};
	struct pool			*pool = &check->setup->pool;

	return pool_printf(pool, "%s by %s%s%s%s", stages[answer->stage],
	    check->setup->pf.mail_owner, is_chrooted ? ", who is in a chroot "
	    "in " : "", is_chrooted ? check->setup->pf.queue_directory : "",
	    answer->error == 0 ? "" : pool_printf(pool, ": %s",
	    strerror(answer->error)));
}

/* True if it was asked about before. */
static bool
was_asked(struct setup_check *check, const char *key)
{
	if (strstr(check->asked, key) != NULL)
		return true;
	check->asked = pool_printf(&check->setup->pool, "%s%s", check->asked,
	    key);
	return false;
}

static void
add(struct setup_check *check, bool is_chrooted, const char *path,
    const struct answer *answer, enum setup_check_question question)
{
	const char	*where = pool_printf(&check->setup->pool,
			    "socket unix:%s", path);

	if (answer->stage != IS_WELL)
		setup_check_add(check, SETUP_CHECK_ERROR, where,
		    problem(check, is_chrooted, answer), cost(question),
		    fix(check, answer, question));
	else if (*answer->said != '\0')
		setup_check_add(check, SETUP_CHECK_ERROR, where,
		    pool_printf(&check->setup->pool, "a lookup fails: %s",
		    answer->said), "451 or 421 for messengers",
		    "xcontext-policy -t, and its log");
}

void
setup_check_socket(struct setup_check *check, bool is_chrooted,
    struct span socket, enum setup_check_question question)
{
	struct setup	*setup = check->setup;
	const char	*path;
	struct answer	 answer;

	if (!span_begins(socket, "unix:"))
		return;			/* the wiring's names are others */
	path = pool_printf(&setup->pool, "%.*s", (int)socket.n - 5,
	    socket.p + 5);
	if (was_asked(check, pool_printf(&setup->pool, "%s %d %s\n",
	    setup->pf.config_directory, is_chrooted, path)))
		return;
	answer = send_out(check, is_chrooted, geteuid() == 0 ? path :
	    setup_opened(setup, is_chrooted, socket), question);
	add(check, is_chrooted, path, &answer, question);
}
