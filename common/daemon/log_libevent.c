/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * log_libevent: see log_libevent.h.  What is no warning and no error is
 * dropped.
 */
#include "daemon/log_libevent.h"

#include <event2/event.h>

#include "daemon/log.h"

static void
take(int severity, const char *text)
{
	if (severity == EVENT_LOG_ERR)
		LOG(LOG_LEVEL_ERROR, NULL, "libevent", { "text", text });
	else if (severity == EVENT_LOG_WARN)
		LOG(LOG_LEVEL_WARNING, NULL, "libevent", { "text", text });
}

void
log_libevent_use(void)
{
	event_set_log_callback(take);
}
