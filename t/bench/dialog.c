/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialog: see the header.
 */
#include "dialog.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a Postfix 3.7 sends at RCPT for a client that XCLIENT has named. */
static const char policy_request[] =
    "request=smtpd_access_policy\n"
    "protocol_state=RCPT\n"
    "protocol_name=ESMTP\n"
    "client_address=%c\n"
    "client_name=mail-out-17.client.example.net\n"
    "client_port=40123\n"
    "reverse_client_name=mail-out-17.client.example.net\n"
    "server_address=203.0.113.25\n"
    "server_port=10025\n"
    "helo_name=mail-out-17.client.example.net\n"
    "sender=bounce-4711-alice=example.org@lists.client.example.net\n"
    "recipient=alice@example.org\n"
    "recipient_count=0\n"
    "queue_id=\n"
    "instance=%i.66b2f0c1.5d3a7.0\n"
    "size=18211\n"
    "etrn_domain=\n"
    "stress=\n"
    "sasl_method=\n"
    "sasl_username=\n"
    "sasl_sender=\n"
    "ccert_subject=\n"
    "ccert_issuer=\n"
    "ccert_fingerprint=\n"
    "ccert_pubkey_fingerprint=\n"
    "encryption_protocol=TLSv1.3\n"
    "encryption_cipher=TLS_AES_256_GCM_SHA384\n"
    "encryption_keysize=256\n"
    "policy_context=\n"
    "\n";

#define CLIENT_NAME	"mail-out-17.client.example.net"
#define OVERRIDE(host)	"command XCLIENT ADDR=" host " NAME=" CLIENT_NAME \
			" PORT=40123"

int
dialog_connect(const char *path)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	int			 fd;

	if (strlen(path) >= sizeof(sun.sun_path))
		errx(1, "%s: path too long", path);
	memcpy(sun.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 ||
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		err(1, "%s", path);
	return fd;
}

void
dialog_open(struct dialog *dialog, const char *policy, const char *maps,
    bool is_constant)
{
	dialog->fd[DIALOG_POLICY] = policy ? dialog_connect(policy) : -1;
	dialog->fd[DIALOG_LOOKUP] = maps ? dialog_connect(maps) : -1;
	dialog->is_constant = is_constant;
}

void
dialog_hosts(unsigned index, enum dialog_peer peer,
    struct dialog_hosts *hosts_r)
{
	unsigned	 high = index / 250 % 250, low = index % 250 + 1;

	if (peer == DIALOG_STRANGER)
		(void)snprintf(hosts_r->peer, sizeof(hosts_r->peer),
		    "192.0.2.%u", low);
	else
		(void)snprintf(hosts_r->peer, sizeof(hosts_r->peer),
		    "10.%d.%u.%u", peer == DIALOG_FILTER, high, low);
	(void)snprintf(hosts_r->client, sizeof(hosts_r->client),
	    "198.51.100.%u", low);
	(void)snprintf(hosts_r->other, sizeof(hosts_r->other),
	    "203.0.113.%u", low);
}

/* Copies text, with what its % signs stand for, and returns the length. */
static size_t
expand(char *buf, size_t size, const char *text,
    const struct dialog_hosts *hosts)
{
	char		 pid[16];
	const char	*word;
	size_t		 len = 0, n;

	(void)snprintf(pid, sizeof(pid), "%lx", (long)getpid());
	for (; *text != '\0'; text++) {
		word = text;
		n = 1;
		if (*text == '%') {
			text++;
			word = *text == 'p' ? hosts->peer :
			    *text == 'c' ? hosts->client :
			    *text == 'o' ? hosts->other : pid;
			n = strlen(word);
		}
		if (len + n >= size)
			errx(1, "request too long");
		memcpy(buf + len, word, n);
		len += n;
	}
	buf[len] = '\0';
	return len;
}

void
dialog_prepare(struct dialog_step *step, const char *text, const char *want,
    const struct dialog_hosts *hosts)
{
	char	 body[DIALOG_TEXT_SIZE / 2];
	size_t	 len;

	step->want = want;
	if (text == NULL) {
		step->kind = DIALOG_POLICY;
		step->len = expand(step->request, sizeof(step->request),
		    policy_request, hosts);
		return;
	}
	step->kind = DIALOG_LOOKUP;
	len = expand(body, sizeof(body), text, hosts);
	step->len = (size_t)snprintf(step->request, sizeof(step->request),
	    "%zu:%s,", len, body);
}

/* The reply's text, NUL-terminated, if all of it is there; else NULL. */
static const char *
whole_reply(enum dialog_kind kind, char *buf, size_t len)
{
	char	*body;
	size_t	 n;

	if (kind == DIALOG_POLICY) {
		if (len < 2 || memcmp(buf + len - 2, "\n\n", 2) != 0)
			return NULL;
		buf[len - 2] = '\0';
		return buf;
	}
	if (memchr(buf, ':', len) == NULL)
		return NULL;
	n = strtoul(buf, &body, 10);
	if (*body != ':' || len < (size_t)(body - buf) + n + 2)
		return NULL;
	buf[len - 1] = '\0';
	return body + 1;
}

void
dialog_send(const struct dialog *dialog, const struct dialog_step *step)
{
	if (write(dialog->fd[step->kind], step->request, step->len) !=
	    (ssize_t)step->len)
		err(1, "write");
}

void
dialog_receive(const struct dialog *dialog, const struct dialog_step *step)
{
	char		 buf[DIALOG_TEXT_SIZE];
	const char	*reply;
	size_t		 len = 0;
	ssize_t		 n;

	do {
		n = read(dialog->fd[step->kind], buf + len,
		    sizeof(buf) - 1 - len);
		if (n == -1)
			err(1, "read");
		if (n == 0)
			errx(1, "the server hung up after: %s", step->request);
		len += (size_t)n;
		buf[len] = '\0';
	} while ((reply = whole_reply(step->kind, buf, len)) == NULL);
	if (!dialog->is_constant && step->want != NULL &&
	    strncmp(reply, step->want, strlen(step->want)) != 0)
		errx(1, "%s\nwanted: %s\ngot: %s", step->request, step->want,
		    reply);
}

void
dialog_ask(const struct dialog *dialog, const struct dialog_step *step)
{
	dialog_send(dialog, step);
	dialog_receive(dialog, step);
}

void
dialog_say(const struct dialog *dialog, const char *text, const char *want,
    const struct dialog_hosts *hosts)
{
	struct dialog_step	 step;

	dialog_prepare(&step, text, want, hosts);
	dialog_ask(dialog, &step);
}

void
dialog_read(int fd, void *buf, size_t len)
{
	char	*p = buf;
	ssize_t	 n;

	while (len > 0) {
		n = read(fd, p, len);
		if (n == -1)
			err(1, "read");
		if (n == 0)
			errx(1, "the server hung up");
		p += n;
		len -= (size_t)n;
	}
}

void
dialog_messenger(const struct dialog *dialog, const struct dialog_hosts *hosts,
    bool is_greeted)
{
	static const char *const asked[][2] = {
		{ "xclient %p", "OK" },
		{ "xforward %p", "OK" },
		{ "milters %p", "NOTFOUND" },
		{ OVERRIDE("%c"), "OK XCLIENT" },
		{ "xclient " CLIENT_NAME, "NOTFOUND" },
		{ "xclient %c", "OK" },
		{ "milters %c", "NOTFOUND" },
		{ "command EHLO " CLIENT_NAME, "NOTFOUND" },
	};
	size_t	 i, n = sizeof(asked) / sizeof(asked[0]);

	for (i = 0; i < (is_greeted ? n : n - 1); i++)
		dialog_say(dialog, asked[i][0], asked[i][1], hosts);
}
