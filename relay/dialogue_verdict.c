/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue_verdict: a verdict, said to the client.
 */
#include "dialogue_private.h"

void
dialogue_verdict_say(struct dialogue *d, struct client_reply *reply,
    const struct verdict_reply *how, const char *text)
{
	char	 line[VERDICT_REPLY_SIZE];

	(void)verdict_reply_line(how, text,
	    session_life_session(d->life)->id, line);
	if (verdict_reply_ends(how))
		client_say_last(d->client, reply, "%s", line);
	else
		client_say(d->client, reply, "%s", line);
}

void
dialogue_verdict_cannot_tell(struct dialogue *d, struct client_reply *reply,
    enum verdict_reply_to to)
{
	struct verdict_reply	 how;

	verdict_reply_find(to, VERDICT_TEMPFAIL, REASON_CANNOT_TELL,
	    VERDICT_REPLY_BY_SERVER, &how);
	dialogue_verdict_say(d, reply, &how, SESSION_CANNOT_TELL);
}
