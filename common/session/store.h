/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store: where the programs of a host (or of many) keep the sessions.
 *
 * Sessions are kept by the MTA's process, which serves one at a time: a new
 * session of a process replaces the old one.  A store may be used by several
 * processes and threads at once.  Reading never waits for a writer.
 *
 * Beside the sessions it keeps what is revoked: peers, networks, profiles and
 * sessions that have no rights for the time being, whatever the tables say.  Who
 * asks after store_revoke has returned, in any process, is told; and it is on
 * disk, apart from the sessions, which end with the boot of the host.
 *
 * And it keeps what a relay hands over to an MTA that knows no XCLIENT: the
 * sessions whose mail comes by one of its outgoing sockets, kept by that
 * socket's own address and port, which the MTA's milter is told as the
 * client's.
 */
#ifndef XC_STORE_H
#define XC_STORE_H

#include "base/err.h"
#include "session/session.h"

enum store_result {
	STORE_FOUND,
	STORE_NONE,
	STORE_CANNOT_TELL	/* err says why: a temporary failure */
};

struct store;

/* In the state directory: what is revoked. */
#define STORE_REVOKED_DIRECTORY	"revoked"

/*
 * Opens "lmdb:/directory", which is made if it does not exist (mode 0700),
 * with room for size_mib MiB.  One that exists must be ours, no link, and
 * nobody else may write to it.  What an earlier boot of the host left in it is
 * thrown away: its processes are gone.
 *
 * What is revoked is in "revoked" in state_directory, for which the same holds;
 * but it is made when something is revoked for the first time, and kept.  One
 * that was there when it was last looked for and is not any more is no empty
 * one: nobody can tell.  NULL: err says why.
 */
struct store	*store_open(const char *url, unsigned size_mib,
		    const char *state_directory, struct err *err);
void		 store_close(struct store *store);

/*
 * Files that are removed, or replaced, while the store is open are noticed by
 * the next call, which opens what is there then.  fn is told so, once for each
 * time; in any thread, and it may not call the store.
 */
typedef void	store_replaced_fn(const char *where, void *arg);
void		store_on_replaced(struct store *store, store_replaced_fn *fn,
		    void *arg);

/* Writes a session, whole.  0, or -1 with err: nothing has changed. */
int	store_put(struct store *store, const struct session *s,
	    struct err *err);

/*
 * Changes the session of a process, if it has that id, in one step, since more
 * than one program may write it: fn gets it as it is, may change it, and
 * returns what to put in its place, which must be of the same process.
 * STORE_NONE: there is no such session.
 */
typedef const struct session *store_change_fn(struct session *s, void *arg);
enum store_result	store_change(struct store *store, pid_t pid,
			    const char *id, store_change_fn *fn, void *arg,
			    struct err *err);

/* The session of a process.  s must be initialised; written on FOUND. */
enum store_result	store_get(struct store *store, pid_t pid,
			    struct session *s, struct err *err);

/*
 * Calls fn for each session whose client has that address, until fn returns
 * false.  STORE_FOUND if fn was called at all.
 */
enum store_result	store_find_client(struct store *store,
			    const struct address *client,
			    bool (*fn)(const struct session *, void *),
			    void *arg, struct err *err);

/* As store_find_client, for all sessions. */
enum store_result	store_each(struct store *store,
			    bool (*fn)(const struct session *, void *),
			    void *arg, struct err *err);

/* Removes the session of a process if it has that id (NULL: any); none is no
 * error. */
int	store_delete(struct store *store, pid_t pid, const char *id,
	    struct err *err);

/* The longest reason of a revocation, NUL included. */
#define STORE_REASON_SIZE	256

/* A revocation, as it is seen during a call. */
struct store_revocation {
	const char	*what;
	uint64_t	 until_ms;	/* since 1970; 0: for good */
	const char	*reason;	/* NULL or "": none was given */
};

typedef bool store_revocation_fn(const struct store_revocation *revocation,
    void *arg);

/*
 * Revokes "profile=NAME", "peer=ADDRESS", "network=ADDRESS/BITS" or
 * "session=NAME" in place of what was said of it before; a reason is cut to
 * what there is room for.  It is on disk when this returns.  0, or -1 with err:
 * nothing has changed.
 */
int	store_revoke(struct store *store,
	    const struct store_revocation *revocation, struct err *err);

/* Takes that back; none is no error. */
int	store_unrevoke(struct store *store, const char *what,
	    struct err *err);

/* Whose rights are asked about. */
struct store_holder {
	const struct address	*peer;		/* AF_UNSPEC: nobody's */
	const char		*profile;	/* NULL: none */
	const char		*session;	/* its name, or NULL */
};

/*
 * STORE_FOUND if the peer, a network that it is in, the profile or the session
 * is revoked at now_ms.  Costs next to nothing while nothing at all is revoked.
 */
enum store_result	store_is_revoked(struct store *store,
			    const struct store_holder *holder,
			    uint64_t now_ms, struct err *err);

/*
 * Calls fn for each revocation, also those whose time is over (they stay until
 * they are taken back), until fn returns false.  STORE_FOUND if fn was called
 * at all.
 */
enum store_result	store_each_revoked(struct store *store,
			    store_revocation_fn *fn, void *arg,
			    struct err *err);

/*
 * Hands a session over, in place of what was handed over by that socket
 * before.  s->pid and s->pid_start are the relay's process, which is what makes
 * the record worth anything: procinfo_is() has to say that it is there.
 *
 * The socket has to be bound to the address (no wildcard) and the port first,
 * without SO_REUSEADDR or SO_REUSEPORT, so that nobody else on this host can
 * send from there; connected only when this has returned; and closed only when
 * store_hand_over_end has.  What changes is put again before the MTA gets a
 * command for which it counts: at the latest before MAIL.
 *
 * 0, or -1 with err: nothing has changed.
 */
int	store_hand_over(struct store *store, const struct address *addr,
	    uint16_t port, const struct session *s, struct err *err);

/*
 * What was handed over by the socket that has that address and port (AF_UNSPEC
 * and 0: nothing).  s must be initialised; written on FOUND.  Whether its
 * process lives is the caller's to find out.
 */
enum store_result	store_handed_over(struct store *store,
			    const struct address *addr, uint16_t port,
			    struct session *s, struct err *err);

/* Ends that, if the session has that id (NULL: any); none is no error. */
int	store_hand_over_end(struct store *store, const struct address *addr,
	    uint16_t port, const char *id, struct err *err);

/*
 * Calls fn for each session that is handed over, with the socket's address and
 * port, until fn returns false.  STORE_FOUND if fn was called at all.
 */
typedef bool store_handed_over_fn(const struct address *addr, uint16_t port,
    const struct session *s, void *arg);
enum store_result	store_each_handed_over(struct store *store,
			    store_handed_over_fn *fn, void *arg,
			    struct err *err);

#endif
