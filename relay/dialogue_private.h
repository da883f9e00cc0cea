/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * What joins the client's half (client.h) and the next hop's (hop.h).
 *
 * From the bottom up: dialogue_report.c (what is told of it all),
 * dialogue_verdict.c (what is said of a verdict), dialogue_identity.c (who the
 * client is), transaction_way.c (which way a message goes),
 * transaction_params.c (what its parameters need); transaction.c (MAIL, RCPT,
 * DATA, BDAT, RSET), transaction_content.c (octets) and transaction_reply.c
 * (the next hop's replies), which are one thing and call each other;
 * dialogue_xcommand.c (X commands), dialogue_greeting.c and dialogue_command.c
 * (which command is whose), dialogue.c (life and time).
 */
#ifndef XC_RELAY_DIALOGUE_PRIVATE_H
#define XC_RELAY_DIALOGUE_PRIVATE_H

#include "client.h"
#include "dialogue.h"
#include "hop.h"
#include "identity.h"
#include "session/context_view.h"
#include "session/verdict_reply.h"
#include "smtp_content.h"

#define LINE_SIZE	1024	/* of a reply of ours */

#define GREETING_MARK	"xcontext-relay"
#define HOPS_PAIR	"hops"

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

/* One mail transaction, from MAIL to its end. */
struct transaction {
	bool		 is_open;
	bool		 is_sent;	/* the next hop knows of MAIL */
	bool		 is_failed;	/* the next hop was lost in it */
	bool		 is_too_large;	/* a chunk of it was refused here */
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
};

struct dialogue {
	const struct dialogue_env	*env;
	void				*arg;
	struct conf			*conf;
	const struct conf_relay		*relay;
	char				*hostname;
	struct session_life		*life;
	struct dialogue_peer		 peer;
	char				*peer_name;
	uint64_t			 now_ms;
	uint64_t			 begun_ms;

	struct client			*client;
	struct hop			*hop;
	struct route			 route;		/* of the hop */
	bool				 is_broken;	/* it was lost, and what
							 * follows from that has
							 * not been done */

	bool				 is_stale;	/* the hop has a transaction that
							 * is over here */
	bool				 is_unwanted;	/* a connection is needed
							 * for a client that has
							 * left */
	bool				 is_stopping;
	bool				 is_esmtp;
	bool				 is_secured;
	bool				 is_authenticated;
	unsigned			 hops;	/* relays that the client
						 * came through */
	char				*helo;	/* NULL: not greeted */
	char				*greeted;	/* the whole command,
						 * as it was typed */
	const struct client_reply	*greeting; /* the one that is being
						 * answered; NULL: none */
	unsigned			 promised; /* in answer to it: 1 << enum
						 * smtp_keyword */

	struct assertion_set		*xforward;	/* of this message, or
							 * NULL */
	struct verdict			*unforwarded;	/* an XFORWARD for this
							 * message was refused;
							 * NULL: none */
	struct transaction		 tx;
	unsigned			 serial;	/* of the transaction */
	unsigned			 refused;	/* of the last one whose MAIL
							 * was refused */
	unsigned			 accepted;	/* of the last one of which a
							 * recipient was accepted */
	unsigned			 n_accepted;	/* ... and how many; replies
							 * come in order */
	struct content			 content;
};

/* What the peer may do; NULL: it is not known. */
static inline const struct trust_profile *
dialogue_profile(const struct dialogue *d)
{
	return session_life_profile(d->life);
}

/* dialogue_report.c */
void	dialogue_report(struct dialogue *d, enum dialogue_event event,
	    unsigned code, const char *text);
/* For the rest of struct dialogue_report. */
void	dialogue_report_more(struct dialogue *d,
    struct dialogue_report *report);

/* dialogue_verdict.c: says it, and ends if it has to. */
void	dialogue_verdict_say(struct dialogue *d, struct client_reply *reply,
	    const struct verdict_reply *how, const char *text);
void	dialogue_verdict_cannot_tell(struct dialogue *d,
	    struct client_reply *reply, enum verdict_reply_to to);
/* The session as others may see it: with the client that an XFORWARD names.  It
 * is copy, which borrows all its texts, or the session itself. */
const struct session	*dialogue_shown(const struct dialogue *d,
			    struct session *copy);
/* Replaces a text.  False: out of memory; *field is then NULL. */
bool	dialogue_set_text(char **field, struct span text);

/* dialogue_identity.c: what a hop asks (hop_ops). */
enum identity_result	dialogue_tell(void *arg, enum hop_whose whose,
			    const struct identity_terms *terms,
			    struct identity_lines *lines_r);
bool	dialogue_is_current(void *arg, const struct identity_lines *lines,
	    const struct identity_terms *terms);
bool	dialogue_identity(void *arg, struct assertion_set *set_r);
const char	*dialogue_name(void *arg, const struct assertion_set *identity);
size_t	dialogue_proxy_header(void *arg, const struct assertion_set *set,
	    char *buf, size_t size);
/* The session's and the message's pairs, as they are now. */
void	dialogue_views(const struct dialogue *d,
	    struct context_view views_r[2]);

/* transaction_way.c: which way a message goes; recipient and domain are empty
 * while there is none. */
enum route_result	transaction_way_find(struct dialogue *d,
    struct span recipient,
			    struct span domain, struct route *route_r,
			    struct err *err);
/* Says that there is none. */
void	transaction_way_refuse(struct dialogue *d, enum route_result result,
	    const struct err *err, struct client_reply *reply);
/* Whether MAIL has to wait for the first recipient: the next hop, or whether it
 * is told by XCLIENT, depends on him. */
bool	transaction_way_needs_recipient(struct dialogue *d);
/* Brings up the next hop of that route, and, with is_identified, tells it who
 * the client is.  HOP_HAS_FAILED: way_say_failure says it. */
enum hop_setup	transaction_way_ensure(struct dialogue *d,
    const struct route *route,
		    bool is_identified);
/* The same for mail; while it takes, the command waits.  HOP_HAS_FAILED: what
 * there is to say has been said. */
enum hop_setup	transaction_way_ensure_mail(struct dialogue *d,
    struct span recipient,
		    struct span domain, struct client_reply *reply);
void	transaction_way_say_failure(struct dialogue *d,
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
size_t	transaction_content_input(struct dialogue *d, struct span bytes);
/* The content goes nowhere any more; at its end this is said. */
void	transaction_content_discard(struct dialogue *d, const char *text);
/* Octets are next: of DATA, or of a chunk.  reply: to the chunk, if it goes
 * nowhere (content_discard). */
void	transaction_content_begin(struct dialogue *d);
void	transaction_content_begin_chunk(struct dialogue *d, uint64_t size,
    bool is_last,
	    struct client_reply *reply);
/* The client has all its time again. */
void	transaction_content_touch(struct dialogue *d);
/* The time in which octets have to come, of the client. */
uint64_t	transaction_content_deadline(const struct dialogue *d);
/* It is not taken for want of room at the next hop. */
bool	transaction_content_is_held_up(const struct dialogue *d);
/* How many replies to the chunk that is still coming may be awaited. */
unsigned	transaction_content_chunk_replies(const struct dialogue *d);
/* How many replies the end of a message has. */
unsigned	transaction_content_end_replies(const struct dialogue *d);

/* transaction_reply.c */
/* Asks the next hop for the client; reply NULL: nobody is to be told. */
void	transaction_reply_ask(struct dialogue *d, enum asked_kind kind,
	    struct client_reply *reply, enum smtp_verb verb,
	    struct span args);
/* Awaits the reply to the end of a message, n of them, or to a chunk, which was,
 * or will be, sent. */
void	transaction_reply_await_chunk(struct dialogue *d,
    struct client_reply *reply);
void	transaction_reply_await_end(struct dialogue *d,
    struct client_reply *reply,
	    unsigned n, uint64_t octets);
/* What a hop tells (hop_ops). */
bool	transaction_reply_is_possible(void *arg, const struct hop_question *q,
	    const struct smtp_reply *reply);
bool	transaction_reply_answered(void *arg, struct hop_question *q,
	    const struct smtp_reply *reply);
void	transaction_reply_lost(void *arg, struct hop_question *q,
    const char *why);
void	transaction_reply_unasked(void *arg, const struct smtp_reply *reply);

/* transaction.c */
/* The end of a transaction, and of what was forwarded for it. */
void	transaction_reset(struct dialogue *d);
/* The same, and the next hop is told. */
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

/* dialogue_greeting.c */
enum client_take	dialogue_greeting_take(struct dialogue *d,
			    const struct smtp_command *command,
			    struct client_reply *reply, bool is_again);

/* dialogue_xcommand.c */
enum client_take	dialogue_xcommand(struct dialogue *d,
			    const struct smtp_command *command,
			    struct client_reply *reply);
/* XSETCONTEXT hops, which needs no grant. */
bool	dialogue_xcommand_is_hops(const struct smtp_command *command);
void	dialogue_xcommand_proxy(struct dialogue *d,
    const struct proxy_header *h);
/* A LOGIN that was said in the clear anybody may have said (RFC 3207, 4.2). */
void	dialogue_forget_login(struct dialogue *d);
/* What the TLS handshake has shown of the client. */
void	dialogue_take_certificate(struct dialogue *d,
    const struct tls_peer *peer);
/* Writes the greeting into the session's record. */
bool	dialogue_record_greeting(struct dialogue *d);

/* dialogue_command.c (client_ops) */
enum client_take	dialogue_command_take(void *arg,
			    const struct smtp_command *command,
			    struct client_reply *reply, bool is_again);
bool	dialogue_command_may_auth(const struct dialogue *d);

#endif
