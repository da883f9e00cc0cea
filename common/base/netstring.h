/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * netstring: finds one netstring at the front of bytes somebody else read.
 *
 * It never reads, allocates, logs or keeps a pointer.  It is strict (no empty
 * length, no leading zero, no sign) because two programs that disagree on a
 * length disagree on where the next request starts.
 */
#ifndef XC_NETSTRING_H
#define XC_NETSTRING_H

#include "base/span.h"

enum netstring_result {
	NETSTRING_DONE,
	NETSTRING_MORE,
	NETSTRING_BAD,
	NETSTRING_TOO_LONG
};

/* Bytes that a netstring needs around a body of up to 999,999 bytes. */
#define NETSTRING_OVERHEAD	8

/*
 * NETSTRING_DONE: *body_r points into buf and lives exactly as long as buf
 * does; *used_r is how much of buf the netstring occupied.  Any other status
 * writes neither.  A body over max is NETSTRING_TOO_LONG as soon as its length
 * is known, whether or not the body has arrived.
 */
enum netstring_result	netstring_find(struct span buf, size_t max,
			    struct span *body_r, size_t *used_r);

/*
 * Writes the netstring of body into out.  Returns its length, or 0 if it does
 * not fit in size.
 */
size_t	netstring_write(struct span body, char *out, size_t size);

#endif
