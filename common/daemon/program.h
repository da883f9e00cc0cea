/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * program: the steps that the main() of each daemon takes alike, in the order
 * in which they stand here; what is its own, a main() does between them.
 *
 * They log, and end the program where it cannot go on: nothing but a main()
 * calls them.  The program's name is the one that daemon_options() got.
 */
#ifndef XC_PROGRAM_H
#define XC_PROGRAM_H

#include "daemon/control_server.h"
#include "daemon/daemon.h"
#include "daemon/metrics_http.h"
#include "session/store.h"
#include "shared/shared_probe.h"

struct event_base;

/* Says where and why it cannot go on, and exits 69, EX_UNAVAILABLE.  err NULL:
 * out of memory. */
_Noreturn void	program_die(const char *at, const struct err *err);

/*
 * As the user that it was started as: the log first, sockets and what else
 * only that user can open next, and then the end of all privileges, with a
 * runtime directory for the user that it becomes.
 */
void	program_open_log(const struct conf *conf);
void	program_raise_descriptors(unsigned n);	/* warns if it may not */
void	program_drop(const struct conf *conf);

/* In the background, if that is wanted: LMDB's locks survive no fork, and
 * neither do threads.  Never NULL. */
struct store	*program_open_store(const struct daemon_options *options,
		    const struct conf *conf);

/* What came of opening the metrics.  Mail does not wait for those who count
 * it, but a wrong setting ends the program. */
void	program_check_metrics(enum metrics_http_result result,
	    const struct err *err);

/* The control socket.  Without it there is all else: NULL, and a warning that
 * says why, unless it is not wanted. */
struct control_server	*program_open_control(const struct conf *conf,
			    struct event_base *base,
			    const struct control_server_ops *ops);

/* Looks, in the loop, whether the engine that hosts share, if there is one,
 * does what they need, and says what is wrong.  slot as in shared_probe.h. */
void	program_check_shared(struct conf *conf, struct event_base *base,
	    struct shared_probe **slot);

/* From here on it serves, and says so.  listen NULL: there are several. */
void	program_serving(const struct conf *conf, const char *listen);
/* ... and from here on not any more.  why NULL: it was told to stop. */
void	program_stopped(const char *why);

/* Serves, from the one to the other, until the loop is left. */
void	program_run(const struct conf *conf, struct event_base *base);

/*
 * A reload: reads the file anew.  NULL: it cannot be taken, the old
 * configuration stays in force, and all who must know have been told.  Else
 * the program ends what was begun by one of the other two: by _refused if it
 * cannot use what the file says, or by _reloaded when it does already, while
 * old is still there.
 */
struct conf	*program_reload(const struct daemon_options *options,
		    const struct conf *old);
void	program_reload_refused(const struct conf *old, const struct err *err);
void	program_reloaded(const struct conf *old, const struct conf *conf);

#endif
