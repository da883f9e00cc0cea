/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue: its life, what is awaited in which order, and until when.
 */
#include "dialogue_private.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
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

/*
 * What is awaited
 */

static struct await *
at(struct dialogue *d, unsigned i)
{
	return &d->awaited[(d->first + i) % AWAIT_MAX];
}

bool
dialogue_await_is_full(const struct dialogue *d)
{
	/* A command may need two: one that goes on, and a reply of ours. */
	return d->n_awaited >= AWAIT_MAX - 2;
}

struct await *
dialogue_await(struct dialogue *d, enum await_kind kind)
{
	struct await	*await;

	assert(d->n_awaited < AWAIT_MAX);
	if (d->n_awaited == 0)
		d->hop.since_ms = d->now_ms;
	await = at(d, d->n_awaited++);
	*await = (struct await){ .kind = kind, .serial = d->serial };
	return await;
}

struct await *
dialogue_awaited(struct dialogue *d)
{
	return d->n_awaited == 0 ? NULL : at(d, 0);
}

static void
forget_first(struct dialogue *d)
{
	free(at(d, 0)->text);
	free(at(d, 0)->sender);
	d->first = (d->first + 1) % AWAIT_MAX;
	d->n_awaited--;
}

void
dialogue_await_done(struct dialogue *d)
{
	forget_first(d);
	while (d->n_awaited > 0 && at(d, 0)->kind == AWAIT_LOCAL) {
		dialogue_send(d, DIALOGUE_CLIENT, span_of(at(d, 0)->text));
		forget_first(d);
	}
	d->hop.since_ms = d->now_ms;
	if (d->n_awaited == 0)
		d->client_since_ms = d->now_ms;
}

/*
 * What is said to the client
 */

void
dialogue_say_text(struct dialogue *d, const char *text)
{
	struct await	*await;

	if (d->n_awaited == 0) {
		dialogue_send(d, DIALOGUE_CLIENT, span_of(text));
		return;
	}
	await = dialogue_await(d, AWAIT_LOCAL);
	await->text = strdup(text);
	/* A reply less, and all later ones would answer other commands. */
	if (await->text == NULL) {
		d->n_awaited--;
		dialogue_close_client(d);
	}
}

static void
say(struct dialogue *d, const char *fmt, va_list ap)
{
	char	 line[LINE_SIZE];
	int	 n;

	n = vsnprintf(line, sizeof line - 2, fmt, ap);
	if (n < 0 || (size_t)n > sizeof line - 3)
		n = (int)sizeof line - 3;
	memcpy(line + n, "\r\n", sizeof "\r\n");
	dialogue_say_text(d, line);
}

void
dialogue_say(struct dialogue *d, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	say(d, fmt, ap);
	va_end(ap);
}

void
dialogue_close_client(struct dialogue *d)
{
	if (d->state == CLIENT_CLOSED)
		return;
	d->state = CLIENT_CLOSED;
	setup_drop(d);
	d->env->ops->close(d->arg);
}

void
dialogue_say_reply(struct dialogue *d, const char *text)
{
	dialogue_say_text(d, text);
	if (strncmp(text, "421", 3) == 0)
		dialogue_close_client(d);
}

void
dialogue_say_last(struct dialogue *d, const char *fmt, ...)
{
	va_list	 ap;

	if (d->state == CLIENT_CLOSED)
		return;
	/* A reply of ours that waits for its turn would now be taken for what
	 * the next hop says to a command before: a message, say. */
	while (d->n_awaited > 0)
		forget_first(d);
	va_start(ap, fmt);
	say(d, fmt, ap);
	va_end(ap);
	dialogue_close_client(d);
}

/*
 * Notes
 */

static enum dialogue_stage
stage_of(const struct dialogue *d)
{
	static const enum dialogue_stage	 stages[] = {
		[HOP_NONE] = DIALOGUE_NO_HOP,
		[HOP_CONNECTING] = DIALOGUE_AT_CONNECT,
		[HOP_GREETING] = DIALOGUE_AT_GREETING,
		[HOP_HOPS] = DIALOGUE_AT_GREETING,
		[HOP_EHLO] = DIALOGUE_AT_GREETING,
		[HOP_HELO] = DIALOGUE_AT_GREETING,
		[HOP_STARTTLS] = DIALOGUE_AT_TLS,
		[HOP_SECURING] = DIALOGUE_AT_TLS,
		[HOP_XCLIENT] = DIALOGUE_AT_XCLIENT,
		[HOP_READY] = DIALOGUE_AT_MAIL
	};

	return stages[d->hop.state];
}

const struct session *
dialogue_shown(const struct dialogue *d, struct session *copy)
{
	const struct assertion_set	*said = d->xforward;

	if (said == NULL ||
	    said->v[ASSERTION_ADDR].status != ASSERTION_VALUE)
		return &d->kept.session;
	*copy = d->kept.session;
	copy->client = said->addr;
	copy->client_port = (uint16_t)strtoul(said->v[ASSERTION_PORT].value,
	    NULL, 10);
	return copy;
}

void
dialogue_note_more(struct dialogue *d, struct dialogue_note *note)
{
	struct session	 copy;

	note->session = &d->kept.session;
	if (note->client == NULL)
		note->client = &dialogue_shown(d, &copy)->client;
	note->is_late = d->hop.is_late;
	if (note->stage == DIALOGUE_NO_HOP)
		note->stage = stage_of(d);
	if (note->route == NULL && d->hop.route.nexthop.host[0] != '\0')
		note->route = &d->hop.route;
	d->env->ops->note(d->arg, note);
}

void
dialogue_note(struct dialogue *d, enum dialogue_event event, unsigned code,
    const char *text)
{
	struct dialogue_note	 note = {
		.event = event, .code = code, .text = text
	};

	dialogue_note_more(d, &note);
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

/*
 * A smtpd(8) that hands mail on over a UNIX-domain socket (smtpd_proxy_filter)
 * is known by its process: its session is the one that xcontext-policy follows.
 */
static void
adopt(struct dialogue *d)
{
	struct session	 followed;
	struct verdict	 verdict;
	struct err	 err;

	if (d->peer.pid == 0)
		return;
	session_init(&followed);
	switch (store_get(d->env->store, d->peer.pid, &followed, &err)) {
	case STORE_FOUND:
		if (followed.mta == SESSION_POSTFIX &&
		    procinfo_is(d->peer.pid, followed.pid_start))
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
		forget_first(d);
	dialogue_reset(d);
	setup_forget(d);
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
