/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_regexp: POSIX regular expressions (regexp_table(5)).
 *
 * regexec() may be called from many threads with one compiled expression, and
 * has no way to limit its work.  That is harmless but for back-references:
 * two of them keep it busy for minutes with a key of 255 bytes.  They are
 * refused when the table is opened; pcre tables have them, and a limit.
 */
#include "table/table_private.h"

#include <regex.h>
#include <stdlib.h>

static int
parse_flags(struct span flags, int *options_r, struct err *err)
{
	int	 options = REG_EXTENDED | REG_ICASE;
	size_t	 i;

	for (i = 0; i < flags.n; i++) {
		switch (flags.p[i]) {
		case 'i':
			options ^= REG_ICASE;
			break;
		case 'm':
			options ^= REG_NEWLINE;
			break;
		case 'x':
			options ^= REG_EXTENDED;
			break;
		default:
			return err_set(err, "unknown flag \"%c\": expected i, "
			    "m or x", flags.p[i]);
		}
	}
	*options_r = options;
	return 0;
}

/* Also says so of "\\1" in brackets, where it is not one, but rare enough. */
static bool
has_back_reference(const char *p)
{
	for (; *p != '\0'; p++) {
		if (*p != '\\')
			continue;
		if (*++p == '\0')
			break;
		if (*p >= '1' && *p <= '9')
			return true;
	}
	return false;
}

static void
regexp_free_code(void *code)
{
	regfree(code);
	free(code);
}

static void *
regexp_compile(const char *pattern, struct span flags, unsigned ngroups,
    unsigned *ngroups_r, struct err *err)
{
	char	 text[128];
	regex_t	*re;
	int	 options = 0, code;

	if (parse_flags(flags, &options, err) == -1)
		return NULL;
	if (has_back_reference(pattern)) {
		err_set(err, "back-references such as \\1 can take any time: "
		    "use a pcre table");
		return NULL;
	}
	if ((re = calloc(1, sizeof *re)) == NULL) {
		err_set(err, "out of memory");
		return NULL;
	}
	if (ngroups == 0)
		options |= REG_NOSUB;
	if ((code = regcomp(re, pattern, options)) != 0) {
		regerror(code, re, text, sizeof text);
		err_set(err, "%s", text);
		free(re);
		return NULL;
	}
	*ngroups_r = (unsigned)re->re_nsub;
	return re;
}

static enum table_match
regexp_match(void *shared, const void *code, struct span key,
    struct table_group *groups, unsigned ngroups, struct err *err)
{
	regmatch_t	 match[TABLE_GROUPS_MAX + 1];
	char		 text[128];
	unsigned	 i;
	int		 error;

	(void)shared;
	error = regexec(code, key.p, ngroups + 1, match, 0);
	if (error == REG_NOMATCH)
		return TABLE_MATCH_NO;
	if (error != 0) {
		regerror(error, code, text, sizeof text);
		err_set(err, "%s", text);
		return TABLE_MATCH_ERROR;
	}
	for (i = 1; i <= ngroups; i++) {
		groups[i] = (struct table_group){ 0 };
		if (match[i].rm_so >= 0) {
			groups[i].start = (size_t)match[i].rm_so;
			groups[i].end = (size_t)match[i].rm_eo;
		}
	}
	return TABLE_MATCH_YES;
}

static const struct table_engine regexp_engine = {
	.compile = regexp_compile,
	.free_code = regexp_free_code,
	.match = regexp_match,
	.has_second_pattern = true,
	.needs_string = true,
};

struct table *
table_regexp_open(const struct table_source *src, struct err *err)
{
	return table_rules_open(src, &regexp_engine, err);
}
