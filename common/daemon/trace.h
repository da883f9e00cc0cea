/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * trace: log lines for those who watch them live, as far as these want them.
 *
 * A line is made only if somebody wants it; without a reader it costs a look at
 * a number.  Who tells never waits: a reader has so much room, and what does
 * not fit there is counted instead.  Safe in threads.
 */
#ifndef XC_TRACE_H
#define XC_TRACE_H

#include <stdatomic.h>

#include "base/address.h"
#include "daemon/log.h"

#define TRACE_PROFILE_SIZE	65

/* What a reader wants; all zero: everything. */
struct trace_filter {
	bool			 has_peer;
	struct address_net	 peer;
	char			 profile[TRACE_PROFILE_SIZE];	/* "": any */
};

struct trace;

/* From now on lines are kept; one is written to the descriptor, which does not
 * block, as an eventfd(2) wants it, when there are some where none were.  NULL:
 * out of memory. */
struct trace	*trace_new(const struct trace_filter *filter, int wake_fd);
void		 trace_free(struct trace *trace);	/* NULL is allowed */

/*
 * Takes out what there is: JSON, a line each, of size octets at most, which must
 * be TRACE_LINE_MAX at least.  Returns the length, and in *lost_r how many lines
 * did not fit since the last call.
 */
size_t	trace_take(struct trace *trace, char *buf, size_t size,
	    unsigned long *lost_r);

#define TRACE_LINE_MAX	8192	/* its LF included */

/* One line, for whoever wants it.  peer and profile NULL: not known, which
 * nobody wants who asks for one. */
struct trace_line {
	const struct address	*peer;
	const char		*profile;
	enum log_level		 level;
	const char		*session;
	const char		*event;
	const struct log_pair	*pairs;
};
void	trace_tell(const struct trace_line *line);

/* Whether there is a reader: else trace_tell has nothing to do. */
bool	trace_is_read(void);

#endif
