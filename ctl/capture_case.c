/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * capture_case: a session as a case: who the client was, by XCLIENT, what it
 * greeted with, and each transaction with what it was told.
 */
#include "capture_private.h"

#include <string.h>

#include "trust/assertion.h"

static bool
assert_text(struct assertion_set *set, enum assertion_name name,
    const char *text)
{
	return text == NULL || (assertion_take_value(set, name,
	    span_of(text)) && set->v[name].status == ASSERTION_VALUE);
}

/* An unknown name is one that could not be verified; what the client's address
 * is mapped to is not in the log then. */
static bool
make_line(const struct visit *s, char *line, size_t size)
{
	struct assertion_set	 set;
	char			 text[ADDRESS_TEXT_SIZE];
	bool			 is_named = strcmp(s->name, "unknown") != 0;
	size_t			 len;

	assertion_init(&set, ASSERTION_XCLIENT);
	if (s->addr.family == AF_UNSPEC || !assert_text(&set, ASSERTION_ADDR,
	    address_format(&s->addr, text, sizeof text)))
		return false;
	if (is_named) {
		if (!assert_text(&set, ASSERTION_NAME, s->name) ||
		    !assert_text(&set, ASSERTION_REVERSE_NAME, s->name))
			return false;
	} else if (!assertion_set_value(&set, ASSERTION_NAME,
	    ASSERTION_UNAVAILABLE, (struct span){ "", 0 }) ||
	    !assertion_set_value(&set, ASSERTION_REVERSE_NAME,
	    ASSERTION_UNAVAILABLE, (struct span){ "", 0 }))
		return false;
	return assert_text(&set, ASSERTION_PORT, s->port) &&
	    assert_text(&set, ASSERTION_PROTO, s->proto[0] == '\0' ? NULL :
	    s->proto) && assert_text(&set, ASSERTION_HELO, s->helo) &&
	    assert_text(&set, ASSERTION_LOGIN, s->login) &&
	    assertion_print(&set, line, size, &len);
}

static void
print_refusal(struct capture *c, const char *code, const char *status)
{
	fprintf(c->out, "= %s%s%s\n", code, *status == '\0' ? "" : " ",
	    status);
}

static void
print_mail(struct capture *c, const struct mail *m, bool is_first)
{
	const struct rcpt	*r;

	fprintf(c->out, "%sMAIL FROM:<%s>\n", is_first ? "" : "RSET\n",
	    m->sender);
	if (m->code[0] != '\0')
		print_refusal(c, m->code, m->status);
	STAILQ_FOREACH(r, &m->rcpts, next) {
		fprintf(c->out, "RCPT TO:<%s>\n", r->path);
		if (r->code[0] == '\0')
			fprintf(c->out, "= permit\n");
		else
			print_refusal(c, r->code, r->status);
	}
}

static bool
is_known(const struct mail *m)
{
	return m->sender != NULL && (m->n_rcpts > 0 || m->code[0] != '\0');
}

static void
print_greeting(struct capture *c, const struct visit *s)
{
	if (s->helo == NULL)
		return;
	fprintf(c->out, "%s %s\n", strcmp(s->proto, "SMTP") == 0 &&
	    s->stage != SMTPD_LINE_AT_HELO ? "HELO" : "EHLO", s->helo);
	if (s->code[0] != '\0' && s->stage == SMTPD_LINE_AT_HELO)
		print_refusal(c, s->code, s->status);
}

static void
print_case(struct capture *c, const struct visit *s)
{
	char			 line[ASSERTION_LINE_MAX + 1];
	char			 text[ADDRESS_TEXT_SIZE];
	const struct mail	*m;
	bool			 is_first = true;

	if (!make_line(s, line, sizeof line)) {
		c->n_client++;
		return;
	}
	c->n_cases++;
	fprintf(c->out, "title %s %s[%s]\n%s\n", s->time, s->name,
	    address_format(&s->addr, text, sizeof text), line);
	if (s->code[0] != '\0' && s->stage == SMTPD_LINE_AT_CONNECT)
		print_refusal(c, s->code, s->status);
	print_greeting(c, s);
	TAILQ_FOREACH(m, &s->mails, next) {
		if (!is_known(m))
			continue;
		print_mail(c, m, is_first);
		is_first = false;
	}
	fprintf(c->out, "\n");
}

/* Whether it has anything to be asked. */
static bool
is_case(struct capture *c, const struct visit *s)
{
	const struct mail	*m;
	bool			 is_any = s->code[0] != '\0';

	TAILQ_FOREACH(m, &s->mails, next) {
		is_any = is_any || is_known(m);
		c->n_unknown += !is_known(m);
	}
	return is_any;
}

void
capture_case_print(struct capture *c, const struct visit *s)
{
	if (is_case(c, s))
		print_case(c, s);
}
