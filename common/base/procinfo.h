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
 * What can be said of a process.  That it could not be looked at (no
 * descriptor, hidepid, another pid namespace) is neither of the other two, and
 * nobody may act as if it were.
 */
enum procinfo_state {
	PROCINFO_THERE,
	PROCINFO_GONE,
	PROCINFO_CANNOT_TELL
};

/* TASK_COMM_LEN is 16; kernel threads' names are longer here (proc(5)). */
#define PROCINFO_COMMAND_SIZE	64

struct procinfo {
	uint64_t	start;	/* in clock ticks since boot; never 0 */
	char		command[PROCINFO_COMMAND_SIZE];
};

/*
 * The process that connected a UNIX-domain socket (SO_PEERCRED, unix(7)).
 * False: not such a socket, or it cannot be told.
 */
bool	procinfo_peer(int fd, struct procinfo_peer *peer_r);

/*
 * The start time (proc(5), field 22 of /proc/PID/stat) names a process,
 * with its pid, for as long as the host is up; the command's name is what the
 * process calls itself.  *info_r is written if it is there.
 */
enum procinfo_state	procinfo_look(pid_t pid, struct procinfo *info_r);

/* The start time alone. */
enum procinfo_state	procinfo_start(pid_t pid, uint64_t *start_r);

/*
 * Whether the process that had that start time is still there: gone is also
 * one whose number is another's by now, and whoever has no start time (0).
 */
enum procinfo_state	procinfo_is(pid_t pid, uint64_t start);

#endif
