/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * log_reader: reads a log, of any length, line by line; what is compressed by
 * gzip as if it were not.
 *
 * Other programs' lines are passed over and counted.  What is damaged is told
 * on standard error, the first of them by their numbers, and counted: who goes
 * on has to say so.
 */
#ifndef XC_CTL_LOG_READER_H
#define XC_CTL_LOG_READER_H

#include "log_entry.h"

struct log_reader;

struct log_counts {
	unsigned long	 lines;
	unsigned long	 decisions;
	unsigned long	 others;	/* ours, about something else */
	unsigned long	 foreign;
	unsigned long	 damaged;
};

/* Opens the file, "-" for standard input.  All of these exit if it cannot be
 * read. */
struct log_reader	*log_reader_open(const char *path);
void			 log_reader_close(struct log_reader *reader);

/*
 * The next decision, or with log_reader_any the next line that is ours or
 * another program's, which lives until the next call, as *line_r does, unless
 * that is longer than LOG_ENTRY_LINE_MAX; NULL at the end.
 */
const struct log_entry	*log_reader_next(struct log_reader *reader);
const struct log_entry	*log_reader_any(struct log_reader *reader,
			    struct span *line_r);

/* So far. */
const struct log_counts	*log_reader_counts(const struct log_reader *reader);
/* The time of the first line of ours, and of the last; NULL: none. */
const char		*log_reader_first(const struct log_reader *reader);
const char		*log_reader_last(const struct log_reader *reader);

#endif
