/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * hostname: whether a text is a host name in the sense of Postfix's
 * valid_hostname(): letters, digits, "-" and "_" in labels of 1 to 63, 255 in
 * all, not all numeric.
 */
#ifndef XC_HOSTNAME_H
#define XC_HOSTNAME_H

#include "base/span.h"

#define HOSTNAME_MAX_LEN	255

bool	hostname_valid(struct span text);

#endif
