/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * fault_system: the system calls that may fail.
 */
#define _GNU_SOURCE
#include "fault.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/vfs.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define AS(kind, ...)	(FAILS(kind) ? -1 : syscall(__VA_ARGS__))

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
pwrite(int fd, const void *buf, size_t n, off_t off)
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
	if (FAILS(FALLOCATE))
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

int
close(int fd)
{
	/* It is closed all the same. */
	if (FAILS(CLOSE)) {
		int	 error = errno;

		(void)syscall(SYS_close, fd);
		errno = error;
		return -1;
	}
	return (int)syscall(SYS_close, fd);
}

ssize_t
readv(int fd, const struct iovec *iov, int n)
{
	return AS(READV, SYS_readv, fd, iov, n);
}

ssize_t
recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *addr,
    socklen_t *len)
{
	return AS(RECV, SYS_recvfrom, fd, buf, n, flags, addr, len);
}

ssize_t
recvmsg(int fd, struct msghdr *msg, int flags)
{
	return AS(RECVMSG, SYS_recvmsg, fd, msg, flags);
}

ssize_t
readlink(const char *path, char *buf, size_t size)
{
	return AS(READLINK, SYS_readlinkat, AT_FDCWD, path, buf, size);
}

int
bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return (int)AS(BIND, SYS_bind, fd, addr, len);
}

int
listen(int fd, int n)
{
	return (int)AS(LISTEN, SYS_listen, fd, n);
}

int
shutdown(int fd, int how)
{
	return (int)AS(SHUTDOWN, SYS_shutdown, fd, how);
}

int
socketpair(int family, int type, int protocol, int fds[2])
{
	return (int)AS(SOCKETPAIR, SYS_socketpair, family, type, protocol, fds);
}

int
setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	return (int)AS(SETSOCKOPT, SYS_setsockopt, fd, level, name, value,
	    len);
}

int
ioctl(int fd, unsigned long request, ...)
{
	va_list	 ap;
	void	*arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	return (int)AS(IOCTL, SYS_ioctl, fd, request, arg);
}

int
pipe(int fds[2])
{
	return (int)AS(PIPE, SYS_pipe2, fds, 0);
}

int
pipe2(int fds[2], int flags)
{
	return (int)AS(PIPE, SYS_pipe2, fds, flags);
}

int
eventfd(unsigned n, int flags)
{
	return (int)AS(EVENTFD, SYS_eventfd2, n, flags);
}

int
timerfd_create(int clock, int flags)
{
	return (int)AS(TIMERFD, SYS_timerfd_create, clock, flags);
}

int
epoll_create1(int flags)
{
	return (int)AS(EPOLL_CREATE, SYS_epoll_create1, flags);
}

int
epoll_wait(int epfd, struct epoll_event *events, int n, int timeout)
{
	return (int)AS(EPOLL_WAIT, SYS_epoll_pwait, epfd, events, n, timeout,
	    NULL, 0);
}

int
access(const char *path, int mode)
{
	return (int)AS(ACCESS, SYS_faccessat, AT_FDCWD, path, mode);
}

int
chmod(const char *path, mode_t mode)
{
	return (int)AS(CHMOD, SYS_fchmodat, AT_FDCWD, path, mode);
}

int
mkdir(const char *path, mode_t mode)
{
	return (int)AS(MKDIR, SYS_mkdirat, AT_FDCWD, path, mode);
}

int
unlink(const char *path)
{
	return (int)AS(UNLINK, SYS_unlinkat, AT_FDCWD, path, 0);
}

int
unlinkat(int dir, const char *path, int flags)
{
	return (int)AS(UNLINK, SYS_unlinkat, dir, path, flags);
}

int
rename(const char *from, const char *to)
{
	return (int)AS(RENAME, SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int
flock(int fd, int how)
{
	return (int)AS(FLOCK, SYS_flock, fd, how);
}

int
lstat(const char *path, struct stat *st)
{
	return (int)AS(LSTAT, SYS_newfstatat, AT_FDCWD, path, st,
	    AT_SYMLINK_NOFOLLOW);
}

int
fstatfs(int fd, struct statfs *st)
{
	return (int)AS(FSTATFS, SYS_fstatfs, fd, st);
}

int
fdatasync(int fd)
{
	return (int)AS(FDATASYNC, SYS_fdatasync, fd);
}

int
fsync(int fd)
{
	return (int)AS(FDATASYNC, SYS_fsync, fd);
}

int
msync(void *p, size_t n, int flags)
{
	return (int)AS(MSYNC, SYS_msync, p, n, flags);
}

/*
 * The names that some libraries call the same by.
 */

#define ALSO(was, name)							\
	extern __typeof__(was) also_##name __asm__(#name)		\
	    __attribute__((alias(#was), nothrow, leaf))

ALSO(open, open64);
ALSO(openat, openat64);
ALSO(pread, pread64);
ALSO(pwrite, pwrite64);
ALSO(fstat, fstat64);
ALSO(stat, stat64);
ALSO(fstatat, fstatat64);
ALSO(ftruncate, ftruncate64);
ALSO(fallocate, fallocate64);
ALSO(posix_fallocate, posix_fallocate64);
ALSO(fcntl, fcntl64);
ALSO(lstat, lstat64);
ALSO(mmap, mmap64);
