/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * kept: a session that is served by one program of ours alone, which sees each
 * X command whole, decides about it, and keeps the record.
 *
 * That is xcontext-milter with an MTA that knows no X command, and
 * xcontext-relay.  (Postfix's sessions are followed by xcontext-policy.)  What
 * the program tells the client, and the MTA, is its own affair.
 */
#ifndef XC_SESSION_LIFE_H
#define XC_SESSION_LIFE_H

#include "session/judge.h"
#include "session/store.h"

/* What a program may want to log. */
enum session_life_event {
	LIFE_PERMIT,		/* a command was permitted */
	LIFE_OVERRIDE,		/* ... and changed who the client is */
	LIFE_REFUSE,		/* a command, or the session's mail */
	LIFE_ERROR		/* something cannot be told; err */
};

struct session_life_note {
	enum session_life_event		 event;
	const struct session	*session;
	const struct verdict	*verdict;	/* NULL with LIFE_ERROR */
	const char		*command;	/* "XCLIENT" ..., or NULL */
	const char		*line;		/* what was permitted, or NULL */
	const struct err	*err;
};

typedef void session_life_note_fn(const struct session_life_note *note, void *arg);

/* Who connected, and to whom.  Texts NULL or "": not known. */
struct session_life_peer {
	enum session_keeper keeper;
	struct address	 addr;
	uint16_t	 port;		/* 0: not known */
	const char	*name;		/* verified */
	const char	*fingerprint;	/* of the client's certificate */
	const char	*listener;
	pid_t		 pid;		/* 0: there is no record in the store */
	uint64_t	 pid_start;
};

struct session_life {
	struct conf			*conf;		/* the caller's */
	struct store			*store;		/* likewise */
	session_life_note_fn			*note;
	void				*note_arg;
	struct session			 session;
	const struct trust_profile	*profile;	/* NULL: not known */
	bool				 has_record;	/* in the store */
	uint16_t			 peer_port;	/* 0: not known */
	bool				 is_used;	/* mail was sent under
							 * this override, and
							 * nothing seals it */
};

/*
 * Begins a session in memory that need not be initialised: names it,
 * classifies the peer, and saves it.  conf, store and note_arg must outlive it.
 * Whatever cannot be told refuses the session's mail.
 */
void	session_life_begin(struct session_life *life, struct conf *conf, struct store *store,
	    session_life_note_fn *note, void *note_arg, const struct session_life_peer *peer,
	    uint64_t now_ms);

/*
 * Makes what a relay hands over the session, in place of the one that there
 * was; what handed holds becomes the session's, and handed is left empty.  The
 * relay's own client may type through it, so nothing can be changed by X
 * commands any more.  What refused that very session's mail before still does.
 */
void	session_life_adopt(struct session_life *life, struct session *handed,
	    uint64_t now_ms);

/* Ends it, and takes its record out of the store. */
void	session_life_end(struct session_life *life);

/* Writes the record.  False: the store failed; the session's mail is refused
 * then, for others would see another client. */
bool	session_life_save(struct session_life *life);

/* HELO, EHLO and MAIL seal an overridden session, if its profile says so; where
 * nothing seals, the override that comes behind a MAIL begins anew.
 * session_life_mail, false: it cannot be told whether the grants have been revoked; the
 * mail must not be taken. */
void	session_life_greeting(struct session_life *life, uint64_t now_ms);
bool	session_life_mail(struct session_life *life, uint64_t now_ms);

/* Refuses a command, or with command NULL the session: the mail is refused
 * from now on, unless the profile only reports. */
void	session_life_refuse(struct session_life *life, const struct verdict *verdict,
	    const char *command, uint64_t now_ms);

/* Whether a refused XFORWARD refuses the message that it was for: not if the
 * profile only reports, and it can be told. */
bool	session_life_refuses_message(const struct session_life *life,
	    const struct verdict *verdict);

enum session_life_result {
	LIFE_DONE,		/* executed, as *j says; an XDUMPCONTEXT and an
				 * XFORWARD are the caller's to execute */
	LIFE_REFUSED,		/* j->verdict says why; of an XFORWARD only the
				 * message that it was for is to be refused
				 * (session_life_refuses_message) */
	LIFE_BAD_SEQUENCE,	/* not inside a mail transaction */
	LIFE_CANNOT_TELL	/* to be taken as a temporary failure */
};

/*
 * Judges and executes a command line.  An override of which the profile drops
 * everything is none, and is LIFE_DONE.  in_mail: a transaction is under way, in
 * which the identity cannot change.  *j is set in full unless the result is
 * LIFE_CANNOT_TELL.
 */
enum session_life_result	session_life_command(struct session_life *life,
			    enum trust_command command, struct span args,
			    bool in_mail, uint64_t now_ms,
			    struct judgement *j);

/*
 * Its two steps, for a program that knows more of the client than was said, and
 * adds it to what was permitted (j->override and j->line, which must say the
 * same) in between.  session_life_judge, LIFE_DONE: it is permitted, and nothing has
 * been done yet.
 */
enum session_life_result	session_life_judge(struct session_life *life,
			    enum trust_command command, struct span args,
			    bool in_mail, uint64_t now_ms,
			    struct judgement *j);
enum session_life_result	session_life_execute(struct session_life *life,
			    const struct judgement *j, uint64_t now_ms);

#endif
