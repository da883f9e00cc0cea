/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * sink: an SMTP server that takes everything and keeps nothing, as smtp-sink
 * does, but offers XCLIENT and answers it with 220.
 *
 * With -x it takes mail only in sessions that have said XCLIENT, so that a
 * relay that does not say it is not measured as if it did.  One thread, one
 * epoll set, one read and one write for what comes at once.
 */
#include <sys/epoll.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "inet.h"

#define BUF_SIZE	65536
#define LINE_SIZE	2048	/* of a command that comes in pieces */
#define OUT_SIZE	16384	/* of the replies to what comes at once */
#define EVENTS		256

#define OFFER	"250-sink.example.net\r\n250-PIPELINING\r\n" \
	"250-8BITMIME\r\n" \
	"250 XCLIENT NAME ADDR PORT PROTO HELO LOGIN REVERSE_NAME " \
	"DESTADDR DESTPORT\r\n"

struct session {
	int		 fd;
	bool		 is_content;
	bool		 is_told;	/* by XCLIENT */
	bool		 is_over;
	size_t		 n;		/* of text */
	char		 text[LINE_SIZE];	/* half a command, or the last
						 * octets of content */
};

struct output {
	char	 buf[OUT_SIZE];
	size_t	 n;
};

static const struct {
	const char	*verb, *reply;
} replies[] = {
	{ "EHLO", OFFER },
	{ "HELO", "250 sink.example.net\r\n" },
	{ "MAIL", "250 2.1.0 Ok\r\n" },
	{ "RCPT", "250 2.1.5 Ok\r\n" },
	{ "DATA", "354 End data with <CR><LF>.<CR><LF>\r\n" },
	{ "RSET", "250 2.0.0 Ok\r\n" },
	{ "NOOP", "250 2.0.0 Ok\r\n" },
	{ "QUIT", "221 2.0.0 Bye\r\n" },
	{ "XCLI", "220 sink.example.net ESMTP\r\n" }
};

static void
say(struct output *out, const char *text)
{
	size_t	 n = strlen(text);

	if (n > sizeof(out->buf) - out->n)
		errx(1, "too many commands at once");
	memcpy(out->buf + out->n, text, n);
	out->n += n;
}

static void
obey(struct session *s, const char *line, bool needs_xclient,
    struct output *out)
{
	size_t	 i;

	for (i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
		if (strncasecmp(line, replies[i].verb, 4) == 0)
			break;
	if (i == sizeof(replies) / sizeof(replies[0])) {
		say(out, "500 5.5.2 Error: command not recognized\r\n");
		return;
	}
	if (needs_xclient && !s->is_told && strncasecmp(line, "MAIL", 4) == 0)
		errx(1, "MAIL came without XCLIENT");
	s->is_told = s->is_told || *replies[i].verb == 'X';
	s->is_content = *replies[i].verb == 'D';
	s->is_over = *replies[i].verb == 'Q';
	say(out, replies[i].reply);
}

/* Keeps the last octets of content, in which its end may begin. */
static void
keep_tail(struct session *s, const char *p, size_t n)
{
	size_t	 old = n >= 4 ? 0 : s->n + n <= 4 ? s->n : 4 - n;

	if (n > 4) {
		p += n - 4;
		n = 4;
	}
	memmove(s->text, s->text + s->n - old, old);
	memcpy(s->text + old, p, n);
	s->n = old + n;
}

/* Takes content; how much of p it was. */
static size_t
swallow(struct session *s, const char *p, size_t n, struct output *out)
{
	static const char	 end[] = "\r\n.\r\n";
	char			 seam[8];
	size_t			 used, k = n < 4 ? n : 4;
	const char		*at;

	/* Across the seam of two reads first. */
	memcpy(seam, s->text, s->n);
	memcpy(seam + s->n, p, k);
	if ((at = memmem(seam, s->n + k, end, 5)) != NULL) {
		used = (size_t)(at - seam) + 5 - s->n;
	} else if ((at = memmem(p, n, end, 5)) != NULL) {
		used = (size_t)(at - p) + 5;
	} else {
		keep_tail(s, p, n);
		return n;
	}
	s->is_content = false;
	s->n = 0;
	say(out, "250 2.0.0 Ok\r\n");
	return used;
}

/* Takes one line, or keeps what there is of it. */
static size_t
take_line(struct session *s, const char *p, size_t n, bool needs_xclient,
    struct output *out)
{
	const char	*lf = memchr(p, '\n', n);
	size_t		 len = lf == NULL ? n : (size_t)(lf - p) + 1;

	if (len >= sizeof(s->text) - s->n)
		errx(1, "a command is too long");
	memcpy(s->text + s->n, p, len);
	s->n += len;
	if (lf == NULL)
		return len;
	s->text[s->n] = '\0';
	obey(s, s->text, needs_xclient, out);
	s->n = 0;
	/* An empty message's dot follows the command's own end of line. */
	if (s->is_content) {
		memcpy(s->text, "\r\n", 2);
		s->n = 2;
	}
	return len;
}

static void
serve(struct session *s, bool needs_xclient)
{
	static char		 buf[BUF_SIZE];
	static struct output	 out;
	ssize_t			 got = recv(s->fd, buf, sizeof(buf), 0);
	size_t			 n, used;

	if (got == -1 && errno == EAGAIN)
		return;
	out.n = 0;
	n = got <= 0 ? 0 : (size_t)got;
	for (used = 0; used < n;)
		used += s->is_content ?
		    swallow(s, buf + used, n - used, &out) :
		    take_line(s, buf + used, n - used, needs_xclient, &out);
	if (out.n > 0 && send(s->fd, out.buf, out.n, MSG_NOSIGNAL) !=
	    (ssize_t)out.n)
		s->is_over = true;
	if (n == 0 || s->is_over) {
		(void)close(s->fd);
		free(s);
	}
}

static void
welcome(int epfd, int listener)
{
	static const char	 greeting[] =
				    "220 sink.example.net ESMTP\r\n";
	struct session		*s;
	int			 fd;

	while ((fd = inet_accept(listener)) != -1) {
		if ((s = calloc(1, sizeof(*s))) == NULL)
			err(1, NULL);
		s->fd = fd;
		inet_watch(epfd, fd, EPOLLIN, s);
		(void)send(fd, greeting, sizeof(greeting) - 1, MSG_NOSIGNAL);
	}
}

int
main(int argc, char **argv)
{
	struct epoll_event	 events[EVENTS];
	bool			 needs_xclient;
	int			 epfd, i, listener, n;

	needs_xclient = argc == 3 && strcmp(argv[1], "-x") == 0;
	if (argc != (needs_xclient ? 3 : 2))
		errx(64, "usage: sink [-x] port");
	inet_raise_limit();
	if ((epfd = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(1, "epoll_create1");
	listener = inet_listen(inet_port(argv[argc - 1]));
	inet_watch(epfd, listener, EPOLLIN, NULL);
	for (;;) {
		n = epoll_wait(epfd, events, EVENTS, -1);
		if (n == -1 && errno != EINTR)
			err(1, "epoll_wait");
		for (i = 0; i < n; i++) {
			if (events[i].data.ptr == NULL)
				welcome(epfd, listener);
			else
				serve(events[i].data.ptr, needs_xclient);
		}
	}
}
