/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * ping: whether the daemons are there, which configuration they go by, whether
 * the engine that is shared with other hosts does what they need, and, if that
 * is wanted, whether their sockets answer what a mail server asks.
 *
 * The sockets are those of the file, asked by the first of allowed_users, as the
 * mail server would be.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <event2/event.h>

#include "ask.h"
#include "daemon/privdrop.h"
#include "output.h"
#include "pool.h"
#include "knock.h"
#include "shared/shared_probe.h"
#include "verb.h"

enum { OPTION_WIRING };

#define KNOCK_S	2

/* Of a daemon; null of a socket that was asked otherwise. */
static const char *const	 keys[] = { "pid", "version", "since",
				     "fingerprint" };
#define TRIAL_KEY	"trial_until"
#define N_KEYS	(sizeof keys / sizeof keys[0])

struct ping {
	struct ask	 all;
	json_t		*rows;
	struct pool	 pool;
	struct event_base *base;	/* for the engine */
	bool		 is_well;
};

static json_t *
begin_row(struct ping *ping, const char *what, const char *where,
    const char *state)
{
	json_t	*row = output_new();
	size_t	 i;

	output_put(row, "what", output_text(what));
	output_put(row, "state", output_text(state));
	output_put(row, "where", output_text(where));
	for (i = 0; i < N_KEYS; i++)
		output_put(row, keys[i], json_null());
	output_put(row, TRIAL_KEY, json_null());
	output_append(ping->rows, row);
	return row;
}

static void
copy(json_t *row, const json_t *from, const char *key)
{
	json_t	*value = json_object_get(from, key);

	output_put(row, key, json_is_integer(value) ? json_incref(value) :
	    json_is_string(value) ? output_text(json_string_value(value)) :
	    json_null());
}

/* What is to be said of a daemon that is there; NULL: nothing. */
static const char *
remark(struct ping *ping, const json_t *data)
{
	const struct conf	*conf = ping->all.conf;

	if (conf == NULL)
		return pool_printf(&ping->pool, "the file is broken now: %s",
		    ping->all.why.text);
	if (strcmp(output_text_at(data, "fingerprint"), conf->fingerprint) !=
	    0)
		return "the file has changed since; xcontext reload";
	if (json_is_true(json_object_get(data, "reload_failed")))
		return "its last reload failed; xcontext reload says why";
	return *output_text_at(data, TRIAL_KEY) == '\0' ? NULL :
	    pool_printf(&ping->pool, "on trial until %s, by %s; xcontext "
	    "confirm keeps it", output_text_at(data, TRIAL_KEY),
	    output_text_at(data, "trial_by"));
}

static void
ping_daemon(struct ping *ping, const struct ask_daemon *daemon)
{
	static const struct control_request	 request = {
		.verb = CONTROL_PING
	};
	json_t		*answer = NULL, *data, *row;
	struct err	 err;
	enum ask_result	 result;
	size_t		 i;

	result = ask(daemon, &request, ASK_SHORT_MS, &answer, &err);
	if (result != ASK_DONE)
		ping->is_well = false;
	data = json_array_get(answer, 0);
	row = begin_row(ping, daemon->program, daemon->path,
	    ask_result_text(result));
	for (i = 0; i < N_KEYS; i++)
		copy(row, data, keys[i]);
	copy(row, data, TRIAL_KEY);
	output_put(row, "text", output_text(result == ASK_DONE ?
	    remark(ping, data) : err.text));
	json_decref(answer);
}

struct trial {
	const struct conf	*conf;
	const char		*where;
	enum knock_question	 question;
};

/* A knock_fn: as who may talk to the sockets. */
static struct knock_answer
try(const void *arg)
{
	const struct trial	*trial = arg;
	const struct conf	*conf = trial->conf;
	struct knock_answer	 answer = { KNOCK_NOT_TRIED, EPERM, "" };
	struct err		 err;

	if (geteuid() == 0 && conf->n_allowed_uids > 0 &&
	    conf->allowed_uids[0] != 0 &&
	    privdrop(conf->allowed_users[0], &err) != 0)
		return answer;
	return knock(trial->where, trial->question, KNOCK_S);
}

static const char *
problem(struct ping *ping, const struct knock_answer *answer)
{
	const char	*user = ping->all.conf->n_allowed_uids > 0 ?
			    ping->all.conf->allowed_users[0] : "nobody";
	const char	*why = knock_error_text(answer);

	if (answer->stage == KNOCK_IS_WELL)
		return *answer->said == '\0' ? NULL : pool_printf(&ping->pool,
		    "a lookup fails: %s", answer->said);
	return pool_printf(&ping->pool, "%s%s%s%s%s",
	    knock_stage_text(answer), geteuid() == 0 ? " by " : "",
	    geteuid() == 0 ? user : "", *why == '\0' ? "" : ": ", why);
}

static void
ping_socket(struct ping *ping, const char *what, const char *where,
    enum knock_question question)
{
	struct knock_answer	 answer;
	const char		*text;
	json_t			*row;

	answer = knock_apart(try, &(const struct trial){ ping->all.conf,
	    where, question });
	text = problem(ping, &answer);
	row = begin_row(ping, what, where, text == NULL ? "answers" :
	    "fails");
	output_put(row, "text", output_text(text));
	ping->is_well = ping->is_well && text == NULL;
}

/* Behind a proxy, whose header is missing, the relay would say nothing. */
static void
ping_wiring(struct ping *ping)
{
	const struct conf		*conf = ping->all.conf;
	const struct conf_relay		*relay;
	unsigned			 i;

	if (ping->all.daemons[0].is_expected) {
		ping_socket(ping, "policy", conf->policy_listen,
		    KNOCK_POLICY);
		ping_socket(ping, "maps", conf->policy_maps, KNOCK_MAPS);
	}
	if (ping->all.daemons[1].is_expected)
		ping_socket(ping, "milter", conf->milter_listen,
		    KNOCK_MILTER);
	for (i = 0; i < conf->n_relays; i++) {
		relay = &conf->relays[i];
		ping_socket(ping, pool_printf(&ping->pool, "relay %s",
		    relay->name), relay->listen, relay->n_proxy_nets > 0 ?
		    KNOCK_NOTHING : KNOCK_GREETING);
	}
}

/* A row for each subject that something is known of.  A shared_probe_fn. */
static void
put_engine(void *arg, const struct shared_probe_report *report)
{
	struct ping			*ping = arg;
	enum shared_probe_state		 state;
	json_t				*row;
	unsigned			 i;

	for (i = 0; i < report->n; i++) {
		state = report->of[i].state;
		row = begin_row(ping, shared_probe_subject_text(i),
		    report->where, shared_probe_state_text(i, state));
		if (i == SHARED_PROBE_REACHED && *report->version != '\0')
			output_put(row, "version",
			    output_text(report->version));
		output_put(row, "text", *report->of[i].text == '\0' ?
		    json_null() : output_text(report->of[i].text));
		ping->is_well = ping->is_well && state != SHARED_PROBE_FAILS;
	}
	(void)event_base_loopbreak(ping->base);
}

static void
ping_engine(struct ping *ping)
{
	(void)signal(SIGPIPE, SIG_IGN);
	ping->base = event_base_new();
	if (ping->base == NULL || !shared_probe_begin(ping->base,
	    ping->all.conf, NULL, put_engine, ping))
		ctl_die(EX_OSERR, "out of memory");
	(void)event_base_dispatch(ping->base);
	event_base_free(ping->base);
}

int
ping_run(struct ctl *ctl)
{
	static const struct output_column	 columns[] = {
		{ "what", 0 }, { "state", 0 }, { "pid", 0 },
		{ "version", 0 }, { "since", 0 }, { "fingerprint", 0 },
		{ "where", 0 }, { "text", 0 }, { NULL, 0 }
	};
	struct ping	 ping = { .rows = output_new_array(),
			     .is_well = true };
	unsigned	 i;

	ask_init(ctl, &ping.all);
	for (i = 0; i < ASK_DAEMONS; i++)
		if (ping.all.daemons[i].is_expected)
			ping_daemon(&ping, &ping.all.daemons[i]);
	if (ping.all.conf != NULL && *ping.all.conf->shared != '\0')
		ping_engine(&ping);
	if (ctl->option[OPTION_WIRING] != NULL && ping.all.conf != NULL)
		ping_wiring(&ping);
	output_table(ctl, ping.rows, columns);
	if (ctl->option[OPTION_WIRING] != NULL && ping.all.conf == NULL)
		ctl_die(CTL_NO, "the sockets are not known: %s",
		    ping.all.why.text);
	pool_clear(&ping.pool);
	return ping.is_well ? CTL_YES : CTL_NO;
}
