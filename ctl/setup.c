/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup: attaches xcontext to a mail server, looks whether it is attached well,
 * and takes it off again.  What that means at which server is its subject's.
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
#include "setup_plan.h"
#include "setup_postfix.h"
#include "setup_relay.h"
#include "setup_sendmail.h"
#include "verb.h"

#define FILE_MAX	(1024 * 1024)

const char *
setup_path(const char *listen)
{
	return strncmp(listen, "unix:/", 6) == 0 ? listen + 5 : NULL;
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

static const struct setup_subject	*const subjects[] = {
	&setup_postfix, &setup_relay, &setup_sendmail
};

static const struct setup_subject *
find_subject(const char *name)
{
	size_t	 i;

	for (i = 0; i < sizeof subjects / sizeof subjects[0]; i++)
		if (strcmp(subjects[i]->name, name) == 0)
			return subjects[i];
	ctl_die(EX_USAGE, "\"%s\" cannot be set up; expected \"postfix\", "
	    "\"relay\" or \"sendmail\"", name);
}

static void
check_usage(struct ctl *ctl)
{
	int	 i, n = 0;

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
	struct setup	 setup = { .ctl = ctl,
			    .subject = find_subject(ctl->args[0]) };
	int		 status;

	check_usage(ctl);
	check_trial(ctl);
	setup.conf = ctl_conf(ctl);
	if (ctl->option[SETUP_CHECK] != NULL) {
		status = setup.subject->check(&setup);
	} else if (ctl->option[SETUP_UNDO] != NULL) {
		setup.subject->locate(&setup);
		status = setup_apply_undo(&setup);
	} else {
		setup.subject->read(&setup);
		status = ctl->option[SETUP_PLAN] != NULL ? show_plan(&setup) :
		    setup_apply(&setup);
	}
	pool_clear(&setup.pool);
	return status;
}
