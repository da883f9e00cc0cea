/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * xtext_fuzz: whatever decodes comes back from encoding, and the strict
 * reading is never another one than the legacy reading.
 */
#include "base/xtext.h"

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* bytes, encoded afresh, decode to the same bytes in that mode. */
static void
check_way_back(struct span bytes, enum xtext_mode mode)
{
	size_t	 size = bytes.n * 3 + 1, n, len;
	char	*text = malloc(size), *back = malloc(size);

	if (text != NULL && back != NULL) {
		assert(xtext_encode(bytes, text, size, &n) == XTEXT_OK);
		assert(strlen(text) == n);
		assert(xtext_decode((struct span){ text, n }, mode, back,
		    size, &len) == XTEXT_OK);
		assert(len == bytes.n && memcmp(back, bytes.p, len) == 0);
	}
	free(text);
	free(back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span		 in = { (const char *)data, size };
	char			*strict = malloc(size + 1);
	char			*legacy = malloc(size + 1);
	size_t			 nstrict, nlegacy;
	enum xtext_result	 result;

	if (strict == NULL || legacy == NULL)
		goto out;
	assert(xtext_decode(in, XTEXT_LEGACY, legacy, size, &nlegacy) ==
	    XTEXT_OK);
	check_way_back((struct span){ legacy, nlegacy }, XTEXT_LEGACY);
	result = xtext_decode(in, XTEXT_STRICT, strict, size, &nstrict);
	assert(result != XTEXT_TOO_LONG);
	if (result == XTEXT_OK) {
		assert(nstrict == nlegacy &&
		    memcmp(strict, legacy, nstrict) == 0);
		check_way_back((struct span){ strict, nstrict },
		    XTEXT_STRICT);
	}
out:
	free(strict);
	free(legacy);
	return 0;
}
