/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * lookup: see lookup.h.  With a process, its start time is the proof that the
 * record is not of an earlier process of that number.  Without one there is no
 * proof, so that of several candidates the one is taken that grants least; a
 * messenger cannot make itself better by a second connection.
 *
 * It never takes a record that another program keeps than xcontext-policy: that
 * is of sessions that this MTA does not know of.
 */
#include "lookup.h"

#include "procstart.h"

struct search {
	const struct lookup_key	*key;
	struct session		*best;
	bool			 has_best;
	bool			 has_failed;
};

/* Whose the record of that number is. */
static enum store_result
is_of_process(struct lookup_key *key, const struct session *s,
    struct err *err)
{
	if (s->keeper != SESSION_KEEPER_POLICY)
		return STORE_NONE;
	if (key->pid_start == 0 && procstart_get(key->starts, key->pid,
	    &key->pid_start) != PROCINFO_THERE) {
		(void)err_set(err, "process %ld cannot be looked at, nor "
		    "whose session the store has of it", (long)key->pid);
		return STORE_CANNOT_TELL;
	}
	return key->pid_start == s->pid_start ? STORE_FOUND : STORE_NONE;
}

static enum store_result
find_by_pid(struct store *store, struct lookup_key *key, struct session *s,
    struct err *err)
{
	enum store_result	 result;

	result = store_get(store, key->pid, s, err);
	if (result == STORE_FOUND)
		result = is_of_process(key, s, err);
	if (result != STORE_FOUND)
		session_clear(s);
	return result;
}

/* True if a is to be trusted less than b. */
static bool
is_less_trusted(const struct session *a, const struct session *b)
{
	if (a->refused != b->refused)
		return a->refused > b->refused;
	if (a->unforwarded != b->unforwarded)
		return a->unforwarded > b->unforwarded;
	if ((a->denied_text != NULL) != (b->denied_text != NULL))
		return a->denied_text != NULL;
	if ((a->override != NULL) != (b->override != NULL))
		return a->override == NULL;
	return a->changed_ms > b->changed_ms;
}

/* A session owns its texts, so it is copied by way of its record. */
static bool
copy_session(struct session *to, const struct session *from)
{
	char	 record[SESSION_RECORD_MAX];
	size_t	 len;

	len = session_encode(from, record, sizeof record);
	return len != 0 && session_decode((struct span){ record, len }, to);
}

static bool
consider(const struct session *s, void *arg)
{
	struct search	*search = arg;
	uint16_t	 port = search->key->client_port;

	/* What another program keeps is of another MTA's sessions. */
	if (s->keeper != SESSION_KEEPER_POLICY)
		return true;
	if (port != 0 && s->client_port != 0 && s->client_port != port)
		return true;
	if (search->has_best && !is_less_trusted(s, search->best))
		return true;
	search->has_best = copy_session(search->best, s);
	search->has_failed = !search->has_best;
	return search->has_best;
}

static enum store_result
find_by_client(struct store *store, const struct lookup_key *key,
    struct session *s, struct err *err)
{
	struct search		 search = { .key = key, .best = s };
	enum store_result	 result;

	result = store_find_client(store, &key->client, consider, &search,
	    err);
	if (search.has_failed) {
		(void)err_set(err, "store: a session cannot be copied");
		result = STORE_CANNOT_TELL;
	}
	if (result == STORE_FOUND && !search.has_best)
		result = STORE_NONE;
	if (result != STORE_FOUND)
		session_clear(s);
	return result;
}

enum store_result
lookup_session(struct store *store, struct lookup_key *key, struct session *s,
    struct err *err)
{
	return key->pid > 0 ? find_by_pid(store, key, s, err) :
	    find_by_client(store, key, s, err);
}
