/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * reload: has the daemons read the configuration again.
 */
#ifndef XC_CTL_RELOAD_H
#define XC_CTL_RELOAD_H

#include "ask.h"

struct reload {
	json_t	*rows;		/* a reference: what became of it in each:
				 * "daemon", "result", "fingerprint", "text" */
	bool	 is_all;	/* each daemon has taken it */
	bool	 is_refused;	/* one that is there has not, or does not say */
};

/* Asks each that is expected, one after the other; is_all_or_none: until one has
 * refused it.  The relay is the first: it has most to refuse, certificates and
 * keys, and whom it has kept from asking the others has changed nothing. */
struct reload	reload_all(const struct ask *all, bool is_all_or_none);

void	reload_print(struct ctl *ctl, const struct reload *reload);

#endif
