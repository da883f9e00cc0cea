/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * fingerprint: whether two texts are the same, as far as an administrator asks.
 *
 * FNV-1a of 64 bits.  It protects from nobody who wants two texts to look
 * alike.
 */
#ifndef XC_FINGERPRINT_H
#define XC_FINGERPRINT_H

#include <stdint.h>

#include "base/span.h"

#define FINGERPRINT_NONE	UINT64_C(0xcbf29ce484222325)
#define FINGERPRINT_SIZE	17	/* as text, NUL included */

/* That of what was before, and text behind it. */
static inline uint64_t
fingerprint_add(uint64_t fingerprint, struct span text)
{
	size_t	 i;

	for (i = 0; i < text.n; i++) {
		fingerprint ^= (unsigned char)text.p[i];
		fingerprint *= UINT64_C(0x100000001b3);
	}
	return fingerprint;
}

#endif
