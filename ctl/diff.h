/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * diff: who may what by one configuration and not by another.
 */
#ifndef XC_CTL_DIFF_H
#define XC_CTL_DIFF_H

#include "output.h"

/*
 * The rows: those of rights_compare with who it is about, and a peer that shows
 * it: "listener", "networks", "names" (null: whatever its name is; empty: none
 * that is listed), "from", "to", "peer", "name", "fingerprint".  tries: more
 * names, and texts, to be asked about; NULL at the end.  A row with "patterns"
 * is about whom these regular expressions match, and "peer" is null.  Exits when
 * a table cannot be read, or there is no memory.
 */
json_t	*diff_make(const struct conf *old, const struct conf *new,
	    char *const *tries);

/* Those rows as a table for a person. */
void	diff_print(struct ctl *ctl, const json_t *rows);

#endif
