/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_plan: see inject_plan.h.
 */
#include "inject_plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "output.h"

static void
set_verdict(struct inject_plan *p, enum inject_verdict verdict,
    const char *why)
{
	p->verdict = verdict;
	(void)snprintf(p->why, sizeof p->why, "%s", why);
}

static void
plan_envelope(const struct inject_config *c, const struct inject_item *item,
    struct inject_plan *p)
{
	if (!inject_envelope_read(item->fd, item->begin, item->end,
	    c->rcpt_header, &p->envelope)) {
		set_verdict(p, INJECT_STAY, strerror(errno));
		return;
	}
	p->sender = c->sender != NULL ? c->sender : p->envelope.sender;
	p->own[0] = p->envelope.rcpt;
	p->rcpts = c->n_rcpts > 0 ? c->rcpts : p->own;
	p->n_rcpts = c->n_rcpts > 0 ? c->n_rcpts : 1;
	if (c->sender == NULL && p->envelope.why != NULL)
		set_verdict(p, INJECT_STAY, p->envelope.why);
	else if (c->n_rcpts == 0 && p->envelope.rcpt[0] == '\0')
		set_verdict(p, INJECT_STAY, "no header says to whom");
}

static void
plan_origin(const struct inject_config *c, const struct inject_item *item,
    struct inject_plan *p)
{
	p->found = inject_origin_find(&c->rule, item->fd, item->begin,
	    item->end, &p->origin);
	if (p->found == INJECT_ORIGIN_FAILED)
		set_verdict(p, INJECT_STAY, p->origin.why);
	else if (p->found == INJECT_ORIGIN_UNKNOWN &&
	    c->unknown == INJECT_UNKNOWN_REJECT)
		set_verdict(p, INJECT_REFUSE, p->origin.why);
	p->is_self = p->found != INJECT_ORIGIN_FOUND &&
	    c->unknown == INJECT_UNKNOWN_SELF;
	if (!p->is_self)
		inject_origin_assert(&p->origin, p->found, &p->identity);
}

void
inject_plan_make(const struct inject_config *c,
    const struct inject_item *item, struct inject_plan *p)
{
	memset(p, 0, sizeof *p);
	plan_origin(c, item, p);
	if (p->verdict == INJECT_SEND)
		plan_envelope(c, item, p);
}

static json_t *
rcpts_json(const struct inject_plan *p)
{
	json_t		*array = output_new_array();
	unsigned	 i;

	for (i = 0; i < p->n_rcpts; i++)
		output_append(array, output_text(p->rcpts[i]));
	return array;
}

static json_t *
to_json(const struct inject_item *item, const struct inject_plan *p)
{
	static const char *const	 verdicts[] = { "send", "stay",
		"reject" };
	char	 line[ASSERTION_LINE_MAX + 1] = "";
	size_t	 len;
	json_t	*o = output_new();

	if (!p->is_self)
		(void)assertion_print(&p->identity, line, sizeof line, &len);
	output_put(o, "message", output_text(item->name));
	output_put(o, "verdict", output_text(verdicts[p->verdict]));
	output_put(o, "why", output_text(p->verdict != INJECT_SEND ? p->why :
	    p->found != INJECT_ORIGIN_FOUND ? p->origin.why : NULL));
	if (p->verdict != INJECT_SEND)
		return o;
	output_put(o, "says", output_text(p->is_self ? NULL : line));
	output_put(o, "line", json_integer(p->origin.line));
	output_put(o, "received", json_integer(p->origin.nth));
	output_put(o, "time", output_text(p->origin.time[0] == '\0' ? NULL :
	    p->origin.time));
	output_put(o, "sender", output_text(p->sender));
	output_put(o, "recipients", rcpts_json(p));
	return o;
}

static void
print_place(const json_t *o)
{
	json_int_t	 line, nth;

	line = json_integer_value(json_object_get(o, "line"));
	nth = json_integer_value(json_object_get(o, "received"));
	if (line == 0)
		return;
	printf("\tby line %lld", (long long)line);
	if (nth > 0)
		printf(" (Received %lld)", (long long)nth);
	if (*output_text_at(o, "time") != '\0')
		printf(" of %s", output_text_at(o, "time"));
	printf("\n");
}

/* No octet of the message is a command to a terminal: output_text sees to it. */
static void
print_text(json_t *o)
{
	const char	*why = output_text_at(o, "why");
	json_t		*rcpt;
	size_t		 i;

	printf("%s: %s%s%s\n", output_text_at(o, "message"),
	    output_text_at(o, "verdict"), *why == '\0' ? "" : ": ", why);
	if (strcmp(output_text_at(o, "verdict"), "send") != 0)
		return;
	printf("\t%s\n", *output_text_at(o, "says") == '\0' ? "no XCLIENT" :
	    output_text_at(o, "says"));
	print_place(o);
	printf("\tfrom <%s> to", output_text_at(o, "sender"));
	json_array_foreach(json_object_get(o, "recipients"), i, rcpt)
		printf(" <%s>", json_string_value(rcpt));
	printf("\n");
}

void
inject_plan_print(const struct inject_config *c,
    const struct inject_item *item, const struct inject_plan *p)
{
	json_t	*o = to_json(item, p);

	if (!c->is_json) {
		print_text(o);
	} else {
		(void)json_dumpf(o, stdout, JSON_COMPACT);
		printf("\n");
	}
	json_decref(o);
}
