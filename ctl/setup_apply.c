/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_apply: see setup_apply.h.
 */
#include "setup_apply.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "run.h"
#include "setup_journal.h"
#include "setup_plan.h"

static void
check_root(const char *what)
{
	if (geteuid() != 0)
		ctl_die(EX_NOPERM, "%s needs root", what);
}

/*
 * What stays when it is undone
 */

static void
make_user(struct setup *setup, const char *user)
{
	const char	*argv[] = { "systemd-sysusers", "xcontext.conf", NULL };
	const char	*out;
	struct err	 err;

	if (!run_has(&setup->pool, argv[0]))
		(void)err_set(&err, "there is no systemd-sysusers");
	else if (run_program(&setup->pool, argv, &out, NULL, &err) == 0) {
		if (getpwnam(user) != NULL)
			return;
		(void)err_set(&err, "sysusers.d/xcontext.conf names another "
		    "user");
	}
	ctl_die(EX_UNAVAILABLE, "the user \"%s\" cannot be made (%s); nothing "
	    "was changed.  Make it, and try again: useradd --system "
	    "--home-dir /run/xcontext --shell /usr/sbin/nologin %s", user,
	    err.text, user);
}

static void
make_directory(const struct setup_directory *directory)
{
	const struct passwd	*user;
	const struct group	*group;
	uid_t			 uid = (uid_t)-1;
	gid_t			 gid = (gid_t)-1;

	user = *directory->user == '\0' ? NULL : getpwnam(directory->user);
	if (user != NULL)
		uid = user->pw_uid;
	group = *directory->group == '\0' ? NULL : getgrnam(directory->group);
	if (group != NULL)
		gid = group->gr_gid;
	if (mkdir(directory->path, 0700) == -1 ||
	    chown(directory->path, uid, gid) == -1 ||
	    chmod(directory->path, 02750) == -1)
		ctl_die(EX_CANTCREAT, "%s: %s; no file was changed",
		    directory->path, strerror(errno));
}

/*
 * The journal
 */

/* What a change is undone to: what was there before the first of ours, unless
 * somebody else has changed the file since. */
static void
take_former(const struct setup_journal *former, const char *now,
    struct setup_journal_file *file)
{
	const struct setup_journal_file	*f;
	size_t				 i;

	for (i = 0; i < former->n_files; i++) {
		f = &former->files[i];
		if (strcmp(f->path, file->path) != 0 ||
		    (strcmp(f->old, now) != 0 && strcmp(f->new, now) != 0))
			continue;
		file->old = f->old;
		file->mode = f->mode;
		file->uid = f->uid;
		file->gid = f->gid;
	}
}

static void
add_file(const struct setup_journal *former, const struct setup_file *change,
    struct setup_journal *journal)
{
	struct setup_journal_file	*file;
	struct stat			 st;

	if (stat(change->path, &st) == -1)
		ctl_die(EX_NOINPUT, "%s: %s", change->path, strerror(errno));
	file = &journal->files[journal->n_files++];
	*file = (struct setup_journal_file){ .path = change->path,
	    .old = change->old, .new = change->new,
	    .mode = st.st_mode & 07777, .uid = st.st_uid,
	    .gid = st.st_gid };
	take_former(former, change->old, file);
}

static bool
has_file(const struct setup_journal *journal, const char *path)
{
	size_t	 i;

	for (i = 0; i < journal->n_files; i++)
		if (strcmp(journal->files[i].path, path) == 0)
			return true;
	return false;
}

/* Of the plan, and of what was changed before and is not in this one. */
static void
write_journal(struct setup *setup, const struct setup_plan *plan,
    const struct setup_journal *former, struct setup_journal *journal_r)
{
	size_t	 i;

	*journal_r = (struct setup_journal){ former->generation };
	for (i = 0; i < plan->n_files; i++)
		add_file(former, &plan->files[i], journal_r);
	for (i = 0; i < former->n_files; i++)
		if (!has_file(journal_r, former->files[i].path) &&
		    journal_r->n_files < SETUP_FILES)
			journal_r->files[journal_r->n_files++] =
			    former->files[i];
	setup_journal_write(setup, journal_r);
}

/*
 * Putting back
 */

/* NULL: there is no such file. */
static const char *
text_now(struct setup *setup, const char *path)
{
	return access(path, F_OK) == -1 && errno == ENOENT ? NULL :
	    setup_read(setup, path);
}

static void
put_back(struct setup *setup, const struct setup_journal_file *file)
{
	const char	*now = text_now(setup, file->path);
	struct err	 err;

	(void)unlink(setup_journal_beside(setup, file->path));
	if (now != NULL && strcmp(now, file->old) == 0)
		return;
	if (setup_journal_replace(setup, file, file->old, &err) != 0)
		ctl_die(EX_CANTCREAT, "%s; not all is as it was: mend that, "
		    "and --undo again", err.text);
}

/* What one run has changed, and with it the journal that was there before. */
static void
take_back(struct setup *setup, const struct setup_plan *plan,
    const struct setup_journal *journal, struct setup_journal *former)
{
	struct setup_journal_file	 before;
	size_t				 i;

	for (i = plan->n_files; i-- > 0;) {
		before = journal->files[i];
		before.old = plan->files[i].old;
		put_back(setup, &before);
	}
	if (former->generation == 0) {
		setup_journal_remove(setup);
		return;
	}
	former->generation = journal->generation;
	setup_journal_write(setup, former);
}

static void
put_all_back(struct setup *setup, const struct setup_journal *journal)
{
	size_t	 i;

	for (i = journal->n_files; i-- > 0;)
		put_back(setup, &journal->files[i]);
	setup_journal_remove(setup);
}

/*
 * --apply
 */

/* What the file says by now. */
static int
load_again(struct setup *setup, struct err *err)
{
	struct conf	*conf = conf_load(setup->ctl->file, err);

	if (conf == NULL)
		return -1;
	conf_unref(setup->ctl->conf);
	setup->ctl->conf = conf;
	setup->conf = conf;
	return 0;
}

/* The server takes it, and reads it as it was meant: nothing is left to do. */
static int
verify(struct setup *setup, struct err *err)
{
	struct setup_plan	 again;
	size_t			 n;

	if (load_again(setup, err) != 0 ||
	    setup->subject->verify(setup, err) != 0)
		return -1;
	setup_plan_make(setup, &again);
	n = json_array_size(again.steps);
	setup_plan_clear(&again);
	return n == 0 ? 0 : err_set(err, "%s: it is not read as it was meant",
	    setup->directory);
}

static int
change(struct setup *setup, const struct setup_plan *plan,
    const struct setup_journal *journal, struct err *err)
{
	struct setup_journal_file	 now;
	struct stat			 st;
	size_t				 i;

	for (i = 0; i < plan->n_files; i++) {
		now = journal->files[i];
		if (stat(now.path, &st) == 0) {
			now.mode = st.st_mode & 07777;
			now.uid = st.st_uid;
			now.gid = st.st_gid;
		}
		if (setup_journal_replace(setup, &now, now.new, err) != 0)
			return -1;
	}
	return verify(setup, err);
}

static void
change_files(struct setup *setup, const struct setup_plan *plan)
{
	struct setup_journal	 journal, former;
	struct err		 err;

	if (plan->n_files == 0)
		return;
	setup_journal_read(setup, &former);
	write_journal(setup, plan, &former, &journal);
	if (change(setup, plan, &journal, &err) == 0)
		return;
	take_back(setup, plan, &journal, &former);
	ctl_die(EX_SOFTWARE, "%s; all files are as they were", err.text);
}

static void
print_next(const struct setup *setup, const struct setup_plan *plan)
{
	const json_t	*line;
	size_t		 i;

	if (setup->ctl->is_json || json_array_size(plan->next) == 0)
		return;
	printf("\nDone; it takes effect with\n");
	json_array_foreach(plan->next, i, line)
		printf("\t%s\n", json_string_value(line));
}

static int
reload(struct setup *setup)
{
	struct err	 err;

	if (setup->ctl->option[SETUP_RELOAD] == NULL ||
	    setup->subject->reload(setup, &err) == 0)
		return CTL_YES;
	ctl_die(EX_UNAVAILABLE, "the files are changed, but %s", err.text);
}

int
setup_apply(struct setup *setup)
{
	struct setup_plan	 plan;
	size_t			 i;
	int			 status;

	check_root("--apply");
	setup_journal_lock(setup);
	setup_plan_make(setup, &plan);
	if (plan.user != NULL)
		make_user(setup, plan.user);
	for (i = 0; i < plan.n_directories; i++)
		make_directory(&plan.directories[i]);
	change_files(setup, &plan);
	setup_plan_print(setup, &plan);
	print_next(setup, &plan);
	setup_plan_clear(&plan);
	status = reload(setup);
	return status;
}

/*
 * --undo
 */

/* What somebody else has written would be lost. */
static void
check_unchanged(struct setup *setup, const struct setup_journal *journal)
{
	const struct setup_journal_file	*file;
	const char			*now, *names = "";
	size_t				 i;

	for (i = 0; i < journal->n_files; i++) {
		file = &journal->files[i];
		now = text_now(setup, file->path);
		if (now == NULL || (strcmp(now, file->old) != 0 &&
		    strcmp(now, file->new) != 0))
			names = pool_printf(&setup->pool, "%s%s%s", names,
			    *names == '\0' ? "" : ", ", file->path);
	}
	if (*names != '\0' && setup->ctl->option[SETUP_FORCE] == NULL)
		ctl_die(EX_DATAERR, "%s: changed since by somebody else, and "
		    "that would be lost; nothing was changed (--force puts "
		    "the old files back all the same)", names);
}

static void
print_undone(struct setup *setup, const struct setup_journal *journal)
{
	json_t	*whole = output_new(), *files = output_new_array();
	size_t	 i;

	for (i = 0; i < journal->n_files; i++)
		output_append(files, output_text(journal->files[i].path));
	output_put(whole, "restored", files);
	output_object(setup->ctl, whole);
	if (!setup->ctl->is_json)
		printf("\nIt takes effect with\n\t%s\n",
		    setup->subject->undone(setup));
}

int
setup_apply_undo(struct setup *setup)
{
	struct setup_journal	 journal;

	check_root("--undo");
	setup_journal_lock(setup);
	setup_journal_read(setup, &journal);
	if (journal.generation == 0) {
		setup_journal_remove(setup);
		ctl_die(CTL_NO, "%s: there is nothing to undo",
		    setup->directory);
	}
	check_unchanged(setup, &journal);
	put_all_back(setup, &journal);
	print_undone(setup, &journal);
	return reload(setup);
}
