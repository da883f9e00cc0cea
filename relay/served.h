/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * served: a configuration made ready to be served: host names found, TLS
 * contexts loaded.  Sessions hold a reference; a reload makes another one.
 */
#ifndef XC_RELAY_SERVED_H
#define XC_RELAY_SERVED_H

#include <openssl/types.h>

#include "conf/conf.h"
#include "conf/conf_relay.h"

struct served_relay {
	const struct conf_relay	*conf;
	char			 hostname[256];
	SSL_CTX			*tls;		/* NULL: not offered */
};

struct served;

/* Takes the caller's reference to conf, also if it fails.  NULL with err: a
 * certificate cannot be read ... */
struct served	*served_new(struct conf *conf, struct err *err);
struct served	*served_ref(struct served *served);
void		 served_unref(struct served *served);	/* NULL is allowed */

struct conf	*served_conf(const struct served *served);

/* The i-th relay; NULL behind the last. */
const struct served_relay	*served_relay(const struct served *served,
			    unsigned i);
/* NULL: there is none of that name. */
const struct served_relay	*served_relay_find(const struct served *served,
			    const char *name);

/*
 * True if a relay sends anybody's mail anywhere: it goes to domains that nobody
 * has named, and strangers may reach it, as it listens on another address than
 * a loopback or a private one, or on a name that is not localhost.
 */
bool		 served_is_open_relay(const struct conf_relay *relay);

/* The client's side of TLS, with these CA certificates (NULL, "": the
 * system's); loaded at the first use and then kept.  NULL with err. */
SSL_CTX		*served_client_tls(struct served *served,
    const char *ca_file,
		    struct err *err);

#endif
