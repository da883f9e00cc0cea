/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * judge_test: what becomes of a command line, by who says it and when.
 */
#include "session/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/session_change.h"
#include "t/lib/edge.h"
#include "t/lib/runner.h"

#define LIST(...)	((const char *const[]){ __VA_ARGS__, NULL })
#define PAIRS_MAX	3
#define SIZE_MAX_BYTES	20

#define NOBODY		" NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] " \
			"PORT=[UNAVAILABLE]"

static struct trust	*trust;
static struct conf	 conf;

static void
add(const struct trust_profile_def *def)
{
	struct err	 err = { "" };

	ck_assert_msg(trust_add_profile(trust, def, &err) == 0, "%s: %s",
	    def->name, err.text);
}

static void
setup(void)
{
	trust = trust_new();
	ck_assert_ptr_nonnull(trust);
	add(&(struct trust_profile_def){ .name = "edge",
	    .xclient = LIST("*"), .xforward = LIST("*"), .xremoteip = true,
	    .xsetcontext = LIST("!route.x", "tenant", "route.*", "a", "b"),
	    .xdumpcontext = true, .on_violation = VERDICT_REJECT,
	    .values[ASSERTION_LOGIN] = LIST("joe") });
	add(&(struct trust_profile_def){ .name = "open",
	    .xclient = LIST("*"), .xremoteip = true,
	    .values[ASSERTION_LOGIN] = LIST("*"), .seal = TRUST_SEAL_NEVER });
	add(&(struct trust_profile_def){ .name = "allow",
	    .xclient = LIST("*"), .xremoteip = true, .always_allow = true,
	    .drop = LIST("HELO"), .values[ASSERTION_LOGIN] = LIST("joe") });
	add(&(struct trust_profile_def){ .name = "watch",
	    .report_only = true, .on_violation = VERDICT_DISCONNECT });
	add(&(struct trust_profile_def){ .name = "drop",
	    .xclient = LIST("*"), .xforward = LIST("*"), .xremoteip = true,
	    .drop = LIST("ADDR", "HELO") });
	conf = (struct conf){ .trust = trust, .xtext = XTEXT_STRICT,
	    .limits = { .context_pairs = PAIRS_MAX,
	    .context_size = SIZE_MAX_BYTES } };
}

static void
teardown(void)
{
	trust_free(trust);
}

#define SEALED	1

static const struct row {
	const char		*name, *profile;	/* NULL: not known */
	int			 flags;
	const char		*override;
	const char		*line;
	enum verdict_action	 want;
	enum verdict_reason	 want_reason;
	/* What is permitted: the line, or the pairs.  Else how the text
	 * begins.  NULL: whatever it is. */
	const char		*want_text;
} rows[] = {
	{ "ADDR is completed", "edge", 0, NULL, "XCLIENT ADDR=203.0.113.7",
	    VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT ADDR=203.0.113.7" NOBODY },
	{ "an address of nobody is completed, too", "edge", 0, NULL,
	    "XCLIENT ADDR=[UNAVAILABLE]", VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT ADDR=[UNAVAILABLE]" NOBODY },
	{ "what is said is not completed", "edge", 0, NULL,
	    "XCLIENT PORT=7 NAME=c.example ADDR=203.0.113.7", VERDICT_PERMIT,
	    REASON_GRANTED, "XCLIENT ADDR=203.0.113.7 NAME=c.example PORT=7" },
	{ "no name leaves no reverse name", "edge", 0, NULL,
	    "XCLIENT NAME=[TEMPUNAVAIL]", VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT NAME=[TEMPUNAVAIL] REVERSE_NAME=[UNAVAILABLE]" },
	{ "a reverse name that is said stays", "edge", 0, NULL,
	    "XCLIENT NAME=[UNAVAILABLE] REVERSE_NAME=r.example",
	    VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT NAME=[UNAVAILABLE] REVERSE_NAME=r.example" },
	{ "without ADDR there is nothing to complete", "edge", 0, NULL,
	    "XCLIENT HELO=h", VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT HELO=h" },
	{ "what was said is said again", "edge", 0,
	    "XCLIENT ADDR=203.0.113.7 NAME=c.example PORT=7 LOGIN=joe",
	    "XCLIENT HELO=h", VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT ADDR=203.0.113.7 NAME=c.example PORT=7 HELO=h "
	    "LOGIN=joe" },
	{ "of another client nothing is", "edge", 0,
	    "XCLIENT ADDR=203.0.113.7 NAME=c.example PORT=7 LOGIN=joe",
	    "XCLIENT ADDR=203.0.113.8", VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT ADDR=203.0.113.8" NOBODY },
	{ "the same address is the same client", "edge", 0,
	    "XCLIENT ADDR=203.0.113.7 NAME=c.example PORT=7 LOGIN=joe",
	    "XCLIENT ADDR=203.0.113.7", VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT ADDR=203.0.113.7 NAME=c.example PORT=7 LOGIN=joe" },
	{ "but where nothing seals, the next one", "open", 0,
	    "XCLIENT ADDR=203.0.113.7 NAME=c.example PORT=7 LOGIN=joe",
	    "XCLIENT ADDR=203.0.113.7", VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT ADDR=203.0.113.7" NOBODY },
	{ "also by XREMOTEIP", "open", 0,
	    "XCLIENT ADDR=203.0.113.7 NAME=c.example PORT=7 LOGIN=joe",
	    "XREMOTEIP 203.0.113.7", VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT ADDR=203.0.113.7" NOBODY },
	{ "who names no address means the present client", "open", 0,
	    "XCLIENT ADDR=203.0.113.7 NAME=c.example PORT=7",
	    "XCLIENT LOGIN=joe", VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT ADDR=203.0.113.7 NAME=c.example PORT=7 LOGIN=joe" },
	{ "an address that comes after a login", "open", 0,
	    "XCLIENT LOGIN=joe", "XCLIENT ADDR=203.0.113.7", VERDICT_PERMIT,
	    REASON_GRANTED,
	    "XCLIENT ADDR=203.0.113.7" NOBODY " LOGIN=joe" },
	{ "a login that is taken back", "edge", 0, "XCLIENT LOGIN=joe",
	    "XCLIENT LOGIN=[UNAVAILABLE]", VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT LOGIN=[UNAVAILABLE]" },
	{ "a value that no record holds", "edge", 0,
	    "XCLIENT ADDR=0.1.2.3", "XCLIENT HELO=h", VERDICT_TEMPFAIL,
	    REASON_CANNOT_TELL, "the session's record is damaged" },
	{ "a damaged override", "edge", 0, "XCLIENT ADDR=1.2.3",
	    "XCLIENT HELO=h", VERDICT_TEMPFAIL, REASON_CANNOT_TELL,
	    "the session's record is damaged" },
	{ "an override that is nothing", "edge", 0, "",
	    "XREMOTEIP 203.0.113.7", VERDICT_TEMPFAIL, REASON_CANNOT_TELL,
	    "the session's record is damaged" },
	{ "not allowed before damaged", "edge", 0, "", "XCLIENT LOGIN=root",
	    VERDICT_REJECT, REASON_VALUE, NULL },
	{ "it does not matter to what is forwarded", "edge", 0, "",
	    "XFORWARD HELO=h", VERDICT_PERMIT, REASON_GRANTED,
	    "XFORWARD HELO=h" },

	{ "anonymous", "allow", 0, NULL, "XCLIENT ADDR=203.0.113.7",
	    VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT ADDR=203.0.113.7" NOBODY " LOGIN=anonymous" },
	{ "anonymous by XREMOTEIP", "allow", 0, NULL, "XREMOTEIP 203.0.113.7",
	    VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT ADDR=203.0.113.7" NOBODY " LOGIN=anonymous" },
	{ "anonymous when all else was dropped", "allow", 0, NULL,
	    "XCLIENT HELO=h", VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT LOGIN=anonymous" },
	{ "not anonymous who has a name", "allow", 0, NULL,
	    "XCLIENT LOGIN=joe", VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT LOGIN=joe" },
	{ "nor who had one", "allow", 0, "XCLIENT LOGIN=joe",
	    "XCLIENT PROTO=SMTP", VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT PROTO=SMTP LOGIN=joe" },
	{ "but who says to be nobody", "allow", 0, NULL,
	    "XCLIENT LOGIN=[UNAVAILABLE]", VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT LOGIN=anonymous" },
	{ "the name needs a grant, if it is said", "allow", 0, NULL,
	    "XCLIENT LOGIN=anonymous", VERDICT_TEMPFAIL, REASON_VALUE,
	    "LOGIN=anonymous is not allowed" },

	{ "nothing is left", "drop", 0, NULL, "XCLIENT ADDR=203.0.113.7",
	    VERDICT_PERMIT, REASON_GRANTED, "XCLIENT PROTO=SMTP" },
	{ "nothing is left of an address", "drop", 0, NULL,
	    "XREMOTEIP 203.0.113.7", VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT PROTO=SMTP" },
	{ "nothing is left to forward", "drop", 0, NULL, "XFORWARD HELO=h",
	    VERDICT_PERMIT, REASON_GRANTED, "" },
	{ "something is left to forward", "drop", 0, NULL,
	    "XFORWARD HELO=h IDENT=4", VERDICT_PERMIT, REASON_GRANTED,
	    "XFORWARD IDENT=4" },

	{ "not in the list", "edge", 0, NULL, "XCLIENT LOGIN=root",
	    VERDICT_REJECT, REASON_VALUE, "LOGIN=root is not allowed" },
	{ "a greeting that cannot be said on", "edge", 0, NULL,
	    "XCLIENT ADDR=203.0.113.7 HELO=+C3+A4", VERDICT_PERMIT,
	    REASON_GRANTED,
	    "XCLIENT ADDR=203.0.113.7" NOBODY " HELO=[UNAVAILABLE]" },
	{ "nor be forwarded", "edge", 0, NULL,
	    "XFORWARD NAME=a@b HELO=h", VERDICT_PERMIT, REASON_GRANTED,
	    "XFORWARD NAME=[UNAVAILABLE] HELO=h" },
	{ "a name that cannot be said on takes its reverse along", "edge", 0,
	    NULL, "XCLIENT NAME=-", VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE]" },
	{ "an address with a zone is nobody's", "edge", 0,
	    "XCLIENT ADDR=203.0.113.7 LOGIN=joe",
	    "XCLIENT ADDR=IPV6:fe80::1%eth0", VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT ADDR=[UNAVAILABLE]" NOBODY },
	{ "what is not granted is not left out either", "drop", 0, NULL,
	    "XCLIENT LOGIN=root HELO=+C3+A4", VERDICT_TEMPFAIL, REASON_VALUE,
	    "LOGIN=root is not allowed" },
	{ "no such attribute", "edge", 0, NULL, "XCLIENT FOO=1",
	    VERDICT_REJECT, REASON_MALFORMED, NULL },
	{ "no argument", "edge", 0, NULL, "XCLIENT", VERDICT_REJECT,
	    REASON_MALFORMED, NULL },
	{ "XFORWARD's own", "edge", 0, NULL, "XCLIENT IDENT=1",
	    VERDICT_REJECT, REASON_MALFORMED, NULL },
	{ "XCLIENT's own", "edge", 0, NULL, "XFORWARD LOGIN=joe",
	    VERDICT_REJECT, REASON_MALFORMED, NULL },
	{ "sealed", "edge", SEALED, NULL, "XCLIENT HELO=h", VERDICT_REJECT,
	    REASON_SEALED, NULL },
	{ "malformed before sealed", "edge", SEALED, NULL, "XCLIENT FOO",
	    VERDICT_REJECT, REASON_MALFORMED, NULL },
	{ "what is forwarded by the messenger itself", "edge", SEALED, NULL,
	    "XFORWARD HELO=h", VERDICT_PERMIT, REASON_GRANTED, NULL },
	{ "what is forwarded behind it", "edge", SEALED, "XCLIENT HELO=h",
	    "XFORWARD HELO=h", VERDICT_REJECT, REASON_SEALED, NULL },

	{ "XREMOTEIP", "edge", 0, NULL, "XREMOTEIP 203.0.113.7",
	    VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT ADDR=203.0.113.7" NOBODY },
	{ "XREMOTEIP between blanks", "edge", 0, NULL,
	    "XREMOTEIP \t\v\f 203.0.113.7 \r\n", VERDICT_PERMIT,
	    REASON_GRANTED, "XCLIENT ADDR=203.0.113.7" NOBODY },
	{ "XREMOTEIP, IPv6", "edge", 0, NULL, "XREMOTEIP 2001:db8::7",
	    VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT ADDR=IPV6:2001:db8::7" NOBODY },
	{ "XREMOTEIP, IPv6 as XCLIENT has it", "edge", 0, NULL,
	    "XREMOTEIP iPv6:2001:db8:0::7", VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT ADDR=IPV6:2001:db8::7" NOBODY },
	{ "XREMOTEIP, IPv4 in IPv6", "edge", 0, NULL,
	    "XREMOTEIP ::ffff:203.0.113.7", VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT ADDR=203.0.113.7" NOBODY },
	{ "XREMOTEIP, with a zone", "edge", 0, NULL,
	    "XREMOTEIP fe80::1%eth0", VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT ADDR=[UNAVAILABLE]" NOBODY },
	{ "XREMOTEIP, of this network", "edge", 0, NULL,
	    "XREMOTEIP 0.1.2.3", VERDICT_PERMIT, REASON_GRANTED,
	    "XCLIENT ADDR=[UNAVAILABLE]" NOBODY },
	{ "XREMOTEIP, IPv4 is no IPv6", "edge", 0, NULL,
	    "XREMOTEIP IPV6:203.0.113.7", VERDICT_REJECT, REASON_MALFORMED,
	    "XREMOTEIP: expected one IPv4 or IPv6 address and nothing "
	    "else" },
	{ "XREMOTEIP, twice IPv6", "edge", 0, NULL,
	    "XREMOTEIP IPV6:IPV6:2001:db8::7", VERDICT_REJECT,
	    REASON_MALFORMED, NULL },
	{ "XREMOTEIP without an address", "edge", 0, NULL, "XREMOTEIP ",
	    VERDICT_REJECT, REASON_MALFORMED, NULL },
	{ "XREMOTEIP with two", "edge", 0, NULL,
	    "XREMOTEIP 203.0.113.7 203.0.113.7", VERDICT_REJECT,
	    REASON_MALFORMED, NULL },
	{ "XREMOTEIP as XCLIENT", "edge", 0, NULL,
	    "XREMOTEIP ADDR=203.0.113.7", VERDICT_REJECT, REASON_MALFORMED,
	    NULL },
	{ "XREMOTEIP of nobody", "edge", 0, NULL, "XREMOTEIP [UNAVAILABLE]",
	    VERDICT_REJECT, REASON_MALFORMED, NULL },
	{ "XREMOTEIP of a private address", "edge", 0, NULL,
	    "XREMOTEIP 10.0.0.1", VERDICT_REJECT, REASON_VALUE,
	    "ADDR=10.0.0.1 is not a public address" },
	{ "XREMOTEIP keeps the client's login", "edge", 0,
	    "XCLIENT LOGIN=joe", "XREMOTEIP 203.0.113.7", VERDICT_PERMIT,
	    REASON_GRANTED,
	    "XCLIENT ADDR=203.0.113.7" NOBODY " LOGIN=joe" },
	{ "XREMOTEIP, sealed", "edge", SEALED, "XCLIENT HELO=h",
	    "XREMOTEIP 203.0.113.7", VERDICT_REJECT, REASON_SEALED, NULL },

	{ "pairs", "edge", 0, NULL, "XSETCONTEXT Tenant=a+20b route.y=",
	    VERDICT_PERMIT, REASON_GRANTED, "tenant=a b route.y=" },
	{ "pairs by XSETCONTEXT alone", "edge", 0, NULL, "XSETCONTEXT\ta=1",
	    VERDICT_PERMIT, REASON_GRANTED, "a=1" },
	{ "a pair that is not granted", "edge", 0, NULL,
	    "XSETCONTEXT tenant=a color=b", VERDICT_REJECT, REASON_NO_GRANT,
	    "XSETCONTEXT: color is not granted" },
	{ "a pair that is kept out", "edge", 0, NULL, "XSETCONTEXT Route.X=a",
	    VERDICT_REJECT, REASON_NO_GRANT,
	    "XSETCONTEXT: route.x is not granted" },
	{ "a pair that is none", "edge", 0, NULL, "XSETCONTEXT tenant",
	    VERDICT_REJECT, REASON_MALFORMED, NULL },
	{ "malformed before not granted", "edge", 0, NULL,
	    "XSETCONTEXT color=b tenant", VERDICT_REJECT, REASON_MALFORMED,
	    NULL },
	{ "pairs of a sealed session", "edge", SEALED, NULL,
	    "XSETCONTEXT tenant=a", VERDICT_REJECT, REASON_SEALED, NULL },
	{ "as many as may be", "edge", 0, NULL,
	    "XSETCONTEXT a=1 b=2 tenant=0123456789", VERDICT_PERMIT,
	    REASON_GRANTED, NULL },
	{ "a byte more", "edge", 0, NULL,
	    "XSETCONTEXT a=1 b=2 tenant=0123456789X", VERDICT_REJECT,
	    REASON_LIMIT, "tenant: expected at most 20 bytes" },
	{ "a pair more", "edge", 0, NULL,
	    "XSETCONTEXT a=1 b=2 tenant=3 route.y=4", VERDICT_REJECT,
	    REASON_LIMIT, "route.y: expected at most 3 pairs" },

	{ "not granted before one more", "edge", 0, NULL,
	    "XSETCONTEXT a=1 b=2 tenant=3 color=4", VERDICT_REJECT,
	    REASON_NO_GRANT, NULL },
	{ "dump", "edge", 0, NULL, "XDUMPCONTEXT", VERDICT_PERMIT,
	    REASON_GRANTED, NULL },
	{ "dump, blanks", "edge", 0, NULL, "XDUMPCONTEXT \t\r\n",
	    VERDICT_PERMIT, REASON_GRANTED, NULL },
	{ "dump of something", "edge", 0, NULL, "XDUMPCONTEXT all",
	    VERDICT_REJECT, REASON_MALFORMED,
	    "XDUMPCONTEXT takes no arguments" },
	{ "dump, sealed", "edge", SEALED, NULL, "XDUMPCONTEXT",
	    VERDICT_REJECT, REASON_SEALED, NULL },
	{ "dump, overridden", "edge", 0, "XCLIENT HELO=h", "XDUMPCONTEXT",
	    VERDICT_PERMIT, REASON_GRANTED, NULL },
	{ "dump, not granted", "open", 0, NULL, "XDUMPCONTEXT",
	    VERDICT_TEMPFAIL, REASON_NO_GRANT,
	    "XDUMPCONTEXT is not granted" },

	{ "only reported: ADDR", "watch", 0, NULL, "XCLIENT ADDR=203.0.113.7",
	    VERDICT_PERMIT, REASON_NO_GRANT,
	    "XCLIENT ADDR=203.0.113.7" NOBODY },
	{ "only reported: XREMOTEIP", "watch", 0, NULL,
	    "XREMOTEIP 203.0.113.7", VERDICT_PERMIT, REASON_NO_GRANT,
	    "XCLIENT ADDR=203.0.113.7" NOBODY },
	{ "not only reported: a private ADDR", "watch", 0, NULL,
	    "XCLIENT ADDR=10.0.0.1", VERDICT_DISCONNECT, REASON_NO_GRANT,
	    NULL },
	{ "not only reported: a login", "watch", 0, NULL,
	    "XCLIENT ADDR=203.0.113.7 LOGIN=root", VERDICT_DISCONNECT,
	    REASON_NO_GRANT, "XCLIENT: attribute LOGIN is not granted" },
	{ "not only reported: a built-in pair", "watch", 0, NULL,
	    "XSETCONTEXT auth_user=root", VERDICT_DISCONNECT,
	    REASON_NO_GRANT, NULL },
	{ "only reported: pair", "watch", 0, NULL, "XSETCONTEXT a=1",
	    VERDICT_PERMIT, REASON_NO_GRANT, "a=1" },
	{ "only reported: dump", "watch", 0, NULL, "XDUMPCONTEXT",
	    VERDICT_PERMIT, REASON_NO_GRANT, NULL },
	{ "not only reported: a limit", "watch", 0, NULL,
	    "XSETCONTEXT a=1 b=2 c=3 d=4", VERDICT_DISCONNECT, REASON_LIMIT,
	    NULL },
	{ "not only reported: what is none", "watch", 0, NULL,
	    "XSETCONTEXT a", VERDICT_DISCONNECT, REASON_MALFORMED, NULL },
	{ "not only reported: the seal", "watch", SEALED, NULL,
	    "XSETCONTEXT a=1", VERDICT_DISCONNECT, REASON_SEALED, NULL },

	{ "nobody knows who", NULL, 0, NULL, "XCLIENT HELO=h",
	    VERDICT_TEMPFAIL, REASON_NO_SESSION,
	    "it is not known who connected" },
	{ "nobody knows who forwards", NULL, 0, NULL, "XFORWARD HELO=h",
	    VERDICT_TEMPFAIL, REASON_NO_SESSION, NULL },
	{ "nobody knows whose address", NULL, 0, NULL, "XREMOTEIP x",
	    VERDICT_TEMPFAIL, REASON_NO_SESSION, NULL },
	{ "nobody knows whose pair", NULL, 0, NULL, "XSETCONTEXT a",
	    VERDICT_TEMPFAIL, REASON_NO_SESSION, NULL },
	{ "nobody knows who reads", NULL, 0, NULL, "XDUMPCONTEXT x",
	    VERDICT_TEMPFAIL, REASON_NO_SESSION, NULL },
	{ "stranger", TRUST_STRANGER, 0, NULL, "XSETCONTEXT a=1",
	    VERDICT_TEMPFAIL, REASON_NO_GRANT, NULL },
};

static struct judgement	*j;

static void
judge(const char *profile, int flags, const char *override,
    const struct context *context, struct span line)
{
	struct session			 s;
	struct judge_speaker		 speaker = { .conf = &conf,
	    .session = &s };
	struct span			 verb = judge_next_word(&line);
	enum trust_command		 command;

	session_init(&s);
	s.is_sealed = (flags & SEALED) != 0;
	if (context != NULL)
		s.context = *context;
	ck_assert(session_set_text(&s.override, override));
	if (profile != NULL) {
		speaker.profile = trust_profile_find(trust, profile);
		ck_assert_ptr_nonnull(speaker.profile);
	}
	ck_assert(trust_command_find(verb, &command));
	j = malloc(sizeof *j);
	ck_assert_ptr_nonnull(j);
	memset(j, 0x5a, sizeof *j);
	judge_command(&speaker, command, line, j);
	ck_assert_int_eq(j->command, command);
	free(s.override);
}

/* What is permitted, as one text. */
static const char *
permitted_text(void)
{
	static char	 pairs[CONTEXT_LINE_MAX];

	if (j->command == TRUST_XDUMPCONTEXT)
		return "";
	if (j->command != TRUST_XSETCONTEXT)
		return j->line;
	context_line_pairs(&j->context, pairs, sizeof pairs);
	return pairs;
}

/* The line and the set of an override say the same. */
static void
check_override(const char *name)
{
	char	 line[ASSERTION_LINE_MAX];
	size_t	 len;

	if (j->command != TRUST_XCLIENT && j->command != TRUST_XREMOTEIP)
		return;
	ck_assert_msg(assertion_print(&j->override, line, sizeof line, &len),
	    "%s: prints not", name);
	ck_assert_msg(strcmp(line, j->line) == 0, "%s: set is \"%s\", line "
	    "\"%s\"", name, line, j->line);
}

static void
check_row(const struct row *r, const char *how)
{
	const char	*got;

	ck_assert_msg(j->verdict.action == r->want &&
	    j->verdict.reason == r->want_reason, "%s, %s: got %s (%s, %s), "
	    "want %s (%s)", r->name, how, verdict_action_text(
	    j->verdict.action), verdict_reason_text(j->verdict.reason),
	    j->verdict.text, verdict_action_text(r->want),
	    verdict_reason_text(r->want_reason));
	ck_assert_msg(j->verdict.report_only == (r->want == VERDICT_PERMIT &&
	    r->want_reason != REASON_GRANTED), "%s, %s: report_only",
	    r->name, how);
	if (r->want == VERDICT_PERMIT)
		check_override(r->name);
	if (r->want_text == NULL)
		return;
	got = r->want == VERDICT_PERMIT ? permitted_text() : j->verdict.text;
	ck_assert_msg(r->want == VERDICT_PERMIT ?
	    strcmp(got, r->want_text) == 0 :
	    strncmp(got, r->want_text, strlen(r->want_text)) == 0,
	    "%s, %s: got \"%s\", want \"%s\"", r->name, how, got,
	    r->want_text);
}

START_TEST(each_row)
{
	const struct row	*r = &rows[_i];
	size_t			 n = strlen(r->line);
	char			*edge = edge_copy(r->line, n);

	judge(r->profile, r->flags, r->override, NULL, span_of(r->line));
	check_row(r, "whole");
	free(j);
	judge(r->profile, r->flags, r->override, NULL,
	    (struct span){ edge, n });
	check_row(r, "edge");
	free(j);
	edge_free(edge, n);
}
END_TEST

/* The arguments cut at each byte: an answer in any case. */
START_TEST(each_cut)
{
	const struct row	*r = &rows[_i];
	size_t			 n, verb = strcspn(r->line, " \t");
	char			*edge;

	for (n = verb; n < strlen(r->line); n++) {
		edge = edge_copy(r->line, n);
		judge(r->profile, r->flags, r->override, NULL,
		    (struct span){ edge, n });
		if (j->verdict.action == VERDICT_PERMIT)
			check_override(r->name);
		free(j);
		edge_free(edge, n);
	}
}
END_TEST

/* A command line as long as it may be, CRLF counted, and one octet more. */
static const struct length_row {
	const char	*head;
	size_t		 max;
	const char	*want_text;
	bool		 is_permitted;	/* at the limit */
} length_rows[] = {
	{ "XCLIENT PROTO=SMTP ", ASSERTION_COMMAND_MAX,
	    "the line is over 512 octets; say it in several commands", true },
	{ "XFORWARD PROTO=SMTP ", ASSERTION_COMMAND_MAX,
	    "the line is over 512 octets; say it in several commands", true },
	{ "XREMOTEIP 203.0.113.7 ", ASSERTION_COMMAND_MAX,
	    "the line is over 512 octets", true },
	{ "XSETCONTEXT a=1 ", CONTEXT_LINE_MAX,
	    "the line is over 2048 octets; say it in several commands",
	    true },
};

START_TEST(lengths)
{
	const struct length_row	*r = &length_rows[_i];
	char			 line[CONTEXT_LINE_MAX + 1];

	memset(line, ' ', sizeof line);
	memcpy(line, r->head, strlen(r->head));
	judge("edge", 0, NULL, NULL, (struct span){ line, r->max - 2 });
	ck_assert_msg((j->verdict.action == VERDICT_PERMIT) ==
	    r->is_permitted, "%s: %s", r->head, j->verdict.text);
	free(j);
	judge("edge", 0, NULL, NULL, (struct span){ line, r->max - 1 });
	ck_assert_int_eq(j->verdict.reason, REASON_MALFORMED);
	ck_assert_str_eq(j->verdict.text, r->want_text);
	free(j);
}
END_TEST

/* That the tables could not say who it is is not that nobody asked them. */
START_TEST(nobody_because_of_a_table)
{
	struct session			 s;
	const struct judge_speaker	 speaker = { .conf = &conf,
	    .session = &s };

	session_init(&s);
	s.refused = VERDICT_TEMPFAIL;
	s.refused_reason = REASON_CANNOT_TELL;
	j = malloc(sizeof *j);
	ck_assert_ptr_nonnull(j);
	judge_command(&speaker, TRUST_XCLIENT, span_of(" HELO=h"), j);
	ck_assert_int_eq(j->verdict.reason, REASON_CANNOT_TELL);
	ck_assert_int_eq(j->verdict.action, VERDICT_TEMPFAIL);
	free(j);
}
END_TEST

/* The arguments as some find them: without the blank in front. */
START_TEST(length_without_the_blank)
{
	char		 args[ASSERTION_COMMAND_MAX];
	size_t		 n = ASSERTION_COMMAND_MAX - strlen("XCLIENT \r\n");
	struct session	 s;
	const struct judge_speaker speaker = { .conf = &conf, .session = &s,
	    .profile = trust_profile_find(trust, "edge") };

	session_init(&s);
	memset(args, ' ', sizeof args);
	memcpy(args, "HELO=h", 6);
	j = malloc(sizeof *j);
	ck_assert_ptr_nonnull(j);
	judge_command(&speaker, TRUST_XCLIENT, (struct span){ args, n }, j);
	ck_assert_int_eq(j->verdict.reason, REASON_GRANTED);
	judge_command(&speaker, TRUST_XCLIENT, (struct span){ args, n + 1 }, j);
	ck_assert_int_eq(j->verdict.reason, REASON_MALFORMED);
	free(j);
}
END_TEST

/* A line is not too long that is so by a greeting which is left out anyway. */
START_TEST(length_of_what_is_unsaid)
{
	char	 line[1024] = "XFORWARD IDENT=4 HELO=";
	size_t	 n = strlen(line);

	memset(line + n, 'x', 765);
	judge("edge", 0, NULL, NULL, (struct span){ line, n + 765 });
	ck_assert_msg(j->verdict.action == VERDICT_PERMIT, "%s",
	    j->verdict.text);
	ck_assert_str_eq(j->verdict.text, "granted; [UNAVAILABLE] for what "
	    "cannot be said on: HELO");
	ck_assert_str_eq(j->line, "XFORWARD HELO=[UNAVAILABLE] IDENT=4");
	free(j);
	/* The rest counts, too: 13 octets stand for the greeting. */
	memset(line + n + 256, ' ', sizeof line - n - 256);
	judge("edge", 0, NULL, NULL, (struct span){ line, 510 + 256 - 13 });
	ck_assert_int_eq(j->verdict.reason, REASON_GRANTED);
	free(j);
	judge("edge", 0, NULL, NULL, (struct span){ line, 511 + 256 - 13 });
	ck_assert_str_eq(j->verdict.text, "the line is over 512 octets; say "
	    "it in several commands");
	free(j);
}
END_TEST

/* What is there already counts, and what is replaced does not. */
START_TEST(context_that_is_there)
{
	static const struct {
		const char		*line;
		enum verdict_reason	 want;
	} lines[] = {
		{ "XSETCONTEXT route.y=4", REASON_LIMIT },
		{ "XSETCONTEXT TENANT=4", REASON_GRANTED },
		{ "XSETCONTEXT tenant=0123456789", REASON_GRANTED },
		{ "XSETCONTEXT tenant=0123456789X", REASON_LIMIT },
		{ "XSETCONTEXT tenant=0123456789X a=", REASON_GRANTED },
	};
	struct context	 context = { .n = 0 };
	int		 i;

	ck_assert(context_put(&context, span_of("a"), span_of("1"), 0, 1) &&
	    context_put(&context, span_of("b"), span_of("2"), 0, 1) &&
	    context_put(&context, span_of("tenant"), span_of("3"), 0, 1));
	for (i = 0; i < NELEM(lines); i++) {
		judge("edge", 0, NULL, &context, span_of(lines[i].line));
		ck_assert_msg(j->verdict.reason == lines[i].want, "%s: %s",
		    lines[i].line, j->verdict.text);
		free(j);
	}
	context_clear(&context);
}
END_TEST

/* Values that decode to one which is too long once it is encoded afresh. */
START_TEST(a_value_that_grows)
{
	char	 line[300] = "XCLIENT LOGIN=";

	conf.xtext = XTEXT_LEGACY;
	memset(line + strlen(line), '=', 86);
	judge("open", 0, NULL, NULL, span_of(line));
	ck_assert_int_eq(j->verdict.reason, REASON_MALFORMED);
	free(j);
	line[strlen(line) - 1] = '\0';
	judge("open", 0, NULL, NULL, span_of(line));
	ck_assert_msg(j->verdict.action == VERDICT_PERMIT, "%s",
	    j->verdict.text);
	free(j);
}
END_TEST

START_TEST(the_setting_xtext_is_not_for_the_context)
{
	conf.xtext = XTEXT_LEGACY;
	judge("edge", 0, NULL, NULL, span_of("XSETCONTEXT a=+2b"));
	ck_assert_int_eq(j->verdict.reason, REASON_MALFORMED);
	free(j);
	judge("edge", 0, NULL, NULL, span_of("XCLIENT HELO=+2b"));
	ck_assert_int_eq(j->verdict.reason, REASON_GRANTED);
	free(j);
	conf.xtext = XTEXT_STRICT;
	judge("edge", 0, NULL, NULL, span_of("XCLIENT LOGIN=+2b"));
	ck_assert_int_eq(j->verdict.reason, REASON_MALFORMED);
	free(j);
}
END_TEST

START_TEST(words)
{
	struct span	 text = span_of(" \t\r\n\v\fone\vtwo  ");
	struct span	 with_nul = { "a\0b c", 5 };

	ck_assert(span_eq(judge_next_word(&text), "one"));
	ck_assert(span_eq(judge_next_word(&text), "two"));
	ck_assert_uint_eq(judge_next_word(&text).n, 0);
	ck_assert_uint_eq(text.n, 0);
	ck_assert_uint_eq(judge_next_word(&text).n, 0);
	ck_assert_uint_eq(judge_next_word(&with_nul).n, 3);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("judge");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, each_row, 0, NELEM(rows));
	tcase_add_loop_test(tc, each_cut, 0, NELEM(rows));
	tcase_add_loop_test(tc, lengths, 0, NELEM(length_rows));
	tcase_add_test(tc, nobody_because_of_a_table);
	tcase_add_test(tc, length_without_the_blank);
	tcase_add_test(tc, length_of_what_is_unsaid);
	tcase_add_test(tc, context_that_is_there);
	tcase_add_test(tc, a_value_that_grows);
	tcase_add_test(tc, the_setting_xtext_is_not_for_the_context);
	tcase_add_test(tc, words);
	return runner_run("judge", tc);
}
