/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * server: listeners, who may connect to them, and which process of the mail
 * server's it is: the session that a connection's questions are about.
 *
 * What would surprise: a connection whose process cannot be told, or is
 * proxymap(8), which asks for many sessions, is taken all the same: it is
 * answered "cannot tell", and why.  Closed without a word it would come again
 * at once.
 */
#include "server_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/procinfo.h"
#include "daemon/acceptor.h"
#include "daemon/daemon.h"
#include "daemon/log.h"

#define PROXYMAP	"proxymap"

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

/* Says once, until it is better, what is wrong with somebody's process. */
static void
tell_no_process(struct server *server, pid_t pid, const char *why,
    const char *text)
{
	char	 number[16];

	(void)snprintf(number, sizeof number, "%ld", (long)pid);
	if (server->said_why != why)
		LOG(LOG_LEVEL_WARNING, NULL, "no_peer_process",
		    { "reason", why }, { "pid", number }, { "text", text });
	server->said_why = why;
}

/* The ledger's entry of a process.  NULL: its session cannot be told, and
 * *why_r says why. */
static struct ledger_proc *
find_proc(struct server *server, pid_t pid, const char **why_r)
{
	static const char	 unknown[] = "it cannot be told which session "
				     "this is";
	static const char	 many[] = "proxymap(8) asks for many sessions "
				     "at once, write socketmap: without proxy:";
	struct ledger_proc	*proc;
	struct procinfo		 info;
	struct err		 err;

	*why_r = unknown;
	if (procinfo_look(pid, &info) != PROCINFO_THERE) {
		tell_no_process(server, pid, unknown, "the mail server's "
		    "process cannot be seen (no descriptors, other pid "
		    "namespace, hidepid?): lookups get TEMP, mail gets 451");
		return NULL;
	}
	if (strcmp(info.command, PROXYMAP) == 0) {
		*why_r = many;
		tell_no_process(server, pid, many, "lookups get TEMP");
		return NULL;
	}
	server->said_why = NULL;
	proc = ledger_proc_get(server->ledger, pid, info.start, &err);
	if (proc == NULL)
		LOG(LOG_LEVEL_ERROR, NULL, "error", { "text", err.text });
	return proc;
}

/* Takes the connection, or closes it. */
static void
admit(struct server *server, int fd, enum server_protocol protocol)
{
	struct procinfo_peer	 peer;
	struct ledger_proc	*proc;
	const char		*why;

	if (!identify(server, fd, &peer)) {
		(void)close(fd);
		return;
	}
	proc = find_proc(server, peer.pid, &why);
	if (conn_new(server, fd, protocol, proc, why) != NULL)
		return;
	LOG(LOG_LEVEL_ERROR, NULL, "error", { "text", "out of memory" });
	if (proc != NULL)
		ledger_proc_put(server->ledger, proc, false);
	(void)close(fd);
}

static void
take(void *arg, int fd, const struct sockaddr_storage *from)
{
	struct listener	*listener = arg;
	struct server	*server = listener->server;

	(void)from;
	if (server->n_conns < server->conns_max) {
		admit(server, fd, listener->protocol);
		return;
	}
	LOG(LOG_LEVEL_WARNING, NULL, "connection_refused",
	    { "reason", "limits.connections is reached" });
	(void)close(fd);
}

int
server_listen(struct server *server, int fd, enum server_protocol protocol)
{
	struct listener	*listener;

	if (server->n_listeners == LISTENERS_MAX)
		return -1;
	listener = &server->listeners[server->n_listeners];
	listener->server = server;
	listener->protocol = protocol;
	listener->acceptor = acceptor_new(server->base, fd, take, listener);
	if (listener->acceptor == NULL)
		return -1;
	server->n_listeners++;
	return 0;
}

void
server_stop_listening(struct server *server)
{
	while (server->n_listeners > 0)
		acceptor_free(
		    server->listeners[--server->n_listeners].acceptor);
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

/* So many that there is always a descriptor for what serves those there are. */
static unsigned
connections_max(const struct conf *conf)
{
	unsigned	 room = daemon_descriptors(SERVER_SPARE_DESCRIPTORS);

	return room < conf->limits.connections ? room :
	    conf->limits.connections;
}

struct server *
server_new(struct event_base *base, struct conf *conf,
    struct ledger *ledger, struct metrics *metrics)
{
	struct server	*server = calloc(1, sizeof *server);

	if (server == NULL)
		return NULL;
	/* Acceptors come first (acceptor.h): else what waits on a connection
	 * that is not accepted yet would come a turn late. */
	if (event_base_priority_init(base, 2) != 0 ||
	    !turn_init(&server->turn, base)) {
		free(server);
		return NULL;
	}
	server->base = base;
	server->conf = conf_ref(conf);
	server->conns_max = connections_max(conf);
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
	server->conns_max = connections_max(conf);
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
	turn_end(&server->turn);
	conf_unref(server->conf);
	free(server);
}
