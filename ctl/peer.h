/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * peer: who a verb is about, of its arguments.
 */
#ifndef XC_CTL_PEER_H
#define XC_CTL_PEER_H

#include "ctl.h"

/* The options that are the first of each verb about a peer. */
enum { PEER_LISTENER, PEER_NAME, PEER_FINGERPRINT, PEER_OPTIONS };

/* Who connects from that address ("192.0.2.1", "2001:db8::1").  Exits 64 if it
 * is none. */
struct trust_peer	peer_read(const struct ctl *ctl, const char *address);

/*
 * True if that listener (NULL: none) has rules of its own, or is a relay's
 * name; another would get the rules of all, as if it were none, and the daemons
 * refuse it.
 */
bool	peer_has_listener(struct ctl *ctl, const char *listener);

/*
 * What that peer is to the rules: its profile, and in rule_r the "file:line"
 * that gives it.  Exits if that cannot be told, or there
 * is no such listener.
 */
const struct trust_profile	*peer_classify(struct ctl *ctl,
				    const struct trust_peer *peer,
				    char *rule_r, size_t size);

#endif
