/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_reply: finds one reply, of however many lines, at the front of bytes
 * that a server sent (RFC 5321, 4.2), and what it offers if it answers EHLO.
 *
 * It never reads, allocates or keeps a pointer.  Lines end in CRLF, or in LF
 * alone, which some servers send; whoever hands a reply on writes it afresh
 * with smtp_reply_line.
 */
#ifndef XC_SMTP_REPLY_H
#define XC_SMTP_REPLY_H

#include "base/span.h"
#include "conf/scope.h"
#include "trust/assertion.h"

#define SMTP_REPLY_MAX		65536	/* octets of a whole reply */
#define SMTP_REPLY_LINE_MAX	4096	/* of one of its lines */

struct smtp_reply {
	unsigned	code;		/* 200 to 599 */
	unsigned	n_lines;
	struct span	text;		/* all lines as they came, ends
					 * included */
};

enum smtp_reply_result {
	SMTP_REPLY_DONE,
	SMTP_REPLY_MORE,
	SMTP_REPLY_BAD,		/* not SMTP: no code, codes that differ from
				 * line to line, NUL, a CR inside */
	SMTP_REPLY_TOO_LONG	/* over a limit, whether or not its end is
				 * there */
};

/* DONE: *reply_r points into buf, *used_r is how much of buf it takes.  Others
 * write neither. */
enum smtp_reply_result	smtp_reply_find(const char *buf, size_t len,
			    struct smtp_reply *reply_r, size_t *used_r);

/* Takes the next line off *text (a reply's text): what stands behind the code
 * and its '-' or ' ', without the end.  False: there is none. */
bool	smtp_reply_line(struct span *text, struct span *line_r);

/* The enhanced status code (RFC 3463) that the text of the first line begins
 * with, "4.7.1"; empty: there is none, or it belies the reply's code. */
struct span	smtp_reply_status(const struct smtp_reply *reply);

/*
 * What a reply in answer to XCLIENT is about.  True for 421, 45x, 521 and 554,
 * which may stand in place of a greeting: a verdict about the client who was
 * named.  Whatever else is not 2xx says that he cannot be named.
 */
bool	smtp_reply_is_verdict(unsigned code);

/* True for 500, 502 and 503: of the command as such, whatever stands in it. */
bool	smtp_reply_is_of_command(unsigned code);

/* What a server offers: keywords of its EHLO reply. */
enum smtp_keyword {
	SMTP_KW_PIPELINING,
	SMTP_KW_SIZE,
	SMTP_KW_8BITMIME,
	SMTP_KW_SMTPUTF8,
	SMTP_KW_DSN,
	SMTP_KW_CHUNKING,
	SMTP_KW_BINARYMIME,
	SMTP_KW_ENHANCEDSTATUSCODES,
	SMTP_KW_ETRN,
	SMTP_KW_VRFY,
	SMTP_KW_HELP,
	SMTP_KW_DELIVERBY,
	SMTP_KW_MT_PRIORITY,
	SMTP_KW_LIMITS,
	SMTP_KW_REQUIRETLS,
	SMTP_KW_AUTH,
	SMTP_KW_STARTTLS,	/* from here on: never handed on */
	SMTP_KW_XCLIENT,
	SMTP_KW_XFORWARD
};
#define SMTP_KW_COUNT	(SMTP_KW_XFORWARD + 1)

const char	*smtp_keyword_text(enum smtp_keyword keyword);

#define SMTP_OFFER_PARAMS	1024	/* octets of all parameters together */

/* All zero: nothing is offered. */
struct smtp_offer {
	unsigned	keywords;	/* bit 1 << enum smtp_keyword */
	unsigned	xclient;	/* bit 1 << enum assertion_name */
	enum xclient_dialect dialect;	/* by the attributes that are announced;
					 * XCLIENT_AUTO without XCLIENT */
	uint16_t	at[SMTP_KW_COUNT];	/* each one's parameters ... */
	uint16_t	len[SMTP_KW_COUNT];	/* ... in: */
	char		params[SMTP_OFFER_PARAMS];
};

static inline bool
smtp_offers(const struct smtp_offer *offer, enum smtp_keyword keyword)
{
	return (offer->keywords & 1U << keyword) != 0;
}

/*
 * Whose XCLIENT this is, by the attributes that it announces: Dovecot has some
 * of its own (SESSION, TTL ...), KumoMTA ADDR, PORT, DESTADDR and DESTPORT and
 * no other, Exim these with NAME and LOGIN.  All else is XCLIENT_POSTFIX.
 */
enum xclient_dialect	smtp_xclient_dialect(struct span attributes);

/* The parameters of an offered keyword ("10240000" of SIZE); may be empty. */
struct span	smtp_offer_params(const struct smtp_offer *offer,
		    enum smtp_keyword keyword);

/*
 * Reads a 250 reply to EHLO or LHLO.  Keywords in any case; "AUTH=PLAIN" (of
 * old servers) is AUTH.  The first of several counts; AUTH's are put together,
 * each mechanism once.  Parameters have one blank between.  A keyword whose
 * parameters have no room any more is not offered (AUTH's come last), and
 * neither is one whose line has controls or 8-bit bytes.
 */
void	smtp_offer_read(const struct smtp_reply *reply,
	    struct smtp_offer *offer_r);

#endif
