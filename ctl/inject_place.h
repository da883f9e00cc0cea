/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_place: a file in a directory that may be anybody's.
 *
 * Whoever may write to a directory can put a link, or another directory, in the
 * place of one below it at any moment.  So a path is walked once, name by name,
 * and what is done after that is done in the directory that was found then.
 * Where we are root, a link is followed only if root has made it.  Without
 * root's rights nothing can be reached that the user could not reach himself.
 */
#ifndef XC_CTL_INJECT_PLACE_H
#define XC_CTL_INJECT_PLACE_H

#include <sys/stat.h>

#include <limits.h>
#include <stdbool.h>

#include "base/err.h"

struct inject_place {
	int	 dir;			/* -1: none */
	char	 name[NAME_MAX + 1];	/* in it; "." for "/" */
};

/* Opens what is there, with these flags of open(2).  -1 with err, and errno. */
int	inject_place_reach(const char *path, int flags, struct err *err);

/* The directory that the last name of the path is in.  0: to be cleared; -1 with
 * err. */
int	inject_place_init(struct inject_place *place, const char *path,
	    struct err *err);
void	inject_place_clear(struct inject_place *place);

/* As inject_place_reach, of the place. */
int	inject_place_open(const struct inject_place *place, int flags,
	    struct err *err);

/* What was changed in the directory is on disk.  0, or -1 with errno. */
int	inject_place_sync(const struct inject_place *place);

/*
 * True of a file in that directory that root must leave alone: a second name of
 * another user's file, whom the directory is not.
 */
bool	inject_place_is_others(int dir, const struct stat *st);

/*
 * 0 if nobody but us can change what the path leads to.  It is for programs that
 * take paths and go them anew: -1 with err.
 */
int	inject_place_check(const char *path, struct err *err);

#endif
