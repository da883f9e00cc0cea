/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_talk: an smtp_client that says one mail, at the other end of whose
 * connection is a test, and what each of its steps was completed by.
 */
#ifndef XC_T_SMTP_TALK_H
#define XC_T_SMTP_TALK_H

#include <sys/socket.h>

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/smtp_client.h"

#define SMTP_TALK_STEPS	16
#define SMTP_TALK_TURNS	4	/* of the loop, until nothing happens */

struct smtp_talk {
	struct event_base	*base;
	struct smtp_client	*client;
	int			 fd;		/* the server's; -1: closed */
	char			 said[65536];	/* by the client */
	size_t			 n_said;
	char			 record[8192];	/* "250 250 closed" */
	size_t			 n_record;
	unsigned		 n_asked, n_done;
	const char		*content;
	size_t			 at;
	size_t			 piece;		/* of the content, at once */
	bool			 is_chunked, is_lmtp;
	bool			 fails;		/* its source, at its end */
	unsigned		 n_accepted;
	bool			 ends_at_once;	/* freed by a completion */
};

static inline void
smtp_talk_note(struct smtp_talk *t, const char *text)
{
	t->n_record += (size_t)snprintf(t->record + t->n_record,
	    sizeof t->record - t->n_record, "%s%s",
	    t->n_record == 0 ? "" : " ", text);
}

/* True: it is a reply of that class. */
static inline bool
smtp_talk_take(struct smtp_talk *t, const struct smtp_client_answer *answer,
    unsigned class)
{
	static const char *const	 words[] = { "", "connect", "closed",
		"deadline", "protocol", "tls", "unsaid", "source" };
	char				 code[8];

	t->n_done++;
	if (answer->result != SMTP_CLIENT_REPLY) {
		smtp_talk_note(t, words[answer->result]);
		return false;
	}
	(void)snprintf(code, sizeof code, "%u", answer->reply->code);
	smtp_talk_note(t, code);
	return answer->reply->code / 100 == class;
}

static inline void
smtp_talk_last(void *arg, const struct smtp_client_answer *answer)
{
	(void)smtp_talk_take(arg, answer, 2);
}

static inline void
smtp_talk_ended(void *arg, const struct smtp_client_answer *answer)
{
	struct smtp_talk	*t = arg;

	(void)smtp_talk_take(t, answer, 2);
	if (answer->result == SMTP_CLIENT_REPLY &&
	    answer->nth + 1 < (t->is_lmtp ? t->n_accepted : 1))
		return;
	t->n_asked++;
	smtp_client_say(t->client, span_of("QUIT"), smtp_talk_last, t);
}

static inline ssize_t
smtp_talk_source(void *arg, char *buf, size_t size)
{
	struct smtp_talk	*t = arg;
	size_t			 n = strlen(t->content) - t->at;

	if (n == 0 && t->fails)
		return -1;
	if (n > size)
		n = size;
	if (t->piece > 0 && n > t->piece)
		n = t->piece;
	memcpy(buf, t->content + t->at, n);
	t->at += n;
	return (ssize_t)n;
}

static inline void
smtp_talk_data(void *arg, const struct smtp_client_answer *answer)
{
	struct smtp_talk	*t = arg;
	unsigned		 n = t->is_lmtp ? t->n_accepted : 1;

	if (!smtp_talk_take(t, answer, 3))
		return;
	t->n_asked += n;
	smtp_client_content(t->client, smtp_talk_source, t, n,
	    smtp_talk_ended, t);
}

static inline void
smtp_talk_rcpt(void *arg, const struct smtp_client_answer *answer)
{
	struct smtp_talk	*t = arg;

	if (smtp_talk_take(t, answer, 2))
		t->n_accepted++;
}

static inline void
smtp_talk_last_rcpt(void *arg, const struct smtp_client_answer *answer)
{
	struct smtp_talk	*t = arg;

	smtp_talk_rcpt(arg, answer);
	if (!t->is_chunked || t->n_accepted == 0)
		return;
	t->n_asked += t->is_lmtp ? t->n_accepted : 1;
	smtp_client_chunks(t->client, smtp_talk_source, t,
	    t->is_lmtp ? t->n_accepted : 1, smtp_talk_ended, t);
}

static inline void
smtp_talk_greeted(void *arg, const struct smtp_client_answer *answer)
{
	struct smtp_talk	*t = arg;

	if (!smtp_talk_take(t, answer, 2))
		return;
	if (t->ends_at_once) {
		smtp_client_free(t->client);
		t->client = NULL;
		return;
	}
	t->n_asked += t->is_chunked ? 3 : 4;
	smtp_client_say(t->client, span_of("MAIL FROM:<s@example.org>"),
	    smtp_talk_last, t);
	smtp_client_say(t->client, span_of("RCPT TO:<a@example.com>"),
	    smtp_talk_rcpt, t);
	smtp_client_say(t->client, span_of("RCPT TO:<b@example.com>"),
	    smtp_talk_last_rcpt, t);
	if (!t->is_chunked)
		smtp_client_say(t->client, span_of("DATA"), smtp_talk_data, t);
}

static inline void
smtp_talk_asserted(void *arg, const struct smtp_client_answer *answer)
{
	struct smtp_talk	*t = arg;

	(void)smtp_talk_take(t, answer, 2);
	t->n_asked++;
	smtp_client_greet(t->client, "client.example.org", smtp_talk_greeted,
	    t);
}

static inline void
smtp_talk_connected(void *arg, const struct smtp_client_answer *answer)
{
	struct smtp_talk	*t = arg;

	if (!smtp_talk_take(t, answer, 2))
		return;
	t->n_asked++;
	smtp_client_assert(t->client, span_of("XCLIENT ADDR=192.0.2.1 "
	    "NAME=client.example.org"), smtp_talk_asserted, t);
}

static inline void
smtp_talk_begin(struct smtp_talk *t, const struct smtp_client_options *options)
{
	int	 fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
	    fd) != 0)
		abort();
	t->base = event_base_new();
	t->fd = fd[1];
	t->client = smtp_client_new(t->base, options);
	t->n_asked = 1;
	if (t->content == NULL)
		t->content = "Subject: a\n\n.dot\nb\rc\r\n";
	smtp_client_take(t->client, fd[0], smtp_talk_connected, t);
}

/* Lets the client do what it can, and takes what it says. */
static inline void
smtp_talk_turn(struct smtp_talk *t)
{
	ssize_t	 n;
	int	 i;

	for (i = 0; i < SMTP_TALK_TURNS; i++) {
		(void)event_base_loop(t->base, EVLOOP_NONBLOCK);
		if (t->fd == -1)
			continue;
		n = read(t->fd, t->said + t->n_said,
		    sizeof t->said - 1 - t->n_said);
		if (n > 0)
			t->n_said += (size_t)n;
		if (n > 0)
			i = -1;
	}
	t->said[t->n_said] = '\0';
}

/* The server says bytes. */
static inline void
smtp_talk_say(struct smtp_talk *t, struct span bytes)
{
	if (t->fd != -1 && bytes.n > 0)
		(void)!send(t->fd, bytes.p, bytes.n, MSG_NOSIGNAL);
	smtp_talk_turn(t);
}

static inline void
smtp_talk_hang_up(struct smtp_talk *t)
{
	if (t->fd != -1)
		(void)close(t->fd);
	t->fd = -1;
	smtp_talk_turn(t);
}

static inline void
smtp_talk_end(struct smtp_talk *t)
{
	smtp_talk_hang_up(t);
	smtp_client_free(t->client);
	event_base_free(t->base);
}

#endif
