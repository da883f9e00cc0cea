/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * context_dump: the lines that answer an XDUMPCONTEXT.
 *
 * First the connection's pairs, then the message's, one a line:
 *
 *	[connection] NAME VALUE
 *	[message] NAME VALUE
 *
 * and at last "XDUMPCONTEXT complete".  VALUE is as it is, blanks and all; only
 * what is not printable ASCII is written +XX, with its octet in hexadecimal
 * capitals, and so is a '+' before two digits that would be read as one of these
 * (+00 to +1F, +2B, +5B, +7F to +FF).
 *
 * A value that is too long for a line goes on in the next: a name that is said
 * again in the same brackets is no other pair, and what follows is the rest of
 * the value.
 *
 * That is all, where the reply is ours.  Through a milter it has fewer lines;
 * where they do not do, a line has several pairs, parted by one blank: a pair
 * ends where the next word is [connection] or [message].  Lest a value look like
 * that, the '[' of such a word in it is +5B.  If nothing helps, those pairs are
 * left out that do not fit as a whole, and the last line is "XDUMPCONTEXT
 * incomplete: N more pairs".
 */
#ifndef XC_CONTEXT_DUMP_H
#define XC_CONTEXT_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct context_view;

#define CONTEXT_DUMP_LINES	32	/* smfi_setmlreply(3) takes no more */
#define CONTEXT_DUMP_LINES_MAX	512	/* a full context needs no more */
#define CONTEXT_DUMP_LINE_MAX	980	/* nor longer ones */

/*
 * How many octets a reply may have with "450-4.7.1 " before and CRLF behind
 * each line.  Sendmail cuts a longer one off and so loses its last line, for
 * which the client then waits; for Postfix a reply may be as long as it likes.
 */
#define CONTEXT_DUMP_SENDMAIL	16384
#define CONTEXT_DUMP_POSTFIX	SIZE_MAX

/* Who says it. */
enum context_dump_by {
	CONTEXT_DUMP_BY_SERVER,	/* in up to CONTEXT_DUMP_LINES_MAX lines */
	CONTEXT_DUMP_BY_MILTER	/* in CONTEXT_DUMP_LINES, as smfi_setmlreply(3)
				 * wants them: '%' is doubled */
};

struct context_dump {
	unsigned	 n;	/* lines, the last one included; 1 at least */
	bool		 is_complete;
	char		 line[CONTEXT_DUMP_LINES_MAX][CONTEXT_DUMP_LINE_MAX + 1];
};

/*
 * Lays the pairs out; a view may be NULL.  Lines keep to the 512 octets of a
 * reply line (RFC 5321, 4.5.3.1.5) unless that leaves out a pair.  octets_max is
 * one of the above, or any number from 256 on.
 */
void	context_dump_lay(const struct context_view *connection,
	    const struct context_view *message, enum context_dump_by by,
	    size_t octets_max, struct context_dump *dump_r);

#endif
