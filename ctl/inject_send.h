/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_send: hands the messages to the server, over several connections at
 * once.
 *
 * A connection serves one client, whom XCLIENT has named: the next message goes
 * over it if it is that client's, too; else over a new one, for nothing of a
 * client must be left to the next.
 */
#ifndef XC_CTL_INJECT_SEND_H
#define XC_CTL_INJECT_SEND_H

#include "inject_work.h"

/* Until there are no more, or the server is away for too long (said).  Out of
 * memory ends the program. */
void	inject_send_all(struct inject_work *work);

#endif
