/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * enforce: what a milter has to answer, given the session's record and what
 * the MTA says of the connection.
 *
 * Pure: it reads its arguments and nothing else.  How the record was found,
 * and how an answer reaches the MTA, is known elsewhere.
 */
#ifndef XC_ENFORCE_H
#define XC_ENFORCE_H

#include "session/session.h"

/* A reply is at most this many lines of that many bytes (NUL included); with
 * code and line end a line keeps to the 512 of RFC 5321, 4.5.3.1.5. */
#define ENFORCE_LINES		4
#define ENFORCE_LINE_SIZE	481

/* What is known of the connection besides the record. */
struct enforce_connection {
	struct address	 client;	/* as the MTA told it at CONNECT */
	uint16_t	 client_port;	/* 0: not known */
	bool		 is_by_pid;	/* the record was found by process */
	char		 id[ULID_SIZE];	/* of the record that was proven to be
					 * this connection's; "": none */
	const char	*auth_type;	/* of the MTA's macros, or NULL */
	const char	*auth_authen;
};

/* The texts are safe to be given to smfi_setmlreply(): printable ASCII, '%'
 * doubled, no line longer than it may be. */
struct enforce_reply {
	enum verdict_action	 action;	/* VERDICT_PERMIT: go on */
	enum verdict_reason	 reason;
	char			 code[4];	/* "451"; "" if there is no
						 * reply */
	char			 xcode[10];	/* "4.7.1" */
	const char		*text;		/* the lines' text, unaltered;
						 * the record may own it */
	unsigned		 n_lines;
	char			 line[ENFORCE_LINES][ENFORCE_LINE_SIZE];
};

/*
 * True if the record speaks of the client that the MTA has: the same address
 * and, where an override named one, the same port.  (A record that was found
 * by client fits by the address alone.)
 */
bool	enforce_fits(const struct session *s,
	    const struct enforce_connection *connection);

/*
 * True if the record, found by process and not known to be this connection's,
 * is that of an earlier one: it speaks of another client, or of a port, its own
 * or one that an override named, that this connection does not have.  So it is
 * where only messengers are asked about, while xcontext-policy is away, or when
 * the client that an override named, which Postfix refused, comes by itself.
 */
bool	enforce_is_other(const struct session *s,
	    const struct enforce_connection *connection);

/*
 * True if the record is for sure this connection's: the client's address fits,
 * and the port is the one that an override named or else the connection's,
 * which the record has as soon as a policy request has shown it.  What is not
 * proven may refuse mail, but its context goes nowhere.
 */
bool	enforce_is_proven(const struct session *s,
	    const struct enforce_connection *connection);

/*
 * What to answer to MAIL, RCPT or DATA.  s: the session's record as it is
 * now; NULL: there is none.  The answer is set in full.
 *
 * A record that has changed its name or gone since it was proven, or speaks
 * of another client, and a LOGIN that it does not know of, are a mismatch: the
 * MTA and the ledger do not mean the same session, so nobody can say whose
 * mail it is.  Only a record that was found by process can tell that.
 */
void	enforce_mail(const struct session *s,
	    const struct enforce_connection *connection,
	    struct enforce_reply *answer);

/*
 * What to answer at CONNECT: only a session that is to be ended gets anything
 * but VERDICT_PERMIT.
 */
void	enforce_connect(const struct session *s,
	    const struct enforce_connection *connection,
	    struct enforce_reply *answer);

/* The temporary failure for a store that cannot tell. */
void	enforce_cannot_tell(struct enforce_reply *answer);
/* The same for a configuration that has not the session's profile. */
void	enforce_no_profile(const char *id, struct enforce_reply *answer);

/*
 * The replies to X commands where they are ours to give (keeper.h).  No
 * milter can say 2xx: 450 is "done", 5xx is "refused".  All set the answer in
 * full; text is copied.
 */
void	enforce_accepted(const char *text, const char *id,
	    struct enforce_reply *answer);
/* By the verdict's reason; 421 if the session is to end. */
void	enforce_refused(const struct verdict *verdict,
	    const struct session *s, struct enforce_reply *answer);
void	enforce_bad_sequence(const char *command, const char *id,
	    struct enforce_reply *answer);

/* The reply that access_maps give, and that to what they must not. */
void	enforce_policy(const char *code, const char *xcode, const char *text,
	    const char *id, struct enforce_reply *answer);
void	enforce_bad_policy(const char *id, struct enforce_reply *answer);

/* The replies to an XDUMPCONTEXT that is not granted, and to one in a session
 * of which there is no record. */
void	enforce_not_dumped(const struct verdict *verdict,
	    const struct session *s, struct enforce_reply *answer);
void	enforce_no_session(struct enforce_reply *answer);

/* True if an unknown command is what refused ones are rewritten to.  command
 * may be the verb or the whole line. */
bool	enforce_is_refused_verb(const char *command);

/*
 * What to answer to that command: why the session's last X command was
 * refused; in_mail: a transaction is under way.  VERDICT_PERMIT: the record has
 * nothing to say about it.
 */
void	enforce_denied(const struct session *s,
	    const struct enforce_connection *connection, bool in_mail,
	    struct enforce_reply *answer);

#endif
