/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * ctl: see ctl.h.  Root has no business in the store: files that it made there
 * would be root's, and the daemons could not use them.
 */
#include "ctl.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/in_force.h"
#include "daemon/privdrop.h"

void
ctl_die(int status, const char *fmt, ...)
{
	va_list	 ap;

	fprintf(stderr, "%s: ", CTL_PROGRAM);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	exit(status);
}

void
ctl_cannot_tell(const struct err *err)
{
	ctl_die(CTL_CANNOT_TELL, "%s", err->text);
}

struct conf *
ctl_conf(struct ctl *ctl)
{
	struct err	 err;

	if (ctl->conf != NULL)
		return ctl->conf;
	ctl->conf = in_force_load(ctl->file, IN_FORCE_LOOK, &err);
	if (ctl->conf == NULL)
		ctl_die(EX_CONFIG, "%s", err.text);
	if (ctl->conf->trial.warning.text[0] != '\0')
		fprintf(stderr, "%s: %s\n", CTL_PROGRAM,
		    ctl->conf->trial.warning.text);
	return ctl->conf;
}

/* The daemons make the store; there is none before one was started. */
static void
check_there(const char *url)
{
	const char	*path = strncmp(url, "lmdb:", 5) == 0 ? url + 5 : url;
	struct stat	 st;

	if (stat(path, &st) == -1)
		ctl_die(EX_UNAVAILABLE, "%s: %s; the daemons make it when "
		    "they start", url, strerror(errno));
}

struct store *
ctl_store(struct ctl *ctl)
{
	const struct conf	*conf = ctl_conf(ctl);
	struct err		 err;

	if (ctl->store != NULL)
		return ctl->store;
	check_there(conf->store);
	if (geteuid() == 0 && privdrop(conf->user, &err) != 0)
		ctl_die(EX_NOPERM, "%s", err.text);
	ctl->store = store_open(conf->store, conf->limits.store_size,
	    conf->state_directory, &err);
	if (ctl->store == NULL)
		ctl_die(EX_UNAVAILABLE, "%s", err.text);
	return ctl->store;
}
