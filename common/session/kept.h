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
#ifndef XC_KEPT_H
#define XC_KEPT_H

#include "session/judge.h"
#include "session/store.h"

/* What a program may want to log. */
enum kept_event {
	KEPT_PERMIT,		/* a command was permitted */
	KEPT_OVERRIDE,		/* ... and changed who the client is */
	KEPT_REFUSE,		/* a command, or the session's mail */
	KEPT_ERROR		/* something cannot be told; err */
};

struct kept_note {
	enum kept_event		 event;
	const struct session	*session;
	const struct verdict	*verdict;	/* NULL with KEPT_ERROR */
	const struct conf	*conf;		/* by which it was decided */
	const char		*command;	/* "XCLIENT" ..., or NULL ... */
	struct span		 said;		/* ... and what stood behind it;
						 * .p NULL: nobody said it */
	const char		*line;		/* what was permitted, or NULL */
	const struct err	*err;
};

typedef void kept_note_fn(const struct kept_note *note, void *arg);

/* Who connected, and to whom.  Texts NULL or "": not known. */
struct kept_peer {
	enum session_mta mta;
	struct address	 addr;
	uint16_t	 port;		/* 0: not known */
	const char	*name;		/* verified */
	const char	*fingerprint;	/* of the client's certificate */
	const char	*listener;
	pid_t		 pid;		/* 0: there is no record in the store */
	uint64_t	 pid_start;
};

struct kept {
	struct conf			*conf;		/* the caller's */
	struct store			*store;		/* likewise */
	kept_note_fn			*note;
	void				*note_arg;
	struct session			 session;
	const struct trust_profile	*profile;	/* NULL: not known */
	bool				 has_record;	/* in the store */
	uint16_t			 peer_port;	/* 0: not known */
	struct span			 said;	/* behind the command that is
						 * being judged or executed */
	bool				 is_used;	/* mail was sent under
							 * this override, and
							 * nothing seals it */
};

/*
 * Begins a session in memory that need not be initialised: names it,
 * classifies the peer, and saves it.  conf, store and note_arg must outlive it.
 * Whatever cannot be told refuses the session's mail.
 */
void	kept_begin(struct kept *kept, struct conf *conf, struct store *store,
	    kept_note_fn *note, void *note_arg, const struct kept_peer *peer,
	    uint64_t now_ms);

/*
 * Makes what a relay hands over the session, in place of the one that there
 * was; what handed holds becomes the session's, and handed is left empty.  The
 * relay's own client may type through it, so nothing can be changed by X
 * commands any more.  What refused that very session's mail before still does.
 */
void	kept_adopt(struct kept *kept, struct session *handed,
	    uint64_t now_ms);

/* Ends it, and takes its record out of the store. */
void	kept_end(struct kept *kept);

/* Writes the record.  False: the store failed; the session's mail is refused
 * then, for others would see another client. */
bool	kept_save(struct kept *kept);

/* HELO, EHLO and MAIL seal an overridden session, if its profile says so; where
 * nothing seals, the override that comes behind a MAIL begins anew.
 * kept_mail, false: it cannot be told whether the grants have been revoked; the
 * mail must not be taken. */
void	kept_greeting(struct kept *kept, uint64_t now_ms);
bool	kept_mail(struct kept *kept, uint64_t now_ms);

/* Refuses a command, or with command NULL the session: the mail is refused
 * from now on, unless the profile only reports. */
void	kept_refuse(struct kept *kept, const struct verdict *verdict,
	    const char *command, uint64_t now_ms);

/* Whether a refused XFORWARD refuses the message that it was for: not if the
 * profile only reports, and it can be told. */
bool	kept_refuses_message(const struct kept *kept,
	    const struct verdict *verdict);

enum kept_result {
	KEPT_DONE,		/* executed, as *j says; an XDUMPCONTEXT and an
				 * XFORWARD are the caller's to execute */
	KEPT_REFUSED,		/* j->verdict says why; of an XFORWARD only the
				 * message that it was for is to be refused
				 * (kept_refuses_message) */
	KEPT_BAD_SEQUENCE,	/* not inside a mail transaction */
	KEPT_CANNOT_TELL	/* to be taken as a temporary failure */
};

/*
 * Judges and executes a command line.  An override of which the profile drops
 * everything is none, and is KEPT_DONE.  in_mail: a transaction is under way, in
 * which the identity cannot change.  *j is set in full unless the result is
 * KEPT_CANNOT_TELL.
 */
enum kept_result	kept_command(struct kept *kept,
			    enum trust_command command, struct span args,
			    bool in_mail, uint64_t now_ms,
			    struct judgement *j);

/*
 * Its two steps, for a program that knows more of the client than was said, and
 * adds it to what was permitted (j->override and j->line, which must say the
 * same) in between.  kept_judge, KEPT_DONE: it is permitted, and nothing has
 * been done yet.
 */
enum kept_result	kept_judge(struct kept *kept,
			    enum trust_command command, struct span args,
			    bool in_mail, uint64_t now_ms,
			    struct judgement *j);
enum kept_result	kept_execute(struct kept *kept,
			    const struct judgement *j, uint64_t now_ms);

#endif
