/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * shared: the client of the engine (Redis, Valkey) that several hosts share.
 *
 * It finds the master by itself, among the addresses that it was given or by
 * asking sentinels, connects again when that is lost, ever less often, and
 * stops asking one that does not answer: behind so many late answers in a row
 * it waits, connects anew, and one question then decides whether there are
 * more.
 *
 * Nothing here waits: a question that cannot be asked now is refused at once.
 */
#ifndef XC_SHARED_H
#define XC_SHARED_H

#include "conf/shared_url.h"
#include "shared/shared_conn.h"

#define SHARED_MISSES_MAX	5	/* late answers in a row */
#define SHARED_SETUP_DEADLINES	10	/* for a connection's steps together */

struct shared;

struct shared_options {
	const struct shared_url	*url;
	unsigned	 deadline_ms;
	const char	*password_file;	/* "": no password */
	const char	*tls_ca_file;	/* "": the system's */
	const char	*tls_certificate, *tls_key;	/* "": none */
};

enum shared_state {
	SHARED_READY,		/* it can be asked */
	SHARED_AWAY		/* the connection is lost, or nowhere could one
				 * be made; shared_why says why.  It tries again
				 * by itself */
};
/* Told from the loop; the client may be freed by it. */
typedef void	shared_fn(void *arg, enum shared_state state);

/*
 * Reads the files, and begins to connect.  What options points at outlives the
 * client.  NULL with err: a file cannot be read, is no such thing, or others
 * may read the password.
 */
struct shared	*shared_new(struct event_base *base,
		    const struct shared_options *options, shared_fn *fn,
		    void *arg, struct err *err);
/* What was asked is completed no more.  NULL is allowed. */
void		 shared_free(struct shared *shared);

/*
 * Asks argc words.  False: it is not asked (shared_why).  An error in answer
 * that says that the master is one no more ends the connection.
 */
bool	shared_ask(struct shared *shared, int argc, const struct span *argv,
	    shared_answer_fn *fn, void *arg);

/* Why it is AWAY, or why a question was refused; may be hostile. */
const char	*shared_why(const struct shared *shared);
/* Where it is connected to, or tries to: "[192.0.2.1]:6379", a path. */
const char	*shared_where(const struct shared *shared);

#endif
