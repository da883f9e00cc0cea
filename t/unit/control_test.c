/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * control_test: requests and answers of the control socket, whole, byte by byte
 * and cut at each point, as either side reads them.
 */
#include "daemon/control.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "t/lib/runner.h"

static const struct request_row {
	const char	*line;
	const char	*want;		/* as it is written; NULL: refused ... */
	const char	*why;		/* ... with this in it */
} requests[] = {
	{ "ping", "ping\n", NULL },
	{ " stats ", "stats\n", NULL },
	{ "reload", "reload\n", NULL },
	{ "trace", "trace\n", NULL },
	{ "trace peer=192.0.2.0/24", "trace peer=192.0.2.0/24\n", NULL },
	{ "trace  peer=2001:db8::1", "trace peer=2001:db8::1/128\n", NULL },
	{ "trace profile=edge peer=10.0.0.0/8",
	    "trace peer=10.0.0.0/8 profile=edge\n", NULL },
	{ "", NULL, "the request \"\" is not known" },
	{ "Ping", NULL, "the request \"Ping\" is not known" },
	{ "revoke 192.0.2.1", NULL, "the request \"revoke\" is not known" },
	{ "ping now", NULL, "\"ping\" takes no arguments" },
	{ "trace peer=192.0.2.1/24", NULL, "\"192.0.2.1/24\" is no network" },
	{ "trace peer=", NULL, "\"\" is no network" },
	{ "trace peer=10.0.0.0/8 peer=10.0.0.0/8", NULL, "said twice" },
	{ "trace profile=", NULL, "\"\" can be no profile" },
	{ "trace profile=a profile=b", NULL, "said twice" },
	{ "trace profile=0123456789012345678901234567890123456789012345678901"
	    "2345678901234", NULL, "can be no profile" },
	{ "trace since=yesterday", NULL, "\"since=yesterday\" is not known" },
	{ "ping\001", NULL, "that is no request" },
	{ "p\303\274ng", NULL, "that is no request" }
};
#define N_REQUESTS	(sizeof requests / sizeof requests[0])

START_TEST(request)
{
	const struct request_row	*row = &requests[_i];
	struct control_request		 got = { .verb = CONTROL_STATS };
	char				 text[CONTROL_REQUEST_MAX + 1];
	struct err			 err = { "" };
	int				 result;

	result = control_request_read(span_of(row->line), &got, &err);
	ck_assert_msg((result == 0) == (row->want != NULL), "%s: %s",
	    row->line, err.text);
	if (row->want == NULL) {
		ck_assert_msg(strstr(err.text, row->why) != NULL, "%s",
		    err.text);
		ck_assert_int_eq(got.verb, CONTROL_STATS);
		return;
	}
	ck_assert_uint_eq(control_request_write(&got, text),
	    strlen(row->want));
	ck_assert_str_eq(text, row->want);
}
END_TEST

START_TEST(a_nul_is_no_request)
{
	struct control_request	 got;
	struct err		 err;

	ck_assert_int_eq(control_request_read((struct span){ "ping\0", 5 },
	    &got, &err), -1);
}
END_TEST

#define MAX	8

static const struct line_row {
	const char		*in;
	enum control_result	 want;
	const char		*line;
	size_t			 used;
} lines[] = {
	{ "", CONTROL_MORE, NULL, 0 },
	{ "a", CONTROL_MORE, NULL, 0 },
	{ "\n", CONTROL_DONE, "", 1 },
	{ "\r\n", CONTROL_DONE, "", 2 },
	{ "a\nb\n", CONTROL_DONE, "a", 2 },
	{ "a\r\nb", CONTROL_DONE, "a", 3 },
	{ "a\rb\n", CONTROL_DONE, "a\rb", 4 },
	{ "12345678\n", CONTROL_DONE, "12345678", 9 },
	{ "12345678\r\n", CONTROL_DONE, "12345678", 10 },
	{ "12345678\r", CONTROL_MORE, NULL, 0 },
	{ "123456789\n", CONTROL_TOO_LONG, NULL, 0 },
	{ "1234567890", CONTROL_TOO_LONG, NULL, 0 }
};
#define N_LINES	(sizeof lines / sizeof lines[0])

START_TEST(line)
{
	const struct line_row	*row = &lines[_i];
	enum control_result	 got = CONTROL_MORE;
	struct span		 found = { NULL, 0 };
	size_t			 used = 0, n;

	for (n = 0; n <= strlen(row->in) && got == CONTROL_MORE; n++) {
		ck_assert_ptr_null(found.p);
		got = control_line_find((struct span){ row->in, n }, MAX,
		    &found, &used);
	}
	ck_assert_int_eq(got, row->want);
	ck_assert_int_eq(control_line_find(span_of(row->in), MAX, &found,
	    &used), row->want);
	if (row->want != CONTROL_DONE)
		return;
	ck_assert(span_eq(found, row->line));
	ck_assert_uint_eq(used, row->used);
}
END_TEST

static const struct answer_row {
	const char		*line;
	enum control_answer	 want;
	const char		*value;		/* JSON */
} answers[] = {
	{ "{\"data\":{}}", CONTROL_ANSWER_DATA, "{}" },
	{ "{\"data\":{\"error\":1,\"end\":true}}", CONTROL_ANSWER_DATA,
	    "{\"error\":1,\"end\":true}" },
	{ "{\"end\":true}", CONTROL_ANSWER_END, NULL },
	{ "{\"error\":\"/x:7: no\"}", CONTROL_ANSWER_ERROR, "\"/x:7: no\"" },
	{ "", CONTROL_ANSWER_BAD, NULL },
	{ "{}", CONTROL_ANSWER_BAD, NULL },
	{ "[]", CONTROL_ANSWER_BAD, NULL },
	{ "true", CONTROL_ANSWER_BAD, NULL },
	{ "{\"end\":false}", CONTROL_ANSWER_BAD, NULL },
	{ "{\"data\":1}", CONTROL_ANSWER_BAD, NULL },
	{ "{\"error\":{}}", CONTROL_ANSWER_BAD, NULL },
	{ "{\"end\":true,\"end\":true}", CONTROL_ANSWER_BAD, NULL },
	{ "{\"end\":true} {\"end\":true}", CONTROL_ANSWER_BAD, NULL },
	{ "HTTP/1.1 400 Bad request", CONTROL_ANSWER_BAD, NULL }
};
#define N_ANSWERS	(sizeof answers / sizeof answers[0])

/* Of what is whole each cut is bad. */
START_TEST(answer)
{
	const struct answer_row	*row = &answers[_i];
	json_t			*value = NULL;
	char			*text;
	size_t			 n;

	ck_assert_int_eq(control_answer_read(span_of(row->line), &value),
	    row->want);
	ck_assert(json_is_object(value) == (row->want ==
	    CONTROL_ANSWER_DATA));
	if (row->value != NULL) {
		text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
		ck_assert_str_eq(text, row->value);
		free(text);
		json_decref(value);
	}
	for (n = 0; row->want != CONTROL_ANSWER_BAD && n < strlen(row->line);
	    n++)
		ck_assert_int_eq(control_answer_read((struct span){
		    row->line, n }, &value), CONTROL_ANSWER_BAD);
}
END_TEST

static const struct path_row {
	const char	*control, *program, *want;
} paths[] = {
	{ "unix:control", "xcontext-policy", "/run/x/control.policy" },
	{ "unix:/c/d", "xcontext-milter", "/c/d.milter" },
	{ "unix:a/b", "relay", "/run/x/a/b.relay" },
	{ "", "xcontext-policy", NULL }
};
#define N_PATHS	(sizeof paths / sizeof paths[0])

START_TEST(path)
{
	char		 control[32], file[] = "/etc/x", run[] = "/run/x";
	char		 got[CONTROL_PATH_SIZE];
	struct conf	 conf = { .file = file, .control = control,
			     .runtime_directory = run };
	struct err	 err = { "" };

	(void)strcpy(control, paths[_i].control);
	ck_assert_int_eq(control_path(&conf, paths[_i].program, got, &err),
	    paths[_i].want == NULL ? -1 : 0);
	if (paths[_i].want != NULL)
		ck_assert_str_eq(got, paths[_i].want);
	else
		ck_assert_ptr_nonnull(strstr(err.text, "/etc/x: control = "));
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("control");

	tcase_add_loop_test(tc, request, 0, N_REQUESTS);
	tcase_add_test(tc, a_nul_is_no_request);
	tcase_add_loop_test(tc, line, 0, N_LINES);
	tcase_add_loop_test(tc, answer, 0, N_ANSWERS);
	tcase_add_loop_test(tc, path, 0, N_PATHS);
	return runner_run("control", tc);
}
