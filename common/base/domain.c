/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * domain: see domain.h.  What is ASCII never goes through libidn2: host names
 * have been valid for longer than its rules, such as "r3---sn.example".
 */
#include "base/domain.h"

#include <idn2.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/address.h"
#include "base/hostname.h"

#define TEXT_MAX	1024	/* octets of any spelling */

static bool
is_ascii(struct span text)
{
	size_t	 i;

	for (i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] >= 0x80)
			return false;
	return true;
}

static struct span
strip_dots(struct span text)
{
	while (text.n > 0 && text.p[text.n - 1] == '.')
		text.n--;
	return text;
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]", "[2001:db8::1]". */
static enum domain_result
read_literal(struct span text, char *buf, struct span *domain_r)
{
	struct span	 inside = { text.p + 1, text.n - 2 };
	struct address	 addr;
	char		 canonical[ADDRESS_TEXT_SIZE + sizeof "IPv6:"];

	if (text.n < 2 || text.p[text.n - 1] != ']' ||
	    (!address_parse_mailhost(inside, &addr) &&
	    !address_parse(inside, &addr)))
		return DOMAIN_BAD;
	(void)snprintf(buf, DOMAIN_SIZE, "[%s]", address_format_mailhost(&addr,
	    canonical, sizeof canonical));
	*domain_r = span_of(buf);
	return DOMAIN_OK;
}

/* Writes a host name of ASCII. */
static enum domain_result
read_hostname(struct span text, char *buf, struct span *domain_r)
{
	size_t	 i;
	char	 c;

	text = strip_dots(text);
	if (text.n >= DOMAIN_SIZE || !hostname_valid(text))
		return DOMAIN_BAD;
	for (i = 0; i < text.n; i++) {
		c = text.p[i];
		buf[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	buf[i] = '\0';
	*domain_r = (struct span){ buf, i };
	return DOMAIN_OK;
}

/* What libidn2 makes of text; the caller frees *out_r if it is DOMAIN_OK. */
static enum domain_result
convert(struct span text, int (*fn)(const char *in, char **out), char **out_r)
{
	char	 in[TEXT_MAX + 1];
	int	 result;

	if (text.n > TEXT_MAX || span_has(text, '\0'))
		return DOMAIN_BAD;
	span_copy(in, text);
	in[text.n] = '\0';
	result = fn(in, out_r);
	if (result == IDN2_OK)
		return DOMAIN_OK;
	return result == IDN2_MALLOC ? DOMAIN_CANNOT_TELL : DOMAIN_BAD;
}

static int
to_ascii(const char *in, char **out)
{
	return idn2_lookup_u8((const uint8_t *)in, (uint8_t **)out,
	    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
}

static int
to_unicode(const char *in, char **out)
{
	return idn2_to_unicode_8z8z(in, out, 0);
}

enum domain_result
domain_read(struct span text, char *buf, struct span *domain_r)
{
	enum domain_result	 result;
	char			*ascii;

	if (text.n > 0 && text.p[0] == '[')
		return read_literal(strip_dots(text), buf, domain_r);
	if (is_ascii(text))
		return read_hostname(text, buf, domain_r);
	result = convert(text, to_ascii, &ascii);
	if (result != DOMAIN_OK)
		return result;
	result = read_hostname(span_of(ascii), buf, domain_r);
	idn2_free(ascii);
	return result;
}

enum domain_result
domain_unicode(struct span domain, char *buf, struct span *unicode_r)
{
	enum domain_result	 result;
	char			*unicode;
	size_t			 n;

	if (memmem(domain.p, domain.n, "xn--", 4) == NULL)
		return DOMAIN_BAD;
	result = convert(domain, to_unicode, &unicode);
	if (result != DOMAIN_OK)
		return result;
	n = strlen(unicode);
	if (n >= DOMAIN_UNICODE_SIZE) {
		result = DOMAIN_BAD;
	} else {
		memcpy(buf, unicode, n + 1);
		*unicode_r = (struct span){ buf, n };
	}
	idn2_free(unicode);
	return result;
}
