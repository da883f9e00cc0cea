/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * relay_metrics_test: what was counted is what Prometheus is told.
 */
#include "relay/relay_metrics.h"

#include <check.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "t/lib/http_get.h"
#include "t/lib/runner.h"

static struct event_base	*base;
static struct relay_metrics	*metrics;
static unsigned			 port;
static char			 page[65536];

static void
setup(void)
{
	char		 where[32];
	struct err	 err;

	base = event_base_new();
	metrics = relay_metrics_new();
	ck_assert(base != NULL && metrics != NULL);
	port = http_get_free_port();
	(void)snprintf(where, sizeof where, "127.0.0.1:%u", port);
	ck_assert_msg(relay_metrics_serve(metrics, base, where, &err) == 0,
	    "%s", err.text);
}

static void
teardown(void)
{
	relay_metrics_free(metrics);
	event_base_free(base);
}

static void
get(void)
{
	ck_assert(http_get(base, port, "GET", "/metrics", page, sizeof page));
	ck_assert_msg(strncmp(page + 8, " 200 ", 5) == 0, "%.40s", page);
}

static void
check_has(const char *line)
{
	char	 whole[512];

	(void)snprintf(whole, sizeof whole, "\n%s\n", line);
	ck_assert_msg(strstr(page, whole) != NULL, "no line \"%s\" in\n%s",
	    line, page);
}

/* All numbers on the page together, but those of the daemon as a whole. */
static unsigned long
sum(void)
{
	unsigned long	 n = 0;
	char		*p = strstr(page, "\r\n\r\n");

	ck_assert_ptr_nonnull(p);
	for (p += 4; *p != '\0'; p = strchr(p, '\n') + 1)
		if (*p != '#' && strncmp(p, "xcontext_build_", 15) != 0 &&
		    strncmp(p, "xcontext_config_", 16) != 0)
			n += strtoul(strpbrk(p, " ") + 1, NULL, 10);
	return n;
}

START_TEST(nothing_yet)
{
	static const char *const	 lines[] = {
		"# TYPE xcontext_relay_connections_total counter",
		"# TYPE xcontext_relay_connections_refused_total counter",
		"# TYPE xcontext_relay_sessions gauge",
		"# TYPE xcontext_relay_commands_total counter",
		"# TYPE xcontext_decisions_total counter",
		"# TYPE xcontext_relay_messages_total counter",
		"# TYPE xcontext_relay_content_bytes_total counter",
		"# TYPE xcontext_relay_xclient_total counter",
		"# TYPE xcontext_relay_next_hop_failures_total counter",
		"# TYPE xcontext_relay_tls_handshakes_total counter",
	};
	int	 i;

	get();
	for (i = 0; i < NELEM(lines); i++)
		check_has(lines[i]);
	ck_assert_uint_eq(sum(), 0);
	ck_assert_ptr_null(strstr(page, "mode=\"no\""));
	ck_assert_ptr_null(strstr(page, "(null)"));
}
END_TEST

START_TEST(connections)
{
	relay_metrics_begin(metrics);
	relay_metrics_begin(metrics);
	relay_metrics_begin(metrics);
	relay_metrics_end(metrics);
	get();
	check_has("xcontext_relay_connections_total 3");
	check_has("xcontext_relay_sessions 2");
	ck_assert_uint_eq(sum(), 5);
}
END_TEST

/* Each of these is counted, and as nothing else. */
static const struct row {
	const char	*line;
	int		 what, with;
} rows[] = {
#define REFUSED(why) "xcontext_relay_connections_refused_total{reason=\"" why \
	"\"} 1", 'r'
	{ REFUSED("connections"), RELAY_REFUSED_CONNECTIONS },
	{ REFUSED("peer_connections"), RELAY_REFUSED_PEER_CONNECTIONS },
	{ REFUSED("proxy_header"), RELAY_REFUSED_PROXY_HEADER },
	{ REFUSED("peer"), RELAY_REFUSED_PEER },
	{ REFUSED("resources"), RELAY_REFUSED_RESOURCES },
#define COMMAND(verb) "xcontext_relay_commands_total{verb=\"" verb "\"} 1", 'c'
	{ COMMAND("unknown"), SMTP_UNKNOWN },
	{ COMMAND("HELO"), SMTP_HELO },
	{ COMMAND("XDUMPCONTEXT"), SMTP_XDUMPCONTEXT },
#define MESSAGE(result) "xcontext_relay_messages_total{result=\"" result \
	"\"} 1", 'm'
	{ MESSAGE("accepted"), 250 },
	{ MESSAGE("accepted"), 299 },
	{ MESSAGE("tempfailed"), 421 },
	{ MESSAGE("refused"), 554 },
	{ MESSAGE("unknown"), 0 },
	{ MESSAGE("unknown"), 354 },
	{ MESSAGE("unknown"), 600 },
#define IFAVAILABLE(result) "xcontext_relay_xclient_total{mode=" \
	"\"ifavailable\",result=\"" result "\"} 1", 'i'
	{ IFAVAILABLE("sent"), RELAY_XCLIENT_SENT },
	{ IFAVAILABLE("not_offered"), RELAY_XCLIENT_NOT_OFFERED },
	{ IFAVAILABLE("refused"), RELAY_XCLIENT_REFUSED },
	{ IFAVAILABLE("failed"), RELAY_XCLIENT_FAILED },
	{ IFAVAILABLE("verdict"), RELAY_XCLIENT_VERDICT },
#define REQUIRED(result) "xcontext_relay_xclient_total{mode=" \
	"\"required\",result=\"" result "\"} 1", 'q'
	{ REQUIRED("sent"), RELAY_XCLIENT_SENT },
	{ REQUIRED("verdict"), RELAY_XCLIENT_VERDICT },
#define FAILURE(why) "xcontext_relay_next_hop_failures_total{reason=\"" why \
	"\"} 1", 'f'
	{ FAILURE("connect"), RELAY_HOP_CONNECT },
	{ FAILURE("timeout"), RELAY_HOP_TIMEOUT },
	{ FAILURE("tls"), RELAY_HOP_TLS },
	{ FAILURE("greeting"), RELAY_HOP_GREETING },
#define TLS(side, result) "xcontext_relay_tls_handshakes_total{side=\"" side \
	"\",result=\"" result "\"} 1"
	{ TLS("inbound", "done"), 's', true },
	{ TLS("inbound", "failed"), 's', false },
	{ TLS("outbound", "done"), 'o', true },
	{ TLS("outbound", "failed"), 'o', false },
};

static void
count(int what, int with)
{
	switch (what) {
	case 'r':
		relay_metrics_refuse(metrics, (enum relay_refusal)with);
		break;
	case 'c':
		relay_metrics_command(metrics, (enum smtp_verb)with);
		break;
	case 'm':
		relay_metrics_message(metrics, (unsigned)with);
		break;
	case 'i':
	case 'q':
		relay_metrics_xclient(metrics, what == 'i' ?
		    XCLIENT_IFAVAILABLE : XCLIENT_REQUIRED,
		    (enum relay_xclient)with);
		break;
	case 'f':
		relay_metrics_hop_failure(metrics,
		    (enum relay_hop_failure)with);
		break;
	default:
		relay_metrics_tls(metrics, what == 's' ? RELAY_INBOUND :
		    RELAY_OUTBOUND, with != 0);
	}
}

START_TEST(row_is_counted)
{
	const struct row	*r = &rows[_i];

	count(r->what, r->with);
	get();
	check_has(r->line);
	ck_assert_uint_eq(sum(), 1);
}
END_TEST

START_TEST(content)
{
	relay_metrics_content(metrics, UINT32_MAX);
	relay_metrics_content(metrics, 2);
	get();
	check_has("xcontext_relay_content_bytes_total 4294967297");
	ck_assert_uint_eq(sum(), 4294967297);
}
END_TEST

START_TEST(other_modes_are_not_counted)
{
	relay_metrics_xclient(metrics, XCLIENT_NO, RELAY_XCLIENT_SENT);
	relay_metrics_xclient(metrics, XCLIENT_UNSET, RELAY_XCLIENT_SENT);
	get();
	ck_assert_uint_eq(sum(), 0);
}
END_TEST

START_TEST(decisions)
{
	struct verdict	 v = { .action = VERDICT_REJECT,
			     .reason = REASON_NO_GRANT,
			     .attribute = ASSERTION_LOGIN };

	relay_metrics_decision(metrics, "edge", "XCLIENT", &v);
	relay_metrics_decision(metrics, "edge", "XCLIENT", &v);
	get();
	check_has("xcontext_decisions_total{profile=\"edge\",command="
	    "\"XCLIENT\",attribute=\"LOGIN\",reason=\"no_grant\",action="
	    "\"reject\",report_only=\"false\"} 2");
	ck_assert_uint_eq(sum(), 2);
}
END_TEST

START_TEST(nowhere_is_allowed)
{
	struct relay_metrics	*other = relay_metrics_new();
	struct err		 err = { "" };

	ck_assert_int_eq(relay_metrics_serve(other, base, "", &err),
	    METRICS_HTTP_DONE);
	ck_assert_int_eq(relay_metrics_serve(other, base, "0.0.0.0:25",
	    &err), METRICS_HTTP_WRONG);
	ck_assert_msg(strstr(err.text, "0.0.0.0:25") != NULL, "%s", err.text);
	relay_metrics_free(other);
	relay_metrics_free(NULL);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("relay_metrics");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nothing_yet);
	tcase_add_test(tc, connections);
	tcase_add_loop_test(tc, row_is_counted, 0, NELEM(rows));
	tcase_add_test(tc, content);
	tcase_add_test(tc, other_modes_are_not_counted);
	tcase_add_test(tc, decisions);
	tcase_add_test(tc, nowhere_is_allowed);
	return runner_run("relay_metrics", tc);
}
