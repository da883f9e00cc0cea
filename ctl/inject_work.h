/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_work: which message is to be sent next, and what becomes of it when it
 * was: the source, the journal and the place for what is rejected, in the order
 * in which nothing is lost.
 *
 *   1. "in doubt" is on disk
 *   2. the end of the content goes out (of short messages, all of it)
 *   3. the reply comes
 *   4. what it says is in the journal
 *   5. the message leaves the source
 *
 * Killed between 1 and 4, it is not known whether the server has it; the next
 * run says so, and does what --in-doubt tells it.  At any other moment it goes on
 * where it was.
 *
 * Private to inject*.c.
 */
#ifndef XC_CTL_INJECT_WORK_H
#define XC_CTL_INJECT_WORK_H

#include "inject_journal.h"
#include "inject_plan.h"
#include "inject_stats.h"

struct inject_work {
	const struct inject_config	*config;
	struct inject_source		*source;
	struct inject_journal		*journal;	/* NULL: none */
	struct inject_stats		 stats;
	bool				 is_second;	/* those in doubt */
	bool				 has_doubt;	/* there are such */
	uint64_t			 inode;		/* that an mbox gets */
	bool				 is_over;	/* no more */
	bool				 has_failed;	/* of itself: said */
};

/* One message that is being worked on. */
struct inject_job {
	struct inject_item	 item;
	struct inject_plan	 plan;
	json_t			*entry;
	unsigned		 tries;
};

/* True: *job is to be sent; the caller ends it, notes it and lets it leave.
 * False: there is none any more. */
bool	inject_work_next(struct inject_work *work, struct inject_job *job);

/* What a recipient's part of it has become. */
void	inject_work_set(struct inject_job *job, const char *rcpt,
	    enum inject_state state, const char *reply);

/* Puts what is known of these jobs into the journal, in one step; is_safe: it is
 * on disk then.  False: said, and nothing more is to be sent. */
bool	inject_work_note(struct inject_work *work,
	    struct inject_job *const *jobs, unsigned n, bool is_safe);

/* It is over with that one: counts it, and keeps what was rejected.  It is to be
 * noted then, and after that, let go. */
void	inject_work_end(struct inject_work *work, struct inject_job *job);

/* What has no place in the source any more leaves it; job is empty then. */
void	inject_work_leave(struct inject_work *work, struct inject_job *job);

/* Forgets it, wherever it stands. */
void	inject_work_drop(struct inject_job *job);

/* What was taken out of an mbox goes.  False: said. */
bool	inject_work_finish(struct inject_work *work);

/* Says what has gone wrong, and goes on. */
void	inject_work_say(const struct inject_work *work, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

#endif
