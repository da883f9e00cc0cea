/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_mbox: where the messages of an mbox begin and end.
 *
 * A message begins behind a line "From ADDRESS DAY MON ..., with a time and a
 * year" at the file's beginning or behind an empty line; one that only begins
 * with "From " is text.  The empty line before the next one belongs to neither.
 * It reads forward in blocks, whatever is in them.
 */
#ifndef XC_CTL_INJECT_MBOX_H
#define XC_CTL_INJECT_MBOX_H

#include <sys/types.h>

#include "base/span.h"

#define INJECT_MBOX_BLOCK	65536
#define INJECT_MBOX_FROM_MAX	1024	/* octets of a "From " line */

struct inject_mbox {
	int	 fd;
	off_t	 end;			/* of what is looked at */
	off_t	 at;			/* of buf[used] in the file */
	size_t	 used, len;
	off_t	 next;			/* "From " line that ended the last
					 * message; -1: none is known */
	char	 buf[INJECT_MBOX_BLOCK];
};

enum inject_mbox_result {
	INJECT_MBOX_MESSAGE,
	INJECT_MBOX_END,
	INJECT_MBOX_NONE,	/* it does not begin as an mbox does */
	INJECT_MBOX_FAILED	/* errno */
};

/* Where the file's first end bytes are looked at, from its beginning. */
void	inject_mbox_open(struct inject_mbox *mbox, int fd, off_t end);

/* place_r is where the message's "From " line begins; its own bytes are those
 * from begin_r to end_r; next_r is where the next one's place is. */
enum inject_mbox_result	inject_mbox_next(struct inject_mbox *mbox,
			    off_t *place_r, off_t *begin_r, off_t *end_r,
			    off_t *next_r);

/* True for such a line, without its end. */
bool	inject_mbox_is_from(struct span line);

#endif
