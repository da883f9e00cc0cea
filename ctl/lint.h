/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * lint: what the parts of "lint" share: the findings, and who adds to them.
 */
#ifndef XC_CTL_LINT_H
#define XC_CTL_LINT_H

#include "output.h"

enum lint_severity { LINT_NONE, LINT_NOTE, LINT_WARNING, LINT_ERROR };

/* What a finding is, why it matters, and what to do. */
struct lint_kind {
	const char		*name;		/* "dead_rule" */
	enum lint_severity	 severity;
	const char		*why;
	const char		*fix;
};

struct lint {
	const struct conf	*conf;
	json_t			*findings;
	json_t			*seen;		/* keys: those, once each */
	enum lint_severity	 worst;
};

/* What is wrong in the rules of a configuration, but not around them: a
 * reference. */
json_t	*lint_rules(const struct conf *conf);

/* Adds one; file NULL: it has no place, line 0: no line. */
void	lint_add(struct lint *lint, const struct lint_kind *kind,
	    const char *file, unsigned line, const char *fmt, ...)
	    __attribute__((format(printf, 5, 6)));

/* What the tables of trust_maps say: rules that never count, networks that
 * overlap, the Internet, "root".  Exits if one cannot be read. */
void	lint_tables(struct lint *lint);

/* What the profiles grant, to how many (with LOGIN: more than "many"), and
 * which nobody has. */
void	lint_profiles(struct lint *lint, unsigned long long many);

/* What surrounds them: the rights of files, and Postfix's own settings. */
void	lint_host(struct lint *lint);

#endif
