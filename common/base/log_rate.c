/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * log_rate: see log_rate.h.  A slot has the minute that it counts in: when that
 * is over, it begins anew and tells how many were dropped.
 */
#include "base/log_rate.h"

#include <stddef.h>

/* FNV-1a: good enough to spread; a collision only mixes two counters. */
static uint64_t
hash_add(uint64_t hash, const char *text)
{
	for (; text != NULL && *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ULL;
	return (hash ^ 0xff) * 0x100000001b3ULL;
}

bool
log_rate_allows(struct log_rate *rate, const char *event, const char *value,
    unsigned max, int64_t now_s, unsigned long *suppressed_r)
{
	struct log_rate_slot	*slot;
	uint64_t		 hash;

	hash = hash_add(hash_add(0xcbf29ce484222325ULL, event), value);
	slot = &rate->slots[(hash ^ hash >> 32) % LOG_RATE_SLOTS];
	if (slot->hash != hash || slot->start == 0) {
		*slot = (struct log_rate_slot){ .hash = hash, .start = now_s };
	} else if (now_s - slot->start >= LOG_RATE_WINDOW_S) {
		slot->start = now_s;
		slot->written = 0;
	}
	if (max != 0 && slot->written >= max) {
		slot->suppressed++;
		return false;
	}
	slot->written++;
	*suppressed_r = slot->suppressed;
	slot->suppressed = 0;
	return true;
}
