/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * assertion: what one XCLIENT or XFORWARD command line says.
 *
 * A line is parsed whole or not at all.  What passes here is printed afresh, at
 * least as strictly as Postfix's smtpd reads it (XCLIENT_README,
 * XFORWARD_README), so that it never fails halfway there.
 *
 * Two kinds of bad values are told apart.  What the speaker himself claims
 * makes the line malformed; beyond Postfix these are duplicate attributes,
 * port numbers over 65535, control and 8-bit bytes before and after decoding,
 * and '"', '<' and a word's last '\' where they are not encoded (they change
 * how smtpd splits the line).  What the speaker's client may have chosen, and
 * cannot be said on, is [UNAVAILABLE] in its place ("unsaid"): a HELO, NAME or
 * REVERSE_NAME that is over 255 characters, now or when it is encoded afresh,
 * is not printable ASCII, or is no host name where one must be; and an address
 * that is one by its form but no host's to Postfix: with a zone, in 0.0.0.0/8,
 * or IPv6 whose first 32 bits are zero ("::" and "::1" are fine), or, in
 * DESTADDR, one of another family than ADDR beside it.  To say [UNAVAILABLE]
 * himself was open to the speaker anyway.
 */
#ifndef XC_ASSERTION_H
#define XC_ASSERTION_H

#include "base/address.h"
#include "base/err.h"
#include "base/xtext.h"

enum assertion_command { ASSERTION_XCLIENT, ASSERTION_XFORWARD };

/* The attributes of both commands; the order is that in which a line is
 * printed, chosen so that what Postfix might refuse (an address family that
 * it does not use) comes before anything has been changed. */
enum assertion_name {
	ASSERTION_ADDR,
	ASSERTION_DESTADDR,
	ASSERTION_NAME,		/* before REVERSE_NAME: Postfix sets both */
	ASSERTION_REVERSE_NAME,
	ASSERTION_PORT,
	ASSERTION_DESTPORT,
	ASSERTION_PROTO,
	ASSERTION_HELO,
	ASSERTION_LOGIN,
	ASSERTION_IDENT,	/* XFORWARD only */
	ASSERTION_SOURCE	/* XFORWARD only; Postfix's word: SOURCE */
};
#define ASSERTION_COUNT	(ASSERTION_SOURCE + 1)

#define ASSERTION_VALUE_MAX	255	/* of the encoded value (Postfix) */
#define ASSERTION_LINE_MAX	4096	/* a longer line is refused unread */
#define ASSERTION_COMMAND_MAX	512	/* of a command on the wire, CRLF
					 * included (RFC 5321, 4.5.3.1.4); the
					 * lines that an MTA is given instead
					 * may be longer */

enum assertion_status {
	ASSERTION_ABSENT,
	ASSERTION_VALUE,
	ASSERTION_UNAVAILABLE,	/* [UNAVAILABLE], in any case */
	ASSERTION_TEMPUNAVAIL	/* [TEMPUNAVAIL]; XCLIENT's NAME and
				 * REVERSE_NAME only: elsewhere, to Postfix, it
				 * is a text like others, and here it is taken
				 * for [UNAVAILABLE] */
};

struct assertion {
	enum assertion_status	 status;
	const char		*value;	/* decoded, normalised, NUL-terminated;
					 * "" unless ASSERTION_VALUE */
};

/* Owns nothing but its own text; must not be copied by assignment: use
 * assertion_copy.  An all-zero object is NOT valid: assertion_init first. */
struct assertion_set {
	enum assertion_command	 command;
	struct assertion	 v[ASSERTION_COUNT];
	struct address		 addr;		/* of ADDR; else AF_UNSPEC */
	struct address		 destaddr;
	unsigned		 unsaid;	/* bits 1 << name: [UNAVAILABLE]
						 * for what cannot be said on */
	size_t			 unsaid_octets;	/* that the line had too many by
						 * values over 255 */
	size_t			 text_used;
	char			 text[ASSERTION_COUNT *
				     (ASSERTION_VALUE_MAX + 1)];
};

enum assertion_result {
	ASSERTION_OK,
	ASSERTION_BAD	/* err says which attribute and what was expected */
};

/* The attribute's name as on the wire: "REVERSE_NAME". */
const char	*assertion_name_text(enum assertion_name name);

/* Finds an attribute of that command by name, in any case; -1: none. */
int		 assertion_name_find(enum assertion_command command,
		    struct span text);

void	assertion_init(struct assertion_set *set,
	    enum assertion_command command);
void	assertion_copy(struct assertion_set *to,
	    const struct assertion_set *from);

/*
 * Parses the part of the line behind the verb ("ADDR=192.0.2.1 NAME=a.b").
 * Attributes are separated by blanks (space, tab).  At least one is needed.
 * HELO, NAME and REVERSE_NAME are decoded as with XTEXT_LEGACY, whatever mode
 * is: a greeting may hold any "+" and "=", and not all who pass it on encode
 * it.
 * ASSERTION_BAD: *set_r is undefined, err says why (hostile bytes escaped).
 *
 * Normalised means: addresses canonical (no "IPV6:" in value, which IPv6 need
 * not have had), HELO and XFORWARD's free texts with '?' for the characters
 * that Postfix masks (space < > ( ) \ " ; @), NAME as given but without dots
 * at its end, PROTO in capitals for XCLIENT and SMTP for one that is not
 * known, port numbers without leading zeros.
 */
enum assertion_result	assertion_parse(struct span args,
			    enum assertion_command command,
			    enum xtext_mode mode, struct assertion_set *set_r,
			    struct err *err);

/*
 * Sets one attribute from inside the program, with the same checks; value is
 * plain text, not xtext, and IPv6 may stand without "IPV6:".  It counts only
 * with ASSERTION_VALUE, and must not be a bracketed word then.
 * ASSERTION_ABSENT removes the attribute.  False if the command has no such
 * attribute or the value is not valid for it (DESTADDR's family beside ADDR's
 * included); the set is then unchanged.
 */
bool	assertion_set_value(struct assertion_set *set,
	    enum assertion_name name, enum assertion_status status,
	    struct span value);

/*
 * Takes one value as assertion_parse would, but from plain text: what cannot
 * be said on is unsaid.  False: not valid for it, and no bracketed word; the
 * set is unchanged.
 */
bool	assertion_take_value(struct assertion_set *set,
	    enum assertion_name name, struct span value);

/* Writes the names of what is unsaid ("HELO NAME"), as far as there is room;
 * "": nothing is.  64 bytes hold all. */
void	assertion_unsaid(const struct assertion_set *set, char *buf,
	    size_t size);

/*
 * Lays "over" on top of "base" (same command): what over names replaces, and
 * NAME also removes base's REVERSE_NAME.  An ADDR other than base's ADDR is
 * another client: base is emptied first, so that nothing of the former client
 * (its login least of all) is said of the new one.
 */
void	assertion_merge(struct assertion_set *base,
	    const struct assertion_set *over);

/*
 * Prints the whole command ("XCLIENT ADDR=... NAME=..."), xtext-encoded
 * afresh, attributes in enum order (but DESTADDR first if ADDR is no address),
 * IPv6 as "IPV6:...", NUL-terminated.  The arguments that it prints
 * assertion_parse reads back as the same set, in both modes.
 * False if the set is empty or the line does not fit in size
 * (ASSERTION_LINE_MAX always fits).
 */
bool	assertion_print(const struct assertion_set *set, char *buf,
	    size_t size, size_t *len_r);

#endif
