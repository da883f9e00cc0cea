/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * suggest_guard: see suggest_guard.h.
 *
 * The lists are asked by the daemons' own code, in rules of the guard's own
 * that have one profile, in which everything is granted, and the present items
 * stand in front of "*".
 */
#include "suggest_guard.h"

#include <ctype.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "output.h"
#include "pool.h"
#include "trust/trust_sweep.h"

#define PROFILE	"guard"

/* Of one attribute; a NULL ends it. */
struct list {
	const char	**item;
	size_t		  n;
};

struct suggest_guard {
	const struct conf		*conf;
	struct trust			*trust;
	const struct trust_profile	*profile;	/* of trust */
	struct trust_sweep		 special;	/* not "public" */
	struct list			 lists[ASSERTION_COUNT];
	struct pool			 texts;
	/* While they are collected: */
	int				 name;
};

static bool
is_name(int name)
{
	return name == ASSERTION_NAME || name == ASSERTION_REVERSE_NAME ||
	    name == ASSERTION_HELO;
}

static void
add(struct suggest_guard *g, int name, bool is_negated, const char *text)
{
	struct list	*list = &g->lists[name];

	list->item = reallocarray(list->item, list->n + 2,
	    sizeof *list->item);
	if (list->item == NULL)
		ctl_die(EX_OSERR, "out of memory");
	list->item[list->n++] = pool_printf(&g->texts, "%s%s",
	    is_negated ? "!" : "", text);
	list->item[list->n] = NULL;
}

/*
 * What is in the lists
 */

static int
add_item(const struct trust_item *item, void *arg, struct err *err)
{
	struct suggest_guard	*g = arg;

	(void)err;
	add(g, g->name, item->is_negated, item->text);
	return 0;
}

static void
add_present(struct suggest_guard *g, const char *profile)
{
	const struct trust_profile	*found = profile == NULL ? NULL :
					     trust_profile_find(
					     g->conf->trust, profile);
	struct err			 err;

	for (g->name = 0; found != NULL && g->name < ASSERTION_COUNT;
	    g->name++)
		if (trust_sweep_items(found, (enum assertion_name)g->name,
		    add_item, g, &err) == -1)
			ctl_cannot_tell(&err);
}

static void
add_name(struct suggest_guard *g, const char *text)
{
	int	 i;

	for (i = 0; i < ASSERTION_COUNT; i++)
		if (is_name(i))
			add(g, i, true, text);
}

static bool
is_plain_name(const char *text)
{
	return *text != '\0' && isalnum((unsigned char)*text) &&
	    strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789._-") == strlen(text);
}

/* A host whose name has a profile: nobody else may be called so. */
static int
add_entry(const struct table_entry *entry, void *arg, struct err *err)
{
	struct suggest_guard	*g = arg;
	struct address		 addr;
	const char		*key;

	(void)err;
	if (entry->kind != TABLE_ENTRY_KEY || address_parse(entry->what,
	    &addr) || span_eq(entry->value, TRUST_STRANGER))
		return 0;
	key = pool_copy(&g->texts, entry->what);
	if (is_plain_name(key))
		add_name(g, key);
	return 0;
}

static int
add_table(const struct table *table, const char *file, unsigned line,
    void *arg, struct err *err)
{
	(void)file;
	(void)line;
	return table_each_entry(table, add_entry, arg, err);
}

static void
add_listener(const char *listener, void *arg)
{
	struct suggest_guard	*g = arg;
	struct err		 err;

	if (trust_sweep_tables(g->conf->trust, listener, add_table, g,
	    &err) == -1)
		ctl_cannot_tell(&err);
}

static void
add_own_name(struct suggest_guard *g)
{
	char	 name[256];

	if (gethostname(name, sizeof name) == 0 && is_plain_name(name))
		add_name(g, name);
}

/* What else there is, is allowed. */
static void
make_trust(struct suggest_guard *g)
{
	static const char *const	 all[] = { "*", NULL };
	struct trust_profile_def	 def = { .name = PROFILE,
					     .xclient = all, .xforward = all,
					     .on_violation =
					     VERDICT_TEMPFAIL };
	struct err			 err;
	int				 i;

	for (i = 0; i < ASSERTION_COUNT; i++) {
		add(g, i, false, "*");
		def.values[i] = g->lists[i].item;
	}
	g->trust = trust_new();
	if (g->trust == NULL)
		ctl_die(EX_OSERR, "out of memory");
	if (trust_add_profile(g->trust, &def, &err) != 0)
		ctl_cannot_tell(&err);
	g->profile = trust_profile_find(g->trust, PROFILE);
}

struct suggest_guard *
suggest_guard_new(const struct conf *conf, const char *profile)
{
	struct suggest_guard	*g = calloc(1, sizeof *g);
	struct err		 err;

	if (g == NULL)
		ctl_die(EX_OSERR, "out of memory");
	g->conf = conf;
	add_own_name(g);
	add_listener(NULL, g);
	trust_sweep_listeners(conf->trust, add_listener, g);
	add_present(g, profile);
	make_trust(g);
	if (trust_sweep_not_public(conf->trust, &g->special, &err) == -1)
		ctl_cannot_tell(&err);
	return g;
}

void
suggest_guard_free(struct suggest_guard *g)
{
	int	 i;

	if (g == NULL)
		return;
	trust_free(g->trust);
	trust_sweep_clear(&g->special);
	for (i = 0; i < ASSERTION_COUNT; i++)
		free(g->lists[i].item);
	pool_clear(&g->texts);
	free(g);
}

/*
 * Questions
 */

/* Whether the two of them have an address that is not public. */
static bool
touches_special(const struct suggest_guard *g, const struct address *first,
    const struct address *last)
{
	const struct trust_sweep_range	*v = g->special.v;
	size_t				 low = 0, high = g->special.n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (trust_sweep_compare(&v[middle].last, first) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < g->special.n &&
	    trust_sweep_compare(&v[low].first, last) <= 0;
}

/* Tables with patterns were asked about few addresses only. */
static bool
has_profile(const struct suggest_guard *g, const struct trust_peer *peer)
{
	const struct trust_profile	*profile;
	char				 rule[192];
	struct err			 err;

	if (trust_classify(g->conf->trust, peer, &profile, rule, sizeof rule,
	    &err) != TRUST_OK)
		ctl_cannot_tell(&err);
	return strcmp(trust_profile_name(profile), TRUST_STRANGER) != 0;
}

/* A text that is an item for itself and for nothing else. */
static bool
is_item(const char *value)
{
	size_t	 n = strlen(value);

	if (*value == '[')
		return n > 2 && value[n - 1] == ']' && strspn(value + 1,
		    "0123456789abcdefABCDEFIPv:.") == n - 2;
	return isalnum((unsigned char)*value) &&
	    strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789@._+=/-") == n;
}

static bool
text_is_allowed(const struct suggest_guard *g,
    const struct assertion_set *set, int name, const char **why)
{
	const struct trust_peer	 who = { .name = set->v[name].value };

	if (name != ASSERTION_DESTADDR && !is_item(set->v[name].value)) {
		*why = "cannot stand in a list as it is";
		return false;
	}
	if (is_name(name) && has_profile(g, &who)) {
		*why = "is the name of somebody with a profile of its own";
		return false;
	}
	return true;
}

static bool
address_is_allowed(const struct suggest_guard *g, const struct address *addr,
    const char **why)
{
	const struct trust_peer	 who = { .addr = *addr };

	if (!touches_special(g, addr, addr) && !has_profile(g, &who))
		return true;
	*why = !address_is_public(addr) ? "is not a public address" :
	    "is this host's, or has a profile of its own";
	return false;
}

bool
suggest_guard_allows(const struct suggest_guard *g,
    const struct assertion_set *set, enum assertion_name name, char *why_r,
    size_t size)
{
	const struct trust_speaker	 speaker = { .profile = g->profile };
	const char			*why = NULL;
	struct verdict			 v;
	bool				 is_allowed = true;

	if (set->v[name].status == ASSERTION_VALUE)
		is_allowed = name == ASSERTION_ADDR ?
		    address_is_allowed(g, &set->addr, &why) :
		    text_is_allowed(g, set, name, &why);
	trust_decide_attribute(g->trust, &speaker,
	    name == ASSERTION_IDENT || name == ASSERTION_SOURCE ?
	    TRUST_XFORWARD : TRUST_XCLIENT, set, name, &v);
	if (is_allowed && v.action == VERDICT_PERMIT)
		return true;
	(void)snprintf(why_r, size, "%s %s", assertion_name_text(name),
	    why != NULL ? why : "is refused by a \"!\"");
	return false;
}

bool
suggest_guard_allows_net(const struct suggest_guard *g,
    const struct address_net *net)
{
	struct address	 last = net->addr;
	unsigned	 bytes = net->addr.family == AF_INET ? 4 : 16, i;

	for (i = net->bits; i < bytes * 8; i++)
		last.bytes[i / 8] |= (uint8_t)(0x80 >> (i % 8));
	return !touches_special(g, &net->addr, &last);
}

void
suggest_guard_put(const struct suggest_guard *g, enum assertion_name name,
    json_t *items)
{
	const struct list	*list = &g->lists[name];
	json_t			*item;
	size_t			 i;

	for (i = 0; i < list->n; i++) {
		if (list->item[i][0] != '!')
			continue;
		item = output_new();
		output_put(item, "value", output_text(list->item[i]));
		output_append(items, item);
	}
}
