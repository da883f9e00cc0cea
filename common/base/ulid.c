/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * ulid: 26 characters carry 130 bits, so the first one holds only 3 of the
 * 128 bits; it never exceeds "7".
 */
#include "base/ulid.h"

void
ulid_format(uint64_t now_ms, const uint8_t random[10], char buf[ULID_SIZE])
{
	static const char	 digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	uint64_t		 half;
	int			 i;

	for (i = 9; i >= 0; i--) {
		buf[i] = digits[now_ms & 31];
		now_ms >>= 5;
	}
	half = 0;
	for (i = 0; i < 5; i++)
		half = half << 8 | random[i];
	for (i = 17; i >= 10; i--) {
		buf[i] = digits[half & 31];
		half >>= 5;
	}
	half = 0;
	for (i = 5; i < 10; i++)
		half = half << 8 | random[i];
	for (i = 25; i >= 18; i--) {
		buf[i] = digits[half & 31];
		half >>= 5;
	}
	buf[26] = '\0';
}
