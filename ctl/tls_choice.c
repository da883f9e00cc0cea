/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * tls_choice: see tls_choice.h.
 */
#include "tls_choice.h"

#include <sysexits.h>

#include "ctl.h"

void
tls_choice_read(struct tls_choice *choice, const char *starttls,
    const char *tls, const char *ca, const char *verify)
{
	*choice = (struct tls_choice){ .is_starttls = starttls != NULL,
	    .is_first = tls != NULL, .ca = ca, .verify = verify };
	if (choice->is_starttls && choice->is_first)
		ctl_die(EX_USAGE, "--starttls and --tls are two ways");
	if (!choice->is_starttls && !choice->is_first &&
	    (ca != NULL || verify != NULL))
		ctl_die(EX_USAGE,
		    "--ca and --verify go with --starttls or --tls");
}

int
tls_choice_make(const struct tls_choice *choice,
    struct smtp_client_options *options, struct err *err)
{
	if (!choice->is_starttls && !choice->is_first)
		return 0;
	options->tls = tls_client_new(choice->ca, err);
	if (options->tls == NULL)
		return -1;
	options->is_tls_first = choice->is_first;
	options->tls_level = choice->verify != NULL ? TLS_VERIFY : TLS_ENCRYPT;
	options->tls_name = choice->verify;
	return 0;
}
