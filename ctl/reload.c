/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * reload: has the daemons read the configuration again, and says what became of
 * that in each.
 *
 * One that does not answer at once is not waited for: it would not begin.
 */
#include "ask.h"
#include "output.h"
#include "verb.h"

#define RELOAD_MS	125000	/* a daemon has two minutes */

static const struct control_request	 are_you_there = {
	.verb = CONTROL_PING
};
static const struct control_request	 read_it = { .verb = CONTROL_RELOAD };

static enum ask_result
reload(const struct ask_daemon *daemon, json_t **data_r, struct err *err)
{
	enum ask_result	 result;

	result = ask(daemon, &are_you_there, ASK_SHORT_MS, data_r, err);
	if (result != ASK_DONE)
		return result == ASK_REFUSED ? ASK_FORBIDDEN : result;
	json_decref(*data_r);
	return ask(daemon, &read_it, RELOAD_MS, data_r, err);
}

static json_t *
row_of(const struct ask_daemon *daemon, bool *is_done_r)
{
	json_t		*row = output_new(), *data;
	struct err	 err;
	enum ask_result	 result = reload(daemon, &data, &err);

	*is_done_r = result == ASK_DONE;
	output_put(row, "daemon", output_text(daemon->program));
	output_put(row, "result", output_text(result == ASK_DONE ?
	    "reloaded" : result == ASK_REFUSED ? "kept the old" :
	    ask_result_text(result)));
	output_put(row, "fingerprint", result != ASK_DONE ? json_null() :
	    output_text(output_text_at(json_array_get(data, 0),
	    "fingerprint")));
	output_put(row, "text", result == ASK_DONE ? json_null() :
	    output_text(err.text));
	if (result == ASK_DONE)
		json_decref(data);
	return row;
}

int
reload_run(struct ctl *ctl)
{
	static const struct output_column	 columns[] = {
		{ "daemon", 0 }, { "result", 0 }, { "fingerprint", 0 },
		{ "text", 0 }, { NULL, 0 }
	};
	json_t		*rows = output_new_array();
	struct ask	 all;
	unsigned	 i;
	bool		 is_done, is_all = true;

	ask_init(ctl, &all);
	for (i = 0; i < ASK_DAEMONS; i++) {
		if (!all.daemons[i].is_expected)
			continue;
		output_append(rows, row_of(&all.daemons[i], &is_done));
		is_all = is_all && is_done;
	}
	output_table(ctl, rows, columns);
	return is_all ? CTL_YES : CTL_NO;
}
