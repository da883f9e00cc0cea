/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_client_test: what a client says, and what its steps are completed by,
 * whatever a server replies and however that arrives.
 */
#include "ctl/smtp_client.h"

#include "t/lib/runner.h"
#include "t/lib/smtp_talk.h"

#define REPLIES_MAX	12
#define OFFER		"250-mx.example.net\r\n250-PIPELINING\r\n250 CHUNKING\r\n"
#define SAID_FIRST	"XCLIENT ADDR=192.0.2.1 NAME=client.example.org\r\n" \
			"EHLO client.example.org\r\n"
#define SAID_MAIL	"MAIL FROM:<s@example.org>\r\n" \
			"RCPT TO:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n"
#define SAID_CONTENT	"Subject: a\r\n\r\n..dot\r\nb c\r\n.\r\n"
#define SAID_CHUNK	"BDAT 25 LAST\r\nSubject: a\r\n\r\n.dot\r\nb c\r\n"

/* Each reply is said when the client has gone as far as it goes. */
static const struct row {
	const char	*name;
	const char	*replies[REPLIES_MAX];
	const char	*want;		/* record */
	const char	*said;		/* all of it; NULL: any */
	bool		 is_chunked, is_lmtp;
} rows[] = {
	{ "a message goes through", { "220 a\r\n", "220 b\r\n", OFFER,
	    "250 s\r\n250 a\r\n250 b\r\n354 go\r\n", "250 2.0.0 ok\r\n",
	    "221 bye\r\n" }, "220 220 250 250 250 250 354 250 221",
	    SAID_FIRST SAID_MAIL "DATA\r\n" SAID_CONTENT "QUIT\r\n",
	    false, false },
	{ "nothing is pipelined that is not offered", { "220 a\r\n",
	    "220 b\r\n", "250 mx\r\n", "250 s\r\n", "550 a\r\n", "250 b\r\n",
	    "354 go\r\n", "250 ok\r\n", "221 bye\r\n" },
	    "220 220 250 250 550 250 354 250 221",
	    SAID_FIRST SAID_MAIL "DATA\r\n" SAID_CONTENT "QUIT\r\n",
	    false, false },
	{ "replies of many lines, and those that end in LF", {
	    "220-a\n220 b\n", "220-\r\n220\r\n", OFFER,
	    "250-2.1.0 s\r\n250 t\r\n250 a\r\n250 b\r\n354 go\r\n",
	    "250 ok\r\n", "221 bye\r\n" },
	    "220 220 250 250 250 250 354 250 221", NULL, false, false },
	{ "chunks", { "220 a\r\n", "220 b\r\n", OFFER,
	    "250 s\r\n250 a\r\n250 b\r\n", "250 ok\r\n", "221 bye\r\n" },
	    "220 220 250 250 250 250 250 221",
	    SAID_FIRST SAID_MAIL SAID_CHUNK "QUIT\r\n", true, false },
	{ "LMTP has a reply for each recipient that was accepted", {
	    "220 a\r\n", "220 b\r\n", OFFER,
	    "250 s\r\n250 a\r\n250 b\r\n354 go\r\n",
	    "250 a\r\n452 b\r\n", "221 bye\r\n" },
	    "220 220 250 250 250 250 354 250 452 221", NULL, false, true },
	{ "content that is refused", { "220 a\r\n", "220 b\r\n", OFFER,
	    "250 s\r\n250 a\r\n250 b\r\n354 go\r\n", "554 5.7.1 no\r\n",
	    "221 bye\r\n" }, "220 220 250 250 250 250 354 554 221", NULL,
	    false, false },
	{ "DATA that is refused", { "220 a\r\n", "220 b\r\n", OFFER,
	    "250 s\r\n550 a\r\n550 b\r\n554 no\r\n" },
	    "220 220 250 250 550 550 554", NULL, false, false },
	{ "an XCLIENT that is refused", { "220 a\r\n", "550 no\r\n",
	    "250 mx\r\n" }, "220 550 250", NULL, false, false },
	{ "a 421 in the middle, and the end", { "220 a\r\n", "220 b\r\n",
	    OFFER, "250 s\r\n421 4.3.2 down\r\n" },
	    "220 220 250 250 421", NULL, false, false },
	{ "no SMTP", { "HTTP/1.1 400 Bad Request\r\n" }, "protocol",
	    "", false, false },
	{ "a greeting that refuses", { "554 5.7.1 no\r\n" }, "554", "",
	    false, false },
	{ "codes that differ", { "220-a\r\n221 b\r\n" }, "protocol", "",
	    false, false },
	{ "more than was asked", { "220 a\r\n250 b\r\n" }, "220 protocol protocol",
	    NULL, false, false },
	{ "more than was asked, later", { "220 a\r\n", "220 b\r\n",
	    "250 mx\r\n", "250 s\r\n250 a\r\n", "250 b\r\n250 c\r\n" },
	    "220 220 250 250 protocol protocol protocol", NULL, false,
	    false },
	{ "controls and 8-bit bytes are text", { "220 a\r\n", "220 b\xff\r\n", "250 mx\x01\r\n" },
	    "220 220 250", NULL, false, false },
};
#define N_ROWS	((int)(sizeof rows / sizeof rows[0]))

static void
begin(struct smtp_talk *t, const struct row *r)
{
	*t = (struct smtp_talk){ .is_chunked = r->is_chunked,
	    .is_lmtp = r->is_lmtp };
	smtp_talk_begin(t, &(const struct smtp_client_options){ 0 });
	smtp_talk_turn(t);
}

/* Says replies, in pieces of that size, until n bytes have been said. */
static void
play(struct smtp_talk *t, const struct row *r, size_t piece, size_t n)
{
	const char	*const *reply;
	struct span	 left;
	size_t		 part;

	for (reply = r->replies; *reply != NULL && n > 0; reply++)
		for (left = span_of(*reply); left.n > 0 && n > 0;
		    left = span_skip(left, part), n -= part) {
			part = piece < left.n ? piece : left.n;
			part = part < n ? part : n;
			smtp_talk_say(t, (struct span){ left.p, part });
		}
}

static size_t
length(const struct row *r)
{
	size_t	 i, n = 0;

	for (i = 0; r->replies[i] != NULL; i++)
		n += strlen(r->replies[i]);
	return n;
}

START_TEST(a_dialogue_is_the_same_however_it_arrives)
{
	const struct row	*r = &rows[_i];
	struct smtp_talk	 whole, bytes;

	begin(&whole, r);
	play(&whole, r, SIZE_MAX, SIZE_MAX);
	ck_assert_msg(strcmp(whole.record, r->want) == 0,
	    "%s: %s, not %s", r->name, whole.record, r->want);
	if (r->said != NULL)
		ck_assert_msg(strcmp(whole.said, r->said) == 0,
		    "%s: it said %s", r->name, whole.said);
	begin(&bytes, r);
	play(&bytes, r, 1, SIZE_MAX);
	/* A reply too many is one to nothing, or to what comes next. */
	if (strncmp(r->name, "more than", 9) != 0) {
		ck_assert_str_eq(bytes.record, whole.record);
		ck_assert_str_eq(bytes.said, whole.said);
	}
	smtp_talk_end(&whole);
	smtp_talk_end(&bytes);
	ck_assert_uint_eq(whole.n_done, whole.n_asked);
	ck_assert_uint_eq(bytes.n_done, bytes.n_asked);
}
END_TEST

START_TEST(a_server_that_goes_away_completes_each_step_once)
{
	const struct row	*r = &rows[_i];
	struct smtp_talk	 t;
	size_t			 n;

	for (n = 0; n < length(r); n++) {
		begin(&t, r);
		play(&t, r, SIZE_MAX, n);
		smtp_talk_hang_up(&t);
		ck_assert_msg(t.n_done == t.n_asked,
		    "%s: cut at %zu: %u of %u", r->name, n, t.n_done,
		    t.n_asked);
		smtp_talk_end(&t);
	}
}
END_TEST

START_TEST(an_owner_may_end_it_in_a_completion)
{
	struct smtp_talk	 t = { .ends_at_once = true };

	smtp_talk_begin(&t, &(const struct smtp_client_options){ 0 });
	play(&t, &rows[0], SIZE_MAX, SIZE_MAX);
	ck_assert_str_eq(t.record, "220 220 250");
	smtp_talk_end(&t);
}
END_TEST

START_TEST(content_that_cannot_be_read_is_no_message)
{
	struct smtp_talk	 t = { .fails = true };

	smtp_talk_begin(&t, &(const struct smtp_client_options){ 0 });
	play(&t, &rows[0], SIZE_MAX, SIZE_MAX);
	ck_assert_ptr_nonnull(strstr(t.said, "b c"));
	ck_assert_ptr_null(strstr(t.said, "\r\n.\r\n"));
	ck_assert_str_eq(t.record, "220 220 250 250 250 250 354 source source");
	smtp_talk_end(&t);
	ck_assert_uint_eq(t.n_done, t.n_asked);
}
END_TEST

static const struct {
	const char	*content, *want;
} contents[] = {
	{ "", ".\r\n" },
	{ "a", "a\r\n.\r\n" },
	{ "a\n", "a\r\n.\r\n" },
	{ "a\r\n", "a\r\n.\r\n" },
	{ ".\n", "..\r\n.\r\n" },
	{ "a\n.\nb\n", "a\r\n..\r\nb\r\n.\r\n" },
	{ "a\r\n.\r\nQUIT\r\n", "a\r\n..\r\nQUIT\r\n.\r\n" },
	{ "a\r.\r\n", "a .\r\n.\r\n" },
	{ "a\n.\rQUIT", "a\r\n.. QUIT\r\n.\r\n" },
	{ "a\r\r\nb", "a \r\nb\r\n.\r\n" },
	{ "\r", " \r\n.\r\n" },
};

START_TEST(content_is_written_in_lines)
{
	size_t	 piece;

	for (piece = 0; piece < 3; piece++) {
		struct smtp_talk	 t = { .piece = piece,
		    .content = contents[_i].content };
		const char		*at;

		smtp_talk_begin(&t, &(const struct smtp_client_options){ 0 });
		play(&t, &rows[0], SIZE_MAX, 9 + 9 + sizeof OFFER - 1 + 35);
		at = strstr(t.said, "DATA\r\n");
		ck_assert_ptr_nonnull(at);
		ck_assert_str_eq(at + 6, contents[_i].want);
		smtp_talk_end(&t);
	}
}
END_TEST

/* Lines */

static void
note(void *arg, const struct smtp_client_answer *answer)
{
	(void)smtp_talk_take(arg, answer, 2);
}

static void
ignore(void *arg, const struct smtp_client_answer *answer)
{
	(void)arg;
	(void)answer;
}

static void
be_connected(struct smtp_talk *t)
{
	int	 fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	*t = (struct smtp_talk){ .base = event_base_new(), .fd = fd[1] };
	t->client = smtp_client_new(t->base,
	    &(const struct smtp_client_options){ .timeout_s = 1 });
	smtp_client_take(t->client, fd[0], ignore, t);
	smtp_talk_say(t, span_of("220 a\r\n"));
}

static void
end_it(void *arg, const struct smtp_client_answer *answer)
{
	struct smtp_talk	*t = arg;

	note(arg, answer);
	smtp_client_free(t->client);
	t->client = NULL;
}

START_TEST(an_owner_that_has_gone_hears_no_more)
{
	struct smtp_talk	 t;

	be_connected(&t);
	smtp_client_raw(t.client, span_of("NOOP\r\nNOOP\r\n"), 2, end_it,
	    &t);
	smtp_talk_turn(&t);
	smtp_talk_say(&t, span_of("250 a\r\n250 b\r\n"));
	ck_assert_str_eq(t.record, "250");
	smtp_talk_end(&t);
}
END_TEST

START_TEST(attributes_go_in_lines_of_512_octets)
{
	struct smtp_talk	 t;
	char			 line[2048] = "XCLIENT ADDR=192.0.2.1";
	const char		*at, *end;
	int			 i;

	for (i = 0; i < 5; i++)
		(void)snprintf(line + strlen(line), sizeof line -
		    strlen(line), " A%d=%0*d", i, i == 2 ? 499 : 200, i);
	be_connected(&t);
	smtp_client_assert(t.client, span_of(line), note, &t);
	for (i = 0; i < 4; i++)
		smtp_talk_say(&t, span_of("220 ok\r\n"));
	ck_assert_str_eq(t.record, "220");
	for (i = 0, at = t.said; (end = strstr(at, "\r\n")) != NULL;
	    at = end + 2, i++) {
		ck_assert_int_le(end + 2 - at, 512);
		ck_assert(strncmp(at, "XCLIENT ", 8) == 0);
	}
	ck_assert_int_eq(i, 3);
	smtp_talk_end(&t);
}
END_TEST

START_TEST(an_attribute_that_fits_no_line_is_not_said)
{
	struct smtp_talk	 t;
	char			 line[2048];

	(void)snprintf(line, sizeof line, "XCLIENT NAME=%0*d", 600, 0);
	be_connected(&t);
	smtp_client_assert(t.client, span_of(line), note, &t);
	smtp_client_say(t.client, span_of("NOOP"), note, &t);
	smtp_talk_turn(&t);
	ck_assert_str_eq(t.said, "NOOP\r\n");
	smtp_talk_say(&t, span_of("250 ok\r\n"));
	ck_assert_str_eq(t.record, "unsaid 250");
	smtp_talk_end(&t);
}
END_TEST

START_TEST(no_line_is_two)
{
	struct smtp_talk	 t;

	be_connected(&t);
	smtp_client_say(t.client, span_of("NOOP\nRSET"), note, &t);
	smtp_client_say(t.client, (struct span){ "NO\0P", 4 }, note, &t);
	smtp_client_greet(t.client, "a\rb", note, &t);
	smtp_client_say(t.client, span_of("NOOP"), note, &t);
	smtp_talk_turn(&t);
	ck_assert_str_eq(t.said, "NOOP\r\n");
	smtp_talk_say(&t, span_of("250 ok\r\n"));
	ck_assert_str_eq(t.record, "unsaid unsaid unsaid 250");
	smtp_talk_end(&t);
}
END_TEST

START_TEST(a_421_of_an_idle_connection_is_the_reason)
{
	struct smtp_talk	 t;

	be_connected(&t);
	smtp_talk_say(&t, span_of("421 4.4.2 idle\r\n"));
	smtp_talk_hang_up(&t);
	smtp_client_say(t.client, span_of("NOOP"), note, &t);
	smtp_talk_turn(&t);
	ck_assert_str_eq(t.record, "closed");
	smtp_talk_end(&t);
}
END_TEST

START_TEST(a_reply_to_nothing_ends_it)
{
	struct smtp_talk	 t;

	be_connected(&t);
	smtp_talk_say(&t, span_of("250 ok\r\n"));
	ck_assert(!smtp_client_is_open(t.client));
	smtp_client_say(t.client, span_of("NOOP"), note, &t);
	smtp_talk_turn(&t);
	ck_assert_str_eq(t.record, "protocol");
	smtp_talk_end(&t);
}
END_TEST

START_TEST(a_reply_that_never_ends_is_bounded)
{
	struct smtp_talk	 t;
	char			 line[2048];
	int			 i;

	(void)snprintf(line, sizeof line, "250-%02000d\r\n", 0);
	be_connected(&t);
	smtp_client_say(t.client, span_of("NOOP"), note, &t);
	smtp_talk_turn(&t);
	for (i = 0; i < 100 && t.n_done == 0; i++)
		smtp_talk_say(&t, span_of(line));
	ck_assert_str_eq(t.record, "protocol");
	smtp_talk_end(&t);
}
END_TEST

/* A byte now and then puts no deadline off. */
START_TEST(a_server_that_is_slow_is_late)
{
	struct smtp_talk	 t;
	struct timeval		 tenth = { 0, 100000 };
	int			 i;

	be_connected(&t);
	smtp_client_say(t.client, span_of("NOOP"), note, &t);
	for (i = 0; i < 100 && t.n_done == 0; i++) {
		smtp_talk_say(&t, span_of("250-a\r\n"));
		(void)event_base_loopexit(t.base, &tenth);
		(void)event_base_dispatch(t.base);
	}
	ck_assert_str_eq(t.record, "deadline");
	ck_assert_int_lt(i, 20);
	smtp_talk_end(&t);
}
END_TEST

START_TEST(words_in_the_clear_are_none_inside_tls)
{
	struct smtp_talk	 t;

	be_connected(&t);
	smtp_client_secure(t.client, note, &t);
	smtp_talk_turn(&t);
	smtp_talk_say(&t, span_of("220 go\r\n250 injected\r\n"));
	ck_assert_str_eq(t.record, "protocol");
	smtp_talk_end(&t);
}
END_TEST

START_TEST(raw_bytes_have_so_many_replies)
{
	struct smtp_talk	 t;

	be_connected(&t);
	smtp_client_raw(t.client, span_of("NOOP\nRSET\r\n"), 2, note, &t);
	smtp_talk_turn(&t);
	ck_assert_str_eq(t.said, "NOOP\nRSET\r\n");
	smtp_talk_say(&t, span_of("250 a\r\n500 b\r\n"));
	ck_assert_str_eq(t.record, "250 500");
	smtp_talk_end(&t);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("smtp_client");

	tcase_add_loop_test(tc, a_dialogue_is_the_same_however_it_arrives, 0,
	    N_ROWS);
	tcase_add_loop_test(tc,
	    a_server_that_goes_away_completes_each_step_once, 0, N_ROWS);
	tcase_add_test(tc, an_owner_may_end_it_in_a_completion);
	tcase_add_test(tc, content_that_cannot_be_read_is_no_message);
	tcase_add_loop_test(tc, content_is_written_in_lines, 0,
	    (int)(sizeof contents / sizeof contents[0]));
	tcase_add_test(tc, an_owner_that_has_gone_hears_no_more);
	tcase_add_test(tc, attributes_go_in_lines_of_512_octets);
	tcase_add_test(tc, an_attribute_that_fits_no_line_is_not_said);
	tcase_add_test(tc, no_line_is_two);
	tcase_add_test(tc, a_421_of_an_idle_connection_is_the_reason);
	tcase_add_test(tc, a_reply_to_nothing_ends_it);
	tcase_add_test(tc, a_reply_that_never_ends_is_bounded);
	tcase_add_test(tc, a_server_that_is_slow_is_late);
	tcase_add_test(tc, words_in_the_clear_are_none_inside_tls);
	tcase_add_test(tc, raw_bytes_have_so_many_replies);
	return runner_run("smtp_client", tc);
}
