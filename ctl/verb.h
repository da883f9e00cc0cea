/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * verb: the verbs of xcontext(1), in one table, which makes the usage, the
 * help, the completion and the check that the manual has each.
 */
#ifndef XC_CTL_VERB_H
#define XC_CTL_VERB_H

#include "ctl.h"

struct verb_option {
	const char	*name;		/* "listener" for --listener */
	const char	*arg;		/* "NAME"; NULL: it takes none */
	const char	*help;
	bool		 is_required;
	char		 letter;	/* 'j' for -j, too; '\0' */
};

/* Returns the exit status. */
typedef int	verb_fn(struct ctl *ctl);

struct verb {
	const char			*name;
	const char			*args;	/* of its usage; "" */
	int				 min_args, max_args;	/* -1: any */
	const char			*help;	/* one line */
	const struct verb_option	*options;	/* NULL name ends */
	verb_fn				*run;
};

/* NULL behind the last. */
const struct verb	*verb_at(unsigned i);
/* NULL: there is none of that name. */
const struct verb	*verb_find(const char *name);

/* "usage: xcontext [-c FILE] [--json] may [--listener NAME] PEER". */
void	verb_usage(const struct verb *verb, FILE *out);
/* The usage, what it is for, and its options. */
void	verb_help(const struct verb *verb, FILE *out);
/* All verbs, a line each. */
void	verb_help_all(FILE *out);

/* A completion script for that shell.  False: it is none that is known. */
bool	verb_completion(const char *shell, FILE *out);

/*
 * Reads the verb's options and arguments into ctl; "--json" may stand among
 * them.  argv[0] is the verb.  Prints what is wrong, and the usage, and exits
 * 64, EX_USAGE.
 */
void	verb_read(const struct verb *verb, int argc, char **argv,
	    struct ctl *ctl);

/* The verbs themselves; each file has those that are named after it. */
verb_fn	apply_run;
verb_fn	apply_confirm;
verb_fn	conformance_run;
verb_fn	coverage_log_run;
verb_fn	diff_run;
verb_fn	explain_run;
verb_fn	follow_trace;
verb_fn	inject_run;
verb_fn	lint_run;
verb_fn	matrix_run;
verb_fn	may_run;
verb_fn	ping_run;
verb_fn	probe_run;
verb_fn	reload_run;
verb_fn	replay_run;
verb_fn	revoke_run;
verb_fn	revoke_list;
verb_fn	revoke_undo;
verb_fn	sessions_list;
verb_fn	sessions_show;
verb_fn	setup_run;
verb_fn	stats_run;
verb_fn	suggest_run;
verb_fn	test_run;
verb_fn	verb_run_completion;
verb_fn	verb_run_help;
verb_fn	who_can_run;

#endif
