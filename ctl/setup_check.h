/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_check: what of the wiring is missing, shadowed or in the way, and what
 * that costs.  It changes nothing.
 *
 * Private to setup*.c.
 */
#ifndef XC_CTL_SETUP_CHECK_H
#define XC_CTL_SETUP_CHECK_H

#include "output.h"
#include "knock.h"
#include "setup.h"

enum setup_check_severity {
	SETUP_CHECK_ERROR,		/* something is not enforced, or no mail
					 * comes in */
	SETUP_CHECK_WARNING,		/* it is in some cases */
	SETUP_CHECK_NOTE		/* that is as it is */
};

struct setup_check {
	struct setup	*setup;
	json_t		*findings;	/* an array, of this and others */
	unsigned	 n_wired;	/* services that ask our tables */
	const char	*asked;		/* sockets, so that each is once */
};

/* One finding, once.  where: "master.cf smtp/inet", "main.cf header_checks". */
void	setup_check_add(struct setup_check *check,
	    enum setup_check_severity severity, const char *where,
	    const char *problem, const char *cost, const char *fix);

/* Looks at the instance that setup->pf is. */
void	setup_check_instance(struct setup_check *check);

/* Looks at one service of it; counts it if it is wired. */
void	setup_check_service(struct setup_check *check,
	    const struct postfix_service *service);

/*
 * Does what that Postfix's smtpd does: becomes its user, in its chroot, opens
 * the socket, and asks.
 */
void	setup_check_socket(struct setup_check *check, bool is_chrooted,
	    struct span socket, enum knock_question question);

/* Prints the findings, for a person or as JSON, and returns the exit status:
 * 0 nothing but notes, 1 a warning, 2 an error. */
int	setup_check_print(struct setup_check *check);

#endif
