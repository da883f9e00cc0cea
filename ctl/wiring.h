/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * wiring: the settings by which a smtpd asks xcontext, as xcontext-policy(8)
 * and etc/wiring-*.cf have them.
 */
#ifndef XC_CTL_WIRING_H
#define XC_CTL_WIRING_H

#include <stdbool.h>

#include "pool.h"

enum wiring_kind { WIRING_A, WIRING_B };

/* What is not the same on each host; all are as Postfix writes them. */
struct wiring {
	enum wiring_kind kind;
	const char	*maps;		/* "unix:xcontext/maps" */
	const char	*policy, *milter;
	const char	*messengers;	/* their network, of wiring B */
	const char	*other_milters;	/* that are kept, or "" */
	const char	*restrictions;	/* of clients, that are kept, or "" */
	bool		 must_delay;	/* smtpd_delay_reject is not "yes" */
};

enum wiring_setting {
	WIRING_XCLIENT, WIRING_XFORWARD, WIRING_FILTER, WIRING_MILTER_MAPS,
	WIRING_MILTERS, WIRING_RESTRICTIONS, WIRING_DELAY
};
#define WIRING_SETTINGS	7

/* Its name in main.cf. */
const char	*wiring_name(enum wiring_setting setting);

/* Its value, in as many lines as it is to have, all but the first indented;
 * NULL: it needs none. */
const char	*wiring_value(struct pool *pool, const struct wiring *wiring,
		    enum wiring_setting setting);

/* True if the two are the same but for white space. */
bool	wiring_same(const char *a, const char *b);

/*
 * What of a command filter is ours, whatever the sockets are called: that of
 * A, of B, or another.
 */
enum wiring_filter { WIRING_FILTER_NONE, WIRING_FILTER_OTHER,
	WIRING_FILTER_A, WIRING_FILTER_B };
enum wiring_filter	wiring_filter_of(struct pool *pool,
			    const char *value, const char *maps);

/*
 * Finds MAP of "socketmap:MAPS:MAP" in a list of tables; *listener_r is what
 * stands behind the dot, "" if nothing does, in the pool.  False: it is not
 * there.
 */
bool	wiring_has_map(struct pool *pool, const char *value, const char *maps,
	    const char *map, const char **listener_r);

/*
 * The next element of a list, between commas and blanks; what is in braces is
 * one.  False: there is none.
 */
bool	wiring_next(const char **list, struct span *element_r);

/* What an element "{ X, ... }" is about, X; or the element itself. */
struct span	wiring_inner(struct span element);

/* A list of milters without that one; of restrictions without the policy
 * service, with its "check_policy_service". */
const char	*wiring_without_milter(struct pool *pool, const char *list,
		    const char *milter);
const char	*wiring_without_policy(struct pool *pool, const char *list,
		    const char *policy);

/* The header_checks that belong to both, of that header. */
const char	*wiring_header_checks(struct pool *pool, const char *header);

/* The network of messengers that wiring B has in its list, in the pool; NULL:
 * there is none. */
const char	*wiring_messengers_of(struct pool *pool, const char *value);

#endif
