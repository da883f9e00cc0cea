/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * peerpid: reads the socket out of libmilter's context, with proof.
 *
 * From 8.12 to 8.18 the context begins with a thread's id and the session's
 * descriptor.  A number that stands there is taken for the descriptor only if
 * it is a socket, connected, and bound to the address that we listen on.
 */
#include "peerpid.h"

#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include <libmilter/mfapi.h>

/* The interface's version: all libmilters since 8.14 say 1.0.x. */
#define LIBRARY_MAJOR	1
#define LIBRARY_MINOR	0

struct context_head {
	pthread_t	id;
	int		sd;
};

static bool
is_known_library(void)
{
	unsigned	 major, minor, patch;

	return smfi_version(&major, &minor, &patch) == MI_SUCCESS &&
	    major == LIBRARY_MAJOR && minor == LIBRARY_MINOR;
}

void
peerpid_init(struct peerpid *listen, const struct sockaddr *name,
    socklen_t len)
{
	*listen = (struct peerpid){ .len = 0 };
	if (name->sa_family != AF_UNIX || len > sizeof listen->name ||
	    len <= offsetof(struct sockaddr_un, sun_path) ||
	    !is_known_library())
		return;
	memcpy(&listen->name, name, len);
	listen->len = len;
}

/* True if both name the same path; what follows its NUL is of no account. */
static bool
is_same_path(const struct sockaddr_storage *a, socklen_t a_len,
    const struct sockaddr_storage *b, socklen_t b_len)
{
	const size_t	 head = offsetof(struct sockaddr_un, sun_path);
	const char	*pa = ((const struct sockaddr_un *)a)->sun_path;
	const char	*pb = ((const struct sockaddr_un *)b)->sun_path;
	size_t		 na = strnlen(pa, a_len - head);
	size_t		 nb = strnlen(pb, b_len - head);

	return na > 0 && na == nb && memcmp(pa, pb, na) == 0;
}

/* What a call that failed says of the number that it was given. */
static enum peerpid_result
failed(void)
{
	return errno == EBADF || errno == ENOTSOCK ? PEERPID_NONE :
	    PEERPID_CANNOT_TELL;
}

static enum peerpid_result
is_named(const struct peerpid *listen, int fd)
{
	struct sockaddr_storage	 name;
	socklen_t		 len = sizeof name;

	memset(&name, 0, sizeof name);
	if (getsockname(fd, (struct sockaddr *)&name, &len) != 0)
		return failed();
	return name.ss_family == AF_UNIX && len <= sizeof name &&
	    len > offsetof(struct sockaddr_un, sun_path) &&
	    is_same_path(&listen->name, listen->len, &name, len) ?
	    PEERPID_FOUND : PEERPID_NONE;
}

/* A listening socket has the right name, too, but its "peer" is ourselves. */
static enum peerpid_result
is_connection(int fd)
{
	int		 is_listening;
	socklen_t	 len = sizeof is_listening;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening,
	    &len) != 0)
		return failed();
	return is_listening ? PEERPID_NONE : PEERPID_FOUND;
}

static enum peerpid_result
is_ours(const struct peerpid *listen, int fd)
{
	enum peerpid_result	 result;
	struct stat		 st;

	if (fd < 0)
		return PEERPID_NONE;
	if (fstat(fd, &st) != 0)
		return failed();
	if (!S_ISSOCK(st.st_mode))
		return PEERPID_NONE;
	result = is_named(listen, fd);
	return result == PEERPID_FOUND ? is_connection(fd) : result;
}

enum peerpid_result
peerpid_find(const struct peerpid *listen, const struct smfi_str *ctx,
    struct procinfo_peer *peer_r)
{
	struct context_head	 head;
	enum peerpid_result	 result;

	if (listen->len == 0)
		return PEERPID_NONE;
	memcpy(&head, ctx, sizeof head);
	result = is_ours(listen, head.sd);
	if (result == PEERPID_FOUND && !procinfo_peer(head.sd, peer_r))
		return PEERPID_CANNOT_TELL;
	return result;
}
