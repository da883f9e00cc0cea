/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * What the files of session_life share: session_life.c (its station from the
 * first to the last), session_life_client.c (who the client is, and what is
 * known of him), session_life_store.c (its record), session_life_command.c
 * (what commands make of it).
 */
#ifndef XC_SESSION_LIFE_PRIVATE_H
#define XC_SESSION_LIFE_PRIVATE_H

#include "session/session_life.h"

struct session_life {
	struct conf			*conf;		/* a reference */
	struct session_life_home	 home;
	struct session			 session;
	struct span			 said;	/* behind the command that is
						 * being judged or executed */
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

void	session_life_tell(const struct session_life *life,
	    enum session_life_event event, const struct verdict *verdict,
	    const char *command, const char *line);
void	session_life_tell_error(const struct session_life *life,
	    const struct verdict *verdict, const struct err *err);

/* Adds to the audit trail; it is to be saved. */
void	session_life_audit(struct session_life *life, enum session_event event,
	    const char *text, uint64_t now_ms);

/* Refuses the session's mail, if it is not refused as gravely already. */
void	session_life_refuse_mail(struct session_life *life,
	    enum verdict_action action, enum verdict_reason reason,
	    const char *text, uint64_t now_ms);

bool	session_life_only_reports(const struct session_life *life);

/* Makes a permitted override pending.  False: out of memory. */
bool	session_life_pend(struct session_life *life, const struct judgement *j,
	    uint64_t now_ms);
/* The pending override is who the client is now; nobody is told. */
void	session_life_override(struct session_life *life,
	    const struct assertion_set *set, uint64_t now_ms);
/* Who comes next is not whose mail was sent. */
void	session_life_begin_anew(struct session_life *life);

#endif
