/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * action: whether a text is an action that a policy service may give to
 * Postfix (access(5), SMTPD_POLICY_README).
 *
 * It is narrower than Postfix, for what Postfix makes of an error is seldom
 * what was meant.  Refused is not only what gets the client "451 Server
 * configuration error", but also
 *
 * - what Postfix takes for OK: a text with nothing in it, a reply code without
 *   its text ("554" is a number, as pop-before-smtp writes them), and words
 *   behind OK, which it ignores, as it does behind DUNNO;
 * - what it only warns of: FILTER, REDIRECT, BCC, PREPEND and DNS list
 *   restrictions without the argument that they need;
 * - an enhanced status code without a text: Postfix reads past the end of such
 *   an action, and may tell the client what was left of an earlier one;
 * - an argument that makes it lose its way later: the address of REDIRECT and
 *   BCC is one address as it is, without quotes and brackets; a bad filter
 *   behind a DNS list's domain ends the SMTP server;
 * - restrictions that are gone since Postfix 3.9, and HANGUP, which is not
 *   documented.
 *
 * What it cannot know: which classes Postfix has, whether it was built with
 * SASL or TLS, and at which stage of the session it asks.
 */
#ifndef XC_ACTION_H
#define XC_ACTION_H

#include "base/err.h"
#include "base/span.h"

#define ACTION_MAX	4095	/* bytes; a longer one is BAD */

enum action_result {
	ACTION_VALID,
	ACTION_DUNNO,		/* valid, too: "ask the next" */
	ACTION_BAD
};

/*
 * classes are the names of smtpd_restriction_classes, NULL behind the last;
 * NULL if there are none.  As in Postfix, case counts in them, but not in
 * actions and restrictions.  BAD: err is what is wrong, and what was expected.
 */
enum action_result	action_check(struct span text,
			    const char *const *classes, struct err *err);

#endif
