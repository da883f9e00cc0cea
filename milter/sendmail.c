/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * sendmail: what is logged of a kept session, and what its client is told.
 */
#include "sendmail.h"

#include <stdio.h>
#include <stdlib.h>

#include "journal.h"

static void
log_note(const struct kept_note *note, void *arg)
{
	(void)arg;
	journal_kept(note);
}

void
sendmail_begin(struct kept *kept, struct conf *conf, struct store *store,
    const struct kept_peer *peer, uint64_t now_ms)
{
	kept_begin(kept, conf, store, log_note, NULL, peer, now_ms);
}

/* Tells what has been executed. */
static void
tell_accepted(const struct kept *kept, enum trust_command command,
    struct enforce_answer *answer)
{
	char		 client[ADDRESS_TEXT_SIZE], text[128];
	const char	*verb = trust_command_text(command);

	switch (command) {
	case TRUST_XCLIENT:
	case TRUST_XREMOTEIP:
		(void)snprintf(text, sizeof text,
		    "%s accepted: the client is %s", verb,
		    address_format(&kept->session.client, client,
		    sizeof client));
		break;
	case TRUST_XSETCONTEXT:
		(void)snprintf(text, sizeof text, "%s accepted", verb);
		break;
	case TRUST_XDUMPCONTEXT:
	case TRUST_XFORWARD:
		(void)snprintf(text, sizeof text, "%s", verb);
		break;
	}
	enforce_accepted(text, kept->session.id, answer);
}

void
sendmail_command(struct kept *kept, enum trust_command command,
    struct span args, bool in_mail, uint64_t now_ms,
    struct enforce_answer *answer)
{
	struct judgement	*j = malloc(sizeof *j);

	if (j == NULL) {
		enforce_cannot_tell(answer);
		return;
	}
	switch (kept_command(kept, command, args, in_mail, now_ms, j)) {
	case KEPT_DONE:
		tell_accepted(kept, command, answer);
		break;
	case KEPT_REFUSED:
		enforce_refused(&j->verdict, &kept->session, answer);
		break;
	case KEPT_BAD_SEQUENCE:
		enforce_bad_sequence(trust_command_text(command),
		    kept->session.id, answer);
		break;
	case KEPT_CANNOT_TELL:
		enforce_cannot_tell(answer);
		break;
	}
	free(j);
}
