/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_edit: see conf_edit.h.  It reads no more of the language than it takes to
 * tell comments, texts, words and braces apart; what it makes is loaded before
 * it is put into force.
 */
#include "conf_edit.h"

#include <string.h>
#include <strings.h>

/* What it looks for, and where it is while it looks. */
struct search {
	const char	*text;
	const char	*section, *setting;
	size_t		 at;
	int		 depth;
	bool		 is_inside;	/* of the section */
	size_t		 section_at;	/* behind its brace; 0: none */
	struct span	 last;		/* the word before */
	bool		 is_value_next;
	struct span	 value;		/* p NULL: not found */
};

static void
skip_comment(struct search *s)
{
	const char	*p = s->text + s->at, *end;

	if (p[0] == '/' && p[1] == '*') {
		end = strstr(p + 2, "*/");
		s->at += end == NULL ? strlen(p) : (size_t)(end - p) + 2;
	} else {
		s->at += strcspn(p, "\n");
	}
}

/* A text in quotes, or a bare word, with its quotes. */
static struct span
take_word(struct search *s)
{
	const char	*p = s->text + s->at;
	size_t		 n = 1;

	if (*p == '"' || *p == '\'') {
		while (p[n] != '\0' && p[n] != *p)
			n += p[n] == '\\' && p[n + 1] != '\0' ? 2 : 1;
		n += p[n] == *p;
	} else {
		n = strcspn(p, " \t\r\n{}=,\"'#");
		if (n == 0)
			n = 1;
	}
	s->at += n;
	return (struct span){ p, n };
}

static void
take_mark(struct search *s)
{
	char	 c = s->text[s->at++];

	if (c == '{') {
		if (s->depth++ == 0 && span_caseeq(s->last, s->section)) {
			s->is_inside = true;
			s->section_at = s->at;
		}
	} else if (c == '}') {
		if (--s->depth == 0)
			s->is_inside = false;
	} else if (c == '=') {
		s->is_value_next = s->is_inside && s->depth == 1 &&
		    span_caseeq(s->last, s->setting);
	}
}

static void
step(struct search *s)
{
	const char	*p = s->text + s->at;

	if (strchr(" \t\r\n", *p) != NULL) {
		s->at++;
	} else if (*p == '#' || (*p == '/' && (p[1] == '/' || p[1] == '*'))) {
		skip_comment(s);
	} else if (strchr("{}=,", *p) != NULL) {
		take_mark(s);
	} else {
		s->last = take_word(s);
		if (s->is_value_next)
			s->value = s->last;
		s->is_value_next = false;
	}
}

static const char *
quote(struct pool *pool, const char *value)
{
	if (strpbrk(value, "\"\\$\n") == NULL)
		return pool_printf(pool, "\"%s\"", value);
	if (strpbrk(value, "'\\\n") == NULL)
		return pool_printf(pool, "'%s'", value);
	return NULL;
}

const char *
conf_edit_set(struct pool *pool, const char *text, const char *section,
    const char *setting, const char *value)
{
	struct search	 s = { .text = text, .section = section,
			    .setting = setting, .last = { "", 0 } };
	const char	*quoted = quote(pool, value);
	size_t		 at;

	if (quoted == NULL)
		return NULL;
	while (text[s.at] != '\0')
		step(&s);
	if (s.value.p != NULL) {
		at = (size_t)(s.value.p - text);
		return pool_printf(pool, "%.*s%s%s", (int)at, text, quoted,
		    text + at + s.value.n);
	}
	if (s.section_at > 0)
		return pool_printf(pool, "%.*s\n\t%s = %s%s",
		    (int)s.section_at, text, setting, quoted,
		    text + s.section_at);
	return pool_printf(pool, "%s%s%s {\n\t%s = %s\n}\n", text,
	    *text == '\0' || text[strlen(text) - 1] == '\n' ? "" : "\n",
	    section, setting, quoted);
}
