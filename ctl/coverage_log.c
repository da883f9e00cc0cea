/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * coverage_log: which rules the decisions of a log have asked, and which they
 * never have.
 */
#include "again.h"
#include "coverage.h"
#include "log_reader.h"
#include "output.h"
#include "verb.h"

struct judged {
	struct coverage			*coverage;
	enum trust_command		 command;
	const struct coverage_event	*event;
};

/* An again_attribute_fn. */
static void
take_attribute(const struct assertion_set *set, enum assertion_name name,
    const struct verdict *v, void *arg)
{
	const struct judged	*judged = arg;

	(void)set;
	coverage_judged(judged->coverage, judged->command,
	    assertion_name_text(name), v->reason, v->rule, judged->event);
}

/* False: it cannot be told what was asked. */
static bool
take(struct coverage *c, struct again *a, const struct log_entry *e)
{
	enum again_result	 result = again_decide(a, e);
	struct coverage_event	 event = { .profile = a->profile,
				     .time = e->time,
				     .example = e->value[DECISION_KEY_SAID] };

	if (a->profile != NULL)
		coverage_peer(c, a->peer_rule, &event);
	if (result != AGAIN_DECIDED)
		return result == AGAIN_STATE;
	if (a->j.command == TRUST_XSETCONTEXT ||
	    a->j.command == TRUST_XDUMPCONTEXT)
		coverage_judged(c, a->j.command, NULL, a->j.verdict.reason,
		    a->j.verdict.rule, &event);
	else
		again_each_attribute(a, take_attribute, &(struct judged){ c,
		    a->j.command, &event });
	return true;
}

static void
print_for_person(const struct ctl *ctl, json_t *found, json_t *hit,
    json_t *never)
{
	static const struct output_column	 columns[] = {
		{ "count", 0 }, { "kind", 0 }, { "profile", 0 },
		{ "what", 60 }, { "place", 0 }, { "first", 0 }, { "last", 0 },
		{ NULL, 0 }
	}, few[] = {
		{ "kind", 0 }, { "profile", 0 }, { "what", 60 },
		{ "place", 0 }, { NULL, 0 }
	};

	output_object(ctl, found);
	if (json_array_size(hit) > 0) {
		printf("\n");
		output_table(ctl, json_incref(hit), columns);
	}
	if (json_array_size(never) > 0) {
		printf("\nNever:\n");
		output_table(ctl, json_incref(never), few);
	}
}

static void
tell(struct ctl *ctl, const struct coverage *c, const struct log_reader *log,
    unsigned long n_undecided)
{
	const struct log_counts	*counts = log_reader_counts(log);
	json_t			*found = output_new();
	json_t			*hit = coverage_rows(c, true);
	json_t			*never = coverage_rows(c, false);
	size_t			 n, n_hit;

	n = coverage_count(c, &n_hit);
	output_put(found, "first", output_text(log_reader_first(log)));
	output_put(found, "last", output_text(log_reader_last(log)));
	output_put(found, "decisions",
	    json_integer((json_int_t)counts->decisions));
	output_put(found, "undecidable", json_integer((json_int_t)n_undecided));
	output_put(found, "damaged",
	    json_integer((json_int_t)counts->damaged));
	output_put(found, "rules", json_integer((json_int_t)n));
	output_put(found, "hit", json_integer((json_int_t)n_hit));
	if (ctl->is_json) {
		output_put(found, "hits", hit);
		output_put(found, "never", never);
		output_object(ctl, found);
	} else {
		print_for_person(ctl, found, hit, never);
		json_decref(hit);
		json_decref(never);
	}
}

int
coverage_log_run(struct ctl *ctl)
{
	struct coverage		*c = coverage_new(ctl_conf(ctl));
	struct again		*a = again_new(ctl_conf(ctl));
	struct log_reader	*log = log_reader_open(ctl->args[0]);
	const struct log_entry	*e;
	unsigned long		 n_undecided = 0, n_damaged;

	while ((e = log_reader_next(log)) != NULL)
		if (!take(c, a, e))
			n_undecided++;
	tell(ctl, c, log, n_undecided);
	n_damaged = log_reader_counts(log)->damaged;
	log_reader_close(log);
	again_free(a);
	coverage_free(c);
	return n_undecided > 0 || n_damaged > 0 ? CTL_CANNOT_TELL : CTL_YES;
}
