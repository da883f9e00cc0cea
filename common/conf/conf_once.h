/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_once: finds a setting that is said twice at one level, word by word as
 * the file is scanned.
 *
 * The later value would count, and nobody who adds a paragraph to a file sees
 * that he has taken away what another paragraph gave: trust_maps, above all.
 * A section without a title may be written in several pieces, as long as these
 * do not say the same.
 *
 * What is no setting, or has no shape, is the parser's to refuse.
 *
 * Private to conf*.c.
 */
#ifndef XC_CONF_ONCE_H
#define XC_CONF_ONCE_H

#include "base/span.h"

struct conf_once;

/* NULL: out of memory. */
struct conf_once	*conf_once_new(void);
void			 conf_once_free(struct conf_once *once);

/* A word, or a text in quotes. */
void	conf_once_word(struct conf_once *once, struct span word);

/*
 * One of "{", "}", "=" and ",".  0, or the line in which the setting has been
 * said that this mark says again; then *name_r is its name.
 */
unsigned	conf_once_mark(struct conf_once *once, char mark,
		    unsigned line, const char **name_r);

#endif
