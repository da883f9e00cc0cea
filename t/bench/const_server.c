/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * const_server: the smallest server that Postfix could ask: the ceiling that
 * the benchmarks hold xcontext-policy against.
 *
 * One thread, one epoll set, one read and one write a request.  It answers a
 * policy request with DUNNO, a lookup in a map whose name begins with "m"
 * (milters) with "OK DISABLE", that of the command NOOP with "OK NOOP" and any
 * other lookup with NOTFOUND, and looks at nothing else.  It keeps no state, so
 * a request must come in one piece, as those of Postfix do on a UNIX-domain
 * socket; one that does not ends it with an error, lest a wrong number be
 * believed.
 */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REQUEST_SIZE	65536
#define EVENTS		64

enum kind { POLICY, MAPS };

#define POLICY_REPLY	"action=DUNNO\n\n"
#define MAPS_NOTFOUND	"9:NOTFOUND ,"
#define MAPS_DISABLE	"10:OK DISABLE,"
#define MAPS_NOOP	"7:OK NOOP,"
#define ASKED_NOOP	"command NOOP"

/* What an epoll event says about its descriptor. */
union tag {
	uint64_t	u64;
	struct {
		int32_t	 fd;
		uint16_t kind;
		uint16_t is_listener;
	} of;
};

static int
listen_at(const char *path)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	int			 fd;

	if (strlen(path) >= sizeof(sun.sun_path))
		errx(1, "%s: path too long", path);
	memcpy(sun.sun_path, path, strlen(path));
	(void)unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 ||
	    bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    listen(fd, SOMAXCONN) == -1)
		err(1, "%s", path);
	return fd;
}

static void
watch(int epfd, int fd, enum kind kind, int is_listener)
{
	union tag		 tag = { .of = { fd, (uint16_t)kind,
				     (uint16_t)is_listener } };
	struct epoll_event	 ev = { .events = EPOLLIN,
				     .data = { .u64 = tag.u64 } };

	if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) == -1)
		err(1, "epoll_ctl");
}

static void
welcome(int epfd, int listener, enum kind kind)
{
	int	 fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd == -1)
		err(1, "accept");
	watch(epfd, fd, kind, 0);
}

/* Whether p holds one netstring and nothing else; *body_r is its body. */
static int
is_netstring(const char *p, size_t n, const char **body_r)
{
	size_t	 i, len = 0;

	for (i = 0; i < n && i < 6 && p[i] >= '0' && p[i] <= '9'; i++)
		len = len * 10 + (size_t)(p[i] - '0');
	if (i == 0 || i + len + 2 != n || p[i] != ':' || p[n - 1] != ',')
		return 0;
	*body_r = p + i + 1;
	return 1;
}

static const char *
reply_to(enum kind kind, const char *p, size_t n, size_t *len_r)
{
	const char	*body;

	if (kind == POLICY) {
		if (n < 2 || memcmp(p + n - 2, "\n\n", 2) != 0)
			errx(1, "a policy request came in pieces");
		*len_r = sizeof(POLICY_REPLY) - 1;
		return POLICY_REPLY;
	}
	if (!is_netstring(p, n, &body))
		errx(1, "a lookup came in pieces");
	if (*body == 'm') {
		*len_r = sizeof(MAPS_DISABLE) - 1;
		return MAPS_DISABLE;
	}
	if (n > sizeof(ASKED_NOOP) &&
	    memcmp(body, ASKED_NOOP, sizeof(ASKED_NOOP) - 1) == 0) {
		*len_r = sizeof(MAPS_NOOP) - 1;
		return MAPS_NOOP;
	}
	*len_r = sizeof(MAPS_NOTFOUND) - 1;
	return MAPS_NOTFOUND;
}

static void
serve(int fd, enum kind kind)
{
	static char	 buf[REQUEST_SIZE];
	const char	*reply;
	size_t		 len;
	ssize_t		 n;

	n = read(fd, buf, sizeof(buf));
	if (n <= 0) {
		(void)close(fd);
		return;
	}
	reply = reply_to(kind, buf, (size_t)n, &len);
	if (send(fd, reply, len, MSG_NOSIGNAL) != (ssize_t)len)
		(void)close(fd);
}

int
main(int argc, char **argv)
{
	struct epoll_event	 events[EVENTS];
	union tag		 tag;
	int			 epfd, i, n;

	if (argc != 3) {
		warnx("usage: const_server policy-socket maps-socket");
		return 64;
	}
	(void)umask(0);		/* smtpd is another user */
	if ((epfd = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(1, "epoll_create1");
	watch(epfd, listen_at(argv[1]), POLICY, 1);
	watch(epfd, listen_at(argv[2]), MAPS, 1);
	for (;;) {
		n = epoll_wait(epfd, events, EVENTS, -1);
		if (n == -1 && errno != EINTR)
			err(1, "epoll_wait");
		for (i = 0; i < n; i++) {
			tag.u64 = events[i].data.u64;
			if (tag.of.is_listener)
				welcome(epfd, tag.of.fd,
				    (enum kind)tag.of.kind);
			else
				serve(tag.of.fd, (enum kind)tag.of.kind);
		}
	}
}
