/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * durable: files that are on disk, whole, when a call returns: so that a crash
 * of the host leaves what was there, or what is there now.
 */
#ifndef XC_DURABLE_H
#define XC_DURABLE_H

#include <sys/types.h>

/* Whose a file is, and who may do what with it. */
struct durable_owner {
	uid_t	 uid;
	gid_t	 gid;
	mode_t	 mode;
};

/*
 * Makes a new file of that text, in place of one of that name; owner NULL: ours
 * alone (0600).  Its directory is still to be synced, when it has taken its
 * place.  0, or -1 with errno: there is none.
 */
int	durable_write(const char *path, const char *text,
	    const struct durable_owner *owner);

/* Writes all of buf, which is not synced.  0, or -1 with errno. */
int	durable_put(int fd, const char *buf, size_t n);

/* What has changed in a directory, or in the one that path is in, is on disk.
 * 0, or -1 with errno. */
int	durable_sync(const char *directory);
int	durable_sync_parent(const char *path);

#endif
