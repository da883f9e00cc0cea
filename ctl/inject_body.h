/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_body: a message's content, as it is to be sent, in blocks.
 *
 * In an mbox a line that begins with "From ", behind any number of ">", has one
 * more of these there; that one is taken away.  All else is as it is: what line
 * ends and dots become on the wire is smtp_client's.
 */
#ifndef XC_CTL_INJECT_BODY_H
#define XC_CTL_INJECT_BODY_H

#include <openssl/types.h>

#include "inject_source.h"

struct inject_body {
	const struct inject_item	*item;
	off_t				 at;
	bool				 is_line_begin;
	EVP_MD_CTX			*md;
};

/* The item must outlive it.  False: out of memory. */
bool	inject_body_open(struct inject_body *body,
	    const struct inject_item *item);
void	inject_body_clear(struct inject_body *body);

/* So many bytes; 0: that was all; -1: it cannot be read, or is not the message
 * any more that the item says it is. */
ssize_t	inject_body_read(struct inject_body *body, char *buf, size_t size);

#endif
