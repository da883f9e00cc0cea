/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_source_directory: messages that are files: a maildir, a folder of MH, a
 * directory of .eml.
 *
 * A maildir's messages keep their names up to the ":", so these are in their
 * keys; another program may move one from new/ to cur/, or change its flags, at
 * any moment.  Two may have the same one, if programs do not keep to the rules:
 * so there is also what is in them.  Of the others a name may come again: their
 * keys are the name, the file and what is in it.  Links and what is no file are
 * left where they are; so is, by root, a second name of another user's file.
 *
 * Whose directory it is may be anybody, and we root: so it is opened once, no
 * link below it is followed, and what is taken out is what was read.
 */
#include "inject_source_private.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inject_place.h"

struct source {
	struct inject_source	 base;
	enum inject_format	 format;
	int			 fd;		/* of the directory */
	DIR			*dir;
	unsigned		 part;		/* of parts() that is open */
};

static const char *const	 maildir_parts[] = { "new", "cur", NULL };
static const char *const	 other_parts[] = { ".", NULL };

static const char *const *
parts(const struct source *s)
{
	return s->format == INJECT_MAILDIR ? maildir_parts : other_parts;
}

static bool
is_message(const struct source *s, const char *name)
{
	size_t	 n = strlen(name);

	switch (s->format) {
	case INJECT_MAILDIR:
		return name[0] != '.';
	case INJECT_MH:
		return strspn(name, "0123456789") == n;
	default:
		return n > 4 && name[0] != '.' &&
		    strcasecmp(name + n - 4, ".eml") == 0;
	}
}

static DIR *
open_part(const struct source *s, unsigned part, struct err *err)
{
	DIR	*dir = NULL;
	int	 fd;

	fd = openat(s->fd, parts(s)[part], O_RDONLY | O_DIRECTORY |
	    O_NOFOLLOW | O_CLOEXEC);
	if (fd != -1)
		dir = fdopendir(fd);
	if (dir != NULL)
		return dir;
	(void)err_set(err, "%s/%s: %s", s->base.path, parts(s)[part],
	    strerror(errno));
	if (fd != -1)
		(void)close(fd);
	return NULL;
}

/* The name of the next message; NULL: there is none, or err is set. */
static const char *
next_name(struct source *s, struct err *err)
{
	struct dirent	*entry;

	err->text[0] = '\0';
	for (;;) {
		if (s->dir == NULL && parts(s)[s->part] == NULL)
			return NULL;
		if (s->dir == NULL &&
		    (s->dir = open_part(s, s->part, err)) == NULL)
			return NULL;
		errno = 0;
		entry = readdir(s->dir);
		if (entry == NULL && errno != 0) {
			(void)err_set(err, "%s: %s", s->base.path,
			    strerror(errno));
			return NULL;
		}
		if (entry != NULL && is_message(s, entry->d_name))
			return entry->d_name;
		if (entry == NULL) {
			(void)closedir(s->dir);
			s->dir = NULL;
			s->part++;
		}
	}
}

/* In its directory. */
static const char *
name_of(const struct inject_item *item)
{
	const char	*slash = strrchr(item->name, '/');

	return slash == NULL ? item->name : slash + 1;
}

/* Of a maildir's message: so much of its name stays. */
static size_t
lasting_len(const char *name)
{
	return strcspn(name, ":");
}

static int
make_key(const struct source *s, struct inject_item *item,
    const struct stat *st, struct err *err)
{
	char		 text[INJECT_DIGEST_SIZE];
	const char	*name = name_of(item);

	if (inject_source_digest(item, err) == -1)
		return -1;
	inject_source_digest_text(item, text);
	if (s->format == INJECT_MAILDIR)
		(void)snprintf(item->key, sizeof item->key, "%.*s@%s",
		    (int)lasting_len(name), name, text);
	else
		(void)snprintf(item->key, sizeof item->key, "%s@%llx@%s",
		    name, (unsigned long long)st->st_ino, text);
	return 0;
}

/* 1, 0: it is none, or gone; -1 with err. */
static int
open_item(struct source *s, const char *name, struct inject_item *item,
    struct err *err)
{
	struct stat	 st;

	(void)snprintf(item->name, sizeof item->name, "%s%s%s",
	    s->format == INJECT_MAILDIR ? parts(s)[s->part] : "",
	    s->format == INJECT_MAILDIR ? "/" : "", name);
	item->fd = openat(dirfd(s->dir), name, O_RDONLY | O_NOFOLLOW |
	    O_NONBLOCK | O_CLOEXEC);
	if (item->fd == -1 && (errno == ENOENT || errno == ELOOP))
		return 0;
	if (item->fd == -1 || fstat(item->fd, &st) == -1)
		return err_set(err, "%s/%s: %s", s->base.path, item->name,
		    strerror(errno));
	if (!S_ISREG(st.st_mode) ||
	    inject_place_is_others(dirfd(s->dir), &st)) {
		inject_source_clear(item);
		return 0;
	}
	item->end = st.st_size;
	return make_key(s, item, &st, err) == -1 ? -1 : 1;
}

static enum inject_next
next(struct inject_source *base, struct inject_item *item, struct err *err)
{
	struct source	*s = (struct source *)base;
	const char	*name;
	int		 found;

	while ((name = next_name(s, err)) != NULL) {
		found = open_item(s, name, item, err);
		if (found == 0)
			continue;
		s->base.done++;
		if (s->base.total < s->base.done)
			s->base.total = s->base.done;
		return found == 1 ? INJECT_NEXT : INJECT_FAILED;
	}
	return err->text[0] == '\0' ? INJECT_END : INJECT_FAILED;
}

static int
rewind_it(struct inject_source *base, struct err *err)
{
	struct source	*s = (struct source *)base;

	(void)err;
	if (s->dir != NULL)
		(void)closedir(s->dir);
	s->dir = NULL;
	s->part = 0;
	return 0;
}

/* Removes the file of that name if it is the item's: MH gives the number of one
 * that is gone to another message.  1, 0: it is not there; -1 with err. */
static int
remove_here(DIR *dir, const char *name, const struct inject_item *item,
    struct err *err)
{
	struct stat	 is, was;

	if (fstat(item->fd, &was) == -1)
		return err_set(err, "%s: %s", name, strerror(errno));
	if (fstatat(dirfd(dir), name, &is, AT_SYMLINK_NOFOLLOW) == 0) {
		if (is.st_dev != was.st_dev || is.st_ino != was.st_ino)
			return 0;
		if (unlinkat(dirfd(dir), name, 0) == 0)
			return 1;
	}
	return errno == ENOENT ? 0 : err_set(err, "%s: %s", name,
	    strerror(errno));
}

/* Another program has given a maildir's message other flags: it is where the
 * name up to the ":" is. */
static int
remove_renamed(DIR *dir, const struct inject_item *item, struct err *err)
{
	const char	*name = name_of(item);
	size_t		 n = lasting_len(name);
	struct dirent	*entry;
	int		 status = 0;

	while (status != -1 && (entry = readdir(dir)) != NULL)
		if (lasting_len(entry->d_name) == n &&
		    memcmp(entry->d_name, name, n) == 0)
			status = remove_here(dir, entry->d_name, item, err);
	return status;
}

static int
remove_it(struct inject_source *base, const struct inject_item *item,
    struct err *err)
{
	struct source	*s = (struct source *)base;
	DIR		*dir;
	unsigned	 i;
	int		 status = 0;

	for (i = 0; status == 0 && parts(s)[i] != NULL; i++) {
		if ((dir = open_part(s, i, err)) == NULL)
			return -1;
		status = remove_here(dir, name_of(item), item, err);
		if (status == 0 && s->format == INJECT_MAILDIR)
			status = remove_renamed(dir, item, err);
		(void)closedir(dir);
	}
	return status == -1 ? -1 : 0;
}

static void
close_it(struct inject_source *base)
{
	struct source	*s = (struct source *)base;

	if (s->dir != NULL)
		(void)closedir(s->dir);
	if (s->fd != -1)
		(void)close(s->fd);
	free(s);
}

static const struct inject_source_ops	 ops = {
	.next = next,
	.rewind = rewind_it,
	.remove = remove_it,
	.close = close_it,
};

/* For who wants to know how long it will take. */
static int
count(struct source *s, struct err *err)
{
	while (next_name(s, err) != NULL)
		s->base.total++;
	return err->text[0] != '\0' ? -1 : rewind_it(&s->base, err);
}

struct inject_source *
inject_source_directory(const char *path, enum inject_format format,
    struct err *err)
{
	struct source	*s = calloc(1, sizeof *s);

	if (s == NULL) {
		(void)err_set(err, "out of memory");
		return NULL;
	}
	s->base.ops = &ops;
	s->base.path = path;
	s->format = format;
	s->fd = inject_place_reach(path, O_RDONLY | O_DIRECTORY, err);
	if (s->fd != -1 && count(s, err) == 0)
		return &s->base;
	close_it(&s->base);
	return NULL;
}
