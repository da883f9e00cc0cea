/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * tally: see tally.h.  Sorting moves the rows, so their places are found anew
 * afterwards.
 */
#include "tally.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/fingerprint.h"
#include "output.h"
#include "pool.h"

#define SLOTS_MIN	64

struct tally {
	struct tally_row	*row;
	size_t			 n;
	size_t			 size;
	uint32_t		*slot;	/* row + 1; 0: free */
	size_t			 n_slots;	/* a power of two */
	struct pool		 texts;
};

static void *
must(void *p)
{
	if (p == NULL)
		ctl_die(EX_OSERR, "out of memory");
	return p;
}

struct tally *
tally_new(void)
{
	struct tally	*t = must(calloc(1, sizeof *t));

	t->n_slots = SLOTS_MIN;
	t->slot = must(calloc(t->n_slots, sizeof *t->slot));
	return t;
}

void
tally_free(struct tally *t)
{
	if (t == NULL)
		return;
	pool_clear(&t->texts);
	free(t->row);
	free(t->slot);
	free(t);
}

/* Where the key is, or would be. */
static uint32_t *
find_slot(const struct tally *t, const char *key)
{
	uint64_t	 hash = fingerprint_add(FINGERPRINT_NONE,
			    span_of(key));
	size_t		 i = (size_t)(hash ^ hash >> 32) & (t->n_slots - 1);

	while (t->slot[i] != 0 &&
	    strcmp(t->row[t->slot[i] - 1].key, key) != 0)
		i = (i + 1) & (t->n_slots - 1);
	return &t->slot[i];
}

static void
find_all(struct tally *t)
{
	size_t	 i;

	memset(t->slot, 0, t->n_slots * sizeof *t->slot);
	for (i = 0; i < t->n; i++)
		*find_slot(t, t->row[i].key) = (uint32_t)(i + 1);
}

static struct tally_row *
add_row(struct tally *t, const char *key, const char *time,
    const char *example)
{
	struct tally_row	*row;

	if (t->n == t->size) {
		t->size = t->size == 0 ? SLOTS_MIN / 2 : t->size * 2;
		t->row = must(reallocarray(t->row, t->size, sizeof *t->row));
	}
	row = &t->row[t->n++];
	memset(row, 0, sizeof *row);
	row->key = pool_copy(&t->texts, span_of(key));
	row->example = example == NULL ? NULL : pool_copy(&t->texts,
	    span_of(example));
	(void)snprintf(row->first, sizeof row->first, "%s",
	    time == NULL ? "" : time);
	if (t->n * 2 > t->n_slots) {
		t->n_slots *= 2;
		t->slot = must(reallocarray(t->slot, t->n_slots,
		    sizeof *t->slot));
		find_all(t);
	} else {
		*find_slot(t, key) = (uint32_t)t->n;
	}
	return row;
}

struct tally_row *
tally_add(struct tally *t, const char *key, const char *time,
    const char *example)
{
	uint32_t		 at = *find_slot(t, key);
	struct tally_row	*row;

	row = at == 0 ? add_row(t, key, time, example) : &t->row[at - 1];
	row->n++;
	if (time != NULL)
		(void)snprintf(row->last, sizeof row->last, "%s", time);
	return row;
}

const struct tally_row *
tally_find(const struct tally *t, const char *key)
{
	uint32_t	 at = *find_slot(t, key);

	return at == 0 ? NULL : &t->row[at - 1];
}

static int
compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct tally_row *)a)->key,
	    ((const struct tally_row *)b)->key);
}

static int
compare_counts(const void *a, const void *b)
{
	const struct tally_row	*x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? 1 : -1;
	return compare_keys(a, b);
}

static const struct tally_row *
sorted(struct tally *t, size_t *n_r,
    int (*compare)(const void *, const void *))
{
	*n_r = t->n;
	if (t->n > 0)
		qsort(t->row, t->n, sizeof *t->row, compare);
	find_all(t);
	return t->row;
}

const struct tally_row *
tally_by_key(struct tally *t, size_t *n_r)
{
	return sorted(t, n_r, compare_keys);
}

const struct tally_row *
tally_by_count(struct tally *t, size_t *n_r)
{
	return sorted(t, n_r, compare_counts);
}

static json_t *
text_or_null(const char *text)
{
	return text == NULL || *text == '\0' ? json_null() : output_text(text);
}

void
tally_put(json_t *object, const struct tally_row *row)
{
	output_put(object, "count", json_integer(row == NULL ? 0 :
	    (json_int_t)row->n));
	output_put(object, "first", text_or_null(row == NULL ? NULL :
	    row->first));
	output_put(object, "last", text_or_null(row == NULL ? NULL :
	    row->last));
	output_put(object, "example", text_or_null(row == NULL ? NULL :
	    row->example));
}

json_t *
tally_reasons(struct tally *t)
{
	const struct tally_row	*row;
	json_t			*rows = output_new_array(), *object;
	size_t			 n, i;

	row = tally_by_count(t, &n);
	for (i = 0; i < n; i++) {
		object = output_new();
		output_put(object, "why", output_text(row[i].key));
		tally_put(object, &row[i]);
		output_append(rows, object);
	}
	return rows;
}
