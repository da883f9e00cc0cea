/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * peerpid_test: contexts that hold the right socket, and all kinds of wrong
 * ones, which must not be believed.
 */
#include <sys/un.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "milter/peerpid.h"
#include "t/lib/runner.h"

/* How libmilter's context begins; the rest of it is not looked at. */
struct smfi_str {
	pthread_t	id;
	int		sd;
};

static char	directory[] = "/tmp/peerpid_test.XXXXXX";

struct door {
	struct sockaddr_un	 name;
	int			 listening;
	int			 connected;	/* the other side's end */
	int			 accepted;
};

static void
door_open(struct door *door, const char *file)
{
	memset(door, 0, sizeof *door);
	door->name.sun_family = AF_UNIX;
	ck_assert_int_lt(snprintf(door->name.sun_path,
	    sizeof door->name.sun_path, "%s/%s", directory, file),
	    (int)sizeof door->name.sun_path);
	door->listening = socket(AF_UNIX, SOCK_STREAM, 0);
	door->connected = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(door->listening,
	    (struct sockaddr *)&door->name, sizeof door->name), 0);
	ck_assert_int_eq(listen(door->listening, 1), 0);
	ck_assert_int_eq(connect(door->connected,
	    (struct sockaddr *)&door->name, sizeof door->name), 0);
	door->accepted = accept(door->listening, NULL, NULL);
	ck_assert_int_ge(door->accepted, 0);
}

static void
door_close(struct door *door)
{
	close(door->accepted);
	close(door->connected);
	close(door->listening);
	unlink(door->name.sun_path);
}

static void
init(struct peerpid *listen, const struct door *door)
{
	peerpid_init(listen, (const struct sockaddr *)&door->name,
	    sizeof door->name);
}

static bool
finds(const struct peerpid *listen, int fd, struct procinfo_peer *peer)
{
	struct smfi_str		 ctx = { .sd = fd };
	enum peerpid_result	 result = peerpid_find(listen, &ctx, peer);

	ck_assert_int_ne(result, PEERPID_CANNOT_TELL);
	return result == PEERPID_FOUND;
}

START_TEST(right_socket)
{
	struct procinfo_peer	 peer;
	struct peerpid		 listen;
	struct door		 door;

	door_open(&door, "a");
	init(&listen, &door);
	ck_assert(finds(&listen, door.accepted, &peer));
	ck_assert_int_eq(peer.pid, getpid());
	ck_assert_uint_eq(peer.uid, geteuid());
	door_close(&door);
}
END_TEST

enum wrong {
	WRONG_NEGATIVE,
	WRONG_CLOSED,
	WRONG_FILE,
	WRONG_PIPE,
	WRONG_PAIR,
	WRONG_INET,
	WRONG_OTHER_DOOR,
	WRONG_FAR_END,
	WRONG_LISTENING,
	WRONG_COUNT
};

static const char *const wrong_names[WRONG_COUNT] = {
	"negative", "closed", "file", "pipe", "socketpair", "TCP",
	"other listener", "far end", "listening socket",
};

/* A descriptor that is wrong in that way. */
static int
wrong_fd(enum wrong wrong, const struct door *door, const struct door *other)
{
	int	 fds[2] = { -1, -1 };

	switch (wrong) {
	case WRONG_NEGATIVE:
		return -1;
	case WRONG_CLOSED:
		ck_assert_int_eq(pipe(fds), 0);
		close(fds[0]);
		close(fds[1]);
		return fds[1];
	case WRONG_FILE:
		return open("/dev/null", O_RDONLY);
	case WRONG_PIPE:
		ck_assert_int_eq(pipe(fds), 0);
		return fds[0];
	case WRONG_PAIR:
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		return fds[0];
	case WRONG_INET:
		return socket(AF_INET, SOCK_STREAM, 0);
	case WRONG_OTHER_DOOR:
		return other->accepted;
	case WRONG_FAR_END:
		return door->connected;
	case WRONG_LISTENING:
		return door->listening;
	case WRONG_COUNT:
		break;
	}
	return -1;
}

START_TEST(wrong_socket)
{
	struct procinfo_peer	 peer = { .pid = 4711 };
	struct peerpid		 listen;
	struct door		 door, other;

	door_open(&door, "a");
	door_open(&other, "b");
	init(&listen, &door);
	ck_assert_msg(!finds(&listen, wrong_fd((enum wrong)_i, &door, &other),
	    &peer), "%s: believed", wrong_names[_i]);
	ck_assert_msg(peer.pid == 4711, "%s: peer written", wrong_names[_i]);
	door_close(&other);
	door_close(&door);
}
END_TEST

/* One path must not pass for another that begins with it. */
START_TEST(longer_path)
{
	struct procinfo_peer	 peer;
	struct peerpid		 listen;
	struct door		 door, longer;

	door_open(&door, "a");
	door_open(&longer, "ab");
	init(&listen, &door);
	ck_assert(!finds(&listen, longer.accepted, &peer));
	init(&listen, &longer);
	ck_assert(!finds(&listen, door.accepted, &peer));
	door_close(&longer);
	door_close(&door);
}
END_TEST

/* Abstract names are no paths, so they are nobody's. */
START_TEST(abstract_name)
{
	struct sockaddr_un	 name = { .sun_family = AF_UNIX };
	struct procinfo_peer	 peer;
	struct peerpid		 listen;
	int			 fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	(void)snprintf(name.sun_path + 1, sizeof name.sun_path - 1,
	    "peerpid_test.%ld", (long)getpid());
	ck_assert_int_eq(bind(fds[0], (struct sockaddr *)&name,
	    sizeof name), 0);
	peerpid_init(&listen, (const struct sockaddr *)&name, sizeof name);
	ck_assert(!finds(&listen, fds[0], &peer));
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(no_unix_address)
{
	const struct sockaddr	 inet = { .sa_family = AF_INET };
	struct procinfo_peer	 peer;
	struct peerpid		 listen;
	struct door		 door;

	door_open(&door, "a");
	peerpid_init(&listen, &inet, sizeof inet);
	ck_assert_int_eq(listen.len, 0);
	ck_assert(!finds(&listen, door.accepted, &peer));
	peerpid_init(&listen, (const struct sockaddr *)&door.name,
	    sizeof door.name.sun_family);
	ck_assert_int_eq(listen.len, 0);
	ck_assert(!finds(&listen, door.accepted, &peer));
	door_close(&door);
}
END_TEST

static TCase *
peerpid_case(void)
{
	TCase	*tc = tcase_create("peerpid");

	tcase_add_test(tc, right_socket);
	tcase_add_loop_test(tc, wrong_socket, 0, WRONG_COUNT);
	tcase_add_test(tc, longer_path);
	tcase_add_test(tc, abstract_name);
	tcase_add_test(tc, no_unix_address);
	return tc;
}

int
main(void)
{
	int	 status;

	if (mkdtemp(directory) == NULL)
		return EXIT_FAILURE;
	status = runner_run("peerpid", peerpid_case());
	(void)rmdir(directory);
	return status;
}
