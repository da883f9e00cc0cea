/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * metrics_daemon: see metrics_daemon.h.  It counts nothing itself: daemon.c
 * knows.
 */
#include "daemon/metrics_daemon.h"

#include <event2/buffer.h>

#include "daemon/daemon.h"
#include "daemon/metrics_text.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION	"unknown"
#endif

void
metrics_daemon_print(const char *program, struct evbuffer *out)
{
	struct daemon_status	 status = daemon_status();

	metrics_text_head(out, "xcontext_build_info", "gauge",
	    "1, with what is running as labels.");
	(void)evbuffer_add_printf(out, "xcontext_build_info{program=\"%s\","
	    "version=\"%s\"} 1\n", program, PACKAGE_VERSION);
	metrics_text_number(out, "xcontext_config_last_reload_successful",
	    "gauge", "1 if the configuration in force is the last that was "
	    "to be.", !status.is_reload_failed);
	metrics_text_number(out, "xcontext_config_reload_failures_total",
	    "counter", "Reloads that left the old configuration in force.",
	    status.n_reloads_failed);
	metrics_text_number(out, "xcontext_table_lines_skipped", "gauge",
	    "Lines of tables in force that were passed over.",
	    status.n_skipped);
	metrics_text_number(out, "xcontext_trial_until_seconds", "gauge",
	    "When the configuration before the one on trial comes back, since "
	    "the epoch; 0: none is.",
	    status.trial_until_ms / 1000);
	metrics_text_number(out, "xcontext_trial_differences_total",
	    "counter", "Decisions that would have been others without the "
	    "trial.", status.n_differences);
}
