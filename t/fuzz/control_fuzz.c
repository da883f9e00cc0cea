/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * control_fuzz: what comes over a control socket, as the daemon and as
 * xcontext(1) read it: the same however it arrives, and a request that is taken
 * is the one that would be written.
 */
#include "daemon/control.h"

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_request(struct span line)
{
	struct control_request	 request, again;
	char			 text[CONTROL_REQUEST_MAX + 1];
	char			 same[CONTROL_REQUEST_MAX + 1];
	struct err		 err;
	size_t			 n;

	if (control_request_read(line, &request, &err) != 0)
		return;
	n = control_request_write(&request, text);
	assert(n > 0 && n <= CONTROL_REQUEST_MAX && text[n - 1] == '\n');
	assert(control_request_read((struct span){ text, n - 1 }, &again,
	    &err) == 0);
	assert(control_request_write(&again, same) == n);
	assert(memcmp(text, same, n) == 0);
}

static void
check_answer(struct span line)
{
	json_t	*value = NULL;

	switch (control_answer_read(line, &value)) {
	case CONTROL_ANSWER_DATA:
		assert(json_is_object(value));
		break;
	case CONTROL_ANSWER_ERROR:
		assert(json_is_string(value));
		break;
	case CONTROL_ANSWER_END:
	case CONTROL_ANSWER_BAD:
		assert(value == NULL);
		break;
	}
	json_decref(value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span		 in = { (const char *)data, size };
	struct span		 line = { NULL, 0 }, now_line = { NULL, 0 };
	enum control_result	 result, now = CONTROL_MORE;
	size_t			 used = 0, now_used = 0, n;

	result = control_line_find(in, CONTROL_REQUEST_MAX, &line, &used);
	for (n = 0; n <= size && now == CONTROL_MORE; n++)
		now = control_line_find((struct span){ in.p, n },
		    CONTROL_REQUEST_MAX, &now_line, &now_used);
	assert(now == result);
	if (result == CONTROL_DONE) {
		assert(line.p == now_line.p && line.n == now_line.n);
		assert(used == now_used && used > line.n && used <= size);
		assert(line.n <= CONTROL_REQUEST_MAX);
		check_request(line);
		check_answer(line);
	}
	check_request(in);
	check_answer(in);
	return 0;
}
