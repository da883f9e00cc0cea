/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * proxy_header_crc32c: half an octet at a time: a header is short, and there
 * is one in a connection.
 */
#include "proxy_header.h"

/* What each half leaves of the polynomial 0x1edc6f41, bits reversed. */
static const uint32_t	halves[16] = {
	0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
	0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
	0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
	0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75
};

uint32_t
proxy_header_crc32c(uint32_t crc, struct span bytes)
{
	size_t	 i;

	crc = ~crc;
	for (i = 0; i < bytes.n; i++) {
		crc ^= (uint8_t)bytes.p[i];
		crc = crc >> 4 ^ halves[crc & 0xf];
		crc = crc >> 4 ^ halves[crc & 0xf];
	}
	return ~crc;
}
