/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * rights_private: what the files of rights share with each other.
 *
 * Only rights*.c may include it.
 */
#ifndef XC_CTL_RIGHTS_PRIVATE_H
#define XC_CTL_RIGHTS_PRIVATE_H

#include "rights.h"
#include "words.h"

/* Addresses, and for which of both they are not "public". */
struct rights_cell {
	struct address	 first;
	struct address	 last;
	bool		 is_not[2];
};

struct rights_cells {
	struct rights_cell	*v;
	size_t			 n;
	size_t			 size;
};

struct rights {
	const struct trust	*trust[2];	/* the old one, the new one */
	struct rights_cells	 cells;		/* in order; all others are
						 * public for both */
	struct rights_cells	 diffs;		/* those of them that are not
						 * the same for both */
	bool			 has_patterns;	/* "public" rests on some */
	char *const		*tries;
};

struct rights_found {
	json_t			*words;		/* NULL: none */
	struct trust_sweep	 ranges;
	char			*line;		/* NULL: none */
};

/* One comparison. */
struct rights_task {
	struct rights			*rights;
	const struct trust		*trust[2];
	const struct trust_profile	*profile[2];
	json_t				*rows;
	struct rights_found		 found[2];	/* losses, gains */
	enum trust_command		 command;
	enum assertion_name		 name;
};

/* A row of that effect and right, which is in t->rows. */
json_t	*rights_row(struct rights_task *t, const char *effect,
	    const char *right);
/* What the profile has for that: "public", "not granted". */
json_t	*rights_shown(const struct trust_profile *profile,
	    enum trust_command command, const char *what);
void	rights_found_word(struct rights_task *t, bool is_gain,
	    const char *word, const char *line);
/* Rows of what was found, which is forgotten then. */
void	rights_tell_found(struct rights_task *t, const char *right,
	    enum trust_command command, const char *what);
void	rights_tell_undecided(struct rights_task *t, const char *right);

/* Rows for the attributes of XCLIENT, XFORWARD and XREMOTEIP. */
void	rights_compare_values(struct rights_task *t);
/* Of one that is an address, of the command and name in t. */
void	rights_compare_addresses(struct rights_task *t);

#endif
