/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * context_line: what one XSETCONTEXT line says.
 *
 * "name=value name=value ..." with values in xtext (RFC 3461, 4), which
 * never may be anything else here, whatever the setting "xtext" is.  A line
 * is read whole or not at all.
 */
#ifndef XC_CONTEXT_LINE_H
#define XC_CONTEXT_LINE_H

#include "base/err.h"
#include "base/span.h"

#define CONTEXT_NAME_MAX	64	/* bytes of a name */
#define CONTEXT_VALUE_MAX	1024	/* bytes of a decoded value */
#define CONTEXT_LINE_PAIRS	128	/* of one line */
#define CONTEXT_LINE_MAX	2048	/* octets of a line, CRLF included:
					 * Postfix's line_length_limit; what is
					 * beyond it would be cut off */

struct context_assignment {
	const char	*name;		/* in small letters */
	const char	*value;		/* decoded */
	size_t		 name_len;
	size_t		 value_len;
};

/* Must not be copied by assignment: the pairs point into it. */
struct context_line {
	unsigned			 n;
	struct context_assignment	 v[CONTEXT_LINE_PAIRS];
	size_t				 used;
	char				 text[2 * CONTEXT_LINE_MAX];
};

/*
 * Reads the part of the line behind the verb, however long it is.  Pairs are
 * parted by blanks (space, tab); at least one is needed.  False: err names the
 * pair, and what was expected, with hostile bytes escaped; *line_r is then
 * undefined.
 *
 * A name is 1 to CONTEXT_NAME_MAX of A-Z a-z 0-9 . _ -, made small; one that
 * comes twice is an error.  A value may be empty; it is UTF-8 without control
 * characters (C0, DEL, C1, line and paragraph separators), those that change the
 * direction of writing, and others that are not seen (U+FEFF, U+200B, tags ...).
 */
bool	context_line_parse(struct span args, struct context_line *line_r,
	    struct err *err);

/* Writes "name name ..." and "name=value name=value ..." for the log; what
 * does not fit is cut. */
void	context_line_names(const struct context_line *line, char *buf,
	    size_t size);
void	context_line_pairs(const struct context_line *line, char *buf,
	    size_t size);

/* Adds a pair from inside the program, with the same checks but for xtext:
 * value is plain.  An empty line has n and used 0.  False: err says why, and
 * the line is as it was. */
bool	context_line_add(struct context_line *line, struct span name,
	    struct span value, struct err *err);

#endif
