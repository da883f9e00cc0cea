/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_content_fuzz: what is sent on is one message for everybody, the one that
 * Postfix would have stored, and the same however the bytes arrive.
 */
#include "relay/smtp_content.h"

#undef NDEBUG
#include <assert.h>
#include <stdlib.h>

#include "t/lib/smtp_receiver.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sent {
	enum smtp_content_result	 result;	/* MORE or END */
	bool				 is_bad;
	bool				 had_bare;
	size_t				 used;
	size_t				 bad_at;	/* of input */
	size_t				 n;
	char				*out;
};

static void *
get_memory(size_t n)
{
	void	*p = malloc(n + 1);

	if (p == NULL)
		abort();
	return p;
}

static void
take(struct sent *sent, struct smtp_content *c, struct span piece)
{
	struct span	 out;
	size_t		 used;

	do {
		sent->result = smtp_content_next(c, piece, &out, &used);
		assert(used <= piece.n);
		assert(used > 0 || out.n > 0 || piece.n == 0 ||
		    sent->result == SMTP_CONTENT_BAD);
		assert(!sent->is_bad || out.n == 0);
		memcpy(sent->out + sent->n, out.p, out.n);
		sent->n += out.n;
		sent->used += used;
		piece = span_skip(piece, used);
		if (sent->result == SMTP_CONTENT_BAD) {
			assert(!sent->is_bad && out.n == 0);
			sent->is_bad = true;
			sent->bad_at = sent->used;
		}
	} while (sent->result == SMTP_CONTENT_SOME ||
	    sent->result == SMTP_CONTENT_BAD);
	assert(sent->result == SMTP_CONTENT_END || piece.n == 0);
}

/* The whole message in pieces of that size. */
static struct sent
send_in(enum smtp_content_mode mode, struct span in, size_t step)
{
	struct sent		 sent = { .result = SMTP_CONTENT_MORE,
				    .out = get_memory(2 * in.n) };
	struct smtp_content	 c;
	size_t			 at, n;

	smtp_content_init(&c, mode);
	for (at = 0; at < in.n && sent.result == SMTP_CONTENT_MORE; at += n) {
		n = in.n - at < step ? in.n - at : step;
		take(&sent, &c, (struct span){ in.p + at, n });
	}
	assert(c.octets == sent.n);
	sent.had_bare = c.had_bare;
	return sent;
}

static void
check_same(struct sent a, struct sent b)
{
	assert(a.result == b.result && a.is_bad == b.is_bad);
	assert(a.used == b.used && a.bad_at == b.bad_at);
	assert(a.had_bare == b.had_bare && a.n == b.n);
	assert(memcmp(a.out, b.out, a.n) == 0);
}

static void
check_cuts(enum smtp_content_mode mode, struct span in, struct sent whole)
{
	size_t	 steps[] = { 1, 2, 3, 5, 1023, in.n / 2 + 1 }, i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct sent	 cut = send_in(mode, in, steps[i]);

		check_same(whole, cut);
		free(cut.out);
	}
}

/* What everybody sees in what was sent. */
static void
check_received(struct span in, struct sent sent)
{
	struct span		 out = { sent.out, sent.n };
	char			*stored = get_memory(out.n);
	char			*want = get_memory(2 * in.n);
	struct receiver_answer	 got = receiver_rfc(out, stored);
	struct receiver_answer	 postfix = receiver_postfix(in, want);

	assert(!receiver_sees_stray(out));
	assert(got.has_end == (sent.result == SMTP_CONTENT_END));
	assert(got.has_end == postfix.has_end);
	if (got.has_end) {
		assert(got.used == out.n);
		assert(!receiver_sees_odd_dot(out));
		assert(sent.used == postfix.used);
		assert(sent.had_bare == postfix.had_bare);
		assert(got.n == postfix.n);
		assert(memcmp(stored, want, got.n) == 0);
	}
	free(stored);
	free(want);
}

/* Refusing differs in nothing but that. */
static void
check_rejected(struct sent normal, struct sent reject)
{
	assert(reject.result == normal.result && reject.used == normal.used);
	assert(reject.had_bare == normal.had_bare);
	assert(reject.is_bad == normal.had_bare);
	assert(reject.n <= normal.n);
	assert(reject.n == normal.n || reject.is_bad);
	assert(memcmp(reject.out, normal.out, reject.n) == 0);
	assert(!receiver_sees_stray((struct span){ reject.out, reject.n }));
}

static void
check(struct span in)
{
	struct sent	 normal = send_in(SMTP_CONTENT_NORMALIZE, in, in.n);
	struct sent	 reject = send_in(SMTP_CONTENT_REJECT, in, in.n);

	assert(!normal.is_bad);
	check_cuts(SMTP_CONTENT_NORMALIZE, in, normal);
	check_cuts(SMTP_CONTENT_REJECT, in, reject);
	check_received(in, normal);
	check_rejected(normal, reject);
	free(normal.out);
	free(reject.out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	*ended = get_memory(size + 5);

	check((struct span){ (const char *)data, size });
	/* Once more with an end, so that there is something to receive. */
	memcpy(ended, data, size);
	memcpy(ended + size, "\r\n.\r\n", 5);
	check((struct span){ ended, size + 5 });
	free(ended);
	return 0;
}
