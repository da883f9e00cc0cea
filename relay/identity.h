/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * identity: who a message is from, in XCLIENT's words, and the lines that say
 * so to a next hop.
 *
 * Of several sources the nearest to the message counts: XFORWARD, which is
 * said for each message; an override of the session (XCLIENT, XREMOTEIP, the
 * PROXY protocol); the socket.
 */
#ifndef XC_RELAY_IDENTITY_H
#define XC_RELAY_IDENTITY_H

#include "conf/scope.h"
#include "session/session.h"

/* Texts may be NULL: not known. */
struct identity_sources {
	const struct session	*session;
	const struct assertion_set *xforward;	/* of this message; NULL: none
						 * was said */
	const char		*helo;		/* the client's greeting */
	bool			 is_esmtp;
	bool			 is_anonymous;	/* always allowed */
	bool			 is_hop_on_loopback;	/* identity_is_local() of
							 * the address that the
							 * next hop was connected
							 * to; a UNIX-domain
							 * socket is */
	struct address		 local;		/* of our socket */
	uint16_t		 local_port;
};

/* What a next hop can be told. */
struct identity_terms {
	unsigned		 offered;	/* bits 1 << enum assertion_name */
	enum xclient_dialect	 dialect;	/* XCLIENT_AUTO is as
						 * XCLIENT_POSTFIX */
	bool			 is_required;	/* no mail without XCLIENT */
};

/* Loopback and unspecified addresses: they mean something else on each host,
 * and each host trusts its own. */
bool	identity_is_local(const struct address *addr);

/* Whether it names another client than the messenger, and be it one whose
 * address nobody knows: that he is not from here it has to say itself
 * (SOURCE=REMOTE).  NULL: nothing was said. */
bool	identity_is_forwarded(const struct assertion_set *xforward);

/*
 * Makes the whole identity.  An XFORWARD without an address speaks of nobody,
 * and the messenger then speaks for itself, unless it says that its client is a
 * remote one.  What is not known is said to be unavailable, for else the next
 * hop would take ours, or what it was told before.  An address that
 * identity_is_local() is told to nobody but a next hop on the same loopback:
 * elsewhere it, its names and its port are unavailable.  False: the session's
 * record is damaged.
 */
bool	identity_make(const struct identity_sources *sources,
	    struct assertion_set *set_r);

#define IDENTITY_LINES_MAX	2
#define IDENTITY_LINE_SIZE	(ASSERTION_COMMAND_MAX + 1)
#define IDENTITY_SOURCE_SIZE	384

struct identity_lines {
	unsigned	n;
	char		line[IDENTITY_LINES_MAX][IDENTITY_LINE_SIZE];
				/* without CRLF */
	unsigned	said;	/* attributes in them: bits 1 << enum
				 * assertion_name */
	unsigned	values;	/* those of them that have a value */
	enum xclient_dialect dialect;
	uint16_t	n_source;	/* what they were made from; 0: it was
					 * too much to be kept */
	unsigned char	source[IDENTITY_SOURCE_SIZE];
};

/*
 * Writes the XCLIENT commands: one, if that has no more than 512 octets, else
 * names first and what each XCLIENT resets (HELO, PROTO, LOGIN) last, with the
 * address, upon which the next hop decides whether we may go on.  Of what is
 * still too long, REVERSE_NAME goes (NAME stands for both), then HELO, which
 * our EHLO says as well.  Exim wants the address and the port in each.
 *
 * False: ADDR is not offered, so that nothing can be said; or the address is
 * not known, and the next hop (KumoMTA, Exim, Dovecot) has no harmless word for
 * that.
 */
bool	identity_say(const struct assertion_set *set,
	    const struct identity_terms *terms,
	    struct identity_lines *lines_r);

/* Makes lines that say nothing to anybody. */
void	identity_say_nothing(struct identity_lines *lines_r);

enum identity_result {
	IDENTITY_TOLD,		/* lines_r says it; without a line, because the
				 * mail is this host's own and may go as such:
				 * over a connection that was told nothing */
	IDENTITY_CANNOT_BE_SAID, /* as identity_say */
	IDENTITY_CANNOT_TELL	/* the session's record is damaged */
};

/* Makes the identity and writes its lines. */
enum identity_result	identity_tell(const struct identity_sources *sources,
			    const struct identity_terms *terms,
			    struct identity_lines *lines_r);

/*
 * True: identity_tell would make the same lines of these sources and terms,
 * for none of its inputs has changed; costs no more than to compare them.
 * False: it has to be asked.
 */
bool	identity_is_current(const struct identity_lines *lines,
	    const struct identity_sources *sources,
	    const struct identity_terms *terms);

/* True if both are the same commands. */
bool	identity_equal(const struct identity_lines *a,
	    const struct identity_lines *b);

/*
 * Whether a next hop that was told one identity knows nothing of it any more
 * when it is told another one.  False: only a new connection forgets it.
 */
bool	identity_replaces(const struct identity_lines *lines,
	    const struct identity_lines *told);

/*
 * The name for an EHLO that speaks for the client: his own if it can be said,
 * else ours, and never the messenger's.
 */
const char	*identity_ehlo(const struct assertion_set *set,
		    const char *hostname);

/*
 * Whether a next hop of that dialect takes the name, which a client has chosen,
 * in an EHLO behind XCLIENT.
 */
bool	identity_may_greet(enum xclient_dialect dialect, struct span name);

#endif
