/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * descriptors: a host on which no more files can be opened, for a while.
 */
#ifndef XC_T_DESCRIPTORS_H
#define XC_T_DESCRIPTORS_H

#include <sys/resource.h>

#include <check.h>
#include <unistd.h>

#define DESCRIPTORS_MAX	8

static rlim_t	descriptors_were;

/* From now on just so many more can be opened (at most DESCRIPTORS_MAX). */
static inline void
descriptors_leave(unsigned n)
{
	int		 fds[DESCRIPTORS_MAX + 1];
	struct rlimit	 limit;
	unsigned	 i;

	for (i = 0; i <= n; i++) {
		fds[i] = dup(0);
		ck_assert_int_ne(fds[i], -1);
	}
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	descriptors_were = limit.rlim_cur;
	limit.rlim_cur = (rlim_t)fds[n];
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (i = 0; i <= n; i++)
		(void)close(fds[i]);
}

static inline void
descriptors_free(void)
{
	struct rlimit	 limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = descriptors_were;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

#endif
