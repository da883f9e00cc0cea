/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * trust_context: who may set which pairs of the context, and who may read it.
 * A glob never reaches a built-in name: those have to be granted letter by
 * letter.
 */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context/context_name.h"
#include "trust/trust.h"
#include "trust/trust_private.h"

#define NAME_CHARS	"abcdefghijklmnopqrstuvwxyz" \
			"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
#define PATTERN_CHARS	"*?[]!^"

static bool
is_valid(const char *text)
{
	size_t	 n = strlen(text);

	return n > 0 && n <= CONTEXT_NAME_MAX &&
	    strspn(text, NAME_CHARS PATTERN_CHARS) == n;
}

int
trust_names_parse(const struct trust_profile_def *def,
    struct trust_profile *profile, struct err *err)
{
	const char *const	*item;
	struct trust_name	*grown;

	for (item = def->xsetcontext; item != NULL && *item != NULL; item++) {
		const char	*text = *item + (**item == '!');

		if (!is_valid(text))
			return err_set_at(err, def->file,
			    def->xsetcontext_line, "xsetcontext: \"%s\" is "
			    "not valid, expected a name of at most %d of "
			    "A-Z a-z 0-9 . _ -, or a pattern such as "
			    "\"route.*\"", *item, CONTEXT_NAME_MAX);
		grown = trust_grow(profile->xsetcontext,
		    profile->n_xsetcontext, sizeof *grown);
		if (grown == NULL)
			return err_set_at(err, def->file, def->line,
			    "out of memory");
		profile->xsetcontext = grown;
		grown += profile->n_xsetcontext;
		*grown = (struct trust_name){ .is_negated = **item == '!',
		    .is_pattern = strspn(text, NAME_CHARS) != strlen(text),
		    .text = strdup(text) };
		if (grown->text == NULL)
			return err_set_at(err, def->file, def->line,
			    "out of memory");
		profile->n_xsetcontext++;
	}
	return 0;
}

void
trust_names_free(struct trust_profile *profile)
{
	size_t	 i;

	for (i = 0; i < profile->n_xsetcontext; i++)
		free(profile->xsetcontext[i].text);
	free(profile->xsetcontext);
}

static bool
name_matches(const struct trust_name *item, const char *name)
{
	if (item->is_pattern)
		return !context_name_is_builtin(name) &&
		    fnmatch(item->text, name, FNM_CASEFOLD) == 0;
	return strcasecmp(item->text, name) == 0;
}

static bool
name_is_granted(const struct trust_profile *profile, const char *name)
{
	size_t	 i;

	for (i = 0; i < profile->n_xsetcontext; i++)
		if (name_matches(&profile->xsetcontext[i], name))
			return !profile->xsetcontext[i].is_negated;
	return false;
}

static void
refuse(const struct trust_profile *profile, enum trust_command command,
    bool is_builtin, const char *text, struct verdict *verdict)
{
	trust_violation(profile, REASON_NO_GRANT, text, verdict);
	trust_rule(verdict->rule, sizeof verdict->rule, profile->file,
	    profile->grants_line[command]);
	/* What has rights by a built-in pair is no matter for a trial. */
	if (profile->report == TRUST_REPORT_EVERYTHING ||
	    (profile->report == TRUST_REPORT_ONLY && !is_builtin))
		trust_let_pass(verdict);
}

void
trust_decide_context(const struct trust *trust,
    const struct trust_speaker *speaker, const struct context_line *line,
    struct verdict *verdict)
{
	const struct trust_profile	*profile = 
	    trust_speaker_profile(trust, speaker);
	struct verdict			 one;
	char				 text[128];
	unsigned			 i, n = 0;

	if (trust_is_sealed(speaker, profile, verdict))
		return;
	for (i = 0; i < line->n; i++) {
		if (name_is_granted(profile, line->v[i].name))
			continue;
		(void)snprintf(text, sizeof text,
		    "XSETCONTEXT: %s is not granted",
		    line->v[i].name);
		refuse(profile, TRUST_XSETCONTEXT,
		    context_name_is_builtin(line->v[i].name), text, &one);
		trust_add_violation(verdict, n++, &one);
	}
	if (n == 0)
		trust_permit(profile, TRUST_XSETCONTEXT, verdict);
}

void
trust_decide_dump(const struct trust *trust,
    const struct trust_speaker *speaker, struct verdict *verdict)
{
	const struct trust_profile	*profile = 
	    trust_speaker_profile(trust, speaker);

	if (profile->xdumpcontext != TRUST_DUMP_SEALED &&
	    trust_is_sealed(speaker, profile, verdict))
		return;
	if (profile->xdumpcontext != TRUST_DUMP_NO)
		trust_permit(profile, TRUST_XDUMPCONTEXT, verdict);
	else
		refuse(profile, TRUST_XDUMPCONTEXT, false,
		    "XDUMPCONTEXT is not granted", verdict);
}
