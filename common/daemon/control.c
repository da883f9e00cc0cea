/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * control: see control.h.
 */
#include "daemon/control.h"

#include <stdio.h>
#include <string.h>

static const char *const	 verbs[CONTROL_VERB_COUNT] = {
	[CONTROL_PING] = "ping",
	[CONTROL_RELOAD] = "reload",
	[CONTROL_STATS] = "stats",
	[CONTROL_TRACE] = "trace"
};

enum control_result
control_line_find(struct span buf, size_t max, struct span *line_r,
    size_t *used_r)
{
	const char	*end = span_find(buf, '\n');
	size_t		 n;

	/* A CR may stand before the end of the longest. */
	if (end == NULL)
		return buf.n > max + 1 ? CONTROL_TOO_LONG : CONTROL_MORE;
	n = (size_t)(end - buf.p);
	if (n > 0 && buf.p[n - 1] == '\r')
		n--;
	if (n > max)
		return CONTROL_TOO_LONG;
	*line_r = (struct span){ buf.p, n };
	*used_r = (size_t)(end + 1 - buf.p);
	return CONTROL_DONE;
}

/*
 * Requests
 */

static bool
find_verb(struct span word, enum control_verb *verb_r)
{
	int	 i;

	for (i = 0; i < CONTROL_VERB_COUNT; i++)
		if (span_eq(word, verbs[i])) {
			*verb_r = (enum control_verb)i;
			return true;
		}
	return false;
}

static int
read_option(struct span word, struct trace_filter *filter, struct err *err)
{
	struct span	 value;

	if (span_begins(word, "peer=") && !filter->has_peer) {
		value = span_skip(word, strlen("peer="));
		filter->has_peer = true;
		if (address_parse_net(value, &filter->peer))
			return 0;
		return err_set(err, "\"%.*s\" is no network", (int)value.n,
		    value.p);
	}
	if (span_begins(word, "profile=") && filter->profile[0] == '\0') {
		value = span_skip(word, strlen("profile="));
		if (value.n == 0 || value.n >= sizeof filter->profile)
			return err_set(err, "\"%.*s\" can be no profile",
			    (int)value.n, value.p);
		memcpy(filter->profile, value.p, value.n);
		filter->profile[value.n] = '\0';
		return 0;
	}
	return err_set(err, "\"%.*s\" is not known, or said twice",
	    (int)word.n, word.p);
}

int
control_request_read(struct span line, struct control_request *request_r,
    struct err *err)
{
	struct control_request	 request = { .verb = CONTROL_PING };
	struct span		 word;

	/* It is quoted in errors. */
	if (!span_is_printable(line) || line.n > CONTROL_REQUEST_MAX)
		return err_set(err, "that is no request");
	(void)span_word(&line, &word);
	if (!find_verb(word, &request.verb))
		return err_set(err, "the request \"%.*s\" is not known",
		    (int)word.n, word.p);
	while (span_word(&line, &word))
		if (request.verb != CONTROL_TRACE)
			return err_set(err, "\"%s\" takes no arguments",
			    verbs[request.verb]);
		else if (read_option(word, &request.filter, err) == -1)
			return -1;
	*request_r = request;
	return 0;
}

size_t
control_request_write(const struct control_request *request,
    char buf[CONTROL_REQUEST_MAX + 1])
{
	const struct trace_filter	*filter = &request->filter;
	char				 addr[ADDRESS_TEXT_SIZE];
	char				 peer[ADDRESS_TEXT_SIZE + 16] = "";
	bool				 has_profile = filter->profile[0] !=
					     '\0';

	if (filter->has_peer)
		(void)snprintf(peer, sizeof peer, " peer=%s/%u",
		    address_format(&filter->peer.addr, addr, sizeof addr),
		    filter->peer.bits);
	return (size_t)snprintf(buf, CONTROL_REQUEST_MAX + 1, "%s%s%s%s\n",
	    verbs[request->verb], peer, has_profile ? " profile=" : "",
	    filter->profile);
}

/*
 * Answers
 */

static enum control_answer
read_object(const json_t *object, json_t **value_r)
{
	json_t	*value;

	if ((value = json_object_get(object, "data")) != NULL) {
		if (!json_is_object(value))
			return CONTROL_ANSWER_BAD;
		*value_r = json_incref(value);
		return CONTROL_ANSWER_DATA;
	}
	if ((value = json_object_get(object, "error")) != NULL) {
		if (!json_is_string(value))
			return CONTROL_ANSWER_BAD;
		*value_r = json_incref(value);
		return CONTROL_ANSWER_ERROR;
	}
	return json_is_true(json_object_get(object, "end")) ?
	    CONTROL_ANSWER_END : CONTROL_ANSWER_BAD;
}

enum control_answer
control_answer_read(struct span line, json_t **value_r)
{
	enum control_answer	 answer;
	json_t			*object;

	if (line.n == 0)
		return CONTROL_ANSWER_BAD;
	object = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, NULL);
	if (object == NULL)
		return CONTROL_ANSWER_BAD;
	answer = read_object(object, value_r);
	json_decref(object);
	return answer;
}

/*
 * Where
 */

int
control_path(const struct conf *conf, const char *program,
    char buf[CONTROL_PATH_SIZE], struct err *err)
{
	const char	*dash = strrchr(program, '-');
	const char	*name = dash == NULL ? program : dash + 1;
	const char	*path;
	int		 n;

	if (conf->control[0] == '\0')
		return err_set(err, "%s: control = \"\": the daemons have no "
		    "control sockets", conf->file);
	path = conf->control + strlen("unix:");
	n = *path == '/' ? snprintf(buf, CONTROL_PATH_SIZE, "%s.%s", path,
	    name) : snprintf(buf, CONTROL_PATH_SIZE, "%s/%s.%s",
	    conf->runtime_directory, path, name);
	return n < CONTROL_PATH_SIZE ? 0 : err_set(err, "%s: control: the path "
	    "is too long", conf->file);
}
