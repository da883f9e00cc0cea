/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_receiver: what servers make of the bytes behind DATA, written down as
 * simply as it can be said, so that it can be held against relay/smtp_content.
 */
#ifndef XC_T_SMTP_RECEIVER_H
#define XC_T_SMTP_RECEIVER_H

#include "base/span.h"

struct receiver_answer {
	bool	 has_end;
	size_t	 used;		/* of what was sent, the end included */
	size_t	 n;		/* of what was stored, lines end in CRLF */
	bool	 had_bare;	/* a bare CR or LF came before the end */
};

/*
 * Postfix 3.9 (smtpd_forbid_bare_newline = normalize and
 * cleanup_replace_stray_cr_lf = yes): every LF ends a line.  A lone dot counts
 * only if this line and the one before end in CRLF, and is no line otherwise.
 * out has room for 2 * in.n bytes.
 */
struct receiver_answer	 receiver_postfix(struct span in, char *out);

/*
 * RFC 5321, 4.1.1.4 and 4.5.2, by the letter: the message goes to the first
 * <CRLF>.<CRLF>, the DATA line's CRLF included, and then each line loses its
 * first dot.  out has room for in.n bytes.
 */
struct receiver_answer	 receiver_rfc(struct span in, char *out);

/* True if there is a CR or LF that is not half of a CRLF. */
bool	 receiver_sees_stray(struct span in);

/* True if a line but the last begins with one dot alone. */
bool	 receiver_sees_odd_dot(struct span in);

#endif
