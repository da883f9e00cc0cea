/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_receiver: see smtp_receiver.h.
 */
#include "t/lib/smtp_receiver.h"

#include <string.h>

struct receiver_answer
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

struct receiver_answer
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

bool
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

bool
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
