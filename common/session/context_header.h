/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * context_header: the value of the header that carries chosen pairs to later
 * filters.
 *
 *	X-Session-Context: peer_address=192.0.2.1; tenant=acme
 *
 * A value is xtext (RFC 3461, 4) with ';', ',' and '%' encoded as well, so
 * that what a client has said can neither end it nor begin another pair, nor a
 * header.  White space means nothing to a reader, who takes all of it out
 * before anything else: a long value is broken by it.
 *
 * Lines are folded (RFC 5322, 2.2.3) as libmilter has it, by LF and TAB, so
 * that none is over 78 characters, but for a first one which has a long
 * header's name and a long name of a pair.
 */
#ifndef XC_CONTEXT_HEADER_H
#define XC_CONTEXT_HEADER_H

#include <stddef.h>

struct context_view;

#define CONTEXT_HEADER_NAME_MAX	256	/* so that no line is over 998 */

enum context_header_result {
	CONTEXT_HEADER_DONE,
	CONTEXT_HEADER_NONE,	/* there is not one of the pairs */
	CONTEXT_HEADER_TOO_LONG	/* does not fit in size */
};

/*
 * Prints the pairs of these names (any case, NULL-terminated) in their order:
 * the connection's, or else the message's; either view may be NULL.  Names
 * that neither has are left out.  header is the name of the header, of at most
 * CONTEXT_HEADER_NAME_MAX, which stands on the first line.
 *
 * CONTEXT_HEADER_DONE: buf is NUL-terminated, *len_r leaves the NUL out.
 * CONTEXT_HEADER_TOO_LONG: buf is undefined, and *len_r is the length that
 * there would be: size must be greater.  size may be 0, buf is then not used.
 * CONTEXT_HEADER_NONE touches neither.
 */
enum context_header_result	context_header_print(const char *header,
				    const char *const *names,
				    const struct context_view *connection,
				    const struct context_view *message,
				    char *buf, size_t size, size_t *len_r);

#endif
