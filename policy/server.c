/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * server: one read, all whole requests in it, one write.
 */
#include "server.h"

#include <bsd/sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "netstring.h"
#include "procinfo.h"
#include "socketmap.h"

#define READ_SIZE	65536	/* one read, at most */
#define REPLY_SIZE	(SOCKETMAP_TEXT_MAX + 64)	/* one answer */
#define WRITE_SIZE	65536	/* answers collected for one write */
#define LISTENERS_MAX	8
#define ACCEPTS_PER_TURN 64

struct conn {
	LIST_ENTRY(conn)	 entry;
	struct event		 event;
	struct server		*server;
	struct ledger_proc	*proc;		/* NULL: pid not known */
	enum server_protocol	 protocol;
	bool			 is_writing;	/* waiting to write */
	char			*in;		/* a request's beginning */
	size_t			 in_len;
	char			*out;		/* an answer's rest */
	size_t			 out_len;
};

struct listener {
	struct event	 event;
	struct server	*server;
	int		 fd;
	bool		 is_open;
	enum server_protocol	 protocol;
};

struct server {
	struct event_base	*base;
	struct conf		*conf;
	struct ledger		*ledger;
	struct metrics		*metrics;
	LIST_HEAD(, conn)	 conns;
	unsigned		 n_conns;
	struct listener		 listeners[LISTENERS_MAX];
	unsigned		 n_listeners;
	bool			 has_said_no_pid;
	struct ledger_reply	 reply;
	size_t			 out_len;	/* used of out */
	char			 out[WRITE_SIZE];
	char			 in[2 * READ_SIZE];
};

/* Why a connection ends. */
enum end {
	END_PEER,	/* the peer closed it: no session is in progress */
	END_OURS	/* we close it: the peer will come back */
};

static uint64_t
clock_ns(clockid_t id)
{
	struct timespec	 ts;

	(void)clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

static void
conn_close(struct conn *conn, enum end why)
{
	struct server	*server = conn->server;

	(void)event_del(&conn->event);
	(void)close(event_get_fd(&conn->event));
	if (conn->proc != NULL)
		ledger_proc_put(server->ledger, conn->proc,
		    why == END_PEER && conn->protocol == SERVER_SOCKETMAP);
	LIST_REMOVE(conn, entry);
	server->n_conns--;
	free(conn->in);
	free(conn->out);
	free(conn);
}

static void
protocol_error(struct conn *conn, const char *what)
{
	const struct session	*s;

	s = conn->proc == NULL ? NULL : ledger_proc_session(conn->proc);
	LOG(LOG_LEVEL_WARNING, s == NULL ? NULL : s->id, "protocol_error",
	    { "protocol", conn->protocol == SERVER_POLICY ? "policy" :
	    "socketmap" }, { "reason", what });
}

/*
 * Answers
 */

/* With log_all every question has a line, also one that changed nothing. */
static void
log_asked(const struct conn *conn, const char *what, struct span key,
    const char *answer)
{
	const struct session	*s;
	char			 text[SOCKETMAP_REQUEST_MAX + 1];

	if (!conn->server->conf->log_all)
		return;
	s = conn->proc == NULL ? NULL : ledger_proc_session(conn->proc);
	memcpy(text, key.p, key.n);
	text[key.n] = '\0';
	LOG(LOG_LEVEL_INFO, s == NULL ? NULL : s->id, "asked",
	    { "question", what }, { "key", text }, { "answer", answer });
}

static enum socketmap_status
socketmap_status_of(enum ledger_answer answer)
{
	switch (answer) {
	case LEDGER_YES:
		return SOCKETMAP_OK;
	case LEDGER_NO:
		return SOCKETMAP_NOTFOUND;
	case LEDGER_PERM:
		return SOCKETMAP_PERM;
	case LEDGER_TEMP:
	case LEDGER_ACTION:
		break;
	}
	return SOCKETMAP_TEMP;
}

static void
ask_ledger(struct conn *conn, const struct socketmap_request *request,
    uint64_t now_ms)
{
	static void (*const	 handlers[SOCKETMAP_COUNT])(struct ledger *,
	    struct ledger_proc *, struct span, struct span, uint64_t,
	    struct ledger_reply *) = {
		[SOCKETMAP_XCLIENT] = ledger_xclient,
		[SOCKETMAP_XFORWARD] = ledger_xforward,
		[SOCKETMAP_COMMAND] = ledger_command,
		[SOCKETMAP_MILTERS] = ledger_milters,
	};

	handlers[request->map](conn->server->ledger, conn->proc,
	    request->listener, request->key, now_ms, &conn->server->reply);
}

static bool
answer_socketmap(struct conn *conn, struct span body)
{
	static const enum metrics_request	 kinds[SOCKETMAP_COUNT] = {
		[SOCKETMAP_XCLIENT] = METRICS_XCLIENT,
		[SOCKETMAP_XFORWARD] = METRICS_XFORWARD,
		[SOCKETMAP_COMMAND] = METRICS_COMMAND,
		[SOCKETMAP_MILTERS] = METRICS_MILTERS,
	};
	struct server			*server = conn->server;
	struct socketmap_request	 request;
	uint64_t			 begun;

	begun = clock_ns(CLOCK_MONOTONIC);
	if (!socketmap_parse(body, &request)) {
		protocol_error(conn, "not a request for a map that is served");
		return false;
	}
	if (conn->proc == NULL) {
		server->reply.answer = LEDGER_TEMP;
		(void)snprintf(server->reply.text, sizeof server->reply.text,
		    "the process behind this socket is not known");
	} else {
		ask_ledger(conn, &request, clock_ns(CLOCK_REALTIME) / 1000000);
	}
	server->out_len += socketmap_reply(
	    socketmap_status_of(server->reply.answer), server->reply.text,
	    server->out + server->out_len, REPLY_SIZE);
	log_asked(conn, socketmap_map_text(request.map), request.key,
	    server->reply.answer == LEDGER_NO ? "NOTFOUND" :
	    server->reply.text);
	metrics_request(server->metrics, kinds[request.map],
	    clock_ns(CLOCK_MONOTONIC) - begun);
	return true;
}

static bool
answer_policy(struct conn *conn, const struct attr_request *request)
{
	struct server	*server = conn->server;
	const char	*action = "DUNNO";
	uint64_t	 begun;

	begun = clock_ns(CLOCK_MONOTONIC);
	if (!span_eq(request->v[ATTR_REQUEST], "smtpd_access_policy")) {
		protocol_error(conn, "request is not smtpd_access_policy");
		return false;
	}
	if (conn->proc != NULL) {
		ledger_policy(server->ledger, conn->proc, request,
		    clock_ns(CLOCK_REALTIME) / 1000000, &server->reply);
		if (server->reply.answer == LEDGER_ACTION)
			action = server->reply.text;
		else if (server->reply.answer != LEDGER_NO)
			action = "451 4.3.0 the session store failed";
	}
	server->out_len += (size_t)snprintf(server->out + server->out_len,
	    REPLY_SIZE, "action=%s\n\n", action);
	log_asked(conn, "policy", request->v[ATTR_PROTOCOL_STATE].n >
	    SOCKETMAP_REQUEST_MAX ? span_of("") :
	    request->v[ATTR_PROTOCOL_STATE], action);
	metrics_request(server->metrics, METRICS_POLICY,
	    clock_ns(CLOCK_MONOTONIC) - begun);
	return true;
}

/*
 * Requests
 */

enum next { NEXT_DONE, NEXT_MORE, NEXT_BAD };

static enum next
next_socketmap(struct conn *conn, struct span buf, size_t *used_r)
{
	struct span	 body;

	switch (netstring_find(buf, SOCKETMAP_REQUEST_MAX, &body, used_r)) {
	case NETSTRING_DONE:
		return answer_socketmap(conn, body) ? NEXT_DONE : NEXT_BAD;
	case NETSTRING_MORE:
		return NEXT_MORE;
	case NETSTRING_TOO_LONG:
		protocol_error(conn, "request is too long");
		break;
	case NETSTRING_BAD:
		protocol_error(conn, "not a netstring");
		break;
	}
	return NEXT_BAD;
}

static enum next
next_policy(struct conn *conn, struct span buf, size_t *used_r)
{
	struct attr_request	 request;
	size_t			 max;

	/* Of what fills the buffer no more could be read. */
	max = conn->server->conf->limits.policy_request_size;
	if (max >= sizeof conn->server->in)
		max = sizeof conn->server->in - 1;
	switch (attr_parse(buf, max, &request, used_r)) {
	case ATTR_DONE:
		return answer_policy(conn, &request) ? NEXT_DONE : NEXT_BAD;
	case ATTR_MORE:
		return NEXT_MORE;
	case ATTR_TOO_LONG:
		protocol_error(conn, "request is too long");
		break;
	case ATTR_BAD:
		protocol_error(conn, "malformed request");
		break;
	}
	return NEXT_BAD;
}

static bool
keep_output(struct conn *conn, const char *p, size_t n)
{
	conn->out = malloc(n);
	if (conn->out == NULL)
		return false;
	memcpy(conn->out, p, n);
	conn->out_len = n;
	return true;
}

static void	conn_ready(evutil_socket_t, short, void *);

/* Waits for what the connection needs next. */
static bool
conn_wait(struct conn *conn, bool is_writing)
{
	evutil_socket_t	 fd = event_get_fd(&conn->event);

	if (conn->is_writing == is_writing)
		return true;
	(void)event_del(&conn->event);
	if (event_assign(&conn->event, conn->server->base, fd,
	    (is_writing ? EV_WRITE : EV_READ) | EV_PERSIST, conn_ready,
	    conn) != 0 || event_add(&conn->event, NULL) != 0)
		return false;
	conn->is_writing = is_writing;
	return true;
}

/* Sends what the server's buffer holds; keeps what does not go out. */
static bool
send_answers(struct conn *conn)
{
	struct server	*server = conn->server;
	ssize_t		 n;
	size_t		 len = server->out_len;

	server->out_len = 0;
	if (len == 0)
		return true;
	n = send(event_get_fd(&conn->event), server->out, len, MSG_NOSIGNAL);
	if (n == -1) {
		if (errno != EAGAIN && errno != EINTR)
			return false;
		n = 0;
	}
	if ((size_t)n == len)
		return true;
	return keep_output(conn, server->out + n, len - (size_t)n) &&
	    conn_wait(conn, true);
}

static bool
keep_input(struct conn *conn, struct span rest)
{
	char	*copy = NULL;

	if (rest.n > 0) {
		copy = malloc(rest.n);
		if (copy == NULL)
			return false;
		memcpy(copy, rest.p, rest.n);
	}
	free(conn->in);
	conn->in = copy;
	conn->in_len = rest.n;
	return true;
}

/*
 * Answers all whole requests in buf, until an answer cannot be sent; the rest
 * is kept for later.
 */
static bool
conn_serve(struct conn *conn, struct span buf)
{
	struct server	*server = conn->server;
	enum next	 next = NEXT_DONE;
	size_t		 used;

	while (buf.n > 0 && conn->out == NULL) {
		next = conn->protocol == SERVER_POLICY ?
		    next_policy(conn, buf, &used) :
		    next_socketmap(conn, buf, &used);
		if (next != NEXT_DONE)
			break;
		buf = span_skip(buf, used);
		if (WRITE_SIZE - server->out_len < REPLY_SIZE &&
		    !send_answers(conn))
			return false;
	}
	/* Requests before a bad one have their answers. */
	if (!send_answers(conn) || next == NEXT_BAD)
		return false;
	return (buf.n == 0 && conn->in == NULL) || keep_input(conn, buf);
}

/* The server's buffer, with what the connection had kept in front. */
static size_t
take_kept(struct conn *conn)
{
	size_t	 n = conn->in_len;

	if (n > 0)
		memcpy(conn->server->in, conn->in, n);
	return n;
}

static void
conn_read(struct conn *conn)
{
	struct server	*server = conn->server;
	size_t		 kept;
	ssize_t		 n;

	kept = take_kept(conn);
	n = recv(event_get_fd(&conn->event), server->in + kept,
	    sizeof server->in - kept, 0);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		conn_close(conn, END_PEER);
	else if (!conn_serve(conn, (struct span){ server->in,
	    kept + (size_t)n }))
		conn_close(conn, END_OURS);
}

static void
conn_write(struct conn *conn)
{
	char	*rest = conn->out;
	size_t	 len = conn->out_len;
	ssize_t	 n;
	bool	 is_kept = true;

	n = send(event_get_fd(&conn->event), rest, len, MSG_NOSIGNAL);
	if (n == -1) {
		if (errno != EAGAIN && errno != EINTR)
			conn_close(conn, END_PEER);
		return;
	}
	conn->out = NULL;
	conn->out_len = 0;
	if ((size_t)n < len)
		is_kept = keep_output(conn, rest + n, len - (size_t)n);
	free(rest);
	if (!is_kept) {
		conn_close(conn, END_OURS);
		return;
	}
	if (conn->out == NULL && (!conn_wait(conn, false) ||
	    !conn_serve(conn, (struct span){ conn->server->in,
	    take_kept(conn) })))
		conn_close(conn, END_OURS);
}

static void
conn_ready(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	if (what & EV_WRITE)
		conn_write(arg);
	else
		conn_read(arg);
}

/*
 * Connections
 */

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
		LOG(LOG_LEVEL_ERROR, NULL, "error", { "reason", err.text });
	return *proc_r != NULL;
}

static struct conn *
conn_new(struct server *server, int fd, enum server_protocol protocol)
{
	struct procinfo_peer	 peer;
	struct conn		*conn;

	if (!identify(server, fd, &peer))
		return NULL;
	conn = calloc(1, sizeof *conn);
	if (conn == NULL)
		return NULL;
	conn->server = server;
	conn->protocol = protocol;
	if (!find_proc(server, peer.pid, &conn->proc)) {
		free(conn);
		return NULL;
	}
	if (event_assign(&conn->event, server->base, fd,
	    EV_READ | EV_PERSIST, conn_ready, conn) != 0 ||
	    event_add(&conn->event, NULL) != 0) {
		if (conn->proc != NULL)
			ledger_proc_put(server->ledger, conn->proc, false);
		free(conn);
		return NULL;
	}
	LIST_INSERT_HEAD(&server->conns, conn, entry);
	server->n_conns++;
	return conn;
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
				    { "reason", strerror(errno) });
			return;
		}
		if (conn_new(server, peer, listener->protocol) == NULL)
			(void)close(peer);
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
