/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * log_entry: see log_entry.h.
 */
#include "log_entry.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/log_line.h"

static void
be_damaged(struct log_entry *e, const char *why)
{
	e->kind = LOG_ENTRY_DAMAGED;
	e->why = why;
}

/* NULL: there is no room, which no line of ours needs. */
static const char *
keep(struct log_entry *e, struct span text)
{
	char	*copy = e->buf + e->used;

	if (text.n + 1 > sizeof e->buf - e->used ||
	    span_has(text, '\0'))
		return NULL;
	span_copy(copy, text);
	copy[text.n] = '\0';
	e->used += text.n + 1;
	return copy;
}

/*
 * What a line is, once its pairs are known
 */

/* Whether there is "\xHH", which in JSON may be a byte that is not UTF-8, or
 * have been said so. */
static bool
is_ambiguous(const char *said)
{
	const char	*p = said;

	while ((p = strstr(p, "\\x")) != NULL) {
		if (isxdigit((unsigned char)p[2]) &&
		    isxdigit((unsigned char)p[3]))
			return true;
		p++;
	}
	return false;
}

/* What was said begins with the command; else somebody has cut the line. */
static bool
is_of_command(struct span said, const char *command)
{
	return span_begins(said, command) &&
	    (said.n == strlen(command) || said.p[strlen(command)] == ' ');
}

static bool
is_whole(const struct log_entry *e, bool is_cut, bool is_json)
{
	const char	*said = e->value[DECISION_KEY_SAID];

	if (said == NULL || !is_of_command(span_of(said),
	    e->value[DECISION_KEY_COMMAND]) ||
	    !decision_log_said_is_whole(span_of(said)))
		return false;
	return is_json ? !is_ambiguous(said) :
	    !is_cut || e->last != DECISION_KEY_SAID;
}

static void
classify(struct log_entry *e, bool is_cut, bool is_json)
{
	enum decision_event	 event;

	if (e->event == NULL) {
		be_damaged(e, "there is no event");
		return;
	}
	e->kind = LOG_ENTRY_EVENT;
	if (e->value[DECISION_KEY_COMMAND] == NULL ||
	    !decision_log_event_find(span_of(e->event), &event) ||
	    (event != DECISION_PERMIT && event != DECISION_REFUSE &&
	    event != DECISION_OVERRIDE))
		return;
	/* That Postfix has executed it was decided before. */
	if (event == DECISION_OVERRIDE &&
	    e->value[DECISION_KEY_SAID] == NULL &&
	    e->value[DECISION_KEY_LINE] != NULL)
		return;
	e->kind = LOG_ENTRY_DECISION;
	e->is_said_whole = is_whole(e, is_cut, is_json);
}

static void
put(struct log_entry *e, struct span key, const char *value)
{
	enum decision_key	 found;

	if (span_eq(key, "session")) {
		e->session = value;
	} else if (span_eq(key, "event")) {
		e->event = value;
	} else if (span_eq(key, "time")) {
		e->time = value;
	} else if (span_eq(key, "program")) {
		e->program = value;
	} else if (decision_log_key_find(key, &found)) {
		e->value[found] = value;
		e->last = (int)found;
		return;
	}
	e->last = -1;
}

/*
 * Text
 */

static bool
begins_as_ours(struct span line)
{
	return span_begins(line, "time=") || span_begins(line, "session=") ||
	    span_begins(line, "event=");
}

static void
read_text(struct log_entry *e, struct span line)
{
	enum log_line_result	 result;
	struct span		 key;
	size_t			 len;

	while ((result = log_line_next(&line, &key, e->buf + e->used,
	    &len)) == LOG_LINE_PAIR) {
		put(e, key, e->buf + e->used);
		e->used += len + 1;
	}
	if (result == LOG_LINE_BAD)
		be_damaged(e, "it is not as it was written, or was cut");
	else
		classify(e, result == LOG_LINE_CUT, false);
}

/*
 * JSON
 */

static const char *
keep_json(struct log_entry *e, const json_t *value)
{
	char	 number[24];

	if (json_is_true(value))
		return "true";
	if (json_is_integer(value)) {
		(void)snprintf(number, sizeof number, "%" PRId64,
		    (int64_t)json_integer_value(value));
		return keep(e, span_of(number));
	}
	return json_is_string(value) ? keep(e, (struct span){
	    json_string_value(value), json_string_length(value) }) : NULL;
}

static void
read_object(struct log_entry *e, json_t *object)
{
	const char	*key;
	json_t		*value;

	json_object_foreach(object, key, value)
		put(e, span_of(key), keep_json(e, value));
	classify(e, json_is_true(json_object_get(object, "truncated")), true);
}

/*
 * The objects that the daemons write, as long as nothing in them is escaped.
 * Nearly all are such, and a log has millions; jansson reads the others.
 */

#define FLAT_MAX	48	/* pairs */

struct flat {
	struct span	 key[FLAT_MAX], value[FLAT_MAX];
	size_t		 n;
};

/* What stands between quotes.  False: something in it means something else. */
static bool
take_plain(struct span *rest, struct span *text_r)
{
	size_t	 n = 1;

	if (rest->n == 0 || rest->p[0] != '"')
		return false;
	while (n < rest->n && rest->p[n] >= ' ' && rest->p[n] <= '~' &&
	    rest->p[n] != '"' && rest->p[n] != '\\')
		n++;
	if (n == rest->n || rest->p[n] != '"')
		return false;
	*text_r = (struct span){ rest->p + 1, n - 1 };
	*rest = span_skip(*rest, n + 1);
	return true;
}

/* A text, "true", or a number of few digits. */
static bool
take_flat_value(struct span *rest, struct span *value_r)
{
	size_t	 n = 0;

	if (take_plain(rest, value_r))
		return true;
	if (span_begins(*rest, "true")) {
		n = strlen("true");
	} else {
		while (n < rest->n && n < 15 && rest->p[n] >= '0' &&
		    rest->p[n] <= '9')
			n++;
		if (n > 1 && rest->p[0] == '0')
			return false;
	}
	*value_r = (struct span){ rest->p, n };
	*rest = span_skip(*rest, n);
	return n > 0;
}

static bool
take_char(struct span *rest, char c)
{
	if (rest->n == 0 || rest->p[0] != c)
		return false;
	*rest = span_skip(*rest, 1);
	return true;
}

static bool
has_key(const struct flat *flat, struct span key)
{
	size_t	 i;

	for (i = 0; i < flat->n; i++)
		if (flat->key[i].n == key.n &&
		    memcmp(flat->key[i].p, key.p, key.n) == 0)
			return true;
	return false;
}

static bool
take_flat(struct span line, struct flat *flat)
{
	struct span	 key, value;
	bool		 is_first = true;

	flat->n = 0;
	if (!take_char(&line, '{'))
		return false;
	while (!take_char(&line, '}')) {
		if ((!is_first && !take_char(&line, ',')) ||
		    !take_plain(&line, &key) || !take_char(&line, ':') ||
		    !take_flat_value(&line, &value) || key.n == 0 ||
		    flat->n == FLAT_MAX || has_key(flat, key))
			return false;
		flat->key[flat->n] = key;
		flat->value[flat->n++] = value;
		is_first = false;
	}
	return line.n == 0;
}

static bool
is_daemon(struct span name)
{
	return span_eq(name, "xcontext-policy") ||
	    span_eq(name, "xcontext-milter") || span_eq(name, "xcontext-relay");
}

/* False: it has to be read by jansson. */
static bool
read_flat(struct log_entry *e, struct span line)
{
	struct flat	 flat;
	bool		 is_daemons = false, is_truncated = false;
	size_t		 i;

	if (!take_flat(line, &flat))
		return false;
	for (i = 0; i < flat.n; i++)
		is_daemons |= span_eq(flat.key[i], "program") &&
		    is_daemon(flat.value[i]);
	if (!is_daemons)
		return false;
	for (i = 0; i < flat.n; i++) {
		is_truncated |= span_eq(flat.key[i], "truncated");
		put(e, flat.key[i], keep(e, flat.value[i]));
	}
	classify(e, is_truncated, true);
	return true;
}

static bool
says_daemon(const json_t *object, const char *key)
{
	const json_t	*value = json_object_get(object, key);

	return json_is_string(value) && is_daemon((struct span){
	    json_string_value(value), json_string_length(value) });
}

/* Microseconds since the epoch, as the journal counts. */
static const char *
journal_time(struct log_entry *e, const json_t *object)
{
	const char	*text = json_string_value(json_object_get(object,
			    "__REALTIME_TIMESTAMP"));
	char		 buf[32], *end;
	struct tm	 tm;
	time_t		 when;

	if (text == NULL)
		return NULL;
	when = (time_t)(strtoull(text, &end, 10) / 1000000);
	if (*end != '\0' || gmtime_r(&when, &tm) == NULL ||
	    strftime(buf, sizeof buf, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return NULL;
	return keep(e, span_of(buf));
}

static struct span
journal_text(struct log_entry *e, const json_t *object, const char *key)
{
	const json_t	*value = json_object_get(object, key);
	const char	*text = json_is_string(value) ? keep_json(e, value) :
			    NULL;

	return text == NULL ? (struct span){ NULL, 0 } : span_of(text);
}

static void
read_foreign(struct log_entry *e, const json_t *object)
{
	struct log_entry_foreign	*f = &e->foreign;
	const char			*time = journal_time(e, object);

	if (time != NULL)
		f->time = span_of(time);
	f->host = journal_text(e, object, "_HOSTNAME");
	f->program = journal_text(e, object, "SYSLOG_IDENTIFIER");
	f->pid = journal_text(e, object, "SYSLOG_PID");
	f->message = journal_text(e, object, "MESSAGE");
}

/* What a daemon has written, as "journalctl -o json" prints it; NULL: it is
 * nobody's of ours. */
static const char *
read_journal(struct log_entry *e, const json_t *object)
{
	const json_t	*message = json_object_get(object, "MESSAGE");

	if (!says_daemon(object, "SYSLOG_IDENTIFIER") ||
	    !json_is_string(message)) {
		read_foreign(e, object);
		return NULL;
	}
	e->time = journal_time(e, object);
	e->program = keep_json(e, json_object_get(object,
	    "SYSLOG_IDENTIFIER"));
	return keep(e, (struct span){ json_string_value(message),
	    json_string_length(message) });
}

/* is_ours: that is known by what stood in front.  What is returned is a line
 * that was in it, or NULL. */
static const char *
read_json(struct log_entry *e, struct span line, bool is_ours)
{
	json_t		*object;
	const char	*inner = NULL;

	if (read_flat(e, line))
		return NULL;
	object = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, NULL);
	if (object == NULL) {
		if (is_ours || memmem(line.p, line.n,
		    "\"program\":\"xcontext-", 20) != NULL)
			be_damaged(e, "it is not as it was written, or was "
			    "cut");
		return NULL;
	}
	if (says_daemon(object, "program"))
		read_object(e, object);
	else if (!is_ours)
		inner = read_journal(e, object);
	json_decref(object);
	return inner;
}

/*
 * What stands in front
 */

/* Without a daemon's name in front, only its own beginning tells a line. */
static void
read_message(struct log_entry *e, struct span line, bool is_ours)
{
	const char	*inner = NULL;

	if (begins_as_ours(line))
		read_text(e, line);
	else if (span_begins(line, "{"))
		inner = read_json(e, line, is_ours);
	if (inner == NULL)
		return;
	line = span_of(inner);
	if (begins_as_ours(line))
		read_text(e, line);
	else if (span_begins(line, "{"))
		(void)read_json(e, line, true);
}

/* The last word of text, which is then without it. */
static struct span
last_word(struct span *text)
{
	struct span	 word;
	size_t		 n;

	while (text->n > 0 && text->p[text->n - 1] == ' ')
		text->n--;
	for (n = 0; n < text->n && text->p[text->n - 1 - n] != ' '; n++)
		;
	word = (struct span){ text->p + (text->n - n), n };
	text->n -= n;
	return word;
}

/* "xcontext-policy[4711]" */
static void
split_tag(struct span tag, struct span *program_r, struct span *pid_r)
{
	const char	*bracket = span_find(tag, '[');

	*program_r = tag;
	*pid_r = (struct span){ NULL, 0 };
	if (bracket == NULL)
		return;
	program_r->n = (size_t)(bracket - tag.p);
	if (tag.p[tag.n - 1] == ']')
		*pid_r = (struct span){ bracket + 1,
		    tag.n - program_r->n - 2 };
}

/* "TIME HOST TAG: ", where TIME may be of several words.  False: it is nothing
 * like it, or another program's, which is noted. */
static bool
take_prefix(struct log_entry *e, struct span *line)
{
	const char			*end = line->n == 0 ? NULL :
					    memmem(line->p, line->n, ": ", 2);
	struct log_entry_foreign	 f;
	struct span			 front;

	if (end == NULL)
		return false;
	front = (struct span){ line->p, (size_t)(end - line->p) };
	split_tag(last_word(&front), &f.program, &f.pid);
	f.host = last_word(&front);
	f.time = span_trim(front);
	f.message = span_skip(*line, (size_t)(end + 2 - line->p));
	if (!is_daemon(f.program)) {
		e->foreign = f;
		return false;
	}
	e->program = keep(e, f.program);
	if (f.time.n > 0)
		e->time = keep(e, f.time);
	*line = f.message;
	return true;
}

void
log_entry_read(struct span line, struct log_entry *e)
{
	bool	 is_ours;

	e->kind = LOG_ENTRY_FOREIGN;
	e->why = e->time = e->program = e->session = e->event = NULL;
	memset(e->value, 0, sizeof e->value);
	e->foreign = (struct log_entry_foreign){ .message = { NULL, 0 } };
	e->is_said_whole = false;
	e->used = 0;
	e->last = -1;
	if (line.n > LOG_ENTRY_LINE_MAX)
		return;
	while (line.n > 0 && (line.p[line.n - 1] == '\r' ||
	    line.p[line.n - 1] == ' '))
		line.n--;
	is_ours = !begins_as_ours(line) && !span_begins(line, "{") &&
	    take_prefix(e, &line);
	if (is_ours || begins_as_ours(line) || span_begins(line, "{"))
		read_message(e, line, is_ours);
}
