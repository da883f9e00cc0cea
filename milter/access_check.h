/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * access_check: what access_maps say of a message, where no policy service is
 * asked: with Sendmail.
 *
 * Of access(5)'s actions a milter can do some: OK, DUNNO, REJECT, DEFER, 4NN
 * and 5NN with a text, DISCARD, INFO and WARN.  Any other is an error: it is
 * logged, and the mail is to come again.
 */
#ifndef XC_ACCESS_CHECK_H
#define XC_ACCESS_CHECK_H

#include "access/access.h"
#include "conversation.h"

enum access_check_result {
	ACCESS_CHECK_PASS,
	ACCESS_CHECK_REFUSE,		/* *answer_r is set */
	ACCESS_CHECK_DISCARD
};

/* Puts the conversation's session and message to access_maps; it must have a
 * session (conversation_session). */
enum access_check_result	access_check_message(struct conversation *c,
			    struct enforce_reply *answer_r);

/* What an action, which has been found valid, is to a milter; id is the
 * session's. */
enum access_check_result	access_check_action(const char *action,
    const char *id,
			    struct enforce_reply *answer_r);

#endif
