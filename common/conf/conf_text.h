/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_text: the configuration file's text, made safe for the parser.
 *
 * libconfuse silently skips characters that it does not know, silently drops
 * the backslash of "\.", puts environment variables into texts, takes no
 * comment inside a list, counts lines wrongly behind comments and lets a setting
 * that is said again replace what was said.  A rule that
 * is read otherwise than it was written misjudges mail; so comments are
 * blanked out, and what would be misread is refused, before libconfuse sees
 * the text.
 *
 * Private to conf*.c.
 */
#ifndef XC_CONF_TEXT_H
#define XC_CONF_TEXT_H

#include <stddef.h>

#include "base/err.h"

#define CONF_TEXT_MAX	(1024 * 1024)	/* bytes of a configuration file */

struct conf_text {
	char		*text;		/* NUL-terminated, no other NUL */
	size_t		 len;
	unsigned	*section_line;	/* where each section begins, in the */
	size_t		 n_sections;	/* order in which they end */
};

/* Reads and checks a file.  0, or -1 with err (file:line).  If kept_r is not
 * NULL, *kept_r is what stands in the file, comments and all: the caller's to
 * free. */
int	conf_text_read(const char *file, struct conf_text *text_r,
	    char **kept_r, struct err *err);
void	conf_text_clear(struct conf_text *text);

#endif
