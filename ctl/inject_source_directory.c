/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_source_directory: messages that are files: a maildir, a folder of MH, a
 * directory of .eml.
 *
 * A maildir's messages keep their names up to the ":", so these are their keys;
 * another program may move one from new/ to cur/, or change its flags, at any
 * moment.  Of the others a name may come again: their keys are the name, the
 * file and what is in it.  Links and what is no file are left where they are.
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

struct source {
	struct inject_source	 base;
	enum inject_format	 format;
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
	char	 path[4096];
	DIR	*dir;

	if (snprintf(path, sizeof path, "%s/%s", s->base.path,
	    parts(s)[part]) >= (int)sizeof path)
		errno = ENAMETOOLONG;
	else if ((dir = opendir(path)) != NULL)
		return dir;
	(void)err_set(err, "%s/%s: %s", s->base.path, parts(s)[part],
	    strerror(errno));
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

static int
make_key(const struct source *s, struct inject_item *item,
    const struct stat *st, struct err *err)
{
	char		 text[INJECT_DIGEST_SIZE];
	const char	*name = strrchr(item->name, '/');

	name = name == NULL ? item->name : name + 1;
	if (inject_source_digest(item, err) == -1)
		return -1;
	if (s->format == INJECT_MAILDIR) {
		(void)snprintf(item->key, sizeof item->key, "%.*s",
		    (int)strcspn(name, ":"), name);
		return 0;
	}
	inject_source_digest_text(item, text);
	(void)snprintf(item->key, sizeof item->key, "%s@%llx@%s", name,
	    (unsigned long long)st->st_ino, text);
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
	if (!S_ISREG(st.st_mode)) {
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

/* Another program has given a maildir's message other flags: it is where the
 * name up to the ":" is. */
static int
remove_renamed(struct source *s, const char *key, struct err *err)
{
	size_t		 n = strlen(key);
	struct dirent	*entry;
	DIR		*dir;
	unsigned	 i;
	int		 status = 0;

	for (i = 0; parts(s)[i] != NULL; i++) {
		if ((dir = open_part(s, i, err)) == NULL)
			return -1;
		while (status == 0 && (entry = readdir(dir)) != NULL)
			if (strncmp(entry->d_name, key, n) == 0 &&
			    (entry->d_name[n] == ':' ||
			    entry->d_name[n] == '\0') &&
			    unlinkat(dirfd(dir), entry->d_name, 0) == -1 &&
			    errno != ENOENT)
				status = err_set(err, "%s: %s", key,
				    strerror(errno));
		(void)closedir(dir);
	}
	return status;
}

static int
remove_it(struct inject_source *base, const struct inject_item *item,
    struct err *err)
{
	struct source	*s = (struct source *)base;
	char		 path[4096];

	(void)snprintf(path, sizeof path, "%s/%s", s->base.path, item->name);
	if (unlink(path) == 0)
		return 0;
	if (errno != ENOENT)
		return err_set(err, "%s: %s", path, strerror(errno));
	return s->format == INJECT_MAILDIR ?
	    remove_renamed(s, item->key, err) : 0;
}

static int
finish(struct inject_source *base, const struct inject_finish *how,
    struct err *err)
{
	(void)base;
	(void)how;
	(void)err;
	return 0;
}

static void
close_it(struct inject_source *base)
{
	struct source	*s = (struct source *)base;

	if (s->dir != NULL)
		(void)closedir(s->dir);
	free(s);
}

static const struct inject_source_ops	 ops = {
	.next = next,
	.rewind = rewind_it,
	.remove = remove_it,
	.finish = finish,
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
	if (count(s, err) == 0)
		return &s->base;
	close_it(&s->base);
	return NULL;
}
