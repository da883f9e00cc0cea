/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * received_text: see received_text.h.  Each byte is looked at a fixed number of
 * times, however comments nest.
 */
#include "received/received_text.h"

/* Also the ends of lines that are folded. */
static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool
received_text_valid(struct span s)
{
	size_t	 i;

	for (i = 0; i < s.n; i++) {
		unsigned char	 c = (unsigned char)s.p[i];
		char		 next = i + 1 < s.n ? s.p[i + 1] : '\0';

		if (c == '\r' && next == '\n')
			continue;
		if (c == '\n' && (next == ' ' || next == '\t'))
			continue;
		if ((c < 32 && c != '\t') || c == 127)
			return false;
	}
	return true;
}

static struct span
skip_blanks(struct span s)
{
	while (s.n > 0 && is_blank(s.p[0]))
		s = span_skip(s, 1);
	return s;
}

/* The length of the comment at the front of s; 0: it does not end. */
static size_t
comment_len(struct span s)
{
	size_t	 i, depth = 0;

	for (i = 0; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '(')
			depth++;
		else if (s.p[i] == ')' && --depth == 0)
			return i + 1;
	}
	return 0;
}

static size_t
quoted_len(struct span s)
{
	size_t	 i;

	for (i = 1; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			return i + 1;
	}
	return 0;
}

static size_t
word_len(struct span s)
{
	size_t	 i = 0;

	while (i < s.n && !is_blank(s.p[i]) &&
	    strchr("()\";\\", s.p[i]) == NULL)
		i++;
	return i;
}

struct received_item
received_item_next(struct span *rest)
{
	struct received_item	 item = { RECEIVED_END, skip_blanks(*rest) };
	size_t			 len;

	if (item.text.n == 0)
		return item;
	switch (item.text.p[0]) {
	case '(':
		item.kind = RECEIVED_COMMENT;
		len = comment_len(item.text);
		break;
	case '"':
		item.kind = RECEIVED_QUOTED;
		len = quoted_len(item.text);
		break;
	case ';':
		item.kind = RECEIVED_SEMICOLON;
		len = 1;
		break;
	default:
		item.kind = RECEIVED_WORD;
		len = word_len(item.text);
	}
	if (len == 0)
		return (struct received_item){ .kind = RECEIVED_UNBALANCED };
	*rest = span_skip(item.text, len);
	item.text.n = len;
	if (item.kind == RECEIVED_COMMENT || item.kind == RECEIVED_QUOTED)
		item.text = (struct span){ item.text.p + 1, len - 2 };
	return item;
}

bool
received_item_is(const struct received_item *item, const char *word)
{
	return item->kind == RECEIVED_WORD && span_caseeq(item->text, word);
}

bool
received_text_hides_by(struct span s)
{
	struct span	 rest;
	size_t		 i;

	for (i = 0; i < s.n; i++) {
		if (s.p[i] != ')' && s.p[i] != ']')
			continue;
		rest = skip_blanks(span_skip(s, i + 1));
		if (span_casebegins(rest, "by") && rest.n > 2 &&
		    is_blank(rest.p[2]))
			return true;
	}
	return false;
}

struct span
received_token_next(struct span *rest)
{
	struct span	 token = skip_blanks(*rest);
	size_t		 len = 0;

	if (token.n > 0 && token.p[0] == '(')
		len = comment_len(token);
	else
		while (len < token.n && !is_blank(token.p[len]) &&
		    token.p[len] != '(')
			len++;
	*rest = span_skip(token, len);
	token.n = len;
	return token;
}
