/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * carrier_start: what comes before the greeting: the PROXY header of those who
 * have to send one, and the client's name.  Who has to is decided by the
 * socket's address; what anybody else sends is SMTP, or nothing.
 */
#include "carrier_private.h"

#include <stdio.h>

#include "daemon/log.h"

#define MS		1000U
#define NAME_MS		5000U	/* for the name; then it goes without */

bool
carrier_awaits_header(const struct served_relay *relay,
    const struct address *peer)
{
	const struct conf_relay	*conf = relay->conf;
	unsigned		 i;

	for (i = 0; i < conf->n_proxy_nets; i++)
		if (address_in_net(peer, &conf->proxy_nets[i]))
			return true;
	return false;
}

uint64_t
carrier_start_deadline(const struct carrier *c)
{
	if (!c->is_in_proxy_net)
		return c->begun_ms + NAME_MS;
	return c->has_header ? c->header_ms + NAME_MS : c->begun_ms +
	    (uint64_t)c->relay->conf->proxy_protocol_timeout * MS;
}

static bool
begin(struct carrier *c, const struct proxy_header *proxy)
{
	c->d = dialogue_new(&c->env->dialogue, served_conf(c->served),
	    c->relay->conf, c->relay->hostname, &c->peer, proxy, c,
	    c->env->now_ms);
	if (c->d == NULL) {
		c->env->refused(c->env->arg, RELAY_REFUSED_RESOURCES);
		c->is_closing = true;
	}
	return c->d != NULL;
}

static void
refuse(struct carrier *c, const char *text)
{
	char	 addr[ADDRESS_TEXT_SIZE];

	LOG(LOG_LEVEL_WARNING, NULL, "proxy_header", { "peer",
	    address_format(&c->peer.addr, addr, sizeof addr) },
	    { "relay", c->relay->conf->name }, { "text", text });
	c->env->refused(c->env->arg, RELAY_REFUSED_PROXY_HEADER);
	c->is_closing = true;
}

/* Who reads this has a balancer to look after, and knows of this relay only
 * that it does not answer. */
static void
refuse_late(struct carrier *c)
{
	size_t	 n = c->side[DIALOGUE_CLIENT].in_len;
	char	 came[48], text[ERR_TEXT_SIZE];

	(void)snprintf(came, sizeof came, "%zu octets of it came", n);
	(void)snprintf(text, sizeof text, "the PROXY header did not come in "
	    "time, which is %u seconds (proxy_protocol_timeout): %s",
	    c->relay->conf->proxy_protocol_timeout, n > 0 ? came :
	    "nothing came; check that this peer is told to send it, and sends "
	    "it at once: some balancers hold it back until the client has "
	    "spoken, but in SMTP the server speaks first");
	refuse(c, text);
}

/* From now on it is the client's connection.  False: he has too many. */
static bool
admit(struct carrier *c, const struct proxy_header *header)
{
	static const char	 reply[] = "421 4.7.0 too many connections\r\n";

	c->has_header = true;
	c->header_ms = c->env->now_ms;
	/* Of nobody: health checks must not wait for a name. */
	c->client = header->source;
	if (!header->is_local)
		c->counted = header->source;
	c->is_counted = c->env->admit(c->env->arg, c->relay, &c->counted,
	    &c->peer.addr);
	if (c->is_counted)
		return true;
	(void)stream_put(&c->side[DIALOGUE_CLIENT].stream,
	    (struct span){ reply, sizeof reply - 1 }, true);
	c->is_closing = true;
	return false;
}

/* True: the header is there, and right. */
static bool
take_header(struct carrier *c)
{
	const struct side	*side = &c->side[DIALOGUE_CLIENT];
	struct proxy_header	 header;
	struct err		 err;
	size_t			 used;

	switch (proxy_header_find(side->in_len == 0 ? "" : side->in,
	    side->in_len, &header, &used, &err)) {
	case PROXY_HEADER_DONE:
		return admit(c, &header);
	case PROXY_HEADER_MORE:
		if (side->end != SIDE_GOES_ON)
			c->is_closing = true;
		return false;
	case PROXY_HEADER_TOO_LONG:
	case PROXY_HEADER_BAD:
		break;
	}
	refuse(c, err.text);
	return false;
}

/* Exactly the header is taken; what stands behind it is SMTP.  It is read
 * again, because more may have come since, and the octets have moved. */
static bool
begin_with_header(struct carrier *c, const char *name, bool is_untold)
{
	struct side		*side = &c->side[DIALOGUE_CLIENT];
	struct proxy_header	 header;
	size_t			 used;
	bool			 has_begun;

	if (proxy_header_find(side->in, side->in_len, &header, &used, NULL) !=
	    PROXY_HEADER_DONE) {
		c->is_closing = true;
		return false;
	}
	header.source_name = name;
	header.is_name_untold = is_untold;
	has_begun = begin(c, &header);
	if (!carrier_keep(side, (struct span){ side->in + used,
	    side->in_len - used }))
		c->is_closing = true;
	return has_begun && !c->is_closing;
}

/* With what is known of the client's name: NULL, none; is_untold: nobody could
 * say. */
static bool
begin_named(struct carrier *c, const char *name, bool is_untold)
{
	bool	 has_begun;

	if (c->is_in_proxy_net)
		return begin_with_header(c, name, is_untold);
	/* Of whom no name is known, for whatever reason, is a stranger to
	 * rules by name; those by address hold. */
	c->peer.name = name;
	has_begun = begin(c, NULL);
	c->peer.name = NULL;
	return has_begun;
}

static void
on_name(const struct resolve_answer *answer, void *arg)
{
	struct carrier	*c = arg;

	carrier_tick(c->env);
	c->query = NULL;
	if (!c->is_closing)
		(void)begin_named(c, answer->result == RESOLVE_OK ?
		    answer->name : NULL,
		    answer->result == RESOLVE_CANNOT_TELL);
	carrier_go_on(c);
}

void
carrier_start_late(struct carrier *c)
{
	if (c->is_in_proxy_net && !c->has_header) {
		refuse_late(c);
		return;
	}
	if (c->query != NULL)
		resolve_cancel(c->query);
	c->query = NULL;
	(void)begin_named(c, NULL, true);
}

/* Whose name is known without looking, or of no use. */
static bool
begin_unnamed(struct carrier *c)
{
	return c->is_in_proxy_net ? begin_with_header(c, NULL, false) :
	    begin(c, NULL);
}

bool
carrier_start(struct carrier *c)
{
	if (c->is_in_proxy_net && !c->has_header && !take_header(c))
		return false;
	if (!c->relay->conf->name_lookup || c->client.family == AF_UNSPEC)
		return begin_unnamed(c);
	if (c->query == NULL)
		c->query = resolve_name(c->env->resolver, &c->client, on_name,
		    c);
	if (c->query == NULL)
		c->is_closing = true;
	return false;
}
