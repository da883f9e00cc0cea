/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * cf: changes in the text of main.cf and master.cf.
 *
 * What is not to be changed stays as it is, byte by byte: comments, order, the
 * layout of other people's lines.  Nothing is read from or written to a file
 * here.  Results are in the pool.
 */
#ifndef XC_CTL_CF_H
#define XC_CTL_CF_H

#include "pool.h"

/* main.cf with that value, in the place of the line that is in force, or at
 * the end. */
const char	*cf_set(struct pool *pool, const char *text, const char *name,
		    const char *value);

/* master.cf with that entry, whole lines, in the place of the one of that name
 * and type, or at the end. */
const char	*cf_put_entry(struct pool *pool, const char *text,
		    const char *name, const char *type, const char *entry);

/*
 * master.cf, in whose entry of that name and type these settings (NULL ends
 * them) are said by no -o any more, and these lines stand at its end.  NULL:
 * it has no such entry.
 */
const char	*cf_override(struct pool *pool, const char *text,
		    const char *name, const char *type,
		    const char *const settings[], const char *lines);

/* "  -o { name = value }", a line of an entry. */
const char	*cf_option(struct pool *pool, const char *name,
		    const char *value);

/* The lines of that entry, as they are; NULL: there is none. */
const char	*cf_entry(struct pool *pool, const char *text,
		    const char *name, const char *type);

/* The number of the first line that is indented, and so continues the entry
 * above it, but looks like an entry of its own; 0: there is none. */
unsigned	 cf_find_swallowed(const char *text);

#endif
