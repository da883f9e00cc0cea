/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * assertion_check: whether a set of assertions is as it should be, told by the
 * line that prints it.
 */
#ifndef XC_T_ASSERTION_CHECK_H
#define XC_T_ASSERTION_CHECK_H

#include "trust/assertion.h"

#define X50		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X64		X50 "xxxxxxxxxxxxxx"
#define X250		X50 X50 X50 X50 X50
#define X255		X250 "xxxxx"

/* Prints it; returns line, or what says that it is not printed. */
const char	*assertion_check_printed(const struct assertion_set *set,
		    char line[ASSERTION_LINE_MAX]);

/* Two sets that print alike must be alike inside too. */
void	assertion_check_same(const char *name, const struct assertion_set *a,
	    const struct assertion_set *b);

/* Its line, read again, is the set. */
void	assertion_check_comes_back(const char *name,
	    const struct assertion_set *set, const char *line);

#endif
