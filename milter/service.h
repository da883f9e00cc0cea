/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * service: what all milter sessions work with, and the gate that keeps them
 * from using it when it goes away.
 *
 * libmilter hands its callbacks nothing but its own context, so this is static.
 */
#ifndef XC_SERVICE_H
#define XC_SERVICE_H

#include "conf/conf.h"
#include "peerpid.h"
#include "session/store.h"

struct procstart;

/*
 * What the sessions work with; to be called before smfi_main().  store must
 * live until service_stop() has returned.  conf: a reference is taken.
 */
void	service_start(struct store *store, struct conf *conf,
	    const struct peerpid *listen);

/* Sessions that begin from now on go by conf (a reference is taken); the
 * others go on with what they began with. */
void	service_set_conf(struct conf *conf);

/*
 * When it returns, no callback is using the store or a configuration, and
 * none ever will.
 */
void	service_stop(void);

/* Every callback goes through here; false: the service is at its end, and the
 * answer is a temporary failure. */
bool	service_enter(void);
void	service_leave(void);

/* Only between service_enter and service_leave: */
struct conf		*service_conf(void);	/* with a reference */
struct store		*service_store(void);
struct procstart	*service_starts(void);	/* NULL is allowed */
const struct peerpid	*service_listen(void);

/* True for the first who asks: for what is to be told once. */
bool			service_once(void);

/* A session began, or ended (add -1). */
void		service_count(int add);
/* How many there are. */
unsigned	service_sessions(void);

#endif
