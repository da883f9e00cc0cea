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
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "daemon/activation.h"
#include "daemon/log.h"
#include "daemon/log_libevent.h"
#include "daemon/program.h"
#include "daemon/signals.h"
#include "daemon/trial_timer.h"
#include "ledger.h"
#include "metrics.h"
#include "report.h"
#include "server.h"
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
	struct signals		*signals;
	struct event		*sweep;
	struct trial_timer	*trial;
	struct control_server	*control;
	struct shared_probe	*probe;
};

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
		program_die("listen", &err);
	}
	fd = daemon_listen(where, SOCKET_MODE, group, &err);
	if (fd == -1)
		program_die("listen", &err);
	return fd;
}

static void
start_privileged(struct program *p)
{
	program_open_log(p->conf);
	log_libevent_use();
	program_raise_descriptors(p->conf->limits.connections +
	    SERVER_SPARE_DESCRIPTORS);
	p->policy_fd = listen_unix("policy", p->conf->policy_listen,
	    p->conf->socket_group);
	p->maps_fd = listen_unix("maps", p->conf->policy_maps,
	    p->conf->socket_group);
	program_drop(p->conf);
}

static void
start_unprivileged(struct program *p)
{
	p->store = program_open_store(&p->options, p->conf);
	p->report.is_verbose = p->conf->log_all;
	p->base = event_base_new();
	p->metrics = p->report.metrics = metrics_new();
	if (p->base != NULL && p->metrics != NULL)
		p->ledger = ledger_new(p->conf, p->store, report_write,
		    &p->report);
	if (p->ledger != NULL)
		p->server = server_new(p->base, p->conf, p->ledger,
		    p->metrics);
	if (p->server == NULL ||
	    server_listen(p->server, p->policy_fd, SERVER_POLICY) != 0 ||
	    server_listen(p->server, p->maps_fd, SERVER_SOCKETMAP) != 0)
		program_die("start", NULL);
}

static void
before_metrics(void *arg)
{
	struct program	*p = arg;

	metrics_set_sessions(p->metrics, ledger_sessions(p->ledger));
}

static void
reload(void *arg)
{
	struct program	*p = arg;
	struct conf	*conf = program_reload(&p->options, p->conf);

	control_server_reloaded(p->control, conf);
	if (conf == NULL)
		return;
	log_if_changed("policy.listen", p->conf->policy_listen,
	    conf->policy_listen);
	log_if_changed("policy.maps", p->conf->policy_maps,
	    conf->policy_maps);
	log_if_changed("policy.metrics", p->conf->policy_metrics,
	    conf->policy_metrics);
	ledger_set_conf(p->ledger, conf);
	server_set_conf(p->server, conf);
	p->report.is_verbose = conf->log_all;
	trial_timer_set(p->trial, conf);
	program_reloaded(p->conf, conf);
	conf_unref(p->conf);
	p->conf = conf;
}

static struct conf *
conf_in_force(void *arg)
{
	struct program	*p = arg;

	return conf_ref(p->conf);
}

static void
stop(void *arg)
{
	const struct timeval	 bound = { .tv_sec = STOP_BOUND_S };
	struct program		*p = arg;

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
	struct err	 err;

	(void)fd;
	(void)what;
	if (ledger_sweep(p->ledger, clock_ms(CLOCK_REALTIME), &err) == -1 ||
	    store_sweep_handed_over(p->store, &err) == -1)
		LOG(LOG_LEVEL_ERROR, NULL, "error", { "text", err.text });
}

static void
watch(struct program *p)
{
	const struct timeval	 interval = { .tv_sec = SWEEP_INTERVAL_S };

	p->signals = signals_new(p->base, reload, stop, p);
	p->sweep = event_new(p->base, -1, EV_PERSIST, sweep, p);
	p->trial = trial_timer_new(p->base, reload, p);
	if (p->signals == NULL || p->sweep == NULL || p->trial == NULL ||
	    event_add(p->sweep, &interval) != 0)
		program_die("start", NULL);
	trial_timer_set(p->trial, p->conf);
	daemon_take_signals();
}

static void
open_control(struct program *p)
{
	p->control = program_open_control(p->conf, p->base,
	    &(const struct control_server_ops){ .conf = conf_in_force,
	    .reload = reload, .print = metrics_print,
	    .print_arg = p->metrics, .arg = p });
	control_server_add_listener(p->control, "policy",
	    p->conf->policy_listen);
	control_server_add_listener(p->control, "maps",
	    p->conf->policy_maps);
	control_server_add_listener(p->control, "metrics",
	    p->conf->policy_metrics);
}

static void
serve(struct program *p)
{
	enum metrics_http_result	 result;
	struct err			 err;

	watch(p);
	result = metrics_serve(p->metrics, p->base, p->conf->policy_metrics,
	    before_metrics, p, &err);
	program_check_metrics(result, &err);
	open_control(p);
	program_check_shared(p->conf, p->base, &p->probe);
	sweep(-1, 0, p);
	program_run(p->conf, p->base);
}

static void
finish(struct program *p)
{
	control_server_free(p->control);
	server_free(p->server);
	ledger_free(p->ledger);
	signals_free(p->signals);
	event_free(p->sweep);
	trial_timer_free(p->trial);
	metrics_free(p->metrics);
	shared_probe_free(p->probe);
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
