/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * diff_test: made configurations, two by two; what diff_make says of each peer
 * and command against what trust_decide says.  XC_DIFF_CASES in the environment
 * is how many pairs.
 */
#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/diff.h"
#include "t/lib/runner.h"
#include "t/lib/tempdir.h"
#include "trust/trust_sweep.h"

#define NELEMS(a)	(sizeof(a) / sizeof((a)[0]))
#define CASES		60
#define RIGHTS_MAX	64

static char	 dir[TEMPDIR_SIZE];

/*
 * Making configurations
 */

struct text {
	char	 s[8000];
	size_t	 n;
};

static void	put(struct text *t, const char *fmt, ...)
		    __attribute__((format(printf, 2, 3)));

static void
put(struct text *t, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	t->n += (size_t)vsnprintf(t->s + t->n, sizeof t->s - t->n, fmt, ap);
	va_end(ap);
	ck_assert_uint_lt(t->n, sizeof t->s);
}

static const char *const	 profiles[] = { "one", "two", "three",
	"stranger" };
static const char *const	 addrs[] = { "public", "*", "10.0.0.0/29",
	"10.0.0.4/31", "!10.0.0.2/31", "!192.0.2.0/30", "192.0.2.6",
	"!public", "cidr:{{10.0.0.8/30 x}, {2001:db8::/32 x}}",
	"inline:{10.0.0.1=x}", "[UNAVAILABLE]", "![UNAVAILABLE]" };
static const char *const	 names[] = { "*", ".example.com",
	"!.example.com", "a.example.com", "!a.example.com", "example.com",
	"*.example.org", "!b*", "[ab].test", "?.test",
	"inline:{{m.example.com = x}}", "![UNAVAILABLE]" };
static const char *const	 logins[] = { "*", "root", "!root", "*@a",
	"!joe@*", "ROOT", "[!r]*" };
static const char *const	 pairs[] = { "tenant", "!tenant", "route.*",
	"!route.x", "*", "profile", "?" };

static const char *
one_of(const char *const *list, size_t n)
{
	return list[(size_t)rand() % n];
}

/* "name = { ... }" with some of the list, or nothing. */
static void
put_list(struct text *t, const char *name, const char *const *list, size_t n)
{
	int	 i, count = rand() % 4;

	if (rand() % 3 == 0)
		return;
	put(t, "\t%s = {", name);
	for (i = 0; i < count; i++)
		put(t, "%s \"%s\"", i == 0 ? "" : ",", one_of(list, n));
	put(t, " }\n");
}

static void
put_profile(struct text *t, const char *name)
{
	static const char *const	 attributes[] = { "ADDR", "NAME",
		"LOGIN", "HELO", "*" };
	static const char *const	 seals[] = { "greeting", "override",
		"never" };

	put(t, "profile %s {\n", name);
	put_list(t, "xclient", attributes, NELEMS(attributes));
	put_list(t, "xforward", attributes, 2);
	if (rand() % 4 == 0)
		put_list(t, "drop", attributes, 3);
	put_list(t, "addr", addrs, NELEMS(addrs));
	put_list(t, "name", names, NELEMS(names));
	put_list(t, "login", logins, NELEMS(logins));
	put_list(t, "xsetcontext", pairs, NELEMS(pairs));
	if (rand() % 3 == 0)
		put(t, "\txremoteip = yes\n");
	if (rand() % 3 == 0)
		put(t, "\txdumpcontext = yes\n");
	if (rand() % 4 == 0)
		put(t, "\treport_only = %s\n", rand() % 2 ? "yes" :
		    "\"everything\"");
	if (rand() % 4 == 0)
		put(t, "\talways_allow = yes\n");
	put(t, "\tseal = \"%s\"\n}\n", seals[rand() % 3]);
}

static void
put_nets(struct text *t)
{
	int	 i, bits, n = 1 + rand() % 4;

	put(t, "\"cidr:{");
	for (i = 0; i < n; i++) {
		bits = 28 + rand() % 5;
		put(t, "%s{%s%s.%d/%d %s}", i == 0 ? "" : ", ",
		    rand() % 8 == 0 ? "!" : "", rand() % 2 ? "10.0.0" :
		    "192.0.2", rand() % 16 & ~((1 << (32 - bits)) - 1), bits,
		    one_of(profiles, NELEMS(profiles)));
	}
	put(t, "}\"");
}

static void
put_maps(struct text *t)
{
	int	 i, n = 1 + rand() % 3;

	put(t, "trust_maps = { ");
	for (i = 0; i < n; i++) {
		put(t, "%s", i == 0 ? "" : ", ");
		if (rand() % 3 > 0)
			put_nets(t);
		else
			put(t, "\"inline:{{%s = %s}, {%s = %s}}\"",
			    rand() % 2 ? "a.example.com" : "192.0.2.3",
			    one_of(profiles, 3), rand() % 2 ? "b.test" :
			    "10.0.0.7", one_of(profiles, 4));
	}
	put(t, " }\n");
}

static void
make_text(struct text *t)
{
	int	 i;

	t->n = 0;
	put(t, "user = \"\"\nallowed_users = { \"root\" }\n");
	put_maps(t);
	for (i = 0; i < 3; i++)
		put_profile(t, profiles[i]);
}

/* Mostly a small change of the one before. */
static void
change_text(struct text *t, unsigned seed)
{
	struct text	 other;
	char		*from, *to;
	int		 i = rand() % 4;
	char		 what[32];

	make_text(&other);
	if (i == 3)
		*t = other;
	(void)snprintf(what, sizeof what, "profile %s {", profiles[i]);
	if (i == 3 || (from = strstr(t->s, what)) == NULL ||
	    (to = strstr(from, "\n}\n")) == NULL)
		return;
	srand(seed + 7);
	memmove(from, to + 3, strlen(to + 3) + 1);
	t->n = strlen(t->s);
	put_profile(t, profiles[i]);
}

static struct conf *
load(const char *name, const struct text *t)
{
	struct conf	*conf;
	struct err	 err;
	char		 path[100];
	FILE		*f;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "%s", t->s);
	ck_assert_int_eq(fclose(f), 0);
	conf = conf_load(path, &err);
	ck_assert_msg(conf != NULL, "%s\n%s", err.text, t->s);
	return conf;
}

/*
 * What may be said, and by whom
 */

static const struct command {
	const char	*right, *args;	/* what stands behind the verb */
	bool		 is_address;
} texts[] = {
	{ "XCLIENT ADDR", "ADDR=[UNAVAILABLE]", false },
	{ "XCLIENT ADDR", "ADDR=198.51.100.1", true },
	{ "XCLIENT ADDR", "ADDR=127.0.0.1", true },
	{ "XCLIENT ADDR", "ADDR=IPV6:2001:db8::1", true },
	{ "XCLIENT ADDR", "ADDR=IPV6:fd00::1", true },
	{ "XCLIENT NAME", "NAME=a.example.com", false },
	{ "XCLIENT NAME", "NAME=b.example.com", false },
	{ "XCLIENT NAME", "NAME=m.example.com", false },
	{ "XCLIENT NAME", "NAME=example.com", false },
	{ "XCLIENT NAME", "NAME=x.example.org", false },
	{ "XCLIENT NAME", "NAME=b.example.org", false },
	{ "XCLIENT NAME", "NAME=a.test", false },
	{ "XCLIENT NAME", "NAME=b.test", false },
	{ "XCLIENT NAME", "NAME=c.test", false },
	{ "XCLIENT NAME", "NAME=other", false },
	{ "XCLIENT NAME", "NAME=[UNAVAILABLE]", false },
	{ "XCLIENT LOGIN", "LOGIN=root", false },
	{ "XCLIENT LOGIN", "LOGIN=ROOT", false },
	{ "XCLIENT LOGIN", "LOGIN=joe@a", false },
	{ "XCLIENT LOGIN", "LOGIN=jim@a", false },
	{ "XCLIENT LOGIN", "LOGIN=r", false },
	{ "XCLIENT HELO", "HELO=x", false },
	{ "XCLIENT PORT", "PORT=25", false },
	{ "XFORWARD ADDR", "ADDR=10.0.0.3", true },
	{ "XFORWARD NAME", "NAME=b.test", false },
	{ "XREMOTEIP", "ADDR=10.0.0.5", true },
	{ "XREMOTEIP", "ADDR=203.0.113.1", true },
	{ "XSETCONTEXT", "tenant=x", false },
	{ "XSETCONTEXT", "route.x=x", false },
	{ "XSETCONTEXT", "route.y=x", false },
	{ "XSETCONTEXT", "z=x", false },
	{ "XSETCONTEXT", "profile=x", false },
	{ "XSETCONTEXT", "session=x", false },
	{ "XDUMPCONTEXT", "", false },
};

#define N_ADDRESSES	24	/* 10.0.0.0-15, 192.0.2.0-7 */
#define N_COMMANDS	(NELEMS(texts) + N_ADDRESSES)

static struct address
address_at(size_t i)
{
	struct address	 a = { .family = AF_INET, .bytes = { 10 } };

	if (i >= 16)
		a = (struct address){ .family = AF_INET,
		    .bytes = { 192, 0, 2 } };
	a.bytes[3] = (uint8_t)(i % 16);
	return a;
}

/* The k-th command; room is for its text. */
static struct command
command_at(size_t k, char *room, size_t size)
{
	struct address	 a;
	char		 text[ADDRESS_TEXT_SIZE];

	if (k < NELEMS(texts))
		return texts[k];
	a = address_at(k - NELEMS(texts));
	(void)snprintf(room, size, "ADDR=%s", address_format(&a, text,
	    sizeof text));
	return (struct command){ "XCLIENT ADDR", room, true };
}

static bool
may_assert(const struct trust *trust, const struct trust_profile *profile,
    enum trust_command command, const char *args, struct address *addr_r)
{
	const struct trust_speaker	 speaker = { .profile = profile };
	struct assertion_set		 set;
	struct verdict			 verdict;
	struct err			 err;
	bool				 is_absent = true;
	int				 i;

	if (assertion_parse(span_of(args), command == TRUST_XFORWARD ?
	    ASSERTION_XFORWARD : ASSERTION_XCLIENT, XTEXT_STRICT, &set,
	    &err) != ASSERTION_OK)
		ck_abort_msg("%s", err.text);
	*addr_r = set.addr;
	trust_profile_drop(profile, &set);
	for (i = 0; i < ASSERTION_COUNT; i++)
		is_absent &= set.v[i].status == ASSERTION_ABSENT;
	trust_decide(trust, &speaker, command, &set, &verdict);
	return !is_absent && verdict.action == VERDICT_PERMIT;
}

static bool
may(const struct trust *trust, const struct trust_profile *profile,
    const struct command *c, struct address *addr_r)
{
	const struct trust_speaker	 speaker = { .profile = profile };
	struct context_line		 line;
	enum trust_command		 command;
	struct verdict			 verdict;
	struct span			 rest = span_of(c->right), verb;
	struct err			 err;

	(void)span_word(&rest, &verb);
	if (!trust_command_find(verb, &command))
		ck_abort_msg("%s", c->right);
	switch (command) {
	case TRUST_XSETCONTEXT:
		if (!context_line_parse(span_of(c->args), &line, &err))
			ck_abort_msg("%s", err.text);
		trust_decide_context(trust, &speaker, &line, &verdict);
		break;
	case TRUST_XDUMPCONTEXT:
		trust_decide_dump(trust, &speaker, &verdict);
		break;
	default:
		return may_assert(trust, profile, command, c->args, addr_r);
	}
	return verdict.action == VERDICT_PERMIT;
}

/*
 * Rows
 */

static bool
is_in(const json_t *networks, const struct address *addr)
{
	const json_t		*text;
	struct address_net	 net;
	size_t			 i;

	json_array_foreach(networks, i, text) {
		/* "[UNAVAILABLE]" is none. */
		if (address_parse_net(span_of(json_string_value(text)),
		    &net) && address_in_net(addr, &net))
			return true;
	}
	return false;
}

static bool
has_text(const json_t *texts_in, const char *text)
{
	const json_t	*one;
	size_t		 i;

	json_array_foreach(texts_in, i, one)
		if (strcasecmp(json_string_value(one), text) == 0)
			return true;
	return false;
}

/* A peer without a certificate. */
struct peer {
	struct address	 addr;
	const char	*name;		/* NULL: none */
	bool		 is_listed;	/* its name, by one side at least */
};

static bool
is_about(const json_t *row, const struct peer *peer)
{
	const json_t	*keys = json_object_get(row, "names");

	if (!is_in(json_object_get(row, "networks"), &peer->addr))
		return false;
	if (json_is_null(keys))
		return true;
	if (json_array_size(json_object_get(row, "fingerprints")) > 0)
		return false;
	if (json_array_size(keys) == 0)
		return !peer->is_listed;
	return peer->is_listed && has_text(keys, peer->name);
}

/* What the rows say of that command: 1 gains, -1 loses, 0 neither. */
static int
told(const json_t *const *rows, size_t n, const struct command *c,
    const struct address *addr)
{
	const char	*effect;
	size_t		 i;
	int		 result = 0;

	for (i = 0; i < n; i++) {
		effect = output_text_at(rows[i], "effect");
		if (strcmp(output_text_at(rows[i], "right"), c->right) != 0 ||
		    strcmp(effect, "changes") == 0)
			continue;
		if (c->is_address && !is_in(json_object_get(rows[i],
		    "values"), addr))
			continue;
		/* Texts: some of that right may gain, and others lose. */
		result |= strcmp(effect, "gains") == 0 ? 1 : 2;
	}
	return result;
}

struct both {
	struct conf	*conf[2];
	struct text	 text[2];
	json_t		*rows;
};

/* What went wrong with, more than a message of Check's may be. */
static void
show(const struct both *b)
{
	fprintf(stderr, "--- old\n%s--- new\n%s", b->text[0].s,
	    b->text[1].s);
	json_dumpf(b->rows, stderr, JSON_INDENT(1));
}

static void
check_peer(const struct both *b, const struct peer *peer)
{
	const struct trust_profile	*profile[2];
	const struct trust_peer		 who = { .addr = peer->addr,
		.name = peer->name };
	const json_t			*about[1000], *row;
	struct address			 addr;
	struct command			 c;
	struct err			 err;
	char				 room[64], rule[192];
	size_t				 i, n = 0;
	int				 want, got;
	bool				 old, new;

	for (i = 0; i < 2; i++)
		ck_assert_int_eq(trust_classify(b->conf[i]->trust, &who,
		    &profile[i], rule, sizeof rule, &err), TRUST_OK);
	json_array_foreach(b->rows, i, row)
		if (is_about(row, peer)) {
			ck_assert_uint_lt(n, NELEMS(about));
			about[n++] = row;
		}
	for (i = 0; i < N_COMMANDS; i++) {
		c = command_at(i, room, sizeof room);
		old = may(b->conf[0]->trust, profile[0], &c, &addr);
		new = may(b->conf[1]->trust, profile[1], &c, &addr);
		want = old == new ? 0 : new ? 1 : 2;
		got = told(about, n, &c, &addr);
		if (c.is_address ? got == want : (got & want) == want)
			continue;
		show(b);
		ck_abort_msg("%s %s by %s (%s to %s): got %d, want %d",
		    c.right, c.args, address_format(&peer->addr, rule,
		    sizeof rule), trust_profile_name(profile[0]),
		    trust_profile_name(profile[1]), got, want);
	}
}

/* That each row is true of its own example. */
static void
check_row(const struct both *b, const json_t *row)
{
	const struct trust_profile	*profile;
	struct trust_peer		 peer = { .name = NULL };
	struct address			 addr;
	struct command			 c = { .right = output_text_at(row,
					    "line") };
	struct err			 err;
	char				 rule[192], room[600];
	bool				 was[2];
	int				 i;

	if (*c.right == '\0')
		return;
	ck_assert(address_parse(span_of(output_text_at(row, "peer")),
	    &peer.addr));
	peer.name = output_text_at(row, "name");
	peer.fingerprint = output_text_at(row, "fingerprint");
	c.args = strchr(c.right, ' ');
	c.args = c.args == NULL ? "" : c.args + 1;
	if (strncmp(c.right, "XREMOTEIP ", 10) == 0) {
		(void)snprintf(room, sizeof room, "ADDR=%s", c.args);
		c.args = room;
	}
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(trust_classify(b->conf[i]->trust, &peer,
		    &profile, rule, sizeof rule, &err), TRUST_OK);
		ck_assert_str_eq(trust_profile_name(profile),
		    output_text_at(row, i == 0 ? "from" : "to"));
		was[i] = may(b->conf[i]->trust, profile, &c, &addr);
	}
	if (was[0] != was[1] && was[1] == (strcmp(output_text_at(row,
	    "effect"), "gains") == 0))
		return;
	show(b);
	ck_abort_msg("%s by %s is no example", output_text_at(row, "line"),
	    output_text_at(row, "peer"));
}

static void
check_pair(const struct both *b)
{
	static const char *const	 peer_names[] = { NULL,
		"a.example.com", "b.test", "c.test" };
	const struct trust_profile	*p[2];
	const json_t			*row;
	struct peer			 peer;
	struct err			 err;
	size_t				 i, k;

	for (k = 0; k < NELEMS(peer_names); k++) {
		peer.name = peer_names[k];
		peer.is_listed = false;
		for (i = 0; i < 2 && peer.name != NULL; i++) {
			ck_assert_int_eq(trust_sweep_key(b->conf[i]->trust,
			    NULL, peer.name, &p[i], &err), TRUST_OK);
			peer.is_listed |= p[i] != NULL;
		}
		for (i = 0; i <= N_ADDRESSES; i++) {
			peer.addr = address_at(i);
			check_peer(b, &peer);
		}
	}
	json_array_foreach(b->rows, i, row)
		check_row(b, row);
}

START_TEST(test_made)
{
	const char	*text = getenv("XC_DIFF_CASES");
	unsigned	 i, n = text == NULL ? CASES :
			    (unsigned)strtoul(text, NULL, 10);
	struct both	 b;

	for (i = 0; i < n; i++) {
		srand(i);
		make_text(&b.text[0]);
		b.text[1] = b.text[0];
		change_text(&b.text[1], i);
		b.conf[0] = load("old", &b.text[0]);
		b.conf[1] = load("new", &b.text[1]);
		b.rows = diff_make(b.conf[0], b.conf[1], NULL);
		check_pair(&b);
		json_decref(b.rows);
		b.rows = diff_make(b.conf[0], b.conf[0], NULL);
		ck_assert_uint_eq(json_array_size(b.rows), 0);
		json_decref(b.rows);
		conf_unref(b.conf[0]);
		conf_unref(b.conf[1]);
	}
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("diff");
	int	 result;

	tempdir_make(dir);
	tcase_add_test(tc, test_made);
	result = runner_run("diff", tc);
	tempdir_remove(dir);
	return result;
}
