/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * received: from whom a mail server says, in one Received: header, that it
 * took a message.
 *
 * RFC 5321, 4.4, gives the form; what servers write is looser.  This reads the
 * forms of Postfix, Sendmail, Exim, Exchange, Gmail and qmail, and those of
 * others that look like them.  Whether the header is to be trusted at all is
 * the caller's to know.  Within it, HELO is the client's own text: an address
 * counts only where no server would have put the client's words, and a header
 * that can be read in two ways is not read.  It allocates nothing, keeps no
 * pointer, and its time grows with the header's length, whatever stands in it.
 */
#ifndef XC_RECEIVED_H
#define XC_RECEIVED_H

#include "base/address.h"
#include "base/hostname.h"
#include "base/span.h"

#define RECEIVED_HELO_MAX	255

enum received_result {
	RECEIVED_DONE,
	RECEIVED_NO_FROM,	/* no from-clause: it was not taken by SMTP */
	RECEIVED_NO_ADDRESS,	/* a from-clause without an address that the
				 * server wrote: HELO's does not count */
	RECEIVED_AMBIGUOUS,	/* several addresses, two by-clauses, or an
				 * address in a form that no server is known
				 * to write: part of it may be the client's */
	RECEIVED_BAD		/* not a whole Received: header's value */
};

struct received {
	struct address	 addr;		/* of the client; never AF_UNSPEC */
	char		 name[HOSTNAME_MAX_LEN + 1];	/* that the server
					 * looked up; "": none, not verified,
					 * or only what the client said */
	bool		 is_name_unsure;	/* it may be what the client's
					 * side says in the reverse zone alone:
					 * qmail writes it as it is, unless
					 * tcpserver has -p */
	char		 helo[RECEIVED_HELO_MAX + 1];	/* as it stands there;
					 * "": not said, longer than this, or
					 * not of printable ASCII */
};

/*
 * Reads a header's value (behind "Received:"), folded (CRLF or LF before a
 * blank) or not.  The from-clause ends at the first "by" that stands outside
 * of comments and is not its first word.
 *
 * Where a word could be HELO or a name that was looked up, it goes to helo.
 * An IPv6 address's zone ("%12") is left out; IPv4-mapped is IPv4 (address.h).
 * A good value that was cut off yields no other address and no other name than
 * the whole, but perhaps less.
 * RECEIVED_DONE writes *received_r; any other result leaves it untouched.
 */
enum received_result	received_parse(struct span value,
			    struct received *received_r);

/* Why nothing was found, for the log: "no from-clause" ... */
const char		*received_result_text(enum received_result result);

#endif
