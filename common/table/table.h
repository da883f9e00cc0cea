/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table: Postfix lookup tables, read-only.
 *
 * Types: cidr, regexp, pcre, texthash, inline, static, lmdb, union (also by
 * Postfix's name, unionmap), pipemap, with the files and the semantics of
 * Postfix's manual pages (cidr_table(5), regexp_table(5), pcre_table(5),
 * DATABASE_README), so that "postmap -q" on the same table gives the same
 * answer.  What differs:
 *
 * - A bad line is an error (table_open).
 * - A spec says "$1" where main.cf must say "$$1", because nothing expands a
 *   spec before it comes here.
 * - In keys that are folded to lower case, only ASCII letters are: a key with
 *   other letters must be written as it is looked up.
 * - regexp and pcre cannot tell about a key over 2048 bytes, and pcre about
 *   one that would cost too much; regexp takes no back-references (\1), whose
 *   cost cannot be limited.
 *
 * As with Postfix (smtputf8_enable = yes), a key that is not UTF-8 is in no
 * table, and a result that is not UTF-8 cannot be told.
 *
 * A table is loaded once and never changes (lmdb, whose file may be rewritten
 * by postmap, is read afresh).  Lookups need no lock, and different threads
 * may look up in one table at once, each with a result of its own.
 */
#ifndef XC_TABLE_H
#define XC_TABLE_H

#include <stdint.h>

#include "base/address.h"
#include "base/err.h"
#include "base/span.h"

enum table_result {
	TABLE_FOUND,
	TABLE_NOT_FOUND,
	TABLE_CANNOT_TELL	/* to be taken as a temporary failure */
};

#define TABLE_VALUE_MAX	100000	/* of a result; a longer one cannot be told */

/*
 * What a lookup found.  Zero-initialise before the first use, reuse for many
 * lookups, table_answer_clear at the end: value's memory is kept between
 * lookups.
 */
struct table_answer {
	char		*value;		/* NUL-terminated; only with FOUND */
	size_t		 len;
	size_t		 size;		/* capacity of value */
	const char	*file;		/* where the answering rule stands: file
					 * and line; of a table written inline,
					 * where that was named, or spec and
					 * rule number; or spec and 0; lives
					 * as long as the table */
	unsigned	 line;
	struct err	 err;		/* only with CANNOT_TELL: why */
};

struct table;

/* What is known of the files together: lines that were passed over, where that
 * is allowed, and what stood in them. */
struct table_skips {
	bool		 is_lenient;
	unsigned	 n_tables;	/* that were opened with it */
	unsigned	 n;		/* lines */
	struct err	 first;		/* "file:line: why", of the first */
	uint64_t	 fingerprint;	/* of the texts, in their order */
};

/* Where a table is named, and how its file is to be read. */
struct table_how {
	const char		*file;	/* NULL: it is not known where */
	unsigned		 line;
	struct table_skips	*skips;	/* NULL: bad lines are errors; else
					 * it must not be used by two at once */
};

/*
 * Opens "type:name", for instance "cidr:/etc/xcontext/trust.cidr",
 * "inline:{a=b, {c = d}}", "cidr:{{192.0.2.0/24 edge}}",
 * "union:{static:a, static:b}", "pipemap:{...}".  "lmdb:name" is the file
 * "name.lmdb".  Returns NULL and sets err (file:line where there is one) if
 * the table cannot be loaded.
 * Unlike Postfix, which warns and skips a bad line, a bad line is an error:
 * a rule that is silently missing would misjudge mail.
 */
struct table	*table_open(const char *spec, struct err *err);

/*
 * The same.  Results of a table that is written inline are told to stand at
 * how->file and how->line.  With how->skips lenient, a rule that is no valid
 * one in a cidr or texthash file is counted there and passed over, as Postfix
 * does; "if" and "endif", on which other lines depend, are not.
 */
struct table	*table_open_from(const char *spec,
		    const struct table_how *how, struct err *err);
void		 table_free(struct table *table);

/* The spec that it was opened with; lives as long as the table. */
const char	*table_spec(const struct table *table);

/*
 * Looks up key (one that holds NUL is NOT_FOUND).  Folds the key to lower case
 * where Postfix does.  res->value, file, line are set on FOUND, res->err on
 * CANNOT_TELL, else undefined.  The key must not lie in res->value.
 */
enum table_result	table_find(const struct table *table, struct span key,
			    struct table_answer *res);

void	table_answer_clear(struct table_answer *res);

/* True if s is what Postfix takes for UTF-8 (RFC 3629, with NUL). */
bool	table_is_utf8(struct span s);

/* A result that a lookup may have, and where it stands, as in table_answer, but
 * by spec and rule number also if it is known where the table was named. */
struct table_value {
	struct span	 text;
	const char	*file;
	unsigned	 line;
};

/* 0: go on; -1: stop, with err set. */
typedef int	table_value_fn(const struct table_value *value, void *arg,
		    struct err *err);

/*
 * Calls fn for the results that are known before anybody asks, so that they
 * can be checked when the table is loaded.  The value lives as long as the
 * call.  0; -1 with err set if fn said so, or if the table cannot be read.
 *
 * - cidr, inline, static, texthash: all results.  Of equal results in a cidr
 *   table, the first.
 * - regexp, pcre: those without $number.
 * - lmdb: those that are in the file now; postmap may write others later.  Of
 *   equal results in a row, the first.
 * - pipemap: those of its last table, though no question may lead to some.
 * - union: those of its table if it has one alone; of several, none, as they
 *   are joined by what is asked.
 */
int	table_each_value(const struct table *table, table_value_fn *fn,
	    void *arg, struct err *err);

/* A rule of a table, as it stands there. */
enum table_entry_kind {
	TABLE_ENTRY_KEY,	/* one text, folded as keys are */
	TABLE_ENTRY_NETWORK,	/* the addresses in "ranges" */
	TABLE_ENTRY_PATTERN,	/* what a regular expression matches */
	TABLE_ENTRY_ANY		/* whatever is asked */
};

struct cidr_range;

struct table_entry {
	enum table_entry_kind	 kind;
	struct span		 what;		/* "10.0.0.0/8", "!/a/i" */
	bool			 is_conditional; /* it stands in an "if" */
	const struct cidr_range	*ranges;	/* for which it is right, that
						 * "if" considered */
	size_t			 n_ranges;
	struct span		 value;		/* "$1" in it stays */
	const char		*file;		/* as in table_value */
	unsigned		 line;
};

/* 0: go on; -1: stop, with err set. */
typedef int	table_entry_fn(const struct table_entry *entry, void *arg,
		    struct err *err);

/*
 * Calls fn for the rules in the order in which they count, also for those that
 * are never the first to match; an entry lives as long as the call.  A file is
 * read again.  A union has the rules of all of its tables, a pipemap those of
 * its first one, with the values that the next one is asked for.  0; -1 with
 * err set if fn said so, or if the table cannot be read.
 */
int	table_each_entry(const struct table *table, table_entry_fn *fn,
	    void *arg, struct err *err);

/* Some addresses, one after the other, and what they all are answered with. */
struct table_range {
	struct address		 first;
	struct address		 last;
	struct table_value	 value;
};

typedef int	table_range_fn(const struct table_range *range, void *arg,
		    struct err *err);

/* True if what the table answers is decided by its keys and networks alone,
 * and by no pattern, so that it can be told for all addresses. */
bool	table_is_listed(const struct table *table);

/*
 * Calls fn for all addresses that the table has an answer for, IPv4 first, in
 * disjoint ranges, in order; the table must be one that table_is_listed.  0;
 * -1 with err set if fn said so, or if an answer cannot be told.
 */
int	table_each_range(const struct table *table, table_range_fn *fn,
	    void *arg, struct err *err);

/* The number of bytes of heap that the table keeps, for the bench. */
size_t	table_memory(const struct table *table);

#endif
