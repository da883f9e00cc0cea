/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * diff_test: made configurations, two by two; what diff_make says of peers and
 * commands against what trust_decide says, and each row's example against what
 * explain says.  XC_DIFF_CASES in the environment is how many pairs.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hostname.h"
#include "ctl/diff.h"
#include "ctl/play.h"
#include "t/lib/made_rules.h"
#include "t/lib/runner.h"
#include "t/lib/tempdir.h"
#include "trust/trust_sweep.h"

#define NELEMS(a)	(sizeof(a) / sizeof((a)[0]))
#define CASES		60	/* pairs of configurations, */
#define PEERS		50	/* and peers that are asked about */

static char	 dir[TEMPDIR_SIZE];

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

#define N_COMMANDS	(NELEMS(texts) + MADE_ADDRESSES)

/* The k-th command; room is for its text. */
static struct command
command_at(size_t k, char *room, size_t size)
{
	struct address	 a;
	char		 text[ADDRESS_TEXT_SIZE + 8];

	if (k < NELEMS(texts))
		return texts[k];
	a = made_rules_address(k - NELEMS(texts));
	(void)snprintf(room, size, "ADDR=%s", address_format_mailhost(&a,
	    text, sizeof text));
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

struct peer {
	struct trust_peer	 who;
	bool			 has_name[2];	/* in the tables of that side */
	bool			 has_fingerprint[2];
	bool			 is_matched;	/* by an expression alone */
	const char		*profile[2];
};

/* Whether a row that has these keys is about who has that one. */
static bool
is_of(const json_t *keys, const char *key, const bool is_listed[2])
{
	if (json_array_size(keys) == 0)
		return !is_listed[0] && !is_listed[1];
	return key != NULL && has_text(keys, key);
}

static bool
is_about(const json_t *row, const struct peer *peer)
{
	const json_t	*keys = json_object_get(row, "names");

	if (strcmp(output_text_at(row, "listener"),
	    peer->who.listener == NULL ? "" : peer->who.listener) != 0)
		return false;
	if (!is_in(json_object_get(row, "networks"), &peer->who.addr))
		return false;
	if (json_array_size(json_object_get(row, "patterns")) > 0)
		return peer->is_matched && strcmp(peer->profile[0],
		    output_text_at(row, "from")) == 0 &&
		    strcmp(peer->profile[1], output_text_at(row, "to")) == 0;
	if (json_is_null(keys))
		return true;
	if (peer->is_matched || !is_of(keys, peer->who.name, peer->has_name))
		return false;
	keys = json_object_get(row, "fingerprints");
	/* Where the name decides, it does so whatever the certificate is. */
	if (peer->has_name[0] && peer->has_name[1])
		return json_array_size(keys) == 0;
	return is_of(keys, peer->who.fingerprint, peer->has_fingerprint);
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
		if (strcmp(effect, "undecided") == 0)
			result = 3;
		else
			result |= strcmp(effect, "gains") == 0 ? 1 : 2;
	}
	return result;
}

struct both {
	struct conf		*conf[2];
	struct made_rules	 made[2];
	json_t			*rows;
};

/* What went wrong with, more than a message of Check's may be. */
static void
show(const struct both *b)
{
	fprintf(stderr, "--- old\n%s--- new\n%s", b->made[0].text,
	    b->made[1].text);
	json_dumpf(b->rows, stderr, JSON_INDENT(1));
}

/* Whether the expressions for peers are not the same on both sides. */
static bool
is_undecided(const struct both *b, const struct peer *peer)
{
	const json_t	*row;
	size_t		 i;

	json_array_foreach(b->rows, i, row)
		if (strcmp(output_text_at(row, "right"), "the profile") == 0 &&
		    strcmp(output_text_at(row, "listener"),
		    peer->who.listener == NULL ? "" : peer->who.listener) == 0)
			return true;
	return false;
}

static void
check_peer(const struct both *b, struct peer *peer)
{
	const struct trust_profile	*profile[2];
	const json_t			*about[1000], *row;
	struct address			 addr;
	struct command			 c;
	struct err			 err;
	char				 room[64], rule[192];
	size_t				 i, n = 0;
	int				 want, got;
	bool				 old, new;

	for (i = 0; i < 2; i++)
		ck_assert_int_eq(trust_classify(b->conf[i]->trust,
		    &peer->who, &profile[i], rule, sizeof rule, &err),
		    TRUST_OK);
	for (i = 0; i < 2; i++)
		peer->profile[i] = trust_profile_name(profile[i]);
	if (peer->is_matched && is_undecided(b, peer))
		return;
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
		ck_abort_msg("%s %s by %s, name %s, fingerprint %s (%s to %s): "
		    "got %d, want %d", c.right, c.args, address_format(
		    &peer->who.addr, rule, sizeof rule), peer->who.name ==
		    NULL ? "-" : peer->who.name, peer->who.fingerprint ==
		    NULL ? "-" : peer->who.fingerprint,
		    trust_profile_name(profile[0]),
		    trust_profile_name(profile[1]), got, want);
	}
}

/* Whether explain says that it passes, and something of it is in force: not
 * that all of it is dropped. */
static bool
explain(struct conf *conf, const struct trust_peer *peer, const char *line)
{
	struct ctl	 ctl = { .file = "made", .conf = conf };
	struct play	*play = play_new(&ctl, peer);
	json_t		*step = play_line(play, span_of(line));
	bool		 passes = play_is_passed(step);

	if (strncmp(line, "XREMOTEIP", 9) == 0)
		passes &= strstr(output_text_at(step, "executed"), "ADDR=") !=
		    NULL;
	else if (json_object_get(step, "attributes") != NULL)
		passes &= json_array_size(json_object_get(step,
		    "attributes")) > 0;
	json_decref(step);
	play_free(play);
	return passes;
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

	if (*c.right == '\0' || json_is_null(json_object_get(row, "peer")))
		return;
	ck_assert(address_parse(span_of(output_text_at(row, "peer")),
	    &peer.addr));
	peer.name = json_string_value(json_object_get(row, "name"));
	peer.fingerprint = json_string_value(json_object_get(row,
	    "fingerprint"));
	peer.listener = json_string_value(json_object_get(row, "listener"));
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
		if (was[i] != explain(b->conf[i], &peer, c.right)) {
			show(b);
			ck_abort_msg("%s: explain does not say %d", c.right,
			    was[i]);
		}
	}
	if (was[0] != was[1] && was[1] == (strcmp(output_text_at(row,
	    "effect"), "gains") == 0))
		return;
	show(b);
	ck_abort_msg("%s by %s is no example", output_text_at(row, "line"),
	    output_text_at(row, "peer"));
}

struct key {
	const char	*text;
	bool		 is_listed;
};

/* A trust_table_fn. */
static int
see_table(const struct table *table, const char *file, unsigned line,
    void *arg, struct err *err)
{
	struct key		*key = arg;
	struct table_answer	 answer = { 0 };

	(void)file;
	(void)line;
	(void)err;
	if (table_is_listed(table) && strncmp(table_spec(table), "static:",
	    7) != 0 && table_find(table, span_of(key->text),
	    &answer) == TABLE_FOUND)
		key->is_listed = true;
	table_answer_clear(&answer);
	return 0;
}

/* Whether each side has the key; and whether it stands in a table, so that diff
 * knows of it. */
static bool
find_key(const struct both *b, const char *listener, const char *text,
    bool has_r[2])
{
	const struct trust_profile	*profile;
	const struct trust		*trust;
	struct key			 key = { .text = text };
	const char			*of;
	struct err			 err;
	int				 i;

	for (i = 0; i < 2; i++) {
		trust = b->conf[i]->trust;
		of = listener != NULL && trust_has_listener(trust,
		    span_of(listener)) ? listener : NULL;
		ck_assert_int_eq(trust_sweep_key(trust, of, text, &profile,
		    &err), TRUST_OK);
		has_r[i] = profile != NULL;
		ck_assert_int_eq(trust_sweep_tables(trust, of, see_table, &key,
		    &err), 0);
	}
	return key.is_listed;
}

static bool
is_usable(const char *name)
{
	return name != NULL && hostname_valid(span_of(name)) &&
	    strcasecmp(name, "unknown") != 0;
}

/* Whether the key, which is in no table, counts on one side; by its address the
 * peer is has_address. */
static bool
is_matched(bool has[2], const bool has_address[2])
{
	bool	 result = (has[0] && !has_address[0]) ||
		    (has[1] && !has_address[1]);

	has[0] = has[1] = false;
	return result;
}

static void
find_keys(const struct both *b, struct peer *p)
{
	const char	*listener = p->who.listener;
	char		 addr[ADDRESS_TEXT_SIZE];
	bool		 has_address[2];

	(void)find_key(b, listener, address_format(&p->who.addr, addr,
	    sizeof addr), has_address);
	if (is_usable(p->who.name) && !find_key(b, listener, p->who.name,
	    p->has_name))
		p->is_matched = is_matched(p->has_name, has_address);
	if (p->who.fingerprint == NULL || p->is_matched || find_key(b,
	    listener, p->who.fingerprint, p->has_fingerprint))
		return;
	p->is_matched = is_matched(p->has_fingerprint, has_address);
	/* Both a name and an expression: that is too much. */
	if (p->is_matched && (p->has_name[0] || p->has_name[1])) {
		p->is_matched = false;
		p->who.fingerprint = NULL;
	}
}

static struct peer
one_peer(const struct both *b)
{
	struct peer	 p = { .is_matched = false };
	int		 i;

	p.who.addr = made_rules_address((size_t)rand() % MADE_ADDRESSES);
	p.who.name = made_rules_name((size_t)rand() % MADE_NAMES);
	p.who.fingerprint = made_rules_fingerprint((size_t)rand() %
	    MADE_FINGERPRINTS);
	for (i = 0; i < 2; i++)
		if (rand() % 2 && trust_has_listener(b->conf[i]->trust,
		    span_of(MADE_LISTENER)))
			p.who.listener = MADE_LISTENER;
	find_keys(b, &p);
	return p;
}

static void
check_pair(const struct both *b)
{
	const json_t	*row;
	struct peer	 peer;
	size_t		 i;

	for (i = 0; i < PEERS; i++) {
		peer = one_peer(b);
		check_peer(b, &peer);
	}
	json_array_foreach(b->rows, i, row)
		check_row(b, row);
}

START_TEST(test_made)
{
	const char		*text = getenv("XC_DIFF_CASES");
	static struct both	 b;
	unsigned		 i, n = text == NULL ? CASES :
				    (unsigned)strtoul(text, NULL, 10);

	for (i = 0; i < n; i++) {
		srand(i);
		b.made[0] = (struct made_rules){ .dir = dir, .tag = "old",
		    .has_patterns = true };
		made_rules_make(&b.made[0]);
		b.made[1] = b.made[0];
		b.made[1].tag = "new";
		made_rules_change(&b.made[1]);
		b.conf[0] = made_rules_load(&b.made[0]);
		b.conf[1] = made_rules_load(&b.made[1]);
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
