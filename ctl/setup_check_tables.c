/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * setup_check_tables: what one smtpd asks, the part of setup_check.h about its
 * tables and its command filter.
 */
#include "setup_check_private.h"

#include <stdlib.h>
#include <string.h>

#include "wiring.h"

#define ADD	SETUP_CHECK_AT

/*
 * Tables
 */

/* The socket behind "socketmap:" whose map is one of ours. */
static const char *
find_maps(struct look *look, const char *list)
{
	static const char *const	 maps[] = { ":xclient", ":xforward",
					    ":command", ":milters" };
	static const char		 type[] = "socketmap:";
	const char			*p = list;
	size_t				 n, len, i;

	for (; (p = strstr(p, type)) != NULL; p += n) {
		p += sizeof type - 1;
		n = strcspn(p, ", \t{}");
		for (i = 0; i < sizeof maps / sizeof maps[0]; i++) {
			const char	*at = memmem(p, n, maps[i],
					    strlen(maps[i]));

			if (at == NULL)
				continue;
			len = strlen(maps[i]);
			if (at + len == p + n || at[len] == '.')
				return pool_copy(look->pool, (struct span){
				    p, (size_t)(at - p) });
		}
	}
	return NULL;
}

const char *
setup_check_find_maps(struct look *look)
{
	int		 i;
	const char	*maps;

	for (i = WIRING_XCLIENT; i <= WIRING_MILTER_MAPS; i++) {
		maps = find_maps(look, setup_check_value(look,
		    wiring_name((enum wiring_setting)i)));
		if (maps != NULL)
			return maps;
	}
	return NULL;
}

static void
check_listener(struct look *look, const char *name, const char *listener)
{
	if (*listener == '\0' || trust_has_listener(look->setup->conf->trust,
	    span_of(listener)))
		return;
	ADD(look, ERROR, name, pool_printf(look->pool, "the map is of the "
	    "listener \"%s\", and xcontext.conf has no such section",
	    listener), "sessions end with 421 at EHLO or XCLIENT "
	    "(event=unknown_map)", pool_printf(look->pool, "write \"listener "
	    "%s { ... }\" into %s, or take it out of the map's name",
	    listener, look->setup->ctl->file));
}

/* What the list has in front of our table, but for the guard of wiring B. */
static void
check_first(struct look *look, const char *name, const char *map)
{
	const char	*list = setup_check_value(look, name), *listener;
	struct span	 element;

	while (wiring_next(&list, &element)) {
		const char	*text = pool_copy(look->pool, element);

		if (wiring_has_map(look->pool, text, look->maps, map,
		    &listener))
			return;
		if (*text == '!')
			continue;
		ADD(look, WARNING, name, pool_printf(look->pool, "\"%s\" "
		    "stands in front of our table", text),
		    "who is in it is allowed by Postfix, whatever the profile "
		    "says; xcontext then finds an override that it does not "
		    "know, and refuses the mail", "take it out");
		return;
	}
}

static void
check_proxy(struct look *look, const char *name)
{
	if (strstr(setup_check_value(look, name), "proxy:socketmap:") != NULL)
		ADD(look, ERROR, name, "proxy: stands in front of our table",
		    "all smtpd ask through one process; which session a "
		    "question is about cannot be known, and the answer is "
		    "TEMP: 421", "take \"proxy:\" away");
}

static bool
check_map(struct look *look, enum wiring_setting setting, const char *map,
    enum setup_check_severity severity, const char *cost)
{
	const char	*name = wiring_name(setting), *listener;

	check_proxy(look, name);
	if (wiring_has_map(look->pool, setup_check_value(look, name),
	    look->maps, map, &listener)) {
		check_listener(look, name, listener);
		return true;
	}
	setup_check_add(look->check, severity, setup_check_where(look, name),
	    pool_printf(look->pool, "the table socketmap:%s:%s is not there%s",
	    look->maps, map, setup_check_shadow(look, name, map)), cost,
	    pool_printf(look->pool, "put it there; %s", SETUP_CHECK_FIX));
	return false;
}

static void
check_all_maps(struct look *look)
{
	const char	*xclient = wiring_name(WIRING_XCLIENT);
	const char	*xforward = wiring_name(WIRING_XFORWARD);

	if (check_map(look, WIRING_XCLIENT, "xclient", SETUP_CHECK_ERROR,
	    "no messenger may say XCLIENT, or others grant it"))
		check_first(look, xclient, "xclient");
	if (check_map(look, WIRING_XFORWARD, "xforward", SETUP_CHECK_ERROR,
	    "xcontext cannot tell a new connection from an override: mail is "
	    "refused as \"unseen_override\""))
		check_first(look, xforward, "xforward");
	(void)check_map(look, WIRING_MILTER_MAPS, "milters",
	    SETUP_CHECK_WARNING, "each session of a stranger has the cost of "
	    "our milter, and an XCLIENT ADDR=[UNAVAILABLE] ends in 451");
	look->is_guarded = wiring_messengers_of(look->pool,
	    setup_check_value(look, xclient)) != NULL;
}

/*
 * The command filter
 */

static void
add_foreign_filter(struct look *look)
{
	const char	*name = wiring_name(WIRING_FILTER), *listener;

	if (wiring_has_map(look->pool, setup_check_value(look, name),
	    look->maps, "command", &listener)) {
		ADD(look, ERROR, name, "its pattern is not that of wiring A "
		    "or B", "what the pattern misses (other white space "
		    "around a verb, a line that is too long, MAIL) Postfix "
		    "executes unasked", SETUP_CHECK_FIX);
		return;
	}
	ADD(look, ERROR, name, pool_printf(look->pool, "it does not ask "
	    "socketmap:%s:command%s", look->maps, setup_check_shadow(look, name,
	    ":command")), "no command is judged: each override is one that "
	    "xcontext did not see, and its mail is refused as "
	    "\"unseen_override\"", SETUP_CHECK_FIX);
}

static void
check_filter(struct look *look)
{
	const char		*name = wiring_name(WIRING_FILTER), *listener;
	const char		*raw = postfix_get(&look->setup->pf,
				    look->service, name);
	enum wiring_filter	 filter;

	filter = wiring_filter_of(look->pool, raw, look->maps);
	check_proxy(look, name);
	if (wiring_has_map(look->pool, raw, look->maps, "command", &listener))
		check_listener(look, name, listener);
	if (filter == WIRING_FILTER_NONE || filter == WIRING_FILTER_OTHER)
		add_foreign_filter(look);
	if (filter == WIRING_FILTER_A && look->is_guarded)
		ADD(look, WARNING, name, "EHLO, HELO and MAIL are in the "
		    "pattern, as in wiring A", "everybody's mail waits while "
		    "xcontext-policy is away, as if no guard stood in front "
		    "of the tables", SETUP_CHECK_FIX);
	if (filter == WIRING_FILTER_B && !look->is_guarded)
		ADD(look, WARNING, name, "EHLO, HELO and MAIL are not in the "
		    "pattern, as in wiring B", "a greeting does not seal the "
		    "session: with seal = \"greeting\" only the override's own "
		    "lookups do", SETUP_CHECK_FIX);
}

static unsigned long
number(const struct look *look, const char *name, unsigned long without)
{
	const char	*text = setup_check_value(look, name);

	return *text == '\0' ? without : strtoul(text, NULL, 10);
}

/* What a smtpd reads in a line must fit into a question. */
static void
check_length(struct look *look)
{
	unsigned long	 line = number(look, "line_length_limit", 2048);
	unsigned long	 query = number(look, "socketmap_max_query_size",
			    10000);
	bool		 is_ours;

	if (line + 32 <= query)
		return;
	is_ours = wiring_filter_of(look->pool, postfix_get(&look->setup->pf,
	    look->service, wiring_name(WIRING_FILTER)), look->maps) !=
	    WIRING_FILTER_OTHER;
	setup_check_add(look->check, is_ours ? SETUP_CHECK_NOTE :
	    SETUP_CHECK_ERROR, setup_check_where(look, "line_length_limit"),
	    pool_printf(look->pool, "%lu octets do not fit into a question of "
	    "%lu (socketmap_max_query_size)", line, query),
	    is_ours ? "nothing, while the first rule of the command filter "
	    "refuses lines over 2048 octets" :
	    "newer Postfix takes \"not found\" for the answer and executes "
	    "the line unjudged", "set line_length_limit to 2048, or "
	    "socketmap_max_query_size to more than it");
}

void
setup_check_tables(struct look *look)
{
	check_all_maps(look);
	check_filter(look);
	check_length(look);
}
