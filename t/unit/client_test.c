/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * client_test: the client's half alone, with an owner that answers at once, late,
 * in the wrong order, or not at all: what is said to the client, and in which
 * order.  Each row is played whole, byte by byte, and cut in two at each byte.
 */
#include "relay/client.h"

#include <stdio.h>
#include <string.h>

#include "t/lib/runner.h"

#define N_KEPT		8
#define MANY		200

/*
 * The owner.  NOOP is answered at once, with its argument; VRFY and STARTTLS
 * wait; MAIL and RCPT are answered late, the last one first; DATA is followed
 * by a message that ends with "!" and has two replies, which are late, too;
 * EHLO is answered with two lines, AUTH with 334, and 235 to the next line;
 * RSET ends all at once; QUIT is the last.
 */
struct owner {
	struct client		*client;
	struct conf_relay	 relay;
	uint64_t		 now_ms;
	char			 said[8192];
	size_t			 n_said;
	size_t			 room;
	unsigned		 n_closed;
	unsigned		 n_violated;
	unsigned		 n_commands;
	bool			 is_free;	/* nothing need wait */
	struct client_reply	*kept[N_KEPT];
	unsigned		 n_parts[N_KEPT];
	char			 names[N_KEPT][32];
	unsigned		 n_kept;
};

static void
owner_send(void *arg, struct span bytes)
{
	struct owner	*o = arg;

	ck_assert_uint_eq(o->n_closed, 0);
	ck_assert_uint_lt(o->n_said + bytes.n, sizeof o->said);
	memcpy(o->said + o->n_said, bytes.p, bytes.n);
	o->n_said += bytes.n;
	o->said[o->n_said] = '\0';
}

static size_t
owner_room(void *arg)
{
	return ((struct owner *)arg)->room;
}

static void
owner_closed(void *arg)
{
	((struct owner *)arg)->n_closed++;
}

static void
owner_violated(void *arg, unsigned code, const char *text)
{
	(void)code;
	(void)text;
	((struct owner *)arg)->n_violated++;
}

static void
keep(struct owner *o, struct client_reply *reply, struct span name, unsigned n)
{
	if (o->n_kept == N_KEPT || name.n >= sizeof o->names[0]) {
		client_say(o->client, reply, "250 many");
		return;
	}
	o->kept[o->n_kept] = reply;
	o->n_parts[o->n_kept] = n;
	memcpy(o->names[o->n_kept], name.p, name.n);
	o->names[o->n_kept++][name.n] = '\0';
}

static void
pass(struct owner *o, struct client_reply *reply, const char *text,
    bool is_part)
{
	struct smtp_reply	 said;
	size_t			 used;

	ck_assert_int_eq(smtp_reply_find(text, strlen(text), &said, &used),
	    SMTP_REPLY_DONE);
	if (is_part)
		client_pass_part(o->client, reply, &said);
	else
		client_pass(o->client, reply, &said);
}

static enum client_take
owner_command(void *arg, const struct smtp_command *command,
    struct client_reply *reply, bool is_again)
{
	struct owner	*o = arg;

	o->n_commands += !is_again;
	switch (command->verb) {
	case SMTP_NOOP:
		client_say(o->client, reply, "250 %.*s", (int)command->args.n,
		    command->args.p);
		break;
	case SMTP_STARTTLS:
	case SMTP_VRFY:
		if (!o->is_free)
			return CLIENT_WAITS;
		client_say(o->client, reply, "252 %.*s", (int)command->args.n,
		    command->args.p);
		break;
	case SMTP_MAIL:
	case SMTP_RCPT:
		keep(o, reply, command->args, 1);
		break;
	case SMTP_DATA:
		client_say(o->client, reply, "354 go");
		client_expect(o->client, CLIENT_OCTETS);
		break;
	case SMTP_EHLO:
		pass(o, reply, "250-one\n250 two\r\n", false);
		break;
	case SMTP_AUTH:
		client_expect(o->client, CLIENT_AUTH);
		keep(o, reply, span_of("auth"), 0);
		pass(o, reply, "334 x\r\n", true);
		break;
	case SMTP_RSET:
		client_end(o->client, "421 enough");
		break;
	case SMTP_QUIT:
		client_say_last(o->client, reply, "221 bye");
		break;
	case SMTP_HELP:
		pass(o, reply, "421 hop\r\n", false);
		break;
	default:
		client_say(o->client, reply, "500 what");
		break;
	}
	return CLIENT_TAKEN;
}

static void
owner_auth_line(void *arg, struct span line)
{
	struct owner	*o = arg;

	client_expect(o->client, CLIENT_COMMAND);
	client_say(o->client, o->kept[--o->n_kept], "235 %.*s", (int)line.n,
	    line.p);
}

static size_t
owner_octets(void *arg, struct span bytes)
{
	struct owner		*o = arg;
	const char		*end = memchr(bytes.p, '!', bytes.n);
	struct client_reply	*reply;

	if (end == NULL)
		return bytes.n;
	client_expect(o->client, CLIENT_COMMAND);
	reply = client_owe(o->client);
	client_owe_message(o->client, reply, 2);
	keep(o, reply, span_of("message"), 2);
	return (size_t)(end - bytes.p) + 1;
}

static const struct client_ops	 ops = {
	.send = owner_send, .room = owner_room, .closed = owner_closed,
	.violated = owner_violated, .command = owner_command,
	.auth_line = owner_auth_line, .octets = owner_octets
};

static void
begin(struct owner *o)
{
	memset(o, 0, sizeof *o);
	o->relay.errors_max = 5;
	o->room = 65536;
	o->now_ms = 1000;
	o->client = client_new(&ops, o, &o->relay, &o->now_ms);
	ck_assert_ptr_nonnull(o->client);
}

/* All that is late comes, the last first. */
static void
answer_late(struct owner *o)
{
	unsigned	 n;

	o->is_free = true;
	client_resume(o->client);
	while (o->n_kept > 0 && o->n_closed == 0) {
		o->n_kept--;
		for (n = o->n_parts[o->n_kept]; n > 0 && o->n_closed == 0;
		    n--)
			client_say(o->client, o->kept[o->n_kept], "250 %s",
			    o->names[o->n_kept]);
	}
	o->is_free = false;
}

/* Offers what there is until nothing moves; returns what is left of it. */
static struct span
offer(struct owner *o, struct span bytes)
{
	size_t	 n;

	do {
		n = client_input(o->client, bytes);
		bytes = span_skip(bytes, n);
	} while (n > 0 && bytes.n > 0 && o->n_closed == 0);
	return bytes;
}

static const struct row {
	const char	*name, *in, *want;	/* "|": late ones come */
	bool		 is_closed;
	unsigned	 n_violated;
} rows[] = {
	{ "at once", "NOOP a\r\nNOOP b\r\n", "250 a\r\n250 b\r\n", false, 0 },
	{ "late, in order", "MAIL a\r\nRCPT b\r\nRCPT c\r\n",
	    "|250 a\r\n250 b\r\n250 c\r\n", false, 0 },
	{ "at once behind late", "MAIL a\r\nNOOP b\r\nRCPT c\r\nNOOP d\r\n",
	    "|250 a\r\n250 b\r\n250 c\r\n250 d\r\n", false, 0 },
	{ "late behind at once", "NOOP a\r\nMAIL b\r\nNOOP c\r\n",
	    "250 a\r\n|250 b\r\n250 c\r\n", false, 0 },
	{ "what waits", "VRFY a\r\nNOOP b\r\n", "|252 a\r\n250 b\r\n", false,
	    0 },
	{ "what waits behind late", "MAIL a\r\nVRFY b\r\nMAIL c\r\n",
	    "|250 a\r\n252 b\r\n250 c\r\n", false, 0 },
	{ "several lines", "EHLO x\r\n", "250-one\r\n250 two\r\n", false, 0 },
	{ "several lines, late", "MAIL a\r\nEHLO x\r\n",
	    "|250 a\r\n250-one\r\n250 two\r\n", false, 0 },
	{ "the last behind late", "MAIL a\r\nQUIT\r\nNOOP b\r\n",
	    "|250 a\r\n221 bye\r\n", true, 0 },
	{ "421 at once", "MAIL a\r\nRSET\r\nNOOP b\r\n", "421 enough\r\n",
	    true, 0 },
	{ "421 of another", "HELP\r\nNOOP b\r\n", "421 hop\r\n", true, 0 },
	{ "421 of another behind late", "MAIL a\r\nHELP\r\nNOOP b\r\n",
	    "|250 a\r\n421 hop\r\n", true, 0 },
	{ "a control", "NOOP a\r\nMAIL b\r\nNOOP\001\r\nNOOP c\r\n",
	    "250 a\r\n554 5.5.0 Error: a control character in a command\r\n",
	    true, 1 },
	{ "HTTP", "GET / HTTP/1.1\r\nNOOP a\r\n",
	    "221 2.7.0 Error: this is no web server\r\n", true, 1 },
	{ "HTTP behind late", "MAIL a\r\nPOST / HTTP/1.1\r\n",
	    "221 2.7.0 Error: this is no web server\r\n", true, 1 },
	{ "errors", "X\r\nX\r\nX\r\nX\r\nX\r\nNOOP a\r\nNOOP b\r\n",
	    "500 what\r\n500 what\r\n500 what\r\n500 what\r\n500 what\r\n"
	    "421 4.7.0 Error: too many errors\r\n", true, 1 },
	{ "half a command", "NOOP a\r\nNOOP", "250 a\r\n", false, 0 },
	{ "bare LF", "NOOP a\nNOOP b\n", "250 a\r\n250 b\r\n", false, 0 }
};

/* Compares what was said, of which "|" stands before what came late. */
static void
check_said(const struct owner *o, const struct row *row, const char *how,
    size_t n_before)
{
	const char	*bar = strchr(row->want, '|');
	size_t		 n = bar == NULL ? strlen(row->want) :
			     (size_t)(bar - row->want);

	ck_assert_msg(n_before == n && memcmp(o->said, row->want, n) == 0,
	    "%s, %s: early \"%.*s\"", row->name, how, (int)n_before,
	    o->said);
	ck_assert_msg(bar == NULL || strcmp(o->said + n, bar + 1) == 0,
	    "%s, %s: late \"%s\"", row->name, how, o->said + n);
}

/* Plays a row with its input cut in two (at n: whole), or in bytes. */
static void
play(const struct row *row, size_t cut, bool is_bytewise, const char *how)
{
	struct owner	 o;
	struct span	 all = span_of(row->in), rest = { row->in, 0 };
	size_t		 step, at, n_before;

	begin(&o);
	for (at = 0; at < all.n && o.n_closed == 0; at += step) {
		step = is_bytewise ? 1 : at < cut ? cut : all.n - at;
		if (step > all.n - at)
			step = all.n - at;
		rest.n += step;
		rest = offer(&o, rest);
	}
	n_before = o.n_said;
	for (at = 0; at < 3 && o.n_closed == 0; at++) {
		answer_late(&o);
		rest = offer(&o, rest);
	}
	check_said(&o, row, how, n_before);
	ck_assert_msg((o.n_closed == 1) == row->is_closed, "%s, %s: closed",
	    row->name, how);
	ck_assert_msg(o.n_violated == row->n_violated, "%s, %s: violated",
	    row->name, how);
	client_close(o.client);
	ck_assert_uint_eq(o.n_closed, 1);
	client_free(o.client);
}

START_TEST(each_command_has_its_replies_in_order)
{
	const struct row	*row = &rows[_i];
	size_t			 n = strlen(row->in), i;

	play(row, n, false, "whole");
	/* What stands behind a command that ends its group is seen only where
	 * it comes with it. */
	play(row, n, true, "bytewise");
	for (i = 1; i < n; i++)
		play(row, i, false, "cut");
}
END_TEST

/* What has to be waited for: in one go it is a violation, else it is taken. */
START_TEST(some_commands_have_to_be_waited_for)
{
	static const struct {
		const char	*first, *then, *want;
	} cases[] = {
		{ "DATA\r\n", "abc!NOOP a\r\n",
		    "354 go\r\n|250 message\r\n250 message\r\n250 a\r\n" },
		{ "AUTH\r\n", "abc=\r\n", "334 x\r\n235 abc=\r\n|" },
		{ "AUTH\r\n", "a b\r\n", "334 x\r\n235 *\r\n|" },
		{ "EHLO x\r\n", "NOOP a\r\n",
		    "250-one\r\n250 two\r\n250 a\r\n|" }
	};
	struct owner	 o;
	char		 both[256];
	const char	*bar = strchr(cases[_i].want, '|');
	size_t		 n = (size_t)(bar - cases[_i].want);

	begin(&o);
	(void)offer(&o, span_of(cases[_i].first));
	(void)offer(&o, span_of(cases[_i].then));
	ck_assert_uint_eq(o.n_said, n);
	answer_late(&o);
	ck_assert_int_eq(memcmp(o.said, cases[_i].want, n), 0);
	ck_assert_str_eq(o.said + n, bar + 1);
	ck_assert_uint_eq(o.n_violated, 0);
	client_free(o.client);

	begin(&o);
	(void)snprintf(both, sizeof both, "%s%s", cases[_i].first,
	    cases[_i].then);
	(void)offer(&o, span_of(both));
	ck_assert_str_eq(o.said,
	    "554 5.5.0 Error: SMTP protocol synchronization\r\n");
	ck_assert_uint_eq(o.n_closed, 1);
	client_free(o.client);
}
END_TEST

/* A message that has no reply keeps its place; nothing but 421 takes it. */
START_TEST(a_message_is_told_of_first)
{
	struct owner	 o;

	begin(&o);
	(void)offer(&o, span_of("DATA\r\n"));
	(void)offer(&o, span_of("abc!NOOP a\r\nNOOP\001\r\nNOOP b\r\n"));
	ck_assert_str_eq(o.said, "354 go\r\n");
	ck_assert_int_eq(client_state(o.client), CLIENT_LEAVING);
	answer_late(&o);
	ck_assert_str_eq(o.said, "354 go\r\n250 message\r\n250 message\r\n"
	    "250 a\r\n554 5.5.0 Error: a control character in a command\r\n");
	ck_assert_uint_eq(o.n_closed, 1);
	client_free(o.client);

	begin(&o);
	(void)offer(&o, span_of("DATA\r\n"));
	(void)offer(&o, span_of("abc!NOOP a\r\n"));
	client_end(o.client, "421 late");
	ck_assert_str_eq(o.said, "354 go\r\n421 late\r\n");
	ck_assert_uint_eq(o.n_closed, 1);
	client_free(o.client);
}
END_TEST

/* What it does is over, whatever its owner makes of it. */
START_TEST(one_that_ends_does_not_go_on)
{
	struct owner	 o;

	begin(&o);
	(void)offer(&o, span_of("DATA\r\n"));
	(void)offer(&o, span_of("abc!NOOP\001\r\n"));
	ck_assert_int_eq(client_state(o.client), CLIENT_LEAVING);
	client_expect(o.client, CLIENT_COMMAND);
	ck_assert_int_eq(client_state(o.client), CLIENT_LEAVING);
	(void)offer(&o, span_of("NOOP a\r\n"));
	answer_late(&o);
	ck_assert_str_eq(o.said, "354 go\r\n250 message\r\n250 message\r\n"
	    "554 5.5.0 Error: a control character in a command\r\n");
	ck_assert_uint_eq(o.n_closed, 1);
	client_free(o.client);
}
END_TEST

/* But by 421, after which it comes again. */
START_TEST(one_that_ends_is_not_ended_again)
{
	struct owner	 o;

	begin(&o);
	(void)offer(&o, span_of("MAIL a\r\nQUIT\r\n"));
	client_end(o.client, "554 again");
	ck_assert_uint_eq(o.n_said, 0);
	answer_late(&o);
	ck_assert_str_eq(o.said, "250 a\r\n221 bye\r\n");
	ck_assert_uint_eq(o.n_closed, 1);
	client_free(o.client);

	begin(&o);
	(void)offer(&o, span_of("MAIL a\r\nQUIT\r\n"));
	client_end(o.client, "421 late");
	ck_assert_str_eq(o.said, "421 late\r\n");
	ck_assert_uint_eq(o.n_closed, 1);
	client_free(o.client);
}
END_TEST

/* Bytes behind one that has to be waited for end it, too. */
START_TEST(a_command_that_waits_is_not_waited_for)
{
	struct owner	 o;

	begin(&o);
	(void)offer(&o, span_of("DATA\r\n"));
	(void)offer(&o, span_of("abc!STARTTLS\r\n"));
	ck_assert(client_is_waiting(o.client));
	(void)offer(&o, span_of("NOOP a\r\n"));
	ck_assert(!client_is_waiting(o.client));
	ck_assert_str_eq(o.said, "354 go\r\n");
	answer_late(&o);
	ck_assert_str_eq(o.said, "354 go\r\n250 message\r\n250 message\r\n"
	    "554 5.5.0 Error: SMTP protocol synchronization\r\n");
	ck_assert_uint_eq(o.n_closed, 1);
	client_free(o.client);
}
END_TEST

START_TEST(one_that_says_no_more_is_done_with_when_it_is_owed_nothing)
{
	struct owner	 o;

	begin(&o);
	(void)offer(&o, span_of("MAIL a\r\nNOO"));
	client_eof(o.client);
	client_finish(o.client);
	ck_assert_uint_eq(o.n_closed, 0);
	answer_late(&o);
	client_finish(o.client);
	ck_assert_str_eq(o.said, "250 a\r\n");
	ck_assert_uint_eq(o.n_closed, 1);
	client_free(o.client);

	begin(&o);
	(void)offer(&o, span_of("DATA\r\n"));
	(void)offer(&o, span_of("half"));
	client_eof(o.client);
	client_finish(o.client);
	ck_assert_uint_eq(o.n_closed, 1);
	client_free(o.client);
}
END_TEST

/* Who does not read replies gets no more; nor do more than so many wait. */
START_TEST(no_more_is_taken_than_can_be_answered)
{
	struct owner	 o;
	char		 many[MANY * 8 + 1] = "";
	struct span	 rest;
	unsigned	 i;

	for (i = 0; i < MANY; i++)
		(void)strcat(many, "NOOP\r\n");
	begin(&o);
	o.room = 0;
	rest = offer(&o, span_of(many));
	ck_assert_uint_eq(rest.n, strlen(many));
	ck_assert(!client_wants(o.client));
	o.room = 1;
	/* No more than a turn's worth at once. */
	ck_assert_uint_lt(client_input(o.client, span_of(many)), strlen(many));
	ck_assert_uint_eq(o.n_commands, 64);
	client_free(o.client);

	begin(&o);
	(void)offer(&o, span_of("MAIL a\r\n"));
	rest = offer(&o, span_of(many));
	ck_assert_uint_eq(o.n_commands, 128);
	answer_late(&o);
	rest = offer(&o, rest);
	ck_assert_uint_eq(rest.n, 0);
	ck_assert_uint_eq(o.n_commands, MANY + 1);
	client_free(o.client);
}
END_TEST

/* Several replies that come before their turn are all said in it. */
START_TEST(replies_before_their_turn_are_kept)
{
	struct owner	 o;

	begin(&o);
	(void)offer(&o, span_of("MAIL a\r\nDATA\r\n"));
	(void)offer(&o, span_of("x!"));
	ck_assert_uint_eq(o.n_said, 0);
	answer_late(&o);
	ck_assert_str_eq(o.said,
	    "250 a\r\n354 go\r\n250 message\r\n250 message\r\n");
	client_free(o.client);
}
END_TEST

/* However it begins, and however long it is. */
START_TEST(a_line_of_an_exchange_is_no_command)
{
	static char	 line[SMTP_AUTH_MAX + 100];
	struct owner	 o;

	memset(line, 'x', sizeof line);
	memcpy(line, "XCLIENT ", strlen("XCLIENT "));
	begin(&o);
	(void)offer(&o, span_of("AUTH\r\n"));
	(void)offer(&o, (struct span){ line, sizeof line });
	ck_assert_str_eq(o.said,
	    "334 x\r\n554 5.5.0 Error: line too long\r\n");
	ck_assert_uint_eq(o.n_closed, 1);
	client_free(o.client);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("client");

	tcase_add_loop_test(tc, each_command_has_its_replies_in_order, 0,
	    NELEM(rows));
	tcase_add_loop_test(tc, some_commands_have_to_be_waited_for, 0, 4);
	tcase_add_test(tc, a_message_is_told_of_first);
	tcase_add_test(tc, one_that_ends_does_not_go_on);
	tcase_add_test(tc, one_that_ends_is_not_ended_again);
	tcase_add_test(tc, a_command_that_waits_is_not_waited_for);
	tcase_add_test(tc,
	    one_that_says_no_more_is_done_with_when_it_is_owed_nothing);
	tcase_add_test(tc, no_more_is_taken_than_can_be_answered);
	tcase_add_test(tc, a_line_of_an_exchange_is_no_command);
	tcase_add_test(tc, replies_before_their_turn_are_kept);
	return runner_run("client", tc);
}
