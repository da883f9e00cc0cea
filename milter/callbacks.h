/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * callbacks: what libmilter calls.
 *
 * A callback touches its own session, a configuration that never changes, and
 * the store, which it only reads; so none of them ever waits.  What a session
 * gets is decided by enforce.
 */
#ifndef XC_CALLBACKS_H
#define XC_CALLBACKS_H

#include "conf.h"
#include "peerpid.h"
#include "store.h"

/* Tells libmilter of the callbacks: the first thing to be done with it. */
int	callbacks_register(struct err *err);

/*
 * What the sessions work with; to be called before smfi_main().  store must
 * live until callbacks_stop() has returned.  conf: a reference is taken.
 */
void	callbacks_start(struct store *store, struct conf *conf,
	    const struct peerpid *listen);

/* Sessions that begin from now on go by conf (a reference is taken); the
 * others go on with what they began with. */
void	callbacks_set_conf(struct conf *conf);

/* How many milter sessions there are. */
unsigned	callbacks_sessions(void);

/*
 * When it returns, no callback is using the store or a configuration, and
 * none ever will: every later one is answered with a temporary failure.
 */
void	callbacks_stop(void);

#endif
