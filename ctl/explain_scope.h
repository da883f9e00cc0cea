/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * explain_scope: the way that a relay takes with mail from one to another.
 */
#ifndef XC_CTL_EXPLAIN_SCOPE_H
#define XC_CTL_EXPLAIN_SCOPE_H

#include "ctl.h"
#include "peer.h"

/* The options that are its own; those before them are explain's. */
enum { EXPLAIN_SCOPE = PEER_OPTIONS + 2, EXPLAIN_CONTEXT, EXPLAIN_XCLIENT };

/* "explain --scope SENDER RECIPIENT"; returns the exit status. */
int	explain_scope(struct ctl *ctl);

#endif
