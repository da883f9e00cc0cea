/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_sendmail_look: --check of "setup sendmail": what sendmail.cf says,
 * which is what Sendmail goes by, and whether the socket is one that it uses.
 */
#include "setup_sendmail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "knock.h"

#define SECONDS		5		/* for an answer */
#define REPLY_MIN	5		/* seconds that a reply should have */

struct look {
	struct setup_check	*check;
	struct setup		*setup;
	struct pool		*pool;
	const char		*cf;		/* the text */
	struct mc_filter	 filter;
	const char		*where;		/* of the filter */
};

#define ADD(look, severity, ...)					\
	setup_check_add((look)->check, SETUP_CHECK_##severity,		\
	    (look)->where, __VA_ARGS__)

static const char	 fix[] = "xcontext setup sendmail --plan --rebuild "
			    "shows the whole, --apply makes it";

static void
check_flags(struct look *look)
{
	const char	*flags = mc_equate(look->pool, look->filter.equates,
			    'F');

	if (flags == NULL || *flags == '\0')
		ADD(look, ERROR, "it has no F=", "while xcontext-milter is "
		    "away, mail is received unjudged", fix);
	else if (strcmp(flags, "R") == 0)
		ADD(look, WARNING, "F=R", "while xcontext-milter is away, "
		    "mail bounces", "F=T");
}

/* Seconds of "S:10s;R:2m", of that letter; 0: it does not say. */
static unsigned long
seconds_of(const char *times, char which)
{
	unsigned long	 n;
	char		*end;

	for (; *times != '\0'; times += strcspn(times, ";"),
	    times += *times == ';') {
		if (*times != which || times[1] != ':')
			continue;
		n = strtoul(times + 2, &end, 10);
		return *end == 'm' ? n * 60 : *end == 'h' ? n * 3600 : n;
	}
	return 0;
}

static void
check_times(struct look *look)
{
	const char	*times = mc_equate(look->pool, look->filter.equates,
			    'T');
	unsigned long	 n = times == NULL ? 0 : seconds_of(times, 'R');

	if (n > 0 && n < REPLY_MIN)
		ADD(look, WARNING, pool_printf(look->pool, "T=R:%lus", n),
		    "a decision that takes longer, as on a busy host, is a "
		    "milter that is away: mail is deferred",
		    "leave T= out: 10 seconds");
}

static void
check_place(struct look *look)
{
	int	 at = mc_cf_position(look->pool, look->cf,
		    look->filter.name);

	if (at == -1)
		ADD(look, ERROR, "it is not in InputMailFilters",
		    "it is never asked: nothing is judged", fix);
	else if (at > 0)
		ADD(look, NOTE, "other filters are asked first",
		    "they do not see the header of the context",
		    "put it in front of them, where they go by that");
}

static void
check_socket(struct look *look)
{
	const char		*listen = look->setup->conf->milter_listen;
	const char		*path = setup_path(listen), *open = NULL;
	struct knock_answer	 answer = knock(listen, KNOCK_MILTER, SECONDS);

	look->where = pool_printf(look->pool, "socket %s", listen);
	if (path != NULL)
		open = setup_sendmail_open(look->setup, path);
	if (open != NULL)
		ADD(look, ERROR, pool_printf(look->pool, "others than its "
		    "owner may write to %s", open), "Sendmail does not use it, "
		    "and mail is deferred", pool_printf(look->pool,
		    "chmod go-w %s, or another milter { listen }", open));
	if (answer.stage != KNOCK_IS_WELL)
		ADD(look, ERROR, pool_printf(look->pool, "%s: %s",
		    knock_stage_text(&answer), knock_error_text(&answer)),
		    "what F= says: mail is deferred, or received unjudged",
		    answer.stage == KNOCK_NOT_ANSWERED ? "is root in "
		    "allowed_users?  The log of xcontext-milter says more" :
		    "systemctl restart xcontext-milter");
}

/* The one that sendmail.mc has is not there, or another. */
static void
check_age(struct look *look, const char *socket, bool is_wired)
{
	struct mc_filter	 filter;
	const char		*mc = setup_read(look->setup,
				    setup_sendmail_file(look->setup,
				    "sendmail.mc"));

	look->where = "sendmail.cf";
	if (!mc_find(look->pool, mc, SETUP_SENDMAIL_NAME, socket, &filter)) {
		if (is_wired)
			ADD(look, WARNING, "sendmail.mc does not have the "
			    "filter", "when sendmail.cf is made anew, it is "
			    "gone", fix);
	} else if (!is_wired) {
		ADD(look, ERROR, "sendmail.mc has the filter, and sendmail.cf "
		    "has not", "nothing is judged", "make it anew: "
		    "sendmailconfig, or --apply --rebuild");
	}
}

static bool
has_socket(const struct look *look, const char *socket)
{
	const char	*has = mc_equate(look->pool, look->filter.equates, 'S');

	if (has == NULL)
		return false;
	if (strncmp(has, "local:", 6) == 0)
		has = pool_printf(look->pool, "unix:%s", has + 6);
	return strcmp(has, socket) == 0;
}

static void
check_filter(struct look *look, const char *socket)
{
	look->where = pool_printf(look->pool, "sendmail.cf X%s",
	    look->filter.name);
	if (!has_socket(look, socket))
		ADD(look, ERROR, pool_printf(look->pool, "its S= is not %s, "
		    "where xcontext-milter listens", socket), "Sendmail finds "
		    "nobody there, and does what F= says", fix);
	check_flags(look);
	check_times(look);
	check_place(look);
}

void
setup_sendmail_look(struct setup_check *check)
{
	struct look	 look = { .check = check, .setup = check->setup,
			    .pool = &check->setup->pool };
	const char	*socket;
	bool		 is_wired;

	socket = setup_sendmail_socket(check->setup,
	    check->setup->conf->milter_listen);
	look.cf = setup_read(check->setup, setup_sendmail_file(check->setup,
	    "sendmail.cf"));
	is_wired = mc_cf_find(look.pool, look.cf, SETUP_SENDMAIL_NAME, socket,
	    &look.filter);
	if (is_wired) {
		check_filter(&look, socket);
		check_socket(&look);
		check->n_wired++;
	}
	check_age(&look, socket, is_wired);
	if (!is_wired && json_array_size(check->findings) == 0)
		setup_check_add(check, SETUP_CHECK_ERROR, "sendmail.cf",
		    "no filter of it is xcontext-milter", "nothing is judged, "
		    "and no X command is answered",
		    "xcontext setup sendmail --plan");
}
