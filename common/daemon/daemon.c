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
#include "daemon/daemon.h"

#include <sys/file.h>
#include <sys/resource.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <bsd/libutil.h>

#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "base/clock.h"
#include "daemon/daemon_check.h"
#include "daemon/daemon_force.h"
#include "daemon/in_force.h"

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
	struct daemon_force	force;
	/* These are read by threads. */
	atomic_uint	 n_reloads_failed, n_skipped;
	atomic_bool	 is_reload_failed;
	atomic_uint_fast64_t	trial_until_ms, n_differences;
	/* reload_lock guards these. */
	pthread_mutex_t	 reload_lock;
	unsigned	 n_begun, n_ended;
	struct err	 failure;	/* of the last that has ended; "" */
} state = { .ready_fd = -1, .force = { .fd = -1 },
    .reload_lock = PTHREAD_MUTEX_INITIALIZER };

static void
print_usage(const char *program, FILE *out)
{
	fprintf(out, "usage: %s [-fhRTtV] [-c file]\n", program);
}

static _Noreturn void
usage(const char *program)
{
	print_usage(program, stderr);
	fprintf(stderr, "%s -h tells more\n", program);
	exit(EX_USAGE);
}

static _Noreturn void
help(const char *program)
{
	print_usage(program, stdout);
	printf("\nWithout -R, -T, -t or -V it serves, in the background.\n\n"
	    "  -c file  configuration, instead of " CONF_DEFAULT_FILE "\n"
	    "  -f       stay in the foreground\n"
	    "  -h       this text (also --help)\n"
	    "  -R       print the configuration that is in force in the daemon "
	    "that runs\n"
	    "  -T       print the configuration of the file, with all "
	    "defaults\n"
	    "  -t       check the configuration and its tables\n"
	    "  -V       print the version (also --version)\n\n"
	    "SIGHUP reads the configuration anew.  More: man 8 %s\n",
	    program);
	exit(fflush(stdout) == 0 ? EX_OK : EX_IOERR);
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
	static const struct option	 names[] = {
		{ "help",	no_argument,	NULL,	'h' },
		{ "version",	no_argument,	NULL,	'V' },
		{ NULL,		0,		NULL,	0 }
	};
	struct daemon_options	 options = { .check = check,
				     .file = CONF_DEFAULT_FILE };
	int			 c;

	while ((c = getopt_long(argc, argv, "c:fhRTtV", names, NULL)) != -1)
		switch (c) {
		case 'c':
			options.file = optarg;
			break;
		case 'f':
			options.is_foreground = true;
			break;
		case 'h':
			help(program);
		case 'R':
			options.is_ask = true;
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
	else
		printf("%s: ok\n", options->file);
	conf_unref(conf);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "standard output: %s\n", strerror(errno));
		exit(EX_IOERR);
	}
	exit(EX_OK);
}

static _Noreturn void
fail(const struct err *err)
{
	fprintf(stderr, "%s\n", err->text);
	exit(EX_CONFIG);
}

static void
check_all(struct conf *conf, const struct daemon_options *options)
{
	struct err	 err;

	if (daemon_check_names(conf, &err) != 0 || (options->check != NULL &&
	    options->check(conf, &err) != 0))
		fail(&err);
	if (!daemon_check_user(conf, conf->file))
		exit(EX_CONFIG);
	if (conf->skips.n > 0)
		fprintf(stderr, "warning: %u lines of tables are passed over; "
		    "the first: %s\n", conf->skips.n, conf->skips.first.text);
}

/* The file may be broken by now: it tells where to ask, at best. */
static _Noreturn void
ask_and_exit(const struct daemon_options *options)
{
	struct conf	*conf;
	struct err	 err;
	int		 result;

	conf = in_force_load(options->file, IN_FORCE_LOOK, NULL);
	result = daemon_force_print(conf == NULL ? NULL :
	    conf->runtime_directory, state.program, stdout, &err);
	conf_unref(conf);
	if (result == 0 && fflush(stdout) == 0)
		exit(EX_OK);
	fprintf(stderr, "%s\n", result == 0 ? strerror(errno) : err.text);
	exit(result == 0 ? EX_IOERR : EX_UNAVAILABLE);
}

/* A reload that is asked for too early is neither lost nor the end, and an end
 * leaves no socket behind. */
static void
change_signals(int how)
{
	sigset_t	 set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(how, &set, NULL);
}

void
daemon_take_signals(void)
{
	change_signals(SIG_UNBLOCK);
}

struct conf *
daemon_start(const struct daemon_options *options)
{
	struct conf	*conf;
	struct err	 err;

	if (options->is_ask)
		ask_and_exit(options);
	if (!options->is_check && !options->is_print)
		change_signals(SIG_BLOCK);
	conf = in_force_load(options->file, options->is_check ||
	    options->is_print ? IN_FORCE_LOOK : IN_FORCE_START, &err);
	if (conf == NULL)
		fail(&err);
	if ((options->is_check || options->is_print) &&
	    conf->trial.warning.text[0] != '\0')
		fprintf(stderr, "warning: %s\n", conf->trial.warning.text);
	if (options->is_check)
		check_all(conf, options);
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
	(void)fflush(NULL);
	pid = fork();
	if (pid == -1) {
		(void)err_set(err, "fork: %s", strerror(errno));
		(void)close(fds[0]);
		(void)close(fds[1]);
		return -1;
	}
	if (pid > 0) {
		(void)close(fds[1]);
		wait_for_ready(fds[0]);
	}
	(void)close(fds[0]);
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
	(void)sd_notify(0, message);
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
	(void)dup2(fd, STDIN_FILENO);
	(void)dup2(fd, STDOUT_FILENO);
	(void)dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		(void)close(fd);
}

/* What is in force, for whoever asks; a daemon that cannot say so serves
 * nevertheless. */
static void
tell_force(const struct conf *conf, const char *failure)
{
	if (conf == NULL || state.program == NULL)
		return;
	atomic_store(&state.n_skipped, conf->skips.n);
	atomic_store(&state.trial_until_ms, conf->trial.until_ms);
	daemon_force_write(&state.force, conf, state.program, failure);
}

static void
tell_status(const char *word, const struct conf *conf, const char *failure)
{
	char	 message[ERR_TEXT_SIZE * 2];

	if (failure != NULL)
		(void)snprintf(message, sizeof message, "%s\nSTATUS=reload "
		    "failed, the old configuration is in force: %s", word,
		    failure);
	else if (conf != NULL)
		(void)snprintf(message, sizeof message, "%s\nSTATUS=serving "
		    "by %s%s", word, conf->file, conf->trial.until_ms == 0 ?
		    "" : ", which is on trial");
	else
		(void)snprintf(message, sizeof message, "%s", word);
	notify(message);
}

void
daemon_ready(const struct conf *conf)
{
	tell_force(conf, NULL);
	if (state.pidfile != NULL && state.pidfh == NULL) {
		state.pidfh = pidfile_open(state.pidfile, 0644, NULL);
		if (state.pidfh != NULL)
			(void)pidfile_write(state.pidfh);
	}
	tell_status("READY=1", conf, NULL);
	if (state.ready_fd == -1)
		return;
	release_stdio();
	/* A parent that was killed meanwhile needs no word. */
	if (write(state.ready_fd, "", 1) == -1)
		errno = 0;
	(void)close(state.ready_fd);
	state.ready_fd = -1;
}

/* RELOADING=1 counts only with the time (sd_notify(3)). */
void
daemon_reloading(void)
{
	char	 message[64];

	(void)pthread_mutex_lock(&state.reload_lock);
	state.n_begun++;
	(void)pthread_mutex_unlock(&state.reload_lock);
	(void)snprintf(message, sizeof message, "RELOADING=1\n"
	    "MONOTONIC_USEC=%" PRIu64, clock_ns(CLOCK_MONOTONIC) / 1000U);
	notify(message);
}

/* Reloads are one behind the other. */
static void
end_reload(const char *failure)
{
	(void)pthread_mutex_lock(&state.reload_lock);
	state.n_ended = state.n_begun;
	(void)snprintf(state.failure.text, sizeof state.failure.text, "%s",
	    failure);
	(void)pthread_mutex_unlock(&state.reload_lock);
}

unsigned
daemon_reloads(void)
{
	unsigned	 n;

	(void)pthread_mutex_lock(&state.reload_lock);
	n = state.n_begun;
	(void)pthread_mutex_unlock(&state.reload_lock);
	return n;
}

enum daemon_reload
daemon_reload_behind(unsigned n, struct err *err)
{
	enum daemon_reload	 result = DAEMON_RELOAD_NOT_YET;

	(void)pthread_mutex_lock(&state.reload_lock);
	if (state.n_ended > n && state.failure.text[0] == '\0')
		result = DAEMON_RELOAD_DONE;
	else if (state.n_ended > n)
		result = DAEMON_RELOAD_FAILED;
	if (result == DAEMON_RELOAD_FAILED)
		*err = state.failure;
	(void)pthread_mutex_unlock(&state.reload_lock);
	return result;
}

void
daemon_reloaded(const struct conf *conf)
{
	atomic_store(&state.is_reload_failed, false);
	tell_force(conf, NULL);
	tell_status("READY=1", conf, NULL);
	end_reload("");
}

void
daemon_reload_failed(const struct conf *old, const struct err *err)
{
	atomic_store(&state.is_reload_failed, true);
	atomic_fetch_add(&state.n_reloads_failed, 1);
	tell_force(old, err->text);
	tell_status("READY=1", old, err->text);
	end_reload(err->text);
}

struct daemon_status
daemon_status(void)
{
	return (struct daemon_status){
		.program = state.program,
		.is_reload_failed = atomic_load(&state.is_reload_failed),
		.n_reloads_failed = atomic_load(&state.n_reloads_failed),
		.n_skipped = atomic_load(&state.n_skipped),
		.trial_until_ms = atomic_load(&state.trial_until_ms),
		.n_differences = atomic_load(&state.n_differences)
	};
}

void
daemon_count_difference(void)
{
	atomic_fetch_add(&state.n_differences, 1);
}

void
daemon_stopping(void)
{
	notify("STOPPING=1");
	daemon_force_remove(&state.force);
	if (state.pidfh != NULL)
		(void)pidfile_remove(state.pidfh);
	state.pidfh = NULL;
}
