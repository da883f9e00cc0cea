/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_check_socket: the part of setup_check.h about the sockets.  Modes,
 * groups, access lists, chroots and allowed_users are not reasoned about: it is
 * tried, by a process that is what a smtpd is.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "setup_check.h"
#include "setup_postfix.h"

#define SECONDS	5			/* for an answer */

/* In a chroot there is nobody to ask who a user is. */
static bool
become(const struct setup_check *check, bool is_chrooted, int *error_r)
{
	const struct postfix	*pf = &check->setup->pf;
	const struct passwd	*owner = getpwnam(pf->mail_owner);
	bool			 is_done;

	*error_r = ENOENT;
	if (owner == NULL)
		return false;
	is_done = chdir(pf->queue_directory) == 0 && (geteuid() != 0 ||
	    (initgroups(pf->mail_owner, owner->pw_gid) == 0 &&
	    (!is_chrooted || (chroot(".") == 0 && chdir("/") == 0)) &&
	    setgid(owner->pw_gid) == 0 && setuid(owner->pw_uid) == 0));
	*error_r = is_done ? 0 : errno;
	return is_done;
}

struct trial {
	const struct setup_check	*check;
	const char			*path;
	enum knock_question		 question;
	bool				 is_chrooted;
};

/* A knock_fn. */
static struct knock_answer
try(const void *arg)
{
	const struct trial	*trial = arg;
	struct knock_answer	 answer = { KNOCK_NOT_TRIED, 0, "" };

	if (become(trial->check, trial->is_chrooted, &answer.error))
		answer = knock(pool_printf(&trial->check->setup->pool,
		    "unix:%s", trial->path), trial->question, SECONDS);
	return answer;
}

/* What to do about it. */
static const char *
fix(const struct setup_check *check, const struct knock_answer *answer,
    enum knock_question question)
{
	const char	*daemon = question == KNOCK_MILTER ?
			    "xcontext-milter" : "xcontext-policy";
	const char	*owner = check->setup->pf.mail_owner;
	struct pool	*pool = &check->setup->pool;

	if (answer->stage == KNOCK_NOT_ANSWERED)
		return pool_printf(pool, "is %s in allowed_users of %s?  The "
		    "log of %s says more", owner, check->setup->ctl->file,
		    daemon);
	if (answer->error == EACCES)
		return pool_printf(pool, "the directory must be %s's by its "
		    "group, mode 2750: systemd-tmpfiles --create "
		    "xcontext-postfix.conf, and restart %s", owner, daemon);
	return pool_printf(pool, "systemctl start %s; its socket must be the "
	    "one that %s names", daemon, check->setup->ctl->file);
}

static const char *
cost(enum knock_question question)
{
	switch (question) {
	case KNOCK_MAPS:
		return "sessions that ask end with 421 at EHLO or XCLIENT";
	case KNOCK_POLICY:
		return "451 at RCPT, or, with default_action=DUNNO, mail that "
		    "should be refused passes";
	case KNOCK_GREETING:
	case KNOCK_NOTHING:
		break;
	case KNOCK_MILTER:
		return "what milter_default_action says: 421, 451, or no "
		    "enforcement";
	}
	return "";
}

static const char *
problem(const struct setup_check *check, bool is_chrooted,
    const struct knock_answer *answer)
{
	struct pool	*pool = &check->setup->pool;
	const char	*why = knock_error_text(answer);

	return pool_printf(pool, "%s by %s%s%s%s%s", knock_stage_text(answer),
	    check->setup->pf.mail_owner, is_chrooted ? ", who is in a chroot "
	    "in " : "", is_chrooted ? check->setup->pf.queue_directory : "",
	    *why == '\0' ? "" : ": ", why);
}

/* True if it was asked about before. */
static bool
was_asked(struct setup_check *check, const char *key)
{
	if (strstr(check->asked, key) != NULL)
		return true;
	check->asked = pool_printf(&check->setup->pool, "%s%s", check->asked,
	    key);
	return false;
}

static void
add(struct setup_check *check, bool is_chrooted, const char *path,
    const struct knock_answer *answer, enum knock_question question)
{
	const char	*where = pool_printf(&check->setup->pool,
			    "socket unix:%s", path);

	if (answer->stage != KNOCK_IS_WELL)
		setup_check_add(check, SETUP_CHECK_ERROR, where,
		    problem(check, is_chrooted, answer), cost(question),
		    fix(check, answer, question));
	else if (*answer->said != '\0')
		setup_check_add(check, SETUP_CHECK_ERROR, where,
		    pool_printf(&check->setup->pool, "a lookup fails: %s",
		    answer->said), "451 or 421 for messengers",
		    "xcontext-policy -t, and its log");
}

void
setup_check_socket(struct setup_check *check, bool is_chrooted,
    struct span socket, enum knock_question question)
{
	struct setup	*setup = check->setup;
	const char	*path;
	struct knock_answer	 answer;

	if (!span_begins(socket, "unix:"))
		return;			/* the wiring's names are others */
	path = pool_printf(&setup->pool, "%.*s", (int)socket.n - 5,
	    socket.p + 5);
	if (was_asked(check, pool_printf(&setup->pool, "%s %d %s\n",
	    setup->pf.config_directory, is_chrooted, path)))
		return;
	answer = knock_apart(try, &(const struct trial){ check,
	    geteuid() == 0 ? path : setup_postfix_opened(setup, is_chrooted,
	    socket), question, is_chrooted });
	add(check, is_chrooted, path, &answer, question);
}
