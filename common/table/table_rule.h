/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_rule: a line of a table with patterns: what it matches and what it
 * answers with.
 *
 * Private to table_rule*.c.  It knows nothing of the other lines.
 */
#ifndef XC_TABLE_RULE_H
#define XC_TABLE_RULE_H

#include "table/table_private.h"

enum table_rule_op { TABLE_RULE_MATCH, TABLE_RULE_IF, TABLE_RULE_ENDIF };

struct table_rule_pattern {
	void	*code;			/* NULL: there is no such pattern */
	bool	 is_negated;
};

/* A piece of a result: literal text, or what a group matched. */
struct table_rule_part {
	uint32_t	 start;		/* of the text */
	uint32_t	 len;
	unsigned	 group;		/* 0: it is text */
};

struct table_rule {
	enum table_rule_op		 op;
	unsigned			 line;
	struct table_rule_pattern	 pattern;
	struct table_rule_pattern	 second;
	size_t				 endif;	/* where an "if" block ends */
	char				*shown;	/* the line's pattern, */
	const char			*shown_value;	/* and what is behind
							 * it there */
	char				*text;	/* for the parts */
	struct table_rule_part		*part;
	size_t				 nparts;
	unsigned			 ngroups; /* the highest $number */
};

/*
 * Parses line, and writes into it, into rule, which is all zero but for its
 * number.  0, or -1 with why set; table_rule_clear must be called in both
 * cases.
 */
int	table_rule_parse(const struct table_engine *engine, char *line,
	    struct table_rule *rule, struct err *why);
void	table_rule_clear(const struct table_engine *engine,
	    struct table_rule *rule);

#endif
