/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_load: says one SMTP command again and again, over one connection or
 * many, and prints how fast the mail server replies.
 *
 * On each connection a command waits for the whole reply to the one before,
 * and each reply must have the code that is wanted.  Before the clock runs,
 * each connection is greeted and says the commands of -b.
 */
#include <sys/epoll.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crew.h"

#define LINE_SIZE	2048
#define REPLY_SIZE	65536	/* 32 lines of 1000 fit */
#define BEFORE_MAX	64
#define PATIENCE_MS	10000	/* a silent server is then a dead one */

struct options {
	const char	*address;
	int		 port;
	unsigned	 connections;
	double		 seconds;
	int		 core;
	pid_t		 server;
	const char	*before[BEFORE_MAX];
	unsigned	 n_before;
	const char	*line, *code;
};

struct lane {
	int		 fd;
	uint64_t	 from_ns;	/* when the command went out */
	size_t		 n;
	char		 reply[REPLY_SIZE];	/* as far as it has come */
};

static int
connect_to(const char *address, int port)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
				     .sin_port = htons((uint16_t)port) };
	int			 fd;

	if (inet_pton(AF_INET, address, &sin.sin_addr) != 1)
		errx(1, "%s: no IPv4 address", address);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 ||
	    connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "%s:%d", address, port);
	return fd;
}

static void
say(const struct lane *lane, const char *line)
{
	char	 buf[LINE_SIZE + 1];
	int	 n = snprintf(buf, sizeof(buf), "%s\r\n", line);

	if (n >= (int)sizeof(buf))
		errx(1, "line too long");
	if (write(lane->fd, buf, (size_t)n) != n)
		err(1, "write");
}

/* Whether the last line of a reply, "250 " and not "250-", is there. */
static bool
is_whole(const struct lane *lane)
{
	const char	*end = lane->reply + lane->n, *line;

	if (lane->n < 5 || end[-1] != '\n')
		return false;
	for (line = end - 1; line > lane->reply && line[-1] != '\n'; line--)
		;
	return end - line >= 5 && line[3] != '-';
}

/* Reads what is there; true if the reply is then whole, which must be so. */
static bool
hear(struct lane *lane, const char *code)
{
	ssize_t	 n = read(lane->fd, lane->reply + lane->n,
		    sizeof(lane->reply) - 1 - lane->n);

	if (n == -1)
		err(1, "read");
	if (n == 0)
		errx(1, "the server hung up, or its reply is too long");
	lane->n += (size_t)n;
	lane->reply[lane->n] = '\0';
	if (!is_whole(lane))
		return false;
	if (strncmp(lane->reply, code, strlen(code)) != 0)
		errx(1, "wanted: %s, got: %s", code, lane->reply);
	lane->n = 0;
	return true;
}

static void
ask(struct lane *lane, const char *line, const char *code)
{
	if (line != NULL)
		say(lane, line);
	while (!hear(lane, code))
		;
}

static void
begin(struct lane *lane, const struct options *options)
{
	unsigned	 i;

	lane->fd = connect_to(options->address, options->port);
	ask(lane, NULL, "220");
	ask(lane, "EHLO client.example.net", "250");
	for (i = 0; i < options->n_before; i++)
		ask(lane, options->before[i], "250");
}

/* One connection: a plain loop, no waiting for many. */
static void
drive_one(struct stopwatch_run *run, struct lane *lane,
    const struct options *options)
{
	uint64_t	 now = stopwatch_now_ns(), before;

	while (stopwatch_run_goes_on(run, now)) {
		before = now;
		ask(lane, options->line, options->code);
		now = stopwatch_now_ns();
		stopwatch_run_turn(run, before, now);
	}
}

/* Once the reply is whole: on to the next command.  Returns the time. */
static uint64_t
advance(struct stopwatch_run *run, struct lane *lane,
    const struct options *options)
{
	bool		 is_turn = hear(lane, options->code);
	uint64_t	 now = stopwatch_now_ns();

	if (is_turn) {
		stopwatch_run_turn(run, lane->from_ns, now);
		lane->from_ns = now;
		say(lane, options->line);
	}
	return now;
}

static void
watch_lane(int epfd, struct lane *lane, const struct options *options)
{
	struct epoll_event	 ev = { .events = EPOLLIN,
				     .data = { .ptr = lane } };

	if (epoll_ctl(epfd, EPOLL_CTL_ADD, lane->fd, &ev) == -1)
		err(1, "epoll_ctl");
	lane->from_ns = stopwatch_now_ns();
	say(lane, options->line);
}

static void
drive_many(struct stopwatch_run *run, struct lane *lanes,
    const struct options *options)
{
	struct epoll_event	 events[64];
	uint64_t		 now = stopwatch_now_ns();
	unsigned		 u;
	int			 epfd, i, n;

	if ((epfd = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(1, "epoll_create1");
	for (u = 0; u < options->connections; u++)
		watch_lane(epfd, &lanes[u], options);
	while (stopwatch_run_goes_on(run, now)) {
		n = epoll_wait(epfd, events, 64, PATIENCE_MS);
		if (n == -1 && errno != EINTR)
			err(1, "epoll_wait");
		if (n == 0)
			errx(1, "the server has stopped answering");
		for (i = 0; i < n; i++)
			now = advance(run, events[i].data.ptr, options);
	}
	(void)close(epfd);
}

static void
usage(void)
{
	(void)fprintf(stderr, "usage: smtp_load -a address -p port "
	    "[-n connections] [-t seconds] [-c core]\n"
	    "           [-P server-pid] [-b command ...] command code\n");
	exit(64);
}

static void
add_before(struct options *options, const char *line)
{
	if (options->n_before == BEFORE_MAX)
		errx(64, "too many commands");
	options->before[options->n_before++] = line;
}

static void
read_options(int argc, char **argv, struct options *options)
{
	int	 c;

	while ((c = getopt(argc, argv, "a:p:n:t:c:P:b:")) != -1)
		switch (c) {
		case 'a':
			options->address = optarg;
			break;
		case 'p':
			options->port = atoi(optarg);
			break;
		case 'n':
			options->connections = (unsigned)atoi(optarg);
			break;
		case 't':
			options->seconds = atof(optarg);
			break;
		case 'c':
			options->core = atoi(optarg);
			break;
		case 'P':
			options->server = atoi(optarg);
			break;
		case 'b':
			add_before(options, optarg);
			break;
		default:
			usage();
		}
	if (argc - optind != 2 || options->address == NULL ||
	    options->connections == 0)
		usage();
	options->line = argv[optind];
	options->code = argv[optind + 1];
}

int
main(int argc, char **argv)
{
	struct options			 options = {
		.connections = 1, .seconds = 1, .core = -1
	};
	static struct stopwatch_run	 run;
	struct stopwatch_figures	 figures;
	struct lane			*lanes;
	unsigned			 i;

	read_options(argc, argv, &options);
	if ((lanes = calloc(options.connections, sizeof(*lanes))) == NULL)
		err(1, NULL);
	crew_stay_on_core(options.core);
	for (i = 0; i < options.connections; i++)
		begin(&lanes[i], &options);
	stopwatch_run_begin(&run, options.seconds, options.server);
	if (options.connections == 1)
		drive_one(&run, lanes, &options);
	else
		drive_many(&run, lanes, &options);
	stopwatch_run_end(&run, &figures);
	stopwatch_print(&figures);
	free(lanes);
	return 0;
}
