/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * procinfo: reads what the kernel says of a process; it keeps nothing, for a
 * number may belong to another process a moment later.
 */
#include "procinfo.h"

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
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

uint64_t
procinfo_start(pid_t pid)
{
	char	 path[32], buf[1024], *p;
	ssize_t	 n;
	int	 fd, field;

	if (pid <= 0)
		return 0;
	(void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return 0;
	do
		n = read(fd, buf, sizeof buf - 1);
	while (n == -1 && errno == EINTR);
	(void)close(fd);
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	p = strrchr(buf, ')');
	for (field = 0; p != NULL && field < STAT_FIELDS_AFTER_NAME; field++)
		p = strchr(p + 1, ' ');
	return p == NULL ? 0 : strtoull(p + 1, NULL, 10);
}

bool
procinfo_is(pid_t pid, uint64_t start)
{
	return start != 0 && procinfo_start(pid) == start;
}
