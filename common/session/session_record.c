/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * session_record: a session's text form.
 *
 * A record is a row of fields "name=value", each ended by a NUL.  The names
 * stand in one table, which is used for writing and for reading.
 */
#include "session/session.h"

#include <limits.h>
#include <string.h>

enum field {
	FIELD_ID,
	FIELD_LISTENER,
	FIELD_KEEPER,
	FIELD_PID,
	FIELD_PID_START,
	FIELD_BEGUN,
	FIELD_CHANGED,
	FIELD_PEER,
	FIELD_PEER_PORT,
	FIELD_PEER_NAME,
	FIELD_FINGERPRINT,
	FIELD_PROFILE,
	FIELD_RULE,
	FIELD_CLIENT,
	FIELD_CLIENT_PORT,
	FIELD_OVERRIDE,
	FIELD_PENDING,
	FIELD_SEALED,
	FIELD_MAILS,
	FIELD_IN_MAIL,
	FIELD_EHLO,
	FIELD_CONTEXT,
	FIELD_CLIENTS,
	FIELD_UNPROVEN,
	FIELD_REFUSED,
	FIELD_REFUSED_REASON,
	FIELD_REFUSED_TEXT,
	FIELD_UNFORWARDED,
	FIELD_UNFORWARDED_REASON,
	FIELD_UNFORWARDED_TEXT,
	FIELD_UNFORWARDED_BEGUN,
	FIELD_DENIED_TEXT,
	FIELD_DENIED_REASON,
	FIELD_AUDIT,
	FIELD_AUDIT_DROPPED,
	FIELD_COUNT
};

static const char *const field_names[FIELD_COUNT] = {
	[FIELD_ID] = "session",
	[FIELD_LISTENER] = "listener",
	[FIELD_KEEPER] = "keeper",
	[FIELD_PID] = "pid",
	[FIELD_PID_START] = "pid_start",
	[FIELD_BEGUN] = "begun",
	[FIELD_CHANGED] = "changed",
	[FIELD_PEER] = "peer",
	[FIELD_PEER_PORT] = "peer_port",
	[FIELD_PEER_NAME] = "peer_name",
	[FIELD_FINGERPRINT] = "fingerprint",
	[FIELD_PROFILE] = "profile",
	[FIELD_RULE] = "rule",
	[FIELD_CLIENT] = "client",
	[FIELD_CLIENT_PORT] = "client_port",
	[FIELD_OVERRIDE] = "override",
	[FIELD_PENDING] = "pending",
	[FIELD_SEALED] = "sealed",
	[FIELD_MAILS] = "mails",
	[FIELD_IN_MAIL] = "in_mail",
	[FIELD_EHLO] = "ehlo",
	[FIELD_CONTEXT] = "context",
	[FIELD_CLIENTS] = "clients",	/* a pair that goes with the client */
	[FIELD_UNPROVEN] = "unproven",
	[FIELD_REFUSED] = "refused",
	[FIELD_REFUSED_REASON] = "refused_reason",
	[FIELD_REFUSED_TEXT] = "refused_text",
	[FIELD_UNFORWARDED] = "unforwarded",
	[FIELD_UNFORWARDED_REASON] = "unforwarded_reason",
	[FIELD_UNFORWARDED_TEXT] = "unforwarded_text",
	[FIELD_UNFORWARDED_BEGUN] = "unforwarded_begun",
	[FIELD_DENIED_TEXT] = "denied_text",
	[FIELD_DENIED_REASON] = "denied_reason",
	[FIELD_AUDIT] = "audit",
	[FIELD_AUDIT_DROPPED] = "audit_dropped",
};

/* Of a session without the field it is xcontext-policy. */
static const char *const keeper_texts[SESSION_KEEPER_COUNT] = {
	[SESSION_KEEPER_MILTER] = "milter",
	[SESSION_KEEPER_RELAY] = "relay"
};

struct writer {
	char	*p;
	size_t	 left;
	bool	 is_full;
};

static void
put_bytes(struct writer *w, const char *p, size_t n)
{
	if (n > w->left) {
		w->is_full = true;
		return;
	}
	memcpy(w->p, p, n);
	w->p += n;
	w->left -= n;
}

static void
put(struct writer *w, enum field field, const char *value)
{
	if (value == NULL)
		return;
	put_bytes(w, field_names[field], strlen(field_names[field]));
	put_bytes(w, "=", 1);
	put_bytes(w, value, strlen(value) + 1);
}

/* The digits of a number, in front of end. */
static char *
digits(uint64_t value, char *end)
{
	do {
		*--end = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	return end;
}

static void
put_number(struct writer *w, enum field field, uint64_t value)
{
	char	 buf[21];

	if (value == 0)
		return;
	buf[sizeof buf - 1] = '\0';
	put(w, field, digits(value, buf + sizeof buf - 1));
}

static void
put_address(struct writer *w, enum field field, const struct address *addr)
{
	char	 text[ADDRESS_TEXT_SIZE];

	put(w, field, address_format(addr, text, sizeof text));
}

static void
put_text(struct writer *w, const char *text)
{
	put_bytes(w, text, strlen(text));
}

static void
put_time(struct writer *w, uint64_t time_ms)
{
	char	 buf[20], *end = buf + sizeof buf, *p = digits(time_ms, end);

	put_bytes(w, p, (size_t)(end - p));
}

/* A session has many of these, and is written often: no formats. */
static void
put_audit(struct writer *w, const struct session_audit *a)
{
	put_text(w, "audit=");
	put_time(w, a->time_ms);
	put_text(w, " ");
	put_text(w, session_event_text(a->event));
	put_text(w, " ");
	put_bytes(w, a->text, strlen(a->text) + 1);
}

static void
put_pair(struct writer *w, const struct context_pair *pair)
{
	put_text(w, "context=");
	put_text(w, pair->name);
	put_text(w, " ");
	put_text(w, context_source_text(pair->source));
	put_text(w, " ");
	put_time(w, pair->time_ms);
	put_text(w, " ");
	put_bytes(w, pair->value, strlen(pair->value) + 1);
}

static void
put_context(struct writer *w, const struct context *context)
{
	unsigned	 i;

	for (i = 0; i < context->n; i++) {
		const struct context_pair	*pair = context->pairs[i];

		if (pair->before != NULL)
			put_pair(w, pair->before);
		put_pair(w, pair);
		if (pair->is_clients)
			put(w, FIELD_CLIENTS, pair->name);
	}
}

static void
put_unforwarded(struct writer *w, const struct session *s)
{
	if (s->unforwarded == VERDICT_PERMIT)
		return;
	put(w, FIELD_UNFORWARDED, verdict_action_text(s->unforwarded));
	put(w, FIELD_UNFORWARDED_REASON,
	    verdict_reason_text(s->unforwarded_reason));
	put(w, FIELD_UNFORWARDED_TEXT, s->unforwarded_text);
	put_number(w, FIELD_UNFORWARDED_BEGUN, s->is_unforwarded_begun);
}

/* The record without the first entries of the trail but one. */
static size_t
encode(const struct session *s, unsigned skip, char *buf, size_t size)
{
	struct writer	 w = { buf, size, false };
	unsigned	 i;

	put(&w, FIELD_ID, s->id);
	put(&w, FIELD_LISTENER, s->listener[0] == '\0' ? NULL : s->listener);
	put(&w, FIELD_KEEPER, keeper_texts[s->keeper]);
	put_number(&w, FIELD_PID, (uint64_t)s->pid);
	put_number(&w, FIELD_PID_START, s->pid_start);
	put_number(&w, FIELD_BEGUN, s->begun_ms);
	put_number(&w, FIELD_CHANGED, s->changed_ms);
	put_address(&w, FIELD_PEER, &s->peer);
	put_number(&w, FIELD_PEER_PORT, s->peer_port);
	put(&w, FIELD_PEER_NAME, s->peer_name);
	put(&w, FIELD_FINGERPRINT, s->fingerprint);
	put(&w, FIELD_PROFILE, s->profile);
	put(&w, FIELD_RULE, s->rule);
	put_address(&w, FIELD_CLIENT, &s->client);
	put_number(&w, FIELD_CLIENT_PORT, s->client_port);
	put(&w, FIELD_OVERRIDE, s->override);
	put(&w, FIELD_PENDING, s->pending);
	put_number(&w, FIELD_SEALED, s->is_sealed);
	put_number(&w, FIELD_MAILS, s->mails);
	put_number(&w, FIELD_IN_MAIL, s->is_in_mail);
	put(&w, FIELD_EHLO, s->ehlo);
	put_context(&w, &s->context);
	put_number(&w, FIELD_UNPROVEN, s->is_unproven);
	if (s->refused != VERDICT_PERMIT) {
		put(&w, FIELD_REFUSED, verdict_action_text(s->refused));
		put(&w, FIELD_REFUSED_REASON,
		    verdict_reason_text(s->refused_reason));
	}
	put(&w, FIELD_REFUSED_TEXT, s->refused_text);
	put_unforwarded(&w, s);
	if (s->denied_text != NULL)
		put(&w, FIELD_DENIED_REASON,
		    verdict_reason_text(s->denied_reason));
	put(&w, FIELD_DENIED_TEXT, s->denied_text);
	for (i = 0; i < s->n_audit; i++)
		if (i == 0 || i > skip)
			put_audit(&w, &s->audit[i]);
	put_number(&w, FIELD_AUDIT_DROPPED, s->n_audit_dropped + skip);
	return w.is_full ? 0 : size - w.left;
}

size_t
session_encode(const struct session *s, char *buf, size_t size)
{
	unsigned	 skip = 0;
	size_t		 len = encode(s, skip, buf, size);

	while (len == 0 && skip + 1 < s->n_audit) {
		skip = skip * 2 + 1;
		if (skip >= s->n_audit)
			skip = s->n_audit - 1;
		len = encode(s, skip, buf, size);
	}
	return len;
}

static bool
find_keeper(const char *text, enum session_keeper *keeper_r)
{
	int	 i;

	for (i = 0; i < SESSION_KEEPER_COUNT; i++)
		if (keeper_texts[i] != NULL &&
		    strcmp(text, keeper_texts[i]) == 0) {
			*keeper_r = (enum session_keeper)i;
			return true;
		}
	return false;
}

static bool
get_number(const char *value, uint64_t max, uint64_t *number_r)
{
	uint64_t	 n = 0, digit;
	const char	*p;

	if (*value == '\0')
		return false;
	for (p = value; *p != '\0'; p++) {
		if (*p < '0' || *p > '9')
			return false;
		digit = (uint64_t)(*p - '0');
		if (digit > max || n > (max - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*number_r = n;
	return true;
}

static bool
get_port(const char *value, uint16_t *port_r)
{
	uint64_t	 n;

	if (!get_number(value, UINT16_MAX, &n))
		return false;
	*port_r = (uint16_t)n;
	return true;
}

static bool
get_address(const char *value, struct address *addr_r)
{
	if (strcmp(value, "unknown") == 0) {
		*addr_r = (struct address){ .family = AF_UNSPEC };
		return true;
	}
	return address_parse(span_of(value), addr_r);
}

static bool
get_audit(struct session *s, const char *value)
{
	const char	*event, *text;
	uint64_t	 time_ms;
	char		 number[21];
	enum session_event what;

	event = strchr(value, ' ');
	text = event == NULL ? NULL : strchr(event + 1, ' ');
	if (text == NULL || (size_t)(event - value) >= sizeof number)
		return false;
	memcpy(number, value, (size_t)(event - value));
	number[event - value] = '\0';
	event++;
	if (!get_number(number, UINT64_MAX, &time_ms))
		return false;
	return session_event_find((struct span){ event,
	    (size_t)(text - event) }, &what) &&
	    session_audit_add(s, UINT32_MAX, time_ms, what, text + 1);
}

/* Takes what is in front of the next blank off text.  False: there is none. */
static bool
next_part(struct span *text, struct span *part_r)
{
	const char	*blank = memchr(text->p, ' ', text->n);

	if (blank == NULL)
		return false;
	*part_r = (struct span){ text->p, (size_t)(blank - text->p) };
	*text = span_skip(*text, part_r->n + 1);
	return true;
}

static bool
get_pair(struct session *s, const char *value)
{
	struct span		 rest = span_of(value), name, source, number;
	enum context_source	 from;
	uint64_t		 time_ms;
	char			 digits[21];

	if (!next_part(&rest, &name) || !next_part(&rest, &source) ||
	    !next_part(&rest, &number) || name.n == 0 ||
	    name.n > CONTEXT_NAME_MAX || rest.n > CONTEXT_VALUE_MAX ||
	    number.n >= sizeof digits || !context_source_find(source, &from))
		return false;
	span_copy(digits, number);
	digits[number.n] = '\0';
	return get_number(digits, UINT64_MAX, &time_ms) &&
	    context_put(&s->context, name, rest, from, time_ms);
}

static bool
get_short(const char *value, char *buf, size_t size)
{
	if (strlen(value) >= size)
		return false;
	strcpy(buf, value);
	return true;
}

static bool
get_unsigned(const char *value, unsigned *number_r)
{
	uint64_t	 n;

	if (!get_number(value, UINT_MAX, &n))
		return false;
	*number_r = (unsigned)n;
	return true;
}

static bool
get_pid(const char *value, pid_t *pid_r)
{
	uint64_t	 n;

	if (!get_number(value, INT32_MAX, &n))
		return false;
	*pid_r = (pid_t)n;
	return true;
}

/* That it is there is all it says. */
static bool
get_flag(bool *flag_r)
{
	*flag_r = true;
	return true;
}

static bool
get_field(struct session *s, enum field field, const char *value)
{
	switch (field) {
	case FIELD_ID:
		return get_short(value, s->id, sizeof s->id);
	case FIELD_LISTENER:
		return get_short(value, s->listener, sizeof s->listener);
	case FIELD_KEEPER:
		return find_keeper(value, &s->keeper);
	case FIELD_PID:
		return get_pid(value, &s->pid);
	case FIELD_PID_START:
		return get_number(value, UINT64_MAX, &s->pid_start);
	case FIELD_BEGUN:
		return get_number(value, UINT64_MAX, &s->begun_ms);
	case FIELD_CHANGED:
		return get_number(value, UINT64_MAX, &s->changed_ms);
	case FIELD_PEER:
		return get_address(value, &s->peer);
	case FIELD_PEER_PORT:
		return get_port(value, &s->peer_port);
	case FIELD_PEER_NAME:
		return session_set_text(&s->peer_name, value);
	case FIELD_FINGERPRINT:
		return session_set_text(&s->fingerprint, value);
	case FIELD_PROFILE:
		return session_set_text(&s->profile, value);
	case FIELD_RULE:
		return session_set_text(&s->rule, value);
	case FIELD_CLIENT:
		return get_address(value, &s->client);
	case FIELD_CLIENT_PORT:
		return get_port(value, &s->client_port);
	case FIELD_OVERRIDE:
		return session_set_text(&s->override, value);
	case FIELD_PENDING:
		return session_set_text(&s->pending, value);
	case FIELD_SEALED:
		return get_flag(&s->is_sealed);
	case FIELD_MAILS:
		return get_unsigned(value, &s->mails);
	case FIELD_IN_MAIL:
		return get_flag(&s->is_in_mail);
	case FIELD_EHLO:
		return session_set_text(&s->ehlo, value);
	case FIELD_CONTEXT:
		return get_pair(s, value);
	case FIELD_CLIENTS:
		return context_mark_clients(&s->context, value);
	case FIELD_UNPROVEN:
		return get_flag(&s->is_unproven);
	case FIELD_REFUSED:
		return verdict_action_find(value, &s->refused);
	case FIELD_REFUSED_REASON:
		return verdict_reason_find(value, &s->refused_reason);
	case FIELD_REFUSED_TEXT:
		return session_set_text(&s->refused_text, value);
	case FIELD_UNFORWARDED:
		return verdict_action_find(value, &s->unforwarded);
	case FIELD_UNFORWARDED_REASON:
		return verdict_reason_find(value, &s->unforwarded_reason);
	case FIELD_UNFORWARDED_TEXT:
		return session_set_text(&s->unforwarded_text, value);
	case FIELD_UNFORWARDED_BEGUN:
		return get_flag(&s->is_unforwarded_begun);
	case FIELD_DENIED_TEXT:
		return session_set_text(&s->denied_text, value);
	case FIELD_DENIED_REASON:
		return verdict_reason_find(value, &s->denied_reason);
	case FIELD_AUDIT:
		return get_audit(s, value);
	case FIELD_AUDIT_DROPPED:
		return get_unsigned(value, &s->n_audit_dropped);
	case FIELD_COUNT:
		break;
	}
	return false;
}

/* A field that this version does not know is passed over. */
static bool
read_field(struct session *s, const char *text, size_t len)
{
	const char	*value = memchr(text, '=', len);
	size_t		 i;

	if (value == NULL)
		return false;
	for (i = 0; i < FIELD_COUNT; i++)
		if (span_eq((struct span){ text, (size_t)(value - text) },
		    field_names[i]))
			return get_field(s, (enum field)i, value + 1);
	return true;
}

bool
session_decode(struct span record, struct session *s)
{
	const char	*end;

	session_clear(s);
	while (record.n > 0) {
		end = span_find(record, '\0');
		if (end == NULL ||
		    !read_field(s, record.p, (size_t)(end - record.p))) {
			session_clear(s);
			return false;
		}
		record = span_skip(record, (size_t)(end - record.p) + 1);
	}
	if (s->id[0] == '\0' || s->pid == 0) {
		session_clear(s);
		return false;
	}
	return true;
}
