/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * peerpid: which process is behind a libmilter session.
 *
 * libmilter's interface does not tell the session's socket.  This is the only
 * module that knows where it lies in libmilter's own, private structure; it
 * believes nothing of what it finds there until the kernel has confirmed it.
 */
#ifndef XC_PEERPID_H
#define XC_PEERPID_H

#include <sys/socket.h>

#include <stdbool.h>

#include "base/procinfo.h"

struct smfi_str;	/* libmilter's SMFICTX */

/* The address that libmilter listens on, as getsockname(2) gives it. */
struct peerpid {
	struct sockaddr_storage	 name;
	socklen_t		 len;	/* 0: no process can be told */
};

/*
 * Remembers the address.  One that is no UNIX-domain address, or a libmilter
 * whose structure is not known to be the expected one, leaves len 0.
 */
void	peerpid_init(struct peerpid *listen, const struct sockaddr *name,
	    socklen_t len);

enum peerpid_result {
	PEERPID_FOUND,
	PEERPID_NONE,
	PEERPID_CANNOT_TELL
};

/*
 * The process that opened this session's connection.  NONE: there is no way to
 * know, for want of an address, or because what the structure holds is not a
 * connected socket of our listening address; so it is for all sessions.
 * CANNOT_TELL: the system would not say just now.  *peer_r is written on FOUND.
 */
enum peerpid_result	peerpid_find(const struct peerpid *listen,
			    const struct smfi_str *ctx,
			    struct procinfo_peer *peer_r);

#endif
