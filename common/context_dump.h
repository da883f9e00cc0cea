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
 * and at last "XDUMPCONTEXT complete".  VALUE is xtext (RFC 3461, 4); '%' is
 * encoded, too, for a milter's reply is a format string to Sendmail, and the
 * '[' of "[connection]" and "[message]", so that no value looks like the
 * beginning of another pair.
 *
 * Where that takes too much room, there are several pairs in a line, parted by
 * one blank.  A reader goes by these rules:
 *
 *	- A pair begins with the word [connection] or [message], NAME follows.
 *	- The word behind NAME is VALUE, unless it is [connection] or [message]:
 *	  then, and at the end of a line, the value is empty.
 *	- A name that is said again in the same brackets is no other pair: what
 *	  follows is the rest of the value, which did not fit.
 *
 * If nothing helps, those pairs are left out that do not fit as a whole, and
 * the last line is "XDUMPCONTEXT incomplete: N more pairs".
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

struct context_dump {
	unsigned	 n;	/* lines, the last one included; 1 at least */
	bool		 is_complete;
	char		 line[CONTEXT_DUMP_LINES_MAX][CONTEXT_DUMP_LINE_MAX + 1];
};

/*
 * Lays the pairs out; a view may be NULL.  Lines keep to the 512 octets of a
 * reply line (RFC 5321, 4.5.3.1.5) unless that leaves out a pair.  lines_max
 * is one of the above, octets_max, too, or any number from 256 on.
 */
void	context_dump_lay(const struct context_view *connection,
	    const struct context_view *message, unsigned lines_max,
	    size_t octets_max, struct context_dump *dump_r);

#endif
