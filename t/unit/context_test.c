/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * context_test: a context through several lines, its limits, and what is left
 * when memory runs out in the midst of a line.
 */
#include "context/context.h"

#include <stdio.h>
#include <stdlib.h>

#include "context/context_name.h"
#include "t/lib/runner.h"

#define NO_LIMIT	SIZE_MAX

/* The linker puts these in place of the library's malloc and realloc. */
void	*__real_malloc(size_t size);
void	*__wrap_malloc(size_t size);
void	*__real_realloc(void *p, size_t size);
void	*__wrap_realloc(void *p, size_t size);

static int	memory_left = -1;	/* calls; -1: no limit */

static bool
is_out_of_memory(void)
{
	if (memory_left > 0)
		memory_left--;
	return memory_left == 0;
}

void *
__wrap_malloc(size_t size)
{
	return is_out_of_memory() ? NULL : __real_malloc(size);
}

void *
__wrap_realloc(void *p, size_t size)
{
	return is_out_of_memory() ? NULL : __real_realloc(p, size);
}

static struct context_line *
line_of(const char *text)
{
	static struct context_line	 line;
	struct err			 err;

	ck_assert_msg(context_line_parse(span_of(text), &line, &err), "%s: %s",
	    text, err.text);
	return &line;
}

static bool
set(struct context *context, const char *text, uint64_t now_ms)
{
	return context_set(context, line_of(text), CONTEXT_XSETCONTEXT,
	    now_ms);
}

/* "name=value@time|..."; also looks whether the size is right. */
static const char *
print(const struct context *context)
{
	static char	 buf[8192];
	size_t		 n = 0, size = 0;
	unsigned	 i;

	buf[0] = '\0';
	for (i = 0; i < context->n; i++) {
		const struct context_pair	*pair = context->pairs[i];

		n += (size_t)snprintf(buf + n, sizeof(buf) - n,
		    "%s%s=%s@%u", i > 0 ? "|" : "", pair->name, pair->value,
		    (unsigned)pair->time_ms);
		size += strlen(pair->name) + strlen(pair->value);
		if (pair->before != NULL)
			size += strlen(pair->name) +
			    strlen(pair->before->value);
		ck_assert_int_eq(pair->source, CONTEXT_XSETCONTEXT);
		ck_assert_ptr_eq(context_find(context, pair->name), pair);
	}
	ck_assert_uint_eq(context->size, size);
	return buf;
}

#define LINES_MAX	4

/* The lines are set at 1, 2 ... */
static const struct row {
	const char	*name, *lines[LINES_MAX], *want;
} rows[] = {
	{ "nothing", { NULL }, "" },
	{ "one line", { "a=1 b=2" }, "a=1@1|b=2@1" },
	{ "two lines", { "b=1 c=2", "a=3" }, "b=1@1|c=2@1|a=3@2" },
	{ "an overridden pair keeps its place", { "a=1 b=2 c=3", "b=x" },
	    "a=1@1|b=x@2|c=3@1" },
	{ "case does not count", { "Tenant=1", "TENANT=2" }, "tenant=2@2" },
	{ "old and new in one line", { "a=1 b=2", "c=3 A=4 d=5" },
	    "a=4@2|b=2@1|c=3@2|d=5@2" },
	{ "same value, newer", { "a=1", "a=1" }, "a=1@2" },
	{ "longer, shorter, none", { "a=12", "a=1234", "a=1", "a=" },
	    "a=@4" },
};

static void
set_rows(struct context *context, const struct row *r)
{
	unsigned	 i;

	for (i = 0; i < LINES_MAX && r->lines[i] != NULL; i++)
		ck_assert(set(context, r->lines[i], i + 1));
}

START_TEST(row_is_set)
{
	const struct row	*r = &rows[_i];
	struct context		 context = { .n = 0 };
	const char		*got;

	set_rows(&context, r);
	got = print(&context);
	ck_assert_msg(strcmp(got, r->want) == 0, "%s: got \"%s\", want \"%s\"",
	    r->name, got, r->want);
	context_clear(&context);
	ck_assert(context.n == 0 && context.size == 0 &&
	    context.pairs == NULL);
	context_clear(&context);
}
END_TEST

START_TEST(names_are_found)
{
	struct context	 context = { .n = 0 };

	ck_assert_ptr_null(context_find(&context, "a"));
	ck_assert(set(&context, "Tenant=acme b=", 7));
	ck_assert_str_eq(context_find(&context, "tenant")->value, "acme");
	ck_assert_str_eq(context_find(&context, "TENANT")->value, "acme");
	ck_assert_str_eq(context_find(&context, "b")->value, "");
	ck_assert_ptr_null(context_find(&context, "tenan"));
	ck_assert_ptr_null(context_find(&context, "tenants"));
	ck_assert_ptr_null(context_find(&context, ""));
	context_clear(&context);
}
END_TEST

/* The context holds "aa=11 bb=22": two pairs, eight bytes. */
static const struct room_row {
	const char	*name, *line;
	unsigned	 pairs_max;
	size_t		 size_max;
	const char	*want_err;	/* NULL: there is room */
} room_rows[] = {
	{ "as many pairs", "c=1", 3, NO_LIMIT, NULL },
	{ "one pair more", "c=1", 2, NO_LIMIT,
	    "c: expected at most 2 pairs in a session" },
	{ "two pairs more", "c=1 d=1", 2, NO_LIMIT,
	    "c: expected at most 2 pairs in a session" },
	{ "the second is too many", "c=1 d=1", 3, NO_LIMIT,
	    "d: expected at most 3 pairs in a session" },
	{ "the third of three", "aa=1 c=1 d=1", 3, NO_LIMIT,
	    "d: expected at most 3 pairs in a session" },
	{ "replaced pairs are no more", "BB=1 aa=1", 2, NO_LIMIT, NULL },
	{ "as many bytes", "c=123", 64, 12, NULL },
	{ "one byte more", "c=1234", 64, 12,
	    "c: expected at most 12 bytes of names and values in a session" },
	{ "names count", "ccccc=", 64, 12,
	    "ccccc: expected at most 12 bytes of names and values in a "
	    "session" },
	{ "a replaced pair gives back its bytes", "aa=123456", 64, 12, NULL },
	{ "and no more", "aa=1234567", 64, 12,
	    "aa: expected at most 12 bytes of names and values in a session" },
	{ "a shrinking pair makes room for another", "cccc=123 aa= bb=", 64,
	    12, NULL },
	{ "not enough room", "cccc=1234 c= aa= bb=", 64, 12,
	    "cccc: expected at most 12 bytes of names and values in a "
	    "session" },
	{ "the first that stays too big", "c=12345 aa= bb=1234567", 64, 12,
	    "bb: expected at most 12 bytes of names and values in a session" },
	{ "limits that were lowered", "aa=1", 1, NO_LIMIT,
	    "aa: expected at most 1 pairs in a session" },
};

START_TEST(room_is_counted)
{
	const struct room_row	*r = &room_rows[_i];
	struct context		 context = { .n = 0 };
	struct err		 err = { "" };
	bool			 has_room;

	ck_assert(set(&context, "aa=11 bb=22", 1));
	has_room = context_has_room(&context, line_of(r->line), false,
	    r->pairs_max, r->size_max, &err);
	ck_assert_msg(has_room == (r->want_err == NULL) && (has_room ||
	    strcmp(err.text, r->want_err) == 0), "%s: got %d, \"%s\"",
	    r->name, has_room, err.text);
	ck_assert_str_eq(print(&context), "aa=11@1|bb=22@1");
	context_clear(&context);
}
END_TEST

static void
fill(struct context *context)
{
	char		 text[32];
	unsigned	 i;

	for (i = 0; i < CONTEXT_PAIRS_MAX; i++) {
		snprintf(text, sizeof(text), "p%u=1", i);
		ck_assert(context_has_room(context, line_of(text),
		    false, CONTEXT_PAIRS_MAX, NO_LIMIT, NULL));
		ck_assert(set(context, text, 1));
	}
}

START_TEST(nobody_gets_more_than_the_maximum)
{
	struct context	 context = { .n = 0 };
	struct err	 err;

	fill(&context);
	ck_assert(!context_has_room(&context, line_of("one=more"), false,
	    1000, NO_LIMIT, &err));
	ck_assert_str_eq(err.text,
	    "one: expected at most 128 pairs in a session");
	ck_assert(!set(&context, "p0=2 one=more", 2));
	ck_assert_uint_eq(context.n, CONTEXT_PAIRS_MAX);
	ck_assert_str_eq(context_find(&context, "p0")->value, "1");
	ck_assert(set(&context, "p0=2 p127=2", 2));
	ck_assert_str_eq(context_find(&context, "p127")->value, "2");
	context_clear(&context);
}
END_TEST

/* Three pairs, and room for two of them, are four pieces of memory; two that
 * are there are two. */
static const struct {
	const char	*line, *want;
	int		 pieces;
} memory_rows[] = {
	{ "b=x c=3 d=4", "a=1@1|b=x@2|c=3@2|d=4@2", 4 },
	{ "b=x a=y", "a=y@2|b=x@2", 2 },
};

START_TEST(all_or_nothing_without_memory)
{
	struct context	 context = { .n = 0 };
	bool		 is_set = false;
	int		 left;

	ck_assert(set(&context, "a=1 b=2", 1));
	for (left = 1; !is_set; left++) {
		struct context_line	*line = line_of(memory_rows[_i].line);

		memory_left = left;
		is_set = context_set(&context, line, CONTEXT_XSETCONTEXT, 2);
		memory_left = -1;
		if (!is_set)
			ck_assert_str_eq(print(&context), "a=1@1|b=2@1");
	}
	ck_assert_int_eq(left, memory_rows[_i].pieces + 2);
	ck_assert_str_eq(print(&context), memory_rows[_i].want);
	context_clear(&context);
}
END_TEST

/* "=" in front: for the client; "-": the client is another one. */
static const struct row client_rows[] = {
	{ "what is the client's", { "=a=1 b=2", "c=3" }, "a=1@1|b=2@1|c=3@2" },
	{ "goes with it", { "a=1", "=b=2", "c=3", "-" }, "a=1@1|c=3@3" },
	{ "what it has replaced comes back", { "a=1 b=2", "=a=x", "-" },
	    "a=1@1|b=2@1" },
	{ "however often", { "a=1", "=a=x", "=a=y", "-" }, "a=1@1" },
	{ "but not what replaces it", { "a=1", "=a=x", "a=2", "-" },
	    "a=2@3" },
	{ "once is enough", { "=a=1", "-", "-", "a=2" }, "a=2@4" },
};

START_TEST(client_row_is_set)
{
	const struct row	*r = &client_rows[_i];
	struct context		 context = { .n = 0 };
	unsigned		 i;

	for (i = 0; i < LINES_MAX && r->lines[i] != NULL; i++) {
		if (r->lines[i][0] == '-')
			context_end_clients(&context);
		else if (r->lines[i][0] == '=')
			ck_assert(context_set_clients(&context,
			    line_of(r->lines[i] + 1), CONTEXT_XSETCONTEXT,
			    i + 1));
		else
			ck_assert(set(&context, r->lines[i], i + 1));
		(void)print(&context);
	}
	ck_assert_msg(strcmp(print(&context), r->want) == 0,
	    "%s: got \"%s\"", r->name, print(&context));
	context_clear(&context);
}
END_TEST

START_TEST(what_may_come_back_takes_room)
{
	struct context	 context = { .n = 0 };
	struct err	 err;

	ck_assert(set(&context, "aa=11", 1));
	ck_assert(!context_has_room(&context, line_of("aa=22"), true, 1, 7,
	    &err));
	ck_assert(context_has_room(&context, line_of("aa=22"), true, 1, 8,
	    &err));
	ck_assert(context_set_clients(&context, line_of("aa=22"),
	    CONTEXT_XSETCONTEXT, 2));
	ck_assert(context_has_room(&context, line_of("aa=33"), true, 1, 8,
	    &err));
	ck_assert(context_has_room(&context, line_of("aa=33"), false, 1, 4,
	    &err));
	context_clear(&context);
}
END_TEST

START_TEST(sources_have_texts)
{
	enum context_source	 source = (enum context_source)99;

	ck_assert_str_eq(context_source_text(CONTEXT_XSETCONTEXT),
	    "xsetcontext");
	ck_assert(!context_source_find(span_of("xsetcontex"), &source));
	ck_assert(!context_source_find(span_of(""), &source));
	ck_assert_int_eq(source, 99);
	ck_assert(context_source_find(span_of("xsetcontext"), &source));
	ck_assert_int_eq(source, CONTEXT_XSETCONTEXT);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("context");

	tcase_add_loop_test(tc, row_is_set, 0, NELEM(rows));
	tcase_add_test(tc, names_are_found);
	tcase_add_loop_test(tc, room_is_counted, 0, NELEM(room_rows));
	tcase_add_test(tc, nobody_gets_more_than_the_maximum);
	tcase_add_loop_test(tc, all_or_nothing_without_memory, 0,
	    NELEM(memory_rows));
	tcase_add_loop_test(tc, client_row_is_set, 0, NELEM(client_rows));
	tcase_add_test(tc, what_may_come_back_takes_room);
	tcase_add_test(tc, sources_have_texts);
	return runner_run("context", tc);
}
