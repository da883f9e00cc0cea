/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_work: see inject_work.h.
 */
#include "inject_work.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "inject_ask.h"
#include "inject_reject.h"
#include "output.h"

void
inject_work_say(const struct inject_work *w, const char *fmt, ...)
{
	va_list	 ap;

	fprintf(stderr, "%s%s: ", w->stats.shown_ms != 0 ? "\r\033[K" : "",
	    CTL_PROGRAM);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
}

/* A text of the message's or the server's, fit for a terminal. */
static void
say_about(const struct inject_work *w, const struct inject_job *job,
    const char *what, const char *why)
{
	json_t	*name = output_text(job->item.name), *text = output_text(why);

	inject_work_say(w, "%s: %s%s%s", json_string_value(name), what,
	    *why == '\0' ? "" : ": ", json_string_value(text));
	json_decref(name);
	json_decref(text);
}

/* A failure of our own: nothing more is sent. */
static void
fail(struct inject_work *w, const struct err *err)
{
	inject_work_say(w, "%s", err->text);
	w->has_failed = w->is_over = true;
}

static void
clear(struct inject_job *job)
{
	inject_source_clear(&job->item);
	json_decref(job->entry);
	job->entry = NULL;
}

static uint64_t
now_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

/*
 * What the journal knows
 */

struct moved {
	struct inject_source	*source;
	const struct inject_item	*item;
	char			*asked;		/* up to here all are at home */
	char			 key[INJECT_KEY_SIZE];
};

/* An entry of the same content, of a place where that is no more. */
static bool
is_moved(void *arg, const char *key, const json_t *entry)
{
	struct moved	*m = arg;
	const char	*place = strchr(key, '@');

	(void)entry;
	if (place == NULL || strcmp(place + 1, m->asked) == 0)
		return true;
	if (strcmp(key, m->item->key) != 0 && !inject_source_is_at(m->source,
	    m->item, (off_t)strtoull(place + 1, NULL, 16))) {
		(void)snprintf(m->key, sizeof m->key, "%s", key);
		return false;
	}
	(void)snprintf(m->asked, INJECT_PLACE_TEXT, "%s", place + 1);
	return true;
}

/*
 * In an mbox that somebody else has changed the message has another place.  Of
 * many of one content no entry is looked at twice: those up to the last one that
 * was are at home, and what has come among them since is so, too, having been
 * put there for a message that this run has found.
 */
static int
find_moved(struct inject_work *w, struct inject_job *job, struct err *err)
{
	struct moved	 m = { .source = w->source, .item = &job->item };
	char		 prefix[INJECT_KEY_SIZE], from[INJECT_KEY_SIZE];

	m.asked = inject_source_asked(w->source, &job->item);
	if (m.asked == NULL)
		return 0;
	(void)snprintf(prefix, sizeof prefix, "%.*s@",
	    (int)strcspn(job->item.key, "@"), job->item.key);
	(void)snprintf(from, sizeof from, "%.*s@%s",
	    (int)strcspn(job->item.key, "@"), job->item.key, m.asked);
	if (inject_journal_each(w->journal, prefix, from, is_moved, &m,
	    err) == -1)
		return -1;
	if (m.key[0] == '\0')
		return 0;
	if (inject_journal_move(w->journal, m.key, job->item.key, err) == -1)
		return -1;
	return inject_journal_get(w->journal, job->item.key, &job->entry, err);
}

/* Its entry, a new one if there is none. */
static int
find_entry(struct inject_work *w, struct inject_job *job, struct err *err)
{
	int	 found = 0;

	if (w->journal != NULL)
		found = inject_journal_get(w->journal, job->item.key,
		    &job->entry, err);
	if (found == 0 && w->journal != NULL &&
	    w->config->format == INJECT_MBOX)
		found = find_moved(w, job, err);
	if (found == 0)
		job->entry = inject_entry_new(job->item.name);
	return found == -1 ? -1 : 0;
}

bool
inject_work_note(struct inject_work *w, struct inject_job *const *jobs,
    unsigned n, bool is_safe)
{
	struct inject_journal	*j = w->journal;
	struct err		 err;
	unsigned		 i;
	int			 status;

	if (j == NULL || n == 0)
		return true;
	status = inject_journal_begin(j, is_safe, &err);
	if (status == 0) {
		for (i = 0; i < n; i++)
			(void)inject_journal_put(j, jobs[i]->item.key,
			    jobs[i]->entry, &err);
		status = inject_journal_end(j, &err);
	}
	if (status != 0)
		fail(w, &err);
	return status == 0;
}

/* Where it stands for those whom it is for now.  What it was to be for others,
 * by another command or another header, is not ours to send or to wait for. */
static enum inject_state
sum_of(const struct inject_job *job)
{
	return inject_entry_sum_for(job->entry, job->plan.rcpts,
	    job->plan.n_rcpts);
}

/*
 * What becomes of it
 */

void
inject_work_set(struct inject_job *job, const char *rcpt,
    enum inject_state state, const char *reply)
{
	inject_entry_set(job->entry, rcpt, state, reply, now_ms());
}

/* Those recipients of whom nothing is known for good. */
static void
set_rest(struct inject_job *job, enum inject_state from,
    enum inject_state state, const char *why)
{
	unsigned	 i;

	for (i = 0; i < job->plan.n_rcpts; i++)
		if (inject_entry_of(job->entry, job->plan.rcpts[i]) == from)
			inject_work_set(job, job->plan.rcpts[i], state, why);
}

/* A message that nobody can be named for has a place in the journal, too. */
static void
set_all(struct inject_job *job, enum inject_state state, const char *why)
{
	if (job->plan.n_rcpts == 0 || job->plan.rcpts[0][0] == '\0') {
		inject_work_set(job, "", state, why);
		return;
	}
	set_rest(job, INJECT_NEW, state, why);
	set_rest(job, INJECT_LATER, state, why);
}

static void
save_rejected(struct inject_work *w, struct inject_job *job)
{
	struct err	 err;

	if (w->config->rejects == NULL || sum_of(job) != INJECT_REJECTED)
		return;
	if (inject_reject_keep(w->config->rejects, &job->item, job->entry,
	    &err) == 0)
		inject_entry_set_saved(job->entry);
	else
		fail(w, &err);
}

static void
take_out(struct inject_work *w, struct inject_job *job)
{
	struct err	 err;

	if (!w->config->is_kept && inject_entry_is_over(job->entry) &&
	    inject_source_remove(w->source, &job->item, &err) == -1)
		fail(w, &err);
}

static void
count(struct inject_work *w, const struct inject_job *job)
{
	struct inject_stats	*s = &w->stats;

	s->found++;
	switch (sum_of(job)) {
	case INJECT_DONE:
		s->delivered++;
		s->octets += (uint64_t)(job->item.end - job->item.begin);
		s->unknown += job->plan.found != INJECT_ORIGIN_FOUND;
		break;
	case INJECT_REJECTED:
		s->rejected++;
		break;
	case INJECT_DOUBT:
		s->in_doubt++;
		break;
	case INJECT_NEW:
	case INJECT_LATER:
		if (job->plan.verdict == INJECT_STAY)
			s->unsent++;
		else
			s->later++;
		break;
	}
}

/* What somebody has to know of. */
static void
tell(const struct inject_work *w, const struct inject_job *job)
{
	const char	*rcpt, *text;
	json_t		*value;

	json_object_foreach(json_object_get(job->entry, "rcpt"), rcpt, value) {
		text = json_string_value(json_array_get(value, 0));
		if (text == NULL || strcmp(text,
		    inject_entry_state_text(INJECT_DONE)) == 0)
			continue;
		say_about(w, job, text, json_string_value(
		    json_array_get(value, 1)) == NULL ? "" :
		    json_string_value(json_array_get(value, 1)));
	}
}

void
inject_work_end(struct inject_work *w, struct inject_job *job)
{
	json_int_t	 tries;

	tries = json_integer_value(json_object_get(job->entry, "tries"));
	output_put(job->entry, "tries", json_integer(tries + 1));
	save_rejected(w, job);
	/* Of one in doubt the second pass has the last word. */
	if (!w->is_second && w->journal != NULL &&
	    sum_of(job) == INJECT_DOUBT) {
		w->has_doubt = true;
	} else {
		count(w, job);
		tell(w, job);
	}
	inject_stats_show(&w->stats, w->source, clock_ms(CLOCK_MONOTONIC));
}

void
inject_work_leave(struct inject_work *w, struct inject_job *job)
{
	take_out(w, job);
	clear(job);
}

void
inject_work_drop(struct inject_job *job)
{
	clear(job);
}

/* All of it, for one that is not sent. */
static void
finish_now(struct inject_work *w, struct inject_job *job)
{
	inject_work_end(w, job);
	if (inject_work_note(w, &job, 1, false))
		take_out(w, job);
	clear(job);
}

/*
 * What comes next
 */

/* It is where the journal has it already; or nowhere but in the source, having
 * been rejected, which whoever has it there must hear each time. */
static void
skip_over(struct inject_work *w, struct inject_job *job)
{
	w->stats.found++;
	if (sum_of(job) == INJECT_REJECTED &&
	    !inject_entry_is_saved(job->entry)) {
		w->stats.rejected++;
		return;
	}
	w->stats.already++;
	take_out(w, job);
}

static bool
is_over(const struct inject_work *w, const struct inject_job *job)
{
	enum inject_state	 sum = sum_of(job);

	return sum == INJECT_DONE || (sum == INJECT_REJECTED &&
	    (w->config->rejects == NULL ||
	    inject_entry_is_saved(job->entry)));
}

/* The answer for one recipient in doubt: true if that is settled. */
static bool
ask_one(struct inject_work *w, struct inject_job *job, const char *rcpt)
{
	struct err	 err;

	if (w->config->doubt == INJECT_DOUBT_SEND) {
		inject_work_set(job, rcpt, INJECT_LATER, "sent again");
		return true;
	}
	if (w->config->doubt != INJECT_DOUBT_ASK)
		return false;
	switch (inject_ask(w->config->ask, &job->item, job->plan.sender, rcpt,
	    &err)) {
	case INJECT_IS_THERE:
		inject_work_set(job, rcpt, INJECT_DONE, "found there");
		return true;
	case INJECT_IS_NOT_THERE:
		inject_work_set(job, rcpt, INJECT_LATER, "not found there");
		return true;
	case INJECT_CANNOT_TELL:
		say_about(w, job, "in doubt", err.text);
		return false;
	}
	return false;
}

/* True if there is something to be sent then. */
static bool
settle_doubt(struct inject_work *w, struct inject_job *job)
{
	const struct inject_plan	*p = &job->plan;
	enum inject_state		 sum;
	unsigned			 i;

	for (i = 0; i < p->n_rcpts; i++)
		if (inject_entry_of(job->entry, p->rcpts[i]) == INJECT_DOUBT)
			(void)ask_one(w, job, p->rcpts[i]);
	sum = sum_of(job);
	if (sum == INJECT_NEW || sum == INJECT_LATER)
		return inject_work_note(w, &job, 1, true);
	finish_now(w, job);
	return false;
}

/* True if it is to be sent, as far as the plan goes. */
static bool
plan(struct inject_work *w, struct inject_job *job)
{
	switch (job->plan.verdict) {
	case INJECT_SEND:
		return true;
	case INJECT_STAY:
		set_all(job, INJECT_LATER, job->plan.why);
		break;
	case INJECT_REFUSE:
		set_all(job, INJECT_REJECTED, job->plan.why);
		break;
	}
	finish_now(w, job);
	return false;
}

static void
make_plan(const struct inject_work *w, struct inject_job *job)
{
	inject_plan_make(w->config, &job->item, &job->plan);
	if (job->plan.verdict == INJECT_SEND)
		inject_entry_expect(job->entry, job->plan.rcpts,
		    job->plan.n_rcpts, now_ms());
}

/* True if it is one for this pass, and is to be sent. */
static bool
look_at(struct inject_work *w, struct inject_job *job)
{
	enum inject_state	 sum;

	make_plan(w, job);
	sum = sum_of(job);
	if (w->is_second != (sum == INJECT_DOUBT)) {
		w->has_doubt = w->has_doubt || sum == INJECT_DOUBT;
		return false;
	}
	if (is_over(w, job)) {
		skip_over(w, job);
		return false;
	}
	if (sum == INJECT_REJECTED) {
		finish_now(w, job);
		return false;
	}
	return plan(w, job) && (sum != INJECT_DOUBT || settle_doubt(w, job));
}

bool
inject_work_next(struct inject_work *w, struct inject_job *job)
{
	struct err	 err;

	memset(job, 0, sizeof *job);
	while (!w->is_over) {
		switch (inject_source_next(w->source, &job->item, &err)) {
		case INJECT_NEXT:
			break;
		case INJECT_FAILED:
			fail(w, &err);
			/* FALLTHROUGH */
		case INJECT_END:
			return false;
		}
		if (find_entry(w, job, &err) == -1)
			fail(w, &err);
		else if (look_at(w, job))
			return true;
		clear(job);
	}
	return false;
}

/*
 * The end of an mbox
 */

static bool
is_done(void *arg, const struct inject_item *item)
{
	struct inject_work	*w = arg;
	struct inject_job	 job = { .item = *item };
	struct err		 err;
	bool			 may_go;

	if (inject_journal_get(w->journal, item->key, &job.entry, &err) != 1)
		return false;
	make_plan(w, &job);
	may_go = inject_entry_is_over(job.entry);
	json_decref(job.entry);
	return may_go;
}

static int
before(void *arg, uint64_t inode, struct err *err)
{
	struct inject_work	*w = arg;

	w->inode = inode;
	return inject_journal_mark(w->journal, inode, err);
}

static int
after(void *arg, struct err *err)
{
	struct inject_work	*w = arg;

	return inject_journal_settle(w->journal, w->inode, err);
}

bool
inject_work_finish(struct inject_work *w)
{
	struct inject_finish	 how = { is_done, before, after, w };
	struct err		 err;

	if (w->config->is_kept || w->journal == NULL)
		return true;
	if (inject_source_finish(w->source, &how, &err) == 0)
		return true;
	fail(w, &err);
	return false;
}
