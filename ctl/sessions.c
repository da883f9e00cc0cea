/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * sessions: those that the daemons keep, in a list, and one of them whole.
 *
 * A record can outlive its process until the daemons' next sweep; such a one is
 * no session any more.  Of what cannot be looked at nobody knows, so it is
 * listed.
 */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/procinfo.h"
#include "output.h"
#include "session/session_change.h"
#include "verb.h"
#include "watch.h"

enum { OPTION_PROFILE, OPTION_PEER, OPTION_ALL, OPTION_WATCH };

static const char *
keeper_of(const struct session *s)
{
	static const char *const	 texts[SESSION_KEEPER_COUNT] = {
		[SESSION_KEEPER_POLICY] = "policy",
		[SESSION_KEEPER_MILTER] = "milter",
		[SESSION_KEEPER_RELAY] = "relay"
	};

	return texts[s->keeper];
}

/* What there is to say of it first. */
static const char *
state_of(const struct session *s)
{
	if (s->refused != VERDICT_PERMIT)
		return "refused";
	if (s->unforwarded != VERDICT_PERMIT)
		return "message refused";
	if (s->is_sealed)
		return "sealed";
	return s->override != NULL ? "overridden" : "open";
}

static json_t *
row_of(const struct session *s, uint64_t now_ms)
{
	json_t	*row = output_new();

	output_put(row, "session", output_text(s->id));
	output_put(row, "peer", output_address(&s->peer));
	output_put(row, "client", output_address(&s->client));
	output_put(row, "profile", output_text(s->profile));
	output_put(row, "keeper", output_text(keeper_of(s)));
	output_put(row, "state", output_text(state_of(s)));
	output_put(row, "mails", json_integer(s->mails));
	output_put(row, "age", json_integer((json_int_t)
	    (now_ms > s->begun_ms ? (now_ms - s->begun_ms) / 1000 : 0)));
	return row;
}

struct search {
	struct ctl		*ctl;
	bool			 has_net;
	struct address_net	 net;
	uint64_t		 now_ms;
	bool			 has_greeting;	/* each row shows it */
	json_t			*rows;
};

static bool
is_wanted(const struct search *search, const struct session *s)
{
	const char	*profile = search->ctl->option[OPTION_PROFILE];

	if (profile != NULL &&
	    (s->profile == NULL || strcmp(s->profile, profile) != 0))
		return false;
	if (search->has_net && !address_in_net(&s->peer, &search->net))
		return false;
	return search->ctl->option[OPTION_ALL] != NULL ||
	    procinfo_is(s->pid, s->pid_start) != PROCINFO_GONE;
}

static bool
add(const struct session *s, void *arg)
{
	struct search	*search = arg;
	json_t		*row;

	if (!is_wanted(search, s))
		return true;
	row = row_of(s, search->now_ms);
	if (search->has_greeting)
		output_put(row, "greeting", output_text(s->ehlo));
	output_append(search->rows, row);
	return true;
}

static void
read_network(struct search *search, const char *text)
{
	struct address	 addr;

	search->has_net = text != NULL;
	if (text == NULL || address_parse_net(span_of(text), &search->net))
		return;
	if (!address_parse(span_of(text), &addr))
		ctl_die(EX_USAGE, "\"%s\": expected an address or a network, "
		    "as 192.0.2.0/24", text);
	search->net = (struct address_net){ .addr = addr,
	    .bits = addr.family == AF_INET ? 32 : 128 };
}

/* A watch_list_fn. */
static json_t *
list_now(void *arg, struct err *err)
{
	struct search	*search = arg;

	search->now_ms = clock_ms(CLOCK_REALTIME);
	search->rows = output_new_array();
	if (store_each(ctl_store(search->ctl), add, search, err) !=
	    STORE_CANNOT_TELL)
		return search->rows;
	json_decref(search->rows);
	return NULL;
}

static int
watch_list(struct ctl *ctl, struct search *search)
{
	static const struct output_column	 columns[] = {
		{ "age", 0 }, { "session", 0 }, { "peer", 0 },
		{ "client", 0 }, { "profile", 16 }, { "state", 0 },
		{ "mails", 0 }, { "keeper", 0 }, { "greeting", 0 }, { NULL, 0 }
	};

	if (ctl->is_json)
		ctl_die(EX_USAGE, "--watch is for people: without it there is "
		    "--json");
	search->has_greeting = true;
	return watch_run(ctl, columns, list_now, search);
}

int
sessions_list(struct ctl *ctl)
{
	static const struct output_column	 columns[] = {
		{ "session", 0 }, { "peer", 0 }, { "client", 0 },
		{ "profile", 16 }, { "keeper", 0 }, { "state", 0 },
		{ "mails", 0 }, { "age", 0 }, { NULL, 0 }
	};
	struct search	 search = { .ctl = ctl };
	struct err	 err;
	json_t		*rows;
	int		 status;

	read_network(&search, ctl->option[OPTION_PEER]);
	if (ctl->option[OPTION_WATCH] != NULL)
		return watch_list(ctl, &search);
	rows = list_now(&search, &err);
	if (rows == NULL)
		ctl_cannot_tell(&err);
	status = json_array_size(rows) > 0 ? CTL_YES : CTL_NO;
	output_table(ctl, rows, columns);
	return status;
}

/*
 * One of them
 */

static json_t *
trail_of(const struct session *s)
{
	json_t		*trail = output_new_array(), *entry;
	unsigned	 i;

	for (i = 0; i < s->n_audit; i++) {
		entry = output_new();
		output_put(entry, "time", output_time(s->audit[i].time_ms));
		output_put(entry, "event",
		    output_text(session_event_text(s->audit[i].event)));
		output_put(entry, "text", output_text(s->audit[i].text));
		output_append(trail, entry);
	}
	return trail;
}

static json_t *
context_of(const struct session *s)
{
	json_t		*pairs = output_new_array(), *pair;
	unsigned	 i;

	for (i = 0; i < s->context.n; i++) {
		pair = output_new();
		output_put(pair, "name",
		    output_text(s->context.pairs[i]->name));
		output_put(pair, "value",
		    output_text(s->context.pairs[i]->value));
		output_put(pair, "source", output_text(context_source_text(
		    s->context.pairs[i]->source)));
		output_put(pair, "time",
		    output_time(s->context.pairs[i]->time_ms));
		output_append(pairs, pair);
	}
	return pairs;
}

static void
put_refusal(json_t *object, const struct session *s)
{
	const struct session_refusal	 why = session_refusal(s);

	if (why.action == VERDICT_PERMIT)
		return;
	output_put(object, "refused", output_text(verdict_action_text(
	    why.action)));
	output_put(object, "refused_reason", output_text(verdict_reason_text(
	    why.reason)));
	output_put(object, "refused_text", output_text(why.text));
}

static json_t *
whole(const struct session *s, uint64_t now_ms)
{
	json_t	*object = row_of(s, now_ms);

	output_put(object, "begun", output_time(s->begun_ms));
	output_put(object, "changed", output_time(s->changed_ms));
	output_put(object, "pid", json_integer(s->pid));
	output_put(object, "listener", s->listener[0] == '\0' ? json_null() :
	    output_text(s->listener));
	output_put(object, "peer_port", json_integer(s->peer_port));
	output_put(object, "peer_name", output_text(s->peer_name));
	output_put(object, "fingerprint", output_text(s->fingerprint));
	output_put(object, "rule", output_text(s->rule));
	output_put(object, "client_port", json_integer(s->client_port));
	output_put(object, "override", output_text(s->override));
	output_put(object, "pending", output_text(s->pending));
	output_put(object, "greeting", output_text(s->ehlo));
	put_refusal(object, s);
	output_put(object, "denied_text", output_text(s->denied_text));
	output_put(object, "context", context_of(s));
	output_put(object, "trail", trail_of(s));
	if (s->n_audit_dropped > 0)
		output_put(object, "trail_dropped",
		    json_integer(s->n_audit_dropped));
	return object;
}

struct one {
	const char	*id;
	json_t		*found;
};

static bool
find(const struct session *s, void *arg)
{
	struct one	*one = arg;

	if (strcasecmp(s->id, one->id) != 0)
		return true;
	one->found = whole(s, clock_ms(CLOCK_REALTIME));
	return false;
}

int
sessions_show(struct ctl *ctl)
{
	struct one	 one = { .id = ctl->args[0] };
	struct err	 err;

	if (store_each(ctl_store(ctl), find, &one, &err) == STORE_CANNOT_TELL)
		ctl_cannot_tell(&err);
	if (one.found == NULL)
		ctl_die(CTL_NO, "there is no session %s (now); the log may "
		    "know what became of it", one.id);
	output_object(ctl, one.found);
	return CTL_YES;
}
