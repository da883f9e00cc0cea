/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * listener: what libmilter could fail at is tried with a socket of our own,
 * which also tells the address that a name stands for.
 */
#include "listener.h"

#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "base/address.h"
#include "daemon/daemon.h"

#define CONN_SIZE	256	/* a libmilter connection string */

static bool
is_unix(const struct listener *l)
{
	return l->name.ss_family == AF_UNIX;
}

static const char *
path_of(const struct listener *l)
{
	return ((const struct sockaddr_un *)&l->name)->sun_path;
}

static bool
is_loopback(const struct listener *l)
{
	const struct sockaddr_in6	*sin6;
	struct address			 addr;

	addr = address_from_sockaddr((const struct sockaddr *)&l->name, NULL);
	if (addr.family == AF_INET)
		return addr.bytes[0] == 127;
	sin6 = (const struct sockaddr_in6 *)&l->name;
	return addr.family == AF_INET6 &&
	    IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr);
}

/* Opens the socket and closes it again; nobody can connect meanwhile. */
static int
try(const char *where, struct listener *l, struct err *err)
{
	int	 fd, rc = 0;

	fd = daemon_listen(where, 0, "", err);
	if (fd == -1)
		return -1;
	l->len = sizeof l->name;
	if (getsockname(fd, (struct sockaddr *)&l->name, &l->len) != 0)
		rc = err_set(err, "%s: %s", where, strerror(errno));
	(void)close(fd);
	if (rc != 0)
		return rc;
	if (is_unix(l))
		(void)unlink(path_of(l));
	else if (!is_loopback(l))
		return err_set(err, "%s: not a loopback address: over TCP "
		    "allowed_users cannot be enforced", where);
	return 0;
}

static void
connection_string(const struct listener *l, char *buf, size_t size)
{
	struct address	 addr;
	char		 text[ADDRESS_TEXT_SIZE];
	uint16_t	 port;

	if (is_unix(l)) {
		(void)snprintf(buf, size, "unix:%s", path_of(l));
		return;
	}
	addr = address_from_sockaddr((const struct sockaddr *)&l->name, &port);
	(void)snprintf(buf, size, "%s:%u@[%s]",
	    addr.family == AF_INET6 ? "inet6" : "inet", port,
	    address_format(&addr, text, sizeof text));
}

/* With this umask only root could connect before the mode is set. */
static int
open_by_library(const struct listener *l, const char *where, struct err *err)
{
	char	 conn[CONN_SIZE];
	mode_t	 old;
	int	 status;

	connection_string(l, conn, sizeof conn);
	if (smfi_setconn(conn) != MI_SUCCESS)
		return err_set(err, "%s: libmilter does not take \"%s\"",
		    where, conn);
	old = umask(0777);
	status = smfi_opensocket(false);
	(void)umask(old);
	return status == MI_SUCCESS ? 0 : err_set(err, "%s: libmilter cannot "
	    "open it (its reason is in syslog)", where);
}

/* By descriptor: the directory may belong to somebody who puts another file
 * in the socket's place. */
static int
set_access(int fd, unsigned mode, const char *group, struct err *err)
{
	const struct group	*gr;
	char			 proc[32];

	if (group != NULL && *group != '\0') {
		gr = getgrnam(group);
		if (gr == NULL)
			return err_set(err, "socket_group: unknown group "
			    "\"%s\"", group);
		if (fchownat(fd, "", (uid_t)-1, gr->gr_gid,
		    AT_EMPTY_PATH) != 0)
			return err_set(err, "cannot give it to group \"%s\": "
			    "%s", group, strerror(errno));
	}
	/* fchmod(2) takes no O_PATH descriptor. */
	(void)snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
	return chmod(proc, (mode_t)mode) == 0 ? 0 :
	    err_set(err, "cannot set its mode: %s", strerror(errno));
}

static int
give_access(struct listener *l, unsigned mode, const char *group,
    struct err *err)
{
	struct stat	 st;
	struct err	 why;
	int		 fd, rc;

	fd = open(path_of(l), O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return err_set(err, "%s: %s", path_of(l), strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISSOCK(st.st_mode))
		rc = err_set(&why, "the socket was replaced");
	else
		rc = set_access(fd, mode, group, &why);
	(void)close(fd);
	if (rc != 0)
		return err_set(err, "%s: %s", path_of(l), why.text);
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return 0;
}

int
listener_open(const char *where, unsigned mode, const char *group,
    struct listener *listener, struct err *err)
{
	*listener = (struct listener){ .len = 0 };
	if (try(where, listener, err) != 0 ||
	    open_by_library(listener, where, err) != 0)
		return -1;
	return is_unix(listener) ? give_access(listener, mode, group, err) : 0;
}

void
listener_remove(const struct listener *listener)
{
	struct stat	 st;

	if (is_unix(listener) && lstat(path_of(listener), &st) == 0 &&
	    st.st_dev == listener->dev && st.st_ino == listener->ino)
		(void)unlink(path_of(listener));
}
