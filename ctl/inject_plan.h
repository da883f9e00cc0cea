/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_plan: what is to be said of a message, or why nothing can be; the same
 * for who sends it and for who only shows it.
 *
 * Private to inject*.c.
 */
#ifndef XC_CTL_INJECT_PLAN_H
#define XC_CTL_INJECT_PLAN_H

#include "inject.h"
#include "inject_envelope.h"

enum inject_verdict {
	INJECT_SEND,
	INJECT_STAY,		/* it would not dare: why */
	INJECT_REFUSE		/* --unknown reject: why */
};

struct inject_plan {
	enum inject_verdict		 verdict;
	char				 why[160];
	enum inject_origin_result	 found;
	struct inject_origin		 origin;
	struct inject_envelope		 envelope;
	const char			*sender;
	const char			*own[1];
	const char *const		*rcpts;
	unsigned			 n_rcpts;
	bool				 is_self;	/* nothing is asserted */
	struct assertion_set		 identity;	/* unless is_self */
};

/* The plan points into config and into itself. */
void	inject_plan_make(const struct inject_config *config,
	    const struct inject_item *item, struct inject_plan *plan_r);

/* Prints it: a line, or an object of JSON in a line. */
void	inject_plan_print(const struct inject_config *config,
	    const struct inject_item *item, const struct inject_plan *plan);

#endif
