/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_journal: see setup_journal.h.  In the directory of an instance are
 * "journal.json" and, of its generation N and its i-th file, the texts "N.i.old"
 * and "N.i.new".  What is of another generation means nothing.
 */
#include "setup_journal.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/durable.h"

#define JOURNAL	"journal.json"

static _Noreturn void
die(const char *path)
{
	ctl_die(EX_CANTCREAT, "%s: %s", path, strerror(errno));
}

/* "/etc/postfix" has "etc-postfix", and for the relay "relay-etc-postfix". */
static const char *
directory_of(struct setup *setup)
{
	char	*name = pool_copy(&setup->pool, span_of(
		    setup->directory + 1)), *p;
	const char	*subject = setup->subject->journal;

	for (p = name; *p != '\0'; p++)
		if (*p == '/')
			*p = '-';
	return pool_printf(&setup->pool, "%s/setup/%s%s",
	    setup->conf->state_directory, subject == NULL ? "" : subject,
	    name);
}

static const char *
path_of(struct setup *setup, const char *name)
{
	return pool_printf(&setup->pool, "%s/%s", directory_of(setup), name);
}

static void
make_directory(const char *path, mode_t mode)
{
	/* The daemons have to get past it, whatever the umask. */
	if (mkdir(path, mode) == 0 ? chmod(path, mode) == -1 :
	    errno != EEXIST)
		die(path);
}

void
setup_journal_lock(struct setup *setup)
{
	const char	*dir = directory_of(setup);
	int		 fd;

	make_directory(setup->conf->state_directory, 0755);
	make_directory(pool_printf(&setup->pool, "%s/setup",
	    setup->conf->state_directory), 0700);
	make_directory(dir, 0700);
	/* Until the program ends. */
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		die(dir);
	if (flock(fd, LOCK_EX | LOCK_NB) == -1)
		ctl_die(EX_TEMPFAIL, "%s: another setup is at work", dir);
}

/*
 * Writing
 */

const char *
setup_journal_beside(struct setup *setup, const char *path)
{
	return pool_printf(&setup->pool, "%s.xcontext-setup", path);
}

/* A configuration that the daemons could not load is none. */
static int
check_new(const struct setup *setup, const char *path, const char *beside,
    struct err *err)
{
	struct conf	*conf;

	if (strcmp(path, setup->ctl->file) != 0)
		return 0;
	conf = conf_load(beside, err);
	conf_unref(conf);
	return conf == NULL ? -1 : 0;
}

int
setup_journal_replace(struct setup *setup,
    const struct setup_journal_file *file, const char *text, struct err *err)
{
	const char	*beside = setup_journal_beside(setup, file->path);

	if (durable_write(beside, text, &(struct durable_owner){ file->uid,
	    file->gid, file->mode }) != 0)
		return err_set(err, "%s: %s", beside, strerror(errno));
	if (check_new(setup, file->path, beside, err) != 0) {
		(void)unlink(beside);
		return -1;
	}
	if (rename(beside, file->path) == -1) {
		(void)err_set(err, "%s: %s", file->path, strerror(errno));
		(void)unlink(beside);
		return -1;
	}
	if (durable_sync_parent(file->path) != 0)
		return err_set(err, "%s: %s", file->path, strerror(errno));
	return 0;
}

/* The texts of a generation. */
static const char *
copy_of(struct setup *setup, unsigned generation, size_t i, const char *which)
{
	return path_of(setup, pool_printf(&setup->pool, "%u.%zu.%s",
	    generation, i, which));
}

static void
write_copy(struct setup *setup, unsigned generation, size_t i,
    const char *which, const char *text)
{
	const char	*path = copy_of(setup, generation, i, which);

	if (durable_write(path, text, NULL) != 0)
		die(path);
}

static json_t *
describe(const struct setup_journal *journal, const char *directory)
{
	const struct setup_journal_file	*f;
	json_t				*whole = output_new(), *list, *file;
	size_t				 i;

	list = output_new_array();
	for (i = 0; i < journal->n_files; i++) {
		f = &journal->files[i];
		file = output_new();
		output_put(file, "path", json_string(f->path));
		output_put(file, "mode", json_integer((json_int_t)f->mode));
		output_put(file, "uid", json_integer((json_int_t)f->uid));
		output_put(file, "gid", json_integer((json_int_t)f->gid));
		output_append(list, file);
	}
	output_put(whole, "config_directory", json_string(directory));
	output_put(whole, "generation", json_integer(journal->generation));
	output_put(whole, "files", list);
	return whole;
}

/* Removes what is not of that generation; 0: all. */
static void
clean(struct setup *setup, unsigned generation)
{
	const char	*dir = directory_of(setup);
	const char	*keep = pool_printf(&setup->pool, "%u.", generation);
	struct dirent	*entry;
	DIR		*d = opendir(dir);

	if (d == NULL)
		return;
	while ((entry = readdir(d)) != NULL)
		if (*entry->d_name != '.' && (generation == 0 ||
		    (strncmp(entry->d_name, keep, strlen(keep)) != 0 &&
		    strcmp(entry->d_name, JOURNAL) != 0)))
			(void)unlinkat(dirfd(d), entry->d_name, 0);
	(void)closedir(d);
}

void
setup_journal_write(struct setup *setup, struct setup_journal *journal)
{
	const char	*path = path_of(setup, JOURNAL);
	const char	*beside = setup_journal_beside(setup, path);
	json_t		*whole;
	char		*text;
	size_t		 i;
	int		 result;

	journal->generation++;
	for (i = 0; i < journal->n_files; i++) {
		write_copy(setup, journal->generation, i, "old",
		    journal->files[i].old);
		write_copy(setup, journal->generation, i, "new",
		    journal->files[i].new);
	}
	whole = describe(journal, setup->directory);
	text = json_dumps(whole, JSON_INDENT(2));
	json_decref(whole);
	if (text == NULL)
		ctl_die(EX_OSERR, "out of memory");
	result = durable_write(beside, text, NULL);
	free(text);
	if (result != 0 || durable_sync_parent(path) != 0 ||
	    rename(beside, path) == -1 || durable_sync_parent(path) != 0)
		die(path);
	clean(setup, journal->generation);
}

void
setup_journal_remove(struct setup *setup)
{
	const char	*path = path_of(setup, JOURNAL);

	if (unlink(path) == -1 && errno != ENOENT)
		die(path);
	(void)durable_sync_parent(path);
	clean(setup, 0);
	(void)rmdir(directory_of(setup));
}

/*
 * Reading
 */

static json_int_t
number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void
read_file(struct setup *setup, const json_t *file, unsigned generation,
    size_t i, struct setup_journal_file *file_r)
{
	const char	*path = json_string_value(json_object_get(file,
			    "path"));

	if (path == NULL)
		ctl_die(EX_DATAERR, "%s: it is damaged", path_of(setup,
		    JOURNAL));
	file_r->path = pool_copy(&setup->pool, span_of(path));
	file_r->mode = (mode_t)number(file, "mode");
	file_r->uid = (uid_t)number(file, "uid");
	file_r->gid = (gid_t)number(file, "gid");
	file_r->old = setup_read(setup, copy_of(setup, generation, i, "old"));
	file_r->new = setup_read(setup, copy_of(setup, generation, i, "new"));
}

bool
setup_journal_exists(struct setup *setup)
{
	return access(path_of(setup, JOURNAL), F_OK) == 0;
}

void
setup_journal_read(struct setup *setup, struct setup_journal *journal_r)
{
	const char	*path = path_of(setup, JOURNAL);
	json_t		*whole, *list, *file;
	json_error_t	 error;
	size_t		 i;

	*journal_r = (struct setup_journal){ .generation = 0 };
	if (access(path, F_OK) == -1 && errno == ENOENT)
		return;
	whole = json_loads(setup_read(setup, path), 0, &error);
	list = json_object_get(whole, "files");
	if (!json_is_array(list) || json_array_size(list) > SETUP_FILES ||
	    number(whole, "generation") < 1)
		ctl_die(EX_DATAERR, "%s: it is damaged", path);
	journal_r->generation = (unsigned)number(whole, "generation");
	json_array_foreach(list, i, file)
		read_file(setup, file, journal_r->generation, i,
		    &journal_r->files[journal_r->n_files++]);
	json_decref(whole);
}
