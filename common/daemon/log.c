/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * log: one line an event, as key=value text or as JSON.
 *
 * Text: "session=ID event=NAME key=value ...", on stderr with "time=..." in
 * front, and "level=notice", "level=warning" or
 * "level=error" behind the event if it is not an ordinary one.  A value that
 * is empty or holds anything but printable ASCII without '"', '\' and '=' is
 * quoted: "..." with \" and \\ for these two, and \xHH for every byte that is
 * not printable ASCII.  What does not fit is cut, and the line then ends in
 * "...".
 *
 * JSON: one object with the same keys in the same order behind "time" and
 * "program", "level" always, in ASCII.  Which keys are numbers does not depend
 * on their values: those come from outside.  Bytes that are not UTF-8 become \xHH in the value.  Pairs that do
 * not fit are left out, and "truncated" is true.
 */
#include "daemon/log.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log_rate.h"
#include "base/log_target.h"

#define LINE_SIZE	4096
#define IDENT_SIZE	64

/* mutex guards all the others. */
static struct {
	pthread_mutex_t		 mutex;
	int			 facility;
	enum conf_log_format	 format;
	unsigned		 rate_max;
	char			 ident[IDENT_SIZE];
	struct log_rate		 rate;
	bool			 is_detached;
} logger = {
	.mutex = PTHREAD_MUTEX_INITIALIZER,
	.facility = LOG_TARGET_STDERR,
	.format = CONF_LOG_TEXT
};

/* A line that is being written; ends at size, with room for the end mark. */
struct line {
	char	*buf;
	size_t	 n, size;
	bool	 is_full;
};

#define END_MARK	"..."
#define END_ROOM	sizeof("\"" END_MARK)	/* counts the NUL */

/* Adds n bytes wholly or not at all; once full, nothing is added. */
static void
line_add(struct line *line, const char *p, size_t n)
{
	if (line->is_full || n + END_ROOM > line->size - line->n) {
		line->is_full = true;
		return;
	}
	memcpy(line->buf + line->n, p, n);
	line->n += n;
}

/* Adds as many as there is room for. */
static void
line_add_some(struct line *line, const char *p, size_t n)
{
	size_t	 room = line->size - line->n - END_ROOM;

	if (line->is_full || n <= room) {
		line_add(line, p, n);
		return;
	}
	line_add(line, p, room);
	line->is_full = true;
}

static void
line_add_byte(struct line *line, unsigned char c)
{
	static const char	 hex[] = "0123456789ABCDEF";
	char			 out[4] = { '\\', (char)c };

	if (c == '"' || c == '\\') {
		line_add(line, out, 2);
	} else if (c >= 0x20 && c < 0x7f) {
		line_add(line, out + 1, 1);
	} else {
		out[1] = 'x';
		out[2] = hex[c >> 4];
		out[3] = hex[c & 15];
		line_add(line, out, 4);
	}
}

static bool
needs_quotes(const char *value)
{
	const unsigned char	*p = (const unsigned char *)value;

	if (*p == '\0')
		return true;
	for (; *p != '\0'; p++)
		if (*p <= 0x20 || *p >= 0x7f || *p == '"' || *p == '\\' ||
		    *p == '=')
			return true;
	return false;
}

static void
line_add_value(struct line *line, const char *value)
{
	if (!needs_quotes(value)) {
		/* A long one is cut rather than lost. */
		line_add_some(line, value, strlen(value));
		return;
	}
	line_add(line, "\"", 1);
	if (line->is_full)
		return;
	for (; *value != '\0'; value++)
		line_add_byte(line, (unsigned char)*value);
	/* END_ROOM keeps a place for it. */
	line->buf[line->n++] = '"';
}

static void
line_add_pair(struct line *line, const char *key, const char *value)
{
	size_t	 len = strlen(key);

	if (value == NULL)
		return;
	/* A key without a byte of its value says nothing. */
	if (line->size - line->n < len + 4 + END_ROOM)
		line->is_full = true;
	if (line->n > 0)
		line_add(line, " ", 1);
	line_add(line, key, len);
	line_add(line, "=", 1);
	line_add_value(line, value);
}

static const char *
level_text(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return "error";
	case LOG_LEVEL_WARNING:
		return "warning";
	case LOG_LEVEL_NOTICE:
		return "notice";
	case LOG_LEVEL_INFO:
	default:
		return "info";
	}
}

/* What a line says, in one hand. */
struct event {
	enum log_level		 level;
	const char		*session;
	const char		*name;
	const struct log_pair	*pairs;
	unsigned long		 suppressed;
	bool			 is_limited;
	const char		*like;	/* by what, besides the name */
	const struct log_origin	*origin;	/* NULL: is not told */
};

void
log_time_text(const struct timespec *now, char buf[LOG_TIME_SIZE])
{
	struct tm	 tm;
	char		 seconds[LOG_TIME_SIZE];

	if (gmtime_r(&now->tv_sec, &tm) == NULL ||
	    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		seconds[0] = '\0';
	(void)snprintf(buf, LOG_TIME_SIZE, "%s.%03uZ", seconds,
	    (unsigned)(now->tv_nsec / 1000000) % 1000);
}

/* NULL: it is not told. */
static const char *
time_of(const struct event *event, char buf[LOG_TIME_SIZE])
{
	if (event->origin == NULL)
		return NULL;
	log_time_text(&event->origin->now, buf);
	return buf;
}

static const char *
suppressed_text(const struct event *event, char *buf, size_t size)
{
	if (event->suppressed == 0)
		return NULL;
	(void)snprintf(buf, size, "%lu", event->suppressed);
	return buf;
}

static size_t
format_text(const struct event *event, char *buf, size_t size)
{
	struct line		 line = { buf, 0, size, false };
	const struct log_pair	*pair;
	char			 number[24], now[LOG_TIME_SIZE];

	if (size <= END_ROOM) {
		if (size > 0)
			*buf = '\0';
		return 0;
	}
	line_add_pair(&line, "time", time_of(event, now));
	line_add_pair(&line, "session", event->session);
	line_add_pair(&line, "event", event->name);
	if (event->level != LOG_LEVEL_INFO)
		line_add_pair(&line, "level", level_text(event->level));
	line_add_pair(&line, "suppressed",
	    suppressed_text(event, number, sizeof number));
	for (pair = event->pairs; pair != NULL && pair->key != NULL; pair++)
		line_add_pair(&line, pair->key, pair->value);
	if (line.is_full) {
		memcpy(buf + line.n, END_MARK, sizeof(END_MARK) - 1);
		line.n += sizeof(END_MARK) - 1;
	}
	buf[line.n] = '\0';
	return line.n;
}

/* The length of the UTF-8 character at p; 0: it is none (RFC 3629). */
static size_t
utf8_len(const unsigned char *p)
{
	static const struct {
		unsigned char	first, last, low, high;
		size_t		len;
	} forms[] = {
		{ 0x00, 0x7f, 0, 0, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 }
	};
	size_t	 i, k;

	for (i = 0; i < sizeof forms / sizeof forms[0]; i++)
		if (p[0] >= forms[i].first && p[0] <= forms[i].last)
			break;
	if (i == sizeof forms / sizeof forms[0])
		return 0;
	if (forms[i].len > 1 &&
	    (p[1] < forms[i].low || p[1] > forms[i].high))
		return 0;
	for (k = 2; k < forms[i].len; k++)
		if (p[k] < 0x80 || p[k] > 0xbf)
			return 0;
	return forms[i].len;
}

/* A JSON string of any bytes; NULL: no memory. */
static json_t *
json_text(const char *value)
{
	const unsigned char	*p = (const unsigned char *)value;
	char			*copy, *out;
	json_t			*json;
	size_t			 len;

	copy = malloc(strlen(value) * 4 + 1);
	if (copy == NULL)
		return NULL;
	for (out = copy; *p != '\0'; p += len) {
		len = utf8_len(p);
		if (len == 0) {
			out += sprintf(out, "\\x%02X", *p);
			len = 1;
			continue;
		}
		memcpy(out, p, len);
		out += len;
	}
	json = json_stringn(copy, (size_t)(out - copy));
	free(copy);
	return json;
}

/* The keys whose values are our own numbers, in xcontext.conf(5), too. */
static bool
is_number_key(const char *key)
{
	static const char *const	 keys[] = {
		"code", "count", "pid", "recipients", "relay_port", "reply",
		"size", "suppressed", "uid"
	};
	size_t	 i;

	for (i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

/* False: it is none that JSON can say without loss. */
static bool
json_number(const char *value, json_t **number_r)
{
	size_t	 n = strspn(value, "0123456789");

	if (n == 0 || n > 15 || value[n] != '\0' || (n > 1 && *value == '0'))
		return false;
	*number_r = json_integer(strtoll(value, NULL, 10));
	return true;
}

static void
json_add(json_t *object, const char *key, const char *value)
{
	json_t	*number;

	if (value == NULL)
		return;
	if (is_number_key(key) && json_number(value, &number))
		json_object_set_new(object, key, number);
	else if (strcmp(key, "report_only") == 0 || strcmp(key, "sealed") == 0)
		json_object_set_new(object, key, json_true());
	else
		json_object_set_new(object, key, json_text(value));
}

/* The object with the first n pairs; NULL: no memory. */
static json_t *
json_event(const struct event *event, size_t n, bool is_truncated)
{
	json_t	*object;
	char	 number[24], now[LOG_TIME_SIZE];
	size_t	 i;

	object = json_object();
	if (object == NULL)
		return NULL;
	json_add(object, "time", time_of(event, now));
	if (event->origin != NULL)
		json_add(object, "program", event->origin->program);
	json_add(object, "session", event->session);
	json_add(object, "event", event->name);
	json_add(object, "level", level_text(event->level));
	json_add(object, "suppressed",
	    suppressed_text(event, number, sizeof number));
	for (i = 0; i < n; i++)
		json_add(object, event->pairs[i].key, event->pairs[i].value);
	if (is_truncated)
		json_object_set_new(object, "truncated", json_true());
	return object;
}

static size_t
format_json(const struct event *event, char *buf, size_t size)
{
	size_t	 count = 0, n, len = 0;
	json_t	*object;

	if (size == 0)
		return 0;
	while (event->pairs != NULL && event->pairs[count].key != NULL)
		count++;
	for (n = count;; n--) {
		object = json_event(event, n, n < count);
		if (object != NULL) {
			len = json_dumpb(object, buf, size - 1,
			    JSON_COMPACT | JSON_ENSURE_ASCII);
			json_decref(object);
		}
		if (n == 0 || (len > 0 && len <= size - 1))
			break;
	}
	if (len > size - 1)
		len = 0;
	buf[len] = '\0';
	return len;
}

static size_t
format_event(enum conf_log_format format, const struct event *event,
    char *buf, size_t size)
{
	return format == CONF_LOG_JSON ? format_json(event, buf, size) :
	    format_text(event, buf, size);
}

size_t
log_format_line(enum conf_log_format format, const struct log_origin *origin,
    enum log_level level, const char *session, const char *event,
    const struct log_pair *pairs, char *buf, size_t size)
{
	struct event	 ev = { .level = level, .session = session,
			     .name = event, .pairs = pairs, .origin = origin };

	return format_event(format, &ev, buf, size);
}

int
log_open(const char *program, const char *target,
    enum conf_log_format format, unsigned rate, struct err *err)
{
	int	 facility;

	if (!log_target_parse(target, &facility))
		return err_set(err, "log: \"%s\" is not valid, expected "
		    "\"stderr\", \"syslog\" or \"syslog:FACILITY\"", target);
	(void)pthread_mutex_lock(&logger.mutex);
	if (logger.facility != LOG_TARGET_STDERR)
		closelog();
	/* syslog(3) keeps the pointer. */
	(void)snprintf(logger.ident, sizeof logger.ident, "%s", program);
	if (facility != LOG_TARGET_STDERR)
		openlog(logger.ident, LOG_PID | LOG_NDELAY, facility);
	logger.facility = facility;
	logger.format = format;
	logger.rate_max = rate;
	(void)pthread_mutex_unlock(&logger.mutex);
	return 0;
}

void
log_close(void)
{
	(void)pthread_mutex_lock(&logger.mutex);
	if (logger.facility != LOG_TARGET_STDERR)
		closelog();
	logger.facility = LOG_TARGET_STDERR;
	logger.format = CONF_LOG_TEXT;
	logger.rate_max = 0;
	(void)pthread_mutex_unlock(&logger.mutex);
}

void
log_detach(void)
{
	(void)pthread_mutex_lock(&logger.mutex);
	logger.is_detached = true;
	(void)pthread_mutex_unlock(&logger.mutex);
}

static int
syslog_priority(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return LOG_ERR;
	case LOG_LEVEL_WARNING:
		return LOG_WARNING;
	case LOG_LEVEL_NOTICE:
		return LOG_NOTICE;
	case LOG_LEVEL_INFO:
	default:
		return LOG_INFO;
	}
}

/* One write, so that lines of several processes do not mix. */
static void
write_stderr(char *line, size_t len)
{
	line[len] = '\n';
	if (write(STDERR_FILENO, line, len + 1) == -1)
		return;		/* there is nobody left to be told */
}

/* The settings, as they were when a line was begun. */
struct settings {
	int			 facility;
	enum conf_log_format	 format;
	bool			 is_detached;
	char			 ident[IDENT_SIZE];
};

/* Copies the settings out; false: it must not be written. */
static bool
begin(struct event *event, struct settings *settings_r)
{
	int64_t	 now_s = (int64_t)(clock_ms(CLOCK_MONOTONIC) / 1000U);
	bool	 is_allowed = true;

	(void)pthread_mutex_lock(&logger.mutex);
	if (event->is_limited)
		is_allowed = log_rate_allows(&logger.rate, event->name,
		    event->like, logger.rate_max, now_s + 1,
		    &event->suppressed);
	settings_r->facility = logger.facility;
	settings_r->format = logger.format;
	settings_r->is_detached = logger.is_detached;
	memcpy(settings_r->ident, logger.ident, sizeof logger.ident);
	(void)pthread_mutex_unlock(&logger.mutex);
	return is_allowed;
}

/* syslog(3) knows the time by itself, and JSON is read without it. */
static void
write_syslog(struct event *ev, const struct settings *settings, char *line)
{
	if (settings->format == CONF_LOG_TEXT)
		ev->origin = NULL;
	(void)format_event(settings->format, ev, line, LINE_SIZE);
	syslog(syslog_priority(ev->level), "%s", line);
}

static void
write_event(struct event *event)
{
	struct settings		 settings;
	struct log_origin	 origin = { .program = settings.ident };
	char			 line[LINE_SIZE + 1];
	bool			 is_stderr;

	if (!begin(event, &settings))
		return;
	event->origin = &origin;
	(void)clock_gettime(CLOCK_REALTIME, &origin.now);
	is_stderr = settings.facility == LOG_TARGET_STDERR;
	if (is_stderr || (!settings.is_detached &&
	    event->level <= LOG_LEVEL_WARNING))
		write_stderr(line, format_event(is_stderr ? settings.format :
		    CONF_LOG_TEXT, event, line, LINE_SIZE));
	if (!is_stderr)
		write_syslog(event, &settings, line);
}

void
log_event(enum log_level level, const char *session, const char *event,
    const struct log_pair *pairs)
{
	struct event	 ev = { .level = level, .session = session,
			     .name = event, .pairs = pairs,
			     .is_limited = level <= LOG_LEVEL_WARNING };

	if (pairs != NULL && pairs[0].key != NULL)
		ev.like = pairs[0].value;
	write_event(&ev);
}

void
log_limited(enum log_level level, const char *session, const char *event,
    const char *like, const struct log_pair *pairs)
{
	struct event	 ev = { .level = level, .session = session,
			     .name = event, .pairs = pairs,
			     .is_limited = true, .like = like };

	write_event(&ev);
}

void
log_if_changed(const char *key, const char *was, const char *is)
{
	if (strcmp(was, is) != 0)
		LOG(LOG_LEVEL_WARNING, NULL, "reload", { "key", key },
		    { "text", "takes effect after a restart" });
}

void
log_skips(const struct conf *conf)
{
	char	 count[24];

	if (conf->skips.n == 0)
		return;
	(void)snprintf(count, sizeof count, "%u", conf->skips.n);
	LOG(LOG_LEVEL_WARNING, NULL, "table_lines_skipped",
	    { "count", count }, { "text", conf->skips.first.text });
}
