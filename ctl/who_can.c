/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * who_can: see who_can.h.
 *
 * The line is decided for each profile there is; then all peers are swept for
 * those that have one by which it passes.
 */
#include "who_can.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "session/judge.h"
#include "sweep.h"
#include "verb.h"

/* The line, read. */
struct said {
	enum trust_command	 command;
	struct assertion_set	 set;
	struct context_line	 line;
};

struct search {
	const struct trust	*trust;
	const struct said	*said;
	const char		*listener;
	json_t			*rows;
	/* Of the profile that is looked for: */
	const struct trust_profile	*profile;
	json_t				*patterns;
};

static void
read_address(struct said *said, struct span args)
{
	char	 text[ADDRESS_TEXT_SIZE + 8];

	args = span_trim(args);
	(void)snprintf(text, sizeof text, "%.*s", (int)args.n, args.p);
	assertion_init(&said->set, ASSERTION_XCLIENT);
	if (!assertion_set_value(&said->set, ASSERTION_ADDR, ASSERTION_VALUE,
	    span_of(text)))
		ctl_die(EX_USAGE, "XREMOTEIP: expected an address, got \"%s\"",
		    text);
}

static void
read_line(const struct ctl *ctl, const char *text, struct said *said)
{
	struct span	 args = span_of(text), verb = judge_next_word(&args);
	struct err	 err;
	bool		 ok = true;

	if (!trust_command_find(verb, &said->command))
		ctl_die(EX_USAGE, "\"%.*s\": expected XCLIENT, XFORWARD, "
		    "XREMOTEIP, XSETCONTEXT or XDUMPCONTEXT", (int)verb.n,
		    verb.p);
	switch (said->command) {
	case TRUST_XCLIENT:
	case TRUST_XFORWARD:
		ok = assertion_parse(args, said->command == TRUST_XCLIENT ?
		    ASSERTION_XCLIENT : ASSERTION_XFORWARD, ctl->conf->xtext,
		    &said->set, &err) == ASSERTION_OK;
		break;
	case TRUST_XREMOTEIP:
		read_address(said, args);
		break;
	case TRUST_XSETCONTEXT:
		ok = context_line_parse(args, &said->line, &err);
		break;
	case TRUST_XDUMPCONTEXT:
		break;
	}
	if (!ok)
		ctl_die(EX_USAGE, "%s", err.text);
}

/* What a profile drops is said, and not in force. */
static bool
is_whole(const struct trust_profile *profile, const struct said *said)
{
	struct assertion_set	 left;
	int			 i;

	assertion_copy(&left, &said->set);
	trust_profile_drop(profile, &left);
	for (i = 0; i < ASSERTION_COUNT; i++)
		if (left.v[i].status != said->set.v[i].status)
			return false;
	return true;
}

static void
decide(const struct search *s, const struct trust_profile *profile,
    struct verdict *verdict)
{
	const struct trust_speaker	 speaker = { .profile = profile };
	const struct said		*said = s->said;

	switch (said->command) {
	case TRUST_XSETCONTEXT:
		trust_decide_context(s->trust, &speaker, &said->line,
		    verdict);
		break;
	case TRUST_XDUMPCONTEXT:
		trust_decide_dump(s->trust, &speaker, verdict);
		break;
	default:
		trust_decide(s->trust, &speaker, said->command, &said->set,
		    verdict);
		if (!is_whole(profile, said))
			verdict->action = VERDICT_TEMPFAIL;
	}
}

/*
 * Who has the profile
 */

/* A table_entry_fn. */
static int
see_pattern(const struct table_entry *e, void *arg, struct err *err)
{
	struct search	*s = arg;

	(void)err;
	if (e->kind != TABLE_ENTRY_PATTERN || (!span_has(e->value, '$') &&
	    !span_eq(e->value, trust_profile_name(s->profile))))
		return 0;
	output_append(s->patterns, output_span(e->what));
	return 0;
}

/* A trust_table_fn. */
static int
see_table(const struct table *table, const char *file, unsigned line,
    void *arg, struct err *err)
{
	(void)file;
	(void)line;
	if (table_is_listed(table))
		return 0;
	return table_each_entry(table, see_pattern, arg, err);
}

static void
add_keys(json_t *keys, const struct sweep *sweep,
    const struct trust_profile *profile)
{
	const struct sweep_group	*g;
	size_t				 i, k;

	for (i = 0; i < sweep->n_keys; i++) {
		g = &sweep->keys[i];
		for (k = 0; g->profile[0] == profile && k < g->n_keys; k++)
			output_append(keys, output_text(g->keys[k]));
	}
}

/* Those of that listener who have the profile, if there are any. */
static void
add_holders(struct search *s, const struct sweep *sweep,
    const struct verdict *verdict)
{
	json_t		*row, *networks = output_new_array();
	json_t		*keys = output_new_array();
	struct err	 err;
	size_t		 i;

	s->patterns = output_new_array();
	for (i = 0; i < sweep->n_addresses; i++)
		if (sweep->addresses[i].profile[0] == s->profile) {
			json_decref(networks);
			networks = networks_print(
			    &sweep->addresses[i].ranges);
		}
	add_keys(keys, sweep, s->profile);
	if (trust_sweep_tables(s->trust, s->listener, see_table, s,
	    &err) == -1)
		ctl_cannot_tell(&err);
	if (json_array_size(networks) + json_array_size(keys) +
	    json_array_size(s->patterns) > 0) {
		row = output_new();
		output_put(row, "profile", output_text(trust_profile_name(
		    s->profile)));
		output_put(row, "listener", output_text(s->listener));
		output_put(row, "networks", json_incref(networks));
		output_put(row, "names", json_incref(keys));
		output_put(row, "patterns", json_incref(s->patterns));
		output_put(row, "verdict", output_text(verdict->report_only ?
		    "permit (only reported)" : "permit"));
		output_put(row, "rule", output_text(verdict->rule));
		output_append(s->rows, row);
	}
	json_decref(networks);
	json_decref(keys);
	json_decref(s->patterns);
}

static void
search_listener(const char *listener, void *arg)
{
	struct search		*s = arg;
	struct sweep		 sweep;
	struct verdict		 verdict;
	size_t			 i;

	s->listener = listener;
	sweep_init(&sweep, s->trust, s->trust, listener, NULL, NULL,
	    NULL);
	for (i = 0; (s->profile = trust_sweep_profile(s->trust, i)) != NULL;
	    i++) {
		decide(s, s->profile, &verdict);
		if (verdict.action == VERDICT_PERMIT)
			add_holders(s, &sweep, &verdict);
	}
	sweep_clear(&sweep);
}

json_t *
who_can_make(struct ctl *ctl, const char *command)
{
	struct said	*said = calloc(1, sizeof *said);
	struct search	 s = { .trust = ctl_conf(ctl)->trust, .said = said,
			    .rows = output_new_array() };

	if (said == NULL)
		ctl_die(EX_OSERR, "out of memory");
	read_line(ctl, command, said);
	search_listener(NULL, &s);
	trust_sweep_listeners(s.trust, search_listener, &s);
	free(said);
	return s.rows;
}

static void
print_for_person(struct ctl *ctl, const json_t *rows)
{
	static const struct output_column	 columns[] = {
		{ "profile", 0 }, { "listener", 0 }, { "networks", 0 },
		{ "names", 0 }, { "patterns", 0 }, { "verdict", 0 },
		{ "rule", 0 }, { NULL, 0 }
	};
	static const char *const		 lists[] = { "networks",
		"names", "patterns" };
	json_t					*shown = output_new_array();
	json_t					*line;
	const json_t				*row;
	size_t					 i, k;

	json_array_foreach(rows, i, row) {
		line = json_copy((json_t *)(uintptr_t)row);
		for (k = 0; k < 3; k++)
			output_put(line, lists[k], networks_brief(
			    json_object_get(row, lists[k]), 8));
		output_append(shown, line);
	}
	if (i == 0)
		printf("Nobody can.\n");
	else
		output_table(ctl, json_incref(shown), columns);
	json_decref(shown);
}

int
who_can_run(struct ctl *ctl)
{
	json_t	*rows = who_can_make(ctl, ctl->args[0]);
	int	 status = json_array_size(rows) > 0 ? CTL_YES : CTL_NO;

	if (ctl->is_json)
		output_table(ctl, json_incref(rows), NULL);
	else
		print_for_person(ctl, rows);
	json_decref(rows);
	return status;
}
