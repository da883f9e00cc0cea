/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * hop_test: the next hop's half alone, with a server that plays a script: what
 * is said and done, in order, and that each question is completed exactly once.
 * Each row is played with the server's replies whole and byte by byte.
 */
#include "relay/hop.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "t/lib/runner.h"

#define N_ASKED		16

struct asked {
	struct hop_question	 q;
	const char		*name;
	unsigned		 n_due, n_done;
};

struct owner {
	struct hop		*hop;
	struct conf_relay	 relay;
	struct hop_need		 need;
	uint64_t		 now_ms;
	unsigned		 address, n_addresses;
	bool			 is_refusal_known, is_taken, refuses_hand_over;
	bool			 is_waiting;
	unsigned		 n_connects;
	char			 log[4096];
	size_t			 n_log;
	struct asked		 asked[N_ASKED];
	unsigned		 n_asked;
};

static void __attribute__((format(printf, 2, 3)))
put(struct owner *o, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	o->n_log += (size_t)vsnprintf(o->log + o->n_log,
	    sizeof o->log - o->n_log, fmt, ap);
	va_end(ap);
	ck_assert_uint_lt(o->n_log, sizeof o->log);
}

static void
op_send(void *arg, struct span bytes)
{
	size_t	 i;

	for (i = 0; i < bytes.n; i++)
		if (bytes.p[i] == '\n')
			put(arg, "|");
		else if (bytes.p[i] != '\r')
			put(arg, "%c", bytes.p[i]);
}

static void
op_connect(void *arg, const struct hop_target *target)
{
	struct owner	*o = arg;

	if (!target->is_again)
		o->address = 1;
	o->n_connects++;
	put(o, "[%s]", target->is_again ? "again" : "connect");
}

static bool
op_has_next(void *arg)
{
	struct owner	*o = arg;

	return o->address < o->n_addresses;
}

static bool
op_connect_next(void *arg)
{
	struct owner	*o = arg;

	if (!op_has_next(arg))
		return false;
	o->address++;
	o->n_connects++;
	put(o, "[next]");
	return true;
}

static void
op_disconnect(void *arg)
{
	put(arg, "[disconnect]");
}

static void
op_secure(void *arg)
{
	put(arg, "[secure]");
}

static bool
op_hand_over(void *arg)
{
	put(arg, "[hand over]");
	return !((struct owner *)arg)->refuses_hand_over;
}

static void
op_remember_failed(void *arg)
{
	put(arg, "[blamed]");
}

static void
op_remember_taken(void *arg)
{
	((struct owner *)arg)->is_taken = true;
}

static bool
op_remember_refusal(void *arg)
{
	struct owner	*o = arg;

	o->is_refusal_known = !o->is_taken;
	return !o->is_taken;
}

static bool
op_remembers_refusal(void *arg)
{
	return ((struct owner *)arg)->is_refusal_known;
}

static void
op_report(void *arg, enum hop_event event, const char *text, const char *line)
{
	static const char *const	 names[] = {
		[HOP_EVENT_READY] = "ready", [HOP_EVENT_FAILED] = "failed",
		[HOP_EVENT_XCLIENT_SENT] = "sent",
		[HOP_EVENT_XCLIENT_NOT_OFFERED] = "not offered",
		[HOP_EVENT_XCLIENT_REFUSED] = "refused",
		[HOP_EVENT_XCLIENT_VERDICT] = "verdict",
		[HOP_EVENT_XCLIENT_FAILED] = "broken"
	};

	(void)text;
	(void)line;
	put(arg, "[%s%s]", names[event],
	    hop_is_late(((struct owner *)arg)->hop) ? " late" : "");
}

static bool
op_identity(void *arg, struct assertion_set *set_r)
{
	struct err	 err;

	(void)arg;
	return assertion_parse(span_of("ADDR=192.0.2.1"), ASSERTION_XCLIENT,
	    XTEXT_STRICT, set_r, &err) == ASSERTION_OK;
}

static enum identity_result
op_tell(void *arg, enum hop_whose whose, const struct identity_terms *terms,
    struct identity_lines *lines_r)
{
	struct assertion_set	 set;

	(void)whose;
	if (!op_identity(arg, &set))
		return IDENTITY_CANNOT_TELL;
	return identity_say(&set, terms, lines_r) ? IDENTITY_TOLD :
	    IDENTITY_CANNOT_BE_SAID;
}

static bool
op_is_current(void *arg, const struct identity_lines *lines,
    const struct identity_terms *terms)
{
	(void)arg;
	(void)lines;
	(void)terms;
	return false;
}

static const char *
op_name(void *arg, const struct assertion_set *identity)
{
	(void)arg;
	return identity == NULL ? "us" : "him";
}

static size_t
op_proxy_header(void *arg, const struct assertion_set *set, char *buf,
    size_t size)
{
	(void)arg;
	(void)set;
	return (size_t)snprintf(buf, size, "PROXY\r\n");
}

static bool
op_is_possible(void *arg, const struct hop_question *q,
    const struct smtp_reply *reply)
{
	(void)arg;
	(void)q;
	return reply->code != 399;
}

static bool
op_answered(void *arg, struct hop_question *q, const struct smtp_reply *reply)
{
	struct asked	*asked = (struct asked *)q;

	if (reply->code != 334)
		asked->n_done++;
	put(arg, "[%s %u]", asked->name, reply->code);
	return reply->code != 334;
}

static void
op_lost(void *arg, struct hop_question *q, const char *why)
{
	struct asked	*asked = (struct asked *)q;

	(void)why;
	asked->n_done += q->left;
	put(arg, "[%s lost]", asked->name);
}

static void
op_unasked(void *arg, const struct smtp_reply *reply)
{
	struct owner	*o = arg;

	put(o, "[unasked %u]", reply->code);
	hop_lost(o->hop, "it is over", false, false);
}

static bool
op_broken(void *arg, const char *why)
{
	(void)why;
	put(arg, "[broken]");
	return false;
}

static char *
op_translate(void *arg, const char *line)
{
	struct owner	*o = arg;

	put(o, "[again?]");
	return strstr(line, "less") != NULL ? NULL : strdup(line);
}

static bool
op_may_repeat(void *arg)
{
	(void)arg;
	return true;
}

static const struct hop_ops	 ops = {
	.may_repeat = op_may_repeat,
	.send = op_send, .connect = op_connect,
	.connect_next = op_connect_next, .has_next = op_has_next,
	.disconnect = op_disconnect, .secure = op_secure,
	.hand_over = op_hand_over, .remember_failed = op_remember_failed,
	.remember_taken = op_remember_taken,
	.remember_refusal = op_remember_refusal,
	.remembers_refusal = op_remembers_refusal,
	.report = op_report, .tell = op_tell, .is_current = op_is_current,
	.identity = op_identity, .name = op_name,
	.proxy_header = op_proxy_header, .is_possible = op_is_possible,
	.answered = op_answered, .lost = op_lost, .unasked = op_unasked,
	.broken = op_broken, .translate = op_translate
};

/*
 * Scripts: steps with "," between.  "+" connected, "-" lost, "t" inside TLS,
 * "w" late, "n" something new needs it, "?NAME" a question that can be repeated
 * (MAIL begins), "?NAME*2" one with two replies that cannot; "x" dropped;
 * "a" somebody logs in, "e" it is needed elsewhere; all else is what the server says, with CRLF ("~" stands
 * for LF).
 */
#define G	"220 hi,"
#define E	"250 hi,"
#define P	"250-hi~250 PIPELINING,"
#define X	"250-hi~250 XCLIENT ADDR,"
#define READY	"[connect]EHLO us|[ready]"
#define SAID	"[connect]EHLO us|XCLIENT ADDR=192.0.2.1|[sent]EHLO him|"
#define WITHOUT	"[disconnect][again]EHLO us|"

static const struct row {
	const char		*name;
	enum xclient_mode	 mode;
	enum scope_tls		 tls;
	unsigned		 n_addresses;
	const char		*script, *want;
} rows[] = {
	{ "set up", XCLIENT_NO, SCOPE_TLS_NO, 1, "+," G E, READY },
	{ "HELO", XCLIENT_NO, SCOPE_TLS_NO, 1, "+," G "502 no," E,
	    "[connect]EHLO us|HELO us|[ready]" },
	{ "refused", XCLIENT_NO, SCOPE_TLS_NO, 1, "-",
	    "[connect][failed][disconnect]{451 4.4.1}" },
	{ "refused twice", XCLIENT_NO, SCOPE_TLS_NO, 2, "-,-",
	    "[connect][failed][blamed][next][failed][disconnect]{451 4.4.1}" },
	{ "the second", XCLIENT_NO, SCOPE_TLS_NO, 2, "-,+," G E,
	    "[connect][failed][blamed][next]EHLO us|[ready]" },
	{ "a greeting that is none, and a second", XCLIENT_NO, SCOPE_TLS_NO, 2,
	    "+,421 no,+," G E, "[connect][failed][blamed][next]EHLO us|"
	    "[ready]" },
	{ "TLS refused, and a second", XCLIENT_NO, SCOPE_TLS_ENCRYPT, 2,
	    "+," G "250-hi~250 STARTTLS,454 no,-", "[connect]EHLO us|"
	    "STARTTLS|[failed][next][failed][disconnect]"
	    "{451 4.4.1}" },
	{ "EHLO refused, and a second", XCLIENT_NO, SCOPE_TLS_NO, 2,
	    "+," G "421 no,+," G E, "[connect]EHLO us|[failed][next]EHLO us|"
	    "[ready]" },
	{ "gone when ready", XCLIENT_NO, SCOPE_TLS_NO, 1,
	    "+," G "250 hi~421 no,", "[connect]EHLO us|[ready]"
	    "[unasked 421][failed][disconnect]{451 4.4.2}" },
	{ "gone when ready, and a second", XCLIENT_NO, SCOPE_TLS_NO, 2,
	    "+," G "250 hi~421 no,+," G E, "[connect]EHLO us|[ready]"
	    "[unasked 421][failed][next]EHLO us|[ready]" },
	{ "TLS", XCLIENT_NO, SCOPE_TLS_ENCRYPT, 1,
	    "+," G "250-hi~250 STARTTLS,220 go,t," E,
	    "[connect]EHLO us|STARTTLS|[secure]EHLO us|[ready]" },
	{ "no TLS", XCLIENT_NO, SCOPE_TLS_ENCRYPT, 1, "+," G E,
	    "[connect]EHLO us|[failed][disconnect]{451 4.7.4}" },
	{ "TLS may fail", XCLIENT_NO, SCOPE_TLS_MAY, 1,
	    "+," G "250-hi~250 STARTTLS,220 go,-,+,"
	    G "250-hi~250 STARTTLS,", "[connect]EHLO us|STARTTLS|[secure]"
	    "[failed]" WITHOUT "[ready]" },
	{ "XCLIENT", XCLIENT_REQUIRED, SCOPE_TLS_NO, 1,
	    "+," G X "220 hi," E, SAID "[ready]" },
	{ "XCLIENT not offered", XCLIENT_REQUIRED, SCOPE_TLS_NO, 1,
	    "+," G E, "[connect]EHLO us|[not offered][disconnect]"
	    "{451 4.7.6}" },
	{ "XCLIENT verdict", XCLIENT_IFAVAILABLE, SCOPE_TLS_NO, 2,
	    "+," G X "554 no,", "[connect]EHLO us|XCLIENT ADDR=192.0.2.1|"
	    "[verdict][disconnect]{554 no}" },
	{ "XCLIENT refused", XCLIENT_IFAVAILABLE, SCOPE_TLS_NO, 1,
	    "+," G X "550 no,+," G X, "[connect]EHLO us|"
	    "XCLIENT ADDR=192.0.2.1|[refused]" WITHOUT "[ready]" },
	{ "XCLIENT required and refused", XCLIENT_REQUIRED, SCOPE_TLS_NO, 2,
	    "+," G X "550 no,+," G X "250 ok," E, "[connect]EHLO us|"
	    "XCLIENT ADDR=192.0.2.1|[refused][next]EHLO us|"
	    "XCLIENT ADDR=192.0.2.1|[sent]EHLO him|[ready]" },
	{ "XCLIENT cut", XCLIENT_IFAVAILABLE, SCOPE_TLS_NO, 1,
	    "+," G X "-,+," G X, "[connect]EHLO us|XCLIENT ADDR=192.0.2.1|"
	    "[broken]" WITHOUT "[ready]" },
	{ "XCLIENT again inside TLS", XCLIENT_REQUIRED, SCOPE_TLS_MAY, 1,
	    "+," G X "220 hi,250-hi~250 STARTTLS,220 go,t," X "220 hi," E,
	    SAID "STARTTLS|[secure]EHLO us|XCLIENT ADDR=192.0.2.1|[sent]"
	    "EHLO him|[ready]" },
	{ "questions, one by one", XCLIENT_NO, SCOPE_TLS_NO, 1,
	    "+," G E "?MAIL,250 ok,?RCPT,250 ok,", READY
	    "MAIL|[MAIL 250]RCPT|[RCPT 250]" },
	{ "questions in one go", XCLIENT_NO, SCOPE_TLS_NO, 1,
	    "+," G P "?MAIL,?RCPT,?DATA,250 ok~550 no~354 go,", READY
	    "MAIL|RCPT|DATA|[MAIL 250][RCPT 550][DATA 354]" },
	{ "two replies", XCLIENT_NO, SCOPE_TLS_NO, 1,
	    "+," G P "?END*2,250 a~450 b,?NOOP,250 c,", READY
	    "[END 250][END 450]NOOP|[NOOP 250]" },
	{ "an exchange", XCLIENT_NO, SCOPE_TLS_NO, 1,
	    "+," G P "?AUTH,334 a~334 b~235 c,", READY
	    "AUTH|[AUTH 334][AUTH 334][AUTH 235]" },
	{ "lost", XCLIENT_NO, SCOPE_TLS_NO, 1,
	    "+," G P "?MAIL,?RCPT,250 ok,-", READY
	    "MAIL|RCPT|[MAIL 250][broken][failed][disconnect][RCPT lost]" },
	{ "lost with two replies due", XCLIENT_NO, SCOPE_TLS_NO, 1,
	    "+," G P "?END*2,250 ok,-", READY
	    "[END 250][broken][failed][disconnect][END lost]" },
	{ "dropped", XCLIENT_NO, SCOPE_TLS_NO, 1, "+," G P "?MAIL,?RCPT,x",
	    READY "MAIL|RCPT|[disconnect][MAIL lost][RCPT lost]" },
	{ "late", XCLIENT_NO, SCOPE_TLS_NO, 1, "+," G P "?NOOP,w", READY
	    "NOOP|[broken][failed late][disconnect][NOOP lost]" },
	{ "no reply", XCLIENT_NO, SCOPE_TLS_NO, 1, "+," G P "?NOOP,what,",
	    READY "NOOP|[broken][failed][disconnect][NOOP lost]" },
	{ "not possible", XCLIENT_NO, SCOPE_TLS_NO, 1,
	    "+," G P "?NOOP,399 what,", READY
	    "NOOP|[broken][failed][disconnect][NOOP lost]" },
	{ "421 to MAIL, and a second", XCLIENT_NO, SCOPE_TLS_NO, 2,
	    "+," G P "?MAIL,?RCPT,421 no,+," G P "250 ok~250 ok,", READY
	    "MAIL|RCPT|[failed][next]EHLO us|[again?][again?][ready]"
	    "MAIL|RCPT|[MAIL 250][RCPT 250]" },
	{ "421 to MAIL, and a second without PIPELINING", XCLIENT_NO,
	    SCOPE_TLS_NO, 2,
	    "+," G P "?MAIL,?RCPT,421 no,+," G E "250 ok,250 ok,", READY
	    "MAIL|RCPT|[failed][next]EHLO us|[again?][again?][ready]"
	    "MAIL|[MAIL 250]RCPT|[RCPT 250]" },
	{ "421 to MAIL, and a second that offers less", XCLIENT_NO,
	    SCOPE_TLS_NO, 2,
	    "+," G P "?MAIL less,?RCPT,421 no,+," G P, READY
	    "MAIL less|RCPT|[failed][next]EHLO us|[again?][failed][broken]"
	    "[disconnect][MAIL less lost][RCPT lost]" },
	{ "421 to MAIL, and no second", XCLIENT_NO, SCOPE_TLS_NO, 1,
	    "+," G P "?MAIL,?RCPT,421 no,", READY "MAIL|RCPT|[MAIL 421]" },
	{ "421 to MAIL behind another question", XCLIENT_NO, SCOPE_TLS_NO, 2,
	    "+," G P "?RSET,?MAIL,250 ok~421 no,", READY
	    "RSET|MAIL|[RSET 250][MAIL 421]" },
	{ "421 to MAIL of who has logged in", XCLIENT_NO, SCOPE_TLS_NO, 2,
	    "+," G P "a,?MAIL,421 no,", READY "MAIL|[MAIL 421]" },
	{ "421 to MAIL with what cannot be repeated", XCLIENT_NO,
	    SCOPE_TLS_NO, 2, "+," G P "?MAIL,?END*2,421 no,", READY
	    "MAIL|[MAIL 421]" },
	{ "cut at MAIL, and two that are no better", XCLIENT_NO,
	    SCOPE_TLS_NO, 3, "+," G P "?MAIL,-,-,-", READY
	    "MAIL|[failed][next][failed][blamed][next][failed][broken]"
	    "[disconnect][MAIL lost]" },
	{ "idle, and 421 to the next MAIL", XCLIENT_NO, SCOPE_TLS_NO, 1,
	    "+," G P "?MAIL,250 ok,n,?MAIL,421 idle,+," G P "250 ok,", READY
	    "MAIL|[MAIL 250]MAIL|[disconnect][connect]EHLO us|[again?]"
	    "[ready]MAIL|[MAIL 250]" },
	{ "lost between, and needed again", XCLIENT_NO, SCOPE_TLS_NO, 1,
	    "+," G P "?NOOP,250 ok,-,n,+," G P, READY
	    "NOOP|[NOOP 250][broken][disconnect][connect]EHLO us|[ready]" },
	{ "needed elsewhere while a reply is due", XCLIENT_NO, SCOPE_TLS_NO,
	    1, "+,220 hi,250 hi,?MAIL,250 ok,?NOOP,e,n,250 ok", READY
	    "MAIL|[MAIL 250]NOOP|[NOOP 250][disconnect][connect]" },
	{ "needed elsewhere as soon as it is ready", XCLIENT_NO, SCOPE_TLS_NO,
	    2, "e,+," G E "n,+," G E, "[connect]EHLO us|[ready][disconnect]"
	    "{451 4.4.2}[connect]EHLO us|[ready][disconnect]{451 4.4.2}" }
};

static void
need_it(struct owner *o)
{
	const char	*failure;
	size_t		 public;

	if (!o->is_waiting)
		return;
	switch (hop_ensure(o->hop, &o->need)) {
	case HOP_WAITS:
		return;
	case HOP_IS_READY:
		break;
	case HOP_HAS_FAILED:
		failure = hop_failure(o->hop, &public);
		put(o, "{%.*s}", (int)strcspn(failure, "\r\n") > 9 ? 9 :
		    (int)strcspn(failure, "\r\n"), failure);
		hop_forget_failure(o->hop);
		break;
	}
	o->is_waiting = false;
	hop_end_round(o->hop);
}

static void
begin_need(struct owner *o)
{
	hop_begin_round(o->hop);
	o->is_waiting = true;
}

/* "MAIL", "END*2". */
static void
ask(struct owner *o, char *text)
{
	struct asked	*asked = &o->asked[o->n_asked++];
	char		*star = strchr(text, '*');

	ck_assert(hop_may_ask(o->hop));
	asked->n_due = star == NULL ? 1 : 2;
	if (star != NULL)
		*star = '\0';
	asked->name = text;
	asked->q.left = asked->n_due;
	asked->q.kind = strncmp(text, "MAIL", 4) == 0 ? HOP_ASK_MAIL :
	    star != NULL ? HOP_ASK_END : HOP_ASK;
	asked->q.line = NULL;
	if (star != NULL)
		hop_await(o->hop, &asked->q);
	else
		hop_ask(o->hop, &asked->q, asked->q.kind == HOP_ASK_MAIL ?
		    SMTP_MAIL : strcmp(text, "RCPT") == 0 ? SMTP_RCPT :
		    strcmp(text, "DATA") == 0 ? SMTP_DATA :
		    strcmp(text, "AUTH") == 0 ? SMTP_AUTH :
		    strcmp(text, "RSET") == 0 ? SMTP_RSET : SMTP_NOOP,
		    span_of(strchr(text, ' ') == NULL ? "" :
		    strchr(text, ' ') + 1), strcmp(text, "NOOP") != 0);
}

static void
hear(struct owner *o, const char *text, bool is_bytewise)
{
	char		 buf[256];
	size_t		 n = 0, i, from = 0, used;

	for (; *text != '\0'; text++)
		if (*text == '~') {
			buf[n++] = '\r';
			buf[n++] = '\n';
		} else {
			buf[n++] = *text;
		}
	buf[n++] = '\r';
	buf[n++] = '\n';
	for (i = is_bytewise ? 1 : n; i <= n; i++) {
		do {
			used = hop_input(o->hop, (struct span){ buf + from,
			    i - from });
			from += used;
		} while (used > 0 && from < i);
	}
}

static void
do_step(struct owner *o, char *step, bool is_bytewise)
{
	if (strcmp(step, "+") == 0)
		hop_connected(o->hop);
	else if (strcmp(step, "-") == 0)
		hop_lost(o->hop, "it is gone", false, false);
	else if (strcmp(step, "t") == 0)
		hop_secured(o->hop);
	else if (strcmp(step, "w") == 0)
		hop_late(o->hop, "it is late");
	else if (strcmp(step, "x") == 0)
		hop_drop(o->hop);
	else if (strcmp(step, "a") == 0)
		hop_set_authenticated(o->hop, true);
	else if (strcmp(step, "e") == 0)
		o->need.is_elsewhere = true;
	else if (strcmp(step, "n") == 0)
		begin_need(o);
	else if (*step == '?')
		ask(o, step + 1);
	else
		hear(o, step, is_bytewise);
	need_it(o);
}

static void
play(const struct row *row, bool is_bytewise)
{
	struct owner	 o;
	char		 script[1024], *rest = script, *step;
	unsigned	 i, n_commands = 1;

	memset(&o, 0, sizeof o);
	o.now_ms = 1000;
	o.n_addresses = row->n_addresses;
	o.relay.connect_timeout = o.relay.reply_timeout = 60;
	o.need.mode = row->mode;
	o.need.is_identified = row->mode != XCLIENT_NO;
	o.need.target.source.tls = row->tls;
	o.hop = hop_new(&ops, &o, &o.relay, "us", &o.now_ms);
	begin_need(&o);
	need_it(&o);
	(void)strcpy(script, row->script);
	while ((step = strsep(&rest, ",")) != NULL)
		if (*step != '\0') {
			n_commands += *step == '?' || *step == 'n';
			do_step(&o, step, is_bytewise);
		}
	ck_assert_msg(strcmp(o.log, row->want) == 0, "%s%s: \"%s\"",
	    row->name, is_bytewise ? ", bytewise" : "", o.log);
	ck_assert_uint_le(o.n_connects, n_commands * (o.n_addresses + 3));
	hop_drop(o.hop);
	for (i = 0; i < o.n_asked; i++)
		ck_assert_msg(o.asked[i].n_done == o.asked[i].n_due,
		    "%s: %s is done %u times", row->name, o.asked[i].name,
		    o.asked[i].n_done);
	hop_free(o.hop);
}

START_TEST(what_is_said_and_done)
{
	play(&rows[_i], false);
	play(&rows[_i], true);
}
END_TEST

/* What is due over the connection that it ends may be what became of a
 * message. */
START_TEST(a_hand_over_that_fails_waits_for_replies)
{
	struct owner	 o;
	char		 steps[][12] = { "+", "220 hi", "250 hi", "?MAIL",
			     "250 ok", "?END*2", "250 a", "250 b" };
	unsigned	 i;

	memset(&o, 0, sizeof o);
	o.n_addresses = 1;
	o.need.target.source.tls = SCOPE_TLS_NO;
	o.need.is_identified = true;
	o.relay.connect_timeout = o.relay.reply_timeout = 60;
	o.relay.hand_over = true;
	o.hop = hop_new(&ops, &o, &o.relay, "us", &o.now_ms);
	begin_need(&o);
	need_it(&o);
	for (i = 0; i < 6; i++)
		do_step(&o, steps[i], false);
	o.refuses_hand_over = true;
	begin_need(&o);
	need_it(&o);
	ck_assert_uint_eq(hop_n_due(o.hop), 2);
	for (; i < 8; i++)
		do_step(&o, steps[i], false);
	ck_assert_msg(strstr(o.log, "[END 250]") != NULL &&
	    strstr(o.log, "[disconnect]{451 4.3.0}") != NULL, "%s", o.log);
	hop_free(o.hop);
}
END_TEST

/* No more is asked than can be answered. */
START_TEST(questions_have_a_limit)
{
	static struct asked	 many[300];
	struct owner		 o;
	char			 steps[][40] = { "+", "220 hi",
				     "250-hi~250 PIPELINING" };
	unsigned		 i;

	memset(&o, 0, sizeof o);
	o.n_addresses = 1;
	o.need.target.source.tls = SCOPE_TLS_NO;
	o.relay.connect_timeout = o.relay.reply_timeout = 60;
	o.hop = hop_new(&ops, &o, &o.relay, "us", &o.now_ms);
	begin_need(&o);
	need_it(&o);
	for (i = 0; i < 3; i++)
		do_step(&o, steps[i], false);
	for (i = 0; i < 300 && hop_may_ask(o.hop); i++) {
		many[i].name = "N";
		many[i].q.left = 1;
		hop_ask(o.hop, &many[i].q, SMTP_RSET, (struct span){ "", 0 },
		    false);
	}
	ck_assert_uint_eq(i, 126);
	ck_assert_uint_eq(hop_n_due(o.hop), 126);
	hop_drop(o.hop);
	ck_assert_uint_eq(hop_n_due(o.hop), 0);
	hop_free(o.hop);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("hop");

	tcase_add_loop_test(tc, what_is_said_and_done, 0, NELEM(rows));
	tcase_add_test(tc, a_hand_over_that_fails_waits_for_replies);
	tcase_add_test(tc, questions_have_a_limit);
	return runner_run("hop", tc);
}
