/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * attr: one request of Postfix's policy delegation protocol.
 *
 * SMTPD_POLICY_README: lines "name=value", ended by an empty line.  Attributes
 * that are not known are passed over, as that protocol demands.  Nothing is
 * copied: the values point into the bytes that the caller read.
 */
#ifndef XC_POLICY_ATTR_H
#define XC_POLICY_ATTR_H

#include "base/span.h"

/* The attributes that are used; an absent one is empty. */
enum attr_name {
	ATTR_REQUEST,
	ATTR_PROTOCOL_STATE,
	ATTR_CLIENT_ADDRESS,
	ATTR_CLIENT_NAME,
	ATTR_CLIENT_PORT,
	ATTR_SASL_METHOD,
	ATTR_SASL_USERNAME,
	ATTR_POLICY_CONTEXT,
	ATTR_HELO_NAME,
	ATTR_SENDER,
	ATTR_RECIPIENT_COUNT,
	ATTR_QUEUE_ID
};
#define ATTR_COUNT	(ATTR_QUEUE_ID + 1)

struct attr_request {
	struct span	v[ATTR_COUNT];
};

enum attr_result { ATTR_DONE, ATTR_MORE, ATTR_BAD, ATTR_TOO_LONG };

/*
 * Finds the request at the front of buf.  ATTR_DONE: *request_r points into
 * buf, *used_r is the length of the request with its empty line.
 * ATTR_MORE: the end has not come yet.  ATTR_BAD: a line without "=", a NUL,
 * a used attribute said twice, or a first line that is not "request=...".
 * ATTR_TOO_LONG: more than max bytes without an end.
 * Only ATTR_DONE writes anything.
 */
enum attr_result	attr_parse(struct span buf, size_t max,
			    struct attr_request *request_r, size_t *used_r);

#endif
