/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_revoked: the keys of revocations, the same in each back end:
 * "profile=NAME" and "peer=ADDRESS".
 *
 * What can never match is refused when it is revoked: an administrator in a
 * hurry must not believe that a slip of the pen took rights away.
 */
#include "session/store_private.h"

#include <stdio.h>
#include <string.h>

#define PEER		"peer="
#define PROFILE		"profile="
#define PROFILE_MAX	64

static bool
is_profile(const char *name)
{
	size_t	 len = strlen(name);

	return len >= 1 && len <= PROFILE_MAX &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

int
store_revoked_key(const char *what, char *key_r, struct err *err)
{
	const size_t	 n_peer = sizeof PEER - 1;
	const size_t	 n_profile = sizeof PROFILE - 1;
	struct address	 peer;

	if (strncmp(what, PEER, n_peer) == 0 &&
	    address_parse(span_of(what + n_peer), &peer)) {
		(void)store_revoked_peer(&peer, key_r);
		return 0;
	}
	if (strncmp(what, PROFILE, n_profile) == 0 &&
	    is_profile(what + n_profile)) {
		(void)store_revoked_profile(what + n_profile, key_r);
		return 0;
	}
	return err_set(err, "\"%s\" cannot be revoked, expected "
	    "\"profile=NAME\" or \"peer=ADDRESS\"", what);
}

size_t
store_revoked_peer(const struct address *peer, char *key)
{
	const size_t	 n = sizeof PEER - 1;

	if (peer->family == AF_UNSPEC)
		return 0;
	memcpy(key, PEER, n);
	return n + strlen(address_format(peer, key + n,
	    STORE_REVOKED_SIZE - n));
}

size_t
store_revoked_profile(const char *profile, char *key)
{
	int	 len;

	len = snprintf(key, STORE_REVOKED_SIZE, PROFILE "%s", profile);
	return len > 0 && len < STORE_REVOKED_SIZE ? (size_t)len : 0;
}
