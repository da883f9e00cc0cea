/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * duration: see duration.h.
 */
#include "duration.h"

#include <bsd/stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "ctl.h"

uint64_t
duration_read(const char *text, unsigned days_max)
{
	static const struct {
		char		 letter;
		long long	 s;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	size_t		 n = strlen(text), i;
	char		 digits[16];
	const char	*wrong = NULL;
	long long	 number;

	for (i = 0; n > 1 && n <= sizeof digits &&
	    i < sizeof units / sizeof units[0]; i++) {
		if (text[n - 1] != units[i].letter)
			continue;
		memcpy(digits, text, n - 1);
		digits[n - 1] = '\0';
		number = strtonum(digits, 1, days_max * 86400LL / units[i].s,
		    &wrong);
		if (wrong == NULL)
			return (uint64_t)(number * units[i].s) * 1000;
	}
	ctl_die(EX_USAGE, "\"%s\": expected a time such as 90s, 30m, 12h or "
	    "7d, of %u days at most", text, days_max);
}
