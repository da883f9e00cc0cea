/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * shared_conn_test: a connection to an engine that answers whole, byte by byte,
 * half, late, wrongly, or not at all: each question is completed once, by its
 * own answer.
 */
#include "shared/shared_conn.h"

#include <stdio.h>

#include <event2/event.h>

#include "t/lib/engine_script.h"
#include "t/lib/runner.h"

#define ASKED_MAX	(SHARED_CONN_QUESTIONS_MAX + 8)
#define DEADLINE_MS	60

static const struct engine_script_row	 good[] = {
	{ "AUTH user hush",	"+OK\r\n" },
	{ "SELECT 3",		"+OK\r\n" },
	{ "ROLE",		"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n" },
	{ "GET one",		"$3\r\nuno\r\n" },
	{ "GET two",		"$-1\r\n" },
	{ "GET three",		"-NOPERM no\r\n" },
	{ NULL,			NULL }
};
#define SETUP_BYTES	(5 + 5 + 24)
#define GOOD_BYTES	(SETUP_BYTES + 9 + 5 + 12)

struct dialogue {
	struct event_base	*base;
	struct engine_script	 script;
	struct shared_conn	*conn;
	unsigned		 n_ready, n_over, n_refused;
	bool			 is_asking;	/* when it is READY */
	int			 free_at;	/* completion, -1: none; -2: by
						 * READY, -3: by OVER */
	unsigned		 n_asked, n_done;
	struct asked {
		struct dialogue		*dialogue;
		unsigned		 n;
		enum shared_result	 result;
		char			 text[32];
	} asked[ASKED_MAX];
	char			 why[256];
};

static void
on_answer(void *arg, const struct shared_answer *answer)
{
	struct asked	*asked = arg;
	struct dialogue	*d = asked->dialogue;

	ck_assert_uint_eq(asked->n++, 0);
	asked->result = answer->result;
	ck_assert((answer->reply != NULL) ==
	    (answer->result == SHARED_ANSWERED));
	ck_assert((*answer->why == '\0') ==
	    (answer->result == SHARED_ANSWERED));
	if (answer->reply != NULL)
		snprintf(asked->text, sizeof asked->text, "%.*s",
		    (int)answer->reply->text.n, answer->reply->text.p == NULL
		    ? "" : answer->reply->text.p);
	if (d->free_at == (int)d->n_done++) {
		shared_conn_free(d->conn);
		d->conn = NULL;
	}
}

static bool
get(struct dialogue *d, const char *key)
{
	const struct span	 argv[2] = { span_of("GET"), span_of(key) };
	struct asked		*asked = &d->asked[d->n_asked];

	ck_assert_uint_lt(d->n_asked, ASKED_MAX);
	*asked = (struct asked){ .dialogue = d };
	if (!shared_conn_ask(d->conn, 2, argv, on_answer, asked))
		return false;
	d->n_asked++;
	return true;
}

static void
on_event(void *arg, enum shared_conn_event event)
{
	struct dialogue	*d = arg;

	if (event == SHARED_CONN_READY) {
		ck_assert_uint_eq(d->n_ready++ + d->n_over, 0);
		d->n_refused = d->is_asking && !(get(d, "one") &&
		    get(d, "two") && get(d, "three"));
	} else {
		ck_assert_uint_eq(d->n_over++, 0);
		ck_assert_uint_eq(d->n_done, d->n_asked);
		snprintf(d->why, sizeof d->why, "%s",
		    shared_conn_why(d->conn));
	}
	if (d->free_at == (event == SHARED_CONN_READY ? -2 : -3)) {
		shared_conn_free(d->conn);
		d->conn = NULL;
	}
}

static void
begin(struct dialogue *d, const struct engine_script_row *rows)
{
	const struct shared_conn_options	 options = {
		.deadline_ms = DEADLINE_MS, .setup_ms = 4 * DEADLINE_MS,
		.user = "user", .password = "hush", .database = 3
	};
	struct err	 err;

	*d = (struct dialogue){ .base = event_base_new(), .is_asking = true,
	    .free_at = -1 };
	engine_script_open(&d->script, d->base, rows);
	d->conn = shared_conn_new(d->base, &options,
	    (const struct sockaddr *)&d->script.addr, sizeof d->script.addr,
	    on_event, d, &err);
	ck_assert_msg(d->conn != NULL, "%s", err.text);
}

static void
end(struct dialogue *d)
{
	shared_conn_free(d->conn);
	engine_script_close(&d->script);
	event_base_free(d->base);
}

/* Turns until *n is as much, or for some seconds. */
static void
turn_until(struct dialogue *d, const unsigned *n, unsigned want)
{
	const struct timeval	 slice = { 0, 5000 };
	int			 i;

	for (i = 0; i < 1000 && *n < want; i++) {
		(void)event_base_loopexit(d->base, &slice);
		(void)event_base_dispatch(d->base);
	}
	ck_assert_uint_eq(*n, want);
}

static void
turn_for(struct dialogue *d, unsigned ms)
{
	const struct timeval	 time = { 0, (suseconds_t)ms * 1000 };

	(void)event_base_loopexit(d->base, &time);
	(void)event_base_dispatch(d->base);
}

static void
check_answers(const struct dialogue *d)
{
	static const char *const	 texts[] = { "uno", "", "NOPERM no" };
	unsigned			 i;

	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(d->asked[i].result, SHARED_ANSWERED);
		ck_assert_str_eq(d->asked[i].text, texts[i]);
	}
}

static const size_t	 pieces[] = { 0, 1, 2, 7 };

START_TEST(answers_come_in_pieces)
{
	static struct dialogue	 d;

	begin(&d, good);
	d.script.piece = pieces[_i];
	turn_until(&d, &d.n_done, 3);
	check_answers(&d);
	ck_assert_uint_eq(d.n_ready, 1);
	ck_assert_uint_eq(d.n_over, 0);
	ck_assert_uint_eq(d.script.n_sent, GOOD_BYTES);
	/* Nothing of it is left to be taken for another's. */
	ck_assert(get(&d, "one"));
	turn_until(&d, &d.n_done, 4);
	ck_assert_str_eq(d.asked[3].text, "uno");
	end(&d);
}
END_TEST

START_TEST(answers_are_cut_off_at_each_byte)
{
	static struct dialogue	 d;
	size_t			 cut;
	unsigned		 i;

	for (cut = 1; cut < GOOD_BYTES; cut++) {
		begin(&d, good);
		d.script.cut = cut;
		turn_until(&d, &d.n_over, 1);
		ck_assert_uint_eq(d.n_done, d.n_asked);
		for (i = 0; i < d.n_asked; i++)
			ck_assert_uint_eq(d.asked[i].n, 1);
		if (cut != SETUP_BYTES)	/* else writing may tell it first */
			ck_assert_str_eq(d.why,
			    "it has closed the connection");
		ck_assert(!get(&d, "one"));
		ck_assert_uint_eq(d.n_ready, cut >= SETUP_BYTES);
		if (cut != SETUP_BYTES)
			ck_assert_uint_eq(d.n_asked + d.n_refused,
			    d.n_ready * 3);
		if (cut > SETUP_BYTES)
			ck_assert_int_eq(d.asked[2].result, SHARED_LOST);
		end(&d);
	}
}
END_TEST

/* Its own place on the wire is what an answer belongs to. */
START_TEST(late_answers_are_nobodys)
{
	static struct dialogue	 d;

	begin(&d, good);
	d.is_asking = false;
	turn_until(&d, &d.n_ready, 1);
	d.script.is_held = true;
	ck_assert(get(&d, "one") && get(&d, "two"));
	turn_until(&d, &d.n_done, 2);
	ck_assert_int_eq(d.asked[0].result, SHARED_LATE);
	ck_assert_int_eq(d.asked[1].result, SHARED_LATE);
	ck_assert(get(&d, "three") && get(&d, "one"));
	engine_script_release(&d.script);
	turn_until(&d, &d.n_done, 4);
	ck_assert_int_eq(d.asked[2].result, SHARED_ANSWERED);
	ck_assert_str_eq(d.asked[2].text, "NOPERM no");
	ck_assert_str_eq(d.asked[3].text, "uno");
	ck_assert_uint_eq(d.n_over, 0);
	end(&d);
}
END_TEST

static const struct row {
	const char			*name;
	struct engine_script_row	 instead;
	const char			*want;	/* why it is over */
} rows[] = {
	{ "AUTH refused", { "AUTH", "-WRONGPASS bad\r\n" },
	    "AUTH: WRONGPASS bad" },
	{ "AUTH odd", { "AUTH", ":1\r\n" }, "AUTH: an unexpected reply" },
	{ "AUTH silent", { "AUTH", NULL }, "set-up: not in time" },
	{ "AUTH closes", { "AUTH", ENGINE_SCRIPT_CLOSE },
	    "it has closed the connection" },
	{ "SELECT refused", { "SELECT", "-ERR DB index\r\n" },
	    "SELECT: ERR DB index" },
	{ "a replica", { "ROLE", "*1\r\n$5\r\nslave\r\n" },
	    "ROLE: it is a replica" },
	{ "a sentinel", { "ROLE", "*1\r\n$8\r\nsentinel\r\n" },
	    "ROLE: it is no master" },
	{ "no role", { "ROLE", "*0\r\n" }, "ROLE: it is no master" },
	{ "the role of nobody", { "ROLE", "$-1\r\n" },
	    "ROLE: it is no master" },
	{ "two replies", { "AUTH", "+OK\r\n+OK\r\n+OK\r\n" },
	    "ROLE: it is no master" },
	{ "no reply", { "AUTH", "HTTP/1.1 400 Bad Request\r\n" },
	    "what it says is no reply: Protocol error, got \"H\" as reply "
	    "type byte" },
	{ "a huge array", { "ROLE", "*1000000000\r\n" },
	    "what it says is no reply: an array is too long" },
	{ "MOVED", { "ROLE", "-MOVED 1 127.0.0.1:1\r\n" },
	    "ROLE: MOVED 1 127.0.0.1:1" },
};

START_TEST(set_up_has_one_end)
{
	static struct dialogue		 d;
	struct engine_script_row	 script[8];

	script[0] = rows[_i].instead;
	memcpy(script + 1, good, sizeof good);
	begin(&d, script);
	turn_until(&d, &d.n_over, 1);
	ck_assert_msg(strcmp(d.why, rows[_i].want) == 0, "%s: %s",
	    rows[_i].name, d.why);
	ck_assert_uint_eq(d.n_ready, 0);
	ck_assert(!get(&d, "one"));
	end(&d);
}
END_TEST

static const struct engine_script_row	 wrong[] = {
	{ "GET two", "*1000000000\r\n" },
	{ "GET two", "?\r\n" },
	{ "GET two", "$-1\r\n+more\r\n$9\r\n" },
	{ "GET two", ENGINE_SCRIPT_CLOSE },
	{ "GET three", "$-1\r\n:1\r\n" },
};

/* One or two are answered, and all others are lost, and none twice. */
START_TEST(what_is_wrong_ends_all)
{
	static struct dialogue		 d;
	struct engine_script_row	 script[8];
	unsigned			 i;

	script[0] = wrong[_i];
	memcpy(script + 1, good, sizeof good);
	begin(&d, script);
	turn_until(&d, &d.n_over, 1);
	ck_assert_uint_eq(d.n_done, 3);
	ck_assert_int_eq(d.asked[0].result, SHARED_ANSWERED);
	for (i = 0; i < 3; i++)
		ck_assert_uint_eq(d.asked[i].n, 1);
	turn_for(&d, 2 * DEADLINE_MS);
	ck_assert_uint_eq(d.n_done, 3);
	end(&d);
}
END_TEST

/* Late ones have their places, too. */
START_TEST(more_than_so_many_are_refused)
{
	static struct dialogue	 d;
	unsigned		 i;

	begin(&d, good);
	d.is_asking = false;
	turn_until(&d, &d.n_ready, 1);
	d.script.is_held = true;
	for (i = 0; i < SHARED_CONN_QUESTIONS_MAX; i++)
		ck_assert(get(&d, "two"));
	ck_assert(!get(&d, "two"));
	turn_until(&d, &d.n_done, SHARED_CONN_QUESTIONS_MAX);
	ck_assert(!get(&d, "two"));
	engine_script_release(&d.script);
	for (i = 0; i < 100 && !get(&d, "one"); i++)
		turn_for(&d, 10);
	turn_until(&d, &d.n_done, SHARED_CONN_QUESTIONS_MAX + 1);
	ck_assert_str_eq(d.asked[SHARED_CONN_QUESTIONS_MAX].text, "uno");
	end(&d);
}
END_TEST

/* Words of any length, and none that are too many. */
START_TEST(words_are_bounded)
{
	static struct dialogue	 d;
	static char		 much[SHARED_CONN_PENDING_MAX * 4];
	struct span		 argv[20];
	struct asked		*asked = &d.asked[0];
	unsigned		 i;

	begin(&d, good);
	d.is_asking = false;
	turn_until(&d, &d.n_ready, 1);
	for (i = 0; i < 20; i++)
		argv[i] = span_of("a");
	*asked = (struct asked){ .dialogue = &d };
	d.script.is_held = true;
	memset(much, 'a', sizeof much);
	argv[1] = (struct span){ much, sizeof much };
	for (i = 0; i < 8 && shared_conn_ask(d.conn, 2, argv, on_answer,
	    &d.asked[i]); i++)
		d.asked[i + 1] = (struct asked){ .dialogue = &d };
	ck_assert_uint_ge(i, 1);
	ck_assert_uint_lt(i, 8);
	end(&d);
}
END_TEST

static const int	 frees[] = { -3, -2, 0, 1, 2 };

/* What is left then is completed no more. */
START_TEST(it_may_be_freed_by_what_it_calls)
{
	static struct dialogue		 d;
	struct engine_script_row	 script[8];

	memset(script, 0, sizeof script);
	memcpy(script + 1, good, sizeof good);
	script[0] = (struct engine_script_row){ "GET three",
	    ENGINE_SCRIPT_CLOSE };
	begin(&d, script);
	d.free_at = frees[_i];
	turn_for(&d, 2 * DEADLINE_MS);
	ck_assert_ptr_null(d.conn);
	ck_assert_uint_eq(d.n_over, frees[_i] == -3);
	ck_assert_uint_eq(d.n_done, frees[_i] == -3 ? 3 : frees[_i] == -2 ?
	    0 : (unsigned)frees[_i] + 1);
	end(&d);
}
END_TEST

START_TEST(it_may_be_freed_when_it_is_late)
{
	static struct dialogue	 d;

	begin(&d, good);
	d.is_asking = false;
	turn_until(&d, &d.n_ready, 1);
	d.script.is_held = true;
	d.free_at = 0;
	ck_assert(get(&d, "one") && get(&d, "two"));
	turn_for(&d, 2 * DEADLINE_MS);
	ck_assert_ptr_null(d.conn);
	ck_assert_uint_eq(d.n_done, 1);
	end(&d);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("shared_conn");

	tcase_add_loop_test(tc, answers_come_in_pieces, 0, NELEM(pieces));
	tcase_add_test(tc, answers_are_cut_off_at_each_byte);
	tcase_add_test(tc, late_answers_are_nobodys);
	tcase_add_loop_test(tc, set_up_has_one_end, 0, NELEM(rows));
	tcase_add_loop_test(tc, what_is_wrong_ends_all, 0, NELEM(wrong));
	tcase_add_test(tc, more_than_so_many_are_refused);
	tcase_add_test(tc, words_are_bounded);
	tcase_add_loop_test(tc, it_may_be_freed_by_what_it_calls, 0,
	    NELEM(frees));
	tcase_add_test(tc, it_may_be_freed_when_it_is_late);
	return runner_run("shared_conn", tc);
}
