/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * wiring: see wiring.h.  t/live/ctl-setup.t compares what is written here with
 * etc/wiring-*.cf.
 */
#include "wiring.h"

#include <ctype.h>
#include <string.h>

#define BLANKS	" \t\r\n"
#define GAPS	", \t\r\n"

#define VERBS_B	"X(CLIENT|FORWARD|REMOTEIP|SETCONTEXT|DUMPCONTEXT)"
#define VERBS_A	"EHLO|HELO|MAIL|RSET|" VERBS_B

/* Each "$" is doubled, as main.cf and master.cf want it. */
#define PATTERNS(verbs)							\
	"regexp:{{/^[[:space:]]*(" verbs ")?[[:space:]].{2048}/ XREFUSED},"\
	"\n      {/^[[:space:]]*((" verbs ")([[:space:]].*)?)$$/ $$1}},"

static const char *const	 patterns[] = {
	[WIRING_A] = PATTERNS(VERBS_A),
	[WIRING_B] = PATTERNS(VERBS_B)
};

const char *
wiring_name(enum wiring_setting setting)
{
	static const char *const	 names[WIRING_SETTINGS] = {
		[WIRING_XCLIENT] = "smtpd_authorized_xclient_hosts",
		[WIRING_XFORWARD] = "smtpd_authorized_xforward_hosts",
		[WIRING_FILTER] = "smtpd_command_filter",
		[WIRING_MILTER_MAPS] = "smtpd_milter_maps",
		[WIRING_MILTERS] = "smtpd_milters",
		[WIRING_RESTRICTIONS] = "smtpd_client_restrictions",
		[WIRING_DELAY] = "smtpd_delay_reject"
	};

	return names[setting];
}

static const char *
hosts(struct pool *pool, const struct wiring *w, const char *map)
{
	if (w->kind == WIRING_A)
		return pool_printf(pool, "\n      socketmap:%s:%s", w->maps,
		    map);
	return pool_printf(pool, "\n      !cidr:{{!%s outside}},"
	    "\n      socketmap:%s:%s", w->messengers, w->maps, map);
}

/* "KEPT", with a blank in front, or nothing. */
static const char *
kept(struct pool *pool, const char *gap, const char *list)
{
	return *list == '\0' ? "" : pool_printf(pool, "%s%s", gap, list);
}

static const char *
milters(struct pool *pool, const struct wiring *w)
{
	const char	*others = kept(pool, " ", w->other_milters);

	if (w->kind == WIRING_A)
		return pool_printf(pool, "%s%s", w->milter, others);
	return pool_printf(pool, "\n      { %s, default_action=accept }%s",
	    w->milter, others);
}

static const char *
restrictions(struct pool *pool, const struct wiring *w)
{
	if (w->kind == WIRING_A)
		return pool_printf(pool, "\n      check_policy_service %s%s",
		    w->policy, kept(pool, " ", w->restrictions));
	return pool_printf(pool, "\n      check_policy_service { %s, "
	    "default_action=DUNNO }%s", w->policy, kept(pool, "\n      ",
	    w->restrictions));
}

const char *
wiring_value(struct pool *pool, const struct wiring *w,
    enum wiring_setting setting)
{
	switch (setting) {
	case WIRING_XCLIENT:
		return hosts(pool, w, "xclient");
	case WIRING_XFORWARD:
		return hosts(pool, w, "xforward");
	case WIRING_FILTER:
		return pool_printf(pool, "pipemap:{\n      %s"
		    "\n      socketmap:%s:command}", patterns[w->kind],
		    w->maps);
	case WIRING_MILTER_MAPS:
		return pool_printf(pool, "socketmap:%s:milters", w->maps);
	case WIRING_MILTERS:
		return milters(pool, w);
	case WIRING_RESTRICTIONS:
		return restrictions(pool, w);
	case WIRING_DELAY:
		return w->must_delay ? "yes" : NULL;
	}
	return NULL;
}

bool
wiring_same(const char *a, const char *b)
{
	for (;; a++, b++) {
		a += strspn(a, BLANKS);
		b += strspn(b, BLANKS);
		if (*a != *b)
			return false;
		if (*a == '\0')
			return true;
	}
}

/*
 * Reading
 */

bool
wiring_next(const char **list, struct span *element_r)
{
	const char	*p = *list + strspn(*list, GAPS), *begin = p;
	int		 level = 0;

	if (*p == '\0')
		return false;
	for (; *p != '\0'; p++) {
		if (*p == '{')
			level++;
		else if (*p == '}' && level > 0)
			level--;
		else if (level == 0 && strchr(GAPS, *p) != NULL)
			break;
	}
	*element_r = (struct span){ begin, (size_t)(p - begin) };
	*list = p;
	return true;
}

struct span
wiring_inner(struct span element)
{
	if (element.n < 2 || element.p[0] != '{')
		return element;
	element.p++;
	element.n -= 2;
	while (element.n > 0 && isspace((unsigned char)*element.p)) {
		element.p++;
		element.n--;
	}
	element.n = strcspn(element.p, ", \t\r\n}");
	return element;
}

bool
wiring_has_map(struct pool *pool, const char *value, const char *maps,
    const char *map, const char **listener_r)
{
	const char	*want = pool_printf(pool, "socketmap:%s:%s", maps, map);
	const char	*p = value;
	size_t		 n = strlen(want), len;

	while ((p = strstr(p, want)) != NULL) {
		p += n;
		len = strcspn(p, ", \t\r\n{}");
		if (len > 0 && *p != '.')
			continue;
		*listener_r = len == 0 ? "" : pool_copy(pool,
		    (struct span){ p + 1, len - 1 });
		return true;
	}
	return false;
}

enum wiring_filter
wiring_filter_of(struct pool *pool, const char *value, const char *maps)
{
	static const enum wiring_filter	 found[] = {
		[WIRING_A] = WIRING_FILTER_A,
		[WIRING_B] = WIRING_FILTER_B
	};
	const char	*listener, *want;
	int		 kind;

	if (!wiring_has_map(pool, value, maps, "command", &listener))
		return *value == '\0' ? WIRING_FILTER_NONE :
		    WIRING_FILTER_OTHER;
	for (kind = WIRING_A; kind <= WIRING_B; kind++) {
		want = pool_printf(pool, "pipemap:{%ssocketmap:%s:command%s%s}",
		    patterns[kind], maps, *listener == '\0' ? "" : ".",
		    listener);
		if (wiring_same(value, want))
			return found[kind];
	}
	return WIRING_FILTER_OTHER;
}

static const char *
append(struct pool *pool, const char *list, struct span element)
{
	return pool_printf(pool, "%s%s%.*s", list, *list == '\0' ? "" : " ",
	    (int)element.n, element.p);
}

const char *
wiring_without_milter(struct pool *pool, const char *list,
    const char *milter)
{
	const char	*left = "";
	struct span	 element;

	while (wiring_next(&list, &element))
		if (!span_eq(wiring_inner(element), milter))
			left = append(pool, left, element);
	return left;
}

const char *
wiring_without_policy(struct pool *pool, const char *list,
    const char *policy)
{
	const char	*left = "", *rest;
	struct span	 element, server;

	while (wiring_next(&list, &element)) {
		rest = list;
		if (span_eq(element, "check_policy_service") &&
		    wiring_next(&rest, &server) &&
		    span_eq(wiring_inner(server), policy))
			list = rest;
		else
			left = append(pool, left, element);
	}
	return left;
}

const char *
wiring_header_checks(struct pool *pool, const char *header)
{
	char	*name = pool_copy(pool, span_of(header)), *p;

	/* What a pattern or main.cf might take for its own stands for any
	 * byte. */
	for (p = name; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("-_", *p) == NULL)
			*p = '.';
	return pool_printf(pool, "regexp:{{/^%s[[:space:]]*:/ IGNORE}}",
	    name);
}

const char *
wiring_messengers_of(struct pool *pool, const char *value)
{
	static const char	 begin[] = "!cidr:{{!", end[] = "outside}}";
	const char		*p = strstr(value, begin);
	size_t			 n;

	if (p == NULL)
		return NULL;
	p += sizeof begin - 1;
	n = strcspn(p, BLANKS);
	if (strncmp(p + n + strspn(p + n, BLANKS), end, sizeof end - 1) != 0)
		return NULL;
	return pool_copy(pool, (struct span){ p, n });
}
