/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue_setup: brings a next hop to where it knows who the client is.
 *
 * connect, greeting (of a relay: XSETCONTEXT hops), EHLO, STARTTLS and EHLO
 * again, XCLIENT and EHLO again.
 */
#include "dialogue_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const struct span	nothing = { "", 0 };

/*
 * States
 */

void
setup_enter(struct dialogue *d, enum hop_state state)
{
	d->hop.state = state;
	d->hop.since_ms = d->now_ms;
}

void
setup_drop(struct dialogue *d)
{
	if (d->hop.state == HOP_NONE)
		return;
	setup_enter(d, HOP_NONE);
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

void
setup_fail_with(struct dialogue *d, char *text)
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
	setup_fail_with(d, strdup(line));
}

void
setup_ready(struct dialogue *d)
{
	setup_enter(d, HOP_READY);
	dialogue_note(d, DIALOGUE_HOP_READY, 0, NULL);
}

void
setup_failed(struct dialogue *d, enum dialogue_event event, const char *code,
    const char *text)
{
	dialogue_note(d, event, 0, text);
	setup_fail(d, "%s %s", code, text);
}

/* The first line of a reply, for messages. */
const char *
setup_first_line(const struct smtp_reply *reply, char *buf, size_t size)
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

void
setup_start(struct dialogue *d)
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
	setup_enter(d, HOP_CONNECTING);
	d->env->ops->connect(d->arg, &hop->target);
}

void
setup_connected(struct dialogue *d)
{
	if (d->relay->proxy_protocol_out && !xclient_send_proxy(d)) {
		setup_failed(d, DIALOGUE_HOP_FAILED, "451 4.3.0",
		    "the PROXY header cannot be written");
		return;
	}
	setup_enter(d, HOP_GREETING);
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
		setup_enter(d, HOP_CONNECTING);
		return;
	}
	if (state == HOP_SECURING &&
	    d->hop.target.source.tls == SCOPE_TLS_MAY) {
		setup_drop(d);
		d->hop.is_tls_off = true;
		setup_start(d);
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

void
setup_send_ehlo(struct dialogue *d, const struct assertion_set *identity)
{
	struct assertion_set	 set;
	const char		*name;
	enum smtp_verb		 verb = SMTP_EHLO;

	/* A PROXY header has no room for it. */
	if (d->relay->proxy_protocol_out && xclient_identity(d, &set))
		identity = &set;
	name = ehlo_name(d, identity);

	if (d->hop.route.nexthop.protocol == NEXTHOP_LMTP)
		verb = SMTP_LHLO;
	setup_enter(d, HOP_EHLO);
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
	setup_enter(d, HOP_HOPS);
	mail_send(d, SMTP_XSETCONTEXT, span_of(args));
}

static void
on_greeting(struct dialogue *d, const struct smtp_reply *reply)
{
	char	 text[LINE_SIZE];

	if (reply->code == 220) {
		(void)setup_first_line(reply, text, sizeof text);
		if (strstr(text, " " GREETING_MARK) != NULL)
			send_hops(d);
		else
			setup_send_ehlo(d, NULL);
		return;
	}
	/* It says this of us, not of the client: others may be kinder. */
	setup_lost(d, setup_first_line(reply, text, sizeof text), false);
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

static void
after_ehlo(struct dialogue *d)
{
	if (wants_tls(d)) {
		if (smtp_offers(&d->hop.offer, SMTP_KW_STARTTLS)) {
			setup_enter(d, HOP_STARTTLS);
			mail_send(d, SMTP_STARTTLS, nothing);
			return;
		}
		if (d->hop.target.source.tls != SCOPE_TLS_MAY) {
			setup_failed(d, DIALOGUE_HOP_FAILED, "451 4.7.4",
			    "TLS is required, but was not offered by the "
			    "next hop");
			return;
		}
	}
	if (d->hop.is_identity_wanted && !d->hop.has_identity &&
	    xclient_is_used(d))
		xclient_begin(d);
	else
		setup_ready(d);
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
	(void)setup_first_line(reply, text, sizeof text);
	if (d->hop.said.n > 0 && !d->relay->proxy_protocol_out) {
		xclient_note(d, DIALOGUE_XCLIENT_VERDICT, text);
		setup_fail_with(d, hop_format(reply));
		return;
	}
	if (d->hop.route.nexthop.protocol == NEXTHOP_SMTP &&
	    (reply->code == 500 || reply->code == 502)) {
		setup_enter(d, HOP_HELO);
		mail_send(d, SMTP_HELO, span_of(d->hop.ehlo));
		return;
	}
	setup_failed(d, DIALOGUE_HOP_FAILED, "451 4.4.0", text);
}

static void
on_helo(struct dialogue *d, const struct smtp_reply *reply)
{
	char	 text[LINE_SIZE];

	d->hop.offer.keywords = 0;
	if (reply->code / 100 == 2)
		after_ehlo(d);
	else
		setup_failed(d, DIALOGUE_HOP_FAILED, "451 4.4.0",
		    setup_first_line(reply, text, sizeof text));
}

static void
on_starttls(struct dialogue *d, const struct smtp_reply *reply)
{
	char	 text[LINE_SIZE];

	if (reply->code == 220) {
		setup_enter(d, HOP_SECURING);
		d->env->ops->secure(d->arg, DIALOGUE_HOP);
	} else if (d->hop.target.source.tls == SCOPE_TLS_MAY) {
		d->hop.is_tls_off = true;
		after_ehlo(d);
	} else {
		setup_failed(d, DIALOGUE_HOP_FAILED, "451 4.7.4",
		    setup_first_line(reply, text, sizeof text));
	}
}

void
setup_secured(struct dialogue *d)
{
	d->hop.is_secured = true;
	setup_send_ehlo(d, NULL);
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
		setup_send_ehlo(d, NULL);
		break;
	case HOP_XCLIENT:
		xclient_reply(d, reply);
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

/* The greeting that the next hop has is the client's; what XCLIENT says of it
 * is looked at elsewhere. */
static bool
has_right_ehlo(const struct dialogue *d)
{
	struct assertion_set	 set;
	bool			 has_set = false;

	if (d->relay->proxy_protocol_out)
		has_set = xclient_identity(d, &set);
	else if (d->hop.said.n > 0 || d->helo == NULL)
		return true;
	return d->hop.ehlo != NULL && strcmp(d->hop.ehlo,
	    ehlo_name(d, has_set ? &set : NULL)) == 0;
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
		xclient_forget(d);
		setup_start(d);
		return SETUP_WAIT;
	}
	if (&d->hop.route != route)
		d->hop.route = *route;
	return is_identified ? xclient_identify(d) : SETUP_READY;
}
