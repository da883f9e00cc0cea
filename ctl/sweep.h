/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * sweep: all peers there are, by what two configurations make of each.
 *
 * Peers of which both have the same opinion are one group, however many
 * networks they come from.
 */
#ifndef XC_CTL_SWEEP_H
#define XC_CTL_SWEEP_H

#include "networks.h"

/* Profiles of one kind of peer; NULL: the maps have no hit. */
struct sweep_group {
	const struct trust_profile	*profile[2];
	struct trust_sweep		 ranges;	/* of addresses, */
	char				**keys;		/* or names and
							 * fingerprints, if
							 * there is anybody for
							 * whom these count */
	size_t				 n_keys;
	bool				 is_wanted;	/* else it has no
							 * ranges */
};

struct sweep {
	struct sweep_group	*addresses;
	size_t			 n_addresses;
	struct sweep_group	*keys;
	size_t			 n_keys;
	bool			 has_patterns;	/* which are asked about words
						 * only */
	bool			 is_undecided;	/* and are not the same */
};

/* Whether it matters who has these profiles; the sweep has its keys by then. */
typedef bool	sweep_wants_fn(const struct sweep *sweep,
		    const struct trust_profile *const profile[2], void *arg);

/* Of the maps of that listener.  tries: more names, NULL at the end.  wants
 * NULL: all matter.  Exits when a table cannot be read, or there is no
 * memory. */
void	sweep_init(struct sweep *sweep, const struct trust *old,
	    const struct trust *new, const char *listener,
	    char *const *tries, sweep_wants_fn *wants, void *arg);
void	sweep_clear(struct sweep *sweep);

/* Whether a key of a table can be a peer's name, or the fingerprint of its
 * certificate. */
bool	sweep_is_name(struct span key);
bool	sweep_is_fingerprint(struct span key);

/* An address of that group that can be said to be a peer's; false: none. */
bool	sweep_example(const struct sweep_group *group, struct address *addr_r);

#endif
