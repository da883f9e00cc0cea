/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * policy: what access_maps say of a message, where no policy service is asked:
 * with Sendmail.
 *
 * Of access(5)'s actions a milter can do some: OK, DUNNO, REJECT, DEFER, 4NN
 * and 5NN with a text, DISCARD, INFO and WARN.  Any other is an error: it is
 * logged, and the mail is to come again.
 */
#ifndef XC_POLICY_H
#define XC_POLICY_H

#include "access/access.h"
#include "conversation.h"

enum policy_result {
	POLICY_PASS,
	POLICY_REFUSE,		/* *answer_r is set */
	POLICY_DISCARD
};

/* Puts the conversation's session and message to access_maps; it must have a
 * session (conversation_session). */
enum policy_result	policy_ask(struct conversation *c,
			    struct enforce_answer *answer_r);

/* What an action, which has been found valid, is to a milter; id is the
 * session's. */
enum policy_result	policy_act(const char *action, const char *id,
			    struct enforce_answer *answer_r);

#endif
