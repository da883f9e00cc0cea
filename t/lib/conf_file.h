/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_file: a configuration file of each test's own, at path from setup to
 * teardown.
 */
#ifndef XC_T_CONF_FILE_H
#define XC_T_CONF_FILE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"

static char	 path[] = "conf_file.XXXXXX";

static inline void
setup(void)
{
	int	 fd;

	strcpy(path, "conf_file.XXXXXX");
	fd = mkstemp(path);
	ck_assert(fd != -1);
	close(fd);
}

static inline void
teardown(void)
{
	unlink(path);
}

static inline void
write_bytes(const char *bytes, size_t n)
{
	FILE	*fp = fopen(path, "w");

	ck_assert_ptr_nonnull(fp);
	ck_assert(fwrite(bytes, 1, n, fp) == n);
	ck_assert(fclose(fp) == 0);
}

static inline struct conf *
load(const char *text, struct err *err)
{
	write_bytes(text, strlen(text));
	err->text[0] = '\0';
	return conf_load(path, err);
}

static inline struct conf *
load_good(const char *text)
{
	struct err	 err;
	struct conf	*conf = load(text, &err);

	ck_assert_msg(conf != NULL, "%s: %s", text, err.text);
	return conf;
}

/* want: how the error begins behind the file's name. */
static inline void
check_refused(const char *name, const char *text, const char *want)
{
	struct err	 err;
	struct conf	*conf = load(text, &err);
	size_t		 n = strlen(path);

	ck_assert_msg(conf == NULL, "%s: taken", name);
	ck_assert_msg(strncmp(err.text, path, n) == 0 &&
	    strncmp(err.text + n, want, strlen(want)) == 0,
	    "%s: got \"%s\", want \"%s%s...\"", name, err.text, path, want);
}

/* What conf_print writes; the caller frees it. */
static inline char *
printed(const struct conf *conf)
{
	char	*text = NULL;
	size_t	 n;
	FILE	*fp = open_memstream(&text, &n);

	ck_assert_ptr_nonnull(fp);
	conf_print(conf, fp);
	ck_assert(fclose(fp) == 0);
	return text;
}

#endif
