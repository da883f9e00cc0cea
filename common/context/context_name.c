/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * context_name: the one table of the built-in names, used both ways.  What a
 * program makes by its name here, and what a messenger must be granted letter
 * by letter, cannot differ.
 */
#include "context/context_name.h"

#include <strings.h>

static const char *const	texts[CONTEXT_BUILTIN_COUNT] = {
	[CONTEXT_SESSION]		= "session",
	[CONTEXT_PROFILE]		= "profile",
	[CONTEXT_LISTENER]		= "listener",
	[CONTEXT_PEER_ADDRESS]		= "peer_address",
	[CONTEXT_PEER_NAME]		= "peer_name",
	[CONTEXT_REMOTE_ADDRESS]	= "remote_address",
	[CONTEXT_REMOTE_PORT]		= "remote_port",
	[CONTEXT_REMOTE_NAME]		= "remote_name",
	[CONTEXT_EHLO_DOMAIN]		= "ehlo_domain",
	[CONTEXT_EHLO_STRING]		= "ehlo_string",
	[CONTEXT_AUTH_USER]		= "auth_user",
	[CONTEXT_MAILFROM]		= "mailfrom",
	[CONTEXT_RCPT_COUNT]		= "rcpt_count",
	[CONTEXT_QUEUE_ID]		= "queue_id",
	[CONTEXT_ORIGIN_ADDRESS]	= "origin_address",
	[CONTEXT_ORIGIN_NAME]		= "origin_name",
	[CONTEXT_ORIGIN_HELO]		= "origin_helo"
};

const char *
context_name_of_builtin(enum context_builtin name)
{
	return texts[name];
}

bool
context_name_is_builtin(const char *name)
{
	int	 i;

	for (i = 0; i < CONTEXT_BUILTIN_COUNT; i++)
		if (strcasecmp(texts[i], name) == 0)
			return true;
	return false;
}
