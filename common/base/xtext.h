/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * xtext: the encoding of RFC 3461, section 4, both ways.
 *
 * What would surprise: Postfix decodes what is no xtext, too, or takes it as it
 * stands, and so the same text may be two values.  Which reading counts is the
 * setting "xtext"; pairs of the context know the strict one only.
 */
#ifndef XC_XTEXT_H
#define XC_XTEXT_H

#include "base/span.h"

enum xtext_mode {
	XTEXT_STRICT,	/* RFC 3461: only xchar and +XX, XX in capitals */
	XTEXT_LEGACY	/* what Postfix takes: hex digits in either case, and a
			 * text that does not decode stands for itself */
};

enum xtext_result {
	XTEXT_OK,
	XTEXT_BAD,	/* not xtext (never with XTEXT_LEGACY) */
	XTEXT_TOO_LONG	/* does not fit in size */
};

/*
 * Decodes text into buf, which gets no NUL; *len_r is the number of bytes.
 * XTEXT_OK may yield any byte, NUL and controls included: to refuse these is
 * the caller's.  Otherwise buf is undefined and *len_r untouched.
 * Decoded text is never longer than the encoded: a buf as large as text fits.
 */
enum xtext_result	xtext_decode(struct span text, enum xtext_mode mode,
			    char *buf, size_t size, size_t *len_r);

/*
 * Encodes bytes into buf, NUL-terminated.  Beyond what RFC 3461 demands ("+",
 * "=", outside 33..126) it encodes the characters that Postfix's command
 * tokenizer treats specially: '"', '\\', '<', '>', '(' and ')', and ':'
 * never, for addresses must stay readable.
 * XTEXT_OK or XTEXT_TOO_LONG; *len_r leaves the NUL out.
 */
enum xtext_result	xtext_encode(struct span bytes, char *buf, size_t size,
			    size_t *len_r);

#endif
