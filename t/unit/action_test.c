/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * action_test: what is an action, and what is said of the rest.
 *
 * Behind each text that is refused stands what Postfix 3.7.11 was seen to do
 * with it as the answer of a policy service.
 */
#include "access/action.h"

#include <stdio.h>
#include <stdlib.h>

#include "t/lib/edge.h"
#include "t/lib/runner.h"

#define X16		"xxxxxxxxxxxxxxxx"
#define X64		X16 X16 X16 X16
#define TEXT_BEHIND	"expected a text behind the reply code"
#define STATUS_BEHIND	"expected a text behind the enhanced status code"
#define ALONE		"expected nothing behind that word, for Postfix " \
			"ignores it"
#define NO_ACTION	"expected an action, a restriction or the name of " \
			"a restriction class"
#define NOTHING		"expected an action, got nothing"
#define NO_TABLE	"expected no table or service, which can only be " \
			"given within a restriction class"
#define ADDRESS		"expected one user@domain, without quotes, " \
			"brackets and blanks"
#define TRANSPORT	"expected transport:destination"
#define HEADER		"expected a header, \"Name: value\""
#define DOMAIN		"expected a domain, or domain=d.d.d.d behind it"
#define SECONDS		"sleep: expected a number of seconds behind it"
#define CONTROL(byte, at) \
	"expected no control characters, got " byte " at byte " at

static const char	*const classes[] = { "strict", "Mixed", NULL };

/* want: what err says of a bad one. */
static const struct row {
	const char		*name, *in;
	enum action_result	 result;
	const char		*want;
} rows[] = {
	{ "OK", "OK", ACTION_VALID, NULL },
	{ "in any case", "oK", ACTION_VALID, NULL },
	{ "blanks at the end", "OK \t", ACTION_VALID, NULL },
	{ "RELAY", "RELAY", ACTION_VALID, NULL },
	{ "DUNNO", "DUNNO", ACTION_DUNNO, NULL },
	{ "dunno", "dunno ", ACTION_DUNNO, NULL },
	{ "REJECT", "REJECT", ACTION_VALID, NULL },
	{ "REJECT, text", "reject no: \xc3\xa4 {", ACTION_VALID, NULL },
	{ "REJECT, status", "REJECT 5.7.1 no", ACTION_VALID, NULL },
	{ "REJECT, no status", "REJECT 3.7.1", ACTION_VALID, NULL },
	{ "REJECT behind a tab", "REJECT\tno", ACTION_VALID, NULL },
	{ "DEFER", "DEFER", ACTION_VALID, NULL },
	{ "DEFER, text", "DEFER later", ACTION_VALID, NULL },
	{ "DEFER_IF_REJECT", "DEFER_IF_REJECT wait", ACTION_VALID, NULL },
	{ "DEFER_IF_PERMIT", "defer_if_permit 4.7.1 wait", ACTION_VALID,
	    NULL },
	{ "BCC", "BCC a@example.com", ACTION_VALID, NULL },
	{ "REDIRECT", "REDIRECT a@b@[192.0.2.1]", ACTION_VALID, NULL },
	{ "DISCARD", "DISCARD", ACTION_VALID, NULL },
	{ "DISCARD, text", "DISCARD why", ACTION_VALID, NULL },
	{ "FILTER", "FILTER smtp-x_1.y:[127.0.0.1]:10025", ACTION_VALID,
	    NULL },
	{ "FILTER without destination", "FILTER smtp:", ACTION_VALID, NULL },
	{ "FILTER with destinations", "FILTER smtp:a, b", ACTION_VALID,
	    NULL },
	{ "HOLD", "HOLD", ACTION_VALID, NULL },
	{ "HOLD, text", "HOLD for a while", ACTION_VALID, NULL },
	{ "PREPEND", "PREPEND X-Tenant: acme", ACTION_VALID, NULL },
	{ "PREPEND, blank", "PREPEND X-A : \xc3\xa4", ACTION_VALID, NULL },
	{ "PREPEND, empty", "PREPEND !~:", ACTION_VALID, NULL },
	{ "INFO", "INFO", ACTION_VALID, NULL },
	{ "INFO, text", "INFO a:b", ACTION_VALID, NULL },
	{ "WARN", "warn what", ACTION_VALID, NULL },

	{ "a time", "1234567890", ACTION_VALID, NULL },
	{ "a code that means OK", "250", ACTION_VALID, NULL },
	{ "a digit", "0", ACTION_VALID, NULL },
	{ "a number like no code", "5540", ACTION_VALID, NULL },
	{ "450", "450 later", ACTION_VALID, NULL },
	{ "554, status", "554 5.7.1 no", ACTION_VALID, NULL },
	{ "status of another class", "450 5.7.1 no", ACTION_VALID, NULL },
	{ "status that is none", "450 9.9.9", ACTION_VALID, NULL },
	{ "status too short", "450 4.7", ACTION_VALID, NULL },
	{ "status too long", "450 4.7.1234", ACTION_VALID, NULL },
	{ "status without a number", "450 4..1", ACTION_VALID, NULL },
	{ "status without dots", "450 4x7x1", ACTION_VALID, NULL },
	{ "status glued", "450 4.7.1later", ACTION_VALID, NULL },
	{ "421", "421 bye", ACTION_VALID, NULL },
	{ "521", "521 bye", ACTION_VALID, NULL },
	{ "599 by a tab", "599\t \tx", ACTION_VALID, NULL },

	{ "restriction", "permit_mynetworks", ACTION_VALID, NULL },
	{ "in any case, too", "Reject_Unauth_Destination", ACTION_VALID,
	    NULL },
	{ "several", "permit_mynetworks, reject", ACTION_VALID, NULL },
	{ "commas", ",,permit_mynetworks,\treject,", ACTION_VALID, NULL },
	{ "blank before", " reject", ACTION_VALID, NULL },
	{ "domain", "reject_rbl_client x.example", ACTION_VALID, NULL },
	{ "domain and address", "reject_rbl_client x.example=127.0.0.2,reject",
	    ACTION_VALID, NULL },
	{ "sleep", "sleep 10 reject", ACTION_VALID, NULL },
	{ "warn_if_reject", "warn_if_reject reject_unlisted_sender",
	    ACTION_VALID, NULL },
	{ "class", "strict", ACTION_VALID, NULL },
	{ "classes", "strict, Mixed", ACTION_VALID, NULL },
	{ "Postfix's own class", "reject_sender_login_mismatch", ACTION_VALID,
	    NULL },

	/* 250. */
	{ "nothing", "", ACTION_BAD, "\"\": " NOTHING },
	{ "blanks", " \t", ACTION_BAD, "\" \t\": " NOTHING },
	{ "commas alone", ", ,", ACTION_BAD, "\", ,\": " NOTHING },
	{ "OK and text", "ok foo", ACTION_BAD, "\"ok foo\": " ALONE },
	{ "OK and restriction", "OK reject", ACTION_BAD,
	    "\"OK reject\": " ALONE },
	{ "RELAY and text", "RELAY x", ACTION_BAD, "\"RELAY x\": " ALONE },
	{ "4", "4", ACTION_BAD, "\"4\": " TEXT_BEHIND },
	{ "55", "55", ACTION_BAD, "\"55\": " TEXT_BEHIND },
	{ "421 alone", "421", ACTION_BAD, "\"421\": " TEXT_BEHIND },
	{ "554 alone", "554", ACTION_BAD, "\"554\": " TEXT_BEHIND },
	/* Ignored. */
	{ "DUNNO and text", "DUNNO reject", ACTION_BAD,
	    "\"DUNNO reject\": " ALONE },
	/* A warning, and DUNNO. */
	{ "BCC alone", "BCC", ACTION_BAD, "\"BCC\": " ADDRESS },
	{ "BCC without domain", "BCC a", ACTION_BAD, "\"BCC a\": " ADDRESS },
	{ "REDIRECT alone", "REDIRECT ", ACTION_BAD,
	    "\"REDIRECT \": " ADDRESS },
	{ "FILTER alone", "FILTER", ACTION_BAD, "\"FILTER\": " TRANSPORT },
	{ "FILTER, no colon", "FILTER smtp", ACTION_BAD,
	    "\"FILTER smtp\": " TRANSPORT },
	{ "PREPEND alone", "PREPEND", ACTION_BAD, "\"PREPEND\": " HEADER },
	{ "PREPEND, no colon", "PREPEND X", ACTION_BAD,
	    "\"PREPEND X\": " HEADER },
	{ "PREPEND, no name", "PREPEND : b", ACTION_BAD,
	    "\"PREPEND : b\": " HEADER },
	{ "PREPEND, blank within", "PREPEND X A: b", ACTION_BAD,
	    "\"PREPEND X A: b\": " HEADER },
	{ "PREPEND, 8-bit name", "PREPEND \xc3\xa4: b", ACTION_BAD,
	    "\"PREPEND \xc3\xa4: b\": " HEADER },
	{ "list without domain", "reject_rbl_client", ACTION_BAD,
	    "reject_rbl_client: " DOMAIN },
	{ "list before a comma", "Reject_RBL_Client , x y", ACTION_BAD,
	    "\"y\" in \"Reject_RBL_Client , x y\": " NO_ACTION },
	/* Bounces, or is deferred for ever. */
	{ "BCC @", "BCC @", ACTION_BAD, "\"BCC @\": " ADDRESS },
	{ "no user", "BCC @b", ACTION_BAD, "\"BCC @b\": " ADDRESS },
	{ "no domain", "BCC a@", ACTION_BAD, "\"BCC a@\": " ADDRESS },
	{ "no domain behind the last", "BCC a@b@", ACTION_BAD,
	    "\"BCC a@b@\": " ADDRESS },
	{ "in brackets", "REDIRECT <a@b>", ACTION_BAD,
	    "\"REDIRECT <a@b>\": " ADDRESS },
	{ "beginning of brackets", "BCC <a@b", ACTION_BAD,
	    "\"BCC <a@b\": " ADDRESS },
	{ "end of brackets", "REDIRECT a@b>", ACTION_BAD,
	    "\"REDIRECT a@b>\": " ADDRESS },
	{ "quoted", "BCC \"a\"@b", ACTION_BAD, "\"BCC \"a\"@b\": " ADDRESS },
	{ "two addresses", "BCC a@b, c@d", ACTION_BAD,
	    "\"BCC a@b, c@d\": " ADDRESS },
	{ "two, a comma", "BCC a@b,c@d", ACTION_BAD,
	    "\"BCC a@b,c@d\": " ADDRESS },
	{ "user with a blank", "BCC a b@c", ACTION_BAD,
	    "\"BCC a b@c\": " ADDRESS },
	{ "user with a tab", "BCC a\tb@c", ACTION_BAD,
	    "\"BCC a\tb@c\": " ADDRESS },
	{ "FILTER, no transport", "FILTER :x", ACTION_BAD,
	    "\"FILTER :x\": " TRANSPORT },
	{ "FILTER, blank", "FILTER smtp x:y", ACTION_BAD,
	    "\"FILTER smtp x:y\": " TRANSPORT },
	{ "FILTER, path", "FILTER ../x:y", ACTION_BAD,
	    "\"FILTER ../x:y\": " TRANSPORT },
	/* What an earlier action left behind is in the reply. */
	{ "REJECT, status alone", "REJECT 5.7.1", ACTION_BAD,
	    "\"REJECT 5.7.1\": " STATUS_BEHIND },
	{ "DEFER, status alone", "DEFER 4.123.456", ACTION_BAD,
	    "\"DEFER 4.123.456\": " STATUS_BEHIND },
	{ "DEFER_IF_PERMIT, status alone", "DEFER_IF_PERMIT 2.0.0", ACTION_BAD,
	    "\"DEFER_IF_PERMIT 2.0.0\": " STATUS_BEHIND },
	{ "DEFER_IF_REJECT, status alone", "DEFER_IF_REJECT 4.7.1 ",
	    ACTION_BAD, "\"DEFER_IF_REJECT 4.7.1 \": " STATUS_BEHIND },
	{ "450, status alone", "450 4.7.1", ACTION_BAD,
	    "\"450 4.7.1\": " STATUS_BEHIND },
	/* The SMTP server ends. */
	{ "bad address behind a domain", "reject_rbl_client x.example=foo",
	    ACTION_BAD, "reject_rbl_client: " DOMAIN },
	{ "long address behind a domain",
	    "reject_rbl_client x.example=127.0.0.2222222222", ACTION_BAD,
	    "reject_rbl_client: " DOMAIN },
	{ "no domain before an address", "permit_dnswl_client =127.0.0.2",
	    ACTION_BAD, "permit_dnswl_client: " DOMAIN },
	/* The connection is cut. */
	{ "HANGUP", "HANGUP", ACTION_BAD,
	    "\"HANGUP\": expected an action that access(5) knows" },

	/* 451, as is the rest. */
	{ "code behind blanks", " 450 x", ACTION_BAD,
	    "\"450\" in \" 450 x\": " NO_ACTION },
	{ "action behind blanks", " OK", ACTION_BAD,
	    "\"OK\" in \" OK\": " NO_ACTION },
	{ "code and comma", "450, x", ACTION_BAD,
	    "\"450\" in \"450, x\": " NO_ACTION },
	{ "code and blank", "421 ", ACTION_BAD, "\"421 \": " TEXT_BEHIND },
	{ "2NN", "250 fine", ACTION_BAD,
	    "\"250\" in \"250 fine\": " NO_ACTION },
	{ "6NN", "600 x", ACTION_BAD, "\"600\" in \"600 x\": " NO_ACTION },
	{ "two digits", "42 foo", ACTION_BAD,
	    "\"42\" in \"42 foo\": " NO_ACTION },
	{ "four digits", "4444 foo", ACTION_BAD,
	    "\"4444\" in \"4444 foo\": " NO_ACTION },
	{ "no digit", "44x hello", ACTION_BAD,
	    "\"44x\" in \"44x hello\": " NO_ACTION },
	{ "neighbours of the digits", "4:/ x", ACTION_BAD,
	    "\"4:/ x\": " NO_TABLE },
	{ "word too long", "REJECTED", ACTION_BAD, "\"REJECTED\": "
	    NO_ACTION },
	{ "text that is not shown whole", "REJECT" X64, ACTION_BAD,
	    "\"REJECT" X16 X16 X16 "xxxxxx...\": " NO_ACTION },
	{ "word too short", "REJEC", ACTION_BAD, "\"REJEC\": " NO_ACTION },
	{ "OK and comma", "OK, reject", ACTION_BAD,
	    "\"OK\" in \"OK, reject\": " NO_ACTION },
	{ "DELAY", "DELAY 1h", ACTION_BAD,
	    "\"DELAY\" in \"DELAY 1h\": " NO_ACTION },
	{ "unknown behind known", "permit foo", ACTION_BAD,
	    "\"foo\" in \"permit foo\": " NO_ACTION },
	{ "braces", "{reject}", ACTION_BAD, "\"{reject}\": " NO_ACTION },
	{ "a table", "check_client_access static:OK", ACTION_BAD,
	    "\"check_client_access static:OK\": " NO_TABLE },
	{ "a service", "check_policy_service unix:x", ACTION_BAD,
	    "\"check_policy_service unix:x\": " NO_TABLE },
	{ "no table", "check_client_access", ACTION_BAD,
	    "\"check_client_access\": " NO_ACTION },
	{ "gone since 3.9", "check_relay_domains", ACTION_BAD,
	    "\"check_relay_domains\": " NO_ACTION },
	{ "sleep without end", "sleep", ACTION_BAD, SECONDS },
	{ "sleep x", "sleep 1x", ACTION_BAD, SECONDS },
	{ "too long a sleep", "sleep 1234567890", ACTION_BAD, SECONDS },
	{ "warn_if_reject alone", "reject, warn_if_reject ,", ACTION_BAD,
	    "warn_if_reject: expected a restriction behind it" },
	{ "class in another case", "STRICT", ACTION_BAD,
	    "\"STRICT\": " NO_ACTION },
	{ "beginning of a class", "stric", ACTION_BAD,
	    "\"stric\": " NO_ACTION },
	{ "Postfix's own class in another case",
	    "Reject_sender_login_mismatch", ACTION_BAD,
	    "\"Reject_sender_login_mismatch\": " NO_ACTION },

	{ "CR", "REJECT a\rb", ACTION_BAD, CONTROL("0x0D", "9") },
	{ "LF", "PREPEND X: a\nY: b", ACTION_BAD, CONTROL("0x0A", "13") },
	{ "vertical tab", "REJECT\va", ACTION_BAD, CONTROL("0x0B", "7") },
	{ "unit separator", "REJECT \x1f", ACTION_BAD, CONTROL("0x1F", "8") },
	{ "DEL", "REJECT \x7f", ACTION_BAD, CONTROL("0x7F", "8") },
	{ "no UTF-8", "REJECT \xe4", ACTION_BAD, "expected UTF-8" },
};

static void
check(const char *name, const char *how, struct span in,
    enum action_result want, const char *want_err)
{
	struct err		 err = { "" };
	enum action_result	 got = action_check(in, classes, &err);

	ck_assert_msg(got == want, "%s, %s: got %d, want %d (%s)", name, how,
	    got, want, err.text);
	ck_assert_msg(strcmp(err.text, want_err == NULL ? "" : want_err) == 0,
	    "%s, %s: got '%s', want '%s'", name, how, err.text,
	    want_err == NULL ? "" : want_err);
}

START_TEST(row_is_judged)
{
	const struct row	*r = &rows[_i];
	size_t			 i, n = strlen(r->in);
	char			*edge = edge_copy(r->in, n), *cut;

	check(r->name, "whole", span_of(r->in), r->result, r->want);
	check(r->name, "edge", (struct span){ edge, n }, r->result, r->want);
	edge_free(edge, n);
	for (i = 0; i < n; i++) {
		cut = edge_copy(r->in, i);
		(void)action_check((struct span){ cut, i }, NULL, NULL);
		edge_free(cut, i);
	}
}
END_TEST

START_TEST(nul_is_refused)
{
	check("NUL at the end", "whole", (struct span){ "REJECT no\0", 10 },
	    ACTION_BAD, CONTROL("0x00", "10"));
	check("NUL", "whole", (struct span){ "OK\0", 3 }, ACTION_BAD,
	    CONTROL("0x00", "3"));
	check("no bytes at all", "whole", (struct span){ NULL, 0 },
	    ACTION_BAD, "\"\": " NOTHING);
}
END_TEST

START_TEST(length_is_limited)
{
	char	 text[ACTION_MAX + 2] = "REJECT ";

	memset(text + 7, 'x', sizeof(text) - 8);
	check("longest", "whole", (struct span){ text, ACTION_MAX },
	    ACTION_VALID, NULL);
	check("too long", "whole", (struct span){ text, ACTION_MAX + 1 },
	    ACTION_BAD, "4096 bytes, expected 4095 at most");
}
END_TEST

START_TEST(classes_are_known_by_name_alone)
{
	static const char	*const none[] = { NULL };
	struct err		 err;

	ck_assert_int_eq(action_check(span_of("strict"), NULL, &err),
	    ACTION_BAD);
	ck_assert_int_eq(action_check(span_of("strict"), none, NULL),
	    ACTION_BAD);
}
END_TEST

/* What Postfix 3.7.11 was seen to know, and what must stand behind it. */
static const struct restriction_row {
	const char	*name, *behind;
} restriction_rows[] = {
	{ "check_recipient_maps", "" },
	{ "defer_unauth_destination", "" },
	{ "permit", "" },
	{ "permit_auth_destination", "" },
	{ "permit_dnswl_client", "x.example" },
	{ "permit_inet_interfaces", "" },
	{ "permit_mx_backup", "" },
	{ "permit_mynetworks", "" },
	{ "permit_rhswl_client", "x.example" },
	{ "permit_sasl_authenticated", "" },
	{ "permit_tls_all_clientcerts", "" },
	{ "permit_tls_clientcerts", "" },
	{ "reject_authenticated_sender_login_mismatch", "" },
	{ "reject_invalid_helo_hostname", "" },
	{ "reject_invalid_hostname", "" },
	{ "reject_known_sender_login_mismatch", "" },
	{ "reject_multi_recipient_bounce", "" },
	{ "reject_non_fqdn_helo_hostname", "" },
	{ "reject_non_fqdn_hostname", "" },
	{ "reject_non_fqdn_recipient", "" },
	{ "reject_non_fqdn_sender", "" },
	{ "reject_plaintext_session", "" },
	{ "reject_rbl", "x.example" },
	{ "reject_rbl_client", "x.example" },
	{ "reject_rhsbl_client", "x.example" },
	{ "reject_rhsbl_helo", "x.example" },
	{ "reject_rhsbl_recipient", "x.example" },
	{ "reject_rhsbl_reverse_client", "x.example" },
	{ "reject_rhsbl_sender", "x.example" },
	{ "reject_unauth_destination", "" },
	{ "reject_unauth_pipelining", "" },
	{ "reject_unauthenticated_sender_login_mismatch", "" },
	{ "reject_unknown_address", "" },
	{ "reject_unknown_client", "" },
	{ "reject_unknown_client_hostname", "" },
	{ "reject_unknown_helo_hostname", "" },
	{ "reject_unknown_hostname", "" },
	{ "reject_unknown_recipient_domain", "" },
	{ "reject_unknown_reverse_client_hostname", "" },
	{ "reject_unknown_sender_domain", "" },
	{ "reject_unlisted_recipient", "" },
	{ "reject_unlisted_sender", "" },
	{ "reject_unverified_recipient", "" },
	{ "reject_unverified_sender", "" },
	{ "sleep", "1" },
	{ "warn_if_reject", "reject" },
	/* As a first word these are actions. */
	{ "permit_mynetworks,defer", "" },
	{ "permit_mynetworks,defer_if_permit", "" },
	{ "permit_mynetworks,defer_if_reject", "" },
	{ "permit_mynetworks,reject", "" },
};

START_TEST(restriction_is_known)
{
	const struct restriction_row	*r = &restriction_rows[_i];
	struct err			 err = { "" };
	char				 text[100];
	bool				 is_alone = *r->behind == '\0';

	ck_assert_msg(action_check(span_of(r->name), NULL, &err) ==
	    (is_alone ? ACTION_VALID : ACTION_BAD), "%s alone: %s", r->name,
	    err.text);
	(void)snprintf(text, sizeof(text), "%s %s,permit", r->name, r->behind);
	ck_assert_msg(action_check(span_of(text), NULL, &err) == ACTION_VALID,
	    "%s: %s", text, err.text);
	(void)snprintf(text, sizeof(text), "%s 1.2.3.4", r->name);
	ck_assert_msg(action_check(span_of(text), NULL, &err) == ACTION_BAD,
	    "%s", text);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("action");

	tcase_add_loop_test(tc, row_is_judged, 0, NELEM(rows));
	tcase_add_loop_test(tc, restriction_is_known, 0,
	    NELEM(restriction_rows));
	tcase_add_test(tc, nul_is_refused);
	tcase_add_test(tc, length_is_limited);
	tcase_add_test(tc, classes_are_known_by_name_alone);
	return runner_run("action", tc);
}
