/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * transaction_way: which next hop mail goes to, by which binding, and what is
 * said when it cannot be brought up.
 */
#include "transaction_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* To whoever may not know which table it is: the log is told. */
#define CANNOT_TELL	"which way mail goes cannot be told"

/* What binding_maps are asked for, into the keys that all dialogues share. */
static bool
make_keys(struct dialogue *d, struct err *err)
{
	struct context_view	*views;
	struct session		 copy;

	if (d->relay->n_binding_maps == 0)
		return true;
	views = calloc(2, sizeof *views);
	if (views == NULL) {
		(void)err_set(err, "out of memory");
		return false;
	}
	dialogue_views(d, views);
	access_keys_make(d->env->keys, dialogue_shown(d, &copy), &views[0],
	    &views[1], (struct span){ "", 0 }, (struct span){ "", 0 });
	free(views);
	return true;
}

enum route_result
transaction_way_find(struct dialogue *d, struct span recipient,
    struct span domain, struct route *route_r, struct err *err)
{
	if (!make_keys(d, err))
		return ROUTE_CANNOT_TELL;
	return route_find(d->conf, d->relay, d->env->keys, recipient, domain,
	    route_r, NULL, err);
}

enum route_result
transaction_way_needs_recipient(struct dialogue *d, bool *needs_r,
    struct err *err)
{
	if (route_is_fixed(d->relay) && !make_keys(d, err))
		return ROUTE_CANNOT_TELL;
	return route_is_by_recipient(d->conf, d->relay, d->env->keys, needs_r,
	    err);
}

/*
 * Bringing it up
 */

static void
fill_target(const struct dialogue *d, const struct route *route,
    struct hop_target *target)
{
	*target = (struct hop_target){
		.nexthop = route->nexthop,
		.is_handed_over = d->relay->hand_over
	};
	if (route->binding != NULL)
		scope_binding_source(route->binding, &target->source);
	if (target->source.tls == SCOPE_TLS_UNSET)
		target->source.tls = SCOPE_TLS_NO;
}

/* What keeps mail from any next hop. */
static bool
is_looping(const struct dialogue *d)
{
	return d->hops >= d->relay->hops_max;
}

static bool
is_user_lost(const struct dialogue *d)
{
	return d->is_authenticated && hop_state(d->hop) == HOP_NONE;
}

static enum hop_setup
fail(struct dialogue *d)
{
	/* It may be what became of a message. */
	if (hop_n_due(d->hop) > 0)
		return HOP_WAITS;
	if (is_looping(d)) {
		dialogue_report(d, DIALOGUE_LOOP, 554, NULL);
		hop_fail(d->hop, "554 5.4.6 too many hops: this mail loops");
	} else {
		hop_fail(d->hop, HOP_USER_LOST);
	}
	return HOP_HAS_FAILED;
}

enum hop_setup
transaction_way_ensure(struct dialogue *d, const struct route *route,
    bool is_identified)
{
	enum hop_state	 state = hop_state(d->hop);
	struct hop_need	 need = { .is_identified = is_identified };

	if (hop_has_failure(d->hop))
		return HOP_HAS_FAILED;
	if (state != HOP_NONE && state != HOP_READY)
		return HOP_WAITS;
	if (is_looping(d) || is_user_lost(d))
		return fail(d);
	need.is_elsewhere = state == HOP_READY &&
	    !route_equal(&d->route, route);
	if (need.is_elsewhere && hop_n_due(d->hop) > 0)
		return HOP_WAITS;
	d->route = *route;
	fill_target(d, route, &need.target);
	need.mode = route->mode;
	need.dialect = route->dialect;
	need.hops = d->hops;
	return hop_ensure(d->hop, &need);
}

/* Whether the next hop that is being brought up, or could not be, is that of
 * the command that waits.  One that waits for other replies has none yet. */
static bool
is_coming_up(const struct dialogue *d)
{
	enum hop_state	 state = hop_state(d->hop);

	return hop_has_failure(d->hop) ||
	    (state != HOP_NONE && state != HOP_READY);
}

enum hop_setup
transaction_way_ensure_fixed(struct dialogue *d, bool is_identified)
{
	const struct span	 none = { "", 0 };
	struct route		 route = { .mode = XCLIENT_NO };
	struct err		 err;

	if (is_coming_up(d)) {
		route = d->route;
	} else if (transaction_way_find(d, none, none, &route, &err) !=
	    ROUTE_OK) {
		dialogue_report(d, DIALOGUE_MAIL_REFUSED, 421, err.text);
		hop_fail(d->hop, "421 4.3.0 " CANNOT_TELL);
		return HOP_HAS_FAILED;
	}
	return transaction_way_ensure(d, &route, is_identified);
}

void
transaction_way_say_failure(struct dialogue *d, struct client_reply *reply)
{
	size_t		 public;
	const char	*failure = hop_failure(d->hop, &public);

	if (failure == NULL)
		client_say(d->client, reply, "451 4.3.0 out of memory");
	else if (strncmp(failure, "421", 3) == 0)
		client_say_last(d->client, reply, "%.*s",
		    (int)strcspn(failure, "\r\n"), failure);
	else
		client_pass_text(d->client, reply, failure);
	hop_forget_failure(d->hop);
}

void
transaction_way_refuse(struct dialogue *d, enum route_result result,
    const struct err *err, struct client_reply *reply)
{
	const char	*code = route_refusal(result);

	dialogue_report(d, DIALOGUE_MAIL_REFUSED,
	    (unsigned)strtoul(code, NULL, 10), err->text);
	client_say(d->client, reply, "%s %s", code,
	    result == ROUTE_CANNOT_TELL ? CANNOT_TELL : err->text);
}

enum hop_setup
transaction_way_ensure_mail(struct dialogue *d, struct span recipient,
    struct span domain, struct client_reply *reply)
{
	struct route	 route = { .mode = XCLIENT_NO };
	struct err	 err;
	enum route_result result;
	enum hop_setup	 setup;

	if (is_coming_up(d)) {
		route = d->route;
	} else {
		result = transaction_way_find(d, recipient, domain, &route,
		    &err);
		if (result != ROUTE_OK) {
			transaction_way_refuse(d, result, &err, reply);
			return HOP_HAS_FAILED;
		}
	}
	setup = transaction_way_ensure(d, &route, true);
	if (setup == HOP_HAS_FAILED)
		transaction_way_say_failure(d, reply);
	return setup;
}
