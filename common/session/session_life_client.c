/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * session_life_client: who the client is, and what is known of him.
 */
#include "session/session_life_private.h"

#include <string.h>

#include "session/session_change.h"

/*
 * Overrides
 */

void
session_life_begin_anew(struct session_life *life)
{
	session_end_override(&life->session, life->session.peer_port);
	life->is_used = false;
}

void
session_life_override(struct session_life *life, char *line,
    const struct assertion_set *set, bool is_another, uint64_t now_ms)
{
	struct session	*s = &life->session;
	char		 client[ADDRESS_TEXT_SIZE];

	if (life->is_used)
		session_life_begin_anew(life);
	session_override(s, line, set, is_another);
	/* No MTA takes one in a transaction. */
	s->mails = 0;
	s->is_in_mail = false;
	life->is_anew = true;
	session_life_audit(life, SESSION_OVERRIDDEN,
	    address_format(&s->client, client, sizeof client), now_ms);
}

void
session_life_commit(struct session_life *life,
    const struct assertion_set *set, uint64_t now_ms)
{
	char	*line = life->session.pending;

	life->session.pending = NULL;
	/* What is not known any more, after a restart, is another's. */
	session_life_override(life, line, set, !life->is_same_client, now_ms);
	life->is_same_client = false;
	session_life_tell(life, (struct decision){
	    .event = DECISION_OVERRIDE,
	    .command = trust_command_text(TRUST_XCLIENT),
	    .line = life->session.override });
	session_life_seal_if(life, TRUST_SEAL_OVERRIDE, "override", now_ms);
}

void
session_life_forget(struct session_life *life, uint64_t now_ms)
{
	struct session	*s = &life->session;

	if (s->pending == NULL)
		return;
	session_life_audit(life, SESSION_FORGOTTEN, s->pending, now_ms);
	session_life_tell(life, (struct decision){ .event = DECISION_FORGET,
	    .command = trust_command_text(TRUST_XCLIENT),
	    .line = s->pending });
	(void)session_set_text(&s->pending, NULL);
}

/* Nothing else was said: it is the peer itself. */
static void
end_login(struct session_life *life)
{
	struct session	*s = &life->session;

	(void)session_set_text(&s->override, NULL);
	s->client_port = s->peer_port;
	life->is_used = false;
}

bool
session_life_forget_login(struct session_life *life, uint64_t now_ms)
{
	struct session		*s = &life->session;
	struct assertion_set	 set;
	char			 line[ASSERTION_LINE_MAX], *copy;
	size_t			 len;

	/* One that cannot be read is said to nobody. */
	if (s->override == NULL ||
	    !session_read_override(s->override, &set) ||
	    set.v[ASSERTION_LOGIN].status == ASSERTION_ABSENT)
		return true;
	set.v[ASSERTION_LOGIN].status = ASSERTION_ABSENT;
	if (!assertion_print(&set, line, sizeof line, &len)) {
		end_login(life);
	} else {
		copy = strdup(line);
		if (copy == NULL)
			return false;
		session_override(s, copy, &set, false);
	}
	session_life_audit(life, SESSION_FORGOTTEN, "LOGIN", now_ms);
	return true;
}

/*
 * What is known of him
 */

bool
session_life_set_greeting(struct session_life *life, const char *line)
{
	struct session	*s = &life->session;
	bool		 is_set;

	if (line == NULL && s->ehlo == NULL)
		return true;
	is_set = session_set_text(&s->ehlo, line);
	if (!is_set)
		(void)session_set_text(&s->ehlo, NULL);
	life->is_changed = true;
	return is_set;
}

bool
session_life_set_pairs(struct session_life *life,
    const struct context_line *line, enum context_source source,
    uint64_t now_ms)
{
	char	 names[SESSION_AUDIT_NAMES];

	if (!context_set(&life->session.context, line, source, now_ms))
		return false;
	context_line_names(line, names, sizeof names);
	session_life_audit(life, SESSION_CONTEXT, names, now_ms);
	return true;
}

void
session_life_set_port(struct session_life *life, uint16_t port)
{
	if (port == 0 || life->session.peer_port != 0)
		return;
	life->session.peer_port = port;
	life->is_changed = life->is_changed || life->has_record;
}

void
session_life_set_unproven(struct session_life *life, bool is_unproven)
{
	if (life->session.is_unproven == is_unproven)
		return;
	life->session.is_unproven = is_unproven;
	life->is_changed = true;
}

void
session_life_show(struct session_life *life, const struct address *client,
    uint16_t port)
{
	struct session		*s = &life->session;
	struct assertion_set	 set;

	s->client = *client;
	if (s->override != NULL && session_read_override(s->override, &set) &&
	    set.v[ASSERTION_PORT].status != ASSERTION_ABSENT)
		s->client_port = port;
	else
		s->peer_port = port;
	life->is_changed = true;
}
