/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_sendmail: xcontext-milter(8) as a milter of Sendmail, by sendmail.mc,
 * from which m4 makes sendmail.cf.
 *
 * Private to setup*.c.
 */
#ifndef XC_CTL_SETUP_SENDMAIL_H
#define XC_CTL_SETUP_SENDMAIL_H

#include "mc.h"
#include "setup_check.h"
#include "setup_plan.h"

#define SETUP_SENDMAIL_NAME	"xcontext"	/* of the filter */

extern const struct setup_subject	 setup_sendmail;

/* "sendmail.mc" and "sendmail.cf" of the directory, without links. */
const char	*setup_sendmail_file(struct setup *setup, const char *name);

/* Where xcontext-milter listens, as Sendmail writes it: "unix:/path",
 * "inet:port@host". */
const char	*setup_sendmail_socket(struct setup *setup, const char *listen);

/* Looks at the Sendmail of the directory. */
void	setup_sendmail_look(struct setup_check *check);

/* The first directory above a path that others than its owner may write to, so
 * that Sendmail uses no socket there; NULL: none. */
const char	*setup_sendmail_open(struct setup *setup, const char *path);

#endif
