/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * who_can: everybody who could say a line, and have it in force.
 */
#ifndef XC_CTL_WHO_CAN_H
#define XC_CTL_WHO_CAN_H

#include "output.h"

/* A row for each profile by which the command passes, and listener: "profile",
 * "listener", "networks", "names", "patterns", "verdict" and "rule".  Exits if
 * it is none, or a table cannot be read. */
json_t	*who_can_make(struct ctl *ctl, const char *command);

#endif
