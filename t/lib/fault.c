/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
#define _GNU_SOURCE
#include "fault.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <regex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lmdb.h>

#define PCRE2_MATCHLIMIT	(-47)	/* as pcre2.h has it */

#define K_NAME(kind, name, number)	[FAULT_##kind] = name,
static const char *const	 names[] = { FAULT_KINDS(K_NAME) };
#define K_NUMBER(kind, name, number)	[FAULT_##kind] = number,
static const int		 numbers[] = { FAULT_KINDS(K_NUMBER) };

/* As the test writes and reads it. */
struct control {
	uint32_t		 kind;
	int32_t			 error;		/* 0: that of the kind */
	_Atomic uint32_t	 n;		/* 0: nothing fails */
	_Atomic uint32_t	 counted;	/* of that kind, since */
	_Atomic uint32_t	 fired;
	uint32_t		 n_kinds;
	struct {
		char			 name[20];
		_Atomic uint32_t	 counted;
	}			 of[FAULT_KIND_COUNT];
};

static struct control	*control;

static void
begin_control(struct control *c)
{
	int	 i;

	for (i = 0; i < FAULT_KIND_COUNT; i++)
		strncpy(c->of[i].name, names[i], sizeof c->of[i].name - 1);
	c->n_kinds = FAULT_KIND_COUNT;
	control = c;
}

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
		begin_control(p);
}

/* Tells who was hit; without an allocation. */
static void
tell(enum fault_kind kind, uint32_t n, void *caller)
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

bool
fault_at(enum fault_kind kind, void *caller)
{
	uint32_t	 n;

	if (control == NULL)
		return false;
	atomic_fetch_add(&control->of[kind].counted, 1);
	if (control->n == 0 || control->kind != (uint32_t)kind)
		return false;
	n = atomic_fetch_add(&control->counted, 1) + 1;
	if (n != control->n)
		return false;
	tell(kind, n, caller);
	control->fired = 1;
	errno = control->error != 0 ? control->error : numbers[kind];
	return true;
}

/*
 * Memory: the C library's own names for the real ones.
 */

void	*__libc_malloc(size_t);
void	*__libc_calloc(size_t, size_t);
void	*__libc_realloc(void *, size_t);
void	*__libc_memalign(size_t, size_t);

void *
malloc(size_t size)
{
	return FAILS(MALLOC) ? NULL : __libc_malloc(size);
}

/* Who called is to be seen, and not the C library. */
char *
strndup(const char *text, size_t n)
{
	size_t	 len = strnlen(text, n);
	char	*copy = FAILS(MALLOC) ? NULL : __libc_malloc(len + 1);

	if (copy == NULL)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

char *
strdup(const char *text)
{
	size_t	 len = strlen(text) + 1;
	char	*copy = FAILS(MALLOC) ? NULL : __libc_malloc(len);

	return copy == NULL ? NULL : memcpy(copy, text, len);
}

void *
calloc(size_t n, size_t size)
{
	return FAILS(CALLOC) ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t size)
{
	return FAILS(REALLOC) ? NULL : __libc_realloc(p, size);
}

void *
reallocarray(void *p, size_t n, size_t size)
{
	size_t	 all;

	if (__builtin_mul_overflow(n, size, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return FAILS(REALLOC) ? NULL : __libc_realloc(p, all);
}

void *
aligned_alloc(size_t alignment, size_t size)
{
	return FAILS(MEMALIGN) ? NULL : __libc_memalign(alignment, size);
}

int
posix_memalign(void **p_r, size_t alignment, size_t size)
{
	void	*p;

	if (FAILS(MEMALIGN))
		return errno;
	p = __libc_memalign(alignment, size);
	if (p == NULL)
		return ENOMEM;
	*p_r = p;
	return 0;
}
