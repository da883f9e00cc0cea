/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * eom: see eom.h.  Where the headers cannot be changed the message has to
 * come again: a filter behind would take a forged header for ours.
 */
#include "eom.h"

#include <stdlib.h>

#include "reply.h"

/* Takes away what pretends to be ours, from the last to the first, and adds
 * what is. */
static bool
change_headers(SMFICTX *ctx, struct conversation *c, char *value)
{
	char		*name = c->conf->milter_header;
	unsigned	 i;
	int		 len;

	for (i = c->message.n_forged; i > 0; i--)
		if (smfi_chgheader(ctx, name, (int)i, NULL) != MI_SUCCESS)
			return false;
	len = conversation_header(c, value);
	return len == 0 || (len > 0 &&
	    smfi_insheader(ctx, 0, name, value) == MI_SUCCESS);
}

sfsistat
eom_edit(SMFICTX *ctx, struct conversation *c)
{
	struct enforce_reply	 answer;
	char			*value;
	bool			 is_done;

	conversation_find_origin(c);
	value = malloc(CONVERSATION_HEADER_MAX);
	is_done = value != NULL && !c->message.has_failed &&
	    (!c->has_header_duty || change_headers(ctx, c, value));
	free(value);
	if (is_done)
		return SMFIS_CONTINUE;
	enforce_cannot_tell(&answer);
	return reply_refusal(ctx, c, "EOM", &answer);
}
