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

#define BLANKS	" \t\r\n"

/* What it looks for, and where it is while it looks. */
struct search {
	const char		*text;
	struct conf_edit_place	 place;
	const char		*setting;
	size_t			 at;
	int			 depth;
	struct span		 before, last;	/* words of this statement */
	bool			 is_value;	/* of any setting, is next */
	bool			 is_inside;	/* of the section */
	bool			 is_wanted;	/* the value that is next */
	int			 list_depth;	/* of that value; 0: no list */
	size_t			 begin, end;	/* the section, to its brace */
	struct span		 value;		/* p NULL: not found */
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

static bool
is_text(struct span word, const char *text)
{
	if (word.n >= 2 && (*word.p == '"' || *word.p == '\''))
		word = (struct span){ word.p + 1, word.n - 2 };
	return span_eq(word, text);
}

/* What stands in front of a brace is that section. */
static bool
is_place(const struct search *s)
{
	return s->place.title == NULL ? s->before.n == 0 &&
	    span_caseeq(s->last, s->place.section) :
	    span_caseeq(s->before, s->place.section) &&
	    is_text(s->last, s->place.title);
}

static void
open_brace(struct search *s)
{
	if (s->is_value && s->is_wanted) {
		s->value = (struct span){ s->text + s->at - 1, 0 };
		s->list_depth = s->depth + 1;
	} else if (s->depth == 0 && is_place(s)) {
		s->is_inside = true;
		s->begin = (size_t)((s->before.n > 0 ? s->before : s->last).p -
		    s->text);
	}
	s->depth++;
}

static void
close_brace(struct search *s)
{
	if (s->list_depth > 0 && s->list_depth == s->depth) {
		s->value.n = (size_t)(s->text + s->at - s->value.p);
		s->list_depth = 0;
	}
	if (--s->depth == 0 && s->is_inside) {
		s->is_inside = false;
		s->end = s->at - 1;
	}
}

static void
take_mark(struct search *s)
{
	char	 c = s->text[s->at++];

	if (c == '{')
		open_brace(s);
	else if (c == '}')
		close_brace(s);
	s->is_wanted = c == '=' && s->is_inside && s->depth == 1 &&
	    s->setting != NULL && span_caseeq(s->last, s->setting);
	s->is_value = c == '=';
	s->before = s->last = (struct span){ s->text, 0 };
}

static void
step(struct search *s)
{
	const char	*p = s->text + s->at;
	struct span	 word;

	if (strchr(BLANKS, *p) != NULL) {
		s->at++;
	} else if (*p == '#' || (*p == '/' && (p[1] == '/' || p[1] == '*'))) {
		skip_comment(s);
	} else if (strchr("{}=,", *p) != NULL) {
		take_mark(s);
	} else {
		word = take_word(s);
		if (s->is_value && s->is_wanted)
			s->value = word;
		s->before = s->last;
		s->last = word;
		if (s->is_value)
			s->before = s->last = (struct span){ s->text, 0 };
		s->is_value = s->is_wanted = false;
	}
}

static struct search
find(const char *text, struct conf_edit_place place, const char *setting)
{
	struct search	 s = { .text = text, .place = place,
			    .setting = setting, .before = { text, 0 },
			    .last = { text, 0 } };

	while (text[s.at] != '\0')
		step(&s);
	return s;
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

/* A new line at the end of the section, or, where its brace is not the first
 * of a line, a word more. */
static const char *
insert(struct pool *pool, const struct search *s, const char *setting,
    const char *written)
{
	const char	*text = s->text;
	size_t		 at = s->end;

	while (at > s->begin && (text[at - 1] == ' ' || text[at - 1] == '\t'))
		at--;
	if (text[at - 1] == '\n')
		return pool_printf(pool, "%.*s\t%s = %s\n%s", (int)at, text,
		    setting, written, text + at);
	return pool_printf(pool, "%.*s%s = %s %s", (int)s->end, text, setting,
	    written, text + s->end);
}

static const char *
put(struct pool *pool, const char *text, struct conf_edit_place place,
    const char *setting, const char *written)
{
	struct search	 s = find(text, place, setting);
	size_t		 at;

	if (s.value.p != NULL) {
		at = (size_t)(s.value.p - text);
		return pool_printf(pool, "%.*s%s%s", (int)at, text, written,
		    text + at + s.value.n);
	}
	if (s.end > 0)
		return insert(pool, &s, setting, written);
	return pool_printf(pool, "%s%s%s%s%s {\n\t%s = %s\n}\n", text,
	    *text == '\0' || text[strlen(text) - 1] == '\n' ? "" : "\n",
	    place.section, place.title == NULL ? "" : " ",
	    place.title == NULL ? "" : place.title, setting, written);
}

const char *
conf_edit_set(struct pool *pool, const char *text,
    struct conf_edit_place place, const char *setting, const char *value)
{
	const char	*quoted = quote(pool, value);
	const char	*has = conf_edit_get(pool, text, place, setting);

	if (quoted == NULL)
		return NULL;
	return has != NULL && strcmp(has, value) == 0 ? text :
	    put(pool, text, place, setting, quoted);
}

/* The same but for blanks, commas and quotes. */
static bool
is_same_list(const char *a, const char *b)
{
	static const char	 between[] = BLANKS ",\"'";

	for (;; a++, b++) {
		a += strspn(a, between);
		b += strspn(b, between);
		if (*a != *b)
			return false;
		if (*a == '\0')
			return true;
	}
}

const char *
conf_edit_set_list(struct pool *pool, const char *text,
    struct conf_edit_place place, const char *setting, const char *list)
{
	const char	*has = conf_edit_get(pool, text, place, setting);

	return has != NULL && is_same_list(has, list) ? text :
	    put(pool, text, place, setting, list);
}

const char *
conf_edit_get(struct pool *pool, const char *text,
    struct conf_edit_place place, const char *setting)
{
	struct span	 value = find(text, place, setting).value;

	if (value.p == NULL)
		return NULL;
	if (value.n >= 2 && (*value.p == '"' || *value.p == '\''))
		value = (struct span){ value.p + 1, value.n - 2 };
	return pool_copy(pool, value);
}

const char *
conf_edit_section(struct pool *pool, const char *text,
    struct conf_edit_place place)
{
	struct search	 s = find(text, place, NULL);

	return s.end == 0 ? NULL : pool_printf(pool, "%.*s\n",
	    (int)(s.end + 1 - s.begin), text + s.begin);
}
