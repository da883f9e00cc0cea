/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * addrmap: disjoint ranges, searched in as few cache lines as can be.
 *
 * addrmap_paint finds the points where the answer changes.
 *
 * IPv4: the change points stand in order, with an index by the upper bits of
 * the address; a million of them leave some twenty to choose from.  However
 * they are crowded, at most 65,536 have the same upper half: twelve halvings.
 * IPv6 has no bits that are sure to tell much.  There the change points form
 * a B-tree of nodes with 16 keys and 17 children, whose places are computed,
 * not stored: five nodes hold more than a million, whatever they are.
 */
#include "table/addrmap.h"

#include <sys/mman.h>

#include <assert.h>
#include <stdlib.h>

#include "table/addrmap_paint.h"

#define NODE_KEYS	16
#define WINDOW		16	/* IPv4 starts that are looked at at once */
#define INDEX_MIN	256	/* of starts, to have an index */
#define INDEX_BITS_MAX	16
#define CACHE_LINE	64
#define LARGE_PAGE	(2 << 20)

struct addrmap_builder {
	struct addrmap_intervals	 v4;
	struct addrmap_intervals	 v6;
};

struct map4 {
	uint32_t		*start;	/* in order, and WINDOW more */
	struct addrmap_answer	*answer;
	uint32_t		*index;	/* where the first address with these
					 * upper bits is; NULL for few starts */
	unsigned		 shift;	/* of an address, for the index */
	size_t			 n;
};

/*
 * The keys of node k are at k * NODE_KEYS, its children are the nodes
 * k * (NODE_KEYS + 1) + 1 and following.  The halves of the keys are apart,
 * because the upper one decides nearly always.
 */
struct map6 {
	uint64_t		*high;
	uint64_t		*low;
	struct addrmap_answer	*answer;
	size_t			 nnodes;
};

struct addrmap {
	struct map4	 v4;
	struct map6	 v6;
};

static uint32_t
load32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

static uint64_t
load64(const uint8_t *p)
{
	return (uint64_t)load32(p) << 32 | load32(p + 4);
}

static addrmap_wide
load_wide(const struct address *addr)
{
	if (addr->family == AF_INET)
		return load32(addr->bytes);
	return (addrmap_wide)load64(addr->bytes) << 64 |
	    load64(addr->bytes + 8);
}

/*
 * A large array begins at a large page, for a lookup touches a few places far
 * apart, and finding out where their pages are would cost as much again.
 */
static void *
line_alloc(size_t n, size_t size)
{
	size_t	 bytes = n * size;
	size_t	 unit = bytes < LARGE_PAGE ? CACHE_LINE : LARGE_PAGE;
	void	*p;

	p = aligned_alloc(unit, (bytes + CACHE_LINE - 1) / CACHE_LINE *
	    CACHE_LINE);
	if (p != NULL && unit == LARGE_PAGE)
		madvise(p, bytes, MADV_HUGEPAGE);
	return p;
}

/*
 * Asks for the answers of 16 keys before it is known which one it will be, so
 * that a lookup waits for memory once, not twice.
 */
static inline void
fetch_answers(const struct addrmap_answer *p)
{
	__builtin_prefetch(p);
	__builtin_prefetch((const char *)p + CACHE_LINE);
}

static void
map4_clear(struct map4 *map)
{
	free(map->start);
	free(map->answer);
	free(map->index);
}

static bool
map4_alloc(struct map4 *map, size_t n)
{
	unsigned	 bits = 0;

	map->n = n;
	map->start = line_alloc(n + WINDOW, sizeof *map->start);
	map->answer = line_alloc(n + WINDOW, sizeof *map->answer);
	if (map->start == NULL || map->answer == NULL)
		return false;
	if (n < INDEX_MIN)
		return true;
	while (bits < INDEX_BITS_MAX && (size_t)4 << bits <= n)
		bits++;
	map->shift = 32 - bits;
	map->index = line_alloc(((size_t)1 << bits) + 1, sizeof *map->index);
	return map->index != NULL;
}

/* One more entry than there are upper bits, to end the last one. */
static void
map4_fill_index(struct map4 *map)
{
	size_t	 top, ntops = (size_t)1 << (32 - map->shift), i = 0;

	for (top = 0; top < ntops; top++) {
		while (i + 1 < map->n &&
		    map->start[i + 1] <= (uint64_t)top << map->shift)
			i++;
		map->index[top] = (uint32_t)i;
	}
	map->index[ntops] = (uint32_t)map->n - 1;
}

/*
 * Behind the last start there are others with its answer, at the last
 * address: that is the answer there, so that they do no harm.
 */
static void
map4_fill(struct map4 *map, const struct addrmap_ranges *ranges)
{
	size_t	 i;

	for (i = 0; i < ranges->n + WINDOW; i++) {
		map->start[i] = i < ranges->n ? (uint32_t)ranges->start[i] :
		    UINT32_MAX;
		map->answer[i] =
		    ranges->answer[i < ranges->n ? i : ranges->n - 1];
	}
	if (map->index != NULL)
		map4_fill_index(map);
}

static bool
map4_build(struct map4 *map, struct addrmap_intervals *list)
{
	struct addrmap_ranges	 ranges = { 0 };
	bool			 ok;

	ok = addrmap_paint(list, UINT32_MAX, &ranges) &&
	    map4_alloc(map, ranges.n);
	if (ok)
		map4_fill(map, &ranges);
	addrmap_paint_ranges_clear(&ranges);
	return ok;
}

/* The last start that is not above the address; the first never is. */
static const struct addrmap_answer *
map4_find(const struct map4 *map, uint32_t addr)
{
	const uint32_t	*p = map->start;
	size_t		 len = map->n, half;
	uint32_t	 n = 0, first;
	int		 i;

	if (map->index != NULL) {
		first = map->index[addr >> map->shift];
		p += first;
		len = map->index[(addr >> map->shift) + 1] - first + 1;
	}
	while (len > WINDOW) {
		half = len / 2;
		p = p[half] <= addr ? p + half : p;
		len -= half;
	}
	fetch_answers(&map->answer[p - map->start]);
	for (i = 0; i < WINDOW; i++)
		n += p[i] <= addr;
	return &map->answer[(size_t)(p - map->start) + n - 1];
}

static size_t
map4_memory(const struct map4 *map)
{
	size_t	 n;

	n = (map->n + WINDOW) * (sizeof *map->start + sizeof *map->answer);
	if (map->index != NULL)
		n += (((size_t)1 << (32 - map->shift)) + 1) *
		    sizeof *map->index;
	return n;
}

static void
map6_clear(struct map6 *map)
{
	free(map->high);
	free(map->low);
	free(map->answer);
}

static size_t
child(size_t node, size_t i)
{
	return node * (NODE_KEYS + 1) + i + 1;
}

/* Fills up behind the last range as map4_fill does. */
static void
map6_set(struct map6 *map, size_t slot, const struct addrmap_ranges *ranges,
    size_t i)
{
	addrmap_wide	 start = i < ranges->n ? ranges->start[i] :
			    (addrmap_wide)-1;

	map->high[slot] = (uint64_t)(start >> 64);
	map->low[slot] = (uint64_t)start;
	map->answer[slot] = ranges->answer[i < ranges->n ? i : ranges->n - 1];
}

/* Fills node and what is below in order, from range i; returns the next. */
static size_t
map6_fill(struct map6 *map, size_t node, const struct addrmap_ranges *ranges,
    size_t i)
{
	size_t	 key;

	if (node >= map->nnodes)
		return i;
	for (key = 0; key < NODE_KEYS; key++) {
		i = map6_fill(map, child(node, key), ranges, i);
		map6_set(map, node * NODE_KEYS + key, ranges, i++);
	}
	return map6_fill(map, child(node, NODE_KEYS), ranges, i);
}

static bool
map6_alloc(struct map6 *map, size_t nranges)
{
	size_t	 n;

	map->nnodes = (nranges + NODE_KEYS - 1) / NODE_KEYS;
	n = map->nnodes * NODE_KEYS;
	map->high = line_alloc(n, sizeof *map->high);
	map->low = line_alloc(n, sizeof *map->low);
	map->answer = line_alloc(n, sizeof *map->answer);
	return map->high != NULL && map->low != NULL && map->answer != NULL;
}

static bool
map6_build(struct map6 *map, struct addrmap_intervals *list)
{
	struct addrmap_ranges	 ranges = { 0 };
	bool			 ok;

	ok = addrmap_paint(list, (addrmap_wide)-1, &ranges) &&
	    map6_alloc(map, ranges.n);
	if (ok)
		map6_fill(map, 0, &ranges, 0);
	addrmap_paint_ranges_clear(&ranges);
	return ok;
}

/* How many of a node's upper halves are below; both sums run side by side. */
static inline size_t
count_below(const uint64_t *key, uint64_t high)
{
	size_t	 a = 0, b = 0;
	int	 i;

#pragma GCC unroll 8
	for (i = 0; i < NODE_KEYS / 2; i++) {
		a += key[i] < high;
		b += key[i + NODE_KEYS / 2] < high;
	}
	return a + b;
}

static const struct addrmap_answer *
map6_find(const struct map6 *map, uint64_t high, uint64_t low)
{
	const uint64_t	*key;
	size_t		 node, best = 0, n;

	for (node = 0; node < map->nnodes; node = child(node, n)) {
		if (child(node, 0) >= map->nnodes)
			fetch_answers(&map->answer[node * NODE_KEYS]);
		key = map->high + node * NODE_KEYS;
		n = count_below(key, high);
		for (; n < NODE_KEYS && key[n] == high; n++)
			if (map->low[node * NODE_KEYS + n] > low)
				break;
		best = n > 0 ? node * NODE_KEYS + n - 1 : best;
	}
	return &map->answer[best];
}

static size_t
map6_memory(const struct map6 *map)
{
	return map->nnodes * NODE_KEYS * (sizeof *map->high +
	    sizeof *map->low + sizeof *map->answer);
}

static struct addrmap_answer
find(const struct addrmap *map, const struct address *addr)
{
	switch (addr->family) {
	case AF_INET:
		return *map4_find(&map->v4, load32(addr->bytes));
	case AF_INET6:
		return *map6_find(&map->v6, load64(addr->bytes),
		    load64(addr->bytes + 8));
	default:
		return (struct addrmap_answer){ .rule = ADDRMAP_NONE };
	}
}

struct addrmap_builder *
addrmap_builder_new(void)
{
	return calloc(1, sizeof(struct addrmap_builder));
}

void
addrmap_builder_free(struct addrmap_builder *b)
{
	if (b == NULL)
		return;
	addrmap_paint_intervals_clear(&b->v4);
	addrmap_paint_intervals_clear(&b->v6);
	free(b);
}

bool
addrmap_builder_add_tag(struct addrmap_builder *b,
    const struct address *first, const struct address *last, uint32_t rule,
    uint32_t tag)
{
	struct addrmap_interval	 v;

	assert(first->family == last->family);
	assert(first->family == AF_INET || first->family == AF_INET6);
	assert(rule != ADDRMAP_NONE);
	v.first = load_wide(first);
	v.last = load_wide(last);
	v.answer = (struct addrmap_answer){ rule, tag };
	assert(v.first <= v.last);
	return addrmap_paint_add(first->family == AF_INET ? &b->v4 : &b->v6,
	    &v);
}

bool
addrmap_builder_add(struct addrmap_builder *b, const struct address *first,
    const struct address *last, uint32_t rule)
{
	return addrmap_builder_add_tag(b, first, last, rule, 0);
}

struct addrmap *
addrmap_build(struct addrmap_builder *b)
{
	struct addrmap	*map;

	map = calloc(1, sizeof *map);
	if (map != NULL && (!map4_build(&map->v4, &b->v4) ||
	    !map6_build(&map->v6, &b->v6))) {
		addrmap_free(map);
		map = NULL;
	}
	addrmap_paint_intervals_clear(&b->v4);
	addrmap_paint_intervals_clear(&b->v6);
	return map;
}

void
addrmap_free(struct addrmap *map)
{
	if (map == NULL)
		return;
	map4_clear(&map->v4);
	map6_clear(&map->v6);
	free(map);
}

uint32_t
addrmap_find(const struct addrmap *map, const struct address *addr)
{
	return find(map, addr).rule;
}

uint32_t
addrmap_find_tag(const struct addrmap *map, const struct address *addr,
    uint32_t *tag_r)
{
	struct addrmap_answer	 answer = find(map, addr);

	if (answer.rule != ADDRMAP_NONE)
		*tag_r = answer.tag;
	return answer.rule;
}

/*
 * All of them in order
 */

struct walk {
	uint8_t			 family;
	addrmap_wide		 start;		/* of the range that is open */
	struct addrmap_answer	 answer;	/* of that */
	addrmap_range_fn	*fn;
	void			*arg;
};

static struct address
store_wide(addrmap_wide wide, uint8_t family)
{
	struct address	 addr = { .family = family };
	size_t		 i = family == AF_INET ? 4 : 16;

	while (i-- > 0) {
		addr.bytes[i] = (uint8_t)wide;
		wide >>= 8;
	}
	return addr;
}

static bool
walk_tell(const struct walk *w, addrmap_wide last)
{
	struct address	 from, to;

	if (w->answer.rule == ADDRMAP_NONE)
		return true;
	from = store_wide(w->start, w->family);
	to = store_wide(last, w->family);
	return w->fn(&from, &to, w->answer.rule, w->answer.tag, w->arg);
}

/* What fills up behind the last range begins where the range does, or says the
 * same: it opens nothing. */
static bool
walk_start(struct walk *w, addrmap_wide start, struct addrmap_answer answer)
{
	bool	 more = true;

	if (answer.rule == w->answer.rule && answer.tag == w->answer.tag)
		return true;
	if (start > w->start)
		more = walk_tell(w, start - 1);
	w->start = start;
	w->answer = answer;
	return more;
}

static bool
map4_each(const struct map4 *map, struct walk *w)
{
	size_t	 i;

	for (i = 0; i < map->n; i++)
		if (!walk_start(w, map->start[i], map->answer[i]))
			return false;
	return walk_tell(w, UINT32_MAX);
}

static bool
map6_each(const struct map6 *map, size_t node, struct walk *w)
{
	size_t	 i, slot;

	if (node >= map->nnodes)
		return true;
	for (i = 0; i < NODE_KEYS; i++) {
		slot = node * NODE_KEYS + i;
		if (!map6_each(map, child(node, i), w) || !walk_start(w,
		    (addrmap_wide)map->high[slot] << 64 | map->low[slot],
		    map->answer[slot]))
			return false;
	}
	return map6_each(map, child(node, NODE_KEYS), w);
}

bool
addrmap_each(const struct addrmap *map, addrmap_range_fn *fn, void *arg)
{
	struct walk	 w = { .family = AF_INET, .fn = fn, .arg = arg,
			    .answer.rule = ADDRMAP_NONE };

	if (!map4_each(&map->v4, &w))
		return false;
	w = (struct walk){ .family = AF_INET6, .fn = fn, .arg = arg,
	    .answer.rule = ADDRMAP_NONE };
	return map6_each(&map->v6, 0, &w) && walk_tell(&w, (addrmap_wide)-1);
}

size_t
addrmap_memory(const struct addrmap *map)
{
	return sizeof *map + map4_memory(&map->v4) + map6_memory(&map->v6);
}
