/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * procstart: a table with one place for each remainder of a pid; a process
 * that needs the place of another takes it.
 */
#include "procstart.h"

#include <sys/pidfd.h>

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define PLACES	256

struct place {
	pid_t		 pid;	/* 0: free */
	int		 fd;
	uint64_t	 start;
};

struct procstart {
	pthread_mutex_t	 lock;	/* guards place */
	struct place	 place[PLACES];
};

struct procstart *
procstart_new(void)
{
	struct procstart	*starts;

	starts = calloc(1, sizeof *starts);
	if (starts != NULL && pthread_mutex_init(&starts->lock, NULL) != 0) {
		free(starts);
		return NULL;
	}
	return starts;
}

static void
vacate(struct place *place)
{
	if (place->pid != 0)
		(void)close(place->fd);
	place->pid = 0;
}

void
procstart_free(struct procstart *starts)
{
	unsigned	 i;

	if (starts == NULL)
		return;
	for (i = 0; i < PLACES; i++)
		vacate(&starts->place[i]);
	(void)pthread_mutex_destroy(&starts->lock);
	free(starts);
}

/* The descriptor of a process becomes readable when it ends. */
static bool
is_alive(int fd)
{
	struct pollfd	 pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 0;
}

/* The time counts as this process's only if the process, whose descriptor
 * was had before, is still there after. */
static enum procinfo_state
remember(struct place *place, pid_t pid)
{
	enum procinfo_state	 state;

	vacate(place);
	place->fd = pidfd_open(pid, 0);
	state = procinfo_start(pid, &place->start);
	if (place->fd == -1)
		return state;
	place->pid = pid;
	if (state != PROCINFO_THERE || !is_alive(place->fd))
		vacate(place);
	return state;
}

enum procinfo_state
procstart_get(struct procstart *starts, pid_t pid, uint64_t *start_r)
{
	enum procinfo_state	 state = PROCINFO_THERE;
	struct place		*place;

	if (starts == NULL || pid <= 0)
		return procinfo_start(pid, start_r);
	place = &starts->place[(unsigned)pid % PLACES];
	(void)pthread_mutex_lock(&starts->lock);
	if (place->pid != pid || !is_alive(place->fd))
		state = remember(place, pid);
	if (state == PROCINFO_THERE)
		*start_r = place->start;
	(void)pthread_mutex_unlock(&starts->lock);
	return state;
}
