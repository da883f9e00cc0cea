/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * socketmap: requests and replies of Postfix's socketmap protocol.
 *
 * socketmap_table(5): a request is "<map> <key>", a reply one of OK, NOTFOUND,
 * TEMP, TIMEOUT, PERM, each a netstring.  The maps served are xclient,
 * xforward, command, milters and profile, with an optional ".LISTENER" behind
 * the name.
 */
#ifndef XC_POLICY_SOCKETMAP_H
#define XC_POLICY_SOCKETMAP_H

#include "base/span.h"

#define SOCKETMAP_REQUEST_MAX	16384	/* bytes of a request's body */
#define SOCKETMAP_TEXT_MAX	8192	/* bytes of a reply's text; Postfix
					 * would take 100000 */

enum socketmap_map {
	SOCKETMAP_XCLIENT,
	SOCKETMAP_XFORWARD,
	SOCKETMAP_COMMAND,
	SOCKETMAP_MILTERS,
	SOCKETMAP_PROFILE
};
#define SOCKETMAP_COUNT	(SOCKETMAP_PROFILE + 1)

struct socketmap_request {
	enum socketmap_map	 map;
	struct span		 listener;	/* empty: none */
	struct span		 key;
};

/*
 * Takes the body of a request apart; spans point into it.  False: no blank,
 * a map that is not served, a listener that is not a name (1 to 64 letters,
 * digits, "-", "_"), or a NUL.
 */
bool	socketmap_parse(struct span body, struct socketmap_request *request_r);

/* What socketmap_parse did not take is a request for the map of that name:
 * printable, with a key behind it.  False: it is no request at all. */
bool	socketmap_name(struct span body, struct span *name_r);

/* What people are told to be served. */
#define SOCKETMAP_SERVED	"xclient, xforward, command, milters and profile"

enum socketmap_result {
	SOCKETMAP_OK,
	SOCKETMAP_NOTFOUND,
	SOCKETMAP_TEMP,
	SOCKETMAP_PERM
};

/*
 * Writes the reply as a netstring; text is the data or the reason (NULL: "").
 * Returns its length, 0 if it does not fit in size.
 */
size_t	socketmap_reply(enum socketmap_result result, const char *text,
	    char *buf, size_t size);

const char	*socketmap_map_text(enum socketmap_map map);

#endif
