/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * revocation: see revocation.h.
 */
#include "session/revocation.h"

#include "session/session_change.h"

enum store_result
revocation_find(struct store *store, const struct session *s,
    const struct trust_profile *profile, uint64_t now_ms, struct err *err)
{
	struct store_holder	 holder = { .peer = &s->peer,
				     .session = s->id };

	if (profile == NULL || !trust_profile_may_any(profile))
		return STORE_NONE;
	holder.profile = trust_profile_name(profile);
	return store_is_revoked(store, &holder, now_ms, err);
}

void
revocation_apply(struct session *s, const struct trust_profile *profile)
{
	struct verdict	 verdict;

	if (!session_rests_on_rights(s, profile))
		return;
	trust_violation(profile, REASON_REVOKED, REVOCATION_TEXT, &verdict);
	session_refuse_mail(s, verdict.action, REASON_REVOKED,
	    REVOCATION_TEXT);
}
