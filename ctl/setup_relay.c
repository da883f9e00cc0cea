/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_relay: see setup_relay.h.
 */
#include "setup_relay.h"

#include <sys/stat.h>

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/privdrop.h"
#include "setup_postfix.h"

/*
 * Sections
 */

static const char *
put(struct setup *setup, const char *text, struct conf_edit_place place,
    const struct setup_relay_setting *setting)
{
	const char	*new;

	if (setting->value == NULL)
		return text;
	new = setting->is_list ? conf_edit_set_list(&setup->pool, text, place,
	    setting->name, setting->value) : conf_edit_set(&setup->pool, text,
	    place, setting->name, setting->value);
	if (new == NULL)
		ctl_die(EX_DATAERR, "%s: it cannot be quoted in %s",
		    setting->value, setup->ctl->file);
	return new;
}

void
setup_relay_section(struct setup *setup, struct setup_plan *plan,
    struct conf_edit_place place,
    const struct setup_relay_setting *settings, const char *why)
{
	const char	*path = setup->ctl->file;
	const char	*old = setup_plan_text(setup, plan, path), *new = old;
	struct pool	*pool = &setup->pool;

	for (; settings->name != NULL; settings++)
		new = put(setup, new, place, settings);
	if (strcmp(old, new) == 0)
		return;
	setup_plan_add(plan, path, pool_printf(pool, "%s %s", place.section,
	    place.title), conf_edit_section(pool, old, place),
	    conf_edit_section(pool, new, place), why);
	setup_plan_file(plan, path, old, new);
}

const char *
setup_relay_title(struct setup *setup, const struct setup_plan *plan,
    const char *section, const char *base, const char *setting,
    const char *value)
{
	const char	*text = setup_plan_text(setup, plan, setup->ctl->file);
	const char	*title = base, *has;
	unsigned	 n;

	for (n = 2;; n++) {
		struct conf_edit_place	 place = { section, title };

		if (conf_edit_section(&setup->pool, text, place) == NULL)
			return title;
		has = setting == NULL ? NULL : conf_edit_get(&setup->pool,
		    text, place, setting);
		if (has != NULL && strcmp(has, value) == 0)
			return title;
		title = pool_printf(&setup->pool, "%s%u", base, n);
	}
}

const char *
setup_relay_binding(struct setup *setup, struct setup_plan *plan,
    const char *base, const struct setup_relay_setting *settings)
{
	const char	*title = setup_relay_title(setup, plan, "binding",
			    base, settings[0].name, settings[0].value);

	setup_relay_section(setup, plan, (struct conf_edit_place){ "binding",
	    title }, settings, strcmp(settings[0].value, "required") == 0 ?
	    "no mail goes on in the relay's own name, which Postfix lets send "
	    "anywhere" : "the next hop learns who the client is, where it "
	    "wants to");
	return title;
}

const char *
setup_relay_listen(const struct conf_relay *relay)
{
	return strncmp(relay->listen, "inet:", 5) == 0 ? relay->listen + 5 :
	    relay->listen;
}

const struct conf_relay *
setup_relay_at(const struct setup *setup, const char *listen)
{
	const struct conf_relay	*relay = setup->conf->relays;
	unsigned		 i;

	for (i = 0; i < setup->conf->n_relays; i++, relay++)
		if (strcmp(setup_relay_listen(relay), listen) == 0)
			return relay;
	return NULL;
}

const char *
setup_relay_source(struct setup *setup, const struct address *addr)
{
	char	 text[ADDRESS_TEXT_SIZE];

	if (addr->family == AF_UNSPEC || (addr->family == AF_INET &&
	    addr->bytes[0] == 127))
		return "127.0.0.1";
	(void)address_format(addr, text, sizeof text);
	return pool_printf(&setup->pool, addr->family == AF_INET6 ? "[%s]" :
	    "%s", text);
}

/*
 * Keys
 */

struct trial {
	const char	*user, *path;
};

/* A knock_fn. */
static struct knock_answer
try_read(const void *arg)
{
	const struct trial	*trial = arg;
	struct knock_answer	 answer = { KNOCK_NOT_TRIED, 0, "" };
	struct err		 err;

	if (*trial->user != '\0' && privdrop(trial->user, &err) != 0)
		return answer;
	answer.stage = KNOCK_IS_WELL;
	if (access(trial->path, R_OK) == -1)
		answer.error = errno;
	return answer;
}

const char *
setup_relay_unreadable(struct setup *setup, const char *path)
{
	const struct trial	 trial = { setup->conf->user, path };
	struct knock_answer	 answer;

	if (geteuid() != 0 || *path == '\0')
		return NULL;
	answer = knock_apart(try_read, &trial);
	return answer.stage != KNOCK_IS_WELL || answer.error == 0 ? NULL :
	    pool_printf(&setup->pool, "user \"%s\" cannot read %s: %s",
	    setup->conf->user, path, strerror(answer.error));
}

const char *
setup_relay_readable_by(struct setup *setup, const char *path)
{
	const char		*user = setup->conf->user;
	const struct group	*group = NULL;
	struct stat		 st;

	if (stat(path, &st) == 0 && st.st_gid != 0 && (st.st_mode & 040) != 0)
		group = getgrgid(st.st_gid);
	return group != NULL ? pool_printf(&setup->pool, "usermod --append "
	    "--groups %s %s", group->gr_name, user) : pool_printf(
	    &setup->pool, "setfacl --modify user:%s:r %s", user, path);
}

/*
 * The subject "relay"
 */

static bool
is_behind(const struct setup *setup)
{
	const char	*where = setup->ctl->option[SETUP_WHERE];

	if (where != NULL && strcmp(where, "behind") == 0)
		return true;
	if (where != NULL && strcmp(where, "front") == 0)
		return false;
	ctl_die(EX_USAGE, "setup relay: expected --where front, of Postfix's "
	    "port 25, or --where behind, for the mail that it sends");
}

static void
read_one(struct setup *setup)
{
	(void)is_behind(setup);
	setup_postfix_read(setup);
}

/* Postfix ends where it cannot have a port that the relay has still. */
static void
locate(struct setup *setup)
{
	if (setup->ctl->option[SETUP_RELOAD] != NULL && !is_behind(setup))
		ctl_die(EX_USAGE, "setup relay --undo: the relay has to go "
		    "before Postfix is reloaded; do what it says");
	setup_postfix_locate(setup);
}

static void
plan(struct setup *setup, struct setup_plan *made)
{
	setup_plan_user(setup, made);
	if (is_behind(setup))
		setup_relay_behind(setup, made);
	else
		setup_relay_front(setup, made);
}

static int
reload(struct setup *setup, struct err *err)
{
	return setup_postfix_command(setup, "reload", err);
}

static const char *
undone(struct setup *setup)
{
	struct err	 err;
	struct conf	*conf = conf_load(setup->ctl->file, &err);
	bool		 has_relay = conf != NULL && conf->n_relays > 0;

	conf_unref(conf);
	return pool_printf(&setup->pool, "systemctl %s xcontext-relay\n\t"
	    "postfix -c %s reload", has_relay ? "restart" : "disable --now",
	    setup->pf.config_directory);
}

static int
check(struct setup *setup)
{
	return setup_postfix_check(setup, setup_relay_look,
	    "no mail comes to Postfix by a relay of xcontext.conf, nor goes "
	    "to one", "nobody is told who the client is");
}

const struct setup_subject	 setup_relay = {
	.name = "relay",
	.journal = "relay-",
	.read = read_one,
	.locate = locate,
	.plan = plan,
	.verify = setup_postfix_verify,
	.reload = reload,
	.undone = undone,
	.check = check
};
