/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * xcontext-policy: Postfix's policy service and lookup tables for overrides.
 *
 * The stages are named after what is still allowed in them: sockets are bound
 * as root, the store is opened and everything from a peer is read as an
 * ordinary user.
 */
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "daemon/activation.h"
#include "daemon/daemon.h"
#include "daemon/log.h"
#include "daemon/log_libevent.h"
#include "daemon/privdrop.h"
#include "daemon/rundir.h"
#include "ledger.h"
#include "metrics.h"
#include "report.h"
#include "server.h"
#include "session/store.h"
#include "session/store_sweep.h"

#define PROGRAM			"xcontext-policy"
#define SOCKET_MODE		0660
#define SWEEP_INTERVAL_S	60
#define STOP_BOUND_S		2	/* for requests that are half done */

struct program {
	struct daemon_options	 options;
	struct conf		*conf;
	int			 policy_fd;
	int			 maps_fd;
	struct event_base	*base;
	struct store		*store;
	struct metrics		*metrics;
	struct ledger		*ledger;
	struct server		*server;
	struct report		 report;
	struct event		*events[5];
};

static void
die(const char *what, const struct err *err)
{
	LOG(LOG_LEVEL_ERROR, NULL, "failed", { "at", what },
	    { "text", err->text });
	exit(EX_UNAVAILABLE);
}

/* A peer's process is known on UNIX-domain sockets only; without it there is
 * nothing that these services could do. */
static int
listen_unix(const char *key, const char *where, const char *group)
{
	struct err	 err;
	int		 fd;

	fd = activation_socket(key);
	if (fd != -1)
		return fd;
	if (strncmp(where, "unix:", 5) != 0) {
		(void)err_set(&err, "policy { %s = \"%s\" }: expected "
		    "\"unix:/path\": behind other sockets the mail server's "
		    "process cannot be known", key, where);
		die("listen", &err);
	}
	fd = daemon_listen(where, SOCKET_MODE, group, &err);
	if (fd == -1)
		die("listen", &err);
	return fd;
}

static void
start_privileged(struct program *p)
{
	struct err	 err;

	if (log_open(PROGRAM, p->conf->log, p->conf->log_format,
	    p->conf->limits.log_rate, &err) != 0)
		die("log", &err);
	log_libevent_use();
	if (daemon_raise_descriptors(p->conf->limits.connections +
	    SERVER_SPARE_DESCRIPTORS, &err) != 0)
		LOG(LOG_LEVEL_WARNING, NULL, "limit", { "text", err.text });
	p->policy_fd = listen_unix("policy", p->conf->policy_listen,
	    p->conf->socket_group);
	p->maps_fd = listen_unix("maps", p->conf->policy_maps,
	    p->conf->socket_group);
	if (rundir_make(p->conf->runtime_directory, p->conf->user,
	    &err) != 0)
		die("runtime_directory", &err);
	if (privdrop(p->conf->user, &err) != 0)
		die("user", &err);
}

static void
tell_replaced(const char *where, void *unused)
{
	(void)unused;
	LOG(LOG_LEVEL_WARNING, NULL, "store_replaced", { "where", where },
	    { "text", "its files were removed; sessions that it had are not "
	    "known any more" });
}

static void
start_unprivileged(struct program *p)
{
	struct err	 err;

	/* Before the store is opened: LMDB's locks do not survive a fork. */
	if (daemon_detach(&p->options, &err) != 0)
		die("detach", &err);
	p->store = store_open(p->conf->store, p->conf->limits.store_size,
	    &err);
	if (p->store == NULL)
		die("store", &err);
	store_on_replaced(p->store, tell_replaced, NULL);
	p->report.is_verbose = p->conf->log_all;
	p->base = event_base_new();
	p->metrics = p->report.metrics = metrics_new();
	if (p->base != NULL && p->metrics != NULL)
		p->ledger = ledger_new(p->conf, p->store, report_note,
		    &p->report);
	if (p->ledger != NULL)
		p->server = server_new(p->base, p->conf, p->ledger,
		    p->metrics);
	if (p->server == NULL ||
	    server_listen(p->server, p->policy_fd, SERVER_POLICY) != 0 ||
	    server_listen(p->server, p->maps_fd, SERVER_SOCKETMAP) != 0) {
		(void)err_set(&err, "out of memory");
		die("start", &err);
	}
}

static void
before_metrics(void *arg)
{
	struct program	*p = arg;

	metrics_set_sessions(p->metrics, ledger_sessions(p->ledger));
}

static void
reload(evutil_socket_t fd, short what, void *arg)
{
	struct program	*p = arg;
	struct conf	*conf;
	struct err	 err;

	(void)fd;
	(void)what;
	daemon_reloading();
	conf = conf_load(p->options.file, &err);
	if (conf == NULL) {
		LOG(LOG_LEVEL_ERROR, NULL, "reload_failed",
		    { "text", err.text });
		daemon_reload_failed(p->conf, &err);
		return;
	}
	log_if_changed("store", p->conf->store, conf->store);
	log_if_changed("user", p->conf->user, conf->user);
	log_if_changed("policy.listen", p->conf->policy_listen,
	    conf->policy_listen);
	log_if_changed("policy.maps", p->conf->policy_maps,
	    conf->policy_maps);
	log_if_changed("policy.metrics", p->conf->policy_metrics,
	    conf->policy_metrics);
	ledger_set_conf(p->ledger, conf);
	server_set_conf(p->server, conf);
	p->report.is_verbose = conf->log_all;
	conf_unref(p->conf);
	p->conf = conf;
	if (log_open(PROGRAM, conf->log, conf->log_format,
	    conf->limits.log_rate, &err) != 0)
		LOG(LOG_LEVEL_ERROR, NULL, "reload_failed",
		    { "text", err.text });
	LOG(LOG_LEVEL_INFO, NULL, "reload", { "file", p->options.file });
	log_skips(conf);
	daemon_reloaded(conf);
}

static void
stop(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval	 bound = { .tv_sec = STOP_BOUND_S };
	struct program		*p = arg;

	(void)fd;
	(void)what;
	daemon_stopping();
	server_stop_listening(p->server);
	/* What has been asked already is answered in this turn of the loop. */
	(void)event_base_loopexit(p->base, server_is_idle(p->server) ? NULL :
	    &bound);
}

static void
sweep(evutil_socket_t fd, short what, void *arg)
{
	struct program	*p = arg;
	struct timespec	 now;
	struct err	 err;

	(void)fd;
	(void)what;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (ledger_sweep(p->ledger, (uint64_t)now.tv_sec * 1000U, &err) ==
	    -1 || store_sweep_handed_over(p->store, &err) == -1)
		LOG(LOG_LEVEL_ERROR, NULL, "error", { "text", err.text });
}

static void
watch(struct program *p)
{
	const struct timeval	 interval = { .tv_sec = SWEEP_INTERVAL_S };
	const struct {
		int			 signal;
		event_callback_fn	 fn;
	} signals[] = { { SIGHUP, reload }, { SIGTERM, stop },
	    { SIGINT, stop } };
	struct err		 err;
	size_t			 i, n = 0;

	(void)signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < sizeof signals / sizeof signals[0]; i++)
		p->events[n++] = evsignal_new(p->base, signals[i].signal,
		    signals[i].fn, p);
	p->events[n++] = event_new(p->base, -1, EV_PERSIST, sweep, p);
	for (i = 0; i < n; i++)
		if (p->events[i] == NULL || event_add(p->events[i],
		    i == n - 1 ? &interval : NULL) != 0) {
			(void)err_set(&err, "out of memory");
			die("start", &err);
		}
}

static void
serve(struct program *p)
{
	struct err	 err;

	watch(p);
	switch (metrics_serve(p->metrics, p->base, p->conf->policy_metrics,
	    before_metrics, p, &err)) {
	case METRICS_HTTP_DONE:
		break;
	case METRICS_HTTP_LATER:
		/* Mail does not wait for those who count it. */
		LOG(LOG_LEVEL_WARNING, NULL, "metrics", { "text", err.text });
		break;
	case METRICS_HTTP_WRONG:
		die("metrics", &err);
	}
	sweep(-1, 0, p);
	LOG(LOG_LEVEL_INFO, NULL, "start", { "version", PACKAGE_VERSION },
	    { "file", p->options.file });
	log_skips(p->conf);
	daemon_ready(p->conf);
	log_detach();
	if (event_base_dispatch(p->base) == -1)
		LOG(LOG_LEVEL_ERROR, NULL, "failed", { "at", "event loop" });
	LOG(LOG_LEVEL_INFO, NULL, "stop", { "version", PACKAGE_VERSION });
}

static void
finish(struct program *p)
{
	size_t	 i;

	server_free(p->server);
	ledger_free(p->ledger);
	for (i = 0; i < sizeof p->events / sizeof p->events[0]; i++)
		if (p->events[i] != NULL)
			event_free(p->events[i]);
	metrics_free(p->metrics);
	event_base_free(p->base);
	store_close(p->store);
	conf_unref(p->conf);
	log_close();
}

int
main(int argc, char **argv)
{
	struct program	 program = { .policy_fd = -1, .maps_fd = -1 };

	daemon_options(argc, argv, PROGRAM, NULL, &program.options);
	program.conf = daemon_start(&program.options);
	start_privileged(&program);
	start_unprivileged(&program);
	serve(&program);
	finish(&program);
	return EX_OK;
}
