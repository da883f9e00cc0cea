/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * session_test: the record and its text form, there and back.
 */
#include "session/session.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "t/lib/edge.h"
#include "t/lib/runner.h"

/* In rows "|" stands for the NUL behind a field. */
static size_t
record_of(const char *row, char *buf, size_t size)
{
	size_t	 i, n = strlen(row);

	ck_assert_uint_lt(n, size);
	for (i = 0; i < n; i++)
		buf[i] = row[i] == '|' ? '\0' : row[i];
	return n;
}

/* One byte more than a pair's name may have. */
#define LONG_NAME	"0123456789abcdef0123456789abcdef" \
			"0123456789abcdef0123456789abcdefg"

#define HEAD	"session=ID|"
#define PID	"pid=7|"
#define TAIL	"peer=192.0.2.1|client=198.51.100.9|"
#define BARE	HEAD PID "peer=unknown|client=unknown|"

/* Each field by itself: what is read is written back the same. */
static const char *const	 fields[] = {
	HEAD PID TAIL,
	BARE,
	"session=0123456789ABCDEFGHJKMNPQRS|" PID TAIL,
	HEAD "listener=edge|" PID TAIL,
	HEAD "listener=abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
	    "0123456789|" PID TAIL,
	HEAD "keeper=milter|" PID TAIL,
	HEAD "keeper=relay|" PID TAIL,
	HEAD "pid=2147483647|" TAIL,
	HEAD PID "pid_start=18446744073709551615|" TAIL,
	HEAD PID "begun=1000000000000|" TAIL,
	HEAD PID "changed=1|" TAIL,
	HEAD PID "peer=2001:db8::1|client=unknown|",
	HEAD PID "peer=192.0.2.1|peer_name=mx.example.net|client=unknown|",
	HEAD PID "peer=192.0.2.1|fingerprint=AB:CD|client=unknown|",
	HEAD PID "peer=unknown|profile=edge|client=unknown|",
	HEAD PID "peer=unknown|rule=/etc/x=y:1|client=unknown|",
	HEAD PID "peer=unknown|client=192.0.2.7|client_port=65535|",
	BARE "override=XCLIENT ADDR=1.2.3.4|",
	BARE "pending=XCLIENT PROTO=SMTP|",
	BARE "sealed=1|",
	BARE "mails=4294967295|",
	BARE "in_mail=1|",
	HEAD PID "peer=192.0.2.1|peer_port=65535|client=unknown|",
	BARE "ehlo=EHLO there|",
	BARE "context=tenant xsetcontext 1000000000000 acme|"
	    "context=route.a xsetcontext 1 two words=x|"
	    "context=empty xsetcontext 18446744073709551615 |",
	BARE "context=a xsetcontext 1 all|context=a xsetcontext 2 one|"
	    "clients=a|context=b xsetcontext 3 one|clients=b|"
	    "context=c proxy 1 all|",
	BARE "unproven=1|",
	BARE "refused=tempfail|refused_reason=granted|",
	BARE "refused=reject|refused_reason=no_grant|",
	BARE "refused=disconnect|refused_reason=cannot_tell|",
	BARE "refused_text=no|",
	BARE "unforwarded=reject|unforwarded_reason=value|"
	    "unforwarded_text=no|unforwarded_begun=1|",
	BARE "unforwarded=tempfail|unforwarded_reason=cannot_tell|",
	BARE "denied_reason=malformed|denied_text=|",
	BARE "audit=1 begun edge|audit=2 permitted XCLIENT A=b c|"
	    "audit=3 overridden 1.2.3.4|audit=4 forgotten |audit=5 sealed x|"
	    "audit=18446744073709551615 refused y|",
	BARE "audit_dropped=4294967295|",
};

START_TEST(each_field_goes_there_and_back)
{
	char		 in[512], out[512], *edge;
	struct session	 s;
	size_t		 n = record_of(fields[_i], in, sizeof in);

	session_init(&s);
	edge = edge_copy(in, n);
	ck_assert_msg(session_decode((struct span){ edge, n }, &s), "%s",
	    fields[_i]);
	edge_free(edge, n);
	edge = edge_copy(NULL, 0);
	ck_assert_msg(session_encode(&s, edge - n, n) == n, "%s: length",
	    fields[_i]);
	ck_assert_msg(memcmp(in, edge - n, n) == 0, "%s: other bytes",
	    fields[_i]);
	/* Only of the trail may something be left out. */
	ck_assert_msg((session_encode(&s, out, n - 1) == 0) ==
	    (s.n_audit <= 1), "%s: too little room", fields[_i]);
	ck_assert_uint_eq(session_encode(&s, out, 0), 0);
	ck_assert_uint_eq(session_encode(&s, out, sizeof out), n);
	edge_free(edge, 0);
	session_clear(&s);
}
END_TEST

/* Cut anywhere but between fields, a record is none. */
START_TEST(each_cut_is_noticed)
{
	char		 in[512], *edge;
	struct session	 s;
	size_t		 cut, n = record_of(fields[_i], in, sizeof in);
	bool		 want;

	session_init(&s);
	for (cut = 0; cut < n; cut++) {
		edge = edge_copy(in, cut);
		want = cut > 0 && in[cut - 1] == '\0' &&
		    memmem(in, cut, "pid=", 4) != NULL;
		ck_assert_msg(session_decode((struct span){ edge, cut },
		    &s) == want, "%s: cut at %zu", fields[_i], cut);
		ck_assert_msg(want || (s.id[0] == '\0' && s.audit == NULL),
		    "%s: cut at %zu left something", fields[_i], cut);
		edge_free(edge, cut);
	}
	session_clear(&s);
}
END_TEST

static const struct bad_row {
	const char	*name, *record;
} bad_rows[] = {
	{ "empty",			"" },
	{ "no session",			PID },
	{ "empty session",		"session=|" PID },
	{ "long session",	"session=0123456789ABCDEFGHJKMNPQRST|" PID },
	{ "no pid",			HEAD },
	{ "pid 0",			HEAD "pid=0|" },
	{ "pid too large",		HEAD "pid=2147483648|" },
	{ "pid negative",		HEAD "pid=-1|" },
	{ "pid empty",			HEAD "pid=|" },
	{ "pid with a blank",		HEAD "pid= 7|" },
	{ "pid and more",		HEAD "pid=7x|" },
	{ "pid wraps",			HEAD "pid=18446744073709551623|" },
	{ "start over 64 bits",	HEAD PID "pid_start=18446744073709551616|" },
	{ "start no number",		HEAD PID "pid_start=x|" },
	{ "begun no number",		HEAD PID "begun=x|" },
	{ "changed no number",		HEAD PID "changed=x|" },
	{ "long listener", HEAD PID "listener=abcdefghijklmnopqrstuvwxyz-ABCDE"
	    "FGHIJKLMNOPQRSTUVWXYZ_01234567890|" },
	{ "peer no address",		HEAD PID "peer=x|" },
	{ "peer empty",			HEAD PID "peer=|" },
	{ "client no address",		HEAD PID "client=1.2.3|" },
	{ "port too large",		HEAD PID "client_port=65536|" },
	{ "peer's port too large",	HEAD PID "peer_port=65536|" },
	{ "peer's port no number",	HEAD PID "peer_port=x|" },
	{ "mails too large",		HEAD PID "mails=4294967296|" },
	{ "refused unknown",		HEAD PID "refused=maybe|" },
	{ "no such reason",		HEAD PID "refused_reason=9|" },
	{ "dropped too large",		HEAD PID "audit_dropped=4294967296|" },
	{ "another keeper",	HEAD "keeper=exim|" PID },
	{ "client's pair that is none",	HEAD PID "clients=a|" },
	{ "context without value",	HEAD PID "context=a xsetcontext 1|" },
	{ "context without time",	HEAD PID "context=a xsetcontext  b|" },
	{ "context without name",	HEAD PID "context= xsetcontext 1 b|" },
	{ "context, unknown source",	HEAD PID "context=a xset 1 b|" },
	{ "context, long name",		HEAD PID "context=" LONG_NAME
	    " xsetcontext 1 b|" },
	{ "context, time too large",
	    HEAD PID "context=a xsetcontext 18446744073709551616 b|" },
	{ "audit without event",	HEAD PID "audit=1|" },
	{ "audit without text",		HEAD PID "audit=1 begun|" },
	{ "audit without time",		HEAD PID "audit= begun x|" },
	{ "audit, long time", HEAD PID "audit=000000000000000000001 begun x|" },
	{ "audit, time too large",
	    HEAD PID "audit=18446744073709551616 begun x|" },
	{ "audit, unknown event",	HEAD PID "audit=1 begu x|" },
	{ "no equals sign",		HEAD PID "sealed|" },
	{ "no end",			HEAD "pid=7" },
	{ "empty field",		HEAD PID "|" },
};

START_TEST(what_is_no_record_is_refused)
{
	const struct bad_row	*r = &bad_rows[_i];
	char			 in[256], *edge;
	size_t			 n = record_of(r->record, in, sizeof in);
	struct session		 s;

	session_init(&s);
	/* What it held before is freed in any case. */
	ck_assert(session_set_text(&s.override, "x") &&
	    session_audit_add(&s, 4, 1, SESSION_BEGUN, "x"));
	edge = edge_copy(in, n);
	ck_assert_msg(!session_decode((struct span){ edge, n }, &s), "%s",
	    r->name);
	edge_free(edge, n);
	ck_assert_msg(s.id[0] == '\0' && s.pid == 0 && s.override == NULL &&
	    s.audit == NULL && s.n_audit == 0 && s.refused == VERDICT_PERMIT,
	    "%s: left something", r->name);
}
END_TEST

START_TEST(a_field_of_a_later_version_is_passed_over)
{
	char		 in[256];
	struct session	 s;
	size_t		 n;

	session_init(&s);
	n = record_of(HEAD "sessions=x|color=blue|=|" PID "sealed=0|"
	    "session=TWO|", in, sizeof in);
	ck_assert(session_decode((struct span){ in, n }, &s));
	ck_assert_str_eq(s.id, "TWO");
	ck_assert(s.is_sealed);
	session_clear(&s);
}
END_TEST

START_TEST(texts_are_copied_and_taken_away)
{
	char	 text[] = "one", *field = NULL;

	ck_assert(session_set_text(&field, text));
	text[0] = 'x';
	ck_assert_str_eq(field, "one");
	/* Also from itself. */
	ck_assert(session_set_text(&field, field + 1));
	ck_assert_str_eq(field, "ne");
	ck_assert(session_set_text(&field, NULL));
	ck_assert_ptr_null(field);
	ck_assert(session_set_text(&field, NULL));
}
END_TEST

static void
check_trail(const struct session *s, const char *want)
{
	char		 got[64] = "";
	unsigned	 i;

	for (i = 0; i < s->n_audit; i++)
		(void)strcat(got, s->audit[i].text);
	ck_assert_str_eq(got, want);
}

START_TEST(the_trail_keeps_its_first_and_its_last)
{
	static const char *const	 wants[] = {
		"a", "ab", "abc", "acd", "ade", "aef"
	};
	struct session			 s;
	char				 text[2] = "a";
	unsigned			 i;

	session_init(&s);
	for (i = 0; i < 6; i++, text[0]++) {
		ck_assert(session_audit_add(&s, 3, i + 1, SESSION_REFUSED,
		    text));
		check_trail(&s, wants[i]);
		ck_assert_uint_eq(s.n_audit_dropped, i < 3 ? 0 : i - 2);
	}
	ck_assert_uint_eq(s.audit[0].time_ms, 1);
	ck_assert_uint_eq(s.audit[2].time_ms, 6);
	ck_assert_int_eq(s.audit[1].event, SESSION_REFUSED);
	session_clear(&s);
	ck_assert_ptr_null(s.audit);
	ck_assert_uint_eq(s.n_audit, 0);
}
END_TEST

START_TEST(a_smaller_trail_holds_no_more_than_it_did)
{
	struct session	 s;
	unsigned	 i;

	session_init(&s);
	for (i = 0; i < 4; i++)
		ck_assert(session_audit_add(&s, 4, i, SESSION_BEGUN, "x"));
	for (i = 0; i < 4; i++)
		ck_assert(session_audit_add(&s, 1, i, SESSION_BEGUN, "y"));
	ck_assert_uint_le(s.n_audit, 4);
	ck_assert_str_eq(s.audit[0].text, "x");
	session_clear(&s);
	for (i = 0; i < 4; i++)
		ck_assert(session_audit_add(&s, 1, i, SESSION_BEGUN, "y"));
	ck_assert_uint_le(s.n_audit, 2);
	session_clear(&s);
}
END_TEST

START_TEST(a_long_trail_costs_no_record)
{
	static char	 text[4000], buf[SESSION_RECORD_MAX];
	struct session	 s, back;
	size_t		 len;
	unsigned	 i;

	memset(text, 'x', sizeof text - 1);
	session_init(&s);
	(void)strcpy(s.id, "ID");
	s.pid = 7;
	ck_assert(session_audit_add(&s, 64, 0, SESSION_BEGUN, "first"));
	for (i = 1; i < 40; i++)
		ck_assert(session_audit_add(&s, 64, i, SESSION_REFUSED, text));
	len = session_encode(&s, buf, sizeof buf);
	ck_assert_uint_gt(len, sizeof buf / 4);
	session_init(&back);
	ck_assert(session_decode((struct span){ buf, len }, &back));
	ck_assert_str_eq(back.audit[0].text, "first");
	ck_assert_uint_eq(back.audit[back.n_audit - 1].time_ms, 39);
	ck_assert_uint_eq(back.n_audit + back.n_audit_dropped, 40);
	session_clear(&back);
	session_clear(&s);
}
END_TEST

START_TEST(event_names)
{
	static const char *const	 names[] = {
		[SESSION_BEGUN] = "begun",
		[SESSION_PERMITTED] = "permitted",
		[SESSION_OVERRIDDEN] = "overridden",
		[SESSION_FORGOTTEN] = "forgotten",
		[SESSION_SEALED] = "sealed",
		[SESSION_CONTEXT] = "context",
		[SESSION_REFUSED] = "refused",
	};
	int				 i;

	for (i = 0; i < NELEM(names); i++)
		ck_assert_str_eq(session_event_text((enum session_event)i),
		    names[i]);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("session");

	tcase_add_loop_test(tc, each_field_goes_there_and_back, 0,
	    NELEM(fields));
	tcase_add_loop_test(tc, each_cut_is_noticed, 0, NELEM(fields));
	tcase_add_loop_test(tc, what_is_no_record_is_refused, 0,
	    NELEM(bad_rows));
	tcase_add_test(tc, a_field_of_a_later_version_is_passed_over);
	tcase_add_test(tc, texts_are_copied_and_taken_away);
	tcase_add_test(tc, the_trail_keeps_its_first_and_its_last);
	tcase_add_test(tc, a_smaller_trail_holds_no_more_than_it_did);
	tcase_add_test(tc, a_long_trail_costs_no_record);
	tcase_add_test(tc, event_names);
	return runner_run("session", tc);
}
