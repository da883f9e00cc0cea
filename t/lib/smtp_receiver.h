/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_receiver: what servers make of the bytes behind DATA, written down as
 * simply as it can be said, so that it can be held against relay/smtp_content.
 */
#ifndef XC_T_SMTP_RECEIVER_H
#define XC_T_SMTP_RECEIVER_H

#include <string.h>

#include "base/span.h"

struct receiver_answer {
	bool	 has_end;
	size_t	 used;		/* of what was sent, the end included */
	size_t	 n;		/* of what was stored, lines end in CRLF */
	bool	 had_bare;	/* a bare CR or LF came before the end */
};

/*
 * Postfix 3.9 (smtpd_forbid_bare_newline = normalize and
 * cleanup_replace_stray_cr_lf = yes): every LF ends a line.  A lone dot counts
 * only if this line and the one before end in CRLF, and is no line otherwise.
 * out has room for 2 * in.n bytes.
 */
static inline struct receiver_answer
receiver_postfix(struct span in, char *out)
{
	struct receiver_answer	 a = { false, 0, 0, false };
	bool			 is_bare, was_bare = false;
	size_t			 i, start, end;

	for (start = 0; start < in.n; start = a.used, was_bare = is_bare) {
		for (end = start; end < in.n && in.p[end] != '\n'; end++)
			continue;
		if (end == in.n)
			break;
		a.used = end + 1;
		is_bare = end == start || in.p[end - 1] != '\r';
		a.had_bare |= is_bare;
		end -= !is_bare;
		if (end - start == 1 && in.p[start] == '.') {
			if (is_bare || was_bare)
				continue;
			a.has_end = true;
			break;
		}
		for (i = start + (in.p[start] == '.'); i < end; i++) {
			a.had_bare |= in.p[i] == '\r';
			out[a.n++] = in.p[i] == '\r' ? ' ' : in.p[i];
		}
		memcpy(out + a.n, "\r\n", 2);
		a.n += 2;
	}
	return a;
}

/*
 * RFC 5321, 4.1.1.4 and 4.5.2, by the letter: the message goes to the first
 * <CRLF>.<CRLF>, the DATA line's CRLF included, and then each line loses its
 * first dot.  out has room for in.n bytes.
 */
static inline struct receiver_answer
receiver_rfc(struct span in, char *out)
{
	struct receiver_answer	 a = { false, 0, 0, false };
	const char		*end;
	size_t			 i, n;

	if (in.n >= 3 && memcmp(in.p, ".\r\n", 3) == 0)
		return (struct receiver_answer){ true, 3, 0, false };
	end = in.n == 0 ? NULL : memmem(in.p, in.n, "\r\n.\r\n", 5);
	if (end == NULL)
		return a;
	n = (size_t)(end - in.p) + 2;
	for (i = 0; i < n; i++) {
		if (in.p[i] == '.' && (i == 0 ||
		    (i >= 2 && memcmp(in.p + i - 2, "\r\n", 2) == 0)))
			continue;
		out[a.n++] = in.p[i];
	}
	a.has_end = true;
	a.used = n + 3;
	return a;
}

/* True if there is a CR or LF that is not half of a CRLF. */
static inline bool
receiver_sees_stray(struct span in)
{
	size_t	 i;

	for (i = 0; i < in.n; i++) {
		if (in.p[i] == '\n' && (i == 0 || in.p[i - 1] != '\r'))
			return true;
		if (in.p[i] == '\r' && (i + 1 == in.n || in.p[i + 1] != '\n'))
			return true;
	}
	return false;
}

/* True if a line but the last begins with one dot alone. */
static inline bool
receiver_sees_odd_dot(struct span in)
{
	size_t	 i;

	for (i = 0; i < in.n; i++) {
		if (in.p[i] != '.' || (i > 0 && in.p[i - 1] != '\n'))
			continue;
		if (i + 1 < in.n && in.p[i + 1] == '.')
			continue;
		if (i + 3 != in.n || memcmp(in.p + i, ".\r\n", 3) != 0)
			return true;
	}
	return false;
}

#endif
