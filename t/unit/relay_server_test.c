/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * relay_server_test: a relay's listener on a host that is in want for a while,
 * with real sockets and an event loop that is stepped by hand.
 */
#include "relay/relay_server.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <check.h>
#include <event2/event.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/lib/descriptors.h"
#include "t/lib/runner.h"
#include "t/lib/tempdir.h"

#define PAUSE_MS	100	/* of a listener in want */

static char		 dir[TEMPDIR_SIZE];
static struct served	*served;
static struct store	*store;
static struct event_base *base;
static struct resolver	*resolver;
static struct relay_metrics *metrics;
static struct relay_server *server;
static int		 listening;

static struct conf *
load_conf(void)
{
	struct passwd	*self = getpwuid(geteuid());
	char		 path[TEMPDIR_SIZE + 16];
	struct conf	*conf;
	struct err	 err;
	FILE		*out;

	(void)snprintf(path, sizeof path, "%s/conf", dir);
	out = fopen(path, "w");
	ck_assert(self != NULL && out != NULL);
	/* Nobody listens at the next hop: the client is told so. */
	(void)fprintf(out, "store = \"lmdb:%s/store\" "
	    "state_directory = \"%s\"\nuser = \"\"\n"
	    "allowed_users = { \"%s\" }\n"
	    "relay in { listen = \"unix:%s/relay\"\n"
	    "next_hop = \"smtp:[127.0.0.1]:1\" }\n", dir, dir, self->pw_name, dir);
	ck_assert_int_eq(fclose(out), 0);
	conf = conf_load(path, &err);
	ck_assert_msg(conf != NULL, "%s", err.text);
	return conf;
}

static void
setup(void)
{
	struct conf	*conf;
	struct err	 err;

	tempdir_make(dir);
	conf = load_conf();
	store = store_open(conf->store, 8,
	    conf->state_directory, &err);
	ck_assert_int_eq(relay_server_bind(conf, &listening, &err), 0);
	served = served_new(conf, &err);
	base = event_base_new();
	resolver = resolve_new(base, "", &err);
	metrics = relay_metrics_new();
	ck_assert(store != NULL && served != NULL && resolver != NULL);
	server = relay_server_new(base, served, &listening, store, resolver,
	    metrics, &err);
	ck_assert_msg(server != NULL, "%s", err.text);
}

static void
teardown(void)
{
	relay_server_free(server);
	resolve_free(resolver);
	relay_metrics_free(metrics);
	event_base_free(base);
	store_close(store);
	served_unref(served);
	tempdir_remove(dir);
}

static void
step(void)
{
	int	 i;

	for (i = 0; i < 4; i++)
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
}

/* Time passes, and the relay with it. */
static void
wait_ms(unsigned ms)
{
	unsigned	 i;

	for (i = 0; i < ms / 10; i++) {
		(void)usleep(10000);
		step();
	}
}

static int
dial(void)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	int			 fd = socket(AF_UNIX, SOCK_STREAM |
				     SOCK_NONBLOCK, 0);

	(void)snprintf(sun.sun_path, sizeof sun.sun_path, "%s/relay", dir);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sun, sizeof sun), 0);
	return fd;
}

/* True if the relay has anything to say within a second. */
static bool
is_served(int fd)
{
	char	 byte;
	int	 i;

	for (i = 0; i < 10; i++) {
		if (recv(fd, &byte, 1, MSG_PEEK) == 1)
			return true;
		wait_ms(100);
	}
	return false;
}

START_TEST(a_host_in_want_is_served_when_it_is_better)
{
	int	 fd = dial();

	descriptors_leave(0);
	wait_ms(2 * PAUSE_MS);
	ck_assert(relay_server_is_idle(server));
	descriptors_free();
	ck_assert(is_served(fd));
}
END_TEST

/* The kernel, too, may have no room for a listener that comes back; a file of
 * the kind that cannot be waited for stands for that. */
START_TEST(a_listener_that_cannot_come_back_tries_again)
{
	int	 fd = dial(), kept = dup(listening);
	int	 file = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ck_assert(kept != -1 && file != -1);
	descriptors_leave(0);
	step();
	ck_assert_int_eq(dup2(file, listening), listening);
	wait_ms(2 * PAUSE_MS);
	ck_assert_int_eq(dup2(kept, listening), listening);
	descriptors_free();
	ck_assert(is_served(fd));
	(void)close(kept);
	(void)close(file);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("relay_server");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_host_in_want_is_served_when_it_is_better);
	tcase_add_test(tc, a_listener_that_cannot_come_back_tries_again);
	return runner_run("relay_server", tc);
}
