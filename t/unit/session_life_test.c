/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * session_life_test: the same events make the same session, whoever keeps it:
 * each dialogue is played through xcontext-policy's ledger, through the
 * milter's conversation with an MTA that knows no X command, and through the
 * relay; what is then in the session, and its audit trail, must be the same, and
 * be what the row says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "milter/conversation.h"
#include "policy/ledger.h"
#include "relay/proxy_judge.h"
#include "session/session_change.h"
#include "t/lib/conf_make.h"
#include "t/lib/runner.h"
#include "t/lib/stage.h"
#include "t/lib/tempdir.h"

#define PID		4000001		/* over any real one */
#define NOW_MS		1000000000000
#define PORT		4711
#define LISTENER	"front"
#define EVENTS_MAX	8

static char		 dir[TEMPDIR_SIZE];
static struct conf	*conf;
static struct store	*store;
static struct err	 err;

static const char	 settings[] =
    "profile edge { xclient = { \"*\" } xremoteip = true\n"
    "  xforward = { \"ADDR\" } login = { \"joe\" }\n"
    "  xsetcontext = { \"tenant\", \"a\" } xdumpcontext = true\n"
    "  on_violation = \"reject\" }\n"
    "profile quick { xclient = { \"ADDR\", \"PORT\" }\n"
    "  xdumpcontext = true seal = \"override\" }\n"
    "profile loose { xclient = { \"ADDR\", \"PORT\" }\n"
    "  xsetcontext = { \"*\" } seal = \"never\" }\n"
    "profile watch { xclient = { \"ADDR\", \"PORT\" }\n"
    "  xsetcontext = { \"tenant\" } report_only = true }\n"
    "profile allow { xremoteip = true always_allow = true }\n"
    "trust_maps = { \"cidr:{{192.0.2.1/32 edge}, {192.0.2.2/32 quick},"
    " {192.0.2.3/32 loose}, {192.0.2.4/32 watch}, {192.0.2.5/32 allow}}\","
    " \"inline:{gw.example=quick}\","
    " \"pcre:{{/^192[.]0[.]2[.]6(6)$/ nosuch$1}}\" }\n"
    "limits { context_pairs = 2 }\n"
    "XCLIENT = \"no\"\n"
    "relay " LISTENER " { listen = \"127.0.0.1:10025\"\n"
    "  transport_maps = { \"inline:{example.org=smtp:[127.0.0.1]:1}\" } }\n";

/*
 * What is played: "EHLO", "MAIL", "revoke WHAT", or a command
 */

static const struct row {
	const char	*name, *peer, *events[EVENTS_MAX];
	const char	*want;		/* one field, or entry, a line */
} rows[] = {
	{ "a messenger that says nothing", "192.0.2.1", { "EHLO" },
	    "listener=front|peer=192.0.2.1|profile=edge|client=192.0.2.1|"
	    "audit=begun edge|" },
	{ "an override, and the greeting that seals it", "192.0.2.1",
	    { "XCLIENT ADDR=203.0.113.7 PORT=25 LOGIN=joe", "EHLO",
	    "XSETCONTEXT tenant=acme" },
	    "listener=front|peer=192.0.2.1|profile=edge|client=203.0.113.7|"
	    "client_port=25|override=XCLIENT ADDR=203.0.113.7 "
	    "NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] PORT=25 LOGIN=joe|"
	    "sealed=1|refused=reject|refused_reason=sealed|"
	    "refused_text=the identity of this session can no longer be "
	    "changed|denied_reason=sealed|denied_text=the identity of this "
	    "session can no longer be changed|audit=begun edge|"
	    "audit=permitted XCLIENT ADDR=203.0.113.7 NAME=[UNAVAILABLE] "
	    "REVERSE_NAME=[UNAVAILABLE] PORT=25 LOGIN=joe|"
	    "audit=overridden 203.0.113.7|audit=sealed greeting|"
	    "audit=refused the identity of this session can no longer be "
	    "changed|" },
	{ "the context of a client ends with it", "192.0.2.1",
	    { "XSETCONTEXT tenant=acme", "XCLIENT ADDR=203.0.113.7 PORT=25",
	    "XSETCONTEXT a=1", "XCLIENT ADDR=203.0.113.8 PORT=26" },
	    "listener=front|peer=192.0.2.1|profile=edge|client=203.0.113.8|"
	    "client_port=26|override=XCLIENT ADDR=203.0.113.8 "
	    "NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] PORT=26|"
	    "context=tenant xsetcontext acme|audit=begun edge|"
	    "audit=context tenant|audit=permitted XCLIENT ADDR=203.0.113.7 "
	    "NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] PORT=25|"
	    "audit=overridden 203.0.113.7|audit=context a|"
	    "audit=permitted XCLIENT ADDR=203.0.113.8 NAME=[UNAVAILABLE] "
	    "REVERSE_NAME=[UNAVAILABLE] PORT=26|"
	    "audit=overridden 203.0.113.8|" },
	{ "XREMOTEIP of one who is always allowed", "192.0.2.5",
	    { "XREMOTEIP 203.0.113.7" },
	    "listener=front|peer=192.0.2.5|profile=allow|client=203.0.113.7|"
	    "override=XCLIENT ADDR=203.0.113.7 NAME=[UNAVAILABLE] "
	    "REVERSE_NAME=[UNAVAILABLE] PORT=[UNAVAILABLE] LOGIN=anonymous|"
	    "audit=begun allow|audit=permitted XCLIENT ADDR=203.0.113.7 "
	    "NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] "
	    "PORT=[UNAVAILABLE] LOGIN=anonymous|"
	    "audit=overridden 203.0.113.7|" },
	{ "the override seals, and a dump behind it is no violation",
	    "192.0.2.2",
	    { "XCLIENT ADDR=203.0.113.7 PORT=25", "XDUMPCONTEXT" },
	    "listener=front|peer=192.0.2.2|profile=quick|"
	    "client=203.0.113.7|client_port=25|override=XCLIENT "
	    "ADDR=203.0.113.7 NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] "
	    "PORT=25|sealed=1|denied_reason=sealed|denied_text=the identity "
	    "of this session can no longer be changed|audit=begun quick|"
	    "audit=permitted XCLIENT ADDR=203.0.113.7 NAME=[UNAVAILABLE] "
	    "REVERSE_NAME=[UNAVAILABLE] PORT=25|"
	    "audit=overridden 203.0.113.7|audit=sealed override|"
	    "audit=refused the identity of this session can no longer be "
	    "changed|" },
	{ "MAIL seals where nobody greets", "192.0.2.1",
	    { "EHLO", "XREMOTEIP 203.0.113.7", "MAIL" },
	    "listener=front|peer=192.0.2.1|profile=edge|client=203.0.113.7|"
	    "override=XCLIENT ADDR=203.0.113.7 NAME=[UNAVAILABLE] "
	    "REVERSE_NAME=[UNAVAILABLE] PORT=[UNAVAILABLE]|sealed=1|"
	    "audit=begun edge|audit=permitted XCLIENT ADDR=203.0.113.7 "
	    "NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] "
	    "PORT=[UNAVAILABLE]|audit=overridden 203.0.113.7|"
	    "audit=sealed mail|" },
	{ "where nothing seals, each client is another", "192.0.2.3",
	    { "XCLIENT ADDR=203.0.113.7 PORT=25", "XSETCONTEXT a=1", "EHLO",
	    "XCLIENT ADDR=203.0.113.7 PORT=25" },
	    "listener=front|peer=192.0.2.3|profile=loose|"
	    "client=203.0.113.7|client_port=25|override=XCLIENT "
	    "ADDR=203.0.113.7 NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] "
	    "PORT=25|audit=begun loose|"
	    "audit=permitted XCLIENT ADDR=203.0.113.7 NAME=[UNAVAILABLE] "
	    "REVERSE_NAME=[UNAVAILABLE] PORT=25|"
	    "audit=overridden 203.0.113.7|audit=context a|"
	    "audit=permitted XCLIENT ADDR=203.0.113.7 NAME=[UNAVAILABLE] "
	    "REVERSE_NAME=[UNAVAILABLE] PORT=25|"
	    "audit=overridden 203.0.113.7|" },
	{ "an override within a transaction", "192.0.2.1",
	    { "EHLO", "MAIL", "XCLIENT ADDR=203.0.113.7 PORT=25" },
	    "listener=front|peer=192.0.2.1|profile=edge|client=192.0.2.1|"
	    "denied_reason=malformed|denied_text=not in a mail transaction|"
	    "audit=begun edge|audit=refused not in a mail transaction|" },
	{ "what is not granted, twice", "192.0.2.1",
	    { "XCLIENT LOGIN=root", "XSETCONTEXT color=blue" },
	    "listener=front|peer=192.0.2.1|profile=edge|client=192.0.2.1|"
	    "refused=reject|refused_reason=value|refused_text=LOGIN=root is "
	    "not allowed|denied_reason=no_grant|denied_text=XSETCONTEXT: "
	    "color is not granted|audit=begun edge|audit=refused LOGIN=root "
	    "is not allowed|audit=refused XSETCONTEXT: color is not "
	    "granted|" },
	{ "a context that is full", "192.0.2.3",
	    { "XSETCONTEXT a=1 b=2", "XSETCONTEXT c=3" },
	    "listener=front|peer=192.0.2.3|profile=loose|client=192.0.2.3|"
	    "context=a xsetcontext 1|context=b xsetcontext 2|"
	    "refused=tempfail|refused_reason=limit|refused_text=c: expected "
	    "at most 2 pairs in a session|denied_reason=limit|denied_text=c: "
	    "expected at most 2 pairs in a session|audit=begun loose|"
	    "audit=context a b|audit=refused c: expected at most 2 pairs in a "
	    "session|" },
	{ "one who only reports", "192.0.2.4",
	    { "XSETCONTEXT tenant", "XSETCONTEXT color=blue" },
	    "listener=front|peer=192.0.2.4|profile=watch|client=192.0.2.4|"
	    "context=color xsetcontext blue|denied_reason=malformed|"
	    "denied_text=pair 1: expected name=value, got \"tenant\"|"
	    "audit=begun watch|audit=refused pair 1: expected name=value, "
	    "got \"tenant\"|audit=context color|" },
	{ "a stranger who asks", "203.0.113.5",
	    { "XCLIENT ADDR=203.0.113.7" },
	    "listener=front|peer=203.0.113.5|profile=stranger|"
	    "client=203.0.113.5|refused=tempfail|refused_reason=no_grant|"
	    "refused_text=XCLIENT: attribute ADDR is not granted|"
	    "denied_reason=no_grant|denied_text=XCLIENT: attribute ADDR is "
	    "not granted|audit=begun stranger|audit=refused XCLIENT: "
	    "attribute ADDR is not granted|" },
	{ "it cannot be told who may do what", "192.0.2.66",
	    { "XDUMPCONTEXT" },
	    "listener=front|peer=192.0.2.66|client=192.0.2.66|"
	    "refused=tempfail|refused_reason=cannot_tell|refused_text=it "
	    "cannot be told who may do what|denied_reason=cannot_tell|"
	    "denied_text=it cannot be told who may do what|"
	    "audit=begun unknown|audit=refused it cannot be told who may do "
	    "what|audit=refused it cannot be told who may do what|" },
	{ "a peer that is revoked before it said anything", "192.0.2.1",
	    { "EHLO", "revoke peer=192.0.2.1", "MAIL" },
	    "listener=front|peer=192.0.2.1|profile=stranger|"
	    "client=192.0.2.1|audit=begun edge|audit=refused the grants of "
	    "this peer have been revoked|" },
	{ "an override that is revoked", "192.0.2.1",
	    { "XREMOTEIP 203.0.113.7", "EHLO", "revoke profile=edge", "MAIL" },
	    "listener=front|peer=192.0.2.1|profile=stranger|"
	    "client=203.0.113.7|override=XCLIENT ADDR=203.0.113.7 "
	    "NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] "
	    "PORT=[UNAVAILABLE]|sealed=1|refused=reject|"
	    "refused_reason=revoked|refused_text=the grants of this peer "
	    "have been revoked|audit=begun edge|"
	    "audit=permitted XCLIENT ADDR=203.0.113.7 NAME=[UNAVAILABLE] "
	    "REVERSE_NAME=[UNAVAILABLE] PORT=[UNAVAILABLE]|"
	    "audit=overridden 203.0.113.7|audit=sealed greeting|"
	    "audit=refused the grants of this peer have been revoked|" },
	{ "one who only reports, and is revoked", "192.0.2.4",
	    { "XCLIENT ADDR=203.0.113.7 PORT=25", "revoke profile=watch",
	    "XSETCONTEXT tenant=acme" },
	    "listener=front|peer=192.0.2.4|profile=stranger|"
	    "client=203.0.113.7|client_port=25|override=XCLIENT "
	    "ADDR=203.0.113.7 NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] "
	    "PORT=25|refused=tempfail|refused_reason=revoked|"
	    "refused_text=the grants of this peer have been revoked|"
	    "denied_reason=no_grant|denied_text=XSETCONTEXT: tenant is not "
	    "granted|audit=begun watch|"
	    "audit=permitted XCLIENT ADDR=203.0.113.7 NAME=[UNAVAILABLE] "
	    "REVERSE_NAME=[UNAVAILABLE] PORT=25|"
	    "audit=overridden 203.0.113.7|audit=refused the grants of this "
	    "peer have been revoked|audit=refused XSETCONTEXT: tenant is not "
	    "granted|" },
};

/*
 * What has come of it
 */

/* Where a field stands, but for the time that it may begin with. */
static const char *
untimed(const char *text)
{
	const char	*blank = strchr(text, ' ');

	return blank == NULL ? text : blank + 1;
}

static void
put(char *buf, size_t size, const char *name, const char *value)
{
	size_t	 n = strlen(buf);

	ck_assert_uint_lt(n + strlen(name) + strlen(value) + 2, size);
	(void)sprintf(buf + n, "%s=%s|", name, value);
}

/* The pairs of a context are "NAME SOURCE TIME VALUE". */
static void
put_pair(char *buf, size_t size, const char *value)
{
	char		 text[2048];
	const char	*source = strchr(value, ' ');
	const char	*time = strchr(source + 1, ' ');

	(void)snprintf(text, sizeof text, "%.*s %s", (int)(time - value),
	    value, untimed(time + 1));
	put(buf, size, "context", text);
}

/*
 * The record, field by field, without what is each keeper's own: who it is, the
 * process, times, and what the MTA tells it (of ports one that nobody asserted).
 */
static void
describe(const struct session *s, char *buf, size_t size)
{
	static const char *const	 own[] = {
		"session", "keeper", "pid", "pid_start", "begun", "changed",
		"peer_port", "rule", "mails", "in_mail", "ehlo", "clients"
	};
	static char			 record[SESSION_RECORD_MAX];
	size_t				 i, k, n;

	n = session_encode(s, record, sizeof record);
	ck_assert_uint_gt(n, 0);
	buf[0] = '\0';
	for (i = 0; i < n; i += strlen(record + i) + 1) {
		char	 name[32];
		char	*value = strchr(record + i, '=') + 1;

		(void)snprintf(name, sizeof name, "%.*s",
		    (int)(value - 1 - (record + i)), record + i);
		for (k = 0; k < NELEM(own) && strcmp(name, own[k]) != 0; k++)
			;
		if (k < NELEM(own) || (strcmp(name, "client_port") == 0 &&
		    s->override == NULL))
			continue;
		if (strcmp(name, "audit") == 0)
			put(buf, size, name, untimed(value));
		else if (strcmp(name, "context") == 0)
			put_pair(buf, size, value);
		else
			put(buf, size, name, value);
	}
}

static void
revoke_session(const char *event)
{
	ck_assert_int_eq(store_revoke(store, &(struct store_revocation){
	    .what = event + strlen("revoke ") }, &err), 0);
}

static void
unrevoke_all(const struct row *r)
{
	int	 i;

	for (i = 0; i < EVENTS_MAX && r->events[i] != NULL; i++)
		if (strncmp(r->events[i], "revoke ", 7) == 0)
			ck_assert_int_eq(store_unrevoke(store,
			    r->events[i] + 7, &err), 0);
}

/*
 * By Postfix and xcontext-policy
 */

static struct ledger		*ledger;
static struct ledger_proc	*proc;
static struct ledger_reply	 reply;

static void
take_note(const struct decision *note, void *arg)
{
	(void)note;
	(void)arg;
}

/* Postfix has executed what it was given, and asks its tables anew. */
static void
postfix_executes(const char *line)
{
	struct assertion_set	 set;
	char			 addr[ADDRESS_TEXT_SIZE];

	if (strncmp(line, "XCLIENT ", 8) != 0)
		return;
	ck_assert(session_read_override(line, &set));
	(void)address_format(&set.addr, addr, sizeof addr);
	ledger_xclient(ledger, proc, span_of(LISTENER), span_of("unknown"),
	    NOW_MS, &reply);
	ledger_xclient(ledger, proc, span_of(LISTENER), span_of(addr), NOW_MS,
	    &reply);
	ledger_milters(ledger, proc, span_of(LISTENER), span_of(addr), NOW_MS,
	    &reply);
}

/* A store_change_fn: what the milter tells. */
static const struct session *
begin_mail(struct session *s, void *arg)
{
	(void)arg;
	s->is_in_mail = true;
	s->mails++;
	return s;
}

static void
postfix_mail(void)
{
	const struct session	*s = ledger_proc_session(proc);
	struct attr_request	 request = { { { NULL, 0 } } };
	char			 client[ADDRESS_TEXT_SIZE], port[8] = "4711";

	if (s->client_port != 0)
		(void)snprintf(port, sizeof port, "%u", s->client_port);
	else if (s->override != NULL)
		(void)strcpy(port, "unknown");
	(void)address_format(&s->client, client, sizeof client);
	request.v[ATTR_PROTOCOL_STATE] = span_of("MAIL");
	request.v[ATTR_CLIENT_ADDRESS] = span_of(client);
	request.v[ATTR_CLIENT_NAME] = span_of("unknown");
	request.v[ATTR_CLIENT_PORT] = span_of(port);
	ledger_command(ledger, proc, span_of(LISTENER),
	    span_of("MAIL FROM:<>"), NOW_MS, &reply);
	ledger_policy(ledger, proc, &request, NOW_MS, &reply);
	(void)store_change(store, PID, s->id, begin_mail, NULL, &err);
}

static void
by_policy(const struct row *r, char *buf, size_t size)
{
	int	 i;

	ledger = ledger_new(conf, store, take_note, NULL);
	ck_assert_ptr_nonnull(ledger);
	proc = ledger_proc_get(ledger, PID, 1, &err);
	ck_assert_ptr_nonnull(proc);
	ledger_xclient(ledger, proc, span_of(LISTENER), span_of("unknown"),
	    NOW_MS, &reply);
	ledger_xclient(ledger, proc, span_of(LISTENER), span_of(r->peer),
	    NOW_MS, &reply);
	ledger_xforward(ledger, proc, span_of(LISTENER), span_of(r->peer),
	    NOW_MS, &reply);
	ledger_milters(ledger, proc, span_of(LISTENER), span_of(r->peer),
	    NOW_MS, &reply);
	for (i = 0; i < EVENTS_MAX && r->events[i] != NULL; i++) {
		const char	*event = r->events[i];

		if (strcmp(event, "MAIL") == 0) {
			postfix_mail();
		} else if (strncmp(event, "revoke ", 7) == 0) {
			revoke_session(event);
		} else {
			ledger_command(ledger, proc, span_of(LISTENER),
			    span_of(strcmp(event, "EHLO") == 0 ?
			    "EHLO there" : event), NOW_MS, &reply);
			if (reply.answer == LEDGER_YES)
				postfix_executes(reply.text);
		}
	}
	describe(ledger_proc_session(proc), buf, size);
	ledger_proc_put(ledger, proc, true);
	ledger_free(ledger);
	unrevoke_all(r);
}

/*
 * By Sendmail and xcontext-milter
 */

static void
milter_says(struct conversation *c, const char *line, bool in_mail)
{
	struct span		 args = span_of(line);
	struct span		 verb = judge_next_word(&args);
	enum trust_command	 command;
	struct enforce_reply	 answer;

	ck_assert(trust_command_find(verb, &command));
	keeper_command(c->life, command, args, in_mail, NOW_MS, &answer);
}

static void
by_milter(const struct row *r, char *buf, size_t size)
{
	struct conversation	*c = conversation_new(conf_ref(conf), store);
	bool			 in_mail = false;
	int			 i;

	ck_assert_ptr_nonnull(c);
	ck_assert(address_parse(span_of(r->peer), &c->connection.client));
	c->connection.client_port = PORT;
	c->key.pid = PID;
	ck_assert(conversation_keep(c, LISTENER, NOW_MS));
	for (i = 0; i < EVENTS_MAX && r->events[i] != NULL; i++) {
		const char	*event = r->events[i];

		if (strcmp(event, "MAIL") == 0)
			in_mail = session_life_mail(c->life, NOW_MS);
		else if (strcmp(event, "EHLO") == 0)
			conversation_greeting(c, "there", NOW_MS);
		else if (strncmp(event, "revoke ", 7) == 0)
			revoke_session(event);
		else
			milter_says(c, event, in_mail);
	}
	describe(conversation_session(c), buf, size);
	conversation_free(c);
	unrevoke_all(r);
}

/*
 * By xcontext-relay
 */

static void
relay_says(struct stage *stage, const char *line)
{
	stage_input(stage, DIALOGUE_CLIENT, span_of(line));
	stage_input(stage, DIALOGUE_CLIENT, span_of("\r\n"));
}

static void
by_relay(const struct row *r, char *buf, size_t size)
{
	static struct stage	 stage;
	int			 i;

	memset(&stage, 0, sizeof stage);
	stage.conf = conf;
	stage.relay = &conf->relays[0];
	stage.store = store;
	stage.n_addresses = 1;
	stage.room[DIALOGUE_CLIENT] = stage.room[DIALOGUE_HOP] = SIZE_MAX;
	ck_assert(address_parse(span_of(r->peer), &stage.peer.addr) &&
	    address_parse(span_of("198.51.100.1"), &stage.peer.local));
	stage.peer.port = PORT;
	stage.peer.local_port = 25;
	stage_begin(&stage);
	for (i = 0; i < EVENTS_MAX && r->events[i] != NULL; i++) {
		const char	*event = r->events[i];

		if (strcmp(event, "MAIL") == 0)
			relay_says(&stage, "MAIL FROM:<>");
		else if (strcmp(event, "EHLO") == 0)
			relay_says(&stage, "EHLO there");
		else if (strncmp(event, "revoke ", 7) == 0)
			revoke_session(event);
		else
			relay_says(&stage, event);
	}
	describe(dialogue_session(stage.d), buf, size);
	stage_end(&stage);
	unrevoke_all(r);
}

static void
ignore_note(const struct decision *note, void *arg)
{
	(void)note;
	(void)arg;
}

typedef void	by_fn(const struct row *r, char *buf, size_t size);

static const struct {
	const char	*name;
	by_fn		*play;
} keepers[] = {
	{ "policy", by_policy }, { "milter", by_milter },
	{ "relay", by_relay }
};

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
teardown(void)
{
	store_close(store);
	conf_unref(conf);
	tempdir_remove(dir);
}

START_TEST(one_life)
{
	static char		 got[NELEM(keepers)][8192];
	const struct row	*r = &rows[_i];
	int			 i;

	for (i = 0; i < NELEM(keepers); i++) {
		keepers[i].play(r, got[i], sizeof got[i]);
		ck_assert_msg(strcmp(got[i], r->want) == 0,
		    "%s: by %s\ngot  %s\nwant %s", r->name, keepers[i].name,
		    got[i], r->want);
	}
}
END_TEST

static struct session_life *
begin_here(const char *addr, const char *name)
{
	const struct session_life_home	 home = { store, ignore_note, NULL };
	struct session_life_peer	 who = { .port = PORT, .name = name,
	    .keeper = SESSION_KEEPER_RELAY, .listener = LISTENER };
	struct session_life		*life;

	ck_assert(address_parse(span_of(addr), &who.addr));
	life = session_life_new(conf, &home, &who, NOW_MS);
	ck_assert_ptr_nonnull(life);
	return life;
}

static void
check_here(struct session_life *life, const char *want)
{
	static char	 got[8192];

	describe(session_life_session(life), got, sizeof got);
	ck_assert_str_eq(got, want);
	session_life_end(life);
}

/* What was known of the peer before it was known by name stays in the trail. */
START_TEST(a_peer_that_is_known_better)
{
	const struct session_life_peer	 who = { .name = "gw.example" };
	struct session_life		*life;

	life = begin_here("203.0.113.5", NULL);
	session_life_classify(life, &who, NOW_MS);
	check_here(life, "listener=front|peer=203.0.113.5|"
	    "peer_name=gw.example|profile=quick|client=203.0.113.5|"
	    "audit=begun stranger|audit=begun quick|");
}
END_TEST

/* With a login alone, and with an address besides. */
START_TEST(a_login_that_is_forgotten)
{
	static struct judgement	 j;
	struct session_life	*life;

	life = begin_here("192.0.2.1", NULL);
	ck_assert_int_eq(session_life_command(life, TRUST_XCLIENT,
	    span_of("LOGIN=joe"), false, NOW_MS, &j), LIFE_DONE);
	ck_assert(session_life_forget_login(life, NOW_MS));
	ck_assert_uint_eq(session_life_session(life)->client_port, PORT);
	check_here(life, "listener=front|peer=192.0.2.1|profile=edge|"
	    "client=192.0.2.1|audit=begun edge|"
	    "audit=permitted XCLIENT LOGIN=joe|audit=overridden 192.0.2.1|"
	    "audit=forgotten LOGIN|");
	life = begin_here("192.0.2.1", NULL);
	ck_assert_int_eq(session_life_command(life, TRUST_XCLIENT,
	    span_of("ADDR=203.0.113.7 NAME=c.example PORT=25 LOGIN=joe"),
	    false, NOW_MS, &j), LIFE_DONE);
	ck_assert(session_life_forget_login(life, NOW_MS));
	check_here(life, "listener=front|peer=192.0.2.1|profile=edge|"
	    "client=203.0.113.7|client_port=25|override=XCLIENT "
	    "ADDR=203.0.113.7 NAME=c.example PORT=25|audit=begun edge|"
	    "audit=permitted XCLIENT ADDR=203.0.113.7 NAME=c.example PORT=25 "
	    "LOGIN=joe|audit=overridden 203.0.113.7|audit=forgotten LOGIN|");
}
END_TEST

/* What a PROXY header makes of a session. */
START_TEST(a_proxy_header_leaves_its_traces)
{
	static struct judgement	 room;
	struct proxy_header	 h = { .is_local = true,
				     .authority = span_of("mx.example") };
	struct session_life	*life;

	life = begin_here("192.0.2.1", NULL);
	ck_assert_int_eq(proxy_judge(life, &h, NOW_MS, &room), LIFE_DONE);
	check_here(life, "listener=front|peer=192.0.2.1|profile=edge|"
	    "client=192.0.2.1|sealed=1|"
	    "context=proxy_authority proxy mx.example|audit=begun edge|"
	    "audit=context proxy_authority|audit=sealed proxy header|");
}
END_TEST

/* However often it is found. */
START_TEST(what_is_so_already_is_told_once)
{
	struct session_life	*life = begin_here("192.0.2.1", NULL);
	int			 i;

	for (i = 0; i < 3; i++) {
		session_life_doubt(life, REASON_MISMATCH, "who?", NOW_MS);
		session_life_seal(life, "this", NOW_MS);
	}
	check_here(life, "listener=front|peer=192.0.2.1|profile=edge|"
	    "client=192.0.2.1|sealed=1|refused=tempfail|"
	    "refused_reason=mismatch|refused_text=who?|audit=begun edge|"
	    "audit=refused who?|audit=sealed this|");
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("session_life");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, one_life, 0, NELEM(rows));
	tcase_add_test(tc, a_peer_that_is_known_better);
	tcase_add_test(tc, a_login_that_is_forgotten);
	tcase_add_test(tc, a_proxy_header_leaves_its_traces);
	tcase_add_test(tc, what_is_so_already_is_told_once);
	return runner_run("session_life", tc);
}
