/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * hop_setup: brings a next hop to where it knows who the client is.
 *
 * There is one list of steps (hop_go_on), of which the first that is left is
 * taken: the number of hops, EHLO, STARTTLS, XCLIENT.  A step that undoes
 * others says so by what it forgets: behind STARTTLS everything but the
 * connection itself is said again (RFC 3207, 4.2).
 */
#include "hop_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS		1000U
#define CODES_LEN	9	/* "451 4.4.1" */
#define AGAIN_MAX	3U	/* without TLS, without XCLIENT, and for who
				 * has known somebody else */

static const struct span	nothing = { "", 0 };

void
hop_enter(struct hop *hop, enum hop_state state)
{
	hop->state = state;
	hop_touch(hop);
}

/*
 * Failure
 */

void
hop_fail_with(struct hop *hop, char *text, size_t public)
{
	bool	 has_questions = hop->n_due > 0;

	/* They were to be repeated, and are answered now. */
	if (has_questions)
		(void)hop->ops->broken(hop->arg,
		    "no host of it can be used");
	hop_drop(hop);
	hop_forget_failure(hop);
	if (has_questions) {
		free(text);
		return;
	}
	hop->failure = text;
	hop->failure_public = public;
}

void
hop_fail(struct hop *hop, const char *fmt, ...)
{
	char	 line[HOP_LINE_SIZE];
	va_list	 ap;
	int	 n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof line - 2, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n > sizeof line - 3)
		n = (int)sizeof line - 3;
	memcpy(line + n, "\r\n", sizeof "\r\n");
	hop_fail_with(hop, strdup(line), (size_t)n);
}

void
hop_forget_connection(struct hop *hop)
{
	hop_forget_identity(hop);
	hop->offer.keywords = 0;
	hop->is_relay = hop->has_hops = hop->has_ehlo = false;
	hop->is_renamed = false;
	hop->is_secured = hop->is_authenticated = false;
	hop->is_used = hop->has_mail = false;
	hop->knows_somebody = false;
	free(hop->ehlo);
	hop->ehlo = NULL;
}

/* What goes with XCLIENT has its line with it. */
void
hop_report(struct hop *hop, enum hop_event event, const char *text)
{
	hop->ops->report(hop->arg, event, text, event > HOP_EVENT_FAILED &&
	    hop->wanted != NULL && hop->wanted->n > 0 ?
	    hop->wanted->line[0] : NULL);
}

/*
 * Connections
 */

static void
begin_connection(struct hop *hop)
{
	hop_enter(hop, HOP_CONNECTING);
	hop->begun_ms = hop->since_ms;
}

static void
connect_to(struct hop *hop, bool is_again)
{
	hop->round.is_spent = true;
	hop->need.target.is_again = is_again;
	begin_connection(hop);
	hop->ops->connect(hop->arg, &hop->need.target);
}

void
hop_start(struct hop *hop)
{
	/* It may be another of its hosts. */
	if (hop->need.target.nexthop.kind == NEXTHOP_MX)
		hop_forget_refused(hop);
	hop->without = (struct hop_without){ .tls = false };
	connect_to(hop, false);
}

bool
hop_start_again(struct hop *hop, struct hop_without without)
{
	if (hop->round.n_again >= AGAIN_MAX)
		return false;
	hop->round.n_again++;
	hop_forget_connection(hop);
	hop->ops->disconnect(hop->arg);
	hop->without = without;
	connect_to(hop, true);
	return true;
}

/* However many hosts there are, the client waits. */
bool
hop_has_next(const struct hop *hop)
{
	uint64_t	 limit = (uint64_t)hop->relay->reply_timeout * MS;

	return *hop->now_ms - hop->round.since_ms < limit &&
	    hop->ops->has_next(hop->arg);
}

/* Whether a host has failed before it has heard, or been asked for, anything
 * that a client chose: what it makes of his name, his address or his mail, or
 * that its certificate is not for the name by which his recipient's domain
 * points to it, must not send others' mail elsewhere. */
static bool
is_hosts_fault(const struct hop *hop)
{
	return hop->state == HOP_CONNECTING || (hop->state == HOP_GREETING &&
	    !hop->relay->proxy_protocol_out && !hop->relay->hand_over);
}

bool
hop_try_next(struct hop *hop)
{
	if (!hop_has_next(hop))
		return false;
	if (is_hosts_fault(hop))
		hop->ops->remember_failed(hop->arg);
	if (!hop->ops->connect_next(hop->arg))
		return false;
	hop_forget_connection(hop);
	/* Whom one host would not take, another one may. */
	hop_forget_refused(hop);
	hop->without = (struct hop_without){ .tls = false };
	begin_connection(hop);
	return true;
}

void
hop_set_up_failed(struct hop *hop, const struct hop_trouble *trouble)
{
	const char	*why = trouble->why;
	/* A code alone has the reply behind it. */
	bool		 is_code = strlen(trouble->reply) == CODES_LEN;
	char		 line[HOP_LINE_SIZE];

	/* While it is known which of several hosts this was. */
	if (trouble->event != HOP_EVENT_NONE)
		hop_report(hop, trouble->event, why == NULL ?
		    trouble->reply + CODES_LEN + 1 : why);
	if (!trouble->is_ours && hop_try_next(hop))
		return;
	(void)snprintf(line, sizeof line - 2, "%s%s%.800s", trouble->reply,
	    why == NULL ? "" : is_code ? " " : ": ", why == NULL ? "" : why);
	(void)strcat(line, "\r\n");
	hop_fail_with(hop, strdup(line), trouble->is_secret ?
	    strlen(trouble->reply) : strlen(line));
}

/* TLS that may be is not worth a message. */
static bool
go_without_tls(struct hop *hop, const char *why)
{
	struct hop_without	 without = hop->without;

	if (hop->need.target.source.tls != SCOPE_TLS_MAY || without.tls ||
	    hop->round.n_again >= AGAIN_MAX)
		return false;
	hop_report(hop, HOP_EVENT_FAILED, why);
	without.tls = true;
	return hop_start_again(hop, without);
}

/* By XCLIENT, and the EHLO behind it belongs to it. */
static bool
is_at_xclient(const struct hop *hop)
{
	return hop->state == HOP_XCLIENT || (hop->said != NULL &&
	    !hop->relay->proxy_protocol_out && hop->state == HOP_EHLO);
}

/* The connection is over: what that means for this step. */
void
hop_setup_lost(struct hop *hop, const char *why, bool is_secret,
    bool is_permanent)
{
	struct hop_trouble	 trouble = { .event = HOP_EVENT_FAILED,
				     .reply = "451 4.4.2 the next hop was lost",
				     .why = why, .is_secret = is_secret,
				     .is_ours = is_permanent };

	if (is_at_xclient(hop)) {
		if (hop->state == HOP_EHLO || !hop_try_fresh(hop))
			hop_xclient_failed(hop, HOP_EVENT_XCLIENT_FAILED, why,
			    true, is_secret);
		return;
	}
	if (hop->state == HOP_SECURING) {
		if (go_without_tls(hop, why))
			return;
		trouble.reply = "451 4.7.5 TLS with the next hop";
	} else if (hop->state < HOP_EHLO) {
		trouble.reply = "451 4.4.1 the next hop cannot be reached";
	}
	/* One that the configuration names is our fault, and no reason to bounce
	 * mail. */
	if (is_permanent && hop->need.target.nexthop.is_recipients)
		trouble.reply = "550 5.1.2";
	hop_set_up_failed(hop, &trouble);
}

void
hop_connected(struct hop *hop)
{
	const struct hop_trouble	 trouble = {
		.event = HOP_EVENT_FAILED, .is_ours = true,
		.reply = "451 4.3.0 the PROXY header cannot be written"
	};

	if (hop->state != HOP_CONNECTING)
		return;
	if (hop->relay->proxy_protocol_out && !hop_proxy_begin(hop))
		hop_set_up_failed(hop, &trouble);
	else
		hop_enter(hop, HOP_GREETING);
}

void
hop_secured(struct hop *hop)
{
	if (hop->state != HOP_SECURING)
		return;
	hop->is_secured = true;
	hop->has_ehlo = hop->has_hops = false;
	hop_identity_secured(hop);
	hop_go_on(hop);
}

/*
 * Steps
 */

/* A greeting that it would refuse must not cost a client his identity, or his
 * mail, where somebody else speaks for him. */
static bool
may_greet(const struct hop *hop, const char *name)
{
	return name != NULL && (hop->said == NULL ? !hop->is_renamed :
	    identity_may_greet(hop->said->dialect, span_of(name)));
}

static void
send_ehlo(struct hop *hop)
{
	const struct hop_trouble	 trouble = {
		.event = HOP_EVENT_FAILED, .is_ours = true,
		.reply = "451 4.3.0 out of memory"
	};
	struct assertion_set		 set;
	bool				 has_set;
	const char			*name;

	/* A PROXY header has no room for it. */
	has_set = (hop->said != NULL || hop->relay->proxy_protocol_out) &&
	    hop->ops->identity(hop->arg, &set);
	name = hop->ops->name(hop->arg, has_set ? &set : NULL);
	free(hop->ehlo);
	hop->ehlo = strdup(may_greet(hop, name) ? name : hop->hostname);
	if (hop->ehlo == NULL) {
		hop_set_up_failed(hop, &trouble);
		return;
	}
	hop_enter(hop, HOP_EHLO);
	hop_command(hop, hop->need.target.nexthop.protocol == NEXTHOP_LMTP ?
	    SMTP_LHLO : SMTP_EHLO, span_of(hop->ehlo));
}

/* Before EHLO, for to that it answers only when its own next hop has. */
static void
send_hops(struct hop *hop)
{
	char	 args[32];

	(void)snprintf(args, sizeof args, "hops=%u", hop->need.hops + 1);
	hop_enter(hop, HOP_HOPS);
	hop_command(hop, SMTP_XSETCONTEXT, span_of(args));
}

static bool
wants_tls(const struct hop *hop)
{
	return !hop->is_secured && !hop->without.tls &&
	    hop->need.target.source.tls != SCOPE_TLS_NO;
}

/* True: it is asked for TLS, or cannot do what it must. */
static bool
begin_tls(struct hop *hop)
{
	const struct hop_trouble	 trouble = {
		.event = HOP_EVENT_FAILED,
		.reply = "451 4.7.4 TLS is required, but was not offered by "
		    "the next hop"
	};

	if (smtp_offers(&hop->offer, SMTP_KW_STARTTLS)) {
		hop_enter(hop, HOP_STARTTLS);
		hop_command(hop, SMTP_STARTTLS, nothing);
		return true;
	}
	if (hop->need.target.source.tls == SCOPE_TLS_MAY)
		return false;
	hop_set_up_failed(hop, &trouble);
	return true;
}

/* Writes down what is to be asked again as this host takes it.  False: there is
 * something that it does not take. */
static bool
translate_questions(struct hop *hop)
{
	struct hop_question	*q;
	char			*line;

	STAILQ_FOREACH(q, &hop->questions, entry) {
		line = q->line == NULL ? NULL :
		    hop->ops->translate(hop->arg, q->line);
		if (line == NULL)
			return false;
		free(q->line);
		q->line = line;
		q->is_unsent = true;
	}
	return true;
}

static void
set_ready(struct hop *hop)
{
	const struct hop_trouble	 trouble = {
		.event = HOP_EVENT_FAILED,
		.reply = "451 4.4.0 the next host offers less than the first"
	};

	hop_enter(hop, HOP_READY);
	if (!translate_questions(hop)) {
		hop_set_up_failed(hop, &trouble);
		return;
	}
	hop_report(hop, HOP_EVENT_READY, NULL);
	hop_repeat_questions(hop);
}

void
hop_repeat_questions(struct hop *hop)
{
	struct hop_question	*q;

	STAILQ_FOREACH(q, &hop->questions, entry) {
		if (!q->is_unsent)
			continue;
		hop_send(hop, span_of(q->line));
		hop_send(hop, span_of("\r\n"));
		q->is_unsent = false;
		hop->is_used = true;
		if (!smtp_offers(&hop->offer, SMTP_KW_PIPELINING))
			break;
	}
}

void
hop_go_on(struct hop *hop)
{
	if (hop->is_relay && !hop->has_hops)
		send_hops(hop);
	else if (!hop->has_ehlo)
		send_ehlo(hop);
	else if (wants_tls(hop) && begin_tls(hop))
		return;
	else if (hop->need.is_identified && !hop->has_identity &&
	    hop_uses_xclient(hop))
		hop_xclient_begin(hop);
	else
		set_ready(hop);
}

/*
 * Replies
 */

static void
refused(struct hop *hop, const char *reply, const struct smtp_reply *said)
{
	char			 text[HOP_LINE_SIZE / 2];
	struct hop_trouble	 trouble = {
		.event = HOP_EVENT_FAILED, .reply = reply,
		.why = hop_reply_first(said, text, sizeof text)
	};

	hop_set_up_failed(hop, &trouble);
}

static void
on_greeting(struct hop *hop, const struct smtp_reply *reply)
{
	char			 text[HOP_LINE_SIZE];
	const struct hop_trouble trouble = {
		.event = HOP_EVENT_FAILED, .why = text,
		.reply = "451 4.4.1 the next hop cannot be reached"
	};

	if (reply->code != 220) {
		/* It says this of us, not of the client: others may be
		 * kinder. */
		(void)hop_reply_all(reply, text, sizeof text);
		hop_set_up_failed(hop, &trouble);
		return;
	}
	(void)hop_reply_first(reply, text, sizeof text);
	hop->is_relay = strstr(text, HOP_MARK) != NULL;
	hop_go_on(hop);
}

/* One that does not take the number, and says that it is a relay, would not see
 * a loop.  Before TLS it may have to refuse. */
static void
on_hops(struct hop *hop, const struct smtp_reply *reply)
{
	if (reply->code / 100 == 2 || (wants_tls(hop) &&
	    reply->code == 530)) {
		hop->has_hops = true;
		hop_go_on(hop);
		return;
	}
	refused(hop, "451 4.4.6 the next hop is a relay that does not take "
	    "the number of hops", reply);
}

/* Whether it is greeted by our own name, because it finds fault with that of the
 * client (501).  Before XCLIENT it is we who greet: what it thinks of the client
 * it says behind that. */
static bool
is_to_be_renamed(const struct hop *hop, unsigned code)
{
	return code == 501 && hop->state == HOP_EHLO && hop->said == NULL &&
	    hop_uses_xclient(hop) &&
	    strcmp(hop->ehlo, hop->hostname) != 0;
}

static void
on_ehlo(struct hop *hop, const struct smtp_reply *reply)
{
	char	 text[HOP_LINE_SIZE];

	if (reply->code / 100 == 2) {
		if (hop->state == HOP_EHLO)
			smtp_offer_read(reply, &hop->offer);
		else
			hop->offer.keywords = 0;
		hop->has_ehlo = true;
		hop_go_on(hop);
		return;
	}
	if (is_at_xclient(hop)) {
		hop_xclient_failed(hop, HOP_EVENT_XCLIENT_REFUSED,
		    hop_reply_first(reply, text, sizeof text), true, false);
		return;
	}
	if (is_to_be_renamed(hop, reply->code)) {
		hop->is_renamed = true;
		send_ehlo(hop);
		return;
	}
	/* Whoever is about to close says nothing else any more. */
	if (hop->state == HOP_EHLO && reply->code != 421 &&
	    hop->need.target.nexthop.protocol == NEXTHOP_SMTP) {
		hop_enter(hop, HOP_HELO);
		hop_command(hop, SMTP_HELO, span_of(hop->ehlo));
		return;
	}
	refused(hop, "451 4.4.0", reply);
}

static void
on_starttls(struct hop *hop, const struct smtp_reply *reply)
{
	if (reply->code == 220) {
		hop_enter(hop, HOP_SECURING);
		hop->ops->secure(hop->arg);
	} else if (hop->need.target.source.tls == SCOPE_TLS_MAY) {
		hop->without.tls = true;
		hop_go_on(hop);
	} else {
		refused(hop, "451 4.7.4", reply);
	}
}

void
hop_setup_reply(struct hop *hop, const struct smtp_reply *reply)
{
	switch (hop->state) {
	case HOP_GREETING:
		on_greeting(hop, reply);
		break;
	case HOP_HOPS:
		on_hops(hop, reply);
		break;
	case HOP_EHLO:
	case HOP_HELO:
		on_ehlo(hop, reply);
		break;
	case HOP_STARTTLS:
		on_starttls(hop, reply);
		break;
	case HOP_XCLIENT:
		hop_xclient_reply(hop, reply);
		break;
	case HOP_NONE:
	case HOP_CONNECTING:
	case HOP_SECURING:
	case HOP_READY:
		break;
	}
}

/*
 * What is asked for
 */

void
hop_begin_round(struct hop *hop)
{
	hop->round = (struct hop_round){ .is_open = true,
	    .since_ms = *hop->now_ms };
}

void
hop_end_round(struct hop *hop)
{
	hop->round.is_open = false;
}

/* The greeting that it has is the client's; what XCLIENT says of it, or will
 * say behind ours, is looked at elsewhere. */
static bool
has_right_name(const struct hop *hop, const struct hop_need *need)
{
	struct assertion_set	 set;
	bool			 has_set = false;
	const char		*name;

	if (hop->relay->proxy_protocol_out)
		has_set = hop->ops->identity(hop->arg, &set);
	else if (hop->said != NULL || (hop->is_renamed &&
	    !hop->has_identity && need->mode != XCLIENT_NO))
		return true;
	name = hop->ops->name(hop->arg, has_set ? &set : NULL);
	return name == NULL || (hop->ehlo != NULL &&
	    strcmp(hop->ehlo, name) == 0);
}

static bool
is_same_hop(const struct nexthop *a, const struct nexthop *b)
{
	return a->kind == b->kind && a->port == b->port &&
	    strcmp(a->host, b->host) == 0;
}

static enum hop_setup
begin(struct hop *hop, const struct hop_need *need)
{
	if (hop->round.is_spent) {
		/* It was ready, and is gone before it was of use. */
		hop_fail(hop, "451 4.4.2 the next hop was lost");
		return HOP_HAS_FAILED;
	}
	if (!is_same_hop(&hop->need.target.nexthop, &need->target.nexthop))
		hop_forget_refused(hop);
	hop->need = *need;
	hop_start(hop);
	return HOP_WAITS;
}

enum hop_setup
hop_ensure(struct hop *hop, const struct hop_need *need)
{
	if (hop->failure != NULL)
		return HOP_HAS_FAILED;
	if (hop->state != HOP_NONE && hop->state != HOP_READY)
		return HOP_WAITS;
	if (hop->state == HOP_READY &&
	    (need->is_elsewhere || !has_right_name(hop, need))) {
		if (hop->n_due > 0)
			return HOP_WAITS;
		if (hop->is_authenticated) {
			hop_fail(hop, HOP_USER_LOST);
			return HOP_HAS_FAILED;
		}
		hop_drop(hop);
	}
	if (hop->state == HOP_NONE)
		return begin(hop, need);
	hop->need = *need;
	return need->is_identified ? hop_identify(hop) : HOP_IS_READY;
}
