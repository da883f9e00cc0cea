/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * daemon: what all daemons' command lines and starts have in common.
 *
 * The parent of a daemon that detaches waits on a pipe until the daemon is
 * ready, so that whoever started it learns of a failure; until then the
 * daemon keeps its standard error.  The pid file is written when the
 * privileges are gone already, into the runtime directory, which belongs to
 * the daemon's user: root must not write where that user may put links.
 */
#include "daemon.h"

#include <sys/resource.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <bsd/libutil.h>

#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>
#endif

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION	"unknown"
#endif

/* What lasts from the command line to the end of the process. */
static struct {
	const char	*program;
	char		*file;		/* made absolute; else NULL */
	char		*pidfile;	/* NULL: none is wanted */
	struct pidfh	*pidfh;
	int		 ready_fd;	/* of the waiting parent; -1: none */
} state = { .ready_fd = -1 };

static _Noreturn void
usage(const char *program)
{
	fprintf(stderr, "usage: %s [-fTtV] [-c file]\n", program);
	exit(EX_USAGE);
}

static _Noreturn void
version(const char *program)
{
	printf("%s %s\n", program, PACKAGE_VERSION);
	exit(fflush(stdout) == 0 ? EX_OK : EX_IOERR);
}

/* A daemon works in "/", where a relative name would mean another file. */
static const char *
absolute(const char *file)
{
	char	*cwd;

	if (*file == '/')
		return file;
	cwd = getcwd(NULL, 0);
	if (cwd == NULL || asprintf(&state.file, "%s/%s", cwd, file) == -1) {
		fprintf(stderr, "%s: %s\n", file, strerror(errno));
		exit(EX_OSERR);
	}
	free(cwd);
	return state.file;
}

void
daemon_options(int argc, char **argv, const char *program,
    daemon_check_fn *check, struct daemon_options *options_r)
{
	struct daemon_options	 options = { .check = check,
				     .file = CONF_DEFAULT_FILE };
	int			 c;

	while ((c = getopt(argc, argv, "c:fTtV")) != -1)
		switch (c) {
		case 'c':
			options.file = optarg;
			break;
		case 'f':
			options.is_foreground = true;
			break;
		case 'T':
			options.is_print = true;
			break;
		case 't':
			options.is_check = true;
			break;
		case 'V':
			version(program);
		default:
			usage(program);
		}
	if (optind != argc)
		usage(program);
	if (!options.is_foreground && !options.is_check && !options.is_print)
		options.file = absolute(options.file);
	state.program = program;
	*options_r = options;
}

static _Noreturn void
print_and_exit(struct conf *conf, const struct daemon_options *options)
{
	if (options->is_print)
		conf_print(conf, stdout);
	conf_unref(conf);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "standard output: %s\n", strerror(errno));
		exit(EX_IOERR);
	}
	exit(EX_OK);
}

struct conf *
daemon_start(const struct daemon_options *options)
{
	struct conf	*conf;
	struct err	 err;

	conf = conf_load(options->file, &err);
	if (conf == NULL) {
		fprintf(stderr, "%s\n", err.text);
		exit(EX_CONFIG);
	}
	if (options->is_check && options->check != NULL &&
	    options->check(conf, &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		conf_unref(conf);
		exit(EX_CONFIG);
	}
	if (options->is_check || options->is_print)
		print_and_exit(conf, options);
	if (!options->is_foreground && state.program != NULL &&
	    asprintf(&state.pidfile, "%s/%s.pid", conf->runtime_directory,
	    state.program) == -1)
		state.pidfile = NULL;
	return conf;
}

int
daemon_raise_descriptors(unsigned n, struct err *err)
{
	struct rlimit	 limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= n)
		return 0;
	limit.rlim_cur = n;
	if (limit.rlim_max < n && geteuid() == 0)
		limit.rlim_max = n;
	if (limit.rlim_cur > limit.rlim_max)
		limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < n)
		return err_set(err, "more connections are configured than "
		    "there may be open files (%u)", n);
	return 0;
}

unsigned
daemon_descriptors(unsigned spare)
{
	struct rlimit	 limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
	    limit.rlim_cur > UINT_MAX)
		return UINT_MAX;
	return limit.rlim_cur <= spare ? 1 : (unsigned)limit.rlim_cur - spare;
}

/* Waits for the daemon's word; its death is a failure. */
static _Noreturn void
wait_for_ready(int fd)
{
	char	 byte;
	ssize_t	 n;

	do
		n = read(fd, &byte, 1);
	while (n == -1 && errno == EINTR);
	_exit(n == 1 ? EX_OK : EX_SOFTWARE);
}

int
daemon_detach(const struct daemon_options *options, struct err *err)
{
	int	 fds[2];
	pid_t	 pid;

	if (options->is_foreground)
		return 0;
	if (pipe2(fds, O_CLOEXEC) == -1)
		return err_set(err, "pipe: %s", strerror(errno));
	fflush(NULL);
	pid = fork();
	if (pid == -1) {
		err_set(err, "fork: %s", strerror(errno));
		close(fds[0]);
		close(fds[1]);
		return -1;
	}
	if (pid > 0) {
		close(fds[1]);
		wait_for_ready(fds[0]);
	}
	close(fds[0]);
	state.ready_fd = fds[1];
	if (setsid() == -1)
		return err_set(err, "setsid: %s", strerror(errno));
	if (chdir("/") == -1)
		return err_set(err, "chdir /: %s", strerror(errno));
	return 0;
}

#ifdef HAVE_LIBSYSTEMD
static void
notify(const char *message)
{
	sd_notify(0, message);
}
#else
static void
notify(const char *message)
{
	(void)message;
}
#endif

/* Lets go of the terminal; its descriptors must not be reused for others. */
static void
release_stdio(void)
{
	int	 fd;

	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd == -1)
		return;
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

void
daemon_ready(void)
{
	if (state.pidfile != NULL && state.pidfh == NULL) {
		state.pidfh = pidfile_open(state.pidfile, 0644, NULL);
		if (state.pidfh != NULL)
			pidfile_write(state.pidfh);
	}
	notify("READY=1");
	if (state.ready_fd == -1)
		return;
	release_stdio();
	/* A parent that was killed meanwhile needs no word. */
	if (write(state.ready_fd, "", 1) == -1)
		errno = 0;
	close(state.ready_fd);
	state.ready_fd = -1;
}

/* RELOADING=1 counts only with the time (sd_notify(3)). */
void
daemon_reloading(void)
{
	char		 message[64];
	struct timespec	 now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(message, sizeof(message), "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	notify(message);
}

void
daemon_stopping(void)
{
	notify("STOPPING=1");
	if (state.pidfh != NULL)
		pidfile_remove(state.pidfh);
	state.pidfh = NULL;
}
