/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * identity_said: what a session, and an XFORWARD, have said of a client, for
 * tests of who a message is from; and the words that these tests share.
 */
#ifndef XC_T_IDENTITY_SAID_H
#define XC_T_IDENTITY_SAID_H

#include "relay/identity.h"

#define UN	"[UNAVAILABLE]"
#define C50	"a123456789.b123456789.c123456789.d123456789.e12345"
#define C200	C50 "." C50 "." C50 "." C50
/* Of a client who has none of its own. */
#define NODEST	" DESTADDR=" UN
#define NOPORT	" DESTPORT=" UN
#define NOHELO	" HELO=" UN

/* Attributes that are offered. */
#define ALL	((1U << ASSERTION_COUNT) - 1)
#define BIT(n)	(1U << ASSERTION_##n)
#define KUMOMTA	(BIT(ADDR) | BIT(PORT) | BIT(DESTADDR) | BIT(DESTPORT))

/* Begins a session; NULL: peer is a UNIX-domain socket, and nothing was
 * said. */
void	identity_said_session(struct session *s, const char *peer,
	    const char *peer_name, uint16_t port, const char *override);

/* Returns set with the arguments of an XFORWARD in it; NULL, if args is:
 * nothing was said. */
const struct assertion_set	*identity_said_xforward(const char *args,
				    struct assertion_set *set);

#endif
