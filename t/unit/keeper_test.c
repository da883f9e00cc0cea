/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * keeper_test: a session of an MTA that hands X commands to its milter: what
 * each command is answered, and what is then in memory and in the store.
 */
#include "milter/keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/lib/conf_make.h"
#include "t/lib/runner.h"
#include "t/lib/tempdir.h"

#define PID		4000001		/* over any real one */
#define FILLER_PID	5000000
#define NOW_MS		1000000000000

static char		 dir[TEMPDIR_SIZE];
static struct conf	*conf;
static struct store	*store;
static struct session_life *sm;
static struct enforce_reply answer;
static struct err	 err;

static const char	 settings[] =
    "profile edge { xclient = { \"*\" } xremoteip = true\n"
    "  xsetcontext = { \"tenant\", \"a\", \"b\" } xdumpcontext = true\n"
    "  login = { \"joe\" } on_violation = \"reject\" }\n"
    "profile quick { xclient = { \"ADDR\" } seal = \"override\"\n"
    "  on_violation = \"disconnect\" }\n"
    "profile watch { report_only = true on_violation = \"disconnect\"\n"
    "  xsetcontext = { \"tenant\" } }\n"
    "profile allow { xremoteip = true always_allow = true }\n"
    "profile inner { xdumpcontext = true }\n"
    "trust_maps = { \"cidr:{{192.0.2.1/32 edge}, {192.0.2.2/32 quick},"
    " {192.0.2.3/32 watch}, {192.0.2.4/32 allow}}\","
    " \"pcre:{{/^192[.]0[.]2[.]6(6)$/ nosuch$1}}\","
    " \"inline:{gw.example=inner}\" }\n"
    "listener inside { trust_maps = { \"cidr:{{203.0.113.5/32 inner}}\" } }\n"
    "limits { context_pairs = 2 audit_entries = 4 }\n";

static void
setup(void)
{
	tempdir_make(dir);
	/* The log is not looked at. */
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
	conf = conf_make(dir, settings);
	store = store_open(conf->store, 1,
	    conf->state_directory, &err);
	ck_assert_msg(store != NULL, "%s", err.text);
}

static void
end(void)
{
	session_life_end(sm);
	sm = NULL;
}

static void
teardown(void)
{
	end();
	store_close(store);
	conf_unref(conf);
	tempdir_remove(dir);
}

static const struct session *
held(void)
{
	return session_life_session(sm);
}

static void
begin(const char *addr, pid_t pid)
{
	struct session_life_peer peer = { .keeper = SESSION_KEEPER_MILTER,
				     .port = 4711, .pid = pid,
				     .pid_start = 1 };

	(void)address_parse(span_of(addr), &peer.addr);
	sm = keeper_begin(conf, store, &peer, NOW_MS);
	ck_assert_ptr_nonnull(sm);
}

static void
say(const char *line, bool in_mail)
{
	struct span		 args = span_of(line);
	struct span		 verb = judge_next_word(&args);
	enum trust_command	 command;

	ck_assert(trust_command_find(verb, &command));
	memset(&answer, 0x5a, sizeof answer);
	keeper_command(sm, command, args, in_mail, NOW_MS + 1, &answer);
}

/* "450 4.0.0 text", without the session's name. */
static const char *
reply(void)
{
	static char	 text[ENFORCE_LINE_SIZE + 16];
	char		*tail;

	(void)snprintf(text, sizeof text, "%s %s %s", answer.code,
	    answer.xcode, answer.line[0]);
	tail = strstr(text, "; session ");
	if (tail != NULL)
		*tail = '\0';
	return text;
}

/* Whether the store's record is the session that we have. */
static bool
is_saved(pid_t pid)
{
	static char	 ours[SESSION_RECORD_MAX], theirs[SESSION_RECORD_MAX];
	struct session	 s;
	size_t		 n;
	bool		 is_same;

	session_init(&s);
	if (store_get(store, pid, &s, &err) != STORE_FOUND)
		return false;
	n = session_encode(held(), ours, sizeof ours);
	is_same = session_encode(&s, theirs, sizeof theirs) == n &&
	    memcmp(ours, theirs, n) == 0;
	session_clear(&s);
	return is_same;
}

static bool
has_record(pid_t pid)
{
	struct session		 s;
	enum store_result	 result;

	session_init(&s);
	result = store_get(store, pid, &s, &err);
	session_clear(&s);
	return result == STORE_FOUND;
}

static const struct command_row {
	const char		*name, *peer;
	const char		*before;	/* said first, or NULL */
	bool			 is_greeted;	/* then */
	const char		*line;
	bool			 in_mail;
	const char		*want;		/* how the reply begins */
	enum verdict_action	 want_refused;	/* mail, from now on */
	const char		*want_client, *want_override;
} command_rows[] = {
	{ "XCLIENT", "192.0.2.1", NULL, false, "XCLIENT ADDR=203.0.113.7",
	    false, "450 4.0.0 XCLIENT accepted: the client is 203.0.113.7",
	    VERDICT_PERMIT, "203.0.113.7", "XCLIENT ADDR=203.0.113.7 "
	    "NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] "
	    "PORT=[UNAVAILABLE]" },
	{ "XCLIENT of nobody", "192.0.2.1", NULL, false,
	    "XCLIENT ADDR=[UNAVAILABLE] NAME=c.example PORT=1", false,
	    "450 4.0.0 XCLIENT accepted: the client is unknown",
	    VERDICT_PERMIT, "unknown",
	    "XCLIENT ADDR=[UNAVAILABLE] NAME=c.example PORT=1" },
	{ "XCLIENT after XCLIENT", "192.0.2.1",
	    "XCLIENT ADDR=203.0.113.7 NAME=c.example PORT=1", false,
	    "XCLIENT LOGIN=joe", false,
	    "450 4.0.0 XCLIENT accepted: the client is 203.0.113.7",
	    VERDICT_PERMIT, "203.0.113.7",
	    "XCLIENT ADDR=203.0.113.7 NAME=c.example PORT=1 LOGIN=joe" },
	{ "XREMOTEIP", "192.0.2.1", NULL, false, "XREMOTEIP 2001:db8::7",
	    false, "450 4.0.0 XREMOTEIP accepted: the client is 2001:db8::7",
	    VERDICT_PERMIT, "2001:db8::7", "XCLIENT ADDR=IPV6:2001:db8::7 "
	    "NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] "
	    "PORT=[UNAVAILABLE]" },
	{ "XREMOTEIP of one who is always allowed", "192.0.2.4", NULL, false,
	    "XREMOTEIP 203.0.113.7", false, "450 4.0.0 XREMOTEIP accepted",
	    VERDICT_PERMIT, "203.0.113.7", "XCLIENT ADDR=203.0.113.7 "
	    "NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] "
	    "PORT=[UNAVAILABLE] LOGIN=anonymous" },
	{ "XCLIENT in a transaction", "192.0.2.1", NULL, false,
	    "XCLIENT ADDR=203.0.113.7", true,
	    "503 5.5.1 XCLIENT: not in a mail transaction", VERDICT_PERMIT,
	    "192.0.2.1", NULL },
	{ "XREMOTEIP in a transaction", "192.0.2.1", NULL, false,
	    "XREMOTEIP 203.0.113.7", true,
	    "503 5.5.1 XREMOTEIP: not in a mail transaction", VERDICT_PERMIT,
	    "192.0.2.1", NULL },
	{ "what is not granted in a transaction", "192.0.2.1", NULL, false,
	    "XCLIENT LOGIN=root", true,
	    "550 5.7.1 LOGIN=root is not allowed", VERDICT_REJECT,
	    "192.0.2.1", NULL },
	{ "XSETCONTEXT in a transaction", "192.0.2.1", NULL, false,
	    "XSETCONTEXT tenant=acme", true,
	    "450 4.0.0 XSETCONTEXT accepted", VERDICT_PERMIT, "192.0.2.1",
	    NULL },
	{ "XDUMPCONTEXT in a transaction", "192.0.2.1", NULL, false,
	    "XDUMPCONTEXT", true, "450 4.0.0 XDUMPCONTEXT", VERDICT_PERMIT,
	    "192.0.2.1", NULL },
	{ "not granted", "192.0.2.1", NULL, false, "XSETCONTEXT color=blue",
	    false, "550 5.7.1 XSETCONTEXT: color is not granted",
	    VERDICT_REJECT, "192.0.2.1", NULL },
	{ "malformed", "192.0.2.1", NULL, false, "XREMOTEIP", false,
	    "501 5.5.4 XREMOTEIP: expected", VERDICT_REJECT, "192.0.2.1",
	    NULL },
	{ "over the limit", "192.0.2.1", "XSETCONTEXT tenant=1 a=2", false,
	    "XSETCONTEXT b=3", false, "552 5.3.4 b: expected at most 2",
	    VERDICT_REJECT, "192.0.2.1", NULL },
	{ "sealed by the greeting", "192.0.2.1", "XREMOTEIP 203.0.113.7",
	    true, "XREMOTEIP 203.0.113.8", false,
	    "550 5.7.1 the identity of this session can no longer",
	    VERDICT_REJECT, "203.0.113.7", NULL },
	{ "a greeting seals nothing before an override", "192.0.2.1",
	    "XSETCONTEXT tenant=1", true, "XSETCONTEXT tenant=2", false,
	    "450 4.0.0 XSETCONTEXT accepted", VERDICT_PERMIT, "192.0.2.1",
	    NULL },
	{ "sealed by the override", "192.0.2.2", "XCLIENT ADDR=203.0.113.7",
	    false, "XCLIENT ADDR=203.0.113.8", false, "421 4.7.1 the "
	    "identity", VERDICT_DISCONNECT, "203.0.113.7", NULL },
	{ "a dump is no violation behind the seal", "192.0.2.1",
	    "XREMOTEIP 203.0.113.7", true, "XDUMPCONTEXT", false,
	    "550 5.7.1 the identity of this session can no longer",
	    VERDICT_PERMIT, "203.0.113.7", NULL },
	{ "even where any ends the session", "192.0.2.2",
	    "XCLIENT ADDR=203.0.113.7", false, "XDUMPCONTEXT", false,
	    "550 5.7.1 the identity", VERDICT_PERMIT, "203.0.113.7", NULL },
	{ "only reported", "192.0.2.3", NULL, false, "XSETCONTEXT color=blue",
	    false, "450 4.0.0 XSETCONTEXT accepted", VERDICT_PERMIT,
	    "192.0.2.3", NULL },
	{ "malformed, by one who only reports", "192.0.2.3", NULL, false,
	    "XSETCONTEXT color", false, "501 5.5.4 pair 1", VERDICT_PERMIT,
	    "192.0.2.3", NULL },
	{ "stranger", "203.0.113.5", NULL, false, "XCLIENT ADDR=203.0.113.7",
	    false, "550 5.7.1 XCLIENT: attribute ADDR is not granted",
	    VERDICT_TEMPFAIL, "203.0.113.5", NULL },
	{ "stranger's dump", "203.0.113.5", NULL, false, "XDUMPCONTEXT",
	    false, "550 5.7.1 XDUMPCONTEXT is not granted", VERDICT_TEMPFAIL,
	    "203.0.113.5", NULL },
	{ "it cannot be told who it is", "192.0.2.66", NULL, false,
	    "XDUMPCONTEXT", false, "451 4.3.0 it cannot be told who may do "
	    "what",
	    VERDICT_TEMPFAIL, "192.0.2.66", NULL },
	{ "address that has a profile which is not there", "192.0.2.1", NULL,
	    false, "XREMOTEIP 192.0.2.66", false,
	    "550 5.7.1 ADDR=192.0.2.66", VERDICT_REJECT, "192.0.2.1", NULL },
};

static void
check_session(const struct command_row *r)
{
	char	 client[ADDRESS_TEXT_SIZE];

	ck_assert_msg(held()->refused == r->want_refused,
	    "%s: refused %s", r->name,
	    verdict_action_text(held()->refused));
	(void)address_format(&held()->client, client, sizeof client);
	ck_assert_msg(strcmp(client, r->want_client) == 0, "%s: client %s",
	    r->name, client);
	if (r->want_override != NULL)
		ck_assert_msg(strcmp(held()->override,
		    r->want_override) == 0, "%s: override %s", r->name,
		    held()->override);
}

START_TEST(commands)
{
	const struct command_row	*r = &command_rows[_i];
	pid_t				 pid;

	/* With a record in the store, and without. */
	for (pid = PID; pid >= 0; pid -= PID) {
		begin(r->peer, pid);
		if (r->before != NULL)
			say(r->before, false);
		if (r->is_greeted)
			session_life_greeting(sm, NOW_MS);
		say(r->line, r->in_mail);
		ck_assert_msg(strncmp(reply(), r->want, strlen(r->want)) == 0,
		    "%s: got \"%s\", want \"%s\"", r->name, reply(), r->want);
		ck_assert_msg(strstr(answer.line[answer.n_lines - 1],
		    held()->id) != NULL || answer.code[2] == '1',
		    "%s: no session in \"%s\"", r->name, answer.line[0]);
		check_session(r);
		ck_assert_msg(is_saved(pid) == (pid == PID), "%s: saved",
		    r->name);
		end();
		ck_assert_msg(!has_record(pid), "%s: left over", r->name);
	}
}
END_TEST

/* All that changes nothing must change nothing. */
START_TEST(refusals_leave_everything_as_it_is)
{
	static const char *const	 lines[] = {
		"XCLIENT ADDR=203.0.113.8 LOGIN=root", "XCLIENT BOGUS",
		"XREMOTEIP 10.0.0.1", "XSETCONTEXT tenant=new color=blue",
		"XSETCONTEXT tenant=new a", "XSETCONTEXT tenant=new b=1 a=2",
	};
	int				 i;

	begin("192.0.2.1", PID);
	say("XCLIENT ADDR=203.0.113.7 NAME=c.example PORT=1", false);
	say("XSETCONTEXT tenant=old", false);
	for (i = 0; i < NELEM(lines); i++) {
		say(lines[i], false);
		ck_assert_msg(answer.code[0] == '5', "%s: %s", lines[i],
		    reply());
		ck_assert_str_eq(held()->override,
		    "XCLIENT ADDR=203.0.113.7 NAME=c.example PORT=1");
		ck_assert_uint_eq(held()->context.n, 1);
		ck_assert_str_eq(held()->context.pairs[0]->value, "old");
		ck_assert(is_saved(PID));
	}
}
END_TEST

START_TEST(what_a_record_says)
{
	static char	 record[SESSION_RECORD_MAX];

	begin("192.0.2.1", PID);
	ck_assert_int_eq(held()->keeper, SESSION_KEEPER_MILTER);
	ck_assert_int_eq(held()->pid, PID);
	ck_assert_uint_eq(held()->pid_start, 1);
	ck_assert_uint_eq(held()->client_port, 4711);
	ck_assert_str_eq(held()->profile, "edge");
	ck_assert_uint_gt(session_encode(held(), record, sizeof record),
	    0);
	ck_assert_uint_eq(held()->n_audit, 1);
	say("XSETCONTEXT tenant=acme a=1", false);
	ck_assert_str_eq(held()->audit[1].text, "tenant a");
	ck_assert_int_eq(held()->audit[1].event, SESSION_CONTEXT);
	ck_assert_uint_eq(held()->context.pairs[0]->time_ms, NOW_MS + 1);
	say("XREMOTEIP 203.0.113.7", false);
	ck_assert_int_eq(held()->audit[2].event, SESSION_PERMITTED);
	ck_assert_int_eq(held()->audit[3].event, SESSION_OVERRIDDEN);
	ck_assert(session_life_mail(sm, NOW_MS + 2));
	ck_assert(held()->is_sealed && is_saved(PID));
	ck_assert_int_eq(held()->audit[3].event, SESSION_SEALED);
	/* The trail is bounded. */
	say("XDUMPCONTEXT", false);
	say("XDUMPCONTEXT", false);
	ck_assert_uint_eq(held()->n_audit, 4);
}
END_TEST

START_TEST(who_it_is)
{
	struct session_life_peer peer = { .keeper = SESSION_KEEPER_MILTER,
				     .name = "gw.example", .pid = PID };
	char			 longest[SESSION_LISTENER_SIZE + 1];

	ck_assert(address_parse(span_of("203.0.113.5"), &peer.addr));
	sm = keeper_begin(conf, store, &peer, NOW_MS);
	ck_assert_ptr_nonnull(sm);
	ck_assert_str_eq(held()->profile, "inner");
	ck_assert_str_eq(held()->peer_name, "gw.example");
	ck_assert_str_eq(held()->listener, "");
	end();
	peer.name = NULL;
	sm = keeper_begin(conf, store, &peer, NOW_MS);
	ck_assert_ptr_nonnull(sm);
	ck_assert_str_eq(held()->profile, TRUST_STRANGER);
	/* A stranger's session has a record, too: others may look for it. */
	ck_assert(is_saved(PID));
	ck_assert_uint_eq(held()->n_audit, 1);
	end();
	peer.listener = "inside";
	sm = keeper_begin(conf, store, &peer, NOW_MS);
	ck_assert_ptr_nonnull(sm);
	ck_assert_str_eq(held()->profile, "inner");
	ck_assert_str_eq(held()->listener, "inside");
	end();
	begin("192.0.2.66", PID);
	ck_assert_int_eq(held()->refused, VERDICT_TEMPFAIL);
	ck_assert_int_eq(held()->refused_reason, REASON_CANNOT_TELL);
	ck_assert(held()->profile == NULL && is_saved(PID));
	end();
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	peer.listener = longest;
	sm = keeper_begin(conf, store, &peer, NOW_MS);
	ck_assert_ptr_nonnull(sm);
	ck_assert_str_eq(held()->listener, "");
}
END_TEST

START_TEST(each_greeting_seals)
{
	begin("192.0.2.1", PID);
	ck_assert(session_life_mail(sm, NOW_MS));
	ck_assert(!held()->is_sealed);
	say("XREMOTEIP 203.0.113.7", false);
	ck_assert(!held()->is_sealed);
	session_life_greeting(sm, NOW_MS);
	ck_assert(held()->is_sealed && is_saved(PID));
	end();
	begin("192.0.2.2", PID);
	say("XCLIENT ADDR=203.0.113.7", false);
	ck_assert(held()->is_sealed && is_saved(PID));
}
END_TEST

/* The next session of a process has nothing of the last. */
START_TEST(nothing_is_inherited)
{
	char	 id[ULID_SIZE];

	begin("192.0.2.1", PID);
	memcpy(id, held()->id, sizeof id);
	say("XSETCONTEXT tenant=acme", false);
	say("XREMOTEIP 203.0.113.7", false);
	say("XREMOTEIP 10.0.0.1", false);
	end();
	begin("192.0.2.1", PID);
	ck_assert_str_ne(held()->id, id);
	ck_assert(held()->context.n == 0 && held()->override == NULL &&
	    held()->refused == VERDICT_PERMIT &&
	    held()->denied_text == NULL);
	ck_assert(is_saved(PID));
}
END_TEST

/* What has taken the record's place meanwhile is not ours to delete. */
START_TEST(another_record_stays)
{
	struct session	 s;

	begin("192.0.2.1", PID);
	session_init(&s);
	strcpy(s.id, "01OTHER");
	s.pid = PID;
	ck_assert_int_eq(store_put(store, &s, &err), 0);
	end();
	ck_assert_int_eq(store_get(store, PID, &s, &err), STORE_FOUND);
	ck_assert_str_eq(s.id, "01OTHER");
	session_clear(&s);
}
END_TEST

static const struct revoked_row {
	const char		*name, *peer, *before, *what;
	const char		*want;		/* of XDUMPCONTEXT */
	enum verdict_action	 want_refused;	/* at MAIL */
} revoked_rows[] = {
	{ "nothing was said", "192.0.2.1", NULL, "peer=192.0.2.1",
	    "550 5.7.1 XDUMPCONTEXT is not granted", VERDICT_PERMIT },
	{ "another peer", "192.0.2.1", NULL, "peer=192.0.2.2",
	    "450 4.0.0 XDUMPCONTEXT", VERDICT_PERMIT },
	{ "another profile", "192.0.2.1", "XSETCONTEXT a=1",
	    "profile=quick", "450 4.0.0 XDUMPCONTEXT", VERDICT_PERMIT },
	{ "a context", "192.0.2.1", "XSETCONTEXT a=1", "profile=edge",
	    "550 5.7.1 XDUMPCONTEXT is not granted", VERDICT_REJECT },
	{ "an override", "192.0.2.1", "XREMOTEIP 203.0.113.7",
	    "peer=192.0.2.1", "550 5.7.1 ", VERDICT_REJECT },
	{ "always allowed", "192.0.2.4", NULL, "profile=allow",
	    "550 5.7.1 ", VERDICT_TEMPFAIL },
	{ "only reported", "192.0.2.3", "XSETCONTEXT a=1", "profile=watch",
	    "421 4.7.1 ", VERDICT_DISCONNECT },
	{ "a stranger", "203.0.113.5", NULL, "profile=stranger",
	    "550 5.7.1 ", VERDICT_PERMIT },
};

/* What is revoked counts from the next command on, and from MAIL on. */
START_TEST(revocations)
{
	const struct revoked_row	*r = &revoked_rows[_i];

	begin(r->peer, PID);
	if (r->before != NULL)
		say(r->before, false);
	ck_assert_int_eq(store_revoke(store,
	    &(struct store_revocation){ .what = r->what }, &err), 0);
	ck_assert(session_life_mail(sm, NOW_MS + 1));
	ck_assert_msg(held()->refused == r->want_refused,
	    "%s: refused %s", r->name,
	    verdict_action_text(held()->refused));
	ck_assert_msg(r->want_refused == VERDICT_PERMIT ||
	    held()->refused_reason == REASON_REVOKED, "%s: reason",
	    r->name);
	ck_assert(is_saved(PID));
	say("XDUMPCONTEXT", false);
	ck_assert_msg(strncmp(reply(), r->want, strlen(r->want)) == 0,
	    "%s: got \"%s\"", r->name, reply());
	/* It is not taken back within the session. */
	ck_assert_int_eq(store_unrevoke(store, r->what, &err), 0);
	say("XDUMPCONTEXT", false);
	ck_assert_msg(strncmp(reply(), r->want, strlen(r->want)) == 0,
	    "%s: then got \"%s\"", r->name, reply());
	end();
	begin(r->peer, PID);
	ck_assert_int_eq(store_revoke(store,
	    &(struct store_revocation){ .what = r->what }, &err), 0);
	say("XDUMPCONTEXT", false);
	ck_assert_msg(strncmp(reply(), r->want, 4) == 0 ||
	    r->before != NULL, "%s: got \"%s\"", r->name, reply());
}
END_TEST

static void
fill_store(void)
{
	static char	 text[4000];
	struct session	 s;
	pid_t		 pid;
	bool		 is_long = true;

	memset(text, 'x', sizeof text - 1);
	session_init(&s);
	strcpy(s.id, "01FILLER");
	ck_assert(session_set_text(&s.refused_text, text));
	for (pid = FILLER_PID; pid < FILLER_PID + 100000; pid++) {
		s.pid = pid;
		if (store_put(store, &s, &err) == 0)
			continue;
		if (!is_long)
			break;
		is_long = false;
		ck_assert(session_set_text(&s.refused_text, NULL));
	}
	ck_assert_int_lt(pid, FILLER_PID + 100000);
	session_clear(&s);
}

/* What others cannot know must not count: the session's mail is refused. */
START_TEST(a_store_that_fails)
{
	begin("192.0.2.1", PID);
	say("XREMOTEIP 203.0.113.7", false);
	fill_store();
	say("XSETCONTEXT tenant=acme", false);
	ck_assert_msg(strncmp(reply(), "451 4.3.0 ", 10) == 0, "%s",
	    reply());
	ck_assert_int_eq(held()->refused, VERDICT_TEMPFAIL);
	ck_assert_int_eq(held()->refused_reason, REASON_CANNOT_TELL);
	say("XREMOTEIP 203.0.113.7", false);
	ck_assert_msg(strncmp(reply(), "451 4.3.0 ", 10) == 0, "%s",
	    reply());
	ck_assert(!session_life_mail(sm, NOW_MS));
	end();
	begin("192.0.2.1", PID + 1);
	ck_assert_int_eq(held()->refused, VERDICT_TEMPFAIL);
	end();
	/* Where there is no record, there is nothing to fail. */
	begin("192.0.2.1", 0);
	say("XSETCONTEXT tenant=acme", false);
	ck_assert_str_eq(reply(), "450 4.0.0 XSETCONTEXT accepted");
	ck_assert_int_eq(held()->refused, VERDICT_PERMIT);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("keeper");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, commands, 0, NELEM(command_rows));
	tcase_add_test(tc, refusals_leave_everything_as_it_is);
	tcase_add_test(tc, what_a_record_says);
	tcase_add_test(tc, who_it_is);
	tcase_add_test(tc, each_greeting_seals);
	tcase_add_test(tc, nothing_is_inherited);
	tcase_add_test(tc, another_record_stays);
	tcase_add_loop_test(tc, revocations, 0, NELEM(revoked_rows));
	tcase_add_test(tc, a_store_that_fails);
	return runner_run("keeper", tc);
}
