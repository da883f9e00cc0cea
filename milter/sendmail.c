/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * sendmail: the record's life, and what X commands make of it.
 */
#include "sendmail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "session_change.h"

/* A store that fails must not leave an identity that only we know of. */
static bool
save(struct sendmail *sm)
{
	struct err	 err;

	if (sm->session.pid == 0)
		return true;
	if (store_put(sm->store, &sm->session, &err) != 0) {
		journal_error(sm->session.id, &err);
		session_refuse_mail(&sm->session, VERDICT_TEMPFAIL,
		    REASON_CANNOT_TELL, "the session store failed");
		return false;
	}
	sm->has_record = true;
	return true;
}

static void
audit(struct sendmail *sm, enum session_event event, const char *text,
    uint64_t now_ms)
{
	/* Out of memory costs a line of the trail, not the decision. */
	(void)session_audit_add(&sm->session, sm->conf->limits.audit_entries,
	    now_ms, event, text);
	sm->session.changed_ms = now_ms;
}

static void
refuse(struct sendmail *sm, const struct verdict *verdict, const char *command,
    uint64_t now_ms)
{
	session_deny(&sm->session, verdict, sm->profile != NULL &&
	    trust_profile_report_only(sm->profile));
	audit(sm, SESSION_REFUSED, verdict->text, now_ms);
	journal_command("refuse", &sm->session, verdict, command, NULL);
}

static void
classify(struct sendmail *sm, const char *name, uint64_t now_ms)
{
	struct session		*s = &sm->session;
	const struct trust_peer	 peer = { .addr = s->peer, .name = name,
				     .listener = s->listener };
	struct verdict		 verdict;
	struct err		 err;

	if (trust_classify(sm->conf->trust, &peer, &sm->profile, verdict.rule,
	    sizeof verdict.rule, &err) == TRUST_OK) {
		if (session_set_text(&s->profile,
		    trust_profile_name(sm->profile)) &&
		    session_set_text(&s->rule, verdict.rule) &&
		    session_set_text(&s->peer_name, name))
			return;
		(void)err_set(&err, "out of memory");
	}
	sm->profile = NULL;
	journal_error(s->id, &err);
	trust_violation(NULL, REASON_CANNOT_TELL,
	    "it cannot be told who may do what", &verdict);
	refuse(sm, &verdict, NULL, now_ms);
}

void
sendmail_begin(struct sendmail *sm, struct conf *conf, struct store *store,
    const struct sendmail_peer *peer, uint64_t now_ms)
{
	struct session	*s = &sm->session;

	*sm = (struct sendmail){ .conf = conf, .store = store };
	session_init(s);
	session_name(s, now_ms);
	s->mta = SESSION_SENDMAIL;
	if (peer->listener != NULL &&
	    strlen(peer->listener) < sizeof s->listener)
		(void)strcpy(s->listener, peer->listener);
	s->pid = peer->pid;
	s->pid_start = peer->pid_start;
	s->peer = s->client = peer->addr;
	s->client_port = peer->port;
	classify(sm, peer->name, now_ms);
	if (sm->profile != NULL && trust_profile_may_any(sm->profile))
		audit(sm, SESSION_BEGUN, s->profile, now_ms);
	(void)save(sm);
}

void
sendmail_end(struct sendmail *sm)
{
	struct err	 err;

	if (sm->has_record && store_delete(sm->store, sm->session.pid,
	    sm->session.id, &err) != 0)
		journal_error(sm->session.id, &err);
	session_clear(&sm->session);
	*sm = (struct sendmail){ .conf = NULL };
}

static void
seal_if(struct sendmail *sm, enum trust_seal when, const char *by,
    uint64_t now_ms)
{
	if (!session_seals_by(&sm->session, sm->profile, when))
		return;
	sm->session.is_sealed = true;
	audit(sm, SESSION_SEALED, by, now_ms);
}

/* False: it cannot be told whether the peer's grants have been revoked. */
static bool
check_revoked(struct sendmail *sm, uint64_t now_ms)
{
	struct verdict	 verdict;
	struct err	 err;

	if (sm->profile == NULL || (!trust_profile_may_any(sm->profile) &&
	    !trust_profile_report_only(sm->profile)))
		return true;
	switch (store_is_revoked(sm->store, &sm->session.peer,
	    trust_profile_name(sm->profile), now_ms, &err)) {
	case STORE_NONE:
		return true;
	case STORE_CANNOT_TELL:
		journal_error(sm->session.id, &err);
		return false;
	case STORE_FOUND:
		break;
	}
	if (session_revoke(&sm->session, sm->profile)) {
		trust_violation(sm->profile, REASON_REVOKED,
		    "the grants of this peer have been revoked", &verdict);
		/* Even for one who only reports. */
		session_refuse_mail(&sm->session, verdict.action,
		    verdict.reason, verdict.text);
		refuse(sm, &verdict, NULL, now_ms);
	}
	sm->profile = trust_profile_find(sm->conf->trust, TRUST_STRANGER);
	return save(sm);
}

void
sendmail_greeting(struct sendmail *sm, uint64_t now_ms)
{
	seal_if(sm, TRUST_SEAL_GREETING, "greeting", now_ms);
	(void)save(sm);
}

bool
sendmail_mail(struct sendmail *sm, uint64_t now_ms)
{
	bool	 was_sealed = sm->session.is_sealed;

	if (!check_revoked(sm, now_ms))
		return false;
	seal_if(sm, TRUST_SEAL_GREETING, "mail", now_ms);
	return sm->session.is_sealed == was_sealed || save(sm);
}

/* Tells the client what it is to the session from now on. */
static void
accept_override(struct sendmail *sm, const struct judgement *j,
    struct enforce_answer *answer, uint64_t now_ms)
{
	char	 client[ADDRESS_TEXT_SIZE], text[128];
	char	*line = strdup(j->line);

	if (line == NULL) {
		enforce_cannot_tell(answer);
		return;
	}
	session_override(&sm->session, line, &j->override);
	(void)address_format(&sm->session.client, client, sizeof client);
	audit(sm, SESSION_OVERRIDDEN, client, now_ms);
	seal_if(sm, TRUST_SEAL_OVERRIDE, "override", now_ms);
	journal_command("override", &sm->session, &j->verdict,
	    trust_command_text(j->command), j->line);
	(void)snprintf(text, sizeof text, "%s accepted: the client is %s",
	    trust_command_text(j->command), client);
	enforce_accepted(text, sm->session.id, answer);
}

static void
accept_context(struct sendmail *sm, const struct judgement *j,
    struct enforce_answer *answer, uint64_t now_ms)
{
	char	 names[SESSION_AUDIT_NAMES], pairs[2 * CONTEXT_LINE_MAX];

	if (!context_set(&sm->session.context, &j->context,
	    CONTEXT_XSETCONTEXT, now_ms)) {
		enforce_cannot_tell(answer);
		return;
	}
	context_line_names(&j->context, names, sizeof names);
	context_line_pairs(&j->context, pairs, sizeof pairs);
	audit(sm, SESSION_CONTEXT, names, now_ms);
	journal_command("permit", &sm->session, &j->verdict,
	    trust_command_text(j->command), pairs);
	enforce_accepted("XSETCONTEXT accepted", sm->session.id, answer);
}

static void
execute(struct sendmail *sm, const struct judgement *j, uint64_t now_ms,
    struct enforce_answer *answer)
{
	switch (j->command) {
	case TRUST_XCLIENT:
	case TRUST_XREMOTEIP:
		accept_override(sm, j, answer, now_ms);
		break;
	case TRUST_XSETCONTEXT:
		accept_context(sm, j, answer, now_ms);
		break;
	case TRUST_XDUMPCONTEXT:
		journal_command("permit", &sm->session, &j->verdict,
		    trust_command_text(j->command), NULL);
		enforce_accepted("XDUMPCONTEXT", sm->session.id, answer);
		return;
	case TRUST_XFORWARD:
		enforce_accepted("XFORWARD", sm->session.id, answer);
		return;
	}
	if (!save(sm))
		enforce_cannot_tell(answer);
}

void
sendmail_command(struct sendmail *sm, enum trust_command command,
    struct span args, bool in_mail, uint64_t now_ms,
    struct enforce_answer *answer)
{
	struct judge_facts	 facts = { .conf = sm->conf,
				     .session = &sm->session };
	struct judgement	*j = malloc(sizeof *j);

	if (j == NULL || !check_revoked(sm, now_ms)) {
		enforce_cannot_tell(answer);
		free(j);
		return;
	}
	facts.profile = sm->profile;
	judge_command(&facts, command, args, j);
	if (j->verdict.action != VERDICT_PERMIT) {
		refuse(sm, &j->verdict, trust_command_text(command), now_ms);
		(void)save(sm);
		enforce_refused(&j->verdict, &sm->session, answer);
	} else if (in_mail && command != TRUST_XSETCONTEXT &&
	    command != TRUST_XDUMPCONTEXT) {
		enforce_bad_sequence(trust_command_text(command),
		    sm->session.id, answer);
	} else {
		execute(sm, j, now_ms, answer);
	}
	free(j);
}
