/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * words: texts that stand for all texts there are, as far as lists of fixed
 * texts, suffixes and shell patterns can tell them apart.
 *
 * Each text is right for some of the items.  For each such choice that is
 * possible there is a word, so that who asks about the words has asked about
 * everything.  The items are read letter by letter at once, and each set of
 * places that can be reached is gone to once, on the shortest way.
 */
#ifndef XC_CTL_WORDS_H
#define XC_CTL_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* What a text must be like. */
enum words_shape {
	WORDS_HOST,		/* a host name */
	WORDS_NAME,		/* of the context */
	WORDS_GREETING,		/* no blank, and what Postfix masks */
	WORDS_FREE		/* printable; case matters */
};

enum words_kind { WORDS_TEXT, WORDS_SUFFIX, WORDS_PATTERN };

struct words;

struct words	*words_new(enum words_shape shape);
void		 words_free(struct words *words);

/* Adds an item.  All of these exit when there is no memory. */
void		 words_add(struct words *words, enum words_kind kind,
		    const char *text);

typedef void	words_fn(const char *word, void *arg);

/* Calls fn for the words.  False: there would be too many; some were left
 * out. */
bool		 words_each(struct words *words, words_fn *fn, void *arg);

#endif
