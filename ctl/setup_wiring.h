/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_wiring: what has to be changed so that a Postfix asks xcontext.
 *
 * Private to setup*.c.
 */
#ifndef XC_CTL_SETUP_WIRING_H
#define XC_CTL_SETUP_WIRING_H

#include "setup_plan.h"

/* A setup_subject's plan: by wiring A or B.  Exits if it cannot be. */
void	setup_wiring_plan(struct setup *setup, struct setup_plan *plan);

#endif
