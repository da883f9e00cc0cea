/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * tls: TLS contexts of both sides, by OpenSSL, and what is learnt of a peer.
 *
 * TLS 1.2 is the least; renegotiation is refused; idle connections give their
 * buffers back (SSL_MODE_RELEASE_BUFFERS); sessions are resumed by tickets
 * only.
 */
#ifndef XC_TLS_H
#define XC_TLS_H

#include <openssl/types.h>

#include "base/address.h"
#include "base/err.h"

#define TLS_FINGERPRINT_SIZE	(32 * 3)	/* SHA-256 as "AB:CD:...", NUL */
#define TLS_NAME_SIZE		256

/* What Postfix's smtp_tls_security_level calls none, may, encrypt, verify. */
enum tls_level { TLS_NO, TLS_MAY, TLS_ENCRYPT, TLS_VERIFY };

/*
 * The server's side: certificate chain and key (PEM files).  client_ca: a file
 * of CA certificates by which clients' certificates, which are then asked for
 * but need not be given, are verified; NULL or "": none are asked for.  NULL
 * with err: a file cannot be read, or key and certificate do not fit.
 */
SSL_CTX	*tls_server_new(const char *certificate, const char *key,
	    const char *client_ca, struct err *err);

/*
 * The client's side.  ca_file NULL or "": the system's CA certificates.
 * NULL with err.
 */
SSL_CTX	*tls_client_new(const char *ca_file, struct err *err);

/* Has a client's context show a certificate (and its chain; PEM files) where one
 * is asked for.  0, or -1 with err. */
int	 tls_client_show(SSL_CTX *ctx, const char *certificate,
	    const char *key, struct err *err);

void	 tls_free(SSL_CTX *ctx);	/* NULL is allowed */

/*
 * A connection's state; server name: for SNI and to be found in the certificate
 * (RFC 6125; a bare IP address is compared as such), without which the
 * handshake fails with TLS_VERIFY, and is_verified is false with the others.
 * NULL: out of memory, or no name that a host could have, or none with
 * TLS_VERIFY.
 */
SSL	*tls_accept_new(SSL_CTX *ctx, int fd);
SSL	*tls_connect_new(SSL_CTX *ctx, int fd, const char *server_name,
	    enum tls_level level);

struct tls_peer {
	char	 version[16];		/* "TLSv1.3" */
	char	 cipher[64];
	bool	 is_verified;		/* the peer's certificate was given,
					 * and verified (a server's: with the
					 * name, if one was given) */
	char	 fingerprint[TLS_FINGERPRINT_SIZE];	/* "": no certificate;
					 * SHA-256, of one that need not be
					 * verified */
	char	 common_name[TLS_NAME_SIZE];	/* "": none, or it held NUL or
					 * was too long; UTF-8, hostile */
};

/* After the handshake. */
void	tls_peer_read(const SSL *ssl, struct tls_peer *peer_r);

/* Why the last operation on this thread failed, in OpenSSL's words; empties the
 * error queue. */
void	tls_error(struct err *err, const char *what);

#endif
