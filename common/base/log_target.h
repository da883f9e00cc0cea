/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * log_target: what "log" in xcontext.conf(5) may say: "stderr", or "syslog:"
 * and a facility.  It stands in the lowest rank because two read it: the check
 * of the setting (conf/), and the log (daemon/).
 */
#ifndef XC_LOG_TARGET_H
#define XC_LOG_TARGET_H

#include <stdbool.h>

#define LOG_TARGET_STDERR	(-1)

/*
 * Reads "stderr", "syslog" (facility mail) or "syslog:FACILITY".
 * *facility_r is LOG_TARGET_STDERR or a facility of syslog(3).
 * False: none of these, *facility_r untouched.
 */
bool	log_target_parse(const char *target, int *facility_r);

#endif
