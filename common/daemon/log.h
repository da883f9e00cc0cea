/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * log: one line an event, as key=value text or as JSON, to syslog or stderr.
 *
 * The first key is the session's id where there is one, then the event's
 * name.  Values are escaped so that hostile bytes can neither break a line nor
 * imitate a key.  Of common/ only what stands beside it, and is a part of each
 * program, calls it.  Safe in threads.
 */
#ifndef XC_LOG_H
#define XC_LOG_H

#include <time.h>

#include "base/err.h"
#include "base/span.h"
#include "conf/conf.h"

/* NOTICE is what went as it should, but somebody was refused something. */
enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO
};

/* One key and its value.  A pair whose value is NULL is left out. */
struct log_pair {
	const char	*key;
	const char	*value;
};

/* Before log_open, lines go to stderr as text.  target and format are the
 * configuration's; program is the syslog ident.  rate: the same event and
 * first value at level WARNING or worse is written at most that often a
 * minute; how many were dropped is told with the next one that is written
 * (suppressed=N).  0 or -1 with err. */
int	log_open(const char *program, const char *target,
	    enum conf_log_format format, unsigned rate, struct err *err);
void	log_close(void);

/* Until then, warnings and errors that go to syslog are told on stderr, too:
 * whoever starts a daemon by hand is still there. */
void	log_detach(void);

/*
 * Writes one line: session (NULL: none), event (a name of the documented
 * list), then the pairs until one with a NULL key.
 */
void	log_event(enum log_level level, const char *session,
	    const char *event, const struct log_pair *pairs);

/* The same, for what strangers can bring about as often as they like: limited
 * as a warning is, whatever its level, by the event and like instead of the
 * first value. */
void	log_limited(enum log_level level, const char *session,
	    const char *event, const char *like,
	    const struct log_pair *pairs);

/* The same as log_event with pairs in place:
 * LOG(LOG_LEVEL_INFO, id, "permit", { "peer", p }, { "client", c }); */
#define LOG(level, session, event, ...)					\
	log_event((level), (session), (event),				\
	    (const struct log_pair[]){ __VA_ARGS__, { NULL, NULL } })

/* Warns of lines of tables that were passed over, if there are any. */
void	log_skips(const struct conf *conf);

/* Warns, at a reload, of a setting that takes effect after a restart only, if it
 * is another than it was. */
void	log_if_changed(const char *key, const char *was, const char *is);

/* When and by whom a line was written. */
struct log_origin {
	struct timespec	 now;
	const char	*program;
};

#define LOG_TIME_SIZE	sizeof("2026-01-01T00:00:00.000Z")

/* As in RFC 3339, in UTC; for years of four digits. */
void	log_time_text(const struct timespec *now, char buf[LOG_TIME_SIZE]);

/*
 * Pure parts, for tests: writes the line without its newline into buf, with
 * its origin unless that is NULL (text has the time alone), and
 * returns its length (cut at size - 1 at a character's boundary).
 */
size_t	log_format_line(enum conf_log_format format,
	    const struct log_origin *origin, enum log_level level,
	    const char *session, const char *event,
	    const struct log_pair *pairs, char *buf, size_t size);

#endif
