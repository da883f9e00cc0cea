/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * pump: the least that can stand between a client and a server: it carries
 * bytes both ways and understands nothing.  What the kernel takes for that, any
 * relay takes.
 *
 * One thread and one epoll set, edge-triggered, so that no descriptor is ever
 * modified: a side that is written to and does not take all is tried again when
 * it says so.  One buffer's worth is kept for each direction, only while the
 * other side does not take it.
 */
#include <sys/epoll.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inet.h"

#define BUF_SIZE	65536
#define EVENTS		256

struct pair;

/* One of its two ends, and what came from there. */
struct end {
	struct pair	*pair;
	struct end	*other;
	int		 fd;
	bool		 is_readable;
	bool		 is_ending;	/* its end is behind what it has sent */
	bool		 is_eof;	/* seen, and handed on */
	char		*kept;		/* came from here; NULL: all is gone */
	size_t		 n, sent;
};

struct pair {
	struct end	 end[2];
	struct pair	*next;		/* of those that are over */
	bool		 is_over;
};

static char	 buf[BUF_SIZE];

/* Keeps what the other side did not take. */
static void
keep(struct end *end, const char *p, size_t n)
{
	if ((end->kept = malloc(n)) == NULL)
		err(1, NULL);
	memcpy(end->kept, p, n);
	end->n = n;
	end->sent = 0;
}

/* Sends on; how much went, or -1: the pair is over. */
static ssize_t
send_on(struct end *to, const char *p, size_t n)
{
	ssize_t	 sent = send(to->fd, p, n, MSG_NOSIGNAL);

	if (sent == -1 && (errno == EAGAIN || errno == ENOTCONN))
		return 0;
	return sent;
}

/* True: nothing from here waits any more. */
static bool
flush(struct end *end)
{
	ssize_t	 sent;

	if (end->kept == NULL)
		return true;
	sent = send_on(end->other, end->kept + end->sent,
	    end->n - end->sent);
	if (sent == -1) {
		end->pair->is_over = true;
		return false;
	}
	end->sent += (size_t)sent;
	if (end->sent < end->n)
		return false;
	free(end->kept);
	end->kept = NULL;
	return true;
}

static void
hang_up(struct end *end)
{
	end->is_eof = true;
	(void)shutdown(end->other->fd, SHUT_WR);
	if (end->other->is_eof)
		end->pair->is_over = true;
}

/* One read; a full buffer may have more behind it. */
static void
carry(struct end *end)
{
	ssize_t	 n = recv(end->fd, buf, sizeof(buf), 0), sent;

	end->is_readable = n == (ssize_t)sizeof(buf) || end->is_ending;
	if (n == -1 && errno == EAGAIN)
		return;
	if (n == 0) {
		hang_up(end);
		return;
	}
	sent = n == -1 ? -1 : send_on(end->other, buf, (size_t)n);
	if (sent == -1)
		end->pair->is_over = true;
	else if (sent < n)
		keep(end, buf + sent, (size_t)(n - sent));
}

/* Carries what there is from an end until one side has no more. */
static void
move(struct end *end)
{
	while (!end->pair->is_over && flush(end) && end->is_readable &&
	    !end->is_eof)
		carry(end);
}

static void
welcome(int epfd, int listener, int port)
{
	struct pair	*pair;
	int		 fd, i;

	while ((fd = inet_accept(listener)) != -1) {
		if ((pair = calloc(1, sizeof(*pair))) == NULL)
			err(1, NULL);
		pair->end[0].fd = fd;
		pair->end[1].fd = inet_dial_later(port);
		for (i = 0; i < 2; i++) {
			pair->end[i].pair = pair;
			pair->end[i].other = &pair->end[1 - i];
			inet_watch(epfd, pair->end[i].fd, EPOLLIN | EPOLLOUT |
			    EPOLLRDHUP | EPOLLET, &pair->end[i]);
		}
	}
}

static void
end_pair(struct pair *pair)
{
	int	 i;

	for (i = 0; i < 2; i++) {
		(void)close(pair->end[i].fd);
		free(pair->end[i].kept);
	}
	free(pair);
}

/* True: the pair has just ended; it is freed when no event of this turn can
 * name it any more. */
static bool
serve(struct end *end, uint32_t events)
{
	if (end->pair->is_over)
		return false;
	/* The end of the data, too, is something to read; it is told once. */
	if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		end->is_ending = true;
	if ((events & EPOLLIN) != 0 || end->is_ending) {
		end->is_readable = true;
		move(end);
	}
	if ((events & EPOLLOUT) != 0)
		move(end->other);
	return end->pair->is_over;
}

int
main(int argc, char **argv)
{
	struct epoll_event	 events[EVENTS];
	struct pair		*over, *next;
	struct end		*end;
	int			 epfd, i, listener, n, port;

	if (argc != 3)
		errx(64, "usage: pump port next-port");
	inet_raise_limit();
	port = inet_port(argv[2]);
	if ((epfd = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(1, "epoll_create1");
	listener = inet_listen(inet_port(argv[1]));
	inet_watch(epfd, listener, EPOLLIN, NULL);
	for (;;) {
		n = epoll_wait(epfd, events, EVENTS, -1);
		if (n == -1 && errno != EINTR)
			err(1, "epoll_wait");
		over = NULL;
		for (i = 0; i < n; i++) {
			if ((end = events[i].data.ptr) == NULL) {
				welcome(epfd, listener, port);
			} else if (serve(end, events[i].events)) {
				end->pair->next = over;
				over = end->pair;
			}
		}
		for (; over != NULL; over = next) {
			next = over->next;
			end_pair(over);
		}
	}
}
