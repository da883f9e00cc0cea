/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * stage_rules: who may be told what:
 *
 *	no next hop is told of a client, or of pairs, what the peer was not
 *	granted (stage_grants), by XCLIENT, a PROXY header or the store;
 *	what comes behind the seal is not done;
 *	mail of a session, or of an XFORWARD, that was refused is refused;
 *	no mail goes without the TLS that its binding or its sender demands, or
 *	without the XCLIENT that is required, nor does VRFY, EXPN or ETRN;
 *	no message has more ends at next hops than the client has said, more
 *	octets than are taken, or more recipients.
 *
 * It goes by what passes on the wire, and by nothing that the relay thinks;
 * but for the pairs, which are asked of the session.
 */
#include "stage_private.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>

#include "base/smtp_command.h"
#include "session/session_change.h"

void
stage_set_fault(struct stage *s, const char *what, const char *text)
{
	if (s->fault[0] == '\0')
		(void)snprintf(s->fault, sizeof s->fault, "%s: %.900s", what,
		    text);
}

void
stage_rules_end(struct stage *s)
{
	struct stage_rules	*r = &s->rules;

	r->n_ends += s->hop.n_ends;
	r->n_tls_accepted += s->hop.n_tls_accepted;
	r->tls = SCOPE_TLS_UNSET;
	r->is_secured = r->is_told = false;
	r->size = r->chunked = 0;
}

/*
 * Who the client is
 */

static void
check_told(struct stage *s, const struct assertion_set *set)
{
	const char	*wrong = s->grants == NULL || s->grants->told == NULL ?
			     NULL : s->grants->told(s, set);

	if (wrong != NULL)
		stage_set_fault(s, "a next hop was told", wrong);
}

void
stage_rules_header(struct stage *s, struct span bytes)
{
	struct assertion_set	 set;
	struct proxy_header	 h;
	struct err		 err;
	size_t			 used;
	char			 text[ADDRESS_TEXT_SIZE];

	if (proxy_header_find(bytes.p, bytes.n, &h, &used, &err) !=
	    PROXY_HEADER_DONE) {
		stage_set_fault(s, "a PROXY header", err.text);
		return;
	}
	assertion_init(&set, ASSERTION_XCLIENT);
	if (!h.is_local)
		(void)assertion_set_value(&set, ASSERTION_ADDR,
		    ASSERTION_VALUE, span_of(address_format(&h.source, text,
		    sizeof text)));
	check_told(s, &set);
}

void
stage_rules_hand_over(struct stage *s, const struct session *session)
{
	struct assertion_set	 set;

	if (session->override == NULL)
		return;
	if (session_read_override(session->override, &set))
		check_told(s, &set);
	else
		stage_set_fault(s, "handed over", session->override);
}

static void
check_xclient(struct stage *s, struct span args)
{
	struct assertion_set	 set;
	struct err		 err;

	if (assertion_parse(args, ASSERTION_XCLIENT, XTEXT_STRICT, &set,
	    &err) == ASSERTION_OK)
		check_told(s, &set);
}

/*
 * To the next hop
 */

static void
check_mail(struct stage *s, struct span args)
{
	struct stage_rules	*r = &s->rules;
	struct smtp_path	 path;
	struct span		 value;

	if (r->tls >= SCOPE_TLS_ENCRYPT && !r->is_secured)
		stage_set_fault(s, "MAIL", "without TLS");
	if (s->grants != NULL && s->grants->is_xclient_required &&
	    !r->is_told)
		stage_set_fault(s, "MAIL", "without XCLIENT");
	if (smtp_path_parse(SMTP_MAIL, args, &path) &&
	    smtp_param_find(path.params, "REQUIRETLS", &value) &&
	    (!r->is_secured || r->tls != SCOPE_TLS_VERIFY))
		stage_set_fault(s, "REQUIRETLS", "to who has not shown who "
		    "it is");
}

/* What it does, or tells, for some and not for others. */
static void
check_question(struct stage *s)
{
	if (s->grants != NULL && s->grants->is_xclient_required &&
	    !s->rules.is_told)
		stage_set_fault(s, "a question", "without XCLIENT");
}

/* Some servers do not read a chunk that is much too large, and execute it; and
 * what is said in more than one way may be read in more than one. */
static void
check_chunk(struct stage *s, struct span args)
{
	struct stage_rules	*r = &s->rules;
	uint64_t		 limit, size;
	bool			 is_last;
	char			 plain[64];

	limit = r->size > 0 ? r->size : s->relay->message_size_max;
	if (!smtp_bdat_parse(args, &size, &is_last)) {
		stage_set_fault(s, "BDAT", "that nobody can measure");
		return;
	}
	if (limit > 0 && (size > limit || r->chunked > limit - size))
		stage_set_fault(s, "BDAT", "of more than is taken");
	(void)snprintf(plain, sizeof plain, "%ju%s", (uintmax_t)size,
	    is_last ? " LAST" : "");
	if (!span_eq(args, plain))
		stage_set_fault(s, "BDAT", "in other words");
	r->chunked += size;
}

void
stage_rules_command(struct stage *s, struct span line)
{
	struct smtp_command	 command = smtp_command_parse(line);

	switch (command.verb) {
	case SMTP_MAIL:
		check_mail(s, command.args);
		s->rules.chunked = 0;
		break;
	case SMTP_BDAT:
		check_chunk(s, command.args);
		break;
	case SMTP_XCLIENT:
		check_xclient(s, command.args);
		break;
	case SMTP_VRFY:
	case SMTP_EXPN:
	case SMTP_ETRN:
		check_question(s);
		break;
	case SMTP_HELO:
		s->rules.size = 0;
		break;
	default:
		break;
	}
}

/*
 * Of the next hop
 */

void
stage_rules_secured(struct stage *s)
{
	s->rules.is_secured = true;
	/* What was said in the clear does not count (RFC 3207, 4.2). */
	s->rules.is_told = false;
	s->rules.size = 0;
}

/* Digits, however many. */
static uint64_t
read_size(struct span text)
{
	uint64_t	 n = 0;

	for (; text.n > 0 && isdigit((unsigned char)*text.p) &&
	    n < UINT64_MAX / 16; text = span_skip(text, 1))
		n = n * 10 + (uint64_t)(*text.p - '0');
	return n;
}

void
stage_rules_answer(struct stage *s, char what, const struct smtp_reply *reply)
{
	struct smtp_offer	 offer = { .keywords = 0 };

	if (what == TALK_FOR_XCLIENT)
		s->rules.is_told = reply->code == 220 || reply->code == 250;
	if (what != TALK_FOR_EHLO || reply->code / 100 != 2)
		return;
	smtp_offer_read(reply, &offer);
	s->rules.size = smtp_offers(&offer, SMTP_KW_SIZE) ?
	    read_size(smtp_offer_params(&offer, SMTP_KW_SIZE)) : 0;
}

/*
 * To the client
 */

/* Commands that change who the client is, or what is known of him. */
static bool
is_change(char what)
{
	return what == TALK_FOR_XCLIENT || what == TALK_FOR_XREMOTEIP ||
	    what == TALK_FOR_XSETCONTEXT;
}

/* The reply tells whether something was refused that refuses mail. */
static void
watch_refusal(struct stage *s, char what, struct span text)
{
	struct stage_rules	*r = &s->rules;
	bool			 is_mail = what == TALK_FOR_MAIL ||
				     what == TALK_FOR_MAIL_TLS;

	if (s->grants == NULL || s->grants->only_reports)
		return;
	if (span_begins(text, "550 5.7.1 ")) {
		r->is_mail_refused = r->is_mail_refused || is_change(what);
		r->is_message_refused = r->is_message_refused ||
		    what == TALK_FOR_XFORWARD;
	}
	if (is_mail && *text.p == '2' &&
	    (r->is_mail_refused || r->is_message_refused))
		stage_set_fault(s, "mail was taken", "that was refused");
	if (is_mail && (span_begins(text, "451 4.7.1 ") ||
	    span_begins(text, "554 5.7.1 ")))
		r->is_message_refused = false;
}

static void
watch_seal(struct stage *s, char what, struct span text)
{
	struct stage_rules	*r = &s->rules;
	bool			 is_done = *text.p == '2';
	enum trust_seal		 seal = s->grants == NULL ?
				     TRUST_SEAL_NEVER : s->grants->seal;

	if (!is_done || seal == TRUST_SEAL_NEVER)
		return;
	if (r->is_sealed && (is_change(what) || (r->is_overridden &&
	    (what == TALK_FOR_XFORWARD || what == TALK_FOR_XFORWARD_LATE))))
		stage_set_fault(s, "done behind the seal", "a command");
	if (what == TALK_FOR_XCLIENT || what == TALK_FOR_XREMOTEIP)
		r->is_overridden = true;
	if (r->is_overridden && (seal == TRUST_SEAL_OVERRIDE ||
	    what == TALK_FOR_EHLO || what == TALK_FOR_MAIL))
		r->is_sealed = true;
}

void
stage_rules_reply(struct stage *s, char what, struct span text)
{
	/* A PROXY header seals, whatever it says. */
	if (s->proxy != NULL)
		s->rules.is_sealed = true;
	watch_refusal(s, what, text);
	watch_seal(s, what, text);
}

/*
 * After anything
 */

/* What needs no grant, the relays' count and a PROXY header's, is no part of
 * the limit either. */
static bool
needs_grant(const struct context_pair *pair)
{
	return pair->source == CONTEXT_XSETCONTEXT &&
	    strcmp(pair->name, "hops") != 0;
}

static void
check_pairs(struct stage *s)
{
	const struct context		*all =
					     &dialogue_session(s->d)->context;
	const struct context_pair	*pair;
	unsigned			 i, n = 0;

	for (i = 0; i < all->n; i++) {
		pair = all->pairs[i];
		if (!needs_grant(pair))
			continue;
		n++;
		if (s->grants != NULL && s->grants->may_set != NULL &&
		    !s->grants->may_set(pair->name))
			stage_set_fault(s, "a pair that was not granted",
			    pair->name);
	}
	if (n > s->conf->limits.context_pairs)
		stage_set_fault(s, "the context", "has too many pairs");
}

void
stage_rules_check(struct stage *s)
{
	struct stage_rules	*r = &s->rules;

	if (r->n_ends + s->hop.n_ends > s->client.n_ends)
		stage_set_fault(s, "a message", "has an end that the client "
		    "has not said");
	if (s->client.n_tls_accepted > r->n_tls_accepted +
	    s->hop.n_tls_accepted)
		stage_set_fault(s, "a message that demands TLS",
		    "went without");
	if (s->client.n_recipients > s->relay->recipients_max)
		stage_set_fault(s, "a message", "has too many recipients");
	if (s->d != NULL)
		check_pairs(s);
}
