/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_brace: lists of tables, of rules and of name=value in braces, as they
 * stand in a spec.
 */
#include "table/table_private.h"

bool
table_isspace(int c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool
table_isalnum(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z');
}

char *
table_trim(char *s)
{
	size_t	 n = strlen(s);

	while (n > 0 && table_isspace(s[n - 1]))
		n--;
	s[n] = '\0';
	while (table_isspace(*s))
		s++;
	return s;
}

size_t
table_brace_len(const char *s)
{
	size_t	 i;
	int	 level = 0;

	for (i = 0; s[i] != '\0'; i++) {
		if (s[i] == '{')
			level++;
		else if (s[i] == '}')
			level--;
		if (level == 0)
			return s[0] == '{' ? i + 1 : 0;
	}
	return 0;
}

/* Narrower than table_isspace: Postfix's list separators. */
static bool
is_separator(int c)
{
	return c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

char *
table_brace_token(char **list)
{
	char	*token = *list, *p;
	int	 level = 0;

	while (is_separator(*token))
		token++;
	for (p = token; *p != '\0'; p++) {
		if (*p == '{')
			level++;
		else if (*p == '}')
			level--;
		else if (level == 0 && is_separator(*p))
			break;
	}
	*list = p;
	if (*p != '\0')
		*(*list)++ = '\0';
	return *token == '\0' ? NULL : token;
}

char *
table_brace_strip(char *text, struct err *err)
{
	size_t	 n;

	if (*text != '{') {
		(void)err_set(err, "\"%.60s\": expected \"{\" at the start",
		    text);
		return NULL;
	}
	if ((n = table_brace_len(text)) == 0) {
		(void)err_set(err, "\"%.60s\": a \"}\" is missing", text);
		return NULL;
	}
	if (text[n] != '\0') {
		(void)err_set(err, "\"%.60s\": text after the closing \"}\"",
		    text);
		return NULL;
	}
	text[n - 1] = '\0';
	return table_trim(text + 1);
}
