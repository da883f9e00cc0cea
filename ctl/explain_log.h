/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * explain_log: what a line of a log means, and what would have to be changed
 * for what it refused to be allowed.
 */
#ifndef XC_CTL_EXPLAIN_LOG_H
#define XC_CTL_EXPLAIN_LOG_H

#include "ctl.h"

/*
 * Explains the line that is the first argument; or all lines of the session
 * that it names; or all that can be explained.  The last two read standard
 * input.  Returns the exit status: CTL_NO, nothing can be known.
 */
int	explain_log(struct ctl *ctl);

#endif
