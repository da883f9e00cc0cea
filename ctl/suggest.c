/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * suggest: the least profile by which what passed in a trial would pass.
 *
 * Only lines that passed count, and of these only those of which nothing is
 * what suggest_guard never suggests; the others are told apart.  A few values
 * are listed as they are, and of many it is taken that others like them will
 * come.
 */
#include <bsd/stdlib.h>
#include <stdlib.h>
#include <sysexits.h>

#include "again.h"
#include "context/context_name.h"
#include "log_reader.h"
#include "output.h"
#include "suggest_guard.h"
#include "tally.h"
#include "trust/trust_sweep.h"
#include "verb.h"

/* In the order of the options in verb.c. */
enum { OPTION_PREFIX, OPTION_PREFIX6 };

#define MANY		16	/* more values are not listed one by one */
#define VALUES_MAX	100000	/* nor are more than these remembered */

/* What was seen of one profile. */
struct seen {
	char			*name;
	struct suggest_guard	*guard;
	struct tally		*lines;		/* all, under "" */
	struct tally		*grants[TRUST_COMMAND_COUNT];	/* by name */
	struct tally		*values[ASSERTION_COUNT];
	size_t			 n_values[ASSERTION_COUNT];	/* distinct */
	struct tally		*domains;	/* of logins: "@example.com" */
	struct tally		*refused;	/* by why */
	unsigned long		 n_reported;
	bool			 dumps_sealed;
};

struct suggest {
	struct ctl	*ctl;
	struct again	*again;
	struct seen	*seen;
	size_t		 n;
	unsigned	 prefix, prefix6;	/* 0: none */
	unsigned long	 n_undecided;
};

static struct seen *
find_seen(struct suggest *s, const char *name)
{
	struct seen	*one;
	size_t		 i;

	for (i = 0; i < s->n; i++)
		if (strcmp(s->seen[i].name, name) == 0)
			return &s->seen[i];
	s->seen = reallocarray(s->seen, s->n + 1, sizeof *s->seen);
	if (s->seen == NULL)
		ctl_die(EX_OSERR, "out of memory");
	one = &s->seen[s->n++];
	*one = (struct seen){ .name = strdup(name),
	    .guard = suggest_guard_new(ctl_conf(s->ctl), name),
	    .lines = tally_new(), .domains = tally_new(),
	    .refused = tally_new() };
	if (one->name == NULL)
		ctl_die(EX_OSERR, "out of memory");
	for (i = 0; i < TRUST_COMMAND_COUNT; i++)
		one->grants[i] = tally_new();
	for (i = 0; i < ASSERTION_COUNT; i++)
		one->values[i] = tally_new();
	return one;
}

static void
free_seen(struct seen *one)
{
	size_t	 i;

	free(one->name);
	suggest_guard_free(one->guard);
	tally_free(one->lines);
	tally_free(one->domains);
	tally_free(one->refused);
	for (i = 0; i < TRUST_COMMAND_COUNT; i++)
		tally_free(one->grants[i]);
	for (i = 0; i < ASSERTION_COUNT; i++)
		tally_free(one->values[i]);
}

/*
 * Reading
 */

static void
refuse(struct seen *one, const struct log_entry *e, const char *why)
{
	(void)tally_add(one->refused, why, e->time,
	    e->value[DECISION_KEY_SAID]);
}

static struct address_net
net_of(const struct suggest *s, const struct address *addr)
{
	struct address_net	 net = { .addr = *addr };
	unsigned		 bytes = addr->family == AF_INET ? 4 : 16, i;

	net.bits = addr->family == AF_INET ? s->prefix : s->prefix6;
	if (net.bits == 0)
		net.bits = bytes * 8;
	for (i = net.bits; i < bytes * 8; i++)
		net.addr.bytes[i / 8] &= (uint8_t)~(0x80 >> (i % 8));
	return net;
}

/* An address, or, if that was asked for and all of it may be allowed, its
 * network. */
static void
address_key(const struct suggest *s, const struct seen *one,
    const struct address *addr, char *buf, size_t size)
{
	struct address_net	 net = net_of(s, addr);
	char			 text[ADDRESS_TEXT_SIZE];

	if (net.bits == (addr->family == AF_INET ? 32 : 128) ||
	    !suggest_guard_allows_net(one->guard, &net))
		(void)snprintf(buf, size, "%s", address_format(addr, text,
		    sizeof text));
	else
		(void)snprintf(buf, size, "%s/%u", address_format(&net.addr,
		    text, sizeof text), net.bits);
}

static void
add_value(const struct suggest *s, struct seen *one,
    const struct assertion_set *set, int name, const struct log_entry *e)
{
	char	 key[ASSERTION_VALUE_MAX + 1];

	if (set->v[name].status != ASSERTION_VALUE ||
	    one->n_values[name] >= VALUES_MAX)
		return;
	if (name == ASSERTION_ADDR)
		address_key(s, one, &set->addr, key, sizeof key);
	else
		(void)snprintf(key, sizeof key, "%s", set->v[name].value);
	if (tally_add(one->values[name], key, e->time,
	    e->value[DECISION_KEY_SAID])->n == 1)
		one->n_values[name]++;
	if (name == ASSERTION_LOGIN && strchr(key, '@') != NULL)
		(void)tally_add(one->domains, strrchr(key, '@'), e->time,
		    e->value[DECISION_KEY_SAID]);
}

/* False: something of it is never suggested. */
static bool
set_is_allowed(struct seen *one, const struct assertion_set *set,
    const struct log_entry *e)
{
	char	 why[256];
	int	 i;

	for (i = 0; i < ASSERTION_COUNT; i++)
		if (set->v[i].status != ASSERTION_ABSENT &&
		    !suggest_guard_allows(one->guard, set,
		    (enum assertion_name)i, why, sizeof why)) {
			refuse(one, e, why);
			return false;
		}
	return true;
}

static void
add_grant(struct seen *one, enum trust_command command, const char *what,
    const struct log_entry *e)
{
	(void)tally_add(one->grants[command], what, e->time,
	    e->value[DECISION_KEY_SAID]);
}

static void
add_set(const struct suggest *s, struct seen *one, const struct log_entry *e)
{
	struct assertion_set	 set;
	int			 i;

	if (!again_said(s->again, &set) || !set_is_allowed(one, &set, e))
		return;
	for (i = 0; i < ASSERTION_COUNT; i++) {
		if (set.v[i].status == ASSERTION_ABSENT)
			continue;
		add_grant(one, s->again->j.command,
		    assertion_name_text((enum assertion_name)i), e);
		add_value(s, one, &set, i, e);
	}
}

/* A built-in pair is what rules and filters go by: only who has it granted
 * already keeps it. */
static void
add_names(const struct suggest *s, struct seen *one,
    const struct log_entry *e)
{
	struct context_line	 line;
	struct err		 err;
	unsigned		 i;

	if (!context_line_parse(s->again->args, &line, &err))
		return;
	for (i = 0; i < line.n; i++)
		if (s->again->was_reported &&
		    context_name_is_builtin(line.v[i].name)) {
			refuse(one, e, "XSETCONTEXT: a built-in pair");
			return;
		}
	for (i = 0; i < line.n; i++)
		add_grant(one, TRUST_XSETCONTEXT, line.v[i].name, e);
}

static void
add_line(struct suggest *s, struct seen *one, const struct log_entry *e)
{
	(void)tally_add(one->lines, "", e->time, NULL);
	one->n_reported += s->again->was_reported;
	switch (s->again->j.command) {
	case TRUST_XCLIENT:
	case TRUST_XFORWARD:
	case TRUST_XREMOTEIP:
		add_set(s, one, e);
		break;
	case TRUST_XSETCONTEXT:
		add_names(s, one, e);
		break;
	case TRUST_XDUMPCONTEXT:
		one->dumps_sealed |= e->value[DECISION_KEY_SEALED] != NULL;
		add_grant(one, TRUST_XDUMPCONTEXT, "", e);
		break;
	}
}

/* It will stand in a configuration. */
static bool
is_profile(const char *name)
{
	return *name != '\0' && strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == strlen(name);
}

static void
take(struct suggest *s, const struct log_entry *e)
{
	const char	*profile = e->value[DECISION_KEY_PROFILE];

	switch (again_decide(s->again, e)) {
	case AGAIN_DECIDED:
		if (profile == NULL || strcmp(profile, TRUST_STRANGER) == 0 ||
		    !is_profile(profile))
			break;
		if (s->again->was == VERDICT_PERMIT)
			add_line(s, find_seen(s, profile), e);
		else
			refuse(find_seen(s, profile), e,
			    "was refused in the log, too");
		break;
	case AGAIN_STATE:
		break;
	case AGAIN_CUT:
	case AGAIN_CANNOT_TELL:
		s->n_undecided++;
		break;
	}
}

/*
 * Making the profile
 */

static json_t *
item_of(const char *value, const struct tally_row *row)
{
	json_t	*item = output_new();

	output_put(item, "value", output_text(value));
	if (row != NULL)
		tally_put(item, row);
	return item;
}

static void
put_setting(json_t *settings, const char *name, bool is_list, json_t *items)
{
	json_t	*setting = output_new();
	char	*copy = strdup(name), *p;

	if (copy == NULL)
		ctl_die(EX_OSERR, "out of memory");
	for (p = copy; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	output_put(setting, "setting", output_text(copy));
	output_put(setting, "list", json_boolean(is_list));
	output_put(setting, "items", items);
	output_append(settings, setting);
	free(copy);
}

static void
put_word(json_t *settings, const char *name, const char *value,
    const struct tally_row *row)
{
	json_t	*items = output_new_array();

	output_append(items, item_of(value, row));
	put_setting(settings, name, false, items);
}

static void
put_all(json_t *items, struct tally *tally)
{
	const struct tally_row	*row;
	size_t			 n, i;

	row = tally_by_key(tally, &n);
	for (i = 0; i < n; i++)
		output_append(items, item_of(row[i].key, &row[i]));
}

static void
put_grants(json_t *settings, struct seen *one, enum trust_command command)
{
	json_t	*items = output_new_array();

	put_all(items, one->grants[command]);
	if (json_array_size(items) > 0)
		put_setting(settings, trust_command_text(command), true,
		    items);
	else
		json_decref(items);
}

/* Where many have a login of one domain, that domain; the others one by
 * one. */
static void
put_logins(json_t *items, struct seen *one)
{
	struct tally		*domains = tally_new(), *listed = tally_new();
	const struct tally_row	*row, *domain;
	char			 pattern[ASSERTION_VALUE_MAX + 3];
	const char		*at;
	size_t			 n, i;

	row = tally_by_key(one->values[ASSERTION_LOGIN], &n);
	for (i = 0; i < n; i++)
		if ((at = strrchr(row[i].key, '@')) != NULL)
			(void)tally_add(domains, at, NULL, NULL);
	for (i = 0; i < n; i++) {
		at = strrchr(row[i].key, '@');
		domain = at == NULL ? NULL : tally_find(domains, at);
		if (domain == NULL || domain->n <= MANY) {
			output_append(items, item_of(row[i].key, &row[i]));
			continue;
		}
		(void)snprintf(pattern, sizeof pattern, "*%s", at);
		if (tally_add(listed, pattern, NULL, NULL)->n == 1)
			output_append(items, item_of(pattern,
			    tally_find(one->domains, at)));
	}
	tally_free(domains);
	tally_free(listed);
}

/* What is known of all values of an attribute together. */
static const struct tally_row *
all_of(const struct seen *one, int name)
{
	const struct tally_row	*row = NULL;
	int			 i;

	for (i = 0; i < TRUST_COMMAND_COUNT && row == NULL; i++)
		row = tally_find(one->grants[i],
		    assertion_name_text((enum assertion_name)name));
	return row;
}

/* Values that say who somebody is, or what for, are listed; ports and queue
 * ids are other ones each time. */
static bool
is_listed(int name)
{
	return name != ASSERTION_PORT && name != ASSERTION_IDENT;
}

/* The items of the list; none: every value may be said, or none is. */
static void
put_items(json_t *items, struct seen *one, int name, bool is_net)
{
	enum assertion_name	 attribute = (enum assertion_name)name;
	bool			 is_few = one->n_values[name] <= MANY;

	if (is_listed(name) && name != ASSERTION_LOGIN && is_few && !is_net) {
		put_all(items, one->values[name]);
		return;
	}
	suggest_guard_put(one->guard, attribute, items);
	if (name == ASSERTION_LOGIN)
		put_logins(items, one);
	else if (is_net)
		put_all(items, one->values[name]);
	else if (is_listed(name) || json_array_size(items) > 0)
		output_append(items, item_of(name == ASSERTION_ADDR ?
		    "public" : "*", all_of(one, name)));
}

static void
put_values(const struct suggest *s, json_t *settings, struct seen *one,
    int name)
{
	bool		 is_net = name == ASSERTION_ADDR &&
			     (s->prefix != 0 || s->prefix6 != 0);
	const char	*text = assertion_name_text((enum assertion_name)name);
	json_t		*items;

	if (one->n_values[name] == 0)
		return;
	if (one->n_values[name] >= VALUES_MAX && (is_net ||
	    name == ASSERTION_LOGIN))
		ctl_die(EX_DATAERR, "%s: more than %d values; a shorter "
		    "prefix, or a shorter log", text, VALUES_MAX);
	items = output_new_array();
	put_items(items, one, name, is_net);
	if (json_array_size(items) > 0)
		put_setting(settings, text, true, items);
	else
		json_decref(items);
}

static void
put_dropped(json_t *settings, const struct trust_profile *profile)
{
	struct assertion_set	 set;
	json_t			*items = output_new_array();
	int			 i;

	memset(&set, 0, sizeof set);
	for (i = 0; i < ASSERTION_COUNT; i++)
		set.v[i].status = ASSERTION_UNAVAILABLE;
	trust_profile_drop(profile, &set);
	for (i = 0; i < ASSERTION_COUNT; i++)
		if (set.v[i].status == ASSERTION_ABSENT)
			output_append(items, item_of(assertion_name_text(
			    (enum assertion_name)i), NULL));
	if (json_array_size(items) > 0)
		put_setting(settings, "drop", true, items);
	else
		json_decref(items);
}

/* What has nothing to do with what was said stays as it is. */
static void
put_present(json_t *settings, const struct trust_profile *profile)
{
	static const char *const	 seals[] = {
		[TRUST_SEAL_GREETING] = "greeting",
		[TRUST_SEAL_OVERRIDE] = "override",
		[TRUST_SEAL_NEVER] = "never"
	};
	char				 number[16];

	put_dropped(settings, profile);
	put_word(settings, "seal", seals[trust_profile_seal(profile)], NULL);
	put_word(settings, "on_violation", verdict_action_text(
	    trust_profile_on_violation(profile)), NULL);
	if (trust_profile_always_allow(profile))
		put_word(settings, "always_allow", "yes", NULL);
	(void)snprintf(number, sizeof number, "%u",
	    trust_profile_received(profile));
	if (trust_profile_received(profile) > 0)
		put_word(settings, "received", number, NULL);
}

static json_t *
settings_of(const struct suggest *s, struct seen *one)
{
	const struct trust_profile	*profile = trust_profile_find(
					     s->again->conf->trust, one->name);
	const struct tally_row		*row;
	json_t				*settings = output_new_array();
	int				 i;

	put_grants(settings, one, TRUST_XCLIENT);
	put_grants(settings, one, TRUST_XFORWARD);
	row = tally_find(one->grants[TRUST_XREMOTEIP], "ADDR");
	if (row != NULL)
		put_word(settings, "xremoteip", "yes", row);
	for (i = 0; i < ASSERTION_COUNT; i++)
		put_values(s, settings, one, i);
	put_grants(settings, one, TRUST_XSETCONTEXT);
	row = tally_find(one->grants[TRUST_XDUMPCONTEXT], "");
	if (row != NULL)
		put_word(settings, "xdumpcontext", one->dumps_sealed ?
		    "sealed" : "yes", row);
	if (profile != NULL)
		put_present(settings, profile);
	return settings;
}

static json_t *
profile_of(const struct suggest *s, struct seen *one)
{
	json_t	*object = output_new();

	output_put(object, "profile", output_text(one->name));
	tally_put(object, tally_find(one->lines, ""));
	output_put(object, "reported",
	    json_integer((json_int_t)one->n_reported));
	output_put(object, "settings", settings_of(s, one));
	output_put(object, "refused", tally_reasons(one->refused));
	return object;
}

/*
 * As a section of the configuration
 */

/* How often, when, and what; a comment, so all of it is printable. */
static void
print_evidence(const json_t *object, const char *indent)
{
	json_int_t	 count = json_integer_value(json_object_get(object,
			    "count"));

	if (count == 0)
		return;
	printf("%s%" JSON_INTEGER_FORMAT " time%s", indent, count,
	    count == 1 ? "" : "s");
	if (*output_text_at(object, "first") != '\0')
		printf(", %s to %s", output_text_at(object, "first"),
		    output_text_at(object, "last"));
	if (*output_text_at(object, "example") != '\0')
		printf(": %.160s", output_text_at(object, "example"));
	printf("\n");
}

static void
print_list(const char *name, const json_t *items)
{
	const json_t	*item;
	size_t		 i;

	printf("\t%s = {\n", name);
	json_array_foreach(items, i, item) {
		print_evidence(item, "\t    # ");
		printf("\t    \"%s\"%s\n", output_text_at(item, "value"),
		    i + 1 < json_array_size(items) ? "," : "");
	}
	printf("\t}\n");
}

static void
print_setting(const json_t *setting)
{
	const char	*name = output_text_at(setting, "setting");
	const json_t	*items = json_object_get(setting, "items");
	const json_t	*item = json_array_get(items, 0);

	if (json_is_true(json_object_get(setting, "list"))) {
		print_list(name, items);
		return;
	}
	print_evidence(item, "\t# ");
	printf("\t%s = \"%s\"\n", name, output_text_at(item, "value"));
}

static void
print_profile(const json_t *object)
{
	const json_t	*settings = json_object_get(object, "settings");
	const json_t	*refused = json_object_get(object, "refused"), *row;
	size_t		 i;

	printf("# What passed, %" JSON_INTEGER_FORMAT " of it only reported:\n",
	    json_integer_value(json_object_get(object, "reported")));
	print_evidence(object, "# ");
	printf("profile %s {\n", output_text_at(object, "profile"));
	json_array_foreach(settings, i, row)
		print_setting(row);
	printf("}\n");
	json_array_foreach(refused, i, row) {
		printf("# Not suggested: %s\n", output_text_at(row, "why"));
		print_evidence(row, "#   ");
	}
}

/* False: something was not suggested. */
static bool
tell(struct suggest *s)
{
	json_t	*profiles = output_new_array(), *object, *found;
	bool	 is_all = true;
	size_t	 i;

	for (i = 0; i < s->n; i++) {
		if (s->seen[i].n_reported == 0)
			continue;
		object = profile_of(s, &s->seen[i]);
		if (json_array_size(json_object_get(object, "refused")) > 0)
			is_all = false;
		output_append(profiles, object);
	}
	if (json_array_size(profiles) == 0) {
		json_decref(profiles);
		ctl_die(CTL_NO, "nothing in this log was only reported: no "
		    "profile was on trial (report_only)");
	}
	if (s->ctl->is_json) {
		found = output_new();
		output_put(found, "undecidable",
		    json_integer((json_int_t)s->n_undecided));
		output_put(found, "profiles", profiles);
		output_object(s->ctl, found);
		return is_all;
	}
	json_array_foreach(profiles, i, object) {
		printf("%s", i > 0 ? "\n" : "");
		print_profile(object);
	}
	json_decref(profiles);
	return is_all;
}

static unsigned
read_prefix(const char *text, unsigned max)
{
	const char	*why;
	unsigned	 bits;

	if (text == NULL)
		return 0;
	bits = (unsigned)strtonum(text, 8, max, &why);
	if (why != NULL)
		ctl_die(EX_USAGE, "\"%s\": expected a number of bits, 8 to "
		    "%u", text, max);
	return bits;
}

int
suggest_run(struct ctl *ctl)
{
	struct suggest		 s = { .ctl = ctl };
	struct log_reader	*log;
	const struct log_entry	*e;
	unsigned long		 n_damaged;
	bool			 is_all;
	size_t			 i;

	s.prefix = read_prefix(ctl->option[OPTION_PREFIX], 32);
	s.prefix6 = read_prefix(ctl->option[OPTION_PREFIX6], 128);
	s.again = again_new(ctl_conf(ctl));
	log = log_reader_open(ctl->args[0]);
	while ((e = log_reader_next(log)) != NULL)
		take(&s, e);
	n_damaged = log_reader_counts(log)->damaged;
	if (!ctl->is_json && s.n_undecided > 0)
		fprintf(stderr, "%s: %lu decisions could not be read in "
		    "full\n", CTL_PROGRAM, s.n_undecided);
	is_all = tell(&s);
	log_reader_close(log);
	again_free(s.again);
	for (i = 0; i < s.n; i++)
		free_seen(&s.seen[i]);
	free(s.seen);
	if (!is_all)
		return CTL_NO;
	return s.n_undecided > 0 || n_damaged > 0 ? CTL_CANNOT_TELL : CTL_YES;
}
