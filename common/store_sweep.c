/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_sweep: reads first, and deletes when the reading is done.
 */
#include "store_sweep.h"

#include <stdlib.h>
#include <string.h>

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
