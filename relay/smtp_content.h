/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_content: the message behind DATA, as it streams by.
 *
 * Only <CR><LF>.<CR><LF> ends it, where the first CRLF may be the DATA line's
 * own (RFC 5321, 4.1.1.4).  What other servers might take for the end, or for
 * the end of a line, never leaves as it came, so that nobody can hide a second
 * message in the first (SMTP smuggling).  What is sent has no CR and no LF but
 * in CRLF, and no line in it begins with a single dot but the last, which is
 * the end:
 *
 *	bare LF		leaves as CRLF
 *	bare CR		leaves as a blank; it ends no line: <CR>.<CR> is " . "
 *	<CRLF>.<LF>, <LF>.<LF>, <LF>.<CRLF>
 *			the line with the dot is dropped; how it ended still
 *			matters to a dot behind it
 *	<CRLF>.x, <LF>.x
 *			the dot is taken away here and not by the server
 *			behind; x may be a NUL, or a bare CR: <CRLF>.<CR> is
 *			CRLF and a blank
 *	<CRLF>.., <LF>..
 *			both dots leave; the server takes one away
 *
 * A receiver that takes away the dots (RFC 5321, 4.5.2) ends up with what
 * Postfix 3.9 would have stored (smtpd_forbid_bare_newline = normalize,
 * cleanup_replace_stray_cr_lf = yes).  With SMTP_CONTENT_REJECT the first bare
 * CR or LF is an error instead.  Lines may be of any length.
 *
 * It allocates nothing and copies nothing: it names the bytes to be sent.
 */
#ifndef XC_RELAY_SMTP_CONTENT_H
#define XC_RELAY_SMTP_CONTENT_H

#include <stdint.h>

#include "base/span.h"

enum smtp_content_mode { SMTP_CONTENT_NORMALIZE, SMTP_CONTENT_REJECT };

struct smtp_content {
	enum smtp_content_mode	 mode;
	unsigned		 state;		/* the module's own */
	uint64_t		 octets;	/* sent on so far */
	uint64_t		 extra;		/* of them, what is no part of the
						 * message (RFC 1870, 5): doubled
						 * dots, and its end */
	bool			 had_bare;	/* a bare CR or LF was met */
};

enum smtp_content_result {
	SMTP_CONTENT_SOME,	/* *out_r is to be sent; call again */
	SMTP_CONTENT_MORE,	/* all of in is used; *out_r is to be sent, too,
				 * and may be empty */
	SMTP_CONTENT_END,	/* *out_r is to be sent and ends in the line
				 * with the dot (after BAD it is empty); the
				 * rest of in is not content */
	SMTP_CONTENT_BAD	/* REJECT: a bare CR or LF; nothing is to be
				 * sent any more, but content goes on to its
				 * end */
};

/* Begins a message. */
void	smtp_content_init(struct smtp_content *c, enum smtp_content_mode mode);

/*
 * Takes what it can off the front of in.  *used_r is how much that was (may be
 * 0 with SOME); *out_r points into in, or at a constant.  The same bytes come
 * out however in is cut.  Lines that end in CRLF leave in one span with the
 * next; what cannot be judged yet at the end of in (CR, ".", ".<CR>") is used,
 * remembered, and sent by a later call.
 *
 * After BAD, calls go on to find the end (MORE, END), with empty *out_r.
 */
enum smtp_content_result	smtp_content_next(struct smtp_content *c,
				    struct span in, struct span *out_r,
				    size_t *used_r);

#endif
