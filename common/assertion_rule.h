/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * assertion_rule: what each attribute of XCLIENT and XFORWARD may say.
 *
 * It judges one decoded value at a time and knows nothing of lines, of xtext
 * or of the other attributes.  Only assertion.c uses it.
 */
#ifndef XC_ASSERTION_RULE_H
#define XC_ASSERTION_RULE_H

#include "assertion.h"

/* One value on its way in: decoded text, then normalised in place. */
struct assertion_value {
	struct address	 addr;		/* of ADDR and DESTADDR */
	bool		 on_wire;	/* bare IPv6 is refused */
	char		 text[ASSERTION_VALUE_MAX + 1];
};

/*
 * normalise takes a NUL-terminated text of printable ASCII that is none of
 * the bracketed words.  False: not valid; the value is then undefined.
 */
struct assertion_rule {
	bool		(*normalise)(struct assertion_value *);
	bool		 unavailable;	/* [UNAVAILABLE] may be said */
	bool		 tempunavail;	/* [TEMPUNAVAIL] may be said */
	const char	*expected;	/* in words, for an error text */
};

/* NULL: the command has no such attribute. */
const struct assertion_rule	*assertion_rule_find(
				    enum assertion_command command,
				    enum assertion_name name);

/* Whether the attribute may have that status at all. */
bool	assertion_rule_allows(const struct assertion_rule *rule,
	    enum assertion_status status);

#endif
