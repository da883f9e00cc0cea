/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * span: bytes that somebody else owns, with their number.
 *
 * Whatever came from a peer travels as a span until it is proven to hold no
 * NUL.  A span owns nothing and lives as long as the bytes it points at.
 */
#ifndef XC_SPAN_H
#define XC_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct span {
	const char	*p;
	size_t		 n;
};

static inline struct span
span_of(const char *s)
{
	return (struct span){ s, strlen(s) };
}

/* True if s holds exactly the bytes of the string t. */
static inline bool
span_eq(struct span s, const char *t)
{
	size_t	 n = strlen(t);

	return s.n == n && (n == 0 || memcmp(s.p, t, n) == 0);
}

/* As span_eq, but ASCII letters match in either case. */
static inline bool
span_caseeq(struct span s, const char *t)
{
	size_t	 n = strlen(t);

	return s.n == n && (n == 0 || strncasecmp(s.p, t, n) == 0);
}

/* True if the string t stands at the front of s, or is all of it. */
static inline bool
span_begins(struct span s, const char *t)
{
	size_t	 n = strlen(t);

	return s.n >= n && (n == 0 || memcmp(s.p, t, n) == 0);
}

/* As span_begins, but ASCII letters match in either case. */
static inline bool
span_casebegins(struct span s, const char *t)
{
	size_t	 n = strlen(t);

	return s.n >= n && (n == 0 || strncasecmp(s.p, t, n) == 0);
}

/* What is between words.  Whoever knows more blanks than these two reads what
 * some other program wrote, and says so. */
static inline bool
span_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* ASCII from blank to tilde only; so it holds no NUL either. */
static inline bool
span_is_printable(struct span s)
{
	size_t	 i;

	for (i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return true;
}

/* s without the blanks at its ends. */
static inline struct span
span_trim(struct span s)
{
	while (s.n > 0 && span_is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && span_is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/*
 * The rest of s after its first n bytes; n must not exceed s.n.  A span of
 * nothing may point nowhere, and from there C goes no step, not even none.
 */
static inline struct span
span_skip(struct span s, size_t n)
{
	return n == 0 ? s : (struct span){ s.p + n, s.n - n };
}

/* Takes the next word off the front of *rest, with the blanks before it.
 * False: there is none, and *word_r is empty. */
static inline bool
span_word(struct span *rest, struct span *word_r)
{
	size_t	 n = 0;

	while (rest->n > 0 && span_is_blank(rest->p[0]))
		*rest = span_skip(*rest, 1);
	while (n < rest->n && !span_is_blank(rest->p[n]))
		n++;
	*word_r = (struct span){ rest->p, n };
	*rest = span_skip(*rest, n);
	return n > 0;
}

/* Where the first c in s is; NULL: there is none. */
static inline const char *
span_find(struct span s, char c)
{
	return s.n == 0 ? NULL : memchr(s.p, c, s.n);
}

/* True: there is one. */
static inline bool
span_has(struct span s, char c)
{
	return span_find(s, c) != NULL;
}

/* Puts the bytes of s at "to", which has room for them; no NUL behind. */
static inline void
span_copy(char *to, struct span s)
{
	if (s.n > 0)
		memcpy(to, s.p, s.n);
}

#endif
