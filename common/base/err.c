/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * err: see err.h.  A text is cut at the buffer's end, never grown: an error
 * report must not need memory.
 */
#include "base/err.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

int
err_set(struct err *err, const char *fmt, ...)
{
	va_list	 ap;

	if (err == NULL)
		return -1;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	return -1;
}

int
err_set_at(struct err *err, const char *file, unsigned line,
    const char *fmt, ...)
{
	va_list	 ap;
	int	 n;

	if (err == NULL)
		return -1;
	if (line == 0)
		n = snprintf(err->text, sizeof err->text, "%s: ", file);
	else
		n = snprintf(err->text, sizeof err->text, "%s:%u: ", file,
		    line);
	if (n < 0 || (size_t)n >= sizeof err->text)
		return -1;
	va_start(ap, fmt);
	vsnprintf(err->text + n, sizeof err->text - (size_t)n, fmt, ap);
	va_end(ap);
	return -1;
}
