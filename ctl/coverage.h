/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * coverage: which rules have decided something, and which never.
 *
 * Rules are the entries of trust tables, what profiles grant, the lists of
 * values that they set, and the entries of tables in these.
 */
#ifndef XC_CTL_COVERAGE_H
#define XC_CTL_COVERAGE_H

#include <jansson.h>

#include "conf/conf.h"

struct coverage;

/* What has happened, for the rules that it hits: texts NULL where there is
 * none. */
struct coverage_event {
	const struct trust_profile	*profile;
	const char			*time;
	const char			*example;
};

/* All rules of the configuration, which must outlive it.  Exits if a table
 * cannot be read, or there is no memory, as all of these do. */
struct coverage	*coverage_new(const struct conf *conf);
void		 coverage_free(struct coverage *coverage);

/* Somebody got his profile by that rule, "file:line". */
void	coverage_peer(struct coverage *coverage, const char *rule,
	    const struct coverage_event *event);
/* A command was judged, or an attribute (NULL: it has none) of it; verdict is
 * about that one. */
void	coverage_judged(struct coverage *coverage, enum trust_command command,
	    const char *attribute, enum verdict_reason reason,
	    const char *rule, const struct coverage_event *event);

/* "kind", "place", "profile", "what", "count", "first", "last", "example" of
 * each rule; only those never hit, or only the others. */
json_t	*coverage_rows(const struct coverage *coverage, bool is_hit);
/* How many there are, and how many were hit. */
size_t	coverage_count(const struct coverage *coverage, size_t *hit_r);

#endif
