/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * What stage.c (the carrier's part, and who is owed what) and stage_rules.c
 * (who may be told what) share.
 */
#ifndef XC_T_STAGE_PRIVATE_H
#define XC_T_STAGE_PRIVATE_H

#include "smtp/smtp_reply.h"
#include "stage.h"

/* The first one stays. */
void	stage_set_fault(struct stage *stage, const char *what,
	    const char *text);

/* A connection to a next hop is over; one begins. */
void	stage_rules_end(struct stage *stage);
/* To the next hop: a PROXY header, a command; the session for its milter. */
void	stage_rules_header(struct stage *stage, struct span bytes);
void	stage_rules_command(struct stage *stage, struct span line);
void	stage_rules_hand_over(struct stage *stage,
	    const struct session *session);
/* Of the next hop: TLS, a reply (TALK_FOR_...). */
void	stage_rules_secured(struct stage *stage);
void	stage_rules_answer(struct stage *stage, char what,
	    const struct smtp_reply *reply);
/* To the client. */
void	stage_rules_reply(struct stage *stage, char what, struct span text);
/* After anything. */
void	stage_rules_check(struct stage *stage);

#endif
