/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_place: see inject_place.h.
 */
#include "inject_place.h"

#include <sys/vfs.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <unistd.h>

#define DIRECTORY	(O_PATH | O_DIRECTORY)
#define LINKS_MAX	32

struct walk {
	const char	*path;		/* as we were told, for err */
	unsigned	 n_links;
	bool		 is_ours;	/* so far */
	struct err	*err;
};

static int	reach(struct walk *walk, int at, const char *path, int flags);

static bool
is_root(void)
{
	return geteuid() == 0;
}

static int
failed(const struct walk *w, int code)
{
	(void)err_set(w->err, "%s: %s", w->path, strerror(code));
	errno = code;
	return -1;
}

/* What nobody else can rename or remove in it: all, or, with the sticky bit,
 * what is root's; that is seen when it is entered. */
static void
look(struct walk *w, int dir)
{
	struct stat	 st;

	if (fstat(dir, &st) == -1 || st.st_uid != 0 ||
	    ((st.st_mode & 022) != 0 && (st.st_mode & S_ISVTX) == 0))
		w->is_ours = false;
}

/* Those of /proc have no path, and are the kernel's own. */
static bool
is_magic(int fd)
{
	struct statfs	 fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* link is the link itself. */
static int
follow_link(struct walk *w, int at, const char *name, int link, int flags)
{
	char		 target[PATH_MAX];
	struct stat	 st;
	ssize_t		 n;

	if (fstat(link, &st) == -1)
		return failed(w, errno);
	if (!S_ISLNK(st.st_mode))
		return failed(w, ENOTDIR);
	if (is_root() && st.st_uid != 0) {
		(void)err_set(w->err, "%s: \"%s\" is a link of another user's, "
		    "which root does not follow", w->path, name);
		errno = EPERM;
		return -1;
	}
	if (is_magic(link)) {
		n = openat(at, name, flags | O_CLOEXEC);
		return n == -1 ? failed(w, errno) : (int)n;
	}
	n = readlinkat(link, "", target, sizeof target - 1);
	if (n <= 0 || ++w->n_links > LINKS_MAX)
		return failed(w, n == -1 ? errno : ELOOP);
	target[n] = '\0';
	return reach(w, at, target, flags);
}

static int
enter(struct walk *w, int at, const char *name, int flags)
{
	int	 link, got, code;

	look(w, at);
	got = openat(at, name, flags | O_NOFOLLOW | O_CLOEXEC);
	if (got != -1)
		return got;
	if (errno != ELOOP && errno != ENOTDIR)
		return failed(w, errno);
	link = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (link == -1)
		return failed(w, errno);
	got = follow_link(w, at, name, link, flags);
	code = errno;
	(void)close(link);
	errno = code;
	return got;
}

/* Takes the next name off *path, which is "" behind the last. */
static bool
next_name(const char **path, char name[NAME_MAX + 1])
{
	size_t	 n = strcspn(*path, "/");

	if (n > NAME_MAX)
		return false;
	memcpy(name, *path, n);
	name[n] = '\0';
	*path += n;
	*path += strspn(*path, "/");
	return true;
}

static int
reach(struct walk *w, int at, const char *path, int flags)
{
	char	 name[NAME_MAX + 1] = ".";
	int	 fd, next;

	fd = path[0] == '/' ? open("/", DIRECTORY | O_CLOEXEC) :
	    openat(at, ".", DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return failed(w, errno);
	path += strspn(path, "/");
	do {
		if (*path != '\0' && !next_name(&path, name)) {
			(void)close(fd);
			return failed(w, ENAMETOOLONG);
		}
		next = enter(w, fd, name, *path == '\0' ? flags : DIRECTORY);
		(void)close(fd);
		fd = next;
	} while (fd != -1 && *path != '\0');
	return fd;
}

int
inject_place_reach(const char *path, int flags, struct err *err)
{
	struct walk	 w = { .path = path, .err = err };

	return *path == '\0' ? failed(&w, ENOENT) :
	    reach(&w, AT_FDCWD, path, flags);
}

/* Cuts the path before its last name; buf is ".", or ends in "/". */
static int
cut(const char *path, char buf[PATH_MAX], char name[NAME_MAX + 1])
{
	size_t	 n = strlen(path), begin;

	while (n > 1 && path[n - 1] == '/')
		n--;
	for (begin = n; begin > 0 && path[begin - 1] != '/'; begin--)
		continue;
	if (n - begin > NAME_MAX || begin >= PATH_MAX)
		return ENAMETOOLONG;
	if (n == 0)
		return ENOENT;
	memcpy(name, path + begin, n - begin);
	name[n - begin] = '\0';
	if (begin == n)
		(void)strcpy(name, ".");
	memcpy(buf, path, begin);
	buf[begin] = '\0';
	if (begin == 0)
		(void)strcpy(buf, ".");
	return 0;
}

static int
init(struct inject_place *place, struct walk *w)
{
	char	 buf[PATH_MAX];
	int	 code;

	place->dir = -1;
	code = cut(w->path, buf, place->name);
	if (code != 0)
		return failed(w, code);
	place->dir = reach(w, AT_FDCWD, buf, DIRECTORY);
	return place->dir == -1 ? -1 : 0;
}

int
inject_place_init(struct inject_place *place, const char *path,
    struct err *err)
{
	struct walk	 w = { .path = path, .err = err };

	return init(place, &w);
}

void
inject_place_clear(struct inject_place *place)
{
	if (place->dir != -1)
		(void)close(place->dir);
	place->dir = -1;
}

int
inject_place_open(const struct inject_place *place, int flags,
    struct err *err)
{
	struct walk	 w = { .path = place->name, .err = err };

	return enter(&w, place->dir, place->name, flags);
}

int
inject_place_sync(const struct inject_place *place)
{
	int	 fd, status;

	fd = openat(place->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	status = fd == -1 ? -1 : fsync(fd);
	if (fd != -1)
		(void)close(fd);
	return status;
}

bool
inject_place_is_others(int dir, const struct stat *st)
{
	struct stat	 of;

	return is_root() && st->st_nlink > 1 &&
	    (fstat(dir, &of) == -1 || st->st_uid != of.st_uid);
}

int
inject_place_check(const char *path, struct err *err)
{
	struct walk		 w = { .path = path, .is_ours = true,
		.err = err };
	struct inject_place	 place;
	struct stat		 st;

	if (!is_root())
		return 0;
	if (init(&place, &w) == -1)
		return -1;
	/* Names beside it come into being later. */
	if (fstat(place.dir, &st) == -1 || st.st_uid != 0 ||
	    (st.st_mode & 022) != 0)
		w.is_ours = false;
	inject_place_clear(&place);
	return w.is_ours ? 0 : err_set(err, "%s: root writes only where "
	    "nobody else may", path);
}
