/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_envelope: from whom and to whom a stored message is, by the headers
 * that its last delivery left above it.
 */
#ifndef XC_CTL_INJECT_ENVELOPE_H
#define XC_CTL_INJECT_ENVELOPE_H

#include <sys/types.h>

#include "base/span.h"

#define INJECT_ADDRESS_MAX	320	/* octets: RFC 5321, 4.5.3.1 */

struct inject_envelope {
	char		 sender[INJECT_ADDRESS_MAX + 1];	/* "": null */
	char		 rcpt[INJECT_ADDRESS_MAX + 1];	/* "": there is none */
	const char	*why;		/* NULL, or what cannot be used */
};

/*
 * True for an address that can be put between "<" and ">" as it is: printable
 * ASCII, no "<" or ">", and no blank outside of quotes.
 */
bool	inject_envelope_valid(struct span address);

/*
 * The uppermost Return-Path, and the uppermost of the rcpt_header, or, if that
 * is NULL, of Delivered-To, or else of X-Original-To.  False: the message cannot
 * be read (errno).
 */
bool	inject_envelope_read(int fd, off_t begin, off_t end,
	    const char *rcpt_header, struct inject_envelope *env_r);

#endif
