/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * session_change: what decisions make of a session, whichever program keeps
 * its record.
 *
 * It changes the record in memory; to save it is the caller's.
 */
#ifndef XC_SESSION_CHANGE_H
#define XC_SESSION_CHANGE_H

#include "session/session.h"

/* Reads an override of a record (session.override, session.pending).  False:
 * there is none (NULL is allowed), or it is damaged. */
bool	session_read_override(const char *line, struct assertion_set *set_r);

/*
 * Refuses a command: remembers what is to be said about it and refuses the
 * session's mail from now on; but not if the profile only reports
 * (is_reported), and the line was malformed, sealed off, or over a limit.
 */
void	session_deny(struct session *s, const struct verdict *verdict,
	    bool is_reported);

/*
 * Refuses an XFORWARD: as session_deny, but what is refused is the message that
 * comes next, for it names the client of that one alone.
 */
void	session_deny_message(struct session *s, const struct verdict *verdict,
	    bool is_reported);

/*
 * Whether xcontext-milter tells xcontext-policy when this session's mails begin
 * and end: as long as a command could change it.  profile: the peer's, or NULL.
 */
bool	session_is_mail_told(const struct session *s,
	    const struct trust_profile *profile);

/* MAIL has come: the message that is refused is this one, or it is over.
 * True if that changes anything. */
bool	session_begin_message(struct session *s);

/* What was said for one message is over.  True if that changes anything. */
bool	session_end_message(struct session *s);

/* Why mail is refused; all are the session's own. */
struct session_refusal {
	enum verdict_action	 action;	/* VERDICT_PERMIT: it is not */
	enum verdict_reason	 reason;
	const char		*text;		/* or NULL */
};

/* The session's mail is, or else the message that comes next. */
struct session_refusal	session_refusal(const struct session *s);

/* Refuses the session's mail, if it is not refused as gravely already. */
void	session_refuse_mail(struct session *s, enum verdict_action action,
	    enum verdict_reason reason, const char *text);

/*
 * The client is from now on the one that an override names; line, which becomes
 * the session's, is its text and set what that says.  is_another: whoever an
 * earlier override named, this one is about somebody else, so that what was set
 * for the former client ends.
 */
void	session_override(struct session *s, char *line,
	    const struct assertion_set *set, bool is_another);

/* The client is the one that has connected, from port (0: not known), who has
 * not greeted yet; what was set for whom an override named ends. */
void	session_end_override(struct session *s, uint16_t port);

/*
 * Sets pairs that an XSETCONTEXT has: those of a session that was overridden
 * belong to the client that was named, and go with it; those from before the
 * first override, and what the programs set themselves, stay.  False: out of
 * memory, nothing is changed.  session_has_room: as context_has_room.
 */
bool	session_set_context(struct session *s, const struct context_line *line,
	    uint64_t now_ms);
bool	session_has_room(const struct session *s,
	    const struct context_line *line, unsigned pairs_max,
	    size_t size_max, struct err *err);

/* Whether a command that was refused is no violation, whatever the profile
 * says: to read changes nothing, and behind the seal it may be anybody who
 * asks.  session_deny is told so by is_reported. */
bool	session_is_pardoned(enum trust_command command,
	    enum verdict_reason reason);

/* Whether something rests on the rights that the profile gives: an override, a
 * context, that the peer is always allowed. */
bool	session_rests_on_rights(const struct session *s,
	    const struct trust_profile *profile);

/*
 * The peer's grants have been revoked: it is a stranger from now on.  True if
 * something rests on them already, so that the session's mail is to be refused.
 */
bool	session_revoke(struct session *s,
	    const struct trust_profile *profile);

/* Whether an overridden session of that profile is to be sealed by this. */
bool	session_seals_by(const struct session *s,
	    const struct trust_profile *profile, enum trust_seal when);

#endif
