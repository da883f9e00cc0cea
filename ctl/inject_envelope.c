/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_envelope: see inject_envelope.h.
 */
#include "inject_envelope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "inject_header.h"

bool
inject_envelope_valid(struct span s)
{
	bool	 is_quoted = false;
	size_t	 i;

	if (s.n == 0 || s.n > INJECT_ADDRESS_MAX || !span_is_printable(s))
		return false;
	for (i = 0; i < s.n; i++)
		switch (s.p[i]) {
		case '<':
		case '>':
			return false;
		case '\\':
			if (++i == s.n)
				return false;
			break;
		case '"':
			is_quoted = !is_quoted;
			break;
		case ' ':
			if (!is_quoted)
				return false;
			break;
		}
	return !is_quoted;
}

/* "<a@b>" or "a@b".  False: none that can be said. */
static bool
take(struct span value, bool may_be_null, char *to)
{
	struct span	 s = span_trim(value);

	if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		s = (struct span){ s.p + 1, s.n - 2 };
	if (s.n == 0 && may_be_null) {
		to[0] = '\0';
		return true;
	}
	if (!inject_envelope_valid(s))
		return false;
	span_copy(to, s);
	to[s.n] = '\0';
	return true;
}

struct found {
	bool	 has_sender, has_rcpt;
	bool	 is_other;		/* it is the one that comes second */
};

static void
look_at(const struct inject_field *f, const char *rcpt_header,
    struct found *found, struct inject_envelope *env)
{
	bool	 is_first = span_caseeq(f->name, rcpt_header == NULL ?
	    "Delivered-To" : rcpt_header);

	if (!found->has_sender && span_caseeq(f->name, "Return-Path")) {
		found->has_sender = true;
		if (!take(f->value, true, env->sender))
			env->why = "Return-Path is no address";
	} else if ((is_first && (!found->has_rcpt || found->is_other)) ||
	    (!found->has_rcpt && rcpt_header == NULL &&
	    span_caseeq(f->name, "X-Original-To"))) {
		found->has_rcpt = true;
		found->is_other = !is_first;
		if (!take(f->value, false, env->rcpt))
			env->rcpt[0] = '\0';
	}
}

bool
inject_envelope_read(int fd, off_t begin, off_t end, const char *rcpt_header,
    struct inject_envelope *env)
{
	struct inject_header	*h = malloc(sizeof *h);
	struct inject_field	 f;
	struct found		 found = { false, false, false };
	bool			 is_read;

	memset(env, 0, sizeof *env);
	if (h == NULL) {
		errno = ENOMEM;
		return false;
	}
	inject_header_open(h, fd, begin, end);
	while (inject_header_next(h, &f))
		look_at(&f, rcpt_header, &found, env);
	is_read = !h->has_failed;
	free(h);
	return is_read;
}
