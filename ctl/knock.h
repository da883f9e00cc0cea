/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * knock: a question through a socket that a mail server uses, of the kind that
 * a mail server asks; none changes a session.
 */
#ifndef XC_CTL_KNOCK_H
#define XC_CTL_KNOCK_H

#include <stdbool.h>

enum knock_question {
	KNOCK_MAPS,
	KNOCK_POLICY,
	KNOCK_MILTER,
	KNOCK_GREETING,		/* of xcontext-relay, which speaks first */
	KNOCK_NOTHING		/* to be reached is enough */
};

/* errno 0 with NOT_ANSWERED: it hung up. */
struct knock_answer {
	enum {
		KNOCK_IS_WELL,
		KNOCK_NOT_TRIED,
		KNOCK_NOT_REACHED,
		KNOCK_NOT_ANSWERED
	}	stage;
	int	error;
	char	said[128];	/* by a table that failed; else "" */
};

/* where: "/path", "unix:/path", "inet:host:port" or "host:port".  For each step
 * there are so many seconds. */
struct knock_answer	knock(const char *where, enum knock_question question,
			    int seconds);

/*
 * The same by another process, which fn is the whole life of, and which may
 * become whom it likes before it asks.  If it does not come back, that is
 * KNOCK_NOT_TRIED.
 */
typedef struct knock_answer knock_fn(const void *arg);
struct knock_answer	knock_apart(knock_fn *fn, const void *arg);

/* "cannot be reached", and why that is, "": it is not known. */
const char	*knock_stage_text(const struct knock_answer *answer);
const char	*knock_error_text(const struct knock_answer *answer);

#endif
