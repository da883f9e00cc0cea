/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * proc_start: when a process began, for tests that know that it is there; 0 if
 * it is not, or cannot be told.
 */
#ifndef XC_T_PROC_START_H
#define XC_T_PROC_START_H

#include "base/procinfo.h"

static inline uint64_t
proc_start(pid_t pid)
{
	uint64_t	 start = 0;

	(void)procinfo_start(pid, &start);
	return start;
}

#endif
