/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * daemon_check: what a configuration must be besides loadable, so that a daemon
 * can go by it.
 */
#ifndef XC_DAEMON_CHECK_H
#define XC_DAEMON_CHECK_H

#include "conf/conf.h"

/* User and group are there.  0, or -1 with err. */
int	daemon_check_names(const struct conf *conf, struct err *err);

/* What root can read, the user that the daemon becomes perhaps cannot: loads
 * file as that user, in another process.  False: it cannot, which standard
 * error has been told. */
bool	daemon_check_user(const struct conf *conf, const char *file);

#endif
