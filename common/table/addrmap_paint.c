/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * addrmap_paint: overlapping intervals into disjoint ranges.
 *
 * It sweeps over the starts of all intervals with a heap of those that are
 * still open, the lowest rule on top, and writes down each point where the
 * answer changes.
 */
#include "table/addrmap_paint.h"

#include <stdlib.h>

#include "table/addrmap.h"

struct open_interval {
	uint32_t	 rule;
	uint32_t	 index;
};

struct heap {
	struct open_interval	*v;
	size_t			 n;
};

static int
compare(const void *a, const void *b)
{
	addrmap_wide	 x = ((const struct addrmap_interval *)a)->first;
	addrmap_wide	 y = ((const struct addrmap_interval *)b)->first;

	return x < y ? -1 : x > y;
}

static void
heap_push(struct heap *heap, struct open_interval item)
{
	size_t	 i, parent;

	for (i = heap->n++; i > 0; i = parent) {
		parent = (i - 1) / 2;
		if (heap->v[parent].rule <= item.rule)
			break;
		heap->v[i] = heap->v[parent];
	}
	heap->v[i] = item;
}

static void
heap_pop(struct heap *heap)
{
	struct open_interval	 item = heap->v[--heap->n];
	size_t			 i, below;

	for (i = 0; (below = 2 * i + 1) < heap->n; i = below) {
		if (below + 1 < heap->n &&
		    heap->v[below + 1].rule < heap->v[below].rule)
			below++;
		if (item.rule <= heap->v[below].rule)
			break;
		heap->v[i] = heap->v[below];
	}
	heap->v[i] = item;
}

static bool
ranges_grow(struct addrmap_ranges *list)
{
	size_t	 size = list->size == 0 ? 64 : list->size * 2;
	void	*p;

	if ((p = reallocarray(list->start, size, sizeof *list->start)) == NULL)
		return false;
	list->start = p;
	p = reallocarray(list->answer, size, sizeof *list->answer);
	if (p == NULL)
		return false;
	list->answer = p;
	list->size = size;
	return true;
}

/* Neighbours with the same answer are one range. */
static bool
ranges_add(struct addrmap_ranges *list, addrmap_wide start,
    struct addrmap_answer answer)
{
	if (list->n > 0 && list->answer[list->n - 1].rule == answer.rule)
		return true;
	if (list->n == list->size && !ranges_grow(list))
		return false;
	list->start[list->n] = start;
	list->answer[list->n++] = answer;
	return true;
}

/*
 * Walks from address 0 to max.  The heap drops intervals that have ended only
 * when they come to its top: each is pushed and popped once.
 */
static bool
sweep(const struct addrmap_interval *v, size_t n, addrmap_wide max,
    struct heap *heap, struct addrmap_ranges *out)
{
	static const struct addrmap_interval	 nothing = {
	    .answer.rule = ADDRMAP_NONE };
	const struct addrmap_interval		*top;
	addrmap_wide				 pos = 0, end;
	size_t					 next = 0;

	for (;;) {
		for (; next < n && v[next].first == pos; next++)
			heap_push(heap, (struct open_interval){
			    v[next].answer.rule, (uint32_t)next });
		while (heap->n > 0 && v[heap->v[0].index].last < pos)
			heap_pop(heap);
		top = heap->n > 0 ? &v[heap->v[0].index] : &nothing;
		end = heap->n > 0 ? top->last : max;
		if (!ranges_add(out, pos, top->answer))
			return false;
		if (next < n && v[next].first <= end)
			end = v[next].first - 1;
		if (end == max)
			return true;
		pos = end + 1;
	}
}

bool
addrmap_paint_add(struct addrmap_intervals *list,
    const struct addrmap_interval *interval)
{
	struct addrmap_interval	*v;
	size_t			 size;

	if (list->n == list->size) {
		size = list->size == 0 ? 16 : list->size * 2;
		if (size > UINT32_MAX)
			return false;
		v = reallocarray(list->v, size, sizeof *v);
		if (v == NULL)
			return false;
		list->v = v;
		list->size = size;
	}
	list->v[list->n++] = *interval;
	return true;
}

void
addrmap_paint_intervals_clear(struct addrmap_intervals *list)
{
	free(list->v);
	*list = (struct addrmap_intervals){ 0 };
}

bool
addrmap_paint(struct addrmap_intervals *list, addrmap_wide max,
    struct addrmap_ranges *out)
{
	struct heap	 heap = { 0 };
	bool		 ok;

	if (list->n > 0) {
		heap.v = calloc(list->n, sizeof *heap.v);
		if (heap.v == NULL)
			return false;
		qsort(list->v, list->n, sizeof *list->v, compare);
	}
	ok = sweep(list->v, list->n, max, &heap, out);
	free(heap.v);
	return ok;
}

void
addrmap_paint_ranges_clear(struct addrmap_ranges *ranges)
{
	free(ranges->start);
	free(ranges->answer);
	*ranges = (struct addrmap_ranges){ 0 };
}
