/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * What the files of the transaction share.  From the bottom up:
 * transaction_params.c (what its parameters need) and transaction_way.c (which
 * way it goes); transaction.c (MAIL, RCPT, DATA, BDAT, RSET),
 * transaction_content.c (octets) and transaction_reply.c (the next hop's
 * replies), which are one thing and call each other.
 */
#ifndef XC_RELAY_TRANSACTION_PRIVATE_H
#define XC_RELAY_TRANSACTION_PRIVATE_H

#include "dialogue_private.h"

/* Of a message, for the log. */
struct asked_message {
	uint64_t	 octets;
	struct address	 client;
	char		 sender[];
};

struct asked {
	struct hop_question	 q;	/* first */
	enum asked_kind		 kind;
	unsigned		 serial;	/* of the transaction */
	struct client_reply	*reply;	/* to be given; NULL: none */
	struct asked_message	*message;	/* of ASKED_END; or NULL */
};

#define TRANSACTION_TOO_LARGE	\
	"552 5.3.4 Message size exceeds fixed limit\r\n"

/* transaction.c */
/* The end of a transaction that has not begun, by no fault of the client's. */
void	transaction_turn_down(struct dialogue *d);
/* Whether the session's mail is refused by now: the whole reply, which the log
 * has been told. */
#define TRANSACTION_REPLY_SIZE	(VERDICT_REPLY_SIZE + 2)
bool	transaction_is_refused(struct dialogue *d,
	    char buf[TRANSACTION_REPLY_SIZE]);

/* transaction_way.c */
/* Says that there is none. */
void	transaction_way_refuse(struct dialogue *d, enum route_result result,
	    const struct err *err, struct client_reply *reply);
/* Whether MAIL has to wait for the first recipient: the next hop, or whether it
 * is told by XCLIENT, depends on him.  Not ROUTE_OK: it cannot be told. */
enum route_result	transaction_way_needs_recipient(struct dialogue *d,
			    bool *needs_r, struct err *err);
/* As transaction_way_ensure, for mail; while it takes, the command waits.
 * HOP_HAS_FAILED: what there is to say has been said. */
enum hop_setup	transaction_way_ensure_mail(struct dialogue *d,
		    struct span recipient, struct span domain,
		    struct client_reply *reply);

/* transaction_params.c */
/* What a next hop that offers this cannot do of what MAIL's parameters want,
 * and the client was promised (bits 1 << enum smtp_keyword): the reply, "code
 * text"; NULL: nothing.  What was not promised is between the two. */
const char	*transaction_params_lack(const struct smtp_offer *offer,
		    unsigned promised, struct span params);
/* REQUIRETLS (RFC 8689): such mail goes over TLS, or not at all. */
bool		 transaction_params_require_tls(struct span params);
/* SIZE; false: it was not said. */
bool		 transaction_params_size(struct span params, uint64_t *size_r);
/* Its announced limit for a message; 0: none. */
uint64_t	transaction_params_size_announced(
		    const struct smtp_offer *offer);
/* That, or the relay's own; 0: none. */
uint64_t	transaction_params_size_limit(const struct smtp_offer *offer,
		    const struct conf_relay *relay);
/* An argument of MAIL or RCPT, of which params are the end, without those that
 * such a next hop does not know and mail can do without.  NULL: out of memory.
 * The caller's. */
char		*transaction_params_strip(const struct smtp_offer *offer,
		    unsigned promised, struct span args,
		    struct span params);

/* transaction_content.c */
/* Octets are next: of DATA, or of a chunk.  reply: to the chunk, if it goes
 * nowhere (transaction_content_discard). */
void	transaction_content_begin(struct dialogue *d);
void	transaction_content_begin_chunk(struct dialogue *d, uint64_t size,
	    bool is_last, struct client_reply *reply);
/* How many replies the end of a message has. */
unsigned	transaction_content_end_replies(const struct dialogue *d);

/* transaction_reply.c */
/* Awaits the reply to the end of a message, n of them, or to a chunk, which was,
 * or will be, sent. */
void	transaction_reply_await_chunk(struct dialogue *d,
	    struct client_reply *reply);
void	transaction_reply_await_end(struct dialogue *d,
	    struct client_reply *reply, unsigned n, uint64_t octets);

#endif
