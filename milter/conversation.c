/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conversation: see conversation.h.  Callers need not know who keeps the
 * record.  Postfix's is read afresh for each answer and let go of behind it
 * (conversation_release): a thousand idle sessions hold no records.
 *
 * Known limit: without the process behind the connection (no UNIX-domain
 * socket, another pid namespace) the record is found by the client's address,
 * and may be another session's.  It then refuses mail, but grants nothing, and
 * its context goes nowhere.
 */
#include "conversation.h"

#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "procstart.h"
#include "session/context_header.h"
#include "session/revocation.h"
#include "session/session_change.h"

struct conversation *
conversation_new(struct conf *conf, struct store *store)
{
	struct conversation	*c = calloc(1, sizeof *c);

	if (c == NULL) {
		conf_unref(conf);
		return NULL;
	}
	c->conf = conf;
	c->store = store;
	c->has_header_duty = conf->milter_header_names[0] != NULL;
	session_init(&c->record);
	return c;
}

void
conversation_free(struct conversation *c)
{
	if (c == NULL)
		return;
	session_life_end(c->life);
	message_clear(&c->message);
	session_clear(&c->record);
	conf_unref(c->conf);
	free(c->ehlo);
	free(c->auth_type);
	free(c->auth_authen);
	free(c->remote_name);
	free(c);
}

bool
conversation_keep(struct conversation *c, const char *listener,
    uint64_t now_ms)
{
	struct session_life_peer peer = {
		.keeper = SESSION_KEEPER_MILTER,
		.addr = c->connection.client,
		.port = c->connection.client_port,
		.name = c->remote_name,
		.listener = listener,
		.pid = c->key.pid,
	};

	/* It serves those who look for what is left over, not us. */
	if (peer.pid > 0 && procstart_get(c->key.starts, peer.pid,
	    &peer.pid_start) != PROCINFO_THERE)
		peer.pid_start = 0;
	c->life = keeper_begin(c->conf, c->store, &peer, now_ms);
	if (c->life == NULL)
		return false;
	/* Nobody else has a record of it that could disagree. */
	c->connection.is_by_pid = false;
	return true;
}

static enum store_result
find_record(struct conversation *c)
{
	enum store_result	 result;
	struct err		 err;

	session_clear(&c->record);
	result = lookup_session(c->store, &c->key, &c->record, &err);
	if (result == STORE_CANNOT_TELL)
		journal_error("", &err);
	else if (result == STORE_FOUND &&
	    enforce_is_other(&c->record, &c->connection))
		/* What is in it was not said here, or was refused here. */
		result = c->record.is_unproven ? STORE_CANNOT_TELL :
		    STORE_NONE;
	else if (result == STORE_FOUND && c->connection.id[0] == '\0' &&
	    enforce_is_proven(&c->record, &c->connection))
		memcpy(c->connection.id, c->record.id, sizeof c->connection.id);
	if (result != STORE_FOUND)
		session_clear(&c->record);
	return result;
}

/* The profile of the session that was found; NULL: it has none, or this
 * configuration does not know it. */
static const struct trust_profile *
profile_of(const struct conversation *c)
{
	const struct session	*s = conversation_session(c);

	if (conversation_is_kept(c))
		return session_life_profile(c->life);
	return s == NULL || s->profile == NULL ? NULL :
	    trust_profile_find(c->conf->trust, s->profile);
}

enum store_result
conversation_find(struct conversation *c)
{
	return conversation_is_kept(c) ? STORE_FOUND : find_record(c);
}

bool
conversation_check_revoked(struct conversation *c, uint64_t now_ms)
{
	const struct trust_profile	*profile = profile_of(c);
	struct err			 err;

	if (conversation_is_kept(c))
		return session_life_check_revoked(c->life, now_ms) &&
		    session_life_keep(c->life, now_ms);
	switch (revocation_find(c->store, &c->record, profile, now_ms, &err)) {
	case STORE_FOUND:
		revocation_apply(&c->record, profile);
		break;
	case STORE_NONE:
		break;
	case STORE_CANNOT_TELL:
		journal_error(c->record.id, &err);
		return false;
	}
	return true;
}

bool
conversation_rests_on_rights(const struct conversation *c)
{
	const struct session		*s = conversation_session(c);
	const struct trust_profile	*profile = profile_of(c);

	return s != NULL && profile != NULL &&
	    session_rests_on_rights(s, profile);
}

/* What the profile of the record would ask of its mail, nobody can tell. */
static bool
is_profile_gone(const struct conversation *c)
{
	const struct session	*s = conversation_session(c);

	return !conversation_is_kept(c) && c->connection.is_by_pid &&
	    s != NULL && s->profile != NULL && conversation_profile(c) == NULL;
}

void
conversation_enforce_mail(const struct conversation *c,
    struct enforce_reply *answer)
{
	const struct session	*s = conversation_session(c);

	enforce_mail(s, &c->connection, answer);
	if (answer->action == VERDICT_PERMIT && is_profile_gone(c))
		enforce_no_profile(s->id, answer);
}

void
conversation_release(struct conversation *c)
{
	session_clear(&c->record);
}

const struct session *
conversation_session(const struct conversation *c)
{
	if (conversation_is_kept(c))
		return session_life_session(c->life);
	return c->record.id[0] == '\0' ? NULL : &c->record;
}

const struct trust_profile *
conversation_profile(const struct conversation *c)
{
	/* A record that was found by client may be another session's. */
	return conversation_is_kept(c) || c->connection.is_by_pid ?
	    profile_of(c) : NULL;
}

void
conversation_greeting(struct conversation *c, const char *name,
    uint64_t now_ms)
{
	/* Without memory for the name, there are questions that cannot be asked. */
	c->is_ehlo_lost = !session_set_text(&c->ehlo, name);
	if (c->is_ehlo_lost)
		(void)session_set_text(&c->ehlo, NULL);
	message_clear(&c->message);
	if (conversation_is_kept(c))
		session_life_greeting(c->life, now_ms);
}

void
conversation_overridden(struct conversation *c)
{
	(void)session_set_text(&c->ehlo, NULL);
	c->is_ehlo_lost = false;
}

void
conversation_set_name(struct conversation *c, const char *name)
{
	c->is_name_lost = !session_set_text(&c->remote_name, name);
	if (c->is_name_lost)
		(void)session_set_text(&c->remote_name, NULL);
}

bool
conversation_is_whole(const struct conversation *c)
{
	return !c->is_ehlo_lost && !c->is_name_lost;
}

/* A store_change_fn. */
static const struct session *
tell_mail(struct session *s, void *arg)
{
	s->is_in_mail = *(const bool *)arg;
	if (s->is_in_mail)
		s->mails++;
	return s;
}

bool
conversation_mail(struct conversation *c)
{
	bool		 is_begun = true;
	struct err	 err;

	c->told_id[0] = '\0';
	if (conversation_is_kept(c) || !session_is_mail_told(&c->record,
	    conversation_profile(c)))
		return true;
	switch (store_change(c->store, c->key.pid, c->record.id, tell_mail,
	    &is_begun, &err)) {
	case STORE_FOUND:
		memcpy(c->told_id, c->record.id, sizeof c->told_id);
		return true;
	case STORE_NONE:
		return true;
	case STORE_CANNOT_TELL:
		break;
	}
	journal_error(c->record.id, &err);
	return false;
}

void
conversation_mail_end(struct conversation *c)
{
	bool		 is_begun = false;
	struct err	 err;

	message_clear(&c->message);
	if (c->told_id[0] == '\0')
		return;
	/* If it cannot be told, no override is taken any more. */
	if (store_change(c->store, c->key.pid, c->told_id, tell_mail,
	    &is_begun, &err) == STORE_CANNOT_TELL)
		journal_error(c->told_id, &err);
	c->told_id[0] = '\0';
}

bool
conversation_set_auth(struct conversation *c, const char *type,
    const char *authen)
{
	bool	 is_set;

	is_set = session_set_text(&c->auth_type, type) &&
	    session_set_text(&c->auth_authen, authen);
	c->connection.auth_type = c->auth_type;
	c->connection.auth_authen = c->auth_authen;
	return is_set;
}

void
conversation_views(const struct conversation *c,
    struct context_view *connection_r, struct context_view *message_r)
{
	const struct trust_profile	*profile = conversation_profile(c);
	/* Of one that was handed over, the MTA knows the relay. */
	const struct context_client	 connection = {
		.remote_name = c->is_handed_over ? NULL : c->remote_name,
		.ehlo_domain = c->is_handed_over ? NULL : c->ehlo,
		.auth_user = c->connection.auth_authen,
		.is_anonymous = profile != NULL &&
		    trust_profile_always_allow(profile),
	};

	context_view_connection(conversation_session(c), &connection,
	    connection_r);
	message_view(&c->message, message_r);
	context_view_yield(connection_r, message_r);
}

/* Whether that session may be dumped; else the answer says why not. */
static bool
may_dump(const struct conversation *c, const struct session *s,
    struct span args, struct enforce_reply *answer)
{
	const struct judge_speaker	 connection = { .conf = c->conf,
	    .profile = conversation_profile(c), .session = s };
	struct judgement		*j = malloc(sizeof *j);
	bool				 is_permitted = false;

	if (j == NULL) {
		enforce_cannot_tell(answer);
		return false;
	}
	judge_command(&connection, TRUST_XDUMPCONTEXT, args, j);
	is_permitted = j->verdict.action == VERDICT_PERMIT;
	if (!is_permitted)
		enforce_not_dumped(&j->verdict, s, answer);
	free(j);
	return is_permitted;
}

bool
conversation_dump(struct conversation *c, struct span args,
    struct context_dump *dump_r, struct enforce_reply *answer_r)
{
	const struct session	*s;
	struct context_view	*views;

	if (conversation_find(c) == STORE_CANNOT_TELL) {
		enforce_cannot_tell(answer_r);
		return false;
	}
	s = conversation_session(c);
	/* Whoever the client is, the record must speak of him. */
	enforce_mail(s, &c->connection, answer_r);
	if (answer_r->reason == REASON_MISMATCH)
		return false;
	if (s == NULL) {
		enforce_no_session(answer_r);
		return false;
	}
	if (!conversation_is_kept(c) && !may_dump(c, s, args, answer_r))
		return false;
	views = calloc(2, sizeof *views);
	if (views == NULL) {
		enforce_cannot_tell(answer_r);
		return false;
	}
	conversation_views(c, &views[0], &views[1]);
	context_dump_lay(&views[0], &views[1], CONTEXT_DUMP_BY_MILTER,
	    conversation_is_kept(c) ? CONTEXT_DUMP_SENDMAIL :
	    CONTEXT_DUMP_POSTFIX, dump_r);
	free(views);
	return true;
}

/* Which Received: header tells the origin; 0: none. */
static unsigned
received_wanted(const struct conversation *c)
{
	const struct trust_profile	*profile = conversation_profile(c);

	return profile == NULL ? 0 : trust_profile_received(profile);
}

bool
conversation_wants_headers(const struct conversation *c)
{
	return c->has_header_duty || received_wanted(c) > 0;
}

void
conversation_note_header(struct conversation *c, const char *name,
    const char *value)
{
	if (!message_header(&c->message, name, value, c->conf->milter_header,
	    received_wanted(c)))
		c->message.has_failed = true;
}

void
conversation_find_origin(struct conversation *c)
{
	const struct session	*s = conversation_session(c);

	if (s == NULL || received_wanted(c) == 0)
		return;
	journal_origin(s->id, &c->message, message_find_origin(&c->message));
}

int
conversation_header(struct conversation *c, char buf[CONVERSATION_HEADER_MAX])
{
	const struct session	*s = conversation_session(c);
	struct context_view	*views;
	size_t			 len = 0;
	int			 result = -1;

	if (s == NULL || (!conversation_is_kept(c) &&
	    !enforce_is_proven(s, &c->connection)))
		return 0;
	views = calloc(2, sizeof *views);
	if (views == NULL)
		return -1;
	conversation_views(c, &views[0], &views[1]);
	switch (context_header_print(c->conf->milter_header,
	    c->conf->milter_header_names, &views[0], &views[1], buf,
	    CONVERSATION_HEADER_MAX, &len)) {
	case CONTEXT_HEADER_DONE:
		result = (int)len;
		break;
	case CONTEXT_HEADER_NONE:
		result = 0;
		break;
	case CONTEXT_HEADER_TOO_LONG:
		break;
	}
	free(views);
	return result;
}
