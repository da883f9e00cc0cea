/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialog: the side of a Postfix smtpd process in a conversation with
 * xcontext-policy, one request and one reply at a time.
 *
 * Requests are made ready once and then sent as they are, so that a
 * benchmark spends its time on the server.  Errors end the process.
 */
#ifndef XC_T_DIALOG_H
#define XC_T_DIALOG_H

#include <stdbool.h>
#include <stddef.h>

#define DIALOG_TEXT_SIZE	4096

enum dialog_kind { DIALOG_POLICY, DIALOG_LOOKUP };

/* Who connects. */
enum dialog_peer {
	DIALOG_MESSENGER,	/* in 10.0.0.0/16; its override is sealed */
	DIALOG_FILTER,		/* in 10.1.0.0/16; its override never is */
	DIALOG_STRANGER		/* in 192.0.2.0/24 */
};

/* One request, ready to be sent, and how its reply begins. */
struct dialog_step {
	enum dialog_kind kind;
	size_t		 len;
	char		 request[DIALOG_TEXT_SIZE];
	const char	*want;
};

/* The two hosts that a session speaks of. */
struct dialog_hosts {
	char	peer[16];	/* who connected */
	char	client[16];	/* whom the peer names by XCLIENT */
	char	other[16];	/* another client that it may name */
};

struct dialog {
	int	fd[2];		/* by kind; -1: not connected */
	bool	is_constant;	/* any reply of the server will do */
};

/* Connects both sockets; NULL leaves one out. */
void	dialog_open(struct dialog *dialog, const char *policy,
	    const char *maps, bool is_constant);

/* Connects a UNIX-domain stream socket. */
int	dialog_connect(const char *path);

/* Reads exactly that much. */
void	dialog_read(int fd, void *buf, size_t len);

/* Fills in the hosts of the index-th session. */
void	dialog_hosts(unsigned index, enum dialog_peer peer,
	    struct dialog_hosts *hosts_r);

/*
 * Makes a step of a lookup, "map key", in which %p, %c and %o stand for the
 * hosts; or of a policy request, if text is NULL.  want is NULL if the reply
 * may be any.
 */
void	dialog_prepare(struct dialog_step *step, const char *text,
	    const char *want, const struct dialog_hosts *hosts);

/* Sends the request, without waiting for the reply. */
void	dialog_send(const struct dialog *dialog,
	    const struct dialog_step *step);

/* Reads the reply, which must begin as wanted. */
void	dialog_receive(const struct dialog *dialog,
	    const struct dialog_step *step);

/* Both. */
void	dialog_ask(const struct dialog *dialog,
	    const struct dialog_step *step);

/* As dialog_prepare and dialog_ask for a lookup that is made only once. */
void	dialog_say(const struct dialog *dialog, const char *text,
	    const char *want, const struct dialog_hosts *hosts);

/*
 * Plays a messenger's session as Postfix would: it begins, and the override
 * is asked for, permitted and executed.  is_greeted: up to the greeting that
 * seals it.
 */
void	dialog_messenger(const struct dialog *dialog,
	    const struct dialog_hosts *hosts, bool is_greeted);

#endif
