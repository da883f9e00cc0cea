/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * trust_describe: a profile's grants, told one by one for a person to read.
 *
 * Nothing is decided here: what a grant's values are worth for an address or a
 * name, trust_decide tells.
 */
#include "trust/trust.h"

#include <stdio.h>

#include "trust/assertion_rule.h"
#include "trust/trust_private.h"

/* Of one grant; longer lists are cut. */
#define VALUES_SIZE	2048
#define RULE_SIZE	192

struct told {
	const struct trust_profile	*profile;
	trust_grant_fn			*fn;
	void				*arg;
	char				 values[VALUES_SIZE];
	char				 rule[RULE_SIZE];
	char				 values_rule[RULE_SIZE];
};

static void
tell(struct told *t, enum trust_command command, const char *what,
    const char *values, bool is_dropped)
{
	const struct trust_profile	*p = t->profile;

	trust_rule(t->rule, sizeof t->rule, p->file, p->grants_line[command]);
	t->fn(&(const struct trust_grant){
	    .command = trust_command_text(command), .what = what,
	    .values = values, .is_dropped = is_dropped, .rule = t->rule,
	    .values_rule = values == NULL ? NULL : t->values_rule }, t->arg);
}

static void
tell_attribute(struct told *t, enum trust_command command, int name)
{
	const struct trust_profile	*p = t->profile;

	trust_list_text(p->values[name], t->values, sizeof t->values);
	trust_rule(t->values_rule, sizeof t->values_rule, p->file,
	    p->values_line[name]);
	tell(t, command, assertion_name_text((enum assertion_name)name),
	    t->values, (p->drop & (1U << name)) != 0);
}

static void
tell_attributes(struct told *t, enum trust_command command)
{
	int	 i;

	for (i = 0; i < ASSERTION_COUNT; i++)
		if ((t->profile->grants[command] & (1U << i)) != 0 &&
		    assertion_rule_find((enum assertion_command)command,
		    (enum assertion_name)i) != NULL)
			tell_attribute(t, command, i);
}

static void
tell_names(struct told *t)
{
	const struct trust_profile	*p = t->profile;
	size_t				 i;

	for (i = 0; i < p->n_xsetcontext; i++) {
		(void)snprintf(t->values, sizeof t->values, "%s%s",
		    p->xsetcontext[i].is_negated ? "!" : "",
		    p->xsetcontext[i].text);
		tell(t, TRUST_XSETCONTEXT, t->values, NULL, false);
	}
}

void
trust_profile_each_grant(const struct trust_profile *profile,
    trust_grant_fn *fn, void *arg)
{
	struct told	 t = { .profile = profile, .fn = fn, .arg = arg };

	tell_attributes(&t, TRUST_XCLIENT);
	tell_attributes(&t, TRUST_XFORWARD);
	if (profile->xremoteip)
		tell_attribute(&t, TRUST_XREMOTEIP, ASSERTION_ADDR);
	tell_names(&t);
	if (profile->xdumpcontext != TRUST_DUMP_NO)
		tell(&t, TRUST_XDUMPCONTEXT,
		    profile->xdumpcontext == TRUST_DUMP_SEALED ?
		    "sealed, too" : "until the seal", NULL, false);
}
