/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_sweep: takes records out of the store that nobody will come back for.
 */
#ifndef XC_STORE_SWEEP_H
#define XC_STORE_SWEEP_H

#include "session/store.h"

/*
 * Removes each session that is_dead says so of, unless it has been replaced
 * meanwhile.  Returns how many were dead, or -1 with err.
 */
int	store_sweep(struct store *store,
	    bool (*is_dead)(const struct session *, void *), void *arg,
	    struct err *err);

/*
 * Removes what was handed over by relays that are no more, unless it has been
 * replaced meanwhile.  What cannot be told stays.  Returns how many there were, or -1 with err.
 */
int	store_sweep_handed_over(struct store *store, struct err *err);

#endif
