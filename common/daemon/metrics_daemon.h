/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * metrics_daemon: the metrics that every daemon has: which version it is, and
 * whether what is in force is what the file says.
 */
#ifndef XC_METRICS_DAEMON_H
#define XC_METRICS_DAEMON_H

struct evbuffer;

void	metrics_daemon_print(const char *program, struct evbuffer *out);

#endif
