/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_part: see store_part.h.  Each call looks whether what is open is what
 * is there, which costs less than a read.
 */
#include "session/store_part.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct store_part {
	const struct store_part_ops	*ops;
	char			*where;
	unsigned		 size_mib;
	pthread_mutex_t		 lock;	/* guards opened, its refs, replaced */
	struct store_opened	*opened;
	store_replaced_fn	*replaced;
	void			*replaced_arg;
};

static struct store_opened *
open_state(const struct store_part *part, struct err *err)
{
	struct store_opened	*opened = malloc(sizeof *opened);

	if (opened == NULL) {
		(void)err_set(err, "store: out of memory");
		return NULL;
	}
	opened->refs = 1;
	opened->state = part->ops->open(part->where, part->size_mib, err);
	if (opened->state != NULL)
		return opened;
	free(opened);
	return NULL;
}

static void
let_go(const struct store_part *part, struct store_opened *opened)
{
	if (--opened->refs > 0)
		return;
	part->ops->close(opened->state);
	free(opened);
}

static void
tell_replaced(const struct store_part *part)
{
	const struct store_part_ops	*ops = part->ops;

	if (part->replaced != NULL &&
	    (ops->is_empty == NULL || !ops->is_empty(part->opened->state)))
		part->replaced(part->where, part->replaced_arg);
}

/* Takes up what is there now.  The lock is held. */
static bool
take_up(struct store_part *part, struct err *err)
{
	struct store_opened	*opened = open_state(part, err);

	if (opened == NULL)
		return false;
	if (part->ops->may_follow != NULL && !part->ops->may_follow(
	    part->opened->state, opened->state, err)) {
		let_go(part, opened);
		return false;
	}
	tell_replaced(part);
	let_go(part, part->opened);
	part->opened = opened;
	return true;
}

static struct store_part *
part_new(const struct store_part_ops *ops, const char *where,
    unsigned size_mib)
{
	struct store_part	*part = calloc(1, sizeof *part);

	if (part == NULL)
		return NULL;
	part->where = strdup(where);
	if (part->where == NULL ||
	    pthread_mutex_init(&part->lock, NULL) != 0) {
		free(part->where);
		free(part);
		return NULL;
	}
	part->ops = ops;
	part->size_mib = size_mib;
	return part;
}

struct store_part *
store_part_open(const struct store_part_ops *ops, const char *where,
    unsigned size_mib, struct err *err)
{
	struct store_part	*part = part_new(ops, where, size_mib);

	if (part == NULL) {
		(void)err_set(err, "store %s: out of memory", where);
		return NULL;
	}
	part->opened = open_state(part, err);
	if (part->opened != NULL)
		return part;
	store_part_close(part);
	return NULL;
}

void
store_part_close(struct store_part *part)
{
	if (part == NULL)
		return;
	if (part->opened != NULL)
		let_go(part, part->opened);
	(void)pthread_mutex_destroy(&part->lock);
	free(part->where);
	free(part);
}

void
store_part_on_replaced(struct store_part *part, store_replaced_fn *fn,
    void *arg)
{
	(void)pthread_mutex_lock(&part->lock);
	part->replaced = fn;
	part->replaced_arg = arg;
	(void)pthread_mutex_unlock(&part->lock);
}

struct store_opened *
store_part_acquire(struct store_part *part, struct err *err)
{
	struct store_opened	*opened = NULL;
	bool			 is_there = false;

	(void)pthread_mutex_lock(&part->lock);
	switch (part->ops->is_there(part->opened->state, err)) {
	case STORE_FOUND:
		is_there = true;
		break;
	case STORE_NONE:
		is_there = take_up(part, err);
		break;
	case STORE_CANNOT_TELL:
		break;
	}
	if (is_there) {
		opened = part->opened;
		opened->refs++;
	}
	(void)pthread_mutex_unlock(&part->lock);
	return opened;
}

void
store_part_release(struct store_part *part, struct store_opened *opened)
{
	(void)pthread_mutex_lock(&part->lock);
	let_go(part, opened);
	(void)pthread_mutex_unlock(&part->lock);
}
