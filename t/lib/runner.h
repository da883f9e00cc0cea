/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * runner: what a test program's main() does with its one case.
 *
 * Check gives each test a process of its own.  With AddressSanitizer each of
 * them would end with a search of all its memory for leaks, which takes ten
 * times what the test does; there one process runs them all, and one search
 * finds what any of them left, unless CK_FORK says otherwise.
 */
#ifndef XC_T_RUNNER_H
#define XC_T_RUNNER_H

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#define NELEM(a)	((int)(sizeof(a) / sizeof((a)[0])))

/* Seconds: what hangs is ended, what a busy machine makes slow is not. */
#define RUNNER_TEST_MAX	120
#define RUNNER_ALL_MAX	600

#ifndef __has_feature
#define __has_feature(x)	0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define RUNNER_FINDS_LEAKS	1
#else
#define RUNNER_FINDS_LEAKS	0
#endif

/* As runner_run, each test in a process of its own, whatever is built. */
static inline int
runner_run_apart(const char *name, TCase *tc)
{
	Suite	*s = suite_create(name);
	SRunner	*sr;
	int	 nfailed;

	tcase_set_timeout(tc, RUNNER_TEST_MAX);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	nfailed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return nfailed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Runs the case as a suite of that name; returns main()'s result. */
static inline int
runner_run(const char *name, TCase *tc)
{
	if (RUNNER_FINDS_LEAKS) {
		(void)setenv("CK_FORK", "no", 0);
		(void)alarm(RUNNER_ALL_MAX);
	}
	return runner_run_apart(name, tc);
}

#endif
