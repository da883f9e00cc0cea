/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * callbacks: what libmilter calls.
 *
 * A callback touches its own session, a configuration that never changes, and
 * the store; so none of them waits for anybody but another writer of the store,
 * at the beginning and the end of a mail, and where the record is kept here.
 * What a session gets is decided by enforce.
 */
#ifndef XC_CALLBACKS_H
#define XC_CALLBACKS_H

#include "base/err.h"

/* Tells libmilter of the callbacks: the first thing to be done with it. */
int	callbacks_register(struct err *err);

#endif
