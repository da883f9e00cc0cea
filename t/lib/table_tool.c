/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_tool: asks a table for each line of its standard input and prints
 * "key<TAB>value" for what it finds, as "postmap -q - table" does.
 *
 * With -l, "<TAB>file:line" of the rule follows.  Exit status 1: the table
 * cannot be opened; 2: for some key the table could not tell, and standard
 * error says why.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "table/table.h"

static void
print_found(struct span key, const struct table_answer *res, int with_line)
{
	fwrite(key.p, 1, key.n, stdout);
	putchar('\t');
	fwrite(res->value, 1, res->len, stdout);
	if (with_line)
		printf("\t%s:%u", res->file, res->line);
	putchar('\n');
}

static int
ask(const struct table *table, int with_line)
{
	struct table_answer	 res = { 0 };
	struct span		 key;
	char			*line = NULL;
	size_t			 size = 0;
	ssize_t			 n;
	int			 status = 0;

	while ((n = getline(&line, &size, stdin)) != -1) {
		if (n > 0 && line[n - 1] == '\n')
			n--;
		key = (struct span){ line, (size_t)n };
		switch (table_find(table, key, &res)) {
		case TABLE_FOUND:
			print_found(key, &res, with_line);
			break;
		case TABLE_NOT_FOUND:
			break;
		case TABLE_CANNOT_TELL:
			fprintf(stderr, "%.*s: %s\n", (int)n, line,
			    res.err.text);
			status = 2;
		}
	}
	free(line);
	table_answer_clear(&res);
	return status;
}

int
main(int argc, char **argv)
{
	struct table	*table;
	struct err	 err;
	int		 with_line, status;

	with_line = argc > 1 && strcmp(argv[1], "-l") == 0;
	if (argc != 2 + with_line) {
		fprintf(stderr, "usage: table_tool [-l] type:name\n");
		return 64;
	}
	if ((table = table_open(argv[1 + with_line], &err)) == NULL) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	status = ask(table, with_line);
	table_free(table);
	return status;
}
