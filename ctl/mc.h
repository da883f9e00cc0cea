/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * mc: the milters in the text of Sendmail's sendmail.mc and sendmail.cf.
 *
 * sendmail.mc is a program; of it, lines that begin with the macros of filters
 * are understood, outside of "divert(-1)" and behind no "dnl".  What is not to
 * be changed stays as it is.  Results are in the pool.
 */
#ifndef XC_CTL_MC_H
#define XC_CTL_MC_H

#include <stdbool.h>

#include "pool.h"

/* "S=unix:/path, F=T, T=S:10s". */
struct mc_filter {
	const char	*name;
	const char	*equates;
};

/* A filter that sendmail.mc names: the one of that name, or else of that
 * socket; of several the last.  False: there is none. */
bool	mc_find(struct pool *pool, const char *text, const char *name,
	    const char *socket, struct mc_filter *filter_r);

/* The same of sendmail.cf. */
bool	mc_cf_find(struct pool *pool, const char *text, const char *name,
	    const char *socket, struct mc_filter *filter_r);

/*
 * sendmail.mc with that filter, which is asked first: in the place of the line
 * that it has, or in front of the other filters, or of the mailers; and in the
 * list of confINPUT_MAIL_FILTERS, if that is said.
 */
const char	*mc_put(struct pool *pool, const char *text,
		    const struct mc_filter *filter);

/* An equate's value, 'S' or 'F' or 'T'; NULL: it is not said. */
const char	*mc_equate(struct pool *pool, const char *equates, char name);

/* The equates with that one, in its place or at the end. */
const char	*mc_equate_set(struct pool *pool, const char *equates,
		    char name, const char *value);

/* Where a filter stands in sendmail.cf's InputMailFilters, from 0 on; -1: it is
 * not in it, and so is never asked. */
int	mc_cf_position(struct pool *pool, const char *text, const char *name);

/*
 * True if two texts of sendmail.cf say the same, whatever they say of the
 * filter of that name ("": no filter is left out); else *line_r is the first
 * line of b that differs.
 */
bool	mc_cf_same(struct pool *pool, const char *a, const char *b,
	    const char *name, const char **line_r);

#endif
