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

#include "trust/assertion.h"

/* One value on its way in: decoded text, then normalised in place. */
struct assertion_value {
	struct address	 addr;		/* of ADDR and DESTADDR */
	char		 text[ASSERTION_VALUE_MAX + 1];
};

/* What a decoded value is worth. */
enum assertion_worth {
	ASSERTION_FITS,
	ASSERTION_UNSAYABLE,	/* the client's, and Postfix would refuse it */
	ASSERTION_WRONG		/* no messenger should say it */
};

/*
 * normalise takes a NUL-terminated text of printable ASCII that is none of
 * the bracketed words.  Unless it fits, the value is undefined then.
 */
struct assertion_rule {
	enum assertion_worth	(*normalise)(struct assertion_value *);
	bool		 unavailable;	/* [UNAVAILABLE] may be said */
	bool		 tempunavail;	/* [TEMPUNAVAIL] may be said */
	const char	*expected;	/* in words, for an error text */
	bool		 is_free;	/* the client may make it whatever it
					 * likes */
	const char	*unknown;	/* the value to say in place of
					 * [UNAVAILABLE] where that may not
					 * be */
};

/* NULL: the command has no such attribute. */
const struct assertion_rule	*assertion_rule_find(
				    enum assertion_command command,
				    enum assertion_name name);

/* The row's worth of a decoded text, which may be any bytes; *v_r is set only
 * if it fits. */
enum assertion_worth	assertion_rule_try(const struct assertion_rule *rule,
			    struct span text, struct assertion_value *v_r);

/* Whether the attribute may have that status at all. */
bool	assertion_rule_allows(const struct assertion_rule *rule,
	    enum assertion_status status);

#endif
