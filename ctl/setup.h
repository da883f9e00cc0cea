/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup: what the parts of "xcontext setup postfix" are given.
 *
 * Private to setup*.c.
 */
#ifndef XC_CTL_SETUP_H
#define XC_CTL_SETUP_H

#include "ctl.h"
#include "postfix.h"

/* In the order of the verb's options. */
enum setup_option {
	SETUP_PLAN, SETUP_APPLY, SETUP_CHECK, SETUP_UNDO,
	SETUP_DIRECTORY, SETUP_INSTANCE, SETUP_WIRING, SETUP_BIND, SETUP_PORT,
	SETUP_MESSENGERS, SETUP_PUBLIC, SETUP_FORCE, SETUP_RELOAD
};

struct setup {
	struct ctl		*ctl;
	const struct conf	*conf;
	struct pool		 pool;
	struct postfix		 pf;
};

/* A socket of the configuration, "unix:/path", as that Postfix's services name
 * it, in a chroot or not where it can be: "unix:xcontext/maps". */
const char	*setup_socket(struct setup *setup, const char *listen);

/*
 * The path that a service of Postfix opens for "unix:PATH"; NULL: it is no such
 * socket.
 */
const char	*setup_opened(struct setup *setup, bool is_chrooted,
		    struct span socket);

/* A path of the configuration's "unix:/path"; NULL: it is no such socket. */
const char	*setup_path(const char *listen);

/* Any file, whole, in the pool; exits if it cannot be read. */
const char	*setup_read(struct setup *setup, const char *path);

#endif
