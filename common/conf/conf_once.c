/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_once: for each open section, the lines in which its settings stand.
 * Sections without a title, which are there once, keep theirs for the whole
 * file, at the outermost level.
 */
#include "conf/conf_once.h"

#include <stdlib.h>

#include "conf/conf_private.h"

#define LEVELS_MAX	8		/* of sections, as conf_text has it */

enum state {
	AT_NAME,		/* nothing, or all before has its end */
	AT_NAMED,		/* behind a name */
	AT_TITLED,		/* behind a name and a title */
	AT_VALUE,		/* behind "=" */
	AT_LIST			/* in a list */
};

struct level {
	const char	*section;	/* "" outside of sections; NULL: none
					 * that there is */
	unsigned	*line;		/* by the number of the row; 0: not
					 * said */
};

struct conf_once {
	enum state	 state;
	struct span	 name;
	unsigned	 depth;
	struct level	 levels[LEVELS_MAX + 1];
	unsigned	 n_rows;
	unsigned	 lines[];
};

struct conf_once *
conf_once_new(void)
{
	struct conf_once	*once;
	unsigned		 i, n = 0;

	while (conf_row(n) != NULL)
		n++;
	once = calloc(1, sizeof *once +
	    (LEVELS_MAX + 1) * n * sizeof once->lines[0]);
	if (once == NULL)
		return NULL;
	once->n_rows = n;
	for (i = 0; i <= LEVELS_MAX; i++)
		once->levels[i].line = once->lines + i * n;
	once->levels[0].section = "";
	return once;
}

void
conf_once_free(struct conf_once *once)
{
	free(once);
}

void
conf_once_word(struct conf_once *once, struct span word)
{
	switch (once->state) {
	case AT_NAME:
		once->name = word;
		once->state = AT_NAMED;
		break;
	case AT_NAMED:
		once->state = AT_TITLED;
		break;
	case AT_VALUE:
		once->state = AT_NAME;
		break;
	case AT_TITLED:
	case AT_LIST:
		break;
	}
}

static const struct conf_section *
find_section(struct span name)
{
	const struct conf_section	*section;
	unsigned			 i;

	for (i = 0; (section = conf_section(i)) != NULL; i++)
		if (span_caseeq(name, section->name))
			break;
	return section;
}

static void
open_section(struct conf_once *once)
{
	const struct conf_section	*section = find_section(once->name);
	struct level			*level;

	if (once->depth < LEVELS_MAX)
		once->depth++;
	level = &once->levels[once->depth];
	level->section = section == NULL ? NULL : section->name;
	level->line = once->lines;
	if (section == NULL || !section->is_titled)
		return;
	level->line += once->depth * once->n_rows;
	memset(level->line, 0, once->n_rows * sizeof *level->line);
}

/* The setting's line so far; it is the first now if it has none. */
static unsigned
say(struct conf_once *once, unsigned line, const char **name_r)
{
	const struct level	*level = &once->levels[once->depth];
	const struct conf_row	*row;
	unsigned		 i;

	for (i = 0; level->section != NULL && (row = conf_row(i)) != NULL;
	    i++) {
		if (strcmp(row->section, level->section) != 0 ||
		    !span_caseeq(once->name, row->name))
			continue;
		if (level->line[i] == 0)
			level->line[i] = line;
		else
			*name_r = row->name;
		return *name_r == NULL ? 0 : level->line[i];
	}
	return 0;
}

unsigned
conf_once_mark(struct conf_once *once, char mark, unsigned line,
    const char **name_r)
{
	enum state	 was = once->state;

	*name_r = NULL;
	switch (mark) {
	case '=':
		once->state = AT_VALUE;
		return was == AT_NAMED ? say(once, line, name_r) : 0;
	case '{':
		once->state = was == AT_VALUE ? AT_LIST : AT_NAME;
		if (was != AT_VALUE && was != AT_LIST)
			open_section(once);
		break;
	case '}':
		once->state = AT_NAME;
		if (was != AT_LIST && once->depth > 0)
			once->depth--;
		break;
	default:
		break;
	}
	return 0;
}
