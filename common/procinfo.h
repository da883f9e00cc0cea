/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * procinfo: facts about another process: who is behind a socket, and whether
 * the process of that number is still the same one.
 */
#ifndef XC_PROCINFO_H
#define XC_PROCINFO_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

/* pid is 0 where it cannot be had: TCP, or another pid namespace. */
struct procinfo_peer {
	pid_t	pid;
	uid_t	uid;
	gid_t	gid;
};

/*
 * The process that connected a UNIX-domain socket (SO_PEERCRED, unix(7)).
 * False: not such a socket.
 */
bool	procinfo_peer(int fd, struct procinfo_peer *peer_r);

/*
 * The start time of a process in clock ticks since boot (proc(5), field 22 of
 * /proc/PID/stat): with the pid it names a process for as long as the host
 * is up.  0: there is no such process, or it cannot be seen.
 */
uint64_t	procinfo_start(pid_t pid);

/* True if the process that had that start time is still there. */
bool	procinfo_is(pid_t pid, uint64_t start);

#endif
