/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * transaction: one mail, from MAIL to its end: which commands of it go on, to
 * whom, and what each is owed.  What the rest of the dialogue asks of it; what
 * its files share stands in transaction_private.h.
 */
#ifndef XC_RELAY_TRANSACTION_H
#define XC_RELAY_TRANSACTION_H

#include "client.h"
#include "hop.h"
#include "session/route.h"
#include "smtp_content.h"

struct dialogue;

/* What the reply to a question is for. */
enum asked_kind {
	ASKED_PASS,		/* it is the client's */
	ASKED_MAIL,
	ASKED_OWN_MAIL,		/* a MAIL that we have answered before */
	ASKED_RCPT,
	ASKED_DATA,
	ASKED_END,		/* of a message: one, or with LMTP one for each
				 * recipient */
	ASKED_CHUNK,
	ASKED_AUTH,
	ASKED_QUIT,
	ASKED_RSET		/* of ours: nobody's */
};

/* One mail transaction, from MAIL to its end. */
struct transaction {
	bool		 is_open;
	bool		 is_sent;	/* the next hop knows of MAIL */
	bool		 is_failed;	/* the next hop was lost in it */
	bool		 is_void;	/* ... before MAIL had its reply */
	bool		 is_turned_down;	/* its MAIL, or a recipient, by the
					 * next hop or for want of one: what
					 * the client has sent with it is no
					 * error of its own */
	const char	*spoilt;	/* a chunk of it was refused here: the
					 * reply to others; NULL: none was */
	char		*mail;		/* MAIL's argument */
	struct span	 sender;	/* in it */
	struct span	 params;	/* in it */
	char		*refusal;	/* reply to our own MAIL; NULL: none */
	unsigned	 n_rcpt;	/* sent on, and not refused */
	unsigned	 n_accepted;
	unsigned	 n_unanswered;	/* of n_rcpt */
	uint64_t	 chunked;	/* octets that BDATs have announced */
	bool		 is_chunked;	/* BDAT has begun */
};

/* A message's octets, while they come. */
struct content {
	bool			 is_chunk;	/* of BDAT; else of DATA */
	bool			 is_last;	/* chunk */
	bool			 is_refused;	/* its last octets wait, to go
						 * nowhere */
	uint64_t		 left;		/* of the chunk */
	struct smtp_content	 parser;	/* of DATA */
	uint64_t		 octets;	/* of this message */
	uint64_t		 part_octets;	/* octets, and when, at the
						 * beginning of its content, or of
						 * this chunk */
	uint64_t		 part_since_ms;
	struct client_reply	*reply;		/* to this chunk, if nobody is
						 * asked */
	char			*early;		/* what is to be said at the end
						 * of what goes nowhere; "": it
						 * has been */
	bool			 is_for_one;	/* it is what the next hop said:
						 * of the first recipient, and
						 * of others nothing is known */
};

/* transaction.c */
/* The end of a transaction, and of what was forwarded for it. */
void	transaction_reset(struct dialogue *d);
/* The same, and another client has been named: what was refused of an XFORWARD
 * was for nobody's message. */
void	transaction_start_over(struct dialogue *d);
/* The end of a transaction, of which transaction_end_stale tells the next
 * hop. */
void	transaction_abandon(struct dialogue *d);
/* Ends what the next hop has of a transaction that is over here, if it can be
 * asked now: to be called before it is told who the client is, for it does not
 * take that within one. */
void	transaction_end_stale(struct dialogue *d);
enum client_take	transaction_mail(struct dialogue *d, struct span args,
			    struct client_reply *reply, bool is_again);
enum client_take	transaction_rcpt(struct dialogue *d, struct span args,
			    struct client_reply *reply);
enum client_take	transaction_data(struct dialogue *d, struct span args,
			    struct client_reply *reply);
enum client_take	transaction_bdat(struct dialogue *d, struct span args,
			    struct client_reply *reply);
enum client_take	transaction_rset(struct dialogue *d,
			    struct client_reply *reply);
/* What to ask this host that another was asked (hop_ops). */
char	*transaction_translate(void *arg, const char *line);
/* Whether what is outstanding is of a transaction that goes on (hop_ops). */
bool	transaction_may_repeat(void *arg);

/* transaction_way.c: which way a message goes; recipient and domain are empty
 * while there is none. */
enum route_result	transaction_way_find(struct dialogue *d,
			    struct span recipient, struct span domain,
			    struct route *route_r, struct err *err);
/* Brings up the next hop of that route, and, with is_identified, tells it who
 * the client is.  HOP_HAS_FAILED: transaction_way_say_failure says it. */
enum hop_setup	transaction_way_ensure(struct dialogue *d,
		    const struct route *route, bool is_identified);
/* The same, where all mail has one next hop, of the route of a message for
 * nobody in particular, as it is now. */
enum hop_setup	transaction_way_ensure_fixed(struct dialogue *d,
		    bool is_identified);
void	transaction_way_say_failure(struct dialogue *d,
	    struct client_reply *reply);

/* transaction_content.c */
size_t	transaction_content_input(struct dialogue *d, struct span bytes);
/* The content goes nowhere any more; at its end this is said. */
void	transaction_content_discard(struct dialogue *d, const char *text);
/* The client has all its time again. */
void	transaction_content_touch(struct dialogue *d);
/* The time in which octets have to come, of the client. */
uint64_t	transaction_content_deadline(const struct dialogue *d);
/* It is not taken for want of room at the next hop. */
bool	transaction_content_is_held_up(const struct dialogue *d);
/* How many replies to the chunk that is still coming may be awaited. */
unsigned	transaction_content_chunk_replies(const struct dialogue *d);

/* transaction_reply.c */
/* Asks the next hop for the client; reply NULL: nobody is to be told. */
void	transaction_reply_ask(struct dialogue *d, enum asked_kind kind,
	    struct client_reply *reply, enum smtp_verb verb,
	    struct span args);
/* What a hop tells (hop_ops). */
bool	transaction_reply_is_possible(void *arg, const struct hop_question *q,
	    const struct smtp_reply *reply);
bool	transaction_reply_answered(void *arg, struct hop_question *q,
	    const struct smtp_reply *reply);
void	transaction_reply_lost(void *arg, struct hop_question *q,
	    const char *why);
void	transaction_reply_unasked(void *arg, const struct smtp_reply *reply);

#endif
