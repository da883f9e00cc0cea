/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * cidr_pattern: reads the networks of cidr_table(5) into address ranges.
 *
 * It knows nothing of rules or files.  Addresses are read as inet_pton() does,
 * which is what Postfix uses here: an IPv4-mapped IPv6 address is an IPv6
 * address.
 */
#ifndef XC_CIDR_PATTERN_H
#define XC_CIDR_PATTERN_H

#include "base/address.h"
#include "base/err.h"

/* Of one family, which both addresses have; first is not above last. */
struct cidr_range {
	struct address	 first;
	struct address	 last;
};

/* The most ranges that the complement of a network has. */
#define CIDR_PATTERN_RANGES_MAX	2

/* False: text is no address; *addr_r is then untouched. */
bool	cidr_pattern_address(struct span text, struct address *addr_r);

/* All addresses of AF_INET or of AF_INET6. */
struct cidr_range	cidr_pattern_family(uint8_t family);

/* Makes it the next address of its family; false: it is the last, and stays. */
bool	cidr_pattern_next(struct address *addr);

/*
 * Reads "addr", "addr/bits" or either in brackets, and writes NULs into
 * pattern.  out_r, with room for CIDR_PATTERN_RANGES_MAX, gets the *n_r ranges
 * that are right for it: the network or, if negated, what is left of its
 * family, which may be nothing.  0, or -1 with only why set.
 */
int	cidr_pattern_parse(char *pattern, bool negated,
	    struct cidr_range *out_r, size_t *n_r, struct err *why);

/* False: they have nothing in common; *out_r is then undefined. */
bool	cidr_pattern_intersect(const struct cidr_range *a,
	    const struct cidr_range *b, struct cidr_range *out_r);

#endif
