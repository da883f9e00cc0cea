/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * trust_test: classification of peers, and what profiles and maps may be.
 * Verdicts about commands stand in trust_decide_test.c.
 */
#include "t/lib/runner.h"
#include "t/lib/trust_fixture.h"
#include "trust/trust.h"

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
		struct trust_speaker		 speaker = { 0 };
		struct verdict			 got;
		char				 name[16];

		snprintf(name, sizeof(name), "order%zu", i);
		def.name = name;
		add(&def);
		speaker.profile = trust_profile_find(trust, name);
		assertion_init(&set, ASSERTION_XCLIENT);
		ck_assert(assertion_set_value(&set, ASSERTION_ADDR,
		    ASSERTION_VALUE, span_of(rows[i].addr)));
		trust_decide(trust, &speaker,
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

START_TEST(profile_settings)
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
	struct trust_speaker	 speaker = { 0 };
	struct verdict		 got;

	speaker.profile = trust_profile_find(trust, "broken");
	parse_line("broken", "XCLIENT NAME=a.example", &set);
	trust_decide(trust, &speaker,
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

START_TEST(table_rule)
{
	struct trust_profile_def	 def = { .name = "tab", .line = 5,
	    .xclient = LIST("*"), .values_line[ASSERTION_ADDR] = 6 };
	struct assertion_set		 set;
	struct trust_speaker		 speaker = { 0 };
	struct verdict			 got;
	char				 spec[64], want[64];

	snprintf(spec, sizeof(spec), "!texthash:./%s", table_path);
	def.values[ASSERTION_ADDR] = LIST(spec);
	add(&def);
	speaker.profile = trust_profile_find(trust, "tab");
	parse_line("tab", "XCLIENT ADDR=192.0.2.71", &set);
	trust_decide(trust, &speaker,
	    (enum trust_command)set.command, &set, &got);
	snprintf(want, sizeof(want), "%s:3", table_path);
	ck_assert_int_eq(got.reason, REASON_VALUE);
	ck_assert_msg(ends_with(got.rule, want), "%s", got.rule);
	parse_line("tab", "XCLIENT ADDR=192.0.2.72", &set);
	trust_decide(trust, &speaker,
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

static const struct told_row {
	const char	*profile, *want;
} told_rows[] = {
	{ "stranger", "" },
	{ "try", "" },
	{ "webmail", "XCLIENT ADDR [*] :31 :30|"
	    "XCLIENT LOGIN [!admin, tenant.*, inline:{joe=x}] :31 :33|" },
	{ "remote", "XREMOTEIP ADDR [!198.51.100.0/24, public] :80 :82|" },
	{ "dumper", "XDUMPCONTEXT until the seal [-] :100 -|" },
	{ "reader", "XDUMPCONTEXT sealed, too [-] :105 -|" },
	{ "context", "XSETCONTEXT !route.secret [-] :93 -|"
	    "XSETCONTEXT Tenant [-] :93 -|XSETCONTEXT Route.* [-] :93 -|"
	    "XSETCONTEXT x?z [-] :93 -|XSETCONTEXT [q-s]1 [-] :93 -|"
	    "XSETCONTEXT auth_* [-] :93 -|XSETCONTEXT QUEUE_ID [-] :93 -|"
	    "XSETCONTEXT !mailfrom [-] :93 -|XSETCONTEXT mailfrom [-] :93 -|" },
	{ "edge", "XCLIENT ADDR [!198.51.100.0/24, 10.1.0.0/16, public] "
	    ":11 :13|XCLIENT NAME [!.example.com, !example.com, *] :11 :14|"
	    "XCLIENT REVERSE_NAME [*] :11 :10|XCLIENT PORT [*] :11 :10|"
	    "XCLIENT PROTO [*] :11 :10|XCLIENT HELO [!.example.com, *] "
	    ":11 :15|XFORWARD ADDR [!198.51.100.0/24, 10.1.0.0/16, public] "
	    ":12 :13|XFORWARD NAME [!.example.com, !example.com, *] :12 :14|"
	    "XFORWARD PORT [*] :12 :10|XFORWARD PROTO [*] :12 :10|"
	    "XFORWARD HELO [!.example.com, *] :12 :15|"
	    "XFORWARD IDENT [*] :12 :10|XFORWARD SOURCE [*] :12 :10|" },
};

static const char *
line_of(const char *rule)
{
	return rule == NULL ? "-" : strrchr(rule, ':');
}

static void
take_grant(const struct trust_grant *grant, void *arg)
{
	char	*got = arg;
	size_t	 n = strlen(got);

	(void)snprintf(got + n, 2048 - n, "%s %s [%s] %s %s|",
	    grant->command, grant->what, grant->values == NULL ? "-" :
	    grant->values, line_of(grant->rule), line_of(grant->values_rule));
}

START_TEST(what_is_granted)
{
	const struct told_row	*r = &told_rows[_i];
	char			 got[2048] = "";

	trust_profile_each_grant(trust_profile_find(trust, r->profile),
	    take_grant, got);
	ck_assert_str_eq(got, r->want);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("trust");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, classify, 0, NELEM(classify_rows));
	tcase_add_loop_test(tc, bad_profile, 0, NELEM(bad_rows));
	tcase_add_loop_test(tc, grants, 0, NELEM(grants_rows));
	tcase_add_loop_test(tc, what_is_granted, 0, NELEM(told_rows));
	tcase_add_test(tc, attributes);
	tcase_add_test(tc, command_words);
	tcase_add_test(tc, order_of_items);
	tcase_add_test(tc, bad_map);
	tcase_add_test(tc, profile_settings);
	tcase_add_test(tc, drop);
	tcase_add_test(tc, violation);
	tcase_add_test(tc, cannot_tell_rule);
	tcase_add_test(tc, failing_map_is_not_passed_over);
	tcase_add_test(tc, table_rule);
	tcase_add_test(tc, long_file_name);
	tcase_add_test(tc, words);
	return runner_run("trust", tc);
}
