/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * lookup: finds, in the store, the session that a milter connection belongs
 * to.  It only reads.
 */
#ifndef XC_LOOKUP_H
#define XC_LOOKUP_H

#include "session/store.h"

struct procstart;

/*
 * By what a session is known: the MTA's process; without it (pid 0) only the
 * client, which several sessions may have.
 */
struct lookup_key {
	pid_t		 pid;
	uint64_t	 pid_start;	/* 0: not yet asked for; filled in */
	struct procstart *starts;	/* to ask; NULL: the system itself */
	struct address	 client;
	uint16_t	 client_port;	/* 0: not known */
};

/*
 * STORE_FOUND: s, which must be initialised, holds the session.
 * STORE_NONE: the MTA's process has none, or what the store has belongs to an
 * earlier process of that number.
 * STORE_CANNOT_TELL: also where the store has one, and the process's start time
 * cannot be seen (no descriptor, proc(5) mounted with hidepid).
 *
 * By client, all that have the address, and not another port, are candidates,
 * and the least trusted is taken: one that is refused, the gravest refusal
 * first; then one of which a message is; then one that was denied a command;
 * then one without an override; then the one that changed last.
 */
enum store_result	lookup_session(struct store *store,
			    struct lookup_key *key, struct session *s,
			    struct err *err);

#endif
