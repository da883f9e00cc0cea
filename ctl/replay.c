/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * replay: what the decisions of a log would have been by other rules.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <sysexits.h>

#include "again.h"
#include "log_reader.h"
#include "output.h"
#include "tally.h"
#include "verb.h"

enum { OPTION_CONFIG };

#define GAP	"\n"	/* between what a key is made of; in none of them */

struct replay {
	struct again	*again;
	struct tally	*differences;
	struct tally	*undecided;	/* by what is missing */
	unsigned long	 n_same;
	unsigned long	 n_state;
	unsigned long	 n_different;
	unsigned long	 n_undecided;
};

static void
note_difference(struct replay *r, const struct log_entry *e)
{
	const struct again	*a = r->again;
	const struct verdict	*v = &a->j.verdict;
	char			 key[1024], peer[ADDRESS_TEXT_SIZE];

	r->n_different++;
	(void)snprintf(key, sizeof key, "%s" GAP "%s" GAP "%s" GAP "%s" GAP
	    "%s" GAP "%s", v->rule, address_format(&a->peer.addr, peer,
	    sizeof peer), trust_profile_name(a->profile),
	    again_text(a->was, a->was_reported),
	    again_text(v->action, v->report_only),
	    verdict_reason_text(v->reason));
	(void)tally_add(r->differences, key, e->time,
	    e->value[DECISION_KEY_SAID]);
}

static void
take(struct replay *r, const struct log_entry *e)
{
	switch (again_decide(r->again, e)) {
	case AGAIN_DECIDED:
		if (again_differs(r->again))
			note_difference(r, e);
		else
			r->n_same++;
		break;
	case AGAIN_STATE:
		r->n_state++;
		break;
	case AGAIN_CUT:
	case AGAIN_CANNOT_TELL:
		r->n_undecided++;
		(void)tally_add(r->undecided, r->again->err.text, e->time,
		    e->value[DECISION_KEY_SAID]);
		break;
	}
}

/*
 * What comes of it
 */

static json_t *
difference(const struct tally_row *row)
{
	static const char *const	 names[] = { "rule", "peer", "profile",
					     "was", "is", "reason" };
	struct span			 rest = span_of(row->key);
	json_t				*object = output_new();
	char				*text;
	const char			*end;
	size_t				 i, n;

	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		end = span_find(rest, '\n');
		n = end == NULL ? rest.n : (size_t)(end - rest.p);
		text = strndup(rest.p, n);
		if (text == NULL)
			ctl_die(EX_OSERR, "out of memory");
		output_put(object, names[i], output_text(text));
		free(text);
		rest = span_skip(rest, end == NULL ? n : n + 1);
	}
	tally_put(object, row);
	return object;
}

static json_t *
differences(struct replay *r)
{
	const struct tally_row	*row;
	json_t			*rows = output_new_array();
	size_t			 n, i;

	row = tally_by_count(r->differences, &n);
	for (i = 0; i < n; i++)
		output_append(rows, difference(&row[i]));
	return rows;
}

static json_t *
number(unsigned long n)
{
	return json_integer((json_int_t)n);
}

static json_t *
summary(struct replay *r, const struct log_reader *log)
{
	const struct log_counts	*c = log_reader_counts(log);
	json_t			*found = output_new();

	output_put(found, "first", output_text(log_reader_first(log)));
	output_put(found, "last", output_text(log_reader_last(log)));
	output_put(found, "lines", number(c->lines));
	output_put(found, "decisions", number(c->decisions));
	output_put(found, "same", number(r->n_same));
	output_put(found, "different", number(r->n_different));
	output_put(found, "state", number(r->n_state));
	output_put(found, "undecidable", number(r->n_undecided));
	output_put(found, "damaged", number(c->damaged));
	output_put(found, "other_events", number(c->others));
	output_put(found, "foreign", number(c->foreign));
	return found;
}

static void
print_for_person(const struct ctl *ctl, json_t *found, json_t *rows,
    json_t *unknown)
{
	static const struct output_column	 columns[] = {
		{ "count", 0 }, { "peer", 0 }, { "profile", 0 }, { "was", 0 },
		{ "is", 0 }, { "reason", 0 }, { "rule", 0 }, { "first", 0 },
		{ "last", 0 }, { "example", 60 }, { NULL, 0 }
	};
	static const struct output_column	 why[] = {
		{ "count", 0 }, { "why", 0 }, { "first", 0 }, { "last", 0 },
		{ "example", 60 }, { NULL, 0 }
	};

	output_object(ctl, found);
	if (json_array_size(rows) > 0) {
		printf("\n");
		output_table(ctl, json_incref(rows), columns);
	}
	if (json_array_size(unknown) > 0) {
		printf("\n");
		output_table(ctl, json_incref(unknown), why);
	}
}

static int
tell(struct ctl *ctl, struct replay *r, const struct log_reader *log)
{
	json_t	*found = summary(r, log), *rows = differences(r);
	json_t	*unknown = tally_reasons(r->undecided);

	if (ctl->is_json) {
		output_put(found, "differences", rows);
		output_put(found, "undecided", unknown);
		output_object(ctl, found);
	} else {
		print_for_person(ctl, found, rows, unknown);
		json_decref(rows);
		json_decref(unknown);
	}
	if (r->n_different > 0)
		return CTL_NO;
	return r->n_undecided > 0 || log_reader_counts(log)->damaged > 0 ?
	    CTL_CANNOT_TELL : CTL_YES;
}

int
replay_run(struct ctl *ctl)
{
	struct replay		 r = { .differences = tally_new(),
				     .undecided = tally_new() };
	struct log_reader	*log;
	const struct log_entry	*e;
	int			 status;

	if (ctl->option[OPTION_CONFIG] != NULL)
		ctl->file = ctl->option[OPTION_CONFIG];
	r.again = again_new(ctl_conf(ctl));
	log = log_reader_open(ctl->args[0]);
	while ((e = log_reader_next(log)) != NULL)
		take(&r, e);
	status = tell(ctl, &r, log);
	log_reader_close(log);
	again_free(r.again);
	tally_free(r.differences);
	tally_free(r.undecided);
	return status;
}
