/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * client: the client's half of a dialogue.  It takes what a client sends
 * apart, hands each command on (again, as long as it has to wait), and owes it
 * a reply: all that is owed stands in one queue, and is said once, in order,
 * whoever answers it, and when.
 *
 * It alone writes to the client.  It knows no next hop, no session and no rule
 * but those of the protocol's lines, and how many errors are too many.
 */
#ifndef XC_RELAY_CLIENT_H
#define XC_RELAY_CLIENT_H

#include "base/smtp_command.h"
#include "conf/conf_relay.h"
#include "smtp/smtp_reply.h"

/* What is next. */
enum client_state {
	CLIENT_COMMAND,
	CLIENT_GO_AHEAD,	/* 354, before which nothing may come */
	CLIENT_OCTETS,		/* of a message: the owner takes them */
	CLIENT_AUTH_WAIT,	/* the other side's part of an AUTH exchange */
	CLIENT_AUTH,		/* the client's: a line */
	CLIENT_SECURING,	/* a TLS handshake */
	CLIENT_LEAVING,		/* nothing: what comes is not read */
	CLIENT_CLOSED
};

/* A reply, or several, that is owed.  It is the client's, and lives until it has
 * been said in full. */
struct client_reply;

/* What became of a command. */
enum client_take {
	CLIENT_TAKEN,		/* it is answered, or will be */
	CLIENT_WAITS		/* it is handed on again by client_resume */
};

struct client_ops {
	void	 (*send)(void *arg, struct span bytes);
	/* Octets that may be sent before it has to be waited for. */
	size_t	 (*room)(void *arg);
	/* It is over; nothing is sent any more. */
	void	 (*closed)(void *arg);
	/* It has broken a rule. */
	void	 (*violated)(void *arg, unsigned code, const char *text);
	/* is_again: it has waited. */
	enum client_take (*command)(void *arg,
		    const struct smtp_command *command,
		    struct client_reply *reply, bool is_again);
	/* A line of an AUTH exchange, without its end. */
	void	 (*auth_line)(void *arg, struct span line);
	/* Octets of a message; returns how many were taken. */
	size_t	 (*octets)(void *arg, struct span bytes);
};

struct client;

/* relay and now_ms (the time, as the owner goes on) are referenced.  NULL: out
 * of memory. */
struct client	*client_new(const struct client_ops *ops, void *arg,
		    const struct conf_relay *relay, const uint64_t *now_ms);
void		 client_free(struct client *c);

/*
 * Takes bytes that came; returns how many, and leaves the rest to be offered
 * again, with what comes behind them.  It takes no more than a turn's worth.
 */
size_t	client_input(struct client *c, struct span bytes);
/* Hands the command that waits on again. */
void	client_resume(struct client *c);
/* It will send no more; what was left of its bytes is offered again. */
void	client_eof(struct client *c);
/* One that will send nothing more and is owed nothing is done with; half a
 * message, or half a handshake, is none.  To be called after anything. */
void	client_finish(struct client *c);

enum client_state	client_state(const struct client *c);
/* What is next; its time runs from now on. */
void	client_expect(struct client *c, enum client_state state);
/* A command waits. */
bool	client_is_waiting(const struct client *c);
bool	client_is_eof(const struct client *c);
/* Nothing is owed, and a command is next. */
bool	client_is_idle(const struct client *c);
/* Nothing is owed before this. */
bool	client_is_first(const struct client *c,
	    const struct client_reply *reply);
/* Whether more bytes are of use now, as far as it knows. */
bool	client_wants(const struct client *c);
/* It does not read its replies: it gets no more of them. */
bool	client_is_deaf(const struct client *c);

/* When it was last heard of. */
uint64_t	client_since(const struct client *c);
void		client_touch(struct client *c);

/*
 * Replies.  A reply of n parts (1 if nothing else is said) takes that many
 * calls.  All of them copy, and say it in its turn; what cannot be kept for want
 * of memory ends the connection, lest later replies answer other commands.
 */

/* One that is owed for no command: the greeting, the end of content. */
struct client_reply	*client_owe(struct client *c);
/* It tells what became of a message: until all n of them are said, the client
 * is told nothing else. */
void	client_owe_message(struct client *c, struct client_reply *reply,
	    unsigned n);
/* "code text"; CRLF is added. */
void	client_say(struct client *c, struct client_reply *reply,
	    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Lines with their ends. */
void	client_say_text(struct client *c, struct client_reply *reply,
	    const char *text);
/* The same, of what a server says, or is the matter with it: no error of the
 * client's. */
void	client_pass_text(struct client *c, struct client_reply *reply,
	    const char *text);
/* A server's reply, written afresh. */
void	client_pass(struct client *c, struct client_reply *reply,
	    const struct smtp_reply *said);
/* The same, and more is to come in that place. */
void	client_pass_part(struct client *c, struct client_reply *reply,
	    const struct smtp_reply *said);
/* Says it, and ends. */
void	client_say_last(struct client *c, struct client_reply *reply,
	    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Ends with "code text", unasked: at once, whatever is owed; but if it is owed
 * what became of a message, behind that, unless code is 421. */
void	client_end(struct client *c, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
/* Ends without a word. */
void	client_close(struct client *c);

/* It has done something useful: its errors are forgotten. */
void	client_forgive(struct client *c);

#endif
