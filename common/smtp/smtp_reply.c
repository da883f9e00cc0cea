/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_reply: see smtp_reply.h.  Lines are judged one after the other, and the
 * limits before anything else, so that the answer does not depend on how the
 * bytes were cut into reads.
 */
#include "smtp/smtp_reply.h"

static const char	*keywords[SMTP_KW_COUNT] = {
	[SMTP_KW_PIPELINING] = "PIPELINING",
	[SMTP_KW_SIZE] = "SIZE",
	[SMTP_KW_8BITMIME] = "8BITMIME",
	[SMTP_KW_SMTPUTF8] = "SMTPUTF8",
	[SMTP_KW_DSN] = "DSN",
	[SMTP_KW_CHUNKING] = "CHUNKING",
	[SMTP_KW_BINARYMIME] = "BINARYMIME",
	[SMTP_KW_ENHANCEDSTATUSCODES] = "ENHANCEDSTATUSCODES",
	[SMTP_KW_ETRN] = "ETRN",
	[SMTP_KW_VRFY] = "VRFY",
	[SMTP_KW_HELP] = "HELP",
	[SMTP_KW_DELIVERBY] = "DELIVERBY",
	[SMTP_KW_MT_PRIORITY] = "MT-PRIORITY",
	[SMTP_KW_LIMITS] = "LIMITS",
	[SMTP_KW_REQUIRETLS] = "REQUIRETLS",
	[SMTP_KW_AUTH] = "AUTH",
	[SMTP_KW_STARTTLS] = "STARTTLS",
	[SMTP_KW_XCLIENT] = "XCLIENT",
	[SMTP_KW_XFORWARD] = "XFORWARD",
};

static bool
is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

/* Finds a line at the front of buf; *used_r with its end, *line_r without. */
static enum smtp_reply_result
find_line(struct span buf, size_t max, struct span *line_r, size_t *used_r)
{
	size_t		 n = buf.n < max ? buf.n : max;
	const char	*lf = n > 0 ? memchr(buf.p, '\n', n) : NULL;
	struct span	 line = { buf.p, 0 };

	if (lf == NULL)
		return n == max ? SMTP_REPLY_TOO_LONG : SMTP_REPLY_MORE;
	line.n = (size_t)(lf - buf.p);
	*used_r = line.n + 1;
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	*line_r = line;
	return SMTP_REPLY_DONE;
}

/* Reads the code of a line; 0: it has none, or bytes that no line may have. */
static unsigned
read_code(struct span line, bool *is_last_r)
{
	if (line.n < 3 || line.p[0] < '2' || line.p[0] > '5' ||
	    !is_digit(line.p[1]) || !is_digit(line.p[2]) ||
	    span_has(line, '\0') || span_has(line, '\r'))
		return 0;
	/* A code alone is RFC 5321's last line, too. */
	*is_last_r = line.n == 3 || line.p[3] == ' ';
	if (!*is_last_r && line.p[3] != '-')
		return 0;
	return (unsigned)(line.p[0] - '0') * 100 +
	    (unsigned)(line.p[1] - '0') * 10 + (unsigned)(line.p[2] - '0');
}

static size_t
line_max(size_t at)
{
	return SMTP_REPLY_MAX - at < SMTP_REPLY_LINE_MAX ?
	    SMTP_REPLY_MAX - at : SMTP_REPLY_LINE_MAX;
}

enum smtp_reply_result
smtp_reply_find(const char *buf, size_t len, struct smtp_reply *reply_r,
    size_t *used_r)
{
	enum smtp_reply_result	 result;
	struct smtp_reply	 reply = { 0, 0, { buf, 0 } };
	struct span		 line;
	bool			 is_last = false;
	size_t			 n;
	unsigned		 code;

	do {
		result = find_line(span_skip((struct span){ buf, len },
		    reply.text.n), line_max(reply.text.n), &line, &n);
		if (result != SMTP_REPLY_DONE)
			return result;
		code = read_code(line, &is_last);
		if (code == 0 || (reply.n_lines > 0 && code != reply.code))
			return SMTP_REPLY_BAD;
		reply.code = code;
		reply.n_lines++;
		reply.text.n += n;
	} while (!is_last);
	*reply_r = reply;
	*used_r = reply.text.n;
	return SMTP_REPLY_DONE;
}

bool
smtp_reply_line(struct span *text, struct span *line_r)
{
	struct span	 line;
	size_t		 n;

	if (find_line(*text, SMTP_REPLY_LINE_MAX, &line, &n) !=
	    SMTP_REPLY_DONE)
		return false;
	*text = span_skip(*text, n);
	*line_r = span_skip(line, line.n < 4 ? line.n : 4);
	return true;
}

/* The number of digits at the front of s: one to three, or 0. */
static size_t
number_len(struct span s)
{
	size_t	 n = 0;

	while (n < s.n && is_digit(s.p[n]))
		n++;
	return n <= 3 ? n : 0;
}

struct span
smtp_reply_status(const struct smtp_reply *reply)
{
	struct span	 text = reply->text, line, none = { "", 0 };
	size_t		 subject, detail;

	if (!smtp_reply_line(&text, &line) || line.n < 5 ||
	    line.p[0] != (char)('0' + reply->code / 100) || line.p[1] != '.')
		return none;
	subject = number_len(span_skip(line, 2));
	if (subject == 0 || 2 + subject == line.n || line.p[2 + subject] != '.')
		return none;
	detail = number_len(span_skip(line, 3 + subject));
	if (detail == 0)
		return none;
	text = (struct span){ line.p, 3 + subject + detail };
	return text.n == line.n || line.p[text.n] == ' ' ? text : none;
}

bool
smtp_reply_is_verdict(unsigned code)
{
	return code == 421 || code / 10 == 45 || code == 521 || code == 554;
}

bool
smtp_reply_is_of_command(unsigned code)
{
	return code == 500 || code == 502 || code == 503;
}

const char *
smtp_keyword_text(enum smtp_keyword keyword)
{
	return keywords[keyword];
}

struct span
smtp_offer_params(const struct smtp_offer *offer, enum smtp_keyword keyword)
{
	return (struct span){ offer->params + offer->at[keyword],
	    offer->len[keyword] };
}

static bool
is_text(struct span line)
{
	size_t	 i;

	for (i = 0; i < line.n; i++) {
		if (line.p[i] != '\t' && (line.p[i] < 32 || line.p[i] > 126))
			return false;
	}
	return true;
}

/*
 * Takes a keyword off a line of an EHLO reply.  False: we do not know it, or
 * the line could not be said again.
 */
static bool
take_keyword(struct span *line, enum smtp_keyword *keyword_r)
{
	struct span	 word;
	int		 i;

	if (!is_text(*line))
		return false;
	/* What servers of the last century say for clients of the same. */
	if (line->n > 5 && span_caseeq((struct span){ line->p, 5 }, "AUTH=")) {
		*line = span_skip(*line, 5);
		*keyword_r = SMTP_KW_AUTH;
		return true;
	}
	if (!span_word(line, &word))
		return false;
	for (i = 0; i < SMTP_KW_COUNT; i++) {
		if (!span_caseeq(word, keywords[i]))
			continue;
		*keyword_r = (enum smtp_keyword)i;
		return true;
	}
	return false;
}

/* Whether a word is among the parameters of a keyword. */
static bool
has_param(const struct smtp_offer *offer, enum smtp_keyword keyword,
    struct span word)
{
	struct span	 params = smtp_offer_params(offer, keyword), param;

	while (span_word(&params, &param)) {
		if (param.n == word.n &&
		    strncasecmp(param.p, word.p, word.n) == 0)
			return true;
	}
	return false;
}

/*
 * Adds words to the parameters of a keyword, which are the last in
 * offer->params, with one blank between.  False: there is no room.
 */
static bool
add_params(struct smtp_offer *offer, enum smtp_keyword keyword,
    struct span params)
{
	struct span	 word;

	while (span_word(&params, &word)) {
		size_t	 end = offer->at[keyword] + offer->len[keyword];
		size_t	 blank = offer->len[keyword] > 0;

		if (keyword == SMTP_KW_AUTH && has_param(offer, keyword, word))
			continue;
		if (sizeof offer->params - end < blank + word.n)
			return false;
		if (blank > 0)
			offer->params[end] = ' ';
		span_copy(offer->params + end + blank, word);
		offer->len[keyword] =
		    (uint16_t)(offer->len[keyword] + blank + word.n);
	}
	return true;
}

/* XCLIENT's attributes as bits. */
static unsigned
xclient_bits(struct span params)
{
	struct span	 word;
	unsigned	 bits = 0;
	int		 name;

	while (span_word(&params, &word)) {
		name = assertion_name_find(ASSERTION_XCLIENT, word);
		if (name >= 0)
			bits |= 1U << name;
	}
	return bits;
}

/* Words that Dovecot alone has. */
static bool
has_dovecot_word(struct span attributes)
{
	static const char	*const words[] = {
		"SESSION", "CLIENT-TRANSPORT", "TTL", "TIMEOUT", "FORWARD",
		"DESTNAME"
	};
	struct span	 word;
	size_t		 i;

	while (span_word(&attributes, &word))
		for (i = 0; i < sizeof words / sizeof words[0]; i++)
			if (span_caseeq(word, words[i]))
				return true;
	return false;
}

enum xclient_dialect
smtp_xclient_dialect(struct span attributes)
{
	const unsigned	 where = 1U << ASSERTION_ADDR | 1U << ASSERTION_PORT |
			     1U << ASSERTION_DESTADDR |
			     1U << ASSERTION_DESTPORT;
	const unsigned	 who = 1U << ASSERTION_NAME | 1U << ASSERTION_LOGIN;
	unsigned	 bits = xclient_bits(attributes);

	if (has_dovecot_word(attributes))
		return XCLIENT_DOVECOT;
	if (bits == where)
		return XCLIENT_KUMOMTA;
	return bits == (where | who) ? XCLIENT_EXIM : XCLIENT_POSTFIX;
}

/* Notes a keyword; it is not offered if its parameters have no room. */
static void
add_keyword(struct smtp_offer *offer, enum smtp_keyword keyword,
    struct span params, size_t *used)
{
	if (offer->len[keyword] == 0)
		offer->at[keyword] = (uint16_t)*used;
	if (add_params(offer, keyword, params)) {
		offer->keywords |= 1U << keyword;
		*used = (size_t)offer->at[keyword] + offer->len[keyword];
		return;
	}
	offer->keywords &= ~(1U << keyword);
	offer->at[keyword] = 0;
	offer->len[keyword] = 0;
}

/* Reads AUTH's lines or all others.  AUTH has a turn of its own, so that its
 * parameters lie together, however many lines they came in. */
static void
read_lines(const struct smtp_reply *reply, bool is_auth_turn,
    struct smtp_offer *offer, size_t *used)
{
	struct span		 text = reply->text, line;
	enum smtp_keyword	 keyword;
	unsigned		 seen = 0, bit;

	(void)smtp_reply_line(&text, &line);	/* the server's name */
	while (smtp_reply_line(&text, &line)) {
		if (!take_keyword(&line, &keyword) ||
		    (keyword == SMTP_KW_AUTH) != is_auth_turn)
			continue;
		bit = 1U << keyword;
		if ((seen & bit) == 0 ||
		    (is_auth_turn && smtp_offers(offer, keyword)))
			add_keyword(offer, keyword, line, used);
		seen |= bit;
	}
}

void
smtp_offer_read(const struct smtp_reply *reply, struct smtp_offer *offer_r)
{
	size_t	 used = 0;

	*offer_r = (struct smtp_offer){ 0 };
	read_lines(reply, false, offer_r, &used);
	read_lines(reply, true, offer_r, &used);
	offer_r->xclient = xclient_bits(smtp_offer_params(offer_r,
	    SMTP_KW_XCLIENT));
	offer_r->dialect = smtp_offers(offer_r, SMTP_KW_XCLIENT) ?
	    smtp_xclient_dialect(smtp_offer_params(offer_r,
	    SMTP_KW_XCLIENT)) : XCLIENT_AUTO;
}
