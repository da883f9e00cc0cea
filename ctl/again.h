/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * again: decides a decision of the log again, by the daemons' own code and the
 * rules of some configuration.
 *
 * It is the rules that are asked.  What was refused because of the session's
 * state (sealed, in a transaction, revoked, no room), or because the line was
 * not valid, is not about them; and of what the log has not in full nothing is
 * said.
 */
#ifndef XC_CTL_AGAIN_H
#define XC_CTL_AGAIN_H

#include "log_entry.h"
#include "ctl.h"
#include "session/judge.h"

enum again_result {
	AGAIN_DECIDED,
	AGAIN_STATE,		/* it was no matter of rules */
	AGAIN_CUT,		/* the log has not all of it: err says what */
	AGAIN_CANNOT_TELL	/* a table failed: err says which */
};

/* Read-only for others than again.c; it lives until the next decision. */
struct again {
	const struct conf		*conf;
	struct session			 session;
	struct trust_peer		 peer;
	const struct trust_profile	*profile;	/* NULL: who it was is
							 * not known */
	char				 peer_rule[192];	/* as a
							 * verdict's */
	struct span			 args;		/* behind the command */
	struct judgement		 j;		/* what it is now */
	enum verdict_action		 was;		/* what it was */
	bool				 was_reported;
	struct err			 err;
};

/* NULL never: exits if there is no memory.  conf must outlive it. */
struct again		*again_new(const struct conf *conf);
void			 again_free(struct again *again);

enum again_result	 again_decide(struct again *again,
			    const struct log_entry *entry);

/* Whether it has come out differently: passed, passed with a report, or what
 * became of the session. */
bool			 again_differs(const struct again *again);

/* "permit", "permit (only reported)", "tempfail" ... */
const char		*again_text(enum verdict_action action,
			    bool is_reported);

/*
 * What XCLIENT, XFORWARD or XREMOTEIP says, but for what the profile drops.
 * False: it is another command, or not valid.
 */
bool			 again_said(const struct again *again,
			    struct assertion_set *set_r);

/* Calls fn for each of these attributes, with what its own rule comes to. */
typedef void again_attribute_fn(const struct assertion_set *set,
    enum assertion_name name, const struct verdict *v, void *arg);
void			 again_each_attribute(const struct again *again,
			    again_attribute_fn *fn, void *arg);

#endif
