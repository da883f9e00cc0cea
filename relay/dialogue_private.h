/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * What the files of dialogue share: dialogue.c (its life and time),
 * dialogue_await.c (what is said, in which order), dialogue_client.c (commands),
 * dialogue_greeting.c and dialogue_ext.c (greetings, X commands),
 * dialogue_mail.c (transactions), dialogue_content.c (messages),
 * dialogue_setup.c and dialogue_xclient.c (how a next hop is made ready, and
 * learns who the client is) and dialogue_hop.c (its replies).
 */
#ifndef XC_RELAY_DIALOGUE_PRIVATE_H
#define XC_RELAY_DIALOGUE_PRIVATE_H

#include "context_view.h"
#include "dialogue.h"
#include "identity.h"
#include "smtp_content.h"
#include "smtp_reply.h"

#define LINE_SIZE	1024	/* of a reply of ours */

/* A relay tells the next one how many there were, lest mail goes in circles; it
 * knows it by this word in its greeting. */
#define GREETING_MARK	"xcontext-relay"
#define HOPS_PAIR	"hops"

enum client_state {
	CLIENT_COMMAND,		/* a command is next */
	CLIENT_GO_AHEAD,	/* DATA was sent on; 354 is awaited */
	CLIENT_CONTENT,
	CLIENT_CHUNK,		/* of BDAT */
	CLIENT_AUTH_WAIT,	/* the next hop's part of an AUTH exchange */
	CLIENT_AUTH,		/* the client's */
	CLIENT_SECURING,	/* TLS handshake */
	CLIENT_LEAVING,		/* after QUIT */
	CLIENT_CLOSED
};

/* How far a next hop is. */
enum hop_state {
	HOP_NONE,
	HOP_CONNECTING,
	HOP_GREETING,
	HOP_HOPS,		/* a relay is told how many there were */
	HOP_EHLO,
	HOP_HELO,		/* it does not know EHLO */
	HOP_STARTTLS,
	HOP_SECURING,
	HOP_XCLIENT,
	HOP_READY
};

/* What the reply to a command is for. */
enum await_kind {
	AWAIT_LOCAL,		/* none of the next hop's: ours, kept until its
				 * turn */
	AWAIT_PASS,		/* it is the client's */
	AWAIT_MAIL,
	AWAIT_OWN_MAIL,		/* a MAIL that we have answered before */
	AWAIT_RCPT,
	AWAIT_DATA,
	AWAIT_END,		/* of a message: one, or with LMTP one for each
				 * recipient */
	AWAIT_CHUNK,
	AWAIT_AUTH,
	AWAIT_QUIT,
	AWAIT_NOBODY		/* it is dropped */
};

struct await {
	enum await_kind	 kind;
	unsigned	 serial;	/* of the transaction */
	char		*text;		/* of AWAIT_LOCAL */
	uint64_t	 octets;	/* of AWAIT_END, AWAIT_CHUNK */
	char		*sender;	/* of AWAIT_END, for the log */
	struct address	 client;	/* likewise */
	unsigned	 n_recipients;
};

#define AWAIT_MAX	128	/* more commands have to wait */

/* One mail transaction, from MAIL to its end. */
struct transaction {
	bool		 is_open;
	bool		 is_sent;	/* the next hop knows of MAIL */
	bool		 is_failed;	/* the next hop was lost in it */
	char		*mail;		/* MAIL's argument */
	struct span	 sender;	/* in it */
	struct span	 params;	/* in it */
	char		*refusal;	/* reply to our own MAIL; NULL: none */
	unsigned	 n_rcpt;	/* sent on, and not refused */
	unsigned	 n_accepted;
	bool		 is_chunked;	/* BDAT has begun */
};

struct hop {
	enum hop_state		 state;
	struct dialogue_target	 target;
	struct route		 route;
	struct smtp_offer	 offer;
	bool			 is_secured;
	bool			 is_tls_off;	/* it failed where it may */
	bool			 is_xclient_off; /* not offered, or not to us */
	struct identity_lines		*refused; /* whom it would not take;
						 * NULL: nobody */
	bool			 has_identity;	/* that the next hop has now, as
						 * said: */
	bool				 is_identity_wanted;
	bool				 is_late;	/* it is lost for that */
	struct identity_lines	 said;
	unsigned		 said_offered;	/* the attributes that
						 * it had offered then */
	struct identity_lines	 wanted;	/* to be said, from: */
	unsigned		 next_line;
	char			*ehlo;		/* the name given in EHLO */
	char			*failure;	/* reply for what waited; NULL:
						 * none */
	uint64_t		 since_ms;	/* of what is awaited */
};

struct dialogue {
	const struct dialogue_env	*env;
	void				*arg;
	struct conf			*conf;
	const struct conf_relay		*relay;
	char				*hostname;
	struct kept			 kept;
	struct dialogue_peer		 peer;
	char				*peer_name;
	uint64_t			 now_ms;
	uint64_t			 begun_ms;

	enum client_state		 state;
	bool				 is_stopping;
	bool				 is_eof;	/* of the client */
	bool				 is_waiting;	/* a command waits for
							 * the next hop */
	bool				 is_held;	/* more of what the
							 * client sent can be
							 * taken, but not yet */
	bool				 is_esmtp;
	bool				 is_secured;
	bool				 is_authenticated;
	unsigned			 hops;	/* relays that the client
						 * came through */
	char				*helo;		/* NULL: not greeted */
	uint64_t			 client_since_ms;

	struct assertion_set		*xforward;	/* of this message, or
							 * NULL */
	struct transaction		 tx;
	unsigned			 serial;	/* of the transaction */
	unsigned			 refused;	/* of the last one whose MAIL
							 * was refused */
	struct smtp_content		 content;
	uint64_t			 chunk_left;
	bool				 is_chunk_last;
	uint64_t			 octets;	/* of this message */
	uint64_t			 part_octets;	/* octets, and when, at the
							 * beginning of its content, or of
							 * this chunk */
	uint64_t			 part_since_ms;
	char				*early;		/* what is to be said at
							 * the end of content
							 * that goes nowhere */
	struct hop			 hop;

	unsigned			 first, n_awaited;
	struct await			 awaited[AWAIT_MAX];
};

static inline void
dialogue_send(struct dialogue *d, enum dialogue_side side, struct span bytes)
{
	d->env->ops->send(d->arg, side, bytes);
}

/* Replaces a text.  False: out of memory; *field is then NULL. */
bool	dialogue_set_text(char **field, struct span text);
/* The end of a transaction, and of what was forwarded for it. */
void	dialogue_reset(struct dialogue *d);

/* dialogue_await.c */

/* Says "code text" to the client, in its turn. */
void	dialogue_say(struct dialogue *d, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
/* The same for a text of any lines, with CRLFs. */
void	dialogue_say_text(struct dialogue *d, const char *text);
/* The same for the reply of a next hop, which may be a 421: then it closes. */
void	dialogue_say_reply(struct dialogue *d, const char *text);
/* Says it and closes. */
void	dialogue_say_last(struct dialogue *d, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
void	dialogue_close_client(struct dialogue *d);

/* Adds what the next hop's next reply is for.  There must be room. */
struct await	*dialogue_await(struct dialogue *d, enum await_kind kind);
/* The first, which is no AWAIT_LOCAL; NULL: none. */
struct await	*dialogue_awaited(struct dialogue *d);
/* Takes the first away, and says what of ours has its turn now. */
void		 dialogue_await_done(struct dialogue *d);
/* Takes it away, and that is all. */
void		 dialogue_await_forget(struct dialogue *d);
bool		 dialogue_await_is_full(const struct dialogue *d);

void	dialogue_note(struct dialogue *d, enum dialogue_event event,
	    unsigned code, const char *text);
/* The session as others may see it: with the client that an XFORWARD names.  It
 * is copy, which borrows all its texts, or the session itself. */
const struct session	*dialogue_shown(const struct dialogue *d,
			    struct session *copy);

/* For the rest of struct dialogue_note. */
void	dialogue_note_more(struct dialogue *d, struct dialogue_note *note);

/* dialogue_client.c: takes what it can of a client's bytes, one step.  0: it
 * waits. */
size_t	client_input(struct dialogue *d, struct span bytes);
/* Whether AUTH is for this client. */
bool	client_may_auth(const struct dialogue *d);

/* What became of a command line. */
enum take {
	TAKE_DONE,
	TAKE_LATER	/* it waits, and will be offered again */
};

/* dialogue_greeting.c */
enum take	greeting_take(struct dialogue *d,
		    const struct smtp_command *command);
/* Writes it into the session's record. */
bool		greeting_record(struct dialogue *d);

/* dialogue_ext.c */
enum take	ext_command(struct dialogue *d,
		    const struct smtp_command *command);
void		ext_proxy(struct dialogue *d, const struct proxy_header *h);
/* What the TLS handshake has shown of the client. */
void		ext_certificate(struct dialogue *d,
		    const struct tls_facts *facts);

/* The session's and the message's pairs, as they are now. */
void		ext_view(const struct dialogue *d,
		    struct context_view *view_r);
void		ext_message_view(const struct dialogue *d,
		    struct context_view *view_r);

/* dialogue_mail.c */
/* Which way a message goes.  False: nobody can tell; err says why. */
bool		mail_route(struct dialogue *d, struct span recipient,
		    struct span domain, struct route *route_r,
		    struct err *err);
enum take	mail_mail(struct dialogue *d, struct span args);
enum take	mail_rcpt(struct dialogue *d, struct span args);
enum take	mail_data(struct dialogue *d, struct span args);
enum take	mail_bdat(struct dialogue *d, struct span args);
enum take	mail_rset(struct dialogue *d);
/* True if commands may go to the next hop now. */
bool		mail_may_send(struct dialogue *d);
/* Sends "VERB args". */
void		mail_send(struct dialogue *d, enum smtp_verb verb,
		    struct span args);

/* dialogue_content.c */
size_t	content_input(struct dialogue *d, struct span bytes);
size_t	chunk_input(struct dialogue *d, struct span bytes);
/* The content goes nowhere any more; at its end this is said. */
void	content_discard(struct dialogue *d, const char *text);
/* Octets are next. */
void	content_begin(struct dialogue *d);
/* The reply to a chunk, or to the end of a message, is next. */
void	content_await(struct dialogue *d, bool is_end);
/* How many replies to the chunk that is still coming may be awaited. */
unsigned	content_chunk_replies(const struct dialogue *d);

/* dialogue_setup.c */
enum setup {
	SETUP_READY,
	SETUP_WAIT,
	SETUP_FAILED	/* setup_failure says what to say; it is taken away by
			 * setup_forget */
};

/*
 * Brings the next hop to where it knows what is needed: a connection of that
 * route, and, with is_identified, the client's identity.
 */
enum setup	setup_ensure(struct dialogue *d, const struct route *route,
		    bool is_identified);
void		setup_forget(struct dialogue *d);
/* Says it to the client, and forgets it. */
void		setup_say_failure(struct dialogue *d);
/* What was to be set up cannot be; "code text" is to be said. */
void		setup_fail(struct dialogue *d, const char *fmt, ...)
		    __attribute__((format(printf, 2, 3)));
void		setup_reply(struct dialogue *d,
		    const struct smtp_reply *reply);
/* Its stations. */
void		setup_enter(struct dialogue *d, enum hop_state state);
void		setup_start(struct dialogue *d);
void		setup_ready(struct dialogue *d);
/* identity NULL: it is the client who greets. */
void		setup_send_ehlo(struct dialogue *d,
		    const struct assertion_set *identity);
/* As setup_fail, with a note of that event. */
void		setup_failed(struct dialogue *d, enum dialogue_event event,
		    const char *code, const char *text);
/* As setup_fail, for a whole reply, which becomes the dialogue's. */
void		setup_fail_with(struct dialogue *d, char *text);
/* The first line of a reply, with its code, for messages; returns buf. */
const char	*setup_first_line(const struct smtp_reply *reply, char *buf,
		    size_t size);
void		setup_connected(struct dialogue *d);
void		setup_secured(struct dialogue *d);
void		setup_lost(struct dialogue *d, const char *why,
		    bool is_permanent);
/* Ends the connection to the next hop. */
void		setup_drop(struct dialogue *d);

/* dialogue_xclient.c */
/* Who the client is now.  False: the session's record is damaged. */
bool		xclient_identity(const struct dialogue *d,
		    struct assertion_set *set_r);
/* Forgets who was refused. */
void		xclient_forget(struct dialogue *d);
/* Whether this route's next hop is to be told by XCLIENT. */
bool		xclient_is_used(const struct dialogue *d);
/* Says who the client is, or decides that this need not be. */
void		xclient_begin(struct dialogue *d);
void		xclient_reply(struct dialogue *d,
		    const struct smtp_reply *reply);
void		xclient_note(struct dialogue *d, enum dialogue_event event,
		    const char *text);
/* The PROXY protocol says everything before the greeting.  False: it cannot be
 * written. */
bool		xclient_send_proxy(struct dialogue *d);
/* Brings a next hop that is ready to where it knows who the client is. */
enum setup	xclient_identify(struct dialogue *d);

/* dialogue_hop.c */
size_t	hop_input(struct dialogue *d, struct span bytes);
void	hop_lost(struct dialogue *d, const char *why);
/* Writes a reply afresh, for a client; NULL: out of memory. */
char	*hop_format(const struct smtp_reply *reply);

#endif
