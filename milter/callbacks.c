/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * callbacks: a thin translator between libmilter and enforce.
 *
 * libmilter hands its callbacks nothing but its own context, so what all
 * sessions share is the one static structure here.  One session's callbacks
 * may run in different threads, never two at the same time.
 */
#include "callbacks.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmilter/mfapi.h>

#include "enforce.h"
#include "follow.h"
#include "journal.h"
#include "log.h"
#include "procstart.h"

#define FILTER_NAME	"xcontext-milter"

/* Steps that no duty needs; what the MTA cannot leave out is ignored. */
#define STEPS_DECLINED	(SMFIP_NOHELO | SMFIP_NOHDRS | SMFIP_NOEOH | \
			SMFIP_NOBODY)
/* With macros asked for at one stage, Postfix sends none at the others. */
#define MACROS_AT_MAIL	"{auth_type} {auth_authen}"

static struct {
	pthread_mutex_t	 lock;		/* guards conf */
	struct conf	*conf;

	atomic_uint	 n_sessions;
	atomic_uint	 n_busy;	/* callbacks between enter and leave */
	atomic_bool	 is_stopping;
	atomic_flag	 has_told_no_peer;

	/* Written before the first session only. */
	struct store	*store;
	struct procstart *starts;
	struct peerpid	 listen;
} service = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.has_told_no_peer = ATOMIC_FLAG_INIT,
};

/* One milter session: its life is from negotiation to close. */
struct milter_session {
	struct conf		*conf;
	struct follow_key	 key;
	struct enforce_facts	 facts;
	bool			 replies_at_connect;
};

/*
 * The gate: callbacks_stop() waits for those that are inside.
 */

static bool
enter(void)
{
	atomic_fetch_add(&service.n_busy, 1);
	if (!atomic_load(&service.is_stopping))
		return true;
	atomic_fetch_sub(&service.n_busy, 1);
	return false;
}

static void
leave(void)
{
	atomic_fetch_sub(&service.n_busy, 1);
}

/*
 * Sessions
 */

/* Once; what is so on every connection has been told at the start. */
static void
tell_no_peer(const char *users)
{
	if (service.listen.len == 0 ||
	    atomic_flag_test_and_set(&service.has_told_no_peer))
		return;
	LOG(LOG_LEVEL_WARNING, NULL, "no_peer",
	    { "allowed_users", users },
	    { "text", "the process behind a connection cannot be told: its "
	    "session is found by client address, and an override that "
	    "xcontext-policy did not see goes unnoticed" });
}

static struct conf *
current_conf(void)
{
	struct conf	*conf;

	(void)pthread_mutex_lock(&service.lock);
	conf = conf_ref(service.conf);
	(void)pthread_mutex_unlock(&service.lock);
	return conf;
}

static struct milter_session *
session_of(SMFICTX *ctx)
{
	return smfi_getpriv(ctx);
}

/* False: the user at the other end may not talk to us. */
static bool
identify(SMFICTX *ctx, struct milter_session *ms)
{
	struct procinfo_peer	 peer;
	char			 uid[16];

	if (!peerpid_find(&service.listen, ctx, &peer)) {
		tell_no_peer("not enforced");
		return true;
	}
	if (!conf_allows_uid(ms->conf, peer.uid)) {
		(void)snprintf(uid, sizeof uid, "%lu",
		    (unsigned long)peer.uid);
		LOG(LOG_LEVEL_WARNING, NULL, "user_refused",
		    { "uid", uid });
		return false;
	}
	if (peer.pid <= 0)
		tell_no_peer("enforced");
	else
		ms->key.pid = peer.pid;
	ms->key.starts = service.starts;
	ms->facts.is_by_pid = peer.pid > 0;
	return true;
}

static void
session_free(struct milter_session *ms)
{
	if (ms == NULL)
		return;
	conf_unref(ms->conf);
	free(ms);
}

/* NULL: refused, or out of memory; the connection is then to be closed. */
static struct milter_session *
session_new(SMFICTX *ctx)
{
	struct milter_session	*ms;

	ms = calloc(1, sizeof *ms);
	if (ms == NULL)
		return NULL;
	ms->conf = current_conf();
	ms->replies_at_connect = true;
	if (!identify(ctx, ms) || smfi_setpriv(ctx, ms) != MI_SUCCESS) {
		session_free(ms);
		return NULL;
	}
	atomic_fetch_add(&service.n_sessions, 1);
	return ms;
}

/* The session's name is remembered when it is first seen, so that a change
 * can be noticed. */
static enum store_result
find(struct milter_session *ms, struct session *s)
{
	enum store_result	 result;
	struct err		 err;

	session_init(s);
	result = follow_find(service.store, &ms->key, s, &err);
	if (result == STORE_CANNOT_TELL)
		LOG(LOG_LEVEL_ERROR, NULL, "error",
		    { "text", err.text });
	else if (result == STORE_FOUND && enforce_is_other(s, &ms->facts)) {
		session_clear(s);
		session_init(s);
		result = STORE_NONE;
	} else if (result == STORE_FOUND && ms->facts.is_by_pid &&
	    ms->facts.id[0] == '\0')
		memcpy(ms->facts.id, s->id, sizeof ms->facts.id);
	return result;
}

static sfsistat
send_answer(SMFICTX *ctx, const struct enforce_answer *answer)
{
	const char	*line[ENFORCE_LINES];
	unsigned	 i;

	for (i = 0; i < ENFORCE_LINES; i++)
		line[i] = i < answer->n_lines ? answer->line[i] : NULL;
	/* Without memory for the text, the MTA has texts of its own. */
	(void)smfi_setmlreply(ctx, answer->code, answer->xcode, line[0],
	    line[1], line[2], line[3], NULL);
	return answer->code[0] == '5' ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}

/*
 * What libmilter calls
 */

static void
ask_for_macros(SMFICTX *ctx, unsigned long actions)
{
	char	 macros[] = MACROS_AT_MAIL;

	if (actions & SMFIF_SETSYMLIST)
		(void)smfi_setsymlist(ctx, SMFIM_ENVFROM, macros);
}

/* Any result but SMFIS_CONTINUE makes libmilter close the connection before
 * it has said a word. */
static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps,
    unsigned long unused2, unsigned long unused3, unsigned long *actions_r,
    unsigned long *steps_r, unsigned long *unused2_r,
    unsigned long *unused3_r)
{
	struct milter_session	*ms;

	(void)unused2;
	(void)unused3;
	if (!enter())
		return SMFIS_TEMPFAIL;
	ms = session_new(ctx);
	if (ms != NULL) {
		ms->replies_at_connect = trust_any_disconnect(ms->conf->trust);
		ask_for_macros(ctx, actions);
		*actions_r = 0;
		*steps_r = steps & STEPS_DECLINED;
		if (!ms->replies_at_connect)
			*steps_r |= steps & SMFIP_NR_CONN;
		*unused2_r = 0;
		*unused3_r = 0;
	}
	leave();
	return ms == NULL ? SMFIS_TEMPFAIL : SMFIS_CONTINUE;
}

static sfsistat
connect_session(SMFICTX *ctx, struct milter_session *ms)
{
	struct enforce_answer	 answer;
	struct session		 s;
	enum store_result	 result;
	sfsistat		 status = SMFIS_CONTINUE;
	bool			 is_found;

	result = find(ms, &s);
	is_found = result == STORE_FOUND;
	if (ms->conf->log_all && result != STORE_CANNOT_TELL)
		journal_connect(is_found ? &s : NULL, &ms->facts,
		    ms->key.pid);
	enforce_connect(is_found ? &s : NULL, &ms->facts, &answer);
	if (answer.action != VERDICT_PERMIT && ms->replies_at_connect) {
		journal_answer("mail_refused", "CONNECT", &s, &ms->facts,
		    ms->key.pid, &answer);
		status = send_answer(ctx, &answer);
	}
	session_clear(&s);
	return ms->replies_at_connect ? status : SMFIS_NOREPLY;
}

static sfsistat
on_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *sa)
{
	struct milter_session	*ms = session_of(ctx);
	sfsistat		 status = SMFIS_TEMPFAIL;

	(void)name;
	if (!enter())
		return SMFIS_TEMPFAIL;
	/* A second session on the same connection is not negotiated again. */
	if (ms == NULL)
		ms = session_new(ctx);
	if (ms != NULL) {
		if (sa != NULL)
			ms->facts.client = address_from_sockaddr(sa,
			    &ms->facts.client_port);
		ms->key.client = ms->facts.client;
		ms->key.client_port = ms->facts.client_port;
		status = connect_session(ctx, ms);
	}
	leave();
	return status;
}

/* The answer to one step of a mail transaction. */
static sfsistat
enforce_step(SMFICTX *ctx, struct milter_session *ms, const char *step)
{
	struct enforce_answer	 answer;
	struct session		 s;
	enum store_result	 result;
	sfsistat		 status = SMFIS_CONTINUE;
	char			 type[] = "{auth_type}";
	char			 authen[] = "{auth_authen}";

	ms->facts.auth_type = smfi_getsymval(ctx, type);
	ms->facts.auth_authen = smfi_getsymval(ctx, authen);
	result = find(ms, &s);
	if (result == STORE_CANNOT_TELL)
		enforce_cannot_tell(&answer);
	else
		enforce_mail(result == STORE_FOUND ? &s : NULL, &ms->facts,
		    &answer);
	if (answer.action != VERDICT_PERMIT) {
		journal_answer("mail_refused", step,
		    result == STORE_FOUND ? &s : NULL, &ms->facts,
		    ms->key.pid, &answer);
		status = send_answer(ctx, &answer);
	}
	session_clear(&s);
	return status;
}

static sfsistat
on_step(SMFICTX *ctx, const char *step)
{
	struct milter_session	*ms = session_of(ctx);
	sfsistat		 status;

	if (ms == NULL || !enter())
		return SMFIS_TEMPFAIL;
	status = enforce_step(ctx, ms, step);
	leave();
	return status;
}

static sfsistat
on_mail(SMFICTX *ctx, char **args)
{
	(void)args;
	return on_step(ctx, "MAIL");
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **args)
{
	(void)args;
	return on_step(ctx, "RCPT");
}

/*
 * The last look at a transaction.  It must not be declined: a libmilter that
 * got an unknown command in a transaction, and then no DATA, takes the end of
 * the message for out of order and never answers it.  To accept here spares
 * the MTA the end of message.
 */
static sfsistat
on_data(SMFICTX *ctx)
{
	sfsistat	 status = on_step(ctx, "DATA");

	return status == SMFIS_CONTINUE ? SMFIS_ACCEPT : status;
}

static sfsistat
answer_denied(SMFICTX *ctx, struct milter_session *ms)
{
	struct enforce_answer	 answer;
	struct session		 s;
	enum store_result	 result;
	sfsistat		 status = SMFIS_CONTINUE;

	result = find(ms, &s);
	if (result == STORE_CANNOT_TELL)
		enforce_cannot_tell(&answer);
	else
		enforce_denied(result == STORE_FOUND ? &s : NULL, &ms->facts,
		    &answer);
	if (answer.action != VERDICT_PERMIT) {
		journal_answer("command_denied", NULL,
		    result == STORE_FOUND ? &s : NULL, &ms->facts,
		    ms->key.pid, &answer);
		status = send_answer(ctx, &answer);
	}
	session_clear(&s);
	return status;
}

static sfsistat
on_unknown(SMFICTX *ctx, const char *command)
{
	struct milter_session	*ms = session_of(ctx);
	sfsistat		 status;

	if (ms == NULL || !enforce_is_refused_verb(command))
		return SMFIS_CONTINUE;
	if (!enter())
		return SMFIS_TEMPFAIL;
	status = answer_denied(ctx, ms);
	leave();
	return status;
}

static sfsistat
on_close(SMFICTX *ctx)
{
	struct milter_session	*ms = session_of(ctx);

	if (ms == NULL || !enter())
		return SMFIS_CONTINUE;
	(void)smfi_setpriv(ctx, NULL);
	session_free(ms);
	atomic_fetch_sub(&service.n_sessions, 1);
	leave();
	return SMFIS_CONTINUE;
}

/*
 * What main calls
 */

int
callbacks_register(struct err *err)
{
	char		 name[] = FILTER_NAME;
	struct smfiDesc	 filter = {
		.xxfi_name = name,
		.xxfi_version = SMFI_VERSION,
		.xxfi_connect = on_connect,
		.xxfi_envfrom = on_mail,
		.xxfi_envrcpt = on_rcpt,
		.xxfi_close = on_close,
		.xxfi_unknown = on_unknown,
		.xxfi_data = on_data,
		.xxfi_negotiate = on_negotiate,
	};

	if (smfi_register(filter) != MI_SUCCESS)
		return err_set(err, "libmilter does not take our callbacks");
	return 0;
}

void
callbacks_start(struct store *store, struct conf *conf,
    const struct peerpid *listen)
{
	service.store = store;
	service.starts = procstart_new();	/* NULL is allowed */
	service.listen = *listen;
	callbacks_set_conf(conf);
}

void
callbacks_set_conf(struct conf *conf)
{
	struct conf	*old;

	(void)pthread_mutex_lock(&service.lock);
	old = service.conf;
	service.conf = conf_ref(conf);
	(void)pthread_mutex_unlock(&service.lock);
	conf_unref(old);
}

unsigned
callbacks_sessions(void)
{
	return atomic_load(&service.n_sessions);
}

void
callbacks_stop(void)
{
	struct conf	*old;

	atomic_store(&service.is_stopping, true);
	while (atomic_load(&service.n_busy) > 0)
		(void)sched_yield();
	(void)pthread_mutex_lock(&service.lock);
	old = service.conf;
	service.conf = NULL;
	(void)pthread_mutex_unlock(&service.lock);
	conf_unref(old);
	procstart_free(service.starts);
	service.starts = NULL;
}
