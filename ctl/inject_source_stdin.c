/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_source_stdin: the message on standard input, kept in a file without a
 * name while it is needed.
 *
 * Its key is its content, but for the header Received on its top if fetchmail or
 * getmail has put that there: it has another time when the message is fetched
 * again.  So a caller that was killed between our answer and its own note of it
 * may hand the same message over again, and it is known.
 */
#include "inject_source_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/durable.h"
#include "inject_header.h"
#include "received/received_text.h"

struct source {
	struct inject_source	 base;
	int			 fd;
	off_t			 size;
	bool			 is_over;
};

/*
 * "from HOST by HOST with POP3 (fetchmail-6.4.37)", "with POP3 getmail6": there
 * and nowhere else, for all else in the header may be the sender's words.
 */
static bool
is_fetchers(struct span value)
{
	struct received_item	 item = received_item_next(&value);

	if (!received_item_is(&item, "from"))
		return false;
	(void)received_item_next(&value);	/* the host, be it "by" */
	do
		item = received_item_next(&value);
	while (item.kind == RECEIVED_WORD && !received_item_is(&item, "by"));
	if (!received_item_is(&item, "by"))
		return false;
	(void)received_item_next(&value);
	item = received_item_next(&value);
	if (!received_item_is(&item, "with"))
		return false;
	(void)received_item_next(&value);
	item = received_item_next(&value);
	return (item.kind == RECEIVED_COMMENT &&
	    span_begins(item.text, "fetchmail-")) ||
	    (item.kind == RECEIVED_WORD && span_begins(item.text, "getmail"));
}

/* What fetchers write above it, and what they leave there. */
static bool
may_be_above(struct span name)
{
	return span_caseeq(name, "Return-Path") ||
	    span_caseeq(name, "Delivered-To") ||
	    span_caseeq(name, "X-Original-To");
}

/* Where that header is; *begin_r is *end_r: there is none. */
static void
find_fetchers(const struct inject_item *item, struct inject_header *h,
    off_t *begin_r, off_t *end_r)
{
	struct inject_field	 f;
	bool			 has_field;

	*begin_r = *end_r = item->begin;
	inject_header_open(h, item->fd, item->begin, item->end);
	do
		has_field = inject_header_next(h, &f);
	while (has_field && may_be_above(f.name));
	if (has_field && span_caseeq(f.name, "Received") && f.is_whole &&
	    is_fetchers(f.value)) {
		*begin_r = f.offset;
		*end_r = h->at - (off_t)(h->len - h->used);
	}
}

/* That of what is above the fetcher's header, and of what is below. */
static int
make_key(struct inject_item *item, struct err *err)
{
	struct inject_header	*h = malloc(sizeof *h);
	struct inject_item	 above = *item, below = *item;
	char			 text[INJECT_DIGEST_SIZE];

	if (h == NULL)
		return err_set(err, "out of memory");
	find_fetchers(item, h, &above.end, &below.begin);
	free(h);
	if (inject_source_digest(item, err) == -1 ||
	    inject_source_digest(&above, err) == -1 ||
	    inject_source_digest(&below, err) == -1)
		return -1;
	inject_source_digest_text(&above, text);
	(void)snprintf(item->key, sizeof item->key, "%.16s", text);
	inject_source_digest_text(&below, item->key + 16);
	return 0;
}

static enum inject_next
next(struct inject_source *base, struct inject_item *item, struct err *err)
{
	struct source	*s = (struct source *)base;

	if (s->is_over)
		return INJECT_END;
	s->is_over = true;
	s->base.done = s->base.total;
	(void)strcpy(item->name, "standard input");
	item->fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 0);
	item->end = s->size;
	if (item->fd == -1) {
		(void)err_set(err, "%s", strerror(errno));
		return INJECT_FAILED;
	}
	return make_key(item, err) == -1 ? INJECT_FAILED : INJECT_NEXT;
}

static int
rewind_it(struct inject_source *base, struct err *err)
{
	(void)err;
	((struct source *)base)->is_over = false;
	return 0;
}

static void
close_it(struct inject_source *base)
{
	struct source	*s = (struct source *)base;

	(void)close(s->fd);
	free(s);
}

static const struct inject_source_ops	 ops = {
	.next = next,
	.rewind = rewind_it,
	.close = close_it,
};

/* A file that nobody else sees and nothing is left of. */
static int
open_nameless(void)
{
	const char	*dir = getenv("TMPDIR");
	char		 path[4096];
	int		 fd;

	if (dir == NULL || *dir == '\0')
		dir = "/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd != -1 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	if (snprintf(path, sizeof path, "%s/xcontext.XXXXXX", dir) >=
	    (int)sizeof path)
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd != -1)
		(void)unlink(path);
	return fd;
}

/* All of standard input.  -1 with errno. */
static off_t
fetch(int fd)
{
	char	 buf[65536];
	ssize_t	 n;
	off_t	 size = 0;

	while ((n = read(STDIN_FILENO, buf, sizeof buf)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 || durable_put(fd, buf, (size_t)n) == -1)
			return -1;
		size += n;
	}
	return size;
}

struct inject_source *
inject_source_stdin(const char *path, enum inject_format format,
    struct err *err)
{
	struct source	*s = calloc(1, sizeof *s);

	(void)format;
	if (s == NULL) {
		(void)err_set(err, "out of memory");
		return NULL;
	}
	s->base.ops = &ops;
	s->base.path = path;
	s->base.total = 1;
	s->fd = open_nameless();
	s->size = s->fd == -1 ? -1 : fetch(s->fd);
	if (s->size != -1)
		return &s->base;
	(void)err_set(err, "standard input, or a file for it: %s",
	    strerror(errno));
	if (s->fd != -1)
		(void)close(s->fd);
	free(s);
	return NULL;
}
