/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * proxy_header_check: what a PROXY header is taken for, whole, byte by byte and
 * at the end of memory.
 */
#ifndef XC_T_PROXY_HEADER_CHECK_H
#define XC_T_PROXY_HEADER_CHECK_H

#include "relay/proxy_header.h"

#define TEXT_SIZE	1024
/* A marker that shows whether an out-parameter was written. */
#define UNTOUCHED	77

#define DONE		PROXY_HEADER_DONE
#define MORE		PROXY_HEADER_MORE
#define BAD		PROXY_HEADER_BAD
#define TOO_LONG	PROXY_HEADER_TOO_LONG

#define X16	"xxxxxxxxxxxxxxxx"
#define X64	X16 X16 X16 X16
#define Z8	"0000000000000000"

/* Of version 2: the signature, and the ends of a connection. */
#define SIG	"0d0a0d0a000d0a515549540a"
#define ENDS4	"c0000201c63364021a850019"
#define ENDS6	"20010db8000000000000000000000001"			\
		"20010db80000000000000000000000021a850019"

/*
 * want: of DONE what proxy_header_check_text makes of it; of BAD and TOO_LONG a
 * part of the error's text.
 */
struct proxy_header_row {
	const char			*name, *in;
	enum proxy_header_result	 want;
	const char			*want_text;
	size_t				 n;	/* 0: strlen(in) */
};

/* Reads in, in each way. */
void	proxy_header_check(const struct proxy_header_row *r, struct span in);

/* Writes what a header of so many octets says; text has TEXT_SIZE. */
void	proxy_header_check_text(const struct proxy_header *h, size_t used,
	    char *text);

/* Writes the octets of hexadecimal digits; returns how many. */
size_t	proxy_header_check_unhex(const char *hex, char *out);

#endif
