/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * server_input_test: peers that send much, read little, or say what is no
 * request.
 */
#include "policy/server.h"

#include <sys/socket.h>

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "t/lib/runner.h"
#include "t/lib/smtpd.h"

static struct smtpd	*smtpd;

static void
setup(void)
{
	smtpd = smtpd_setup();
}

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
	return smtpd_ns(body);
}

static const char *
numbered_answer(unsigned i)
{
	static char	 body[128];

	(void)snprintf(body, sizeof body, "OK XCLIENT ADDR=198.51.100.9 "
	    "NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] PORT=%u", i);
	return smtpd_ns(body);
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
	int		 maps = smtpd_dial("maps"), big = 1 << 20;
	const char	*p;
	unsigned	 i;

	smtpd_expect(maps, "17:xclient 192.0.2.1,18:xforward 192.0.2.1,",
	    "7:OK edge,7:OK edge,");
	(void)setsockopt(maps, SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
	for (i = 0; i < PIPELINED; i++)
		(void)strcat(all, numbered_request(i));
	smtpd_say(maps, all);
	p = smtpd_hear(maps);
	ck_assert_uint_eq(check_order(&p, 0), PIPELINED);
	ck_assert_str_eq(p, "");
	ck_assert(server_is_idle(smtpd->server));
}
END_TEST

/* One who sends and does not read: the server stops reading too, loses
 * nothing, serves others, and goes on when it may. */
START_TEST(a_peer_that_does_not_read)
{
	static char	 stock[8192];
	int		 maps = smtpd_dial("maps"), other;
	unsigned	 sent = 0, got = 0;
	size_t		 len = 0, used;
	ssize_t		 n;
	const char	*request, *p;

	smtpd_expect(maps, "17:xclient 192.0.2.1,18:xforward 192.0.2.1,",
	    "7:OK edge,7:OK edge,");
	/* Until neither side takes any more. */
	for (;;) {
		request = numbered_request(sent);
		n = send(maps, request, strlen(request), MSG_NOSIGNAL);
		if (n == -1)
			break;
		ck_assert_int_eq(n, (ssize_t)strlen(request));
		if (++sent % 100 == 0)
			smtpd_step();
		ck_assert_uint_lt(sent, 60000);
	}
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert(!server_is_idle(smtpd->server));
	ck_assert_uint_gt(sent, PIPELINED);
	other = smtpd_dial("policy");
	smtpd_expect(other, POLICY("CONNECT"), DUNNO);
	/* A little at a time. */
	while (got < sent) {
		smtpd_step();
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
	smtpd_step();
	ck_assert(server_is_idle(smtpd->server));
	ck_assert_str_eq(smtpd_hear(maps), "");
	smtpd_expect(maps, numbered_request(7), numbered_answer(7));
}
END_TEST

/* Requests that came in large pieces, and nothing comes behind them: what was
 * kept while there was no room is answered when there is. */
START_TEST(a_peer_that_reads_late)
{
	static char	 all[PIPELINED * 64];
	int		 maps = smtpd_dial("maps"), big = 1 << 20;
	unsigned	 got = 0, sent = 0, n;
	const char	*p;

	smtpd_expect(maps, "17:xclient 192.0.2.1,18:xforward 192.0.2.1,",
	    "7:OK edge,7:OK edge,");
	(void)setsockopt(maps, SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
	for (n = 0; n < PIPELINED; n++)
		(void)strcat(all, numbered_request(n));
	for (; server_is_idle(smtpd->server); sent += PIPELINED) {
		ck_assert_uint_lt(sent, 9 * PIPELINED);
		smtpd_say(maps, all);
	}
	p = smtpd_hear(maps);
	while (got < sent) {
		n = check_order(&p, got % PIPELINED);
		ck_assert_msg(n > got % PIPELINED, "after %u answers: %.40s",
		    got, p);
		got += n - got % PIPELINED;
	}
	ck_assert_str_eq(p, "");
	ck_assert(server_is_idle(smtpd->server));
}
END_TEST

START_TEST(a_peer_that_goes_away_without_reading)
{
	int		 maps = smtpd_dial("maps");
	const char	*request;
	unsigned	 sent = 0;

	smtpd_expect(maps, "17:xclient 192.0.2.1,18:xforward 192.0.2.1,",
	    "7:OK edge,7:OK edge,");
	do
		request = numbered_request(sent++);
	while (send(maps, request, strlen(request), MSG_NOSIGNAL) > 0 &&
	    (smtpd_step(), sent < 60000));
	(void)close(maps);
	smtpd_step();
	ck_assert_uint_eq(ledger_sessions(smtpd->ledger), 0);
	ck_assert(server_is_idle(smtpd->server));
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
	int			 maps = smtpd_dial("maps");
	int			 fd = smtpd_dial(r->socket);

	smtpd_expect(maps, STRANGER, DISABLED);
	smtpd_say(fd, r->in);
	ck_assert_msg(strcmp(smtpd_hear(fd), "(closed)") == 0, "%s: is open",
	    r->name);
	ck_assert_msg(smtpd_logged("protocol_error") == 1, "%s: %u lines",
	    r->name, smtpd_logged("protocol_error"));
	ck_assert_msg(smtpd_logged(r->why) == 1, "%s: not said", r->name);
	(void)close(fd);
	/* The others go on, and the session is what it was. */
	ck_assert_uint_eq(ledger_sessions(smtpd->ledger), 1);
	smtpd_expect(maps, STRANGER, DISABLED);
	fd = smtpd_dial(r->socket);
	if (strcmp(r->socket, "policy") == 0)
		smtpd_expect(fd, POLICY("RCPT"), DUNNO);
	else
		smtpd_expect(fd, STRANGER, DISABLED);
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
	int				 maps = smtpd_dial("maps");
	const char			*got;

	smtpd_say(maps, smtpd_ns(r->request));
	got = strchr(smtpd_hear(maps), ':');
	ck_assert_msg(got != NULL && strncmp(got + 1, r->want,
	    strlen(r->want)) == 0, "%s: got \"%s\"", r->request, got);
	ck_assert_uint_eq(smtpd_logged("unknown_map"), 1);
	ck_assert_uint_eq(smtpd_logged(r->map), 1);
	/* Nobody's session began, and the connection goes on. */
	ck_assert_uint_eq(ledger_sessions(smtpd->ledger), 0);
	smtpd_expect(maps, STRANGER, DISABLED);
}
END_TEST

START_TEST(requests_before_a_bad_one_are_answered)
{
	int	 maps = smtpd_dial("maps"), policy = smtpd_dial("policy");

	smtpd_expect(maps, "19:milters 203.0.113.5,7:xclient,"
	    "19:milters 203.0.113.5,", DISABLED);
	ck_assert_str_eq(smtpd_hear(maps), "(closed)");
	smtpd_expect(policy, POLICY("EHLO") "\n" POLICY("EHLO"), DUNNO);
	ck_assert_str_eq(smtpd_hear(policy), "(closed)");
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
		smtpd_step();
	}
	return strcmp(smtpd_hear(fd), "(closed)") == 0;
}

START_TEST(a_policy_request_may_be_so_long)
{
	int	 policy = smtpd_dial("policy");

	smtpd_say(policy, "request=smtpd_access_policy\nx=");
	ck_assert(!pour(policy, 60000));
	smtpd_expect(policy, "\n\n", DUNNO);
	smtpd_say(policy, "request=smtpd_access_policy\nx=");
	ck_assert(pour(policy, 70000));
	ck_assert_uint_eq(smtpd_logged("request is too long"), 1);
	/* Another limit, for the connections that there are too. */
	policy = smtpd_dial("policy");
	smtpd_use_limits("policy_request_size = 2000");
	smtpd_say(policy, "request=smtpd_access_policy\nx=");
	ck_assert(pour(policy, 4096));
	ck_assert_uint_eq(smtpd_logged("request is too long"), 2);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("server_input");

	tcase_add_checked_fixture(tc, setup, smtpd_teardown);
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
	return runner_run_apart("server_input", tc);
}
