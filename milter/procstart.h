/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * procstart: the start times of processes, remembered for as long as each of
 * them lives.
 *
 * An MTA's process comes back with one milter connection after the other, and
 * proc(5) is slow.  A remembered time is used only while a descriptor of the
 * process (pidfd_open(2)) says that it has not ended, so a number that passes
 * to another process is never taken for the old one.
 */
#ifndef XC_PROCSTART_H
#define XC_PROCSTART_H

#include <sys/types.h>

#include <stdint.h>

#include "base/procinfo.h"

struct procstart;

/* NULL: out of memory. */
struct procstart	*procstart_new(void);
void			 procstart_free(struct procstart *starts);

/*
 * As procinfo_start(); for threads.  starts may be NULL: then nothing is
 * remembered, and neither is it where the kernel has no such descriptors.
 */
enum procinfo_state	 procstart_get(struct procstart *starts, pid_t pid,
			    uint64_t *start_r);

#endif
