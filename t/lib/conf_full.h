/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_full: a configuration that says each setting in another way than its
 * default, and several profiles.
 */
#ifndef XC_T_CONF_FULL_H
#define XC_T_CONF_FULL_H

#include "conf/conf.h"

const char	*conf_full(void);

/* The name of the profile that a peer has in it. */
const char	*conf_full_profile(const struct conf *conf, const char *addr,
		    const char *listener);

#endif
