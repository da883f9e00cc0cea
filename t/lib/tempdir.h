/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * tempdir: a directory of a test's own, and its removal with all in it.
 */
#ifndef XC_T_TEMPDIR_H
#define XC_T_TEMPDIR_H

#include <sys/stat.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#define TEMPDIR_SIZE	64

/* Aborts the test if it cannot be made. */
static inline void
tempdir_make(char dir[TEMPDIR_SIZE])
{
	const char	*tmp = getenv("TMPDIR");

	(void)snprintf(dir, TEMPDIR_SIZE, "%.40s/xc.XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(dir) == NULL)
		abort();
}

static inline int
tempdir_remove_entry(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void
tempdir_remove(const char *dir)
{
	(void)nftw(dir, tempdir_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
