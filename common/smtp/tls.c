/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * tls: see tls.h.  A client's certificate that cannot be verified ends nothing:
 * that is a fact about the client (is_verified), and its fingerprint counts all
 * the same, for whoever has put that into a table has verified it himself.  A
 * key that needs a passphrase is refused: a daemon has nobody to ask.
 */
#include "smtp/tls.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* Tickets are good for the context that gave them. */
#define SESSION_CONTEXT	"xcontext"

void
tls_error(struct err *err, const char *what)
{
	unsigned long	 code = ERR_get_error();
	const char	*why;

	/* The first error is the cause, the others are who passed it on. */
	why = code == 0 ? "unknown error" : ERR_SYSTEM_ERROR(code) ?
	    strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
	(void)err_set(err, "%s: %s", what, why == NULL ? "unknown error" : why);
	ERR_clear_error();
}

static int
fail(struct err *err, const char *what)
{
	tls_error(err, what);
	return -1;
}

/* A daemon has nobody to ask. */
static int
no_passphrase(char *buf, int size, int is_writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)is_writing;
	(void)arg;
	return 0;
}

/* Whether a client's certificate is good is a fact about it, and no reason to
 * refuse the connection. */
static int
accept_any(int is_ok, X509_STORE_CTX *store)
{
	(void)is_ok;
	(void)store;
	return 1;
}

static SSL_CTX *
new_context(const SSL_METHOD *method, struct err *err)
{
	SSL_CTX	*ctx;

	ERR_clear_error();
	ctx = SSL_CTX_new(method);
	if (ctx == NULL ||
	    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_session_id_context(ctx,
	    (const unsigned char *)SESSION_CONTEXT,
	    sizeof SESSION_CONTEXT - 1) != 1) {
		tls_error(err, "TLS");
		SSL_CTX_free(ctx);
		return NULL;
	}
	/* SMTP knows by itself where it ends. */
	(void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION |
	    SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	(void)SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	return ctx;
}

static int
load_key(SSL_CTX *ctx, const char *certificate, const char *key,
    struct err *err)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1)
		return fail(err, certificate);
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(ctx) != 1)
		return fail(err, key);
	return 0;
}

static int
ask_for_certificates(SSL_CTX *ctx, const char *client_ca, struct err *err)
{
	STACK_OF(X509_NAME)	*names = SSL_load_client_CA_file(client_ca);

	if (names == NULL)
		return fail(err, client_ca);
	SSL_CTX_set_client_CA_list(ctx, names);
	if (SSL_CTX_load_verify_file(ctx, client_ca) != 1)
		return fail(err, client_ca);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, accept_any);
	return 0;
}

static bool
is_given(const char *name)
{
	return name != NULL && *name != '\0';
}

SSL_CTX *
tls_server_new(const char *certificate, const char *key,
    const char *client_ca, struct err *err)
{
	SSL_CTX	*ctx = new_context(TLS_server_method(), err);

	if (ctx == NULL)
		return NULL;
	(void)SSL_CTX_set_dh_auto(ctx, 1);
	if (load_key(ctx, certificate, key, err) != 0 ||
	    (is_given(client_ca) &&
	    ask_for_certificates(ctx, client_ca, err) != 0)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

SSL_CTX *
tls_client_new(const char *ca_file, struct err *err)
{
	SSL_CTX	*ctx = new_context(TLS_client_method(), err);
	int	 is_ok;

	if (ctx == NULL)
		return NULL;
	is_ok = is_given(ca_file) ? SSL_CTX_load_verify_file(ctx, ca_file) :
	    SSL_CTX_set_default_verify_paths(ctx);
	if (is_ok == 1)
		return ctx;
	tls_error(err, is_given(ca_file) ? ca_file : "CA certificates");
	SSL_CTX_free(ctx);
	return NULL;
}

int
tls_client_show(SSL_CTX *ctx, const char *certificate, const char *key,
    struct err *err)
{
	return load_key(ctx, certificate, key, err);
}

void
tls_free(SSL_CTX *ctx)
{
	SSL_CTX_free(ctx);
}

static SSL *
new_connection(SSL_CTX *ctx, int fd)
{
	SSL	*ssl = SSL_new(ctx);

	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		ERR_clear_error();
		return NULL;
	}
	return ssl;
}

SSL *
tls_accept_new(SSL_CTX *ctx, int fd)
{
	SSL	*ssl = new_connection(ctx, fd);

	if (ssl != NULL)
		SSL_set_accept_state(ssl);
	return ssl;
}

/* Says what the server's certificate has to name. */
static bool
expect_name(SSL *ssl, const char *server_name)
{
	X509_VERIFY_PARAM	*param = SSL_get0_param(ssl);
	struct address		 addr;
	char			 name[TLS_NAME_SIZE];
	size_t			 n = strlen(server_name);

	if (address_parse(span_of(server_name), &addr))
		return X509_VERIFY_PARAM_set1_ip_asc(param, server_name) == 1;
	/* Names of certificates and of SNI have no dot at the end. */
	if (n > 1 && server_name[n - 1] == '.')
		n--;
	if (n >= sizeof name)
		return false;
	(void)snprintf(name, sizeof name, "%.*s", (int)n, server_name);
	X509_VERIFY_PARAM_set_hostflags(param,
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1 &&
	    SSL_set_tlsext_host_name(ssl, name) == 1;
}

SSL *
tls_connect_new(SSL_CTX *ctx, int fd, const char *server_name,
    enum tls_level level)
{
	SSL	*ssl;

	if (level == TLS_VERIFY && !is_given(server_name))
		return NULL;
	ssl = new_connection(ctx, fd);
	if (ssl == NULL)
		return NULL;
	SSL_set_connect_state(ssl);
	SSL_set_verify(ssl, level == TLS_VERIFY ? SSL_VERIFY_PEER :
	    SSL_VERIFY_NONE, NULL);
	if (!is_given(server_name) || expect_name(ssl, server_name))
		return ssl;
	SSL_free(ssl);
	ERR_clear_error();
	return NULL;
}

static void
read_fingerprint(const X509 *cert, char text_r[TLS_FINGERPRINT_SIZE])
{
	unsigned char	 digest[EVP_MAX_MD_SIZE];
	unsigned	 i, n = 0;

	text_r[0] = '\0';
	if (X509_digest(cert, EVP_sha256(), digest, &n) != 1 ||
	    n * 3 > TLS_FINGERPRINT_SIZE)
		return;
	for (i = 0; i < n; i++)
		(void)snprintf(text_r + i * 3, 4, "%02X%s", digest[i],
		    i + 1 < n ? ":" : "");
}

/* A name that is not whole is none: what is cut off might be what makes the
 * difference. */
static void
read_common_name(const X509 *cert, char text_r[TLS_NAME_SIZE])
{
	const X509_NAME		*name = X509_get_subject_name(cert);
	int			 at, n;
	unsigned char		*utf8 = NULL;
	const X509_NAME_ENTRY	*entry;

	text_r[0] = '\0';
	at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	if (at < 0)
		return;
	entry = X509_NAME_get_entry(name, at);
	n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
	if (n > 0 && n < TLS_NAME_SIZE &&
	    memchr(utf8, '\0', (size_t)n) == NULL) {
		memcpy(text_r, utf8, (size_t)n);
		text_r[n] = '\0';
	}
	OPENSSL_free(utf8);
}

void
tls_peer_read(const SSL *ssl, struct tls_peer *peer_r)
{
	const X509	*cert = SSL_get0_peer_certificate(ssl);

	*peer_r = (struct tls_peer){ .version = "" };
	(void)snprintf(peer_r->version, sizeof peer_r->version, "%s",
	    SSL_get_version(ssl));
	(void)snprintf(peer_r->cipher, sizeof peer_r->cipher, "%s",
	    SSL_get_cipher_name(ssl));
	if (cert == NULL)
		return;
	peer_r->is_verified = SSL_get_verify_result(ssl) == X509_V_OK;
	read_fingerprint(cert, peer_r->fingerprint);
	read_common_name(cert, peer_r->common_name);
	ERR_clear_error();
}
