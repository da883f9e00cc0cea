/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * trust_sweep: what the rules say of all addresses there are, and between which
 * values they may change their mind; for whoever compares rules.
 *
 * It decides nothing: it tells where to ask, and trust_decide* answer.
 */
#ifndef XC_TRUST_SWEEP_H
#define XC_TRUST_SWEEP_H

#include "trust/trust.h"
#include "trust/trust_value.h"

struct trust_sweep_range {
	struct address			 first;
	struct address			 last;
	const struct trust_profile	*profile;	/* NULL: it cannot be
							 * told, or does not
							 * exist */
	const char			*file;		/* where that is said */
	unsigned			 line;
};

/* Disjoint, in order, IPv4 first.  Empty when it is all zero. */
struct trust_sweep {
	struct trust_sweep_range	*v;
	size_t				 n;
	size_t				 size;
	bool				 has_patterns;	/* tables with patterns
							 * were asked about the
							 * first two and the
							 * last of each only */
};

void	trust_sweep_clear(struct trust_sweep *sweep);

/* By family, then by number. */
int	trust_sweep_compare(const struct address *a, const struct address *b);
/* The next address, or the one before; there must be one. */
struct address	trust_sweep_next(struct address addr);
struct address	trust_sweep_before(struct address addr);

/* Adds a range behind all others.  -1: out of memory. */
int	trust_sweep_add(struct trust_sweep *sweep,
	    const struct trust_sweep_range *range, struct err *err);

/*
 * The addresses that the maps of that listener (NULL: the global ones) have,
 * with their profiles; the others have no hit.  *out must be empty, and be
 * cleared in any case.  0, or -1 with err: a table cannot tell.
 */
int	trust_sweep_peers(const struct trust *trust, const char *listener,
	    struct trust_sweep *out, struct err *err);

/* The addresses that are not "public"; profile is not set. */
int	trust_sweep_not_public(const struct trust *trust,
	    struct trust_sweep *out, struct err *err);

/* Calls fn for each listener that has maps of its own, once. */
typedef void	trust_listener_fn(const char *listener, void *arg);
void		trust_sweep_listeners(const struct trust *trust,
		    trust_listener_fn *fn, void *arg);

/* Calls fn for each table of that listener's maps, in the order of asking. */
typedef int	trust_table_fn(const struct table *table, const char *file,
		    unsigned line, void *arg, struct err *err);
int		trust_sweep_tables(const struct trust *trust,
		    const char *listener, trust_table_fn *fn, void *arg,
		    struct err *err);

/* What a name, or a fingerprint, is to those maps: TRUST_OK, with *profile_r
 * NULL where there is no hit. */
enum trust_result	trust_sweep_key(const struct trust *trust,
			    const char *listener, const char *key,
			    const struct trust_profile **profile_r,
			    struct err *err);

/* The items of a profile's list of values. */
int	trust_sweep_items(const struct trust_profile *profile,
	    enum assertion_name name, trust_item_fn *fn, void *arg,
	    struct err *err);

/* The profiles, sorted by name; NULL behind the last. */
const struct trust_profile	*trust_sweep_profile(const struct trust *trust,
				    size_t i);
/* Where it stands; file NULL: it is built in. */
const char	*trust_sweep_place(const struct trust_profile *profile,
		    unsigned *line_r);

/*
 * Whether that attribute of set would be permitted, and used: not one that the
 * profile drops.  is_public is taken for whether its address is "public", and
 * nothing is looked up for that.
 */
bool	trust_sweep_permits(const struct trust *trust,
	    const struct trust_profile *profile, enum trust_command command,
	    const struct assertion_set *set, enum assertion_name name,
	    bool is_public);

#endif
