/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * fault: preloaded into a daemon, lets one call fail, as it may on a host in
 * want or with a broken disk: the n-th of a kind since a test said so, once.
 *
 * A kind is a system call, an allocation, or a question to LMDB or to a pattern
 * of a table.  The test writes what and when into the file XC_FAULT, which is
 * mapped here, and reads there how many of each kind there were and whether it
 * has come to pass.  Who called is told on standard error.  Libraries' calls
 * count as the program's own, but for those within the C library, which are
 * none of this kind.
 */
#ifndef XC_FAULT_H
#define XC_FAULT_H

#include <dlfcn.h>
#include <stdbool.h>

/*
 * Name, and how it fails unless the test wants it otherwise.  getrandom(2) is
 * none: arc4random_buf(3) asks within the C library.  Nor is epoll_wait(2)
 * anything but interrupted, nor a mutex anything but left by a writer who died.
 */
#define FAULT_KINDS(K)							\
	K(ACCEPT, "accept", EMFILE)					\
	K(ACCESS, "access", EACCES)					\
	K(BIND, "bind", EADDRINUSE)					\
	K(CALLOC, "calloc", ENOMEM)					\
	K(CHMOD, "chmod", EPERM)					\
	K(CLOSE, "close", EIO)						\
	K(CONNECT, "connect", ECONNREFUSED)				\
	K(EPOLL_CREATE, "epoll_create", EMFILE)				\
	K(EPOLL_CTL, "epoll_ctl", ENOMEM)				\
	K(EPOLL_WAIT, "epoll_wait", EINTR)				\
	K(EVENTFD, "eventfd", EMFILE)					\
	K(FALLOCATE, "fallocate", ENOSPC)				\
	K(FCNTL, "fcntl", ENOLCK)					\
	K(FDATASYNC, "fdatasync", EIO)					\
	K(FLOCK, "flock", ENOLCK)					\
	K(FOPEN, "fopen", EMFILE)					\
	K(FSTAT, "fstat", EIO)						\
	K(FSTATFS, "fstatfs", EIO)					\
	K(FTRUNCATE, "ftruncate", EIO)					\
	K(GETADDRINFO, "getaddrinfo", EAI_AGAIN)			\
	K(GETIFADDRS, "getifaddrs", ENOBUFS)				\
	K(GETPEERNAME, "getpeername", ENOBUFS)				\
	K(GETSOCKNAME, "getsockname", ENOBUFS)				\
	K(GETSOCKOPT, "getsockopt", ENOBUFS)				\
	K(IOCTL, "ioctl", ENOMEM)					\
	K(LISTEN, "listen", EADDRINUSE)					\
	K(LSTAT, "lstat", EACCES)					\
	K(MALLOC, "malloc", ENOMEM)					\
	K(MDB_CURSOR_GET, "mdb_cursor_get", MDB_CORRUPTED)		\
	K(MDB_CURSOR_OPEN, "mdb_cursor_open", ENOMEM)			\
	K(MDB_DBI_OPEN, "mdb_dbi_open", MDB_DBS_FULL)			\
	K(MDB_DEL, "mdb_del", MDB_MAP_FULL)				\
	K(MDB_ENV_CREATE, "mdb_env_create", ENOMEM)			\
	K(MDB_ENV_GET_FD, "mdb_env_get_fd", EINVAL)			\
	K(MDB_ENV_INFO, "mdb_env_info", EINVAL)				\
	K(MDB_ENV_OPEN, "mdb_env_open", MDB_INVALID)			\
	K(MDB_ENV_SET, "mdb_env_set", ENOMEM)				\
	K(MDB_ENV_STAT, "mdb_env_stat", EINVAL)				\
	K(MDB_GET, "mdb_get", MDB_PAGE_NOTFOUND)			\
	K(MDB_PUT, "mdb_put", MDB_MAP_FULL)				\
	K(MDB_READER_CHECK, "mdb_reader_check", ENOMEM)			\
	K(MDB_STAT, "mdb_stat", MDB_BAD_TXN)				\
	K(MDB_TXN_BEGIN, "mdb_txn_begin", MDB_READERS_FULL)		\
	K(MDB_TXN_COMMIT, "mdb_txn_commit", EIO)			\
	K(MDB_TXN_RENEW, "mdb_txn_renew", MDB_READERS_FULL)		\
	K(MEMALIGN, "memalign", ENOMEM)					\
	K(MKDIR, "mkdir", ENOSPC)					\
	K(MMAP, "mmap", ENOMEM)						\
	K(MSYNC, "msync", EIO)						\
	K(MUTEX, "mutex", EOWNERDEAD)					\
	K(OPEN, "open", EMFILE)						\
	K(OPENAT, "openat", EMFILE)					\
	K(OPENDIR, "opendir", EMFILE)					\
	K(PCRE2_MATCH, "pcre2_match", PCRE2_MATCHLIMIT)			\
	K(PIPE, "pipe", EMFILE)						\
	K(POLL, "poll", ENOMEM)						\
	K(PREAD, "pread", EIO)						\
	K(PTHREAD_CREATE, "pthread_create", EAGAIN)			\
	K(PWRITE, "pwrite", ENOSPC)					\
	K(READ, "read", EIO)						\
	K(READDIR, "readdir", EIO)					\
	K(READLINK, "readlink", EACCES)					\
	K(READV, "readv", EIO)						\
	K(REALLOC, "realloc", ENOMEM)					\
	K(RECV, "recv", ENOMEM)						\
	K(RECVMSG, "recvmsg", ENOMEM)					\
	K(REGEXEC, "regexec", REG_ESPACE)				\
	K(RENAME, "rename", ENOSPC)					\
	K(SEND, "send", ENOBUFS)					\
	K(SENDMSG, "sendmsg", ENOBUFS)					\
	K(SETSOCKOPT, "setsockopt", ENOBUFS)				\
	K(SHUTDOWN, "shutdown", ENOBUFS)				\
	K(SOCKET, "socket", EMFILE)					\
	K(SOCKETPAIR, "socketpair", EMFILE)				\
	K(STAT, "stat", EACCES)						\
	K(TIMERFD, "timerfd", EMFILE)					\
	K(UNLINK, "unlink", EACCES)					\
	K(WRITE, "write", ENOSPC)

#define FAULT_ENUM(kind, name, number)	FAULT_##kind,
enum fault_kind { FAULT_KINDS(FAULT_ENUM) FAULT_KIND_COUNT };

/* Counts a call; true if it is the one that fails: errno is set. */
bool	fault_at(enum fault_kind, void *caller);

#define FAILS(kind)	fault_at(FAULT_##kind, __builtin_return_address(0))

/* The function that would have been called without us. */
#define NEXT(name)							\
	({								\
		static __typeof__(name)	*next;				\
									\
		if (next == NULL)					\
			*(void **)&next = dlsym(RTLD_NEXT, #name);	\
		next;							\
	})

#endif
