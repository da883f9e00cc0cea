/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * carrier_test: a relay's server with real sockets on loopback; client and next
 * hop are played here, in the same loop.  What the dialogue says is tested
 * elsewhere: here it is who hears it, when, and when it is over.
 */
#include "relay/carrier.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "relay/relay_server.h"
#include "t/lib/runner.h"
#include "t/lib/tempdir.h"

#define PATIENCE_MS	20000
#define MANY		1000		/* commands in one go */
#define TOO_MUCH	(64U << 20)	/* for all buffers that there are */
#define FLOOD		131072		/* octets of commands, and ... */
#define A_TURN		640U		/* ... how many of these in a turn */
#define REPLY		(sizeof "250 2.0.0 Ok\r\n" - 1)	/* to each */
#define KEPT_MAX	65536U		/* of a client that does not read */

enum { CLIENT, HOP };

/* One that talks to the relay. */
struct end {
	int	 fd;			/* -1: not there */
	char	 got[65536];
	size_t	 n;
	bool	 is_eof, is_reset;
};

struct world {
	char			 dir[TEMPDIR_SIZE];
	struct event_base	*base;
	struct store		*store;
	struct resolver		*resolver;
	struct relay_metrics	*metrics;
	struct served		*served;
	struct relay_server	*server;
	int			 hop_listener;
	uint16_t		 port, hop_port;
	struct end		 end[2];
};

static struct sockaddr_in
loopback(const char *text, uint16_t port)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
				     .sin_port = htons(port) };

	ck_assert_int_eq(inet_pton(AF_INET, text, &sin.sin_addr), 1);
	return sin;
}

/* *port 0: any, and that is told. */
static int
listen_on(const char *text, uint16_t *port)
{
	struct sockaddr_in	 sin = loopback(text, *port);
	socklen_t		 len = sizeof sin;
	int			 fd = socket(AF_INET, SOCK_STREAM |
				     SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, len), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	*port = ntohs(sin.sin_port);
	return fd;
}

/* more: settings of the relay; is_mirror: it is its own next hop. */
static struct served *
make_served(struct world *w, const char *more, bool is_mirror)
{
	char		 path[TEMPDIR_SIZE + 8];
	struct conf	*conf;
	struct served	*served;
	struct err	 err;
	FILE		*fp;

	(void)snprintf(path, sizeof path, "%s/conf", w->dir);
	fp = fopen(path, "w");
	ck_assert_ptr_nonnull(fp);
	(void)fprintf(fp, "store = \"lmdb:%s/store\" "
	    "state_directory = \"%s\"\nuser = \"\"\n"
	    "relay front {\n\tlisten = \"127.0.0.1:%u\"\n"
	    "\thostname = \"mx.example.org\"\n"
	    "\tnext_hop = \"smtp:[%s]:%u\"\n%s}\n", w->dir, w->dir, w->port,
	    is_mirror ? "127.0.0.1" : "127.0.0.2",
	    is_mirror ? w->port : w->hop_port, more);
	ck_assert_int_eq(fclose(fp), 0);
	conf = conf_load(path, &err);
	ck_assert_msg(conf != NULL, "%s", err.text);
	w->store = store_open(conf->store, 8,
	    conf->state_directory, &err);
	ck_assert_msg(w->store != NULL, "%s", err.text);
	served = served_new(conf, &err);
	ck_assert_msg(served != NULL, "%s", err.text);
	return served;
}

static void
begin(struct world *w, const char *more, bool is_mirror)
{
	struct err	 err;
	int		 fd;

	memset(w, 0, sizeof *w);
	w->end[CLIENT].fd = w->end[HOP].fd = -1;
	tempdir_make(w->dir);
	w->base = event_base_new();
	fd = listen_on("127.0.0.1", &w->port);
	/* It is not the relay for having the same port. */
	w->hop_port = w->port;
	w->hop_listener = listen_on("127.0.0.2", &w->hop_port);
	w->served = make_served(w, more, is_mirror);
	w->resolver = resolve_new(w->base, "127.0.0.1:9", &err);
	w->metrics = relay_metrics_new();
	w->server = relay_server_new(w->base, w->served, &fd, w->store,
	    w->resolver, w->metrics, &err);
	ck_assert_msg(w->server != NULL, "%s", err.text);
}

static void
end(struct world *w)
{
	int	 i;

	for (i = 0; i < 2; i++)
		if (w->end[i].fd != -1)
			(void)close(w->end[i].fd);
	relay_server_free(w->server);
	served_unref(w->served);
	resolve_free(w->resolver);
	relay_metrics_free(w->metrics);
	store_close(w->store);
	event_base_free(w->base);
	(void)close(w->hop_listener);
	tempdir_remove(w->dir);
}

static void
read_end(struct end *e)
{
	ssize_t	 n;

	if (e->fd == -1 || e->is_eof || e->n + 1 >= sizeof e->got)
		return;
	n = recv(e->fd, e->got + e->n, sizeof e->got - e->n - 1,
	    MSG_DONTWAIT);
	if (n > 0)
		e->n += (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		e->is_eof = true;
	e->is_reset = e->is_reset || (n == -1 && errno == ECONNRESET);
	e->got[e->n] = '\0';
}

/* A little of everybody's time. */
static void
turn(struct world *w)
{
	const struct timespec	 pause = { .tv_nsec = 200000 };

	(void)event_base_loop(w->base, EVLOOP_NONBLOCK);
	if (w->end[HOP].fd == -1)
		w->end[HOP].fd = accept4(w->hop_listener, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
	read_end(&w->end[CLIENT]);
	read_end(&w->end[HOP]);
	(void)nanosleep(&pause, NULL);
}

static uint64_t
now_ms(void)
{
	struct timespec	 ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Something is turned until it is so. */
#define UNTIL(w, is_so) do {						\
	uint64_t	 until_ms = now_ms() + PATIENCE_MS;		\
									\
	while (!(is_so) && now_ms() < until_ms)				\
		turn(w);						\
} while (0)

/* The next line begins so; it is taken. */
static void
await_at(struct world *w, int who, const char *want, int line)
{
	struct end	*e = &w->end[who];
	char		*lf;

	UNTIL(w, strchr(e->got, '\n') != NULL || e->is_eof);
	lf = strchr(e->got, '\n');
	ck_assert_msg(lf != NULL && strncmp(e->got, want, strlen(want)) == 0,
	    "line %d: want \"%s\", got \"%s\"%s", line, want, e->got,
	    e->is_eof ? " and no more" : "");
	e->n -= (size_t)(lf + 1 - e->got);
	memmove(e->got, lf + 1, e->n + 1);
}
#define AWAIT(w, who, want)	await_at(w, who, want, __LINE__)

/* Nothing more comes, and the end is a clean one. */
static void
await_end_at(struct world *w, int who, int line)
{
	struct end	*e = &w->end[who];

	UNTIL(w, e->is_eof);
	ck_assert_msg(e->is_eof && e->n == 0 && !e->is_reset,
	    "line %d: \"%s\"%s%s", line, e->got, e->is_eof ? "" :
	    " and no end", e->is_reset ? " and a reset" : "");
}
#define AWAIT_END(w, who)	await_end_at(w, who, __LINE__)

static void
say(struct world *w, int who, const char *text)
{
	size_t	 n = strlen(text);

	ck_assert_int_eq(send(w->end[who].fd, text, n, MSG_NOSIGNAL),
	    (ssize_t)n);
}

static void
come(struct world *w)
{
	struct sockaddr_in	 sin = loopback("127.0.0.1", w->port);

	w->end[CLIENT].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(w->end[CLIENT].fd, (struct sockaddr *)&sin,
	    sizeof sin), 0);
	ck_assert_int_eq(fcntl(w->end[CLIENT].fd, F_SETFL, O_NONBLOCK), 0);
}

#define NO_LOOKUP	"\tname_lookup = false\n"
/* Who waits for a header that does not come waits longer than a test. */
#define FROM_PROXY	NO_LOOKUP "\tproxy_protocol = { \"127.0.0.0/8\" }\n" \
	"\tproxy_protocol_timeout = 60\n"

/* As far as the greeting of a client. */
static void
greet(struct world *w)
{
	say(w, CLIENT, "EHLO there\r\n");
	UNTIL(w, w->end[HOP].fd != -1);
	say(w, HOP, "220 next.example.org ESMTP\r\n");
	AWAIT(w, HOP, "EHLO there\r\n");
	say(w, HOP, "250-next.example.org\r\n250 PIPELINING\r\n");
	AWAIT(w, CLIENT, "250-mx.example.org\r\n");
	AWAIT(w, CLIENT, "250-PIPELINING\r\n");
	AWAIT(w, CLIENT, "250 ENHANCEDSTATUSCODES\r\n");
}

static void
begin_greeted(struct world *w, const char *more)
{
	begin(w, more, false);
	come(w);
	AWAIT(w, CLIENT, "220 mx.example.org ");
	greet(w);
}

static void
begin_message(struct world *w)
{
	say(w, CLIENT, "MAIL FROM:<a@example.com>\r\n"
	    "RCPT TO:<b@example.org>\r\nDATA\r\n");
	AWAIT(w, HOP, "MAIL FROM:<a@example.com>\r\n");
	AWAIT(w, HOP, "RCPT TO:<b@example.org>\r\n");
	AWAIT(w, HOP, "DATA\r\n");
	say(w, HOP, "250 ok\r\n250 ok\r\n354 go\r\n");
	AWAIT(w, CLIENT, "250 ok\r\n");
	AWAIT(w, CLIENT, "250 ok\r\n");
	AWAIT(w, CLIENT, "354 go\r\n");
}

START_TEST(a_message_is_carried)
{
	struct world	 w;

	begin_greeted(&w, NO_LOOKUP);
	begin_message(&w);
	say(&w, CLIENT, "text\r\n.\r\n");
	AWAIT(&w, HOP, "text\r\n");
	AWAIT(&w, HOP, ".\r\n");
	say(&w, HOP, "250 queued\r\n");
	AWAIT(&w, CLIENT, "250 queued\r\n");
	say(&w, CLIENT, "QUIT\r\n");
	AWAIT(&w, HOP, "QUIT\r\n");
	say(&w, HOP, "221 bye\r\n");
	AWAIT(&w, CLIENT, "221 bye\r\n");
	AWAIT_END(&w, CLIENT);
	AWAIT_END(&w, HOP);
	ck_assert(relay_server_is_idle(w.server));
	end(&w);
}
END_TEST

/* More than one turn's worth, more than may wait for replies. */
START_TEST(commands_in_one_go_are_all_taken)
{
	static char	 many[MANY * 6 + 1];
	struct world	 w;
	unsigned	 i;

	begin_greeted(&w, NO_LOOKUP);
	for (i = 0; i < MANY; i++)
		memcpy(many + 6 * i, "RSET\r\n", 7);
	say(&w, CLIENT, many);
	for (i = 0; i < MANY; i++)
		AWAIT(&w, CLIENT, "250 2.0.0 Ok\r\n");
	end(&w);
}
END_TEST

/* Goes once around: what was ready then is served, and nobody twice. */
static void
go_round(struct world *w)
{
	(void)event_base_loop(w->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* Another client, who has been greeted; at some round or other. */
static int
come_too(struct world *w)
{
	struct sockaddr_in	 sin = loopback("127.0.0.1", w->port);
	int			 fd = socket(AF_INET, SOCK_STREAM |
				     SOCK_CLOEXEC, 0);
	char			 buf[256];

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sin, sizeof sin), 0);
	UNTIL(w, recv(fd, buf, sizeof buf, MSG_DONTWAIT) > 0);
	return fd;
}

/* Rounds until he has the reply to what he says; others are flooding. */
static unsigned
rounds_for(struct world *w, int fd)
{
	unsigned	 n;
	char		 buf[256];

	ck_assert_int_eq(send(fd, "NOOP\r\n", 6, MSG_NOSIGNAL), 6);
	for (n = 1; n < 100; n++) {
		go_round(w);
		if (recv(fd, buf, sizeof buf, MSG_DONTWAIT) > 0)
			break;
	}
	return n;
}

/* As many commands as that, as far as the kernel takes them. */
static size_t
flood(struct world *w)
{
	static char	 text[FLOOD];
	int		 size = 2 * FLOOD;
	size_t		 i;
	ssize_t		 n;

	for (i = 0; i + 6 <= sizeof text; i += 6)
		memcpy(text + i, "NOOP\r\n", 6);
	(void)setsockopt(w->end[CLIENT].fd, SOL_SOCKET, SO_SNDBUF, &size,
	    sizeof size);
	n = send(w->end[CLIENT].fd, text, i, MSG_NOSIGNAL);
	ck_assert_int_gt(n, FLOOD / 2);
	return (size_t)n;
}

/* Octets that have come, and are thrown away. */
static size_t
drain(int fd)
{
	static char	 buf[65536];
	ssize_t		 n;
	size_t		 all = 0;

	while ((n = recv(fd, buf, sizeof buf, MSG_DONTWAIT)) > 0)
		all += (size_t)n;
	return all;
}

/* However much there is of one client, all others have their turn. */
START_TEST(nobody_has_more_than_a_turn)
{
	struct world	 w;
	size_t		 n, done = 0, all;
	unsigned	 rounds;
	int		 other;

	begin(&w, NO_LOOKUP, false);
	come(&w);
	AWAIT(&w, CLIENT, "220 ");
	other = come_too(&w);
	all = flood(&w) / 6;
	while (done < all) {
		rounds = rounds_for(&w, other);
		ck_assert_uint_le(rounds, 2);
		n = drain(w.end[CLIENT].fd) / REPLY;
		ck_assert_uint_le(n, rounds * A_TURN);
		done += n;
	}
	ck_assert_uint_eq(done, all);
	(void)close(other);
	end(&w);
}
END_TEST

/* A message's octets are no more than one read a turn. */
START_TEST(no_content_has_more_than_a_turn)
{
	static char	 line[FLOOD];
	struct world	 w;
	size_t		 n, done = 0;
	unsigned	 rounds;
	int		 other;

	memset(line, 'x', sizeof line);
	for (n = 70; n < sizeof line; n += 72)
		memcpy(line + n, "\r\n", 2);
	begin_greeted(&w, NO_LOOKUP);
	begin_message(&w);
	other = come_too(&w);
	while (done < 8 * sizeof line) {
		while (send(w.end[CLIENT].fd, line, 72 * 1000,
		    MSG_NOSIGNAL) == 72 * 1000)
			;
		rounds = rounds_for(&w, other);
		ck_assert_uint_le(rounds, 2);
		n = drain(w.end[HOP].fd);
		/* And what the hop had no room for the round before. */
		ck_assert_uint_le(n, (rounds + 1) * CARRIER_BUF_SIZE);
		done += n;
	}
	(void)close(other);
	end(&w);
}
END_TEST

/* The relay's end of the client's connection. */
static int
find_relays_end(const struct world *w)
{
	struct sockaddr_in	 ours, sin;
	socklen_t		 len = sizeof ours;
	int			 fd;

	ck_assert_int_eq(getsockname(w->end[CLIENT].fd,
	    (struct sockaddr *)&ours, &len), 0);
	for (fd = 0; fd < 1024; fd++) {
		len = sizeof sin;
		if (getpeername(fd, (struct sockaddr *)&sin, &len) == 0 &&
		    sin.sin_family == AF_INET &&
		    sin.sin_port == ours.sin_port)
			return fd;
	}
	ck_abort_msg("the relay has no such connection");
	return -1;
}

static void
set_flag(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

/* Whether there is nothing to be done, for some time. */
static bool
is_at_rest(struct world *w)
{
	const struct timeval	 wait = { 0, 20000 };
	bool			 is_over = false;

	ck_assert_int_eq(event_base_once(w->base, -1, EV_TIMEOUT, set_flag,
	    &is_over, &wait), 0);
	/* It comes back when anything has happened. */
	(void)event_base_loop(w->base, EVLOOP_ONCE);
	if (is_over)
		return true;
	while (!is_over)
		(void)event_base_loop(w->base, EVLOOP_ONCE);
	return false;
}

/* What is sent to the relay without end is no more read than what it replies. */
START_TEST(who_does_not_read_is_not_read)
{
	struct world	 w;
	uint64_t	 until_ms;
	size_t		 n, sent = 0;
	int		 small = 1, large = FLOOD, relays, other;
	int		 unread = 0, i;
	bool		 is_at_rest_once = false;

	begin(&w, NO_LOOKUP, false);
	come(&w);
	AWAIT(&w, CLIENT, "220 ");
	/* Else the kernel would keep the replies to all of it. */
	relays = find_relays_end(&w);
	ck_assert_int_eq(setsockopt(relays, SOL_SOCKET, SO_SNDBUF, &small,
	    sizeof small), 0);
	ck_assert_int_eq(setsockopt(w.end[CLIENT].fd, SOL_SOCKET, SO_RCVBUF,
	    &small, sizeof small), 0);
	other = come_too(&w);
	sent = flood(&w);
	for (i = 0; i < 200 && !is_at_rest_once; i++) {
		ck_assert_uint_le(rounds_for(&w, other), 2);
		is_at_rest_once = is_at_rest(&w);
	}
	ck_assert(is_at_rest_once);
	ck_assert_int_eq(ioctl(relays, FIONREAD, &unread), 0);
	ck_assert_uint_le(sent - (size_t)unread, KEPT_MAX);
	/* And all of it has its reply, when he listens. */
	ck_assert_int_eq(setsockopt(w.end[CLIENT].fd, SOL_SOCKET, SO_RCVBUF,
	    &large, sizeof large), 0);
	n = drain(w.end[CLIENT].fd);
	for (until_ms = now_ms() + PATIENCE_MS; n < sent / 6 * REPLY &&
	    now_ms() < until_ms; n += drain(w.end[CLIENT].fd))
		go_round(&w);
	ck_assert_uint_eq(n, sent / 6 * REPLY);
	(void)close(other);
	end(&w);
}
END_TEST

/* What a next hop does not take is not read, and comes in the end. */
START_TEST(no_more_is_kept_than_has_room)
{
	static char	 line[65536];
	struct world	 w;
	size_t		 sent = 0, before;
	ssize_t		 n;
	unsigned	 idle = 0;

	memset(line, 'x', sizeof line);
	for (n = 70; n < (ssize_t)sizeof line; n += 72)
		memcpy(line + n, "\r\n", 2);
	begin_greeted(&w, NO_LOOKUP);
	begin_message(&w);
	while (sent < TOO_MUCH && idle < 200) {
		before = sent;
		n = send(w.end[CLIENT].fd, line, 65520, MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		idle = sent == before ? idle + 1 : 0;
		/* The hop's end is not read. */
		(void)event_base_loop(w.base, EVLOOP_NONBLOCK);
		if (idle > 0)
			(void)nanosleep(&(struct timespec){ .tv_nsec =
			    1000000 }, NULL);
	}
	ck_assert_uint_lt(sent, TOO_MUCH);
	end(&w);
}
END_TEST

/* To close upon what nobody has read would reset the connection, and the last
 * reply with it. */
START_TEST(the_last_reply_arrives)
{
	static char	 much[40001];
	struct world	 w;

	begin(&w, NO_LOOKUP, false);
	come(&w);
	AWAIT(&w, CLIENT, "220 ");
	memset(much, 'x', sizeof much - 1);
	memcpy(much, "GET / HTTP/1.1\r\n", 16);
	say(&w, CLIENT, much);
	AWAIT(&w, CLIENT, "221 2.7.0 ");
	AWAIT_END(&w, CLIENT);
	end(&w);
}
END_TEST

/* The reply and the end of the connection come at once. */
START_TEST(what_a_next_hop_said_is_heard_before_its_end)
{
	struct world	 w;

	begin_greeted(&w, NO_LOOKUP);
	say(&w, CLIENT, "MAIL FROM:<a@example.com>\r\n");
	AWAIT(&w, HOP, "MAIL FROM:<a@example.com>\r\n");
	say(&w, HOP, "550 no\r\n");
	(void)close(w.end[HOP].fd);
	w.end[HOP].fd = -1;
	AWAIT(&w, CLIENT, "550 no\r\n");
	end(&w);
}
END_TEST

START_TEST(the_end_of_a_next_hop_is_told)
{
	struct world	 w;

	begin_greeted(&w, NO_LOOKUP);
	begin_message(&w);
	say(&w, CLIENT, "text\r\n.\r\n");
	AWAIT(&w, HOP, "text\r\n");
	AWAIT(&w, HOP, ".\r\n");
	(void)close(w.end[HOP].fd);
	w.end[HOP].fd = -1;
	AWAIT(&w, CLIENT, "451 4.4.2 the next hop was lost");
	/* Of the next connection, too. */
	say(&w, CLIENT, "MAIL FROM:<a@example.com>\r\n");
	UNTIL(&w, w.end[HOP].fd != -1);
	say(&w, HOP, "220 next.example.org ESMTP\r\n");
	AWAIT(&w, HOP, "EHLO there\r\n");
	say(&w, HOP, "250 next.example.org\r\n");
	AWAIT(&w, HOP, "MAIL FROM:<a@example.com>\r\n");
	(void)close(w.end[HOP].fd);
	w.end[HOP].fd = -1;
	AWAIT(&w, CLIENT, "451 4.4.2 the next hop was lost");
	say(&w, CLIENT, "QUIT\r\n");
	AWAIT(&w, CLIENT, "221 ");
	AWAIT_END(&w, CLIENT);
	end(&w);
}
END_TEST

START_TEST(the_end_of_a_client_is_told)
{
	struct world	 w;

	begin_greeted(&w, NO_LOOKUP);
	(void)close(w.end[CLIENT].fd);
	w.end[CLIENT].fd = -1;
	AWAIT_END(&w, HOP);
	UNTIL(&w, relay_server_is_idle(w.server));
	ck_assert(relay_server_is_idle(w.server));
	end(&w);
}
END_TEST

START_TEST(who_does_not_answer_is_waited_for_as_long_as_it_says)
{
	struct world	 w;

	begin(&w, NO_LOOKUP "\tcommand_timeout = 1\n", false);
	come(&w);
	AWAIT(&w, CLIENT, "220 ");
	AWAIT(&w, CLIENT, "421 4.4.2 mx.example.org timeout exceeded");
	AWAIT_END(&w, CLIENT);
	end(&w);
}
END_TEST

START_TEST(a_relay_that_stops_says_so)
{
	struct world	 w;

	begin_greeted(&w, NO_LOOKUP);
	relay_server_stop(w.server);
	AWAIT(&w, CLIENT, "421 4.3.2 ");
	AWAIT_END(&w, CLIENT);
	AWAIT_END(&w, HOP);
	end(&w);

	begin(&w, FROM_PROXY, false);
	come(&w);
	UNTIL(&w, !relay_server_is_idle(w.server));
	relay_server_stop(w.server);
	AWAIT_END(&w, CLIENT);
	end(&w);
}
END_TEST

START_TEST(a_relay_is_not_its_own_next_hop)
{
	struct world	 w;

	begin(&w, NO_LOOKUP, true);
	come(&w);
	AWAIT(&w, CLIENT, "220 ");
	say(&w, CLIENT, "EHLO there\r\n");
	AWAIT(&w, CLIENT, "421 4.4.1 the next hop cannot be reached\r\n");
	AWAIT_END(&w, CLIENT);
	end(&w);
}
END_TEST

static const struct {
	const char	*name, *first, *then;	/* behind a moment */
	bool		 is_taken;
} header_rows[] = {
	{ "alone", "PROXY TCP4 192.0.2.1 192.0.2.25 1000 25\r\n", "", true },
	{ "in pieces", "PROXY TCP4 192.0.2.1 192.0.",
	    "2.25 1000 25\r\n", true },
	{ "of nobody", "PROXY UNKNOWN\r\n", "", true },
	{ "none", "EHLO there\r\n", "", false },
	{ "wrong", "PROXY TCP4 192.0.2.1 192.0.2.25 1000\r\n", "", false },
};

START_TEST(a_header_is_awaited)
{
	struct world	 w;

	begin(&w, FROM_PROXY, false);
	come(&w);
	UNTIL(&w, !relay_server_is_idle(w.server));
	ck_assert_uint_eq(w.end[CLIENT].n, 0);
	say(&w, CLIENT, header_rows[_i].first);
	if (header_rows[_i].then[0] != '\0') {
		turn(&w);
		turn(&w);
		ck_assert_uint_eq(w.end[CLIENT].n, 0);
		say(&w, CLIENT, header_rows[_i].then);
	}
	if (header_rows[_i].is_taken) {
		AWAIT(&w, CLIENT, "220 mx.example.org ");
		greet(&w);
	} else {
		UNTIL(&w, w.end[CLIENT].is_eof);
		ck_assert_uint_eq(w.end[CLIENT].n, 0);
		ck_assert(w.end[CLIENT].is_eof);
	}
	end(&w);
}
END_TEST

/* Exactly the header is its sender's. */
START_TEST(what_is_behind_a_header_is_smtp)
{
	struct world	 w;

	begin(&w, FROM_PROXY, false);
	come(&w);
	say(&w, CLIENT, "PROXY TCP4 192.0.2.1 192.0.2.25 1000 25\r\n"
	    "NOOP\r\nNOOP\r\n");
	AWAIT(&w, CLIENT, "220 mx.example.org ");
	AWAIT(&w, CLIENT, "250 ");
	AWAIT(&w, CLIENT, "250 ");
	greet(&w);
	end(&w);
}
END_TEST

START_TEST(a_header_from_elsewhere_is_a_command)
{
	struct world	 w;

	begin(&w, NO_LOOKUP "\tproxy_protocol = { \"192.0.2.0/24\" }\n",
	    false);
	come(&w);
	AWAIT(&w, CLIENT, "220 mx.example.org ");
	say(&w, CLIENT, "PROXY TCP4 192.0.2.1 192.0.2.25 1000 25\r\n");
	AWAIT(&w, CLIENT, "5");
	end(&w);
}
END_TEST

START_TEST(a_header_that_does_not_come_is_not_waited_for)
{
	struct world	 w;

	begin(&w, NO_LOOKUP "\tproxy_protocol = { \"127.0.0.1\" }\n"
	    "\tproxy_protocol_timeout = 1\n", false);
	come(&w);
	AWAIT_END(&w, CLIENT);
	end(&w);

	/* Nor one whose sender has said that there is no more. */
	begin(&w, FROM_PROXY, false);
	come(&w);
	say(&w, CLIENT, "PROXY TCP4");
	ck_assert_int_eq(shutdown(w.end[CLIENT].fd, SHUT_WR), 0);
	AWAIT_END(&w, CLIENT);
	end(&w);
}
END_TEST

/* Those that a header names count, not who sends it. */
START_TEST(clients_behind_a_proxy_are_counted)
{
	static const char	 header[] =
				     "PROXY TCP4 192.0.2.1 192.0.2.25 1 25\r\n";
	struct world		 w;
	int			 first;

	begin(&w, FROM_PROXY "\tpeer_connections = 1\n", false);
	come(&w);
	say(&w, CLIENT, header);
	AWAIT(&w, CLIENT, "220 ");
	first = w.end[CLIENT].fd;
	come(&w);
	say(&w, CLIENT, header);
	AWAIT(&w, CLIENT, "421 4.7.0 too many connections\r\n");
	AWAIT_END(&w, CLIENT);
	(void)close(w.end[CLIENT].fd);
	w.end[CLIENT].is_eof = false;
	come(&w);
	say(&w, CLIENT, "PROXY TCP4 192.0.2.2 192.0.2.25 1 25\r\n");
	AWAIT(&w, CLIENT, "220 ");
	(void)close(first);
	end(&w);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("carrier");

	tcase_add_test(tc, a_message_is_carried);
	tcase_add_test(tc, commands_in_one_go_are_all_taken);
	tcase_add_test(tc, nobody_has_more_than_a_turn);
	tcase_add_test(tc, no_content_has_more_than_a_turn);
	tcase_add_test(tc, who_does_not_read_is_not_read);
	tcase_add_test(tc, no_more_is_kept_than_has_room);
	tcase_add_test(tc, the_last_reply_arrives);
	tcase_add_test(tc, what_a_next_hop_said_is_heard_before_its_end);
	tcase_add_test(tc, the_end_of_a_next_hop_is_told);
	tcase_add_test(tc, the_end_of_a_client_is_told);
	tcase_add_test(tc,
	    who_does_not_answer_is_waited_for_as_long_as_it_says);
	tcase_add_test(tc, a_relay_that_stops_says_so);
	tcase_add_test(tc, a_relay_is_not_its_own_next_hop);
	tcase_add_loop_test(tc, a_header_is_awaited, 0, NELEM(header_rows));
	tcase_add_test(tc, what_is_behind_a_header_is_smtp);
	tcase_add_test(tc, a_header_from_elsewhere_is_a_command);
	tcase_add_test(tc, a_header_that_does_not_come_is_not_waited_for);
	tcase_add_test(tc, clients_behind_a_proxy_are_counted);
	return runner_run("carrier", tc);
}
