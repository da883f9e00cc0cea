/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * stage: the carrier's part, and what it watches over:
 *
 *	nothing is sent to a client after its end, or to no next hop, and
 *	nothing is begun for one that has left, or more often than it is worth;
 *	each command has its replies, once and in order: what has none when
 *	nobody is waited for never gets one; one that answers nothing, and
 *	421, is the last, but for those of a message's other recipients;
 *	while a message has no reply, no error of ours takes its place;
 *	a reply of ours means one thing: its codes are of one class;
 *	no message is accepted that the next hop did not accept before;
 *	commands to a next hop are lines, content is lines, and no more;
 *	none of them begins with X but what we have to say for ourselves;
 *	time alone ends everything;
 *	and what stands in stage_rules.c.
 */
#include "stage_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/decision_log.h"
#include "smtp/smtp_reply.h"

/* More of these without an end are no end. */
#define TICKS_MAX	64
/* Attempts at one host but the first. */
#define AGAIN_MAX	3

static struct judgement		 judgement;
static struct access_keys	 keys;

static void
fault(struct stage *s, const char *what, const char *text)
{
	stage_set_fault(s, what, text);
}

const char *
stage_fault(const struct stage *s)
{
	return s->fault[0] == '\0' ? NULL : s->fault;
}

/*
 * What is watched
 */

static void
check_xclient(struct stage *s, struct span line)
{
	static struct assertion_set	 set;
	struct err			 err;
	int				 i;

	if (line.n + 2 > ASSERTION_COMMAND_MAX)
		fault(s, "XCLIENT", "is too long");
	if (assertion_parse(span_skip(line, strlen("XCLIENT ")),
	    ASSERTION_XCLIENT, XTEXT_STRICT, &set, &err) != ASSERTION_OK) {
		fault(s, "XCLIENT", err.text);
		return;
	}
	for (i = 0; i < ASSERTION_COUNT; i++)
		if (set.v[i].status != ASSERTION_ABSENT &&
		    (s->offered & 1U << i) == 0)
			fault(s, "an attribute that was not offered",
			    assertion_name_text((enum assertion_name)i));
}

/* A command to the next hop. */
static void
watch_command(void *arg, struct span line)
{
	struct stage	*s = arg;

	stage_rules_command(s, line);
	if (line.n == 0 || (line.p[0] != 'X' && line.p[0] != 'x'))
		return;
	if (line.n > 8 && memcmp(line.p, "XCLIENT ", 8) == 0) {
		bytes_add(&s->xclient, line);
		bytes_add(&s->xclient, span_of("\n"));
	} else if (line.n < 18 ||
	    memcmp(line.p, "XSETCONTEXT hops=", 17) != 0) {
		fault(s, "an X command went to the next hop", "");
	}
}

/* Of ours to what is no SMTP; but a next hop may say the same. */
#define BROKEN	"554 5.5.0 "

/* A reply of the next hop.  What it had offered counts for what was sent upon
 * that, though its bytes may have come with those of the next reply. */
static void
watch_reply(void *arg, char what, struct span text)
{
	struct stage		*s = arg;
	struct smtp_reply	 reply;
	struct smtp_offer	 offer = { .keywords = 0 };
	size_t			 used;
	const char		*lf;

	if (what == TALK_FOR_XCLIENT && s->xclient.n > 0) {
		lf = memchr(s->xclient.p, '\n', s->xclient.n);
		check_xclient(s, (struct span){ s->xclient.p,
		    (size_t)(lf - s->xclient.p) });
		bytes_drop(&s->xclient, (size_t)(lf - s->xclient.p) + 1);
	}
	if (smtp_reply_find(text.p, text.n, &reply, &used) != SMTP_REPLY_DONE)
		return;
	stage_rules_answer(s, what, &reply);
	if (what != TALK_FOR_EHLO || reply.code / 100 != 2)
		return;
	smtp_offer_read(&reply, &offer);
	s->offered = offer.xclient;
}

/* Whether a line of a reply, "554 4.3.0 text", has an enhanced status code of
 * another class than its code: who reads the one tries again where who reads
 * the other bounces. */
static bool
is_contrary(struct span line)
{
	struct smtp_reply	 other = { .n_lines = 1, .text = line };

	if (line.n < 5 || line.p[4] == line.p[0] || line.p[4] < '0' ||
	    line.p[4] > '9')
		return false;
	other.code = (unsigned)(line.p[4] - '0') * 100;
	return smtp_reply_status(&other).n > 0;
}

/* Takes the next line off, as if it were the last of its reply and came as a
 * line should. */
static bool
next_line(struct span *text, char buf[SMTP_REPLY_LINE_MAX + 2],
    struct span *line_r)
{
	struct span	 line, code = *text;

	if (!smtp_reply_line(text, &line))
		return false;
	code.n = line.p - code.p < 3 ? (size_t)(line.p - code.p) : 3;
	*line_r = (struct span){ buf, (size_t)snprintf(buf,
	    SMTP_REPLY_LINE_MAX + 2, "%.*s %.*s\r\n", (int)code.n, code.p,
	    (int)line.n, line.p) };
	return true;
}

/* What a next hop says that is so is handed on as it is. */
static void
keep_contrary(struct stage *s, struct span said)
{
	char		 buf[SMTP_REPLY_LINE_MAX + 2];
	struct span	 line;

	while (next_line(&said, buf, &line))
		if (is_contrary(line))
			bytes_add(&s->contrary, line);
}

static void
watch_status(struct stage *s, struct span reply)
{
	char		 buf[SMTP_REPLY_LINE_MAX + 2];
	struct span	 line;

	while (next_line(&reply, buf, &line))
		if (is_contrary(line) && (s->contrary.n == 0 ||
		    memmem(s->contrary.p, s->contrary.n, line.p, line.n) ==
		    NULL))
			fault(s, "codes of two classes", buf);
}

/* A reply of ours to the client. */
static void
watch_client_reply(void *arg, char what, struct span text)
{
	struct stage	*s = arg;

	if (s->is_end_said)
		fault(s, "a reply", "behind the last one");
	watch_status(s, text);
	stage_rules_reply(s, what, text);
	/* Who goes on behind DATA before its reply is ended by it, and what was
	 * taken for a message went nowhere. */
	if (what == TALK_FOR_END && span_begins(text, BROKEN) &&
	    !s->has_hop_said_broken && !s->client.is_ahead)
		fault(s, "an error", "in place of the reply to a message");
	if (memcmp(text.p, "354", 3) == 0 && what != TALK_FOR_DATA)
		fault(s, "354", "to something else than DATA");
	if (memcmp(text.p, "334", 3) == 0 && what != TALK_FOR_AUTH)
		fault(s, "334", "to something else than AUTH");
	if (what == TALK_FOR_NOTHING || memcmp(text.p, "421", 3) == 0)
		s->is_ending = true;
	/* By LMTP the other recipients of a message have their replies yet. */
	s->is_end_said = s->is_ending &&
	    (what != TALK_FOR_END || s->client.n_due == 0);
}

/* When all that came was taken, and no next hop has to say anything, all
 * commands have been answered. */
static void
watch_rest(struct stage *s)
{
	bool	 is_hop_done = !s->is_connecting && (!s->is_connected ||
		    (s->hop.n_awaited == 0 && s->hop.mode == TALK_COMMAND &&
		    s->hop.said.n == 0 && !s->is_securing[DIALOGUE_HOP]));
	bool	 is_client_done = s->in[DIALOGUE_CLIENT].n == 0 &&
		    s->client.mode == TALK_COMMAND && s->client.said.n == 0;

	if (s->is_closed)
		return;
	if (s->is_end_said)
		fault(s, "the last reply was said", "and it is not the end");
	if (is_hop_done && is_client_done && s->client.n_awaited > 0)
		fault(s, "a command", "that nobody will answer");
}

static void
watch(struct stage *s)
{
	if (s->hop.fault != NULL)
		fault(s, "to the next hop", s->hop.fault);
	if (s->client.n_accepted > s->n_hop_accepted + s->hop.n_accepted)
		fault(s, "a message was accepted",
		    "the next hop did not accept it");
	stage_rules_check(s);
}

/*
 * What the dialogue asks for
 */

static void
ask(struct stage *s, enum dialogue_side side, const char *what)
{
	char	 line[512];

	(void)snprintf(line, sizeof line, "%c%.500s\n", STAGE_ASKED, what);
	bytes_add(&s->out[side], span_of(line));
}

static void
op_send(void *arg, enum dialogue_side side, struct span bytes)
{
	struct stage	*s = arg;

	if (bytes.n == 0)
		return;
	if (s->is_closed)
		fault(s, "sent after the end", side == DIALOGUE_CLIENT ?
		    "to the client" : "to the next hop");
	if (side == DIALOGUE_HOP && !s->is_connected)
		fault(s, "sent to no next hop", "");
	if (s->is_securing[side])
		fault(s, "sent into a TLS handshake", "");
	bytes_add(&s->out[side], bytes);
	if (side == DIALOGUE_CLIENT)
		talk_replied(&s->client, bytes);
	else if (s->is_header_due)
		stage_rules_header(s, bytes);
	else
		talk_said(&s->hop, bytes);
	if (side == DIALOGUE_HOP)
		s->is_header_due = false;
}

static size_t
op_room(void *arg, enum dialogue_side side)
{
	return ((struct stage *)arg)->room[side];
}

/* A connection to a next hop begins, or is over. */
static void
set_hop(struct stage *s, bool is_lmtp)
{
	struct span	 said = s->offering;

	/* It did say all of this, whatever was taken. */
	s->offering.n = 0;
	if (said.n > 0)
		talk_replied(&s->hop, said);
	if (s->hop.fault != NULL)
		fault(s, "to the next hop", s->hop.fault);
	s->n_hop_accepted += s->hop.n_accepted;
	stage_rules_end(s);
	talk_end(&s->hop);
	talk_begin(&s->hop, is_lmtp);
	s->hop.on_command = watch_command;
	s->hop.on_reply = watch_reply;
	s->hop.arg = s;
	s->hop.is_server = true;
	s->is_connecting = s->is_connected = false;
	s->is_securing[DIALOGUE_HOP] = false;
	s->is_header_due = s->relay->proxy_protocol_out;
	s->offered = 0;
	bytes_clear(&s->xclient);
	bytes_clear(&s->in[DIALOGUE_HOP]);
}

static void
count_command(void *arg, struct span line)
{
	(void)line;
	((struct stage *)arg)->n_commands++;
}

/* A command is worth one round of a next hop's addresses, and an attempt more for
 * each of the things that can be gone without; and nothing begins for a client
 * that has left. */
static void
count_connect(struct stage *s)
{
	if (s->is_gone || s->is_closed)
		fault(s, "connects", "for a client that has left");
	if (++s->n_connects > s->n_commands * (s->n_addresses + AGAIN_MAX))
		fault(s, "connects", "too often");
}

static bool
is_local(const struct nexthop *hop)
{
	struct address	 addr;

	if (hop->kind == NEXTHOP_UNIX)
		return true;
	return address_parse(span_of(hop->host), &addr) ?
	    identity_is_local(&addr) : strcmp(hop->host, "localhost") == 0;
}

static void
op_connect(void *arg, const struct hop_target *target)
{
	static const char *const	 levels[] = { "unset", "no", "may",
					     "encrypt", "verify" };
	static const char *const	 kinds[] = { "unix:%s", "[%s]", "%s" };
	const struct nexthop		*hop = &target->nexthop;
	struct stage			*s = arg;
	char				 text[400], host[280];
	char				 from[ADDRESS_TEXT_SIZE] = "";

	if (s->is_connected || s->is_connecting)
		fault(s, "connects", "before it has disconnected");
	set_hop(s, hop->protocol == NEXTHOP_LMTP);
	s->is_connecting = true;
	s->rules.tls = target->source.tls;
	s->is_hop_local = is_local(hop);
	if (!target->is_again)
		s->address = 1;
	count_connect(s);
	(void)snprintf(host, sizeof host, kinds[hop->kind], hop->host);
	if (target->source.ipv4.family != AF_UNSPEC)
		(void)address_format(&target->source.ipv4, from, sizeof from);
	(void)snprintf(text, sizeof text, "connect %s:%s:%u%s%s%s%s%s",
	    hop->protocol == NEXTHOP_LMTP ? "lmtp" : "smtp", host, hop->port,
	    target->source.tls == SCOPE_TLS_NO ? "" : " tls=",
	    target->source.tls == SCOPE_TLS_NO ? "" :
	    levels[target->source.tls], from[0] == '\0' ? "" : " from=", from,
	    target->is_handed_over ? " handed-over" : "");
	ask(s, DIALOGUE_HOP, text);
}

static bool
op_connect_next(void *arg)
{
	struct stage	*s = arg;
	enum scope_tls	 tls = s->rules.tls;
	unsigned	 address = s->address;

	if (!s->is_connecting && !s->is_connected)
		fault(s, "connects to the next address", "of no next hop");
	if (address >= s->n_addresses)
		return false;
	set_hop(s, s->hop.is_lmtp);
	s->rules.tls = tls;
	s->is_connecting = true;
	s->address = address + 1;
	count_connect(s);
	ask(s, DIALOGUE_HOP, "connect-next");
	return true;
}

static bool
op_has_next(void *arg)
{
	struct stage	*s = arg;

	return s->address < s->n_addresses;
}

static bool
op_is_hop_local(void *arg)
{
	return ((struct stage *)arg)->is_hop_local;
}

static void
op_remember_failed(void *arg)
{
	(void)arg;
}

static void
op_remember_taken(void *arg)
{
	((struct stage *)arg)->is_taken_known = true;
}

static bool
op_remember_refusal(void *arg)
{
	struct stage	*s = arg;

	s->is_refusal_known = !s->is_taken_known;
	return !s->is_taken_known;
}

static bool
op_remembers_refusal(void *arg)
{
	return ((struct stage *)arg)->is_refusal_known;
}

static void
op_disconnect(void *arg)
{
	struct stage	*s = arg;

	if (!s->is_connecting && !s->is_connected)
		return;
	/* What has not all of it cannot have taken it. */
	if (s->is_clients_turn && s->hop.chunk_left == 0 &&
	    memchr(s->hop.awaited, TALK_FOR_END, s->hop.n_awaited) != NULL)
		s->has_cost_message = true;
	ask(s, DIALOGUE_HOP, "disconnect");
	set_hop(s, false);
}

static void
op_secure(void *arg, enum dialogue_side side)
{
	struct stage	*s = arg;

	if (s->is_closed)
		fault(s, "TLS", "after the end");
	ask(s, side, "secure");
	s->is_securing[side] = true;
}

static void
op_close(void *arg)
{
	struct stage	*s = arg;

	if (s->is_closed)
		fault(s, "closes", "twice");
	s->is_closed = true;
	ask(s, DIALOGUE_CLIENT, "close");
}

static bool
op_hand_over(void *arg, const struct session *session)
{
	struct stage	*s = arg;
	char		 text[400], addr[ADDRESS_TEXT_SIZE];

	stage_rules_hand_over(s, session);
	(void)snprintf(text, sizeof text, "hand-over %s %s%s",
	    address_format(&session->client, addr, sizeof addr),
	    session->refused == VERDICT_PERMIT ? "" : "refused ",
	    session->override == NULL ? "-" : session->override);
	ask(s, DIALOGUE_HOP, text);
	return !s->refuses_hand_over;
}

/*
 * Notes
 */

static struct stage_note *
new_note(struct stage *s)
{
	struct stage_note	*note = &s->notes[s->n_notes];

	if (s->n_notes < STAGE_NOTES_MAX - 1)
		s->n_notes++;
	*note = (struct stage_note){ .is_seen = false };
	return note;
}

static void
op_report(void *arg, const struct dialogue_report *n)
{
	static const struct {
		const char	*name;
		bool		 is_grave;
	} events[] = {
		[DIALOGUE_COMMAND] = { NULL, false },
		[DIALOGUE_HOP_READY] = { "hop_ready", false },
		[DIALOGUE_HOP_FAILED] = { "hop_failed", true },
		[DIALOGUE_XCLIENT_SENT] = { "xclient_sent", false },
		[DIALOGUE_XCLIENT_NOT_OFFERED] =
		    { "xclient_not_offered", true },
		[DIALOGUE_XCLIENT_REFUSED] = { "xclient_refused", true },
		[DIALOGUE_XCLIENT_VERDICT] = { "xclient_verdict", false },
		[DIALOGUE_XCLIENT_FAILED] = { "xclient_failed", true },
		[DIALOGUE_MAIL_REFUSED] = { "mail_refused", false },
		[DIALOGUE_MESSAGE] = { "message", false },
		[DIALOGUE_PROTOCOL_ERROR] = { "protocol_error", false },
		[DIALOGUE_TIMEOUT] = { "timeout", false },
		[DIALOGUE_LOOP] = { "loop", true },
	};
	const char		*name = events[n->event].name;
	struct stage_note	*note;
	char			 more[300] = "";

	if (name == NULL)
		return;
	if (n->event == DIALOGUE_MESSAGE)
		(void)snprintf(more, sizeof more,
		    " %u octets=%llu recipients=%u sender=<%.200s>", n->code,
		    (unsigned long long)n->octets, n->n_recipients,
		    n->sender == NULL ? "?" : n->sender);
	else if (strncmp(name, "xclient", 7) == 0 && n->route != NULL)
		(void)snprintf(more, sizeof more, " %s",
		    scope_mode_text(n->route->mode));
	note = new_note(arg);
	note->is_grave = events[n->event].is_grave;
	(void)snprintf(note->text, sizeof note->text, "%s%s%s%.*s", name,
	    more, n->text == NULL ? "" : " ", n->text == NULL ? 0 :
	    (int)strcspn(n->text, "\r\n"), n->text == NULL ? "" : n->text);
	if (n->route != NULL)
		(void)snprintf(note->rule, sizeof note->rule, "%s",
		    n->route->rule);
}

/* A decision_fn. */
static void
take_decision(const struct decision *d, void *arg)
{
	static const char *const	 names[] = {
		[DECISION_PERMIT] = "permit", [DECISION_OVERRIDE] = "override",
		[DECISION_REFUSE] = "refuse", [DECISION_ERROR] = "error",
	};
	struct stage_note	*note;

	if (!decision_log_tells(d))
		return;
	note = new_note(arg);
	note->is_grave = d->event == DECISION_ERROR;
	if (note->is_grave)
		(void)snprintf(note->text, sizeof note->text, "error %.480s",
		    d->text);
	else
		(void)snprintf(note->text, sizeof note->text, "%s %s %s",
		    names[d->event], d->command == NULL ? "session" :
		    d->command, verdict_reason_text(d->verdict->reason));
}

static const struct dialogue_ops	 ops = {
	.send = op_send, .room = op_room, .connect = op_connect,
	.connect_next = op_connect_next, .has_next = op_has_next,
	.is_hop_local = op_is_hop_local,
	.remember_failed = op_remember_failed,
	.remember_taken = op_remember_taken,
	.remember_refusal = op_remember_refusal,
	.remembers_refusal = op_remembers_refusal, .disconnect = op_disconnect,
	.secure = op_secure, .close = op_close, .hand_over = op_hand_over,
	.report = op_report
};

/*
 * What happens
 */

/* True: some of it was taken. */
static bool
offer(struct stage *s, enum dialogue_side side)
{
	struct bytes	*in = &s->in[side];
	size_t		 used, n = in->n;
	char		*copy;

	if (n == 0 || s->is_closed ||
	    (side == DIALOGUE_HOP && !s->is_connected))
		return false;
	/* In memory of that size, lest anybody reads behind it. */
	copy = malloc(n);
	if (copy == NULL)
		abort();
	memcpy(copy, in->p, n);
	if (side == DIALOGUE_HOP) {
		s->offering = (struct span){ copy, n };
		if (memmem(copy, n, BROKEN, strlen(BROKEN)) != NULL)
			s->has_hop_said_broken = true;
		keep_contrary(s, s->offering);
	}
	s->is_clients_turn = side == DIALOGUE_CLIENT;
	used = dialogue_input(s->d, side, (struct span){ copy, n },
	    s->now_ms);
	s->is_clients_turn = false;
	if (s->has_cost_message && !s->is_closed && !s->is_end_said)
		fault(s, "the reply to a message",
		    "is given up for another command");
	if (used > n)
		fault(s, "took", "more than there was");
	if (s->offering.n > 0)
		talk_replied(&s->hop, (struct span){ copy, used });
	s->offering.n = 0;
	/* A next hop that is gone has left nothing. */
	if (in->n > 0)
		bytes_drop(in, used);
	free(copy);
	watch(s);
	return used > 0;
}

/* Until nothing moves, as the carrier does. */
static void
move(struct stage *s)
{
	bool	 did;

	do {
		did = offer(s, DIALOGUE_HOP);
		did = offer(s, DIALOGUE_CLIENT) || did;
	} while (did && !s->is_closed);
	watch(s);
	watch_rest(s);
}

void
stage_input(struct stage *s, enum dialogue_side side, struct span bytes)
{
	if (s->is_closed || bytes.n == 0 || (side == DIALOGUE_CLIENT ?
	    s->is_gone : !s->is_connected) || s->is_securing[side])
		return;
	bytes_add(&s->in[side], bytes);
	if (side == DIALOGUE_CLIENT)
		talk_said(&s->client, bytes);
	move(s);
}

void
stage_eof(struct stage *s, enum dialogue_side side)
{
	if (s->is_closed || (side == DIALOGUE_CLIENT ? s->is_gone :
	    !s->is_connected))
		return;
	if (side == DIALOGUE_CLIENT)
		s->is_gone = true;
	dialogue_eof(s->d, side, s->now_ms);
	move(s);
}

void
stage_lost(struct stage *s, enum dialogue_side side, const char *why,
    bool is_permanent)
{
	if (s->is_closed || (side == DIALOGUE_HOP && !s->is_connected &&
	    !s->is_connecting))
		return;
	if (side == DIALOGUE_CLIENT)
		s->is_gone = true;
	dialogue_lost(s->d, side, why, is_permanent, s->now_ms);
	move(s);
}

void
stage_connected(struct stage *s)
{
	if (s->is_closed || !s->is_connecting)
		return;
	s->is_connecting = false;
	s->is_connected = true;
	dialogue_connected(s->d, s->now_ms);
	move(s);
}

void
stage_secured(struct stage *s, enum dialogue_side side,
    const char *fingerprint)
{
	struct tls_peer	 peer = { .version = "TLSv1.3" };

	if (s->is_closed || !s->is_securing[side])
		return;
	s->is_securing[side] = false;
	if (side == DIALOGUE_HOP)
		stage_rules_secured(s);
	(void)snprintf(peer.fingerprint, sizeof peer.fingerprint, "%s",
	    fingerprint);
	dialogue_secured(s->d, side, &peer, s->now_ms);
	move(s);
}

void
stage_stop(struct stage *s)
{
	if (s->is_closed)
		return;
	dialogue_stop(s->d, s->now_ms);
	move(s);
}

void
stage_room(struct stage *s, enum dialogue_side side, size_t room)
{
	s->room[side] = room;
	move(s);
}

void
stage_wait(struct stage *s, uint64_t ms)
{
	uint64_t	 until = s->now_ms + ms, next;
	unsigned	 n_idle = 0;

	while (!s->is_closed &&
	    (next = dialogue_deadline(s->d)) <= until) {
		/* One that has nothing to do any more would be called without
		 * end. */
		n_idle = next <= s->now_ms ? n_idle + 1 : 0;
		if (n_idle > TICKS_MAX) {
			fault(s, "it is late, and", "does nothing");
			break;
		}
		if (next > s->now_ms)
			s->now_ms = next;
		/* The handshake is over, for what is said now. */
		memset(s->is_securing, 0, sizeof s->is_securing);
		dialogue_tick(s->d, s->now_ms);
		move(s);
	}
	s->now_ms = until;
}

/*
 * Beginning and end
 */

void
stage_begin(struct stage *s)
{
	s->env = (struct dialogue_env){ .ops = &ops, .store = s->store,
	    .decided = take_decision, .decided_arg = s,
	    .judgement = &judgement, .keys = &keys };
	memset(s->out, 0, sizeof s->out);
	memset(s->in, 0, sizeof s->in);
	memset(&s->hop, 0, sizeof s->hop);
	memset(&s->xclient, 0, sizeof s->xclient);
	memset(&s->contrary, 0, sizeof s->contrary);
	s->d = NULL;
	s->rules = (struct stage_rules){ .tls = SCOPE_TLS_UNSET };
	s->offering.n = 0;
	s->is_gone = s->is_closed = false;
	s->is_ending = s->is_end_said = false;
	s->is_clients_turn = s->has_cost_message = false;
	s->is_securing[DIALOGUE_CLIENT] = false;
	s->n_notes = 0;
	s->n_hop_accepted = 0;
	s->fault[0] = '\0';
	s->n_connects = s->n_commands = 0;
	s->is_refusal_known = s->is_taken_known = false;
	talk_begin(&s->client, s->relay->protocol == NEXTHOP_LMTP);
	s->client.on_command = count_command;
	s->client.on_reply = watch_client_reply;
	s->client.arg = s;
	set_hop(s, false);
	s->d = dialogue_new(&s->env, s->conf, s->relay, "mx.example.org",
	    &s->peer, s->proxy, s, s->now_ms);
	if (s->d == NULL)
		abort();
	watch(s);
}

void
stage_end(struct stage *s)
{
	int	 i;

	dialogue_free(s->d);
	s->d = NULL;
	for (i = 0; i < 2; i++) {
		bytes_clear(&s->out[i]);
		bytes_clear(&s->in[i]);
	}
	talk_end(&s->client);
	talk_end(&s->hop);
	bytes_clear(&s->xclient);
	bytes_clear(&s->contrary);
}
