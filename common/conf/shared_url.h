/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * shared_url: reads where the engine is that several hosts share.
 *
 *	redis://user@host:6379,host:6379/0	one of these is the master
 *	rediss://user@host/0			the same, with TLS
 *	redis://host:26379,host/0?sentinel=NAME	these are sentinels
 *	redis+unix://user@/path?database=0	a socket
 *
 * It looks nothing up.  It is strict, and a password in it is an error: what
 * stands in the configuration is printed, logged and shown.
 */
#ifndef XC_SHARED_URL_H
#define XC_SHARED_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

#define SHARED_URL_HOSTS_MAX	16
#define SHARED_URL_NAME_MAX	64	/* of a user, and a sentinel's master */
#define SHARED_URL_PATH_MAX	107	/* of a UNIX-domain socket */
#define SHARED_URL_DATABASE_MAX	65535

struct shared_url_host {
	char		 name[256];	/* as domain_read spells it, or an
					 * address without brackets */
	uint16_t	 port;		/* default 6379; a sentinel's: 26379 */
};

struct shared_url {
	bool			 is_tls;
	char			 path[SHARED_URL_PATH_MAX + 1];	/* "": hosts */
	/* "": the default one. */
	char			 user[SHARED_URL_NAME_MAX + 1];
	/* The name of the master that the hosts, which are sentinels, are
	 * asked for; "": they are none. */
	char			 sentinel[SHARED_URL_NAME_MAX + 1];
	unsigned		 database;	/* default 0 */
	unsigned		 n_hosts;	/* 0: path */
	struct shared_url_host	 hosts[SHARED_URL_HOSTS_MAX];
};

/*
 * 0, or -1 with err, which says what is expected where; it shows nothing of
 * what may be a password.
 */
int	shared_url_parse(struct span text, struct shared_url *url_r,
	    struct err *err);

#endif
