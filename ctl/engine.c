/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * engine: see engine.h.
 */
#include "engine.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include <event2/event.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "shared/shared.h"

#define ROUND_S		10
#define FIELD_SIZE	64

enum question { QUESTION_INFO, QUESTION_SET, QUESTION_GET, QUESTION_DEL };
#define QUESTIONS	4

struct engine;

/* One question, and who waits for its answer. */
struct asked {
	struct engine	*engine;
	enum question	 question;
};

struct engine {
	struct event_base	*base;
	struct shared		*shared;
	struct engine_report	*report;
	struct asked		 asked[QUESTIONS];
	unsigned		 n_open;	/* without an answer yet */
};

const char *
engine_subject_text(enum engine_subject subject)
{
	static const char *const	 texts[] = {
		[ENGINE_REACHED] = "shared",
		[ENGINE_RIGHTS] = "shared rights",
		[ENGINE_MEMORY] = "shared memory",
		[ENGINE_PERSISTENCE] = "shared persistence",
		[ENGINE_REPLICAS] = "shared replicas"
	};

	return texts[subject];
}

const char *
engine_state_text(enum engine_subject subject, enum engine_state state)
{
	if (state == ENGINE_WELL)
		return subject == ENGINE_REACHED ? "answers" : "well";
	return state == ENGINE_WARNS ? "warns" : "fails";
}

/* The first that is said of a subject stays. */
static void __attribute__((format(printf, 4, 5)))
say(struct engine_report *report, enum engine_subject subject,
    enum engine_state state, const char *fmt, ...)
{
	va_list	 ap;

	if (report->of[subject].state != ENGINE_WELL)
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
read_version(struct span info, struct engine_report *report)
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
read_memory(struct span info, struct engine_report *report)
{
	char	 policy[FIELD_SIZE];

	if (!field(info, "maxmemory_policy", policy))
		say(report, ENGINE_MEMORY, ENGINE_WARNS,
		    "INFO does not tell maxmemory_policy");
	else if (strcmp(policy, "noeviction") != 0)
		say(report, ENGINE_MEMORY, ENGINE_FAILS,
		    "maxmemory-policy is %s, and not noeviction: it throws "
		    "away what somebody relies on", policy);
}

/* Without either a restart forgets everything. */
static void
read_persistence(struct span info, struct engine_report *report)
{
	char	 aof[FIELD_SIZE], saved[FIELD_SIZE];

	if (!field(info, "aof_enabled", aof) ||
	    !field(info, "rdb_last_bgsave_status", saved)) {
		say(report, ENGINE_PERSISTENCE, ENGINE_WARNS,
		    "INFO does not tell it");
		return;
	}
	if (strcmp(aof, "1") == 0) {
		if (field(info, "aof_last_write_status", aof) &&
		    strcmp(aof, "ok") != 0)
			say(report, ENGINE_PERSISTENCE, ENGINE_FAILS,
			    "its log cannot be written: %s", aof);
		return;
	}
	if (strcmp(saved, "ok") != 0)
		say(report, ENGINE_PERSISTENCE, ENGINE_FAILS,
		    "its snapshot cannot be written: %s", saved);
	say(report, ENGINE_PERSISTENCE, ENGINE_WARNS,
	    "appendonly is no: a restart forgets what came behind the last "
	    "snapshot");
}

static void
read_replicas(struct span info, struct engine_report *report)
{
	char	 n[FIELD_SIZE];

	if (!field(info, "connected_slaves", n))
		say(report, ENGINE_REPLICAS, ENGINE_WARNS,
		    "INFO does not tell connected_slaves");
	else if (strcmp(n, "0") == 0)
		say(report, ENGINE_REPLICAS, ENGINE_WARNS,
		    "there is none: where this one ends all is lost, or waits "
		    "for it");
}

void
engine_read_info(struct span info, struct engine_report *report)
{
	report->n = ENGINE_SUBJECTS;
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

static void
judge_reply(struct engine *engine, enum question question,
    const struct resp *reply)
{
	struct engine_report	*report = engine->report;

	if (report->n < ENGINE_RIGHTS + 1)
		report->n = ENGINE_RIGHTS + 1;
	if (reply->type == RESP_ERROR)
		say(report, ENGINE_RIGHTS, ENGINE_FAILS, "%s: %.*s",
		    name_of(question), reply->text.n > 300 ? 300 :
		    (int)reply->text.n, reply->text.p);
	else if (question == QUESTION_INFO)
		engine_read_info(reply->text, report);
	else if (question == QUESTION_GET && !span_eq(reply->text, "1"))
		say(report, ENGINE_RIGHTS, ENGINE_FAILS,
		    "GET: it has not what it was given");
}

static void
on_answer(void *arg, const struct shared_answer *answer)
{
	const struct asked	*asked = arg;
	struct engine		*engine = asked->engine;

	if (answer->result == SHARED_ANSWERED)
		judge_reply(engine, asked->question, answer->reply);
	else
		say(engine->report, ENGINE_REACHED, ENGINE_FAILS, "%s: %s",
		    name_of(asked->question), answer->why);
	if (--engine->n_open == 0)
		(void)event_base_loopbreak(engine->base);
}

static void
put_question(struct engine *engine, enum question question, int argc,
    const struct span *argv)
{
	struct asked	*asked = &engine->asked[question];

	*asked = (struct asked){ engine, question };
	if (shared_ask(engine->shared, argc, argv, on_answer, asked))
		engine->n_open++;
	else
		say(engine->report, ENGINE_REACHED, ENGINE_FAILS, "%s",
		    shared_why(engine->shared));
}

/* A key of this process alone, as two may ask at once. */
static void
put_questions(struct engine *engine)
{
	const struct span	 info = span_of("INFO");
	char			 key[64];
	struct span		 argv[5] = { span_of("SET"), { key, 0 },
				    span_of("1"), span_of("PX"),
				    span_of("1000") };

	(void)snprintf(key, sizeof key, "xc:{ping:%08x%08x}:p",
	    (unsigned)arc4random(), (unsigned)arc4random());
	argv[1] = span_of(key);
	put_question(engine, QUESTION_INFO, 1, &info);
	put_question(engine, QUESTION_SET, 5, argv);
	argv[0] = span_of("GET");
	put_question(engine, QUESTION_GET, 2, argv);
	argv[0] = span_of("DEL");
	put_question(engine, QUESTION_DEL, 2, argv);
	if (engine->n_open == 0)
		(void)event_base_loopbreak(engine->base);
}

/* Away while answers are due: their loss says it, too. */
static void
on_state(void *arg, enum shared_state state)
{
	struct engine	*engine = arg;

	(void)snprintf(engine->report->where, sizeof engine->report->where,
	    "%s", shared_where(engine->shared));
	if (state == SHARED_READY && engine->n_open == 0) {
		put_questions(engine);
		return;
	}
	say(engine->report, ENGINE_REACHED, ENGINE_FAILS, "%s",
	    shared_why(engine->shared));
	(void)event_base_loopbreak(engine->base);
}

static void
run(struct engine *engine, const struct conf *conf)
{
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

	engine->shared = shared_new(engine->base, &options, on_state, engine,
	    &err);
	if (engine->shared == NULL) {
		say(engine->report, ENGINE_REACHED, ENGINE_FAILS, "%s",
		    err.text);
		return;
	}
	(void)event_base_loopexit(engine->base, &time);
	(void)event_base_dispatch(engine->base);
	if (*engine->report->where == '\0' || engine->n_open > 0)
		say(engine->report, ENGINE_REACHED, ENGINE_FAILS,
		    "%s: nobody has answered in %d s",
		    shared_where(engine->shared), ROUND_S);
	shared_free(engine->shared);
}

void
engine_ask(const struct conf *conf, struct engine_report *report_r)
{
	struct engine	 engine = { .base = event_base_new(),
			    .report = report_r };

	*report_r = (struct engine_report){ .n = ENGINE_REACHED + 1 };
	(void)signal(SIGPIPE, SIG_IGN);
	if (engine.base == NULL) {
		say(report_r, ENGINE_REACHED, ENGINE_FAILS, "out of memory");
		return;
	}
	run(&engine, conf);
	event_base_free(engine.base);
}
