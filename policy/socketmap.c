/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * socketmap: see socketmap.h.  The protocol's words stand in two tables, one
 * for each way.  Nothing is ever cut: a value that lacks its end is another
 * value.
 */
#include "socketmap.h"

#include <ctype.h>

#include "base/netstring.h"

#define LISTENER_MAX	64
#define NAME_MAX_SHOWN	128

static const char *const map_names[SOCKETMAP_COUNT] = {
	[SOCKETMAP_XCLIENT] = "xclient",
	[SOCKETMAP_XFORWARD] = "xforward",
	[SOCKETMAP_COMMAND] = "command",
	[SOCKETMAP_MILTERS] = "milters",
	[SOCKETMAP_PROFILE] = "profile",
};

/* The blank behind NOTFOUND is part of the protocol. */
static const char *const status_words[] = {
	[SOCKETMAP_OK] = "OK ",
	[SOCKETMAP_NOTFOUND] = "NOTFOUND ",
	[SOCKETMAP_TEMP] = "TEMP ",
	[SOCKETMAP_PERM] = "PERM ",
};

const char *
socketmap_map_text(enum socketmap_map map)
{
	return map_names[map];
}

static bool
listener_valid(struct span name)
{
	size_t	 i;

	if (name.n == 0 || name.n > LISTENER_MAX)
		return false;
	for (i = 0; i < name.n; i++)
		if (!isalnum((unsigned char)name.p[i]) && name.p[i] != '-' &&
		    name.p[i] != '_')
			return false;
	return true;
}

bool
socketmap_parse(struct span body, struct socketmap_request *request_r)
{
	struct socketmap_request request = { .listener = { body.p, 0 } };
	const char		*blank, *dot;
	struct span		 map;
	int			 i;

	blank = span_find(body, ' ');
	if (blank == NULL || span_has(body, '\0'))
		return false;
	map = (struct span){ body.p, (size_t)(blank - body.p) };
	request.key = span_skip(body, map.n + 1);
	dot = span_find(map, '.');
	if (dot != NULL) {
		request.listener = span_skip(map, (size_t)(dot - map.p) + 1);
		if (!listener_valid(request.listener))
			return false;
		map.n = (size_t)(dot - map.p);
	}
	for (i = 0; i < SOCKETMAP_COUNT; i++) {
		if (!span_eq(map, map_names[i]))
			continue;
		request.map = (enum socketmap_map)i;
		*request_r = request;
		return true;
	}
	return false;
}

bool
socketmap_name(struct span body, struct span *name_r)
{
	const char	*blank = span_find(body, ' ');
	size_t		 i, n;

	if (span_has(body, '\0') || blank == NULL)
		return false;
	n = (size_t)(blank - body.p);
	if (n == 0 || n > NAME_MAX_SHOWN)
		return false;
	for (i = 0; i < n; i++)
		if (body.p[i] <= ' ' || body.p[i] > '~')
			return false;
	*name_r = (struct span){ body.p, n };
	return true;
}

size_t
socketmap_reply(enum socketmap_result result, const char *text, char *buf,
    size_t size)
{
	char	 body[SOCKETMAP_TEXT_MAX + sizeof "NOTFOUND "];
	size_t	 word_len = strlen(status_words[result]), text_len;

	text_len = text == NULL ? 0 : strlen(text);
	if (text_len > SOCKETMAP_TEXT_MAX)
		return 0;
	memcpy(body, status_words[result], word_len);
	if (text_len > 0)
		memcpy(body + word_len, text, text_len);
	return netstring_write((struct span){ body, word_len + text_len },
	    buf, size);
}
