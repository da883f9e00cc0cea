/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * log_line_test: what log writes is read back, wherever log cuts it; and what
 * it does not write is not taken.
 */
#include "daemon/log_line.h"

#include <stdio.h>

#include "daemon/log.h"
#include "t/lib/edge.h"
#include "t/lib/runner.h"

static const struct log_pair	 pairs[] = {
	{ "bare", "a:b/c" },
	{ "empty", "" },
	{ "quoted", "two \"words\" \\ a=b" },
	{ "hostile", "\x01\r\n\x7f\xc3\xa4\xff ..." },
	{ "report_only", "true" },
	{ "dots", "end..." },
	{ "last", "x y" },
	{ NULL, NULL }
};

/* Reads a line whole; returns the number of pairs, and how it ended. */
static int
read_all(struct span line, struct log_pair got[16], char *buf,
    enum log_line_result *result_r)
{
	struct span	 key;
	size_t		 len;
	int		 n = 0;

	while ((*result_r = log_line_next(&line, &key, buf, &len)) ==
	    LOG_LINE_PAIR) {
		ck_assert_int_lt(n, 16);
		ck_assert_uint_eq(strlen(buf), len);
		got[n].value = buf;
		buf += len + 1;
		memcpy(buf, key.p, key.n);
		buf[key.n] = '\0';
		got[n++].key = buf;
		buf += key.n + 1;
	}
	return n;
}

static void
check_pair(const struct log_pair *got, const char *key, const char *value,
    bool is_cut, size_t size)
{
	ck_assert_msg(strcmp(got->key, key) == 0, "%zu: want %s, got %s", size,
	    key, got->key);
	ck_assert_msg(is_cut ? strncmp(got->value, value,
	    strlen(got->value)) == 0 : strcmp(got->value, value) == 0,
	    "%zu: %s: want %s, got %s", size, key, value, got->value);
}

/* In each room that log may have for it. */
START_TEST(what_is_written_is_read)
{
	char			 line[512], full[512], buf[2048], *edge;
	struct log_pair		 got[16];
	enum log_line_result	 result;
	size_t			 size, len, whole;
	bool			 is_cut;
	int			 n, i;

	whole = log_format_line(CONF_LOG_TEXT, NULL, LOG_LEVEL_INFO, "01ID",
	    "permit", pairs, full, sizeof full);
	for (size = 40; size <= whole + 8; size++) {
		len = log_format_line(CONF_LOG_TEXT, NULL, LOG_LEVEL_INFO,
		    "01ID", "permit", pairs, line, size);
		is_cut = strcmp(line, full) != 0;
		edge = edge_copy(line, len);
		n = read_all((struct span){ edge, len }, got, buf, &result);
		edge_free(edge, len);
		ck_assert_msg(result == (is_cut ? LOG_LINE_CUT :
		    LOG_LINE_END), "%zu: %s", size, line);
		check_pair(&got[0], "session", "01ID", false, size);
		check_pair(&got[1], "event", "permit", n == 2, size);
		for (i = 2; i < n; i++)
			check_pair(&got[i], pairs[i - 2].key,
			    pairs[i - 2].value, i == n - 1 && is_cut,
			    size);
		ck_assert(is_cut || n == NELEM(pairs) + 1);
	}
}
END_TEST

static const struct row {
	const char		*name, *in;
	enum log_line_result	 want;
	int			 want_pairs;
} rows[] = {
	{ "nothing", "", LOG_LINE_END, 0 },
	{ "only the mark", "...", LOG_LINE_CUT, 0 },
	{ "one", "a=b", LOG_LINE_END, 1 },
	{ "a blank too many", "a=b  c=d", LOG_LINE_BAD, 1 },
	{ "a blank at the end", "a=b ", LOG_LINE_BAD, 1 },
	{ "no value", "a=", LOG_LINE_BAD, 0 },
	{ "no value, and another", "a= b=c", LOG_LINE_BAD, 0 },
	{ "no key", "=b", LOG_LINE_BAD, 0 },
	{ "a key in capitals", "A=b", LOG_LINE_BAD, 0 },
	{ "no equals sign", "a", LOG_LINE_BAD, 0 },
	{ "a word", "a=b word", LOG_LINE_BAD, 1 },
	{ "a quote without end", "a=\"b", LOG_LINE_BAD, 0 },
	{ "a quote within", "a=b\"c", LOG_LINE_BAD, 0 },
	{ "an equals sign within", "a=b=c", LOG_LINE_BAD, 0 },
	{ "behind a quote", "a=\"b\"c", LOG_LINE_BAD, 0 },
	{ "a backslash", "a=\"\\n\"", LOG_LINE_BAD, 0 },
	{ "a backslash at the end", "a=\"\\", LOG_LINE_BAD, 0 },
	{ "half a byte", "a=\"\\x0", LOG_LINE_BAD, 0 },
	{ "a NUL", "a=\"\\x00\"", LOG_LINE_BAD, 0 },
	{ "small digits", "a=\"\\x0a\"", LOG_LINE_BAD, 0 },
	{ "a byte", "a=\"\\x0A\"", LOG_LINE_END, 1 },
	{ "a raw byte", "a=\"\xe4\"", LOG_LINE_BAD, 0 },
	{ "cut in a value", "a=b...", LOG_LINE_CUT, 1 },
	{ "cut in a quoted one", "a=\"b\"...", LOG_LINE_CUT, 1 },
	{ "a mark that is not at the end", "a=\"b\"... c=d", LOG_LINE_BAD,
	    0 },
};

START_TEST(only_what_log_writes)
{
	const struct row	*row = &rows[_i];
	char			 buf[256];
	struct log_pair		 got[16];
	enum log_line_result	 result;
	size_t			 len = strlen(row->in);
	char			*edge = edge_copy(row->in, len);
	int			 n;

	n = read_all((struct span){ edge, len }, got, buf, &result);
	edge_free(edge, len);
	ck_assert_msg(result == row->want && n == row->want_pairs,
	    "%s: got %d pairs, and %d", row->name, n, result);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("log_line");

	tcase_add_test(tc, what_is_written_is_read);
	tcase_add_loop_test(tc, only_what_log_writes, 0, NELEM(rows));
	return runner_run("log_line", tc);
}
