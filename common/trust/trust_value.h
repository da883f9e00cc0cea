/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * trust_value: the list of values that an attribute may take.
 *
 * Private to trust*.c.  A list is read-only once it is made.
 */
#ifndef XC_TRUST_VALUE_H
#define XC_TRUST_VALUE_H

#include "base/err.h"
#include "trust/assertion.h"

struct trust;
struct trust_list;

enum trust_match {
	TRUST_MATCH_ALLOWED,
	TRUST_MATCH_REFUSED,
	TRUST_MATCH_CANNOT_TELL
};

/* How a match came about. */
struct trust_hit {
	const char	*file;		/* of the table entry that decided, */
	unsigned	 line;		/* NULL: the list itself */
	const char	*why;		/* what to say behind "ADDR=x ..." */
	struct err	 err;		/* only with CANNOT_TELL */
};

/*
 * Makes the list of that attribute from items (NULL-terminated); tables are
 * opened in trust.  file and line say where the list stands, for err.
 * NULL with err: an item that is not valid for the attribute, a table that
 * cannot be opened, or no memory.
 */
struct trust_list	*trust_list_new(struct trust *trust,
			    enum assertion_name name,
			    const char *const *items, const char *file,
			    unsigned line, struct err *err);
void			 trust_list_free(struct trust_list *list);

/* "!10.0.0.0/8, public": its items; list NULL: "none".  What does not fit is
 * left out, which "..." shows. */
void			 trust_list_text(const struct trust_list *list,
			    char *buf, size_t size);

/* One item of a list. */
struct trust_item {
	enum {
		TRUST_ITEM_NETWORK,
		TRUST_ITEM_TEXT,	/* letter by letter */
		TRUST_ITEM_SUFFIX,	/* ".example.com" */
		TRUST_ITEM_PATTERN,	/* a shell pattern */
		TRUST_ITEM_TABLE,
		TRUST_ITEM_OTHER	/* "*", "public", "[UNAVAILABLE]" */
	}			 kind;
	bool			 is_negated;
	const char		*text;		/* without the "!" */
	const struct table	*table;		/* of TRUST_ITEM_TABLE */
};

typedef int	trust_item_fn(const struct trust_item *item, void *arg,
		    struct err *err);

/* Calls fn for each, in order; list NULL has none.  0, or -1 if fn said so. */
int			 trust_list_each(const struct trust_list *list,
			    trust_item_fn *fn, void *arg, struct err *err);

/*
 * Asks the list about attribute "name" of set, which is not absent.  list
 * NULL holds nothing.  *hit_r is always set.
 */
enum trust_match	trust_list_match(const struct trust *trust,
			    const struct trust_list *list,
			    enum assertion_name name,
			    const struct assertion_set *set,
			    struct trust_hit *hit_r);

#endif
