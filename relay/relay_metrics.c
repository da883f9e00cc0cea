/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * relay_metrics: plain counters, for one thread; the text is made when somebody
 * asks for it.
 */
#include "relay_metrics.h"

#include <event2/buffer.h>
#include <stdlib.h>

#include "daemon/decision_counts.h"
#include "daemon/metrics_daemon.h"
#include "daemon/metrics_text.h"

#define MODE_COUNT	(XCLIENT_REQUIRED + 1)
#define SIDE_COUNT	(RELAY_OUTBOUND + 1)
#define TLS_COUNT	2

enum message_result { ACCEPTED, TEMPFAILED, REFUSED, UNKNOWN };
#define MESSAGE_RESULT_COUNT	(UNKNOWN + 1)

static const char *const refusal_texts[RELAY_REFUSAL_COUNT] = {
	[RELAY_REFUSED_CONNECTIONS] = "connections",
	[RELAY_REFUSED_PEER_CONNECTIONS] = "peer_connections",
	[RELAY_REFUSED_PROXY_HEADER] = "proxy_header",
	[RELAY_REFUSED_PEER] = "peer",
	[RELAY_REFUSED_RESOURCES] = "resources",
};

static const char *const xclient_texts[RELAY_XCLIENT_COUNT] = {
	[RELAY_XCLIENT_SENT] = "sent",
	[RELAY_XCLIENT_NOT_OFFERED] = "not_offered",
	[RELAY_XCLIENT_REFUSED] = "refused",
	[RELAY_XCLIENT_FAILED] = "failed",
	[RELAY_XCLIENT_VERDICT] = "verdict",
};

static const char *const hop_failure_texts[RELAY_HOP_FAILURE_COUNT] = {
	[RELAY_HOP_CONNECT] = "connect",
	[RELAY_HOP_TIMEOUT] = "timeout",
	[RELAY_HOP_TLS] = "tls",
	[RELAY_HOP_GREETING] = "greeting",
};

static const char *const message_texts[MESSAGE_RESULT_COUNT] = {
	[ACCEPTED] = "accepted",
	[TEMPFAILED] = "tempfailed",
	[REFUSED] = "refused",
	[UNKNOWN] = "unknown",
};

static const char *const side_texts[SIDE_COUNT] = {
	[RELAY_INBOUND] = "inbound",
	[RELAY_OUTBOUND] = "outbound",
};

static const char *const tls_texts[TLS_COUNT] = { "failed", "done" };

struct relay_metrics {
	uint64_t		 accepted;
	uint64_t		 sessions;
	uint64_t		 refused[RELAY_REFUSAL_COUNT];
	uint64_t		 commands[SMTP_VERB_COUNT];
	uint64_t		 messages[MESSAGE_RESULT_COUNT];
	uint64_t		 content;
	uint64_t		 xclient[MODE_COUNT * RELAY_XCLIENT_COUNT];
	uint64_t		 hop_failures[RELAY_HOP_FAILURE_COUNT];
	uint64_t		 tls[SIDE_COUNT * TLS_COUNT];
	struct decision_counts	 decisions;
	struct metrics_http	*http;
};

struct relay_metrics *
relay_metrics_new(void)
{
	return calloc(1, sizeof(struct relay_metrics));
}

void
relay_metrics_free(struct relay_metrics *m)
{
	if (m == NULL)
		return;
	metrics_http_close(m->http);
	decision_counts_clear(&m->decisions);
	free(m);
}

void
relay_metrics_begin(struct relay_metrics *m)
{
	m->accepted++;
	m->sessions++;
}

void
relay_metrics_end(struct relay_metrics *m)
{
	m->sessions--;
}

void
relay_metrics_refuse(struct relay_metrics *m, enum relay_refusal why)
{
	m->refused[why]++;
}

void
relay_metrics_command(struct relay_metrics *m, enum smtp_verb verb)
{
	m->commands[verb]++;
}

static enum message_result
message_result(unsigned code)
{
	switch (code / 100) {
	case 2:
		return ACCEPTED;
	case 4:
		return TEMPFAILED;
	case 5:
		return REFUSED;
	default:
		return UNKNOWN;
	}
}

void
relay_metrics_message(struct relay_metrics *m, unsigned code)
{
	m->messages[message_result(code)]++;
}

void
relay_metrics_content(struct relay_metrics *m, size_t n)
{
	m->content += n;
}

void
relay_metrics_xclient(struct relay_metrics *m, enum xclient_mode mode,
    enum relay_xclient result)
{
	m->xclient[(size_t)mode * RELAY_XCLIENT_COUNT + result]++;
}

void
relay_metrics_hop_failure(struct relay_metrics *m,
    enum relay_hop_failure why)
{
	m->hop_failures[why]++;
}

void
relay_metrics_tls(struct relay_metrics *m, enum relay_side side, bool is_done)
{
	m->tls[(size_t)side * TLS_COUNT + is_done]++;
}

void
relay_metrics_decision(struct relay_metrics *m, const char *profile,
    const char *command, const struct verdict *verdict)
{
	decision_counts_add(&m->decisions, profile, command, verdict);
}

static void
print_connections(const struct relay_metrics *m, struct evbuffer *out)
{
	metrics_text_number(out, "xcontext_relay_connections_total",
	    "counter", "Connections that were served.", m->accepted);
	metrics_text_counters(out, "xcontext_relay_connections_refused_total",
	    "Connections that were not served.", "reason", refusal_texts,
	    m->refused, RELAY_REFUSAL_COUNT);
	metrics_text_number(out, "xcontext_relay_sessions", "gauge",
	    "Connections that are served now.", m->sessions);
}

static void
print_commands(const struct relay_metrics *m, struct evbuffer *out)
{
	const char	*texts[SMTP_VERB_COUNT];
	size_t		 i;

	for (i = 0; i < SMTP_VERB_COUNT; i++)
		texts[i] = smtp_verb_text((enum smtp_verb)i);
	texts[SMTP_UNKNOWN] = "unknown";
	metrics_text_counters(out, "xcontext_relay_commands_total",
	    "Commands of clients.", "verb", texts, m->commands,
	    SMTP_VERB_COUNT);
}

static void
print_xclient(const struct relay_metrics *m, struct evbuffer *out)
{
	const char *const		 modes[] = {
		scope_mode_text(XCLIENT_IFAVAILABLE),
		scope_mode_text(XCLIENT_REQUIRED)
	};
	const struct metrics_label	 mode = { "mode", modes, 2 };
	const struct metrics_label	 result = { "result", xclient_texts,
					     RELAY_XCLIENT_COUNT };

	metrics_text_table(out, "xcontext_relay_xclient_total",
	    "What became of XCLIENT to next hops.", &mode, &result,
	    &m->xclient[XCLIENT_IFAVAILABLE * RELAY_XCLIENT_COUNT]);
}

static void
print_tls(const struct relay_metrics *m, struct evbuffer *out)
{
	const struct metrics_label	 side = { "side", side_texts,
					     SIDE_COUNT };
	const struct metrics_label	 result = { "result", tls_texts,
					     TLS_COUNT };

	metrics_text_table(out, "xcontext_relay_tls_handshakes_total",
	    "TLS handshakes.", &side, &result, m->tls);
}

void
relay_metrics_print(struct evbuffer *out, void *arg)
{
	const struct relay_metrics	*m = arg;

	metrics_daemon_print("xcontext-relay", out);
	print_connections(m, out);
	print_commands(m, out);
	decision_counts_print(&m->decisions, out);
	metrics_text_counters(out, "xcontext_relay_messages_total",
	    "Messages by the next hop's final reply.", "result",
	    message_texts, m->messages, MESSAGE_RESULT_COUNT);
	metrics_text_number(out, "xcontext_relay_content_bytes_total",
	    "counter", "Octets of messages that went to next hops.",
	    m->content);
	print_xclient(m, out);
	metrics_text_counters(out, "xcontext_relay_next_hop_failures_total",
	    "Connections to next hops that failed.", "reason",
	    hop_failure_texts, m->hop_failures, RELAY_HOP_FAILURE_COUNT);
	print_tls(m, out);
}

enum metrics_http_result
relay_metrics_serve(struct relay_metrics *m, struct event_base *base,
    const char *where, struct err *err)
{
	return metrics_http_open(base, where, relay_metrics_print, m,
	    &m->http, err);
}
