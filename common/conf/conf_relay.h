/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_relay: what a "relay NAME { ... }" section of the configuration says.
 */
#ifndef XC_CONF_RELAY_H
#define XC_CONF_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "conf/nexthop.h"

struct table;

enum relay_tls { RELAY_TLS_NO, RELAY_TLS_MAY, RELAY_TLS_ENCRYPT };
enum relay_auth { RELAY_AUTH_NO, RELAY_AUTH_TLS, RELAY_AUTH_ALWAYS };
enum relay_verdict { RELAY_VERDICT_PASS, RELAY_VERDICT_IGNORE };
enum relay_newline { RELAY_NEWLINE_NORMALIZE, RELAY_NEWLINE_REJECT };

/* Texts are the configuration's.  Seconds where nothing else is said. */
struct conf_relay {
	char		*name;		/* also the listener's name in trust */
	unsigned	 line;		/* of the section */
	char		*listen;	/* "host:port", "unix:/path" */
	enum nexthop_protocol protocol;	/* spoken by the clients */
	char		*hostname;	/* "": this host's */
	char		*next_hop;	/* as written, and ... */
	unsigned	 next_hop_line;
	struct nexthop	 nexthop;	/* ... taken apart */
	struct table	**transport_maps;
	unsigned	 n_transport_maps;
	struct table	**binding_maps;
	unsigned	 n_binding_maps;
	unsigned	 binding_maps_line;
	char		*binding;	/* the default one; "": none */
	unsigned	 binding_line;
	struct address_net *proxy_nets;	/* whose peers have to send a PROXY
					 * header; all others must not */
	unsigned	 n_proxy_nets;
	unsigned	 proxy_protocol_timeout;	/* for that; 10 */
	bool		 proxy_protocol_out;
	bool		 hand_over;	/* through the store, to the milter */
	bool		 name_lookup;	/* look up peers' names */
	enum relay_tls	 tls;
	char		*tls_certificate, *tls_key, *tls_client_ca;
	enum relay_auth	 auth;
	enum relay_newline bare_newline;
	enum relay_verdict xclient_verdict; /* of a next hop, in answer to
					 * XCLIENT */
	unsigned	 errors_max;	/* of a client, until it has to go; 20; 0:
					 * any number */
	unsigned	 recipients_max;	/* of a message; 1000 */
	unsigned	 message_size_max;	/* octets, where no next hop
						 * says; 0: any number */
	unsigned	 hops_max;	/* of relays of ours on the way; 10 */
	unsigned	 connections;	/* 10000 */
	unsigned	 peer_connections;	/* from one address; 0: any
					 * number; 1000 */
	unsigned	 command_timeout;	/* for the next command; 300 */
	unsigned	 data_timeout;		/* for the next octets of a
						 * message; 180 */
	unsigned	 connect_timeout;	/* to a next hop, its greeting
						 * included; 30 */
	unsigned	 reply_timeout;		/* of the next hop; 300 */
	unsigned	 final_timeout;		/* for the reply to the end of a
						 * message; 600 */
	unsigned	 total_timeout;		/* of a session; 86400 */
};

#endif
