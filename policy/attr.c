/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * attr: see attr.h.  It walks the request line by line; nothing is looked at
 * twice, and a name is found by its length.  The first attribute has to be
 * "request", and none may be there twice: who could choose a value might choose
 * a second one.
 */
#include "attr.h"

static const char *const names[ATTR_COUNT] = {
	[ATTR_REQUEST] = "request",
	[ATTR_PROTOCOL_STATE] = "protocol_state",
	[ATTR_CLIENT_ADDRESS] = "client_address",
	[ATTR_CLIENT_NAME] = "client_name",
	[ATTR_CLIENT_PORT] = "client_port",
	[ATTR_SASL_METHOD] = "sasl_method",
	[ATTR_SASL_USERNAME] = "sasl_username",
	[ATTR_POLICY_CONTEXT] = "policy_context",
	[ATTR_HELO_NAME] = "helo_name",
	[ATTR_SENDER] = "sender",
	[ATTR_RECIPIENT_COUNT] = "recipient_count",
	[ATTR_QUEUE_ID] = "queue_id",
};

/* Length and first letter leave at most one name to compare with. */
static int
name_find(struct span name)
{
	enum attr_name	 found;

	switch (name.n) {
	case 6:
		found = ATTR_SENDER;
		break;
	case 7:
		found = ATTR_REQUEST;
		break;
	case 8:
		found = ATTR_QUEUE_ID;
		break;
	case 9:
		found = ATTR_HELO_NAME;
		break;
	case 11:
		found = name.p[0] == 's' ? ATTR_SASL_METHOD :
		    name.p[7] == 'n' ? ATTR_CLIENT_NAME : ATTR_CLIENT_PORT;
		break;
	case 13:
		found = ATTR_SASL_USERNAME;
		break;
	case 14:
		found = name.p[0] == 'c' ? ATTR_CLIENT_ADDRESS :
		    name.p[1] == 'r' ? ATTR_PROTOCOL_STATE :
		    ATTR_POLICY_CONTEXT;
		break;
	case 15:
		found = ATTR_RECIPIENT_COUNT;
		break;
	default:
		return -1;
	}
	return memcmp(name.p, names[found], name.n) == 0 ? (int)found : -1;
}

static bool
take_line(struct attr_request *request, struct span line)
{
	const char	*eq = span_find(line, '=');
	struct span	 value;
	int		 name;

	if (eq == NULL || eq == line.p)
		return false;
	name = name_find((struct span){ line.p, (size_t)(eq - line.p) });
	if (name == -1)
		return true;
	if (request->v[name].p != NULL)
		return false;
	value = span_skip(line, (size_t)(eq - line.p) + 1);
	request->v[name] = value;
	return true;
}

enum attr_result
attr_parse(struct span buf, size_t max, struct attr_request *request_r,
    size_t *used_r)
{
	struct attr_request	 request = { { { NULL, 0 } } };
	struct span		 rest = buf, line;
	const char		*nl;

	while ((nl = span_find(rest, '\n')) != NULL) {
		line = (struct span){ rest.p, (size_t)(nl - rest.p) };
		rest = span_skip(rest, line.n + 1);
		if ((size_t)(rest.p - buf.p) > max)
			return ATTR_TOO_LONG;
		if (line.n > 0) {
			if (!take_line(&request, line) ||
			    request.v[ATTR_REQUEST].p == NULL)
				return ATTR_BAD;
			continue;
		}
		if (request.v[ATTR_REQUEST].p == NULL ||
		    memchr(buf.p, '\0', (size_t)(rest.p - buf.p)) != NULL)
			return ATTR_BAD;
		*request_r = request;
		*used_r = (size_t)(rest.p - buf.p);
		return ATTR_DONE;
	}
	return buf.n > max ? ATTR_TOO_LONG : ATTR_MORE;
}
