/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * proxy_header: version 1 (proxy-protocol.txt, 2.1), and which version it is.
 *
 * What would surprise a reader: TCP6 may bring an IPv4 address as
 * ::ffff:192.0.2.1, which haproxy writes where the two ends are of different
 * families.
 */
#include "proxy_header.h"

#include "proxy_header_private.h"

#define PORT_DIGITS	5
#define QUOTE_MAX	64	/* bytes of hostile text in an error */

static const struct beginning {
	const char	*text;
	int		 family;	/* AF_UNSPEC: none that is IP */
} beginnings[] = {
	{ "PROXY TCP4 ",	AF_INET },
	{ "PROXY TCP6 ",	AF_INET6 },
	{ "PROXY UNKNOWN ",	AF_UNSPEC },
	{ "PROXY UNKNOWN\r",	AF_UNSPEC }
};
#define BEGINNING_COUNT	(sizeof beginnings / sizeof beginnings[0])

/* The beginning that in has, or may have when more of it is there; or NULL. */
static const struct beginning *
beginning_find(struct span in)
{
	size_t	 i, n;

	for (i = 0; i < BEGINNING_COUNT; i++) {
		n = strlen(beginnings[i].text);
		if (memcmp(in.p, beginnings[i].text, n < in.n ? n : in.n) == 0)
			return &beginnings[i];
	}
	return NULL;
}

/* DONE: *line_r is the line without its end. */
static enum proxy_header_result
line_find(struct span in, struct span *line_r, struct err *err)
{
	size_t	 max = PROXY_HEADER_V1_MAX - 1;	/* up to the CR */
	size_t	 i, n = in.n < max ? in.n : max;

	for (i = 0; i < n && in.p[i] != '\r' && in.p[i] != '\n'; i++)
		continue;
	if (i == max) {
		(void)err_set(err, "PROXY header: no end within %d octets",
		    PROXY_HEADER_V1_MAX);
		return PROXY_HEADER_TOO_LONG;
	}
	if (i == n || (in.p[i] == '\r' && i + 1 == in.n))
		return PROXY_HEADER_MORE;
	if (in.p[i] != '\r' || in.p[i + 1] != '\n') {
		(void)err_set(err, "PROXY header: a bare %s, expected CRLF",
		    in.p[i] == '\r' ? "CR" : "LF");
		return PROXY_HEADER_BAD;
	}
	*line_r = (struct span){ in.p, i };
	return PROXY_HEADER_DONE;
}

/* Takes what stands before the next space, and the space. */
static struct span
word_take(struct span *rest)
{
	const char	*space = memchr(rest->p, ' ', rest->n);
	struct span	 word = *rest;

	if (space != NULL)
		word.n = (size_t)(space - rest->p);
	*rest = span_skip(*rest, word.n + (space != NULL));
	return word;
}

static int
refuse(struct err *err, const char *what, const char *want, struct span got)
{
	return err_set(err, "PROXY header: %s \"%.*s\", expected %s", what,
	    (int)(got.n < QUOTE_MAX ? got.n : QUOTE_MAX), got.p, want);
}

static int
address_read(int family, const char *what, struct span word,
    struct address *addr_r, struct err *err)
{
	bool	 is_ipv6 = span_find(word, ':') != NULL;

	if (is_ipv6 != (family == AF_INET6) || !address_parse(word, addr_r))
		return refuse(err, what, family == AF_INET6 ?
		    "an IPv6 address" : "an IPv4 address", word);
	return 0;
}

static int
port_read(const char *what, struct span word, uint16_t *port_r,
    struct err *err)
{
	bool		 is_number = word.n > 0 && word.n <= PORT_DIGITS &&
			     (word.n == 1 || word.p[0] != '0');
	uint32_t	 port = 0;
	size_t		 i;

	for (i = 0; i < word.n && is_number; i++) {
		is_number = word.p[i] >= '0' && word.p[i] <= '9';
		port = port * 10 + (uint32_t)(word.p[i] - '0');
	}
	if (!is_number || port > UINT16_MAX)
		return refuse(err, what, "0 to 65535 without leading zeros",
		    word);
	*port_r = (uint16_t)port;
	return 0;
}

/* Both ends, from what stands behind the protocol to the end of the line. */
static int
ends_read(int family, struct span rest, struct proxy_header *h,
    struct err *err)
{
	struct span	 source = word_take(&rest);
	struct span	 destination = word_take(&rest);
	struct span	 source_port = word_take(&rest);

	if (address_read(family, "source", source, &h->source, err) != 0 ||
	    address_read(family, "destination", destination,
	    &h->destination, err) != 0 ||
	    port_read("source port", source_port, &h->source_port, err) != 0)
		return -1;
	return port_read("destination port", rest, &h->destination_port, err);
}

static enum proxy_header_result
v1_find(struct span in, struct proxy_header *header_r, size_t *used_r,
    struct err *err)
{
	struct proxy_header		 h = { .version = 1 };
	enum proxy_header_result	 result;
	const struct beginning		*beginning = beginning_find(in);
	struct span			 line;

	if (beginning == NULL) {
		(void)refuse(err, "beginning", "\"PROXY TCP4\", \"PROXY TCP6\""
		    " or \"PROXY UNKNOWN\"", in);
		return PROXY_HEADER_BAD;
	}
	result = line_find(in, &line, err);
	if (result != PROXY_HEADER_DONE)
		return result;
	h.is_local = beginning->family == AF_UNSPEC;
	if (!h.is_local && ends_read(beginning->family, span_skip(line,
	    strlen(beginning->text)), &h, err) != 0)
		return PROXY_HEADER_BAD;
	*header_r = h;
	*used_r = line.n + strlen("\r\n");
	return PROXY_HEADER_DONE;
}

enum proxy_header_result
proxy_header_find(const char *buf, size_t len, struct proxy_header *header_r,
    size_t *used_r, struct err *err)
{
	struct span	 in = { buf, len };

	if (len == 0)
		return PROXY_HEADER_MORE;
	return buf[0] == beginnings[0].text[0] ?
	    v1_find(in, header_r, used_r, err) :
	    proxy_header_v2_find(in, header_r, used_r, err);
}
