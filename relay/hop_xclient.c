/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * hop_xclient: tells the next hop who the client is: by XCLIENT, by a PROXY
 * header, or through the store.
 *
 * What may stand in place of a greeting (421, 45x, 521, 554 in answer to
 * XCLIENT) is the next hop's verdict about the client, and an answer.
 * Everything else that goes wrong is a negotiation that failed: where XCLIENT
 * is "required" the next host is tried, and after the last one the mail waits;
 * else it goes without.
 *
 * That a host refuses the command is remembered for all sessions, if it has not
 * taken one from any.  What may be
 * about a value (501, a cut, silence, and all that the EHLO behind it gets) is
 * remembered of that client only: values are what clients choose, and must not
 * cost others their identity.
 *
 * A refused XCLIENT may have been executed in part (Postfix does so), so what
 * then is sent without it goes over a new connection.  A next hop that has an
 * identity and does not offer XCLIENT any more is left for a new one, too; and
 * what one says that has known somebody else is no answer before a new one has
 * said it (Postfix grants it by who it takes the client to be).
 */
#include "hop_private.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * What it was told
 */

void
hop_forget_identity(struct hop *hop)
{
	free(hop->said);
	free(hop->told);
	free(hop->wanted);
	hop->said = hop->told = hop->wanted = NULL;
	hop->has_identity = false;
}

/* Inside TLS the next hop must not go by what it was told in the clear (RFC
 * 3207, 4.2), but may do so in part: Postfix keeps the address and forgets the
 * login.  So all of it is said again, and that it was told is not forgotten. */
void
hop_identity_secured(struct hop *hop)
{
	/* A PROXY header is no command. */
	if (hop->relay->proxy_protocol_out || hop->said == NULL)
		return;
	free(hop->told);
	hop->told = hop->said;
	hop->said = NULL;
	hop->has_identity = false;
}

void
hop_forget_refused(struct hop *hop)
{
	free(hop->refused);
	hop->refused = NULL;
}

bool
hop_uses_xclient(const struct hop *hop)
{
	return hop->need.mode != XCLIENT_NO && !hop->without.xclient &&
	    !hop->relay->proxy_protocol_out && !hop->relay->hand_over;
}

/* A PROXY header says something of everybody, in its own way.  What was said
 * before it was in the dialect that was announced then. */
static struct identity_terms
terms_of(const struct hop *hop, unsigned offered)
{
	struct identity_terms	 terms = { offered, hop->need.dialect,
				     hop->need.mode == XCLIENT_REQUIRED };

	if (hop->relay->proxy_protocol_out)
		return (struct identity_terms){ offered, XCLIENT_POSTFIX,
		    true };
	if (terms.dialect == XCLIENT_AUTO ||
	    terms.dialect == XCLIENT_DIALECT_UNSET)
		terms.dialect = hop->said != NULL ? hop->said->dialect :
		    hop->offer.dialect;
	return terms;
}

/* *lines_r is the caller's; NULL: nobody can tell. */
static enum identity_result
tell(const struct hop *hop, enum hop_whose whose, unsigned offered,
    struct identity_lines **lines_r)
{
	const struct identity_terms	 terms = terms_of(hop, offered);
	struct identity_lines		*lines = malloc(sizeof *lines);
	enum identity_result		 result = IDENTITY_CANNOT_TELL;

	if (lines != NULL)
		result = hop->ops->tell(hop->arg, whose, &terms, lines);
	if (result == IDENTITY_CANNOT_TELL) {
		free(lines);
		lines = NULL;
	}
	*lines_r = lines;
	return result;
}

/* True: that is what would be said now. */
static bool
is_still(const struct hop *hop, enum hop_whose whose,
    const struct identity_lines *said, unsigned offered)
{
	struct identity_lines	*lines;
	bool			 is_same;

	is_same = tell(hop, whose, offered, &lines) == IDENTITY_TOLD &&
	    identity_equal(lines, said);
	free(lines);
	return is_same;
}

/* The PROXY protocol says everything before the greeting. */
bool
hop_proxy_begin(struct hop *hop)
{
	struct assertion_set	 set;
	char			 buf[256];
	size_t			 n;

	hop->said_offered = 1U << ASSERTION_ADDR | 1U << ASSERTION_PORT |
	    1U << ASSERTION_DESTADDR | 1U << ASSERTION_DESTPORT;
	if (!hop->ops->identity(hop->arg, &set) || tell(hop, HOP_OF_MESSAGE,
	    hop->said_offered, &hop->said) != IDENTITY_TOLD)
		return false;
	n = hop->ops->proxy_header(hop->arg, &set, buf, sizeof buf);
	if (n > 0)
		hop_send(hop, (struct span){ buf, n });
	hop->has_identity = true;
	return n > 0;
}

/*
 * To say it
 */

static void
send_line(struct hop *hop)
{
	hop_enter(hop, HOP_XCLIENT);
	hop_send(hop, span_of(hop->wanted->line[hop->next_line++]));
	hop_send(hop, span_of("\r\n"));
}

/* Leaves what cannot be told it any more for a new connection. */
static void
begin_anew(struct hop *hop)
{
	const struct hop_trouble	 trouble = {
		.event = HOP_EVENT_FAILED,
		.reply = "451 4.4.2 the next hop was lost"
	};

	if (!hop_start_again(hop, hop->without))
		hop_set_up_failed(hop, &trouble);
}

/* The mail goes without: never over a connection that may know somebody
 * else. */
static void
go_without(struct hop *hop)
{
	/* It has refused him, and would take him for us. */
	const struct hop_trouble	 refused = {
		.event = HOP_EVENT_FAILED,
		.reply = "451 4.4.0 the next hop does not take the client's "
		    "greeting"
	};

	if (hop->is_renamed) {
		hop_set_up_failed(hop, &refused);
		return;
	}
	if (hop->knows_somebody) {
		begin_anew(hop);
		return;
	}
	hop->has_identity = true;
	hop_go_on(hop);
}

static void
not_offered(struct hop *hop)
{
	const struct hop_trouble	 trouble = {
		.event = HOP_EVENT_NONE,	/* it has been told */
		.reply = "451 4.7.6 XCLIENT is required, but was not offered "
		    "by the next hop"
	};

	hop_report(hop, HOP_EVENT_XCLIENT_NOT_OFFERED,
	    smtp_offers(&hop->offer, SMTP_KW_XCLIENT) ?
	    "it does not offer ADDR" : NULL);
	if (hop->need.mode == XCLIENT_REQUIRED) {
		hop_set_up_failed(hop, &trouble);
		return;
	}
	/* Said once for each connection. */
	hop->without.xclient = true;
	go_without(hop);
}

/* Whether it has refused this client, whose mail may go without; where it may
 * not, it is asked again. */
static bool
is_refused(const struct hop *hop, const struct identity_lines *lines)
{
	return hop->need.mode != XCLIENT_REQUIRED && hop->refused != NULL &&
	    identity_equal(lines, hop->refused);
}

static bool
is_known_to_refuse(struct hop *hop)
{
	return hop->need.mode == XCLIENT_IFAVAILABLE &&
	    hop->ops->remembers_refusal(hop->arg);
}

/* It announces XCLIENT, but has no word for whom nobody knows. */
static void
cannot_say(struct hop *hop)
{
	const struct hop_trouble	 trouble = {
		.event = HOP_EVENT_FAILED,
		.reply = "451 4.7.6 XCLIENT is required, but the next hop's "
		    "has no word for an unknown client"
	};

	if (hop->need.mode == XCLIENT_REQUIRED)
		hop_set_up_failed(hop, &trouble);
	else
		go_without(hop);
}

/* There is something to be said, and it can be. */
static void
begin_lines(struct hop *hop)
{
	const struct identity_lines	*told = hop->said != NULL ?
					     hop->said : hop->told;

	if (is_known_to_refuse(hop)) {
		hop->without.xclient = true;
		go_without(hop);
	} else if (hop->wanted->n == 0 || is_refused(hop, hop->wanted)) {
		go_without(hop);
	} else if (told != NULL && !identity_replaces(hop->wanted, told)) {
		begin_anew(hop);
	} else {
		send_line(hop);
	}
}

void
hop_xclient_begin(struct hop *hop)
{
	const struct hop_trouble	 damaged = {
		.event = HOP_EVENT_FAILED, .is_ours = true,
		.reply = "451 4.3.0 the session's record is damaged"
	};
	unsigned			 offered;

	offered = smtp_offers(&hop->offer, SMTP_KW_XCLIENT) ?
	    hop->offer.xclient : 0;
	hop->next_line = 0;
	free(hop->wanted);
	switch (tell(hop, HOP_OF_MESSAGE, offered, &hop->wanted)) {
	case IDENTITY_CANNOT_TELL:
		hop_set_up_failed(hop, &damaged);
		break;
	case IDENTITY_CANNOT_BE_SAID:
		if ((offered & 1U << ASSERTION_ADDR) == 0)
			not_offered(hop);
		else
			cannot_say(hop);
		break;
	case IDENTITY_TOLD:
		begin_lines(hop);
		break;
	}
}

/*
 * What it says to that
 */

static bool
is_verdict(const struct hop *hop, unsigned code)
{
	return hop->relay->xclient_verdict == RELAY_VERDICT_PASS &&
	    smtp_reply_is_verdict(code);
}

bool
hop_try_fresh(struct hop *hop)
{
	/* The new one has been told nothing, so this is done once. */
	return hop->said != NULL && hop_start_again(hop, hop->without);
}

/* A value that it does not take is no reason to keep the next client from
 * it: he would have the first one's identity otherwise, or none. */
static void
remember_refused(struct hop *hop)
{
	hop_forget_refused(hop);
	hop->refused = hop->wanted;
	hop->wanted = NULL;
}

void
hop_xclient_failed(struct hop *hop, enum hop_event event, const char *why,
    bool is_about_values, bool is_secret)
{
	struct hop_trouble	 trouble = {
		.event = event, .why = why, .is_secret = is_secret,
		.reply = event == HOP_EVENT_XCLIENT_FAILED ?
		    "451 4.4.2 the next hop was lost" :
		    "451 4.7.6 XCLIENT is required, but was refused by the "
		    "next hop"
	};
	struct hop_without	 without = hop->without;

	if (hop->need.mode == XCLIENT_REQUIRED) {
		hop_set_up_failed(hop, &trouble);
		return;
	}
	hop_report(hop, event, why);
	if (!is_about_values && hop->ops->remember_refusal(hop->arg)) {
		without.xclient = true;
	} else {
		if (hop->wanted == NULL) {
			/* It was lost, or refused, at the EHLO behind it. */
			hop->wanted = hop->said;
			hop->said = NULL;
		}
		remember_refused(hop);
	}
	if (!hop_start_again(hop, without)) {
		trouble.reply = "451 4.4.2 the next hop was lost";
		hop_set_up_failed(hop, &trouble);
	}
}

/* A host that does not take the command as such is remembered, unless it has
 * taken one of late (a command filter may turn a line that it does not like into
 * a verb that nobody knows).  Any other refusal may come of what a client chose,
 * and must not cost others their identity. */
static void
refused(struct hop *hop, const struct smtp_reply *reply)
{
	char	 text[HOP_LINE_SIZE / 2], *whole;

	(void)hop_reply_first(reply, text, sizeof text);
	if (hop_try_fresh(hop))
		return;
	if (!is_verdict(hop, reply->code)) {
		hop_xclient_failed(hop, HOP_EVENT_XCLIENT_REFUSED, text,
		    !smtp_reply_is_of_command(reply->code), false);
		return;
	}
	hop_report(hop, HOP_EVENT_XCLIENT_VERDICT, text);
	whole = hop_reply_format(reply);
	hop_fail_with(hop, whole, whole == NULL ? 0 : strlen(whole));
}

void
hop_xclient_reply(struct hop *hop, const struct smtp_reply *reply)
{
	if (reply->code != 220 && reply->code != 250) {
		refused(hop, reply);
		return;
	}
	hop->knows_somebody = true;
	hop->ops->remember_taken(hop->arg);
	if (hop->next_line < hop->wanted->n) {
		send_line(hop);
		return;
	}
	hop_report(hop, HOP_EVENT_XCLIENT_SENT, NULL);
	free(hop->said);
	hop->said = hop->wanted;
	hop->wanted = NULL;
	hop->said_offered = hop->offer.xclient;
	hop->has_identity = true;
	/* It starts over, and offers what that client may have. */
	hop->has_ehlo = false;
	hop_go_on(hop);
}

/*
 * One that is ready
 */

/* Whether it is told nothing again, as the time before: there is no word for
 * this client, none is due, or it has refused this one. */
static bool
goes_without(const struct hop *hop)
{
	struct identity_lines	*lines;
	bool			 is_right = false;

	switch (tell(hop, HOP_OF_MESSAGE, hop->offer.xclient, &lines)) {
	case IDENTITY_TOLD:
		is_right = lines->n == 0 || is_refused(hop, lines);
		break;
	case IDENTITY_CANNOT_BE_SAID:
		is_right = hop->need.mode != XCLIENT_REQUIRED;
		break;
	case IDENTITY_CANNOT_TELL:
		break;
	}
	free(lines);
	return is_right;
}

/* Whether what it was told is still so, and is for this route.  False: it is
 * not, or cannot be told. */
static bool
has_right_identity(struct hop *hop)
{
	const struct identity_terms	 terms = terms_of(hop,
					     hop->said_offered);

	if (hop->said != NULL && !hop_uses_xclient(hop) &&
	    !hop->relay->proxy_protocol_out)
		return false;
	if (!hop->has_identity)
		return false;
	if (hop->said != NULL)
		return hop->ops->is_current(hop->arg, hop->said, &terms) ||
		    is_still(hop, HOP_OF_MESSAGE, hop->said,
		    hop->said_offered);
	return goes_without(hop);
}

/* It knows who the client is, or is not to be told. */
static bool
needs_no_telling(struct hop *hop)
{
	return (!hop_uses_xclient(hop) && hop->said == NULL) ||
	    has_right_identity(hop);
}

bool
hop_is_identified(struct hop *hop)
{
	return hop->state == HOP_READY && needs_no_telling(hop);
}

/* Whether it knows nobody but the messenger itself. */
static bool
knows_messenger(struct hop *hop)
{
	return hop->said == NULL || is_still(hop, HOP_OF_SESSION, hop->said,
	    hop->said_offered);
}

/* To say at this point that it is another client's session would take the login
 * away, and the next hop goes by that.  Without it the mail is the messenger's;
 * it must not be somebody else's. */
static enum hop_setup
identify_user(struct hop *hop)
{
	if (hop->need.mode != XCLIENT_REQUIRED && knows_messenger(hop))
		return HOP_IS_READY;
	if (hop->n_due > 0)
		return HOP_WAITS;
	hop_fail(hop, hop->need.mode == XCLIENT_REQUIRED ? "451 4.7.6 XCLIENT "
	    "is required, but cannot be sent after AUTH" : "451 4.7.0 who has "
	    "logged in cannot speak for another client");
	return HOP_HAS_FAILED;
}

/* The milter there looks when MAIL comes to it: what is written down for the
 * next client must not be there before. */
static enum hop_setup
hand_over(struct hop *hop)
{
	if (hop->n_due > 0)
		return HOP_WAITS;
	if (hop->ops->hand_over(hop->arg))
		return HOP_IS_READY;
	hop_fail(hop, "451 4.3.0 the session cannot be handed over");
	return HOP_HAS_FAILED;
}

/* A connection that has said nothing of anybody, or can say it anew. */
static bool
may_say(const struct hop *hop)
{
	return hop->said == NULL ||
	    (smtp_offers(&hop->offer, SMTP_KW_XCLIENT) &&
	    (hop->offer.xclient & 1U << ASSERTION_ADDR) != 0);
}

/* Says who the client is now, here or over a new connection. */
static void
say_anew(struct hop *hop)
{
	hop->has_identity = false;
	hop->begun_ms = *hop->now_ms;
	if (hop_uses_xclient(hop) && may_say(hop))
		hop_xclient_begin(hop);
	else
		begin_anew(hop);
}

/* Whatever ends the connection waits for what is due over it: that may be what
 * became of a message, and would be asked of the next host. */
enum hop_setup
hop_identify(struct hop *hop)
{
	bool	 is_lacking = hop->need.mode == XCLIENT_REQUIRED &&
		    hop->without.xclient;

	if (hop->relay->hand_over)
		return hand_over(hop);
	if (!is_lacking && needs_no_telling(hop))
		return HOP_IS_READY;
	if (hop->is_authenticated)
		return identify_user(hop);
	if (hop->n_due > 0)
		return HOP_WAITS;
	if (is_lacking)
		not_offered(hop);
	else
		say_anew(hop);
	return hop->state == HOP_READY ? HOP_IS_READY :
	    hop->failure != NULL ? HOP_HAS_FAILED : HOP_WAITS;
}
