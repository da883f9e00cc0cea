/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * ledger_private: what the files of the ledger share: a process, with what it
 * asked last and what is known of its session.
 *
 * Whatever a question changes is in the store before it is answered:
 * ledger_finish sees to it.
 */
#ifndef XC_POLICY_LEDGER_PRIVATE_H
#define XC_POLICY_LEDGER_PRIVATE_H

#include <bsd/sys/cdefs.h>
#include <bsd/sys/tree.h>

#include "ledger.h"
#include "session/session_life.h"
#include "session/verdict_reply.h"

/* Postfix's word for no address, no name, no port. */
#define LEDGER_UNKNOWN	"unknown"

/* What a process asked last about its present session. */
enum phase {
	PHASE_OPEN,		/* the session is under way */
	PHASE_XCLIENT,		/* it began with an xclient lookup; xforward
				 * has to come next */
	PHASE_XFORWARD,		/* ... and has come */
	PHASE_COMMITTED,	/* an xclient lookup looked like an executed
				 * override; xforward would belie it */
	PHASE_ASSUMED		/* a milters lookup alone did; a port that was
				 * not asserted would belie it */
};

struct ledger_proc {
	RB_ENTRY(ledger_proc)		 entry;
	pid_t				 pid;
	uint64_t			 start;
	unsigned			 refs;
	unsigned			 n_streams;	/* for lookups, so far */
	unsigned			 turn;		/* of the last lookup */
	enum phase			 phase;
	bool				 has_record;	/* in the store, of
							 * any session */
	/* What is only in the store may be of the process's connection before
	 * this one, as long as nothing proves that it is not. */
	bool				 is_loaded;
	/* Begun by a policy request: of the lookups nothing is known. */
	bool				 is_shown;
	bool				 is_decided;	/* access_maps were
							 * asked ... */
	unsigned			 decided_in;	/* ... in that mail */
	bool				 is_mail_asked;	/* the filter shows MAIL
							 * and RSET */
	bool				 is_greeted;	/* behind the last MAIL,
							 * or decision */
	struct session_life		*life;	/* or NULL */
	char				*name;	/* looked up just before */
	/* The session before this one, for the log: */
	char				 former_id[ULID_SIZE];
	struct address			 former_peer;

	/* What the MTA shows of the session, if it is as we know it: */
	char	 client_text[ADDRESS_TEXT_SIZE];
	char				*client_name;	/* asserted, or NULL */
	char				*login;		/* asserted, or NULL */
	bool				 has_port;	/* client_port counts */
};

RB_HEAD(proc_tree, ledger_proc);

struct ledger {
	struct conf		*conf;
	struct store		*store;
	decision_fn		*report;
	void			*report_arg;
	struct proc_tree	 procs;
	unsigned		 n_sessions;
	struct judgement	 judgement;	/* of the line at hand */
	struct ledger_access	*access;	/* ledger_access.c's room */
};

/* By which a process's session is judged. */
const struct conf	*ledger_conf(const struct ledger *ledger,
	    const struct ledger_proc *proc);

/* Tells what is told of a process's session, or of none. */
void	ledger_report(const struct ledger *ledger,
	    const struct ledger_proc *proc, struct decision decision);

/* Sets the answer; the text is cut if it does not fit. */
void	ledger_answer(struct ledger_reply *reply, enum ledger_answer answer,
	    const char *text);

/* What a verdict gets as an access(5) action; id "": no session is known. */
void	ledger_answer_verdict(struct ledger_reply *reply,
	    enum verdict_reply_to to, enum verdict_action action,
	    enum verdict_reason reason, const char *text, const char *id);

/*
 * Begins a session, in place of the process's old one.  peer of AF_UNSPEC:
 * nobody knows who connected.  False: out of memory, or the store failed;
 * there is then no session.
 */
bool	ledger_session_begin(struct ledger *ledger, struct ledger_proc *proc,
	    struct span listener, const struct address *peer,
	    uint64_t now_ms, struct err *err);
/* The same for a client whose address, shown, cannot be read: nobody knows who
 * that is, so it is granted nothing, and its mail is refused. */
bool	ledger_session_nobody(struct ledger *ledger, struct ledger_proc *proc,
	    struct span listener, struct span shown, uint64_t now_ms,
	    struct err *err);
bool	ledger_is_nobody(const struct ledger_proc *proc);
/* Takes up what the store has of the process; s is left empty.  False: it
 * cannot be. */
bool	ledger_session_load(struct ledger *ledger, struct ledger_proc *proc,
	    struct session *s, struct err *err);
void	ledger_begin_failed(struct ledger *ledger, struct ledger_proc *proc,
	    const struct err *err, struct ledger_reply *reply);

/* Forgets the session in memory; its record stays. */
void	ledger_session_drop(struct ledger *ledger, struct ledger_proc *proc);
bool	ledger_record_delete(struct ledger *ledger, struct ledger_proc *proc,
	    struct err *err);

/* Reads what the milter has told meanwhile.  False: it cannot be told; the
 * reply is set. */
bool	ledger_refresh(struct ledger_proc *proc, struct ledger_reply *reply);

/* Every question ends here: nothing is answered that is not in the store. */
void	ledger_finish(struct ledger_proc *proc, struct ledger_reply *reply);

/* Works out what the MTA's policy requests must show of the client.  False:
 * out of memory, or the record is damaged. */
bool	ledger_expect(struct ledger_proc *proc);
/* Of the session that there is; NULL: it is not known what the peer may do. */
const struct trust_profile	*ledger_peer_profile(
				    const struct ledger_proc *proc);

/* Whether the pending override makes this address the client; set_r is then
 * what it says. */
bool	ledger_pending_fits(const struct session *s,
	    const struct address *addr, struct assertion_set *set_r);
/* Whether the MTA, told this, would look up that name. */
bool	ledger_name_fits(const struct assertion *said, const char *name);

/* The session is known to be that of the connection that there is. */
void	ledger_prove(struct ledger_proc *proc);

/* The MTA has executed the pending override, or has not. */
void	ledger_commit(struct ledger_proc *proc,
	    const struct assertion_set *set, uint64_t now_ms);
void	ledger_forget(struct ledger_proc *proc, uint64_t now_ms);

/* The MTA has taken an override that we were never asked about. */
void	ledger_unseen(struct ledger_proc *proc, uint64_t now_ms);
/* Whether the peer's grants have been revoked (session_life_check_revoked).
 * False: it cannot be told; the reply is set. */
bool	ledger_check_revoked(struct ledger_proc *proc, uint64_t now_ms,
	    struct ledger_reply *reply);
/* True if the session is one that an unseen override made. */
bool	ledger_check_unseen(struct ledger_proc *proc, uint64_t now_ms);

/*
 * What access_maps say about a policy request, or else the profile's
 * always_allow; the answer is left alone if neither says anything.
 */
struct ledger_access	*ledger_access_new(void);
void	ledger_access_free(struct ledger_access *access);
void	ledger_access(struct ledger *ledger, const struct ledger_proc *proc,
	    const struct attr_request *request, struct ledger_reply *reply);

#endif
