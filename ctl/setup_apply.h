/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_apply: carries out a plan, whole or not at all, and takes it back.
 *
 * Private to setup*.c.
 */
#ifndef XC_CTL_SETUP_APPLY_H
#define XC_CTL_SETUP_APPLY_H

#include "setup.h"

/* Both exit if they cannot, and say what is in force then; else they return the
 * exit status. */
int	setup_apply(struct setup *setup);
int	setup_apply_undo(struct setup *setup);

#endif
