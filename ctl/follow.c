/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * follow: the decisions of all daemons, as they are made (the verb "trace").
 *
 * They are those of the log, with its keys: nothing is decided here.
 */
#include <bsd/stdlib.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "ask.h"
#include "output.h"
#include "verb.h"

/* In the order of trace_options in verb.c. */
enum { OPTION_PEER, OPTION_PROFILE, OPTION_ONLY, OPTION_TERSE };

struct follow {
	const struct ctl	*ctl;
	struct ask_line		*lines[ASK_DAEMONS];	/* NULL: none, or it
						 * is over */
	unsigned		 n_lines;
	long long		 left;		/* -1: any number */
	int			 status;
};

static struct control_request
read_options(const struct ctl *ctl)
{
	struct control_request	 request = { .verb = CONTROL_TRACE };
	const char		*peer = ctl->option[OPTION_PEER];
	const char		*profile = ctl->option[OPTION_PROFILE];

	request.filter.has_peer = peer != NULL;
	if (peer != NULL && !address_parse_net(span_of(peer),
	    &request.filter.peer))
		ctl_die(EX_USAGE, "\"%s\": expected an address or a network, "
		    "as 192.0.2.0/24", peer);
	if (profile == NULL)
		return request;
	if (*profile == '\0' || strlen(profile) >=
	    sizeof request.filter.profile || strchr(profile, ' ') != NULL ||
	    !span_is_printable(span_of(profile)))
		ctl_die(EX_USAGE, "\"%s\" can be no profile", profile);
	(void)strcpy(request.filter.profile, profile);
	return request;
}

static long long
read_only(const struct ctl *ctl)
{
	const char	*text = ctl->option[OPTION_ONLY], *wrong;
	long long	 n;

	if (text == NULL)
		return -1;
	n = strtonum(text, 1, 1000000000, &wrong);
	if (wrong != NULL)
		ctl_die(EX_USAGE, "--only \"%s\": expected a number", text);
	return n;
}

/*
 * Printing
 */

/* No byte of a client's is a command to a terminal. */
static void
print_value(const json_t *value)
{
	const char	*text = json_string_value(value);
	json_t		*shown;

	if (json_is_integer(value)) {
		printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	} else if (text == NULL) {
		printf("%s", json_is_true(value) ? "true" : "-");
	} else {
		shown = output_text(text);
		text = json_string_value(shown);
		printf(*text == '\0' || strpbrk(text, " \"") != NULL ?
		    "\"%s\"" : "%s", text);
		json_decref(shown);
	}
}

static void
print_whole(json_t *data)
{
	const char	*key, *gap = "";
	json_t		*value;

	json_object_foreach(data, key, value) {
		printf("%s%s=", gap, key);
		print_value(value);
		gap = " ";
	}
	printf("\n");
}

static void
print_terse(const json_t *data)
{
	static const char *const	 keys[] = { "event", "command", "peer",
					     "client", "profile", "attribute",
					     "reason", "rule" };
	const char			*time = output_text_at(data, "time");
	const json_t			*value;
	size_t				 i;

	/* Of "2026-11-30T12:00:00.000Z" the time. */
	printf("%.8s", strlen(time) > 11 ? time + 11 : "--:--:--");
	for (i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if ((value = json_object_get(data, keys[i])) != NULL) {
			printf(" ");
			print_value(value);
		}
	printf("\n");
}

static void
print(const struct follow *follow, json_t *data)
{
	if (follow->ctl->is_json) {
		(void)json_dumpf(data, stdout, JSON_COMPACT |
		    JSON_ENSURE_ASCII);
		printf("\n");
	} else if (follow->ctl->option[OPTION_TERSE] != NULL &&
	    json_object_get(data, "event") != NULL) {
		print_terse(data);
	} else {
		print_whole(data);
	}
	if (fflush(stdout) != 0)
		ctl_die(EX_IOERR, "standard output cannot be written");
}

/*
 * Following
 */

static void
begin(struct follow *follow, const struct ask *all,
    const struct control_request *request)
{
	struct err	 err;
	unsigned	 i;

	for (i = 0; i < ASK_DAEMONS; i++) {
		if (!all->daemons[i].is_expected)
			continue;
		if (ask_open(&all->daemons[i], request, &follow->lines[i],
		    &err) == ASK_DONE) {
			follow->n_lines++;
			continue;
		}
		fprintf(stderr, "%s: %s\n", CTL_PROGRAM, err.text);
		follow->status = CTL_NO;
	}
}

/* What a daemon begins with is no decision, but tells that it listens. */
static void
show(struct follow *follow, json_t *data)
{
	const char	*program = output_text_at(data, "tracing");

	if (*program != '\0') {
		fprintf(stderr, "%s: tracing %.64s\n", CTL_PROGRAM, program);
		return;
	}
	print(follow, data);
	if (follow->left > 0 && json_object_get(data, "lost") == NULL)
		follow->left--;
}

/* Takes what has come from one of them. */
static void
take(struct follow *follow, struct ask_line **line)
{
	enum ask_result	 result = ASK_SILENT;
	struct err	 err;
	json_t		*data;

	while (follow->left != 0 &&
	    (data = ask_next(*line, 0, &result, &err)) != NULL) {
		show(follow, data);
		json_decref(data);
	}
	if (follow->left == 0 || result == ASK_SILENT)
		return;
	if (result != ASK_DONE) {
		fprintf(stderr, "%s: %s\n", CTL_PROGRAM, err.text);
		follow->status = CTL_NO;
	}
	ask_close(*line);
	*line = NULL;
	follow->n_lines--;
}

static void
wait_for(struct follow *follow)
{
	struct pollfd	 pfds[ASK_DAEMONS];
	unsigned	 i;

	for (i = 0; i < ASK_DAEMONS; i++)
		pfds[i] = (struct pollfd){ .events = POLLIN,
		    .fd = follow->lines[i] == NULL ? -1 :
		    ask_fd(follow->lines[i]) };
	if (poll(pfds, ASK_DAEMONS, -1) < 1)
		return;
	for (i = 0; i < ASK_DAEMONS && follow->left != 0; i++)
		if (pfds[i].revents != 0)
			take(follow, &follow->lines[i]);
}

int
follow_trace(struct ctl *ctl)
{
	struct control_request	 request = read_options(ctl);
	struct follow		 follow = { .ctl = ctl,
				     .left = read_only(ctl),
				     .status = CTL_YES };
	struct ask		 all;
	unsigned		 i;

	ask_init(ctl, &all);
	begin(&follow, &all, &request);
	while (follow.n_lines > 0 && follow.left != 0)
		wait_for(&follow);
	for (i = 0; i < ASK_DAEMONS; i++)
		ask_close(follow.lines[i]);
	return follow.left == 0 ? CTL_YES : follow.status;
}
