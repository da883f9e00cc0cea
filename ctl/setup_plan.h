/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_plan: what has to be changed so that a Postfix asks xcontext, worked
 * out from what is there.  It changes nothing.
 *
 * Private to setup*.c.
 */
#ifndef XC_CTL_SETUP_PLAN_H
#define XC_CTL_SETUP_PLAN_H

#include <sys/types.h>

#include "output.h"
#include "setup.h"
#include "wiring.h"

/* A file that is replaced. */
struct setup_file {
	const char	*path;
	const char	*old, *new;	/* its whole text */
};

struct setup_directory {
	const char	*path;
	const char	*user, *group;	/* "" keeps */
};

#define SETUP_FILES		3	/* xcontext.conf, main.cf, master.cf */
#define SETUP_DIRECTORIES	3

struct setup_plan {
	json_t			*steps;	/* for people and programs */
	json_t			*next;	/* what to do when it is done */
	const char		*user;	/* that has to be made; NULL: none */
	struct setup_directory	 directories[SETUP_DIRECTORIES];
	size_t			 n_directories;
	struct setup_file	 files[SETUP_FILES];	/* in this order */
	size_t			 n_files;
	struct wiring		 wiring;
};

/* Makes it, of the options and of what is there.  Exits if it cannot be. */
void	setup_plan_make(struct setup *setup, struct setup_plan *plan_r);

/* Prints it, for a person or as JSON. */
void	setup_plan_print(const struct setup *setup,
	    const struct setup_plan *plan);

void	setup_plan_clear(struct setup_plan *plan);

/* A step; old NULL: it is new. */
void	setup_plan_add(struct setup_plan *plan, const char *file,
	    const char *what, const char *old, const char *new,
	    const char *why);

/* The entry that serves port 25, NULL: there is none.  is_more_r: there are
 * others. */
const struct postfix_service	*setup_plan_base(struct setup *setup);

/* True for an entry of a smtpd that mail for port 25 comes to. */
bool	setup_plan_is_port_25(const struct setup *setup,
	    const struct postfix_service *service);

/*
 * The name, "127.0.0.1:10025", of wiring A's listener: what the options say,
 * or the one that is there, or a free one.  Exits if it cannot be had.
 */
const char	*setup_plan_listener(struct setup *setup,
		    const struct wiring *wiring);

#endif
