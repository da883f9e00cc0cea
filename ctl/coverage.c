/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * coverage: see coverage.h.
 *
 * A rule is known by a key: where it stands, for entries of tables; and else
 * its profile and what it is about, for one line may grant much.
 */
#include "coverage.h"

#include <stdlib.h>
#include <sysexits.h>

#include "output.h"
#include "pool.h"
#include "tally.h"
#include "trust/trust_sweep.h"

#define RULE_SIZE	sizeof(((struct verdict *)NULL)->rule)

struct rule {
	const char	*key;
	const char	*kind;		/* "peer", "grant", "values", "value" */
	const char	*place;		/* "file:line" */
	const char	*profile;
	const char	*what;
};

struct coverage {
	const struct conf	*conf;
	struct rule		*rule;
	size_t			 n;
	struct tally		*hits;
	struct tally		*known;		/* keys of rules */
	struct pool		 texts;
	/* While they are listed: */
	const struct trust_profile *profile;
	const struct table	*table;
	const char		*place;		/* where the table is named */
	const char		*kind;
};

static void
add(struct coverage *c, const char *key, struct rule rule)
{
	/* A profile's line, and a table in two lists, are listed once. */
	if (tally_add(c->known, key, NULL, NULL)->n > 1)
		return;
	rule.key = pool_copy(&c->texts, span_of(key));
	rule.place = pool_copy(&c->texts, span_of(rule.place));
	rule.profile = pool_copy(&c->texts, span_of(rule.profile));
	rule.what = pool_copy(&c->texts, span_of(rule.what));
	c->rule = reallocarray(c->rule, c->n + 1, sizeof *c->rule);
	if (c->rule == NULL)
		ctl_die(EX_OSERR, "out of memory");
	c->rule[c->n++] = rule;
}

static void
must_read(int result, const struct err *err)
{
	if (result == -1)
		ctl_cannot_tell(err);
}

/*
 * Entries of tables
 */

/* Of a table that is written where it is named, that place is what answers
 * tell. */
static int
add_entry(const struct table_entry *entry, void *arg, struct err *err)
{
	struct coverage	*c = arg;
	char		 place[RULE_SIZE];
	bool		 is_inline = strcmp(entry->file,
			     table_spec(c->table)) == 0;
	const char	*profile;

	(void)err;
	if (is_inline)
		(void)snprintf(place, sizeof place, "%s", c->place);
	else
		trust_rule(place, sizeof place, entry->file, entry->line);
	profile = c->profile != NULL ? trust_profile_name(c->profile) :
	    pool_copy(&c->texts, entry->value);
	add(c, place, (struct rule){ .kind = c->kind, .place = place,
	    .profile = profile, .what = is_inline ? table_spec(c->table) :
	    pool_copy(&c->texts, entry->what) });
	return 0;
}

static int
add_table(const struct table *table, const char *file, unsigned line,
    void *arg, struct err *err)
{
	struct coverage	*c = arg;
	char		 place[RULE_SIZE];

	trust_rule(place, sizeof place, file, line);
	c->table = table;
	c->place = place;
	return table_each_entry(table, add_entry, c, err);
}

static void
add_listener(const char *listener, void *arg)
{
	struct coverage	*c = arg;
	struct err	 err;

	must_read(trust_sweep_tables(c->conf->trust, listener, add_table, c,
	    &err), &err);
}

/*
 * Profiles
 */

static const char *
profile_key(char *buf, size_t size, const struct trust_profile *profile,
    const char *what, const char *attribute)
{
	(void)snprintf(buf, size, "%s %s %s", trust_profile_name(profile),
	    what, attribute);
	return buf;
}

static int
add_item(const struct trust_item *item, void *arg, struct err *err)
{
	struct coverage	*c = arg;

	if (item->kind != TRUST_ITEM_TABLE)
		return 0;
	c->table = item->table;
	return table_each_entry(item->table, add_entry, c, err);
}

/* The entries of the tables in the list of an attribute's values. */
static void
add_items(struct coverage *c, const struct trust_grant *grant)
{
	struct err	 err;
	int		 i;

	c->place = grant->values_rule;
	for (i = 0; i < ASSERTION_COUNT; i++)
		if (strcmp(grant->what,
		    assertion_name_text((enum assertion_name)i)) == 0)
			must_read(trust_sweep_items(c->profile,
			    (enum assertion_name)i, add_item, c, &err), &err);
}

/* A list that the profile does not set is nobody's rule. */
static void
add_values(struct coverage *c, const struct trust_grant *grant)
{
	char		 key[256], place[RULE_SIZE];
	unsigned	 line;
	const char	*file = trust_sweep_place(c->profile, &line);

	trust_rule(place, sizeof place, file, line);
	if (grant->values == NULL || strcmp(grant->values_rule, place) == 0)
		return;
	add(c, profile_key(key, sizeof key, c->profile, "values",
	    grant->what), (struct rule){ .kind = "values",
	    .place = grant->values_rule,
	    .profile = trust_profile_name(c->profile),
	    .what = pool_printf(&c->texts, "%s: %s", grant->what,
	    grant->values) });
	add_items(c, grant);
}

/* Of XSETCONTEXT's names, and of what has no attributes, there is one. */
static const char *
attribute_of(const struct trust_grant *grant)
{
	return grant->values == NULL ? "" : grant->what;
}

static void
add_grant(const struct trust_grant *grant, void *arg)
{
	struct coverage	*c = arg;
	char		 key[256];

	add(c, profile_key(key, sizeof key, c->profile, grant->command,
	    attribute_of(grant)), (struct rule){ .kind = "grant",
	    .place = grant->rule, .profile = trust_profile_name(c->profile),
	    .what = pool_printf(&c->texts, "%s%s%s", grant->command,
	    *attribute_of(grant) == '\0' ? "" : " ", attribute_of(grant)) });
	add_values(c, grant);
}

static void
add_profile(struct coverage *c, const struct trust_profile *profile)
{
	unsigned	 line;

	if (trust_sweep_place(profile, &line) == NULL)
		return;		/* built in */
	c->profile = profile;
	c->kind = "value";
	trust_profile_each_grant(profile, add_grant, c);
}

struct coverage *
coverage_new(const struct conf *conf)
{
	struct coverage			*c = calloc(1, sizeof *c);
	const struct trust_profile	*profile;
	size_t				 i;

	if (c == NULL)
		ctl_die(EX_OSERR, "out of memory");
	c->conf = conf;
	c->hits = tally_new();
	c->known = tally_new();
	c->kind = "peer";
	add_listener(NULL, c);
	trust_sweep_listeners(conf->trust, add_listener, c);
	for (i = 0; (profile = trust_sweep_profile(conf->trust, i)) != NULL;
	    i++)
		add_profile(c, profile);
	return c;
}

void
coverage_free(struct coverage *c)
{
	if (c == NULL)
		return;
	tally_free(c->hits);
	tally_free(c->known);
	pool_clear(&c->texts);
	free(c->rule);
	free(c);
}

/*
 * Hits
 */

static void
hit(struct coverage *c, const char *key, const struct coverage_event *event)
{
	(void)tally_add(c->hits, key, event->time, event->example);
}

void
coverage_peer(struct coverage *c, const char *rule,
    const struct coverage_event *event)
{
	hit(c, rule, event);
}

void
coverage_judged(struct coverage *c, enum trust_command command,
    const char *attribute, enum verdict_reason reason, const char *rule,
    const struct coverage_event *event)
{
	char	 key[256];

	if (reason != REASON_GRANTED && reason != REASON_VALUE)
		return;
	hit(c, profile_key(key, sizeof key, event->profile,
	    trust_command_text(command), attribute == NULL ? "" : attribute),
	    event);
	if (attribute == NULL)
		return;
	hit(c, profile_key(key, sizeof key, event->profile, "values",
	    attribute), event);
	hit(c, rule, event);
}

/*
 * What comes of it
 */

json_t *
coverage_rows(const struct coverage *c, bool is_hit)
{
	json_t			*rows = output_new_array(), *row;
	const struct tally_row	*found;
	size_t			 i;

	for (i = 0; i < c->n; i++) {
		found = tally_find(c->hits, c->rule[i].key);
		if ((found != NULL) != is_hit)
			continue;
		row = output_new();
		output_put(row, "kind", output_text(c->rule[i].kind));
		output_put(row, "place", output_text(c->rule[i].place));
		output_put(row, "profile", output_text(c->rule[i].profile));
		output_put(row, "what", output_text(c->rule[i].what));
		tally_put(row, found);
		output_append(rows, row);
	}
	return rows;
}

size_t
coverage_count(const struct coverage *c, size_t *hit_r)
{
	size_t	 i;

	*hit_r = 0;
	for (i = 0; i < c->n; i++)
		if (tally_find(c->hits, c->rule[i].key) != NULL)
			++*hit_r;
	return c->n;
}
