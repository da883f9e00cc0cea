/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * control_server_test: conversations with a daemon's control socket: each
 * request, those who say it slowly, half, too long or never, and those who do
 * not read.
 */
#include "daemon/control_server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <check.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/control.h"
#include "daemon/daemon.h"
#include "daemon/decision_log.h"
#include "daemon/metrics_text.h"
#include "t/lib/runner.h"
#include "t/lib/tempdir.h"

#define PATIENCE_MS	5000
#define END		"{\"end\":true}\n"

static char			 dir[TEMPDIR_SIZE];
static char			 path[TEMPDIR_SIZE + 32];
static char			 file[TEMPDIR_SIZE + 32];
static struct event_base	*base;
static struct control_server	*server;
static struct conf		*conf;
static struct err		 err;
static unsigned			 n_reloads;
static bool			 is_later;	/* a reload is only wanted */
static char			 answer[1 << 20];

static struct conf *
conf_in_force(void *unused)
{
	(void)unused;
	return conf_ref(conf);
}

static void
end_reload(const char *failure)
{
	struct err	 why;

	if (failure == NULL) {
		daemon_reloaded(conf);
	} else {
		(void)err_set(&why, "%s", failure);
		daemon_reload_failed(conf, &why);
	}
	control_server_reloaded(server, failure == NULL ? conf : NULL);
}

/* arg: why it fails. */
static void
reload(void *arg)
{
	const char	*const *failure = arg;

	n_reloads++;
	if (is_later)
		return;
	daemon_reloading();
	end_reload(*failure);
}

static void
print(struct evbuffer *out, void *arg)
{
	static const char *const	 kinds[] = { "a", "b" };
	static const uint64_t		 counts[] = { 1, 2 };
	const uint64_t			*n = arg;

	metrics_text_number(out, "x_sessions", "gauge", "Some.", *n);
	metrics_text_counters(out, "x_total", "Kinds.", "kind", kinds,
	    counts, 2);
	(void)evbuffer_add_printf(out, "x_sum{a=\"b c\",d=\"e\"} 0.25\n"
	    "cut{a=\"b 1\nalso{a=\"b\" 1\nnothing\n");
}

static const char	*failure;
static uint64_t		 n_sessions = 7;

static void
load(const char *text)
{
	FILE	*fp = fopen(file, "w");

	fprintf(fp, "runtime_directory = \"%s\"\nuser = \"\"\n%s", dir, text);
	(void)fclose(fp);
	conf_unref(conf);
	conf = conf_load(file, &err);
	ck_assert_msg(conf != NULL, "%s", err.text);
}

static void
setup(void)
{
	static char		 name[] = "xcontext-test";
	char			*argv[] = { name, NULL };
	struct daemon_options	 options;

	tempdir_make(dir);
	(void)snprintf(path, sizeof path, "%s/control.test", dir);
	(void)snprintf(file, sizeof file, "%s/conf", dir);
	daemon_options(1, argv, name, NULL, &options);
	failure = NULL;
	is_later = false;
	load("");
	base = event_base_new();
	server = control_server_new(base, conf,
	    &(const struct control_server_ops){ .conf = conf_in_force,
	    .reload = reload, .print = print, .print_arg = &n_sessions,
	    .arg = &failure }, &err);
	ck_assert_msg(server != NULL, "%s", err.text);
	control_server_add_listener(server, "policy", "unix:/p");
	control_server_add_listener(server, "metrics", "");
}

static void
teardown(void)
{
	struct stat	 st;

	control_server_free(server);
	ck_assert_int_eq(stat(path, &st), -1);
	event_base_free(base);
	conf_unref(conf);
	conf = NULL;
	tempdir_remove(dir);
}

static void
turn(void)
{
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
}

static int
dial(void)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	int			 fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(sun.sun_path, sizeof sun.sun_path, "%s", path);
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&sun,
	    sizeof sun), 0);
	return fd;
}

static void
say(int fd, const char *text, size_t n)
{
	ck_assert_int_eq(send(fd, text, n, MSG_NOSIGNAL), (ssize_t)n);
}

/* Reads until the text is there; NULL: until the end. */
static const char *
hear(int fd, const char *until)
{
	uint64_t	 end = clock_ms(CLOCK_MONOTONIC) + PATIENCE_MS;
	struct pollfd	 pfd = { .fd = fd, .events = POLLIN };
	size_t		 n = 0;
	ssize_t		 got;

	answer[0] = '\0';
	do {
		turn();
		(void)poll(&pfd, 1, 1);
		got = recv(fd, answer + n, sizeof answer - 1 - n,
		    MSG_DONTWAIT);
		if (got > 0)
			n += (size_t)got;
		answer[n] = '\0';
		if (until == NULL && (got == 0 || (got == -1 &&
		    errno == ECONNRESET)))
			return answer;
		if (until != NULL && strstr(answer, until) != NULL)
			return answer;
	} while (clock_ms(CLOCK_MONOTONIC) < end);
	ck_abort_msg("no end, but: %s", answer);
	return answer;
}

static const char *
ask(const char *request)
{
	int	 fd = dial();

	say(fd, request, strlen(request));
	(void)hear(fd, NULL);
	(void)close(fd);
	return answer;
}

#define ck_answer_has(request, text)					\
	ck_assert_msg(strstr(ask(request), text) != NULL, "%s", answer)

START_TEST(ping)
{
	char	 want[64];

	(void)snprintf(want, sizeof want, "\"fingerprint\":\"%s\"",
	    conf->fingerprint);
	ck_answer_has("ping\n", "{\"data\":{\"program\":\"xcontext-test\",");
	ck_assert_ptr_nonnull(strstr(answer, "\"version\":\"" PACKAGE_VERSION
	    "\""));
	ck_assert_ptr_nonnull(strstr(answer, want));
	ck_assert_ptr_nonnull(strstr(answer, "\"reload_failed\":false,"
	    "\"trial_until\":null,\"trial_by\":null,"
	    "\"listeners\":[{\"name\":\"policy\",\"where\":\"unix:/p\"}]}}\n"
	    END));
	ck_answer_has("ping\r\n", "\"program\"");
	ck_answer_has("ping\nping\nstats\n", END);
	ck_assert_ptr_null(strstr(answer, END "{"));
	conf->trial = (struct conf_trial){ .until_ms = 1000,
	    .by = "root" };
	ck_answer_has("ping\n", "\"trial_until\":\"1970-01-01T00:00:01.000Z\","
	    "\"trial_by\":\"root\",");
}
END_TEST

START_TEST(byte_by_byte)
{
	static const char	 request[] = "ping\r\n";
	int			 fd = dial();
	size_t			 i;

	for (i = 0; i < sizeof request - 1; i++) {
		say(fd, request + i, 1);
		turn();
	}
	ck_assert_ptr_nonnull(strstr(hear(fd, NULL), END));
	(void)close(fd);
}
END_TEST

/* Whoever leaves in between has asked nothing, and is forgotten. */
START_TEST(cut_at_each_point)
{
	static const char	 request[] = "reload\n";
	size_t			 i;
	int			 fd;

	for (i = 0; i < sizeof request - 1; i++) {
		fd = dial();
		say(fd, request, i);
		turn();
		(void)close(fd);
		turn();
	}
	ck_assert_uint_eq(n_reloads, 0);
	fd = dial();
	say(fd, request, sizeof request - 1);
	(void)shutdown(fd, SHUT_WR);
	ck_assert_str_eq(strrchr(hear(fd, NULL), '{'), END);
	(void)close(fd);
	ck_assert_uint_eq(n_reloads, 1);
}
END_TEST

START_TEST(wrong)
{
	static char	 request[CONTROL_REQUEST_MAX + 3];

	ck_assert_str_eq(ask("pong\n"),
	    "{\"error\":\"the request \\\"pong\\\" is not known\"}\n");
	ck_assert_str_eq(ask("\n"),
	    "{\"error\":\"the request \\\"\\\" is not known\"}\n");
	memset(request, 'x', sizeof request - 1);
	ck_assert_str_eq(ask(request),
	    "{\"error\":\"the request is too long\"}\n");
	memcpy(request, "ping ", 5);
	memset(request + 4, ' ', CONTROL_REQUEST_MAX - 4);
	memcpy(request + CONTROL_REQUEST_MAX, "\n", 2);
	ck_answer_has(request, END);
}
END_TEST

START_TEST(stats)
{
	ck_assert_str_eq(ask("stats\n"),
	    "{\"data\":{\"name\":\"x_sessions\",\"type\":\"gauge\","
	    "\"labels\":{},\"value\":7}}\n"
	    "{\"data\":{\"name\":\"x_total\",\"type\":\"counter\","
	    "\"labels\":{\"kind\":\"a\"},\"value\":1}}\n"
	    "{\"data\":{\"name\":\"x_total\",\"type\":\"counter\","
	    "\"labels\":{\"kind\":\"b\"},\"value\":2}}\n"
	    "{\"data\":{\"name\":\"x_sum\",\"type\":\"counter\","
	    "\"labels\":{\"a\":\"b c\",\"d\":\"e\"},\"value\":0.25}}\n" END);
}
END_TEST

START_TEST(reload_now)
{
	ck_answer_has("reload\n", "\"fingerprint\":");
	ck_assert_str_eq(strrchr(answer, '{'), END);
	failure = "/x:7: n\303\266";
	ck_assert_str_eq(ask("reload\n"), "{\"error\":\"/x:7: n??\"}\n");
	ck_answer_has("ping\n", "\"reload_failed\":true");
	failure = NULL;
	ck_answer_has("reload\n", END);
}
END_TEST

/* What was under way when it was asked for is none of it. */
START_TEST(reload_later)
{
	char	 byte;
	int	 fd;

	is_later = true;
	daemon_reloading();
	fd = dial();
	say(fd, "reload\n", 7);
	n_reloads = 0;
	while (n_reloads == 0)
		turn();
	end_reload("/x:7: before");
	turn();
	ck_assert_int_eq(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
	daemon_reloading();
	end_reload("/x:8: late");
	ck_assert_str_eq(hear(fd, NULL), "{\"error\":\"/x:8: late\"}\n");
	(void)close(fd);
}
END_TEST

START_TEST(silence)
{
	int	 fds[50], i;
	char	 byte;

	for (i = 0; i < 50; i++) {
		fds[i] = dial();
		turn();
	}
	ck_answer_has("ping\n", END);
	ck_assert_int_eq(recv(fds[0], &byte, 1, MSG_DONTWAIT), 0);
	ck_assert_int_eq(recv(fds[49], &byte, 1, MSG_DONTWAIT), -1);
	for (i = 0; i < 50; i++)
		(void)close(fds[i]);
}
END_TEST

/*
 * Traces
 */

static void
tell(const char *peer, const char *profile, const char *text)
{
	struct address	 addr;

	(void)address_parse(span_of(peer), &addr);
	trace_tell(&(const struct trace_line){ .peer = &addr,
	    .profile = profile, .level = LOG_LEVEL_NOTICE, .session = "S",
	    .event = "refuse", .pairs = (const struct log_pair[]){
	    { "text", text }, { NULL, NULL } } });
}

static int
trace(const char *request)
{
	int	 fd = dial();

	say(fd, request, strlen(request));
	(void)hear(fd, "{\"data\":{\"tracing\":\"xcontext-test\"}}\n");
	return fd;
}

START_TEST(traces)
{
	const struct decision	 decision = { .event = DECISION_ERROR,
				     .text = "decided" };
	int			 fd, by_peer, by_profile;

	ck_assert(!trace_is_read());
	fd = trace("trace\n");
	ck_assert(trace_is_read());
	by_peer = trace("trace peer=192.0.2.0/24\n");
	by_profile = trace("trace profile=edge\n");
	decision_log(&decision);
	tell("198.51.100.1", "edge", "one");
	tell("192.0.2.1", NULL, "two");
	ck_assert_ptr_nonnull(strstr(hear(fd, "two"), "\"program\":"
	    "\"xcontext-test\",\"session\":\"S\",\"event\":\"refuse\","
	    "\"level\":\"notice\",\"text\":\"one\"}}\n{\"data\":{"));
	ck_assert_ptr_nonnull(strstr(answer, "\"text\":\"decided\""));
	ck_assert_ptr_null(strstr(hear(by_peer, "two"), "one"));
	ck_assert_ptr_null(strstr(answer, "decided"));
	ck_assert_ptr_null(strstr(hear(by_profile, "one"), "two"));
	(void)close(fd);
	(void)close(by_peer);
	turn();
	ck_assert(trace_is_read());
	(void)close(by_profile);
	turn();
	ck_assert(!trace_is_read());
}
END_TEST

START_TEST(as_many_as_there_may_be)
{
	int	 fds[8], i;

	for (i = 0; i < 4; i++)
		fds[i] = trace("trace\n");
	ck_answer_has("trace\n", "too many traces");
	ck_answer_has("ping\n", END);
	for (i = 0; i < 4; i++)
		(void)close(fds[i]);
}
END_TEST

static void
check_whole_lines(const char *text)
{
	const char	*end;

	for (; (end = strchr(text, '\n')) != NULL; text = end + 1)
		ck_assert_msg(end[-1] == '}' && (strncmp(text,
		    "{\"data\":{\"time\":", 16) == 0 || strncmp(text,
		    "{\"data\":{\"lost\":", 16) == 0), "%.40s", text);
}

/* He costs so much memory and no time, and learns what he missed. */
START_TEST(a_reader_that_does_not_read)
{
	static char	 text[4096];
	int		 fd = trace("trace\n");
	int		 i;

	memset(text, 'x', sizeof text - 1);
	for (i = 0; i < 2000; i++) {
		tell("192.0.2.1", "edge", text);
		turn();
	}
	ck_answer_has("ping\n", END);
	(void)hear(fd, "{\"data\":{\"lost\":");
	ck_assert_int_gt(atoi(strstr(answer, "\"lost\":") + 7), 1000);
	check_whole_lines(answer);
	tell("192.0.2.1", "edge", "again");
	(void)hear(fd, "again");
	(void)close(fd);
}
END_TEST

START_TEST(who_may)
{
	struct stat	 st;

	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	load("control_users = { \"daemon\" }\n");
	control_server_reloaded(server, conf);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0666);
	load("");
	control_server_reloaded(server, conf);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(cannot_listen)
{
	struct conf	*good = conf_ref(conf);

	load("control = \"unix:/no/such/directory/c\"\n");
	ck_assert_ptr_null(control_server_new(base, conf,
	    &(const struct control_server_ops){ .conf = conf_in_force },
	    &err));
	ck_assert_ptr_nonnull(strstr(err.text, "/no/such/directory"));
	ck_assert_ptr_null(control_server_new(base, good,
	    &(const struct control_server_ops){ .conf = conf_in_force },
	    &err));
	ck_assert_ptr_nonnull(strstr(err.text, "another process"));
	conf_unref(good);
	ck_answer_has("ping\n", END);
	control_server_free(NULL);
	control_server_reloaded(NULL, conf);
	control_server_remove(NULL);
	control_server_add_listener(NULL, "x", "y");
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("control_server");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, ping);
	tcase_add_test(tc, byte_by_byte);
	tcase_add_test(tc, cut_at_each_point);
	tcase_add_test(tc, wrong);
	tcase_add_test(tc, stats);
	tcase_add_test(tc, reload_now);
	tcase_add_test(tc, reload_later);
	tcase_add_test(tc, silence);
	tcase_add_test(tc, traces);
	tcase_add_test(tc, as_many_as_there_may_be);
	tcase_add_test(tc, a_reader_that_does_not_read);
	tcase_add_test(tc, who_may);
	tcase_add_test(tc, cannot_listen);
	return runner_run("control_server", tc);
}
