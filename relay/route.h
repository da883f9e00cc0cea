/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * route: to which next hop, by which binding, and with or without XCLIENT a
 * message goes.
 *
 * transport_maps are asked as transport(5) has it (user@domain, domain, its
 * parents as ".parent", "*"), binding_maps for what access_maps are asked for.
 */
#ifndef XC_RELAY_ROUTE_H
#define XC_RELAY_ROUTE_H

#include "access_key.h"
#include "conf.h"
#include "conf_relay.h"
#include "scope.h"

enum route_result {
	ROUTE_OK,
	ROUTE_NONE,		/* no table knows the recipient, and there is no
				 * next_hop; err */
	ROUTE_CANNOT_TELL	/* a table failed, or answered what it must
				 * not; err */
};

struct route {
	struct nexthop			 nexthop;	/* host never empty */
	const struct scope_binding	*binding;	/* NULL: none */
	enum xclient_mode		 mode;
	enum xclient_dialect		 dialect;	/* XCLIENT_DIALECT_UNSET:
							 * the binding's */
	char				 rule[192];	/* what gave the mode */
};

/* True if the next hop is the same for all recipients, so that it can be asked
 * what it offers before any is named. */
bool	route_is_fixed(const struct conf_relay *relay);

/*
 * Finds the next hop.  recipient: the address in RCPT TO, domain: its part
 * behind the '@'; both empty while none is known, which only a fixed route
 * allows.
 */
enum route_result	route_nexthop(const struct conf_relay *relay,
			    struct span recipient, struct span domain,
			    struct nexthop *nexthop_r, struct err *err);

/*
 * Finds the binding that the first key's answer names, in the order of the
 * maps, or else the relay's own (which may be none: NULL).  keys NULL: only
 * that.
 */
enum route_result	route_binding(const struct conf *conf,
			    const struct conf_relay *relay,
			    const struct access_keys *keys,
			    const struct scope_binding **binding_r,
			    struct err *err);

/* True if both lead over the same kind of connection. */
bool	route_equal(const struct route *a, const struct route *b);

#endif
