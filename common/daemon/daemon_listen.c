/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * daemon_listen: binds the sockets that daemons serve.
 *
 * It runs as root, in directories that may belong to somebody else: nothing
 * is followed, and only a socket is ever removed or given to a group.
 */
#include "daemon/daemon.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG	1024

/* What is to be bound, and how errors name it. */
struct unix_where {
	const char		*path;
	struct sockaddr_un	 sun;
	mode_t			 mode;
	bool			 has_group;
	gid_t			 gid;
};

static int
find_group(const char *group, struct unix_where *where, struct err *err)
{
	const struct group	*gr;

	where->has_group = group != NULL && *group != '\0';
	if (!where->has_group)
		return 0;
	gr = getgrnam(group);
	if (gr == NULL)
		return err_set(err, "socket_group: unknown group \"%s\"",
		    group);
	where->gid = gr->gr_gid;
	return 0;
}

/* A missing directory gives ENOENT, which says nothing about whose it is. */
static int
check_parent(const char *path, struct err *err)
{
	struct stat	 st;
	char		*dir, *slash;
	int		 result = 0;

	dir = strdup(path);
	if (dir == NULL)
		return err_set(err, "%s: out of memory", path);
	slash = strrchr(dir, '/');
	slash[slash == dir] = '\0';
	if (stat(dir, &st) == -1)
		result = err_set(err, "%s: directory %s: %s", path, dir,
		    errno == ENOENT ? "does not exist; create it for the "
		    "daemon's user" : strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		result = err_set(err, "%s: %s is not a directory", path, dir);
	free(dir);
	return result;
}

/* True if somebody serves the socket: whatever is not plainly nobody. */
static bool
is_live(const struct unix_where *where)
{
	bool	 is_refused;
	int	 fd;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return true;
	is_refused = connect(fd, (const struct sockaddr *)&where->sun,
	    sizeof where->sun) == -1 &&
	    (errno == ECONNREFUSED || errno == ENOENT);
	close(fd);
	return !is_refused;
}

static int
remove_stale(const struct unix_where *where, struct err *err)
{
	struct stat	 st;

	if (lstat(where->path, &st) == -1) {
		if (errno == ENOENT)
			return 0;
		return err_set(err, "%s: %s", where->path, strerror(errno));
	}
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, "%s: exists and is not a socket",
		    where->path);
	if (is_live(where))
		return err_set(err, "%s: another process serves this socket",
		    where->path);
	if (unlink(where->path) == -1 && errno != ENOENT)
		return err_set(err, "%s: cannot remove the stale socket: %s",
		    where->path, strerror(errno));
	return 0;
}

/* By descriptor, lest somebody puts another file in the socket's place. */
static int
give_to_group(const struct unix_where *where, struct err *err)
{
	struct stat	 st;
	int		 fd, result = -1;

	if (!where->has_group)
		return 0;
	fd = open(where->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return err_set(err, "%s: %s", where->path, strerror(errno));
	if (fstat(fd, &st) == -1 || !S_ISSOCK(st.st_mode))
		err_set(err, "%s: the socket was replaced", where->path);
	else if (st.st_gid != where->gid &&
	    fchownat(fd, "", (uid_t)-1, where->gid, AT_EMPTY_PATH) == -1)
		err_set(err, "%s: cannot give it to group %u: %s",
		    where->path, (unsigned)where->gid, strerror(errno));
	else
		result = 0;
	close(fd);
	return result;
}

/*
 * The mode comes from the umask, so that there is no moment in which it is
 * wider; and until listen(2) nobody can connect.
 */
static int
bind_unix(int fd, const struct unix_where *where, struct err *err)
{
	mode_t	 old;
	int	 result;

	old = umask(~where->mode & 0777);
	result = bind(fd, (const struct sockaddr *)&where->sun,
	    sizeof where->sun);
	if (result == -1)
		err_set(err, "%s: cannot bind: %s", where->path,
		    strerror(errno));
	umask(old);
	return result;
}

static int
listen_unix(const char *path, unsigned mode, const char *group,
    struct err *err)
{
	struct unix_where	 where = { .path = path, .mode = mode };
	int			 fd;

	if (strlen(path) >= sizeof where.sun.sun_path)
		return err_set(err, "%s: longer than %zu bytes", path,
		    sizeof where.sun.sun_path - 1);
	if (*path != '/')
		return err_set(err, "%s: expected an absolute path", path);
	where.sun.sun_family = AF_UNIX;
	memcpy(where.sun.sun_path, path, strlen(path) + 1);
	if (find_group(group, &where, err) == -1 ||
	    check_parent(path, err) == -1 || remove_stale(&where, err) == -1)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return err_set(err, "%s: socket: %s", path, strerror(errno));
	if (bind_unix(fd, &where, err) == -1) {
		close(fd);
		return -1;
	}
	if (give_to_group(&where, err) == -1)
		goto fail;
	if (listen(fd, BACKLOG) == -1) {
		err_set(err, "%s: listen: %s", path, strerror(errno));
		goto fail;
	}
	return fd;
fail:
	unlink(path);
	close(fd);
	return -1;
}

static int
listen_address(const struct addrinfo *ai)
{
	int	 fd, on = 1;

	fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, ai->ai_protocol);
	if (fd == -1)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
	    bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	close(fd);
	return -1;
}

static int
listen_resolved(const char *where, const char *host, const char *port,
    struct err *err)
{
	static const struct addrinfo	 hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM
	};
	struct addrinfo			*list, *ai;
	int				 fd = -1, code, saved = 0;

	code = getaddrinfo(host, port, &hints, &list);
	if (code != 0)
		return err_set(err, "%s: %s", where, gai_strerror(code));
	for (ai = list; ai != NULL && fd == -1; ai = ai->ai_next) {
		fd = listen_address(ai);
		saved = errno;
	}
	freeaddrinfo(list);
	if (fd == -1)
		return err_set(err, "%s: cannot listen: %s", where,
		    strerror(saved));
	return fd;
}

/* "host:port", where an IPv6 host may stand in brackets. */
static int
listen_inet(const char *where, const char *host_port, struct err *err)
{
	char	*copy, *host, *port;
	size_t	 n;
	int	 fd;

	copy = strdup(host_port);
	if (copy == NULL)
		return err_set(err, "%s: out of memory", where);
	host = copy;
	port = strrchr(copy, ':');
	if (port == NULL || port == copy || port[1] == '\0') {
		free(copy);
		return err_set(err, "%s: expected \"unix:/path\" or "
		    "\"inet:host:port\"", where);
	}
	*port++ = '\0';
	n = strlen(host);
	if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		host++;
	}
	fd = listen_resolved(where, host, port, err);
	free(copy);
	return fd;
}

int
daemon_listen(const char *where, unsigned mode, const char *group,
    struct err *err)
{
	if (strncmp(where, "unix:", 5) == 0)
		return listen_unix(where + 5, mode, group, err);
	if (strncmp(where, "inet:", 5) == 0)
		return listen_inet(where, where + 5, err);
	return listen_inet(where, where, err);
}
