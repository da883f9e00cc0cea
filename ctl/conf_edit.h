/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_edit: a change in the text of xcontext.conf(5), all else of which stays
 * as it is.
 */
#ifndef XC_CTL_CONF_EDIT_H
#define XC_CTL_CONF_EDIT_H

#include "pool.h"

/*
 * The text, of a configuration that can be loaded, with that value of a setting
 * of a section that has no title; in the pool.  NULL: the value has characters
 * that cannot be quoted.
 */
const char	*conf_edit_set(struct pool *pool, const char *text,
		    const char *section, const char *setting,
		    const char *value);

#endif
