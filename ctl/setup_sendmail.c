/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_sendmail: see setup_sendmail.h.  sendmail.cf is made anew only if that
 * is asked for, and if what is there is what m4 makes of sendmail.mc: else
 * somebody has changed it by hand, and that would be lost.
 */
#include "setup_sendmail.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf_edit.h"
#include "run.h"

#define DIRECTORY	"/etc/mail"

const char *
setup_sendmail_file(struct setup *setup, const char *name)
{
	const char	*path = pool_printf(&setup->pool, "%s/%s",
			    setup->directory, name);
	char		*real = realpath(path, NULL);

	if (real == NULL)
		ctl_die(EX_UNAVAILABLE, "%s: %s; is this Sendmail's directory?",
		    path, strerror(errno));
	path = pool_copy(&setup->pool, span_of(real));
	free(real);
	return path;
}

static void
locate(struct setup *setup)
{
	const char	*dir = setup->ctl->option[SETUP_DIRECTORY];
	char		*real;

	if (setup->ctl->option[SETUP_INSTANCE] != NULL)
		ctl_die(EX_USAGE, "setup sendmail: --instance is of Postfix");
	if (setup->ctl->option[SETUP_RELOAD] != NULL)
		ctl_die(EX_USAGE, "setup sendmail: Sendmail has to be started "
		    "anew; do what it says behind --apply");
	if (dir == NULL)
		dir = DIRECTORY;
	real = realpath(dir, NULL);
	if (real == NULL)
		ctl_die(EX_UNAVAILABLE, "%s: %s; is this Sendmail's directory?",
		    dir, strerror(errno));
	setup->directory = pool_copy(&setup->pool, span_of(real));
	free(real);
}

static void
read_one(struct setup *setup)
{
	locate(setup);
	(void)setup_sendmail_file(setup, "sendmail.mc");
	(void)setup_sendmail_file(setup, "sendmail.cf");
}

const char *
setup_sendmail_open(struct setup *setup, const char *path)
{
	char		*dir = pool_copy(&setup->pool, span_of(path)), *slash;
	struct stat	 st;

	while ((slash = strrchr(dir, '/')) != NULL && slash != dir) {
		*slash = '\0';
		if (stat(dir, &st) == 0 && (st.st_mode & 022) != 0)
			return dir;
	}
	return NULL;
}

/*
 * xcontext.conf
 */

/* Below Postfix's queue a socket is for its smtpd. */
static const char *
plan_listen(struct setup *setup, struct setup_plan *plan)
{
	const struct conf_edit_place	 place = { "milter", NULL };
	const char	*has = setup->conf->milter_listen, *old, *new;
	const char	*path = setup_path(has);
	struct pool	*pool = &setup->pool;

	if (path == NULL || strncmp(path, "/var/spool/postfix/", 19) != 0)
		return has;
	old = setup_plan_text(setup, plan, setup->ctl->file);
	path = pool_printf(pool, "unix:%s/milter",
	    setup->conf->runtime_directory);
	new = conf_edit_set(pool, old, place, "listen", path);
	if (new == NULL)
		ctl_die(EX_DATAERR, "%s: it cannot be quoted in %s", path,
		    setup->ctl->file);
	setup_plan_add(plan, setup->ctl->file, "milter { listen }", has, path,
	    "the default is for a Postfix in its chroot");
	setup_plan_file(plan, setup->ctl->file, old, new);
	return path;
}

const char *
setup_sendmail_socket(struct setup *setup, const char *listen)
{
	const char	*colon;

	if (strncmp(listen, "unix:", 5) == 0)
		return listen;
	if (strncmp(listen, "inet:", 5) == 0)
		listen += 5;
	colon = strrchr(listen, ':');
	return colon == NULL ? listen : pool_printf(&setup->pool,
	    "%s:%s@%.*s", *listen == '[' ? "inet6" : "inet", colon + 1,
	    (int)(colon - listen), listen);
}

/*
 * sendmail.mc
 */

/* What becomes of mail while it is away: 451, or 421. */
static bool
defers(struct pool *pool, const char *equates)
{
	const char	*flags = mc_equate(pool, equates, 'F');

	return flags != NULL && (strcmp(flags, "T") == 0 ||
	    strcmp(flags, "4") == 0);
}

static const char *
plan_mc(struct setup *setup, struct setup_plan *plan, const char *socket)
{
	const char		*path = setup_sendmail_file(setup,
				    "sendmail.mc");
	const char		*old = setup_read(setup, path), *new;
	struct pool		*pool = &setup->pool;
	struct mc_filter	 filter = { SETUP_SENDMAIL_NAME, "" }, is;
	bool			 has;

	has = mc_find(pool, old, SETUP_SENDMAIL_NAME, socket, &is);
	if (has)
		filter = is;
	filter.equates = mc_equate_set(pool, filter.equates, 'S', socket);
	if (!defers(pool, filter.equates))
		filter.equates = mc_equate_set(pool, filter.equates, 'F', "T");
	new = has && strcmp(filter.equates, is.equates) == 0 ? old :
	    mc_put(pool, old, &filter);
	if (strcmp(old, new) == 0)
		return old;
	setup_plan_add(plan, path, pool_printf(pool, "filter %s", filter.name),
	    !has ? NULL : pool_printf(pool, "`%s', `%s'", is.name, is.equates),
	    pool_printf(pool, "`%s', `%s'", filter.name, filter.equates),
	    "Sendmail asks it first, in front of its other filters, and while "
	    "it is away mail is deferred (F=T)");
	setup_plan_file(plan, path, old, new);
	return new;
}

/*
 * sendmail.cf
 */

/* What m4 makes of that text. */
static const char *
run_m4(struct setup *setup, const char *text)
{
	char		 path[] = "/tmp/xcontext-setup.XXXXXX";
	const char	*argv[] = { "m4", "-I", setup->directory, path, NULL };
	const char	*out = NULL;
	struct err	 err = { "" };
	int		 fd = mkstemp(path);
	size_t		 n = strlen(text);

	if (fd == -1)
		ctl_die(EX_CANTCREAT, "%s: %s", path, strerror(errno));
	if (write(fd, text, n) != (ssize_t)n || close(fd) == -1)
		(void)err_set(&err, "%s: %s", path, strerror(errno));
	else if (!run_has(&setup->pool, "m4"))
		(void)err_set(&err, "there is no m4");
	else if (run_program(&setup->pool, argv, &out, NULL, &err) != 0)
		out = NULL;
	(void)unlink(path);
	if (out == NULL)
		ctl_die(EX_UNAVAILABLE, "sendmail.cf cannot be made (%s); "
		    "nothing was changed", err.text);
	return out;
}

/* Beside the filter, it must be what is there. */
static void
check_cf(struct setup *setup, const char *old, const char *new)
{
	const char	*line;

	if (setup->ctl->option[SETUP_FORCE] == NULL &&
	    !mc_cf_same(&setup->pool, new, old, SETUP_SENDMAIL_NAME, &line))
		ctl_die(EX_DATAERR, "%s/sendmail.cf is not what m4 makes of "
		    "sendmail.mc, and what differs would be lost, beginning "
		    "with \"%s\"; put that into sendmail.mc, or give --force",
		    setup->directory, line);
}

static void
plan_cf(struct setup *setup, struct setup_plan *plan, const char *mc)
{
	const char	*path = setup_sendmail_file(setup, "sendmail.cf");
	const char	*old = setup_read(setup, path), *new, *line;
	struct pool	*pool = &setup->pool;

	if (setup->ctl->option[SETUP_REBUILD] == NULL)
		return;
	new = run_m4(setup, mc);
	if (mc_cf_same(pool, old, new, "", &line))
		return;
	check_cf(setup, old, new);
	setup_plan_add(plan, path, "made by m4", NULL, line,
	    "Sendmail reads this, and not sendmail.mc");
	setup_plan_file(plan, path, old, new);
}

/*
 * The subject "sendmail"
 */

static const char *
rebuild_line(struct setup *setup)
{
	const char	*dir = setup->directory;

	return strcmp(dir, DIRECTORY) == 0 &&
	    run_has(&setup->pool, "sendmailconfig") ? "sendmailconfig" :
	    pool_printf(&setup->pool, "m4 -I %s %s/sendmail.mc > %s/"
	    "sendmail.cf.new && mv %s/sendmail.cf.new %s/sendmail.cf", dir,
	    dir, dir, dir, dir);
}

static void
plan_next(struct setup *setup, struct setup_plan *plan)
{
	if (json_array_size(plan->steps) == 0)
		return;
	setup_plan_next(plan, "systemctl enable xcontext-milter");
	setup_plan_next(plan, "systemctl restart xcontext-milter");
	if (setup->ctl->option[SETUP_REBUILD] == NULL)
		setup_plan_next(plan, rebuild_line(setup));
	setup_plan_next(plan, "systemctl restart sendmail");
	setup_plan_next(plan, "xcontext setup sendmail --check");
}

static void
plan(struct setup *setup, struct setup_plan *made)
{
	const char	*listen, *open;

	setup_plan_user(setup, made);
	listen = plan_listen(setup, made);
	open = setup_path(listen) == NULL ? NULL : setup_sendmail_open(setup,
	    setup_path(listen));
	if (open != NULL)
		ctl_die(EX_CONFIG, "%s: others than its owner may write to it, "
		    "and Sendmail uses no socket below it; set milter { "
		    "listen } in %s, or chmod go-w %s", open,
		    setup->ctl->file, open);
	setup_plan_directory(setup, made, listen, "root", "the socket is "
	    "there; Sendmail reaches it, and nobody else does");
	plan_cf(setup, made, plan_mc(setup, made, setup_sendmail_socket(setup,
	    listen)));
	plan_next(setup, made);
}

/* There is nobody to ask: what it reads is what was written. */
static int
verify(struct setup *setup, struct err *err)
{
	(void)setup;
	(void)err;
	return 0;
}

/* One that was made by hand has the filter still. */
static const char *
undone(struct setup *setup)
{
	const char		*cf = setup_read(setup, setup_sendmail_file(
				    setup, "sendmail.cf"));
	struct mc_filter	 filter;

	return !mc_cf_find(&setup->pool, cf, SETUP_SENDMAIL_NAME, "",
	    &filter) ? "systemctl restart sendmail" : pool_printf(
	    &setup->pool, "%s\n\tsystemctl restart sendmail",
	    rebuild_line(setup));
}

static int
check(struct setup *setup)
{
	struct setup_check	 found = { setup, output_new_array(), 0, "" };
	int			 status;

	read_one(setup);
	setup_sendmail_look(&found);
	status = setup_check_print(&found);
	json_decref(found.findings);
	return status;
}

const struct setup_subject	 setup_sendmail = {
	.name = "sendmail",
	.journal = "sendmail-",
	.read = read_one,
	.locate = locate,
	.plan = plan,
	.verify = verify,
	.reload = verify,
	.undone = undone,
	.check = check
};
