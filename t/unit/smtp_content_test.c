/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_content_test: what leaves, in what pieces, and that no combination of
 * CR, LF and dots makes two messages of one.
 */
#include "relay/smtp_content.h"

#include "t/lib/edge.h"
#include "t/lib/runner.h"
#include "t/lib/smtp_receiver.h"

#define BYTES(s)	{ s, sizeof(s) - 1 }
#define CHUNK		65536

static const struct row {
	const char	*name;
	struct span	 in, want;	/* sent in NORMALIZE */
	const char	*want_end;	/* what is left behind the end; NULL:
					 * there is no end */
} rows[] = {
	{ "a message", BYTES("a\r\nb\r\n.\r\n"), BYTES("a\r\nb\r\n.\r\n"),
	    "" },
	{ "commands behind it", BYTES("a\r\n.\r\nMAIL FROM:<>\r\n"),
	    BYTES("a\r\n.\r\n"), "MAIL FROM:<>\r\n" },
	{ "a second end behind it", BYTES("a\r\n.\r\n.\r\n"),
	    BYTES("a\r\n.\r\n"), ".\r\n" },
	{ "nothing at all", BYTES(""), BYTES(""), NULL },
	{ "empty message", BYTES(".\r\nQUIT\r\n"), BYTES(".\r\n"),
	    "QUIT\r\n" },
	{ "an empty line", BYTES("\r\n.\r\n"), BYTES("\r\n.\r\n"), "" },
	{ "no end of line", BYTES("a"), BYTES("a"), NULL },
	{ "CR held", BYTES("a\r"), BYTES("a"), NULL },
	{ "line, no end", BYTES("a\r\n"), BYTES("a\r\n"), NULL },
	{ "dot held", BYTES("a\r\n."), BYTES("a\r\n"), NULL },
	{ "dot and CR held", BYTES("a\r\n.\r"), BYTES("a\r\n"), NULL },
	{ "dot inside a line", BYTES("a.\r\nb\r\n"), BYTES("a.\r\nb\r\n"),
	    NULL },
	{ "stuffed", BYTES("a\r\n..\r\n..b\r\n...\r\n"),
	    BYTES("a\r\n..\r\n..b\r\n...\r\n"), NULL },
	{ "stuffed at the front", BYTES("..\r\n.\r\n"), BYTES("..\r\n.\r\n"),
	    "" },
	{ "dot without need", BYTES("a\r\n.b\r\n"), BYTES("a\r\nb\r\n"),
	    NULL },
	{ "dot without need, in front", BYTES(".b\r\n"), BYTES("b\r\n"),
	    NULL },
	{ "dot and blank", BYTES("a\r\n. \r\n"), BYTES("a\r\n \r\n"), NULL },
	{ "dot and NUL", BYTES("a\r\n.\0\r\n"), BYTES("a\r\n\0\r\n"), NULL },
	{ "NUL", BYTES("a\0b\r\n\0\r\n.\r\n"), BYTES("a\0b\r\n\0\r\n.\r\n"),
	    "" },
	{ "8-bit", BYTES("\xff\x8d\x8a\xae\r\n"),
	    BYTES("\xff\x8d\x8a\xae\r\n"), NULL },
	{ "bare LF", BYTES("a\nb\r\n"), BYTES("a\r\nb\r\n"), NULL },
	{ "bare LFs", BYTES("\n\na\n\n"), BYTES("\r\n\r\na\r\n\r\n"), NULL },
	{ "bare CR", BYTES("a\rb\r\n"), BYTES("a b\r\n"), NULL },
	{ "bare CRs", BYTES("\r\ra\r\rb"), BYTES("  a  b"), NULL },
	{ "two CRs and LF", BYTES("a\r\r\n"), BYTES("a \r\n"), NULL },
	{ "LF and CR", BYTES("a\n\rb"), BYTES("a\r\n b"), NULL },
	{ "bare LF, stuffed", BYTES("a\n..b\n..\n"),
	    BYTES("a\r\n..b\r\n..\r\n"), NULL },
	{ "bare LF, dot without need", BYTES("a\n.b\n"),
	    BYTES("a\r\nb\r\n"), NULL },
	{ "bare LF alone with a dot", BYTES(".\na\r\n.\r\n"),
	    BYTES("a\r\n.\r\n"), "" },
	{ "no end, then the end", BYTES("a\n.\r\n.\r\nb"),
	    BYTES("a\r\n.\r\n"), "b" },
	{ "no ends in a row", BYTES("a\r\n.\n.\n.\r\nb\r\n.\r\n"),
	    BYTES("a\r\nb\r\n.\r\n"), "" },

	/* The smuggler's forms: "a", this, a dot, that, "b". */
	{ "nothing . nothing", BYTES("a.b"), BYTES("a.b"), NULL },
	{ "nothing . CR", BYTES("a.\rb"), BYTES("a. b"), NULL },
	{ "nothing . LF", BYTES("a.\nb"), BYTES("a.\r\nb"), NULL },
	{ "nothing . CRLF", BYTES("a.\r\nb"), BYTES("a.\r\nb"), NULL },
	{ "nothing . LFCR", BYTES("a.\n\rb"), BYTES("a.\r\n b"), NULL },
	{ "nothing . CRCRLF", BYTES("a.\r\r\nb"), BYTES("a. \r\nb"), NULL },
	{ "CR . nothing", BYTES("a\r.b"), BYTES("a .b"), NULL },
	{ "CR . CR", BYTES("a\r.\rb"), BYTES("a . b"), NULL },
	{ "CR . LF", BYTES("a\r.\nb"), BYTES("a .\r\nb"), NULL },
	{ "CR . CRLF", BYTES("a\r.\r\nb"), BYTES("a .\r\nb"), NULL },
	{ "CR . LFCR", BYTES("a\r.\n\rb"), BYTES("a .\r\n b"), NULL },
	{ "CR . CRCRLF", BYTES("a\r.\r\r\nb"), BYTES("a . \r\nb"), NULL },
	{ "LF . nothing", BYTES("a\n.b"), BYTES("a\r\nb"), NULL },
	{ "LF . CR", BYTES("a\n.\rb"), BYTES("a\r\n b"), NULL },
	{ "LF . LF", BYTES("a\n.\nb"), BYTES("a\r\nb"), NULL },
	{ "LF . CRLF", BYTES("a\n.\r\nb"), BYTES("a\r\nb"), NULL },
	{ "LF . LFCR", BYTES("a\n.\n\rb"), BYTES("a\r\n b"), NULL },
	{ "LF . CRCRLF", BYTES("a\n.\r\r\nb"), BYTES("a\r\n \r\nb"), NULL },
	{ "CRLF . nothing", BYTES("a\r\n.b"), BYTES("a\r\nb"), NULL },
	{ "CRLF . CR", BYTES("a\r\n.\rb"), BYTES("a\r\n b"), NULL },
	{ "CRLF . LF", BYTES("a\r\n.\nb"), BYTES("a\r\nb"), NULL },
	{ "CRLF . CRLF", BYTES("a\r\n.\r\nb"), BYTES("a\r\n.\r\n"), "b" },
	{ "CRLF . LFCR", BYTES("a\r\n.\n\rb"), BYTES("a\r\n b"), NULL },
	{ "CRLF . CRCRLF", BYTES("a\r\n.\r\r\nb"), BYTES("a\r\n \r\nb"),
	    NULL },
	{ "LFCR . nothing", BYTES("a\n\r.b"), BYTES("a\r\n .b"), NULL },
	{ "LFCR . CR", BYTES("a\n\r.\rb"), BYTES("a\r\n . b"), NULL },
	{ "LFCR . LF", BYTES("a\n\r.\nb"), BYTES("a\r\n .\r\nb"), NULL },
	{ "LFCR . CRLF", BYTES("a\n\r.\r\nb"), BYTES("a\r\n .\r\nb"), NULL },
	{ "LFCR . LFCR", BYTES("a\n\r.\n\rb"), BYTES("a\r\n .\r\n b"), NULL },
	{ "LFCR . CRCRLF", BYTES("a\n\r.\r\r\nb"), BYTES("a\r\n . \r\nb"),
	    NULL },
	{ "CRCRLF . nothing", BYTES("a\r\r\n.b"), BYTES("a \r\nb"), NULL },
	{ "CRCRLF . CR", BYTES("a\r\r\n.\rb"), BYTES("a \r\n b"), NULL },
	{ "CRCRLF . LF", BYTES("a\r\r\n.\nb"), BYTES("a \r\nb"), NULL },
	{ "CRCRLF . CRLF", BYTES("a\r\r\n.\r\nb"), BYTES("a \r\n.\r\n"),
	    "b" },
	{ "CRCRLF . LFCR", BYTES("a\r\r\n.\n\rb"), BYTES("a \r\n b"), NULL },
	{ "CRCRLF . CRCRLF", BYTES("a\r\r\n.\r\r\nb"),
	    BYTES("a \r\n \r\nb"), NULL },
};

/* What came of a message. */
struct sent {
	enum smtp_content_result	 result;
	size_t				 used, n;
	int				 n_bad;
	uint64_t			 extra;
	bool				 had_bare;
	char				 out[512];
};

/* Sends it in pieces of that size, each at the end of memory if so wanted. */
static struct sent
send_in(enum smtp_content_mode mode, struct span in, size_t step, bool is_edge)
{
	struct sent		 sent = { .result = SMTP_CONTENT_MORE };
	struct smtp_content	 c;
	struct span		 out;
	size_t			 at = 0, n, used;

	smtp_content_init(&c, mode);
	while (at < in.n && sent.result != SMTP_CONTENT_END) {
		n = in.n - at < step ? in.n - at : step;
		char		*edge = is_edge ? edge_copy(in.p + at, n) :
		    NULL;
		struct span	 piece = { edge ? edge : in.p + at, n };

		sent.result = smtp_content_next(&c, piece, &out, &used);
		memcpy(sent.out + sent.n, out.p, out.n);
		sent.n += out.n;
		at += used;
		sent.n_bad += sent.result == SMTP_CONTENT_BAD;
		edge_free(edge, n);
	}
	ck_assert_uint_eq(c.octets, sent.n);
	sent.used = at;
	sent.had_bare = c.had_bare;
	sent.extra = c.extra;
	return sent;
}

static void
check_row(const struct row *r, const char *how, struct sent sent)
{
	size_t	 left = r->want_end != NULL ? strlen(r->want_end) : 0;

	ck_assert_msg(sent.n == r->want.n &&
	    memcmp(sent.out, r->want.p, sent.n) == 0, "%s, %s: sent \"%.*s\"",
	    r->name, how, (int)sent.n, sent.out);
	ck_assert_msg(sent.result == (r->want_end != NULL ? SMTP_CONTENT_END :
	    SMTP_CONTENT_MORE), "%s, %s: status %d", r->name, how,
	    sent.result);
	ck_assert_msg(r->in.n - sent.used == left, "%s, %s: used %zu",
	    r->name, how, sent.used);
	ck_assert_msg(sent.n_bad == 0, "%s, %s: bad", r->name, how);
}

START_TEST(row_is_sent)
{
	const struct row	*r = &rows[_i];
	enum smtp_content_mode	 mode = SMTP_CONTENT_NORMALIZE;

	check_row(r, "whole", send_in(mode, r->in, r->in.n, false));
	check_row(r, "edge", send_in(mode, r->in, r->in.n, true));
	check_row(r, "bytewise", send_in(mode, r->in, 1, false));
	check_row(r, "bytewise, edge", send_in(mode, r->in, 1, true));
	check_row(r, "by two", send_in(mode, r->in, 2, true));
	check_row(r, "by three", send_in(mode, r->in, 3, true));
}
END_TEST

/* in; what is sent before it is refused; whether it is; what is left behind
 * the end (NULL: none). */
static const struct reject_row {
	const char	*name;
	struct span	 in, want;
	bool		 is_bad;
	const char	*want_end;
} reject_rows[] = {
	{ "clean", BYTES("a\r\n..\r\n.\r\nb"), BYTES("a\r\n..\r\n.\r\n"),
	    false, "b" },
	{ "clean, no end", BYTES("a\r\n.b\r"), BYTES("a\r\nb"), false, NULL },
	{ "bare LF", BYTES("a\nb\r\n.\r\nc"), BYTES("a"), true, "c" },
	{ "bare CR", BYTES("a\rb\r\n.\r\nc"), BYTES("a"), true, "c" },
	{ "bare LF in front", BYTES("\n.\r\n.\r\nc"), BYTES(""), true, "c" },
	{ "many", BYTES("ab\n\n\r\r\na\n.\n.\r\nb"), BYTES("ab"), true,
	    NULL },
	{ "LF . CRLF", BYTES("a\r\nb\n.\r\nc"), BYTES("a\r\nb"), true, NULL },
	{ "CRLF . LF", BYTES("a\r\n.\nc"), BYTES("a\r\n"), true, NULL },
	{ "CRLF . CR", BYTES("a\r\n.\rc"), BYTES("a\r\n"), true, NULL },
	{ "CRCRLF . CRLF", BYTES("a\r\r\n.\r\nb"), BYTES("a"), true, "b" },
	{ "stuffed behind it", BYTES("a\nb\r\n..\r\n.c\r\n"), BYTES("a"),
	    true, NULL },
};

START_TEST(row_is_refused)
{
	const struct reject_row	*r = &reject_rows[_i];
	struct row		 row = { r->name, r->in, r->want, r->want_end };
	size_t			 step;

	for (step = r->in.n; step > 0; step--) {
		struct sent	 sent = send_in(SMTP_CONTENT_REJECT, r->in,
		    step, true);

		ck_assert_msg(sent.n_bad == r->is_bad, "%s, %zu: bad %d times",
		    r->name, step, sent.n_bad);
		ck_assert_msg(sent.had_bare == r->is_bad, "%s: had_bare",
		    r->name);
		sent.n_bad = 0;
		check_row(&row, "refused", sent);
	}
}
END_TEST

/* One word of the alphabet below, which then gets an end. */
static void
check_word(struct span in)
{
	struct sent		 sent = send_in(SMTP_CONTENT_NORMALIZE, in,
				    in.n, false);
	struct sent		 cut = send_in(SMTP_CONTENT_NORMALIZE, in, 1,
				    false);
	struct span		 out = { sent.out, sent.n };
	char			 stored[64], want[64];
	struct receiver_answer	 got = receiver_rfc(out, stored);
	struct receiver_answer	 postfix = receiver_postfix(in, want);
	bool			 is_same = cut.n == sent.n &&
				    memcmp(cut.out, sent.out, cut.n) == 0;

	if (is_same && sent.result == SMTP_CONTENT_END && got.has_end &&
	    postfix.has_end && got.used == out.n && sent.used == postfix.used &&
	    cut.used == sent.used && sent.had_bare == postfix.had_bare &&
	    !receiver_sees_stray(out) && !receiver_sees_odd_dot(out) &&
	    got.n == postfix.n && memcmp(stored, want, got.n) == 0)
		return;
	ck_abort_msg("\"%.*s\" is sent as \"%.*s\"", (int)in.n, in.p,
	    (int)out.n, out.p);
}

/* All words of up to seven letters, an end behind each. */
START_TEST(every_word_is_one_message)
{
	static const char	 letters[] = "\r\n.x";
	char			 word[16];
	unsigned		 number;
	int			 i, len;

	for (len = 0; len <= 7; len++) {
		for (number = 0; number < 1U << 2 * len; number++) {
			for (i = 0; i < len; i++)
				word[i] = letters[number >> 2 * i & 3];
			memcpy(word + len, "\r\n.\r\n", 5);
			check_word((struct span){ word, (size_t)len + 5 });
		}
	}
}
END_TEST

/* Fills a chunk with lines of len octets. */
static void
fill(char *chunk, size_t len)
{
	size_t	 i;

	for (i = 0; i < CHUNK; i++)
		chunk[i] = i % len == len - 2 ? '\r' : i % len == len - 1 ?
		    '\n' : 'x';
}

START_TEST(clean_chunk_is_one_span)
{
	static const size_t	 lens[] = { 3, 64, 78, 1000, 1023, 1024,
				    1025, 1026, 5000, 100000 };
	static char		 chunk[CHUNK];
	struct smtp_content	 c;
	struct span		 out;
	size_t			 used;
	int			 i;

	for (i = 0; i < NELEM(lens); i++) {
		fill(chunk, lens[i]);
		memcpy(chunk + CHUNK - 4, "xxxx", 4);
		memcpy(chunk + CHUNK / 4, "\r\n..\r\n..", 8);
		smtp_content_init(&c, SMTP_CONTENT_REJECT);
		ck_assert_int_eq(smtp_content_next(&c, (struct span){ chunk,
		    CHUNK }, &out, &used), SMTP_CONTENT_MORE);
		ck_assert_msg(used == CHUNK && out.p == chunk &&
		    out.n == CHUNK, "lines of %zu: %zu", lens[i], out.n);
		ck_assert_uint_eq(c.octets, CHUNK);
		ck_assert(!c.had_bare);
	}
}
END_TEST

/* The end of a chunk, and how much of it cannot be said yet. */
static const struct {
	const char	*tail;
	size_t		 held;
} tails[] = {
	{ "xx\r\n", 0 },
	{ "xxx\r", 1 },
	{ "x\r\n.", 1 },
	{ "\r\n.\r", 2 },
	{ "\r\n..", 0 },
};

START_TEST(undecided_tail_is_used)
{
	static char		 chunk[CHUNK];
	struct smtp_content	 c;
	struct span		 out;
	size_t			 used;

	fill(chunk, 64);
	memcpy(chunk + CHUNK - 4, tails[_i].tail, 4);
	smtp_content_init(&c, SMTP_CONTENT_NORMALIZE);
	ck_assert_int_eq(smtp_content_next(&c, (struct span){ chunk, CHUNK },
	    &out, &used), SMTP_CONTENT_MORE);
	ck_assert_uint_eq(used, CHUNK);
	ck_assert(out.p == chunk && out.n == CHUNK - tails[_i].held);
	ck_assert(!c.had_bare);
}
END_TEST

START_TEST(long_line_may_have_stray_bytes)
{
	static char		 chunk[CHUNK];
	struct smtp_content	 c;
	struct span		 out;
	size_t			 used;

	memset(chunk, 'x', sizeof(chunk));
	chunk[5000] = '\r';
	chunk[6000] = '\n';
	smtp_content_init(&c, SMTP_CONTENT_NORMALIZE);
	ck_assert_int_eq(smtp_content_next(&c, (struct span){ chunk, CHUNK },
	    &out, &used), SMTP_CONTENT_SOME);
	ck_assert_uint_eq(out.n, 5000);
	ck_assert(!c.had_bare);
	ck_assert_int_eq(smtp_content_next(&c, span_skip((struct span){ chunk,
	    CHUNK }, used), &out, &used), SMTP_CONTENT_SOME);
	ck_assert(span_eq(out, " ") && c.had_bare);
	ck_assert_int_eq(smtp_content_next(&c, span_skip((struct span){ chunk,
	    CHUNK }, 5001), &out, &used), SMTP_CONTENT_SOME);
	ck_assert(out.p == chunk + 5001 && out.n == 999);
}
END_TEST

START_TEST(init_forgets)
{
	struct smtp_content	 c;
	struct span		 out;
	size_t			 used;

	smtp_content_init(&c, SMTP_CONTENT_REJECT);
	ck_assert_int_eq(smtp_content_next(&c, span_of("a\n"), &out, &used),
	    SMTP_CONTENT_SOME);
	ck_assert_int_eq(smtp_content_next(&c, span_of("\n"), &out, &used),
	    SMTP_CONTENT_BAD);
	smtp_content_init(&c, SMTP_CONTENT_REJECT);
	ck_assert(c.octets == 0 && !c.had_bare);
	ck_assert_int_eq(smtp_content_next(&c, span_of(".\r\n"), &out, &used),
	    SMTP_CONTENT_END);
	ck_assert(span_eq(out, ".\r\n"));
}
END_TEST

/* RFC 1870, 5. */
static const struct {
	const char	*in;
	unsigned	 extra;
} extras[] = {
	{ "a\r\nb", 0 }, { "a\r\n.\r\n", 3 }, { ".\r\n", 3 },
	{ "..a\r\n.\r\n", 4 }, { "a\r\n..\r\n..b\r\nc..\r\n.\r\n", 5 },
	{ "a\n..b\r\n.c\r\n.\r\n", 4 }
};

START_TEST(what_is_no_message_is_counted)
{
	struct span	 in = span_of(extras[_i].in);
	size_t		 step;

	for (step = 1; step <= in.n; step++)
		ck_assert_uint_eq(send_in(SMTP_CONTENT_NORMALIZE, in, step,
		    true).extra, extras[_i].extra);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("smtp_content");

	tcase_add_loop_test(tc, row_is_sent, 0, NELEM(rows));
	tcase_add_loop_test(tc, row_is_refused, 0, NELEM(reject_rows));
	tcase_add_test(tc, every_word_is_one_message);
	tcase_add_test(tc, clean_chunk_is_one_span);
	tcase_add_loop_test(tc, undecided_tail_is_used, 0, NELEM(tails));
	tcase_add_test(tc, long_line_may_have_stray_bytes);
	tcase_add_test(tc, init_forgets);
	tcase_add_loop_test(tc, what_is_no_message_is_counted, 0,
	    NELEM(extras));
	return runner_run("smtp_content", tc);
}
