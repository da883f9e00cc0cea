/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * networks: ranges of addresses as the networks that a table would name.
 */
#ifndef XC_CTL_NETWORKS_H
#define XC_CTL_NETWORKS_H

#include "output.h"
#include "trust/trust_sweep.h"

/* Adds [first, last] to a sweep that is in order; one that goes on where the
 * last ended becomes a part of that, if what is said of it is the same.  Exits
 * when there is no memory. */
void	networks_add(struct trust_sweep *sweep,
	    const struct trust_sweep_range *range);

/* The fewest networks that hold just these addresses: an array of texts. */
json_t	*networks_print(const struct trust_sweep *sweep);

/* The first of them, as a text, and how many more there are, for a line. */
json_t	*networks_brief(const json_t *texts, size_t max);

#endif
