/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * session_life: how a session begins, is judged, overridden, sealed, refused
 * and ended, whichever program keeps its record.
 *
 * That is xcontext-policy for Postfix's sessions, xcontext-milter where the MTA
 * knows no X command, and xcontext-relay for its own.  The first of them sees
 * what the MTA has executed only by what it asks next: to it belong
 * session_life_permit, _commit and _forget, and who writes the record with it.
 * The others execute what they permit at once: session_life_command.
 *
 * Whoever wants to know what the session is reads it; it changes by these calls
 * alone.  Each that changes who the client is, what may be said of him, or
 * whether his mail is taken leaves an entry in the audit trail; a command that
 * changes nothing leaves none.  What the program tells the client, and the MTA,
 * is its own affair.
 */
#ifndef XC_SESSION_LIFE_H
#define XC_SESSION_LIFE_H

#include "session/decision.h"
#include "session/judge.h"
#include "session/store.h"

/* Whom a session tells, and where its record is.  All must outlive it. */
struct session_life_home {
	struct store		*store;
	decision_fn		*report;
	void			*report_arg;
};

/* Who connected, and to whom.  Texts NULL or "": not known. */
struct session_life_peer {
	enum session_keeper keeper;
	bool		 is_nobody;	/* it is not known who; trust is not
					 * asked */
	struct address	 addr;
	uint16_t	 port;		/* 0: not known */
	const char	*name;		/* verified */
	const char	*fingerprint;	/* of the client's certificate */
	const char	*listener;
	pid_t		 pid;		/* 0: there is no record in the store */
	uint64_t	 pid_start;
};

struct session_life;

/*
 * Begins a session: names it and classifies the peer; conf is referenced.  If
 * trust cannot tell who may do what, the session's mail is refused.  It is not
 * in the store yet, and of Postfix's sessions those of which there is nothing
 * to say, a stranger's, need not be: session_life_is_changed.  NULL: out of
 * memory.
 */
struct session_life	*session_life_new(struct conf *conf,
			    const struct session_life_home *home,
			    const struct session_life_peer *peer,
			    uint64_t now_ms);

/*
 * Takes a session up that the store has; what found holds becomes the life's,
 * and found is left empty.  If conf has no such profile any more, nothing more
 * can be granted, and session_life_check_revoked refuses its mail.  NULL: out of
 * memory, and found is as it was.
 */
struct session_life	*session_life_load(struct conf *conf,
			    const struct session_life_home *home,
			    struct session *found);

/* Forgets it; its record stays. */
void	session_life_free(struct session_life *life);
/* The same, and takes its record out of the store. */
void	session_life_end(struct session_life *life);

/* What it is.  It lives as long as the life, and changes with it. */
const struct session	*session_life_session(const struct session_life *life);
/* NULL: it is not known what the peer may do. */
const struct trust_profile	*session_life_profile(
				    const struct session_life *life);
const struct conf	*session_life_conf(const struct session_life *life);
bool	session_life_has_grants(const struct session_life *life);
bool	session_life_has_record(const struct session_life *life);
/* Whether there is something that the store does not have. */
bool	session_life_is_changed(const struct session_life *life);

/* Writes what has changed.  False: the store failed; it is still to be
 * written. */
bool	session_life_save(struct session_life *life);

/*
 * The peer is known by more now, by its certificate: classifies it again.
 * Nothing may have been built on what it was, an override, a context of its, a
 * seal or a refusal.
 */
void	session_life_classify(struct session_life *life,
	    const struct session_life_peer *peer, uint64_t now_ms);

/*
 * Makes what a relay hands over, or what xcontext-policy follows, the session,
 * in place of the one that there was, and saves it; what handed holds becomes
 * the session's, and handed is left empty.  The other's client may type through
 * it, so nothing can be changed by X commands any more.  What refused that very
 * session's mail before still does.  If the configuration has not its profile,
 * its mail is refused for the moment.
 */
void	session_life_adopt(struct session_life *life, struct session *handed,
	    uint64_t now_ms);

/*
 * Looks whether the peer's grants have been revoked meanwhile; if so it is a
 * stranger from now on, and if something rests on them already, the session's
 * mail is refused, even if the profile only reports.  So it is for the moment if
 * the configuration does not have its profile any more.  False: it cannot be
 * told.
 */
bool	session_life_check_revoked(struct session_life *life,
	    uint64_t now_ms);

/* Nothing can be changed by X commands any more. */
void	session_life_seal(struct session_life *life, const char *by,
	    uint64_t now_ms);
/* The same for an overridden session whose profile wants it at that moment. */
void	session_life_seal_if(struct session_life *life, enum trust_seal when,
	    const char *by, uint64_t now_ms);

/*
 * Refuses the session: it is remembered what to say of it, and its mail is
 * refused from now on, unless the profile only reports.
 */
void	session_life_refuse(struct session_life *life,
	    const struct verdict *verdict, uint64_t now_ms);
/* Refuses a command that was permitted, by what its verdict says now; the
 * session is none the worse for it. */
void	session_life_refuse_now(struct session_life *life,
	    const struct judgement *j, uint64_t now_ms);

/* Refuses the session's mail, and tells so with line: it is already acted on
 * what should not be, so that even a profile that only reports is no excuse. */
void	session_life_violation(struct session_life *life,
	    enum verdict_reason reason, const char *text, const char *line,
	    uint64_t now_ms);

/* Refuses the session's mail for the time being: whose it is cannot be told. */
void	session_life_doubt(struct session_life *life,
	    enum verdict_reason reason, const char *text, uint64_t now_ms);

/* Whether a refused XFORWARD refuses the message that it was for: not if the
 * profile only reports, and it can be told. */
bool	session_life_refuses_message(const struct session_life *life,
	    const struct verdict *verdict);

/*
 * What is known of the client
 */

/* HELO or EHLO, whole; NULL: it has to greet again.  False: out of memory, and
 * what it greeted with before counts no more. */
bool	session_life_set_greeting(struct session_life *life,
	    const char *line);

/* Sets pairs that nobody has to grant.  False: out of memory. */
bool	session_life_set_pairs(struct session_life *life,
	    const struct context_line *line, enum context_source source,
	    uint64_t now_ms);

/* A LOGIN that was asserted counts no more.  False: out of memory. */
bool	session_life_forget_login(struct session_life *life,
	    uint64_t now_ms);

/* The port of the peer's connection, if it is not known yet.  That alone is no
 * reason for a record. */
void	session_life_set_port(struct session_life *life, uint16_t port);
/* The MTA takes it for this client, whatever was permitted. */
void	session_life_show(struct session_life *life,
	    const struct address *client, uint16_t port);

/* Whether a command was refused that may be another connection's (see
 * is_unproven in session.h). */
void	session_life_set_unproven(struct session_life *life,
	    bool is_unproven);

/*
 * Postfix has been given MAIL, or what ends what was said for one message: what
 * was refused of an XFORWARD is refused until then.  end_begun: RSET or a
 * greeting, of which neither says whose the next message is: one that was
 * refused ahead of its MAIL is still to come; in_mail: a mail is under way, as
 * far as can be told.  end_former: XFORWARD, which
 * Postfix takes between messages only: that one is over, unless the milter says
 * that it is not.
 */
void	session_life_begin_message(struct session_life *life);
void	session_life_end_message(struct session_life *life);
void	session_life_end_begun_message(struct session_life *life,
	    bool in_mail);
void	session_life_end_former_message(struct session_life *life);

/*
 * Judges a command line.  is_proven: the session is known to be this
 * connection's; else nothing is granted.  True: it is permitted, and nothing has
 * been done yet.  False: it is refused, and that has been done; but of an
 * XFORWARD only the message that it was for is refused, by the record with
 * Postfix, and else by who executes it (session_life_refuses_message).
 */
bool	session_life_judge_line(struct session_life *life,
	    enum trust_command command, struct span args, bool is_proven,
	    uint64_t now_ms, struct judgement *j);

/*
 * Does what a permitted command changes; an override is pending from then on.
 * False: out of memory.
 */
bool	session_life_permit(struct session_life *life,
	    const struct judgement *j, uint64_t now_ms);
/* The pending override, of which set is what it says, has been executed ... */
void	session_life_commit(struct session_life *life,
	    const struct assertion_set *set, uint64_t now_ms);
/* ... or has not, if there is one. */
void	session_life_forget(struct session_life *life, uint64_t now_ms);

/*
 * For a program that is not alone with the record, for xcontext-milter counts
 * a session's mails in it: reads them; ends the one that is under way.  False:
 * the store failed.
 */
bool	session_life_refresh(struct session_life *life);
bool	session_life_end_mail(struct session_life *life);
/* For who has no store, and so no milter that would tell: it does what that
 * does. */
void	session_life_begin_mail(struct session_life *life);

/*
 * For a program that executes what it permits.  These save what they change; if
 * the store fails, the session's mail is refused, for others would see another
 * client.
 */

/* Saves at least once, whatever the session is: others may look for it.  False:
 * the store failed. */
bool	session_life_keep(struct session_life *life, uint64_t now_ms);

/* HELO, EHLO and MAIL seal an overridden session, if its profile says so; where
 * nothing seals, the override that comes behind a MAIL begins anew.
 * session_life_mail, false: it cannot be told whether the grants have been
 * revoked; the mail must not be taken. */
void	session_life_greeting(struct session_life *life, uint64_t now_ms);
bool	session_life_mail(struct session_life *life, uint64_t now_ms);

enum session_life_result {
	LIFE_DONE,		/* executed, as *j says; an XDUMPCONTEXT and an
				 * XFORWARD are the caller's to execute */
	LIFE_REFUSED,		/* j->verdict says why */
	LIFE_BAD_SEQUENCE,	/* not inside a mail transaction */
	LIFE_CANNOT_TELL	/* to be taken as a temporary failure */
};

/*
 * Judges and executes a command line.  An override of which the profile drops
 * everything is none, and is LIFE_DONE.  in_mail: a transaction is under way,
 * in which the identity cannot change.  *j is set in full unless the result is
 * LIFE_CANNOT_TELL.
 */
enum session_life_result	session_life_command(
				    struct session_life *life,
				    enum trust_command command,
				    struct span args, bool in_mail,
				    uint64_t now_ms, struct judgement *j);

/*
 * Its two steps, for a program that knows more of the client than was said, and
 * adds it to what was permitted (j->override and j->line, which must say the
 * same) in between.  session_life_judge, LIFE_DONE: it is permitted, nothing
 * has been done yet, and it is to be executed next, until when args must live.
 */
enum session_life_result	session_life_judge(struct session_life *life,
				    enum trust_command command,
				    struct span args, bool in_mail,
				    uint64_t now_ms, struct judgement *j);
enum session_life_result	session_life_execute(
				    struct session_life *life,
				    const struct judgement *j,
				    uint64_t now_ms);

#endif
