/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * access: the access_maps: tables that answer what is known of a session with
 * an access(5) action.
 *
 * The maps are asked in their order, each for all keys in their order, before
 * the next map is.  The first answer that is not DUNNO, in any case, counts;
 * so do those that leave the decision to others, such as PREPEND or WARN.  An
 * answer that action_check refuses is never given to an MTA: nobody can tell
 * what it was to be.
 *
 * Once its maps are added it never changes.  Different threads may ask at
 * once, each with an answer of its own.
 */
#ifndef XC_ACCESS_H
#define XC_ACCESS_H

#include "access/action.h"
#include "base/err.h"
#include "base/span.h"

struct access;

enum access_result {
	ACCESS_NONE,
	ACCESS_FOUND,
	ACCESS_CANNOT_TELL	/* to be taken as a temporary failure */
};

/* Need not be initialised, and owns nothing. */
struct access_answer {
	/* Only with FOUND: */
	char		 text[ACTION_MAX + 1];	/* the action, NUL-terminated */
	size_t		 key;			/* which it is the answer to */
	const char	*file;			/* where it stands, as in
						 * table_result; lives as long
						 * as the access */
	unsigned	 line;
	/* Only with CANNOT_TELL: where, for which key, and why. */
	struct err	 err;
};

/* NULL: out of memory. */
struct access	*access_new(void);
void		 access_free(struct access *access);

/*
 * Adds the name of one of Postfix's smtpd_restriction_classes, which actions
 * may then name; to be done before maps are added.  -1: out of memory.
 */
int	access_add_class(struct access *access, const char *name);

/*
 * Opens a table and adds it as the last; one that is there already is not
 * added again, as it would have the same answers.  All its results that are
 * known by now (table_each_value) must be actions.  0, or -1 with err set,
 * which names file:line, where the spec stands, and where in the table the
 * fault is.
 */
int	access_add_map(struct access *access, const char *spec,
	    const char *file, unsigned line, struct err *err);

/* True if there is nothing to ask. */
bool	access_is_empty(const struct access *access);

/* Asks for n_keys keys; answer_r is written as it says there. */
enum access_result	access_ask(const struct access *access,
			    const struct span *keys, size_t n_keys,
			    struct access_answer *answer_r);

#endif
