/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * service: see service.h.  Each field stands with what guards it.  service_stop
 * waits for the callbacks that are under way, and no longer: one that comes
 * later, in a thread that libmilter still has, is turned away at the gate.
 */
#include "service.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "procstart.h"

static struct {
	pthread_mutex_t	 lock;		/* guards conf */
	struct conf	*conf;

	atomic_int	 n_sessions;
	atomic_uint	 n_busy;	/* callbacks between enter and leave */
	atomic_bool	 is_stopping;
	atomic_flag	 has_told;

	/* Written before the first session only. */
	struct store	*store;
	struct procstart *starts;
	struct peerpid	 listen;
} service = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.has_told = ATOMIC_FLAG_INIT,
};

bool
service_enter(void)
{
	atomic_fetch_add(&service.n_busy, 1);
	if (!atomic_load(&service.is_stopping))
		return true;
	atomic_fetch_sub(&service.n_busy, 1);
	return false;
}

void
service_leave(void)
{
	atomic_fetch_sub(&service.n_busy, 1);
}

struct conf *
service_conf(void)
{
	struct conf	*conf;

	(void)pthread_mutex_lock(&service.lock);
	conf = conf_ref(service.conf);
	(void)pthread_mutex_unlock(&service.lock);
	return conf;
}

struct store *
service_store(void)
{
	return service.store;
}

struct procstart *
service_starts(void)
{
	return service.starts;
}

const struct peerpid *
service_listen(void)
{
	return &service.listen;
}

bool
service_once(void)
{
	return !atomic_flag_test_and_set(&service.has_told);
}

void
service_count(int add)
{
	atomic_fetch_add(&service.n_sessions, add);
}

unsigned
service_sessions(void)
{
	return (unsigned)atomic_load(&service.n_sessions);
}

void
service_set_conf(struct conf *conf)
{
	struct conf	*old;

	(void)pthread_mutex_lock(&service.lock);
	old = service.conf;
	service.conf = conf == NULL ? NULL : conf_ref(conf);
	(void)pthread_mutex_unlock(&service.lock);
	conf_unref(old);
}

void
service_start(struct store *store, struct conf *conf,
    const struct peerpid *listen)
{
	service.store = store;
	service.starts = procstart_new();
	service.listen = *listen;
	service_set_conf(conf);
}

void
service_stop(void)
{
	atomic_store(&service.is_stopping, true);
	while (atomic_load(&service.n_busy) > 0)
		(void)sched_yield();
	service_set_conf(NULL);
	procstart_free(service.starts);
	service.starts = NULL;
}
