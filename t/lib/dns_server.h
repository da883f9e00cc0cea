/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dns_server: a name server for a test, on a loopback port, in the test's own
 * event loop.
 *
 * Its zone is a list of records, data as text.  A name without records is an
 * NXDOMAIN, one without records of the type asked for has no data.  A record
 * of type DNS_RCODE answers with that code for the type in its data's second
 * word (or for any type), DNS_SILENT not at all, DNS_CUT with half an answer.
 * DNS_TCP says over UDP that the answer does not fit.
 */
#ifndef XC_T_DNS_SERVER_H
#define XC_T_DNS_SERVER_H

#include <stdbool.h>

#include <event2/event.h>

#define DNS_CONNS_MAX	64

enum dns_type {
	DNS_A = 1, DNS_CNAME = 5, DNS_PTR = 12, DNS_MX = 15, DNS_AAAA = 28,
	DNS_RCODE = 1000, DNS_SILENT, DNS_CUT, DNS_TCP
};

struct dns_record {
	const char	*name;
	enum dns_type	 type;
	const char	*data;
};

struct dns_server {
	struct event		*event;		/* UDP */
	struct event		*listener;	/* TCP */
	struct event		*conns[DNS_CONNS_MAX];
	unsigned		 n_conns;
	bool			 is_tcp;	/* the question at hand */
	char			 address[32];	/* "127.0.0.1:port" */
	const struct dns_record	*zone;		/* ends with a NULL name */
	unsigned		 n_questions;
};

/* Aborts the test if it cannot be opened. */
void	 dns_server_open(struct dns_server *server, struct event_base *base,
		    const struct dns_record *zone);
void	 dns_server_close(struct dns_server *server);

#endif
