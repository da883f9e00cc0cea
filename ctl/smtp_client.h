/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_client: one connection to a server of SMTP or LMTP, and what is said over
 * it, in order.
 *
 * It knows the rules of the wire and none of the session: what may be said in
 * one go, where a group ends, when a reply is due, how content is written.  What
 * is said when, and what a reply means, is its owner's.
 *
 * Whatever is said is completed exactly once, in the order in which it was
 * said, by a call from the event loop: none of these functions calls back.  The
 * server is hostile: a reply that is none, one that nobody asked for (but 421),
 * one that is too long or too late ends the connection, and whatever is left is
 * completed with the reason.  A connection that is over stays so.
 */
#ifndef XC_CTL_SMTP_CLIENT_H
#define XC_CTL_SMTP_CLIENT_H

#include <sys/types.h>

#include "base/address.h"
#include "smtp/smtp_reply.h"
#include "smtp/tls.h"
#include "smtp_server.h"

struct event_base;
struct smtp_client;

enum smtp_client_result {
	SMTP_CLIENT_REPLY,	/* there is a reply */
	SMTP_CLIENT_CONNECT,	/* nobody can be connected to */
	SMTP_CLIENT_CLOSED,	/* the server ended the connection, or it broke */
	SMTP_CLIENT_DEADLINE,	/* the server took too long */
	SMTP_CLIENT_PROTOCOL,	/* the server does not speak SMTP, or says what
				 * it was not asked */
	SMTP_CLIENT_TLS,	/* no handshake, or a certificate that does not
				 * do */
	SMTP_CLIENT_UNSAID,	/* it cannot be said: a line that is too long,
				 * or has controls; the connection goes on */
	SMTP_CLIENT_SOURCE	/* the content's source has failed: the
				 * connection ends, so that half of it is no
				 * message */
};

struct smtp_client_answer {
	enum smtp_client_result	 result;
	const struct smtp_reply	*reply;	/* with REPLY; else NULL.  Lives as long
					 * as the call */
	const char		*why;	/* "" with REPLY; may be hostile */
	unsigned		 nth;	/* of the replies to one end of content */
};

typedef void smtp_client_fn(void *arg,
    const struct smtp_client_answer *answer);

/* Writes some of the content into buf: how many bytes; 0: it is at its end; -1:
 * it has failed. */
typedef ssize_t smtp_client_source(void *arg, char *buf, size_t size);

struct smtp_client_options {
	bool		 is_lmtp;
	bool		 is_tls_first;	/* before the greeting (RFC 8314) */
	bool		 is_one_by_one;	/* not pipelined, though that is
					 * offered */
	SSL_CTX		*tls;		/* the owner's; NULL: no TLS */
	enum tls_level	 tls_level;	/* ENCRYPT or VERIFY */
	const char	*tls_name;	/* in the certificate; NULL: the host of
					 * the server */
	const struct address *source;	/* to connect from; NULL: any */
	struct span	 preamble;	/* said first of all, before the
					 * greeting: a PROXY header */
	unsigned	 timeout_s;	/* for a connection, a handshake, a reply,
					 * and the server to take 64 KB; 0: 30 */
	unsigned	 end_timeout_s;	/* for the reply to the end of content; 0:
					 * 600 */
};

/* options (copied), what they point at, and server outlive the client.  Out of
 * memory ends the program, here as in all of these. */
struct smtp_client	*smtp_client_new(struct event_base *base,
			    const struct smtp_client_options *options);
/* Ends the connection at once; what was said is completed no more.  It may be
 * called by a completion.  NULL is allowed. */
void			 smtp_client_free(struct smtp_client *client);

/* Comes before all else, once: one of the server's addresses after the other is
 * tried.  Completed by the greeting. */
void	smtp_client_connect(struct smtp_client *client,
	    const struct smtp_server *server, smtp_client_fn *fn, void *arg);
/* The same with a socket that is connected and non-blocking, and becomes the
 * client's. */
void	smtp_client_take(struct smtp_client *client, int fd,
	    smtp_client_fn *fn, void *arg);

/* Says a line, which comes without its end and has one reply. */
void	smtp_client_say(struct smtp_client *client, struct span line,
	    smtp_client_fn *fn, void *arg);

/* EHLO, or LHLO; what a 250 offers is known from its completion on, and what was
 * offered before is forgotten when it is said. */
void	smtp_client_greet(struct smtp_client *client, const char *name,
	    smtp_client_fn *fn, void *arg);

/* STARTTLS and the handshake.  Completed by the reply: a 220 when the handshake
 * is done.  What was offered is forgotten. */
void	smtp_client_secure(struct smtp_client *client, smtp_client_fn *fn,
	    void *arg);

/*
 * A whole command of attributes, "XCLIENT ADDR=... NAME=..." (also XFORWARD,
 * XSETCONTEXT), in as many lines of at most 512 octets as that takes, split at
 * its blanks.  Completed by the last reply, or the first that is no 2xx.
 */
void	smtp_client_assert(struct smtp_client *client, struct span line,
	    smtp_client_fn *fn, void *arg);

/*
 * Content, behind a 354 to DATA: with dots doubled, lines that end in LF or CRLF
 * ending in CRLF, and a blank for a CR that ends none.  n replies are due, 1 or
 * more with LMTP (one for each recipient that was accepted), and each completes
 * it once, by number.  If one comes before the content is written, the
 * connection is over behind it.
 */
void	smtp_client_content(struct smtp_client *client,
	    smtp_client_source *source, void *source_arg, unsigned n,
	    smtp_client_fn *fn, void *arg);

/* The same in chunks (BDAT), which have to be offered; one that is refused
 * completes all n. */
void	smtp_client_chunks(struct smtp_client *client,
	    smtp_client_source *source, void *source_arg, unsigned n,
	    smtp_client_fn *fn, void *arg);

/* Bytes as they are, with n replies, each of which completes it once, by number:
 * for who wants to see what a server makes of them. */
void	smtp_client_raw(struct smtp_client *client, struct span bytes,
	    unsigned n, smtp_client_fn *fn, void *arg);

/* What the last greeting offered; all zero: nothing. */
const struct smtp_offer	*smtp_client_offer(const struct smtp_client *client);
bool	smtp_client_is_open(const struct smtp_client *client);
bool	smtp_client_is_secure(const struct smtp_client *client);
/* "TLSv1.3", and who the server is; after the handshake. */
bool	smtp_client_tls(const struct smtp_client *client,
	    struct tls_peer *peer_r);

/* "the server has closed the connection". */
const char	*smtp_client_result_text(enum smtp_client_result result);

#endif
