/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * identity_said: sessions and XFORWARDs, made of texts.
 */
#include "identity_said.h"

#include <check.h>

void
identity_said_session(struct session *s, const char *peer,
    const char *peer_name, uint16_t port, const char *override)
{
	session_init(s);
	if (peer != NULL)
		ck_assert(address_parse(span_of(peer), &s->peer));
	s->client = s->peer;
	s->client_port = port;
	ck_assert(session_set_text(&s->peer_name, peer_name));
	ck_assert(session_set_text(&s->override, override));
}

const struct assertion_set *
identity_said_xforward(const char *args, struct assertion_set *set)
{
	struct err	 err;

	if (args == NULL)
		return NULL;
	ck_assert_int_eq(assertion_parse(span_of(args), ASSERTION_XFORWARD,
	    XTEXT_STRICT, set, &err), ASSERTION_OK);
	return set;
}
