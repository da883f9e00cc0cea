/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * certificate: see certificate.h.
 */
#include "t/lib/certificate.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static void
certificate_extend(X509 *x509, int nid, const char *value)
{
	X509_EXTENSION	*ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	if (ext == NULL || X509_add_ext(x509, ext, -1) != 1)
		abort();
	X509_EXTENSION_free(ext);
}

static void
certificate_write(struct certificate *c, const char *dir, const char *file)
{
	FILE	*out;

	(void)snprintf(c->cert_file, sizeof c->cert_file, "%s/%s.pem", dir,
	    file);
	(void)snprintf(c->key_file, sizeof c->key_file, "%s/%s.key", dir, file);
	out = fopen(c->cert_file, "w");
	if (out == NULL || PEM_write_X509(out, c->x509) != 1 ||
	    fclose(out) != 0)
		abort();
	out = fopen(c->key_file, "w");
	if (out == NULL || PEM_write_PrivateKey(out, c->key, NULL, NULL, 0,
	    NULL, NULL) != 1 || fclose(out) != 0)
		abort();
}

void
certificate_make(struct certificate *c, const char *dir, const char *file,
    const struct certificate *issuer, const char *common_name, size_t n,
    const char *names)
{
	X509_NAME	*subject;

	c->key = EVP_EC_gen("P-256");
	c->x509 = X509_new();
	if (c->key == NULL || c->x509 == NULL)
		abort();
	subject = X509_get_subject_name(c->x509);
	(void)X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_ASC,
	    (const unsigned char *)file, -1, -1, 0);
	if (n > 0 && X509_NAME_add_entry_by_txt(subject, "CN",
	    V_ASN1_UTF8STRING, (const unsigned char *)common_name, (int)n, -1,
	    0) != 1)
		abort();
	(void)X509_set_version(c->x509, X509_VERSION_3);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(c->x509), 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(c->x509), -3600);
	(void)X509_gmtime_adj(X509_getm_notAfter(c->x509), 86400);
	(void)X509_set_pubkey(c->x509, c->key);
	(void)X509_set_issuer_name(c->x509, issuer == NULL ? subject :
	    X509_get_subject_name(issuer->x509));
	if (issuer == NULL)
		certificate_extend(c->x509, NID_basic_constraints,
		    "critical,CA:TRUE");
	if (names != NULL)
		certificate_extend(c->x509, NID_subject_alt_name, names);
	if (X509_sign(c->x509, issuer == NULL ? c->key : issuer->key,
	    EVP_sha256()) == 0)
		abort();
	certificate_write(c, dir, file);
}

void
certificate_free(struct certificate *c)
{
	EVP_PKEY_free(c->key);
	X509_free(c->x509);
}
