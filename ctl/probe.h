/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * probe: a question through a socket that a mail server uses, of the kind that
 * a mail server asks; none changes a session.
 */
#ifndef XC_CTL_PROBE_H
#define XC_CTL_PROBE_H

#include <stdbool.h>

enum probe_question {
	PROBE_MAPS,
	PROBE_POLICY,
	PROBE_MILTER,
	PROBE_GREETING,		/* of xcontext-relay, which speaks first */
	PROBE_NOTHING		/* to be reached is enough */
};

/* errno 0 with NOT_ANSWERED: it hung up. */
struct probe_answer {
	enum {
		PROBE_IS_WELL,
		PROBE_NOT_TRIED,
		PROBE_NOT_REACHED,
		PROBE_NOT_ANSWERED
	}	stage;
	int	error;
	char	said[128];	/* by a table that failed; else "" */
};

/* where: "/path", "unix:/path", "inet:host:port" or "host:port".  For each step
 * there are so many seconds. */
struct probe_answer	probe(const char *where, enum probe_question question,
			    int seconds);

/*
 * The same by another process, which fn is the whole life of, and which may
 * become whom it likes before it asks.  If it does not come back, that is
 * PROBE_NOT_TRIED.
 */
typedef struct probe_answer probe_fn(const void *arg);
struct probe_answer	probe_apart(probe_fn *fn, const void *arg);

/* "cannot be reached". */
const char	*probe_stage_text(const struct probe_answer *answer);

#endif
