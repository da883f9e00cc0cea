/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * resp: see resp.h.
 *
 * libhiredis calls back for each value, and is told where that goes.  Its own
 * functions would allocate what an array announces.  Its depth is bounded by
 * itself.  Where a callback is missing it makes up a pointer, so each is there,
 * also for the types that only RESP3 has.
 */
#include "shared/resp.h"

#include <stdlib.h>

#include <hiredis.h>

#include <bsd/string.h>

#if HIREDIS_MAJOR >= 1
typedef size_t	array_length;
#else
typedef int	array_length;
#endif

struct resp_reader {
	redisReader	*hiredis;
	size_t		 n_elements;	/* of the reply that is read, ... */
	size_t		 n_bytes;	/* ... and in its texts */
	bool		 is_bad;
	const char	*why;
	char		 hiredis_why[128];
};

/* Where the value of a task goes: into its array, or what is made here. */
static struct resp *
place(const redisReadTask *task)
{
	struct resp	*array;

	if (task->parent == NULL)
		return calloc(1, sizeof *array);
	array = task->parent->obj;
	return &array->items[task->idx];
}

static void *
make(const redisReadTask *task, enum resp_type type)
{
	struct resp	*resp = place(task);

	if (resp != NULL)
		*resp = (struct resp){ .type = type };
	return resp;
}

static enum resp_type
text_type(int type)
{
	return type == REDIS_REPLY_ERROR ? RESP_ERROR :
	    type == REDIS_REPLY_STATUS ? RESP_STATUS : RESP_TEXT;
}

static void *
create_string(const redisReadTask *task, char *p, size_t n)
{
	struct resp_reader	*reader = task->privdata;
	struct resp		*resp;
	char			*copy;

	if (n > RESP_BYTES_MAX - reader->n_bytes) {
		reader->why = "a reply is too long";
		return NULL;
	}
	copy = malloc(n + 1);
	if (copy == NULL)
		return NULL;
	reader->n_bytes += n;
	resp = make(task, text_type(task->type));
	if (resp == NULL) {
		free(copy);
		return NULL;
	}
	span_copy(copy, (struct span){ p, n });
	copy[n] = '\0';
	resp->text = (struct span){ copy, n };
	return resp;
}

static void *
create_array(const redisReadTask *task, array_length n)
{
	struct resp_reader	*reader = task->privdata;
	struct resp		*items = NULL, *resp;

	/* What is less than 0 is too much, too. */
	if ((size_t)n > RESP_ELEMENTS_MAX - reader->n_elements) {
		reader->why = "an array is too long";
		return NULL;
	}
	reader->n_elements += (size_t)n;
	if (n > 0) {
		items = calloc((size_t)n, sizeof *items);
		if (items == NULL)
			return NULL;
	}
	resp = make(task, RESP_ARRAY);
	if (resp == NULL) {
		free(items);
		return NULL;
	}
	resp->items = items;
	resp->n = (size_t)n;
	return resp;
}

static void *
create_integer(const redisReadTask *task, long long number)
{
	struct resp	*resp = make(task, RESP_NUMBER);

	if (resp != NULL)
		resp->number = number;
	return resp;
}

static void *
create_nil(const redisReadTask *task)
{
	return make(task, RESP_NIL);
}

#if HIREDIS_MAJOR >= 1
static void *
refuse(const redisReadTask *task)
{
	struct resp_reader	*reader = task->privdata;

	reader->why = "it has a type that was not asked for";
	return NULL;
}

static void *
create_double(const redisReadTask *task, double number, char *text, size_t n)
{
	(void)number;
	(void)text;
	(void)n;
	return refuse(task);
}

static void *
create_bool(const redisReadTask *task, int is_true)
{
	(void)is_true;
	return refuse(task);
}
#endif

/* As deep as libhiredis reads. */
static void
clear(struct resp *resp)
{
	size_t	 i;

	for (i = 0; i < resp->n; i++)
		clear(&resp->items[i]);
	free(resp->items);
	free((char *)resp->text.p);
}

/* Of a whole reply only: what is in an array goes with it. */
static void
free_object(void *object)
{
	resp_free(object);
}

struct resp_reader *
resp_reader_new(void)
{
	static const redisReplyObjectFunctions	 functions = {
		.createString = create_string,
		.createArray = create_array,
		.createInteger = create_integer,
#if HIREDIS_MAJOR >= 1
		.createDouble = create_double,
		.createBool = create_bool,
#endif
		.createNil = create_nil,
		.freeObject = free_object
	};
	struct resp_reader	*reader = calloc(1, sizeof *reader);

	if (reader == NULL)
		return NULL;
	reader->hiredis = redisReaderCreateWithFunctions(
	    (redisReplyObjectFunctions *)&functions);
	if (reader->hiredis == NULL) {
		free(reader);
		return NULL;
	}
	reader->hiredis->privdata = reader;
	return reader;
}

void
resp_reader_free(struct resp_reader *reader)
{
	if (reader == NULL)
		return;
	redisReaderFree(reader->hiredis);
	free(reader);
}

static enum resp_result
set_bad(struct resp_reader *reader, const char *why)
{
	reader->is_bad = true;
	if (reader->why == NULL)
		reader->why = why;
	return RESP_BAD;
}

bool
resp_feed(struct resp_reader *reader, struct span bytes)
{
	if (reader->is_bad)
		return false;
	if (redisReaderFeed(reader->hiredis, bytes.p, bytes.n) == REDIS_OK)
		return true;
	(void)set_bad(reader, "out of memory");
	return false;
}

enum resp_result
resp_next(struct resp_reader *reader, struct resp **reply_r)
{
	redisReader	*hiredis = reader->hiredis;
	void		*reply = NULL;

	if (reader->is_bad)
		return RESP_BAD;
	if (redisReaderGetReply(hiredis, &reply) != REDIS_OK) {
		(void)strlcpy(reader->hiredis_why, hiredis->errstr,
		    sizeof reader->hiredis_why);
		return set_bad(reader, reader->hiredis_why);
	}
	if (reply == NULL)
		return hiredis->len - hiredis->pos > RESP_BYTES_MAX ?
		    set_bad(reader, "a reply is too long") : RESP_MORE;
	reader->n_elements = reader->n_bytes = 0;
	*reply_r = reply;
	return RESP_DONE;
}

void
resp_free(struct resp *reply)
{
	if (reply == NULL)
		return;
	clear(reply);
	free(reply);
}

const char *
resp_why(const struct resp_reader *reader)
{
	return reader->why == NULL ? "" : reader->why;
}

struct span
resp_item(const struct resp *reply, size_t i)
{
	if (reply->type != RESP_ARRAY || i >= reply->n)
		return (struct span){ "", 0 };
	return reply->items[i].type == RESP_TEXT ? reply->items[i].text :
	    (struct span){ "", 0 };
}

bool
resp_is_error(const struct resp *reply, const char *word)
{
	size_t	 n = strlen(word);

	return reply->type == RESP_ERROR && span_begins(reply->text, word) &&
	    (reply->text.n == n || reply->text.p[n] == ' ');
}
