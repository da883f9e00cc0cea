/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * engine: what can be said of the engine that several hosts share: whether it
 * can be reached, does what it will be asked, and keeps what it is given.
 *
 * It is asked as a daemon asks it, and what is written has a lifetime of a
 * second.
 */
#ifndef XC_CTL_ENGINE_H
#define XC_CTL_ENGINE_H

#include "base/span.h"
#include "conf/conf.h"

enum engine_state { ENGINE_WELL, ENGINE_WARNS, ENGINE_FAILS };

enum engine_subject {
	ENGINE_REACHED,
	ENGINE_RIGHTS,		/* of the user that it knows us as */
	ENGINE_MEMORY,		/* what it does when there is no more */
	ENGINE_PERSISTENCE,
	ENGINE_REPLICAS,
	ENGINE_SUBJECTS
};

struct engine_report {
	char	 where[300];		/* "[192.0.2.1]:6379", a path */
	char	 version[64];		/* "redis 7.0.15"; "": not told */
	unsigned n;			/* subjects, from the first on, that
					 * something is known of */
	struct {
		enum engine_state	 state;
		char			 text[ERR_TEXT_SIZE];	/* "": all is
					 * well; may be hostile */
	} of[ENGINE_SUBJECTS];
};

/* "shared", "shared rights" ... */
const char	*engine_subject_text(enum engine_subject subject);
/* "answers", "well", "warns", "fails". */
const char	*engine_state_text(enum engine_subject subject,
		    enum engine_state state);

/* Asks it, as long as one round takes, or some seconds. */
void	engine_ask(const struct conf *conf, struct engine_report *report_r);

/* Reads what INFO has answered into the report.  It may be hostile. */
void	engine_read_info(struct span info, struct engine_report *report);

#endif
