/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * assertion_check: sets and their lines, there and back.
 */
#include "assertion_check.h"

#include <check.h>

const char *
assertion_check_printed(const struct assertion_set *set,
    char line[ASSERTION_LINE_MAX])
{
	size_t	 len;

	if (!assertion_print(set, line, ASSERTION_LINE_MAX, &len))
		return "(not printed)";
	ck_assert_uint_eq(len, strlen(line));
	return line;
}

void
assertion_check_same(const char *name, const struct assertion_set *a,
    const struct assertion_set *b)
{
	int	 i;

	for (i = 0; i < ASSERTION_COUNT; i++) {
		ck_assert_msg(a->v[i].status == b->v[i].status &&
		    strcmp(a->v[i].value, b->v[i].value) == 0,
		    "%s: %s is \"%s\" and \"%s\"", name,
		    assertion_name_text(i), a->v[i].value, b->v[i].value);
	}
	ck_assert_msg(address_equal(&a->addr, &b->addr) &&
	    address_equal(&a->destaddr, &b->destaddr), "%s: addresses", name);
}

void
assertion_check_comes_back(const char *name,
    const struct assertion_set *set, const char *line)
{
	struct assertion_set	 again;
	struct err		 err;
	struct span		 args;
	enum xtext_mode		 mode;

	args = span_of(strchr(line, ' '));
	for (mode = XTEXT_STRICT; mode <= XTEXT_LEGACY; mode++) {
		ck_assert_msg(assertion_parse(args, set->command, mode,
		    &again, &err) == ASSERTION_OK, "%s: %s: %s", name, line,
		    err.text);
		assertion_check_same(name, set, &again);
	}
}
