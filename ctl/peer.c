/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * peer: see peer.h.  A name is believed: whoever asks says that it is verified.
 */
#include "peer.h"

#include <string.h>
#include <sysexits.h>

struct trust_peer
peer_read(const struct ctl *ctl, const char *address)
{
	struct trust_peer	 peer = {
		.name = ctl->option[PEER_NAME],
		.fingerprint = ctl->option[PEER_FINGERPRINT],
		.listener = ctl->option[PEER_LISTENER]
	};

	if (!address_parse(span_of(address), &peer.addr))
		ctl_die(EX_USAGE, "\"%s\": expected an IPv4 or IPv6 address",
		    address);
	return peer;
}

bool
peer_has_listener(struct ctl *ctl, const char *listener)
{
	const struct conf	*conf = ctl_conf(ctl);
	unsigned		 i;

	if (listener == NULL ||
	    trust_has_listener(conf->trust, span_of(listener)))
		return true;
	for (i = 0; i < conf->n_relays; i++)
		if (strcmp(conf->relays[i].name, listener) == 0)
			return true;
	return false;
}

const struct trust_profile *
peer_classify(struct ctl *ctl, const struct trust_peer *peer, char *rule_r,
    size_t size)
{
	const struct trust_profile	*profile;
	struct err			 err;

	if (!peer_has_listener(ctl, peer->listener))
		ctl_die(EX_USAGE, "%s has no listener or relay \"%s\"",
		    ctl->file, peer->listener);
	if (trust_classify(ctl_conf(ctl)->trust, peer, &profile, rule_r, size,
	    &err) != TRUST_OK)
		ctl_cannot_tell(&err);
	return profile;
}
