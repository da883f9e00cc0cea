/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * shared_probe: see shared_probe.h.  It ends in a call of the loop's own, when
 * all that it has asked has come to its end.
 */
#include "shared/shared_probe.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "shared/shared.h"

#define ROUND_S		10
#define FIELD_SIZE	64

enum question { QUESTION_INFO, QUESTION_SET, QUESTION_GET, QUESTION_DEL };
#define QUESTIONS	4

/* One question, and who waits for its answer. */
struct asked {
	struct shared_probe	*probe;
	enum question		 question;
};

struct shared_probe {
	struct conf		*conf;
	struct shared		*shared;	/* NULL: it has no beginning */
	struct event		 end;		/* when all is told, or too
						 * late */
	shared_probe_fn		*fn;
	void			*arg;
	struct shared_probe	**slot;		/* NULL: nobody's */
	struct shared_probe_report report;
	struct asked		 asked[QUESTIONS];
	unsigned		 n_open;	/* without an answer yet */
	bool			 is_asked, is_told;
};

const char *
shared_probe_subject_text(enum shared_probe_subject subject)
{
	static const char *const	 texts[] = {
		[SHARED_PROBE_REACHED] = "shared",
		[SHARED_PROBE_RIGHTS] = "shared rights",
		[SHARED_PROBE_MEMORY] = "shared memory",
		[SHARED_PROBE_PERSISTENCE] = "shared persistence",
		[SHARED_PROBE_REPLICAS] = "shared replicas"
	};

	return texts[subject];
}

const char *
shared_probe_state_text(enum shared_probe_subject subject,
    enum shared_probe_state state)
{
	if (state == SHARED_PROBE_WELL)
		return subject == SHARED_PROBE_REACHED ? "answers" : "well";
	return state == SHARED_PROBE_WARNS ? "warns" : "fails";
}

/* The first that is said of a subject stays. */
static void __attribute__((format(printf, 4, 5)))
say(struct shared_probe_report *report, enum shared_probe_subject subject,
    enum shared_probe_state state, const char *fmt, ...)
{
	va_list	 ap;

	if (report->of[subject].state != SHARED_PROBE_WELL)
		return;
	report->of[subject].state = state;
	va_start(ap, fmt);
	(void)vsnprintf(report->of[subject].text,
	    sizeof report->of[subject].text, fmt, ap);
	va_end(ap);
}

/*
 * INFO
 */

/* The value of a line "name:value"; false: there is none. */
static bool
field(struct span info, const char *name, char value_r[FIELD_SIZE])
{
	size_t		 n = strlen(name);
	struct span	 line;
	const char	*end;

	for (; info.n > 0; info = span_skip(info, line.n < info.n ?
	    line.n + 1 : line.n)) {
		end = span_find(info, '\n');
		line = (struct span){ info.p, end == NULL ? info.n :
		    (size_t)(end - info.p) };
		if (!span_begins(line, name) || line.n <= n ||
		    line.p[n] != ':')
			continue;
		line = span_skip(line, n + 1);
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		(void)snprintf(value_r, FIELD_SIZE, "%.*s", line.n >
		    FIELD_SIZE ? FIELD_SIZE : (int)line.n, line.p);
		return true;
	}
	return false;
}

/* Valkey says both, and Redis' version is then the one that it is like. */
static void
read_version(struct span info, struct shared_probe_report *report)
{
	char	 version[FIELD_SIZE];

	if (field(info, "valkey_version", version))
		(void)snprintf(report->version, sizeof report->version,
		    "valkey %.50s", version);
	else if (field(info, "redis_version", version))
		(void)snprintf(report->version, sizeof report->version,
		    "redis %.50s", version);
}

static void
read_memory(struct span info, struct shared_probe_report *report)
{
	char	 policy[FIELD_SIZE];

	if (!field(info, "maxmemory_policy", policy))
		say(report, SHARED_PROBE_MEMORY, SHARED_PROBE_WARNS,
		    "INFO does not tell maxmemory_policy");
	else if (strcmp(policy, "noeviction") != 0)
		say(report, SHARED_PROBE_MEMORY, SHARED_PROBE_FAILS,
		    "maxmemory-policy is %s, and not noeviction: it throws "
		    "away what somebody relies on", policy);
}

/* Without either a restart forgets everything. */
static void
read_persistence(struct span info, struct shared_probe_report *report)
{
	char	 aof[FIELD_SIZE], saved[FIELD_SIZE];

	if (!field(info, "aof_enabled", aof) ||
	    !field(info, "rdb_last_bgsave_status", saved)) {
		say(report, SHARED_PROBE_PERSISTENCE, SHARED_PROBE_WARNS,
		    "INFO does not tell it");
		return;
	}
	if (strcmp(aof, "1") == 0) {
		if (field(info, "aof_last_write_status", aof) &&
		    strcmp(aof, "ok") != 0)
			say(report, SHARED_PROBE_PERSISTENCE,
			    SHARED_PROBE_FAILS,
			    "its log cannot be written: %s", aof);
		return;
	}
	if (strcmp(saved, "ok") != 0)
		say(report, SHARED_PROBE_PERSISTENCE, SHARED_PROBE_FAILS,
		    "its snapshot cannot be written: %s", saved);
	say(report, SHARED_PROBE_PERSISTENCE, SHARED_PROBE_WARNS,
	    "appendonly is no: a restart forgets what came behind the last "
	    "snapshot");
}

static void
read_replicas(struct span info, struct shared_probe_report *report)
{
	char	 n[FIELD_SIZE];

	if (!field(info, "connected_slaves", n))
		say(report, SHARED_PROBE_REPLICAS, SHARED_PROBE_WARNS,
		    "INFO does not tell connected_slaves");
	else if (strcmp(n, "0") == 0)
		say(report, SHARED_PROBE_REPLICAS, SHARED_PROBE_WARNS,
		    "there is none: where this one ends all is lost, or waits "
		    "for it");
}

void
shared_probe_read_info(struct span info, struct shared_probe_report *report)
{
	report->n = SHARED_PROBE_SUBJECTS;
	read_version(info, report);
	read_memory(info, report);
	read_persistence(info, report);
	read_replicas(info, report);
}

/*
 * The questions
 */

static const char *
name_of(enum question question)
{
	static const char *const	 names[] = {
		[QUESTION_INFO] = "INFO", [QUESTION_SET] = "SET",
		[QUESTION_GET] = "GET", [QUESTION_DEL] = "DEL"
	};

	return names[question];
}

/* All is told: the loop ends it. */
static void
finish(struct shared_probe *probe)
{
	probe->is_told = true;
	event_active(&probe->end, EV_TIMEOUT, 0);
}

static void
fail(struct shared_probe *probe, const char *what, const char *why)
{
	say(&probe->report, SHARED_PROBE_REACHED, SHARED_PROBE_FAILS,
	    *what == '\0' ? "%s%s" : "%s: %s", what, why);
}

static void
judge_reply(struct shared_probe_report *report, enum question question,
    const struct resp *reply)
{
	if (report->n < SHARED_PROBE_RIGHTS + 1)
		report->n = SHARED_PROBE_RIGHTS + 1;
	if (reply->type == RESP_ERROR)
		say(report, SHARED_PROBE_RIGHTS, SHARED_PROBE_FAILS,
		    "%s: %.*s", name_of(question), reply->text.n > 300 ? 300 :
		    (int)reply->text.n, reply->text.p);
	else if (question == QUESTION_INFO)
		shared_probe_read_info(reply->text, report);
	else if (question == QUESTION_GET && !span_eq(reply->text, "1"))
		say(report, SHARED_PROBE_RIGHTS, SHARED_PROBE_FAILS,
		    "GET: it has not what it was given");
}

static void
on_answer(void *arg, const struct shared_answer *answer)
{
	const struct asked	*asked = arg;
	struct shared_probe	*probe = asked->probe;

	if (answer->result == SHARED_ANSWERED)
		judge_reply(&probe->report, asked->question, answer->reply);
	else
		fail(probe, name_of(asked->question), answer->why);
	if (--probe->n_open == 0)
		finish(probe);
}

static void
put_question(struct shared_probe *probe, enum question question, int argc,
    const struct span *argv)
{
	struct asked	*asked = &probe->asked[question];

	*asked = (struct asked){ probe, question };
	if (shared_ask(probe->shared, argc, argv, on_answer, asked))
		probe->n_open++;
	else
		fail(probe, "", shared_why(probe->shared));
}

/* A key of this process alone, as two may ask at once. */
static void
put_questions(struct shared_probe *probe)
{
	const struct span	 info = span_of("INFO");
	char			 key[64];
	struct span		 argv[5] = { span_of("SET"), { key, 0 },
				    span_of("1"), span_of("PX"),
				    span_of("1000") };

	(void)snprintf(key, sizeof key, "xc:{ping:%08x%08x}:p",
	    (unsigned)arc4random(), (unsigned)arc4random());
	argv[1] = span_of(key);
	put_question(probe, QUESTION_INFO, 1, &info);
	put_question(probe, QUESTION_SET, 5, argv);
	argv[0] = span_of("GET");
	put_question(probe, QUESTION_GET, 2, argv);
	argv[0] = span_of("DEL");
	put_question(probe, QUESTION_DEL, 2, argv);
	if (probe->n_open == 0)
		finish(probe);
}

static void
note_where(struct shared_probe *probe)
{
	(void)strlcpy(probe->report.where, shared_where(probe->shared),
	    sizeof probe->report.where);
}

/* Once: what comes behind the questions is in their answers. */
static void
on_state(void *arg, enum shared_state state)
{
	struct shared_probe	*probe = arg;

	if (probe->is_asked || probe->is_told)
		return;
	note_where(probe);
	if (state == SHARED_READY) {
		probe->is_asked = true;
		put_questions(probe);
		return;
	}
	fail(probe, "", shared_why(probe->shared));
	finish(probe);
}

static void
on_end(evutil_socket_t fd, short what, void *arg)
{
	struct shared_probe	*probe = arg;

	(void)fd;
	(void)what;
	if (!probe->is_told) {
		note_where(probe);
		fail(probe, "", "nobody has answered in time");
	}
	probe->fn(probe->arg, &probe->report);
	shared_probe_free(probe);
}

static void
begin(struct shared_probe *probe, struct event_base *base)
{
	const struct conf		*conf = probe->conf;
	const struct shared_options	 options = {
		.url = &conf->shared_url,
		.deadline_ms = conf->shared_deadline_ms,
		.password_file = conf->shared_password_file,
		.tls_ca_file = conf->shared_tls_ca_file,
		.tls_certificate = conf->shared_tls_certificate,
		.tls_key = conf->shared_tls_key
	};
	const struct timeval	 time = { ROUND_S, 0 };
	struct err		 err;

	probe->shared = shared_new(base, &options, on_state, probe, &err);
	if (probe->shared != NULL && event_add(&probe->end, &time) == 0)
		return;
	fail(probe, "", probe->shared == NULL ? err.text : "out of memory");
	finish(probe);
}

bool
shared_probe_begin(struct event_base *base, struct conf *conf,
    struct shared_probe **slot, shared_probe_fn *fn, void *arg)
{
	struct shared_probe	*probe = calloc(1, sizeof *probe);

	if (probe == NULL)
		return false;
	probe->conf = conf_ref(conf);
	probe->fn = fn;
	probe->arg = arg;
	probe->slot = slot;
	probe->report.n = SHARED_PROBE_REACHED + 1;
	(void)event_assign(&probe->end, base, -1, 0, on_end, probe);
	if (slot != NULL)
		*slot = probe;
	begin(probe, base);
	return true;
}

void
shared_probe_free(struct shared_probe *probe)
{
	if (probe == NULL)
		return;
	if (probe->slot != NULL)
		*probe->slot = NULL;
	(void)event_del(&probe->end);
	shared_free(probe->shared);
	conf_unref(probe->conf);
	free(probe);
}
