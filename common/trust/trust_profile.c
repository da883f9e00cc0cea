/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * trust_profile: one named set of grants, made from its definition, and what it
 * lets pass.  All that can be found wrong is found here, while there is a line
 * to tell; from then on it is read-only.  Which values pass is in
 * trust_value.c.
 */
#include <stdlib.h>
#include <string.h>

#include "trust/trust.h"
#include "trust/trust_private.h"

#define BIT(name)	(1U << (name))
#define BITS_ALL	(BIT(ASSERTION_COUNT) - 1)

/* An attribute's name in any case, of that command; -1: none. */
static int
name_find(enum assertion_command command, const char *text)
{
	return assertion_name_find(command, span_of(text));
}

static const char *
command_names(enum assertion_command command)
{
	return command == ASSERTION_XCLIENT ?
	    "NAME ADDR PROTO HELO REVERSE_NAME PORT LOGIN DESTADDR DESTPORT" :
	    "NAME ADDR PORT PROTO HELO IDENT SOURCE";
}

static int
grants_parse(const struct trust_profile_def *def,
    enum assertion_command command, const char *const *items, unsigned line,
    unsigned *bits_r, struct err *err)
{
	const char	*setting;
	int		 name;

	setting = command == ASSERTION_XCLIENT ? "xclient" : "xforward";
	for (*bits_r = 0; items != NULL && *items != NULL; items++) {
		if (strcmp(*items, "*") == 0) {
			*bits_r = BITS_ALL;
			continue;
		}
		name = name_find(command, *items);
		if (name == -1)
			return err_set_at(err, def->file, line,
			    "%s: unknown attribute \"%s\", expected \"*\" "
			    "or one of %s", setting, *items,
			    command_names(command));
		*bits_r |= BIT(name);
	}
	return 0;
}

static int
drop_parse(const struct trust_profile_def *def, unsigned *bits_r,
    struct err *err)
{
	const char *const	*item;
	int			 name;

	*bits_r = 0;
	for (item = def->drop; item != NULL && *item != NULL; item++) {
		name = name_find(ASSERTION_XCLIENT, *item);
		if (name == -1)
			name = name_find(ASSERTION_XFORWARD, *item);
		if (name == -1)
			return err_set_at(err, def->file, def->drop_line,
			    "drop: unknown attribute \"%s\", expected one "
			    "of %s IDENT SOURCE", *item,
			    command_names(ASSERTION_XCLIENT));
		*bits_r |= BIT(name);
	}
	return 0;
}

/* What a list that is not set holds; NULL: nothing. */
static const char *const *
default_items(enum assertion_name name)
{
	static const char *const	 public[] = { "public", NULL };
	static const char *const	 any[] = { "*", NULL };

	switch (name) {
	case ASSERTION_ADDR:
		return public;
	case ASSERTION_LOGIN:
		return NULL;
	default:
		return any;
	}
}

static int
values_parse(struct trust *trust, const struct trust_profile_def *def,
    struct trust_profile *profile, struct err *err)
{
	const char *const	*items;
	int			 i;

	for (i = 0; i < ASSERTION_COUNT; i++) {
		profile->values_line[i] = def->line;
		items = def->values[i];
		if (items == NULL)
			items = default_items((enum assertion_name)i);
		else if (def->values_line[i] != 0)
			profile->values_line[i] = def->values_line[i];
		if (items == NULL)
			continue;
		profile->values[i] = trust_list_new(trust,
		    (enum assertion_name)i, items, def->file,
		    profile->values_line[i], err);
		if (profile->values[i] == NULL)
			return -1;
	}
	return 0;
}

static unsigned
line_or(unsigned line, const struct trust_profile_def *def)
{
	return line != 0 ? line : def->line;
}

/* Where each command's grant, or the lack of it, is to be found. */
static void
set_lines(const struct trust_profile_def *def, struct trust_profile *profile)
{
	int	 i;

	for (i = 0; i < TRUST_COMMAND_COUNT; i++)
		profile->grants_line[i] = def->line;
	profile->grants_line[TRUST_XCLIENT] = line_or(def->xclient_line, def);
	profile->grants_line[TRUST_XFORWARD] =
	    line_or(def->xforward_line, def);
	profile->grants_line[TRUST_XSETCONTEXT] =
	    line_or(def->xsetcontext_line, def);
}

static int
profile_fill(struct trust *trust, const struct trust_profile_def *def,
    struct trust_profile *profile, struct err *err)
{
	profile->name = strdup(def->name);
	if (def->file != NULL)
		profile->file = strdup(def->file);
	if (profile->name == NULL ||
	    (def->file != NULL && profile->file == NULL))
		return err_set_at(err, def->file, def->line, "out of memory");
	profile->line = def->line;
	set_lines(def, profile);
	profile->seal = def->seal;
	profile->on_violation = def->on_violation == VERDICT_PERMIT ?
	    VERDICT_TEMPFAIL : def->on_violation;
	profile->report = def->report_only;
	profile->xremoteip = def->xremoteip;
	profile->xdumpcontext = def->xdumpcontext;
	profile->always_allow = def->always_allow;
	profile->received = def->received;
	if (grants_parse(def, ASSERTION_XCLIENT, def->xclient,
	    def->xclient_line, &profile->grants[TRUST_XCLIENT], err) == -1 ||
	    grants_parse(def, ASSERTION_XFORWARD, def->xforward,
	    def->xforward_line, &profile->grants[TRUST_XFORWARD],
	    err) == -1 ||
	    drop_parse(def, &profile->drop, err) == -1 ||
	    trust_names_parse(def, profile, err) == -1)
		return -1;
	return values_parse(trust, def, profile, err);
}

struct trust_profile *
trust_profile_new(struct trust *trust, const struct trust_profile_def *def,
    struct err *err)
{
	struct trust_profile	*profile;

	profile = calloc(1, sizeof *profile);
	if (profile == NULL) {
		(void)err_set_at(err, def->file, def->line, "out of memory");
		return NULL;
	}
	if (profile_fill(trust, def, profile, err) == -1) {
		trust_profile_free(profile);
		return NULL;
	}
	return profile;
}

void
trust_profile_free(struct trust_profile *profile)
{
	int	 i;

	if (profile == NULL)
		return;
	for (i = 0; i < ASSERTION_COUNT; i++)
		trust_list_free(profile->values[i]);
	trust_names_free(profile);
	free(profile->name);
	free(profile->file);
	free(profile);
}

const char *
trust_profile_name(const struct trust_profile *profile)
{
	return profile->name;
}

enum trust_seal
trust_profile_seal(const struct trust_profile *profile)
{
	return profile->seal;
}

enum verdict_action
trust_profile_on_violation(const struct trust_profile *profile)
{
	return profile->on_violation;
}

enum trust_report
trust_profile_report(const struct trust_profile *profile)
{
	return profile->report;
}

bool
trust_profile_report_only(const struct trust_profile *profile)
{
	return profile->report != TRUST_REPORT_NO;
}

bool
trust_profile_may(const struct trust_profile *profile,
    enum trust_command command)
{
	switch (command) {
	/* What is tried out must be said first: an MTA that does not offer it,
	 * or refuses it by itself, hides what a rule would do. */
	case TRUST_XCLIENT:
	case TRUST_XFORWARD:
		return profile->grants[command] != 0 ||
		    profile->report != TRUST_REPORT_NO;
	case TRUST_XREMOTEIP:
		return profile->xremoteip ||
		    profile->report != TRUST_REPORT_NO;
	case TRUST_XSETCONTEXT:
		return profile->n_xsetcontext > 0;
	case TRUST_XDUMPCONTEXT:
		return profile->xdumpcontext != TRUST_DUMP_NO;
	}
	return false;
}

bool
trust_profile_may_sealed(const struct trust_profile *profile,
    enum trust_command command)
{
	return command == TRUST_XDUMPCONTEXT &&
	    profile->xdumpcontext == TRUST_DUMP_SEALED;
}

unsigned
trust_profile_attributes(const struct trust_profile *profile,
    enum trust_command command)
{
	unsigned	 bits;

	if (command != TRUST_XCLIENT && command != TRUST_XFORWARD)
		return 0;
	bits = profile->grants[command];
	if (bits == 0 && profile->report != TRUST_REPORT_NO)
		bits = profile->report == TRUST_REPORT_EVERYTHING ? BITS_ALL :
		    BITS_ALL & ~BIT(ASSERTION_LOGIN);
	return bits & ~profile->drop;
}

bool
trust_profile_may_any(const struct trust_profile *profile)
{
	int	 i;

	for (i = 0; i < TRUST_COMMAND_COUNT; i++)
		if (trust_profile_may(profile, (enum trust_command)i))
			return true;
	return profile->always_allow || profile->received > 0;
}

bool
trust_profile_always_allow(const struct trust_profile *profile)
{
	return profile->always_allow;
}

unsigned
trust_profile_received(const struct trust_profile *profile)
{
	return profile->received;
}

unsigned
trust_profile_dropped(const struct trust_profile *profile)
{
	return profile->drop;
}

void
trust_profile_drop(const struct trust_profile *profile,
    struct assertion_set *set)
{
	int	 i;

	for (i = 0; i < ASSERTION_COUNT; i++)
		if ((profile->drop & BIT(i)) != 0 &&
		    set->v[i].status != ASSERTION_ABSENT)
			assertion_set_value(set, (enum assertion_name)i,
			    ASSERTION_ABSENT, (struct span){ "", 0 });
}
