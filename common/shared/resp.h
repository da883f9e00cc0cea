/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * resp: reads the replies of Redis and Valkey (RESP2), by libhiredis' reader.
 *
 * What the engine announces is never believed: an array is counted against the
 * reply's limit before there is memory for it, and what has not become a reply
 * yet is never more than RESP_BYTES_MAX, whatever length it is to have.
 */
#ifndef XC_RESP_H
#define XC_RESP_H

#include "base/span.h"

#define RESP_BYTES_MAX		(1024 * 1024)	/* of a reply */
#define RESP_ELEMENTS_MAX	65536		/* of all arrays of a reply */

enum resp_type {
	RESP_TEXT,		/* a bulk string */
	RESP_STATUS,		/* "OK" */
	RESP_ERROR,		/* "NOPERM this user has no permissions ..." */
	RESP_NUMBER,
	RESP_NIL,
	RESP_ARRAY
};

struct resp {
	enum resp_type	 type;
	long long	 number;	/* of NUMBER */
	struct span	 text;		/* of TEXT, STATUS and ERROR; a NUL
					 * is behind it, and may be in it */
	size_t		 n;		/* of ARRAY */
	struct resp	*items;
};

struct resp_reader;

struct resp_reader	*resp_reader_new(void);	/* NULL: out of memory */
void			 resp_reader_free(struct resp_reader *reader);

/* False: it was BAD before, or out of memory. */
bool	resp_feed(struct resp_reader *reader, struct span bytes);

enum resp_result {
	RESP_DONE,
	RESP_MORE,
	RESP_BAD		/* what it says is no reply, or too long;
				 * nothing more can be read */
};

/* DONE: *reply_r is the next one, to be given to resp_free. */
enum resp_result	resp_next(struct resp_reader *reader,
			    struct resp **reply_r);
void			resp_free(struct resp *reply);	/* NULL is allowed */

/* Why it is BAD. */
const char	*resp_why(const struct resp_reader *reader);

/* The i-th item's text; empty: there is none, or it is no text. */
struct span	resp_item(const struct resp *reply, size_t i);
/* Whether it is an error that begins with that word: "NOPERM". */
bool		resp_is_error(const struct resp *reply, const char *word);

#endif
