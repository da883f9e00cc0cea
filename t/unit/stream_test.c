/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * stream_test: streams over socket pairs and loopback TCP.
 */
#include "smtp/stream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>

#include "t/lib/runner.h"
#include "t/lib/stream_end.h"

START_TEST(bytes_go_both_ways)
{
	struct pair	 p;

	open_pair(&p);
	stream_want_read(&p.a.stream, true);
	stream_want_read(&p.b.stream, true);
	ck_assert(stream_put(&p.a.stream, span_of("EHLO a\r\n"), false));
	ck_assert(stream_put(&p.b.stream, span_of("220 b\r\n"), false));
	ck_assert_uint_eq(stream_pending(&p.a.stream), 0);
	ck_assert_ptr_null(p.a.stream.out);
	turn_until_read(p.base, &p.b, 8);
	turn_until_read(p.base, &p.a, 7);
	ck_assert_str_eq(p.b.in, "EHLO a\r\n");
	ck_assert_str_eq(p.a.in, "220 b\r\n");
	ck_assert_uint_eq(p.a.n[STREAM_DRAINED] + p.a.n[STREAM_CONNECTED], 0);
	close_pair(&p);
}
END_TEST

static const struct transfer_row {
	size_t	 len, piece, read_size;
	bool	 is_more;
} transfer_rows[] = {
	{ 3000000,	3000000,	65536,	false },
	{ 3000000,	3000000,	65536,	true },
	{ 1000000,	4096,		1000,	false },
	{ 1000000,	4096,		16384,	true },
	{ 1000000,	4097,		16384,	true },
	{ 100000,	7,		512,	true },
	{ 100000,	7,		16384,	false },
	{ 20000,	1,		1,	true },
};

static void
transfer(struct pair *p, const struct transfer_row *r)
{
	tiny_buffers(p);
	p->b.read_size = r->read_size;
	stream_want_read(&p->b.stream, true);
	put_all(&p->a.stream, r->len, r->piece, r->is_more);
	ck_assert(stream_flush(&p->a.stream));
	turn_until_read(p->base, &p->b, r->len);
	check_filled(&p->b, r->len);
	turn(p->base);
	ck_assert_uint_eq(stream_pending(&p->a.stream), 0);
	ck_assert_ptr_null(p->a.stream.out);
	ck_assert_uint_eq(p->a.n[STREAM_FAILED] + p->b.n[STREAM_FAILED], 0);
}

START_TEST(much_goes_through_tiny_buffers)
{
	struct pair	 p;

	open_pair(&p);
	transfer(&p, &transfer_rows[_i]);
	ck_assert_uint_eq(p.a.n[STREAM_DRAINED], 1);
	close_pair(&p);
}
END_TEST

/* Puts until something is left. */
static size_t
choke(struct stream *stream)
{
	char	 buf[8192] = "";
	size_t	 n = 0;

	while (stream_pending(stream) == 0) {
		ck_assert(stream_put(stream, (struct span){ buf, sizeof buf },
		    false));
		n += sizeof buf;
	}
	return n;
}

START_TEST(drained_is_told_when_all_has_gone)
{
	struct pair	 p;

	open_pair(&p);
	put_all(&p.a.stream, 2000000, 2000000, false);
	ck_assert(stream_flush(&p.a.stream));
	stream_want_read(&p.b.stream, true);
	/* Each turn takes a part; see note(). */
	turn_until_read(p.base, &p.b, 2000000);
	turn_until(p.base, &p.a.n[STREAM_DRAINED], 1);
	close_pair(&p);
}
END_TEST

START_TEST(drained_is_told_once_and_after_flush_only)
{
	struct pair	 p;
	size_t		 n;

	open_pair(&p);
	ck_assert(stream_flush(&p.a.stream));
	n = choke(&p.a.stream);
	stream_want_read(&p.b.stream, true);
	turn_until_read(p.base, &p.b, n);
	turn(p.base);
	ck_assert_uint_eq(p.a.n[STREAM_DRAINED], 0);
	n += choke(&p.a.stream);
	ck_assert(stream_flush(&p.a.stream));
	ck_assert_uint_gt(stream_pending(&p.a.stream), 0);
	ck_assert_uint_eq(p.a.n[STREAM_DRAINED], 0);
	turn_until_read(p.base, &p.b, n);
	turn_until(p.base, &p.a.n[STREAM_DRAINED], 1);
	turn(p.base);
	turn(p.base);
	ck_assert_uint_eq(p.a.n[STREAM_DRAINED], 1);
	ck_assert(stream_flush(&p.a.stream));
	n += choke(&p.a.stream);
	turn_until_read(p.base, &p.b, n);
	turn(p.base);
	ck_assert_uint_eq(p.a.n[STREAM_DRAINED], 1);
	close_pair(&p);
}
END_TEST

/* How many bytes the socket of the other end has now. */
static ssize_t
arrived(const struct end *end)
{
	char	 buf[65536];

	return recv(end->stream.fd, buf, sizeof buf, MSG_PEEK | MSG_DONTWAIT);
}

START_TEST(small_ones_are_sent_together)
{
	struct pair	 p;

	open_pair(&p);
	ck_assert(stream_put(&p.a.stream, span_of("250-a\r\n"), true));
	ck_assert(stream_put(&p.a.stream, span_of("250 b\r\n"), true));
	ck_assert_uint_eq(stream_pending(&p.a.stream), 14);
	turn(p.base);
	ck_assert_int_eq(arrived(&p.b), -1);
	ck_assert(stream_flush(&p.a.stream));
	ck_assert_int_eq(arrived(&p.b), 14);
	ck_assert_uint_eq(stream_pending(&p.a.stream), 0);
	/* The last one, without more, takes the others along. */
	ck_assert(stream_put(&p.a.stream, span_of("x"), true));
	ck_assert(stream_put(&p.a.stream, span_of("y"), false));
	ck_assert_int_eq(arrived(&p.b), 16);
	/* Large ones are not copied, and what was kept goes before them. */
	ck_assert(stream_put(&p.a.stream, span_of("z"), true));
	put_all(&p.a.stream, 8192, 8192, true);
	ck_assert_int_eq(arrived(&p.b), 16 + 1 + 8192);
	stream_want_read(&p.b.stream, true);
	turn_until_read(p.base, &p.b, 16 + 1 + 8192);
	ck_assert(strncmp(p.b.in, "250-a\r\n250 b\r\nxyz", 17) == 0);
	ck_assert_uint_eq(p.a.n[STREAM_DRAINED], 0);
	close_pair(&p);
}
END_TEST

START_TEST(what_is_kept_is_bounded_by_sending_it)
{
	struct pair	 p;
	int		 i;
	size_t		 most = 0;

	open_pair(&p);
	for (i = 0; i < 30; i++) {
		put_all(&p.a.stream, 1000, 1000, true);
		if (stream_pending(&p.a.stream) > most)
			most = stream_pending(&p.a.stream);
	}
	ck_assert_uint_lt(most, 16384);
	ck_assert_int_gt(arrived(&p.b), 16000);
	close_pair(&p);
}
END_TEST

START_TEST(readable_is_told_only_while_wanted)
{
	struct pair	 p;

	open_pair(&p);
	ck_assert(stream_put(&p.a.stream, span_of("abc"), false));
	turn(p.base);
	ck_assert_uint_eq(p.b.n[STREAM_READABLE], 0);
	p.b.read_size = 1;
	p.b.is_off_at_read = true;
	stream_want_read(&p.b.stream, true);
	ck_assert_uint_eq(p.b.n[STREAM_READABLE], 0);
	turn(p.base);
	turn(p.base);
	ck_assert_uint_eq(p.b.n[STREAM_READABLE], 1);
	p.b.is_off_at_read = false;
	stream_want_read(&p.b.stream, true);
	turn_until_read(p.base, &p.b, 3);
	ck_assert_uint_eq(p.b.n[STREAM_READABLE], 3);
	/* Switched off before the loop has looked. */
	ck_assert(stream_put(&p.a.stream, span_of("d"), false));
	stream_want_read(&p.b.stream, false);
	turn(p.base);
	ck_assert_uint_eq(p.b.n[STREAM_READABLE], 3);
	stream_want_read(&p.b.stream, true);
	turn_until_read(p.base, &p.b, 4);
	close_pair(&p);
}
END_TEST

START_TEST(unread_stream_does_not_turn_the_loop)
{
	struct pair	 p;
	struct timeval	 wait = { 0, 20000 };

	open_pair(&p);
	stream_want_read(&p.b.stream, true);
	turn(p.base);
	stream_want_read(&p.b.stream, false);
	ck_assert(stream_put(&p.a.stream, span_of("a"), false));
	turn(p.base);
	/* Nothing is left in the loop that could wake it. */
	stream_close(&p.a.stream);
	ck_assert_int_eq(event_base_loopexit(p.base, &wait), 0);
	ck_assert_int_eq(event_base_get_num_events(p.base,
	    EVENT_BASE_COUNT_ADDED), 1);
	close_pair(&p);
}
END_TEST

START_TEST(end_of_one_direction_leaves_the_other)
{
	struct pair	 p;

	open_pair(&p);
	stream_want_read(&p.a.stream, true);
	stream_want_read(&p.b.stream, true);
	ck_assert(stream_put(&p.a.stream, span_of("QUIT\r\n"), true));
	stream_shutdown(&p.a.stream);
	ck_assert(!stream_put(&p.a.stream, span_of("x"), false));
	ck_assert_str_eq(stream_why(&p.a.stream), "write: after the end");
	turn_until(p.base, &p.b.n[STREAM_READABLE], 2);
	ck_assert_str_eq(p.b.in, "QUIT\r\n");
	ck_assert_int_eq(p.b.last, STREAM_EOF);
	ck_assert(stream_put(&p.b.stream, span_of("221 bye\r\n"), false));
	turn_until_read(p.base, &p.a, 9);
	turn(p.base);
	/* The end is told once. */
	ck_assert_uint_eq(p.b.n[STREAM_READABLE], 2);
	stream_shutdown(&p.b.stream);
	turn_until(p.base, &p.a.n[STREAM_READABLE], 2);
	ck_assert_int_eq(p.a.last, STREAM_EOF);
	close_pair(&p);
}
END_TEST

START_TEST(end_comes_behind_what_is_kept)
{
	struct pair	 p;
	size_t		 n;
	int		 i;

	open_pair(&p);
	n = choke(&p.a.stream);
	stream_shutdown(&p.a.stream);
	ck_assert_uint_gt(stream_pending(&p.a.stream), 0);
	stream_want_read(&p.b.stream, true);
	for (i = 0; i < TURNS_MAX && p.b.last != STREAM_EOF; i++)
		turn(p.base);
	ck_assert_int_eq(p.b.last, STREAM_EOF);
	ck_assert_uint_eq(p.b.in_len, n);
	close_pair(&p);
}
END_TEST

START_TEST(broken_connection_is_a_result_of_put)
{
	struct pair	 p;

	open_pair(&p);
	ck_assert(stream_put(&p.b.stream, span_of("421 bye\r\n"), false));
	stream_close(&p.b.stream);
	ck_assert(!stream_is_open(&p.b.stream));
	ck_assert(!stream_put(&p.a.stream, span_of("DATA\r\n"), false));
	ck_assert_str_eq(stream_why(&p.a.stream), "write: Broken pipe");
	ck_assert(!stream_put(&p.a.stream, span_of("DATA\r\n"), true));
	ck_assert(!stream_flush(&p.a.stream));
	ck_assert_uint_eq(stream_pending(&p.a.stream), 0);
	/* Its last words are still there. */
	stream_want_read(&p.a.stream, true);
	turn_until_read(p.base, &p.a, 9);
	turn_until(p.base, &p.a.n[STREAM_READABLE], 2);
	ck_assert_int_eq(p.a.last, STREAM_EOF);
	ck_assert_uint_eq(p.a.n[STREAM_FAILED], 0);
	close_pair(&p);
}
END_TEST

START_TEST(broken_connection_is_told_if_the_loop_finds_it)
{
	struct pair	 p;

	open_pair(&p);
	(void)choke(&p.a.stream);
	ck_assert(stream_flush(&p.a.stream));
	stream_close(&p.b.stream);
	turn_until(p.base, &p.a.n[STREAM_FAILED], 1);
	turn(p.base);
	ck_assert_uint_eq(p.a.n[STREAM_FAILED], 1);
	ck_assert_uint_eq(p.a.n[STREAM_DRAINED], 0);
	ck_assert_str_eq(stream_why(&p.a.stream), "write: Broken pipe");
	close_pair(&p);
}
END_TEST

START_TEST(reset_is_an_error_of_read)
{
	struct pair	 p;

	open_pair(&p);
	/* Closed with something unread. */
	ck_assert(stream_put(&p.a.stream, span_of("a"), false));
	stream_close(&p.b.stream);
	stream_want_read(&p.a.stream, true);
	turn_until(p.base, &p.a.n[STREAM_READABLE], 1);
	ck_assert_int_eq(p.a.last, STREAM_ERROR);
	ck_assert_str_eq(stream_why(&p.a.stream),
	    "read: Connection reset by peer");
	turn(p.base);
	ck_assert_uint_eq(p.a.n[STREAM_READABLE], 1);
	close_pair(&p);
}
END_TEST

/* Each event's function may close the stream; see note(). */
START_TEST(function_may_close_at_readable)
{
	struct pair	 p;

	open_pair(&p);
	stream_want_read(&p.b.stream, true);
	p.b.close_at = STREAM_READABLE;
	ck_assert(stream_put(&p.a.stream, span_of("abc"), false));
	turn_until(p.base, &p.b.n[STREAM_READABLE], 1);
	turn(p.base);
	ck_assert_uint_eq(p.b.n[STREAM_READABLE], 1);
	close_pair(&p);
}
END_TEST

START_TEST(function_may_close_at_drained_and_failed)
{
	struct pair	 p;

	open_pair(&p);
	p.a.close_at = STREAM_DRAINED;
	(void)choke(&p.a.stream);
	ck_assert(stream_flush(&p.a.stream));
	stream_want_read(&p.b.stream, true);
	turn_until(p.base, &p.a.n[STREAM_DRAINED], 1);
	turn(p.base);
	close_pair(&p);
	open_pair(&p);
	p.a.close_at = STREAM_FAILED;
	(void)choke(&p.a.stream);
	stream_close(&p.b.stream);
	turn_until(p.base, &p.a.n[STREAM_FAILED], 1);
	turn(p.base);
	close_pair(&p);
}
END_TEST

/* A listener on loopback; *port_r in network byte order. */
static int
listen_tcp(in_port_t *port_r)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
				     .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t		 len = sizeof sin;
	int			 fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, len), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	*port_r = sin.sin_port;
	return fd;
}

static int
connect_tcp(in_port_t port)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
				     .sin_addr = { htonl(INADDR_LOOPBACK) },
				     .sin_port = port };
	int			 fd = socket(AF_INET,
				     SOCK_STREAM | SOCK_NONBLOCK, 0);

	ck_assert(connect(fd, (struct sockaddr *)&sin, sizeof sin) == 0 ||
	    errno == EINPROGRESS);
	return fd;
}

START_TEST(connected_is_told_and_what_was_put_goes_then)
{
	struct pair	 p = { .base = event_base_new() };
	in_port_t	 port;
	int		 listener = listen_tcp(&port), fd;

	open_end(p.base, &p.a, connect_tcp(port), true);
	stream_want_read(&p.a.stream, true);
	ck_assert(stream_put(&p.a.stream, span_of("EHLO a\r\n"), false));
	ck_assert_uint_eq(stream_pending(&p.a.stream), 8);
	ck_assert(stream_flush(&p.a.stream));
	ck_assert_uint_eq(p.a.n[STREAM_CONNECTED], 0);
	turn_until(p.base, &p.a.n[STREAM_CONNECTED], 1);
	turn_until(p.base, &p.a.n[STREAM_DRAINED], 1);
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	open_end(p.base, &p.b, fd, false);
	stream_want_read(&p.b.stream, true);
	turn_until_read(p.base, &p.b, 8);
	ck_assert_uint_eq(p.a.n[STREAM_CONNECTED], 1);
	ck_assert_uint_eq(p.a.n[STREAM_READABLE], 0);
	(void)close(listener);
	close_pair(&p);
}
END_TEST

START_TEST(end_may_be_said_before_the_connection_is_there)
{
	struct pair	 p = { .base = event_base_new() };
	in_port_t	 port;
	int		 listener = listen_tcp(&port);

	open_end(p.base, &p.a, connect_tcp(port), true);
	stream_shutdown(&p.a.stream);
	turn_until(p.base, &p.a.n[STREAM_CONNECTED], 1);
	open_end(p.base, &p.b, accept4(listener, NULL, NULL, SOCK_NONBLOCK),
	    false);
	stream_want_read(&p.b.stream, true);
	turn_until(p.base, &p.b.n[STREAM_READABLE], 1);
	ck_assert_int_eq(p.b.last, STREAM_EOF);
	(void)close(listener);
	close_pair(&p);
}
END_TEST

START_TEST(refused_connection_is_told)
{
	struct pair	 p = { .base = event_base_new() };
	in_port_t	 port;

	(void)close(listen_tcp(&port));
	open_end(p.base, &p.a, connect_tcp(port), true);
	p.b = (struct end){ .read_size = 0 };	/* never opened */
	ck_assert(!stream_is_open(&p.b.stream));
	turn_until(p.base, &p.a.n[STREAM_FAILED], 1);
	turn(p.base);
	ck_assert_uint_eq(p.a.n[STREAM_FAILED], 1);
	ck_assert_uint_eq(p.a.n[STREAM_CONNECTED], 0);
	ck_assert_str_eq(stream_why(&p.a.stream),
	    "connect: Connection refused");
	ck_assert(!stream_put(&p.a.stream, span_of("x"), false));
	close_pair(&p);
}
END_TEST

START_TEST(file_is_no_stream)
{
	struct event_base	*base = event_base_new();
	struct stream		 stream;
	struct err		 err = { "" };
	int			 fd = open("/dev/null", O_RDWR);

	/* epoll takes no such file. */
	ck_assert_int_eq(stream_open(&stream, base, fd, true, note, NULL,
	    &err), -1);
	ck_assert_str_ne(err.text, "");
	ck_assert(!stream_is_open(&stream));
	ck_assert_int_eq(close(fd), 0);
	stream_close(&stream);
	event_base_free(base);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("stream");

	tcase_add_test(tc, bytes_go_both_ways);
	tcase_add_loop_test(tc, much_goes_through_tiny_buffers, 0,
	    NELEM(transfer_rows));
	tcase_add_test(tc, drained_is_told_when_all_has_gone);
	tcase_add_test(tc, drained_is_told_once_and_after_flush_only);
	tcase_add_test(tc, small_ones_are_sent_together);
	tcase_add_test(tc, what_is_kept_is_bounded_by_sending_it);
	tcase_add_test(tc, readable_is_told_only_while_wanted);
	tcase_add_test(tc, unread_stream_does_not_turn_the_loop);
	tcase_add_test(tc, end_of_one_direction_leaves_the_other);
	tcase_add_test(tc, end_comes_behind_what_is_kept);
	tcase_add_test(tc, broken_connection_is_a_result_of_put);
	tcase_add_test(tc, broken_connection_is_told_if_the_loop_finds_it);
	tcase_add_test(tc, reset_is_an_error_of_read);
	tcase_add_test(tc, function_may_close_at_readable);
	tcase_add_test(tc, function_may_close_at_drained_and_failed);
	tcase_add_test(tc, connected_is_told_and_what_was_put_goes_then);
	tcase_add_test(tc, end_may_be_said_before_the_connection_is_there);
	tcase_add_test(tc, refused_connection_is_told);
	tcase_add_test(tc, file_is_no_stream);
	return runner_run("stream", tc);
}
