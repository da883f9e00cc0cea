/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * suite: see suite.h.
 */
#include "suite.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "ctl.h"
#include "trust/trust.h"

#define CELLS_MAX	1024

/* What is read of a table. */
struct table {
	bool		 is_open;	/* lines of its pattern, or rows */
	size_t		 first, n;	/* the pattern's items; they are taken
					 * out of the suite */
	struct suite_item *pattern;
	struct span	 columns;
	bool		 has_columns;
};

struct reader {
	struct suite	*suite;
	unsigned	 line;
	struct span	 title, peer;	/* that were said last */
	bool		 has_peer;
	struct table	 table;
};

static const struct {
	const char	*word;
	enum suite_kind	 kind;
} words[] = {
	{ "title", SUITE_TITLE },
	{ "peer", SUITE_PEER },
	{ "=", SUITE_EXPECT },
	{ "offers", SUITE_OFFERS },
	{ "client", SUITE_CLIENT },
	{ "sealed", SUITE_SEALED },
	{ "executed", SUITE_EXECUTED },
	{ "header", SUITE_HEADER },
	{ "body", SUITE_BODY }
};

_Noreturn void
suite_wrong(const struct suite *suite, unsigned line, const char *expected,
    struct span got)
{
	ctl_die(EX_DATAERR, "%s:%u: expected %s, got \"%.*s\"", suite->name,
	    line, expected, (int)got.n, got.p);
}

bool
suite_cell(struct span *row, struct span *cell_r)
{
	const char	*bar;

	if (row->p == NULL)
		return false;
	bar = span_find(*row, '|');
	if (bar == NULL) {
		*cell_r = span_trim(*row);
		*row = (struct span){ NULL, 0 };
		return true;
	}
	*cell_r = span_trim((struct span){ row->p, (size_t)(bar - row->p) });
	*row = span_skip(*row, (size_t)(bar - row->p) + 1);
	return true;
}

/* A word that is misspelt would be a test that shows nothing. */
static bool
is_command(struct span verb)
{
	static const char *const	 verbs[] = { "EHLO", "HELO", "MAIL",
		"RCPT", "DATA", "BDAT", "RSET", "." };
	enum trust_command		 command;
	size_t				 i;

	for (i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (span_caseeq(verb, verbs[i]))
			return true;
	return trust_command_find(verb, &command);
}

static void
add(struct reader *r, const struct suite_item *item)
{
	struct suite	*suite = r->suite;

	if (suite->n == suite->size) {
		suite->size = suite->size == 0 ? 64 : suite->size * 2;
		suite->v = reallocarray(suite->v, suite->size,
		    sizeof *suite->v);
		if (suite->v == NULL)
			ctl_die(EX_OSERR, "out of memory");
	}
	suite->v[suite->n++] = *item;
}

static struct span
keep(struct reader *r, struct span text)
{
	return (struct span){ pool_copy(&r->suite->pool, text), text.n };
}

/*
 * Tables
 */

static void
begin_table(struct reader *r, struct span args)
{
	if (args.n > 0)
		suite_wrong(r->suite, r->line, "nothing behind \"table\"",
		    args);
	free(r->table.pattern);
	r->table = (struct table){ .is_open = true, .first = r->suite->n };
}

/* The pattern is complete: it is no part of the suite by itself. */
static void
take_columns(struct reader *r, struct span args)
{
	struct table	*table = &r->table;

	if (!table->is_open || table->has_columns)
		suite_wrong(r->suite, r->line, "\"table\" first", args);
	table->n = r->suite->n - table->first;
	if (table->n == 0)
		suite_wrong(r->suite, r->line, "a command before \"columns\"",
		    args);
	table->pattern = calloc(table->n, sizeof *table->pattern);
	if (table->pattern == NULL)
		ctl_die(EX_OSERR, "out of memory");
	memcpy(table->pattern, r->suite->v + table->first,
	    table->n * sizeof *table->pattern);
	r->suite->n = table->first;
	table->columns = keep(r, args);
	table->has_columns = true;
}

/* text with all of a mark in it replaced. */
static struct span
replace(struct reader *r, struct span text, const char *mark,
    struct span value)
{
	size_t		 mark_len = strlen(mark);
	const char	*at = text.n == 0 ? NULL :
			    memmem(text.p, text.n, mark, mark_len);
	struct span	 rest;
	char		*joined;

	if (at == NULL)
		return text;
	/* A mark within the value stays what it is. */
	rest = replace(r, span_skip(text, (size_t)(at - text.p) + mark_len),
	    mark, value);
	joined = pool_printf(&r->suite->pool, "%.*s%.*s%.*s",
	    (int)(at - text.p), text.p, (int)value.n, value.p, (int)rest.n,
	    rest.p);
	return span_of(joined);
}

static void
add_cell(struct reader *r, struct span row, struct span column,
    const struct suite_item *expect)
{
	const struct table	*table = &r->table;
	const char		*title;
	struct suite_item	 item;
	struct span		 rest;
	size_t			 i;

	title = pool_printf(&r->suite->pool, "%.*s%s%.*s, %.*s",
	    (int)r->title.n, r->title.p, r->title.n > 0 ? ": " : "",
	    (int)row.n, row.p, (int)column.n, column.p);
	add(r, &(const struct suite_item){ .kind = SUITE_TITLE,
	    .line = r->line, .cell = expect->cell, .text = span_of(title) });
	if (r->has_peer)
		add(r, &(const struct suite_item){ .kind = SUITE_PEER,
		    .line = r->line, .cell = expect->cell, .text = r->peer });
	for (i = 0; i < table->n; i++) {
		item = table->pattern[i];
		item.cell = expect->cell;
		item.text = replace(r, replace(r, item.text, "{row}", row),
		    "{column}", column);
		rest = item.text;
		if (item.kind == SUITE_COMMAND)
			(void)span_word(&rest, &item.verb);
		add(r, &item);
	}
	add(r, expect);
}

/* "row VALUE | EXPECTATION | ...": a case for each cell that expects something,
 * or would be recorded. */
static void
take_row(struct reader *r, struct span args)
{
	struct span		 columns = r->table.columns, row, column, cell;
	struct suite_item	 expect = { .kind = SUITE_EXPECT,
				    .line = r->line };

	if (!r->table.has_columns)
		suite_wrong(r->suite, r->line, "\"columns\" first", args);
	args = keep(r, args);
	(void)suite_cell(&args, &row);
	while (suite_cell(&columns, &column)) {
		expect.cell++;
		if (!suite_cell(&args, &cell))
			suite_wrong(r->suite, r->line, "a cell for each column",
			    column);
		if (cell.n == 0)
			continue;
		expect.text = keep(r, cell);
		add_cell(r, row, column, &expect);
	}
	if (args.p != NULL)
		suite_wrong(r->suite, r->line, "a column for each cell", args);
}

static void
end_table(struct reader *r)
{
	struct table	*table = &r->table;

	if (table->is_open && !table->has_columns)
		suite_wrong(r->suite, r->line, "\"columns\", and rows",
		    span_of("the end of the table"));
	free(table->pattern);
	*table = (struct table){ .is_open = false };
}

/*
 * Lines
 */

static bool
find_word(struct span word, enum suite_kind *kind_r)
{
	size_t	 i;

	for (i = 0; i < sizeof words / sizeof words[0]; i++)
		if (span_eq(word, words[i].word)) {
			*kind_r = words[i].kind;
			return true;
		}
	return false;
}

static void
take_item(struct reader *r, enum suite_kind kind, struct span args)
{
	struct suite_item	 item = { .kind = kind, .line = r->line,
				    .text = keep(r, args) };

	if (kind == SUITE_TITLE || kind == SUITE_PEER) {
		end_table(r);
		*(kind == SUITE_TITLE ? &r->title : &r->peer) = item.text;
		r->has_peer = r->has_peer || kind == SUITE_PEER;
	}
	add(r, &item);
}

static void
take_command(struct reader *r, struct span verb, struct span line)
{
	struct suite_item	 item = { .kind = SUITE_COMMAND,
				    .line = r->line };
	struct span		 rest;

	if (!is_command(verb))
		suite_wrong(r->suite, r->line,
		    "a command, or a word of xcontext-test(5)", verb);
	item.text = rest = keep(r, line);
	(void)span_word(&rest, &item.verb);
	add(r, &item);
}

static void
take_line(struct reader *r, struct span line)
{
	struct span	 args = span_trim(line), word;
	enum suite_kind	 kind;

	if (!span_word(&args, &word) || word.p[0] == '#')
		return;
	if (span_has(line, '\0'))
		suite_wrong(r->suite, r->line, "a line of text", word);
	args = span_trim(args);
	if (span_eq(word, "row")) {
		take_row(r, args);
		return;
	}
	if (r->table.has_columns)
		end_table(r);
	if (span_eq(word, "table"))
		begin_table(r, args);
	else if (span_eq(word, "columns"))
		take_columns(r, args);
	else if (find_word(word, &kind))
		take_item(r, kind, args);
	else
		take_command(r, word, span_trim(line));
}

void
suite_read(struct suite *suite, const char *name)
{
	struct reader	 r = { .suite = suite, .title = { "", 0 } };
	FILE		*in = fopen(name, "r");
	char		*line = NULL;
	size_t		 size = 0;
	ssize_t		 n;

	if (in == NULL)
		ctl_die(EX_NOINPUT, "%s: %s", name, strerror(errno));
	*suite = (struct suite){ .name = name };
	while ((n = getline(&line, &size, in)) != -1) {
		r.line++;
		while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			n--;
		take_line(&r, (struct span){ line, (size_t)n });
	}
	free(line);
	if (ferror(in))
		ctl_die(EX_IOERR, "%s: %s", name, strerror(errno));
	(void)fclose(in);
	end_table(&r);
}

void
suite_clear(struct suite *suite)
{
	free(suite->v);
	pool_clear(&suite->pool);
	*suite = (struct suite){ .name = NULL };
}

/*
 * Expectations
 */

bool
suite_is_reply(struct span expectation)
{
	return expectation.n > 0 && isdigit((unsigned char)expectation.p[0]);
}

static bool
is_code(struct span word)
{
	size_t	 i;

	if (word.n != 3 || word.p[0] < '2' || word.p[0] > '5')
		return false;
	for (i = 1; i < 3; i++)
		if (word.p[i] != 'x' && !isdigit((unsigned char)word.p[i]))
			return false;
	return true;
}

/* "5.7.1", "5.x.x" */
static bool
is_status(struct span word)
{
	size_t	 i, n_dots = 0;

	for (i = 0; i < word.n; i++) {
		if (word.p[i] == '.')
			n_dots++;
		else if (word.p[i] != 'x' && !isdigit((unsigned char)word.p[i]))
			return false;
	}
	return n_dots == 2 && word.p[0] != '.' && word.p[word.n - 1] != '.';
}

struct suite_reply
suite_reply_read(const struct suite *suite, const struct suite_item *item)
{
	struct suite_reply	 reply = { .code = "" };
	struct span		 rest = item->text, word;

	if (!span_word(&rest, &word))
		word = (struct span){ "", 0 };
	reply.is_permit = span_eq(word, "permit");
	if (reply.is_permit || span_eq(word, "refuse"))
		return reply;
	if (!is_code(word))
		suite_wrong(suite, item->line,
		    "permit, refuse or the code of a reply", word);
	memcpy(reply.code, word.p, 3);
	rest = span_trim(rest);
	if (rest.n > 0 && rest.p[0] != '/' && span_word(&rest, &word)) {
		if (!is_status(word))
			suite_wrong(suite, item->line, "a status, as 5.7.1, or "
			    "/a pattern/", word);
		reply.status = word;
		rest = span_trim(rest);
	}
	if (rest.n == 0)
		return reply;
	if (rest.n < 3 || rest.p[0] != '/' || rest.p[rest.n - 1] != '/')
		suite_wrong(suite, item->line, "/a pattern/", rest);
	reply.pattern = (struct span){ rest.p + 1, rest.n - 2 };
	return reply;
}
