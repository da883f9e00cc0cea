/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * eom: what is done to a message at its end: what pretends to be our header
 * is taken out, ours is put in, and where the mail came from is looked for.
 */
#ifndef XC_EOM_H
#define XC_EOM_H

#include <libmilter/mfapi.h>

#include "conversation.h"

/* Finds the origin, removes headers that pretend to be ours, adds ours; returns
 * what the callback has to return. */
sfsistat	eom_edit(SMFICTX *ctx, struct conversation *c);

#endif
