/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * probe_judge: a reply, and what was expected.  Some replies tell that the
 * question did not come through, and nothing of the rules: those are no
 * difference but a class of their own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "ctl.h"
#include "probe.h"

#define TEXT_MAX	1000	/* of a reply, as it is shown */

static const struct {
	const char	*word, *text;
} classes[PROBE_CLASSES] = {
	[PROBE_OK] = { "ok", "as expected" },
	[PROBE_WRONG] = { "wrong", "the server replies otherwise" },
	[PROBE_NO_REPLY] = { "no_reply", "the server did not reply in time, or "
	    "not in SMTP" },
	[PROBE_CLOSED] = { "closed", "the server closed the connection in the "
	    "middle" },
	[PROBE_GREYLISTED] = { "greylisted", "the server greylists, and so does "
	    "not tell what its rules would be: put what it delays by on a list "
	    "of exceptions for the probe's clients, or ask again later" },
	[PROBE_UNAVAILABLE] = { "unavailable", "the server said 421: it takes "
	    "no more connections of this client, or is about to stop" },
	[PROBE_DENIED] = { "denied", "the server offers XCLIENT, and refused "
	    "it" },
	[PROBE_NO_ATTRIBUTE] = { "no_attribute", "the server does not offer an "
	    "attribute that is to be told" },
	[PROBE_NOT_OFFERED] = { "not_offered", "the server does not offer "
	    "XCLIENT to this host (smtpd_authorized_xclient_hosts)" },
	[PROBE_POSTSCREEN] = { "postscreen", "postscreen(8) is in front of the "
	    "server, and knows no XCLIENT: ask a port without it, or put this "
	    "host on postscreen_access_list" },
	[PROBE_TLS] = { "tls", "there is no TLS with the server" },
	[PROBE_CONNECT] = { "connect", "the server cannot be connected to" }
};

const char *
probe_class_text(enum probe_class class)
{
	return classes[class].text;
}

const char *
probe_class_word(enum probe_class class)
{
	return classes[class].word;
}

/* The text of a reply without codes and ends; what is not printable is '?'. */
static size_t
join(const struct smtp_reply *reply, char *buf, size_t size)
{
	struct span	 text = reply->text, line;
	size_t		 i, n = 0;

	while (smtp_reply_line(&text, &line)) {
		if (n > 0 && n < size)
			buf[n++] = ' ';
		for (i = 0; i < line.n && n < size; i++)
			buf[n++] = line.p[i] < ' ' || line.p[i] > '~' ? '?' :
			    line.p[i];
	}
	return n;
}

char *
probe_judge_text(struct probe *probe, const struct smtp_reply *reply)
{
	char	 buf[TEXT_MAX];
	size_t	 n = join(reply, buf, sizeof buf);

	return pool_printf(&probe->pool, "%u %.*s", reply->code, (int)n, buf);
}

static void
differ(struct probe_case *c, const struct probe_difference *difference)
{
	struct probe_difference	*grown = reallocarray(c->differences,
				    c->n_differences + 1, sizeof *grown);

	if (grown == NULL)
		ctl_die(EX_OSERR, "out of memory");
	c->differences = grown;
	c->differences[c->n_differences++] = *difference;
	if (c->class == PROBE_OK)
		c->class = PROBE_WRONG;
}

void
probe_judge_end(struct probe *probe, struct probe_case *c,
    enum probe_class class, const char *stage, const char *why)
{
	if (c->class > PROBE_WRONG)
		return;
	c->class = class;
	c->why = pool_printf(&probe->pool, "%s%s%s", stage,
	    *why == '\0' ? "" : ": ", why);
}

static bool
has_word(const struct smtp_reply *reply, const char *word)
{
	return memmem(reply->text.p, reply->text.n, word, strlen(word)) !=
	    NULL;
}

/*
 * Behind XCLIENT a server greets anew, or does not: where smtpd_delay_reject is
 * off, rules about the client are heard there.  Postfix's speak of a "Client
 * host"; the codes are those of RFC 5321, 3.1, and RFC 7504.
 */
static bool
is_greeting(const struct smtp_reply *reply)
{
	return reply->code == 521 || reply->code == 554 ||
	    has_word(reply, "lient host ");
}

/* What a reply that was not expected tells besides; WRONG: nothing. */
static enum probe_class
classify(const struct probe_step *step, const struct smtp_reply *reply)
{
	struct span	 verb = step == NULL || step->command == NULL ?
			    (struct span){ "", 0 } : step->command->verb;

	if (has_word(reply, "4.3.2 Service currently unavailable") ||
	    has_word(reply, "5.5.1 Protocol error"))
		return PROBE_POSTSCREEN;
	if (reply->code == 421)
		return PROBE_UNAVAILABLE;
	if (span_caseeq(verb, "XCLIENT") && !is_greeting(reply))
		return PROBE_DENIED;
	if ((reply->code == 450 || reply->code == 451) &&
	    (has_word(reply, "reylist") || has_word(reply, "raylist")))
		return PROBE_GREYLISTED;
	return PROBE_WRONG;
}

static bool
fits_digits(const char *want, const char *got, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		if (want[i] != 'x' && want[i] != got[i])
			return false;
	return true;
}

/* "5.7.x", part by part. */
static bool
fits_status(struct span want, struct span got)
{
	while (want.n > 0 && got.n > 0) {
		if (want.p[0] == 'x') {
			while (got.n > 0 && got.p[0] != '.')
				got = span_skip(got, 1);
		} else if (want.p[0] == got.p[0]) {
			got = span_skip(got, 1);
		} else {
			return false;
		}
		want = span_skip(want, 1);
	}
	return want.n == 0 && got.n == 0;
}

static bool
fits_pattern(const pcre2_code *pattern, const struct smtp_reply *reply)
{
	char			 buf[TEXT_MAX];
	size_t			 n = join(reply, buf, sizeof buf);
	pcre2_match_data	*match;
	int			 found;

	match = pcre2_match_data_create_from_pattern(pattern, NULL);
	if (match == NULL)
		ctl_die(EX_OSERR, "out of memory");
	found = pcre2_match(pattern, (PCRE2_SPTR)buf, n, 0, 0, match, NULL);
	pcre2_match_data_free(match);
	return found >= 0;
}

static bool
fits(const struct probe_expectation *expected, const struct smtp_reply *reply)
{
	const struct suite_reply	*want = &expected->reply;
	char				 code[8];

	(void)snprintf(code, sizeof code, "%u", reply->code);
	if (want->code[0] == '\0')
		return want->is_permit == (reply->code < 400);
	return fits_digits(want->code, code, 3) &&
	    (want->status.n == 0 ||
	    fits_status(want->status, smtp_reply_status(reply))) &&
	    (expected->pattern == NULL ||
	    fits_pattern(expected->pattern, reply));
}

/* Word by word, in any case. */
static bool
begins_with(struct span line, struct span want)
{
	struct span	 a, b;

	while (span_word(&want, &a))
		if (!span_word(&line, &b) || a.n != b.n ||
		    strncasecmp(a.p, b.p, a.n) != 0)
			return false;
	return true;
}

/* Whether an EHLO reply has a line that begins with these words. */
static bool
has_keyword(const struct smtp_reply *reply, struct span want)
{
	struct span	 text = reply->text, line;

	(void)smtp_reply_line(&text, &line);
	while (smtp_reply_line(&text, &line))
		if (begins_with(line, want))
			return true;
	return false;
}

/* "offers KEYWORD [PARAMETER ...]", "offers !KEYWORD" */
static bool
fits_offer(const struct suite_item *item, const struct smtp_reply *reply)
{
	struct span	 want = span_trim(item->text);
	bool		 is_not = want.n > 0 && want.p[0] == '!';

	if (is_not)
		want = span_skip(want, 1);
	return has_keyword(reply, want) != is_not;
}

static void
judge_one(struct probe *probe, struct probe_case *c,
    const struct probe_step *step, const struct probe_expectation *expected,
    const char *stage, const struct smtp_reply *reply)
{
	enum probe_class	 class;
	bool			 is_offer;

	is_offer = expected->item->kind == SUITE_OFFERS;
	if ((expected->item->kind != SUITE_EXPECT && !is_offer) ||
	    expected->is_any)
		return;
	if (is_offer ? fits_offer(expected->item, reply) :
	    fits(expected, reply))
		return;
	class = is_offer ? PROBE_WRONG : classify(step, reply);
	if (class != PROBE_WRONG)
		probe_judge_end(probe, c, class, stage,
		    probe_judge_text(probe, reply));
	differ(c, &(const struct probe_difference){ .stage = stage,
	    .line = expected->item->line,
	    .expected = pool_printf(&probe->pool, "%s%s",
	    is_offer ? "offers " : "", expected->item->text.p),
	    .got = probe_judge_text(probe, reply) });
}

static bool
expects_reply(const struct probe_step *step)
{
	unsigned	 i;

	for (i = 0; step != NULL && i < step->n; i++)
		if (step->expected[i].item->kind == SUITE_EXPECT)
			return true;
	return false;
}

void
probe_judge(struct probe *probe, struct probe_case *c,
    struct probe_step *step, const char *stage,
    const struct smtp_reply *reply)
{
	enum probe_class	 class;
	unsigned		 i;

	for (i = 0; step != NULL && i < step->n; i++)
		judge_one(probe, c, step, &step->expected[i], stage, reply);
	if (expects_reply(step) || reply->code < 400)
		return;
	class = classify(step, reply);
	if (class != PROBE_WRONG)
		probe_judge_end(probe, c, class, stage,
		    probe_judge_text(probe, reply));
	differ(c, &(const struct probe_difference){ .stage = stage,
	    .line = step != NULL && step->command != NULL ?
	    step->command->line : c->line, .expected =
	    pool_copy(&probe->pool, span_of("permit, for nothing else is "
	    "said")), .got = probe_judge_text(probe, reply) });
}
