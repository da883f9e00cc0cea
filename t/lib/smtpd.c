/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtpd: the server and its loop; and what is said to it, and heard.
 */
#include "smtpd.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_SIZE	(1 << 20)

static struct smtpd	 here;
static char		 conf_path[TEMPDIR_SIZE + 16];
static int		 log_fd;
static unsigned		 noted[DECISION_END + 1];

static void
take_note(const struct decision *note, void *arg)
{
	(void)arg;
	noted[note->event]++;
	if (note->event == DECISION_MAIL_REFUSED)
		ck_assert(note->verdict->action != VERDICT_PERMIT &&
		    note->text != NULL && note->line != NULL);
}

/*
 * The server
 */

static void
load_conf(const char *limits)
{
	struct passwd	*self = getpwuid(geteuid());
	FILE		*out = fopen(conf_path, "w");
	struct err	 err;

	ck_assert(self != NULL && out != NULL);
	(void)fprintf(out, "store = \"lmdb:%s/store\" "
	    "state_directory = \"%s\"\nuser = \"\"\n"
	    "allowed_users = { \"%s\" }\n"
	    "profile edge { xclient = { \"*\" } xforward = { \"*\" } }\n"
	    "trust_maps = { \"cidr:{{192.0.2.1/32 edge}}\" }\n"
	    "limits { %s }\n", here.dir, here.dir, self->pw_name, limits);
	ck_assert_int_eq(fclose(out), 0);
	conf_unref(here.conf);
	here.conf = conf_load(conf_path, &err);
	ck_assert_msg(here.conf != NULL, "%s", err.text);
}

int
smtpd_listen_at(const char *name)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	int			 fd;

	(void)snprintf(sun.sun_path, sizeof sun.sun_path, "%s/%s", here.dir,
	    name);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof sun), 0);
	ck_assert_int_eq(listen(fd, 128), 0);
	return fd;
}

struct smtpd *
smtpd_setup(void)
{
	struct err	 err;
	char		 path[TEMPDIR_SIZE + 8];

	tempdir_make(here.dir);
	(void)snprintf(conf_path, sizeof conf_path, "%s/conf", here.dir);
	(void)snprintf(path, sizeof path, "%s/log", here.dir);
	log_fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
	ck_assert(log_fd != -1 && dup2(log_fd, STDERR_FILENO) != -1);
	load_conf("");
	here.store = store_open(here.conf->store, 8,
	    here.conf->state_directory, &err);
	here.base = event_base_new();
	here.metrics = metrics_new();
	here.ledger = ledger_new(here.conf, here.store, take_note, NULL);
	here.server = server_new(here.base, here.conf, here.ledger,
	    here.metrics);
	ck_assert(here.store != NULL && here.server != NULL);
	ck_assert_int_eq(server_listen(here.server, smtpd_listen_at("policy"),
	    SERVER_POLICY), 0);
	ck_assert_int_eq(server_listen(here.server, smtpd_listen_at("maps"),
	    SERVER_SOCKETMAP), 0);
	memset(noted, 0, sizeof noted);
	return &here;
}

void
smtpd_teardown(void)
{
	server_free(here.server);
	ledger_free(here.ledger);
	metrics_free(here.metrics);
	event_base_free(here.base);
	store_close(here.store);
	conf_unref(here.conf);
	here.conf = NULL;
	(void)close(log_fd);
	tempdir_remove(here.dir);
}

void
smtpd_step(void)
{
	int	 i;

	for (i = 0; i < 4; i++)
		(void)event_base_loop(here.base, EVLOOP_NONBLOCK);
}

void
smtpd_use_limits(const char *limits)
{
	load_conf(limits);
	server_set_conf(here.server, here.conf);
	ledger_set_conf(here.ledger, here.conf);
}

unsigned
smtpd_logged(const char *text)
{
	char		 buf[65536], *p = buf;
	unsigned	 n = 0;
	ssize_t		 len = pread(log_fd, buf, sizeof buf - 1, 0);

	ck_assert_int_ge(len, 0);
	buf[len] = '\0';
	while ((p = strstr(p, text)) != NULL) {
		n++;
		p++;
	}
	return n;
}

unsigned
smtpd_noted(enum decision_event event)
{
	return noted[event];
}

/*
 * Clients
 */

int
smtpd_try_dial(const char *name)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	int			 fd = socket(AF_UNIX, SOCK_STREAM |
				     SOCK_NONBLOCK, 0);

	(void)snprintf(sun.sun_path, sizeof sun.sun_path, "%s/%s", here.dir,
	    name);
	if (connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

int
smtpd_dial(const char *name)
{
	int	 fd = smtpd_try_dial(name);

	ck_assert_int_ne(fd, -1);
	smtpd_step();
	return fd;
}

void
smtpd_say_bytes(int fd, const char *p, size_t n)
{
	ck_assert_int_eq(send(fd, p, n, MSG_NOSIGNAL), (ssize_t)n);
	smtpd_step();
}

void
smtpd_say(int fd, const char *text)
{
	smtpd_say_bytes(fd, text, strlen(text));
}

const char *
smtpd_hear(int fd)
{
	static char	 buf[ANSWER_SIZE];
	ssize_t		 n;
	size_t		 len = 0;

	for (;;) {
		smtpd_step();
		n = recv(fd, buf + len, sizeof buf - 1 - len, 0);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	buf[len] = '\0';
	if (len == 0 && (n == 0 || errno == ECONNRESET))
		return "(closed)";
	return buf;
}

void
smtpd_expect(int fd, const char *text, const char *want)
{
	const char	*got;

	smtpd_say(fd, text);
	got = smtpd_hear(fd);
	ck_assert_msg(strcmp(got, want) == 0, "%s: got \"%s\", want \"%s\"",
	    text, got, want);
}

const char *
smtpd_ns(const char *body)
{
	static char	 bufs[8][512];
	static unsigned	 next;
	char		*buf = bufs[next++ % 8];

	(void)snprintf(buf, sizeof bufs[0], "%zu:%s,", strlen(body), body);
	return buf;
}
