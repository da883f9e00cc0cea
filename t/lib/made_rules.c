/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * made_rules: see made_rules.h.
 */
#include "made_rules.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NELEMS(a)	(sizeof(a) / sizeof((a)[0]))

static const char *const	 profiles[] = { "one", "two", "three",
	"stranger", "root" };
#define N_PROFILES	3	/* that are written */

/* Keys of peers: of these some are nobody's. */
static const char *const	 keys[] = { "a.example.com", "b.test",
	"C.Test", "unknown", "joe@example.com", "10.0.0", "*", "aa:bb",
	"AA:CC", "192.0.2.3", "10.0.0.7", "10.0.0.1", "2001:db8::5",
	"2001:DB8:0::6", "[10.0.0.2]" };
static const char *const	 addrs[] = { "public", "*", "10.0.0.0/29",
	"10.0.0.4/31", "!10.0.0.2/31", "!192.0.2.0/30", "192.0.2.6",
	"!public", "cidr:{{10.0.0.8/30 x}, {2001:db8::/125 x}}",
	"inline:{10.0.0.1=x}", ("!inline:{{2001:db8::5 = x}, "
	    "{192.0.2.1 = x}}"), "2001:db8::4/126", "!2001:db8::/127",
	"::ffff:10.0.0.8/125", "[UNAVAILABLE]", "![UNAVAILABLE]" };
static const char *const	 names[] = { "*", ".example.com",
	"!.example.com", "a.example.com", "!a.example.com", "example.com",
	"*.example.org", "!b*", "[ab].test", "?.test", "static:x", "A.Test.",
	"inline:{{m.example.com = x}}", "!inline:{{a.test = x}, {b.test = x}}",
	"[UNAVAILABLE]", "![UNAVAILABLE]" };
static const char *const	 logins[] = { "*", "root", "!root", "*@a",
	"!joe@*", "ROOT", "[!r]*", "inline:{{root = x}}", "![UNAVAILABLE]" };
static const char *const	 ports[] = { "25", "2?", "!26", "*",
	"inline:{27=x}" };
static const char *const	 pairs[] = { "tenant", "!tenant", "route.*",
	"!route.x", "*", "profile", "?", "!Profile", "Z" };

/*
 * Text
 */

static void	put(struct made_rules *m, const char *fmt, ...)
		    __attribute__((format(printf, 2, 3)));

static void
put(struct made_rules *m, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	m->n += (size_t)vsnprintf(m->text + m->n, sizeof m->text - m->n, fmt,
	    ap);
	va_end(ap);
	ck_assert_uint_lt(m->n, sizeof m->text);
}

static const char *
one_of(const char *const *list, size_t n)
{
	return list[(size_t)rand() % n];
}

/* "name = { ... }" with some of the list, or nothing. */
static void
put_list(struct made_rules *m, const char *name, const char *const *list,
    size_t n)
{
	int	 i, count = rand() % 4;

	if (rand() % 3 == 0)
		return;
	put(m, "\t%s = {", name);
	for (i = 0; i < count; i++)
		put(m, "%s \"%s\"", i == 0 ? "" : ",", one_of(list, n));
	put(m, " }\n");
}

/*
 * Profiles
 */

static void
put_flags(struct made_rules *m)
{
	static const char *const	 seals[] = { "greeting", "override",
		"never" };

	if (rand() % 3 == 0)
		put(m, "\txremoteip = yes\n");
	if (rand() % 3 == 0)
		put(m, "\txdumpcontext = %s\n", rand() % 2 ? "yes" :
		    "\"sealed\"");
	if (rand() % 4 == 0)
		put(m, "\treport_only = %s\n", rand() % 2 ? "yes" :
		    "\"everything\"");
	if (rand() % 4 == 0)
		put(m, "\talways_allow = yes\n");
	put(m, "\tseal = \"%s\"\n}\n", seals[rand() % 3]);
}

/* A table of values in a file. */
static void
put_value_file(struct made_rules *m)
{
	char	 path[200];
	FILE	*f;

	(void)snprintf(path, sizeof path, "%s/%s.values", m->dir, m->tag);
	put(m, "\treverse_name = { \"%stexthash:%s\", \"*.example.com\", "
	    "\"b*\" }\n", rand() % 2 ? "!" : "", path);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "a.example.com x\nB.test x\n10.0.0.1 x\n");
	ck_assert_int_eq(fclose(f), 0);
}

static void
put_profile(struct made_rules *m, const char *name)
{
	static const char *const	 attributes[] = { "ADDR", "NAME",
		"PORT", "LOGIN", "HELO", "*" };

	put(m, "profile %s {\n", name);
	put_list(m, "xclient", attributes, NELEMS(attributes));
	put_list(m, "xforward", attributes, 3);
	if (rand() % 4 == 0)
		put_list(m, "drop", attributes, 4);
	put_list(m, "addr", addrs, NELEMS(addrs));
	put_list(m, "name", names, NELEMS(names));
	put_list(m, "login", logins, NELEMS(logins));
	if (m->has_ports)
		put_list(m, "port", ports, NELEMS(ports));
	if (rand() % 3 == 0)
		put_value_file(m);
	if (m->has_patterns && rand() % 2 == 0)
		put(m, "\thelo = { '%spcre:{{/^[ab]\\./ x}, {/Z$/i x}}', "
		    "\"?.test\", \"b*\" }\n", rand() % 2 ? "!" : "");
	put_list(m, "xsetcontext", pairs, NELEMS(pairs));
	put_flags(m);
}

/*
 * Maps
 */

static void
put_network(struct made_rules *m)
{
	unsigned	 bits = 28 + (unsigned)rand() % 5, last;

	last = (unsigned)rand() % 16 & ~((1U << (32 - bits)) - 1);
	put(m, "{%s", rand() % 8 == 0 ? "!" : "");
	if (rand() % 4 == 0)
		put(m, "2001:db8::%x/%u", last, 96 + bits);
	else
		put(m, "%s.%u/%u", rand() % 2 ? "10.0.0" : "192.0.2", last,
		    bits);
	put(m, " %s}", one_of(profiles, NELEMS(profiles)));
}

static void
put_networks(struct made_rules *m)
{
	int	 i, n = 1 + rand() % 4;

	put(m, "\"cidr:{");
	for (i = 0; i < n; i++) {
		put(m, "%s", i == 0 ? "" : ", ");
		put_network(m);
	}
	put(m, "}\"");
}

static void
put_file(struct made_rules *m, int map)
{
	char	 path[200];
	FILE	*f;
	int	 i;

	(void)snprintf(path, sizeof path, "%s/%s.%d", m->dir, m->tag, map);
	put(m, "\"texthash:%s\"", path);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	for (i = rand() % 4; i < (int)NELEMS(keys); i += 4)
		fprintf(f, "%s\t%s\n", keys[i], one_of(profiles,
		    NELEMS(profiles)));
	ck_assert_int_eq(fclose(f), 0);
}

static void
put_keys(struct made_rules *m)
{
	size_t	 first = (size_t)rand() % 8;

	put(m, "\"inline:{{%s = %s}, ", keys[first], one_of(profiles,
	    NELEMS(profiles)));
	put(m, "{%s = %s}}\"", keys[first + 7], one_of(profiles,
	    NELEMS(profiles)));
}

/* None that an address matches. */
static void
put_patterns(struct made_rules *m)
{
	static const char *const	 patterns[] = { "/\\.example\\.com$/",
		"/^B\\./", "/^(a|b)\\.test$/", "!/[0-9:]|^b|^unknown$/" };

	put(m, "'pcre:{{%s ", one_of(patterns, NELEMS(patterns)));
	put(m, "%s}, {/^(one|two)\\.test$/ $1}}'", one_of(profiles,
	    NELEMS(profiles)));
}

static void
put_map(struct made_rules *m, int map)
{
	switch (rand() % (m->has_patterns ? 10 : 8)) {
	case 0:
	case 1:
	case 2:
	case 3:
		put_networks(m);
		break;
	case 4:
	case 5:
		put_keys(m);
		break;
	case 6:
		put_file(m, map);
		break;
	case 7:
		if (rand() % 4 > 0)
			put_keys(m);
		else
			put(m, "\"static:%s\"", one_of(profiles,
			    NELEMS(profiles)));
		break;
	default:
		put_patterns(m);
	}
}

static void
put_maps(struct made_rules *m, int map)
{
	int	 i, n = 1 + rand() % 3;

	put(m, "\ttrust_maps = { ");
	for (i = 0; i < n; i++) {
		put(m, "%s", i == 0 ? "" : ", ");
		put_map(m, map + i);
	}
	put(m, " }\n");
}

void
made_rules_make(struct made_rules *m)
{
	int	 i;

	m->n = 0;
	put(m, "user = \"\"\nallowed_users = { \"root\" }\n");
	put_maps(m, 0);
	if (rand() % 3 == 0) {
		put(m, "listener " MADE_LISTENER " {\n");
		put_maps(m, 3);
		put(m, "}\n");
	}
	for (i = 0; i < N_PROFILES; i++)
		put_profile(m, profiles[i]);
}

/* Mostly one profile. */
void
made_rules_change(struct made_rules *m)
{
	char	*from, *to;
	char	 what[32];
	int	 i = rand() % (N_PROFILES + 1);

	if (i == N_PROFILES) {
		made_rules_make(m);
		return;
	}
	(void)snprintf(what, sizeof what, "profile %s {", profiles[i]);
	from = strstr(m->text, what);
	ck_assert_ptr_nonnull(from);
	to = strstr(from, "\n}\n");
	ck_assert_ptr_nonnull(to);
	memmove(from, to + 3, strlen(to + 3) + 1);
	m->n = strlen(m->text);
	put_profile(m, profiles[i]);
}

struct conf *
made_rules_load(const struct made_rules *m)
{
	struct conf	*conf;
	struct err	 err;
	char		 path[200];
	FILE		*f;

	(void)snprintf(path, sizeof path, "%s/%s", m->dir, m->tag);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "%s", m->text);
	ck_assert_int_eq(fclose(f), 0);
	conf = conf_load(path, &err);
	ck_assert_msg(conf != NULL, "%s\n%s", err.text, m->text);
	return conf;
}

/*
 * Peers
 */

struct address
made_rules_address(size_t i)
{
	static const struct address	 others[] = {
		{ .family = AF_INET, .bytes = { 198, 51, 100, 1 } },
		{ .family = AF_INET, .bytes = { 127, 0, 0, 1 } },
		{ .family = AF_INET, .bytes = { 224, 0, 0, 1 } },
		{ .family = AF_INET, .bytes = { 255, 255, 255, 255 } },
		{ .family = AF_INET6, .bytes = { [15] = 1 } },
		{ .family = AF_INET6, .bytes = { 0xfd, [15] = 1 } },
		{ .family = AF_INET6, .bytes = { 0x20, 1, 0xd, 0xb8, 1 } },
		{ .family = AF_INET6, .bytes = { 0x2a, [15] = 9 } }
	};
	struct address			 a = { .family = AF_INET6,
		.bytes = { 0x20, 1, 0xd, 0xb8 } };

	if (i < 16)
		a = (struct address){ .family = AF_INET, .bytes = { 10 } };
	else if (i < 24)
		a = (struct address){ .family = AF_INET,
		    .bytes = { 192, 0, 2 } };
	else if (i >= 40)
		return others[i - 40];
	a.bytes[a.family == AF_INET ? 3 : 15] = (uint8_t)(i < 24 ? i % 16 :
	    i - 24);
	return a;
}

const char *
made_rules_name(size_t i)
{
	static const char *const	 all[MADE_NAMES] = { NULL,
		"a.example.com", "b.test", "B.Test", "c.test", "one.test",
		"unknown", "joe@example.com", "10.0.0" };

	return all[i];
}

const char *
made_rules_fingerprint(size_t i)
{
	static const char *const	 all[MADE_FINGERPRINTS] = { NULL,
		"aa:bb", "AA:CC", "dd" };

	return all[i];
}
