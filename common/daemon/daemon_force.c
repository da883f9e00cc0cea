/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * daemon_force: see daemon_force.h.  A new file is written aside, locked, and
 * then renamed, so that nobody reads half of it or finds it without its lock.
 */
#include "daemon/daemon_force.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_DIRECTORY	"/run/xcontext"
#define MODE			0640

static char *
path_of(const char *directory, const char *program, const char *suffix)
{
	char	*path;

	return asprintf(&path, "%s/%s.conf%s", directory, program, suffix) ==
	    -1 ? NULL : path;
}

/* One line, whatever is in it. */
static void
print_comment(const char *text, FILE *fp)
{
	for (; *text != '\0'; text++)
		putc((unsigned char)*text < ' ' ? ' ' : *text, fp);
	putc('\n', fp);
}

static bool
write_all(int fd, const struct conf *conf, const char *failure)
{
	char		 when[32] = "";
	struct tm	 tm;
	time_t		 now = time(NULL);
	int		 copy = dup(fd);
	FILE		*fp = copy == -1 ? NULL : fdopen(copy, "w");

	if (fp == NULL) {
		if (copy != -1)
			close(copy);
		return false;
	}
	if (gmtime_r(&now, &tm) != NULL)
		(void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
	fprintf(fp, "# In force in process %ld, of ", (long)getpid());
	print_comment(conf->file, fp);
	if (failure != NULL) {
		fprintf(fp, "# The reload at %s failed: ", when);
		print_comment(failure, fp);
	}
	conf_print(conf, fp);
	return fclose(fp) == 0;
}

/* The new file, written, locked and in its place; -1: there is none. */
static int
put(const char *path, const char *aside, const struct conf *conf,
    const char *failure)
{
	int	 fd;

	(void)unlink(aside);
	fd = open(aside, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    MODE);
	if (fd == -1)
		return -1;
	if (write_all(fd, conf, failure) && flock(fd, LOCK_EX | LOCK_NB) ==
	    0 && rename(aside, path) == 0)
		return fd;
	(void)unlink(aside);
	close(fd);
	return -1;
}

int
daemon_force_write(struct daemon_force *force, const struct conf *conf,
    const char *program, const char *failure)
{
	char	*aside;
	int	 fd = -1;

	/* A reload does not move the directory. */
	if (force->path == NULL)
		force->path = path_of(conf->runtime_directory, program, "");
	if (force->path == NULL)
		return -1;
	if (asprintf(&aside, "%s.new", force->path) != -1) {
		fd = put(force->path, aside, conf, failure);
		free(aside);
	}
	if (fd == -1)
		(void)unlink(force->path);
	if (force->fd != -1)
		close(force->fd);
	force->fd = fd;
	return fd == -1 ? -1 : 0;
}

void
daemon_force_remove(struct daemon_force *force)
{
	if (force->path != NULL && force->fd != -1)
		(void)unlink(force->path);
	if (force->fd != -1)
		close(force->fd);
	free(force->path);
	*force = (struct daemon_force){ .fd = -1 };
}

static int
copy_locked(int fd, const char *path, const char *program, FILE *out,
    struct err *err)
{
	char	 buf[4096];
	ssize_t	 n;

	if (flock(fd, LOCK_SH | LOCK_NB) == 0)
		return err_set(err, "%s does not run (it left %s)", program,
		    path);
	if (errno != EWOULDBLOCK)
		return err_set(err, "%s: %s", path, strerror(errno));
	while ((n = read(fd, buf, sizeof buf)) > 0)
		(void)fwrite(buf, 1, (size_t)n, out);
	return n == 0 ? 0 : err_set(err, "%s: %s", path, strerror(errno));
}

int
daemon_force_print(const char *directory, const char *program, FILE *out,
    struct err *err)
{
	char	*path;
	int	 fd, result;

	path = path_of(directory == NULL ? DEFAULT_DIRECTORY : directory,
	    program, "");
	if (path == NULL)
		return err_set(err, "out of memory");
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		result = err_set(err, errno == ENOENT ?
		    "%s does not run, or not with this runtime_directory "
		    "(%s: %s)" : "%s: %s: %s", program, path,
		    strerror(errno));
	else
		result = copy_locked(fd, path, program, out, err);
	if (fd != -1)
		close(fd);
	free(path);
	return result;
}
