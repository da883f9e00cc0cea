/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conformance: the battery of questions about XCLIENT, XFORWARD and PROXY, and
 * what each reply means for who runs the server.
 */
#ifndef XC_CTL_CONFORMANCE_H
#define XC_CTL_CONFORMANCE_H

#include <stdbool.h>

#define CONFORMANCE_LINES	8

enum conformance_verdict {
	CONFORMANCE_SPECIFIED,	/* as its documents say, XCLIENT_README.. */
	CONFORMANCE_SAFE,	/* otherwise, and harms nobody */
	CONFORMANCE_DANGEROUS,
	CONFORMANCE_UNKNOWN,	/* it cannot be told */
	CONFORMANCE_ABSENT	/* it is not offered */
};

/* What a question needs to be asked. */
enum conformance_need {
	CONFORMANCE_XCLIENT,	/* that it is offered */
	CONFORMANCE_NO_XCLIENT,
	CONFORMANCE_XFORWARD,	/* both */
	CONFORMANCE_ANYTHING
};

struct conformance_outcome {
	const char			*when;	/* how the code of the last
						 * reply begins, "0": closed;
						 * "yes", "no": as the one
						 * control or the other, "else":
						 * refused, as neither */
	enum conformance_verdict	 verdict;
	const char			*meaning;
};

/*
 * Lines are said one after the other, behind EHLO.  In them, {own} is the address
 * that is connected from, {rejected}, {name} and {helo} what the server's rules
 * reject, {login} a user, {rcpt} a recipient and {outside} one elsewhere.  "!n"
 * begins bytes that have n replies, and "^" what comes before the greeting.
 */
struct conformance_item {
	const char			*name;
	enum conformance_need		 need;
	const char			*lines[CONFORMANCE_LINES];
	/* Of the last line alone: the server has to have taken those before it,
	 * or it has not come to what is asked about. */
	bool				 is_behind;
	/* How it looks if what is asked about has happened, and if not; where
	 * these look alike, it cannot be told. */
	const char			*yes[CONFORMANCE_LINES];
	const char			*no[CONFORMANCE_LINES];
	struct conformance_outcome	 outcomes[3];
};

/* NULL behind the last. */
const struct conformance_item	*conformance_battery(unsigned i);

/* "dangerous" */
const char	*conformance_verdict_text(enum conformance_verdict verdict);

#endif
