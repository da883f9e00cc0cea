/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * http_get: asks a server that runs in this very process, in an event loop
 * that is stepped meanwhile.
 */
#ifndef XC_T_HTTP_GET_H
#define XC_T_HTTP_GET_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

/* A port of 127.0.0.1 that nobody listens on. */
unsigned	 http_get_free_port(void);

/*
 * Sends "METHOD PATH HTTP/1.0" and reads until the server hangs up.  False:
 * no connection, or no end of the answer.
 */
bool	 http_get(struct event_base *base, unsigned port, const char *method,
		    const char *path, char *buf, size_t size);

#endif
