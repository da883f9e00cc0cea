/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_make: a configuration whose store is in a test's own directory.
 */
#ifndef XC_T_CONF_MAKE_H
#define XC_T_CONF_MAKE_H

#include <check.h>
#include <stdio.h>

#include "conf/conf.h"
#include "tempdir.h"

/* With these settings besides. */
static inline struct conf *
conf_make(const char *dir, const char *settings)
{
	char		 path[TEMPDIR_SIZE + 8];
	struct conf	*conf;
	struct err	 err;
	FILE		*out;

	(void)snprintf(path, sizeof path, "%s/conf", dir);
	out = fopen(path, "w");
	ck_assert_ptr_nonnull(out);
	(void)fprintf(out, "store = \"lmdb:%s/store\" "
	    "state_directory = \"%s\"\nuser = \"\"\n%s", dir, dir,
	    settings);
	ck_assert_int_eq(fclose(out), 0);
	conf = conf_load(path, &err);
	ck_assert_msg(conf != NULL, "%s", err.text);
	return conf;
}

#endif
