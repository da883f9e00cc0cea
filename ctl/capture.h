/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * capture: makes cases, xcontext-test(5), of what a Postfix has logged: each of
 * its sessions, as the client that it was, with what was decided as what is
 * expected.
 *
 * A case is written as soon as all of it is known; what is not yet takes a
 * bounded amount of memory, and the oldest is written as it is when there is
 * more.  What cannot be said in a case is left out, and counted.
 */
#ifndef XC_CTL_CAPTURE_H
#define XC_CTL_CAPTURE_H

#include <stdio.h>

#include "log_entry.h"

#define CAPTURE_MEMORY	(32 * 1024 * 1024)	/* octets, for capture_new */

struct capture;

/* Exits if there is no memory, as all of these do.  "out" stays the caller's. */
struct capture	*capture_new(FILE *out, size_t memory);
/* A line, of whomever it is. */
void		 capture_take(struct capture *capture,
		    const struct log_entry *entry);
/* Writes what is left, and what was left out; gives the number of cases, and
 * frees. */
unsigned long	 capture_end(struct capture *capture);

#endif
