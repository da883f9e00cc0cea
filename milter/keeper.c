/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * keeper: what is logged of a session that is kept here, and what its client is
 * told.
 */
#include "keeper.h"

#include <stdio.h>
#include <stdlib.h>

#include "journal.h"

struct session_life *
keeper_begin(struct conf *conf, struct store *store,
    const struct session_life_peer *peer, uint64_t now_ms)
{
	const struct session_life_home	 home = { .store = store,
	    .report = journal_decision };
	struct session_life		*life;

	life = session_life_new(conf, &home, peer, now_ms);
	if (life != NULL)
		(void)session_life_keep(life, now_ms);
	return life;
}

/* Tells what has been executed. */
static void
tell_accepted(const struct session *s, enum trust_command command,
    struct enforce_reply *answer)
{
	char		 client[ADDRESS_TEXT_SIZE], text[128];
	const char	*verb = trust_command_text(command);

	switch (command) {
	case TRUST_XCLIENT:
	case TRUST_XREMOTEIP:
		(void)snprintf(text, sizeof text,
		    "%s accepted: the client is %s", verb,
		    address_format(&s->client, client, sizeof client));
		break;
	case TRUST_XSETCONTEXT:
		(void)snprintf(text, sizeof text, "%s accepted", verb);
		break;
	case TRUST_XDUMPCONTEXT:
	case TRUST_XFORWARD:
		(void)snprintf(text, sizeof text, "%s", verb);
		break;
	}
	enforce_accepted(text, s->id, answer);
}

void
keeper_command(struct session_life *life, enum trust_command command,
    struct span args, bool in_mail, uint64_t now_ms,
    struct enforce_reply *answer)
{
	const struct session	*s = session_life_session(life);
	struct judgement	*j = malloc(sizeof *j);

	if (j == NULL) {
		enforce_cannot_tell(answer);
		return;
	}
	switch (session_life_command(life, command, args, in_mail, now_ms, j)) {
	case LIFE_DONE:
		tell_accepted(s, command, answer);
		break;
	case LIFE_REFUSED:
		enforce_refused(&j->verdict, s, answer);
		break;
	case LIFE_BAD_SEQUENCE:
		enforce_bad_sequence(trust_command_text(command),
		    s->id, answer);
		break;
	case LIFE_CANNOT_TELL:
		enforce_cannot_tell(answer);
		break;
	}
	free(j);
}
