/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_source: see inject_source.h.
 */
#include "inject_source_private.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/durable.h"

#define BLOCK	65536

static const struct format {
	const char		*text;
	inject_source_opener	*open;
} formats[INJECT_FORMATS] = {
	[INJECT_STDIN] = { "message", inject_source_stdin },
	[INJECT_MBOX] = { "mbox", inject_source_mbox },
	[INJECT_MAILDIR] = { "maildir", inject_source_directory },
	[INJECT_MH] = { "mh", inject_source_directory },
	[INJECT_EML] = { "eml", inject_source_directory },
};

int
inject_source_format(const char *text)
{
	int	 i;

	for (i = 0; i < INJECT_FORMATS; i++)
		if (strcmp(formats[i].text, text) == 0)
			return i;
	return -1;
}

const char *
inject_source_format_text(enum inject_format format)
{
	return formats[format].text;
}

static bool
has_directory(const char *path, const char *name)
{
	char		 full[4096];
	struct stat	 st;

	return snprintf(full, sizeof full, "%s/%s", path, name) <
	    (int)sizeof full && stat(full, &st) == 0 && S_ISDIR(st.st_mode);
}

/* By the first file that is a message in one of the two. */
static int
guess_directory(const char *path, struct err *err)
{
	DIR		*dir = opendir(path);
	struct dirent	*entry;
	int		 format = -1;
	size_t		 n;

	if (dir == NULL)
		return err_set(err, "%s: %s", path, strerror(errno));
	while (format == -1 && (entry = readdir(dir)) != NULL) {
		n = strlen(entry->d_name);
		if (strspn(entry->d_name, "0123456789") == n ||
		    strcmp(entry->d_name, ".mh_sequences") == 0)
			format = INJECT_MH;
		else if (n > 4 && strcasecmp(entry->d_name + n - 4,
		    ".eml") == 0)
			format = INJECT_EML;
	}
	(void)closedir(dir);
	return format != -1 ? format : err_set(err, "%s: it is neither a "
	    "maildir nor one of MH, and there is no .eml file in it", path);
}

int
inject_source_guess(const char *path, struct err *err)
{
	struct stat	 st;

	if (strcmp(path, "-") == 0)
		return INJECT_STDIN;
	if (stat(path, &st) == -1)
		return err_set(err, "%s: %s", path, strerror(errno));
	if (S_ISREG(st.st_mode))
		return INJECT_MBOX;
	if (!S_ISDIR(st.st_mode))
		return err_set(err, "%s: neither a file nor a directory",
		    path);
	return has_directory(path, "cur") && has_directory(path, "new") ?
	    INJECT_MAILDIR : guess_directory(path, err);
}

struct inject_source *
inject_source_open(const char *path, enum inject_format format,
    struct err *err)
{
	return formats[format].open(path, format, err);
}

void
inject_source_close(struct inject_source *source)
{
	if (source != NULL)
		source->ops->close(source);
}

enum inject_next
inject_source_next(struct inject_source *source, struct inject_item *item,
    struct err *err)
{
	enum inject_next	 next;

	memset(item, 0, sizeof *item);
	item->fd = -1;
	next = source->ops->next(source, item, err);
	if (next != INJECT_NEXT)
		inject_source_clear(item);
	return next;
}

void
inject_source_clear(struct inject_item *item)
{
	if (item->fd != -1)
		(void)close(item->fd);
	item->fd = -1;
}

int
inject_source_rewind(struct inject_source *source, struct err *err)
{
	source->done = 0;
	return source->ops->rewind(source, err);
}

int
inject_source_remove(struct inject_source *source,
    const struct inject_item *item, struct err *err)
{
	return source->ops->remove == NULL ? 0 :
	    source->ops->remove(source, item, err);
}

int
inject_source_finish(struct inject_source *source,
    const struct inject_finish *how, struct err *err)
{
	return source->ops->finish == NULL ? 0 :
	    source->ops->finish(source, how, err);
}

bool
inject_source_is_at(struct inject_source *source,
    const struct inject_item *item, off_t place)
{
	return source->ops->is_at != NULL &&
	    source->ops->is_at(source, item, place);
}

char *
inject_source_asked(struct inject_source *source,
    const struct inject_item *item)
{
	return source->ops->asked == NULL ? NULL :
	    source->ops->asked(source, item);
}

uint64_t
inject_source_inode(const struct inject_source *source)
{
	return source->inode;
}

void
inject_source_extent(const struct inject_source *source, uint64_t *total_r,
    uint64_t *done_r)
{
	*total_r = source->total;
	*done_r = source->done;
}

/*
 * For the kinds
 */

/* As much as there is between at and end; that there is less is an error. */
static ssize_t
read_block(int fd, char buf[BLOCK], off_t at, off_t end)
{
	size_t	 want = end - at < BLOCK ? (size_t)(end - at) : BLOCK;
	ssize_t	 n;

	do
		n = pread(fd, buf, want, at);
	while (n == -1 && errno == EINTR);
	if (n == 0) {
		errno = ESTALE;		/* it has become shorter */
		return -1;
	}
	return n;
}

int
inject_source_copy(int from, off_t begin, off_t end, int to)
{
	char	 buf[BLOCK];
	ssize_t	 n;

	for (; begin < end; begin += n) {
		n = read_block(from, buf, begin, end);
		if (n == -1 || durable_put(to, buf, (size_t)n) == -1)
			return -1;
	}
	return 0;
}

static int
digest(EVP_MD_CTX *md, struct inject_item *item)
{
	char	 buf[BLOCK];
	off_t	 at = item->begin;
	ssize_t	 n;

	if (EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		return -1;
	for (; at < item->end; at += n) {
		n = read_block(item->fd, buf, at, item->end);
		if (n == -1 || EVP_DigestUpdate(md, buf, (size_t)n) != 1)
			return -1;
	}
	return EVP_DigestFinal_ex(md, item->digest, NULL) == 1 ? 0 : -1;
}

int
inject_source_digest(struct inject_item *item, struct err *err)
{
	EVP_MD_CTX	*md = EVP_MD_CTX_new();
	int		 status;

	errno = ENOMEM;
	status = md == NULL ? -1 : digest(md, item);
	if (status == -1)
		(void)err_set(err, "%s: %s", item->name, strerror(errno));
	EVP_MD_CTX_free(md);
	return status;
}

void
inject_source_digest_text(const struct inject_item *item,
    char buf[INJECT_DIGEST_SIZE])
{
	size_t	 i;

	for (i = 0; i < INJECT_DIGEST_LEN; i++)
		(void)sprintf(buf + 2 * i, "%02x", item->digest[i]);
}
