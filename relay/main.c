/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * xcontext-relay: an SMTP proxy that speaks the identity extensions.
 *
 * The stages are named after what is still allowed in them: sockets are bound
 * and keys are read as root, the store is opened and everything from a peer is
 * read as an ordinary user.
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/in_force.h"
#include "daemon/log.h"
#include "daemon/log_libevent.h"
#include "daemon/program.h"
#include "daemon/signals.h"
#include "daemon/trial_timer.h"
#include "relay_server.h"
#include "session/store_sweep.h"

#define PROGRAM			"xcontext-relay"
#define SPARE_DESCRIPTORS	64	/* store, log, metrics, DNS ... */
#define STOP_BOUND_S		30	/* for messages that are under way */
#define STOP_CHECK_MS		50

struct program {
	struct daemon_options	 options;
	struct served		*served;
	struct served		*former;	/* what a trial comes back to;
						 * NULL: there is none */
	int			*fds;
	struct event_base	*base;
	struct store		*store;
	struct resolver		*resolver;
	struct relay_metrics	*metrics;
	struct relay_server	*server;
	struct signals		*signals;
	struct trial_timer	*trial;
	struct event		*stop_check;
	unsigned		 n_stop_checks;
	struct control_server	*control;
	struct shared_probe	*probe;
};

/* Each session has two connections. */
static unsigned
n_descriptors(const struct conf *conf)
{
	unsigned	 i, n = SPARE_DESCRIPTORS;

	for (i = 0; i < conf->n_relays; i++)
		n += 2 * conf->relays[i].connections;
	return n;
}

/* A key that only root can read is read once. */
static void
warn_of_keys(const struct conf *conf)
{
	unsigned	 i;

	for (i = 0; i < conf->n_relays; i++)
		if (conf->relays[i].tls != RELAY_TLS_NO &&
		    access(conf->relays[i].tls_key, R_OK) != 0)
			LOG(LOG_LEVEL_WARNING, NULL, "limit",
			    { "relay", conf->relays[i].name },
			    { "key", "relay.tls_key" },
			    { "text", "SIGHUP will fail: the user cannot read "
			    "it" });
}

static int
check_relays(const struct conf *conf, struct err *err)
{
	return conf->n_relays > 0 ? 0 : err_set_at(err, conf->file, 0,
	    "there is no \"relay NAME { ... }\", expected one at least");
}

static const char	 open_relay[] = "whoever reaches it sends mail to any "
			    "domain: it should listen on a loopback address";

static void
warn_of_open_relays(const struct conf *conf)
{
	unsigned	 i;

	for (i = 0; i < conf->n_relays; i++)
		if (served_is_open_relay(&conf->relays[i]))
			LOG(LOG_LEVEL_WARNING, NULL, "open_relay",
			    { "relay", conf->relays[i].name },
			    { "listen", conf->relays[i].listen },
			    { "text", open_relay });
}

/* What a trial comes back to is made ready when it begins: certificates may be
 * gone at its end.  -1 with err: there is none, and so there is no trial. */
static int
make_former(struct program *p, struct conf *conf, struct err *err)
{
	struct conf	*former = conf->trial.former;
	struct served	*served = NULL;

	if (former != NULL) {
		served = served_new(conf_ref(former), err);
		if (served == NULL)
			return -1;
	}
	served_unref(p->former);
	p->former = served;
	return 0;
}

static void
start_privileged(struct program *p, struct conf *conf)
{
	struct err	 err;

	program_open_log(conf);
	log_libevent_use();
	if (check_relays(conf, &err) != 0) {
		LOG(LOG_LEVEL_ERROR, NULL, "failed", { "at", "configuration" },
		    { "text", err.text });
		exit(EX_CONFIG);
	}
	program_raise_descriptors(n_descriptors(conf));
	p->fds = calloc(conf->n_relays, sizeof *p->fds);
	if (p->fds == NULL)
		program_die("listen", NULL);
	if (relay_server_bind(conf, p->fds, &err) != 0)
		program_die("listen", &err);
	p->served = served_new(conf, &err);
	if (p->served == NULL)
		program_die("tls", &err);
	if (make_former(p, conf, &err) == -1)
		LOG(LOG_LEVEL_ERROR, NULL, "trial_failed",
		    { "text", err.text });
	program_drop(conf);
	warn_of_keys(conf);
	warn_of_open_relays(conf);
}

static void
start_unprivileged(struct program *p)
{
	struct conf	*conf = served_conf(p->served);
	struct err	 err;

	p->store = program_open_store(&p->options, conf);
	/* What an earlier relay handed over, and was killed over. */
	if (store_sweep_handed_over(p->store, &err) == -1)
		LOG(LOG_LEVEL_ERROR, NULL, "error", { "text", err.text });
	p->base = event_base_new();
	p->metrics = relay_metrics_new();
	if (p->base == NULL || p->metrics == NULL)
		program_die("start", NULL);
	p->resolver = resolve_new(p->base, conf->resolver, &err);
	if (p->resolver == NULL)
		program_die("resolver", &err);
	p->server = relay_server_new(p->base, p->served, p->fds, p->store,
	    p->resolver, p->metrics, &err);
	if (p->server == NULL)
		program_die("start", &err);
}

static void
warn_of_changes(const struct served *was, const struct served *is)
{
	const struct served_relay	*old, *new;
	unsigned		 i;

	log_if_changed("resolver", served_conf(was)->resolver,
	    served_conf(is)->resolver);
	log_if_changed("relay_metrics", served_conf(was)->relay_metrics,
	    served_conf(is)->relay_metrics);
	for (i = 0; (new = served_relay(is, i)) != NULL; i++) {
		old = served_relay_find(was, new->conf->name);
		log_if_changed("relay.listen", old == NULL ? "" :
		    old->conf->listen, new->conf->listen);
	}
}

/* NULL with err: conf cannot be served, and the old one is. */
static struct served *
make_served(struct program *p, struct conf *conf, struct err *err)
{
	struct served	*served = served_new(conf_ref(conf), err);

	if (served == NULL && p->former != NULL &&
	    in_force_wait_ms(served_conf(p->served)) == 0)
		served = served_ref(p->former);
	if (served != NULL && make_former(p, conf, err) == -1) {
		served_unref(served);
		served = NULL;
	}
	conf_unref(conf);
	return served;
}

static void
reload(void *arg)
{
	struct program	*p = arg;
	struct conf	*old = served_conf(p->served);
	struct conf	*conf = program_reload(&p->options, old);
	struct served	*served = NULL;
	struct err	 err;

	if (conf != NULL) {
		served = make_served(p, conf, &err);
		if (served == NULL)
			program_reload_refused(old, &err);
	}
	control_server_reloaded(p->control, served == NULL ? NULL :
	    served_conf(served));
	if (served == NULL)
		return;
	conf = served_conf(served);
	warn_of_changes(p->served, served);
	relay_server_set_served(p->server, served);
	trial_timer_set(p->trial, conf);
	program_reloaded(old, conf);
	warn_of_open_relays(conf);
	served_unref(p->served);
	p->served = served;
}

static struct conf *
conf_in_force(void *arg)
{
	struct program	*p = arg;

	return conf_ref(served_conf(p->served));
}

/* Messages that are under way come to their end, within a bound. */
static void
check_stop(evutil_socket_t fd, short what, void *arg)
{
	struct program	*p = arg;

	(void)fd;
	(void)what;
	if (relay_server_is_idle(p->server) ||
	    ++p->n_stop_checks > STOP_BOUND_S * 1000U / STOP_CHECK_MS)
		(void)event_base_loopexit(p->base, NULL);
}

static void
stop(void *arg)
{
	const struct timeval	 interval = { .tv_usec = STOP_CHECK_MS * 1000 };
	struct program		*p = arg;

	daemon_stopping();
	relay_server_stop(p->server);
	if (event_add(p->stop_check, &interval) != 0)
		(void)event_base_loopexit(p->base, NULL);
}

static void
watch(struct program *p)
{
	p->signals = signals_new(p->base, reload, stop, p);
	p->trial = trial_timer_new(p->base, reload, p);
	p->stop_check = event_new(p->base, -1, EV_PERSIST, check_stop, p);
	if (p->signals == NULL || p->stop_check == NULL || p->trial == NULL)
		program_die("start", NULL);
	trial_timer_set(p->trial, served_conf(p->served));
	daemon_take_signals();
}

static void
open_control(struct program *p)
{
	const struct conf	*conf = served_conf(p->served);
	char			 name[128];
	unsigned		 i;

	p->control = program_open_control(conf, p->base,
	    &(const struct control_server_ops){ .conf = conf_in_force,
	    .reload = reload, .print = relay_metrics_print,
	    .print_arg = p->metrics, .arg = p });
	for (i = 0; i < conf->n_relays; i++) {
		(void)snprintf(name, sizeof name, "relay %s",
		    conf->relays[i].name);
		control_server_add_listener(p->control, name,
		    conf->relays[i].listen);
	}
	control_server_add_listener(p->control, "metrics",
	    conf->relay_metrics);
}

static void
serve(struct program *p)
{
	enum metrics_http_result	 result;
	struct err			 err;

	watch(p);
	result = relay_metrics_serve(p->metrics, p->base,
	    served_conf(p->served)->relay_metrics, &err);
	program_check_metrics(result, &err);
	open_control(p);
	program_check_shared(served_conf(p->served), p->base, &p->probe);
	program_run(served_conf(p->served), p->base);
}

static void
finish(struct program *p)
{
	control_server_free(p->control);
	relay_server_free(p->server);
	resolve_free(p->resolver);
	relay_metrics_free(p->metrics);
	signals_free(p->signals);
	event_free(p->stop_check);
	trial_timer_free(p->trial);
	shared_probe_free(p->probe);
	event_base_free(p->base);
	store_close(p->store);
	served_unref(p->served);
	served_unref(p->former);
	free(p->fds);
	log_close();
}

/* There is a relay, and certificates and keys can be read and fit; what is right,
 * but hardly meant, is told. */
static int
check(struct conf *conf, struct err *err)
{
	struct served	*served;
	unsigned	 i;

	if (check_relays(conf, err) != 0)
		return -1;
	served = served_new(conf_ref(conf), err);
	if (served == NULL)
		return -1;
	for (i = 0; i < conf->n_relays; i++)
		if (served_is_open_relay(&conf->relays[i]))
			fprintf(stderr, "%s:%u: warning: relay \"%s\": %s\n",
			    conf->file, conf->relays[i].line,
			    conf->relays[i].name, open_relay);
	served_unref(served);
	return 0;
}

int
main(int argc, char **argv)
{
	struct program	 program = { .fds = NULL };
	struct conf	*conf;

	daemon_options(argc, argv, PROGRAM, check, &program.options);
	conf = daemon_start(&program.options);
	start_privileged(&program, conf);
	start_unprivileged(&program);
	serve(&program);
	finish(&program);
	return EX_OK;
}
