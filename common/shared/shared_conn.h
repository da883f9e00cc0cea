/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * shared_conn: one connection to an engine (Redis, Valkey), and what is asked
 * over it, in order.
 *
 * It is set up by steps (connect, TLS, AUTH, SELECT, ROLE), which all end here
 * or in the connection's end.  Questions are not held back for each other's
 * answers.  Each is completed exactly once, by a call from the event loop: none
 * of these functions calls back.  An answer that comes too late is taken off
 * the wire in its place, so that none is ever taken for another's.  Whatever
 * ends the connection completes all that are left; a connection that is over
 * stays so.
 */
#ifndef XC_SHARED_CONN_H
#define XC_SHARED_CONN_H

#include <sys/socket.h>

#include <openssl/types.h>

#include "base/err.h"
#include "shared/resp.h"

#define SHARED_CONN_QUESTIONS_MAX	1024	/* that have no answer yet, late
						 * ones among them */
#define SHARED_CONN_PENDING_MAX	(1024 * 1024)	/* bytes not yet sent */

struct event_base;
struct shared_conn;

enum shared_result {
	SHARED_ANSWERED,	/* there is a reply, which may be an error */
	SHARED_LATE,		/* none in time: it may have been done */
	SHARED_LOST		/* the connection has ended: it may have been
				 * done */
};

struct shared_answer {
	enum shared_result	 result;
	const struct resp	*reply;	/* with ANSWERED; else NULL.  Lives as
					 * long as the call */
	const char		*why;	/* "" with ANSWERED; may be hostile */
};

typedef void	shared_answer_fn(void *arg,
		    const struct shared_answer *answer);

struct shared_conn_options {
	unsigned	 deadline_ms;	/* for each answer */
	unsigned	 setup_ms;	/* for all steps together */
	SSL_CTX		*tls;		/* the owner's; NULL: none */
	const char	*tls_name;	/* that the certificate has to have */
	const char	*user;		/* "": the default one */
	const char	*password;	/* "": no AUTH */
	unsigned	 database;
	bool		 is_sentinel;	/* it has no AUTH, databases or role */
};

enum shared_conn_event {
	SHARED_CONN_READY,	/* it can be asked */
	SHARED_CONN_OVER	/* told last of all; shared_conn_why says why */
};
/* The connection may be freed by it. */
typedef void	shared_conn_fn(void *arg, enum shared_conn_event event);

/*
 * Begins to connect.  What options points at outlives the connection.  NULL
 * with err: no socket, or no memory.
 */
struct shared_conn	*shared_conn_new(struct event_base *base,
			    const struct shared_conn_options *options,
			    const struct sockaddr *addr, socklen_t len,
			    shared_conn_fn *fn, void *arg, struct err *err);
/* Ends it at once; what was asked is completed no more.  It may be called by a
 * completion.  NULL is allowed. */
void			 shared_conn_free(struct shared_conn *conn);

/* Asks argc words.  False: it is not asked, as the connection is not READY, too
 * much is under way, or there is no memory. */
bool	shared_conn_ask(struct shared_conn *conn, int argc,
	    const struct span *argv, shared_answer_fn *fn, void *arg);

/* Ends it from the loop, for that reason, as if the engine had. */
void	shared_conn_end(struct shared_conn *conn, const char *why);

/* "AUTH: WRONGPASS ..."; may be hostile. */
const char	*shared_conn_why(const struct shared_conn *conn);

#endif
