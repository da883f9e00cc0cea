/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conversation: one milter session: which SMTP session it belongs to, and what
 * is known of its message.
 *
 * With Postfix the session's record is xcontext-policy's, and is read afresh
 * at every step; with Sendmail it is kept here, and so is one that a relay
 * hands over.
 */
#ifndef XC_CONVERSATION_H
#define XC_CONVERSATION_H

#include "enforce.h"
#include "lookup.h"
#include "keeper.h"
#include "message.h"
#include "session/context_dump.h"

#define CONVERSATION_HEADER_MAX	65536	/* bytes of our header's value */

struct conversation {
	struct conf		*conf;		/* a reference */
	struct store		*store;
	struct lookup_key	 key;
	struct enforce_connection	 connection;
	struct message		 message;
	char			*ehlo;		/* the name, or NULL */
	char			*auth_type;	/* connection's: macros go */
	char			*auth_authen;
	char			*remote_name;	/* verified, or NULL */
	bool			 is_ehlo_lost;	/* there was no memory ... */
	bool			 is_name_lost;	/* ... for them */
	bool			 has_header_duty;
	struct session_life	*life;	/* of a session that is kept
					 * here; or NULL */
	bool			 is_handed_over;
	struct session		 record;	/* else: as it was last read */
	char			 told_id[ULID_SIZE];	/* in whose record the
							 * mail is; "": none */
};

static inline bool
conversation_is_kept(const struct conversation *c)
{
	return c->life != NULL;
}

/* NULL: out of memory.  The reference to conf becomes the conversation's, and
 * in any case is no longer the caller's. */
struct conversation	*conversation_new(struct conf *conf,
			    struct store *store);
void			 conversation_free(struct conversation *c);

/*
 * Begins a record that is kept here, of the connection's client; listener
 * NULL: none.  False: out of memory.
 */
bool	conversation_keep(struct conversation *c, const char *listener,
	    uint64_t now_ms);

/*
 * Reads the session's record.  STORE_FOUND: conversation_session() is it.  Its
 * name is remembered once it is proven to be this connection's, so that a change
 * can be noticed.
 */
enum store_result	conversation_find(struct conversation *c);

/*
 * Of the session that was found: whether it rests on rights, which may be
 * revoked while its mail is on the way; and refuses its mail if they have been.
 * Once content is on its way nobody else is asked.  False: it cannot be told.
 */
bool	conversation_rests_on_rights(const struct conversation *c);
bool	conversation_check_revoked(struct conversation *c, uint64_t now_ms);

/* What to answer to MAIL, RCPT or DATA, by the record that was found, and by
 * this conversation's configuration, which has to have its profile. */
void	conversation_enforce_mail(const struct conversation *c,
	    struct enforce_reply *answer);

/* Forgets what was read: a session that waits for its client needs none. */
void	conversation_release(struct conversation *c);

/* The session as it was last found, or NULL. */
const struct session	*conversation_session(const struct conversation *c);

/* The verified name of the host; NULL: it has none. */
void	conversation_set_name(struct conversation *c, const char *name);

/* False: something of the client was lost, so that there are questions, of
 * access_maps for instance, that cannot be asked: its mail is not to pass. */
bool	conversation_is_whole(const struct conversation *c);

/* Who is authenticated, and how; each may be NULL.  False: out of memory. */
bool	conversation_set_auth(struct conversation *c, const char *type,
	    const char *authen);

/*
 * A mail transaction has begun, has ended: with Postfix that is put into the
 * record, which must just have been found, as long as the session can still be
 * changed by commands.  Postfix must not go on before the beginning is there.
 * False: it cannot be written.
 */
bool	conversation_mail(struct conversation *c);
void	conversation_mail_end(struct conversation *c);

/* The client has greeted; the transaction is over. */
void	conversation_greeting(struct conversation *c, const char *name,
	    uint64_t now_ms);

/* The peer's profile, in the configuration of this conversation; NULL: there
 * is none, or it is not known for sure who the peer is. */
const struct trust_profile	*conversation_profile(
				    const struct conversation *c);

/* The client is another one now, who has not greeted. */
void	conversation_overridden(struct conversation *c);

/* The connection's and the message's pairs; there must be a session. */
void	conversation_views(const struct conversation *c,
	    struct context_view *connection_r,
	    struct context_view *message_r);

/*
 * What XDUMPCONTEXT is answered.  True: *dump_r; false: *answer_r is a
 * refusal.
 */
bool	conversation_dump(struct conversation *c, struct span args,
	    struct context_dump *dump_r, struct enforce_reply *answer_r);

/* Whether the message's headers matter: they are to be changed, or one tells
 * the origin. */
bool	conversation_wants_headers(const struct conversation *c);

/* Takes note of a header of the message. */
void	conversation_note_header(struct conversation *c, const char *name,
	    const char *value);

/* Finds where the message came from, if that is wanted, and logs it. */
void	conversation_find_origin(struct conversation *c);

/*
 * Writes the value of the context header.  Returns its length, 0: there is
 * nothing to say for sure, -1: it does not fit.
 */
int	conversation_header(struct conversation *c,
	    char buf[CONVERSATION_HEADER_MAX]);

#endif
