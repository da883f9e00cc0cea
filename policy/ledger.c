/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * ledger: the processes that have sessions, and what becomes of the records of
 * those that are gone.  ledger_session.c tells how a session goes on,
 * ledger_lookup.c and ledger_policy.c what the MTA's questions mean,
 * ledger_command.c judges X commands.
 */
#include "ledger_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/procinfo.h"
#include "session/store_sweep.h"

static int
proc_compare(struct ledger_proc *a, struct ledger_proc *b)
{
	return (a->pid > b->pid) - (a->pid < b->pid);
}

RB_GENERATE_INTERNAL(proc_tree, ledger_proc, entry, proc_compare,
    static __attribute__((unused)))

struct ledger *
ledger_new(struct conf *conf, struct store *store, decision_fn *report,
    void *report_arg)
{
	struct ledger	*ledger = calloc(1, sizeof *ledger);

	if (ledger == NULL)
		return NULL;
	ledger->conf = conf_ref(conf);
	ledger->store = store;
	ledger->report = report;
	ledger->report_arg = report_arg;
	RB_INIT(&ledger->procs);
	ledger->access = ledger_access_new();
	if (ledger->access == NULL) {
		ledger_free(ledger);
		return NULL;
	}
	return ledger;
}

static void
proc_free(struct ledger *ledger, struct ledger_proc *proc)
{
	if (proc->life != NULL)
		ledger->n_sessions--;
	session_life_free(proc->life);
	RB_REMOVE(proc_tree, &ledger->procs, proc);
	free(proc->name);
	free(proc->client_name);
	free(proc->login);
	free(proc);
}

void
ledger_free(struct ledger *ledger)
{
	struct ledger_proc	*proc;

	if (ledger == NULL)
		return;
	while ((proc = RB_ROOT(&ledger->procs)) != NULL)
		proc_free(ledger, proc);
	ledger_access_free(ledger->access);
	conf_unref(ledger->conf);
	free(ledger);
}

void
ledger_set_conf(struct ledger *ledger, struct conf *conf)
{
	struct conf	*old = ledger->conf;

	ledger->conf = conf_ref(conf);
	conf_unref(old);
}

/* A record of this process, or of an earlier one of the same number. */
static bool
take_record(struct ledger *ledger, struct ledger_proc *proc,
    struct session *s, struct err *err)
{
	bool	 is_this = s->pid_start == proc->start;

	/* It is not ours to follow. */
	if (is_this && s->keeper != SESSION_KEEPER_POLICY)
		return true;
	proc->has_record = true;
	return is_this ? ledger_session_load(ledger, proc, s, err) :
	    ledger_record_delete(ledger, proc, err);
}

static bool
proc_load(struct ledger *ledger, struct ledger_proc *proc, struct err *err)
{
	struct session	 s;
	bool		 is_told = false;

	session_init(&s);
	switch (store_get(ledger->store, proc->pid, &s, err)) {
	case STORE_CANNOT_TELL:
		break;
	case STORE_NONE:
		is_told = true;
		break;
	case STORE_FOUND:
		is_told = take_record(ledger, proc, &s, err);
		break;
	}
	session_clear(&s);
	return is_told;
}

struct ledger_proc *
ledger_proc_get(struct ledger *ledger, pid_t pid, uint64_t start,
    struct err *err)
{
	struct ledger_proc	 wanted = { .pid = pid };
	struct ledger_proc	*proc;

	proc = RB_FIND(proc_tree, &ledger->procs, &wanted);
	if (proc != NULL && proc->start == start) {
		proc->refs++;
		return proc;
	}
	if (proc != NULL) {
		(void)err_set(err, "process %ld is another one now, but "
		    "streams of the old one are still open", (long)pid);
		return NULL;
	}
	proc = calloc(1, sizeof *proc);
	if (proc == NULL) {
		(void)err_set(err, "out of memory");
		return NULL;
	}
	proc->pid = pid;
	proc->start = start;
	proc->refs = 1;
	(void)RB_INSERT(proc_tree, &ledger->procs, proc);
	if (!proc_load(ledger, proc, err)) {
		proc_free(ledger, proc);
		return NULL;
	}
	return proc;
}

void
ledger_proc_put(struct ledger *ledger, struct ledger_proc *proc, bool is_over)
{
	struct err	 err;

	if (is_over && proc->life != NULL) {
		ledger_session_drop(ledger, proc);
		if (!ledger_record_delete(ledger, proc, &err))
			ledger_report(ledger, proc, (struct decision){
			    .event = DECISION_ERROR, .text = err.text });
	}
	if (--proc->refs == 0)
		proc_free(ledger, proc);
}

unsigned
ledger_proc_new_stream(struct ledger_proc *proc)
{
	return ++proc->n_streams;
}

bool
ledger_proc_is_last_stream(const struct ledger_proc *proc, unsigned stream)
{
	return stream == proc->n_streams;
}

void
ledger_proc_set_turn(struct ledger_proc *proc, unsigned turn)
{
	proc->turn = turn;
}

bool
ledger_proc_is_turn(const struct ledger_proc *proc, unsigned turn)
{
	return turn == proc->turn;
}

const struct session *
ledger_proc_session(const struct ledger_proc *proc)
{
	return proc->life == NULL ? NULL : session_life_session(proc->life);
}

unsigned
ledger_sessions(const struct ledger *ledger)
{
	return ledger->n_sessions;
}

/*
 * What nobody will come back for
 */

struct sweep {
	struct ledger	*ledger;
	uint64_t	 now_ms;
};

static bool
is_dead(const struct session *s, void *arg)
{
	const struct sweep	*sweep = arg;
	struct ledger_proc	 wanted = { .pid = s->pid };
	uint64_t		 lifetime_ms;

	if (RB_FIND(proc_tree, &sweep->ledger->procs, &wanted) != NULL)
		return false;
	if (s->pid_start != 0)
		return procinfo_is(s->pid, s->pid_start) == PROCINFO_GONE;
	lifetime_ms = sweep->ledger->conf->limits.session_lifetime * 1000ULL;
	return s->changed_ms + lifetime_ms <= sweep->now_ms;
}

int
ledger_sweep(struct ledger *ledger, uint64_t now_ms, struct err *err)
{
	struct sweep	 sweep = { ledger, now_ms };

	return store_sweep(ledger->store, is_dead, &sweep, err);
}
