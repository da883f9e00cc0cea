/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * trial: see trial.h.  Each file is written aside, is on disk with all that is in
 * it, and takes its place in one step; then its directory is on disk, too.
 */
#include "conf/trial.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/durable.h"
#include "base/fingerprint.h"
#include "conf/conf_text.h"

#define BEFORE		".before"
#define JOURNAL		".trial"
#define LOCK		".trial-lock"
#define ASIDE		".trial-new"
#define EDITED		".edited"
#define JOURNAL_MAX	1024

static int
name(const char *file, const char *suffix, char path[TRIAL_PATH_SIZE],
    struct err *err)
{
	if (snprintf(path, TRIAL_PATH_SIZE, "%s%s", file, suffix) >=
	    TRIAL_PATH_SIZE)
		return err_set(err, "%s: the name is too long", file);
	return 0;
}

int
trial_before(const char *file, char path[TRIAL_PATH_SIZE], struct err *err)
{
	return name(file, BEFORE, path, err);
}

static int
failed(struct err *err, const char *path)
{
	return err_set(err, "%s: %s", path, strerror(errno));
}

/*
 * Time
 */

static uint64_t
elapsed_ms(const struct trial_clock *begun, const struct trial_clock *now)
{
	if (begun->boot[0] != '\0' && strcmp(begun->boot, now->boot) == 0)
		return now->up_ms < begun->up_ms ? UINT64_MAX :
		    now->up_ms - begun->up_ms;
	return now->real_ms < begun->real_ms ? UINT64_MAX :
	    now->real_ms - begun->real_ms;
}

uint64_t
trial_left_ms(const struct trial *trial, const struct trial_clock *now)
{
	uint64_t	 length = trial->until_ms - trial->begun.real_ms;
	uint64_t	 elapsed = elapsed_ms(&trial->begun, now);

	if (trial->until_ms < trial->begun.real_ms || length > TRIAL_MAX_MS)
		return 0;
	return elapsed >= length ? 0 : length - elapsed;
}

/*
 * Reading
 */

/* Of what is open.  NULL: it cannot be read, or is longer than max. */
static char *
read_open(int fd, size_t max)
{
	char	*text = malloc(max + 1);
	size_t	 len = 0;
	ssize_t	 n = 1;

	while (text != NULL && n != 0 && len < max) {
		n = read(fd, text + len, max - len);
		if (n == -1 && errno != EINTR)
			break;
		len += n > 0 ? (size_t)n : 0;
	}
	if (text == NULL || n != 0) {
		if (n > 0)
			errno = EFBIG;
		free(text);
		return NULL;
	}
	text[len] = '\0';
	return text;
}

char *
trial_text(const char *path, struct err *err)
{
	int	 fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char	*text = fd == -1 ? NULL : read_open(fd, CONF_TEXT_MAX + 1);

	if (text == NULL)
		(void)failed(err, path);
	if (fd != -1)
		(void)close(fd);
	return text;
}

uint64_t
trial_fingerprint(const char *text)
{
	return fingerprint_add(FINGERPRINT_NONE, span_of(text));
}

static uint64_t
fingerprint_of(const char *path)
{
	char		*text = trial_text(path, NULL);
	uint64_t	 fingerprint = trial_fingerprint(text == NULL ? "" :
			    text);

	free(text);
	return fingerprint;
}

/* The same twice, as it is written and as it is read. */
#define PRINT_AS	"xcontext trial 1\nbegun %" PRIu64 "\nuntil %"	\
			PRIu64 "\nup %" PRIu64 "\nboot %s\ntext %" PRIu64 \
			"\nowner %u\nmode %o\nby %s\nend\n"
#define SCAN_AS		"xcontext trial 1 begun %" SCNu64 " until %"	\
			SCNu64 " up %" SCNu64 " boot %36s text %" SCNu64 \
			" owner %u mode %o by %63[^\n]"

static bool
parse(const char *text, struct trial *t)
{
	const char	*end = strstr(text, "\nend\n");

	return end != NULL && end[5] == '\0' && sscanf(text, SCAN_AS,
	    &t->begun.real_ms, &t->until_ms, &t->begun.up_ms, t->begun.boot,
	    &t->fingerprint, &t->owner, &t->mode, t->by) == 8;
}

/*
 * Whoever may change it may say by which rules mail is judged: that must be no
 * more people than may change FILE.  The journal (of which trial is NULL) is
 * nobody's else; what it says counts, because FILE may have another owner by
 * now, or another mode, and the trial goes on.
 */
static bool
is_trusted(const struct stat *st, const char *file, const struct trial *trial,
    const char *path, struct err *err)
{
	struct stat	 of_file;
	mode_t		 may = 0;

	if (stat(file, &of_file) == -1)
		of_file = (struct stat){ .st_uid = 0 };
	if (trial != NULL)
		may = of_file.st_mode | trial->mode;
	if (S_ISREG(st->st_mode) && (st->st_uid == 0 ||
	    st->st_uid == of_file.st_uid ||
	    (trial != NULL && st->st_uid == trial->owner)) &&
	    (st->st_mode & 022 & ~may) == 0)
		return true;
	(void)err_set(err, "%s: it is ignored: it has to be a file of root's, "
	    "or of the owner of %s, that nobody else may write", path, file);
	return false;
}

/* What FILE.before is, where the journal counts. */
static enum trial_state
look_before(const char *file, const struct trial *trial, bool is_over,
    struct err *err)
{
	char		 path[TRIAL_PATH_SIZE];
	struct stat	 st;

	if (name(file, BEFORE, path, err) == -1)
		return TRIAL_CANNOT_TELL;
	if (lstat(path, &st) == -1) {
		if (errno == ENOENT)
			return TRIAL_BACK;
		(void)failed(err, path);
		return TRIAL_CANNOT_TELL;
	}
	if (!is_trusted(&st, file, trial, path, err))
		return TRIAL_IGNORED;
	return is_over ? TRIAL_OVER : TRIAL_OPEN;
}

static enum trial_state
look_journal(const char *file, const char *path, int fd,
    const struct trial_clock *now, struct trial *trial_r, struct err *err)
{
	struct trial	 trial = { .until_ms = 0 };
	struct stat	 st;
	char		*text;

	if (fstat(fd, &st) == -1) {
		(void)failed(err, path);
		return TRIAL_CANNOT_TELL;
	}
	if (!is_trusted(&st, file, NULL, path, err))
		return TRIAL_IGNORED;
	text = read_open(fd, JOURNAL_MAX);
	if (text == NULL && errno != EFBIG) {
		(void)failed(err, path);
		return TRIAL_CANNOT_TELL;
	}
	if (text == NULL || !parse(text, &trial))
		trial = (struct trial){ .until_ms = 0 };
	free(text);
	*trial_r = trial;
	return look_before(file, &trial, trial_left_ms(&trial, now) == 0,
	    err);
}

enum trial_state
trial_look(const char *file, const struct trial_clock *now,
    struct trial *trial_r, struct err *err)
{
	char			 path[TRIAL_PATH_SIZE];
	enum trial_state	 state;
	int			 fd;

	if (name(file, JOURNAL, path, err) == -1)
		return TRIAL_NONE;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1 && (errno == ENOENT || errno == ENOTDIR))
		return TRIAL_NONE;
	if (fd == -1) {
		(void)failed(err, path);
		return errno == ELOOP ? TRIAL_IGNORED : TRIAL_CANNOT_TELL;
	}
	state = look_journal(file, path, fd, now, trial_r, err);
	(void)close(fd);
	return state;
}

/*
 * The lock
 */

static void
directory_of(const char *path, char dir[TRIAL_PATH_SIZE])
{
	const char	*slash = strrchr(path, '/');

	(void)snprintf(dir, TRIAL_PATH_SIZE, "%.*s", slash == NULL ? 1 :
	    (int)(slash - path) + 1, slash == NULL ? "." : path);
}

/* False: who had it has removed the file, and another one counts. */
static bool
is_that_file(int fd, const char *path)
{
	struct stat	 mine, there;

	return fstat(fd, &mine) == 0 && stat(path, &there) == 0 &&
	    mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

int
trial_lock(const char *file, struct err *err)
{
	char	 path[TRIAL_PATH_SIZE], dir[TRIAL_PATH_SIZE];
	int	 fd;

	if (name(file, LOCK, path, err) == -1)
		return -1;
	/* Who may change nothing has no use for it. */
	directory_of(path, dir);
	if (access(dir, W_OK) == -1)
		return failed(err, dir);
	for (;;) {
		fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
		    0600);
		if (fd == -1)
			return failed(err, path);
		if (flock(fd, LOCK_EX | LOCK_NB) == -1)
			break;
		if (is_that_file(fd, path))
			return fd;
		(void)close(fd);
	}
	(void)failed(err, path);
	(void)close(fd);
	return errno == EWOULDBLOCK ? -2 : -1;
}

void
trial_unlock(const char *file, int lock)
{
	char	 path[TRIAL_PATH_SIZE];

	if (lock < 0)
		return;
	if (name(file, LOCK, path, NULL) == 0)
		(void)unlink(path);
	(void)close(lock);
}

/*
 * Writing
 */

/* Puts text in the place of FILE, or of what stands beside it. */
static int
put(const char *file, const char *suffix, const char *text,
    const struct stat *like, mode_t mode, struct err *err)
{
	const struct durable_owner	 owner = { like->st_uid, like->st_gid,
					     mode };
	char				 path[TRIAL_PATH_SIZE];
	char				 aside[TRIAL_PATH_SIZE];

	if (name(file, suffix, path, err) == -1 ||
	    name(file, ASIDE, aside, err) == -1)
		return -1;
	if (durable_write(aside, text, &owner) == -1)
		return failed(err, aside);
	if (rename(aside, path) == -1) {
		(void)failed(err, path);
		(void)unlink(aside);
		return -1;
	}
	return durable_sync_parent(path) == -1 ? failed(err, path) : 0;
}

/* Removes what stands beside FILE; that it is not there is well. */
static int
take_away(const char *file, const char *suffix, struct err *err)
{
	char	 path[TRIAL_PATH_SIZE];

	if (name(file, suffix, path, err) == -1)
		return -1;
	if (unlink(path) == -1 && errno != ENOENT)
		return failed(err, path);
	return durable_sync_parent(path) == -1 ? failed(err, path) : 0;
}

static int
put_before(const char *file, const struct stat *st, struct err *err)
{
	char	*old = trial_text(file, err);
	int	 result;

	if (old == NULL)
		return -1;
	result = put(file, BEFORE, old, st, st->st_mode & 07777, err);
	free(old);
	return result;
}

static int
put_journal(const char *file, const struct trial *t, const struct stat *st,
    struct err *err)
{
	struct stat	 own = *st;
	char		 text[JOURNAL_MAX];

	(void)snprintf(text, sizeof text, PRINT_AS,
	    t->begun.real_ms, t->until_ms, t->begun.up_ms,
	    t->begun.boot[0] == '\0' ? "?" : t->begun.boot, t->fingerprint,
	    st->st_uid, st->st_mode & 07777,
	    t->by[0] == '\0' ? "?" : t->by);
	/* Who begins it has it, whoever gets FILE. */
	own.st_uid = geteuid();
	return put(file, JOURNAL, text, &own, (st->st_mode & 0755) | 0600,
	    err);
}

int
trial_stage(const char *file, const char *text, char path[TRIAL_PATH_SIZE],
    struct err *err)
{
	struct durable_owner	 owner;
	struct stat		 st;

	if (lstat(file, &st) == -1)
		return failed(err, file);
	if (!S_ISREG(st.st_mode))
		return err_set(err, "%s: it is no file, or a link: only a "
		    "file can be replaced", file);
	if (name(file, ASIDE, path, err) == -1)
		return -1;
	owner = (struct durable_owner){ st.st_uid, st.st_gid,
	    st.st_mode & 07777 };
	return durable_write(path, text, &owner) == -1 ? failed(err, path) :
	    0;
}

int
trial_begin(const char *file, const char *text, const struct trial *trial,
    struct err *err)
{
	struct stat	 st;

	if (lstat(file, &st) == -1)
		return failed(err, file);
	if (!S_ISREG(st.st_mode))
		return err_set(err, "%s: it is no file, or a link: only a "
		    "file can be replaced", file);
	/* One that means nothing would be taken for that of a beginning which
	 * has failed. */
	if (take_away(file, BEFORE, err) == -1 ||
	    put_before(file, &st, err) == -1 || (trial != NULL &&
	    put_journal(file, trial, &st, err) == -1))
		return -1;
	return put(file, "", text, &st, st.st_mode & 07777, err);
}

/* FILE is neither what was put there, nor what was there before. */
static int
keep_edited(const char *file, const char *before, const struct trial *trial,
    struct err *err)
{
	uint64_t	 is = fingerprint_of(file);
	char		 edited[TRIAL_PATH_SIZE];

	if (is == trial->fingerprint || is == fingerprint_of(before))
		return 0;
	if (name(file, EDITED, edited, err) == -1)
		return -1;
	(void)unlink(edited);
	return link(file, edited) == -1 ? failed(err, edited) : 0;
}

int
trial_back(const char *file, const struct trial *trial, struct err *err)
{
	char	 before[TRIAL_PATH_SIZE];

	if (name(file, BEFORE, before, err) == -1)
		return -1;
	if (access(before, F_OK) == 0) {
		if (trial != NULL &&
		    keep_edited(file, before, trial, err) == -1)
			return -1;
		if (rename(before, file) == -1)
			return failed(err, file);
		if (durable_sync_parent(file) == -1)
			return failed(err, file);
	} else if (errno != ENOENT) {
		return failed(err, before);
	}
	if (take_away(file, JOURNAL, err) == -1)
		return -1;
	return take_away(file, ASIDE, err);
}

int
trial_keep(const char *file, struct err *err)
{
	if (take_away(file, JOURNAL, err) == -1 ||
	    take_away(file, BEFORE, err) == -1)
		return -1;
	return take_away(file, ASIDE, err);
}
