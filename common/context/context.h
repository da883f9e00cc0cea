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

#include "context/context_line.h"

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
	bool			 is_clients;	/* it was set for one client
						 * and goes with it ... */
	struct context_pair	*before;	/* ... and this comes back;
						 * NULL: nothing */
	const char		*name;		/* in small letters */
	const char		*value;		/* decoded */
	char			 text[];
};

/* All zero is an empty context.  context_clear frees what it holds. */
struct context {
	struct context_pair	**pairs;
	unsigned		  n;
	size_t			  size;	/* bytes of all names and values, those
					 * that may come back, too */
};

void	context_clear(struct context *context);

/* NULL: there is none.  The name is compared without regard to case. */
const struct context_pair	*context_find(const struct context *context,
				    const char *name);

/*
 * Whether there is room once all pairs of a line are set (is_clients: by
 * context_set_clients): one that replaces another takes but the difference.
 * pairs_max counts up to CONTEXT_PAIRS_MAX.  False: err names the first pair
 * that does not fit, and the limit.
 */
bool	context_has_room(const struct context *context,
	    const struct context_line *line, bool is_clients,
	    unsigned pairs_max, size_t size_max, struct err *err);

/*
 * Sets all pairs of a line, in place of earlier ones of the same names, which
 * lose time and source, too.  False: out of memory, or more than
 * CONTEXT_PAIRS_MAX pairs in all; nothing is changed.
 */
bool	context_set(struct context *context, const struct context_line *line,
	    enum context_source source, uint64_t now_ms);
/* The same for as long as the client is who it is now: context_end_clients. */
bool	context_set_clients(struct context *context,
	    const struct context_line *line, enum context_source source,
	    uint64_t now_ms);

/* The client is another one: what was set for the last one goes, and what that
 * had replaced comes back. */
void	context_end_clients(struct context *context);

/*
 * Sets one pair, unchecked, as it stands in a record: one that is the client's
 * comes behind the one that it has replaced, if any, and is marked by its name
 * then.  False: out of memory, or (mark) there is no such pair.
 */
bool	context_put(struct context *context, struct span name,
	    struct span value, enum context_source source, uint64_t time_ms);
bool	context_mark_clients(struct context *context, const char *name);

const char	*context_source_text(enum context_source source);
/* False: there is no such source. */
bool		 context_source_find(struct span text,
		    enum context_source *source_r);

#endif
