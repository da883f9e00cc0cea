/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * advice: see advice.h.  Each attribute is asked by itself: what is mended of
 * one leaves the next refused.
 */
#include "advice.h"

#include <stdarg.h>
#include <stdio.h>

#include "output.h"
#include "trust/trust_sweep.h"

#define TEXT_SIZE	512

static void	add(json_t *list, const char *place, const char *fmt, ...)
		    __attribute__((format(printf, 3, 4)));

static void
add(json_t *list, const char *place, const char *fmt, ...)
{
	json_t	*one = output_new();
	char	 text[TEXT_SIZE];
	va_list	 ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	output_put(one, "place", output_text(place));
	output_put(one, "change", output_text(text));
	output_append(list, one);
}

/* "ADDR" is set by "addr". */
static const char *
setting(const char *name, char buf[32])
{
	size_t	 i;

	for (i = 0; name[i] != '\0' && i < 31; i++)
		buf[i] = name[i] >= 'A' && name[i] <= 'Z' ?
		    (char)(name[i] - 'A' + 'a') : name[i];
	buf[i] = '\0';
	return buf;
}

/*
 * Grants and values
 */

static void
advise_grant(json_t *list, const struct again *a, const char *rule,
    const char *item)
{
	char	 buf[32];

	add(list, rule, "add \"%s\" to %s of profile %s", item,
	    setting(trust_command_text(a->j.command), buf),
	    trust_profile_name(a->profile));
}

static void
advise_value(json_t *list, const struct again *a,
    const struct assertion_set *set, enum assertion_name name,
    const struct verdict *v)
{
	const char	*value = set->v[name].status == ASSERTION_VALUE ?
			    set->v[name].value : "[UNAVAILABLE]";
	char		 buf[32], text[ADDRESS_TEXT_SIZE];

	if (name == ASSERTION_ADDR && set->v[name].status == ASSERTION_VALUE)
		value = address_format(&set->addr, text, sizeof text);
	add(list, v->rule, "put \"%s\" into %s of profile %s, in front of "
	    "what refuses it: %s", value, setting(assertion_name_text(name),
	    buf), trust_profile_name(a->profile), v->text);
}

struct advised {
	json_t			*list;
	const struct again	*again;
};

/* An again_attribute_fn. */
static void
advise_attribute(const struct assertion_set *set, enum assertion_name name,
    const struct verdict *v, void *arg)
{
	const struct advised	*advised = arg;
	const struct again	*a = advised->again;

	if (v->reason == REASON_VALUE)
		advise_value(advised->list, a, set, name, v);
	else if (v->reason == REASON_NO_GRANT &&
	    a->j.command == TRUST_XREMOTEIP)
		add(advised->list, v->rule, "set xremoteip = yes in profile "
		    "%s", trust_profile_name(a->profile));
	else if (v->reason == REASON_NO_GRANT)
		advise_grant(advised->list, a, v->rule,
		    assertion_name_text(name));
}

static void
advise_names(json_t *list, const struct again *a)
{
	const struct trust_speaker	 speaker = { .profile = a->profile };
	struct context_line		 line, one;
	struct verdict			 v;
	struct err			 err;
	unsigned			 i;

	if (!context_line_parse(a->args, &line, &err))
		return;
	for (i = 0; i < line.n; i++) {
		one = line;
		one.v[0] = line.v[i];
		one.n = 1;
		trust_decide_context(a->conf->trust, &speaker, &one, &v);
		if (v.reason == REASON_NO_GRANT)
			advise_grant(list, a, v.rule, line.v[i].name);
	}
}

/*
 * Who has no profile at all
 */

static int
first_table(const struct table *table, const char *file, unsigned line,
    void *arg, struct err *err)
{
	json_t		*list = json_object_get(arg, "list");
	const char	*peer = output_text_at(arg, "peer");
	char		 place[192];

	(void)err;
	trust_rule(place, sizeof place, file, line);
	if (json_array_size(list) == 0)
		add(list, place, "give %s a profile, in %s", peer,
		    table_spec(table));
	return 0;
}

static void
advise_profile(json_t *list, const struct again *a)
{
	json_t		*arg = output_new();
	const char	*listener = a->peer.listener;
	struct err	 err;

	if (listener != NULL && !trust_has_listener(a->conf->trust,
	    span_of(listener)))
		listener = NULL;
	output_put(arg, "list", json_incref(list));
	output_put(arg, "peer", output_address(&a->peer.addr));
	if (trust_sweep_tables(a->conf->trust, listener, first_table, arg,
	    &err) == -1)
		ctl_cannot_tell(&err);
	if (json_array_size(list) == 0)
		add(list, "trust_maps", "name a table that gives %s a "
		    "profile", output_text_at(arg, "peer"));
	json_decref(arg);
}

json_t *
advice_by_rules(const struct again *a)
{
	json_t	*list = output_new_array();

	if (strcmp(trust_profile_name(a->profile), TRUST_STRANGER) == 0) {
		advise_profile(list, a);
		return list;
	}
	switch (a->j.command) {
	case TRUST_XCLIENT:
	case TRUST_XFORWARD:
	case TRUST_XREMOTEIP:
		again_each_attribute(a, advise_attribute,
		    &(struct advised){ list, a });
		break;
	case TRUST_XSETCONTEXT:
		advise_names(list, a);
		break;
	case TRUST_XDUMPCONTEXT:
		add(list, a->j.verdict.rule, "set xdumpcontext = %s in profile "
		    "%s", a->j.verdict.reason == REASON_SEALED ?
		    "\"sealed\"" : "yes", trust_profile_name(a->profile));
		break;
	}
	return list;
}

json_t *
advice_by_reason(const struct again *a, enum verdict_reason reason,
    const char *rule)
{
	json_t		*list = output_new_array();
	char		 peer[ADDRESS_TEXT_SIZE];
	const char	*place = rule == NULL ? "" : rule;

	switch (reason) {
	case REASON_SEALED:
		add(list, place, "the messenger has to say it before the "
		    "session is sealed; or seal = \"never\" in its profile, if "
		    "it sends mail of many clients");
		break;
	case REASON_LIMIT:
		add(list, place, "raise context_pairs or context_size in "
		    "limits, or have the messenger set less");
		break;
	case REASON_REVOKED:
		add(list, place, "xcontext unrevoke %s",
		    address_format(&a->peer.addr, peer, sizeof peer));
		break;
	case REASON_MALFORMED:
		add(list, place, "the messenger has to say it otherwise; no "
		    "rule can allow it");
		break;
	case REASON_NO_SESSION:
	case REASON_UNSEEN:
	case REASON_MISMATCH:
		add(list, place, "it is the wiring, not the rules: see "
		    "xcontext setup postfix --check");
		break;
	case REASON_CANNOT_TELL:
		add(list, place, "mend the table, or the store, that failed");
		break;
	case REASON_GRANTED:
	case REASON_NO_GRANT:
	case REASON_VALUE:
		break;
	}
	return list;
}
