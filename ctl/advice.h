/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * advice: what to change, and where, for a refused command to be allowed.
 */
#ifndef XC_CTL_ADVICE_H
#define XC_CTL_ADVICE_H

#include <jansson.h>

#include "again.h"

/* Of a command that was decided again and refused: "place" and "change" of
 * each setting, none if there is nothing to change. */
json_t	*advice_by_rules(const struct again *again);

/* Of one that was refused for another reason than the rules. */
json_t	*advice_by_reason(const struct again *again,
	    enum verdict_reason reason, const char *rule);

#endif
