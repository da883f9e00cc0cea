/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_client: see smtp_client.h.
 *
 * All work is done in go_on, which each callback of the loop ends in: replies
 * are taken, then what may be said is said, and all of it goes in one write.
 * What the owner asks for meanwhile only wakes it.  An owner that frees the
 * client from within a completion is obeyed when go_on has come to its end.
 */
#include "smtp_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include <event2/event.h>
#include <openssl/ssl.h>

#include <bsd/string.h>

#include "ctl.h"
#include "smtp_client_private.h"

#define TIMEOUT_S	30
#define END_TIMEOUT_S	600
#define IN_SIZE		4096	/* grows to hold a whole reply */

const char *
smtp_client_result_text(enum smtp_client_result result)
{
	static const char *const	 texts[] = {
		[SMTP_CLIENT_REPLY] = "there is a reply",
		[SMTP_CLIENT_CONNECT] = "the server cannot be connected to",
		[SMTP_CLIENT_CLOSED] = "the server has closed the connection",
		[SMTP_CLIENT_DEADLINE] = "the server did not reply in time",
		[SMTP_CLIENT_PROTOCOL] = "what the server says is no SMTP",
		[SMTP_CLIENT_TLS] = "TLS has failed",
		[SMTP_CLIENT_UNSAID] = "it cannot be said",
		[SMTP_CLIENT_SOURCE] = "the content could not be read"
	};

	return texts[result];
}

/*
 * The end of a connection, and deadlines
 */

static void
end(struct smtp_client *client, enum smtp_client_result result,
    const char *why)
{
	if (client->phase == SMTP_CLIENT_OVER)
		return;
	client->phase = SMTP_CLIENT_OVER;
	client->result = result;
	/* What a 421 said is the better reason. */
	if (result != SMTP_CLIENT_CLOSED || *client->why == '\0')
		(void)strlcpy(client->why, why, sizeof client->why);
	stream_close(&client->stream);
	(void)event_del(&client->timer);
}

static void
end_broken(struct smtp_client *client)
{
	end(client, SMTP_CLIENT_CLOSED, stream_why(&client->stream));
}

static void
set_deadline(struct smtp_client *client, unsigned seconds)
{
	const struct timeval	 time = { (time_t)seconds, 0 };

	if (event_add(&client->timer, &time) != 0)
		end(client, SMTP_CLIENT_CLOSED, "no timer");
}

/* What the server has to do next it has to do by then. */
static void
set_reply_deadline(struct smtp_client *client)
{
	const struct smtp_client_step	*step = STAILQ_FIRST(&client->steps);

	if (client->phase == SMTP_CLIENT_OVER)
		return;
	if (client->n_said == 0)
		(void)event_del(&client->timer);
	else
		set_deadline(client, step->is_written ?
		    client->options.end_timeout_s : client->options.timeout_s);
}

/*
 * Connecting
 */

static void	on_stream(struct stream *stream, enum stream_event event,
		    void *arg);

static void
open_stream(struct smtp_client *client, int fd, bool is_connecting)
{
	struct err	 err;

	client->phase = SMTP_CLIENT_CONNECTING;
	if (stream_open(&client->stream, client->base, fd, is_connecting,
	    on_stream, client, &err) == 0)
		return;
	(void)close(fd);
	end(client, SMTP_CLIENT_CONNECT, err.text);
}

/* why: what came of the address before. */
static void
connect_next(struct smtp_client *client, const char *why)
{
	int	 fd;

	while (client->next_address < client->server->n) {
		fd = smtp_server_connect(client->server,
		    client->next_address++, client->options.source);
		if (fd != -1) {
			open_stream(client, fd, true);
			if (client->phase == SMTP_CLIENT_CONNECTING)
				set_deadline(client,
				    client->options.timeout_s);
			return;
		}
		why = strerror(errno);
	}
	end(client, SMTP_CLIENT_CONNECT, why);
}

static void
secure(struct smtp_client *client)
{
	SSL	*ssl = client->options.tls == NULL ? NULL :
		    tls_connect_new(client->options.tls, client->stream.fd,
		    client->options.tls_name, client->options.tls_level);

	if (ssl == NULL) {
		end(client, SMTP_CLIENT_TLS, client->options.tls == NULL ?
		    "it is not set up" : "no such name, or out of memory");
		return;
	}
	client->phase = SMTP_CLIENT_SECURING;
	stream_secure(&client->stream, ssl);
	set_deadline(client, client->options.timeout_s);
}

static void
be_open(struct smtp_client *client)
{
	client->phase = SMTP_CLIENT_OPEN;
	stream_want_read(&client->stream, true);
	set_deadline(client, client->options.timeout_s);
}

static void
be_connected(struct smtp_client *client)
{
	if (client->options.preamble.n > 0 && !stream_put(&client->stream,
	    client->options.preamble, false))
		end_broken(client);
	else if (client->options.is_tls_first)
		secure(client);
	else
		be_open(client);
}

static void
begin(struct smtp_client *client)
{
	if (client->taken == -1) {
		connect_next(client, "it has no address");
		return;
	}
	open_stream(client, client->taken, false);
	client->taken = -1;
	if (client->phase == SMTP_CLIENT_CONNECTING)
		be_connected(client);
}

/*
 * Replies
 */

/* Reads once.  False: there is no more for the time being. */
static bool
read_some(struct smtp_client *client)
{
	size_t	 n;
	char	*grown;

	if (client->in_size - client->in_len < IN_SIZE / 2 &&
	    client->in_size < SMTP_REPLY_MAX + IN_SIZE) {
		grown = realloc(client->in, client->in_size * 2 + IN_SIZE);
		if (grown == NULL)
			return false;
		client->in = grown;
		client->in_size = client->in_size * 2 + IN_SIZE;
	}
	/* What nobody asked for is not taken, and so waits where it is. */
	if (client->in_len == client->in_size)
		return false;
	switch (stream_read(&client->stream, client->in + client->in_len,
	    client->in_size - client->in_len, &n)) {
	case STREAM_OK:
		client->in_len += n;
		return true;
	case STREAM_AGAIN:
		return false;
	case STREAM_EOF:
	case STREAM_ERROR:
		client->is_eof = true;
		return false;
	}
	return false;
}

static void
complete(struct smtp_client *client, const struct smtp_client_answer *answer)
{
	struct smtp_client_step	*step = STAILQ_FIRST(&client->steps);
	smtp_client_fn		*fn = step->fn;
	void			*arg = step->arg;
	struct smtp_client_answer a = *answer;

	a.nth = step->nth++;
	if (step->nth >= step->n)
		smtp_client_step_drop(client);
	fn(arg, &a);
}

static void
complete_with(struct smtp_client *client, enum smtp_client_result result,
    const char *why)
{
	complete(client, &(const struct smtp_client_answer){
	    .result = result, .why = why });
}

static void
complete_reply(struct smtp_client *client, const struct smtp_reply *reply)
{
	complete(client, &(const struct smtp_client_answer){
	    .result = SMTP_CLIENT_REPLY, .reply = reply, .why = "" });
}

static bool
is_good(const struct smtp_reply *reply)
{
	return reply->code / 100 == 2;
}

/* All replies that are due are this one. */
static void
complete_all(struct smtp_client *client, const struct smtp_reply *reply)
{
	unsigned	 n = STAILQ_FIRST(&client->steps)->n;

	while (n-- > 0 && !client->is_freed)
		complete_reply(client, reply);
}

/* Nothing can be said any more; what is there to be read comes first, for it may
 * tell why. */
static void
be_deaf(struct smtp_client *client)
{
	while (read_some(client))
		continue;
	client->is_eof = true;
	event_active(&client->wake, EV_TIMEOUT, 0);
}

static void
note_written(struct smtp_client *client, enum smtp_client_written written)
{
	switch (written) {
	case SMTP_CLIENT_WRITTEN:
	case SMTP_CLIENT_WAITS:
		break;
	case SMTP_CLIENT_AGAIN:
		event_active(&client->wake, EV_TIMEOUT, 0);
		break;
	case SMTP_CLIENT_BROKEN:
		be_deaf(client);
		break;
	case SMTP_CLIENT_NO_SOURCE:
		end(client, SMTP_CLIENT_SOURCE, "");
		break;
	}
}

/* A reply to content, or to a chunk of it. */
static void
take_content_reply(struct smtp_client *client, struct smtp_client_step *step,
    const struct smtp_reply *reply)
{
	if (step->is_written) {
		complete_reply(client, reply);
		return;
	}
	if (step->kind == SMTP_CLIENT_CHUNKS && is_good(reply)) {
		note_written(client, smtp_client_content_chunk(client, step));
		return;
	}
	if (step->kind == SMTP_CLIENT_CHUNKS) {
		complete_all(client, reply);
		return;
	}
	/* There is no way to stop, but this one. */
	complete_reply(client, reply);
	end(client, SMTP_CLIENT_CLOSED,
	    "the server replied before the content was sent");
}

/* STARTTLS: the reply stays where it is until the handshake is done. */
static void
begin_tls(struct smtp_client *client, size_t used)
{
	if (client->in_len > used)
		end(client, SMTP_CLIENT_PROTOCOL,
		    "more than the reply to STARTTLS, in the clear");
	else
		secure(client);
}

static void
take_reply(struct smtp_client *client, const struct smtp_reply *reply)
{
	struct smtp_client_step	*step = STAILQ_FIRST(&client->steps);

	switch (step->kind) {
	case SMTP_CLIENT_EHLO:
		if (reply->code == 250)
			smtp_offer_read(reply, &client->offer);
		break;
	case SMTP_CLIENT_ASSERTION:
		if (is_good(reply) && step->at < step->len) {
			if (!smtp_client_step_say(client, step))
				be_deaf(client);
			return;
		}
		break;
	case SMTP_CLIENT_CONTENT:
	case SMTP_CLIENT_CHUNKS:
		take_content_reply(client, step, reply);
		return;
	case SMTP_CLIENT_GREETING:
	case SMTP_CLIENT_LINE:
	case SMTP_CLIENT_RAW:
	case SMTP_CLIENT_STARTTLS:
		break;
	}
	complete_reply(client, reply);
}

static void
note_421(struct smtp_client *client, const struct smtp_reply *reply)
{
	struct span	 text = reply->text, line;

	if (reply->code == 421 && smtp_reply_line(&text, &line))
		(void)snprintf(client->why, sizeof client->why, "421 %.*s",
		    (int)line.n, line.p);
}

static bool
is_handshake_due(const struct smtp_client *client,
    const struct smtp_reply *reply)
{
	return STAILQ_FIRST(&client->steps)->kind == SMTP_CLIENT_STARTTLS &&
	    reply->code == 220 && client->stream.ssl == NULL;
}

/* Nobody has asked.  A 421 is what an idle connection ends with, and the answer
 * to whatever comes next. */
static void
take_unasked(struct smtp_client *client, const struct smtp_reply *reply)
{
	if (reply->code == 421)
		note_421(client, reply);
	else
		end(client, SMTP_CLIENT_PROTOCOL, "a reply to nothing");
}

/* True: there may be another one. */
static bool
next_reply(struct smtp_client *client)
{
	struct smtp_reply	 reply;
	size_t			 used;

	switch (smtp_reply_find(client->in, client->in_len, &reply, &used)) {
	case SMTP_REPLY_MORE:
		return false;
	case SMTP_REPLY_BAD:
		end(client, SMTP_CLIENT_PROTOCOL, "a line that is no reply");
		return false;
	case SMTP_REPLY_TOO_LONG:
		end(client, SMTP_CLIENT_PROTOCOL, "a reply that is too long");
		return false;
	case SMTP_REPLY_DONE:
		break;
	}
	if (client->n_said == 0) {
		take_unasked(client, &reply);
		return false;
	}
	if (is_handshake_due(client, &reply)) {
		begin_tls(client, used);
		return false;
	}
	note_421(client, &reply);
	take_reply(client, &reply);
	client->in_len -= used;
	memmove(client->in, client->in + used, client->in_len);
	if (!client->is_freed)
		set_reply_deadline(client);
	return true;
}

static void
take_replies(struct smtp_client *client)
{
	while (client->phase == SMTP_CLIENT_OPEN && !client->is_freed &&
	    client->in_len > 0 && next_reply(client))
		continue;
	if (client->phase == SMTP_CLIENT_OPEN && client->is_eof &&
	    !client->is_freed)
		end(client, SMTP_CLIENT_CLOSED, client->in_len == 0 ?
		    "the server has ended it" :
		    "the server has ended it within a reply");
}

/*
 * Saying
 */

static void
write_content(struct smtp_client *client, struct smtp_client_step *step)
{
	/* No deadline is put off by a server that takes nothing. */
	if (step->kind == SMTP_CLIENT_CONTENT && !step->is_written &&
	    stream_pending(&client->stream) == 0) {
		note_written(client, smtp_client_content_write(client, step));
		set_reply_deadline(client);
	}
}

static void
say_step(struct smtp_client *client, struct smtp_client_step *step)
{
	bool	 is_first = client->n_said == 0;

	if (!smtp_client_step_say(client, step)) {
		be_deaf(client);
		return;
	}
	if (is_first)
		set_reply_deadline(client);
	if (step->kind == SMTP_CLIENT_CONTENT)
		write_content(client, step);
	else if (step->kind == SMTP_CLIENT_CHUNKS)
		note_written(client, smtp_client_content_chunk(client, step));
}

static void
say_all(struct smtp_client *client)
{
	struct smtp_client_step	*step;

	while (client->phase == SMTP_CLIENT_OPEN && !client->is_eof &&
	    (step = smtp_client_step_next(client)) != NULL)
		say_step(client, step);
	if (client->phase == SMTP_CLIENT_OPEN && !client->is_eof)
		(void)stream_flush(&client->stream);
}

/* What is not to be said is completed without, when its turn has come. */
static bool
drop_unsayable(struct smtp_client *client)
{
	const struct smtp_client_step	*step = STAILQ_FIRST(&client->steps);

	if (step == NULL || !step->is_unsayable || client->is_freed)
		return false;
	complete_with(client, SMTP_CLIENT_UNSAID,
	    "a line that is too long, or has an end in it");
	return true;
}

static void
complete_rest(struct smtp_client *client)
{
	while (!client->is_freed && STAILQ_FIRST(&client->steps) != NULL)
		complete_with(client, client->result, client->why);
}

static void
destroy(struct smtp_client *client)
{
	stream_close(&client->stream);
	(void)event_del(&client->timer);
	(void)event_del(&client->wake);
	while (STAILQ_FIRST(&client->steps) != NULL)
		smtp_client_step_drop(client);
	if (client->taken != -1)
		(void)close(client->taken);
	free(client->in);
	free(client);
}

static void
go_on(struct smtp_client *client)
{
	struct smtp_client_step	*step = STAILQ_FIRST(&client->steps);

	client->depth++;
	if (client->phase == SMTP_CLIENT_NEW && step != NULL) {
		step->is_said = true;
		client->n_said = 1;
		begin(client);
	}
	do {
		take_replies(client);
		if (client->is_freed)
			break;
		if (client->phase == SMTP_CLIENT_OPEN && !client->is_eof)
			stream_want_read(&client->stream, true);
		step = STAILQ_FIRST(&client->steps);
		if (client->phase == SMTP_CLIENT_OPEN && step != NULL &&
		    step->is_said)
			write_content(client, step);
		say_all(client);
	} while (client->phase != SMTP_CLIENT_OVER && drop_unsayable(client));
	if (client->phase == SMTP_CLIENT_OVER)
		complete_rest(client);
	client->depth--;
	if (client->is_freed)
		destroy(client);
}

/*
 * Events
 */

static void
fail(struct smtp_client *client)
{
	char	 why[sizeof client->why];

	(void)strlcpy(why, stream_why(&client->stream), sizeof why);
	switch (client->phase) {
	case SMTP_CLIENT_CONNECTING:
		stream_close(&client->stream);
		if (client->server == NULL)
			end(client, SMTP_CLIENT_CONNECT, why);
		else
			connect_next(client, why);
		break;
	case SMTP_CLIENT_SECURING:
		end(client, SMTP_CLIENT_TLS, why);
		break;
	case SMTP_CLIENT_NEW:
	case SMTP_CLIENT_OPEN:
	case SMTP_CLIENT_OVER:
		be_deaf(client);
		break;
	}
}

static void
be_secure(struct smtp_client *client)
{
	struct smtp_reply	 reply;
	size_t			 used;

	be_open(client);
	if (client->options.is_tls_first || STAILQ_EMPTY(&client->steps) ||
	    STAILQ_FIRST(&client->steps)->kind != SMTP_CLIENT_STARTTLS)
		return;
	if (smtp_reply_find(client->in, client->in_len, &reply, &used) !=
	    SMTP_REPLY_DONE)
		return;
	complete_reply(client, &reply);
	client->in_len = 0;
	if (!client->is_freed)
		set_reply_deadline(client);
}

static void
on_stream(struct stream *stream, enum stream_event event, void *arg)
{
	struct smtp_client	*client = arg;

	(void)stream;
	client->depth++;
	switch (event) {
	case STREAM_CONNECTED:
		be_connected(client);
		break;
	case STREAM_SECURED:
		be_secure(client);
		break;
	case STREAM_READABLE:
		(void)read_some(client);
		if (client->is_eof || client->in_len == client->in_size)
			stream_want_read(&client->stream, false);
		break;
	case STREAM_DRAINED:
		break;
	case STREAM_FAILED:
		fail(client);
		break;
	}
	client->depth--;
	go_on(client);
}

static void
on_timer(int fd, short what, void *arg)
{
	struct smtp_client	*client = arg;

	(void)fd;
	(void)what;
	if (client->phase == SMTP_CLIENT_CONNECTING && client->server != NULL) {
		stream_close(&client->stream);
		connect_next(client, "no answer in time");
	} else {
		end(client, client->phase == SMTP_CLIENT_SECURING ?
		    SMTP_CLIENT_TLS : SMTP_CLIENT_DEADLINE,
		    "no answer in time");
	}
	go_on(client);
}

static void
on_wake(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	go_on(arg);
}

/*
 * What the owner calls
 */

struct smtp_client *
smtp_client_new(struct event_base *base,
    const struct smtp_client_options *options)
{
	struct smtp_client	*client = calloc(1, sizeof *client);

	if (client == NULL)
		ctl_die(EX_OSERR, "out of memory");
	client->base = base;
	client->options = *options;
	if (client->options.timeout_s == 0)
		client->options.timeout_s = TIMEOUT_S;
	if (client->options.end_timeout_s == 0)
		client->options.end_timeout_s = END_TIMEOUT_S;
	client->taken = client->stream.fd = -1;
	STAILQ_INIT(&client->steps);
	if (evtimer_assign(&client->timer, base, on_timer, client) != 0 ||
	    evtimer_assign(&client->wake, base, on_wake, client) != 0)
		ctl_die(EX_OSERR, "no event");
	return client;
}

void
smtp_client_free(struct smtp_client *client)
{
	if (client == NULL)
		return;
	client->is_freed = true;
	if (client->depth == 0)
		destroy(client);
}

static struct smtp_client_step *
add(struct smtp_client *client, enum smtp_client_kind kind, struct span line,
    smtp_client_fn *fn, void *arg)
{
	struct smtp_client_step	*step = smtp_client_step_add(client, kind,
				    line, fn, arg);

	if (step == NULL)
		ctl_die(EX_OSERR, "out of memory");
	event_active(&client->wake, EV_TIMEOUT, 0);
	return step;
}

void
smtp_client_connect(struct smtp_client *client,
    const struct smtp_server *server, smtp_client_fn *fn, void *arg)
{
	client->server = server;
	if (client->options.tls_name == NULL && *server->host != '/')
		client->options.tls_name = server->host;
	(void)add(client, SMTP_CLIENT_GREETING, span_of(""), fn, arg);
}

void
smtp_client_take(struct smtp_client *client, int fd, smtp_client_fn *fn,
    void *arg)
{
	client->taken = fd;
	(void)add(client, SMTP_CLIENT_GREETING, span_of(""), fn, arg);
}

void
smtp_client_say(struct smtp_client *client, struct span line,
    smtp_client_fn *fn, void *arg)
{
	(void)add(client, SMTP_CLIENT_LINE, line, fn, arg);
}

void
smtp_client_greet(struct smtp_client *client, const char *name,
    smtp_client_fn *fn, void *arg)
{
	char	 line[1024];

	if ((size_t)snprintf(line, sizeof line, "%s %s",
	    client->options.is_lmtp ? "LHLO" : "EHLO", name) >= sizeof line)
		(void)strlcpy(line, "\n", sizeof line);
	(void)add(client, SMTP_CLIENT_EHLO, span_of(line), fn, arg);
}

void
smtp_client_secure(struct smtp_client *client, smtp_client_fn *fn, void *arg)
{
	(void)add(client, SMTP_CLIENT_STARTTLS, span_of("STARTTLS"), fn, arg);
}

void
smtp_client_assert(struct smtp_client *client, struct span line,
    smtp_client_fn *fn, void *arg)
{
	(void)add(client, SMTP_CLIENT_ASSERTION, span_trim(line), fn, arg);
}

static void
add_content(struct smtp_client *client, enum smtp_client_kind kind,
    const struct smtp_client_step *content, smtp_client_fn *fn, void *arg)
{
	struct smtp_client_step	*step = add(client, kind, span_of(""), fn,
				    arg);

	step->source = content->source;
	step->source_arg = content->source_arg;
	step->n = content->n;
}

void
smtp_client_content(struct smtp_client *client, smtp_client_source *source,
    void *source_arg, unsigned n, smtp_client_fn *fn, void *arg)
{
	add_content(client, SMTP_CLIENT_CONTENT,
	    &(const struct smtp_client_step){ .source = source,
	    .source_arg = source_arg, .n = n }, fn, arg);
}

void
smtp_client_chunks(struct smtp_client *client, smtp_client_source *source,
    void *source_arg, unsigned n, smtp_client_fn *fn, void *arg)
{
	add_content(client, SMTP_CLIENT_CHUNKS,
	    &(const struct smtp_client_step){ .source = source,
	    .source_arg = source_arg, .n = n }, fn, arg);
}

void
smtp_client_raw(struct smtp_client *client, struct span bytes, unsigned n,
    smtp_client_fn *fn, void *arg)
{
	add(client, SMTP_CLIENT_RAW, bytes, fn, arg)->n = n;
}

const struct smtp_offer *
smtp_client_offer(const struct smtp_client *client)
{
	return &client->offer;
}

bool
smtp_client_is_open(const struct smtp_client *client)
{
	return client->phase == SMTP_CLIENT_OPEN && !client->is_eof;
}

bool
smtp_client_is_secure(const struct smtp_client *client)
{
	return client->phase == SMTP_CLIENT_OPEN && client->stream.ssl != NULL;
}

bool
smtp_client_tls(const struct smtp_client *client, struct tls_peer *peer_r)
{
	if (!smtp_client_is_secure(client))
		return false;
	tls_peer_read(client->stream.ssl, peer_r);
	return true;
}
