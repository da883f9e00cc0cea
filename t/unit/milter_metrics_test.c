/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * milter_metrics_test: what was counted is what Prometheus is told.
 */
#include "milter/milter_metrics.h"

#include <check.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "milter/service.h"
#include "t/lib/http_get.h"
#include "t/lib/runner.h"

static char		 page[1 << 20];
static struct err	 err;

static void
check_has(const char *line)
{
	char	 whole[512];

	(void)snprintf(whole, sizeof whole, "\n%s\n", line);
	ck_assert_msg(strstr(page, whole) != NULL, "no line \"%s\" in\n%s",
	    line, page);
}

START_TEST(counts)
{
	const struct verdict	 verdict = { .reason = REASON_VALUE,
				     .action = VERDICT_TEMPFAIL,
				     .attribute = ASSERTION_ADDR };
	struct event_base	*base = event_base_new();
	struct metrics_http	*http;
	unsigned		 port = http_get_free_port();
	char			 where[32];

	(void)snprintf(where, sizeof where, "127.0.0.1:%u", port);
	ck_assert_msg(milter_metrics_serve(base, where, &http, &err) ==
	    METRICS_HTTP_DONE, "%s", err.text);
	service_count(1);
	milter_metrics_count(MILTER_MAIL_REFUSED);
	milter_metrics_count(MILTER_MAIL_REFUSED);
	milter_metrics_count(MILTER_COMMAND_DENIED);
	milter_metrics_decision("edge", "XCLIENT", &verdict);
	ck_assert(http_get(base, port, "GET", "/metrics", page, sizeof page));
	check_has("xcontext_build_info{program=\"xcontext-milter\",version=\""
	    PACKAGE_VERSION "\"} 1");
	check_has("xcontext_milter_sessions 1");
	check_has("xcontext_milter_mail_refused_total 2");
	check_has("xcontext_milter_commands_denied_total 1");
	check_has("xcontext_milter_errors_total 0");
	ck_assert_ptr_nonnull(strstr(page, "\nxcontext_decisions_total{"
	    "profile=\"edge\","));
	metrics_http_close(http);
	event_base_free(base);
}
END_TEST

START_TEST(nowhere)
{
	struct event_base	*base = event_base_new();
	struct metrics_http	*http;

	ck_assert_int_eq(milter_metrics_serve(base, "", &http, &err),
	    METRICS_HTTP_DONE);
	ck_assert_int_eq(milter_metrics_serve(base, "192.0.2.1:9", &http,
	    &err),
	    METRICS_HTTP_WRONG);
	ck_assert_ptr_nonnull(strstr(err.text, "metrics = "));
	event_base_free(base);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("milter_metrics");

	tcase_add_test(tc, counts);
	tcase_add_test(tc, nowhere);
	return runner_run("milter_metrics", tc);
}
