/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * server_test: real sockets on both sides in one process, with an event loop
 * that is stepped by hand.
 *
 * All connections come from this very process, which is therefore the one
 * "smtpd" whose session the ledger follows.
 */
#include "policy/server.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/lib/descriptors.h"
#include "t/lib/runner.h"
#include "t/lib/tempdir.h"

#define ANSWER_SIZE	(1 << 20)
#define PAUSE_MS	100	/* of a listener without descriptors */

static char		 dir[TEMPDIR_SIZE];
static char		 conf_path[TEMPDIR_SIZE + 16];
static struct conf	*conf;
static struct store	*store;
static struct metrics	*metrics;
static struct ledger	*ledger;
static struct event_base *base;
static struct server	*server;
static int		 log_fd;
static unsigned		 noted[DECISION_END + 1];

static void
take_note(const struct decision *note, void *arg)
{
	(void)arg;
	noted[note->event]++;
	if (note->event == DECISION_MAIL_REFUSED)
		ck_assert(note->verdict->action != VERDICT_PERMIT &&
		    note->text != NULL && note->line != NULL);
}

/*
 * The server
 */

static void
load_conf(const char *limits)
{
	struct passwd	*self = getpwuid(geteuid());
	FILE		*out = fopen(conf_path, "w");
	struct err	 err;

	ck_assert(self != NULL && out != NULL);
	(void)fprintf(out, "store = \"lmdb:%s/store\" "
	    "state_directory = \"%s\"\nuser = \"\"\n"
	    "allowed_users = { \"%s\" }\n"
	    "profile edge { xclient = { \"*\" } xforward = { \"*\" } }\n"
	    "trust_maps = { \"cidr:{{192.0.2.1/32 edge}}\" }\n"
	    "limits { %s }\n", dir, dir, self->pw_name, limits);
	ck_assert_int_eq(fclose(out), 0);
	conf_unref(conf);
	conf = conf_load(conf_path, &err);
	ck_assert_msg(conf != NULL, "%s", err.text);
}

static int
listen_at(const char *name)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	int			 fd;

	(void)snprintf(sun.sun_path, sizeof sun.sun_path, "%s/%s", dir, name);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof sun), 0);
	ck_assert_int_eq(listen(fd, 128), 0);
	return fd;
}

static void
setup(void)
{
	struct err	 err;
	char		 path[TEMPDIR_SIZE + 8];

	tempdir_make(dir);
	(void)snprintf(conf_path, sizeof conf_path, "%s/conf", dir);
	(void)snprintf(path, sizeof path, "%s/log", dir);
	log_fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
	ck_assert(log_fd != -1 && dup2(log_fd, STDERR_FILENO) != -1);
	load_conf("");
	store = store_open(conf->store, 8,
	    conf->state_directory, &err);
	base = event_base_new();
	metrics = metrics_new();
	ledger = ledger_new(conf, store, take_note, NULL);
	server = server_new(base, conf, ledger, metrics);
	ck_assert(store != NULL && server != NULL);
	ck_assert_int_eq(server_listen(server, listen_at("policy"),
	    SERVER_POLICY), 0);
	ck_assert_int_eq(server_listen(server, listen_at("maps"),
	    SERVER_SOCKETMAP), 0);
	memset(noted, 0, sizeof noted);
}

static void
teardown(void)
{
	server_free(server);
	ledger_free(ledger);
	metrics_free(metrics);
	event_base_free(base);
	store_close(store);
	conf_unref(conf);
	conf = NULL;
	(void)close(log_fd);
	tempdir_remove(dir);
}

static void
step(void)
{
	int	 i;

	for (i = 0; i < 4; i++)
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
use_limits(const char *limits)
{
	load_conf(limits);
	server_set_conf(server, conf);
	ledger_set_conf(ledger, conf);
}

/* How often the text is in the log. */
static unsigned
logged(const char *text)
{
	char		 buf[65536], *p = buf;
	unsigned	 n = 0;
	ssize_t		 len = pread(log_fd, buf, sizeof buf - 1, 0);

	ck_assert_int_ge(len, 0);
	buf[len] = '\0';
	while ((p = strstr(p, text)) != NULL) {
		n++;
		p++;
	}
	return n;
}

/*
 * Clients
 */

static int
try_dial(const char *name)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	int			 fd = socket(AF_UNIX, SOCK_STREAM |
				     SOCK_NONBLOCK, 0);

	(void)snprintf(sun.sun_path, sizeof sun.sun_path, "%s/%s", dir, name);
	if (connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static int
dial(const char *name)
{
	int	 fd = try_dial(name);

	ck_assert_int_ne(fd, -1);
	step();
	return fd;
}

static void
say_bytes(int fd, const char *p, size_t n)
{
	ck_assert_int_eq(send(fd, p, n, MSG_NOSIGNAL), (ssize_t)n);
	step();
}

static void
say(int fd, const char *text)
{
	say_bytes(fd, text, strlen(text));
}

/* What has come, as a string; "(closed)" when the server has hung up. */
static const char *
hear(int fd)
{
	static char	 buf[ANSWER_SIZE];
	ssize_t		 n;
	size_t		 len = 0;

	for (;;) {
		step();
		n = recv(fd, buf + len, sizeof buf - 1 - len, 0);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	buf[len] = '\0';
	if (len == 0 && (n == 0 || errno == ECONNRESET))
		return "(closed)";
	return buf;
}

static void
expect(int fd, const char *text, const char *want)
{
	const char	*got;

	say(fd, text);
	got = hear(fd);
	ck_assert_msg(strcmp(got, want) == 0, "%s: got \"%s\", want \"%s\"",
	    text, got, want);
}

/* A netstring in a buffer that the next call but seven uses again. */
static const char *
ns(const char *body)
{
	static char	 bufs[8][512];
	static unsigned	 next;
	char		*buf = bufs[next++ % 8];

	(void)snprintf(buf, sizeof bufs[0], "%zu:%s,", strlen(body), body);
	return buf;
}

#define POLICY(state)							\
	"request=smtpd_access_policy\nprotocol_state=" state "\n"	\
	"client_address=203.0.113.5\nclient_port=1\n\n"
#define DUNNO		"action=DUNNO\n\n"
#define NOTFOUND	"9:NOTFOUND ,"

static const char	stranger[] = "19:milters 203.0.113.5,";
static const char	disabled[] = "10:OK DISABLE,";

/*
 * Whole, in pieces, cut
 */

static const char	dialogue[] =
	"15:xclient unknown,17:xclient 192.0.2.1,16:xforward unknown,"
	"18:xforward 192.0.2.1,17:milters 192.0.2.1,14:command EHLO x,"
	"33:command XCLIENT ADDR=198.51.100.9,15:xclient unknown,"
	"20:xclient 198.51.100.9,20:milters 198.51.100.9,";
static const char	dialogue_answers[] =
	NOTFOUND "7:OK edge," NOTFOUND "7:OK edge," NOTFOUND NOTFOUND
	"93:OK XCLIENT ADDR=198.51.100.9 NAME=[UNAVAILABLE] "
	"REVERSE_NAME=[UNAVAILABLE] PORT=[UNAVAILABLE],"
	NOTFOUND "7:OK edge," NOTFOUND;

START_TEST(requests_in_one_piece)
{
	static const char	 want[] = DUNNO "action=451 4.7.1 the mail "
				     "server shows another client than the "
				     "one that was permitted; session ";
	int			 maps = dial("maps"), policy = dial("policy");

	expect(maps, dialogue, dialogue_answers);
	ck_assert_uint_eq(noted[DECISION_OVERRIDE], 1);
	say(policy, "request=smtpd_access_policy\nprotocol_state=RCPT\n"
	    "client_address=198.51.100.9\nclient_name=unknown\n"
	    "client_port=unknown\n\n" POLICY("DATA"));
	ck_assert(strncmp(hear(policy), want, sizeof want - 1) == 0);
}
END_TEST

START_TEST(requests_byte_by_byte)
{
	static char	 got[4096];
	int		 maps = dial("maps"), policy = dial("policy");
	const char	*p;

	got[0] = '\0';
	for (p = dialogue; *p != '\0'; p++) {
		say_bytes(maps, p, 1);
		(void)strcat(got, hear(maps));
		ck_assert(server_is_idle(server) == (*p == ','));
	}
	ck_assert_str_eq(got, dialogue_answers);
	got[0] = '\0';
	for (p = POLICY("CONNECT") POLICY("EHLO"); *p != '\0'; p++) {
		say_bytes(policy, p, 1);
		(void)strcat(got, hear(policy));
	}
	ck_assert_str_eq(got, DUNNO DUNNO);
	ck_assert(server_is_idle(server));
}
END_TEST

/* A hang-up at each byte: what was answered counts, what was not does not. */
START_TEST(a_hang_up_anywhere_breaks_nothing)
{
	size_t	 cut, n = sizeof dialogue - 1;
	int	 maps, policy;

	for (cut = 0; cut <= n; cut++) {
		maps = dial("maps");
		say_bytes(maps, dialogue, cut);
		(void)hear(maps);
		(void)close(maps);
		step();
		ck_assert_uint_eq(ledger_sessions(ledger), 0);
		ck_assert(server_is_idle(server));
	}
	ck_assert_uint_eq(logged("protocol_error"), 0);
	maps = dial("maps");
	expect(maps, dialogue, dialogue_answers);
	for (cut = 0; cut <= sizeof POLICY("RCPT") - 1; cut++) {
		policy = dial("policy");
		say_bytes(policy, POLICY("RCPT"), cut);
		(void)close(policy);
		step();
		ck_assert(server_is_idle(server));
	}
	/* The last one was whole, and counted. */
	ck_assert_uint_eq(noted[DECISION_MAIL_REFUSED], 1);
	ck_assert_uint_eq(ledger_sessions(ledger), 1);
	expect(maps, ns("milters 203.0.113.5"), disabled);
}
END_TEST

START_TEST(closing_the_policy_stream_ends_no_session)
{
	int	 maps = dial("maps"), policy = dial("policy");

	expect(maps, stranger, disabled);
	expect(policy, POLICY("RCPT"), DUNNO);
	(void)close(policy);
	step();
	ck_assert_uint_eq(ledger_sessions(ledger), 1);
	(void)close(maps);
	step();
	ck_assert_uint_eq(ledger_sessions(ledger), 0);
}
END_TEST

START_TEST(a_half_closed_stream_gets_its_answers)
{
	int	 maps = dial("maps");

	ck_assert_int_eq(send(maps, stranger, sizeof stranger - 1, 0),
	    (ssize_t)sizeof stranger - 1);
	ck_assert_int_eq(shutdown(maps, SHUT_WR), 0);
	ck_assert_str_eq(hear(maps), disabled);
	ck_assert_str_eq(hear(maps), "(closed)");
}
END_TEST

/* Says it and hangs up, before the server can look. */
static void
say_and_leave(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL),
	    (ssize_t)strlen(text));
	(void)close(fd);
	step();
}

/* The process that asked has given up, and may have another client. */
START_TEST(who_has_hung_up_is_asking_nothing)
{
	int	 maps = dial("maps"), policy = dial("policy");

	expect(maps, dialogue, dialogue_answers);
	say_and_leave(policy, POLICY("RCPT"));
	ck_assert_uint_eq(noted[DECISION_REFUSE], 0);
	expect(maps, ns("command EHLO x"), NOTFOUND);
	ck_assert_uint_eq(noted[DECISION_SEAL], 1);
	ck_assert_uint_eq(ledger_sessions(ledger), 1);
	say_and_leave(maps, stranger);
	ck_assert_uint_eq(noted[DECISION_END], 1);
	ck_assert_uint_eq(ledger_sessions(ledger), 0);
}
END_TEST

/* Nor does it wait for two answers: a request about a mail that comes at once
 * with the next client's lookup is of the client before, or given up. */
START_TEST(who_asks_twice_at_once_has_given_one_up)
{
	static const char	 want[] = "action=451 4.3.0 it cannot be told ";
	static const char	 mail[] = POLICY("RCPT");
	int			 maps = dial("maps"), policy;

	expect(maps, dialogue, dialogue_answers);
	policy = try_dial("policy");
	ck_assert_int_eq(send(policy, mail, sizeof mail - 1, 0),
	    (ssize_t)sizeof mail - 1);
	expect(maps, ns("milters 203.0.113.6"), disabled);
	ck_assert_uint_eq(noted[DECISION_REFUSE], 0);
	ck_assert(strncmp(hear(policy), want, sizeof want - 1) == 0);
	expect(policy, "request=smtpd_access_policy\nprotocol_state=RCPT\n"
	    "client_address=203.0.113.6\nclient_port=1\n\n", DUNNO);
}
END_TEST

/* Nor is it known by the end of a stream that is not its last. */
START_TEST(an_older_stream_says_nothing_of_the_session)
{
	int	 old = dial("maps"), maps = dial("maps");

	expect(maps, dialogue, dialogue_answers);
	say_and_leave(old, stranger);
	old = dial("policy");
	(void)close(old);
	step();
	ck_assert_uint_eq(noted[DECISION_END], 0);
	expect(maps, ns("command EHLO x"), NOTFOUND);
	ck_assert_uint_eq(noted[DECISION_SEAL], 1);
	(void)close(maps);
	step();
	ck_assert_uint_eq(noted[DECISION_END], 1);
}
END_TEST

/*
 * Many requests at once
 */

#define PIPELINED	1000

/* The i-th request, and its answer, which differ by i.  The answer is twice as
 * long. */
static const char *
numbered_request(unsigned i)
{
	static char	 body[128];

	(void)snprintf(body, sizeof body, "command XCLIENT PORT=%u "
	    "ADDR=198.51.100.9", i);
	return ns(body);
}

static const char *
numbered_answer(unsigned i)
{
	static char	 body[128];

	(void)snprintf(body, sizeof body, "OK XCLIENT ADDR=198.51.100.9 "
	    "NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] PORT=%u", i);
	return ns(body);
}

/* Takes the numbered answers, in their order, off what came. */
static unsigned
check_order(const char **p, unsigned next)
{
	const char	*want;

	while (**p != '\0') {
		want = numbered_answer(next);
		if (strncmp(*p, want, strlen(want)) != 0)
			break;
		*p += strlen(want);
		next++;
	}
	return next;
}

START_TEST(a_thousand_requests_at_once)
{
	static char	 all[PIPELINED * 64];
	int		 maps = dial("maps"), big = 1 << 20;
	const char	*p;
	unsigned	 i;

	expect(maps, "17:xclient 192.0.2.1,18:xforward 192.0.2.1,",
	    "7:OK edge,7:OK edge,");
	(void)setsockopt(maps, SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
	for (i = 0; i < PIPELINED; i++)
		(void)strcat(all, numbered_request(i));
	say(maps, all);
	p = hear(maps);
	ck_assert_uint_eq(check_order(&p, 0), PIPELINED);
	ck_assert_str_eq(p, "");
	ck_assert(server_is_idle(server));
}
END_TEST

/* One who sends and does not read: the server stops reading too, loses
 * nothing, serves others, and goes on when it may. */
START_TEST(a_peer_that_does_not_read)
{
	static char	 stock[8192];
	int		 maps = dial("maps"), other;
	unsigned	 sent = 0, got = 0;
	size_t		 len = 0, used;
	ssize_t		 n;
	const char	*request, *p;

	expect(maps, "17:xclient 192.0.2.1,18:xforward 192.0.2.1,",
	    "7:OK edge,7:OK edge,");
	/* Until neither side takes any more. */
	for (;;) {
		request = numbered_request(sent);
		n = send(maps, request, strlen(request), MSG_NOSIGNAL);
		if (n == -1)
			break;
		ck_assert_int_eq(n, (ssize_t)strlen(request));
		if (++sent % 100 == 0)
			step();
		ck_assert_uint_lt(sent, 60000);
	}
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert(!server_is_idle(server));
	ck_assert_uint_gt(sent, PIPELINED);
	other = dial("policy");
	expect(other, POLICY("CONNECT"), DUNNO);
	/* A little at a time. */
	while (got < sent) {
		step();
		n = recv(maps, stock + len, 5000, 0);
		ck_assert_int_gt(n, 0);
		len += (size_t)n;
		stock[len] = '\0';
		p = stock;
		got = check_order(&p, got);
		used = (size_t)(p - stock);
		memmove(stock, p, len - used + 1);
		len -= used;
		ck_assert_uint_lt(len, 128);
	}
	ck_assert_uint_eq(len, 0);
	step();
	ck_assert(server_is_idle(server));
	ck_assert_str_eq(hear(maps), "");
	expect(maps, numbered_request(7), numbered_answer(7));
}
END_TEST

/* Requests that came in large pieces, and nothing comes behind them: what was
 * kept while there was no room is answered when there is. */
START_TEST(a_peer_that_reads_late)
{
	static char	 all[PIPELINED * 64];
	int		 maps = dial("maps"), big = 1 << 20;
	unsigned	 got = 0, sent = 0, n;
	const char	*p;

	expect(maps, "17:xclient 192.0.2.1,18:xforward 192.0.2.1,",
	    "7:OK edge,7:OK edge,");
	(void)setsockopt(maps, SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
	for (n = 0; n < PIPELINED; n++)
		(void)strcat(all, numbered_request(n));
	for (; server_is_idle(server); sent += PIPELINED) {
		ck_assert_uint_lt(sent, 9 * PIPELINED);
		say(maps, all);
	}
	p = hear(maps);
	while (got < sent) {
		n = check_order(&p, got % PIPELINED);
		ck_assert_msg(n > got % PIPELINED, "after %u answers: %.40s",
		    got, p);
		got += n - got % PIPELINED;
	}
	ck_assert_str_eq(p, "");
	ck_assert(server_is_idle(server));
}
END_TEST

START_TEST(a_peer_that_goes_away_without_reading)
{
	int		 maps = dial("maps");
	const char	*request;
	unsigned	 sent = 0;

	expect(maps, "17:xclient 192.0.2.1,18:xforward 192.0.2.1,",
	    "7:OK edge,7:OK edge,");
	do
		request = numbered_request(sent++);
	while (send(maps, request, strlen(request), MSG_NOSIGNAL) > 0 &&
	    (step(), sent < 60000));
	(void)close(maps);
	step();
	ck_assert_uint_eq(ledger_sessions(ledger), 0);
	ck_assert(server_is_idle(server));
}
END_TEST

/*
 * What is not a request
 */

static const struct bad_row {
	const char	*name, *socket, *in, *why;
} bad_rows[] = {
	{ "no netstring",	"maps",	"hello",	"not a netstring" },
	{ "no comma",		"maps",	"3:a b;",	"not a netstring" },
	{ "over the limit",	"maps",	"16385:",	"request is too long" },
	{ "no key",		"maps",	"7:xclient,",
	    "not a request for a map that is served" },
	{ "SMTP",		"policy", "EHLO x\r\n", "malformed request" },
	{ "no equals sign",	"policy", "request=smtpd_access_policy\nx\n",
	    "malformed request" },
	{ "another request",	"policy", "request=junk\n\n",
	    "request is not smtpd_access_policy" },
};

START_TEST(what_is_no_request_ends_that_connection_alone)
{
	const struct bad_row	*r = &bad_rows[_i];
	int			 maps = dial("maps"), fd = dial(r->socket);

	expect(maps, stranger, disabled);
	say(fd, r->in);
	ck_assert_msg(strcmp(hear(fd), "(closed)") == 0, "%s: is open",
	    r->name);
	ck_assert_msg(logged("protocol_error") == 1, "%s: %u lines", r->name,
	    logged("protocol_error"));
	ck_assert_msg(logged(r->why) == 1, "%s: not said", r->name);
	(void)close(fd);
	/* The others go on, and the session is what it was. */
	ck_assert_uint_eq(ledger_sessions(ledger), 1);
	expect(maps, stranger, disabled);
	fd = dial(r->socket);
	if (strcmp(r->socket, "policy") == 0)
		expect(fd, POLICY("RCPT"), DUNNO);
	else
		expect(fd, stranger, disabled);
}
END_TEST

/* A name that is wrong in Postfix's configuration. */
static const struct unknown_row {
	const char	*request, *want, *map;
} unknown_rows[] = {
	{ "xclint 192.0.2.1", "TEMP xclint: no such map, served are xclient, "
	    "xforward, command, milters and profile, and the same with "
	    ".LISTENER", "map=xclint" },
	{ "xclient. 192.0.2.1", "TEMP xclient.: no such map, ",
	    "map=xclient." },
	{ "xclient.in/side 192.0.2.1", "TEMP xclient.in/side: no such map, ",
	    "map=xclient.in/side" },
	{ "xclient.insdie 192.0.2.1", "TEMP insdie: there is no section "
	    "\"listener\" of that name", "map=insdie" },
	{ "milters.insdie 203.0.113.5", "TEMP insdie: there is no section ",
	    "map=insdie" },
	{ "profile.insdie 192.0.2.1", "TEMP insdie: there is no section ",
	    "map=insdie" },
};

START_TEST(a_map_that_is_not_there_is_told_by_name)
{
	const struct unknown_row	*r = &unknown_rows[_i];
	int				 maps = dial("maps");
	const char			*got;

	say(maps, ns(r->request));
	got = strchr(hear(maps), ':');
	ck_assert_msg(got != NULL && strncmp(got + 1, r->want,
	    strlen(r->want)) == 0, "%s: got \"%s\"", r->request, got);
	ck_assert_uint_eq(logged("unknown_map"), 1);
	ck_assert_uint_eq(logged(r->map), 1);
	/* Nobody's session began, and the connection goes on. */
	ck_assert_uint_eq(ledger_sessions(ledger), 0);
	expect(maps, stranger, disabled);
}
END_TEST

START_TEST(requests_before_a_bad_one_are_answered)
{
	int	 maps = dial("maps"), policy = dial("policy");

	expect(maps, "19:milters 203.0.113.5,7:xclient,"
	    "19:milters 203.0.113.5,", disabled);
	ck_assert_str_eq(hear(maps), "(closed)");
	expect(policy, POLICY("EHLO") "\n" POLICY("EHLO"), DUNNO);
	ck_assert_str_eq(hear(policy), "(closed)");
}
END_TEST

/* Sends much, in pieces; true if the server hung up meanwhile. */
static bool
pour(int fd, size_t n)
{
	static char	 buf[4096];
	size_t		 done;

	memset(buf, 'x', sizeof buf);
	for (done = 0; done < n; done += sizeof buf) {
		if (send(fd, buf, sizeof buf, MSG_NOSIGNAL) == -1 &&
		    errno != EAGAIN)
			return true;
		step();
	}
	return strcmp(hear(fd), "(closed)") == 0;
}

START_TEST(a_policy_request_may_be_so_long)
{
	int	 policy = dial("policy");

	say(policy, "request=smtpd_access_policy\nx=");
	ck_assert(!pour(policy, 60000));
	expect(policy, "\n\n", DUNNO);
	say(policy, "request=smtpd_access_policy\nx=");
	ck_assert(pour(policy, 70000));
	ck_assert_uint_eq(logged("request is too long"), 1);
	/* Another limit, for the connections that there are too. */
	policy = dial("policy");
	use_limits("policy_request_size = 2000");
	say(policy, "request=smtpd_access_policy\nx=");
	ck_assert(pour(policy, 4096));
	ck_assert_uint_eq(logged("request is too long"), 2);
}
END_TEST

/*
 * Who may connect
 */

START_TEST(a_user_who_is_not_allowed_gets_nothing)
{
	static const char *const	 names[] = { "maps", "policy" };
	struct passwd			*nobody = getpwnam("nobody");
	char				 byte, path[TEMPDIR_SIZE + 8];
	ssize_t				 n;
	pid_t				 child;
	int				 fd, i, status = -1;

	if (geteuid() != 0 || nobody == NULL)
		return;
	ck_assert_int_eq(chmod(dir, 0755), 0);
	for (i = 0; i < NELEM(names); i++) {
		(void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		ck_assert_int_eq(chmod(path, 0777), 0);
		child = fork();
		ck_assert_int_ne(child, -1);
		if (child == 0) {
			if (setgid(nobody->pw_gid) != 0 ||
			    setuid(nobody->pw_uid) != 0)
				_exit(1);
			fd = try_dial(names[i]);
			if (fd == -1 && errno == EACCES)
				_exit(77);	/* TMPDIR is private */
			if (fd == -1 || fcntl(fd, F_SETFL, 0) == -1)
				_exit(2);
			(void)send(fd, stranger, sizeof stranger - 1,
			    MSG_NOSIGNAL);
			n = recv(fd, &byte, 1, 0);
			_exit(n > 0 ? 3 : 0);
		}
		while (waitpid(child, &status, WNOHANG) == 0)
			step();
		if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
			return;
		ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		    "%s: status %#x", names[i], (unsigned)status);
	}
	ck_assert_uint_eq(logged("connection_refused"), 2);
	ck_assert_uint_eq(logged("user is not in allowed_users"), 2);
	ck_assert_uint_eq(logged("uid=65534"), 2);
	ck_assert_uint_eq(ledger_sessions(ledger), 0);
}
END_TEST

static int
dial_in_want(const char *name)
{
	int	 fd = try_dial(name);

	ck_assert_int_ne(fd, -1);
	descriptors_leave(1);
	step();
	return fd;
}

/* Its connection can be accepted, and then /proc cannot be read: nobody knows
 * whether that process's session is a refused one. */
START_TEST(a_process_that_cannot_be_told_is_no_dunno)
{
	int	 policy = dial_in_want("policy"), maps;

	expect(policy, POLICY("RCPT"), "action=451 4.3.0 it cannot be told "
	    "which session this is\n\n");
	ck_assert_str_eq(hear(policy), "(closed)");
	descriptors_free();
	maps = dial_in_want("maps");
	expect(maps, ns("command XCLIENT ADDR=198.51.100.9"),
	    ns("TEMP it cannot be told which session this is"));
	ck_assert_str_eq(hear(maps), "(closed)");
	descriptors_free();
	ck_assert_uint_eq(logged("event=no_peer_process"), 1);
	/* They come back, and are known. */
	(void)usleep(2 * PAUSE_MS * 1000);
	policy = dial("policy");
	expect(policy, POLICY("RCPT"), DUNNO);
	maps = dial("maps");
	expect(maps, stranger, disabled);
}
END_TEST

/* All smtpd processes would be one, and their sessions each other's. */
START_TEST(proxymap_is_no_mail_server)
{
	int	 maps, policy;

	ck_assert_int_eq(prctl(PR_SET_NAME, "proxymap"), 0);
	maps = dial("maps");
	expect(maps, ns("xclient 192.0.2.1"), ns("TEMP proxymap(8) asks for "
	    "many sessions at once, write socketmap: without proxy:"));
	ck_assert_str_eq(hear(maps), "(closed)");
	policy = dial("policy");
	expect(policy, POLICY("RCPT"), "action=451 4.3.0 proxymap(8) asks for "
	    "many sessions at once, write socketmap: without proxy:\n\n");
	maps = dial("maps");
	expect(maps, ns("profile 192.0.2.1"), ns("OK edge"));
	ck_assert_int_eq(prctl(PR_SET_NAME, "smtpd"), 0);
	maps = dial("maps");
	expect(maps, stranger, disabled);
	ck_assert_uint_eq(logged("event=no_peer_process"), 1);
	ck_assert_uint_eq(noted[DECISION_BEGIN], 0);
}
END_TEST

/* What cannot be accepted waits, and does not keep the processor busy. */
START_TEST(without_descriptors_nothing_is_accepted_in_haste)
{
	int	 fd = try_dial("policy"), i;

	ck_assert_int_ne(fd, -1);
	descriptors_leave(0);
	for (i = 0; i < 100; i++)
		step();
	descriptors_free();
	ck_assert_uint_eq(logged("Too many open files"), 1);
	(void)usleep(2 * PAUSE_MS * 1000);
	expect(fd, POLICY("RCPT"), DUNNO);
}
END_TEST

START_TEST(descriptors_are_kept_back)
{
	struct rlimit	 limit;
	int		 fds[4];

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = SERVER_SPARE_DESCRIPTORS + 3;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	use_limits("");
	fds[0] = dial("maps");
	fds[1] = dial("policy");
	fds[2] = dial("policy");
	fds[3] = dial("policy");
	ck_assert_str_eq(hear(fds[3]), "(closed)");
	expect(fds[2], POLICY("RCPT"), DUNNO);
}
END_TEST

/* That table is about no session. */
START_TEST(the_profile_of_an_address_needs_no_process)
{
	int	 maps = dial_in_want("maps");

	expect(maps, ns("profile 192.0.2.1"), ns("OK edge"));
	expect(maps, ns("profile 192.0.2.1"), ns("OK edge"));
	descriptors_free();
}
END_TEST

START_TEST(connections_are_limited)
{
	int	 fds[4], more;

	use_limits("connections = 4");
	fds[0] = dial("maps");
	fds[1] = dial("policy");
	fds[2] = dial("policy");
	fds[3] = dial("maps");
	more = dial("policy");
	ck_assert_str_eq(hear(more), "(closed)");
	(void)close(more);
	ck_assert_uint_ge(logged("limits.connections is reached"), 1);
	expect(fds[3], stranger, disabled);
	(void)close(fds[1]);
	step();
	more = dial("policy");
	expect(more, POLICY("RCPT"), DUNNO);
	/* Ones that are there stay when the limit falls. */
	use_limits("connections = 1");
	expect(fds[2], POLICY("RCPT"), DUNNO);
}
END_TEST

START_TEST(after_the_end_of_listening_those_there_are_served)
{
	int	 maps = dial("maps"), policy = dial("policy");

	ck_assert(server_is_idle(server));
	say(policy, "request=smtpd_");
	ck_assert(!server_is_idle(server));
	server_stop_listening(server);
	server_stop_listening(server);
	ck_assert_int_eq(try_dial("maps"), -1);
	ck_assert_int_eq(errno, ECONNREFUSED);
	expect(maps, stranger, disabled);
	expect(policy, "access_policy\nclient_address=203.0.113.5\n\n",
	    DUNNO);
	ck_assert(server_is_idle(server));
}
END_TEST

/* A session that cannot be recorded as refused gets no mail in either. */
START_TEST(a_store_that_fails_is_no_dunno)
{
	static char	 text[60000];
	struct session	 s;
	struct err	 err;
	int		 maps = dial("maps"), policy = dial("policy");

	expect(maps, "17:xclient 192.0.2.1,18:xforward 192.0.2.1,",
	    "7:OK edge,7:OK edge,");
	memset(text, 'x', sizeof text - 1);
	session_init(&s);
	strcpy(s.id, "01FILL");
	s.pid = 5000000;
	ck_assert(session_set_text(&s.rule, text));
	while (store_put(store, &s, &err) == 0)
		s.pid++;
	ck_assert(session_set_text(&s.rule, NULL));
	while (store_put(store, &s, &err) == 0)
		s.pid++;
	session_clear(&s);
	expect(policy, POLICY("RCPT"),
	    "action=451 4.3.0 the session store failed\n\n");
	expect(maps, ns("command XCLIENT PORT=1"),
	    ns("TEMP the session store failed"));
}
END_TEST

/* A server that goes away leaves the record of a session that goes on. */
START_TEST(a_restart_is_no_end_of_a_session)
{
	struct session	 s;
	struct err	 err;
	int		 maps = dial("maps");

	expect(maps, dialogue, dialogue_answers);
	server_free(server);
	server = NULL;
	ck_assert_str_eq(hear(maps), "(closed)");
	session_init(&s);
	ck_assert_int_eq(store_get(store, getpid(), &s, &err), STORE_FOUND);
	ck_assert_str_eq(s.override, "XCLIENT ADDR=198.51.100.9 "
	    "NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] "
	    "PORT=[UNAVAILABLE]");
	session_clear(&s);
	server = server_new(base, conf, ledger, metrics);
	ck_assert_int_eq(server_listen(server, listen_at("maps2"),
	    SERVER_SOCKETMAP), 0);
	maps = dial("maps2");
	expect(maps, ns("command EHLO x"), NOTFOUND);
	ck_assert_uint_eq(noted[DECISION_SEAL], 1);
}
END_TEST

static int	 recv_error;

/* The linker puts this in the place of the system's: a host in want. */
ssize_t	__real_recv(int, void *, size_t, int);
ssize_t	__wrap_recv(int, void *, size_t, int);

static bool
fails(int *error)
{
	errno = *error;
	*error = 0;
	return errno != 0;
}

ssize_t
__wrap_recv(int fd, void *buf, size_t n, int flags)
{
	return fails(&recv_error) ? -1 : __real_recv(fd, buf, n, flags);
}

static const struct fault_row {
	const char	*name;
	int		 recv_error;
	bool		 want_over;
} fault_rows[] = {
	{ "reset by the peer",		ECONNRESET, true },
	{ "no memory to receive",	ENOMEM, false },
	{ "no buffers to receive",	ENOBUFS, false },
};

/* Only the process itself says that no session is in progress there. */
START_TEST(a_fault_is_no_end_of_a_session)
{
	static const char	 request[] = "14:command EHLO x,";
	const struct fault_row	*r = &fault_rows[_i];
	int			 maps = dial("maps");

	expect(maps, dialogue, dialogue_answers);
	ck_assert_int_eq(send(maps, request, sizeof request - 1, 0),
	    (ssize_t)sizeof request - 1);
	recv_error = r->recv_error;
	step();
	ck_assert_str_eq(hear(maps), "(closed)");
	ck_assert_msg(noted[DECISION_END] == r->want_over, "%s", r->name);
	maps = dial("maps");
	expect(maps, ns("command EHLO x"), NOTFOUND);
	ck_assert_msg(noted[DECISION_SEAL] == !r->want_over, "%s", r->name);
}
END_TEST

START_TEST(not_more_listeners_than_there_is_room_for)
{
	char	 name[16];
	int	 i, fd;

	for (i = 2; i < 8; i++) {
		(void)snprintf(name, sizeof name, "l%d", i);
		ck_assert_int_eq(server_listen(server, listen_at(name),
		    SERVER_POLICY), 0);
	}
	fd = listen_at("l8");
	ck_assert_int_eq(server_listen(server, fd, SERVER_POLICY), -1);
	(void)close(fd);
	server_free(NULL);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("server");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, requests_in_one_piece);
	tcase_add_test(tc, requests_byte_by_byte);
	tcase_add_test(tc, a_hang_up_anywhere_breaks_nothing);
	tcase_add_test(tc, closing_the_policy_stream_ends_no_session);
	tcase_add_test(tc, a_half_closed_stream_gets_its_answers);
	tcase_add_test(tc, who_has_hung_up_is_asking_nothing);
	tcase_add_test(tc, who_asks_twice_at_once_has_given_one_up);
	tcase_add_test(tc, an_older_stream_says_nothing_of_the_session);
	tcase_add_test(tc, a_thousand_requests_at_once);
	tcase_add_test(tc, a_peer_that_does_not_read);
	tcase_add_test(tc, a_peer_that_reads_late);
	tcase_add_test(tc, a_peer_that_goes_away_without_reading);
	tcase_add_loop_test(tc, what_is_no_request_ends_that_connection_alone,
	    0, NELEM(bad_rows));
	tcase_add_loop_test(tc, a_map_that_is_not_there_is_told_by_name, 0,
	    (int)(sizeof unknown_rows / sizeof unknown_rows[0]));
	tcase_add_test(tc, requests_before_a_bad_one_are_answered);
	tcase_add_test(tc, a_policy_request_may_be_so_long);
	tcase_add_test(tc, a_user_who_is_not_allowed_gets_nothing);
	tcase_add_test(tc, a_process_that_cannot_be_told_is_no_dunno);
	tcase_add_test(tc, proxymap_is_no_mail_server);
	tcase_add_test(tc, without_descriptors_nothing_is_accepted_in_haste);
	tcase_add_test(tc, descriptors_are_kept_back);
	tcase_add_test(tc, the_profile_of_an_address_needs_no_process);
	tcase_add_test(tc, connections_are_limited);
	tcase_add_test(tc, after_the_end_of_listening_those_there_are_served);
	tcase_add_test(tc, a_store_that_fails_is_no_dunno);
	tcase_add_test(tc, a_restart_is_no_end_of_a_session);
	tcase_add_loop_test(tc, a_fault_is_no_end_of_a_session, 0,
	    NELEM(fault_rows));
	tcase_add_test(tc, not_more_listeners_than_there_is_room_for);
	return runner_run_apart("server", tc);
}
