/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * ask: see ask.h.
 */
#include "ask.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/in_force.h"

#define DATA_MAX	1000000	/* pieces of an answer */

struct ask_line {
	const struct ask_daemon	*daemon;
	int			 fd;
	size_t			 begin, end;	/* of what was read */
	char			 buf[2 * CONTROL_ANSWER_MAX];
};

const char *
ask_result_text(enum ask_result result)
{
	static const char *const	 texts[] = {
		[ASK_DONE] = "up",
		[ASK_REFUSED] = "refused",
		[ASK_ABSENT] = "down",
		[ASK_FORBIDDEN] = "forbidden",
		[ASK_SILENT] = "silent",
		[ASK_BAD] = "bad answer"
	};

	return texts[result];
}

/*
 * Where the daemons are
 */

/* What is told of the sockets by a file that has an error elsewhere: a line that
 * is nothing but the setting. */
#define SKETCH_SIZE	256

struct sketch {
	char	 runtime_directory[SKETCH_SIZE];
	char	 control[SKETCH_SIZE];
	bool	 has[ASK_DAEMONS];	/* the section */
};

static void
sketch_setting(const char *line, const char *name, char value[SKETCH_SIZE])
{
	size_t		 n = strlen(name);
	const char	*p, *end;

	if (strncmp(line, name, n) != 0)
		return;
	p = line + n + strspn(line + n, " \t");
	if (*p != '=')
		return;
	p += 1 + strspn(p + 1, " \t");
	end = *p == '"' || *p == '\'' ? strchr(p + 1, *p) : NULL;
	if (end == NULL || (size_t)(end - p) > SKETCH_SIZE)
		return;
	n = (size_t)(end - p - 1);
	memcpy(value, p + 1, n);
	value[n] = '\0';
}

static void
sketch_line(struct sketch *sketch, const char *line)
{
	static const char *const	 names[ASK_DAEMONS] = { "policy",
					     "milter", "relay" };
	size_t				 i, n;

	line += strspn(line, " \t");
	sketch_setting(line, "runtime_directory", sketch->runtime_directory);
	sketch_setting(line, "control", sketch->control);
	for (i = 0; i < ASK_DAEMONS; i++) {
		n = strlen(names[i]);
		if (strncmp(line, names[i], n) == 0 &&
		    strchr(" \t{", line[n]) != NULL &&
		    strchr(line, '{') != NULL)
			sketch->has[i] = true;
	}
}

static void
read_sketch(const char *file, struct sketch *sketch_r)
{
	FILE	*fp = fopen(file, "r");
	char	*line = NULL;
	size_t	 size = 0;

	*sketch_r = (struct sketch){ "/run/xcontext", "unix:control",
	    { false } };
	while (fp != NULL && getline(&line, &size, fp) != -1)
		sketch_line(sketch_r, line);
	free(line);
	if (fp != NULL)
		(void)fclose(fp);
}

/* The default is what a host with a mail server has. */
static void
expect(struct ask *ask, const bool has[ASK_DAEMONS])
{
	struct stat	 st;
	unsigned	 i;
	bool		 is_default = !has[0] && !has[1] && !has[2];

	for (i = 0; i < ASK_DAEMONS; i++)
		ask->daemons[i].is_expected = has[i] ||
		    (is_default && i < 2) ||
		    lstat(ask->daemons[i].path, &st) == 0;
}

void
ask_init(struct ctl *ctl, struct ask *ask)
{
	static const char *const	 programs[ASK_DAEMONS] = {
		"xcontext-policy", "xcontext-milter", "xcontext-relay"
	};
	struct sketch		 sketch;
	struct conf		 like = { .file = NULL };
	const struct conf	*conf;
	struct err		 err;
	unsigned		 i;

	if (access(ctl->file, R_OK) == -1)
		ctl_die(EX_CONFIG, "%s: %s", ctl->file, strerror(errno));
	*ask = (struct ask){ .file = ctl->file };
	if (ctl->conf == NULL)
		ctl->conf = in_force_load(ctl->file, IN_FORCE_LOOK,
		    &ask->why);
	ask->conf = ctl->conf;
	read_sketch(ctl->file, &sketch);
	like.file = (char *)(uintptr_t)ctl->file;
	like.control = sketch.control;
	like.runtime_directory = sketch.runtime_directory;
	conf = ask->conf == NULL ? &like : ask->conf;
	for (i = 0; i < ASK_DAEMONS; i++) {
		ask->daemons[i].program = programs[i];
		ask->daemons[i].name = strchr(programs[i], '-') + 1;
		if (control_path(conf, programs[i], ask->daemons[i].path,
		    &err) == -1)
			ctl_die(EX_UNAVAILABLE, "%s", err.text);
	}
	if (ask->conf != NULL) {
		sketch.has[0] = conf->has_policy;
		sketch.has[1] = conf->has_milter;
		sketch.has[2] = conf->n_relays > 0;
	}
	expect(ask, sketch.has);
}

/*
 * Asking
 */

static enum ask_result
cannot_connect(const struct ask_daemon *daemon, struct err *err)
{
	int	 why = errno;

	if (why == ENOENT || why == ECONNREFUSED) {
		(void)err_set(err, "%s does not run, or it is a version "
		    "without control socket (%s: %s); systemctl status %s",
		    daemon->program, daemon->path, strerror(why),
		    daemon->program);
		return ASK_ABSENT;
	}
	if (why == EAGAIN) {
		(void)err_set(err, "%s takes no connections (%s)",
		    daemon->program, daemon->path);
		return ASK_SILENT;
	}
	(void)err_set(err, why == EACCES ? "%s: %s: it is for root, the "
	    "daemons' user and control_users" : "%s: %s", daemon->path,
	    strerror(why));
	return ASK_FORBIDDEN;
}

static int
dial(const char *path)
{
	struct sockaddr_un	 addr = { .sun_family = AF_UNIX };
	int			 fd, saved;

	errno = ENAMETOOLONG;
	if (strlen(path) >= sizeof addr.sun_path)
		return -1;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1 || connect(fd, (const struct sockaddr *)&addr,
	    sizeof addr) == 0)
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

enum ask_result
ask_open(const struct ask_daemon *daemon,
    const struct control_request *request, struct ask_line **line_r,
    struct err *err)
{
	char		 text[CONTROL_REQUEST_MAX + 1];
	size_t		 n = control_request_write(request, text);
	struct ask_line	*line;
	int		 fd = dial(daemon->path);

	if (fd == -1)
		return cannot_connect(daemon, err);
	line = calloc(1, sizeof *line);
	if (line == NULL)
		ctl_die(EX_OSERR, "out of memory");
	line->daemon = daemon;
	line->fd = fd;
	/* Who is turned away may be told so before he has asked. */
	(void)!send(fd, text, n, MSG_NOSIGNAL);
	*line_r = line;
	return ASK_DONE;
}

void
ask_close(struct ask_line *line)
{
	if (line == NULL)
		return;
	(void)close(line->fd);
	free(line);
}

int
ask_fd(const struct ask_line *line)
{
	return line->fd;
}

static enum ask_result
bad(const struct ask_line *line, const char *what, struct err *err)
{
	(void)err_set(err, "%s: %s", line->daemon->program, what);
	return ASK_BAD;
}

/* What is there already.  NULL with ASK_SILENT: no whole line is. */
static json_t *
take(struct ask_line *line, enum ask_result *result_r, struct err *err)
{
	struct span	 buf = { line->buf + line->begin,
			     line->end - line->begin };
	struct span	 text;
	json_t		*value = NULL;
	size_t		 used;

	*result_r = ASK_SILENT;
	switch (control_line_find(buf, CONTROL_ANSWER_MAX, &text, &used)) {
	case CONTROL_MORE:
		return NULL;
	case CONTROL_TOO_LONG:
		*result_r = bad(line, "its answer is too long", err);
		return NULL;
	case CONTROL_DONE:
		break;
	}
	line->begin += used;
	switch (control_answer_read(text, &value)) {
	case CONTROL_ANSWER_DATA:
		*result_r = ASK_DONE;
		return value;
	case CONTROL_ANSWER_END:
		*result_r = ASK_DONE;
		break;
	case CONTROL_ANSWER_ERROR:
		(void)err_set(err, "%s", json_string_value(value));
		json_decref(value);
		*result_r = ASK_REFUSED;
		break;
	case CONTROL_ANSWER_BAD:
		*result_r = bad(line, "its answer is none: is it another "
		    "version?", err);
		break;
	}
	return NULL;
}

/* False: nothing came, and *result_r says why. */
static bool
read_more(struct ask_line *line, int timeout_ms, enum ask_result *result_r,
    struct err *err)
{
	struct pollfd	 pfd = { .fd = line->fd, .events = POLLIN };
	ssize_t		 n;

	memmove(line->buf, line->buf + line->begin, line->end - line->begin);
	line->end -= line->begin;
	line->begin = 0;
	*result_r = ASK_SILENT;
	if (poll(&pfd, 1, timeout_ms) != 1) {
		(void)err_set(err, "%s does not answer",
		    line->daemon->program);
		return false;
	}
	n = recv(line->fd, line->buf + line->end,
	    sizeof line->buf - line->end, 0);
	if (n > 0) {
		line->end += (size_t)n;
		return true;
	}
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		(void)err_set(err, "%s does not answer",
		    line->daemon->program);
	else
		*result_r = bad(line, "it hung up", err);
	return false;
}

json_t *
ask_next(struct ask_line *line, int timeout_ms, enum ask_result *result_r,
    struct err *err)
{
	json_t	*value = take(line, result_r, err);

	if (value == NULL && *result_r == ASK_SILENT &&
	    read_more(line, timeout_ms, result_r, err))
		value = take(line, result_r, err);
	return value;
}

static int
left_ms(uint64_t deadline)
{
	uint64_t	 now = clock_ms(CLOCK_MONOTONIC);

	return now < deadline ? (int)(deadline - now) : 0;
}

enum ask_result
ask(const struct ask_daemon *daemon, const struct control_request *request,
    int timeout_ms, json_t **data_r, struct err *err)
{
	uint64_t	 deadline = clock_ms(CLOCK_MONOTONIC) +
			     (unsigned)timeout_ms;
	struct ask_line	*line;
	enum ask_result	 result;
	json_t		*data, *value;
	int		 ms;

	result = ask_open(daemon, request, &line, err);
	if (result != ASK_DONE)
		return result;
	data = json_array();
	do {
		ms = left_ms(deadline);
		value = ask_next(line, ms, &result, err);
		if (value != NULL && (json_array_size(data) > DATA_MAX ||
		    json_array_append_new(data, value) == -1))
			ctl_die(EX_OSERR, "%s: out of memory",
			    daemon->program);
	} while (value != NULL || (result == ASK_SILENT && ms > 0));
	ask_close(line);
	if (result == ASK_DONE)
		*data_r = data;
	else
		json_decref(data);
	return result;
}
