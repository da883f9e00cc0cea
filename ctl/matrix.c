/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * matrix: see matrix.h.
 */
#include "matrix.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "sweep.h"
#include "verb.h"

enum { OPTION_SVG, OPTION_HTML };

#define SHOWN_MAX	3	/* networks in a row */

enum matrix_reach
matrix_reach(const json_t *value)
{
	const char	*text = json_string_value(value);

	if (value == NULL)
		return MATRIX_NOTHING;
	if (text == NULL || strcmp(text, "*") == 0)
		return MATRIX_ALL;
	if (strcmp(text, "none") == 0)
		return MATRIX_NOTHING;
	return strcmp(text, "public") == 0 ? MATRIX_PUBLIC : MATRIX_SOME;
}

struct maker {
	const struct trust	*trust;
	const char		*listener;
	json_t			*seen;		/* columns, as keys */
	json_t			*rows;
};

/* The names of the context are one grant, and their patterns its values. */
static void
add_grant(const struct trust_grant *grant, void *arg)
{
	json_t		*values = arg, *before, *value;
	char		 key[64];

	if (grant->is_dropped)
		return;
	if (strcmp(grant->command, "XSETCONTEXT") == 0) {
		before = json_object_get(values, grant->command);
		value = output_text(grant->what);
		if (before != NULL) {
			json_t	*both;

			both = json_sprintf("%s, %s",
			    json_string_value(before),
			    json_string_value(value));
			json_decref(value);
			value = both;
		}
		output_put(values, grant->command, value);
		return;
	}
	(void)snprintf(key, sizeof key, "%s%s%s", grant->command,
	    grant->values == NULL ? "" : " ", grant->values == NULL ? "" :
	    grant->what);
	output_put(values, strcmp(key, "XREMOTEIP ADDR") == 0 ? "XREMOTEIP" :
	    key, grant->values == NULL ? json_true() :
	    output_text(grant->values));
}

static void
add_row(struct maker *m, json_t *who, const struct trust_profile *profile)
{
	json_t		*row = output_new(), *values = output_new(), *value;
	const char	*key;

	trust_profile_each_grant(profile, add_grant, values);
	if (trust_profile_always_allow(profile))
		output_put(values, "always_allow", json_true());
	if (trust_profile_report_only(profile))
		output_put(values, "report_only", json_true());
	json_object_foreach(values, key, value)
		output_put(m->seen, key, json_true());
	output_put(row, "who", who);
	output_put(row, "profile", output_text(trust_profile_name(profile)));
	output_put(row, "listener", output_text(m->listener));
	output_put(row, "values", values);
	output_append(m->rows, row);
}

static void
add_addresses(struct maker *m, const struct sweep_group *g)
{
	json_t	*networks;

	/* All that is in no table is a stranger's. */
	if (g->profile[0] == NULL)
		return;
	networks = networks_print(&g->ranges);
	add_row(m, networks_brief(networks, SHOWN_MAX), g->profile[0]);
	json_decref(networks);
}

static void
add_keys(struct maker *m, const struct sweep_group *g)
{
	json_t	*keys = output_new_array();
	size_t	 i;

	for (i = 0; i < g->n_keys; i++)
		output_append(keys, output_text(g->keys[i]));
	add_row(m, networks_brief(keys, SHOWN_MAX), g->profile[0]);
	json_decref(keys);
}

/* A table_entry_fn. */
static int
add_pattern(const struct table_entry *e, void *arg, struct err *err)
{
	struct maker			*m = arg;
	const struct trust_profile	*profile;
	size_t				 i;

	(void)err;
	for (i = 0; e->kind == TABLE_ENTRY_PATTERN && (profile =
	    trust_sweep_profile(m->trust, i)) != NULL; i++)
		if (span_eq(e->value, trust_profile_name(profile)))
			add_row(m, output_span(e->what), profile);
	return 0;
}

/* A trust_table_fn. */
static int
add_table(const struct table *table, const char *file, unsigned line,
    void *arg, struct err *err)
{
	(void)file;
	(void)line;
	return table_is_listed(table) ? 0 : table_each_entry(table,
	    add_pattern, arg, err);
}

static void
add_listener(const char *listener, void *arg)
{
	struct maker	*m = arg;
	struct sweep	 sweep;
	struct err	 err;
	size_t		 i;

	m->listener = listener;
	sweep_init(&sweep, m->trust, m->trust, listener, NULL, NULL,
	    NULL);
	for (i = 0; i < sweep.n_addresses; i++)
		add_addresses(m, &sweep.addresses[i]);
	for (i = 0; i < sweep.n_keys; i++)
		add_keys(m, &sweep.keys[i]);
	if (trust_sweep_tables(m->trust, listener, add_table, m, &err) == -1)
		ctl_cannot_tell(&err);
	sweep_clear(&sweep);
}

static json_t *
make(const struct trust *trust)
{
	struct maker	 m = { .trust = trust, .seen = output_new(),
			    .rows = output_new_array() };
	static const char *const	 order[] = { "XCLIENT", "XFORWARD",
		"XREMOTEIP", "XSETCONTEXT", "XDUMPCONTEXT", "always_allow",
		"report_only" };
	json_t		*data = output_new(), *grants = output_new_array();
	json_t		*value;
	const char	*key;
	size_t		 i;

	add_listener(NULL, &m);
	trust_sweep_listeners(trust, add_listener, &m);
	/* By command, whoever was the first to have one. */
	for (i = 0; i < sizeof order / sizeof order[0]; i++)
		json_object_foreach(m.seen, key, value)
			if (strncmp(key, order[i], strlen(order[i])) == 0)
				output_append(grants, output_text(key));
	json_decref(m.seen);
	output_put(data, "grants", grants);
	output_put(data, "rows", m.rows);
	return data;
}

/*
 * As a table: a column each would be too wide for a terminal
 */

static void
print_cells(const json_t *grants, const json_t *row)
{
	static const char	 marks[] = { '.', 'o', 'p', '#' };
	const json_t		*grant;
	size_t			 i;

	json_array_foreach(grants, i, grant)
		printf(" %c", marks[matrix_reach(json_object_get(
		    json_object_get(row, "values"),
		    json_string_value(grant)))]);
}

static void
print_for_person(const json_t *data)
{
	const json_t	*grants = json_object_get(data, "grants");
	const json_t	*rows = json_object_get(data, "rows"), *row, *grant;
	const char	*listener;
	size_t		 i, k;

	/* Each grant's name stands over its column, a line lower than the
	 * one before. */
	json_array_foreach(grants, i, grant) {
		for (k = 0; k < i; k++)
			printf(" |");
		printf(" %s\n", json_string_value(grant));
	}
	json_array_foreach(rows, i, row) {
		print_cells(grants, row);
		listener = output_text_at(row, "listener");
		printf("  %s: %s%s%s\n", output_text_at(row, "profile"),
		    output_text_at(row, "who"), *listener == '\0' ? "" :
		    ", at listener ", listener);
	}
	if (i == 0)
		printf("Nobody has a profile.\n");
	else
		printf("\n# everything  p what is public  o some values  "
		    ". nothing\n");
}

int
matrix_run(struct ctl *ctl)
{
	json_t	*data = make(ctl_conf(ctl)->trust);

	if (ctl->option[OPTION_SVG] != NULL &&
	    ctl->option[OPTION_HTML] != NULL)
		ctl_die(EX_USAGE, "--svg or --html, not both");
	if (ctl->option[OPTION_SVG] != NULL)
		matrix_svg(data);
	else if (ctl->option[OPTION_HTML] != NULL)
		matrix_html(data);
	else if (ctl->is_json)
		output_object(ctl, json_incref(data));
	else
		print_for_person(data);
	json_decref(data);
	return CTL_YES;
}
