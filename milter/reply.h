/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * reply: what the client is told, through the MTA: an answer of enforce, or a
 * dump, in libmilter's terms.  Each returns what the callback has to return.
 *
 * No milter can say 2xx, and Postfix from 3.10 passes on 4xx only in answer to
 * an unknown command; so which code an answer has is decided before.
 */
#ifndef XC_REPLY_H
#define XC_REPLY_H

#include <libmilter/mfapi.h>

#include "conversation.h"

/* An answer that has a code. */
sfsistat	reply_send(SMFICTX *ctx,
		    const struct enforce_reply *answer);

/* A refusal, of which the log tells: "mail_refused" with the step of the
 * transaction, or "command_denied" with step NULL. */
sfsistat	reply_refusal(SMFICTX *ctx, const struct conversation *c,
		    const char *step, const struct enforce_reply *answer);

/* A context: 450, as no milter can say 250 (smfi_setmlreply). */
sfsistat	reply_dump(SMFICTX *ctx, const struct context_dump *dump);

#endif
