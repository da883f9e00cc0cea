/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * handover: sessions that a relay in front of the MTA hands over through the
 * store, because the MTA knows no XCLIENT.
 *
 * The MTA takes the relay for its client.  The address and port that it tells
 * of that client are those of the relay's own socket, under which the relay has
 * put the session into the store; and while it holds that socket, nobody else
 * can come from there.  So what is found is believed if the process that put it
 * there still lives.
 */
#ifndef XC_HANDOVER_H
#define XC_HANDOVER_H

#include "conversation.h"

/*
 * Makes the session that is handed over, if there is one, the conversation's.
 * To be called at CONNECT and before each MAIL, for the relay may by then have
 * another client's mail for the same connection.  Sessions of a Postfix whose
 * process is known are xcontext-policy's, and are left alone.
 *
 * If it cannot be told, or what was handed over has gone while the connection
 * is still there, the session's mail is refused; false: it must be, but there
 * is no session that could say so.
 */
bool	handover_look(struct conversation *c, uint64_t now_ms);

#endif
