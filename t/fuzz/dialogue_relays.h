/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue_relays: the relays that dialogue_fuzz drives, who connects to each,
 * and what that peer was granted.
 */
#ifndef XC_T_DIALOGUE_RELAYS_H
#define XC_T_DIALOGUE_RELAYS_H

#include "t/lib/stage.h"

/* Loads the configurations, which are written to files in dir.  Aborts the test
 * if that cannot be. */
void	dialogue_relays_load(const char *dir);
void	dialogue_relays_unload(void);

/* Sets what is the test's of a stage by the digit or small letter of a relay.
 * False: there is no such relay. */
bool	dialogue_relays_set(char which, struct stage *stage);

#endif
