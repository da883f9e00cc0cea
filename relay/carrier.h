/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * carrier: carries one dialogue: the client's connection, that to the next hop,
 * and the time.
 *
 * It knows sockets, TLS, names and clocks, and of SMTP only a 421.  A carrier
 * frees itself when its client is gone and nothing is left to be sent; whoever
 * has made it keeps nothing of it but the list (carrier_env) and its count.
 */
#ifndef XC_RELAY_CARRIER_H
#define XC_RELAY_CARRIER_H

#include <bsd/sys/queue.h>

#include "dialogue.h"
#include "relay_metrics.h"
#include "resolve.h"
#include "served.h"

struct carrier;
LIST_HEAD(carrier_list, carrier);

/* What all carriers share. */
struct carrier_env {
	struct event_base	*base;
	struct resolver		*resolver;
	struct dialogue_env	 dialogue;
	struct host_memory	*hosts;
	struct carrier_list	 all;
	unsigned		 n;
	void	(*report)(void *arg, const struct dialogue_report *report);
	/* A TLS handshake has come to its end; a session to its, before it had
	 * begun; a carrier is about to go. */
	void	(*tls)(void *arg, enum dialogue_side side, bool is_done);
	void	(*refused)(void *arg, enum relay_refusal why);
	/* counted NULL: no address was. */
	void	(*gone)(void *arg, const struct served_relay *relay,
		    const struct address *counted);
	/* Counts the client that the PROXY header of a peer names, as one who
	 * has connected himself is counted before.  False: there are too many
	 * of that address, or there is no memory; he is to be turned away. */
	bool	(*admit)(void *arg, const struct served_relay *relay,
		    const struct address *client, const struct address *peer);
	void	*arg;
	uint64_t	 epoch_ms;	/* of the monotonic clock's zero */
	uint64_t	 now_ms;	/* of the event at hand */
	char		*buf;		/* CARRIER_BUF_SIZE, for one read */
};

#define CARRIER_BUF_SIZE	(2U * 65536)

/* What ops the env's dialogues have. */
extern const struct dialogue_ops	carrier_ops;

/* Whether that peer has to send a PROXY header; its own address is not counted
 * then. */
bool	carrier_awaits_header(const struct served_relay *relay,
	    const struct address *peer);

/*
 * Serves a connection that was accepted; fd is the carrier's from now on.  peer
 * of AF_UNSPEC is one on a UNIX-domain socket.  False: out of memory; fd is
 * closed.
 */
bool	carrier_new(struct carrier_env *env, struct served *served,
	    const struct served_relay *relay, int fd,
	    const struct dialogue_peer *peer);

/* Tells all that we are about to stop. */
void	carrier_stop_all(struct carrier_env *env);
/* Ends all, at once. */
void	carrier_free_all(struct carrier_env *env);

#endif
