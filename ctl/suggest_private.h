/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * suggest_private: what the parts of suggest share: what was seen of each
 * profile in the log, on the way to the profile that is suggested.
 */
#ifndef XC_CTL_SUGGEST_PRIVATE_H
#define XC_CTL_SUGGEST_PRIVATE_H

#include <jansson.h>

#include "again.h"
#include "suggest_guard.h"
#include "tally.h"
#include "verb.h"

#define SUGGEST_VALUES_MAX	100000	/* more are not remembered */

/* What was seen of one profile. */
struct suggest_seen {
	char			*name;
	struct suggest_guard	*guard;
	struct tally		*lines;		/* all, under "" */
	struct tally		*grants[TRUST_COMMAND_COUNT];	/* by name */
	struct tally		*values[ASSERTION_COUNT];
	size_t			 n_values[ASSERTION_COUNT];	/* distinct */
	struct tally		*domains;	/* of logins: "@example.com" */
	struct tally		*refused;	/* by why */
	unsigned long		 n_reported;
	bool			 dumps_sealed;
};

struct suggest {
	struct ctl	*ctl;
	struct again	*again;
	struct suggest_seen *seen;
	size_t		 n;
	unsigned	 prefix, prefix6;	/* 0: none */
	unsigned long	 n_undecided;
};

/* Counts an entry of the log. */
void	suggest_seen_take(struct suggest *s, const struct log_entry *e);
/* Forgets all that was seen. */
void	suggest_seen_clear(struct suggest *s);

/* What is suggested for a profile, with its evidence; the caller's. */
json_t	*suggest_profile_make(const struct suggest *s,
	    struct suggest_seen *one);

#endif
