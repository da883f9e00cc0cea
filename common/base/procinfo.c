/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * procinfo: reads what the kernel says of a process; it keeps nothing, for a
 * number may belong to another process a moment later.
 */
#include "base/procinfo.h"

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The start time is field 22; the command's name, field 2, may hold blanks
 * and parentheses, so the fields are counted from its last ")" on. */
#define STAT_FIELDS_AFTER_NAME	(22 - 2)

bool
procinfo_peer(int fd, struct procinfo_peer *peer_r)
{
	struct ucred	 cred;
	socklen_t	 len = sizeof cred;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 ||
	    len != sizeof cred || cred.uid == (uid_t)-1)
		return false;
	peer_r->pid = cred.pid;
	peer_r->uid = cred.uid;
	peer_r->gid = cred.gid;
	return true;
}

/* Where /proc shows nothing: a process that may not be seen there (hidepid)
 * is still one that cannot be signalled. */
static enum procinfo_state
unseen(pid_t pid)
{
	return kill(pid, 0) != 0 && errno == ESRCH ? PROCINFO_GONE :
	    PROCINFO_CANNOT_TELL;
}

/* The process's line of /proc, with a NUL behind it. */
static enum procinfo_state
read_stat(pid_t pid, char *buf, size_t size)
{
	char	 path[32];
	ssize_t	 n;
	int	 fd;

	(void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return errno == ENOENT ? unseen(pid) : PROCINFO_CANNOT_TELL;
	do
		n = read(fd, buf, size - 1);
	while (n == -1 && errno == EINTR);
	(void)close(fd);
	/* It ended between the two calls. */
	if (n == -1 && errno == ESRCH)
		return unseen(pid);
	if (n <= 0)
		return PROCINFO_CANNOT_TELL;
	buf[n] = '\0';
	return PROCINFO_THERE;
}

/* The command's name stands in parentheses and may hold some. */
static bool
parse(const char *line, struct procinfo *info_r)
{
	const char	*name = strchr(line, '('), *p = strrchr(line, ')');
	size_t		 len;
	int		 field;

	if (name == NULL || p == NULL || p < name)
		return false;
	len = (size_t)(p - ++name);
	if (len >= sizeof info_r->command)
		return false;
	memcpy(info_r->command, name, len);
	info_r->command[len] = '\0';
	for (field = 0; p != NULL && field < STAT_FIELDS_AFTER_NAME; field++)
		p = strchr(p + 1, ' ');
	info_r->start = p == NULL ? 0 : strtoull(p + 1, NULL, 10);
	return info_r->start != 0;
}

enum procinfo_state
procinfo_look(pid_t pid, struct procinfo *info_r)
{
	char			 line[1024];
	struct procinfo		 info;
	enum procinfo_state	 state;

	/* The number of a process that has none here. */
	if (pid <= 0)
		return PROCINFO_CANNOT_TELL;
	state = read_stat(pid, line, sizeof line);
	if (state != PROCINFO_THERE)
		return state;
	if (!parse(line, &info))
		return PROCINFO_CANNOT_TELL;
	*info_r = info;
	return PROCINFO_THERE;
}

enum procinfo_state
procinfo_start(pid_t pid, uint64_t *start_r)
{
	struct procinfo		 info;
	enum procinfo_state	 state = procinfo_look(pid, &info);

	if (state == PROCINFO_THERE)
		*start_r = info.start;
	return state;
}

enum procinfo_state
procinfo_is(pid_t pid, uint64_t start)
{
	enum procinfo_state	 state;
	uint64_t		 now = 0;

	if (start == 0)
		return PROCINFO_GONE;
	state = procinfo_start(pid, &now);
	if (state == PROCINFO_THERE && now != start)
		return PROCINFO_GONE;
	return state;
}
