/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * callbacks: a thin translator between libmilter and conversation.
 *
 * One session's callbacks may run in different threads, never two at the same
 * time; what they share is in service.
 */
#include "callbacks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmilter/mfapi.h>

#include "base/clock.h"
#include "conversation.h"
#include "daemon/log.h"
#include "eom.h"
#include "handover.h"
#include "journal.h"
#include "access_check.h"
#include "reply.h"
#include "service.h"
#include "unknown_command.h"

#define FILTER_NAME	"xcontext-milter"

/* Steps that no duty ever needs, and those that only headers need; what the
 * MTA cannot leave out is ignored. */
#define STEPS_DECLINED	(SMFIP_NOEOH | SMFIP_NOBODY)
#define STEPS_HEADERS	SMFIP_NOHDRS
/* Steps that nothing is answered to. */
#define STEPS_SILENT	(SMFIP_NR_HELO | SMFIP_NR_HDR)

/* With macros asked for at one stage, Postfix sends none at the others. */
static const struct {
	int		 stage;
	const char	*macros;
} macro_stages[] = {
	{ SMFIM_CONNECT,	"v {daemon_name} {client_resolve} {if_name}" },
	{ SMFIM_ENVFROM,	"{auth_type} {auth_authen} i" },
	{ SMFIM_ENVRCPT,	"i" },
	{ SMFIM_DATA,		"i" },
	{ SMFIM_EOM,		"i" },
};

/* What is libmilter's business alone. */
struct milter_session {
	struct conversation	*c;
	unsigned long		 steps;		/* as negotiated */
};

static uint64_t
now_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

/*
 * Sessions
 */

/* Once; what is so on every connection has been told at the start. */
static void
tell_no_peer(const char *users)
{
	if (service_listen()->len == 0 || !service_once())
		return;
	LOG(LOG_LEVEL_WARNING, NULL, "no_peer",
	    { "allowed_users", users },
	    { "text", "the process behind a connection cannot be told: its "
	    "session is found by client address, and an override that "
	    "xcontext-policy did not see goes unnoticed" });
}

static struct milter_session *
session_of(SMFICTX *ctx)
{
	return smfi_getpriv(ctx);
}

/* False: the user at the other end may not talk to us. */
static bool
identify(SMFICTX *ctx, struct conversation *c)
{
	struct procinfo_peer	 peer;
	char			 uid[16];

	switch (peerpid_find(service_listen(), ctx, &peer)) {
	case PEERPID_FOUND:
		break;
	case PEERPID_NONE:
		tell_no_peer("not enforced");
		return true;
	case PEERPID_CANNOT_TELL:
		LOG(LOG_LEVEL_ERROR, NULL, "error", { "text", "who is at the "
		    "other end of a connection cannot be told" });
		return false;
	}
	if (!conf_allows_uid(c->conf, peer.uid)) {
		(void)snprintf(uid, sizeof uid, "%lu",
		    (unsigned long)peer.uid);
		LOG(LOG_LEVEL_WARNING, NULL, "user_refused",
		    { "uid", uid });
		return false;
	}
	if (peer.pid <= 0)
		tell_no_peer("enforced");
	else
		c->key.pid = peer.pid;
	c->key.starts = service_starts();
	c->connection.is_by_pid = peer.pid > 0;
	return true;
}

static void
session_free(struct milter_session *ms)
{
	if (ms == NULL)
		return;
	conversation_free(ms->c);
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
	ms->c = conversation_new(service_conf(), service_store());
	if (ms->c == NULL || !identify(ctx, ms->c) ||
	    smfi_setpriv(ctx, ms) != MI_SUCCESS) {
		session_free(ms);
		return NULL;
	}
	service_count(1);
	return ms;
}

static const char *
macro(SMFICTX *ctx, const char *name)
{
	char	 copy[32];

	(void)snprintf(copy, sizeof copy, "%s", name);
	return smfi_getsymval(ctx, copy);
}

/* The answer to a step that was negotiated to have none. */
static sfsistat
silent(const struct milter_session *ms, unsigned long step)
{
	return ms->steps & step ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

/*
 * The connection
 */

static void
ask_for_macros(SMFICTX *ctx, unsigned long actions)
{
	char	 macros[64];
	size_t	 i;

	if (!(actions & SMFIF_SETSYMLIST))
		return;
	for (i = 0; i < sizeof macro_stages / sizeof macro_stages[0]; i++) {
		(void)snprintf(macros, sizeof macros, "%s",
		    macro_stages[i].macros);
		(void)smfi_setsymlist(ctx, macro_stages[i].stage, macros);
	}
}

static unsigned long
steps_wanted(const struct conf *conf, unsigned long offered)
{
	unsigned long	 steps = STEPS_DECLINED | STEPS_SILENT;

	if (conf->milter_header_names[0] == NULL &&
	    !trust_any_received(conf->trust))
		steps |= STEPS_HEADERS;
	if (!trust_any_disconnect(conf->trust))
		steps |= SMFIP_NR_CONN;
	return steps & offered;
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
	if (!service_enter())
		return SMFIS_TEMPFAIL;
	ms = session_new(ctx);
	if (ms != NULL) {
		ask_for_macros(ctx, actions);
		*actions_r = ms->c->has_header_duty ?
		    actions & (SMFIF_ADDHDRS | SMFIF_CHGHDRS) : 0;
		ms->steps = steps_wanted(ms->c->conf, steps);
		*steps_r = ms->steps;
		*unused2_r = 0;
		*unused3_r = 0;
	}
	service_leave();
	return ms == NULL ? SMFIS_TEMPFAIL : SMFIS_CONTINUE;
}

/* Sendmail names a host that it could not verify by its address. */
static const char *
verified_name(SMFICTX *ctx, const char *name)
{
	const char	*resolve = macro(ctx, "{client_resolve}");

	return resolve != NULL && strcmp(resolve, "OK") == 0 &&
	    name[0] != '[' ? name : NULL;
}

static sfsistat
connect_session(SMFICTX *ctx, struct milter_session *ms)
{
	struct conversation	*c = ms->c;
	struct enforce_reply	 answer;
	const struct session	*s;
	enum store_result	 result;

	result = conversation_find(c);
	s = conversation_session(c);
	if (c->conf->log_all && result != STORE_CANNOT_TELL)
		journal_connect(s, &c->connection, c->key.pid);
	if (ms->steps & SMFIP_NR_CONN)
		return SMFIS_NOREPLY;
	enforce_connect(s, &c->connection, &answer);
	return answer.action == VERDICT_PERMIT ? SMFIS_CONTINUE :
	    reply_refusal(ctx, c, "CONNECT", &answer);
}

/*
 * Only Postfix follows its sessions by itself, or rather by xcontext-policy.
 * Its name for itself is a setting (mail_name); but Sendmail's is its version,
 * and Postfix never tells the interface.
 */
static bool
is_postfix(SMFICTX *ctx)
{
	const char	*version = macro(ctx, "v");

	return macro(ctx, "{if_name}") == NULL || version == NULL ||
	    version[0] < '0' || version[0] > '9';
}

static sfsistat
on_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *sa)
{
	struct milter_session	*ms = session_of(ctx);
	struct conversation	*c;
	sfsistat		 status = SMFIS_TEMPFAIL;

	if (!service_enter())
		return SMFIS_TEMPFAIL;
	/* A second session on the same connection is not negotiated again. */
	if (ms == NULL)
		ms = session_new(ctx);
	if (ms != NULL) {
		c = ms->c;
		if (sa != NULL)
			c->connection.client = address_from_sockaddr(sa,
			    &c->connection.client_port);
		c->key.client = c->connection.client;
		c->key.client_port = c->connection.client_port;
		conversation_set_name(c, verified_name(ctx, name));
		if (is_postfix(ctx) || conversation_keep(c,
		    macro(ctx, "{daemon_name}"), now_ms())) {
			/* What cannot be told now is asked again at MAIL. */
			(void)handover_look(c, now_ms());
			status = connect_session(ctx, ms);
		}
		conversation_release(c);
	}
	service_leave();
	return status;
}

static sfsistat
on_helo(SMFICTX *ctx, char *name)
{
	struct milter_session	*ms = session_of(ctx);

	if (ms == NULL || !service_enter())
		return SMFIS_TEMPFAIL;
	conversation_greeting(ms->c, name, now_ms());
	service_leave();
	return silent(ms, SMFIP_NR_HELO);
}

static sfsistat
on_close(SMFICTX *ctx)
{
	struct milter_session	*ms = session_of(ctx);

	if (ms == NULL || !service_enter())
		return SMFIS_CONTINUE;
	(void)smfi_setpriv(ctx, NULL);
	session_free(ms);
	service_count(-1);
	service_leave();
	return SMFIS_CONTINUE;
}

/*
 * The transaction
 */

/* The answer to one step of a mail transaction.  is_content: it begins, or is
 * over. */
static sfsistat
enforce_step(SMFICTX *ctx, struct conversation *c, const char *step,
    bool is_content)
{
	struct enforce_reply	 answer;

	if (!conversation_is_whole(c) || !conversation_set_auth(c, macro(ctx,
	    "{auth_type}"), macro(ctx, "{auth_authen}")) ||
	    !message_set_queue_id(&c->message, macro(ctx, "i")) ||
	    conversation_find(c) == STORE_CANNOT_TELL ||
	    ((is_content || conversation_is_kept(c)) &&
	    !conversation_check_revoked(c, now_ms())))
		enforce_cannot_tell(&answer);
	else
		conversation_enforce_mail(c, &answer);
	return answer.action == VERDICT_PERMIT ? SMFIS_CONTINUE :
	    reply_refusal(ctx, c, step, &answer);
}

static sfsistat
on_mail(SMFICTX *ctx, char **args)
{
	struct milter_session	*ms = session_of(ctx);
	sfsistat		 status = SMFIS_TEMPFAIL;

	if (ms == NULL || !service_enter())
		return SMFIS_TEMPFAIL;
	if (handover_look(ms->c, now_ms()) && (!conversation_is_kept(ms->c) ||
	    session_life_mail(ms->c->life, now_ms())) &&
	    message_begin(&ms->c->message, args[0] == NULL ? "" : args[0]))
		status = enforce_step(ctx, ms->c, "MAIL", false);
	if (status == SMFIS_CONTINUE && !conversation_mail(ms->c))
		status = SMFIS_TEMPFAIL;
	if (status != SMFIS_CONTINUE)
		message_clear(&ms->c->message);
	conversation_release(ms->c);
	service_leave();
	return status;
}

/* Where there is no policy service to ask access_maps. */
static sfsistat
ask_policy(SMFICTX *ctx, struct conversation *c)
{
	struct enforce_reply	 answer;

	c->message.is_decided = true;
	switch (access_check_message(c, &answer)) {
	case ACCESS_CHECK_REFUSE:
		return reply_refusal(ctx, c, "RCPT", &answer);
	case ACCESS_CHECK_DISCARD:
		return SMFIS_DISCARD;
	case ACCESS_CHECK_PASS:
		break;
	}
	return SMFIS_CONTINUE;
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **args)
{
	struct milter_session	*ms = session_of(ctx);
	sfsistat		 status;

	(void)args;
	if (ms == NULL || !service_enter())
		return SMFIS_TEMPFAIL;
	status = enforce_step(ctx, ms->c, "RCPT", false);
	if (status == SMFIS_CONTINUE && conversation_is_kept(ms->c))
		status = ask_policy(ctx, ms->c);
	if (status == SMFIS_CONTINUE)
		ms->c->message.n_rcpt++;
	conversation_release(ms->c);
	service_leave();
	return status;
}

/*
 * The last look at a transaction whose headers do not matter.  It must not be
 * declined: a libmilter that got an unknown command in a transaction, and then
 * no DATA, takes the end of the message for out of order and never answers it.
 * To accept here spares the MTA what is left; unless its end must be told, or
 * somebody may stop it on its way.
 */
static sfsistat
on_data(SMFICTX *ctx)
{
	struct milter_session	*ms = session_of(ctx);
	sfsistat		 status;

	if (ms == NULL || !service_enter())
		return SMFIS_TEMPFAIL;
	status = enforce_step(ctx, ms->c, "DATA", true);
	if (status == SMFIS_CONTINUE &&
	    ms->c->told_id[0] == '\0' &&
	    !conversation_wants_headers(ms->c) &&
	    !conversation_rests_on_rights(ms->c)) {
		message_clear(&ms->c->message);
		status = SMFIS_ACCEPT;
	}
	/* The record is needed until the end of the message. */
	if (status != SMFIS_CONTINUE)
		conversation_release(ms->c);
	service_leave();
	return status;
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	struct milter_session	*ms = session_of(ctx);

	if (ms == NULL || !service_enter())
		return SMFIS_TEMPFAIL;
	conversation_note_header(ms->c, name, value);
	service_leave();
	return silent(ms, SMFIP_NR_HDR);
}

static sfsistat
on_eom(SMFICTX *ctx)
{
	struct milter_session	*ms = session_of(ctx);
	sfsistat		 status;

	if (ms == NULL || !service_enter())
		return SMFIS_TEMPFAIL;
	/* A message in parts (BDAT) leaves room for commands behind DATA, and any
	 * message for a revocation. */
	status = enforce_step(ctx, ms->c, "EOM", true);
	if (status == SMFIS_CONTINUE)
		status = eom_edit(ctx, ms->c);
	conversation_mail_end(ms->c);
	conversation_release(ms->c);
	service_leave();
	return status;
}

/* RSET, or whatever else ends a transaction early. */
static sfsistat
on_abort(SMFICTX *ctx)
{
	struct milter_session	*ms = session_of(ctx);

	if (ms == NULL || !service_enter())
		return SMFIS_CONTINUE;
	conversation_mail_end(ms->c);
	conversation_release(ms->c);
	service_leave();
	return SMFIS_CONTINUE;
}

/*
 * Commands that the MTA does not know
 */

static sfsistat
on_unknown(SMFICTX *ctx, const char *line)
{
	struct milter_session	*ms = session_of(ctx);
	sfsistat		 status;

	if (ms == NULL)
		return SMFIS_CONTINUE;
	if (!service_enter())
		return SMFIS_TEMPFAIL;
	status = unknown_command_reply(ctx, ms->c, line, now_ms());
	conversation_release(ms->c);
	service_leave();
	return status;
}

int
callbacks_register(struct err *err)
{
	char		 name[] = FILTER_NAME;
	struct smfiDesc	 filter = {
		.xxfi_name = name,
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS,
		.xxfi_connect = on_connect,
		.xxfi_helo = on_helo,
		.xxfi_envfrom = on_mail,
		.xxfi_envrcpt = on_rcpt,
		.xxfi_header = on_header,
		.xxfi_eom = on_eom,
		.xxfi_abort = on_abort,
		.xxfi_close = on_close,
		.xxfi_unknown = on_unknown,
		.xxfi_data = on_data,
		.xxfi_negotiate = on_negotiate,
	};

	if (smfi_register(filter) != MI_SUCCESS)
		return err_set(err, "libmilter does not take our callbacks");
	return 0;
}
