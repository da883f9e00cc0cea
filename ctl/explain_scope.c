/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * explain_scope: see explain_scope.h.  xcontext-relay's own route_find says the
 * way; here only who it is for is made up: what a peer would say, judged as it
 * would be, or else pairs that nobody has set.
 */
#include "explain_scope.h"

#include <bsd/string.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/smtp_command.h"
#include "play.h"
#include "session/route.h"

/* An envelope address, as the relay reads it. */
struct mailbox {
	char			 text[SMTP_COMMAND_MAX];
	struct smtp_path	 path;
};

static void
read_mailbox(enum smtp_verb verb, const char *address, struct mailbox *m)
{
	bool	 has_brackets = address[0] == '<';
	int	 n;

	n = snprintf(m->text, sizeof m->text, "%s%s%s%s",
	    verb == SMTP_MAIL ? "FROM:" : "TO:", has_brackets ? "" : "<",
	    address, has_brackets ? "" : ">");
	if (n < 0 || (size_t)n >= sizeof m->text ||
	    !smtp_path_parse(verb, span_of(m->text), &m->path) ||
	    m->path.params.n > 0)
		ctl_die(EX_USAGE, "\"%s\" is no address of a %s", address,
		    verb == SMTP_MAIL ? "sender" : "recipient");
}

/* The relay that is asked for, or the only one. */
static const struct conf_relay *
find_relay(struct ctl *ctl)
{
	const struct conf	*conf = ctl_conf(ctl);
	const char		*name = ctl->option[PEER_LISTENER];
	unsigned		 i;

	if (conf->n_relays == 0)
		ctl_die(EX_USAGE, "%s has no relay", ctl->file);
	if (name == NULL && conf->n_relays > 1)
		ctl_die(EX_USAGE, "%s has %u relays: say which by --listener, "
		    "as --listener %s", ctl->file, conf->n_relays,
		    conf->relays[0].name);
	for (i = 0; i < conf->n_relays; i++)
		if (name == NULL || strcmp(conf->relays[i].name, name) == 0)
			return &conf->relays[i];
	ctl_die(EX_USAGE, "%s has no relay \"%s\"", ctl->file, name);
}

/*
 * Who it is that sends
 */

/* False: it is refused, as is printed. */
static bool
say(const struct ctl *ctl, struct play *play, const char *verb,
    const char *args)
{
	char	 line[CONTEXT_LINE_MAX];
	json_t	*step;
	bool	 is_passed;

	if (args == NULL)
		return true;
	if ((size_t)snprintf(line, sizeof line, "%s %s", verb, args) >=
	    sizeof line)
		ctl_die(EX_USAGE, "\"%.40s...\" is too long for a line", args);
	step = play_line(play, span_of(line));
	is_passed = play_is_passed(step);
	if (is_passed)
		json_decref(step);
	else
		output_object(ctl, step);
	return is_passed;
}

static struct trust_peer
find_peer(const struct ctl *ctl, const struct conf_relay *relay)
{
	const char		*address = ctl->option[PEER_OPTIONS];
	struct trust_peer	 peer = { .listener = relay->name };

	if (address == NULL && ctl->option[EXPLAIN_XCLIENT] != NULL)
		ctl_die(EX_USAGE, "--xclient needs --peer ADDRESS: who says "
		    "it");
	if (address == NULL)
		return peer;
	peer = peer_read(ctl, address);
	peer.listener = relay->name;
	return peer;
}

/* NULL: what he was to say is refused. */
static struct play *
make_sender(struct ctl *ctl, const struct conf_relay *relay)
{
	const struct trust_peer	 peer = find_peer(ctl, relay);
	struct play		*play = play_new(ctl, &peer);
	const char		*pairs = ctl->option[EXPLAIN_CONTEXT];

	if (peer.addr.family == AF_UNSPEC) {
		if (pairs != NULL)
			play_set_pairs(play, span_of(pairs));
		return play;
	}
	if (say(ctl, play, "XCLIENT", ctl->option[EXPLAIN_XCLIENT]) &&
	    say(ctl, play, "XSETCONTEXT", pairs))
		return play;
	play_free(play);
	return NULL;
}

/* As the relay makes them for the first recipient of a message. */
static void
make_keys(const struct play *play, struct span sender,
    struct access_keys *keys)
{
	const struct trust_profile	*profile = play_profile(play);
	const struct context_client	 known = {
		.is_anonymous = profile != NULL &&
		    trust_profile_always_allow(profile)
	};
	struct context_view		 views[2];
	const struct span		 nothing = { "", 0 };

	context_view_connection(play_session(play), &known, &views[0]);
	context_view_init(&views[1]);
	context_view_add(&views[1], CONTEXT_MAILFROM, sender);
	context_view_add(&views[1], CONTEXT_RCPT_COUNT, span_of("0"));
	context_view_yield(&views[0], &views[1]);
	access_keys_make(keys, play_session(play), &views[0], &views[1],
	    nothing, nothing);
}

/*
 * The way
 */

static void
put_mode(json_t *found, const struct conf *conf, const struct route *route)
{
	char	 rule[sizeof route->rule + sizeof(struct err)];

	/* What stands outside of all has no section to be named after. */
	if (conf->xclient_line != 0 && strcmp(route->rule, "global") == 0)
		(void)snprintf(rule, sizeof rule, "%s:%u (global)",
		    conf->file, conf->xclient_line);
	else
		(void)strlcpy(rule, route->rule, sizeof rule);
	output_put(found, "xclient", output_text(scope_mode_text(
	    route->mode)));
	output_put(found, "xclient_rule", output_text(rule));
}

static json_t *
text_or_null(const char *text)
{
	return *text == '\0' ? json_null() : output_text(text);
}

static void
put_way(json_t *found, const struct conf *conf, const struct route *route,
    const struct route_where *where)
{
	char	 hop[NEXTHOP_TEXT_SIZE];

	output_put(found, "binding", route->binding == NULL ? json_null() :
	    output_text(scope_binding_name(route->binding)));
	output_put(found, "binding_rule", text_or_null(where->binding));
	output_put(found, "next_hop", output_text(nexthop_format(
	    &route->nexthop, hop)));
	output_put(found, "next_hop_rule", text_or_null(where->nexthop));
	put_mode(found, conf, route);
}

static int
put_refusal(json_t *found, enum route_result result, const struct err *err)
{
	output_put(found, "reply", output_text(route_refusal(result)));
	output_put(found, "text", output_text(err->text));
	return result == ROUTE_CANNOT_TELL ? CTL_CANNOT_TELL : CTL_NO;
}

static int
find_way(struct ctl *ctl, const struct conf_relay *relay,
    const struct access_keys *keys, const struct smtp_path *to, json_t *found)
{
	const struct conf	*conf = ctl_conf(ctl);
	const struct span	 nobody = { "", 0 };
	struct route		 route = { .mode = XCLIENT_NO };
	struct route_where	 where;
	enum route_result	 result;
	struct err		 err;
	bool			 is_his;

	result = route_is_by_recipient(conf, relay, keys, &is_his, &err);
	if (result == ROUTE_OK)
		result = route_find(conf, relay, keys, is_his ? to->address :
		    nobody, is_his ? to->domain : nobody, &route, &where,
		    &err);
	if (result != ROUTE_OK)
		return put_refusal(found, result, &err);
	put_way(found, conf, &route, &where);
	return CTL_YES;
}

int
explain_scope(struct ctl *ctl)
{
	const struct conf_relay	*relay = find_relay(ctl);
	struct play		*play;
	struct access_keys	*keys = malloc(sizeof *keys);
	struct mailbox		 from, to;
	json_t			*found;
	int			 status;

	if (keys == NULL)
		ctl_die(EX_OSERR, "out of memory");
	read_mailbox(SMTP_MAIL, ctl->args[0], &from);
	read_mailbox(SMTP_RCPT, ctl->args[1], &to);
	play = make_sender(ctl, relay);
	if (play == NULL) {
		free(keys);
		return CTL_NO;
	}
	make_keys(play, from.path.address, keys);
	found = output_new();
	output_put(found, "relay", output_text(relay->name));
	status = find_way(ctl, relay, keys, &to.path, found);
	output_object(ctl, found);
	free(keys);
	play_free(play);
	return status;
}
