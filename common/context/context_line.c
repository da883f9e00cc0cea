/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * context_line: see context_line.h.  What a name and a value may be is checked
 * in one place, whoever adds the pair; a line is only split and decoded here.
 */
#include "context/context_line.h"

#include <stdint.h>
#include <stdio.h>

#include "base/xtext.h"

#define QUOTE_MAX	64	/* bytes of hostile text in an error */

/*
 * Bytes as they may stand in an error text: what is not printable ASCII as
 * \xHH, cut after QUOTE_MAX bytes.
 */
static const char *
quote(struct span text, char buf[QUOTE_MAX * 4 + 4])
{
	char	*to = buf;
	size_t	 i;

	for (i = 0; i < text.n && i < QUOTE_MAX; i++)
		if (text.p[i] >= 32 && text.p[i] <= 126 &&
		    text.p[i] != '\\' && text.p[i] != '"')
			*to++ = text.p[i];
		else
			to += sprintf(to, "\\x%02X", (unsigned char)text.p[i]);
	memcpy(to, i < text.n ? "..." : "", i < text.n ? 4 : 1);
	return buf;
}

/* For a pair whose name is valid; it is told in small letters by to. */
static bool
refuse(struct err *err, struct span name, const char *expected,
    struct span got)
{
	char	 buf[QUOTE_MAX * 4 + 4];

	(void)err_set(err, "%.*s: expected %s, got \"%s\"", (int)name.n, name.p,
	    expected, quote(got, buf));
	return false;
}

/* ASCII only, whatever the locale. */
static char
small(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
is_name_char(char c)
{
	c = small(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	    c == '.' || c == '_' || c == '-';
}

static bool
is_name(struct span name)
{
	size_t	 i;

	for (i = 0; i < name.n; i++)
		if (!is_name_char(name.p[i]))
			return false;
	return name.n > 0 && name.n <= CONTEXT_NAME_MAX;
}

/* How many bytes a UTF-8 character has that begins so; 0: none does. */
static size_t
utf8_len(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	return c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/*
 * Takes the character at the front of *rest.  False: it is none (RFC 3629):
 * cut short, overlong, a surrogate, or above U+10FFFF.
 */
static bool
next_char(struct span *rest, uint32_t *c_r)
{
	static const uint32_t	 least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char	*p = (const unsigned char *)rest->p;
	size_t			 i, len = utf8_len(p[0]);
	uint32_t		 c;

	if (len == 0 || len > rest->n)
		return false;
	c = len == 1 ? p[0] : p[0] & (0x7fU >> len);
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return false;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return false;
	*rest = span_skip(*rest, len);
	*c_r = c;
	return true;
}

/*
 * What could end or begin a line somewhere, or change how the text around it
 * is shown: controls, and of the format characters (Unicode's Cf) all that
 * turn the direction of writing or are not seen.  The joiners U+200C and
 * U+200D some languages cannot do without.
 */
static bool
is_control(uint32_t c)
{
	static const struct {
		uint32_t	 first, last;
	} ranges[] = {
		{ 0, 0x1f }, { 0x7f, 0x9f },		/* C0, DEL, C1 */
		{ 0xad, 0xad },				/* soft hyphen */
		{ 0x61c, 0x61c }, { 0x180e, 0x180e },
		{ 0x200b, 0x200b }, { 0x200e, 0x200f },
		{ 0x2028, 0x202e },	/* separators, embeddings, overrides */
		{ 0x2060, 0x206f },			/* isolates */
		{ 0xfeff, 0xfeff }, { 0xfff9, 0xfffb },
		{ 0xe0000, 0xe007f }			/* tags */
	};
	size_t	 i;

	for (i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

static bool
is_value(struct span value)
{
	uint32_t	 c;

	while (value.n > 0)
		if (!next_char(&value, &c) || is_control(c))
			return false;
	return true;
}

static bool
has_name(const struct context_line *line, const char *name, size_t len)
{
	unsigned	 i;

	for (i = 0; i < line->n; i++)
		if (line->v[i].name_len == len &&
		    memcmp(line->v[i].name, name, len) == 0)
			return true;
	return false;
}

static bool
check_name(const struct context_line *line, struct span name, struct err *err)
{
	char	 buf[QUOTE_MAX * 4 + 4];

	if (is_name(name))
		return true;
	(void)err_set(err, "pair %u: \"%s\" is no name, expected 1 to %d of "
	    "A-Z a-z 0-9 . _ -", line->n + 1, quote(name, buf),
	    CONTEXT_NAME_MAX);
	return false;
}

static bool
too_long(struct span name, struct err *err)
{
	(void)err_set(err, "%.*s: the value is over %d bytes", (int)name.n,
	    name.p, CONTEXT_VALUE_MAX);
	return false;
}

static bool
check_room(const struct context_line *line, struct span name,
    struct span value, struct err *err)
{
	if (line->n == CONTEXT_LINE_PAIRS)
		(void)err_set(err, "%.*s: expected at most %d pairs in a line",
		    (int)name.n, name.p, CONTEXT_LINE_PAIRS);
	else if (name.n + value.n + 2 > sizeof line->text - line->used)
		(void)err_set(err, "%.*s: expected a shorter line", (int)name.n,
		    name.p);
	else
		return true;
	return false;
}

/* The name in small letters behind what is used of the text. */
static char *
put_name(struct context_line *line, struct span name)
{
	char	*to = line->text + line->used;
	size_t	 i;

	for (i = 0; i < name.n; i++)
		to[i] = small(name.p[i]);
	to[name.n] = '\0';
	return to;
}

bool
context_line_add(struct context_line *line, struct span name,
    struct span value, struct err *err)
{
	char	*text;

	if (!check_name(line, name, err))
		return false;
	if (value.n > CONTEXT_VALUE_MAX)
		return too_long(name, err);
	if (!is_value(value))
		return refuse(err, name, "UTF-8 without control characters",
		    value);
	if (!check_room(line, name, value, err))
		return false;
	text = put_name(line, name);
	if (has_name(line, text, name.n))
		return refuse(err, name, "it once", value);
	line->v[line->n++] = (struct context_assignment){
		.name = text, .name_len = name.n,
		.value = text + name.n + 1, .value_len = value.n
	};
	text += name.n + 1;
	span_copy(text, value);
	text[value.n] = '\0';
	line->used += name.n + value.n + 2;
	return true;
}

static bool
parse_token(struct context_line *line, struct span token, struct err *err)
{
	char			 buf[QUOTE_MAX * 4 + 4];
	char			 value[CONTEXT_VALUE_MAX];
	const char		*equals = span_find(token, '=');
	struct span		 name, text = { value, 0 };
	enum xtext_result	 result;

	if (equals == NULL) {
		(void)err_set(err, "pair %u: expected name=value, got \"%s\"",
		    line->n + 1, quote(token, buf));
		return false;
	}
	name = (struct span){ token.p, (size_t)(equals - token.p) };
	if (!check_name(line, name, err))
		return false;
	token = span_skip(token, name.n + 1);
	result = xtext_decode(token, XTEXT_STRICT, value, sizeof value,
	    &text.n);
	if (result == XTEXT_TOO_LONG)
		return too_long(name, err);
	if (result != XTEXT_OK)
		return refuse(err, name, "xtext (RFC 3461)", token);
	return context_line_add(line, name, text, err);
}

bool
context_line_parse(struct span args, struct context_line *line_r,
    struct err *err)
{
	struct span	 rest = args, token;

	line_r->n = 0;
	line_r->used = 0;
	while (span_word(&rest, &token))
		if (!parse_token(line_r, token, err))
			return false;
	if (line_r->n == 0)
		(void)err_set(err, "expected name=value, got nothing");
	return line_r->n > 0;
}

/* What does not fit is cut. */
static size_t
append(char *buf, size_t size, size_t used, const char *text, size_t n)
{
	if (n > size - 1 - used)
		n = size - 1 - used;
	memcpy(buf + used, text, n);
	buf[used + n] = '\0';
	return used + n;
}

static void
print(const struct context_line *line, bool with_values, char *buf,
    size_t size)
{
	size_t		 used = 0;
	unsigned	 i;

	buf[0] = '\0';
	for (i = 0; i < line->n; i++) {
		const struct context_assignment	*a = &line->v[i];

		if (i > 0)
			used = append(buf, size, used, " ", 1);
		used = append(buf, size, used, a->name, a->name_len);
		if (!with_values)
			continue;
		used = append(buf, size, used, "=", 1);
		used = append(buf, size, used, a->value, a->value_len);
	}
}

void
context_line_names(const struct context_line *line, char *buf, size_t size)
{
	print(line, false, buf, size);
}

void
context_line_pairs(const struct context_line *line, char *buf, size_t size)
{
	print(line, true, buf, size);
}
