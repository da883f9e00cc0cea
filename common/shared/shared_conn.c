/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * shared_conn: see shared_conn.h.
 *
 * Its end is only noted where it is found, and the loop then calls "over",
 * which alone completes what is left and tells the owner.  An owner that frees
 * the connection from within a completion is obeyed when the callback of the
 * loop has come to its end.
 */
#include "shared/shared_conn.h"

#include <sys/queue.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>
#include <hiredis.h>

#include <bsd/string.h>

#include "smtp/stream.h"

#define READ_SIZE	16384
#define READS_MAX	16	/* in one turn of the loop */
#define WORDS_MAX	16

/* What has been asked, and has no answer on the wire yet. */
struct question {
	TAILQ_ENTRY(question)	 entry;
	struct shared_conn	*conn;
	shared_answer_fn	*fn;
	void			*arg;
	struct event		 timer;	/* of none that belongs to the set-up */
	bool			 is_late;	/* completed: only a place */
};

struct shared_conn {
	struct event_base		*base;
	struct shared_conn_options	 options;
	shared_conn_fn			*fn;
	void				*arg;
	struct stream			 stream;
	struct resp_reader		*reader;
	struct event			 setup_timer, wake;
	TAILQ_HEAD(, question)		 questions;
	size_t				 n_questions;
	unsigned			 step;
	bool				 is_ready, is_over;
	bool				 is_busy, is_freed;
	char				 why[256];
};

void
shared_conn_end(struct shared_conn *conn, const char *why)
{
	if (conn->is_over)
		return;
	conn->is_over = true;
	conn->is_ready = false;
	(void)strlcpy(conn->why, why, sizeof conn->why);
	stream_close(&conn->stream);
	(void)event_del(&conn->setup_timer);
	event_active(&conn->wake, EV_TIMEOUT, 0);
}

static void
end_with(struct shared_conn *conn, const char *what, struct span text)
{
	char	 why[sizeof conn->why];

	(void)snprintf(why, sizeof why, "%s: %.*s", what,
	    text.n > 200 ? 200 : (int)text.n, text.p);
	shared_conn_end(conn, why);
}

static void
destroy(struct shared_conn *conn)
{
	struct question	*question;

	while ((question = TAILQ_FIRST(&conn->questions)) != NULL) {
		TAILQ_REMOVE(&conn->questions, question, entry);
		(void)event_del(&question->timer);
		free(question);
	}
	stream_close(&conn->stream);
	(void)event_del(&conn->setup_timer);
	(void)event_del(&conn->wake);
	resp_reader_free(conn->reader);
	free(conn);
}

/* Each callback of the loop stands between these two.  False: it has been
 * freed. */
static void
enter(struct shared_conn *conn)
{
	conn->is_busy = true;
}

static bool
leave(struct shared_conn *conn)
{
	conn->is_busy = false;
	if (!conn->is_freed)
		return true;
	destroy(conn);
	return false;
}

/*
 * Questions
 */

static void
complete(struct question *question, enum shared_result result,
    const struct resp *reply, const char *why)
{
	const struct shared_answer	 answer = { result, reply, why };

	if (!question->is_late)
		question->fn(question->arg, &answer);
}

/* Takes the first off, completes it, unless it was, and frees it. */
static void
finish_first(struct shared_conn *conn, enum shared_result result,
    const struct resp *reply, const char *why)
{
	struct question	*question = TAILQ_FIRST(&conn->questions);

	TAILQ_REMOVE(&conn->questions, question, entry);
	conn->n_questions--;
	(void)event_del(&question->timer);
	complete(question, result, reply, why);
	free(question);
}

/* Its place stays until its answer comes. */
static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct question		*question = arg;
	struct shared_conn	*conn = question->conn;

	(void)fd;
	(void)what;
	enter(conn);
	complete(question, SHARED_LATE, NULL, "no answer in time");
	question->is_late = true;
	(void)leave(conn);
}

static void
over(evutil_socket_t fd, short what, void *arg)
{
	struct shared_conn	*conn = arg;

	(void)fd;
	(void)what;
	enter(conn);
	while (!conn->is_freed && !TAILQ_EMPTY(&conn->questions))
		finish_first(conn, SHARED_LOST, NULL, conn->why);
	if (leave(conn))
		conn->fn(conn->arg, SHARED_CONN_OVER);
}

static bool
send_words(struct shared_conn *conn, int argc, const struct span *argv)
{
	const char	*words[WORDS_MAX];
	size_t		 sizes[WORDS_MAX];
	char		*text = NULL;
	bool		 is_sent;
	int		 i, n;

	if (argc < 1 || argc > WORDS_MAX)
		return false;
	for (i = 0; i < argc; i++) {
		words[i] = argv[i].p;
		sizes[i] = argv[i].n;
	}
	n = redisFormatCommandArgv(&text, argc, words, sizes);
	if (n < 0)
		return false;
	is_sent = stream_put(&conn->stream, (struct span){ text, (size_t)n },
	    false);
	redisFreeCommand(text);
	return is_sent;
}

/* deadline_ms 0: none of its own. */
static bool
put(struct shared_conn *conn, int argc, const struct span *argv,
    shared_answer_fn *fn, void *arg, unsigned deadline_ms)
{
	const struct timeval	 time = { (time_t)(deadline_ms / 1000),
				    (suseconds_t)(deadline_ms % 1000) * 1000 };
	struct question		*question = calloc(1, sizeof *question);

	if (question == NULL)
		return false;
	question->conn = conn;
	question->fn = fn;
	question->arg = arg;
	(void)event_assign(&question->timer, conn->base, -1, 0, on_deadline,
	    question);
	if (deadline_ms != 0 && event_add(&question->timer, &time) != 0) {
		free(question);
		return false;
	}
	if (!send_words(conn, argc, argv)) {
		(void)event_del(&question->timer);
		free(question);
		shared_conn_end(conn, *stream_why(&conn->stream) != '\0' ?
		    stream_why(&conn->stream) : "out of memory");
		return false;
	}
	TAILQ_INSERT_TAIL(&conn->questions, question, entry);
	conn->n_questions++;
	return true;
}

bool
shared_conn_ask(struct shared_conn *conn, int argc, const struct span *argv,
    shared_answer_fn *fn, void *arg)
{
	if (!conn->is_ready ||
	    conn->n_questions >= SHARED_CONN_QUESTIONS_MAX ||
	    stream_pending(&conn->stream) > SHARED_CONN_PENDING_MAX)
		return false;
	return put(conn, argc, argv, fn, arg, conn->options.deadline_ms);
}

/*
 * The set-up
 */

static void	step_done(struct shared_conn *conn);

static bool
has_tls(const struct shared_conn *conn)
{
	return conn->options.tls != NULL;
}

static void
begin_tls(struct shared_conn *conn)
{
	SSL	*ssl = tls_connect_new(conn->options.tls, conn->stream.fd,
		    conn->options.tls_name, TLS_VERIFY);

	if (ssl == NULL)
		shared_conn_end(conn, "TLS: no such name is possible");
	else
		stream_secure(&conn->stream, ssl);
}

static void
ask_step(struct shared_conn *conn, int argc, const struct span *argv,
    shared_answer_fn *fn)
{
	if (!put(conn, argc, argv, fn, conn, 0))
		shared_conn_end(conn, "out of memory");
}

/* "+OK"; else what it says is the reason. */
static void
judge_ok(struct shared_conn *conn, const char *what,
    const struct shared_answer *answer)
{
	const struct resp	*reply = answer->reply;

	if (answer->result != SHARED_ANSWERED)
		return;
	if (reply->type == RESP_STATUS && span_eq(reply->text, "OK"))
		step_done(conn);
	else if (reply->type == RESP_ERROR)
		end_with(conn, what, reply->text);
	else
		end_with(conn, what, span_of("an unexpected reply"));
}

static bool
has_password(const struct shared_conn *conn)
{
	return *conn->options.password != '\0' && !conn->options.is_sentinel;
}

static void
on_auth(void *arg, const struct shared_answer *answer)
{
	judge_ok(arg, "AUTH", answer);
}

/* Redis before 6 knows no users. */
static void
begin_auth(struct shared_conn *conn)
{
	struct span	 argv[3];
	int		 argc = 0;

	argv[argc++] = span_of("AUTH");
	if (*conn->options.user != '\0')
		argv[argc++] = span_of(conn->options.user);
	argv[argc++] = span_of(conn->options.password);
	ask_step(conn, argc, argv, on_auth);
}

static bool
has_database(const struct shared_conn *conn)
{
	return conn->options.database != 0 && !conn->options.is_sentinel;
}

static void
on_select(void *arg, const struct shared_answer *answer)
{
	judge_ok(arg, "SELECT", answer);
}

static void
begin_select(struct shared_conn *conn)
{
	char		 number[16];
	struct span	 argv[2] = { span_of("SELECT") };

	(void)snprintf(number, sizeof number, "%u", conn->options.database);
	argv[1] = span_of(number);
	ask_step(conn, 2, argv, on_select);
}

static bool
has_role(const struct shared_conn *conn)
{
	return !conn->options.is_sentinel;
}

/* A replica takes no writes, and a sentinel may not know yet that an old master
 * is one now. */
static void
on_role(void *arg, const struct shared_answer *answer)
{
	struct shared_conn	*conn = arg;

	if (answer->result != SHARED_ANSWERED)
		return;
	if (answer->reply->type == RESP_ERROR)
		end_with(conn, "ROLE", answer->reply->text);
	else if (span_eq(resp_item(answer->reply, 0), "master"))
		step_done(conn);
	else if (span_eq(resp_item(answer->reply, 0), "slave"))
		shared_conn_end(conn, "ROLE: it is a replica");
	else
		shared_conn_end(conn, "ROLE: it is no master");
}

static void
begin_role(struct shared_conn *conn)
{
	const struct span	 word = span_of("ROLE");

	ask_step(conn, 1, &word, on_role);
}

/* Step 0 is the connection itself, which shared_conn_new begins. */
static const struct step {
	bool	(*is_due)(const struct shared_conn *conn);
	void	(*begin)(struct shared_conn *conn);
} steps[] = {
	{ NULL,		NULL },
	{ has_tls,	begin_tls },
	{ has_password,	begin_auth },
	{ has_database,	begin_select },
	{ has_role,	begin_role }
};

#define N_STEPS	(sizeof steps / sizeof steps[0])

static void
step_done(struct shared_conn *conn)
{
	if (conn->is_over)
		return;
	while (++conn->step < N_STEPS)
		if (steps[conn->step].is_due(conn)) {
			steps[conn->step].begin(conn);
			return;
		}
	(void)event_del(&conn->setup_timer);
	conn->is_ready = true;
	conn->fn(conn->arg, SHARED_CONN_READY);
}

static void
on_setup_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct shared_conn	*conn = arg;

	(void)fd;
	(void)what;
	shared_conn_end(conn, conn->step == 0 ? "connect: not in time" :
	    "set-up: not in time");
}

/*
 * The wire
 */

static void
take_replies(struct shared_conn *conn)
{
	struct resp		*reply;
	enum resp_result	 result = RESP_MORE;

	while (!conn->is_over && !conn->is_freed) {
		result = resp_next(conn->reader, &reply);
		if (result == RESP_BAD)
			end_with(conn, "what it says is no reply",
			    span_of(resp_why(conn->reader)));
		if (result != RESP_DONE)
			return;
		if (TAILQ_EMPTY(&conn->questions))
			end_with(conn, "it says what it was not asked",
			    reply->text);
		else
			finish_first(conn, SHARED_ANSWERED, reply, "");
		resp_free(reply);
	}
}

static void
read_replies(struct shared_conn *conn)
{
	char			 buf[READ_SIZE];
	enum stream_result	 result = STREAM_OK;
	size_t			 n;
	unsigned		 i;

	for (i = 0; i < READS_MAX && result == STREAM_OK; i++) {
		result = stream_read(&conn->stream, buf, sizeof buf, &n);
		if (result == STREAM_OK &&
		    !resp_feed(conn->reader, (struct span){ buf, n }))
			shared_conn_end(conn, resp_why(conn->reader));
		if (result == STREAM_OK)
			take_replies(conn);
		if (conn->is_over || conn->is_freed)
			return;
	}
	if (result == STREAM_EOF)
		shared_conn_end(conn, "it has closed the connection");
	else if (result == STREAM_ERROR)
		shared_conn_end(conn, stream_why(&conn->stream));
}

static void
on_stream(struct stream *stream, enum stream_event event, void *arg)
{
	struct shared_conn	*conn = arg;

	enter(conn);
	switch (event) {
	case STREAM_CONNECTED:
		stream_want_read(stream, true);
		step_done(conn);
		break;
	case STREAM_SECURED:
		step_done(conn);
		break;
	case STREAM_READABLE:
		read_replies(conn);
		break;
	case STREAM_FAILED:
		shared_conn_end(conn, stream_why(stream));
		break;
	case STREAM_DRAINED:
	default:
		break;
	}
	(void)leave(conn);
}

static int
connect_to(struct shared_conn *conn, const struct sockaddr *addr,
    socklen_t len, struct err *err)
{
	int	 fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC |
		    SOCK_NONBLOCK, 0);

	if (fd == -1)
		return err_set(err, "socket: %s", strerror(errno));
	if (connect(fd, addr, len) == -1 && errno != EINPROGRESS) {
		(void)err_set(err, "connect: %s", strerror(errno));
		(void)close(fd);
		return -1;
	}
	if (stream_open(&conn->stream, conn->base, fd, true, on_stream, conn,
	    err) == 0)
		return 0;
	(void)close(fd);
	return -1;
}

struct shared_conn *
shared_conn_new(struct event_base *base,
    const struct shared_conn_options *options, const struct sockaddr *addr,
    socklen_t len, shared_conn_fn *fn, void *arg, struct err *err)
{
	const struct timeval	 time = { (time_t)(options->setup_ms / 1000),
			    (suseconds_t)(options->setup_ms % 1000) * 1000 };
	struct shared_conn	*conn = calloc(1, sizeof *conn);

	if (conn == NULL) {
		(void)err_set(err, "out of memory");
		return NULL;
	}
	*conn = (struct shared_conn){ .base = base, .options = *options,
	    .fn = fn, .arg = arg, .reader = resp_reader_new() };
	TAILQ_INIT(&conn->questions);
	(void)event_assign(&conn->setup_timer, base, -1, 0,
	    on_setup_deadline, conn);
	(void)event_assign(&conn->wake, base, -1, 0, over, conn);
	if (conn->reader == NULL || event_add(&conn->setup_timer, &time) != 0)
		(void)err_set(err, "out of memory");
	else if (connect_to(conn, addr, len, err) == 0)
		return conn;
	destroy(conn);
	return NULL;
}

void
shared_conn_free(struct shared_conn *conn)
{
	if (conn == NULL)
		return;
	if (conn->is_busy)
		conn->is_freed = true;
	else
		destroy(conn);
}

const char *
shared_conn_why(const struct shared_conn *conn)
{
	return conn->why;
}
