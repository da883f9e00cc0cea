/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * context_escape: see context_escape.h.  It works by the byte, for whoever
 * breaks a value in two must not break a +XX.
 */
#include "context/context_escape.h"

#include <stdio.h>

#include "base/xtext.h"

size_t
context_escape_byte(char byte, const char *also,
    char buf[CONTEXT_ESCAPE_SIZE])
{
	size_t	 len;

	(void)xtext_encode((struct span){ &byte, 1 }, buf,
	    CONTEXT_ESCAPE_SIZE, &len);
	if (strchr(also, byte) != NULL)
		len = (size_t)snprintf(buf, CONTEXT_ESCAPE_SIZE, "+%02X",
		    (unsigned char)byte);
	return len;
}

size_t
context_escape_length(struct span bytes, const char *also)
{
	char	 buf[CONTEXT_ESCAPE_SIZE];
	size_t	 len = 0;

	for (; bytes.n > 0; bytes = span_skip(bytes, 1))
		len += context_escape_byte(bytes.p[0], also, buf);
	return len;
}
