/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * context_name: the names of the pairs that the programs make themselves.
 *
 * A messenger may set one of them only if its profile names it letter by
 * letter; xcontext-trust(5) tells what each of them says.
 */
#ifndef XC_CONTEXT_NAME_H
#define XC_CONTEXT_NAME_H

#include <stdbool.h>

/* The built-in names; the order is that in which they are shown. */
enum context_builtin {
	CONTEXT_SESSION,	/* its id */
	CONTEXT_PROFILE,
	CONTEXT_LISTENER,
	CONTEXT_PEER_ADDRESS,
	CONTEXT_PEER_NAME,
	CONTEXT_REMOTE_ADDRESS,	/* the client's */
	CONTEXT_REMOTE_PORT,
	CONTEXT_REMOTE_NAME,
	CONTEXT_EHLO_DOMAIN,
	CONTEXT_EHLO_STRING,	/* the whole command */
	CONTEXT_AUTH_USER,
	/* Of the message: */
	CONTEXT_MAILFROM,
	CONTEXT_RCPT_COUNT,
	CONTEXT_QUEUE_ID,
	CONTEXT_ORIGIN_ADDRESS,
	CONTEXT_ORIGIN_NAME,
	CONTEXT_ORIGIN_HELO,
	CONTEXT_BUILTIN_COUNT
};

const char	*context_name_of_builtin(enum context_builtin name);

/* True if a pair of that name, in any case, is for the programs to set. */
bool		 context_name_is_builtin(const char *name);

#endif
