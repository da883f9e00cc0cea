/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * context: the pairs that a messenger has set on a session, in the order in
 * which they were first set, each with how and when it got there.
 *
 * What the programs know of a session by themselves is not in here: see
 * context_view.
 */
#ifndef XC_CONTEXT_H
#define XC_CONTEXT_H

#include <stdint.h>

#include "context_line.h"

#define CONTEXT_PAIRS_MAX	128	/* that a session can be given */

/* Where a pair came from; the texts (context_source_text) are of the record. */
enum context_source {
	CONTEXT_XSETCONTEXT,	/* "xsetcontext" */
	CONTEXT_PROXY		/* "proxy": a PROXY header */
};

struct context_pair {
	uint64_t		 time_ms;	/* when it was set, since the
						 * epoch */
	enum context_source	 source;
	const char		*name;		/* in small letters */
	const char		*value;		/* decoded */
	char			 text[];
};

/* All zero is an empty context.  context_clear frees what it holds. */
struct context {
	struct context_pair	**pairs;
	unsigned		  n;
	size_t			  size;	/* bytes of all names and values */
};

void	context_clear(struct context *context);

/* NULL: there is none.  The name is compared without regard to case. */
const struct context_pair	*context_find(const struct context *context,
				    const char *name);

/*
 * Whether there is room once all pairs of a line are set: one that replaces
 * another takes but the difference.  pairs_max counts up to CONTEXT_PAIRS_MAX.
 * False: err names the first pair that does not fit, and the limit.
 */
bool	context_has_room(const struct context *context,
	    const struct context_line *line, unsigned pairs_max,
	    size_t size_max, struct err *err);

/*
 * Sets all pairs of a line, in place of earlier ones of the same names, which
 * lose time and source, too.  False: out of memory, or more than
 * CONTEXT_PAIRS_MAX pairs in all; nothing is changed.
 */
bool	context_set(struct context *context, const struct context_line *line,
	    enum context_source source, uint64_t now_ms);

/* Sets one pair, unchecked, as it stands in a record.  False: out of memory. */
bool	context_put(struct context *context, struct span name,
	    struct span value, enum context_source source, uint64_t time_ms);

const char	*context_source_text(enum context_source source);
/* False: there is no such source. */
bool		 context_source_find(struct span text,
		    enum context_source *source_r);

#endif
