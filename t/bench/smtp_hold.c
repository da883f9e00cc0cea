/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_hold: opens very many SMTP sessions, says EHLO in each, with -T once
 * more after STARTTLS, and stays; prints by how much the server has grown.
 *
 * What counts is RssAnon of /proc/PID/status: memory of the server's own that
 * is in use, without files that are mapped.
 */
#include <sys/socket.h>

#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "inet.h"
#include "stopwatch.h"

#define REPLY_SIZE	4096
#define SETTLE		1.0	/* s, for what the server still has to do */
#define WARM		16	/* sessions that come and go beforehand */

struct options {
	int		 port;
	pid_t		 server;
	unsigned	 sessions;
	SSL_CTX		*tls;		/* NULL: plain */
};

struct session {
	int	 fd;
	SSL	*ssl;
};

static void
say(struct session *s, const char *line)
{
	size_t	 n = strlen(line);
	ssize_t	 sent = s->ssl != NULL ? SSL_write(s->ssl, line, (int)n) :
		    send(s->fd, line, n, MSG_NOSIGNAL);

	if (sent != (ssize_t)n)
		errx(1, "cannot send: %s", line);
}

/* Whether the last line of a reply, "250 " and not "250-", is there. */
static bool
is_whole(const char *reply, size_t n)
{
	const char	*line;

	if (n < 5 || reply[n - 1] != '\n')
		return false;
	for (line = reply + n - 1; line > reply && line[-1] != '\n'; line--)
		;
	return line[3] != '-';
}

static void
hear(struct session *s, const char *code)
{
	char	 reply[REPLY_SIZE];
	size_t	 n = 0;
	ssize_t	 got;

	do {
		got = s->ssl != NULL ? SSL_read(s->ssl, reply + n,
		    (int)(sizeof(reply) - 1 - n)) :
		    recv(s->fd, reply + n, sizeof(reply) - 1 - n, 0);
		if (got <= 0)
			errx(1, "the server hung up");
		n += (size_t)got;
		reply[n] = '\0';
	} while (!is_whole(reply, n));
	if (strncmp(reply, code, strlen(code)) != 0)
		errx(1, "wanted: %s, got: %s", code, reply);
}

static void
secure(struct session *s, SSL_CTX *tls)
{
	say(s, "STARTTLS\r\n");
	hear(s, "220");
	s->ssl = SSL_new(tls);
	if (s->ssl == NULL || SSL_set_fd(s->ssl, s->fd) != 1 ||
	    SSL_connect(s->ssl) != 1)
		errx(1, "TLS cannot be begun");
}

static void
begin(struct session *s, const struct options *options)
{
	s->fd = inet_dial("127.0.0.1", options->port);
	hear(s, "220");
	say(s, "EHLO client.example.net\r\n");
	hear(s, "250");
	if (options->tls == NULL)
		return;
	secure(s, options->tls);
	say(s, "EHLO client.example.net\r\n");
	hear(s, "250");
}

static void
hang_up(struct session *s)
{
	SSL_free(s->ssl);
	(void)close(s->fd);
}

/* Lets a few come and go, which leave behind what any first ones do. */
static void
warm_up(const struct options *options)
{
	struct session	 s;
	unsigned	 i;

	for (i = 0; i < WARM; i++) {
		s.ssl = NULL;
		begin(&s, options);
		say(&s, "QUIT\r\n");
		hear(&s, "221");
		hang_up(&s);
	}
}

static double
anonymous_kib(pid_t pid)
{
	char	 path[64], line[256];
	double	 kib = -1;
	FILE	*f;

	(void)snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	if ((f = fopen(path, "r")) == NULL)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "RssAnon: %lf kB", &kib) == 1)
			break;
	(void)fclose(f);
	if (kib < 0)
		errx(1, "%s names no RssAnon", path);
	return kib;
}

static void
usage(void)
{
	errx(64, "usage: smtp_hold [-T] -p port -P server-pid [-n sessions]");
}

static void
read_options(int argc, char **argv, struct options *options)
{
	int	 c;

	while ((c = getopt(argc, argv, "p:P:n:T")) != -1)
		switch (c) {
		case 'p':
			options->port = inet_port(optarg);
			break;
		case 'P':
			options->server = atoi(optarg);
			break;
		case 'n':
			options->sessions = (unsigned)atoi(optarg);
			break;
		case 'T':
			options->tls = SSL_CTX_new(TLS_client_method());
			if (options->tls == NULL)
				errx(1, "no TLS");
			break;
		default:
			usage();
		}
	if (argc != optind || options->port == 0 || options->server == 0 ||
	    options->sessions == 0)
		usage();
}

int
main(int argc, char **argv)
{
	struct options	 options = { .sessions = 1000 };
	struct session	*sessions;
	double		 before, after;
	unsigned	 i;

	read_options(argc, argv, &options);
	inet_raise_limit();
	sessions = calloc(options.sessions, sizeof(*sessions));
	if (sessions == NULL)
		err(1, NULL);
	warm_up(&options);
	stopwatch_sleep(SETTLE);
	before = anonymous_kib(options.server);
	for (i = 0; i < options.sessions; i++)
		begin(&sessions[i], &options);
	stopwatch_sleep(SETTLE);
	after = anonymous_kib(options.server);
	printf("sessions=%u before_kib=%.0f after_kib=%.0f bytes=%.0f\n",
	    options.sessions, before, after,
	    (after - before) * 1024 / options.sessions);
	for (i = 0; i < options.sessions; i++)
		hang_up(&sessions[i]);
	free(sessions);
	SSL_CTX_free(options.tls);
	return 0;
}
