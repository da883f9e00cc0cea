/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * cf: see cf.h.  A line that begins with a blank continues the one above it;
 * comments and empty lines may stand between the two (postconf(5),
 * master(5)).
 */
#include "cf.h"

#include <string.h>

#define BLANKS	" \t\r\v\f"
#define FIELDS	8		/* of an entry, its command being the last */

enum kind { COMMENT, BEGIN, MORE };

/* Where something stands in a text. */
struct range {
	size_t	 begin, end;
};

static enum kind
kind_of(const char *line)
{
	const char	*p = line + strspn(line, BLANKS);

	if (*p == '#' || *p == '\n' || *p == '\0')
		return COMMENT;
	return p == line ? BEGIN : MORE;
}

/* Its length, with its end. */
static size_t
line_len(const char *line)
{
	size_t	 n = strcspn(line, "\n");

	return n + (line[n] == '\n');
}

/* From the line at begin to the last one that continues it. */
static size_t
end_of(const char *text, size_t begin)
{
	size_t	 at = begin + line_len(text + begin), end = at;

	while (text[at] != '\0' && kind_of(text + at) != BEGIN) {
		if (kind_of(text + at) == MORE)
			end = at + line_len(text + at);
		at += line_len(text + at);
	}
	return end;
}

typedef bool	is_it(const char *line, const char *a, const char *b);

/* The last one that is it.  False: there is none. */
static bool
find(const char *text, is_it *is, const char *a, const char *b,
    struct range *range_r)
{
	size_t	 at;
	bool	 is_found = false;

	for (at = 0; text[at] != '\0'; at += line_len(text + at))
		if (kind_of(text + at) == BEGIN && is(text + at, a, b)) {
			*range_r = (struct range){ at, end_of(text, at) };
			is_found = true;
		}
	return is_found;
}

/*
 * What replaces a range; at the end of the text, which then ends its last line
 * first.  Comments that stand between the replaced lines stay, behind.
 */
static const char *
replace(struct pool *pool, const char *text, struct range range,
    const char *new)
{
	const char	*gap = range.begin > 0 && range.begin == range.end &&
			    text[range.begin - 1] != '\n' ? "\n" : "";
	char		*kept = pool_alloc(pool, range.end - range.begin + 1);
	size_t		 at, len, n = 0;

	for (at = range.begin; at < range.end; at += len) {
		len = line_len(text + at);
		if (kind_of(text + at) == COMMENT) {
			memcpy(kept + n, text + at, len);
			n += len;
		}
	}
	return pool_printf(pool, "%.*s%s%s%s%s", (int)range.begin, text, gap,
	    new, kept, text + range.end);
}

/*
 * main.cf
 */

static bool
is_setting(const char *line, const char *name, const char *unused)
{
	size_t	 n = strlen(name);

	(void)unused;
	if (strncmp(line, name, n) != 0)
		return false;
	line += n;
	return line[strspn(line, BLANKS)] == '=';
}

const char *
cf_set(struct pool *pool, const char *text, const char *name,
    const char *value)
{
	size_t		 end = strlen(text);
	struct range	 range = { end, end };

	(void)find(text, is_setting, name, NULL, &range);
	return replace(pool, text, range, pool_printf(pool, "%s = %s\n",
	    name, value));
}

/*
 * master.cf
 */

/* True if the word at *p is that; *p is behind it, and the blanks. */
static bool
is_word(const char **p, const char *word)
{
	size_t	 n = strcspn(*p, BLANKS "\n");
	bool	 is = span_eq((struct span){ *p, n }, word);

	*p += n;
	*p += strspn(*p, BLANKS);
	return is;
}

static bool
is_entry(const char *line, const char *name, const char *type)
{
	return is_word(&line, name) && is_word(&line, type);
}

const char *
cf_put_entry(struct pool *pool, const char *text, const char *name,
    const char *type, const char *entry)
{
	size_t		 end = strlen(text);
	struct range	 range = { end, end };

	(void)find(text, is_entry, name, type, &range);
	return replace(pool, text, range, entry);
}

const char *
cf_entry(struct pool *pool, const char *text, const char *name,
    const char *type)
{
	struct range	 range;

	if (!find(text, is_entry, name, type, &range))
		return NULL;
	return pool_copy(pool, (struct span){ text + range.begin,
	    range.end - range.begin });
}

const char *
cf_option(struct pool *pool, const char *name, const char *value)
{
	return pool_printf(pool, "  -o { %s =%s%s }\n", name,
	    *value == '\n' || *value == '\0' ? "" : " ", value);
}

/* An entry as Postfix sees it, without its comments, and where each byte
 * stands. */
struct logical {
	char	*text;
	size_t	*at;
	size_t	 len;
};

static struct logical
join(struct pool *pool, const char *text, struct range range)
{
	size_t		 n = range.end - range.begin, at, len, i;
	struct logical	 whole = { pool_alloc(pool, n + 1),
			    pool_alloc(pool, (n + 1) * sizeof(size_t)), 0 };

	for (at = range.begin; at < range.end; at += len) {
		len = line_len(text + at);
		for (i = 0; i < len && kind_of(text + at) != COMMENT; i++) {
			whole.at[whole.len] = at + i;
			whole.text[whole.len++] = text[at + i];
		}
	}
	return whole;
}

/* The next word; what is in braces is one.  False: there is none. */
static bool
next_word(const struct logical *whole, size_t *pos, struct range *word_r)
{
	size_t	 p = *pos + strspn(whole->text + *pos, BLANKS "\n");
	int	 level = 0;

	if (whole->text[p] == '\0')
		return false;
	word_r->begin = p;
	for (; whole->text[p] != '\0'; p++) {
		if (whole->text[p] == '{')
			level++;
		else if (whole->text[p] == '}' && level > 0)
			level--;
		else if (level == 0 &&
		    strchr(BLANKS "\n", whole->text[p]) != NULL)
			break;
	}
	*pos = word_r->end = p;
	return true;
}

/* True if "name=value", in braces or not, says one of them. */
static bool
says_one(const char *assignment, const char *const settings[])
{
	const char	*p = assignment + strspn(assignment, "{" BLANKS "\n");
	size_t		 n = strcspn(p, "=" BLANKS "\n}"), i;

	for (i = 0; settings[i] != NULL; i++)
		if (span_eq((struct span){ p, n }, settings[i]))
			return true;
	return false;
}

/* Marks the bytes of each -o that says one of them, and the blanks behind. */
static void
mark(const struct logical *whole, const char *const settings[], bool *is_gone)
{
	struct range	 word, value;
	size_t		 pos = 0, i;
	int		 n = 0;

	while (next_word(whole, &pos, &word)) {
		if (n++ < FIELDS ||
		    strncmp(whole->text + word.begin, "-o", 2) != 0)
			continue;
		value = (struct range){ word.begin + 2, word.end };
		if (value.begin == value.end && !next_word(whole, &pos, &value))
			return;
		value.end += strspn(whole->text + value.end, BLANKS);
		if (says_one(whole->text + value.begin, settings))
			for (i = word.begin; i < value.end; i++)
				is_gone[whole->at[i]] = true;
	}
}

/* The lines of a range without those bytes; a line of which nothing else was
 * there is gone, too. */
static const char *
without(struct pool *pool, const char *text, struct range range,
    const bool *is_gone)
{
	char	*left = pool_alloc(pool, range.end - range.begin + 1);
	size_t	 at, len, i, n = 0, begin;
	bool	 is_changed;

	for (at = range.begin; at < range.end; at += len) {
		len = line_len(text + at);
		begin = n;
		is_changed = false;
		for (i = at; i < at + len; i++) {
			is_changed |= is_gone[i];
			if (!is_gone[i])
				left[n++] = text[i];
		}
		if (is_changed && strspn(left + begin, BLANKS "\n") ==
		    n - begin) {
			memset(left + begin, 0, n - begin);
			n = begin;
		}
	}
	return left;
}

const char *
cf_override(struct pool *pool, const char *text, const char *name,
    const char *type, const char *const settings[], const char *lines)
{
	struct range	 range;
	bool		*is_gone;
	struct logical	 whole;
	const char	*left;

	if (!find(text, is_entry, name, type, &range))
		return NULL;
	is_gone = pool_alloc(pool, range.end + 1);
	whole = join(pool, text, range);
	mark(&whole, settings, is_gone);
	left = without(pool, text, range, is_gone);
	return pool_printf(pool, "%.*s%s%s%s%s", (int)range.begin, text, left,
	    *left != '\0' && left[strlen(left) - 1] == '\n' ? "" : "\n",
	    lines, text + range.end);
}

/*
 * A frequent mistake
 */

static bool
looks_like_entry(const char *line)
{
	static const char *const	 types[] = { "inet", "unix", "unix-dgram",
					    "fifo", "pass" };
	const char			*p = line + strspn(line, BLANKS), *type;
	size_t				 i;

	if (*p == '-')
		return false;
	p += strcspn(p, BLANKS "\n");
	p += strspn(p, BLANKS);
	for (i = 0; i < sizeof types / sizeof types[0]; i++) {
		type = p;
		if (is_word(&type, types[i]) && strchr("yn-", *type) != NULL)
			return true;
	}
	return false;
}

unsigned
cf_find_swallowed(const char *text)
{
	unsigned	 line = 1;
	size_t		 at;

	for (at = 0; text[at] != '\0'; at += line_len(text + at), line++)
		if (kind_of(text + at) == MORE && looks_like_entry(text + at))
			return line;
	return 0;
}
