/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * suite: a file of cases, xcontext-test(5): what is said, and what is expected
 * of it, be it asked of the rules ("xcontext test") or of a mail server
 * ("xcontext probe").
 *
 * It reads words and the form of lines; what they come to is known by who plays
 * them.  Tables are written out: who plays a suite sees none.
 */
#ifndef XC_CTL_SUITE_H
#define XC_CTL_SUITE_H

#include "pool.h"

enum suite_kind {
	SUITE_TITLE,
	SUITE_PEER,		/* a session begins */
	SUITE_COMMAND,		/* text is the whole line */
	SUITE_EXPECT,		/* "=" */
	SUITE_OFFERS,
	SUITE_CLIENT,
	SUITE_SEALED,
	SUITE_EXECUTED,
	SUITE_HEADER,
	SUITE_BODY
};

struct suite_item {
	enum suite_kind	 kind;
	unsigned	 line;
	unsigned	 cell;	/* of a row, from 1; 0: of no table */
	struct span	 verb;	/* of a command */
	struct span	 text;	/* behind the word; ends in NUL, holds none */
};

struct suite {
	const char		*name;	/* of the file */
	struct suite_item	*v;
	size_t			 n, size;
	struct pool		 pool;
};

/* Reads all of a file.  What cannot be read ends the program, for a test that is
 * not understood is none that has passed. */
void	suite_read(struct suite *suite, const char *name);
void	suite_clear(struct suite *suite);

/* "FILE:LINE: expected ..., got ...": ends the program. */
_Noreturn void	suite_wrong(const struct suite *suite, unsigned line,
		    const char *expected, struct span got);

/* Takes the next cell off a row: up to "|", without blanks at its ends.  False:
 * there is none. */
bool	suite_cell(struct span *row, struct span *cell_r);

/* What an expectation expects: a verdict, or a reply. */
struct suite_reply {
	char		 code[4];	/* "250", "5xx"; "": see is_permit */
	bool		 is_permit;	/* 2xx or 3xx; else 4xx or 5xx */
	struct span	 status;	/* "5.7.1", "5.x.x"; empty: any */
	struct span	 pattern;	/* of its text; empty: any */
};

/* True: an expectation is of a reply alone, and tells nothing of a verdict. */
bool	suite_is_reply(struct span expectation);

/* Reads it as one of a reply; what it cannot be ends the program.  A reason, or
 * an attribute, behind a verdict is no matter of a reply's. */
struct suite_reply	suite_reply_read(const struct suite *suite,
			    const struct suite_item *item);

#endif
