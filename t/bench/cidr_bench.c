/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * cidr_bench: what a cidr table costs at 10 and at 1,000,000 prefixes.
 *
 * It writes both tables into a temporary directory of its own: seven IPv4
 * prefixes to three IPv6 ones, half of them anywhere, half crowded into a few
 * networks.  Half of the keys lie in a prefix of the table, half anywhere.
 *
 * Lookups are timed with 1024 keys that keep coming back, as the peers of a
 * mail server do, and with keys that are all new: the difference is what the
 * machine takes to fetch a line from memory.  Keys are written out in batches,
 * so that it is the table and not the list of keys that fills the cache.
 * Both sizes take turns; medians are printed, and the exit status says whether
 * the goals are met: a load in 2 s, 64 bytes a prefix, 100 ns a lookup, a
 * factor of 4 (for keys that come back).  With the argument -n, it is 0.
 */
#include <arpa/inet.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "table/addrmap.h"
#include "table/table.h"

#define LARGE		1000000
#define SMALL		10
#define BATCH		1024
#define BATCHES		256
#define ROUNDS		9
#define LOADS		3
#define CLUSTERS	64

struct prefix {
	struct address	 addr;
	unsigned	 bits;
};

struct keys {
	struct address	*addr;		/* BATCHES times BATCH */
	struct span	 text[BATCH];
	char		 room[BATCH * INET6_ADDRSTRLEN];
};

struct side {
	size_t		 n;
	char		 path[64];
	struct prefix	*prefix;
	struct table	*table;
	struct addrmap	*map;
	struct keys	 keys;
	double		 load_s[LOADS];
	double		 find_ns[ROUNDS];
	double		 find_new_ns[ROUNDS];
	double		 map_ns[ROUNDS];
	double		 map_new_ns[ROUNDS];
};

static uint64_t	 random_state = 20260101;

static uint64_t
random64(void)
{
	uint64_t	 z = random_state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static double
now(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
die(const char *what)
{
	fprintf(stderr, "cidr_bench: %s\n", what);
	exit(1);
}

static void *
need(void *p)
{
	if (p == NULL)
		die("out of memory");
	return p;
}

static struct address
random_address(uint8_t family)
{
	struct address	 addr = { .family = family };
	uint64_t	 r[2] = { random64(), random64() };

	memcpy(addr.bytes, r, family == AF_INET ? 4 : 16);
	if (family == AF_INET6)
		addr.bytes[0] = 0x20;
	return addr;
}

/* Sets the bits of addr from bit "from" on to those of other. */
static void
take_bits(struct address *addr, const struct address *other, unsigned from)
{
	size_t	 i, n = addr->family == AF_INET ? 4 : 16;
	uint8_t	 mask;

	for (i = 0; i < n; i++) {
		mask = from >= 8 ? 0 : (uint8_t)(0xff >> from);
		from -= from >= 8 ? 8 : from;
		addr->bytes[i] = (uint8_t)((addr->bytes[i] & ~mask) |
		    (other->bytes[i] & mask));
	}
}

static unsigned
random_bits(uint8_t family)
{
	static const unsigned	 v4[] = { 16, 19, 20, 21, 22, 22, 23, 23, 24,
	    24, 24, 24, 24, 24, 24, 24, 28, 32, 32, 32 };
	static const unsigned	 v6[] = { 29, 32, 32, 36, 40, 44, 48, 48, 48,
	    48, 48, 48, 48, 56, 56, 64, 64, 64, 128, 128 };

	return (family == AF_INET ? v4 : v6)[random64() % 20];
}

static struct prefix
random_prefix(const struct address *cluster)
{
	static const struct address	 zero;
	struct prefix			 p;
	struct address			 seat;
	uint8_t				 family;

	family = random64() % 10 < 7 ? AF_INET : AF_INET6;
	p.addr = random_address(family);
	p.bits = random_bits(family);
	if (random64() % 2 == 0) {
		/* Crowded: below one of a few /12 or /32. */
		seat = cluster[random64() % CLUSTERS +
		    (family == AF_INET ? 0 : CLUSTERS)];
		take_bits(&seat, &p.addr, family == AF_INET ? 12 : 32);
		p.addr = seat;
	}
	take_bits(&p.addr, &zero, p.bits);
	return p;
}

static void
make_prefixes(struct side *side)
{
	struct address	 cluster[2 * CLUSTERS];
	size_t		 i;

	for (i = 0; i < 2 * CLUSTERS; i++)
		cluster[i] = random_address(i < CLUSTERS ? AF_INET : AF_INET6);
	side->prefix = need(calloc(side->n, sizeof(*side->prefix)));
	for (i = 0; i < side->n; i++)
		side->prefix[i] = random_prefix(cluster);
}

static const char *
text_of(const struct address *addr, char *buf)
{
	return inet_ntop(addr->family, addr->bytes, buf, INET6_ADDRSTRLEN);
}

static void
write_table(const struct side *side)
{
	char	 buf[INET6_ADDRSTRLEN];
	FILE	*f = need(fopen(side->path, "w"));
	size_t	 i;

	for (i = 0; i < side->n; i++)
		fprintf(f, "%s/%u\tprofile-%u\n",
		    text_of(&side->prefix[i].addr, buf), side->prefix[i].bits,
		    (unsigned)(random64() % 20));
	if (fclose(f) != 0)
		die("cannot write the table");
}

static struct address
random_key(const struct side *side)
{
	const struct prefix	*p = &side->prefix[random64() % side->n];
	struct address		 addr = random_address(p->addr.family), hit;

	if (random64() % 2 == 0)
		return addr;
	hit = p->addr;
	take_bits(&hit, &addr, p->bits);
	return hit;
}

static void
make_keys(struct side *side)
{
	size_t	 i, n = (size_t)BATCH * BATCHES;

	side->keys.addr = need(calloc(n, sizeof(*side->keys.addr)));
	for (i = 0; i < n; i++)
		side->keys.addr[i] = random_key(side);
}

static void
make_texts(struct keys *k, size_t batch)
{
	char	*p = k->room;
	size_t	 i;

	for (i = 0; i < BATCH; i++) {
		k->text[i] = span_of(text_of(&k->addr[batch * BATCH + i], p));
		p += k->text[i].n + 1;
	}
}

static void
make_map(struct side *side)
{
	static const struct address	 ones = { .bytes = { 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff } };
	struct addrmap_builder		*b = need(addrmap_builder_new());
	struct address			 last;
	size_t				 i;

	for (i = 0; i < side->n; i++) {
		last = side->prefix[i].addr;
		take_bits(&last, &ones, side->prefix[i].bits);
		if (!addrmap_builder_add(b, &side->prefix[i].addr, &last,
		    (uint32_t)i))
			die("out of memory");
	}
	side->map = need(addrmap_build(b));
	addrmap_builder_free(b);
}

static double
load(struct side *side)
{
	char		 spec[80];
	struct err	 err;
	double		 start = now();

	table_free(side->table);
	snprintf(spec, sizeof(spec), "cidr:%s", side->path);
	if ((side->table = table_open(spec, &err)) == NULL)
		die(err.text);
	return now() - start;
}

/* The sums keep the compiler from leaving the work out. */
static double
time_find(struct side *side, bool new_keys, size_t *sum)
{
	struct table_answer	 res = { 0 };
	double			 start, total = 0;
	size_t			 batch, i;

	for (batch = 0; batch < BATCHES; batch++) {
		if (new_keys || batch == 0)
			make_texts(&side->keys, batch);
		start = now();
		for (i = 0; i < BATCH; i++)
			if (table_find(side->table, side->keys.text[i],
			    &res) == TABLE_FOUND)
				*sum += res.line;
		total += now() - start;
	}
	table_answer_clear(&res);
	return total / BATCH / BATCHES * 1e9;
}

static double
time_map(const struct side *side, bool new_keys, size_t *sum)
{
	const struct address	*addr = side->keys.addr;
	double			 start = now();
	size_t			 batch, i;

	for (batch = 0; batch < BATCHES; batch++) {
		for (i = 0; i < BATCH; i++)
			*sum += addrmap_find(side->map, &addr[i]);
		if (new_keys)
			addr += BATCH;
	}
	return (now() - start) / BATCH / BATCHES * 1e9;
}

static int
compare_doubles(const void *a, const void *b)
{
	double	 x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double
median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), compare_doubles);
	return v[n / 2];
}

static void
prepare(struct side *side, const char *dir, size_t n)
{
	side->n = n;
	snprintf(side->path, sizeof(side->path), "%s/%zu.cidr", dir, n);
	make_prefixes(side);
	write_table(side);
	make_keys(side);
	make_map(side);
	free(side->prefix);
}

static void
release(struct side *side)
{
	table_free(side->table);
	addrmap_free(side->map);
	free(side->keys.addr);
	unlink(side->path);
}

static void
report_line(const char *what, double small, double large)
{
	printf("%-38s %7.1f ns %7.1f ns  ratio %.2f\n", what, small, large,
	    large / small);
}

static bool
report(struct side *small, struct side *large)
{
	double	 load_s = median(large->load_s, LOADS);
	double	 bytes = (double)table_memory(large->table) / LARGE;
	double	 find10 = median(small->find_ns, ROUNDS);
	double	 find = median(large->find_ns, ROUNDS);

	printf("load %d prefixes: %.2f s (goal 2)\n", LARGE, load_s);
	printf("memory: %.1f bytes a prefix (goal 64)\n", bytes);
	printf("%-38s %7d    %7d     prefixes\n", "lookup", SMALL, LARGE);
	report_line("table_find, text (goal 100, ratio 4)", find10, find);
	report_line("table_find, text, new keys",
	    median(small->find_new_ns, ROUNDS),
	    median(large->find_new_ns, ROUNDS));
	report_line("addrmap_find", median(small->map_ns, ROUNDS),
	    median(large->map_ns, ROUNDS));
	report_line("addrmap_find, new keys",
	    median(small->map_new_ns, ROUNDS),
	    median(large->map_new_ns, ROUNDS));
	return load_s <= 2 && bytes <= 64 && find <= 100 && find <= 4 * find10;
}

static void
run_round(struct side *side, int round, size_t *sum)
{
	side->find_ns[round] = time_find(side, false, sum);
	side->find_new_ns[round] = time_find(side, true, sum);
	side->map_ns[round] = time_map(side, false, sum);
	side->map_new_ns[round] = time_map(side, true, sum);
}

int
main(int argc, char **argv)
{
	static struct side	 small, large;
	char			 dir[] = "/tmp/cidr_bench.XXXXXX";
	size_t			 sum = 0;
	int			 i;
	bool			 ok;

	if (mkdtemp(dir) == NULL)
		die("no temporary directory");
	prepare(&small, dir, SMALL);
	prepare(&large, dir, LARGE);
	for (i = 0; i < LOADS; i++) {
		small.load_s[i] = load(&small);
		large.load_s[i] = load(&large);
	}
	for (i = 0; i < ROUNDS; i++) {
		run_round(&small, i, &sum);
		run_round(&large, i, &sum);
	}
	ok = report(&small, &large);
	release(&small);
	release(&large);
	rmdir(dir);
	if (sum == 0)
		die("no key was found");
	return ok || (argc > 1 && strcmp(argv[1], "-n") == 0) ? 0 : 1;
}
