/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * resp_fuzz: replies are the same however they arrive, within their bounds, and
 * whatever is in one, what "ping" makes of INFO is within its own.
 */
#include "shared/resp.h"

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "shared/shared_probe.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t
mix(uint64_t sum, uint64_t value)
{
	return (sum ^ value) * 1099511628211U;
}

/* All that a reply is, as a number; counts its values. */
static uint64_t
sum_of(const struct resp *resp, uint64_t sum, size_t *n)
{
	size_t	 i;

	assert(resp->type == RESP_ARRAY || resp->n == 0);
	assert((resp->text.p != NULL) == (resp->type == RESP_TEXT ||
	    resp->type == RESP_STATUS || resp->type == RESP_ERROR));
	assert(resp->text.n <= RESP_BYTES_MAX);
	if (resp->text.p != NULL)
		assert(resp->text.p[resp->text.n] == '\0');
	sum = mix(mix(sum, resp->type), (uint64_t)resp->number);
	for (i = 0; i < resp->text.n; i++)
		sum = mix(sum, (unsigned char)resp->text.p[i]);
	sum = mix(sum, resp->n);
	for (i = 0; i < resp->n; i++)
		sum = sum_of(&resp->items[i], sum, n);
	*n += resp->n;
	return sum;
}

static void
check(const struct resp *reply)
{
	static struct shared_probe_report	 report;
	unsigned			 i;

	(void)resp_is_error(reply, "NOPERM");
	(void)resp_item(reply, 0);
	report = (struct shared_probe_report){ .n = 0 };
	shared_probe_read_info(reply->text, &report);
	assert(memchr(report.version, '\0', sizeof report.version) != NULL);
	for (i = 0; i < report.n; i++)
		assert((*report.of[i].text != '\0') ==
		    (report.of[i].state != SHARED_PROBE_WELL));
}

/* *n_r: of replies. */
static uint64_t
read_all(const uint8_t *data, size_t size, size_t piece, size_t *n_r)
{
	struct resp_reader	*reader = resp_reader_new();
	enum resp_result	 result = RESP_MORE;
	uint64_t		 sum = 14695981039346656037U;
	struct resp		*reply;
	size_t			 at, n, n_values;

	assert(reader != NULL);
	*n_r = 0;
	for (at = 0; at < size && result != RESP_BAD; at += n) {
		n = size - at < piece ? size - at : piece;
		assert(resp_feed(reader, (struct span){
		    (const char *)data + at, n }));
		while ((result = resp_next(reader, &reply)) == RESP_DONE) {
			n_values = 0;
			sum = sum_of(reply, sum, &n_values);
			assert(n_values <= RESP_ELEMENTS_MAX);
			check(reply);
			resp_free(reply);
			(*n_r)++;
		}
	}
	if (result == RESP_BAD)
		assert(*resp_why(reader) != '\0');
	resp_reader_free(reader);
	return mix(sum, result);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t		 n, n_bytewise;
	uint64_t	 whole = read_all(data, size, size, &n);

	assert(read_all(data, size, 1, &n_bytewise) == whole);
	assert(n == n_bytewise);
	return 0;
}
