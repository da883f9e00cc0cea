/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue_xclient: tells the next hop who the client is: by XCLIENT, by a
 * PROXY header, or through the store.
 *
 * A refused XCLIENT may have been executed in part (Postfix does so), so what
 * then is sent without it goes over a new connection.  A next hop that has an
 * identity and does not offer XCLIENT any more is left for a new one, too.
 */
#include "dialogue_private.h"

#include <stdio.h>
#include <stdlib.h>

/* An address that a name stands for is known only where we connect. */
static bool
is_on_loopback(const struct nexthop *hop)
{
	struct address	 addr;

	if (hop->kind == NEXTHOP_UNIX)
		return true;
	return address_parse(span_of(hop->host), &addr) ?
	    identity_is_local(&addr) : strcasecmp(hop->host, "localhost") == 0;
}

static struct identity_facts
facts_of(const struct dialogue *d)
{
	return (struct identity_facts){
		.session = &d->kept.session,
		.xforward = d->xforward,
		.helo = d->helo,
		.is_esmtp = d->is_esmtp,
		.is_anonymous = d->kept.profile != NULL &&
		    trust_profile_always_allow(d->kept.profile),
		.is_hop_on_loopback = is_on_loopback(&d->hop.route.nexthop),
		.local = d->peer.local,
		.local_port = d->peer.local_port
	};
}

/* A PROXY header is no XCLIENT, and says something of everybody. */
static struct identity_terms
terms_of(const struct dialogue *d, unsigned offered)
{
	const struct route	*route = &d->hop.route;
	enum xclient_dialect	 dialect = route->dialect;

	if (d->relay->proxy_protocol_out)
		return (struct identity_terms){ offered, XCLIENT_POSTFIX,
		    true };
	if (dialect == XCLIENT_DIALECT_UNSET)
		dialect = scope_dialect(d->conf->dialects, route->binding,
		    (struct span){ "", 0 });
	/* What was said, it was in the dialect that was announced then. */
	if (dialect == XCLIENT_AUTO)
		dialect = d->hop.said.n > 0 ? d->hop.said.dialect :
		    d->hop.offer.dialect;
	return (struct identity_terms){ offered, dialect,
	    route->mode == XCLIENT_REQUIRED };
}

static enum identity_result
tell(const struct dialogue *d, unsigned offered, struct identity_lines *lines)
{
	const struct identity_facts	 facts = facts_of(d);
	const struct identity_terms	 terms = terms_of(d, offered);

	return identity_tell(&facts, &terms, lines);
}

/* Whether all that it was told is made of is as it was. */
static bool
is_current(const struct dialogue *d)
{
	const struct identity_facts	 facts = facts_of(d);
	const struct identity_terms	 terms = terms_of(d,
					     d->hop.said_offered);

	return identity_is_current(&d->hop.said, &facts, &terms);
}

bool
xclient_identity(const struct dialogue *d, struct assertion_set *set_r)
{
	const struct identity_facts	 facts = facts_of(d);

	return identity_make(&facts, set_r);
}

/* The PROXY protocol says everything before the greeting. */
bool
xclient_send_proxy(struct dialogue *d)
{
	struct proxy_header	 h = { .version = 2,
				     .destination = d->peer.local,
				     .destination_port = d->peer.local_port };
	struct assertion_set	 set;
	char			 buf[256];
	size_t			 n;

	d->hop.said_offered = 1U << ASSERTION_ADDR | 1U << ASSERTION_PORT;
	if (!xclient_identity(d, &set) ||
	    tell(d, d->hop.said_offered, &d->hop.said) != IDENTITY_TOLD)
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

static void
send_line(struct dialogue *d)
{
	const char	*line = d->hop.wanted.line[d->hop.next_line++];

	setup_enter(d, HOP_XCLIENT);
	dialogue_send(d, DIALOGUE_HOP, span_of(line));
	dialogue_send(d, DIALOGUE_HOP, span_of("\r\n"));
}

void
xclient_note(struct dialogue *d, enum dialogue_event event, const char *text)
{
	struct dialogue_note	 note = {
		.event = event, .text = text,
		.line = d->hop.wanted.n > 0 ? d->hop.wanted.line[0] : NULL
	};

	dialogue_note_more(d, &note);
}

/* The mail goes without: never over a connection that knows somebody else. */
static void
go_without(struct dialogue *d)
{
	if (d->hop.said.n > 0) {
		setup_drop(d);
		setup_start(d);
		return;
	}
	d->hop.has_identity = true;
	setup_ready(d);
}

static void
not_offered(struct dialogue *d)
{
	xclient_note(d, DIALOGUE_XCLIENT_NOT_OFFERED,
	    smtp_offers(&d->hop.offer, SMTP_KW_XCLIENT) ?
	    "it does not offer ADDR" : NULL);
	if (d->hop.route.mode == XCLIENT_REQUIRED) {
		setup_fail(d, "451 4.7.6 XCLIENT is required, but was not "
		    "offered by the next hop");
		return;
	}
	/* Said once for each connection. */
	d->hop.is_xclient_off = true;
	go_without(d);
}

void
xclient_forget(struct dialogue *d)
{
	free(d->hop.refused);
	d->hop.refused = NULL;
}

/* It announces XCLIENT, but has no word for whom nobody knows. */
static void
cannot_say(struct dialogue *d)
{
	if (d->hop.route.mode == XCLIENT_REQUIRED)
		setup_fail(d, "451 4.7.6 XCLIENT is required, but the next "
		    "hop's has no word for an unknown client");
	else
		go_without(d);
}

static bool
is_refused(const struct dialogue *d, const struct identity_lines *lines)
{
	return d->hop.refused != NULL &&
	    identity_equal(lines, d->hop.refused);
}

/* Says who the client is, or decides that this need not be. */
void
xclient_begin(struct dialogue *d)
{
	enum identity_result	 result;
	struct hop		*hop = &d->hop;

	hop->next_line = 0;
	hop->wanted.n = 0;
	result = tell(d, smtp_offers(&hop->offer, SMTP_KW_XCLIENT) ?
	    hop->offer.xclient : 0, &hop->wanted);
	if (result == IDENTITY_CANNOT_TELL) {
		setup_failed(d, DIALOGUE_HOP_FAILED, "451 4.3.0",
		    "the session's record is damaged");
	} else if (result == IDENTITY_CANNOT_BE_SAID) {
		if ((hop->offer.xclient & 1U << ASSERTION_ADDR) == 0)
			not_offered(d);
		else
			cannot_say(d);
	} else if (hop->wanted.n == 0 || is_refused(d, &hop->wanted)) {
		go_without(d);
	} else if (!identity_replaces(&hop->wanted, &hop->said)) {
		setup_drop(d);
		setup_start(d);
	} else {
		send_line(d);
	}
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
remember_refused(struct dialogue *d)
{
	xclient_forget(d);
	d->hop.refused = malloc(sizeof *d->hop.refused);
	if (d->hop.refused == NULL)
		d->hop.is_xclient_off = true;
	else
		*d->hop.refused = d->hop.wanted;
}

static void
refuse_xclient(struct dialogue *d, const struct smtp_reply *reply)
{
	char	 text[LINE_SIZE];

	(void)setup_first_line(reply, text, sizeof text);
	if (is_verdict(reply->code)) {
		xclient_note(d, DIALOGUE_XCLIENT_VERDICT, text);
		setup_fail_with(d, hop_format(reply));
		return;
	}
	xclient_note(d, DIALOGUE_XCLIENT_REFUSED, text);
	if (d->hop.route.mode == XCLIENT_REQUIRED) {
		setup_fail(d, "451 4.7.6 XCLIENT is required, but was "
		    "refused by the next hop: %s", text);
		return;
	}
	/* A value that it does not take is no reason to keep the next client
	 * from it. */
	if (reply->code == 501)
		remember_refused(d);
	else
		d->hop.is_xclient_off = true;
	setup_drop(d);
	setup_start(d);
}

void
xclient_reply(struct dialogue *d, const struct smtp_reply *reply)
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
	xclient_note(d, DIALOGUE_XCLIENT_SENT, NULL);
	hop->said = hop->wanted;
	hop->said_offered = hop->offer.xclient;
	hop->has_identity = true;
	if (xclient_identity(d, &set))
		setup_send_ehlo(d, &set);
	else
		setup_failed(d, DIALOGUE_HOP_FAILED, "451 4.3.0",
		    "the session's record is damaged");
}

bool
xclient_is_used(const struct dialogue *d)
{
	return d->hop.route.mode != XCLIENT_NO && !d->hop.is_xclient_off &&
	    !d->relay->proxy_protocol_out && !d->relay->hand_over;
}

/* Whether what the next hop was told is still so, and is for this route.  False:
 * it is not, or cannot be told. */
static bool
has_right_identity(struct dialogue *d)
{
	struct identity_lines	 lines;

	if (d->hop.said.n > 0 && !xclient_is_used(d) &&
	    !d->relay->proxy_protocol_out)
		return false;
	if (!d->hop.has_identity)
		return false;
	if (d->hop.said.n > 0 && is_current(d))
		return true;
	if (d->hop.said.n == 0 && d->hop.refused != NULL)
		return tell(d, d->hop.offer.xclient, &lines) ==
		    IDENTITY_TOLD && (lines.n == 0 || is_refused(d, &lines));
	return tell(d, d->hop.said_offered, &lines) == IDENTITY_TOLD &&
	    identity_equal(&lines, &d->hop.said);
}

/* A connection that has said nothing of anybody, or can say it anew. */
static bool
may_say(const struct dialogue *d)
{
	return d->hop.said.n == 0 ||
	    smtp_offers(&d->hop.offer, SMTP_KW_XCLIENT);
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
		if (!xclient_identity(d, &set) ||
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
	struct assertion_set	*xforward = d->xforward;
	struct identity_lines	 lines;
	enum identity_result	 result;

	if (d->hop.said.n == 0)
		return true;
	d->xforward = NULL;
	result = tell(d, d->hop.said_offered, &lines);
	d->xforward = xforward;
	return result == IDENTITY_TOLD && identity_equal(&lines, &d->hop.said);
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

enum setup
xclient_identify(struct dialogue *d)
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
	if (!xclient_is_used(d) && d->hop.said.n == 0)
		return SETUP_READY;
	if (has_right_identity(d))
		return SETUP_READY;
	if (d->is_authenticated)
		return identify_user(d);
	if (d->n_awaited > 0)
		return SETUP_WAIT;
	d->hop.has_identity = false;
	if (xclient_is_used(d) && may_say(d)) {
		xclient_begin(d);
	} else {
		setup_drop(d);
		setup_start(d);
	}
	return d->hop.state == HOP_READY ? SETUP_READY :
	    d->hop.failure != NULL ? SETUP_FAILED : SETUP_WAIT;
}
