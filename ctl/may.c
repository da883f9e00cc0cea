/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * may: see may.h.
 */
#include "may.h"

#include "peer.h"
#include "verb.h"

static void
add_grant(const struct trust_grant *grant, void *arg)
{
	json_t	*rows = arg, *row = output_new();

	output_put(row, "command", output_text(grant->command));
	output_put(row, "what", output_text(grant->what));
	output_put(row, "values", output_text(grant->values));
	output_put(row, "granted_at", output_text(grant->rule));
	output_put(row, "values_at", output_text(grant->values_rule));
	output_append(rows, row);
}

static json_t *
dropped(const struct trust_profile *profile)
{
	json_t	*names = output_new_array();
	int	 i;

	for (i = 0; i < ASSERTION_COUNT; i++)
		if ((trust_profile_dropped(profile) & (1U << i)) != 0)
			output_append(names, output_text(assertion_name_text(
			    (enum assertion_name)i)));
	return names;
}

/* What is for all of its commands. */
static void
put_profile(json_t *found, const struct trust_profile *profile)
{
	static const char *const	 seals[] = {
		[TRUST_SEAL_GREETING] = "greeting",
		[TRUST_SEAL_OVERRIDE] = "override",
		[TRUST_SEAL_NEVER] = "never"
	};

	output_put(found, "on_violation", output_text(verdict_action_text(
	    trust_profile_on_violation(profile))));
	output_put(found, "seal",
	    output_text(seals[trust_profile_seal(profile)]));
	output_put(found, "report_only",
	    json_boolean(trust_profile_report_only(profile)));
	output_put(found, "report_everything",
	    json_boolean(trust_profile_report(profile) ==
	    TRUST_REPORT_EVERYTHING));
	output_put(found, "always_allow",
	    json_boolean(trust_profile_always_allow(profile)));
	output_put(found, "drop", dropped(profile));
}

static void
print_trial(const json_t *found)
{
	const char	*begun;

	if (!json_is_true(json_object_get(found, "report_only")))
		return;
	begun = output_begin("trial", "");
	printf("%sWhat it may not do is reported, and passes%s.%s\n", begun,
	    json_is_true(json_object_get(found, "report_everything")) ?
	    ", whatever it is" : " unless it gives somebody rights",
	    output_end(begun));
}

static void
print_drop(const json_t *names)
{
	const json_t	*name;
	size_t		 i;

	json_array_foreach(names, i, name)
		printf("%s%s", i == 0 ? "Left out of what it says: " : ", ",
		    json_string_value(name));
	if (i > 0)
		printf(".\n");
}

static void
print_for_person(struct ctl *ctl, const json_t *found, json_t *grants)
{
	static const struct output_column	 columns[] = {
		{ "command", 0 }, { "what", 0 }, { "values", 60 },
		{ "granted_at", 0 }, { "values_at", 0 }, { NULL, 0 }
	};
	const char				*profile, *begun;

	profile = output_text_at(found, "profile");
	begun = output_begin("profile", profile);
	printf("%s is \"%s%s%s\" by %s\n", output_text_at(found, "peer"),
	    begun, profile, output_end(begun), output_text_at(found, "rule"));
	if (json_is_true(json_object_get(found, "always_allow")))
		printf("Its mail is let through, as user \"%s\".\n",
		    TRUST_ANONYMOUS);
	print_trial(found);
	print_drop(json_object_get(found, "drop"));
	if (json_array_size(grants) == 0) {
		printf("It is granted nothing.\n");
		return;
	}
	printf("Sealed by: %s; a violation: %s.\n",
	    output_text_at(found, "seal"),
	    output_text_at(found, "on_violation"));
	printf("\n");
	output_table(ctl, json_incref(grants), columns);
}

json_t *
may_make(struct ctl *ctl, const struct trust_peer *peer)
{
	const struct trust_profile	*profile;
	char				 rule[sizeof(struct verdict)];
	json_t				*found = output_new();
	json_t				*grants = output_new_array();

	profile = peer_classify(ctl, peer, rule, sizeof rule);
	trust_profile_each_grant(profile, add_grant, grants);
	output_put(found, "peer", output_address(&peer->addr));
	output_put(found, "profile", output_text(trust_profile_name(profile)));
	output_put(found, "rule", output_text(rule));
	put_profile(found, profile);
	output_put(found, "grants", grants);
	return found;
}

int
may_run(struct ctl *ctl)
{
	const struct trust_peer	 peer = peer_read(ctl, ctl->args[0]);
	json_t			*found = may_make(ctl, &peer), *grants;
	int			 status;

	grants = json_object_get(found, "grants");
	status = json_array_size(grants) > 0 ? CTL_YES : CTL_NO;
	if (ctl->is_json) {
		output_object(ctl, found);
	} else {
		print_for_person(ctl, found, grants);
		json_decref(found);
	}
	return status;
}
