/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * received_comment: what one comment of a Received: header's from-clause says
 * of the client.  It knows forms, not places: whether the server wrote it is
 * received.c's to find out.
 */
#ifndef XC_RECEIVED_COMMENT_H
#define XC_RECEIVED_COMMENT_H

#include "base/address.h"
#include "base/span.h"

enum received_comment_kind {
	COMMENT_OTHER,		/* nothing of interest */
	COMMENT_CLIENT,		/* an address, as servers write it */
	COMMENT_HELO,		/* qmail: (HELO x), before the address */
	COMMENT_EXIM,		/* Exim: (helo=x), behind the address */
	COMMENT_ACCOUNT,	/* CommuniGate: (account x HELO y), likewise */
	COMMENT_ODD		/* begins like one of these, and is none */
};

struct received_comment {
	enum received_comment_kind	 kind;
	struct address	 addr;		/* of COMMENT_CLIENT */
	struct span	 name;		/* that stands before it; n is 0: none
					 * that the server vouches for */
	struct span	 helo;		/* n is 0: not said here */
	bool		 is_bare;	/* the address has no brackets */
	bool		 after_name;	/* the word before the comment is the
					 * looked-up name: so write Exim and
					 * qmail */
};

/* text is what stands in the parentheses; the spans point into it. */
struct received_comment	received_comment_read(struct span text);

/*
 * Reads "[192.0.2.1]", "[IPv6:2001:db8::1]", "[2001:db8::1%12]", each perhaps
 * with ":port" behind it.  False: *addr_r may be overwritten.
 */
bool	received_literal_read(struct span s, struct address *addr_r);

#endif
