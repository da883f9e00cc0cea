/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue_setup: brings a next hop to where it knows who the client is.
 *
 * connect, greeting (of a relay: XSETCONTEXT hops), EHLO, STARTTLS and EHLO
 * again, XCLIENT and EHLO again.
 *
 * A refused XCLIENT may have been executed in part (Postfix does so), so what
 * then is sent without it goes over a new connection.  A next hop that has an
 * identity and does not offer XCLIENT any more is left for a new one, too.
 */
#include "dialogue_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const struct span	nothing = { "", 0 };

/*
 * States
 */

static void
enter(struct dialogue *d, enum hop_state state)
{
	d->hop.state = state;
	d->hop.since_ms = d->now_ms;
}

void
setup_drop(struct dialogue *d)
{
	if (d->hop.state == HOP_NONE)
		return;
	enter(d, HOP_NONE);
	d->hop.is_secured = d->hop.has_identity = false;
	d->hop.said.n = 0;
	d->hop.offer.keywords = 0;
	free(d->hop.ehlo);
	d->hop.ehlo = NULL;
	d->env->ops->disconnect(d->arg);
}

void
setup_forget(struct dialogue *d)
{
	free(d->hop.failure);
	d->hop.failure = NULL;
}

void
setup_say_failure(struct dialogue *d)
{
	dialogue_say_reply(d, d->hop.failure == NULL ?
	    "451 4.3.0 out of memory\r\n" : d->hop.failure);
	setup_forget(d);
}

static void
fail_with(struct dialogue *d, char *text)
{
	setup_drop(d);
	setup_forget(d);
	d->hop.failure = text;
}

void
setup_fail(struct dialogue *d, const char *fmt, ...)
{
	char	 line[LINE_SIZE];
	va_list	 ap;
	int	 n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof line - 2, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n > sizeof line - 3)
		n = (int)sizeof line - 3;
	memcpy(line + n, "\r\n", sizeof "\r\n");
	fail_with(d, strdup(line));
}

static void
ready(struct dialogue *d)
{
	enter(d, HOP_READY);
	dialogue_note(d, DIALOGUE_HOP_READY, 0, NULL);
}

static void
failed(struct dialogue *d, enum dialogue_event event, const char *code,
    const char *text)
{
	dialogue_note(d, event, 0, text);
	setup_fail(d, "%s %s", code, text);
}

/* The first line of a reply, for messages. */
static const char *
first_line(const struct smtp_reply *reply, char *buf, size_t size)
{
	struct span	 text = reply->text, line = nothing;

	(void)smtp_reply_line(&text, &line);
	(void)snprintf(buf, size, "%u %.*s", reply->code, (int)line.n,
	    line.p);
	return buf;
}

/*
 * Connecting
 */

static void
start(struct dialogue *d)
{
	struct hop	*hop = &d->hop;

	hop->target = (struct dialogue_target){
		.nexthop = hop->route.nexthop,
		.is_handed_over = d->relay->hand_over
	};
	if (hop->route.binding != NULL)
		scope_binding_source(hop->route.binding,
		    &hop->target.source);
	if (hop->target.source.tls == SCOPE_TLS_UNSET)
		hop->target.source.tls = SCOPE_TLS_NO;
	enter(d, HOP_CONNECTING);
	d->env->ops->connect(d->arg, &hop->target);
}

static bool
make_identity(const struct dialogue *d, struct assertion_set *set_r)
{
	const struct identity_facts	 facts = {
		.session = &d->kept.session,
		.xforward = d->xforward,
		.helo = d->helo,
		.is_esmtp = d->is_esmtp,
		.is_anonymous = d->kept.profile != NULL &&
		    trust_profile_always_allow(d->kept.profile),
		.local = d->peer.local,
		.local_port = d->peer.local_port
	};

	return identity_make(&facts, set_r);
}

/* The PROXY protocol says everything before the greeting. */
static bool
send_proxy_header(struct dialogue *d)
{
	struct proxy_header	 h = { .version = 2,
				     .destination = d->peer.local,
				     .destination_port = d->peer.local_port };
	struct assertion_set	 set;
	char			 buf[256];
	size_t			 n;

	d->hop.said_offered = 1U << ASSERTION_ADDR | 1U << ASSERTION_PORT;
	if (!make_identity(d, &set) || !identity_say(&set,
	    d->hop.said_offered, &d->hop.said))
		return false;
	h.source = set.addr;
	h.source_port = (uint16_t)strtoul(set.v[ASSERTION_PORT].value, NULL,
	    10);
	h.is_local = h.source.family == AF_UNSPEC ||
	    h.destination.family == AF_UNSPEC;
	n = proxy_header_write(&h, buf, sizeof buf);
	if (n > 0)
		dialogue_send(d, DIALOGUE_HOP, (struct span){ buf, n });
	d->hop.has_identity = true;
	return n > 0;
}

void
setup_connected(struct dialogue *d)
{
	if (d->relay->proxy_protocol_out && !send_proxy_header(d)) {
		failed(d, DIALOGUE_HOP_FAILED, "451 4.3.0",
		    "the PROXY header cannot be written");
		return;
	}
	enter(d, HOP_GREETING);
}

void
setup_lost(struct dialogue *d, const char *why, bool is_permanent)
{
	enum hop_state	 state = d->hop.state;

	/* While it is known which of several hosts this was. */
	dialogue_note(d, state == HOP_XCLIENT ? DIALOGUE_XCLIENT_FAILED :
	    DIALOGUE_HOP_FAILED, 0, why);
	if (state < HOP_EHLO && !is_permanent &&
	    d->env->ops->connect_next(d->arg)) {
		enter(d, HOP_CONNECTING);
		return;
	}
	if (state == HOP_SECURING &&
	    d->hop.target.source.tls == SCOPE_TLS_MAY) {
		setup_drop(d);
		d->hop.is_tls_off = true;
		start(d);
		return;
	}
	/* A wrong next_hop is our fault, and no reason to bounce mail. */
	if (is_permanent && !route_is_fixed(d->relay))
		setup_fail(d, "550 5.1.2 %s", why);
	else if (state < HOP_EHLO)
		setup_fail(d, "451 4.4.1 the next hop cannot be reached: %s",
		    why);
	else if (state == HOP_SECURING)
		setup_fail(d, "451 4.7.5 TLS with the next hop: %s", why);
	else
		setup_fail(d, "451 4.4.2 the next hop was lost: %s", why);
}

/*
 * EHLO
 */

/* By which name we greet: the client's, as far as it has one that can be said;
 * the asserted one where the client is not the one who speaks. */
static const char *
ehlo_name(const struct dialogue *d, const struct assertion_set *identity)
{
	const struct assertion	*helo = identity == NULL ? NULL :
				     &identity->v[ASSERTION_HELO];

	if (helo != NULL && helo->status == ASSERTION_VALUE &&
	    smtp_is_helo_name(span_of(helo->value)))
		return helo->value;
	return d->helo == NULL ? d->hostname : d->helo;
}

static void
send_ehlo(struct dialogue *d, const struct assertion_set *identity)
{
	struct assertion_set	 set;
	const char		*name;
	enum smtp_verb		 verb = SMTP_EHLO;

	/* A PROXY header has no room for it. */
	if (d->relay->proxy_protocol_out && make_identity(d, &set))
		identity = &set;
	name = ehlo_name(d, identity);

	if (d->hop.route.nexthop.protocol == NEXTHOP_LMTP)
		verb = SMTP_LHLO;
	enter(d, HOP_EHLO);
	if (!dialogue_set_text(&d->hop.ehlo, span_of(name))) {
		setup_fail(d, "451 4.3.0 out of memory");
		return;
	}
	mail_send(d, verb, span_of(d->hop.ehlo));
}

/* Before EHLO, for to that it answers only when its own next hop has. */
static void
send_hops(struct dialogue *d)
{
	char	 args[32];

	(void)snprintf(args, sizeof args, HOPS_PAIR "=%u", d->hops + 1);
	enter(d, HOP_HOPS);
	mail_send(d, SMTP_XSETCONTEXT, span_of(args));
}

static void
on_greeting(struct dialogue *d, const struct smtp_reply *reply)
{
	char	 text[LINE_SIZE];

	if (reply->code == 220) {
		(void)first_line(reply, text, sizeof text);
		if (strstr(text, " " GREETING_MARK) != NULL)
			send_hops(d);
		else
			send_ehlo(d, NULL);
		return;
	}
	/* It says this of us, not of the client: others may be kinder. */
	setup_lost(d, first_line(reply, text, sizeof text), false);
}

/*
 * XCLIENT
 */

static void
send_line(struct dialogue *d)
{
	const char	*line = d->hop.wanted.line[d->hop.next_line++];

	enter(d, HOP_XCLIENT);
	dialogue_send(d, DIALOGUE_HOP, span_of(line));
	dialogue_send(d, DIALOGUE_HOP, span_of("\r\n"));
}

static void
note_xclient(struct dialogue *d, enum dialogue_event event, const char *text)
{
	struct dialogue_note	 note = {
		.event = event, .text = text,
		.line = d->hop.wanted.n > 0 ? d->hop.wanted.line[0] : NULL
	};

	dialogue_note_more(d, &note);
}

static void
not_offered(struct dialogue *d)
{
	note_xclient(d, DIALOGUE_XCLIENT_NOT_OFFERED,
	    smtp_offers(&d->hop.offer, SMTP_KW_XCLIENT) ?
	    "it does not offer ADDR" : NULL);
	if (d->hop.route.mode == XCLIENT_REQUIRED) {
		setup_fail(d, "451 4.7.6 XCLIENT is required, but was not "
		    "offered by the next hop");
		return;
	}
	/* Said once for each connection. */
	d->hop.is_xclient_off = true;
	d->hop.has_identity = true;
	ready(d);
}

/* Says who the client is, or decides that this need not be. */
static void
begin_xclient(struct dialogue *d)
{
	struct assertion_set	 set;
	struct hop		*hop = &d->hop;

	hop->next_line = 0;
	hop->wanted.n = 0;
	if (!make_identity(d, &set)) {
		failed(d, DIALOGUE_HOP_FAILED, "451 4.3.0",
		    "the session's record is damaged");
		return;
	}
	if (smtp_offers(&hop->offer, SMTP_KW_XCLIENT) &&
	    identity_say(&set, hop->offer.xclient, &hop->wanted))
		send_line(d);
	else
		not_offered(d);
}

/*
 * A 4xx, 521 or 554 takes the place of a greeting: that is about the client,
 * and is passed on.  Other refusals are about us (550: not authorized, 501: an
 * attribute or value that it does not take, 503).
 */
static bool
is_verdict(unsigned code)
{
	return code / 100 == 4 || code == 521 || code == 554;
}

static void
refuse_xclient(struct dialogue *d, const struct smtp_reply *reply)
{
	char	 text[LINE_SIZE];

	(void)first_line(reply, text, sizeof text);
	if (is_verdict(reply->code)) {
		note_xclient(d, DIALOGUE_XCLIENT_VERDICT, text);
		fail_with(d, hop_format(reply));
		return;
	}
	note_xclient(d, DIALOGUE_XCLIENT_REFUSED, text);
	if (d->hop.route.mode == XCLIENT_REQUIRED) {
		setup_fail(d, "451 4.7.6 XCLIENT is required, but was "
		    "refused by the next hop: %s", text);
		return;
	}
	setup_drop(d);
	d->hop.is_xclient_off = true;
	start(d);
}

static void
on_xclient(struct dialogue *d, const struct smtp_reply *reply)
{
	struct assertion_set	 set;
	struct hop		*hop = &d->hop;

	if (reply->code != 220 && reply->code != 250) {
		refuse_xclient(d, reply);
		return;
	}
	if (hop->next_line < hop->wanted.n) {
		send_line(d);
		return;
	}
	note_xclient(d, DIALOGUE_XCLIENT_SENT, NULL);
	hop->said = hop->wanted;
	hop->said_offered = hop->offer.xclient;
	hop->has_identity = true;
	if (make_identity(d, &set))
		send_ehlo(d, &set);
	else
		failed(d, DIALOGUE_HOP_FAILED, "451 4.3.0",
		    "the session's record is damaged");
}

/*
 * What follows EHLO
 */

/* True: the next hop has to be asked for TLS, or does without. */
static bool
wants_tls(struct dialogue *d)
{
	return !d->hop.is_secured && !d->hop.is_tls_off &&
	    d->hop.target.source.tls != SCOPE_TLS_NO;
}

static bool
uses_xclient(const struct dialogue *d)
{
	return d->hop.route.mode != XCLIENT_NO && !d->hop.is_xclient_off &&
	    !d->relay->proxy_protocol_out && !d->relay->hand_over;
}

static void
after_ehlo(struct dialogue *d)
{
	if (wants_tls(d)) {
		if (smtp_offers(&d->hop.offer, SMTP_KW_STARTTLS)) {
			enter(d, HOP_STARTTLS);
			mail_send(d, SMTP_STARTTLS, nothing);
			return;
		}
		if (d->hop.target.source.tls != SCOPE_TLS_MAY) {
			failed(d, DIALOGUE_HOP_FAILED, "451 4.7.4",
			    "TLS is required, but was not offered by the "
			    "next hop");
			return;
		}
	}
	if (d->hop.is_identity_wanted && !d->hop.has_identity &&
	    uses_xclient(d))
		begin_xclient(d);
	else
		ready(d);
}

static void
on_ehlo(struct dialogue *d, const struct smtp_reply *reply)
{
	char	 text[LINE_SIZE];

	if (reply->code / 100 == 2) {
		smtp_offer_read(reply, &d->hop.offer);
		after_ehlo(d);
		return;
	}
	(void)first_line(reply, text, sizeof text);
	if (d->hop.said.n > 0 && !d->relay->proxy_protocol_out) {
		note_xclient(d, DIALOGUE_XCLIENT_VERDICT, text);
		fail_with(d, hop_format(reply));
		return;
	}
	if (d->hop.route.nexthop.protocol == NEXTHOP_SMTP &&
	    (reply->code == 500 || reply->code == 502)) {
		enter(d, HOP_HELO);
		mail_send(d, SMTP_HELO, span_of(d->hop.ehlo));
		return;
	}
	failed(d, DIALOGUE_HOP_FAILED, "451 4.4.0", text);
}

static void
on_helo(struct dialogue *d, const struct smtp_reply *reply)
{
	char	 text[LINE_SIZE];

	d->hop.offer.keywords = 0;
	if (reply->code / 100 == 2)
		after_ehlo(d);
	else
		failed(d, DIALOGUE_HOP_FAILED, "451 4.4.0",
		    first_line(reply, text, sizeof text));
}

static void
on_starttls(struct dialogue *d, const struct smtp_reply *reply)
{
	char	 text[LINE_SIZE];

	if (reply->code == 220) {
		enter(d, HOP_SECURING);
		d->env->ops->secure(d->arg, DIALOGUE_HOP);
	} else if (d->hop.target.source.tls == SCOPE_TLS_MAY) {
		d->hop.is_tls_off = true;
		after_ehlo(d);
	} else {
		failed(d, DIALOGUE_HOP_FAILED, "451 4.7.4",
		    first_line(reply, text, sizeof text));
	}
}

void
setup_secured(struct dialogue *d)
{
	d->hop.is_secured = true;
	send_ehlo(d, NULL);
}

void
setup_reply(struct dialogue *d, const struct smtp_reply *reply)
{
	switch (d->hop.state) {
	case HOP_GREETING:
		on_greeting(d, reply);
		break;
	case HOP_EHLO:
		on_ehlo(d, reply);
		break;
	case HOP_HELO:
		on_helo(d, reply);
		break;
	case HOP_STARTTLS:
		on_starttls(d, reply);
		break;
	case HOP_HOPS:
		/* One that does not take the number sees no loops. */
		send_ehlo(d, NULL);
		break;
	case HOP_XCLIENT:
		on_xclient(d, reply);
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

/* Whether what the next hop was told is still so, and is for this route.  False:
 * it is not, or cannot be told. */
static bool
has_right_identity(struct dialogue *d)
{
	struct assertion_set	 set;
	struct identity_lines	 lines;

	if (d->hop.said.n > 0 && !uses_xclient(d) &&
	    !d->relay->proxy_protocol_out)
		return false;
	if (!d->hop.has_identity || !make_identity(d, &set))
		return false;
	return identity_say(&set, d->hop.said_offered, &lines) &&
	    identity_equal(&lines, &d->hop.said);
}

/* A connection that has said nothing of anybody, or can say it anew. */
static bool
may_say(const struct dialogue *d)
{
	return d->hop.said.n == 0 ||
	    smtp_offers(&d->hop.offer, SMTP_KW_XCLIENT);
}

/* The greeting that the next hop has is the client's; what XCLIENT says of it
 * is looked at elsewhere. */
static bool
has_right_ehlo(const struct dialogue *d)
{
	struct assertion_set	 set;
	bool			 has_set = false;

	if (d->relay->proxy_protocol_out)
		has_set = make_identity(d, &set);
	else if (d->hop.said.n > 0 || d->helo == NULL)
		return true;
	return d->hop.ehlo != NULL && strcmp(d->hop.ehlo,
	    ehlo_name(d, has_set ? &set : NULL)) == 0;
}

bool
dialogue_hand_over(struct dialogue *d)
{
	struct session		 copy, *shown = &copy;
	struct assertion_set	 set;
	char			 line[ASSERTION_LINE_MAX];
	size_t			 len;

	*shown = *dialogue_shown(d, &copy);
	if (d->xforward != NULL) {
		if (!make_identity(d, &set) ||
		    !assertion_print(&set, line, sizeof line, &len))
			return false;
		shown->override = line;
	}
	shown->pid = d->env->pid;
	shown->pid_start = d->env->pid_start;
	return d->env->ops->hand_over(d->arg, shown);
}

/* Whether the next hop knows nobody but the messenger itself. */
static bool
knows_messenger(struct dialogue *d)
{
	struct assertion_set	*xforward = d->xforward, set;
	struct identity_lines	 lines;
	bool			 is_made;

	if (d->hop.said.n == 0)
		return true;
	d->xforward = NULL;
	is_made = make_identity(d, &set);
	d->xforward = xforward;
	return is_made && identity_say(&set, d->hop.said_offered, &lines) &&
	    identity_equal(&lines, &d->hop.said);
}

/* To say at this point that it is another client's session would take the login
 * away, and the next hop goes by that.  Without it the mail is the messenger's;
 * it must not be somebody else's. */
static enum setup
identify_user(struct dialogue *d)
{
	if (d->hop.route.mode == XCLIENT_REQUIRED)
		setup_fail(d, "451 4.7.6 XCLIENT is required, but cannot be "
		    "sent after AUTH");
	else if (knows_messenger(d))
		return SETUP_READY;
	else
		setup_fail(d, "451 4.7.0 who has logged in cannot speak for "
		    "another client");
	return SETUP_FAILED;
}

static enum setup
identify(struct dialogue *d)
{
	if (d->relay->hand_over) {
		if (dialogue_hand_over(d))
			return SETUP_READY;
		setup_fail(d, "451 4.3.0 the session cannot be handed over");
		return SETUP_FAILED;
	}
	if (d->hop.route.mode == XCLIENT_REQUIRED && d->hop.is_xclient_off) {
		not_offered(d);
		return SETUP_FAILED;
	}
	if (!uses_xclient(d) && d->hop.said.n == 0)
		return SETUP_READY;
	if (has_right_identity(d))
		return SETUP_READY;
	if (d->is_authenticated)
		return identify_user(d);
	if (d->n_awaited > 0)
		return SETUP_WAIT;
	d->hop.has_identity = false;
	if (uses_xclient(d) && may_say(d)) {
		begin_xclient(d);
	} else {
		setup_drop(d);
		start(d);
	}
	return d->hop.state == HOP_READY ? SETUP_READY :
	    d->hop.failure != NULL ? SETUP_FAILED : SETUP_WAIT;
}

/* True: the connection there is leads elsewhere. */
static bool
is_other(const struct dialogue *d, const struct route *route)
{
	return !route_equal(&d->hop.route, route) || !has_right_ehlo(d);
}

enum setup
setup_ensure(struct dialogue *d, const struct route *route,
    bool is_identified)
{
	if (d->hop.failure != NULL)
		return SETUP_FAILED;
	if (d->hop.state != HOP_NONE && d->hop.state != HOP_READY)
		return SETUP_WAIT;
	if (d->hops >= d->relay->hops_max) {
		dialogue_note(d, DIALOGUE_LOOP, 554, NULL);
		setup_fail(d, "554 5.4.6 too many hops: this mail loops");
		return SETUP_FAILED;
	}
	if (d->hop.state == HOP_READY && is_other(d, route)) {
		if (d->n_awaited > 0)
			return SETUP_WAIT;
		setup_drop(d);
	}
	d->hop.is_identity_wanted = is_identified;
	if (d->hop.state == HOP_NONE) {
		if (d->n_awaited > 0)
			return SETUP_WAIT;
		if (d->is_authenticated) {
			setup_fail(d, "421 4.4.2 the next hop, which knew the "
			    "user, was lost");
			return SETUP_FAILED;
		}
		if (&d->hop.route != route)
			d->hop.route = *route;
		d->hop.is_tls_off = d->hop.is_xclient_off = false;
		start(d);
		return SETUP_WAIT;
	}
	if (&d->hop.route != route)
		d->hop.route = *route;
	return is_identified ? identify(d) : SETUP_READY;
}
