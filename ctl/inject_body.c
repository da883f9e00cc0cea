/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_body: see inject_body.h.
 */
#include "inject_body.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

#define LOOK	64		/* so far is looked for "From " behind ">" */

bool
inject_body_open(struct inject_body *b, const struct inject_item *item)
{
	b->item = item;
	b->at = item->begin;
	b->is_line_begin = true;
	b->md = EVP_MD_CTX_new();
	if (b->md != NULL && EVP_DigestInit_ex(b->md, EVP_sha256(), NULL) == 1)
		return true;
	inject_body_clear(b);
	return false;
}

void
inject_body_clear(struct inject_body *b)
{
	EVP_MD_CTX_free(b->md);
	b->md = NULL;
}

/* True if what stands at the place is ">From ", or with more ">" before it. */
static bool
is_quoted_from(const struct inject_body *b, off_t at)
{
	char	 buf[LOOK];
	off_t	 left = b->item->end - at;
	ssize_t	 i = 0, n;

	n = pread(b->item->fd, buf, left < LOOK ? (size_t)left : LOOK, at);
	while (i < n && buf[i] == '>')
		i++;
	return n - i >= 5 && memcmp(buf + i, "From ", 5) == 0;
}

/* at is where buf[0] stands in the file.  Returns the new length. */
static size_t
unquote(struct inject_body *b, char *buf, size_t n, off_t at)
{
	size_t	 i, to = 0;

	for (i = 0; i < n; i++) {
		if (!b->is_line_begin || buf[i] != '>' ||
		    !is_quoted_from(b, at + (off_t)i))
			buf[to++] = buf[i];
		b->is_line_begin = buf[i] == '\n';
	}
	return to;
}

/* 0, if all of it was what it should be. */
static ssize_t
finish(struct inject_body *b)
{
	uint8_t	 digest[INJECT_DIGEST_LEN];

	if (b->md == NULL)
		return 0;
	if (EVP_DigestFinal_ex(b->md, digest, NULL) != 1 ||
	    memcmp(digest, b->item->digest, sizeof digest) != 0)
		return -1;
	inject_body_clear(b);
	return 0;
}

ssize_t
inject_body_read(struct inject_body *b, char *buf, size_t size)
{
	off_t	 left;
	ssize_t	 n;
	size_t	 kept = 0;

	while (kept == 0) {
		left = b->item->end - b->at;
		if (left <= 0)
			return finish(b);
		if (left < (off_t)size)
			size = (size_t)left;
		n = pread(b->item->fd, buf, size, b->at);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0 || EVP_DigestUpdate(b->md, buf, (size_t)n) != 1)
			return -1;
		kept = b->item->is_quoted ? unquote(b, buf, (size_t)n, b->at) :
		    (size_t)n;
		b->at += n;
	}
	return (ssize_t)kept;
}
