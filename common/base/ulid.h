/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * ulid: names that sort by time: 48 bits of milliseconds and 80 random bits
 * in Crockford's base 32, 26 characters.
 */
#ifndef XC_ULID_H
#define XC_ULID_H

#include <stdint.h>

#define ULID_SIZE	27	/* NUL included */

/* Writes the ULID of that moment (milliseconds since the epoch) and these
 * ten random bytes. */
void	ulid_format(uint64_t now_ms, const uint8_t random[10],
	    char buf[ULID_SIZE]);

#endif
