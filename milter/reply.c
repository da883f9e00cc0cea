/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * reply: see reply.h.  libmilter takes a list of lines, NULL behind the last,
 * so that all that a reply may have are named.
 */
#include "reply.h"

#include "journal.h"
#include "session/verdict_reply.h"

sfsistat
reply_send(SMFICTX *ctx, const struct enforce_reply *answer)
{
	const char	*line[ENFORCE_LINES];
	unsigned	 i;

	for (i = 0; i < ENFORCE_LINES; i++)
		line[i] = i < answer->n_lines ? answer->line[i] : NULL;
	/* Without memory for the text, the MTA has texts of its own. */
	(void)smfi_setmlreply(ctx, answer->code, answer->xcode, line[0],
	    line[1], line[2], line[3], NULL);
	return answer->code[0] == '5' ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}

sfsistat
reply_refusal(SMFICTX *ctx, const struct conversation *c, const char *step,
    const struct enforce_reply *answer)
{
	journal_answer(step, conversation_session(c), c->conf, &c->connection,
	    c->key.pid, answer);
	return reply_send(ctx, answer);
}

sfsistat
reply_dump(SMFICTX *ctx, const struct context_dump *dump)
{
	struct verdict_reply	 how;
	const char		*l[CONTEXT_DUMP_LINES];
	unsigned		 i;

	for (i = 0; i < CONTEXT_DUMP_LINES; i++)
		l[i] = i < dump->n ? dump->line[i] : NULL;
	verdict_reply_find(VERDICT_REPLY_TO_COMMAND, VERDICT_PERMIT,
	    REASON_GRANTED, VERDICT_REPLY_BY_MILTER, &how);
	(void)smfi_setmlreply(ctx, how.code, NULL, l[0], l[1], l[2], l[3], l[4],
	    l[5], l[6], l[7], l[8], l[9], l[10], l[11], l[12], l[13], l[14],
	    l[15], l[16], l[17], l[18], l[19], l[20], l[21], l[22], l[23],
	    l[24], l[25], l[26], l[27], l[28], l[29], l[30], l[31], NULL);
	return SMFIS_TEMPFAIL;
}
