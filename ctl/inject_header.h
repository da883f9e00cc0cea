/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_header: the header fields of a message in a file, one by one.
 *
 * The header ends where a mail server would say that it does: at the first line
 * that is empty, or that is no field.  It is read with pread, so that the same
 * descriptor may serve many messages at once.
 */
#ifndef XC_CTL_INJECT_HEADER_H
#define XC_CTL_INJECT_HEADER_H

#include <sys/types.h>

#include "base/span.h"

#define INJECT_FIELD_MAX	65536	/* octets of one, line ends included */

struct inject_header {
	int		 fd;
	off_t		 at, end;	/* of what is still to be read */
	bool		 has_failed;	/* it could not be read: errno */
	unsigned	 line;		/* that comes next, from 1 on */
	size_t		 used, len;	/* of chunk */
	char		 chunk[4096];
	char		 field[INJECT_FIELD_MAX];
};

struct inject_field {
	struct span	 name;
	struct span	 value;		/* folded as it is, without its last
					 * line end; lives until the next */
	off_t		 offset;	/* of its first octet in the file */
	unsigned	 line;
	bool		 is_whole;	/* false: longer than INJECT_FIELD_MAX */
};

/* A message that is the bytes from begin to end of the file. */
void	inject_header_open(struct inject_header *header, int fd, off_t begin,
	    off_t end);

/* False: there are no more, or has_failed. */
bool	inject_header_next(struct inject_header *header,
	    struct inject_field *field_r);

#endif
