/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_revoked: the keys of revocations, the same in each back end:
 * "profile=NAME", "peer=ADDRESS", "session=NAME", and for "network=ADDRESS/BITS"
 * "network=FAMILY/BITS/ADDRESS" in hexadecimal digits.
 *
 * What can never match is refused when it is revoked: an administrator in a
 * hurry must not believe that a slip of the pen took rights away.
 */
#include "session/store_private.h"

#include <stdio.h>
#include <string.h>

#include "base/ulid.h"

#define PEER		"peer="
#define PROFILE		"profile="
#define SESSION		"session="
#define NETWORK		"network="
#define PROFILE_MAX	64

/* Of a network's key: family, bits. */
#define N_FAMILY	(sizeof NETWORK - 1)
#define N_BITS		(N_FAMILY + 2)
#define N_ADDRESS	(N_BITS + 3)

static bool
is_profile(const char *name)
{
	size_t	 len = strlen(name);

	return len >= 1 && len <= PROFILE_MAX &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

static bool
is_session(const char *name)
{
	return strlen(name) == ULID_SIZE - 1 && strspn(name,
	    "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == ULID_SIZE - 1;
}

/* What stands behind that word, or NULL. */
static const char *
behind(const char *what, const char *word)
{
	size_t	 n = strlen(word);

	return strncmp(what, word, n) == 0 ? what + n : NULL;
}

int
store_revoked_key(const char *what, char *key_r, struct err *err)
{
	const char		*text;
	struct address		 peer;
	struct address_net	 net;
	size_t			 n = 0;

	if ((text = behind(what, PEER)) != NULL &&
	    address_parse(span_of(text), &peer))
		n = store_revoked_peer(&peer, key_r);
	else if ((text = behind(what, PROFILE)) != NULL && is_profile(text))
		n = store_revoked_profile(text, key_r);
	else if ((text = behind(what, SESSION)) != NULL && is_session(text))
		n = store_revoked_session(text, key_r);
	else if ((text = behind(what, NETWORK)) != NULL &&
	    address_parse_net(span_of(text), &net))
		n = store_revoked_network(&net.addr, net.bits, key_r);
	return n > 0 ? 0 : err_set(err, "\"%s\" cannot be revoked, expected "
	    "\"profile=NAME\", \"peer=ADDRESS\", \"network=ADDRESS/BITS\" or "
	    "\"session=NAME\"", what);
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

/* The length of the key, or 0. */
static size_t
put_word(char *key, const char *word, const char *name)
{
	int	 len = snprintf(key, STORE_REVOKED_SIZE, "%s%s", word, name);

	return len > 0 && len < STORE_REVOKED_SIZE ? (size_t)len : 0;
}

size_t
store_revoked_profile(const char *profile, char *key)
{
	return put_word(key, PROFILE, profile);
}

size_t
store_revoked_session(const char *session, char *key)
{
	return put_word(key, SESSION, session);
}

/*
 * Networks
 */

static char
family_digit(const struct address *addr)
{
	return addr->family == AF_INET ? '4' : '6';
}

static size_t
address_size(const struct address *addr)
{
	return addr->family == AF_INET ? 4 : sizeof addr->bytes;
}

size_t
store_revoked_network(const struct address *peer, unsigned bits, char *key)
{
	size_t		 size = address_size(peer), i, n;
	unsigned	 left;

	if (peer->family == AF_UNSPEC || bits > 8 * size)
		return 0;
	n = (size_t)snprintf(key, STORE_REVOKED_SIZE, NETWORK "%c/%02x/",
	    family_digit(peer), bits);
	for (i = 0; i < size; i++) {
		left = bits < 8 * i ? 0 : bits - 8 * (unsigned)i;
		n += (size_t)snprintf(key + n, STORE_REVOKED_SIZE - n, "%02x",
		    left >= 8 ? peer->bytes[i] :
		    peer->bytes[i] & ~(0xffU >> left) & 0xffU);
	}
	return n;
}

/* The number that so many hexadecimal digits are, or -1. */
static int
hex_byte(const char *text)
{
	static const char	 digits[] = "0123456789abcdef";
	const char		*high = strchr(digits, text[0]);
	const char		*low = strchr(digits, text[1]);

	return text[0] == '\0' || text[1] == '\0' || high == NULL ||
	    low == NULL ? -1 : (int)((high - digits) * 16 + (low - digits));
}

int
store_revoked_bits(const char *key, size_t n, const struct address *peer)
{
	int	 bits;

	if (n != N_ADDRESS + 2 * address_size(peer) ||
	    memcmp(key, NETWORK, N_FAMILY) != 0 ||
	    key[N_FAMILY] != family_digit(peer))
		return -1;
	bits = hex_byte(key + N_BITS);
	return bits > (int)(8 * address_size(peer)) ? -1 : bits;
}

/* The address of the network's key that has that family.  False: there is
 * none. */
static bool
read_network(const char *key, size_t n, uint8_t family,
    struct address *addr_r, int *bits_r)
{
	size_t	 i;
	int	 byte;

	*addr_r = (struct address){ .family = family };
	*bits_r = store_revoked_bits(key, n, addr_r);
	if (*bits_r == -1)
		return false;
	for (i = 0; i < address_size(addr_r); i++) {
		byte = hex_byte(key + N_ADDRESS + 2 * i);
		if (byte == -1)
			return false;
		addr_r->bytes[i] = (uint8_t)byte;
	}
	return true;
}

bool
store_revoked_what(const char *key, size_t n, char *what_r)
{
	char		 text[ADDRESS_TEXT_SIZE];
	struct address	 addr;
	int		 bits;

	if (read_network(key, n, AF_INET, &addr, &bits) ||
	    read_network(key, n, AF_INET6, &addr, &bits)) {
		(void)snprintf(what_r, STORE_REVOKED_SIZE, NETWORK "%s/%d",
		    address_format(&addr, text, sizeof text), bits);
		return true;
	}
	if (n >= STORE_REVOKED_SIZE || memchr(key, '\0', n) != NULL)
		return false;
	memcpy(what_r, key, n);
	what_r[n] = '\0';
	return true;
}
