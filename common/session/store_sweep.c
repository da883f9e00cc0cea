/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_sweep: notes who is dead while it reads, and deletes when that is done,
 * each by its name: by then the process, or the port, may have another session.
 */
#include "session/store_sweep.h"

#include <stdlib.h>
#include <string.h>

#include "base/procinfo.h"

struct sweep {
	bool		 (*is_dead)(const struct session *, void *);
	void		 *arg;
	struct dead {
		pid_t	 pid;
		char	 id[ULID_SIZE];
	}		 *dead;
	size_t		  n_dead;
	bool		  is_out_of_memory;
};

static bool
sweep_one(const struct session *s, void *arg)
{
	struct sweep	*sweep = arg;
	struct dead	*grown;

	if (!sweep->is_dead(s, sweep->arg))
		return true;
	grown = reallocarray(sweep->dead, sweep->n_dead + 1, sizeof *grown);
	if (grown == NULL) {
		sweep->is_out_of_memory = true;
		return false;
	}
	sweep->dead = grown;
	sweep->dead[sweep->n_dead].pid = s->pid;
	memcpy(sweep->dead[sweep->n_dead].id, s->id, ULID_SIZE);
	sweep->n_dead++;
	return true;
}

int
store_sweep(struct store *store,
    bool (*is_dead)(const struct session *, void *), void *arg,
    struct err *err)
{
	struct sweep		 sweep = { .is_dead = is_dead, .arg = arg };
	enum store_result	 result;
	size_t			 i = 0;

	result = store_each(store, sweep_one, &sweep, err);
	if (sweep.is_out_of_memory) {
		(void)err_set(err, "out of memory");
		result = STORE_CANNOT_TELL;
	}
	if (result != STORE_CANNOT_TELL)
		for (; i < sweep.n_dead; i++)
			if (store_delete(store, sweep.dead[i].pid,
			    sweep.dead[i].id, err) != 0)
				break;
	free(sweep.dead);
	return result == STORE_CANNOT_TELL || i < sweep.n_dead ? -1 : (int)i;
}

/*
 * Hand-overs
 */

struct handed_over_sweep {
	struct orphan {
		struct address	 addr;
		uint16_t	 port;
		char		 id[ULID_SIZE];
	}		*orphans;
	size_t		 n;
	bool		 is_out_of_memory;
};

static bool
sweep_handed_over(const struct address *addr, uint16_t port,
    const struct session *s, void *arg)
{
	struct handed_over_sweep	*sweep = arg;
	struct orphan			*grown;

	if (procinfo_is(s->pid, s->pid_start) != PROCINFO_GONE)
		return true;
	grown = reallocarray(sweep->orphans, sweep->n + 1, sizeof *grown);
	if (grown == NULL) {
		sweep->is_out_of_memory = true;
		return false;
	}
	sweep->orphans = grown;
	sweep->orphans[sweep->n].addr = *addr;
	sweep->orphans[sweep->n].port = port;
	memcpy(sweep->orphans[sweep->n].id, s->id, ULID_SIZE);
	sweep->n++;
	return true;
}

int
store_sweep_handed_over(struct store *store, struct err *err)
{
	struct handed_over_sweep	 sweep = { .n = 0 };
	enum store_result		 result;
	size_t				 i = 0;

	result = store_each_handed_over(store, sweep_handed_over, &sweep,
	    err);
	if (sweep.is_out_of_memory) {
		(void)err_set(err, "out of memory");
		result = STORE_CANNOT_TELL;
	}
	if (result != STORE_CANNOT_TELL)
		for (; i < sweep.n; i++)
			if (store_hand_over_end(store,
			    &sweep.orphans[i].addr, sweep.orphans[i].port,
			    sweep.orphans[i].id, err) != 0)
				break;
	free(sweep.orphans);
	return result == STORE_CANNOT_TELL || i < sweep.n ? -1 : (int)i;
}
