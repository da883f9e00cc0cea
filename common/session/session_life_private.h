/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * What the files of session_life share: session_life.c (its station from the
 * first to the last), session_life_client.c (who the client is, and what is
 * known of him), session_life_store.c (its record), session_life_command.c
 * (what commands make of it), session_life_trial.c (what other rules would).
 */
#ifndef XC_SESSION_LIFE_PRIVATE_H
#define XC_SESSION_LIFE_PRIVATE_H

#include "session/session_life.h"

struct session_life {
	struct conf			*conf;		/* a reference */
	struct session_life_home	 home;
	struct session			 session;
	const struct trust_profile	*profile;	/* NULL: not known */
	bool				 has_record;	/* in the store */
	bool				 is_changed;	/* since then */
	bool				 is_same_client; /* the pending override
							 * adds to others */
	bool				 is_used;	/* mail was sent under
							 * this override, and
							 * nothing seals it */
	bool				 is_anew;	/* what the milter told
							 * of it is over */
};

/* Tells what is told of this session. */
void	session_life_tell(const struct session_life *life,
	    struct decision decision);
void	session_life_tell_error(const struct session_life *life,
	    const struct verdict *verdict, const struct err *err);
/* What is told of a command; line may be NULL. */
struct decision	session_life_about(enum decision_event event,
		    const struct judgement *j, const char *line);

/* Refuses what the decision, a DECISION_REFUSE, is about; is_reported: the
 * session's mail is not. */
void	session_life_deny(struct session_life *life, struct decision decision,
	    bool is_reported, uint64_t now_ms);

/* Adds to the audit trail; it is to be saved. */
void	session_life_audit(struct session_life *life, enum session_event event,
	    const char *text, uint64_t now_ms);

/* Refuses the session's mail, if it is not refused as gravely already. */
void	session_life_refuse_mail(struct session_life *life,
	    enum verdict_action action, enum verdict_reason reason,
	    const char *text, uint64_t now_ms);

bool	session_life_only_reports(const struct session_life *life);

/* While there is a trial: tells where the former configuration would have given
 * the peer another profile, or come to another result.  args: what j judges. */
void	session_life_try_peer(const struct session_life *life);
void	session_life_try_line(const struct session_life *life, bool is_proven,
	    const struct judgement *j, struct span args);

/* An override is who the client is now; nobody is told.  line is the
 * session's from then on. */
void	session_life_override(struct session_life *life, char *line,
	    const struct assertion_set *set, bool is_another,
	    uint64_t now_ms);
/* Who comes next is not whose mail was sent. */
void	session_life_begin_anew(struct session_life *life);

#endif
