/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * rundir: works on a descriptor, so that what is checked is what is used.
 */
#include "daemon/rundir.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static int
give_to(int fd, const char *path, const char *user, struct err *err)
{
	struct passwd	*pw;

	if (user == NULL || user[0] == '\0' || geteuid() != 0)
		return 0;
	pw = getpwnam(user);
	if (pw == NULL)
		return err_set(err, "user = \"%s\": no such user", user);
	if (fchown(fd, pw->pw_uid, pw->pw_gid) != 0)
		return err_set(err, "cannot give %s to %s: %s", path, user,
		    strerror(errno));
	return 0;
}

int
rundir_make(const char *path, mode_t mode, const char *user,
    struct err *err)
{
	struct stat	 st;
	int		 fd, rc;
	bool		 is_new;

	is_new = mkdir(path, mode) == 0;
	if (!is_new && errno != EEXIST)
		return err_set(err, "cannot make directory %s: %s", path,
		    strerror(errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return err_set(err, "cannot open directory %s: %s", path,
		    strerror(errno));
	if (fstat(fd, &st) != 0 || (is_new && fchmod(fd, mode) != 0))
		rc = err_set(err, "cannot examine %s: %s", path,
		    strerror(errno));
	else if (st.st_mode & S_IWOTH)
		rc = err_set(err, "directory %s is writable for everybody",
		    path);
	else
		rc = give_to(fd, path, user, err);
	(void)close(fd);
	return rc;
}
