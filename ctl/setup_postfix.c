/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_postfix: see setup_postfix.h.
 */
#include "setup_postfix.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "run.h"
#include "setup_journal.h"
#include "setup_wiring.h"

const char *
setup_postfix_socket(struct setup *setup, const char *listen)
{
	const char	*queue = setup->pf.queue_directory;
	const char	*path = setup_path(listen);
	size_t		 n = strlen(queue);

	if (path == NULL)
		return strncmp(listen, "inet:", 5) == 0 ? listen :
		    pool_printf(&setup->pool, "inet:%s", listen);
	if (strncmp(path, queue, n) == 0 && path[n] == '/')
		return pool_printf(&setup->pool, "unix:%s", path + n + 1);
	return listen;
}

const char *
setup_postfix_opened(struct setup *setup, bool is_chrooted, struct span socket)
{
	const char	*queue = setup->pf.queue_directory;
	int		 n = (int)socket.n - 5;

	if (!span_begins(socket, "unix:") || n < 1)
		return NULL;
	if (socket.p[5] == '/')
		return pool_printf(&setup->pool, "%s%.*s", is_chrooted ?
		    queue : "", n, socket.p + 5);
	return pool_printf(&setup->pool, "%s/%.*s", queue, n, socket.p + 5);
}

static void
read_instance(struct setup *setup, const char *directory)
{
	struct err	 err;

	if (postfix_read(&setup->pool, directory, &setup->pf, &err) != 0)
		ctl_die(EX_UNAVAILABLE, "%s", err.text);
	setup->directory = setup->pf.config_directory;
}

/* The directories that the options mean: one, or those of all instances. */
static struct postfix_instance *
choose(struct setup *setup, size_t *n_r)
{
	const char			*name, *directory;
	struct postfix_instance		*list;
	struct err			 err;
	size_t				 i, n;

	name = setup->ctl->option[SETUP_INSTANCE];
	directory = setup->ctl->option[SETUP_DIRECTORY];
	*n_r = 1;
	if (directory != NULL) {
		list = pool_alloc(&setup->pool, sizeof *list);
		*list = (struct postfix_instance){ "-", directory };
		return list;
	}
	if (postfix_instances(&setup->pool, &list, &n, &err) != 0)
		ctl_die(EX_UNAVAILABLE, "%s", err.text);
	*n_r = n;
	if (name == NULL)
		return list;
	*n_r = 1;
	for (i = 0; i < n; i++)
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	ctl_die(EX_USAGE, "Postfix has no instance \"%s\"; postmulti -l lists "
	    "them", name);
}

static bool
has_listener(const struct postfix *pf)
{
	size_t	 i;

	for (i = 0; i < pf->n_services; i++)
		if (postfix_service_is_smtpd(&pf->services[i]))
			return true;
	return false;
}

void
setup_postfix_read(struct setup *setup)
{
	struct postfix_instance	*list;
	const char		*names = "", *only = NULL;
	size_t			 n, i, n_listening = 0;

	list = choose(setup, &n);
	for (i = 0; n > 1 && i < n; i++) {
		read_instance(setup, list[i].directory);
		if (!has_listener(&setup->pf))
			continue;
		n_listening++;
		only = list[i].directory;
		names = pool_printf(&setup->pool, "%s%s%s", names,
		    *names == '\0' ? "" : ", ", list[i].name);
	}
	if (n_listening > 1)
		ctl_die(EX_USAGE, "several instances of Postfix take mail "
		    "(%s): say which with --instance", names);
	read_instance(setup, only == NULL ? list[0].directory : only);
}

/* Files that postconf cannot read can be put back, too. */
void
setup_postfix_locate(struct setup *setup)
{
	struct postfix_instance	*list;
	struct err		 err;
	size_t			 n, i;
	unsigned		 n_changed = 0;
	struct postfix		 changed = { .config_directory = NULL };

	list = choose(setup, &n);
	for (i = 0; i < n; i++) {
		if (postfix_locate(&setup->pool, list[i].directory,
		    &setup->pf, &err) != 0)
			ctl_die(EX_UNAVAILABLE, "%s", err.text);
		setup->directory = setup->pf.config_directory;
		if (setup_journal_exists(setup)) {
			changed = setup->pf;
			n_changed++;
		}
	}
	if (n_changed > 1)
		ctl_die(EX_USAGE, "several instances of Postfix were changed: "
		    "say which with --instance");
	if (n_changed == 1)
		setup->pf = changed;
	setup->directory = setup->pf.config_directory;
}

int
setup_postfix_command(struct setup *setup, const char *command,
    struct err *err)
{
	const char	*dir = setup->pf.command_directory;
	const char	*argv[] = { pool_printf(&setup->pool, "%s%spostfix",
			    dir, *dir == '\0' ? "" : "/"), "-c",
			    setup->pf.config_directory, command, NULL };
	const char	*out;

	return run_program(&setup->pool, argv, &out, NULL, err);
}

int
setup_postfix_verify(struct setup *setup, struct err *err)
{
	const char	*dir = setup->pf.config_directory;

	if (postfix_read(&setup->pool, dir, &setup->pf, err) != 0)
		return -1;
	setup->directory = setup->pf.config_directory;
	return setup_postfix_command(setup, "check", err);
}

int
setup_postfix_check(struct setup *setup, setup_postfix_fn *fn,
    const char *none, const char *cost)
{
	struct setup_check	 check = { setup, output_new_array(), 0, "" };
	struct postfix_instance	*list;
	size_t			 n, i;
	int			 status;

	list = choose(setup, &n);
	for (i = 0; i < n; i++) {
		read_instance(setup, list[i].directory);
		fn(&check);
	}
	if (check.n_wired == 0)
		setup_check_add(&check, SETUP_CHECK_ERROR, "master.cf", none,
		    cost, pool_printf(&setup->pool, "xcontext setup %s --plan",
		    setup->subject->name));
	status = setup_check_print(&check);
	json_decref(check.findings);
	return status;
}

/*
 * The subject "postfix"
 */

static int
check(struct setup *setup)
{
	return setup_postfix_check(setup, setup_check_instance,
	    "no smtpd asks xcontext's tables", "nothing is judged, and who is "
	    "in smtpd_authorized_xclient_hosts may say anything");
}

static int
reload(struct setup *setup, struct err *err)
{
	return setup_postfix_command(setup, "reload", err);
}

static const char *
undone(struct setup *setup)
{
	return pool_printf(&setup->pool, "postfix -c %s reload",
	    setup->pf.config_directory);
}

const struct setup_subject	 setup_postfix = {
	.name = "postfix",
	.read = setup_postfix_read,
	.locate = setup_postfix_locate,
	.plan = setup_wiring_plan,
	.verify = setup_postfix_verify,
	.reload = reload,
	.undone = undone,
	.check = check
};
