/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * session: one SMTP connection to the MTA: who connected, who the MTA now takes
 * it to be from, what was refused, and how it came to that.
 *
 * This is the record that the programs share through the store.  It holds
 * facts, no behaviour: session_life decides what becomes of them.
 *
 * What would surprise: with Postfix two programs write one record.  The policy
 * service owns it, and the milter puts in "mails" and "is_in_mail", so a change
 * is one step of the store (store_change), never a read and a write.  And a
 * process has one record, but many connections, one after the other: which of
 * them it is of is proven by a port, the connection's own (peer_port) or the
 * one that an override has named.
 */
#ifndef XC_SESSION_H
#define XC_SESSION_H

#include <sys/types.h>

#include <stdint.h>

#include "base/address.h"
#include "base/ulid.h"
#include "context/context.h"
#include "trust/trust.h"

#define SESSION_LISTENER_SIZE	65	/* NUL included */
/* The verb that a refused command is rewritten to, known to no MTA, so that
 * Postfix asks the milter what to say.  The session's id follows it. */
#define SESSION_REFUSED_VERB	"XREFUSED"
/* What gave a stranger's profile to who has none any more. */
#define SESSION_RULE_REVOKED	"revoked"
/* What is said to an override that came within a mail transaction, or soon
 * after: the milter knows which. */
#define SESSION_IN_MAIL		"not in a mail transaction"
/* What is said to an XSETCONTEXT behind access_maps' decision of a mail. */
#define SESSION_CONTEXT_FIXED	"XSETCONTEXT: the mail under way was decided " \
				"by the context as it is"

/* Why it is not known, for now, what may be. */
#define SESSION_CANNOT_TELL	"it cannot be told who may do what"
#define SESSION_STORE_FAILED	"the session store failed"
#define SESSION_PROFILE_GONE	"the profile of this session is not in the " \
				"configuration here"
#define SESSION_RECORD_MAX	65536	/* bytes of an encoded session */

/* The stations of a session's life, oldest first. */
enum session_event {
	SESSION_BEGUN,		/* text: the profile, or "unknown" */
	SESSION_PERMITTED,	/* text: the override, completed */
	SESSION_OVERRIDDEN,	/* it was executed; text: the client */
	SESSION_FORGOTTEN,	/* it was not, or counts no more; text: what */
	SESSION_SEALED,		/* text: by what */
	SESSION_CONTEXT,	/* pairs were set; text: their names */
	SESSION_REFUSED		/* text: the reason */
};

/* Who follows the session, and so keeps its record. */
enum session_keeper {
	SESSION_KEEPER_POLICY,	/* of Postfix, whose process is known */
	SESSION_KEEPER_MILTER,	/* of an MTA that knows no X command, or whose
				 * session a relay hands over */
	SESSION_KEEPER_RELAY
};
#define SESSION_KEEPER_COUNT	(SESSION_KEEPER_RELAY + 1)

#define SESSION_AUDIT_NAMES	128	/* bytes of the names that are told */

struct session_audit {
	uint64_t		 time_ms;	/* since the epoch */
	enum session_event	 event;
	char			*text;
};

struct session {
	char		 id[ULID_SIZE];
	char		 listener[SESSION_LISTENER_SIZE];	/* "": none */
	enum session_keeper keeper;
	pid_t		 pid;		/* of the MTA's process */
	uint64_t	 pid_start;	/* procinfo_start() of it */
	uint64_t	 begun_ms;	/* since the epoch */
	uint64_t	 changed_ms;

	struct address	 peer;
	uint16_t	 peer_port;	/* of its connection: what proves a
					 * record to be this session's; 0: not
					 * yet seen */
	char		*peer_name;	/* verified, or NULL */
	char		*fingerprint;	/* of its certificate, or NULL */
	char		*profile;	/* name */
	char		*rule;		/* "file:line" that gave the profile;
					 * SESSION_RULE_REVOKED: nobody's */

	struct address	 client;	/* the peer, until an override;
					 * AF_UNSPEC: [UNAVAILABLE] */
	uint16_t	 client_port;	/* 0: not known */
	char		*override;	/* the overrides so far, as one XCLIENT
					 * line; NULL: none */
	char		*pending;	/* as override, given to the MTA but
					 * not yet seen executed; or NULL */
	bool		 is_sealed;
	/* Of these two xcontext-milter tells, with Postfix: */
	unsigned	 mails;		/* MAILs since the last override */
	bool		 is_in_mail;	/* a transaction is under way */
	char		*ehlo;		/* the last HELO or EHLO, whole; NULL:
					 * not seen */
	struct context	 context;	/* what was set by XSETCONTEXT */

	/* A command was refused, and it is not known whether the connection
	 * that said it is this session's: whoever is shown next, if it is
	 * another one, has no mail taken. */
	bool		 is_unproven;

	/* Set once, for the rest of the session, by the first refusal that
	 * was not merely reported: MAIL and RCPT get it. */
	enum verdict_action	 refused;	/* VERDICT_PERMIT: nothing */
	enum verdict_reason	 refused_reason;
	char			*refused_text;

	/* What was refused of an XFORWARD refuses the message that it was for;
	 * until when, xcontext-policy knows. */
	enum verdict_action	 unforwarded;	/* VERDICT_PERMIT: nothing */
	enum verdict_reason	 unforwarded_reason;
	char			*unforwarded_text;
	bool			 is_unforwarded_begun;	/* its MAIL has come */

	/* What to say to the command that was refused last; NULL: none. */
	char			*denied_text;
	enum verdict_reason	 denied_reason;

	struct session_audit	*audit;
	unsigned		 n_audit;
	unsigned		 n_audit_dropped;
};

/* Makes an empty session: all zero.  session_clear frees what it holds. */
void	session_init(struct session *s);
void	session_clear(struct session *s);

/* Gives it an id, and this moment as the time of its beginning. */
void	session_name(struct session *s, uint64_t now_ms);

/*
 * Replaces a text (NULL allowed).  False: out of memory, *field unchanged.
 */
bool	session_set_text(char **field, const char *text);

/*
 * Adds to the audit trail; when it has max entries, the oldest but the first
 * goes, and is counted.  False: out of memory, unchanged.
 */
bool	session_audit_add(struct session *s, unsigned max, uint64_t now_ms,
	    enum session_event event, const char *text);

/*
 * Writes the record: "name=value" fields, each ended by a NUL, so that it can
 * be read with any tool and a field more does no harm to an older reader.
 * What does not fit is left out of the audit trail, the oldest first, and
 * counted there.  Returns its length, or 0 if it does not fit even so.
 */
size_t	session_encode(const struct session *s, char *buf, size_t size);

/*
 * Reads a record into s, which must be initialised; what it held is freed.
 * False: not a record, or out of memory; s is then empty.
 */
bool	session_decode(struct span record, struct session *s);

const char	*session_event_text(enum session_event event);
/* False: there is no such event. */
bool		 session_event_find(struct span text,
		    enum session_event *event_r);

#endif
