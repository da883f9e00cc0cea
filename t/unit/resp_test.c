/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * resp_test: replies, whole, byte by byte and cut off at each byte; and that
 * what an engine announces has no memory until it is there.
 */
#include "shared/resp.h"

#include <malloc.h>
#include <stdio.h>

#include "t/lib/runner.h"

/* Writes what a reply is made of: what reads the same is the same. */
static void
describe(const struct resp *resp, FILE *out)
{
	static const char *const	 names[] = {
		[RESP_TEXT] = "text", [RESP_STATUS] = "status",
		[RESP_ERROR] = "error", [RESP_NUMBER] = "number",
		[RESP_NIL] = "nil", [RESP_ARRAY] = "array"
	};
	size_t	 i;

	fprintf(out, "%s", names[resp->type]);
	if (resp->type == RESP_NUMBER)
		fprintf(out, " %lld", resp->number);
	if (resp->text.p != NULL)
		fprintf(out, "(%.*s)", (int)resp->text.n, resp->text.p);
	for (i = 0; i < resp->n; i++) {
		fputs(i == 0 ? "[" : " ", out);
		describe(&resp->items[i], out);
	}
	if (resp->n > 0)
		fputs("]", out);
}

/* Feeds n bytes, in pieces, and writes what came of them. */
static char *
said(const char *text, size_t n, size_t piece)
{
	struct resp_reader	*reader = resp_reader_new();
	enum resp_result	 result = RESP_MORE;
	struct resp		*reply;
	char			*what = NULL;
	size_t			 size, done, m;
	FILE			*out = open_memstream(&what, &size);

	ck_assert_ptr_nonnull(reader);
	for (done = 0; done < n && result != RESP_BAD; done += m) {
		m = n - done < piece ? n - done : piece;
		ck_assert(resp_feed(reader, (struct span){ text + done, m }));
		while ((result = resp_next(reader, &reply)) == RESP_DONE) {
			describe(reply, out);
			fputs(";", out);
			resp_free(reply);
		}
	}
	if (result == RESP_BAD) {
		fputs("bad", out);
		ck_assert_str_ne(resp_why(reader), "");
		ck_assert(!resp_feed(reader, span_of("+OK\r\n")));
		ck_assert_int_eq(resp_next(reader, &reply), RESP_BAD);
	}
	fclose(out);
	resp_reader_free(reader);
	return what;
}

static const struct row {
	const char	*in, *want;
} rows[] = {
	{ "+OK\r\n", "status(OK);" },
	{ "-NOPERM no\r\n", "error(NOPERM no);" },
	{ ":-12\r\n", "number -12;" },
	{ "$0\r\n\r\n", "text();" },
	{ "$4\r\na\r\nb\r\n", "text(a\r\nb);" },
	{ "$-1\r\n", "nil;" },
	{ "*-1\r\n", "nil;" },
	{ "*0\r\n", "array;" },
	{ "+OK\r\n$1\r\na\r\n:1\r\n", "status(OK);text(a);number 1;" },
	{ "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n",
	    "array[text(master) number 0 array];" },
	{ "*2\r\n*2\r\n:1\r\n*1\r\n$-1\r\n-E\r\n+S\r\n",
	    "array[array[number 1 array[nil]] error(E)];status(S);" },
	{ "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", "array[array["
	    "array[array[array[array[array[number 1]]]]]]];" },
	{ "HTTP/1.1 200 OK\r\n", "bad" },
	{ "+OK\r\n?\r\n", "status(OK);bad" },
	{ "*65537\r\n", "bad" },
	{ "*2147483647\r\n", "bad" },
	{ "*2147483648\r\n", "bad" },
	{ "*4294967297\r\n", "bad" },
	{ "*9223372036854775807\r\n", "bad" },
	{ "*-2\r\n", "bad" },
	{ "*2\r\n*65000\r\n", "" },
	{ "*1\r\n*65536\r\n", "bad" },
	{ "*60000\r\n*60000\r\n", "bad" },
	{ "*30000\r\n*30000\r\n*30000\r\n", "bad" },
};

START_TEST(reads_the_same_however_it_comes)
{
	const struct row	*r = &rows[_i];
	size_t			 n = strlen(r->in), piece;
	char			*what;

	for (piece = 1; piece <= n; piece++) {
		what = said(r->in, n, piece);
		ck_assert_msg(strcmp(what, r->want) == 0, "%s by %zu: %s",
		    r->in, piece, what);
		free(what);
	}
	for (n = 0; n < strlen(r->in); n++) {
		what = said(r->in, n, 1);
		ck_assert_msg(strncmp(what, r->want, strlen(what)) == 0,
		    "%s cut at %zu: %s", r->in, n, what);
		free(what);
	}
}
END_TEST

/* Deeper than libhiredis reads, whichever that is. */
START_TEST(depth_is_bounded)
{
	char	 text[4 * 64 + 1] = "", *what;
	int	 i;

	for (i = 0; i < 64; i++)
		strcat(text, "*1\r\n");
	what = said(text, strlen(text), 7);
	ck_assert_str_eq(what, "bad");
	free(what);
}
END_TEST

static size_t
in_use(void)
{
	struct mallinfo2	 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static const char *const	 endless[] = {
	"$1073741824\r\n", "$9223372036854775807\r\n", "+", "-", ":",
	"*65000\r\n$1048577\r\n",
};

/* A length is announced, or a line has no end: some is kept, then no more. */
START_TEST(what_has_no_end_is_bad)
{
	static char		 much[4096];
	struct resp_reader	*reader = resp_reader_new();
	size_t			 before = in_use(), fed = 0;
	enum resp_result	 result = RESP_MORE;
	struct resp		*reply;

	memset(much, '1', sizeof much);
	ck_assert(resp_feed(reader, span_of(endless[_i])));
	while (result == RESP_MORE) {
		result = resp_next(reader, &reply);
		ck_assert_uint_lt(fed, RESP_BYTES_MAX + 3 * sizeof much);
		ck_assert_uint_lt(in_use() - before, 8 * RESP_BYTES_MAX);
		fed += sizeof much;
		if (result == RESP_MORE)
			ck_assert(resp_feed(reader, (struct span){ much,
			    sizeof much }));
	}
	ck_assert_int_eq(result, RESP_BAD);
	resp_reader_free(reader);
}
END_TEST

/* Each of its texts is short, and each is there: all of them are too much. */
START_TEST(texts_of_one_reply_are_counted_together)
{
	static char		 text[10 + 60000];
	struct resp_reader	*reader = resp_reader_new();
	enum resp_result	 result = RESP_MORE;
	struct resp		*reply;
	unsigned		 n = 0;
	int			 head;

	head = snprintf(text, sizeof text, "$%d\r\n", 50000);
	memset(text + head, 'a', 50000);
	memcpy(text + head + 50000, "\r\n", 2);
	ck_assert(resp_feed(reader, span_of("*60000\r\n")));
	while (result == RESP_MORE && n < 1000) {
		ck_assert(resp_feed(reader, (struct span){ text,
		    (size_t)head + 50002 }));
		result = resp_next(reader, &reply);
		n++;
	}
	ck_assert_int_eq(result, RESP_BAD);
	ck_assert_uint_eq(n, RESP_BYTES_MAX / 50000 + 1);
	ck_assert_str_eq(resp_why(reader), "a reply is too long");
	resp_reader_free(reader);
}
END_TEST

START_TEST(errors_are_known_by_their_word)
{
	struct resp	 resp = { .type = RESP_ERROR,
			    .text = span_of("READONLY You can't") };

	ck_assert(resp_is_error(&resp, "READONLY"));
	ck_assert(!resp_is_error(&resp, "READ"));
	ck_assert(!resp_is_error(&resp, "READONLY You can't write"));
	resp.type = RESP_TEXT;
	ck_assert(!resp_is_error(&resp, "READONLY"));
	ck_assert_uint_eq(resp_item(&resp, 0).n, 0);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("resp");

	tcase_add_loop_test(tc, reads_the_same_however_it_comes, 0,
	    NELEM(rows));
	tcase_add_test(tc, depth_is_bounded);
	tcase_add_loop_test(tc, what_has_no_end_is_bad, 0, NELEM(endless));
	tcase_add_test(tc, texts_of_one_reply_are_counted_together);
	tcase_add_test(tc, errors_are_known_by_their_word);
	return runner_run("resp", tc);
}
