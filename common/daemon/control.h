/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * control: what xcontext(1) and a daemon say to each other over the daemon's
 * control socket, as both sides read it.
 *
 * A connection has one request, a line of words: "ping", "stats", "reload", or
 * "trace", behind which "peer=NETWORK" and "profile=NAME" may stand.  The answer
 * is lines of JSON, each an object: any number of {"data": {...}}, and at last
 * {"end": true} or {"error": "..."}.  What ends without one of these is not
 * whole.
 *
 * Nothing here reads, writes or waits: neither side trusts the other's bytes,
 * which may be those of another version.
 */
#ifndef XC_CONTROL_H
#define XC_CONTROL_H

#include <jansson.h>

#include "base/err.h"
#include "base/span.h"
#include "conf/conf.h"
#include "daemon/trace.h"

/* Octets of a line, without its end. */
#define CONTROL_REQUEST_MAX	512
#define CONTROL_ANSWER_MAX	16384

enum control_result {
	CONTROL_DONE,
	CONTROL_MORE,
	CONTROL_TOO_LONG
};

/*
 * DONE: *line_r points into buf and is the first line, without its LF, or CR
 * and LF; *used_r is how much of buf it took.  Others write nothing.  A line
 * over max is TOO_LONG as soon as that is known.
 */
enum control_result	control_line_find(struct span buf, size_t max,
			    struct span *line_r, size_t *used_r);

enum control_verb {
	CONTROL_PING,
	CONTROL_RELOAD,
	CONTROL_STATS,
	CONTROL_TRACE
};
#define CONTROL_VERB_COUNT	(CONTROL_TRACE + 1)

struct control_request {
	enum control_verb	 verb;
	struct trace_filter	 filter;	/* of CONTROL_TRACE */
};

/* 0, or -1 with err; *request_r is untouched then. */
int	control_request_read(struct span line,
	    struct control_request *request_r, struct err *err);

/* Writes it with its LF, as control_request_read reads it, and returns the
 * length; there is always room. */
size_t	control_request_write(const struct control_request *request,
	    char buf[CONTROL_REQUEST_MAX + 1]);

enum control_answer {
	CONTROL_ANSWER_DATA,	/* *value_r is the object: a reference */
	CONTROL_ANSWER_END,
	CONTROL_ANSWER_ERROR,	/* *value_r is the text: a reference */
	CONTROL_ANSWER_BAD	/* none of these: no such daemon is there */
};

/* One line of an answer.  END and BAD write nothing. */
enum control_answer	control_answer_read(struct span line,
			    json_t **value_r);

#define CONTROL_PATH_SIZE	256

/*
 * The path of a daemon's socket: what the setting "control" says, in
 * runtime_directory if it is relative, and ".policy" for "xcontext-policy".
 * -1 with err: the setting is "", or too long.
 */
int	control_path(const struct conf *conf, const char *program,
	    char buf[CONTROL_PATH_SIZE], struct err *err);

#endif
