/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * cidr_pattern: the patterns of cidr_table(5) and the keys they are for.
 *
 * Addresses are read with code of our own, because each lookup in a table
 * reads one; it takes what inet_pton() takes.
 */
#include "table/cidr_pattern.h"

#include <arpa/inet.h>

/* a.b.c.d as inet_pton() takes it: no leading zeros. */
static bool
parse4(struct span text, uint8_t *bytes)
{
	const char	*p = text.p, *end = text.p + text.n;
	unsigned	 value, digit, i;

	for (i = 0; i < 4; i++) {
		if (i > 0 && (p == end || *p++ != '.'))
			return false;
		if (p == end || (value = (unsigned)*p++ - '0') > 9)
			return false;
		while (p < end && (digit = (unsigned)*p - '0') <= 9) {
			if (value == 0 || (value = value * 10 + digit) > 255)
				return false;
			p++;
		}
		bytes[i] = (uint8_t)value;
	}
	return p == end;
}

/* A hexadecimal digit plus 1, 0 for anything else: digits come at random, and
 * a processor is bad at guessing branches. */
static const uint8_t hex_plus_one[256] = {
	['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5, ['5'] = 6,
	['6'] = 7, ['7'] = 8, ['8'] = 9, ['9'] = 10,
	['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
	['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

/* The value of four digits at p, UINT32_MAX if they are not four. */
static unsigned
four_digits(const char *p)
{
	const unsigned char	*c = (const unsigned char *)p;
	unsigned		 a = hex_plus_one[c[0]], b = hex_plus_one[c[1]];
	unsigned		 d = hex_plus_one[c[2]], e = hex_plus_one[c[3]];

	if (a == 0 || b == 0 || d == 0 || e == 0)
		return UINT32_MAX;
	return (a - 1) << 12 | (b - 1) << 8 | (d - 1) << 4 | (e - 1);
}

/* As many digits as there are; false: more than four, or none. */
static bool
parse_group(const char **p, const char *end, unsigned *value_r)
{
	const char	*start = *p;
	unsigned	 digit, value = 0;

	if (end - start > 4 && start[4] == ':' &&
	    (value = four_digits(start)) != UINT32_MAX) {
		*p += 4;
		*value_r = value;
		return true;
	}
	for (value = 0; *p < end; (*p)++) {
		digit = hex_plus_one[(unsigned char)**p];
		if (digit == 0)
			break;
		value = value << 4 | (digit - 1);
	}
	*value_r = value;
	return *p > start && *p - start <= 4;
}

/*
 * Reads the groups of an IPv6 address into bytes and returns how many bytes
 * that makes, -1 if it is none.  *gap_r is where "::" stands among them, -1
 * if nowhere.
 */
static int
parse_groups(const char *p, const char *end, uint8_t *bytes, int *gap_r)
{
	const char	*start;
	unsigned	 value;
	int		 n = 0;
	bool		 ok;

	*gap_r = -1;
	while (p < end) {
		if (*p == ':') {
			if (*gap_r != -1)
				return -1;
			*gap_r = n;
			p++;
			continue;
		}
		start = p;
		ok = parse_group(&p, end, &value);
		if (p < end && *p == '.')
			return n <= 12 && parse4((struct span){ start,
			    (size_t)(end - start) }, bytes + n) ? n + 4 : -1;
		if (!ok || n == 16)
			return -1;
		bytes[n++] = (uint8_t)(value >> 8);
		bytes[n++] = (uint8_t)value;
		/* A colon must be followed by something. */
		if (p < end && (*p++ != ':' || p == end))
			return -1;
	}
	return n;
}

static bool
parse6(struct span text, uint8_t *bytes)
{
	const char	*p = text.p, *end = text.p + text.n;
	int		 n, gap, tail;

	/* Two colons at the start are a gap, one is nothing. */
	if (*p == ':' && (text.n < 2 || *++p != ':'))
		return false;
	n = parse_groups(p, end, bytes, &gap);
	if (n == -1 || (gap == -1) != (n == 16))
		return false;
	if (gap != -1) {
		tail = n - gap;
		memmove(bytes + 16 - tail, bytes + gap, (size_t)tail);
		memset(bytes + gap, 0, (size_t)(16 - n));
	}
	return true;
}

/* Nothing is both: one needs dots only, the other a colon. */
bool
cidr_pattern_address(struct span text, struct address *addr_r)
{
	struct address	 addr = { 0 };

	if (text.n == 0)
		return false;
	if (parse4(text, addr.bytes))
		addr.family = AF_INET;
	else if (parse6(text, addr.bytes))
		addr.family = AF_INET6;
	else
		return false;
	*addr_r = addr;
	return true;
}

static size_t
address_len(const struct address *addr)
{
	return addr->family == AF_INET ? 4 : 16;
}

/* The neighbour above (step 1) or below (step -1), which must exist. */
static struct address
neighbour(struct address addr, int step)
{
	size_t	 i = address_len(&addr);
	uint8_t	 carry_at = step > 0 ? 0 : 0xff;

	do {
		i--;
		addr.bytes[i] = (uint8_t)(addr.bytes[i] + step);
	} while (i > 0 && addr.bytes[i] == carry_at);
	return addr;
}

static int
compare(const struct address *a, const struct address *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

struct cidr_range
cidr_pattern_family(uint8_t family)
{
	struct cidr_range	 all = { .first.family = family,
				    .last.family = family };

	memset(all.last.bytes, 0xff, address_len(&all.last));
	return all;
}

bool
cidr_pattern_next(struct address *addr)
{
	const struct cidr_range	 all = cidr_pattern_family(addr->family);

	if (compare(addr, &all.last) == 0)
		return false;
	*addr = neighbour(*addr, 1);
	return true;
}

/*
 * Reads the prefix length, which is at most max.  False: it is no number or
 * too large.
 */
static bool
parse_bits(const char *text, unsigned max, unsigned *bits_r)
{
	unsigned	 bits = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		if ((bits = bits * 10 + (unsigned)(*text - '0')) > max)
			return false;
	}
	*bits_r = bits;
	return true;
}

/* net.first is an address; false if it has bits behind the prefix. */
static bool
net_range(struct cidr_range *net, unsigned bits)
{
	size_t		 i, len = address_len(&net->first);
	unsigned	 left;
	uint8_t		 mask;

	net->last = net->first;
	for (i = 0; i < len; i++) {
		left = bits < 8 ? bits : 8;
		bits -= left;
		mask = (uint8_t)(0xff >> left);
		if ((net->first.bytes[i] & mask) != 0)
			return false;
		net->last.bytes[i] |= mask;
	}
	return true;
}

/* Says what should have been written instead of p/bits. */
static int
host_bits_error(const struct address *addr, unsigned bits, const char *p,
    struct err *why)
{
	struct address	 net = *addr;
	char		 buf[INET6_ADDRSTRLEN] = "";
	size_t		 i;
	unsigned	 left = bits;

	for (i = 0; i < address_len(addr); i++, left -= left < 8 ? left : 8)
		if (left < 8)
			net.bytes[i] &= (uint8_t)(0xff00 >> left);
	inet_ntop(net.family, net.bytes, buf, sizeof buf);
	return err_set(why, "\"%s\" has bits set behind its prefix: expected "
	    "%s/%u", p, buf, bits);
}

/*
 * Takes brackets off: "[addr]" and "[addr]/bits" and "[addr/bits]".  Returns
 * the address, *bits_r is what stands behind the slash or NULL.
 */
static char *
split_pattern(char *p, char **bits_r)
{
	char	*close, *slash_at = p;

	if (*p == '[') {
		slash_at = ++p;
		if ((close = strchr(p, ']')) == NULL)
			return NULL;
		*close = '\0';
		if (close[1] == '/')
			slash_at = close + 1;
		else if (close[1] != '\0')
			return NULL;
	}
	*bits_r = NULL;
	if ((slash_at = strchr(slash_at, '/')) != NULL) {
		*slash_at = '\0';
		*bits_r = slash_at + 1;
	}
	return p;
}

static int
parse_net(char *pattern, struct cidr_range *net_r, struct err *why)
{
	struct cidr_range	 net;
	char			 text[64], *addr, *bits_text;
	unsigned		 bits, max;

	strncpy(text, pattern, sizeof text - 1);
	text[sizeof text - 1] = '\0';
	addr = split_pattern(pattern, &bits_text);
	if (addr == NULL)
		return err_set(why, "\"%s\": brackets do not match", text);
	if (!cidr_pattern_address(span_of(addr), &net.first))
		return err_set(why, "\"%s\" is no address and no network",
		    text);
	bits = max = net.first.family == AF_INET ? 32 : 128;
	if (bits_text != NULL && !parse_bits(bits_text, max, &bits))
		return err_set(why, "\"%s\": expected a prefix length of 0 to "
		    "%u", text, max);
	if (!net_range(&net, bits))
		return host_bits_error(&net.first, bits, text, why);
	*net_r = net;
	return 0;
}

/*
 * Writes the addresses that a pattern stands for to out, which has room for
 * CIDR_PATTERN_RANGES_MAX; returns their number.
 */
static size_t
own_ranges(const struct cidr_range *net, bool negated, struct cidr_range *out)
{
	struct cidr_range	 all;
	size_t			 n = 0;

	if (!negated) {
		out[0] = *net;
		return 1;
	}
	all = cidr_pattern_family(net->first.family);
	if (compare(&net->first, &all.first) > 0)
		out[n++] = (struct cidr_range){ all.first,
		    neighbour(net->first, -1) };
	if (compare(&net->last, &all.last) < 0)
		out[n++] = (struct cidr_range){ neighbour(net->last, 1),
		    all.last };
	return n;
}

int
cidr_pattern_parse(char *pattern, bool negated, struct cidr_range *out_r,
    size_t *n_r, struct err *why)
{
	struct cidr_range	 net;

	if (parse_net(pattern, &net, why) == -1)
		return -1;
	*n_r = own_ranges(&net, negated, out_r);
	return 0;
}

bool
cidr_pattern_intersect(const struct cidr_range *a,
    const struct cidr_range *b, struct cidr_range *out_r)
{
	if (a->first.family != b->first.family)
		return false;
	out_r->first = compare(&a->first, &b->first) > 0 ? a->first : b->first;
	out_r->last = compare(&a->last, &b->last) < 0 ? a->last : b->last;
	return compare(&out_r->first, &out_r->last) <= 0;
}
