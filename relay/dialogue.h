/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue: one client's SMTP session with the relay, and the next hop's with
 * it: what is said to the one upon what the other says.
 *
 * It knows no socket and no clock.  Bytes that came are handed to it, as many
 * as it takes at the moment; what is to be done it asks of dialogue_ops.  It
 * never takes responsibility for a message: the reply to the end of a message
 * is the next hop's, or says that nobody can tell.
 */
#ifndef XC_RELAY_DIALOGUE_H
#define XC_RELAY_DIALOGUE_H

#include "base/smtp_command.h"
#include "conf/conf_relay.h"
#include "hop.h"
#include "proxy_header.h"
#include "session/route.h"
#include "session/session_life.h"
#include "smtp/tls.h"

enum dialogue_side { DIALOGUE_CLIENT, DIALOGUE_HOP };

/* What happened, for log and metrics. */
enum dialogue_event {
	DIALOGUE_COMMAND,	/* a client's command; verb */
	DIALOGUE_HOP_READY,	/* a next hop has greeted us and knows who the
				 * client is */
	DIALOGUE_HOP_FAILED,	/* it could not be used; text */
	DIALOGUE_XCLIENT_SENT,	/* line */
	DIALOGUE_XCLIENT_NOT_OFFERED,
	DIALOGUE_XCLIENT_REFUSED,	/* or the EHLO behind it; text is its
					 * reply */
	DIALOGUE_XCLIENT_VERDICT,	/* likewise: the client is unwelcome */
	DIALOGUE_XCLIENT_FAILED,	/* the connection broke over it, or over
					 * the EHLO behind it */
	DIALOGUE_MAIL_REFUSED,	/* by us; text is the reply */
	DIALOGUE_MESSAGE,	/* its final reply; code, text, octets */
	DIALOGUE_PROTOCOL_ERROR, /* of the client; text */
	DIALOGUE_TIMEOUT,	/* text says whose */
	DIALOGUE_LOOP
};

/* How far a next hop was. */
enum dialogue_stage {
	DIALOGUE_NO_HOP,
	DIALOGUE_AT_CONNECT,
	DIALOGUE_AT_GREETING,	/* EHLO included */
	DIALOGUE_AT_TLS,
	DIALOGUE_AT_XCLIENT,
	DIALOGUE_AT_MAIL	/* it was ready */
};

struct dialogue_report {
	enum dialogue_event	 event;
	enum dialogue_stage	 stage;
	bool			 is_late;	/* it is over time */
	const struct session	*session;
	const struct address	*client;	/* the one that an XFORWARD
						 * names, or the session's */
	const struct route	*route;		/* NULL: none is known */
	const char		*host;		/* which of the next hop's,
						 * where it was looked up; by
						 * the connections' owner */
	enum smtp_verb		 verb;
	unsigned		 code;
	const char		*text;		/* NULL: none */
	const char		*line;
	uint64_t		 octets;
	const char		*sender;	/* of the message, or NULL */
	unsigned		 n_recipients;
};

/*
 * What a dialogue asks of whoever has the connections, its carrier.
 *
 * Who calls whom.  The carrier calls the functions below when something has
 * happened: bytes, an end, a moment.  In each of them, dialogue_new and
 * dialogue_free included, the dialogue may call these as often as it likes;
 * outside of them it never does.  So arg has to be whole before dialogue_new,
 * and still after dialogue_free; and what is called within dialogue_new (send,
 * close, note_kept) does not find a dialogue yet.
 *
 * Nothing calls back.  An operation does its work, or remembers it, and
 * returns; what comes of it is told later, when the call in which it was asked
 * for has returned: also what has failed at once.  There is one exception:
 * connect and connect_next may call dialogue_session and dialogue_hand_over,
 * because the address under which a session is handed over is known when there
 * is a socket, and has to be written down before that connects.
 * dialogue_hand_over does nothing but call hand_over.
 *
 * Each question has one answer.  connect, and a connect_next that is true, are
 * followed by dialogue_connected or by dialogue_lost, and secure by
 * dialogue_secured or by dialogue_lost; unless the dialogue has no use for it
 * any more: disconnect, connect and connect_next drop the connection or the
 * attempt that there was, and nothing of it, no byte and no end, is told
 * afterwards.  A connect_next that is false is followed by nothing.
 *
 * Order.  What is sent to a side goes out in the order of the calls; nothing is
 * refused, and what cannot be sent now is copied (room tells how much may be,
 * and it is the dialogue's part to ask).  secure and close take effect behind
 * all that was sent before.  What a side has sent is offered before its end is
 * told, an end is told once, and when both sides have news the next hop's come
 * first: what is said to the client goes by the latest.  Bytes that came ahead
 * of TLS and were not taken are never taken for a part of it: the connection
 * is lost.
 *
 * The end.  close is for good: the client's connection is ended, and from then
 * on no bytes come and no time passes.  Only dialogue_stop, and a
 * dialogue_secured that was under way, may still come before dialogue_free,
 * which the carrier calls when the last bytes are out, or are not wanted.
 */
struct dialogue_ops {
	void	 (*send)(void *arg, enum dialogue_side side,
		    struct span bytes);
	/* Octets that may be sent to a side before it has to be waited for. */
	size_t	 (*room)(void *arg, enum dialogue_side side);
	/* To a next hop: dialogue_connected or dialogue_lost follows. */
	void	 (*connect)(void *arg, const struct hop_target *target);
	/* To the next one of its addresses; false: there is none. */
	bool	 (*connect_next)(void *arg);
	bool	 (*has_next)(void *arg);
	/* Whether the host that is connected to is this one: a loopback
	 * address, or a UNIX-domain socket. */
	bool	 (*is_hop_local)(void *arg);
	/* That this host has failed is known for a while, to all dialogues: it
	 * is tried last. */
	void	 (*remember_failed)(void *arg);
	/* That this host takes XCLIENT, or refuses it, is known for a while, to
	 * all dialogues; a refusal is not, false, if it has taken one. */
	void	 (*remember_taken)(void *arg);
	bool	 (*remember_refusal)(void *arg);
	bool	 (*remembers_refusal)(void *arg);
	void	 (*disconnect)(void *arg);
	/* Begins TLS: dialogue_secured or dialogue_lost follows. */
	void	 (*secure)(void *arg, enum dialogue_side side);
	/* Ends the client's connection, when all was sent. */
	void	 (*close)(void *arg);
	/* Writes the session down again for who has taken it over.  False: it
	 * cannot be done. */
	bool	 (*hand_over)(void *arg, const struct session *session);
	void	 (*report)(void *arg, const struct dialogue_report *report);
};

/* What all dialogues of a process share; not one of them owns it. */
struct dialogue_env {
	const struct dialogue_ops	*ops;
	struct store			*store;
	decision_fn			*decided;	/* of all sessions */
	void				*decided_arg;
	pid_t				 pid;
	uint64_t			 pid_start;
	/* Room for work that lasts no longer than a call: */
	struct judgement		*judgement;
	struct access_keys		*keys;
};

/* Who has connected. */
struct dialogue_peer {
	struct address	 addr;
	uint16_t	 port;
	const char	*name;		/* verified, or NULL */
	struct address	 local;		/* AF_UNSPEC: a UNIX-domain socket */
	uint16_t	 local_port;
	pid_t		 pid;		/* of who connected there; 0: not
					 * known */
};

struct dialogue;

/*
 * Begins one, and greets the client.  conf is referenced; relay is a part of
 * it, hostname the name to greet with.  proxy: the PROXY header that came
 * first, or NULL; it is judged as an XCLIENT of the peer, and, whatever it says,
 * seals the session, but for a profile that never does.
 * NULL: out of memory.
 */
struct dialogue	*dialogue_new(const struct dialogue_env *env,
		    struct conf *conf, const struct conf_relay *relay,
		    const char *hostname, const struct dialogue_peer *peer,
		    const struct proxy_header *proxy, void *arg,
		    uint64_t now_ms);
void		 dialogue_free(struct dialogue *d);

/*
 * Takes bytes that one side has sent.  Returns how many; the rest is to be
 * offered again, with what came behind it, after any other call.  Offer all
 * that there is: what stands behind a command tells whether its sender has
 * waited as it has to.
 */
size_t	dialogue_input(struct dialogue *d, enum dialogue_side side,
	    struct span bytes, uint64_t now_ms);

/* Whether more of a side's bytes are of use now. */
bool	dialogue_wants(const struct dialogue *d, enum dialogue_side side);

/* Whether what a client sends now are octets of a message. */
bool	dialogue_takes_octets(const struct dialogue *d);

/* A side will send no more, and all that it sent was offered (what was not taken
 * is to be offered again nevertheless). */
void	dialogue_eof(struct dialogue *d, enum dialogue_side side,
	    uint64_t now_ms);

/* What was asked of a connection has been done ... */
void	dialogue_connected(struct dialogue *d, uint64_t now_ms);
void	dialogue_secured(struct dialogue *d, enum dialogue_side side,
	    const struct tls_peer *peer, uint64_t now_ms);
/* ... or the connection, or the attempt, has failed.  is_permanent: the next
 * hop's name, which is in why, does not exist. */
void	dialogue_lost(struct dialogue *d, enum dialogue_side side,
	    const char *why, bool is_permanent, uint64_t now_ms);

/* When dialogue_tick is to be called at the latest, in the clock of now_ms. */
uint64_t	dialogue_deadline(const struct dialogue *d);
void		dialogue_tick(struct dialogue *d, uint64_t now_ms);

/* The daemon is about to stop: the client is told at the next moment at which
 * it is owed nothing. */
void	dialogue_stop(struct dialogue *d, uint64_t now_ms);

/* Writes down (ops->hand_over) whose session it is, for who will be asked by the
 * address of the socket; to be called before that connects. */
bool		dialogue_hand_over(struct dialogue *d);

/* The session, for whoever shows it. */
const struct session	*dialogue_session(const struct dialogue *d);

#endif
