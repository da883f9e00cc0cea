/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * made_rules: configurations made by chance, of few addresses, names and
 * values, so that a test can ask about all of them.
 *
 * What is made depends on srand() alone.
 */
#ifndef XC_T_MADE_RULES_H
#define XC_T_MADE_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"

struct made_rules {
	const char	*dir;		/* for the files of tables */
	const char	*tag;		/* in their names */
	bool		 has_patterns;	/* regular expressions, too */
	bool		 has_ports;	/* lists of them, of which each is
					 * asked about */
	char		 text[12000];
	size_t		 n;
};

/* Makes a configuration; what stands above its text must be
 * set. */
void		 made_rules_make(struct made_rules *m);

/* Makes m, which is a copy of another, a little different from that, or
 * wholly; m->tag must be another's. */
void		 made_rules_change(struct made_rules *m);

/* Aborts the test if it cannot be loaded. */
struct conf	*made_rules_load(const struct made_rules *m);

#define MADE_LISTENER	"side"		/* which has maps now and then */

/* Peers, and addresses to be asserted: all that the rules tell apart, and some
 * more. */
#define MADE_ADDRESSES	48
struct address	 made_rules_address(size_t i);

/* Their names, and fingerprints of their certificates; the first are NULL. */
#define MADE_NAMES	9
const char	*made_rules_name(size_t i);
#define MADE_FINGERPRINTS	4
const char	*made_rules_fingerprint(size_t i);

#endif
