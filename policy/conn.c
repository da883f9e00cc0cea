/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conn: one connection: one read, all whole requests in it, one write.  What is
 * half read, or half written, is kept in memory of the connection's own, and
 * there is none else: a server with ten thousand idle connections has two
 * buffers.
 *
 * How it ends matters (enum end): a stream that Postfix closes says that no
 * session is in progress in that process, so that its record goes; one that we
 * close, for want of memory or for what came, must not say so.
 *
 * What would surprise: a question whose asker has hung up already is not
 * answered, nor looked at.  Postfix gives up what takes us too long, and its
 * process may have another client by now, whose session the question would
 * change.  Likewise, of several streams that a process has opened for lookups
 * only the last one tells by its end that nobody is there.
 */
#include "server_private.h"

#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
conn_close(struct conn *conn, enum end why)
{
	struct server	*server = conn->server;

	(void)event_del(&conn->event);
	(void)close(event_get_fd(&conn->event));
	if (conn->proc != NULL)
		ledger_proc_put(server->ledger, conn->proc,
		    why == END_PEER && conn->protocol == SERVER_SOCKETMAP &&
		    ledger_proc_is_last_stream(conn->proc, conn->stream));
	LIST_REMOVE(conn, entry);
	server->n_conns--;
	free(conn->in);
	free(conn->out);
	free(conn);
}

/* Who ended a connection on which a call failed.  A host in want is no peer
 * that hung up: its session goes on. */
static enum end
ended_by(int error)
{
	return error == ECONNRESET || error == EPIPE ? END_PEER : END_OURS;
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

/* EV_CLOSED is told before anything is read: who had not hung up by then was
 * waiting, so that what came on the process's other streams is no younger. */
#define ON_INPUT	(EV_READ | EV_CLOSED | EV_PERSIST)
#define ON_OUTPUT	(EV_WRITE | EV_PERSIST)

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
	    is_writing ? ON_OUTPUT : ON_INPUT, conn_ready, conn) != 0 ||
	    event_add(&conn->event, NULL) != 0)
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
		span_copy(copy, rest);
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
	enum answer_result	 next = ANSWER_DONE;
	size_t		 used;

	while (buf.n > 0 && conn->out == NULL) {
		next = answer_next(conn, buf, &used);
		if (next != ANSWER_DONE && next != ANSWER_LAST)
			break;
		buf = span_skip(buf, used);
		if (next == ANSWER_LAST)
			break;
		if (WRITE_SIZE - server->out_len < REPLY_SIZE &&
		    !send_answers(conn))
			return false;
	}
	/* Requests before a bad one have their answers. */
	if (!send_answers(conn) || next == ANSWER_BAD || next == ANSWER_LAST)
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
		conn_close(conn, n == 0 ? END_PEER : ended_by(errno));
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
			conn_close(conn, ended_by(errno));
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

/* Half closed, it still waits for answers. */
static bool
has_hung_up(int fd)
{
	struct pollfd	 pfd = { .fd = fd };

	return poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLHUP) != 0;
}

static void
conn_ready(evutil_socket_t fd, short what, void *arg)
{
	if (what & EV_WRITE)
		conn_write(arg);
	else if ((what & EV_CLOSED) && has_hung_up(fd))
		conn_close(arg, END_PEER);
	else
		conn_read(arg);
}

struct conn *
conn_new(struct server *server, int fd, enum server_protocol protocol,
    struct ledger_proc *proc, const char *why)
{
	struct conn	*conn = calloc(1, sizeof *conn);

	if (conn == NULL)
		return NULL;
	conn->server = server;
	conn->protocol = protocol;
	conn->proc = proc;
	conn->why = why;
	if (event_assign(&conn->event, server->base, fd, ON_INPUT, conn_ready,
	    conn) != 0 ||
	    event_add(&conn->event, NULL) != 0) {
		free(conn);
		return NULL;
	}
	if (proc != NULL && protocol == SERVER_SOCKETMAP)
		conn->stream = ledger_proc_new_stream(proc);
	LIST_INSERT_HEAD(&server->conns, conn, entry);
	server->n_conns++;
	return conn;
}
