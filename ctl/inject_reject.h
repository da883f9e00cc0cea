/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_reject: keeps what the server refuses for good, with the reason, where
 * somebody can look at it.
 */
#ifndef XC_CTL_INJECT_REJECT_H
#define XC_CTL_INJECT_REJECT_H

#include <jansson.h>

#include "inject_source.h"

/*
 * Writes DIR/DIGEST.eml, the message, and DIR/DIGEST.json, its entry in the
 * journal, which says for whom and why.  Both are on disk then; to keep the same
 * message again changes nothing.  0, or -1 with err.
 */
int	inject_reject_keep(const char *dir, const struct inject_item *item,
	    const json_t *entry, struct err *err);

#endif
