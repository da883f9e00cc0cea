/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * explain: what a line, or a whole dialogue, would come to, and by which rule.
 */
#include <stdlib.h>
#include <sysexits.h>

#include "explain_log.h"
#include "explain_scope.h"
#include "peer.h"
#include "play.h"
#include "verb.h"

enum { OPTION_PEER = PEER_OPTIONS, OPTION_LOG };

/* True if it was refused. */
static bool
take_line(struct play *play, struct span line, json_t *steps)
{
	json_t	*step = play_line(play, line);
	bool	 is_passed = play_is_passed(step);

	output_append(steps, step);
	return !is_passed;
}

static bool
take_dialogue(struct play *play, json_t *steps)
{
	bool	 is_refused = false;
	char	*line = NULL;
	size_t	 size = 0;
	ssize_t	 n;

	while ((n = getline(&line, &size, stdin)) != -1) {
		while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			n--;
		if (n > 0 && line[0] != '#' && take_line(play,
		    (struct span){ line, (size_t)n }, steps))
			is_refused = true;
	}
	if (ferror(stdin))
		ctl_die(EX_IOERR, "standard input cannot be read");
	free(line);
	return is_refused;
}

/*
 * What a person sees
 */

static void
print_step(const struct ctl *ctl, json_t *step)
{
	json_object_del(step, "sealed");
	output_object(ctl, json_incref(step));
	printf("\n");
}

static void
print_for_person(const struct ctl *ctl, const json_t *found)
{
	const json_t	*steps = json_object_get(found, "steps");
	json_t		*step;
	size_t		 i;

	printf("%s is \"%s\" by %s\n\n",
	    json_string_value(json_object_get(found, "peer")),
	    json_string_value(json_object_get(found, "profile")),
	    json_string_value(json_object_get(found, "rule")));
	json_array_foreach(steps, i, step)
		print_step(ctl, step);
}

static int
explain_rules(struct ctl *ctl)
{
	const struct trust_peer	 peer = peer_read(ctl,
				     ctl->option[OPTION_PEER]);
	struct play		*play = play_new(ctl, &peer);
	json_t			*found = output_new();
	json_t			*steps = output_new_array();
	char			 rule[sizeof(struct verdict)];
	bool			 is_refused;

	output_put(found, "peer", output_address(&peer.addr));
	output_put(found, "profile", output_text(trust_profile_name(
	    peer_classify(ctl, &peer, rule, sizeof rule))));
	output_put(found, "rule", output_text(rule));
	output_put(found, "steps", steps);
	is_refused = ctl->n_args > 0 ?
	    take_line(play, span_of(ctl->args[0]), steps) :
	    take_dialogue(play, steps);
	play_free(play);
	if (ctl->is_json) {
		output_object(ctl, found);
	} else {
		print_for_person(ctl, found);
		json_decref(found);
	}
	return is_refused ? CTL_NO : CTL_YES;
}

int
explain_run(struct ctl *ctl)
{
	bool	 is_scope = ctl->option[EXPLAIN_SCOPE] != NULL;

	if (ctl->n_args != 2 && (is_scope || ctl->n_args > 1))
		ctl_die(EX_USAGE, is_scope ? "explain --scope needs a SENDER "
		    "and a RECIPIENT" : "explain takes one argument, but for "
		    "--scope");
	if (is_scope)
		return explain_scope(ctl);
	if (ctl->option[OPTION_LOG] != NULL)
		return explain_log(ctl);
	if (ctl->option[OPTION_PEER] == NULL)
		ctl_die(EX_USAGE, "explain needs --peer ADDRESS, --log or "
		    "--scope");
	return explain_rules(ctl);
}
