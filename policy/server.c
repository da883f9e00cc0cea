/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * server: listeners, and who may connect to them.
 */
#include "server_private.h"

#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "procinfo.h"

#define ACCEPTS_PER_TURN 64

/* Who is there, if that may be here.  False: it may not. */
static bool
identify(struct server *server, int fd, struct procinfo_peer *peer_r)
{
	char	 uid[16];

	*peer_r = (struct procinfo_peer){ .pid = 0 };
	if (!procinfo_peer(fd, peer_r)) {
		LOG(LOG_LEVEL_WARNING, NULL, "connection_refused",
		    { "reason", "the user behind the socket is not known" });
		return false;
	}
	if (conf_allows_uid(server->conf, peer_r->uid))
		return true;
	(void)snprintf(uid, sizeof uid, "%ld", (long)peer_r->uid);
	LOG(LOG_LEVEL_WARNING, NULL, "connection_refused",
	    { "reason", "user is not in allowed_users" }, { "uid", uid });
	return false;
}

/* The ledger's entry of a process.  False: the connection cannot be served. */
static bool
find_proc(struct server *server, pid_t pid, struct ledger_proc **proc_r)
{
	struct err	 err;
	uint64_t	 start = procinfo_start(pid);

	*proc_r = NULL;
	if (start == 0) {
		if (!server->has_said_no_pid)
			LOG(LOG_LEVEL_WARNING, NULL, "no_peer_process",
			    { "reason", "the mail server's process cannot be "
			    "seen (other pid namespace, hidepid?): sessions "
			    "cannot be followed, lookups get TEMP" });
		server->has_said_no_pid = true;
		return true;
	}
	*proc_r = ledger_proc_get(server->ledger, pid, start, &err);
	if (*proc_r == NULL)
		LOG(LOG_LEVEL_ERROR, NULL, "error", { "text", err.text });
	return *proc_r != NULL;
}

/* Takes the connection, or closes it. */
static void
admit(struct server *server, int fd, enum server_protocol protocol)
{
	struct procinfo_peer	 peer;
	struct ledger_proc	*proc;

	if (!identify(server, fd, &peer) ||
	    !find_proc(server, peer.pid, &proc)) {
		(void)close(fd);
		return;
	}
	if (conn_new(server, fd, protocol, proc) != NULL)
		return;
	if (proc != NULL)
		ledger_proc_put(server->ledger, proc, false);
	(void)close(fd);
}

static void
accept_ready(evutil_socket_t fd, short what, void *arg)
{
	struct listener	*listener = arg;
	struct server	*server = listener->server;
	int		 i, peer;

	(void)what;
	for (i = 0; i < ACCEPTS_PER_TURN; i++) {
		if (server->n_conns >= server->conf->limits.connections) {
			LOG(LOG_LEVEL_WARNING, NULL, "connection_refused",
			    { "reason", "limits.connections is reached" });
			peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
			if (peer != -1)
				(void)close(peer);
			return;
		}
		peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (peer == -1) {
			if (errno != EAGAIN && errno != EINTR &&
			    errno != ECONNABORTED)
				LOG(LOG_LEVEL_ERROR, NULL, "error",
				    { "text", strerror(errno) });
			return;
		}
		admit(server, peer, listener->protocol);
	}
}

int
server_listen(struct server *server, int fd, enum server_protocol protocol)
{
	struct listener	*listener;

	if (server->n_listeners == LISTENERS_MAX)
		return -1;
	listener = &server->listeners[server->n_listeners];
	listener->server = server;
	listener->fd = fd;
	listener->protocol = protocol;
	if (event_assign(&listener->event, server->base, fd,
	    EV_READ | EV_PERSIST, accept_ready, listener) != 0 ||
	    event_add(&listener->event, NULL) != 0)
		return -1;
	listener->is_open = true;
	server->n_listeners++;
	return 0;
}

void
server_stop_listening(struct server *server)
{
	struct listener	*l;

	for (l = server->listeners;
	    l < server->listeners + server->n_listeners; l++) {
		if (!l->is_open)
			continue;
		(void)event_del(&l->event);
		(void)close(l->fd);
		l->is_open = false;
	}
}

bool
server_is_idle(const struct server *server)
{
	const struct conn	*conn;

	LIST_FOREACH(conn, &server->conns, entry)
		if (conn->in != NULL || conn->out != NULL)
			return false;
	return true;
}

struct server *
server_new(struct event_base *base, struct conf *conf,
    struct ledger *ledger, struct metrics *metrics)
{
	struct server	*server = calloc(1, sizeof *server);

	if (server == NULL)
		return NULL;
	server->base = base;
	server->conf = conf_ref(conf);
	server->ledger = ledger;
	server->metrics = metrics;
	LIST_INIT(&server->conns);
	return server;
}

void
server_set_conf(struct server *server, struct conf *conf)
{
	struct conf	*old = server->conf;

	server->conf = conf_ref(conf);
	conf_unref(old);
}

void
server_free(struct server *server)
{
	struct conn	*conn;

	if (server == NULL)
		return;
	server_stop_listening(server);
	while ((conn = LIST_FIRST(&server->conns)) != NULL)
		conn_close(conn, END_OURS);
	conf_unref(server->conf);
	free(server);
}
