/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * xcontext-milter: follows SMTP sessions through their milter connections and
 * enforces what the ledger says of them.
 *
 * libmilter takes SIGHUP for an order to stop and waits for signals in a
 * thread of its own.  Linux gives a process's signals to the initial thread
 * whenever that one does not block them; so this thread never blocks them, not
 * even in its handler, and libmilter runs in another.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "aside.h"
#include "base/procinfo.h"
#include "callbacks.h"
#include "daemon/in_force.h"
#include "daemon/log.h"
#include "daemon/log_libevent.h"
#include "daemon/program.h"
#include "listener.h"
#include "service.h"
#include "session/store_sweep.h"

#define PROGRAM		"xcontext-milter"
#define STOP_BOUND_MS	10000	/* for the sessions that are in progress */
#define STOP_POLL_MS	50
#define TRIAL_AGAIN_MS	1000

/* What the serving thread is woken with; signals send their number. */
#define LIBRARY_ENDED	'E'	/* smfi_main() returned, as it should */
#define LIBRARY_FAILED	'F'

/* Where handlers and the library's thread leave a byte: [1] is written. */
static int	wake[2];

struct program {
	struct daemon_options	 options;
	struct conf		*conf;
	struct listener		 listener;
	struct store		*store;
};

static void
wake_up(char what)
{
	int	 saved = errno;

	/* A full pipe will wake the reader just as well. */
	(void)!write(wake[1], &what, 1);
	errno = saved;
}

static void
on_signal(int number)
{
	wake_up((char)number);
}

/*
 * Starting: the stages are named after what is still allowed in them.
 */

static void
start_privileged(struct program *p)
{
	struct err	 err;

	program_open_log(p->conf);
	log_libevent_use();
	if (callbacks_register(&err) != 0)
		program_die("libmilter", &err);
	if (listener_open(p->conf->milter_listen,
	    p->conf->milter_socket_mode, p->conf->socket_group, &p->listener,
	    &err) != 0)
		program_die("listen", &err);
	program_drop(p->conf);
}

/* What an earlier milter kept, and was killed over. */
static bool
is_left_over(const struct session *s, void *unused)
{
	(void)unused;
	return s->keeper == SESSION_KEEPER_MILTER &&
	    procinfo_is(s->pid, s->pid_start) == PROCINFO_GONE;
}

static void
start_unprivileged(struct program *p)
{
	struct err	 err;

	p->store = program_open_store(&p->options, p->conf);
	if (store_sweep(p->store, is_left_over, NULL, &err) == -1 ||
	    store_sweep_handed_over(p->store, &err) == -1)
		program_die("store", &err);
}

/* Says once what cannot be enforced for want of the other end's process. */
static void
tell_limits(const struct program *p, const struct peerpid *listen)
{
	if (listen->len > 0)
		return;
	LOG(LOG_LEVEL_WARNING, NULL, "no_peer",
	    { "listen", p->conf->milter_listen },
	    { "text", "the process behind a connection cannot be told: "
	    "allowed_users is not enforced here, sessions are found by client "
	    "address, and an override that xcontext-policy did not see goes "
	    "unnoticed" });
}

static void
install_signals(void)
{
	/* Without SA_NODEFER a second SIGHUP would, for a moment, be one that
	 * only libmilter's thread takes. */
	struct sigaction	 action = { .sa_handler = on_signal,
				     .sa_flags = SA_RESTART | SA_NODEFER };

	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGHUP, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGINT, &action, NULL);
	action.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &action, NULL);
	daemon_take_signals();
}

static void *
run_library(void *unused)
{
	sigset_t	 set;

	(void)unused;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	wake_up(smfi_main() == MI_SUCCESS ? LIBRARY_ENDED : LIBRARY_FAILED);
	return NULL;
}

/* From another thread: this is where it is done. */
static void
want_reload(void *unused)
{
	(void)unused;
	wake_up(SIGHUP);
}

static void
start_threads(struct program *p)
{
	struct peerpid	 listen;
	struct err	 err;
	pthread_t	 thread;
	int		 rc;

	peerpid_init(&listen, (const struct sockaddr *)&p->listener.name,
	    p->listener.len);
	tell_limits(p, &listen);
	service_start(p->store, p->conf, &listen);
	if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) != 0) {
		(void)err_set(&err, "pipe: %s", strerror(errno));
		program_die("threads", &err);
	}
	install_signals();
	rc = pthread_create(&thread, NULL, run_library, NULL);
	if (rc != 0) {
		(void)err_set(&err, "pthread_create: %s", strerror(rc));
		program_die("threads", &err);
	}
	(void)pthread_detach(thread);
	aside_start(p->conf, want_reload, NULL);
}

/*
 * Serving
 */

static void
reload(struct program *p)
{
	struct conf	*conf = program_reload(&p->options, p->conf);

	if (conf == NULL) {
		aside_reloaded(NULL);
		return;
	}
	log_if_changed("milter.listen", p->conf->milter_listen,
	    conf->milter_listen);
	log_if_changed("milter.metrics", p->conf->milter_metrics,
	    conf->milter_metrics);
	service_set_conf(conf);
	program_reloaded(p->conf, conf);
	aside_reloaded(conf);
	conf_unref(p->conf);
	p->conf = conf;
}

/* The next reason to wake, or 0 after timeout_ms (-1: none). */
static char
next_wake(int timeout_ms)
{
	struct pollfd	 pfd = { .fd = wake[0], .events = POLLIN };
	char		 what;

	for (;;) {
		if (read(wake[0], &what, 1) == 1)
			return what;
		if (poll(&pfd, 1, timeout_ms) == 0)
			return 0;
	}
}

/* Until something has happened, or a trial is over.  What cannot be loaded then
 * is tried again a second later. */
static char
next_or_trial(const struct program *p, bool has_tried)
{
	int	 ms = in_force_wait_ms(p->conf);
	char	 what = next_wake(ms == 0 && has_tried ? TRIAL_AGAIN_MS : ms);

	return what == 0 && in_force_wait_ms(p->conf) == 0 ? SIGHUP : what;
}

/* Serves until it is time to stop, and returns why. */
static char
serve(struct program *p)
{
	char	 what;
	bool	 has_tried = false;

	program_serving(p->conf, p->conf->milter_listen);
	while ((what = next_or_trial(p, has_tried)) == SIGHUP || what == 0) {
		has_tried = what == SIGHUP;
		if (what == SIGHUP)
			reload(p);
	}
	return what;
}

/* With the file gone no session begins; those in progress get some time,
 * unless there is a second order to stop. */
static void
drain(struct program *p)
{
	char	 left[16], what;
	int	 waited_ms;

	daemon_stopping();
	listener_remove(&p->listener);
	for (waited_ms = 0; waited_ms < STOP_BOUND_MS; waited_ms +=
	    STOP_POLL_MS) {
		if (service_sessions() == 0)
			return;
		what = next_wake(STOP_POLL_MS);
		if (what != 0 && what != SIGHUP)
			break;
	}
	(void)snprintf(left, sizeof left, "%u", service_sessions());
	LOG(LOG_LEVEL_INFO, NULL, "sessions_cut", { "count", left });
}

/*
 * libmilter's threads are still there and end with the process: smfi_stop()
 * would wait for its listener, for five seconds, and cut the sessions as well.
 */
static void
stop(struct program *p, char why)
{
	aside_remove();
	if (why == LIBRARY_FAILED || why == LIBRARY_ENDED)
		listener_remove(&p->listener);
	else
		drain(p);
	service_stop();
	store_close(p->store);
	conf_unref(p->conf);
	program_stopped(why == LIBRARY_FAILED ? "libmilter failed" : NULL);
	log_close();
}

int
main(int argc, char **argv)
{
	struct program	 p = { .conf = NULL };
	char		 why;

	daemon_options(argc, argv, PROGRAM, NULL, &p.options);
	p.conf = daemon_start(&p.options);
	start_privileged(&p);
	start_unprivileged(&p);
	start_threads(&p);
	why = serve(&p);
	stop(&p, why);
	return why == LIBRARY_FAILED ? EXIT_FAILURE : EXIT_SUCCESS;
}
