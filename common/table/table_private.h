/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_private: what the table types share, for table*.c only.
 */
#ifndef XC_TABLE_PRIVATE_H
#define XC_TABLE_PRIVATE_H

#include <stdint.h>

#include "table/table.h"

/* Each type's struct begins with this. */
struct table {
	const struct table_ops	*ops;
	/* Set by table.c. */
	char			*spec;
	char			*named_in;	/* file; NULL: results are to
						 * be told as they are */
	unsigned		 named_line;
};

struct table_ops {
	/*
	 * Folds keys to lower case, as Postfix does for types that look for
	 * fixed strings.  A union or pipemap goes by its first table.
	 */
	bool	(*folds_keys)(const struct table *table);
	/* key is UTF-8 without NUL, folded, unless the type takes_any_key. */
	enum table_result (*find)(const struct table *table, struct span key,
		    struct table_answer *res);
	/* As table_each_value; NULL: there is no result that is known. */
	int	(*each_value)(const struct table *table, table_value_fn *fn,
		    void *arg, struct err *err);
	/* As table_each_entry. */
	int	(*each_entry)(const struct table *table, table_entry_fn *fn,
		    void *arg, struct err *err);
	/* As table_each_range; NULL: it is found out by asking. */
	int	(*each_range)(const struct table *table, table_range_fn *fn,
		    void *arg, struct err *err);
	/* As table_is_listed; NULL: it is. */
	bool	(*is_listed)(const struct table *table);
	size_t	(*memory)(const struct table *table);
	void	(*free)(struct table *table);
	bool	 takes_any_key;		/* and says NOT_FOUND to a bad one */
};

#define TABLE_DEPTH_MAX	16	/* of unions and pipemaps in each other */

/* What an opener is given. */
struct table_source {
	const char	*spec;		/* "type:name"; lives as long as the
					 * table */
	const char	*name;		/* the part behind the first colon */
	unsigned	 depth;		/* of the tables around it */
	const struct table_how *how;	/* for itself and tables in it */
};

/* The openers: NULL with err set on failure; table.c sets table->spec. */
typedef struct table	*table_opener(const struct table_source *src,
			    struct err *err);
table_opener	 table_cidr_open, table_inline_open, table_lmdb_open,
		    table_pcre_open, table_pipe_open, table_regexp_open,
		    table_static_open, table_texthash_open, table_union_open;

/* table_open_from for a table inside another. */
struct table	*table_open_nested(const char *spec, unsigned depth,
		    const struct table_how *how, struct err *err);

/* Counts a bad line of a file and returns true, if it may be passed over; else
 * puts the error together and returns false. */
bool	table_skips(const struct table_source *src, const char *file,
	    unsigned line, const char *why, struct err *err);

bool	table_folds_keys(const struct table *table);
bool	table_never_folds(const struct table *table);
bool	table_always_folds(const struct table *table);
bool	table_never_listed(const struct table *table);

/*
 * Puts a copy of value into res: FOUND, or CANNOT_TELL if it is too long or
 * there is no memory.  The second appends to what is there.
 */
enum table_result	table_answer_set(struct table_answer *res,
			    struct span value, const char *file,
			    unsigned line);
enum table_result	table_answer_append(struct table_answer *res,
			    struct span value);

/* table_brace.c: Postfix's lists in braces. */

/* The length of the "{...}" at s with its braces, 0 if they do not match. */
size_t	table_brace_len(const char *s);

/*
 * Cuts the next token off a list, in which braces match and blanks and commas
 * outside of them separate, and moves *list behind it.  NULL: no more.
 */
char	*table_brace_token(char **list);

/*
 * Takes the braces off and the blanks inside them, in place; returns what is
 * left, NULL with err set if text is not one "{...}".
 */
char	*table_brace_strip(char *text, struct err *err);

/* Cuts blanks off the end and returns s behind those at its beginning. */
char	*table_trim(char *s);

/* isspace() and isalnum() as Postfix means them, in any locale. */
bool	table_isspace(int c);
bool	table_isalnum(int c);

/* table_file.c: logical lines. */

struct table_file {
	const char	*name;		/* for messages and results */
	char		*path;		/* owned; NULL for rules in braces */
	char		*text;
	size_t		 len;
	size_t		 pos;
	unsigned	 line;		/* of the physical line at pos */
};

struct table_line {
	char		*text;		/* NUL-terminated, may be written to,
					 * lives as long as the file is open */
	size_t		 len;
	unsigned	 number;	/* of its first physical line */
};

/*
 * Reads the file src->name into memory, or takes the rules from "{{...}, ...}".
 * 0, or -1 with err set; table_file_close must be called in both cases.
 */
int	table_file_open(struct table_file *file,
	    const struct table_source *src, struct err *err);

/* As table_file_open, but braces are part of a file's name. */
int	table_file_open_path(struct table_file *file,
	    const struct table_source *src, struct err *err);
void	table_file_close(struct table_file *file);

/*
 * The name that results show, which must outlive the file: *path_r is what
 * the table has to free one day, NULL if there is nothing to free.
 */
const char	*table_file_take_name(struct table_file *file, char **path_r);

/*
 * A file's name or a spec as it is to stand in a message: what is so long that
 * it would push out the reason is cut.
 */
struct table_label {
	char	text[200];
};
struct table_label	table_label(const char *name);

/*
 * Finds the next logical line: continuation lines joined, comments and empty
 * lines left out.  1: found; 0: no more; -1: err is set.
 */
int	table_file_next(struct table_file *file, struct table_line *line_r,
	    struct err *err);

/* table_rules.c: rules with patterns, for regexp and pcre. */

#define TABLE_GROUPS_MAX	99	/* the highest $number */
#define TABLE_RULES_KEY_MAX	2048	/* a longer key cannot be told */

struct table_group {
	size_t	 start;
	size_t	 end;		/* start if it did not take part */
};

enum table_match { TABLE_MATCH_NO, TABLE_MATCH_YES, TABLE_MATCH_ERROR };

/* A library for regular expressions. */
struct table_engine {
	/*
	 * Compiles pattern; flags are the letters behind it.  ngroups is the
	 * highest group whose place is asked for, *ngroups_r the highest that
	 * there is.  NULL: err is the reason alone.
	 */
	void	*(*compile)(const char *pattern, struct span flags,
		    unsigned ngroups, unsigned *ngroups_r, struct err *err);
	void	 (*free_code)(void *code);
	/*
	 * Matches key.  With YES, fills groups[1] to groups[ngroups].  ERROR:
	 * err is the reason alone.
	 */
	enum table_match (*match)(void *shared, const void *code,
		    struct span key, struct table_group *groups,
		    unsigned ngroups, struct err *err);
	/* What all lookups in a table share; NULL if that is nothing. */
	void	*(*shared_new)(unsigned ngroups);
	void	 (*shared_free)(void *shared);
	bool	 has_second_pattern;	/* /this/!/but not this/ */
	bool	 needs_string;		/* there must be a NUL behind key */
};

struct table	*table_rules_open(const struct table_source *src,
		    const struct table_engine *engine, struct err *err);

#endif
