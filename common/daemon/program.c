/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * program: daemon, log, privdrop, rundir and store, put together.
 */
#include "daemon/program.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "daemon/in_force.h"
#include "daemon/log.h"
#include "daemon/privdrop.h"
#include "daemon/rundir.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION	"unknown"
#endif

_Noreturn void
program_die(const char *at, const struct err *err)
{
	LOG(LOG_LEVEL_ERROR, NULL, "failed", { "at", at },
	    { "text", err == NULL ? "out of memory" : err->text });
	exit(EX_UNAVAILABLE);
}

/*
 * Starting
 */

static int
open_log(const struct conf *conf, struct err *err)
{
	return log_open(daemon_status().program, conf->log, conf->log_format,
	    conf->limits.log_rate, err);
}

void
program_open_log(const struct conf *conf)
{
	struct err	 err;

	if (open_log(conf, &err) != 0)
		program_die("log", &err);
}

void
program_raise_descriptors(unsigned n)
{
	struct err	 err;

	if (daemon_raise_descriptors(n, &err) != 0)
		LOG(LOG_LEVEL_WARNING, NULL, "limit", { "text", err.text });
}

void
program_drop(const struct conf *conf)
{
	struct err	 err;

	if (rundir_make(conf->runtime_directory, 0750, conf->user, &err) != 0)
		program_die("runtime_directory", &err);
	if (privdrop(conf->user, &err) != 0)
		program_die("user", &err);
}

static void
tell_replaced(const char *where, void *unused)
{
	(void)unused;
	LOG(LOG_LEVEL_WARNING, NULL, "store_replaced", { "where", where },
	    { "text", "its files were removed or replaced; what they had is "
	    "not known any more" });
}

struct store *
program_open_store(const struct daemon_options *options,
    const struct conf *conf)
{
	struct store	*store;
	struct err	 err;

	if (daemon_detach(options, &err) != 0)
		program_die("detach", &err);
	store = store_open(conf->store, conf->limits.store_size,
	    conf->state_directory, &err);
	if (store == NULL)
		program_die("store", &err);
	store_on_replaced(store, tell_replaced, NULL);
	return store;
}

void
program_check_metrics(enum metrics_http_result result, const struct err *err)
{
	switch (result) {
	case METRICS_HTTP_DONE:
		break;
	case METRICS_HTTP_LATER:
		LOG(LOG_LEVEL_WARNING, NULL, "metrics", { "text", err->text });
		break;
	case METRICS_HTTP_WRONG:
		program_die("metrics", err);
	}
}

struct control_server *
program_open_control(const struct conf *conf, struct event_base *base,
    const struct control_server_ops *ops)
{
	struct control_server	*control;
	struct err		 err;

	if (conf->control[0] == '\0')
		return NULL;
	control = control_server_new(base, conf, ops, &err);
	if (control == NULL)
		LOG(LOG_LEVEL_WARNING, NULL, "control", { "text", err.text });
	return control;
}

/* A shared_probe_fn. */
static void
tell_shared(void *arg, const struct shared_probe_report *report)
{
	bool		 is_well;
	unsigned	 i;

	(void)arg;
	for (i = 0; i < report->n; i++) {
		is_well = report->of[i].state == SHARED_PROBE_WELL;
		if (is_well && i != SHARED_PROBE_REACHED)
			continue;
		LOG(is_well ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, NULL,
		    "shared", { "what", shared_probe_subject_text(i) },
		    { "state", shared_probe_state_text(i,
		    report->of[i].state) },
		    { "where", *report->where == '\0' ? NULL :
		    report->where },
		    { "version", i != SHARED_PROBE_REACHED ||
		    *report->version == '\0' ? NULL : report->version },
		    { "text", is_well ? NULL : report->of[i].text });
	}
}

void
program_check_shared(struct conf *conf, struct event_base *base,
    struct shared_probe **slot)
{
	if (*conf->shared == '\0')
		return;
	if (!shared_probe_begin(base, conf, slot, tell_shared, NULL))
		LOG(LOG_LEVEL_WARNING, NULL, "shared",
		    { "what", "shared" }, { "text", "out of memory" });
}

/*
 * Serving
 */

static void
time_text(uint64_t ms, char text[LOG_TIME_SIZE])
{
	const struct timespec	 when = { .tv_sec = (time_t)(ms / 1000),
				     .tv_nsec = (long)(ms % 1000) * 1000000 };

	log_time_text(&when, text);
}

static void
tell_trial(const struct conf *conf)
{
	char	 until[LOG_TIME_SIZE];

	if (conf->trial.warning.text[0] != '\0')
		LOG(LOG_LEVEL_ERROR, NULL, "trial_failed",
		    { "text", conf->trial.warning.text });
	if (conf->trial.until_ms == 0)
		return;
	time_text(conf->trial.until_ms, until);
	LOG(LOG_LEVEL_NOTICE, NULL, "trial", { "file", conf->file },
	    { "until", until }, { "by", conf->trial.by },
	    { "conf", conf->fingerprint },
	    { "former", conf->trial.former == NULL ? NULL :
	    conf->trial.former->fingerprint });
}

/* What has become of the trial that there was. */
static void
tell_trial_end(const struct conf *old, const struct conf *conf)
{
	const struct conf	*former = old->trial.former;
	const char		*end = "another";

	if (old->trial.until_ms == 0 || conf->trial.until_ms != 0)
		return;
	if (strcmp(conf->fingerprint, old->fingerprint) == 0)
		end = "kept";
	else if (former != NULL && strcmp(conf->fingerprint,
	    former->fingerprint) == 0)
		end = "back";
	LOG(LOG_LEVEL_NOTICE, NULL, "trial_end", { "result", end },
	    { "file", conf->file }, { "conf", conf->fingerprint });
}

void
program_serving(const struct conf *conf, const char *listen)
{
	LOG(LOG_LEVEL_INFO, NULL, "start", { "version", PACKAGE_VERSION },
	    { "listen", listen }, { "file", conf->file });
	tell_trial(conf);
	log_skips(conf);
	daemon_ready(conf);
	log_detach();
}

void
program_stopped(const char *why)
{
	LOG(LOG_LEVEL_INFO, NULL, "stop", { "version", PACKAGE_VERSION },
	    { "why", why });
}

void
program_run(const struct conf *conf, struct event_base *base)
{
	program_serving(conf, NULL);
	if (event_base_dispatch(base) == -1)
		LOG(LOG_LEVEL_ERROR, NULL, "failed", { "at", "event loop" });
	program_stopped(NULL);
}

/*
 * Reloading
 */

/* A trial ends also where what it is to come back to is gone from disk. */
static struct conf *
fall_back(const struct conf *old, const struct err *err)
{
	if (old->trial.former == NULL)
		return NULL;
	LOG(LOG_LEVEL_ERROR, NULL, "trial_failed", { "text", err->text });
	return conf_ref(old->trial.former);
}

struct conf *
program_reload(const struct daemon_options *options, const struct conf *old)
{
	struct conf	*conf;
	struct err	 err;

	daemon_reloading();
	conf = in_force_load(options->file, IN_FORCE_RELOAD, &err);
	if (conf == NULL && in_force_wait_ms(old) == 0)
		conf = fall_back(old, &err);
	if (conf == NULL)
		program_reload_refused(old, &err);
	return conf;
}

void
program_reload_refused(const struct conf *old, const struct err *err)
{
	LOG(LOG_LEVEL_ERROR, NULL, "reload_failed", { "text", err->text });
	daemon_reload_failed(old, err);
}

/* What was used up before there were sessions cannot be changed under them. */
void
program_reloaded(const struct conf *old, const struct conf *conf)
{
	struct err	 err;

	log_if_changed("store", old->store, conf->store);
	log_if_changed("user", old->user, conf->user);
	log_if_changed("control", old->control, conf->control);
	if (open_log(conf, &err) != 0)
		LOG(LOG_LEVEL_ERROR, NULL, "reload_failed",
		    { "text", err.text });
	LOG(LOG_LEVEL_INFO, NULL, "reload", { "file", conf->file });
	tell_trial_end(old, conf);
	tell_trial(conf);
	log_skips(conf);
	daemon_reloaded(conf);
}
