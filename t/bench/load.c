/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * load: puts xcontext-policy, or the constant server in its place, under the
 * load of many SMTP sessions, and prints how fast it answers.
 *
 * A scenario brings each session into a certain state and then takes turns of
 * one or more requests; on each connection one request waits for its reply
 * before the next goes out.  A session's connections are made by a process of
 * its own, which then lives on as long as they do; but all are driven by one
 * process, so that the server and not the load is what is measured.
 */
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crew.h"
#include "dialog.h"

#define TURN_MAX	8
#define PATIENCE_MS	10000	/* a silent server is then a dead one */

/* How far a session has come when its turns begin. */
enum start {
	NOTHING,	/* connected */
	OVERRIDDEN,	/* a messenger's override was executed */
	GREETED		/* ... and sealed */
};

struct asked {
	const char	*text;	/* a lookup; see dialog_prepare() */
	const char	*want;
};

/* A policy request. */
#define REQUEST	{ "", "action=DUNNO" }

#define CLIENT_NAME	"mail-out-17.client.example.net"
#define XCLIENT(host)	"command XCLIENT ADDR=" host \
			" NAME=" CLIENT_NAME " PORT=40123"

static const struct scenario {
	const char	*name;
	enum dialog_peer peer;
	enum start	 start;
	struct asked	 turn[TURN_MAX];
} scenarios[] = {
	{ "policy", DIALOG_MESSENGER, GREETED, { REQUEST } },
	/* Where nothing else is asked about a stranger (wiring B). */
	{ "milters", DIALOG_STRANGER, NOTHING,
	    { { "milters %p", "OK DISABLE" } } },
	{ "ehlo", DIALOG_MESSENGER, GREETED,
	    { { "command EHLO " CLIENT_NAME, "NOTFOUND" } } },
	{ "xclient", DIALOG_MESSENGER, OVERRIDDEN,
	    { { XCLIENT("%o"), "OK XCLIENT" } } },
	{ "override", DIALOG_FILTER, OVERRIDDEN, {
	    { XCLIENT("%o"), "OK XCLIENT" },
	    { "xclient " CLIENT_NAME, "NOTFOUND" },
	    { "xclient %o", "OK" },
	    { "milters %o", "NOTFOUND" },
	    { XCLIENT("%c"), "OK XCLIENT" },
	    { "xclient " CLIENT_NAME, "NOTFOUND" },
	    { "xclient %c", "OK" },
	    { "milters %c", "NOTFOUND" } } },
	{ "begin", DIALOG_MESSENGER, NOTHING, { { "xclient %p", "OK" } } },
	{ "session", DIALOG_MESSENGER, NOTHING, {
	    { "xclient %p", "OK" },
	    { "xforward %p", "OK" },
	    { "milters %p", "NOTFOUND" } } },
	{ "begin-stranger", DIALOG_STRANGER, NOTHING,
	    { { "xclient %p", "NOTFOUND" } } },
	{ "session-stranger", DIALOG_STRANGER, NOTHING, {
	    { "xclient %p", "NOTFOUND" },
	    { "xforward %p", "NOTFOUND" },
	    { "milters %p", "OK DISABLE" } } },
};

struct options {
	const struct scenario	*scenario;
	const char		*policy, *maps;
	bool			 is_constant;
	unsigned		 connections;
	double			 seconds;
	int			 core;
	pid_t			 server;
};

/* One session, in memory that its process shares with the driver. */
struct lane {
	struct dialog		 dialog;
	unsigned		 n_steps;
	struct dialog_step	 step[TURN_MAX];
	unsigned		 at;		/* the step under way */
	uint64_t		 from_ns;	/* when the turn began */
};

struct load {
	struct options		 options;
	struct lane		*lane;		/* one a connection */
	int			 pass[2];	/* where descriptors pass */
	struct stopwatch_run	 run;
};

/* The largest message that passes two descriptors. */
union pass_control {
	struct cmsghdr	 align;
	char		 room[CMSG_SPACE(2 * sizeof(int))];
};

static void
pass_lane(int fd, unsigned index, const struct lane *lane)
{
	union pass_control	 control;
	struct iovec		 iov = { &index, sizeof(index) };
	struct msghdr		 msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control)
	};
	struct cmsghdr		*cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(2 * sizeof(int));
	memcpy(CMSG_DATA(cmsg), lane->dialog.fd, 2 * sizeof(int));
	if (sendmsg(fd, &msg, 0) == -1)
		err(1, "sendmsg");
}

/* The descriptors have other numbers here than where they came from. */
static void
take_lane(struct load *load)
{
	union pass_control	 control;
	unsigned		 index;
	struct iovec		 iov = { &index, sizeof(index) };
	struct msghdr		 msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control)
	};
	struct cmsghdr		*cmsg;

	if (recvmsg(load->pass[0], &msg, MSG_CMSG_CLOEXEC) != sizeof(index) ||
	    (cmsg = CMSG_FIRSTHDR(&msg)) == NULL ||
	    cmsg->cmsg_len != CMSG_LEN(2 * sizeof(int)))
		err(1, "recvmsg");
	memcpy(load->lane[index].dialog.fd, CMSG_DATA(cmsg),
	    2 * sizeof(int));
}

static void
take_lanes(struct load *load)
{
	struct pollfd	 pfd = { .fd = load->pass[0], .events = POLLIN };
	unsigned	 i = 0;

	while (i < load->options.connections)
		if (poll(&pfd, 1, 100) > 0) {
			take_lane(load);
			i++;
		} else
			crew_check();
}

static void *
begin(unsigned index, void *arg)
{
	struct load		*load = arg;
	const struct scenario	*scenario = load->options.scenario;
	struct lane		*lane = &load->lane[index];
	const struct asked	*asked;
	struct dialog_hosts	 hosts;
	unsigned		 i;

	dialog_open(&lane->dialog, load->options.policy, load->options.maps,
	    load->options.is_constant);
	dialog_hosts(index, scenario->peer, &hosts);
	if (scenario->start != NOTHING)
		dialog_messenger(&lane->dialog, &hosts,
		    scenario->start == GREETED);
	for (i = 0; i < TURN_MAX && scenario->turn[i].text != NULL; i++) {
		asked = &scenario->turn[i];
		dialog_prepare(&lane->step[i],
		    *asked->text != '\0' ? asked->text : NULL, asked->want,
		    &hosts);
	}
	lane->n_steps = i;
	pass_lane(load->pass[1], index, lane);
	return lane;
}

/* One connection: a plain loop, no waiting for many. */
static void
drive_one(struct load *load)
{
	struct lane	*lane = load->lane;
	uint64_t	 now = stopwatch_now_ns(), before;
	unsigned	 i;

	while (stopwatch_run_goes_on(&load->run, now)) {
		before = now;
		for (i = 0; i < lane->n_steps; i++)
			dialog_ask(&lane->dialog, &lane->step[i]);
		now = stopwatch_now_ns();
		stopwatch_run_turn(&load->run, before, now);
	}
}

static void
watch_lane(int epfd, struct lane *lane)
{
	struct epoll_event	 ev = { .events = EPOLLIN,
				     .data = { .ptr = lane } };

	if (epoll_ctl(epfd, EPOLL_CTL_ADD,
	    lane->dialog.fd[lane->step[0].kind], &ev) == -1)
		err(1, "epoll_ctl");
}

/* A reply has come: on to the next request. */
static uint64_t
advance(struct load *load, struct lane *lane)
{
	uint64_t	 now;

	dialog_receive(&lane->dialog, &lane->step[lane->at]);
	now = stopwatch_now_ns();
	if (++lane->at == lane->n_steps) {
		stopwatch_run_turn(&load->run, lane->from_ns, now);
		lane->at = 0;
		lane->from_ns = now;
	}
	dialog_send(&lane->dialog, &lane->step[lane->at]);
	return now;
}

static void
drive_many(struct load *load)
{
	struct epoll_event	 events[64];
	uint64_t		 now = stopwatch_now_ns();
	unsigned		 u;
	int			 epfd, i, n;

	if ((epfd = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(1, "epoll_create1");
	for (u = 0; u < load->options.connections; u++) {
		watch_lane(epfd, &load->lane[u]);
		load->lane[u].from_ns = now;
		dialog_send(&load->lane[u].dialog, &load->lane[u].step[0]);
	}
	while (stopwatch_run_goes_on(&load->run, now)) {
		n = epoll_wait(epfd, events, 64, PATIENCE_MS);
		if (n == -1 && errno != EINTR)
			err(1, "epoll_wait");
		if (n == 0)
			errx(1, "the server has stopped answering");
		for (i = 0; i < n; i++)
			now = advance(load, events[i].data.ptr);
	}
	(void)close(epfd);
}

static void
drive(struct load *load, struct stopwatch_figures *figures_r)
{
	stopwatch_run_begin(&load->run, load->options.seconds,
	    load->options.server);
	if (load->options.connections == 1)
		drive_one(load);
	else
		drive_many(load);
	stopwatch_run_end(&load->run, figures_r);
}

static void
usage(void)
{
	size_t	 i;

	(void)fprintf(stderr, "usage: load -p policy-socket -m maps-socket "
	    "[-C] [-n connections] [-t seconds] [-c core] [-P server-pid] "
	    "scenario\nscenarios:");
	for (i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		(void)fprintf(stderr, " %s", scenarios[i].name);
	(void)fprintf(stderr, "\n");
	exit(64);
}

static const struct scenario *
find_scenario(const char *name)
{
	size_t	 i;

	for (i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		if (strcmp(scenarios[i].name, name) == 0)
			return &scenarios[i];
	usage();
	return NULL;
}

static void
read_options(int argc, char **argv, struct options *options)
{
	int	 c;

	while ((c = getopt(argc, argv, "p:m:Cn:t:c:P:")) != -1)
		switch (c) {
		case 'p':
			options->policy = optarg;
			break;
		case 'm':
			options->maps = optarg;
			break;
		case 'C':
			options->is_constant = true;
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
		default:
			usage();
		}
	if (argc - optind != 1 || options->policy == NULL ||
	    options->maps == NULL || options->connections == 0)
		usage();
	options->scenario = find_scenario(argv[optind]);
}

int
main(int argc, char **argv)
{
	struct load			 load = { .options = {
		.connections = 1, .seconds = 1, .core = -1
	} };
	struct crew_work		 work = { .begin = begin,
					     .arg = &load };
	struct stopwatch_figures	 figures;
	struct crew			*crew;

	read_options(argc, argv, &load.options);
	load.lane = mmap(NULL, load.options.connections * sizeof(*load.lane),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (load.lane == MAP_FAILED || socketpair(AF_UNIX,
	    SOCK_SEQPACKET | SOCK_CLOEXEC, 0, load.pass) == -1)
		err(1, NULL);
	crew = crew_new(load.options.connections, load.options.core, &work);
	crew_begin(crew);
	take_lanes(&load);
	crew_await(crew);
	crew_stay_on_core(load.options.core);
	drive(&load, &figures);
	crew_free(crew);
	stopwatch_print(&figures);
	return 0;
}
