/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * context_escape: the bytes of a pair's value as they are shown: xtext, and
 * some more characters that the place where it is shown cannot have.
 */
#ifndef XC_CONTEXT_ESCAPE_H
#define XC_CONTEXT_ESCAPE_H

#include "base/span.h"

#define CONTEXT_ESCAPE_SIZE	4	/* NUL included */

/*
 * Writes one byte as xtext_encode does, NUL-terminated, and any of the
 * characters in also as +XX, too.  Returns the length: 1 or 3.  Whoever knows
 * xtext reads it back, whatever also was.
 */
size_t	context_escape_byte(char byte, const char *also,
	    char buf[CONTEXT_ESCAPE_SIZE]);

/* The length of all bytes written so. */
size_t	context_escape_length(struct span bytes, const char *also);

#endif
