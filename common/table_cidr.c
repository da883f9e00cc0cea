/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_cidr: networks, first match wins (cidr_table(5)).
 *
 * Each rule becomes the address ranges for which it is right: inside or, with
 * "!", outside of its network within its address family, and inside of the
 * ranges of the "if" blocks around it.  addrmap then answers which rule is
 * the first for an address.  Of a rule only its line and the place of its
 * result are kept, in addrmap; equal results are kept once.
 *
 * Addresses are read as inet_pton() does, which is what Postfix uses here: an
 * IPv4-mapped IPv6 address is an IPv6 address in this table.
 */
#include "table_private.h"

#include <arpa/inet.h>

#include <errno.h>
#include <stdlib.h>

#include "addrmap.h"

#define NO_RESULT	UINT32_MAX

/* Of one family, which both addresses have; first is not above last. */
struct range {
	struct address	 first;
	struct address	 last;
};

struct range_list {
	struct range	*v;
	size_t		 n;
};

/* The addresses for which an open "if" lets the rules inside be asked. */
struct block {
	struct range_list	 ranges;
	unsigned		 line;
};

struct table_cidr {
	struct table	 base;
	char		*path;
	const char	*file;
	char		*pool;		/* results with their NULs */
	size_t		 pool_len;
	struct addrmap	*map;		/* rule: its line; tag: its result */
};

/* What exists only while the table is loaded. */
struct loader {
	struct table_cidr	*t;
	struct addrmap_builder	*builder;
	struct block		*block;	/* block[0] is the whole table */
	size_t			 nblocks;
	size_t			 pool_size;
	uint32_t		*slot;	/* results by hash, or NO_RESULT */
	size_t			 nslots;
	size_t			 nresults;
};

/* The most ranges that the complement of a network has. */
#define OWN_RANGES_MAX	2

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
static bool
parse_address(struct span text, struct address *addr_r)
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
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static struct range
whole_family(uint8_t family)
{
	struct range	 all = { .first.family = family,
			    .last.family = family };

	memset(all.last.bytes, 0xff, address_len(&all.last));
	return all;
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
net_range(struct range *net, unsigned bits)
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
	inet_ntop(net.family, net.bytes, buf, sizeof(buf));
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
parse_net(char *pattern, struct range *net_r, struct err *why)
{
	struct range	 net;
	char		 text[64], *addr, *bits_text;
	unsigned	 bits, max;

	strncpy(text, pattern, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	addr = split_pattern(pattern, &bits_text);
	if (addr == NULL)
		return err_set(why, "\"%s\": brackets do not match", text);
	if (!parse_address(span_of(addr), &net.first))
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
 * OWN_RANGES_MAX; returns their number.
 */
static size_t
own_ranges(const struct range *net, bool negated, struct range *out)
{
	struct range	 all;
	size_t		 n = 0;

	if (!negated) {
		out[0] = *net;
		return 1;
	}
	all = whole_family(net->first.family);
	if (compare(&net->first, &all.first) > 0)
		out[n++] = (struct range){ all.first,
		    neighbour(net->first, -1) };
	if (compare(&net->last, &all.last) < 0)
		out[n++] = (struct range){ neighbour(net->last, 1),
		    all.last };
	return n;
}

/* False: they have nothing in common. */
static bool
intersect(const struct range *a, const struct range *b, struct range *out)
{
	if (a->first.family != b->first.family)
		return false;
	out->first = compare(&a->first, &b->first) > 0 ? a->first : b->first;
	out->last = compare(&a->last, &b->last) < 0 ? a->last : b->last;
	return compare(&out->first, &out->last) <= 0;
}

static int
no_memory(struct err *why)
{
	return err_set(why, "%s", strerror(errno));
}

static uint32_t
hash(const char *s)
{
	uint32_t	 h = 0x811c9dc5u;

	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * 0x01000193u;
	return h ^ h >> 15;
}

static size_t
result_slot(const struct loader *l, const char *s)
{
	size_t	 i;

	for (i = hash(s); ; i++) {
		i &= l->nslots - 1;
		if (l->slot[i] == NO_RESULT ||
		    strcmp(l->t->pool + l->slot[i], s) == 0)
			return i;
	}
}

static bool
results_grow(struct loader *l)
{
	uint32_t	*old = l->slot;
	size_t		 i, nold = l->nslots;

	if (l->nslots > l->nresults * 2)
		return true;
	l->nslots = nold == 0 ? 64 : nold * 2;
	if ((l->slot = calloc(l->nslots, sizeof(*l->slot))) == NULL) {
		l->slot = old;
		return false;
	}
	memset(l->slot, 0xff, l->nslots * sizeof(*l->slot));
	for (i = 0; i < nold; i++)
		if (old[i] != NO_RESULT)
			l->slot[result_slot(l, l->t->pool + old[i])] = old[i];
	free(old);
	return true;
}

static bool
pool_reserve(struct loader *l, size_t n)
{
	size_t	 size = l->pool_size == 0 ? 1024 : l->pool_size;
	char	*p;

	while (size < n)
		size *= 2;
	if (size == l->pool_size)
		return true;
	if ((p = realloc(l->t->pool, size)) == NULL)
		return false;
	l->t->pool = p;
	l->pool_size = size;
	return true;
}

/* Keeps one copy of each result, and says where. */
static bool
add_result(struct loader *l, const char *s, uint32_t *result_r)
{
	struct table_cidr	*t = l->t;
	size_t			 n = strlen(s) + 1, slot;

	if (!results_grow(l))
		return false;
	slot = result_slot(l, s);
	if (l->slot[slot] == NO_RESULT) {
		if (t->pool_len + n >= NO_RESULT) {
			errno = EFBIG;
			return false;
		}
		if (!pool_reserve(l, t->pool_len + n))
			return false;
		memcpy(t->pool + t->pool_len, s, n);
		l->slot[slot] = (uint32_t)t->pool_len;
		t->pool_len += n;
		l->nresults++;
	}
	*result_r = l->slot[slot];
	return true;
}

static int
add_rule(struct loader *l, const struct range *own, size_t nown,
    const char *result, unsigned line, struct err *why)
{
	const struct range_list	*allowed = &l->block[l->nblocks - 1].ranges;
	struct range		 both;
	uint32_t		 at;
	size_t			 i, j;

	if (!add_result(l, result, &at))
		return no_memory(why);
	for (i = 0; i < allowed->n; i++)
		for (j = 0; j < nown; j++)
			if (intersect(&allowed->v[i], &own[j], &both) &&
			    !addrmap_builder_add_tag(l->builder, &both.first,
			    &both.last, line, at))
				return no_memory(why);
	return 0;
}

static int
push_block(struct loader *l, struct range_list ranges, unsigned line,
    struct err *why)
{
	struct block	*v;

	v = reallocarray(l->block, l->nblocks + 1, sizeof(*v));
	if (v == NULL || ranges.v == NULL) {
		if (v != NULL)
			l->block = v;
		free(ranges.v);
		return no_memory(why);
	}
	l->block = v;
	v[l->nblocks++] = (struct block){ ranges, line };
	return 0;
}

static int
push_whole_table(struct loader *l, struct err *why)
{
	struct range_list	 all = { calloc(2, sizeof(*all.v)), 2 };

	if (all.v != NULL) {
		all.v[0] = whole_family(AF_INET);
		all.v[1] = whole_family(AF_INET6);
	}
	return push_block(l, all, 0, why);
}

static int
begin_if(struct loader *l, const struct range *own, size_t nown,
    unsigned line, struct err *why)
{
	const struct range_list	*outer = &l->block[l->nblocks - 1].ranges;
	struct range_list	 inner = { 0 };
	size_t			 i, j;

	/* One more than can be, so that 0 ranges are no special case. */
	inner.v = calloc(outer->n * OWN_RANGES_MAX + 1, sizeof(*inner.v));
	for (i = 0; inner.v != NULL && i < outer->n; i++)
		for (j = 0; j < nown; j++)
			if (intersect(&outer->v[i], &own[j],
			    &inner.v[inner.n]))
				inner.n++;
	return push_block(l, inner, line, why);
}

static int
end_if(struct loader *l, const char *rest, struct err *why)
{
	while (table_isspace(*rest))
		rest++;
	if (*rest != '\0')
		return err_set(why, "text behind \"endif\"");
	if (l->nblocks == 1)
		return err_set(why, "\"endif\" without \"if\"");
	free(l->block[--l->nblocks].ranges.v);
	return 0;
}

static bool
is_word(const char *line, const char *word)
{
	size_t	 n = strlen(word);

	return strncasecmp(line, word, n) == 0 && !table_isalnum(line[n]);
}

static char *
skip_negation(char *p, bool *negated_r)
{
	*negated_r = false;
	for (; *p == '!' || table_isspace(*p); p++)
		if (*p == '!')
			*negated_r = !*negated_r;
	return p;
}

static int
load_line(struct loader *l, char *line, unsigned number, struct err *why)
{
	struct range	 net, own[OWN_RANGES_MAX];
	char		*pattern, *result;
	bool		 negated, is_if = is_word(line, "if");
	size_t		 n;

	if (is_word(line, "endif"))
		return end_if(l, line + strlen("endif"), why);
	if (is_if)
		line += strlen("if");
	pattern = skip_negation(line, &negated);
	if (is_if)
		pattern = table_trim(pattern);
	for (result = pattern; *result != '\0'; result++)
		if (!is_if && table_isspace(*result))
			break;
	if (*result != '\0')
		*result++ = '\0';
	result = table_trim(result);
	if (*pattern == '\0')
		return err_set(why, "expected an address or network");
	if (parse_net(pattern, &net, why) == -1)
		return -1;
	n = own_ranges(&net, negated, own);
	if (is_if)
		return begin_if(l, own, n, number, why);
	if (*result == '\0')
		return err_set(why, "expected a result behind the network");
	return add_rule(l, own, n, result, number, why);
}

static int
load_lines(struct loader *l, struct table_file *file, struct err *err)
{
	struct table_line	 line;
	struct err		 why;
	int			 more;

	while ((more = table_file_next(file, &line, err)) == 1)
		if (load_line(l, line.text, line.number, &why) == -1)
			return err_set_at(err, table_label(file->name).text,
			    line.number, "%s",
			    why.text);
	if (more == -1)
		return -1;
	if (l->nblocks > 1)
		return err_set_at(err, table_label(file->name).text,
		    l->block[l->nblocks - 1].line, "\"if\" without \"endif\"");
	return 0;
}

/* Gives back what doubling took too much. */
static void
shrink(struct table_cidr *t)
{
	char	*p;

	if (t->pool_len > 0 && (p = realloc(t->pool, t->pool_len)) != NULL)
		t->pool = p;
}

static int
load(struct loader *l, struct table_file *file, struct err *err)
{
	if ((l->builder = addrmap_builder_new()) == NULL)
		return no_memory(err);
	if (push_whole_table(l, err) == -1 || load_lines(l, file, err) == -1)
		return -1;
	shrink(l->t);
	if ((l->t->map = addrmap_build(l->builder)) == NULL)
		return no_memory(err);
	return 0;
}

static void
loader_clear(struct loader *l)
{
	while (l->nblocks > 0)
		free(l->block[--l->nblocks].ranges.v);
	free(l->block);
	free(l->slot);
	addrmap_builder_free(l->builder);
}

static enum table_status
cidr_find(const struct table *table, struct span key,
    struct table_result *res)
{
	const struct table_cidr	*t = (const struct table_cidr *)table;
	struct address		 addr;
	uint32_t		 line, result;

	if (!parse_address(key, &addr))
		return TABLE_NOT_FOUND;
	line = addrmap_find_tag(t->map, &addr, &result);
	if (line == ADDRMAP_NONE)
		return TABLE_NOT_FOUND;
	return table_result_set(res, span_of(t->pool + result), t->file, line);
}

static size_t
cidr_memory(const struct table *table)
{
	const struct table_cidr	*t = (const struct table_cidr *)table;

	return sizeof(*t) + t->pool_len +
	    addrmap_memory(t->map) +
	    (t->path == NULL ? 0 : strlen(t->path) + 1);
}

static void
cidr_free(struct table *table)
{
	struct table_cidr	*t = (struct table_cidr *)table;

	free(t->path);
	free(t->pool);
	addrmap_free(t->map);
	free(t);
}

static const struct table_ops cidr_ops = {
	.folds_keys = table_never_folds,
	.find = cidr_find,
	.memory = cidr_memory,
	.free = cidr_free,
	.takes_any_key = true,
};

struct table *
table_cidr_open(const struct table_source *src, struct err *err)
{
	struct table_cidr	*t;
	struct table_file	 file;
	struct loader		 l = { 0 };
	int			 result;

	if ((t = calloc(1, sizeof(*t))) == NULL) {
		no_memory(err);
		return NULL;
	}
	t->base.ops = &cidr_ops;
	l.t = t;
	if ((result = table_file_open(&file, src, err)) == 0)
		result = load(&l, &file, err);
	t->file = table_file_take_name(&file, &t->path);
	table_file_close(&file);
	loader_clear(&l);
	if (result == -1) {
		cidr_free(&t->base);
		return NULL;
	}
	return &t->base;
}
