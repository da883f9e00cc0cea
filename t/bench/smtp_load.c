/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_load: says SMTP commands, one after the other and again and again, over
 * one connection or many, and prints how fast the mail server replies.
 *
 * On each connection a command waits for the whole reply to the one before,
 * and each reply must have the code that is wanted.  Before the clock runs,
 * each connection is greeted and says the commands of -b.
 *
 * With -r commands are due at so many a second, in equal steps, the connections
 * taking turns; how long one took counts from when it was due, be it that the
 * reply to the one before was still missing then.  Without, each is said as
 * soon as that is there: then the server is busy all the time, and what is
 * seen is how long the queue is.
 */
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crew.h"
#include "inet.h"

#define LINE_SIZE	2048
#define REPLY_SIZE	65536	/* 32 lines of 1000 fit */
#define BEFORE_MAX	64
#define COMMANDS_MAX	8
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
	unsigned	 rate;		/* 0: as fast as can be */
	struct {
		const char	*line, *code;
	}		 command[COMMANDS_MAX];
	unsigned	 n_commands;
};

struct lane {
	int		 fd;
	unsigned	 command;	/* that is said, or will be next */
	bool		 is_busy;	/* a reply is awaited */
	bool		 is_due;	/* and yet another command is */
	uint64_t	 from_ns;	/* since when the command counts */
	uint64_t	 due_ns;
	size_t		 n;
	char		 reply[REPLY_SIZE];	/* as far as it has come */
};

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

	lane->fd = inet_dial(options->address, options->port);
	ask(lane, NULL, "220");
	ask(lane, "EHLO client.example.net", "250");
	for (i = 0; i < options->n_before; i++)
		ask(lane, options->before[i], "250");
}

static void
say_next(struct lane *lane, const struct options *options, uint64_t from_ns)
{
	lane->from_ns = from_ns;
	lane->is_busy = true;
	say(lane, options->command[lane->command].line);
}

/* After a whole reply. */
static void
turn(struct stopwatch_run *run, struct lane *lane,
    const struct options *options, uint64_t now)
{
	stopwatch_run_turn(run, lane->from_ns, now);
	lane->is_busy = false;
	lane->command = (lane->command + 1) % options->n_commands;
}

/* One connection: a plain loop, no waiting for many. */
static void
drive_one(struct stopwatch_run *run, struct lane *lane,
    const struct options *options)
{
	uint64_t	 now = stopwatch_now_ns();

	while (stopwatch_run_goes_on(run, now)) {
		say_next(lane, options, now);
		ask(lane, NULL, options->command[lane->command].code);
		now = stopwatch_now_ns();
		turn(run, lane, options, now);
	}
}

/* Once the reply is whole: on to the next command.  Returns the time. */
static uint64_t
advance(struct stopwatch_run *run, struct lane *lane,
    const struct options *options)
{
	bool		 is_turn = hear(lane,
			     options->command[lane->command].code);
	uint64_t	 now = stopwatch_now_ns();

	if (!is_turn)
		return now;
	turn(run, lane, options, now);
	if (options->rate == 0) {
		say_next(lane, options, now);
	} else if (lane->is_due) {
		lane->is_due = false;
		say_next(lane, options, lane->due_ns);
	}
	return now;
}

/*
 * Commands that are due
 */

struct clock {
	int		 fd;
	uint64_t	 step_ns;
	uint64_t	 due_ns;	/* the last */
	unsigned	 lane;		/* whose turn it is */
};

static void
start_clock(struct clock *clock, unsigned rate)
{
	struct itimerspec	 every = { .it_value.tv_nsec = 1 };

	clock->step_ns = 1000000000U / rate;
	every.it_interval.tv_nsec = (long)clock->step_ns;
	clock->due_ns = stopwatch_now_ns();
	clock->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (clock->fd == -1 ||
	    timerfd_settime(clock->fd, 0, &every, NULL) == -1)
		err(1, "timerfd");
}

/* A connection that is two commands late cannot keep up at all: the rate is
 * then more than the server has. */
static void
make_due(struct lane *lane, const struct options *options, uint64_t due_ns)
{
	if (!lane->is_busy) {
		say_next(lane, options, due_ns);
	} else if (!lane->is_due) {
		lane->is_due = true;
		lane->due_ns = due_ns;
	}
}

static uint64_t
tick(struct clock *clock, struct lane *lanes, const struct options *options)
{
	uint64_t	 n, now = stopwatch_now_ns();

	if (read(clock->fd, &n, sizeof(n)) != (ssize_t)sizeof(n))
		err(1, "timerfd");
	for (; clock->due_ns + clock->step_ns <= now;
	    clock->due_ns += clock->step_ns) {
		make_due(&lanes[clock->lane], options,
		    clock->due_ns + clock->step_ns);
		clock->lane = (clock->lane + 1) % options->connections;
	}
	return now;
}

static void
drive_many(struct stopwatch_run *run, struct lane *lanes,
    const struct options *options)
{
	struct epoll_event	 events[64];
	struct clock		 clock = { .fd = -1 };
	uint64_t		 now = stopwatch_now_ns();
	unsigned		 u;
	int			 epfd, i, n;

	if ((epfd = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(1, "epoll_create1");
	for (u = 0; u < options->connections; u++) {
		inet_watch(epfd, lanes[u].fd, EPOLLIN, &lanes[u]);
		if (options->rate == 0)
			say_next(&lanes[u], options, now);
	}
	if (options->rate > 0) {
		start_clock(&clock, options->rate);
		inet_watch(epfd, clock.fd, EPOLLIN, NULL);
	}
	while (stopwatch_run_goes_on(run, now)) {
		n = epoll_wait(epfd, events, 64, PATIENCE_MS);
		if (n == -1 && errno != EINTR)
			err(1, "epoll_wait");
		if (n == 0)
			errx(1, "the server has stopped answering");
		for (i = 0; i < n; i++)
			now = events[i].data.ptr == NULL ?
			    tick(&clock, lanes, options) :
			    advance(run, events[i].data.ptr, options);
	}
	if (clock.fd != -1)
		(void)close(clock.fd);
	(void)close(epfd);
}

static void
usage(void)
{
	(void)fprintf(stderr, "usage: smtp_load -a address -p port "
	    "[-n connections] [-t seconds] [-c core]\n"
	    "           [-P server-pid] [-r rate] [-b command ...] "
	    "command code ...\n");
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
add_commands(struct options *options, char **words, int n)
{
	int	 i;

	if (n == 0 || n % 2 != 0 || n / 2 > COMMANDS_MAX)
		usage();
	for (i = 0; i < n; i += 2) {
		options->command[options->n_commands].line = words[i];
		options->command[options->n_commands++].code = words[i + 1];
	}
}

static void
read_options(int argc, char **argv, struct options *options)
{
	int	 c;

	while ((c = getopt(argc, argv, "a:p:n:t:c:P:r:b:")) != -1)
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
		case 'r':
			options->rate = (unsigned)atoi(optarg);
			break;
		case 'b':
			add_before(options, optarg);
			break;
		default:
			usage();
		}
	if (options->address == NULL || options->connections == 0 ||
	    (options->rate > 0 && options->connections == 1))
		usage();
	add_commands(options, argv + optind, argc - optind);
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
