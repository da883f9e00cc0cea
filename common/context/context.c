/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * context: see context.h.  A pair is one piece of memory, made anew whenever
 * its value changes: whoever sets a line has all its memory before the first
 * pair is touched.
 */
#include "context/context.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const	source_texts[] = {
	[CONTEXT_XSETCONTEXT]	= "xsetcontext",
	[CONTEXT_PROXY]		= "proxy"
};
#define SOURCE_COUNT	(sizeof source_texts / sizeof source_texts[0])

const char *
context_source_text(enum context_source source)
{
	return source_texts[source];
}

bool
context_source_find(struct span text, enum context_source *source_r)
{
	size_t	 i;

	for (i = 0; i < SOURCE_COUNT; i++)
		if (span_eq(text, source_texts[i])) {
			*source_r = (enum context_source)i;
			return true;
		}
	return false;
}

static void
free_pair(struct context_pair *pair)
{
	if (pair != NULL)
		free(pair->before);
	free(pair);
}

void
context_clear(struct context *context)
{
	unsigned	 i;

	for (i = 0; i < context->n; i++)
		free_pair(context->pairs[i]);
	free(context->pairs);
	*context = (struct context){ .n = 0 };
}

/* The place of a name in small letters; NULL: it has none. */
static struct context_pair **
find(const struct context *context, const char *name)
{
	unsigned	 i;

	for (i = 0; i < context->n; i++)
		if (strcmp(context->pairs[i]->name, name) == 0)
			return &context->pairs[i];
	return NULL;
}

const struct context_pair *
context_find(const struct context *context, const char *name)
{
	unsigned	 i;

	for (i = 0; i < context->n; i++)
		if (strcasecmp(context->pairs[i]->name, name) == 0)
			return context->pairs[i];
	return NULL;
}

static size_t
pair_size(const struct context_pair *pair)
{
	return strlen(pair->name) + strlen(pair->value);
}

/* Whether setting a pair, for the client or not, leaves the old one of its name
 * where it is, to come back. */
static bool
is_kept(const struct context_pair *old, bool is_clients)
{
	return is_clients && !old->is_clients;
}

/* The bytes that are free once another is in the place of this pair. */
static size_t
size_freed(const struct context_pair *old, bool is_clients)
{
	if (is_kept(old, is_clients))
		return 0;
	return pair_size(old) + (is_clients || old->before == NULL ? 0 :
	    pair_size(old->before));
}

static size_t
assignment_size(const struct context_assignment *a)
{
	return a->name_len + a->value_len;
}

/* How many pairs, and bytes of them, there are once a pair is set. */
static void
count(const struct context *context, const struct context_assignment *a,
    bool is_clients, unsigned *n, size_t *size)
{
	struct context_pair	**old = find(context, a->name);

	*size += assignment_size(a);
	if (old == NULL)
		++*n;
	else
		*size -= size_freed(*old, is_clients);
}

bool
context_has_room(const struct context *context,
    const struct context_line *line, bool is_clients, unsigned pairs_max,
    size_t size_max, struct err *err)
{
	const char	*one_more = NULL, *too_big = NULL;
	unsigned	 i, n = context->n;
	size_t		 size = context->size;

	if (pairs_max > CONTEXT_PAIRS_MAX)
		pairs_max = CONTEXT_PAIRS_MAX;
	for (i = 0; i < line->n; i++) {
		count(context, &line->v[i], is_clients, &n, &size);
		if (n > pairs_max && one_more == NULL)
			one_more = line->v[i].name;
		/* A pair that shrinks makes room for those before it. */
		if (size <= size_max)
			too_big = NULL;
		else if (too_big == NULL)
			too_big = line->v[i].name;
	}
	if (one_more != NULL)
		err_set(err, "%s: expected at most %u pairs in a session",
		    one_more, pairs_max);
	else if (too_big != NULL)
		err_set(err, "%s: expected at most %zu bytes of names and "
		    "values in a session", too_big, size_max);
	return one_more == NULL && too_big == NULL;
}

/* NULL: out of memory. */
static struct context_pair *
make_pair(const struct context_assignment *a, enum context_source source,
    uint64_t now_ms)
{
	struct context_pair	*pair;
	char			*value;

	pair = malloc(sizeof *pair + assignment_size(a) + 2);
	if (pair == NULL)
		return NULL;
	value = pair->text + a->name_len + 1;
	memcpy(pair->text, a->name, a->name_len);
	pair->text[a->name_len] = '\0';
	if (a->value_len > 0)
		memcpy(value, a->value, a->value_len);
	value[a->value_len] = '\0';
	pair->time_ms = now_ms;
	pair->source = source;
	pair->is_clients = false;
	pair->before = NULL;
	pair->name = pair->text;
	pair->value = value;
	return pair;
}

/* Room for n pairs.  False: out of memory. */
static bool
grow(struct context *context, unsigned n)
{
	struct context_pair	**grown;

	if (n == context->n)
		return true;
	grown = realloc(context->pairs, n * sizeof *grown);
	if (grown == NULL)
		return false;
	context->pairs = grown;
	return true;
}

static void
put(struct context *context, struct context_pair *pair, bool is_clients)
{
	struct context_pair	**old = find(context, pair->name);

	pair->is_clients = is_clients;
	context->size += pair_size(pair);
	if (old == NULL) {
		context->pairs[context->n++] = pair;
		return;
	}
	context->size -= size_freed(*old, is_clients);
	if (is_kept(*old, is_clients)) {
		pair->before = *old;
	} else {
		if (is_clients) {
			pair->before = (*old)->before;
			(*old)->before = NULL;
		}
		free_pair(*old);
	}
	*old = pair;
}

static bool
set(struct context *context, const struct context_line *line,
    bool is_clients, enum context_source source, uint64_t now_ms)
{
	struct context_pair	*made[CONTEXT_LINE_PAIRS];
	unsigned		 i, nmade, n = context->n;
	size_t			 size = 0;

	for (i = 0; i < line->n; i++)
		count(context, &line->v[i], is_clients, &n, &size);
	for (nmade = 0; nmade < line->n; nmade++) {
		made[nmade] = make_pair(&line->v[nmade], source, now_ms);
		if (made[nmade] == NULL)
			break;
	}
	if (nmade < line->n || n > CONTEXT_PAIRS_MAX || !grow(context, n)) {
		for (i = 0; i < nmade; i++)
			free(made[i]);
		return false;
	}
	for (i = 0; i < line->n; i++)
		put(context, made[i], is_clients);
	return true;
}

bool
context_set(struct context *context, const struct context_line *line,
    enum context_source source, uint64_t now_ms)
{
	return set(context, line, false, source, now_ms);
}

bool
context_set_clients(struct context *context, const struct context_line *line,
    enum context_source source, uint64_t now_ms)
{
	return set(context, line, true, source, now_ms);
}

void
context_end_clients(struct context *context)
{
	struct context_pair	*pair, *before;
	unsigned		 i, n = 0;

	for (i = 0; i < context->n; i++) {
		pair = context->pairs[i];
		if (pair->is_clients) {
			before = pair->before;
			context->size -= pair_size(pair);
			free(pair);
			pair = before;
		}
		if (pair != NULL)
			context->pairs[n++] = pair;
	}
	context->n = n;
}

bool
context_put(struct context *context, struct span name, struct span value,
    enum context_source source, uint64_t time_ms)
{
	const struct context_assignment	 a = { .name = name.p,
	    .name_len = name.n, .value = value.p, .value_len = value.n };
	struct context_pair		*pair, **old;

	pair = make_pair(&a, source, time_ms);
	if (pair == NULL || !grow(context, context->n + 1)) {
		free(pair);
		return false;
	}
	old = find(context, pair->name);
	put(context, pair, old != NULL && !(*old)->is_clients);
	return true;
}

bool
context_mark_clients(struct context *context, const char *name)
{
	struct context_pair	**pair = find(context, name);

	if (pair == NULL)
		return false;
	(*pair)->is_clients = true;
	return true;
}
