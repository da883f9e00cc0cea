/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * relay_metrics: counts what the relay did, and tells Prometheus over HTTP.
 *
 * Counting costs an addition.  Nothing is locked: it is for one thread.
 */
#ifndef XC_RELAY_RELAY_METRICS_H
#define XC_RELAY_RELAY_METRICS_H

#include "base/err.h"
#include "base/smtp_command.h"
#include "conf/scope.h"
#include "daemon/metrics_http.h"
#include "trust/trust.h"

/* Why a connection was not served. */
enum relay_refusal {
	RELAY_REFUSED_CONNECTIONS,	/* there are too many */
	RELAY_REFUSED_PEER_CONNECTIONS,	/* ... from that address */
	RELAY_REFUSED_PROXY_HEADER,	/* it is missing, late, or none */
	RELAY_REFUSED_PEER,		/* trust cannot tell, or wants it so */
	RELAY_REFUSED_RESOURCES		/* memory, descriptors */
};
#define RELAY_REFUSAL_COUNT	(RELAY_REFUSED_RESOURCES + 1)

/* What became of XCLIENT where a binding or domain wants it. */
enum relay_xclient {
	RELAY_XCLIENT_SENT,		/* and accepted */
	RELAY_XCLIENT_NOT_OFFERED,
	RELAY_XCLIENT_REFUSED,		/* the next hop said so */
	RELAY_XCLIENT_FAILED,		/* the connection broke */
	RELAY_XCLIENT_VERDICT		/* the greeting behind it refused the
					 * client */
};
#define RELAY_XCLIENT_COUNT	(RELAY_XCLIENT_VERDICT + 1)

/* Why there is no connection to a next hop. */
enum relay_hop_failure {
	RELAY_HOP_CONNECT,		/* lookup of its addresses included */
	RELAY_HOP_TIMEOUT,
	RELAY_HOP_TLS,
	RELAY_HOP_GREETING		/* none, or it refused */
};
#define RELAY_HOP_FAILURE_COUNT	(RELAY_HOP_GREETING + 1)

enum relay_side { RELAY_INBOUND, RELAY_OUTBOUND };

struct event_base;
struct relay_metrics;

/* NULL: out of memory. */
struct relay_metrics	*relay_metrics_new(void);
void			 relay_metrics_free(struct relay_metrics *m);

/* A connection is served from now on; this one is over.  One that is refused
 * is counted only as that. */
void	relay_metrics_begin(struct relay_metrics *m);
void	relay_metrics_end(struct relay_metrics *m);
void	relay_metrics_refuse(struct relay_metrics *m, enum relay_refusal why);

/* A client's command, whatever came of it. */
void	relay_metrics_command(struct relay_metrics *m, enum smtp_verb verb);

/* The final reply to a message (with LMTP: to each of its recipients); code 0:
 * none came, so nobody knows. */
void	relay_metrics_message(struct relay_metrics *m, unsigned code);

/* So many octets of messages' content went to a next hop. */
void	relay_metrics_content(struct relay_metrics *m, size_t n);

/* mode: XCLIENT_IFAVAILABLE or XCLIENT_REQUIRED; others are not counted. */
void	relay_metrics_xclient(struct relay_metrics *m,
	    enum xclient_mode mode, enum relay_xclient result);

void	relay_metrics_hop_failure(struct relay_metrics *m,
	    enum relay_hop_failure why);

/* A handshake came to its end. */
void	relay_metrics_tls(struct relay_metrics *m, enum relay_side side,
	    bool is_done);

/* A decision about a client's X command; profile NULL: none was known. */
void	relay_metrics_decision(struct relay_metrics *m, const char *profile,
	    const char *command, const struct verdict *verdict);

/* The page, for whoever wants it: a metrics_http_fn; arg is the metrics. */
void	relay_metrics_print(struct evbuffer *out, void *arg);

/* Answers GET /metrics on "host:port" in that event loop, see metrics_http.h;
 * once.  where "" does nothing. */
enum metrics_http_result	relay_metrics_serve(struct relay_metrics *m,
				    struct event_base *base,
				    const char *where, struct err *err);

#endif
