/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * privdrop: becomes an unprivileged user for good, and proves it.
 */
#ifndef XC_PRIVDROP_H
#define XC_PRIVDROP_H

#include "base/err.h"

/*
 * Clears the supplementary groups, sets gid then uid (real, effective and
 * saved), then tries to get them back; it is an error if it can.  user "" or
 * NULL: does nothing.  Runs after bind and before the first byte from a peer.
 * 0, or -1 with err: the caller must then exit.
 */
int	privdrop(const char *user, struct err *err);

#endif
