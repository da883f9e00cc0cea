/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue: its life and its time, and the two tables of functions by which the
 * client's half (client_ops) and the next hop's (hop_ops) ask for what they
 * cannot do alone: of the carrier, of the session, and of each other.
 *
 * It decides nothing about mail: which command is whose stands in
 * dialogue_command.c, what becomes of a message in transaction*.c, whose it is
 * in dialogue_identity.c.
 *
 * What would surprise: the halves never call each other, and what follows from
 * an event is done behind it, by settle, once: a loss is told to whoever waits,
 * then the command that waited is taken again, and only then the connection may
 * end.  is_broken is looked at twice there, because that command may lose the
 * next hop anew.  Whose turn it is decides whose time runs (is_hops_turn); for
 * a client that does not read, no next hop is late.
 */
#include "dialogue_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/procinfo.h"

#define MS		1000U

/*
 * What the client's half asks for
 */

static void
client_send(void *arg, struct span bytes)
{
	struct dialogue	*d = arg;

	d->env->ops->send(d->arg, DIALOGUE_CLIENT, bytes);
}

static size_t
client_room(void *arg)
{
	const struct dialogue	*d = arg;

	return d->env->ops->room(d->arg, DIALOGUE_CLIENT);
}

static void
client_closed(void *arg)
{
	struct dialogue	*d = arg;

	/* Nothing is begun, or gone on with, for a client that is not there. */
	hop_drop(d->hop);
	d->env->ops->close(d->arg);
}

static void
client_violated(void *arg, unsigned code, const char *text)
{
	dialogue_report(arg, DIALOGUE_PROTOCOL_ERROR, code, text);
}

static void
client_auth_line(void *arg, struct span line)
{
	struct dialogue	*d = arg;

	hop_send(d->hop, line);
	hop_send(d->hop, span_of("\r\n"));
	hop_touch(d->hop);
}

static size_t
client_octets(void *arg, struct span bytes)
{
	return transaction_content_input(arg, bytes);
}

static const struct client_ops	 client_ops = {
	.send = client_send, .room = client_room, .closed = client_closed,
	.violated = client_violated, .command = dialogue_command_take,
	.auth_line = client_auth_line, .octets = client_octets
};

/*
 * What the next hop's half asks for
 */

static void
hop_send_bytes(void *arg, struct span bytes)
{
	struct dialogue	*d = arg;

	d->env->ops->send(d->arg, DIALOGUE_HOP, bytes);
}

static void
hop_connect(void *arg, const struct hop_target *target)
{
	struct dialogue	*d = arg;

	d->is_stale = false;
	/* Nothing begins for a client that has left; settle ends it. */
	d->is_unwanted = client_is_eof(d->client);
	if (!d->is_unwanted)
		d->env->ops->connect(d->arg, target);
}

static bool
hop_connect_next(void *arg)
{
	struct dialogue	*d = arg;

	d->is_stale = false;
	return !client_is_eof(d->client) &&
	    d->env->ops->connect_next(d->arg);
}

static bool
hop_has_next(void *arg)
{
	struct dialogue	*d = arg;

	return d->env->ops->has_next(d->arg);
}

static void
hop_disconnect(void *arg)
{
	struct dialogue	*d = arg;

	d->env->ops->disconnect(d->arg);
}

static void
hop_secure(void *arg)
{
	struct dialogue	*d = arg;

	d->env->ops->secure(d->arg, DIALOGUE_HOP);
}

static bool
hop_hand_over(void *arg)
{
	return dialogue_hand_over(arg);
}

static void
hop_remember_failed(void *arg)
{
	struct dialogue	*d = arg;

	d->env->ops->remember_failed(d->arg);
}

static void
hop_remember_taken(void *arg)
{
	struct dialogue	*d = arg;

	d->env->ops->remember_taken(d->arg);
}

static bool
hop_remember_refusal(void *arg)
{
	struct dialogue	*d = arg;

	return d->env->ops->remember_refusal(d->arg);
}

static bool
hop_remembers_refusal(void *arg)
{
	struct dialogue	*d = arg;

	return d->env->ops->remembers_refusal(d->arg);
}

static void
hop_report_event(void *arg, enum hop_event event, const char *text,
    const char *line)
{
	static const enum dialogue_event	 events[] = {
		[HOP_EVENT_READY] = DIALOGUE_HOP_READY,
		[HOP_EVENT_FAILED] = DIALOGUE_HOP_FAILED,
		[HOP_EVENT_XCLIENT_SENT] = DIALOGUE_XCLIENT_SENT,
		[HOP_EVENT_XCLIENT_NOT_OFFERED] =
		    DIALOGUE_XCLIENT_NOT_OFFERED,
		[HOP_EVENT_XCLIENT_REFUSED] = DIALOGUE_XCLIENT_REFUSED,
		[HOP_EVENT_XCLIENT_VERDICT] = DIALOGUE_XCLIENT_VERDICT,
		[HOP_EVENT_XCLIENT_FAILED] = DIALOGUE_XCLIENT_FAILED
	};
	struct dialogue_report			 report = {
		.event = events[event], .text = text, .line = line
	};

	dialogue_report_more(arg, &report);
}

static bool
hop_broken(void *arg, const char *why)
{
	struct dialogue	*d = arg;
	char		 line[LINE_SIZE];

	d->is_broken = true;
	(void)snprintf(line, sizeof line,
	    "451 4.4.2 the next hop was lost: %.800s\r\n", why);
	/* A chunk has its answer. */
	if (client_state(d->client) == CLIENT_OCTETS &&
	    d->content.early == NULL)
		transaction_content_discard(d, d->content.is_chunk ? "" : line);
	if (d->tx.is_sent)
		d->tx.is_failed = true;
	return d->tx.is_sent;
}

static const struct hop_ops	 hop_ops = {
	.send = hop_send_bytes, .connect = hop_connect,
	.connect_next = hop_connect_next, .has_next = hop_has_next,
	.disconnect = hop_disconnect, .secure = hop_secure,
	.hand_over = hop_hand_over, .remember_failed = hop_remember_failed,
	.remember_taken = hop_remember_taken,
	.remember_refusal = hop_remember_refusal,
	.remembers_refusal = hop_remembers_refusal, .report = hop_report_event,
	.tell = dialogue_tell, .is_current = dialogue_is_current,
	.identity = dialogue_identity, .name = dialogue_name,
	.proxy_header = dialogue_proxy_header,
	.is_possible = transaction_reply_is_possible,
	.answered = transaction_reply_answered, .lost = transaction_reply_lost,
	.unasked = transaction_reply_unasked, .broken = hop_broken,
	.translate = transaction_translate,
	.may_repeat = transaction_may_repeat
};

/*
 * Life
 */

/* Copies what the caller only lends.  False: out of memory. */
static bool
keep_texts(struct dialogue *d, const char *hostname)
{
	if (d->peer.name != NULL) {
		d->peer_name = strdup(d->peer.name);
		d->peer.name = d->peer_name;
		if (d->peer_name == NULL)
			return false;
	}
	d->hostname = strdup(hostname);
	return d->hostname != NULL;
}

/* Whether what the store has of the peer's process is its own. */
static enum store_result
is_of_peer(const struct dialogue *d, const struct session *s, struct err *err)
{
	if (s->keeper != SESSION_KEEPER_POLICY)
		return STORE_NONE;
	switch (procinfo_is(d->peer.pid, s->pid_start)) {
	case PROCINFO_THERE:
		return STORE_FOUND;
	case PROCINFO_GONE:
		return STORE_NONE;
	case PROCINFO_CANNOT_TELL:
		break;
	}
	(void)err_set(err, "process %ld cannot be looked at",
	    (long)d->peer.pid);
	return STORE_CANNOT_TELL;
}

/* Why, the log is told, and not whoever connected. */
static void
doubt(struct dialogue *d, const struct err *err)
{
	struct verdict	 verdict;

	trust_violation(NULL, REASON_CANNOT_TELL, SESSION_CANNOT_TELL,
	    &verdict);
	d->env->decided(&(struct decision){ .event = DECISION_ERROR,
	    .session = session_life_session(d->life), .conf = d->conf,
	    .text = err->text }, d->env->decided_arg);
	session_life_refuse(d->life, &verdict, d->now_ms);
}

/*
 * A smtpd(8) that hands mail on over a UNIX-domain socket (smtpd_proxy_filter)
 * is known by its process: its session is the one that xcontext-policy follows.
 */
static void
adopt(struct dialogue *d)
{
	struct session		 followed;
	struct err		 err;
	enum store_result	 result;

	if (d->peer.pid == 0)
		return;
	session_init(&followed);
	result = store_get(d->env->store, d->peer.pid, &followed, &err);
	if (result == STORE_FOUND)
		result = is_of_peer(d, &followed, &err);
	switch (result) {
	case STORE_FOUND:
		session_life_adopt(d->life, &followed, d->now_ms);
		break;
	case STORE_NONE:
		break;
	case STORE_CANNOT_TELL:
		doubt(d, &err);
		break;
	}
	session_clear(&followed);
}

/* Whoever turns a client away says by which name (RFC 5321, 4.2.3). */
static void
turn_away(struct dialogue *d)
{
	const struct session	*s = session_life_session(d->life);
	struct verdict_reply	 how;
	char			 text[VERDICT_REPLY_SIZE];

	verdict_reply_find(VERDICT_REPLY_TO_CONNECTION, s->refused,
	    s->refused_reason, VERDICT_REPLY_BY_SERVER, &how);
	(void)snprintf(text, sizeof text, "%s %s", d->hostname,
	    verdict_reply_text(s->refused_text, s->refused_reason));
	dialogue_verdict_say(d, client_owe(d->client), &how, text);
}

static void
greet(struct dialogue *d, const struct proxy_header *proxy)
{
	if (proxy != NULL)
		dialogue_xcommand_proxy(d, proxy);
	if (session_life_session(d->life)->refused == VERDICT_DISCONNECT)
		turn_away(d);
	else
		client_say(d->client, client_owe(d->client),
		    "220 %s %s " GREETING_MARK, d->hostname,
		    d->relay->protocol == NEXTHOP_LMTP ? "LMTP" : "ESMTP");
}

static bool
make_halves(struct dialogue *d, const char *hostname)
{
	if (!keep_texts(d, hostname))
		return false;
	d->client = client_new(&client_ops, d, d->relay, &d->now_ms);
	d->hop = hop_new(&hop_ops, d, d->relay, d->hostname, &d->now_ms);
	return d->client != NULL && d->hop != NULL;
}

static void
free_halves(struct dialogue *d)
{
	hop_free(d->hop);
	client_free(d->client);
	free(d->peer_name);
	free(d->hostname);
}

/* Without a process it is in no store, but for who takes it over.  False: out
 * of memory. */
static bool
begin(struct dialogue *d)
{
	const struct session_life_home	 home = {
		.store = d->env->store, .report = d->env->decided,
		.report_arg = d->env->decided_arg
	};
	const struct session_life_peer	 who = {
		.keeper = SESSION_KEEPER_RELAY, .addr = d->peer.addr,
		.port = d->peer.port, .name = d->peer_name,
		.listener = d->relay->name
	};

	d->life = session_life_new(d->conf, &home, &who, d->now_ms);
	return d->life != NULL;
}

static void
drop(struct dialogue *d)
{
	session_life_end(d->life);
	free_halves(d);
	conf_unref(d->conf);
	free(d);
}

struct dialogue *
dialogue_new(const struct dialogue_env *env, struct conf *conf,
    const struct conf_relay *relay, const char *hostname,
    const struct dialogue_peer *peer, const struct proxy_header *proxy,
    void *arg, uint64_t now_ms)
{
	struct dialogue		*d = calloc(1, sizeof *d);

	if (d == NULL)
		return NULL;
	d->env = env;
	d->arg = arg;
	d->relay = relay;
	d->peer = *peer;
	d->now_ms = d->begun_ms = now_ms;
	d->serial = 1;
	d->conf = conf_ref(conf);
	if (!make_halves(d, hostname) || !begin(d)) {
		drop(d);
		return NULL;
	}
	adopt(d);
	greet(d, proxy);
	return d;
}

void
dialogue_free(struct dialogue *d)
{
	if (d == NULL)
		return;
	client_close(d->client);
	transaction_reset(d);
	free(d->unforwarded);
	free(d->content.early);
	free(d->helo);
	free(d->greeted);
	drop(d);
}

const struct session *
dialogue_session(const struct dialogue *d)
{
	return session_life_session(d->life);
}

/*
 * What follows from what has happened
 */

/* The next hop was lost, and all that it was asked has been answered. */
static void
settle_loss(struct dialogue *d)
{
	d->is_broken = false;
	/* What is said next is no command; and another connection would not
	 * know who has logged in. */
	if (client_state(d->client) == CLIENT_AUTH || d->is_authenticated)
		client_end(d->client, "421 4.4.2 the next hop was lost");
}

static void
say_stop(struct dialogue *d)
{
	if (client_is_idle(d->client) && !d->tx.is_open)
		client_end(d->client, "421 4.3.2 %s is shutting down",
		    d->hostname);
}

/* After anything. */
static void
settle(struct dialogue *d)
{
	if (d->is_broken)
		settle_loss(d);
	client_resume(d->client);
	if (d->is_broken)
		settle_loss(d);
	if (d->is_unwanted)
		client_close(d->client);
	client_finish(d->client);
	if (d->is_stopping)
		say_stop(d);
}

/*
 * Bytes
 */

static size_t
input_of_hop(struct dialogue *d, struct span bytes)
{
	size_t	 used, n;

	for (used = 0; used < bytes.n; used += n) {
		n = client_state(d->client) == CLIENT_CLOSED ?
		    bytes.n - used : hop_input(d->hop, span_skip(bytes, used));
		if (n == 0)
			break;
	}
	return used;
}

size_t
dialogue_input(struct dialogue *d, enum dialogue_side side,
    struct span bytes, uint64_t now_ms)
{
	size_t	 used;

	d->now_ms = now_ms;
	used = side == DIALOGUE_CLIENT ? client_input(d->client, bytes) :
	    input_of_hop(d, bytes);
	settle(d);
	return used;
}

bool
dialogue_wants(const struct dialogue *d, enum dialogue_side side)
{
	enum hop_state	 state = hop_state(d->hop);

	if (side == DIALOGUE_HOP)
		return state > HOP_CONNECTING && state != HOP_SECURING &&
		    !client_is_deaf(d->client);
	return client_wants(d->client) && !transaction_content_is_held_up(d);
}

bool
dialogue_takes_octets(const struct dialogue *d)
{
	return client_state(d->client) == CLIENT_OCTETS;
}

/* A client that has left waits for nothing that has only begun. */
static bool
is_being_set_up(const struct dialogue *d)
{
	enum hop_state	 state = hop_state(d->hop);

	return state != HOP_NONE && state != HOP_READY &&
	    client_is_waiting(d->client);
}

void
dialogue_eof(struct dialogue *d, enum dialogue_side side, uint64_t now_ms)
{
	d->now_ms = now_ms;
	if (side == DIALOGUE_HOP) {
		hop_lost(d->hop, "it closed the connection", false, false);
		settle(d);
		return;
	}
	client_eof(d->client);
	if (is_being_set_up(d))
		client_close(d->client);
	settle(d);
}

void
dialogue_connected(struct dialogue *d, uint64_t now_ms)
{
	d->now_ms = now_ms;
	hop_connected(d->hop);
	settle(d);
}

void
dialogue_secured(struct dialogue *d, enum dialogue_side side,
    const struct tls_peer *peer, uint64_t now_ms)
{
	d->now_ms = now_ms;
	if (side == DIALOGUE_HOP) {
		hop_secured(d->hop);
		settle(d);
		return;
	}
	d->is_secured = true;
	client_expect(d->client, CLIENT_COMMAND);
	/* RFC 3207, 4.2: all that was known of the client is forgotten. */
	transaction_reset(d);
	(void)dialogue_set_text(&d->helo, (struct span){ NULL, 0 });
	(void)session_life_set_greeting(d->life, NULL);
	d->is_authenticated = false;
	dialogue_forget_login(d);
	dialogue_take_certificate(d, peer);
}

void
dialogue_lost(struct dialogue *d, enum dialogue_side side, const char *why,
    bool is_permanent, uint64_t now_ms)
{
	char	 text[LINE_SIZE / 2];

	/* It is the connection's, which may have to go before it is said. */
	(void)snprintf(text, sizeof text, "%s", why);
	d->now_ms = now_ms;
	if (side == DIALOGUE_CLIENT) {
		/* Nobody is there to be told. */
		client_close(d->client);
		return;
	}
	hop_lost(d->hop, text, true, is_permanent);
	settle(d);
}

/*
 * Time
 */

/* Whether it is the next hop's turn; else it is the client's.  For a client
 * that does not read, the next hop's replies are not read either. */
static bool
is_hops_turn(const struct dialogue *d)
{
	enum hop_state	 state = hop_state(d->hop);

	if (client_state(d->client) == CLIENT_AUTH ||
	    client_is_deaf(d->client))
		return false;
	return (state != HOP_NONE && state != HOP_READY) ||
	    hop_n_due(d->hop) > transaction_content_chunk_replies(d);
}

static uint64_t
client_deadline(const struct dialogue *d)
{
	if (client_state(d->client) == CLIENT_OCTETS)
		return transaction_content_deadline(d);
	return client_since(d->client) +
	    (uint64_t)d->relay->command_timeout * MS;
}

uint64_t
dialogue_deadline(const struct dialogue *d)
{
	uint64_t	 total = d->begun_ms +
			     (uint64_t)d->relay->total_timeout * MS;
	uint64_t	 next = is_hops_turn(d) ? hop_deadline(d->hop) :
			     client_deadline(d);

	return next < total ? next : total;
}

static void
hop_is_late_now(struct dialogue *d, const char *why)
{
	dialogue_report(d, DIALOGUE_TIMEOUT, 0, "next hop");
	hop_late(d->hop, why);
	settle(d);
}

void
dialogue_tick(struct dialogue *d, uint64_t now_ms)
{
	d->now_ms = now_ms;
	if (client_state(d->client) == CLIENT_CLOSED ||
	    now_ms < dialogue_deadline(d))
		return;
	if (is_hops_turn(d) && now_ms >= hop_deadline(d->hop)) {
		hop_is_late_now(d, "it did not answer in time");
		return;
	}
	if (transaction_content_is_held_up(d) && now_ms >= client_deadline(d)) {
		/* The client has all its time to go on. */
		transaction_content_touch(d);
		hop_is_late_now(d, "it did not take the message");
		return;
	}
	dialogue_report(d, DIALOGUE_TIMEOUT, 0, "client");
	/* In the middle of a handshake nothing can be said. */
	if (client_state(d->client) == CLIENT_SECURING)
		client_close(d->client);
	else
		client_end(d->client, "421 4.4.2 %s timeout exceeded",
		    d->hostname);
}

void
dialogue_stop(struct dialogue *d, uint64_t now_ms)
{
	d->now_ms = now_ms;
	d->is_stopping = true;
	say_stop(d);
}
