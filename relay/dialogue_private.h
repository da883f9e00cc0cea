/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * What joins the client's half (client.h) and the next hop's (hop.h).
 *
 * From the bottom up: dialogue_report.c (what is told of it all),
 * dialogue_verdict.c (what is said of a verdict), dialogue_identity.c (who the
 * client is); the transaction (transaction.h, and its own private header);
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
#include "transaction.h"

#define LINE_SIZE	1024	/* of a reply of ours */

#define GREETING_MARK	"xcontext-relay"
#define HOPS_PAIR	"hops"

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
