/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * carrier: reads, hands over, sends, and waits.
 *
 * The dialogue asks for things in the middle of its work, and must not be
 * called back from there: what is not done at once is remembered in a flag, and
 * done by carrier_go_on, which every event ends in, and behind which the
 * carrier may be gone.
 *
 * What would surprise: bytes that the dialogue does not take are kept and
 * offered again after anything else has happened; how many may wait is bounded
 * (in_max), and then the socket is not read.  A client that is told the last
 * thing is given time to read it (linger_ms), for to close on unread bytes
 * resets the connection, and the reply with it.
 */
#include "carrier_private.h"

#include <sys/ioctl.h>

#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"

#define LINGER_MS	2000U	/* for a client that still sends */
#define FLUSH_MS	10000U	/* for one that does not read its last reply */
#define IN_MAX		PROXY_HEADER_MAX	/* it has to be there whole */
#define COMMANDS_MAX	16384U	/* octets of commands that wait; a line has
				 * no more than 12288 */
#define TURNS_MAX	4U	/* of a client's input, until others have
				 * theirs */

void
carrier_tick(struct carrier_env *env)
{
	env->now_ms = env->epoch_ms + clock_ms(CLOCK_MONOTONIC);
}

void
carrier_free(struct carrier *c)
{
	struct carrier_env	*env = c->env;
	int			 i;

	LIST_REMOVE(c, entry);
	env->n--;
	dialogue_free(c->d);
	carrier_disconnect(c);
	free(c->addresses);
	if (c->query != NULL)
		resolve_cancel(c->query);
	(void)event_del(&c->timer);
	for (i = 0; i < 2; i++) {
		stream_close(&c->side[i].stream);
		free(c->side[i].in);
	}
	env->gone(env->arg, c->relay, c->is_counted ? &c->counted : NULL);
	served_unref(c->served);
	free(c);
}

/*
 * What the dialogue asks for
 */

static void
op_send(void *arg, enum dialogue_side which, struct span bytes)
{
	struct side	*side = &((struct carrier *)arg)->side[which];

	if (stream_is_open(&side->stream) && !side_is_lost(side) &&
	    !stream_put(&side->stream, bytes, true))
		side_lose(side);
}

static size_t
op_room(void *arg, enum dialogue_side which)
{
	const struct side	*side = &((struct carrier *)arg)->side[which];
	size_t			 pending;

	pending = stream_is_open(&side->stream) ?
	    stream_pending(&side->stream) : 0;
	return pending >= HIGH_WATER ? 0 : HIGH_WATER - pending;
}

static void
op_secure(void *arg, enum dialogue_side which)
{
	((struct carrier *)arg)->side[which].phase = SIDE_SECURING;
}

static void
op_close(void *arg)
{
	((struct carrier *)arg)->is_closing = true;
}

static void
op_report(void *arg, const struct dialogue_report *report)
{
	const struct carrier	*c = arg;
	struct dialogue_report	 complete = *report;
	char			 host[CARRIER_HOST_SIZE];

	complete.host = carrier_hop_host(c, host, sizeof host);
	c->env->report(c->env->arg, &complete);
}

const struct dialogue_ops carrier_ops = {
	.send = op_send,
	.room = op_room,
	.connect = carrier_connect,
	.connect_next = carrier_connect_next,
	.has_next = carrier_has_next,
	.is_hop_local = carrier_is_hop_local,
	.remember_failed = carrier_remember_failed,
	.remember_taken = carrier_remember_taken,
	.remember_refusal = carrier_remember_refusal,
	.remembers_refusal = carrier_remembers_refusal,
	.disconnect = carrier_disconnect,
	.secure = op_secure,
	.close = op_close,
	.hand_over = carrier_hand_over,
	.report = op_report
};

/*
 * Bytes
 */

bool
carrier_keep(struct side *side, struct span bytes)
{
	char	*copy = NULL;

	if (bytes.n > 0) {
		copy = malloc(bytes.n);
		if (copy == NULL)
			return false;
		span_copy(copy, bytes);
	}
	free(side->in);
	side->in = copy;
	side->in_len = bytes.n;
	return true;
}

/* Offers what is there; true if some of it was taken. */
static bool
offer(struct carrier *c, enum dialogue_side which, struct span bytes)
{
	struct side	*side = &c->side[which];
	size_t		 used;

	used = dialogue_input(c->d, which, bytes, c->env->now_ms);
	/* A connection that was closed meanwhile has no bytes left. */
	if (!stream_is_open(&side->stream))
		used = bytes.n;
	if (bytes.p == side->in && used < bytes.n && stream_is_open(
	    &side->stream)) {
		/* They stay where they are. */
		side->in_len = bytes.n - used;
		memmove(side->in, side->in + used, side->in_len);
		return used > 0;
	}
	if ((used > 0 || side->in_len != bytes.n) &&
	    !(used == bytes.n && side->in == NULL) &&
	    !carrier_keep(side, span_skip(bytes, used)))
		side_lose(side);
	return used > 0;
}

static bool
offer_kept(struct carrier *c, enum dialogue_side which)
{
	struct side	*side = &c->side[which];

	return side->in_len > 0 && offer(c, which,
	    (struct span){ side->in, side->in_len });
}

/* How much may wait: of commands no more than the longest line, and some; of
 * what is sent on at once, as much as one read brings. */
static size_t
in_max(const struct carrier *c, enum dialogue_side which)
{
	if (which == DIALOGUE_HOP || c->d == NULL ||
	    dialogue_takes_octets(c->d))
		return CARRIER_BUF_SIZE;
	return COMMANDS_MAX;
}

static void
read_side(struct carrier *c, enum dialogue_side which)
{
	struct side	*side = &c->side[which];
	char		*buf = c->env->buf;
	size_t		 kept = side->in_len, n;

	if (kept >= in_max(c, which))
		return;
	if (kept > 0)
		memcpy(buf, side->in, kept);
	switch (stream_read(&side->stream, buf + kept,
	    in_max(c, which) - kept, &n)) {
	case STREAM_OK:
		break;
	case STREAM_AGAIN:
		return;
	case STREAM_EOF:
		if (side->end == SIDE_GOES_ON)
			side->end = SIDE_EOF;
		return;
	case STREAM_ERROR:
		side_lose(side);
		return;
	}
	if (c->linger_ms != 0)
		return;
	if (c->d != NULL)
		(void)offer(c, which, (struct span){ buf, kept + n });
	else if (!carrier_keep(side, (struct span){ buf, kept + n }))
		side_lose(side);
}

/*
 * What was remembered
 */

/* Tells the dialogue what it does not know yet; true if there was anything. */
static bool
tell_side(struct carrier *c, enum dialogue_side which)
{
	struct side	*side = &c->side[which];
	uint64_t	 now_ms = c->env->now_ms;

	if (!stream_is_open(&side->stream))
		return false;
	if (side->end == SIDE_LOST && which == DIALOGUE_HOP &&
	    (side->phase == SIDE_UP || side->phase == SIDE_SECURING)) {
		/* It may have said why it goes. */
		side->end = SIDE_READ_OUT;
		read_side(c, which);
		return true;
	}
	switch (side->end) {
	case SIDE_LOST:
	case SIDE_READ_OUT:
		side->end = SIDE_LOST_TOLD;
		dialogue_lost(c->d, which, stream_why(&side->stream), false,
		    now_ms);
		return true;
	case SIDE_EOF:
		side->end = SIDE_EOF_TOLD;
		dialogue_eof(c->d, which, now_ms);
		return true;
	case SIDE_GOES_ON:
	case SIDE_EOF_TOLD:
	case SIDE_LOST_TOLD:
		break;
	}
	return false;
}

static bool
tell_hop(struct carrier *c)
{
	if (c->has_failed) {
		c->has_failed = false;
		dialogue_lost(c->d, DIALOGUE_HOP, c->why, c->is_permanent,
		    c->env->now_ms);
		return true;
	}
	if (c->is_connected) {
		c->is_connected = false;
		dialogue_connected(c->d, c->env->now_ms);
		return true;
	}
	return false;
}

/* True: a connection turned out to be broken. */
static bool
flush(struct carrier *c)
{
	bool	 did = false;
	int	 i;

	for (i = 0; i < 2; i++) {
		struct side	*side = &c->side[i];

		if (stream_is_open(&side->stream) && !side_is_lost(side) &&
		    !stream_flush(&side->stream)) {
			side_lose(side);
			did = true;
		}
	}
	return did;
}

static void
secure_client(struct carrier *c)
{
	struct side	*side = &c->side[DIALOGUE_CLIENT];
	SSL		*ssl;

	ssl = tls_accept_new(c->relay->tls, side->stream.fd);
	if (ssl == NULL)
		c->is_closing = true;
	else
		stream_secure(&side->stream, ssl);
}

/* TLS begins when all that comes before it has been sent, and nothing has come
 * that would be taken for a part of what TLS protects. */
static bool
begin_tls(struct carrier *c)
{
	bool	 did = false;
	int	 i;

	for (i = 0; i < 2; i++) {
		struct side	*side = &c->side[i];

		if (side->phase != SIDE_SECURING ||
		    !stream_is_open(&side->stream) ||
		    stream_pending(&side->stream) > 0)
			continue;
		did = true;
		side->phase = SIDE_SHAKING;
		if (side->in_len > 0)
			side_lose(side);
		else if (i == DIALOGUE_CLIENT)
			secure_client(c);
		else
			carrier_secure_hop(c);
	}
	return did;
}

static void
set_reading(struct carrier *c)
{
	int	 i;

	for (i = 0; i < 2; i++) {
		struct side	*side = &c->side[i];
		bool		 wants = true;

		if (!stream_is_open(&side->stream))
			continue;
		if (c->d != NULL && c->linger_ms == 0)
			wants = dialogue_wants(c->d, (enum dialogue_side)i);
		stream_want_read(&side->stream, wants &&
		    side->end == SIDE_GOES_ON && side->in_len <
		    (in_max(c, (enum dialogue_side)i) < IN_MAX ?
		    in_max(c, (enum dialogue_side)i) : IN_MAX));
	}
}

static void	on_timer(evutil_socket_t, short, void *);

/* An earlier alarm finds out by itself that it is too early. */
static void
set_timer(struct carrier *c)
{
	uint64_t	 now_ms = c->env->now_ms, deadline;
	struct timeval	 wait;

	if (c->is_closing)
		deadline = c->linger_ms;
	else if (c->is_unfinished)
		deadline = now_ms;
	else if (c->d == NULL)
		deadline = carrier_start_deadline(c);
	else
		deadline = dialogue_deadline(c->d);
	if (c->armed_ms != 0 && c->armed_ms <= deadline)
		return;
	c->armed_ms = deadline;
	deadline = deadline > now_ms ? deadline - now_ms : 0;
	wait.tv_sec = (time_t)(deadline / 1000U);
	wait.tv_usec = (suseconds_t)(deadline % 1000U * 1000U);
	(void)event_add(&c->timer, &wait);
}

/* Whether the client has sent what nobody has read: to close upon that resets
 * the connection, and with it may go the last reply. */
static bool
has_unread(const struct side *side)
{
	int	 n = 0;

	return side->in_len > 0 || (side->end == SIDE_GOES_ON &&
	    ioctl(side->stream.fd, FIONREAD, &n) == 0 && n > 0);
}

/* True: the carrier is gone. */
static bool
finish(struct carrier *c)
{
	struct side	*side = &c->side[DIALOGUE_CLIENT];
	uint64_t	 now_ms = c->env->now_ms;

	if (!stream_is_open(&side->stream) || side_is_lost(side))
		goto gone;
	if (c->linger_ms == 0) {
		if (stream_pending(&side->stream) == 0 && !has_unread(side))
			goto gone;
		/* Also what is sent later is the last. */
		stream_shutdown(&side->stream);
		c->linger_ms = now_ms + (stream_pending(&side->stream) > 0 ?
		    FLUSH_MS : LINGER_MS);
	}
	if (now_ms >= c->linger_ms ||
	    (side->end != SIDE_GOES_ON &&
	    stream_pending(&side->stream) == 0))
		goto gone;
	return false;
gone:
	carrier_free(c);
	return true;
}

/* One after the other until nothing moves. */
static void
move(struct carrier *c)
{
	unsigned	 turn = 0;
	bool		 did;

	do {
		did = tell_hop(c);
		did = offer_kept(c, DIALOGUE_HOP) || did;
		did = tell_side(c, DIALOGUE_HOP) || did;
		did = offer_kept(c, DIALOGUE_CLIENT) || did;
		did = tell_side(c, DIALOGUE_CLIENT) || did;
		did = flush(c) || did;
		did = begin_tls(c) || did;
		/* A connect that was asked for here may have failed at once. */
	} while ((did || c->has_failed) && !c->is_closing &&
	    ++turn < TURNS_MAX);
	/* It is others' turn. */
	c->is_unfinished = turn == TURNS_MAX;
}

void
carrier_go_on(struct carrier *c)
{
	if (!c->is_closing && (c->d != NULL || carrier_start(c)))
		move(c);
	if (c->is_closing)
		(void)flush(c);
	if (c->is_closing && finish(c))
		return;
	set_reading(c);
	set_timer(c);
}

/*
 * Events
 */

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct carrier	*c = arg;
	uint64_t	 now_ms;

	(void)fd;
	(void)what;
	carrier_tick(c->env);
	now_ms = c->env->now_ms;
	c->armed_ms = 0;
	if (c->d == NULL && !c->is_closing &&
	    now_ms >= carrier_start_deadline(c))
		carrier_start_late(c);
	else if (c->d != NULL && !c->is_closing)
		dialogue_tick(c->d, now_ms);
	carrier_go_on(c);
}

static void
note_tls(struct carrier *c, enum dialogue_side which, bool is_done)
{
	c->side[which].phase = is_done ? SIDE_UP : SIDE_MUTE;
	c->env->tls(c->env->arg, which, is_done);
}

static void
on_event(struct carrier *c, enum dialogue_side which, enum stream_event event)
{
	struct side		*side = &c->side[which];
	struct tls_peer	 peer;

	carrier_tick(c->env);
	switch (event) {
	case STREAM_READABLE:
		read_side(c, which);
		break;
	case STREAM_CONNECTED:
		c->is_connected = true;
		side->phase = SIDE_UP;
		break;
	case STREAM_SECURED:
		note_tls(c, which, true);
		tls_peer_read(side->stream.ssl, &peer);
		dialogue_secured(c->d, which, &peer, c->env->now_ms);
		break;
	case STREAM_FAILED:
		if (side->phase == SIDE_SHAKING)
			note_tls(c, which, false);
		side_lose(side);
		break;
	case STREAM_DRAINED:
		break;
	}
	carrier_go_on(c);
}

void
carrier_client_event(struct stream *stream, enum stream_event event,
    void *arg)
{
	(void)stream;
	on_event(arg, DIALOGUE_CLIENT, event);
}

void
carrier_hop_event(struct stream *stream, enum stream_event event, void *arg)
{
	(void)stream;
	on_event(arg, DIALOGUE_HOP, event);
}

/*
 * Beginning and end
 */

bool
carrier_new(struct carrier_env *env, struct served *served,
    const struct served_relay *relay, int fd, const struct dialogue_peer *peer)
{
	struct carrier	*c = calloc(1, sizeof *c);
	struct err	 err;

	if (c == NULL || event_assign(&c->timer, env->base, -1, 0, on_timer,
	    c) != 0 || stream_open(&c->side[DIALOGUE_CLIENT].stream,
	    env->base, fd, false, carrier_client_event, c, &err) != 0) {
		free(c);
		(void)close(fd);
		return false;
	}
	carrier_tick(env);
	c->env = env;
	c->served = served_ref(served);
	c->relay = relay;
	c->peer = *peer;
	c->client = c->counted = peer->addr;
	c->begun_ms = env->now_ms;
	c->side[DIALOGUE_CLIENT].phase = SIDE_UP;
	c->is_in_proxy_net = carrier_awaits_header(relay, &peer->addr);
	c->is_counted = !c->is_in_proxy_net;
	LIST_INSERT_HEAD(&env->all, c, entry);
	env->n++;
	carrier_go_on(c);
	return true;
}

void
carrier_stop_all(struct carrier_env *env)
{
	struct carrier	*c, *next;

	carrier_tick(env);
	LIST_FOREACH_SAFE(c, &env->all, entry, next) {
		if (c->d == NULL)
			c->is_closing = true;
		else
			dialogue_stop(c->d, env->now_ms);
		carrier_go_on(c);
	}
}

void
carrier_free_all(struct carrier_env *env)
{
	struct carrier	*c, *next;

	LIST_FOREACH_SAFE(c, &env->all, entry, next)
		carrier_free(c);
}
