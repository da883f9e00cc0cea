/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * ask: questions to the daemons over their control sockets (daemon/control.h).
 *
 * A daemon that hangs, is another version, or is not there, is waited for so
 * long, and then said to be that; what it answers is never trusted to be whole.
 */
#ifndef XC_CTL_ASK_H
#define XC_CTL_ASK_H

#include <jansson.h>

#include "ctl.h"
#include "daemon/control.h"

#define ASK_DAEMONS	3
#define ASK_SHORT_MS	2000	/* for what a daemon has at hand */

struct ask_daemon {
	const char	*name;		/* "policy" */
	const char	*program;	/* "xcontext-policy" */
	char		 path[CONTROL_PATH_SIZE];
	bool		 is_expected;	/* there is a section for it, or a
					 * socket of it */
};

struct ask {
	const char		*file;
	struct conf		*conf;	/* NULL: the file is broken now, ... */
	struct err		 why;	/* ... as this says; sockets are found
					 * by what else can be read in it */
	struct ask_daemon	 daemons[ASK_DAEMONS];
};

/* Exits where there is no file, or it wants no control sockets. */
void	ask_init(struct ctl *ctl, struct ask *ask);

enum ask_result {
	ASK_DONE,
	ASK_REFUSED,		/* by the daemon, which says why */
	ASK_ABSENT,		/* nobody is at the socket */
	ASK_FORBIDDEN,		/* this user may not use it */
	ASK_SILENT,		/* no answer in time */
	ASK_BAD			/* that is no answer, or half of one */
};
/* "up", "refused", "down" ... */
const char	*ask_result_text(enum ask_result result);

/*
 * The whole conversation.  DONE: *data_r is an array of what it said, a
 * reference.  Others: err says what and why.
 */
enum ask_result	ask(const struct ask_daemon *daemon,
		    const struct control_request *request, int timeout_ms,
		    json_t **data_r, struct err *err);

/*
 * The same in steps.  ask_open has asked when it is DONE.  ask_next takes one
 * piece of data out of what is there, and reads if there is none, at most once
 * and as long as timeout_ms: NULL, and *result_r is DONE at the end of the
 * answer, SILENT if there is nothing yet, or else what is wrong.
 */
struct ask_line;
enum ask_result	 ask_open(const struct ask_daemon *daemon,
		    const struct control_request *request,
		    struct ask_line **line_r, struct err *err);
json_t		*ask_next(struct ask_line *line, int timeout_ms,
		    enum ask_result *result_r, struct err *err);
int		 ask_fd(const struct ask_line *line);
void		 ask_close(struct ask_line *line);	/* NULL is allowed */

#endif
