/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * server: the event loop's side of the two protocols: accepts connections of
 * allowed users, cuts what arrives into requests, and writes the answers.
 *
 * Requests are read into one buffer for all connections; a connection has
 * memory of its own only while a request or an answer of it is half done.  A
 * peer that does not read its answers is not read from either.
 */
#ifndef XC_POLICY_SERVER_H
#define XC_POLICY_SERVER_H

#include "conf/conf.h"
#include "ledger.h"
#include "metrics.h"

struct event_base;
struct server;

/* What is kept for the store, the log, metrics, /proc ... */
#define SERVER_SPARE_DESCRIPTORS	64

enum server_protocol { SERVER_POLICY, SERVER_SOCKETMAP };

/* The ledger, metrics and base must outlive the server; conf is referenced. */
struct server	*server_new(struct event_base *base, struct conf *conf,
		    struct ledger *ledger, struct metrics *metrics);
void		 server_free(struct server *server);

/* Serves a protocol on a listening, non-blocking descriptor, which becomes
 * the server's.  0, or -1: out of memory. */
int	server_listen(struct server *server, int fd,
	    enum server_protocol protocol);

void	server_set_conf(struct server *server, struct conf *conf);

/* Takes no new connections.  Those there are go on until server_free. */
void	server_stop_listening(struct server *server);

/* True if no request has come in part and no answer is waiting to go out. */
bool	server_is_idle(const struct server *server);

#endif
