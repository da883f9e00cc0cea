/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * transaction: MAIL, RCPT, DATA, BDAT, RSET: which of them go on, to whom, and
 * what each is owed.
 *
 * Where the next hop is the same for all mail, MAIL goes to it.  Else MAIL is
 * answered here, and goes to the next hop of the first recipient, just before
 * that; recipients with other next hops have to come in transactions of their
 * own, for a message has but one reply.
 */
#include "transaction_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct span	nothing = { "", 0 };

/*
 * Life
 */

/* The message for which something was claimed wrongly has been refused. */
static void
forget_refusal(struct dialogue *d)
{
	free(d->unforwarded);
	d->unforwarded = NULL;
}

void
transaction_reset(struct dialogue *d)
{
	if (d->tx.is_open)
		forget_refusal(d);
	free(d->tx.mail);
	free(d->tx.refusal);
	d->tx = (struct transaction){ .is_open = false };
	d->serial++;
	free(d->xforward);
	d->xforward = NULL;
	/* A chunk of it may still be coming. */
	d->content.octets = d->content.part_octets = 0;
	d->content.part_since_ms = d->now_ms;
}

void
transaction_turn_down(struct dialogue *d)
{
	transaction_reset(d);
	d->tx.is_turned_down = true;
}

void
transaction_start_over(struct dialogue *d)
{
	forget_refusal(d);
	transaction_reset(d);
}

/* Whether the next hop has a transaction that it has to be told the end of, or
 * will have, when it has been asked again what another host was asked. */
static bool
is_at_hop(const struct dialogue *d)
{
	return d->tx.is_sent && !d->tx.is_failed &&
	    hop_state(d->hop) != HOP_NONE;
}

void
transaction_abandon(struct dialogue *d)
{
	d->is_stale |= is_at_hop(d);
	transaction_reset(d);
}

void
transaction_end_stale(struct dialogue *d)
{
	if (!d->is_stale || !hop_may_ask(d->hop))
		return;
	d->is_stale = false;
	transaction_reply_ask(d, ASKED_RSET, NULL, SMTP_RSET, nothing);
}

/*
 * MAIL
 */

/* Why mail is refused: for what its session claimed, or for what was claimed
 * for this message. */
struct refusal {
	enum verdict_action	 action;	/* VERDICT_PERMIT: it is not */
	enum verdict_reason	 reason;
	const char		*text;
	struct verdict_reply	 reply;
};

static void
set_refusal(struct refusal *r, enum verdict_action action,
    enum verdict_reason reason, const char *text)
{
	*r = (struct refusal){ .action = action, .reason = reason,
	    .text = verdict_reply_text(text, reason) };
	verdict_reply_find(VERDICT_REPLY_TO_MAIL, action, reason,
	    VERDICT_REPLY_BY_SERVER, &r->reply);
}

static void
find_refusal(const struct dialogue *d, struct refusal *r)
{
	const struct session	*s = session_life_session(d->life);
	const struct verdict	*v = d->unforwarded;

	if (s->refused == VERDICT_PERMIT && v != NULL)
		set_refusal(r, v->action, v->reason, v->text);
	else
		set_refusal(r, s->refused, s->refused_reason,
		    s->refused_text);
}

/* True: it is refused, at whatever step that is found, and the log has been
 * told.  Rights may have been revoked since the last one. */
static bool
is_refusal(struct dialogue *d, struct refusal *r)
{
	bool	 is_told = session_life_check_revoked(d->life, d->now_ms);

	find_refusal(d, r);
	if (r->action == VERDICT_PERMIT && !is_told)
		set_refusal(r, VERDICT_TEMPFAIL, REASON_CANNOT_TELL,
		    SESSION_CANNOT_TELL);
	if (r->action == VERDICT_PERMIT)
		return false;
	(void)session_life_keep(d->life, d->now_ms);
	dialogue_report(d, DIALOGUE_MAIL_REFUSED,
	    (unsigned)strtoul(r->reply.code, NULL, 10), r->text);
	return true;
}

/* True: it is refused, which has been said. */
static bool
is_refused(struct dialogue *d, struct client_reply *reply)
{
	struct refusal	 r;

	if (!is_refusal(d, &r))
		return false;
	dialogue_verdict_say(d, reply, &r.reply, r.text);
	return true;
}

/* Keeps MAIL's argument: the transaction's, and sent when its time comes. */
static bool
open_transaction(struct dialogue *d, struct span args)
{
	struct smtp_path	 path;

	if (!dialogue_set_text(&d->tx.mail, args) ||
	    !smtp_path_parse(SMTP_MAIL, span_of(d->tx.mail), &path))
		return false;
	d->tx.sender = path.address;
	d->tx.params = path.params;
	d->tx.is_turned_down = false;
	d->tx.is_open = true;
	return true;
}

static bool
is_too_large(const struct dialogue *d, struct span params)
{
	uint64_t	 limit =
	    transaction_params_size_limit(hop_offer(d->hop),
			     d->relay);
	uint64_t	 size;

	return limit > 0 && transaction_params_size(params, &size) &&
	    size > limit;
}

/* Whoever demands TLS all the way is not carried where it ends: that is for the
 * relay to see to, whatever was promised. */
static bool
lacks_tls(const struct dialogue *d)
{
	return transaction_params_require_tls(d->tx.params) &&
	    !(hop_is_verified(d->hop) && smtp_offers(hop_offer(d->hop),
	    SMTP_KW_REQUIRETLS));
}

/* What the next hop lacks of what the sender wants; NULL: nothing. */
static const char *
find_lack(const struct dialogue *d)
{
	const char	*lack = transaction_params_lack(hop_offer(d->hop),
	    d->promised,
			     d->tx.params);

	if (lacks_tls(d)) {
		lack = "550 5.7.30 REQUIRETLS support required: the next hop "
		    "does not have it";
		if ((d->promised & 1U << SMTP_KW_REQUIRETLS) == 0)
			return lack;
	}
	if (lack != NULL && route_is_fixed(d->relay))
		/* It was that next hop that had offered it. */
		return "451 4.4.0 the next hop offers less than it did";
	if (lack == NULL && is_too_large(d, d->tx.params))
		return "552 5.3.4 Message size exceeds fixed limit";
	return lack;
}

static void
say_lack(struct dialogue *d, struct client_reply *reply, const char *lack)
{
	char	 line[LINE_SIZE];

	(void)snprintf(line, sizeof line, "%s\r\n", lack);
	client_pass_text(d->client, reply, line);
}

/* One that is over here would be nobody's there. */
bool
transaction_may_repeat(void *arg)
{
	const struct dialogue	*d = arg;

	return d->tx.is_sent && !d->tx.is_failed;
}

char *
transaction_translate(void *arg, const char *line)
{
	struct dialogue			*d = arg;
	const struct smtp_offer		*offer = hop_offer(d->hop);
	const struct smtp_command	 command =
					     smtp_command_parse(span_of(line));
	struct smtp_path		 path;
	char				*args, *out = NULL;

	if (!smtp_path_parse(command.verb, command.args, &path))
		return strdup(line);
	if (transaction_params_lack(offer, d->promised, path.params) != NULL ||
	    is_too_large(d, path.params) || lacks_tls(d))
		return NULL;
	args = transaction_params_strip(offer, d->promised, command.args,
	    path.params);
	if (args != NULL && asprintf(&out, "%s %s",
	    smtp_verb_text(command.verb), args) < 0)
		out = NULL;
	free(args);
	return out;
}

/* Sends the transaction's MAIL. */
static void
send_mail(struct dialogue *d, struct client_reply *reply,
    enum asked_kind kind)
{
	char	*args = transaction_params_strip(hop_offer(d->hop), d->promised,
		    span_of(d->tx.mail), d->tx.params);

	if (args == NULL) {
		client_close(d->client);
		return;
	}
	transaction_reply_ask(d, kind, reply, SMTP_MAIL, span_of(args));
	free(args);
	d->tx.is_sent = true;
}

/*
 * Brings MAIL to the next hop, as soon as there is one that can take it.
 * CLIENT_TAKEN without tx.is_sent: there is none, which has been said.  kind is
 * ASKED_OWN_MAIL where reply is another command's.
 */
static enum client_take
begin_at_hop(struct dialogue *d, struct span recipient, struct span domain,
    struct client_reply *reply, enum asked_kind kind)
{
	const char	*lack;

	transaction_end_stale(d);
	switch (transaction_way_ensure_mail(d, recipient, domain, reply)) {
	case HOP_WAITS:
		return CLIENT_WAITS;
	case HOP_HAS_FAILED:
		return CLIENT_TAKEN;
	case HOP_IS_READY:
		break;
	}
	transaction_end_stale(d);
	if (!hop_may_ask(d->hop))
		return CLIENT_WAITS;
	lack = find_lack(d);
	if (lack != NULL)
		say_lack(d, reply, lack);
	else
		send_mail(d, kind == ASKED_MAIL ? reply : NULL, kind);
	return CLIENT_TAKEN;
}

/* Whether MAIL may be said now.  False: it has been said why not.  Revocations
 * count from here on, and it seals, whatever becomes of it; what was forwarded
 * is over with the message that it was for. */
static bool
may_begin(struct dialogue *d, struct span args, struct client_reply *reply)
{
	struct smtp_path	 path;
	bool			 is_told;

	is_told = session_life_mail(d->life, d->now_ms);
	/* What the client was told is that it has begun nothing; 5xx would
	 * bounce the next message. */
	if (d->tx.is_void)
		transaction_reset(d);
	if (d->tx.is_open) {
		client_say(d->client, reply,
		    "503 5.5.1 Error: nested MAIL command");
		return false;
	}
	if (d->helo == NULL)
		client_say(d->client, reply, "503 5.5.1 Error: send %s first",
		    d->relay->protocol == NEXTHOP_LMTP ? "LHLO" :
		    "HELO/EHLO");
	else if (!smtp_path_parse(SMTP_MAIL, args, &path))
		client_say(d->client, reply,
		    "501 5.5.4 Syntax: MAIL FROM:<address>");
	else if (transaction_params_require_tls(path.params) && !d->is_secured)
		client_say(d->client, reply, "%s", d->relay->tls ==
		    RELAY_TLS_NO ? "550 5.7.30 REQUIRETLS support required: "
		    "TLS is not offered here" : "530 5.7.0 REQUIRETLS: must "
		    "issue a STARTTLS command first");
	else if (!is_told)
		dialogue_verdict_cannot_tell(d, reply, VERDICT_REPLY_TO_MAIL);
	else if (!is_refused(d, reply))
		return true;
	else
		forget_refusal(d);
	transaction_reset(d);
	return false;
}

enum client_take
transaction_mail(struct dialogue *d, struct span args,
    struct client_reply *reply, bool is_again)
{
	struct err	 err;
	bool		 needs_recipient;

	if (!is_again && !may_begin(d, args, reply))
		return CLIENT_TAKEN;
	if (!d->tx.is_open && !open_transaction(d, args)) {
		client_say(d->client, reply, "451 4.3.0 out of memory");
		return CLIENT_TAKEN;
	}
	/* What cannot be told is refused when its next hop is looked for. */
	if (!is_again && transaction_way_needs_recipient(d, &needs_recipient,
	    &err) == ROUTE_OK && needs_recipient) {
		client_say(d->client, reply, "250 2.1.0 Ok");
		return CLIENT_TAKEN;
	}
	if (begin_at_hop(d, nothing, nothing, reply, ASKED_MAIL) ==
	    CLIENT_WAITS)
		return CLIENT_WAITS;
	if (!d->tx.is_sent)
		transaction_turn_down(d);
	return CLIENT_TAKEN;
}

/*
 * RCPT
 */

static void
say_out_of_order(struct dialogue *d, struct client_reply *reply,
    const char *text)
{
	if (d->tx.is_turned_down)
		client_pass_text(d->client, reply, text);
	else
		client_say_text(d->client, reply, text);
}

/* Commands of a transaction that the next hop has lost, or never had.  True:
 * there is no such transaction, and that has been said. */
static bool
is_out_of_order(struct dialogue *d, struct client_reply *reply,
    bool needs_recipient)
{
	if (!d->tx.is_open)
		say_out_of_order(d, reply,
		    "503 5.5.1 Error: need MAIL command\r\n");
	else if (d->tx.is_failed)
		client_say(d->client, reply,
		    "451 4.4.2 the next hop was lost");
	else if (d->tx.spoilt != NULL)
		client_say(d->client, reply, "503 5.5.1 Error: %s",
		    strcmp(d->tx.spoilt, TRANSACTION_TOO_LARGE) == 0 ?
		    "the message was too large" :
		    "a chunk of this message was refused");
	else if (needs_recipient && !d->tx.is_sent)
		say_out_of_order(d, reply,
		    "503 5.5.1 Error: need RCPT command\r\n");
	else
		return false;
	return true;
}

/* Whether this transaction's next hop takes that recipient, too.  Also where it
 * is the same for all mail: the context may have chosen another binding since
 * MAIL. */
static bool
goes_along(struct dialogue *d, const struct smtp_path *path,
    struct client_reply *reply)
{
	struct route	 route = { .mode = XCLIENT_NO };
	struct err	 err;
	enum route_result result;

	if (d->route.nexthop.protocol == NEXTHOP_LMTP &&
	    d->relay->protocol == NEXTHOP_SMTP && d->tx.n_rcpt > 0) {
		client_say(d->client, reply, "452 4.5.3 Too many recipients: "
		    "send one message for each");
		return false;
	}
	result = transaction_way_find(d, path->address, path->domain, &route,
	    &err);
	if (result != ROUTE_OK) {
		transaction_way_refuse(d, result, &err, reply);
		return false;
	}
	if (route_equal(&route, &d->route) && route.mode == d->route.mode)
		return true;
	client_say(d->client, reply, "452 4.5.3 This recipient has another "
	    "next hop: send another message");
	return false;
}

static void
send_rcpt(struct dialogue *d, struct span args, const struct smtp_path *path,
    struct client_reply *reply)
{
	char	*stripped = transaction_params_strip(hop_offer(d->hop),
	    d->promised,
		    args, path->params);

	if (stripped == NULL) {
		client_close(d->client);
		return;
	}
	d->tx.n_rcpt++;
	d->tx.n_unanswered++;
	transaction_reply_ask(d, ASKED_RCPT, reply, SMTP_RCPT,
	    span_of(stripped));
	free(stripped);
}

enum client_take
transaction_rcpt(struct dialogue *d, struct span args,
    struct client_reply *reply)
{
	struct smtp_path	 path;

	if (!smtp_path_parse(SMTP_RCPT, args, &path) || path.address.n == 0) {
		client_say(d->client, reply,
		    "501 5.5.4 Syntax: RCPT TO:<address>");
		return CLIENT_TAKEN;
	}
	if (is_out_of_order(d, reply, false) || is_refused(d, reply))
		return CLIENT_TAKEN;
	if (d->tx.n_rcpt >= d->relay->recipients_max) {
		client_say(d->client, reply,
		    "452 4.5.3 Error: too many recipients");
		return CLIENT_TAKEN;
	}
	if (!d->tx.is_sent) {
		if (begin_at_hop(d, path.address, path.domain, reply,
		    ASKED_OWN_MAIL) == CLIENT_WAITS)
			return CLIENT_WAITS;
		d->tx.is_turned_down = !d->tx.is_sent;
		if (d->tx.is_turned_down)
			return CLIENT_TAKEN;
	} else if (!goes_along(d, &path, reply)) {
		return CLIENT_TAKEN;
	}
	if (!hop_may_ask(d->hop))
		return CLIENT_WAITS;
	send_rcpt(d, args, &path, reply);
	return CLIENT_TAKEN;
}

/*
 * DATA, BDAT, RSET
 */

enum client_take
transaction_data(struct dialogue *d, struct span args,
    struct client_reply *reply)
{
	if (args.n > 0)
		client_say(d->client, reply, "501 5.5.4 Syntax: DATA");
	else if (d->tx.is_chunked)
		client_say(d->client, reply,
		    "503 5.5.1 Error: DATA after BDAT");
	else if (!is_out_of_order(d, reply, true) && !is_refused(d, reply)) {
		if (!hop_may_ask(d->hop))
			return CLIENT_WAITS;
		client_expect(d->client, CLIENT_GO_AHEAD);
		transaction_reply_ask(d, ASKED_DATA, reply, SMTP_DATA, nothing);
	}
	return CLIENT_TAKEN;
}

/* A chunk is told what DATA is. */
bool
transaction_is_refused(struct dialogue *d, char buf[TRANSACTION_REPLY_SIZE])
{
	struct refusal	 r;

	if (!is_refusal(d, &r))
		return false;
	(void)verdict_reply_line(&r.reply, r.text,
	    session_life_session(d->life)->id, buf);
	(void)strcat(buf, "\r\n");
	return true;
}

/* What a chunk is answered whose octets go nowhere; NULL: they go on. */
static const char *
chunk_refusal(struct dialogue *d, uint64_t size,
    char buf[TRANSACTION_REPLY_SIZE])
{
	const struct smtp_offer	*offer = hop_offer(d->hop);
	uint64_t		 limit = transaction_params_size_limit(offer,
	    d->relay);

	if (d->relay->tls == RELAY_TLS_ENCRYPT && !d->is_secured)
		return "530 5.7.0 Must issue a STARTTLS command first\r\n";
	if (d->tx.spoilt != NULL)
		return d->tx.spoilt;
	if (!d->tx.is_open || (!d->tx.is_sent && !d->tx.is_failed))
		return "503 5.5.1 Error: need MAIL and RCPT commands\r\n";
	if (d->tx.is_failed)
		return "451 4.4.2 the next hop was lost\r\n";
	if (transaction_is_refused(d, buf))
		return buf;
	if (!smtp_offers(offer, SMTP_KW_CHUNKING))
		return (d->promised & 1U << SMTP_KW_CHUNKING) != 0 ?
		    "451 4.4.0 the next hop offers less than it did\r\n" :
		    "503 5.5.1 Error: BDAT is not offered\r\n";
	if (d->relay->protocol == NEXTHOP_LMTP && d->tx.n_accepted == 0)
		return "503 5.5.1 Error: no valid recipients\r\n";
	/* A server that is sent more than it takes may read the rest as
	 * commands (Postfix did). */
	if (limit > 0 && (size > limit || d->tx.chunked > limit - size))
		return TRANSACTION_TOO_LARGE;
	return NULL;
}

/* What is said to other chunks of a message of which one is missing, whether it
 * could be taken again or not: of what comes next alone it must not be made. */
static const char *
spoil(const char *why)
{
	if (strcmp(why, TRANSACTION_TOO_LARGE) == 0)
		return TRANSACTION_TOO_LARGE;
	return *why == '4' ?
	    "451 4.5.0 Error: a chunk of this message was refused\r\n" :
	    "503 5.5.1 Error: a chunk of this message was refused\r\n";
}

/* The octets come whatever is answered, so they are taken in any case. */
static void
refuse_chunk(struct dialogue *d, uint64_t size, bool is_last,
    struct client_reply *reply, const char *why)
{
	if (is_last)
		client_owe_message(d->client, reply,
		    transaction_content_end_replies(d));
	if (d->tx.is_open)
		d->tx.spoilt = spoil(why);
	/* What the next hop has of this message it must not take for one. */
	if (is_last && is_at_hop(d))
		d->is_stale = true;
	transaction_content_discard(d, why);
	transaction_content_begin_chunk(d, size, is_last, reply);
}

/* Afresh: client and next hop must not read it differently, for of a chunk that
 * only one of them takes for the last the reply is no message's. */
static void
send_bdat(struct dialogue *d, uint64_t size, bool is_last)
{
	char	 line[64];

	(void)snprintf(line, sizeof line, "BDAT %ju%s\r\n", (uintmax_t)size,
	    is_last ? " LAST" : "");
	hop_send(d->hop, span_of(line));
}

enum client_take
transaction_bdat(struct dialogue *d, struct span args,
    struct client_reply *reply)
{
	char		 buf[TRANSACTION_REPLY_SIZE];
	const char	*why;
	uint64_t	 size;
	bool		 is_last;

	if (!smtp_bdat_parse(args, &size, &is_last)) {
		/* How much is to come is not known: nothing can be read. */
		client_say_last(d->client, reply,
		    "521 5.5.4 Syntax: BDAT size [LAST]");
		return CLIENT_TAKEN;
	}
	/* How many recipients will be answered has to be known. */
	if (d->tx.is_sent && !d->tx.is_failed && (!hop_may_ask(d->hop) ||
	    (d->tx.n_unanswered > 0 && d->relay->protocol == NEXTHOP_LMTP)))
		return CLIENT_WAITS;
	why = chunk_refusal(d, size, buf);
	if (why != NULL) {
		refuse_chunk(d, size, is_last, reply, why);
		return CLIENT_TAKEN;
	}
	d->tx.is_chunked = true;
	d->tx.chunked += size;
	send_bdat(d, size, is_last);
	if (is_last) {
		client_owe_message(d->client, reply,
		    transaction_content_end_replies(d));
		transaction_reply_await_end(d, reply,
		    transaction_content_end_replies(d), d->tx.chunked);
	} else {
		transaction_reply_await_chunk(d, reply);
	}
	transaction_content_begin_chunk(d, size, is_last, NULL);
	return CLIENT_TAKEN;
}

enum client_take
transaction_rset(struct dialogue *d, struct client_reply *reply)
{
	bool	 is_sent = is_at_hop(d);

	if (is_sent && !hop_may_ask(d->hop))
		return CLIENT_WAITS;
	transaction_reset(d);
	if (is_sent)
		transaction_reply_ask(d, ASKED_PASS, reply, SMTP_RSET, nothing);
	else
		client_say(d->client, reply, "250 2.0.0 Ok");
	return CLIENT_TAKEN;
}
