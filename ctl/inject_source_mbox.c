/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_source_mbox: the messages of an mbox.
 *
 * It is locked twice, by MBOX.lock and by fcntl, as those who deliver into it
 * do, while its size is taken and while messages are taken out; not while they
 * are sent, which may take long.  What is delivered meanwhile stays for the
 * next time.  Another program may change it meanwhile all the same: so each
 * message has its content in its key, is sent only if its bytes are still
 * those, and is taken out only if it is still there.
 *
 * All that is done beside it is done in the directory that it was found in.
 */
#include "inject_source_private.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/durable.h"
#include "inject_mbox.h"
#include "inject_place.h"

#define LOCK_SECONDS	30
#define NAME_SIZE	(NAME_MAX + 32)	/* with what we put behind it */
#define LOCK_TEXT_SIZE	320

/* Of so many contents it is known how far their entries were looked at: what
 * has the same place here pushes the other out, which costs time only. */
#define ASKED_MAX	4096

struct asked {
	uint8_t	 digest[INJECT_DIGEST_LEN];
	char	 place[INJECT_PLACE_TEXT];
};

struct source {
	struct inject_source	 base;
	struct inject_place	 place;
	int			 fd;
	bool			 has_dotlock;
	struct inject_mbox	 mbox;
	struct asked		 asked[ASKED_MAX];
	struct stat		 asked_of;	/* the file as it was then */
};

/*
 * Locks
 */

static void
pause_briefly(void)
{
	struct timespec	 t = { 0, 100 * 1000 * 1000 };

	(void)nanosleep(&t, NULL);
}

static const char *
lock_name(const struct source *s, char buf[NAME_SIZE])
{
	(void)snprintf(buf, NAME_SIZE, "%s.lock", s->place.name);
	return buf;
}

/* As others read it, the process; and, for us, whose host's that is. */
static void
lock_text(pid_t pid, char buf[LOCK_TEXT_SIZE])
{
	char	 host[256] = "";

	(void)gethostname(host, sizeof host - 1);
	(void)snprintf(buf, LOCK_TEXT_SIZE, "%ld xcontext %s\n", (long)pid,
	    host);
}

/* True: it is one of ours, whose process was killed. */
static bool
is_left_behind(int dir, const char *name)
{
	char	 buf[LOCK_TEXT_SIZE] = "", ours[LOCK_TEXT_SIZE];
	int	 fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_CLOEXEC);
	ssize_t	 n = fd == -1 ? -1 : read(fd, buf, sizeof buf - 1);
	long	 pid = n <= 0 ? 0 : strtol(buf, NULL, 10);

	if (fd != -1)
		(void)close(fd);
	if (pid <= 1)
		return false;
	lock_text((pid_t)pid, ours);
	return strcmp(buf, ours) == 0 && kill((pid_t)pid, 0) == -1 &&
	    errno == ESRCH;
}

/* 1; 0: somebody else has it; -1: it cannot be made, errno. */
static int
dotlock(int dir, const char *name)
{
	char	 beside[NAME_SIZE + 16], text[LOCK_TEXT_SIZE];
	int	 fd, got = -1;

	/* It must never be there without its text. */
	(void)snprintf(beside, sizeof beside, "%s.xcontext", name);
	(void)unlinkat(dir, beside, 0);	/* of one that was killed */
	fd = openat(dir, beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	    0444);
	if (fd == -1)
		return -1;
	lock_text(getpid(), text);
	if (durable_put(fd, text, strlen(text)) == 0)
		got = linkat(dir, beside, dir, name, 0) == 0 ? 1 :
		    errno == EEXIST ? 0 : -1;
	(void)close(fd);
	(void)unlinkat(dir, beside, 0);
	return got;
}

static void
unlock(struct source *s)
{
	struct flock	 lock = { .l_type = F_UNLCK, .l_whence = SEEK_SET };
	char		 buf[NAME_SIZE];

	if (s->has_dotlock)
		(void)unlinkat(s->place.dir, lock_name(s, buf), 0);
	s->has_dotlock = false;
	(void)fcntl(s->fd, F_OFD_SETLK, &lock);
}

/* A file that is only read can only be locked so.  Locks of the descriptor, not
 * of the process: those would go with the first message that is closed. */
static int
lock_file(int fd)
{
	struct flock	 lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	if (errno != EBADF)
		return -1;
	lock.l_type = F_RDLCK;
	return fcntl(fd, F_OFD_SETLK, &lock);
}

/* 1; 0: somebody else has it; -1 with err. */
static int
try_lock(struct source *s, struct err *err)
{
	char	 buf[NAME_SIZE];
	int	 dir = s->place.dir, got;

	if (lock_file(s->fd) == -1)
		return errno == EAGAIN || errno == EACCES ? 0 :
		    err_set(err, "%s: %s", s->base.path, strerror(errno));
	got = dotlock(dir, lock_name(s, buf));
	if (got == 0 && is_left_behind(dir, buf) &&
	    unlinkat(dir, buf, 0) == 0)
		got = dotlock(dir, buf);
	s->has_dotlock = got == 1;
	/* In a directory where nobody may make files nobody has one. */
	if (got == -1 && (errno == EACCES || errno == EPERM || errno == EROFS))
		return 1;
	if (got == -1)
		(void)err_set(err, "%s.lock: %s", s->base.path,
		    strerror(errno));
	if (got != 1)
		unlock(s);
	return got;
}

static int
take_lock(struct source *s, struct err *err)
{
	int	 i, got;

	for (i = 0; i < LOCK_SECONDS * 10; i++) {
		got = try_lock(s, err);
		if (got != 0)
			return got == 1 ? 0 : -1;
		pause_briefly();
	}
	return err_set(err, "%s: another program has locked it",
	    s->base.path);
}

/*
 * Messages
 */

static int
make_key(const struct source *s, struct inject_item *item, struct err *err)
{
	char	 text[INJECT_DIGEST_SIZE];

	(void)snprintf(item->name, sizeof item->name, "message at %lld",
	    (long long)item->place);
	item->fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 0);
	if (item->fd == -1)
		return err_set(err, "%s: %s", s->base.path, strerror(errno));
	item->is_quoted = true;
	if (inject_source_digest(item, err) == -1)
		return -1;
	inject_source_digest_text(item, text);
	(void)snprintf(item->key, sizeof item->key, "%s@%llx", text,
	    (unsigned long long)item->place);
	return 0;
}

static enum inject_next
next_of(struct source *s, struct inject_item *item, off_t *next_r,
    struct err *err)
{
	switch (inject_mbox_next(&s->mbox, &item->place, &item->begin,
	    &item->end, next_r)) {
	case INJECT_MBOX_MESSAGE:
		return make_key(s, item, err) == -1 ? INJECT_FAILED :
		    INJECT_NEXT;
	case INJECT_MBOX_END:
		return INJECT_END;
	case INJECT_MBOX_NONE:
		(void)err_set(err, "%s: it does not begin as an mbox does",
		    s->base.path);
		return INJECT_FAILED;
	case INJECT_MBOX_FAILED:
		(void)err_set(err, "%s: %s", s->base.path, strerror(errno));
		return INJECT_FAILED;
	}
	return INJECT_FAILED;
}

static enum inject_next
next(struct inject_source *base, struct inject_item *item, struct err *err)
{
	struct source		*s = (struct source *)base;
	off_t			 end = 0;
	enum inject_next	 got = next_of(s, item, &end, err);

	if (got == INJECT_NEXT)
		s->base.done = (uint64_t)end;
	return got;
}

/* 0; -1 with err: it is none that we may read. */
static int
check(const struct source *s, const struct stat *st, struct err *err)
{
	if (!S_ISREG(st->st_mode))
		return err_set(err, "%s: it is no file", s->base.path);
	return !inject_place_is_others(s->place.dir, st) ? 0 :
	    err_set(err, "%s: it is another user's file, too, which root does "
	    "not take for this one's", s->base.path);
}

/* Nothing that a program is still writing: whoever writes has the lock. */
static int
look(struct source *s, struct err *err)
{
	struct stat	 st;
	int		 status;

	if (take_lock(s, err) == -1)
		return -1;
	status = fstat(s->fd, &st);
	if (status == -1)
		(void)err_set(err, "%s: %s", s->base.path, strerror(errno));
	else
		status = check(s, &st, err);
	unlock(s);
	if (status == -1)
		return -1;
	s->base.inode = st.st_ino;
	s->base.total = (uint64_t)st.st_size;
	inject_mbox_open(&s->mbox, s->fd, st.st_size);
	return 0;
}

static int
rewind_it(struct inject_source *base, struct err *err)
{
	struct source	*s = (struct source *)base;

	(void)err;
	inject_mbox_open(&s->mbox, s->fd, (off_t)s->base.total);
	return 0;
}

static int
remove_it(struct inject_source *base, const struct inject_item *item,
    struct err *err)
{
	(void)base;
	(void)item;
	(void)err;
	return 0;
}

static bool
is_at(struct inject_source *base, const struct inject_item *item, off_t place)
{
	struct source		*s = (struct source *)base;
	struct inject_item	 other = *item;
	char			 buf[INJECT_MBOX_FROM_MAX];
	ssize_t			 n = pread(s->fd, buf, sizeof buf, place);
	const char		*end;

	end = n <= 0 ? NULL : memchr(buf, '\n', (size_t)n);
	if (end == NULL || !inject_mbox_is_from((struct span){ buf,
	    (size_t)(end - buf) }))
		return false;
	other.begin = place + (end + 1 - buf);
	other.end = other.begin + (item->end - item->begin);
	return inject_source_digest(&other, NULL) == 0 &&
	    memcmp(other.digest, item->digest, sizeof other.digest) == 0;
}

static bool
is_same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* What was seen in it counts as long as nobody has written to it. */
static void
forget_if_changed(struct source *s)
{
	struct stat	 st;
	bool		 is_known = fstat(s->fd, &st) == 0;

	if (is_known && st.st_size == s->asked_of.st_size &&
	    is_same_time(st.st_mtim, s->asked_of.st_mtim) &&
	    is_same_time(st.st_ctim, s->asked_of.st_ctim))
		return;
	memset(s->asked, 0, sizeof s->asked);
	memset(&s->asked_of, 0, sizeof s->asked_of);
	if (is_known)
		s->asked_of = st;
}

static char *
asked(struct inject_source *base, const struct inject_item *item)
{
	struct source	*s = (struct source *)base;
	struct asked	*a;

	forget_if_changed(s);
	a = &s->asked[(item->digest[0] << 8 | item->digest[1]) % ASKED_MAX];
	if (memcmp(a->digest, item->digest, sizeof a->digest) != 0) {
		memcpy(a->digest, item->digest, sizeof a->digest);
		a->place[0] = '\0';
	}
	return a->place;
}

/*
 * Taking messages out
 */

/* Copies what is not done.  1, 0: there was nothing to take out; -1. */
static int
copy_rest(struct source *s, const struct inject_finish *how, off_t size,
    int to, struct err *err)
{
	struct inject_item	 item;
	enum inject_next	 got;
	off_t			 next = 0;
	int			 out = 0, status = 0;

	inject_mbox_open(&s->mbox, s->fd, size);
	for (;;) {
		memset(&item, 0, sizeof item);
		item.fd = -1;
		got = next_of(s, &item, &next, err);
		if (got == INJECT_NEXT && how->is_done(how->arg, &item))
			out = 1;
		else if (got == INJECT_NEXT && inject_source_copy(s->fd,
		    item.place, next, to) == -1)
			status = err_set(err, "%s: %s", s->base.path,
			    strerror(errno));
		inject_source_clear(&item);
		if (got != INJECT_NEXT || status == -1)
			return got == INJECT_END ? out : -1;
	}
}

/* Its mode and its owner are those of the old one. */
static int
make_beside(const struct source *s, const char *name, const struct stat *st,
    struct err *err)
{
	int	 dir = s->place.dir, fd;

	(void)unlinkat(dir, name, 0);	/* of one that was killed */
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd != -1 && fchown(fd, st->st_uid, st->st_gid) == 0 &&
	    fchmod(fd, st->st_mode & 0777) == 0)
		return fd;
	(void)err_set(err, "%s.xcontext: %s", s->base.path, strerror(errno));
	if (fd == -1)
		return -1;
	(void)unlinkat(dir, name, 0);
	(void)close(fd);
	return -1;
}

static int
take_place(struct source *s, const struct inject_finish *how, int fd,
    const char *beside, struct err *err)
{
	const struct inject_place	*place = &s->place;
	struct stat			 st;

	if (fsync(fd) == -1 || fstat(fd, &st) == -1)
		return err_set(err, "%s.xcontext: %s", s->base.path,
		    strerror(errno));
	if (how->before(how->arg, st.st_ino, err) == -1)
		return -1;
	if (renameat(place->dir, beside, place->dir, place->name) == -1)
		return err_set(err, "%s: %s", s->base.path, strerror(errno));
	(void)inject_place_sync(place);
	return how->after(how->arg, err);
}

/* Locked. */
static int
rewrite(struct source *s, const struct inject_finish *how, struct err *err)
{
	char		 beside[NAME_SIZE];
	struct stat	 st, now;
	int		 fd, status;

	if (fstat(s->fd, &st) == -1 || fstatat(s->place.dir, s->place.name,
	    &now, AT_SYMLINK_NOFOLLOW) == -1)
		return err_set(err, "%s: %s", s->base.path, strerror(errno));
	if (st.st_dev != now.st_dev || st.st_ino != now.st_ino)
		return err_set(err, "%s: another file has taken its place, or "
		    "it is a link", s->base.path);
	(void)snprintf(beside, sizeof beside, "%s.xcontext", s->place.name);
	fd = make_beside(s, beside, &st, err);
	if (fd == -1)
		return -1;
	status = copy_rest(s, how, st.st_size, fd, err);
	if (status == 1)
		status = take_place(s, how, fd, beside, err);
	(void)unlinkat(s->place.dir, beside, 0);
	(void)close(fd);
	return status;
}

static int
finish(struct inject_source *base, const struct inject_finish *how,
    struct err *err)
{
	struct source	*s = (struct source *)base;
	int		 status;

	if (take_lock(s, err) == -1)
		return -1;
	status = rewrite(s, how, err);
	unlock(s);
	return status;
}

static void
close_it(struct inject_source *base)
{
	struct source	*s = (struct source *)base;

	if (s->fd != -1)
		(void)close(s->fd);
	inject_place_clear(&s->place);
	free(s);
}

static const struct inject_source_ops	 ops = {
	.next = next,
	.rewind = rewind_it,
	.remove = remove_it,
	.is_at = is_at,
	.asked = asked,
	.finish = finish,
	.close = close_it,
};

/* A lock for writing needs a file that may be written; --keep does not. */
static int
open_file(struct source *s, struct err *err)
{
	if (inject_place_init(&s->place, s->base.path, err) == -1)
		return -1;
	s->fd = inject_place_open(&s->place, O_RDWR | O_NONBLOCK, err);
	if (s->fd == -1 && (errno == EACCES || errno == EROFS))
		s->fd = inject_place_open(&s->place, O_RDONLY | O_NONBLOCK,
		    err);
	return s->fd == -1 ? -1 : 0;
}

struct inject_source *
inject_source_mbox(const char *path, enum inject_format format,
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
	s->fd = -1;
	if (open_file(s, err) == 0 && look(s, err) == 0)
		return &s->base;
	close_it(&s->base);
	return NULL;
}
