/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject: what the verb was told to do.
 *
 * Private to inject*.c.
 */
#ifndef XC_CTL_INJECT_H
#define XC_CTL_INJECT_H

#include "inject_origin.h"
#include "inject_source.h"
#include "tls_choice.h"

/* What becomes of a message whose origin is not known. */
enum inject_unknown {
	INJECT_UNKNOWN_UNAVAILABLE,	/* ADDR=[UNAVAILABLE] */
	INJECT_UNKNOWN_REJECT,		/* it is not sent */
	INJECT_UNKNOWN_SELF		/* without XCLIENT: it is ours */
};

/* What becomes of one that may be at the server already. */
enum inject_doubt {
	INJECT_DOUBT_HOLD,	/* nothing: who knows says so the next time */
	INJECT_DOUBT_SEND,	/* it is sent again */
	INJECT_DOUBT_ASK	/* a program is asked */
};

struct inject_config {
	const char		*path;
	enum inject_format	 format;
	struct inject_rule	 rule;
	enum inject_unknown	 unknown;
	enum inject_doubt	 doubt;
	const char		*ask;		/* with INJECT_DOUBT_ASK */
	const char		*sender;	/* NULL: by Return-Path */
	const char		*rcpt_header;	/* NULL: as inject_envelope */
	const char *const	*rcpts;		/* for all messages; else by */
	unsigned		 n_rcpts;	/* the header */
	const char		*server;
	bool			 is_lmtp;
	struct tls_choice	 tls;
	bool			 is_kept;	/* in the source */
	unsigned		 jobs;
	unsigned		 retry_s;	/* so long without a server */
	const char		*journal;	/* NULL: none */
	const char		*rejects;	/* NULL: no such directory */
	const char		*stats;		/* NULL: no such file */
	char			*mine;		/* rule points there, */
	char			*sender_text;	/* and sender here */
	char			 host[256];	/* how we greet */
	bool			 is_json;
};

#endif
