/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * route: to which next hop, by which binding, and with or without XCLIENT a
 * message goes.
 *
 * transport_maps are asked as transport(5) has it (user@domain, domain, its
 * parents as ".parent", "*"), binding_maps for what access_maps are asked for.
 * A recipient is looked up in one spelling, whatever the client writes: a local
 * part without its quotes, a domain as domain_read has it, and then as people
 * write it, for tables that have U-labels.
 */
#ifndef XC_ROUTE_H
#define XC_ROUTE_H

#include "conf/conf.h"
#include "conf/conf_relay.h"
#include "conf/scope.h"
#include "session/access_key.h"

enum route_result {
	ROUTE_OK,
	ROUTE_BAD_RECIPIENT,	/* there is no domain, or what stands there is
				 * none: for good; err */
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

/* "file:line" of what says the next hop, and the binding; "": nothing does. */
struct route_where {
	char	 nexthop[192];
	char	 binding[192];
};

/* True if the next hop is the same for all recipients, so that it can be asked
 * what it offers before any is named. */
bool	route_is_fixed(const struct conf_relay *relay);

/* Code and enhanced code of the reply to a recipient for which there is no
 * route: "501 5.1.3" or "451 4.3.0"; not for ROUTE_OK. */
const char	*route_refusal(enum route_result result);

/*
 * Finds the whole way: next hop, binding, mode and dialect.  keys are not needed
 * where the relay has no binding_maps; where_r may be NULL.  recipient and
 * domain are as in route_nexthop.
 */
enum route_result	route_find(const struct conf *conf,
			    const struct conf_relay *relay,
			    const struct access_keys *keys,
			    struct span recipient, struct span domain,
			    struct route *route_r, struct route_where *where_r,
			    struct err *err);

/*
 * Tells whether the way of mail depends on its recipient, who has to be known
 * then before MAIL can go on.  Else it is the one that route_find finds for
 * none.  Not ROUTE_OK: not even that can be found, err says why, and no
 * recipient goes along with another's way.
 */
enum route_result	route_is_by_recipient(const struct conf *conf,
			    const struct conf_relay *relay,
			    const struct access_keys *keys, bool *is_r,
			    struct err *err);

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

/*
 * Says how XCLIENT stands for a recipient's domain (empty: none is known yet, or
 * he has none): fills in mode and rule; nexthop and binding are there.
 */
void	route_mode(const struct conf *conf, struct route *route,
	    struct span domain);

/*
 * True if a recipient has to be known before MAIL can go on: he chooses the next
 * hop, or some domain has another mode than route, which is the way without a
 * recipient.  Then each recipient needs a route of his own, and goes along
 * with the first one's only if that is equal and has the same mode.
 */
bool	route_needs_recipient(const struct conf *conf,
	    const struct conf_relay *relay, const struct route *route);

/*
 * True if whoever may say RCPT to this relay may send mail to any domain: a
 * domain that nobody has heard of is its own next hop.
 */
bool	route_is_open(const struct conf_relay *relay);

/* True if both lead over the same kind of connection. */
bool	route_equal(const struct route *a, const struct route *b);

#endif
