/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_reply_fuzz: a reply is the same however it arrives, can be written
 * afresh line by line, and an offer is within its bounds.
 */
#include "smtp/smtp_reply.h"

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writes the reply's lines afresh and reads them again. */
static void
check_written(const struct smtp_reply *reply)
{
	struct span		 text = reply->text, line;
	char			*out = malloc(2 * reply->text.n + 8);
	struct smtp_reply	 again;
	unsigned		 n_lines = 0;
	size_t			 n = 0, used;

	if (out == NULL)
		return;
	while (smtp_reply_line(&text, &line)) {
		assert(memchr(line.p, '\r', line.n) == NULL);
		assert(memchr(line.p, '\n', line.n) == NULL);
		assert(memchr(line.p, '\0', line.n) == NULL);
		n_lines++;
		n += (size_t)sprintf(out + n, "%u%c", reply->code,
		    n_lines < reply->n_lines ? '-' : ' ');
		memcpy(out + n, line.p, line.n);
		n += line.n;
		memcpy(out + n, "\r\n", 2);
		n += 2;
	}
	assert(text.n == 0 && n_lines == reply->n_lines && n_lines > 0);
	if (n <= SMTP_REPLY_MAX) {
		assert(smtp_reply_find(out, n, &again, &used) ==
		    SMTP_REPLY_DONE);
		assert(used == n && again.code == reply->code);
		assert(again.n_lines == n_lines);
	}
	free(out);
}

static void
check_status(const struct smtp_reply *reply)
{
	struct span	 status = smtp_reply_status(reply);

	if (status.n == 0)
		return;
	assert(status.n >= 5 && status.n <= 9);
	assert(status.p[0] == (char)('0' + reply->code / 100));
	assert(status.p == reply->text.p + 4);
}

static void
check_offer(const struct smtp_reply *reply)
{
	struct smtp_offer	 offer;
	size_t			 total = 0, i;
	int			 keyword;

	smtp_offer_read(reply, &offer);
	assert(offer.keywords >> SMTP_KW_COUNT == 0);
	assert(offer.xclient >> ASSERTION_COUNT == 0);
	assert(smtp_offers(&offer, SMTP_KW_XCLIENT) || offer.xclient == 0);
	for (keyword = 0; keyword < SMTP_KW_COUNT; keyword++) {
		struct span	 params = smtp_offer_params(&offer,
		    (enum smtp_keyword)keyword);

		assert(smtp_offers(&offer, (enum smtp_keyword)keyword) ||
		    params.n == 0);
		assert(params.p >= offer.params && params.p + params.n <=
		    offer.params + sizeof(offer.params));
		for (i = 0; i < params.n; i++)
			assert(params.p[i] >= 32 && params.p[i] <= 126);
		total += params.n;
	}
	assert(total <= sizeof(offer.params));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char		*in = (const char *)data;
	struct smtp_reply	 reply, reply_now;
	enum smtp_reply_result	 result, now = SMTP_REPLY_MORE;
	size_t			 used = 0, used_now = 0, n;

	result = smtp_reply_find(in, size, &reply, &used);
	for (n = 0; n <= size && now == SMTP_REPLY_MORE; n++)
		now = smtp_reply_find(in, n, &reply_now, &used_now);
	assert(now == result);
	if (result != SMTP_REPLY_DONE)
		return 0;
	assert(used == used_now && used == n - 1);
	assert(reply.code == reply_now.code && reply.text.n == used);
	assert(reply.code >= 200 && reply.code <= 599);
	check_written(&reply);
	check_status(&reply);
	check_offer(&reply);
	return 0;
}
