/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * fault: preloaded into a daemon, lets one system call or allocation fail, as
 * it may on a host in want: the n-th of a kind since a test said so, once.
 *
 * The test writes what and when into the file XC_FAULT, which is mapped here,
 * and reads there how many there were and whether it has come to pass.  Who
 * called is told on standard error.  Libraries' calls count as the program's
 * own, but for those within the C library, which are none of this kind.
 */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KINDS(K)							\
	K(ACCEPT, "accept", EMFILE)					\
	K(CALLOC, "calloc", ENOMEM)					\
	K(CONNECT, "connect", ECONNREFUSED)				\
	K(EPOLL_CTL, "epoll_ctl", ENOMEM)				\
	K(FALLOCATE, "fallocate", ENOSPC)				\
	K(FCNTL, "fcntl", ENOLCK)					\
	K(FSTAT, "fstat", EIO)						\
	K(FTRUNCATE, "ftruncate", EIO)					\
	K(GETPEERNAME, "getpeername", ENOBUFS)				\
	K(GETSOCKNAME, "getsockname", ENOBUFS)				\
	K(GETSOCKOPT, "getsockopt", ENOBUFS)				\
	K(MALLOC, "malloc", ENOMEM)					\
	K(MMAP, "mmap", ENOMEM)						\
	K(OPEN, "open", EMFILE)						\
	K(OPENAT, "openat", EMFILE)					\
	K(POLL, "poll", ENOMEM)						\
	K(PREAD, "pread", EIO)						\
	K(PWRITE, "pwrite", ENOSPC)					\
	K(READ, "read", EIO)						\
	K(REALLOC, "realloc", ENOMEM)					\
	K(RECV, "recv", ENOMEM)					\
	K(SEND, "send", ENOBUFS)					\
	K(SENDMSG, "sendmsg", ENOBUFS)					\
	K(SOCKET, "socket", EMFILE)					\
	K(STAT, "stat", EACCES)						\
	K(WRITE, "write", ENOSPC)

#define K_ENUM(kind, name, number)	KIND_##kind,
enum kind { KINDS(K_ENUM) KIND_COUNT };
#define K_NAME(kind, name, number)	[KIND_##kind] = name,
static const char *const	 names[] = { KINDS(K_NAME) };
#define K_ERRNO(kind, name, number)	[KIND_##kind] = number,
static const int		 numbers[] = { KINDS(K_ERRNO) };

/* As the test writes and reads it. */
struct control {
	char			 kind[16];	/* "": nothing fails */
	_Atomic uint32_t	 n;		/* 0: nothing fails */
	_Atomic uint32_t	 counted;
	_Atomic uint32_t	 fired;
};

static struct control	*control;

static void __attribute__((constructor))
begin(void)
{
	const char	*path = getenv("XC_FAULT");
	long		 fd;
	void		*p;

	if (path == NULL)
		return;
	fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	if (fd == -1)
		return;
	p = (void *)syscall(SYS_mmap, NULL, sizeof *control,
	    PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)syscall(SYS_close, fd);
	if (p != MAP_FAILED)
		control = p;
}

/* Tells who was hit; without an allocation. */
static void
tell(enum kind kind, uint32_t n, void *caller)
{
	char	 line[256];
	Dl_info	 info;
	int	 len;

	if (dladdr(caller, &info) == 0)
		memset(&info, 0, sizeof info);
	len = snprintf(line, sizeof line, "fault: %s %u in %s+%#tx\n",
	    names[kind], n, info.dli_fname == NULL ? "?" : info.dli_fname,
	    (char *)caller - (char *)info.dli_fbase);
	(void)syscall(SYS_write, STDERR_FILENO, line, (size_t)len);
}

static bool
fails_at(enum kind kind, void *caller)
{
	uint32_t	 n;

	if (control == NULL || control->n == 0 ||
	    strcmp(control->kind, names[kind]) != 0)
		return false;
	n = atomic_fetch_add(&control->counted, 1) + 1;
	if (n != control->n)
		return false;
	tell(kind, n, caller);
	control->fired = 1;
	errno = numbers[kind];
	return true;
}

#define fails(kind)	fails_at(KIND_##kind, __builtin_return_address(0))

/*
 * Memory: the C library's own names for the real ones.
 */

void	*__libc_malloc(size_t);
void	*__libc_calloc(size_t, size_t);
void	*__libc_realloc(void *, size_t);

void *
malloc(size_t size)
{
	return fails(MALLOC) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	return fails(CALLOC) ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t size)
{
	return fails(REALLOC) ? NULL : __libc_realloc(p, size);
}

void *
reallocarray(void *p, size_t n, size_t size)
{
	size_t	 all;

	if (__builtin_mul_overflow(n, size, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return fails(REALLOC) ? NULL : __libc_realloc(p, all);
}

/*
 * System calls
 */

#define AS(kind, ...)	(fails(kind) ? -1 : syscall(__VA_ARGS__))

static mode_t
mode_of(int flags, va_list ap)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
}

int
open(const char *path, int flags, ...)
{
	va_list	 ap;
	mode_t	 mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return (int)AS(OPEN, SYS_openat, AT_FDCWD, path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
	va_list	 ap;
	mode_t	 mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return (int)AS(OPEN, SYS_openat, AT_FDCWD, path, flags, mode);
}

int
openat(int dir, const char *path, int flags, ...)
{
	va_list	 ap;
	mode_t	 mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return (int)AS(OPENAT, SYS_openat, dir, path, flags, mode);
}

ssize_t
read(int fd, void *buf, size_t n)
{
	return AS(READ, SYS_read, fd, buf, n);
}

ssize_t
write(int fd, const void *buf, size_t n)
{
	return AS(WRITE, SYS_write, fd, buf, n);
}

ssize_t
writev(int fd, const struct iovec *iov, int n)
{
	return AS(WRITE, SYS_writev, fd, iov, n);
}

ssize_t
pread(int fd, void *buf, size_t n, off_t off)
{
	return AS(PREAD, SYS_pread64, fd, buf, n, off);
}

ssize_t
pread64(int fd, void *buf, size_t n, off64_t off)
{
	return AS(PREAD, SYS_pread64, fd, buf, n, off);
}

ssize_t
pwrite(int fd, const void *buf, size_t n, off_t off)
{
	return AS(PWRITE, SYS_pwrite64, fd, buf, n, off);
}

ssize_t
pwrite64(int fd, const void *buf, size_t n, off64_t off)
{
	return AS(PWRITE, SYS_pwrite64, fd, buf, n, off);
}

ssize_t
recv(int fd, void *buf, size_t n, int flags)
{
	return AS(RECV, SYS_recvfrom, fd, buf, n, flags, NULL, NULL);
}

ssize_t
send(int fd, const void *buf, size_t n, int flags)
{
	return AS(SEND, SYS_sendto, fd, buf, n, flags, NULL, 0);
}

ssize_t
sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return AS(SENDMSG, SYS_sendmsg, fd, msg, flags);
}

int
accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	return (int)AS(ACCEPT, SYS_accept4, fd, addr, len, 0);
}

int
accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	return (int)AS(ACCEPT, SYS_accept4, fd, addr, len, flags);
}

int
connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return (int)AS(CONNECT, SYS_connect, fd, addr, len);
}

int
socket(int family, int type, int protocol)
{
	return (int)AS(SOCKET, SYS_socket, family, type, protocol);
}

int
getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	return (int)AS(GETPEERNAME, SYS_getpeername, fd, addr, len);
}

int
getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	return (int)AS(GETSOCKNAME, SYS_getsockname, fd, addr, len);
}

int
getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	return (int)AS(GETSOCKOPT, SYS_getsockopt, fd, level, name, value,
	    len);
}

int
fstat(int fd, struct stat *st)
{
	return (int)AS(FSTAT, SYS_newfstatat, fd, "", st, AT_EMPTY_PATH);
}

int
stat(const char *path, struct stat *st)
{
	return (int)AS(STAT, SYS_newfstatat, AT_FDCWD, path, st, 0);
}

int
fstatat(int dir, const char *path, struct stat *st, int flags)
{
	return (int)AS(STAT, SYS_newfstatat, dir, path, st, flags);
}

int
ftruncate(int fd, off_t len)
{
	return (int)AS(FTRUNCATE, SYS_ftruncate, fd, len);
}

int
fallocate(int fd, int mode, off_t off, off_t len)
{
	return (int)AS(FALLOCATE, SYS_fallocate, fd, mode, off, len);
}

int
posix_fallocate(int fd, off_t off, off_t len)
{
	if (fails(FALLOCATE))
		return errno;
	return syscall(SYS_fallocate, fd, 0, off, len) == 0 ? 0 : errno;
}

int
fcntl(int fd, int command, ...)
{
	va_list	 ap;
	void	*arg;

	va_start(ap, command);
	arg = va_arg(ap, void *);
	va_end(ap);
	return (int)AS(FCNTL, SYS_fcntl, fd, command, arg);
}

void *
mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	return (void *)AS(MMAP, SYS_mmap, addr, len, prot, flags, fd, off);
}

int
poll(struct pollfd *fds, nfds_t n, int timeout)
{
	return (int)AS(POLL, SYS_poll, fds, n, timeout);
}

int
epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	return (int)AS(EPOLL_CTL, SYS_epoll_ctl, epfd, op, fd, event);
}

/*
 * The names that some libraries call the same by.
 */

#define ALSO(was, name)							\
	extern __typeof__(was) also_##name __asm__(#name)		\
	    __attribute__((alias(#was), nothrow, leaf))

ALSO(openat, openat64);
ALSO(fstat, fstat64);
ALSO(stat, stat64);
ALSO(fstatat, fstatat64);
ALSO(ftruncate, ftruncate64);
ALSO(fallocate, fallocate64);
ALSO(posix_fallocate, posix_fallocate64);
ALSO(fcntl, fcntl64);
ALSO(mmap, mmap64);
