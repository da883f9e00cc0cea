/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * apply: puts a file in the configuration's place, for good or on trial, and
 * confirms or takes back what is on trial.
 *
 * All that may refuse it is asked before anything is touched, but for the
 * daemons: only they can say whether they take it, and when one does not, the
 * former file is put back, and they read that.  What ends this program at any
 * moment leaves what common/conf/trial.h says.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf/trial.h"
#include "daemon/daemon_check.h"
#include "daemon/in_force.h"
#include "diff.h"
#include "duration.h"
#include "lint.h"
#include "reload.h"
#include "verb.h"

enum { OPTION_CONFIRM };
enum { OPTION_ABORT };

#define LOCK_TRIES	40	/* a daemon that puts something back is quick */
#define LOCK_WAIT_MS	50
#define DAYS_MAX	(TRIAL_MAX_MS / 86400000)

struct apply {
	struct ctl	*ctl;
	const char	*file;
	int		 lock;
	char		*text;		/* of the new file */
	struct conf	*new;
	uint64_t	 length_ms;	/* 0: for good */
	struct trial	 trial;
	struct ask	 all;
	json_t		*diff;
	json_t		*findings;
};

/* Nothing is left of what was begun. */
static _Noreturn void
give_up(struct apply *a, int status, const char *fmt, ...)
{
	char	 text[2 * ERR_TEXT_SIZE];
	va_list	 ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	trial_unlock(a->file, a->lock);
	ctl_die(status, "%s", text);
}

static void
take_lock(struct apply *a)
{
	struct err	 err;
	int		 i;

	for (i = 0; i < LOCK_TRIES; i++) {
		a->lock = trial_lock(a->file, &err);
		if (a->lock != -2)
			break;
		(void)poll(NULL, 0, LOCK_WAIT_MS);
	}
	if (a->lock == -2)
		ctl_die(EX_TEMPFAIL, "%s: another apply or confirm is at work",
		    a->file);
	if (a->lock < 0)
		ctl_die(EX_CANTCREAT, "%s: cannot be changed: %s%s", a->file,
		    err.text, geteuid() == 0 ? "" : "; try it as root");
}

static const char *
time_text(uint64_t ms, char buf[40])
{
	json_t	*text = output_time(ms);

	(void)snprintf(buf, 40, "%s", json_string_value(text));
	json_decref(text);
	return buf;
}

/*
 * Before anything is touched
 */

/* What only a restart would take, and a restart in the middle of a trial would
 * take twice. */
static void
refuse_restart_only(const struct conf *old, const struct conf *new)
{
	const struct {
		const char	*name, *was, *is;
	} rows[] = {
		{ "store", old->store, new->store },
		{ "user", old->user, new->user },
		{ "control", old->control, new->control },
		{ "runtime_directory", old->runtime_directory,
		    new->runtime_directory },
	};
	size_t	 i;

	for (i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (strcmp(rows[i].was, rows[i].is) != 0)
			ctl_die(EX_CONFIG, "%s: %s is another than in the "
			    "configuration in force: that takes a restart, and "
			    "cannot be on trial", new->file, rows[i].name);
}

static bool
has_finding(const json_t *findings, const json_t *wanted)
{
	const json_t	*finding;
	size_t		 i;

	json_array_foreach(findings, i, finding)
		if (strcmp(output_text_at(finding, "kind"),
		    output_text_at(wanted, "kind")) == 0 &&
		    strcmp(output_text_at(finding, "what"),
		    output_text_at(wanted, "what")) == 0)
			return true;
	return false;
}

/* What is as dangerous in the configuration in force is no reason against this
 * one. */
static void
check_rules(struct apply *a, const struct conf *old)
{
	json_t		*former = lint_rules(old);
	const json_t	*finding;
	unsigned	 n_errors = 0;
	size_t		 i;

	a->findings = lint_rules(a->new);
	json_array_foreach(a->findings, i, finding) {
		if (has_finding(former, finding))
			continue;
		fprintf(stderr, "%s: %s: %s: %s\n", CTL_PROGRAM,
		    output_text_at(finding, "file"),
		    output_text_at(finding, "severity"),
		    output_text_at(finding, "what"));
		n_errors += strcmp(output_text_at(finding, "severity"),
		    "error") == 0;
	}
	json_decref(former);
	if (n_errors > 0)
		ctl_die(EX_CONFIG, "nothing was changed: %s has errors that "
		    "the configuration in force has not; xcontext -c %s lint "
		    "says what to do", a->new->file, a->new->file);
}

static void
check_new(struct apply *a)
{
	const char		*name = a->ctl->args[0];
	const struct conf	*old = ctl_conf(a->ctl);
	struct err		 err;

	/* What is read twice may be two things. */
	a->new = conf_load_text(name, &a->text, &err);
	if (a->new == NULL || daemon_check_names(a->new, &err) == -1)
		ctl_die(EX_CONFIG, "nothing was changed: %s", err.text);
	if (a->length_ms > 0)
		refuse_restart_only(old, a->new);
	check_rules(a, old);
	a->diff = diff_make(old, a->new, NULL);
}

/* Those that go by another file would never see it. */
static bool
goes_by(const struct apply *a, const char *daemons_file)
{
	char	 before[TRIAL_PATH_SIZE], mine[PATH_MAX], other[PATH_MAX];

	if (*daemons_file != '/' || realpath(a->file, mine) == NULL ||
	    trial_before(mine, before, NULL) == -1)
		return true;
	return strcmp(daemons_file, mine) == 0 ||
	    strcmp(daemons_file, before) == 0 ||
	    (realpath(daemons_file, other) != NULL &&
	    strcmp(other, mine) == 0);
}

/* A daemon that does not run takes it when it starts; one that cannot be asked
 * must not be left with other rules than the others. */
static void
check_daemons(struct apply *a)
{
	static const struct control_request	 ping = {
		.verb = CONTROL_PING
	};
	json_t		*data;
	const char	*file;
	enum ask_result	 result;
	struct err	 err;
	unsigned	 i;

	ask_init(a->ctl, &a->all);
	for (i = 0; i < ASK_DAEMONS; i++) {
		if (!a->all.daemons[i].is_expected)
			continue;
		result = ask(&a->all.daemons[i], &ping, ASK_SHORT_MS, &data,
		    &err);
		if (result == ASK_ABSENT)
			continue;
		if (result != ASK_DONE)
			ctl_die(CTL_NO, "nothing was changed: %s", err.text);
		file = output_text_at(json_array_get(data, 0), "file");
		if (!goes_by(a, file))
			ctl_die(CTL_NO, "nothing was changed: %s goes by %s",
			    a->all.daemons[i].program, file);
		json_decref(data);
	}
}

/*
 * Under the lock
 */

static void
refuse_second(struct apply *a)
{
	struct trial_clock	 now = in_force_clock();
	struct trial		 trial;
	struct err		 err;
	char			 begun[40], until[40];

	switch (trial_look(a->file, &now, &trial, &err)) {
	case TRIAL_NONE:
		return;
	case TRIAL_OPEN:
		give_up(a, CTL_NO, "nothing was changed: since %s there is one "
		    "on trial, by %s, until %s: xcontext confirm keeps it, "
		    "xcontext confirm --abort takes it back",
		    time_text(trial.begun.real_ms, begun), trial.by,
		    time_text(trial.until_ms, until));
	case TRIAL_OVER:
	case TRIAL_BACK:
		if (trial_back(a->file, &trial, &err) == 0)
			return;
		break;
	case TRIAL_IGNORED:
	case TRIAL_CANNOT_TELL:
		break;
	}
	give_up(a, EX_CANTCREAT, "nothing was changed: %s", err.text);
}

/* As the daemons read it when they are told to reload. */
static void
check_user(struct apply *a)
{
	char		 path[TRIAL_PATH_SIZE];
	struct err	 err;
	bool		 is_well;

	if (trial_stage(a->file, a->text, path, &err) == -1)
		give_up(a, EX_CANTCREAT, "nothing was changed: %s", err.text);
	is_well = daemon_check_user(a->new, path);
	(void)unlink(path);
	if (!is_well)
		give_up(a, EX_CONFIG, "nothing was changed");
}

/* For whoever finds it on trial, and asks whom to ask. */
static void
put_who(struct trial *trial)
{
	const struct passwd	*pw = getpwuid(getuid());
	const char		*by = getenv("SUDO_USER");
	char			*p;

	(void)snprintf(trial->by, sizeof trial->by, by == NULL ? "%.30s%s" :
	    "%.30s (%.20s)", pw == NULL ? "an unknown user" : pw->pw_name,
	    by == NULL ? "" : by);
	for (p = trial->by; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

static void
install(struct apply *a)
{
	struct err	 err, why;

	a->trial.begun = in_force_clock();
	a->trial.until_ms = a->trial.begun.real_ms + a->length_ms;
	a->trial.fingerprint = trial_fingerprint(a->text);
	put_who(&a->trial);
	if (trial_begin(a->file, a->text, a->length_ms == 0 ? NULL :
	    &a->trial, &err) == 0)
		return;
	if (trial_back(a->file, NULL, &why) == -1)
		give_up(a, EX_CANTCREAT, "%s; and it cannot be put back: %s",
		    err.text, why.text);
	give_up(a, EX_CANTCREAT, "nothing was changed: %s", err.text);
}

/*
 * What came of it
 */

static void
print(struct apply *a, const struct reload *reload, const char *result)
{
	char	 until[40];
	json_t	*whole;

	if (a->ctl->is_json) {
		whole = output_new();
		output_put(whole, "result", output_text(result));
		output_put(whole, "file", output_text(a->file));
		output_put(whole, "until", a->length_ms == 0 ? json_null() :
		    output_time(a->trial.until_ms));
		output_put(whole, "differences", json_incref(a->diff));
		output_put(whole, "findings", json_incref(a->findings));
		output_put(whole, "daemons", json_incref(reload->rows));
		output_object(a->ctl, whole);
		return;
	}
	diff_print(a->ctl, a->diff);
	printf("\n");
	reload_print(a->ctl, reload);
	if (strcmp(result, "refused") == 0)
		return;
	printf("\nTables are not copied: a change in them is in force with "
	    "the next reload,\nand does not come back with %s.\n", a->file);
	if (a->length_ms > 0)
		printf("On trial until %s.  Unless \"xcontext confirm\" keeps "
		    "it, what was before comes\nback by itself then, and "
		    "with \"xcontext confirm --abort\" now.\n",
		    time_text(a->trial.until_ms, until));
}

static void
clear(struct apply *a)
{
	trial_unlock(a->file, a->lock);
	conf_unref(a->new);
	free(a->text);
	json_decref(a->diff);
	json_decref(a->findings);
}

/* One has refused it. */
static int
go_back(struct apply *a, const struct reload *refused)
{
	struct reload	 again;
	struct err	 err;

	if (trial_back(a->file, NULL, &err) == -1)
		give_up(a, EX_CANTCREAT, "a daemon has refused it, and %s "
		    "cannot be put back: %s", a->file, err.text);
	again = reload_all(&a->all, false);
	print(a, refused, "refused");
	fprintf(stderr, "%s: a daemon has refused it: the former "
	    "configuration is in its place%s\n", CTL_PROGRAM,
	    again.is_refused ? ", but not all daemons say that they go by it: "
	    "xcontext ping" : ", and in force");
	json_decref(again.rows);
	return CTL_NO;
}

int
apply_run(struct ctl *ctl)
{
	const char	*length = ctl->option[OPTION_CONFIRM];
	struct apply	 a = { .ctl = ctl, .file = ctl->file, .lock = -1 };
	struct reload	 reload;
	struct err	 err;
	int		 status = CTL_YES;

	if (length != NULL)
		a.length_ms = duration_read(length, DAYS_MAX);
	check_new(&a);
	check_daemons(&a);
	take_lock(&a);
	refuse_second(&a);
	check_user(&a);
	install(&a);
	reload = reload_all(&a.all, true);
	if (reload.is_refused)
		status = go_back(&a, &reload);
	else if (a.length_ms == 0 && trial_keep(a.file, &err) == -1)
		give_up(&a, EX_CANTCREAT, "it is in force, but: %s",
		    err.text);
	else
		print(&a, &reload, a.length_ms == 0 ? "applied" : "on trial");
	json_decref(reload.rows);
	clear(&a);
	return status;
}

/*
 * Confirming
 */

static const char *
end_trial(struct apply *a, bool is_abort)
{
	struct trial_clock	 now = in_force_clock();
	struct trial		 trial;
	enum trial_state	 state;
	struct err		 err;
	int			 result = -1;

	state = trial_look(a->file, &now, &trial, &err);
	switch (state) {
	case TRIAL_NONE:
		give_up(a, CTL_NO, "%s: nothing is on trial", a->file);
	case TRIAL_OPEN:
		result = is_abort ? trial_back(a->file, &trial, &err) :
		    trial_keep(a->file, &err);
		break;
	case TRIAL_OVER:
	case TRIAL_BACK:
		result = trial_back(a->file, &trial, &err);
		break;
	case TRIAL_IGNORED:
	case TRIAL_CANNOT_TELL:
		break;
	}
	if (result == -1)
		give_up(a, EX_CANTCREAT, "%s", err.text);
	return state == TRIAL_OPEN && !is_abort ? "confirmed" :
	    state == TRIAL_OPEN || is_abort ? "aborted" : "too late";
}

int
apply_confirm(struct ctl *ctl)
{
	struct apply	 a = { .ctl = ctl, .file = ctl->file, .lock = -1 };
	const char	*result;
	struct reload	 reload;
	json_t		*whole;
	int		 status;

	ask_init(ctl, &a.all);
	take_lock(&a);
	result = end_trial(&a, ctl->option[OPTION_ABORT] != NULL);
	reload = reload_all(&a.all, false);
	if (ctl->is_json) {
		whole = output_new();
		output_put(whole, "result", output_text(result));
		output_put(whole, "daemons", json_incref(reload.rows));
		output_object(ctl, whole);
	} else {
		reload_print(ctl, &reload);
	}
	status = reload.is_refused ? CTL_NO : CTL_YES;
	if (strcmp(result, "too late") == 0) {
		fprintf(stderr, "%s: too late: what was before is back\n",
		    CTL_PROGRAM);
		status = CTL_NO;
	}
	json_decref(reload.rows);
	clear(&a);
	return status;
}
