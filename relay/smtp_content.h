/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_content: the message behind DATA, as it streams by.
 *
 * Only <CR><LF>.<CR><LF> ends it.  What other servers might take for the end,
 * or for the end of a line, never leaves as it came, so that nobody can hide a
 * second message in the first (SMTP smuggling): a bare LF becomes CRLF, a bare
 * CR a blank, and a lone "." on a line that is not between CRLFs gets a second
 * dot.  With SMTP_CONTENT_REJECT the first bare CR or LF is an error instead.
 *
 * It allocates nothing and copies nothing: it names the bytes to be sent.
 */
#ifndef XC_RELAY_SMTP_CONTENT_H
#define XC_RELAY_SMTP_CONTENT_H

#include <stdint.h>

#include "span.h"

enum smtp_content_mode { SMTP_CONTENT_NORMALIZE, SMTP_CONTENT_REJECT };

struct smtp_content {
	enum smtp_content_mode	 mode;
	unsigned		 state;		/* the module's own */
	uint64_t		 octets;	/* sent on so far */
	bool			 had_bare;	/* a bare CR or LF was met */
};

enum smtp_content_status {
	SMTP_CONTENT_SOME,	/* *out_r is to be sent; call again */
	SMTP_CONTENT_MORE,	/* all of in is used; *out_r is to be sent, too,
				 * and may be empty */
	SMTP_CONTENT_END,	/* *out_r is to be sent and ends in the line
				 * with the dot; the rest of in is not content */
	SMTP_CONTENT_BAD	/* REJECT: a bare CR or LF; nothing is to be
				 * sent any more, but content goes on to its
				 * end */
};

/* Begins a message. */
void	smtp_content_init(struct smtp_content *c, enum smtp_content_mode mode);

/*
 * Takes what it can off the front of in.  *used_r is how much that was (may be
 * 0 with SOME); *out_r points into in, or at a constant.  The same bytes come
 * out however in is cut.
 *
 * After BAD, calls go on to find the end (MORE, END), with empty *out_r.
 */
enum smtp_content_status	smtp_content_next(struct smtp_content *c,
				    struct span in, struct span *out_r,
				    size_t *used_r);

#endif
