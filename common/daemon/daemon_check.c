/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * daemon_check: see daemon_check.h.
 */
#include "daemon/daemon_check.h"

#include <sys/wait.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/privdrop.h"

int
daemon_check_names(const struct conf *conf, struct err *err)
{
	const struct passwd	*pw;

	if (*conf->socket_group != '\0' &&
	    getgrnam(conf->socket_group) == NULL)
		return err_set_at(err, conf->file, 0, "socket_group: there is "
		    "no group \"%s\"", conf->socket_group);
	if (*conf->user == '\0')
		return 0;
	pw = getpwnam(conf->user);
	if (pw == NULL)
		return err_set_at(err, conf->file, 0, "user: there is no user "
		    "\"%s\"", conf->user);
	if (pw->pw_uid == 0)
		return err_set_at(err, conf->file, 0, "user: \"%s\" is root; "
		    "to keep the user, say \"\"", conf->user);
	return 0;
}

/* In a process of its own: there is no way back. */
static _Noreturn void
load_as_user(const char *file, const char *user)
{
	struct conf	*conf = NULL;
	struct err	 err;

	if (privdrop(user, &err) == 0)
		conf = conf_load(file, &err);
	if (conf == NULL)
		fprintf(stderr, "as user \"%s\", as at SIGHUP: %s\n", user,
		    err.text);
	_exit(conf == NULL ? EX_CONFIG : EX_OK);
}

bool
daemon_check_user(const struct conf *conf, const char *file)
{
	pid_t	 pid;
	int	 status;

	if (*conf->user == '\0' || geteuid() != 0)
		return true;
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		load_as_user(file, conf->user);
	if (pid == -1 || waitpid(pid, &status, 0) != pid) {
		fprintf(stderr, "cannot check as user \"%s\": %s\n",
		    conf->user, strerror(errno));
		return false;
	}
	return status == 0;
}
