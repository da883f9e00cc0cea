/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * trust_decide_test: verdicts about commands, by the profiles of
 * t/lib/trust_fixture.h.
 */
#include "trust/trust.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "t/lib/runner.h"
#include "t/lib/trust_fixture.h"

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

START_TEST(decide)
{
	const struct decide_row	*row = &decide_rows[_i];
	struct assertion_set	 set;
	struct trust_speaker	 speaker = {
		.is_sealed = (row->flags & SEALED) != 0,
		.is_overridden = (row->flags & OVERRIDDEN) != 0
	};
	enum trust_command	 command;
	struct verdict		 got;

	if (row->profile != NULL)
		speaker.profile = trust_profile_find(trust, row->profile);
	parse_line(row->name, row->line, &set);
	ck_assert(trust_command_find((struct span){ row->line,
	    strcspn(row->line, " ") }, &command));
	memset(&got, 0xff, sizeof(got));
	trust_decide(trust, &speaker, command, &set, &got);
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

START_TEST(decide_context)
{
	const struct context_row	*row = &context_rows[_i];
	struct trust_speaker		 speaker = speaker_of(row->profile,
					     row->is_sealed);
	struct context_line		*line = malloc(sizeof(*line));
	struct verdict			 got;
	struct err			 err = { "" };

	ck_assert_ptr_nonnull(line);
	ck_assert_msg(context_line_parse(span_of(row->pairs), line, &err),
	    "%s: %s", row->name, err.text);
	memset(&got, 0xff, sizeof(got));
	trust_decide_context(trust, &speaker, line, &got);
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
	struct trust_speaker	 speaker = speaker_of(row->profile,
				     row->is_sealed);
	struct verdict		 got;

	memset(&got, 0xff, sizeof(got));
	trust_decide_dump(trust, &speaker, &got);
	ck_assert_msg(got.action == row->want &&
	    got.reason == row->want_reason &&
	    strcmp(got.rule, row->want_rule) == 0, "%d: got %s (%s) at %s",
	    _i, verdict_action_text(got.action),
	    verdict_reason_text(got.reason), got.rule);
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
	struct trust_speaker	 speaker = speaker_of(row->profile, false);
	struct assertion_set	 set;
	struct verdict		 got;

	parse_line(row->name, row->line, &set);
	memset(&got, 0xff, sizeof(got));
	trust_decide(trust, &speaker, TRUST_XCLIENT, &set, &got);
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
	struct trust_speaker	 speaker = speaker_of("edge", false);
	struct verdict		 got;
	char			 name[64];
	int			 i;

	for (i = 0; i < 60; i++) {
		(void)snprintf(name, sizeof(name), "some.long.name.%d", i);
		ck_assert(context_line_add(line, span_of(name), span_of("x"),
		    NULL));
	}
	trust_decide_context(trust, &speaker, line, &got);
	ck_assert_uint_eq(strlen(got.also), sizeof(got.also) - 1);
	free(line);
}
END_TEST

/* Who has a profile at one door is not public, whatever fails at another; but
 * who has none that can be told may have one. */
START_TEST(public_by_one_that_can_tell)
{
	struct trust_speaker	 speaker = speaker_of("edge", false);
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
	trust_decide(trust, &speaker, TRUST_XCLIENT, &set, &got);
	ck_assert_int_eq(got.reason, REASON_VALUE);
	parse_line("has a wrong one", "XCLIENT ADDR=203.0.113.61", &set);
	trust_decide(trust, &speaker, TRUST_XCLIENT, &set, &got);
	ck_assert_int_eq(got.reason, REASON_VALUE);
	parse_line("may have one", "XCLIENT ADDR=203.0.113.62", &set);
	trust_decide(trust, &speaker, TRUST_XCLIENT, &set, &got);
	ck_assert_int_eq(got.reason, REASON_CANNOT_TELL);
	ck_assert_msg(strstr(got.rule, ": ") != NULL, "%s", got.rule);
	/* Nor is it told for a trial. */
	speaker = speaker_of("try", false);
	trust_decide(trust, &speaker, TRUST_XCLIENT, &set, &got);
	ck_assert_int_eq(got.reason, REASON_CANNOT_TELL);
	ck_assert_int_eq(got.action, VERDICT_TEMPFAIL);
	ck_assert_int_eq(got.attribute, ASSERTION_ADDR);
}
END_TEST

static const struct attribute_row {
	const char		*profile, *line;
	enum assertion_name	 name;
	enum verdict_action	 want;
	enum verdict_reason	 want_reason;
	const char		*want_rule;
} attribute_rows[] = {
	{ "edge", "XCLIENT ADDR=203.0.113.77 NAME=a.example.com",
	    ASSERTION_ADDR, VERDICT_PERMIT, REASON_GRANTED, FILE_NAME ":13" },
	{ "edge", "XCLIENT ADDR=203.0.113.77 NAME=a.example.com",
	    ASSERTION_NAME, VERDICT_REJECT, REASON_VALUE, FILE_NAME ":14" },
	{ "edge", "XCLIENT PORT=4", ASSERTION_PORT, VERDICT_PERMIT,
	    REASON_GRANTED, FILE_NAME ":10" },
	{ "edge", "XCLIENT LOGIN=joe", ASSERTION_LOGIN, VERDICT_REJECT,
	    REASON_NO_GRANT, FILE_NAME ":11" },
	{ "edge", "XFORWARD ADDR=10.2.2.3", ASSERTION_ADDR, VERDICT_REJECT,
	    REASON_VALUE, FILE_NAME ":13" },
	{ "webmail", "XCLIENT LOGIN=tenant.a", ASSERTION_LOGIN,
	    VERDICT_PERMIT, REASON_GRANTED, FILE_NAME ":33" },
	{ "webmail", "XCLIENT LOGIN=joe", ASSERTION_LOGIN, VERDICT_PERMIT,
	    REASON_GRANTED, FILE_NAME ":33" },
	{ "watch", "XCLIENT NAME=a.example.org", ASSERTION_NAME,
	    VERDICT_PERMIT, REASON_NO_GRANT, FILE_NAME ":41" },
	{ "broken", "XCLIENT NAME=a.example.org", ASSERTION_NAME,
	    VERDICT_TEMPFAIL, REASON_CANNOT_TELL, NULL },
	{ NULL, "XCLIENT NAME=a.example.org", ASSERTION_NAME,
	    VERDICT_TEMPFAIL, REASON_NO_GRANT, "built-in" },
};

START_TEST(one_attribute)
{
	const struct attribute_row	*r = &attribute_rows[_i];
	const struct trust_speaker	 speaker = speaker_of(r->profile,
					     false);
	struct assertion_set		 set;
	struct verdict			 got;

	parse_line(r->line, r->line, &set);
	trust_decide_attribute(trust, &speaker,
	    set.command == ASSERTION_XFORWARD ? TRUST_XFORWARD :
	    TRUST_XCLIENT, &set, r->name, &got);
	ck_assert_msg(got.action == r->want && got.reason == r->want_reason,
	    "%s: %s: got %s, %s", r->profile, r->line,
	    verdict_action_text(got.action), verdict_reason_text(got.reason));
	ck_assert_int_eq(got.attribute, r->name);
	ck_assert_msg(r->want_rule == NULL ||
	    ends_with(got.rule, r->want_rule), "%s: %s: %s", r->profile,
	    r->line, got.rule);
}
END_TEST

START_TEST(one_attribute_by_a_table)
{
	struct trust_profile_def	 def = { .name = "tab", .line = 5,
		.xclient = LIST("*"), .values_line[ASSERTION_LOGIN] = 6 };
	struct trust_speaker		 speaker;
	struct assertion_set		 set;
	struct verdict			 got;
	char				 spec[64], want[64];

	snprintf(spec, sizeof(spec), "texthash:./%s", table_path);
	def.values[ASSERTION_LOGIN] = LIST(spec);
	add(&def);
	speaker = speaker_of("tab", false);
	parse_line("tab", "XCLIENT LOGIN=192.0.2.70", &set);
	trust_decide_attribute(trust, &speaker, TRUST_XCLIENT, &set,
	    ASSERTION_LOGIN, &got);
	ck_assert_int_eq(got.action, VERDICT_PERMIT);
	snprintf(want, sizeof(want), "%s:2", table_path);
	ck_assert_msg(ends_with(got.rule, want), "%s", got.rule);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("trust_decide");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, decide, 0, NELEM(decide_rows));
	tcase_add_loop_test(tc, decide_context, 0, NELEM(context_rows));
	tcase_add_loop_test(tc, decide_dump, 0, NELEM(dump_rows));
	tcase_add_loop_test(tc, also, 0, NELEM(also_rows));
	tcase_add_loop_test(tc, one_attribute, 0, NELEM(attribute_rows));
	tcase_add_test(tc, one_attribute_by_a_table);
	tcase_add_test(tc, also_is_bounded);
	tcase_add_test(tc, public_by_one_that_can_tell);
	return runner_run("trust_decide", tc);
}
