/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * assertion_tool: rewrites XCLIENT and XFORWARD commands as the daemons do.
 *
 * For each line of standard input it prints one: the command afresh, or "BAD"
 * and the reason.  With -l values may be in the legacy raw form.
 */
#include "trust/assertion.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Takes the verb off the front.  False: it is neither of the two. */
static bool
take_verb(struct span *line, enum assertion_command *command_r)
{
	static const char *const	 verbs[] = { "XCLIENT", "XFORWARD" };
	size_t				 i, n;

	for (i = 0; i < 2; i++) {
		n = strlen(verbs[i]);
		if (line->n < n ||
		    !span_caseeq((struct span){ line->p, n }, verbs[i]))
			continue;
		if (line->n > n && line->p[n] != ' ' && line->p[n] != '\t')
			continue;
		*line = span_skip(*line, n);
		*command_r = i == 0 ? ASSERTION_XCLIENT : ASSERTION_XFORWARD;
		return true;
	}
	return false;
}

static void
rewrite(struct span line, enum xtext_mode mode)
{
	struct assertion_set	 set;
	struct err		 why;
	enum assertion_command	 command;
	char			 out[ASSERTION_LINE_MAX];
	size_t			 len;

	if (!take_verb(&line, &command))
		puts("BAD verb");
	else if (assertion_parse(line, command, mode, &set, &why) !=
	    ASSERTION_OK)
		printf("BAD %s\n", why.text);
	else if (!assertion_print(&set, out, sizeof(out), &len))
		puts("BAD cannot be printed");
	else
		puts(out);
}

int
main(int argc, char **argv)
{
	enum xtext_mode	 mode = XTEXT_STRICT;
	char		*line = NULL;
	size_t		 size = 0;
	ssize_t		 n;
	int		 c;

	while ((c = getopt(argc, argv, "l")) != -1) {
		if (c != 'l') {
			fprintf(stderr, "usage: assertion_tool [-l]\n");
			return EXIT_FAILURE;
		}
		mode = XTEXT_LEGACY;
	}
	while ((n = getline(&line, &size, stdin)) > 0) {
		if (line[n - 1] == '\n')
			n--;
		rewrite((struct span){ line, (size_t)n }, mode);
	}
	free(line);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
