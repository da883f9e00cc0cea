/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup: attaches xcontext to a Postfix, looks whether it is attached well, and
 * takes it off again.
 */
#include "setup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/in_force.h"
#include "setup_apply.h"
#include "setup_check.h"
#include "setup_journal.h"
#include "setup_plan.h"
#include "verb.h"

#define FILE_MAX	(1024 * 1024)

const char *
setup_path(const char *listen)
{
	return strncmp(listen, "unix:/", 6) == 0 ? listen + 5 : NULL;
}

const char *
setup_socket(struct setup *setup, const char *listen)
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
setup_opened(struct setup *setup, bool is_chrooted, struct span socket)
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

const char *
setup_read(struct setup *setup, const char *path)
{
	char	*text = pool_alloc(&setup->pool, FILE_MAX + 1);
	size_t	 n = 0;
	ssize_t	 got = 0;
	int	 fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		ctl_die(EX_NOINPUT, "%s: %s", path, strerror(errno));
	while (n < FILE_MAX &&
	    (got = read(fd, text + n, FILE_MAX - n)) > 0)
		n += (size_t)got;
	(void)close(fd);
	if (got == -1)
		ctl_die(EX_IOERR, "%s: %s", path, strerror(errno));
	if (n == FILE_MAX || memchr(text, '\0', n) != NULL)
		ctl_die(EX_DATAERR, "%s: it is longer than %d bytes, or no "
		    "text", path, FILE_MAX - 1);
	return text;
}

static void
read_instance(struct setup *setup, const char *directory)
{
	struct err	 err;

	if (postfix_read(&setup->pool, directory, &setup->pf, &err) != 0)
		ctl_die(EX_UNAVAILABLE, "%s", err.text);
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

/*
 * --check
 */

#define NOT_WIRED	"no smtpd asks xcontext's tables"

static int
check(struct setup *setup)
{
	struct setup_check	 check = { setup, output_new_array(), 0, "" };
	struct postfix_instance	*list;
	size_t			 n, i;
	int			 status;

	list = choose(setup, &n);
	for (i = 0; i < n; i++) {
		read_instance(setup, list[i].directory);
		setup_check_instance(&check);
	}
	if (check.n_wired == 0)
		setup_check_add(&check, SETUP_CHECK_ERROR, "master.cf",
		    NOT_WIRED, "nothing is judged, and who is in "
		    "smtpd_authorized_xclient_hosts may say anything",
		    "xcontext setup postfix --plan");
	status = setup_check_print(&check);
	json_decref(check.findings);
	return status;
}

/*
 * --plan, --apply, --undo
 */

static bool
has_listener(const struct postfix *pf)
{
	size_t	 i;

	for (i = 0; i < pf->n_services; i++)
		if (postfix_service_is_smtpd(&pf->services[i]))
			return true;
	return false;
}

/* The one that is meant, or else the only one that takes mail by SMTP. */
static void
read_one(struct setup *setup)
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

/* The one that was changed: files that postconf cannot read can be put back,
 * too. */
static void
locate_one(struct setup *setup)
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
}

static int
show_plan(struct setup *setup)
{
	struct setup_plan	 plan;

	setup_plan_make(setup, &plan);
	setup_plan_print(setup, &plan);
	setup_plan_clear(&plan);
	return CTL_YES;
}

/*
 * The verb
 */

static void
check_usage(struct ctl *ctl)
{
	int	 i, n = 0;

	if (strcmp(ctl->args[0], "postfix") != 0)
		ctl_die(EX_USAGE, "\"%s\" cannot be set up; expected "
		    "\"postfix\"", ctl->args[0]);
	for (i = SETUP_PLAN; i <= SETUP_UNDO; i++)
		n += ctl->option[i] != NULL;
	if (n != 1)
		ctl_die(EX_USAGE, "setup: expected one of --plan, --apply, "
		    "--check and --undo");
	if (ctl->option[SETUP_DIRECTORY] != NULL &&
	    ctl->option[SETUP_INSTANCE] != NULL)
		ctl_die(EX_USAGE, "setup: expected --instance or "
		    "--config-directory, not both");
}

/* What a change puts into a file on trial would go with it. */
static void
check_trial(struct ctl *ctl)
{
	if (ctl->option[SETUP_APPLY] == NULL &&
	    ctl->option[SETUP_UNDO] == NULL)
		return;
	in_force_put_back(ctl->file);
	if (ctl_conf(ctl)->trial.until_ms != 0)
		ctl_die(CTL_NO, "nothing was changed: %s is on trial; xcontext "
		    "confirm keeps it", ctl->file);
}

int
setup_run(struct ctl *ctl)
{
	struct setup	 setup = { .ctl = ctl };
	int		 status;

	check_usage(ctl);
	check_trial(ctl);
	setup.conf = ctl_conf(ctl);
	if (ctl->option[SETUP_CHECK] != NULL) {
		status = check(&setup);
	} else if (ctl->option[SETUP_UNDO] != NULL) {
		locate_one(&setup);
		status = setup_apply_undo(&setup);
	} else {
		read_one(&setup);
		status = ctl->option[SETUP_PLAN] != NULL ? show_plan(&setup) :
		    setup_apply(&setup);
	}
	pool_clear(&setup.pool);
	return status;
}
