/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * relay_server: the relays' listeners, and who may connect to them.
 *
 * It counts the connections of each relay, and of each address with a relay.
 * Where a PROXY header is due the address is the one that it names: until it
 * has come, the connection counts for no address.
 *
 * Known limit: a relay that is new in the configuration is served after a
 * restart only, for its socket has to be bound as root; one that is gone from
 * it closes what comes.
 */
#ifndef XC_RELAY_RELAY_SERVER_H
#define XC_RELAY_RELAY_SERVER_H

#include "relay_metrics.h"
#include "resolve.h"
#include "session/store.h"
#include "served.h"

struct event_base;
struct relay_server;

/* Binds the listener of each relay, in their order, as long as that may be done
 * (as root).  fds has room for conf->n_relays.  0, or -1 with err. */
int	relay_server_bind(const struct conf *conf, int *fds, struct err *err);

/*
 * Serves them from now on; the descriptors become the server's.  What is lent
 * must outlive it; served is referenced.  NULL with err: out of memory.
 */
struct relay_server	*relay_server_new(struct event_base *base,
			    struct served *served, const int *fds,
			    struct store *store, struct resolver *resolver,
			    struct relay_metrics *metrics, struct err *err);
void	relay_server_free(struct relay_server *server);

/* Sessions that begin from now on follow this configuration.  Relays keep
 * their sockets: a new relay, or another address of one, has to wait for a
 * restart; one that is gone accepts no more. */
void	relay_server_set_served(struct relay_server *server,
    struct served *served);

/* Accepts no more, and tells the clients. */
void	relay_server_stop(struct relay_server *server);
bool	relay_server_is_idle(const struct relay_server *server);

#endif
