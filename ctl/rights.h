/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * rights: what a profile of one configuration may, and one of another may not.
 *
 * Each value that there is is asked about, or one that stands for all that no
 * rule tells apart: addresses between the ends of networks, ports all, texts by
 * words.h.  The answers are trust_decide's.  What rests on regular expressions
 * is told to be undecided unless they are the same on both sides.
 */
#ifndef XC_CTL_RIGHTS_H
#define XC_CTL_RIGHTS_H

#include "networks.h"

struct rights;

/* Both live longer than this.  tries: texts to be asked about as well, NULL at
 * the end.  Exits when a table cannot be read, or there is no memory, as all
 * of these do. */
struct rights	*rights_new(const struct conf *old, const struct conf *new,
		    char *const *tries);
void		 rights_free(struct rights *rights);

/*
 * Rows of what is different for who had the profile "from" and has "to" now:
 * "effect" (gains, loses, changes, undecided), "right", "values", "old", "new"
 * and, of a gain or loss, "line", a command that shows it.
 */
json_t		*rights_compare(struct rights *rights,
		    const struct trust_profile *from,
		    const struct trust_profile *to);

#endif
