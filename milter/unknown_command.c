/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * unknown_command: commands that the MTA does not know, and asks its milters
 * about.
 *
 * Postfix up to 3.9 hands over the verb alone; so what has arguments was judged
 * by xcontext-policy before, and comes here as SESSION_REFUSED_VERB if it was
 * refused.
 */
#include "unknown_command.h"

#include <stdlib.h>

#include "reply.h"
#include "session/judge.h"

static sfsistat
answer_denied(SMFICTX *ctx, struct conversation *c)
{
	struct enforce_reply	 answer;

	if (conversation_find(c) == STORE_CANNOT_TELL)
		enforce_cannot_tell(&answer);
	else
		enforce_denied(conversation_session(c), &c->connection,
		    c->message.is_begun, &answer);
	return answer.action == VERDICT_PERMIT ? SMFIS_CONTINUE :
	    reply_refusal(ctx, c, NULL, &answer);
}

static sfsistat
answer_dump(SMFICTX *ctx, struct conversation *c, struct span args)
{
	struct enforce_reply	 answer;
	struct context_dump	*dump = malloc(sizeof *dump);
	sfsistat		 status;

	if (dump == NULL) {
		enforce_cannot_tell(&answer);
		return reply_send(ctx, &answer);
	}
	if (conversation_dump(c, args, dump, &answer))
		status = reply_dump(ctx, dump);
	else
		status = reply_refusal(ctx, c, NULL, &answer);
	free(dump);
	return status;
}

/* Sendmail's commands are ours to judge and execute. */
static sfsistat
execute(SMFICTX *ctx, struct conversation *c, enum trust_command command,
    struct span args, uint64_t now_ms)
{
	struct enforce_reply	 answer;

	/* What access_maps were asked about stays until the mail is done. */
	if (command == TRUST_XSETCONTEXT && c->message.is_decided) {
		enforce_bad_sequence(trust_command_text(command),
		    conversation_session(c)->id, &answer);
		return reply_send(ctx, &answer);
	}
	keeper_command(c->life, command, args, c->message.is_begun,
	    now_ms, &answer);
	if ((command == TRUST_XCLIENT || command == TRUST_XREMOTEIP) &&
	    answer.reason == REASON_GRANTED)
		conversation_overridden(c);
	if (command == TRUST_XDUMPCONTEXT && answer.action == VERDICT_PERMIT)
		return answer_dump(ctx, c, args);
	return reply_send(ctx, &answer);
}

sfsistat
unknown_command_reply(SMFICTX *ctx, struct conversation *c, const char *line,
    uint64_t now_ms)
{
	struct span		 args = span_of(line), verb;
	enum trust_command	 command;

	verb = judge_next_word(&args);
	if (!conversation_is_kept(c) && enforce_is_refused_verb(line))
		return answer_denied(ctx, c);
	if (!trust_command_find(verb, &command) || command == TRUST_XFORWARD)
		return SMFIS_CONTINUE;
	if (conversation_is_kept(c))
		return execute(ctx, c, command, args, now_ms);
	return command == TRUST_XDUMPCONTEXT ? answer_dump(ctx, c, args) :
	    SMFIS_CONTINUE;
}
