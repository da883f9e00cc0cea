/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * stage: a dialogue (relay/dialogue.h) between a client and next hops that a
 * test plays, with a clock of the test's own.
 *
 * It does for the dialogue what the carrier does, without a socket: what is not
 * taken is offered again, with what comes behind it, after anything else.  What
 * is sent and asked for is kept, in order, for each side; and whatever
 * happens, it watches over what must never happen (stage_fault).
 */
#ifndef XC_T_STAGE_H
#define XC_T_STAGE_H

#include "conf/scope.h"
#include "relay/dialogue.h"
#include "talk.h"

/* A line of what is kept that was not sent, but asked for: ASKED and a word or
 * more, and LF. */
#define STAGE_ASKED	'\001'

#define STAGE_NOTES_MAX	64
#define STAGE_NOTE_SIZE	512

struct stage_note {
	char	text[STAGE_NOTE_SIZE];
	char	rule[192];
	bool	is_grave;	/* the log would have it at warning or above */
	bool	is_seen;
};

struct stage;

/* What the peer was granted, by a configuration that is the test's. */
struct stage_grants {
	/* What is wrong with telling a next hop that a client is so; NULL:
	 * nothing. */
	const char	*(*told)(const struct stage *stage,
			    const struct assertion_set *set);
	/* Whether a pair of that name may be set. */
	bool		 (*may_set)(const char *name);
	enum trust_seal	 seal;
	bool		 only_reports;
	bool		 is_xclient_required;	/* at any next hop */
};

/* What stage_rules.c has to remember. */
struct stage_rules {
	/* Of the connection to the next hop: */
	enum scope_tls	 tls;		/* that it is to have */
	bool		 is_secured;
	bool		 is_told;	/* by XCLIENT, who the client is */
	uint64_t	 size;		/* announced; 0: none */
	uint64_t	 chunked;	/* octets that BDATs have announced */
	/* Of former ones: */
	unsigned	 n_ends, n_tls_accepted;
	/* Of the session: */
	bool		 is_mail_refused;
	bool		 is_message_refused;
	bool		 is_overridden;
	bool		 is_sealed;
};

struct stage {
	/* The test's: */
	struct conf		*conf;
	const struct conf_relay	*relay;
	struct store		*store;
	struct dialogue_peer	 peer;
	const struct proxy_header *proxy;	/* NULL: none */
	const struct stage_grants *grants;	/* NULL: not known */
	unsigned		 n_addresses;	/* of each next hop */
	size_t			 room[2];	/* by enum dialogue_side */
	bool			 refuses_hand_over;

	/* What has come of it: */
	struct dialogue		*d;
	struct dialogue_env	 env;
	uint64_t		 now_ms;
	struct bytes		 out[2];
	struct bytes		 in[2];		/* not taken yet */
	unsigned		 address;	/* that is tried */
	unsigned		 n_connects;
	unsigned		 n_commands;	/* of the client, or more */
	bool			 is_hop_local;
	bool			 is_refusal_known, is_taken_known;
	bool			 is_connecting, is_connected;
	bool			 is_header_due;	/* of the PROXY protocol */
	bool			 is_securing[2];
	bool			 is_gone;	/* the client, by itself */
	bool			 is_closed;
	bool			 is_ending;	/* a reply that ends all was said */
	bool			 is_end_said;	/* ... and what is due in its place */
	bool			 has_hop_said_broken;
	bool			 is_clients_turn; /* it is being taken from */
	bool			 has_cost_message; /* what it said ended a
						 * connection over which the
						 * reply to a message is due */
	struct stage_note	 notes[STAGE_NOTES_MAX];
	unsigned		 n_notes;

	struct talk		 client, hop;
	struct span		 offering;	/* the next hop's bytes that the
						 * dialogue is taking */
	struct bytes		 xclient;	/* lines sent, not answered */
	struct bytes		 contrary;	/* lines of next hops whose two
						 * codes differ in class */
	unsigned		 n_hop_accepted;	/* by former next hops */
	unsigned		 offered;	/* attributes of XCLIENT */
	struct stage_rules	 rules;
	char			 fault[1024];	/* "": none */
};

/* Begins with the connection of a client; all but what is the test's may be
 * anything.  Aborts the test if there is no memory. */
void	stage_begin(struct stage *stage);
void	stage_end(struct stage *stage);

/* What happens.  Without a connection that it could happen to nothing does. */
void	stage_input(struct stage *stage, enum dialogue_side side,
	    struct span bytes);
void	stage_eof(struct stage *stage, enum dialogue_side side);
void	stage_lost(struct stage *stage, enum dialogue_side side,
	    const char *why, bool is_permanent);
void	stage_connected(struct stage *stage);
void	stage_secured(struct stage *stage, enum dialogue_side side,
	    const char *fingerprint);
void	stage_stop(struct stage *stage);
void	stage_room(struct stage *stage, enum dialogue_side side, size_t room);
/* Time goes by, and with it what was to happen till then. */
void	stage_wait(struct stage *stage, uint64_t ms);

/* What must not have happened; NULL: nothing. */
const char	*stage_fault(const struct stage *stage);

#endif
