/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_command: finds one command line at the front of bytes that a client
 * sent, and takes it apart (RFC 5321, 4.1.1; RFC 2033; RFC 3030; RFC 4954).
 *
 * It never reads, allocates or keeps a pointer.  What is handed on to another
 * server is written afresh from what was found here, so that a line can never
 * be one command to us and another to the server behind: bytes that some
 * tokenizer might take for the end of a line or of a word, CR and LF inside,
 * NUL and other controls but TAB, make the line bad.
 */
#ifndef XC_SMTP_COMMAND_H
#define XC_SMTP_COMMAND_H

#include <stdint.h>

#include "base/span.h"

#define SMTP_COMMAND_MAX	2048	/* octets of a line, CRLF included:
					 * RFC 5321's 512 and what extensions
					 * (RFC 4954, 4: AUTH 12288 aside)
					 * add */
#define SMTP_AUTH_MAX		12288	/* of a line of an AUTH exchange */

enum smtp_verb {
	SMTP_UNKNOWN,
	SMTP_HELO,
	SMTP_EHLO,
	SMTP_LHLO,
	SMTP_MAIL,
	SMTP_RCPT,
	SMTP_DATA,
	SMTP_BDAT,
	SMTP_RSET,
	SMTP_NOOP,
	SMTP_QUIT,
	SMTP_VRFY,
	SMTP_EXPN,
	SMTP_HELP,
	SMTP_ETRN,
	SMTP_STARTTLS,
	SMTP_AUTH,
	SMTP_XCLIENT,
	SMTP_XFORWARD,
	SMTP_XREMOTEIP,
	SMTP_XSETCONTEXT,
	SMTP_XDUMPCONTEXT
};
#define SMTP_VERB_COUNT		(SMTP_XDUMPCONTEXT + 1)

/* The verb in capitals ("MAIL"); "" for SMTP_UNKNOWN. */
const char	*smtp_verb_text(enum smtp_verb verb);

enum smtp_line_result {
	SMTP_LINE_DONE,
	SMTP_LINE_MORE,		/* no end of line yet */
	SMTP_LINE_BAD,		/* a whole line, but with CR, NUL or another
				 * control in it */
	SMTP_LINE_TOO_LONG	/* over max octets; if *used_r is 0, its end is
				 * not there yet */
};

struct smtp_line {
	struct span	 text;		/* without its end */
	bool		 is_bare_lf;	/* it ended in LF alone */
};

/*
 * Finds a line.  DONE and BAD: *used_r is how much of buf it takes, its end
 * included; only DONE writes *line_r.  TOO_LONG: *used_r is that, or 0; a line
 * may be called so before its end is there, as soon as max octets are.  MORE
 * writes nothing.  A CR as the last byte of buf is MORE.
 */
enum smtp_line_result	smtp_line_find(const char *buf, size_t len,
			    size_t max, struct smtp_line *line_r,
			    size_t *used_r);

/* All without the blanks at either end. */
struct smtp_command {
	enum smtp_verb	 verb;
	struct span	 args;
	struct span	 line;		/* the whole, as it was typed */
};

/*
 * Takes a line apart.  The verb is its first word, in any case; blanks (space,
 * TAB) before it are passed over, as Postfix does.  Verbs are compared as a
 * whole: "XCLIENT:" is unknown.
 */
struct smtp_command	smtp_command_parse(struct span line);

/* A MAIL FROM or RCPT TO argument. */
struct smtp_path {
	struct span	 path;		/* "<a@b>", or as it was written without
					 * angle brackets */
	struct span	 address;	/* without the brackets and without a
					 * source route; empty: the null
					 * path */
	struct span	 domain;	/* behind the last unquoted '@'; empty:
					 * none */
	struct span	 params;	/* "SIZE=1 BODY=8BITMIME", or empty */
};

/*
 * Reads "FROM:<path> params" (MAIL) or "TO:<path> params" (RCPT).  One blank or
 * more after the colon and a path without brackets are taken, as Postfix does.
 * Quoted local parts may hold blanks, '>' and '@' (RFC 5321, 4.1.2).  False:
 * not such an argument; *path_r is untouched.
 *
 * Where servers would split or read an argument in different ways it is none:
 * a second '@', comments, blanks, backslashes and other specials outside of
 * quotes, quotes around less than the local part, parameters with open quotes
 * or brackets, and one that is there twice; but of SIZE, BODY, SMTPUTF8 and
 * AUTH, as with Postfix, the last counts.  Dots may stand anywhere.
 */
bool	smtp_path_parse(enum smtp_verb verb, struct span args,
	    struct smtp_path *path_r);

/* Finds a parameter ("BODY") in any case, the last one; false: it is not there.
 * *value_r is empty if it has none. */
bool	smtp_param_find(struct span params, const char *name,
	    struct span *value_r);
/* Takes the next parameter that counts off *params ("BODY=7BIT"), and those
 * before it that are said again.  False: there is none. */
bool	smtp_param_next(struct span *params, struct span *param_r);

/* Reads BDAT's "chunk-size [LAST]" (RFC 3030, 2).  False: it is no such thing,
 * or over UINT64_MAX / 2; nothing is written. */
bool	smtp_bdat_parse(struct span args, uint64_t *size_r, bool *is_last_r);

/* True if text may stand as the name in HELO, EHLO or LHLO: 1 to 255 printable
 * ASCII characters without blanks. */
bool	smtp_is_helo_name(struct span text);

#endif
