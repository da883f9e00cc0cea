/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * tls_choice: what --starttls, --tls, --ca and --verify say of the TLS with a
 * server.
 */
#ifndef XC_CTL_TLS_CHOICE_H
#define XC_CTL_TLS_CHOICE_H

#include "smtp_client.h"

struct tls_choice {
	bool		 is_starttls;
	bool		 is_first;	/* from the first octet on */
	const char	*ca;		/* NULL: the system's */
	const char	*verify;	/* NULL: any certificate will do */
};

/* Each is the option's argument; NULL: it was not given.  What does not go
 * together ends the program. */
void	tls_choice_read(struct tls_choice *choice, const char *starttls,
	    const char *tls, const char *ca, const char *verify);

/* Sets what a client needs for it; options->tls, if it is not NULL then, is the
 * caller's.  0, or -1: the CA certificates cannot be read. */
int	tls_choice_make(const struct tls_choice *choice,
	    struct smtp_client_options *options, struct err *err);

#endif
