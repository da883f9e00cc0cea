/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * certificate: keys and certificates of a test's own, as PEM files in a
 * directory of its own.
 */
#ifndef XC_T_CERTIFICATE_H
#define XC_T_CERTIFICATE_H

#include <stddef.h>

#include <openssl/types.h>

#define CERTIFICATE_PATH_SIZE	128

struct certificate {
	EVP_PKEY	*key;
	X509		*x509;
	char		 cert_file[CERTIFICATE_PATH_SIZE];
	char		 key_file[CERTIFICATE_PATH_SIZE];
};

/*
 * Makes a key, and a certificate that the issuer has signed; NULL: it signs
 * itself and is a CA.  names is as in openssl.cnf ("DNS:a,IP:192.0.2.1"), NULL:
 * none.  common_name has n bytes; 0: none.  Written to dir as FILE.pem and
 * FILE.key.  Aborts the test if it cannot.
 */
void	 certificate_make(struct certificate *c, const char *dir,
	    const char *file, const struct certificate *issuer,
	    const char *common_name, size_t n, const char *names);

void	 certificate_free(struct certificate *c);

#endif
