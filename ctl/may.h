/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * may: everything that a peer may do, and where that is said.
 */
#ifndef XC_CTL_MAY_H
#define XC_CTL_MAY_H

#include "output.h"

/* What the verb prints of that peer, whose grants are "grants".  Exits if its
 * profile cannot be told, or there is no such listener. */
json_t	*may_make(struct ctl *ctl, const struct trust_peer *peer);

#endif
