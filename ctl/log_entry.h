/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * log_entry: one line of a log, if the daemons have written it.
 *
 * It knows their lines as text and as JSON, by themselves, behind what syslog
 * puts in front, and as journalctl prints them, also as JSON of its own.  Who
 * wrote a line is read where syslog and the journal say it, and nowhere else:
 * what clients say stands in the lines of other programs, too.
 */
#ifndef XC_CTL_LOG_ENTRY_H
#define XC_CTL_LOG_ENTRY_H

#include "daemon/decision_log.h"

#define LOG_ENTRY_LINE_MAX	32768	/* a longer one is nobody's of ours */

/* A line of another program's, as far as syslog or the journal says whose; else
 * all are empty.  They live as long as the line and the entry. */
struct log_entry_foreign {
	struct span	 time, host;
	struct span	 program;	/* "postfix/smtpd" */
	struct span	 pid;
	struct span	 message;
};

enum log_entry_kind {
	LOG_ENTRY_FOREIGN,	/* another program's */
	LOG_ENTRY_EVENT,	/* ours, about something else */
	LOG_ENTRY_DECISION,	/* about a command that somebody said */
	LOG_ENTRY_DAMAGED	/* ours, but not as it was written: why */
};

struct log_entry {
	enum log_entry_kind	 kind;
	const char		*why;		/* only if it is damaged */
	struct log_entry_foreign foreign;
	/* The rest is set if it is ours, and whole.  Texts end in a NUL, live
	 * as long as the entry, and are NULL where there is none. */
	const char		*time;		/* as it stands there */
	const char		*program;
	const char		*session;
	const char		*event;
	const char		*value[DECISION_KEY_COUNT];
	bool			 is_said_whole;	/* of a decision: that is the
						 * command, to the letter */
	/* Where they are: */
	char			 buf[2 * LOG_ENTRY_LINE_MAX + 256];
	size_t			 used;
	int			 last;		/* enum decision_key; -1 */
};

/* Reads a line, without its newline. */
void	log_entry_read(struct span line, struct log_entry *entry_r);

#endif
