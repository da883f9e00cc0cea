/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_fixture: a store, by default in a directory of the test's own, and what
 * a test's children and threads may do with it: Check's own assertions may not
 * be called from there.
 */
#ifndef XC_T_STORE_FIXTURE_H
#define XC_T_STORE_FIXTURE_H

#include <sys/wait.h>

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "session/store.h"
#include "tempdir.h"

static char		 dir[TEMPDIR_SIZE];
static char		 url[256];
static struct store	*store;
static struct err	 err;

static inline void
must(bool is_so)
{
	if (!is_so)
		abort();
}

/* In memory, where there is such a place: what is revoked is synced, for which
 * a disk takes its time. */
static inline void
setup_directory(void)
{
	if (access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 0);
	tempdir_make(dir);
	(void)snprintf(url, sizeof url, "lmdb:%s/store", dir);
}

static inline struct store *
open_store(unsigned size_mib)
{
	struct store	*opened = store_open(url, size_mib, dir, &err);

	must(opened != NULL);
	return opened;
}

/* "" is none. */
static inline struct address
addr_of(const char *text)
{
	struct address	 addr = { .family = AF_UNSPEC };

	must(*text == '\0' || address_parse(span_of(text), &addr));
	return addr;
}

/* Not for children. */
static inline void
check_same(const struct session *s, const struct session *t)
{
	static char	 one[SESSION_RECORD_MAX], two[SESSION_RECORD_MAX];
	size_t		 n = session_encode(s, one, sizeof one);

	ck_assert_uint_gt(n, 0);
	ck_assert_uint_eq(session_encode(t, two, sizeof two), n);
	ck_assert_mem_eq(one, two, n);
}

/* Not for children; the child must end well. */
static inline void
wait_for(pid_t child)
{
	int	 status;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "child: status %#x", (unsigned)status);
}

#endif
