/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * site: a configuration made ready to be served: host names found, TLS
 * contexts loaded.  Sessions hold a reference; a reload makes another one.
 */
#ifndef XC_RELAY_SITE_H
#define XC_RELAY_SITE_H

#include <openssl/types.h>

#include "conf/conf.h"
#include "conf/conf_relay.h"

struct site_relay {
	const struct conf_relay	*conf;
	char			 hostname[256];
	SSL_CTX			*tls;		/* NULL: not offered */
};

struct site;

/* Takes the caller's reference to conf, also if it fails.  NULL with err: a
 * certificate cannot be read ... */
struct site	*site_new(struct conf *conf, struct err *err);
struct site	*site_ref(struct site *site);
void		 site_unref(struct site *site);	/* NULL is allowed */

struct conf	*site_conf(const struct site *site);

/* The i-th relay; NULL behind the last. */
const struct site_relay	*site_relay(const struct site *site, unsigned i);
/* NULL: there is none of that name. */
const struct site_relay	*site_relay_find(const struct site *site,
			    const char *name);

/*
 * True if a relay sends anybody's mail anywhere: it goes to domains that nobody
 * has named, and strangers may reach it, as it listens on another address than
 * a loopback or a private one, or on a name that is not localhost.
 */
bool		 site_is_open_relay(const struct conf_relay *relay);

/* The client's side of TLS, with these CA certificates (NULL, "": the
 * system's); loaded at the first use and then kept.  NULL with err. */
SSL_CTX		*site_client_tls(struct site *site, const char *ca_file,
		    struct err *err);

#endif
