/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * daemon: what all daemons' command lines and starts have in common:
 * -c FILE, -f, -h, -R, -t, -T, -V, the pid file, going to the background,
 * sd_notify, and what is told of the configuration in force.
 */
#ifndef XC_DAEMON_H
#define XC_DAEMON_H

#include "base/err.h"
#include "conf/conf.h"

/* What a program checks besides what all do.  0, or -1 with err. */
typedef int	daemon_check_fn(struct conf *conf, struct err *err);

struct daemon_options {
	daemon_check_fn	*check;		/* for -t; NULL: nothing */
	const char	*file;		/* -c; default CONF_DEFAULT_FILE */
	bool		 is_foreground;	/* -f */
	bool		 is_check;	/* -t */
	bool		 is_print;	/* -T */
	bool		 is_ask;	/* -R */
};

/*
 * Reads the command line.  Handles -V (prints "program version", exit 0), -h
 * and wrong usage (to stderr, exit 64, EX_USAGE) itself.
 */
void	daemon_options(int argc, char **argv, const char *program,
	    daemon_check_fn *check, struct daemon_options *options_r);

/*
 * Loads the configuration; with -t, -T or -R does what they ask and exits (0,
 * or EX_CONFIG 78 with the error on stderr; with -R 69, EX_UNAVAILABLE, if no
 * daemon is running).  NULL never: a bad file exits 78.
 *
 * -t is also: user and group are there, and the user that the daemon becomes
 * can load the file and its tables, as it must at SIGHUP.
 *
 * If it returns, SIGHUP and SIGTERM wait from its beginning on until
 * daemon_take_signals: call that when there are handlers.
 */
struct conf	*daemon_start(const struct daemon_options *options);
void		 daemon_take_signals(void);

/* Makes room for so many open files, as far as that may be done.  -1 with err:
 * there may be fewer. */
int	daemon_raise_descriptors(unsigned n, struct err *err);

/* How many files there may be open besides so many, and at least one. */
unsigned	daemon_descriptors(unsigned spare);

/*
 * Detaches unless -f, when the daemon is ready to serve (the parent exits 0
 * only then), and tells the service manager (sd_notify READY=1).
 * Call daemon_detach before threads are made.
 */
int	daemon_detach(const struct daemon_options *options, struct err *err);
void	daemon_ready(const struct conf *conf);
void	daemon_stopping(void);

/*
 * A reload: between daemon_reloading and one of the others, which tell the
 * service manager, -R and the metrics what is in force now.
 */
void	daemon_reloading(void);
void	daemon_reloaded(const struct conf *conf);
void	daemon_reload_failed(const struct conf *old, const struct err *err);

/*
 * How many reloads have begun, and what became of the last one, if one has ended
 * that began behind the first so many.  FAILED: err says why the old
 * configuration was kept.  Safe in threads.
 */
enum daemon_reload {
	DAEMON_RELOAD_NOT_YET,
	DAEMON_RELOAD_DONE,
	DAEMON_RELOAD_FAILED
};
unsigned		daemon_reloads(void);
enum daemon_reload	daemon_reload_behind(unsigned n, struct err *err);

/* A decision would have been another without the trial.  Safe in threads. */
void	daemon_count_difference(void);

/* For the metrics.  Safe in threads. */
struct daemon_status {
	const char	*program;	/* NULL: nothing was started */
	bool		 is_reload_failed;	/* the last one */
	unsigned	 n_reloads_failed;
	unsigned	 n_skipped;	/* lines of tables, now */
	uint64_t	 trial_until_ms;	/* 0: nothing is on trial */
	uint64_t	 n_differences;
};
struct daemon_status	daemon_status(void);

/*
 * Binds and listens on "unix:/path" (mode and group set before the first
 * connection can come; a stale socket of nobody is replaced, a live one is an
 * error) or "inet:host:port" / "host:port".  Returns a non-blocking,
 * close-on-exec descriptor, or -1 with err.
 */
int	daemon_listen(const char *where, unsigned mode, const char *group,
	    struct err *err);

#endif
