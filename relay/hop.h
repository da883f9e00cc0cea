/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * hop: one connection to one next hop.  It is set up (addresses, greeting,
 * number of hops, EHLO, TLS, XCLIENT), then it is asked, and completes each
 * question exactly once: answered, or lost.  Whatever ends the connection
 * completes all that is outstanding.
 *
 * It knows no client: who a message is from it asks its owner.  It knows no
 * socket and no clock either; what is to be done it asks of hop_ops.
 *
 * How often it connects is bounded here: what needs it once (a client's
 * command: hop_begin_round) is worth one round of the next hop's addresses, and
 * one attempt more for each thing that can be gone without: TLS, XCLIENT, and a
 * connection that has known somebody else.
 */
#ifndef XC_RELAY_HOP_H
#define XC_RELAY_HOP_H

#include <bsd/sys/queue.h>

#include "base/smtp_command.h"
#include "conf/conf_relay.h"
#include "conf/nexthop.h"
#include "conf/scope.h"
#include "identity.h"
#include "smtp/smtp_reply.h"

/* Where to connect to, and how. */
struct hop_target {
	struct nexthop		 nexthop;
	struct scope_source	 source;	/* addresses and TLS; tls is
						 * never SCOPE_TLS_UNSET */
	bool			 is_handed_over; /* the session is to be known by
						 * the socket's address before
						 * it connects */
	bool			 is_again;	/* the same host once more, in
						 * another way */
};

/* How far it is, in this order. */
enum hop_state {
	HOP_NONE,
	HOP_CONNECTING,
	HOP_GREETING,
	HOP_HOPS,		/* a relay is told how many there were */
	HOP_EHLO,
	HOP_HELO,		/* it has refused EHLO */
	HOP_STARTTLS,
	HOP_SECURING,
	HOP_XCLIENT,
	HOP_READY
};

/* What is told of it, for log and metrics. */
enum hop_event {
	HOP_EVENT_NONE,
	HOP_EVENT_READY,
	HOP_EVENT_FAILED,		/* text says why */
	HOP_EVENT_XCLIENT_SENT,
	HOP_EVENT_XCLIENT_NOT_OFFERED,
	HOP_EVENT_XCLIENT_REFUSED,	/* text is its reply */
	HOP_EVENT_XCLIENT_VERDICT,	/* likewise: the client is unwelcome */
	HOP_EVENT_XCLIENT_FAILED	/* the connection broke over it */
};

/* What is asked.  Whoever asks owns it again from its completion on. */
enum hop_kind {
	HOP_ASK,		/* a command with one reply */
	HOP_ASK_MAIL,		/* the first of a transaction */
	HOP_ASK_END		/* for the end of a message */
};

struct hop_question {
	STAILQ_ENTRY(hop_question) entry;
	enum hop_kind	 kind;
	unsigned	 left;		/* replies that are still due */
	char		*line;		/* to ask it again, elsewhere; NULL:
					 * that cannot be */
	bool		 is_unsent;	/* it is to be, behind the reply to the
					 * one before */
	bool		 ends_group;	/* nothing may follow it before its
					 * reply (RFC 2920, 3.1) */
};

/* Whose identity is asked for. */
enum hop_whose {
	HOP_OF_MESSAGE,
	HOP_OF_SESSION		/* without what was said for one message */
};


struct hop_ops {
	/* Outward.  None of these calls back. */
	void	 (*send)(void *arg, struct span bytes);
	void	 (*connect)(void *arg, const struct hop_target *target);
	/* To the next one of its addresses; false: there is none. */
	bool	 (*connect_next)(void *arg);
	bool	 (*has_next)(void *arg);
	void	 (*disconnect)(void *arg);
	void	 (*secure)(void *arg);
	bool	 (*hand_over)(void *arg);
	/* That its host has failed, and not for what a client chose, is known to
	 * all connections for a while: it is tried last. */
	void	 (*remember_failed)(void *arg);
	/* That its host takes XCLIENT, or refuses it, is remembered by whoever
	 * knows which host that is, for a while, for all connections.  A
	 * refusal is not, false, if it has taken one of late. */
	void	 (*remember_taken)(void *arg);
	bool	 (*remember_refusal)(void *arg);
	bool	 (*remembers_refusal)(void *arg);

	/* To its owner. */
	void	 (*report)(void *arg, enum hop_event event, const char *text,
		    const char *line);
	/* The commands that tell who the client is (identity_tell); whether
	 * they still would (identity_is_current); and the whole of it
	 * (identity_make). */
	enum identity_result (*tell)(void *arg, enum hop_whose whose,
		    const struct identity_terms *terms,
		    struct identity_lines *lines_r);
	bool	 (*is_current)(void *arg, const struct identity_lines *lines,
		    const struct identity_terms *terms);
	bool	 (*identity)(void *arg, struct assertion_set *set_r);
	/* By which name to greet; identity NULL: none is told.  NULL: any that
	 * it has been greeted by will do, and ours. */
	const char *(*name)(void *arg, const struct assertion_set *identity);
	/* Writes the header of the PROXY protocol; 0: it cannot be. */
	size_t	 (*proxy_header)(void *arg, const struct assertion_set *set,
		    char *buf, size_t size);
	/* Whether a reply can be one to that question. */
	bool	 (*is_possible)(void *arg, const struct hop_question *q,
		    const struct smtp_reply *reply);
	/* A reply.  False: there is more to come to the same question (334);
	 * true, and q->left is 0: it is complete. */
	bool	 (*answered)(void *arg, struct hop_question *q,
		    const struct smtp_reply *reply);
	/* The connection has ended, or could not be brought up again, before
	 * any further reply: q is complete. */
	void	 (*lost)(void *arg, struct hop_question *q, const char *why);
	/* A reply to nothing. */
	void	 (*unasked)(void *arg, const struct smtp_reply *reply);
	/* A connection that was ready is lost; told before what is outstanding
	 * is completed.  True: a transaction went with it. */
	bool	 (*broken)(void *arg, const char *why);
	/* What to ask this host that another one was asked by this line; NULL:
	 * it cannot be asked that.  The caller's. */
	char	*(*translate)(void *arg, const char *line);
	/* Whether what is outstanding is still of use. */
	bool	 (*may_repeat)(void *arg);
};

/* What is needed of a connection. */
struct hop_need {
	struct hop_target	 target;
	enum xclient_mode	 mode;
	enum xclient_dialect	 dialect;	/* AUTO: by what it announces */
	bool			 is_identified;	/* it has to know who the
						 * client is */
	unsigned		 hops;		/* relays up to here */
	bool			 is_elsewhere;	/* the connection that there is
						 * leads somewhere else */
};

enum hop_setup {
	HOP_IS_READY,
	HOP_WAITS,
	HOP_HAS_FAILED		/* hop_failure says what to say */
};

struct hop;

#define HOP_USER_LOST	"421 4.4.2 the next hop, which knew the user, was lost"

/* relay, hostname (to greet by) and now_ms (the time, as the owner goes on) are
 * referenced.  NULL: out of memory. */
struct hop	*hop_new(const struct hop_ops *ops, void *arg,
		    const struct conf_relay *relay, const char *hostname,
		    const uint64_t *now_ms);
/* Ends the connection; nothing outstanding is told any more. */
void		 hop_free(struct hop *hop);

/* Something needs it, or does no more: see above. */
void	hop_begin_round(struct hop *hop);
void	hop_end_round(struct hop *hop);

/* Brings it to where it is as needed; to be called again upon HOP_WAITS when
 * anything has happened. */
enum hop_setup	hop_ensure(struct hop *hop, const struct hop_need *need);

/* The reply ("451 4.4.1 ...\r\n") for what waited; public_r: so many octets of
 * it anybody may know.  NULL: there was no memory for it. */
const char	*hop_failure(const struct hop *hop, size_t *public_r);
void		 hop_forget_failure(struct hop *hop);
/* hop_ensure has failed, and would again without hop_forget_failure. */
bool		 hop_has_failure(const struct hop *hop);

/* Fails what is to be set up with a text of the owner's: "code text". */
void	hop_fail(struct hop *hop, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* What happens to the connection. */
void	hop_connected(struct hop *hop);
void	hop_secured(struct hop *hop);
size_t	hop_input(struct hop *hop, struct span bytes);
/* is_why_secret: why it was lost tells of hosts, and is not for everybody. */
void	hop_lost(struct hop *hop, const char *why, bool is_why_secret,
	    bool is_permanent);
/* It is over time. */
void	hop_late(struct hop *hop, const char *why);
bool	hop_is_late(const struct hop *hop);
/* What it says cannot be believed. */
void	hop_disbelieve(struct hop *hop, const char *why);
/* Ends it, without telling its owner; what is outstanding is lost. */
void	hop_drop(struct hop *hop);

enum hop_state	hop_state(const struct hop *hop);
static inline bool
hop_is_ready(const struct hop *hop)
{
	return hop_state(hop) == HOP_READY;
}
/* It is, and whatever it is asked now it takes for the present client's, as far
 * as it is told of clients. */
bool		 hop_is_identified(struct hop *hop);
const struct smtp_offer	*hop_offer(const struct hop *hop);
/* It is, and by a certificate that was verified it is who it should be. */
bool	hop_is_verified(const struct hop *hop);
void	hop_set_authenticated(struct hop *hop, bool is_authenticated);

/*
 * Asks: sends "VERB args", and completes q later.  q->kind, and q->left as the
 * number of replies, are the caller's.  is_repeatable: it may be asked again of
 * another host as long as MAIL has no answer.  hop_may_ask: it is ready, and
 * does not have to answer first.
 */
bool	hop_may_ask(const struct hop *hop);
void	hop_ask(struct hop *hop, struct hop_question *q, enum smtp_verb verb,
	    struct span args, bool is_repeatable);
/* The same for what has been sent already (the end of content). */
void	hop_await(struct hop *hop, struct hop_question *q);
/* Bytes of a message, or of an exchange. */
void	hop_send(struct hop *hop, struct span bytes);

unsigned	hop_n_due(const struct hop *hop);	/* replies */

/* Its time runs from now on, as when a reply has come. */
void		hop_touch(struct hop *hop);
uint64_t	hop_deadline(const struct hop *hop);

/* The first line of a reply with its code, or all its lines, one behind the
 * other, for messages; return buf. */
const char	*hop_reply_first(const struct smtp_reply *reply, char *buf,
		    size_t size);
const char	*hop_reply_all(const struct smtp_reply *reply, char *buf,
		    size_t size);
/* Written afresh, with CRLFs; NULL: out of memory. */
char		*hop_reply_format(const struct smtp_reply *reply);

#endif
