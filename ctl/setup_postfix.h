/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_postfix: what is set up at a Postfix, whether xcontext is asked by it
 * or stands before or behind it: which instance is meant, and what it says of
 * its files.
 *
 * Private to setup*.c.
 */
#ifndef XC_CTL_SETUP_POSTFIX_H
#define XC_CTL_SETUP_POSTFIX_H

#include "setup_check.h"

extern const struct setup_subject	 setup_postfix;

/* Reads the instance that the options mean, or else the only one that takes
 * mail by SMTP.  Exits if there is none such. */
void	setup_postfix_read(struct setup *setup);

/* Finds the one that was changed, and sets its directory alone. */
void	setup_postfix_locate(struct setup *setup);

/* Reads it again, and has Postfix check it.  0, or -1 with err. */
int	setup_postfix_verify(struct setup *setup, struct err *err);

/* "postfix COMMAND" of that instance.  0, or -1 with err. */
int	setup_postfix_command(struct setup *setup, const char *command,
	    struct err *err);

/*
 * Looks by fn at each instance that the options mean, and prints what is found;
 * none and its cost are a finding if no instance is wired.  Returns the exit
 * status.
 */
typedef void	setup_postfix_fn(struct setup_check *check);
int	setup_postfix_check(struct setup *setup, setup_postfix_fn *fn,
	    const char *none, const char *cost);

/* A socket of the configuration, "unix:/path", as that Postfix's services name
 * it, in a chroot or not where it can be: "unix:xcontext/maps". */
const char	*setup_postfix_socket(struct setup *setup, const char *listen);

/*
 * The path that a service of Postfix opens for "unix:PATH"; NULL: it is no such
 * socket.
 */
const char	*setup_postfix_opened(struct setup *setup, bool is_chrooted,
		    struct span socket);

#endif
