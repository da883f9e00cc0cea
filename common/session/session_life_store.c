/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * session_life_store: the record of a session.
 *
 * That of a Postfix session has two writers: xcontext-milter counts the mails
 * in it.  So it is changed in one step, and what the milter has told stays.
 */
#include "session/session_life_private.h"

#include <string.h>

#include "session/session_change.h"

/* The milter's part. */
static void
take_mails(struct session *to, const struct session *from)
{
	to->mails = from->mails;
	to->is_in_mail = from->is_in_mail;
}

/* A store_change_fn: what the milter has told meanwhile stays. */
static const struct session *
replace(struct session *old, void *arg)
{
	struct session_life	*life = arg;

	if (!life->is_anew)
		take_mails(&life->session, old);
	return &life->session;
}

bool
session_life_save(struct session_life *life)
{
	const struct session	*s = &life->session;
	enum store_result	 result = STORE_NONE;
	struct err		 err;

	if (!life->is_changed || s->pid == 0)
		return true;
	if (life->has_record && s->keeper == SESSION_KEEPER_POLICY)
		result = store_change(life->home.store, s->pid, s->id, replace,
		    life, &err);
	if (result == STORE_NONE &&
	    store_put(life->home.store, s, &err) != 0)
		result = STORE_CANNOT_TELL;
	if (result == STORE_CANNOT_TELL) {
		session_life_tell_error(life, NULL, &err);
		return false;
	}
	life->has_record = true;
	life->is_changed = false;
	life->is_anew = false;
	return true;
}

void
session_life_end(struct session_life *life)
{
	struct err	 err;

	if (life != NULL && life->has_record && store_delete(
	    life->home.store, life->session.pid, life->session.id, &err) != 0)
		session_life_tell_error(life, NULL, &err);
	session_life_free(life);
}

bool
session_life_has_record(const struct session_life *life)
{
	return life->has_record;
}

bool
session_life_is_changed(const struct session_life *life)
{
	return life->is_changed;
}

bool
session_life_refresh(struct session_life *life)
{
	enum store_result	 result;
	struct session		 s;
	struct err		 err;

	if (!life->has_record || life->is_anew)
		return true;
	session_init(&s);
	result = store_get(life->home.store, life->session.pid, &s, &err);
	if (result == STORE_FOUND && strcmp(s.id, life->session.id) == 0)
		take_mails(&life->session, &s);
	session_clear(&s);
	if (result == STORE_CANNOT_TELL)
		session_life_tell_error(life, NULL, &err);
	return result != STORE_CANNOT_TELL;
}

/* A store_change_fn. */
static const struct session *
end_mail(struct session *s, void *arg)
{
	struct session_life	*life = arg;

	s->is_in_mail = false;
	take_mails(&life->session, s);
	return s;
}

bool
session_life_end_mail(struct session_life *life)
{
	struct err	 err;

	if (!life->has_record) {
		life->session.is_in_mail = false;
		return true;
	}
	if (store_change(life->home.store, life->session.pid, life->session.id,
	    end_mail, life, &err) != STORE_CANNOT_TELL)
		return true;
	session_life_tell_error(life, NULL, &err);
	return false;
}

void
session_life_begin_mail(struct session_life *life)
{
	if (!session_is_mail_told(&life->session, life->profile))
		return;
	life->session.mails++;
	life->session.is_in_mail = true;
}
