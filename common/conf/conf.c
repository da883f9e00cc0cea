/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf: the configuration as a whole: loaded, shared by reference, given back.
 *
 * What would surprise: whoever gives back the last reference may be any thread,
 * and libconfuse's scanner, which is one for the whole process, belongs to the
 * thread that loads.  So the last reference only puts the configuration on a
 * list ("dead"), and the next load frees what is there.
 */
#include "conf/conf.h"

#include <errno.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf_private.h"

/*
 * libconfuse frees its scanner's state, which all share, with every
 * configuration.  So that a thread may give the last reference back while
 * another loads, its part is left here for the next load to free.
 */
static _Atomic(struct conf_whole *)	dead;

static struct conf_whole *
whole_of(struct conf *conf)
{
	return (struct conf_whole *)(void *)conf;
}

static void
bury(struct conf_whole *whole)
{
	whole->next_dead = atomic_load(&dead);
	while (!atomic_compare_exchange_weak(&dead, &whole->next_dead, whole))
		continue;
}

static void
free_dead(void)
{
	struct conf_whole	*whole, *next;

	for (whole = atomic_exchange(&dead, NULL); whole != NULL;
	    whole = next) {
		next = whole->next_dead;
		if (whole->cfg != NULL)
			cfg_free(whole->cfg);
		free(whole);
	}
}

/* The settings outside of sections, and of sections without a title. */
static int
fill(struct conf_whole *whole)
{
	const struct conf_section	*section;
	unsigned			 i;

	if (conf_fill(&whole->conf, whole->cfg, "") == -1)
		return -1;
	for (i = 0; (section = conf_section(i)) != NULL; i++)
		if (!section->is_titled && conf_fill(&whole->conf,
		    conf_section_of(whole->cfg, section->name),
		    section->name) == -1)
			return -1;
	return 0;
}

static void
clear(struct conf *conf)
{
	const struct conf_section	*section;
	unsigned			 i;

	conf_fill_clear(conf, "");
	for (i = 0; (section = conf_section(i)) != NULL; i++)
		if (!section->is_titled)
			conf_fill_clear(conf, section->name);
}

static int
add_allowed_user(struct conf *conf, const char *name)
{
	uid_t	 *uids;
	char	**users;

	users = reallocarray(conf->allowed_users, conf->n_allowed_uids + 2,
	    sizeof *users);
	if (users == NULL)
		return -1;
	conf->allowed_users = users;
	users[conf->n_allowed_uids] = NULL;
	uids = reallocarray(conf->allowed_uids, conf->n_allowed_uids + 1,
	    sizeof *uids);
	if (uids == NULL)
		return -1;
	conf->allowed_uids = uids;
	users[conf->n_allowed_uids] = strdup(name);
	if (users[conf->n_allowed_uids] == NULL)
		return -1;
	users[conf->n_allowed_uids + 1] = NULL;
	conf->n_allowed_uids++;
	return 0;
}

/* A user of the default list need not exist: then nobody can be him. */
static int
allow_user(struct conf *conf, const char *name, bool is_default,
    struct err *err)
{
	const struct passwd	*pw;

	errno = 0;
	pw = getpwnam(name);
	if (pw == NULL && is_default)
		return 0;
	if (pw == NULL)
		return err_set_at(err, conf->file, 0,
		    "allowed_users: unknown user \"%s\"", name);
	if (add_allowed_user(conf, name) == -1)
		return err_set_at(err, conf->file, 0, "out of memory");
	conf->allowed_uids[conf->n_allowed_uids - 1] = pw->pw_uid;
	return 0;
}

static int
fill_allowed_users(struct conf_whole *whole, struct err *err)
{
	cfg_opt_t	*opt = cfg_getopt(whole->cfg, "allowed_users");
	char		*list, *rest, *name;
	unsigned	 i;
	int		 result = 0;

	if (cfg_opt_size(opt) > 0 || (opt->flags & CFGF_MODIFIED) != 0) {
		for (i = 0; i < cfg_opt_size(opt) && result == 0; i++)
			result = allow_user(&whole->conf,
			    cfg_opt_getnstr(opt, i), false, err);
		return result;
	}
	list = rest = strdup(conf_row_find("", "allowed_users")->def);
	if (list == NULL)
		return err_set_at(err, whole->conf.file, 0, "out of memory");
	while (result == 0 && (name = strsep(&rest, " ")) != NULL)
		result = allow_user(&whole->conf, name, true, err);
	free(list);
	return result;
}

static int
fill_control_users(struct conf_whole *whole, struct err *err)
{
	cfg_opt_t		*opt = cfg_getopt(whole->cfg, "control_users");
	struct conf		*conf = &whole->conf;
	const struct passwd	*pw;
	unsigned		 i, n = cfg_opt_size(opt);

	conf->control_uids = calloc(n + 1, sizeof *conf->control_uids);
	if (conf->control_uids == NULL)
		return err_set_at(err, conf->file, 0, "out of memory");
	for (i = 0; i < n; i++) {
		pw = getpwnam(cfg_opt_getnstr(opt, i));
		if (pw == NULL)
			return err_set_at(err, conf->file, 0, "control_users: "
			    "unknown user \"%s\"", cfg_opt_getnstr(opt, i));
		conf->control_uids[conf->n_control_uids++] = pw->pw_uid;
	}
	return 0;
}

/* The names stay libconfuse's. */
static int
fill_header_names(struct conf_whole *whole)
{
	cfg_t		*section = conf_section_of(whole->cfg, "milter");
	cfg_opt_t	*opt = cfg_getopt(section, "header_names");
	unsigned	 i, n = cfg_opt_size(opt);
	const char	**names = calloc(n + 1, sizeof *names);

	if (names == NULL)
		return -1;
	for (i = 0; i < n; i++)
		names[i] = cfg_opt_getnstr(opt, i);
	whole->conf.milter_header_names = names;
	return 0;
}

static int
add_own_addresses(struct conf *conf, struct err *err)
{
	struct ifaddrs	*list, *ifa;
	int		 result = 0;

	if (getifaddrs(&list) == -1)
		return err_set(err, "this host's own addresses: %s",
		    strerror(errno));
	for (ifa = list; ifa != NULL && result == 0; ifa = ifa->ifa_next) {
		struct address	 addr;

		if (ifa->ifa_addr == NULL)
			continue;
		addr = address_from_sockaddr(ifa->ifa_addr, NULL);
		result = trust_add_own_address(conf->trust, &addr);
	}
	freeifaddrs(list);
	if (result == -1)
		return err_set(err, "out of memory");
	return 0;
}

/* Of the settings as they are printed, so that comments and order do not
 * matter, and of the files that tables were read from. */
static int
take_fingerprint(struct conf *conf)
{
	char		*text = NULL;
	size_t		 len;
	FILE		*fp = open_memstream(&text, &len);
	bool		 is_whole;

	if (fp == NULL)
		return -1;
	conf_print(conf, fp);
	/* Where memory ran out fclose(3) need not fail; there is no text then. */
	is_whole = !ferror(fp);
	is_whole = fclose(fp) == 0 && text != NULL && is_whole;
	if (is_whole)
		(void)snprintf(conf->fingerprint, sizeof conf->fingerprint,
		    "%016" PRIx64, fingerprint_add(conf->skips.fingerprint,
		    (struct span){ text, len }));
	free(text);
	return is_whole ? 0 : -1;
}

static int
load(struct conf_whole *whole, const char *file, char **text_r,
    struct err *err)
{
	struct conf_text	 text;
	int			 result;

	whole->conf.file = strdup(file);
	whole->conf.trust = trust_new();
	whole->conf.access = access_new();
	whole->conf.scope = scope_new();
	whole->conf.dialects = scope_new();
	if (whole->conf.file == NULL || whole->conf.trust == NULL ||
	    whole->conf.access == NULL || whole->conf.scope == NULL ||
	    whole->conf.dialects == NULL)
		return err_set_at(err, file, 0, "out of memory");
	whole->conf.skips.fingerprint = FINGERPRINT_NONE;
	trust_set_skips(whole->conf.trust, &whole->conf.skips);
	if (conf_text_read(file, &text, text_r, err) == -1)
		return -1;
	result = conf_parse(whole, &text, err);
	conf_text_clear(&text);
	if (result == -1)
		return -1;
	if (fill(whole) == -1 || fill_header_names(whole) == -1 ||
	    take_fingerprint(&whole->conf) == -1)
		return err_set_at(err, file, 0, "out of memory");
	if (fill_allowed_users(whole, err) == -1 ||
	    fill_control_users(whole, err) == -1)
		return -1;
	return add_own_addresses(&whole->conf, err);
}

/* text_r may be NULL. */
static struct conf *
load_new(const char *file, char **text_r, struct err *err)
{
	struct conf_whole	*whole;

	free_dead();
	whole = calloc(1, sizeof *whole);
	if (whole == NULL) {
		(void)err_set_at(err, file, 0, "out of memory");
		return NULL;
	}
	atomic_init(&whole->refs, 1);
	if (load(whole, file, text_r, err) == -1) {
		conf_unref(&whole->conf);
		return NULL;
	}
	return &whole->conf;
}

struct conf *
conf_load(const char *file, struct err *err)
{
	return load_new(file, NULL, err);
}

struct conf *
conf_load_text(const char *file, char **text_r, struct err *err)
{
	struct conf	*conf;
	char		*text = NULL;

	conf = load_new(file, &text, err);
	if (conf == NULL)
		free(text);
	else
		*text_r = text;
	return conf;
}

struct conf *
conf_ref(struct conf *conf)
{
	atomic_fetch_add(&whole_of(conf)->refs, 1);
	return conf;
}

void
conf_unref(struct conf *conf)
{
	struct conf_whole	*whole;
	unsigned		 i;

	if (conf == NULL)
		return;
	whole = whole_of(conf);
	if (atomic_fetch_sub(&whole->refs, 1) != 1)
		return;
	clear(conf);
	conf_unref(conf->trial.former);
	for (i = 0; i < conf->n_allowed_uids; i++)
		free(conf->allowed_users[i]);
	free(conf->allowed_users);
	free(conf->allowed_uids);
	free(conf->control_uids);
	free(conf->milter_header_names);
	free(conf->file);
	conf_free_relays(conf);
	scope_free(conf->scope);
	scope_free(conf->dialects);
	access_free(conf->access);
	trust_free(conf->trust);
	bury(whole);
}

bool
conf_allows_uid(const struct conf *conf, uid_t uid)
{
	unsigned	 i;

	for (i = 0; i < conf->n_allowed_uids; i++)
		if (conf->allowed_uids[i] == uid)
			return true;
	return false;
}

bool
conf_controls_uid(const struct conf *conf, uid_t uid)
{
	unsigned	 i;

	for (i = 0; i < conf->n_control_uids; i++)
		if (conf->control_uids[i] == uid)
			return true;
	return uid == 0;
}
