/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * probe_case: the cases of a suite.  A title or a peer begins one, and what was
 * expected before anything was said is the greeting's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "ctl.h"
#include "probe.h"

static pcre2_code *
compile(const struct suite *suite, const struct suite_item *item,
    struct span pattern)
{
	PCRE2_UCHAR	 why[128];
	PCRE2_SIZE	 at;
	pcre2_code	*code;
	int		 error;

	code = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, PCRE2_CASELESS,
	    &error, &at, NULL);
	if (code != NULL)
		return code;
	(void)pcre2_get_error_message(error, why, sizeof why);
	ctl_die(EX_DATAERR, "%s:%u: \"%.*s\": %s", suite->name, item->line,
	    (int)pattern.n, pattern.p, (const char *)why);
}

static void
add_expectation(struct probe *probe, struct probe_case *c,
    const struct suite_item *item)
{
	struct probe_step		*step = &c->steps[c->n - 1];
	struct probe_expectation	*grown;

	grown = reallocarray(step->expected, step->n + 1, sizeof *grown);
	if (grown == NULL)
		ctl_die(EX_OSERR, "out of memory");
	step->expected = grown;
	grown += step->n++;
	*grown = (struct probe_expectation){ .item = item };
	if (item->kind != SUITE_EXPECT)
		return;
	grown->is_any = probe->is_recording && span_eq(item->text, "?");
	if (grown->is_any)
		return;
	grown->reply = suite_reply_read(c->suite, item);
	if (grown->reply.pattern.n > 0)
		grown->pattern = compile(c->suite, item, grown->reply.pattern);
}

static void
add_step(struct probe_case *c, const struct suite_item *item)
{
	struct probe_step	*grown;

	if (item != NULL && span_caseeq(item->verb, "BDAT"))
		suite_wrong(c->suite, item->line, "DATA, which is BDAT where "
		    "that is offered", item->text);
	grown = reallocarray(c->steps, c->n + 1, sizeof *grown);
	if (grown == NULL)
		ctl_die(EX_OSERR, "out of memory");
	c->steps = grown;
	c->steps[c->n++] = (struct probe_step){ .command = item };
}

static struct probe_case *
add_case(struct probe *probe, const struct suite *suite,
    const struct suite_item *item)
{
	struct probe_case	*c;

	if ((probe->n & (probe->n - 1)) == 0) {
		c = reallocarray(probe->cases, probe->n == 0 ? 1 :
		    2 * (size_t)probe->n, sizeof *c);
		if (c == NULL)
			ctl_die(EX_OSERR, "out of memory");
		probe->cases = c;
	}
	c = &probe->cases[probe->n++];
	*c = (struct probe_case){ .suite = suite, .line = item->line,
	    .title = item->kind == SUITE_TITLE ? item->text.p : "" };
	add_step(c, NULL);
	return c;
}

/* The case that an item belongs to. */
static struct probe_case *
find_case(struct probe *probe, const struct suite *suite,
    const struct suite_item *item, const char *title)
{
	struct probe_case	*c = probe->n == 0 ? NULL :
				    &probe->cases[probe->n - 1];

	if (c == NULL || c->suite != suite || item->kind == SUITE_TITLE ||
	    (item->kind == SUITE_PEER && (c->n > 1 || c->steps[0].n > 0))) {
		c = add_case(probe, suite, item);
		if (item->kind != SUITE_TITLE)
			c->title = title;
	}
	return c;
}

static void
take_suite(struct probe *probe, const struct suite *suite)
{
	const struct suite_item	*item;
	struct probe_case	*c;
	const char		*title = "";
	size_t			 i;

	for (i = 0; i < suite->n; i++) {
		item = &suite->v[i];
		c = find_case(probe, suite, item, title);
		switch (item->kind) {
		case SUITE_TITLE:
			title = item->text.p;
			break;
		case SUITE_COMMAND:
			add_step(c, item);
			break;
		case SUITE_EXPECT:
		case SUITE_OFFERS:
		case SUITE_HEADER:
		case SUITE_BODY:
			add_expectation(probe, c, item);
			break;
		case SUITE_PEER:
		case SUITE_CLIENT:
		case SUITE_SEALED:
		case SUITE_EXECUTED:
			/* Of the rules; no server tells. */
			break;
		}
	}
}

static void
free_case(struct probe_case *c)
{
	unsigned	 i, k;

	for (i = 0; i < c->n; i++) {
		for (k = 0; k < c->steps[i].n; k++)
			pcre2_code_free(c->steps[i].expected[k].pattern);
		free(c->steps[i].expected);
	}
	free(c->steps);
	free(c->differences);
}

/* A title that nothing follows is that of a table, or of nothing. */
static void
drop_empty(struct probe *probe)
{
	unsigned	 i, n = 0;

	for (i = 0; i < probe->n; i++) {
		if (probe->cases[i].n > 1 || probe->cases[i].steps[0].n > 0)
			probe->cases[n++] = probe->cases[i];
		else
			free_case(&probe->cases[i]);
	}
	probe->n = n;
}

void
probe_case_make(struct probe *probe)
{
	unsigned	 i;

	for (i = 0; i < probe->n_suites; i++)
		take_suite(probe, &probe->suites[i]);
	drop_empty(probe);
	if (probe->n == 0)
		ctl_die(EX_DATAERR, "%s: there is no case in it",
		    probe->suites[0].name);
}

void
probe_case_forget(struct probe *probe)
{
	struct probe_case	*c;
	unsigned		 i;

	for (c = probe->cases; c < probe->cases + probe->n; c++) {
		for (i = 0; i < c->n; i++) {
			c->steps[i].is_answered = false;
			c->steps[i].code = 0;
			c->steps[i].status[0] = '\0';
			c->steps[i].text = NULL;
		}
		c->class = PROBE_OK;
		c->why = NULL;
		c->unsaid = NULL;
		c->n_differences = 0;
		c->is_done = false;
	}
	probe->next = probe->n_done = 0;
	pool_clear(&probe->pool);
}

void
probe_case_free(struct probe *probe)
{
	unsigned	 i;

	for (i = 0; i < probe->n; i++)
		free_case(&probe->cases[i]);
	free(probe->cases);
	pool_clear(&probe->pool);
}
