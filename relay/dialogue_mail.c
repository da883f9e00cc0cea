/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue_mail: transactions: MAIL, RCPT, DATA, BDAT, RSET.
 *
 * Where the next hop is the same for all mail, MAIL goes to it.  Else MAIL is
 * answered here, and goes to the next hop of the first recipient, just before
 * that; recipients with other next hops have to come in transactions of their
 * own, for a message has but one reply.
 */
#include "dialogue_private.h"

#include <stdio.h>
#include <stdlib.h>

bool
mail_may_send(struct dialogue *d)
{
	return d->n_awaited == 0 || (!dialogue_await_is_full(d) &&
	    smtp_offers(&d->hop.offer, SMTP_KW_PIPELINING));
}

void
mail_send(struct dialogue *d, enum smtp_verb verb, struct span args)
{
	dialogue_send(d, DIALOGUE_HOP, span_of(smtp_verb_text(verb)));
	if (args.n > 0) {
		dialogue_send(d, DIALOGUE_HOP, span_of(" "));
		dialogue_send(d, DIALOGUE_HOP, args);
	}
	dialogue_send(d, DIALOGUE_HOP, span_of("\r\n"));
}

/*
 * The way
 */

static bool
find_binding(struct dialogue *d, const struct scope_binding **binding_r,
    struct err *err)
{
	struct context_view	*views;
	struct session		 copy;
	bool			 is_found;

	if (d->relay->n_binding_maps == 0)
		return route_binding(d->conf, d->relay, NULL, binding_r,
		    err) == ROUTE_OK;
	views = calloc(2, sizeof *views);
	if (views == NULL) {
		(void)err_set(err, "out of memory");
		return false;
	}
	ext_view(d, &views[0]);
	ext_message_view(d, &views[1]);
	access_keys_make(d->env->keys, dialogue_shown(d, &copy), &views[0],
	    &views[1], (struct span){ "", 0 }, (struct span){ "", 0 });
	is_found = route_binding(d->conf, d->relay, d->env->keys, binding_r,
	    err) == ROUTE_OK;
	free(views);
	return is_found;
}

/* What stands for the domain of a message that has no recipient yet: the next
 * hop, in brackets if it is an address. */
static struct span
domain_of(const struct nexthop *nexthop, char *buf, size_t size)
{
	struct address	 addr;
	char		 text[ADDRESS_TEXT_SIZE + sizeof "IPv6:"];

	if (nexthop->kind == NEXTHOP_UNIX ||
	    !address_parse(span_of(nexthop->host), &addr))
		return span_of(nexthop->host);
	(void)snprintf(buf, size, "[%s]",
	    address_format_mailhost(&addr, text, sizeof text));
	return span_of(buf);
}

bool
mail_route(struct dialogue *d, struct span recipient, struct span domain,
    struct route *route_r, struct err *err)
{
	enum route_result	 result;
	char			 literal[ADDRESS_TEXT_SIZE + sizeof "[IPv6:]"];

	result = route_nexthop(d->relay, recipient, domain,
	    &route_r->nexthop, err);
	if (result != ROUTE_OK || !find_binding(d, &route_r->binding, err))
		return false;
	/* Who counts on a reply for each recipient must get them. */
	if (d->relay->protocol == NEXTHOP_LMTP &&
	    route_r->nexthop.protocol != NEXTHOP_LMTP) {
		(void)err_set(err, "the next hop does not speak LMTP");
		return false;
	}
	if (domain.n == 0)
		domain = domain_of(&route_r->nexthop, literal,
		    sizeof literal);
	route_r->mode = scope_xclient(d->conf->scope, route_r->binding,
	    domain, route_r->rule, sizeof route_r->rule);
	return true;
}

/* Whether the next hop that is being brought up, or could not be, is that of
 * the command that waits.  One that waits for other replies has none yet. */
static bool
is_coming_up(const struct dialogue *d)
{
	return d->is_waiting && (d->hop.failure != NULL ||
	    (d->hop.state != HOP_NONE && d->hop.state != HOP_READY));
}

/* Brings up the next hop for mail; while that takes, the command waits.
 * SETUP_FAILED: what there is to say has been said. */
static enum setup
ensure(struct dialogue *d, struct span recipient, struct span domain)
{
	struct route	 route = { .mode = XCLIENT_NO };
	struct err	 err;
	enum setup	 setup;
	bool		 is_known = is_coming_up(d);

	if (!is_known && !mail_route(d, recipient, domain, &route,
	    &err)) {
		dialogue_note(d, DIALOGUE_MAIL_REFUSED, 451, err.text);
		dialogue_say(d, "451 4.3.0 %s", err.text);
		return SETUP_FAILED;
	}
	setup = setup_ensure(d, is_known ? &d->hop.route : &route, true);
	if (setup == SETUP_WAIT)
		d->is_waiting = true;
	if (setup == SETUP_FAILED)
		setup_say_failure(d);
	return setup;
}

/*
 * MAIL
 */

/* A session that claimed what it may not: its mail is refused, at whatever step
 * that is found.  True: it has been said. */
static bool
is_refused(struct dialogue *d)
{
	const struct session	*s = &d->kept.session;
	const char		*text = s->refused_text == NULL ? "" :
				     s->refused_text;

	if (s->refused == VERDICT_PERMIT)
		return false;
	dialogue_note(d, DIALOGUE_MAIL_REFUSED,
	    s->refused == VERDICT_REJECT ? 554 : 451, text);
	if (s->refused == VERDICT_DISCONNECT)
		dialogue_say_last(d, "421 4.7.0 %s; session %s", text, s->id);
	else
		dialogue_say(d, "%s %s; session %s",
		    s->refused == VERDICT_REJECT ? "554 5.7.1" : "451 4.7.1",
		    text, s->id);
	return true;
}

/* As is_refused, when MAIL begins: revocations count from then on. */
static bool
is_mail_refused(struct dialogue *d)
{
	if (kept_mail(&d->kept, d->now_ms))
		return is_refused(d);
	dialogue_say(d, "451 4.3.0 it cannot be told who may do what; "
	    "session %s", d->kept.session.id);
	return true;
}

/* Keeps MAIL's argument: the transaction's, and sent when its time comes. */
static bool
open_transaction(struct dialogue *d, struct span args)
{
	struct smtp_path	 path;
	struct assertion_set	*xforward = d->xforward;

	d->xforward = NULL;
	dialogue_reset(d);
	d->xforward = xforward;
	if (!dialogue_set_text(&d->tx.mail, args) ||
	    !smtp_path_parse(SMTP_MAIL, span_of(d->tx.mail), &path))
		return false;
	d->tx.sender = path.address;
	d->tx.params = path.params;
	d->tx.is_open = true;
	return true;
}

/* Takes " BODY=value" out of MAIL's argument. */
static void
drop_body(struct dialogue *d, struct span value)
{
	char			*at = d->tx.mail + (value.p - d->tx.mail) -
				    strlen(" BODY=");
	struct smtp_path	 path;

	(void)memmove(at, value.p + value.n, strlen(value.p + value.n) + 1);
	(void)smtp_path_parse(SMTP_MAIL, span_of(d->tx.mail), &path);
	d->tx.params = path.params;
}

/* The next hop may lack what we had to promise before we knew it. */
static bool
has_parameters(struct dialogue *d)
{
	struct span	 value;

	if (smtp_offers(&d->hop.offer, SMTP_KW_8BITMIME) ||
	    !smtp_param_find(d->tx.params, "BODY", &value))
		return true;
	if (span_caseeq(value, "7BIT")) {
		drop_body(d, value);
		return true;
	}
	dialogue_say(d, "554 5.6.3 the next hop takes no 8-bit mail");
	return false;
}

/*
 * Sends the transaction's MAIL to the next hop, as soon as there is one that can
 * take it.  TAKE_DONE without tx.is_sent: there is none, which has been said.
 */
static enum take
send_mail(struct dialogue *d, struct span recipient, struct span domain,
    enum await_kind kind)
{
	switch (ensure(d, recipient, domain)) {
	case SETUP_WAIT:
		return TAKE_LATER;
	case SETUP_FAILED:
		d->is_waiting = false;
		return TAKE_DONE;
	case SETUP_READY:
		break;
	}
	if (!mail_may_send(d)) {
		d->is_waiting = true;
		return TAKE_LATER;
	}
	if (kind == AWAIT_OWN_MAIL && !has_parameters(d))
		return TAKE_DONE;
	mail_send(d, SMTP_MAIL, span_of(d->tx.mail));
	(void)dialogue_await(d, kind);
	d->tx.is_sent = true;
	return TAKE_DONE;
}

enum take
mail_mail(struct dialogue *d, struct span args)
{
	struct smtp_path	 path;

	if (d->is_waiting)
		goto ready;
	if (d->helo == NULL)
		dialogue_say(d, "503 5.5.1 Error: send %s first",
		    d->relay->protocol == NEXTHOP_LMTP ? "LHLO" :
		    "HELO/EHLO");
	else if (d->tx.is_open)
		dialogue_say(d, "503 5.5.1 Error: nested MAIL command");
	else if (!smtp_path_parse(SMTP_MAIL, args, &path))
		dialogue_say(d, "501 5.5.4 Syntax: MAIL FROM:<address>");
	else if (!is_mail_refused(d))
		goto ready;
	return TAKE_DONE;
ready:
	if (!d->tx.is_open && !open_transaction(d, args)) {
		dialogue_say(d, "451 4.3.0 out of memory");
		return TAKE_DONE;
	}
	if (!route_is_fixed(d->relay)) {
		dialogue_say(d, "250 2.1.0 Ok");
		return TAKE_DONE;
	}
	if (send_mail(d, (struct span){ "", 0 }, (struct span){ "", 0 },
	    AWAIT_MAIL) == TAKE_LATER)
		return TAKE_LATER;
	if (!d->tx.is_sent)
		dialogue_reset(d);
	return TAKE_DONE;
}

/*
 * RCPT
 */

/* Commands of a transaction that the next hop has lost, or never had.  True:
 * there is no such transaction, and that has been said. */
static bool
is_out_of_order(struct dialogue *d, bool needs_recipient)
{
	if (!d->tx.is_open)
		dialogue_say(d, "503 5.5.1 Error: need MAIL command");
	else if (d->tx.is_failed)
		dialogue_say(d, "451 4.4.2 the next hop was lost");
	else if (needs_recipient && !d->tx.is_sent)
		dialogue_say(d, "503 5.5.1 Error: need RCPT command");
	else
		return false;
	return true;
}

/* Whether this transaction's next hop takes that recipient, too. */
static bool
goes_along(struct dialogue *d, const struct smtp_path *path)
{
	struct route	 route = { .mode = XCLIENT_NO };
	struct err	 err;

	if (d->hop.route.nexthop.protocol == NEXTHOP_LMTP &&
	    d->relay->protocol == NEXTHOP_SMTP && d->tx.n_rcpt > 0) {
		dialogue_say(d, "452 4.5.3 Too many recipients: send one "
		    "message for each");
		return false;
	}
	if (route_is_fixed(d->relay))
		return true;
	if (!mail_route(d, path->address, path->domain, &route, &err)) {
		dialogue_say(d, "451 4.3.0 %s", err.text);
		return false;
	}
	if (route_equal(&route, &d->hop.route) &&
	    route.mode == d->hop.route.mode)
		return true;
	dialogue_say(d, "452 4.5.3 This recipient has another next hop: "
	    "send another message");
	return false;
}

enum take
mail_rcpt(struct dialogue *d, struct span args)
{
	struct smtp_path	 path;

	if (!smtp_path_parse(SMTP_RCPT, args, &path) || path.address.n == 0) {
		dialogue_say(d, "501 5.5.4 Syntax: RCPT TO:<address>");
		return TAKE_DONE;
	}
	if (is_out_of_order(d, false) || is_refused(d))
		return TAKE_DONE;
	if (!d->tx.is_sent) {
		if (send_mail(d, path.address, path.domain,
		    AWAIT_OWN_MAIL) == TAKE_LATER)
			return TAKE_LATER;
		if (!d->tx.is_sent)
			return TAKE_DONE;
	} else if (!goes_along(d, &path)) {
		return TAKE_DONE;
	}
	if (!mail_may_send(d))
		return TAKE_LATER;
	mail_send(d, SMTP_RCPT, args);
	(void)dialogue_await(d, AWAIT_RCPT);
	d->tx.n_rcpt++;
	return TAKE_DONE;
}

/*
 * DATA, BDAT, RSET
 */

enum take
mail_data(struct dialogue *d, struct span args)
{
	if (args.n > 0)
		dialogue_say(d, "501 5.5.4 Syntax: DATA");
	else if (d->tx.is_chunked)
		dialogue_say(d, "503 5.5.1 Error: DATA after BDAT");
	else if (!is_out_of_order(d, true) && !is_refused(d)) {
		if (!mail_may_send(d))
			return TAKE_LATER;
		mail_send(d, SMTP_DATA, (struct span){ "", 0 });
		(void)dialogue_await(d, AWAIT_DATA);
		d->state = CLIENT_GO_AHEAD;
	}
	return TAKE_DONE;
}

/* The octets come whatever is answered, so they are taken in any case. */
static void
begin_chunk(struct dialogue *d)
{
	d->state = CLIENT_CHUNK;
	content_begin(d);
	/* An empty one is over at once. */
	if (d->chunk_left == 0)
		(void)chunk_input(d, (struct span){ "", 0 });
}

enum take
mail_bdat(struct dialogue *d, struct span args)
{
	const char	*no = NULL;
	uint64_t	 size;
	bool		 is_last;

	if (!smtp_bdat_parse(args, &size, &is_last)) {
		/* How much is to come is not known: nothing can be read. */
		dialogue_say_last(d, "421 5.5.4 Syntax: BDAT size [LAST]");
		return TAKE_DONE;
	}
	if (!d->tx.is_open || (!d->tx.is_sent && !d->tx.is_failed))
		no = "503 5.5.1 Error: need MAIL and RCPT commands\r\n";
	else if (d->tx.is_failed)
		no = "451 4.4.2 the next hop was lost\r\n";
	else if (d->kept.session.refused != VERDICT_PERMIT)
		no = d->kept.session.refused == VERDICT_REJECT ?
		    "554 5.7.1 this session's mail is refused\r\n" :
		    "451 4.7.1 this session's mail is refused\r\n";
	else if (!smtp_offers(&d->hop.offer, SMTP_KW_CHUNKING))
		no = "503 5.5.1 Error: BDAT is not offered\r\n";
	else if (!mail_may_send(d) || (d->n_awaited > 0 &&
	    d->relay->protocol == NEXTHOP_LMTP))
		/* How many recipients will be answered has to be known. */
		return TAKE_LATER;
	else if (d->relay->protocol == NEXTHOP_LMTP && d->tx.n_accepted == 0)
		no = "503 5.5.1 Error: no valid recipients\r\n";
	d->chunk_left = size;
	d->is_chunk_last = is_last;
	if (no != NULL) {
		content_discard(d, no);
	} else {
		d->tx.is_chunked = true;
		mail_send(d, SMTP_BDAT, args);
		content_await(d, is_last);
	}
	begin_chunk(d);
	return TAKE_DONE;
}

enum take
mail_rset(struct dialogue *d)
{
	bool	 is_sent = d->tx.is_sent && !d->tx.is_failed &&
		    d->hop.state == HOP_READY;

	if (is_sent && !mail_may_send(d))
		return TAKE_LATER;
	dialogue_reset(d);
	if (is_sent) {
		mail_send(d, SMTP_RSET, (struct span){ "", 0 });
		(void)dialogue_await(d, AWAIT_PASS);
	} else {
		dialogue_say(d, "250 2.0.0 Ok");
	}
	return TAKE_DONE;
}
