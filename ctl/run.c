/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * run: see run.h.  Both outputs are read as they come, so that neither side
 * waits for the other.
 */
#include "run.h"

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

extern char	**environ;

#define SYSTEM_PATH	"/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin"

/* What comes out of one pipe. */
struct stream {
	char	*text;			/* of malloc */
	size_t	 len;
	bool	 is_too_long;
};

/* NULL: there is none. */
static const char *
look_in(struct pool *pool, const char *path, const char *name)
{
	const char	*program;
	size_t		 n;

	for (; *path != '\0'; path += n + (path[n] == ':')) {
		n = strcspn(path, ":");
		program = pool_printf(pool, "%.*s/%s", (int)n, path, name);
		if (n > 0 && access(program, X_OK) == 0)
			return program;
	}
	return NULL;
}

static const char *
find(struct pool *pool, const char *name)
{
	const char	*path = getenv("PATH"), *program = NULL;

	if (strchr(name, '/') != NULL)
		return access(name, X_OK) == 0 ? name : NULL;
	if (path != NULL)
		program = look_in(pool, path, name);
	return program != NULL ? program : look_in(pool, SYSTEM_PATH, name);
}

bool
run_has(struct pool *pool, const char *name)
{
	return find(pool, name) != NULL;
}

/* 0, or what errno says. */
static int
spawn(const char *program, const char *const argv[], const int out[2],
    const int said[2], pid_t *pid_r)
{
	posix_spawn_file_actions_t	 actions;
	int				 error;

	if ((error = posix_spawn_file_actions_init(&actions)) != 0)
		return error;
	if ((error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO,
	    "/dev/null", O_RDONLY, 0)) == 0 &&
	    (error = posix_spawn_file_actions_adddup2(&actions, out[1],
	    STDOUT_FILENO)) == 0 &&
	    (error = posix_spawn_file_actions_adddup2(&actions, said[1],
	    STDERR_FILENO)) == 0)
		error = posix_spawn(pid_r, program, &actions, NULL,
		    (char *const *)(uintptr_t)argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	return error;
}

/* False: that is all. */
static bool
take(int fd, struct stream *stream)
{
	char	 buf[16384], *grown;
	ssize_t	 n;

	n = read(fd, buf, sizeof buf);
	if (n == -1 && errno == EINTR)
		return true;
	if (n <= 0)
		return false;
	if (stream->len + (size_t)n > RUN_OUTPUT_MAX ||
	    (grown = realloc(stream->text, stream->len + (size_t)n + 1)) ==
	    NULL) {
		stream->is_too_long = true;
		return false;
	}
	stream->text = grown;
	memcpy(grown + stream->len, buf, (size_t)n);
	stream->len += (size_t)n;
	grown[stream->len] = '\0';
	return true;
}

static int
left_ms(const struct timespec *begin)
{
	struct timespec	 now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec - begin->tv_sec >= RUN_SECONDS)
		return 0;
	return (int)(RUN_SECONDS - (now.tv_sec - begin->tv_sec)) * 1000;
}

/* Until both have ended.  False: they were not, in that time. */
static bool
take_both(const int fds[2], struct stream streams[2])
{
	struct pollfd	 polls[2] = { { fds[0], POLLIN, 0 },
			    { fds[1], POLLIN, 0 } };
	struct timespec	 begin;
	int		 i, n;

	(void)clock_gettime(CLOCK_MONOTONIC, &begin);
	while (polls[0].fd != -1 || polls[1].fd != -1) {
		n = poll(polls, 2, left_ms(&begin));
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		for (i = 0; i < 2; i++)
			if (polls[i].revents != 0 && polls[i].fd != -1 &&
			    !take(polls[i].fd, &streams[i]))
				polls[i].fd = -1;
		if (streams[0].is_too_long || streams[1].is_too_long)
			return true;
	}
	return true;
}

/* Its first complaint, for a message of ours. */
static int
set_failed(struct err *err, const char *name, const struct stream *said,
    int status)
{
	const char	*text = said->text == NULL ? "" : said->text;

	if (*text != '\0')
		return err_set(err, "%s: %.*s", name,
		    (int)strcspn(text, "\n"), text);
	if (WIFSIGNALED(status))
		return err_set(err, "%s: ended by signal %d", name,
		    WTERMSIG(status));
	return err_set(err, "%s: exit status %d; its log says more", name,
	    WEXITSTATUS(status));
}

static int
judge(const char *name, const struct stream streams[2], bool is_in_time,
    int status, struct err *err)
{
	if (!is_in_time)
		return err_set(err, "%s: not done after %d seconds", name,
		    RUN_SECONDS);
	if (streams[0].is_too_long || streams[1].is_too_long)
		return err_set(err, "%s: it says more than %d bytes", name,
		    RUN_OUTPUT_MAX);
	return status == 0 ? 0 : set_failed(err, name, &streams[1], status);
}

static int
finish(const char *name, pid_t pid, const int fds[2],
    struct stream streams[2], struct err *err)
{
	bool	 is_in_time = take_both(fds, streams);
	int	 status;

	if (!is_in_time || streams[0].is_too_long || streams[1].is_too_long)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return err_set(err, "%s: %s", name, strerror(errno));
	return judge(name, streams, is_in_time, status, err);
}

static const char *
keep(struct pool *pool, struct stream *stream)
{
	const char	*text = pool_copy(pool, (struct span){ stream->text,
			    stream->len });

	free(stream->text);
	return text;
}

static int
go(const char *program, const char *const argv[], struct stream streams[2],
    struct err *err)
{
	int	 out[2], said[2], error;
	pid_t	 pid;

	if (pipe2(out, O_CLOEXEC) == -1)
		return err_set(err, "%s: %s", argv[0], strerror(errno));
	if (pipe2(said, O_CLOEXEC) == -1) {
		error = errno;
		(void)close(out[0]);
		(void)close(out[1]);
		return err_set(err, "%s: %s", argv[0], strerror(error));
	}
	error = spawn(program, argv, out, said, &pid);
	(void)close(out[1]);
	(void)close(said[1]);
	if (error != 0)
		(void)err_set(err, "%s: %s", program, strerror(error));
	else
		error = finish(argv[0], pid, (int[2]){ out[0], said[0] },
		    streams, err);
	(void)close(out[0]);
	(void)close(said[0]);
	return error == 0 ? 0 : -1;
}

int
run_program(struct pool *pool, const char *const argv[], const char **out_r,
    const char **said_r, struct err *err)
{
	struct stream	 streams[2] = { { NULL, 0, false },
			    { NULL, 0, false } };
	const char	*program = find(pool, argv[0]), *out, *said;
	int		 result;

	if (program == NULL)
		return err_set(err, "%s: no such program", argv[0]);
	result = go(program, argv, streams, err);
	out = keep(pool, &streams[0]);
	said = keep(pool, &streams[1]);
	if (said_r != NULL)
		*said_r = said;
	if (result == 0)
		*out_r = out;
	return result;
}
