/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * diff_verb: the verb, and its rows for a person.
 */
#include "diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "networks.h"
#include "verb.h"

enum { OPTION_NAMES };

#define SHOWN_MAX	4	/* networks, names and values in a line */

/* A line each, without blanks around it and comments. */
static char **
read_tries(const char *file)
{
	char		**tries = NULL, *line = NULL;
	FILE		 *in = fopen(file, "r");
	struct span	  text;
	size_t		  n = 0, size = 0;
	ssize_t		  len;

	if (in == NULL)
		ctl_die(EX_NOINPUT, "%s: %s", file, strerror(errno));
	do {
		tries = reallocarray(tries, n + 1, sizeof *tries);
		if (tries == NULL)
			ctl_die(EX_OSERR, "out of memory");
		tries[n] = NULL;
		len = getline(&line, &size, in);
		if (len <= 0)
			break;
		text = span_trim((struct span){ line, (size_t)len -
		    (line[len - 1] == '\n') });
		if (text.n == 0 || text.p[0] == '#')
			continue;
		if ((tries[n++] = strndup(text.p, text.n)) == NULL)
			ctl_die(EX_OSERR, "out of memory");
	} while (true);
	free(line);
	(void)fclose(in);
	return tries;
}

static json_t *
brief(const json_t *row, const char *key)
{
	const json_t	*value = json_object_get(row, key);

	return json_is_array(value) ? networks_brief(value, SHOWN_MAX) :
	    output_text(json_string_value(value));
}

/* What stands in the table: who, in one text. */
static json_t *
brief_who(const json_t *row)
{
	json_t		*networks = brief(row, "networks");
	json_t		*names = brief(row, "names");
	json_t		*fingerprints = brief(row, "fingerprints");
	json_t		*patterns = brief(row, "patterns");
	const char	*name = json_string_value(names);
	const char	*fingerprint = json_string_value(fingerprints);
	const char	*listener = output_text_at(row, "listener");
	json_t		*who;

	who = json_sprintf("%s%s%s%s%s%s%s%s%s",
	    json_is_string(networks) ? json_string_value(networks) : "peers",
	    json_is_string(patterns) ? " that match " : "",
	    json_is_string(patterns) ? json_string_value(patterns) : "",
	    name == NULL || *name == '\0' ? "" : " as ",
	    name == NULL ? "" : name,
	    fingerprint == NULL || *fingerprint == '\0' ? "" :
	    " with certificate ", fingerprint == NULL ? "" : fingerprint,
	    *listener == '\0' ? "" : " at listener ", listener);
	json_decref(networks);
	json_decref(names);
	json_decref(fingerprints);
	json_decref(patterns);
	return who;
}

void
diff_print(struct ctl *ctl, const json_t *rows)
{
	static const struct output_column	 columns[] = {
		{ "who", 40 }, { "effect", 0 }, { "right", 0 },
		{ "values", 40 }, { "old", 24 }, { "new", 24 },
		{ "example", 0 }, { NULL, 0 }
	};
	json_t					*shown = output_new_array();
	const json_t				*row;
	json_t					*line;
	size_t					 i;

	json_array_foreach(rows, i, row) {
		line = output_new();
		output_put(line, "who", brief_who(row));
		output_put(line, "effect", output_text(output_text_at(row,
		    "effect")));
		output_put(line, "right", output_text(output_text_at(row,
		    "right")));
		output_put(line, "values", brief(row, "values"));
		output_put(line, "old", brief(row, "old"));
		output_put(line, "new", brief(row, "new"));
		output_put(line, "example", json_sprintf("%s%s%s",
		    output_text_at(row, "peer"), json_is_string(
		    json_object_get(row, "peer")) ? " " : "",
		    output_text_at(row, "line")));
		output_append(shown, line);
	}
	if (i == 0)
		printf("Nobody gains or loses anything.\n");
	else
		output_table(ctl, json_incref(shown), columns);
	json_decref(shown);
}

/* 1: somebody gains, or perhaps; 2: somebody loses; 0: neither. */
static int
status_of(const json_t *rows)
{
	const json_t	*row;
	const char	*effect;
	size_t		 i;
	int		 status = 0;

	json_array_foreach(rows, i, row) {
		effect = output_text_at(row, "effect");
		if (strcmp(effect, "gains") == 0 ||
		    strcmp(effect, "undecided") == 0)
			return 1;
		if (strcmp(effect, "loses") == 0)
			status = 2;
	}
	return status;
}

static struct conf *
load(const char *file)
{
	struct err	 err;
	struct conf	*conf = conf_load(file, &err);

	if (conf == NULL)
		ctl_die(EX_CONFIG, "%s", err.text);
	return conf;
}

int
diff_run(struct ctl *ctl)
{
	struct conf	*old = load(ctl->args[0]), *new = load(ctl->args[1]);
	char		**tries = NULL;
	json_t		*rows;
	int		 status;
	size_t		 i;

	if (ctl->option[OPTION_NAMES] != NULL)
		tries = read_tries(ctl->option[OPTION_NAMES]);
	rows = diff_make(old, new, tries);
	status = status_of(rows);
	if (ctl->is_json)
		output_table(ctl, json_incref(rows), NULL);
	else
		diff_print(ctl, rows);
	json_decref(rows);
	for (i = 0; tries != NULL && tries[i] != NULL; i++)
		free(tries[i]);
	free(tries);
	conf_unref(old);
	conf_unref(new);
	return status;
}
