/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * aside: see aside.h.
 */
#include "aside.h"

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/program.h"
#include "milter_metrics.h"
#include "service.h"

/* Set before there is a thread, and never again. */
static struct control_server	*control;

/* It ends only where there is nothing to serve. */
static void *
run(void *base)
{
	(void)event_base_dispatch(base);
	event_base_free(base);
	return NULL;
}

/* Signals are for the first thread alone. */
static int
start_thread(struct event_base *base, struct err *err)
{
	sigset_t	 all, old;
	pthread_t	 thread;
	int		 rc;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&thread, NULL, run, base);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0)
		return err_set(err, "metrics and control: %s", strerror(rc));
	(void)pthread_detach(thread);
	return 0;
}

static struct conf *
conf_in_force(void *unused)
{
	struct conf	*conf;

	(void)unused;
	if (!service_enter())
		return NULL;
	conf = service_conf();
	service_leave();
	return conf;
}

static void
open_control(const struct conf *conf, struct event_base *base,
    void (*reload)(void *), void *arg)
{
	control = program_open_control(conf, base,
	    &(const struct control_server_ops){ .conf = conf_in_force,
	    .reload = reload, .print = milter_metrics_print, .arg = arg });
	control_server_add_listener(control, "milter", conf->milter_listen);
	control_server_add_listener(control, "metrics",
	    conf->milter_metrics);
}

void
aside_start(struct conf *conf, void (*reload)(void *), void *arg)
{
	struct event_base	*base;
	struct metrics_http	*metrics;
	struct err		 err;

	if (conf->milter_metrics[0] == '\0' && conf->control[0] == '\0' &&
	    conf->shared[0] == '\0')
		return;
	base = event_base_new();
	if (base == NULL) {
		(void)err_set(&err, "metrics and control: out of memory");
		LOG(LOG_LEVEL_WARNING, NULL, "metrics", { "text", err.text });
		return;
	}
	if (milter_metrics_serve(base, conf->milter_metrics, &metrics, &err) !=
	    METRICS_HTTP_DONE)
		LOG(LOG_LEVEL_WARNING, NULL, "metrics", { "text", err.text });
	open_control(conf, base, reload, arg);
	program_check_shared(conf, base, NULL);
	if (start_thread(base, &err) == 0)
		return;
	LOG(LOG_LEVEL_WARNING, NULL, "metrics", { "text", err.text });
	control_server_free(control);
	control = NULL;
	metrics_http_close(metrics);
	event_base_free(base);
}

void
aside_reloaded(const struct conf *conf)
{
	control_server_reloaded(control, conf);
}

void
aside_remove(void)
{
	control_server_remove(control);
}
