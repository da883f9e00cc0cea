/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * session_life: from the connection to the end of it: who the peer is, what
 * seals the session, what refuses its mail.
 */
#include "session/session_life_private.h"

#include <stdlib.h>
#include <string.h>

#include "session/revocation.h"
#include "session/session_change.h"

/*
 * What is told
 */

void
session_life_tell(const struct session_life *life, struct decision decision)
{
	decision.session = &life->session;
	decision.conf = life->conf;
	life->home.report(&decision, life->home.report_arg);
}

void
session_life_tell_error(const struct session_life *life,
    const struct verdict *verdict, const struct err *err)
{
	session_life_tell(life, (struct decision){ .event = DECISION_ERROR,
	    .verdict = verdict, .text = err->text });
}

struct decision
session_life_about(enum decision_event event, const struct judgement *j,
    const char *line)
{
	return (struct decision){ .event = event, .verdict = &j->verdict,
	    .command = trust_command_text(j->command), .said = j->said,
	    .line = line };
}

void
session_life_audit(struct session_life *life, enum session_event event,
    const char *text, uint64_t now_ms)
{
	/* Out of memory costs a line of the trail, not the decision. */
	(void)session_audit_add(&life->session,
	    life->conf->limits.audit_entries, now_ms, event, text);
	life->session.changed_ms = now_ms;
	life->is_changed = true;
}

/*
 * Refusals
 */

void
session_life_refuse_mail(struct session_life *life,
    enum verdict_action action, enum verdict_reason reason,
    const char *text, uint64_t now_ms)
{
	if (action <= life->session.refused)
		return;
	session_refuse_mail(&life->session, action, reason, text);
	session_life_audit(life, SESSION_REFUSED, text == NULL ? "" : text,
	    now_ms);
}

bool
session_life_only_reports(const struct session_life *life)
{
	return life->profile != NULL &&
	    trust_profile_report_only(life->profile);
}

void
session_life_deny(struct session_life *life, struct decision decision,
    bool is_reported, uint64_t now_ms)
{
	session_deny(&life->session, decision.verdict, is_reported);
	session_life_audit(life, SESSION_REFUSED, decision.verdict->text,
	    now_ms);
	session_life_tell(life, decision);
}

void
session_life_refuse(struct session_life *life,
    const struct verdict *verdict, uint64_t now_ms)
{
	session_life_deny(life, (struct decision){ .event = DECISION_REFUSE,
	    .verdict = verdict }, session_life_only_reports(life), now_ms);
}

void
session_life_refuse_now(struct session_life *life, const struct judgement *j,
    uint64_t now_ms)
{
	session_life_deny(life, session_life_about(DECISION_REFUSE, j, NULL),
	    true, now_ms);
}

void
session_life_violation(struct session_life *life, enum verdict_reason reason,
    const char *text, const char *line, uint64_t now_ms)
{
	struct verdict	 verdict;

	/* What nobody knows is no reason to refuse anything for good. */
	trust_violation(reason == REASON_NO_SESSION ? NULL : life->profile,
	    reason, text, &verdict);
	session_refuse_mail(&life->session, verdict.action, reason, text);
	session_life_audit(life, SESSION_REFUSED, text, now_ms);
	session_life_tell(life, (struct decision){ .event = DECISION_REFUSE,
	    .verdict = &verdict, .line = line });
}

void
session_life_doubt(struct session_life *life, enum verdict_reason reason,
    const char *text, uint64_t now_ms)
{
	session_life_refuse_mail(life, VERDICT_TEMPFAIL, reason, text, now_ms);
}

void
session_life_begin_message(struct session_life *life)
{
	if (session_begin_message(&life->session))
		life->is_changed = true;
}

void
session_life_end_message(struct session_life *life)
{
	if (session_end_message(&life->session))
		life->is_changed = true;
}

void
session_life_end_begun_message(struct session_life *life, bool in_mail)
{
	if (life->session.is_unforwarded_begun || in_mail)
		session_life_end_message(life);
}

void
session_life_end_former_message(struct session_life *life)
{
	const struct session	*s = &life->session;

	if (s->is_unforwarded_begun && !s->is_in_mail)
		session_life_end_message(life);
}

bool
session_life_refuses_message(const struct session_life *life,
    const struct verdict *verdict)
{
	return verdict->reason == REASON_CANNOT_TELL ||
	    !session_life_only_reports(life);
}

/*
 * The beginning
 */

static bool
set_class(struct session *s, const struct trust_profile *profile,
    const char *rule, const struct session_life_peer *peer)
{
	return session_set_text(&s->profile, trust_profile_name(profile)) &&
	    session_set_text(&s->rule, rule) &&
	    session_set_text(&s->peer_name, peer->name) &&
	    session_set_text(&s->fingerprint, peer->fingerprint);
}

/* Asks trust who the peer is.  False: it cannot be told. */
static bool
ask_trust(struct session_life *life, const struct session_life_peer *peer,
    struct err *err)
{
	struct session		*s = &life->session;
	const struct trust_peer	 who = {
		.addr = s->peer, .name = peer->name,
		.fingerprint = peer->fingerprint, .listener = s->listener
	};
	struct verdict		 found;

	if (trust_classify(life->conf->trust, &who, &life->profile,
	    found.rule, sizeof found.rule, err) == TRUST_OK) {
		if (set_class(s, life->profile, found.rule, peer))
			return true;
		(void)err_set(err, "out of memory");
	}
	life->profile = NULL;
	return false;
}

void
session_life_classify(struct session_life *life,
    const struct session_life_peer *peer, uint64_t now_ms)
{
	/* A stranger's session is nothing to be written for that alone. */
	bool		 was_changed = life->is_changed;
	struct verdict	 verdict;
	struct err	 err;
	bool		 is_told = peer->is_nobody ||
			     ask_trust(life, peer, &err);

	session_life_audit(life, SESSION_BEGUN, life->profile == NULL ?
	    "unknown" : trust_profile_name(life->profile), now_ms);
	life->is_changed = was_changed || session_life_has_grants(life);
	if (session_life_has_grants(life))
		session_life_tell(life, (struct decision){
		    .event = DECISION_BEGIN });
	session_life_try_peer(life);
	if (is_told)
		return;
	trust_violation(NULL, REASON_CANNOT_TELL, SESSION_CANNOT_TELL,
	    &verdict);
	session_life_tell_error(life, &verdict, &err);
	session_life_refuse(life, &verdict, now_ms);
}

static struct session_life *
life_alloc(struct conf *conf, const struct session_life_home *home)
{
	struct session_life	*life = calloc(1, sizeof *life);

	if (life == NULL)
		return NULL;
	life->conf = conf_ref(conf);
	life->home = *home;
	session_init(&life->session);
	return life;
}

struct session_life *
session_life_new(struct conf *conf, const struct session_life_home *home,
    const struct session_life_peer *peer, uint64_t now_ms)
{
	struct session_life	*life = life_alloc(conf, home);
	struct session		*s;

	if (life == NULL)
		return NULL;
	s = &life->session;
	session_name(s, now_ms);
	s->keeper = peer->keeper;
	if (peer->listener != NULL &&
	    strlen(peer->listener) < sizeof s->listener)
		(void)strcpy(s->listener, peer->listener);
	s->pid = peer->pid;
	s->pid_start = peer->pid_start;
	s->peer = s->client = peer->addr;
	s->client_port = s->peer_port = peer->port;
	/* Others may look for any session but Postfix's. */
	life->is_changed = s->keeper != SESSION_KEEPER_POLICY;
	session_life_classify(life, peer, now_ms);
	return life;
}

static void
find_profile(struct session_life *life)
{
	const char	*name = life->session.profile;

	life->profile = name == NULL ? NULL :
	    trust_profile_find(life->conf->trust, name);
}

struct session_life *
session_life_load(struct conf *conf, const struct session_life_home *home,
    struct session *found)
{
	struct session_life	*life = life_alloc(conf, home);

	if (life == NULL)
		return NULL;
	life->session = *found;
	session_init(found);
	find_profile(life);
	life->has_record = true;
	return life;
}

void
session_life_adopt(struct session_life *life, struct session *handed,
    uint64_t now_ms)
{
	struct session	 old = life->session, *s = &life->session;

	*s = *handed;
	session_init(handed);
	s->keeper = old.keeper;
	s->pid = old.pid;
	s->pid_start = old.pid_start;
	life->is_changed = true;
	if (strcmp(s->id, old.id) == 0)
		session_life_refuse_mail(life, old.refused,
		    old.refused_reason, old.refused_text, now_ms);
	session_clear(&old);
	find_profile(life);
	/* What it would have asked of the mail, nobody can tell. */
	if (life->profile == NULL)
		session_life_doubt(life, REASON_CANNOT_TELL,
		    SESSION_PROFILE_GONE, now_ms);
	session_life_seal(life, "hand-over", now_ms);
	(void)session_life_keep(life, now_ms);
}

void
session_life_free(struct session_life *life)
{
	if (life == NULL)
		return;
	session_clear(&life->session);
	conf_unref(life->conf);
	free(life);
}

/*
 * What it is
 */

const struct session *
session_life_session(const struct session_life *life)
{
	return &life->session;
}

const struct trust_profile *
session_life_profile(const struct session_life *life)
{
	return life->profile;
}

const struct conf *
session_life_conf(const struct session_life *life)
{
	return life->conf;
}

bool
session_life_has_grants(const struct session_life *life)
{
	return life->profile != NULL && trust_profile_may_any(life->profile);
}

/*
 * Seals and revocations
 */

void
session_life_seal(struct session_life *life, const char *by, uint64_t now_ms)
{
	if (life->session.is_sealed)
		return;
	life->session.is_sealed = true;
	session_life_audit(life, SESSION_SEALED, by, now_ms);
	session_life_tell(life, (struct decision){ .event = DECISION_SEAL,
	    .line = by });
}

void
session_life_seal_if(struct session_life *life, enum trust_seal when,
    const char *by, uint64_t now_ms)
{
	if (session_seals_by(&life->session, life->profile, when))
		session_life_seal(life, by, now_ms);
}

static void
revoke(struct session_life *life, uint64_t now_ms)
{
	if (session_revoke(&life->session, life->profile))
		session_life_violation(life, REASON_REVOKED, REVOCATION_TEXT,
		    NULL, now_ms);
	else
		session_life_audit(life, SESSION_REFUSED, REVOCATION_TEXT,
		    now_ms);
	life->profile = trust_profile_find(life->conf->trust, TRUST_STRANGER);
}

/* A profile that a record names, and that has been taken out since. */
static bool
is_profile_gone(const struct session_life *life)
{
	return life->profile == NULL && life->session.profile != NULL;
}

bool
session_life_check_revoked(struct session_life *life, uint64_t now_ms)
{
	struct err	 err;

	/* What it granted, what it asks of the mail, and whether it was taken
	 * out for that: nobody can tell. */
	if (is_profile_gone(life)) {
		session_life_doubt(life, REASON_CANNOT_TELL,
		    SESSION_PROFILE_GONE, now_ms);
		return true;
	}
	switch (revocation_find(life->home.store, &life->session,
	    life->profile, now_ms, &err)) {
	case STORE_NONE:
		return true;
	case STORE_CANNOT_TELL:
		session_life_tell_error(life, NULL, &err);
		return false;
	case STORE_FOUND:
		break;
	}
	revoke(life, now_ms);
	return true;
}
