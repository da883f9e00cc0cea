/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * received_text: a Received: header's value cut into words, comments and quoted
 * strings (RFC 5322, 3.2), for received.c.
 */
#ifndef XC_RECEIVED_TEXT_H
#define XC_RECEIVED_TEXT_H

#include "base/span.h"

enum received_item_kind {
	RECEIVED_END,
	RECEIVED_WORD,
	RECEIVED_COMMENT,	/* text is what stands in the parentheses */
	RECEIVED_QUOTED,	/* likewise, in the quotes */
	RECEIVED_SEMICOLON,
	RECEIVED_UNBALANCED	/* no end to it, or a stray ')' or backslash */
};

struct received_item {
	enum received_item_kind	 kind;
	struct span		 text;
};

/* True if s has no control byte but TAB, and line ends only where they fold. */
bool	received_text_valid(struct span s);

/*
 * Takes the next item off the front of *rest.  RECEIVED_UNBALANCED takes
 * nothing.  Comments nest; a backslash hides what follows it.
 */
struct received_item	received_item_next(struct span *rest);

/* True for this word, in any case. */
bool	received_item_is(const struct received_item *item, const char *word);

/*
 * Takes the next word, or comment with its parentheses, off the front of a
 * comment's text.  n is 0: there is none.
 */
struct span	received_token_next(struct span *rest);

/*
 * True if ")" or "]" and "by" follow each other in a comment or a quoted
 * string.  Behind the client's address servers go on with "by": so this is
 * what it looks like when HELO opened a parenthesis that another text of the
 * client's closed.
 */
bool	received_text_hides_by(struct span s);

#endif
