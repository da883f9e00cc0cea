/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * log_test: the two forms of lines, the rate limit, and the way to stderr.
 */
#include "daemon/log.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log_rate.h"
#include "base/log_target.h"
#include "t/lib/edge.h"
#include "t/lib/runner.h"

#define PAIRS(...)							\
	((const struct log_pair[]){ __VA_ARGS__, { NULL, NULL } })

static const struct row {
	const char		*name;
	enum log_level		 level;
	const char		*session, *event;
	const struct log_pair	*pairs;
	const char		*want_text, *want_json;
} rows[] = {
	{ "plain", LOG_LEVEL_INFO, "01H", "permit", PAIRS({ "peer",
	    "192.0.2.1" }, { "client", "2001:db8::1" }),
	    "session=01H event=permit peer=192.0.2.1 client=2001:db8::1",
	    "{\"session\":\"01H\",\"event\":\"permit\",\"level\":\"info\","
	    "\"peer\":\"192.0.2.1\",\"client\":\"2001:db8::1\"}" },
	{ "no session, no pairs", LOG_LEVEL_WARNING, NULL, "start", NULL,
	    "event=start level=warning",
	    "{\"event\":\"start\",\"level\":\"warning\"}" },
	{ "a pair without value", LOG_LEVEL_ERROR, NULL, "x", PAIRS({ "a",
	    NULL }, { "b", "c" }), "event=x level=error b=c",
	    "{\"event\":\"x\",\"level\":\"error\",\"b\":\"c\"}" },
	{ "a refusal", LOG_LEVEL_NOTICE, "01H", "refuse", NULL,
	    "session=01H event=refuse level=notice",
	    "{\"session\":\"01H\",\"event\":\"refuse\",\"level\":"
	    "\"notice\"}" },
	{ "numbers, by their keys", LOG_LEVEL_INFO, NULL, "x", PAIRS({ "pid",
	    "17" }, { "size", "0" }, { "code", "007" }, { "helo", "17" },
	    { "uid", "99999999999999999999" }, { "report_only", "true" }),
	    "event=x pid=17 size=0 code=007 helo=17 "
	    "uid=99999999999999999999 report_only=true",
	    "{\"event\":\"x\",\"level\":\"info\",\"pid\":17,\"size\":0,"
	    "\"code\":\"007\",\"helo\":\"17\","
	    "\"uid\":\"99999999999999999999\",\"report_only\":true}" },
	{ "empty value", LOG_LEVEL_INFO, NULL, "x", PAIRS({ "a", "" }),
	    "event=x a=\"\"",
	    "{\"event\":\"x\",\"level\":\"info\",\"a\":\"\"}" },
	{ "imitated key", LOG_LEVEL_INFO, NULL, "x", PAIRS({ "helo",
	    "a event=permit" }), "event=x helo=\"a event=permit\"",
	    "{\"event\":\"x\",\"level\":\"info\",\"helo\":"
	    "\"a event=permit\"}" },
	{ "equals sign alone", LOG_LEVEL_INFO, NULL, "x", PAIRS({ "helo",
	    "a=b" }), "event=x helo=\"a=b\"", NULL },
	{ "quote and backslash", LOG_LEVEL_INFO, NULL, "x", PAIRS({ "helo",
	    "a\"b\\c" }), "event=x helo=\"a\\\"b\\\\c\"",
	    "{\"event\":\"x\",\"level\":\"info\",\"helo\":"
	    "\"a\\\"b\\\\c\"}" },
	{ "quote alone", LOG_LEVEL_INFO, NULL, "x", PAIRS({ "helo", "a\"" }),
	    "event=x helo=\"a\\\"\"", NULL },
	{ "backslash alone", LOG_LEVEL_INFO, NULL, "x", PAIRS({ "helo",
	    "\\a" }), "event=x helo=\"\\\\a\"", NULL },
	{ "DEL alone", LOG_LEVEL_INFO, NULL, "x", PAIRS({ "helo", "\x7f" }),
	    "event=x helo=\"\\x7F\"", NULL },
	{ "broken line", LOG_LEVEL_INFO, NULL, "x", PAIRS({ "helo",
	    "a\r\nevent=y\x7f" }),
	    "event=x helo=\"a\\x0D\\x0Aevent=y\\x7F\"", NULL },
	{ "UTF-8", LOG_LEVEL_INFO, NULL, "x", PAIRS({ "name",
	    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" }),
	    "event=x name=\"\\xC3\\xA4\\xE2\\x82\\xAC\\xF0\\x9F\\x98\\x80\"",
	    "{\"event\":\"x\",\"level\":\"info\",\"name\":"
	    "\"\\u00E4\\u20AC\\uD83D\\uDE00\"}" },
	{ "no UTF-8", LOG_LEVEL_INFO, NULL, "x", PAIRS({ "name",
	    "a\xff\xc3z\xc0\x80\xed\xa0\x80\xe2\x82" }),
	    "event=x name=\"a\\xFF\\xC3z\\xC0\\x80\\xED\\xA0\\x80\\xE2\\x82\"",
	    "{\"event\":\"x\",\"level\":\"info\",\"name\":"
	    "\"a\\\\xFF\\\\xC3z\\\\xC0\\\\x80\\\\xED\\\\xA0\\\\x80"
	    "\\\\xE2\\\\x82\"}" },
};

START_TEST(format)
{
	const struct row	*row = &rows[_i];
	char			 got[512];
	size_t			 n;

	n = log_format_line(CONF_LOG_TEXT, NULL, row->level, row->session,
	    row->event, row->pairs, got, sizeof(got));
	ck_assert_msg(strcmp(got, row->want_text) == 0 && n == strlen(got),
	    "%s: got %s, want %s", row->name, got, row->want_text);
	n = log_format_line(CONF_LOG_JSON, NULL, row->level, row->session,
	    row->event, row->pairs, got, sizeof(got));
	ck_assert_msg(row->want_json == NULL ||
	    strcmp(got, row->want_json) == 0, "%s: got %s, want %s",
	    row->name, got, row->want_json);
	ck_assert_uint_eq(n, strlen(got));
}
END_TEST

START_TEST(origin_is_told)
{
	const struct log_origin	 origin = {
		.now = { .tv_sec = 951782399, .tv_nsec = 7999999 },
		.program = "xcontext-policy"
	};
	char			 got[512];

	log_format_line(CONF_LOG_TEXT, &origin, LOG_LEVEL_INFO, "S", "x", NULL,
	    got, sizeof(got));
	ck_assert_str_eq(got, "time=2000-02-28T23:59:59.007Z session=S "
	    "event=x");
	log_format_line(CONF_LOG_JSON, &origin, LOG_LEVEL_INFO, "S", "x", NULL,
	    got, sizeof(got));
	ck_assert_str_eq(got, "{\"time\":\"2000-02-28T23:59:59.007Z\","
	    "\"program\":\"xcontext-policy\",\"session\":\"S\",\"event\":"
	    "\"x\",\"level\":\"info\"}");
}
END_TEST

/* True if a line of that form has whole quotes and whole escapes. */
static bool
is_whole(const char *line)
{
	bool	 is_quoted = false;

	for (; *line != '\0'; line++) {
		if (*line == '"')
			is_quoted = !is_quoted;
		else if (is_quoted && *line == '\\') {
			if (line[1] == 'x' && strlen(line) >= 4)
				line += 3;
			else if (line[1] == '"' || line[1] == '\\')
				line++;
			else
				return false;
		}
	}
	return !is_quoted;
}

/* True if a cut line says so, and ends with some of a pair's value. */
static bool
is_well_cut(const char *line, size_t n)
{
	const char	*last = strrchr(line, ' ');

	if (strcmp(line + n - 3, "...") != 0)
		return false;
	if (last == NULL)
		last = line;
	if (strchr(last, '"') != NULL && strchr(last, '=') == NULL)
		return true;	/* a blank within a value */
	return n == 3 || (strchr(last, '=') != NULL &&
	    strstr(last, "=...") == NULL);
}

/* At every size the line is whole, ends in "..." and stays in its buffer. */
START_TEST(cut)
{
	const struct log_pair	*pairs = PAIRS({ "helo", "a\x01\"b\xff" },
				    { "plain", "0123456789" },
				    { "last", "x y" });
	char			 whole[512];
	size_t			 size, n, full;

	full = log_format_line(CONF_LOG_TEXT, NULL, LOG_LEVEL_INFO, "S", "e",
	    pairs, whole, sizeof(whole));
	for (size = 0; size < full + 10; size++) {
		char	*got = edge_copy(whole, size);

		n = log_format_line(CONF_LOG_TEXT, NULL, LOG_LEVEL_INFO, "S",
		    "e", pairs, got, size);
		ck_assert_uint_le(n, size == 0 ? 0 : size - 1);
		if (size == 0) {
			edge_free(got, size);
			continue;
		}
		ck_assert_msg(strlen(got) == n, "size %zu: %zu, %zu", size,
		    strlen(got), n);
		ck_assert_msg(is_whole(got), "size %zu: %s", size, got);
		if (size > full + 5)
			ck_assert_str_eq(got, whole);
		else if (n > 0 && strcmp(got, whole) != 0)
			ck_assert_msg(is_well_cut(got, n), "size %zu: %s",
			    size, got);
		edge_free(got, size);
	}
}
END_TEST

START_TEST(long_json)
{
	char		 big[3000], got[1024];
	json_t		*json;
	size_t		 n;

	memset(big, 'a', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	n = log_format_line(CONF_LOG_JSON, NULL, LOG_LEVEL_INFO, "S", "e",
	    PAIRS({ "one", "1" }, { "big", big }), got, sizeof(got));
	json = json_loadb(got, n, 0, NULL);
	ck_assert_ptr_nonnull(json);
	ck_assert_str_eq(json_string_value(json_object_get(json, "one")),
	    "1");
	ck_assert(json_is_true(json_object_get(json, "truncated")));
	ck_assert_ptr_null(json_object_get(json, "big"));
	json_decref(json);
	ck_assert_uint_eq(log_format_line(CONF_LOG_JSON, NULL, LOG_LEVEL_INFO,
	    "S", "e", NULL, got, 5), 0);
}
END_TEST

START_TEST(rate)
{
	static struct log_rate	 limit;
	unsigned long		 lost = 99;
	int			 i;

	memset(&limit, 0, sizeof(limit));
	for (i = 0; i < 3; i++) {
		ck_assert(log_rate_allows(&limit, "e", "v", 3, 100 + i,
		    &lost));
		ck_assert_uint_eq(lost, 0);
	}
	for (i = 0; i < 7; i++)
		ck_assert(!log_rate_allows(&limit, "e", "v", 3, 103 + i,
		    &lost));
	/* Another value or another event is counted apart. */
	ck_assert(log_rate_allows(&limit, "e", "w", 3, 110, &lost));
	ck_assert(log_rate_allows(&limit, "f", "v", 3, 110, &lost));
	ck_assert(log_rate_allows(&limit, "e", NULL, 3, 110, &lost));
	ck_assert(log_rate_allows(&limit, "ev", "", 3, 110, &lost));
	ck_assert_uint_eq(lost, 0);
	ck_assert(!log_rate_allows(&limit, "e", "v", 3, 159, &lost));
	ck_assert(log_rate_allows(&limit, "e", "v", 3, 160, &lost));
	ck_assert_uint_eq(lost, 8);
	ck_assert(log_rate_allows(&limit, "e", "v", 3, 160, &lost));
	ck_assert_uint_eq(lost, 0);
	for (i = 0; i < 100; i++)
		ck_assert(log_rate_allows(&limit, "free", "v", 0, 100,
		    &lost));
}
END_TEST

START_TEST(targets)
{
	int	 facility = 12345;

	ck_assert(log_target_parse("stderr", &facility));
	ck_assert_int_eq(facility, LOG_TARGET_STDERR);
	ck_assert(log_target_parse("syslog", &facility));
	ck_assert_int_eq(facility, LOG_MAIL);
	ck_assert(log_target_parse("syslog:local7", &facility));
	ck_assert_int_eq(facility, LOG_LOCAL7);
	ck_assert(!log_target_parse("syslog:", &facility));
	ck_assert(!log_target_parse("syslog:Mail", &facility));
	ck_assert(!log_target_parse("file", &facility));
	ck_assert_int_eq(facility, LOG_LOCAL7);
}
END_TEST

/* Puts stderr into a pipe; the reading end is returned. */
static int
catch_stderr(void)
{
	int	 fds[2];

	ck_assert(pipe(fds) == 0);
	ck_assert(dup2(fds[1], STDERR_FILENO) != -1);
	close(fds[1]);
	return fds[0];
}

static void
read_caught(int fd, char *buf, size_t size)
{
	ssize_t	 n, len = 0;

	close(STDERR_FILENO);
	while ((n = read(fd, buf + len, size - 1 - (size_t)len)) > 0)
		len += n;
	buf[len] = '\0';
}

/* Takes the times out, which must be there, and of now. */
static void
strip_times(char *text)
{
	static const char	 json[] = "\"time\":\"", plain[] = "time=";
	const char		*mark;
	char			*p, now[LOG_TIME_SIZE];
	struct timespec		 ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	log_time_text(&ts, now);
	for (p = text; *p != '\0'; p = strchr(p, '\n') + 1) {
		mark = *p == '{' ? json : plain;
		ck_assert_msg(strncmp(p + (*p == '{'), mark,
		    strlen(mark)) == 0, "%s", p);
		if (*p == '{')
			p++;
		ck_assert_msg(strncmp(p + strlen(mark), now, 13) == 0, "%s",
		    p);
		memmove(p, p + strlen(mark) + LOG_TIME_SIZE + (mark == json),
		    strlen(p + strlen(mark) + LOG_TIME_SIZE + (mark == json)) +
		    1);
	}
}

/* Who starts a daemon by hand hears what goes wrong, until it is detached. */
START_TEST(to_syslog)
{
	struct err	 err = { "" };
	char		 got[4096];
	int		 fd = catch_stderr();

	ck_assert(log_open("prog", "syslog:user", CONF_LOG_JSON, 2, &err) ==
	    0);
	LOG(LOG_LEVEL_ERROR, NULL, "failed", { "at", "listen" });
	LOG(LOG_LEVEL_NOTICE, NULL, "refuse", { "a", "b" });
	LOG(LOG_LEVEL_INFO, NULL, "start", { "a", "b" });
	log_detach();
	LOG(LOG_LEVEL_ERROR, NULL, "error", { "a", "b" });
	log_close();
	read_caught(fd, got, sizeof(got));
	strip_times(got);
	ck_assert_str_eq(got, "event=failed level=error at=listen\n");
}
END_TEST

START_TEST(to_stderr)
{
	struct err	 err = { "" };
	char		 got[4096];
	int		 i, fd = catch_stderr();

	ck_assert(log_open("prog", "nowhere", CONF_LOG_TEXT, 2, &err) == -1);
	ck_assert_ptr_nonnull(strstr(err.text, "\"nowhere\""));
	LOG(LOG_LEVEL_INFO, "S", "before", { "a", "b" });
	ck_assert(log_open("prog", "stderr", CONF_LOG_TEXT, 2, &err) == 0);
	for (i = 0; i < 4; i++)
		LOG(LOG_LEVEL_WARNING, NULL, "bad", { "peer", "p" },
		    { "n", "1" });
	LOG(LOG_LEVEL_WARNING, NULL, "bad", { "peer", "q" });
	for (i = 0; i < 4; i++)
		LOG(LOG_LEVEL_INFO, NULL, "good", { "peer", "p" });
	for (i = 0; i < 4; i++)
		log_limited(LOG_LEVEL_INFO, NULL, "junk", i < 3 ? "a" : "b",
		    (const struct log_pair[]){ { "n", i % 2 == 0 ? "1" : "2" },
		    { NULL, NULL } });
	ck_assert(log_open("prog", "stderr", CONF_LOG_JSON, 2, &err) == 0);
	LOG(LOG_LEVEL_INFO, "S", "json", { "a", "b" });
	log_close();
	read_caught(fd, got, sizeof(got));
	strip_times(got);
	ck_assert_str_eq(got, "session=S event=before a=b\n"
	    "event=bad level=warning peer=p n=1\n"
	    "event=bad level=warning peer=p n=1\n"
	    "event=bad level=warning peer=q\n"
	    "event=good peer=p\nevent=good peer=p\nevent=good peer=p\n"
	    "event=good peer=p\n"
	    "event=junk n=1\nevent=junk n=2\nevent=junk n=2\n"
	    "{\"program\":\"prog\",\"session\":\"S\",\"event\":\"json\","
	    "\"level\":\"info\","
	    "\"a\":\"b\"}\n");
}
END_TEST

static void *
write_many(void *arg)
{
	int	 i;

	for (i = 0; i < 200; i++)
		LOG(LOG_LEVEL_ERROR, "S", "many", { "who", arg },
		    { "text", "with blanks" });
	return NULL;
}

/* Lines of several threads do not mix. */
START_TEST(threads)
{
	static char	 got[1 << 16];
	struct err	 err = { "" };
	pthread_t	 thread[2];
	char		*line, *rest = got;
	int		 n = 0, fd = catch_stderr();

	ck_assert(log_open("prog", "stderr", CONF_LOG_TEXT, 0, &err) == 0);
	ck_assert(pthread_create(&thread[0], NULL, write_many, "one") == 0);
	ck_assert(pthread_create(&thread[1], NULL, write_many, "two") == 0);
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	read_caught(fd, got, sizeof(got));
	strip_times(got);
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		ck_assert_msg(strcmp(line, "session=S event=many level=error "
		    "who=one text=\"with blanks\"") == 0 || strcmp(line,
		    "session=S event=many level=error who=two "
		    "text=\"with blanks\"") == 0, "%s", line);
		n++;
	}
	ck_assert_int_eq(n, 400);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("log");

	tcase_add_loop_test(tc, format, 0,
	    (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(tc, cut);
	tcase_add_test(tc, long_json);
	tcase_add_test(tc, rate);
	tcase_add_test(tc, targets);
	tcase_add_test(tc, origin_is_told);
	tcase_add_test(tc, to_stderr);
	tcase_add_test(tc, to_syslog);
	tcase_add_test(tc, threads);
	return runner_run_apart("log", tc);
}
