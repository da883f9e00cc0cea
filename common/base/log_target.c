/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * log_target: see log_target.h.  The facilities are those that a mail system is
 * likely to have, not all of syslog(3).
 */
#include "base/log_target.h"

#include <string.h>
#include <syslog.h>

static const struct {
	const char	*name;
	int		 facility;
} facilities[] = {
	{ "mail",	LOG_MAIL },
	{ "daemon",	LOG_DAEMON },
	{ "auth",	LOG_AUTH },
	{ "authpriv",	LOG_AUTHPRIV },
	{ "user",	LOG_USER },
	{ "local0",	LOG_LOCAL0 },
	{ "local1",	LOG_LOCAL1 },
	{ "local2",	LOG_LOCAL2 },
	{ "local3",	LOG_LOCAL3 },
	{ "local4",	LOG_LOCAL4 },
	{ "local5",	LOG_LOCAL5 },
	{ "local6",	LOG_LOCAL6 },
	{ "local7",	LOG_LOCAL7 }
};

bool
log_target_parse(const char *target, int *facility_r)
{
	size_t	 i;

	if (strcmp(target, "stderr") == 0) {
		*facility_r = LOG_TARGET_STDERR;
		return true;
	}
	if (strcmp(target, "syslog") == 0) {
		*facility_r = LOG_MAIL;
		return true;
	}
	if (strncmp(target, "syslog:", 7) != 0)
		return false;
	for (i = 0; i < sizeof facilities / sizeof facilities[0]; i++)
		if (strcmp(target + 7, facilities[i].name) == 0) {
			*facility_r = facilities[i].facility;
			return true;
		}
	return false;
}
