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

bool
xclient_identity(const struct dialogue *d, struct assertion_set *set_r)
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
	if (!xclient_identity(d, &set) || !identity_say(&set,
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
	struct assertion_set	 set;
	struct hop		*hop = &d->hop;

	hop->next_line = 0;
	hop->wanted.n = 0;
	if (!xclient_identity(d, &set)) {
		setup_failed(d, DIALOGUE_HOP_FAILED, "451 4.3.0",
		    "the session's record is damaged");
		return;
	}
	if (!smtp_offers(&hop->offer, SMTP_KW_XCLIENT) ||
	    !identity_say(&set, hop->offer.xclient, &hop->wanted)) {
		not_offered(d);
	} else if (is_refused(d, &hop->wanted)) {
		go_without(d);
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
	struct assertion_set	 set;
	struct identity_lines	 lines;

	if (d->hop.said.n > 0 && !xclient_is_used(d) &&
	    !d->relay->proxy_protocol_out)
		return false;
	if (!d->hop.has_identity || !xclient_identity(d, &set))
		return false;
	if (d->hop.said.n == 0 && d->hop.refused != NULL)
		return identity_say(&set, d->hop.offer.xclient, &lines) &&
		    is_refused(d, &lines);
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
	struct assertion_set	*xforward = d->xforward, set;
	struct identity_lines	 lines;
	bool			 is_made;

	if (d->hop.said.n == 0)
		return true;
	d->xforward = NULL;
	is_made = xclient_identity(d, &set);
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
