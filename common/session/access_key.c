/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * access_key: see access_key.h.  All keys lie one behind the other in one text,
 * made once for a question, so that a map costs no memory.  A key that does not
 * fit would be a rule that is not asked, so the room is the most that a session
 * can have.
 */
#include "session/access_key.h"

#include <string.h>

#include "table/table.h"

/* Room is never short: what may be long is limited where it is read. */
static void
put(struct access_keys *keys, struct span text)
{
	size_t	 room = sizeof keys->text - keys->used;

	if (text.n > room)
		text.n = room;
	span_copy(keys->text + keys->used, text);
	keys->used += text.n;
}

/* What is not UTF-8 is in no table: who may choose the value would not be asked
 * about at all, were it not for this. */
static void
put_value(struct access_keys *keys, struct span value)
{
	size_t	 i, start = keys->used;

	put(keys, value);
	if (table_is_utf8(value))
		return;
	for (i = start; i < keys->used; i++)
		if ((unsigned char)keys->text[i] >= 0x80)
			keys->text[i] = '?';
}

/* Adds the key "prefix" "name" "=" "value". */
static void
add(struct access_keys *keys, const char *prefix, const char *name,
    struct span value)
{
	size_t	 start = keys->used;

	put(keys, span_of(prefix));
	put(keys, span_of(name));
	put(keys, span_of("="));
	put_value(keys, value);
	keys->v[keys->n++] =
	    (struct span){ keys->text + start, keys->used - start };
}

static void
add_view(struct access_keys *keys, const char *prefix,
    const struct context_view *view)
{
	unsigned	 i;

	for (i = 0; i < view->n; i++)
		add(keys, prefix, view->v[i].name, view->v[i].value);
}

static void
add_address(struct access_keys *keys, const char *name,
    const struct address *addr)
{
	char	 text[ADDRESS_TEXT_SIZE];

	if (addr->family != AF_UNSPEC)
		add(keys, "", name, span_of(address_format(addr, text,
		    sizeof text)));
}

void
access_keys_make(struct access_keys *keys, const struct session *s,
    const struct context_view *connection,
    const struct context_view *message, struct span client,
    struct span login)
{
	const struct context_item	*user;

	keys->n = 0;
	keys->used = 0;
	if (s != NULL)
		add_view(keys, "context.", connection);
	add_view(keys, "message.", message);
	if (s == NULL) {
		if (client.n > 0)
			add(keys, "", "client", client);
		if (login.n > 0)
			add(keys, "", "login", login);
		return;
	}
	if (s->profile != NULL)
		add(keys, "", "profile", span_of(s->profile));
	add_address(keys, "peer", &s->peer);
	add_address(keys, "client", &s->client);
	user = context_view_find(connection,
	    context_name_of_builtin(CONTEXT_AUTH_USER));
	if (user != NULL)
		add(keys, "", "login", user->value);
}
