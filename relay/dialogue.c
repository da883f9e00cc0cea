/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue: its life, who is heard, and until when.
 */
#include "dialogue_private.h"

#include <stdlib.h>

#include "procinfo.h"

#define MS		1000U
/* A message has to come at this rate at least (octets a second), as with
 * Postfix's smtpd_min_data_rate. */
#define MIN_DATA_RATE	500U

bool
dialogue_set_text(char **field, struct span text)
{
	free(*field);
	*field = text.p == NULL ? NULL : strndup(text.p, text.n);
	return *field != NULL || text.p == NULL;
}

static void
note_kept(const struct kept_note *note, void *arg)
{
	struct dialogue	*d = arg;

	d->env->ops->note_kept(d->arg, note);
}

/*
 * Life
 */

void
dialogue_reset(struct dialogue *d)
{
	free(d->tx.mail);
	free(d->tx.refusal);
	d->tx = (struct transaction){ .is_open = false };
	d->serial++;
	free(d->xforward);
	d->xforward = NULL;
	d->octets = 0;
}

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
	if (s->mta != SESSION_POSTFIX)
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

/*
 * A smtpd(8) that hands mail on over a UNIX-domain socket (smtpd_proxy_filter)
 * is known by its process: its session is the one that xcontext-policy follows.
 */
static void
adopt(struct dialogue *d)
{
	struct session		 followed;
	struct verdict		 verdict;
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
		kept_adopt(&d->kept, &followed, d->now_ms);
		break;
	case STORE_NONE:
		break;
	case STORE_CANNOT_TELL:
		trust_violation(NULL, REASON_CANNOT_TELL, err.text, &verdict);
		kept_refuse(&d->kept, &verdict, NULL, d->now_ms);
		break;
	}
	session_clear(&followed);
}

static void
greet(struct dialogue *d, const struct proxy_header *proxy)
{
	const struct session	*s;

	if (proxy != NULL)
		ext_proxy(d, proxy);
	s = &d->kept.session;
	if (s->refused == VERDICT_DISCONNECT)
		dialogue_say_last(d, "421 4.7.0 %s %s; session %s",
		    d->hostname, s->refused_text == NULL ? "" :
		    s->refused_text, s->id);
	else
		dialogue_say(d, "220 %s %s " GREETING_MARK, d->hostname,
		    d->relay->protocol == NEXTHOP_LMTP ? "LMTP" : "ESMTP");
}

struct dialogue *
dialogue_new(const struct dialogue_env *env, struct conf *conf,
    const struct conf_relay *relay, const char *hostname,
    const struct dialogue_peer *peer, const struct proxy_header *proxy,
    void *arg, uint64_t now_ms)
{
	struct dialogue		*d = calloc(1, sizeof *d);
	const struct kept_peer	 who = {
		.mta = SESSION_RELAY, .addr = peer->addr, .port = peer->port,
		.name = peer->name, .listener = relay->name
	};

	if (d == NULL)
		return NULL;
	d->env = env;
	d->arg = arg;
	d->relay = relay;
	d->peer = *peer;
	d->now_ms = d->begun_ms = d->client_since_ms = now_ms;
	if (!keep_texts(d, hostname)) {
		free(d->peer_name);
		free(d);
		return NULL;
	}
	d->conf = conf_ref(conf);
	/* Without a process it is in no store, but for who takes it over. */
	kept_begin(&d->kept, conf, env->store, note_kept, d, &who, now_ms);
	adopt(d);
	greet(d, proxy);
	return d;
}

void
dialogue_free(struct dialogue *d)
{
	if (d == NULL)
		return;
	setup_drop(d);
	while (d->n_awaited > 0)
		dialogue_await_forget(d);
	dialogue_reset(d);
	setup_forget(d);
	xclient_forget(d);
	kept_end(&d->kept);
	conf_unref(d->conf);
	free(d->early);
	free(d->helo);
	free(d->peer_name);
	free(d->hostname);
	free(d);
}

const struct session *
dialogue_session(const struct dialogue *d)
{
	return &d->kept.session;
}

/*
 * Bytes
 */

static size_t
client_step(struct dialogue *d, struct span bytes)
{
	switch (d->state) {
	case CLIENT_CONTENT:
		return content_input(d, bytes);
	case CLIENT_CHUNK:
		return chunk_input(d, bytes);
	case CLIENT_CLOSED:
		return bytes.n;
	case CLIENT_SECURING:
	case CLIENT_AUTH_WAIT:
		return 0;
	case CLIENT_COMMAND:
	case CLIENT_GO_AHEAD:
	case CLIENT_AUTH:
	case CLIENT_LEAVING:
		break;
	}
	return client_input(d, bytes);
}

/* Whether bytes that were not taken are more than half of something. */
static bool
is_held(const struct dialogue *d, struct span rest)
{
	if (d->state == CLIENT_CONTENT || d->state == CLIENT_CHUNK)
		return true;
	return memchr(rest.p, '\n', rest.n) != NULL;
}

/* A client that is owed nothing, and will say nothing more, or is told that it
 * has to go, is done with; half a message, or half a handshake, is none. */
static void
finish_client(struct dialogue *d)
{
	bool	 is_half = d->state != CLIENT_COMMAND &&
		    d->state != CLIENT_LEAVING;

	if (d->is_eof && !d->is_held && (is_half ||
	    (d->n_awaited == 0 && !d->is_waiting)))
		dialogue_close_client(d);
	else if (d->is_stopping)
		dialogue_stop(d, d->now_ms);
}

size_t
dialogue_input(struct dialogue *d, enum dialogue_side side,
    struct span bytes, uint64_t now_ms)
{
	size_t	 used, n;

	d->now_ms = now_ms;
	if (side == DIALOGUE_CLIENT)
		d->is_held = false;
	for (used = 0; used < bytes.n; used += n) {
		struct span	 rest = span_skip(bytes, used);

		n = side == DIALOGUE_CLIENT ? client_step(d, rest) :
		    hop_input(d, rest);
		if (n == 0 && side == DIALOGUE_CLIENT)
			d->is_held = is_held(d, rest);
		if (n == 0)
			break;
	}
	finish_client(d);
	return used;
}

/* Who does not read replies gets no more of them. */
static bool
is_client_deaf(const struct dialogue *d)
{
	return d->env->ops->room(d->arg, DIALOGUE_CLIENT) == 0;
}

bool
dialogue_wants(const struct dialogue *d, enum dialogue_side side)
{
	if (side == DIALOGUE_HOP)
		return d->hop.state > HOP_CONNECTING &&
		    d->hop.state != HOP_SECURING && !is_client_deaf(d);
	if (d->is_eof || d->state == CLIENT_SECURING)
		return false;
	if (d->state == CLIENT_CONTENT || d->state == CLIENT_CHUNK)
		return d->early != NULL ||
		    d->env->ops->room(d->arg, DIALOGUE_HOP) > 0;
	return !is_client_deaf(d);
}

void
dialogue_eof(struct dialogue *d, enum dialogue_side side, uint64_t now_ms)
{
	d->now_ms = now_ms;
	if (side == DIALOGUE_HOP) {
		dialogue_lost(d, side, "it closed the connection", false,
		    now_ms);
		return;
	}
	d->is_eof = true;
	finish_client(d);
}

void
dialogue_connected(struct dialogue *d, uint64_t now_ms)
{
	d->now_ms = now_ms;
	setup_connected(d);
}

void
dialogue_secured(struct dialogue *d, enum dialogue_side side,
    const struct tls_facts *facts, uint64_t now_ms)
{
	d->now_ms = d->client_since_ms = now_ms;
	if (side == DIALOGUE_HOP) {
		setup_secured(d);
		return;
	}
	d->is_secured = true;
	d->state = CLIENT_COMMAND;
	/* RFC 3207, 4.2: all that was known of the client is forgotten. */
	dialogue_reset(d);
	(void)dialogue_set_text(&d->helo, (struct span){ NULL, 0 });
	d->is_authenticated = false;
	ext_certificate(d, facts);
}

void
dialogue_lost(struct dialogue *d, enum dialogue_side side, const char *why,
    bool is_permanent, uint64_t now_ms)
{
	char	 text[LINE_SIZE / 2];

	/* It is the connection's, which may have to go before it is said. */
	(void)snprintf(text, sizeof text, "%s", why);
	why = text;
	d->now_ms = now_ms;
	if (side == DIALOGUE_CLIENT) {
		/* Nobody is there to be told. */
		dialogue_close_client(d);
		return;
	}
	if (d->hop.state == HOP_READY)
		hop_lost(d, why);
	else if (d->hop.state != HOP_NONE)
		setup_lost(d, why, is_permanent);
	finish_client(d);
}

/*
 * Time
 */

/* Whether it is the next hop's turn; else it is the client's.  For a client
 * that does not read, the next hop's replies are not read either. */
static bool
is_hops_turn(const struct dialogue *d)
{
	if (d->state == CLIENT_AUTH || is_client_deaf(d))
		return false;
	return d->is_waiting || d->n_awaited > content_chunk_replies(d);
}

static uint64_t
hop_deadline(const struct dialogue *d)
{
	unsigned	 seconds = d->relay->reply_timeout;

	if (d->hop.state < HOP_EHLO)
		seconds = d->relay->connect_timeout;
	else if (d->n_awaited > 0 &&
	    d->awaited[d->first].kind == AWAIT_END)
		seconds = d->relay->final_timeout;
	return d->hop.since_ms + (uint64_t)seconds * MS;
}

static uint64_t
client_deadline(const struct dialogue *d)
{
	uint64_t	 seconds = d->relay->command_timeout;
	uint64_t	 stalled, slow;

	if (d->state != CLIENT_CONTENT && d->state != CLIENT_CHUNK)
		return d->client_since_ms + seconds * MS;
	seconds = d->relay->data_timeout;
	stalled = d->client_since_ms + seconds * MS;
	slow = d->part_since_ms + seconds * MS +
	    (d->octets - d->part_octets) * MS / MIN_DATA_RATE;
	return stalled < slow ? stalled : slow;
}

/* Whether content is not taken for want of room at the next hop. */
static bool
is_hop_full(const struct dialogue *d)
{
	return (d->state == CLIENT_CONTENT || d->state == CLIENT_CHUNK) &&
	    d->early == NULL && d->env->ops->room(d->arg, DIALOGUE_HOP) == 0;
}

uint64_t
dialogue_deadline(const struct dialogue *d)
{
	uint64_t	 total = d->begun_ms +
			     (uint64_t)d->relay->total_timeout * MS;
	uint64_t	 next = is_hops_turn(d) ? hop_deadline(d) :
			     client_deadline(d);

	return next < total ? next : total;
}

static void
hop_is_late(struct dialogue *d, const char *why)
{
	dialogue_note(d, DIALOGUE_TIMEOUT, 0, "next hop");
	d->hop.is_late = true;
	dialogue_lost(d, DIALOGUE_HOP, why, false, d->now_ms);
	d->hop.is_late = false;
}

void
dialogue_tick(struct dialogue *d, uint64_t now_ms)
{
	d->now_ms = now_ms;
	if (d->state == CLIENT_CLOSED || now_ms < dialogue_deadline(d))
		return;
	if (is_hops_turn(d) && now_ms >= hop_deadline(d)) {
		hop_is_late(d, "it did not answer in time");
		return;
	}
	if (is_hop_full(d) && now_ms >= client_deadline(d)) {
		/* The client has all its time to go on. */
		content_begin(d);
		hop_is_late(d, "it did not take the message");
		return;
	}
	dialogue_note(d, DIALOGUE_TIMEOUT, 0, "client");
	/* In the middle of a handshake nothing can be said. */
	if (d->state == CLIENT_SECURING)
		dialogue_close_client(d);
	else
		dialogue_say_last(d, "421 4.4.2 %s timeout exceeded",
		    d->hostname);
}

void
dialogue_stop(struct dialogue *d, uint64_t now_ms)
{
	d->now_ms = now_ms;
	d->is_stopping = true;
	if (d->state == CLIENT_COMMAND && !d->tx.is_open &&
	    d->n_awaited == 0 && !d->is_waiting)
		dialogue_say_last(d, "421 4.3.2 %s is shutting down",
		    d->hostname);
}
