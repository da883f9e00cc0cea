/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * runner: what a test program's main() does with its one case.
 */
#ifndef XC_T_RUNNER_H
#define XC_T_RUNNER_H

#include <check.h>
#include <stdlib.h>

#define NELEM(a)	((int)(sizeof(a) / sizeof((a)[0])))

/* Runs the case as a suite of that name; returns main()'s result. */
static inline int
runner_run(const char *name, TCase *tc)
{
	Suite	*s = suite_create(name);
	SRunner	*sr;
	int	 nfailed;

	/* What hangs is ended, what a busy machine makes slow is not. */
	tcase_set_timeout(tc, 120);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	nfailed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return nfailed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
