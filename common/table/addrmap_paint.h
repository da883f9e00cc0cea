/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * addrmap_paint: cuts overlapping intervals into disjoint ranges, of which
 * each has one answer: the lowest rule that holds it.
 *
 * Private to addrmap.c.  It knows nothing of address families: an IPv4
 * address is in the low 32 bits.
 */
#ifndef XC_ADDRMAP_PAINT_H
#define XC_ADDRMAP_PAINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef unsigned __int128 addrmap_wide;

struct addrmap_answer {
	uint32_t	 rule;		/* ADDRMAP_NONE: there is none */
	uint32_t	 tag;
};

/* first is not above last. */
struct addrmap_interval {
	addrmap_wide		 first;
	addrmap_wide		 last;
	struct addrmap_answer	 answer;
};

/* Empty when it is all zero. */
struct addrmap_intervals {
	struct addrmap_interval	*v;
	size_t			 n;
	size_t			 size;
};

/*
 * From a start to the next one, the answer is the same.  Empty when it is all
 * zero.
 */
struct addrmap_ranges {
	addrmap_wide		*start;
	struct addrmap_answer	*answer;
	size_t			 n;
	size_t			 size;
};

/* False: out of memory or too many, list is unchanged. */
bool	addrmap_paint_add(struct addrmap_intervals *list,
	    const struct addrmap_interval *interval);
void	addrmap_paint_intervals_clear(struct addrmap_intervals *list);

/*
 * Fills out, which is empty, with the ranges from 0 to max in order, at least
 * one, and sorts list.  False: out of memory.  out must be cleared in both
 * cases.
 */
bool	addrmap_paint(struct addrmap_intervals *list, addrmap_wide max,
	    struct addrmap_ranges *out);
void	addrmap_paint_ranges_clear(struct addrmap_ranges *ranges);

#endif
