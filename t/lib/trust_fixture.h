/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * trust_fixture: profiles and trust maps of a messenger of each kind.
 */
#ifndef XC_T_TRUST_FIXTURE_H
#define XC_T_TRUST_FIXTURE_H

#include <check.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trust/trust.h"

#define LIST(...)	((const char *const[]){ __VA_ARGS__, NULL })
#define FILE_NAME	"/etc/x.conf"
#define NAME64		"0123456789abcdef0123456789abcdef" \
			"0123456789abcdef0123456789abcdef"

static char		 table_path[] = "trust_test.XXXXXX";
static char		 lmdb_path[sizeof(table_path) + 8];
static struct trust	*trust;

static inline void
add(const struct trust_profile_def *def)
{
	struct trust_profile_def	 copy = *def;
	struct err			 err = { "" };

	copy.file = FILE_NAME;
	ck_assert_msg(trust_add_profile(trust, &copy, &err) == 0, "%s: %s",
	    def->name, err.text);
}

static inline void
add_map(const char *listener, const char *spec)
{
	struct err	 err = { "" };

	ck_assert_msg(trust_add_map(trust, listener, spec, FILE_NAME, 3,
	    &err) == 0, "%s: %s", spec, err.text);
}

static inline struct address
addr_of(const char *text)
{
	struct address	 addr = { .family = AF_UNSPEC };

	if (*text != '\0')
		ck_assert_msg(address_parse(span_of(text), &addr), "%s",
		    text);
	return addr;
}

/* A table that can be opened and then, because it is gone, cannot tell. */
static inline void
make_lmdb(void)
{
	MDB_env	*env;
	MDB_txn	*txn;
	MDB_dbi	 dbi;

	ck_assert(mdb_env_create(&env) == 0 &&
	    mdb_env_open(env, lmdb_path, MDB_NOSUBDIR | MDB_NOLOCK,
	    0600) == 0 && mdb_txn_begin(env, NULL, 0, &txn) == 0 &&
	    mdb_dbi_open(txn, NULL, 0, &dbi) == 0 &&
	    mdb_txn_commit(txn) == 0);
	mdb_env_close(env);
}

static inline void
add_broken(void)
{
	char	 spec[64];

	make_lmdb();
	snprintf(spec, sizeof(spec), "lmdb:./%.*s",
	    (int)(strlen(lmdb_path) - strlen(".lmdb")), lmdb_path);
	add(&(struct trust_profile_def){ .name = "broken", .line = 60,
	    .xclient = LIST("*"), .report_only = true,
	    .values[ASSERTION_NAME] = LIST(spec, "*"),
	    .values_line[ASSERTION_NAME] = 62,
	    .values[ASSERTION_LOGIN] = LIST("*"),
	    .on_violation = VERDICT_REJECT });
	unlink(lmdb_path);
}

static inline void
add_profiles(void)
{
	add(&(struct trust_profile_def){ .name = "edge", .line = 10,
	    .xclient = LIST("addr", "PORT", "NAME", "REVERSE_NAME", "HELO",
	    "PROTO"), .xclient_line = 11, .xforward = LIST("*"),
	    .xforward_line = 12,
	    .values[ASSERTION_ADDR] = LIST("!198.51.100.0/24", "10.1.0.0/16",
	    "public"), .values_line[ASSERTION_ADDR] = 13,
	    .values[ASSERTION_NAME] = LIST("!.example.com", "!example.com",
	    "*"), .values_line[ASSERTION_NAME] = 14,
	    .values[ASSERTION_HELO] = LIST("!.example.com", "*"),
	    .values_line[ASSERTION_HELO] = 15,
	    .on_violation = VERDICT_REJECT });
	add(&(struct trust_profile_def){ .name = "all", .line = 20,
	    .xclient = LIST("*"), .xclient_line = 21 });
	add(&(struct trust_profile_def){ .name = "webmail", .line = 30,
	    .xclient = LIST("ADDR", "LOGIN"), .xclient_line = 31,
	    .values[ASSERTION_ADDR] = LIST("*"),
	    .values[ASSERTION_LOGIN] = LIST("!admin", "tenant.*",
	    "inline:{joe=x}"), .values_line[ASSERTION_LOGIN] = 33,
	    .seal = TRUST_SEAL_OVERRIDE,
	    .on_violation = VERDICT_DISCONNECT });
	add(&(struct trust_profile_def){ .name = "watch", .line = 40,
	    .xclient = LIST("ADDR"), .xclient_line = 41,
	    .drop = LIST("helo", "Login"), .report_only = true,
	    .seal = TRUST_SEAL_NEVER });
	add(&(struct trust_profile_def){ .name = "strict", .line = 50,
	    .xclient = LIST("*"),
	    .values[ASSERTION_ADDR] = LIST("2001:db8::/32", "192.0.2.7",
	    "![unavailable]"), .values_line[ASSERTION_ADDR] = 52,
	    .values[ASSERTION_NAME] = LIST("[UNAVAILABLE]", "mx?.example.net",
	    "Mail.Example.Net."), .values_line[ASSERTION_NAME] = 53,
	    .values[ASSERTION_HELO] = LIST("[192.0.2.7]"),
	    .values[ASSERTION_PORT] = LIST("!25", "*"),
	    .values[ASSERTION_LOGIN] = LIST("Joe", ".Corp"),
	    .values[ASSERTION_PROTO] = (const char *const[]){ NULL },
	    .values[ASSERTION_DESTADDR] = LIST("public") });
	add_broken();
	add(&(struct trust_profile_def){ .name = "tryall", .line = 130,
	    .report_only = TRUST_REPORT_EVERYTHING,
	    .on_violation = VERDICT_REJECT });
	add(&(struct trust_profile_def){ .name = "try", .line = 140,
	    .report_only = TRUST_REPORT_ONLY,
	    .on_violation = VERDICT_REJECT });
	add(&(struct trust_profile_def){ .name = "filetab", .line = 70,
	    .xclient = LIST("*"), .xclient_line = 71 });
	add(&(struct trust_profile_def){ .name = "remote", .line = 80,
	    .xremoteip = true,
	    .values[ASSERTION_ADDR] = LIST("!198.51.100.0/24", "public"),
	    .values_line[ASSERTION_ADDR] = 82,
	    .on_violation = VERDICT_REJECT });
	add(&(struct trust_profile_def){ .name = "context", .line = 90,
	    .xsetcontext = LIST("!route.secret", "Tenant", "Route.*", "x?z",
	    "[q-s]1", "auth_*", "QUEUE_ID", "!mailfrom", "mailfrom"),
	    .xsetcontext_line = 93, .on_violation = VERDICT_REJECT });
	add(&(struct trust_profile_def){ .name = "reader", .line = 105,
	    .xdumpcontext = TRUST_DUMP_SEALED });
	add(&(struct trust_profile_def){ .name = "dumper", .line = 100,
	    .xdumpcontext = TRUST_DUMP_YES, .received = 2 });
	add(&(struct trust_profile_def){ .name = "welcome", .line = 110,
	    .always_allow = true, .on_violation = VERDICT_DISCONNECT });
	add(&(struct trust_profile_def){ .name = "gateway", .line = 120,
	    .received = 1 });
}

/* A texthash with a rule at line 3 for a name that no profile has. */
static inline void
write_table(void)
{
	static const char	 text[] = "# peers\n192.0.2.70 filetab\n"
	    "192.0.2.71 nosuch\n";
	int			 fd = mkstemp(table_path);

	ck_assert(fd != -1);
	ck_assert(write(fd, text, sizeof(text) - 1) == sizeof(text) - 1);
	close(fd);
}

static inline void
setup(void)
{
	struct address	 own;
	char		 spec[64];

	strcpy(table_path, "trust_test.XXXXXX");
	write_table();
	snprintf(lmdb_path, sizeof(lmdb_path), "%s.lmdb", table_path);
	trust = trust_new();
	ck_assert_ptr_nonnull(trust);
	add_profiles();
	add_map(NULL, "inline:{192.0.2.2=edge, 192.0.2.3=root, "
	    "192.0.2.4=stranger, gw.example.org=webmail, AA:BB=watch, "
	    "unknown=root, "
	    "{2001:db8::1=edge}}");
	snprintf(spec, sizeof(spec), "texthash:./%s", table_path);
	add_map(NULL, spec);
	add_map(NULL, "inline:{192.0.2.2=webmail, 192.0.2.4=edge, "
	    "198.18.0.9=all}");
	add_map("inside", "inline:{192.0.2.50=all}");
	own = addr_of("203.0.113.5");
	ck_assert(trust_add_own_address(trust, &own) == 0);
	own = addr_of("203.0.113.1");
	ck_assert(trust_add_own_address(trust, &own) == 0);
	own = addr_of("2001:db8::5");
	ck_assert(trust_add_own_address(trust, &own) == 0);
	ck_assert(trust_add_own_address(trust, &own) == 0);
}

static inline void
teardown(void)
{
	trust_free(trust);
	unlink(table_path);
}

static inline bool
ends_with(const char *text, const char *end)
{
	size_t	 n = strlen(text), len = strlen(end);

	return n >= len && strcmp(text + n - len, end) == 0;
}

static inline struct trust_speaker
speaker_of(const char *profile, bool is_sealed)
{
	return (struct trust_speaker){ .is_sealed = is_sealed,
	    .profile = profile == NULL ? NULL :
	    trust_profile_find(trust, profile) };
}

static inline void
parse_line(const char *name, const char *line, struct assertion_set *set)
{
	enum assertion_command	 command;
	const char		*args = strchr(line, ' ') + 1;
	struct err		 err = { "" };

	command = strncmp(line, "XFORWARD", 8) == 0 ? ASSERTION_XFORWARD :
	    ASSERTION_XCLIENT;
	ck_assert_msg(assertion_parse(span_of(args), command, XTEXT_STRICT,
	    set, &err) == ASSERTION_OK, "%s: %s", name, err.text);
}

#endif
