/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * ctl: what the verbs of xcontext(1) are given, and what all of them do alike.
 *
 * A verb decides nothing itself: it asks the code that the daemons decide by,
 * and the store that they keep.
 */
#ifndef XC_CTL_H
#define XC_CTL_H

#include "conf/conf.h"
#include "session/store.h"

#define CTL_PROGRAM	"xcontext"
#define CTL_OPTIONS_MAX	32

/*
 * Exit statuses, beside those of sysexits.h for what went wrong: 64 wrong
 * usage, 69 no store or it failed, 71 out of memory, 78 a configuration that
 * cannot be used.
 */
#define CTL_YES		0	/* done; permitted; there is one */
#define CTL_NO		1	/* refused; there is none */
#define CTL_CANNOT_TELL	75	/* EX_TEMPFAIL: a table or the store failed */

struct ctl {
	const char	*file;		/* -c */
	bool		 is_json;	/* --json */
	/* The verb's: */
	const char	*option[CTL_OPTIONS_MAX];	/* in the order of its
					 * table; NULL: not given, "" if it
					 * takes no argument */
	int		 n_args;
	char		**args;
	/* Made when they are asked for: */
	struct conf	*conf;
	struct store	*store;
};

/* Prints "xcontext: ..." to standard error, and exits. */
_Noreturn void	ctl_die(int status, const char *fmt, ...)
		    __attribute__((format(printf, 2, 3)));

/* The configuration that counts by the file (daemon/in_force.h).  Exits where
 * there is none. */
struct conf	*ctl_conf(struct ctl *ctl);

/*
 * The store of the daemons, opened as the user that they become, which this
 * process then is, too.  It must be there: nothing is made.  Exits if not.
 */
struct store	*ctl_store(struct ctl *ctl);

/* What err says ends the program: it cannot be told. */
_Noreturn void	ctl_cannot_tell(const struct err *err);

#endif
