/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_test: what every back end of the store must do.
 *
 * The first argument is the URL of an empty store of the back end under test;
 * without one it is LMDB in a directory of the test's own.  What is LMDB's alone
 * stands in store_lmdb_test.c.
 */
#include "session/store.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/lib/runner.h"
#include "t/lib/store_fixture.h"
#include "t/lib/store_sessions.h"
#include "t/lib/tempdir.h"

#define PIDS_MAX	64

static const char	*given_url;

static void
setup(void)
{
	setup_directory();
	if (given_url != NULL)
		(void)snprintf(url, sizeof url, "%s", given_url);
	store = open_store(SIZE_MIB);
}

static void
empty_store(void)
{
	char	 what[WHAT_SIZE];
	pid_t	 pid;

	for (pid = 1; pid <= PIDS_MAX; pid++)
		(void)store_delete(store, pid, NULL, &err);
	while (store_each_revoked(store, see_first, what, &err) ==
	    STORE_FOUND)
		must(store_unrevoke(store, what, &err) == 0);
}

static void
teardown(void)
{
	if (given_url != NULL)
		empty_store();
	store_close(store);
	store = NULL;
	tempdir_remove(dir);
}

/*
 * One process
 */

START_TEST(what_was_put_is_got)
{
	struct session	 s, got;

	make(&s, 7, "ID", "2001:db8::9", 100);
	strcpy(s.listener, "edge");
	s.begun_ms = 1;
	s.changed_ms = UINT64_MAX;
	s.client_port = 65535;
	s.is_sealed = true;
	s.refused = VERDICT_REJECT;
	s.refused_reason = REASON_SEALED;
	s.denied_reason = REASON_MALFORMED;
	s.n_audit_dropped = 3;
	ck_assert(session_set_text(&s.peer_name, "mx.example.net") &&
	    session_set_text(&s.profile, "edge") &&
	    session_set_text(&s.rule, "/etc/x:1") &&
	    session_set_text(&s.pending, "XCLIENT PROTO=SMTP") &&
	    session_set_text(&s.refused_text, "no") &&
	    session_set_text(&s.denied_text, "") &&
	    session_audit_add(&s, 9, 5, SESSION_BEGUN, "edge") &&
	    session_audit_add(&s, 9, 6, SESSION_SEALED, "a=b c"));
	ck_assert_int_eq(store_put(store, &s, &err), 0);
	session_init(&got);
	ck_assert_int_eq(store_get(store, 7, &got, &err), STORE_FOUND);
	check_same(&s, &got);
	session_clear(&s);
	session_clear(&got);
}
END_TEST

START_TEST(nothing_is_none)
{
	ck_assert_str_eq(id_of(store, 1), "");
	put(2, "TWO", "198.51.100.2");
	ck_assert_str_eq(id_of(store, 1), "");
	ck_assert_str_eq(id_of(store, 3), "");
}
END_TEST

START_TEST(get_frees_what_the_session_held)
{
	struct session	 s;

	put(1, "ONE", "198.51.100.1");
	make(&s, 2, "OLD", "", 50);
	ck_assert_int_eq(store_get(store, 1, &s, &err), STORE_FOUND);
	ck_assert_str_eq(s.id, "ONE");
	ck_assert_ptr_null(s.override);
	session_clear(&s);
}
END_TEST

START_TEST(a_new_session_replaces_the_old)
{
	put(1, "OLD", "198.51.100.1");
	put(1, "NEW", "198.51.100.2");
	ck_assert_str_eq(id_of(store, 1), "NEW");
	ck_assert_int_eq(try_put(store, 1, "LONG", "", 5000), 0);
	ck_assert_str_eq(id_of(store, 1), "LONG");
	put(1, "SHORT", "");
	ck_assert_str_eq(id_of(store, 1), "SHORT");
}
END_TEST

/* More than a record can hold. */
static const char *
long_text(void)
{
	static char	 text[SESSION_RECORD_MAX + 1];

	memset(text, 'x', SESSION_RECORD_MAX);
	return text;
}

/* A store_change_fn. */
static const struct session *
change(struct session *s, void *arg)
{
	const char	*client = arg;

	s->mails++;
	if (client == NULL)
		ck_assert(session_set_text(&s->override, long_text()));
	else
		(void)address_parse(span_of(client), &s->client);
	return s;
}

static unsigned
mails_of(pid_t pid)
{
	struct session	 s;
	unsigned	 n;

	session_init(&s);
	ck_assert_int_eq(store_get(store, pid, &s, &err), STORE_FOUND);
	n = s.mails;
	session_clear(&s);
	return n;
}

START_TEST(a_change_is_of_that_session_only)
{
	char	 client[] = "198.51.100.7";

	put(1, "ONE", "198.51.100.1");
	put(2, "TWO", "198.51.100.1");
	ck_assert_int_eq(store_change(store, 1, "ONE", change, client, &err),
	    STORE_FOUND);
	ck_assert_int_eq(store_change(store, 1, "ONE", change, client, &err),
	    STORE_FOUND);
	ck_assert_uint_eq(mails_of(1), 2);
	ck_assert_uint_eq(mails_of(2), 0);
	ck_assert_int_eq(store_change(store, 2, "ONE", change, client, &err),
	    STORE_NONE);
	ck_assert_int_eq(store_change(store, 3, "ONE", change, client, &err),
	    STORE_NONE);
	ck_assert_uint_eq(mails_of(2), 0);
	ck_assert_str_eq(id_of(store, 3), "");
	/* What does not fit changes nothing. */
	ck_assert_int_eq(store_change(store, 1, "ONE", change, NULL, &err),
	    STORE_CANNOT_TELL);
	ck_assert_uint_eq(mails_of(1), 2);
	ck_assert_int_eq(store_change(store, 1, "ONE", change, client, &err),
	    STORE_FOUND);
}
END_TEST

START_TEST(delete_takes_that_session_only)
{
	put(1, "ONE", "198.51.100.1");
	put(2, "TWO", "198.51.100.1");
	ck_assert_int_eq(store_delete(store, 1, "OTHER", &err), 0);
	ck_assert_str_eq(id_of(store, 1), "ONE");
	ck_assert_int_eq(store_delete(store, 1, "ONE", &err), 0);
	ck_assert_str_eq(id_of(store, 1), "");
	ck_assert_str_eq(id_of(store, 2), "TWO");
	ck_assert_int_eq(store_delete(store, 2, NULL, &err), 0);
	ck_assert_str_eq(id_of(store, 2), "");
	ck_assert_int_eq(store_delete(store, 2, NULL, &err), 0);
	ck_assert_int_eq(store_delete(store, 2, "TWO", &err), 0);
}
END_TEST

START_TEST(a_record_that_is_too_long_changes_nothing)
{
	put(1, "OLD", "198.51.100.1");
	err.text[0] = '\0';
	ck_assert_int_eq(try_put(store, 1, "BIG", "198.51.100.2",
	    SESSION_RECORD_MAX), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "BIG"));
	ck_assert_str_eq(id_of(store, 1), "OLD");
}
END_TEST

START_TEST(each_sees_all)
{
	struct seen	 seen = { .left = 0 };

	ck_assert_int_eq(store_each(store, see, &seen, &err), STORE_NONE);
	put(1, "A", "198.51.100.1");
	put(2, "B", "");
	put(3, "C", "2001:db8::1");
	ck_assert_int_eq(store_each(store, see, &seen, &err), STORE_FOUND);
	ck_assert_str_eq(seen.ids, "A B C ");
	seen = (struct seen){ .left = 2 };
	ck_assert_int_eq(store_each(store, see, &seen, &err), STORE_FOUND);
	ck_assert_str_eq(seen.ids, "A B ");
}
END_TEST

START_TEST(clients_are_found_where_they_are)
{
	put(1, "A", "198.51.100.1");
	put(2, "B", "198.51.100.1");
	put(3, "C", "198.51.100.2");
	put(4, "D", "");
	check_clients("198.51.100.1", "A B ");
	check_clients("198.51.100.2", "C ");
	check_clients("198.51.100.3", "");
	check_clients("192.0.2.1", "");
	check_clients("", "D ");
	/* One moves, one is replaced in place, one goes. */
	put(1, "A", "198.51.100.2");
	check_clients("198.51.100.1", "B ");
	check_clients("198.51.100.2", "A C ");
	put(2, "E", "198.51.100.1");
	check_clients("198.51.100.1", "E ");
	ck_assert_int_eq(store_delete(store, 3, NULL, &err), 0);
	check_clients("198.51.100.2", "A ");
	put(4, "D", "2001:db8::1");
	check_clients("", "");
	check_clients("2001:db8::1", "D ");
	put(4, "D", "");
	check_clients("2001:db8::1", "");
}
END_TEST

START_TEST(find_client_stops_when_told)
{
	struct address	 addr = addr_of("198.51.100.1");
	struct seen	 seen = { .left = 1 };

	put(1, "A", "198.51.100.1");
	put(2, "B", "198.51.100.1");
	ck_assert_int_eq(store_find_client(store, &addr, see, &seen, &err),
	    STORE_FOUND);
	ck_assert_str_eq(seen.ids, "A ");
}
END_TEST

START_TEST(many_processes_are_kept_apart)
{
	char	 id[ULID_SIZE];
	pid_t	 pid;

	for (pid = 1; pid <= PIDS_MAX; pid++) {
		(void)snprintf(id, sizeof id, "P%ld", (long)pid);
		put(pid, id, pid % 2 == 0 ? "198.51.100.1" : "198.51.100.2");
	}
	for (pid = PIDS_MAX; pid > 0; pid--) {
		(void)snprintf(id, sizeof id, "P%ld", (long)pid);
		ck_assert_str_eq(id_of(store, pid), id);
	}
}
END_TEST

/*
 * Revocations
 */

#define NAME_16	"09._-AZazBbCcDdE"
#define NAME_64	NAME_16 NAME_16 NAME_16 NAME_16

static const struct revoked_row {
	const char	*name, *what;
	uint64_t	 until_ms;
	const char	*peer, *profile;
	uint64_t	 now_ms;
	bool		 want;
} revoked_rows[] = {
	{ "a peer",		"peer=192.0.2.1",	0,
	    "192.0.2.1",	NULL,			1,	true },
	{ "a peer with a profile", "peer=192.0.2.1",	0,
	    "192.0.2.1",	"edge",			1,	true },
	{ "another peer",	"peer=192.0.2.1",	0,
	    "192.0.2.10",	"edge",			1,	false },
	{ "a peer without address", "peer=192.0.2.1",	0,
	    "",			"edge",			1,	false },
	{ "IPv6, written otherwise", "peer=2001:DB8:0:0::9", 0,
	    "2001:db8::9",	NULL,			1,	true },
	{ "IPv4 in IPv6",	"peer=::ffff:192.0.2.1", 0,
	    "192.0.2.1",	NULL,			1,	true },
	{ "a profile",		"profile=edge",		0,
	    "192.0.2.1",	"edge",			1,	true },
	{ "a profile, no address", "profile=edge",	0,
	    "",			"edge",			1,	true },
	{ "no profile",		"profile=edge",		0,
	    "192.0.2.1",	NULL,			1,	false },
	{ "a longer profile",	"profile=edge",		0,
	    "192.0.2.1",	"edge2",		1,	false },
	{ "a shorter profile",	"profile=edge",		0,
	    "192.0.2.1",	"edg",			1,	false },
	{ "a profile in capitals", "profile=edge",	0,
	    "192.0.2.1",	"EDGE",			1,	false },
	{ "a long name",	"profile=" NAME_64,	0,
	    "192.0.2.1",	NAME_64,		1,	true },
	{ "no profile is so long", "profile=" NAME_64,	0,
	    "192.0.2.1",	NAME_64 NAME_64,	1,	false },
	{ "a profile named as a peer", "profile=192.0.2.1", 0,
	    "192.0.2.1",	"edge",			1,	false },
	{ "before its end",	"peer=192.0.2.1",	1000,
	    "192.0.2.1",	NULL,			999,	true },
	{ "at its end",		"peer=192.0.2.1",	1000,
	    "192.0.2.1",	NULL,			1000,	false },
	{ "for good",		"peer=192.0.2.1",	0,
	    "192.0.2.1",	NULL,		UINT64_MAX,	true },
	{ "until far away",	"profile=edge",		UINT64_MAX,
	    "192.0.2.1",	"edge",		UINT64_MAX - 1,	true },
	{ "a profile's end",	"profile=edge",		1000,
	    "192.0.2.1",	"edge",			1001,	false },
};

START_TEST(what_is_revoked)
{
	const struct revoked_row	*r = &revoked_rows[_i];
	bool				 got;

	ck_assert_msg(!is_revoked(store, r->peer, r->profile, r->now_ms),
	    "%s: before", r->name);
	add_revocation(r->what, r->until_ms);
	got = is_revoked(store, r->peer, r->profile, r->now_ms);
	ck_assert_msg(got == r->want, "%s: got %d, want %d", r->name, got,
	    r->want);
	end_revocation(r->what);
	ck_assert_msg(!is_revoked(store, r->peer, r->profile, r->now_ms),
	    "%s: after", r->name);
	end_revocation(r->what);
}
END_TEST

START_TEST(what_cannot_be_revoked)
{
	static const char *const	 rows[] = {
		"", "edge", "192.0.2.1", "profile", "profile=", "peer=",
		"peer=unknown", "peer=edge", "peer=192.0.2.0/24",
		"network=192.0.2.1/24", "network=192.0.2.0/33", "network=edge",
		"network=::/129", "network=", "session=", "session=edge",
		"session=01ARZ3NDEKTSV4RRFFQ69G5FA",
		"session=01arz3ndektsv4rrffq69g5fav",
		"session=01ARZ3NDEKTSV4RRFFQ69G5FAVX",
		"peer=192.0.2.1 ", "peer= 192.0.2.1", "peer=192.0.2.01",
		"PEER=192.0.2.1", "profile=two words", "profile=edge\n",
		"profile=\303\251", "profile=" NAME_64 "x", "login=me",
	};
	char				 what[WHAT_SIZE] = "";
	size_t				 i;

	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		err.text[0] = '\0';
		ck_assert_msg(store_revoke(store, &(struct store_revocation){
		    .what = rows[i] }, &err) == -1,
		    "\"%s\"", rows[i]);
		ck_assert_msg(strstr(err.text, "peer=ADDRESS") != NULL,
		    "\"%s\": %s", rows[i], err.text);
		ck_assert_msg(store_unrevoke(store, rows[i], &err) == -1,
		    "\"%s\": unrevoked", rows[i]);
	}
	ck_assert_msg(store_each_revoked(store, see_first, what, &err) ==
	    STORE_NONE, "%s", what);
}
END_TEST

START_TEST(a_peer_counts_beside_its_profile)
{
	add_revocation("peer=192.0.2.1", 1000);
	add_revocation("profile=edge", 2000);
	ck_assert(is_revoked(store, "192.0.2.1", "edge", 1));
	ck_assert(is_revoked(store, "192.0.2.1", "edge", 1500));
	ck_assert(!is_revoked(store, "192.0.2.1", "edge", 2500));
	end_revocation("profile=edge");
	ck_assert(is_revoked(store, "192.0.2.1", "edge", 1));
	ck_assert(!is_revoked(store, "192.0.2.2", "edge", 1));
}
END_TEST

START_TEST(a_revocation_replaces_the_one_before)
{
	add_revocation("peer=2001:db8::1", 1000);
	add_revocation("peer=2001:DB8::1", 3000);
	ck_assert(is_revoked(store, "2001:db8::1", NULL, 2000));
	add_revocation("peer=2001:db8::1", 0);
	ck_assert(is_revoked(store, "2001:db8::1", NULL, 4000));
	add_revocation("peer=2001:db8::1", 1000);
	ck_assert(!is_revoked(store, "2001:db8::1", NULL, 2000));
	end_revocation("peer=2001:DB8:0::1");
	ck_assert(!is_revoked(store, "2001:db8::1", NULL, 1));
}
END_TEST

static bool
list_revoked(const struct store_revocation *seen, void *arg)
{
	char	*text = arg;
	size_t	 n = strlen(text);

	(void)snprintf(text + n, 256 - n, "%s %llu%s%s\n", seen->what,
	    (unsigned long long)seen->until_ms,
	    seen->reason[0] == '\0' ? "" : " ", seen->reason);
	return true;
}

START_TEST(each_revocation_is_seen)
{
	char	 text[256] = "";

	ck_assert_int_eq(store_each_revoked(store, list_revoked, text, &err),
	    STORE_NONE);
	put(1, "ONE", "198.51.100.1");
	add_revocation("profile=edge", 0);
	add_revocation("peer=192.0.2.1", 1000);
	add_revocation("peer=2001:DB8:0::1", 7);
	add_revocation("network=198.51.100.128/25", 8);
	add_revocation("network=2001:DB8::/32", 9);
	must(store_revoke(store, &(struct store_revocation){
	    .what = "session=01ARZ3NDEKTSV4RRFFQ69G5FAV",
	    .reason = "spam \303\244" }, &err) == 0);
	ck_assert_int_eq(store_each_revoked(store, list_revoked, text, &err),
	    STORE_FOUND);
	ck_assert_str_eq(text, "network=198.51.100.128/25 8\n"
	    "network=2001:db8::/32 9\n"
	    "peer=192.0.2.1 1000\npeer=2001:db8::1 7\n"
	    "profile=edge 0\n"
	    "session=01ARZ3NDEKTSV4RRFFQ69G5FAV 0 spam \303\244\n");
	ck_assert_int_eq(store_each_revoked(store, see_first, text, &err),
	    STORE_FOUND);
	ck_assert_str_eq(text, "network=198.51.100.128/25");
}
END_TEST

static bool
measure_reason(const struct store_revocation *seen, void *arg)
{
	*(size_t *)arg = strlen(seen->reason);
	return true;
}

START_TEST(a_reason_is_cut)
{
	char	 reason[STORE_REASON_SIZE + 100];
	size_t	 n = 0;

	memset(reason, 'r', sizeof reason - 1);
	reason[sizeof reason - 1] = '\0';
	must(store_revoke(store, &(struct store_revocation){
	    .what = "profile=edge", .reason = reason }, &err) == 0);
	ck_assert_int_eq(store_each_revoked(store, measure_reason, &n, &err),
	    STORE_FOUND);
	ck_assert_uint_eq(n, STORE_REASON_SIZE - 1);
	ck_assert(is_revoked(store, "192.0.2.1", "edge", 1));
}
END_TEST

/* Networks of every length, beside and within each other. */
static const struct network_row {
	const char	*networks[4];
	const char	*peer;
	bool		 want;
} network_rows[] = {
	{ { "192.0.2.0/24" }, "192.0.2.255", true },
	{ { "192.0.2.0/24" }, "192.0.3.0", false },
	{ { "192.0.2.0/24" }, "192.0.1.255", false },
	{ { "0.0.0.0/0" }, "203.0.113.9", true },
	{ { "0.0.0.0/0" }, "2001:db8::1", false },
	{ { "::/0" }, "2001:db8::1", true },
	{ { "::/0" }, "192.0.2.1", false },
	{ { "192.0.2.1/32" }, "192.0.2.1", true },
	{ { "192.0.2.1/32" }, "192.0.2.0", false },
	{ { "192.0.2.128/25", "10.0.0.0/8", "192.0.2.0/32" }, "192.0.2.129",
	    true },
	{ { "192.0.2.128/25", "10.0.0.0/8", "192.0.2.0/32" }, "192.0.2.0",
	    true },
	{ { "192.0.2.128/25", "10.0.0.0/8", "192.0.2.0/32" }, "10.255.0.1",
	    true },
	{ { "192.0.2.128/25", "10.0.0.0/8", "192.0.2.0/32" }, "192.0.2.1",
	    false },
	{ { "192.0.0.0/9", "192.0.0.0/10", "192.0.0.0/11" }, "192.127.0.1",
	    true },
	{ { "192.0.0.0/9", "192.0.0.0/10", "192.0.0.0/11" }, "192.128.0.1",
	    false },
	{ { "2001:db8::/31", "2001:db8:1::/48" }, "2001:db9::1", true },
	{ { "2001:db8::/32", "2001:db8:1::/48" }, "2001:db9::1", false },
	{ { "2001:db8::1/128" }, "2001:db8::1", true },
	{ { "2001:db8::1/128" }, "2001:db8::2", false },
	{ { "0.0.0.0/1", "255.255.255.255/32" }, "128.0.0.1", false },
	{ { "0.0.0.0/1", "255.255.255.255/32" }, "255.255.255.255", true }
};

START_TEST(a_network_holds_its_peers)
{
	const struct network_row	*r = &network_rows[_i];
	char				 what[WHAT_SIZE];
	size_t				 i;

	add_revocation("profile=other", 0);
	add_revocation("session=01ARZ3NDEKTSV4RRFFQ69G5FAV", 0);
	for (i = 0; i < 4 && r->networks[i] != NULL; i++) {
		(void)snprintf(what, sizeof what, "network=%s",
		    r->networks[i]);
		add_revocation(what, 1000);
	}
	ck_assert_msg(is_revoked(store, r->peer, "edge", 1) == r->want,
	    "row %d", _i);
	ck_assert_msg(!is_revoked(store, r->peer, "edge", 1000),
	    "row %d: for ever", _i);
	for (i = 0; i < 4 && r->networks[i] != NULL; i++) {
		(void)snprintf(what, sizeof what, "network=%s",
		    r->networks[i]);
		end_revocation(what);
	}
	ck_assert(!is_revoked(store, r->peer, "edge", 1));
}
END_TEST

START_TEST(a_session_counts_by_its_name)
{
	const struct address	 nobody = { .family = AF_UNSPEC };
	struct store_holder	 holder = { .peer = &nobody,
				     .session = "01ARZ3NDEKTSV4RRFFQ69G5FAV" };

	add_revocation("network=0.0.0.0/0", 0);
	add_revocation("network=::/0", 0);
	must(store_is_revoked(store, &holder, 1, &err) == STORE_NONE);
	add_revocation("session=01ARZ3NDEKTSV4RRFFQ69G5FAV", 0);
	must(store_is_revoked(store, &holder, 1, &err) == STORE_FOUND);
	holder.session = "01ARZ3NDEKTSV4RRFFQ69G5FAW";
	must(store_is_revoked(store, &holder, 1, &err) == STORE_NONE);
}
END_TEST

START_TEST(a_store_outlives_those_who_use_it)
{
	put(1, "ONE", "198.51.100.1");
	add_revocation("profile=edge", 0);
	store_close(store);
	store = open_store(SIZE_MIB);
	ck_assert_str_eq(id_of(store, 1), "ONE");
	check_clients("198.51.100.1", "ONE ");
	ck_assert(is_revoked(store, "192.0.2.1", "edge", 1));
}
END_TEST

START_TEST(urls_that_are_none)
{
	static const char *const	 urls[] = {
		"", "lmdb", "LMDB:/tmp", "redis://localhost", "/tmp/x",
	};
	size_t				 i;

	for (i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		err.text[0] = '\0';
		ck_assert_msg(store_open(urls[i], SIZE_MIB, dir, &err) == NULL,
		    "\"%s\"", urls[i]);
		ck_assert_msg(strstr(err.text, "lmdb:/directory") != NULL,
		    "\"%s\": %s", urls[i], err.text);
	}
	store_close(NULL);
}
END_TEST

/*
 * Several processes and threads
 */

/* Reads what the parent wrote before each byte that it sends. */
static void __attribute__((noreturn))
read_in_turns(int fd)
{
	static const char *const	 ids[] = { "ONE", "TWO" };
	struct store			*own = open_store(SIZE_MIB);
	char				 byte;
	size_t				 i;

	for (i = 0; i < 2; i++) {
		must(read(fd, &byte, 1) == 1);
		must(strcmp(id_of(own, 1), ids[i]) == 0);
		must(write(fd, &byte, 1) == 1);
	}
	must(try_put(own, 2, "CHILD", "198.51.100.1", 0) == 0);
	store_close(own);
	_exit(0);
}

START_TEST(another_process_reads_what_this_one_writes)
{
	pid_t	 child;
	int	 fds[2];
	char	 byte = 0;

	store_close(store);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	child = fork();
	ck_assert_int_ne(child, -1);
	if (child == 0)
		read_in_turns(fds[0]);
	(void)close(fds[0]);
	store = open_store(SIZE_MIB);
	put(1, "ONE", "198.51.100.1");
	ck_assert_int_eq(write(fds[1], &byte, 1), 1);
	ck_assert_int_eq(read(fds[1], &byte, 1), 1);
	put(1, "TWO", "198.51.100.1");
	ck_assert_int_eq(write(fds[1], &byte, 1), 1);
	wait_for(child);
	ck_assert_str_eq(id_of(store, 2), "CHILD");
	check_clients("198.51.100.1", "TWO CHILD ");
	(void)close(fds[1]);
}
END_TEST

/* Is told of each change that the parent made before each byte. */
static void __attribute__((noreturn))
ask_in_turns(int fd)
{
	static const bool	 wants[] = { false, true, false };
	struct store		*own = open_store(SIZE_MIB);
	char			 byte;
	size_t			 i;

	for (i = 0; i < sizeof wants / sizeof wants[0]; i++) {
		must(read(fd, &byte, 1) == 1);
		must(is_revoked(own, "192.0.2.1", "edge", 1) == wants[i]);
		must(write(fd, &byte, 1) == 1);
	}
	must(store_revoke(own, &(struct store_revocation){
	    .what = "peer=192.0.2.2" }, &err) == 0);
	store_close(own);
	_exit(0);
}

START_TEST(another_process_is_told_at_its_next_question)
{
	pid_t	 child;
	int	 fds[2], i;
	char	 byte = 0;

	store_close(store);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	child = fork();
	ck_assert_int_ne(child, -1);
	if (child == 0)
		ask_in_turns(fds[0]);
	(void)close(fds[0]);
	store = open_store(SIZE_MIB);
	ck_assert(!is_revoked(store, "192.0.2.2", NULL, 1));
	for (i = 0; i < 3; i++) {
		if (i == 1)
			add_revocation("profile=edge", 0);
		if (i == 2)
			end_revocation("profile=edge");
		ck_assert_int_eq(write(fds[1], &byte, 1), 1);
		ck_assert_int_eq(read(fds[1], &byte, 1), 1);
	}
	wait_for(child);
	ck_assert(is_revoked(store, "192.0.2.2", NULL, 1));
	(void)close(fds[1]);
}
END_TEST

/* Two records whose override tells who wrote them, forever. */
static void __attribute__((noreturn))
write_forever(int seed)
{
	struct store	*own = open_store(SIZE_MIB);
	size_t		 len;

	for (len = (size_t)seed;; len = (len * 7 + 3) % 4000)
		if (try_put(own, 1 + (pid_t)(len % 2), "KILLED",
		    len % 3 == 0 ? "198.51.100.1" : "198.51.100.2",
		    len) != 0)
			_exit(1);
}

static bool
is_whole(const struct session *s, void *arg)
{
	unsigned	*n = arg;

	must(strcmp(s->id, "KILLED") == 0);
	must(s->override == NULL ||
	    strspn(s->override, "x") == strlen(s->override));
	(*n)++;
	return true;
}

static void
check_all_whole(void)
{
	struct address	 one = addr_of("198.51.100.1");
	struct address	 two = addr_of("198.51.100.2");
	unsigned	 n = 0;

	ck_assert_int_ne(store_each(store, is_whole, &n, &err),
	    STORE_CANNOT_TELL);
	ck_assert_uint_le(n, 2);
	n = 0;
	ck_assert_int_ne(store_find_client(store, &one, is_whole, &n, &err),
	    STORE_CANNOT_TELL);
	ck_assert_int_ne(store_find_client(store, &two, is_whole, &n, &err),
	    STORE_CANNOT_TELL);
}

/* A writer killed at any moment leaves whole records, and the lock free. */
START_TEST(killed_writers_leave_whole_records)
{
	int	 i, j;
	pid_t	 child;

	for (i = 0; i < 40; i++) {
		child = fork();
		ck_assert_int_ne(child, -1);
		if (child == 0)
			write_forever(i);
		for (j = 0; j < 40 + 13 * i % 60; j++)
			check_all_whole();
		ck_assert_int_eq(kill(child, SIGKILL), 0);
		ck_assert_int_eq(waitpid(child, NULL, 0), child);
		ck_assert_int_eq(try_put(store, 1, "KILLED", "198.51.100.1",
		    5), 0);
		check_all_whole();
	}
}
END_TEST

static void *
read_often(void *arg)
{
	struct address	 addr = addr_of("198.51.100.1");
	struct session	 s;
	struct err	 why;
	unsigned	 n;
	int		 i;

	(void)arg;
	session_init(&s);
	for (i = 0; i < 2000; i++) {
		n = 0;
		if (store_get(store, 1, &s, &why) != STORE_FOUND ||
		    store_find_client(store, &addr, is_whole, &n, &why) !=
		    STORE_FOUND || n != 2)
			break;
	}
	session_clear(&s);
	return i == 2000 ? NULL : &store;
}

/* More threads than there are kept read transactions; room for what they may
 * keep from being used again, if they have to wait in the midst of reading. */
START_TEST(many_threads_read_while_one_writes)
{
	pthread_t	 threads[48];
	void		*result;
	size_t		 i;

	store_close(store);
	store = open_store(64);
	ck_assert_int_eq(try_put(store, 1, "KILLED", "198.51.100.1", 9), 0);
	ck_assert_int_eq(try_put(store, 2, "KILLED", "198.51.100.1", 9), 0);
	for (i = 0; i < sizeof threads / sizeof threads[0]; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, read_often,
		    NULL), 0);
	for (i = 0; i < 1000; i++)
		ck_assert_msg(try_put(store, 1, "KILLED", "198.51.100.1",
		    i % 300) == 0, "%s", err.text);
	for (i = 0; i < sizeof threads / sizeof threads[0]; i++) {
		ck_assert_int_eq(pthread_join(threads[i], &result), 0);
		ck_assert_ptr_null(result);
	}
}
END_TEST

int
main(int argc, char **argv)
{
	TCase	*tc = tcase_create("any back end");

	if (argc > 1)
		given_url = argv[1];
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_was_put_is_got);
	tcase_add_test(tc, nothing_is_none);
	tcase_add_test(tc, get_frees_what_the_session_held);
	tcase_add_test(tc, a_new_session_replaces_the_old);
	tcase_add_test(tc, a_change_is_of_that_session_only);
	tcase_add_test(tc, delete_takes_that_session_only);
	tcase_add_test(tc, a_record_that_is_too_long_changes_nothing);
	tcase_add_test(tc, each_sees_all);
	tcase_add_test(tc, clients_are_found_where_they_are);
	tcase_add_test(tc, find_client_stops_when_told);
	tcase_add_test(tc, many_processes_are_kept_apart);
	tcase_add_loop_test(tc, what_is_revoked, 0,
	    NELEM(revoked_rows));
	tcase_add_test(tc, what_cannot_be_revoked);
	tcase_add_test(tc, a_peer_counts_beside_its_profile);
	tcase_add_test(tc, a_revocation_replaces_the_one_before);
	tcase_add_test(tc, each_revocation_is_seen);
	tcase_add_test(tc, a_reason_is_cut);
	tcase_add_loop_test(tc, a_network_holds_its_peers, 0,
	    sizeof network_rows / sizeof network_rows[0]);
	tcase_add_test(tc, a_session_counts_by_its_name);
	tcase_add_test(tc, a_store_outlives_those_who_use_it);
	tcase_add_test(tc, urls_that_are_none);
	tcase_add_test(tc, another_process_reads_what_this_one_writes);
	tcase_add_test(tc, another_process_is_told_at_its_next_question);
	tcase_add_test(tc, killed_writers_leave_whole_records);
	tcase_add_test(tc, many_threads_read_while_one_writes);
	return runner_run("store", tc);
}
