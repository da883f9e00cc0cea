/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * lint_profile: profiles that nobody has, that many have who may say a login,
 * and lists of values with a gap.
 */
#include "lint.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "trust/trust_sweep.h"

typedef unsigned __int128	wide;

/* What is known of one profile. */
struct holders {
	bool	 is_named;
	wide	 n;			/* addresses */
};

struct walk {
	struct lint		*lint;
	struct holders		*holders;	/* in the profiles' order */
	bool			 is_unsure;	/* a result may be any name */
	/* Of the profile that is looked at: */
	const struct trust_profile	*profile;
	enum assertion_name	 name;
};

static const struct lint_kind	 nobody = { "unused_profile", LINT_NOTE,
	"rules that nobody is under are not seen to be wrong",
	"remove it, or name it in a table of trust_maps" };
static const struct lint_kind	 many_logins = { "many_logins", LINT_WARNING,
	"each of these addresses can say which user it is",
	"grant LOGIN to the messengers that need it alone" };
static const struct lint_kind	 gap = { "domain_beside_suffix",
	LINT_WARNING, "\"!.domain\" is about what is below the domain, and "
	    "not about its own name",
	"add the domain itself, with \"!\" in front" };

static size_t
find(const struct trust *trust, const struct trust_profile *profile)
{
	size_t	 i = 0;

	while (trust_sweep_profile(trust, i) != profile)
		i++;
	return i;
}

/* A table_value_fn. */
static int
see_name(const struct table_value *value, void *arg, struct err *err)
{
	struct walk			*w = arg;
	const struct trust_profile	*profile;
	size_t				 i;

	(void)err;
	for (i = 0; (profile = trust_sweep_profile(w->lint->conf->trust,
	    i)) != NULL; i++)
		if (span_eq(value->text, trust_profile_name(profile)))
			w->holders[i].is_named = true;
	return 0;
}

/* A table_entry_fn. */
static int
see_entry(const struct table_entry *e, void *arg, struct err *err)
{
	struct walk	*w = arg;

	(void)err;
	if (e->kind == TABLE_ENTRY_PATTERN && span_has(e->value, '$'))
		w->is_unsure = true;
	return 0;
}

/* A trust_table_fn. */
static int
see_table(const struct table *table, const char *file, unsigned line,
    void *arg, struct err *err)
{
	struct walk	*w = arg;

	(void)file;
	(void)line;
	if (strncmp(table_spec(table), "union", 5) == 0)
		w->is_unsure = true;
	if (table_each_value(table, see_name, w, err) == -1)
		return -1;
	return table_each_entry(table, see_entry, w, err);
}

static wide
number(const struct address *addr)
{
	size_t	 i, n = addr->family == AF_INET ? 4 : 16;
	wide	 value = 0;

	for (i = 0; i < n; i++)
		value = value << 8 | addr->bytes[i];
	return value;
}

static void
count_holders(const char *listener, void *arg)
{
	struct walk			*w = arg;
	struct trust_sweep		 peers = { 0 };
	const struct trust_sweep_range	*r;
	struct holders			*h;
	struct err			 err;
	wide				 size;
	size_t				 i;

	if (trust_sweep_peers(w->lint->conf->trust, listener, &peers,
	    &err) == -1 || trust_sweep_tables(w->lint->conf->trust, listener,
	    see_table, w, &err) == -1)
		ctl_cannot_tell(&err);
	for (i = 0; i < peers.n; i++) {
		r = &peers.v[i];
		if (r->profile == NULL)
			continue;
		h = &w->holders[find(w->lint->conf->trust, r->profile)];
		size = number(&r->last) - number(&r->first) + 1;
		/* All of IPv6 is one more than there is room for. */
		h->n = size == 0 || h->n + size < size ? ~(wide)0 :
		    h->n + size;
	}
	trust_sweep_clear(&peers);
}

/* For a person: 18446744073709551615 and more is "many". */
static const char *
count_text(wide n, char buf[32])
{
	if (n > UINT64_MAX)
		return "more than 2^64";
	(void)snprintf(buf, 32, "%llu", (unsigned long long)n);
	return buf;
}

static void
look_at_logins(struct walk *w, const struct holders *h,
    unsigned long long many)
{
	unsigned	 line;
	const char	*file = trust_sweep_place(w->profile, &line);
	char		 buf[32];

	if (h->n <= many || (trust_profile_attributes(w->profile,
	    TRUST_XCLIENT) & 1U << ASSERTION_LOGIN) == 0)
		return;
	lint_add(w->lint, &many_logins, file, line, "profile \"%s\" grants "
	    "LOGIN, and %s addresses have it", trust_profile_name(w->profile),
	    count_text(h->n, buf));
}

/* A trust_item_fn: "!.example.com", beside which "example.com" passes. */
static int
look_at_item(const struct trust_item *item, void *arg, struct err *err)
{
	struct walk		*w = arg;
	enum trust_command	 command = w->name == ASSERTION_IDENT ||
	    w->name == ASSERTION_SOURCE ? TRUST_XFORWARD : TRUST_XCLIENT;
	struct assertion_set	 set;
	unsigned		 line;
	const char		*file = trust_sweep_place(w->profile, &line);

	(void)err;
	if (item->kind != TRUST_ITEM_SUFFIX || !item->is_negated)
		return 0;
	assertion_init(&set, (enum assertion_command)command);
	if (!assertion_set_value(&set, w->name, ASSERTION_VALUE,
	    span_of(item->text + 1)) || !trust_sweep_permits(
	    w->lint->conf->trust, w->profile, command, &set, w->name, false))
		return 0;
	lint_add(w->lint, &gap, file, line, "profile \"%s\": %s=%s passes "
	    "beside \"!%s\"", trust_profile_name(w->profile),
	    assertion_name_text(w->name), item->text + 1, item->text);
	return 0;
}

void
lint_profiles(struct lint *lint, unsigned long long many)
{
	const struct trust	*trust = lint->conf->trust;
	struct walk		 w = { .lint = lint };
	struct err		 err;
	const char		*file;
	unsigned		 line;
	size_t			 i, n = 0;
	int			 name;

	while (trust_sweep_profile(trust, n) != NULL)
		n++;
	w.holders = calloc(n, sizeof *w.holders);
	if (w.holders == NULL)
		ctl_die(EX_OSERR, "out of memory");
	count_holders(NULL, &w);
	trust_sweep_listeners(trust, count_holders, &w);
	for (i = 0; i < n; i++) {
		w.profile = trust_sweep_profile(trust, i);
		file = trust_sweep_place(w.profile, &line);
		if (file != NULL && !w.holders[i].is_named && !w.is_unsure)
			lint_add(lint, &nobody, file, line,
			    "nobody has the profile \"%s\"",
			    trust_profile_name(w.profile));
		look_at_logins(&w, &w.holders[i], many);
		for (name = 0; name < ASSERTION_COUNT; name++) {
			w.name = (enum assertion_name)name;
			if (trust_sweep_items(w.profile, w.name, look_at_item,
			    &w, &err) == -1)
				ctl_cannot_tell(&err);
		}
	}
	free(w.holders);
}
