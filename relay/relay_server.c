/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * relay_server: see relay_server.h.  What dialogues have to tell goes through
 * here to the log and the metrics.
 */
#include "relay_server.h"

#include <bsd/sys/cdefs.h>
#include <bsd/sys/tree.h>
#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/procinfo.h"
#include "carrier.h"
#include "daemon/acceptor.h"
#include "daemon/daemon.h"
#include "daemon/log.h"
#include "host_memory.h"
#include "relay_log.h"

#define SOCKET_MODE		0660

struct listener {
	struct relay_server	*server;
	struct acceptor		*acceptor;	/* NULL: not any more */
	char			*name;		/* of the relay */
	unsigned		 n_sessions;
};

/* How many connections an address has with a relay, be it a peer's or that of
 * whom a peer's PROXY header names. */
struct peer_count {
	RB_ENTRY(peer_count)	 entry;
	const struct listener	*listener;
	struct address		 addr;
	unsigned		 n;
};

RB_HEAD(peer_tree, peer_count);

struct relay_server {
	struct carrier_env	 env;
	struct served		*served;
	struct relay_metrics	*metrics;
	struct relay_log	 log;
	struct judgement	 judgement;
	struct access_keys	 keys;
	struct peer_tree	 peers;
	struct listener		*listeners;
	unsigned		 n_listeners;
	char			 buf[CARRIER_BUF_SIZE];
};

static int
compare_peers(const struct peer_count *a, const struct peer_count *b)
{
	if (a->listener != b->listener)
		return a->listener < b->listener ? -1 : 1;
	return memcmp(&a->addr, &b->addr, sizeof a->addr);
}

RB_GENERATE_INTERNAL(peer_tree, peer_count, entry, compare_peers,
    static __attribute__((unused)))

/*
 * Peers
 */

/* False: the address has as many as it may have, or out of memory. */
static bool
add_peer(struct listener *listener, const struct address *addr, unsigned max)
{
	struct peer_tree	*peers = &listener->server->peers;
	struct peer_count	 key = { .listener = listener,
				     .addr = *addr }, *peer;

	peer = RB_FIND(peer_tree, peers, &key);
	if (peer == NULL) {
		peer = calloc(1, sizeof *peer);
		if (peer == NULL)
			return false;
		peer->listener = listener;
		peer->addr = *addr;
		RB_INSERT(peer_tree, peers, peer);
	}
	if (max > 0 && peer->n >= max)
		return false;
	peer->n++;
	return true;
}

static void
remove_peer(struct listener *listener, const struct address *addr)
{
	struct peer_tree	*peers = &listener->server->peers;
	struct peer_count	 key = { .listener = listener,
				     .addr = *addr }, *peer;

	peer = RB_FIND(peer_tree, peers, &key);
	if (peer == NULL || --peer->n > 0)
		return;
	RB_REMOVE(peer_tree, peers, peer);
	free(peer);
}

static struct listener *
listener_of(const struct relay_server *server, const struct served_relay *relay)
{
	unsigned	 i;

	for (i = 0; i < server->n_listeners; i++)
		if (strcmp(server->listeners[i].name,
		    relay->conf->name) == 0)
			return &server->listeners[i];
	return NULL;
}

static void
on_gone(void *arg, const struct served_relay *relay,
    const struct address *counted)
{
	struct relay_server	*server = arg;
	struct listener		*listener = listener_of(server, relay);

	listener->n_sessions--;
	if (counted != NULL)
		remove_peer(listener, counted);
	relay_metrics_end(server->metrics);
}

/* client NULL: it is the peer. */
static void
note_refused(struct relay_server *server, enum relay_refusal why,
    const char *reason, const struct address *peer,
    const struct address *client)
{
	char	 from[ADDRESS_TEXT_SIZE], whose[ADDRESS_TEXT_SIZE];

	relay_metrics_refuse(server->metrics, why);
	LOG(LOG_LEVEL_WARNING, NULL, "connection_refused",
	    { "reason", reason },
	    { "peer", address_format(peer, from, sizeof from) },
	    { "client", client == NULL ? NULL :
	    address_format(client, whose, sizeof whose) });
}

static bool
on_admit(void *arg, const struct served_relay *relay,
    const struct address *client, const struct address *peer)
{
	struct relay_server	*server = arg;

	if (add_peer(listener_of(server, relay), client,
	    relay->conf->peer_connections))
		return true;
	note_refused(server, RELAY_REFUSED_PEER_CONNECTIONS,
	    "peer_connections is reached", peer, client);
	return false;
}

static void
on_tls(void *arg, enum dialogue_side side, bool is_done)
{
	relay_metrics_tls(((struct relay_server *)arg)->metrics,
	    side == DIALOGUE_CLIENT ? RELAY_INBOUND : RELAY_OUTBOUND, is_done);
}

static void
on_refused(void *arg, enum relay_refusal why)
{
	relay_metrics_refuse(((struct relay_server *)arg)->metrics, why);
}

static void
on_report(void *arg, const struct dialogue_report *report)
{
	relay_log_report(&((struct relay_server *)arg)->log, report);
}

/*
 * Connections
 */

/* A client that is turned away is told so, if that costs no waiting. */
static void
turn_away(struct relay_server *server, int fd, const struct address *peer,
    enum relay_refusal why, const char *reason)
{
	const char	*reply = why == RELAY_REFUSED_PEER ?
			     "421 4.7.0 you may not use this service\r\n" :
			     "421 4.7.0 too many connections\r\n";

	note_refused(server, why, reason, peer, NULL);
	(void)send(fd, reply, strlen(reply), MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)close(fd);
}

static bool
is_allowed_user(const struct relay_server *server, int fd, pid_t *pid_r)
{
	struct procinfo_peer	 user;

	if (!procinfo_peer(fd, &user) ||
	    !conf_allows_uid(served_conf(server->served), user.uid))
		return false;
	*pid_r = user.pid;
	return true;
}

static void
admit(struct listener *listener, const struct served_relay *relay, int fd,
    const struct sockaddr_storage *from)
{
	struct relay_server	*server = listener->server;
	const struct sockaddr	*sa = (const struct sockaddr *)from;
	struct sockaddr_storage	 local;
	socklen_t		 len = sizeof local;
	struct dialogue_peer	 peer = { .name = NULL };
	bool			 is_counted;

	peer.addr = address_from_sockaddr(sa, &peer.port);
	if (getsockname(fd, (struct sockaddr *)&local, &len) == 0)
		peer.local = address_from_sockaddr(
		    (const struct sockaddr *)&local, &peer.local_port);
	if (sa->sa_family == AF_UNIX) {
		if (!is_allowed_user(server, fd, &peer.pid)) {
			turn_away(server, fd, &peer.addr, RELAY_REFUSED_PEER,
			    "user is not in allowed_users");
			return;
		}
		/* Rules by name can speak of it. */
		peer.name = "localhost";
	}
	if (listener->n_sessions >= relay->conf->connections) {
		turn_away(server, fd, &peer.addr, RELAY_REFUSED_CONNECTIONS,
		    "connections is reached");
		return;
	}
	is_counted = !carrier_awaits_header(relay, &peer.addr);
	if (is_counted && !add_peer(listener, &peer.addr,
	    relay->conf->peer_connections)) {
		turn_away(server, fd, &peer.addr,
		    RELAY_REFUSED_PEER_CONNECTIONS,
		    "peer_connections is reached");
		return;
	}
	listener->n_sessions++;
	relay_metrics_begin(server->metrics);
	if (carrier_new(&server->env, server->served, relay, fd, &peer))
		return;
	LOG(LOG_LEVEL_ERROR, NULL, "error", { "text", "out of memory" });
	on_refused(server, RELAY_REFUSED_RESOURCES);
	on_gone(server, relay, is_counted ? &peer.addr : NULL);
}

static void
take(void *arg, int fd, const struct sockaddr_storage *from)
{
	struct listener			*listener = arg;
	const struct served_relay		*relay;

	relay = served_relay_find(listener->server->served,
	    listener->name);
	if (relay == NULL)	/* gone since a reload */
		(void)close(fd);
	else
		admit(listener, relay, fd, from);
}

/*
 * The server
 */

int
relay_server_bind(const struct conf *conf, int *fds, struct err *err)
{
	unsigned	 i;

	for (i = 0; i < conf->n_relays; i++) {
		fds[i] = daemon_listen(conf->relays[i].listen, SOCKET_MODE,
		    conf->socket_group, err);
		if (fds[i] == -1)
			return -1;
	}
	return 0;
}

static bool
listen_to(struct relay_server *server, const struct served_relay *relay, int fd)
{
	struct listener	*l = &server->listeners[server->n_listeners];

	l->server = server;
	l->name = strdup(relay->conf->name);
	if (l->name != NULL)
		l->acceptor = acceptor_new(server->env.base, fd, take, l);
	if (l->acceptor == NULL) {
		free(l->name);
		return false;
	}
	server->n_listeners++;
	return true;
}

static void
fill_env(struct relay_server *server, struct event_base *base,
    struct store *store, struct resolver *resolver)
{
	struct carrier_env	*env = &server->env;

	env->base = base;
	env->resolver = resolver;
	env->dialogue.ops = &carrier_ops;
	env->dialogue.store = store;
	env->dialogue.decided = relay_log_decision;
	env->dialogue.decided_arg = &server->log;
	env->dialogue.pid = getpid();
	env->dialogue.judgement = &server->judgement;
	env->dialogue.keys = &server->keys;
	LIST_INIT(&env->all);
	env->report = on_report;
	env->tls = on_tls;
	env->refused = on_refused;
	env->gone = on_gone;
	env->admit = on_admit;
	env->arg = server;
	env->epoch_ms = clock_ms(CLOCK_REALTIME) - clock_ms(CLOCK_MONOTONIC);
	env->buf = server->buf;
}

struct relay_server *
relay_server_new(struct event_base *base, struct served *served,
    const int *fds, struct store *store, struct resolver *resolver,
    struct relay_metrics *metrics, struct err *err)
{
	struct relay_server	*server = calloc(1, sizeof *server);
	unsigned		 i, n = served_conf(served)->n_relays;

	if (server != NULL) {
		server->listeners = calloc(n + 1, sizeof *server->listeners);
		server->env.hosts = host_memory_new();
	}
	if (server == NULL || server->listeners == NULL ||
	    server->env.hosts == NULL) {
		if (server != NULL) {
			free(server->listeners);
			host_memory_free(server->env.hosts);
		}
		free(server);
		(void)err_set(err, "out of memory");
		return NULL;
	}
	fill_env(server, base, store, resolver);
	/* Without it nobody would believe what is handed over. */
	if (procinfo_start(server->env.dialogue.pid,
	    &server->env.dialogue.pid_start) != PROCINFO_THERE) {
		free(server->listeners);
		free(server);
		(void)err_set(err, "/proc/%ld/stat cannot be read",
		    (long)getpid());
		return NULL;
	}
	server->served = served_ref(served);
	server->metrics = server->log.metrics = metrics;
	server->log.is_verbose = served_conf(served)->log_all;
	RB_INIT(&server->peers);
	for (i = 0; i < n; i++)
		if (!listen_to(server, served_relay(served, i), fds[i])) {
			relay_server_free(server);
			(void)err_set(err, "out of memory");
			return NULL;
		}
	return server;
}

void
relay_server_set_served(struct relay_server *server, struct served *served)
{
	struct served	*old = server->served;

	server->served = served_ref(served);
	server->log.is_verbose = served_conf(served)->log_all;
	served_unref(old);
}

static void
stop_listening(struct relay_server *server)
{
	unsigned	 i;

	for (i = 0; i < server->n_listeners; i++) {
		acceptor_free(server->listeners[i].acceptor);
		server->listeners[i].acceptor = NULL;
	}
}

void
relay_server_stop(struct relay_server *server)
{
	stop_listening(server);
	carrier_stop_all(&server->env);
}

bool
relay_server_is_idle(const struct relay_server *server)
{
	return server->env.n == 0;
}

void
relay_server_free(struct relay_server *server)
{
	unsigned	 i;

	if (server == NULL)
		return;
	stop_listening(server);
	carrier_free_all(&server->env);
	host_memory_free(server->env.hosts);
	for (i = 0; i < server->n_listeners; i++)
		free(server->listeners[i].name);
	free(server->listeners);
	served_unref(server->served);
	free(server);
}
