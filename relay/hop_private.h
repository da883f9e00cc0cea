/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * What hop.c (questions, and their end), hop_setup.c (how it is made ready) and
 * hop_xclient.c (how it learns who the client is) share.
 */
#ifndef XC_RELAY_HOP_PRIVATE_H
#define XC_RELAY_HOP_PRIVATE_H

#include <bsd/sys/queue.h>

#include "hop.h"

#define HOP_LINE_SIZE	1024	/* of a reply that is made here */

/* A relay tells the next one how many there were, lest mail goes in circles; it
 * knows it by this word in its greeting. */
#define HOP_MARK	" xcontext-relay"

/* What a command has been worth so far. */
struct hop_round {
	bool		 is_open;	/* a command waits for it */
	bool		 is_spent;	/* it has been connected to */
	unsigned	 n_again;	/* attempts at the same host but the
					 * first */
	uint64_t	 since_ms;
};

/* What this host is gone without. */
struct hop_without {
	bool		 tls;		/* it failed where it may */
	bool		 xclient;	/* not offered, or refused */
};

struct hop {
	const struct hop_ops	*ops;
	void			*arg;
	const struct conf_relay	*relay;
	const char		*hostname;
	const uint64_t		*now_ms;

	enum hop_state		 state;
	struct hop_need		 need;
	struct hop_round	 round;
	uint64_t		 since_ms;	/* of what is awaited */
	uint64_t		 begun_ms;	/* of its set-up */
	bool			 is_late;	/* it is lost for that */
	char			*failure;
	size_t			 failure_public;

	struct hop_without	 without;

	/* The connection. */
	struct smtp_offer	 offer;
	char			*ehlo;		/* the name given in EHLO */
	bool			 is_renamed;	/* it does not take the client's,
						 * and has ours */
	bool			 is_relay;	/* its greeting says so */
	bool			 has_hops;	/* it has taken their number */
	bool			 has_ehlo;
	bool			 is_secured;
	bool			 is_authenticated;
	bool			 is_used;	/* it has been asked something
						 * since it was ready */
	bool			 has_mail;	/* ... and has answered a MAIL */

	/* Who the client is. */
	bool			 has_identity;	/* that it has now, as said: */
	bool			 knows_somebody; /* it may have executed an
						 * XCLIENT */
	struct identity_lines	*said;		/* NULL: nobody */
	struct identity_lines	*told;		/* before TLS, or NULL */
	unsigned		 said_offered;	/* the attributes that it had
						 * offered then */
	struct identity_lines	*wanted;	/* to be said, from: */
	unsigned		 next_line;
	struct identity_lines	*refused;	/* whom the host would not
						 * take, in this session */

	STAILQ_HEAD(, hop_question) questions;
	unsigned		 n_due;
};

/* hop.c: sends "VERB args". */
void	hop_command(struct hop *hop, enum smtp_verb verb, struct span args);
/* Completes all that is outstanding. */
void	hop_complete_all(struct hop *hop, const char *why);

/* hop_setup.c */
void	hop_enter(struct hop *hop, enum hop_state state);
void	hop_report(struct hop *hop, enum hop_event event, const char *text);
/* Sends the next of what was asked of another host before: if it takes them in
 * one go, all. */
void	hop_repeat_questions(struct hop *hop);
/* What has gone wrong while it was set up. */
struct hop_trouble {
	enum hop_event	 event;
	const char	*reply;		/* "451 4.4.1 the next hop cannot be
					 * reached": anybody may know */
	const char	*why;		/* besides; NULL: nothing */
	bool		 is_secret;	/* why tells of hosts, or of this one */
	bool		 is_ours;	/* no other host would do better */
};
/* Goes on to the next host, or fails. */
void	hop_set_up_failed(struct hop *hop, const struct hop_trouble *trouble);
void	hop_start(struct hop *hop);
/* Leaves the connection for a new one to the same host, to go without
 * something.  False: that has been done often enough. */
bool	hop_start_again(struct hop *hop, struct hop_without without);
/* Whether there is another host, and time for it. */
bool	hop_has_next(const struct hop *hop);
/* Goes on to the next host. */
bool	hop_try_next(struct hop *hop);
/* Forgets all about the connection that there was, and what it was told. */
void	hop_forget_connection(struct hop *hop);
/* The connection is over, in the middle of being set up. */
void	hop_setup_lost(struct hop *hop, const char *why, bool is_secret,
	    bool is_permanent);
void	hop_setup_reply(struct hop *hop, const struct smtp_reply *reply);
/* The next one of the steps that are left. */
void	hop_go_on(struct hop *hop);
/* Fails with a whole reply, which becomes its own; public: so much of it. */
void	hop_fail_with(struct hop *hop, char *text, size_t public);

/* hop_xclient.c */
bool	hop_uses_xclient(const struct hop *hop);
void	hop_xclient_begin(struct hop *hop);
void	hop_xclient_reply(struct hop *hop, const struct smtp_reply *reply);
/* Over a new connection, if this one has known somebody else: that may be why it
 * does not take the next one.  True: it is tried. */
bool	hop_try_fresh(struct hop *hop);
/* Whatever went wrong with XCLIENT, or with EHLO behind it, but a verdict. */
void	hop_xclient_failed(struct hop *hop, enum hop_event event,
	    const char *why, bool is_about_values,
	    bool is_secret);
/* By the PROXY protocol, before the greeting.  False: it cannot be written. */
bool	hop_proxy_begin(struct hop *hop);
/* Brings one that is ready to where it knows who the client is. */
enum hop_setup	hop_identify(struct hop *hop);
void	hop_forget_identity(struct hop *hop);
/* TLS has begun: what was said in the clear is to be said again. */
void	hop_identity_secured(struct hop *hop);
/* Who was refused, too: another session, or another host. */
void	hop_forget_refused(struct hop *hop);

#endif
