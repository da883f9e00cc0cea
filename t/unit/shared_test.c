/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * shared_test: the client of an engine finds the master among hosts, or by
 * sentinels, comes back by itself, and does not go on asking what does not
 * answer.
 */
#include "shared/shared.h"

#include <stdio.h>

#include <event2/event.h>

#include "t/lib/engine_script.h"
#include "t/lib/runner.h"

#define DEADLINE_MS	50

static const struct engine_script_row	 master[] = {
	{ "ROLE",	"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n" },
	{ "GET",	"$3\r\nuno\r\n" },
	{ NULL,		NULL }
};
static const struct engine_script_row	 replica[] = {
	{ "ROLE",	"*1\r\n$5\r\nslave\r\n" },
	{ NULL,		NULL }
};
static const struct engine_script_row	 deaf[] = {
	{ "ROLE",	"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n" },
	{ NULL,		NULL }
};
static const struct engine_script_row	 demoted[] = {
	{ "ROLE",	"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n" },
	{ "GET",	"-READONLY You can't write against a replica\r\n" },
	{ NULL,		NULL }
};
static const struct engine_script_row	 closing[] = {
	{ "ROLE",	ENGINE_SCRIPT_CLOSE },
	{ NULL,		NULL }
};
static const struct engine_script_row	 moving[] = {
	{ "ROLE",	"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n" },
	{ "GET",	"-MOVED 1 127.0.0.1:1\r\n" },
	{ NULL,		NULL }
};

struct scene {
	struct event_base	*base;
	struct engine_script	 a, b, c;
	struct shared_url	 url;
	struct shared		*shared;
	unsigned		 n_ready, n_away;
	unsigned		 n_answered, n_late, n_lost;
	char			 text[64];
};

static void
on_state(void *arg, enum shared_state state)
{
	struct scene	*s = arg;

	if (state == SHARED_READY)
		s->n_ready++;
	else
		s->n_away++;
}

static void
on_answer(void *arg, const struct shared_answer *answer)
{
	struct scene	*s = arg;

	if (answer->result == SHARED_LATE)
		s->n_late++;
	else if (answer->result == SHARED_LOST)
		s->n_lost++;
	else
		s->n_answered++;
	if (answer->reply != NULL)
		snprintf(s->text, sizeof s->text, "%.*s",
		    (int)answer->reply->text.n, answer->reply->text.p);
}

static bool
get(struct scene *s)
{
	const struct span	 argv[2] = { span_of("GET"), span_of("a") };

	return shared_ask(s->shared, 2, argv, on_answer, s);
}

static void
set_up(struct scene *s, const struct engine_script_row *a,
    const struct engine_script_row *b, const struct engine_script_row *c)
{
	*s = (struct scene){ .base = event_base_new() };
	engine_script_open(&s->a, s->base, a);
	engine_script_open(&s->b, s->base, b);
	engine_script_open(&s->c, s->base, c);
}

/* hosts: "a,b", each of whose letters is one of the scripts, or "-", where
 * nobody is. */
static void
begin(struct scene *s, const char *hosts, const char *sentinel)
{
	const struct engine_script	*script;
	const struct shared_options	 options = { .url = &s->url,
		.deadline_ms = DEADLINE_MS, .password_file = "",
		.tls_ca_file = "", .tls_certificate = "", .tls_key = "" };
	char		 text[256];
	size_t		 n;
	struct err	 err;

	n = (size_t)snprintf(text, sizeof text, "redis://");
	for (; *hosts != '\0'; hosts++) {
		script = *hosts == 'a' ? &s->a : *hosts == 'b' ? &s->b : &s->c;
		n += (size_t)snprintf(text + n, sizeof text - n,
		    "127.0.0.1:%u%s", *hosts == '-' ? 1 :
		    ntohs(script->addr.sin_port), hosts[1] == '\0' ? "" : ",");
	}
	(void)snprintf(text + n, sizeof text - n, "%s%s",
	    *sentinel == '\0' ? "" : "?sentinel=", sentinel);
	ck_assert_int_eq(shared_url_parse(span_of(text), &s->url, &err), 0);
	s->shared = shared_new(s->base, &options, on_state, s, &err);
	ck_assert_msg(s->shared != NULL, "%s", err.text);
}

static void
end(struct scene *s)
{
	shared_free(s->shared);
	engine_script_close(&s->a);
	engine_script_close(&s->b);
	engine_script_close(&s->c);
	event_base_free(s->base);
}

static void
turn_for(struct scene *s, unsigned ms)
{
	const struct timeval	 time = { (time_t)(ms / 1000),
				    (suseconds_t)(ms % 1000) * 1000 };

	(void)event_base_loopexit(s->base, &time);
	(void)event_base_dispatch(s->base);
}

static void
turn_until(struct scene *s, const unsigned *n, unsigned want)
{
	int	 i;

	for (i = 0; i < 4000 && *n < want; i++)
		turn_for(s, 5);
	ck_assert_uint_eq(*n, want);
}

START_TEST(the_master_is_found_behind_others)
{
	struct scene	 s;

	set_up(&s, replica, closing, master);
	begin(&s, "-abc", "");
	ck_assert(!get(&s));
	turn_until(&s, &s.n_ready, 1);
	ck_assert_uint_eq(s.n_away, 0);
	ck_assert(get(&s) && get(&s));
	turn_until(&s, &s.n_answered, 2);
	ck_assert_str_eq(s.text, "uno");
	end(&s);
}
END_TEST

/* Rounds come ever less often: in 2 s with pauses from 50 ms on, six or so. */
START_TEST(rounds_are_not_in_a_hurry)
{
	struct scene	 s;

	set_up(&s, replica, closing, master);
	begin(&s, "a-b", "");
	turn_for(&s, 2000);
	ck_assert_uint_ge(s.n_away, 3);
	ck_assert_uint_le(s.n_away, 7);
	ck_assert_uint_le(s.a.n_accepted, s.n_away + 1);
	ck_assert_str_ne(shared_why(s.shared), "");
	s.a.rows = master;
	turn_until(&s, &s.n_ready, 1);
	end(&s);
}
END_TEST

START_TEST(what_does_not_answer_is_asked_no_more)
{
	struct scene	 s;
	unsigned	 i, n_said;

	set_up(&s, deaf, master, master);
	begin(&s, "a", "");
	turn_until(&s, &s.n_ready, 1);
	for (i = 0; i < SHARED_MISSES_MAX - 1; i++) {
		ck_assert(get(&s));
		turn_until(&s, &s.n_late, i + 1);
	}
	ck_assert_uint_eq(s.n_away, 0);
	/* Two more: one is late, and the other goes with the connection. */
	ck_assert(get(&s) && get(&s));
	turn_until(&s, &s.n_away, 1);
	ck_assert_uint_eq(s.n_late + s.n_lost, SHARED_MISSES_MAX + 1);
	ck_assert(!get(&s));

	/* One question decides. */
	turn_until(&s, &s.n_ready, 2);
	n_said = s.a.n_said;
	ck_assert(get(&s));
	ck_assert(!get(&s));
	turn_until(&s, &s.n_away, 2);
	ck_assert_uint_eq(s.a.n_said, n_said + 1);

	s.a.rows = master;
	turn_until(&s, &s.n_ready, 3);
	ck_assert(get(&s));
	ck_assert(!get(&s));
	turn_until(&s, &s.n_answered, 1);
	for (i = 0; i < 10; i++)
		ck_assert(get(&s));
	turn_until(&s, &s.n_answered, 11);
	ck_assert_uint_eq(s.n_away, 2);
	end(&s);
}
END_TEST

/* One that answers now and then is none that does not. */
START_TEST(misses_count_in_a_row)
{
	struct scene	 s;
	unsigned	 i;

	set_up(&s, master, master, master);
	begin(&s, "a", "");
	turn_until(&s, &s.n_ready, 1);
	for (i = 0; i < 2 * SHARED_MISSES_MAX; i++) {
		s.a.is_held = true;
		ck_assert(get(&s));
		turn_until(&s, &s.n_late, i + 1);
		engine_script_release(&s.a);
		ck_assert(get(&s));
		turn_until(&s, &s.n_answered, i + 1);
	}
	ck_assert_uint_eq(s.n_away, 0);
	ck_assert_uint_eq(s.a.n_accepted, 1);
	end(&s);
}
END_TEST

START_TEST(a_master_that_is_one_no_more_is_left)
{
	struct scene	 s;

	set_up(&s, demoted, master, master);
	begin(&s, "ab", "");
	turn_until(&s, &s.n_ready, 1);
	ck_assert(get(&s));
	turn_until(&s, &s.n_answered, 1);
	ck_assert_int_eq(strncmp(s.text, "READONLY", 8), 0);
	turn_until(&s, &s.n_away, 1);
	s.a.rows = replica;
	turn_until(&s, &s.n_ready, 2);
	ck_assert_uint_eq(s.b.n_accepted, 1);
	end(&s);
}
END_TEST

/* Not followed: the question has its answer, and no other is made of it. */
START_TEST(moved_is_an_answer)
{
	struct scene	 s;
	unsigned	 i;

	set_up(&s, moving, master, master);
	begin(&s, "a", "");
	turn_until(&s, &s.n_ready, 1);
	for (i = 0; i < 20; i++)
		ck_assert(get(&s));
	turn_until(&s, &s.n_answered, 20);
	ck_assert_uint_eq(s.a.n_said, 21);
	ck_assert_uint_eq(s.n_away, 0);
	end(&s);
}
END_TEST

/* What a sentinel says where the master is. */
static void
tell(char *reply, size_t size, const struct engine_script *script)
{
	char	 port[8];

	(void)snprintf(port, sizeof port, "%u", ntohs(script->addr.sin_port));
	(void)snprintf(reply, size, "*2\r\n$9\r\n127.0.0.1\r\n$%zu\r\n%s\r\n",
	    strlen(port), port);
}

/* One is dead, one knows none, one tells of a replica, and one knows it; at the
 * next time that one has changed its mind. */
START_TEST(sentinels_are_asked_anew)
{
	struct scene			 s;
	char				 of_b[64], of_c[64];
	struct engine_script_row	 rows[] = {
		{ "SENTINEL get-master-addr-by-name it", "*-1\r\n" },
		{ NULL, NULL }
	};

	set_up(&s, rows, replica, master);
	tell(of_b, sizeof of_b, &s.b);
	tell(of_c, sizeof of_c, &s.c);
	begin(&s, "-a", "it");
	turn_until(&s, &s.n_away, 1);
	ck_assert_str_eq(shared_why(s.shared),
	    "the sentinel knows no such master");
	rows[0].reply = of_b;
	turn_until(&s, &s.n_away, 2);
	ck_assert_str_eq(shared_why(s.shared), "ROLE: it is a replica");
	rows[0].reply = of_c;
	turn_until(&s, &s.n_ready, 1);
	ck_assert(get(&s));
	turn_until(&s, &s.n_answered, 1);
	s.b.rows = master;
	s.c.rows = replica;
	rows[0].reply = of_b;
	engine_script_hang_up(&s.c);
	turn_until(&s, &s.n_ready, 2);
	ck_assert_uint_eq(s.b.n_accepted, 2);
	ck_assert_uint_eq(s.c.n_accepted, 1);
	end(&s);
}
END_TEST

static const char *const	 odd[] = {
	"+OK\r\n", "-ERR unknown command\r\n", "*0\r\n", "$-1\r\n",
	"*1\r\n$9\r\n127.0.0.1\r\n", "*2\r\n:1\r\n:2\r\n",
	"*2\r\n$9\r\n127.0.0.1\r\n$1\r\n0\r\n",
	"*2\r\n$9\r\n127.0.0.1\r\n$5\r\n65536\r\n",
	"*2\r\n$9\r\n127.0.0.1\r\n$0\r\n\r\n",
	"*2\r\n$0\r\n\r\n$4\r\n6379\r\n", "*2\r\n$3\r\na b\r\n$4\r\n6379\r\n",
	"*2\r\n*1\r\n:1\r\n$4\r\n6379\r\n", ENGINE_SCRIPT_CLOSE, NULL, "?\r\n",
};

START_TEST(sentinels_that_say_something_else_are_passed_over)
{
	struct scene			 s;
	char				 of_c[64];
	const struct engine_script_row	 bad[] = {
		{ "SENTINEL", odd[_i] }, { NULL, NULL }
	}, good[] = {
		{ "SENTINEL", of_c }, { NULL, NULL }
	};

	set_up(&s, bad, good, master);
	tell(of_c, sizeof of_c, &s.c);
	begin(&s, "ab", "it");
	turn_until(&s, &s.n_ready, 1);
	ck_assert_uint_eq(s.n_away, 0);
	ck_assert_uint_eq(s.a.n_accepted, 1);
	end(&s);
}
END_TEST

/* One that is too high by 65536 is no other. */
START_TEST(ports_do_not_wrap)
{
	struct scene			 s;
	char				 reply[64];
	const struct engine_script_row	 rows[] = {
		{ "SENTINEL", reply }, { NULL, NULL }
	};

	set_up(&s, rows, master, master);
	(void)snprintf(reply, sizeof reply, "*2\r\n$9\r\n127.0.0.1\r\n"
	    "$%d\r\n%d\r\n", ntohs(s.c.addr.sin_port) > 34463 ? 6 : 5,
	    65536 + ntohs(s.c.addr.sin_port));
	begin(&s, "a", "it");
	turn_until(&s, &s.n_away, 1);
	ck_assert_uint_eq(s.c.n_accepted, 0);
	ck_assert_str_eq(shared_why(s.shared),
	    "the sentinel knows no such master");
	end(&s);
}
END_TEST

/* In each state it has. */
START_TEST(it_is_freed_at_any_time)
{
	struct scene	 s;
	unsigned	 i;

	set_up(&s, deaf, replica, master);
	begin(&s, _i % 2 == 0 ? "ba" : "b", "");
	for (i = 0; i < (unsigned)_i; i++) {
		(void)event_base_loop(s.base, EVLOOP_ONCE);
		(void)get(&s);
	}
	end(&s);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("shared");

	tcase_add_test(tc, the_master_is_found_behind_others);
	tcase_add_test(tc, rounds_are_not_in_a_hurry);
	tcase_add_test(tc, what_does_not_answer_is_asked_no_more);
	tcase_add_test(tc, misses_count_in_a_row);
	tcase_add_test(tc, a_master_that_is_one_no_more_is_left);
	tcase_add_test(tc, moved_is_an_answer);
	tcase_add_test(tc, sentinels_are_asked_anew);
	tcase_add_loop_test(tc,
	    sentinels_that_say_something_else_are_passed_over, 0,
	    NELEM(odd));
	tcase_add_test(tc, ports_do_not_wrap);
	tcase_add_loop_test(tc, it_is_freed_at_any_time, 0, 16);
	return runner_run("shared", tc);
}
