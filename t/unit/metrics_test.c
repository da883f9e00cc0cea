/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * metrics_test: what was counted is what Prometheus is told.
 */
#include "policy/metrics.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <time.h>

#include <check.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"
#include "t/lib/http_get.h"
#include "t/lib/runner.h"

/* Of metrics_http.c: */
#define CONNECTIONS_MAX	4
#define ACCEPTS_MAX	20
#define DEADLINE_S	5
#define RETRY_S		5

static struct event_base	*base;
static struct metrics		*metrics;
static char			 where[32];
static unsigned			 port;
static char			 page[2 << 20];
static struct err		 err;

static void
setup(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	metrics = metrics_new();
	ck_assert(base != NULL && metrics != NULL);
	port = http_get_free_port();
	(void)snprintf(where, sizeof where, "127.0.0.1:%u", port);
}

static void
teardown(void)
{
	metrics_free(metrics);
	event_base_free(base);
}

static void
serve(void (*before)(void *), void *arg)
{
	ck_assert_msg(metrics_serve(metrics, base, where, before, arg,
	    &err) == 0, "%s", err.text);
}

static void
get(void)
{
	ck_assert(http_get(base, port, "GET", "/metrics", page, sizeof page));
	ck_assert_msg(strncmp(page, "HTTP/1.", 7) == 0 &&
	    strncmp(page + 8, " 200 ", 5) == 0, "%.40s", page);
}

static void
check_has(const char *line)
{
	char	 whole[512];

	(void)snprintf(whole, sizeof whole, "\n%s\n", line);
	ck_assert_msg(strstr(page, whole) != NULL, "no line \"%s\" in\n%s",
	    line, page);
}

static struct verdict
verdict_of(enum verdict_reason reason, enum verdict_action action,
    int attribute)
{
	return (struct verdict){ .reason = reason, .action = action,
	    .attribute = attribute };
}

START_TEST(a_reload_that_failed)
{
	err_set(&err, "why");
	daemon_reload_failed(NULL, &err);
	serve(NULL, NULL);
	get();
	check_has("xcontext_config_last_reload_successful 0");
	check_has("xcontext_config_reload_failures_total 1");
	daemon_reloaded(NULL);
	get();
	check_has("xcontext_config_last_reload_successful 1");
	check_has("xcontext_config_reload_failures_total 1");
}
END_TEST

START_TEST(nothing_yet)
{
	serve(NULL, NULL);
	get();
	check_has("xcontext_build_info{program=\"xcontext-policy\",version=\""
	    PACKAGE_VERSION "\"} 1");
	check_has("xcontext_config_last_reload_successful 1");
	check_has("xcontext_config_reload_failures_total 0");
	check_has("xcontext_table_lines_skipped 0");
	check_has("xcontext_sessions 0");
	check_has("xcontext_errors_total 0");
	check_has("xcontext_mail_refused_total 0");
	check_has("xcontext_request_seconds_count{request=\"policy\"} 0");
	check_has("# TYPE xcontext_decisions_total counter");
	ck_assert_ptr_null(strstr(page, "xcontext_decisions_total{"));
	ck_assert_ptr_nonnull(strstr(page, "Content-Type: text/plain; "
	    "version=0.0.4; charset=utf-8\r\n"));
}
END_TEST

START_TEST(decisions_are_counted_by_kind)
{
	struct verdict	 v = verdict_of(REASON_VALUE, VERDICT_TEMPFAIL,
			     ASSERTION_ADDR);

	metrics_decision(metrics, "edge", "XCLIENT", &v);
	metrics_decision(metrics, "edge", "XCLIENT", &v);
	metrics_decision(metrics, "edge", "XFORWARD", &v);
	metrics_decision(metrics, "other", "XCLIENT", &v);
	metrics_decision(metrics, NULL, "XCLIENT", &v);
	metrics_decision(metrics, "edge", NULL, &v);
	metrics_decision(metrics, "edge", "SOMETHING", &v);
	v = verdict_of(REASON_VALUE, VERDICT_PERMIT, ASSERTION_ADDR);
	v.report_only = true;
	metrics_decision(metrics, "edge", "XCLIENT", &v);
	v = verdict_of(REASON_VALUE, VERDICT_TEMPFAIL, ASSERTION_LOGIN);
	metrics_decision(metrics, "edge", "XCLIENT", &v);
	v = verdict_of(REASON_NO_GRANT, VERDICT_TEMPFAIL, ASSERTION_ADDR);
	metrics_decision(metrics, "edge", "XCLIENT", &v);
	v = verdict_of(REASON_VALUE, VERDICT_REJECT, ASSERTION_ADDR);
	metrics_decision(metrics, "edge", "XCLIENT", &v);
	v = verdict_of(REASON_GRANTED, VERDICT_PERMIT, -1);
	metrics_decision(metrics, "edge", "XCLIENT", &v);
	serve(NULL, NULL);
	get();
#define D(profile, command, attribute, reason, action, report, n)	\
	check_has("xcontext_decisions_total{profile=\"" profile		\
	    "\",command=\"" command "\",attribute=\"" attribute		\
	    "\",reason=\"" reason "\",action=\"" action			\
	    "\",report_only=\"" report "\"} " n)
	D("edge", "XCLIENT", "ADDR", "value", "tempfail", "false", "2");
	D("edge", "XFORWARD", "ADDR", "value", "tempfail", "false", "1");
	D("other", "XCLIENT", "ADDR", "value", "tempfail", "false", "1");
	D("", "XCLIENT", "ADDR", "value", "tempfail", "false", "1");
	D("edge", "session", "ADDR", "value", "tempfail", "false", "2");
	D("edge", "XCLIENT", "ADDR", "value", "permit", "true", "1");
	D("edge", "XCLIENT", "LOGIN", "value", "tempfail", "false", "1");
	D("edge", "XCLIENT", "ADDR", "no_grant", "tempfail", "false", "1");
	D("edge", "XCLIENT", "ADDR", "value", "reject", "false", "1");
	D("edge", "XCLIENT", "", "granted", "permit", "false", "1");
}
END_TEST

/* However many profiles a configuration has had. */
START_TEST(their_number_is_bounded)
{
	struct verdict	 v = verdict_of(REASON_GRANTED, VERDICT_PERMIT, -1);
	char		 profile[16];
	unsigned	 i;

	for (i = 0; i < 5000; i++) {
		(void)snprintf(profile, sizeof profile, "p%u", i);
		metrics_decision(metrics, profile, "XCLIENT", &v);
	}
	metrics_decision(metrics, "p0", "XCLIENT", &v);
	serve(NULL, NULL);
	get();
	D("p0", "XCLIENT", "", "granted", "permit", "false", "2");
	D("p4095", "XCLIENT", "", "granted", "permit", "false", "1");
	D("", "XCLIENT", "", "granted", "permit", "false", "904");
	ck_assert_ptr_null(strstr(page, "\"p4096\""));
}
END_TEST

START_TEST(times_are_put_in_their_buckets)
{
	metrics_request(metrics, METRICS_COMMAND, 0);
	metrics_request(metrics, METRICS_COMMAND, 1000);
	metrics_request(metrics, METRICS_COMMAND, 1001);
	metrics_request(metrics, METRICS_COMMAND, 10000000);
	metrics_request(metrics, METRICS_COMMAND, 10000001);
	metrics_request(metrics, METRICS_MILTERS, 3000000000);
	serve(NULL, NULL);
	get();
#define B(request, le, n)						\
	check_has("xcontext_request_seconds_bucket{request=\"" request	\
	    "\",le=\"" le "\"} " n)
	B("command", "1e-06", "2");
	B("command", "2.5e-06", "3");
	B("command", "0.001", "3");
	B("command", "0.01", "4");
	B("command", "+Inf", "5");
	check_has("xcontext_request_seconds_sum{request=\"command\"} "
	    "0.020002002");
	check_has("xcontext_request_seconds_count{request=\"command\"} 5");
	B("milters", "0.01", "0");
	B("milters", "+Inf", "1");
	check_has("xcontext_request_seconds_sum{request=\"milters\"} "
	    "3.000000000");
	B("xclient", "+Inf", "0");
	B("xforward", "+Inf", "0");
	B("policy", "+Inf", "0");
}
END_TEST

static void
tell_sessions(void *arg)
{
	metrics_set_sessions(metrics, ++*(unsigned *)arg);
}

START_TEST(what_is_known_at_the_moment_is_asked_for)
{
	unsigned	 n = 6;

	metrics_error(metrics);
	metrics_mail_refused(metrics);
	metrics_mail_refused(metrics);
	serve(tell_sessions, &n);
	get();
	check_has("xcontext_sessions 7");
	check_has("xcontext_errors_total 1");
	check_has("xcontext_mail_refused_total 2");
	get();
	check_has("xcontext_sessions 8");
}
END_TEST

START_TEST(nothing_else_is_served)
{
	static const struct {
		const char	*method, *path;
		bool		 is_served;
	} rows[] = {
		{ "GET", "/metrics", true },
		{ "HEAD", "/metrics", true },
		{ "POST", "/metrics", false },
		{ "PUT", "/metrics", false },
		{ "DELETE", "/metrics", false },
		{ "GET", "/", false },
		{ "GET", "/metrics/x", false },
	};
	int	 i;

	serve(NULL, NULL);
	for (i = 0; i < NELEM(rows); i++) {
		ck_assert(http_get(base, port, rows[i].method, rows[i].path,
		    page, sizeof page));
		ck_assert_msg((strncmp(page + 8, " 200 ", 5) == 0) ==
		    rows[i].is_served, "%s %s: %.40s", rows[i].method,
		    rows[i].path, page);
	}
}
END_TEST

static const struct where_row {
	const char	*where;
	bool		 is_ok;
} where_rows[] = {
	{ "", true },
	{ "127.0.0.1", false },
	{ "127.0.0.1:", false },
	{ "127.0.0.1:0", false },
	{ "127.0.0.1:65536", false },
	{ "127.0.0.1:-1", false },
	{ "127.0.0.1:99999999999999999999", false },
	{ "127.0.0.1:80x", false },
	{ "localhost:9725", false },
	{ "0.0.0.0:9725", false },
	{ "192.0.2.1:9725", false },
	{ "*:9725", false },
	{ ":9725", false },
	{ "[::]:9725", false },
	{ "[2001:db8::1]:9725", false },
	{ "[127.0.0.1:9725", false },
	{ "1111111111111111111111111111111111111111111111:1", false },
};

START_TEST(it_listens_at_the_loopback_interface_only)
{
	const struct where_row	*r = &where_rows[_i];
	int			 rc;

	err.text[0] = '\0';
	rc = metrics_serve(metrics, base, r->where, NULL, NULL, &err);
	ck_assert_msg(rc == (r->is_ok ? METRICS_HTTP_DONE :
	    METRICS_HTTP_WRONG), "%s", r->where);
	ck_assert_msg(r->is_ok || strstr(err.text, r->where) != NULL,
	    "%s: %s", r->where, err.text);
}
END_TEST

static double
now(void)
{
	struct timespec	 ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
run_for(double seconds)
{
	double	 end = now() + seconds;

	while (now() < end) {
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
		(void)usleep(1000);
	}
}

START_TEST(a_port_in_use_is_tried_again)
{
	struct metrics	*other = metrics_new();

	serve(NULL, NULL);
	ck_assert_int_eq(metrics_serve(other, base, where, NULL, NULL, &err),
	    METRICS_HTTP_LATER);
	ck_assert_msg(strstr(err.text, "Address already in use") != NULL,
	    "%s", err.text);
	metrics_free(metrics);
	metrics = NULL;
	run_for(RETRY_S + 1);
	get();
	metrics_free(other);
	metrics_free(NULL);
}
END_TEST

static int
dial(void)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
				     .sin_port = htons((uint16_t)port),
				     .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int			 fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sin, sizeof sin), 0);
	return fd;
}

static bool
is_closed(int fd)
{
	char	 byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) != -1 || errno != EAGAIN;
}

static unsigned
open_descriptors(void)
{
	DIR		*dir = opendir("/proc/self/fd");
	unsigned	 n = 0;

	while (readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	return n;
}

/* Those who only hold a connection, or say a byte now and then, have a few of
 * them, for a few seconds. */
START_TEST(nobody_holds_it)
{
	int		 fds[12], i, n_closed = 0;
	unsigned	 before;
	double		 end;

	serve(NULL, NULL);
	for (i = 0; i < NELEM(fds); i++)
		fds[i] = dial();
	before = open_descriptors();
	run_for(0.2);
	ck_assert_uint_eq(open_descriptors() - before, CONNECTIONS_MAX);
	for (end = now() + DEADLINE_S + 0.5; now() < end; run_for(0.5))
		for (i = 0; i < NELEM(fds); i++)
			(void)send(fds[i], "G", 1, MSG_NOSIGNAL);
	for (i = 0; i < NELEM(fds); i++)
		n_closed += is_closed(fds[i]);
	ck_assert_int_eq(n_closed, CONNECTIONS_MAX);
	for (i = 0; i < NELEM(fds); i++)
		(void)close(fds[i]);
	get();
}
END_TEST

/* Nor keeps anybody the processor busy by asking. */
START_TEST(there_are_so_many_answers_a_second)
{
	double	 begun;
	int	 i;

	serve(NULL, NULL);
	begun = now();
	for (i = 0; i < 2 * ACCEPTS_MAX + 1; i++)
		get();
	ck_assert_double_ge(now() - begun, 1.9);
}
END_TEST

START_TEST(what_is_no_request)
{
	static char	 rows[][16] = { "", "\r\n\r\n", "GET\r\n\r\n",
			     "GET /metrics\r\n", "\0\0\0\0" };
	static char	 much[1 << 16];
	int		 fd, i;

	serve(NULL, NULL);
	for (i = 0; i < NELEM(rows); i++) {
		fd = dial();
		(void)send(fd, rows[i], sizeof rows[i], MSG_NOSIGNAL);
		(void)shutdown(fd, SHUT_WR);
		run_for(0.05);
		ck_assert(is_closed(fd));
		(void)close(fd);
	}
	memset(much, 'x', sizeof much);
	fd = dial();
	(void)send(fd, much, sizeof much, MSG_NOSIGNAL | MSG_DONTWAIT);
	run_for(0.05);
	ck_assert_int_gt(recv(fd, page, sizeof page - 1, MSG_DONTWAIT), 12);
	ck_assert_int_eq(strncmp(page, "HTTP/1.1 431", 12), 0);
	(void)close(fd);
	get();
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("metrics");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nothing_yet);
	tcase_add_test(tc, a_reload_that_failed);
	tcase_add_test(tc, decisions_are_counted_by_kind);
	tcase_add_test(tc, their_number_is_bounded);
	tcase_add_test(tc, times_are_put_in_their_buckets);
	tcase_add_test(tc, what_is_known_at_the_moment_is_asked_for);
	tcase_add_test(tc, nothing_else_is_served);
	tcase_add_loop_test(tc, it_listens_at_the_loopback_interface_only, 0,
	    NELEM(where_rows));
	tcase_add_test(tc, a_port_in_use_is_tried_again);
	tcase_add_test(tc, nobody_holds_it);
	tcase_add_test(tc, there_are_so_many_answers_a_second);
	tcase_add_test(tc, what_is_no_request);
	return runner_run("metrics", tc);
}
