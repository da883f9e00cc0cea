/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * tls_client: SMTP clients with STARTTLS, as live tests need them.
 *
 *	tls_client certificate DIR	makes DIR/server.pem and DIR/server.key
 *	tls_client idle HOST PORT N	N sessions, secured and greeted; says
 *					"ready", and stays until its input ends
 *	tls_client renegotiate HOST PORT	one with TLS 1.2 that asks for
 *					another handshake; says "refused" or
 *					"done"
 */
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "certificate.h"

#define EHLO	"EHLO client.example.org\r\n"

struct client {
	int	 fd;
	SSL	*ssl;		/* NULL: in the clear */
};

static int
receive(struct client *c, char *buf, size_t size)
{
	if (c->ssl != NULL)
		return SSL_read(c->ssl, buf, (int)size);
	return (int)recv(c->fd, buf, size, 0);
}

/* Waits for a whole reply; it must have that code. */
static void
hear(struct client *c, const char *code)
{
	char	 buf[8192];
	size_t	 n = 0, line = 0;
	int	 got;

	for (;;) {
		got = receive(c, buf + n, sizeof buf - n);
		if (got <= 0)
			errx(1, "no reply %s", code);
		n += (size_t)got;
		while (memchr(buf + line, '\n', n - line) != NULL) {
			if (n - line < 4 || strncmp(buf + line, code, 3) != 0)
				errx(1, "%s was expected: %.*s", code, (int)n,
				    buf);
			if (buf[line + 3] == ' ')
				return;
			line = (size_t)((char *)memchr(buf + line, '\n',
			    n - line) - buf) + 1;
		}
	}
}

static void
say(struct client *c, const char *line, const char *code)
{
	size_t	 n = strlen(line);

	if (c->ssl != NULL ? SSL_write(c->ssl, line, (int)n) <= 0 :
	    send(c->fd, line, n, MSG_NOSIGNAL) != (ssize_t)n)
		errx(1, "cannot say %s", line);
	hear(c, code);
}

static void
open_client(struct client *c, SSL_CTX *ctx, const char *host,
    const char *port)
{
	struct sockaddr_in	 to = { .sin_family = AF_INET };

	to.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	if (inet_pton(AF_INET, host, &to.sin_addr) != 1)
		errx(1, "%s is no address", host);
	*c = (struct client){ .fd = socket(AF_INET, SOCK_STREAM, 0) };
	if (c->fd == -1 ||
	    connect(c->fd, (struct sockaddr *)&to, sizeof to) == -1)
		err(1, "connect");
	hear(c, "220");
	say(c, EHLO, "250");
	say(c, "STARTTLS\r\n", "220");
	c->ssl = SSL_new(ctx);
	if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1 ||
	    SSL_connect(c->ssl) != 1)
		errx(1, "TLS: %s", ERR_error_string(ERR_get_error(), NULL));
	say(c, EHLO, "250");
}

static int
idle(SSL_CTX *ctx, const char *host, const char *port, const char *number)
{
	unsigned long	 i, n = strtoul(number, NULL, 10);
	struct client	*all = calloc(n + 1, sizeof *all);
	char		 c;

	if (all == NULL)
		err(1, NULL);
	for (i = 0; i < n; i++)
		open_client(&all[i], ctx, host, port);
	(void)printf("ready\n");
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		continue;
	for (i = 0; i < n; i++) {
		SSL_free(all[i].ssl);
		(void)close(all[i].fd);
	}
	free(all);
	return 0;
}

static int
renegotiate(SSL_CTX *ctx, const char *host, const char *port)
{
	struct client	 c;

	(void)SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	open_client(&c, ctx, host, port);
	if (SSL_renegotiate(c.ssl) != 1)
		errx(1, "renegotiation cannot be tried");
	(void)printf("%s\n", SSL_do_handshake(c.ssl) == 1 &&
	    SSL_write(c.ssl, "NOOP\r\n", 6) == 6 &&
	    !SSL_renegotiate_pending(c.ssl) ? "done" : "refused");
	SSL_free(c.ssl);
	(void)close(c.fd);
	return 0;
}

static int
make_certificate(const char *dir)
{
	struct certificate	 c;

	certificate_make(&c, dir, "server", NULL, "localhost", 9, NULL);
	certificate_free(&c);
	return 0;
}

int
main(int argc, char *argv[])
{
	SSL_CTX	*ctx = SSL_CTX_new(TLS_client_method());
	int	 status = 64;

	if (ctx == NULL)
		errx(1, "TLS");
	if (argc == 3 && strcmp(argv[1], "certificate") == 0)
		status = make_certificate(argv[2]);
	else if (argc == 5 && strcmp(argv[1], "idle") == 0)
		status = idle(ctx, argv[2], argv[3], argv[4]);
	else if (argc == 4 && strcmp(argv[1], "renegotiate") == 0)
		status = renegotiate(ctx, argv[2], argv[3]);
	SSL_CTX_free(ctx);
	return status;
}
