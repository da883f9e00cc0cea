/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_client_fuzz: whatever a server says, and whenever it goes, each step is
 * completed once, and nothing is said behind the end of a message but a line.
 *
 * The first byte tells how mail is sent, and in how large pieces its content
 * comes.  The rest is what the server says, a line at a time.
 */
#undef NDEBUG
#include <assert.h>
#include <stdint.h>

#include "t/lib/smtp_talk.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
line_len(struct span s)
{
	const char	*lf = span_find(s, '\n');

	return lf == NULL ? s.n : (size_t)(lf - s.p) + 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span		 left = { (const char *)data, size };
	struct smtp_talk	*t;
	size_t			 n;

	if (size == 0 || size > 4096)
		return 0;
	t = calloc(1, sizeof *t);
	assert(t != NULL);
	t->is_chunked = (data[0] & 1) != 0;
	t->is_lmtp = (data[0] & 2) != 0;
	t->fails = (data[0] & 4) != 0;
	t->piece = data[0] >> 4;
	smtp_talk_begin(t, &(const struct smtp_client_options){
	    .is_lmtp = t->is_lmtp, .is_one_by_one = (data[0] & 8) != 0 });
	smtp_talk_turn(t);
	for (left = span_skip(left, 1); left.n > 0; left = span_skip(left, n)) {
		n = line_len(left);
		smtp_talk_say(t, (struct span){ left.p, n });
		assert(t->n_done <= t->n_asked);
	}
	smtp_talk_hang_up(t);
	assert(t->n_done == t->n_asked);
	/* Once QUIT was said, and never two of anything that ends a mail. */
	assert(strstr(t->said, "\r\n.\r\n.\r\n") == NULL);
	smtp_talk_end(t);
	free(t);
	return 0;
}
