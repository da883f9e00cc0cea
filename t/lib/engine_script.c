/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * engine_script: see engine_script.h.
 */
#include "engine_script.h"

#include <sys/socket.h>

#include <check.h>
#include <stdio.h>
#include <unistd.h>

#include <event2/event.h>

void
engine_script_hang_up(struct engine_script *script)
{
	if (script->fd == -1)
		return;
	(void)event_del(&script->read_event);
	(void)event_del(&script->pump);
	close(script->fd);
	script->fd = -1;
	resp_reader_free(script->reader);
	script->reader = NULL;
	script->n_out = 0;
	script->is_closing = false;
}

/* Sends one piece. */
static void
pump(evutil_socket_t fd, short what, void *arg)
{
	struct engine_script	*script = arg;
	size_t			 n = script->n_out;

	(void)fd;
	(void)what;
	if (script->piece != 0 && n > script->piece)
		n = script->piece;
	if (script->cut != 0 && n > script->cut - script->n_sent)
		n = script->cut - script->n_sent;
	if (n > 0) {
		ck_assert_int_eq(send(script->fd, script->out, n,
		    MSG_NOSIGNAL), (ssize_t)n);
		script->n_sent += n;
		script->n_out -= n;
		memmove(script->out, script->out + n, script->n_out);
	}
	if ((script->cut != 0 && script->n_sent == script->cut) ||
	    (script->n_out == 0 && script->is_closing))
		engine_script_hang_up(script);
	else if (script->n_out > 0)
		engine_script_release(script);
}

void
engine_script_release(struct engine_script *script)
{
	const struct timeval	 now = { 0, 0 };

	script->is_held = false;
	if (script->fd != -1)
		(void)event_add(&script->pump, &now);
}

static void
put_reply(struct engine_script *script, const char *reply)
{
	size_t	 n;

	if (reply == NULL)
		return;
	if (strcmp(reply, ENGINE_SCRIPT_CLOSE) == 0) {
		script->is_closing = true;
	} else {
		n = strlen(reply);
		ck_assert_uint_le(script->n_out + n, sizeof script->out);
		memcpy(script->out + script->n_out, reply, n);
		script->n_out += n;
	}
	if (!script->is_held)
		engine_script_release(script);
}

static void
answer(struct engine_script *script, const struct resp *said)
{
	const struct engine_script_row	*row;
	char				 text[512] = "";
	struct span			 word;
	size_t				 i, n = 0;

	for (i = 0; i < said->n && n < sizeof text; i++) {
		word = resp_item(said, i);
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s",
		    i == 0 ? "" : " ", (int)word.n, word.p);
	}
	script->n_said++;
	for (row = script->rows; row->command != NULL; row++)
		if (strncmp(text, row->command, strlen(row->command)) == 0) {
			put_reply(script, row->reply);
			return;
		}
}

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	struct engine_script	*script = arg;
	char			 buf[4096];
	struct resp		*said;
	ssize_t			 n = recv(fd, buf, sizeof buf, 0);

	(void)what;
	if (n <= 0) {
		engine_script_hang_up(script);
		return;
	}
	ck_assert(resp_feed(script->reader, (struct span){ buf, (size_t)n }));
	while (script->fd != -1 &&
	    resp_next(script->reader, &said) == RESP_DONE) {
		answer(script, said);
		resp_free(said);
	}
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct engine_script	*script = arg;

	(void)what;
	engine_script_hang_up(script);
	script->fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ne(script->fd, -1);
	script->n_accepted++;
	script->n_sent = 0;
	script->reader = resp_reader_new();
	(void)event_assign(&script->read_event, script->base, script->fd,
	    EV_READ | EV_PERSIST, on_read, script);
	(void)event_add(&script->read_event, NULL);
}

void
engine_script_open(struct engine_script *script, struct event_base *base,
    const struct engine_script_row *rows)
{
	socklen_t	 len = sizeof script->addr;

	*script = (struct engine_script){ .base = base, .rows = rows,
	    .fd = -1, .addr = { .sin_family = AF_INET } };
	script->addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	script->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(script->listen_fd,
	    (struct sockaddr *)&script->addr, len), 0);
	ck_assert_int_eq(listen(script->listen_fd, 8), 0);
	ck_assert_int_eq(getsockname(script->listen_fd,
	    (struct sockaddr *)&script->addr, &len), 0);
	(void)event_assign(&script->accept_event, base, script->listen_fd,
	    EV_READ | EV_PERSIST, on_accept, script);
	(void)event_add(&script->accept_event, NULL);
	(void)event_assign(&script->pump, base, -1, 0, pump, script);
}

void
engine_script_close(struct engine_script *script)
{
	engine_script_hang_up(script);
	(void)event_del(&script->accept_event);
	close(script->listen_fd);
}
