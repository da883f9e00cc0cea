/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * revocation_test: whose rights are revoked, and what that makes of the mail of
 * a session whose record another program keeps.
 */
#include "session/revocation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/lib/runner.h"
#include "t/lib/tempdir.h"

#define ID	"01ARZ3NDEKTSV4RRFFQ69G5FAV"
#define NOW_MS	1000

static char		 dir[TEMPDIR_SIZE];
static struct store	*store;
static struct trust	*trust;
static struct session	 s;
static struct err	 err;

static void
add_profile(const struct trust_profile_def *def)
{
	ck_assert_int_eq(trust_add_profile(trust, def, &err), 0);
}

static void
setup(void)
{
	char	 url[sizeof dir + 16];

	tempdir_make(dir);
	(void)snprintf(url, sizeof url, "lmdb:%s/store", dir);
	store = store_open(url, 4, dir, &err);
	ck_assert_msg(store != NULL, "%s", err.text);
	trust = trust_new();
	add_profile(&(struct trust_profile_def){ .name = "edge",
	    .always_allow = true, .on_violation = VERDICT_REJECT });
	add_profile(&(struct trust_profile_def){ .name = "trial",
	    .report_only = true });
	add_profile(&(struct trust_profile_def){ .name = "none" });
	session_init(&s);
	ck_assert(address_parse(span_of("192.0.2.1"), &s.peer));
	memcpy(s.id, ID, sizeof ID);
}

static void
teardown(void)
{
	session_clear(&s);
	trust_free(trust);
	store_close(store);
	tempdir_remove(dir);
}

static const struct find_row {
	const char		*profile;	/* NULL: none */
	const char		*revoked;
	enum store_result	 want;
} find_rows[] = {
	{ "edge", NULL, STORE_NONE },
	{ "edge", "peer=192.0.2.1", STORE_FOUND },
	{ "edge", "peer=192.0.2.2", STORE_NONE },
	{ "edge", "network=192.0.2.0/24", STORE_FOUND },
	{ "edge", "profile=edge", STORE_FOUND },
	{ "edge", "profile=trial", STORE_NONE },
	{ "edge", "session=" ID, STORE_FOUND },
	{ "edge", "session=01ARZ3NDEKTSV4RRFFQ69G5FAW", STORE_NONE },
	{ "trial", "profile=trial", STORE_FOUND },
	{ "none", "peer=192.0.2.1", STORE_NONE },
	{ NULL, "peer=192.0.2.1", STORE_NONE },
};

START_TEST(finding)
{
	const struct find_row		*r = &find_rows[_i];
	const struct trust_profile	*profile = r->profile == NULL ? NULL :
					     trust_profile_find(trust,
					     r->profile);

	if (r->revoked != NULL)
		ck_assert_int_eq(store_revoke(store, &(struct store_revocation){
		    .what = r->revoked }, &err), 0);
	ck_assert_msg(revocation_find(store, &s, profile, NOW_MS, &err) ==
	    r->want, "%s, %s", r->profile == NULL ? "no profile" : r->profile,
	    r->revoked == NULL ? "nothing" : r->revoked);
}
END_TEST

START_TEST(what_it_makes_of_mail)
{
	revocation_apply(&s, trust_profile_find(trust, "none"));
	ck_assert_int_eq(s.refused, VERDICT_PERMIT);
	revocation_apply(&s, trust_profile_find(trust, "edge"));
	ck_assert_int_eq(s.refused, VERDICT_REJECT);
	ck_assert_int_eq(s.refused_reason, REASON_REVOKED);
	ck_assert_str_eq(s.refused_text, REVOCATION_TEXT);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("revocation");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, finding, 0, NELEM(find_rows));
	tcase_add_test(tc, what_it_makes_of_mail);
	return runner_run("revocation", tc);
}
