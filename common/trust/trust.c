/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * trust: builds the rules, and maps a peer to its profile.
 *
 * Tables are kept once each, however many maps and lists name them.  What a
 * profile lets pass is in trust_profile.c and trust_value.c, the decision in
 * trust_decide.c.
 */
#include "trust/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hostname.h"
#include "trust/trust_private.h"

#define PROFILE_NAME_MAX	64
#define PROFILES_MAX		10000

void *
trust_grow(void *array, size_t n, size_t size)
{
	return reallocarray(array, n + 1, size);
}

void
trust_rule(char *buf, size_t size, const char *file, unsigned line)
{
	char	 number[16] = "";
	size_t	 len, room;

	if (file == NULL) {
		(void)snprintf(buf, size, "built-in");
		return;
	}
	if (line != 0)
		(void)snprintf(number, sizeof number, ":%u", line);
	len = strlen(file);
	room = size - 1 - strlen(number);
	if (len <= room)
		(void)snprintf(buf, size, "%s%s", file, number);
	else
		(void)snprintf(buf, size, "...%s%s", file + len - (room - 3),
		    number);
}

/* Compares what is sought with the i-th of what is there. */
typedef int	compare_fn(const struct trust *trust, const void *key,
		    size_t i);

/* Where among n the key is, or would have to be put. */
static bool
search(const struct trust *trust, size_t n, compare_fn *compare,
    const void *key, size_t *pos_r)
{
	size_t	 low = 0, high = n, mid;
	int	 cmp = 1;

	while (low < high && cmp != 0) {
		mid = low + (high - low) / 2;
		cmp = compare(trust, key, mid);
		if (cmp > 0)
			low = mid + 1;
		else if (cmp < 0)
			high = mid;
		else
			low = mid;
	}
	*pos_r = low;
	return cmp == 0;
}

static int
compare_profile(const struct trust *trust, const void *name, size_t i)
{
	return strcmp(name, trust->profiles[i]->name);
}

static bool
profile_search(const struct trust *trust, const char *name, size_t *pos_r)
{
	return search(trust, trust->n_profiles, compare_profile, name, pos_r);
}

static int
profile_insert(struct trust *trust, const struct trust_profile_def *def,
    struct err *err)
{
	struct trust_profile	 *profile;
	struct trust_profile	**grown;
	size_t			  pos;

	if (profile_search(trust, def->name, &pos))
		return err_set_at(err, def->file, def->line,
		    "profile \"%s\" exists already", def->name);
	if (trust->n_profiles >= PROFILES_MAX)
		return err_set_at(err, def->file, def->line,
		    "more than %d profiles", PROFILES_MAX);
	grown = trust_grow(trust->profiles, trust->n_profiles,
	    sizeof *grown);
	if (grown == NULL)
		return err_set_at(err, def->file, def->line, "out of memory");
	trust->profiles = grown;
	profile = trust_profile_new(trust, def, err);
	if (profile == NULL)
		return -1;
	memmove(grown + pos + 1, grown + pos,
	    (trust->n_profiles - pos) * sizeof *grown);
	grown[pos] = profile;
	trust->n_profiles++;
	return 0;
}

static int
add_builtin(struct trust *trust)
{
	static const char *const	 all[] = { "*", NULL };
	struct trust_profile_def	 stranger = {
		.name = TRUST_STRANGER,
		.on_violation = VERDICT_TEMPFAIL
	};
	struct trust_profile_def	 root = {
		.name = TRUST_ROOT,
		.xclient = all,
		.xforward = all,
		.xsetcontext = all,
		.xremoteip = true,
		.xdumpcontext = TRUST_DUMP_YES,
		.on_violation = VERDICT_TEMPFAIL
	};
	int				 i;

	for (i = 0; i < ASSERTION_COUNT; i++)
		root.values[i] = all;
	if (profile_insert(trust, &stranger, NULL) == -1)
		return -1;
	return profile_insert(trust, &root, NULL);
}

struct trust *
trust_new(void)
{
	struct trust	*trust;

	trust = calloc(1, sizeof *trust);
	if (trust != NULL && add_builtin(trust) == -1) {
		trust_free(trust);
		trust = NULL;
	}
	return trust;
}

void
trust_free(struct trust *trust)
{
	size_t	 i;

	if (trust == NULL)
		return;
	for (i = 0; i < trust->n_profiles; i++)
		trust_profile_free(trust->profiles[i]);
	for (i = 0; i < trust->n_maps; i++)
		free(trust->maps[i].listener);
	for (i = 0; i < trust->n_tables; i++)
		table_free(trust->tables[i]);
	free(trust->profiles);
	free(trust->maps);
	free(trust->tables);
	free(trust->own);
	free(trust);
}

const struct table *
trust_table(struct trust *trust, const char *spec, struct err *err)
{
	struct table	**grown;
	size_t		  i;

	for (i = 0; i < trust->n_tables; i++)
		if (strcmp(table_spec(trust->tables[i]), spec) == 0)
			return trust->tables[i];
	grown = trust_grow(trust->tables, trust->n_tables, sizeof *grown);
	if (grown == NULL) {
		(void)err_set(err, "out of memory");
		return NULL;
	}
	trust->tables = grown;
	grown[trust->n_tables] = table_open_from(spec, &trust->how, err);
	if (grown[trust->n_tables] == NULL)
		return NULL;
	return grown[trust->n_tables++];
}

void
trust_set_skips(struct trust *trust, struct table_skips *skips)
{
	trust->how.skips = skips;
}

static bool
profile_name_valid(const char *name)
{
	size_t	 len = strlen(name);

	return len >= 1 && len <= PROFILE_NAME_MAX &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

int
trust_add_profile(struct trust *trust, const struct trust_profile_def *def,
    struct err *err)
{
	if (!profile_name_valid(def->name))
		return err_set_at(err, def->file, def->line,
		    "a profile's name must be 1 to %d of A-Z a-z 0-9 . _ -",
		    PROFILE_NAME_MAX);
	if (strcmp(def->name, TRUST_STRANGER) == 0 ||
	    strcmp(def->name, TRUST_ROOT) == 0)
		return err_set_at(err, def->file, def->line,
		    "profile \"%s\" is built in and cannot be changed",
		    def->name);
	return profile_insert(trust, def, err);
}

int
trust_add_map(struct trust *trust, const char *listener, const char *spec,
    const char *file, unsigned line, struct err *err)
{
	struct err		 why;
	struct trust_map	*grown;
	const struct table	*table;
	char			*copy = NULL;

	trust->how.file = file;
	trust->how.line = line;
	table = trust_table(trust, spec, &why);
	if (table == NULL)
		return err_set_at(err, file, line, "trust_maps: %s", why.text);
	grown = trust_grow(trust->maps, trust->n_maps, sizeof *grown);
	if (grown == NULL)
		return err_set_at(err, file, line, "out of memory");
	trust->maps = grown;
	if (listener != NULL && (copy = strdup(listener)) == NULL)
		return err_set_at(err, file, line, "out of memory");
	grown[trust->n_maps++] = (struct trust_map){ copy, table, file,
	    line };
	return 0;
}

static int
compare_own(const struct trust *trust, const void *addr, size_t i)
{
	return memcmp(addr, &trust->own[i], sizeof trust->own[i]);
}

static bool
own_search(const struct trust *trust, const struct address *addr,
    size_t *pos_r)
{
	return search(trust, trust->n_own, compare_own, addr, pos_r);
}

int
trust_add_own_address(struct trust *trust, const struct address *addr)
{
	struct address	*grown;
	size_t		 pos;

	if (addr->family == AF_UNSPEC || own_search(trust, addr, &pos))
		return 0;
	grown = trust_grow(trust->own, trust->n_own, sizeof *grown);
	if (grown == NULL)
		return -1;
	trust->own = grown;
	memmove(grown + pos + 1, grown + pos,
	    (trust->n_own - pos) * sizeof *grown);
	grown[pos] = *addr;
	trust->n_own++;
	return 0;
}

const struct trust_profile *
trust_profile_find(const struct trust *trust, const char *name)
{
	size_t	 pos;

	return profile_search(trust, name, &pos) ? trust->profiles[pos] : NULL;
}

static enum trust_result
map_ask(const struct trust *trust, const struct trust_map *map,
    const char *key, struct table_answer *res, struct trust_found *found,
    struct err *err)
{
	const char	*spec = table_spec(map->table);

	switch (table_find(map->table, span_of(key), res)) {
	case TABLE_NOT_FOUND:
		return TRUST_OK;
	case TABLE_FOUND:
		break;
	case TABLE_CANNOT_TELL:
	default:
		(void)err_set(err, "%s: looking up %s: %s", spec, key,
		    res->err.text);
		return TRUST_CANNOT_TELL;
	}
	found->profile = trust_profile_find(trust, res->value);
	found->is_missing = found->profile == NULL;
	found->file = res->file;
	found->line = res->line;
	if (found->profile != NULL)
		return TRUST_OK;
	(void)err_set_at(err, res->file, res->line,
	    "%s names profile \"%.64s\" for %s, and there is none", spec,
	    res->value, key);
	return TRUST_CANNOT_TELL;
}

enum trust_result
trust_maps_ask(const struct trust *trust, const char *listener, const char *key,
    struct trust_found *found, struct err *err)
{
	struct table_answer	 res = { 0 };
	enum trust_result	 result = TRUST_OK;
	size_t			 i;

	for (i = 0; i < trust->n_maps && found->profile == NULL &&
	    result == TRUST_OK; i++) {
		const struct trust_map	*map = &trust->maps[i];

		if (listener == NULL ? map->listener == NULL :
		    map->listener != NULL &&
		    strcmp(map->listener, listener) == 0)
			result = map_ask(trust, map, key, &res, found, err);
	}
	table_answer_clear(&res);
	return result;
}

/* NULL (the global maps) unless that listener has maps of its own. */
static const char *
listener_effective(const struct trust *trust, const char *listener)
{
	size_t	 i;

	if (listener == NULL || *listener == '\0')
		return NULL;
	for (i = 0; i < trust->n_maps; i++)
		if (trust->maps[i].listener != NULL &&
		    strcmp(trust->maps[i].listener, listener) == 0)
			return listener;
	return NULL;
}

/* A name that came from DNS must not pass for an address or a pattern. */
static const char *
name_usable(const char *name)
{
	if (name == NULL || !hostname_valid(span_of(name)) ||
	    strcasecmp(name, "unknown") == 0)
		return NULL;
	return name;
}

enum trust_result
trust_classify(const struct trust *trust, const struct trust_peer *peer,
    const struct trust_profile **profile_r, char *rule_r, size_t rule_size,
    struct err *err)
{
	const char		*listener, *keys[3] = { NULL };
	struct trust_found	 found = { 0 };
	char			 addr[ADDRESS_TEXT_SIZE];
	size_t			 i;

	listener = listener_effective(trust, peer->listener);
	if (peer->addr.family != AF_UNSPEC)
		keys[0] = address_format(&peer->addr, addr, sizeof addr);
	keys[1] = name_usable(peer->name);
	if (peer->fingerprint != NULL && *peer->fingerprint != '\0')
		keys[2] = peer->fingerprint;
	for (i = 0; i < 3 && found.profile == NULL; i++)
		if (keys[i] != NULL && trust_maps_ask(trust, listener, keys[i],
		    &found, err) == TRUST_CANNOT_TELL)
			return TRUST_CANNOT_TELL;
	if (found.profile == NULL)
		found.profile = trust_profile_find(trust, TRUST_STRANGER);
	*profile_r = found.profile;
	trust_rule(rule_r, rule_size, found.file, found.line);
	return TRUST_OK;
}

/* True for the first map of each listener. */
static bool
is_first_of_listener(const struct trust *trust, size_t n)
{
	const char	*listener = trust->maps[n].listener;
	size_t		 i;

	for (i = 0; i < n; i++) {
		const char	*other = trust->maps[i].listener;

		if (listener == NULL ? other == NULL :
		    other != NULL && strcmp(other, listener) == 0)
			return false;
	}
	return true;
}

/* Somebody meant to trust the address, if only the profile's name is wrong. */
static bool
has_profile(const struct trust_found *found)
{
	return found->is_missing || (found->profile != NULL &&
	    strcmp(found->profile->name, TRUST_STRANGER) != 0);
}

/*
 * The maps of all listeners count: an address that is a messenger's at one
 * door must not be worn at another.  One that has a profile by any of them need
 * not be told by the others.
 */
static enum trust_public
profile_check(const struct trust *trust, const struct address *addr,
    struct err *err)
{
	char			 key[ADDRESS_TEXT_SIZE];
	enum trust_public	 answer = TRUST_PUBLIC_YES;
	struct err		 why;
	size_t			 i;

	(void)address_format(addr, key, sizeof key);
	for (i = 0; i < trust->n_maps; i++) {
		struct trust_found	 found = { 0 };

		if (!is_first_of_listener(trust, i))
			continue;
		if (trust_maps_ask(trust, trust->maps[i].listener, key, &found,
		    &why) == TRUST_OK || found.is_missing) {
			if (has_profile(&found))
				return TRUST_PUBLIC_PROFILE;
			continue;
		}
		*err = why;
		answer = TRUST_PUBLIC_CANNOT_TELL;
	}
	return answer;
}

enum trust_public
trust_public_check(const struct trust *trust, const struct address *addr,
    struct err *err)
{
	size_t	 pos;

	if (trust->assumed != NULL)
		return *trust->assumed;
	if (!address_is_public(addr))
		return TRUST_PUBLIC_SPECIAL;
	if (own_search(trust, addr, &pos))
		return TRUST_PUBLIC_OWN;
	return profile_check(trust, addr, err);
}

bool
trust_any_received(const struct trust *trust)
{
	size_t	 i;

	for (i = 0; i < trust->n_profiles; i++)
		if (trust->profiles[i]->received > 0)
			return true;
	return false;
}

bool
trust_any_disconnect(const struct trust *trust)
{
	size_t	 i;

	for (i = 0; i < trust->n_profiles; i++)
		if (trust->profiles[i]->on_violation == VERDICT_DISCONNECT)
			return true;
	return false;
}
