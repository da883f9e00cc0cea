/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * mc: see mc.h.
 */
#include "mc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS	" \t"

/* A line of sendmail.mc.  One behind dnl begins with that, and so is nothing
 * that is looked for. */
struct line {
	size_t	 at, len;		/* len with its end */
	bool	 is_active;		/* not thrown away */
};

static size_t
line_len(const char *line)
{
	size_t	 n = strcspn(line, "\n");

	return n + (line[n] == '\n');
}

static bool
begins(const char *line, const char *word)
{
	return strncmp(line, word, strlen(word)) == 0;
}

/* The next line; *is_off_r is remembered between calls: what is diverted to -1
 * is thrown away. */
static bool
next_line(const char *text, struct line *line, bool *is_off)
{
	const char	*p;

	line->at += line->len;
	p = text + line->at;
	if (*p == '\0')
		return false;
	line->len = line_len(p);
	if (begins(p, "divert("))
		*is_off = begins(p, "divert(-1)");
	line->is_active = !*is_off;
	return true;
}

/*
 * Filters of sendmail.mc: "INPUT_MAIL_FILTER(`name', `equates')dnl"
 */

/* The text between the next quotes; *p is behind it.  n 0: none. */
static struct span
quoted(const char **p)
{
	const char	*begin = *p + strcspn(*p, "`\n"), *end;

	if (*begin != '`')
		return (struct span){ *p, 0 };
	begin++;
	end = begin + strcspn(begin, "'\n");
	*p = *end == '\'' ? end + 1 : end;
	return (struct span){ begin, (size_t)(end - begin) };
}

static bool
read_filter(struct pool *pool, const char *line, struct mc_filter *filter_r)
{
	const char	*p = line;
	struct span	 name;

	if (!begins(line, "INPUT_MAIL_FILTER(") &&
	    !begins(line, "MAIL_FILTER("))
		return false;
	name = quoted(&p);
	if (name.n == 0)
		return false;
	filter_r->name = pool_copy(pool, name);
	filter_r->equates = pool_copy(pool, quoted(&p));
	return true;
}

/* How much a filter is the one that is looked for; of several the last one of
 * the most counts. */
enum likeness { ANOTHER, SAME_SOCKET, SAME_NAME };

static enum likeness
compare(struct pool *pool, const struct mc_filter *filter, const char *name,
    const char *socket)
{
	const char	*has = mc_equate(pool, filter->equates, 'S');

	if (strcmp(filter->name, name) == 0)
		return SAME_NAME;
	return has != NULL && strcmp(has, socket) == 0 ? SAME_SOCKET :
	    ANOTHER;
}

bool
mc_find(struct pool *pool, const char *text, const char *name,
    const char *socket, struct mc_filter *filter_r)
{
	struct line		 line = { 0, 0, false };
	struct mc_filter	 filter;
	enum likeness		 is, most = ANOTHER;
	bool			 is_off = false;

	while (next_line(text, &line, &is_off)) {
		if (!line.is_active ||
		    !read_filter(pool, text + line.at, &filter))
			continue;
		is = compare(pool, &filter, name, socket);
		if (is != ANOTHER && is >= most) {
			*filter_r = filter;
			most = is;
		}
	}
	return most != ANOTHER;
}

/*
 * Equates
 */

/* The element of that name; NULL: none.  *len_r is its length. */
static const char *
find_equate(const char *equates, char name, size_t *len_r)
{
	const char	*p = equates;

	while (*p != '\0') {
		p += strspn(p, BLANKS ",");
		*len_r = strcspn(p, ",");
		if (*p == name && p[1 + strspn(p + 1, BLANKS)] == '=')
			return p;
		p += *len_r;
	}
	return NULL;
}

const char *
mc_equate(struct pool *pool, const char *equates, char name)
{
	size_t		 len, n;
	const char	*p = find_equate(equates, name, &len);

	if (p == NULL)
		return NULL;
	n = strcspn(p, "=") + 1;
	n += strspn(p + n, BLANKS);
	while (len > n && strchr(BLANKS, p[len - 1]) != NULL)
		len--;
	return pool_copy(pool, (struct span){ p + n, len > n ? len - n : 0 });
}

const char *
mc_equate_set(struct pool *pool, const char *equates, char name,
    const char *value)
{
	size_t		 len;
	const char	*p = find_equate(equates, name, &len);

	if (p == NULL)
		return pool_printf(pool, "%s%s%c=%s", equates,
		    *equates == '\0' ? "" : ", ", name, value);
	return pool_printf(pool, "%.*s%c=%s%s", (int)(p - equates), equates,
	    name, value, p + len);
}

/*
 * Changing sendmail.mc
 */

struct places {
	size_t	 filter, filter_len;	/* ours; len 0: it has none */
	size_t	 others, mailers;	/* the first ones; SIZE_MAX: none */
	size_t	 list;			/* of confINPUT_MAIL_FILTERS, behind
					 * its quote; SIZE_MAX: none */
};

static void
see_list(const char *text, struct line line, struct places *at)
{
	static const char	 begin[] = "define(`confINPUT_MAIL_FILTERS'";
	const char		*p = text + line.at;

	if (!begins(p, begin))
		return;
	p += sizeof begin - 1;
	p += strspn(p, BLANKS ",\n");
	if (*p == '`')
		at->list = (size_t)(p + 1 - text);
}

static struct places
find_places(struct pool *pool, const char *text,
    const struct mc_filter *filter)
{
	struct places		 at = { 0, 0, SIZE_MAX, SIZE_MAX, SIZE_MAX };
	struct line		 line = { 0, 0, false };
	struct mc_filter	 is;
	enum likeness		 likeness, most = ANOTHER;
	bool			 is_off = false;
	const char		*socket = mc_equate(pool, filter->equates, 'S');

	while (next_line(text, &line, &is_off)) {
		const char	*p = text + line.at;

		if (!line.is_active)
			continue;
		see_list(text, line, &at);
		if (at.mailers == SIZE_MAX && (begins(p, "MAILER(") ||
		    begins(p, "MAILER_DEFINITIONS")))
			at.mailers = line.at;
		if (!read_filter(pool, p, &is))
			continue;
		likeness = compare(pool, &is, filter->name, socket);
		if (likeness != ANOTHER && likeness >= most) {
			at.filter = line.at;
			at.filter_len = line.len;
			most = likeness;
		} else if (likeness == ANOTHER && at.others == SIZE_MAX) {
			at.others = line.at;
		}
	}
	return at;
}

/* True if a list, which ends at its quote, has that name. */
static bool
lists(const char *list, const char *name)
{
	const char	*end = list + strcspn(list, "'");
	size_t		 n;

	for (; list < end; list += n) {
		list += strspn(list, BLANKS ",\n");
		n = strcspn(list, BLANKS ",'\n");
		if (span_eq((struct span){ list, n }, name))
			return true;
	}
	return false;
}

static const char *
insert(struct pool *pool, const char *text, size_t at, size_t len,
    const char *new)
{
	return pool_printf(pool, "%.*s%s%s", (int)at, text, new,
	    text + at + len);
}

const char *
mc_put(struct pool *pool, const char *text, const struct mc_filter *filter)
{
	struct places	 at = find_places(pool, text, filter);
	const char	*line, *gap = "";
	size_t		 begin;

	line = pool_printf(pool, "%sMAIL_FILTER(`%s', `%s')dnl\n",
	    at.list == SIZE_MAX ? "INPUT_" : "", filter->name,
	    filter->equates);
	begin = at.filter_len > 0 ? at.filter : at.others != SIZE_MAX ?
	    at.others : at.mailers != SIZE_MAX ? at.mailers : strlen(text);
	if (begin > 0 && text[begin - 1] != '\n')
		gap = "\n";
	if (at.list == SIZE_MAX || lists(text + at.list, filter->name))
		return insert(pool, text, begin, at.filter_len, pool_printf(
		    pool, "%s%s", gap, line));
	/* The one that stands behind is changed first. */
	if (at.list > begin)
		return insert(pool, insert(pool, text, at.list, 0, pool_printf(
		    pool, "%s, ", filter->name)), begin, at.filter_len, line);
	return insert(pool, insert(pool, text, begin, at.filter_len,
	    pool_printf(pool, "%s%s", gap, line)), at.list, 0,
	    pool_printf(pool, "%s, ", filter->name));
}

/*
 * sendmail.cf
 */

static const char	 input_filters[] = "O InputMailFilters=";

bool
mc_cf_find(struct pool *pool, const char *text, const char *name,
    const char *socket, struct mc_filter *filter_r)
{
	struct mc_filter	 filter;
	enum likeness		 is, most = ANOTHER;
	size_t			 len, n;

	for (; *text != '\0'; text += len) {
		len = line_len(text);
		n = strcspn(text, ", \t\n");
		if (*text != 'X' || n < 2 || n >= len)
			continue;
		filter.name = pool_copy(pool, (struct span){ text + 1, n - 1 });
		filter.equates = pool_copy(pool, (struct span){ text + n,
		    strcspn(text + n, "\n") });
		is = compare(pool, &filter, name, socket);
		if (is != ANOTHER && is >= most) {
			*filter_r = filter;
			most = is;
		}
	}
	return most != ANOTHER;
}

int
mc_cf_position(struct pool *pool, const char *text, const char *name)
{
	const char		*list = NULL, *end;
	size_t			 n;
	int			 i;

	for (; *text != '\0'; text += line_len(text))
		if (begins(text, input_filters))
			list = text + sizeof input_filters - 1;
	if (list == NULL)
		return -1;
	end = list + strcspn(list, "\n");
	for (i = 0; list < end; list += n, i++) {
		list += strspn(list, BLANKS ",");
		n = strcspn(list, BLANKS ",\n");
		if (strcmp(pool_copy(pool, (struct span){ list, n }), name) ==
		    0)
			return i;
	}
	return -1;
}

/* The line of that list without that one; "": it is the only one. */
static const char *
list_without(struct pool *pool, const char *list, const char *name)
{
	const char	*left = "";
	struct span	 one;

	for (;;) {
		list += strspn(list, BLANKS ",");
		one = (struct span){ list, strcspn(list, BLANKS ",") };
		if (one.n == 0)
			return left;
		list += one.n;
		if (!span_eq(one, name))
			left = pool_printf(pool, "%s%.*s", *left == '\0' ?
			    input_filters : pool_printf(pool, "%s, ", left),
			    (int)one.n, one.p);
	}
}

/* The next line that is no comment, and nothing of that filter; NULL: none. */
static const char *
next_said(struct pool *pool, const char **text, const char *name)
{
	const char	*line, *own = pool_printf(pool, "X%s,", name);

	for (; **text != '\0'; *text += line_len(*text)) {
		if (strchr("#\n", **text) != NULL ||
		    (*name != '\0' && begins(*text, own)))
			continue;
		line = pool_copy(pool, (struct span){ *text,
		    strcspn(*text, "\n") });
		if (begins(line, input_filters) && *name != '\0')
			line = list_without(pool, line +
			    sizeof input_filters - 1, name);
		if (*line == '\0')
			continue;
		*text += line_len(*text);
		return line;
	}
	return NULL;
}

bool
mc_cf_same(struct pool *pool, const char *a, const char *b, const char *name,
    const char **line_r)
{
	const char	*of_a, *of_b;

	do {
		of_a = next_said(pool, &a, name);
		of_b = next_said(pool, &b, name);
		if (of_a == NULL && of_b == NULL)
			return true;
	} while (of_a != NULL && of_b != NULL && strcmp(of_a, of_b) == 0);
	*line_r = of_b != NULL ? of_b : of_a;
	return false;
}
