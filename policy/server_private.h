/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * What server.c (listeners, who may connect), conn.c (bytes in and out) and
 * answer.c (requests and their answers) share.
 */
#ifndef XC_POLICY_SERVER_PRIVATE_H
#define XC_POLICY_SERVER_PRIVATE_H

#include <bsd/sys/queue.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "server.h"
#include "socketmap.h"
#include "turn.h"

#define READ_SIZE	65536	/* one read, at most */
#define REPLY_SIZE	(SOCKETMAP_TEXT_MAX + 64)	/* one answer */
#define WRITE_SIZE	65536	/* answers collected for one write */
#define LISTENERS_MAX	8

struct conn {
	LIST_ENTRY(conn)	 entry;
	struct event		 event;
	struct server		*server;
	struct ledger_proc	*proc;		/* NULL: not to be told ... */
	const char		*why;		/* ... for that reason */
	enum server_protocol	 protocol;
	unsigned		 stream;	/* of proc's, for lookups */
	bool			 is_writing;	/* waiting to write */
	char			*in;		/* a request's beginning */
	size_t			 in_len;
	char			*out;		/* an answer's rest */
	size_t			 out_len;
};

struct listener {
	struct server		*server;
	struct acceptor		*acceptor;
	enum server_protocol	 protocol;
};

struct server {
	struct event_base	*base;
	struct conf		*conf;
	struct ledger		*ledger;
	struct metrics		*metrics;
	LIST_HEAD(, conn)	 conns;
	unsigned		 n_conns;
	unsigned		 conns_max;
	struct listener		 listeners[LISTENERS_MAX];
	unsigned		 n_listeners;
	const char		*said_why;	/* of the last complaint */
	struct turn		 turn;
	struct ledger_reply	 reply;
	size_t			 out_len;	/* used of out */
	char			 out[WRITE_SIZE];
	char			 in[2 * READ_SIZE];
};

/* Why a connection ends. */
enum end {
	END_PEER,	/* the peer closed it: no session is in progress */
	END_OURS	/* we close it: the peer will come back */
};

/*
 * Cuts the next request off the front of buf and puts its answer into the
 * server's buffer.  ANSWER_LAST: as ANSWER_DONE, but the connection must end
 * behind it, for it cannot be told whose it is: the next one may be better.
 * ANSWER_BAD: the connection must end; the log says why.
 */
enum answer_result { ANSWER_DONE, ANSWER_LAST, ANSWER_MORE, ANSWER_BAD };
enum answer_result	answer_next(struct conn *conn, struct span buf,
			    size_t *used_r);

/*
 * Serves the descriptor from now on; the connection owns it then.  proc, a
 * reference, likewise; NULL: what needs a session is answered "cannot tell",
 * with why, which must last.  NULL: out of memory, both stay the caller's.
 */
struct conn	*conn_new(struct server *server, int fd,
		    enum server_protocol protocol, struct ledger_proc *proc,
		    const char *why);
void		 conn_close(struct conn *conn, enum end why);

#endif
