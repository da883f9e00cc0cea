/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * ctl_agreement_test: made configurations; what "may" and "who-can" say of a
 * peer and a command against what trust_decide says.  XC_SAMPLES in the
 * environment is how many of these are asked about.
 *
 * What may prints is read here as xcontext.conf(5) tells lists to be read.
 */
#include <ifaddrs.h>

#include <check.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/hostname.h"
#include "context/context_name.h"
#include "ctl/may.h"
#include "ctl/who_can.h"
#include "t/lib/made_rules.h"
#include "t/lib/runner.h"
#include "t/lib/tempdir.h"
#include "trust/trust_sweep.h"

#define NELEMS(a)	(sizeof(a) / sizeof((a)[0]))
#define SAMPLES		20000

static char	 dir[TEMPDIR_SIZE];

/* One configuration. */
static struct made_rules	 made;
static struct ctl		 ctl;
static const struct trust	*trust;

static struct ifaddrs		*own;		/* of this host */

/*
 * What is said
 */

struct saying {
	enum trust_command	 command;
	bool			 is_sealed;	/* of XDUMPCONTEXT */
	struct assertion_set	 set;
	struct context_line	 line;
	char			 text[ASSERTION_LINE_MAX];
};

static const char *const	 names[] = { "a.example.com", "b.example.com",
	"m.example.com", "M.EXAMPLE.com", "example.com", "x.example.org",
	"b.example.org", "a.test", "b.test", "c.test", "bar", "a.xyz" };
static const char *const	 logins[] = { "root", "ROOT", "joe@a", "jim@a",
	"r", "joe" };
static const char *const	 ports[] = { "25", "26", "27", "2", "250" };
static const char *const	 pairs[] = { "tenant", "TENANT", "route.x",
	"route.y", "z", "q", "profile", "session" };

static const char *
one_of(const char *const *list, size_t n)
{
	return list[(size_t)rand() % n];
}

/* False: that cannot be said. */
static bool
add_value(struct saying *s, enum assertion_name name)
{
	char		 addr[ADDRESS_TEXT_SIZE];
	struct address	 a = made_rules_address((size_t)rand() %
			    MADE_ADDRESSES);
	const char	*text;

	if (rand() % 12 == 0 && s->command != TRUST_XREMOTEIP)
		return assertion_set_value(&s->set, name,
		    ASSERTION_UNAVAILABLE, span_of(""));
	switch (name) {
	case ASSERTION_ADDR:
		text = address_format(&a, addr, sizeof addr);
		break;
	case ASSERTION_LOGIN:
		text = one_of(logins, NELEMS(logins));
		break;
	case ASSERTION_PORT:
		text = one_of(ports, NELEMS(ports));
		break;
	default:
		text = one_of(names, NELEMS(names));
	}
	return assertion_set_value(&s->set, name, ASSERTION_VALUE,
	    span_of(text));
}

static bool
add_values(struct saying *s)
{
	static const enum assertion_name	 all[] = { ASSERTION_ADDR,
		ASSERTION_ADDR, ASSERTION_NAME, ASSERTION_NAME,
		ASSERTION_LOGIN, ASSERTION_PORT, ASSERTION_HELO,
		ASSERTION_REVERSE_NAME };
	int					 n = 1 + rand() % 2;
	size_t					 len;

	assertion_init(&s->set, s->command == TRUST_XFORWARD ?
	    ASSERTION_XFORWARD : ASSERTION_XCLIENT);
	if (s->command == TRUST_XREMOTEIP) {
		if (!add_value(s, ASSERTION_ADDR))
			return false;
		(void)snprintf(s->text, sizeof s->text, "XREMOTEIP %s",
		    s->set.v[ASSERTION_ADDR].value);
		return true;
	}
	while (n-- > 0)
		if (!add_value(s, all[(size_t)rand() % NELEMS(all)]))
			return false;
	return assertion_print(&s->set, s->text, sizeof s->text, &len);
}

static bool
add_pairs(struct saying *s)
{
	struct err	 err;
	const char	*name;
	int		 n = 1 + rand() % 2;

	s->line.n = 0;
	s->line.used = 0;
	(void)snprintf(s->text, sizeof s->text, "XSETCONTEXT");
	while (n-- > 0) {
		name = one_of(pairs, NELEMS(pairs));
		if (!context_line_add(&s->line, span_of(name), span_of("x"),
		    &err))
			return false;
		(void)snprintf(s->text + strlen(s->text), 32, " %s=x", name);
	}
	return true;
}

static void
say(struct saying *s)
{
	static const enum trust_command	 all[] = { TRUST_XCLIENT,
		TRUST_XCLIENT, TRUST_XCLIENT, TRUST_XFORWARD, TRUST_XREMOTEIP,
		TRUST_XSETCONTEXT, TRUST_XDUMPCONTEXT };
	bool				 is_said;

	do {
		s->command = all[(size_t)rand() % NELEMS(all)];
		s->is_sealed = false;
		is_said = true;
		if (s->command == TRUST_XSETCONTEXT)
			is_said = add_pairs(s);
		else if (s->command != TRUST_XDUMPCONTEXT)
			is_said = add_values(s);
		else
			(void)snprintf(s->text, sizeof s->text,
			    "XDUMPCONTEXT");
	} while (!is_said);
}

/* Whether it would be in force, by trust_decide. */
static bool
passes(const struct trust_profile *profile, const struct saying *s)
{
	const struct trust_speaker	 speaker = { .profile = profile,
		.is_sealed = s->is_sealed };
	struct assertion_set		 set;
	struct verdict			 verdict;
	bool				 is_whole = true;
	int				 i;

	if (s->command == TRUST_XSETCONTEXT) {
		trust_decide_context(trust, &speaker, &s->line, &verdict);
	} else if (s->command == TRUST_XDUMPCONTEXT) {
		trust_decide_dump(trust, &speaker, &verdict);
	} else {
		assertion_copy(&set, &s->set);
		trust_profile_drop(profile, &set);
		for (i = 0; i < ASSERTION_COUNT; i++)
			is_whole &= set.v[i].status == s->set.v[i].status;
		trust_decide(trust, &speaker, s->command, &set, &verdict);
	}
	return is_whole && verdict.action == VERDICT_PERMIT;
}

/*
 * Who says it
 */

static struct trust_peer
one_peer(void)
{
	struct trust_peer	 peer = { .listener = NULL };

	peer.addr = made_rules_address((size_t)rand() % MADE_ADDRESSES);
	peer.name = made_rules_name((size_t)rand() % MADE_NAMES);
	peer.fingerprint = made_rules_fingerprint((size_t)rand() %
	    MADE_FINGERPRINTS);
	if (rand() % 2 && trust_has_listener(trust, span_of(MADE_LISTENER)))
		peer.listener = MADE_LISTENER;
	return peer;
}

static const struct trust_profile *
profile_of(const struct trust_peer *peer)
{
	const struct trust_profile	*profile;
	struct err			 err;
	char				 rule[192];

	ck_assert_int_eq(trust_classify(trust, peer, &profile, rule,
	    sizeof rule, &err), TRUST_OK);
	return profile;
}

static const struct trust_profile *
hit_of(const char *listener, const char *key)
{
	const struct trust_profile	*profile = NULL;
	struct err			 err;

	ck_assert_int_eq(trust_sweep_key(trust, listener, key, &profile, &err),
	    TRUST_OK);
	return profile;
}

/* An address of this host. */
static bool
is_own(const struct address *addr)
{
	struct ifaddrs	*one;
	struct address	 a;
	bool		 is_found = false;

	for (one = own; one != NULL; one = one->ifa_next) {
		if (one->ifa_addr == NULL)
			continue;
		a = address_from_sockaddr(one->ifa_addr, NULL);
		is_found |= address_equal(&a, addr);
	}
	return is_found;
}

static bool
is_public(const struct address *addr)
{
	static const char *const	 listeners[] = { NULL, MADE_LISTENER };
	const struct trust_profile	*hit;
	char				 text[ADDRESS_TEXT_SIZE];
	size_t				 i;

	if (!address_is_public(addr) || is_own(addr))
		return false;
	(void)address_format(addr, text, sizeof text);
	for (i = 0; i < NELEMS(listeners); i++) {
		hit = hit_of(listeners[i], text);
		if (hit != NULL && strcmp(trust_profile_name(hit),
		    TRUST_STRANGER) != 0)
			return false;
	}
	return true;
}

/* A text as output_text writes it, with its "\". */
static void
unescape(const char *text, char *buf, size_t size)
{
	size_t	 n = 0;

	for (; *text != '\0'; text++) {
		ck_assert_uint_lt(n + 1, size);
		buf[n++] = *text;
		if (strncmp(text, "\\x5C", 4) == 0)
			text += 3;
	}
	buf[n] = '\0';
}

static bool
is_in_table(const char *shown, const char *key)
{
	struct err		 err;
	struct table		*table;
	struct table_answer	 answer = { 0 };
	enum table_result	 result;
	char			 spec[256];

	unescape(shown, spec, sizeof spec);
	table = table_open(spec, &err);
	ck_assert_msg(table != NULL, "%s", err.text);
	result = table_find(table, span_of(key), &answer);
	ck_assert_int_ne(result, TABLE_CANNOT_TELL);
	table_answer_clear(&answer);
	table_free(table);
	return result == TABLE_FOUND;
}

static bool
has_text(const json_t *texts, const char *text)
{
	const json_t	*one;
	size_t		 i;

	json_array_foreach(texts, i, one)
		if (strcasecmp(json_string_value(one), text) == 0)
			return true;
	return false;
}

/*
 * What may says
 */

/* Takes the next item off a list as it is printed: "!10.0.0.0/8, public",
 * "inline:{{a = x}, {b = x}}". */
static bool
next_item(const char **list, char *item, size_t size, bool *is_negated_r)
{
	size_t	 n;
	int	 depth = 0;

	if (**list == '\0' || strcmp(*list, "none") == 0)
		return false;
	for (n = 0; (*list)[n] != '\0'; n++) {
		depth += ((*list)[n] == '{') - ((*list)[n] == '}');
		if (depth == 0 && strncmp(*list + n, ", ", 2) == 0)
			break;
	}
	*is_negated_r = **list == '!';
	(void)snprintf(item, size, "%.*s", (int)n - *is_negated_r,
	    *list + *is_negated_r);
	*list += n;
	*list += **list == '\0' ? 0 : 2;
	return true;
}

static bool
is_table(const char *item)
{
	size_t	 n = strspn(item, "abcdefghijklmnopqrstuvwxyz");

	return n > 0 && item[n] == ':';
}

static bool
is_text(const char *item, const char *value, bool is_strict)
{
	size_t	 n = strlen(item), len = strlen(value);

	if (strpbrk(item, "*?[") != NULL)
		return fnmatch(item, value, is_strict ? 0 : FNM_CASEFOLD) == 0;
	if (*item == '.')
		value += len < n ? len : len - n;
	return is_strict ? strcmp(item, value) == 0 :
	    strcasecmp(item, value) == 0;
}

static bool
is_item(const char *item, enum assertion_name name,
    const struct assertion_set *set)
{
	const char		*value = set->v[name].value;
	struct address_net	 net;

	if (strcmp(item, "[UNAVAILABLE]") == 0)
		return set->v[name].status != ASSERTION_VALUE;
	if (set->v[name].status != ASSERTION_VALUE)
		return false;
	if (strcmp(item, "*") == 0)
		return true;
	if (is_table(item))
		return is_in_table(item, value);
	if (name != ASSERTION_ADDR)
		return is_text(item, value, name == ASSERTION_LOGIN);
	if (strcmp(item, "public") == 0)
		return is_public(&set->addr);
	ck_assert_msg(address_parse_net(span_of(item), &net), "%s", item);
	return address_in_net(&set->addr, &net);
}

static bool
is_listed(const char *list, enum assertion_name name,
    const struct assertion_set *set)
{
	char	 item[256];
	bool	 is_negated;

	while (next_item(&list, item, sizeof item, &is_negated))
		if (is_item(item, name, set))
			return !is_negated;
	return set->v[name].status != ASSERTION_VALUE;
}

static const json_t *
find_grant(const json_t *found, const char *command, const char *what)
{
	const json_t	*row;
	size_t		 i;

	json_array_foreach(json_object_get(found, "grants"), i, row)
		if (strcmp(output_text_at(row, "command"), command) == 0 &&
		    (what == NULL || strcmp(output_text_at(row, "what"),
		    what) == 0))
			return row;
	return NULL;
}

static bool
is_true(const json_t *found, const char *key)
{
	return json_is_true(json_object_get(found, key));
}

/* Whether a trial lets it pass, which it does if nobody has rights by it. */
static bool
is_tried(const json_t *found, bool gives_rights)
{
	return is_true(found, "report_only") && (!gives_rights ||
	    is_true(found, "report_everything"));
}

static bool
may_assert(const json_t *found, const struct saying *s,
    enum assertion_name name)
{
	const json_t	*row;
	bool		 is_value = s->set.v[name].status == ASSERTION_VALUE;

	if (has_text(json_object_get(found, "drop"),
	    assertion_name_text(name)))
		return false;
	row = find_grant(found, trust_command_text(s->command),
	    assertion_name_text(name));
	if (row != NULL && is_listed(output_text_at(row, "values"), name,
	    &s->set))
		return true;
	return is_tried(found, is_value && (name == ASSERTION_LOGIN ||
	    (name == ASSERTION_ADDR && !is_public(&s->set.addr))));
}

static bool
may_set(const json_t *found, const char *name)
{
	const json_t	*row;
	const char	*what;
	bool		 is_builtin = context_name_is_builtin(name);
	size_t		 i;

	json_array_foreach(json_object_get(found, "grants"), i, row) {
		if (strcmp(output_text_at(row, "command"), "XSETCONTEXT") != 0)
			continue;
		what = output_text_at(row, "what");
		if (strcasecmp(what + (*what == '!'), name) == 0 ||
		    (!is_builtin && fnmatch(what + (*what == '!'), name,
		    FNM_CASEFOLD) == 0))
			return *what != '!' || is_tried(found, is_builtin);
	}
	return is_tried(found, is_builtin);
}

static bool
may_dump(const json_t *found, bool is_sealed)
{
	const json_t	*row = find_grant(found, "XDUMPCONTEXT", NULL);

	if (is_sealed)
		return row != NULL && strcmp(output_text_at(row, "what"),
		    "sealed, too") == 0;
	return row != NULL || is_tried(found, false);
}

static bool
may(const json_t *found, const struct saying *s)
{
	bool		 may_all = true;
	unsigned	 i;

	if (s->command == TRUST_XDUMPCONTEXT)
		return may_dump(found, s->is_sealed);
	if (s->command == TRUST_XSETCONTEXT) {
		for (i = 0; i < s->line.n; i++)
			may_all &= may_set(found, s->line.v[i].name);
		return may_all;
	}
	for (i = 0; i < ASSERTION_COUNT; i++)
		if (s->set.v[i].status != ASSERTION_ABSENT)
			may_all &= may_assert(found, s,
			    (enum assertion_name)i);
	return may_all;
}

/*
 * What who-can says
 */

static bool
is_in(const json_t *networks, const struct address *addr)
{
	const json_t		*text;
	struct address_net	 net;
	size_t			 i;

	json_array_foreach(networks, i, text) {
		ck_assert(address_parse_net(span_of(json_string_value(text)),
		    &net));
		if (address_in_net(addr, &net))
			return true;
	}
	return false;
}

/* Else it is none to the rules. */
static bool
is_name(const char *name)
{
	return name != NULL && hostname_valid(span_of(name)) &&
	    strcasecmp(name, "unknown") != 0;
}

/* By that row, which has the profile, or a pattern that may mean it. */
static bool
has_key(const json_t *row, const char *key,
    const struct trust_profile *profile)
{
	const json_t	*pattern;
	char		 spec[200];
	size_t		 i;

	if (key == NULL)
		return false;
	if (has_text(json_object_get(row, "names"), key))
		return true;
	if (profile == NULL || strcmp(trust_profile_name(profile),
	    output_text_at(row, "profile")) != 0)
		return false;
	json_array_foreach(json_object_get(row, "patterns"), i, pattern) {
		(void)snprintf(spec, sizeof spec, "pcre:{{%s x}}",
		    json_string_value(pattern));
		if (is_in_table(spec, key))
			return true;
	}
	return false;
}

static bool
is_told(const json_t *row, const struct trust_peer *peer)
{
	const struct trust_profile	*hit;
	char				 text[ADDRESS_TEXT_SIZE];

	if (strcmp(output_text_at(row, "listener"), peer->listener == NULL ?
	    "" : peer->listener) != 0)
		return false;
	if (is_in(json_object_get(row, "networks"), &peer->addr))
		return true;
	if (hit_of(peer->listener, address_format(&peer->addr, text,
	    sizeof text)) != NULL)
		return false;
	hit = is_name(peer->name) ? hit_of(peer->listener, peer->name) : NULL;
	if (has_key(row, peer->name, hit))
		return true;
	if (peer->fingerprint == NULL || hit != NULL)
		return false;
	return has_key(row, peer->fingerprint, hit_of(peer->listener,
	    peer->fingerprint));
}

static bool
who_can(const json_t *rows, const struct trust_peer *peer)
{
	const json_t	*row;
	size_t		 i;

	json_array_foreach(rows, i, row)
		if (is_told(row, peer))
			return true;
	return false;
}

/* One whose address the maps do not have. */
static bool
find_free(struct trust_peer *peer)
{
	char	 text[ADDRESS_TEXT_SIZE];
	size_t	 i;

	for (i = 0; i < MADE_ADDRESSES; i++) {
		peer->addr = made_rules_address(i);
		if (hit_of(peer->listener, address_format(&peer->addr, text,
		    sizeof text)) == NULL)
			return true;
	}
	return false;
}

/* That somebody can have each of the names. */
static bool
is_possible(const json_t *row, const struct saying *s)
{
	const json_t		*keys = json_object_get(row, "names"), *key;
	struct trust_peer	 peer = { .name = NULL };
	size_t			 i;
	bool			 is_one;

	peer.listener = json_string_value(json_object_get(row, "listener"));
	/* What expressions match is not known. */
	if (!find_free(&peer))
		return json_array_size(keys) == 0 ||
		    strstr(made.text, "pcre:") != NULL;
	json_array_foreach(keys, i, key) {
		peer.name = json_string_value(key);
		peer.fingerprint = NULL;
		is_one = passes(profile_of(&peer), s);
		peer.fingerprint = peer.name;
		peer.name = NULL;
		if (!is_one && !passes(profile_of(&peer), s))
			return false;
	}
	return true;
}

/*
 * The samples
 */

/* What went wrong with, more than a message of Check's may be. */
static void
show(const json_t *said)
{
	fprintf(stderr, "%s", made.text);
	json_dumpf(said, stderr, JSON_INDENT(1));
}

static void
check(const json_t *said, bool is_said, const struct trust_peer *peer,
    const struct saying *s)
{
	const struct trust_profile	*profile = profile_of(peer);
	bool				 is_so = passes(profile, s);
	char				 text[ADDRESS_TEXT_SIZE];

	if (is_said == is_so)
		return;
	show(said);
	ck_abort_msg("%s%s by %s, name %s, fingerprint %s, listener %s, which "
	    "is %s: said %d, is %d", s->text, s->is_sealed ? " (sealed)" : "",
	    address_format(&peer->addr, text, sizeof text), peer->name == NULL ?
	    "-" : peer->name, peer->fingerprint == NULL ? "-" :
	    peer->fingerprint, peer->listener == NULL ? "-" : peer->listener,
	    trust_profile_name(profile), is_said, is_so);
}

#define MAY_SAYINGS	20	/* of a peer */
#define CAN_PEERS	30	/* of a command */
#define ROUNDS		5	/* of each, with one configuration */

static void
check_may(void)
{
	static struct saying	 s;
	struct trust_peer	 peer = one_peer();
	json_t			*found = may_make(&ctl, &peer);
	int			 i;

	ck_assert_str_eq(output_text_at(found, "profile"),
	    trust_profile_name(profile_of(&peer)));
	for (i = 0; i < MAY_SAYINGS; i++) {
		say(&s);
		s.is_sealed = s.command == TRUST_XDUMPCONTEXT && rand() % 2;
		check(found, may(found, &s), &peer, &s);
	}
	json_decref(found);
}

static void
check_who_can(void)
{
	static struct saying	 s;
	struct trust_peer	 peer;
	json_t			*rows;
	const json_t		*row;
	size_t			 i;

	say(&s);
	rows = who_can_make(&ctl, s.text);
	json_array_foreach(rows, i, row)
		if (!is_possible(row, &s)) {
			show(row);
			ck_abort_msg("%s: a name that has no right", s.text);
		}
	for (i = 0; i < CAN_PEERS; i++) {
		peer = one_peer();
		check(rows, who_can(rows, &peer), &peer, &s);
	}
	json_decref(rows);
}

START_TEST(test_made)
{
	const char	*text = getenv("XC_SAMPLES");
	unsigned long	 n = text == NULL ? SAMPLES :
			    strtoul(text, NULL, 10), done = 0;
	unsigned	 seed;
	int		 i;

	ck_assert_int_eq(getifaddrs(&own), 0);
	made.dir = dir;
	made.tag = "conf";
	made.has_patterns = made.has_ports = true;
	for (seed = 0; done < n; seed++) {
		srand(seed);
		made_rules_make(&made);
		ctl = (struct ctl){ .file = "conf",
		    .conf = made_rules_load(&made) };
		trust = ctl.conf->trust;
		for (i = 0; i < ROUNDS; i++) {
			check_may();
			check_who_can();
		}
		done += ROUNDS * (MAY_SAYINGS + CAN_PEERS);
		conf_unref(ctl.conf);
	}
	freeifaddrs(own);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("ctl_agreement");
	int	 result;

	tempdir_make(dir);
	tcase_add_test(tc, test_made);
	result = runner_run("ctl_agreement", tc);
	tempdir_remove(dir);
	return result;
}
