/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * rights: see rights.h.
 */
#include "rights_private.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "context/context_name.h"

enum { OLD, NEW };

/*
 * Rows
 */

json_t *
rights_row(struct rights_task *t, const char *effect, const char *right)
{
	json_t	*row = output_new();

	output_put(row, "effect", output_text(effect));
	output_put(row, "right", output_text(right));
	output_append(t->rows, row);
	return row;
}

/* The texts of a list, as "may" tells them. */
struct shown {
	const char	*command, *what;
	json_t		*values;
};

static void
see_grant(const struct trust_grant *grant, void *arg)
{
	struct shown	*s = arg;

	if (strcmp(grant->command, s->command) != 0 || (s->what != NULL &&
	    strcmp(grant->what, s->what) != 0))
		return;
	json_decref(s->values);
	s->values = output_text(grant->is_dropped ? "dropped" :
	    grant->values);
}

json_t *
rights_shown(const struct trust_profile *profile, enum trust_command command,
    const char *what)
{
	struct shown	 s = { trust_command_text(command), what,
			    output_text("not granted") };

	trust_profile_each_grant(profile, see_grant, &s);
	return s.values;
}

/*
 * What one task finds, in each direction
 */

void
rights_found_word(struct rights_task *t, bool is_gain, const char *word,
    const char *line)
{
	struct rights_found	*f = &t->found[is_gain];

	if (f->words == NULL)
		f->words = output_new_array();
	if (f->line == NULL && (f->line = strdup(line)) == NULL)
		ctl_die(EX_OSERR, "out of memory");
	output_append(f->words, output_text(word));
}

/* Puts what was found into rows, and forgets it. */
void
rights_tell_found(struct rights_task *t, const char *right,
    enum trust_command command, const char *what)
{
	static const char *const	 effects[] = { "loses", "gains" };
	struct rights_found		*f;
	json_t				*row;
	int				 i;

	for (i = 0; i < 2; i++) {
		f = &t->found[i];
		if (f->ranges.n > 0) {
			json_decref(f->words);
			f->words = networks_print(&f->ranges);
		}
		if (f->words != NULL) {
			row = rights_row(t, effects[i], right);
			output_put(row, "values", f->words);
			output_put(row, "old", rights_shown(t->profile[OLD],
			    command, what));
			output_put(row, "new", rights_shown(t->profile[NEW],
			    command, what));
			output_put(row, "line", output_text(f->line));
		}
		trust_sweep_clear(&f->ranges);
		free(f->line);
		*f = (struct rights_found){ .words = NULL };
	}
}

void
rights_tell_undecided(struct rights_task *t, const char *right)
{
	json_t	*row = rights_row(t, "undecided", right);

	output_put(row, "values", output_text("not decidable here: a regular "
	    "expression, or too many patterns"));
}

/*
 * The context
 */

static bool
may_set(const struct trust *trust, const struct trust_profile *profile,
    const struct context_line *line)
{
	const struct trust_speaker	 speaker = { .profile = profile };
	struct verdict			 verdict;

	trust_decide_context(trust, &speaker, line, &verdict);
	return verdict.action == VERDICT_PERMIT;
}

/* A words_fn. */
static void
try_name(const char *word, void *arg)
{
	struct rights_task	*t = arg;
	struct context_line	 line = { .n = 0 };
	struct err		 err;
	char			 text[CONTEXT_NAME_MAX + 32];
	bool			 old, new;

	if (!context_line_add(&line, span_of(word), span_of("x"), &err))
		return;
	old = may_set(t->trust[OLD], t->profile[OLD], &line);
	new = may_set(t->trust[NEW], t->profile[NEW], &line);
	if (old == new)
		return;
	(void)snprintf(text, sizeof text, "XSETCONTEXT %s=x", word);
	rights_found_word(t, new, word, text);
}

static void
add_name(const struct trust_grant *grant, void *arg)
{
	const char	*text = grant->what;

	if (strcmp(grant->command, "XSETCONTEXT") != 0)
		return;
	text += *text == '!';
	words_add(arg, strpbrk(text, "*?[]!^") != NULL ? WORDS_PATTERN :
	    WORDS_TEXT, text);
}

static void
compare_context(struct rights_task *t)
{
	struct words	*words = words_new(WORDS_NAME);
	int		 i;

	for (i = 0; i < 2; i++)
		trust_profile_each_grant(t->profile[i], add_name, words);
	for (i = 0; i < CONTEXT_BUILTIN_COUNT; i++)
		try_name(context_name_of_builtin((enum context_builtin)i), t);
	if (!words_each(words, try_name, t))
		rights_tell_undecided(t, "XSETCONTEXT");
	words_free(words);
	rights_tell_found(t, "XSETCONTEXT", TRUST_XSETCONTEXT, NULL);
}

static bool
may_dump(const struct trust *trust, const struct trust_profile *profile,
    bool is_sealed)
{
	const struct trust_speaker	 speaker = { .profile = profile,
		.is_sealed = is_sealed };
	struct verdict			 verdict;

	trust_decide_dump(trust, &speaker, &verdict);
	return verdict.action == VERDICT_PERMIT;
}

static void
compare_dump(struct rights_task *t)
{
	static const char *const	 rights[] = { "XDUMPCONTEXT",
		"XDUMPCONTEXT behind the seal" };
	json_t				*row;
	bool				 old, new;
	int				 i;

	for (i = 0; i < 2; i++) {
		old = may_dump(t->trust[OLD], t->profile[OLD], i == 1);
		new = may_dump(t->trust[NEW], t->profile[NEW], i == 1);
		if (old == new)
			continue;
		row = rights_row(t, new ? "gains" : "loses", rights[i]);
		output_put(row, "line", i == 1 ? json_null() :
		    output_text("XDUMPCONTEXT"));
	}
}

/*
 * What is no right to say something
 */

static void
tell_change(struct rights_task *t, const char *effect, const char *what,
    const char *old, const char *new)
{
	json_t	*row = rights_row(t, effect, what);

	output_put(row, "old", output_text(old));
	output_put(row, "new", output_text(new));
}

static void
compare_behaviour(struct rights_task *t)
{
	static const char *const	 seals[] = { "greeting", "override",
		"never" };
	static const int		 loose[] = { 1, 0, 2 };
	const struct trust_profile	*p = t->profile[OLD];
	const struct trust_profile	*q = t->profile[NEW];
	enum trust_seal			 a = trust_profile_seal(p);
	enum trust_seal			 b = trust_profile_seal(q);
	char				 from[16], to[16];

	if (a != b && (trust_profile_may_any(p) || trust_profile_may_any(q)))
		tell_change(t, loose[b] > loose[a] ? "gains" : "loses",
		    "seal", seals[a], seals[b]);
	if (trust_profile_on_violation(p) != trust_profile_on_violation(q))
		tell_change(t, "changes", "on_violation",
		    verdict_action_text(trust_profile_on_violation(p)),
		    verdict_action_text(trust_profile_on_violation(q)));
	if (trust_profile_report_only(p) != trust_profile_report_only(q))
		tell_change(t, "changes", "report_only",
		    trust_profile_report_only(p) ? "yes" : "no",
		    trust_profile_report_only(q) ? "yes" : "no");
	if (trust_profile_always_allow(p) != trust_profile_always_allow(q))
		tell_change(t, trust_profile_always_allow(q) ? "gains" :
		    "loses", "always_allow",
		    trust_profile_always_allow(p) ? "yes" : "no",
		    trust_profile_always_allow(q) ? "yes" : "no");
	if (trust_profile_received(p) != trust_profile_received(q)) {
		(void)snprintf(from, sizeof from, "%u",
		    trust_profile_received(p));
		(void)snprintf(to, sizeof to, "%u",
		    trust_profile_received(q));
		tell_change(t, "changes", "received", from, to);
	}
}

json_t *
rights_compare(struct rights *rights, const struct trust_profile *from,
    const struct trust_profile *to)
{
	struct rights_task	 t = { .rights = rights,
				    .trust = { rights->trust[OLD],
				    rights->trust[NEW] },
				    .profile = { from, to },
				    .rows = output_new_array() };

	rights_compare_values(&t);
	compare_context(&t);
	compare_dump(&t);
	compare_behaviour(&t);
	return t.rows;
}
