/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * stats: the numbers that the daemons have, which are those of their metrics.
 *
 * A person is spared what has never happened, and histograms.
 */
#include <string.h>

#include "ask.h"
#include "output.h"
#include "pool.h"
#include "verb.h"

static bool
is_for_a_person(const json_t *number)
{
	const char	*name = output_text_at(number, "name");
	size_t		 n = strlen(name);

	return json_number_value(json_object_get(number, "value")) != 0 &&
	    (n < 7 || strcmp(name + n - 7, "_bucket") != 0);
}

/* "command=XCLIENT action=permit"; those without a value are left out. */
static json_t *
labels_text(struct pool *pool, json_t *labels)
{
	const char	*text = "", *key;
	json_t		*value;

	json_object_foreach(labels, key, value)
		if (json_is_string(value) &&
		    *json_string_value(value) != '\0')
			text = pool_printf(pool, "%s%s%s=%s", text,
			    *text == '\0' ? "" : " ", key,
			    json_string_value(value));
	return output_text(text);
}

static void
add_rows(const struct ctl *ctl, struct pool *pool, json_t *rows,
    const char *daemon, const json_t *data)
{
	json_t	*number, *row, *labels, *value;
	size_t	 i;

	json_array_foreach(data, i, number) {
		if (!ctl->is_json && !is_for_a_person(number))
			continue;
		labels = json_object_get(number, "labels");
		row = output_new();
		output_put(row, "daemon", output_text(daemon));
		output_put(row, "name",
		    output_text(output_text_at(number, "name")));
		output_put(row, "labels", !json_is_object(labels) ?
		    json_null() : ctl->is_json ? json_incref(labels) :
		    labels_text(pool, labels));
		value = json_object_get(number, "value");
		output_put(row, "value", json_is_number(value) ?
		    json_incref(value) : json_null());
		output_append(rows, row);
	}
}

int
stats_run(struct ctl *ctl)
{
	static const struct control_request	 request = {
		.verb = CONTROL_STATS
	};
	static const struct output_column	 columns[] = {
		{ "daemon", 0 }, { "name", 0 }, { "value", 0 },
		{ "labels", 0 }, { NULL, 0 }
	};
	json_t		*rows = output_new_array(), *data;
	struct pool	 pool = { NULL };
	struct ask	 all;
	struct err	 err;
	unsigned	 i;
	int		 status = CTL_YES;

	ask_init(ctl, &all);
	for (i = 0; i < ASK_DAEMONS; i++) {
		if (!all.daemons[i].is_expected)
			continue;
		if (ask(&all.daemons[i], &request, ASK_SHORT_MS, &data,
		    &err) != ASK_DONE) {
			fprintf(stderr, "%s: %s\n", CTL_PROGRAM, err.text);
			status = CTL_NO;
			continue;
		}
		add_rows(ctl, &pool, rows, all.daemons[i].name, data);
		json_decref(data);
	}
	output_table(ctl, rows, columns);
	pool_clear(&pool);
	return status;
}
