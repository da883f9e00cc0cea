/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * trust_test: classification of peers, and verdicts about commands.
 */
#include "t/lib/runner.h"
#include "trust/trust.h"

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST(...)	((const char *const[]){ __VA_ARGS__, NULL })
#define FILE_NAME	"/etc/x.conf"
#define NAME64		"0123456789abcdef0123456789abcdef" \
			"0123456789abcdef0123456789abcdef"

static char		 table_path[] = "trust_test.XXXXXX";
static char		 lmdb_path[sizeof(table_path) + 8];
static struct trust	*trust;

static void
add(const struct trust_profile_def *def)
{
	struct trust_profile_def	 copy = *def;
	struct err			 err = { "" };

	copy.file = FILE_NAME;
	ck_assert_msg(trust_add_profile(trust, &copy, &err) == 0, "%s: %s",
	    def->name, err.text);
}

static void
add_map(const char *listener, const char *spec)
{
	struct err	 err = { "" };

	ck_assert_msg(trust_add_map(trust, listener, spec, FILE_NAME, 3,
	    &err) == 0, "%s: %s", spec, err.text);
}

static struct address
addr_of(const char *text)
{
	struct address	 addr = { .family = AF_UNSPEC };

	if (*text != '\0')
		ck_assert_msg(address_parse(span_of(text), &addr), "%s",
		    text);
	return addr;
}

/* A table that can be opened and then, because it is gone, cannot tell. */
static void
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

static void
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

static void
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
static void
write_table(void)
{
	static const char	 text[] = "# peers\n192.0.2.70 filetab\n"
	    "192.0.2.71 nosuch\n";
	int			 fd = mkstemp(table_path);

	ck_assert(fd != -1);
	ck_assert(write(fd, text, sizeof(text) - 1) == sizeof(text) - 1);
	close(fd);
}

static void
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

static void
teardown(void)
{
	trust_free(trust);
	unlink(table_path);
}

static const struct classify_row {
	const char	*name, *addr, *host, *fingerprint, *listener;
	const char	*want;		/* NULL: cannot tell */
	const char	*want_rule;	/* end of the rule, or of the error */
} classify_rows[] = {
	{ "nobody knows it", "198.51.100.1", NULL, NULL, NULL, "stranger",
	    "built-in" },
	{ "by address", "192.0.2.2", NULL, NULL, NULL, "edge", NULL },
	{ "IPv6", "2001:db8::1", "", "", "", "edge", NULL },
	{ "built-in root", "192.0.2.3", NULL, NULL, NULL, "root", NULL },
	{ "explicit stranger hides later maps", "192.0.2.4", NULL, NULL,
	    NULL, "stranger", NULL },
	{ "line of a file", "192.0.2.70", NULL, NULL, NULL, "filetab",
	    ":2" },
	{ "profile that is not there", "192.0.2.71", NULL, NULL, NULL, NULL,
	    "there is none" },
	{ "by name", "198.51.100.1", "gw.example.org", NULL, NULL, "webmail",
	    NULL },
	{ "name in capitals", "198.51.100.1", "GW.Example.org", NULL, NULL,
	    "webmail", NULL },
	{ "address before name", "192.0.2.2", "gw.example.org", NULL, NULL,
	    "edge", NULL },
	{ "name that is an address", "198.51.100.1", "192.0.2.3", NULL, NULL,
	    "stranger", NULL },
	{ "name unknown", "", "unknown", NULL, NULL, "stranger", NULL },
	{ "by fingerprint", "198.51.100.1", "a.example", "AA:BB", NULL,
	    "watch", NULL },
	{ "name before fingerprint", "", "gw.example.org", "AA:BB", NULL,
	    "webmail", NULL },
	{ "listener has its own", "192.0.2.50", NULL, NULL, "inside", "all",
	    NULL },
	{ "listener hides the global", "192.0.2.2", NULL, NULL, "inside",
	    "stranger", "built-in" },
	{ "other listener has the global", "192.0.2.2", NULL, NULL, "other",
	    "edge", NULL },
	{ "global does not see a listener's", "192.0.2.50", NULL, NULL, NULL,
	    "stranger", NULL },
	{ "no address at all", "", NULL, NULL, NULL, "stranger", "built-in" },
};

static bool
ends_with(const char *text, const char *end)
{
	size_t	 n = strlen(text), len = strlen(end);

	return n >= len && strcmp(text + n - len, end) == 0;
}

START_TEST(classify)
{
	const struct classify_row	*row = &classify_rows[_i];
	const struct trust_profile	*profile = NULL;
	struct trust_peer		 peer = {
		.addr = addr_of(row->addr),
		.name = row->host,
		.fingerprint = row->fingerprint,
		.listener = row->listener
	};
	struct err			 err = { "" };
	char				 rule[192] = "";
	enum trust_result		 got;

	got = trust_classify(trust, &peer, &profile, rule, sizeof(rule),
	    &err);
	if (row->want == NULL) {
		ck_assert_msg(got == TRUST_CANNOT_TELL, "%s: got %s",
		    row->name, profile == NULL ? "?" :
		    trust_profile_name(profile));
		ck_assert_msg(ends_with(err.text, row->want_rule),
		    "%s: got %s", row->name, err.text);
		return;
	}
	ck_assert_msg(got == TRUST_OK, "%s: %s", row->name, err.text);
	ck_assert_msg(strcmp(trust_profile_name(profile), row->want) == 0,
	    "%s: got %s, want %s", row->name, trust_profile_name(profile),
	    row->want);
	if (row->want_rule != NULL)
		ck_assert_msg(ends_with(rule, row->want_rule),
		    "%s: got rule %s, want %s", row->name, rule,
		    row->want_rule);
}
END_TEST

#define SEALED		1
#define OVERRIDDEN	2

static const struct decide_row {
	const char		*name, *profile;
	int			 flags;
	const char		*line;		/* XCLIENT or XFORWARD ... */
	enum verdict_action	 want;
	enum verdict_reason	 want_reason;
	int			 want_attribute;
	const char		*want_rule;	/* NULL: any */
	const char		*want_text;	/* NULL: any */
} decide_rows[] = {
	{ "all that is granted", "edge", 0, "XCLIENT ADDR=203.0.113.77 "
	    "NAME=a.example.org REVERSE_NAME=a.example.org PORT=4 HELO=x "
	    "PROTO=ESMTP", VERDICT_PERMIT, REASON_GRANTED, -1,
	    FILE_NAME ":11", "granted" },
	{ "LOGIN without grant", "edge", 0, "XCLIENT ADDR=203.0.113.77 "
	    "LOGIN=root", VERDICT_REJECT, REASON_NO_GRANT, ASSERTION_LOGIN,
	    FILE_NAME ":11", "XCLIENT: attribute LOGIN is not granted" },
	{ "DESTADDR without grant", "edge", 0, "XCLIENT DESTADDR=192.0.2.1",
	    VERDICT_REJECT, REASON_NO_GRANT, ASSERTION_DESTADDR, NULL, NULL },
	{ "special value without grant", "edge", 0,
	    "XCLIENT LOGIN=[UNAVAILABLE]", VERDICT_REJECT, REASON_NO_GRANT,
	    ASSERTION_LOGIN, NULL, NULL },
	{ "first refusal decides", "edge", 0, "XCLIENT LOGIN=root "
	    "ADDR=127.0.0.1", VERDICT_REJECT, REASON_VALUE, ASSERTION_ADDR,
	    FILE_NAME ":13", "ADDR=127.0.0.1 is not a public address" },
	{ "negated network", "edge", 0, "XCLIENT ADDR=198.51.100.9",
	    VERDICT_REJECT, REASON_VALUE, ASSERTION_ADDR, FILE_NAME ":13",
	    "ADDR=198.51.100.9 is not allowed" },
	{ "listed private network", "edge", 0, "XCLIENT ADDR=10.1.2.3",
	    VERDICT_PERMIT, REASON_GRANTED, -1, NULL, NULL },
	{ "private, not listed", "edge", 0, "XCLIENT ADDR=10.2.2.3",
	    VERDICT_REJECT, REASON_VALUE, ASSERTION_ADDR, NULL,
	    "ADDR=10.2.2.3 is not a public address" },
	{ "IPv4 in IPv6 is no way round", "edge", 0,
	    "XCLIENT ADDR=IPV6:::ffff:198.51.100.9", VERDICT_REJECT,
	    REASON_VALUE, ASSERTION_ADDR, NULL, NULL },
	{ "own address", "edge", 0, "XCLIENT ADDR=203.0.113.5",
	    VERDICT_REJECT, REASON_VALUE, ASSERTION_ADDR, NULL,
	    "ADDR=203.0.113.5 is an address of this host" },
	{ "own IPv6 address", "edge", 0, "XCLIENT ADDR=IPV6:2001:db8::5",
	    VERDICT_REJECT, REASON_VALUE, ASSERTION_ADDR, NULL,
	    "ADDR=2001:db8::5 is an address of this host" },
	{ "another messenger's", "edge", 0, "XCLIENT ADDR=192.0.2.3",
	    VERDICT_REJECT, REASON_VALUE, ASSERTION_ADDR, NULL,
	    "ADDR=192.0.2.3 has a trust profile of its own" },
	{ "its own, when that is trusted", "edge", 0, "XCLIENT "
	    "ADDR=192.0.2.2", VERDICT_REJECT, REASON_VALUE, ASSERTION_ADDR,
	    NULL, NULL },
	{ "a messenger's in a later map", "edge", 0, "XCLIENT "
	    "ADDR=198.18.0.9", VERDICT_REJECT, REASON_VALUE, ASSERTION_ADDR,
	    NULL, NULL },
	{ "a messenger's of a listener", "edge", 0, "XCLIENT ADDR=192.0.2.50",
	    VERDICT_REJECT, REASON_VALUE, ASSERTION_ADDR, NULL, NULL },
	{ "explicit stranger is public", "edge", 0, "XCLIENT ADDR=192.0.2.4",
	    VERDICT_PERMIT, REASON_GRANTED, -1, NULL, NULL },
	{ "public that has a profile which is not there", "edge", 0,
	    "XCLIENT ADDR=192.0.2.71", VERDICT_REJECT, REASON_VALUE,
	    ASSERTION_ADDR, NULL,
	    "ADDR=192.0.2.71 has a trust profile of its own" },
	{ "protected zone", "edge", 0, "XCLIENT NAME=www.example.com",
	    VERDICT_REJECT, REASON_VALUE, ASSERTION_NAME, FILE_NAME ":14",
	    "NAME=www.example.com is not allowed" },
	{ "protected zone in capitals", "edge", 0,
	    "XCLIENT NAME=a.B.EXAMPLE.COM", VERDICT_REJECT, REASON_VALUE,
	    ASSERTION_NAME, NULL, NULL },
	{ "zone itself", "edge", 0, "XCLIENT NAME=Example.com",
	    VERDICT_REJECT, REASON_VALUE, ASSERTION_NAME, NULL, NULL },
	{ "other zone with that end", "edge", 0,
	    "XCLIENT NAME=notexample.com", VERDICT_PERMIT, REASON_GRANTED,
	    -1, NULL, NULL },
	{ "HELO with a dot at its end", "edge", 0,
	    "XCLIENT HELO=www.example.com.", VERDICT_REJECT, REASON_VALUE,
	    ASSERTION_HELO, FILE_NAME ":15", NULL },
	{ "HELO with an empty label", "edge", 0, "XCLIENT HELO=.example.com",
	    VERDICT_REJECT, REASON_VALUE, ASSERTION_HELO, NULL, NULL },
	{ "HELO that is shorter", "edge", 0, "XCLIENT HELO=xample.com",
	    VERDICT_PERMIT, REASON_GRANTED, -1, NULL, NULL },
	{ "HELO with two", "edge", 0, "XCLIENT HELO=www.example.com..",
	    VERDICT_REJECT, REASON_VALUE, ASSERTION_HELO, NULL, NULL },
	{ "special values pass unless listed", "edge", 0, "XCLIENT "
	    "ADDR=[UNAVAILABLE] NAME=[TEMPUNAVAIL] HELO=[UNAVAILABLE]",
	    VERDICT_PERMIT, REASON_GRANTED, -1, NULL, NULL },
	{ "sealed", "edge", SEALED, "XCLIENT ADDR=203.0.113.77",
	    VERDICT_REJECT, REASON_SEALED, -1, FILE_NAME ":10", NULL },
	{ "sealed and overridden", "edge", SEALED | OVERRIDDEN,
	    "XCLIENT ADDR=203.0.113.77", VERDICT_REJECT, REASON_SEALED, -1,
	    NULL, NULL },
	{ "overridden, not sealed", "edge", OVERRIDDEN,
	    "XCLIENT ADDR=203.0.113.77", VERDICT_PERMIT, REASON_GRANTED, -1,
	    NULL, NULL },
	{ "XFORWARD when sealed only", "edge", SEALED,
	    "XFORWARD ADDR=203.0.113.77", VERDICT_PERMIT, REASON_GRANTED, -1,
	    FILE_NAME ":12", NULL },
	{ "XFORWARD after an override and seal", "edge", SEALED | OVERRIDDEN,
	    "XFORWARD ADDR=203.0.113.77", VERDICT_REJECT, REASON_SEALED, -1,
	    NULL, NULL },
	{ "XFORWARD has the same values", "edge", 0,
	    "XFORWARD ADDR=198.51.100.7", VERDICT_REJECT, REASON_VALUE,
	    ASSERTION_ADDR, NULL, NULL },
	{ "XFORWARD of its own", "edge", 0, "XFORWARD IDENT=4A5 SOURCE=LOCAL",
	    VERDICT_PERMIT, REASON_GRANTED, -1, NULL, NULL },
	{ "XFORWARD not granted", "all", 0, "XFORWARD IDENT=4A5",
	    VERDICT_TEMPFAIL, REASON_NO_GRANT, ASSERTION_IDENT,
	    FILE_NAME ":20", "XFORWARD: attribute IDENT is not granted" },
	{ "star grants LOGIN, no value", "all", 0, "XCLIENT LOGIN=joe",
	    VERDICT_TEMPFAIL, REASON_VALUE, ASSERTION_LOGIN, FILE_NAME ":20",
	    NULL },
	{ "star and no LOGIN", "all", 0, "XCLIENT LOGIN=[UNAVAILABLE] "
	    "DESTADDR=10.0.0.1 DESTPORT=25", VERDICT_PERMIT, REASON_GRANTED,
	    -1, FILE_NAME ":21", NULL },
	{ "default ADDR is public", "all", 0, "XCLIENT ADDR=192.168.1.1",
	    VERDICT_TEMPFAIL, REASON_VALUE, ASSERTION_ADDR, FILE_NAME ":20",
	    NULL },
	{ "LOGIN in a table", "webmail", 0, "XCLIENT LOGIN=joe",
	    VERDICT_PERMIT, REASON_GRANTED, -1, NULL, NULL },
	{ "LOGIN of a pattern", "webmail", 0, "XCLIENT LOGIN=tenant.a",
	    VERDICT_PERMIT, REASON_GRANTED, -1, NULL, NULL },
	{ "LOGIN's case counts", "webmail", 0, "XCLIENT LOGIN=Tenant.a",
	    VERDICT_DISCONNECT, REASON_VALUE, ASSERTION_LOGIN,
	    FILE_NAME ":33", NULL },
	{ "LOGIN negated", "webmail", 0, "XCLIENT LOGIN=admin",
	    VERDICT_DISCONNECT, REASON_VALUE, ASSERTION_LOGIN, NULL,
	    "LOGIN=admin is not allowed" },
	{ "any address at all", "webmail", 0, "XCLIENT ADDR=127.0.0.1",
	    VERDICT_PERMIT, REASON_GRANTED, -1, NULL, NULL },
	{ "report only", "watch", 0, "XCLIENT HELO=a",
	    VERDICT_PERMIT, REASON_NO_GRANT, ASSERTION_HELO, NULL, NULL },
	{ "report only, an address of nobody here", "try", 0,
	    "XCLIENT ADDR=203.0.113.77", VERDICT_PERMIT, REASON_NO_GRANT,
	    ASSERTION_ADDR, NULL, NULL },
	{ "report only, loopback", "watch", 0, "XCLIENT ADDR=127.0.0.1",
	    VERDICT_TEMPFAIL, REASON_VALUE, ASSERTION_ADDR, NULL, NULL },
	{ "report only, private", "try", 0, "XCLIENT ADDR=10.0.0.1",
	    VERDICT_REJECT, REASON_NO_GRANT, ASSERTION_ADDR, NULL, NULL },
	{ "report only, the host's own", "try", 0, "XREMOTEIP "
	    "ADDR=203.0.113.5", VERDICT_REJECT, REASON_NO_GRANT,
	    ASSERTION_ADDR, NULL, NULL },
	{ "report only, a messenger's", "try", 0, "XFORWARD ADDR=192.0.2.3",
	    VERDICT_REJECT, REASON_NO_GRANT, ASSERTION_ADDR, NULL, NULL },
	{ "report only, login", "try", 0, "XCLIENT LOGIN=joe",
	    VERDICT_REJECT, REASON_NO_GRANT, ASSERTION_LOGIN, NULL,
	    "XCLIENT: attribute LOGIN is not granted" },
	{ "report only, no login", "try", 0, "XCLIENT LOGIN=[UNAVAILABLE] "
	    "ADDR=[UNAVAILABLE]", VERDICT_PERMIT, REASON_NO_GRANT,
	    ASSERTION_ADDR, NULL, NULL },
	{ "report only, what must not pass decides", "try", 0,
	    "XCLIENT ADDR=203.0.113.77 NAME=a.example LOGIN=root",
	    VERDICT_REJECT, REASON_NO_GRANT, ASSERTION_LOGIN, NULL, NULL },
	{ "report only, a table that fails", "broken", 0,
	    "XCLIENT ADDR=203.0.113.77 NAME=a.example", VERDICT_TEMPFAIL,
	    REASON_CANNOT_TELL, ASSERTION_NAME, NULL, NULL },
	{ "report everything", "tryall", 0,
	    "XCLIENT ADDR=127.0.0.1 LOGIN=root", VERDICT_PERMIT,
	    REASON_NO_GRANT, ASSERTION_ADDR, NULL, NULL },
	{ "report everything is no way past the seal", "tryall", SEALED,
	    "XCLIENT ADDR=127.0.0.1", VERDICT_REJECT, REASON_SEALED, -1,
	    NULL, NULL },
	{ "report only is no way past the seal", "watch", SEALED,
	    "XCLIENT ADDR=203.0.113.77", VERDICT_TEMPFAIL, REASON_SEALED, -1,
	    NULL, NULL },
	{ "IPv6 network", "strict", 0, "XCLIENT ADDR=IPV6:2001:db8:9::1",
	    VERDICT_PERMIT, REASON_GRANTED, -1, NULL, NULL },
	{ "own and listed", "strict", 0, "XCLIENT ADDR=IPV6:2001:db8::5",
	    VERDICT_PERMIT, REASON_GRANTED, -1, NULL, NULL },
	{ "single address", "strict", 0, "XCLIENT ADDR=192.0.2.7",
	    VERDICT_PERMIT, REASON_GRANTED, -1, NULL, NULL },
	{ "beside the single address", "strict", 0, "XCLIENT ADDR=192.0.2.6",
	    VERDICT_TEMPFAIL, REASON_VALUE, ASSERTION_ADDR, FILE_NAME ":52",
	    "ADDR=192.0.2.6 is not allowed" },
	{ "special ADDR refused", "strict", 0, "XCLIENT ADDR=[UNAVAILABLE]",
	    VERDICT_TEMPFAIL, REASON_VALUE, ASSERTION_ADDR, FILE_NAME ":52",
	    "ADDR=[UNAVAILABLE] is not allowed" },
	{ "special NAME allowed", "strict", 0, "XCLIENT NAME=[TEMPUNAVAIL]",
	    VERDICT_PERMIT, REASON_GRANTED, -1, NULL, NULL },
	{ "pattern in any case", "strict", 0, "XCLIENT NAME=MX1.example.net",
	    VERDICT_PERMIT, REASON_GRANTED, -1, NULL, NULL },
	{ "pattern is anchored", "strict", 0, "XCLIENT NAME=a.mx1.example.net",
	    VERDICT_TEMPFAIL, REASON_VALUE, ASSERTION_NAME, FILE_NAME ":53",
	    NULL },
	{ "exact in any case", "strict", 0, "XCLIENT NAME=mail.example.net",
	    VERDICT_PERMIT, REASON_GRANTED, -1, NULL, NULL },
	{ "address literal", "strict", 0, "XCLIENT HELO=[192.0.2.7]",
	    VERDICT_PERMIT, REASON_GRANTED, -1, NULL, NULL },
	{ "a literal is no character class", "strict", 0, "XCLIENT HELO=1",
	    VERDICT_TEMPFAIL, REASON_VALUE, ASSERTION_HELO, NULL, NULL },
	{ "port", "strict", 0, "XCLIENT PORT=25", VERDICT_TEMPFAIL,
	    REASON_VALUE, ASSERTION_PORT, NULL, NULL },
	{ "port with a zero in front", "strict", 0, "XCLIENT PORT=025",
	    VERDICT_TEMPFAIL, REASON_VALUE, ASSERTION_PORT, NULL, NULL },
	{ "LOGIN exact", "strict", 0, "XCLIENT LOGIN=Joe", VERDICT_PERMIT,
	    REASON_GRANTED, -1, NULL, NULL },
	{ "LOGIN other case", "strict", 0, "XCLIENT LOGIN=joe",
	    VERDICT_TEMPFAIL, REASON_VALUE, ASSERTION_LOGIN, NULL, NULL },
	{ "LOGIN suffix other case", "strict", 0, "XCLIENT LOGIN=a.corp",
	    VERDICT_TEMPFAIL, REASON_VALUE, ASSERTION_LOGIN, NULL, NULL },
	{ "LOGIN keeps its dot", "strict", 0, "XCLIENT LOGIN=Joe.",
	    VERDICT_TEMPFAIL, REASON_VALUE, ASSERTION_LOGIN, NULL, NULL },
	{ "empty list holds nothing", "strict", 0, "XCLIENT PROTO=SMTP",
	    VERDICT_TEMPFAIL, REASON_VALUE, ASSERTION_PROTO, FILE_NAME ":50",
	    NULL },
	{ "DESTADDR public", "strict", 0, "XCLIENT DESTADDR=127.0.0.1",
	    VERDICT_TEMPFAIL, REASON_VALUE, ASSERTION_DESTADDR, NULL,
	    "DESTADDR=127.0.0.1 is not a public address" },
	{ "table that fails", "broken", 0, "XCLIENT NAME=a.example",
	    VERDICT_TEMPFAIL, REASON_CANNOT_TELL, ASSERTION_NAME, NULL,
	    "NAME=a.example cannot be checked at the moment" },
	{ "stranger", TRUST_STRANGER, 0, "XCLIENT ADDR=203.0.113.77",
	    VERDICT_TEMPFAIL, REASON_NO_GRANT, ASSERTION_ADDR, "built-in",
	    NULL },
	{ "no profile is a stranger", NULL, 0, "XFORWARD HELO=a",
	    VERDICT_TEMPFAIL, REASON_NO_GRANT, ASSERTION_HELO, "built-in",
	    NULL },
	{ "root", TRUST_ROOT, 0, "XCLIENT ADDR=127.0.0.1 LOGIN=root "
	    "NAME=www.example.com", VERDICT_PERMIT, REASON_GRANTED, -1,
	    "built-in", NULL },
	{ "XREMOTEIP", "remote", 0, "XREMOTEIP ADDR=203.0.113.77",
	    VERDICT_PERMIT, REASON_GRANTED, -1, FILE_NAME ":80", NULL },
	{ "XREMOTEIP has the same values", "remote", 0,
	    "XREMOTEIP ADDR=198.51.100.9", VERDICT_REJECT, REASON_VALUE,
	    ASSERTION_ADDR, FILE_NAME ":82",
	    "ADDR=198.51.100.9 is not allowed" },
	{ "XREMOTEIP is an address and nothing else", "remote", 0,
	    "XREMOTEIP ADDR=203.0.113.77 NAME=a.example", VERDICT_REJECT,
	    REASON_NO_GRANT, ASSERTION_NAME, NULL,
	    "XREMOTEIP is not granted" },
	{ "XREMOTEIP is no XCLIENT", "remote", 0, "XCLIENT ADDR=203.0.113.77",
	    VERDICT_REJECT, REASON_NO_GRANT, ASSERTION_ADDR,
	    FILE_NAME ":80", "XCLIENT: attribute ADDR is not granted" },
	{ "XCLIENT is no XREMOTEIP", "edge", 0, "XREMOTEIP ADDR=203.0.113.77",
	    VERDICT_REJECT, REASON_NO_GRANT, ASSERTION_ADDR,
	    FILE_NAME ":10", "XREMOTEIP is not granted" },
	{ "XREMOTEIP, sealed", "remote", SEALED,
	    "XREMOTEIP ADDR=203.0.113.77", VERDICT_REJECT, REASON_SEALED, -1,
	    NULL, NULL },
	{ "XREMOTEIP, report only", "watch", 0,
	    "XREMOTEIP ADDR=203.0.113.77", VERDICT_PERMIT, REASON_NO_GRANT,
	    ASSERTION_ADDR, NULL, NULL },
	{ "XREMOTEIP of a stranger", NULL, 0, "XREMOTEIP ADDR=203.0.113.77",
	    VERDICT_TEMPFAIL, REASON_NO_GRANT, ASSERTION_ADDR, "built-in",
	    NULL },
	{ "root XREMOTEIP", TRUST_ROOT, 0, "XREMOTEIP ADDR=127.0.0.1",
	    VERDICT_PERMIT, REASON_GRANTED, -1, "built-in", NULL },
	{ "root XFORWARD", TRUST_ROOT, 0, "XFORWARD ADDR=127.0.0.1 IDENT=4",
	    VERDICT_PERMIT, REASON_GRANTED, -1, "built-in", NULL },
};

static void
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

START_TEST(decide)
{
	const struct decide_row	*row = &decide_rows[_i];
	struct assertion_set	 set;
	struct trust_facts	 facts = {
		.is_sealed = (row->flags & SEALED) != 0,
		.is_overridden = (row->flags & OVERRIDDEN) != 0
	};
	enum trust_command	 command;
	struct verdict		 got;

	if (row->profile != NULL)
		facts.profile = trust_profile_find(trust, row->profile);
	parse_line(row->name, row->line, &set);
	ck_assert(trust_command_find((struct span){ row->line,
	    strcspn(row->line, " ") }, &command));
	memset(&got, 0xff, sizeof(got));
	trust_decide(trust, &facts, command, &set, &got);
	ck_assert_msg(got.action == row->want &&
	    got.reason == row->want_reason, "%s: got %s (%s, %s), want %s "
	    "(%s)", row->name, verdict_action_text(got.action),
	    verdict_reason_text(got.reason), got.text,
	    verdict_action_text(row->want),
	    verdict_reason_text(row->want_reason));
	ck_assert_msg(got.attribute == row->want_attribute,
	    "%s: got attribute %d, want %d", row->name, got.attribute,
	    row->want_attribute);
	ck_assert_msg(row->want_rule == NULL ||
	    strcmp(got.rule, row->want_rule) == 0, "%s: got rule %s, want %s",
	    row->name, got.rule, row->want_rule);
	ck_assert_msg(row->want_text == NULL ||
	    strcmp(got.text, row->want_text) == 0, "%s: got \"%s\", want "
	    "\"%s\"", row->name, got.text, row->want_text);
	ck_assert_msg(got.report_only == (row->profile != NULL &&
	    got.action == VERDICT_PERMIT && got.reason != REASON_GRANTED),
	    "%s: report_only %d", row->name, got.report_only);
}
END_TEST

static const struct context_row {
	const char		*name, *profile;
	bool			 is_sealed;
	const char		*pairs;
	enum verdict_action	 want;
	enum verdict_reason	 want_reason;
	const char		*want_rule;	/* NULL: any */
	const char		*want_text;	/* likewise */
} context_rows[] = {
	{ "by name", "context", false, "tenant=1", VERDICT_PERMIT,
	    REASON_GRANTED, FILE_NAME ":93", "granted" },
	{ "in any case", "context", false, "TENANT=1", VERDICT_PERMIT,
	    REASON_GRANTED, NULL, NULL },
	{ "by pattern", "context", false, "route.=1 ROUTE.next.hop=1 xyz=1 "
	    "r1=1", VERDICT_PERMIT, REASON_GRANTED, NULL, NULL },
	{ "beside the pattern", "context", false, "route=1", VERDICT_REJECT,
	    REASON_NO_GRANT, FILE_NAME ":93",
	    "XSETCONTEXT: route is not granted" },
	{ "a pattern is anchored", "context", false, "my.route.x=1",
	    VERDICT_REJECT, REASON_NO_GRANT, NULL, NULL },
	{ "a range", "context", false, "t1=1", VERDICT_REJECT,
	    REASON_NO_GRANT, NULL, NULL },
	{ "a name is no pattern", "context", false, "tenants=1",
	    VERDICT_REJECT, REASON_NO_GRANT, NULL, NULL },
	{ "negated, first match wins", "context", false,
	    "Route.Secret=1", VERDICT_REJECT, REASON_NO_GRANT, NULL,
	    "XSETCONTEXT: route.secret is not granted" },
	{ "the first that is not granted", "context", false,
	    "tenant=1 a=1 b=1", VERDICT_REJECT, REASON_NO_GRANT, NULL,
	    "XSETCONTEXT: a is not granted" },
	{ "built in, by pattern", "context", false, "auth_user=root",
	    VERDICT_REJECT, REASON_NO_GRANT, NULL,
	    "XSETCONTEXT: auth_user is not granted" },
	{ "not built in, by that pattern", "context", false, "auth_users=x",
	    VERDICT_PERMIT, REASON_GRANTED, NULL, NULL },
	{ "built in, by name", "context", false, "queue_id=1",
	    VERDICT_PERMIT, REASON_GRANTED, NULL, NULL },
	{ "built in, negated by name", "context", false, "mailfrom=1",
	    VERDICT_REJECT, REASON_NO_GRANT, NULL, NULL },
	{ "sealed", "context", true, "tenant=1", VERDICT_REJECT,
	    REASON_SEALED, FILE_NAME ":90", NULL },
	{ "sealed and not granted", "context", true, "a=1", VERDICT_REJECT,
	    REASON_SEALED, NULL, NULL },
	{ "nothing granted", "edge", false, "tenant=1", VERDICT_REJECT,
	    REASON_NO_GRANT, FILE_NAME ":10", NULL },
	{ "report only", "watch", false, "tenant=1", VERDICT_PERMIT,
	    REASON_NO_GRANT, FILE_NAME ":40", NULL },
	{ "report only, built in", "watch", false, "tenant=1 auth_user=1",
	    VERDICT_TEMPFAIL, REASON_NO_GRANT, FILE_NAME ":40",
	    "XSETCONTEXT: auth_user is not granted" },
	{ "report everything, built in", "tryall", false, "auth_user=1",
	    VERDICT_PERMIT, REASON_NO_GRANT, FILE_NAME ":130", NULL },
	{ "report only, sealed", "watch", true, "tenant=1", VERDICT_TEMPFAIL,
	    REASON_SEALED, NULL, NULL },
	{ "stranger", TRUST_STRANGER, false, "tenant=1", VERDICT_TEMPFAIL,
	    REASON_NO_GRANT, "built-in", NULL },
	{ "no profile is a stranger", NULL, false, "tenant=1",
	    VERDICT_TEMPFAIL, REASON_NO_GRANT, "built-in", NULL },
	{ "root", TRUST_ROOT, false, "any.thing=1", VERDICT_PERMIT,
	    REASON_GRANTED, "built-in", NULL },
	{ "root, built in", TRUST_ROOT, false, "auth_user=1",
	    VERDICT_TEMPFAIL, REASON_NO_GRANT, NULL, NULL },
};

static struct trust_facts
facts_of(const char *profile, bool is_sealed)
{
	return (struct trust_facts){ .is_sealed = is_sealed,
	    .profile = profile == NULL ? NULL :
	    trust_profile_find(trust, profile) };
}

START_TEST(decide_context)
{
	const struct context_row	*row = &context_rows[_i];
	struct trust_facts		 facts = facts_of(row->profile,
					     row->is_sealed);
	struct context_line		*line = malloc(sizeof(*line));
	struct verdict			 got;
	struct err			 err = { "" };

	ck_assert_ptr_nonnull(line);
	ck_assert_msg(context_line_parse(span_of(row->pairs), line, &err),
	    "%s: %s", row->name, err.text);
	memset(&got, 0xff, sizeof(got));
	trust_decide_context(trust, &facts, line, &got);
	free(line);
	ck_assert_msg(got.action == row->want &&
	    got.reason == row->want_reason, "%s: got %s (%s, %s)", row->name,
	    verdict_action_text(got.action), verdict_reason_text(got.reason),
	    got.text);
	ck_assert_msg(row->want_rule == NULL ||
	    strcmp(got.rule, row->want_rule) == 0, "%s: got rule %s",
	    row->name, got.rule);
	ck_assert_msg(row->want_text == NULL ||
	    strcmp(got.text, row->want_text) == 0, "%s: got \"%s\"",
	    row->name, got.text);
	ck_assert_int_eq(got.attribute, -1);
	ck_assert_msg(got.report_only == (got.action == VERDICT_PERMIT &&
	    got.reason != REASON_GRANTED), "%s: report_only", row->name);
}
END_TEST

static const struct dump_row {
	const char		*profile;
	bool			 is_sealed;
	enum verdict_action	 want;
	enum verdict_reason	 want_reason;
	const char		*want_rule;
} dump_rows[] = {
	{ "dumper", false, VERDICT_PERMIT, REASON_GRANTED, FILE_NAME ":100" },
	{ "dumper", true, VERDICT_TEMPFAIL, REASON_SEALED, FILE_NAME ":100" },
	{ "reader", false, VERDICT_PERMIT, REASON_GRANTED, FILE_NAME ":105" },
	{ "reader", true, VERDICT_PERMIT, REASON_GRANTED, FILE_NAME ":105" },
	{ "edge", false, VERDICT_REJECT, REASON_NO_GRANT, FILE_NAME ":10" },
	{ "edge", true, VERDICT_REJECT, REASON_SEALED, FILE_NAME ":10" },
	{ "context", false, VERDICT_REJECT, REASON_NO_GRANT,
	    FILE_NAME ":90" },
	{ "welcome", false, VERDICT_DISCONNECT, REASON_NO_GRANT,
	    FILE_NAME ":110" },
	{ "watch", false, VERDICT_PERMIT, REASON_NO_GRANT, FILE_NAME ":40" },
	{ "watch", true, VERDICT_TEMPFAIL, REASON_SEALED, FILE_NAME ":40" },
	{ NULL, false, VERDICT_TEMPFAIL, REASON_NO_GRANT, "built-in" },
	{ TRUST_ROOT, false, VERDICT_PERMIT, REASON_GRANTED, "built-in" },
};

START_TEST(decide_dump)
{
	const struct dump_row	*row = &dump_rows[_i];
	struct trust_facts	 facts = facts_of(row->profile,
				     row->is_sealed);
	struct verdict		 got;

	memset(&got, 0xff, sizeof(got));
	trust_decide_dump(trust, &facts, &got);
	ck_assert_msg(got.action == row->want &&
	    got.reason == row->want_reason &&
	    strcmp(got.rule, row->want_rule) == 0, "%d: got %s (%s) at %s",
	    _i, verdict_action_text(got.action),
	    verdict_reason_text(got.reason), got.rule);
}
END_TEST

/* Which commands a profile grants, as letters. */
static const struct grants_row {
	const char	*profile, *want;
	bool		 want_any, is_always_allowed;
	unsigned	 received;
} grants_rows[] = {
	{ "edge", "CF---", true, false, 0 },
	{ "remote", "--R--", true, false, 0 },
	{ "context", "---S-", true, false, 0 },
	{ "dumper", "----D", true, false, 2 },
	{ "reader", "----D", true, false, 0 },
	{ "welcome", "-----", true, true, 0 },
	{ "gateway", "-----", true, false, 1 },
	{ "watch", "CFR--", true, false, 0 },
	{ "try", "CFR--", true, false, 0 },
	{ "tryall", "CFR--", true, false, 0 },
	{ TRUST_STRANGER, "-----", false, false, 0 },
	{ TRUST_ROOT, "CFRSD", true, false, 0 },
};

START_TEST(grants)
{
	const struct grants_row		*row = &grants_rows[_i];
	const struct trust_profile	*p = trust_profile_find(trust,
					     row->profile);
	char				 got[TRUST_COMMAND_COUNT + 1] = "";
	int				 i;

	for (i = 0; i < TRUST_COMMAND_COUNT; i++)
		got[i] = trust_profile_may(p, (enum trust_command)i) ?
		    "CFRSD"[i] : '-';
	ck_assert_msg(strcmp(got, row->want) == 0, "%s: got %s",
	    row->profile, got);
	for (i = 0; i < TRUST_COMMAND_COUNT; i++)
		ck_assert_msg(trust_profile_may_sealed(p,
		    (enum trust_command)i) == (i == TRUST_XDUMPCONTEXT &&
		    strcmp(row->profile, "reader") == 0), "%s, sealed: %d",
		    row->profile, i);
	ck_assert(trust_profile_may_any(p) == row->want_any);
	ck_assert(trust_profile_always_allow(p) == row->is_always_allowed);
	ck_assert_uint_eq(trust_profile_received(p), row->received);
}
END_TEST

START_TEST(command_words)
{
	enum trust_command	 back;
	char			 text[32], *p;
	int			 i;

	for (i = 0; i < TRUST_COMMAND_COUNT; i++) {
		strcpy(text, trust_command_text((enum trust_command)i));
		ck_assert(trust_command_find(span_of(text), &back));
		ck_assert_int_eq((int)back, i);
		for (p = text; *p != '\0'; p++)
			*p = (char)(*p | 0x20);
		ck_assert(trust_command_find(span_of(text), &back));
		ck_assert_int_eq((int)back, i);
		strcat(text, "s");
		ck_assert(!trust_command_find(span_of(text), &back));
		text[strlen(text) - 2] = '\0';
		ck_assert(!trust_command_find(span_of(text), &back));
	}
	ck_assert(!trust_command_find(span_of(""), &back));
}
END_TEST

/* The network that decides is the first, whatever stands around it. */
START_TEST(order_of_items)
{
	static const struct {
		const char	*name, *items[5], *addr;
		bool		 want;
	} rows[] = {
		{ "first wins, refusing", { "!10.0.0.0/8", "10.1.0.0/16",
		    NULL }, "10.1.1.1", false },
		{ "first wins, allowing", { "10.1.0.0/16", "!10.0.0.0/8",
		    "*", NULL }, "10.1.1.1", true },
		{ "second applies outside the first", { "10.1.0.0/16",
		    "!10.0.0.0/8", "*", NULL }, "10.2.1.1", false },
		{ "star in front of a network", { "*", "!10.0.0.0/8", NULL },
		    "10.2.1.1", true },
		{ "star behind a network", { "!10.0.0.0/8", "*", NULL },
		    "11.2.1.1", true },
		{ "last of a network", { "10.0.0.0/30", NULL }, "10.0.0.3",
		    true },
		{ "behind a network", { "10.0.0.0/30", NULL }, "10.0.0.4",
		    false },
		{ "last of a large one", { "10.1.0.0/16", NULL },
		    "10.1.255.255", true },
		{ "last of an IPv6 network", { "2001:db8::/33", NULL },
		    "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff", true },
		{ "behind an IPv6 network", { "2001:db8::/33", NULL },
		    "2001:db8:8000::", false },
		{ "negated star", { "10.0.0.0/8", "!*", "11.0.0.0/8", NULL },
		    "11.2.1.1", false },
		{ "table in front", { "!inline:{10.0.0.1=x}", "10.0.0.0/8",
		    NULL }, "10.0.0.1", false },
		{ "table behind", { "10.0.0.0/8", "!inline:{10.0.0.1=x}",
		    NULL }, "10.0.0.1", true },
		{ "cidr table", { "cidr:{{10.0.0.0/8 x}}", NULL },
		    "10.0.0.1", true },
		{ "negated public", { "!public", "*", NULL },
		    "203.0.113.77", false },
		{ "not public, negated", { "!public", "*", NULL },
		    "10.0.0.1", true },
		{ "IPv4 rule, IPv6 address", { "0.0.0.0/0", NULL }, "::1",
		    false },
	};
	size_t	 i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct trust_profile_def	 def = { .line = 5,
		    .file = FILE_NAME, .xclient = LIST("*"),
		    .values[ASSERTION_ADDR] = rows[i].items };
		struct assertion_set		 set;
		struct trust_facts		 facts = { 0 };
		struct verdict			 got;
		char				 name[16];

		snprintf(name, sizeof(name), "order%zu", i);
		def.name = name;
		add(&def);
		facts.profile = trust_profile_find(trust, name);
		assertion_init(&set, ASSERTION_XCLIENT);
		ck_assert(assertion_set_value(&set, ASSERTION_ADDR,
		    ASSERTION_VALUE, span_of(rows[i].addr)));
		trust_decide(trust, &facts,
	    (enum trust_command)set.command, &set, &got);
		ck_assert_msg((got.action == VERDICT_PERMIT) == rows[i].want,
		    "%s: got %s (%s)", rows[i].name,
		    verdict_action_text(got.action), got.text);
	}
}
END_TEST

static const struct bad_row {
	const char			*name;
	struct trust_profile_def	 def;
	const char			*want;	/* in err */
} bad_rows[] = {
	{ "unknown attribute", { .name = "x", .line = 1,
	    .xclient = LIST("ADDR", "FOO"), .xclient_line = 9 },
	    FILE_NAME ":9: xclient: unknown attribute \"FOO\"" },
	{ "XFORWARD's in xclient", { .name = "x", .line = 1,
	    .xclient = LIST("IDENT"), .xclient_line = 9 },
	    FILE_NAME ":9: xclient: unknown attribute \"IDENT\"" },
	{ "XCLIENT's in xforward", { .name = "x", .line = 1,
	    .xforward = LIST("LOGIN"), .xforward_line = 8 },
	    FILE_NAME ":8: xforward: unknown attribute \"LOGIN\"" },
	{ "unknown in drop", { .name = "x", .line = 1, .drop = LIST("*"),
	    .drop_line = 7 }, FILE_NAME ":7: drop: unknown" },
	{ "network with more bits", { .name = "x", .line = 1,
	    .values[ASSERTION_ADDR] = LIST("10.0.0.1/8"),
	    .values_line[ASSERTION_ADDR] = 6 }, FILE_NAME ":6: addr: " },
	{ "name where a network is due", { .name = "x", .line = 1,
	    .values[ASSERTION_DESTADDR] = LIST("example.com") },
	    FILE_NAME ":1: destaddr: \"example.com\"" },
	{ "empty item", { .name = "x", .line = 1,
	    .values[ASSERTION_NAME] = LIST("") }, ":1: name: empty item" },
	{ "bare !", { .name = "x", .line = 1,
	    .values[ASSERTION_LOGIN] = LIST("!") }, ": login: empty item" },
	{ "missing table", { .name = "x", .line = 1,
	    .values[ASSERTION_LOGIN] = LIST("texthash:./not/there"),
	    .values_line[ASSERTION_LOGIN] = 4 }, FILE_NAME ":4: login: " },
	{ "unknown type", { .name = "x", .line = 1,
	    .values[ASSERTION_ADDR] = LIST("nosuch:x"),
	    .values_line[ASSERTION_ADDR] = 4 }, FILE_NAME ":4: addr: " },
	{ "[TEMPUNAVAIL]", { .name = "x", .line = 1,
	    .values[ASSERTION_NAME] = LIST("![tempunavail]") },
	    "write \"[UNAVAILABLE]\"" },
	{ "duplicate", { .name = "edge", .line = 2 },
	    FILE_NAME ":2: profile \"edge\" exists already" },
	{ "built in", { .name = "root", .line = 2 }, "is built in" },
	{ "built in too", { .name = "stranger", .line = 2 },
	    "is built in" },
	{ "context name with a blank", { .name = "x", .line = 1,
	    .xsetcontext = LIST("tenant", "a b"), .xsetcontext_line = 5 },
	    FILE_NAME ":5: xsetcontext: \"a b\" is not valid" },
	{ "context name with a slash", { .name = "x", .line = 1,
	    .xsetcontext = LIST("a/b") }, ": xsetcontext: \"a/b\"" },
	{ "context name with an equals sign", { .name = "x", .line = 1,
	    .xsetcontext = LIST("a=*") }, ": xsetcontext: \"a=*\"" },
	{ "empty context name", { .name = "x", .line = 1,
	    .xsetcontext = LIST("") }, ": xsetcontext: \"\"" },
	{ "bare ! as a context name", { .name = "x", .line = 1,
	    .xsetcontext = LIST("!") }, ": xsetcontext: \"!\"" },
	{ "bad context name behind a !", { .name = "x", .line = 1,
	    .xsetcontext = LIST("!a b") }, ": xsetcontext: \"!a b\"" },
	{ "long context name", { .name = "x", .line = 1,
	    .xsetcontext = LIST(NAME64 "x") }, ": xsetcontext: \"" },
	{ "8-bit context name", { .name = "x", .line = 1,
	    .xsetcontext = LIST("gr\303\274n") }, ": xsetcontext: \"" },
	{ "bad name", { .name = "a b", .line = 2 }, "profile's name" },
	{ "empty name", { .name = "", .line = 2 }, "profile's name" },
};

START_TEST(bad_profile)
{
	struct trust_profile_def	 def = bad_rows[_i].def;
	struct err			 err = { "" };

	def.file = FILE_NAME;
	ck_assert_msg(trust_add_profile(trust, &def, &err) == -1, "%s: taken",
	    bad_rows[_i].name);
	ck_assert_msg(strstr(err.text, bad_rows[_i].want) != NULL,
	    "%s: got \"%s\"", bad_rows[_i].name, err.text);
	if (strcmp(def.name, "x") == 0)
		ck_assert_ptr_null(trust_profile_find(trust, "x"));
}
END_TEST

START_TEST(bad_map)
{
	struct err	 err = { "" };

	ck_assert(trust_add_map(trust, NULL, "cidr:./not/there", FILE_NAME, 7,
	    &err) == -1);
	ck_assert_msg(strncmp(err.text, FILE_NAME ":7: trust_maps: ",
	    strlen(FILE_NAME) + 16) == 0, "%s", err.text);
}
END_TEST

START_TEST(profile_facts)
{
	const struct trust_profile	*p;

	p = trust_profile_find(trust, "webmail");
	ck_assert_int_eq(trust_profile_seal(p), TRUST_SEAL_OVERRIDE);
	ck_assert_int_eq(trust_profile_on_violation(p), VERDICT_DISCONNECT);
	ck_assert(!trust_profile_report_only(p));
	ck_assert(trust_profile_may(p, TRUST_XCLIENT));
	ck_assert(!trust_profile_may(p, TRUST_XFORWARD));
	p = trust_profile_find(trust, "all");
	ck_assert_int_eq(trust_profile_on_violation(p), VERDICT_TEMPFAIL);
	ck_assert_int_eq(trust_profile_seal(p), TRUST_SEAL_GREETING);
	p = trust_profile_find(trust, "watch");
	ck_assert(trust_profile_report_only(p));
	p = trust_profile_find(trust, TRUST_STRANGER);
	ck_assert(!trust_profile_may(p, TRUST_XCLIENT));
	ck_assert(!trust_profile_may(p, TRUST_XFORWARD));
	p = trust_profile_find(trust, TRUST_ROOT);
	ck_assert(trust_profile_may(p, TRUST_XCLIENT));
	ck_assert(trust_profile_may(p, TRUST_XFORWARD));
	ck_assert_int_eq(trust_profile_seal(p), TRUST_SEAL_GREETING);
	ck_assert_ptr_null(trust_profile_find(trust, "nosuch"));
	ck_assert_ptr_null(trust_profile_find(trust, "Edge"));
}
END_TEST

START_TEST(drop)
{
	struct assertion_set	 set;

	parse_line("drop", "XCLIENT ADDR=192.0.2.9 HELO=a LOGIN=joe PORT=9",
	    &set);
	trust_profile_drop(trust_profile_find(trust, "watch"), &set);
	ck_assert_int_eq(set.v[ASSERTION_ADDR].status, ASSERTION_VALUE);
	ck_assert_int_eq(set.v[ASSERTION_PORT].status, ASSERTION_VALUE);
	ck_assert_int_eq(set.v[ASSERTION_HELO].status, ASSERTION_ABSENT);
	ck_assert_int_eq(set.v[ASSERTION_LOGIN].status, ASSERTION_ABSENT);
}
END_TEST

START_TEST(violation)
{
	struct verdict	 got;
	char		 text[600];

	trust_violation(NULL, REASON_NO_SESSION, "who is it?", &got);
	ck_assert_int_eq(got.action, VERDICT_TEMPFAIL);
	ck_assert_int_eq(got.reason, REASON_NO_SESSION);
	ck_assert_int_eq(got.attribute, -1);
	ck_assert_str_eq(got.rule, "built-in");
	ck_assert_str_eq(got.text, "who is it?");
	trust_violation(trust_profile_find(trust, "edge"), REASON_MALFORMED,
	    "a\r\nb\\\xc3", &got);
	ck_assert_int_eq(got.action, VERDICT_REJECT);
	ck_assert_str_eq(got.rule, FILE_NAME ":10");
	ck_assert_str_eq(got.text, "a\\x0D\\x0Ab\\\\xC3");
	trust_violation(trust_profile_find(trust, "watch"), REASON_UNSEEN,
	    "x", &got);
	ck_assert_int_eq(got.action, VERDICT_TEMPFAIL);
	ck_assert(!got.report_only);
	trust_violation(trust_profile_find(trust, "edge"),
	    REASON_CANNOT_TELL, "x", &got);
	ck_assert_int_eq(got.action, VERDICT_TEMPFAIL);
	memset(text, '\1', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	trust_violation(NULL, REASON_MALFORMED, text, &got);
	ck_assert(ends_with(got.text, "\\x01..."));
}
END_TEST

/* Every table answer that fails says in the rule, not to the peer, why. */
START_TEST(cannot_tell_rule)
{
	struct assertion_set	 set;
	struct trust_facts	 facts = { 0 };
	struct verdict		 got;

	facts.profile = trust_profile_find(trust, "broken");
	parse_line("broken", "XCLIENT NAME=a.example", &set);
	trust_decide(trust, &facts,
	    (enum trust_command)set.command, &set, &got);
	ck_assert_msg(strncmp(got.rule, FILE_NAME ":62: ",
	    strlen(FILE_NAME) + 5) == 0, "%s", got.rule);
	ck_assert_msg(strlen(got.rule) > strlen(FILE_NAME) + 5, "%s",
	    got.rule);
}
END_TEST

/* Who is to be tried out and is granted nothing is offered all but a login. */
START_TEST(attributes)
{
	const struct trust_profile	*p;
	const unsigned			 login = 1U << ASSERTION_LOGIN;
	unsigned			 got;

	p = trust_profile_find(trust, "try");
	got = trust_profile_attributes(p, TRUST_XCLIENT);
	ck_assert((got & login) == 0);
	ck_assert((got & (1U << ASSERTION_ADDR)) != 0);
	p = trust_profile_find(trust, "tryall");
	ck_assert((trust_profile_attributes(p, TRUST_XCLIENT) & login) != 0);
	ck_assert_uint_eq(trust_profile_attributes(p, TRUST_XREMOTEIP), 0);
	p = trust_profile_find(trust, "watch");
	ck_assert_uint_eq(trust_profile_attributes(p, TRUST_XCLIENT),
	    1U << ASSERTION_ADDR);
	ck_assert((trust_profile_attributes(p, TRUST_XFORWARD) &
	    (1U << ASSERTION_HELO)) == 0);
	ck_assert((trust_profile_attributes(p, TRUST_XFORWARD) &
	    (1U << ASSERTION_IDENT)) != 0);
}
END_TEST

static const struct also_row {
	const char	*name, *profile, *line, *want_text, *want_also;
} also_rows[] = {
	{ "nothing else", "edge", "XCLIENT LOGIN=root",
	    "XCLIENT: attribute LOGIN is not granted", "" },
	{ "granted", "edge", "XCLIENT ADDR=203.0.113.77", "granted", "" },
	{ "each, with its rule", "edge",
	    "XCLIENT ADDR=10.2.0.1 NAME=a.example.com LOGIN=root",
	    "ADDR=10.2.0.1 is not a public address",
	    "NAME=a.example.com is not allowed (" FILE_NAME ":14); "
	    "XCLIENT: attribute LOGIN is not granted (" FILE_NAME ":11)" },
	{ "what passes behind what refuses", "try",
	    "XCLIENT PORT=1 HELO=a LOGIN=root",
	    "XCLIENT: attribute LOGIN is not granted",
	    "XCLIENT: attribute PORT is not granted (" FILE_NAME ":140); "
	    "XCLIENT: attribute HELO is not granted (" FILE_NAME ":140)" },
	{ "all of what passes", "tryall",
	    "XCLIENT ADDR=127.0.0.1 LOGIN=root",
	    "XCLIENT: attribute ADDR is not granted",
	    "XCLIENT: attribute LOGIN is not granted (" FILE_NAME ":130)" },
};

START_TEST(also)
{
	const struct also_row	*row = &also_rows[_i];
	struct trust_facts	 facts = facts_of(row->profile, false);
	struct assertion_set	 set;
	struct verdict		 got;

	parse_line(row->name, row->line, &set);
	memset(&got, 0xff, sizeof(got));
	trust_decide(trust, &facts, TRUST_XCLIENT, &set, &got);
	ck_assert_msg(strcmp(got.text, row->want_text) == 0, "%s: text %s",
	    row->name, got.text);
	/* The bits come in the order of what was said last. */
	ck_assert_msg(strcmp(got.also, row->want_also) == 0, "%s: also %s",
	    row->name, got.also);
}
END_TEST

/* What fills the room is cut, and no more is written. */
START_TEST(also_is_bounded)
{
	struct context_line	*line = calloc(1, sizeof(*line));
	struct trust_facts	 facts = facts_of("edge", false);
	struct verdict		 got;
	char			 name[64];
	int			 i;

	for (i = 0; i < 60; i++) {
		(void)snprintf(name, sizeof(name), "some.long.name.%d", i);
		ck_assert(context_line_add(line, span_of(name), span_of("x"),
		    NULL));
	}
	trust_decide_context(trust, &facts, line, &got);
	ck_assert_uint_eq(strlen(got.also), sizeof(got.also) - 1);
	free(line);
}
END_TEST

/* A table's entry is the rule, where there is one; else the list is. */
START_TEST(failing_map_is_not_passed_over)
{
	const struct trust_profile	*profile;
	struct trust_peer		 peer = { .listener = "failing" };
	struct err			 err = { "" };
	char				 spec[64], rule[192];

	make_lmdb();
	snprintf(spec, sizeof(spec), "lmdb:./%.*s",
	    (int)(strlen(lmdb_path) - strlen(".lmdb")), lmdb_path);
	add_map("failing", spec);
	add_map("failing", "inline:{192.0.2.60=all}");
	unlink(lmdb_path);
	peer.addr = addr_of("192.0.2.60");
	ck_assert_int_eq(trust_classify(trust, &peer, &profile, rule,
	    sizeof(rule), &err), TRUST_CANNOT_TELL);
	ck_assert_msg(strncmp(err.text, spec, strlen(spec)) == 0 &&
	    strstr(err.text, "192.0.2.60") != NULL, "%s", err.text);
}
END_TEST

/* Who has a profile at one door is not public, whatever fails at another; but
 * who has none that can be told may have one. */
START_TEST(public_by_one_that_can_tell)
{
	struct trust_facts	 facts = facts_of("edge", false);
	struct assertion_set	 set;
	struct verdict		 got;
	char			 spec[64];

	make_lmdb();
	snprintf(spec, sizeof(spec), "lmdb:./%.*s",
	    (int)(strlen(lmdb_path) - strlen(".lmdb")), lmdb_path);
	add_map("failing", spec);
	add_map("later", "inline:{203.0.113.60=all, 203.0.113.61=nosuch}");
	unlink(lmdb_path);
	parse_line("has one", "XCLIENT ADDR=203.0.113.60", &set);
	trust_decide(trust, &facts, TRUST_XCLIENT, &set, &got);
	ck_assert_int_eq(got.reason, REASON_VALUE);
	parse_line("has a wrong one", "XCLIENT ADDR=203.0.113.61", &set);
	trust_decide(trust, &facts, TRUST_XCLIENT, &set, &got);
	ck_assert_int_eq(got.reason, REASON_VALUE);
	parse_line("may have one", "XCLIENT ADDR=203.0.113.62", &set);
	trust_decide(trust, &facts, TRUST_XCLIENT, &set, &got);
	ck_assert_int_eq(got.reason, REASON_CANNOT_TELL);
	ck_assert_msg(strstr(got.rule, ": ") != NULL, "%s", got.rule);
	/* Nor is it told for a trial. */
	facts = facts_of("try", false);
	trust_decide(trust, &facts, TRUST_XCLIENT, &set, &got);
	ck_assert_int_eq(got.reason, REASON_CANNOT_TELL);
	ck_assert_int_eq(got.action, VERDICT_TEMPFAIL);
	ck_assert_int_eq(got.attribute, ASSERTION_ADDR);
}
END_TEST

START_TEST(table_rule)
{
	struct trust_profile_def	 def = { .name = "tab", .line = 5,
	    .xclient = LIST("*"), .values_line[ASSERTION_ADDR] = 6 };
	struct assertion_set		 set;
	struct trust_facts		 facts = { 0 };
	struct verdict			 got;
	char				 spec[64], want[64];

	snprintf(spec, sizeof(spec), "!texthash:./%s", table_path);
	def.values[ASSERTION_ADDR] = LIST(spec);
	add(&def);
	facts.profile = trust_profile_find(trust, "tab");
	parse_line("tab", "XCLIENT ADDR=192.0.2.71", &set);
	trust_decide(trust, &facts,
	    (enum trust_command)set.command, &set, &got);
	snprintf(want, sizeof(want), "%s:3", table_path);
	ck_assert_int_eq(got.reason, REASON_VALUE);
	ck_assert_msg(ends_with(got.rule, want), "%s", got.rule);
	parse_line("tab", "XCLIENT ADDR=192.0.2.72", &set);
	trust_decide(trust, &facts,
	    (enum trust_command)set.command, &set, &got);
	ck_assert_int_eq(got.reason, REASON_VALUE);
	ck_assert_str_eq(got.rule, FILE_NAME ":6");
}
END_TEST

START_TEST(long_file_name)
{
	struct trust_profile_def	 def = { .name = "far", .line = 4711 };
	char				 file[400];
	struct verdict			 got;

	memset(file, 'd', sizeof(file));
	memcpy(file + sizeof(file) - 5, "/end", 5);
	def.file = file;
	ck_assert_int_eq(trust_add_profile(trust, &def, NULL), 0);
	trust_violation(trust_profile_find(trust, "far"), REASON_SEALED, "x",
	    &got);
	ck_assert(ends_with(got.rule, "/end:4711"));
	ck_assert(strncmp(got.rule, "...d", 4) == 0);
	ck_assert_uint_eq(strlen(got.rule), sizeof(got.rule) - 1);
}
END_TEST

START_TEST(words)
{
	enum verdict_action	 action, back;
	int			 i, k;

	for (i = VERDICT_PERMIT; i <= VERDICT_DISCONNECT; i++) {
		action = (enum verdict_action)i;
		ck_assert(verdict_action_find(verdict_action_text(action),
		    &back));
		ck_assert_int_eq(back, action);
	}
	ck_assert(!verdict_action_find("Permit", &back));
	for (i = REASON_GRANTED; i <= REASON_CANNOT_TELL; i++)
		for (k = REASON_GRANTED; k < i; k++)
			ck_assert_str_ne(
			    verdict_reason_text((enum verdict_reason)i),
			    verdict_reason_text((enum verdict_reason)k));
	ck_assert_str_eq(verdict_reason_text(REASON_UNSEEN),
	    "unseen_override");
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("trust");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, classify, 0,
	    (int)(sizeof(classify_rows) / sizeof(classify_rows[0])));
	tcase_add_loop_test(tc, decide, 0,
	    (int)(sizeof(decide_rows) / sizeof(decide_rows[0])));
	tcase_add_loop_test(tc, bad_profile, 0,
	    (int)(sizeof(bad_rows) / sizeof(bad_rows[0])));
	tcase_add_loop_test(tc, decide_context, 0,
	    (int)(sizeof(context_rows) / sizeof(context_rows[0])));
	tcase_add_loop_test(tc, decide_dump, 0,
	    (int)(sizeof(dump_rows) / sizeof(dump_rows[0])));
	tcase_add_loop_test(tc, grants, 0,
	    (int)(sizeof(grants_rows) / sizeof(grants_rows[0])));
	tcase_add_test(tc, attributes);
	tcase_add_loop_test(tc, also, 0,
	    (int)(sizeof(also_rows) / sizeof(also_rows[0])));
	tcase_add_test(tc, also_is_bounded);
	tcase_add_test(tc, public_by_one_that_can_tell);
	tcase_add_test(tc, command_words);
	tcase_add_test(tc, order_of_items);
	tcase_add_test(tc, bad_map);
	tcase_add_test(tc, profile_facts);
	tcase_add_test(tc, drop);
	tcase_add_test(tc, violation);
	tcase_add_test(tc, cannot_tell_rule);
	tcase_add_test(tc, failing_map_is_not_passed_over);
	tcase_add_test(tc, table_rule);
	tcase_add_test(tc, long_file_name);
	tcase_add_test(tc, words);
	return runner_run("trust", tc);
}
