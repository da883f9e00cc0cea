/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * knock: see knock.h.
 */
#include "knock.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/span.h"

/* None is about a session: xcontext-policy(8).  The milter protocol is that of
 * version 6, and its first step, the negotiation, has all that it may. */
static const struct span	 questions[] = {
	[KNOCK_MAPS] = { "17:profile 127.0.0.1,", 21 },
	[KNOCK_POLICY] = { "request=smtpd_access_policy\n"
	    "protocol_state=CONNECT\nclient_address=unknown\n\n", 75 },
	[KNOCK_MILTER] = { "\0\0\0\015O\0\0\0\006\0\0\001\377\0\037\377\377",
	    17 },
	[KNOCK_GREETING] = { "", 0 },
	[KNOCK_NOTHING] = { "", 0 }
};

struct knock_answer
knock_apart(knock_fn *fn, const void *arg)
{
	struct knock_answer	 answer = { KNOCK_NOT_TRIED, 0, "" };
	int			 fds[2];
	pid_t			 pid;

	(void)fflush(NULL);
	if (pipe(fds) == -1) {
		answer.error = errno;
		return answer;
	}
	pid = fork();
	if (pid == 0) {
		answer = fn(arg);
		_exit(write(fds[1], &answer, sizeof answer) !=
		    (ssize_t)sizeof answer);
	}
	if (pid == -1)
		answer.error = errno;
	(void)close(fds[1]);
	if (pid != -1 &&
	    read(fds[0], &answer, sizeof answer) != (ssize_t)sizeof answer)
		answer = (struct knock_answer){ KNOCK_NOT_TRIED, 0, "" };
	(void)close(fds[0]);
	while (pid != -1 && waitpid(pid, NULL, 0) == -1 && errno == EINTR)
		continue;
	return answer;
}

const char *
knock_stage_text(const struct knock_answer *answer)
{
	static const char *const	 texts[] = {
		[KNOCK_IS_WELL] = "answers",
		[KNOCK_NOT_TRIED] = "cannot be tried",
		[KNOCK_NOT_REACHED] = "cannot be reached",
		[KNOCK_NOT_ANSWERED] = "does not answer"
	};

	return texts[answer->stage];
}

/* Of a socket with deadlines that are over, EAGAIN is said. */
const char *
knock_error_text(const struct knock_answer *answer)
{
	if (answer->error == EAGAIN)
		return answer->stage == KNOCK_NOT_REACHED ?
		    "nobody takes connections there: does it hang?" :
		    "nothing came in time: does it hang?";
	if (answer->error == 0)
		return answer->stage == KNOCK_NOT_ANSWERED ? "it hung up" : "";
	return strerror(answer->error);
}

/* A socket of that family that waits so long; connected.  -1: errno. */
static int
connected(const struct sockaddr *addr, socklen_t len, int seconds)
{
	struct timeval	 time = { seconds, 0 };
	int		 fd, saved;

	fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) == 0 &&
	    connect(fd, addr, len) == 0)
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

static int
open_unix(const char *path, int seconds)
{
	struct sockaddr_un	 addr = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof addr.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(addr.sun_path, path, strlen(path) + 1);
	return connected((const struct sockaddr *)&addr, sizeof addr,
	    seconds);
}

/* "host:port", "[::1]:port". */
static int
open_inet(const char *where, int seconds)
{
	static const struct addrinfo	 hints = {
		.ai_socktype = SOCK_STREAM
	};
	const char	*port = strrchr(where, ':');
	struct addrinfo	*list;
	char		 host[256];
	size_t		 n;
	int		 fd;

	errno = EINVAL;
	if (port == NULL)
		return -1;
	n = (size_t)(port - where);
	if (n >= 2 && where[0] == '[' && where[n - 1] == ']') {
		where++;
		n -= 2;
	}
	if (n >= sizeof host)
		return -1;
	memcpy(host, where, n);
	host[n] = '\0';
	if (getaddrinfo(host, port + 1, &hints, &list) != 0) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	fd = connected(list->ai_addr, list->ai_addrlen, seconds);
	freeaddrinfo(list);
	return fd;
}

static int
open_socket(const char *where, int seconds)
{
	if (*where == '/')
		return open_unix(where, seconds);
	if (strncmp(where, "unix:", 5) == 0)
		return open_unix(where + 5, seconds);
	return open_inet(strncmp(where, "inet:", 5) == 0 ? where + 5 : where,
	    seconds);
}

/* Which of the three it is when the other end hangs up, is a matter of time. */
static int
error_of(int error)
{
	return error == EPIPE || error == ECONNRESET ? 0 : error;
}

/* Asks, and takes what comes first. */
static void
ask(int fd, enum knock_question question, struct knock_answer *answer)
{
	struct span	 text = questions[question];
	char		 buf[sizeof answer->said] = "";
	ssize_t		 n;

	answer->stage = KNOCK_NOT_ANSWERED;
	if ((text.n > 0 && send(fd, text.p, text.n, MSG_NOSIGNAL) !=
	    (ssize_t)text.n) || (n = recv(fd, buf, sizeof buf - 1, 0)) == -1) {
		answer->error = error_of(errno);
		return;
	}
	if (n == 0)
		return;
	answer->stage = KNOCK_IS_WELL;
	if (question == KNOCK_MAPS && strstr(buf, ":TEMP") != NULL)
		memcpy(answer->said, buf, sizeof buf);
	if (question == KNOCK_GREETING)
		(void)!send(fd, "QUIT\r\n", 6, MSG_NOSIGNAL);
}

struct knock_answer
knock(const char *where, enum knock_question question, int seconds)
{
	struct knock_answer	 answer = { KNOCK_NOT_REACHED, 0, "" };
	int			 fd;

	fd = open_socket(where, seconds);
	if (fd == -1) {
		answer.error = errno;
		return answer;
	}
	answer.stage = KNOCK_IS_WELL;
	if (question != KNOCK_NOTHING)
		ask(fd, question, &answer);
	(void)close(fd);
	return answer;
}
