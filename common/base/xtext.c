/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * xtext: see xtext.h.  A text is decoded or refused as a whole.  Postfix does
 * not look at what stands between the hex pairs, so XTEXT_LEGACY lets every
 * byte through there.
 */
#include "base/xtext.h"

/* What smtpd's tokenizer treats specially, and what RFC 3461 reserves. */
static const char	must_encode[] = "+=\"\\<>()";
static const char	hex_digits[] = "0123456789ABCDEF";

static int
hex_value(char c, enum xtext_mode mode)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (mode == XTEXT_LEGACY && c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool
is_xchar(char c)
{
	return c >= 33 && c <= 126 && c != '+' && c != '=';
}

/*
 * Takes one byte off the front of *text.  False: no xtext there.
 */
static bool
next_byte(struct span *text, enum xtext_mode mode, char *byte_r)
{
	int	 high, low;

	if (text->p[0] != '+') {
		if (mode == XTEXT_STRICT && !is_xchar(text->p[0]))
			return false;
		*byte_r = text->p[0];
		*text = span_skip(*text, 1);
		return true;
	}
	if (text->n < 3)
		return false;
	high = hex_value(text->p[1], mode);
	low = hex_value(text->p[2], mode);
	if (high == -1 || low == -1)
		return false;
	*byte_r = (char)(high << 4 | low);
	*text = span_skip(*text, 3);
	return true;
}

/* The length after decoding.  False: not xtext. */
static bool
decoded_length(struct span text, enum xtext_mode mode, size_t *len_r)
{
	size_t	 len;
	char	 byte;

	for (len = 0; text.n > 0; len++)
		if (!next_byte(&text, mode, &byte))
			return false;
	*len_r = len;
	return true;
}

enum xtext_result
xtext_decode(struct span text, enum xtext_mode mode, char *buf, size_t size,
    size_t *len_r)
{
	size_t	 i, len;
	bool	 is_xtext;

	is_xtext = decoded_length(text, mode, &len);
	if (!is_xtext && mode == XTEXT_STRICT)
		return XTEXT_BAD;
	if (!is_xtext)
		len = text.n;
	if (len > size)
		return XTEXT_TOO_LONG;
	*len_r = len;
	if (!is_xtext)
		memcpy(buf, text.p, len);
	else
		for (i = 0; i < len; i++)
			next_byte(&text, mode, &buf[i]);
	return XTEXT_OK;
}

static bool
goes_plain(char c)
{
	return c >= 33 && c <= 126 && strchr(must_encode, c) == NULL;
}

enum xtext_result
xtext_encode(struct span bytes, char *buf, size_t size, size_t *len_r)
{
	size_t		 i, len = 0;
	unsigned char	 c;

	if (size == 0)
		return XTEXT_TOO_LONG;
	for (i = 0; i < bytes.n; i++) {
		bool	 plain = goes_plain(bytes.p[i]);
		size_t	 need = plain ? 1 : 3;

		if (len + need >= size)
			return XTEXT_TOO_LONG;
		c = (unsigned char)bytes.p[i];
		if (plain) {
			buf[len++] = (char)c;
			continue;
		}
		buf[len++] = '+';
		buf[len++] = hex_digits[c >> 4];
		buf[len++] = hex_digits[c & 15];
	}
	buf[len] = '\0';
	*len_r = len;
	return XTEXT_OK;
}
