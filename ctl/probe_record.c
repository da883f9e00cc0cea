/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * probe_record: a file of cases as it was, with what the server replied today in
 * place of what was expected of it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "ctl.h"
#include "probe.h"

/* What each line of the file has come to, and each cell of a row. */
struct record {
	const struct probe	*probe;
	const struct suite	*suite;
	unsigned		 line;
	bool			 is_table;	/* what follows is its pattern */
};

static bool
is_at(const struct record *r, const struct suite_item *item, unsigned cell)
{
	return item != NULL && item->line == r->line && item->cell == cell;
}

/* Whether a step is said by this line, or has its expectation there. */
static bool
is_step_at(const struct record *r, const struct probe_step *step,
    unsigned cell, bool is_expectation)
{
	unsigned	 i;

	if (!is_expectation)
		return is_at(r, step->command, cell);
	for (i = 0; i < step->n; i++)
		if (is_at(r, step->expected[i].item, cell))
			return true;
	return false;
}

static const struct probe_step *
find_step(const struct record *r, unsigned cell, bool is_expectation)
{
	const struct probe_case	*c;
	unsigned		 i;

	for (c = r->probe->cases; c < r->probe->cases + r->probe->n; c++) {
		if (c->suite != r->suite)
			continue;
		for (i = 0; i < c->n; i++)
			if (is_step_at(r, &c->steps[i], cell, is_expectation))
				return &c->steps[i];
	}
	return NULL;
}

static void
print_reply(const struct probe_step *step)
{
	printf("%u%s%s", step->code, step->status[0] == '\0' ? "" : " ",
	    step->status);
}

/* "row X | ...": a cell that was not asked about stays as it is. */
static void
print_row(const struct record *r, struct span line)
{
	struct span			 cell;
	const struct probe_step		*step;
	unsigned			 i;

	(void)suite_cell(&line, &cell);
	printf("%.*s", (int)cell.n, cell.p);
	for (i = 1; suite_cell(&line, &cell); i++) {
		step = find_step(r, i, true);
		printf(" |%s", step == NULL && cell.n == 0 ? "" : " ");
		if (step != NULL && step->is_answered)
			print_reply(step);
		else
			printf("%.*s", (int)cell.n, cell.p);
	}
	printf("\n");
}

/* An expectation: of a greeting it is replaced, and of a command it was, by what
 * stands behind the command. */
static void
print_expectation(const struct record *r, struct span line)
{
	const struct probe_step	*step = find_step(r, 0, true);

	if (step != NULL && step->is_answered && step->command != NULL)
		return;
	if (step == NULL || !step->is_answered) {
		printf("%.*s\n", (int)line.n, line.p);
		return;
	}
	printf("= ");
	print_reply(step);
	printf("\n");
}

static void
print_line(struct record *r, struct span line)
{
	struct span		 rest = line, word;
	const struct probe_step	*step;

	(void)span_word(&rest, &word);
	if (span_eq(word, "table") || span_eq(word, "columns"))
		r->is_table = span_eq(word, "table");
	if (span_eq(word, "row")) {
		print_row(r, line);
		return;
	}
	if (span_eq(word, "=") && !r->is_table) {
		print_expectation(r, line);
		return;
	}
	printf("%.*s\n", (int)line.n, line.p);
	step = r->is_table ? NULL : find_step(r, 0, false);
	if (step == NULL || !step->is_answered)
		return;
	printf("= ");
	print_reply(step);
	printf("\n");
}

static void
print_suite(const struct probe *probe, const struct suite *suite)
{
	struct record	 r = { .probe = probe, .suite = suite };
	FILE		*in = fopen(suite->name, "r");
	char		*line = NULL;
	size_t		 size = 0;
	ssize_t		 n;

	if (in == NULL)
		ctl_die(EX_NOINPUT, "%s: %s", suite->name, strerror(errno));
	while ((n = getline(&line, &size, in)) != -1) {
		r.line++;
		while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			n--;
		print_line(&r, (struct span){ line, (size_t)n });
	}
	free(line);
	(void)fclose(in);
}

void
probe_record(const struct probe *probe)
{
	unsigned	 i;

	for (i = 0; i < probe->n_suites; i++)
		print_suite(probe, &probe->suites[i]);
}
