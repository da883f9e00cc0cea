/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * unknown_command: commands that the MTA does not know, and asks its milters
 * about: X commands of a session that is kept here, XDUMPCONTEXT with Postfix,
 * and what xcontext-policy has had a refused command rewritten to.  Everything
 * else is the MTA's to answer.
 */
#ifndef XC_UNKNOWN_COMMAND_H
#define XC_UNKNOWN_COMMAND_H

#include <libmilter/mfapi.h>

#include "conversation.h"

/* Answers, and returns what the callback has to return: SMFIS_CONTINUE leaves
 * it to the MTA to say that there is no such command. */
sfsistat	unknown_command_reply(SMFICTX *ctx, struct conversation *c,
		    const char *line, uint64_t now_ms);

#endif
