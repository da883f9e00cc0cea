/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * handover: see handover.h.  Asked at CONNECT and again at each MAIL, because a
 * relay uses one connection for several clients.  What is found takes the place
 * of the session that there was; that nothing is found any more, where
 * something was, refuses the mail, for it is not known whose it is.
 *
 * Only where the record is kept here, or nobody knows the MTA's process, is
 * there anything to look for: Postfix takes XCLIENT from its relays.
 */
#include "handover.h"

#include <string.h>

#include "journal.h"
#include "procstart.h"

#define TEXT_GONE	"The relay in front of the mail server no longer " \
			"says whose session this is; try again later"
#define TEXT_NO_STORE	"The session ledger cannot be read; try again later"

static bool
is_ours_to_look(const struct conversation *c)
{
	return conversation_is_kept(c) || c->key.pid == 0;
}

/* What a process left behind that is no more speaks for nobody: its port may
 * be anybody's by now. */
static enum store_result
is_of_the_living(const struct conversation *c, const struct session *s,
    struct err *err)
{
	uint64_t	 start = 0;

	if (s->pid_start == 0)
		return STORE_NONE;
	switch (procstart_get(c->key.starts, s->pid, &start)) {
	case PROCINFO_THERE:
		return start == s->pid_start ? STORE_FOUND : STORE_NONE;
	case PROCINFO_GONE:
		return STORE_NONE;
	case PROCINFO_CANNOT_TELL:
		break;
	}
	(void)err_set(err, "whether process %ld lives, which handed session "
	    "%s over, cannot be told", (long)s->pid, s->id);
	return STORE_CANNOT_TELL;
}

static enum store_result
find(const struct conversation *c, struct session *handed)
{
	enum store_result	 result;
	struct err		 err;

	result = store_handed_over(c->store, &c->key.client,
	    c->key.client_port, handed, &err);
	if (result == STORE_FOUND)
		result = is_of_the_living(c, handed, &err);
	if (result == STORE_CANNOT_TELL)
		journal_error("", &err);
	return result;
}

static bool
is_same_client(const struct session *a, const struct session *b)
{
	return strcmp(a->id, b->id) == 0 &&
	    address_equal(&a->client, &b->client) &&
	    a->client_port == b->client_port;
}

static bool
adopt(struct conversation *c, struct session *handed, uint64_t now_ms)
{
	const struct session	*s;
	bool			 is_known;

	if (!conversation_is_kept(c) && !conversation_keep(c, NULL, now_ms))
		return false;
	s = session_life_session(c->life);
	is_known = c->is_handed_over && is_same_client(s, handed);
	session_life_adopt(c->life, handed, now_ms);
	c->is_handed_over = true;
	c->connection.client = s->client;
	c->connection.client_port = s->client_port;
	if (!is_known)
		journal_handed_over(s, c->key.client_port);
	return true;
}

/* Nobody can say whose mail it would be. */
static bool
doubt(struct conversation *c, enum verdict_reason reason, const char *text,
    uint64_t now_ms)
{
	if (!conversation_is_kept(c))
		return false;
	session_life_doubt(c->life, reason, text, now_ms);
	return true;
}

bool
handover_look(struct conversation *c, uint64_t now_ms)
{
	struct session	 handed;
	bool		 is_told = true;

	if (!is_ours_to_look(c))
		return true;
	session_init(&handed);
	switch (find(c, &handed)) {
	case STORE_FOUND:
		is_told = adopt(c, &handed, now_ms);
		break;
	case STORE_NONE:
		if (c->is_handed_over)
			is_told = doubt(c, REASON_MISMATCH, TEXT_GONE,
			    now_ms);
		break;
	case STORE_CANNOT_TELL:
		is_told = doubt(c, REASON_CANNOT_TELL, TEXT_NO_STORE, now_ms);
		break;
	}
	session_clear(&handed);
	return is_told;
}
