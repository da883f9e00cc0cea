/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_listener: where a Postfix listens, and where it could.
 *
 * Private to setup*.c.
 */
#ifndef XC_CTL_SETUP_LISTENER_H
#define XC_CTL_SETUP_LISTENER_H

#include "base/address.h"
#include "setup.h"
#include "wiring.h"

/* The first entry that serves port 25; NULL: there is none. */
const struct postfix_service	*setup_listener_base(struct setup *setup);

/* True for an entry of a smtpd that mail for port 25 comes to. */
bool	setup_listener_is_port_25(struct setup *setup,
	    const struct postfix_service *service);

/*
 * The name, "127.0.0.1:10025", of wiring A's listener: what the options say,
 * or the one that is there, or a free one.  Exits if it cannot be had.
 */
const char	*setup_listener_find(struct setup *setup,
		    const struct wiring *wiring);

/* Host and port of an entry's name; the host is "" where it has none, and has
 * no brackets.  Of "pass" and "unix" the port is 0. */
const char	*setup_listener_host(struct setup *setup,
		    const struct postfix_service *service);
unsigned	 setup_listener_port(struct setup *setup,
		    const struct postfix_service *service);

/*
 * A free place: at the address of --bind, or else 127.0.0.1, and the port of
 * --port, or else the first free one from that on.  Exits if it cannot be had,
 * or if the Internet can reach it and that is not said to be right; what is a
 * few words for who may be there.
 */
const char	*setup_listener_place(struct setup *setup, unsigned port,
		    const char *what, struct address *addr_r);

/* The address and, with them, the port as entries and settings have them:
 * "127.0.0.1:25", "[::1]:25", "25". */
const char	*setup_listener_name(struct setup *setup,
		    const struct address *addr, unsigned port);

/* True if the Internet can reach that host of an entry, "" being any that
 * inet_interfaces names. */
bool	setup_listener_is_public(const struct setup *setup,
	    const struct postfix_service *service, const char *host);

#endif
