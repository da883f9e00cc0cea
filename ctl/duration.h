/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * duration: a length of time as an administrator writes it.
 */
#ifndef XC_CTL_DURATION_H
#define XC_CTL_DURATION_H

#include <stdint.h>

/* Milliseconds of "90s", "30m", "12h", "7d", of so many days at most.  Exits 64
 * for what is none. */
uint64_t	duration_read(const char *text, unsigned days_max);

#endif
