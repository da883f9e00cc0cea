/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_sessions: sessions and revocations to put into the store of
 * store_fixture.h, and what is seen of them there.
 */
#ifndef XC_T_STORE_SESSIONS_H
#define XC_T_STORE_SESSIONS_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_fixture.h"

#define SIZE_MIB	8
#define WHAT_SIZE	128		/* of a revocation */

/*
 * Sessions
 */

/* A session of that process, client ("" is none) and length of override. */
static inline void
make(struct session *s, pid_t pid, const char *id, const char *client,
    size_t len)
{
	char	*line = calloc(1, len + 1);

	must(line != NULL);
	memset(line, 'x', len);
	session_init(s);
	(void)snprintf(s->id, sizeof s->id, "%s", id);
	s->pid = pid;
	s->pid_start = 1000 + (uint64_t)pid;
	s->peer = addr_of("192.0.2.1");
	s->client = addr_of(client);
	must(session_set_text(&s->override, len == 0 ? NULL : line));
	free(line);
}

static inline int
try_put(struct store *to, pid_t pid, const char *id, const char *client,
    size_t len)
{
	struct session	 s;
	int		 rc;

	make(&s, pid, id, client, len);
	rc = store_put(to, &s, &err);
	session_clear(&s);
	return rc;
}

static inline void
put(pid_t pid, const char *id, const char *client)
{
	err.text[0] = '\0';
	ck_assert_msg(try_put(store, pid, id, client, 0) == 0, "%s",
	    err.text);
}

/* The id of the process's session, "" if there is none. */
static inline const char *
id_of(struct store *from, pid_t pid)
{
	static char		 id[ULID_SIZE];
	struct session		 s;
	enum store_result	 result;

	session_init(&s);
	result = store_get(from, pid, &s, &err);
	must(result != STORE_CANNOT_TELL);
	must(result == STORE_FOUND ? s.pid == pid : s.id[0] == '\0');
	memcpy(id, s.id, sizeof id);
	session_clear(&s);
	return id;
}

/* What a walk saw: ids, sorted by process, with a blank behind each. */
struct seen {
	char	ids[256];
	int	left;		/* calls until fn says stop; 0: never */
};

static inline bool
see(const struct session *s, void *arg)
{
	struct seen	*seen = arg;

	(void)strcat(strcat(seen->ids, s->id), " ");
	return seen->left == 0 || --seen->left > 0;
}

static inline void
check_clients(const char *client, const char *want)
{
	struct address		 addr = addr_of(client);
	struct seen		 seen = { .left = 0 };
	enum store_result	 got;

	got = store_find_client(store, &addr, see, &seen, &err);
	ck_assert_msg(got == (*want == '\0' ? STORE_NONE : STORE_FOUND),
	    "%s: got %d", client, got);
	ck_assert_msg(strcmp(seen.ids, want) == 0, "%s: got \"%s\", want "
	    "\"%s\"", client, seen.ids, want);
}

/*
 * Revocations
 */

static inline bool
see_first(const struct store_revocation *seen, void *arg)
{
	(void)snprintf(arg, WHAT_SIZE, "%s", seen->what);
	return false;
}

static inline bool
is_revoked(struct store *in, const char *peer, const char *profile,
    uint64_t now_ms)
{
	const struct address		 addr = addr_of(peer);
	const struct store_holder	 holder = { .peer = &addr,
					     .profile = profile };
	enum store_result		 result;

	result = store_is_revoked(in, &holder, now_ms, &err);
	must(result != STORE_CANNOT_TELL);
	return result == STORE_FOUND;
}

static inline void
add_revocation(const char *what, uint64_t until_ms)
{
	const struct store_revocation	 revocation = { .what = what,
					     .until_ms = until_ms };

	err.text[0] = '\0';
	ck_assert_msg(store_revoke(store, &revocation, &err) == 0, "%s",
	    err.text);
}

static inline void
end_revocation(const char *what)
{
	err.text[0] = '\0';
	ck_assert_msg(store_unrevoke(store, what, &err) == 0, "%s",
	    err.text);
}

#endif
