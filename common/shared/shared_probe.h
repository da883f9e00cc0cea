/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * shared_probe: what can be said of the engine that several hosts share:
 * whether it can be reached, does what it will be asked, and keeps what it is
 * given.
 *
 * What is written for that has a lifetime of a second.
 */
#ifndef XC_CTL_SHARED_PROBE_H
#define XC_CTL_SHARED_PROBE_H

#include "base/span.h"
#include "conf/conf.h"

struct event_base;
struct shared_probe;

enum shared_probe_state {
	SHARED_PROBE_WELL,
	SHARED_PROBE_WARNS,
	SHARED_PROBE_FAILS
};

enum shared_probe_subject {
	SHARED_PROBE_REACHED,
	SHARED_PROBE_RIGHTS,		/* of the user that it knows us as */
	SHARED_PROBE_MEMORY,		/* what it does when there is no more */
	SHARED_PROBE_PERSISTENCE,
	SHARED_PROBE_REPLICAS,
	SHARED_PROBE_SUBJECTS
};

struct shared_probe_report {
	char	 where[300];		/* "[192.0.2.1]:6379", a path */
	char	 version[64];		/* "redis 7.0.15"; "": not told */
	unsigned n;			/* subjects, from the first on, that
					 * something is known of */
	struct {
		enum shared_probe_state	 state;
		char			 text[ERR_TEXT_SIZE];	/* "": all is
					 * well; may be hostile */
	} of[SHARED_PROBE_SUBJECTS];
};

/* "shared", "shared rights" ... */
const char	*shared_probe_subject_text(enum shared_probe_subject subject);
/* "answers", "well", "warns", "fails". */
const char	*shared_probe_state_text(enum shared_probe_subject subject,
		    enum shared_probe_state state);

typedef void	shared_probe_fn(void *arg,
		    const struct shared_probe_report *report);

/*
 * Asks the engine of the configuration, of which it takes a reference, once.
 * Ten seconds later at most fn is called, from the loop, and the probe is gone
 * behind that.  *slot is the probe as long as it is there, then NULL; slot may
 * be NULL.  False: out of memory.
 */
bool	shared_probe_begin(struct event_base *base, struct conf *conf,
	    struct shared_probe **slot, shared_probe_fn *fn, void *arg);
/* Ends it; fn is not called.  NULL is allowed. */
void	shared_probe_free(struct shared_probe *probe);

/* Reads what INFO has answered into the report.  It may be hostile. */
void	shared_probe_read_info(struct span info,
	    struct shared_probe_report *report);

#endif
