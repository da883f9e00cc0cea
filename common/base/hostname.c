/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * hostname: see hostname.h.  No trailing dot, no wildcard, no address; and
 * no locale: only ASCII letters and digits count.
 */
#include "base/hostname.h"

#define LABEL_MAX_LEN	63

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    is_digit(c) || c == '_' || c == '-';
}

static bool
label_valid(struct span label)
{
	size_t	 i;

	if (label.n == 0 || label.n > LABEL_MAX_LEN)
		return false;
	if (label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	for (i = 0; i < label.n; i++)
		if (!is_name_char(label.p[i]))
			return false;
	return true;
}

/* A name of digits and dots alone could be taken for an address. */
static bool
all_numeric(struct span text)
{
	size_t	 i;

	for (i = 0; i < text.n; i++)
		if (!is_digit(text.p[i]) && text.p[i] != '.')
			return false;
	return true;
}

bool
hostname_valid(struct span text)
{
	struct span	 rest = text, label;
	const char	*dot;

	if (text.n == 0 || text.n > HOSTNAME_MAX_LEN)
		return false;
	while ((dot = span_find(rest, '.')) != NULL) {
		label = (struct span){ rest.p, (size_t)(dot - rest.p) };
		if (!label_valid(label))
			return false;
		rest = span_skip(rest, label.n + 1);
	}
	return label_valid(rest) && !all_numeric(text);
}
