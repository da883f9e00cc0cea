/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * durable: see durable.h.
 */
#include "base/durable.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
durable_put(int fd, const char *buf, size_t n)
{
	ssize_t	 done;

	for (; n > 0; buf += done, n -= (size_t)done) {
		done = write(fd, buf, n);
		if (done == -1 && errno == EINTR)
			done = 0;
		if (done == -1)
			return -1;
	}
	return 0;
}

static int
give_to(int fd, const struct durable_owner *owner)
{
	if (owner == NULL)
		return 0;
	return fchown(fd, owner->uid, owner->gid) == 0 ?
	    fchmod(fd, owner->mode) : -1;
}

int
durable_write(const char *path, const char *text,
    const struct durable_owner *owner)
{
	int	 fd, error;

	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	if (fd == -1)
		return -1;
	if (durable_put(fd, text, strlen(text)) == 0 && give_to(fd, owner) == 0 &&
	    fsync(fd) == 0)
		return close(fd);
	error = errno;
	(void)close(fd);
	(void)unlink(path);
	errno = error;
	return -1;
}

int
durable_sync(const char *directory)
{
	int	 fd, result, error;

	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return -1;
	result = fsync(fd);
	error = errno;
	(void)close(fd);
	errno = error;
	return result;
}

int
durable_sync_parent(const char *path)
{
	const char	*slash = strrchr(path, '/');
	char		 directory[PATH_MAX];

	if (snprintf(directory, sizeof directory, "%.*s", slash == NULL ? 1 :
	    (int)(slash - path) + 1, slash == NULL ? "." : path) >=
	    (int)sizeof directory) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return durable_sync(directory);
}
