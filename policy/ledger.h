/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * ledger: follows the SMTP sessions of Postfix's processes.
 *
 * Postfix tells nobody that an override happened.  But each of its smtpd
 * processes serves one session at a time and asks its tables in a fixed
 * order, so what was asked, after what, tells where the session stands: see
 * "xclient", "xforward", "milters", "command" and the policy request below.
 * The ledger decides by trust, keeps what must outlive this daemon in the
 * store before it answers, and tells each decision through one callback.
 * It knows no socket and no clock.
 */
#ifndef XC_POLICY_LEDGER_H
#define XC_POLICY_LEDGER_H

#include "attr.h"
#include "conf/conf.h"
#include "session/decision.h"
#include "session/session.h"
#include "session/store.h"

/* What to answer; the protocol modules put it in their words. */
enum ledger_answer {
	LEDGER_YES,		/* found; text is the data */
	LEDGER_NO,		/* not found; nothing to say */
	LEDGER_TEMP,		/* cannot tell; text says why */
	LEDGER_PERM,		/* end the session (421); text says why */
	LEDGER_ACTION		/* policy: text is the access(5) action */
};

#define LEDGER_TEXT_SIZE	ASSERTION_LINE_MAX

struct ledger_reply {
	enum ledger_answer	answer;
	char			text[LEDGER_TEXT_SIZE];
};

struct ledger;
struct ledger_proc;

/* conf is referenced; store and report_arg must outlive the ledger. */
struct ledger	*ledger_new(struct conf *conf, struct store *store,
		    decision_fn *report, void *report_arg);
void		 ledger_free(struct ledger *ledger);

/* Sessions that begin from now on follow this configuration. */
void		 ledger_set_conf(struct ledger *ledger, struct conf *conf);

/*
 * The entry of one process, made at the first call, with one reference more.
 * start is what procinfo_start() says of pid.  What the store has of this very process is
 * taken up; what it has of an earlier one of the same number is thrown away.
 * NULL: out of memory, or the store cannot tell (err).
 */
struct ledger_proc	*ledger_proc_get(struct ledger *ledger, pid_t pid,
			    uint64_t start, struct err *err);

/*
 * Gives one reference back.  is_over: the process itself closed the stream
 * that it asks its tables on, so no SMTP session is in progress there; false
 * when it is we who close.
 */
void	ledger_proc_put(struct ledger *ledger, struct ledger_proc *proc,
	    bool is_over);

/*
 * Counts the streams for lookups that a process has opened, and says whether
 * that one is still the last: when an older one ends, it says nothing of what
 * the process does now.
 */
unsigned	ledger_proc_new_stream(struct ledger_proc *proc);
bool		ledger_proc_is_last_stream(const struct ledger_proc *proc,
		    unsigned stream);

/*
 * Remembers, and says, whether a lookup of the process was answered in that
 * turn of the loop, which is not 0.
 */
void		ledger_proc_set_turn(struct ledger_proc *proc, unsigned turn);
bool		ledger_proc_is_turn(const struct ledger_proc *proc,
		    unsigned turn);

/* The process's present session, or NULL.  It lives until the next call. */
const struct session	*ledger_proc_session(const struct ledger_proc *proc);

/* The table lookups.  listener may be empty.  reply is always set. */
void	ledger_xclient(struct ledger *ledger, struct ledger_proc *proc,
	    struct span listener, struct span key, uint64_t now_ms,
	    struct ledger_reply *reply);
void	ledger_xforward(struct ledger *ledger, struct ledger_proc *proc,
	    struct span listener, struct span key, uint64_t now_ms,
	    struct ledger_reply *reply);
void	ledger_milters(struct ledger *ledger, struct ledger_proc *proc,
	    struct span listener, struct span key, uint64_t now_ms,
	    struct ledger_reply *reply);
void	ledger_command(struct ledger *ledger, struct ledger_proc *proc,
	    struct span listener, struct span key, uint64_t now_ms,
	    struct ledger_reply *reply);

/*
 * The profile of a host's address or verified name; a stranger has none.  It
 * is about no session.
 */
void	ledger_profile(struct ledger *ledger, struct span listener,
	    struct span key, struct ledger_reply *reply);

/* The policy request: LEDGER_NO (DUNNO) or LEDGER_ACTION. */
void	ledger_policy(struct ledger *ledger, struct ledger_proc *proc,
	    const struct attr_request *request, uint64_t now_ms,
	    struct ledger_reply *reply);

/*
 * Removes from the store what belongs to processes that are gone; and, where
 * it is not known to which process it belongs, what is older than
 * limits.session_lifetime.  Returns how many, or -1 with err.
 */
int	ledger_sweep(struct ledger *ledger, uint64_t now_ms, struct err *err);

/* How many processes have a session now. */
unsigned	ledger_sessions(const struct ledger *ledger);

#endif
