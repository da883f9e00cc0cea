/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * What carrier.c (bytes and time), carrier_start.c (before the dialogue) and
 * carrier_hop.c (the way to the next hop) share.
 */
#ifndef XC_RELAY_CARRIER_PRIVATE_H
#define XC_RELAY_CARRIER_PRIVATE_H

#include "carrier.h"
#include "smtp/stream.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <netinet/in.h>

#include "host_memory.h"

union any_address {
	struct sockaddr		 sa;
	struct sockaddr_in	 in;
	struct sockaddr_in6	 in6;
	struct sockaddr_un	 un;
	struct sockaddr_storage	 storage;
};

/* Octets that are kept for a side that does not take them. */
#define HIGH_WATER	65536U

/* Whether bytes can have come on a connection. */
enum side_phase {
	SIDE_MUTE,		/* no: it is not there yet, or TLS has failed */
	SIDE_UP,
	SIDE_SECURING,		/* still: TLS begins when all was sent */
	SIDE_SHAKING		/* no: TLS is being negotiated */
};

/* How a connection has ended.  Each end is told to the dialogue once, and once
 * only: an end that is followed by a failure is not told again. */
enum side_end {
	SIDE_GOES_ON,
	SIDE_EOF,		/* it sends no more, but may be sent to */
	SIDE_EOF_TOLD,
	SIDE_LOST,		/* it has failed */
	SIDE_READ_OUT,		/* ... and what came before that was read */
	SIDE_LOST_TOLD
};

struct side {
	struct stream	 stream;
	enum side_phase	 phase;
	enum side_end	 end;
	char		*in;		/* not taken by the dialogue yet */
	size_t		 in_len;
};

static inline bool
side_is_lost(const struct side *side)
{
	return side->end >= SIDE_LOST;
}

/* It has failed, whatever became of it before. */
static inline void
side_lose(struct side *side)
{
	if (side->end == SIDE_EOF_TOLD)
		side->end = SIDE_LOST_TOLD;
	else if (!side_is_lost(side))
		side->end = SIDE_LOST;
}

struct carrier {
	LIST_ENTRY(carrier)	 entry;
	struct carrier_env	*env;
	struct served		*served;		/* a reference */
	const struct served_relay	*relay;
	struct dialogue		*d;		/* NULL: not begun */
	struct dialogue_peer	 peer;
	struct side		 side[2];	/* by enum dialogue_side */
	struct event		 timer;
	uint64_t		 armed_ms;	/* 0: it is not */
	uint64_t		 begun_ms;
	bool			 is_closing;
	bool			 is_unfinished;	/* it could go on at once */
	uint64_t		 linger_ms;	/* until then */
	bool			 is_in_proxy_net;
	bool			 is_counted;	/* counted is */
	struct address		 counted;	/* for peer_connections */
	bool			 has_header;	/* of the PROXY protocol */
	uint64_t		 header_ms;	/* since then */
	struct address		 client;	/* whose name it is about: the
						 * peer, or whom the header
						 * names; AF_UNSPEC: nobody */
	struct resolve_query	*query;

	/* The next hop. */
	struct hop_target	 target;
	struct resolve_answer	*addresses;	/* NULL: none are needed */
	unsigned		 next_address;
	union any_address	 hop_addr;	/* that was tried last */
	char			 why[ERR_TEXT_SIZE + 280];	/* it cannot be reached */
	bool			 is_permanent;
	bool			 has_failed;	/* to be told */
	bool			 is_connected;	/* to be told */
	bool			 is_handed_over;
	char			 handed_id[ULID_SIZE];
	struct address		 out_addr;	/* of our socket, if so */
	uint16_t		 out_port;
};

/* carrier.c: at the beginning of an event: what time it is (milliseconds since
 * the epoch, which never go back). */
void	carrier_tick(struct carrier_env *env);
/* After anything that has happened.  The carrier may be gone
 * then. */
void	carrier_go_on(struct carrier *c);
void	carrier_free(struct carrier *c);
void	carrier_client_event(struct stream *stream, enum stream_event event,
	    void *arg);
void	carrier_hop_event(struct stream *stream, enum stream_event event,
	    void *arg);
/* Keeps bytes for later; false: out of memory. */
bool	carrier_keep(struct side *side, struct span bytes);

/* carrier_start.c: true if the dialogue has begun; false: more is awaited, or
 * (is_closing) there will be none.  */
bool	carrier_start(struct carrier *c);
/* When that has to be over. */
uint64_t	carrier_start_deadline(const struct carrier *c);
/* It is. */
void		carrier_start_late(struct carrier *c);

/* carrier_hop.c: these of struct dialogue_ops. */
void	carrier_connect(void *arg, const struct hop_target *target);
bool	carrier_connect_next(void *arg);
bool	carrier_has_next(void *arg);
bool	carrier_is_hop_local(void *arg);
void	carrier_remember_failed(void *arg);
void	carrier_remember_taken(void *arg);
bool	carrier_remember_refusal(void *arg);
bool	carrier_remembers_refusal(void *arg);
void	carrier_disconnect(void *arg);
bool	carrier_hand_over(void *arg, const struct session *session);
/* "host[address]" that was found for the next hop and is tried, or connected
 * to; NULL: there was no need to look. */
#define CARRIER_HOST_SIZE	(256 + ADDRESS_TEXT_SIZE + 2)
const char	*carrier_hop_host(const struct carrier *c, char *buf,
		    size_t size);
/* Begins TLS with the next hop. */
void	carrier_secure_hop(struct carrier *c);

#endif
