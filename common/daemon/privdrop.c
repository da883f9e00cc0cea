/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * privdrop: becomes an unprivileged user for good, and proves it.
 *
 * A process that was started as that user already (a service manager did it)
 * has nothing to drop but must pass the same proof.
 */
#include "daemon/privdrop.h"

#include <sys/types.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static int
drop(const char *user, uid_t uid, gid_t gid, struct err *err)
{
	if (setgroups(0, NULL) == -1)
		return err_set(err, "setgroups for user %s: %s", user,
		    strerror(errno));
	if (setresgid(gid, gid, gid) == -1)
		return err_set(err, "setresgid for user %s: %s", user,
		    strerror(errno));
	if (setresuid(uid, uid, uid) == -1)
		return err_set(err, "setresuid for user %s: %s", user,
		    strerror(errno));
	return 0;
}

static bool
ids_are(uid_t uid, gid_t gid)
{
	uid_t	 ruid, euid, suid;
	gid_t	 rgid, egid, sgid;

	return getresuid(&ruid, &euid, &suid) == 0 &&
	    getresgid(&rgid, &egid, &sgid) == 0 &&
	    ruid == uid && euid == uid && suid == uid &&
	    rgid == gid && egid == gid && sgid == gid;
}

/* What must fail now; each success means that the drop was none. */
static int
prove(const char *user, uid_t uid, gid_t gid, uid_t old_uid, gid_t old_gid,
    struct err *err)
{
	if (!ids_are(uid, gid))
		return err_set(err, "user %s: the ids are not all the "
		    "user's", user);
	if (setuid(0) == 0 || seteuid(0) == 0 ||
	    setresuid((uid_t)-1, (uid_t)-1, 0) == 0)
		return err_set(err, "user %s: root could be had back", user);
	if (old_uid != uid && setresuid(old_uid, old_uid, old_uid) == 0)
		return err_set(err, "user %s: uid %u could be had back", user,
		    (unsigned)old_uid);
	if (gid != 0 && (setgid(0) == 0 || setegid(0) == 0))
		return err_set(err, "user %s: group 0 could be had back",
		    user);
	if (old_gid != gid && setresgid(old_gid, old_gid, old_gid) == 0)
		return err_set(err, "user %s: gid %u could be had back", user,
		    (unsigned)old_gid);
	if (!ids_are(uid, gid))
		return err_set(err, "user %s: the ids do not stay", user);
	return 0;
}

int
privdrop(const char *user, struct err *err)
{
	const struct passwd	*pw;
	uid_t			 old_uid = geteuid(), uid;
	gid_t			 old_gid = getegid(), gid;

	if (user == NULL || *user == '\0')
		return 0;
	errno = 0;
	pw = getpwnam(user);
	if (pw == NULL)
		return err_set(err, "user \"%s\": %s", user, errno == 0 ?
		    "there is none of that name" : strerror(errno));
	uid = pw->pw_uid;
	gid = pw->pw_gid;
	if (uid == 0)
		return err_set(err, "user \"%s\" is root; to keep the user, "
		    "set user = \"\"", user);
	if (old_uid == 0) {
		if (drop(user, uid, gid, err) == -1)
			return -1;
	} else if (!ids_are(uid, gid)) {
		return err_set(err, "only root can become user \"%s\"", user);
	}
	return prove(user, uid, gid, old_uid, old_gid, err);
}
