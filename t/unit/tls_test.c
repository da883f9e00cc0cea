/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * tls_test: both sides' contexts, talking to each other over a socket pair, and
 * what each learns of the other.
 */
#include "smtp/tls.h"

#include <sys/socket.h>

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "t/lib/certificate.h"
#include "t/lib/runner.h"
#include "t/lib/tempdir.h"

#define STEPS_MAX	100

static char			dir[TEMPDIR_SIZE];
static struct certificate	ca, other_ca, server, named_by_cn, client,
				stranger, nul, nameless;

static void
make_all(void)
{

	(void)signal(SIGPIPE, SIG_IGN);
	tempdir_make(dir);
	certificate_make(&ca, dir, "ca", NULL, "CA", 2, NULL);
	certificate_make(&other_ca, dir, "other-ca", NULL, "Other", 5, NULL);
	certificate_make(&server, dir, "server", &ca, "cn.example.com", 14,
	    "DNS:mx.example.com,DNS:*.example.net,IP:192.0.2.1,"
	    "IP:2001:db8::1");
	certificate_make(&named_by_cn, dir, "named-by-cn", &ca,
	    "cn.example.com", 14, NULL);
	certificate_make(&client, dir, "client", &ca, "edge-1", 6, NULL);
	certificate_make(&stranger, dir, "stranger", &other_ca, "edge-1", 6,
	    NULL);
	certificate_make(&nul, dir, "nul", &ca, "edge-1\0.example", 15, NULL);
	certificate_make(&nameless, dir, "nameless", &ca, "", 0, NULL);
}

static void
free_all(void)
{
	certificate_free(&ca);
	certificate_free(&other_ca);
	certificate_free(&server);
	certificate_free(&named_by_cn);
	certificate_free(&client);
	certificate_free(&stranger);
	certificate_free(&nul);
	certificate_free(&nameless);
	tempdir_remove(dir);
}

/* One connection within this process. */
struct link {
	SSL_CTX	*server_ctx, *client_ctx;
	SSL	*server, *client;
	int	 fd[2];
};

static void
open_contexts(struct link *l, const struct certificate *cert,
    const char *client_ca)
{
	struct err	 err = { "" };

	l->server_ctx = tls_server_new(cert->cert_file, cert->key_file,
	    client_ca, &err);
	ck_assert_msg(l->server_ctx != NULL, "%s", err.text);
	l->client_ctx = tls_client_new(ca.cert_file, &err);
	ck_assert_msg(l->client_ctx != NULL, "%s", err.text);
}

static void
open_link(struct link *l, const char *name, enum tls_level level)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    l->fd), 0);
	l->server = tls_accept_new(l->server_ctx, l->fd[0]);
	l->client = tls_connect_new(l->client_ctx, l->fd[1], name, level);
	ck_assert_ptr_nonnull(l->server);
	ck_assert_ptr_nonnull(l->client);
}

static void
close_link(struct link *l)
{
	/* Else OpenSSL takes the session for a broken one. */
	SSL_set_shutdown(l->client, SSL_SENT_SHUTDOWN);
	SSL_free(l->server);
	SSL_free(l->client);
	(void)close(l->fd[0]);
	(void)close(l->fd[1]);
}

static void
close_contexts(struct link *l)
{
	tls_free(l->server_ctx);
	tls_free(l->client_ctx);
}

static bool
is_fatal(SSL *ssl, int result)
{
	int	 error = SSL_get_error(ssl, result);

	return result != 1 && error != SSL_ERROR_WANT_READ &&
	    error != SSL_ERROR_WANT_WRITE;
}

/* True: both sides have agreed. */
static bool
shake_hands(struct link *l)
{
	int	 i, a = 0, b = 0;

	for (i = 0; i < STEPS_MAX && (a != 1 || b != 1); i++) {
		ERR_clear_error();
		a = SSL_do_handshake(l->client);
		if (is_fatal(l->client, a))
			return false;
		b = SSL_do_handshake(l->server);
		if (is_fatal(l->server, b))
			return false;
	}
	return a == 1 && b == 1;
}

static const struct name_row {
	const char			*name;
	const struct certificate	*cert;
	bool				 want;
} name_rows[] = {
	{ "mx.example.com",	&server,	true },
	{ "MX.Example.Com",	&server,	true },
	{ "mx.example.com.",	&server,	true },
	{ "a.example.net",	&server,	true },
	{ "a.b.example.net",	&server,	false },
	{ "example.net",	&server,	false },
	{ "mx2.example.com",	&server,	false },
	{ "x.mx.example.com",	&server,	false },
	{ "cn.example.com",	&server,	false },	/* RFC 6125 */
	{ "cn.example.com",	&named_by_cn,	true },
	{ "192.0.2.1",		&server,	true },
	{ "192.0.2.2",		&server,	false },
	{ "2001:db8::1",	&server,	true },
	{ "2001:db8::2",	&server,	false },
};

START_TEST(name_is_verified)
{
	const struct name_row	*r = &name_rows[_i];
	struct link		 l;
	struct tls_peer	 peer;
	bool			 is_agreed;

	open_contexts(&l, r->cert, NULL);
	open_link(&l, r->name, TLS_VERIFY);
	is_agreed = shake_hands(&l);
	ck_assert_msg(is_agreed == r->want, "%s: %d", r->name, is_agreed);
	close_link(&l);
	/* With less than verify it is known, but no reason to fail. */
	open_link(&l, r->name, TLS_ENCRYPT);
	ck_assert_msg(shake_hands(&l), "%s: encrypt", r->name);
	tls_peer_read(l.client, &peer);
	ck_assert_msg(peer.is_verified == r->want, "%s: encrypt", r->name);
	close_link(&l);
	close_contexts(&l);
}
END_TEST

START_TEST(unknown_issuer_is_not_verified)
{
	struct link		 l;
	struct tls_peer	 peer;

	open_contexts(&l, &stranger, NULL);
	open_link(&l, "edge-1", TLS_VERIFY);
	ck_assert(!shake_hands(&l));
	ck_assert_int_ne(SSL_get_verify_result(l.client), X509_V_OK);
	close_link(&l);
	open_link(&l, "edge-1", TLS_MAY);
	ck_assert(shake_hands(&l));
	tls_peer_read(l.client, &peer);
	ck_assert(!peer.is_verified);
	ck_assert_str_ne(peer.fingerprint, "");
	close_link(&l);
	close_contexts(&l);
}
END_TEST

START_TEST(verify_needs_a_name)
{
	struct link	 l;

	open_contexts(&l, &server, NULL);
	ck_assert_ptr_null(tls_connect_new(l.client_ctx, 0, NULL, TLS_VERIFY));
	ck_assert_ptr_null(tls_connect_new(l.client_ctx, 0, "", TLS_VERIFY));
	open_link(&l, NULL, TLS_ENCRYPT);
	ck_assert(shake_hands(&l));
	close_link(&l);
	close_contexts(&l);
}
END_TEST

START_TEST(server_name_is_sent_but_no_address)
{
	struct link	 l;

	open_contexts(&l, &server, NULL);
	open_link(&l, "mx.example.com.", TLS_MAY);
	ck_assert(shake_hands(&l));
	ck_assert_str_eq(SSL_get_servername(l.server,
	    TLSEXT_NAMETYPE_host_name), "mx.example.com");
	close_link(&l);
	open_link(&l, "192.0.2.1", TLS_MAY);
	ck_assert(shake_hands(&l));
	ck_assert_ptr_null(SSL_get_servername(l.server,
	    TLSEXT_NAMETYPE_host_name));
	close_link(&l);
	close_contexts(&l);
}
END_TEST

/* As openssl(1) says it. */
static void
read_openssl_fingerprint(const char *file, char *text, size_t size)
{
	char	 command[256];
	FILE	*in;

	(void)snprintf(command, sizeof command,
	    "openssl x509 -in %s -noout -fingerprint -sha256 | sed 's/.*=//'",
	    file);
	in = popen(command, "r");
	ck_assert_ptr_nonnull(in);
	ck_assert_ptr_nonnull(fgets(text, (int)size, in));
	text[strcspn(text, "\n")] = '\0';
	(void)pclose(in);
}

static const struct client_row {
	const char			*name;
	const struct certificate	*cert;		/* NULL: none */
	const char			*want_common_name;
	bool				 want_verified;
} client_rows[] = {
	{ "of our CA",		&client,	"edge-1",	true },
	{ "of another CA",	&stranger,	"edge-1",	false },
	{ "NUL in its name",	&nul,		"",		true },
	{ "no name",		&nameless,	"",		true },
	{ "none",		NULL,		"",		false },
};

static void
check_client(const struct client_row *r, const struct tls_peer *peer)
{
	char	 fingerprint[256] = "";

	ck_assert_msg(peer->is_verified == r->want_verified, "%s", r->name);
	ck_assert_str_eq(peer->common_name, r->want_common_name);
	if (r->cert != NULL)
		read_openssl_fingerprint(r->cert->cert_file, fingerprint,
		    sizeof fingerprint);
	ck_assert_str_eq(peer->fingerprint, fingerprint);
	ck_assert_str_eq(peer->version, "TLSv1.3");
	ck_assert(strncmp(peer->cipher, "TLS_", 4) == 0);
}

START_TEST(client_certificate_is_a_fact)
{
	const struct client_row	*r = &client_rows[_i];
	struct link		 l;
	struct tls_peer	 peer;

	open_contexts(&l, &server, ca.cert_file);
	open_link(&l, "mx.example.com", TLS_VERIFY);
	if (r->cert != NULL) {
		ck_assert_int_eq(SSL_use_certificate(l.client, r->cert->x509),
		    1);
		ck_assert_int_eq(SSL_use_PrivateKey(l.client, r->cert->key),
		    1);
	}
	ck_assert_msg(shake_hands(&l), "%s", r->name);
	tls_peer_read(l.server, &peer);
	check_client(r, &peer);
	close_link(&l);
	close_contexts(&l);
}
END_TEST

START_TEST(certificate_is_not_asked_for_without_a_ca)
{
	struct link		 l;
	struct tls_peer	 peer;

	open_contexts(&l, &server, "");
	open_link(&l, "mx.example.com", TLS_VERIFY);
	(void)SSL_use_certificate(l.client, client.x509);
	(void)SSL_use_PrivateKey(l.client, client.key);
	ck_assert(shake_hands(&l));
	tls_peer_read(l.server, &peer);
	ck_assert_str_eq(peer.fingerprint, "");
	ck_assert(!peer.is_verified);
	tls_peer_read(l.client, &peer);
	ck_assert_str_eq(peer.common_name, "cn.example.com");
	ck_assert(peer.is_verified);
	close_link(&l);
	close_contexts(&l);
}
END_TEST

/* The client's session after its tickets have come. */
static SSL_SESSION *
take_session(struct link *l)
{
	char	 c;

	ck_assert_int_eq(SSL_write(l->server, "x", 1), 1);
	ck_assert_int_eq(SSL_read(l->client, &c, 1), 1);
	return SSL_get1_session(l->client);
}

START_TEST(resumed_session_keeps_the_facts)
{
	struct link		 l;
	struct tls_peer	 peer;
	SSL_SESSION		*session;
	bool			 is_stranger = _i == 1;
	const struct certificate *cert = is_stranger ? &stranger : &client;

	open_contexts(&l, &server, ca.cert_file);
	if (_i == 2)
		SSL_CTX_set_max_proto_version(l.client_ctx, TLS1_2_VERSION);
	open_link(&l, "mx.example.com", TLS_VERIFY);
	(void)SSL_use_certificate(l.client, cert->x509);
	(void)SSL_use_PrivateKey(l.client, cert->key);
	ck_assert(shake_hands(&l));
	session = take_session(&l);
	close_link(&l);
	open_link(&l, "mx.example.com", TLS_VERIFY);
	ck_assert_int_eq(SSL_set_session(l.client, session), 1);
	SSL_SESSION_free(session);
	ck_assert(shake_hands(&l));
	ck_assert(SSL_session_reused(l.server));
	tls_peer_read(l.server, &peer);
	ck_assert(peer.is_verified == !is_stranger);
	ck_assert_str_eq(peer.common_name, "edge-1");
	close_link(&l);
	close_contexts(&l);
}
END_TEST

START_TEST(renegotiation_is_refused)
{
	struct link	 l;
	char		 buf[16];
	int		 i, n = 0;

	open_contexts(&l, &server, NULL);
	SSL_CTX_set_max_proto_version(l.client_ctx, TLS1_2_VERSION);
	(void)SSL_CTX_clear_options(l.client_ctx, SSL_OP_NO_RENEGOTIATION);
	open_link(&l, NULL, TLS_MAY);
	ck_assert(shake_hands(&l));
	ck_assert_int_eq(SSL_renegotiate(l.client), 1);
	for (i = 0; i < STEPS_MAX; i++) {
		ERR_clear_error();
		n = SSL_do_handshake(l.client);
		if (is_fatal(l.client, n))
			break;
		(void)SSL_read(l.server, buf, sizeof buf);
	}
	ck_assert(is_fatal(l.client, n));
	ck_assert_int_eq(ERR_GET_REASON(ERR_peek_error()),
	    SSL_R_NO_RENEGOTIATION);
	close_link(&l);
	close_contexts(&l);
}
END_TEST

START_TEST(old_versions_are_refused)
{
	struct link	 l;
	int		 version[] = { TLS1_VERSION, TLS1_1_VERSION,
			    TLS1_2_VERSION };

	open_contexts(&l, &server, NULL);
	SSL_CTX_set_security_level(l.client_ctx, 0);
	SSL_CTX_set_security_level(l.server_ctx, 0);
	(void)SSL_CTX_set_min_proto_version(l.client_ctx, TLS1_VERSION);
	(void)SSL_CTX_set_max_proto_version(l.client_ctx, version[_i]);
	open_link(&l, NULL, TLS_MAY);
	ck_assert(shake_hands(&l) == (version[_i] == TLS1_2_VERSION));
	close_link(&l);
	close_contexts(&l);
}
END_TEST

/* Files that do not do; the text begins with the one that is meant. */
START_TEST(bad_files_are_refused)
{
	struct err	 err = { "" };
	char		 missing[128], want[256];

	(void)snprintf(missing, sizeof missing, "%s/missing.pem", dir);
	(void)snprintf(want, sizeof want, "%s: No such file or directory",
	    missing);
	ck_assert_ptr_null(tls_server_new(missing, server.key_file, NULL,
	    &err));
	ck_assert_str_eq(err.text, want);
	ck_assert_ptr_null(tls_server_new(server.cert_file, missing, NULL,
	    &err));
	ck_assert_str_eq(err.text, want);
	ck_assert_ptr_null(tls_server_new(server.cert_file, server.key_file,
	    missing, &err));
	ck_assert_str_eq(err.text, want);
	ck_assert_ptr_null(tls_client_new(missing, &err));
	ck_assert_str_eq(err.text, want);
	ck_assert_ptr_null(tls_server_new(server.cert_file, client.key_file,
	    NULL, &err));
	(void)snprintf(want, sizeof want, "%s: key values mismatch",
	    client.key_file);
	ck_assert_str_eq(err.text, want);
	ck_assert_ptr_null(tls_server_new(server.key_file, server.key_file,
	    NULL, &err));
	ck_assert(strstr(err.text, "no start line") != NULL);
	ck_assert_uint_eq(ERR_peek_error(), 0);
}
END_TEST

START_TEST(locked_key_asks_nobody)
{
	struct err	 err = { "" };
	char		 path[128];
	FILE		*out;

	(void)snprintf(path, sizeof path, "%s/locked.key", dir);
	out = fopen(path, "w");
	ck_assert(out != NULL && PEM_write_PrivateKey(out, server.key,
	    EVP_aes_128_cbc(), (const unsigned char *)"secret", 6, NULL,
	    NULL) == 1 && fclose(out) == 0);
	ck_assert_ptr_null(tls_server_new(server.cert_file, path, NULL, &err));
	ck_assert_str_ne(err.text, "");
}
END_TEST

START_TEST(system_certificates_may_be_used)
{
	SSL_CTX	*ctx = tls_client_new("", NULL);

	ck_assert_ptr_nonnull(ctx);
	tls_free(ctx);
	tls_free(NULL);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("tls");

	tcase_add_unchecked_fixture(tc, make_all, free_all);
	tcase_add_loop_test(tc, name_is_verified, 0, NELEM(name_rows));
	tcase_add_test(tc, unknown_issuer_is_not_verified);
	tcase_add_test(tc, verify_needs_a_name);
	tcase_add_test(tc, server_name_is_sent_but_no_address);
	tcase_add_loop_test(tc, client_certificate_is_a_fact, 0,
	    NELEM(client_rows));
	tcase_add_test(tc, certificate_is_not_asked_for_without_a_ca);
	tcase_add_loop_test(tc, resumed_session_keeps_the_facts, 0, 3);
	tcase_add_test(tc, renegotiation_is_refused);
	tcase_add_loop_test(tc, old_versions_are_refused, 0, 3);
	tcase_add_test(tc, bad_files_are_refused);
	tcase_add_test(tc, locked_key_asks_nobody);
	tcase_add_test(tc, system_certificates_may_be_used);
	return runner_run("tls", tc);
}
