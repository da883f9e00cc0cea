/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * reload: has the daemons read the configuration again, and says what became of
 * that in each.
 *
 * One that does not answer at once is not waited for: it would not begin.
 */
#include "reload.h"

#include <sysexits.h>

#include "daemon/in_force.h"
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
row_of(const char *program, const char *result, json_t *fingerprint,
    const char *text)
{
	json_t	*row = output_new();

	output_put(row, "daemon", output_text(program));
	output_put(row, "result", output_text(result));
	output_put(row, "fingerprint", fingerprint);
	output_put(row, "text", output_text(text));
	return row;
}

static json_t *
reload_one(const struct ask_daemon *daemon, struct reload *r)
{
	json_t		*data, *fingerprint = json_null();
	struct err	 err;
	enum ask_result	 result = reload(daemon, &data, &err);

	r->is_all = r->is_all && result == ASK_DONE;
	r->is_refused = r->is_refused || (result != ASK_DONE &&
	    result != ASK_ABSENT);
	if (result == ASK_DONE) {
		fingerprint = output_text(output_text_at(
		    json_array_get(data, 0), "fingerprint"));
		json_decref(data);
	}
	return row_of(daemon->program, result == ASK_DONE ? "reloaded" :
	    result == ASK_REFUSED ? "kept the old" :
	    ask_result_text(result), fingerprint, result == ASK_DONE ? NULL :
	    err.text);
}

struct reload
reload_all(const struct ask *all, bool is_all_or_none)
{
	struct reload	 r = { .rows = output_new_array(), .is_all = true };
	json_t		*row;
	unsigned	 i;

	for (i = ASK_DAEMONS; i-- > 0;) {
		if (!all->daemons[i].is_expected)
			continue;
		row = is_all_or_none && r.is_refused ?
		    row_of(all->daemons[i].program, "not asked", json_null(),
		    NULL) : reload_one(&all->daemons[i], &r);
		/* In their own order. */
		if (json_array_insert_new(r.rows, 0, row) == -1)
			ctl_die(EX_OSERR, "out of memory");
	}
	return r;
}

void
reload_print(struct ctl *ctl, const struct reload *reload)
{
	static const struct output_column	 columns[] = {
		{ "daemon", 0 }, { "result", 0 }, { "fingerprint", 0 },
		{ "text", 0 }, { NULL, 0 }
	};

	output_table(ctl, json_incref(reload->rows), columns);
}

int
reload_run(struct ctl *ctl)
{
	struct ask	 all;
	struct reload	 r;

	in_force_put_back(ctl->file);
	ask_init(ctl, &all);
	r = reload_all(&all, false);
	reload_print(ctl, &r);
	json_decref(r.rows);
	return r.is_all ? CTL_YES : CTL_NO;
}
