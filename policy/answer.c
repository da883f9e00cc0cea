/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * answer: cuts the next request off the bytes that came, puts it to the ledger,
 * and puts what the ledger says into the server's buffer.
 *
 * A request that is not understood ends the connection, for nobody can tell
 * where the next one begins; one that is understood and names a map or a
 * listener that there is not ends nothing, for Postfix would come back with it
 * for ever.  Where the process behind the connection is not known, the answer
 * is TEMP or 451, and the connection ends with it: the next one may be better.
 *
 * A process waits for one answer at a time.  If it has asked for a lookup and
 * about a mail, it has given one of these up, which we did not answer for so
 * long; Postfix does not hang up then.  The mail may be of the session before,
 * so nothing is done by it.
 */
#include "server_private.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/netstring.h"
#include "daemon/log.h"
#include "session/verdict_reply.h"

static void
protocol_error(struct conn *conn, const char *what)
{
	const struct session	*s;

	s = conn->proc == NULL ? NULL : ledger_proc_session(conn->proc);
	LOG(LOG_LEVEL_WARNING, s == NULL ? NULL : s->id, "protocol_error",
	    { "protocol", conn->protocol == SERVER_POLICY ? "policy" :
	    "socketmap" }, { "reason", what });
}

/* With log_all every question has a line, also one that changed nothing. */
static void
log_asked(const struct conn *conn, const char *what, struct span key,
    const char *answer)
{
	const struct session	*s;
	char			 text[SOCKETMAP_REQUEST_MAX + 1];

	if (!conn->server->conf->log_all)
		return;
	s = conn->proc == NULL ? NULL : ledger_proc_session(conn->proc);
	span_copy(text, key);
	text[key.n] = '\0';
	LOG(LOG_LEVEL_INFO, s == NULL ? NULL : s->id, "asked",
	    { "question", what }, { "key", text }, { "answer", answer });
}

static enum socketmap_result
socketmap_result_of(enum ledger_answer answer)
{
	switch (answer) {
	case LEDGER_YES:
		return SOCKETMAP_OK;
	case LEDGER_NO:
		return SOCKETMAP_NOTFOUND;
	case LEDGER_PERM:
		return SOCKETMAP_PERM;
	case LEDGER_TEMP:
	case LEDGER_ACTION:
		break;
	}
	return SOCKETMAP_TEMP;
}

static void
ask_ledger(struct conn *conn, const struct socketmap_request *request,
    uint64_t now_ms)
{
	static void (*const	 handlers[SOCKETMAP_COUNT])(struct ledger *,
	    struct ledger_proc *, struct span, struct span, uint64_t,
	    struct ledger_reply *) = {
		[SOCKETMAP_XCLIENT] = ledger_xclient,
		[SOCKETMAP_XFORWARD] = ledger_xforward,
		[SOCKETMAP_COMMAND] = ledger_command,
		[SOCKETMAP_MILTERS] = ledger_milters,
	};

	if (request->map == SOCKETMAP_PROFILE)
		ledger_profile(conn->server->ledger, request->listener,
		    request->key, &conn->server->reply);
	else
		handlers[request->map](conn->server->ledger, conn->proc,
		    request->listener, request->key, now_ms,
		    &conn->server->reply);
}

/* Puts the answer to a request for a map, whose name is told, into the buffer
 * of answers. */
static void
put_reply(struct server *server)
{
	server->out_len += socketmap_reply(
	    socketmap_result_of(server->reply.answer), server->reply.text,
	    server->out + server->out_len, REPLY_SIZE);
}

/* Postfix logs what it is told, and asks again; so a name that is wrong in its
 * configuration is told by name, and ends nothing. */
static void
refuse_map(struct server *server, struct span name, const char *why)
{
	char	 text[256];

	(void)snprintf(text, sizeof text, "%.*s", (int)name.n, name.p);
	server->reply.answer = LEDGER_TEMP;
	(void)snprintf(server->reply.text, sizeof server->reply.text,
	    "%s: %s", text, why);
	LOG(LOG_LEVEL_WARNING, NULL, "unknown_map", { "map", text },
	    { "text", why });
	put_reply(server);
}

/* Without a section of its own a listener would get the maps of all others,
 * and a typo in its name more trust than was meant. */
static bool
has_listener(const struct server *server, struct span listener)
{
	return listener.n == 0 || trust_has_listener(server->conf->trust,
	    listener);
}

/* What is no request for a map that is served. */
static enum answer_result
answer_other_map(struct conn *conn, struct span body)
{
	struct span	 name;

	if (!socketmap_name(body, &name)) {
		protocol_error(conn, "not a request for a map that is served");
		return ANSWER_BAD;
	}
	refuse_map(conn->server, name, "no such map, served are "
	    SOCKETMAP_SERVED ", and the same with .LISTENER");
	return ANSWER_DONE;
}

static enum answer_result
answer_socketmap(struct conn *conn, struct span body)
{
	static const enum metrics_request	 kinds[SOCKETMAP_COUNT] = {
		[SOCKETMAP_XCLIENT] = METRICS_XCLIENT,
		[SOCKETMAP_XFORWARD] = METRICS_XFORWARD,
		[SOCKETMAP_COMMAND] = METRICS_COMMAND,
		[SOCKETMAP_MILTERS] = METRICS_MILTERS,
		[SOCKETMAP_PROFILE] = METRICS_PROFILE,
	};
	struct server			*server = conn->server;
	struct socketmap_request	 request;
	enum answer_result		 result = ANSWER_DONE;
	uint64_t			 begun;

	begun = clock_ns(CLOCK_MONOTONIC);
	if (!socketmap_parse(body, &request))
		return answer_other_map(conn, body);
	if (!has_listener(server, request.listener)) {
		refuse_map(server, request.listener, "there is no section "
		    "\"listener\" of that name");
		return ANSWER_DONE;
	}
	if (conn->proc == NULL && request.map != SOCKETMAP_PROFILE) {
		server->reply.answer = LEDGER_TEMP;
		(void)snprintf(server->reply.text, sizeof server->reply.text,
		    "%s", conn->why);
		result = ANSWER_LAST;
	} else {
		if (conn->proc != NULL)
			ledger_proc_set_turn(conn->proc,
			    turn_now(&server->turn));
		ask_ledger(conn, &request, clock_ns(CLOCK_REALTIME) / 1000000);
	}
	put_reply(server);
	log_asked(conn, socketmap_map_text(request.map), request.key,
	    server->reply.answer == LEDGER_NO ? "NOTFOUND" :
	    server->reply.text);
	metrics_request(server->metrics, kinds[request.map],
	    clock_ns(CLOCK_MONOTONIC) - begun);
	return result;
}

/* Perhaps its session is a refused one. */
static const char *
cannot_tell(const char *why, char buf[VERDICT_REPLY_SIZE])
{
	struct verdict_reply	 how;

	verdict_reply_find(VERDICT_REPLY_TO_MAIL, VERDICT_TEMPFAIL,
	    REASON_CANNOT_TELL, VERDICT_REPLY_BY_SERVER, &how);
	return verdict_reply_line(&how, why, "", buf);
}

/* The access(5) action; buf has room for one that must be made. */
static const char *
policy_action(struct conn *conn, const struct attr_request *request,
    char buf[VERDICT_REPLY_SIZE])
{
	struct server	*server = conn->server;

	if (conn->proc == NULL)
		return cannot_tell(conn->why, buf);
	if (ledger_proc_is_turn(conn->proc, turn_now(&server->turn)))
		return cannot_tell("it cannot be told whether this is asked "
		    "for the present session", buf);
	ledger_policy(server->ledger, conn->proc, request,
	    clock_ns(CLOCK_REALTIME) / 1000000, &server->reply);
	switch (server->reply.answer) {
	case LEDGER_ACTION:
		return server->reply.text;
	case LEDGER_NO:
		return "DUNNO";
	case LEDGER_YES:
	case LEDGER_TEMP:
	case LEDGER_PERM:
		break;
	}
	return cannot_tell(SESSION_STORE_FAILED, buf);
}

static enum answer_result
answer_policy(struct conn *conn, const struct attr_request *request)
{
	struct server	*server = conn->server;
	const char	*action;
	char		 buf[VERDICT_REPLY_SIZE];
	uint64_t	 begun;

	begun = clock_ns(CLOCK_MONOTONIC);
	if (!span_eq(request->v[ATTR_REQUEST], "smtpd_access_policy")) {
		protocol_error(conn, "request is not smtpd_access_policy");
		return ANSWER_BAD;
	}
	action = policy_action(conn, request, buf);
	server->out_len += (size_t)snprintf(server->out + server->out_len,
	    REPLY_SIZE, "action=%s\n\n", action);
	log_asked(conn, "policy", request->v[ATTR_PROTOCOL_STATE].n >
	    SOCKETMAP_REQUEST_MAX ? span_of("") :
	    request->v[ATTR_PROTOCOL_STATE], action);
	metrics_request(server->metrics, METRICS_POLICY,
	    clock_ns(CLOCK_MONOTONIC) - begun);
	return conn->proc == NULL ? ANSWER_LAST : ANSWER_DONE;
}

static enum answer_result
next_socketmap(struct conn *conn, struct span buf, size_t *used_r)
{
	struct span	 body;

	switch (netstring_find(buf, SOCKETMAP_REQUEST_MAX, &body, used_r)) {
	case NETSTRING_DONE:
		return answer_socketmap(conn, body);
	case NETSTRING_MORE:
		return ANSWER_MORE;
	case NETSTRING_TOO_LONG:
		protocol_error(conn, "request is too long");
		break;
	case NETSTRING_BAD:
		protocol_error(conn, "not a netstring");
		break;
	}
	return ANSWER_BAD;
}

static enum answer_result
next_policy(struct conn *conn, struct span buf, size_t *used_r)
{
	struct attr_request	 request;

	/* The setting's maximum leaves room in the buffer for one more read. */
	switch (attr_parse(buf, conn->server->conf->limits.policy_request_size,
	    &request, used_r)) {
	case ATTR_DONE:
		return answer_policy(conn, &request);
	case ATTR_MORE:
		return ANSWER_MORE;
	case ATTR_TOO_LONG:
		protocol_error(conn, "request is too long");
		break;
	case ATTR_BAD:
		protocol_error(conn, "malformed request");
		break;
	}
	return ANSWER_BAD;
}

enum answer_result
answer_next(struct conn *conn, struct span buf, size_t *used_r)
{
	return conn->protocol == SERVER_POLICY ?
	    next_policy(conn, buf, used_r) : next_socketmap(conn, buf, used_r);
}
