/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * revocation: whether the rights that a session rests on have been revoked
 * (xcontext(1), revoke), and what that makes of it.
 */
#ifndef XC_REVOCATION_H
#define XC_REVOCATION_H

#include "session/session.h"
#include "session/store.h"
#include "trust/trust.h"

/* Why such a session's mail is refused. */
#define REVOCATION_TEXT	"the grants of this peer have been revoked"

/*
 * STORE_FOUND if the session's peer, a network that it is in, this profile (its
 * own; NULL: it has none) or the session itself is revoked at now_ms.  A
 * profile that grants nothing (one on trial grants what it is tried with) has
 * nothing to lose: STORE_NONE.
 */
enum store_result	revocation_find(struct store *store,
			    const struct session *s,
			    const struct trust_profile *profile,
			    uint64_t now_ms, struct err *err);

/*
 * What a record that another program keeps comes to: if something rests on the
 * rights, its mail is refused, as the profile says.  It is for the copy that is
 * judged by; whoever keeps the record sees to it by itself.
 */
void	revocation_apply(struct session *s,
	    const struct trust_profile *profile);

#endif
