/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * log_libevent: libevent's own complaints, which else go to standard error,
 * unformatted and as often as it likes.
 */
#ifndef XC_LOG_LIBEVENT_H
#define XC_LOG_LIBEVENT_H

/* From now on they are log lines, "event=libevent", within log_rate. */
void	log_libevent_use(void);

#endif
