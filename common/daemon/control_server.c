/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * control_server: see control_server.h.
 */
#include "daemon/control_server.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/procinfo.h"
#include "daemon/acceptor.h"
#include "daemon/control.h"
#include "daemon/control_conn.h"
#include "daemon/daemon.h"
#include "daemon/log.h"

#define CONNECTIONS_MAX	8	/* at once */

struct control_server {
	char			 path[CONTROL_PATH_SIZE];
	struct acceptor		*acceptor;
	struct event		*wake;
	struct control_conns	 conns;
};

/*
 * Who comes
 */

/* Who is not let in learns why, if that can be said at once. */
static void
turn_away(int fd, const char *why)
{
	char	 line[128];
	int	 n;

	n = snprintf(line, sizeof line, "{\"error\":\"%s\"}\n", why);
	(void)!send(fd, line, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)close(fd);
}

static bool
is_allowed(struct control_server *server, int fd)
{
	struct procinfo_peer	 peer = { .pid = 0 };
	struct conf		*conf;
	char			 uid[16] = "?";
	bool			 is_yes = false;

	if (procinfo_peer(fd, &peer)) {
		conf = server->conns.ops.conf(server->conns.ops.arg);
		is_yes = peer.uid == geteuid() || (conf != NULL &&
		    conf_controls_uid(conf, peer.uid));
		conf_unref(conf);
		(void)snprintf(uid, sizeof uid, "%ld", (long)peer.uid);
	}
	if (!is_yes)
		LOG(LOG_LEVEL_WARNING, NULL, "control_refused",
		    { "reason", "user is not in control_users" },
		    { "uid", uid });
	return is_yes;
}

static bool
make_room(struct control_server *server)
{
	return server->conns.n < CONNECTIONS_MAX ||
	    control_conn_end_silent(&server->conns);
}

static void
take(void *arg, int fd, const struct sockaddr_storage *from)
{
	struct control_server	*server = arg;

	(void)from;
	if (!is_allowed(server, fd))
		turn_away(fd, "this user is not in control_users");
	else if (!make_room(server))
		turn_away(fd, "there are too many connections already");
	else
		control_conn_new(&server->conns, fd);
}

/* By what another thread has left: a line for a trace, the end of a reload. */
static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct control_server	*server = arg;
	uint64_t		 count;

	(void)what;
	(void)!read(fd, &count, sizeof count);
	control_conn_wake(&server->conns);
}

/*
 * The server
 */

/* The socket is the daemon's user's; who else may come is seen when he does. */
static mode_t
mode_for(const struct conf *conf)
{
	return conf->n_control_uids > 0 ? 0666 : 0600;
}

static int
listen_to(struct control_server *server, const struct conf *conf,
    struct err *err)
{
	char	 where[CONTROL_PATH_SIZE + sizeof "unix:"];
	int	 fd;

	if (control_path(conf, daemon_status().program, server->path, err) ==
	    -1)
		return -1;
	(void)snprintf(where, sizeof where, "unix:%s", server->path);
	fd = daemon_listen(where, mode_for(conf), NULL, err);
	if (fd == -1)
		return -1;
	server->acceptor = acceptor_new(server->conns.base, fd, take, server);
	if (server->acceptor != NULL)
		return 0;
	(void)close(fd);
	(void)unlink(server->path);
	return err_set(err, "control: out of memory");
}

struct control_server *
control_server_new(struct event_base *base, const struct conf *conf,
    const struct control_server_ops *ops, struct err *err)
{
	struct control_server	*server = calloc(1, sizeof *server);

	if (server == NULL) {
		(void)err_set(err, "control: out of memory");
		return NULL;
	}
	server->conns.base = base;
	server->conns.ops = *ops;
	server->conns.since_ms = clock_ms(CLOCK_REALTIME);
	LIST_INIT(&server->conns.list);
	server->conns.listeners = json_array();
	server->conns.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (server->conns.wake_fd != -1)
		server->wake = event_new(base, server->conns.wake_fd, EV_READ |
		    EV_PERSIST, on_wake, server);
	if (server->conns.listeners == NULL || server->wake == NULL ||
	    event_add(server->wake, NULL) != 0)
		(void)err_set(err, "control: out of memory or descriptors");
	else if (listen_to(server, conf, err) == 0)
		return server;
	control_server_free(server);
	return NULL;
}

void
control_server_free(struct control_server *server)
{
	if (server == NULL)
		return;
	control_conn_end_all(&server->conns);
	if (server->acceptor != NULL)
		(void)unlink(server->path);
	acceptor_free(server->acceptor);
	if (server->wake != NULL)
		event_free(server->wake);
	if (server->conns.wake_fd != -1)
		(void)close(server->conns.wake_fd);
	json_decref(server->conns.listeners);
	free(server);
}

void
control_server_add_listener(struct control_server *server, const char *name,
    const char *where)
{
	if (server != NULL && *where != '\0')
		(void)json_array_append_new(server->conns.listeners,
		    json_pack("{s:s, s:s}", "name", name, "where", where));
}

void
control_server_reloaded(struct control_server *server,
    const struct conf *conf)
{
	const uint64_t	 one = 1;

	if (server == NULL)
		return;
	if (conf != NULL)
		(void)chmod(server->path, mode_for(conf));
	(void)!write(server->conns.wake_fd, &one, sizeof one);
}

void
control_server_remove(struct control_server *server)
{
	if (server != NULL)
		(void)unlink(server->path);
}
