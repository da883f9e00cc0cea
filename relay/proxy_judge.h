/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * proxy_judge: what a PROXY header makes of a session: an override, pairs of
 * the context, and the seal.
 *
 * Who is the client is judged as an XCLIENT of the proxy.  What the relay finds
 * out by itself, the client's name, and what needs no grant, the pairs, is
 * added here.
 */
#ifndef XC_RELAY_PROXY_JUDGE_H
#define XC_RELAY_PROXY_JUDGE_H

#include "proxy_header.h"
#include "session/session_life.h"

/*
 * Judges and executes a header; room is for work that lasts no longer than the
 * call.
 *
 * LIFE_DONE: the client is the one that it names, or, if it is_local, the peer.
 * Else the peer stays the client, and the session's mail is refused (with a
 * profile that only reports, it may not be).  The session is sealed in any
 * case, because from now on it is the client who types and not the proxy; but
 * for a profile that never seals.
 */
enum session_life_result	proxy_judge(struct session_life *life,
			    const struct proxy_header *h, uint64_t now_ms,
			    struct judgement *room);

#endif
