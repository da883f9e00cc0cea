/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * log_line: see log_line.h, and log.c for what is quoted, and how.
 */
#include "daemon/log_line.h"

#define END_MARK	"..."

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What stands behind a backslash.  The length of it; 0: nothing that log
 * writes. */
static size_t
unescape(struct span text, char *byte_r)
{
	int	 high, low;

	if (text.n == 0)
		return 0;
	if (text.p[0] == '"' || text.p[0] == '\\') {
		*byte_r = text.p[0];
		return 1;
	}
	if (text.p[0] != 'x' || text.n < 3)
		return 0;
	high = hex_digit(text.p[1]);
	low = hex_digit(text.p[2]);
	if (high == -1 || low == -1 || high + low == 0)
		return 0;
	*byte_r = (char)(high << 4 | low);
	return 3;
}

/* False: it has no end, or holds what would have been escaped. */
static bool
take_quoted(struct span *rest, char *buf, size_t *len_r)
{
	size_t	 n = 0, used;

	*rest = span_skip(*rest, 1);
	while (rest->n > 0 && rest->p[0] != '"') {
		if (rest->p[0] < ' ' || rest->p[0] > '~')
			return false;
		buf[n] = rest->p[0];
		used = 1;
		if (rest->p[0] == '\\') {
			used = unescape(span_skip(*rest, 1), &buf[n]);
			if (used++ == 0)
				return false;
		}
		n++;
		*rest = span_skip(*rest, used);
	}
	if (rest->n == 0)
		return false;
	*rest = span_skip(*rest, 1);
	*len_r = n;
	return true;
}

static bool
take_bare(struct span *rest, char *buf, size_t *len_r)
{
	size_t	 n = 0;

	while (n < rest->n && rest->p[n] > ' ' && rest->p[n] <= '~' &&
	    rest->p[n] != '"' && rest->p[n] != '\\' && rest->p[n] != '=')
		n++;
	/* What is cut, and what a value ends in, look alike. */
	if (n == rest->n && n > strlen(END_MARK) &&
	    strncmp(rest->p + n - strlen(END_MARK), END_MARK,
	    strlen(END_MARK)) == 0)
		n -= strlen(END_MARK);
	memcpy(buf, rest->p, n);
	*rest = span_skip(*rest, n);
	*len_r = n;
	return n > 0;
}

static size_t
key_length(struct span text)
{
	size_t	 n = 0;

	while (n < text.n && ((text.p[n] >= 'a' && text.p[n] <= 'z') ||
	    text.p[n] == '_'))
		n++;
	return n;
}

enum log_line_result
log_line_next(struct span *rest, struct span *key_r, char *buf, size_t *len_r)
{
	struct span	 text = *rest, key;
	size_t		 len;
	bool		 is_taken;

	if (text.n == 0)
		return LOG_LINE_END;
	if (span_eq(text, END_MARK))
		return LOG_LINE_CUT;
	if (text.p[0] == ' ')
		text = span_skip(text, 1);
	key = (struct span){ text.p, key_length(text) };
	text = span_skip(text, key.n);
	if (key.n == 0 || text.n < 2 || text.p[0] != '=')
		return LOG_LINE_BAD;
	text = span_skip(text, 1);
	is_taken = text.p[0] == '"' ? take_quoted(&text, buf, &len) :
	    take_bare(&text, buf, &len);
	if (!is_taken || (text.n > 0 && text.p[0] != ' ' &&
	    !span_eq(text, END_MARK)))
		return LOG_LINE_BAD;
	buf[len] = '\0';
	*len_r = len;
	*key_r = key;
	*rest = text;
	return LOG_LINE_PAIR;
}
