/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * addrmap: finds the first of many networks that holds an address.
 *
 * It is built once from rules in their order and answers with the lowest rule
 * number whose region holds the address.  The cost of a lookup does not grow
 * with the number of rules: all regions are cut into disjoint ranges when it
 * is built, and a lookup is one search in a cache-friendly tree of range
 * starts.  It knows nothing of files or texts.
 */
#ifndef XC_ADDRMAP_H
#define XC_ADDRMAP_H

#include <stdint.h>

#include "base/address.h"

#define ADDRMAP_NONE	UINT32_MAX	/* no rule holds the address */

struct addrmap;
struct addrmap_builder;

struct addrmap_builder	*addrmap_builder_new(void);
void			 addrmap_builder_free(struct addrmap_builder *b);

/*
 * Adds the range [first, last] (inclusive, one family, first not above last)
 * for that rule, which must not be ADDRMAP_NONE.
 * Rules may come in any order; a rule may have several ranges.
 * False: out of memory, b is unchanged.
 */
bool	addrmap_builder_add(struct addrmap_builder *b,
	    const struct address *first, const struct address *last,
	    uint32_t rule);

/*
 * As addrmap_builder_add, with a number that addrmap_find_tag gives back; all
 * ranges of a rule must have the same.
 */
bool	addrmap_builder_add_tag(struct addrmap_builder *b,
	    const struct address *first, const struct address *last,
	    uint32_t rule, uint32_t tag);

/* Builds the map and empties b, also on failure.  NULL: out of memory. */
struct addrmap	*addrmap_build(struct addrmap_builder *b);
void		 addrmap_free(struct addrmap *map);

/*
 * The lowest rule that holds addr; ADDRMAP_NONE if none, or AF_UNSPEC.  The
 * family is taken as it is: an IPv4-mapped IPv6 address is an IPv6 address.
 */
uint32_t	 addrmap_find(const struct addrmap *map,
		    const struct address *addr);

/* As addrmap_find; *tag_r is written if there is a rule. */
uint32_t	 addrmap_find_tag(const struct addrmap *map,
		    const struct address *addr, uint32_t *tag_r);

/* False: stop. */
typedef bool	addrmap_range_fn(const struct address *first,
		    const struct address *last, uint32_t rule, uint32_t tag,
		    void *arg);

/* Calls fn for the ranges that have a rule, IPv4 first, in the order of their
 * addresses; they are disjoint.  False: fn said so. */
bool		 addrmap_each(const struct addrmap *map, addrmap_range_fn *fn,
		    void *arg);

size_t		 addrmap_memory(const struct addrmap *map);

#endif
