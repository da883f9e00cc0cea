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
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "daemon/log.h"
#include "daemon/log_libevent.h"
#include "daemon/privdrop.h"
#include "daemon/rundir.h"
#include "relay_server.h"
#include "session/store_sweep.h"

#define PROGRAM			"xcontext-relay"
#define SPARE_DESCRIPTORS	64	/* store, log, metrics, DNS ... */
#define STOP_BOUND_S		30	/* for messages that are under way */
#define STOP_CHECK_MS		50

struct program {
	struct daemon_options	 options;
	struct site		*site;
	int			*fds;
	struct event_base	*base;
	struct store		*store;
	struct resolver		*resolver;
	struct relay_metrics	*metrics;
	struct relay_server	*server;
	struct event		*events[4];
	unsigned		 n_stop_checks;
};

static void
die(const char *what, const struct err *err)
{
	LOG(LOG_LEVEL_ERROR, NULL, "failed", { "at", what },
	    { "text", err->text });
	exit(EX_UNAVAILABLE);
}

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
		if (site_is_open_relay(&conf->relays[i]))
			LOG(LOG_LEVEL_WARNING, NULL, "open_relay",
			    { "relay", conf->relays[i].name },
			    { "listen", conf->relays[i].listen },
			    { "text", open_relay });
}

static void
start_privileged(struct program *p, struct conf *conf)
{
	struct err	 err;

	if (log_open(PROGRAM, conf->log, conf->log_format,
	    conf->limits.log_rate, &err) != 0)
		die("log", &err);
	log_libevent_use();
	if (check_relays(conf, &err) != 0) {
		LOG(LOG_LEVEL_ERROR, NULL, "failed", { "at", "configuration" },
		    { "text", err.text });
		exit(EX_CONFIG);
	}
	if (daemon_raise_descriptors(n_descriptors(conf), &err) != 0)
		LOG(LOG_LEVEL_WARNING, NULL, "limit", { "text", err.text });
	p->fds = calloc(conf->n_relays, sizeof *p->fds);
	if (p->fds == NULL) {
		(void)err_set(&err, "out of memory");
		die("listen", &err);
	}
	if (relay_server_bind(conf, p->fds, &err) != 0)
		die("listen", &err);
	if (rundir_make(conf->runtime_directory, conf->user, &err) != 0)
		die("runtime_directory", &err);
	p->site = site_new(conf, &err);
	if (p->site == NULL)
		die("tls", &err);
	if (privdrop(site_conf(p->site)->user, &err) != 0)
		die("user", &err);
	warn_of_keys(site_conf(p->site));
	warn_of_open_relays(site_conf(p->site));
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
	struct conf	*conf = site_conf(p->site);
	struct err	 err;

	/* Before the store is opened: LMDB's locks do not survive a fork. */
	if (daemon_detach(&p->options, &err) != 0)
		die("detach", &err);
	p->store = store_open(conf->store, conf->limits.store_size, &err);
	if (p->store == NULL)
		die("store", &err);
	store_on_replaced(p->store, tell_replaced, NULL);
	/* What an earlier relay handed over, and was killed over. */
	if (store_sweep_handed_over(p->store, &err) == -1)
		LOG(LOG_LEVEL_ERROR, NULL, "error", { "text", err.text });
	p->base = event_base_new();
	p->metrics = relay_metrics_new();
	if (p->base == NULL || p->metrics == NULL) {
		(void)err_set(&err, "out of memory");
		die("start", &err);
	}
	p->resolver = resolver_new(p->base, conf->resolver, &err);
	if (p->resolver == NULL)
		die("resolver", &err);
	p->server = relay_server_new(p->base, p->site, p->fds, p->store,
	    p->resolver, p->metrics, &err);
	if (p->server == NULL)
		die("start", &err);
}

static void
warn_of_changes(const struct site *was, const struct site *is)
{
	const struct site_relay	*old, *new;
	unsigned		 i;

	log_if_changed("store", site_conf(was)->store, site_conf(is)->store);
	log_if_changed("user", site_conf(was)->user, site_conf(is)->user);
	log_if_changed("resolver", site_conf(was)->resolver,
	    site_conf(is)->resolver);
	log_if_changed("relay_metrics", site_conf(was)->relay_metrics,
	    site_conf(is)->relay_metrics);
	for (i = 0; (new = site_relay(is, i)) != NULL; i++) {
		old = site_relay_find(was, new->conf->name);
		log_if_changed("relay.listen", old == NULL ? "" :
		    old->conf->listen, new->conf->listen);
	}
}

static struct site *
load(const struct program *p, struct err *err)
{
	struct conf	*conf = conf_load(p->options.file, err);

	return conf == NULL ? NULL : site_new(conf, err);
}

static void
reload(evutil_socket_t fd, short what, void *arg)
{
	struct program	*p = arg;
	struct site	*site;
	struct conf	*conf;
	struct err	 err;

	(void)fd;
	(void)what;
	daemon_reloading();
	site = load(p, &err);
	if (site == NULL) {
		LOG(LOG_LEVEL_ERROR, NULL, "reload_failed",
		    { "text", err.text });
		daemon_reload_failed(site_conf(p->site), &err);
		return;
	}
	warn_of_changes(p->site, site);
	relay_server_set_site(p->server, site);
	site_unref(p->site);
	p->site = site;
	conf = site_conf(site);
	if (log_open(PROGRAM, conf->log, conf->log_format,
	    conf->limits.log_rate, &err) != 0)
		LOG(LOG_LEVEL_ERROR, NULL, "reload_failed",
		    { "text", err.text });
	warn_of_open_relays(conf);
	LOG(LOG_LEVEL_INFO, NULL, "reload", { "file", p->options.file });
	log_skips(conf);
	daemon_reloaded(conf);
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
stop(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval	 interval = { .tv_usec = STOP_CHECK_MS * 1000 };
	struct program		*p = arg;

	(void)fd;
	(void)what;
	daemon_stopping();
	relay_server_stop(p->server);
	if (event_add(p->events[3], &interval) != 0)
		(void)event_base_loopexit(p->base, NULL);
}

static void
watch(struct program *p)
{
	struct err	 err;
	size_t		 i;

	(void)signal(SIGPIPE, SIG_IGN);
	p->events[0] = evsignal_new(p->base, SIGHUP, reload, p);
	p->events[1] = evsignal_new(p->base, SIGTERM, stop, p);
	p->events[2] = evsignal_new(p->base, SIGINT, stop, p);
	p->events[3] = event_new(p->base, -1, EV_PERSIST, check_stop, p);
	for (i = 0; i < 4; i++)
		if (p->events[i] == NULL ||
		    (i < 3 && event_add(p->events[i], NULL) != 0)) {
			(void)err_set(&err, "out of memory");
			die("start", &err);
		}
}

static void
serve(struct program *p)
{
	struct err	 err;

	watch(p);
	switch (relay_metrics_serve(p->metrics, p->base,
	    site_conf(p->site)->relay_metrics, &err)) {
	case METRICS_HTTP_DONE:
		break;
	case METRICS_HTTP_LATER:
		/* Mail does not wait for those who count it. */
		LOG(LOG_LEVEL_WARNING, NULL, "metrics", { "text", err.text });
		break;
	case METRICS_HTTP_WRONG:
		die("metrics", &err);
	}
	LOG(LOG_LEVEL_INFO, NULL, "start", { "version", PACKAGE_VERSION },
	    { "file", p->options.file });
	log_skips(site_conf(p->site));
	daemon_ready(site_conf(p->site));
	log_detach();
	if (event_base_dispatch(p->base) == -1)
		LOG(LOG_LEVEL_ERROR, NULL, "failed", { "at", "event loop" });
	LOG(LOG_LEVEL_INFO, NULL, "stop", { "version", PACKAGE_VERSION });
}

static void
finish(struct program *p)
{
	size_t	 i;

	relay_server_free(p->server);
	resolver_free(p->resolver);
	relay_metrics_free(p->metrics);
	for (i = 0; i < sizeof p->events / sizeof p->events[0]; i++)
		if (p->events[i] != NULL)
			event_free(p->events[i]);
	event_base_free(p->base);
	store_close(p->store);
	site_unref(p->site);
	free(p->fds);
	log_close();
}

/* There is a relay, and certificates and keys can be read and fit; what is right,
 * but hardly meant, is told. */
static int
check(struct conf *conf, struct err *err)
{
	struct site	*site;
	unsigned	 i;

	if (check_relays(conf, err) != 0)
		return -1;
	site = site_new(conf_ref(conf), err);
	if (site == NULL)
		return -1;
	for (i = 0; i < conf->n_relays; i++)
		if (site_is_open_relay(&conf->relays[i]))
			fprintf(stderr, "%s:%u: warning: relay \"%s\": %s\n",
			    conf->file, conf->relays[i].line,
			    conf->relays[i].name, open_relay);
	site_unref(site);
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
