/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_plan: what has to be changed at a server, worked out from what is
 * there.  It changes nothing.
 *
 * Private to setup*.c.
 */
#ifndef XC_CTL_SETUP_PLAN_H
#define XC_CTL_SETUP_PLAN_H

#include <sys/types.h>

#include "output.h"
#include "setup.h"

/* A file that is replaced. */
struct setup_file {
	const char	*path;
	const char	*old, *new;	/* its whole text */
};

struct setup_directory {
	const char	*path;
	const char	*user, *group;	/* "" keeps */
};

#define SETUP_FILES		3	/* xcontext.conf, and two of a server */
#define SETUP_DIRECTORIES	3

struct setup_plan {
	json_t			*steps;	/* for people and programs */
	json_t			*costs;	/* what is lost by it, if anything */
	json_t			*next;	/* what to do when it is done */
	const char		*user;	/* that has to be made; NULL: none */
	struct setup_directory	 directories[SETUP_DIRECTORIES];
	size_t			 n_directories;
	struct setup_file	 files[SETUP_FILES];	/* in this order */
	size_t			 n_files;
};

/* Makes it, of the options and of what is there.  Exits if it cannot be. */
void	setup_plan_make(struct setup *setup, struct setup_plan *plan_r);

/* Prints it, for a person or as JSON. */
void	setup_plan_print(const struct setup *setup,
	    const struct setup_plan *plan);

void	setup_plan_clear(struct setup_plan *plan);

/*
 * For those who make it.
 */

/* A step; old NULL: it is new. */
void	setup_plan_add(struct setup_plan *plan, const char *file,
	    const char *what, const char *old, const char *new,
	    const char *why);

/* A file's text, as the plan leaves it so far. */
const char	*setup_plan_text(struct setup *setup,
		    const struct setup_plan *plan, const char *path);

/* Its new text, made of old, which is what setup_plan_text says. */
void	setup_plan_file(struct setup_plan *plan, const char *path,
	    const char *old, const char *new);

/* The user of the daemons, if there is none. */
void	setup_plan_user(struct setup *setup, struct setup_plan *plan);

/* The directory of a socket, "unix:/path", if there is none; the group is
 * socket_group, or else this one. */
void	setup_plan_directory(struct setup *setup, struct setup_plan *plan,
	    const char *listen, const char *group, const char *why);

/* A sentence of what it costs; a command line that makes it take effect. */
void	setup_plan_cost(struct setup_plan *plan, const char *text);
void	setup_plan_next(struct setup_plan *plan, const char *line);

#endif
