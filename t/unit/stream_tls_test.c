/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * stream_tls_test: streams that become TLS, on both ends or on one.
 */
#include "smtp/stream.h"

#include <sys/socket.h>

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "t/lib/certificate.h"
#include "t/lib/runner.h"
#include "t/lib/stream_end.h"
#include "t/lib/tempdir.h"

/* Of two idle ends.  A buffer would be 16 KiB more; OpenSSL 3.5 keeps what it
 * made of ML-KEM as long as the connection. */
#define IDLE_MAX	\
	((OPENSSL_VERSION_NUMBER >= 0x30500000L ? 72U : 44U) * 1024)

static char			dir[TEMPDIR_SIZE];
static struct certificate	ca, server;
static SSL_CTX			*server_ctx, *client_ctx, *strict_ctx;

static void
make_all(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	tempdir_make(dir);
	certificate_make(&ca, dir, "ca", NULL, "CA", 2, NULL);
	certificate_make(&server, dir, "server", &ca, "mx", 2,
	    "DNS:mx.example.com");
	server_ctx = tls_server_new(server.cert_file, server.key_file, NULL,
	    NULL);
	client_ctx = tls_client_new(ca.cert_file, NULL);
	/* It has never heard of that CA. */
	strict_ctx = tls_client_new("", NULL);
}

static void
free_all(void)
{
	tls_free(server_ctx);
	tls_free(client_ctx);
	tls_free(strict_ctx);
	certificate_free(&ca);
	certificate_free(&server);
	tempdir_remove(dir);
}

/* b is the server, in every test. */
static void
begin(struct pair *p, SSL_CTX *ctx)
{
	stream_secure(&p->a.stream, tls_connect_new(ctx, p->a.stream.fd,
	    "mx.example.com", TLS_VERIFY));
	stream_secure(&p->b.stream, tls_accept_new(server_ctx,
	    p->b.stream.fd));
}

static void
open_secure_pair(struct pair *p)
{
	open_pair(p);
	begin(p, client_ctx);
	ck_assert_uint_eq(p->a.n[STREAM_SECURED] + p->b.n[STREAM_SECURED], 0);
	turn_until(p->base, &p->a.n[STREAM_SECURED], 1);
	turn_until(p->base, &p->b.n[STREAM_SECURED], 1);
}

START_TEST(handshake_is_told_once)
{
	struct pair		 p;
	struct tls_peer	 peer;

	open_secure_pair(&p);
	turn(p.base);
	ck_assert_uint_eq(p.a.n[STREAM_SECURED], 1);
	ck_assert_uint_eq(p.b.n[STREAM_SECURED], 1);
	tls_peer_read(p.a.stream.ssl, &peer);
	ck_assert(peer.is_verified);
	stream_want_read(&p.a.stream, true);
	stream_want_read(&p.b.stream, true);
	ck_assert(stream_put(&p.a.stream, span_of("EHLO a\r\n"), false));
	ck_assert(stream_put(&p.b.stream, span_of("250 b\r\n"), false));
	turn_until_read(p.base, &p.b, 8);
	turn_until_read(p.base, &p.a, 7);
	ck_assert_str_eq(p.b.in, "EHLO a\r\n");
	ck_assert_str_eq(p.a.in, "250 b\r\n");
	ck_assert_ptr_null(p.a.stream.out);
	close_pair(&p);
}
END_TEST

START_TEST(starttls_after_words_in_the_clear)
{
	struct pair	 p;

	open_pair(&p);
	stream_want_read(&p.a.stream, true);
	stream_want_read(&p.b.stream, true);
	ck_assert(stream_put(&p.a.stream, span_of("STARTTLS\r\n"), false));
	turn_until_read(p.base, &p.b, 10);
	ck_assert(stream_put(&p.b.stream, span_of("220 go\r\n"), false));
	turn_until_read(p.base, &p.a, 8);
	p.a.n[STREAM_READABLE] = p.b.n[STREAM_READABLE] = 0;
	begin(&p, client_ctx);
	/* Put before the handshake is done, and not sent in the clear. */
	ck_assert(stream_put(&p.a.stream, span_of("EHLO a\r\n"), false));
	ck_assert(stream_flush(&p.a.stream));
	ck_assert_uint_eq(stream_pending(&p.a.stream), 8);
	turn_until(p.base, &p.b.n[STREAM_SECURED], 1);
	turn_until_read(p.base, &p.b, 18);
	turn_until(p.base, &p.a.n[STREAM_DRAINED], 1);
	ck_assert_str_eq(p.b.in, "STARTTLS\r\nEHLO a\r\n");
	close_pair(&p);
}
END_TEST

static const struct transfer_row {
	size_t	 len, piece, read_size;
	bool	 is_more, is_tiny;
} rows[] = {
	{ 3000000,	3000000,	65536,	false,	false },
	{ 3000000,	3000000,	65536,	true,	true },
	{ 300000,	4096,		1000,	false,	true },
	{ 300000,	4097,		16384,	true,	true },
	{ 300000,	16385,		7,	false,	false },
	{ 100000,	7,		512,	true,	true },
	{ 100000,	7,		16384,	false,	true },
	{ 20000,	1,		1,	true,	false },
};

/* Both at once, so that each has to write while it reads. */
START_TEST(much_goes_both_ways)
{
	const struct transfer_row	*r = &rows[_i];
	struct pair			 p;

	open_secure_pair(&p);
	if (r->is_tiny)
		tiny_buffers(&p);
	p.a.read_size = p.b.read_size = r->read_size;
	stream_want_read(&p.a.stream, true);
	stream_want_read(&p.b.stream, true);
	put_all(&p.a.stream, r->len, r->piece, r->is_more);
	put_all(&p.b.stream, r->len, r->piece, r->is_more);
	ck_assert(stream_flush(&p.a.stream));
	ck_assert(stream_flush(&p.b.stream));
	turn_until_read(p.base, &p.b, r->len);
	turn_until_read(p.base, &p.a, r->len);
	check_filled(&p.a, r->len);
	check_filled(&p.b, r->len);
	turn(p.base);
	ck_assert_ptr_null(p.a.stream.out);
	ck_assert_uint_eq(p.a.n[STREAM_FAILED] + p.b.n[STREAM_FAILED], 0);
	close_pair(&p);
}
END_TEST

START_TEST(what_is_decrypted_is_told_without_the_socket)
{
	struct pair	 p;

	open_secure_pair(&p);
	p.b.read_size = 100;
	p.b.is_off_at_read = true;
	put_all(&p.a.stream, 1000, 1000, false);
	stream_want_read(&p.b.stream, true);
	turn_until_read(p.base, &p.b, 100);
	turn(p.base);
	ck_assert_uint_eq(p.b.in_len, 100);
	ck_assert_int_eq(SSL_pending(p.b.stream.ssl), 900);
	/* Nobody sends any more. */
	stream_want_read(&p.b.stream, true);
	ck_assert_uint_eq(p.b.n[STREAM_READABLE], 1);
	turn_until_read(p.base, &p.b, 200);
	p.b.is_off_at_read = false;
	stream_want_read(&p.b.stream, true);
	turn_until_read(p.base, &p.b, 1000);
	turn(p.base);
	ck_assert_uint_eq(p.b.n[STREAM_READABLE], 10);
	close_pair(&p);
}
END_TEST

START_TEST(what_is_taken_already_is_not_told)
{
	struct pair	 p;
	char		 buf[1000];
	size_t		 n;

	open_secure_pair(&p);
	p.b.read_size = 100;
	put_all(&p.a.stream, 1000, 1000, false);
	stream_want_read(&p.b.stream, true);
	/* Both what has been activated and the rest in one go. */
	p.b.is_off_at_read = true;
	turn_until_read(p.base, &p.b, 100);
	stream_want_read(&p.b.stream, true);
	ck_assert_int_eq(stream_read(&p.b.stream, buf, sizeof buf, &n),
	    STREAM_OK);
	ck_assert_uint_eq(n, 900);
	turn(p.base);
	turn(p.base);
	ck_assert_uint_eq(p.b.n[STREAM_READABLE], 1);
	close_pair(&p);
}
END_TEST

START_TEST(end_of_one_direction_leaves_the_other)
{
	struct pair	 p;
	int		 i;

	open_secure_pair(&p);
	/* An end that is not said would be an error. */
	(void)SSL_clear_options(p.b.stream.ssl, SSL_OP_IGNORE_UNEXPECTED_EOF);
	stream_want_read(&p.a.stream, true);
	stream_want_read(&p.b.stream, true);
	ck_assert(stream_put(&p.a.stream, span_of("QUIT\r\n"), true));
	stream_shutdown(&p.a.stream);
	for (i = 0; i < TURNS_MAX && p.b.last != STREAM_EOF; i++)
		turn(p.base);
	ck_assert_int_eq(p.b.last, STREAM_EOF);
	ck_assert_str_eq(p.b.in, "QUIT\r\n");
	put_all(&p.b.stream, 200000, 200000, false);
	turn_until_read(p.base, &p.a, 200000);
	check_filled(&p.a, 200000);
	stream_shutdown(&p.b.stream);
	for (i = 0; i < TURNS_MAX && p.a.last != STREAM_EOF; i++)
		turn(p.base);
	ck_assert_int_eq(p.a.last, STREAM_EOF);
	close_pair(&p);
}
END_TEST

START_TEST(end_comes_behind_what_is_kept)
{
	struct pair	 p;
	int		 i;

	open_secure_pair(&p);
	tiny_buffers(&p);
	put_all(&p.a.stream, 500000, 500000, false);
	stream_shutdown(&p.a.stream);
	ck_assert_uint_gt(stream_pending(&p.a.stream), 0);
	stream_want_read(&p.b.stream, true);
	for (i = 0; i < TURNS_MAX && p.b.last != STREAM_EOF; i++)
		turn(p.base);
	ck_assert_int_eq(p.b.last, STREAM_EOF);
	check_filled(&p.b, 500000);
	close_pair(&p);
}
END_TEST

START_TEST(closing_says_the_end)
{
	struct pair	 p;

	open_secure_pair(&p);
	/* An end that is not said would be an error. */
	(void)SSL_clear_options(p.a.stream.ssl, SSL_OP_IGNORE_UNEXPECTED_EOF);
	stream_want_read(&p.a.stream, true);
	stream_close(&p.b.stream);
	turn_until(p.base, &p.a.n[STREAM_READABLE], 1);
	ck_assert_int_eq(p.a.last, STREAM_EOF);
	close_pair(&p);
}
END_TEST

START_TEST(peer_that_just_hangs_up_is_an_end)
{
	struct pair	 p;

	open_secure_pair(&p);
	stream_want_read(&p.a.stream, true);
	ck_assert_int_eq(shutdown(p.b.stream.fd, SHUT_RDWR), 0);
	turn_until(p.base, &p.a.n[STREAM_READABLE], 1);
	ck_assert_int_eq(p.a.last, STREAM_EOF);
	ck_assert(!stream_put(&p.a.stream, span_of("x"), false));
	ck_assert_str_eq(stream_why(&p.a.stream), "TLS write: Broken pipe");
	close_pair(&p);
}
END_TEST

START_TEST(certificate_that_is_not_verified_fails_both)
{
	struct pair	 p;
	int		 i;

	open_pair(&p);
	stream_want_read(&p.b.stream, true);
	begin(&p, strict_ctx);
	turn_until(p.base, &p.a.n[STREAM_FAILED], 1);
	ck_assert_str_eq(stream_why(&p.a.stream), "TLS handshake: certificate "
	    "verify failed (unable to get local issuer certificate)");
	for (i = 0; i < TURNS_MAX && p.b.n[STREAM_FAILED] == 0 &&
	    p.b.last != STREAM_ERROR; i++)
		turn(p.base);
	ck_assert(strstr(stream_why(&p.b.stream), "unknown ca") != NULL);
	ck_assert_uint_eq(p.a.n[STREAM_SECURED], 0);
	ck_assert(!stream_put(&p.a.stream, span_of("x"), false));
	close_pair(&p);
}
END_TEST

START_TEST(peer_that_knows_no_tls_fails_the_handshake)
{
	static const struct {
		const char	*say, *want;
	}		 talk_rows[] = {
		{ "EHLO there\r\n", "TLS handshake: wrong version number" },
		{ "", "TLS handshake: connection closed" },
		{ "\x16\x03\x01", "TLS handshake: connection closed" },
	};
	struct pair	 p;

	open_pair(&p);
	stream_secure(&p.b.stream, tls_accept_new(server_ctx,
	    p.b.stream.fd));
	turn(p.base);
	ck_assert_uint_eq(p.b.n[STREAM_FAILED], 0);
	ck_assert(stream_put(&p.a.stream, span_of(talk_rows[_i].say), false));
	stream_shutdown(&p.a.stream);
	turn_until(p.base, &p.b.n[STREAM_FAILED], 1);
	turn(p.base);
	ck_assert_uint_eq(p.b.n[STREAM_FAILED], 1);
	ck_assert_str_eq(stream_why(&p.b.stream), talk_rows[_i].want);
	close_pair(&p);
}
END_TEST

START_TEST(words_in_the_clear_must_have_gone_before)
{
	struct pair	 p;

	open_pair(&p);
	ck_assert(stream_put(&p.b.stream, span_of("220 go\r\n"), true));
	stream_secure(&p.b.stream, tls_accept_new(server_ctx,
	    p.b.stream.fd));
	ck_assert_uint_eq(p.b.n[STREAM_FAILED], 0);
	turn_until(p.base, &p.b.n[STREAM_FAILED], 1);
	ck_assert_uint_eq(p.b.n[STREAM_SECURED], 0);
	close_pair(&p);
}
END_TEST

START_TEST(function_may_close_at_secured_and_readable)
{
	struct pair	 p;

	open_pair(&p);
	p.a.close_at = STREAM_SECURED;
	begin(&p, client_ctx);
	turn_until(p.base, &p.a.n[STREAM_SECURED], 1);
	turn(p.base);
	close_pair(&p);
	open_secure_pair(&p);
	p.b.close_at = STREAM_READABLE;
	p.b.read_size = 10;	/* more is decrypted: it would be told again */
	stream_want_read(&p.b.stream, true);
	put_all(&p.a.stream, 1000, 1000, false);
	turn_until(p.base, &p.b.n[STREAM_READABLE], 1);
	turn(p.base);
	ck_assert_uint_eq(p.b.n[STREAM_READABLE], 1);
	close_pair(&p);
}
END_TEST

START_TEST(idle_loop_sleeps)
{
	struct pair	 p;
	struct timeval	 wait = { 0, 50000 };
	int		 i;

	open_secure_pair(&p);
	stream_want_read(&p.a.stream, true);
	stream_want_read(&p.b.stream, true);
	put_all(&p.a.stream, 100000, 100000, false);
	turn_until_read(p.base, &p.b, 100000);
	turn(p.base);
	ck_assert_int_eq(event_base_loopexit(p.base, &wait), 0);
	for (i = 0; !event_base_got_exit(p.base); i++)
		(void)event_base_loop(p.base, EVLOOP_ONCE);
	ck_assert_int_le(i, 3);
	close_pair(&p);
}
END_TEST

/* Words in both directions, so that tickets and all else have been read. */
static void
talk(struct pair *p)
{
	stream_want_read(&p->a.stream, true);
	stream_want_read(&p->b.stream, true);
	ck_assert(stream_put(&p->a.stream, span_of("EHLO a\r\n"), false));
	turn_until_read(p->base, &p->b, 8);
	ck_assert(stream_put(&p->b.stream, span_of("250 b\r\n"), false));
	turn_until_read(p->base, &p->a, 7);
}

START_TEST(idle_ends_keep_no_buffers)
{
	struct pair	 first, p;
	size_t		 before;

	/* What OpenSSL needs once is there before. */
	open_secure_pair(&first);
	talk(&first);
	before = mallinfo2().uordblks;
	open_secure_pair(&p);
	talk(&p);
	ck_assert_uint_lt(mallinfo2().uordblks - before, IDLE_MAX);
	close_pair(&p);
	close_pair(&first);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("stream_tls");

	tcase_add_unchecked_fixture(tc, make_all, free_all);
	tcase_add_test(tc, handshake_is_told_once);
	tcase_add_test(tc, starttls_after_words_in_the_clear);
	tcase_add_loop_test(tc, much_goes_both_ways, 0, NELEM(rows));
	tcase_add_test(tc, what_is_decrypted_is_told_without_the_socket);
	tcase_add_test(tc, what_is_taken_already_is_not_told);
	tcase_add_test(tc, end_of_one_direction_leaves_the_other);
	tcase_add_test(tc, end_comes_behind_what_is_kept);
	tcase_add_test(tc, closing_says_the_end);
	tcase_add_test(tc, peer_that_just_hangs_up_is_an_end);
	tcase_add_test(tc, certificate_that_is_not_verified_fails_both);
	tcase_add_loop_test(tc, peer_that_knows_no_tls_fails_the_handshake, 0,
	    3);
	tcase_add_test(tc, words_in_the_clear_must_have_gone_before);
	tcase_add_test(tc, function_may_close_at_secured_and_readable);
	tcase_add_test(tc, idle_loop_sleeps);
	tcase_add_test(tc, idle_ends_keep_no_buffers);
	return runner_run("stream_tls", tc);
}
