/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_reject: see inject_reject.h.
 */
#include "inject_reject.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/durable.h"
#include "inject_body.h"
#include "inject_source_private.h"

#define PATH_SIZE	4096

static int
write_body(const struct inject_item *item, int fd)
{
	struct inject_body	 body;
	char			 buf[65536];
	ssize_t			 n;

	if (!inject_body_open(&body, item))
		return -1;
	while ((n = inject_body_read(&body, buf, sizeof buf)) > 0)
		if (durable_put(fd, buf, (size_t)n) == -1) {
			n = -1;
			break;
		}
	inject_body_clear(&body);
	return (int)n;
}

/* Makes a file of that name whole, or not at all; text or, if that is NULL, the
 * message. */
static int
make_file(const char *path, const char *text, const struct inject_item *item,
    struct err *err)
{
	char	 beside[PATH_SIZE];
	int	 fd, status;

	(void)snprintf(beside, sizeof beside, "%s.XXXXXX", path);
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd == -1)
		return err_set(err, "%s: %s", beside, strerror(errno));
	status = text != NULL ? durable_put(fd, text, strlen(text)) :
	    write_body(item, fd);
	if (status == 0)
		status = fsync(fd);
	(void)close(fd);
	if (status == 0)
		status = rename(beside, path);
	if (status == 0)
		return 0;
	(void)err_set(err, "%s: %s", path, strerror(errno));
	(void)unlink(beside);
	return -1;
}

int
inject_reject_keep(const char *dir, const struct inject_item *item,
    const json_t *entry, struct err *err)
{
	char	 digest[INJECT_DIGEST_SIZE], path[PATH_SIZE];
	char	*text = json_dumps(entry, JSON_INDENT(2));
	int	 status;

	if (text == NULL)
		return err_set(err, "out of memory");
	inject_source_digest_text(item, digest);
	(void)snprintf(path, sizeof path, "%s/%s.json", dir, digest);
	status = make_file(path, text, item, err);
	free(text);
	if (status == -1)
		return -1;
	(void)snprintf(path, sizeof path, "%s/%s.eml", dir, digest);
	if (make_file(path, NULL, item, err) == -1)
		return -1;
	return durable_sync(dir) == 0 ? 0 : err_set(err, "%s: %s", dir,
	    strerror(errno));
}
